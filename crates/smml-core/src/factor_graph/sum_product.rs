//! Belief propagation: sum-product and max-product messages on any factor graph. Exact on trees, an approximation
//! (a stationary point of the Bethe free energy) on graphs with loops.
//!
//! Messages are logarithms with their largest entry at 0, so no coupling is too strong. The cavity method for ensembles
//! of graphs lives in smml-physics.

use super::{FactorGraph, Maximum};
use crate::error::{Error, Result, positive};

mod messages;
use messages::Net;

/// What messages compute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Goal {
    /// Sums: marginals and ln Z.
    #[default]
    Marginals,
    /// Maxima: max-marginals and a configuration of large weight.
    Maximum,
}

/// In which order messages are computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MessageOrder {
    /// All at once, from those of the last sweep.
    Flooding,
    /// One factor after the other, from the latest messages, forth and back in turns.
    #[default]
    Sequential,
    /// The factor whose messages would change most is next (Elidan, McGraw and Koller 2006). An update looks at all
    /// factors around: with variables of many factors the other orders are quicker.
    Residual,
}

/// Belief propagation and how it is run.
///
/// ```
/// use smml_core::factor_graph::{BeliefPropagation, FactorGraph};
/// let mut chain = FactorGraph::new(&[2; 100])?;
/// chain.add(&[0], &[0.0, 1.0])?;
/// for i in 1..100 {
///     chain.add(&[i - 1, i], &[0.5, -0.5, -0.5, 0.5])?;
/// }
/// let beliefs = BeliefPropagation::default().run(&chain)?.converged()?;
/// assert!((beliefs.ln_z - chain.eliminate()?.ln_z()).abs() < 1e-10);
/// # Ok::<(), smml_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BeliefPropagation {
    /// Sums or maxima.
    pub goal: Goal,
    /// The order of messages.
    pub order: MessageOrder,
    /// Share of the old message (of its logarithm) in the new one, in [0, 1).
    pub damping: f64,
    /// Converged when no message changes by more than this: |Δ ln m| / (1 + |ln m|).
    pub tolerance: f64,
    /// Sweeps (updates of every factor, on average) after which to give up.
    pub max_sweeps: usize,
}

impl Default for BeliefPropagation {
    fn default() -> Self {
        BeliefPropagation {
            goal: Goal::Marginals,
            order: MessageOrder::Sequential,
            damping: 0.0,
            tolerance: 1e-11,
            max_sweeps: 1000,
        }
    }
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Convergence {
    /// No message changes by more than the tolerance.
    Converged {
        /// Sweeps done.
        sweeps: usize,
        /// Largest change in the end.
        residual: f64,
    },
    /// The sweeps ran out; the beliefs are those of the last messages and mean little.
    NotConverged {
        /// Sweeps done.
        sweeps: usize,
        /// Largest change in the end.
        residual: f64,
    },
}

/// What the messages say in the end.
#[derive(Clone, Debug, PartialEq)]
pub struct Beliefs {
    /// For each variable the probability of each value; for [`Goal::Maximum`] the largest weight with that value,
    /// relative to the best value's.
    pub variables: Vec<Vec<f64>>,
    /// The same for each factor's scope, laid out like its table.
    pub factors: Vec<Vec<f64>>,
    /// Bethe's approximation of ln Z (minus the Bethe free energy); for [`Goal::Maximum`] of the largest ln weight.
    /// Exact on trees.
    pub ln_z: f64,
    /// For [`Goal::Maximum`]: a configuration read from the beliefs and its true weight (-∞ when the reading failed).
    /// On trees a maximum, also when there are several.
    pub maximum: Option<Maximum>,
    /// Whether the messages converged.
    pub convergence: Convergence,
    tolerance: f64,
}

impl Beliefs {
    /// These beliefs, if the messages converged.
    ///
    /// # Errors
    /// [`Error::NotConverged`] with the last residual.
    pub fn converged(self) -> Result<Beliefs> {
        match self.convergence {
            Convergence::Converged { .. } => Ok(self),
            Convergence::NotConverged { sweeps, residual } => Err(Error::NotConverged {
                what: "belief propagation".into(),
                residual,
                iterations: sweeps,
                tolerance: self.tolerance,
            }),
        }
    }
}

impl BeliefPropagation {
    /// Passes messages on `graph` (given its evidence), from uniform ones, until they converge or sweeps run out.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for bad settings; [`Error::Undefined`] when the messages prove that no configuration is
    /// allowed. No convergence is not an error, but a [`Convergence`].
    pub fn run(&self, graph: &FactorGraph) -> Result<Beliefs> {
        if !(0.0..1.0).contains(&self.damping) {
            return Err(Error::out_of_range("damping", self.damping, "in [0, 1)"));
        }
        positive("tolerance", self.tolerance)?;
        if self.max_sweeps == 0 {
            return Err(Error::out_of_range("max_sweeps", 0, "at least 1"));
        }
        let mut net = Net::new(graph, self.goal, self.damping)?;
        let (sweeps, residual) = match self.order {
            MessageOrder::Flooding => net.flood(self.tolerance, self.max_sweeps)?,
            MessageOrder::Sequential => net.sweep(self.tolerance, self.max_sweeps)?,
            MessageOrder::Residual => net.chase(self.tolerance, self.max_sweeps)?,
        };
        let convergence = if residual <= self.tolerance {
            Convergence::Converged { sweeps, residual }
        } else {
            Convergence::NotConverged { sweeps, residual }
        };
        net.beliefs(graph, convergence, self.tolerance)
    }
}
