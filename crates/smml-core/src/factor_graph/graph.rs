//! The factor graph itself: variables, factors, evidence. No inference.

use crate::{
    error::{Error, Result, same_length},
    graph::SparseGraph,
};

/// Entries this large still add up without overflow for any graph that fits into memory.
const LN_LIMIT: f64 = 1e300;

/// A variable with more values would need messages and marginals larger than anything its factors hold.
const MAX_ARITY: usize = 1 << 16;

/// One factor: a table of ln ψ over the variables of its scope.
#[derive(Clone, Debug, PartialEq)]
pub struct Factor {
    pub(super) scope: Vec<usize>,
    pub(super) ln_table: Vec<f64>,
}

impl Factor {
    /// The variables, in the order of the table's axes.
    pub fn scope(&self) -> &[usize] {
        &self.scope
    }
    /// ln ψ for every assignment of the scope; the last variable of the scope runs fastest.
    pub fn ln_table(&self) -> &[f64] {
        &self.ln_table
    }
}

/// Discrete variables, factors over some of them, and possibly evidence.
///
/// The weight of a configuration x is Π_f ψ_f(x_f); configurations that contradict the evidence have weight 0.
/// Factors are given as ln ψ. -∞ (a forbidden assignment) is allowed; NaN, +∞ and magnitudes above 1e300 are not.
///
/// ```
/// use smml_core::factor_graph::FactorGraph;
/// // Three spins on a ring with coupling K = beta J; value 0 is spin down, 1 is up.
/// let k = 0.3;
/// let mut ring = FactorGraph::new(&[2, 2, 2])?;
/// for i in 0..3 {
///     ring.add(&[i, (i + 1) % 3], &[k, -k, -k, k])?;
/// }
/// let exact = ((2.0 * f64::cosh(k)).powi(3) + (2.0 * f64::sinh(k)).powi(3)).ln();
/// assert!((ring.eliminate()?.ln_z() - exact).abs() < 1e-14);
/// # Ok::<(), smml_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct FactorGraph {
    arities: Vec<usize>,
    evidence: Vec<Option<usize>>,
    factors: Vec<Factor>,
}

impl FactorGraph {
    /// Variables `0..arities.len()`; variable v takes the values `0..arities[v]`.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for an arity of 0 or above 65,536.
    pub fn new(arities: &[usize]) -> Result<Self> {
        if let Some(v) = arities.iter().position(|a| !(1..=MAX_ARITY).contains(a)) {
            return Err(Error::out_of_range(
                format!("arities[{v}]"),
                arities[v],
                format!("in 1..={MAX_ARITY}"),
            ));
        }
        Ok(FactorGraph {
            arities: arities.to_vec(),
            evidence: vec![None; arities.len()],
            factors: Vec::new(),
        })
    }

    /// Adds a factor and returns its number. `ln_table` holds ln ψ with the last variable of `scope` running fastest.
    /// An empty scope is a constant.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for a variable that does not exist or comes twice, or an entry that is not allowed;
    /// [`Error::Length`] when the table does not fit the scope.
    pub fn add(&mut self, scope: &[usize], ln_table: &[f64]) -> Result<usize> {
        let f = self.factors.len();
        self.check_scope(&format!("scope of factor {f}"), scope)?;
        let size =
            scope.iter().try_fold(1usize, |n, &v| n.checked_mul(self.arities[v])).unwrap_or(usize::MAX);
        same_length(&format!("the table of factor {f} over {scope:?}"), ln_table.len(), size)?;
        if let Some(k) = ln_table.iter().position(|&t| !(t == f64::NEG_INFINITY || t.abs() <= LN_LIMIT)) {
            let name = format!("entry {k} of the table of factor {f}");
            return Err(Error::out_of_range(name, ln_table[k], "-inf or of magnitude at most 1e300"));
        }
        self.factors.push(Factor { scope: scope.to_vec(), ln_table: ln_table.to_vec() });
        Ok(f)
    }

    pub(super) fn check_scope(&self, name: &str, scope: &[usize]) -> Result<()> {
        for (k, &v) in scope.iter().enumerate() {
            self.check_variable(name, v)?;
            if scope[..k].contains(&v) {
                return Err(Error::out_of_range(
                    name,
                    format!("{scope:?}"),
                    format!("free of repeats ({v} repeats)"),
                ));
            }
        }
        Ok(())
    }

    pub(super) fn check_variable(&self, name: &str, v: usize) -> Result<()> {
        if v < self.arities.len() {
            return Ok(());
        }
        Err(Error::out_of_range(name, v, format!("a variable below {}", self.arities.len())))
    }

    /// Number of variables, observed ones included.
    pub fn n_variables(&self) -> usize {
        self.arities.len()
    }
    /// Number of values of each variable.
    pub fn arities(&self) -> &[usize] {
        &self.arities
    }
    /// All factors, in the order they were added.
    pub fn factors(&self) -> &[Factor] {
        &self.factors
    }
    /// The observed value of each variable, where there is one.
    pub fn evidence(&self) -> &[Option<usize>] {
        &self.evidence
    }

    /// The same graph with the given `(variable, value)` pairs observed: every question is then answered given the
    /// evidence, and Z sums over the configurations that agree with it.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for an unknown variable or value, or for a variable observed with two values.
    pub fn condition(&self, evidence: &[(usize, usize)]) -> Result<FactorGraph> {
        let mut observed = self.clone();
        for &(v, x) in evidence {
            self.check_variable("observed variable", v)?;
            if x >= self.arities[v] {
                let name = format!("observed value of variable {v}");
                return Err(Error::out_of_range(name, x, format!("below {}", self.arities[v])));
            }
            match observed.evidence[v] {
                Some(y) if y != x => {
                    let name = format!("observed value of variable {v}");
                    return Err(Error::out_of_range(name, x, format!("{y}, which was observed already")));
                }
                _ => observed.evidence[v] = Some(x),
            }
        }
        Ok(observed)
    }

    /// ln Π_f ψ_f(x_f) of one configuration; -∞ when it contradicts the evidence.
    ///
    /// # Errors
    /// [`Error::Length`] or [`Error::OutOfRange`] when `configuration` is none of this graph.
    pub fn ln_weight(&self, configuration: &[usize]) -> Result<f64> {
        same_length("configuration", configuration.len(), self.n_variables())?;
        for (v, &x) in configuration.iter().enumerate() {
            if x >= self.arities[v] {
                return Err(Error::out_of_range(
                    format!("configuration[{v}]"),
                    x,
                    format!("below {}", self.arities[v]),
                ));
            }
        }
        if self.evidence.iter().zip(configuration).any(|(e, x)| e.is_some_and(|e| e != *x)) {
            return Ok(f64::NEG_INFINITY);
        }
        let entry =
            |f: &Factor| f.ln_table[f.scope.iter().fold(0, |at, &v| at * self.arities[v] + configuration[v])];
        Ok(self.factors.iter().map(entry).sum())
    }

    /// The graph in which two variables are neighbours when they share a factor; observed variables stand alone.
    /// Weights count the factors shared.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for more than 2³² - 1 variables.
    pub fn interaction_graph(&self) -> Result<SparseGraph> {
        if self.n_variables() > u32::MAX as usize {
            return Err(Error::out_of_range("number of variables", self.n_variables(), "below 2^32"));
        }
        let mut edges = Vec::new();
        for f in &self.factors {
            let free: Vec<u32> =
                f.scope.iter().filter(|&&v| self.evidence[v].is_none()).map(|&v| v as u32).collect();
            for (k, &i) in free.iter().enumerate() {
                edges.extend(free[..k].iter().map(|&j| (i, j)));
            }
        }
        SparseGraph::unweighted(self.n_variables(), &edges)
    }

    /// Scope and table of a factor once the observed variables are fixed.
    pub(super) fn reduced(&self, factor: &Factor) -> (Vec<usize>, Vec<f64>) {
        if factor.scope.iter().all(|&v| self.evidence[v].is_none()) {
            return (factor.scope.clone(), factor.ln_table.clone());
        }
        let mut offset = 0;
        let mut stride = 1;
        let mut axes = Vec::new(); // fastest first
        for &v in factor.scope.iter().rev() {
            match self.evidence[v] {
                Some(x) => offset += x * stride,
                None => axes.push((v, stride)),
            }
            stride *= self.arities[v];
        }
        let mut offsets = vec![offset];
        for &(v, stride) in axes.iter().rev() {
            offsets =
                offsets.iter().flat_map(|&o| (0..self.arities[v]).map(move |x| o + x * stride)).collect();
        }
        let table = offsets.iter().map(|&o| factor.ln_table[o]).collect();
        (axes.iter().rev().map(|a| a.0).collect(), table)
    }
}
