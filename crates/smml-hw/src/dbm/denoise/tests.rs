use super::*;
use crate::{
    dbm::{Labelled, Phase},
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
    let how = Drawing { sweeps: 40, reads: 1, format, seed: 3 };
    let drawn = chain.draw(n, &classes, &how, Par::Rayon).unwrap();
    assert_eq!(drawn.states.len(), 3);
    let index = |data: &BinaryData, k: usize| {
        data.row(k).iter().enumerate().fold(0, |x, (i, bit)| x | usize::from(*bit) << i)
    };
    for class in 0..2 {
        let mut counts = vec![0.0; 64];
        for k in (0..n).filter(|k| usize::from(classes[*k]) == class) {
            counts[8 * index(&drawn.states[1], k) + index(&drawn.states[2], k)] += 1.0;
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
        let row: Vec<f64> = drawn.states[2].row(k).iter().map(|b| f64::from(*b)).collect();
        assert_eq!(means, &row);
    }
    let again = chain.draw(n, &classes, &how, Par::Serial).unwrap();
    assert_eq!(again, drawn);
    assert!(
        chain.draw(2, &[0], &how, Par::Serial).is_err() && chain.draw(1, &[2], &how, Par::Serial).is_err()
    );
    assert!(chain.draw(1, &[0], &Drawing { reads: 41, ..how.clone() }, Par::Serial).is_err());
    assert!(chain.machine(0).is_err() && chain.machine(3).is_err());
    assert_eq!(chain.machine(2).unwrap().fields(), &machines[1][wiring.n_edges()..]);
}

/// Two images of 12 pixels, one of each class.
fn patterns(n: usize) -> (BinaryData, Vec<u8>) {
    let images = [[1, 1, 0, 0, 1, 1, 0, 0, 1, 0, 1, 0], [0, 1, 0, 1, 0, 0, 1, 1, 1, 1, 0, 0]];
    let labels: Vec<u8> = (0..n).map(|k| (k % 2) as u8).collect();
    let rows = labels.iter().map(|l| images[usize::from(*l)].to_vec()).collect::<Vec<_>>();
    (BinaryData::from_rows(&rows).unwrap(), labels)
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
    let (data, labels) = patterns(400);
    let layout = Layout::random(64, 12, 2, 4, &mut Streams::new(2).stream("layout", 0)).unwrap();
    let rows = Labelled { data: &data, labels: &labels };
    let mut trainer = DenoiserTrainer::new(settings(), king(8, 8), layout, rows).unwrap();
    assert!(trainer.model().is_err());
    let mut last = None;
    while let Some(step) = trainer.step(Par::Rayon).unwrap() {
        assert_eq!(step.saturated, 0);
        assert!(step.flips > 0 && step.untouched <= 1.0);
        last = Some(step);
    }
    assert_eq!(trainer.step_number(), 3 * trainer.steps_per_level());
    // Of the last level half of the pixels of x³ agree with x², and more of the machine's own.
    let last = last.unwrap();
    assert!(last.agreement > 0.5 && (last.untouched - 0.5).abs() < 0.1, "{last:?}");
    let chain = trainer.model().unwrap();
    let n = 2000;
    let (images, classes) = patterns(n);
    let how = Drawing { sweeps: 30, reads: 10, format: settings().format, seed: 9 };
    let drawn = chain.draw(n, &classes, &how, Par::Rayon).unwrap();
    let agreement = |states: &BinaryData| {
        let same =
            states.rows().zip(images.rows()).flat_map(|(a, b)| a.iter().zip(b)).filter(|(a, b)| a == b);
        2.0 * same.count() as f64 / (12 * n) as f64 - 1.0
    };
    for (states, kept) in drawn.states.iter().rev().zip(chain.levels().kept()) {
        let found = agreement(states);
        assert!((found - kept).abs() < 0.05, "{found} of an image is left, not {kept}");
    }
}

#[test]
fn a_training_goes_on_bit_for_bit_with_any_number_of_threads() {
    let (data, labels) = patterns(150);
    let layout = Layout::random(64, 12, 2, 4, &mut Streams::new(2).stream("layout", 0)).unwrap();
    let rows = Labelled { data: &data, labels: &labels };
    let settings = Denoising { n_epochs: 3, ..settings() };
    let mut whole = DenoiserTrainer::new(settings.clone(), king(8, 8), layout.clone(), rows).unwrap();
    let mut broken = whole.clone();
    let mut k = 0;
    while let Some(step) = whole.step(Par::Rayon).unwrap() {
        assert_eq!(broken.step(Par::Serial).unwrap(), Some(step));
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
    // A state of another graph, or one that was changed.
    assert!(DenoiserTrainer::resume(whole.state().clone(), king(8, 9), rows).is_err());
    for bad in [
        Denoising { batch_size: 0, ..settings.clone() },
        Denoising { average_rate: 0.0, ..settings.clone() },
        Denoising { learning_rate: Schedule::Constant(-1.0), ..settings.clone() },
        Denoising { positive: Phase::new(1, 0, 1), ..settings.clone() },
        Denoising { weight_scale: f64::NAN, ..settings },
    ] {
        assert!(DenoiserTrainer::new(bad, king(8, 8), layout.clone(), rows).is_err());
    }
}
