//! The exact partition function, log-likelihood and its gradient, by enumeration of the smaller layer.
//!
//! Larger machines need annealed importance sampling.

use super::{numeric::softplus_sum, rbm::Rbm};
use crate::{
    data::BinaryData,
    error::{Error, Result},
};
use smml_core::{
    Estimate,
    energy::LnSum,
    error::positive,
    numeric::sigmoid,
    parallel::{self, Par},
};

/// The largest layer that is enumerated: 2²⁴ states.
pub const MAX_ENUMERATED: usize = 24;
/// States in a piece of the enumeration; fields are recomputed at its start, so that rounding cannot build up.
const CHUNK_BITS: usize = 10;

/// A machine whose hidden layer is the smaller one.
fn oriented(rbm: &Rbm) -> Result<(std::borrow::Cow<'_, Rbm>, bool)> {
    let smaller = rbm.n_visible().min(rbm.n_hidden());
    if smaller > MAX_ENUMERATED {
        return Err(smml_core::Error::TooLarge {
            what: "exact enumeration of the smaller layer".into(),
            needed: format!("2^{smaller} states"),
            limit: format!("2^{MAX_ENUMERATED} (use annealed importance sampling)"),
        }
        .into());
    }
    let swap = rbm.n_visible() < rbm.n_hidden();
    Ok(if swap {
        (std::borrow::Cow::Owned(rbm.transposed()), true)
    } else {
        (std::borrow::Cow::Borrowed(rbm), false)
    })
}

/// Walks a piece of the hidden states in Gray-code order; `visit(hidden as bits, β Σ b h, fields of the visible units)`.
fn walk(rbm: &Rbm, columns: &[Vec<f64>], chunk: usize, beta: f64, mut visit: impl FnMut(u32, f64, &[f64])) {
    let bits = rbm.n_hidden().min(CHUNK_BITS);
    let first = chunk << bits;
    let gray = |k: usize| (k ^ k >> 1) as u32;
    let mut state = gray(first);
    let mut bias = 0.0;
    let mut fields = rbm.visible_bias().to_vec();
    let toggle = |j: usize, sign: f64, bias: &mut f64, fields: &mut [f64]| {
        *bias += sign * beta * rbm.hidden_bias()[j];
        fields.iter_mut().zip(&columns[j]).for_each(|(f, w)| *f += sign * w);
    };
    for j in (0..rbm.n_hidden()).filter(|j| state >> j & 1 == 1) {
        toggle(j, 1.0, &mut bias, &mut fields);
    }
    for k in first..first + (1 << bits) {
        let next = gray(k);
        if next != state {
            let j = (next ^ state).trailing_zeros() as usize;
            toggle(j, if next >> j & 1 == 1 { 1.0 } else { -1.0 }, &mut bias, &mut fields);
            state = next;
        }
        visit(state, bias, &fields);
    }
}

fn columns(rbm: &Rbm) -> Vec<Vec<f64>> {
    (0..rbm.n_hidden()).map(|j| (0..rbm.n_visible()).map(|i| rbm.row(i)[j]).collect()).collect()
}

fn n_chunks(rbm: &Rbm) -> usize {
    1 << rbm.n_hidden().saturating_sub(CHUNK_BITS)
}

/// ln Z(β), exactly, when one layer has at most [`MAX_ENUMERATED`] units.
///
/// The smaller layer is enumerated and the other summed out in closed form.
///
/// ```
/// use smml_learn::ebm::{Rbm, likelihood::ln_z_exact};
/// use smml_core::parallel::Par;
/// let rbm = Rbm::new(vec![0.0; 784], vec![0.0; 9], vec![0.0; 784 * 9])?;
/// assert!((ln_z_exact(&rbm, 1.0, Par::Serial)? - 793.0 * 2f64.ln()).abs() < 1e-10);
/// # Ok::<(), smml_learn::Error>(())
/// ```
pub fn ln_z_exact(rbm: &Rbm, beta: f64, par: Par) -> Result<f64> {
    positive("beta", beta)?;
    let (rbm, _) = oriented(rbm)?;
    let columns = columns(&rbm);
    let parts = parallel::map(par, n_chunks(&rbm), |chunk| {
        let mut sum = LnSum::default();
        walk(&rbm, &columns, chunk, beta, |_, bias, fields| sum.add(bias + softplus_sum(fields, beta)));
        sum.ln()
    });
    Ok(smml_core::energy::ln_sum_exp(&parts))
}

/// ⟨vᵢ⟩, ⟨hⱼ⟩ and ⟨vᵢ hⱼ⟩, or a difference of two such sets: a gradient.
#[derive(Clone, Debug, PartialEq)]
pub struct Moments {
    /// One for each visible unit.
    pub visible: Vec<f64>,
    /// One for each hidden unit.
    pub hidden: Vec<f64>,
    /// Visible × hidden.
    pub products: Vec<f64>,
}

impl Moments {
    fn zeros(n: usize, m: usize) -> Self {
        Moments { visible: vec![0.0; n], hidden: vec![0.0; m], products: vec![0.0; n * m] }
    }
    fn transposed(self) -> Self {
        let (n, m) = (self.visible.len(), self.hidden.len());
        let products =
            (0..m).flat_map(|j| (0..n).map(move |i| (i, j))).map(|(i, j)| self.products[i * m + j]);
        Moments { products: products.collect(), visible: self.hidden, hidden: self.visible }
    }
    fn combine(mut self, scale: f64, other: &Moments) -> Self {
        let parts = [
            (&mut self.visible, &other.visible),
            (&mut self.hidden, &other.hidden),
            (&mut self.products, &other.products),
        ];
        for (a, b) in parts {
            a.iter_mut().zip(b).for_each(|(a, b)| *a += scale * b);
        }
        self
    }
}

/// The moments of the model's own distribution, exactly; limits as for [`ln_z_exact`].
pub fn moments_exact(rbm: &Rbm, beta: f64, par: Par) -> Result<Moments> {
    let ln_z = ln_z_exact(rbm, beta, par)?;
    let (rbm, swapped) = oriented(rbm)?;
    let (n, m) = (rbm.n_visible(), rbm.n_hidden());
    let columns = columns(&rbm);
    // 64 partial sums at most, joined in order.
    let parts = parallel::map(par, n_chunks(&rbm).min(64), |part| {
        let mut sum = Moments::zeros(n, m);
        let mut p = vec![0.0; n];
        for chunk in (part..n_chunks(&rbm)).step_by(64) {
            walk(&rbm, &columns, chunk, beta, |state, bias, fields| {
                let weight = libm::exp(bias + softplus_sum(fields, beta) - ln_z);
                for (p, f) in p.iter_mut().zip(fields) {
                    *p = weight * sigmoid(beta * f);
                }
                sum.visible.iter_mut().zip(&p).for_each(|(s, p)| *s += p);
                for j in (0..m).filter(|j| state >> j & 1 == 1) {
                    sum.hidden[j] += weight;
                    for i in 0..n {
                        sum.products[i * m + j] += p[i];
                    }
                }
            });
        }
        sum
    });
    let sum = parts.iter().fold(Moments::zeros(n, m), |a, b| a.combine(1.0, b));
    Ok(if swapped { sum.transposed() } else { sum })
}

/// The moments of data: v as given, h by its conditional probability.
///
/// Errors: no rows, rows of another width, β not above 0, fields that overflow.
pub fn moments_of_data(rbm: &Rbm, data: &BinaryData, beta: f64) -> Result<Moments> {
    check_width(rbm, data)?;
    positive("beta", beta)?;
    if data.is_empty() {
        return Err(Error::out_of_range("number of rows of data", 0, "at least 1"));
    }
    let mut sum = Moments::zeros(rbm.n_visible(), rbm.n_hidden());
    for row in data.rows() {
        let p = rbm.p_hidden(row, beta);
        if let Some(j) = p.iter().position(|p| p.is_nan()) {
            let allowed = "such that beta times its field is a number: weights are too large";
            return Err(Error::out_of_range(format!("hidden unit {j}"), p[j], allowed));
        }
        sum.hidden.iter_mut().zip(&p).for_each(|(s, p)| *s += p);
        for (i, _) in row.iter().enumerate().filter(|(_, v)| **v != 0) {
            sum.visible[i] += 1.0;
            sum.products[i * p.len()..(i + 1) * p.len()].iter_mut().zip(&p).for_each(|(s, p)| *s += p);
        }
    }
    let scale = 1.0 / data.len() as f64;
    Ok(Moments::zeros(rbm.n_visible(), rbm.n_hidden()).combine(scale, &sum))
}

/// The gradient of the mean log-likelihood of data with respect to a, b and W:
/// β (⟨vᵢ hⱼ⟩ data - ⟨vᵢ hⱼ⟩ model), exactly.
pub fn gradient_exact(rbm: &Rbm, data: &BinaryData, beta: f64, par: Par) -> Result<Moments> {
    let difference = moments_of_data(rbm, data, beta)?.combine(-1.0, &moments_exact(rbm, beta, par)?);
    Ok(Moments::zeros(rbm.n_visible(), rbm.n_hidden()).combine(beta, &difference))
}

/// -β F(v) of every row.
///
/// Errors: rows of another width, β not above 0.
pub fn ln_unnormalised(rbm: &Rbm, data: &BinaryData, beta: f64, par: Par) -> Result<Vec<f64>> {
    check_width(rbm, data)?;
    positive("beta", beta)?;
    Ok(parallel::map(par, data.len(), |i| -beta * rbm.free_energy(data.row(i), beta)))
}

/// The mean log-likelihood of data in nats a row, with the error that comes from the choice of rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LogLikelihood {
    /// Mean over these rows, with the error of ln Z only: compares models on the same rows.
    pub on_these_rows: Estimate,
    /// The same mean as an estimate for new data: the error of the rows and of ln Z.
    pub expected: Estimate,
    /// ln Z as used.
    pub ln_z: Estimate,
}

/// The mean log-likelihood ⟨-β F(v)⟩ - ln Z of rows, with a given ln Z (exact or estimated).
///
/// Errors: no rows, or rows of another width.
pub fn log_likelihood(
    rbm: &Rbm,
    data: &BinaryData,
    beta: f64,
    ln_z: Estimate,
    par: Par,
) -> Result<LogLikelihood> {
    let terms = ln_unnormalised(rbm, data, beta, par)?;
    if terms.is_empty() {
        return Err(smml_core::Error::TooShort { have: 0, needed: 1 }.into());
    }
    let mean = terms.iter().sum::<f64>() / terms.len() as f64;
    let on_these_rows = ln_z.affine(mean, -1.0);
    let expected = match Estimate::from_independent(&terms) {
        Ok(rows) => rows.plus(ln_z.affine(0.0, -1.0)),
        Err(_) if terms.len() == 1 => on_these_rows,
        Err(e) => return Err(e.into()),
    };
    Ok(LogLikelihood { on_these_rows, expected, ln_z })
}

/// The exact mean log-likelihood of rows; limits as for [`ln_z_exact`].
pub fn log_likelihood_exact(rbm: &Rbm, data: &BinaryData, beta: f64, par: Par) -> Result<LogLikelihood> {
    log_likelihood(rbm, data, beta, Estimate::exact(ln_z_exact(rbm, beta, par)?), par)
}

/// Mean pseudo-log-likelihood Σᵢ ln P(vᵢ | the others) of rows: a cheap monitor that needs no ln Z. The values row by
/// row (of a single one too) are those of [`pseudo_log_likelihoods`].
///
/// Errors: fewer than two rows, or rows of another width.
pub fn pseudo_log_likelihood(rbm: &Rbm, data: &BinaryData, beta: f64, par: Par) -> Result<Estimate> {
    Ok(Estimate::from_independent(&pseudo_log_likelihoods(rbm, data, beta, par)?)?)
}

/// The pseudo-log-likelihood Σᵢ ln P(vᵢ | the others) of each row, in nats.
///
/// Errors: rows of another width, β not above 0.
pub fn pseudo_log_likelihoods(rbm: &Rbm, data: &BinaryData, beta: f64, par: Par) -> Result<Vec<f64>> {
    check_width(rbm, data)?;
    positive("beta", beta)?;
    Ok(parallel::map(par, data.len(), |i| rbm.pseudo_log_likelihood(data.row(i), beta)))
}

pub(crate) fn check_width(rbm: &Rbm, data: &BinaryData) -> Result<()> {
    if data.width() == rbm.n_visible() {
        Ok(())
    } else {
        Err(Error::length("row of data", data.width(), rbm.n_visible()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::rbm::tests::random;
    use super::*;
    use smml_core::{energy, rng::Draw, rng::Streams};

    fn some_data(n: usize, width: usize, seed: u64) -> BinaryData {
        let mut rng = Streams::new(seed).stream("data", 0);
        BinaryData::new(width, (0..n * width).map(|_| u8::from(rng.chance(0.4))).collect()).unwrap()
    }

    #[test]
    fn ln_z_agrees_with_enumeration_of_both_layers() {
        for (n, m, seed) in [(8, 8, 1), (12, 3, 2), (3, 12, 3), (1, 1, 4), (2, 14, 5)] {
            let rbm = random(n, m, 0.9, seed);
            for beta in [0.5, 1.0, 3.0] {
                let expected = energy::ln_z_exact(&rbm, beta).unwrap();
                let got = ln_z_exact(&rbm, beta, Par::Rayon).unwrap();
                assert!((got - expected).abs() < 1e-11 * expected.abs(), "{n}+{m}: {got} {expected}");
                assert_eq!(got.to_bits(), ln_z_exact(&rbm, beta, Par::Serial).unwrap().to_bits());
            }
        }
    }

    #[test]
    fn long_gray_walks_stay_exact() {
        // Independent hidden units: Z factorises, and 2¹³ states are walked.
        let mut rbm = random(20, 13, 0.5, 7);
        rbm = Rbm::new(rbm.visible_bias().to_vec(), rbm.hidden_bias().to_vec(), vec![0.0; 260]).unwrap();
        let product = softplus_sum(rbm.visible_bias(), 2.0) + softplus_sum(rbm.hidden_bias(), 2.0);
        assert!((ln_z_exact(&rbm, 2.0, Par::Rayon).unwrap() - product).abs() < 1e-11);
        // One hidden unit more, coupled to nothing, adds its own factor.
        let small = random(15, 12, 1.0, 8);
        let weights = (0..15).flat_map(|i| [small.row(i), &[0.0]].concat()).collect();
        let bias = [small.hidden_bias(), &[0.7]].concat();
        let larger = Rbm::new(small.visible_bias().to_vec(), bias, weights).unwrap();
        let difference =
            ln_z_exact(&larger, 1.0, Par::Rayon).unwrap() - ln_z_exact(&small, 1.0, Par::Rayon).unwrap();
        assert!((difference - (1.0 + 0.7f64.exp()).ln()).abs() < 1e-11);
    }

    #[test]
    fn moments_agree_with_enumeration() {
        for (n, m) in [(5, 4), (4, 6)] {
            let rbm = random(n, m, 0.8, 11);
            let moments = moments_exact(&rbm, 1.2, Par::Rayon).unwrap();
            let mean = |f: &dyn Fn(&crate::ebm::RbmState) -> bool| {
                energy::mean_exact(&rbm, 1.2, |s| f64::from(f(s))).unwrap()
            };
            for i in 0..n {
                let v = mean(&|s| s.visible[i]);
                assert!((moments.visible[i] - v).abs() < 1e-12);
                for j in 0..m {
                    let vh = mean(&|s| s.visible[i] && s.hidden[j]);
                    assert!((moments.products[i * m + j] - vh).abs() < 1e-12);
                }
            }
            for j in 0..m {
                let h = mean(&|s| s.hidden[j]);
                assert!((moments.hidden[j] - h).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn gradient_is_the_finite_difference_of_the_log_likelihood_8_8() {
        let (rbm, data, beta) = (random(8, 8, 0.5, 21), some_data(12, 8, 3), 1.1);
        let gradient = gradient_exact(&rbm, &data, beta, Par::Serial).unwrap();
        let ll = |a: &[f64], b: &[f64], w: &[f64]| {
            let rbm = Rbm::new(a.to_vec(), b.to_vec(), w.to_vec()).unwrap();
            log_likelihood_exact(&rbm, &data, beta, Par::Serial).unwrap().on_these_rows.value
        };
        let (a, b, w) = (rbm.visible_bias(), rbm.hidden_bias(), rbm.weights());
        let step = 1e-5;
        let difference = |which: usize, i: usize| {
            let at = |d: f64| {
                let mut p = [a.to_vec(), b.to_vec(), w.to_vec()];
                p[which][i] += d;
                ll(&p[0], &p[1], &p[2])
            };
            (at(step) - at(-step)) / (2.0 * step)
        };
        for i in 0..8 {
            assert!((gradient.visible[i] - difference(0, i)).abs() < 1e-8);
            assert!((gradient.hidden[i] - difference(1, i)).abs() < 1e-8);
        }
        for i in 0..64 {
            assert!((gradient.products[i] - difference(2, i)).abs() < 1e-8);
        }
    }

    #[test]
    fn likelihood_of_everything_sums_to_one() {
        let rbm = random(6, 3, 1.5, 31);
        let all: Vec<u8> = (0..64usize).flat_map(|v| (0..6).map(move |i| (v >> i & 1) as u8)).collect();
        let data = BinaryData::new(6, all).unwrap();
        let ln_z = ln_z_exact(&rbm, 0.7, Par::Serial).unwrap();
        let total: f64 =
            ln_unnormalised(&rbm, &data, 0.7, Par::Serial).unwrap().iter().map(|f| (f - ln_z).exp()).sum();
        assert!((total - 1.0).abs() < 1e-12);
        let ll = log_likelihood_exact(&rbm, &data, 0.7, Par::Serial).unwrap();
        assert_eq!(ll.on_these_rows.std_error, 0.0);
        assert!(ll.expected.std_error > 0.0);
        assert!((ll.expected.value - ll.on_these_rows.value).abs() < 1e-12);
    }

    #[test]
    fn limits() {
        let wide = Rbm::new(vec![0.0; 25], vec![0.0; 25], vec![0.0; 625]).unwrap();
        assert!(ln_z_exact(&wide, 1.0, Par::Serial).unwrap_err().to_string().contains("2^25"));
        let rbm = random(3, 2, 1.0, 1);
        assert!(
            ln_z_exact(&rbm, 0.0, Par::Serial).is_err() && ln_z_exact(&rbm, f64::NAN, Par::Serial).is_err()
        );
        assert!(log_likelihood_exact(&rbm, &some_data(2, 4, 1), 1.0, Par::Serial).is_err());
        // No mean without rows, none at a beta that is not a number, and none of fields that overflow.
        let (some, none) = (some_data(2, 3, 1), BinaryData::new(3, vec![]).unwrap());
        let text = moments_of_data(&rbm, &none, 1.0).unwrap_err().to_string();
        assert!(text.contains("number of rows of data = 0"), "{text}");
        assert!(gradient_exact(&rbm, &none, 1.0, Par::Serial).is_err());
        for beta in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let text = moments_of_data(&rbm, &some, beta).unwrap_err().to_string();
            assert!(text.contains("beta"), "{text}");
        }
        let huge = Rbm::new(vec![0.0; 3], vec![0.0], vec![1e308, 1e308, -1e308]).unwrap();
        let on = BinaryData::new(3, vec![1, 1, 1]).unwrap();
        assert!(moments_of_data(&huge, &on, 1.0).is_ok_and(|m| m.hidden[0] == 1.0));
        let rows = pseudo_log_likelihoods(&rbm, &some, 1.0, Par::Serial).unwrap();
        assert_eq!(rows[1], rbm.pseudo_log_likelihood(some.row(1), 1.0));
        let mean = pseudo_log_likelihood(&rbm, &some, 1.0, Par::Serial).unwrap().value;
        assert!((0.5 * (rows[0] + rows[1]) - mean).abs() < 1e-14);
        assert_eq!(pseudo_log_likelihoods(&rbm, &some.head(1), 1.0, Par::Serial).unwrap(), rows[..1]);
    }
}
