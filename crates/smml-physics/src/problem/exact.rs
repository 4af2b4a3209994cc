//! Exact answers: about a problem of any degree by variable elimination on its factor graph, and the best configuration of a
//! planar one by matching.

use super::{Form, Problem};
use crate::{ising::Ising, planar::Embedding};
use smml_core::{
    error::{Error, Result, finite},
    factor_graph::{Elimination, ExactOptions, FactorGraph},
    parallel::Par,
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
    /// How far rounding may have moved ln Z and the entropy, at most; as a rule it is a hundredth of that.
    pub rounding: f64,
    /// A configuration that has it, as spins: [`Problem::configuration`] gives it in the problem's form.
    pub best: Vec<i8>,
    /// Number of configurations that have it: exact up to 2⁵³. With coefficients that are not whole numbers, values
    /// closer than 10⁻¹² of the sum of all |coefficients| count as equal.
    pub n_best: f64,
}

/// At this β, in steps of the energies, states above the lowest have no weight in `f64` beside them: e^-100 for each step.
const COLD: f64 = 100.0;

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
    /// Energies are multiples of the largest power of two u of which all coefficients are. Where β u is above 100 only the
    /// best configurations count, and β may be as large as one likes; else large β lose digits, see [`Exact::rounding`].
    ///
    /// Errors: as [`Problem::factor_graph`], [`Error::TooLarge`] for a graph that is too wide.
    pub fn exact(&self, beta: f64, options: &ExactOptions) -> Result<Exact> {
        finite("beta", beta)?;
        // At β = 0 factors say nothing of values: those of β = 1 do.
        let cold = self.factor_graph(1.0)?;
        let integer = cold.factors().iter().all(|f| f.ln_table().iter().all(|x| x.fract() == 0.0));
        let sizes = cold.factors().iter().map(|f| f.ln_table().iter().fold(0.0, |m: f64, x| m.max(x.abs())));
        let (scale, largest) = sizes.fold((0.0, 0.0f64), |(sum, most), size| (sum + size, most.max(size)));
        let unit = power_of_two_unit(cold.factors().iter().flat_map(|f| f.ln_table().iter().copied()));
        let near = unit.map_or(beta, |unit| beta.clamp(-COLD / unit, COLD / unit));
        let graph = self.factor_graph(near)?;
        let elimination = Elimination::new(&graph, options)?;
        let marginals = elimination.marginals()?;
        let sign = self.sense().sign();
        // Without the offset, which would only take digits from the entropy.
        let energy: f64 = cold
            .factors()
            .iter()
            .zip(&marginals.factors)
            .map(|(f, p)| f.ln_table().iter().zip(p).map(|(e, p)| -e * p).sum::<f64>())
            .sum();
        let entropy = elimination.ln_z() + near * energy;
        let lowest = Elimination::new(&cold, options)?;
        let tolerance = if integer { 0.0 } else { 1e-12 * scale };
        let found = lowest.maximum()?;
        let best: Vec<i8> = found.configuration.iter().map(|v| if *v == 1 { 1 } else { -1 }).collect();
        let energy = energy + sign * self.offset();
        Ok(Exact {
            ln_z: entropy - beta * energy,
            mean_value: sign * energy,
            entropy,
            probability: marginals.variables.iter().map(|p| p[1]).collect(),
            // ln Z is rounded at β scale, which goes into probabilities, and those times β times energies into the entropy.
            rounding: f64::EPSILON * near * near * scale * largest,
            best_value: self.value(&best),
            best,
            n_best: lowest.maxima(tolerance)?.count,
        })
    }
}

/// A best configuration of a planar problem, with its proof; see [`Problem::planar_best`].
#[derive(Clone, Debug, PartialEq)]
pub struct PlanarBest {
    /// The best value.
    pub value: f64,
    /// A configuration that has it, as spins.
    pub spins: Vec<i8>,
    /// The value that the proof allows at best: equal to `value`.
    pub bound: f64,
}

impl Problem {
    /// The best configuration of a problem whose pairs form a planar graph and that has no fields once it is written in
    /// spins (max-cut of a planar graph, say; pairs whose couplings are 0, or cancel, do not count), by matching: see [`crate::planar`]. Any width will do. `None` where that
    /// does not apply: products of three or more, fields, a graph that is not planar, or couplings that are not whole
    /// multiples of one power of two with a sum below 10¹⁵ of them.
    ///
    /// ```
    /// use smml_core::graph::SparseGraph;
    /// use smml_physics::problem::Problem;
    /// let ring = SparseGraph::unweighted(5, &[(0, 1), (1, 2), (2, 3), (3, 4), (4, 0)])?;
    /// let best = Problem::max_cut(&ring)?.planar_best()?.expect("a ring is planar");
    /// assert_eq!((best.value, best.bound), (4.0, 4.0));
    /// # Ok::<(), smml_core::Error>(())
    /// ```
    ///
    /// Errors: [`Error::NotConverged`] when the proof fails, which would be a fault of this code.
    pub fn planar_best(&self) -> Result<Option<PlanarBest>> {
        self.planar_best_with(Par::Rayon)
    }

    /// As [`Problem::planar_best`], with or without threads; the answer is the same.
    ///
    /// Errors: as [`Problem::planar_best`].
    pub fn planar_best_with(&self, par: Par) -> Result<Option<PlanarBest>> {
        if self.degree() > 2 {
            return Ok(None);
        }
        let form = self.ising()?;
        if form.ising.fields().iter().any(|h| *h != 0.0) {
            return Ok(None);
        }
        let couplings = form.ising.couplings();
        let Some(unit) = power_of_two_unit(couplings.edges().map(|e| e.2)) else { return Ok(None) };
        let total: f64 = couplings.edges().map(|e| (e.2 / unit).abs()).sum();
        if total > crate::planar::MAX_TOTAL {
            return Ok(None);
        }
        // Couplings that cancelled are no edges: they must not decide whether the graph is planar.
        let edges: Vec<(u32, u32, f64)> =
            couplings.edges().filter(|e| e.2 != 0.0).map(|(i, j, w)| (i, j, w / unit)).collect();
        let n = form.ising.n_spins();
        let whole = Ising::new(n, &edges, vec![0.0; n])?;
        let Some(embedding) = Embedding::of(whole.couplings()) else { return Ok(None) };
        let ground = crate::planar::ground_state_with(&whole, &embedding, par)?;
        Ok(Some(PlanarBest {
            value: self.value(&ground.spins),
            spins: ground.spins,
            bound: form.value(unit * ground.bound.energy),
        }))
    }
}

/// The largest power of two of which all numbers are whole multiples: 1 for no numbers but 0, `None` below 2⁻¹⁰⁰⁰.
fn power_of_two_unit(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut least = i32::MAX;
    for value in values.filter(|v| *v != 0.0) {
        let bits = value.to_bits();
        let exponent = (bits >> 52 & 0x7ff) as i32;
        if exponent == 0 {
            return None;
        }
        let mantissa = bits & ((1 << 52) - 1) | 1 << 52;
        least = least.min(exponent - 1075 + mantissa.trailing_zeros() as i32);
    }
    let least = if least == i32::MAX { 0 } else { least };
    (least > -1000).then(|| libm::ldexp(1.0, least))
}
