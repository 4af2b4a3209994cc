//! Averages over samples of the disorder.

use super::{correlation_length, link_overlap, structure_factors};
use crate::{ising::Ising, lattice::Lattice};
use smml_core::{
    Estimate,
    energy::Energy,
    error::{Error, Result, same_length},
    estimate::Source,
};

/// Thermal averages of one sample.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SampleMeans {
    /// ⟨E⟩ / N, mean of both replicas.
    pub energy: f64,
    /// ⟨m²⟩, mean of both replicas.
    pub m2: f64,
    /// ⟨q²⟩
    pub q2: f64,
    /// ⟨q⁴⟩
    pub q4: f64,
    /// ⟨q_l⟩
    pub link: f64,
    /// ⟨χ_SG(k)⟩ at k = 2π/L; 0 where no lattice was given.
    pub chi_k: f64,
}

/// Gathers the thermal averages of one sample from states of two replicas.
#[derive(Clone, Debug)]
pub struct Measurement<'a> {
    ising: &'a Ising,
    lattice: Option<&'a Lattice>,
    sums: SampleMeans,
    n: usize,
}

impl<'a> Measurement<'a> {
    /// For a sample, and the lattice that its spins lie on where the correlation length is wanted.
    ///
    /// Errors: a lattice of another number of sites; the first measurement shows whether it has structure factors.
    pub fn new(ising: &'a Ising, lattice: Option<&'a Lattice>) -> Result<Self> {
        if let Some(lattice) = lattice {
            same_length("lattice", lattice.n_sites(), ising.n_spins())?;
        }
        Ok(Measurement { ising, lattice, sums: SampleMeans::default(), n: 0 })
    }
    /// Measures both replicas. Errors: a wrong number of spins, no couplings, a lattice without structure factors.
    pub fn add(&mut self, a: &Vec<i8>, b: &Vec<i8>) -> Result<()> {
        let link = link_overlap(self.ising.couplings(), a, b)?;
        let products: Vec<i8> = a.iter().zip(b).map(|(x, y)| x * y).collect();
        let n = a.len() as f64;
        let square = |x: &[i8]| (x.iter().map(|&x| i64::from(x)).sum::<i64>() as f64 / n).powi(2);
        let chi_k = match self.lattice {
            Some(lattice) => structure_factors(lattice, &products)?[1],
            None => 0.0,
        };
        let q2 = square(&products);
        self.sums.energy += 0.5 * (self.ising.energy(a) + self.ising.energy(b)) / n;
        self.sums.m2 += 0.5 * (square(a) + square(b));
        self.sums.q2 += q2;
        self.sums.q4 += q2 * q2;
        self.sums.link += link;
        self.sums.chi_k += chi_k;
        self.n += 1;
        Ok(())
    }
    /// The averages so far. Errors: none were measured.
    pub fn means(&self) -> Result<SampleMeans> {
        if self.n == 0 {
            return Err(Error::TooShort { have: 0, needed: 1 });
        }
        let mean = |sum: f64| sum / self.n as f64;
        let s = &self.sums;
        Ok(SampleMeans {
            energy: mean(s.energy),
            m2: mean(s.m2),
            q2: mean(s.q2),
            q4: mean(s.q4),
            link: mean(s.link),
            chi_k: mean(s.chi_k),
        })
    }
}

/// Averages over samples, \[⟨...⟩\], with errors from the spread between samples.
#[derive(Clone, Debug, PartialEq)]
pub struct Averages {
    /// \[⟨E⟩\] / N
    pub energy: Estimate,
    /// \[⟨m²⟩\]
    pub m2: Estimate,
    /// \[⟨q²⟩\]
    pub q2: Estimate,
    /// The spin-glass susceptibility χ_SG = N \[⟨q²⟩\].
    pub susceptibility: Estimate,
    /// The Binder ratio g = (3 - \[⟨q⁴⟩\] / \[⟨q²⟩\]²) / 2: 0 for normal fluctuations, 1 for one pair of states.
    pub binder: Estimate,
    /// The link overlap \[⟨q_l⟩\].
    pub link: Estimate,
    /// ξ from N \[⟨q²⟩\] and \[⟨χ_SG(2π/L)⟩\] ([`correlation_length`]).
    pub correlation_length: Option<Estimate>,
}

/// Averages of samples of `n_spins` spins that are drawn independently; `side` is L where the correlation length is wanted.
/// Ratios by the jackknife over samples.
///
/// Errors: fewer than ten samples, values that are not finite, no overlap in any sample, and what
/// [`correlation_length`] refuses.
pub fn averages(samples: &[SampleMeans], n_spins: usize, side: Option<usize>) -> Result<Averages> {
    const LEAST: usize = 10;
    if samples.len() < LEAST {
        return Err(Error::TooShort { have: samples.len(), needed: LEAST });
    }
    let mean = |pick: fn(&SampleMeans) -> f64| {
        Estimate::from_independent(&samples.iter().map(pick).collect::<Vec<f64>>())
    };
    let n = n_spins as f64;
    let q2 = mean(|s| s.q2)?;
    let ratio = |m: &SampleMeans| Ok(0.5 * (3.0 - m.q4 / (m.q2 * m.q2)));
    Ok(Averages {
        energy: mean(|s| s.energy)?,
        m2: mean(|s| s.m2)?,
        q2,
        susceptibility: q2.affine(0.0, n),
        binder: leave_one_out("the Binder ratio", samples, ratio)?,
        link: mean(|s| s.link)?,
        correlation_length: match side {
            None => None,
            Some(side) => Some(leave_one_out("the correlation length", samples, |m| {
                correlation_length(n * m.q2, m.chi_k, side)
            })?),
        },
    })
}

/// A function of means over samples: bias to first order removed, error from leaving out one sample at a time.
fn leave_one_out(
    what: &str,
    samples: &[SampleMeans],
    f: impl Fn(&SampleMeans) -> Result<f64>,
) -> Result<Estimate> {
    let n = samples.len() as f64;
    let sum = |pick: fn(&SampleMeans) -> f64| samples.iter().map(pick).sum::<f64>();
    let (q2, q4, chi_k) = (sum(|s| s.q2), sum(|s| s.q4), sum(|s| s.chi_k));
    let of = |q2: f64, q4: f64, chi_k: f64, n: f64| {
        f(&SampleMeans { q2: q2 / n, q4: q4 / n, chi_k: chi_k / n, ..SampleMeans::default() })
    };
    let value = of(q2, q4, chi_k, n)?;
    let left_out = samples
        .iter()
        .map(|s| of(q2 - s.q2, q4 - s.q4, chi_k - s.chi_k, n - 1.0))
        .collect::<Result<Vec<f64>>>()?;
    let centre = left_out.iter().sum::<f64>() / n;
    let variance = left_out.iter().map(|x| (x - centre).powi(2)).sum::<f64>() * (n - 1.0) / n;
    if !(value.is_finite() && variance.is_finite()) {
        return Err(Error::Undefined { what: what.into(), why: format!("it comes out as {value}") });
    }
    let source = if variance == 0.0 { Source::Constant } else { Source::Independent };
    Ok(Estimate::with_dof(value - (n - 1.0) * (centre - value), variance.sqrt(), n - 1.0, n, source))
}
