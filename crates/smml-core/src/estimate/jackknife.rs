//! Errors of derived quantities (a specific heat, a Binder cumulant) from correlated series.

use super::{Estimate, Source, autocorrelation, combined};
use crate::error::{Error, Result, same_length};

/// Blocks aimed at; more would not improve the error of the error by much, and cost evaluations of the function.
const BLOCKS: usize = 100;
/// Fewer blocks than this give no error bar.
pub(crate) const MIN_BLOCKS: usize = 10;
/// Blocks are this many autocorrelation times long where there are enough samples for [`SHORT_SERIES_BLOCKS`] of them.
const BLOCK_TAU: f64 = 10.0;
/// Blocks that long ones are shortened for, down to [`MIN_BLOCK_TAU`].
const SHORT_SERIES_BLOCKS: usize = 20;
/// Blocks are at least this many autocorrelation times long.
const MIN_BLOCK_TAU: f64 = 5.0;

/// A function of means of simultaneous series, `f(⟨a⟩, ⟨b⟩, ...)`, by the block jackknife: bias removed to first
/// order, error from leaving out one block at a time. Blocks are ten autocorrelation times of the slowest series
/// long, five where samples are few; all samples are used, so lengths may differ by one (F. M. T. A. Busing, E. Meijer and R. van der Leeden,
/// Stat. Comput. 9, 3 (1999)). That blocks touch makes the variance low by about τ_int over their length, which is put back.
///
/// Errors: series of different lengths, [`Error::TooShort`] for fewer than ten blocks, and [`Error::Undefined`] when
/// `f`, or the spread of what it gives, is not finite, or when a mean is so large that an f64 does not show what leaving
/// out a block changes.
pub fn jackknife(columns: &[&[f64]], f: impl Fn(&[f64]) -> f64) -> Result<Estimate> {
    jackknife_chains(&[columns], f)
}

/// [`jackknife`] over several chains: `chains[c][k]` is series `k` of chain `c`. Blocks do not cross chains; a chain
/// shorter than a block is one block.
pub fn jackknife_chains(chains: &[&[&[f64]]], f: impl Fn(&[f64]) -> f64) -> Result<Estimate> {
    let n_columns = chains.first().map_or(0, |c| c.len());
    let n: usize = chains.iter().map(|c| c.first().map_or(0, |s| s.len())).sum();
    if n_columns == 0 || n == 0 {
        return Err(Error::TooShort { have: 0, needed: MIN_BLOCKS });
    }
    let mut tau: f64 = 0.5;
    // Largest mean and standard deviation of each column in any chain.
    let mut sizes = vec![[0.0f64; 2]; n_columns];
    for chain in chains {
        same_length("columns of a chain", chain.len(), n_columns)?;
        for (column, size) in chain.iter().zip(&mut sizes) {
            same_length("series", column.len(), chain[0].len())?;
            let a = autocorrelation(column)?;
            tau = tau.max(a.tau_int);
            *size = [size[0].max(a.mean.abs()), size[1].max(a.variance.sqrt())];
        }
    }
    let blocks = Blocks::new(chains.iter().map(|c| c[0].len()), tau)?;
    // Leaving out one of b blocks moves a mean by about σ/√(n b).
    let shown = (n as f64 * blocks.ranges.len() as f64).sqrt();
    if let Some(k) = sizes.iter().position(|[m, s]| *s > 0.0 && s / shown < 4.0 * f64::EPSILON * m) {
        return Err(Error::Undefined {
            what: "the derived quantity".into(),
            why: format!(
                "series {k} has mean {:e} and standard deviation {:e}, and leaving out a block is lost in rounding: \
                 subtract a constant from it",
                sizes[k][0], sizes[k][1]
            ),
        });
    }
    // Relative to the first sample, so that a large common offset costs no digits.
    let origin: Vec<f64> = chains[0].iter().map(|column| column[0]).collect();
    let sums: Vec<Vec<f64>> = blocks
        .ranges
        .iter()
        .map(|(c, range)| {
            let columns = chains[*c].iter().zip(&origin);
            columns.map(|(column, o)| column[range.clone()].iter().map(|x| x - o).sum()).collect()
        })
        .collect();
    let total: Vec<f64> = (0..n_columns).map(|k| sums.iter().map(|block| block[k]).sum()).collect();
    let mut means = vec![0.0; n_columns];
    let mut at = |out: Option<usize>| {
        let left = n - out.map_or(0, |b| blocks.ranges[b].1.len());
        for k in 0..n_columns {
            means[k] = origin[k] + (total[k] - out.map_or(0.0, |b| sums[b][k])) / left as f64;
        }
        f(&means)
    };
    let value = at(None);
    let left_out: Vec<f64> = (0..sums.len()).map(|b| at(Some(b))).collect();
    blocks.estimate("the derived quantity", value, &left_out)
}

/// Blocks of one or several chains, for leaving out one at a time.
pub(crate) struct Blocks {
    /// Chain and samples of each block.
    pub(crate) ranges: Vec<(usize, std::ops::Range<usize>)>,
    n: usize,
    tau: f64,
    /// One over the part of the variance that blocks which touch still show.
    edges: f64,
}

impl Blocks {
    /// For chains of these lengths, whose slowest autocorrelation time is `tau`.
    pub(crate) fn new(lengths: impl Iterator<Item = usize> + Clone, tau: f64) -> Result<Self> {
        let n: usize = lengths.clone().sum();
        // Blocks of independent samples may be single samples.
        let memory = |times: f64| if tau <= 0.55 { 1 } else { (times * tau).ceil() as usize };
        let least = memory(MIN_BLOCK_TAU);
        let memory = memory(BLOCK_TAU).min((n / SHORT_SERIES_BLOCKS).max(least));
        let length = memory.max(n / BLOCKS).max(1);
        let mut ranges = Vec::new();
        for (c, chain) in lengths.clone().enumerate().filter(|(_, chain)| *chain > 0) {
            let count = (chain / length).max(1);
            ranges.extend((0..count).map(|b| (c, start(b, chain, count)..start(b + 1, chain, count))));
        }
        if ranges.len() < MIN_BLOCKS {
            return Err(Error::TooShort { have: n, needed: least * MIN_BLOCKS });
        }
        let mean_length = n as f64 / ranges.len() as f64;
        let edges = edge_correction(tau, mean_length.max(memory as f64));
        Ok(Blocks { ranges, n, tau, edges })
    }

    /// The estimate from the value for all data and those with one block left out.
    ///
    /// With hⱼ = n/mⱼ for blocks of mⱼ samples and dⱼ = (hⱼ - 1)(θ - θ₋ⱼ): θ + Σ dⱼ/hⱼ, and the variance
    /// (1/b) Σ (dⱼ - Σ dᵢ/hᵢ)² / (hⱼ - 1).
    pub(crate) fn estimate(&self, what: &str, value: f64, left_out: &[f64]) -> Result<Estimate> {
        let undefined = |why: String| Error::Undefined { what: what.into(), why };
        if !value.is_finite() || left_out.iter().any(|v| !v.is_finite()) {
            return Err(undefined(format!(
                "it comes out as {value}, or is not finite when a block is left out"
            )));
        }
        let h = |b: usize| self.n as f64 / self.ranges[b].1.len() as f64;
        let d: Vec<f64> = left_out.iter().enumerate().map(|(b, v)| (h(b) - 1.0) * (value - v)).collect();
        let bias: f64 = d.iter().enumerate().map(|(b, d)| d / h(b)).sum();
        // In units of the largest, whose square an f64 may not hold.
        let largest = d.iter().fold(0.0f64, |m, d| m.max((d - bias).abs()));
        let count = d.len() as f64;
        let mut raw_error = 0.0;
        if largest > 0.0 {
            let terms = d.iter().enumerate().map(|(b, d)| ((d - bias) / largest).powi(2) / (h(b) - 1.0));
            raw_error = largest * (self.edges * terms.sum::<f64>() / count).sqrt();
        }
        let n_eff = self.n as f64 / (2.0 * self.tau);
        let source = if raw_error == 0.0 { Source::Constant } else { Source::Chain };
        let e = Estimate::with_dof(value + bias, raw_error, count - 1.0, n_eff, source);
        if !(e.value.is_finite() && e.std_error.is_finite()) {
            return Err(undefined("its spread over the blocks exceeds the largest f64".into()));
        }
        Ok(Estimate { tau_int: self.tau, ..e })
    }
}

/// What the variance between blocks of `length` samples is multiplied by to be that of independent blocks. The mean of
/// L samples with exponential autocorrelations has the variance 2 τ σ²/L (1 - (τ - 1/4τ)/L), so this is
/// 1 / (1 - (τ - 1/4τ)/L), for blocks longer than τ.
pub fn edge_correction(tau: f64, length: f64) -> f64 {
    1.0 / (1.0 - (tau - 0.25 / tau).max(0.0) / length)
}

/// One independent group of chains, as [`jackknife_groups`] needs it: the quantity with one block of the group left out,
/// all other groups being whole. Chains that are correlated (replicas of a tempering run, say) are one group, from which
/// the same stretch of time is left out in all of them together.
#[derive(Clone, Debug, PartialEq)]
pub struct LeftOut {
    /// The quantity without each block of the group in turn.
    pub values: Vec<f64>,
    /// Samples of a chain of the group, in time: those of all its blocks.
    pub n: usize,
    /// The slowest autocorrelation time in the group, in samples, at least ½.
    pub tau: f64,
}

/// A quantity that depends on several independent groups of chains, by the block jackknife. With b blocks of equal length
/// in a group and θ₋ⱼ the quantity without block j: the bias Σ over groups of (b - 1)(mean of θ₋ⱼ - θ) is taken off, the
/// variance is Σ over groups of (b - 1)/b Σⱼ (θ₋ⱼ - mean)², each corrected for blocks that touch ([`edge_correction`]), and
/// degrees of freedom are by Welch and Satterthwaite. `n_eff` is Σ n / 2τ over the groups and `tau_int` the time that
/// belongs to it.
///
/// Errors: no groups; [`Error::TooShort`] for a group of fewer than ten blocks or with blocks shorter than τ; τ below ½ or
/// not finite; [`Error::Undefined`] for values that are not finite.
///
/// ```
/// use smml_core::estimate::{LeftOut, jackknife_groups};
/// // The mean of 1, ..., 20 less that of twenty zeros: the jackknife of a mean is s/√n.
/// let without = |x: f64| (210.0 - x) / 19.0;
/// let first = LeftOut { values: (1..=20).map(|k| without(f64::from(k))).collect(), n: 20, tau: 0.5 };
/// let second = LeftOut { values: vec![10.5; 20], n: 20, tau: 0.5 };
/// let found = jackknife_groups("a difference", 10.5, &[first, second])?;
/// assert!((found.value - 10.5).abs() < 1e-12 && (found.raw_error() - 1.75f64.sqrt()).abs() < 1e-12);
/// assert_eq!((found.n_eff, found.tau_int), (40.0, 0.5));
/// # Ok::<(), smml_core::Error>(())
/// ```
pub fn jackknife_groups(what: &str, value: f64, groups: &[LeftOut]) -> Result<Estimate> {
    if groups.is_empty() {
        return Err(Error::TooShort { have: 0, needed: 1 });
    }
    let (mut bias, mut n_eff, mut n) = (0.0, 0.0, 0.0);
    let mut parts = Vec::with_capacity(groups.len());
    for group in groups {
        let b = group.values.len();
        if b < MIN_BLOCKS {
            return Err(Error::TooShort { have: b, needed: MIN_BLOCKS });
        }
        if !(group.tau >= 0.5 && group.tau.is_finite()) {
            return Err(Error::out_of_range(
                "autocorrelation time of a group",
                group.tau,
                "at least ½, finite",
            ));
        }
        let (count, samples) = (b as f64, group.n as f64);
        if !(samples >= count && samples > count * group.tau) {
            let needed = (count * group.tau).ceil() as usize + 1;
            return Err(Error::TooShort { have: group.n, needed: needed.max(b) });
        }
        // Relative to the whole, so that a large common offset costs no digits.
        let shift = group.values.iter().map(|v| v - value).sum::<f64>() / count;
        let squares: f64 = group.values.iter().map(|v| (v - value - shift).powi(2)).sum();
        let variance = edge_correction(group.tau, samples / count) * squares * (count - 1.0) / count;
        bias += (count - 1.0) * shift;
        parts.push((variance.sqrt(), count - 1.0));
        n_eff += samples / (2.0 * group.tau);
        n += samples;
    }
    let (raw_error, dof) = combined(parts.iter().copied());
    if !((value - bias).is_finite() && raw_error.is_finite()) {
        return Err(Error::Undefined {
            what: what.into(),
            why: format!("it comes out as {value}, or is not finite when a block is left out"),
        });
    }
    let source = if raw_error == 0.0 { Source::Constant } else { Source::Chain };
    let joint = Estimate::with_dof(value - bias, raw_error, dof, n_eff, source);
    Ok(Estimate { tau_int: n / (2.0 * n_eff), ..joint })
}

/// First sample of block `b` of `count` blocks whose lengths differ by at most one.
pub(crate) fn start(b: usize, length: usize, count: usize) -> usize {
    (b as u128 * length as u128 / count as u128) as usize
}
