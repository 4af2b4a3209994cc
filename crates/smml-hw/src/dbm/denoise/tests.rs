use super::*;
use crate::{
    dbm::{Labelled, Phase, rule::Memory, training::Rule},
    machine::Format,
    topology::{self, Shape, Topology},
};
use smml_core::{parallel::Par, rng::Streams, schedule::Schedule};
use smml_learn::data::BinaryData;

fn king(rows: usize, columns: usize) -> Arc<Wiring> {
    let shape = Shape::King { rows: rows as u32, columns: columns as u32 };
    let topology = Topology::new(topology::Layout::new(shape).unwrap()).unwrap();
    Arc::new(Wiring::new(topology.graph(), topology.colouring()).unwrap())
}

/// All joined to all.
fn complete(n: u32) -> Arc<Wiring> {
    let edges: Vec<(u32, u32)> = (0..n).flat_map(|j| (0..j).map(move |i| (i, j))).collect();
    let graph = SparseGraph::unweighted(n as usize, &edges).unwrap();
    Arc::new(Wiring::new(&graph, &Colouring::dsatur(&graph)).unwrap())
}

#[test]
fn bits_are_set_as_often_as_they_should() {
    let mut rng = Streams::new(1).stream("bits", 0);
    for p in [0.0, 1e-3, 0.3, 0.5, 0.77, 1.0] {
        let n = 20_000;
        let set: u32 = (0..n).map(|_| chance_word(p, &mut rng).count_ones()).sum();
        let (mean, n) = (f64::from(set) / f64::from(64 * n), f64::from(64 * n));
        assert!((mean - p).abs() <= 5.0 * (p * (1.0 - p) / n).sqrt(), "{p}: {mean}");
    }
}

#[test]
fn levels_of_noise_fall_from_one_to_nothing() {
    let levels = NoiseLevels::cosine(6).unwrap();
    assert_eq!((levels.n(), levels.kept()[0], levels.kept()[6]), (6, 1.0, 0.0));
    // What is left is the product over the levels of 1 - 2 ε.
    let mut kept = 1.0;
    for t in 1..=6 {
        kept *= 1.0 - 2.0 * levels.turned(t);
        assert!((kept - levels.kept()[t]).abs() < 1e-14);
        assert!((libm::tanh(levels.coupling(t)) - (1.0 - 2.0 * levels.turned(t))).abs() < 1e-14);
    }
    assert_eq!(levels.coupling(6), 0.0);
    for bad in [vec![1.0], vec![1.0, 0.5], vec![1.0, 0.5, 0.5, 0.0], vec![0.9, 0.0], vec![1.0, f64::NAN, 0.0]]
    {
        assert!(NoiseLevels::new(bad).is_err());
    }
    assert!(NoiseLevels::cosine(0).is_err() && NoiseLevels::cosine(MOST_LEVELS + 1).is_err());
    assert!(NoiseLevels::cosine(MOST_LEVELS).is_ok());
}

/// p(pixels | inputs, class) of a machine with a coupling to its inputs, by enumeration of everything that is free: index by
/// the bits of the pixels.
fn exact(
    wiring: &Wiring,
    layout: &Layout,
    machine: &[f32],
    input: f64,
    noisy: usize,
    class: usize,
) -> Vec<f64> {
    let (n, m) = (wiring.n_nodes(), wiring.n_edges());
    let n_pixels = layout.pixels().len();
    let mut p = vec![0.0; 1 << n_pixels];
    for state in 0..1usize << n {
        let spin = |i: u32| if state >> i & 1 == 1 { 1.0 } else { -1.0 };
        if layout.label_bits().any(|(node, of)| (spin(node) > 0.0) != (of == class)) {
            continue;
        }
        let pairs = wiring.pairs().iter().zip(machine).map(|([i, j], w)| f64::from(*w) * spin(*i) * spin(*j));
        let fields = (0..n as u32).zip(&machine[m..]).map(|(i, h)| f64::from(*h) * spin(i));
        let bit = |k: usize| if noisy >> k & 1 == 1 { 1.0 } else { -1.0 };
        let inputs = layout.pixels().iter().enumerate().map(|(k, i)| input * bit(k) * spin(*i));
        let weight = libm::exp(pairs.chain(fields).chain(inputs).sum::<f64>());
        let index = layout.pixels().iter().enumerate().fold(0, |x, (k, i)| x | (state >> i & 1) << k);
        p[index] += weight;
    }
    let sum: f64 = p.iter().sum();
    p.iter().map(|x| x / sum).collect()
}

/// Drawn from both levels of a chain with random parameters: the joint distribution is the product of the enumerated ones.
#[test]
fn levels_are_drawn_from_their_distributions() {
    let wiring = king(3, 3);
    let layout = Layout::new(9, vec![4, 0, 8], 2, vec![2, 6]).unwrap();
    // A coupling of ln(3)/2 to the inputs is rounded: its code is what counts.
    let format = Format::new(3, 9).unwrap();
    let levels = NoiseLevels::new(vec![1.0, 0.5, 0.0]).unwrap();
    let input = format.value(format.code(levels.coupling(1)).0);
    let mut rng = Streams::new(5).stream("machines", 0);
    let mut machine = || -> Vec<f32> {
        let n = wiring.n_edges() + wiring.n_nodes();
        (0..n).map(|_| (0.4 * 512.0 * rng.normal()).round() as f32 / 512.0).collect()
    };
    let machines = vec![machine(), machine()];
    let chain = Denoiser::new(wiring.clone(), layout.clone(), levels, machines.clone()).unwrap();
    let n = 40_000;
    let classes: Vec<u8> = (0..n).map(|k| (k % 2) as u8).collect();
    let how = Drawing { sweeps: 40, reads: 1, followed: 1, format, seed: 3 };
    let drawn = chain.draw(n, &classes, &how, Par::Rayon).unwrap();
    assert_eq!((drawn.path.len(), &drawn.path[2]), (3, &drawn.last));
    let index = |data: &BinaryData, k: usize| {
        data.row(k).iter().enumerate().fold(0, |x, (i, bit)| x | usize::from(*bit) << i)
    };
    for class in 0..2 {
        let mut counts = vec![0.0; 64];
        for k in (0..n).filter(|k| usize::from(classes[*k]) == class) {
            counts[8 * index(&drawn.path[1], k) + index(&drawn.path[2], k)] += 1.0;
        }
        let first = exact(&wiring, &layout, &machines[1], 0.0, 0, class);
        let mut chi2 = 0.0;
        for (noisy, p) in first.iter().enumerate() {
            for (clean, q) in exact(&wiring, &layout, &machines[0], input, noisy, class).iter().enumerate() {
                let expected = p * q * n as f64 / 2.0;
                chi2 += (counts[8 * noisy + clean] - expected) * (counts[8 * noisy + clean] - expected)
                    / expected;
            }
        }
        // 63 degrees of freedom: above 135 once in 2·10⁶.
        assert!(chi2 < 135.0, "class {class}: chi2 {chi2}");
    }
    // The images are the last states where one sweep counts.
    for (k, means) in drawn.means.iter().enumerate().take(100) {
        let row: Vec<f64> = drawn.path[2].row(k).iter().map(|b| f64::from(*b)).collect();
        assert_eq!(means, &row);
    }
    let again = chain.draw(n, &classes, &how, Par::Serial).unwrap();
    assert_eq!(again, drawn);
    assert!(
        chain.draw(2, &[0], &how, Par::Serial).is_err() && chain.draw(1, &[2], &how, Par::Serial).is_err()
    );
    let few = chain.draw(n, &classes, &Drawing { followed: 100, ..how.clone() }, Par::Rayon).unwrap();
    assert_eq!((few.path[1].len(), few.path[1].row(3)), (n / 100, drawn.path[1].row(300)));
    assert!(few.last == drawn.last && few.means == drawn.means);
    assert!(chain.draw(1, &[0], &Drawing { reads: 41, ..how.clone() }, Par::Serial).is_err());
    // ½ ln 3 does not fit numbers below ½.
    let small = Drawing { format: Format::new(0, 1).unwrap(), ..how.clone() };
    assert!(chain.draw(1, &[0], &small, Par::Serial).unwrap_err().to_string().contains("level 1 of 2"));
    assert!(chain.machine(0).is_err() && chain.machine(3).is_err());
    assert_eq!(chain.machine(2).unwrap().fields(), &machines[1][wiring.n_edges()..]);
}

/// Images of 12 pixels: of class 0 seven of one kind to three of another, of class 1 one to one.
const KINDS: [[[u8; 12]; 2]; 2] = [
    [[1, 1, 0, 0, 1, 1, 0, 0, 1, 0, 1, 0], [0, 0, 1, 1, 0, 0, 1, 1, 1, 0, 0, 1]],
    [[0, 1, 0, 1, 0, 0, 1, 1, 1, 1, 0, 0], [1, 1, 1, 0, 1, 0, 0, 0, 0, 1, 1, 1]],
];
const SHARES: [f64; 2] = [0.7, 0.5];

fn images(n: usize) -> (BinaryData, Vec<u8>) {
    let labels: Vec<u8> = (0..n).map(|k| (k % 2) as u8).collect();
    let row = |k: usize| {
        let first = ((k / 2 % 10) as f64) < 10.0 * SHARES[k % 2];
        KINDS[k % 2][usize::from(!first)].to_vec()
    };
    (BinaryData::from_rows(&(0..n).map(row).collect::<Vec<_>>()).unwrap(), labels)
}

fn settings() -> Denoising {
    Denoising {
        levels: NoiseLevels::cosine(3).unwrap(),
        n_epochs: 40,
        batch_size: 100,
        format: Format::new(3, 9).unwrap(),
        learning_rate: Schedule::Geometric { from: 0.05, to: 0.005 },
        weight_decay: 0.0,
        positive: Phase::new(2, 4, 1),
        negative: Phase::new(4, 4, 1),
        mean_rate: 0.05,
        average_rate: 0.1,
        weight_scale: 0.05,
        seed: 4,
    }
}

#[test]
fn a_chain_draws_what_it_saw_and_its_levels_have_their_noise() {
    let (data, labels) = images(400);
    let layout = Layout::in_order(24, 12, 2, 2).unwrap();
    let wiring = complete(24);
    let rows = Labelled { data: &data, labels: &labels };
    // Of few coarse levels the last one would have to mix by itself.
    let long = Denoising {
        levels: NoiseLevels::cosine(6).unwrap(),
        n_epochs: 400,
        learning_rate: Schedule::Geometric { from: 0.03, to: 0.0005 },
        negative: Phase::new(10, 5, 2),
        ..settings()
    };
    let mut trainer = DenoiserTrainer::new(long.clone(), wiring.clone(), layout.clone(), rows).unwrap();
    assert!(trainer.model().is_err());
    while let Some(step) = trainer.step(Par::Rayon).unwrap() {
        assert!(step.flips > 0 && step.untouched <= 1.0);
    }
    assert_eq!(trainer.step_number(), long.levels.n() as u64 * trainer.steps_per_level());
    let chain = trainer.model().unwrap();
    let n = 4000;
    let classes: Vec<u8> = (0..n).map(|k| (k % 2) as u8).collect();
    let how = Drawing { sweeps: 30, reads: 10, followed: 1, format: settings().format, seed: 9 };
    let drawn = chain.draw(n, &classes, &how, Par::Rayon).unwrap();
    // Of every class both kinds come, as often as they were there.
    let agreement = |a: &[u8], b: &[u8]| a.iter().zip(b).filter(|(a, b)| a == b).count();
    let kind = |k: usize| -> usize {
        let [first, second] = KINDS[k % 2].map(|image| agreement(drawn.last.row(k), &image));
        usize::from(second > first)
    };
    for (class, share) in SHARES.iter().enumerate() {
        let first = (0..n).filter(|k| k % 2 == class && kind(*k) == 0).count() as f64 / (n / 2) as f64;
        assert!((first - share).abs() < 0.1, "class {class}: {first}, not {share}");
    }
    // What every level has in common with the image in the end.
    for (states, kept) in drawn.path.iter().rev().zip(chain.levels().kept()) {
        let same: usize = (0..n).map(|k| agreement(states.row(k), &KINDS[k % 2][kind(k)])).sum();
        let found = 2.0 * same as f64 / (12 * n) as f64 - 1.0;
        assert!((found - kept).abs() < 0.05, "{found} of an image is left, not {kept}");
    }
    // A penalty makes couplings smaller.
    let penalised = Denoising { weight_decay: 0.1, n_epochs: 40, ..long.clone() };
    let mut trainer = DenoiserTrainer::new(penalised, wiring.clone(), layout, rows).unwrap();
    while trainer.step(Par::Rayon).unwrap().is_some() {}
    let size =
        |chain: &Denoiser| -> f32 { chain.machine(1).unwrap().couplings().iter().map(|w| w * w).sum() };
    assert!(size(&trainer.model().unwrap()) < 0.5 * size(&chain));
}

#[test]
fn a_training_goes_on_bit_for_bit_with_any_number_of_threads() {
    let (data, labels) = images(150);
    let layout = Layout::random(64, 12, 2, 4, &mut Streams::new(2).stream("layout", 0)).unwrap();
    let rows = Labelled { data: &data, labels: &labels };
    let settings = Denoising { n_epochs: 3, ..settings() };
    let mut whole = DenoiserTrainer::new(settings.clone(), king(8, 8), layout.clone(), rows).unwrap();
    let mut broken = whole.clone();
    let mut broken_off = whole.clone();
    let mut k = 0;
    while let Some(step) = whole.step(Par::Rayon).unwrap() {
        assert_eq!(broken.step(Par::Serial).unwrap(), Some(step));
        if k == 3 {
            broken_off = broken.clone();
        }
        if k % 4 == 1 {
            let text = serde_json::to_string(broken.state()).unwrap();
            broken = DenoiserTrainer::resume(serde_json::from_str(&text).unwrap(), king(8, 8), rows).unwrap();
        }
        k += 1;
    }
    assert_eq!(k, 3 * whole.steps_per_level());
    let text = |t: &DenoiserTrainer<'_>| serde_json::to_string(t.state()).unwrap();
    assert_eq!(text(&whole), text(&broken));
    assert_eq!(broken.step(Par::Serial).unwrap(), None);
    // It is done, and goes on as that.
    let done = DenoiserTrainer::resume(whole.state().clone(), king(8, 8), rows).unwrap();
    assert_eq!(done.level(), None);
    // A state of another graph, or one that was changed.
    assert!(DenoiserTrainer::resume(whole.state().clone(), king(8, 9), rows).is_err());
    let state = serde_json::to_value(broken_off.state()).unwrap();
    for (key, value) in [
        ("step", serde_json::json!(u64::MAX)),
        ("step", serde_json::json!(6)),
        ("done", serde_json::json!([[1.0]])),
        ("parameters", serde_json::json!([0.5])),
        ("memory", serde_json::to_value(Memory::new(Rule::Momentum(0.5)).unwrap()).unwrap()),
    ] {
        let mut changed = state.clone();
        changed[key] = value;
        let changed = serde_json::from_value(changed).unwrap();
        assert!(DenoiserTrainer::resume(changed, king(8, 8), rows).is_err(), "{key}");
    }
    for bad in [
        Denoising { batch_size: 0, ..settings.clone() },
        Denoising { average_rate: 0.0, ..settings.clone() },
        Denoising { learning_rate: Schedule::Constant(-1.0), ..settings.clone() },
        Denoising { positive: Phase::new(1, 0, 1), ..settings.clone() },
        Denoising { weight_scale: f64::NAN, ..settings.clone() },
        // Γ₁ does not fit.
        Denoising { format: Format::new(0, 5).unwrap(), ..settings },
    ] {
        assert!(DenoiserTrainer::new(bad, king(8, 8), layout.clone(), rows).is_err());
    }
}
