//! `smml instance`: random and planted problems, written into a file that `smml anneal`, `smml exact` and other programs
//! read. Random ones are the same bytes as those of other programs with the same rule; planted ones carry their best value.

use crate::{
    args::problem::{InstanceArgs, Kind},
    error::Failure,
    output,
};
use smml_core::rng::Streams;
use smml_physics::{
    instances::{self, Columns, Instance, Planted},
    lattice::{Boundary, Lattice},
    problem::formats::{self, Format},
};

/// Tiles of each class are equally likely.
const TILES: [f64; 4] = [1.0; 4];
/// Shortest frustrated loop, and largest coupling.
const LOOP: (usize, u32) = (6, 3);

enum Made {
    Random(Instance),
    Planted(Planted),
}

/// Runs the command.
pub(crate) fn run(args: &InstanceArgs) -> Result<(), Failure> {
    let asked = args.format.map(Format::from).or_else(|| Format::of_path(&args.file));
    if args.number.is_some() && !matches!(args.kind, Kind::Gnm | Kind::Loops | Kind::Wishart) {
        return Err(Failure::Usage("--number: for gnm, loops and wishart".into()));
    }
    let made = make(args)?;
    let n = match &made {
        Made::Random(instance) => instance.n,
        Made::Planted(planted) => planted.spins.len(),
    };
    let (text, best) = match &made {
        // As drawn: the order of bonds is that of other programs.
        Made::Random(instance) if asked.is_none_or(|f| f == Format::Rudy) => (instance.to_rudy(), None),
        Made::Random(instance) => {
            let problem = instance.max_cut()?;
            // Cut values are what is maximised; formats that only minimise get the negative.
            let problem = if asked == Some(Format::Dimacs) { problem } else { problem.minimised() };
            (formats::to_text(&problem, asked.unwrap_or(Format::Rudy))?, None)
        }
        Made::Planted(planted) => {
            let text = formats::to_text(&planted.problem()?, asked.unwrap_or(Format::Coo))?;
            (text, Some(planted.energy))
        }
    };
    if args.file.exists() && !args.force {
        return Err(Failure::Usage(format!("{}: exists; --force replaces it", args.file.display())));
    }
    std::fs::write(&args.file, text).map_err(|e| Failure::File(format!("{}: {e}", args.file.display())))?;
    let mut message = format!("{}: {n} variables\n", args.file.display());
    if let Some(best) = best {
        message += &format!("best value (planted): {best}\n");
    }
    output::print(&message)
}

fn make(args: &InstanceArgs) -> Result<Made, Failure> {
    let (size, seed) = (args.size as usize, args.seed);
    let number = |what: &str| {
        args.number
            .map(|n| n as usize)
            .ok_or_else(|| Failure::Usage(format!("--number: needed, the number of {what}")))
    };
    let mut rng = Streams::new(seed).stream("instance", 0);
    Ok(match args.kind {
        Kind::Torus => Made::Random(instances::torus(size, seed)?),
        Kind::OpenSquare => Made::Random(instances::open_square(size, size, seed)?),
        Kind::Cubic => Made::Random(instances::cubic(size, seed)?),
        Kind::Regular3 => Made::Random(instances::regular3(size, seed)?),
        Kind::Sk => Made::Random(instances::sk(size, seed)?),
        Kind::Gnm => Made::Random(instances::gnm(size, number("edges")?, seed)?),
        Kind::Loops => {
            let torus = Lattice::square(size, size, Boundary::Periodic)?.graph(1.0)?;
            let (shortest, largest) = LOOP;
            let loops = number("loops")?;
            Made::Planted(instances::frustrated_loops(&torus, loops, shortest, largest, &mut rng)?)
        }
        Kind::Wishart => {
            Made::Planted(instances::wishart(size, number("columns")?, Columns::Signs, &mut rng)?)
        }
        Kind::Tiles => Made::Planted(instances::tiles(size, TILES, &mut rng)?),
    })
}
