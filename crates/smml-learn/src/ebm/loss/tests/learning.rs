use super::super::{
    AnswerEnergies, DataLoss, Enumerated, LabelChain, Labelled, Loss, Lvq2, Sequence, Summary, Surface,
    Trainer, TrainerState, Training, Verdict, problems,
};
use super::rng;
use smml_core::{
    Estimate,
    chain::Chain,
    energy::{Differentiable, Energy},
    hamiltonian::{Hmc, WithMomenta},
    optimize::{Function, Method, Reason, Stop, minimise},
    parallel::Par,
    rng::Draw,
    schedule::Schedule,
};

/// Two answers whose energies are the parameters; the second is right.
fn free_energies() -> (impl AnswerEnergies<Example = Labelled<()>>, [Labelled<()>; 1]) {
    let model = Enumerated::new(2, 2, |(): &(), y: usize| {
        Function(move |w: &[f64], g: &mut [f64]| {
            g.fill(0.0);
            g[y] = 1.0;
            w[y]
        })
    })
    .unwrap();
    (model, [Labelled { input: (), right: 1 }])
}

#[test]
fn losses_reach_the_margin_they_promise() {
    let (model, data) = free_energies();
    // Small steps from a wrong order, E⁺ = 1 and E⁻ = 0.2, as long as the loss pulls.
    let descend = |loss: Loss, n: usize| {
        let f = DataLoss::new(&model, &data, loss, 0.0, Par::Serial).unwrap();
        let (mut w, mut g, mut scratch) = (vec![0.2, 1.0], vec![0.0; 2], Default::default());
        for _ in 0..n {
            f.value_and_gradient(&w, &mut g, &mut scratch);
            w.iter_mut().zip(&g).for_each(|(w, g)| *w -= 1e-3 * g);
        }
        (w[0] - w[1], w)
    };
    for margin in [0.5, 1.0, 3.0] {
        let (gap, _) = descend(Loss::Hinge { margin }, 10_000);
        assert!(gap >= margin - 1e-9 && gap < margin + 3e-3, "hinge {margin}: {gap}");
        let (gap, w) = descend(Loss::SquareSquare { margin }, 20_000);
        assert!((gap - margin).abs() < 1e-6 && w[1].abs() < 1e-6, "square-square {margin}: {gap}");
        // The minimum itself, by L-BFGS.
        let f = DataLoss::new(&model, &data, Loss::SquareSquare { margin }, 0.0, Par::Serial).unwrap();
        let found = minimise(&f, &[0.2, 1.0], &Method::default(), &Stop::default()).unwrap();
        assert!(found.reason == Reason::Gradient && (found.x[0] - found.x[1] - margin).abs() < 1e-7);
    }
    // Losses of margin 0 stop where the order is right, with no gap.
    for loss in [Loss::Perceptron, Loss::Lvq2(Lvq2::Difference(2.0))] {
        let (gap, _) = descend(loss, 10_000);
        assert!((0.0..3e-3).contains(&gap), "{loss:?}: {gap}");
    }
    // The others never have enough: the gap goes on growing, as the logarithm of time or faster.
    for loss in [Loss::Log, Loss::Mce, Loss::Nll { beta: 1.0 }, Loss::Mee { beta: 1.0 }] {
        let (early, late) = (descend(loss, 5_000).0, descend(loss, 50_000).0);
        assert!(early > 0.5 && late > early + 1.0, "{loss:?}: {early} {late}");
    }
    let (gap, w) = descend(Loss::SquareExponential { gamma: 1.0 }, 50_000);
    assert!(w[1].abs() < 1e-9 && gap > 3.0, "square-exponential: {gap}");
    // The energy loss knows nothing of the wrong answer, and has no end where energies have none.
    let (_, w) = descend(Loss::Energy, 10_000);
    assert!(w[0] == 0.2 && w[1] < -8.0);
}

#[test]
fn every_sampler_of_the_core_takes_a_loss() {
    // The virial theorem: ⟨w · ∂L/∂w⟩ = n / β, whatever L, when the state is drawn from exp(-β L).
    let mut rng = rng(20);
    let chain = problems::HiddenChain::ring(3).unwrap();
    let data: Vec<_> = (0..4).map(|_| chain.sequence(5, &mut rng).unwrap()).collect();
    let model = chain.model().unwrap();
    let beta = 20.0;
    let loss = DataLoss::new(&model, &data, Loss::Nll { beta: 1.0 }, 0.5, Par::Serial).unwrap();
    let n = model.n_parameters();
    let energy = WithMomenta::new(loss);
    let start = energy.at(vec![0.0; n]).unwrap();
    let mut sampler = Chain::new(Hmc::new(0.12, 8).unwrap(), start, rng.fork());
    sampler.advance(&energy, beta, 200);
    let (mut virial, mut g) = (Vec::new(), vec![0.0; n]);
    let mut scratch = Default::default();
    for _ in 0..4_000 {
        sampler.advance(&energy, beta, 1);
        let x = sampler.state.x();
        loss.value_and_gradient(x, &mut g, &mut scratch);
        virial.push(x.iter().zip(&g).map(|(x, g)| x * g).sum::<f64>());
    }
    let found = Estimate::from_chain(&virial).unwrap();
    assert!(found.p_value(n as f64 / beta) > 1e-7, "{found} {}", n as f64 / beta);
    assert!(found.std_error < 0.05 * found.value, "{found}");
}

#[test]
fn the_truth_is_a_stationary_point_of_the_likelihood() {
    // Over sequences of a hidden chain the mean gradient at its own parameters is 0, and nothing else is likelier.
    let mut rng = rng(21);
    let chain = problems::HiddenChain::ring(4).unwrap();
    let (model, truth) = (chain.model().unwrap(), chain.parameters().unwrap());
    let n = truth.len();
    let mut components = vec![Vec::new(); n];
    let mut g = vec![0.0; n];
    let sequences: Vec<Sequence> = (0..3_000).map(|_| chain.sequence(8, &mut rng).unwrap()).collect();
    for one in sequences.chunks(1) {
        let f = DataLoss::new(&model, one, Loss::Nll { beta: 1.0 }, 0.0, Par::Serial).unwrap();
        f.value_and_gradient(&truth, &mut g, &mut Default::default());
        components.iter_mut().zip(&g).for_each(|(c, g)| c.push(*g));
    }
    for c in &components {
        let mean = Estimate::from_independent(c).unwrap();
        assert!(mean.p_value(0.0) > 1e-9, "{mean}");
    }
    let f = DataLoss::new(&model, &sequences, Loss::Nll { beta: 1.0 }, 0.0, Par::Serial).unwrap();
    let at_truth = f.energy(&truth);
    for scale in [0.7, 1.4] {
        let other: Vec<f64> = truth.iter().map(|w| scale * w).collect();
        assert!(f.energy(&other) > at_truth);
    }
    // What is learned comes close: 3,000 sequences leave about n / (2 · 3000) nats.
    let test: Vec<Sequence> = (0..3_000).map(|_| chain.sequence(8, &mut rng).unwrap()).collect();
    let stop = Stop { gradient: 1e-6, ..Stop::default() };
    let learned = minimise(&f, &vec![0.0; n], &Method::default(), &stop).unwrap();
    assert!(learned.reason == Reason::Gradient && learned.value <= at_truth);
    let on_test = DataLoss::new(&model, &test, Loss::Nll { beta: 1.0 }, 0.0, Par::Serial).unwrap();
    assert!(on_test.energy(&learned.x) - on_test.energy(&truth) < 0.03);
}

fn training(n_epochs: usize, seed: u64) -> Training {
    Training {
        batch_size: 16,
        n_epochs,
        learning_rate: Schedule::Linear { from: 0.02, to: 0.0 },
        weight_decay: 1e-3,
        seed,
    }
}

#[test]
fn training_goes_on_bit_for_bit_from_any_batch() {
    let mut rng = rng(22);
    let chain = problems::HiddenChain::ring(3).unwrap();
    let data: Vec<_> = (0..50).map(|_| chain.sequence(6, &mut rng).unwrap()).collect();
    let model = chain.model().unwrap();
    // A loss whose minimum lies far below its value at the start, ln 3⁶.
    let loss = DataLoss::new(&model, &data, Loss::Nll { beta: 1.0 }, 0.0, Par::Serial).unwrap();
    let start = vec![0.01; model.n_parameters()];
    let mut whole = Trainer::new(training(3, 9), &loss, start.clone()).unwrap();
    let mut epochs = Vec::new();
    while let Some(epoch) = whole.epoch().unwrap() {
        epochs.push(epoch);
    }
    assert_eq!((epochs.len(), whole.step_number(), whole.n_steps()), (3, 12, 12));
    assert!(epochs[2].loss < epochs[0].loss);
    for stop in 0..12 {
        let mut first = Trainer::new(training(3, 9), &loss, start.clone()).unwrap();
        for _ in 0..stop {
            first.batch().unwrap();
        }
        let saved = serde_json::to_string(first.state()).unwrap();
        let state: TrainerState = serde_json::from_str(&saved).unwrap();
        let mut second = Trainer::resume(state, &loss).unwrap();
        let mut last = None;
        while let Some(epoch) = second.epoch().unwrap() {
            last = Some(epoch);
        }
        assert_eq!(second.state(), whole.state(), "stopped at {stop}");
        assert_eq!(last, epochs.last().copied());
    }
    // Another seed is another order.
    let mut other = Trainer::new(training(3, 10), &loss, start.clone()).unwrap();
    while other.epoch().unwrap().is_some() {}
    assert_ne!(other.parameters(), whole.parameters());

    let refuse = |t: Training, start: Vec<f64>| Trainer::new(t, &loss, start).unwrap_err().to_string();
    assert!(refuse(Training { batch_size: 0, ..training(1, 1) }, start.clone()).contains("batch-size"));
    assert!(refuse(training(0, 1), start.clone()).contains("n-epochs"));
    let rate = Schedule::Constant(-1.0);
    assert!(
        refuse(Training { learning_rate: rate, ..training(1, 1) }, start.clone()).contains("learning-rate")
    );
    assert!(refuse(training(1, 1), vec![0.0; 2]).contains("parameters"));
    assert!(refuse(training(1, 1), vec![f64::NAN; start.len()]).contains("parameter"));
    let text = serde_json::to_string(whole.state()).unwrap();
    for (good, bad) in [("\"step\":12", "\"step\":13"), ("\"n_examples\":50", "\"n_examples\":51")] {
        let state: TrainerState = serde_json::from_str(&text.replacen(good, bad, 1)).unwrap();
        assert!(Trainer::resume(state, &loss).is_err(), "{bad}");
    }
    // A rate that blows the parameters up is an error, not a NaN.
    let blow = Training { learning_rate: Schedule::Constant(1e3), weight_decay: 1e3, ..training(200, 1) };
    let mut trainer = Trainer::new(blow, &loss, start).unwrap();
    let error = loop {
        match trainer.epoch() {
            Ok(Some(_)) => {}
            Ok(None) => panic!("no error"),
            Err(e) => break e.to_string(),
        }
    };
    assert!(error.contains("learning rate"), "{error}");
}

#[test]
fn a_two_sided_energy_collapses_under_the_energy_loss_only() {
    let run = |loss: Loss| {
        let mut rng = rng(23);
        let (model, points) = problems::parabola(200, 21, &mut rng).unwrap();
        let start = model.initial(&mut rng);
        let f = DataLoss::new(&model, &points, loss, 0.0, Par::Serial).unwrap();
        let plan = Training {
            batch_size: 20,
            // Square-square first comes to the flat surface E = m/2, a saddle that it takes some hundred epochs to leave.
            n_epochs: 600,
            learning_rate: Schedule::Linear { from: 0.03, to: 0.0 },
            weight_decay: 0.0,
            seed: 1,
        };
        let mut trainer = Trainer::new(plan, &f, start.clone()).unwrap();
        while trainer.epoch().unwrap().is_some() {}
        let surfaces = |w: &[f64]| Surface::of_model(&model, w, &points, Par::Serial).unwrap();
        Summary::new(&surfaces(trainer.parameters()), &surfaces(&start)).unwrap()
    };
    let energy = run(Loss::Energy);
    assert_eq!(energy.verdict, Verdict::Collapsed, "{energy:?}");
    for loss in [Loss::Nll { beta: 1.0 }, Loss::SquareSquare { margin: 1.0 }] {
        let found = run(loss);
        assert_eq!(found.verdict, Verdict::Separated, "{loss:?} {found:?}");
        assert!(found.flatness > 0.3, "{loss:?} {found:?}");
    }
}

#[test]
fn verdicts_follow_their_definition() {
    let surface = |gap: f64, relief: f64| Surface { gap, relief };
    let start = [surface(0.0, 1.0), surface(0.1, 3.0)]; // mean relief 2
    let verdict = |now: &[Surface]| Summary::new(now, &start).unwrap().verdict;
    assert_eq!(verdict(&[surface(0.009, 0.0199), surface(0.009, 0.0199)]), Verdict::Collapsed);
    assert_eq!(verdict(&[surface(0.009, 0.0201), surface(0.009, 0.0201)]), Verdict::Separated);
    let spread: Vec<Surface> = (0..100).map(|i| surface(if i % 2 == 0 { 1.0 } else { -0.9 }, 2.0)).collect();
    assert_eq!(verdict(&spread), Verdict::Unseparated);
    let s = Summary::new(&[surface(1.0, 2.0), surface(2.0, 4.0)], &start).unwrap();
    assert_eq!((s.gap.value, s.relative_gap.value, s.flatness), (1.5, 0.5, 1.5));
    let flat = [surface(0.0, 0.0), surface(0.0, 0.0)];
    assert!(Summary::new(&start, &flat).unwrap_err().to_string().contains("start"));
    assert!(Summary::new(&start[..1], &start).is_err());
    assert_eq!(Surface::of_energies(&[3.0, 1.0, 1.5], 1), surface(0.5, 2.0));
    let chain = LabelChain::new(2, 1).unwrap();
    let one = [Sequence::of_symbols(&[0], vec![0]).unwrap()];
    assert!(Surface::of_model(&chain, &[0.0], &one, Par::Serial).is_err());
}

#[test]
fn bars_and_stripes_are_what_they_say() {
    let mut rng = rng(24);
    let clean = problems::bars_or_stripes(4, 200, 0.0, &mut rng).unwrap();
    for i in 0..200 {
        let row = clean.row(i);
        let bars = (0..16).all(|p| row[p] == row[p % 4]);
        let stripes = (0..16).all(|p| row[p] == row[4 * (p / 4)]);
        assert_eq!((bars, stripes), (clean.labels()[i] == 0, clean.labels()[i] == 1));
    }
    let noisy = problems::bars_or_stripes(4, 4000, 1.0, &mut rng).unwrap();
    // All pixels turned over: the negative, of the same class.
    assert!(
        (0..16).all(
            |p| noisy.row(0)[p] == noisy.row(0)[if noisy.labels()[0] == 0 { p % 4 } else { 4 * (p / 4) }]
        )
    );
    assert!(problems::bars_or_stripes(1, 5, 0.1, &mut rng).is_err());
    assert!(problems::bars_or_stripes(4, 5, 1.5, &mut rng).is_err());
    assert!(problems::bars_or_stripes(4, 0, 0.1, &mut rng).is_err());
    assert!(problems::HiddenChain::ring(2).is_err() && problems::parabola(5, 3, &mut rng).is_err());
}
