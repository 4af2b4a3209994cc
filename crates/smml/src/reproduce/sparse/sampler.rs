//! What distribution the machine has, exactly: every node's update as a matrix on all 2¹⁶ states of sixteen nodes, with the
//! probabilities of its own arithmetic.

use crate::{
    error::Failure,
    report::figure::{Axis, Figure, Series, Style},
    reproduce::check::{Context, Outcome},
};
use smml_core::{
    estimate::Estimate,
    parallel::{self, Par},
    rng::{Draw, Stream, Streams, WideStream},
};
use smml_hw::{
    machine::{
        CHAINS, Chains, FixedNetwork, FloatNetwork, Format, Gains, MemoryImage, Moments, SigmoidTable, Wiring,
    },
    topology::Topology,
};
use smml_physics::ising::Ising;
use std::sync::Arc;

/// Arguments of the table: multiples of 2⁻¹¹ up to 15.87.
const ARGUMENTS: u16 = 32_512;
/// Nodes of the machines here.
const N: usize = 16;

/// The sixteen nodes that are reached first from one of largest degree.
fn piece(topology: &Topology) -> Result<Topology, Failure> {
    let graph = topology.graph();
    let from = (0..graph.n_vertices()).max_by_key(|i| (graph.degree(*i), usize::MAX - i)).unwrap_or(0);
    let mut order: Vec<(u32, usize)> =
        graph.distances(from)?.into_iter().enumerate().filter_map(|(i, d)| Some((d?, i))).collect();
    order.sort_unstable();
    let missing: Vec<usize> = order[N..].iter().filter_map(|(_, i)| topology.number(*i)).collect();
    Ok(topology.without(&missing)?)
}

/// Graphs of sixteen nodes.
fn pieces() -> Result<Vec<(&'static str, Topology)>, Failure> {
    Ok(vec![
        ("king's graph 4 × 4", Topology::king(4, 4)?),
        ("Chimera 2 × 1 cells", Topology::chimera(2, 1, 4)?),
        ("16 nodes of Pegasus P3", piece(&Topology::pegasus(3)?)?),
        ("16 nodes of Zephyr Z2", piece(&Topology::zephyr(2, 4)?)?),
    ])
}

/// Normal couplings and fields on the edges of a graph.
struct Problem {
    wiring: Arc<Wiring>,
    couplings: Vec<f64>,
    fields: Vec<f64>,
}

impl Problem {
    fn new(topology: &Topology, scale: f64, rng: &mut Stream) -> Result<Self, Failure> {
        let wiring = Arc::new(Wiring::new(topology.graph(), topology.colouring())?);
        let couplings = (0..wiring.n_edges()).map(|_| scale * rng.normal()).collect();
        let fields = (0..wiring.n_nodes()).map(|_| scale * rng.normal()).collect();
        Ok(Problem { wiring, couplings, fields })
    }
    fn ising(&self) -> Result<Ising, Failure> {
        let mut next = self.couplings.iter();
        let graph = self.wiring.graph().map_weights(|_, _, w| next.next().copied().unwrap_or(w))?;
        Ok(Ising::on_graph(graph, self.fields.clone())?)
    }
    fn fixed(&self, format: Format) -> Result<FixedNetwork, Failure> {
        Ok(FixedNetwork::new(self.wiring.clone(), format, &self.couplings, &self.fields)?)
    }
}

fn spin(state: usize, i: usize) -> f64 {
    if state >> i & 1 == 1 { 1.0 } else { -1.0 }
}

/// The Boltzmann distribution over all states.
fn boltzmann(ising: &Ising, beta: f64) -> Vec<f64> {
    let edges: Vec<(usize, usize, f64)> =
        ising.couplings().edges().map(|(i, j, w)| (i as usize, j as usize, w)).collect();
    let weight = |state: usize| {
        let pairs: f64 = edges.iter().map(|(i, j, w)| w * spin(state, *i) * spin(state, *j)).sum();
        let fields: f64 = ising.fields().iter().enumerate().map(|(i, h)| h * spin(state, i)).sum();
        libm::exp(beta * (pairs + fields))
    };
    let weights: Vec<f64> = (0..1 << ising.n_spins()).map(weight).collect();
    let z: f64 = weights.iter().sum();
    weights.into_iter().map(|w| w / z).collect()
}

/// A sweep as an operator on distributions.
struct Sweep {
    order: Vec<usize>,
    /// Of every node and state the probability that the node is set up.
    up: Vec<Vec<f64>>,
}

impl Sweep {
    /// `p` gives the probability for the local field of a node in a state, summed here.
    fn new(wiring: &Wiring, couplings: &[f64], fields: &[f64], p: impl Fn(f64) -> f64 + Sync) -> Self {
        let edges: Vec<(usize, usize)> =
            wiring.graph().edges().map(|(i, j, _)| (i as usize, j as usize)).collect();
        let up = parallel::map(Par::Rayon, wiring.n_nodes(), |node| {
            let near: Vec<(usize, f64)> = edges
                .iter()
                .zip(couplings)
                .filter(|((i, j), _)| *i == node || *j == node)
                .map(|((i, j), w)| (if *i == node { *j } else { *i }, *w))
                .collect();
            let of_state =
                |state: usize| p(fields[node] + near.iter().map(|(j, w)| w * spin(state, *j)).sum::<f64>());
            (0..1 << wiring.n_nodes()).map(of_state).collect()
        });
        Sweep { order: wiring.order().iter().map(|i| *i as usize).collect(), up }
    }
    /// With the arithmetic of a machine in fixed point.
    fn fixed(network: &FixedNetwork, gains: &Gains) -> Self {
        let wide = |codes: &[i16]| codes.iter().map(|c| f64::from(*c)).collect::<Vec<f64>>();
        let (couplings, fields) = (wide(network.coupling_codes()), wide(network.field_codes()));
        // Sums of whole numbers that 16 bits hold.
        Sweep::new(network.wiring(), &couplings, &fields, |steps| gains.probability(0, steps as i16))
    }
    /// One sweep.
    fn apply(&self, law: &mut [f64]) {
        for &node in &self.order {
            let (bit, up) = (1 << node, &self.up[node]);
            for state in (0..law.len()).filter(|s| s & bit == 0) {
                let both = law[state] + law[state | bit];
                law[state | bit] = both * up[state];
                law[state] = both - law[state | bit];
            }
        }
    }
    /// The distribution that a sweep leaves unchanged, from one that is near it.
    fn stationary(&self, start: &[f64]) -> Vec<f64> {
        let mut law = start.to_vec();
        for _ in 0..2_000 {
            let before = law.clone();
            self.apply(&mut law);
            if distance(&before, &law) < 1e-10 {
                break;
            }
        }
        law
    }
}

/// Total variation distance: the largest difference of the probabilities of any event.
fn distance(a: &[f64], b: &[f64]) -> f64 {
    0.5 * a.iter().zip(b).map(|(a, b)| (a - b).abs()).sum::<f64>()
}

/// Means of spins, then of the products of coupled pairs.
fn means(law: &[f64], wiring: &Wiring) -> Vec<f64> {
    let mean = |f: &dyn Fn(usize) -> f64| law.iter().enumerate().map(|(s, p)| p * f(s)).sum::<f64>();
    let spins = (0..wiring.n_nodes()).map(|i| mean(&|s| spin(s, i)));
    let edges = wiring.graph().edges().map(|(i, j, _)| mean(&|s| spin(s, i as usize) * spin(s, j as usize)));
    spins.chain(edges).collect()
}

/// The same of 64 chains each over `n` sweeps, after 300 that do not count.
fn sampled(
    counter: &FixedNetwork,
    n: usize,
    rng: &mut Stream,
    mut sweep: impl FnMut(&mut Chains, usize, &mut Stream) -> smml_hw::Result<()>,
) -> Result<Vec<Vec<f64>>, Failure> {
    let wiring = counter.wiring();
    let mut chains = Chains::random(wiring.n_nodes(), rng);
    sweep(&mut chains, 300, rng)?;
    let mut each = vec![Moments::new(wiring); CHAINS];
    for _ in 0..n {
        sweep(&mut chains, 1, rng)?;
        for (c, moments) in each.iter_mut().enumerate() {
            chains.count(counter, 1 << c, moments)?;
        }
    }
    Ok(each.iter().map(|m| [m.means(), m.correlations()].concat()).collect())
}

/// Means over chains with their exact values.
fn compared<'a>(
    chains: impl Iterator<Item = &'a Vec<f64>> + Clone,
    exact: &[f64],
) -> Result<Vec<(Estimate, f64)>, Failure> {
    let one = |(k, exact): (usize, &f64)| {
        let values: Vec<f64> = chains.clone().map(|c| c[k]).collect();
        Ok((Estimate::from_independent(&values)?, *exact))
    };
    exact.iter().enumerate().map(one).collect()
}

pub(super) fn sampler(ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let mut o = Outcome::default();
    table(&mut o);
    let sweeps = ctx.level.pick(2_000, 20_000, 200_000);
    let nodes = N as f64;
    for (k, (name, topology)) in pieces()?.into_iter().enumerate() {
        let problem = Problem::new(&topology, 0.4, &mut Streams::new(311).stream("reproduce", k as u64))?;
        let network = problem.fixed(Format::S4_5)?;
        let rounded = network.ising()?;
        // The control: with exact probabilities the Boltzmann distribution stays as it is.
        let ising = problem.ising()?;
        let exactly = boltzmann(&ising, 1.0);
        let exact_sweep = Sweep::new(&problem.wiring, &problem.couplings, &problem.fields, |field| {
            1.0 / (1.0 + libm::exp(-2.0 * field))
        });
        let mut after = exactly.clone();
        exact_sweep.apply(&mut after);
        o.at_most(
            format!("{name}: distance of πP from π with exact probabilities"),
            Estimate::exact(distance(&exactly, &after)),
            1e-13,
        );
        let mut law_at_one = Vec::new();
        for (beta, error) in [(1.0, SigmoidTable::ERROR), (0.37, SigmoidTable::ERROR + Gains::ERROR)] {
            let wanted = boltzmann(&rounded, beta);
            let law = Sweep::fixed(&network, &Gains::new(&network, &[beta])?).stationary(&wanted);
            o.at_most(
                format!("{name}, s{{4}}{{5}}, β = {beta}: distance of the law of the machine from exp(-βE)"),
                Estimate::exact(distance(&law, &wanted)),
                nodes * error,
            );
            if beta == 1.0 {
                law_at_one = law;
            }
        }
        let mut rng = ctx.streams.stream("fixed", k as u64);
        let gains = Gains::new(&network, &[1.0])?;
        let order = problem.wiring.order();
        let found = sampled(&network, sweeps, &mut rng, |chains, n, rng| {
            chains.sweep(&network, &gains, order, n, rng)
        })?;
        let exact = means(&law_at_one, &problem.wiring);
        o.all_sampled(
            format!("{name}, s{{4}}{{5}}: means of spins and pairs"),
            &compared(found.iter(), &exact)?,
        );
        // In floating point, every second chain at another temperature.
        let float = FloatNetwork::new(problem.wiring.clone(), &problem.couplings, &problem.fields)?;
        let betas: Vec<f64> = (0..CHAINS).map(|c| if c % 2 == 0 { 1.0 } else { 0.3 }).collect();
        let mut rng = ctx.streams.stream("float", k as u64);
        let found = sampled(&network, sweeps, &mut rng, |chains, n, rng| {
            float.sweep(chains, &betas, &[true; N], n, rng)
        })?;
        let mut pairs = compared(found.iter().step_by(2), &means(&exactly, &problem.wiring))?;
        pairs.extend(compared(
            found.iter().skip(1).step_by(2),
            &means(&boltzmann(&ising, 0.3), &problem.wiring),
        )?);
        o.all_sampled(format!("{name}, floating point, chains at β = 1 and 0.3: means"), &pairs);
        if k == 0 {
            // That few samples suffice to see a law that is a little off.
            let coarse = problem.fixed(Format::new(4, 1)?)?;
            let gains = Gains::new(&coarse, &[1.0])?;
            let mut rng = ctx.streams.stream("coarse", 0);
            let found = sampled(&coarse, sweeps, &mut rng, |chains, n, rng| {
                chains.sweep(&coarse, &gains, order, n, rng)
            })?;
            let pairs = compared(found.iter(), &means(&exactly, &problem.wiring))?;
            let least = pairs.iter().map(|(value, exact)| value.p_value(*exact)).fold(1.0, f64::min);
            o.at_most(
                "couplings rounded to halves show in the samples: smallest p-value",
                Estimate::exact(least),
                1e-10,
            );
        }
    }
    o.figure(precision(ctx)?);
    saturation(&mut o)?;
    memory(ctx, &mut o)?;
    o.note("The law of a machine is found without sampling: an update of one node is a matrix on all 65,536 states, made of the probabilities that the machine's arithmetic gives, and the product of sixteen of them, in the order of the colours, is iterated until it changes nothing. Samples of the machine are compared with that law.");
    Ok(o)
}

/// The table of the sigmoid at each of its arguments.
fn table(o: &mut Outcome) {
    let table = SigmoidTable::get();
    let error = |x: u16| table.probability(x) - 1.0 / (1.0 + libm::exp(-f64::from(x) / 2048.0));
    let worst = (0..ARGUMENTS).map(|x| error(x).abs()).fold(0.0, f64::max);
    o.at_most(
        "sigmoid by a table: largest error at its 32,512 arguments",
        Estimate::exact(worst),
        SigmoidTable::ERROR,
    );
    o.computed("σ(0) by the table", table.probability(0), 0.5, 0.0);
    let ends = |f: fn(f64, f64) -> f64, from: f64| -> Vec<(f64, f64)> {
        (0..ARGUMENTS)
            .step_by(64)
            .map(|first| {
                let errors = (first..first + 64).map(|x| error(x) / SigmoidTable::ERROR);
                ((f64::from(first) + 32.0) / 2048.0, errors.fold(from, f))
            })
            .collect()
    };
    let bound = |y: f64| vec![(0.0, y), (15.875, y)];
    o.figure(Figure::plot(
        "sparse-sigmoid",
        "Error of the sigmoid by a table",
        "Probability by the table of 64 quadratic pieces less σ(x), in units of the stated bound 2⁻¹⁵: largest and smallest over 64 neighbouring arguments each.",
        Axis::linear("x"),
        Axis::linear("error / 2⁻¹⁵"),
        vec![
            Series::new("largest", Style::Line, ends(f64::max, f64::NEG_INFINITY)),
            Series::new("smallest", Style::Line, ends(f64::min, f64::INFINITY)),
            Series::new("bound", Style::Dashed, bound(1.0)).in_colour(2),
            Series::new("and its negative", Style::Dashed, bound(-1.0)).in_colour(2),
        ],
    ));
}

/// What few bits cost: the law of the machine against exp(-E) of couplings that are not rounded.
fn precision(ctx: &Context<'_>) -> Result<Figure, Failure> {
    let mut series = Vec::new();
    let bits: Vec<u32> = (1..=11).step_by(ctx.level.pick(2, 1, 1)).collect();
    for (k, (name, topology)) in pieces()?.into_iter().enumerate().filter(|(k, _)| k % 2 == 0) {
        let problem = Problem::new(&topology, 0.4, &mut Streams::new(311).stream("reproduce", k as u64))?;
        let wanted = boltzmann(&problem.ising()?, 1.0);
        let (mut whole, mut by_table) = (Vec::new(), Vec::new());
        for fraction in &bits {
            let network = problem.fixed(Format::new(4, *fraction)?)?;
            let rounded = boltzmann(&network.ising()?, 1.0);
            let law = Sweep::fixed(&network, &Gains::new(&network, &[1.0])?).stationary(&rounded);
            whole.push((f64::from(*fraction), distance(&law, &wanted)));
            by_table.push((f64::from(*fraction), distance(&law, &rounded)));
        }
        series.push(Series::new(name, Style::LinePoints, whole).in_colour(k / 2));
        series.push(
            Series::new(&format!("{name}: by the table alone"), Style::Dashed, by_table).in_colour(k / 2),
        );
    }
    Ok(Figure::plot(
        "sparse-precision",
        "What few bits cost",
        "Total variation distance of the exact law of the machine s{4}{f} from exp(-E) of couplings that are not rounded, and the part of it that comes from the table of the sigmoid. Every fraction bit about halves it: five bits leave some 2 %, nine 0.1 %. The table is far below all of them.",
        Axis::linear("fraction bits f"),
        Axis::log("distance"),
        series,
    ))
}

/// Couplings that do not fit a format.
fn saturation(o: &mut Outcome) -> Result<(), Failure> {
    let problem = Problem::new(&Topology::pegasus(4)?, 6.0, &mut Streams::new(312).stream("reproduce", 0))?;
    let network = problem.fixed(Format::new(3, 2)?)?;
    let outside = |x: &&f64| libm::rint(4.0 * **x).abs() > 31.0;
    let counted = problem.couplings.iter().chain(&problem.fields).filter(outside).count();
    o.computed(
        "Pegasus P4, couplings of standard deviation 6 in s{3}{2}: numbers that saturate",
        network.saturated() as f64,
        counted as f64,
        0.0,
    );
    let codes = network.coupling_codes().iter().chain(network.field_codes());
    o.computed("largest code", codes.map(|c| f64::from(c.unsigned_abs())).fold(0.0, f64::max), 31.0, 0.0);
    Ok(())
}

/// A program for hardware: the memory image, run one node at a time, does what the machine does.
fn memory(ctx: &Context<'_>, o: &mut Outcome) -> Result<(), Failure> {
    let problem = Problem::new(&Topology::pegasus(14)?, 0.3, &mut Streams::new(313).stream("reproduce", 0))?;
    let network = problem.fixed(Format::S4_5)?;
    let image = MemoryImage::from_hex(&MemoryImage::of(&network).to_hex())?;
    let gains = Gains::new(&network, &[1.0])?;
    // β = 1 is the gain 2^(12 - fraction).
    let gain = 1 << (12 - Format::S4_5.fraction());
    let mut rng = ctx.streams.stream("image", 0);
    let start = Chains::random(problem.wiring.n_nodes(), &mut rng);
    let sweeps = 20;
    let mut chains = start.clone();
    chains.sweep(&network, &gains, problem.wiring.order(), sweeps, &mut rng.clone())?;
    let mut same = true;
    for chain in [0, 31, 32, 63] {
        let mut up: Vec<bool> = (0..start.n_nodes()).map(|i| start.is_up(i, chain)).collect();
        let mut twin = rng.clone();
        let mut words = WideStream::from_words(twin.word(), twin.word());
        // Chain c has number c mod 32 of the first or second 512 bits of each node.
        let mut draw = || {
            let both = [words.next(), words.next()];
            (both[chain / 32][chain % 32 / 4] >> (16 * (chain % 4))) as u16
        };
        for _ in 0..sweeps {
            image.run(&mut up, gain, &mut draw)?;
        }
        same &= up.iter().enumerate().all(|(i, up)| *up == chains.is_up(i, chain));
    }
    o.holds("Pegasus P14 from its memory image, node by node: the states of four chains after 20 sweeps, bit for bit", same);
    Ok(())
}
