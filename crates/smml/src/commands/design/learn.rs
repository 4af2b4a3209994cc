//! `smml design learn`.

use super::{
    Ending, SavedPotts, contact_figure, contacts_csv, energies, energy_figure, family::PSEUDOCOUNT,
    same_sweeps,
};
use crate::{
    args::design::DesignLearnArgs,
    error::Failure,
    report::figure::{Axis, Figure, Series, Style},
    reproduce::check::Outcome,
    run::{self, config, folder::Folder, input::Input, keeper, progress, series},
};
use serde::{Deserialize, Serialize};
use smml_core::{Estimate, optimize::Stop, parallel::Par, rng::Draw, rng::Streams};
use smml_learn::ebm::potts::{
    Alignment, ContactScores, FastaOptions, PottsMachine, PseudoLikelihood, Refinement, RefinementState,
    RefinementStep, coupling_correlation, read_fasta,
};
use std::ops::ControlFlow;

/// Iterations of L-BFGS between two looks at the clock: its memory starts anew with each round, so that a run that is resumed
/// goes the same way.
const ITERATIONS: usize = 20;
/// Heat-bath sweeps for a sequence that is drawn at the end.
const SAMPLE_SWEEPS: usize = 100;
/// Points of the picture of couplings.
const SHOWN: usize = 4000;

/// What is saved on the way.
#[derive(Default, Serialize, Deserialize)]
struct Progress {
    sweeps: Option<u32>,
    /// Parameters of the pseudo-likelihood; value and largest slope after each round.
    x: Option<Vec<f64>>,
    rounds: Vec<(f64, f64)>,
    /// No further round would bring anything.
    settled: bool,
    refinement: Option<RefinementState>,
    refined: Vec<RefinementStep>,
}

type Keeper = keeper::Keeper<Progress>;

/// An alignment in two parts.
struct Data {
    train: Alignment,
    weights: Vec<f64>,
    test: Option<Alignment>,
}

impl Data {
    fn new(args: &DesignLearnArgs, family: &Alignment, streams: &Streams) -> Result<Self, Failure> {
        let n_test = (args.holdout * family.len() as f64).round() as usize;
        let mut places: Vec<usize> = (0..family.len()).collect();
        streams.stream("holdout", 0).shuffle(&mut places);
        let (test, train) = places.split_at_mut(n_test.min(family.len()));
        if train.is_empty() {
            return Err(Failure::Usage(format!("--holdout {}: nothing is left to learn from", args.holdout)));
        }
        test.sort_unstable();
        train.sort_unstable();
        let train = family.select(train)?;
        let weights = train.weights(args.identity, Par::Rayon)?;
        let test = if test.is_empty() { None } else { Some(family.select(test)?) };
        Ok(Data { train, weights, test })
    }
}

pub(super) fn learn(args: &DesignLearnArgs) -> Result<(), Failure> {
    let mut settled = args.clone();
    let seed = *settled.run.seed.get_or_insert_with(run::drawn_seed);
    let streams = Streams::new(seed);
    if args.identity <= 0.0 {
        return Err(Failure::Usage("--identity 0: must be greater than 0".into()));
    }
    let input = Input::read(&args.file, u64::from(args.memory) << 20)?;
    let options = FastaOptions {
        ambiguous_as_gaps: args.ambiguous_as_gaps,
        drop_insertions: args.drop_insertions,
        ..FastaOptions::new(args.alphabet.into())
    };
    let family = read_fasta(&input.bytes, &args.file, &options)?;
    let mut inputs = input.hashes();
    drop(input);
    let truth = SavedPotts::truth(args.truth.as_deref(), (family.n_sites(), family.alphabet()))?;
    if let Some(path) = &args.truth {
        inputs.extend(Input::read(path, u64::MAX >> 1)?.hashes());
    }
    let refinement = Refinement {
        n_chains: args.chains as usize,
        sweeps: args.sweeps as usize,
        learning_rate: args.learning_rate,
        n_steps: u64::from(args.refine),
        lambda_fields: args.field_penalty,
        lambda_couplings: args.penalty,
    }
    .checked()?;
    let data = Data::new(args, &family, &streams)?;
    let target =
        PseudoLikelihood::new(&data.train, &data.weights, args.field_penalty, args.penalty, Par::Rayon)?;
    let config = config::to_toml("design learn", &settled)?;
    let folder = Folder::of_run(&args.run, "design-learn", seed, &config, &inputs)?;
    let mut keeper = Keeper::new(&folder, &args.run, config::hash_with(&config, &inputs)?)?;
    same_sweeps(&mut keeper.progress.sweeps, args.sweeps)?;
    let machine = work(args, &target, &data, &refinement, &streams, &mut keeper)?;
    keeper.save()?;

    let single = data.train.frequencies(&data.weights, PSEUDOCOUNT, Par::Rayon)?.single;
    let saved = SavedPotts {
        profile: PottsMachine::profile(family.alphabet(), family.n_sites(), &single)?,
        machine: machine.zero_sum(),
        family,
        contacts: truth.as_ref().and_then(|t| t.contacts.clone()),
    };
    let mut o = Outcome::default();
    keeper.undivided(|| judge(&mut o, args, &data, &saved, truth.as_ref(), &streams))?;
    let (rounds, refined) = (&keeper.progress.rounds, &keeper.progress.refined);
    history(&mut o, args, rounds, refined);
    saved.save(&folder.file("model.potts"))?;
    let scores = ContactScores::of(&saved.machine);
    folder.write("contacts.csv", contacts_csv(&scores, saved.contacts.as_deref()).as_bytes())?;
    let separation = usize::from(args.separation);
    o.figure(contact_figure(&scores, saved.machine.n_sites(), saved.contacts.as_deref(), separation));
    let mut outputs: Vec<_> =
        ["checkpoint", "model.potts", "contacts.csv"].into_iter().map(|f| folder.file(f)).collect();
    if let Some(file) = &args.run.series {
        let column = |name: &str, values: Vec<f64>| series::Column { name: name.into(), values };
        series::write(
            file,
            &[
                column("minus_pseudo_log_likelihood", rounds.iter().map(|r| r.0).collect()),
                column("largest_slope", rounds.iter().map(|r| r.1).collect()),
                column("rms_pair_difference", refined.iter().map(|r| r.rms_pairs).collect()),
            ],
        )?;
        outputs.push(file.clone());
    }
    let more = format!("model: {}\n", folder.file("model.potts").display());
    let ending = Ending {
        command: "design learn",
        config: &config,
        settled: &settled,
        seed,
        outputs,
        details: serde_json::json!({
            "sites": saved.machine.n_sites(),
            "sequences": data.train.len(),
            "rounds": rounds.len(),
            "refinement_steps": refined.len(),
        }),
        json: args.run.json,
    };
    ending.finish(&folder, &o, &more)
}

/// All rounds and steps that are left.
fn work(
    args: &DesignLearnArgs,
    target: &PseudoLikelihood<'_>,
    data: &Data,
    refinement: &Refinement,
    streams: &Streams,
    keeper: &mut Keeper,
) -> Result<PottsMachine, Failure> {
    let bar = progress::bar(u64::from(args.rounds) + u64::from(args.refine), keeper.quiet);
    let stop = Stop {
        gradient: args.tolerance,
        max_iterations: ITERATIONS,
        max_evaluations: 10 * ITERATIONS,
        ..Stop::default()
    };
    while !keeper.progress.settled && (keeper.progress.rounds.len() as u64) < u64::from(args.rounds) {
        let fit = target.fit(keeper.progress.x.as_deref(), &stop, |_| ControlFlow::Continue(()))?;
        let p = &mut keeper.progress;
        p.rounds.push((fit.outcome.value, fit.outcome.gradient_norm));
        p.settled = fit.outcome.reason.converged() || fit.outcome.iterations == 0;
        p.x = Some(fit.outcome.x);
        bar.set_position(p.rounds.len() as u64);
        bar.set_message(format!("pseudo-likelihood: largest slope {:.1e}", fit.outcome.gradient_norm));
        keeper.pause(|_| Ok(()))?;
    }
    let x = keeper.progress.x.clone().unwrap_or_else(|| vec![0.0; target.n_parameters()]);
    let learned = target.machine(&x)?;
    if args.refine == 0 {
        bar.finish_and_clear();
        return Ok(learned);
    }
    let frequencies = data.train.frequencies(&data.weights, 0.0, Par::Rayon)?;
    let rngs = streams.child("chains", 0);
    let mut state = match keeper.progress.refinement.take() {
        Some(state) => state,
        None => refinement.start(&learned, &data.train, &rngs)?,
    };
    let mut steps = std::mem::take(&mut keeper.progress.refined);
    while let Some(step) = state.step(refinement, &frequencies, &rngs, Par::Rayon)? {
        steps.push(step);
        bar.set_position(u64::from(args.rounds) + state.step_number());
        bar.set_message(format!("chains: pair frequencies off by {:.2e}", step.rms_pairs));
        keeper.pause(|p| {
            p.refinement = Some(state.clone());
            p.refined.clone_from(&steps);
            Ok(())
        })?;
    }
    bar.finish_and_clear();
    keeper.progress.refined = steps;
    keeper.progress.refinement = Some(state.clone());
    Ok(state.machine().clone())
}

/// Numbers and pictures of a model that was learned.
fn judge(
    o: &mut Outcome,
    args: &DesignLearnArgs,
    data: &Data,
    saved: &SavedPotts,
    truth: Option<&SavedPotts>,
    streams: &Streams,
) -> Result<(), Failure> {
    let machine = &saved.machine;
    o.reported("sequences", Estimate::exact(data.train.len() as f64));
    o.reported("sequences by weight", Estimate::exact(data.weights.iter().sum()));
    if let Some(test) = data.test.as_ref().filter(|t| t.len() > 1) {
        let per_site = |m: &PottsMachine| -> smml_learn::Result<Vec<f64>> {
            test.rows().map(|r| Ok(m.pseudo_log_likelihood(r)? / m.n_sites() as f64)).collect()
        };
        let (ours, theirs) = (per_site(machine)?, per_site(&saved.profile)?);
        let gain: Vec<f64> = ours.iter().zip(&theirs).map(|(a, b)| a - b).collect();
        o.reported(
            "ln P of a site given the others, held-out sequences, nats",
            Estimate::from_independent(&ours)?,
        );
        o.reported("the same of independent sites", Estimate::from_independent(&theirs)?);
        o.at_least("what the couplings gain", Estimate::from_independent(&gain)?, 0.0);
    }
    let n = args.chains as usize;
    let draw =
        |m: &PottsMachine, what: &str| m.sample(n, SAMPLE_SWEEPS, "", &streams.child(what, 0), Par::Rayon);
    let (from_model, from_profile) = (draw(machine, "from model")?, draw(&saved.profile, "from profile")?);
    let natural = data.test.as_ref().unwrap_or(&data.train);
    let mut show = |id: &str, title: &str, what: &str, under: &PottsMachine| -> Result<(), Failure> {
        let sets = [natural, &from_profile, &from_model].map(|s| energies(under, s));
        for (name, values) in
            ["natural sequences", "sequences of the profile", "sequences of the model"].iter().zip(&sets)
        {
            if let Ok(mean) = Estimate::from_independent(values) {
                o.reported(format!("{what} energy, {name}"), mean);
            }
        }
        o.figure(energy_figure(
            id,
            title,
            &format!("{title} of natural sequences{}, of sequences drawn from the profile of independent sites, and of sequences drawn from the model.",
                if data.test.is_some() { " that were held out" } else { "" }),
            &[("natural", &sets[0]), ("profile", &sets[1]), ("model", &sets[2])],
            &[],
        ));
        Ok(())
    };
    show("energies", "Energies under the learned model", "learned", machine)?;
    if let Some(truth) = truth {
        show("true-energies", "True energies", "true", &truth.machine)?;
        against_truth(o, args, machine, truth)?;
    }
    Ok(())
}

/// How much of the true model was found again.
fn against_truth(
    o: &mut Outcome,
    args: &DesignLearnArgs,
    machine: &PottsMachine,
    truth: &SavedPotts,
) -> Result<(), Failure> {
    let n = machine.n_sites();
    let all: Vec<(usize, usize)> = (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j))).collect();
    let contacts = truth.contacts.as_deref().unwrap_or(&all);
    for (name, pairs) in [("contacts", contacts), ("all pairs", &all)] {
        match coupling_correlation(machine, &truth.machine, pairs) {
            Ok(found) => {
                o.reported(format!("correlation with the true couplings, {name}"), found);
            }
            Err(e) => {
                o.note(format!("no correlation of couplings, {name}: {e}"));
            }
        }
    }
    if truth.contacts.is_some() {
        let separation = usize::from(args.separation);
        let far = contacts.iter().filter(|(i, j)| j - i >= separation).count();
        let scores = ContactScores::of(machine);
        if far > 0 {
            let precision = scores.precision(contacts, far, separation)?;
            o.reported(format!("contacts among the first {far} pairs"), precision);
        }
        let ranked = scores.ranked(separation);
        let mut hits = 0;
        let curve: Vec<(f64, f64)> = ranked
            .iter()
            .take(4 * far.max(1))
            .enumerate()
            .map(|(k, (i, j, _))| {
                hits += u32::from(contacts.contains(&(*i, *j)));
                ((k + 1) as f64, f64::from(hits) / (k + 1) as f64)
            })
            .collect();
        o.figure(Figure::plot(
            "precision",
            "Contacts",
            &format!(
                "The fraction of true contacts among the pairs with the highest scores; there are {far}."
            ),
            Axis::linear("pairs"),
            Axis::linear("true contacts").over(0.0, 1.05),
            vec![Series::new("learned couplings", Style::LinePoints, curve)],
        ));
    }
    let (found, want) = (machine.zero_sum(), truth.machine.zero_sum());
    let points: Vec<(f64, f64)> = contacts
        .iter()
        .flat_map(|(i, j)| {
            let letters = 0..machine.n_letters() as u8 - 1;
            letters.clone().flat_map(move |a| letters.clone().map(move |b| ((*i, a), (*j, b))))
        })
        .map(|(x, y)| (want.coupling(x, y), found.coupling(x, y)))
        .collect();
    let every = points.len().div_ceil(SHOWN);
    let points: Vec<(f64, f64)> = points.into_iter().step_by(every.max(1)).collect();
    let most = points.iter().map(|p| p.0.abs()).fold(0.0, f64::max);
    o.figure(Figure::plot(
        "couplings",
        "Couplings",
        "Couplings at contacts, true and learned, in the zero-sum gauge; a penalty makes the learned ones smaller.",
        Axis::linear("true"),
        Axis::linear("learned"),
        vec![
            Series::new("couplings", Style::Points, points),
            Series::new("equal", Style::Dashed, vec![(-most, -most), (most, most)]),
        ],
    ));
    Ok(())
}

/// How the learning went.
fn history(o: &mut Outcome, args: &DesignLearnArgs, rounds: &[(f64, f64)], refined: &[RefinementStep]) {
    if let Some((value, slope)) = rounds.last() {
        o.reported("minus pseudo-log-likelihood with penalties, nats a sequence", Estimate::exact(*value));
        o.reported("largest slope at the end", Estimate::exact(*slope));
        if *slope > args.tolerance {
            o.note(format!(
                "The search ended before the largest slope was {}: more --rounds go on.",
                args.tolerance
            ));
        }
    }
    if let Some(last) = refined.last() {
        o.reported(
            "pair frequencies of the chains, off by (rms), last step",
            Estimate::exact(last.rms_pairs),
        );
        let points = refined.iter().enumerate().map(|(k, s)| ((k + 1) as f64, s.rms_pairs)).collect();
        o.figure(Figure::plot(
            "chains",
            "Persistent chains",
            "Root mean square difference of pair frequencies between chains and family, step by step; chains of a finite number keep some of it.",
            Axis::linear("step"),
            Axis::log("difference"),
            vec![Series::new("chains", Style::Line, points)],
        ));
    }
}
