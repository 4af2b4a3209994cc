//! Training against gradients by enumeration, and the same bytes however it is run.

use super::*;
use crate::{
    machine::{UpdateOrder, Wiring},
    topology::Topology,
};
use smml_core::{
    parallel::Par,
    rng::{Draw, Streams},
    schedule::Schedule,
    store::{decode, encode},
};
use smml_learn::data::BinaryData;
use std::sync::Arc;

/// King's graph of 4 x 4: six pixels, two classes in one copy, eight hidden nodes.
fn small() -> (Arc<Wiring>, Layout) {
    let topology = Topology::king(4, 4).unwrap();
    let wiring = Arc::new(Wiring::new(topology.graph(), topology.colouring()).unwrap());
    (wiring, Layout::random(16, 6, 2, 1, &mut Streams::new(3).stream("layout", 0)).unwrap())
}

/// Two patterns with a few bits turned; the second class is rarer.
fn rows(n: usize) -> (BinaryData, Vec<u8>) {
    let mut rng = Streams::new(4).stream("rows", 0);
    let labels: Vec<u8> = (0..n).map(|k| u8::from(k % 3 == 2)).collect();
    let patterns = [[1, 1, 1, 0, 0, 1], [0, 1, 0, 1, 1, 0]];
    let row = |label: &u8, rng: &mut smml_core::rng::Stream| -> Vec<u8> {
        patterns[usize::from(*label)].iter().map(|b| if rng.chance(0.15) { 1 - b } else { *b }).collect()
    };
    let rows: Vec<Vec<u8>> = labels.iter().map(|l| row(l, &mut rng)).collect();
    (BinaryData::from_rows(&rows).unwrap(), labels)
}

fn settings() -> DbmTraining {
    DbmTraining {
        n_epochs: 1,
        batch_size: 192,
        format: "s{3}{9}".parse().unwrap(),
        learning_rate: Schedule::Constant(1e-3),
        rule: Rule::Momentum(0.0),
        weight_decay: 0.0,
        generative: 1.0,
        discriminative: 0.0,
        unrolled: Unrolled::NONE,
        positive: Phase::new(50, 400, 2),
        settle: 100,
        negative: Phase::new(100, 400, 2),
        chains: Negative::Persistent { n_chains: 192 },
        centred: false,
        mean_rate: 0.1,
        average_rate: 1.0,
        weight_scale: 0.4,
        random_fields: true,
        seed: 5,
    }
}

/// Means of edges and nodes over all states in which the clamped nodes have their values, and ln Σ exp(-E) of them.
fn means(model: &SparseDbm, clamped: &[Option<bool>]) -> (Vec<f64>, f64) {
    let edges: Vec<(usize, usize)> =
        model.wiring().graph().edges().map(|(i, j, _)| (i as usize, j as usize)).collect();
    let free: Vec<usize> = (0..16).filter(|i| clamped[*i].is_none()).collect();
    let mut sums = vec![0.0; edges.len() + 16];
    let mut z = 0.0;
    for state in 0..1u32 << free.len() {
        let mut s: Vec<f64> = clamped.iter().map(|c| if *c == Some(true) { 1.0 } else { -1.0 }).collect();
        free.iter().enumerate().for_each(|(k, i)| s[*i] = if state >> k & 1 == 1 { 1.0 } else { -1.0 });
        let terms: Vec<f64> = edges.iter().map(|(i, j)| s[*i] * s[*j]).chain(s.iter().copied()).collect();
        let parameters = model.couplings().iter().chain(model.fields());
        let w = terms.iter().zip(parameters).map(|(t, p)| t * f64::from(*p)).sum::<f64>().exp();
        z += w;
        sums.iter_mut().zip(&terms).for_each(|(sum, t)| *sum += w * t);
    }
    (sums.into_iter().map(|s| s / z).collect(), z.ln())
}

/// The nodes of a row, with pixels, labels or both clamped.
fn clamp(layout: &Layout, row: &[u8], label: u8, pixels: bool, labels: bool) -> Vec<Option<bool>> {
    let mut clamped = vec![None; 16];
    if pixels {
        layout.pixels().iter().zip(row).for_each(|(node, b)| clamped[*node as usize] = Some(*b == 1));
    }
    if labels {
        layout.label_bits().for_each(|(node, k)| clamped[node as usize] = Some(k == usize::from(label)));
    }
    clamped
}

/// Cosine of the angle between the trainer's first step and the gradient by enumeration, with the ratio of their lengths.
fn first_step(training: DbmTraining) -> (f64, f64) {
    let (wiring, layout) = small();
    let (data, labels) = rows(192);
    let (g, d) = (training.generative, training.discriminative);
    let labelled = matches!(training.chains, Negative::Labelled { .. });
    let rate = training.learning_rate.at(0.0);
    let mut trainer =
        DbmTrainer::new(training, wiring, layout.clone(), Labelled { data: &data, labels: &labels }).unwrap();
    let before = trainer.model().unwrap();
    trainer.step(Par::Serial).unwrap();
    let after = trainer.model().unwrap();
    let mut exact = vec![0.0; before.couplings().len() + 16];
    let mut add = |weight: f64, clamped: &[Option<bool>]| {
        if weight != 0.0 {
            exact.iter_mut().zip(means(&before, clamped).0).for_each(|(sum, m)| *sum += weight * m / 192.0);
        }
    };
    for (row, label) in data.rows().zip(&labels) {
        add(g + d, &clamp(&layout, row, *label, true, true));
        add(-d, &clamp(&layout, row, *label, true, false));
        add(-g, &clamp(&layout, row, *label, false, labelled));
    }
    let all =
        |m: &SparseDbm| m.couplings().iter().chain(m.fields()).map(|x| f64::from(*x)).collect::<Vec<_>>();
    let step: Vec<f64> = all(&after).iter().zip(all(&before)).map(|(a, b)| (a - b) / rate).collect();
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let lengths = [dot(&step, &step).sqrt(), dot(&exact, &exact).sqrt()];
    (dot(&step, &exact) / (lengths[0] * lengths[1]), lengths[0] / lengths[1])
}

#[test]
fn steps_follow_the_exact_gradient() {
    // Means over 192 chains and 400 states: errors of some 1e-3 beside gradients of some 1e-1.
    let labelled = Negative::Labelled { n_chains: 192 };
    for training in [
        settings(),
        DbmTraining { chains: labelled, ..settings() },
        DbmTraining { discriminative: 1.0, generative: 0.0, ..settings() },
        DbmTraining { discriminative: 2.0, generative: 0.5, chains: labelled, ..settings() },
    ] {
        let what = format!("g {} d {} {:?}", training.generative, training.discriminative, training.chains);
        let (cosine, ratio) = first_step(training);
        assert!(cosine > 0.999 && (ratio - 1.0).abs() < 0.03, "{what}: cosine {cosine}, ratio {ratio}");
    }
}

/// Mean ln p(pixels, label), ln p(label | pixels) and ln p(pixels | label) of the rows.
fn likelihoods(model: &SparseDbm, data: &BinaryData, labels: &[u8]) -> [f64; 3] {
    let layout = model.layout();
    let ln_z = means(model, &[None; 16]).1;
    let of_label = [0, 1].map(|label| means(model, &clamp(layout, &[], label, false, true)).1);
    let mut sums = [0.0; 3];
    for (row, label) in data.rows().zip(labels) {
        let both = means(model, &clamp(layout, row, *label, true, true)).1;
        let pixels = means(model, &clamp(layout, row, *label, true, false)).1;
        sums[0] += both - ln_z;
        sums[1] += both - pixels;
        sums[2] += both - of_label[usize::from(*label)];
    }
    sums.map(|s| s / data.len() as f64)
}

#[test]
fn training_raises_the_likelihood_it_ascends() {
    let (data, labels) = rows(192);
    let short = DbmTraining {
        n_epochs: 150,
        batch_size: 64,
        learning_rate: Schedule::Geometric { from: 0.2, to: 0.01 },
        rule: Rule::Momentum(0.5),
        positive: Phase::new(5, 10, 1),
        settle: 20,
        negative: Phase::new(5, 10, 1),
        chains: Negative::Persistent { n_chains: 64 },
        centred: true,
        weight_scale: 0.1,
        random_fields: false,
        ..settings()
    };
    let labelled = DbmTraining { chains: Negative::Labelled { n_chains: 64 }, ..short.clone() };
    let discriminative = DbmTraining { generative: 0.0, discriminative: 1.0, ..short.clone() };
    // Entropies of the source: six bits turned with probability 0.15 each, and the class.
    let bits = 6.0 * -(0.15f64 * 0.15f64.ln() + 0.85 * 0.85f64.ln());
    let class = -(2.0 / 3.0 * (2.0f64 / 3.0).ln() + 1.0 / 3.0 * (1.0f64 / 3.0).ln());
    for (training, which, entropy) in
        [(short, 0, bits + class), (labelled, 2, bits), (discriminative, 1, 0.1)]
    {
        let (wiring, layout) = small();
        let rows = Labelled { data: &data, labels: &labels };
        let mut trainer = DbmTrainer::new(training, wiring, layout, rows).unwrap();
        let before = likelihoods(&trainer.model().unwrap(), &data, &labels)[which];
        while !trainer.is_done() {
            trainer.step(Par::Rayon).unwrap();
        }
        let after = likelihoods(&trainer.model().unwrap(), &data, &labels)[which];
        assert!(
            after > before && after > -entropy - 0.25,
            "likelihood {which}: {before} to {after}, source {entropy}"
        );
    }
}

#[test]
fn threads_and_resumption_change_nothing() {
    let (wiring, layout) = small();
    let (data, labels) = rows(150);
    for chains in [
        Negative::Persistent { n_chains: 100 },
        Negative::Labelled { n_chains: 70 },
        Negative::Carried { n_chains: 3 },
    ] {
        let training = DbmTraining {
            n_epochs: 3,
            batch_size: 70,
            unrolled: Unrolled { weight: 0.7, sweeps: 3, reads: 2, ..Unrolled::NONE },
            positive: Phase::new(2, 3, 1),
            negative: Phase::new(1, 2, 3),
            settle: 4,
            discriminative: 0.5,
            rule: Rule::Adam,
            average_rate: 0.3,
            centred: true,
            chains,
            ..settings()
        };
        let rows = Labelled { data: &data, labels: &labels };
        let mut one = DbmTrainer::new(training, wiring.clone(), layout.clone(), rows).unwrap();
        let mut two = one.clone();
        assert_eq!(one.steps_per_epoch(), 3);
        for step in 0..9 {
            assert!(!one.is_done());
            assert_eq!(one.step(Par::Serial).unwrap(), two.step(Par::Rayon).unwrap());
            // The second one is saved and read again after every step.
            let bytes = encode(two.state(), 0).unwrap();
            assert_eq!(encode(one.state(), 0).unwrap(), bytes, "step {step}, {chains:?}");
            two = DbmTrainer::resume(decode(&bytes, 0).unwrap(), wiring.clone(), rows).unwrap();
        }
        assert!(one.is_done());
    }
}

#[test]
fn classes_are_learned_through_the_sweeps() {
    let (wiring, layout) = small();
    let (data, labels) = rows(600);
    let rows = Labelled { data: &data, labels: &labels };
    // The classes differ by four pixels of six, each turned with probability 0.15: the best rule, the likelier class, is
    // right more often than this.
    let best = 0.93;
    for mean_field in [false, true] {
        let training = DbmTraining {
            n_epochs: 30,
            batch_size: 50,
            learning_rate: Schedule::geometric(0.02, 0.002).unwrap(),
            rule: Rule::Adam,
            generative: 0.0,
            unrolled: Unrolled { weight: 1.0, sweeps: 6, reads: 3, sharpness: 3.0, mean_field },
            weight_scale: 0.1,
            average_rate: 0.1,
            ..settings()
        };
        let mut trainer = DbmTrainer::new(training, wiring.clone(), layout.clone(), rows).unwrap();
        let mut losses = Vec::new();
        while !trainer.is_done() {
            losses.extend(trainer.step(Par::Serial).unwrap().loss);
        }
        assert_eq!(losses.len(), 360);
        // At first nothing is known of two classes; in the end most of it.
        let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
        let (first, last) = (mean(&losses[..1]), mean(&losses[348..]));
        assert!((first - 2f64.ln()).abs() < 0.3 && last < 0.5 * first, "{mean_field}: {first} {last}");
        let how = Inference {
            anneal: 20,
            betas: Schedule::Constant(1.0),
            reads: 40,
            format: "s{3}{9}".parse().unwrap(),
            order: UpdateOrder::Synchronous,
            seed: 8,
        };
        let clamped = Clamped { rows: &data, pixels: None, labels: None };
        let found = trainer.model().unwrap().infer(&clamped, &how, Par::Serial).unwrap().best();
        let right = found.iter().zip(&labels).filter(|(a, b)| a == b).count() as f64 / 600.0;
        assert!(right > best, "{mean_field}: {right}");
    }
}

#[test]
fn a_trained_machine_classifies_generates_and_completes() {
    // A model by hand: the label of class 1 is up where pixel 0 is, strongly; every other coupling is 0.
    let topology = Topology::king(2, 2).unwrap();
    let wiring = Arc::new(Wiring::new(topology.graph(), topology.colouring()).unwrap());
    let layout = Layout::new(4, vec![0, 3], 2, vec![1, 2]).unwrap();
    let couplings: Vec<f32> = wiring
        .graph()
        .edges()
        .map(|(i, j, _)| match (i, j) {
            (0, 1) => -2.0,
            (0, 2) => 2.0,
            _ => 0.0,
        })
        .collect();
    let model = SparseDbm::new(wiring, layout, couplings, vec![0.0, 0.0, 0.0, 0.5]).unwrap();
    let how = Inference {
        anneal: 10,
        betas: Schedule::linear(0.2, 1.0).unwrap(),
        reads: 2000,
        format: "s{4}{5}".parse().unwrap(),
        order: UpdateOrder::Synchronous,
        seed: 1,
    };
    let rows: Vec<Vec<u8>> = (0..100).map(|k| vec![u8::from(k % 3 == 0), u8::from(k % 2 == 0)]).collect();
    let data = BinaryData::from_rows(&rows).unwrap();
    let clamped = Clamped { rows: &data, pixels: None, labels: None };
    let answer = model.infer(&clamped, &how, Par::Rayon).unwrap();
    assert_eq!(answer, model.infer(&clamped, &how, Par::Serial).unwrap());
    let want: Vec<u8> = rows.iter().map(|r| r[0]).collect();
    assert_eq!(answer.best(), want);
    // P(label bit right) = σ(4), to 6 standard errors of 2,000 independent draws.
    let p = 1.0 / (1.0 + (-4.0f64).exp());
    for (row, scores) in rows.iter().zip(&answer.classes) {
        assert!((scores[usize::from(row[0])] - p).abs() < 6.0 * (p * (1.0 - p) / 2000.0).sqrt());
    }
    assert_eq!(answer.last, data);
    // By clocks of their own a free bit keeps its value from sweep to sweep with probability 1/e: correlations exp(-t), and
    // errors larger by the root of (1 + 1/e)/(1 - 1/e) = 2.16.
    let by_clocks = Inference { order: UpdateOrder::Asynchronous, ..how.clone() };
    let late = model.infer(&clamped, &by_clocks, Par::Rayon).unwrap();
    assert_eq!(late, model.infer(&clamped, &by_clocks, Par::Serial).unwrap());
    assert!(late != answer && late.best() == want && late.last == data);
    for (row, scores) in rows.iter().zip(&late.classes) {
        let gate = 6.5 * (2.17 * p * (1.0 - p) / 2000.0).sqrt();
        assert!((scores[usize::from(row[0])] - p).abs() < gate, "{scores:?}");
    }
    // Labels clamped, pixel 0 free, pixel 1 clamped.
    let labels: Vec<u8> = (0..100).map(|k| u8::from(k % 5 == 0)).collect();
    let (mask, blank) = ([false, true], BinaryData::new(2, vec![1; 200]).unwrap());
    let clamped = Clamped { rows: &blank, pixels: Some(&mask), labels: Some(&labels) };
    let answer = model.infer(&clamped, &how, Par::Rayon).unwrap();
    // Both labels pull: σ(8).
    let p = 1.0 / (1.0 + (-8.0f64).exp());
    for (label, pixels) in labels.iter().zip(&answer.pixels) {
        let right = if *label == 1 { pixels[0] } else { 1.0 - pixels[0] };
        assert!((right - p).abs() < 7.0 * (p * (1.0 - p) / 2000.0).sqrt() + 1.0 / 2000.0 && pixels[1] == 1.0);
    }
    for wrong in [
        Clamped { rows: &blank, pixels: Some(&mask[..1]), labels: None },
        Clamped { rows: &blank, pixels: None, labels: Some(&labels[..3]) },
        Clamped { rows: &blank, pixels: None, labels: Some(&[7; 100]) },
    ] {
        assert!(model.infer(&wrong, &how, Par::Serial).is_err());
    }
    for wrong in
        [Inference { reads: 0, ..how.clone() }, Inference { betas: Schedule::Constant(-1.0), ..how.clone() }]
    {
        assert!(model.infer(&clamped, &wrong, Par::Serial).is_err());
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let (wiring, layout) = small();
    let (data, labels) = rows(20);
    let rows = Labelled { data: &data, labels: &labels };
    let new = |training| DbmTrainer::new(training, wiring.clone(), layout.clone(), rows);
    let s = settings();
    let unrolled = |unrolled| DbmTraining { unrolled, ..s.clone() };
    for (what, training) in [
        ("batch size", DbmTraining { batch_size: 0, ..s.clone() }),
        ("epochs", DbmTraining { n_epochs: 0, ..s.clone() }),
        ("chains", DbmTraining { chains: Negative::Persistent { n_chains: 0 }, ..s.clone() }),
        ("weight decay", DbmTraining { weight_decay: f64::NAN, ..s.clone() }),
        ("not all 0", DbmTraining { generative: 0.0, ..s.clone() }),
        ("weight of the unrolled", unrolled(Unrolled { weight: -1.0, ..Unrolled::NONE })),
        ("unrolled sweeps", unrolled(Unrolled { sweeps: 257, ..Unrolled::NONE })),
        ("sweeps that are read", unrolled(Unrolled { reads: 13, ..Unrolled::NONE })),
        ("sharpness", unrolled(Unrolled { sharpness: 0.0, ..Unrolled::NONE })),
        ("mean rate", DbmTraining { mean_rate: 0.0, ..s.clone() }),
        ("average rate", DbmTraining { average_rate: 2.0, ..s.clone() }),
        ("momentum", DbmTraining { rule: Rule::Momentum(1.0), ..s.clone() }),
        ("learning rate", DbmTraining { learning_rate: Schedule::Constant(-1.0), ..s.clone() }),
        ("positive phase", DbmTraining { positive: Phase::new(1, 0, 1), ..s.clone() }),
        ("negative phase", DbmTraining { negative: Phase::new(1, usize::MAX, 9), ..s.clone() }),
    ] {
        let error = new(training).unwrap_err().to_string();
        assert!(error.contains(what), "{error}");
    }
    let wrong = Labelled { data: &data, labels: &labels[..3] };
    assert!(DbmTrainer::new(s.clone(), wiring.clone(), layout.clone(), wrong).is_err());
    let wrong = Labelled { data: &data, labels: &[2; 20] };
    assert!(DbmTrainer::new(s.clone(), wiring.clone(), layout.clone(), wrong).is_err());
    let bare = Layout::random(16, 6, 0, 0, &mut Streams::new(1).stream("layout", 0)).unwrap();
    let plain = Labelled { data: &data, labels: &[] };
    assert!(DbmTrainer::new(s.clone(), wiring.clone(), bare.clone(), plain).is_ok());
    let labelled = DbmTraining { chains: Negative::Labelled { n_chains: 4 }, ..s.clone() };
    assert!(DbmTrainer::new(labelled, wiring.clone(), bare.clone(), plain).is_err());
    let through = unrolled(Unrolled { weight: 1.0, ..Unrolled::NONE });
    let error = DbmTrainer::new(through, wiring.clone(), bare, plain).unwrap_err().to_string();
    assert!(error.contains("goes through sweeps"), "{error}");
    // A saved state on other wires.
    let trainer = new(settings()).unwrap();
    let other = Topology::king(3, 4).unwrap();
    let other = Arc::new(Wiring::new(other.graph(), other.colouring()).unwrap());
    assert!(DbmTrainer::resume(trainer.state().clone(), other, rows).is_err());
}
