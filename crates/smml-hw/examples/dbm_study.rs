//! A sparse deep Boltzmann machine on MNIST with settings given as `name=value`: accuracy on held-out rows as it trains.
//!
//! `cargo run --release -p smml-hw --example dbm_study -- DATA_DIR [name=value ...]`

use smml_core::{parallel::Par, rng::Streams, schedule::Schedule};
use smml_hw::{
    dbm::{Clamped, DbmTrainer, DbmTraining, Inference, Labelled, Layout, Negative, Phase, Rule, Unrolled},
    machine::Wiring,
    topology::Topology,
};
use smml_learn::data::Known;
use std::{collections::BTreeMap, sync::Arc, time::Instant};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let folder = args.next().ok_or("give the folder that holds mnist/")?;
    let given: BTreeMap<String, String> =
        args.filter_map(|a| a.split_once('=').map(|(k, v)| (k.to_string(), v.to_string()))).collect();
    let number = |name: &str, default: f64| given.get(name).map_or(default, |v| v.parse().expect("a number"));
    let count = |name: &str, default: usize| number(name, default as f64) as usize;
    let known =
        if given.get("set").is_some_and(|s| s == "fashion") { Known::FashionMnist } else { Known::Mnist };
    let sets = known.load(folder.as_ref())?;
    let threshold = count("threshold", 127) as u8;
    let n = count("rows", 60_000);
    let held = count("held", 2000);
    let all = sets.train.binarise(threshold);
    let train = all.head(n.min(58_000));
    let labels = &sets.train.labels()[..train.len()];
    let places: Vec<usize> = (60_000 - held..60_000).collect();
    let check = sets.train.select(&places)?;
    let check_rows = check.binarise(threshold);
    let topology = if count("zephyr", 0) > 0 { Topology::zephyr(12, 4)? } else { Topology::pegasus(14)? };
    let wiring = Arc::new(Wiring::new(topology.graph(), topology.colouring())?);
    let layout = Layout::random(
        wiring.n_nodes(),
        784,
        10,
        count("copies", 5),
        &mut Streams::new(count("layout", 12345) as u64).stream("layout", 0),
    )?;
    let phase = |name: &str, burn: usize, reads: usize, spacing: usize| {
        Phase::new(
            count(&format!("{name}.burn"), burn),
            count(&format!("{name}.reads"), reads),
            count(&format!("{name}.every"), spacing),
        )
    };
    let rate = number("rate", 0.02);
    let n_chains = count("chains", 128);
    let training = DbmTraining {
        n_epochs: count("epochs", 10),
        batch_size: count("batch", 128),
        format: given.get("format").map_or("s{3}{9}", |s| s.as_str()).parse()?,
        learning_rate: Schedule::geometric(rate, rate * number("final", 0.1))?,
        rule: if count("adam", 0) > 0 { Rule::Adam } else { Rule::Momentum(number("momentum", 0.5)) },
        weight_decay: number("decay", 1e-4),
        generative: number("g", 1.0),
        discriminative: number("d", 1.0),
        unrolled: Unrolled {
            weight: number("u", 0.0),
            sweeps: count("sweeps", 8),
            reads: count("sweeps.read", 4),
            sharpness: number("sharpness", 12.0),
            mean_field: count("mean-field", 0) > 0,
        },
        positive: phase("positive", 10, 10, 2),
        settle: count("settle", 40),
        negative: phase("negative", 0, 10, 2),
        chains: match count("negatives", 1) {
            0 => Negative::Carried { n_chains },
            1 => Negative::Persistent { n_chains },
            _ => Negative::Labelled { n_chains },
        },
        centred: count("centred", 1) > 0,
        mean_rate: 0.02,
        average_rate: number("average", 0.01),
        weight_scale: number("scale", 0.01),
        random_fields: count("fields", 0) > 0,
        seed: count("seed", 1) as u64,
    };
    let mut trainer = DbmTrainer::new(training, wiring.clone(), layout, Labelled { data: &train, labels })?;
    let start = Instant::now();
    let mut flips = 0u64;
    let every = (trainer.steps_per_epoch() as f64 * number("every", 1.0)) as u64;
    let (mut saturated, mut training_time) = (0, 0.0);
    while !trainer.is_done() {
        let begin = Instant::now();
        let step = trainer.step(Par::Rayon)?;
        training_time += begin.elapsed().as_secs_f64();
        flips += step.flips;
        saturated = saturated.max(step.saturated);
        if (step.step + 1) % every == 0 || trainer.is_done() {
            let model = trainer.model()?;
            let mut line = String::new();
            let mut asks = vec![(50, 50, 1.0, 1.0), (200, 200, 1.0, 1.0)];
            if trainer.is_done() {
                asks.extend([
                    (1000, 1000, 1.0, 1.0),
                    (200, 200, 0.2, 1.0),
                    (200, 200, 1.5, 1.5),
                    (500, 500, 0.3, 2.0),
                ]);
            }
            for (anneal, reads, from, to) in asks {
                let how = Inference {
                    anneal,
                    betas: Schedule::linear(from, to)?,
                    reads,
                    format: "s{3}{9}".parse()?,
                    order: Default::default(),
                    seed: 5,
                };
                let rows = Clamped { rows: &check_rows, pixels: None, labels: None };
                let answer = model.infer(&rows, &how, Par::Rayon)?;
                let right = answer.best().iter().zip(check.labels()).filter(|(a, b)| a == b).count();
                line += &format!(
                    " {:.2}% ({} β {from}..{to})",
                    100.0 * right as f64 / check.len() as f64,
                    anneal + reads
                );
            }
            let rms = |x: &[f32]| (x.iter().map(|x| f64::from(x * x)).sum::<f64>() / x.len() as f64).sqrt();
            println!(
                "{:.2} epochs, {:.0} s ({:.0} s), {:.2} flips/ns: {line}; rms J {:.3} h {:.3}, saturated {saturated}",
                (step.step + 1) as f64 / trainer.steps_per_epoch() as f64,
                start.elapsed().as_secs_f64(),
                training_time,
                flips as f64 * 1e-9 / training_time,
                rms(model.couplings()),
                rms(model.fields()),
            );
            if let Some(file) = given.get("out") {
                let mut digits = Vec::new();
                let classes: Vec<u8> = (0..100).map(|k| (k % 10) as u8).collect();
                let blank = smml_learn::data::BinaryData::new(784, vec![0; 78_400])?;
                let mask = vec![false; 784];
                let how = Inference {
                    anneal: count("generate", 1000),
                    betas: Schedule::linear(number("gbeta0", 0.0), number("gbeta1", 1.0))?,
                    reads: count("greads", 50),
                    format: "s{3}{9}".parse()?,
                    order: Default::default(),
                    seed: 6,
                };
                let clamped = Clamped { rows: &blank, pixels: Some(&mask), labels: Some(&classes) };
                let answer = model.infer(&clamped, &how, Par::Rayon)?;
                digits.extend(format!("P5\n{} {}\n255\n", 280, 280).into_bytes());
                for y in 0..280 {
                    for x in 0..280 {
                        let p = answer.pixels[y / 28 * 10 + x / 28][y % 28 * 28 + x % 28];
                        digits.push((255.0 * p) as u8);
                    }
                }
                std::fs::write(file, digits)?;
            }
        }
    }
    Ok(())
}
