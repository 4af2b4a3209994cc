//! ln Z of large machines by annealed importance sampling from base rates, forward and backward.
//!
//! Base-rate annealing: f_t(v, h) = exp((1 - t) a⁰·v + t (a·v + b·h + v·W·h)), from independent visible units with biases a⁰
//! (t = 0) to the machine (t = 1), after Salakhutdinov and Murray (ICML 2008). Chains run on the f32 engine, which
//! rounds parameters to 24 bits; weights are accumulated in f64.

use super::{
    engine::{self, LabelUnits, Layer, Line, Lists, States, Weights, Work},
    likelihood::check_width,
    numeric::{softplus, softplus_sum},
    rbm::Rbm,
};
use crate::{
    data::BinaryData,
    error::{Error, Result},
};
use serde::{Deserialize, Serialize};
use smml_core::{
    Estimate,
    energy::ln_sum_exp,
    error::positive,
    estimate::{MIN_N_EFF, Source},
    parallel::{self, Par},
    rng::Streams,
};

/// Chains that run together on one thread.
const GROUP: usize = 32;

/// How to anneal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AisPlan {
    /// Steps of t from 0 to 1, equally spaced; at least 1.
    pub n_rungs: usize,
    /// Independent chains; at least 2.
    pub n_chains: usize,
    /// Biases a⁰ of the base model, one for each visible unit: [`BinaryData::log_odds`] of training data is a good choice,
    /// zeros are always right.
    pub base: Vec<f64>,
}

/// Importance weights of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct AisRun {
    /// ln Z of the base model.
    pub ln_z_base: f64,
    /// ln of the weights, one for each chain.
    pub ln_weights: Vec<f64>,
    /// Visible states at the end: for a forward run approximate samples of the machine.
    pub states: BinaryData,
    backward: bool,
}

impl AisRun {
    /// ln Z with the error of the mean weight (delta method).
    ///
    /// Forward runs: the weights are unbiased for Z, so ln Z comes out too small on average when the errors are
    /// large. Backward runs: too large, if the start was drawn from the machine. Together they bracket ln Z.
    ///
    /// Errors: too few chains carry the weight (n_eff < 10): use more rungs or chains.
    pub fn ln_z(&self) -> Result<Estimate> {
        let n = self.ln_weights.len() as f64;
        let ln_mean = ln_sum_exp(&self.ln_weights) - libm::log(n);
        let scaled: Vec<f64> = self.ln_weights.iter().map(|w| libm::exp(w - ln_mean)).collect();
        let squares = scaled.iter().map(|w| w * w).sum::<f64>();
        let n_eff = n * n / squares;
        // A NaN counts as too short.
        if !(n_eff >= MIN_N_EFF) {
            return Err(
                smml_core::Error::TooShort { have: n_eff as usize, needed: MIN_N_EFF as usize }.into()
            );
        }
        let variance = scaled.iter().map(|w| (w - 1.0) * (w - 1.0)).sum::<f64>() / (n - 1.0);
        let ratio = Estimate {
            value: ln_mean,
            std_error: (variance / n).sqrt(),
            tau_int: 0.5,
            n_eff,
            dof: (n_eff - 1.0).max(1.0),
            source: if variance == 0.0 { Source::Constant } else { Source::Population },
        };
        Ok(ratio.affine(self.ln_z_base, if self.backward { -1.0 } else { 1.0 }))
    }
}

/// A machine at inverse temperature `beta`, as one at 1.
fn scaled(rbm: &Rbm, beta: f64) -> Result<Rbm> {
    positive("beta", beta)?;
    let times = |x: &[f64]| x.iter().map(|x| beta * x).collect();
    Rbm::new(times(rbm.visible_bias()), times(rbm.hidden_bias()), times(rbm.weights()))
}

fn check(rbm: &Rbm, n_rungs: usize, base: &[f64]) -> Result<()> {
    if n_rungs == 0 {
        return Err(Error::out_of_range("n-rungs", n_rungs, "at least 1"));
    }
    if base.len() != rbm.n_visible() {
        return Err(Error::length("base rates", base.len(), rbm.n_visible()));
    }
    if let Some(i) = base.iter().position(|a| !(a.abs() <= 80.0)) {
        return Err(Error::out_of_range(format!("base rate {i}"), base[i], "in [-80, 80]"));
    }
    Ok(())
}

/// Forward annealing: from the base model to the machine at `beta`.
///
/// ```
/// use smml_learn::ebm::{Rbm, ais, likelihood};
/// use smml_core::{parallel::Par, rng::Streams};
/// let rbm = Rbm::new(vec![0.3; 6], vec![-0.5; 4], (0..24).map(|k| 0.1 * k as f64 - 1.0).collect())?;
/// let plan = ais::AisPlan { n_rungs: 200, n_chains: 200, base: vec![0.0; 6] };
/// let run = ais::forward(&rbm, 1.0, &plan, &Streams::new(1), Par::Serial)?;
/// let exact = likelihood::ln_z_exact(&rbm, 1.0, Par::Serial)?;
/// assert!(run.ln_z()?.z(exact).abs() < 5.0);
/// # Ok::<(), smml_learn::Error>(())
/// ```
pub fn forward(rbm: &Rbm, beta: f64, plan: &AisPlan, streams: &Streams, par: Par) -> Result<AisRun> {
    check(rbm, plan.n_rungs, &plan.base)?;
    if !(2..=1 << 24).contains(&plan.n_chains) {
        return Err(Error::out_of_range("n-chains", plan.n_chains, "in 2..=16777216"));
    }
    run(&scaled(rbm, beta)?, plan.n_rungs, &plan.base, plan.n_chains, None, streams, par)
}

/// Backward annealing: from `start`, which should be independent samples of the machine, to the base model.
pub fn backward(
    rbm: &Rbm,
    beta: f64,
    n_rungs: usize,
    base: &[f64],
    start: &BinaryData,
    streams: &Streams,
    par: Par,
) -> Result<AisRun> {
    check(rbm, n_rungs, base)?;
    check_width(rbm, start)?;
    if start.len() < 2 {
        return Err(Error::out_of_range("rows to start from", start.len(), "at least 2"));
    }
    run(&scaled(rbm, beta)?, n_rungs, base, start.len(), Some(start), streams, par)
}

fn run(
    rbm: &Rbm,
    n_rungs: usize,
    base: &[f64],
    n_chains: usize,
    start: Option<&BinaryData>,
    streams: &Streams,
    par: Par,
) -> Result<AisRun> {
    let weights = Weights::from_rbm(rbm, 0);
    let ln_z_base =
        base.iter().map(|a| softplus(*a)).sum::<f64>() + rbm.n_hidden() as f64 * std::f64::consts::LN_2;
    let groups = parallel::map(par, n_chains.div_ceil(GROUP), |g| {
        let n = GROUP.min(n_chains - g * GROUP);
        let mut chains = Chains::new(&weights, base, n);
        let rng = streams.child("ais", g as u64);
        match start {
            None => chains.forward(n_rungs, &rng),
            Some(rows) => {
                let mut words = Vec::new();
                (g * GROUP..g * GROUP + n).for_each(|m| weights.visible.pack(rows.row(m), &mut words));
                chains.v.words = words;
                chains.backward(n_rungs, &rng);
            }
        }
        (chains.ln_weights, chains.v)
    });
    let (mut ln_weights, mut bits) = (Vec::new(), Vec::new());
    for (w, v) in groups {
        ln_weights.extend(w);
        (0..v.n()).for_each(|m| bits.extend(weights.visible.unpack(v.row(m))));
    }
    let states = BinaryData::new(rbm.n_visible(), bits)?;
    Ok(AisRun { ln_z_base, ln_weights, states, backward: start.is_some() })
}

/// Some chains and their memory.
struct Chains<'a> {
    weights: &'a Weights,
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
    fn new(weights: &'a Weights, base: &[f64], n: usize) -> Self {
        let base = weights.visible.lines(|i| base[i] as f32, engine::NEVER);
        let difference = weights
            .a
            .iter()
            .zip(&base)
            .flat_map(|(a, b)| (0..16).map(|k| f64::from(a.0[k]) - f64::from(b.0[k])));
        Chains {
            difference: difference.collect(),
            base,
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

    fn forward(&mut self, n_rungs: usize, rng: &Streams) {
        self.draw_visible(0.0, &rng.child("start", 0));
        for k in 1..=n_rungs {
            let (before, t) = ((k - 1) as f64 / n_rungs as f64, k as f64 / n_rungs as f64);
            let rng = rng.child("rung", k as u64);
            self.draw_hidden(t, &rng);
            self.weigh(before, t);
            self.draw_visible(t, &rng);
        }
    }

    fn backward(&mut self, n_rungs: usize, rng: &Streams) {
        for k in (1..=n_rungs).rev() {
            let (before, t) = (k as f64 / n_rungs as f64, (k - 1) as f64 / n_rungs as f64);
            let rng = rng.child("rung", k as u64);
            self.draw_hidden(t, &rng);
            self.weigh(before, t);
            self.draw_visible(t, &rng);
        }
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

    fn plan(n_rungs: usize, n_chains: usize, n: usize) -> AisPlan {
        AisPlan { n_rungs, n_chains, base: (0..n).map(|i| 0.3 * (i % 3) as f64 - 0.2).collect() }
    }

    #[test]
    fn independent_units_are_exact_with_one_rung() {
        // W = 0 and the base equal to a: every weight is Π (1 + e^b) / 2, whatever the states.
        let rbm = Rbm::new(vec![0.5, -1.0, 0.25], vec![1.0, -2.0], vec![0.0; 6]).unwrap();
        let plan = AisPlan { n_rungs: 1, n_chains: 50, base: vec![0.5, -1.0, 0.25] };
        let run = forward(&rbm, 1.0, &plan, &Streams::new(1), Par::Serial).unwrap();
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
                let run = forward(&rbm, beta, &plan(60, 64, 20), &streams, Par::Serial).unwrap();
                let z = run.ln_z().unwrap().z(exact);
                squares += z * z;
                inside += u32::from(z.abs() < 1.0);
                // Start the way back from fresh samples: a long forward run, resampled by nobody, is close enough
                // here because its weights are nearly equal.
                let back = backward(
                    &rbm,
                    beta,
                    60,
                    &plan(1, 2, 20).base,
                    &run.states,
                    &streams.child("b", 0),
                    Par::Serial,
                );
                let z = back.unwrap().ln_z().unwrap().z(exact);
                assert!(z.abs() < 6.0, "backward z = {z}");
            }
            // <z²> = 1 ± √(2/n) = 0.14 for normal z; skewed weights add a little: gate at 5 sigma. 68 ± 5 inside.
            assert!((squares / n as f64 - 1.0).abs() < 0.8, "<z²> = {}", squares / n as f64);
            assert!((45..=92).contains(&inside), "{inside} of {n} within one error");
        }
    }

    #[test]
    fn same_bits_for_any_threads_and_path() {
        let rbm = random(37, 70, 0.2, 5);
        let weights = |par| forward(&rbm, 1.0, &plan(20, 70, 37), &Streams::new(4), par).unwrap();
        let expected = weights(Par::Serial);
        for path in Path::available() {
            assert_eq!(with_path(path, || weights(Par::Serial)), expected);
        }
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        assert_eq!(pool.install(|| weights(Par::Rayon)), expected);
    }

    #[test]
    fn bad_plans_are_refused() {
        let rbm = random(3, 2, 1.0, 1);
        let go = |p: AisPlan| forward(&rbm, 1.0, &p, &Streams::new(1), Par::Serial);
        assert!(go(plan(0, 10, 3)).is_err() && go(plan(5, 1, 3)).is_err() && go(plan(5, 10, 4)).is_err());
        assert!(go(AisPlan { base: vec![f64::NAN; 3], ..plan(5, 10, 3) }).is_err());
        let one = go(AisPlan { n_chains: 5, ..plan(5, 10, 3) }).unwrap();
        assert!(one.ln_z().unwrap_err().to_string().contains("too short"));
    }
}
