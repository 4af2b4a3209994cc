//! Families whose true model is known: chains folded on a lattice.

use super::{Alphabet, PottsMachine, machine::pair};
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use smml_core::{
    error::{finite, not_negative},
    rng::Draw,
};

/// A chain that visits every place of a box of a cubic lattice once; places that are neighbours on the lattice and not along
/// the chain are contacts. On a cubic lattice they are at least three sites apart.
///
/// A compact chain of 27 sites in a box of 3 × 3 × 3 is the lattice protein with which the methods used here were tested
/// (H. Jacquin, A. Gilson, E. Shakhnovich, S. Cocco, R. Monasson, PLoS Comput. Biol. 12, e1004889 (2016)).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoldedChain {
    places: Vec<[usize; 3]>,
    contacts: Vec<(usize, usize)>,
}

impl FoldedChain {
    /// A random fold of a box with these sides, by backbites from a chain that goes to and fro: an end of the chain is joined
    /// to a neighbour on the lattice, and the bond that would close a loop is cut (M. L. Mansfield, J. Chem. Phys. 77, 1554
    /// (1982)).
    ///
    /// Errors: a side of 0; fewer than 4 places or more than 1,000; a box without two sides of 2 or more, in which nothing
    /// folds.
    ///
    /// ```
    /// use smml_core::rng::Streams;
    /// use smml_learn::ebm::potts::FoldedChain;
    /// let fold = FoldedChain::new([3, 3, 3], &mut Streams::new(1).stream("fold", 0))?;
    /// // 54 pairs of neighbours on the lattice, of which the chain has 26.
    /// assert_eq!((fold.n_sites(), fold.contacts().len()), (27, 28));
    /// # Ok::<(), smml_learn::Error>(())
    /// ```
    pub fn new<R: Draw>(sides: [usize; 3], rng: &mut R) -> Result<Self> {
        let n = sides.iter().fold(1usize, |n, side| n.saturating_mul(*side));
        if !(4..=1000).contains(&n) || sides.iter().filter(|s| **s > 1).count() < 2 {
            let given = format!("{} x {} x {}", sides[0], sides[1], sides[2]);
            return Err(Error::out_of_range("box", given, "4 to 1000 places, two sides of at least 2"));
        }
        let mut places = Vec::with_capacity(n);
        for z in 0..sides[2] {
            for row in 0..sides[1] {
                let y = if z % 2 == 0 { row } else { sides[1] - 1 - row };
                for column in 0..sides[0] {
                    // The direction changes from row to row, through all layers.
                    let x =
                        if (z * sides[1] + row).is_multiple_of(2) { column } else { sides[0] - 1 - column };
                    places.push([x, y, z]);
                }
            }
        }
        for _ in 0..20 * n * n {
            if rng.chance(0.5) {
                places.reverse();
            }
            let end = places[n - 1];
            let near: Vec<usize> = (0..n - 1).filter(|k| are_neighbours(places[*k], end)).collect();
            let k = near[rng.below(near.len())];
            // The neighbour along the chain changes nothing.
            places[k + 1..].reverse();
        }
        let contacts = (0..n)
            .flat_map(|i| (i + 2..n).map(move |j| (i, j)))
            .filter(|(i, j)| are_neighbours(places[*i], places[*j]))
            .collect();
        Ok(FoldedChain { places, contacts })
    }
    /// Number of sites.
    pub fn n_sites(&self) -> usize {
        self.places.len()
    }
    /// The place of every site.
    pub fn places(&self) -> &[[usize; 3]] {
        &self.places
    }
    /// Pairs i < j that touch, in order.
    pub fn contacts(&self) -> &[(usize, usize)] {
        &self.contacts
    }
}

fn are_neighbours(a: [usize; 3], b: [usize; 3]) -> bool {
    a.iter().zip(b).map(|(a, b)| a.abs_diff(b)).sum::<usize>() == 1
}

/// A family of sequences: the Potts model on the contacts of a fold, with random fields and couplings.
///
/// For letters that are no gaps hᵢ(a) ~ N(0, σ_h²) and, at contacts, Jᵢⱼ(a, b) ~ N(0, σ_J²); pairs that do not touch have no
/// couplings. Gaps have the field `gap_field` and no couplings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LatticeFamily {
    fold: FoldedChain,
    machine: PottsMachine,
}

impl LatticeFamily {
    /// `scales` are σ_h and σ_J.
    ///
    /// Errors: scales that are negative or not finite, a field that is not finite, too many sites.
    pub fn new<R: Draw>(
        fold: FoldedChain,
        alphabet: Alphabet,
        scales: [f64; 2],
        gap_field: f64,
        rng: &mut R,
    ) -> Result<Self> {
        let [field_scale, coupling_scale] = scales;
        not_negative("scale of fields", field_scale)?;
        not_negative("scale of couplings", coupling_scale)?;
        finite("field of gaps", gap_field)?;
        let (n, q) = (fold.n_sites(), alphabet.n_letters());
        PottsMachine::check_size(alphabet, n)?;
        let mut fields = vec![gap_field; n * q];
        for site in fields.chunks_exact_mut(q) {
            site[..q - 1].iter_mut().for_each(|h| *h = field_scale * rng.normal());
        }
        let mut couplings = vec![0.0; n * (n - 1) / 2 * q * q];
        for (i, j) in fold.contacts() {
            let block = &mut couplings[pair(n, *i, *j) * q * q..][..q * q];
            for row in block.chunks_exact_mut(q).take(q - 1) {
                row[..q - 1].iter_mut().for_each(|w| *w = coupling_scale * rng.normal());
            }
        }
        Ok(LatticeFamily { machine: PottsMachine::new(alphabet, n, fields, &couplings)?, fold })
    }
    /// The fold.
    pub fn fold(&self) -> &FoldedChain {
        &self.fold
    }
    /// The true model.
    pub fn machine(&self) -> &PottsMachine {
        &self.machine
    }
}
