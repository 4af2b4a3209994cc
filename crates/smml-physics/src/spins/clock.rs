//! The clock model (planar Potts model): the XY model with q directions.

use super::{check_sizes, check_values, digits, draw_value, number, power, propose_value};
use smml_core::{
    energy::{Conditional, Energy, Finite, LocalEnergy, Reference},
    error::{Result, all_finite},
    graph::SparseGraph,
    rng::Draw,
};

/// Clock spins, sᵢ = (cos 2πkᵢ/q, sin 2πkᵢ/q) with kᵢ in 0..q: E = -Σ_{i<j} Jᵢⱼ sᵢ·sⱼ - Σᵢ hᵢ·sᵢ.
///
/// With q = 2 it is the Ising model, with q = 4 two independent Ising models of half the coupling.
///
/// ```
/// use smml_core::energy::Energy;
/// use smml_physics::{lattice::{Boundary, Lattice}, spins::Clock};
/// let graph = Lattice::square(4, 4, Boundary::Periodic)?.graph(1.0)?;
/// let clock = Clock::new(graph, 6, vec![[0.5, 0.0]; 16])?;
/// assert_eq!(clock.energy(&vec![0; 16]), -40.0);
/// # Ok::<(), smml_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Clock {
    couplings: SparseGraph,
    fields: Vec<[f64; 2]>,
    /// The q directions.
    directions: Vec<[f64; 2]>,
    /// sin(π x / q) for x in 0..2q.
    half_sines: Vec<f64>,
}

/// cos and sin of 2πk/q from the first octant, so that directions that mirror each other have the same bits.
fn direction(k: usize, q: usize) -> [f64; 2] {
    let eighths = 8 * k;
    if eighths > 4 * q {
        let [c, s] = direction(q - k, q);
        return [c, -s];
    }
    let angle = |k8: usize| std::f64::consts::PI * k8 as f64 / (4.0 * q as f64);
    match eighths {
        e if e <= q => [libm::cos(angle(e)), libm::sin(angle(e))],
        e if e <= 3 * q => {
            // e - 2q may have either sign.
            let sine = if e <= 2 * q { libm::sin(angle(2 * q - e)) } else { -libm::sin(angle(e - 2 * q)) };
            [sine, libm::cos(angle(e.abs_diff(2 * q)))]
        }
        e => [-libm::cos(angle(4 * q - e)), libm::sin(angle(4 * q - e))],
    }
}

impl Clock {
    /// `q` directions, and a field vector for every spin.
    ///
    /// Errors: no spins, q outside 2..=256, fields of another number or not finite.
    pub fn new(couplings: SparseGraph, q: usize, fields: Vec<[f64; 2]>) -> Result<Self> {
        check_sizes(&couplings, fields.len())?;
        check_values(q)?;
        all_finite("field component", fields.as_flattened())?;
        Ok(Clock {
            couplings,
            fields,
            directions: (0..q).map(|k| direction(k, q)).collect(),
            half_sines: (0..2 * q).map(|x| direction(x, 2 * q)[1]).collect(),
        })
    }
    /// Number of spins.
    pub fn n_spins(&self) -> usize {
        self.fields.len()
    }
    /// q, the number of directions.
    pub fn n_values(&self) -> usize {
        self.directions.len()
    }
    /// The couplings Jᵢⱼ.
    pub fn couplings(&self) -> &SparseGraph {
        &self.couplings
    }
    /// The fields hᵢ.
    pub fn fields(&self) -> &[[f64; 2]] {
        &self.fields
    }
    /// The unit vector of direction `k`, which must be below q.
    #[inline]
    pub fn direction(&self, k: u8) -> [f64; 2] {
        self.directions[usize::from(k)]
    }
    /// The unit vectors of a state, for [`super::observe`].
    pub fn vectors(&self, s: &[u8]) -> Vec<[f64; 2]> {
        s.iter().map(|&k| self.direction(k)).collect()
    }
    /// Direction `k` in mirror `m` of q: m - k.
    pub(crate) fn mirrored(&self, k: u8, m: usize) -> u8 {
        let q = self.n_values();
        ((m + q - usize::from(k)) % q) as u8
    }
    /// The component of direction `k` across mirror `m`, which lies at the angle πm/q: sin(π (2k - m) / q). Its mirror
    /// image has the same bits but for the sign.
    pub(crate) fn across(&self, k: u8, m: usize) -> f64 {
        let n = self.half_sines.len();
        self.half_sines[(2 * usize::from(k) + n - m) % n]
    }
    /// hᵢ + Σⱼ Jᵢⱼ sⱼ
    fn local_field(&self, s: &[u8], i: usize) -> [f64; 2] {
        let mut total = self.fields[i];
        let (neighbours, couplings) = self.couplings.neighbours(i);
        for (&j, coupling) in neighbours.iter().zip(couplings) {
            let v = self.direction(s[j as usize]);
            total[0] += coupling * v[0];
            total[1] += coupling * v[1];
        }
        total
    }
}

fn dot(a: [f64; 2], b: [f64; 2]) -> f64 {
    a[0] * b[0] + a[1] * b[1]
}

impl Energy for Clock {
    type State = Vec<u8>;
    /// NaN for a state of another length, or with a direction that is not below q.
    fn energy(&self, s: &Vec<u8>) -> f64 {
        if s.len() != self.n_spins() || s.iter().any(|&k| usize::from(k) >= self.n_values()) {
            return f64::NAN;
        }
        let v = |i: u32| self.direction(s[i as usize]);
        let bonds: f64 = self.couplings.edges().map(|(i, j, coupling)| coupling * dot(v(i), v(j))).sum();
        let fields: f64 = self.fields.iter().zip(s).map(|(h, &k)| dot(*h, self.direction(k))).sum();
        -bonds - fields
    }
}

/// A move gives a spin another direction.
impl LocalEnergy for Clock {
    type Move = (usize, u8);
    fn propose<R: Draw>(&self, s: &Vec<u8>, rng: &mut R) -> (usize, u8) {
        let (site, k) = propose_value(s.len(), self.n_values(), rng, |i| usize::from(s[i]));
        (site, k as u8)
    }
    fn delta(&self, s: &Vec<u8>, &(i, new): &(usize, u8)) -> f64 {
        let (from, to) = (self.direction(s[i]), self.direction(new));
        dot(self.local_field(s, i), [from[0] - to[0], from[1] - to[1]])
    }
    fn apply(&self, s: &mut Vec<u8>, &(i, new): &(usize, u8)) {
        s[i] = new;
    }
}

impl Conditional for Clock {
    fn n_sites(&self) -> usize {
        self.n_spins()
    }
    fn resample<R: Draw>(&self, s: &mut Vec<u8>, i: usize, beta: f64, rng: &mut R) -> bool {
        let field = self.local_field(s, i);
        let new = draw_value(self.n_values(), beta, rng, |energies| {
            energies.iter_mut().zip(&self.directions).for_each(|(e, v)| *e = -dot(field, *v));
        }) as u8;
        std::mem::replace(&mut s[i], new) != new
    }
}

impl Reference for Clock {
    fn draw<R: Draw>(&self, rng: &mut R) -> Vec<u8> {
        (0..self.n_spins()).map(|_| rng.below(self.n_values()) as u8).collect()
    }
    fn ln_z_reference(&self) -> f64 {
        self.n_spins() as f64 * libm::log(self.n_values() as f64)
    }
}

/// Spin i is digit i, to base q, of a state's number.
impl Finite for Clock {
    fn n_states(&self) -> Option<usize> {
        power(self.n_values(), self.n_spins())
    }
    fn state(&self, index: usize) -> Vec<u8> {
        digits(index, self.n_values(), self.n_spins()).map(|d| d as u8).collect()
    }
    fn index(&self, s: &Vec<u8>) -> usize {
        number(s.iter().map(|&k| usize::from(k)), self.n_values())
    }
}
