//! The square lattice without field, solved: Onsager's infinite lattice and Kaufman's finite torus.
//!
//! Energies are per spin in units of the coupling J > 0, K = β J.
//! Sources: L. Onsager, Phys. Rev. 65, 117 (1944); B. Kaufman, Phys. Rev. 76, 1232 (1949); C. N. Yang, Phys. Rev. 85,
//! 808 (1952); A. E. Ferdinand and M. E. Fisher, Phys. Rev. 185, 832 (1969).

use smml_core::error::{Error, Result, positive};
use std::f64::consts::{FRAC_PI_2, LN_2, PI};

/// Critical coupling K_c = ln(1 + √2) / 2.
pub const CRITICAL_K: f64 = 0.440_686_793_509_771_5;

/// Critical temperature T_c = 2 / ln(1 + √2), in units of J.
pub const CRITICAL_TEMPERATURE: f64 = 2.269_185_314_213_022;

/// Complete elliptic integrals K(k) and E(k) from the complementary modulus k' = √(1 - k²), by the
/// arithmetic-geometric mean. K is infinite at k' = 0.
fn elliptic(k: f64, complement: f64) -> (f64, f64) {
    if complement == 0.0 {
        return (f64::INFINITY, 1.0);
    }
    let (mut a, mut b, mut sum, mut power) = (1.0f64, complement, 0.5 * k * k, 1.0);
    // Convergence is quadratic: the bound only guards against one rounding error that never goes away.
    for _ in 0..60 {
        let c = 0.5 * (a - b);
        if c.abs() < 1e-16 * a {
            break;
        }
        (a, b) = (0.5 * (a + b), (a * b).sqrt());
        sum += power * c * c;
        power *= 2.0;
    }
    let first = FRAC_PI_2 / a;
    (first, first * (1.0 - sum))
}

/// Spontaneous magnetisation (1 - sinh(2K)⁻⁴)^⅛ below T_c, 0 above.
pub fn magnetisation(k: f64) -> Result<f64> {
    let s = (2.0 * positive("K = beta J", k)?).sinh();
    Ok(if s > 1.0 { (1.0 - s.powi(-4)).powf(0.125) } else { 0.0 })
}

/// Energy per spin u = -coth(2K) [1 + (2/π)(2 tanh²(2K) - 1) K(κ)], κ = 2 sinh(2K) / cosh²(2K).
pub fn energy(k: f64) -> Result<f64> {
    let k2 = 2.0 * positive("K = beta J", k)?;
    let (kappa, complement) = moduli(k2);
    let factor = 2.0 * k2.tanh().powi(2) - 1.0;
    // At K_c the factor is zero and the integral infinite; their product tends to zero.
    let product = if complement == 0.0 { 0.0 } else { factor * elliptic(kappa, complement).0 };
    Ok(-(1.0 + 2.0 / PI * product) / k2.tanh())
}

/// κ and its complement 2 tanh²(2K) - 1, without cancellation.
fn moduli(k2: f64) -> (f64, f64) {
    let kappa = 2.0 * k2.tanh() / k2.cosh();
    (kappa.min(1.0), (2.0 * k2.tanh().powi(2) - 1.0).abs())
}

/// Specific heat per spin. Diverges logarithmically at K_c, where it is an error.
pub fn specific_heat(k: f64) -> Result<f64> {
    let k2 = 2.0 * positive("K = beta J", k)?;
    let (kappa, complement) = moduli(k2);
    if complement < 1e-12 {
        return Err(Error::Undefined {
            what: "the specific heat".into(),
            why: "it is infinite at T_c".into(),
        });
    }
    let (first, second) = elliptic(kappa, complement);
    let tanh2 = k2.tanh().powi(2);
    let signed = 2.0 * tanh2 - 1.0;
    Ok(4.0 / PI * (k / k2.tanh()).powi(2) * (first - second - (1.0 - tanh2) * (FRAC_PI_2 + signed * first)))
}

/// Free energy -ln Z / N (times the temperature: β f), by the one-dimensional form of Onsager's integral:
/// ln Z / N = ln(2 cosh² 2K) / 2 + (1/π) ∫₀^{π/2} ln(1 + √(1 - κ² sin² φ)) dφ.
pub fn ln_z_per_spin(k: f64) -> Result<f64> {
    let k2 = 2.0 * positive("K = beta J", k)?;
    let (kappa, _) = moduli(k2);
    // The integrand has a kink of its derivative at φ = π/2 when κ = 1: tanh-sinh quadrature does not mind.
    let f = |x: f64, to_end: f64| {
        // cos² + (1 - κ²) sin² where sin is close to 1
        let (sine, cosine) = (x.sin(), to_end.sin());
        let root = (cosine * cosine + (1.0 - kappa) * (1.0 + kappa) * sine * sine).max(0.0).sqrt();
        root.ln_1p()
    };
    let step = 1.0 / 64.0;
    let mut total = 0.0;
    for j in -256..=256 {
        let t = f64::from(j) * step;
        let u = FRAC_PI_2 * t.sinh();
        // Distances to the two ends of [0, π/2], each exact where it is small.
        let left = FRAC_PI_2 / (1.0 + (-2.0 * u).exp());
        let right = FRAC_PI_2 / (1.0 + (2.0 * u).exp());
        let weight = 0.5 * FRAC_PI_2 * FRAC_PI_2 * t.cosh() / u.cosh().powi(2);
        if weight > 0.0 && weight.is_finite() {
            total += weight * f(left, right);
        }
    }
    // ln(2 cosh² x) / 2 = ln 2 / 2 + ln cosh x
    let ln_cosh = k2 + (-2.0 * k2).exp().ln_1p() - LN_2;
    Ok(0.5 * LN_2 + ln_cosh + total * step / PI)
}

/// ln Z and its first two derivatives in K, for a torus.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Torus {
    /// ln Z.
    pub ln_z: f64,
    /// Energy per spin, in units of J.
    pub energy: f64,
    /// Specific heat per spin.
    pub specific_heat: f64,
}

/// Kaufman's exact solution of the `rows` × `columns` torus without field. A side of 2 joins every pair twice.
///
/// Errors: sides below 2, K not positive.
///
/// ```
/// use smml_physics::ising::onsager::{CRITICAL_K, torus};
/// let t = torus(8, 8, CRITICAL_K)?;
/// assert!((t.energy + 1.4915891074).abs() < 1e-9);
/// # Ok::<(), smml_core::Error>(())
/// ```
pub fn torus(rows: usize, columns: usize, k: f64) -> Result<Torus> {
    positive("K = beta J", k)?;
    for (name, side) in [("rows", rows), ("columns", columns)] {
        if side < 2 {
            return Err(Error::out_of_range(name, side, "at least 2"));
        }
    }
    // Z = ½ (2 sinh 2K)^{N/2} (Z1 + Z2 + Z3 + Z4); the products run over the modes of one side, hyperbolic functions
    // take the other.
    let (m, n) = (columns as f64, rows);
    let modes: Vec<Mode> = (0..2 * n).map(|l| Mode::new(l, n, k)).collect();
    let odd = || (0..n).map(|r| &modes[2 * r + 1]);
    let even = || (0..n).map(|r| &modes[2 * r]);
    let parts = [
        Jet::product(odd().map(|g| g.cosh(m))),
        Jet::product(odd().map(|g| g.sinh(m))),
        Jet::product(even().map(|g| g.cosh(m))),
        Jet::product(even().map(|g| g.sinh(m))),
    ];
    let top = parts.iter().map(|p| p.scale).fold(f64::NEG_INFINITY, f64::max);
    let mut total = [0.0; 3];
    for p in &parts {
        let factor = (p.scale - top).exp();
        for d in 0..3 {
            total[d] += factor * p.value[d];
        }
    }
    let sites = (rows * columns) as f64;
    let (s, c) = ((2.0 * k).sinh(), (2.0 * k).cosh());
    let slope = total[1] / total[0];
    let curvature = total[2] / total[0] - slope * slope;
    let found = Torus {
        ln_z: -LN_2 + 0.5 * sites * (2.0 * s).ln() + top + total[0].ln(),
        energy: -(sites * c / s + slope) / sites,
        specific_heat: k * k * (-2.0 * sites / (s * s) + curvature) / sites,
    };
    if [found.ln_z, found.energy, found.specific_heat].iter().all(|x| x.is_finite()) {
        Ok(found)
    } else {
        Err(Error::out_of_range("K = beta J", k, "small enough for exp(4 K) to be a number: below 170"))
    }
}

/// γ_l(K) of Kaufman's solution with two derivatives: cosh γ_l = cosh² 2K / sinh 2K - cos(π l / n).
struct Mode {
    gamma: [f64; 3],
}

impl Mode {
    fn new(l: usize, n: usize, k: f64) -> Self {
        let (s, c) = ((2.0 * k).sinh(), (2.0 * k).cosh());
        if l == 0 {
            // γ_0 changes its sign at K_c.
            let gamma = 2.0 * k + k.tanh().ln();
            return Mode { gamma: [gamma, 2.0 + 2.0 / s, -4.0 * c / (s * s)] };
        }
        // cosh γ - 1 = (s - 1)² / s + 1 - cos, each part positive: no cancellation near K_c.
        let half = (PI * l as f64 / (2.0 * n as f64)).sin();
        let excess = (s - 1.0).powi(2) / s + 2.0 * half * half;
        let gamma = 2.0 * (0.5 * excess).sqrt().asinh();
        let (cosh, sinh) = (1.0 + excess, (excess * (excess + 2.0)).sqrt());
        // d/dK of cosh² 2K / sinh 2K = s + 1/s
        let first = 2.0 * c * (1.0 - 1.0 / (s * s));
        let second = 4.0 * s * (1.0 - 1.0 / (s * s)) + 8.0 * c * c / (s * s * s);
        let d1 = first / sinh;
        Mode { gamma: [gamma, d1, (second - d1 * d1 * cosh) / sinh] }
    }
    /// 2 cosh(m γ / 2)
    fn cosh(&self, m: f64) -> Jet {
        self.hyperbolic(m, 1.0)
    }
    /// 2 sinh(m γ / 2)
    fn sinh(&self, m: f64) -> Jet {
        self.hyperbolic(m, -1.0)
    }
    fn hyperbolic(&self, m: f64, sign: f64) -> Jet {
        let [g, d1, d2] = self.gamma.map(|x| 0.5 * m * x);
        // e^|g| is taken out; what is left is e^(g - |g|) ± e^(-g - |g|).
        let (plus, minus) = ((g - g.abs()).exp(), (-g - g.abs()).exp());
        let (f, df) = (plus + sign * minus, plus - sign * minus);
        Jet { scale: g.abs(), value: [f, df * d1, f * d1 * d1 + df * d2] }
    }
}

/// A number e^scale × value with its first two derivatives.
struct Jet {
    scale: f64,
    value: [f64; 3],
}

impl Jet {
    fn product(factors: impl Iterator<Item = Jet>) -> Jet {
        factors.fold(Jet { scale: 0.0, value: [1.0, 0.0, 0.0] }, |a, b| {
            let ([a0, a1, a2], [b0, b1, b2]) = (a.value, b.value);
            let value = [a0 * b0, a1 * b0 + a0 * b1, a2 * b0 + 2.0 * a1 * b1 + a0 * b2];
            let size = value.iter().fold(0.0f64, |m, v| m.max(v.abs()));
            if size == 0.0 {
                return Jet { scale: 0.0, value };
            }
            Jet { scale: a.scale + b.scale + size.ln(), value: value.map(|v| v / size) }
        })
    }
}
