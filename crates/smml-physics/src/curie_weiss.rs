//! The Curie-Weiss model, E = -(J / 2N) M² - h M with M = Σ sᵢ: every spin coupled to every other, solved exactly for
//! any number of spins and in the limit.
//!
//! The square contains -J/2 of every spin with itself, which shifts all energies alike: against
//! -(J/N) Σ_{i<j} sᵢ sⱼ by -J/2.

use crate::ising::exact::ThermalAverages;
use smml_core::error::{Error, Result, finite};

/// T_c = J, in units of J.
pub const CRITICAL_TEMPERATURE: f64 = 1.0;

/// Binder cumulant 1 - ⟨m⁴⟩ / (3 ⟨m²⟩²) at T_c for N → ∞: 1 - Γ(¼)⁴ / (24 π²), from the density exp(-x⁴/12) of
/// x = N^¼ m.
pub const BINDER_CRITICAL: f64 = 0.270_520_128_257_841_1;

/// Most spins of [`averages`]: a sum of N + 1 terms.
pub const MAX_SPINS: usize = 10_000_000;

/// Exact averages of `n` spins at β, per spin but for ln Z: a sum over M with binomial weights.
///
/// Good to about 1e-16 N ln N relative to the weights, so to ten digits for N = 10⁵.
///
/// ```
/// let at = smml_physics::curie_weiss::averages(50, 1.0, 0.0, 1.1)?;
/// assert!((at.binder - 0.4352258010).abs() < 1e-9);
/// # Ok::<(), smml_core::Error>(())
/// ```
///
/// # Errors
/// No spins or more than [`MAX_SPINS`], numbers that are not finite.
pub fn averages(n: usize, coupling: f64, field: f64, beta: f64) -> Result<ThermalAverages> {
    if !(1..=MAX_SPINS).contains(&n) {
        return Err(Error::out_of_range("n", n, format!("in 1..={MAX_SPINS}")));
    }
    finite("coupling", coupling)?;
    finite("field", field)?;
    finite("beta", beta)?;
    let spins = n as f64;
    let energy = |m: f64| -spins * m * (0.5 * coupling * m + field);
    let all = libm::lgamma(spins + 1.0);
    let ln_weight = |up: usize| {
        let (up, down) = (up as f64, (n - up) as f64);
        let m = (up - down) / spins;
        (all - libm::lgamma(up + 1.0) - libm::lgamma(down + 1.0) - beta * energy(m), m)
    };
    let top = (0..=n).map(|up| ln_weight(up).0).fold(f64::NEG_INFINITY, f64::max);
    let (mut total, mut origin) = (0.0, 0.0);
    let mut sums = [0.0; 6];
    for pass in 0..2 {
        for (w, m) in (0..=n).map(ln_weight) {
            let w = libm::exp(w - top);
            if pass == 0 {
                total += w;
                origin += w * energy(m);
            } else {
                let excess = energy(m) - origin;
                for (sum, x) in sums.iter_mut().zip([excess * excess, m, m.abs(), m * m, m.powi(4), excess]) {
                    *sum += w * x / total;
                }
            }
        }
        if pass == 0 {
            origin /= total;
        }
    }
    let [variance, m, absolute, squared, fourth, excess] = sums;
    Ok(ThermalAverages {
        ln_z: top + libm::log(total),
        energy: (origin + excess) / spins,
        specific_heat: beta * beta * variance / spins,
        magnetisation: m,
        absolute_magnetisation: absolute,
        magnetisation_squared: squared,
        susceptibility: beta * spins * (squared - m * m),
        phase_susceptibility: beta * spins * (squared - absolute * absolute),
        binder: if squared > 0.0 { 1.0 - fourth / (3.0 * squared * squared) } else { 0.0 },
    })
}

/// The limit of many spins, per spin.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limit {
    /// m, the solution of m = tanh β (J m + h) of largest weight; without field the positive one.
    pub magnetisation: f64,
    /// ln Z / N
    pub ln_z: f64,
    /// E / N = -J m² / 2 - h m
    pub energy: f64,
}

/// The exact limit N → ∞: ln Z / N is the maximum over m of β (J m² / 2 + h m) plus the entropy of a spin of mean m.
///
/// # Errors
/// Numbers that are not finite.
pub fn limit(coupling: f64, field: f64, beta: f64) -> Result<Limit> {
    let (k, b) = (finite("beta x coupling", beta * coupling)?, finite("beta x field", beta * field)?);
    let size = largest_root(1.0, |m| m - libm::tanh(k * m + b.abs()));
    let m = if b < 0.0 { -size } else { size };
    Ok(Limit {
        magnetisation: m,
        ln_z: 0.5 * k * m * m + b * m + crate::mean_field::spin_entropy(m),
        energy: -0.5 * coupling * m * m - field * m,
    })
}

/// The root in (0, `upper`] of a function that is negative below it and positive above it; 0 where there is none.
pub(crate) fn largest_root(upper: f64, f: impl Fn(f64) -> f64) -> f64 {
    let (mut low, mut high) = (upper, upper);
    while f(low) >= 0.0 {
        high = low;
        low *= 0.5;
        if low < 1e-160 {
            return 0.0;
        }
    }
    // Bisection until no number is left between.
    loop {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            return high;
        }
        if f(middle) >= 0.0 { high = middle } else { low = middle }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ising::{Ising, exact};
    use smml_core::distribution::Quadrature;

    #[test]
    fn finite_systems_are_complete_graphs() {
        for (n, coupling, field) in
            [(1u32, 0.7, 0.3), (2, 1.0, 0.0), (7, 1.0, 0.2), (12, -0.8, 0.1), (9, 1.3, 0.0)]
        {
            let pairs: Vec<(u32, u32, f64)> =
                (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j, coupling / f64::from(n)))).collect();
            let ising = Ising::new(n as usize, &pairs, vec![field; n as usize]).unwrap();
            for beta in [-0.5, 0.0, 0.8, 2.5] {
                let want = exact::averages(&ising, &[beta]).unwrap()[0];
                let got = averages(n as usize, coupling, field, beta).unwrap();
                let shift = -0.5 * coupling;
                for (got, want) in [
                    (got.ln_z, want.ln_z - beta * shift),
                    (got.energy, want.energy + shift / f64::from(n)),
                    (got.specific_heat, want.specific_heat),
                    (got.magnetisation, want.magnetisation),
                    (got.absolute_magnetisation, want.absolute_magnetisation),
                    (got.magnetisation_squared, want.magnetisation_squared),
                    (got.susceptibility, want.susceptibility),
                    (got.phase_susceptibility, want.phase_susceptibility),
                    (got.binder, want.binder),
                ] {
                    assert!((got - want).abs() < 1e-12 * (1.0 + want.abs()), "{n} {beta}: {got} {want}");
                }
            }
        }
    }

    #[test]
    fn larger_systems() {
        // mpmath, 40 digits.
        let a = averages(50, 1.1, 0.0, 1.0).unwrap();
        for (got, want) in [
            (a.ln_z, 36.465_064_533_950_11),
            (50.0 * a.energy, 50.0 * -0.135_283_841_220_815_53),
            (a.specific_heat, 0.635_364_808_086_261),
            (a.absolute_magnetisation, 0.439_169_192_237_684_5),
            (a.magnetisation_squared, 0.245_970_620_401_482_8),
            (a.binder, 0.435_225_800_966_243_8),
        ] {
            assert!((got - want).abs() < 1e-12 * want.abs(), "{got} {want}");
        }
        let a = averages(1000, 0.9, 0.05, 1.0).unwrap();
        for (got, want) in [
            (a.ln_z, 703.992_448_800_287_8),
            (a.energy, -0.071_611_562_744_985_9),
            (a.specific_heat, 0.536_176_823_739_533_8),
            (a.magnetisation, 0.341_836_406_372_459_54),
            (a.binder, 0.622_243_344_095_778_4),
        ] {
            assert!((got - want).abs() < 1e-10 * want.abs(), "{got} {want}");
        }
        assert!((averages(2000, 1.0, 0.0, 1.0).unwrap().binder - 0.278_206_337_858_521_2).abs() < 1e-9);
        // U4 at T_c: the difference to the limit falls as N^(-1/2).
        let off = |n| averages(n, 1.0, 0.0, 1.0).unwrap().binder - BINDER_CRITICAL;
        assert!((off(40_000) * 200.0 / (off(10_000) * 100.0) - 1.0).abs() < 0.01);
        let gamma = libm::tgamma(0.25).powi(4);
        assert!((BINDER_CRITICAL - (1.0 - gamma / (24.0 * std::f64::consts::PI.powi(2)))).abs() < 1e-14);
    }

    #[test]
    fn hubbard_and_stratonovich_agree() {
        // Z = √(N K / 2π) ∫ exp(N (-K x²/2 + ln 2 cosh(K x + b))) dx, K = β J.
        for (n, k, b) in [(30usize, 0.7, 0.1), (200, 1.3, 0.0), (400, 1.0, -0.02)] {
            let spins = n as f64;
            let peak = limit(k, b, 1.0).unwrap().ln_z * spins;
            let integrand = |x: f64| {
                let y: f64 = k * x + b;
                let ln_cosh = y.abs() + (-2.0 * y.abs()).exp().ln_1p();
                (spins * (-0.5 * k * x * x + ln_cosh) - peak).exp()
            };
            let area = Quadrature::default().integrate(integrand, -4.0, 4.0).unwrap().value;
            let want = peak + area.ln() + 0.5 * (spins * k / (2.0 * std::f64::consts::PI)).ln();
            let got = averages(n, k, b, 1.0).unwrap().ln_z;
            assert!((got - want).abs() < 1e-8 * want, "{n}: {got} {want}");
        }
    }

    #[test]
    fn the_limit_of_many_spins() {
        // mpmath, 40 digits.
        for (k, b, m, ln_z) in [
            (1.25, 0.0, 0.710_411_783_487_870_4, 0.728_999_695_513_817_3),
            (0.8, 0.1, 0.390_526_682_034_051_5, 0.714_881_507_121_694_1),
            (0.8, -0.1, -0.390_526_682_034_051_5, 0.714_881_507_121_694_1),
            (3.0, 0.0, 0.994_901_528_452_629, 1.502_513_498_989_758_1),
        ] {
            let got = limit(2.0 * k, 2.0 * b, 0.5).unwrap();
            assert!((got.magnetisation - m).abs() < 1e-14 && (got.ln_z - ln_z).abs() < 1e-14, "{got:?}");
            assert!((got.energy + k * m * m + 2.0 * b * m).abs() < 1e-13);
        }
        assert!((limit(-1.5, 0.3, 1.0).unwrap().magnetisation - 0.119_768_936_372_094_39).abs() < 1e-15);
        assert!((limit(1.0001, 0.0, 1.0).unwrap().magnetisation - 0.017_318_949_386_944).abs() < 1e-11);
        for k in [-3.0, 0.0, 0.5, 1.0] {
            let got = limit(k, 0.0, 1.0).unwrap();
            assert!(got.magnetisation.abs() < 1e-7 && (got.ln_z - 2f64.ln()).abs() < 1e-14, "{k}: {got:?}");
        }
        // Finite systems come near.
        let far = averages(1_000_000, 1.25, 0.0, 1.0).unwrap();
        assert!((far.absolute_magnetisation - 0.710_411_783_487_870_4).abs() < 1e-5);
        assert!((far.ln_z / 1e6 - 0.728_999_695_513_817_3).abs() < 1e-5);
        assert!(limit(f64::NAN, 0.0, 1.0).is_err() && averages(0, 1.0, 0.0, 1.0).is_err());
        assert!(averages(MAX_SPINS + 1, 1.0, 0.0, 1.0).is_err());
        assert!(averages(5, f64::INFINITY, 0.0, 1.0).is_err());
    }
}
