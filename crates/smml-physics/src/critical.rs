//! Critical points of spin models: numbers from exact solutions and from the literature, with their sources.
//!
//! Temperatures are in units of the coupling J (k_B = 1), K = J / T. What a formula gives for a family of models is with
//! the model: [`crate::spins::potts`], [`crate::curie_weiss`], [`crate::bethe`].

pub use crate::ising::onsager::{CRITICAL_K as ISING_SQUARE_K, CRITICAL_TEMPERATURE as ISING_SQUARE};

/// Ising, triangular lattice: T_c = 4 / ln 3 (G. H. Wannier, Phys. Rev. 79, 357 (1950); R. M. F. Houtappel, Physica 16,
/// 425 (1950)).
pub const ISING_TRIANGULAR: f64 = 3.640_956_906_507_349;

/// Ising, honeycomb lattice: T_c = 2 / ln(2 + √3) (Houtappel, as above).
pub const ISING_HONEYCOMB: f64 = 1.518_651_435_000_414;

/// Ising, simple cubic lattice: K_c = 0.221654626(5), from simulations (A. M. Ferrenberg, J. Xu and D. P. Landau,
/// Phys. Rev. E 97, 043301 (2018)).
pub const ISING_CUBIC_K: f64 = 0.221_654_626;
/// Standard error of [`ISING_CUBIC_K`].
pub const ISING_CUBIC_K_ERROR: f64 = 5e-9;

/// Ising, naive mean field on a lattice of coordination number z: T_c = z.
pub fn ising_mean_field(coordination: usize) -> f64 {
    coordination as f64
}

/// XY, square lattice: temperature of the Kosterlitz-Thouless transition, 0.89294(8), from simulations (M. Hasenbusch,
/// J. Phys. A 38, 5869 (2005), β = 1.1199(1)).
pub const XY_SQUARE: f64 = 0.892_94;
/// Standard error of [`XY_SQUARE`].
pub const XY_SQUARE_ERROR: f64 = 8e-5;

/// The helicity modulus of the XY model jumps from Υ = 2 T / π to 0 at the transition (D. R. Nelson and
/// J. M. Kosterlitz, Phys. Rev. Lett. 39, 1201 (1977)): Υ / T at T_KT.
pub const XY_HELICITY_JUMP: f64 = std::f64::consts::FRAC_2_PI;

/// XY, simple cubic lattice: K_c = 0.4541659(10), from simulations (Y. Deng, H. W. J. Blöte and M. P. Nightingale, Phys.
/// Rev. E 72, 016128 (2005)).
pub const XY_CUBIC_K: f64 = 0.454_165_9;
/// Standard error of [`XY_CUBIC_K`].
pub const XY_CUBIC_K_ERROR: f64 = 1e-6;

/// Heisenberg, simple cubic lattice: K_c = 0.693003(2), from simulations (Deng, Blöte and Nightingale, as above).
pub const HEISENBERG_CUBIC_K: f64 = 0.693_003;
/// Standard error of [`HEISENBERG_CUBIC_K`].
pub const HEISENBERG_CUBIC_K_ERROR: f64 = 2e-6;

/// Three-dimensional ±J Ising glass (equal parts of J and -J), simple cubic lattice: T_c = 1.1019(29) (M. Baity-Jesi
/// et al., Phys. Rev. B 88, 224416 (2013)).
pub const GLASS_CUBIC: f64 = 1.1019;
/// Standard error of [`GLASS_CUBIC`].
pub const GLASS_CUBIC_ERROR: f64 = 2.9e-3;

/// Binder cumulant 1 - ⟨m⁴⟩ / (3 ⟨m²⟩²) of the square Ising model on a torus of equal sides at T_c, infinite size
/// (G. Kamieniarz and H. W. J. Blöte, J. Phys. A 26, 201 (1993)).
pub const BINDER_SQUARE: f64 = 0.610_69;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_are_their_formulas() {
        assert!((ISING_TRIANGULAR - 4.0 / 3f64.ln()).abs() < 1e-15);
        assert!((ISING_HONEYCOMB - 2.0 / (2.0 + 3f64.sqrt()).ln()).abs() < 1e-15);
        // Star-triangle and duality: (e^4K - 1) on the triangle is 2 at its critical point, and sinh 2K sinh 2K* = 1
        // joins it to the honeycomb.
        let (triangle, honeycomb) = (1.0 / ISING_TRIANGULAR, 1.0 / ISING_HONEYCOMB);
        assert!(((4.0 * triangle).exp() - 3.0).abs() < 1e-14);
        assert!(((2.0 * triangle).sinh() * (2.0 * honeycomb).sinh() - 1.0).abs() < 1e-14);
        assert!((1.0 / XY_SQUARE - 1.1199).abs() < 1e-4);
    }
}
