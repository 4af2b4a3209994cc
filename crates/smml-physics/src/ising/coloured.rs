//! Sweeps colour by colour: spins of one colour do not interact, so they are drawn together, on any number of threads.
//! On the square lattice with two colours this is the checkerboard sweep.

use super::Ising;
use serde::{Deserialize, Serialize};
use smml_core::{
    energy::{Conditional, Energy, Finite, LocalEnergy, Reference},
    error::Result,
    graph::Colouring,
    kernel::{Kernel, Step},
    parallel::{self, Par},
    rng::Draw,
};

/// An Ising model with a colouring of its graph: the same energy and states.
///
/// ```
/// use smml_core::{chain::Chain, energy::Reference, rng::Streams};
/// use smml_physics::ising::{Boundary, Coloured, ColourSweep, SquareLattice};
/// let model = Coloured::new(SquareLattice::uniform(64, 64, Boundary::Periodic, 1.0, 0.0)?.ising()?);
/// assert_eq!(model.colouring().n_colours(), 2);
/// let mut rng = Streams::new(1).stream("start", 0);
/// let mut chain = Chain::new(ColourSweep::default(), model.draw(&mut rng), rng);
/// chain.advance(&model, 0.3, 10);
/// # Ok::<(), smml_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Coloured {
    ising: Ising,
    colouring: Colouring,
}

impl Coloured {
    /// With the two sides of a bipartite graph, else with the colours that DSATUR finds.
    pub fn new(ising: Ising) -> Self {
        let colouring = Colouring::dsatur(ising.couplings());
        Coloured { ising, colouring }
    }
    /// With a colouring of one's own.
    ///
    /// Errors: a colouring of another graph, or one that gives coupled spins the same colour.
    pub fn with_colouring(ising: Ising, colouring: Colouring) -> Result<Self> {
        colouring.check(ising.couplings())?;
        Ok(Coloured { ising, colouring })
    }
    /// The model.
    pub fn ising(&self) -> &Ising {
        &self.ising
    }
    /// The colouring.
    pub fn colouring(&self) -> &Colouring {
        &self.colouring
    }
}

impl Energy for Coloured {
    type State = Vec<i8>;
    fn energy(&self, s: &Vec<i8>) -> f64 {
        self.ising.energy(s)
    }
}

impl LocalEnergy for Coloured {
    type Move = usize;
    fn propose<R: Draw>(&self, s: &Vec<i8>, rng: &mut R) -> usize {
        self.ising.propose(s, rng)
    }
    fn delta(&self, s: &Vec<i8>, i: &usize) -> f64 {
        self.ising.delta(s, i)
    }
    fn apply(&self, s: &mut Vec<i8>, i: &usize) {
        self.ising.apply(s, i);
    }
}

impl Conditional for Coloured {
    fn n_sites(&self) -> usize {
        self.ising.n_sites()
    }
    fn resample<R: Draw>(&self, s: &mut Vec<i8>, i: usize, beta: f64, rng: &mut R) -> bool {
        self.ising.resample(s, i, beta, rng)
    }
}

impl Reference for Coloured {
    fn draw<R: Draw>(&self, rng: &mut R) -> Vec<i8> {
        self.ising.draw(rng)
    }
    fn ln_z_reference(&self) -> f64 {
        self.ising.ln_z_reference()
    }
}

impl Finite for Coloured {
    fn n_states(&self) -> Option<usize> {
        self.ising.n_states()
    }
    fn state(&self, index: usize) -> Vec<i8> {
        self.ising.state(index)
    }
    fn index(&self, s: &Vec<i8>) -> usize {
        self.ising.index(s)
    }
}

/// How the spins of one colour are drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// From the conditional distribution (for Ising spins Glauber's rule).
    #[default]
    HeatBath,
    /// A flip is proposed, and accepted with probability min(1, exp(-β ΔE)).
    Metropolis,
}

/// Every spin once, colour by colour. Stationary, not reversible: the reversed order of colours is another kernel.
///
/// The same states for any number of threads: spins are drawn in pieces of fixed size, each with a generator of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColourSweep {
    /// How spins are drawn.
    pub rule: Rule,
    /// Whether pieces of one colour go to rayon's pool: worth it from some 10⁵ spins on.
    #[serde(skip)]
    pub par: Par,
}

/// Spins of one piece of work.
const PIECE: usize = 16_384;

impl Kernel<Coloured> for ColourSweep {
    fn step<R: Draw>(&mut self, model: &Coloured, s: &mut Vec<i8>, beta: f64, rng: &mut R) -> Step {
        let ising = &model.ising;
        let mut flipped = 0;
        for class in model.colouring.classes() {
            let mut pieces: Vec<(R, &[u32], Vec<u32>)> =
                class.chunks(PIECE).map(|piece| (rng.fork(), piece, Vec::new())).collect();
            let spins = &*s;
            parallel::each(self.par, &mut pieces, |_, (rng, piece, flips)| {
                flips.extend(piece.iter().filter(|&&i| {
                    let i = i as usize;
                    let cost = 2.0 * beta * f64::from(spins[i]) * ising.local_field(spins, i);
                    match self.rule {
                        Rule::HeatBath => rng.chance(1.0 / (1.0 + libm::exp(cost))),
                        Rule::Metropolis => rng.accept(cost),
                    }
                }));
            });
            for (_, _, flips) in &pieces {
                flips.iter().for_each(|&i| s[i as usize] = -s[i as usize]);
                flipped += flips.len() as u64;
            }
        }
        Step { proposed: s.len() as u64, accepted: flipped }
    }
}
