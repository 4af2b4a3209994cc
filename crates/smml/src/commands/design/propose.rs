//! `smml design propose`.

use super::{Ending, SavedPotts, energies, energy_figure, same_sweeps};
use crate::{
    args::design::{DesignMethod, DesignProposeArgs},
    error::Failure,
    reproduce::check::Outcome,
    run::{self, config, folder::Folder, input::Input, keeper, progress, series},
};
use serde::{Deserialize, Serialize};
use smml_core::{
    Estimate,
    energy::{Energy, Reference},
    kernel::Kernel,
    parallel::{self, Par},
    rng::Streams,
    sample::{Anneal, Ladder, Metropolis, Tempering},
    schedule::Schedule,
};
use smml_learn::ebm::potts::{Alignment, Constraints, Design, write_fasta};
use std::{collections::BTreeSet, fmt::Write as _};

/// Runs between two looks at the clock.
const BATCH: usize = 8;
/// Designs that the terminal shows.
const SHOWN: usize = 8;
/// Energies this close are equal: sums in other orders.
const SAME: f64 = 1e-9;

/// What is saved on the way: the best sequence of every run and its energy.
#[derive(Default, Serialize, Deserialize)]
struct Progress {
    sweeps: Option<u32>,
    found: Vec<(f64, Vec<u8>)>,
}

/// A sequence that was found, and what is known of it.
struct Proposed {
    codes: Vec<u8>,
    energy: f64,
    truth: Option<f64>,
    mutations: usize,
    /// Sites in which it differs from the nearest natural sequence, and which that is.
    distance: usize,
    nearest: String,
}

pub(super) fn propose(args: &DesignProposeArgs) -> Result<(), Failure> {
    let mut settled = args.clone();
    let seed = *settled.run.seed.get_or_insert_with(run::drawn_seed);
    let streams = Streams::new(seed);
    let saved = SavedPotts::load(&args.model)?;
    let machine = &saved.machine;
    let mut inputs = Input::read(&args.model, u64::MAX >> 1)?.hashes();
    let truth = SavedPotts::truth(args.truth.as_deref(), (machine.n_sites(), machine.alphabet()))?;
    if let Some(path) = &args.truth {
        inputs.extend(Input::read(path, u64::MAX >> 1)?.hashes());
    }
    let constraints = constraints(args, &saved.family)?;
    let design = Design::new(machine, &constraints)?;
    let betas = equal_ratios(args)?;
    let config = config::to_toml("design propose", &settled)?;
    let folder = Folder::of_run(&args.run, "design-propose", seed, &config, &inputs)?;
    let hash = config::hash_with(&config, &inputs)?;
    let mut keeper = keeper::Keeper::<Progress>::new(&folder, &args.run, hash)?;
    same_sweeps(&mut keeper.progress.sweeps, args.sweeps)?;
    let n = args.runs as usize;
    if keeper.progress.found.len() > n {
        return Err(Failure::Usage(format!("--runs {n}: {} are done", keeper.progress.found.len())));
    }
    let bar = progress::bar(n as u64, keeper.quiet);
    while keeper.progress.found.len() < n {
        let done = keeper.progress.found.len();
        bar.set_position(done as u64);
        let found = parallel::map(Par::Rayon, BATCH.min(n - done), |k| {
            search(args, &design, &betas, &streams, (done + k) as u64)
        });
        for one in found {
            keeper.progress.found.push(one?);
        }
        keeper.pause(|_| Ok(()))?;
    }
    bar.finish_and_clear();
    keeper.save()?;
    let found = &keeper.progress.found;
    let proposed = ranked(args, &design, &saved, truth.as_ref(), found);

    let mut o = Outcome::default();
    report(&mut o, &saved, truth.as_ref(), &constraints, &proposed, found)?;
    folder.write("designs.csv", csv(&saved, &proposed).as_bytes())?;
    folder.write("designs.fasta", fasta(&saved, &proposed)?.as_bytes())?;
    let mut outputs: Vec<_> =
        ["checkpoint", "designs.csv", "designs.fasta"].into_iter().map(|f| folder.file(f)).collect();
    if let Some(file) = &args.run.series {
        let values = found.iter().map(|f| f.0).collect();
        series::write(file, &[series::Column { name: "energy".into(), values }])?;
        outputs.push(file.clone());
    }
    let mut more = String::new();
    for p in proposed.iter().take(SHOWN) {
        let _ = writeln!(
            more,
            "{}  {:.3}  {} from the start, {} from {}",
            machine.alphabet().text(&p.codes),
            p.energy,
            p.mutations,
            p.distance,
            p.nearest
        );
    }
    let _ = writeln!(more, "designs: {}", folder.file("designs.fasta").display());
    let ending = Ending {
        command: "design propose",
        config: &config,
        settled: &settled,
        seed,
        outputs,
        details: serde_json::json!({
            "sites": machine.n_sites(),
            "free_sites": design.n_free(),
            "designs": proposed.iter().map(|p| machine.alphabet().text(&p.codes)).collect::<Vec<_>>(),
        }),
        json: args.run.json,
    };
    ending.finish(&folder, &o, &more)
}

/// The inverse temperatures from the first to the last.
fn equal_ratios(args: &DesignProposeArgs) -> Result<Schedule, Failure> {
    let (from, to) = (args.betas.schedule.at(0.0), args.betas.schedule.at(1.0));
    if !(from > 0.0 && from <= to) {
        return Err(Failure::Usage(format!("--betas {from}..{to}: must be greater than 0, and rise")));
    }
    Ok(Schedule::geometric(from, to)?)
}

/// Whether a name, or its first word, is the one that is asked for.
fn named(name: &str, text: &str) -> bool {
    name == text || name.split_whitespace().next() == Some(text)
}

/// What the arguments ask a design to keep.
fn constraints(args: &DesignProposeArgs, family: &Alignment) -> Result<Constraints, Failure> {
    let start = match &args.start {
        None => None,
        Some(text) => Some(match family.names().iter().position(|name| named(name, text)) {
            Some(k) => family.row(k).to_vec(),
            None => {
                let codes = family.alphabet().codes(text).map_err(|e| {
                    Failure::Usage(format!(
                        "--start {text}: neither the name of a natural sequence nor one: {e}"
                    ))
                })?;
                if codes.len() != family.n_sites() {
                    let (found, n) = (codes.len(), family.n_sites());
                    return Err(Failure::Usage(format!(
                        "--start {text}: {found} letters, the model has {n} sites"
                    )));
                }
                codes
            }
        }),
    };
    let mut fixed = Vec::new();
    for word in args.fixed.iter().flat_map(|f| f.split(',')) {
        let wrong =
            || Failure::Usage(format!("--fixed {word}: sites from 1 to {}, as 3 or 3-7", family.n_sites()));
        let number = |t: &str| t.trim().parse::<usize>().ok().filter(|i| (1..=family.n_sites()).contains(i));
        let (from, to) = match word.split_once('-') {
            Some((from, to)) => (number(from), number(to)),
            None => (number(word), number(word)),
        };
        let (Some(from), Some(to)) = (from, to) else { return Err(wrong()) };
        if from > to {
            return Err(wrong());
        }
        fixed.extend(from - 1..to);
    }
    let max_mutations = args.mutations.map(|k| k as usize);
    Ok(Constraints { start, fixed, max_mutations, keep_gaps: !args.free_gaps })
}

/// One run: its best sequence.
fn search(
    args: &DesignProposeArgs,
    design: &Design<'_>,
    betas: &Schedule,
    streams: &Streams,
    index: u64,
) -> Result<(f64, Vec<u8>), Failure> {
    let mut rng = streams.stream("run", index);
    let mut kernel = Metropolis::new(design.n_free())?;
    let n = args.sweeps as usize;
    if args.method == DesignMethod::Sa {
        let start = design.draw(&mut rng);
        let best = Anneal::new(betas.clone(), n)?.run(design, &mut kernel, start, &mut rng);
        return Ok((best.energy, best.state));
    }
    let ladder = Ladder::new(design.clone(), betas.values(usize::from(args.rungs)).collect())?;
    let states = (0..args.rungs).map(|_| design.draw(&mut rng)).collect();
    let mut replicas = ladder.replicas(states)?;
    let mut kernel = Tempering { inner: kernel, par: Par::Serial };
    let mut best: Option<(f64, Vec<u8>)> = None;
    // A step of tempering is two sweeps of every rung.
    for _ in 0..n.div_ceil(2) {
        kernel.step(&ladder, &mut replicas, 1.0, &mut rng);
        for state in replicas.states() {
            let energy = design.energy(state);
            if best.as_ref().is_none_or(|b| energy < b.0) {
                best = Some((energy, state.clone()));
            }
        }
    }
    best.ok_or_else(|| Failure::Check("no run ended with an energy".into()))
}

/// The best sequences that differ.
fn ranked(
    args: &DesignProposeArgs,
    design: &Design<'_>,
    saved: &SavedPotts,
    truth: Option<&SavedPotts>,
    found: &[(f64, Vec<u8>)],
) -> Vec<Proposed> {
    let mut order: Vec<&(f64, Vec<u8>)> = found.iter().collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let mut seen = BTreeSet::new();
    order.retain(|f| seen.insert(&f.1));
    order.truncate(args.count as usize);
    let details = |(energy, codes): &(f64, Vec<u8>)| {
        let (distance, k) = saved.family.nearest(codes);
        Proposed {
            codes: codes.clone(),
            energy: *energy,
            truth: truth.map(|t| t.machine.energy(codes)),
            mutations: design.mutations(codes),
            distance,
            nearest: saved.family.names()[k].clone(),
        }
    };
    order.into_iter().map(details).collect()
}

fn report(
    o: &mut Outcome,
    saved: &SavedPotts,
    truth: Option<&SavedPotts>,
    constraints: &Constraints,
    proposed: &[Proposed],
    found: &[(f64, Vec<u8>)],
) -> Result<(), Failure> {
    let machine = &saved.machine;
    let best = proposed.first().ok_or_else(|| Failure::Check("no run ended with an energy".into()))?;
    let natural = energies(machine, &saved.family);
    let profile_best = Design::new(&saved.profile, constraints)?.independent_optimum();
    let hits = found.iter().filter(|f| f.0 <= best.energy + SAME).count();
    o.reported("energy of the best design", Estimate::exact(best.energy));
    o.reported("runs that found it or its equal", Estimate::from_counts(hits as u64, found.len() as u64)?);
    let below = |values: &[f64], energy: f64| {
        let n = values.iter().filter(|e| **e < energy).count() as u64;
        Estimate::from_counts(n, values.len() as u64)
    };
    o.reported("energy of a natural sequence", Estimate::from_independent(&natural)?);
    o.reported("natural sequences of lower energy than the best design", below(&natural, best.energy)?);
    if let Some(start) = &constraints.start {
        o.reported("energy of the start", Estimate::exact(machine.energy(start)));
        o.reported("mutations of the best design", Estimate::exact(best.mutations as f64));
    }
    o.reported("sites from the nearest natural sequence", Estimate::exact(best.distance as f64));
    o.reported("energy of the best sequence of the profile", Estimate::exact(machine.energy(&profile_best)));
    let designs: Vec<f64> = proposed.iter().map(|p| p.energy).collect();
    let mut marks = vec![("best of the profile", machine.energy(&profile_best))];
    if let Some(start) = &constraints.start {
        marks.push(("start", machine.energy(start)));
    }
    o.figure(energy_figure(
        "energies",
        "Energies under the learned model",
        "Energies of natural sequences and of the designs; the best sequence that the profile of independent sites allows.",
        &[("natural", &natural), ("designs", &designs)],
        &marks,
    ));
    let Some(truth) = truth else { return Ok(()) };
    let natural = energies(&truth.machine, &saved.family);
    let (ours, theirs) = (truth.machine.energy(&best.codes), truth.machine.energy(&profile_best));
    o.reported("true energy of a natural sequence", Estimate::from_independent(&natural)?);
    for (name, energy) in [("best design", ours), ("best sequence of the profile", theirs)] {
        o.reported(format!("true energy of the {name}"), Estimate::exact(energy));
        o.reported(
            format!("natural sequences of lower true energy than the {name}"),
            below(&natural, energy)?,
        );
    }
    let designs: Vec<f64> = proposed.iter().filter_map(|p| p.truth).collect();
    o.figure(energy_figure(
        "true-energies",
        "True energies",
        "True energies of natural sequences and of the designs, which were made without them.",
        &[("natural", &natural), ("designs", &designs)],
        &[("best of the profile", theirs)],
    ));
    Ok(())
}

/// Designs as a table, the best first.
fn csv(saved: &SavedPotts, proposed: &[Proposed]) -> String {
    let mut text = String::from("energy,mutations,distance,sequence");
    text += if proposed.iter().any(|p| p.truth.is_some()) { ",true_energy\n" } else { "\n" };
    for p in proposed {
        let sequence = saved.machine.alphabet().text(&p.codes);
        let _ = write!(text, "{},{},{},{sequence}", p.energy, p.mutations, p.distance);
        if let Some(e) = p.truth {
            let _ = write!(text, ",{e}");
        }
        text.push('\n');
    }
    text
}

/// Designs as FASTA, the best first.
fn fasta(saved: &SavedPotts, proposed: &[Proposed]) -> Result<String, Failure> {
    let name = |(k, p): (usize, &Proposed)| {
        format!(
            "design{} energy={:.4} mutations={} distance={} nearest={}",
            k + 1,
            p.energy,
            p.mutations,
            p.distance,
            p.nearest
        )
    };
    let names = proposed.iter().enumerate().map(name).collect();
    let codes: Vec<u8> = proposed.iter().flat_map(|p| p.codes.clone()).collect();
    Ok(write_fasta(&Alignment::new(saved.machine.alphabet(), saved.machine.n_sites(), codes, names)?))
}
