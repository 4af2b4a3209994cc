//! A network with its parameters: predictions, and how good they are.

use super::{
    architecture::Architecture,
    labelled::{Labelled, check_finite},
    loss::check_fit,
    pass::{Rows, Workspace, softmax},
};
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use smml_core::{
    Estimate,
    error::{all_finite, same_length},
    parallel::Par,
};

/// A network: shape and parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Parts", into = "Parts")]
pub struct Network {
    architecture: Architecture,
    parameters: Vec<f64>,
}

/// What is saved of a [`Network`].
#[derive(Serialize, Deserialize)]
struct Parts {
    architecture: Architecture,
    parameters: Vec<f64>,
}

impl TryFrom<Parts> for Network {
    type Error = Error;
    fn try_from(p: Parts) -> Result<Self> {
        Network::new(p.architecture, p.parameters)
    }
}

impl From<Network> for Parts {
    fn from(n: Network) -> Parts {
        Parts { architecture: n.architecture, parameters: n.parameters }
    }
}

impl Network {
    /// Errors: a wrong number of parameters, one that is not finite.
    pub fn new(architecture: Architecture, parameters: Vec<f64>) -> Result<Self> {
        if parameters.len() != architecture.n_parameters() {
            return Err(Error::length("parameters", parameters.len(), architecture.n_parameters()));
        }
        all_finite("parameter", &parameters)?;
        Ok(Network { architecture, parameters })
    }
    /// Its shape.
    pub fn architecture(&self) -> &Architecture {
        &self.architecture
    }
    /// Its parameters, in the order of [`Architecture`].
    pub fn parameters(&self) -> &[f64] {
        &self.parameters
    }

    fn outputs<T>(&self, features: &[f32], par: Par, f: impl FnMut(&[f64]) -> T) -> Result<Vec<T>> {
        self.values(self.architecture.n_maps(), features, par, f)
    }
    fn values<T>(
        &self,
        layer: usize,
        features: &[f32],
        par: Par,
        mut f: impl FnMut(&[f64]) -> T,
    ) -> Result<Vec<T>> {
        let width = self.architecture.n_inputs();
        let n = features.len() / width;
        if n * width != features.len() {
            return Err(Error::length("features", features.len(), n * width));
        }
        check_finite(features, width)?;
        let rows = Rows { features, labels: &[], weights: &[], picked: None, head: None, n };
        let mut out = Vec::with_capacity(n);
        let mut workspace = Workspace::default();
        let (mut row, mut bad) = (0, None);
        workspace.values(&self.architecture, &self.parameters, &rows, par, layer, |z| {
            if bad.is_none() {
                match z.iter().position(|z| !z.is_finite()) {
                    None => out.push(f(z)),
                    Some(unit) => bad = Some((row, unit, z[unit])),
                }
            }
            row += 1;
        });
        match bad {
            None => Ok(out),
            Some((row, unit, z)) => {
                let what = if layer == self.architecture.n_maps() { "logit of class" } else { "hidden unit" };
                let name = format!("{what} {unit} at row {row}");
                Err(Error::out_of_range(name, z, "finite: features or parameters are too large"))
            }
        }
    }
    /// The most probable class of each row of `features` (rows × inputs); of equal ones the first.
    ///
    /// Errors: an incomplete row, a feature that is not finite, logits that overflow.
    pub fn predict(&self, features: &[f32], par: Par) -> Result<Vec<u8>> {
        self.outputs(features, par, |z| {
            // There are at most 256 classes.
            (1..z.len()).fold(0, |best, c| if z[c] > z[best] { c } else { best }) as u8
        })
    }
    /// P(class | features) for each row, rows × classes. Errors as [`Network::predict`].
    pub fn probabilities(&self, features: &[f32], par: Par) -> Result<Vec<f64>> {
        let rows = self.outputs(features, par, |z| {
            let mut p = z.to_vec();
            softmax(&mut p, 0);
            p
        })?;
        Ok(rows.concat())
    }
    /// The last hidden layer for each row, rows × units: what the network makes of the features before it decides. The
    /// features themselves where there is no hidden layer. Errors as [`Network::predict`].
    pub fn hidden(&self, features: &[f32], par: Par) -> Result<Vec<f64>> {
        Ok(self.values(self.architecture.n_maps() - 1, features, par, <[f64]>::to_vec)?.concat())
    }
    /// -ln P(label | features), averaged over the examples. Errors: as [`Network::losses`], fewer than two examples.
    pub fn cross_entropy(&self, data: &Labelled, par: Par) -> Result<Estimate> {
        Ok(Estimate::from_independent(&self.losses(data, par)?)?)
    }
    /// -ln P(label | features) of each example, in nats.
    ///
    /// Errors: inputs or classes that are not those of the data, logits that overflow.
    pub fn losses(&self, data: &Labelled, par: Par) -> Result<Vec<f64>> {
        check_fit(&self.architecture, data)?;
        let mut labels = data.labels().iter();
        self.outputs(data.features(), par, |z| {
            softmax(&mut z.to_vec(), labels.next().map_or(0, |l| usize::from(*l)))
        })
    }
    /// How often each class was taken for each.
    pub fn confusion(&self, data: &Labelled, par: Par) -> Result<Confusion> {
        check_fit(&self.architecture, data)?;
        Confusion::new(self.architecture.n_classes(), data.labels(), &self.predict(data.features(), par)?)
    }
    /// The fraction of examples whose class is predicted, with its error for new examples of the same kind.
    pub fn accuracy(&self, data: &Labelled, par: Par) -> Result<Estimate> {
        self.confusion(data, par)?.accuracy()
    }
}

/// Counts of true class × predicted class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Confusion {
    n_classes: usize,
    counts: Vec<u64>,
}

impl Confusion {
    /// Counts of what was taken for what, by whatever means.
    ///
    /// Errors: as many predictions as labels are not there; a label or a prediction that is no class.
    ///
    /// ```
    /// use smml_learn::network::Confusion;
    /// let confusion = Confusion::new(2, &[0, 1, 1], &[0, 1, 0])?;
    /// assert_eq!((confusion.count(1, 0), confusion.recall(0)?.value), (1, 1.0));
    /// # Ok::<(), smml_learn::Error>(())
    /// ```
    pub fn new(n_classes: usize, labels: &[u8], predicted: &[u8]) -> Result<Self> {
        same_length("predictions", predicted.len(), labels.len())?;
        let mut counts = vec![0; n_classes * n_classes];
        for (name, of) in [("label", labels), ("prediction", predicted)] {
            if let Some(k) = of.iter().position(|c| usize::from(*c) >= n_classes) {
                return Err(Error::out_of_range(format!("{name} {k}"), of[k], format!("below {n_classes}")));
            }
        }
        for (label, class) in labels.iter().zip(predicted) {
            counts[usize::from(*label) * n_classes + usize::from(*class)] += 1;
        }
        Ok(Confusion { n_classes, counts })
    }
    /// Number of classes.
    pub fn n_classes(&self) -> usize {
        self.n_classes
    }
    /// Examples of class `label` that were predicted to be of class `class`; 0 for classes that do not exist.
    pub fn count(&self, label: usize, class: usize) -> u64 {
        if label < self.n_classes && class < self.n_classes {
            self.counts[label * self.n_classes + class]
        } else {
            0
        }
    }
    fn correct(&self) -> u64 {
        (0..self.n_classes).map(|c| self.count(c, c)).sum()
    }
    /// The fraction on the diagonal.
    pub fn accuracy(&self) -> Result<Estimate> {
        Ok(Estimate::from_counts(self.correct(), self.counts.iter().sum())?)
    }
    /// Of the examples of a class, the fraction predicted to be of it. Errors: a class without examples.
    pub fn recall(&self, class: usize) -> Result<Estimate> {
        let all = (0..self.n_classes).map(|c| self.count(class, c)).sum();
        Ok(Estimate::from_counts(self.count(class, class), all)?)
    }
    /// Of the examples predicted to be of a class, the fraction that is. Errors: a class never predicted.
    pub fn precision(&self, class: usize) -> Result<Estimate> {
        let all = (0..self.n_classes).map(|c| self.count(c, class)).sum();
        Ok(Estimate::from_counts(self.count(class, class), all)?)
    }
}
