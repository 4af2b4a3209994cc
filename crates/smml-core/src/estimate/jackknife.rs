//! Errors of derived quantities (a specific heat, a Binder cumulant) from correlated series.

use super::{Estimate, Source, autocorrelation, student_factor};
use crate::error::{Error, Result, same_length};

/// Blocks aimed at; more would not improve the error of the error by much, and cost evaluations of the function.
const BLOCKS: usize = 100;
/// Fewer blocks than this give no error bar.
const MIN_BLOCKS: usize = 10;
/// Blocks are at least this many autocorrelation times long.
const BLOCK_TAU: f64 = 10.0;

/// A function of means of simultaneous series, `f(⟨a⟩, ⟨b⟩, ...)`, by the block jackknife: bias removed to first
/// order, error from leaving out one block at a time. Blocks are at least ten autocorrelation times of the slowest
/// series long.
///
/// Errors: series of different lengths, [`Error::TooShort`] for fewer than ten blocks, and [`Error::Undefined`] when
/// `f` is not finite.
pub fn jackknife(columns: &[&[f64]], f: impl Fn(&[f64]) -> f64) -> Result<Estimate> {
    jackknife_chains(&[columns], f)
}

/// [`jackknife`] over several chains: `chains[c][k]` is series `k` of chain `c`. Blocks do not cross chains.
pub fn jackknife_chains(chains: &[&[&[f64]]], f: impl Fn(&[f64]) -> f64) -> Result<Estimate> {
    let n_columns = chains.first().map_or(0, |c| c.len());
    let n: usize = chains.iter().map(|c| c.first().map_or(0, |s| s.len())).sum();
    if n_columns == 0 || n == 0 {
        return Err(Error::TooShort { have: 0, needed: MIN_BLOCKS });
    }
    let mut tau: f64 = 0.5;
    let mut constant = true;
    for chain in chains {
        same_length("columns of a chain", chain.len(), n_columns)?;
        for column in *chain {
            same_length("series", column.len(), chain[0].len())?;
            let a = autocorrelation(column)?;
            tau = tau.max(a.tau_int);
            constant &= a.variance == 0.0;
        }
    }
    // Blocks of independent samples may be single samples.
    let memory = if tau <= 0.55 { 1 } else { (BLOCK_TAU * tau).ceil() as usize };
    let length = memory.max(n / BLOCKS).max(1);
    // Sums of each block, and of everything that is in a block.
    let mut blocks: Vec<Vec<f64>> = Vec::new();
    for chain in chains {
        for start in (0..chain[0].len() / length).map(|b| b * length) {
            blocks.push(chain.iter().map(|column| column[start..start + length].iter().sum()).collect());
        }
    }
    let b = blocks.len();
    if b < MIN_BLOCKS {
        return Err(Error::TooShort { have: n, needed: memory * MIN_BLOCKS * chains.len() });
    }
    let total: Vec<f64> = (0..n_columns).map(|k| blocks.iter().map(|block| block[k]).sum()).collect();
    let all = (b * length) as f64;
    let value = f(&total.iter().map(|t| t / all).collect::<Vec<f64>>());
    let left = all - length as f64;
    let mut means = vec![0.0; n_columns];
    let leave_one_out: Vec<f64> = blocks
        .iter()
        .map(|block| {
            for k in 0..n_columns {
                means[k] = (total[k] - block[k]) / left;
            }
            f(&means)
        })
        .collect();
    if !value.is_finite() || leave_one_out.iter().any(|v| !v.is_finite()) {
        return Err(Error::Undefined {
            what: "the derived quantity".into(),
            why: format!(
                "the function of the means gives {value}, or is not finite when a block is left out"
            ),
        });
    }
    let count = b as f64;
    let mean = leave_one_out.iter().sum::<f64>() / count;
    let spread: f64 = leave_one_out.iter().map(|v| (v - mean).powi(2)).sum();
    let source = if constant { Source::Constant } else { Source::Chain };
    Ok(Estimate {
        value: count * value - (count - 1.0) * mean,
        std_error: student_factor(count - 1.0) * ((count - 1.0) / count * spread).sqrt(),
        tau_int: tau,
        n_eff: n as f64 / (2.0 * tau),
        dof: count - 1.0,
        source,
    })
}
