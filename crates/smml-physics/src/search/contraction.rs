//! Spins joined into blocks that turn together: a smaller model whose states are some of those of the model.
//!
//! How blocks are used in a search is in [`super::Renormalisation`].

use crate::{cluster::UnionFind, ising::Ising};
use smml_core::error::{Error, Result, same_length};

/// Block of the spins that never turn.
const FIXED: u32 = u32::MAX;
/// Most states that are compared: their spins are bits of a word.
const MOST_STATES: usize = 64;

/// An Ising model whose spins are blocks of spins of another one, which keep the orientation to each other that they have
/// in several given states (J. Houdayer and O. C. Martin, Phys. Rev. Lett. 83, 1030 (1999)).
///
/// Two spins i, j that are coupled (Jᵢⱼ other than 0) and whose product sᵢ sⱼ is the same in all states are in one block.
/// With τᵢ = ±1 the orientation of spin i in its block, blocks a, b have the coupling J_ab = Σ Jᵢⱼ τᵢ τⱼ over i in a and
/// j in b, and block a the field h_a = Σ hᵢ τᵢ: integer where those of the model are. A spin in a field that is the same
/// in all states never turns, nor does its block; it is then part of the fields of others. The energy of a state is that
/// of its blocks plus a constant.
///
/// ```
/// use smml_physics::{ising::Ising, search::Contraction};
/// let ring = Ising::new(4, &[(0, 1, 1.0), (1, 2, 1.0), (2, 3, 1.0), (3, 0, -1.0)], vec![0.0; 4])?;
/// let blocks = Contraction::new(&ring, &[&[1, 1, 1, 1], &[1, 1, -1, -1]])?;
/// assert_eq!(blocks.n_blocks(), 2); // spins 0 and 1, spins 2 and 3
/// assert_eq!(blocks.model().map(|m| m.couplings().weight(0, 1)), Some(Some(0.0)));
/// assert_eq!(blocks.widen(&[-1, 1])?, [-1, -1, 1, 1]);
/// # Ok::<(), smml_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Contraction {
    /// Of every spin.
    block: Vec<u32>,
    /// Orientation of every spin to the head of its block; of one that never turns, its value.
    orientation: Vec<i8>,
    /// The first spin of every block.
    heads: Vec<u32>,
    model: Option<Ising>,
}

impl Contraction {
    /// Blocks of spins that agree in all of `states`.
    ///
    /// Errors: no states or more than 64, states of another length, values other than ±1, couplings whose sum overflows.
    pub fn new(ising: &Ising, states: &[&[i8]]) -> Result<Self> {
        let n = ising.n_spins();
        if !(1..=MOST_STATES).contains(&states.len()) {
            let allowed = format!("in 1..={MOST_STATES}");
            return Err(Error::out_of_range("number of states to contract", states.len(), allowed));
        }
        // Bit k of a spin: whether it is up in state k. The last one is the ghost that fields couple to.
        let mut up = vec![0u64; n + 1];
        let all = u64::MAX >> (MOST_STATES - states.len());
        for (k, state) in states.iter().enumerate() {
            same_length("state to contract", state.len(), n)?;
            for (i, s) in state.iter().enumerate() {
                match s {
                    1 => up[i] |= 1 << k,
                    -1 => {}
                    _ => return Err(Error::out_of_range(format!("spin {i} of state {k}"), s, "-1 or 1")),
                }
            }
        }
        up[n] = all;
        let mut sets = UnionFind::default();
        sets.reset(n + 1);
        let fields = ising.fields().iter().enumerate().map(|(i, h)| (i as u32, n as u32, *h));
        for (i, j, w) in ising.couplings().edges().chain(fields) {
            let unlike = up[i as usize] ^ up[j as usize];
            if w != 0.0 && (unlike == 0 || unlike == all) {
                sets.join(i, j);
            }
        }
        let fixed = sets.root(n as u32);
        let mut of_root = vec![FIXED; n + 1];
        let (mut block, mut heads) = (Vec::with_capacity(n), Vec::new());
        let mut orientation = Vec::with_capacity(n);
        for i in 0..n as u32 {
            // The root is the smallest member, so it is met first.
            let root = sets.root(i);
            let to = if root == fixed { all } else { up[root as usize] };
            orientation.push(if up[i as usize] == to { 1 } else { -1 });
            if root == i && root != fixed {
                of_root[i as usize] = heads.len() as u32;
                heads.push(i);
            }
            block.push(of_root[root as usize]);
        }
        let mut contraction = Contraction { block, orientation, heads, model: None };
        if !contraction.heads.is_empty() {
            contraction.model = Some(contraction.build(ising)?);
        }
        Ok(contraction)
    }

    fn build(&self, ising: &Ising) -> Result<Ising> {
        let mut fields = vec![0.0; self.heads.len()];
        let mut couplings = Vec::new();
        for (i, j, w) in ising.couplings().edges() {
            let (i, j) = (i as usize, j as usize);
            let w = w * f64::from(self.orientation[i] * self.orientation[j]);
            match (self.block[i], self.block[j]) {
                (a, b) if a == b => {}
                (FIXED, a) | (a, FIXED) => fields[a as usize] += w,
                (a, b) => couplings.push((a, b, w)),
            }
        }
        for (i, h) in ising.fields().iter().enumerate() {
            if self.block[i] != FIXED {
                fields[self.block[i] as usize] += h * f64::from(self.orientation[i]);
            }
        }
        Ising::new(self.heads.len(), &couplings, fields)
    }

    /// Number of blocks that can turn.
    pub fn n_blocks(&self) -> usize {
        self.heads.len()
    }
    /// The model of the blocks; `None` where all spins are fixed.
    pub fn model(&self) -> Option<&Ising> {
        self.model.as_ref()
    }
    /// The blocks of one of the states (or any other in which spins are oriented as the blocks say).
    ///
    /// Errors: another number of spins.
    pub fn narrow(&self, state: &[i8]) -> Result<Vec<i8>> {
        same_length("state to contract", state.len(), self.block.len())?;
        Ok(self.heads.iter().map(|i| state[*i as usize]).collect())
    }
    /// The state that belongs to a state of the blocks.
    ///
    /// Errors: another number of blocks.
    pub fn widen(&self, blocks: &[i8]) -> Result<Vec<i8>> {
        same_length("state of the blocks", blocks.len(), self.heads.len())?;
        let spin = |(b, s): (&u32, &i8)| if *b == FIXED { *s } else { blocks[*b as usize] * s };
        Ok(self.block.iter().zip(&self.orientation).map(spin).collect())
    }
}
