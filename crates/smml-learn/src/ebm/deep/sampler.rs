//! States of many chains, block Gibbs steps, and mean fields.
//!
//! A step draws the even layers (0, 2, ...) given the odd ones, then the odd layers given the even ones. Random numbers belong to
//! the layer and to groups of rows, so that the number of threads changes nothing.

use super::{
    matrix::{Matrix, fields},
    model::DeepMachine,
};
use smml_core::{
    parallel::{self, Par},
    rng::Streams,
};

/// Rows that share a stream.
const GROUP: usize = 16;

/// What a step leaves as it is.
#[derive(Clone, Debug, Default)]
pub(super) struct Held {
    /// Marks of units of the first layer; units without a mark are free.
    pub(super) units: Vec<bool>,
    /// Whether the last layer, of labels, stays.
    pub(super) labels: bool,
}

/// Fields on layer `l` given the layers beside it.
pub(super) fn fields_given(machine: &DeepMachine, state: &[Matrix], l: usize, par: Par) -> Matrix {
    let below = l.checked_sub(1).map(|k| (&state[k], 1.0));
    let above = state.get(l + 1).map(|x| (x, 1.0));
    fields(machine, l, below, above, state[if l == 0 { 1 } else { l - 1 }].n_rows(), par)
}

/// Means of units in place of the fields of a layer.
pub(super) fn to_means(machine: &DeepMachine, l: usize, beta: f64, x: &mut Matrix, par: Par) {
    let units = machine.layers()[l];
    let columns = x.columns;
    let mut groups: Vec<&mut [f64]> = x.values.chunks_mut(GROUP * columns).collect();
    parallel::each(par, &mut groups, |_, rows| {
        rows.chunks_exact_mut(columns).for_each(|row| units.means(row, beta));
    });
}

/// States drawn around means, in place.
pub(super) fn to_states(machine: &DeepMachine, l: usize, beta: f64, x: &mut Matrix, rng: &Streams, par: Par) {
    let units = machine.layers()[l];
    let columns = x.columns;
    let rng = rng.child("layer", l as u64);
    let mut groups: Vec<&mut [f64]> = x.values.chunks_mut(GROUP * columns).collect();
    parallel::each(par, &mut groups, |g, rows| {
        let mut rng = rng.stream("rows", g as u64);
        rows.chunks_exact_mut(columns).for_each(|row| units.draw(row, beta, &mut rng));
    });
}

/// States without fields: what a machine of parameters 0 gives.
pub(super) fn neutral(machine: &DeepMachine, n: usize, rng: &Streams, par: Par) -> Vec<Matrix> {
    (0..machine.n_layers())
        .map(|l| {
            let mut x = Matrix::zeros(n, machine.n_units(l));
            x.values.fill(machine.layers()[l].neutral());
            to_states(machine, l, 1.0, &mut x, rng, par);
            x
        })
        .collect()
}

/// Draws layer `l`, and leaves what is held. Returns the fields on it.
pub(super) fn draw_layer(
    machine: &DeepMachine,
    state: &mut [Matrix],
    l: usize,
    beta: f64,
    held: &Held,
    rng: &Streams,
    par: Par,
) -> Matrix {
    let fields = fields_given(machine, state, l, par);
    if held.labels && l + 1 == machine.n_layers() {
        return fields;
    }
    let mut new = fields.clone();
    to_means(machine, l, beta, &mut new, par);
    to_states(machine, l, beta, &mut new, rng, par);
    if l == 0 && !held.units.is_empty() {
        for (row, old) in new.values.chunks_exact_mut(new.columns).zip(state[0].rows()) {
            for ((x, old), held) in row.iter_mut().zip(old).zip(&held.units) {
                if *held {
                    *x = *old;
                }
            }
        }
    }
    state[l] = new;
    fields
}

/// One step of all layers at `beta`: even layers, then odd ones. Returns the fields on the odd layers.
pub(super) fn step(
    machine: &DeepMachine,
    state: &mut [Matrix],
    beta: f64,
    held: &Held,
    rng: &Streams,
    par: Par,
) -> Vec<Matrix> {
    for l in (0..machine.n_layers()).step_by(2) {
        draw_layer(machine, state, l, beta, held, rng, par);
    }
    (1..machine.n_layers()).step_by(2).map(|l| draw_layer(machine, state, l, beta, held, rng, par)).collect()
}

/// The energy of every row, from a state and the fields on its odd layers.
pub(super) fn energies(machine: &DeepMachine, state: &[Matrix], odd: &[Matrix]) -> Vec<f64> {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    (0..state[0].n_rows())
        .map(|r| {
            let mut energy = 0.0;
            for l in (0..state.len()).step_by(2) {
                let x = state[l].row(r);
                energy += machine.layers()[l].own_energy(x) - dot(x, &machine.biases()[l]);
            }
            for (k, f) in odd.iter().enumerate() {
                energy -= dot(state[2 * k + 1].row(r), f.row(r));
            }
            energy
        })
        .collect()
}

/// The end of a mean-field iteration.
pub(super) struct MeanField {
    /// Means of all layers; of those that show data, the data.
    pub(super) means: Vec<Matrix>,
    /// Largest change of a mean that another pass would make.
    pub(super) residual: f64,
    /// Passes made.
    pub(super) passes: usize,
}

/// Means of hidden layers on condition of the others: the fixed point of mₗ = mean(bₗ + mₗ₋₁ Wₗ₋₁ + Wₗ mₗ₊₁). A single hidden
/// layer is exact at once. Several start from a pass from below in which what is not yet known from above counts as much
/// as what is known from below; then layers are updated in turn, each of which raises the bound of ln P.
pub(super) fn mean_field(
    machine: &DeepMachine,
    mut means: Vec<Matrix>,
    hidden: std::ops::Range<usize>,
    max_passes: usize,
    tolerance: f64,
    par: Par,
) -> MeanField {
    let n = means[0].n_rows();
    for l in hidden.clone() {
        let knows_above = l + 1 >= hidden.end;
        let above = if knows_above { means.get(l + 1).map(|x| (x, 1.0)) } else { None };
        let factor = if knows_above { 1.0 } else { 2.0 };
        let mut x = fields(machine, l, Some((&means[l - 1], factor)), above, n, par);
        to_means(machine, l, 1.0, &mut x, par);
        means[l] = x;
    }
    if hidden.len() < 2 {
        return MeanField { means, residual: 0.0, passes: 0 };
    }
    let mut residual = f64::INFINITY;
    let mut passes = 0;
    while passes < max_passes && residual > tolerance {
        residual = 0.0;
        for parity in [1, 0] {
            for l in hidden.clone().filter(|l| l % 2 == parity) {
                let mut x = fields_given(machine, &means, l, par);
                to_means(machine, l, 1.0, &mut x, par);
                let change = x.values.iter().zip(&means[l].values).map(|(a, b)| (a - b).abs());
                residual = change.fold(residual, f64::max);
                means[l] = x;
            }
        }
        passes += 1;
    }
    MeanField { means, residual, passes }
}

/// ⟨-E⟩ + entropy of the hidden units with these means: at most ln of the sum over hidden states, and equal to it with a single
/// hidden layer at its means.
pub(super) fn bounds(
    machine: &DeepMachine,
    means: &[Matrix],
    hidden: std::ops::Range<usize>,
    par: Par,
) -> Vec<f64> {
    let odd: Vec<Matrix> =
        (1..machine.n_layers()).step_by(2).map(|l| fields_given(machine, means, l, par)).collect();
    let energies = energies(machine, means, &odd);
    energies
        .iter()
        .enumerate()
        .map(|(r, energy)| {
            let entropy: f64 = hidden.clone().map(|l| machine.layers()[l].entropy(means[l].row(r))).sum();
            entropy - energy
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            exact::{self, LayerMeans},
            examples::Examples,
            matrix::products,
            model::tests::random,
            units::LayerUnits,
        },
        *,
    };
    use crate::data::BinaryData;

    const B: fn(usize) -> LayerUnits = |n| LayerUnits::Binary { n };
    const S: fn(usize) -> LayerUnits = |n| LayerUnits::Spins { n };

    fn statistics(machine: &DeepMachine, state: &[Matrix]) -> LayerMeans {
        let n = state[0].n_rows() as f64;
        let mut out = LayerMeans::zeros(machine);
        out.units = state.iter().map(Matrix::means).collect();
        for l in 0..state.len() - 1 {
            out.products[l] = products(&state[l], &state[l + 1], Par::Serial).iter().map(|p| p / n).collect();
        }
        out
    }

    fn distance(a: &LayerMeans, b: &LayerMeans) -> f64 {
        let pairs = a.units.iter().chain(&a.products).zip(b.units.iter().chain(&b.products));
        pairs.flat_map(|(a, b)| a.iter().zip(b)).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
    }

    #[test]
    fn steps_reach_the_exact_distribution_of_every_kind_of_units() {
        let n = 20_000;
        for (index, layers) in [
            vec![B(4), B(3)],
            vec![S(3), B(3), S(2)],
            vec![
                LayerUnits::Softmax { groups: 2, q: 3 },
                S(3),
                B(2),
                LayerUnits::Softmax { groups: 1, q: 3 },
            ],
            vec![LayerUnits::Gaussian { n: 3, sigma: 0.8 }, S(3), B(2)],
        ]
        .into_iter()
        .enumerate()
        {
            let machine = random(layers, 0.5, 70 + index as u64);
            let streams = Streams::new(9);
            let mut state = neutral(&machine, n, &streams.child("start", 0), Par::Rayon);
            for k in 0..40 {
                let rng = streams.child("step", k);
                let mut again = state.clone();
                let odd = step(&machine, &mut state, 1.0, &Held::default(), &rng, Par::Rayon);
                if k == 0 {
                    step(&machine, &mut again, 1.0, &Held::default(), &rng, Par::Serial);
                    assert_eq!(again, state);
                    let found = energies(&machine, &state, &odd);
                    for r in [0, 777] {
                        let one: Vec<Vec<f64>> = state.iter().map(|x| x.row(r).to_vec()).collect();
                        assert!((found[r] - machine.energy(&one).unwrap()).abs() < 1e-11);
                    }
                }
            }
            let exact = exact::means(&machine, Par::Serial).unwrap();
            // The standard deviation of a product is at most 2 here.
            let far = distance(&statistics(&machine, &state), &exact) * (n as f64).sqrt();
            assert!(far < if index == 3 { 12.0 } else { 6.0 }, "{index}: {far}");
        }
    }

    #[test]
    fn held_units_and_labels_stay_and_the_rest_follows_its_conditional_distribution() {
        let machine = random(vec![B(4), S(3), LayerUnits::Softmax { groups: 1, q: 3 }], 0.8, 80);
        let n = 20_000;
        let streams = Streams::new(10);
        let mut state = neutral(&machine, n, &streams.child("start", 0), Par::Rayon);
        state[0].values.chunks_exact_mut(4).for_each(|row| (row[1], row[3]) = (1.0, 0.0));
        state[2].values.chunks_exact_mut(3).for_each(|row| row.copy_from_slice(&[0.0, 0.0, 1.0]));
        let held = Held { units: vec![false, true, false, true], labels: true };
        for k in 0..30 {
            step(&machine, &mut state, 1.0, &held, &streams.child("step", k), Par::Rayon);
        }
        assert!(state[0].rows().all(|r| r[1] == 1.0 && r[3] == 0.0) && state[2].rows().all(|r| r[2] == 1.0));
        // P(v₀, v₂ | the rest) from the joint probabilities of rows and labels.
        let rows: Vec<u8> = (0..4).flat_map(|k| [k & 1, 1, k >> 1 & 1, 0]).collect();
        let rows = Examples::bits(BinaryData::new(4, rows).unwrap()).with_labels(vec![2; 4], 3).unwrap();
        let p: Vec<f64> =
            exact::ln_unnormalised(&machine, &rows, Par::Serial).unwrap().iter().map(|x| x.exp()).collect();
        let total: f64 = p.iter().sum();
        for k in 0..4 {
            let count = state[0].rows().filter(|r| r[0] + 2.0 * r[2] == k as f64).count() as f64 / n as f64;
            let want = p[k] / total;
            assert!(
                (count - want).abs() < 6.0 * (want * (1.0 - want) / n as f64).sqrt(),
                "{k}: {count} {want}"
            );
        }
    }

    #[test]
    fn mean_fields_bound_the_likelihood_and_are_exact_for_one_hidden_layer() {
        for (layers, labels, is_exact) in [
            (vec![B(4), S(5)], false, true),
            (vec![B(4), B(5), LayerUnits::Softmax { groups: 1, q: 3 }], true, true),
            (vec![B(4), S(4), B(3)], false, false),
            (vec![B(4), B(3), B(4), LayerUnits::Softmax { groups: 1, q: 3 }], true, false),
        ] {
            let machine = random(layers, 0.7, 90);
            let mut rows =
                Examples::bits(BinaryData::new(4, vec![1, 0, 0, 1, 0, 1, 1, 1, 0, 0, 0, 0]).unwrap());
            if labels {
                rows = rows.with_labels(vec![0, 2, 1], 3).unwrap();
            }
            let mut means: Vec<Matrix> =
                (0..machine.n_layers()).map(|l| Matrix::zeros(3, machine.n_units(l))).collect();
            let last = machine.n_layers() - 1;
            for k in 0..3 {
                let n = machine.n_units(0);
                rows.fill(machine.layers()[0], k, &mut means[0].values[k * n..(k + 1) * n]);
                if labels {
                    rows.fill_label(k, &mut means[last].values[3 * k..3 * k + 3]);
                }
            }
            let hidden = super::super::examples::hidden_layers(&machine, labels);
            let found = mean_field(&machine, means.clone(), hidden.clone(), 1000, 1e-12, Par::Rayon);
            assert!(found.residual <= 1e-12);
            let bounds_found = bounds(&machine, &found.means, hidden.clone(), Par::Serial);
            let exact = exact::ln_unnormalised(&machine, &rows, Par::Serial).unwrap();
            for (bound, exact) in bounds_found.iter().zip(&exact) {
                let gap = exact - bound;
                assert!(if is_exact { gap.abs() < 1e-11 } else { gap > 1e-6 && gap < 0.5 }, "{gap}");
            }
            // Each pass raises the bound.
            let mut before = vec![f64::NEG_INFINITY; 3];
            for passes in 1..6 {
                let some = mean_field(&machine, means.clone(), hidden.clone(), passes, 0.0, Par::Serial);
                let now = bounds(&machine, &some.means, hidden.clone(), Par::Serial);
                assert!(now.iter().zip(&before).all(|(a, b)| *a >= b - 1e-12));
                before = now;
            }
        }
    }
}
