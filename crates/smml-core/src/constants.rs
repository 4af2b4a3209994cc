//! Physical constants in SI units (2019 redefinition, CODATA 2018). Everything else in smml uses k_B = 1.

/// Boltzmann constant, J/K (exact). The paper prints 1.38e-16 without a unit: that is its value in erg/K.
pub const BOLTZMANN: f64 = 1.380_649e-23;
/// Avogadro constant, 1/mol (exact).
pub const AVOGADRO: f64 = 6.022_140_76e23;
/// Molar gas constant R = N_A k_B, J/(mol K) (exact product).
pub const GAS_CONSTANT: f64 = 8.314_462_618_153_24;
/// Planck constant, J s (exact).
pub const PLANCK: f64 = 6.626_070_15e-34;
/// Elementary charge, C (exact).
pub const ELEMENTARY_CHARGE: f64 = 1.602_176_634e-19;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gas_constant_is_the_product() {
        assert!((AVOGADRO * BOLTZMANN / GAS_CONSTANT - 1.0).abs() < 1e-15);
    }
}
