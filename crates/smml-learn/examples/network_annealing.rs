//! One small network trained in four ways on two spirals: by annealing single weights, by Langevin annealing, by Adam,
//! and by L-BFGS (section 3.10).
//!
//! `cargo run --release -p smml-learn --example network_annealing`

use smml_core::{
    energy::{Differentiable, Energy},
    hamiltonian::{Langevin, WithMomenta},
    optimize::{Adam, Method, Stop, Update, minimise},
    parallel::Par,
    rng::Streams,
    sample::{Anneal, Metropolis},
    schedule::Schedule,
};
use smml_learn::network::{Activation, Architecture, Labelled, Loss, WeightMoves, Workspace};
use std::{f64::consts::PI, time::Instant};

/// Two interleaved spirals of 40 points each, 1.25 turns.
fn spirals() -> smml_learn::Result<Labelled> {
    let (mut features, mut labels) = (Vec::new(), Vec::new());
    for k in 0..40 {
        let t = (f64::from(k) + 0.5) / 40.0;
        for (class, sign) in [(0, 1.0), (1, -1.0)] {
            let radius = sign * (0.2 + 0.8 * t);
            features.extend([(radius * (2.5 * PI * t).cos()) as f32, (radius * (2.5 * PI * t).sin()) as f32]);
            labels.push(class);
        }
    }
    Labelled::new(2, 2, features, labels)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let data = spirals()?;
    let shape = Architecture::new(vec![2, 12, 2], Activation::Tanh)?;
    let loss = Loss::new(&shape, &data, 0.0, Par::Serial)?;
    let n = shape.n_parameters();
    println!("{n} parameters, {} points; loss at the end for seeds 1 to 5", data.len());
    let report = |name: &str, train: &dyn Fn(u64) -> smml_learn::Result<f64>| -> smml_learn::Result<()> {
        let start = Instant::now();
        let ends = (1..=5).map(train).collect::<smml_learn::Result<Vec<f64>>>()?;
        let text: Vec<String> = ends.iter().map(|e| format!("{e:9.2e}")).collect();
        println!("{name:<34}{}  {:.2} s each", text.join(" "), start.elapsed().as_secs_f64() / 5.0);
        Ok(())
    };
    let beta = Schedule::geometric(10.0, 1e5)?;
    report("annealing, 1000 sweeps", &|seed| {
        let moves = WeightMoves::new(loss, 1.0, 15.0)?;
        let anneal = Anneal::new(beta.clone(), 1000)?;
        let runs = anneal.search(&moves, &Metropolis::new(n)?, 1, &Streams::new(seed), Par::Serial)?;
        Ok(runs.best().0)
    })?;
    let start = |seed| shape.initial(&mut Streams::new(seed).stream("start", 0));
    report("Langevin annealing, 20000 steps", &|seed| {
        let system = WithMomenta::new(loss);
        let anneal = Anneal::new(beta.clone(), 20_000)?;
        let mut rng = Streams::new(seed).stream("langevin", 0);
        let best = anneal.run(&system, &mut Langevin::new(0.3, 0.3)?, system.at(start(seed))?, &mut rng);
        Ok(loss.energy(&best.state.x().to_vec()))
    })?;
    report("Adam, full batch, 20000 steps", &|seed| {
        let (mut x, mut adam) = (start(seed), Adam::default());
        let (mut gradient, mut scratch) = (vec![0.0; n], Workspace::default());
        for rate in Schedule::geometric(0.03, 1e-3)?.values(20_000) {
            loss.value_and_gradient(&x, &mut gradient, &mut scratch);
            adam.update(&mut x, &gradient, rate)?;
        }
        Ok(loss.energy(&x))
    })?;
    report("L-BFGS, at most 20000 evaluations", &|seed| {
        let stop = Stop { gradient: 1e-7, max_evaluations: 20_000, ..Stop::default() };
        Ok(minimise(&loss, &start(seed), &Method::default(), &stop)?.value)
    })?;
    Ok(())
}
