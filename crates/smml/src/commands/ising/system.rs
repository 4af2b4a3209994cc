//! The system of `smml ising`: a lattice as a graph, or packed into bits where that is possible, behind one type, and what
//! is measured on it.

use crate::{
    args::{
        IsingArgs,
        spins::{Edges, Lattice, SpinKernel, Start},
    },
    commands::lattices,
    error::Failure,
};
use serde::{Deserialize, Serialize};
use smml_core::{
    energy::{Energy, LocalEnergy, Reference},
    kernel::{Kernel, Step},
    rng::{Draw, Stream},
    sample::Metropolis,
};
use smml_physics::{
    cluster::{SwendsenWang, Wolff},
    glass::structure_factors,
    ising::{ColourSweep, Coloured, Ising, Rule, observe},
    lattice,
    packed::{PackedLattice, PackedSpins, PackedSweep},
};
use std::sync::Arc;

/// Spins on a lattice of one size. A clone shares everything.
#[derive(Clone)]
pub(super) struct System {
    pub(super) size: u32,
    pub(super) spins: Engine,
    /// The lattice, where correlations are measured on it.
    correlated: Option<Arc<lattice::Lattice>>,
}

/// How spins are held.
#[derive(Clone)]
pub(super) enum Engine {
    /// On a graph, with a colouring.
    Graph(Arc<Coloured>),
    /// A square or cubic torus with even sides and no field, a bit a spin.
    Packed(Arc<PackedLattice>),
}

/// Columns of a sample: energy, magnetisation, energy change of a probing flip; with correlations also the structure
/// factors at 0 and at 2π/L, and the correlation at one distance.
pub(super) const COLUMNS: usize = 3;
pub(super) const CORRELATED_COLUMNS: usize = 6;

/// Their state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Spins {
    Plain(Vec<i8>),
    Packed(PackedSpins),
}

/// Sites of the lattice of this size.
pub(super) fn n_sites(args: &IsingArgs, size: u32) -> u128 {
    lattices::n_sites(args.lattice, size)
}

/// Whether the spins can be packed: see [`PackedLattice`].
pub(super) fn is_packed(args: &IsingArgs, size: u32) -> bool {
    let by_colour = matches!(args.kernel, SpinKernel::HeatBath | SpinKernel::Checkerboard);
    let even = size >= 4 && size.is_multiple_of(2);
    let lattice = matches!(args.lattice, Lattice::Square | Lattice::Cubic);
    by_colour && even && lattice && args.boundary == Edges::Periodic && args.field == 0.0
}

/// The lattice as a graph.
pub(super) fn graph(args: &IsingArgs, size: u32) -> Result<Ising, Failure> {
    Ok(Ising::in_field(
        lattices::build(args.lattice, size, args.boundary)?.graph(args.coupling)?,
        args.field,
    )?)
}

impl System {
    pub(super) fn new(args: &IsingArgs, size: u32) -> Result<Self, Failure> {
        let l = size as usize;
        let spins = if is_packed(args, size) {
            Engine::Packed(Arc::new(match args.lattice {
                Lattice::Cubic => PackedLattice::cubic(l, l, l, args.coupling),
                _ => PackedLattice::square(l, l, args.coupling),
            }?))
        } else {
            Engine::Graph(Arc::new(Coloured::new(graph(args, size)?)))
        };
        let correlated = if args.correlations {
            let hypercubic = matches!(args.lattice, Lattice::Chain | Lattice::Square | Lattice::Cubic);
            if !hypercubic || args.boundary != Edges::Periodic || size < 2 {
                return Err(Failure::Usage(
                    "--correlations: for chains, square and cubic lattices that are periodic, of size 2 or more"
                        .into(),
                ));
            }
            Some(Arc::new(lattices::build(args.lattice, size, args.boundary)?))
        } else {
            None
        };
        Ok(System { size, spins, correlated })
    }
    pub(super) fn n_spins(&self) -> usize {
        match &self.spins {
            Engine::Graph(g) => g.ising().n_spins(),
            Engine::Packed(l) => l.n_spins(),
        }
    }
    pub(super) fn is_symmetric(&self) -> bool {
        match &self.spins {
            Engine::Graph(g) => g.ising().is_symmetric(),
            Engine::Packed(_) => true,
        }
    }
    /// Numbers in a sample.
    pub(super) fn n_columns(&self) -> usize {
        if self.correlated.is_some() { CORRELATED_COLUMNS } else { COLUMNS }
    }
    /// Distances at which correlations are measured, one for each sample in turn.
    pub(super) fn distances(&self) -> usize {
        if self.correlated.is_some() { (self.size / 2).max(1) as usize } else { 0 }
    }
    /// Sample `index` of a chain.
    pub(super) fn sample(&self, spins: &Spins, index: usize) -> Result<Vec<f64>, Failure> {
        // The probed site walks through the lattice, whatever the state: a symmetric move.
        let site = (index + 1).wrapping_mul(0x9e37_79b9) % self.n_spins();
        let mut row = vec![self.energy(spins), self.magnetisation(spins), self.delta(spins, site)];
        if let Some(lattice) = &self.correlated {
            let signs = self.signs(spins);
            row.extend(structure_factors(lattice, &signs)?);
            row.push(correlation(lattice, &signs, 1 + index % self.distances()));
        }
        Ok(row)
    }
    /// Whether a state belongs to this system.
    pub(super) fn owns(&self, spins: &Spins) -> bool {
        match (&self.spins, spins) {
            (Engine::Graph(g), Spins::Plain(s)) => s.len() == g.ising().n_spins(),
            (Engine::Packed(l), Spins::Packed(s)) => !l.energy(s).is_nan(),
            _ => false,
        }
    }
    pub(super) fn start(&self, start: Start, rng: &mut Stream) -> Spins {
        match (&self.spins, start) {
            (Engine::Graph(g), Start::Random) => Spins::Plain(g.draw(rng)),
            (Engine::Graph(g), Start::Up) => Spins::Plain(vec![1; g.ising().n_spins()]),
            (Engine::Packed(l), Start::Random) => Spins::Packed(l.draw(rng)),
            (Engine::Packed(l), Start::Up) => Spins::Packed(l.uniform(1)),
        }
    }
    pub(super) fn magnetisation(&self, spins: &Spins) -> f64 {
        match (&self.spins, spins) {
            (_, Spins::Plain(s)) => observe::magnetisation(s) as f64,
            (Engine::Packed(l), Spins::Packed(s)) => l.magnetisation(s) as f64,
            _ => f64::NAN,
        }
    }
    /// The energy change of turning one spin.
    pub(super) fn delta(&self, spins: &Spins, site: usize) -> f64 {
        match (&self.spins, spins) {
            (Engine::Graph(g), Spins::Plain(s)) => g.delta(s, &site),
            (Engine::Packed(l), Spins::Packed(s)) => l.delta(s, &site),
            _ => f64::NAN,
        }
    }
    /// Signs of the spins in the order of sites.
    pub(super) fn signs(&self, spins: &Spins) -> Vec<i8> {
        match (&self.spins, spins) {
            (_, Spins::Plain(s)) => s.clone(),
            (Engine::Packed(l), Spins::Packed(s)) => l.unpack(s),
            _ => Vec::new(),
        }
    }
}

impl Energy for System {
    type State = Spins;
    fn energy(&self, spins: &Spins) -> f64 {
        match (&self.spins, spins) {
            (Engine::Graph(g), Spins::Plain(s)) => g.energy(s),
            (Engine::Packed(l), Spins::Packed(s)) => l.energy(s),
            _ => f64::NAN,
        }
    }
}

impl Reference for System {
    fn draw<R: Draw>(&self, rng: &mut R) -> Spins {
        match &self.spins {
            Engine::Graph(g) => Spins::Plain(g.draw(rng)),
            Engine::Packed(l) => Spins::Packed(l.draw(rng)),
        }
    }
    fn ln_z_reference(&self) -> f64 {
        self.n_spins() as f64 * std::f64::consts::LN_2
    }
}

/// (1/dN) Σ over sites and axes of s_i s_j with j at this distance along the axis.
fn correlation(lattice: &lattice::Lattice, signs: &[i8], distance: usize) -> f64 {
    let mut sum = 0i64;
    let mut stride = signs.len();
    for &side in lattice.sides() {
        stride /= side;
        // A block of `side` planes at right angles to the axis lies together.
        for block in signs.chunks_exact(stride * side) {
            let shift = stride * (distance % side);
            let (head, tail) = block.split_at(shift);
            let ahead = tail.iter().chain(head);
            sum += block.iter().zip(ahead).map(|(a, b)| i64::from(a * b)).sum::<i64>();
        }
    }
    sum as f64 / (lattice.n_axes() * signs.len()) as f64
}

/// A kernel chosen at run time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Mover {
    Colours(ColourSweep),
    Packed(PackedSweep),
    Metropolis(Metropolis),
    Wolff(Wolff),
    SwendsenWang(SwendsenWang),
}

impl Mover {
    /// Errors: cluster updates of a frustrated model, naming the cycle.
    pub(super) fn new(kernel: SpinKernel, system: &System) -> Result<Self, Failure> {
        let name = if kernel == SpinKernel::Wolff { "wolff" } else { "swendsen-wang" };
        let frustrated =
            |e: smml_physics::cluster::Frustrated| Failure::Usage(format!("--kernel {name}: {e}"));
        Ok(match (kernel, &system.spins) {
            (SpinKernel::HeatBath, Engine::Packed(_)) => Mover::Packed(PackedSweep::heat_bath(1)),
            (SpinKernel::Checkerboard, Engine::Packed(_)) => Mover::Packed(PackedSweep::metropolis(1)),
            (SpinKernel::HeatBath, _) => Mover::Colours(ColourSweep::default()),
            (SpinKernel::Checkerboard, _) => {
                Mover::Colours(ColourSweep { rule: Rule::Metropolis, ..ColourSweep::default() })
            }
            (SpinKernel::Metropolis, _) => Mover::Metropolis(Metropolis::new(system.n_spins())?),
            (SpinKernel::Wolff, Engine::Graph(g)) => Mover::Wolff(Wolff::new(g.ising()).map_err(frustrated)?),
            (SpinKernel::SwendsenWang, Engine::Graph(g)) => {
                Mover::SwendsenWang(SwendsenWang::new(g.ising()).map_err(frustrated)?)
            }
            (SpinKernel::Wolff, _) => Mover::Wolff(Wolff::default()),
            (SpinKernel::SwendsenWang, _) => Mover::SwendsenWang(SwendsenWang::default()),
        })
    }
}

impl Kernel<System> for Mover {
    fn step<R: Draw>(&mut self, system: &System, spins: &mut Spins, beta: f64, rng: &mut R) -> Step {
        match (self, &system.spins, spins) {
            (Mover::Packed(k), Engine::Packed(l), Spins::Packed(s)) => k.step(l.as_ref(), s, beta, rng),
            (Mover::Colours(k), Engine::Graph(g), Spins::Plain(s)) => k.step(g.as_ref(), s, beta, rng),
            (Mover::Metropolis(k), Engine::Graph(g), Spins::Plain(s)) => k.step(g.ising(), s, beta, rng),
            (Mover::Wolff(k), Engine::Graph(g), Spins::Plain(s)) => k.step(g.ising(), s, beta, rng),
            (Mover::SwendsenWang(k), Engine::Graph(g), Spins::Plain(s)) => k.step(g.ising(), s, beta, rng),
            // What is read from a checkpoint was checked to fit.
            _ => Step { proposed: 0, accepted: 0 },
        }
    }
}
