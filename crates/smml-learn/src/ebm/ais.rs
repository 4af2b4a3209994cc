//! ln Z of large machines by annealed importance sampling from base rates, forward and backward.
//!
//! Base-rate annealing: f_t(v, h) = exp((1 - t) a⁰·v + t (a·v + b·h + v·W·h)), from independent visible units with biases a⁰
//! (t = 0) to the machine (t = 1), after Salakhutdinov and Murray (ICML 2008). Chains run on the f32 engine, which
//! rounds parameters to 24 bits; weights are accumulated in f64, for the rounded machine and base.

use super::{
    engine::{self, LabelUnits, Layer, Line, Lists, States, Weights, Work},
    likelihood::check_width,
    numeric::{softplus, softplus_sum},
    rbm::Rbm,
    sample::GibbsChains,
};
use crate::{
    data::BinaryData,
    error::{Error, Result},
};
use smml_core::{
    Estimate,
    error::positive,
    free_energy::{Annealed, ReverseAnnealed, annealing_ladder, bar},
    parallel::{self, Par},
    rng::Streams,
    schedule::Schedule,
};

/// Chains that run together on one thread.
const GROUP: usize = 32;

/// The way from the base model to the machine: f_t for t on a ladder from 0 to 1.
#[derive(Clone, Debug, PartialEq)]
pub struct BaseRatePath {
    base: Vec<f64>,
    ladder: Vec<f64>,
}

impl BaseRatePath {
    /// A path with biases a⁰ of the base model, one for each visible unit ([`BinaryData::log_odds`] of training data is
    /// a good choice, zeros are always right), and `n_rungs` equally spaced values of t, both ends included.
    ///
    /// Errors: fewer than two rungs, a bias that is not within ±80.
    pub fn new(base: Vec<f64>, n_rungs: usize) -> Result<Self> {
        if let Some(i) = base.iter().position(|a| !(a.abs() <= 80.0)) {
            return Err(Error::out_of_range(format!("base rate {i}"), base[i], "in [-80, 80]"));
        }
        let base = base.into_iter().map(|a| f64::from(a as f32)).collect();
        Ok(BaseRatePath { base, ladder: annealing_ladder(&Schedule::linear(0.0, 1.0)?, n_rungs)? })
    }
    /// The values of t, from 0 to 1.
    pub fn ladder(&self) -> &[f64] {
        &self.ladder
    }
    /// The biases a⁰, as the f32 engine has them.
    pub fn base(&self) -> &[f64] {
        &self.base
    }
    fn check(&self, rbm: &Rbm) -> Result<()> {
        if self.base.len() == rbm.n_visible() {
            Ok(())
        } else {
            Err(Error::length("base rates", self.base.len(), rbm.n_visible()))
        }
    }
    /// ln Z of the base model: hidden units are fair coins.
    fn ln_z(&self, n_hidden: usize) -> f64 {
        self.base.iter().map(|a| softplus(*a)).sum::<f64>() + n_hidden as f64 * std::f64::consts::LN_2
    }
}

/// A machine at inverse temperature `beta`, as one at 1.
fn scaled(rbm: &Rbm, beta: f64) -> Result<Rbm> {
    positive("beta", beta)?;
    let times = |x: &[f64]| x.iter().map(|x| beta * x).collect();
    Rbm::new(times(rbm.visible_bias()), times(rbm.hidden_bias()), times(rbm.weights()))
}

/// Forward annealing: `n_runs` independent chains from the base model to the machine at `beta`.
///
/// [`Annealed::ln_z`] comes out too small on average when its error is large, and [`Annealed::ln_z_lower_bound`] is a
/// lower bound with an honest error. The final states approximate samples of the machine.
///
/// Errors: a path of another width, fewer than two runs.
///
/// ```
/// use smml_learn::ebm::{Rbm, ais, likelihood};
/// use smml_core::{parallel::Par, rng::Streams};
/// let rbm = Rbm::new(vec![0.3; 6], vec![-0.5; 4], (0..24).map(|k| 0.1 * k as f64 - 1.0).collect())?;
/// let path = ais::BaseRatePath::new(vec![0.0; 6], 200)?;
/// let run = ais::forward(&rbm, 1.0, &path, 200, &Streams::new(1), Par::Serial)?;
/// let exact = likelihood::ln_z_exact(&rbm, 1.0, Par::Serial)?;
/// assert!(run.ln_z()?.z(exact).abs() < 5.0);
/// # Ok::<(), smml_learn::Error>(())
/// ```
pub fn forward(
    rbm: &Rbm,
    beta: f64,
    path: &BaseRatePath,
    n_runs: usize,
    streams: &Streams,
    par: Par,
) -> Result<Annealed<Vec<u8>>> {
    if !(2..=1 << 24).contains(&n_runs) {
        return Err(Error::out_of_range("runs of annealing", n_runs, "in 2..=16777216"));
    }
    let rbm = scaled(rbm, beta)?;
    path.check(&rbm)?;
    let weights = Weights::from_rbm(&rbm, 0);
    let groups = parallel::map(par, n_runs.div_ceil(GROUP), |g| {
        let mut chains = Chains::new(&weights, path, GROUP.min(n_runs - g * GROUP));
        chains.forward(&streams.child("ais", g as u64));
        (chains.ln_weights, chains.v)
    });
    let (mut ln_weights, mut states) = (Vec::new(), Vec::new());
    for (w, v) in groups {
        ln_weights.extend(w);
        states.extend((0..v.n()).map(|m| weights.visible.unpack(v.row(m)).collect()));
    }
    Ok(Annealed::new(path.ln_z(rbm.n_hidden()), ln_weights, states)?)
}

/// Backward annealing: one chain from each row of `start`, which must be independent samples of the machine, to the
/// base model.
///
/// [`ReverseAnnealed::ln_z_upper_bound`] is an upper bound when they are. Samples that have not equilibrated make it
/// too low, so give them many steps of block Gibbs sampling first.
pub fn backward(
    rbm: &Rbm,
    beta: f64,
    path: &BaseRatePath,
    start: &BinaryData,
    streams: &Streams,
    par: Par,
) -> Result<ReverseAnnealed> {
    check_width(rbm, start)?;
    if start.len() < 2 {
        return Err(Error::out_of_range("rows to start from", start.len(), "at least 2"));
    }
    let rbm = scaled(rbm, beta)?;
    path.check(&rbm)?;
    let weights = Weights::from_rbm(&rbm, 0);
    let groups = parallel::map(par, start.len().div_ceil(GROUP), |g| {
        let n = GROUP.min(start.len() - g * GROUP);
        let mut words = Vec::new();
        (g * GROUP..g * GROUP + n).for_each(|m| weights.visible.pack(start.row(m), &mut words));
        let mut chains = Chains::new(&weights, path, n);
        chains.v.words = words;
        chains.backward(&streams.child("ais-backward", g as u64));
        chains.ln_weights
    });
    Ok(ReverseAnnealed::new(path.ln_z(rbm.n_hidden()), groups.concat())?)
}

/// ln Z from both sides: annealing forward, and backward from samples that block Gibbs steps made of its ends.
#[derive(Clone, Debug)]
pub struct Sandwich {
    /// From the base model to the machine.
    pub forward: Annealed<Vec<u8>>,
    /// From the machine to the base model.
    pub backward: ReverseAnnealed,
    /// Where the backward runs started: samples of the machine as good as its Gibbs sampler can make them.
    pub samples: BinaryData,
}

impl Sandwich {
    /// `n_runs` runs each way; `n_steps` of block Gibbs sampling between them.
    ///
    /// Errors: those of [`forward`] and [`backward`].
    pub fn run(
        rbm: &Rbm,
        beta: f64,
        path: &BaseRatePath,
        n_runs: usize,
        n_steps: usize,
        streams: &Streams,
        par: Par,
    ) -> Result<Self> {
        let forward = forward(rbm, beta, path, n_runs, streams, par)?;
        let ends = BinaryData::from_rows(forward.states())?;
        let gibbs = GibbsChains { beta, ..GibbsChains::new(n_steps) }.run(
            rbm,
            &ends,
            &streams.child("gibbs", 0),
            par,
        )?;
        let backward = backward(rbm, beta, path, &gibbs.states, streams, par)?;
        Ok(Sandwich { forward, backward, samples: gibbs.states })
    }
    /// ln Z₀ + ⟨ln w⟩ of the forward runs: at most ln Z.
    pub fn lower(&self) -> Result<Estimate> {
        Ok(self.forward.ln_z_lower_bound()?)
    }
    /// ln Z₀ - ⟨ln w⟩ of the backward runs: at least ln Z, as far as their starts were samples of the machine.
    pub fn upper(&self) -> Result<Estimate> {
        Ok(self.backward.ln_z_upper_bound()?)
    }
    /// ln Z from the runs of both directions by Bennett's acceptance ratio, the estimate of least variance.
    ///
    /// Errors: the two sets of weights do not overlap enough: take more rungs.
    pub fn ln_z(&self) -> Result<Estimate> {
        let works = |w: &[f64]| w.iter().map(|w| -w).collect::<Vec<f64>>();
        let (forward, backward) = (works(self.forward.ln_weights()), works(self.backward.ln_weights()));
        let f = bar(&forward, &backward)?;
        Ok(f.delta_f.affine(self.forward.ln_z_start(), -1.0))
    }
}

/// Some chains and their memory.
struct Chains<'a> {
    weights: &'a Weights,
    ladder: &'a [f64],
    base: Vec<Line>,
    /// a - a⁰ of every padded visible unit.
    difference: Vec<f64>,
    v: States,
    h: States,
    ln_weights: Vec<f64>,
    lists: Lists,
    hidden: Vec<Work>,
    visible: Vec<Work>,
    fields: Vec<f64>,
}

impl<'a> Chains<'a> {
    fn new(weights: &'a Weights, path: &'a BaseRatePath, n: usize) -> Self {
        let base = weights.visible.lines(|i| path.base[i] as f32, engine::NEVER);
        let difference = weights
            .a
            .iter()
            .zip(&base)
            .flat_map(|(a, b)| (0..16).map(|k| f64::from(a.0[k]) - f64::from(b.0[k])));
        Chains {
            difference: difference.collect(),
            base,
            ladder: &path.ladder,
            v: States::zeros(&weights.visible, n),
            h: States::zeros(&weights.hidden, n),
            ln_weights: vec![0.0; n],
            lists: Lists::default(),
            hidden: Work::new(&weights.hidden, n),
            visible: Work::new(&weights.visible, n),
            fields: Vec::new(),
            weights,
        }
    }

    fn forward(&mut self, rng: &Streams) {
        self.draw_visible(0.0, &rng.child("start", 0));
        for (k, step) in self.ladder.windows(2).enumerate() {
            self.step(step[0], step[1], &rng.child("rung", k as u64));
        }
    }

    fn backward(&mut self, rng: &Streams) {
        for (k, step) in self.ladder.windows(2).enumerate().rev() {
            self.step(step[1], step[0], &rng.child("rung", k as u64));
        }
    }

    /// The weight of going from t = `from` to `to`, and a step of block Gibbs sampling there.
    fn step(&mut self, from: f64, to: f64, rng: &Streams) {
        self.draw_hidden(to, rng);
        self.weigh(from, to);
        self.draw_visible(to, rng);
    }

    /// Draws hidden units at `t`; the fields of the visible states stay in `hidden`.
    fn draw_hidden(&mut self, t: f64, rng: &Streams) {
        let w = self.weights;
        let bias = mix(&w.b, &w.b, t as f32, &w.hidden, true);
        self.v.lists(&mut self.lists);
        let labels = LabelUnits::Bernoulli;
        let rng = rng.child("hidden", 0);
        engine::sample_layer(
            &w.hidden,
            &w.w,
            &bias,
            t as f32,
            &self.lists,
            labels,
            &rng,
            Par::Serial,
            &mut self.hidden,
            &mut self.h,
        );
    }

    fn draw_visible(&mut self, t: f64, rng: &Streams) {
        let w = self.weights;
        let bias = mix(&self.base, &w.a, t as f32, &w.visible, false);
        self.h.lists(&mut self.lists);
        let labels = LabelUnits::Bernoulli;
        let rng = rng.child("visible", 0);
        engine::sample_layer(
            &w.visible,
            &w.transposed,
            &bias,
            t as f32,
            &self.lists,
            labels,
            &rng,
            Par::Serial,
            &mut self.visible,
            &mut self.v,
        );
    }

    /// ln f at `t` minus ln f at `before`, hidden units summed out, at the states whose fields are in `hidden`.
    fn weigh(&mut self, before: f64, t: f64) {
        let n_hidden = self.weights.hidden.n_units();
        for m in 0..self.v.n() {
            self.fields.clear();
            for work in &self.hidden {
                let n = work.panel.n_lines;
                let lines = work.fields[m * n..(m + 1) * n].iter().zip(&self.weights.b[work.panel.first..]);
                self.fields
                    .extend(lines.flat_map(|(x, b)| (0..16).map(|k| f64::from(x.0[k]) + f64::from(b.0[k]))));
            }
            self.fields.truncate(n_hidden);
            let visible: f64 = ones(self.v.row(m)).map(|i| self.difference[i]).sum();
            self.ln_weights[m] +=
                (t - before) * visible + softplus_sum(&self.fields, t) - softplus_sum(&self.fields, before);
        }
    }
}

/// (1 - t) from + t to on real units, or t to alone; padding never fires.
fn mix(from: &[Line], to: &[Line], t: f32, layer: &Layer, only_to: bool) -> Vec<Line> {
    let at = |i: usize| {
        let (f, g) = (from[i / 16].0[i % 16], to[i / 16].0[i % 16]);
        if only_to { t * g } else { (1.0 - t) * f + t * g }
    };
    layer.lines(|unit| at(layer.place(unit)), engine::NEVER)
}

fn ones(words: &[u64]) -> impl Iterator<Item = usize> {
    words.iter().enumerate().flat_map(|(k, &word)| {
        let mut left = word;
        std::iter::from_fn(move || {
            (left != 0).then(|| {
                let bit = left.trailing_zeros() as usize;
                left &= left - 1;
                64 * k + bit
            })
        })
    })
}

#[cfg(test)]
mod tests {
    use super::super::{likelihood::ln_z_exact, rbm::tests::random};
    use super::*;
    use smml_core::simd::{Path, with_path};

    fn path(n_rungs: usize, n: usize) -> BaseRatePath {
        BaseRatePath::new((0..n).map(|i| 0.3 * (i % 3) as f64 - 0.2).collect(), n_rungs).unwrap()
    }

    #[test]
    fn independent_units_are_exact_with_one_step() {
        // W = 0 and the base equal to a: every weight is Π (1 + e^b) / 2, whatever the states.
        let rbm = Rbm::new(vec![0.5, -1.0, 0.25], vec![1.0, -2.0], vec![0.0; 6]).unwrap();
        let path = BaseRatePath::new(vec![0.5, -1.0, 0.25], 2).unwrap();
        let run = forward(&rbm, 1.0, &path, 50, &Streams::new(1), Par::Serial).unwrap();
        let exact = ln_z_exact(&rbm, 1.0, Par::Serial).unwrap();
        let got = run.ln_z().unwrap();
        assert!((got.value - exact).abs() < 1e-12 && got.std_error < 1e-12);
    }

    #[test]
    fn forward_and_backward_agree_with_enumeration_and_their_errors_cover() {
        let rbm = random(20, 17, 0.4, 3);
        for (beta, seed) in [(1.0, 0), (0.6, 1)] {
            let exact = ln_z_exact(&rbm, beta, Par::Rayon).unwrap();
            let (mut squares, mut inside) = (0.0, 0);
            let n = 100;
            for k in 0..n {
                let streams = Streams::new(seed).child("run", k);
                let run = forward(&rbm, beta, &path(61, 20), 64, &streams, Par::Serial).unwrap();
                let z = run.ln_z().unwrap().z(exact);
                squares += z * z;
                inside += u32::from(z.abs() < 1.0);
                // The forward run's weights are nearly equal here, so its ends are close to samples of the machine.
                let ends = BinaryData::from_rows(run.states()).unwrap();
                let back = backward(&rbm, beta, &path(61, 20), &ends, &streams, Par::Serial).unwrap();
                let z = back.ln_z().unwrap().z(exact);
                assert!(z.abs() < 6.0, "backward z = {z}");
            }
            // <z²> = 1 ± √(2/n) = 0.14 for normal z; skewed weights add a little: gate at 5 sigma. 68 ± 5 inside.
            assert!((squares / n as f64 - 1.0).abs() < 0.8, "<z²> = {}", squares / n as f64);
            assert!((45..=92).contains(&inside), "{inside} of {n} within one error");
        }
    }

    #[test]
    fn the_bounds_are_on_their_sides() {
        // Few rungs, so that each bound is many errors away from the exact value, and exact samples by long Gibbs runs.
        let rbm = random(20, 17, 0.5, 4);
        let exact = ln_z_exact(&rbm, 1.0, Par::Rayon).unwrap();
        let sandwich =
            Sandwich::run(&rbm, 1.0, &path(6, 20), 400, 1000, &Streams::new(2), Par::Rayon).unwrap();
        let (lower, upper) = (sandwich.lower().unwrap(), sandwich.upper().unwrap());
        assert!(lower.z(exact) < -10.0 && upper.z(exact) > 10.0, "{lower} {exact} {upper}");
        // Both together know better.
        let both = Sandwich::run(&rbm, 1.0, &path(61, 20), 400, 1000, &Streams::new(3), Par::Rayon).unwrap();
        let ln_z = both.ln_z().unwrap();
        assert!(ln_z.z(exact).abs() < 5.0 && ln_z.std_error < 0.05, "{ln_z} {exact}");
    }

    #[test]
    fn same_bits_for_any_threads_and_path() {
        let rbm = random(37, 70, 0.2, 5);
        let go = |par| {
            let s = Sandwich::run(&rbm, 1.0, &path(20, 37), 70, 5, &Streams::new(4), par).unwrap();
            (s.forward.ln_weights().to_vec(), s.backward.ln_weights().to_vec(), s.samples)
        };
        let expected = go(Par::Serial);
        for path in Path::available() {
            assert_eq!(with_path(path, || go(Par::Serial)), expected);
        }
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        assert_eq!(pool.install(|| go(Par::Rayon)), expected);
    }

    #[test]
    fn bad_arguments_are_refused() {
        let rbm = random(3, 2, 1.0, 1);
        let go = |p: &BaseRatePath, n| forward(&rbm, 1.0, p, n, &Streams::new(1), Par::Serial);
        assert!(go(&path(6, 3), 1).is_err() && go(&path(6, 4), 10).is_err());
        assert!(BaseRatePath::new(vec![0.0; 3], 1).is_err());
        assert!(BaseRatePath::new(vec![f64::NAN; 3], 5).is_err());
        assert!(go(&path(6, 3), 5).unwrap().ln_z().unwrap_err().to_string().contains("too short"));
    }
}
