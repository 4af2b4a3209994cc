//! The system of `smml ising`: a lattice as a graph, or packed into bits where that is possible, behind one type.

use crate::{
    args::{Edges, IsingArgs, Lattice, SpinKernel, Start},
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
    ising::{ColourSweep, Coloured, Ising, Rule, observe},
    lattice::{self, Boundary},
    packed::{PackedLattice, PackedSpins, PackedSweep},
};

/// Spins on a lattice.
pub(super) enum System {
    /// On a graph, with a colouring.
    Graph(Box<Coloured>),
    /// A square or cubic torus with even sides and no field, a bit a spin.
    Packed(PackedLattice),
}

/// Their state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Spins {
    Plain(Vec<i8>),
    Packed(PackedSpins),
}

/// Sites of a lattice of this size; none when a number cannot hold them.
pub(super) fn n_sites(args: &IsingArgs) -> u128 {
    let l = u128::from(args.size);
    match args.lattice {
        Lattice::Chain => l,
        Lattice::Square | Lattice::Triangular => l * l,
        Lattice::Honeycomb => 2 * l * l,
        Lattice::Cubic => l * l * l,
    }
}

/// Whether the spins can be packed: see [`PackedLattice`].
pub(super) fn is_packed(args: &IsingArgs) -> bool {
    let by_colour = matches!(args.kernel, SpinKernel::HeatBath | SpinKernel::Checkerboard);
    let even = args.size >= 4 && args.size.is_multiple_of(2);
    let lattice = matches!(args.lattice, Lattice::Square | Lattice::Cubic);
    by_colour && even && lattice && args.boundary == Edges::Periodic && args.field == 0.0
}

/// The lattice as a graph.
pub(super) fn graph(args: &IsingArgs) -> Result<Ising, Failure> {
    let (l, coupling) = (args.size as usize, args.coupling);
    let boundary = match args.boundary {
        Edges::Periodic => Boundary::Periodic,
        Edges::Open => Boundary::Open,
        Edges::Helical => Boundary::Helical,
    };
    if args.lattice == Lattice::Chain && boundary != Boundary::Open && l < 3 {
        return Err(Failure::Usage(format!("--size {l}: a ring has at least 3 spins")));
    }
    let lattice = match args.lattice {
        Lattice::Chain => lattice::Lattice::hypercubic(&[l], boundary),
        Lattice::Square => lattice::Lattice::square(l, l, boundary),
        Lattice::Cubic => lattice::Lattice::cubic([l; 3], boundary),
        Lattice::Triangular => lattice::Lattice::triangular(l, l, boundary),
        Lattice::Honeycomb => lattice::Lattice::honeycomb(l, l, boundary),
    }?;
    Ok(Ising::in_field(lattice.graph(coupling)?, args.field)?)
}

impl System {
    pub(super) fn new(args: &IsingArgs) -> Result<Self, Failure> {
        let l = args.size as usize;
        if is_packed(args) {
            return Ok(System::Packed(match args.lattice {
                Lattice::Cubic => PackedLattice::cubic(l, l, l, args.coupling),
                _ => PackedLattice::square(l, l, args.coupling),
            }?));
        }
        Ok(System::Graph(Box::new(Coloured::new(graph(args)?))))
    }
    pub(super) fn n_spins(&self) -> usize {
        match self {
            System::Graph(g) => g.ising().n_spins(),
            System::Packed(l) => l.n_spins(),
        }
    }
    pub(super) fn is_symmetric(&self) -> bool {
        match self {
            System::Graph(g) => g.ising().is_symmetric(),
            System::Packed(_) => true,
        }
    }
    /// Whether a state belongs to this system.
    pub(super) fn owns(&self, spins: &Spins) -> bool {
        match (self, spins) {
            (System::Graph(g), Spins::Plain(s)) => s.len() == g.ising().n_spins(),
            (System::Packed(l), Spins::Packed(s)) => !l.energy(s).is_nan(),
            _ => false,
        }
    }
    pub(super) fn start(&self, start: Start, rng: &mut Stream) -> Spins {
        match (self, start) {
            (System::Graph(g), Start::Random) => Spins::Plain(g.draw(rng)),
            (System::Graph(g), Start::Up) => Spins::Plain(vec![1; g.ising().n_spins()]),
            (System::Packed(l), Start::Random) => Spins::Packed(l.draw(rng)),
            (System::Packed(l), Start::Up) => Spins::Packed(l.uniform(1)),
        }
    }
    pub(super) fn magnetisation(&self, spins: &Spins) -> f64 {
        match (self, spins) {
            (_, Spins::Plain(s)) => observe::magnetisation(s) as f64,
            (System::Packed(l), Spins::Packed(s)) => l.magnetisation(s) as f64,
            _ => f64::NAN,
        }
    }
    /// The energy change of turning one spin.
    pub(super) fn delta(&self, spins: &Spins, site: usize) -> f64 {
        match (self, spins) {
            (System::Graph(g), Spins::Plain(s)) => g.delta(s, &site),
            (System::Packed(l), Spins::Packed(s)) => l.delta(s, &site),
            _ => f64::NAN,
        }
    }
    /// Signs of the spins in the order of sites.
    pub(super) fn signs(&self, spins: &Spins) -> Vec<i8> {
        match (self, spins) {
            (_, Spins::Plain(s)) => s.clone(),
            (System::Packed(l), Spins::Packed(s)) => l.unpack(s),
            _ => Vec::new(),
        }
    }
}

impl Energy for System {
    type State = Spins;
    fn energy(&self, spins: &Spins) -> f64 {
        match (self, spins) {
            (System::Graph(g), Spins::Plain(s)) => g.energy(s),
            (System::Packed(l), Spins::Packed(s)) => l.energy(s),
            _ => f64::NAN,
        }
    }
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
        Ok(match (kernel, system) {
            (SpinKernel::HeatBath, System::Packed(_)) => Mover::Packed(PackedSweep::heat_bath(1)),
            (SpinKernel::Checkerboard, System::Packed(_)) => Mover::Packed(PackedSweep::metropolis(1)),
            (SpinKernel::HeatBath, _) => Mover::Colours(ColourSweep::default()),
            (SpinKernel::Checkerboard, _) => {
                Mover::Colours(ColourSweep { rule: Rule::Metropolis, ..ColourSweep::default() })
            }
            (SpinKernel::Metropolis, _) => Mover::Metropolis(Metropolis::new(system.n_spins())?),
            (SpinKernel::Wolff, System::Graph(g)) => Mover::Wolff(Wolff::new(g.ising()).map_err(frustrated)?),
            (SpinKernel::SwendsenWang, System::Graph(g)) => {
                Mover::SwendsenWang(SwendsenWang::new(g.ising()).map_err(frustrated)?)
            }
            (SpinKernel::Wolff, _) => Mover::Wolff(Wolff::default()),
            (SpinKernel::SwendsenWang, _) => Mover::SwendsenWang(SwendsenWang::default()),
        })
    }
}

impl Kernel<System> for Mover {
    fn step<R: Draw>(&mut self, system: &System, spins: &mut Spins, beta: f64, rng: &mut R) -> Step {
        match (self, system, spins) {
            (Mover::Packed(k), System::Packed(l), Spins::Packed(s)) => k.step(l, s, beta, rng),
            (Mover::Colours(k), System::Graph(g), Spins::Plain(s)) => k.step(g.as_ref(), s, beta, rng),
            (Mover::Metropolis(k), System::Graph(g), Spins::Plain(s)) => k.step(g.ising(), s, beta, rng),
            (Mover::Wolff(k), System::Graph(g), Spins::Plain(s)) => k.step(g.ising(), s, beta, rng),
            (Mover::SwendsenWang(k), System::Graph(g), Spins::Plain(s)) => k.step(g.ising(), s, beta, rng),
            // What is read from a checkpoint was checked to fit.
            _ => Step { proposed: 0, accepted: 0 },
        }
    }
}
