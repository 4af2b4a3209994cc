//! How near one model is to another.

use super::PottsMachine;
use crate::error::{Error, Result};
use smml_core::{
    Estimate,
    estimate::{LeftOut, jackknife_groups},
};

/// Pearson's correlation of the couplings of two models at some pairs of sites, both in the zero-sum gauge, over letters that
/// are no gaps. Its error is that of the choice of pairs: the jackknife that leaves out one pair at a time.
///
/// Errors: models of another length or alphabet, pairs that are not there, fewer than ten pairs, and
/// [`smml_core::Error::Undefined`] where the couplings of a model do not vary.
pub fn coupling_correlation(
    found: &PottsMachine,
    truth: &PottsMachine,
    pairs: &[(usize, usize)],
) -> Result<Estimate> {
    if (found.n_sites(), found.alphabet()) != (truth.n_sites(), truth.alphabet()) {
        return Err(Error::length("sites of the model", found.n_sites(), truth.n_sites()));
    }
    let (n, q) = (truth.n_sites(), truth.n_letters());
    let (found, truth) = (found.zero_sum(), truth.zero_sum());
    let mut sums = Vec::with_capacity(pairs.len());
    for &(i, j) in pairs {
        if i == j || i >= n || j >= n {
            let allowed = format!("two different sites below {n}");
            return Err(Error::out_of_range("pair of sites", format!("({i}, {j})"), allowed));
        }
        let mut sum = Sums::default();
        for a in 0..q as u8 - 1 {
            for b in 0..q as u8 - 1 {
                sum.add(found.coupling((i, a), (j, b)), truth.coupling((i, a), (j, b)));
            }
        }
        sums.push(sum);
    }
    let all = sums.iter().fold(Sums::default(), |all, s| all.plus(1.0, s));
    let group = LeftOut {
        values: sums.iter().map(|s| all.plus(-1.0, s).correlation()).collect(),
        n: pairs.len(),
        tau: 0.5,
    };
    Ok(jackknife_groups("the correlation of couplings", all.correlation(), &[group])?)
}

/// Sums of x, y, x², y², x y and their number.
#[derive(Clone, Copy, Default)]
struct Sums([f64; 6]);

impl Sums {
    fn add(&mut self, x: f64, y: f64) {
        *self = self.plus(1.0, &Sums([1.0, x, y, x * x, y * y, x * y]));
    }
    fn plus(&self, sign: f64, other: &Sums) -> Sums {
        Sums(std::array::from_fn(|k| self.0[k] + sign * other.0[k]))
    }
    fn correlation(&self) -> f64 {
        let [n, x, y, xx, yy, xy] = self.0;
        (n * xy - x * y) / ((n * xx - x * x) * (n * yy - y * y)).sqrt()
    }
}
