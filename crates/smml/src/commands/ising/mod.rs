//! `smml ising`: simulate the Ising model at one or many temperatures, of one or several sizes.
//!
//! Chains, or ladders of exchanging temperatures, advance together in rounds (`work`); between rounds the run can be saved
//! or stopped. Where rounds end changes nothing in any chain. `system` is what is simulated, `evaluate` makes numbers of
//! the samples, `finite_size` compares sizes, `show` draws.

use crate::{
    args::{
        IsingArgs,
        spins::{Ladder, Lattice, Start},
    },
    error::Failure,
    output,
    reproduce::check::Row,
    run::{
        self, config,
        folder::Folder,
        input::Hashes,
        progress,
        results::{Document, Finished},
        series, signals,
    },
};
use serde::{Deserialize, Serialize};
use smml_core::store;
use std::time::Instant;

mod evaluate;
mod finite_size;
mod show;
mod system;
mod work;

use system::{Engine, System};
use work::{Plan, STEP, Work};

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
/// Bytes of a number in a sample.
const NUMBER: u128 = 8;
/// Largest coupling, field and inverse temperature: squares of energies stay far from what a number can hold.
const STRONGEST: f64 = 1e30;
/// Lowest temperature, likewise.
const COLDEST: f64 = 1e-30;
/// Most sweeps of burn-in, and between two samples, of tempering.
const LONGEST: u64 = 1 << 60;
/// Sweeps to measure when neither --sweeps nor --time says it.
const SWEEPS: u64 = 10_000;

/// Runs the command.
pub(crate) fn run(args: &IsingArgs) -> Result<(), Failure> {
    run::with_threads(args.run.threads, || simulate(args))
}

/// What is saved on the way.
#[derive(Serialize, Deserialize)]
struct Saved {
    /// Sweeps of burn-in; not yet known while a time limit decides them.
    burn_in: Option<u64>,
    work: Work,
}

/// The run with everything settled that can be settled before it starts.
fn resolve(args: &IsingArgs) -> Result<IsingArgs, Failure> {
    let mut args = args.clone();
    args.run.seed = Some(args.run.seed.unwrap_or_else(run::drawn_seed));
    if args.time.is_none() {
        args.sweeps = Some(args.sweeps.unwrap_or(SWEEPS));
    }
    if args.tempering.is_some() {
        if args.start != Start::Random {
            return Err(Failure::Usage("--start up: with --tempering all states start at random".into()));
        }
        // Whole steps.
        args.thin = whole_steps("--thin", args.thin)?;
        args.burn_in = args.burn_in.map(|b| whole_steps("--burn-in", b)).transpose()?;
        if let Some(sweeps) = args.sweeps.filter(|s| *s < STEP) {
            let least =
                format!("--sweeps {sweeps}: --tempering needs {STEP} or more, the sweeps of one step");
            return Err(Failure::Usage(least));
        }
        if args.sweeps.is_none() && args.burn_in.is_none() {
            return Err(Failure::Usage("--tempering with --time alone: --burn-in is needed too".into()));
        }
    }
    if let Some(sweeps) = args.sweeps {
        if sweeps < args.thin {
            return Err(Failure::Usage(format!("--thin {} is more than --sweeps {sweeps}", args.thin)));
        }
        let tenth = sweeps / 10;
        let whole = if args.tempering.is_some() { tenth.next_multiple_of(STEP) } else { tenth };
        args.burn_in = Some(args.burn_in.unwrap_or(whole));
    }
    if let (Some(Ladder::Acceptance | Ladder::RoundTrips), Some(burn_in)) = (args.tempering, args.burn_in)
        && burn_in < work::LEAST_BURN_IN
    {
        return Err(Failure::Usage(format!(
            "--burn-in {burn_in}: a ladder that is moved needs {} or more",
            work::LEAST_BURN_IN
        )));
    }
    Ok(args)
}

/// Sweeps, rounded up to whole steps of tempering.
fn whole_steps(flag: &str, sweeps: u64) -> Result<u64, Failure> {
    // Less than that is counted without overflow, together with other lengths.
    sweeps
        .checked_next_multiple_of(STEP)
        .filter(|s| *s <= LONGEST)
        .ok_or_else(|| Failure::Usage(format!("{flag} {sweeps}: with --tempering at most {LONGEST}")))
}

/// The most samples that every temperature may take; an error when the run is too large for any, or for those that
/// `--sweeps` asks for. Computed before anything is allocated.
fn samples(args: &IsingArgs, n_points: usize) -> Result<u64, Failure> {
    let points = n_points as u128;
    // Two bits a spin, of the state and of the neighbours to the side.
    let of = |size: u32| {
        let spins = system::n_sites(args, size);
        let lattice = if args.correlations { spins * LATTICE } else { 0 };
        lattice + if system::is_packed(args, size) { spins * points / 4 } else { spins * (points + LATTICE) }
    };
    let fixed: u128 = args.size.0.iter().map(|&l| of(l)).sum();
    let columns = if args.correlations { system::CORRELATED_COLUMNS } else { system::COLUMNS };
    let sample = columns as u128 * NUMBER * points * args.size.0.len() as u128;
    let room = LARGEST.saturating_sub(fixed) / sample;
    let wanted = args.sweeps.map(|s| u128::from(s / args.thin));
    if room == 0 || wanted.is_some_and(|w| w > room) {
        let total = fixed + wanted.unwrap_or(1) * sample;
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

/// The systems of all sizes.
fn systems(args: &IsingArgs) -> Result<Vec<System>, Failure> {
    for (name, value) in [("--coupling", args.coupling), ("--field", args.field)] {
        within(name, value)?;
    }
    if let Some(size) = args.size.0.iter().find(|l| args.lattice == Lattice::Cubic && **l > 1024) {
        return Err(Failure::Usage(format!("--size {size}: a cubic lattice has at most 1024")));
    }
    let named = |size: u32, e: Failure| match e {
        Failure::Usage(e) if !e.starts_with("--") => Failure::Usage(format!("--size {size}: {e}")),
        e => e,
    };
    args.size.0.iter().map(|&size| System::new(args, size).map_err(|e| named(size, e))).collect()
}

fn within(name: &str, value: f64) -> Result<(), Failure> {
    if value.abs() <= STRONGEST {
        return Ok(());
    }
    Err(Failure::Usage(format!("{name} {value:?}: must be between -{STRONGEST:e} and {STRONGEST:e}")))
}

/// Inverse temperatures; of a ladder from the hottest to the coldest.
fn betas(args: &IsingArgs) -> Result<Vec<f64>, Failure> {
    let mut betas: Vec<f64> = match (&args.temperature, &args.beta) {
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
            .collect::<Result<_, _>>()?,
        (None, Some(b)) => {
            b.values.iter().try_for_each(|&b| within("--beta", b))?;
            b.values.clone()
        }
        (None, None) => return Err(Failure::Usage("one of --temperature and --beta is needed".into())),
    };
    if let Some(t) = &args.temperature {
        super::batches::distinct("--temperature", &t.values)?;
    }
    if args.tempering.is_some() {
        betas.sort_by(f64::total_cmp);
        if betas.len() < 2 || betas.windows(2).any(|b| b[0] >= b[1]) {
            return Err(Failure::Usage("--tempering: needs two different temperatures or more".into()));
        }
    }
    Ok(betas)
}

fn simulate(args: &IsingArgs) -> Result<(), Failure> {
    let began = Instant::now();
    let mut settled = resolve(args)?;
    let betas = betas(&settled)?;
    let n_samples = samples(&settled, betas.len())?;
    let systems = systems(&settled)?;
    let seed = settled.run.seed.unwrap_or_default();
    let config = config::to_toml("ising", &settled)?;
    let hash = config::hash(&config)?;
    let folder = Folder::open_run(&args.run, "ising", seed, &config, &Hashes::new())?;

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
            if !saved.work.fits(&settled, &systems, betas.len()) {
                return Err(Failure::File(format!("{}: does not fit this run", checkpoint.display())));
            }
            saved
        }
        None => {
            let plan = Plan { burn_in: settled.burn_in, thin: settled.thin, n_samples };
            Saved { burn_in: settled.burn_in, work: Work::start(&settled, &systems, &betas, &plan, seed)? }
        }
    };
    if resumed {
        // The default depends on --sweeps, and a run that is made longer has its burn-in behind it.
        let burned = saved.work.n_sweeps();
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
        let done = saved.work.n_samples().0;
        if done > n_samples {
            return Err(Failure::Usage(format!(
                "--sweeps {}: the checkpoint holds {} already",
                settled.sweeps.unwrap_or(0),
                done * settled.thin
            )));
        }
        saved.work.set_samples(n_samples)?;
    }
    folder.begin(&config::to_toml("ising", &settled)?)?;
    // From here on there is something to resume.
    store::save(&checkpoint, &saved, hash)?;

    let mut plan = Plan { burn_in: saved.burn_in, thin: settled.thin, n_samples };
    let limit = args.time.unwrap_or(f64::INFINITY);
    let sweep = |system: &System| match system.spins {
        Engine::Packed(_) => system.n_spins() as u64 / PACKED + SWEEP,
        Engine::Graph(_) => system.n_spins() as u64,
    };
    let updates = systems.iter().map(sweep).sum::<u64>() * betas.len() as u64;
    let round = (ROUND / updates).max(1);
    let sweeps = saved.burn_in.unwrap_or(0).saturating_add(settled.sweeps.unwrap_or(0));
    let bar =
        progress::bar(if settled.sweeps.is_some() { sweeps } else { (limit * 1e3) as u64 }, args.run.quiet);
    if resumed {
        bar.set_position(saved.work.n_sweeps());
        bar.reset_eta();
    }
    let mut last_saved = Instant::now();
    signals::listen();
    loop {
        let elapsed = began.elapsed().as_secs_f64();
        if plan.burn_in.is_none() && elapsed >= limit / 10.0 && saved.work.n_sweeps() > 0 {
            plan.burn_in = Some(saved.work.n_sweeps());
            saved.burn_in = plan.burn_in;
        }
        let out_of_time = elapsed >= limit;
        if out_of_time && plan.burn_in.is_some_and(|b| saved.work.n_sweeps() < b) {
            store::save(&checkpoint, &saved, hash)?;
            return Err(Failure::Check(format!(
                "--time is over after {} of {} sweeps of burn-in, and nothing was measured; --resume goes on",
                saved.work.n_sweeps(),
                plan.burn_in.unwrap_or(0)
            )));
        }
        if saved.work.is_done(&plan, out_of_time) {
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
        let sweeps = if out_of_time { round.min(saved.work.ahead(&plan)) } else { round };
        saved.work.advance(&systems, &betas, &plan, sweeps)?;
        let done = saved.work.n_sweeps();
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
    settled.sweeps = Some(saved.work.n_samples().1 * plan.thin);
    settled.burn_in = saved.burn_in;
    settled.time = None;
    store::save(&checkpoint, &saved, hash)?;
    finish(&settled, &systems, &folder, seed, &saved.work, &betas)
}

/// Evaluates and writes everything.
fn finish(
    settled: &IsingArgs,
    systems: &[System],
    folder: &Folder,
    seed: u64,
    work: &Work,
    betas: &[f64],
) -> Result<(), Failure> {
    let measured = work.measured(systems, betas);
    let mut outputs = vec![folder.file("checkpoint")];
    if let Some(file) = &settled.run.series {
        series::write(file, &show::columns(&measured))?;
        outputs.push(file.clone());
    }
    let mut results = evaluate::points(settled, &measured)?;
    let mut more = evaluate::ladders(settled, systems, work, &mut results)?;
    more.extend(finite_size::compare(settled, &measured)?);
    let points = results.iter().map(|r| (&r.part, &r.rows));
    let parts = || points.clone().chain(more.iter().map(|m| (&m.part, &m.rows)));
    // What belongs to all comes first in the report.
    let titles: Vec<String> = results.iter().map(|r| format!("{}: {}", r.part.title, r.verdict())).collect();
    let tables: Vec<(&str, &[Row])> = more
        .iter()
        .map(|m| (&*m.part.title, &m.rows[..]))
        .chain(titles.iter().zip(&results).map(|(title, r)| (&**title, &r.rows[..])))
        .collect();
    let mut figures = show::figures(settled, &measured, &results);
    figures.extend(more.iter().flat_map(|m| m.figures.iter().cloned()));
    Finished {
        document: Document::new("ising", settled, parts().map(|(part, _)| part.clone()).collect())?
            .judged(evaluate::gate(results.len())),
        config: &config::to_toml("ising", settled)?,
        seed,
        text: show::text(settled, &results, &more),
        tables: &tables,
        figures: &figures,
        outputs,
        json: settled.run.json,
    }
    .conclude(folder)
}
