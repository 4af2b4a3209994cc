//! The Blume-Capel model: Ising spins with vacancies.

use super::{check_sizes, digits, draw_value, number, power, propose_value};
use smml_core::{
    energy::{Conditional, Energy, Finite, LocalEnergy, Reference},
    error::{Result, all_finite, finite},
    graph::SparseGraph,
    rng::Draw,
};

/// Spins sᵢ = -1, 0 or 1: E = -Σ_{i<j} Jᵢⱼ sᵢ sⱼ + Δ Σᵢ sᵢ² - Σᵢ hᵢ sᵢ (M. Blume, Phys. Rev. 141, 517 (1966);
/// H. W. Capel, Physica 32, 966 (1966)). For Δ → -∞ it is the Ising model.
///
/// ```
/// use smml_core::energy::Energy;
/// use smml_physics::{lattice::{Boundary, Lattice}, spins::BlumeCapel};
/// let graph = Lattice::square(4, 4, Boundary::Periodic)?.graph(1.0)?;
/// let model = BlumeCapel::new(graph, 0.5, vec![0.0; 16])?;
/// assert_eq!((model.energy(&vec![0; 16]), model.energy(&vec![-1; 16])), (0.0, -24.0));
/// # Ok::<(), smml_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct BlumeCapel {
    couplings: SparseGraph,
    crystal_field: f64,
    fields: Vec<f64>,
}

impl BlumeCapel {
    /// Couplings, the crystal field Δ, and a field for every spin.
    ///
    /// Errors: no spins, fields of another number, numbers that are not finite.
    pub fn new(couplings: SparseGraph, crystal_field: f64, fields: Vec<f64>) -> Result<Self> {
        check_sizes(&couplings, fields.len())?;
        finite("crystal field", crystal_field)?;
        all_finite("field", &fields)?;
        Ok(BlumeCapel { couplings, crystal_field, fields })
    }
    /// Number of spins.
    pub fn n_spins(&self) -> usize {
        self.fields.len()
    }
    /// The couplings Jᵢⱼ.
    pub fn couplings(&self) -> &SparseGraph {
        &self.couplings
    }
    /// Δ
    pub fn crystal_field(&self) -> f64 {
        self.crystal_field
    }
    /// The fields hᵢ.
    pub fn fields(&self) -> &[f64] {
        &self.fields
    }
    /// hᵢ + Σⱼ Jᵢⱼ sⱼ
    fn local_field(&self, s: &[i8], i: usize) -> f64 {
        let (neighbours, couplings) = self.couplings.neighbours(i);
        let mut total = self.fields[i];
        for (&j, coupling) in neighbours.iter().zip(couplings) {
            total += coupling * f64::from(s[j as usize]);
        }
        total
    }
    /// The energy of a spin of value `s` in a local field.
    fn of_spin(&self, s: i8, field: f64) -> f64 {
        let s = f64::from(s);
        self.crystal_field * s * s - field * s
    }
}

/// -1, 0, 1 from 0, 1, 2.
fn value(digit: usize) -> i8 {
    digit as i8 - 1
}
fn digit(s: i8) -> usize {
    (s + 1) as usize
}

impl Energy for BlumeCapel {
    type State = Vec<i8>;
    /// NaN for a state of another length, or with values other than -1, 0 and 1.
    fn energy(&self, s: &Vec<i8>) -> f64 {
        if s.len() != self.n_spins() || s.iter().any(|v| !(-1..=1).contains(v)) {
            return f64::NAN;
        }
        let bonds: f64 = self
            .couplings
            .edges()
            .map(|(i, j, coupling)| coupling * f64::from(s[i as usize] * s[j as usize]))
            .sum();
        s.iter().zip(&self.fields).map(|(&v, &h)| self.of_spin(v, h)).sum::<f64>() - bonds
    }
}

/// A move gives a spin another value.
impl LocalEnergy for BlumeCapel {
    type Move = (usize, i8);
    fn propose<R: Draw>(&self, s: &Vec<i8>, rng: &mut R) -> (usize, i8) {
        let (site, to) = propose_value(s.len(), 3, rng, |i| digit(s[i]));
        (site, value(to))
    }
    fn delta(&self, s: &Vec<i8>, &(i, new): &(usize, i8)) -> f64 {
        let field = self.local_field(s, i);
        self.of_spin(new, field) - self.of_spin(s[i], field)
    }
    fn apply(&self, s: &mut Vec<i8>, &(i, new): &(usize, i8)) {
        s[i] = new;
    }
}

impl Conditional for BlumeCapel {
    fn n_sites(&self) -> usize {
        self.n_spins()
    }
    fn resample<R: Draw>(&self, s: &mut Vec<i8>, i: usize, beta: f64, rng: &mut R) -> bool {
        let field = self.local_field(s, i);
        let new = value(draw_value(3, beta, rng, |energies| {
            energies.iter_mut().enumerate().for_each(|(d, e)| *e = self.of_spin(value(d), field));
        }));
        std::mem::replace(&mut s[i], new) != new
    }
}

impl Reference for BlumeCapel {
    fn draw<R: Draw>(&self, rng: &mut R) -> Vec<i8> {
        (0..self.n_spins()).map(|_| value(rng.below(3))).collect()
    }
    fn ln_z_reference(&self) -> f64 {
        self.n_spins() as f64 * libm::log(3.0)
    }
}

/// Spin i plus 1 is digit i, to base 3, of a state's number.
impl Finite for BlumeCapel {
    fn n_states(&self) -> Option<usize> {
        power(3, self.n_spins())
    }
    fn state(&self, index: usize) -> Vec<i8> {
        digits(index, 3, self.n_spins()).map(value).collect()
    }
    fn index(&self, s: &Vec<i8>) -> usize {
        number(s.iter().map(|&v| digit(v)), 3)
    }
}
