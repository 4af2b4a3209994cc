//! Numbers from the samples of `smml ising`: averages of each size and temperature beside exact ones, and what ladders of
//! exchanging temperatures add: round trips, free energies and entropies.

use super::{
    system::{self, System},
    work::{Exchange, Measured, Work},
};
use crate::{
    args::{
        IsingArgs,
        spins::{Edges, Ladder, Lattice},
    },
    error::Failure,
    report::figure::{Axis, Figure, Series, Style},
    reproduce::check::{Expected, Outcome, Row, Verdict, short},
    run::results::{Gate, Part},
};
use serde::Serialize;
use smml_core::{
    Estimate,
    certificate::{SampledBeta, sampled_beta},
    diagnose::{Equilibrated, Equilibration, equilibration},
    estimate::Source,
    parallel::Par,
};
use smml_physics::{
    glass::correlation_length,
    ising::{Solution, exact, observe, one_dimension, onsager},
};
use std::f64::consts::LN_2;

/// Largest systems whose exact averages are enumerated for comparison.
const ENUMERATED: usize = 20;
/// Samples from which on a chain that never changes is called frozen.
const JUDGED: usize = 100;
/// Most bytes of the matrix of all samples in all temperatures that free energies are found from.
const MATRIX: usize = 1 << 30;

/// What was found for one size at one temperature.
pub(super) struct PointResult {
    pub(super) size: u32,
    pub(super) beta: f64,
    pub(super) temperature: Option<f64>,
    pub(super) samples: usize,
    pub(super) equilibration: Option<Equilibration>,
    pub(super) rows: Vec<Row>,
    pub(super) part: Part,
    /// The correlation at distances 1, 2, ..., where it was measured.
    pub(super) correlation: Vec<(f64, Estimate)>,
}

impl PointResult {
    /// Whether the chain was in equilibrium, in words.
    pub(super) fn verdict(&self) -> &'static str {
        match self.equilibration.map(|e| e.verdict) {
            Some(Equilibrated::Yes) => "equilibrated",
            Some(Equilibrated::StillDrifting) => "NOT EQUILIBRATED",
            Some(Equilibrated::Constant) => "frozen: the energy never changed",
            None => "too short to judge equilibration",
        }
    }
}

/// Most comparisons of one size at one temperature.
const COMPARISONS: usize = 10;

/// How numbers are judged: all comparisons together raise few false alarms.
pub(super) fn gate(n_points: usize) -> Gate {
    Gate::of_run(COMPARISONS * n_points)
}

/// A part of the results that belongs to several temperatures or sizes.
pub(super) struct More {
    pub(super) part: Part,
    pub(super) rows: Vec<Row>,
    pub(super) figures: Vec<Figure>,
}

/// What the results of a temperature have beside its quantities.
#[derive(Serialize)]
struct Details {
    size: u32,
    beta: f64,
    temperature: Option<f64>,
    samples: usize,
    acceptance: Option<f64>,
    equilibration: Option<Equilibration>,
    /// Why the samples show no finite beta, if so; else it is among the quantities.
    no_sampled_beta: Option<SampledBeta>,
}

/// Evaluates every size at every temperature.
pub(super) fn points(args: &IsingArgs, measured: &[Measured<'_>]) -> Result<Vec<PointResult>, Failure> {
    let mut results = Vec::with_capacity(measured.len());
    let mut rest = measured;
    while let Some(first) = rest.first() {
        let n = rest.iter().take_while(|m| m.system.size == first.system.size).count();
        let (points, after) = rest.split_at(n);
        rest = after;
        let enumerated = if first.system.n_spins() <= ENUMERATED {
            let betas: Vec<f64> = points.iter().map(|m| m.beta).collect();
            exact::averages(&system::graph(args, first.system.size)?, &betas)?.into_iter().map(Some).collect()
        } else {
            vec![None; n]
        };
        for (point, enumerated) in points.iter().zip(enumerated) {
            results.push(evaluate(args, enumerated, point, gate(measured.len()))?);
        }
    }
    Ok(results)
}

/// Names of a size at a temperature: for people, and for the results.
fn names(args: &IsingArgs, size: u32, beta: f64) -> (Option<f64>, String, String) {
    let temperature = args.temperature.as_ref().map(|_| 1.0 / beta);
    let temperature = temperature.map(|t| format!("{t:.12e}").parse().unwrap_or(t));
    let (b, t) = (shown(args, beta), temperature.map(|t| shown(args, t)));
    let title = t.map_or(format!("β = {b}"), |t| format!("T = {t}"));
    let id = temperature.map_or(format!("beta={beta}"), |t| format!("T={t}"));
    if args.size.0.len() > 1 {
        return (temperature, format!("L = {size}, {title}"), format!("L={size} {id}"));
    }
    (temperature, title, id)
}

/// A temperature for people: those of a ladder that was moved have more digits than anybody wants.
pub(super) fn shown(args: &IsingArgs, x: f64) -> f64 {
    match args.tempering {
        Some(Ladder::Acceptance | Ladder::RoundTrips) => format!("{x:.5e}").parse().unwrap_or(x),
        _ => x,
    }
}

fn evaluate(
    args: &IsingArgs,
    enumerated: Option<exact::ThermalAverages>,
    point: &Measured<'_>,
    gate: Gate,
) -> Result<PointResult, Failure> {
    let (system, beta, size) = (point.system, point.beta, point.system.size);
    let (temperature, title, id) = names(args, size, beta);
    let sampled_beta = sampled_beta(&point.record.column(2)).ok();
    let details = Details {
        size,
        beta,
        temperature,
        samples: point.record.len(),
        acceptance: point.acceptance,
        equilibration: equilibration(&point.record.column(0)).ok(),
        no_sampled_beta: sampled_beta.filter(|b| !matches!(b, SampledBeta::Finite(_))),
    };
    let mut outcome = Outcome::default();
    let mut message = None;
    match observe::observables(point.record, system.n_spins(), system.is_symmetric(), beta) {
        Ok(got) => {
            let all = |f: fn(&exact::ThermalAverages) -> f64| enumerated.as_ref().map(f);
            let solved = if enumerated.is_none() { solution(args, size, beta) } else { None };
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
                // An error of the size of rounding is that of samples that are all alike: the energy tells whether they
                // are typical.
                let rounding = 1e-12 * estimate.value.abs();
                match exact {
                    Some(x) if estimate.std_error > rounding => {
                        outcome.sampled(name, estimate, x);
                    }
                    Some(x) if name == "energy" && details.samples >= JUDGED => {
                        let row = frozen(args, system, details.samples, estimate, x);
                        if gate.verdict(&row) == Verdict::Fails {
                            message = Some(format!(
                                "frozen in a state that is not typical: the energy is {} in every sample, exact {}",
                                short(estimate.value),
                                short(x)
                            ));
                        }
                        outcome.rows.push(row);
                    }
                    _ => {
                        outcome.reported(name, estimate);
                    }
                }
            }
            if let Some(SampledBeta::Finite(b)) = sampled_beta {
                outcome.sampled("sampled beta", b, beta);
            }
            if let Some(length) = length(point) {
                outcome.reported("correlation length", length);
                outcome.reported("correlation length / L", length.affine(0.0, 1.0 / f64::from(size)));
            }
        }
        Err(e @ smml_core::Error::TooShort { .. }) => message = Some(e.to_string()),
        Err(e) => return Err(e.into()),
    }
    let mut part = Part::judged(&id, &title, &outcome.rows, message, gate);
    match details.equilibration.map(|e| e.verdict) {
        Some(Equilibrated::StillDrifting) if part.message.is_none() => {
            let drifts = "the energy still drifts in the second half: more burn-in or more sweeps are needed";
            part = Part::judged(&id, &title, &outcome.rows, Some(drifts.into()), gate);
        }
        Some(Equilibrated::Constant) => part.notes.push(format!(
            "{title}: frozen: the energy never changed, and what is said holds for the state that the chain is in"
        )),
        _ => {}
    }
    let vague: Vec<&str> =
        outcome.rows.iter().filter(|r| gate.is_vague(r)).map(|r| r.quantity.as_str()).collect();
    if !vague.is_empty() {
        part.notes.push(format!("{title}: too few samples to judge: {}", vague.join(", ")));
    }
    part.details =
        serde_json::to_value(&details).map_err(|e| Failure::File(format!("results as JSON: {e}")))?;
    Ok(PointResult {
        correlation: correlation(point),
        size,
        beta,
        temperature,
        samples: details.samples,
        equilibration: details.equilibration,
        rows: outcome.rows,
        part,
    })
}

/// The energy of samples that are all alike beside the exact one. A state with an excitation has at most 8 (|J| + |h|) more;
/// where none was seen in n samples, there are rarely more than 20 / n of them at a time.
fn frozen(args: &IsingArgs, system: &System, samples: usize, energy: Estimate, exact: f64) -> Row {
    let excitation = 8.0 * (args.coupling.abs() + args.field.abs());
    let room = 20.0 / samples as f64 * excitation / system.n_spins() as f64 + 1e-9 * exact.abs();
    let tolerance = room / exact.abs().max(1.0);
    Row { quantity: "energy".into(), value: energy, expected: Expected::Computed { exact, tolerance } }
}

/// The correlation length from the structure factors, where they were measured and there is order or noise enough.
fn length(point: &Measured<'_>) -> Option<Estimate> {
    if point.record.width() < system::CORRELATED_COLUMNS {
        return None;
    }
    let side = point.system.size as usize;
    // Where the means give one, the blocks that the error comes from may still not: a negative square is a length of 0.
    let of = |m: &[f64]| correlation_length(m[3].max(m[4]), m[4], side).unwrap_or(f64::NAN);
    let length = point.record.derived(of).ok()?;
    length.value.is_finite().then_some(length)
}

/// The correlation at every distance: sample k has the one at distance 1 + k mod n.
fn correlation(point: &Measured<'_>) -> Vec<(f64, Estimate)> {
    let n = point.system.distances();
    if n == 0 {
        return Vec::new();
    }
    let all = point.record.column(5);
    let at = |d: usize| {
        let series: Vec<f64> = all.iter().skip(d).step_by(n).copied().collect();
        Some(((d + 1) as f64, Estimate::from_chain(&series).ok()?))
    };
    (0..n).filter_map(at).collect()
}

/// What ladders say: exchange and round trips, and, into the results of their temperatures, free energies and entropies.
pub(super) fn ladders(
    args: &IsingArgs,
    systems: &[System],
    work: &Work,
    results: &mut [PointResult],
) -> Result<Vec<More>, Failure> {
    let (n, gate) = (results.len() / systems.len(), gate(results.len()));
    let mut more = Vec::new();
    for ((ladder, system), results) in work.ladders().iter().zip(systems).zip(results.chunks_mut(n)) {
        thermodynamics(args, ladder, system, results, gate)?;
        more.push(exchange(args, ladder, system, results)?);
    }
    Ok(more)
}

/// Free energies and entropies of all temperatures together, where ln Z of the hottest is known.
fn thermodynamics(
    args: &IsingArgs,
    ladder: &Exchange,
    system: &System,
    results: &mut [PointResult],
    gate: Gate,
) -> Result<(), Failure> {
    let run = &ladder.run;
    let (k, first, n) = (run.betas().len(), run.betas()[0], system.n_spins() as f64);
    let known = |beta: f64| {
        if beta == 0.0 { Some(n * LN_2) } else { solution(args, system.size, beta).map(|s| s.ln_z) }
    };
    let Some(ln_z) = known(first) else { return Ok(()) };
    let bytes = run.energies().len().saturating_mul(72 * k * k);
    // Too few samples for an error bar have no results either.
    if bytes > MATRIX || results.iter().any(|r| r.rows.is_empty()) {
        return Ok(());
    }
    for (found, result) in run.thermodynamics(ln_z, Par::Rayon)?.into_iter().zip(results) {
        let mut outcome = Outcome { rows: std::mem::take(&mut result.rows), ..Outcome::default() };
        if let Some(free) = found.free_energy {
            let free = free.affine(0.0, 1.0 / n);
            match known(found.beta) {
                Some(exact) if found.beta != first => {
                    outcome.sampled("free energy", free, -exact / (found.beta * n))
                }
                // The first one is where the others are counted from.
                _ if found.beta == first => {
                    outcome.reported("free energy (exact, reference)", Estimate::exact(free.value))
                }
                _ => outcome.reported("free energy", free),
            };
        }
        outcome.reported("entropy", found.entropy.affine(0.0, 1.0 / n));
        result.rows = outcome.rows;
        let (details, message) = (result.part.details.take(), result.part.message.take());
        let notes = std::mem::take(&mut result.part.notes);
        result.part = Part::judged(&result.part.id, &result.part.title, &result.rows, message, gate);
        (result.part.details, result.part.notes) = (details, notes);
    }
    Ok(())
}

/// What the ladder of one size has beside its quantities.
#[derive(Serialize)]
struct LadderDetails {
    beta: Vec<f64>,
    /// Of swaps with the next temperature.
    acceptance: Vec<Option<f64>>,
    /// Fraction of replicas that come from the hottest.
    flow: Vec<Option<f64>>,
    round_trips: Vec<u64>,
}

fn exchange(
    args: &IsingArgs,
    ladder: &Exchange,
    system: &System,
    results: &[PointResult],
) -> Result<More, Failure> {
    let run = &ladder.run;
    let trips: u64 = run.round_trips().iter().sum();
    let without = run.round_trips().iter().filter(|t| **t == 0).count();
    let steps = run.n_steps().saturating_sub(run.plan().before_samples());
    let mut outcome = Outcome::default();
    // Rare events: a count of n has an error of √n, at least 1.
    let counted = trips.max(1) as f64;
    let relative = 1.0 / counted.sqrt();
    let sampled =
        |value: f64, error: f64| Estimate::with_dof(value, error, f64::MAX, counted, Source::Independent);
    outcome.reported("round trips", sampled(trips as f64, counted.sqrt()));
    let replicas = run.round_trips().len() as u64;
    outcome.reported("fraction of replicas without one", Estimate::from_counts(without as u64, replicas)?);
    if trips > 0 {
        let sweeps = super::work::STEP as f64 * steps as f64 * run.betas().len() as f64 / trips as f64;
        outcome.reported("sweeps of a replica for one", sampled(sweeps, sweeps * relative));
    }
    let acceptance = run.acceptances();
    let rates: Vec<f64> = acceptance.iter().flatten().copied().collect();
    if let Some(lowest) = rates.iter().copied().reduce(f64::min)
        && steps > 0
    {
        // One try of each pair in a step.
        let accepted = (lowest * steps as f64).round().clamp(0.0, steps as f64) as u64;
        outcome.reported("lowest acceptance of a swap", Estimate::from_counts(accepted, steps)?);
    }
    let several = args.size.0.len() > 1;
    let (id, title) = if several {
        (format!("L={} ladder", system.size), format!("Ladder of L = {}", system.size))
    } else {
        ("ladder".into(), "Ladder".into())
    };
    let none = "no replica went from the hottest to the coldest temperature and back: take more temperatures, or more \
                sweeps";
    let mut part = Part::new(&id, &title, &outcome.rows, (trips == 0).then(|| none.into()));
    let details = LadderDetails {
        beta: run.betas().to_vec(),
        acceptance: acceptance.clone(),
        flow: run.flow(),
        round_trips: run.round_trips().to_vec(),
    };
    part.details =
        serde_json::to_value(&details).map_err(|e| Failure::File(format!("results as JSON: {e}")))?;
    let x: Vec<f64> = results.iter().map(|r| r.temperature.unwrap_or(r.beta)).collect();
    let between: Vec<(f64, f64)> =
        acceptance.iter().enumerate().filter_map(|(i, a)| Some((0.5 * (x[i] + x[i + 1]), (*a)?))).collect();
    let flow = run.flow().iter().zip(&x).filter_map(|(f, x)| Some((*x, (*f)?))).collect();
    let label = if args.temperature.is_some() { "temperature T" } else { "inverse temperature β" };
    let figure = Figure::plot(
        &format!("ladder-{}", system.size),
        &title,
        "How often neighbours exchange their states, between them, and the fraction of replicas that were last at the \
         hottest temperature: a steep part of it is a bottleneck.",
        Axis::linear(label),
        Axis::linear("fraction").over(0.0, 1.0),
        vec![
            Series::new("acceptance of swaps", Style::LinePoints, between),
            Series::new("come from the hottest", Style::LinePoints, flow),
        ],
    );
    Ok(More { part, rows: outcome.rows, figures: vec![figure] })
}

/// ln Z, energy and specific heat of the model at `beta`, with the energy in the units of the coupling, where there is a
/// closed form.
pub(super) fn solution(args: &IsingArgs, size: u32, beta: f64) -> Option<Solution> {
    let (k, is_even, size) = (beta * args.coupling, size.is_multiple_of(2), size as usize);
    if args.field != 0.0 || k == 0.0 {
        return None;
    }
    let solution = match (args.lattice, args.boundary) {
        (Lattice::Square, Edges::Periodic) if k > 0.0 => onsager::torus(size, size, k).ok()?,
        // On an even torus the antiferromagnet is the ferromagnet with every other spin reversed.
        (Lattice::Square, Edges::Periodic) if is_even => {
            let mirror = onsager::torus(size, size, -k).ok()?;
            Solution { energy: -mirror.energy, ..mirror }
        }
        (Lattice::Chain, Edges::Periodic | Edges::Helical) => one_dimension::ring(size, k).ok()?,
        (Lattice::Square | Lattice::Triangular | Lattice::Honeycomb | Lattice::Cubic, _) => return None,
        (Lattice::Chain, Edges::Open) => one_dimension::open_chain(size, k).ok()?,
    };
    Some(Solution { energy: args.coupling * solution.energy, ..solution })
}
