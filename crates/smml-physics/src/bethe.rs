//! The Ising model on the Bethe lattice: the inside of a tree in which every spin has z neighbours, which is also the
//! limit of random regular graphs.
//!
//! Sources: H. A. Bethe, Proc. R. Soc. A 150, 552 (1935); R. J. Baxter, Exactly Solved Models in Statistical Mechanics,
//! chapter 4; for glasses D. J. Thouless, Phys. Rev. Lett. 56, 1082 (1986).

use crate::curie_weiss::largest_root;
use smml_core::error::{Error, Result, finite, positive};

fn check(coordination: usize) -> Result<f64> {
    if coordination < 2 {
        return Err(Error::out_of_range("coordination number", coordination, "at least 2"));
    }
    Ok(coordination as f64)
}

/// T_c = 1 / atanh(1 / (z - 1)) of the ferromagnet, in units of J; 0 for z = 2, the chain.
///
/// ```
/// assert!((smml_physics::bethe::critical_temperature(4)? - 2.885390082).abs() < 1e-9);
/// # Ok::<(), smml_core::Error>(())
/// ```
///
/// # Errors
/// z below 2.
pub fn critical_temperature(coordination: usize) -> Result<f64> {
    let branches = check(coordination)? - 1.0;
    Ok(1.0 / libm::atanh(1.0 / branches))
}

/// T_g of the ±J glass with equal parts of J and -J, (z - 1) tanh²(J / T_g) = 1, in units of J; 0 for z = 2. Also that of
/// random regular graphs of degree z.
///
/// # Errors
/// z below 2.
pub fn glass_temperature(coordination: usize) -> Result<f64> {
    let branches = check(coordination)? - 1.0;
    Ok(1.0 / libm::atanh(1.0 / branches.sqrt()))
}

/// The ferromagnet at one temperature.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Solution {
    /// ⟨s⟩; without field the positive one below T_c.
    pub magnetisation: f64,
    /// ⟨s s'⟩ of neighbours.
    pub correlation: f64,
    /// Energy per spin -(z/2) J ⟨s s'⟩ - h ⟨s⟩, in units of J, with β h / K for h.
    pub energy: f64,
}

/// The solution with K = β J > 0 and b = β h: each branch acts as a field u = atanh(tanh K tanh(b + (z - 1) u)).
///
/// # Errors
/// z below 2, K that is not positive, b that is not finite.
pub fn solve(coordination: usize, k: f64, b: f64) -> Result<Solution> {
    let z = check(coordination)?;
    positive("K = beta J", k)?;
    finite("b = beta h", b)?;
    let (t, size) = (libm::tanh(k), b.abs());
    // 0.5 ln(cosh(x + K) / cosh(x - K)) = atanh(tanh K tanh x), which does not round to infinity at large K.
    let ln_cosh = |x: f64| x.abs() + libm::log1p(libm::exp(-2.0 * x.abs()));
    let branch = |x: f64| {
        if x.abs() < 0.1 || k < 0.1 {
            libm::atanh(t * libm::tanh(x))
        } else {
            0.5 * (ln_cosh(x + k) - ln_cosh(x - k))
        }
    };
    let u = largest_root(k, |u| u - branch(size + (z - 1.0) * u));
    let magnetisation = libm::tanh(size + z * u).copysign(if b < 0.0 { -1.0 } else { 1.0 });
    let cavity = libm::tanh(size + (z - 1.0) * u);
    let square = cavity * cavity;
    let correlation = (t + square) / (1.0 + t * square);
    let energy = -0.5 * z * correlation - b / k * magnetisation;
    Ok(Solution { magnetisation, correlation, energy })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transition_temperatures() {
        for (z, t) in [(3, 1.820_478_453), (4, 2.885_390_082)] {
            assert!((critical_temperature(z).unwrap() - t).abs() < 1e-9);
        }
        for (z, t) in [(3, 1.134_592_657), (4, 1.518_651_435)] {
            assert!((glass_temperature(z).unwrap() - t).abs() < 1e-9);
        }
        assert_eq!((critical_temperature(2).unwrap(), glass_temperature(2).unwrap()), (0.0, 0.0));
        // Mean field is the limit of many neighbours: T_c -> z - 1.
        assert!((critical_temperature(1000).unwrap() / 999.0 - 1.0).abs() < 1e-6);
        assert!(
            critical_temperature(1).is_err() && glass_temperature(0).is_err() && solve(1, 0.5, 0.0).is_err()
        );
        assert!(solve(3, 0.0, 0.0).is_err() && solve(3, 0.5, f64::NAN).is_err());
    }

    #[test]
    fn solutions() {
        // mpmath: 4,000 iterations of the recursion in 40 digits.
        for (z, k, b, m, c) in [
            (4, 0.5, 0.0, 0.928_583_914_435_114_5, 0.883_825_560_635_211_5),
            (3, 0.4, 0.2, 0.689_484_067_047_17, 0.618_911_480_922_897_4),
        ] {
            let got = solve(z, k, b).unwrap();
            assert!((got.magnetisation - m).abs() < 1e-14 && (got.correlation - c).abs() < 1e-14, "{got:?}");
            let energy = -0.5 * z as f64 * c - b / k * m;
            assert!((got.energy - energy).abs() < 1e-13);
            let down = solve(z, k, -b).unwrap();
            assert!(b == 0.0 || (down.magnetisation == -got.magnetisation && down.energy == got.energy));
        }
        // The chain: m = sinh b / √(sinh² b + e^(-4K)), and -tanh K without field.
        for (k, b) in [(0.3f64, 0.2f64), (1.5, 0.01), (0.05, 2.0)] {
            let want = b.sinh() / (b.sinh().powi(2) + (-4.0 * k).exp()).sqrt();
            assert!((solve(2, k, b).unwrap().magnetisation - want).abs() < 1e-12);
        }
        let got = solve(2, 0.8, 0.0).unwrap();
        assert!(got.magnetisation.abs() < 1e-100 && (got.energy + 0.8f64.tanh()).abs() < 1e-15);
        // Above T_c every bond is alone; just below the magnetisation is small; cold spins are aligned.
        let critical = 1.0 / critical_temperature(4).unwrap();
        let got = solve(4, 0.9 * critical, 0.0).unwrap();
        assert!(got.magnetisation == 0.0 && (got.correlation - (0.9 * critical).tanh()).abs() < 1e-15);
        let m = |x: f64| solve(4, critical * (1.0 + x), 0.0).unwrap().magnetisation;
        // Mean-field exponent ½.
        assert!((m(1e-6) / m(1e-8) - 10.0).abs() < 1e-2, "{} {}", m(1e-6), m(1e-8));
        let cold = solve(5, 50.0, 0.0).unwrap();
        assert!((cold.magnetisation - 1.0).abs() < 1e-15 && (cold.energy + 2.5).abs() < 1e-15);
    }
}
