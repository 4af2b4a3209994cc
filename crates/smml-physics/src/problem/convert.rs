//! Between spin and binary form, and from a problem to the Ising model.

use super::{Builder, Form, Problem, Sense, Term};
use crate::ising::Ising;
use smml_core::error::{Error, Result, finite};

/// Most products that a change of form may write out.
const MAX_PRODUCTS: u64 = 1 << 24;

/// A problem of degree 2 as an Ising model: the states that optimise the problem are the ground states, and the problem's
/// value of a state follows from its energy.
#[derive(Clone, Debug, PartialEq)]
pub struct IsingForm {
    /// The model.
    pub ising: Ising,
    /// The constant C of energy + C = ± value.
    pub offset: f64,
    /// Minimise: the value is energy + offset. Maximise: it is -(energy + offset).
    pub sense: Sense,
}

impl IsingForm {
    /// What the user quotes, from an energy of the model.
    pub fn value(&self, energy: f64) -> f64 {
        self.sense.sign() * (energy + self.offset)
    }
    /// The energy that belongs to a value, such as a best known one.
    pub fn energy(&self, value: f64) -> f64 {
        self.sense.sign() * value - self.offset
    }
}

impl Problem {
    /// The energy of a model as a problem to minimise, in spin form. Errors: none for a model that exists.
    pub fn from_ising(ising: &Ising) -> Result<Problem> {
        let mut b = Builder::new(Form::Spin, Sense::Minimise, ising.n_spins())?;
        for (i, h) in ising.fields().iter().enumerate() {
            b.term(&[i as u32], 0.0 - h)?;
        }
        Ok(Problem { pairs: ising.couplings().map_weights(|_, _, w| 0.0 - w)?, ..b.build()? })
    }

    /// The same problem as a minimisation: all coefficients change their sign when it was a maximisation.
    pub fn minimised(&self) -> Problem {
        if self.sense == Sense::Minimise {
            return self.clone();
        }
        let mut other = self.clone();
        other.sense = Sense::Minimise;
        // 0 - x and not -x: a coefficient 0 stays +0.
        other.offset = 0.0 - other.offset;
        other.linear.iter_mut().for_each(|a| *a = 0.0 - *a);
        other.terms.iter_mut().for_each(|t| t.coefficient = -t.coefficient);
        if let Ok(pairs) = other.pairs.map_weights(|_, _, b| 0.0 - b) {
            other.pairs = pairs; // the negative of a finite weight is finite
        }
        other
    }

    /// The same values in the other form, s = 2 x - 1, offset included. Exact when the coefficients are multiples of a
    /// power of two of moderate size (as integers are), else to rounding.
    ///
    /// A product of k literals becomes up to 2^k products.
    ///
    /// Errors: [`Error::TooLarge`] beyond 2²⁴ products; coefficients that overflow.
    pub fn to_form(&self, form: Form) -> Result<Problem> {
        if form == self.form {
            return Ok(self.clone());
        }
        let needed = self
            .terms
            .iter()
            .try_fold(0u64, |n, t| n.checked_add(1u64.checked_shl(t.degree() as u32)?))
            .unwrap_or(u64::MAX);
        if needed > MAX_PRODUCTS {
            return Err(Error::TooLarge {
                what: "the change between spin and binary form".into(),
                needed: format!("2^{} products or more", needed.ilog2()),
                limit: format!("2^{} products", MAX_PRODUCTS.ilog2()),
            });
        }
        // A variable of the old form is α + β y in one of the new form.
        let (alpha, beta) = match form {
            Form::Spin => (0.5, 0.5),
            Form::Binary => (-1.0, 2.0),
        };
        let mut b = Builder::new(form, self.sense, self.n_variables())?;
        b.offset(self.offset)?;
        for (i, &a) in self.linear.iter().enumerate() {
            b.offset(a * alpha)?;
            b.term(&[i as u32], a * beta)?;
        }
        for (i, j, w) in self.pairs.edges() {
            b.offset(w * alpha * alpha)?;
            b.term(&[i], w * alpha * beta)?.term(&[j], w * alpha * beta)?.term(&[i, j], w * beta * beta)?;
        }
        for t in &self.terms {
            expand(t, alpha, beta, &mut b)?;
        }
        if let Some(names) = &self.names {
            b.names(names.clone())?;
        }
        b.build()
    }

    /// The Ising model whose energy is the value (its negative, when the problem is maximised) up to a constant. Both
    /// forms of one problem give the same model.
    ///
    /// Errors: products of more than two variables ([`Problem::reduced`] does without them, [`Problem::higher_order`]
    /// takes them as they are); fields that overflow.
    pub fn ising(&self) -> Result<IsingForm> {
        if !self.terms.is_empty() {
            let allowed = "at most 2 for an Ising model: reduce the problem, or take its higher-order model";
            return Err(Error::out_of_range("degree of the problem", self.degree(), allowed));
        }
        self.quadratic_part()
    }

    /// [`Problem::ising`] of all but the higher products.
    pub(super) fn quadratic_part(&self) -> Result<IsingForm> {
        let sign = self.sense.sign();
        let (scale, mut offset) = match self.form {
            Form::Spin => (1.0, self.offset),
            Form::Binary => (0.25, self.offset),
        };
        let pairs = self.pairs.map_weights(|_, _, b| 0.0 - sign * scale * b)?;
        let mut fields: Vec<f64> = self.linear.clone();
        if self.form == Form::Binary {
            for (i, field) in fields.iter_mut().enumerate() {
                let row: f64 = self.pairs.neighbours(i).1.iter().sum();
                offset += 0.5 * *field + 0.125 * row; // every pair is in two rows
                *field = 0.5 * *field + 0.25 * row;
            }
        }
        fields.iter_mut().for_each(|h| *h = 0.0 - sign * *h);
        Ok(IsingForm {
            ising: Ising::on_graph(pairs, fields)?,
            offset: finite("offset", sign * offset)?,
            sense: self.sense,
        })
    }
}

/// Adds the product of a term, written out in the other form.
pub(super) fn expand(t: &Term, alpha: f64, beta: f64, b: &mut Builder) -> Result<()> {
    let k = t.degree();
    let mut variables = Vec::with_capacity(k);
    for subset in 0..1u64 << k {
        let mut coefficient = t.coefficient;
        variables.clear();
        for (bit, (v, complemented)) in t.literals().enumerate() {
            // 1 - (α + β y)
            let (constant, slope) = if complemented { (1.0 - alpha, -beta) } else { (alpha, beta) };
            if subset >> bit & 1 == 1 {
                variables.push(v);
                coefficient *= slope;
            } else {
                coefficient *= constant;
            }
        }
        b.term(&variables, coefficient)?;
    }
    Ok(())
}
