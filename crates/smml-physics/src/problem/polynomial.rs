//! The polynomial itself, and how it is built.

use serde::{Deserialize, Serialize};
use smml_core::{
    error::{Error, Result, all_finite, finite, same_length},
    graph::SparseGraph,
};

/// The values of the variables of a polynomial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// s = -1 or +1.
    Spin,
    /// x = 0 or 1.
    Binary,
}

/// What is asked of the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sense {
    /// The smallest value.
    Minimise,
    /// The largest value.
    Maximise,
}

impl Sense {
    /// The factor that makes of a value something to minimise: 1 or -1.
    pub fn sign(self) -> f64 {
        match self {
            Sense::Minimise => 1.0,
            Sense::Maximise => -1.0,
        }
    }
}

/// Most literals of a product.
pub const MAX_DEGREE: usize = 64;

/// A product of three or more literals with a coefficient: c Π lᵢ. A literal is a variable or, in binary form, its
/// complement 1 - x, so that a clause of any length is one product.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Term {
    pub(super) variables: Vec<u32>,
    pub(super) complemented: u64,
    pub(super) coefficient: f64,
}

impl Term {
    /// The variables, in increasing order.
    pub fn variables(&self) -> &[u32] {
        &self.variables
    }
    /// Whether literal `k` is the complement 1 - x of variable `k` of the term. Never in spin form.
    pub fn is_complemented(&self, k: usize) -> bool {
        k < MAX_DEGREE && self.complemented >> k & 1 == 1
    }
    /// The factor c.
    pub fn coefficient(&self) -> f64 {
        self.coefficient
    }
    /// Number of literals.
    pub fn degree(&self) -> usize {
        self.variables.len()
    }
    /// The literals as (variable, complemented).
    pub fn literals(&self) -> impl Iterator<Item = (u32, bool)> + '_ {
        self.variables.iter().enumerate().map(|(k, &v)| (v, self.is_complemented(k)))
    }
}

/// A polynomial in n binary variables that is to be minimised or maximised:
///
/// value = offset + Σ aᵢ xᵢ + Σ_{i<j} bᵢⱼ xᵢ xⱼ + Σ c_T Π_{i in T} lᵢ.
///
/// The value is what people quote: the weight of a cut, the value of a QUBO, the weight of satisfied clauses. States are
/// given as spins ±1 everywhere; in binary form spin up is x = 1.
///
/// ```
/// use smml_core::graph::SparseGraph;
/// use smml_physics::problem::Problem;
/// let triangle = SparseGraph::unweighted(3, &[(0, 1), (1, 2), (2, 0)])?;
/// let problem = Problem::max_cut(&triangle)?;
/// assert_eq!(problem.value(&[1, -1, 1]), 2.0);
/// # Ok::<(), smml_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawProblem")]
pub struct Problem {
    pub(super) form: Form,
    pub(super) sense: Sense,
    pub(super) offset: f64,
    pub(super) linear: Vec<f64>,
    pub(super) pairs: SparseGraph,
    pub(super) terms: Vec<Term>,
    pub(super) names: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct RawProblem {
    form: Form,
    sense: Sense,
    offset: f64,
    linear: Vec<f64>,
    pairs: SparseGraph,
    terms: Vec<Term>,
    names: Option<Vec<String>>,
}

impl TryFrom<RawProblem> for Problem {
    type Error = Error;
    fn try_from(raw: RawProblem) -> Result<Self> {
        let mut b = Builder::new(raw.form, raw.sense, raw.linear.len())?;
        same_length("vertices of the pairs", raw.pairs.n_vertices(), raw.linear.len())?;
        b.offset(raw.offset)?;
        for term in &raw.terms {
            let degree = term.variables.len();
            if !(3..=MAX_DEGREE).contains(&degree) {
                let allowed = format!("from 3 to {MAX_DEGREE}");
                return Err(Error::out_of_range("degree of a saved term", degree, allowed));
            }
            let literals: Vec<(u32, bool)> = term.literals().collect();
            b.product(&literals, term.coefficient)?;
        }
        b.linear = raw.linear;
        if let Some(names) = raw.names {
            b.names(names)?;
        }
        let pairs = raw.pairs;
        Ok(Problem { pairs, ..b.build()? })
    }
}

impl Problem {
    /// The largest cut of a weighted graph, in spin form: value = Σ_{i<j} wᵢⱼ (1 - sᵢ sⱼ) / 2.
    ///
    /// Errors: no vertices, weights whose sum is not finite.
    pub fn max_cut(graph: &SparseGraph) -> Result<Self> {
        let mut b = Builder::new(Form::Spin, Sense::Maximise, graph.n_vertices())?;
        b.offset(0.5 * graph.edges().map(|e| e.2).sum::<f64>())?;
        Ok(Problem { pairs: graph.map_weights(|_, _, w| -0.5 * w)?, ..b.build()? })
    }
    /// Number of variables.
    pub fn n_variables(&self) -> usize {
        self.linear.len()
    }
    /// The values of its variables.
    pub fn form(&self) -> Form {
        self.form
    }
    /// Whether it is minimised or maximised.
    pub fn sense(&self) -> Sense {
        self.sense
    }
    /// The constant.
    pub fn offset(&self) -> f64 {
        self.offset
    }
    /// The coefficients aᵢ.
    pub fn linear(&self) -> &[f64] {
        &self.linear
    }
    /// The coefficients bᵢⱼ.
    pub fn pairs(&self) -> &SparseGraph {
        &self.pairs
    }
    /// The products of three or more literals, ordered by their variables; none is there twice, none is 0.
    pub fn terms(&self) -> &[Term] {
        &self.terms
    }
    /// The largest number of literals of a product: 2 for a QUBO with couplings.
    pub fn degree(&self) -> usize {
        let low = match () {
            () if self.pairs.n_edges() > 0 => 2,
            () if self.linear.iter().any(|a| *a != 0.0) => 1,
            () => 0,
        };
        self.terms.iter().map(Term::degree).fold(low, usize::max)
    }
    /// Names of the variables, where a file gave them.
    pub fn names(&self) -> Option<&[String]> {
        self.names.as_deref()
    }
    /// The value of a state of spins; NaN for a state of another length.
    pub fn value(&self, spins: &[i8]) -> f64 {
        if spins.len() != self.n_variables() {
            return f64::NAN;
        }
        let x = |i: u32| match (self.form, spins[i as usize] > 0) {
            (_, true) => 1.0,
            (Form::Spin, false) => -1.0,
            (Form::Binary, false) => 0.0,
        };
        let literal = |(i, complemented)| if complemented { 1.0 - x(i) } else { x(i) };
        let linear: f64 = self.linear.iter().enumerate().map(|(i, a)| a * x(i as u32)).sum();
        let pairs: f64 = self.pairs.edges().map(|(i, j, b)| b * x(i) * x(j)).sum();
        let product = |t: &Term| t.literals().map(literal).product::<f64>();
        let terms: f64 = self.terms.iter().map(|t| t.coefficient * product(t)).sum();
        self.offset + linear + pairs + terms
    }
    /// A state of spins in the values of the problem's own variables (the same, or 0 and 1).
    pub fn configuration(&self, spins: &[i8]) -> Vec<i8> {
        match self.form {
            Form::Spin => spins.to_vec(),
            Form::Binary => spins.iter().map(|&s| i8::from(s > 0)).collect(),
        }
    }
    /// The spins of a configuration in the problem's own values: the inverse of [`Problem::configuration`].
    ///
    /// Errors: a wrong number of values, or values that the variables do not have.
    pub fn spins(&self, configuration: &[i8]) -> Result<Vec<i8>> {
        same_length("configuration", configuration.len(), self.n_variables())?;
        let (low, allowed) = match self.form {
            Form::Spin => (-1, "-1 or 1"),
            Form::Binary => (0, "0 or 1"),
        };
        let spin = |(i, &x): (usize, &i8)| match x {
            1 => Ok(1),
            x if x == low => Ok(-1),
            x => Err(Error::out_of_range(format!("variable {i}"), x, allowed)),
        };
        configuration.iter().enumerate().map(spin).collect()
    }
    /// The graph whose largest cut the problem asks for; `None` when it is no max-cut problem: it must be maximised, in
    /// spin form, of pairs alone, with the offset Σ w / 2 (to rounding) that makes the value a cut.
    pub fn cut_graph(&self) -> Option<SparseGraph> {
        let only_pairs = self.terms.is_empty() && self.linear.iter().all(|a| *a == 0.0);
        if self.form != Form::Spin || self.sense != Sense::Maximise || !only_pairs {
            return None;
        }
        let graph = self.pairs.map_weights(|_, _, b| -2.0 * b).ok()?;
        let (half, size) =
            graph.edges().fold((0.0, 0.0), |(s, a), (_, _, w)| (s + 0.5 * w, a + 0.5 * w.abs()));
        ((half - self.offset).abs() <= 1e-12 * size).then_some(graph)
    }
}

/// Collects the terms of a [`Problem`]. Equal products are added up; powers of a variable are reduced (s² = 1, x² = x).
///
/// ```
/// use smml_physics::problem::{Builder, Form, Sense};
/// let mut b = Builder::new(Form::Binary, Sense::Minimise, 4)?;
/// b.term(&[0, 1, 3], -2.0)?;
/// b.product(&[(1, true), (2, false)], 1.5)?; // 1.5 (1 - x₁) x₂
/// let problem = b.build()?;
/// assert_eq!((problem.degree(), problem.value(&[1, 1, 1, 1]), problem.value(&[1, -1, 1, 1])), (3, -2.0, 1.5));
/// # Ok::<(), smml_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Builder {
    form: Form,
    sense: Sense,
    offset: f64,
    linear: Vec<f64>,
    pairs: Vec<(u32, u32, f64)>,
    terms: Vec<Term>,
    names: Option<Vec<String>>,
}

impl Builder {
    /// No terms yet. Errors: no variables, or more than 2³² - 1.
    pub fn new(form: Form, sense: Sense, n_variables: usize) -> Result<Self> {
        if n_variables == 0 || n_variables > u32::MAX as usize {
            let allowed = format!("from 1 to {}", u32::MAX);
            return Err(Error::out_of_range("number of variables", n_variables, allowed));
        }
        Ok(Builder {
            form,
            sense,
            offset: 0.0,
            linear: vec![0.0; n_variables],
            pairs: Vec::new(),
            terms: Vec::new(),
            names: None,
        })
    }
    /// Adds to the constant. Errors: a number that is not finite.
    pub fn offset(&mut self, constant: f64) -> Result<&mut Self> {
        self.offset += finite("offset", constant)?;
        Ok(self)
    }
    /// Adds c Π xᵢ over `variables`, in any order; a variable may be there more than once, and none is a constant.
    ///
    /// Errors: a variable that does not exist, more than [`MAX_DEGREE`] factors, a number that is not finite.
    pub fn term(&mut self, variables: &[u32], coefficient: f64) -> Result<&mut Self> {
        let literals: Vec<(u32, bool)> = variables.iter().map(|&v| (v, false)).collect();
        self.product(&literals, coefficient)
    }
    /// Adds c Π lᵢ over `literals` (variable, complemented). A complement is 1 - x in binary form and -s in spin form.
    ///
    /// Errors: as [`Builder::term`].
    pub fn product(&mut self, literals: &[(u32, bool)], mut coefficient: f64) -> Result<&mut Self> {
        let n = self.linear.len();
        if let Some((v, _)) = literals.iter().find(|l| l.0 as usize >= n) {
            return Err(Error::out_of_range("variable of a term", v, format!("below {n}")));
        }
        finite("coefficient of a term", coefficient)?;
        let mut literals = literals.to_vec();
        literals.sort_unstable();
        match self.form {
            Form::Spin => {
                let odd = literals.iter().filter(|l| l.1).count() % 2 == 1;
                coefficient = if odd { -coefficient } else { coefficient };
                literals = literals
                    .chunk_by(|a, b| a.0 == b.0)
                    .filter(|same| same.len() % 2 == 1)
                    .map(|same| (same[0].0, false))
                    .collect();
            }
            Form::Binary => {
                literals.dedup();
                if literals.windows(2).any(|w| w[0].0 == w[1].0) {
                    return Ok(self); // x (1 - x) = 0
                }
            }
        }
        if literals.len() > MAX_DEGREE {
            return Err(Error::out_of_range(
                "degree of a term",
                literals.len(),
                format!("at most {MAX_DEGREE}"),
            ));
        }
        // A literal is α + β x.
        let parts = |complemented| if complemented { (1.0, -1.0) } else { (0.0, 1.0) };
        match literals[..] {
            [] => self.offset += coefficient,
            [(i, c)] => {
                let (constant, slope) = parts(c);
                self.offset += coefficient * constant;
                self.linear[i as usize] += coefficient * slope;
            }
            [(i, c), (j, d)] => {
                let ((a0, a1), (b0, b1)) = (parts(c), parts(d));
                self.offset += coefficient * a0 * b0;
                self.linear[i as usize] += coefficient * a1 * b0;
                self.linear[j as usize] += coefficient * a0 * b1;
                self.pairs.push((i, j, coefficient * a1 * b1));
            }
            _ => self.terms.push(Term {
                complemented: literals.iter().enumerate().fold(0, |m, (k, l)| m | u64::from(l.1) << k),
                variables: literals.iter().map(|l| l.0).collect(),
                coefficient,
            }),
        }
        Ok(self)
    }
    /// Names of the variables. Errors: not one for each variable.
    pub fn names(&mut self, names: Vec<String>) -> Result<&mut Self> {
        same_length("names of variables", names.len(), self.linear.len())?;
        self.names = Some(names);
        Ok(self)
    }
    /// The problem. Errors: sums that are not finite.
    pub fn build(self) -> Result<Problem> {
        finite("offset", self.offset)?;
        all_finite("linear coefficient", &self.linear)?;
        let pairs = SparseGraph::new(self.linear.len(), &self.pairs)?;
        let mut terms = self.terms;
        terms.sort_by(|a, b| (&a.variables, a.complemented).cmp(&(&b.variables, b.complemented)));
        terms.dedup_by(|next, kept| {
            let same = next.variables == kept.variables && next.complemented == kept.complemented;
            if same {
                kept.coefficient += next.coefficient;
            }
            same
        });
        terms.retain(|t| t.coefficient != 0.0);
        if let Some(t) = terms.iter().find(|t| !t.coefficient.is_finite()) {
            let name = format!("sum of the coefficients of the product of {:?}", t.variables);
            return Err(Error::out_of_range(name, t.coefficient, "finite"));
        }
        Ok(Problem {
            form: self.form,
            sense: self.sense,
            offset: self.offset,
            linear: self.linear,
            pairs,
            terms,
            names: self.names,
        })
    }
}
