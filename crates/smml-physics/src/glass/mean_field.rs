//! Magnetisations of a model with given couplings by Plefka's expansion: the naive mean field, and with Onsager's
//! reaction term the equations of Thouless, Anderson and Palmer.
//!
//! At given means mᵢ the free energy is expanded in powers of the couplings, the fields untouched. To second order
//!
//! G(m) = Σᵢ S(mᵢ) + β (Σ_{i<j} Jᵢⱼ mᵢ mⱼ + Σᵢ hᵢ mᵢ) + (β²/2) Σ_{i<j} Jᵢⱼ² (1 - mᵢ²)(1 - mⱼ²),
//!
//! with S the entropy of a spin. Where G is stationary it approximates ln Z: mᵢ = tanh(β (hᵢ + Σⱼ Jᵢⱼ mⱼ) - β² mᵢ Σⱼ Jᵢⱼ²
//! (1 - mⱼ²)). Without its last term G is a lower bound of ln Z, whatever m is (Gibbs, Bogoliubov, Feynman); with it there is
//! no bound, but the error is of third order in the couplings. The second order is trustworthy where couplings are many
//! and weak, above the transition to the glass.
//!
//! Sources: D. J. Thouless, P. W. Anderson and R. G. Palmer, Phil. Mag. 35, 593 (1977); T. Plefka, J. Phys. A 15, 1971
//! (1982); A. Georges and J. S. Yedidia, J. Phys. A 24, 2173 (1991). Equation (53) itself is in [`crate::mean_field`].

use crate::{ising::Ising, mean_field::spin_entropy};
use serde::{Deserialize, Serialize};
use smml_core::error::{Error, Result, all_finite, finite, positive, same_length};

#[cfg(test)]
mod tests;

/// Pair couplings and fields, row by row: E = -Σ_{i<j} Jᵢⱼ sᵢ sⱼ - Σᵢ hᵢ sᵢ.
pub trait Pairs: Sync {
    /// Number of spins.
    fn n_spins(&self) -> usize;
    /// hᵢ
    fn field(&self, i: usize) -> f64;
    /// All j with a coupling to `i`, and Jᵢⱼ = Jⱼᵢ; never `i` itself.
    fn row(&self, i: usize) -> impl Iterator<Item = (usize, f64)>;
}

impl Pairs for Ising {
    fn n_spins(&self) -> usize {
        Ising::n_spins(self)
    }
    fn field(&self, i: usize) -> f64 {
        self.fields()[i]
    }
    fn row(&self, i: usize) -> impl Iterator<Item = (usize, f64)> {
        let (neighbours, couplings) = self.couplings().neighbours(i);
        neighbours.iter().zip(couplings).map(|(j, w)| (*j as usize, *w))
    }
}

/// Couplings as a symmetric matrix, for models in which most pairs are coupled.
#[derive(Clone, Debug, PartialEq)]
pub struct DensePairs {
    couplings: Vec<f64>,
    fields: Vec<f64>,
}

impl DensePairs {
    /// A matrix of n × n couplings, row by row, and n fields.
    ///
    /// Errors: no spins, a matrix of another size, one that is not symmetric or has a diagonal, numbers that are not finite.
    pub fn new(couplings: Vec<f64>, fields: Vec<f64>) -> Result<Self> {
        let n = fields.len();
        if n == 0 {
            return Err(Error::out_of_range("number of spins", 0, "at least 1"));
        }
        same_length("couplings", couplings.len(), n.saturating_mul(n))?;
        all_finite("coupling", &couplings)?;
        all_finite("field", &fields)?;
        for i in 0..n {
            for j in 0..=i {
                let (w, back) = (couplings[i * n + j], couplings[j * n + i]);
                let allowed = if i == j { "0: no spin is coupled to itself" } else { "the same both ways" };
                if w != back || (i == j && w != 0.0) {
                    return Err(Error::out_of_range(format!("coupling ({i}, {j})"), w, allowed));
                }
            }
        }
        Ok(DensePairs { couplings, fields })
    }
}

impl Pairs for DensePairs {
    fn n_spins(&self) -> usize {
        self.fields.len()
    }
    fn field(&self, i: usize) -> f64 {
        self.fields[i]
    }
    fn row(&self, i: usize) -> impl Iterator<Item = (usize, f64)> {
        let n = self.fields.len();
        self.couplings[i * n..(i + 1) * n].iter().copied().enumerate().filter(move |(j, _)| *j != i)
    }
}

/// How far the expansion in the couplings goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlefkaOrder {
    /// Naive mean field: independent spins.
    First,
    /// With Onsager's reaction term: TAP.
    Second,
}

impl PlefkaOrder {
    /// ⟨sᵢ sⱼ⟩ = ∂G/∂(β Jᵢⱼ) at means mᵢ and mⱼ: mᵢ mⱼ, to second order + β Jᵢⱼ (1 - mᵢ²)(1 - mⱼ²). `beta_j` is β Jᵢⱼ.
    pub fn correlation(self, beta_j: f64, m_i: f64, m_j: f64) -> f64 {
        let reaction = match self {
            PlefkaOrder::First => 0.0,
            PlefkaOrder::Second => beta_j * (1.0 - m_i * m_i) * (1.0 - m_j * m_j),
        };
        m_i * m_j + reaction
    }
}

/// In which order the means are brought up to date.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Passes {
    /// Spin by spin, each with the newest means. No update lowers G, so that nothing oscillates.
    #[default]
    Sequential,
    /// All spins from the means of the pass before. Oscillates where couplings are strong; damping helps.
    Parallel,
}

/// How the equations are iterated.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct FixedPoint {
    /// The order of updates.
    pub passes: Passes,
    /// The part of the old mean that each update keeps, in [0, 1).
    pub damping: f64,
    /// Largest change of any mᵢ that an undamped update would still make.
    pub tolerance: f64,
    /// Most passes over all spins.
    pub max_passes: usize,
}

impl Default for FixedPoint {
    /// Sequential, no damping, 10⁻¹², at most 10⁵ passes.
    fn default() -> Self {
        FixedPoint { passes: Passes::Sequential, damping: 0.0, tolerance: 1e-12, max_passes: 100_000 }
    }
}

/// How an iteration ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The residual is within the tolerance.
    Converged,
    /// The means came back to where they were so many passes before, within the tolerance, and had been elsewhere in
    /// between: more passes change nothing, more damping may.
    Oscillating {
        /// Passes from one return to the next.
        period: usize,
    },
    /// All passes were made.
    NotConverged,
}

/// Where an iteration ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Magnetisations {
    /// mᵢ, the mean of each spin.
    pub magnetisation: Vec<f64>,
    /// G at these means: an approximation of ln Z, to first order a lower bound of it. With clamped spins Z is the sum over
    /// the states of the others.
    pub ln_z: f64,
    /// How it ended.
    pub verdict: Verdict,
    /// Largest change that an undamped update of any free spin would make at the end.
    pub residual: f64,
    /// Passes made.
    pub passes: usize,
    /// The residual asked for.
    pub tolerance: f64,
    /// The order of the expansion.
    pub order: PlefkaOrder,
}

impl Magnetisations {
    /// Whether the residual is within the tolerance.
    pub fn converged(&self) -> bool {
        self.verdict == Verdict::Converged
    }
    /// The solution. Errors: [`Error::NotConverged`] where it is none.
    pub fn checked(self) -> Result<Self> {
        let what = match (self.verdict, self.order) {
            (Verdict::Converged, _) => return Ok(self),
            (Verdict::Oscillating { period }, _) => {
                format!("the mean field, which repeats every {period} passes,")
            }
            (Verdict::NotConverged, PlefkaOrder::First) => "the mean field".into(),
            (Verdict::NotConverged, PlefkaOrder::Second) => "the mean field with its reaction term".into(),
        };
        Err(Error::NotConverged {
            what,
            residual: self.residual,
            iterations: self.passes,
            tolerance: self.tolerance,
        })
    }
}

/// The naive mean field, mᵢ = tanh β (hᵢ + Σⱼ Jᵢⱼ mⱼ), iterated from `start`. Spins marked in `clamped` keep their start,
/// which must be ±1; spins without a mark are free, so an empty slice clamps nothing.
///
/// Below the transition there are several solutions; which one is found depends on the start.
///
/// ```
/// use smml_physics::{glass::{self, FixedPoint}, ising::{Ising, exact}};
/// let ising = Ising::new(3, &[(0, 1, 0.7), (1, 2, -0.4)], vec![0.3, 0.1, -0.2])?;
/// let naive = glass::mean_field(&ising, 1.0, &[0.0; 3], &[], &FixedPoint::default())?.checked()?;
/// let tap = glass::tap(&ising, 1.0, &[0.0; 3], &[], &FixedPoint::default())?.checked()?;
/// let exact = exact::averages(&ising, &[1.0])?[0].ln_z;
/// assert!(naive.ln_z <= exact && (tap.ln_z - exact).abs() < exact - naive.ln_z);
/// # Ok::<(), smml_core::Error>(())
/// ```
///
/// # Errors
/// β that is not finite, a start of another length, outside [-1, 1], or not ±1 where clamped, more marks than spins,
/// damping outside [0, 1), a tolerance that is not positive, couplings whose squares times β² exceed the largest f64. A
/// solution that was not reached is no error here: see [`Magnetisations::verdict`].
pub fn mean_field<M: Pairs>(
    model: &M,
    beta: f64,
    start: &[f64],
    clamped: &[bool],
    options: &FixedPoint,
) -> Result<Magnetisations> {
    iterate(model, beta, start, clamped, PlefkaOrder::First, options)
}

/// The same with Onsager's reaction term (TAP). An update solves mᵢ = tanh(aᵢ - cᵢ mᵢ) for mᵢ, the other means given,
/// which has one solution and raises G: spin by spin this ends at a maximum of G even where the usual iteration runs wild.
/// Below the glass transition such a maximum need not be a state of the model (Plefka's criterion may fail).
///
/// # Errors
/// As [`mean_field`].
pub fn tap<M: Pairs>(
    model: &M,
    beta: f64,
    start: &[f64],
    clamped: &[bool],
    options: &FixedPoint,
) -> Result<Magnetisations> {
    iterate(model, beta, start, clamped, PlefkaOrder::Second, options)
}

/// G(m), the expansion of ln Z at given means.
///
/// # Errors
/// Means of another number or outside [-1, 1], β that is not finite.
pub fn plefka_ln_z<M: Pairs>(model: &M, beta: f64, m: &[f64], order: PlefkaOrder) -> Result<f64> {
    finite("beta", beta)?;
    check_means(model, m)?;
    Ok(ln_z(model, beta, m, order))
}

fn ln_z<M: Pairs>(model: &M, beta: f64, m: &[f64], order: PlefkaOrder) -> f64 {
    let (mut entropy, mut fields, mut pairs, mut squares) = (0.0, 0.0, 0.0, 0.0);
    for (i, &m_i) in m.iter().enumerate() {
        entropy += spin_entropy(m_i);
        fields += model.field(i) * m_i;
        for (j, w) in model.row(i).filter(|(j, _)| *j > i) {
            pairs += w * m_i * m[j];
            squares += (beta * w) * (beta * w) * (1.0 - m_i * m_i) * (1.0 - m[j] * m[j]);
        }
    }
    let reaction = if order == PlefkaOrder::Second { 0.5 * squares } else { 0.0 };
    entropy + beta * (pairs + fields) + reaction
}

fn check_means<M: Pairs>(model: &M, m: &[f64]) -> Result<()> {
    same_length("magnetisations", m.len(), model.n_spins())?;
    match m.iter().position(|m| !(-1.0..=1.0).contains(m)) {
        Some(i) => Err(Error::out_of_range(format!("magnetisation {i}"), m[i], "in [-1, 1]")),
        None => Ok(()),
    }
}

fn check<M: Pairs>(
    model: &M,
    beta: f64,
    start: &[f64],
    clamped: &[bool],
    order: PlefkaOrder,
    options: &FixedPoint,
) -> Result<()> {
    finite("beta", beta)?;
    check_means(model, start)?;
    if clamped.len() > start.len() {
        return Err(Error::Length {
            what: "marks of clamped spins".into(),
            found: clamped.len(),
            expected: start.len(),
        });
    }
    if let Some(i) = (0..clamped.len()).find(|i| clamped[*i] && start[*i].abs() != 1.0) {
        return Err(Error::out_of_range(
            format!("magnetisation {i}, which is clamped,"),
            start[i],
            "-1 or 1",
        ));
    }
    if !(0.0..1.0).contains(&options.damping) {
        return Err(Error::out_of_range("damping", options.damping, "in [0, 1)"));
    }
    positive("tolerance", options.tolerance)?;
    for i in 0..start.len() {
        let (size, square) = model.row(i).fold((model.field(i).abs(), 0.0), |(size, square), (_, w)| {
            (size + w.abs(), square + (beta * w) * (beta * w))
        });
        let largest =
            if order == PlefkaOrder::Second { square.max((beta * size).abs()) } else { beta * size };
        if !largest.is_finite() {
            let allowed = "such that beta times it, and beta² times its squares, are finite";
            return Err(Error::out_of_range(format!("sum of couplings of spin {i}"), size, allowed));
        }
    }
    Ok(())
}

/// Distance of two states that counts as having been elsewhere, in tolerances and at most.
const ELSEWHERE: (f64, f64) = (1e6, 0.01);

fn iterate<M: Pairs>(
    model: &M,
    beta: f64,
    start: &[f64],
    clamped: &[bool],
    order: PlefkaOrder,
    options: &FixedPoint,
) -> Result<Magnetisations> {
    check(model, beta, start, clamped, order, options)?;
    let FixedPoint { passes: kind, damping, tolerance, max_passes } = *options;
    let free: Vec<usize> = (0..start.len()).filter(|i| !clamped.get(*i).copied().unwrap_or(false)).collect();
    let mut m = start.to_vec();
    let mut next = m.clone();
    // Brent's search for a cycle: the state is compared with one that is replaced at passes 1, 2, 4, 8, ...
    let (mut seen, mut seen_at, mut excursion) = (m.clone(), 0, 0.0f64);
    let elsewhere = (ELSEWHERE.0 * tolerance).min(ELSEWHERE.1);
    let mut passes = 0;
    let (residual, verdict) = loop {
        let residual =
            free.iter().map(|i| (update(model, beta, &m, *i, order) - m[*i]).abs()).fold(0.0, f64::max);
        if residual <= tolerance {
            break (residual, Verdict::Converged);
        }
        let distance = free.iter().map(|i| (m[*i] - seen[*i]).abs()).fold(0.0, f64::max);
        excursion = excursion.max(distance);
        if passes > seen_at && distance <= tolerance && excursion > elsewhere {
            break (residual, Verdict::Oscillating { period: passes - seen_at });
        }
        if passes == max_passes {
            break (residual, Verdict::NotConverged);
        }
        if passes >= 2 * seen_at {
            seen.copy_from_slice(&m);
            (seen_at, excursion) = (passes, 0.0);
        }
        match kind {
            Passes::Sequential => {
                for &i in &free {
                    m[i] = damping * m[i] + (1.0 - damping) * update(model, beta, &m, i, order);
                }
            }
            Passes::Parallel => {
                for &i in &free {
                    next[i] = damping * m[i] + (1.0 - damping) * update(model, beta, &m, i, order);
                }
                std::mem::swap(&mut m, &mut next);
            }
        }
        passes += 1;
    };
    let ln_z = ln_z(model, beta, &m, order);
    Ok(Magnetisations { magnetisation: m, ln_z, verdict, residual, passes, tolerance, order })
}

/// The mean of spin `i` that its equation asks for, the other means given.
fn update<M: Pairs>(model: &M, beta: f64, m: &[f64], i: usize, order: PlefkaOrder) -> f64 {
    match order {
        PlefkaOrder::First => {
            libm::tanh(beta * (model.field(i) + model.row(i).map(|(j, w)| w * m[j]).sum::<f64>()))
        }
        PlefkaOrder::Second => {
            let (mut sum, mut reaction) = (0.0, 0.0);
            for (j, w) in model.row(i) {
                sum += w * m[j];
                reaction += (beta * w) * (beta * w) * (1.0 - m[j] * m[j]);
            }
            libm::tanh(reacting(beta * (model.field(i) + sum), reaction))
        }
    }
}

/// The x with x = a - c tanh x, c >= 0: Newton steps that stay between a - c and a + c.
fn reacting(a: f64, c: f64) -> f64 {
    let (mut low, mut high) = (a - c, a + c);
    let mut x = a / (1.0 + c);
    for _ in 0..100 {
        let t = libm::tanh(x);
        let value = x + c * t - a;
        if value > 0.0 {
            high = x;
        } else {
            low = x;
        }
        let newton = x - value / (1.0 + c * (1.0 - t * t));
        let next = if newton >= low && newton <= high { newton } else { 0.5 * (low + high) };
        if (next - x).abs() <= 2.0 * f64::EPSILON * x.abs() {
            return next;
        }
        x = next;
    }
    x
}
