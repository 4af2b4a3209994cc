//! The Potts model, and what is known of it on the square lattice.

use super::{check_sizes, check_values, digits, draw_value, number, power, propose_value};
use smml_core::{
    energy::{Conditional, Energy, Finite, LocalEnergy, Reference},
    error::{Error, Result, all_finite, same_length},
    graph::SparseGraph,
    rng::Draw,
};

/// Potts spins with values 0..q: E = -Σ_{i<j} Jᵢⱼ δ(sᵢ, sⱼ) - Σᵢ hᵢ(sᵢ).
///
/// With q = 2 it is the Ising model with half the coupling: J δ(s, s') = J/2 (1 + σ σ').
///
/// ```
/// use smml_core::energy::Energy;
/// use smml_physics::{lattice::{Boundary, Lattice}, spins::Potts};
/// let potts = Potts::new(Lattice::square(4, 4, Boundary::Periodic)?.graph(1.0)?, 3)?;
/// assert_eq!(potts.energy(&vec![2; 16]), -32.0);
/// # Ok::<(), smml_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Potts {
    couplings: SparseGraph,
    q: usize,
    /// hᵢ(k) at i q + k; empty without fields.
    fields: Vec<f64>,
}

impl Potts {
    /// No fields, `q` values, the weights of the graph as couplings.
    ///
    /// Errors: no spins, q outside 2..=256.
    pub fn new(couplings: SparseGraph, q: usize) -> Result<Self> {
        check_sizes(&couplings, couplings.n_vertices())?;
        check_values(q)?;
        Ok(Potts { couplings, q, fields: Vec::new() })
    }
    /// With a field for every value of every spin: hᵢ(k) is `fields[i * q + k]`.
    ///
    /// Errors: as [`Potts::new`], and fields of another number or not finite.
    pub fn with_fields(couplings: SparseGraph, q: usize, fields: Vec<f64>) -> Result<Self> {
        let model = Potts::new(couplings, q)?;
        same_length("fields (spins x values)", fields.len(), model.n_spins().saturating_mul(q))?;
        all_finite("field", &fields)?;
        Ok(Potts { fields, ..model })
    }
    /// Number of spins.
    pub fn n_spins(&self) -> usize {
        self.couplings.n_vertices()
    }
    /// q, the number of values of a spin.
    pub fn n_values(&self) -> usize {
        self.q
    }
    /// The couplings Jᵢⱼ.
    pub fn couplings(&self) -> &SparseGraph {
        &self.couplings
    }
    /// hᵢ(value)
    #[inline]
    pub fn field(&self, i: usize, value: usize) -> f64 {
        if self.fields.is_empty() { 0.0 } else { self.fields[i * self.q + value] }
    }
    /// The energy of spin `i` with each value, the others fixed.
    fn local_energies(&self, s: &[u8], i: usize, energies: &mut [f64]) {
        energies.iter_mut().enumerate().for_each(|(value, e)| *e = -self.field(i, value));
        let (neighbours, couplings) = self.couplings.neighbours(i);
        for (&j, coupling) in neighbours.iter().zip(couplings) {
            energies[usize::from(s[j as usize])] -= coupling;
        }
    }
}

impl Energy for Potts {
    type State = Vec<u8>;
    /// NaN for a state of another length, or with a value that is not below q.
    fn energy(&self, s: &Vec<u8>) -> f64 {
        if s.len() != self.n_spins() || s.iter().any(|&v| usize::from(v) >= self.q) {
            return f64::NAN;
        }
        let bonds: f64 =
            self.couplings.edges().filter(|e| s[e.0 as usize] == s[e.1 as usize]).map(|e| e.2).sum();
        let fields: f64 = s.iter().enumerate().map(|(i, &v)| self.field(i, usize::from(v))).sum();
        -bonds - fields
    }
}

/// A move gives a spin another value.
impl LocalEnergy for Potts {
    type Move = (usize, u8);
    fn propose<R: Draw>(&self, s: &Vec<u8>, rng: &mut R) -> (usize, u8) {
        let (site, value) = propose_value(s.len(), self.q, rng, |i| usize::from(s[i]));
        (site, value as u8)
    }
    fn delta(&self, s: &Vec<u8>, &(i, new): &(usize, u8)) -> f64 {
        let mut change = self.field(i, usize::from(s[i])) - self.field(i, usize::from(new));
        let (neighbours, couplings) = self.couplings.neighbours(i);
        for (&j, coupling) in neighbours.iter().zip(couplings) {
            let other = s[j as usize];
            change += coupling * f64::from(i8::from(other == s[i]) - i8::from(other == new));
        }
        change
    }
    fn apply(&self, s: &mut Vec<u8>, &(i, new): &(usize, u8)) {
        s[i] = new;
    }
}

impl Conditional for Potts {
    fn n_sites(&self) -> usize {
        self.n_spins()
    }
    fn resample<R: Draw>(&self, s: &mut Vec<u8>, i: usize, beta: f64, rng: &mut R) -> bool {
        let new = draw_value(self.q, beta, rng, |energies| self.local_energies(s, i, energies)) as u8;
        std::mem::replace(&mut s[i], new) != new
    }
}

impl Reference for Potts {
    fn draw<R: Draw>(&self, rng: &mut R) -> Vec<u8> {
        (0..self.n_spins()).map(|_| rng.below(self.q) as u8).collect()
    }
    fn ln_z_reference(&self) -> f64 {
        self.n_spins() as f64 * libm::log(self.q as f64)
    }
}

/// Spin i is digit i, to base q, of a state's number.
impl Finite for Potts {
    fn n_states(&self) -> Option<usize> {
        power(self.q, self.n_spins())
    }
    fn state(&self, index: usize) -> Vec<u8> {
        digits(index, self.q, self.n_spins()).map(|d| d as u8).collect()
    }
    fn index(&self, s: &Vec<u8>) -> usize {
        number(s.iter().map(|&v| usize::from(v)), self.q)
    }
}

fn check_q(q: usize) -> Result<f64> {
    if q < 2 {
        return Err(Error::out_of_range("q (values of a spin)", q, "at least 2"));
    }
    Ok(q as f64)
}

/// T_c of the square lattice, from self-duality: 1 / ln(1 + √q), in units of J. The transition is continuous for q <= 4
/// and of first order above (R. J. Baxter, J. Phys. C 6, L445 (1973)).
///
/// ```
/// let t = smml_physics::spins::potts::critical_temperature(10)?;
/// assert!((t - 0.7012315680).abs() < 1e-10);
/// # Ok::<(), smml_core::Error>(())
/// ```
///
/// Errors: q below 2.
pub fn critical_temperature(q: usize) -> Result<f64> {
    Ok(1.0 / libm::log1p(check_q(q)?.sqrt()))
}

/// The energy per site of the square lattice at T_c, in units of J: -(1 + 1/√q); for q > 4 the mean of the energies of
/// the two phases. Errors: q below 2.
pub fn critical_energy(q: usize) -> Result<f64> {
    Ok(-1.0 - 1.0 / check_q(q)?.sqrt())
}

/// Latent heat per site of the square lattice at T_c, in units of J: 0 for q <= 4, else
/// 2 (1 + 1/√q) tanh(t/2) ∏ₙ tanh²(n t) over n >= 1, with 2 cosh t = √q (Baxter, as above). Errors: q below 2.
pub fn latent_heat(q: usize) -> Result<f64> {
    let root = check_q(q)?.sqrt();
    if q <= 4 {
        return Ok(0.0);
    }
    let t = libm::acosh(0.5 * root);
    let mut product = 2.0 * (1.0 + 1.0 / root) * libm::tanh(0.5 * t);
    for n in 1.. {
        let factor = libm::tanh(f64::from(n) * t);
        product *= factor * factor;
        // 1 - tanh² x = 4 exp(-2x): the next factors are 1 to rounding.
        if f64::from(n) * t > 20.0 {
            break;
        }
    }
    Ok(product)
}
