//! Metropolis sweeps of all replicas.

use super::{
    acceptance::{Own, Same},
    model::LaneModel,
    spins::{LANES, LaneSpins},
    update::{sweep_own, sweep_same},
};
use serde::{Deserialize, Serialize};
use smml_core::{
    error::{Error, Result, same_length},
    kernel::{Kernel, Step},
    rng::{Draw, WideStream},
};

/// Inverse temperatures of the replicas; not negative.
#[derive(Clone, Debug, PartialEq)]
pub enum LaneBetas {
    /// One for all.
    Same(f64),
    /// One for each of the [`LANES`] replicas.
    Each(Vec<f64>),
}

/// Every spin once in a fixed order, by the Metropolis rule. Stationary, not reversible.
///
/// As a [`Kernel`] it samples the joint distribution of all replicas, which is at β for each of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaneSweep;

impl LaneSweep {
    /// One sweep.
    ///
    /// Errors: a state of another model, β that is negative or NaN, another number of them than replicas.
    pub fn sweep<R: Draw>(
        &self,
        model: &LaneModel,
        spins: &mut LaneSpins,
        betas: &LaneBetas,
        rng: &mut R,
    ) -> Result<Step> {
        same_length("spins", spins.n_spins(), model.n_spins())?;
        let check = |beta: f64| {
            if beta >= 0.0 {
                Ok(beta * model.unit())
            } else {
                Err(Error::out_of_range("beta", beta, "at least 0"))
            }
        };
        let mut generators = [(); 2].map(|()| WideStream::from_words(rng.word(), rng.word()));
        let accepted = match betas {
            LaneBetas::Same(beta) => {
                let thresholds = Same::new(check(*beta)?, model.planes);
                same(model, spins, &thresholds, &mut generators)
            }
            LaneBetas::Each(betas) => {
                same_length("inverse temperatures", betas.len(), LANES)?;
                let mut units = [0.0; LANES];
                for (unit, beta) in units.iter_mut().zip(betas) {
                    *unit = check(*beta)?;
                }
                own(model, spins, &Own::new(&units, model.planes), &mut generators)
            }
        };
        Ok(Step { proposed: (LANES * model.n_spins()) as u64, accepted })
    }
}

/// Calls a sweep with the number of planes that the model needs.
macro_rules! by_planes {
    ($name:ident, $sweep:ident, $thresholds:ty) => {
        fn $name(m: &LaneModel, s: &mut LaneSpins, t: &$thresholds, g: &mut [WideStream; 2]) -> u64 {
            let lines = s.lines_mut();
            match (m.planes, m.is_unit) {
                (..=3, true) => $sweep::<3, true>(m, lines, t, g),
                (4..=6, true) => $sweep::<6, true>(m, lines, t, g),
                (7..=10, true) => $sweep::<10, true>(m, lines, t, g),
                (..=8, _) => $sweep::<8, false>(m, lines, t, g),
                (9..=12, _) => $sweep::<12, false>(m, lines, t, g),
                (13..=16, _) => $sweep::<16, false>(m, lines, t, g),
                _ => $sweep::<24, false>(m, lines, t, g),
            }
        }
    };
}
by_planes!(same, sweep_same, Same);
by_planes!(own, sweep_own, Own);

impl Kernel<LaneModel> for LaneSweep {
    /// Does nothing where [`LaneSweep::sweep`] gives an error.
    fn step<R: Draw>(&mut self, model: &LaneModel, s: &mut LaneSpins, beta: f64, rng: &mut R) -> Step {
        self.sweep(model, s, &LaneBetas::Same(beta), rng).unwrap_or(Step { proposed: 0, accepted: 0 })
    }
}
