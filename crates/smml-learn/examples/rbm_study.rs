//! Studies behind the documented defaults, on MNIST.
//!
//! `rbm_study FOLDER labels SEED EPOCHS RATE_FROM RATE_TO MOMENTUM DECAY cd|pcd softmax|bernoulli [N_HIDDEN]`: test accuracy of the
//! label machine after each epoch. `rbm_study FOLDER likelihood SEED EPOCHS fast|dense`: log-likelihood of the test set
//! (AIS forward and backward) after CD-1 on 10,000 digits, by the engine or by a plain dense f64 program.
use smml_core::{
    parallel::Par,
    rng::{Draw, Streams},
    schedule::Schedule,
};
use smml_learn::{
    data::{BinaryData, Known},
    ebm::{Classifier, LabelUnits, Negative, Rbm, RbmTrainer, RbmTraining, ais, likelihood},
};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let arg =
        |k: usize| args.get(k).map(String::as_str).ok_or("too few arguments: see the head of the source");
    let set = Known::Mnist.load(arg(0)?.as_ref())?;
    let (seed, n_epochs) = (arg(2)?.parse()?, arg(3)?.parse()?);
    match arg(1)? {
        "labels" => {
            let (train, test) = (set.train.binarise(0), set.test.binarise(0));
            let n_hidden = args.get(10).map_or(Ok(500), |n| n.parse())?;
            let mut training = RbmTraining::new(n_hidden, n_epochs, seed);
            training.learning_rate = Schedule::linear(arg(4)?.parse()?, arg(5)?.parse()?)?;
            training.momentum = Schedule::constant(arg(6)?.parse()?)?;
            training.weight_decay = arg(7)?.parse()?;
            if arg(8)? == "pcd" {
                training.negative = Negative::Persistent { steps: 1, n_chains: 100 };
            }
            if arg(9)? == "bernoulli" {
                training.labels = LabelUnits::Bernoulli;
            }
            let mut trainer = RbmTrainer::new(training, &train, Some((set.train.labels(), 10)))?;
            while !trainer.is_done() {
                let report = trainer.epoch(Par::Serial)?;
                let rbm = trainer.model()?;
                let accuracy = Classifier::new(&rbm, 10)?.accuracy(&test, set.test.labels(), Par::Serial)?;
                println!("epoch {} accuracy {accuracy}", report.epoch + 1);
            }
        }
        _ => {
            let (train, test) = (set.train.head(10_000).binarise(127), set.test.binarise(127));
            let rbm = if arg(4)? == "dense" {
                dense(&train, n_epochs, seed)?
            } else {
                let mut trainer = RbmTrainer::new(plain(n_epochs, seed), &train, None)?;
                while !trainer.is_done() {
                    trainer.epoch(Par::Serial)?;
                }
                trainer.model()?
            };
            let base = train.log_odds(0.5);
            let path = ais::BaseRatePath::new(base, 2001)?;
            let plan = ais::SandwichPlan { n_runs: 100, n_gibbs: 1000, data: Some(&train) };
            let both = ais::Sandwich::run(&rbm, 1.0, &path, &plan, &Streams::new(1), Par::Serial)?;
            let ll = likelihood::log_likelihood(&rbm, &test, 1.0, both.ln_z()?, Par::Serial)?;
            println!(
                "ln Z between {} and {}; test log-likelihood {}",
                both.lower()?,
                both.upper()?,
                ll.on_these_rows
            );
        }
    }
    Ok(())
}

fn plain(n_epochs: usize, seed: u64) -> RbmTraining {
    RbmTraining {
        weight_decay: 0.0,
        momentum: Schedule::Constant(0.0),
        ..RbmTraining::new(500, n_epochs, seed)
    }
}

/// CD-1 written down as the formulas stand.
fn dense(data: &BinaryData, n_epochs: usize, seed: u64) -> Outcome<Rbm> {
    let (n, m, batch, rate) = (data.width(), 500, 100, 0.05);
    let mut rng = Streams::new(seed).stream("dense", 0);
    let mut a = data.log_odds(0.5);
    let mut b = vec![0.0; m];
    let mut w: Vec<f64> = (0..n * m).map(|_| 0.01 * rng.normal()).collect();
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let mut order: Vec<usize> = (0..data.len()).collect();
    for _ in 0..n_epochs {
        rng.shuffle(&mut order);
        for rows in order.chunks(batch) {
            let (mut da, mut db, mut dw) = (vec![0.0; n], vec![0.0; m], vec![0.0; n * m]);
            let p_hidden = |v: &[u8], w: &[f64], b: &[f64]| -> Vec<f64> {
                let mut x = b.to_vec();
                for (i, _) in v.iter().enumerate().filter(|(_, v)| **v == 1) {
                    x.iter_mut().zip(&w[i * m..(i + 1) * m]).for_each(|(x, w)| *x += w);
                }
                x.into_iter().map(sigmoid).collect()
            };
            let mut count = |v: &[u8], p: &[f64], sign: f64| {
                for (i, _) in v.iter().enumerate().filter(|(_, v)| **v == 1) {
                    da[i] += sign;
                    dw[i * m..(i + 1) * m].iter_mut().zip(p).for_each(|(d, p)| *d += sign * p);
                }
                db.iter_mut().zip(p).for_each(|(d, p)| *d += sign * p);
            };
            for &row in rows {
                let v0 = data.row(row);
                let p0 = p_hidden(v0, &w, &b);
                let h: Vec<f64> = p0.iter().map(|p| f64::from(rng.chance(*p))).collect();
                let v1: Vec<u8> = (0..n)
                    .map(|i| {
                        let x: f64 = w[i * m..(i + 1) * m].iter().zip(&h).map(|(w, h)| w * h).sum();
                        u8::from(rng.chance(sigmoid(a[i] + x)))
                    })
                    .collect();
                let p1 = p_hidden(&v1, &w, &b);
                count(v0, &p0, 1.0);
                count(&v1, &p1, -1.0);
            }
            let step = rate / rows.len() as f64;
            for (x, d) in [(&mut a, &da), (&mut b, &db), (&mut w, &dw)] {
                x.iter_mut().zip(d).for_each(|(x, d)| *x += step * d);
            }
        }
    }
    Ok(Rbm::new(a, b, w)?)
}
