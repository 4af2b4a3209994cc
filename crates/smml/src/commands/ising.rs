//! `smml ising`: simulate the Ising model at one or many temperatures.
//!
//! Every temperature is a chain with its own stream. Chains advance together in rounds; between rounds the run can be
//! saved or stopped. Where rounds end changes nothing in any chain.

use crate::{
    args::{Edges, IsingArgs, Lattice, SpinKernel, Start},
    error::Failure,
    output::{self, Table},
    report::{
        self,
        figure::{Axis, Figure, Series, Style},
    },
    reproduce::check::{Expected, Outcome, Row, Verdict},
    run::{self, config, folder::Folder, progress, series, signals},
};
use serde::{Deserialize, Serialize};
use smml_core::{
    central_limit::Histogram,
    certificate::{SampledBeta, sampled_beta},
    chain::{Chain, Record},
    diagnose::{Equilibrated, Equilibration, equilibration},
    energy::{Energy, LocalEnergy, Reference},
    kernel::{Kernel, Step},
    parallel::{self, Par},
    rng::{Draw, Streams},
    sample::{HeatBath, Metropolis},
    store,
};
use smml_physics::{
    cluster::Wolff,
    ising::{Boundary, Ising, SquareLattice, exact, observe, onsager},
};
use std::{path::PathBuf, time::Instant};

/// Largest systems whose exact averages are enumerated for comparison.
const ENUMERATED: usize = 20;
/// Spin updates of one round, for all temperatures together: some hundredths of a second. Signals, checkpoints and time
/// limits wait for the end of a round.
const ROUND: u64 = 500_000;

/// Runs the command.
pub(crate) fn run(args: &IsingArgs) -> Result<(), Failure> {
    if let Some(path) = &args.run.series {
        series::check_path(path)?;
    }
    run::with_threads(args.run.threads, || simulate(args))
}

/// A kernel chosen at run time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Mover {
    HeatBath(HeatBath),
    Metropolis(Metropolis),
    Wolff(Wolff),
}

impl Kernel<Ising> for Mover {
    fn step<R: Draw>(&mut self, ising: &Ising, s: &mut Vec<i8>, beta: f64, rng: &mut R) -> Step {
        match self {
            Mover::HeatBath(k) => k.step(ising, s, beta, rng),
            Mover::Metropolis(k) => k.step(ising, s, beta, rng),
            Mover::Wolff(k) => k.step(ising, s, beta, rng),
        }
    }
}

/// One temperature.
#[derive(Clone, Serialize, Deserialize)]
struct Point {
    chain: Chain<Mover, Vec<i8>>,
    /// Energy, magnetisation, and the energy change of one probing flip.
    record: Record,
}

impl Point {
    /// Advances by at most `sweeps`, through the burn-in and up to `n_samples` samples.
    fn advance(
        &mut self,
        ising: &Ising,
        beta: f64,
        plan: &Plan,
        sweeps: u64,
        n_samples: usize,
    ) -> Result<(), Failure> {
        let end = self.chain.n_steps().saturating_add(sweeps);
        let burn_in = plan.burn_in.saturating_sub(self.chain.n_steps()).min(sweeps);
        self.chain.advance(ising, beta, burn_in);
        while self.chain.n_steps() >= plan.burn_in
            && self.record.len() < n_samples
            && self.chain.n_steps() < end
        {
            let next = self.record.len() + 1;
            // The probed site walks through the lattice, whatever the state: a symmetric move.
            let site = (next.wrapping_mul(0x9e37_79b9)) % ising.n_spins();
            let observe =
                |s: &Vec<i8>| [ising.energy(s), observe::magnetisation(s) as f64, ising.delta(s, &site)];
            self.chain.record(ising, beta, plan.thin, next, &mut self.record, observe)?;
        }
        Ok(())
    }
}

/// The numbers that say how long.
struct Plan {
    burn_in: u64,
    thin: u64,
}

/// The run with everything settled: written as `config.toml`, and (but for its length) the identity of the run.
fn resolve(args: &IsingArgs) -> Result<IsingArgs, Failure> {
    let mut args = args.clone();
    args.run.seed = Some(args.run.seed.unwrap_or_else(run::drawn_seed));
    let default = if args.time.is_some() { 1000 } else { args.sweeps / 10 };
    args.burn_in = Some(args.burn_in.unwrap_or(default));
    if args.sweeps < args.thin {
        return Err(Failure::Usage(format!("--thin {} is more than --sweeps {}", args.thin, args.sweeps)));
    }
    Ok(args)
}

fn model(args: &IsingArgs) -> Result<(SquareLattice, Ising), Failure> {
    let boundary = match args.boundary {
        Edges::Periodic => Boundary::Periodic,
        Edges::Open => Boundary::Open,
    };
    let size = args.size as usize;
    let (coupling, field) = (args.coupling, args.field);
    for (name, value) in [("--coupling", coupling), ("--field", field)] {
        if !value.is_finite() {
            return Err(Failure::Usage(format!("{name} {value}: must be finite")));
        }
    }
    match args.lattice {
        Lattice::Square => {
            let lattice = SquareLattice::uniform(size, size, boundary, coupling, field)?;
            let ising = lattice.ising()?;
            Ok((lattice, ising))
        }
        Lattice::Chain => {
            if boundary == Boundary::Periodic && size < 3 {
                return Err(Failure::Usage(format!("--size {size}: a ring has at least 3 spins")));
            }
            let lattice = SquareLattice::uniform(1, size, Boundary::Open, coupling, field)?;
            let n = size as u32;
            let bonds: Vec<(u32, u32, f64)> = match boundary {
                Boundary::Periodic => (0..n).map(|i| (i, (i + 1) % n, coupling)).collect(),
                Boundary::Open => (1..n).map(|i| (i - 1, i, coupling)).collect(),
            };
            Ok((lattice, Ising::new(size, &bonds, vec![field; size])?))
        }
    }
}

/// Inverse temperatures, and whether the user spoke of temperatures.
fn betas(args: &IsingArgs) -> Result<Vec<f64>, Failure> {
    match (&args.temperature, &args.beta) {
        (Some(t), _) => t
            .values
            .iter()
            .map(|&t| {
                if t > 0.0 {
                    Ok(1.0 / t)
                } else {
                    Err(Failure::Usage(format!("--temperature {t}: must be greater than 0")))
                }
            })
            .collect(),
        (None, Some(b)) => Ok(b.values.clone()),
        (None, None) => Err(Failure::Usage("one of --temperature and --beta is needed".into())),
    }
}

fn simulate(args: &IsingArgs) -> Result<(), Failure> {
    let mut settled = resolve(args)?;
    let (_, ising) = model(&settled)?;
    let betas = betas(&settled)?;
    let seed = settled.run.seed.unwrap_or_default();
    let identity = config::to_toml("ising", &IsingArgs { sweeps: 0, ..settled.clone() })?;
    let hash = store::parameter_hash(&identity)?;
    let folder = Folder::of_run(&args.run, "ising", seed, &identity)?;

    let checkpoint = folder.file("checkpoint");
    let loaded = if args.run.resume { store::load::<Vec<Point>>(&checkpoint, hash)? } else { None };
    let mut points = match loaded {
        Some(found) => {
            if let Some(why) = found.fell_back {
                output::remark(
                    args.run.quiet,
                    &format!("resuming from the checkpoint before the last: {why}"),
                );
            }
            if found.value.len() != betas.len()
                || found.value.iter().any(|p| p.chain.state.len() != ising.n_spins())
            {
                return Err(Failure::File(format!("{}: does not fit this run", checkpoint.display())));
            }
            found.value
        }
        None => start(&settled, &ising, betas.len(), seed)?,
    };

    let plan = Plan { burn_in: settled.burn_in.unwrap_or(0), thin: settled.thin };
    let timed = args.time.is_some();
    let n_samples = if timed { usize::MAX } else { (settled.sweeps / settled.thin) as usize };
    if points.iter().any(|p| p.record.len() > n_samples) {
        return Err(Failure::Usage(format!(
            "--sweeps {}: the checkpoint holds {} already",
            settled.sweeps,
            points[0].record.len() as u64 * plan.thin
        )));
    }
    let round = (ROUND / (ising.n_spins() as u64 * betas.len() as u64)).max(plan.thin);
    let total = plan.burn_in + if timed { 0 } else { settled.sweeps };
    let bar =
        progress::bar(if timed { (args.time.unwrap_or(0.0) * 1e3) as u64 } else { total }, args.run.quiet);
    let mut saved = Instant::now();
    signals::listen();
    loop {
        let out_of_time =
            args.time.is_some_and(|t| folder.elapsed() >= t) && points.iter().all(|p| !p.record.is_empty());
        if points.iter().all(|p| p.record.len() >= n_samples) || out_of_time {
            break;
        }
        if signals::stop() {
            store::save(&checkpoint, &points, hash)?;
            return Err(Failure::Interrupted(format!(
                "stopped; continue with --resume --out {} and the same arguments",
                folder.path().display()
            )));
        }
        let mut results: Vec<Result<(), Failure>> = betas.iter().map(|_| Ok(())).collect();
        let mut jobs: Vec<(&mut Point, &mut Result<(), Failure>)> =
            points.iter_mut().zip(&mut results).collect();
        parallel::each(Par::Rayon, &mut jobs, |t, (point, result)| {
            **result = point.advance(&ising, betas[t], &plan, round, n_samples);
        });
        results.into_iter().collect::<Result<(), Failure>>()?;
        bar.set_position(if timed { (folder.elapsed() * 1e3) as u64 } else { points[0].chain.n_steps() });
        if saved.elapsed().as_secs_f64() >= args.run.checkpoint_every {
            store::save(&checkpoint, &points, hash)?;
            saved = Instant::now();
        }
    }
    bar.finish_and_clear();
    if timed {
        settled.sweeps = points[0].record.len() as u64 * plan.thin;
    }
    store::save(&checkpoint, &points, hash)?;
    let mut extra = vec![checkpoint];
    if let Some(file) = &args.run.series {
        series::write(file, &columns(&points, &betas))?;
        extra.push(file.clone());
    }
    let results: Vec<PointResult> = points
        .iter()
        .zip(&betas)
        .map(|(p, b)| evaluate(&settled, &ising, p, *b))
        .collect::<Result<_, _>>()?;
    let document = output::json(&Results { command: "ising", configuration: &settled, points: &results })?;
    let text = config::to_toml("ising", &settled)?;
    extra.extend(report(&folder, &text, seed, &settled, &points, &results)?);
    folder.finish(&text, &document, seed, &extra)?;
    output::print(&if args.run.json { document } else { tables(&settled, &results) })?;
    let bad: Vec<String> = results.iter().filter_map(PointResult::complaint).collect();
    if bad.is_empty() { Ok(()) } else { Err(Failure::Check(bad.join("\n"))) }
}

/// Every chain at its start.
fn start(args: &IsingArgs, ising: &Ising, n: usize, seed: u64) -> Result<Vec<Point>, Failure> {
    let streams = Streams::new(seed);
    (0..n)
        .map(|t| {
            let mut rng = streams.stream("ising", t as u64);
            let state = match args.start {
                Start::Random => ising.draw(&mut rng),
                Start::Up => vec![1; ising.n_spins()],
            };
            let kernel = match args.kernel {
                SpinKernel::HeatBath => Mover::HeatBath(HeatBath),
                SpinKernel::Metropolis => Mover::Metropolis(Metropolis::new(ising.n_spins())?),
                SpinKernel::Wolff => Mover::Wolff(Wolff::default()),
            };
            Ok(Point { chain: Chain::new(kernel, state, rng), record: Record::new(3)? })
        })
        .collect()
}

fn columns(points: &[Point], betas: &[f64]) -> Vec<series::Column> {
    let mut all = Vec::new();
    for (point, beta) in points.iter().zip(betas) {
        for (k, name) in ["energy", "magnetisation"].into_iter().enumerate() {
            let name = if betas.len() == 1 { name.to_string() } else { format!("{name}_beta_{beta}") };
            all.push(series::Column { name, values: point.record.column(k) });
        }
    }
    all
}

#[derive(Serialize)]
struct Results<'a> {
    command: &'static str,
    configuration: &'a IsingArgs,
    points: &'a [PointResult],
}

#[derive(Serialize)]
struct PointResult {
    beta: f64,
    temperature: Option<f64>,
    samples: usize,
    acceptance: Option<f64>,
    equilibration: Option<Equilibration>,
    sampled_beta: Option<SampledBeta>,
    quantities: Vec<Quantity>,
    /// Why there are no quantities, if so.
    too_short: Option<String>,
    #[serde(skip)]
    rows: Vec<Row>,
}

#[derive(Serialize)]
struct Quantity {
    name: String,
    #[serde(flatten)]
    estimate: smml_core::Estimate,
    expected: Option<f64>,
    z: Option<f64>,
    verdict: Verdict,
}

impl PointResult {
    fn complaint(&self) -> Option<String> {
        let at = self.temperature.map_or(format!("beta {}", self.beta), |t| format!("T = {t}"));
        if let Some(why) = &self.too_short {
            return Some(format!("{at}: {why}"));
        }
        if let Some(row) = self.rows.iter().find(|r| r.verdict() == Verdict::Fails) {
            return Some(format!(
                "{at}: {} = {}, expected {}",
                row.quantity,
                row.value_text(),
                row.expected_text()
            ));
        }
        match self.equilibration {
            Some(Equilibration { verdict: Equilibrated::StillDrifting, .. }) => Some(format!(
                "{at}: the energy still drifts in the second half: more burn-in or more sweeps are needed"
            )),
            _ => None,
        }
    }
}

fn evaluate(args: &IsingArgs, ising: &Ising, point: &Point, beta: f64) -> Result<PointResult, Failure> {
    let n = ising.n_spins();
    let temperature = args.temperature.as_ref().map(|_| 1.0 / beta);
    let mut result = PointResult {
        beta,
        temperature: temperature.map(|t| format!("{t:.12e}").parse().unwrap_or(t)),
        samples: point.record.len(),
        acceptance: point.chain.tally().acceptance(),
        equilibration: equilibration(&point.record.column(0)).ok(),
        sampled_beta: sampled_beta(&point.record.column(2)).ok(),
        quantities: Vec::new(),
        too_short: None,
        rows: Vec::new(),
    };
    let got = match observe::observables(&point.record, n, beta) {
        Ok(got) => got,
        Err(e @ smml_core::Error::TooShort { .. }) => {
            result.too_short = Some(e.to_string());
            return Ok(result);
        }
        Err(e) => return Err(e.into()),
    };
    let want = expected(args, ising, beta)?;
    let mut outcome = Outcome::default();
    for (name, estimate, exact) in [
        ("energy", got.energy, want[0]),
        ("specific heat", got.specific_heat, want[1]),
        ("|magnetisation|", got.magnetisation, want[2]),
        ("magnetisation²", got.magnetisation_squared, want[3]),
        ("susceptibility", got.susceptibility, want[4]),
        ("Binder cumulant", got.binder, want[5]),
    ] {
        match exact {
            Some(x) if estimate.std_error > 0.0 => outcome.sampled(name, estimate, x),
            _ => outcome.reported(name, estimate),
        };
    }
    if let Some(SampledBeta::Finite(b)) = result.sampled_beta {
        outcome.sampled("sampled beta", b, beta);
    }
    result.quantities = outcome
        .rows
        .iter()
        .map(|r| Quantity {
            name: r.quantity.clone(),
            estimate: r.value,
            expected: match r.expected {
                Expected::Sampled(x) => Some(x),
                _ => None,
            },
            z: r.z(),
            verdict: r.verdict(),
        })
        .collect();
    result.rows = outcome.rows;
    Ok(result)
}

/// Exact energy, specific heat, |m|, m², susceptibility and Binder cumulant, where known.
fn expected(args: &IsingArgs, ising: &Ising, beta: f64) -> Result<[Option<f64>; 6], Failure> {
    let n = ising.n_spins();
    if n <= ENUMERATED {
        let t = exact::thermal(&exact::spectrum(ising)?, n, beta);
        return Ok([
            t.energy,
            t.specific_heat,
            t.magnetisation,
            t.magnetisation_squared,
            t.susceptibility,
            t.binder,
        ]
        .map(Some));
    }
    let k = beta * args.coupling;
    if args.field != 0.0 || k == 0.0 {
        return Ok([None; 6]);
    }
    let (u, c) = match (args.lattice, args.boundary) {
        // On an even torus the antiferromagnet is the ferromagnet with every other spin reversed.
        (Lattice::Square, Edges::Periodic) if k > 0.0 || args.size.is_multiple_of(2) => {
            let t = onsager::torus(args.size as usize, args.size as usize, k.abs())?;
            (t.energy * k.abs() / beta.abs() * beta.signum(), t.specific_heat)
        }
        (Lattice::Chain, Edges::Open) => {
            let bonds = (n as f64 - 1.0) / n as f64;
            (-args.coupling * k.tanh() * bonds, (k / k.cosh()).powi(2) * bonds)
        }
        _ => return Ok([None; 6]),
    };
    Ok([Some(u), Some(c), None, None, None, None])
}

/// `report.html`: curves against exact results, or the histogram of the energy, and the last states.
fn report(
    folder: &Folder,
    config: &str,
    seed: u64,
    args: &IsingArgs,
    points: &[Point],
    results: &[PointResult],
) -> Result<Vec<PathBuf>, Failure> {
    let mut figures = Vec::new();
    if results.len() > 1 {
        let x_of = |r: &PointResult| r.temperature.unwrap_or(r.beta);
        let x =
            Axis::linear(if args.temperature.is_some() { "temperature T" } else { "inverse temperature β" });
        for (name, id) in [
            ("energy", "energy"),
            ("specific heat", "specific-heat"),
            ("|magnetisation|", "magnetisation"),
            ("susceptibility", "susceptibility"),
        ] {
            let rows = || {
                results
                    .iter()
                    .flat_map(|r| r.rows.iter().filter(|q| q.quantity == name).map(move |q| (x_of(r), q)))
            };
            let measured: Vec<(f64, smml_core::Estimate)> = rows().map(|(x, q)| (x, q.value)).collect();
            let exact: Vec<(f64, f64)> = rows()
                .filter_map(|(x, q)| match q.expected {
                    Expected::Sampled(y) => Some((x, y)),
                    _ => None,
                })
                .collect();
            let mut series = vec![Series::measured("simulation", &measured)];
            if !exact.is_empty() {
                series.insert(0, Series::new("exact, at the measured points", Style::Line, exact));
            }
            let y = Axis::linear(&format!("{name} per spin"));
            figures.push(Figure::plot(id, name, "With one standard error.", x.clone(), y, series));
        }
    } else if let Some(point) = points.first() {
        let energies: Vec<f64> =
            point.record.column(0).iter().map(|e| e / point.chain.state.len() as f64).collect();
        let low = energies.iter().copied().fold(f64::INFINITY, f64::min);
        let high = energies.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        // The upper end is open: a little beyond the largest sample. A frozen chain has no histogram.
        if let Ok(histogram) = Histogram::new(&energies, low, high + 1e-9 * (high - low), 40) {
            let series = vec![Series::new("samples", Style::Bars, histogram.density())];
            let (x, y) = (Axis::linear("energy per spin"), Axis::linear("probability density"));
            figures.push(Figure::plot(
                "energy-histogram",
                "Energy",
                "Distribution of the energy per spin over the samples.",
                x,
                y,
                series,
            ));
        }
    }
    if args.lattice == Lattice::Square {
        let side = args.size as usize;
        for (k, (point, result)) in points.iter().zip(results).enumerate().step_by(points.len().div_ceil(6)) {
            let pixels = point.chain.state.iter().map(|s| if *s > 0 { 225 } else { 30 }).collect();
            let at = result.temperature.map_or(format!("β = {}", result.beta), |t| format!("T = {t}"));
            figures.push(Figure::image(
                &format!("spins-{k}"),
                &format!("Spins at {at}"),
                "The last state; light is up.",
                side,
                side,
                pixels,
            ));
        }
    }
    let headings: Vec<String> = results
        .iter()
        .map(|r| r.temperature.map_or(format!("β = {}", r.beta), |t| format!("T = {t}")))
        .collect();
    let tables: Vec<(&str, &[Row])> =
        headings.iter().map(String::as_str).zip(results.iter().map(|r| &r.rows[..])).collect();
    let notes: Vec<String> = results.iter().filter_map(PointResult::complaint).collect();
    report::run_report(
        folder.path(),
        &report::RunReport {
            title: "smml ising",
            version: env!("CARGO_PKG_VERSION"),
            seed,
            config,
            notes: &notes,
            tables: &tables,
            figures: &figures,
        },
    )
}

/// What people read: one table for a single temperature, one line each for several.
fn tables(args: &IsingArgs, results: &[PointResult]) -> String {
    let mut text = String::new();
    for r in results {
        let at =
            r.temperature.map_or(format!("beta = {}", r.beta), |t| format!("T = {t}, beta = {:.6}", r.beta));
        let kernel = match args.kernel {
            SpinKernel::HeatBath => "heat bath",
            SpinKernel::Metropolis => "Metropolis",
            SpinKernel::Wolff => "Wolff clusters",
        };
        text += &format!("{at}, L = {}, {} samples, {kernel}\n", args.size, r.samples);
        if let Some(why) = &r.too_short {
            text += &format!("no results: {why}\n\n");
            continue;
        }
        let mut table = Table::new(&["quantity", "value(error)", "tau", "expected", "z", "verdict"]);
        for row in &r.rows {
            table.row(vec![
                row.quantity.clone(),
                row.value_text(),
                format!("{:.1}", row.value.tau_int),
                row.expected_text(),
                row.z().map_or(String::new(), |z| format!("{z:+.1}")),
                match row.verdict() {
                    Verdict::Holds => "ok".into(),
                    Verdict::Fails => "FAILS".into(),
                    Verdict::Reported => String::new(),
                },
            ]);
        }
        text += &table.text();
        text += match r.equilibration {
            Some(Equilibration { verdict: Equilibrated::Yes, .. }) => "equilibrated\n",
            Some(Equilibration { verdict: Equilibrated::StillDrifting, .. }) => "NOT EQUILIBRATED\n",
            Some(Equilibration { verdict: Equilibrated::Constant, .. }) => {
                "frozen: the energy never changed\n"
            }
            None => "too short to judge equilibration\n",
        };
        text.push('\n');
    }
    text
}
