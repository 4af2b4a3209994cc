//! What is exact: ln Z, ln P of rows, means and the gradient, for units of every kind.
//!
//! Of layers that are not shown by a row every other one is summed (or integrated) out in closed form; the states of the rest are
//! enumerated, up to 2²⁴ of them. For two layers that is the smaller layer, for three the middle one, or both others.

use super::{
    examples::{Examples, hidden_layers},
    model::DeepMachine,
    units::LayerUnits,
};
use crate::error::{Error, Result};
use smml_core::{
    energy::{LnSum, ln_sum_exp},
    error::positive,
    parallel::{self, Par},
};
use std::f64::consts::LN_2;

/// ln of the most states that are enumerated.
const MAX_LN_STATES: f64 = 24.0 * LN_2 + 1e-9;
/// States of a piece of the enumeration; fields are summed afresh at its start, so that rounding cannot build up.
const PIECE: usize = 1 << 10;

/// What becomes of a layer.
#[derive(Clone, Debug, PartialEq)]
enum Role {
    /// It has these values.
    Fixed(Vec<f64>),
    Enumerated,
    Summed,
}

/// One variable of an enumerated layer.
#[derive(Clone, Copy, Debug)]
struct Variable {
    layer: usize,
    unit: usize,
    n_states: usize,
}

/// A way to sum over all states.
struct Sum<'a> {
    machine: &'a DeepMachine,
    beta: f64,
    roles: Vec<Role>,
    variables: Vec<Variable>,
    n_states: usize,
}

impl<'a> Sum<'a> {
    /// `fixed` holds the values of layers that are given.
    fn new(machine: &'a DeepMachine, beta: f64, fixed: Vec<Option<Vec<f64>>>) -> Result<Self> {
        positive("beta", beta)?;
        let cost = |parity: usize| -> f64 {
            let open = (0..machine.n_layers()).filter(|l| fixed[*l].is_none() && l % 2 != parity);
            open.map(|l| machine.layers()[l].ln_states()).sum()
        };
        let parity = usize::from(cost(1) < cost(0));
        if cost(parity) > MAX_LN_STATES {
            return Err(smml_core::Error::TooLarge {
                what: "exact enumeration of every other layer".into(),
                needed: format!("2^{:.0} states", cost(parity) / LN_2),
                limit: "2^24 (use annealed importance sampling)".into(),
            }
            .into());
        }
        let roles: Vec<Role> = fixed
            .into_iter()
            .enumerate()
            .map(|(l, values)| match values {
                Some(values) => Role::Fixed(values),
                None if l % 2 == parity => Role::Summed,
                None => Role::Enumerated,
            })
            .collect();
        let mut variables = Vec::new();
        for layer in (0..roles.len()).filter(|l| roles[*l] == Role::Enumerated) {
            match machine.layers()[layer] {
                LayerUnits::Softmax { groups, q } => {
                    variables.extend((0..groups).map(|g| Variable { layer, unit: g * q, n_states: q }));
                }
                units => {
                    variables.extend((0..units.n_units()).map(|unit| Variable { layer, unit, n_states: 2 }))
                }
            }
        }
        let n_states = variables.iter().map(|v| v.n_states).product();
        Ok(Sum { machine, beta, roles, variables, n_states })
    }
    fn n_pieces(&self) -> usize {
        self.n_states.div_ceil(PIECE)
    }
    /// The part of -E of a state that has no summed unit, and the fields on summed layers.
    fn afresh(&self, state: &[Vec<f64>], fields: &mut [Vec<f64>]) -> f64 {
        let machine = self.machine;
        let mut linear = 0.0;
        for (f, b) in fields.iter_mut().zip(machine.biases()) {
            f.copy_from_slice(b);
        }
        for (l, x) in state.iter().enumerate().filter(|(l, _)| self.roles[*l] != Role::Summed) {
            linear += x.iter().zip(&machine.biases()[l]).map(|(x, b)| x * b).sum::<f64>();
            linear -= machine.layers()[l].own_energy(x);
        }
        for (l, w) in machine.weights().iter().enumerate() {
            let m = machine.n_units(l + 1);
            let (below, above) = (&self.roles[l], &self.roles[l + 1]);
            match (*below == Role::Summed, *above == Role::Summed) {
                (false, true) => {
                    for (x, row) in state[l].iter().zip(w.chunks_exact(m)).filter(|(x, _)| **x != 0.0) {
                        fields[l + 1].iter_mut().zip(row).for_each(|(f, w)| *f += x * w);
                    }
                }
                (true, false) => {
                    for (f, row) in fields[l].iter_mut().zip(w.chunks_exact(m)) {
                        *f += row.iter().zip(&state[l + 1]).map(|(w, y)| w * y).sum::<f64>();
                    }
                }
                _ => {
                    for (x, row) in state[l].iter().zip(w.chunks_exact(m)).filter(|(x, _)| **x != 0.0) {
                        linear += x * row.iter().zip(&state[l + 1]).map(|(w, y)| w * y).sum::<f64>();
                    }
                }
            }
        }
        linear
    }
    /// Changes one unit of an enumerated layer by `change`.
    fn change(
        &self,
        layer: usize,
        unit: usize,
        change: f64,
        state: &mut [Vec<f64>],
        fields: &mut [Vec<f64>],
    ) -> f64 {
        let machine = self.machine;
        state[layer][unit] += change;
        let mut linear = machine.biases()[layer][unit];
        if layer + 1 < state.len() {
            let m = machine.n_units(layer + 1);
            let row = &machine.weights()[layer][unit * m..(unit + 1) * m];
            if self.roles[layer + 1] == Role::Summed {
                fields[layer + 1].iter_mut().zip(row).for_each(|(f, w)| *f += change * w);
            } else {
                linear += row.iter().zip(&state[layer + 1]).map(|(w, y)| w * y).sum::<f64>();
            }
        }
        if layer > 0 {
            let m = machine.n_units(layer);
            let column = machine.weights()[layer - 1].iter().skip(unit).step_by(m);
            if self.roles[layer - 1] == Role::Summed {
                fields[layer - 1].iter_mut().zip(column).for_each(|(f, w)| *f += change * w);
            } else {
                linear += column.zip(&state[layer - 1]).map(|(w, x)| w * x).sum::<f64>();
            }
        }
        change * linear
    }
    /// Calls `visit(ln weight, state, fields)` for every state of a piece. Layers that are summed out have fields, the others
    /// values.
    fn walk(&self, piece: usize, mut visit: impl FnMut(f64, &[Vec<f64>], &[Vec<f64>])) {
        let machine = self.machine;
        let first = piece * PIECE;
        let mut state: Vec<Vec<f64>> =
            (0..machine.n_layers()).map(|l| vec![0.0; machine.n_units(l)]).collect();
        let mut fields = state.clone();
        for (l, role) in self.roles.iter().enumerate() {
            match role {
                Role::Fixed(values) => state[l].copy_from_slice(values),
                Role::Enumerated => machine.layers()[l].state(0, &mut state[l]),
                Role::Summed => {}
            }
        }
        let mut digits = vec![0; self.variables.len()];
        let mut rest = first;
        for (digit, v) in digits.iter_mut().zip(&self.variables) {
            *digit = rest % v.n_states;
            rest /= v.n_states;
            if *digit > 0 {
                for (unit, change) in self.steps(*v, 0, *digit) {
                    state[v.layer][unit] += change;
                }
            }
        }
        let mut linear = self.afresh(&state, &mut fields);
        for index in first..self.n_states.min(first + PIECE) {
            let sums: f64 = (0..fields.len())
                .filter(|l| self.roles[*l] == Role::Summed)
                .map(|l| machine.layers()[l].ln_sum(&fields[l], self.beta))
                .sum();
            visit(self.beta * linear + sums, &state, &fields);
            if index + 1 == self.n_states {
                break;
            }
            for (digit, v) in digits.iter_mut().zip(&self.variables) {
                let next = (*digit + 1) % v.n_states;
                for (unit, change) in self.steps(*v, *digit, next) {
                    linear += self.change(v.layer, unit, change, &mut state, &mut fields);
                }
                *digit = next;
                if next > 0 {
                    break;
                }
            }
        }
    }
    /// Units of a variable that change from one of its states to another, and by how much.
    fn steps(&self, v: Variable, from: usize, to: usize) -> Vec<(usize, f64)> {
        match self.machine.layers()[v.layer] {
            LayerUnits::Softmax { .. } => vec![(v.unit + from, -1.0), (v.unit + to, 1.0)],
            LayerUnits::Spins { .. } => vec![(v.unit, 2.0 * (to as f64 - from as f64))],
            _ => vec![(v.unit, to as f64 - from as f64)],
        }
    }
    /// ln of the sum over all states.
    fn ln_total(&self, par: Par) -> f64 {
        let parts = parallel::map(par, self.n_pieces(), |piece| {
            let mut sum = LnSum::default();
            self.walk(piece, |ln_weight, _, _| sum.add(ln_weight));
            sum.ln()
        });
        ln_sum_exp(&parts)
    }
    /// `weight` times the means of units and products, added to `out`.
    fn add_means(&self, weight: f64, out: &mut LayerMeans, par: Par) {
        let ln_total = self.ln_total(par);
        // 64 partial sums at most, joined in order.
        let parts = parallel::map(par, self.n_pieces().min(64), |part| {
            let mut sum = LayerMeans::zeros(self.machine);
            let mut values: Vec<Vec<f64>> = Vec::new();
            for piece in (part..self.n_pieces()).step_by(64) {
                self.walk(piece, |ln_weight, state, fields| {
                    let p = weight * libm::exp(ln_weight - ln_total);
                    values.clear();
                    values.extend(state.iter().zip(fields).enumerate().map(|(l, (x, f))| {
                        if self.roles[l] != Role::Summed {
                            return x.clone();
                        }
                        let mut means = f.clone();
                        self.machine.layers()[l].means(&mut means, self.beta);
                        means
                    }));
                    sum.add_state(p, &values);
                });
            }
            sum
        });
        parts.iter().for_each(|part| out.add(1.0, part));
    }
}

/// A number for every unit of every layer and for every weight: means of units and of their products, or a gradient.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerMeans {
    /// Layer by layer.
    pub units: Vec<Vec<f64>>,
    /// Between each layer and the next, row by row as [`DeepMachine::weights`].
    pub products: Vec<Vec<f64>>,
}

impl LayerMeans {
    /// All 0, of the shape of a machine.
    pub fn zeros(machine: &DeepMachine) -> Self {
        LayerMeans {
            units: machine.biases().iter().map(|b| vec![0.0; b.len()]).collect(),
            products: machine.weights().iter().map(|w| vec![0.0; w.len()]).collect(),
        }
    }
    /// Adds `scale` times others.
    pub(super) fn add(&mut self, scale: f64, other: &LayerMeans) {
        let own = self.units.iter_mut().chain(&mut self.products);
        for (a, b) in own.zip(other.units.iter().chain(&other.products)) {
            a.iter_mut().zip(b).for_each(|(a, b)| *a += scale * b);
        }
    }
    fn add_state(&mut self, weight: f64, values: &[Vec<f64>]) {
        for (l, x) in values.iter().enumerate() {
            self.units[l].iter_mut().zip(x).for_each(|(sum, x)| *sum += weight * x);
            if let Some(above) = values.get(l + 1) {
                for (row, x) in self.products[l].chunks_exact_mut(above.len()).zip(x) {
                    row.iter_mut().zip(above).for_each(|(sum, y)| *sum += weight * x * y);
                }
            }
        }
    }
}

fn open(machine: &DeepMachine) -> Vec<Option<Vec<f64>>> {
    vec![None; machine.n_layers()]
}

/// The layers that row `k` shows.
fn shown(machine: &DeepMachine, examples: &Examples, k: usize) -> Vec<Option<Vec<f64>>> {
    let mut fixed = open(machine);
    let mut x = vec![0.0; machine.n_units(0)];
    examples.fill(machine.layers()[0], k, &mut x);
    fixed[0] = Some(x);
    let last = machine.n_layers() - 1;
    if examples.labels().is_some() {
        let mut y = vec![0.0; machine.n_units(last)];
        examples.fill_label(k, &mut y);
        fixed[last] = Some(y);
    }
    fixed
}

/// ln Z(β): sums over discrete units, integrals over real ones.
///
/// Errors: β not above 0, more than 2²⁴ states to enumerate.
///
/// ```
/// use smml_core::parallel::Par;
/// use smml_learn::ebm::deep::{DeepMachine, LayerUnits, exact};
/// let layers = vec![LayerUnits::Gaussian { n: 1, sigma: 1.0 }, LayerUnits::Spins { n: 1 }];
/// let machine = DeepMachine::new(layers, vec![vec![0.0], vec![0.0]], vec![vec![0.7]])?;
/// // ∫ 2 cosh(0.7 v) exp(-v²/2) dv = 2 √(2π) exp(0.245)
/// let expected = 2f64.ln() + 0.5 * (2.0 * std::f64::consts::PI).ln() + 0.245;
/// assert!((exact::ln_z(&machine, 1.0, Par::Serial)? - expected).abs() < 1e-14);
/// # Ok::<(), smml_learn::Error>(())
/// ```
pub fn ln_z(machine: &DeepMachine, beta: f64, par: Par) -> Result<f64> {
    Ok(Sum::new(machine, beta, open(machine))?.ln_total(par))
}

/// ln Σ exp(-E) over the hidden units of every row: ln P of the row (with its label, where there is one) plus ln Z.
///
/// Errors: rows that are no states of the layers that show them, more than 2²⁴ hidden states to enumerate.
pub fn ln_unnormalised(machine: &DeepMachine, examples: &Examples, par: Par) -> Result<Vec<f64>> {
    examples.check(machine.layers())?;
    let of = |k: usize| Ok(Sum::new(machine, 1.0, shown(machine, examples, k))?.ln_total(Par::Serial));
    parallel::map(par, examples.len(), of).into_iter().collect()
}

/// ln P of every row, with its label where there is one: a density for real numbers.
///
/// Errors: as [`ln_unnormalised`] and [`ln_z`].
pub fn ln_probabilities(machine: &DeepMachine, examples: &Examples, par: Par) -> Result<Vec<f64>> {
    let ln_z = ln_z(machine, 1.0, par)?;
    Ok(ln_unnormalised(machine, examples, par)?.iter().map(|x| x - ln_z).collect())
}

/// Means in the distribution of the machine at β = 1. Errors: as [`ln_z`].
pub fn means(machine: &DeepMachine, par: Par) -> Result<LayerMeans> {
    let mut out = LayerMeans::zeros(machine);
    Sum::new(machine, 1.0, open(machine))?.add_means(1.0, &mut out, par);
    Ok(out)
}

/// Means on condition of rows of equal weight. Errors: no rows, and as [`ln_unnormalised`].
pub fn means_of_data(machine: &DeepMachine, examples: &Examples, par: Par) -> Result<LayerMeans> {
    examples.check(machine.layers())?;
    if examples.is_empty() {
        return Err(Error::out_of_range("number of rows of data", 0, "at least 1"));
    }
    let weight = 1.0 / examples.len() as f64;
    let parts = parallel::map(par, examples.len().div_ceil(64), |part| {
        let mut out = LayerMeans::zeros(machine);
        for k in part * 64..examples.len().min((part + 1) * 64) {
            Sum::new(machine, 1.0, shown(machine, examples, k))?.add_means(weight, &mut out, Par::Serial);
        }
        Ok(out)
    });
    let mut out = LayerMeans::zeros(machine);
    for part in parts {
        let part: Result<LayerMeans> = part;
        out.add(1.0, &part?);
    }
    Ok(out)
}

/// The gradient of the mean of [`ln_probabilities`] with respect to biases and weights. Errors: as [`means_of_data`] and
/// [`ln_z`].
pub fn gradient(machine: &DeepMachine, examples: &Examples, par: Par) -> Result<LayerMeans> {
    let mut out = means_of_data(machine, examples, par)?;
    out.add(-1.0, &means(machine, par)?);
    Ok(out)
}

/// ln P(c | v) of every class for every row, hidden units summed out: rows × classes.
///
/// Errors: a last layer that is not one softmax variable, rows of another width, more than 2²⁴ hidden states to enumerate.
pub fn ln_class_probabilities(machine: &DeepMachine, examples: &Examples, par: Par) -> Result<Vec<Vec<f64>>> {
    let last = machine.n_layers() - 1;
    let LayerUnits::Softmax { groups: 1, q } = machine.layers()[last] else {
        let allowed = "one softmax variable, whose states are the classes";
        return Err(Error::out_of_range("last layer", format!("{:?}", machine.layers()[last]), allowed));
    };
    examples.check(machine.layers())?;
    if hidden_layers(machine, true).is_empty() {
        return Err(Error::out_of_range("number of layers", machine.n_layers(), "at least 3"));
    }
    parallel::map(par, examples.len(), |k| {
        let mut fixed = shown(machine, examples, k);
        let mut scores = Vec::with_capacity(q);
        for c in 0..q {
            fixed[last] = Some((0..q).map(|state| f64::from(u8::from(state == c))).collect());
            scores.push(Sum::new(machine, 1.0, fixed.clone())?.ln_total(Par::Serial));
        }
        let norm = ln_sum_exp(&scores);
        scores.iter_mut().for_each(|s| *s -= norm);
        Ok(scores)
    })
    .into_iter()
    .collect()
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            examples::RealRows,
            model::tests::{all_states, random},
        },
        *,
    };
    use crate::{data::BinaryData, ebm::likelihood};

    const B: fn(usize) -> LayerUnits = |n| LayerUnits::Binary { n };
    const S: fn(usize) -> LayerUnits = |n| LayerUnits::Spins { n };
    const P: fn(usize, usize) -> LayerUnits = |groups, q| LayerUnits::Softmax { groups, q };

    fn shapes() -> Vec<Vec<LayerUnits>> {
        vec![
            vec![B(4), B(3)],
            vec![S(3), B(5)],
            vec![P(2, 3), S(3)],
            vec![B(4), S(2), B(3)],
            vec![S(3), B(3), P(1, 3)],
            vec![B(3), B(2), S(2), P(1, 3)],
        ]
    }

    fn bits_of(units: LayerUnits, rows: &[Vec<f64>]) -> Examples {
        let bits = rows.iter().flatten().map(|x| u8::from(*x > 0.0)).collect();
        Examples::bits(BinaryData::new(units.n_units(), bits).unwrap())
    }

    #[test]
    fn sums_and_means_agree_with_all_states() {
        for (index, layers) in shapes().into_iter().enumerate() {
            let machine = random(layers.clone(), 0.8, 40 + index as u64);
            let states = all_states(&machine);
            for beta in [0.6, 1.0] {
                let terms: Vec<f64> = states.iter().map(|s| -beta * machine.energy(s).unwrap()).collect();
                let want = ln_sum_exp(&terms);
                assert!((ln_z(&machine, beta, Par::Rayon).unwrap() - want).abs() < 1e-11, "{layers:?}");
            }
            let ln_z = ln_z(&machine, 1.0, Par::Serial).unwrap();
            let mut want = LayerMeans::zeros(&machine);
            for s in &states {
                want.add_state((-machine.energy(s).unwrap() - ln_z).exp(), s);
            }
            let found = means(&machine, Par::Rayon).unwrap();
            assert_eq!(found, means(&machine, Par::Serial).unwrap());
            let both = found.units.iter().chain(&found.products).zip(want.units.iter().chain(&want.products));
            for (a, b) in both {
                assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-12), "{layers:?}");
            }
            // Rows: every state of the first layer once, with labels where there are some.
            let first: Vec<Vec<f64>> = {
                let n = layers[0].ln_states().exp().round() as usize;
                (0..n)
                    .map(|k| {
                        let mut x = vec![0.0; layers[0].n_units()];
                        layers[0].state(k, &mut x);
                        x
                    })
                    .collect()
            };
            let label = matches!(layers[layers.len() - 1], LayerUnits::Softmax { groups: 1, .. });
            let mut examples = bits_of(layers[0], &first);
            if label {
                examples =
                    examples.with_labels((0..first.len()).map(|k| (k % 3) as u8).collect(), 3).unwrap();
            }
            let p = ln_probabilities(&machine, &examples, Par::Rayon).unwrap();
            for (k, row) in first.iter().enumerate() {
                let fits = |s: &&Vec<Vec<f64>>| s[0] == *row && (!label || s[s.len() - 1][k % 3] == 1.0);
                let sum: f64 =
                    states.iter().filter(fits).map(|s| (-machine.energy(s).unwrap() - ln_z).exp()).sum();
                assert!((p[k] - sum.ln()).abs() < 1e-11, "{layers:?}");
            }
            if !label {
                assert!((p.iter().map(|p| p.exp()).sum::<f64>() - 1.0).abs() < 1e-11);
            }
        }
    }

    #[test]
    fn the_gradient_is_the_slope() {
        for (index, layers) in shapes().into_iter().enumerate() {
            let machine = random(layers.clone(), 0.5, 50 + index as u64);
            let mut rows = vec![vec![0.0; layers[0].n_units()]; 3];
            rows.iter_mut().enumerate().for_each(|(k, x)| layers[0].state(3 * k + 1, x));
            let mut examples = bits_of(layers[0], &rows);
            if layers.len() > 2 && matches!(layers[layers.len() - 1], LayerUnits::Softmax { .. }) {
                examples = examples.with_labels(vec![2, 0, 1], 3).unwrap();
            }
            let found = gradient(&machine, &examples, Par::Serial).unwrap();
            let value = |l: usize, k: usize, of_weight: bool, step: f64| {
                let mut moved = machine.clone();
                let (biases, weights) = moved.parts_mut();
                if of_weight {
                    weights[l][k] += step
                } else {
                    biases[l][k] += step
                }
                let p = ln_probabilities(&moved, &examples, Par::Serial).unwrap();
                p.iter().sum::<f64>() / 3.0
            };
            for (of_weight, parts) in [(false, &found.units), (true, &found.products)] {
                for (l, part) in parts.iter().enumerate() {
                    for (k, slope) in part.iter().enumerate() {
                        let difference =
                            (value(l, k, of_weight, 1e-5) - value(l, k, of_weight, -1e-5)) / 2e-5;
                        assert!((slope - difference).abs() < 1e-8, "{layers:?} {of_weight} {l} {k}");
                    }
                }
            }
        }
    }

    #[test]
    fn long_walks_agree_with_the_restricted_machine() {
        // 2¹³ and 2¹² states in several pieces, by code that shares nothing.
        for (n, m) in [(20, 13), (12, 30)] {
            let rbm = crate::ebm::rbm::tests::random(n, m, 0.4, 3);
            let machine = DeepMachine::from_rbm(&rbm).unwrap();
            let want = likelihood::ln_z_exact(&rbm, 1.3, Par::Serial).unwrap();
            assert!((ln_z(&machine, 1.3, Par::Rayon).unwrap() - want).abs() < 1e-10);
        }
        let wide = DeepMachine::zeros(vec![B(30), B(40)]).unwrap();
        assert!(ln_z(&wide, 1.0, Par::Serial).unwrap_err().to_string().contains("2^30 states"));
        assert!(ln_z(&wide, 0.0, Par::Serial).is_err());
    }

    #[test]
    fn real_numbers_are_integrated() {
        // Density of v by sums over hidden spins, and its integral.
        let machine = random(vec![LayerUnits::Gaussian { n: 1, sigma: 0.7 }, S(3), B(2)], 0.9, 60);
        let step = 0.01;
        let values: Vec<f32> = (-600..=600).map(|k| 0.01 * k as f32).collect();
        let p = ln_probabilities(
            &machine,
            &Examples::reals(RealRows::new(1, values.clone()).unwrap()),
            Par::Rayon,
        )
        .unwrap();
        let total: f64 = p.iter().map(|p| step * p.exp()).sum();
        assert!((total - 1.0).abs() < 1e-6, "{total}");
        let mean: f64 = p.iter().zip(&values).map(|(p, v)| step * f64::from(*v) * p.exp()).sum();
        let found = means(&machine, Par::Serial).unwrap().units[0][0];
        assert!((found - mean).abs() < 1e-6, "{found} {mean}");
        // Several real units are only ever summed out, however many.
        let many = random(vec![LayerUnits::Gaussian { n: 50, sigma: 0.7 }, S(6)], 0.3, 61);
        assert!(ln_z(&many, 1.0, Par::Serial).unwrap().is_finite());
        let more = random(vec![LayerUnits::Gaussian { n: 2, sigma: 0.7 }, S(30)], 0.3, 62);
        assert!(ln_z(&more, 1.0, Par::Serial).is_err());
    }

    #[test]
    fn classes_are_those_of_the_joint_probabilities_and_bad_rows_are_refused() {
        let machine = random(vec![B(4), S(3), B(2), P(1, 3)], 0.8, 63);
        let rows = || BinaryData::new(4, vec![1, 0, 0, 1, 0, 1, 1, 1]).unwrap();
        let found = ln_class_probabilities(&machine, &Examples::bits(rows()), Par::Rayon).unwrap();
        for (k, scores) in found.iter().enumerate() {
            let of = |c: u8| {
                let one = Examples::bits(rows()).with_labels(vec![c; 2], 3).unwrap();
                ln_probabilities(&machine, &one, Par::Serial).unwrap()[k]
            };
            let all = ln_sum_exp(&[of(0), of(1), of(2)]);
            for c in 0..3u8 {
                assert!((scores[usize::from(c)] - (of(c) - all)).abs() < 1e-11);
            }
        }
        let plain = random(vec![B(4), S(3)], 0.8, 64);
        assert!(ln_class_probabilities(&plain, &Examples::bits(rows()), Par::Serial).is_err());
        let ask = |machine: &DeepMachine, examples: Examples| {
            ln_unnormalised(machine, &examples, Par::Serial).unwrap_err().to_string()
        };
        assert!(ask(&plain, Examples::bits(BinaryData::new(3, vec![0; 3]).unwrap())).contains("row of data"));
        assert!(ask(&plain, Examples::reals(RealRows::new(4, vec![0.0; 4]).unwrap())).contains("gaussian"));
        assert!(
            ask(&plain, Examples::bits(rows()).with_labels(vec![0, 1], 2).unwrap()).contains("last layer")
        );
        let potts = random(vec![P(2, 2), S(3)], 0.8, 65);
        assert!(ask(&potts, Examples::bits(rows())).contains("unit 2 of row 1"));
        assert!(Examples::bits(rows()).with_labels(vec![0], 2).is_err());
        assert!(Examples::bits(rows()).with_labels(vec![0, 3], 2).is_err());
        for (width, values, part) in [
            (0, vec![], "width of rows = 0"),
            (2, vec![0.0; 3], "rows of numbers"),
            (2, vec![0.0, 1.0, f32::INFINITY, 0.0], "unit 0 of row 1"),
        ] {
            assert!(RealRows::new(width, values).unwrap_err().to_string().contains(part));
        }
    }
}
