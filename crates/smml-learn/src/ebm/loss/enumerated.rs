//! Any differentiable energy of the parameters, with few answers: they are enumerated.

use super::{
    kind::{Ask, Levels, Places},
    model::{AnswerEnergies, Answers},
};
use crate::error::{Error, Result};
use smml_core::{energy::Differentiable, rng::Draw};
use std::marker::PhantomData;

/// An input with the number of its right answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Labelled<X> {
    /// X.
    pub input: X,
    /// Yᵢ, below the number of answers.
    pub right: usize,
}

/// E(y, X; W) for y in `0..n_answers`, given as a [`Differentiable`] energy of W for each X and y.
///
/// ```
/// use smml_core::{optimize::{Function, Method, Stop, minimise}, parallel::Par};
/// use smml_learn::ebm::loss::{DataLoss, Enumerated, Labelled, Loss};
/// // Two classes on a line: E(y) = ∓ (w₀ x + w₁).
/// let model = Enumerated::new(2, 2, |x: &f64, y: usize| {
///     let (x, sign) = (*x, if y == 0 { -1.0 } else { 1.0 });
///     Function(move |w: &[f64], g: &mut [f64]| {
///         (g[0], g[1]) = (sign * x, sign);
///         sign * (w[0] * x + w[1])
///     })
/// })?;
/// let data = [(2.0, 0), (1.0, 0), (-1.0, 1), (0.5, 1)].map(|(input, right)| Labelled { input, right });
/// let loss = DataLoss::new(&model, &data, Loss::Nll { beta: 1.0 }, 1e-3, Par::Serial)?;
/// let found = minimise(&loss, &[0.0, 0.0], &Method::default(), &Stop::default())?;
/// assert!(found.x[0] > 0.0 && found.x[1] < 0.0); // the border lies between 0.5 and 1
/// # Ok::<(), smml_learn::Error>(())
/// ```
pub struct Enumerated<X, F> {
    n_parameters: usize,
    n_answers: usize,
    lower_bound: f64,
    energy: F,
    input: PhantomData<fn(&X)>,
}

impl<X, F> std::fmt::Debug for Enumerated<X, F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Enumerated")
            .field("n_parameters", &self.n_parameters)
            .field("n_answers", &self.n_answers)
            .field("lower_bound", &self.lower_bound)
            .finish_non_exhaustive()
    }
}

impl<X, D: Differentiable, F: Fn(&X, usize) -> D> Enumerated<X, F> {
    /// `energy(x, y)` is E(y, x; ·), of `n_parameters` coordinates.
    ///
    /// Errors: fewer than two answers.
    pub fn new(n_parameters: usize, n_answers: usize, energy: F) -> Result<Self> {
        if n_answers < 2 {
            return Err(Error::out_of_range("number of answers", n_answers, "at least 2"));
        }
        let lower_bound = f64::NEG_INFINITY;
        Ok(Enumerated { n_parameters, n_answers, lower_bound, energy, input: PhantomData })
    }
    /// The same model with the promise that no energy is below `lower_bound`.
    ///
    /// Errors: NaN.
    pub fn bounded(self, lower_bound: f64) -> Result<Self> {
        if lower_bound.is_nan() {
            return Err(Error::out_of_range("lower_bound", lower_bound, "a number"));
        }
        Ok(Enumerated { lower_bound, ..self })
    }
    /// Number of answers.
    pub fn n_answers(&self) -> usize {
        self.n_answers
    }
    fn energies<S: Default>(&self, w: &[f64], x: &X, scratch: &mut EnumeratedScratch<S>) {
        scratch.w.clear();
        scratch.w.extend_from_slice(w);
        scratch.energies.clear();
        scratch.energies.extend((0..self.n_answers).map(|y| (self.energy)(x, y).energy(&scratch.w)));
    }
}

/// Working memory of [`Enumerated`].
#[derive(Debug, Default)]
pub struct EnumeratedScratch<S> {
    w: Vec<f64>,
    energies: Vec<f64>,
    pulls: Vec<f64>,
    gradient: Vec<f64>,
    places: Option<Places>,
    inner: S,
}

impl<X: Sync, D: Differentiable, F: Fn(&X, usize) -> D + Sync> AnswerEnergies for Enumerated<X, F> {
    type Example = Labelled<X>;
    type Scratch = EnumeratedScratch<D::Scratch>;

    fn n_parameters(&self) -> usize {
        self.n_parameters
    }
    fn lower_bound(&self) -> f64 {
        self.lower_bound
    }
    fn check(&self, example: &Labelled<X>) -> Result<()> {
        if example.right < self.n_answers {
            return Ok(());
        }
        Err(Error::out_of_range("right answer", example.right, format!("below {}", self.n_answers)))
    }
    fn levels(&self, w: &[f64], example: &Labelled<X>, ask: &Ask, scratch: &mut Self::Scratch) -> Levels {
        self.energies(w, &example.input, scratch);
        let places = Places::find(&scratch.energies, example.right, |y| y != example.right, ask);
        scratch.places = Some(places);
        places.levels
    }
    fn add_gradient(
        &self,
        w: &[f64],
        example: &Labelled<X>,
        ask: &Ask,
        pull: &Levels,
        gradient: &mut [f64],
        scratch: &mut Self::Scratch,
    ) {
        let Some(places) = scratch.places else { return };
        let mut pulls = std::mem::take(&mut scratch.pulls);
        pulls.clear();
        pulls.resize(self.n_answers, 0.0);
        places.spread(&scratch.energies, example.right, ask, pull, |y, c| pulls[y] += c);
        for (y, c) in pulls.iter().enumerate().filter(|(_, c)| **c != 0.0) {
            self.add_answer_gradient(w, example, &y, *c, gradient, scratch);
        }
        scratch.pulls = pulls;
    }
    fn relief(&self, w: &[f64], example: &Labelled<X>, scratch: &mut Self::Scratch) -> f64 {
        self.energies(w, &example.input, scratch);
        range(&scratch.energies)
    }
}

/// Largest minus least; NaN where a value is NaN.
pub(super) fn range(energies: &[f64]) -> f64 {
    let (low, high) =
        energies.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), e| (l.min(*e), h.max(*e)));
    if energies.iter().any(|e| e.is_nan()) { f64::NAN } else { high - low }
}

/// The place of the first of the least.
pub(super) fn first_least(energies: &[f64]) -> usize {
    (1..energies.len()).fold(0, |best, y| if energies[y] < energies[best] { y } else { best })
}

impl<X: Sync, D: Differentiable, F: Fn(&X, usize) -> D + Sync> Answers for Enumerated<X, F> {
    type Answer = usize;

    fn right(&self, example: &Labelled<X>) -> usize {
        example.right
    }
    fn infer(&self, w: &[f64], example: &Labelled<X>, scratch: &mut Self::Scratch) -> usize {
        self.energies(w, &example.input, scratch);
        first_least(&scratch.energies)
    }
    fn answer_energy(
        &self,
        w: &[f64],
        example: &Labelled<X>,
        answer: &usize,
        scratch: &mut Self::Scratch,
    ) -> f64 {
        scratch.w.clear();
        scratch.w.extend_from_slice(w);
        (self.energy)(&example.input, *answer).energy(&scratch.w)
    }
    fn add_answer_gradient(
        &self,
        w: &[f64],
        example: &Labelled<X>,
        answer: &usize,
        scale: f64,
        gradient: &mut [f64],
        scratch: &mut Self::Scratch,
    ) {
        scratch.gradient.resize(self.n_parameters, 0.0);
        let energy = (self.energy)(&example.input, *answer);
        energy.value_and_gradient(w, &mut scratch.gradient, &mut scratch.inner);
        gradient.iter_mut().zip(&scratch.gradient).for_each(|(g, d)| *g += scale * d);
    }
    fn draw<R: Draw>(
        &self,
        w: &[f64],
        example: &Labelled<X>,
        beta: f64,
        n: usize,
        rng: &mut R,
        scratch: &mut Self::Scratch,
    ) -> Vec<usize> {
        self.energies(w, &example.input, scratch);
        draw_listed(&scratch.energies, beta, n, rng)
    }
}

/// `n` numbers with probability ∝ exp(-β E).
pub(super) fn draw_listed<R: Draw>(energies: &[f64], beta: f64, n: usize, rng: &mut R) -> Vec<usize> {
    let low = energies.iter().copied().fold(f64::INFINITY, f64::min);
    let weights: Vec<f64> = energies.iter().map(|e| libm::exp(-beta * (e - low))).collect();
    (0..n).map(|_| rng.choose(&weights)).collect()
}
