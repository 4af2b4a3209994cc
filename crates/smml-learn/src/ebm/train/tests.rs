use super::*;
use crate::{
    data::BarsAndStripes,
    ebm::{
        Centring, Classifier,
        likelihood::{Moments, gradient_exact, log_likelihood_exact, moments_of_data},
        rbm::tests::random,
    },
};
use smml_core::schedule::Schedule;
use smml_core::simd::{Path, with_path};

fn data(n: usize, width: usize, seed: u64) -> BinaryData {
    let mut rng = Streams::new(seed).stream("data", 0);
    BinaryData::new(width, (0..n * width).map(|_| u8::from(rng.chance(0.3))).collect()).unwrap()
}

fn training(n_hidden: usize, n_epochs: usize) -> RbmTraining {
    RbmTraining {
        momentum: Schedule::Linear { from: 0.3, to: 0.6 },
        learning_rate: Schedule::Constant(0.2),
        batch_size: 30,
        weight_scale: 0.3,
        ..RbmTraining::new(n_hidden, n_epochs, 5)
    }
}

/// Every kind of training, on sizes that fill no panel.
fn kinds() -> Vec<(RbmTraining, usize)> {
    let pcd = |n_chains, steps| Negative::Persistent { steps, n_chains };
    let base = training(70, 2);
    let centring = Centring::Means { sliding: 0.1 };
    vec![
        (base.clone(), 0),
        (RbmTraining { negative: Negative::ContrastiveDivergence { steps: 3 }, ..base.clone() }, 10),
        (RbmTraining { labels: LabelUnits::Bernoulli, batch_size: 200, ..base.clone() }, 18),
        (RbmTraining { negative: pcd(30, 1), ..base.clone() }, 0),
        (RbmTraining { negative: pcd(17, 2), ..base.clone() }, 10),
        (RbmTraining { reconstruction: Reconstruction::MeanField, ..base.clone() }, 10),
        (RbmTraining { reconstruction: Reconstruction::MeanField, negative: pcd(9, 1), ..base.clone() }, 0),
        (
            RbmTraining {
                negative: Negative::Tempered { steps: 2, n_chains: 11, n_rungs: 3 },
                ..base.clone()
            },
            10,
        ),
        (RbmTraining { centring, ..base.clone() }, 10),
        (RbmTraining { centring, negative: pcd(17, 2), ..base.clone() }, 0),
        (RbmTraining { centring, reconstruction: Reconstruction::MeanField, ..base }, 0),
    ]
}

fn trainer(kind: &(RbmTraining, usize), data: &BinaryData, labels: &[u8]) -> RbmTrainer {
    let labels = (kind.1 > 0).then_some((labels, kind.1));
    RbmTrainer::new(kind.0.clone(), data, labels).unwrap()
}

#[test]
fn resume_at_any_batch_threads_and_paths_give_the_same_bits() {
    let data = data(310, 85, 1);
    let labels: Vec<u8> = (0..310).map(|m| (m % 10) as u8).collect();
    let bytes =
        |t: &RbmTrainer| bincode::serde::encode_to_vec(t.state(), bincode::config::standard()).unwrap();
    for kind in kinds() {
        let mut straight = trainer(&kind, &data, &labels);
        let mut resumed = straight.clone();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        let paths = Path::available();
        let mut k = 0;
        while !straight.is_done() {
            straight.step(Par::Serial);
            let (state, _): (RbmTrainerState, _) =
                bincode::serde::decode_from_slice(&bytes(&resumed), bincode::config::standard()).unwrap();
            let labels = (kind.1 > 0).then_some((labels.as_slice(), kind.1));
            resumed = RbmTrainer::resume(state, &data, labels).unwrap();
            if k % 2 == 0 {
                with_path(paths[k / 2 % paths.len()], || resumed.step(Par::Serial));
            } else {
                pool.install(|| resumed.step(Par::Rayon));
            }
            assert!(bytes(&straight) == bytes(&resumed), "{kind:?} after {} batches", k + 1);
            k += 1;
        }
        assert_eq!(k as u64, straight.n_steps());
        assert_ne!(straight.model().unwrap(), trainer(&kind, &data, &labels).model().unwrap());
    }
}

/// Moments of rows of real numbers, hidden units by their probabilities.
fn real_moments(rbm: &Rbm, rows: &[Vec<f64>]) -> Moments {
    let (n, m) = (rbm.n_visible(), rbm.n_hidden());
    let mut sum = Moments { visible: vec![0.0; n], hidden: vec![0.0; m], products: vec![0.0; n * m] };
    for row in rows {
        for j in 0..m {
            let field: f64 = (0..n).map(|i| row[i] * rbm.row(i)[j]).sum();
            let p = smml_core::numeric::sigmoid(rbm.hidden_bias()[j] + field) / rows.len() as f64;
            sum.hidden[j] += p;
            (0..n).for_each(|i| sum.products[i * m + j] += row[i] * p);
        }
        (0..n).for_each(|i| sum.visible[i] += row[i] / rows.len() as f64);
    }
    sum
}

/// The change of parameters that one step must make, from the states of both phases and the formulas.
#[test]
fn one_step_is_the_formula() {
    let data = data(400, 85, 2);
    let labels: Vec<u8> = (0..400).map(|m| (m % 10) as u8).collect();
    for (mut training, n_classes) in kinds() {
        for batch_size in [30, 400] {
            training.batch_size = batch_size;
            training.momentum = Schedule::Constant(0.5);
            training.weight_decay = 0.03;
            let mut trainer = trainer(&(training.clone(), n_classes), &data, &labels);
            trainer.step(Par::Serial);
            let old = trainer.state();
            let before = trainer.model().unwrap();
            let rows: Vec<u32> = match batch_size {
                30 => trainer.order[30..60].to_vec(),
                _ => {
                    let mut order: Vec<u32> = (0..400).collect();
                    trainer.streams.stream("order", 1).shuffle(&mut order);
                    order
                }
            };
            let layer = trainer.weights.visible.clone();
            let states = |rows: &mut dyn Iterator<Item = Vec<u64>>| {
                BinaryData::new(
                    layer.n_units(),
                    rows.flat_map(|r| layer.unpack(&r).collect::<Vec<_>>()).collect(),
                )
                .unwrap()
            };
            let batch = States {
                n_words: trainer.data.n_words,
                words: rows.iter().flat_map(|r| trainer.data.row(*r as usize).to_vec()).collect(),
            };
            let mut buffers = Buffers::default();
            let ladder = match training.negative {
                Negative::Tempered { steps, .. } => {
                    Some(trainer.temper(steps, &trainer.streams.child("step", trainer.step), Par::Serial))
                }
                _ => None,
            };
            let model = trainer.phases(&batch, ladder.as_ref(), &mut buffers, Par::Serial);
            trainer.step(Par::Serial);
            let after = trainer.model().unwrap();
            let all = |s: &States| states(&mut (0..s.n()).map(|m| s.row(m).to_vec()));
            let plus = moments_of_data(&before, &all(&batch), 1.0).unwrap();
            let minus = if training.reconstruction == Reconstruction::MeanField {
                let row = |m: usize| {
                    let lines = &buffers.mean_field[m * layer.n_lines..];
                    (0..layer.n_units())
                        .map(|i| layer.place(i))
                        .map(|at| f64::from(lines[at / 16].0[at % 16]))
                        .collect()
                };
                real_moments(&before, &(0..model.n()).map(row).collect::<Vec<_>>())
            } else {
                moments_of_data(&before, &all(&model), 1.0).unwrap()
            };
            let rate = 0.2;
            // Offsets: means of all rows, and a tenth of the way to the positive phase; 0 without centring.
            let (n, m) = (before.n_visible(), before.n_hidden());
            let (mut mu, mut lambda) = (vec![0.0; n], vec![0.0; m]);
            if training.centring != Centring::None {
                mu = all(&trainer.data).column_means();
                let old = &old.offsets;
                lambda = (0..m).map(|j| 0.9 * f64::from(old[j]) + 0.1 * plus.hidden[j]).collect();
            }
            let of_visible: Vec<f64> = (0..n).map(|i| plus.visible[i] - minus.visible[i]).collect();
            let of_hidden: Vec<f64> = (0..m).map(|j| plus.hidden[j] - minus.hidden[j]).collect();
            let moved = |k: usize| after.weights()[k] - before.weights()[k];
            let check = |after: f64, before: f64, velocity: f32, gradient: f64, decay: f64| {
                let expected = before + 0.5 * f64::from(velocity) + rate * (gradient - decay * before);
                // fixed point: half of 1/256 in each phase; the rest is f32
                assert!((after - expected).abs() < rate / 256.0 + 1e-6, "{after} {expected}");
            };
            for i in 0..before.n_visible() {
                let back: f64 = (0..m).map(|j| moved(i * m + j) * lambda[j]).sum();
                let (a0, a1) = (before.visible_bias()[i], after.visible_bias()[i] + back);
                check(a1, a0, old.velocities[0][i], of_visible[i], 0.0);
            }
            for j in 0..before.n_hidden() {
                let back: f64 = (0..n).map(|i| moved(i * m + j) * mu[i]).sum();
                let (b0, b1) = (before.hidden_bias()[j], after.hidden_bias()[j] + back);
                check(b1, b0, old.velocities[1][j], of_hidden[j], 0.0);
            }
            for k in 0..before.weights().len() {
                let (i, j) = (k / m, k % m);
                let gradient =
                    plus.products[k] - minus.products[k] - mu[i] * of_hidden[j] - of_visible[i] * lambda[j];
                check(after.weights()[k], before.weights()[k], old.velocities[2][k], gradient, 0.03);
            }
        }
    }
}

/// What one step without momentum and decay adds, divided by the rate.
fn direction(rbm: &Rbm, data: &BinaryData, training: RbmTraining) -> Moments {
    let mut trainer = RbmTrainer::new(training, data, None).unwrap();
    let m = rbm.n_hidden();
    trainer.weights = Weights::new(
        trainer.weights.visible.clone(),
        trainer.weights.hidden.clone(),
        |i| rbm.visible_bias()[i] as f32,
        |j| rbm.hidden_bias()[j] as f32,
        |i, j| rbm.weights()[i * m + j] as f32,
    );
    trainer.step(Par::Rayon);
    let after = trainer.model().unwrap();
    let change = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a - b).collect();
    Moments {
        visible: change(after.visible_bias(), rbm.visible_bias()),
        hidden: change(after.hidden_bias(), rbm.hidden_bias()),
        products: change(after.weights(), rbm.weights()),
    }
}

#[test]
fn many_steps_of_cd_give_the_exact_gradient() {
    let (rbm, n) = (random(8, 8, 0.6, 12), 20_000);
    let data = data(n, 8, 3);
    let exact = gradient_exact(&rbm, &data, 1.0, Par::Rayon).unwrap();
    let training = RbmTraining {
        batch_size: n,
        learning_rate: Schedule::Constant(1.0),
        momentum: Schedule::Constant(0.0),
        weight_decay: 0.0,
        negative: Negative::ContrastiveDivergence { steps: 40 },
        ..RbmTraining::new(8, 1, 9)
    };
    let got = direction(&rbm, &data, training);
    // 5 sigma of a mean of n numbers in [0, 1], and the fixed point of hidden probabilities (1/512 at most)
    let gate = 5.0 * 0.5 / (n as f64).sqrt() + 1.0 / 512.0;
    let pairs =
        [(&got.visible, &exact.visible), (&got.hidden, &exact.hidden), (&got.products, &exact.products)];
    for (got, exact) in pairs.iter().flat_map(|(a, b)| a.iter().zip(b.iter())) {
        assert!((got - exact).abs() < gate, "{got} {exact}");
    }
    let largest = exact.products.iter().fold(0.0, |m: f64, g| m.max(g.abs()));
    assert!(largest > 8.0 * gate, "the test would not see a wrong sign");
}

/// CD-1 in f64, written down as the formulas stand.
fn dense(data: &BinaryData, training: &RbmTraining) -> Rbm {
    use smml_core::numeric::sigmoid;
    let (n, m) = (data.width(), training.n_hidden);
    let mut rng = Streams::new(training.seed).stream("dense", 0);
    let mut p = [data.log_odds(0.5), vec![0.0; m], (0..n * m).map(|_| 0.01 * rng.normal()).collect()];
    let mut velocity = p.clone().map(|x: Vec<f64>| vec![0.0; x.len()]);
    let (rate, momentum) = (training.learning_rate.at(0.0), training.momentum.at(0.0));
    let mut order: Vec<usize> = (0..data.len()).collect();
    for _ in 0..training.n_epochs {
        rng.shuffle(&mut order);
        for rows in order.chunks(training.batch_size) {
            let rbm = Rbm::new(p[0].clone(), p[1].clone(), p[2].clone()).unwrap();
            let mut gradient = p.clone().map(|x| vec![0.0; x.len()]);
            for &row in rows {
                let v0 = data.row(row);
                let h: Vec<u8> = rbm.p_hidden(v0, 1.0).iter().map(|p| u8::from(rng.chance(*p))).collect();
                let v1: Vec<u8> = rbm.p_visible(&h, 1.0).iter().map(|p| u8::from(rng.chance(*p))).collect();
                for (v, sign) in [(v0, 1.0), (&v1, -1.0)] {
                    let mut fields = Vec::new();
                    rbm.hidden_fields(v, &mut fields);
                    for (j, x) in fields.iter().enumerate() {
                        let p = sign * sigmoid(*x) / rows.len() as f64;
                        gradient[1][j] += p;
                        (0..n).for_each(|i| gradient[2][i * m + j] += f64::from(v[i]) * p);
                    }
                    (0..n).for_each(|i| gradient[0][i] += sign * f64::from(v[i]) / rows.len() as f64);
                }
            }
            for k in 0..3 {
                let decay = if k == 2 { training.weight_decay } else { 0.0 };
                for i in 0..p[k].len() {
                    velocity[k][i] = momentum * velocity[k][i] + rate * (gradient[k][i] - decay * p[k][i]);
                    p[k][i] += velocity[k][i];
                }
            }
        }
    }
    Rbm::new(p[0].clone(), p[1].clone(), p[2].clone()).unwrap()
}

#[test]
fn learns_bars_and_stripes_as_well_as_the_dense_reference() {
    let set = BarsAndStripes::new(3, 3).unwrap();
    let data = set.sample(400, &mut Streams::new(1).stream("data", 0));
    let ll = |rbm: &Rbm| log_likelihood_exact(rbm, &data, 1.0, Par::Serial).unwrap().on_these_rows.value;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for seed in 0..16 {
        let training = RbmTraining {
            batch_size: 20,
            learning_rate: Schedule::Constant(0.1),
            weight_decay: 1e-4,
            ..RbmTraining::new(10, 60, seed)
        };
        let mut trainer = RbmTrainer::new(training.clone(), &data, None).unwrap();
        while !trainer.is_done() {
            trainer.epoch(Par::Serial).unwrap();
        }
        ours.push(ll(&trainer.model().unwrap()));
        theirs.push(ll(&dense(&data, &training)));
    }
    let [ours, theirs] = [ours, theirs].map(|x| Estimate::from_independent(&x).unwrap());
    let z = (ours.value - theirs.value) / ours.std_error.hypot(theirs.std_error);
    assert!(z.abs() < 5.5, "{ours} against {theirs}"); // Student's t with 30 degrees of freedom: 6e-6
    let independent = -9.0 * 2f64.ln();
    let best = -set.entropy();
    assert!(ours.value > independent + 0.5 * (best - independent), "{ours}, best {best}");
}

#[test]
fn classifies_bars_against_stripes() {
    let set = BarsAndStripes::new(4, 4).unwrap();
    let all = set.sample(3000, &mut Streams::new(2).stream("data", 0));
    // Keep what has one right answer: bars repeat their first row, stripes have equal pixels in every row.
    let is_bars = |r: &[u8]| r.chunks(4).all(|c| c == &r[..4]);
    let proper: Vec<&[u8]> = all.rows().filter(|r| r.iter().any(|b| *b != r[0])).collect();
    let labels: Vec<u8> = proper.iter().map(|r| u8::from(is_bars(r))).collect();
    let data = BinaryData::new(16, proper.concat()).unwrap();
    for kind in [LabelUnits::Softmax, LabelUnits::Bernoulli] {
        let training = RbmTraining {
            batch_size: 20,
            learning_rate: Schedule::Linear { from: 0.2, to: 0.01 },
            labels: kind,
            ..RbmTraining::new(30, 60, 3)
        };
        let mut trainer = RbmTrainer::new(training, &data, Some((&labels, 2))).unwrap();
        while !trainer.is_done() {
            trainer.epoch(Par::Rayon).unwrap();
        }
        let rbm = trainer.model().unwrap();
        let accuracy = Classifier::new(&rbm, 2).unwrap().accuracy(&data, &labels, Par::Rayon).unwrap();
        assert!(accuracy.value > 0.97, "{kind:?}: {accuracy}");
    }
}

#[test]
fn bad_configurations_and_states_are_refused() {
    let data = data(20, 9, 1);
    let good = || RbmTraining::new(4, 1, 1);
    let with = |f: fn(&mut RbmTraining)| {
        let mut training = good();
        f(&mut training);
        RbmTrainer::new(training, &data, None).err().map(|e| e.to_string()).unwrap_or_default()
    };
    assert!(with(|t| t.n_hidden = 0).contains("n-hidden"));
    let wide = BinaryData::new(2000, vec![0; 2000]).unwrap();
    let huge = RbmTrainer::new(RbmTraining::new(MAX_UNITS, 1, 1), &wide, None).unwrap_err().to_string();
    assert!(huge.contains("weights needs"), "{huge}");
    assert!(with(|t| t.batch_size = 0).contains("batch-size"));
    assert!(with(|t| t.learning_rate = Schedule::Constant(f64::NAN)).contains("schedule value"));
    assert!(with(|t| t.learning_rate = Schedule::Table(vec![0.1, -0.1, 0.1])).contains("learning-rate"));
    assert!(with(|t| t.momentum = Schedule::Constant(1.0)).contains("momentum"));
    assert!(with(|t| t.weight_decay = -1.0).contains("weight-decay"));
    assert!(with(|t| t.negative = Negative::Persistent { steps: 1, n_chains: 0 }).contains("n-chains"));
    assert!(with(|t| t.negative = Negative::ContrastiveDivergence { steps: 0 }).contains("steps"));
    assert!(RbmTrainer::new(good(), &data, Some((&[0; 19], 10))).is_err());
    assert!(
        RbmTrainer::new(good(), &data, Some((&[10; 20], 10)))
            .unwrap_err()
            .to_string()
            .contains("label of row 0")
    );
    assert!(RbmTrainer::new(good(), &data, Some((&[0; 20], 1))).is_err());

    let trainer = RbmTrainer::new(good(), &data, None).unwrap();
    let state = trainer.state();
    let other = self::data(20, 9, 2);
    assert!(RbmTrainer::resume(state.clone(), &other, None).unwrap_err().to_string().contains("data"));
    for damage in [
        |s: &mut RbmTrainerState| s.step = 2,
        |s: &mut RbmTrainerState| s.parameters[2].truncate(3),
        |s: &mut RbmTrainerState| s.velocities[0][1] = f32::NAN,
        |s: &mut RbmTrainerState| s.training.n_hidden = MAX_UNITS,
        |s: &mut RbmTrainerState| s.chains.push(1),
        |s: &mut RbmTrainerState| s.n_classes = 3,
        |s: &mut RbmTrainerState| s.errors = vec![0.0; 9],
    ] {
        let mut bad = state.clone();
        damage(&mut bad);
        assert!(RbmTrainer::resume(bad, &data, None).is_err());
    }
    let mut moving = trainer.clone();
    moving.step(Par::Serial);
    let state = moving.state();
    assert!(RbmTrainer::resume(state.clone(), &data, None).is_ok());
    for errors in [vec![], vec![f64::NAN], vec![-0.1], vec![1.1], vec![0.1; 2]] {
        let bad = RbmTrainerState { errors, ..state.clone() };
        assert!(RbmTrainer::resume(bad, &data, None).unwrap_err().to_string().contains("saved error"));
    }
    // A learning rate that blows up ends in an error, not in NaN results.
    let wild = RbmTraining {
        learning_rate: Schedule::Constant(1e3),
        momentum: Schedule::Constant(0.999),
        ..RbmTraining::new(4, 400, 1)
    };
    let mut trainer = RbmTrainer::new(RbmTraining { weight_decay: 1e3, ..wild }, &data, None).unwrap();
    let failed = (0..400).find_map(|_| trainer.epoch(Par::Serial).err());
    assert!(failed.is_some_and(|e| e.to_string().contains("lower the learning rate")));
}

#[test]
fn tempered_chains_cross_what_single_ones_do_not_and_follow_the_distribution() {
    // Two kinds of rows, all on or all off, far apart at β = 1: 30 % to 70 % by the biases.
    let (n, m) = (8, 6);
    let machine = |scale: f64| {
        let w = vec![scale; n * m];
        let a = vec![-0.5 * scale * m as f64 + 0.1; n];
        Rbm::new(a, vec![-0.5 * scale * n as f64; m], w).unwrap()
    };
    let rbm = machine(1.6);
    let data = BinaryData::new(n, [vec![0; n], vec![1; n]].concat()).unwrap();
    let exact = crate::ebm::likelihood::moments_exact(&rbm, 1.0, Par::Serial).unwrap();
    let after = |negative: Negative| {
        let training = RbmTraining { negative, ..training(m, 1) };
        let mut trainer = RbmTrainer::new(training, &data, None).unwrap();
        trainer.weights = Weights::from_rbm(&rbm, 0);
        let steps = 800;
        // As many steps of the chains as a batch of so many would make, at these weights.
        let chains = match negative {
            Negative::Tempered { .. } => trainer.temper(steps, &trainer.streams, Par::Rayon),
            _ => {
                let mut long = trainer.clone();
                long.training.negative = Negative::Persistent { steps, n_chains: negative.n_chains() };
                long.phases(&trainer.data, None, &mut Buffers::default(), Par::Serial)
            }
        };
        trainer.chains = chains;
        trainer.chains().unwrap().column_means()
    };
    let n_chains = 2000;
    let error = |means: &[f64]| {
        let p = exact.visible[0];
        (means[0] - p) / (p * (1.0 - p) / n_chains as f64).sqrt()
    };
    assert!(exact.visible[0] > 0.6 && exact.visible[0] < 0.8, "{}", exact.visible[0]);
    let tempered = after(Negative::Tempered { steps: 1, n_chains, n_rungs: 8 });
    assert!(error(&tempered).abs() < 6.0, "{}", error(&tempered));
    let single = after(Negative::Persistent { steps: 1, n_chains });
    assert!(error(&single).abs() > 6.0, "{}", error(&single));
}
