//! The square lattice without field, solved: Onsager's infinite lattice and Kaufman's finite torus.
//!
//! Energies are per spin in units of the coupling J > 0, K = β J.
//! Sources: L. Onsager, Phys. Rev. 65, 117 (1944); B. Kaufman, Phys. Rev. 76, 1232 (1949); C. N. Yang, Phys. Rev. 85,
//! 808 (1952); A. E. Ferdinand and M. E. Fisher, Phys. Rev. 185, 832 (1969).

use super::Solution;
use smml_core::{
    distribution::Quadrature,
    error::{Error, Result, positive},
};
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
    let s = libm::sinh(2.0 * positive("K = beta J", k)?);
    Ok(if s > 1.0 { libm::pow(1.0 - 1.0 / (s * s * s * s), 0.125) } else { 0.0 })
}

/// Σ aₙ xⁿ over the closed polygons of the lattice, up to x¹², and its first two derivatives: with x = tanh K what
/// bonds add to ln Z / N at high temperature, with x = exp(-2K) what domain walls add at low temperature. Kramers and
/// Wannier, Phys. Rev. 60, 252 (1941); C. Domb, Proc. R. Soc. A 199, 199 (1949).
fn polygons(x: f64) -> [f64; 3] {
    let terms = [(4, 1.0), (6, 2.0), (8, 4.5), (10, 12.0), (12, 112.0 / 3.0)];
    let mut sum = [0.0; 3];
    for (n, a) in terms.into_iter().rev() {
        let (n, power) = (f64::from(n), libm::pow(x, f64::from(n - 2)));
        sum[0] += a * power * x * x;
        sum[1] += n * a * power * x;
        sum[2] += n * (n - 1.0) * a * power;
    }
    sum
}

/// Below it (and beyond [`COLD`]) the next term of [`polygons`] is less than rounding, while the closed forms cancel.
const HOT: f64 = 0.02;
/// See [`HOT`].
const COLD: f64 = 2.2;

/// Energy per spin u = -coth(2K) [1 + (2/π)(2 tanh²(2K) - 1) K(κ)], κ = 2 sinh(2K) / cosh²(2K).
pub fn energy(k: f64) -> Result<f64> {
    let k2 = 2.0 * positive("K = beta J", k)?;
    if k < HOT {
        // ln Z / N = ln 2 cosh² K + polygons(tanh K)
        let t = libm::tanh(k);
        return Ok(-(2.0 * t + polygons(t)[1] * (1.0 - t * t)));
    }
    if k > COLD {
        // ln Z / N = 2K + polygons(exp(-2K))
        let x = libm::exp(-k2);
        return Ok(-2.0 + 2.0 * x * polygons(x)[1]);
    }
    let (kappa, complement) = moduli(k2);
    let tanh = libm::tanh(k2);
    let factor = 2.0 * tanh * tanh - 1.0;
    // At K_c the factor is zero and the integral infinite; their product tends to zero.
    let product = if complement == 0.0 { 0.0 } else { factor * elliptic(kappa, complement).0 };
    Ok(-(1.0 + 2.0 / PI * product) / tanh)
}

/// κ and its complement 2 tanh²(2K) - 1, without cancellation.
fn moduli(k2: f64) -> (f64, f64) {
    let tanh = libm::tanh(k2);
    let kappa = 2.0 * tanh / libm::cosh(k2);
    (kappa.min(1.0), (2.0 * tanh * tanh - 1.0).abs())
}

/// Specific heat per spin. Diverges logarithmically at K_c, where it is an error.
pub fn specific_heat(k: f64) -> Result<f64> {
    let k2 = 2.0 * positive("K = beta J", k)?;
    if k < HOT {
        let t = libm::tanh(k);
        let (slope, [_, first, second]) = (1.0 - t * t, polygons(t));
        return Ok(k * k * slope * (2.0 + slope * second - 2.0 * t * first));
    }
    if k > COLD {
        let x = libm::exp(-k2);
        let [_, first, second] = polygons(x);
        return Ok(4.0 * k * k * (x * first + x * x * second));
    }
    let (kappa, complement) = moduli(k2);
    if complement < 1e-12 {
        return Err(Error::Undefined {
            what: "the specific heat".into(),
            why: "it is infinite at T_c".into(),
        });
    }
    let (first, second) = elliptic(kappa, complement);
    let tanh2 = libm::tanh(k2) * libm::tanh(k2);
    let signed = 2.0 * tanh2 - 1.0;
    Ok(4.0 / PI * k * k / tanh2 * (first - second - (1.0 - tanh2) * (FRAC_PI_2 + signed * first)))
}

/// ln Z per spin of the infinite lattice (-β f, with f the free energy per spin), by the one-dimensional form of Onsager's
/// integral; K = β J must be positive and finite:
/// ln Z / N = ln(2 cosh² 2K) / 2 + (1/π) ∫₀^{π/2} ln(1 + √(1 - κ² sin² φ)) dφ.
///
/// Errors: K that is not positive and finite.
pub fn ln_z_per_spin(k: f64) -> Result<f64> {
    let k2 = 2.0 * positive("K = beta J", k)?;
    let (kappa, _) = moduli(k2);
    // At κ = 1 the integrand has a kink of its derivative at φ = π/2: cos φ comes from the distance to there.
    let f = |_, x: f64, to_end: f64| {
        // cos² + (1 - κ²) sin² where sin is close to 1
        let (sine, cosine) = (libm::sin(x), libm::sin(to_end));
        let root = (cosine * cosine + (1.0 - kappa) * (1.0 + kappa) * sine * sine).max(0.0).sqrt();
        libm::log1p(root)
    };
    let total = Quadrature::default().integrate_by_ends(f, 0.0, FRAC_PI_2)?.value;
    // ln(2 cosh² x) / 2 = ln 2 / 2 + ln cosh x
    let ln_cosh = k2 + libm::log1p(libm::exp(-2.0 * k2)) - LN_2;
    Ok(0.5 * LN_2 + ln_cosh + total / PI)
}

/// Kaufman's exact solution of the `rows` × `columns` torus without field. A side of 2 joins every pair twice.
///
/// Good to about 1e-13 of ln Z, 1e-11 of the energy and 1e-9 of the specific heat for sides up to some hundreds.
///
/// Errors: sides below 2, K not positive.
///
/// ```
/// use smml_physics::ising::onsager::{CRITICAL_K, torus};
/// let t = torus(8, 8, CRITICAL_K)?;
/// assert!((t.energy + 1.4915891074).abs() < 1e-9);
/// # Ok::<(), smml_core::Error>(())
/// ```
pub fn torus(rows: usize, columns: usize, k: f64) -> Result<Solution> {
    positive("K = beta J", k)?;
    for (name, side) in [("rows", rows), ("columns", columns)] {
        if side < 2 {
            return Err(Error::out_of_range(name, side, "at least 2"));
        }
    }
    let sites = rows as f64 * columns as f64;
    if k > FROZEN {
        return Ok(Solution { ln_z: 2.0 * sites * k + LN_2, energy: -2.0, specific_heat: 0.0 });
    }
    let (ln_z, slope, curvature) = kaufman(rows, columns, k.max(FREE));
    let mut found =
        Solution { ln_z, energy: -slope / sites, specific_heat: k * k * curvature.max(0.0) / sites };
    if k < 1e-5 {
        // The slope is a small difference of large numbers here, but the curvature is not: du = -(curvature / N) dK.
        found.energy = -k * kaufman(rows, columns, (0.5 * k).max(FREE)).2 / sites;
    }
    if k < FREE {
        found.ln_z = sites * LN_2;
    }
    Ok(found)
}

/// Beyond it the ground states are all: the first excitations weigh exp(-8 K).
const FROZEN: f64 = 90.0;

/// Below it ln Z has no other digits than those of free spins, and the curvature is that at 0.
const FREE: f64 = 1e-13;

/// ln Z and its first two derivatives in K.
fn kaufman(rows: usize, columns: usize, k: f64) -> (f64, f64, f64) {
    // Z = ½ 2^(N/2) (Z1 + Z2 + Z3 + Z4). Each is a product over the modes of one side, of A^(m/2) ± B^(m/2) with m the
    // other side, A B = sinh² 2K and A / B = e^(2γ), γ from Kaufman's cosh γ = cosh² 2K / sinh 2K - cos θ.
    let (m, n) = (columns as f64, rows);
    let modes: Vec<Mode> = (0..2 * n).map(|l| Mode::new(l, n, k)).collect();
    let product = |first: usize, sign: f64| {
        Jet::product(modes.iter().skip(first).step_by(2).map(|mode| mode.factor(0.5 * m, sign)))
    };
    let parts = [product(1, 1.0), product(1, -1.0), product(0, 1.0), product(0, -1.0)];
    let top = parts.iter().map(|p| p.scale).fold(f64::NEG_INFINITY, f64::max);
    let mut total = [0.0; 3];
    for p in &parts {
        let factor = libm::exp(p.scale - top);
        for d in 0..3 {
            total[d] += factor * p.value[d];
        }
    }
    let slope = total[1] / total[0];
    let half_sites = 0.5 * rows as f64 * m;
    ((half_sites - 1.0) * LN_2 + top + libm::log(total[0]), slope, total[2] / total[0] - slope * slope)
}

/// ln A and ln B of one mode, with two derivatives in K.
struct Mode {
    a: [f64; 3],
    b: [f64; 3],
}

impl Mode {
    fn new(l: usize, n: usize, k: f64) -> Self {
        let (s, c) = (libm::sinh(2.0 * k), libm::cosh(2.0 * k));
        if l == 0 {
            // γ_0 = 2 K + ln tanh K changes its sign at K_c: A = 2 e^(2K) sinh² K, B = 2 e^(-2K) cosh² K.
            let (sinh, cosh) = (libm::sinh(k), libm::cosh(k));
            let tanh = libm::tanh(k);
            return Mode {
                a: [LN_2 + 2.0 * (k + libm::log(sinh)), 2.0 + 2.0 / tanh, -2.0 / (sinh * sinh)],
                b: [LN_2 + 2.0 * (libm::log(cosh) - k), 2.0 * tanh - 2.0, 2.0 / (cosh * cosh)],
            };
        }
        let half = libm::sin(PI * l as f64 / (2.0 * n as f64));
        let (cosine, versine) = (libm::cos(PI * l as f64 / n as f64), 2.0 * half * half);
        // A = h + r, B = h - r with h = cosh² 2K - sinh 2K cos θ and r² = h² - sinh² 2K. Near K_c both s - 1 and the
        // versine 1 - cos θ are small, and h - s is made of positive parts.
        let h = c * c - s * cosine;
        let above = (s - 1.0) * (s - 1.0) + s * versine;
        let r = (above * (h + s)).sqrt();
        let a = h + r;
        let (s1, s2) = (2.0 * c, 4.0 * s);
        let h2 = 2.0 * s1 * s1 + (2.0 * s - cosine) * s2;
        // (ln A)' = p / r with p = h' - w s', w = s / A
        let w = s / a;
        let p = s1 * (2.0 * (s - 1.0) + versine + (above + r) / a);
        let first = p / r;
        let w1 = (s1 - s * first) / a;
        let r1 = (h * s1 * (2.0 * s - cosine) - s * s1) / r;
        let second = (h2 - w * s2 - w1 * s1 - first * r1) / r;
        let ln_a = libm::log(a);
        // ln A B = 2 ln s
        Mode {
            a: [ln_a, first, second],
            b: [2.0 * libm::log(s) - ln_a, 2.0 * s1 / s - first, -8.0 / (s * s) - second],
        }
    }
    /// A^power ± B^power
    fn factor(&self, power: f64, sign: f64) -> Jet {
        let scale = power * self.a[0].max(self.b[0]);
        let mut value = [0.0; 3];
        for (x, sign) in [(self.a, 1.0), (self.b, sign)] {
            let size = sign * libm::exp(power * x[0] - scale);
            let (first, second) = (power * x[1], power * x[2]);
            value[0] += size;
            value[1] += size * first;
            value[2] += size * (first * first + second);
        }
        Jet { scale, value }
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
            Jet { scale: a.scale + b.scale + libm::log(size), value: value.map(|v| v / size) }
        })
    }
}
