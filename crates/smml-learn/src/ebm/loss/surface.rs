//! What training made of the energy surface: gaps, relief, and whether it collapsed.

use super::{
    kind::{Ask, Levels, Places},
    model::AnswerEnergies,
};
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use smml_core::{
    Estimate,
    parallel::{self, Par},
};

/// The energies of one example, seen from the right answer.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Surface {
    /// E⁻ - E⁺: the most offending wrong answer less the right one.
    pub gap: f64,
    /// max E - min E over all answers.
    pub relief: f64,
}

impl Surface {
    /// Of a list of energies. Panics when `right` is no answer, as a slice does.
    pub fn of_energies(energies: &[f64], right: usize) -> Self {
        let ask = Ask { offending: true, ..Ask::default() };
        let levels: Levels = Places::find(energies, right, |y| y != right, &ask).levels;
        Surface { gap: levels.gap(), relief: super::enumerated::range(energies) }
    }
    /// Of all examples. Errors: an example that does not fit, a W of another length.
    pub fn of_model<M: AnswerEnergies>(
        model: &M,
        w: &[f64],
        examples: &[M::Example],
        par: Par,
    ) -> Result<Vec<Self>> {
        if w.len() != model.n_parameters() {
            return Err(Error::length("W", w.len(), model.n_parameters()));
        }
        examples.iter().try_for_each(|e| model.check(e))?;
        const PIECE: usize = 64;
        let ask = Ask { offending: true, ..Ask::default() };
        let pieces = parallel::map(par, examples.len().div_ceil(PIECE), |k| {
            let mut scratch = M::Scratch::default();
            model.prepare(w, &mut scratch);
            let of_one = |e: &M::Example| {
                let gap = model.levels(w, e, &ask, &mut scratch).gap();
                Surface { gap, relief: model.relief(w, e, &mut scratch) }
            };
            examples[k * PIECE..examples.len().min((k + 1) * PIECE)].iter().map(of_one).collect::<Vec<_>>()
        });
        Ok(pieces.concat())
    }
}

/// What became of the surface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Flat: the mean relief is below [`FLAT`] of what it was at the start of training.
    Collapsed,
    /// Not flat, and the mean gap is above 0 by more than [`CLEAR`] standard errors.
    Separated,
    /// Neither.
    Unseparated,
}

impl Verdict {
    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Collapsed => "collapsed",
            Verdict::Separated => "separated",
            Verdict::Unseparated => "not separated",
        }
    }
}

/// Part of the relief at the start below which a surface counts as flat.
pub const FLAT: f64 = 0.01;
/// Standard errors by which a mean gap must be above 0.
pub const CLEAR: f64 = 3.0;

/// The surfaces of a set of examples after training, in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The mean gap, with its error for other examples of the same kind.
    pub gap: Estimate,
    /// The mean relief.
    pub relief: Estimate,
    /// The mean gap over the mean relief, in [-1, 1] and free of the unit of energy: the error is that of the gap alone.
    pub relative_gap: Estimate,
    /// The mean relief over that at the start.
    pub flatness: f64,
    /// The verdict by `flatness` and `gap`.
    pub verdict: Verdict,
}

impl Summary {
    /// Of surfaces now and at the start of training.
    ///
    /// Errors: fewer than two surfaces, an energy that is not finite, a flat start.
    pub fn new(now: &[Surface], start: &[Surface]) -> Result<Self> {
        let of = |s: &[Surface], f: fn(&Surface) -> f64| {
            Estimate::from_independent(&s.iter().map(f).collect::<Vec<_>>())
        };
        let (gap, relief) = (of(now, |s| s.gap)?, of(now, |s| s.relief)?);
        let before = of(start, |s| s.relief)?.value;
        if !(before > 0.0) {
            return Err(smml_core::Error::Undefined {
                what: "the flatness of the energy surface".into(),
                why: format!("the mean relief at the start is {before}"),
            }
            .into());
        }
        let flatness = relief.value / before;
        let clear = gap.value > CLEAR * gap.std_error;
        let verdict = match flatness < FLAT {
            true => Verdict::Collapsed,
            false if clear => Verdict::Separated,
            false => Verdict::Unseparated,
        };
        let scale = if relief.value > 0.0 { 1.0 / relief.value } else { 0.0 };
        Ok(Summary { gap, relief, relative_gap: gap.affine(0.0, scale), flatness, verdict })
    }
}
