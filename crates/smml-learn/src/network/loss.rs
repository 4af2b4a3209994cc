//! The training loss as an energy of the parameters.

use super::{
    architecture::Architecture,
    labelled::Labelled,
    pass::{Rows, Workspace},
};
use crate::error::{Error, Result};
use smml_core::{
    energy::{Differentiable, Energy},
    error::not_negative,
    parallel::Par,
};

/// E(x) = weighted mean over the examples of -ln P(label | features, x), plus λ/2 Σ W² over weights (not biases); in nats.
///
/// The state is the flat array of parameters that [`Architecture`] describes. An array of another length is outside
/// the domain: its energy is NaN, which minimisers and samplers reject.
///
/// ```
/// use smml_core::{optimize::{Method, Stop, minimise}, parallel::Par, rng::Streams};
/// use smml_learn::network::{Activation, Architecture, Labelled, Loss};
/// let xor = Labelled::new(2, 2, vec![0., 0., 0., 1., 1., 0., 1., 1.], vec![0, 1, 1, 0])?;
/// let shape = Architecture::new(vec![2, 4, 2], Activation::Tanh)?;
/// let start = shape.initial(&mut Streams::new(1).stream("weights", 0));
/// let loss = Loss::new(&shape, &xor, 1e-4, Par::Serial)?;
/// let found = minimise(&loss, &start, &Method::default(), &Stop { gradient: 1e-6, ..Stop::default() })?;
/// assert!(found.value < 0.1);
/// # Ok::<(), smml_learn::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Loss<'a> {
    architecture: &'a Architecture,
    data: &'a Labelled,
    l2: f64,
    par: Par,
}

impl<'a> Loss<'a> {
    /// λ = `l2`, not negative. `par` says whether one evaluation may use several threads; it never changes a result.
    ///
    /// Errors: inputs or classes that are not those of the data, λ negative or not finite.
    pub fn new(architecture: &'a Architecture, data: &'a Labelled, l2: f64, par: Par) -> Result<Self> {
        check_fit(architecture, data)?;
        Ok(Loss { architecture, data, l2: not_negative("l2", l2)?, par })
    }
    /// The network's shape.
    pub fn architecture(&self) -> &'a Architecture {
        self.architecture
    }
    /// The examples.
    pub fn data(&self) -> &'a Labelled {
        self.data
    }
    /// λ.
    pub fn l2(&self) -> f64 {
        self.l2
    }
    fn rows(&self) -> Rows<'a> {
        all_rows(self.data)
    }
    /// λ/2 Σ W².
    pub(super) fn penalty(&self, x: &[f64]) -> f64 {
        let mut squares = 0.0;
        if self.l2 > 0.0 {
            for m in 0..self.architecture.n_maps() {
                squares += x[self.architecture.map(m).0].iter().map(|w| w * w).sum::<f64>();
            }
        }
        0.5 * self.l2 * squares
    }
}

pub(super) fn all_rows(data: &Labelled) -> Rows<'_> {
    Rows {
        features: data.features(),
        labels: data.labels(),
        weights: data.weights(),
        picked: None,
        head: None,
        n: data.len(),
    }
}

/// The network takes these features and knows these classes.
pub(super) fn check_fit(architecture: &Architecture, data: &Labelled) -> Result<()> {
    if data.width() != architecture.n_inputs() {
        return Err(Error::length("a row of features", data.width(), architecture.n_inputs()));
    }
    if data.n_classes() != architecture.n_classes() {
        return Err(Error::out_of_range(
            "number of classes in the data",
            data.n_classes(),
            format!("{}, the units of the last layer", architecture.n_classes()),
        ));
    }
    Ok(())
}

impl Energy for Loss<'_> {
    type State = Vec<f64>;
    fn energy(&self, x: &Vec<f64>) -> f64 {
        if x.len() != self.architecture.n_parameters() {
            return f64::NAN;
        }
        Workspace::default().loss(self.architecture, x, &self.rows(), self.par) + self.penalty(x)
    }
}

impl Differentiable for Loss<'_> {
    type Scratch = Workspace;
    fn value_and_gradient(&self, x: &[f64], gradient: &mut [f64], scratch: &mut Workspace) -> f64 {
        if x.len() != self.architecture.n_parameters() || gradient.len() != x.len() {
            gradient.fill(f64::NAN);
            return f64::NAN;
        }
        let value = scratch.gradient(self.architecture, x, &self.rows(), self.par, gradient);
        if self.l2 > 0.0 {
            for m in 0..self.architecture.n_maps() {
                let weights = self.architecture.map(m).0;
                gradient[weights.clone()].iter_mut().zip(&x[weights]).for_each(|(g, w)| *g += self.l2 * w);
            }
        }
        value + self.penalty(x)
    }
}
