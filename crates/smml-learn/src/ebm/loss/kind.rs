//! The ten losses of energy-based learning, as functions of four energies of one example.

use crate::error::{Error, Result};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use smml_core::{
    error::positive,
    numeric::{sigmoid, softplus},
};

/// What a loss looks at: four energies of one example (Xᵢ, Yᵢ). Also the derivatives with respect to these.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Levels {
    /// E⁺ = E(Yᵢ, Xᵢ), of the right answer.
    pub right: f64,
    /// min over all answers Y, the right one among them, of E(Y, Xᵢ).
    pub lowest: f64,
    /// E⁻ = E(Ȳᵢ, Xᵢ), of the most offending incorrect answer: the least energy of all answers that are not right.
    pub offending: f64,
    /// The free energy F = -(1/β) ln Σ_Y exp(-β E(Y, Xᵢ)).
    pub free: f64,
}

impl Levels {
    /// E⁻ - E⁺: greater than 0 when the right answer is the only one of least energy.
    pub fn gap(&self) -> f64 {
        self.offending - self.right
    }
}

/// The levels that somebody needs besides that of the right answer. Those that nobody asks for may hold anything.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Ask {
    /// [`Levels::lowest`].
    pub lowest: bool,
    /// [`Levels::offending`].
    pub offending: bool,
    /// [`Levels::free`], at this β > 0.
    pub beta: Option<f64>,
}

/// What a loss demands of the gap E⁻ - E⁺ where it is least.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Margin {
    /// Nothing: no wrong answer is looked at. Where pulling the right energy down pulls all others down too, the surface
    /// collapses.
    None,
    /// No more than that the right answer is not above the others: a flat surface is as good as any.
    Zero,
    /// At least this.
    Finite(f64),
    /// More is always better: there is no least value at a finite gap.
    Unbounded,
}

/// What has to be known of the energies of an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// The energy of the right answer.
    Right,
    /// A search for the answer of least energy (equation 35), exact or not.
    Lowest,
    /// A search for the wrong answer of least energy.
    Offending,
    /// A sum over all answers: by enumeration, by a recursion where the energy is a chain, or, for the gradient, by
    /// answers drawn from the Gibbs distribution ([`contrastive_gradient`](super::contrastive_gradient)).
    Sum,
}

/// LVQ2 as a ratio, as it is known, and as a difference.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lvq2 {
    /// min(1, max(0, (E⁺ - E⁻) / (δ E⁻))), δ > 0: full as soon as E⁺ ≥ (1 + δ) E⁻. Only for energies that are not
    /// negative. Where E⁻ = 0 it is the limit, 1 for E⁺ > 0 and 0 for E⁺ = 0.
    Ratio(f64),
    /// min(M, max(0, E⁺ - E⁻)), M > 0: a variant for energies of any sign.
    Difference(f64),
}

/// A loss L of one example: small when the right answer has less energy than the wrong ones.
///
/// E⁺ is the energy of the right answer, E⁻ that of the most offending incorrect one, F = -(1/β) ln Σ_Y exp(-β E(Y)).
/// LeCun, Chopra, Hadsell, Ranzato and Huang, A tutorial on energy-based learning (2006), lists these ten; equations 38, 39
/// and 40 are the perceptron loss, the hinge loss and the negative log-likelihood.
///
/// | loss | L | convex in the energies | margin |
/// |---|---|---|---|
/// | `Energy` | E⁺ | yes | none |
/// | `Perceptron` | E⁺ - min E | yes | 0 |
/// | `Hinge` | max(0, m + E⁺ - E⁻) | yes | m |
/// | `Log` | ln(1 + exp(E⁺ - E⁻)) | yes | > 0 |
/// | `Lvq2` | see [`Lvq2`] | no | 0 |
/// | `Mce` | 1 / (1 + exp(E⁻ - E⁺)) | no | > 0 |
/// | `SquareSquare` | (E⁺)² + max(0, m - E⁻)² | yes | m |
/// | `SquareExponential` | (E⁺)² + γ exp(-E⁻) | yes | > 0 |
/// | `Nll` | E⁺ - F | yes | > 0 |
/// | `Mee` | 1 - exp(-β (E⁺ - F)) | no | > 0 |
///
/// Energies and margins share one unit, that of 1/β. At a kink the derivative is that of the side where the loss is
/// constant; of several answers of equal energy the first in the order of the answers is moved.
///
/// ```
/// use smml_learn::ebm::loss::Loss;
/// // Three answers; the second is right, the third offends most.
/// let mut slope = [0.0; 3];
/// let value = Loss::Hinge { margin: 1.0 }.of_energies(&[2.0, 0.5, 0.75], 1, &mut slope);
/// assert_eq!((value, slope), (0.75, [0.0, 1.0, -1.0]));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, remote = "Self")]
pub enum Loss {
    /// E⁺.
    Energy,
    /// E⁺ - min E: never negative (equation 38).
    Perceptron,
    /// max(0, m + E⁺ - E⁻) (equation 39).
    Hinge {
        /// m > 0.
        margin: f64,
    },
    /// ln(1 + exp(E⁺ - E⁻)).
    Log,
    /// Zero from equal energies on, and no more than a limit where the answer is wrong.
    Lvq2(Lvq2),
    /// Minimum classification error: 1 / (1 + exp(E⁻ - E⁺)).
    Mce,
    /// (E⁺)² + max(0, m - E⁻)².
    SquareSquare {
        /// m > 0.
        margin: f64,
    },
    /// (E⁺)² + γ exp(-E⁻).
    SquareExponential {
        /// γ > 0.
        gamma: f64,
    },
    /// Negative log-likelihood over β: E⁺ - F = -(1/β) ln P(Yᵢ | Xᵢ) (equation 40).
    Nll {
        /// β > 0.
        beta: f64,
    },
    /// Minimum empirical error: 1 - P(Yᵢ | Xᵢ) at β.
    Mee {
        /// β > 0.
        beta: f64,
    },
}

impl Serialize for Loss {
    fn serialize<S: Serializer>(&self, to: S) -> std::result::Result<S::Ok, S::Error> {
        Loss::serialize(self, to)
    }
}

/// What is read passes [`Loss::checked`].
impl<'de> Deserialize<'de> for Loss {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        Loss::deserialize(from)?.checked().map_err(serde::de::Error::custom)
    }
}

impl Loss {
    /// The ten losses with all their parameters 1 (LVQ2 in its form for energies of any sign), in the order of the table.
    pub const ALL: [Loss; 10] = [
        Loss::Energy,
        Loss::Perceptron,
        Loss::Hinge { margin: 1.0 },
        Loss::Log,
        Loss::Lvq2(Lvq2::Difference(1.0)),
        Loss::Mce,
        Loss::SquareSquare { margin: 1.0 },
        Loss::SquareExponential { gamma: 1.0 },
        Loss::Nll { beta: 1.0 },
        Loss::Mee { beta: 1.0 },
    ];

    /// The loss itself when its parameters are finite and greater than 0.
    pub fn checked(self) -> Result<Self> {
        match self {
            Loss::Energy | Loss::Perceptron | Loss::Log | Loss::Mce => {}
            Loss::Hinge { margin } | Loss::SquareSquare { margin } => {
                positive("margin", margin)?;
            }
            Loss::Lvq2(Lvq2::Ratio(delta)) => {
                positive("delta", delta)?;
            }
            Loss::Lvq2(Lvq2::Difference(cap)) => {
                positive("cap", cap)?;
            }
            Loss::SquareExponential { gamma } => {
                positive("gamma", gamma)?;
            }
            Loss::Nll { beta } | Loss::Mee { beta } => {
                positive("beta", beta)?;
            }
        }
        Ok(self)
    }
    /// [`Loss::checked`], and refuses the ratio of LVQ2 where energies may lie below `lower_bound` < 0.
    pub(crate) fn checked_for(self, lower_bound: f64) -> Result<Self> {
        match self.checked()? {
            Loss::Lvq2(Lvq2::Ratio(_)) if !(lower_bound >= 0.0) => Err(Error::out_of_range(
                "lowest energy of the model, for LVQ2 as a ratio",
                lower_bound,
                "at least 0; for energies of any sign take LVQ2 as a difference",
            )),
            loss => Ok(loss),
        }
    }
    /// Its usual name, in lower case with hyphens.
    pub fn name(&self) -> &'static str {
        match self {
            Loss::Energy => "energy",
            Loss::Perceptron => "perceptron",
            Loss::Hinge { .. } => "hinge",
            Loss::Log => "log",
            Loss::Lvq2(_) => "lvq2",
            Loss::Mce => "mce",
            Loss::SquareSquare { .. } => "square-square",
            Loss::SquareExponential { .. } => "square-exponential",
            Loss::Nll { .. } => "nll",
            Loss::Mee { .. } => "mee",
        }
    }
    /// What it demands of the gap between right and wrong.
    pub fn margin(&self) -> Margin {
        match *self {
            Loss::Energy => Margin::None,
            Loss::Perceptron | Loss::Lvq2(_) => Margin::Zero,
            Loss::Hinge { margin } | Loss::SquareSquare { margin } => Margin::Finite(margin),
            Loss::Log | Loss::Mce | Loss::SquareExponential { .. } | Loss::Nll { .. } | Loss::Mee { .. } => {
                Margin::Unbounded
            }
        }
    }
    /// What it has to know.
    pub fn needs(&self) -> Needs {
        match self {
            Loss::Energy => Needs::Right,
            Loss::Perceptron => Needs::Lowest,
            Loss::Nll { .. } | Loss::Mee { .. } => Needs::Sum,
            _ => Needs::Offending,
        }
    }
    /// The levels it looks at.
    pub fn ask(&self) -> Ask {
        let beta = match *self {
            Loss::Nll { beta } | Loss::Mee { beta } => Some(beta),
            _ => None,
        };
        Ask { lowest: self.needs() == Needs::Lowest, offending: self.needs() == Needs::Offending, beta }
    }
    /// Whether it is a convex function of the energies of all answers.
    pub fn is_convex(&self) -> bool {
        !matches!(self, Loss::Lvq2(_) | Loss::Mce | Loss::Mee { .. })
    }

    /// L, and ∂L/∂ each level; 0 for levels it does not look at. NaN where a level it looks at is NaN.
    pub fn of_levels(&self, levels: &Levels) -> (f64, Levels) {
        let Levels { right, lowest, offending, free } = *levels;
        let d = right - offending;
        // A function of E⁺ - E⁻ with slope s.
        let between = |value: f64, s: f64| (value, Levels { right: s, offending: -s, ..Levels::default() });
        match *self {
            Loss::Energy => (right, Levels { right: 1.0, ..Levels::default() }),
            Loss::Perceptron => (right - lowest, Levels { right: 1.0, lowest: -1.0, ..Levels::default() }),
            Loss::Hinge { margin } => {
                let (value, slope) = ramp(margin + d);
                between(value, slope)
            }
            Loss::Log => between(softplus(d), sigmoid(d)),
            Loss::Lvq2(Lvq2::Difference(cap)) => {
                let (value, slope) = ramp(d);
                if value >= cap { between(cap, 0.0) } else { between(value, slope) }
            }
            Loss::Lvq2(Lvq2::Ratio(delta)) => {
                let (above, inside) = ramp(d);
                let full = delta * offending;
                if above == 0.0 || above >= full {
                    return between(if above > 0.0 { 1.0 } else { above }, 0.0);
                }
                // (E⁺/E⁻ - 1)/δ; a NaN stays one.
                let slope = inside / full;
                let pull =
                    Levels { right: slope, offending: -slope * right / offending, ..Levels::default() };
                (above / full, pull)
            }
            Loss::Mce => {
                let s = sigmoid(d);
                between(s, s * sigmoid(-d))
            }
            Loss::SquareSquare { margin } => {
                let (short, slope) = ramp(margin - offending);
                let pull =
                    Levels { right: 2.0 * right, offending: -2.0 * short * slope, ..Levels::default() };
                (right * right + short * short, pull)
            }
            Loss::SquareExponential { gamma } => {
                let push = gamma * libm::exp(-offending);
                let pull = Levels { right: 2.0 * right, offending: -push, ..Levels::default() };
                (right * right + push, pull)
            }
            Loss::Nll { .. } => (right - free, Levels { right: 1.0, free: -1.0, ..Levels::default() }),
            Loss::Mee { beta } => {
                let x = -beta * (right - free);
                let slope = beta * libm::exp(x);
                (-libm::expm1(x), Levels { right: slope, free: -slope, ..Levels::default() })
            }
        }
    }

    /// L of the energies of all answers, of which `right` is the right one; `gradient` is overwritten with ∂L/∂E.
    ///
    /// Without a wrong answer E⁻ is +∞. NaN where an energy is NaN. Panics when `right` is no answer or the lengths
    /// differ, as a slice does.
    pub fn of_energies(&self, energies: &[f64], right: usize, gradient: &mut [f64]) -> f64 {
        let ask = self.ask();
        let places = Places::find(energies, right, |y| y != right, &ask);
        let (value, pull) = self.of_levels(&places.levels);
        gradient.fill(0.0);
        places.spread(energies, right, &ask, &pull, |y, c| gradient[y] += c);
        value
    }
}

/// max(0, x) and its slope, which is 0 at 0; a NaN stays one.
fn ramp(x: f64) -> (f64, f64) {
    if x > 0.0 || x.is_nan() { (x, 1.0) } else { (0.0, 0.0) }
}

/// Levels of a list of energies, and which answers they belong to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Places {
    pub(crate) levels: Levels,
    lowest: usize,
    offending: Option<usize>,
}

impl Places {
    /// Of equal energies the first counts. Levels that nobody asks for are 0.
    pub(crate) fn find(energies: &[f64], right: usize, wrong: impl Fn(usize) -> bool, ask: &Ask) -> Self {
        let mut levels = Levels { right: energies[right], ..Levels::default() };
        let mut places = Places { levels, lowest: right, offending: None };
        if ask.lowest {
            let (at, value) = least(energies.iter().copied().enumerate());
            places.lowest = at.unwrap_or(right);
            levels.lowest = value;
        }
        if ask.offending {
            let (at, value) = least(energies.iter().copied().enumerate().filter(|(y, _)| wrong(*y)));
            places.offending = at;
            levels.offending = value;
        }
        if let Some(beta) = ask.beta {
            levels.free = free_energy(energies, beta);
        }
        places.levels = levels;
        places
    }
    /// Calls `add(answer, ∂L/∂E(answer))`, for several summands of one answer more than once.
    pub(crate) fn spread(
        &self,
        energies: &[f64],
        right: usize,
        ask: &Ask,
        pull: &Levels,
        mut add: impl FnMut(usize, f64),
    ) {
        add(right, pull.right);
        if ask.lowest {
            add(self.lowest, pull.lowest);
        }
        if let Some(y) = self.offending {
            add(y, pull.offending);
        }
        if let Some(beta) = ask.beta {
            // ∂F/∂E(y) = P(y).
            for (y, e) in energies.iter().enumerate() {
                add(y, pull.free * libm::exp(beta * (self.levels.free - e)));
            }
        }
    }
}

/// The first of the least values, and that value: +∞ of nothing, NaN where a value is NaN.
fn least(values: impl Iterator<Item = (usize, f64)>) -> (Option<usize>, f64) {
    values.fold((None, f64::INFINITY), |(at, low), (y, e)| {
        if low.is_nan() || !(e < low || e.is_nan() || at.is_none()) { (at, low) } else { (Some(y), e) }
    })
}

/// -(1/β) ln Σ exp(-β E), about the least energy, so that no large number is taken from another.
pub(crate) fn free_energy(energies: &[f64], beta: f64) -> f64 {
    let (_, low) = least(energies.iter().copied().enumerate());
    if !low.is_finite() {
        return low;
    }
    let sum: f64 = energies.iter().map(|e| libm::exp(-beta * (e - low))).sum();
    low - libm::log(sum) / beta
}
