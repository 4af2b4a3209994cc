//! A machine as a physical system: energy, specific heat, the overlap of replicas, and at which temperature its samples are.
//!
//! Every temperature has 64 replicas that share nothing. They are cooled from random states to β during the burn-in, and errors
//! come from the spread between replicas, so that time between measurements costs nothing but work. Replicas that were cooled too
//! fast show by [`Thermal::r_hat`] above 1.01 and a [`Thermal::sampled_beta`] that differs from β.
//! Small machines are known exactly: [`smml_physics::ising::exact::averages`] of [`BoltzmannMachine::ising`].

use super::{model::BoltzmannMachine, phases::energies};
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use smml_core::{
    Estimate,
    certificate::{SampledBeta, probe, sampled_beta},
    diagnose::split_r_hat,
    error::not_negative,
    estimate::Source,
    parallel::{self, Par},
    rng::{Stream, Streams},
};
use smml_physics::{
    glass::{Distribution, OverlapHistogram},
    lanes::{LaneBetas, REAL_LANES, RealLaneModel, RealLaneSpins, RealLaneSweep},
};

/// How long to sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SamplingPlan {
    /// Sweeps from random states before the first measurement: β rises in a straight line during the first half of them.
    pub burn_in: usize,
    /// Measurements, at least 8.
    pub n_samples: usize,
    /// Sweeps before each measurement, at least 1.
    pub sweeps_between: usize,
}

impl SamplingPlan {
    fn check(&self) -> Result<()> {
        if self.n_samples < 8 {
            return Err(Error::out_of_range("n-samples", self.n_samples, "at least 8"));
        }
        if self.sweeps_between == 0 {
            return Err(Error::out_of_range("sweeps-between", 0, "at least 1"));
        }
        Ok(())
    }
}

/// What 64 replicas say about one temperature.
#[derive(Clone, Debug, PartialEq)]
pub struct Thermal {
    /// β.
    pub beta: f64,
    /// ⟨E⟩ of the whole machine, its constant included.
    pub energy: Estimate,
    /// Specific heat per unit, β² (⟨E²⟩ - ⟨E⟩²) / N.
    pub specific_heat: Estimate,
    /// The inverse temperature that the samples themselves show.
    pub sampled_beta: SampledBeta,
    /// Split R̂ of the energies of the replicas: 1 where halves and replicas agree, and where no energy ever changed; infinite where
    /// replicas stand still at different energies.
    pub r_hat: f64,
}

/// Measures at every inverse temperature. Temperatures are independent, and may run on several threads.
///
/// Errors: β that is negative or not finite, a plan without measurements, parameters that exceed the f32 of the lanes.
///
/// ```
/// use smml_core::{graph::SparseGraph, parallel::Par, rng::Streams};
/// use smml_learn::ebm::machine::{BoltzmannMachine, Units, observe::{SamplingPlan, thermal}};
/// let graph = SparseGraph::new(2, &[(0, 1, 1.0)])?;
/// let pair = BoltzmannMachine::new(Units::Spins, graph, vec![0.0; 2], vec![0])?;
/// let plan = SamplingPlan { burn_in: 20, n_samples: 100, sweeps_between: 2 };
/// let at = &thermal(&pair, &[0.5], &plan, &Streams::new(1), Par::Serial)?[0];
/// assert!(at.energy.z(-0.5f64.tanh()).abs() < 5.0);
/// # Ok::<(), smml_learn::Error>(())
/// ```
pub fn thermal(
    machine: &BoltzmannMachine,
    betas: &[f64],
    plan: &SamplingPlan,
    streams: &Streams,
    par: Par,
) -> Result<Vec<Thermal>> {
    plan.check()?;
    for (k, beta) in betas.iter().enumerate() {
        not_negative(&format!("betas[{k}]"), *beta)?;
    }
    let model = RealLaneModel::new(machine.ising())?;
    parallel::map(par, betas.len(), |k| {
        let mut rng = streams.stream("thermal", k as u64);
        let mut series = vec![Vec::new(); REAL_LANES];
        let mut changes = series.clone();
        run(&model, betas[k], plan, &mut rng, |spins, rng| {
            let energies = energies(machine.ising(), &spins.words());
            for r in 0..REAL_LANES {
                series[r].push(energies[r] + machine.constant());
                changes[r].push(probe(machine, &spins.replica(r), rng));
            }
            Ok(())
        })?;
        let n = machine.n_units() as f64;
        Ok(Thermal {
            beta: betas[k],
            energy: Estimate::from_independent(&series.iter().map(|s| mean(s)).collect::<Vec<f64>>())?,
            specific_heat: variance(&series)?.affine(0.0, betas[k] * betas[k] / n),
            sampled_beta: sampled_beta(&changes.concat())?,
            r_hat: agreement(&series)?,
        })
    })
    .into_iter()
    .collect()
}

/// The distribution of the overlap q = (1/n) Σ sᵢᵃ sᵢᵇ over `units` (all of them where none are named) of two replicas at β: 32
/// independent pairs, whose spread gives the errors. A machine that has learned separate kinds of data has several peaks.
///
/// Errors: as [`thermal`], a unit that does not exist.
pub fn overlaps(
    machine: &BoltzmannMachine,
    beta: f64,
    units: &[u32],
    plan: &SamplingPlan,
    streams: &Streams,
) -> Result<Distribution> {
    plan.check()?;
    not_negative("beta", beta)?;
    if let Some(i) = units.iter().find(|i| **i as usize >= machine.n_units()) {
        return Err(Error::out_of_range("unit", i, format!("below {}", machine.n_units())));
    }
    let all: Vec<u32> = (0..machine.n_units() as u32).collect();
    let units = if units.is_empty() { &all } else { units };
    let model = RealLaneModel::new(machine.ising())?;
    let mut rng = streams.stream("overlaps", 0);
    let mut histograms = vec![OverlapHistogram::new(units.len())?; REAL_LANES / 2];
    run(&model, beta, plan, &mut rng, |spins, _| {
        let some = |r: usize| {
            let spins = spins.replica(r);
            units.iter().map(|i| spins[*i as usize]).collect::<Vec<i8>>()
        };
        for (pair, histogram) in histograms.iter_mut().enumerate() {
            histogram.add(&some(pair), &some(pair + REAL_LANES / 2))?;
        }
        Ok(())
    })?;
    Ok(Distribution::over_samples(&histograms, false)?)
}

/// Split R̂; 1 for series that are all one number, infinite for series that stand still at different ones.
fn agreement(series: &[Vec<f64>]) -> Result<f64> {
    if series.iter().any(|s| s.iter().any(|e| *e != s[0])) {
        return Ok(split_r_hat(&series.iter().map(Vec::as_slice).collect::<Vec<&[f64]>>())?);
    }
    Ok(if series.iter().all(|s| s[0] == series[0][0]) { 1.0 } else { f64::INFINITY })
}

/// Cools replicas to `beta` and shows them at every measurement.
fn run(
    model: &RealLaneModel,
    beta: f64,
    plan: &SamplingPlan,
    rng: &mut Stream,
    mut measure: impl FnMut(&RealLaneSpins, &mut Stream) -> Result<()>,
) -> Result<()> {
    let sweep = RealLaneSweep::heat_bath();
    let mut spins = model.random(rng);
    let half = (plan.burn_in / 2).max(1) as f64;
    for k in 0..plan.burn_in {
        let now = beta * ((k + 1) as f64 / half).min(1.0);
        sweep.sweep(model, &mut spins, &LaneBetas::Same(now), rng)?;
    }
    for _ in 0..plan.n_samples {
        for _ in 0..plan.sweeps_between {
            sweep.sweep(model, &mut spins, &LaneBetas::Same(beta), rng)?;
        }
        measure(&spins, rng)?;
    }
    Ok(())
}

fn mean(x: &[f64]) -> f64 {
    x.iter().sum::<f64>() / x.len() as f64
}

/// ⟨E²⟩ - ⟨E⟩² over all replicas, by leaving out one replica at a time.
fn variance(series: &[Vec<f64>]) -> Result<Estimate> {
    let origin = series[0][0];
    let moments: Vec<[f64; 2]> = series
        .iter()
        .map(|s| [mean(s) - origin, s.iter().map(|e| (e - origin).powi(2)).sum::<f64>() / s.len() as f64])
        .collect();
    let n = moments.len() as f64;
    let sum = moments.iter().fold([0.0; 2], |a, b| [a[0] + b[0], a[1] + b[1]]);
    let of = |m: [f64; 2], n: f64| m[1] / n - (m[0] / n).powi(2);
    let value = of(sum, n);
    let left: Vec<f64> = moments.iter().map(|m| of([sum[0] - m[0], sum[1] - m[1]], n - 1.0)).collect();
    let centre = mean(&left);
    let spread = left.iter().map(|x| (x - centre).powi(2)).sum::<f64>() * (n - 1.0) / n;
    let source = if spread == 0.0 { Source::Constant } else { Source::Independent };
    Ok(Estimate::with_dof(value - (n - 1.0) * (centre - value), spread.sqrt(), n - 1.0, n, source))
}

#[cfg(test)]
mod tests {
    use super::{
        super::model::{Units, tests::random},
        *,
    };
    use smml_core::energy::{Energy, Finite, ln_z_exact, states};
    use smml_physics::ising::exact;

    const PLAN: SamplingPlan = SamplingPlan { burn_in: 100, n_samples: 200, sweeps_between: 3 };

    #[test]
    fn energies_and_specific_heats_are_those_of_enumeration() {
        // The matrix of a sweep says that the spins at β = 1.8 relax within 36 sweeps: 600 sweeps are 17 such times, too few for R̂,
        // of which the part above 1 is about their energy's 8 sweeps over the length of half a series. 4,800 make it some 0.003,
        // and the error of the specific heat 3 % where 600 leave 9 %.
        let plan = SamplingPlan { burn_in: 400, n_samples: 600, sweeps_between: 8 };
        for (index, units) in [Units::Spins, Units::Binary].into_iter().enumerate() {
            let machine = random(units, 10, 6, 0.5, 40 + index as u64);
            let betas = [0.0, 0.4, 1.0, 1.8];
            let found = thermal(&machine, &betas, &plan, &Streams::new(4), Par::Rayon).unwrap();
            let short = |par| thermal(&machine, &betas, &PLAN, &Streams::new(4), par).unwrap();
            assert_eq!(short(Par::Rayon), short(Par::Serial));
            for (at, want) in found.iter().zip(exact::averages(machine.ising(), &betas).unwrap()) {
                let energy = 10.0 * want.energy + machine.constant();
                assert!(at.energy.p_value(energy) > 1e-8, "{units:?} {}: {} {energy}", at.beta, at.energy);
                let heat = at.specific_heat;
                assert!(heat.p_value(want.specific_heat) > 1e-8, "{heat} {}", want.specific_heat);
                assert!(at.r_hat < 1.01 && heat.std_error <= 0.05 * want.specific_heat);
                match at.sampled_beta {
                    SampledBeta::Finite(beta) => assert!(beta.p_value(at.beta) > 1e-8, "{beta} {}", at.beta),
                    other => panic!("{other:?}"),
                }
                // A temperature that is off by a tenth shows.
                if at.beta > 0.0 {
                    let wrong = exact::averages(machine.ising(), &[1.1 * at.beta]).unwrap()[0].energy;
                    assert!(at.energy.p_value(10.0 * wrong + machine.constant()) < 1e-8);
                }
            }
        }
    }

    #[test]
    fn overlaps_are_those_of_enumeration() {
        let (machine, beta) = (random(Units::Spins, 6, 4, 0.6, 50), 1.0);
        let plan = SamplingPlan { n_samples: 1000, ..PLAN };
        for units in [vec![], machine.visible().to_vec()] {
            let found = overlaps(&machine, beta, &units, &plan, &Streams::new(5)).unwrap();
            let of: Vec<usize> =
                if units.is_empty() { (0..6).collect() } else { units.iter().map(|i| *i as usize).collect() };
            let ln_z = ln_z_exact(&machine, beta).unwrap();
            let p = |s: &Vec<i8>| (-beta * machine.energy(s) - ln_z).exp();
            let mut exact = vec![0.0; of.len() + 1];
            for a in states(&machine).unwrap().map(|k| machine.state(k)) {
                for b in states(&machine).unwrap().map(|k| machine.state(k)) {
                    let like = of.iter().filter(|i| a[**i] == b[**i]).count();
                    exact[like] += p(&a) * p(&b);
                }
            }
            assert_eq!(found.q.len(), exact.len());
            for (estimate, exact) in found.probability.iter().zip(&exact) {
                assert!(estimate.p_value(*exact) > 1e-8, "{estimate} {exact}");
            }
        }
        assert!(overlaps(&machine, beta, &[6], &PLAN, &Streams::new(5)).is_err());
    }

    #[test]
    fn what_cannot_be_measured_is_refused() {
        let machine = random(Units::Spins, 4, 4, 0.6, 51);
        let ask = |betas: &[f64], plan: SamplingPlan| {
            thermal(&machine, betas, &plan, &Streams::new(1), Par::Serial).unwrap_err().to_string()
        };
        assert!(ask(&[1.0, -1.0], PLAN).contains("betas[1] = -1"));
        assert!(ask(&[1.0], SamplingPlan { n_samples: 7, ..PLAN }).contains("n-samples"));
        assert!(ask(&[1.0], SamplingPlan { sweeps_between: 0, ..PLAN }).contains("sweeps-between"));
        // Frozen: energies never change, errors are of a constant, and the samples say so.
        let frozen = machine.with_parameters(&[0.0; 6], &[500.0; 4]).unwrap();
        let at = &thermal(&frozen, &[1.0], &PLAN, &Streams::new(1), Par::Serial).unwrap()[0];
        assert_eq!((at.energy.value, at.specific_heat.value, at.r_hat), (-2000.0, 0.0, 1.0));
        assert_eq!(at.sampled_beta, SampledBeta::PlusInfinity);
    }
}
