//! `smml ising`: simulate the Ising model at one or many temperatures.
//!
//! Every temperature is a chain with its own stream. Chains advance together in rounds; between rounds the run can be
//! saved or stopped. Where rounds end changes nothing in any chain.

use crate::{
    args::{Edges, IsingArgs, Lattice},
    error::Failure,
    output,
    reproduce::check::{Outcome, Row},
    run::{
        self, config,
        folder::Folder,
        progress,
        results::{Document, Finished, Part},
        series, signals,
    },
};
use serde::{Deserialize, Serialize};
use smml_core::{
    certificate::{SampledBeta, sampled_beta},
    chain::{Chain, Record},
    diagnose::{Equilibrated, Equilibration, equilibration},
    energy::Energy,
    parallel::{self, Par},
    rng::Streams,
    store,
};
use smml_physics::ising::{Solution, exact, observe, one_dimension, onsager};
use std::time::Instant;

mod show;
mod system;

use system::{Mover, Spins, System};

/// Largest systems whose exact averages are enumerated for comparison.
const ENUMERATED: usize = 20;
/// Spin updates of one round, for all temperatures together: some hundredths of a second. Signals, checkpoints and time
/// limits wait for the end of a round.
const ROUND: u64 = 500_000;
/// How many times faster packed spins are, about.
const PACKED: u64 = 50;
/// What a packed sweep costs whatever its size, in updates of single spins.
const SWEEP: u64 = 100;
/// Largest run, in bytes of its states, its samples and the lattice: what a checkpoint can hold.
const LARGEST: u128 = 1 << 34;
/// Bytes of the lattice for each spin while it is built: couplings and fields, and the graph made of them.
const LATTICE: u128 = 128;
/// Bytes of a sample: energy, magnetisation, energy change of a probing flip.
const SAMPLE: u128 = 24;
/// Largest coupling, field and inverse temperature: squares of energies stay far from what a number can hold.
const STRONGEST: f64 = 1e30;
/// Lowest temperature, likewise.
const COLDEST: f64 = 1e-30;
/// Sweeps to measure when neither --sweeps nor --time says it.
const SWEEPS: u64 = 10_000;

/// Runs the command.
pub(crate) fn run(args: &IsingArgs) -> Result<(), Failure> {
    run::with_threads(args.run.threads, || simulate(args))
}

/// One temperature.
#[derive(Clone, Serialize, Deserialize)]
struct Point {
    chain: Chain<Mover, Spins>,
    /// Energy, magnetisation, and the energy change of one probing flip.
    record: Record,
}

/// What is saved on the way.
#[derive(Serialize, Deserialize)]
struct Saved {
    /// Sweeps of burn-in; not yet known while a time limit decides them.
    burn_in: Option<u64>,
    points: Vec<Point>,
}

impl Point {
    /// The step at which the burn-in ends or the next sample is due; none when all samples are taken.
    fn next_stop(&self, plan: &Plan) -> Option<u64> {
        // A plan without burn-in burns in until a time limit ends it.
        let burn_in = plan.burn_in.unwrap_or(u64::MAX);
        let n = self.record.len() as u64;
        if self.chain.n_steps() < burn_in {
            Some(burn_in)
        } else {
            (n < plan.n_samples).then(|| burn_in.saturating_add((n + 1).saturating_mul(plan.thin)))
        }
    }

    /// Advances by at most `sweeps`, through the burn-in and up to the last sample.
    fn advance(&mut self, system: &System, beta: f64, plan: &Plan, sweeps: u64) -> Result<(), Failure> {
        let end = self.chain.n_steps().saturating_add(sweeps);
        while let Some(stop) = self.next_stop(plan)
            && self.chain.n_steps() < end
        {
            let burning_in = plan.burn_in.is_none_or(|b| self.chain.n_steps() < b);
            self.chain.advance(system, beta, stop.min(end) - self.chain.n_steps());
            if self.chain.n_steps() == stop && !burning_in {
                // The probed site walks through the lattice, whatever the state: a symmetric move.
                let site = (self.record.len() + 1).wrapping_mul(0x9e37_79b9) % system.n_spins();
                let s = &self.chain.state;
                self.record.push(&[system.energy(s), system.magnetisation(s), system.delta(s, site)])?;
            }
        }
        Ok(())
    }

    /// Whether the chain stands at a sample, or has taken none.
    fn is_at_sample(&self, plan: &Plan) -> bool {
        let done = plan.burn_in.map(|b| b.saturating_add(plan.thin.saturating_mul(self.record.len() as u64)));
        done == Some(self.chain.n_steps())
    }
}

/// The numbers that say how long.
struct Plan {
    burn_in: Option<u64>,
    thin: u64,
    n_samples: u64,
}

/// The run with everything settled that can be settled before it starts.
fn resolve(args: &IsingArgs) -> Result<IsingArgs, Failure> {
    let mut args = args.clone();
    args.run.seed = Some(args.run.seed.unwrap_or_else(run::drawn_seed));
    if args.time.is_none() {
        args.sweeps = Some(args.sweeps.unwrap_or(SWEEPS));
    }
    if let Some(sweeps) = args.sweeps {
        if sweeps < args.thin {
            return Err(Failure::Usage(format!("--thin {} is more than --sweeps {sweeps}", args.thin)));
        }
        args.burn_in = Some(args.burn_in.unwrap_or(sweeps / 10));
    }
    Ok(args)
}

/// The most samples that every one of `n_points` temperatures may take; an error when the run is too large for any, or
/// for those that `--sweeps` asks for. Computed before anything is allocated.
fn samples(args: &IsingArgs, n_points: usize) -> Result<u64, Failure> {
    let (spins, points) = (system::n_sites(args), n_points as u128);
    // Two bits a spin, of the state and of the neighbours to the side.
    let fixed = if system::is_packed(args) { spins * points / 4 } else { spins * (points + LATTICE) };
    let room = LARGEST.saturating_sub(fixed) / (points * SAMPLE);
    let wanted = args.sweeps.map(|s| u128::from(s / args.thin));
    if room == 0 || wanted.is_some_and(|w| w > room) {
        let total = fixed + wanted.unwrap_or(1) * points * SAMPLE;
        return Err(Failure::Usage(format!(
            "--size {}, {points} temperature(s), {} samples: takes {:.3} GiB, the largest run {} GiB; use a \
             smaller --size, fewer temperatures, fewer --sweeps or a larger --thin",
            args.size,
            wanted.unwrap_or(1),
            total as f64 / f64::from(1 << 30),
            LARGEST >> 30,
        )));
    }
    Ok(wanted.unwrap_or(room) as u64)
}

fn model(args: &IsingArgs) -> Result<System, Failure> {
    for (name, value) in [("--coupling", args.coupling), ("--field", args.field)] {
        within(name, value)?;
    }
    if args.lattice == Lattice::Cubic && args.size > 1024 {
        return Err(Failure::Usage(format!("--size {}: a cubic lattice has at most 1024", args.size)));
    }
    System::new(args)
}

fn within(name: &str, value: f64) -> Result<(), Failure> {
    if value.abs() <= STRONGEST {
        return Ok(());
    }
    Err(Failure::Usage(format!("{name} {value:?}: must be between -{STRONGEST:e} and {STRONGEST:e}")))
}

/// Inverse temperatures.
fn betas(args: &IsingArgs) -> Result<Vec<f64>, Failure> {
    match (&args.temperature, &args.beta) {
        (Some(t), _) => t
            .values
            .iter()
            .map(|&t| {
                if t >= COLDEST {
                    return Ok(1.0 / t);
                }
                Err(Failure::Usage(format!(
                    "--temperature {t:?}: must be greater than 0, at least {COLDEST:e}"
                )))
            })
            .collect(),
        (None, Some(b)) => {
            b.values.iter().try_for_each(|&b| within("--beta", b))?;
            Ok(b.values.clone())
        }
        (None, None) => Err(Failure::Usage("one of --temperature and --beta is needed".into())),
    }
}

fn simulate(args: &IsingArgs) -> Result<(), Failure> {
    let began = Instant::now();
    let mut settled = resolve(args)?;
    let betas = betas(&settled)?;
    let n_samples = samples(&settled, betas.len())?;
    let system = model(&settled)?;
    let seed = settled.run.seed.unwrap_or_default();
    let config = config::to_toml("ising", &settled)?;
    let hash = config::hash(&config)?;
    let folder = Folder::open_run(&args.run, "ising", seed, &config)?;

    let checkpoint = folder.file("checkpoint");
    let loaded = if args.run.resume { store::load::<Saved>(&checkpoint, hash)? } else { None };
    let resumed = loaded.is_some();
    let mut saved = match loaded {
        Some(found) => {
            if let Some(why) = found.fell_back {
                output::remark(
                    args.run.quiet,
                    &format!("resuming from the checkpoint before the last: {why}"),
                );
            }
            let saved = found.value;
            if saved.points.len() != betas.len() || saved.points.iter().any(|p| !system.owns(&p.chain.state))
            {
                return Err(Failure::File(format!("{}: does not fit this run", checkpoint.display())));
            }
            saved
        }
        None => Saved { burn_in: settled.burn_in, points: start(&settled, &system, betas.len(), seed)? },
    };
    if resumed {
        // The default depends on --sweeps, and a run that is made longer has its burn-in behind it.
        let burned = saved.points[0].chain.n_steps();
        match (saved.burn_in, args.burn_in) {
            (Some(there), Some(asked)) if there != asked => {
                return Err(Failure::Usage(format!("--burn-in {asked}: the run in the folder has {there}")));
            }
            (None, Some(asked)) if asked < burned => {
                return Err(Failure::Usage(format!("--burn-in {asked}: {burned} are done already")));
            }
            (Some(there), _) => settled.burn_in = Some(there),
            (None, _) => {
                settled.burn_in = settled.burn_in.map(|b| b.max(burned));
                saved.burn_in = settled.burn_in;
            }
        }
        let done = saved.points.iter().map(|p| p.record.len() as u64).max().unwrap_or(0);
        if done > n_samples {
            return Err(Failure::Usage(format!(
                "--sweeps {}: the checkpoint holds {} already",
                settled.sweeps.unwrap_or(0),
                done * settled.thin
            )));
        }
    }
    folder.begin(&config::to_toml("ising", &settled)?)?;
    // From here on there is something to resume.
    store::save(&checkpoint, &saved, hash)?;

    let mut plan = Plan { burn_in: saved.burn_in, thin: settled.thin, n_samples };
    let limit = args.time.unwrap_or(f64::INFINITY);
    let work = match system {
        System::Packed(_) => system.n_spins() as u64 / PACKED + SWEEP,
        System::Graph(_) => system.n_spins() as u64,
    };
    let round = (ROUND / (work * betas.len() as u64)).max(1);
    let sweeps = saved.burn_in.unwrap_or(0).saturating_add(settled.sweeps.unwrap_or(0));
    let bar =
        progress::bar(if settled.sweeps.is_some() { sweeps } else { (limit * 1e3) as u64 }, args.run.quiet);
    if resumed {
        bar.set_position(saved.points[0].chain.n_steps());
        bar.reset_eta();
    }
    let mut last_saved = Instant::now();
    signals::listen();
    loop {
        let elapsed = began.elapsed().as_secs_f64();
        if plan.burn_in.is_none() && elapsed >= limit / 10.0 && saved.points[0].chain.n_steps() > 0 {
            plan.burn_in = Some(saved.points[0].chain.n_steps());
            saved.burn_in = plan.burn_in;
        }
        let out_of_time = elapsed >= limit;
        if out_of_time && plan.burn_in.is_some_and(|b| saved.points[0].chain.n_steps() < b) {
            store::save(&checkpoint, &saved, hash)?;
            return Err(Failure::Check(format!(
                "--time is over after {} of {} sweeps of burn-in, and nothing was measured; --resume goes on",
                saved.points[0].chain.n_steps(),
                plan.burn_in.unwrap_or(0)
            )));
        }
        let finished = |p: &Point| {
            p.record.len() as u64 >= n_samples
                || (out_of_time && !p.record.is_empty() && p.is_at_sample(&plan))
        };
        if saved.points.iter().all(finished) {
            break;
        }
        if signals::stop() {
            store::save(&checkpoint, &saved, hash)?;
            return Err(Failure::Interrupted(format!(
                "stopped; continue with --resume --out {} and the same arguments",
                folder.path().display()
            )));
        }
        // Out of time, no further than the next sample.
        let ahead = saved.points[0].next_stop(&plan).map_or(0, |s| s - saved.points[0].chain.n_steps());
        let sweeps = if out_of_time { round.min(ahead) } else { round };
        let mut results: Vec<Result<(), Failure>> = betas.iter().map(|_| Ok(())).collect();
        let mut jobs: Vec<(&mut Point, &mut Result<(), Failure>)> =
            saved.points.iter_mut().zip(&mut results).collect();
        parallel::each(Par::Rayon, &mut jobs, |t, (point, result)| {
            **result = point.advance(&system, betas[t], &plan, sweeps);
        });
        results.into_iter().collect::<Result<(), Failure>>()?;
        let done = saved.points[0].chain.n_steps();
        bar.set_position(if settled.sweeps.is_some() {
            done
        } else {
            (began.elapsed().as_secs_f64() * 1e3) as u64
        });
        if last_saved.elapsed().as_secs_f64() >= args.run.checkpoint_every {
            store::save(&checkpoint, &saved, hash)?;
            last_saved = Instant::now();
        }
    }
    bar.finish_and_clear();
    settled.sweeps = Some(saved.points[0].record.len() as u64 * plan.thin);
    settled.burn_in = saved.burn_in;
    settled.time = None;
    store::save(&checkpoint, &saved, hash)?;
    let mut outputs = vec![checkpoint];
    if let Some(file) = &args.run.series {
        series::write(file, &show::columns(&saved.points, &betas))?;
        outputs.push(file.clone());
    }
    finish(&settled, &system, &folder, seed, &saved.points, &betas, outputs)
}

/// Every chain at its start.
fn start(args: &IsingArgs, system: &System, n: usize, seed: u64) -> Result<Vec<Point>, Failure> {
    let streams = Streams::new(seed);
    (0..n)
        .map(|t| {
            let mut rng = streams.stream("ising", t as u64);
            let state = system.start(args.start, &mut rng);
            let chain = Chain::new(Mover::new(args.kernel, system)?, state, rng);
            Ok(Point { chain, record: Record::new(3)? })
        })
        .collect()
}

/// What was found at one temperature.
struct PointResult {
    beta: f64,
    temperature: Option<f64>,
    samples: usize,
    equilibration: Option<Equilibration>,
    rows: Vec<Row>,
    part: Part,
}

/// What the results of a temperature have beside its quantities.
#[derive(Serialize)]
struct Details {
    beta: f64,
    temperature: Option<f64>,
    samples: usize,
    acceptance: Option<f64>,
    equilibration: Option<Equilibration>,
    /// Why the samples show no finite beta, if so; else it is among the quantities.
    no_sampled_beta: Option<SampledBeta>,
}

/// Evaluates and writes everything.
fn finish(
    settled: &IsingArgs,
    system: &System,
    folder: &Folder,
    seed: u64,
    points: &[Point],
    betas: &[f64],
    outputs: Vec<std::path::PathBuf>,
) -> Result<(), Failure> {
    let enumerated: Vec<Option<exact::ThermalAverages>> = if system.n_spins() <= ENUMERATED {
        exact::averages(&system::graph(settled)?, betas)?.into_iter().map(Some).collect()
    } else {
        vec![None; betas.len()]
    };
    let results: Vec<PointResult> = points
        .iter()
        .zip(betas)
        .zip(enumerated)
        .map(|((point, beta), enumerated)| evaluate(settled, system, enumerated, point, *beta))
        .collect::<Result<_, _>>()?;
    let parts = results.iter().map(|r| r.part.clone()).collect();
    let tables: Vec<(&str, &[Row])> = results.iter().map(|r| (&*r.part.title, &r.rows[..])).collect();
    Finished {
        document: Document::new("ising", settled, parts)?,
        config: &config::to_toml("ising", settled)?,
        seed,
        text: show::text(settled, &results),
        tables: &tables,
        figures: &show::figures(settled, system, points, &results),
        outputs,
        json: settled.run.json,
    }
    .conclude(folder)
}

fn evaluate(
    args: &IsingArgs,
    system: &System,
    enumerated: Option<exact::ThermalAverages>,
    point: &Point,
    beta: f64,
) -> Result<PointResult, Failure> {
    let temperature = args.temperature.as_ref().map(|_| 1.0 / beta);
    let temperature = temperature.map(|t| format!("{t:.12e}").parse().unwrap_or(t));
    let title = temperature.map_or(format!("β = {beta}"), |t| format!("T = {t}"));
    let id = temperature.map_or(format!("beta={beta}"), |t| format!("T={t}"));
    let sampled_beta = sampled_beta(&point.record.column(2)).ok();
    let details = Details {
        beta,
        temperature,
        samples: point.record.len(),
        acceptance: point.chain.tally().acceptance(),
        equilibration: equilibration(&point.record.column(0)).ok(),
        no_sampled_beta: sampled_beta.filter(|b| !matches!(b, SampledBeta::Finite(_))),
    };
    let mut outcome = Outcome::default();
    let mut message = None;
    match observe::observables(&point.record, system.n_spins(), system.is_symmetric(), beta) {
        Ok(got) => {
            let all = |f: fn(&exact::ThermalAverages) -> f64| enumerated.as_ref().map(f);
            let solved = if enumerated.is_none() { solution(args, beta) } else { None };
            let energy = all(|t| t.energy).or(solved.map(|s| s.energy));
            let specific_heat = all(|t| t.specific_heat).or(solved.map(|s| s.specific_heat));
            // Without a field ⟨M⟩ = 0, and a chain that stays in one phase says nothing of it.
            let signed = (!system.is_symmetric()).then_some(got.magnetisation);
            for (name, estimate, exact) in [
                ("energy", Some(got.energy), energy),
                ("specific heat", Some(got.specific_heat), specific_heat),
                ("magnetisation", signed, all(|t| t.magnetisation)),
                ("|magnetisation|", Some(got.absolute_magnetisation), all(|t| t.absolute_magnetisation)),
                ("magnetisation²", Some(got.magnetisation_squared), all(|t| t.magnetisation_squared)),
                ("susceptibility", Some(got.susceptibility), all(|t| t.susceptibility)),
                ("susceptibility of |M|", Some(got.phase_susceptibility), all(|t| t.phase_susceptibility)),
                ("Binder cumulant", got.binder, all(|t| t.binder)),
            ] {
                let Some(estimate) = estimate else { continue };
                // An error of the size of rounding is that of samples that are all alike: nothing to compare.
                let rounding = 1e-12 * estimate.value.abs();
                match exact {
                    Some(x) if estimate.std_error > rounding => outcome.sampled(name, estimate, x),
                    _ => outcome.reported(name, estimate),
                };
            }
            if let Some(SampledBeta::Finite(b)) = sampled_beta {
                outcome.sampled("sampled beta", b, beta);
            }
        }
        Err(e @ smml_core::Error::TooShort { .. }) => message = Some(e.to_string()),
        Err(e) => return Err(e.into()),
    }
    let mut part = Part::new(&id, &title, &outcome.rows, message);
    if part.message.is_none()
        && matches!(details.equilibration, Some(Equilibration { verdict: Equilibrated::StillDrifting, .. }))
    {
        let drifts = "the energy still drifts in the second half: more burn-in or more sweeps are needed";
        part = Part::new(&id, &title, &outcome.rows, Some(drifts.into()));
    }
    part.details =
        serde_json::to_value(&details).map_err(|e| Failure::File(format!("results as JSON: {e}")))?;
    Ok(PointResult {
        beta,
        temperature,
        samples: details.samples,
        equilibration: details.equilibration,
        rows: outcome.rows,
        part,
    })
}

/// ln Z, energy and specific heat of the model at `beta`, with the energy in the units of the coupling, where there is a
/// closed form.
fn solution(args: &IsingArgs, beta: f64) -> Option<Solution> {
    let (k, size) = (beta * args.coupling, args.size as usize);
    if args.field != 0.0 || k == 0.0 {
        return None;
    }
    let solution = match (args.lattice, args.boundary) {
        (Lattice::Square, Edges::Periodic) if k > 0.0 => onsager::torus(size, size, k).ok()?,
        // On an even torus the antiferromagnet is the ferromagnet with every other spin reversed.
        (Lattice::Square, Edges::Periodic) if args.size.is_multiple_of(2) => {
            let mirror = onsager::torus(size, size, -k).ok()?;
            Solution { energy: -mirror.energy, ..mirror }
        }
        (Lattice::Chain, Edges::Periodic | Edges::Helical) => one_dimension::ring(size, k).ok()?,
        (Lattice::Square | Lattice::Triangular | Lattice::Honeycomb | Lattice::Cubic, _) => return None,
        (Lattice::Chain, Edges::Open) => one_dimension::open_chain(size, k).ok()?,
    };
    Some(Solution { energy: args.coupling * solution.energy, ..solution })
}
