//! Exact answers about a problem of any degree, by variable elimination on its factor graph.

use super::{Form, Problem};
use smml_core::{
    error::{Error, Result, finite},
    factor_graph::{Elimination, ExactOptions, FactorGraph},
};

/// Most variables of one term that becomes a factor.
const MAX_FACTOR: usize = 20;

/// What [`Problem::exact`] finds at an inverse temperature β; the energy of a configuration is its value (to minimise), or
/// minus its value (to maximise).
#[derive(Clone, Debug, PartialEq)]
pub struct Exact {
    /// ln Σ exp(-β E) over all configurations.
    pub ln_z: f64,
    /// Mean value ⟨value⟩ at β.
    pub mean_value: f64,
    /// Entropy ln Z + β ⟨E⟩.
    pub entropy: f64,
    /// For each variable the probability that it is 1.
    pub probability: Vec<f64>,
    /// The best value.
    pub best_value: f64,
    /// A configuration that has it, as spins: [`Problem::configuration`] gives it in the problem's form.
    pub best: Vec<i8>,
    /// Number of configurations that have it: exact up to 2⁵³. With coefficients that are not whole numbers, values
    /// closer than 10⁻¹² of the sum of all |coefficients| count as equal.
    pub n_best: f64,
}

impl Problem {
    /// The Boltzmann distribution as a factor graph, without the constant: a factor for each term. Value 0 of a variable
    /// is 0 or -1.
    ///
    /// Errors: β that is not finite, a term of more than 20 variables.
    pub fn factor_graph(&self, beta: f64) -> Result<FactorGraph> {
        finite("beta", beta)?;
        let scale = -beta * self.sense().sign();
        let low = if self.form() == Form::Spin { -1.0 } else { 0.0 };
        let mut graph = FactorGraph::new(&vec![2; self.n_variables()])?;
        for (i, a) in self.linear().iter().enumerate() {
            if *a != 0.0 {
                graph.add(&[i], &[scale * a * low, scale * a])?;
            }
        }
        for (i, j, b) in self.pairs().edges() {
            let x = scale * b;
            graph.add(&[i as usize, j as usize], &[x * low * low, x * low, x * low, x])?;
        }
        for term in self.terms() {
            let literals: Vec<(u32, bool)> = term.literals().collect();
            let d = literals.len();
            if d > MAX_FACTOR {
                let allowed = format!("at most {MAX_FACTOR} for an exact answer");
                return Err(Error::out_of_range("degree of a term", d, allowed));
            }
            let scope: Vec<usize> = literals.iter().map(|l| l.0 as usize).collect();
            let table: Vec<f64> = (0..1usize << d)
                .map(|index| {
                    // The first variable of the scope varies slowest.
                    let product: f64 = literals
                        .iter()
                        .enumerate()
                        .map(|(k, (_, complement))| {
                            let one = (index >> (d - 1 - k) & 1 == 1) != *complement;
                            if one { 1.0 } else { low }
                        })
                        .product();
                    scale * term.coefficient() * product
                })
                .collect();
            graph.add(&scope, &table)?;
        }
        Ok(graph)
    }

    /// Exact averages at β, and the best configurations with their number.
    ///
    /// The cost grows as 2^width of the graph of terms; nothing is allocated before the width is known to fit
    /// `options.max_bytes`.
    ///
    /// ```
    /// use smml_core::{factor_graph::ExactOptions, graph::SparseGraph};
    /// use smml_physics::problem::Problem;
    /// // A ring of five: the largest cut has 4 edges, in 10 ways.
    /// let ring = SparseGraph::unweighted(5, &[(0, 1), (1, 2), (2, 3), (3, 4), (4, 0)])?;
    /// let exact = Problem::max_cut(&ring)?.exact(1.0, &ExactOptions::default())?;
    /// assert_eq!((exact.best_value, exact.n_best), (4.0, 10.0));
    /// # Ok::<(), smml_core::Error>(())
    /// ```
    ///
    /// Errors: as [`Problem::factor_graph`], [`Error::TooLarge`] for a graph that is too wide.
    pub fn exact(&self, beta: f64, options: &ExactOptions) -> Result<Exact> {
        let graph = self.factor_graph(beta)?;
        let elimination = Elimination::new(&graph, options)?;
        let marginals = elimination.marginals()?;
        let sign = self.sense().sign();
        // At β = 0 factors say nothing of values: those of β = 1 do.
        let cold = self.factor_graph(1.0)?;
        let energy: f64 = cold
            .factors()
            .iter()
            .zip(&marginals.factors)
            .map(|(f, p)| f.ln_table().iter().zip(p).map(|(e, p)| -e * p).sum::<f64>())
            .sum::<f64>()
            + sign * self.offset();
        let ln_z = elimination.ln_z() - beta * sign * self.offset();
        let lowest = Elimination::new(&cold, options)?;
        let integer = cold.factors().iter().all(|f| f.ln_table().iter().all(|x| x.fract() == 0.0));
        let scale: f64 =
            cold.factors().iter().map(|f| f.ln_table().iter().fold(0.0, |m: f64, x| m.max(x.abs()))).sum();
        let tolerance = if integer { 0.0 } else { 1e-12 * scale };
        let found = lowest.maximum()?;
        let best: Vec<i8> = found.configuration.iter().map(|v| if *v == 1 { 1 } else { -1 }).collect();
        Ok(Exact {
            ln_z,
            mean_value: sign * energy,
            entropy: ln_z + beta * energy,
            probability: marginals.variables.iter().map(|p| p[1]).collect(),
            best_value: self.value(&best),
            best,
            n_best: lowest.maxima(tolerance)?.count,
        })
    }
}
