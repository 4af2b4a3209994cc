//! What a network computes: layer sizes, activation, and where each parameter is.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use smml_core::rng::Draw;
use std::ops::Range;

/// The nonlinearity of the hidden units. The output layer has none: its values are logits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    /// max(0, z); its derivative at 0 is taken as 0.
    #[default]
    Relu,
    /// tanh z.
    Tanh,
}

impl Activation {
    /// f(z). A NaN stays a NaN.
    #[inline(always)]
    pub(crate) fn value(self, z: f64) -> f64 {
        match self {
            Activation::Relu => {
                if z < 0.0 {
                    0.0
                } else {
                    z
                }
            }
            Activation::Tanh => libm::tanh(z),
        }
    }
    /// f'(z), given f(z).
    #[inline(always)]
    pub(crate) fn slope(self, value: f64) -> f64 {
        match self {
            Activation::Relu => {
                if value > 0.0 {
                    1.0
                } else {
                    0.0
                }
            }
            Activation::Tanh => 1.0 - value * value,
        }
    }
}

/// Sizes of the layers, inputs first, classes last, and the activation between them.
///
/// Parameters are one flat array: for each layer the weights Wᵢⱼ (inputs × outputs, row by row), then its biases bⱼ;
/// zⱼ = bⱼ + Σᵢ aᵢ Wᵢⱼ.
///
/// ```
/// use smml_learn::network::{Activation, Architecture};
/// let a = Architecture::new(vec![784, 300, 10], Activation::Relu)?;
/// assert_eq!(a.n_parameters(), 784 * 300 + 300 + 300 * 10 + 10);
/// # Ok::<(), smml_learn::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Parts", into = "Parts")]
pub struct Architecture {
    layers: Vec<usize>,
    activation: Activation,
}

/// What is saved of an [`Architecture`].
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parts {
    layers: Vec<usize>,
    #[serde(default)]
    activation: Activation,
}

impl TryFrom<Parts> for Architecture {
    type Error = Error;
    fn try_from(p: Parts) -> Result<Self> {
        Architecture::new(p.layers, p.activation)
    }
}

impl From<Architecture> for Parts {
    fn from(a: Architecture) -> Parts {
        Parts { layers: a.layers, activation: a.activation }
    }
}

impl Architecture {
    /// The most parameters a network may have, 2²⁸ (2 GiB).
    pub const MAX_PARAMETERS: usize = 1 << 28;

    /// Layer sizes, inputs first, classes last; two sizes make multinomial logistic regression.
    ///
    /// Errors: fewer than two layers, an empty layer, a single class, more than [`Self::MAX_PARAMETERS`] parameters.
    pub fn new(layers: Vec<usize>, activation: Activation) -> Result<Self> {
        if layers.len() < 2 {
            return Err(Error::out_of_range("number of layers", layers.len(), "at least 2"));
        }
        if let Some(l) = layers.iter().position(|n| *n == 0) {
            return Err(Error::out_of_range(format!("units in layer {l}"), 0, "at least 1"));
        }
        let n_classes = layers[layers.len() - 1];
        if !(2..=256).contains(&n_classes) {
            return Err(Error::out_of_range("units in the last layer (classes)", n_classes, "in 2..=256"));
        }
        let total = layers.windows(2).try_fold(0usize, |total, l| {
            l[0].checked_add(1)?.checked_mul(l[1])?.checked_add(total).filter(|t| *t <= Self::MAX_PARAMETERS)
        });
        match total {
            Some(_) => Ok(Architecture { layers, activation }),
            None => Err(smml_core::Error::TooLarge {
                what: format!("a network of layers {layers:?}"),
                needed: "more parameters".into(),
                limit: format!("{} parameters", Self::MAX_PARAMETERS),
            }
            .into()),
        }
    }
    /// Sizes of the layers, inputs first.
    pub fn layers(&self) -> &[usize] {
        &self.layers
    }
    /// The activation of the hidden units.
    pub fn activation(&self) -> Activation {
        self.activation
    }
    /// Number of inputs.
    pub fn n_inputs(&self) -> usize {
        self.layers[0]
    }
    /// Number of classes.
    pub fn n_classes(&self) -> usize {
        self.layers[self.layers.len() - 1]
    }
    /// Number of weight matrices: layers less one.
    pub fn n_maps(&self) -> usize {
        self.layers.len() - 1
    }
    /// Number of weights and biases together.
    pub fn n_parameters(&self) -> usize {
        self.layers.windows(2).map(|l| (l[0] + 1) * l[1]).sum()
    }
    /// Where the weights from layer `map` to the next are among the parameters, and where its biases are. Panics when
    /// there is no such map.
    pub fn map(&self, map: usize) -> (Range<usize>, Range<usize>) {
        let start: usize = self.layers.windows(2).take(map).map(|l| (l[0] + 1) * l[1]).sum();
        let (n_in, n_out) = (self.layers[map], self.layers[map + 1]);
        let middle = start + n_in * n_out;
        (start..middle, middle..middle + n_out)
    }
    /// Parameters to start training from: biases 0, weights normal with variance 2 / inputs for ReLU (He et al. 2015)
    /// and 2 / (inputs + outputs) for tanh and for the last layer (Glorot and Bengio 2010).
    pub fn initial<R: Draw>(&self, rng: &mut R) -> Vec<f64> {
        let mut x = vec![0.0; self.n_parameters()];
        for m in 0..self.n_maps() {
            let (n_in, n_out) = (self.layers[m] as f64, self.layers[m + 1] as f64);
            let hidden_relu = self.activation == Activation::Relu && m + 1 < self.n_maps();
            let sigma = (2.0 / if hidden_relu { n_in } else { n_in + n_out }).sqrt();
            x[self.map(m).0].iter_mut().for_each(|w| *w = sigma * rng.normal());
        }
        x
    }
}
