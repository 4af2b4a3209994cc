//! Exact ln Z, marginals, samples and ground states on sparse graphs, by variable elimination.
//!
//! The cost grows as 2^width, the width that [`smml_core::factor_graph`] finds for the graph; an L × M lattice has about
//! its shorter side (twice that on a torus). Nothing is allocated before the width is known to fit the limit.

use super::Ising;
use smml_core::{
    energy::Energy,
    error::{Result, finite},
    factor_graph::{Elimination, ExactOptions, FactorGraph},
    rng::Draw,
};

/// The Boltzmann distribution of the model as a factor graph: ln ψ = β J s s' for every pair and β h s for every field.
/// Value 0 of a variable is spin -1, value 1 is spin +1.
pub fn factor_graph(ising: &Ising, beta: f64) -> Result<FactorGraph> {
    finite("beta", beta)?;
    let mut graph = FactorGraph::new(&vec![2; ising.n_spins()])?;
    for (i, h) in ising.fields().iter().enumerate() {
        if *h != 0.0 {
            graph.add(&[i], &[-beta * h, beta * h])?;
        }
    }
    for (i, j, coupling) in ising.couplings().edges() {
        let x = beta * coupling;
        graph.add(&[i as usize, j as usize], &[x, -x, -x, x])?;
    }
    Ok(graph)
}

/// ln Z(β).
///
/// Errors: β that is not finite, a width that does not fit into `options.max_bytes`.
///
/// ```
/// use smml_core::factor_graph::ExactOptions;
/// use smml_physics::ising::{Boundary, SquareLattice, elimination};
/// let glass = SquareLattice::with_couplings(12, 12, Boundary::Open, |i, j| if (i * j) % 3 == 0 { -1.0 } else { 1.0 }, |_| 0.1)?.ising()?;
/// let ln_z = elimination::ln_z(&glass, 1.0, &ExactOptions::default())?;
/// # assert!(ln_z > 144.0 * 2f64.ln());
/// # Ok::<(), smml_core::Error>(())
/// ```
pub fn ln_z(ising: &Ising, beta: f64, options: &ExactOptions) -> Result<f64> {
    let graph = factor_graph(ising, beta)?;
    Ok(Elimination::new(&graph, options)?.ln_z())
}

/// Exact averages of spins and bonds.
#[derive(Clone, Debug, PartialEq)]
pub struct SpinMarginals {
    /// ln Z.
    pub ln_z: f64,
    /// ⟨sᵢ⟩ of every spin.
    pub magnetisation: Vec<f64>,
    /// ⟨sᵢ sⱼ⟩ of every coupling, in the order of [`smml_core::graph::SparseGraph::edges`].
    pub correlation: Vec<f64>,
    /// ⟨E⟩.
    pub energy: f64,
}

/// Exact ⟨sᵢ⟩, ⟨sᵢ sⱼ⟩ and ⟨E⟩ at `beta`. Errors as for [`ln_z`].
pub fn marginals(ising: &Ising, beta: f64, options: &ExactOptions) -> Result<SpinMarginals> {
    let graph = factor_graph(ising, beta)?;
    let elimination = Elimination::new(&graph, options)?;
    let found = elimination.marginals()?;
    let magnetisation: Vec<f64> = found.variables.iter().map(|p| p[1] - p[0]).collect();
    // Pairs come after the fields in the factor graph.
    let n_fields = ising.fields().iter().filter(|h| **h != 0.0).count();
    let correlation: Vec<f64> = found.factors[n_fields..].iter().map(|p| p[0] - p[1] - p[2] + p[3]).collect();
    let pairs: f64 = ising.couplings().edges().zip(&correlation).map(|(e, c)| e.2 * c).sum();
    let fields: f64 = ising.fields().iter().zip(&magnetisation).map(|(h, m)| h * m).sum();
    Ok(SpinMarginals { ln_z: elimination.ln_z(), magnetisation, correlation, energy: -pairs - fields })
}

/// A ground state, and how many there are.
#[derive(Clone, Debug, PartialEq)]
pub struct GroundState {
    /// The lowest energy.
    pub energy: f64,
    /// A state that has it.
    pub spins: Vec<i8>,
    /// Number of states that have it: exact up to 2⁵³.
    pub count: f64,
    /// Its logarithm, the entropy at T = 0.
    pub entropy: f64,
}

/// The ground state by max-sum elimination. With integer couplings and fields ties are exact; else energies closer than
/// 1e-12 of Σ|J| + Σ|h| count as equal. Errors as for [`ln_z`].
pub fn ground_state(ising: &Ising, options: &ExactOptions) -> Result<GroundState> {
    let graph = factor_graph(ising, 1.0)?;
    let elimination = Elimination::new(&graph, options)?;
    let values = || ising.couplings().edges().map(|e| e.2).chain(ising.fields().iter().copied());
    let integer = values().all(|x| x.fract() == 0.0);
    let tolerance = if integer { 0.0 } else { 1e-12 * values().map(f64::abs).sum::<f64>() };
    let best = elimination.maximum()?;
    let maxima = elimination.maxima(tolerance)?;
    let spins: Vec<i8> = best.configuration.iter().map(|&v| if v == 1 { 1 } else { -1 }).collect();
    Ok(GroundState { energy: ising.energy(&spins), spins, count: maxima.count, entropy: maxima.ln_count })
}

/// `n` independent exact samples at `beta`: no Markov chain, no burn-in. Errors as for [`ln_z`].
pub fn sample(
    ising: &Ising,
    beta: f64,
    n: usize,
    options: &ExactOptions,
    rng: &mut impl Draw,
) -> Result<Vec<Vec<i8>>> {
    let graph = factor_graph(ising, beta)?;
    let drawn = Elimination::new(&graph, options)?.sample(n, rng)?;
    Ok(drawn.into_iter().map(|s| s.into_iter().map(|v| if v == 1 { 1 } else { -1 }).collect()).collect())
}
