//! Unit vectors in N dimensions: the XY model (N = 2), the Heisenberg model (N = 3), and the others of the O(N) family.

use super::{check_sizes, directions};
use smml_core::{
    energy::{Conditional, Energy, LocalEnergy, Reference},
    error::{Result, all_finite, positive},
    graph::SparseGraph,
    rng::Draw,
};

/// Spins on the unit sphere in N dimensions: E = -Σ_{i<j} Jᵢⱼ sᵢ·sⱼ - Σᵢ hᵢ·sᵢ. The reference measure is the area of
/// the sphere, so ln Z(0) is its logarithm for every spin (2π for XY, 4π for Heisenberg).
///
/// ```
/// use smml_core::{chain::Chain, energy::Reference, rng::Streams, sample::HeatBath};
/// use smml_physics::{lattice::{Boundary, Lattice}, spins::{OverRelaxation, Xy}};
/// let xy = Xy::new(Lattice::square(8, 8, Boundary::Periodic)?.graph(1.0)?, vec![[0.0; 2]; 64])?;
/// let mut rng = Streams::new(1).stream("start", 0);
/// let mut chain = Chain::new((HeatBath, OverRelaxation), xy.draw(&mut rng), rng);
/// chain.advance(&xy, 1.0, 10);
/// # Ok::<(), smml_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct VectorModel<const N: usize> {
    couplings: SparseGraph,
    fields: Vec<[f64; N]>,
    width: f64,
}

/// Spins in the plane.
pub type Xy = VectorModel<2>;
/// Spins in space.
pub type Heisenberg = VectorModel<3>;

impl<const N: usize> VectorModel<N> {
    /// Couplings from a weighted graph, and a field vector for every spin.
    ///
    /// Errors: no spins, fields of another number or not finite.
    pub fn new(couplings: SparseGraph, fields: Vec<[f64; N]>) -> Result<Self> {
        const { assert!(N >= 2, "a spin with one component is an Ising spin") };
        check_sizes(&couplings, fields.len())?;
        all_finite("field component", fields.as_flattened())?;
        Ok(VectorModel { couplings, fields, width: 1.0 })
    }
    /// Sets the width of Metropolis moves: the new direction is that of s + width × (N normal numbers). The default is
    /// 1; low temperatures need less. Errors: a width that is not positive.
    pub fn with_width(self, width: f64) -> Result<Self> {
        Ok(VectorModel { width: positive("width", width)?, ..self })
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
    pub fn fields(&self) -> &[[f64; N]] {
        &self.fields
    }
    /// hᵢ + Σⱼ Jᵢⱼ sⱼ
    #[inline]
    pub fn local_field(&self, s: &[[f64; N]], i: usize) -> [f64; N] {
        let mut total = self.fields[i];
        let (neighbours, couplings) = self.couplings.neighbours(i);
        for (&j, coupling) in neighbours.iter().zip(couplings) {
            for (t, x) in total.iter_mut().zip(&s[j as usize]) {
                *t += coupling * x;
            }
        }
        total
    }
    /// The direction and the length of β times the local field, where it has any.
    fn pull(&self, s: &[[f64; N]], i: usize, beta: f64) -> Option<([f64; N], f64)> {
        let field = self.local_field(s, i);
        let axis = directions::normalised(field)?;
        let kappa = (beta.abs() * dot(&field, &field).sqrt()).min(STIFFEST);
        Some((if beta < 0.0 { axis.map(|x| -x) } else { axis }, kappa))
    }
}

/// A concentration at which every direction is the same to the last bit; larger ones would overflow.
const STIFFEST: f64 = 1e300;

/// a·b
#[inline]
pub fn dot<const N: usize>(a: &[f64; N], b: &[f64; N]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

impl<const N: usize> Energy for VectorModel<N> {
    type State = Vec<[f64; N]>;
    /// NaN for a state of another length.
    fn energy(&self, s: &Vec<[f64; N]>) -> f64 {
        if s.len() != self.n_spins() {
            return f64::NAN;
        }
        let bonds: f64 = self
            .couplings
            .edges()
            .map(|(i, j, coupling)| coupling * dot(&s[i as usize], &s[j as usize]))
            .sum();
        -bonds - self.fields.iter().zip(s).map(|(h, s)| dot(h, s)).sum::<f64>()
    }
}

/// A move turns one spin. Its density depends on the angle alone, so it is symmetric.
impl<const N: usize> LocalEnergy for VectorModel<N> {
    type Move = (usize, [f64; N]);
    fn propose<R: Draw>(&self, s: &Vec<[f64; N]>, rng: &mut R) -> (usize, [f64; N]) {
        let i = rng.below(s.len());
        let turned = s[i].map(|x| x + self.width * rng.normal());
        (i, directions::normalised(turned).unwrap_or(s[i]))
    }
    fn delta(&self, s: &Vec<[f64; N]>, (i, new): &(usize, [f64; N])) -> f64 {
        let field = self.local_field(s, *i);
        field.iter().zip(s[*i].iter().zip(new)).map(|(h, (old, new))| h * (old - new)).sum()
    }
    fn apply(&self, s: &mut Vec<[f64; N]>, &(i, new): &(usize, [f64; N])) {
        s[i] = new;
    }
}

/// Exact heat bath: the angle to the local field h has the von Mises distribution with κ = β |h|.
impl Conditional for Xy {
    fn n_sites(&self) -> usize {
        self.n_spins()
    }
    fn resample<R: Draw>(&self, s: &mut Vec<[f64; 2]>, i: usize, beta: f64, rng: &mut R) -> bool {
        let new = match self.pull(s, i, beta) {
            Some(([x, y], kappa)) => {
                let [c, sine] = directions::von_mises(kappa, rng);
                [c * x - sine * y, c * y + sine * x]
            }
            None => directions::uniform(rng),
        };
        std::mem::replace(&mut s[i], new) != new
    }
}

/// Exact heat bath: the cosine of the angle to the local field h has a density proportional to exp(β |h| cos θ).
impl Conditional for Heisenberg {
    fn n_sites(&self) -> usize {
        self.n_spins()
    }
    fn resample<R: Draw>(&self, s: &mut Vec<[f64; 3]>, i: usize, beta: f64, rng: &mut R) -> bool {
        let new = match self.pull(s, i, beta) {
            Some((axis, kappa)) => {
                let versine = directions::versine_on_sphere(kappa, rng);
                directions::around(axis, versine, rng)
            }
            None => directions::uniform(rng),
        };
        std::mem::replace(&mut s[i], new) != new
    }
}

impl<const N: usize> Reference for VectorModel<N> {
    fn draw<R: Draw>(&self, rng: &mut R) -> Vec<[f64; N]> {
        (0..self.n_spins()).map(|_| directions::uniform(rng)).collect()
    }
    /// ln(2 π^(N/2) / Γ(N/2)) for every spin.
    fn ln_z_reference(&self) -> f64 {
        let half = 0.5 * N as f64;
        let area = std::f64::consts::LN_2 + half * libm::log(std::f64::consts::PI) - libm::lgamma(half);
        self.n_spins() as f64 * area
    }
}
