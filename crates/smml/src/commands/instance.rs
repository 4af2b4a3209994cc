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
use std::io::Write as _;

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
    // What is wrong with an instance is wrong with its size or number.
    let made = make(args).map_err(|e| match (e, args.number) {
        (Failure::Usage(e), _) if e.starts_with("--") => Failure::Usage(e),
        (Failure::Usage(e), Some(n)) => Failure::Usage(format!("--size {}, --number {n}: {e}", args.size)),
        (Failure::Usage(e), None) => Failure::Usage(format!("--size {}: {e}", args.size)),
        (other, _) => other,
    })?;
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
            let format = asked.unwrap_or(Format::Coo);
            let text = formats::to_text(&planted.problem()?, format)?;
            // The best value of the problem as it is written: some formats turn signs or leave constants out.
            let options = formats::Options { format: Some(format), form: None };
            let written = formats::from_bytes(text.as_bytes(), &args.file, &options)?.problem;
            let known = written.n_variables() == planted.spins.len();
            (text, known.then(|| written.value(&planted.spins)))
        }
    };
    if args.file.exists() && !args.force {
        return Err(Failure::Usage(format!("{}: exists; --force replaces it", args.file.display())));
    }
    let bytes = if args.file.extension().is_some_and(|e| e.eq_ignore_ascii_case("gz")) {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        let packed = packed.write_all(text.as_bytes()).and_then(|()| packed.finish());
        packed.map_err(|e| Failure::io(&args.file, &e))?
    } else {
        text.into_bytes()
    };
    smml_core::store::write_atomically(&args.file, &bytes)?;
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
