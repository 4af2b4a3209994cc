//! Using a machine: drawing rows, filling in what is missing, telling classes apart.

use super::{
    examples::{Examples, hidden_layers},
    matrix::Matrix,
    model::DeepMachine,
    sampler::{self, Held, MeanField},
    train::shown,
    units::LayerUnits,
};
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use smml_core::{
    Estimate,
    energy::ln_sum_exp,
    parallel::{self, Par},
    rng::Streams,
    schedule::Schedule,
};

/// Rows that run together on one thread.
const GROUP: usize = 64;

/// Block Gibbs chains, one for each row to start from.
///
/// Held units keep the values they start with: with the known part of a picture held the rest is filled in, with the label
/// held pictures of a class are drawn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeepChains {
    /// Steps; each draws the even layers, then the odd ones.
    pub n_steps: usize,
    /// β over the steps: a rising schedule anneals.
    pub beta: Schedule,
    /// Units of the first layer that keep their values.
    pub held: Vec<usize>,
}

/// Where chains ended.
#[derive(Clone, Debug, PartialEq)]
pub struct DeepSamples {
    /// States of the first layer, rows × units.
    pub states: Vec<f64>,
    /// Means of the first layer given the layer above: smoother pictures. Held units have their value.
    pub means: Vec<f64>,
    /// States of the last layer, rows × units: labels as one-hot values, where it shows labels.
    pub last: Vec<f64>,
}

impl DeepChains {
    /// Free chains at β = 1.
    pub fn new(n_steps: usize) -> Self {
        DeepChains { n_steps, beta: Schedule::Constant(1.0), held: Vec::new() }
    }

    /// Runs the chains. Rows start where `start` says; with labels these are held, without them the last layer is free. Random
    /// numbers belong to (streams, group of 64 rows, step).
    ///
    /// Errors: no step, rows that are no states of the layers that show them, a held unit that does not exist, β that is negative
    /// anywhere or not above 0 for real numbers.
    pub fn run(
        &self,
        machine: &DeepMachine,
        start: &Examples,
        streams: &Streams,
        par: Par,
    ) -> Result<DeepSamples> {
        start.check(machine.layers())?;
        if self.n_steps == 0 {
            return Err(Error::out_of_range("n-steps", 0, "at least 1"));
        }
        let (low, high) = self.beta.clone().checked()?.bounds();
        let real = matches!(machine.layers()[0], LayerUnits::Gaussian { .. });
        if !(low >= 0.0 && (!real || low > 0.0) && high <= 1e6) {
            let allowed = if real { "in (0, 1e6] for real numbers" } else { "in [0, 1e6]" };
            return Err(Error::out_of_range("beta", if high > 1e6 { high } else { low }, allowed));
        }
        let n = machine.n_units(0);
        let mut units = vec![false; n];
        for &unit in &self.held {
            let Some(mark) = units.get_mut(unit) else {
                return Err(Error::out_of_range("held unit", unit, format!("below {n}")));
            };
            *mark = true;
        }
        // A softmax variable is drawn as a whole: holding one of its units holds the others.
        if let LayerUnits::Softmax { q, .. } = machine.layers()[0] {
            units.chunks_exact_mut(q).filter(|g| g.contains(&true)).for_each(|g| g.fill(true));
        }
        let held = Held { units, labels: start.labels().is_some() };
        let groups = parallel::map(par, start.len().div_ceil(GROUP), |g| {
            let rows = g * GROUP..start.len().min((g + 1) * GROUP);
            let rng = streams.child("chains", g as u64);
            let data = shown(machine, start, rows.clone());
            let mut state = sampler::neutral(machine, rows.len(), &rng.child("start", 0), Par::Serial);
            state[0].clone_from(&data[0]);
            if held.labels {
                let last = machine.n_layers() - 1;
                state[last].clone_from(&data[last]);
            }
            // Layers in between begin on condition of what is shown.
            let first = self.beta.at(0.0);
            for l in (1..machine.n_layers()).step_by(2) {
                sampler::draw_layer(
                    machine,
                    &mut state,
                    l,
                    first,
                    &held,
                    &rng.child("start", 1),
                    Par::Serial,
                );
            }
            let mut beta = first;
            for (k, now) in self.beta.values(self.n_steps).enumerate() {
                beta = now;
                sampler::step(machine, &mut state, beta, &held, &rng.child("step", k as u64), Par::Serial);
            }
            let mut means = sampler::fields_given(machine, &state, 0, Par::Serial);
            sampler::to_means(machine, 0, beta, &mut means, Par::Serial);
            for (row, own) in means.values.chunks_exact_mut(n).zip(state[0].rows()) {
                for ((m, x), held) in row.iter_mut().zip(own).zip(&held.units) {
                    if *held {
                        *m = *x;
                    }
                }
            }
            let last = state.pop().map_or_else(Vec::new, |x| x.values);
            (state.swap_remove(0).values, means.values, last)
        });
        let mut out = DeepSamples { states: Vec::new(), means: Vec::new(), last: Vec::new() };
        for (states, means, last) in groups {
            out.states.extend(states);
            out.means.extend(means);
            out.last.extend(last);
        }
        Ok(out)
    }
}

/// ln Σ exp(-E) over hidden units of every row (with its label, where there is one), bounded from below by the mean field; exact for a
/// single hidden layer. Less ln Z it bounds ln P.
///
/// Errors: rows that are no states of the layers that show them, no hidden layer, no pass.
pub fn bounds(machine: &DeepMachine, examples: &Examples, max_passes: usize, par: Par) -> Result<Vec<f64>> {
    examples.check(machine.layers())?;
    let hidden = hidden_layers(machine, examples.labels().is_some());
    check(&hidden, max_passes)?;
    let groups = parallel::map(par, examples.len().div_ceil(GROUP), |g| {
        let rows = g * GROUP..examples.len().min((g + 1) * GROUP);
        let data = shown(machine, examples, rows);
        let MeanField { means, .. } =
            sampler::mean_field(machine, data, hidden.clone(), max_passes, TOLERANCE, Par::Serial);
        sampler::bounds(machine, &means, hidden.clone(), Par::Serial)
    });
    Ok(groups.concat())
}

/// Largest change of a mean at which the mean field ends.
const TOLERANCE: f64 = 1e-6;

fn check(hidden: &std::ops::Range<usize>, max_passes: usize) -> Result<()> {
    if hidden.is_empty() {
        return Err(Error::out_of_range("number of hidden layers", 0, "at least 1"));
    }
    if max_passes == 0 {
        return Err(Error::out_of_range("max-passes", 0, "at least 1"));
    }
    Ok(())
}

/// ln P(c | v) of every class for every row, rows × classes: each label is tried in turn, hidden units by the mean field. Exact for
/// a single hidden layer.
///
/// Errors: a last layer that is not one softmax variable, rows that are no states of the first layer, no pass.
pub fn ln_class_probabilities(
    machine: &DeepMachine,
    examples: &Examples,
    max_passes: usize,
    par: Par,
) -> Result<Vec<Vec<f64>>> {
    let last = machine.n_layers() - 1;
    let LayerUnits::Softmax { groups: 1, q } = machine.layers()[last] else {
        let allowed = "one softmax variable, whose states are the classes";
        return Err(Error::out_of_range("last layer", format!("{:?}", machine.layers()[last]), allowed));
    };
    examples.check(machine.layers())?;
    let hidden = hidden_layers(machine, true);
    check(&hidden, max_passes)?;
    let groups = parallel::map(par, examples.len().div_ceil(GROUP), |g| {
        let rows = g * GROUP..examples.len().min((g + 1) * GROUP);
        let data = shown(machine, examples, rows.clone());
        let mut scores = vec![Vec::with_capacity(q); rows.len()];
        for c in 0..q {
            let mut layers = data.clone();
            layers[last] = Matrix::zeros(rows.len(), q);
            layers[last].values.chunks_exact_mut(q).for_each(|y| y[c] = 1.0);
            let MeanField { means, .. } =
                sampler::mean_field(machine, layers, hidden.clone(), max_passes, TOLERANCE, Par::Serial);
            let bounds = sampler::bounds(machine, &means, hidden.clone(), Par::Serial);
            scores.iter_mut().zip(bounds).for_each(|(s, b)| s.push(b));
        }
        for row in &mut scores {
            let norm = ln_sum_exp(row);
            row.iter_mut().for_each(|s| *s -= norm);
        }
        scores
    });
    Ok(groups.concat())
}

/// The most probable class of every row by [`ln_class_probabilities`], the lowest of equals, and the share that agrees with the labels of
/// the examples.
///
/// Errors: as there, and examples without labels.
pub fn accuracy(
    machine: &DeepMachine,
    examples: &Examples,
    max_passes: usize,
    par: Par,
) -> Result<(Vec<u8>, Estimate)> {
    let Some((labels, _)) = examples.labels() else {
        return Err(Error::out_of_range("labels", "none", "one for every row"));
    };
    let scores = ln_class_probabilities(machine, examples, max_passes, par)?;
    let best = |s: &Vec<f64>| {
        let mut best = 0;
        for c in 1..s.len() {
            if s[c] > s[best] {
                best = c;
            }
        }
        best as u8
    };
    let found: Vec<u8> = scores.iter().map(best).collect();
    let hits = found.iter().zip(labels).filter(|(a, b)| a == b).count();
    Ok((found, Estimate::from_counts(hits as u64, labels.len() as u64)?))
}

#[cfg(test)]
mod tests {
    use super::{
        super::{exact, examples::RealRows, model::tests::random},
        *,
    };
    use crate::data::BinaryData;

    const B: fn(usize) -> LayerUnits = |n| LayerUnits::Binary { n };
    const P: fn(usize, usize) -> LayerUnits = |groups, q| LayerUnits::Softmax { groups, q };

    #[test]
    fn missing_units_are_filled_in_by_their_conditional_distribution() {
        let machine = random(vec![B(4), LayerUnits::Spins { n: 3 }, B(2)], 0.8, 130);
        let n = 10_000;
        let start = Examples::bits(BinaryData::new(4, [1, 0, 0, 1].repeat(n)).unwrap());
        let chains = DeepChains { held: vec![0, 3], ..DeepChains::new(30) };
        let found = chains.run(&machine, &start, &Streams::new(3), Par::Rayon).unwrap();
        assert_eq!(found, chains.run(&machine, &start, &Streams::new(3), Par::Serial).unwrap());
        let rows: Vec<u8> = (0..4).flat_map(|k| [1, k & 1, k >> 1, 1]).collect();
        let rows = Examples::bits(BinaryData::new(4, rows).unwrap());
        let p: Vec<f64> =
            exact::ln_unnormalised(&machine, &rows, Par::Serial).unwrap().iter().map(|x| x.exp()).collect();
        let total: f64 = p.iter().sum();
        for (i, want) in [(1, (p[1] + p[3]) / total), (2, (p[2] + p[3]) / total)] {
            for values in [&found.states, &found.means] {
                let mean = values.chunks_exact(4).map(|r| r[i]).sum::<f64>() / n as f64;
                assert!(
                    (mean - want).abs() < 6.0 * (want * (1.0 - want) / n as f64).sqrt(),
                    "{i}: {mean} {want}"
                );
            }
        }
        assert!(
            found
                .states
                .chunks_exact(4)
                .chain(found.means.chunks_exact(4))
                .all(|r| r[0] == 1.0 && r[3] == 1.0)
        );
        // The known part at the right place.
        let noisy = chains.run(&machine, &start, &Streams::new(4), Par::Serial).unwrap();
        assert!(noisy != found);
    }

    #[test]
    fn pictures_of_a_class_and_whole_variables() {
        let machine = random(vec![P(2, 3), B(4), P(1, 3)], 1.0, 131);
        let n = 6000;
        let start = Examples::bits(BinaryData::new(6, [1, 0, 0, 0, 0, 1].repeat(n)).unwrap())
            .with_labels(vec![2; n], 3)
            .unwrap();
        // One unit of the first variable: all of it is held.
        let chains = DeepChains { held: vec![1], ..DeepChains::new(20) };
        let found = chains.run(&machine, &start, &Streams::new(5), Par::Rayon).unwrap();
        assert!(found.states.chunks_exact(6).all(|r| r[..3] == [1.0, 0.0, 0.0]));
        assert!(found.last.chunks_exact(3).all(|y| y == [0.0, 0.0, 1.0]));
        let rows: Vec<u8> =
            (0..3).flat_map(|c| [1, 0, 0, u8::from(c == 0), u8::from(c == 1), u8::from(c == 2)]).collect();
        let rows = Examples::bits(BinaryData::new(6, rows).unwrap()).with_labels(vec![2; 3], 3).unwrap();
        let p: Vec<f64> =
            exact::ln_unnormalised(&machine, &rows, Par::Serial).unwrap().iter().map(|x| x.exp()).collect();
        for c in 0..3 {
            let want = p[c] / p.iter().sum::<f64>();
            let share = found.states.chunks_exact(6).map(|r| r[3 + c]).sum::<f64>() / n as f64;
            assert!(
                (share - want).abs() < 6.0 * (want * (1.0 - want) / n as f64).sqrt(),
                "{c}: {share} {want}"
            );
        }
    }

    #[test]
    fn classes_are_exact_with_one_hidden_layer_and_near_with_two() {
        let data = BinaryData::new(4, vec![1, 0, 0, 1, 0, 1, 1, 1, 1, 1, 1, 0]).unwrap();
        let examples = Examples::bits(data).with_labels(vec![0, 1, 2], 3).unwrap();
        for (layers, tolerance) in
            [(vec![B(4), B(5), P(1, 3)], 1e-10), (vec![B(4), B(4), B(3), P(1, 3)], 0.3)]
        {
            let machine = random(layers, 0.7, 132);
            let found = ln_class_probabilities(&machine, &examples, 200, Par::Rayon).unwrap();
            let exact = exact::ln_class_probabilities(&machine, &examples, Par::Serial).unwrap();
            for (a, b) in found.iter().flatten().zip(exact.iter().flatten()) {
                assert!((a - b).abs() < tolerance, "{a} {b}");
            }
            let (classes, share) = accuracy(&machine, &examples, 200, Par::Serial).unwrap();
            let right = classes.iter().zip([0, 1, 2]).filter(|(a, b)| *a == b).count();
            assert!((share.value - right as f64 / 3.0).abs() < 1e-15);
            let below = bounds(&machine, &examples, 200, Par::Rayon).unwrap();
            let sums = exact::ln_unnormalised(&machine, &examples, Par::Serial).unwrap();
            assert!(below.iter().zip(&sums).all(|(a, b)| *a <= b + 1e-10 && a > &(b - 0.5)));
        }
    }

    #[test]
    fn what_cannot_be_run_is_refused() {
        let machine = random(vec![B(4), B(3)], 0.7, 133);
        let start = Examples::bits(BinaryData::new(4, vec![0; 4]).unwrap());
        let ask = |chains: DeepChains| {
            chains.run(&machine, &start, &Streams::new(1), Par::Serial).unwrap_err().to_string()
        };
        assert!(ask(DeepChains::new(0)).contains("n-steps = 0"));
        assert!(ask(DeepChains { held: vec![4], ..DeepChains::new(1) }).contains("held unit = 4"));
        assert!(
            ask(DeepChains { beta: Schedule::Constant(-1.0), ..DeepChains::new(1) }).contains("beta = -1")
        );
        assert!(ln_class_probabilities(&machine, &start, 5, Par::Serial).is_err());
        assert!(accuracy(&machine, &start, 5, Par::Serial).is_err());
        assert!(bounds(&machine, &start, 0, Par::Serial).is_err());
        let real = random(vec![LayerUnits::Gaussian { n: 1, sigma: 1.0 }, B(2)], 0.5, 134);
        let points = Examples::reals(RealRows::new(1, vec![0.0]).unwrap());
        let cold = DeepChains { beta: Schedule::Linear { from: 0.0, to: 1.0 }, ..DeepChains::new(2) };
        assert!(
            cold.run(&real, &points, &Streams::new(1), Par::Serial).unwrap_err().to_string().contains("real")
        );
    }
}
