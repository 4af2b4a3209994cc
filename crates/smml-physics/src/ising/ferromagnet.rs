//! The ferromagnet with one coupling and no field: small tables for fast cluster updates.

use smml_core::{
    energy::{Energy, Finite, Reference},
    error::{Error, Result, positive},
    graph::SparseGraph,
    rng::Draw,
};

/// E = -J Σ sᵢ sⱼ over the edges of a graph, J > 0: the model of [`super::Ising`] with the same coupling everywhere. What it
/// knows more is used by [`crate::cluster::Wolff`], which is several times as fast on it.
///
/// ```
/// use smml_core::energy::Energy;
/// use smml_physics::{ising::Ferromagnet, lattice::{Boundary, Lattice}};
/// let torus = Ferromagnet::new(&Lattice::square(4, 4, Boundary::Periodic)?.graph(1.0)?)?;
/// assert_eq!(torus.energy(&vec![1; 16]), -32.0);
/// # Ok::<(), smml_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Ferromagnet {
    coupling: f64,
    /// Neighbours of all spins, one spin after the other, and where those of each begin.
    neighbours: Vec<u32>,
    starts: Vec<u32>,
}

impl Ferromagnet {
    /// On a graph whose weights are all equal.
    ///
    /// # Errors
    /// No spins, weights that differ or are not positive.
    pub fn new(couplings: &SparseGraph) -> Result<Self> {
        let n = couplings.n_vertices();
        if n == 0 {
            return Err(Error::out_of_range("number of spins", 0, "at least 1"));
        }
        let coupling = couplings.edges().next().map_or(1.0, |e| e.2);
        positive("coupling", coupling)?;
        if let Some((i, j, other)) = couplings.edges().find(|e| e.2 != coupling) {
            return Err(Error::out_of_range(
                format!("coupling of {i} and {j}"),
                other,
                format!("{coupling}, as the first"),
            ));
        }
        let (mut neighbours, mut starts) = (Vec::with_capacity(2 * couplings.n_edges()), vec![0]);
        for i in 0..n {
            neighbours.extend_from_slice(couplings.neighbours(i).0);
            starts.push(neighbours.len() as u32);
        }
        Ok(Ferromagnet { coupling, neighbours, starts })
    }
    /// Number of spins.
    pub fn n_spins(&self) -> usize {
        self.starts.len() - 1
    }
    /// J
    pub fn coupling(&self) -> f64 {
        self.coupling
    }
    /// The spins that are joined to spin `i`.
    #[inline]
    pub fn neighbours(&self, i: usize) -> &[u32] {
        &self.neighbours[self.starts[i] as usize..self.starts[i + 1] as usize]
    }
}

impl Energy for Ferromagnet {
    type State = Vec<i8>;
    /// NaN for a state of another length.
    fn energy(&self, s: &Vec<i8>) -> f64 {
        if s.len() != self.n_spins() {
            return f64::NAN;
        }
        let around = |i: usize| self.neighbours(i).iter().map(|&j| i32::from(s[j as usize])).sum::<i32>();
        let twice: i64 = (0..s.len()).map(|i| i64::from(i32::from(s[i]) * around(i))).sum();
        -0.5 * self.coupling * twice as f64
    }
}

impl Reference for Ferromagnet {
    fn draw<R: Draw>(&self, rng: &mut R) -> Vec<i8> {
        (0..self.n_spins()).map(|_| if rng.chance(0.5) { 1 } else { -1 }).collect()
    }
    fn ln_z_reference(&self) -> f64 {
        self.n_spins() as f64 * std::f64::consts::LN_2
    }
}

/// Numbered as the states of [`super::Ising`]: spin i is bit i, up is 1.
impl Finite for Ferromagnet {
    fn n_states(&self) -> Option<usize> {
        1usize.checked_shl(self.n_spins() as u32)
    }
    fn state(&self, index: usize) -> Vec<i8> {
        (0..self.n_spins()).map(|i| if index >> i & 1 == 1 { 1 } else { -1 }).collect()
    }
    fn index(&self, s: &Vec<i8>) -> usize {
        s.iter().rev().fold(0, |index, &s| index.wrapping_shl(1) | usize::from(s > 0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ising::{Ising, observe},
        lattice::{Boundary, Lattice},
    };
    use smml_core::rng::Streams;

    #[test]
    fn it_is_the_ising_model() {
        let graph = Lattice::square(4, 5, Boundary::Open).unwrap().graph(0.5).unwrap();
        let ising = Ising::in_field(graph.clone(), 0.0).unwrap();
        let model = Ferromagnet::new(&graph).unwrap();
        let mut rng = Streams::new(1).stream("states", 0);
        for _ in 0..100 {
            let s = model.draw(&mut rng);
            assert_eq!(model.energy(&s), ising.energy(&s));
            assert_eq!(model.index(&s), ising.index(&s));
            assert_eq!(model.state(model.index(&s)), s);
            assert!(observe::magnetisation(&s).abs() <= 20);
        }
        assert_eq!((model.n_states(), model.ln_z_reference()), (Some(1 << 20), ising.ln_z_reference()));
        assert!(model.energy(&vec![1; 3]).is_nan());
        let uneven = SparseGraph::new(3, &[(0, 1, 1.0), (1, 2, 2.0)]).unwrap();
        assert!(Ferromagnet::new(&uneven).unwrap_err().to_string().contains("coupling of 1 and 2 = 2"));
        let negative = SparseGraph::new(2, &[(0, 1, -1.0)]).unwrap();
        assert!(Ferromagnet::new(&negative).is_err());
        assert!(Ferromagnet::new(&SparseGraph::new(0, &[]).unwrap()).is_err());
        assert_eq!(Ferromagnet::new(&SparseGraph::new(70, &[]).unwrap()).unwrap().n_states(), None);
    }
}
