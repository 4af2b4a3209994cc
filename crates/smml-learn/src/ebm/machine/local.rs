//! Costs of fully visible machines that need no ln Z: each compares a row with the rows that differ from it in one unit.
//!
//! With sᵢ Hᵢ the local field on unit i times its spin, so that P(v) / P(v with i turned) = exp(2 sᵢ Hᵢ), the cost of a row is
//! Σᵢ c(sᵢ Hᵢ). All of them have their minimum at the truth, where their gradient vanishes exactly when the data are weighted by
//! their probabilities: for a row and its neighbour c' has the same size, and the change of sᵢ Hᵢ has opposite signs.

use super::{
    model::BoltzmannMachine,
    statistics::{Rows, Statistics},
};
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use smml_core::{
    numeric::{sigmoid, softplus},
    parallel::{self, Par},
};

/// What is minimised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LocalCost {
    /// Minus the pseudo-log-likelihood, -Σᵢ ln P(vᵢ | the others), c(a) = ln(1 + exp(-2a)) (J. Besag, The Statistician 24, 179
    /// (1975)).
    PseudoLikelihood,
    /// Ratio matching, Σᵢ P(vᵢ turned | the others)², c(a) = (1 + exp(2a))⁻² (A. Hyvärinen, Comput. Stat. Data Anal. 51, 2499
    /// (2007)).
    RatioMatching,
    /// Minimum probability flow to neighbours at a distance of one unit, c(a) = exp(-a) (J. Sohl-Dickstein, P. Battaglino and M. R.
    /// DeWeese, Phys. Rev. Lett. 107, 220601 (2011)). The flow into rows that are data themselves is counted too.
    MinimumProbabilityFlow,
}

impl LocalCost {
    /// c(a) and c'(a).
    fn at(self, a: f64) -> (f64, f64) {
        match self {
            LocalCost::PseudoLikelihood => (softplus(-2.0 * a), -2.0 * sigmoid(-2.0 * a)),
            LocalCost::RatioMatching => {
                let turned = sigmoid(-2.0 * a);
                (turned * turned, -4.0 * turned * turned * sigmoid(2.0 * a))
            }
            LocalCost::MinimumProbabilityFlow => {
                let flow = libm::exp(-a);
                (flow, -flow)
            }
        }
    }
}

/// Rows of one piece of work.
const CHUNK: usize = 256;

/// The mean cost of rows at β = 1, and its gradient with respect to biases and weights.
///
/// Errors: a machine with hidden units, rows of another width, a cost that is not finite.
pub fn cost(
    machine: &BoltzmannMachine,
    rows: &Rows<'_>,
    cost: LocalCost,
    par: Par,
) -> Result<(f64, Statistics)> {
    let (value, gradient) = spin_cost(machine, rows, cost, par)?;
    Ok((value, gradient.gradient_of_units(machine)))
}

pub(super) fn check(machine: &BoltzmannMachine) -> Result<()> {
    if machine.hidden().is_empty() {
        return Ok(());
    }
    let allowed = "0: this cost compares rows of all units, so every unit must be visible";
    Err(Error::out_of_range("number of hidden units", machine.hidden().len(), allowed))
}

/// The same with the gradient with respect to fields and couplings of the Ising model.
pub(super) fn spin_cost(
    machine: &BoltzmannMachine,
    rows: &Rows<'_>,
    cost: LocalCost,
    par: Par,
) -> Result<(f64, Statistics)> {
    check(machine)?;
    machine.check_width(rows.data().width())?;
    let ising = machine.ising();
    let sums = parallel::fold_chunks(
        par,
        rows.weights(),
        CHUNK,
        |first, weights| {
            let (mut value, mut gradient) = (0.0, Statistics::zeros(machine));
            let mut slopes = vec![0.0; machine.n_units()];
            for (k, weight) in weights.iter().enumerate().filter(|(_, w)| **w > 0.0) {
                let spins = machine.state_of(rows.data().row(first + k))?;
                for (i, slope) in slopes.iter_mut().enumerate() {
                    let s = f64::from(spins[i]);
                    let (c, d) = cost.at(s * ising.local_field(&spins, i));
                    value += weight * c;
                    *slope = weight * d;
                    gradient.units[i] += *slope * s;
                }
                for (sum, (i, j, _)) in gradient.pairs.iter_mut().zip(ising.couplings().edges()) {
                    let (i, j) = (i as usize, j as usize);
                    *sum += (slopes[i] + slopes[j]) * f64::from(spins[i] * spins[j]);
                }
            }
            Ok((value, gradient))
        },
        |a: Result<(f64, Statistics)>, b| {
            let ((value, gradient), (v, g)) = (a?, b?);
            Ok((value + v, gradient.plus(1.0, &g)))
        },
    );
    let (value, gradient) =
        sums.unwrap_or_else(|| Err(Error::out_of_range("number of rows of data", 0, "at least 1")))?;
    if !value.is_finite() {
        return Err(smml_core::Error::Undefined {
            what: "the cost of these rows".into(),
            why: format!("it comes out as {value}: local fields are too large"),
        }
        .into());
    }
    Ok((value, gradient))
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            exact,
            model::{Units, tests::random},
        },
        *,
    };
    use crate::data::BinaryData;
    use smml_core::{
        Estimate,
        energy::{Energy, Finite, ln_z_exact, states},
        factor_graph::ExactOptions,
        optimize::{Function, Method, Stop, minimise},
        rng::Streams,
    };
    use smml_physics::ising::elimination;

    const COSTS: [LocalCost; 3] =
        [LocalCost::PseudoLikelihood, LocalCost::RatioMatching, LocalCost::MinimumProbabilityFlow];

    /// Every row with its probability in a fully visible machine.
    fn truth(machine: &BoltzmannMachine) -> (BinaryData, Vec<f64>) {
        let ln_z = ln_z_exact(machine, 1.0).unwrap();
        let (mut bits, mut p) = (Vec::new(), Vec::new());
        for s in states(machine).unwrap().map(|k| machine.state(k)) {
            bits.extend(machine.row_of(&s));
            p.push((-machine.energy(&s) - ln_z).exp());
        }
        (BinaryData::new(machine.visible().len(), bits).unwrap(), p)
    }

    fn parameters(machine: &BoltzmannMachine) -> Vec<f64> {
        machine.biases().iter().copied().chain(machine.weights().edges().map(|e| e.2)).collect()
    }

    fn at(machine: &BoltzmannMachine, theta: &[f64]) -> BoltzmannMachine {
        let (biases, weights) = theta.split_at(machine.n_units());
        machine.with_parameters(weights, biases).unwrap()
    }

    /// The minimum of a cost, from 0.
    fn fitted(machine: &BoltzmannMachine, rows: &Rows<'_>, of: LocalCost) -> Vec<f64> {
        let n = machine.n_units();
        let function = Function(|theta: &[f64], gradient: &mut [f64]| {
            let (value, slopes) = cost(&at(machine, theta), rows, of, Par::Serial).unwrap();
            gradient[..n].copy_from_slice(&slopes.units);
            gradient[n..].copy_from_slice(&slopes.pairs);
            value
        });
        let stop = Stop { gradient: 1e-10, ..Stop::default() };
        minimise(&function, &vec![0.0; parameters(machine).len()], &Method::default(), &stop).unwrap().x
    }

    #[test]
    fn costs_are_what_the_probabilities_of_neighbours_say() {
        let machine = random(Units::Binary, 5, 5, 0.7, 11);
        let data = BinaryData::new(5, vec![1, 0, 0, 1, 1]).unwrap();
        let rows = Rows::equal(&data).unwrap();
        let p = |row: &[u8]| {
            let one = BinaryData::new(5, row.to_vec()).unwrap();
            exact::ln_probabilities(&machine, &one, 1.0, &ExactOptions::default(), Par::Serial).unwrap()[0]
                .exp()
        };
        let here = p(data.row(0));
        let [mut pseudo, mut ratio, mut flow] = [0.0; 3];
        for i in 0..5 {
            let mut other = data.row(0).to_vec();
            other[i] ^= 1;
            let there = p(&other);
            pseudo -= (here / (here + there)).ln();
            ratio += (there / (here + there)).powi(2);
            flow += (there / here).sqrt();
        }
        for (of, want) in COSTS.into_iter().zip([pseudo, ratio, flow]) {
            let (value, _) = cost(&machine, &rows, of, Par::Serial).unwrap();
            assert!((value - want).abs() < 1e-11, "{of:?}: {value} {want}");
        }
    }

    #[test]
    fn gradients_are_slopes_and_vanish_at_the_truth() {
        for units in [Units::Spins, Units::Binary] {
            let machine = random(units, 8, 8, 0.4, 12);
            let (data, p) = truth(&machine);
            let exactly = Rows::weighted(&data, &p).unwrap();
            let some =
                Rows::weighted(&data, &(0..256).map(|k| f64::from(k % 7)).collect::<Vec<_>>()).unwrap();
            for of in COSTS {
                let (_, slopes) = cost(&machine, &exactly, of, Par::Rayon).unwrap();
                assert!(slopes.units.iter().chain(&slopes.pairs).all(|g| g.abs() < 1e-13), "{of:?}");
                let (value, slopes) = cost(&machine, &some, of, Par::Rayon).unwrap();
                let again = cost(&machine, &some, of, Par::Serial).unwrap();
                assert_eq!((value.to_bits(), &slopes), (again.0.to_bits(), &again.1));
                let theta = parameters(&machine);
                for (i, slope) in slopes.units.iter().chain(&slopes.pairs).enumerate() {
                    let value = |step: f64| {
                        let mut moved = theta.clone();
                        moved[i] += step;
                        cost(&at(&machine, &moved), &some, of, Par::Serial).unwrap().0
                    };
                    let difference = (value(1e-5) - value(-1e-5)) / 2e-5;
                    assert!((slope - difference).abs() < 1e-8 * (1.0 + slope.abs()), "{of:?} {i}");
                }
            }
        }
    }

    #[test]
    fn the_machine_is_recovered_from_exact_data() {
        for units in [Units::Spins, Units::Binary] {
            let machine = random(units, 8, 8, 0.4, 13);
            let (data, p) = truth(&machine);
            let rows = Rows::weighted(&data, &p).unwrap();
            for of in COSTS {
                let found = fitted(&machine, &rows, of);
                for (a, b) in found.iter().zip(parameters(&machine)) {
                    assert!((a - b).abs() < 1e-6, "{units:?} {of:?}: {a} {b}");
                }
            }
        }
    }

    #[test]
    fn the_machine_is_recovered_from_samples_within_their_error() {
        // Forty sets of exact samples: the mean over the sets is the truth up to its error and a bias of order 1/n. The inverse of
        // the Fisher information says that no estimate of the worst parameter scatters by less than 3.25/√n, so that its
        // error from 40 sets of 4,000 is at least 0.0081; errors themselves are known to 11 %, and the largest of 108 may well come
        // out above 0.01. With 10,000 it is 0.0051, and 0.01 is far away.
        let (machine, n, sets) = (random(Units::Spins, 8, 8, 0.3, 14), 10_000, 40);
        let (every_row, _) = truth(&machine);
        let mut rng = Streams::new(3).stream("samples", 0);
        let mut found = [const { Vec::new() }; 3];
        for _ in 0..sets {
            let samples =
                elimination::sample(machine.ising(), 1.0, n, &ExactOptions::default(), &mut rng).unwrap();
            let mut counts = vec![0.0; every_row.len()];
            samples.iter().for_each(|s| counts[machine.index(s)] += 1.0);
            let rows = Rows::weighted(&every_row, &counts).unwrap();
            for (found, of) in found.iter_mut().zip(COSTS) {
                found.push(fitted(&machine, &rows, of));
            }
        }
        for (found, of) in found.iter().zip(COSTS) {
            for (k, want) in parameters(&machine).into_iter().enumerate() {
                let values: Vec<f64> = found.iter().map(|f| f[k]).collect();
                let mean = Estimate::from_independent(&values).unwrap();
                // 36 numbers of each of 3 costs.
                assert!(mean.p_value(want) > 1e-9, "{of:?} {k}: {mean} {want}");
                assert!(mean.std_error < 0.01);
            }
        }
    }

    #[test]
    fn hidden_units_and_fields_without_bound_are_refused() {
        let data = BinaryData::new(4, vec![1, 0, 0, 1]).unwrap();
        let rows = Rows::equal(&data).unwrap();
        let hidden = random(Units::Spins, 5, 4, 0.4, 15);
        let text = cost(&hidden, &rows, LocalCost::RatioMatching, Par::Serial).unwrap_err().to_string();
        assert!(
            text.contains("number of hidden units = 1") && text.contains("every unit must be visible"),
            "{text}"
        );
        let machine = random(Units::Spins, 4, 4, 0.4, 15);
        let cold = machine.with_parameters(&[0.0; 6], &[-2000.0; 4]).unwrap();
        assert!(cost(&cold, &rows, LocalCost::MinimumProbabilityFlow, Par::Serial).is_err());
        assert!(cost(&cold, &rows, LocalCost::PseudoLikelihood, Par::Serial).is_ok());
        let narrow = BinaryData::new(3, vec![1, 0, 0]).unwrap();
        assert!(
            cost(&machine, &Rows::equal(&narrow).unwrap(), LocalCost::PseudoLikelihood, Par::Serial).is_err()
        );
    }
}
