//! ln Z of large machines by annealed importance sampling, from base rates to the machine and back.
//!
//! f_t(x) has biases (1 - t) b⁰ + t b and weights t W, from independent units with biases b⁰ of the first layer (0 on others) at
//! t = 0 to the machine at t = 1 (R. Salakhutdinov and I. Murray, ICML 2008; R. Salakhutdinov and G. Hinton, AISTATS
//! 2009, for deep machines). Odd layers are summed out in closed form, and chains are of the even ones.

use super::{
    matrix::Matrix,
    model::DeepMachine,
    sampler::{self, Held},
};
use crate::error::{Error, Result};
use smml_core::{
    free_energy::{Annealed, ReverseAnnealed, annealing_ladder},
    parallel::{self, Par},
    rng::Streams,
    schedule::Schedule,
};

/// Chains that run together on one thread.
const GROUP: usize = 64;

/// How much work it is.
#[derive(Clone, Debug, PartialEq)]
pub struct DeepAnnealing {
    /// Biases b⁰ of the first layer: those of [`DeepMachine::for_data`] with weights 0 are good ones, zeros are always right.
    pub base: Vec<f64>,
    /// Values of t, equally spaced, both ends included: at least 2.
    pub n_rungs: usize,
    /// Independent chains: at least 2.
    pub n_runs: usize,
}

impl DeepAnnealing {
    fn check(&self, machine: &DeepMachine) -> Result<Vec<f64>> {
        if self.base.len() != machine.n_units(0) {
            return Err(Error::length("base rates", self.base.len(), machine.n_units(0)));
        }
        smml_core::error::all_finite("base rate", &self.base)?;
        if !(2..=1 << 24).contains(&self.n_runs) {
            return Err(Error::out_of_range("runs of annealing", self.n_runs, "in 2..=16777216"));
        }
        Ok(annealing_ladder(&Schedule::linear(0.0, 1.0)?, self.n_rungs)?)
    }
    /// The machine at `t`.
    fn at(&self, machine: &DeepMachine, t: f64) -> Result<DeepMachine> {
        let weights = machine.weights().iter().map(|w| w.iter().map(|w| t * w).collect()).collect();
        let mut biases: Vec<Vec<f64>> =
            machine.biases().iter().map(|b| b.iter().map(|b| t * b).collect()).collect();
        biases[0].iter_mut().zip(&self.base).for_each(|(b, base)| *b += (1.0 - t) * base);
        DeepMachine::new(machine.layers().to_vec(), biases, weights)
    }
    fn ln_z_start(&self, machine: &DeepMachine) -> f64 {
        (0..machine.n_layers())
            .map(|l| {
                let zeros = vec![0.0; machine.n_units(l)];
                machine.layers()[l].ln_sum(if l == 0 { &self.base } else { &zeros }, 1.0)
            })
            .sum()
    }
}

/// ln f_t of the even layers of every row, odd layers summed out; what does not depend on t is left out.
fn ln_f(at: &DeepMachine, state: &[Matrix]) -> Vec<f64> {
    let mut sums = vec![0.0; state[0].n_rows()];
    for l in (0..at.n_layers()).step_by(2) {
        for (sum, row) in sums.iter_mut().zip(state[l].rows()) {
            *sum += row.iter().zip(&at.biases()[l]).map(|(x, b)| x * b).sum::<f64>();
        }
    }
    for l in (1..at.n_layers()).step_by(2) {
        let fields = sampler::fields_given(at, state, l, Par::Serial);
        for (sum, row) in sums.iter_mut().zip(fields.rows()) {
            *sum += at.layers()[l].ln_sum(row, 1.0);
        }
    }
    sums
}

/// Odd layers, then even ones, at one t.
fn step(at: &DeepMachine, state: &mut [Matrix], rng: &Streams) {
    for parity in [1, 0] {
        for l in (parity..at.n_layers()).step_by(2) {
            sampler::draw_layer(at, state, l, 1.0, &Held::default(), rng, Par::Serial);
        }
    }
}

/// Forward annealing: [`Annealed::ln_z`] with its error, a lower bound by [`Annealed::ln_z_lower_bound`]. The states are those of
/// the first layer, approximate samples of the machine.
///
/// Errors: base rates of another number, fewer than two rungs or runs.
///
/// ```
/// use smml_core::{parallel::Par, rng::Streams};
/// use smml_learn::ebm::deep::{DeepAnnealing, DeepMachine, LayerUnits, ais, exact};
/// let layers = vec![LayerUnits::Binary { n: 3 }, LayerUnits::Binary { n: 2 }, LayerUnits::Binary { n: 2 }];
/// let weights = vec![(0..6).map(|k| 0.3 * k as f64 - 0.8).collect(), vec![0.5, -0.7, 0.2, 0.9]];
/// let machine = DeepMachine::new(layers, vec![vec![0.1; 3], vec![-0.2; 2], vec![0.3; 2]], weights)?;
/// let plan = DeepAnnealing { base: vec![0.0; 3], n_rungs: 100, n_runs: 200 };
/// let run = ais::forward(&machine, &plan, &Streams::new(1), Par::Serial)?;
/// assert!(run.ln_z()?.z(exact::ln_z(&machine, 1.0, Par::Serial)?).abs() < 5.0);
/// # Ok::<(), smml_learn::Error>(())
/// ```
pub fn forward(
    machine: &DeepMachine,
    plan: &DeepAnnealing,
    streams: &Streams,
    par: Par,
) -> Result<Annealed<Vec<f64>>> {
    let ladder = plan.check(machine)?;
    let rungs = rungs(machine, plan, &ladder)?;
    let groups = parallel::map(par, plan.n_runs.div_ceil(GROUP), |g| {
        let n = GROUP.min(plan.n_runs - g * GROUP);
        let rng = streams.child("ais", g as u64);
        let mut state = zeros(machine, n);
        for l in (0..machine.n_layers()).step_by(2) {
            // Layers beside it count nothing at t = 0.
            sampler::draw_layer(
                &rungs[0],
                &mut state,
                l,
                1.0,
                &Held::default(),
                &rng.child("start", 0),
                Par::Serial,
            );
        }
        let mut ln_weights = vec![0.0; n];
        for k in 0..ladder.len() - 1 {
            let (from, to) = (ln_f(&rungs[k], &state), ln_f(&rungs[k + 1], &state));
            ln_weights.iter_mut().zip(from.iter().zip(&to)).for_each(|(w, (a, b))| *w += b - a);
            step(&rungs[k + 1], &mut state, &rng.child("rung", k as u64));
        }
        (state.swap_remove(0), ln_weights)
    });
    let (mut states, mut ln_weights) = (Vec::new(), Vec::new());
    for (first, w) in groups {
        states.extend(first.rows().map(<[f64]>::to_vec));
        ln_weights.extend(w);
    }
    Ok(Annealed::new(plan.ln_z_start(machine), ln_weights, states)?)
}

/// Backward annealing: from samples of the machine, which `n_steps` block Gibbs steps make from the states of a forward run (or
/// others), to the base rates. [`ReverseAnnealed::ln_z_upper_bound`] is an upper bound as far as they are samples.
///
/// Errors: as [`forward`], no step, states of another number or width.
pub fn backward(
    machine: &DeepMachine,
    plan: &DeepAnnealing,
    start: &[Vec<f64>],
    n_steps: usize,
    streams: &Streams,
    par: Par,
) -> Result<ReverseAnnealed> {
    let ladder = plan.check(machine)?;
    let rungs = rungs(machine, plan, &ladder)?;
    if n_steps == 0 {
        return Err(Error::out_of_range("Gibbs steps", 0, "at least 1"));
    }
    if start.len() != plan.n_runs {
        return Err(Error::length("states to start from", start.len(), plan.n_runs));
    }
    for (r, row) in start.iter().enumerate() {
        if row.len() != machine.n_units(0) {
            return Err(Error::length(format!("state {r} to start from"), row.len(), machine.n_units(0)));
        }
        machine.layers()[0].check_row(r, row)?;
    }
    let groups = parallel::map(par, plan.n_runs.div_ceil(GROUP), |g| {
        let n = GROUP.min(plan.n_runs - g * GROUP);
        let rng = streams.child("ais-backward", g as u64);
        let mut state = sampler::neutral(machine, n, &rng.child("start", 0), Par::Serial);
        state[0].values = start[g * GROUP..g * GROUP + n].concat();
        for k in 0..n_steps {
            step(machine, &mut state, &rng.child("gibbs", k as u64));
        }
        let mut ln_weights = vec![0.0; n];
        for k in (0..ladder.len() - 1).rev() {
            step(&rungs[k + 1], &mut state, &rng.child("rung", k as u64));
            let (from, to) = (ln_f(&rungs[k + 1], &state), ln_f(&rungs[k], &state));
            ln_weights.iter_mut().zip(from.iter().zip(&to)).for_each(|(w, (a, b))| *w += b - a);
        }
        ln_weights
    });
    Ok(ReverseAnnealed::new(plan.ln_z_start(machine), groups.concat())?)
}

fn zeros(machine: &DeepMachine, n: usize) -> Vec<Matrix> {
    (0..machine.n_layers()).map(|l| Matrix::zeros(n, machine.n_units(l))).collect()
}

fn rungs(machine: &DeepMachine, plan: &DeepAnnealing, ladder: &[f64]) -> Result<Vec<DeepMachine>> {
    ladder.iter().map(|t| plan.at(machine, *t)).collect()
}

#[cfg(test)]
mod tests {
    use super::{
        super::{exact, model::tests::random, units::LayerUnits},
        *,
    };

    #[test]
    fn both_directions_agree_with_enumeration_for_every_kind_of_units() {
        let b = |n| LayerUnits::Binary { n };
        let s = |n| LayerUnits::Spins { n };
        for (index, layers) in [
            vec![b(5), b(4)],
            vec![s(4), s(3), b(4)],
            vec![b(4), b(3), s(3), LayerUnits::Softmax { groups: 1, q: 3 }],
            vec![LayerUnits::Softmax { groups: 2, q: 3 }, s(4)],
            vec![LayerUnits::Gaussian { n: 3, sigma: 0.7 }, s(4), b(3)],
        ]
        .into_iter()
        .enumerate()
        {
            let machine = random(layers.clone(), 0.8, 110 + index as u64);
            let exact = exact::ln_z(&machine, 1.0, Par::Serial).unwrap();
            let base = (0..machine.n_units(0)).map(|i| 0.2 * i as f64 - 0.3).collect();
            let plan = DeepAnnealing { base, n_rungs: 60, n_runs: 1000 };
            let streams = Streams::new(11).child("machine", index as u64);
            let run = forward(&machine, &plan, &streams, Par::Rayon).unwrap();
            assert_eq!(
                run.ln_weights(),
                forward(&machine, &plan, &streams, Par::Serial).unwrap().ln_weights()
            );
            let found = run.ln_z().unwrap();
            assert!(found.p_value(exact) > 1e-8 && found.std_error < 0.1, "{layers:?}: {found} {exact}");
            let lower = run.ln_z_lower_bound().unwrap();
            assert!(lower.value < exact + 6.0 * lower.std_error);
            let back = backward(&machine, &plan, run.states(), 50, &streams, Par::Rayon).unwrap();
            let found = back.ln_z().unwrap();
            assert!(found.p_value(exact) > 1e-8, "{layers:?}: {found} {exact}");
            let upper = back.ln_z_upper_bound().unwrap();
            assert!(upper.value > exact - 6.0 * upper.std_error && upper.value > lower.value);
        }
    }

    #[test]
    fn a_machine_of_independent_units_needs_no_annealing() {
        let mut machine = random(vec![LayerUnits::Binary { n: 4 }, LayerUnits::Spins { n: 2 }], 0.0, 120);
        let base = vec![0.3, -1.0, 0.5, 2.0];
        machine = DeepMachine::new(
            machine.layers().to_vec(),
            vec![base.clone(), vec![0.0; 2]],
            machine.weights().to_vec(),
        )
        .unwrap();
        let plan = DeepAnnealing { base, n_rungs: 3, n_runs: 5 };
        let run = forward(&machine, &plan, &Streams::new(1), Par::Serial).unwrap();
        assert!(run.ln_weights().iter().all(|w| w.abs() < 1e-14));
        let exact = exact::ln_z(&machine, 1.0, Par::Serial).unwrap();
        assert!((run.ln_z_start() - exact).abs() < 1e-13);
    }

    #[test]
    fn plans_that_cannot_be_are_refused() {
        let machine = random(vec![LayerUnits::Binary { n: 2 }, LayerUnits::Spins { n: 2 }], 0.5, 121);
        let ask = |base: Vec<f64>, n_rungs, n_runs| {
            let plan = DeepAnnealing { base, n_rungs, n_runs };
            forward(&machine, &plan, &Streams::new(1), Par::Serial).unwrap_err().to_string()
        };
        assert!(ask(vec![0.0; 3], 10, 10).contains("base rates has length 3"));
        assert!(ask(vec![0.0, f64::NAN], 10, 10).contains("base rate 1"));
        assert!(ask(vec![0.0; 2], 1, 10).contains("n_rungs"));
        assert!(ask(vec![0.0; 2], 10, 1).contains("runs of annealing"));
        let plan = DeepAnnealing { base: vec![0.0; 2], n_rungs: 10, n_runs: 2 };
        let back = |start: &[Vec<f64>], n| {
            backward(&machine, &plan, start, n, &Streams::new(1), Par::Serial).unwrap_err().to_string()
        };
        assert!(back(&[vec![0.0; 2]], 1).contains("states to start from"));
        assert!(back(&[vec![0.0; 2], vec![0.0]], 1).contains("state 1 to start from"));
        assert!(back(&[vec![0.0; 2], vec![0.0, 0.5]], 1).contains("unit 1 of row 1"));
        assert!(back(&[vec![0.0; 2], vec![0.0; 2]], 0).contains("Gibbs steps"));
    }
}
