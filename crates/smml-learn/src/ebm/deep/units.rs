//! The kinds of units of a layer: all that depends on the kind is a function of the fields on the layer.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use smml_core::{
    energy::ln_sum_exp,
    numeric::{sigmoid, softplus},
    rng::Draw,
};
use std::f64::consts::{LN_2, PI};

/// What the units of a layer are. With x the field on a unit (its bias and what its neighbours give) and β the inverse
/// temperature, given the neighbouring layers units are independent, groups of softmax units apart.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum LayerUnits {
    /// 0 or 1: P(1) = σ(βx).
    Binary {
        /// Number of units.
        n: usize,
    },
    /// -1 or 1: mean tanh βx.
    Spins {
        /// Number of units.
        n: usize,
    },
    /// Potts variables of `q` states, each as `q` units of which one is 1: P(c) = exp(βx_c) / Σ exp(βx).
    Softmax {
        /// Number of variables.
        groups: usize,
        /// States of each.
        q: usize,
    },
    /// Real numbers with the energy v²/(2σ²) - x v: normal with mean σ²x and variance σ²/β.
    Gaussian {
        /// Number of units.
        n: usize,
        /// σ at β = 1, the standard deviation given the neighbours.
        sigma: f64,
    },
}

/// The largest layer.
const MAX_UNITS: usize = 1 << 20;

impl LayerUnits {
    /// Number of units; of softmax variables all their states count.
    pub fn n_units(self) -> usize {
        match self {
            LayerUnits::Binary { n } | LayerUnits::Spins { n } | LayerUnits::Gaussian { n, .. } => n,
            LayerUnits::Softmax { groups, q } => groups.saturating_mul(q),
        }
    }
    pub(super) fn check(self, layer: usize) -> Result<()> {
        let n = self.n_units();
        if !(1..=MAX_UNITS).contains(&n) {
            return Err(Error::out_of_range(
                format!("units of layer {layer}"),
                n,
                format!("in 1..={MAX_UNITS}"),
            ));
        }
        match self {
            LayerUnits::Softmax { q, .. } if q < 2 => {
                Err(Error::out_of_range(format!("states of the variables of layer {layer}"), q, "at least 2"))
            }
            LayerUnits::Gaussian { sigma, .. } if !(1e-6..=1e6).contains(&sigma) => {
                Err(Error::out_of_range(format!("sigma of layer {layer}"), sigma, "in [1e-6, 1e6]"))
            }
            _ => Ok(()),
        }
    }
    /// Whether a state can be made of discrete values, so that they can be counted.
    pub fn is_discrete(self) -> bool {
        !matches!(self, LayerUnits::Gaussian { .. })
    }
    /// ln of the number of states, ∞ for real numbers.
    pub(super) fn ln_states(self) -> f64 {
        match self {
            LayerUnits::Binary { n } | LayerUnits::Spins { n } => n as f64 * LN_2,
            LayerUnits::Softmax { groups, q } => groups as f64 * libm::log(q as f64),
            LayerUnits::Gaussian { .. } => f64::INFINITY,
        }
    }
    /// State number `index` of a layer of discrete units.
    pub(super) fn state(self, mut index: usize, x: &mut [f64]) {
        match self {
            LayerUnits::Binary { .. } | LayerUnits::Spins { .. } => {
                let down = if matches!(self, LayerUnits::Spins { .. }) { -1.0 } else { 0.0 };
                for x in x {
                    *x = if index & 1 == 1 { 1.0 } else { down };
                    index >>= 1;
                }
            }
            LayerUnits::Softmax { q, .. } => {
                x.fill(0.0);
                for group in x.chunks_exact_mut(q) {
                    group[index % q] = 1.0;
                    index /= q;
                }
            }
            LayerUnits::Gaussian { .. } => {}
        }
    }
    /// The part of the energy that is not linear: Σ v²/(2σ²) of real numbers.
    pub(super) fn own_energy(self, values: &[f64]) -> f64 {
        match self {
            LayerUnits::Gaussian { sigma, .. } => {
                values.iter().map(|v| v * v).sum::<f64>() / (2.0 * sigma * sigma)
            }
            _ => 0.0,
        }
    }
    /// ln Σ exp(β x·v - β own energy) over all states of the layer, in closed form: an integral for real numbers.
    pub(super) fn ln_sum(self, fields: &[f64], beta: f64) -> f64 {
        match self {
            LayerUnits::Binary { .. } => fields.iter().map(|x| softplus(beta * x)).sum(),
            // ln 2 cosh y = |y| + ln(1 + e^(-2|y|))
            LayerUnits::Spins { .. } => {
                fields.iter().map(|x| (beta * x).abs() + softplus(-2.0 * (beta * x).abs())).sum()
            }
            LayerUnits::Softmax { q, .. } => {
                let mut scaled = vec![0.0; q];
                let of = |group: &[f64]| {
                    scaled.iter_mut().zip(group).for_each(|(y, x)| *y = beta * x);
                    ln_sum_exp(&scaled)
                };
                fields.chunks_exact(q).map(of).sum()
            }
            LayerUnits::Gaussian { n, sigma } => {
                let variance = sigma * sigma;
                let squares: f64 = fields.iter().map(|x| x * x).sum();
                0.5 * beta * variance * squares + 0.5 * n as f64 * libm::log(2.0 * PI * variance / beta)
            }
        }
    }
    /// Means given fields, in place.
    pub(super) fn means(self, fields: &mut [f64], beta: f64) {
        match self {
            LayerUnits::Binary { .. } => fields.iter_mut().for_each(|x| *x = sigmoid(beta * *x)),
            LayerUnits::Spins { .. } => fields.iter_mut().for_each(|x| *x = libm::tanh(beta * *x)),
            LayerUnits::Softmax { q, .. } => {
                for group in fields.chunks_exact_mut(q) {
                    let top = group.iter().fold(f64::NEG_INFINITY, |top, x| top.max(beta * x));
                    group.iter_mut().for_each(|x| *x = libm::exp(beta * *x - top));
                    let sum: f64 = group.iter().sum();
                    group.iter_mut().for_each(|x| *x /= sum);
                }
            }
            LayerUnits::Gaussian { sigma, .. } => fields.iter_mut().for_each(|x| *x *= sigma * sigma),
        }
    }
    /// A state drawn around means, in place.
    pub(super) fn draw(self, means: &mut [f64], beta: f64, rng: &mut impl Draw) {
        match self {
            LayerUnits::Binary { .. } => {
                means.iter_mut().for_each(|p| *p = f64::from(u8::from(rng.chance(*p))))
            }
            LayerUnits::Spins { .. } => {
                means.iter_mut().for_each(|m| *m = if rng.chance(0.5 * (1.0 + *m)) { 1.0 } else { -1.0 });
            }
            LayerUnits::Softmax { q, .. } => {
                for group in means.chunks_exact_mut(q) {
                    let chosen = rng.choose(group);
                    group.fill(0.0);
                    group[chosen] = 1.0;
                }
            }
            LayerUnits::Gaussian { sigma, .. } => {
                let width = sigma / beta.sqrt();
                means.iter_mut().for_each(|m| *m += width * rng.normal());
            }
        }
    }
    /// The entropy of independent units with these means; of real numbers that of their normal law at β = 1.
    pub(super) fn entropy(self, means: &[f64]) -> f64 {
        let plogp = |p: f64| if p > 0.0 { p * libm::log(p) } else { 0.0 };
        match self {
            LayerUnits::Binary { .. } => -means.iter().map(|p| plogp(*p) + plogp(1.0 - p)).sum::<f64>(),
            LayerUnits::Spins { .. } => {
                -means.iter().map(|m| plogp(0.5 * (1.0 + m)) + plogp(0.5 * (1.0 - m))).sum::<f64>()
            }
            LayerUnits::Softmax { .. } => -means.iter().map(|p| plogp(*p)).sum::<f64>(),
            LayerUnits::Gaussian { n, sigma } => 0.5 * n as f64 * (1.0 + libm::log(2.0 * PI * sigma * sigma)),
        }
    }
    /// The fields of independent units whose means are those of data, pulled towards the middle by `pseudo` of `n` rows.
    pub(super) fn fields_of_means(self, means: &[f64], pseudo: f64, n: usize) -> Vec<f64> {
        let total = n as f64;
        match self {
            LayerUnits::Binary { .. } => {
                let odds = |p: &f64| libm::log((p * total + pseudo) / ((1.0 - p) * total + pseudo));
                means.iter().map(odds).collect()
            }
            LayerUnits::Spins { .. } => {
                let odds =
                    |m: &f64| 0.5 * libm::log(((1.0 + m) * total + pseudo) / ((1.0 - m) * total + pseudo));
                means.iter().map(odds).collect()
            }
            LayerUnits::Softmax { .. } => {
                means.iter().map(|p| libm::log((p * total + pseudo) / (total + pseudo))).collect()
            }
            LayerUnits::Gaussian { sigma, .. } => means.iter().map(|m| m / (sigma * sigma)).collect(),
        }
    }
    /// The means of units without fields.
    pub(super) fn neutral(self) -> f64 {
        match self {
            LayerUnits::Binary { .. } => 0.5,
            LayerUnits::Spins { .. } | LayerUnits::Gaussian { .. } => 0.0,
            LayerUnits::Softmax { q, .. } => 1.0 / q as f64,
        }
    }
    /// Checks that values are states of the layer; an error names the row and the unit.
    pub(super) fn check_row(self, row: usize, values: &[f64]) -> Result<()> {
        let name = |unit: usize| format!("unit {unit} of row {row}");
        let bad = |ok: &dyn Fn(f64) -> bool| values.iter().position(|v| !ok(*v));
        let (place, allowed) = match self {
            LayerUnits::Binary { .. } => (bad(&|v| v == 0.0 || v == 1.0), "0 or 1"),
            LayerUnits::Spins { .. } => (bad(&|v| v == -1.0 || v == 1.0), "-1 or 1"),
            LayerUnits::Gaussian { .. } => (bad(&|v| v.is_finite()), "finite"),
            LayerUnits::Softmax { q, .. } => {
                if let Some(unit) = bad(&|v| v == 0.0 || v == 1.0) {
                    return Err(Error::out_of_range(name(unit), values[unit], "0 or 1"));
                }
                let off = values.chunks_exact(q).position(|g| g.iter().sum::<f64>() != 1.0);
                (off.map(|g| g * q), "one of its variable's states, of which exactly one is 1")
            }
        };
        match place {
            Some(unit) => Err(Error::out_of_range(name(unit), values[unit], allowed)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use smml_core::rng::Streams;

    const DISCRETE: [LayerUnits; 3] =
        [LayerUnits::Binary { n: 4 }, LayerUnits::Spins { n: 4 }, LayerUnits::Softmax { groups: 2, q: 3 }];

    fn fields(n: usize) -> Vec<f64> {
        (0..n).map(|i| 0.7 * i as f64 - 1.1).collect()
    }

    #[test]
    fn sums_means_and_draws_are_those_of_all_states() {
        for units in DISCRETE {
            let (n, beta) = (units.n_units(), 0.8);
            let x = fields(n);
            let n_states = units.ln_states().exp().round() as usize;
            let mut state = vec![0.0; n];
            let (mut terms, mut means) = (Vec::new(), vec![0.0; n]);
            let mut seen = std::collections::HashSet::new();
            for index in 0..n_states {
                units.state(index, &mut state);
                units.check_row(0, &state).unwrap();
                assert!(seen.insert(format!("{state:?}")));
                let weight = (beta * x.iter().zip(&state).map(|(x, v)| x * v).sum::<f64>()).exp();
                terms.push(weight);
                means.iter_mut().zip(&state).for_each(|(m, v)| *m += weight * v);
            }
            let z: f64 = terms.iter().sum();
            assert!((units.ln_sum(&x, beta) - z.ln()).abs() < 1e-12);
            let mut found = x.clone();
            units.means(&mut found, beta);
            assert!(found.iter().zip(&means).all(|(a, b)| (a - b / z).abs() < 1e-13), "{units:?}");
            let entropy: f64 = -terms.iter().map(|t| t / z * (t / z).ln()).sum::<f64>();
            assert!((units.entropy(&found) - entropy).abs() < 1e-12);
            // Fields of these means give these means again.
            let mut again = units.fields_of_means(&found, 0.0, 100);
            units.means(&mut again, 1.0);
            assert!(again.iter().zip(&found).all(|(a, b)| (a - b).abs() < 1e-12));
            let mut rng = Streams::new(1).stream("draw", 0);
            let mut sums = vec![0.0; n];
            for _ in 0..20_000 {
                let mut drawn = found.clone();
                units.draw(&mut drawn, beta, &mut rng);
                units.check_row(0, &drawn).unwrap();
                sums.iter_mut().zip(&drawn).for_each(|(s, v)| *s += v / 20_000.0);
            }
            assert!(
                sums.iter().zip(&found).all(|(a, b)| (a - b).abs() < 6.0 / 20_000f64.sqrt()),
                "{units:?}"
            );
        }
    }

    #[test]
    fn real_numbers_by_quadrature() {
        let (units, beta) = (LayerUnits::Gaussian { n: 1, sigma: 0.6 }, 1.7);
        let x = [0.9];
        let step = 1e-3;
        let (mut z, mut mean, mut square) = (0.0, 0.0, 0.0);
        for k in -20_000..=20_000 {
            let v = step * f64::from(k);
            let weight = step * (beta * (x[0] * v - units.own_energy(&[v]))).exp();
            z += weight;
            mean += weight * v;
            square += weight * v * v;
        }
        assert!((units.ln_sum(&x, beta) - z.ln()).abs() < 1e-10);
        let mut m = x;
        units.means(&mut m, beta);
        assert!((m[0] - mean / z).abs() < 1e-10);
        let variance = square / z - (mean / z).powi(2);
        let mut rng = Streams::new(2).stream("draw", 0);
        let drawn: Vec<f64> = (0..40_000)
            .map(|_| {
                let mut v = m;
                units.draw(&mut v, beta, &mut rng);
                v[0]
            })
            .collect();
        let at = drawn.iter().sum::<f64>() / 4e4;
        let spread = drawn.iter().map(|v| (v - m[0]).powi(2)).sum::<f64>() / 4e4;
        assert!((at - m[0]).abs() < 6.0 * (variance / 4e4).sqrt());
        assert!((spread / variance - 1.0).abs() < 6.0 * (2.0f64 / 4e4).sqrt());
    }

    #[test]
    fn what_is_no_layer_and_no_row() {
        for (units, part) in [
            (LayerUnits::Binary { n: 0 }, "units of layer 3 = 0"),
            (LayerUnits::Softmax { groups: 2, q: 1 }, "states of the variables of layer 3 = 1"),
            (LayerUnits::Softmax { groups: usize::MAX, q: 2 }, "units of layer 3"),
            (LayerUnits::Gaussian { n: 1, sigma: 0.0 }, "sigma of layer 3 = 0"),
            (LayerUnits::Gaussian { n: 1, sigma: f64::NAN }, "sigma of layer 3"),
        ] {
            assert!(units.check(3).unwrap_err().to_string().contains(part));
        }
        for (units, row, part) in [
            (DISCRETE[0], vec![0.0, 0.5, 1.0, 0.0], "unit 1 of row 7 = 0.5"),
            (DISCRETE[1], vec![1.0, -1.0, 0.0, 1.0], "unit 2 of row 7 = 0"),
            (DISCRETE[2], vec![1.0, 0.0, 0.0, 1.0, 1.0, 0.0], "unit 3 of row 7"),
            (LayerUnits::Gaussian { n: 1, sigma: 1.0 }, vec![f64::NAN], "unit 0 of row 7"),
        ] {
            let text = units.check_row(7, &row).unwrap_err().to_string();
            assert!(text.contains(part), "{text}");
        }
    }
}
