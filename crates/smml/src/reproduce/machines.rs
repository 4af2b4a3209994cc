//! Chapter learn, section 3.4: general Boltzmann machines, the Ising model of Eqs. (41) and (42) with spins hidden, against
//! enumeration; what every training method learns beside the exact gradient. `physics` holds mean fields and the
//! thermodynamics of a machine, `deep` machines of layers (Eqs. (43), (44)).

mod deep;
mod physics;

use super::check::{Check, Context, Outcome};
use crate::{
    catalogue::Chapter,
    error::Failure,
    report::figure::{Axis, Figure, Series, Style},
};
use smml_core::{
    energy::{Finite, LnSum, states},
    estimate::Estimate,
    factor_graph::ExactOptions,
    graph::SparseGraph,
    optimize::{Function, Method, Stop, minimise},
    parallel::{self, Par},
    rng::{Draw, Stream, Streams},
    schedule::Schedule,
};
use smml_learn::{
    data::{BarsAndStripes, BinaryData},
    ebm::{
        Centring, StepRule,
        machine::{
            BoltzmannMachine, LocalCost, MachineTrainer, MachineTraining, NegativePhase, Objective,
            PositivePhase, Rows, Statistics, Units, exact,
        },
    },
};
use smml_physics::{glass::PlefkaOrder, ising::elimination};

/// The checks of this section.
pub(super) fn checks() -> Vec<&'static Check> {
    CHECKS.iter().collect()
}

static CHECKS: [Check; 6] = [
    Check {
        id: "machine-exact",
        chapter: Chapter::Learn,
        equations: &["41", "42"],
        title: "A Boltzmann machine with hidden spins and its gradient, against enumeration",
        run: exactness,
    },
    Check {
        id: "machine-learning",
        chapter: Chapter::Learn,
        equations: &["41", "42"],
        title: "Every training method beside the exact gradient",
        run: learning,
    },
    Check {
        id: "machine-centring",
        chapter: Chapter::Learn,
        equations: &["41"],
        title: "Plain and centred gradient with units ±1",
        run: centring,
    },
    Check {
        id: "machine-mean-field",
        chapter: Chapter::Physics,
        equations: &["41", "53"],
        title: "Magnetisations by mean field and TAP against exact ones",
        run: physics::mean_field,
    },
    Check {
        id: "machine-thermodynamics",
        chapter: Chapter::Learn,
        equations: &["41", "42"],
        title: "A learned machine as a physical system",
        run: physics::thermodynamics,
    },
    Check {
        id: "deep-machine",
        chapter: Chapter::Learn,
        equations: &["43", "44"],
        title: "A deep machine: layer by layer, all together, and its ln Z from both sides",
        run: deep::deep,
    },
];

/// All pairs of `n` units.
fn complete(n: u32) -> Result<SparseGraph, Failure> {
    let pairs: Vec<(u32, u32)> = (0..n).flat_map(|i| (0..i).map(move |j| (i, j))).collect();
    Ok(SparseGraph::unweighted(n as usize, &pairs)?)
}

/// King's graph of 3 × 3 units: neighbours at a distance of one step, diagonals too.
fn king() -> Result<SparseGraph, Failure> {
    let near = |i: u32, j: u32| (i / 3).abs_diff(j / 3) <= 1 && (i % 3).abs_diff(j % 3) <= 1;
    let pairs: Vec<(u32, u32)> =
        (0..9).flat_map(|i| (0..i).map(move |j| (i, j))).filter(|(i, j)| near(*i, *j)).collect();
    Ok(SparseGraph::unweighted(9, &pairs)?)
}

/// A machine on a graph with normal parameters of this scale.
fn random(
    units: Units,
    graph: &SparseGraph,
    visible: Vec<u32>,
    scale: f64,
    rng: &mut Stream,
) -> Result<BoltzmannMachine, Failure> {
    let weights = graph.map_weights(|_, _, _| scale * rng.normal())?;
    let biases = (0..graph.n_vertices()).map(|_| scale * rng.normal()).collect();
    Ok(BoltzmannMachine::new(units, weights, biases, visible)?)
}

/// Biases, then weights.
fn parameters(machine: &BoltzmannMachine) -> Vec<f64> {
    machine.biases().iter().copied().chain(machine.weights().edges().map(|e| e.2)).collect()
}

fn with_parameters(machine: &BoltzmannMachine, theta: &[f64]) -> Result<BoltzmannMachine, Failure> {
    let (biases, weights) = theta.split_at(machine.n_units());
    Ok(machine.with_parameters(weights, biases)?)
}

fn joined(s: &Statistics) -> Vec<f64> {
    [&s.units[..], &s.pairs[..]].concat()
}

/// Eq. (41) as printed but for the double counting: the sum over pairs, then over units.
fn printed_energy(machine: &BoltzmannMachine, spins: &[i8]) -> f64 {
    let x: Vec<f64> = spins.iter().map(|s| machine.units().value(f64::from(*s))).collect();
    let pairs: f64 = machine.weights().edges().map(|(i, j, w)| w * x[i as usize] * x[j as usize]).sum();
    let units: f64 = machine.biases().iter().zip(&x).map(|(b, x)| b * x).sum();
    -pairs - units
}

/// ln Z, and ln Σ over hidden units of exp(-β E) for every row of visible ones, by a sum over all states.
fn enumerated(machine: &BoltzmannMachine, beta: f64) -> Result<(f64, Vec<f64>), Failure> {
    let mut whole = LnSum::default();
    let mut rows = vec![LnSum::default(); 1 << machine.visible().len()];
    for spins in states(machine)?.map(|k| machine.state(k)) {
        let term = -beta * printed_energy(machine, &spins);
        whole.add(term);
        rows[number(&machine.row_of(&spins))].add(term);
    }
    Ok((whole.ln(), rows.iter().map(LnSum::ln).collect()))
}

/// The number whose binary digits are these bits, the first one last.
fn number(row: &[u8]) -> usize {
    row.iter().rev().fold(0, |k, b| k << 1 | usize::from(*b))
}

/// All rows of `width` bits, in the order of [`number`].
fn all_rows(width: usize) -> Result<BinaryData, Failure> {
    let bits = (0..1usize << width).flat_map(|k| (0..width).map(move |i| (k >> i & 1) as u8)).collect();
    Ok(BinaryData::new(width, bits)?)
}

fn log_likelihood(machine: &BoltzmannMachine, rows: &Rows<'_>) -> Result<f64, Failure> {
    Ok(exact::log_likelihood(machine, rows, 1.0, &ExactOptions::default(), Par::Serial)?)
}

fn trained(
    training: MachineTraining,
    start: &BoltzmannMachine,
    data: &BinaryData,
) -> Result<BoltzmannMachine, Failure> {
    let mut trainer = MachineTrainer::new(training, start, data)?;
    while !trainer.is_done() {
        trainer.step(Par::Serial)?;
    }
    Ok(trainer.machine().clone())
}

/// The gradient that a trainer follows in its first step over all rows, biases first.
fn first_slopes(
    machine: &BoltzmannMachine,
    data: &BinaryData,
    positive: PositivePhase,
    negative: NegativePhase,
    seed: u64,
) -> Result<Vec<f64>, Failure> {
    let training = MachineTraining {
        objective: Objective::Likelihood { positive, negative },
        batch_size: data.len(),
        learning_rate: Schedule::Constant(1.0),
        rule: StepRule::Sgd,
        centring: Centring::None,
        ..MachineTraining::new(1, seed)
    };
    let after = trained(training, machine, data)?;
    Ok(parameters(&after).iter().zip(parameters(machine)).map(|(a, b)| a - b).collect())
}

/// Means over replicas of several numbers, with their exact values.
fn against(found: &[Vec<f64>], exact: &[f64]) -> Result<Vec<(Estimate, f64)>, Failure> {
    let one = |(k, exact): (usize, &f64)| {
        let values: Vec<f64> = found.iter().map(|f| f[k]).collect();
        Ok((Estimate::from_independent(&values)?, *exact))
    };
    exact.iter().enumerate().map(one).collect()
}

/// Rows of five bits around two patterns.
fn noisy_patterns(n: usize, rng: &mut Stream) -> Result<BinaryData, Failure> {
    let patterns = [[1, 1, 0, 0, 1], [0, 1, 1, 0, 0]];
    let bits = (0..n)
        .flat_map(|k| patterns[usize::from(k % 3 == 0)])
        .map(|bit| if rng.chance(0.15) { 1 - bit } else { bit })
        .collect();
    Ok(BinaryData::new(5, bits)?)
}

fn exactness(ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let mut o = Outcome::default();
    let options = ExactOptions::default();
    let graph = king()?;
    let mut rng = Streams::new(41).stream("reproduce", 0);
    let data = noisy_patterns(192, &mut rng)?;
    let rows = Rows::equal(&data)?;
    let visible = vec![0, 2, 4, 6, 8];
    let mut spins = None;
    for (units, name) in [(Units::Spins, "±1"), (Units::Binary, "0/1")] {
        let machine = random(units, &graph, visible.clone(), 0.5, &mut rng)?;
        let beta = 0.8;
        let (ln_z, of_rows) = enumerated(&machine, beta)?;
        o.computed(
            format!("ln Z by elimination, units {name}, against all 512 states"),
            exact::ln_z(&machine, beta, &options)?,
            ln_z,
            1e-12,
        );
        let found = exact::ln_probabilities(&machine, &all_rows(5)?, beta, &options, Par::Serial)?;
        let worst = found.iter().zip(&of_rows).map(|(a, b)| (a - (b - ln_z)).abs()).fold(0.0, f64::max);
        o.at_most(
            format!("ln P(v) of all 32 rows, units {name}: largest error"),
            Estimate::exact(worst),
            1e-11,
        );
        // The gradient against central differences of the enumerated likelihood.
        let value = |theta: &[f64]| -> Result<f64, Failure> {
            let (ln_z, of_rows) = enumerated(&with_parameters(&machine, theta)?, 1.0)?;
            Ok(data.rows().map(|r| of_rows[number(r)] - ln_z).sum::<f64>() / data.len() as f64)
        };
        let gradient = joined(&exact::gradient(&machine, &rows, 1.0, &options, Par::Serial)?);
        let theta = parameters(&machine);
        let mut worst = 0.0f64;
        for (k, slope) in gradient.iter().enumerate() {
            let moved = |h: f64| {
                let mut t = theta.clone();
                t[k] += h;
                value(&t)
            };
            worst = worst.max(((moved(1e-4)? - moved(-1e-4)?) / 2e-4 - slope).abs());
        }
        o.at_most(
            format!("exact gradient, units {name}, against differences: largest error"),
            Estimate::exact(worst),
            1e-7,
        );
        if units == Units::Spins {
            spins = Some((machine, gradient));
        }
    }
    let Some((machine, gradient)) = spins else { return Ok(o) };
    // Sampled phases: means over many first steps, each with random numbers of its own.
    let seeds = ctx.level.pick(150, 600, 3_000);
    let long = PositivePhase::Sampled { sweeps: 40 };
    let betas = vec![0.25, 0.5, 0.75, 1.0];
    let sampled = |name: &str, negative: NegativePhase| {
        let found = parallel::map(Par::Rayon, seeds, |k| {
            let seed = ctx.streams.stream(name, k as u64).word();
            first_slopes(&machine, &data, long, negative.clone(), seed)
        });
        against(&found.into_iter().collect::<Result<Vec<_>, _>>()?, &gradient)
    };
    for (name, negative) in [
        ("persistent chains", NegativePhase::Persistent { sweeps: 40, n_chains: 256 }),
        ("tempered chains", NegativePhase::Tempered { sweeps: 40, n_chains: 256, betas }),
        ("CD-40", NegativePhase::ContrastiveDivergence { sweeps: 40 }),
    ] {
        let found = sampled(name, negative)?;
        o.all_sampled(format!("gradient by samples, {name}, {seeds} runs"), &found);
    }
    // Stopped after one sweep, the negative phase has another mean, and this many runs must see that.
    let short = sampled("CD-1", NegativePhase::ContrastiveDivergence { sweeps: 1 })?;
    let least = short.iter().map(|(value, exact)| value.p_value(*exact)).fold(1.0, f64::min);
    o.at_most("CD-1 has another gradient: smallest p-value", Estimate::exact(least), 1e-12);
    // Mean-field positive phases make no samples; their error is that of the expansion.
    let largest = |order| -> Result<f64, Failure> {
        let phase = PositivePhase::MeanField { order, max_passes: 1000 };
        let found = first_slopes(&machine, &data, phase, NegativePhase::Exact, 1)?;
        Ok(found.iter().zip(&gradient).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max))
    };
    let (naive, tap) = (largest(PlefkaOrder::First)?, largest(PlefkaOrder::Second)?);
    o.reported("mean-field positive phase: largest error of the gradient", Estimate::exact(naive));
    o.at_most("TAP positive phase: largest error of the gradient", Estimate::exact(tap), 0.5 * naive);
    o.note("King's graph of 3 × 3 units, five visible, four hidden. Sums over all states use Eq. (41) with every pair once; the library eliminates variables instead. The gradient that a trainer follows is read off its first step, with the rate 1 and no offsets.");
    Ok(o)
}

/// Kullback-Leibler divergence of a machine without hidden units from the truth, over all states.
fn divergence(truth: &BoltzmannMachine, machine: &BoltzmannMachine) -> Result<f64, Failure> {
    let ((ln_z, of_truth), (other, of_machine)) = (enumerated(truth, 1.0)?, enumerated(machine, 1.0)?);
    let term = |(a, b): (&f64, &f64)| libm::exp(a - ln_z) * ((a - ln_z) - (b - other));
    Ok(of_truth.iter().zip(&of_machine).map(term).sum())
}

fn learning(ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let mut o = Outcome::default();
    recovery(ctx, &mut o)?;
    hidden(ctx, &mut o)?;
    o.note("Above: a known machine on king's graph of 3 × 3 spins, all visible, from 4,096 exact samples of it. The likelihood at its maximum is the ceiling: no method can do better but by luck, and theory says that its divergence from the truth is half a nat for each parameter over the number of samples. By the asymptotic covariance of their estimates, the minimum of pseudo-likelihood leaves 1.05(1) times as much and that of ratio matching 1.16(2) times, over 24 such machines.");
    o.note("Below: four visible and three hidden spins, all coupled, learn 2 × 2 bars and stripes. The exact gradient is the ceiling again.");
    Ok(o)
}

/// A machine without hidden units from samples of it, by every method.
fn recovery(ctx: &Context<'_>, o: &mut Outcome) -> Result<(), Failure> {
    let n = 4096;
    let sets = ctx.level.pick(4, 24, 200);
    let sampled = |negative| Objective::Likelihood { positive: PositivePhase::Exact, negative };
    let betas = vec![0.25, 0.5, 0.75, 1.0];
    let methods = [
        ("CD-1", sampled(NegativePhase::ContrastiveDivergence { sweeps: 1 })),
        ("persistent chains", sampled(NegativePhase::Persistent { sweeps: 2, n_chains: 256 })),
        ("tempered chains", sampled(NegativePhase::Tempered { sweeps: 2, n_chains: 1024, betas })),
        ("pseudo-likelihood", Objective::Local(LocalCost::PseudoLikelihood)),
        ("ratio matching", Objective::Local(LocalCost::RatioMatching)),
        ("minimum probability flow", Objective::Local(LocalCost::MinimumProbabilityFlow)),
    ];
    let graph = king()?;
    let visible: Vec<u32> = (0..9).collect();
    // Of every set of samples: the divergence at the maximum of the likelihood, then that of every method.
    let one = |k: usize| -> Result<Vec<f64>, Failure> {
        let mut rng = ctx.streams.stream("recovery", k as u64);
        let truth = random(Units::Spins, &graph, visible.clone(), 0.4, &mut rng)?;
        let options = ExactOptions { par: Par::Serial, ..ExactOptions::default() };
        let samples = elimination::sample(truth.ising(), 1.0, n, &options, &mut rng)?;
        let data = BinaryData::new(9, samples.iter().flat_map(|s| truth.row_of(s)).collect())?;
        let mut counts = vec![0.0; 512];
        data.rows().for_each(|row| counts[number(row)] += 1.0);
        let every = all_rows(9)?;
        let rows = Rows::weighted(&every, &counts)?;
        let start = BoltzmannMachine::zeros(Units::Spins, &graph, visible.clone())?;
        let best = most_likely(&start, &rows)?;
        let mut found = vec![divergence(&truth, &best)?];
        for (_, objective) in &methods {
            // The cost of ratio matching is all but flat where units follow their neighbours: it takes longer.
            let epochs = if *objective == Objective::Local(LocalCost::RatioMatching) { 60 } else { 10 };
            let training = MachineTraining {
                objective: objective.clone(),
                learning_rate: Schedule::geometric(0.03, 0.0005)?,
                rule: StepRule::Adam,
                ..MachineTraining::new(epochs, rng.word())
            };
            found.push(divergence(&truth, &trained(training, &start, &data)?)?);
        }
        Ok(found)
    };
    let found = parallel::map(Par::Rayon, sets, one).into_iter().collect::<Result<Vec<_>, _>>()?;
    let column = |k: usize| Estimate::from_independent(&found.iter().map(|f| f[k]).collect::<Vec<f64>>());
    let theory = (graph.n_vertices() + graph.n_edges()) as f64 / (2.0 * n as f64);
    o.sampled(format!("exact likelihood: nats from the truth, {sets} machines"), column(0)?, theory);
    for (k, (name, _)) in methods.iter().enumerate() {
        let factor = 2.0;
        let text =
            format!("{name}: nats from the truth, at most {factor} times what the exact likelihood leaves");
        o.at_most(text, column(k + 1)?, factor * theory);
    }
    Ok(())
}

/// The machine of largest likelihood.
fn most_likely(start: &BoltzmannMachine, rows: &Rows<'_>) -> Result<BoltzmannMachine, Failure> {
    let options = ExactOptions { par: Par::Serial, ..ExactOptions::default() };
    let cost = Function(|theta: &[f64], gradient: &mut [f64]| {
        // The search may try parameters that are too large: infinitely costly.
        let mut value = || -> Result<f64, Failure> {
            let machine = with_parameters(start, theta)?;
            let slopes = exact::gradient(&machine, rows, 1.0, &options, Par::Serial)?;
            gradient.iter_mut().zip(joined(&slopes)).for_each(|(g, s)| *g = -s);
            Ok(-exact::log_likelihood(&machine, rows, 1.0, &options, Par::Serial)?)
        };
        value().unwrap_or(f64::INFINITY)
    });
    let stop = Stop { gradient: 1e-8, ..Stop::default() };
    let found = minimise(&cost, &parameters(start), &Method::default(), &stop)?;
    with_parameters(start, &found.x)
}

/// A machine with hidden units by every method that can.
fn hidden(ctx: &Context<'_>, o: &mut Outcome) -> Result<(), Failure> {
    let set = BarsAndStripes::new(2, 2)?;
    let (patterns, weights) = set.patterns()?;
    let truth = Rows::weighted(&patterns, &weights)?;
    let mut rng = ctx.streams.stream("hidden", 0);
    let data = set.sample(512, &mut rng);
    let graph = complete(7)?;
    let start = BoltzmannMachine::for_data(Units::Spins, &graph, vec![0, 1, 2, 3], &data, 0.1, &mut rng)?;
    let before = log_likelihood(&start, &truth)?;
    let epochs = ctx.level.pick(50, 200, 400);
    let sampled = PositivePhase::Sampled { sweeps: 10 };
    let field = |order| PositivePhase::MeanField { order, max_passes: 100 };
    let chains = NegativePhase::Persistent { sweeps: 3, n_chains: 128 };
    let betas = vec![0.0, 0.25, 0.5, 1.0];
    let methods = [
        ("exact", PositivePhase::Exact, NegativePhase::Exact),
        ("CD-10", sampled, NegativePhase::ContrastiveDivergence { sweeps: 10 }),
        ("persistent chains", sampled, chains.clone()),
        ("tempered chains", sampled, NegativePhase::Tempered { sweeps: 3, n_chains: 512, betas }),
        ("mean field", field(PlefkaOrder::First), chains.clone()),
        ("TAP", field(PlefkaOrder::Second), chains),
    ];
    let seed = rng.word();
    let run = |k: usize| -> Result<Vec<(f64, f64)>, Failure> {
        let (_, positive, negative) = methods[k].clone();
        let training = MachineTraining {
            objective: Objective::Likelihood { positive, negative },
            learning_rate: Schedule::linear(0.1, 0.0)?,
            ..MachineTraining::new(epochs, seed)
        };
        let mut trainer = MachineTrainer::new(training, &start, &data)?;
        let mut curve = vec![(0.0, before)];
        let each = (epochs / 25 * trainer.n_batches()) as u64;
        while !trainer.is_done() {
            trainer.step(Par::Serial)?;
            if trainer.step_number() % each == 0 {
                let epoch = trainer.step_number() as f64 / trainer.n_batches() as f64;
                curve.push((epoch, log_likelihood(trainer.machine(), &truth)?));
            }
        }
        Ok(curve)
    };
    let curves = parallel::map(Par::Rayon, methods.len(), run).into_iter().collect::<Result<Vec<_>, _>>()?;
    let last = |curve: &[(f64, f64)]| curve.last().map_or(f64::NAN, |p| p.1);
    let ceiling = last(&curves[0]);
    o.at_most(
        "exact gradient: log-likelihood is below minus the entropy",
        Estimate::exact(ceiling),
        -set.entropy(),
    );
    o.at_least("exact gradient: log-likelihood", Estimate::exact(ceiling), -set.entropy() - 0.1);
    for ((name, _, _), curve) in methods.iter().zip(&curves).skip(1) {
        let share = (last(curve) - before) / (ceiling - before);
        o.at_least(
            format!("{name}: share of what the exact gradient gains in log-likelihood"),
            Estimate::exact(share),
            0.85,
        );
    }
    // Less the log-likelihood, the entropy leaves the divergence from the truth.
    let series = methods
        .iter()
        .zip(curves)
        .map(|((name, _, _), curve)| {
            let points = curve.into_iter().map(|(epoch, l)| (epoch, -set.entropy() - l)).collect();
            Series::new(name, Style::Line, points)
        })
        .collect();
    o.figure(Figure::plot(
        "machine-learning",
        "A machine with hidden spins learns bars and stripes",
        "Exact Kullback-Leibler divergence of a machine of four visible and three hidden spins, all coupled, from 2 × 2 bars and stripes, by the sampled, tempered and mean-field gradients; in the end the learning rate falls to 0. The exact gradient is the floor of all of them.",
        Axis::linear("epoch"),
        Axis::log("nats from the truth"),
        series,
    ));
    Ok(())
}

/// Rows with few ones, in pairs that come together: spins whose means are far from 0.
fn sparse_pairs(n: usize, width: usize, rng: &mut Stream) -> Result<BinaryData, Failure> {
    let mut bits = vec![0; n * width];
    for row in bits.chunks_exact_mut(width) {
        let k = 2 * rng.below(width / 2);
        row[k] = 1;
        row[k + 1] = u8::from(rng.chance(0.9));
        row[rng.below(width)] |= u8::from(rng.chance(0.2));
    }
    Ok(BinaryData::new(width, bits)?)
}

fn centring(ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let mut o = Outcome::default();
    let graph = complete(13)?;
    let visible: Vec<u32> = (0..10).collect();
    let rates = [0.003, 0.01, 0.03, 0.1];
    let seeds = ctx.level.pick(4, 8, 32);
    let epochs = ctx.level.pick(15, 25, 25);
    let ways = [
        (Units::Spins, Centring::None, "±1, plain"),
        (Units::Spins, Centring::Means { sliding: 0.01 }, "±1, centred"),
        (Units::Binary, Centring::None, "0/1, plain"),
        (Units::Binary, Centring::Means { sliding: 0.01 }, "0/1, centred"),
    ];
    // Of every data set the log-likelihood above that of independent units, way by way and rate by rate.
    let one = |k: usize| -> Result<Vec<f64>, Failure> {
        let mut rng = ctx.streams.stream("centring", k as u64);
        let data = sparse_pairs(640, 10, &mut rng)?;
        let rows = Rows::equal(&data)?;
        let independent: f64 =
            rows.means().iter().map(|p| p * libm::log(*p) + (1.0 - p) * libm::log1p(-p)).sum();
        let seed = rng.word();
        let mut found = Vec::new();
        for (units, centring, _) in ways {
            let mut rng = Streams::new(seed).stream("weights", 0);
            let start = BoltzmannMachine::for_data(units, &graph, visible.clone(), &data, 0.05, &mut rng)?;
            for rate in rates {
                // W = 4 J, and so is a slope in W a quarter of that in J: couplings move as far with 16 times the rate.
                let rate = if units == Units::Binary { 16.0 * rate } else { rate };
                let training = MachineTraining {
                    objective: Objective::Likelihood {
                        positive: PositivePhase::Sampled { sweeps: 5 },
                        negative: NegativePhase::Persistent { sweeps: 5, n_chains: 256 },
                    },
                    learning_rate: Schedule::Constant(rate),
                    rule: StepRule::Sgd,
                    centring,
                    ..MachineTraining::new(epochs, seed)
                };
                found.push(log_likelihood(&trained(training, &start, &data)?, &rows)? - independent);
            }
        }
        Ok(found)
    };
    let found = parallel::map(Par::Rayon, seeds, one).into_iter().collect::<Result<Vec<_>, _>>()?;
    let at =
        |way: usize, rate: usize| -> Vec<f64> { found.iter().map(|f| f[way * rates.len() + rate]).collect() };
    for (r, rate) in rates.iter().enumerate() {
        let gain: Vec<f64> = at(1, r).iter().zip(at(0, r)).map(|(a, b)| a - b).collect();
        o.at_least(
            format!(
                "±1, rate {rate}: log-likelihood by the centred gradient above that by the plain one, nats"
            ),
            Estimate::from_independent(&gain)?,
            0.02,
        );
    }
    let mut series = Vec::new();
    for (w, (_, _, name)) in ways.iter().enumerate() {
        let points = (0..rates.len())
            .map(|r| Ok((rates[r], Estimate::from_independent(&at(w, r))?)))
            .collect::<Result<Vec<_>, Failure>>()?;
        series.push(Series { style: Style::LinePoints, ..Series::measured(name, &points) });
    }
    series.push(Series::new("independent units", Style::Dashed, vec![(rates[0], 0.0), (rates[3], 0.0)]));
    o.figure(Figure::plot(
        "machine-centring",
        "Plain and centred gradient",
        &format!("Exact log-likelihood after {epochs} epochs above that of independent units with the means of the data, which is where every training starts. Ten visible units, most of them down, and three hidden ones, all coupled; {seeds} data sets. Rates are those of ±1 units, of 0/1 units 16 times as large, which moves couplings as far."),
        Axis::log("learning rate"),
        Axis::linear("nats an image"),
        series,
    ));
    flipped(&mut o)?;
    o.note("With units ±1 every step of a weight also moves the fields on its units by their means, so that the plain gradient spends its steps on the means. The centred gradient takes them off: its steps are along covariances.");
    if let Some(folder) = ctx.data {
        deep::digits(ctx, folder, &mut o)?;
    }
    Ok(o)
}

/// With offsets at the means it does not matter which value is called 1 (Melchior, Fischer and Wiskott 2016).
fn flipped(o: &mut Outcome) -> Result<(), Failure> {
    let mut rng = Streams::new(2016).stream("reproduce", 0);
    let data = sparse_pairs(60, 6, &mut rng)?;
    let turned = BinaryData::new(6, data.rows().flatten().map(|b| 1 - b).collect())?;
    let graph = complete(8)?;
    let learned = |data: &BinaryData, centring| -> Result<f64, Failure> {
        let mut rng = Streams::new(2).stream("weights", 0);
        let start = BoltzmannMachine::for_data(Units::Binary, &graph, (0..6).collect(), data, 0.3, &mut rng)?;
        let training = MachineTraining {
            objective: Objective::Likelihood {
                positive: PositivePhase::Exact,
                negative: NegativePhase::Exact,
            },
            batch_size: 60,
            learning_rate: Schedule::Constant(0.3),
            centring,
            ..MachineTraining::new(30, 1)
        };
        log_likelihood(&trained(training, &start, data)?, &Rows::equal(data)?)
    };
    let centred = Centring::Means { sliding: 0.1 };
    o.computed(
        "0/1, centred: log-likelihood when 0 and 1 are exchanged in the data",
        learned(&turned, centred)?,
        learned(&data, centred)?,
        1e-9,
    );
    let plain = (learned(&turned, Centring::None)? - learned(&data, Centring::None)?).abs();
    o.at_least("and by the plain gradient: it changes by", Estimate::exact(plain), 0.01);
    Ok(())
}
