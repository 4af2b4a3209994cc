//! Classification by exact free energy over label units.

use super::{numeric::softplus_sum, rbm::Rbm};
use crate::{
    data::BinaryData,
    error::{Error, Result},
};
use smml_core::{
    Estimate,
    energy::ln_sum_exp,
    parallel::{self, Par},
};

/// A machine whose last visible units are one-hot labels.
///
/// P(c | v) ∝ exp(-F(v, c)) with F the free energy at label unit c on and the others off: exact, no sampling.
#[derive(Clone, Debug, PartialEq)]
pub struct Classifier<'a> {
    rbm: &'a Rbm,
    n_classes: usize,
}

impl<'a> Classifier<'a> {
    /// The last `n_classes` visible units of `rbm` are labels; at least one more is needed.
    ///
    /// Errors: fewer than three visible units, `n_classes` below 2, above 256 or not below the number of visible units.
    pub fn new(rbm: &'a Rbm, n_classes: usize) -> Result<Self> {
        if rbm.n_visible() < 3 {
            let allowed = "at least 3: two labels and a unit to classify by";
            return Err(Error::out_of_range("visible units of a classifier", rbm.n_visible(), allowed));
        }
        if n_classes < 2 || n_classes >= rbm.n_visible() || n_classes > 256 {
            let allowed = format!("in 2..={}", 256.min(rbm.n_visible() - 1));
            return Err(Error::out_of_range("number of classes", n_classes, allowed));
        }
        Ok(Classifier { rbm, n_classes })
    }
    fn n_main(&self) -> usize {
        self.rbm.n_visible() - self.n_classes
    }
    /// ln P(c | v) of every class for one row without labels.
    pub fn ln_probabilities(&self, row: &[u8]) -> Result<Vec<f64>> {
        if row.len() != self.n_main() {
            return Err(Error::length("row of data", row.len(), self.n_main()));
        }
        let (mut fields, mut with_label) = (Vec::new(), Vec::new());
        self.rbm.hidden_fields(row, &mut fields);
        let mut scores: Vec<f64> = (self.n_main()..self.rbm.n_visible())
            .map(|unit| {
                with_label.clear();
                with_label.extend(fields.iter().zip(self.rbm.row(unit)).map(|(f, w)| f + w));
                self.rbm.visible_bias()[unit] + softplus_sum(&with_label, 1.0)
            })
            .collect();
        let norm = ln_sum_exp(&scores);
        scores.iter_mut().for_each(|s| *s -= norm);
        Ok(scores)
    }
    /// The most probable class of every row; the lowest of equals.
    pub fn classify(&self, data: &BinaryData, par: Par) -> Result<Vec<u8>> {
        if data.width() != self.n_main() {
            return Err(Error::length("row of data", data.width(), self.n_main()));
        }
        parallel::map(par, data.len(), |m| {
            let scores = self.ln_probabilities(data.row(m))?;
            let mut best = 0;
            for c in 1..scores.len() {
                if scores[c] > scores[best] {
                    best = c;
                }
            }
            Ok(best as u8)
        })
        .into_iter()
        .collect()
    }
    /// The fraction of rows classified as labelled, with its error.
    pub fn accuracy(&self, data: &BinaryData, labels: &[u8], par: Par) -> Result<Estimate> {
        if labels.len() != data.len() {
            return Err(Error::length("labels", labels.len(), data.len()));
        }
        let found = self.classify(data, par)?;
        let hits = found.iter().zip(labels).filter(|(a, b)| a == b).count();
        Ok(Estimate::from_counts(hits as u64, labels.len() as u64)?)
    }
}

#[cfg(test)]
mod tests {
    use super::super::rbm::tests::{bits, random};
    use super::*;

    #[test]
    fn probabilities_are_the_conditionals_of_the_machine() {
        let rbm = random(4 + 3, 5, 1.0, 6);
        let classifier = Classifier::new(&rbm, 3).unwrap();
        for v in 0..16 {
            let row = bits(v, 4);
            let weights: Vec<f64> = (0..3)
                .map(|c| (-rbm.free_energy(&[row.clone(), bits(1 << c, 3)].concat(), 1.0)).exp())
                .collect();
            let total: f64 = weights.iter().sum();
            for (p, w) in classifier.ln_probabilities(&row).unwrap().iter().zip(&weights) {
                assert!((p.exp() - w / total).abs() < 1e-12);
            }
        }
        assert!(classifier.ln_probabilities(&[0; 5]).is_err());
        let text = Classifier::new(&random(1, 2, 1.0, 1), 2).unwrap_err().to_string();
        assert!(text.contains("visible units of a classifier = 1"), "{text}");
        assert!(Classifier::new(&rbm, 7).is_err() && Classifier::new(&rbm, 1).is_err());
    }
}
