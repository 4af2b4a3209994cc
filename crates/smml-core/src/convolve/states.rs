//! Densities of states of systems put together (Eq. 46, for energies): ln g, so that 2^N states do not overflow.

use super::lattice::{Tails, check_len, common_step};
use crate::{
    energy::LnSum,
    error::{Error, Result, finite, positive},
};

/// ln g(E) of a system at energies origin, origin + step, ...; -∞ where there is no state.
#[derive(Clone, Debug, PartialEq)]
pub struct DensityOfStates {
    origin: f64,
    step: f64,
    ln_weights: Vec<f64>,
}

impl DensityOfStates {
    /// Errors: no energies, a ln g that is NaN or +∞, an origin that is not finite, a step not > 0.
    pub fn new(origin: f64, step: f64, ln_weights: Vec<f64>) -> Result<Self> {
        finite("origin", origin)?;
        positive("step", step)?;
        if ln_weights.is_empty() {
            return Err(Error::out_of_range("number of energies", 0, "at least 1"));
        }
        if let Some(i) = ln_weights.iter().position(|w| w.is_nan() || *w == f64::INFINITY) {
            return Err(Error::out_of_range(format!("ln g[{i}]"), ln_weights[i], "finite or -inf"));
        }
        Ok(DensityOfStates { origin, step, ln_weights })
    }
    /// Energy `k`.
    pub fn energy(&self, k: usize) -> f64 {
        self.origin + self.step * k as f64
    }
    /// ln g of each energy.
    pub fn ln_weights(&self) -> &[f64] {
        &self.ln_weights
    }
    /// ln Z(β) = ln Σ g(E) exp(-βE).
    pub fn ln_partition(&self, beta: f64) -> f64 {
        let mut sum = LnSum::default();
        self.ln_weights.iter().enumerate().for_each(|(k, w)| sum.add(w - beta * self.energy(k)));
        sum.ln()
    }
    /// The system A + B without interaction: g(E) = Σ_x g_A(x) g_B(E - x), every product made, relative errors kept.
    ///
    /// Errors: steps that differ; [`Error::TooLarge`] for more than 2²⁰ energies.
    pub fn combine(&self, other: &Self) -> Result<Self> {
        let step = common_step(self.step, other.step)?;
        let (a, b) = (&self.ln_weights, &other.ln_weights);
        let len = a.len() + b.len() - 1;
        check_len(len, Tails::Relative)?;
        let ln_weights: Vec<f64> = (0..len)
            .map(|k| {
                let mut sum = LnSum::default();
                for i in k.saturating_sub(b.len() - 1)..=k.min(a.len() - 1) {
                    sum.add(a[i] + b[k - i]);
                }
                sum.ln()
            })
            .collect();
        Ok(DensityOfStates { origin: self.origin + other.origin, step, ln_weights })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_input_is_refused() {
        assert!(DensityOfStates::new(0.0, 1.0, vec![]).is_err());
        assert!(DensityOfStates::new(0.0, 1.0, vec![f64::NAN]).is_err());
        let (a, b) = (DensityOfStates::new(0.0, 1.0, vec![0.0]), DensityOfStates::new(0.0, 2.0, vec![0.0]));
        assert!(a.unwrap().combine(&b.unwrap()).is_err());
    }

    /// n spins in a field: g(k) = C(n, k). Systems together: C(n + m, k), and ln Z adds.
    #[test]
    fn densities_of_states_convolve() {
        let spins = |n: u32| {
            let mut row = vec![0.0f64];
            for i in 0..n {
                row.push(row[row.len() - 1] + (f64::from(n - i) / f64::from(i + 1)).ln());
            }
            DensityOfStates::new(-f64::from(n), 2.0, row).unwrap()
        };
        let (a, b, both) = (spins(1200), spins(700), spins(1900));
        let sum = a.combine(&b).unwrap();
        assert_eq!(sum.energy(0), -1900.0);
        for (x, y) in sum.ln_weights().iter().zip(both.ln_weights()) {
            assert!((x - y).abs() < 1e-11 * (1.0 + y.abs()));
        }
        for beta in [0.0, 0.3, -1.2] {
            let expected = 1900.0 * (2.0 * f64::cosh(beta)).ln();
            assert!((sum.ln_partition(beta) - expected).abs() < 1e-10 * expected);
            assert!((sum.ln_partition(beta) - a.ln_partition(beta) - b.ln_partition(beta)).abs() < 1e-9);
        }
    }
}
