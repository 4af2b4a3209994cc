//! Proved lower bounds of the ground energy of any Ising model, from frustrated cycles.
//!
//! A closed set of bonds (an even number at every spin) with an odd number of negative couplings has an odd number of
//! broken bonds in every state. So when weights w_C >= 0 are packed into such sets C, no bond taking more than |Jᵢⱼ|,
//! every state has broken bonds of at least Σ w_C, and
//!
//! E >= -Σ |Jᵢⱼ| - Σ |hᵢ| + 2 Σ w_C.
//!
//! Fields are couplings to one more spin that is up. The best packing is the bound of the odd-cycle inequalities of the
//! cut polytope (Barahona and Mahjoub, Math. Program. 36, 157 (1986)); on planar graphs it is the ground energy. The
//! packing here comes from the multiplicative-weights scheme of Garg and Könemann (SIAM J. Comput. 37, 630 (2007)).
//!
//! How far it is from the ground energy on examples: see [`Packing::of`].

mod search;
#[cfg(test)]
mod tests;

pub use search::Effort;

use crate::ising::Ising;
use serde::{Deserialize, Serialize};
use smml_core::error::{Error, Result, positive};

/// One closed set of bonds with an odd number of negative ones.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FrustratedSet {
    /// Its bonds (i, j). A field on spin i is the bond (i, n), with n the number of spins.
    pub bonds: Vec<(u32, u32)>,
    /// Its weight w_C.
    pub weight: f64,
}

/// Weighted frustrated sets: a proof of a lower bound, which [`Packing::certify`] checks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Packing {
    /// The sets.
    pub sets: Vec<FrustratedSet>,
}

/// A lower bound of the energy of every state.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bound {
    /// E is at least this.
    pub energy: f64,
    /// The bound -Σ |J| - Σ |h| that needs no frustration.
    pub free: f64,
    /// The total weight of the packing.
    pub weight: f64,
}

impl Bound {
    /// What is left open of an energy that was found: 0 for a proved ground energy.
    pub fn gap(&self, energy: f64) -> f64 {
        energy - self.energy
    }
}

/// The bonds of a model, with the fields as bonds to one more spin; in order.
fn bonds(ising: &Ising) -> Vec<(u32, u32, f64)> {
    let n = ising.n_spins() as u32;
    let fields = ising.fields().iter().enumerate().filter(|(_, h)| **h != 0.0);
    let mut all: Vec<(u32, u32, f64)> =
        ising.couplings().edges().chain(fields.map(|(i, h)| (i as u32, n, *h))).collect();
    all.sort_unstable_by_key(|b| (b.0, b.1));
    all
}

/// The largest u of which all numbers are whole multiples, and of which each energy difference is 2 u k; `None` for
/// numbers without such a unit of moderate size.
fn unit(bonds: &[(u32, u32, f64)]) -> Option<f64> {
    const MOST_BITS: i32 = 20;
    let scale = (0..=MOST_BITS).map(|bits| libm::ldexp(1.0, bits)).find(|scale| {
        let whole = |x: f64| (x * scale).fract() == 0.0 && (x * scale).abs() <= 1e15;
        bonds.iter().all(|b| whole(b.2))
    })?;
    let gcd = bonds.iter().fold(0u64, |a, b| {
        let (mut a, mut b) = (a, (b.2 * scale).abs() as u64);
        while b != 0 {
            (a, b) = (b, a % b);
        }
        a
    });
    (gcd > 0).then(|| gcd as f64 / scale)
}

impl Packing {
    /// Checks the proof and gives the bound. It shares no code with what finds packings.
    ///
    /// Where all couplings and fields are whole multiples of a unit, so are the energies of broken bonds, and the bound is
    /// rounded up to the next energy that there can be. Otherwise it is right to the rounding of its sums.
    ///
    /// Errors: a bond that the model has not, one twice in a set, an odd number of bonds at a spin, an even number of
    /// negative couplings, a weight that is not positive, a bond that gives more than |J|.
    ///
    /// ```
    /// use smml_physics::{bound::{FrustratedSet, Packing}, ising::Ising};
    /// let triangle = Ising::new(3, &[(0, 1, -1.0), (1, 2, -1.0), (0, 2, -1.0)], vec![0.0; 3])?;
    /// let set = FrustratedSet { bonds: vec![(0, 1), (1, 2), (0, 2)], weight: 1.0 };
    /// assert_eq!(Packing { sets: vec![set] }.certify(&triangle)?.energy, -1.0);
    /// # Ok::<(), smml_core::Error>(())
    /// ```
    pub fn certify(&self, ising: &Ising) -> Result<Bound> {
        let bonds = bonds(ising);
        let mut load = vec![0.0; bonds.len()];
        let mut degree = vec![0u32; ising.n_spins() + 1];
        let mut last_set = vec![usize::MAX; bonds.len()];
        let mut weight = 0.0;
        for (k, set) in self.sets.iter().enumerate() {
            positive(&format!("weight of set {k}"), set.weight)?;
            let mut negative = false;
            for &(i, j) in &set.bonds {
                let (i, j) = (i.min(j), i.max(j));
                let at = bonds.binary_search_by_key(&(i, j), |b| (b.0, b.1)).map_err(|_| {
                    Error::out_of_range(format!("bond of set {k}"), format!("({i}, {j})"), "one of the model")
                })?;
                if last_set[at] == k {
                    let allowed = "in the set once";
                    return Err(Error::out_of_range(
                        format!("bond of set {k}"),
                        format!("({i}, {j})"),
                        allowed,
                    ));
                }
                last_set[at] = k;
                negative ^= bonds[at].2 < 0.0;
                degree[i as usize] ^= 1;
                degree[j as usize] ^= 1;
                load[at] += set.weight;
            }
            if !negative {
                let allowed = "an odd number: the set is not frustrated";
                return Err(Error::out_of_range(format!("negative couplings of set {k}"), "even", allowed));
            }
            // Only the spins of the set were touched, and all parities were even before.
            for &(i, j) in &set.bonds {
                for v in [i, j] {
                    if degree[v as usize] != 0 {
                        let name = format!("bonds of set {k} at spin {v}");
                        return Err(Error::out_of_range(
                            name,
                            "odd",
                            "an even number: the set is not closed",
                        ));
                    }
                }
            }
            weight += set.weight;
        }
        for (&(i, j, size), &load) in bonds.iter().zip(&load) {
            if !(load <= size.abs()) {
                let name = format!("total weight on the bond ({i}, {j})");
                return Err(Error::out_of_range(name, load, format!("at most |J| = {}", size.abs())));
            }
        }
        let free = 0.0 - bonds.iter().map(|b| b.2.abs()).sum::<f64>();
        // Weights of our own search are multiples of a power of two, so that their sums are exact.
        let broken = match unit(&bonds) {
            Some(unit) => unit * (weight / unit).ceil(),
            None => weight,
        };
        Ok(Bound { energy: free + 2.0 * broken, free, weight })
    }
}
