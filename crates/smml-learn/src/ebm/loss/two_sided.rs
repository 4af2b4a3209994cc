//! Implicit regression: input and answer each go through a network of their own, and the energy is their distance.

use super::{
    enumerated::{draw_listed, first_least, range},
    kind::{Ask, Levels, Places},
    model::{AnswerEnergies, Answers},
};
use crate::{
    error::{Error, Result},
    network::{Activation, Architecture},
};
use serde::{Deserialize, Serialize};
use smml_core::{
    error::{all_finite, not_negative},
    rng::Draw,
};

/// E(Y, X; W) = ½ |G₁(X) - G₂(Y)|² with two dense networks, over a list of points as answers.
///
/// Both networks may learn to ignore what they see: then E = 0 everywhere, and the energy loss is content. So this is the
/// architecture that tells losses apart (LeCun et al. 2006, section 3.4 of their tutorial). No energy is below 0.
///
/// W holds the parameters of G₁, then those of G₂, each in the order of [`Architecture`]. Answers are real points; those no
/// farther than `tolerance` (Euclidean) from the right one are no wrong answers, as for a continuous Y.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawTwoSided")]
pub struct TwoSided {
    left: Architecture,
    right: Architecture,
    answers: Vec<f64>,
    tolerance: f64,
}

#[derive(Deserialize)]
struct RawTwoSided {
    left: Architecture,
    right: Architecture,
    answers: Vec<f64>,
    tolerance: f64,
}

impl TryFrom<RawTwoSided> for TwoSided {
    type Error = Error;
    fn try_from(raw: RawTwoSided) -> Result<Self> {
        TwoSided::new(raw.left, raw.right, raw.answers, raw.tolerance)
    }
}

/// A point X, and which of the answers is right for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// X.
    pub x: Vec<f64>,
    /// The number of the right answer.
    pub right: usize,
}

/// Working memory of [`TwoSided`].
#[derive(Clone, Debug, Default)]
pub struct TwoSidedScratch {
    left: Pass,
    /// One pass of G₂ for each answer, and ∂L/∂G₂ of it, kept until the end.
    right: Vec<Pass>,
    right_delta: Vec<f64>,
    energies: Vec<f64>,
    places: Option<Places>,
    pulls: Vec<f64>,
}

impl TwoSided {
    /// Networks `left` for X and `right` for Y with equally many outputs; `answers` row by row.
    ///
    /// Errors: outputs that differ in number, fewer than two answers, an incomplete or infinite one, a tolerance that is
    /// negative, not finite, or leaves no wrong answer to some answer.
    pub fn new(left: Architecture, right: Architecture, answers: Vec<f64>, tolerance: f64) -> Result<Self> {
        if left.n_classes() != right.n_classes() {
            return Err(Error::length(
                "outputs of the network of answers",
                right.n_classes(),
                left.n_classes(),
            ));
        }
        let width = right.n_inputs();
        if !answers.len().is_multiple_of(width) || answers.len() < 2 * width {
            return Err(Error::out_of_range(
                "coordinates of the answers",
                answers.len(),
                format!("a multiple of {width}, for at least two answers"),
            ));
        }
        all_finite("coordinate of the answers", &answers)?;
        not_negative("tolerance", tolerance)?;
        let model = TwoSided { left, right, answers, tolerance };
        if let Some(y) =
            (0..model.n_answers()).find(|&y| !(0..model.n_answers()).any(|z| model.is_wrong(y, z)))
        {
            return Err(Error::out_of_range(
                "tolerance",
                tolerance,
                format!("small enough that answer {y} has a wrong one beside it"),
            ));
        }
        Ok(model)
    }
    /// Number of answers.
    pub fn n_answers(&self) -> usize {
        self.answers.len() / self.right.n_inputs()
    }
    /// The coordinates of an answer. Panics when there is no such answer, as a slice does.
    pub fn answer(&self, y: usize) -> &[f64] {
        let width = self.right.n_inputs();
        &self.answers[y * width..(y + 1) * width]
    }
    /// The answer nearest to a point; of several the first.
    ///
    /// Errors: a point of another number of coordinates.
    pub fn nearest(&self, point: &[f64]) -> Result<usize> {
        if point.len() != self.right.n_inputs() {
            return Err(Error::length("point", point.len(), self.right.n_inputs()));
        }
        let distances: Vec<f64> = (0..self.n_answers()).map(|y| distance2(self.answer(y), point)).collect();
        Ok(first_least(&distances))
    }
    /// W to start from: both networks as [`Architecture::initial`] has it, with biases drawn too, from N(0, ½²), so that
    /// units bend in different places.
    pub fn initial<R: Draw>(&self, rng: &mut R) -> Vec<f64> {
        let mut w = Vec::with_capacity(self.n_parameters());
        for a in [&self.left, &self.right] {
            let mut part = a.initial(rng);
            for m in 0..a.n_maps() {
                part[a.map(m).1].iter_mut().for_each(|b| *b = 0.5 * rng.normal());
            }
            w.extend(part);
        }
        w
    }
    /// E(y, x; W) for all answers, for pictures of the energy surface.
    ///
    /// Errors: lengths that do not fit.
    pub fn energies(&self, w: &[f64], x: &[f64]) -> Result<Vec<f64>> {
        let example = Point { x: x.to_vec(), right: 0 };
        self.check(&example)?;
        if w.len() != self.n_parameters() {
            return Err(Error::length("W", w.len(), self.n_parameters()));
        }
        let mut scratch = TwoSidedScratch::default();
        self.prepare(w, &mut scratch);
        self.fill(w, &example, &mut scratch);
        Ok(scratch.energies)
    }
    fn is_wrong(&self, right: usize, y: usize) -> bool {
        y != right && distance2(self.answer(y), self.answer(right)) > self.tolerance * self.tolerance
    }
    fn split<'w>(&self, w: &'w [f64]) -> (&'w [f64], &'w [f64]) {
        w.split_at(self.left.n_parameters())
    }
    /// The energies of all answers, after `prepare`.
    fn fill(&self, w: &[f64], example: &Point, scratch: &mut TwoSidedScratch) {
        scratch.left.forward(&self.left, self.split(w).0, &example.x);
        let g = scratch.left.output();
        scratch.energies.clear();
        scratch.energies.extend(scratch.right.iter().map(|pass| 0.5 * distance2(g, pass.output())));
    }
}

fn distance2(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}

impl AnswerEnergies for TwoSided {
    type Example = Point;
    type Scratch = TwoSidedScratch;

    fn n_parameters(&self) -> usize {
        self.left.n_parameters() + self.right.n_parameters()
    }
    fn lower_bound(&self) -> f64 {
        0.0
    }
    fn check(&self, example: &Point) -> Result<()> {
        if example.x.len() != self.left.n_inputs() {
            return Err(Error::length("x", example.x.len(), self.left.n_inputs()));
        }
        all_finite("x", &example.x)?;
        if example.right < self.n_answers() {
            return Ok(());
        }
        Err(Error::out_of_range("right answer", example.right, format!("below {}", self.n_answers())))
    }
    /// G₂ of all answers: they are the same for every example.
    fn prepare(&self, w: &[f64], scratch: &mut TwoSidedScratch) {
        let n = self.n_answers();
        scratch.right.resize(n, Pass::default());
        for (y, pass) in scratch.right.iter_mut().enumerate() {
            pass.forward(&self.right, self.split(w).1, self.answer(y));
        }
        scratch.right_delta.clear();
        scratch.right_delta.resize(n * self.right.n_classes(), 0.0);
    }
    fn levels(&self, w: &[f64], example: &Point, ask: &Ask, scratch: &mut TwoSidedScratch) -> Levels {
        self.fill(w, example, scratch);
        let wrong = |y| self.is_wrong(example.right, y);
        let places = Places::find(&scratch.energies, example.right, wrong, ask);
        scratch.places = Some(places);
        places.levels
    }
    fn add_gradient(
        &self,
        w: &[f64],
        example: &Point,
        ask: &Ask,
        pull: &Levels,
        gradient: &mut [f64],
        scratch: &mut TwoSidedScratch,
    ) {
        let Some(places) = scratch.places else { return };
        let s = scratch;
        s.pulls.clear();
        s.pulls.resize(s.energies.len(), 0.0);
        places.spread(&s.energies, example.right, ask, pull, |y, c| s.pulls[y] += c);
        let width = self.right.n_classes();
        let mut delta = vec![0.0; width];
        for (y, c) in s.pulls.iter().enumerate().filter(|(_, c)| **c != 0.0) {
            let kept = &mut s.right_delta[y * width..(y + 1) * width];
            for (j, (a, b)) in s.left.output().iter().zip(s.right[y].output()).enumerate() {
                let d = c * (a - b);
                delta[j] += d;
                kept[j] -= d;
            }
        }
        let n = self.left.n_parameters();
        s.left.backward(&self.left, self.split(w).0, &delta, &mut gradient[..n]);
    }
    fn flush(&self, w: &[f64], gradient: &mut [f64], scratch: &mut TwoSidedScratch) {
        let n = self.left.n_parameters();
        let width = self.right.n_classes();
        let s = scratch;
        for (pass, delta) in s.right.iter_mut().zip(s.right_delta.chunks_exact(width)) {
            if delta.iter().any(|d| *d != 0.0) {
                pass.backward(&self.right, self.split(w).1, delta, &mut gradient[n..]);
            }
        }
        s.right_delta.fill(0.0);
    }
    fn relief(&self, w: &[f64], example: &Point, scratch: &mut TwoSidedScratch) -> f64 {
        self.prepare(w, scratch);
        self.fill(w, example, scratch);
        range(&scratch.energies)
    }
}

impl Answers for TwoSided {
    type Answer = usize;

    fn right(&self, example: &Point) -> usize {
        example.right
    }
    fn infer(&self, w: &[f64], example: &Point, scratch: &mut TwoSidedScratch) -> usize {
        self.prepare(w, scratch);
        self.fill(w, example, scratch);
        first_least(&scratch.energies)
    }
    fn answer_energy(
        &self,
        w: &[f64],
        example: &Point,
        answer: &usize,
        scratch: &mut TwoSidedScratch,
    ) -> f64 {
        self.prepare(w, scratch);
        self.fill(w, example, scratch);
        scratch.energies[*answer]
    }
    fn add_answer_gradient(
        &self,
        w: &[f64],
        example: &Point,
        answer: &usize,
        scale: f64,
        gradient: &mut [f64],
        scratch: &mut TwoSidedScratch,
    ) {
        self.prepare(w, scratch);
        let one = Point { x: example.x.clone(), right: *answer };
        let ask = Ask::default();
        self.levels(w, &one, &ask, scratch);
        let pull = Levels { right: scale, ..Levels::default() };
        self.add_gradient(w, &one, &ask, &pull, gradient, scratch);
        self.flush(w, gradient, scratch);
    }
    fn draw<R: Draw>(
        &self,
        w: &[f64],
        example: &Point,
        beta: f64,
        n: usize,
        rng: &mut R,
        scratch: &mut TwoSidedScratch,
    ) -> Vec<usize> {
        self.prepare(w, scratch);
        self.fill(w, example, scratch);
        draw_listed(&scratch.energies, beta, n, rng)
    }
}

/// One input on its way through a network, and back.
#[derive(Clone, Debug, Default)]
struct Pass {
    values: Vec<Vec<f64>>,
    delta: Vec<f64>,
    before: Vec<f64>,
}

impl Pass {
    fn forward(&mut self, a: &Architecture, w: &[f64], x: &[f64]) {
        self.values.resize(a.n_maps() + 1, Vec::new());
        self.values[0].clear();
        self.values[0].extend_from_slice(x);
        for m in 0..a.n_maps() {
            let (weights, biases) = a.map(m);
            let (done, rest) = self.values.split_at_mut(m + 1);
            let out = &mut rest[0];
            out.clear();
            out.extend_from_slice(&w[biases]);
            let n_out = out.len();
            for (v, row) in done[m].iter().zip(w[weights].chunks_exact(n_out)) {
                out.iter_mut().zip(row).for_each(|(z, w)| *z += v * w);
            }
            if m + 1 < a.n_maps() {
                let f: Activation = a.activation();
                out.iter_mut().for_each(|z| *z = f.value(*z));
            }
        }
    }
    fn output(&self) -> &[f64] {
        self.values.last().map_or(&[], Vec::as_slice)
    }
    /// Adds the gradient of an energy whose derivative with respect to the output is `delta`.
    fn backward(&mut self, a: &Architecture, w: &[f64], delta: &[f64], gradient: &mut [f64]) {
        self.delta.clear();
        self.delta.extend_from_slice(delta);
        for m in (0..a.n_maps()).rev() {
            let (weights, biases) = a.map(m);
            gradient[biases].iter_mut().zip(&self.delta).for_each(|(g, d)| *g += d);
            let n_out = self.delta.len();
            self.before.clear();
            let f = a.activation();
            let rows = w[weights.clone()].chunks_exact(n_out).zip(gradient[weights].chunks_exact_mut(n_out));
            for (v, (row, g)) in self.values[m].iter().zip(rows) {
                g.iter_mut().zip(&self.delta).for_each(|(g, d)| *g += v * d);
                let back: f64 = row.iter().zip(&self.delta).map(|(w, d)| w * d).sum();
                self.before.push(if m > 0 { back * f.slope(*v) } else { back });
            }
            std::mem::swap(&mut self.delta, &mut self.before);
        }
    }
}
