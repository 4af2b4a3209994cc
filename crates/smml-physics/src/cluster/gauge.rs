//! Balance of signed graphs: whether a change of signs of some spins makes every coupling ferromagnetic.

use crate::ising::Ising;
use smml_core::{
    error::{Result, same_length},
    graph::SparseGraph,
};

/// A cycle around which the product of the signs of the couplings is negative: no spins satisfy all of them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the couplings are frustrated: the product of their signs around the cycle {} is negative{}",
    Self::text(cycle),
    if cycle.iter().any(|v| *v as usize == *n_spins) { format!(" ({n_spins} stands for the field)") } else { String::new() })]
pub struct Frustrated {
    /// The spins along the cycle, each joined to the next and the last to the first. The number `n_spins` stands for
    /// the field, joined to every spin that has one.
    pub cycle: Vec<u32>,
    /// Number of spins.
    pub n_spins: usize,
}

impl Frustrated {
    /// Cycles can be long; a message names at most twelve vertices.
    fn text(cycle: &[u32]) -> String {
        let most = 12;
        let mut names: Vec<String> = cycle.iter().take(most).map(u32::to_string).collect();
        if cycle.len() > most {
            names.push(format!("... ({} in all)", cycle.len()));
        }
        names.join(" - ")
    }
}

/// The signs gᵢ = ±1 for which all gᵢ Jᵢⱼ gⱼ >= 0 and gᵢ hᵢ >= 0: the gauge in which the model is a ferromagnet in a
/// field that points up. In it Σ gᵢ sᵢ is the order parameter.
///
/// The decision is Harary's theorem (Michigan Math. J. 2, 143 (1953)): such signs exist if and only if no cycle has a
/// negative product. Breadth-first search, O(spins + couplings). Couplings and fields of 0 do not count.
///
/// ```
/// use smml_physics::{cluster::Gauge, ising::Ising};
/// let ring = |last: f64| Ising::new(3, &[(0, 1, -1.0), (1, 2, -1.0), (2, 0, last)], vec![0.0; 3]).unwrap();
/// assert_eq!(Gauge::of(&ring(1.0)).unwrap().signs(), &[1, -1, 1]);
/// assert_eq!(Gauge::of(&ring(-1.0)).unwrap_err().cycle.len(), 3);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gauge {
    signs: Vec<i8>,
}

impl Gauge {
    /// The gauge of an Ising model with its fields.
    pub fn of(ising: &Ising) -> std::result::Result<Self, Frustrated> {
        Self::find(ising.couplings(), ising.fields())
    }
    /// The gauge of couplings alone, for models of any spins that may be reversed.
    pub fn of_couplings(couplings: &SparseGraph) -> std::result::Result<Self, Frustrated> {
        Self::find(couplings, &[])
    }

    fn find(couplings: &SparseGraph, fields: &[f64]) -> std::result::Result<Self, Frustrated> {
        let n = couplings.n_vertices();
        let ghost = n as u32;
        // Signs found so far (0: none), and the way back to where the search began.
        let mut signs = vec![0i8; n + 1];
        let mut parent = vec![u32::MAX; n + 1];
        let mut queue = std::collections::VecDeque::new();
        // The ghost first: it is up, and decides the sign of every component that has a field.
        for start in std::iter::once(ghost).chain(0..ghost) {
            if signs[start as usize] != 0 {
                continue;
            }
            signs[start as usize] = 1;
            queue.push_back(start);
            while let Some(i) = queue.pop_front() {
                let (neighbours, weights) =
                    if i == ghost { (&[][..], &[][..]) } else { couplings.neighbours(i as usize) };
                let bonds = neighbours.iter().copied().zip(weights.iter().copied());
                let to_ghost = fields.get(i as usize).map(|h| (ghost, *h));
                let from_ghost = fields.iter().enumerate().map(|(j, h)| (j as u32, *h));
                let field = from_ghost.take(if i == ghost { n } else { 0 }).chain(to_ghost);
                for (j, weight) in bonds.chain(field) {
                    let sign = if weight > 0.0 { 1 } else { -1 } * signs[i as usize];
                    if weight == 0.0 || signs[j as usize] == sign {
                        continue;
                    }
                    if signs[j as usize] != 0 {
                        return Err(Frustrated { cycle: cycle(&parent, i, j), n_spins: n });
                    }
                    signs[j as usize] = sign;
                    parent[j as usize] = i;
                    queue.push_back(j);
                }
            }
        }
        signs.truncate(n);
        Ok(Gauge { signs })
    }

    /// gᵢ
    pub fn signs(&self) -> &[i8] {
        &self.signs
    }
    /// The model in this gauge: spins gᵢ sᵢ, couplings gᵢ Jᵢⱼ gⱼ, fields gᵢ hᵢ. Same energies.
    ///
    /// # Errors
    /// A model of another number of spins.
    pub fn transform(&self, ising: &Ising) -> Result<Ising> {
        same_length("gauge", self.signs.len(), ising.n_spins())?;
        let g = |i: u32| f64::from(self.signs[i as usize]);
        let couplings = ising.couplings().map_weights(|i, j, w| g(i) * w * g(j))?;
        Ising::on_graph(
            couplings,
            ising.fields().iter().zip(&self.signs).map(|(h, s)| h * f64::from(*s)).collect(),
        )
    }
    /// Σ gᵢ sᵢ. Errors: another number of spins.
    pub fn order_parameter(&self, spins: &[i8]) -> Result<i64> {
        same_length("spins", spins.len(), self.signs.len())?;
        Ok(self.signs.iter().zip(spins).map(|(g, s)| i64::from(g * s)).sum())
    }
}

/// The tree paths from `i` and `j` up to where they meet, as one cycle closed by the bond between `i` and `j`.
fn cycle(parent: &[u32], i: u32, j: u32) -> Vec<u32> {
    let up = |mut v: u32| {
        let mut path = vec![v];
        while parent[v as usize] != u32::MAX {
            v = parent[v as usize];
            path.push(v);
        }
        path
    };
    let (mut a, mut b) = (up(i), up(j));
    // Both end at the root: drop what they share but for the place where they meet.
    while a.len() > 1 && b.len() > 1 && a[a.len() - 2] == b[b.len() - 2] {
        a.pop();
        b.pop();
    }
    b.pop();
    a.extend(b.into_iter().rev());
    a
}
