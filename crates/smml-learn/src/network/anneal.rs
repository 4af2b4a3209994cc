//! The network as a system that is annealed weight by weight (section 3.10).

use super::{architecture::Architecture, loss::Loss};
use crate::error::Result;
use smml_core::{
    energy::{Energy, LocalEnergy, Reference},
    error::{Error, positive, same_length},
    rng::Draw,
    simd_paths,
};

/// The loss of a network whose parameters lie in a box, with moves of one parameter at a time; anything that takes a
/// `LocalEnergy` (Metropolis, annealing, tempering) runs on it.
///
/// A move adds a uniform number from [-step, step] to one parameter drawn at random, reflected at the walls
/// ±`bound`; that is symmetric. The reference measure is the volume of the box. Activations are kept in the state, so
/// that a move costs about examples × (units of the next layer) in a network of one hidden layer, not a whole forward
/// pass; accepted moves recompute what they touch from scratch, so nothing drifts.
///
/// ```
/// use smml_core::{parallel::Par, rng::Streams, sample::{Anneal, Metropolis}, schedule::Schedule};
/// use smml_learn::network::{Activation, Architecture, Labelled, Loss, WeightMoves};
/// let xor = Labelled::new(2, 2, vec![0., 0., 0., 1., 1., 0., 1., 1.], vec![0, 1, 1, 0])?;
/// let shape = Architecture::new(vec![2, 3, 2], Activation::Tanh)?;
/// let moves = WeightMoves::new(Loss::new(&shape, &xor, 0.0, Par::Serial)?, 1.0, 10.0)?;
/// let anneal = Anneal::new(Schedule::geometric(1.0, 1e4)?, 1000)?;
/// let runs = anneal.search(&moves, &Metropolis::new(17)?, 4, &Streams::new(1), Par::Serial)?;
/// assert!(runs.best().0 < 0.01);
/// # Ok::<(), smml_learn::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct WeightMoves<'a> {
    loss: Loss<'a>,
    step: f64,
    bound: f64,
    /// Features, inputs × examples.
    inputs: Vec<f64>,
}

/// A new value for one parameter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WeightMove {
    /// Which parameter.
    pub index: usize,
    /// Its new value.
    pub value: f64,
}

/// Parameters with all activations of all examples and the energy, always up to date.
#[derive(Clone, Debug, PartialEq)]
pub struct WithActivations {
    x: Vec<f64>,
    /// For each map the weighted sums z and, for hidden layers, the values f(z); units × examples.
    sums: Vec<Vec<f64>>,
    values: Vec<Vec<f64>>,
    cross_entropy: f64,
    energy: f64,
}

impl WithActivations {
    /// The parameters.
    pub fn parameters(&self) -> &[f64] {
        &self.x
    }
    /// The parameters, for a [`Network`](super::Network).
    pub fn into_parameters(self) -> Vec<f64> {
        self.x
    }
}

/// Where a parameter is: its map, its input (`None` for a bias) and its output.
struct Place {
    map: usize,
    input: Option<usize>,
    output: usize,
}

fn place(a: &Architecture, index: usize) -> Place {
    let mut at = index;
    for (map, l) in a.layers().windows(2).enumerate() {
        let size = (l[0] + 1) * l[1];
        if at < size {
            let row = at / l[1];
            return Place { map, input: (row < l[0]).then_some(row), output: at % l[1] };
        }
        at -= size;
    }
    // Not reached: moves are drawn below the number of parameters.
    Place { map: 0, input: None, output: 0 }
}

simd_paths! {
    fn add_scaled(w: f64, x: &[f64], out: &mut [f64]) {
        for (out, x) in out.iter_mut().zip(x) {
            *out += w * x;
        }
    }
}

impl<'a> WeightMoves<'a> {
    /// Errors: a step or a bound that is not positive and finite, a step above the bound.
    pub fn new(loss: Loss<'a>, step: f64, bound: f64) -> Result<Self> {
        positive("bound", bound)?;
        if positive("step", step)? > bound {
            return Err(Error::out_of_range("step", step, format!("at most the bound, {bound}")).into());
        }
        let data = loss.data();
        let inputs = (0..data.width())
            .flat_map(|i| data.features().iter().skip(i).step_by(data.width()).map(|v| f64::from(*v)))
            .collect();
        Ok(WeightMoves { loss, step, bound, inputs })
    }
    /// The loss without the box.
    pub fn loss(&self) -> &Loss<'a> {
        &self.loss
    }
    /// The state at given parameters.
    ///
    /// Errors: a wrong number of parameters, one outside the box.
    pub fn at(&self, x: Vec<f64>) -> Result<WithActivations> {
        same_length("parameters", x.len(), self.shape().n_parameters())?;
        if let Some(i) = x.iter().position(|w| !(w.abs() <= self.bound)) {
            let allowed = format!("in [-{0}, {0}]", self.bound);
            return Err(Error::out_of_range(format!("parameter {i}"), x[i], allowed).into());
        }
        Ok(self.fresh(x))
    }
    fn shape(&self) -> &'a Architecture {
        self.loss.architecture()
    }
    fn n(&self) -> usize {
        self.loss.data().len()
    }
    fn fresh(&self, x: Vec<f64>) -> WithActivations {
        let a = self.shape();
        let sums: Vec<Vec<f64>> = a.layers()[1..].iter().map(|units| vec![0.0; units * self.n()]).collect();
        let values = sums[..a.n_maps() - 1].to_vec();
        let mut s = WithActivations { x, sums, values, cross_entropy: 0.0, energy: 0.0 };
        for j in 0..a.layers()[1] {
            self.refresh(&mut s, 0, j);
        }
        self.finish(&mut s, 1);
        s
    }
    /// Recomputes one unit after map `m`.
    fn refresh(&self, s: &mut WithActivations, m: usize, j: usize) {
        let (a, n) = (self.shape(), self.n());
        let (weights, biases) = a.map(m);
        let inputs = if m == 0 { &self.inputs } else { &s.values[m - 1] };
        let out = &mut s.sums[m][j * n..(j + 1) * n];
        out.fill(s.x[biases][j]);
        let column = s.x[weights].iter().skip(j).step_by(a.layers()[m + 1]);
        column.zip(inputs.chunks_exact(n)).for_each(|(w, input)| add_scaled(*w, input, out));
        if m + 1 < a.n_maps() {
            let f = a.activation();
            s.values[m][j * n..(j + 1) * n].iter_mut().zip(out).for_each(|(v, z)| *v = f.value(*z));
        }
    }
    /// Recomputes all units from map `m` on, and the energy.
    fn finish(&self, s: &mut WithActivations, m: usize) {
        for m in m..self.shape().n_maps() {
            for j in 0..self.shape().layers()[m + 1] {
                self.refresh(s, m, j);
            }
        }
        s.cross_entropy = self.cross_entropy(&s.sums[self.shape().n_maps() - 1]);
        s.energy = s.cross_entropy + self.loss.penalty(&s.x);
    }
    /// The weighted mean of -ln P(label) from logits, units × examples.
    fn cross_entropy(&self, logits: &[f64]) -> f64 {
        let n = self.n();
        let mut total = 0.0;
        for (e, label) in self.loss.data().labels().iter().enumerate() {
            let z = || logits.iter().skip(e).step_by(n);
            let top = z().copied().fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = z().map(|z| libm::exp(z - top)).sum();
            let loss = libm::log(sum) + (top - logits[usize::from(*label) * n + e]);
            let weight = self.loss.data().weight(e);
            total += if weight > 0.0 { weight * loss } else { 0.0 };
        }
        total / n as f64
    }
}

impl Energy for WeightMoves<'_> {
    type State = WithActivations;
    fn energy(&self, state: &WithActivations) -> f64 {
        state.energy
    }
}

impl LocalEnergy for WeightMoves<'_> {
    type Move = WeightMove;
    fn propose<R: Draw>(&self, state: &WithActivations, rng: &mut R) -> WeightMove {
        let index = rng.below(state.x.len());
        let value = state.x[index] + self.step * (2.0 * rng.uniform() - 1.0);
        // The step is at most the bound: one reflection is enough.
        let value = if value > self.bound {
            2.0 * self.bound - value
        } else if value < -self.bound {
            -2.0 * self.bound - value
        } else {
            value
        };
        WeightMove { index, value }
    }
    fn apply(&self, state: &mut WithActivations, change: &WeightMove) {
        let at = place(self.shape(), change.index);
        state.x[change.index] = change.value;
        self.refresh(state, at.map, at.output);
        self.finish(state, at.map + 1);
    }
    fn delta(&self, state: &WithActivations, change: &WeightMove) -> f64 {
        let (a, n) = (self.shape(), self.n());
        let Place { map, input, output: j } = place(a, change.index);
        let old = state.x[change.index];
        let step = change.value - old;
        let mut sum = state.sums[map][j * n..(j + 1) * n].to_vec();
        match input {
            None => sum.iter_mut().for_each(|z| *z += step),
            Some(i) => {
                let inputs = if map == 0 { &self.inputs } else { &state.values[map - 1] };
                add_scaled(step, &inputs[i * n..(i + 1) * n], &mut sum);
            }
        }
        let penalty = if input.is_some() { 0.5 * self.loss.l2() * step * (change.value + old) } else { 0.0 };
        let last = a.n_maps() - 1;
        let mut sums = state.sums[(map + 1).min(last)].clone();
        if map == last {
            sums[j * n..(j + 1) * n].copy_from_slice(&sum);
        } else {
            // The unit changes; the layer after it follows by increments, all later ones in full.
            let f = a.activation();
            let before = &state.values[map][j * n..(j + 1) * n];
            sum.iter_mut().zip(before).for_each(|(z, v)| *z = f.value(*z) - v);
            let row = &state.x[a.map(map + 1).0][j * a.layers()[map + 2]..];
            row.iter().zip(sums.chunks_exact_mut(n)).for_each(|(w, out)| add_scaled(*w, &sum, out));
            for m in map + 2..=last {
                sums.iter_mut().for_each(|z| *z = f.value(*z));
                let n_out = a.layers()[m + 1];
                let (weights, biases) = a.map(m);
                let mut next = vec![0.0; n_out * n];
                for (j, out) in next.chunks_exact_mut(n).enumerate() {
                    out.fill(state.x[biases.clone()][j]);
                    let column = state.x[weights.clone()].iter().skip(j).step_by(n_out);
                    column.zip(sums.chunks_exact(n)).for_each(|(w, input)| add_scaled(*w, input, out));
                }
                sums = next;
            }
        }
        self.cross_entropy(&sums) - state.cross_entropy + penalty
    }
}

impl Reference for WeightMoves<'_> {
    fn draw<R: Draw>(&self, rng: &mut R) -> WithActivations {
        let n = self.shape().n_parameters();
        self.fresh((0..n).map(|_| self.bound * (2.0 * rng.uniform() - 1.0)).collect())
    }
    fn ln_z_reference(&self) -> f64 {
        self.shape().n_parameters() as f64 * libm::log(2.0 * self.bound)
    }
}
