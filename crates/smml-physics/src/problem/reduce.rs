//! Products of three or more literals as pairs, with auxiliary variables.
//!
//! Sources: V. Kolmogorov and R. Zabih, IEEE Trans. Pattern Anal. Mach. Intell. 26, 147 (2004) and D. Freedman and
//! P. Drineas, CVPR 2005, for products with a negative coefficient.

use super::{Builder, Form, Problem, convert};
use smml_core::error::{Error, Result};

/// A quadratic problem with auxiliary variables behind those of the problem it came from.
///
/// For every state of the original variables, the best value over the auxiliary ones is the original value. So the optima
/// are the same, and the first variables of an optimum are an optimum.
#[derive(Clone, Debug, PartialEq)]
pub struct Reduced {
    /// The quadratic problem, in the form and sense of the original.
    pub problem: Problem,
    /// Number of original variables: they come first.
    pub n_variables: usize,
}

impl Reduced {
    /// The original variables of a state; `None` for a state that is too short.
    pub fn restrict<'a>(&self, spins: &'a [i8]) -> Option<&'a [i8]> {
        spins.get(..self.n_variables)
    }
}

/// A product of literals (variable, complemented) that is to be minimised.
type Product = (Vec<(u32, bool)>, f64);

impl Problem {
    /// The problem with pairs only, by auxiliary variables. With everything as a minimisation:
    ///
    /// - binary form, c < 0: c Π lᵢ = min_w c w (Σ lᵢ - k + 1), one auxiliary w for k literals;
    /// - binary form, c > 0: c l₁ L = c L - c (1 - l₁) L, whose second product is of the first kind; again until two
    ///   literals are left: k - 2 auxiliaries;
    /// - spin form, degree 4 and more: s₁ s₂ is replaced by an auxiliary t, and the penalty P (1 - s₁ s₂ t) / 2 with
    ///   P = 2 |c| is added. A wrong t costs P and gains at most 2 |c|, so a right t is always a best one. The products
    ///   of three spins that are left are written out in binary variables, with one auxiliary each.
    ///
    /// Errors: more than 2³² - 1 variables; coefficients that overflow.
    pub fn reduced(&self) -> Result<Reduced> {
        let n = self.n_variables();
        if self.terms.is_empty() {
            return Ok(Reduced { problem: self.clone(), n_variables: n });
        }
        let sign = self.sense.sign();
        let degrees: usize = self.terms.iter().map(|t| t.degree()).sum();
        // Spins: k - 3 parities and k - 2 cubic products; literals: k - 2.
        let most = n + 2 * degrees;
        if most > u32::MAX as usize {
            return Err(Error::TooLarge {
                what: "the reduction to pairs".into(),
                needed: format!("up to {most} variables"),
                limit: format!("{} variables", u32::MAX),
            });
        }
        let mut next = n as u32;
        let mut aux = || {
            next += 1;
            next - 1
        };
        // Everything of degree 3 and more, in binary literals.
        let mut products: Vec<Product> = Vec::new();
        let mut low = Builder::new(Form::Binary, self.sense, most)?;
        match self.form {
            Form::Binary => {
                products.extend(self.terms.iter().map(|t| (t.literals().collect(), sign * t.coefficient)))
            }
            Form::Spin => {
                let mut cubic = Builder::new(Form::Spin, self.sense, most)?;
                for t in &self.terms {
                    let penalty = 2.0 * t.coefficient.abs();
                    let mut rest = t.variables.clone();
                    while rest.len() > 3 {
                        let (a, b, parity) = (rest.remove(0), rest.remove(0), aux());
                        cubic.offset(0.5 * sign * penalty)?;
                        cubic.term(&[a, b, parity], -0.5 * sign * penalty)?;
                        rest.push(parity);
                    }
                    cubic.term(&rest, t.coefficient)?;
                }
                let cubic = cubic.build()?;
                low.offset(cubic.offset)?;
                // s = 2 x - 1: one product of three, and lower ones.
                for t in &cubic.terms {
                    let mut wide = Builder::new(Form::Binary, self.sense, 3)?;
                    let local = super::Term { variables: vec![0, 1, 2], ..t.clone() };
                    convert::expand(&local, -1.0, 2.0, &mut wide)?;
                    let part = wide.build()?;
                    low.offset(part.offset)?;
                    for (k, &v) in t.variables.iter().enumerate() {
                        low.term(&[v], part.linear[k])?;
                    }
                    for (i, j, b) in part.pairs.edges() {
                        low.term(&[t.variables[i as usize], t.variables[j as usize]], b)?;
                    }
                    let literals: Vec<(u32, bool)> = t.variables.iter().map(|&v| (v, false)).collect();
                    products.extend(part.terms.iter().map(|p| (literals.clone(), sign * p.coefficient)));
                }
            }
        }
        for (mut literals, coefficient) in products {
            if coefficient > 0.0 {
                while literals.len() > 2 {
                    literals[0].1 = !literals[0].1;
                    negative(&literals, coefficient, sign, aux(), &mut low)?;
                    literals.remove(0);
                }
                low.product(&literals, sign * coefficient)?;
            } else {
                negative(&literals, -coefficient, sign, aux(), &mut low)?;
            }
        }
        let total = next as usize;
        let low = low.build()?.truncated(total)?.to_form(self.form)?;
        self.joined(low, total)
    }

    /// The problem on its first `n` variables; the others must not occur.
    fn truncated(self, n: usize) -> Result<Problem> {
        let mut b = Builder::new(self.form, self.sense, n)?;
        b.offset(self.offset)?;
        for (i, &a) in self.linear.iter().enumerate().filter(|(_, a)| **a != 0.0) {
            b.term(&[i as u32], a)?;
        }
        for (i, j, w) in self.pairs.edges() {
            b.term(&[i, j], w)?;
        }
        b.build()
    }

    /// The low part of this problem and `other`, which has `total` variables.
    fn joined(&self, other: Problem, total: usize) -> Result<Reduced> {
        let mut b = Builder::new(self.form, self.sense, total)?;
        for part in [self, &other] {
            b.offset(part.offset)?;
            for (i, &a) in part.linear.iter().enumerate() {
                b.term(&[i as u32], a)?;
            }
            for (i, j, w) in part.pairs.edges() {
                b.term(&[i, j], w)?;
            }
        }
        if let Some(names) = &self.names {
            let more = (self.n_variables()..total).map(|k| format!("auxiliary {}", k - self.n_variables()));
            b.names(names.iter().cloned().chain(more).collect())?;
        }
        Ok(Reduced { problem: b.build()?, n_variables: self.n_variables() })
    }
}

/// -size Π l = min_w -size w (Σ l - k + 1), times `sign` for the sense of the builder.
fn negative(literals: &[(u32, bool)], size: f64, sign: f64, w: u32, b: &mut Builder) -> Result<()> {
    for &l in literals {
        b.product(&[l, (w, false)], -sign * size)?;
    }
    b.term(&[w], sign * size * (literals.len() as f64 - 1.0))?;
    Ok(())
}
