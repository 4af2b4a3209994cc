//! Learning on a sparse graph: the gradient beside enumeration, a problem that no linear classifier solves, and, with data,
//! digits.

use crate::{
    error::Failure,
    report::figure::{Axis, Figure, Series, Style},
    reproduce::check::{Context, Outcome},
};
use smml_core::{
    estimate::Estimate,
    parallel::{self, Par},
    rng::{Draw, Stream, Streams},
    schedule::Schedule,
};
use smml_hw::{
    dbm::{
        Clamped, DbmTrainer, DbmTraining, Inference, Labelled, Layout, Negative, Phase, Rule, SparseDbm,
        Unrolled,
    },
    machine::{Format, UpdateOrder, Wiring},
    topology::Topology,
};
use smml_learn::data::{BinaryData, Known};
use std::{collections::BTreeMap, path::Path, sync::Arc};

/// Classification by β from 0.2 to 1 over `anneal` sweeps, and `reads` more that count.
fn annealed(anneal: usize, reads: usize, seed: u64) -> Result<Inference, Failure> {
    let (betas, format) = (Schedule::linear(0.2, 1.0)?, "s{3}{9}".parse()?);
    Ok(Inference { anneal, betas, reads, format, order: UpdateOrder::Synchronous, seed })
}

fn wired(topology: &Topology) -> Result<Arc<Wiring>, Failure> {
    Ok(Arc::new(Wiring::new(topology.graph(), topology.colouring())?))
}

pub(super) fn learning(ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let mut o = Outcome::default();
    gradients(ctx, &mut o)?;
    turned(ctx, &mut o)?;
    if let Some(folder) = ctx.data {
        digits(ctx, folder, &mut o)?;
    } else {
        o.note("With --data DIR this check trains Pegasus P14 on handwritten digits as well.");
    }
    Ok(o)
}

/// Two patterns of six bits with a few bits turned; the second class is rarer.
fn two_patterns(n: usize, rng: &mut Stream) -> Result<(BinaryData, Vec<u8>), Failure> {
    let patterns = [[1, 1, 1, 0, 0, 1], [0, 1, 0, 1, 1, 0]];
    let labels: Vec<u8> = (0..n).map(|k| u8::from(k % 3 == 2)).collect();
    let bits = labels
        .iter()
        .flat_map(|label| patterns[usize::from(*label)])
        .map(|bit| if rng.chance(0.15) { 1 - bit } else { bit })
        .collect();
    Ok((BinaryData::new(6, bits)?, labels))
}

/// Means of edges and nodes of a machine of sixteen nodes over all states in which clamped nodes have their values.
fn exact_means(wiring: &Wiring, parameters: &[f64], clamped: &[Option<bool>]) -> Vec<f64> {
    let edges: Vec<(usize, usize)> =
        wiring.graph().edges().map(|(i, j, _)| (i as usize, j as usize)).collect();
    let free: Vec<usize> = (0..clamped.len()).filter(|i| clamped[*i].is_none()).collect();
    let (mut z, mut sums) = (0.0, vec![0.0; parameters.len()]);
    let mut s: Vec<f64> = clamped.iter().map(|c| if *c == Some(true) { 1.0 } else { -1.0 }).collect();
    let mut terms = vec![0.0; parameters.len()];
    for state in 0..1u32 << free.len() {
        free.iter().enumerate().for_each(|(k, i)| s[*i] = if state >> k & 1 == 1 { 1.0 } else { -1.0 });
        terms.iter_mut().zip(&edges).for_each(|(t, (i, j))| *t = s[*i] * s[*j]);
        terms[edges.len()..].copy_from_slice(&s);
        let weight = libm::exp(terms.iter().zip(parameters).map(|(t, p)| t * p).sum());
        z += weight;
        sums.iter_mut().zip(&terms).for_each(|(sum, t)| *sum += weight * t);
    }
    sums.into_iter().map(|s| s / z).collect()
}

/// Values of the nodes of pixels, labels or both.
fn clamp(layout: &Layout, row: Option<&[u8]>, label: Option<u8>) -> Vec<Option<bool>> {
    let mut clamped = vec![None; layout.n_nodes()];
    if let Some(row) = row {
        layout.pixels().iter().zip(row).for_each(|(node, b)| clamped[*node as usize] = Some(*b == 1));
    }
    if let Some(label) = label {
        layout.label_bits().for_each(|(node, k)| clamped[node as usize] = Some(k == usize::from(label)));
    }
    clamped
}

/// First steps of trainers against the gradient by enumeration.
fn gradients(ctx: &Context<'_>, o: &mut Outcome) -> Result<(), Failure> {
    let wiring = wired(&Topology::king(4, 4)?)?;
    let mut rng = Streams::new(311).stream("gradients", 0);
    let layout = Layout::random(16, 6, 2, 1, &mut rng)?;
    let (data, labels) = two_patterns(192, &mut rng)?;
    let rows = Labelled { data: &data, labels: &labels };
    let seeds = ctx.level.pick(16, 100, 1_000);
    let format: Format = "s{3}{9}".parse()?;
    let settings = DbmTraining {
        batch_size: 192,
        format,
        learning_rate: Schedule::Constant(1.0),
        rule: Rule::Momentum(0.0),
        positive: Phase::new(60, 100, 2),
        settle: 100,
        negative: Phase::new(100, 100, 2),
        chains: Negative::Persistent { n_chains: 192 },
        weight_scale: 0.4,
        ..DbmTraining::published(1, 0)
    };
    let labelled = Negative::Labelled { n_chains: 192 };
    for (name, training) in [
        ("ln p(pixels, labels)", settings.clone()),
        ("ln p(pixels | labels)", DbmTraining { chains: labelled, ..settings.clone() }),
        ("ln p(labels | pixels)", DbmTraining { generative: 0.0, discriminative: 1.0, ..settings }),
    ] {
        let (g, d) = (training.generative, training.discriminative);
        // Of every seed, whose machine is its own, the step less the exact gradient.
        let one = |k: usize| -> Result<Vec<f64>, Failure> {
            let seed = ctx.streams.stream(name, k as u64).word();
            let training = DbmTraining { seed, ..training.clone() };
            let mut trainer = DbmTrainer::new(training, wiring.clone(), layout.clone(), rows)?;
            let before = trainer.model()?;
            trainer.step(Par::Serial)?;
            let after = trainer.model()?;
            let all = |m: &SparseDbm| -> Vec<f64> {
                m.couplings().iter().chain(m.fields()).map(|x| f64::from(*x)).collect()
            };
            // What is sampled is the machine as rounded.
            let network = before.network(format)?;
            let codes = network.coupling_codes().iter().chain(network.field_codes());
            let rounded: Vec<f64> = codes.map(|c| format.value(*c)).collect();
            let mut step: Vec<f64> = all(&after).iter().zip(all(&before)).map(|(a, b)| a - b).collect();
            let mut add = |weight: f64, clamped: &[Option<bool>]| {
                if weight != 0.0 {
                    let means = exact_means(&wiring, &rounded, clamped);
                    step.iter_mut().zip(means).for_each(|(s, m)| *s -= weight * m);
                }
            };
            // Rows that are equal are enumerated once.
            let mut seen: BTreeMap<(&[u8], u8), f64> = BTreeMap::new();
            data.rows().zip(&labels).for_each(|(r, l)| *seen.entry((r, *l)).or_default() += 1.0 / 192.0);
            for ((row, label), share) in &seen {
                add((g + d) * share, &clamp(&layout, Some(row), Some(*label)));
                add(-d * share, &clamp(&layout, Some(row), None));
            }
            if training_is_labelled(&trainer) {
                for label in 0..2u8 {
                    let share = labels.iter().filter(|l| **l == label).count() as f64 / 192.0;
                    add(-g * share, &clamp(&layout, None, Some(label)));
                }
            } else {
                add(-g, &[None; 16]);
            }
            // Of nodes that are clamped in both phases nothing is left but rounding.
            step.iter_mut().filter(|s| s.abs() < 1e-9).for_each(|s| *s = 0.0);
            Ok(step)
        };
        let found = parallel::map(Par::Rayon, seeds, one).into_iter().collect::<Result<Vec<_>, _>>()?;
        let n = found.first().map_or(0, Vec::len);
        let pairs = (0..n)
            .map(|k| {
                let values: Vec<f64> = found.iter().map(|f| f[k]).collect();
                Ok((Estimate::from_independent(&values)?, 0.0))
            })
            .collect::<Result<Vec<_>, Failure>>()?;
        let largest = pairs.iter().map(|(e, _)| e.std_error).fold(0.0, f64::max);
        o.all_sampled(
            format!("gradient of {name} by {seeds} machines of 16 nodes less the exact one"),
            &pairs,
        );
        // A wrong factor shows here as well: the machine of every seed is another one, and so is what is wrong.
        let bound = ctx.level.pick(0.008, 0.003, 0.001);
        o.at_most("its largest standard error", Estimate::exact(largest), bound);
    }
    Ok(())
}

fn training_is_labelled(trainer: &DbmTrainer<'_>) -> bool {
    matches!(trainer.training().chains, Negative::Labelled { .. })
}

/// Pixels of the small problem.
const WIDTH: usize = 24;
/// Probability that a pixel is wrong.
const NOISE: f64 = 0.15;

/// Two patterns, each also with every bit turned: the classes have the same means, and a linear classifier sees nothing.
struct Turned([[u8; WIDTH]; 2]);

impl Turned {
    fn new(rng: &mut Stream) -> Self {
        let mut first = [0; WIDTH];
        first.iter_mut().enumerate().for_each(|(i, b)| *b = (i % 2) as u8);
        rng.shuffle(&mut first);
        // Half of the bits of the second are those of the first: the patterns have nothing to do with each other.
        let mut second = first;
        let mut places: Vec<usize> = (0..WIDTH).collect();
        rng.shuffle(&mut places);
        places[..WIDTH / 2].iter().for_each(|i| second[*i] ^= 1);
        Turned([first, second])
    }
    fn rows(&self, n: usize, rng: &mut Stream) -> Result<(BinaryData, Vec<u8>), Failure> {
        let labels: Vec<u8> = (0..n).map(|k| (k % 2) as u8).collect();
        let mut bits = Vec::with_capacity(n * WIDTH);
        for label in &labels {
            let turn = u8::from(rng.chance(0.5));
            bits.extend(self.0[usize::from(*label)].iter().map(|b| b ^ turn ^ u8::from(rng.chance(NOISE))));
        }
        Ok((BinaryData::new(WIDTH, bits)?, labels))
    }
    /// The class that is likelier given a row: what no classifier can beat.
    fn likelier(&self, row: &[u8]) -> u8 {
        let score = |pattern: &[u8; WIDTH]| {
            let wrong = pattern.iter().zip(row).filter(|(a, b)| a != b).count() as f64;
            let odds = libm::log((1.0 - NOISE) / NOISE);
            // Of the pattern and its negative, up to what is the same for both classes.
            let (a, b) = (-odds * wrong, -odds * (WIDTH as f64 - wrong));
            a.max(b) + libm::log1p(libm::exp(-(a - b).abs()))
        };
        u8::from(score(&self.0[1]) > score(&self.0[0]))
    }
}

fn share(right: impl Iterator<Item = bool>) -> Result<Estimate, Failure> {
    let (mut n, mut yes) = (0, 0);
    for is in right {
        n += 1;
        yes += u64::from(is);
    }
    Ok(Estimate::from_counts(yes, n)?)
}

/// A machine learns classes that differ only in how pixels go together.
fn turned(ctx: &Context<'_>, o: &mut Outcome) -> Result<(), Failure> {
    let wiring = wired(&Topology::zephyr(2, 4)?)?;
    let mut rng = ctx.streams.stream("turned", 0);
    let problem = Turned::new(&mut rng);
    let layout = Layout::random(wiring.n_nodes(), WIDTH, 2, 3, &mut rng)?;
    let (data, labels) = problem.rows(2_048, &mut rng)?;
    let (test, wanted) = problem.rows(ctx.level.pick(1_024, 4_096, 16_384), &mut rng)?;
    let training = DbmTraining {
        n_epochs: 40,
        batch_size: 128,
        format: "s{3}{9}".parse()?,
        learning_rate: Schedule::geometric(0.02, 0.002)?,
        rule: Rule::Adam,
        generative: 0.2,
        discriminative: 1.0,
        unrolled: Unrolled::NONE,
        positive: Phase::new(5, 10, 1),
        settle: 30,
        negative: Phase::new(5, 10, 1),
        chains: Negative::Persistent { n_chains: 128 },
        centred: true,
        mean_rate: 0.05,
        weight_scale: 0.1,
        random_fields: false,
        seed: rng.word(),
        ..DbmTraining::published(1, 0)
    };
    let rows = Labelled { data: &data, labels: &labels };
    let mut trainer = DbmTrainer::new(training, wiring, layout, rows)?;
    let how = annealed(400, 200, rng.word())?;
    let clamped = Clamped { rows: &test, pixels: None, labels: None };
    let accuracy = |model: &SparseDbm| -> Result<Estimate, Failure> {
        let best = model.infer(&clamped, &how, Par::Rayon)?.best();
        share(best.iter().zip(&wanted).map(|(a, b)| a == b))
    };
    let bayes = share(test.rows().zip(&wanted).map(|(row, label)| problem.likelier(row) == *label))?;
    let mut curve = vec![(0.0, accuracy(&trainer.model()?)?)];
    let epochs = trainer.training().n_epochs as u64;
    let each = trainer.steps_per_epoch() * epochs.div_ceil(20);
    while !trainer.is_done() {
        trainer.step(Par::Rayon)?;
        if trainer.step_number() % each == 0 || trainer.is_done() {
            let epoch = trainer.step_number() as f64 / trainer.steps_per_epoch() as f64;
            curve.push((epoch, accuracy(&trainer.model()?)?));
        }
    }
    let model = trainer.model()?;
    let found = accuracy(&model)?;
    o.reported("two turned patterns: accuracy of the best classifier there is", bayes);
    o.at_least("of a machine of 160 nodes, on rows that it has not seen", found, bayes.value - 0.12);
    o.at_most("before training", curve[0].1, 0.6);
    // Pixels on condition of the label, as the best classifier sees them.
    let n = 512;
    let asked: Vec<u8> = (0..n).map(|k| (k % 2) as u8).collect();
    let blank = BinaryData::new(WIDTH, vec![0; n * WIDTH])?;
    let generate = Clamped { rows: &blank, pixels: Some(&[false; WIDTH]), labels: Some(&asked) };
    let drawn = model.infer(&generate, &how, Par::Rayon)?.last;
    let right = share(drawn.rows().zip(&asked).map(|(row, label)| problem.likelier(row) == *label))?;
    o.at_least("rows drawn with the label clamped are of its class", right, 0.8);
    let last = (epochs as f64, bayes.value);
    o.figure(Figure::plot(
        "sparse-dbm-turned",
        "A sparse machine learns what no linear classifier can",
        &format!("Two patterns of {WIDTH} pixels, each shown as it is or with every bit turned, with {:.0} % of the bits wrong: accuracy on rows that were not learned, of a Zephyr Z2 of 160 p-bits in s{{3}}{{9}}. A linear classifier is at one half.", 100.0 * NOISE),
        Axis::linear("epoch"),
        Axis::linear("share of rows that are right").over(0.4, 1.0),
        vec![
            Series { style: Style::LinePoints, ..Series::measured("machine", &curve) },
            Series::new("best classifier", Style::Dashed, vec![(0.0, bayes.value), last]),
            Series::new("linear classifier", Style::Dashed, vec![(0.0, 0.5), (epochs as f64, 0.5)]),
        ],
    ));
    Ok(())
}

/// A short training of the published graph on digits, through the sweeps.
fn digits(ctx: &Context<'_>, folder: &Path, o: &mut Outcome) -> Result<(), Failure> {
    let data = Known::Mnist.load(folder)?;
    let n = ctx.level.pick(2_000, 10_000, 60_000);
    let train_set = data.train.head(n);
    let test_set = data.test.head(ctx.level.pick(500, 2_000, 10_000));
    let (train, test) = (train_set.binarise(0), test_set.binarise(0));
    let wiring = wired(&Topology::pegasus(14)?)?;
    let mut rng = ctx.streams.stream("digits", 0);
    let layout = Layout::random(wiring.n_nodes(), 784, 10, 40, &mut rng)?;
    let training = DbmTraining {
        batch_size: 128,
        format: "s{3}{9}".parse()?,
        learning_rate: Schedule::geometric(0.02, 0.001)?,
        rule: Rule::Adam,
        generative: 0.0,
        unrolled: Unrolled { weight: 1.0, sweeps: 8, ..Unrolled::NONE },
        average_rate: 0.02,
        weight_scale: 0.15,
        random_fields: false,
        ..DbmTraining::published(ctx.level.pick(8, 10, 12), rng.word())
    };
    let rows = Labelled { data: &train, labels: train_set.labels() };
    let mut trainer = DbmTrainer::new(training, wiring, layout, rows)?;
    let mut flips = 0u64;
    while !trainer.is_done() {
        flips += trainer.step(Par::Rayon)?.flips;
    }
    let how = annealed(50, 100, rng.word())?;
    let clamped = Clamped { rows: &test, pixels: None, labels: None };
    let best = trainer.model()?.infer(&clamped, &how, Par::Rayon)?.best();
    let right = share(best.iter().zip(test_set.labels()).map(|(a, b)| a == b))?;
    o.reported(
        format!("digits, {n} images on Pegasus P14: flips of the training, 10⁹"),
        Estimate::exact(flips as f64 / 1e9),
    );
    o.at_least("test accuracy", right, ctx.level.pick(0.7, 0.83, 0.91));
    Ok(())
}
