//! A network whose outputs are energies of classes, under any of the ten losses of energy-based learning.

use super::{
    architecture::Architecture,
    labelled::Labelled,
    loss::{all_rows, check_fit},
    pass::{Rows, Workspace},
};
use crate::{
    ebm::loss::{Loss, MeanLoss},
    error::{Error, Result},
};
use smml_core::{
    energy::{Differentiable, Energy},
    error::not_negative,
    parallel::Par,
};

/// Most classes of a network.
const MAX_CLASSES: usize = 256;

/// L(W) = weighted mean over the examples of a loss of the energies E(c, x; W) = -z_c(x; W), plus λ/2 Σ W² over weights (not
/// biases). With two layers the energies are linear in x. Under `Loss::Nll { beta: 1.0 }` it is
/// [`Loss`](super::Loss), cross-entropy.
///
/// The state is the flat array of parameters that [`Architecture`] describes. An array of another length is outside the
/// domain: its energy is NaN.
#[derive(Clone, Copy, Debug)]
pub struct EnergyLoss<'a> {
    architecture: &'a Architecture,
    data: &'a Labelled,
    loss: Loss,
    l2: f64,
    par: Par,
}

impl<'a> EnergyLoss<'a> {
    /// λ = `l2`, not negative. `par` never changes a result.
    ///
    /// Errors: inputs or classes that are not those of the data, a parameter of the loss out of range, LVQ2 as a ratio
    /// (these energies can be negative), λ negative or not finite.
    pub fn new(
        architecture: &'a Architecture,
        data: &'a Labelled,
        loss: Loss,
        l2: f64,
        par: Par,
    ) -> Result<Self> {
        check_fit(architecture, data)?;
        let loss = loss.checked_for(f64::NEG_INFINITY)?;
        Ok(EnergyLoss { architecture, data, loss, l2: not_negative("l2", l2)?, par })
    }
    /// The network's shape.
    pub fn architecture(&self) -> &'a Architecture {
        self.architecture
    }
    /// The examples.
    pub fn data(&self) -> &'a Labelled {
        self.data
    }
    /// The loss of one example.
    pub fn loss(&self) -> Loss {
        self.loss
    }
    /// E(c, x; W) of all examples and classes, examples × classes. Errors: a W of another length.
    pub fn energies(&self, w: &[f64]) -> Result<Vec<f64>> {
        if w.len() != self.architecture.n_parameters() {
            return Err(Error::length("W", w.len(), self.architecture.n_parameters()));
        }
        let rows = Rows { labels: &[], ..all_rows(self.data) };
        let mut energies = Vec::with_capacity(self.data.len() * self.architecture.n_classes());
        let layer = self.architecture.n_maps();
        Workspace::default().values(self.architecture, w, &rows, self.par, layer, |z| {
            energies.extend(z.iter().map(|z| -z));
        });
        Ok(energies)
    }
    /// L of each example, not weighted and without the penalty. Errors: a W of another length.
    pub fn values(&self, w: &[f64]) -> Result<Vec<f64>> {
        let n = self.architecture.n_classes();
        let mut slopes = vec![0.0; n];
        let energies = self.energies(w)?;
        let rows = energies.chunks_exact(n).zip(self.data.labels());
        Ok(rows.map(|(e, y)| self.loss.of_energies(e, usize::from(*y), &mut slopes)).collect())
    }
    /// The loss of one row; its logits become ∂L/∂z = -∂L/∂E.
    fn head(&self, z: &mut [f64], label: usize) -> f64 {
        let (mut energies, mut slopes) = ([0.0; MAX_CLASSES], [0.0; MAX_CLASSES]);
        let (energies, slopes) = (&mut energies[..z.len()], &mut slopes[..z.len()]);
        energies.iter_mut().zip(&*z).for_each(|(e, z)| *e = -z);
        let value = self.loss.of_energies(energies, label, slopes);
        z.iter_mut().zip(slopes).for_each(|(z, s)| *z = -*s);
        value
    }
    fn penalty(&self, w: &[f64]) -> f64 {
        let mut squares = 0.0;
        if self.l2 > 0.0 {
            for m in 0..self.architecture.n_maps() {
                squares += w[self.architecture.map(m).0].iter().map(|w| w * w).sum::<f64>();
            }
        }
        0.5 * self.l2 * squares
    }
}

impl Energy for EnergyLoss<'_> {
    type State = Vec<f64>;
    fn energy(&self, w: &Vec<f64>) -> f64 {
        if w.len() != self.architecture.n_parameters() {
            return f64::NAN;
        }
        let head = |z: &mut [f64], label: usize| self.head(z, label);
        let rows = Rows { head: Some(&head), ..all_rows(self.data) };
        Workspace::default().loss(self.architecture, w, &rows, self.par) + self.penalty(w)
    }
}

impl Differentiable for EnergyLoss<'_> {
    type Scratch = Workspace;
    fn value_and_gradient(&self, w: &[f64], gradient: &mut [f64], scratch: &mut Workspace) -> f64 {
        if w.len() != self.architecture.n_parameters() || gradient.len() != w.len() {
            gradient.fill(f64::NAN);
            return f64::NAN;
        }
        let head = |z: &mut [f64], label: usize| self.head(z, label);
        let rows = Rows { head: Some(&head), ..all_rows(self.data) };
        let value = scratch.gradient(self.architecture, w, &rows, self.par, gradient);
        if self.l2 > 0.0 {
            for m in 0..self.architecture.n_maps() {
                let weights = self.architecture.map(m).0;
                gradient[weights.clone()].iter_mut().zip(&w[weights]).for_each(|(g, w)| *g += self.l2 * w);
            }
        }
        value + self.penalty(w)
    }
}

impl MeanLoss for EnergyLoss<'_> {
    fn n_parameters(&self) -> usize {
        self.architecture.n_parameters()
    }
    fn n_examples(&self) -> usize {
        self.data.len()
    }
    fn batch(&self, w: &[f64], picked: &[u32], gradient: &mut [f64], scratch: &mut Workspace) -> f64 {
        let head = |z: &mut [f64], label: usize| self.head(z, label);
        let rows = Rows { picked: Some(picked), n: picked.len(), head: Some(&head), ..all_rows(self.data) };
        scratch.gradient(self.architecture, w, &rows, self.par, gradient)
    }
}
