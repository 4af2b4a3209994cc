//! The model itself, and the same model with local fields kept in the state.

use serde::{Deserialize, Serialize};
use smml_core::{
    energy::{Conditional, Energy, Finite, LocalEnergy, Reference},
    error::{Error, Result, all_finite, finite, same_length},
    graph::SparseGraph,
    read_through,
    rng::Draw,
};

/// Ising spins on a sparse graph: E = -Σ_{i<j} Jᵢⱼ sᵢ sⱼ - Σᵢ hᵢ sᵢ (Eq. (41)).
///
/// ```
/// use smml_core::energy::Energy;
/// use smml_physics::ising::Ising;
/// let pair = Ising::new(2, &[(0, 1, 1.5)], vec![0.0, 0.5])?;
/// assert_eq!(pair.energy(&vec![1, 1]), -2.0);
/// # Ok::<(), smml_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawIsing")]
pub struct Ising {
    couplings: SparseGraph,
    fields: Vec<f64>,
}

read_through!(Ising: RawIsing { couplings: SparseGraph, fields: Vec<f64> } => Ising::on_graph(couplings, fields));

impl Ising {
    /// `n_spins` spins, couplings `(i, j, Jᵢⱼ)` and a field for every spin. A pair given twice has the sum of its
    /// couplings.
    ///
    /// Errors: no spins, a spin that does not exist, a spin coupled to itself, numbers that are not finite.
    pub fn new(n_spins: usize, couplings: &[(u32, u32, f64)], fields: Vec<f64>) -> Result<Self> {
        Ising::on_graph(SparseGraph::new(n_spins, couplings)?, fields)
    }
    /// Couplings from a weighted graph.
    ///
    /// Errors: no spins, another number of fields than vertices, fields that are not finite.
    pub fn on_graph(couplings: SparseGraph, fields: Vec<f64>) -> Result<Self> {
        if couplings.n_vertices() == 0 {
            return Err(Error::out_of_range("number of spins", 0, "at least 1"));
        }
        same_length("fields", fields.len(), couplings.n_vertices())?;
        all_finite("field", &fields)?;
        Ok(Ising { couplings, fields })
    }
    /// The same field on every spin.
    pub fn in_field(couplings: SparseGraph, field: f64) -> Result<Self> {
        let n = couplings.n_vertices();
        Ising::on_graph(couplings, vec![field; n])
    }
    /// Number of spins.
    pub fn n_spins(&self) -> usize {
        self.fields.len()
    }
    /// The couplings Jᵢⱼ.
    pub fn couplings(&self) -> &SparseGraph {
        &self.couplings
    }
    /// The fields hᵢ.
    pub fn fields(&self) -> &[f64] {
        &self.fields
    }
    /// Whether E(-s) = E(s): there is no field.
    pub fn is_symmetric(&self) -> bool {
        self.fields.iter().all(|h| *h == 0.0)
    }
    /// hᵢ + Σⱼ Jᵢⱼ sⱼ
    #[inline]
    pub fn local_field(&self, spins: &[i8], i: usize) -> f64 {
        let (neighbours, couplings) = self.couplings.neighbours(i);
        let mut total = self.fields[i];
        for (j, coupling) in neighbours.iter().zip(couplings) {
            total += coupling * f64::from(spins[*j as usize]);
        }
        total
    }
}

impl Energy for Ising {
    type State = Vec<i8>;
    /// NaN for a state of another length.
    fn energy(&self, s: &Vec<i8>) -> f64 {
        if s.len() != self.n_spins() {
            return f64::NAN;
        }
        // Every pair is seen from both ends: half of each, and the field once.
        (0..s.len()).map(|i| -0.5 * f64::from(s[i]) * (self.local_field(s, i) + self.fields[i])).sum()
    }
}

/// A move flips one spin.
impl LocalEnergy for Ising {
    type Move = usize;
    fn propose<R: Draw>(&self, s: &Vec<i8>, rng: &mut R) -> usize {
        rng.below(s.len())
    }
    fn delta(&self, s: &Vec<i8>, &i: &usize) -> f64 {
        2.0 * f64::from(s[i]) * self.local_field(s, i)
    }
    fn apply(&self, s: &mut Vec<i8>, &i: &usize) {
        s[i] = -s[i];
    }
}

/// P(sᵢ = 1 | rest) = 1 / (1 + exp(-2 β (hᵢ + Σⱼ Jᵢⱼ sⱼ))): the heat bath, which for Ising spins is Glauber's rule.
impl Conditional for Ising {
    fn n_sites(&self) -> usize {
        self.n_spins()
    }
    fn resample<R: Draw>(&self, s: &mut Vec<i8>, i: usize, beta: f64, rng: &mut R) -> bool {
        let up = rng.chance(1.0 / (1.0 + libm::exp(-2.0 * beta * self.local_field(s, i))));
        let new = if up { 1 } else { -1 };
        std::mem::replace(&mut s[i], new) != new
    }
}

impl Reference for Ising {
    fn draw<R: Draw>(&self, rng: &mut R) -> Vec<i8> {
        (0..self.n_spins()).map(|_| if rng.chance(0.5) { 1 } else { -1 }).collect()
    }
    fn ln_z_reference(&self) -> f64 {
        self.n_spins() as f64 * std::f64::consts::LN_2
    }
}

/// Bit i of a state's number is 1 when spin i is up.
impl Finite for Ising {
    fn n_states(&self) -> Option<usize> {
        2usize.checked_pow(u32::try_from(self.n_spins()).ok()?)
    }
    fn state(&self, mut index: usize) -> Vec<i8> {
        let mut up = || {
            let bit = index & 1;
            index >>= 1;
            bit == 1
        };
        (0..self.n_spins()).map(|_| if up() { 1 } else { -1 }).collect()
    }
    fn index(&self, s: &Vec<i8>) -> usize {
        s.iter().rev().fold(0, |index, &x| index << 1 | usize::from(x > 0))
    }
}

/// The same model with the local fields and the energy kept in the state: `delta` and `energy` cost O(1), a flip costs
/// one pass over the neighbours. Worth it where most moves are rejected or the energy is asked for after every step
/// (annealing, tempering).
///
/// With couplings and fields that are multiples of a power of two (±1, ±J with J = 1 or ½) the cache is exact; else it
/// gathers rounding errors, which [`CachedIsing::refresh`] removes.
#[derive(Clone, Debug)]
pub struct CachedIsing(pub Ising);

/// Spins with their local fields and energy.
///
/// What is read back must be ±1 and finite; whether fields and energy are those of the spins only the model can say.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawCached")]
pub struct CachedSpins {
    spins: Vec<i8>,
    local: Vec<f64>,
    energy: f64,
}

#[derive(Deserialize)]
struct RawCached {
    spins: Vec<i8>,
    local: Vec<f64>,
    energy: f64,
}

impl TryFrom<RawCached> for CachedSpins {
    type Error = Error;
    fn try_from(raw: RawCached) -> Result<Self> {
        check_spins(&raw.spins)?;
        same_length("local fields", raw.local.len(), raw.spins.len())?;
        all_finite("local field", &raw.local)?;
        Ok(CachedSpins { spins: raw.spins, local: raw.local, energy: finite("energy", raw.energy)? })
    }
}

fn check_spins(spins: &[i8]) -> Result<()> {
    match spins.iter().position(|s| !matches!(s, -1 | 1)) {
        Some(i) => Err(Error::out_of_range(format!("spin {i}"), spins[i], "-1 or 1")),
        None => Ok(()),
    }
}

impl CachedSpins {
    /// The spins.
    pub fn spins(&self) -> &[i8] {
        &self.spins
    }
}

impl CachedIsing {
    /// The cached state of given spins. Errors: a wrong number of spins, or values other than ±1.
    pub fn at(&self, spins: Vec<i8>) -> Result<CachedSpins> {
        same_length("spins", spins.len(), self.0.n_spins())?;
        check_spins(&spins)?;
        Ok(self.of(spins))
    }
    /// Of spins that are the right ones in number and value.
    pub(crate) fn of(&self, spins: Vec<i8>) -> CachedSpins {
        let mut state = CachedSpins { spins, local: Vec::new(), energy: 0.0 };
        self.refresh(&mut state);
        state
    }
    /// Computes the cache afresh from the spins.
    pub fn refresh(&self, state: &mut CachedSpins) {
        state.local = (0..state.spins.len()).map(|i| self.0.local_field(&state.spins, i)).collect();
        state.energy = self.0.energy(&state.spins);
    }
    fn flip(&self, s: &mut CachedSpins, i: usize) {
        s.energy += 2.0 * f64::from(s.spins[i]) * s.local[i];
        s.spins[i] = -s.spins[i];
        let change = 2.0 * f64::from(s.spins[i]);
        let (neighbours, couplings) = self.0.couplings.neighbours(i);
        for (j, coupling) in neighbours.iter().zip(couplings) {
            s.local[*j as usize] += change * coupling;
        }
    }
}

impl Energy for CachedIsing {
    type State = CachedSpins;
    fn energy(&self, s: &CachedSpins) -> f64 {
        s.energy
    }
}

impl LocalEnergy for CachedIsing {
    type Move = usize;
    fn propose<R: Draw>(&self, s: &CachedSpins, rng: &mut R) -> usize {
        rng.below(s.spins.len())
    }
    fn delta(&self, s: &CachedSpins, &i: &usize) -> f64 {
        2.0 * f64::from(s.spins[i]) * s.local[i]
    }
    fn apply(&self, s: &mut CachedSpins, &i: &usize) {
        self.flip(s, i);
    }
}

impl Conditional for CachedIsing {
    fn n_sites(&self) -> usize {
        self.0.n_spins()
    }
    fn resample<R: Draw>(&self, s: &mut CachedSpins, i: usize, beta: f64, rng: &mut R) -> bool {
        let up = rng.chance(1.0 / (1.0 + libm::exp(-2.0 * beta * s.local[i])));
        let changed = up != (s.spins[i] > 0);
        if changed {
            self.flip(s, i);
        }
        changed
    }
}

impl Reference for CachedIsing {
    fn draw<R: Draw>(&self, rng: &mut R) -> CachedSpins {
        let mut state = CachedSpins { spins: self.0.draw(rng), local: Vec::new(), energy: 0.0 };
        self.refresh(&mut state);
        state
    }
    fn ln_z_reference(&self) -> f64 {
        self.0.ln_z_reference()
    }
}

impl Finite for CachedIsing {
    fn n_states(&self) -> Option<usize> {
        self.0.n_states()
    }
    fn state(&self, index: usize) -> CachedSpins {
        let mut state = CachedSpins { spins: self.0.state(index), local: Vec::new(), energy: 0.0 };
        self.refresh(&mut state);
        state
    }
    fn index(&self, s: &CachedSpins) -> usize {
        self.0.index(&s.spins)
    }
}
