//! `smml glass`: spin glasses by parallel tempering of two replicas, averaged over samples of the disorder.
//!
//! A sample has couplings of its own and two ladders of temperatures with independent noise; overlaps are those of the two
//! states at one temperature. Errors come from the spread between samples. Equilibration is tested by what must hold in
//! equilibrium: the second half of the measurement agrees with the first; with Gaussian couplings the energy follows from
//! the link overlap (H. G. Katzgraber, M. Palassini and A. P. Young, Phys. Rev. B 63, 184422 (2001)); on the Nishimori line
//! of the ±1 glass the energy is known.

use super::{
    batches::{self, Extent},
    lattices,
};
use crate::{
    args::{
        GlassArgs,
        spins::{Disorder, Edges, Lattice},
    },
    error::Failure,
    report::figure::{Axis, Figure, Series, Style},
    reproduce::check::{Outcome, Row},
    run::{
        self, config,
        folder::Folder,
        input::Hashes,
        results::{self, Document, Finished, Part},
        series,
    },
};
use serde::{Deserialize, Serialize};
use smml_core::{
    Estimate,
    rng::{Draw, Streams},
    sample::HeatBath,
};
use smml_physics::{
    glass::{Measurement, OverlapHistogram, SampleMeans, averages, nishimori_energy},
    ising::{CachedIsing, CachedSpins, Ising},
    lattice,
    tempering::{ParallelTempering, TemperingPlan},
};
use std::fmt::Write as _;

/// Sweeps of one step of tempering.
const STEP: u32 = 2;
/// Measurements of each temperature, at most.
const MEASUREMENTS: u32 = 1000;
/// Samples where neither `--samples` nor `--time` says it.
const SAMPLES: u64 = 16;
/// Most samples, and the fewest that have error bars.
const MOST_SAMPLES: u64 = 1 << 20;
const LEAST_SAMPLES: usize = 10;
/// Most spins times temperatures of one sample.
const LARGEST: u128 = 1 << 27;
/// Most bins of the distribution of overlaps.
const BINS: usize = 40;
/// Distributions of overlaps that are shown.
const SHOWN: usize = 5;

/// Runs the command.
pub(crate) fn run(args: &GlassArgs) -> Result<(), Failure> {
    run::with_threads(args.run.threads, || glass(args))
}

/// One temperature of one sample.
#[derive(Clone, Serialize, Deserialize)]
struct AtTemperature {
    /// Of the first and the second half of the measurement.
    halves: [Means; 2],
    /// How often |q| fell into each bin from 0 to 1.
    overlaps: Vec<u64>,
}

/// [`SampleMeans`] as they are saved.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct Means {
    energy: f64,
    m2: f64,
    q2: f64,
    q4: f64,
    link: f64,
    chi_k: f64,
}

impl From<SampleMeans> for Means {
    fn from(m: SampleMeans) -> Self {
        Means { energy: m.energy, m2: m.m2, q2: m.q2, q4: m.q4, link: m.link, chi_k: m.chi_k }
    }
}

impl AtTemperature {
    /// Both halves together.
    fn means(&self) -> SampleMeans {
        let [a, b] = self.halves;
        let mean = |f: fn(Means) -> f64| 0.5 * (f(a) + f(b));
        SampleMeans {
            energy: mean(|m| m.energy),
            m2: mean(|m| m.m2),
            q2: mean(|m| m.q2),
            q4: mean(|m| m.q4),
            link: mean(|m| m.link),
            chi_k: mean(|m| m.chi_k),
        }
    }
}

/// One sample.
#[derive(Clone, Serialize, Deserialize)]
struct Sample {
    temperatures: Vec<AtTemperature>,
    /// Round trips of all replicas of both ladders.
    round_trips: u64,
    /// Mean of the squared couplings.
    squares: f64,
}

/// What is saved on the way.
#[derive(Default, Serialize, Deserialize)]
struct Saved {
    /// Sweeps of each sample.
    sweeps: u32,
    samples: Vec<Sample>,
}

impl batches::Saved for Saved {
    type Batch = Sample;
    fn n_batches(&self) -> u64 {
        self.samples.len() as u64
    }
    fn take(&mut self, sample: Sample) -> Result<(), Failure> {
        self.samples.push(sample);
        Ok(())
    }
    /// An average over the disorder needs some samples.
    fn has_result(&self) -> bool {
        self.samples.len() >= LEAST_SAMPLES
    }
}

/// What is simulated.
struct Study {
    lattice: lattice::Lattice,
    disorder: Disorder,
    negative: f64,
    /// From the hottest.
    betas: Vec<f64>,
    plan: TemperingPlan,
    /// Whether the lattice has a correlation length.
    correlated: bool,
}

impl Study {
    fn new(args: &GlassArgs) -> Result<Self, Failure> {
        let betas = betas(args)?;
        let largest = if args.lattice == Lattice::Cubic { 64 } else { 1024 };
        if args.size > largest {
            return Err(Failure::Usage(format!("--size {}: at most {largest} on this lattice", args.size)));
        }
        let states = lattices::n_sites(args.lattice, args.size) * betas.len() as u128;
        if states > LARGEST {
            return Err(Failure::Usage(format!(
                "--size {}, {} temperatures: {states} spins in one sample, at most {LARGEST}",
                args.size,
                betas.len()
            )));
        }
        let steps = u64::from(args.sweeps / STEP);
        let thin = steps.div_ceil(u64::from(MEASUREMENTS));
        // Halves of equal length.
        let n_samples = (steps / thin / 2 * 2).max(2);
        Ok(Study {
            lattice: lattices::build(args.lattice, args.size, args.boundary)?,
            disorder: args.disorder,
            negative: args.negative.unwrap_or(0.5),
            betas,
            plan: TemperingPlan::new(thin * n_samples, thin, n_samples)?,
            correlated: matches!(args.lattice, Lattice::Chain | Lattice::Square | Lattice::Cubic)
                && args.boundary == Edges::Periodic,
        })
    }

    /// Sample `index`.
    fn sample(&self, streams: &Streams, index: u64) -> Result<Sample, Failure> {
        let mut rng = streams.stream("couplings", index);
        let couplings = self.lattice.graph_with(|_, _| match self.disorder {
            Disorder::PlusMinus if rng.chance(self.negative) => -1.0,
            Disorder::PlusMinus => 1.0,
            Disorder::Gaussian => rng.normal(),
        })?;
        let squares = couplings.edges().map(|e| e.2 * e.2).sum::<f64>() / couplings.n_edges().max(1) as f64;
        let ising = Ising::in_field(couplings, 0.0)?;
        let model = CachedIsing(ising.clone());
        let ladder = |replica: u64| {
            let own = streams.child("replica", 2 * index + replica);
            ParallelTempering::new(&model, HeatBath, self.betas.clone(), self.plan.clone(), &own)
        };
        let mut pair = [ladder(0)?, ladder(1)?];
        let lattice = self.correlated.then_some(&self.lattice);
        let measurement = || Measurement::new(&ising, lattice);
        let mut halves = Vec::new();
        let mut overlaps = Vec::new();
        for _ in &self.betas {
            halves.push([measurement()?, measurement()?]);
            overlaps.push(OverlapHistogram::new(ising.n_spins())?);
        }
        let mut step = self.plan.before_samples();
        for k in 0..self.plan.n_samples() {
            step += self.plan.thin();
            for ladder in &mut pair {
                ladder.advance(&model, step - ladder.n_steps())?;
            }
            let half = usize::from(2 * k >= self.plan.n_samples());
            for (t, (a, b)) in pair[0].states().iter().zip(pair[1].states()).enumerate() {
                let spins = |s: &CachedSpins| s.spins().to_vec();
                let (a, b) = (spins(a), spins(b));
                halves[t][half].add(&a, &b)?;
                overlaps[t].add(&a, &b)?;
            }
        }
        let temperatures = halves
            .iter()
            .zip(&overlaps)
            .map(|(halves, overlaps)| {
                let halves = [halves[0].means()?.into(), halves[1].means()?.into()];
                Ok(AtTemperature { halves, overlaps: folded(overlaps) })
            })
            .collect::<smml_core::Result<_>>()?;
        let round_trips = pair.iter().flat_map(|l| l.round_trips()).sum();
        Ok(Sample { temperatures, round_trips, squares })
    }
}

/// Different values of |q| = |2 up - n| / n that share a bin: as many in every bin, so that none looks empty.
fn per_bin(n: usize) -> usize {
    (n / 2 + 1).div_ceil(BINS)
}

/// Counts of |q| in bins.
fn folded(histogram: &OverlapHistogram) -> Vec<u64> {
    let counts = histogram.counts();
    let n = counts.len() - 1;
    let mut bins = vec![0; (n / 2 + 1).div_ceil(per_bin(n))];
    for (up, count) in counts.iter().enumerate() {
        bins[(2 * up).abs_diff(n) / 2 / per_bin(n)] += count;
    }
    bins
}

/// The density of |q| in the bins of one sample, for `n` spins: places and heights.
fn density(counts: &[u64], n: usize) -> Vec<(f64, f64)> {
    let (total, per) = (counts.iter().sum::<u64>() as f64, per_bin(n) as f64);
    // Steps of |q| are 2 / n; for an odd number of spins the first value is 1 / n.
    let (step, first) = (2.0 / n as f64, (n % 2) as f64 / n as f64);
    let place = |b: usize| first + step * ((b as f64 + 0.5) * per - 0.5);
    // q = 0 has no counterpart -q: it is half as wide.
    let width = |b: usize| step * if b == 0 && n.is_multiple_of(2) { per - 0.5 } else { per };
    counts.iter().enumerate().map(|(b, c)| (place(b), *c as f64 / (total * width(b)))).collect()
}

fn betas(args: &GlassArgs) -> Result<Vec<f64>, Failure> {
    let mut betas: Vec<f64> = match (&args.temperature, &args.beta) {
        (Some(t), _) => t.values.iter().map(|t| 1.0 / t).collect(),
        (None, Some(b)) => b.values.clone(),
        (None, None) => Vec::new(),
    };
    if let Some(bad) = betas.iter().position(|b| !(*b >= 0.0 && *b <= 1e6)) {
        return Err(Failure::Usage(match &args.temperature {
            Some(t) => format!("--temperature {}: must be at least 1e-6", t.values[bad]),
            None => format!("--beta {}: must be from 0 to 1e6", betas[bad]),
        }));
    }
    if let Some(t) = &args.temperature {
        batches::distinct("--temperature", &t.values)?;
    }
    betas.sort_by(f64::total_cmp);
    if betas.len() < 2 || betas.windows(2).any(|b| b[0] >= b[1]) {
        return Err(Failure::Usage(
            "two different temperatures or more are needed: they exchange states".into(),
        ));
    }
    Ok(betas)
}

fn glass(args: &GlassArgs) -> Result<(), Failure> {
    let mut settled = args.clone();
    let seed = *settled.run.seed.get_or_insert_with(run::drawn_seed);
    match args.disorder {
        Disorder::PlusMinus => {
            settled.negative.get_or_insert(0.5);
        }
        Disorder::Gaussian if args.negative.is_some() => {
            return Err(Failure::Usage("--negative: for --disorder plus-minus, not gaussian".into()));
        }
        Disorder::Gaussian => {}
    }
    if args.time.is_none() {
        settled.samples.get_or_insert(SAMPLES);
    }
    let study = Study::new(args)?;
    let streams = Streams::new(seed);
    let config = config::to_toml("glass", &settled)?;
    let hash = config::hash(&config)?;
    let folder = Folder::open_run(&args.run, "glass", seed, &config, &Hashes::new())?;
    let mut saved = batches::load::<Saved>(&args.run, &folder, hash)?
        .unwrap_or_else(|| Saved { sweeps: args.sweeps, ..Saved::default() });
    if saved.sweeps != args.sweeps {
        let there = format!("--sweeps {}: the samples in the folder have {}", args.sweeps, saved.sweeps);
        return Err(Failure::Usage(there));
    }
    if saved.samples.iter().any(|s| s.temperatures.len() != study.betas.len()) {
        return Err(Failure::File(format!("{}: does not fit this run", folder.file("checkpoint").display())));
    }
    let asked = settled.samples.unwrap_or(MOST_SAMPLES);
    let extent = Extent { batches: asked, limit: args.time };
    batches::refuse_fewer(&extent, &saved, &format!("--samples {asked}"), saved.samples.len())?;
    folder.begin(&config)?;
    let seconds = batches::search(&args.run, &folder, (seed, hash), &extent, &mut saved, |index| {
        study.sample(&streams, index)
    })?;
    settled.samples = Some(saved.samples.len() as u64);
    settled.time = None;
    if saved.samples.len() < LEAST_SAMPLES {
        return Err(Failure::Check(format!(
            "--time is over after {} samples: {LEAST_SAMPLES} are needed for error bars; --resume goes on",
            saved.samples.len()
        )));
    }
    finish(&settled, &study, &folder, &saved, seed, &batches::over_time(args.time, seconds.now))
}

/// What the results of a temperature have beside its quantities.
#[derive(Serialize)]
struct Details {
    beta: f64,
    temperature: Option<f64>,
    samples: usize,
    measurements: u64,
}

/// One temperature, evaluated.
struct Evaluated {
    x: f64,
    title: String,
    rows: Vec<Row>,
    part: Part,
}

fn evaluate(args: &GlassArgs, study: &Study, saved: &Saved, t: usize) -> Result<Evaluated, Failure> {
    let beta = study.betas[t];
    let temperature = args.temperature.as_ref().map(|_| 1.0 / beta);
    let temperature = temperature.map(|t| format!("{t:.12e}").parse().unwrap_or(t));
    let title = temperature.map_or(format!("β = {beta}"), |t| format!("T = {t}"));
    let id = temperature.map_or(format!("beta={beta}"), |t| format!("T={t}"));
    let of_samples: Vec<&AtTemperature> = saved.samples.iter().map(|s| &s.temperatures[t]).collect();
    let means: Vec<SampleMeans> = of_samples.iter().map(|s| s.means()).collect();
    let n = study.lattice.n_sites();
    let side = study.correlated.then_some(args.size as usize);
    // Deep in the disordered phase noise may leave no correlation length: the other averages stand.
    let got = averages(&means, n, side).or_else(|_| averages(&means, n, None))?;
    let bonds = study.lattice.bonds().count() as f64 / n as f64;
    let mut o = Outcome::default();
    match args.disorder {
        // On the Nishimori line exp(2 β) = (1 - p) / p.
        Disorder::PlusMinus if (beta.tanh() - (1.0 - 2.0 * study.negative)).abs() < 1e-6 && beta > 0.0 => {
            o.sampled("energy", got.energy, bonds * nishimori_energy(1.0, beta)?);
        }
        _ => {
            o.reported("energy", got.energy);
        }
    }
    o.reported("overlap squared", got.q2);
    o.reported("glass susceptibility", got.susceptibility);
    o.reported("Binder ratio of the overlap", got.binder);
    o.reported("link overlap", got.link);
    o.reported("magnetisation squared", got.m2);
    if let Some(length) = got.correlation_length {
        o.reported("correlation length", length);
        o.reported("correlation length / L", length.affine(0.0, 1.0 / f64::from(args.size)));
    }
    let differences: Vec<f64> = of_samples.iter().map(|s| s.halves[1].q2 - s.halves[0].q2).collect();
    let drift = Estimate::from_independent(&differences)?;
    if drift.std_error > 0.0 {
        o.sampled("overlap squared, second half less first", drift, 0.0);
    }
    if args.disorder == Disorder::Gaussian && beta > 0.0 {
        // Integration by parts over the couplings: [⟨E⟩] / N = -β (bonds / N) (1 - [⟨q_l⟩]).
        let excess: Vec<f64> = means.iter().map(|m| m.energy + beta * bonds * (1.0 - m.link)).collect();
        o.sampled("energy less that of the link overlap", Estimate::from_independent(&excess)?, 0.0);
    }
    let mut part = Part::new(&id, &title, &o.rows, None);
    part.details = serde_json::to_value(Details {
        beta,
        temperature,
        samples: saved.samples.len(),
        measurements: study.plan.n_samples(),
    })
    .map_err(|e| Failure::File(format!("results as JSON: {e}")))?;
    Ok(Evaluated { x: temperature.unwrap_or(beta), title, rows: o.rows, part })
}

fn finish(
    settled: &GlassArgs,
    study: &Study,
    folder: &Folder,
    saved: &Saved,
    seed: u64,
    over: &str,
) -> Result<(), Failure> {
    let results: Vec<Evaluated> =
        (0..study.betas.len()).map(|t| evaluate(settled, study, saved, t)).collect::<Result<_, _>>()?;
    let mut ladder = Outcome::default();
    let trips: Vec<f64> = saved.samples.iter().map(|s| s.round_trips as f64).collect();
    ladder.reported("round trips of a sample", Estimate::from_independent(&trips)?);
    let without = saved.samples.iter().filter(|s| s.round_trips == 0).count();
    ladder.reported("samples without one", Estimate::exact(without as f64));
    let squares: Vec<f64> = saved.samples.iter().map(|s| s.squares).collect();
    ladder.reported("mean squared coupling", Estimate::from_independent(&squares)?);
    let none = format!(
        "{without} sample(s) without a round trip from the hottest to the coldest temperature and back: take more \
         temperatures, or more sweeps"
    );
    let part = Part::new("ladder", "Ladder", &ladder.rows, (without > 0).then_some(none));
    let mut outputs = vec![folder.file("checkpoint")];
    if let Some(file) = &settled.run.series {
        series::write(file, &columns(study, saved))?;
        outputs.push(file.clone());
    }
    let disorder = match settled.disorder {
        Disorder::PlusMinus => format!("couplings ±1, -1 with probability {}", study.negative),
        Disorder::Gaussian => "normal couplings of variance 1".into(),
    };
    let mut text = format!(
        "L = {}, {} spins, {disorder}\n{} samples, {} sweeps of burn-in and as many measured, {} measurements\n",
        settled.size,
        study.lattice.n_sites(),
        saved.samples.len(),
        u64::from(STEP) * study.plan.before_samples(),
        study.plan.n_samples()
    );
    for r in &results {
        let _ = write!(text, "\n{}\n{}", r.title, results::table(&r.rows, "", false));
    }
    let _ = write!(text, "\n{}\n{}", part.title, results::table(&ladder.rows, "", false));
    text += over;
    let mut parts: Vec<Part> = results.iter().map(|r| r.part.clone()).collect();
    parts.push(part);
    let mut tables: Vec<(&str, &[Row])> = vec![("Ladder", &ladder.rows)];
    tables.extend(results.iter().map(|r| (&*r.title, &r.rows[..])));
    Finished {
        document: Document::new("glass", settled, parts)?,
        config: &config::to_toml("glass", settled)?,
        seed,
        text,
        tables: &tables,
        figures: &figures(settled, study.lattice.n_sites(), saved, &results)?,
        outputs,
        json: settled.run.json,
    }
    .conclude(folder)
}

/// Of each sample the energy and the squared overlap at each temperature.
fn columns(study: &Study, saved: &Saved) -> Vec<series::Column> {
    let mut all = Vec::new();
    for (t, beta) in study.betas.iter().enumerate() {
        for (name, of) in
            [("energy", (|m| m.energy) as fn(SampleMeans) -> f64), ("overlap_squared", |m| m.q2)]
        {
            let values = saved.samples.iter().map(|s| of(s.temperatures[t].means())).collect();
            all.push(series::Column { name: format!("{name}_beta_{beta}"), values });
        }
    }
    all
}

fn figures(args: &GlassArgs, n: usize, saved: &Saved, results: &[Evaluated]) -> Result<Vec<Figure>, Failure> {
    let label = if args.temperature.is_some() { "temperature T" } else { "inverse temperature β" };
    let mut figures = Vec::new();
    for (name, id, heading, axis) in [
        ("energy", "energy", "Energy", "energy per spin"),
        ("Binder ratio of the overlap", "binder", "Binder ratio", "g"),
        ("correlation length / L", "correlation-length", "Correlation length", "ξ / L"),
        ("glass susceptibility", "susceptibility", "Glass susceptibility", "N [⟨q²⟩]"),
        ("link overlap", "link", "Link overlap", "[⟨q_l⟩]"),
    ] {
        let points: Vec<(f64, Estimate)> = results
            .iter()
            .flat_map(|r| r.rows.iter().filter(|q| q.quantity == name).map(|q| (r.x, q.value)))
            .collect();
        if !points.is_empty() {
            let series = vec![Series::measured(&format!("L = {}", args.size), &points)];
            let caption = "Averaged over samples, with one standard error.";
            figures.push(Figure::plot(id, heading, caption, Axis::linear(label), Axis::linear(axis), series));
        }
    }
    let step = results.len().div_ceil(SHOWN).max(1);
    let mut distributions = Vec::new();
    for (t, r) in results.iter().enumerate().step_by(step) {
        let of_samples: Vec<Vec<(f64, f64)>> =
            saved.samples.iter().map(|s| density(&s.temperatures[t].overlaps, n)).collect();
        let points = (0..of_samples[0].len())
            .map(|bin| {
                let heights: Vec<f64> = of_samples.iter().map(|d| d[bin].1).collect();
                Ok((of_samples[0][bin].0, Estimate::from_independent(&heights)?))
            })
            .collect::<smml_core::Result<Vec<(f64, Estimate)>>>()?;
        distributions.push(Series::measured(&r.title, &points));
    }
    figures.push(Figure::plot(
        "overlap",
        "Overlap",
        "Distribution of |q|, averaged over samples. Weight that stays near 0 at low temperatures is that of samples with \
         several valleys.",
        Axis::linear("|q|").over(0.0, 1.0),
        Axis::linear("P(|q|)"),
        distributions,
    ));
    // Valleys differ from sample to sample.
    let last = results.len() - 1;
    let each: Vec<Series> = saved
        .samples
        .iter()
        .take(SHOWN)
        .enumerate()
        .map(|(k, s)| {
            let points = density(&s.temperatures[last].overlaps, n);
            Series::new(&format!("sample {k}"), Style::Line, points)
        })
        .collect();
    figures.push(Figure::plot(
        "overlap-samples",
        &format!("Overlap of single samples, {}", results[last].title),
        "The same of single samples, at the lowest temperature.",
        Axis::linear("|q|").over(0.0, 1.0),
        Axis::linear("P(|q|)"),
        each,
    ));
    Ok(figures)
}
