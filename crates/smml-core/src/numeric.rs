//! Functions of one exponential that neither overflow nor lose small results. Sums of exponentials are in
//! [`crate::energy`].

/// ln(1 + eˣ).
///
/// ```
/// use smml_core::numeric::softplus;
/// assert_eq!(softplus(1e3), 1e3);
/// assert_eq!(softplus(-700.0), (-700f64).exp());
/// ```
pub fn softplus(x: f64) -> f64 {
    if x > 0.0 { x + libm::log1p(libm::exp(-x)) } else { libm::log1p(libm::exp(x)) }
}

/// 1 / (1 + e⁻ˣ), the derivative of [`softplus`].
pub fn sigmoid(x: f64) -> f64 {
    if x >= 0.0 {
        1.0 / (1.0 + libm::exp(-x))
    } else {
        let e = libm::exp(x);
        e / (1.0 + e)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_and_symmetries() {
        for x in [0.0, 1e-20, 0.3, 5.0, 36.0, 40.0, 700.0, 1e5, f64::INFINITY] {
            assert_eq!(softplus(x), x.max(softplus(x)));
            assert!((sigmoid(x) + sigmoid(-x) - 1.0).abs() < 1e-15);
            if x < 1e5 {
                assert!((softplus(x) - softplus(-x) - x).abs() <= 1e-15 * (1.0 + x), "{x}");
                assert!((sigmoid(-x).ln() + softplus(x)).abs() < 1e-13 * (1.0 + x), "{x}");
            }
        }
        assert_eq!(
            [softplus(f64::NEG_INFINITY), sigmoid(f64::NEG_INFINITY), sigmoid(f64::INFINITY)],
            [0.0, 0.0, 1.0]
        );
        assert!(softplus(f64::NAN).is_nan() && sigmoid(f64::NAN).is_nan());
    }
}
