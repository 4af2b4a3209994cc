//! What a run says: every temperature by itself, the ladder, and thermodynamics from all temperatures together.

use super::run::ParallelTempering;
use serde::{Deserialize, Serialize};
use smml_core::{
    Estimate,
    diagnose::{Equilibration, equilibration},
    error::Result,
    estimate::Source,
    free_energy::{Binning, EnergyLevel, Mbar, MultiHistogram, inefficiency},
    parallel::Par,
};

/// One temperature. Its series are what was on the rung, whichever replica that was: a replica that wanders through
/// the ladder samples no distribution, so R̂ between replicas would mean nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RungReport {
    /// Inverse temperature.
    pub beta: f64,
    /// ⟨E⟩ from the samples of this rung alone, with its autocorrelation time in samples.
    pub energy: Estimate,
    /// Whether the energies on this rung stand still.
    pub equilibration: Equilibration,
    /// Acceptance of swaps with the next rung; none for the last one.
    pub acceptance: Option<f64>,
    /// Fraction of replicas here that were last at the first rung.
    pub flow: Option<f64>,
}

/// The ladder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TemperingReport {
    /// Every temperature.
    pub rungs: Vec<RungReport>,
    /// Round trips (first rung, last, first) of all replicas while sampling.
    pub round_trips: u64,
    /// Replicas that made none.
    pub replicas_without: usize,
    /// Steps that a replica needs for one, on average; none when there was none.
    pub steps_per_round_trip: Option<f64>,
}

/// Thermodynamics of one temperature from the samples of all.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Thermodynamics {
    /// Inverse temperature.
    pub beta: f64,
    /// ln Z.
    pub ln_z: Estimate,
    /// F = -ln Z / β; none at β = 0.
    pub free_energy: Option<Estimate>,
    /// ⟨E⟩.
    pub energy: Estimate,
    /// S = ln Z + β ⟨E⟩.
    pub entropy: Estimate,
    /// C = β² (⟨E²⟩ - ⟨E⟩²).
    pub heat_capacity: Estimate,
}

impl<K, S> ParallelTempering<K, S> {
    /// Every temperature by itself, and the ladder, from the samples so far.
    ///
    /// Errors: too few samples for an error bar or a verdict on some rung.
    pub fn report(&self) -> Result<TemperingReport> {
        let acceptances = self.acceptances();
        let flow = self.flow();
        let rung = |r: usize| -> Result<RungReport> {
            let series = self.energies().column(r);
            Ok(RungReport {
                beta: self.betas()[r],
                energy: Estimate::from_chain(&series)?,
                equilibration: equilibration(&series)?,
                acceptance: acceptances.get(r).copied().flatten(),
                flow: flow[r],
            })
        };
        let n = self.betas().len();
        let trips: u64 = self.round_trips().iter().sum();
        let steps = self.n_steps().saturating_sub(self.plan().before_samples());
        Ok(TemperingReport {
            rungs: (0..n).map(rung).collect::<Result<_>>()?,
            round_trips: trips,
            replicas_without: self.round_trips().iter().filter(|t| **t == 0).count(),
            steps_per_round_trip: (trips > 0).then(|| steps as f64 * n as f64 / trips as f64),
        })
    }

    /// The energies of all samples, rung by rung, as [`Mbar`] wants them, and the inefficiencies of the rungs.
    fn samples(&self) -> Result<(Vec<f64>, Vec<f64>)> {
        let columns: Vec<Vec<f64>> = (0..self.betas().len()).map(|r| self.energies().column(r)).collect();
        let g = columns.iter().map(|c| inefficiency(c)).collect::<Result<_>>()?;
        Ok((columns.concat(), g))
    }

    /// The multistate Bennett acceptance ratio over the ladder, for averages of whatever else was recorded at the
    /// samples (rung by rung).
    ///
    /// Samples of different rungs count as independent. They are not quite, since replicas wander; their
    /// autocorrelation times on each rung, which do count, contain most of that.
    ///
    /// Errors: too few samples, rungs that do not overlap.
    pub fn mbar(&self, par: Par) -> Result<Mbar> {
        let (energies, g) = self.samples()?;
        let reduced: Vec<Vec<f64>> =
            self.betas().iter().map(|b| energies.iter().map(|e| b * e).collect()).collect();
        Mbar::with_inefficiency(&reduced, &vec![self.energies().len(); g.len()], &g, par)
    }

    /// ln Z, F, ⟨E⟩, S and C of every rung from all samples ([`ParallelTempering::mbar`]), with `ln_z_first` the ln Z
    /// of the first rung: the logarithm of the number of states where its β is 0, else any constant, which F and S
    /// then lack.
    ///
    /// Errors of S know that ln Z and ⟨E⟩ are correlated: ⟨E⟩ = -∂ ln Z / ∂β by a symmetric difference of 10⁻³ / σ_E,
    /// whose part in the error is below 10⁻⁶.
    ///
    /// Memory: three states for every rung, so 72 bytes for every sample of every rung, times the number of rungs.
    ///
    /// Errors: as [`ParallelTempering::mbar`].
    pub fn thermodynamics(&self, ln_z_first: f64, par: Par) -> Result<Vec<Thermodynamics>> {
        smml_core::error::finite("ln Z of the first rung", ln_z_first)?;
        let (energies, g) = self.samples()?;
        let (n, k) = (self.energies().len(), g.len());
        let deltas: Vec<f64> = energies
            .chunks(n)
            .map(|rung| {
                let mean = rung.iter().sum::<f64>() / n as f64;
                let sigma = (rung.iter().map(|e| (e - mean).powi(2)).sum::<f64>() / n as f64).sqrt();
                if sigma > 0.0 { 1e-3 / sigma } else { 1e-3 }
            })
            .collect();
        let beta = |r: usize| self.betas()[r];
        let states: Vec<f64> = (0..k)
            .map(beta)
            .chain((0..k).map(|r| beta(r) + deltas[r]))
            .chain((0..k).map(|r| beta(r) - deltas[r]))
            .collect();
        let reduced: Vec<Vec<f64>> =
            states.iter().map(|b| energies.iter().map(|e| b * e).collect()).collect();
        let counts: Vec<usize> = (0..3 * k).map(|s| if s < k { n } else { 0 }).collect();
        let inefficiencies: Vec<f64> = (0..3 * k).map(|s| g.get(s).copied().unwrap_or(1.0)).collect();
        let mbar = Mbar::with_inefficiency(&reduced, &counts, &inefficiencies, par)?;
        let covariance = mbar.covariance();
        (0..k)
            .map(|r| {
                let ln_z = mbar.difference(0, r)?.affine(ln_z_first, -1.0);
                let energy = mbar.expectation(r, &energies)?;
                // The mean is where the variance is least, so its own error does not matter to first order.
                let squares: Vec<f64> = energies.iter().map(|e| (e - energy.value).powi(2)).collect();
                let slope = beta(r) / (2.0 * deltas[r]);
                let terms = [(r, -1.0), (k + r, slope), (2 * k + r, -slope)];
                let variance: f64 = terms
                    .iter()
                    .flat_map(|a| terms.iter().map(move |b| (a, b)))
                    .map(|(a, b)| a.1 * b.1 * covariance[a.0][b.0])
                    .sum();
                let n_eff = mbar.n_eff(r)?;
                let value = ln_z.value + beta(r) * energy.value;
                let raw = variance.max(0.0).sqrt();
                Ok(Thermodynamics {
                    beta: beta(r),
                    ln_z,
                    free_energy: (beta(r) != 0.0).then(|| ln_z.affine(0.0, -1.0 / beta(r))),
                    energy,
                    entropy: Estimate::with_dof(value, raw, n_eff - 1.0, n_eff, Source::Population),
                    heat_capacity: mbar.expectation(r, &squares)?.affine(0.0, beta(r) * beta(r)),
                })
            })
            .collect()
    }

    /// ln g(E), from all samples by multi-histogram reweighting, normalised so that the ln Z of the first rung is
    /// `ln_z_first`.
    ///
    /// Errors: too few samples, rungs that do not overlap, a bin width that is not positive.
    pub fn density(&self, ln_z_first: f64, levels: Binning, par: Par) -> Result<Vec<EnergyLevel>> {
        let runs: Vec<Vec<f64>> = (0..self.betas().len()).map(|r| self.energies().column(r)).collect();
        MultiHistogram::new(self.betas(), &runs, levels, par)?.density(self.betas()[0], ln_z_first)
    }
}
