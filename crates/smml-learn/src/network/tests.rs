use super::*;
use smml_core::{
    energy::{Differentiable, Energy, Reference},
    hamiltonian::{Langevin, WithMomenta},
    kernel::Kernel,
    optimize::{Method, Stop, minimise},
    parallel::Par,
    rng::{Draw, Streams},
    sample::{Anneal, Metropolis},
    schedule::Schedule,
    simd::{Path, with_path},
    store,
    testing::{delta_error, gradient_error},
};

/// The case of the reference numbers: parameters 0.8 sin(0.7 k + 0.3), features ((37 k mod 129) - 64) / 64, labels
/// (5 k + ⌊k/3⌋) mod classes.
fn case(layers: &[usize], activation: Activation, n: usize) -> (Architecture, Labelled, Vec<f64>) {
    let a = Architecture::new(layers.to_vec(), activation).unwrap();
    let x = (0..a.n_parameters()).map(|k| 0.8 * (0.7 * k as f64 + 0.3).sin()).collect();
    let features = (0..n * layers[0]).map(|k| ((37 * k % 129) as f32 - 64.0) / 64.0).collect();
    let labels = (0..n).map(|k| ((5 * k + k / 3) % a.n_classes()) as u8).collect();
    let data = Labelled::new(layers[0], a.n_classes(), features, labels).unwrap();
    (a, data, x)
}

fn random_data(width: usize, n_classes: usize, n: usize, seed: u64) -> Labelled {
    let mut rng = Streams::new(seed).stream("data", 0);
    let features = (0..n * width).map(|_| rng.normal() as f32).collect();
    let labels = (0..n).map(|_| rng.below(n_classes) as u8).collect();
    Labelled::new(width, n_classes, features, labels).unwrap()
}

fn xor() -> Labelled {
    Labelled::new(2, 2, vec![0., 0., 0., 1., 1., 0., 1., 1.], vec![0, 1, 1, 0]).unwrap()
}

/// Two interleaved spirals of `n` points each, 1.25 turns.
fn spirals(n: usize) -> Labelled {
    let (mut features, mut labels) = (Vec::new(), Vec::new());
    for k in 0..n {
        let t = (k as f64 + 0.5) / n as f64;
        let (radius, angle) = (0.2 + 0.8 * t, 2.5 * std::f64::consts::PI * t);
        for class in 0..2u8 {
            let sign = 1.0 - 2.0 * f64::from(class);
            features.extend([(sign * radius * angle.cos()) as f32, (sign * radius * angle.sin()) as f32]);
            labels.push(class);
        }
    }
    Labelled::new(2, 2, features, labels).unwrap()
}

#[test]
fn loss_and_gradient_are_those_of_torch() {
    use Activation::{Relu, Tanh};
    // PyTorch 2.15 in f64: cross_entropy + l2/2 Σ W²; value, norm of the gradient, and its entries 0, P/3, 2P/3, P-1.
    type Reference<'a> = (&'a [usize], Activation, usize, f64, f64, f64, [f64; 4]);
    let cases: [Reference<'_>; 5] = [
        (
            &[3, 5, 4],
            Tanh,
            7,
            0.0,
            1.4302395631030553,
            0.6015578342880008,
            [0.05801786460901566, 0.003861434643799655, -0.027809314335799612, 0.2723897199788588],
        ),
        (
            &[3, 5, 4],
            Relu,
            7,
            0.1,
            1.8913850154326588,
            0.5030601122368771,
            [0.023641616532907167, -0.0458791217598637, 0.019429074812402136, 0.1980129093472029],
        ),
        (
            &[4, 6, 5, 3],
            Tanh,
            53,
            0.01,
            1.2867897522970617,
            0.4667108984467461,
            [0.003323777450185024, 0.010769103852402033, -0.05689457062379025, 0.1705911569767803],
        ),
        (
            &[10, 17, 9, 3],
            Relu,
            130,
            0.0,
            1.2561626247424158,
            2.9366511091665437,
            [0.0013256855443619655, 0.0009524007788966383, -0.0010780464696622508, 0.24102664095916065],
        ),
        (
            &[5, 2],
            Relu,
            11,
            0.3,
            1.1400689102993549,
            0.6015118449731265,
            [-0.02019233528912634, 0.08405362181870234, -0.02160248461511416, 0.13774739001157993],
        ),
    ];
    for (layers, activation, n, l2, value, norm, entries) in cases {
        let (a, data, x) = case(layers, activation, n);
        let loss = Loss::new(&a, &data, l2, Par::Serial).unwrap();
        let p = x.len();
        let mut g = vec![f64::NAN; p];
        let got = loss.value_and_gradient(&x, &mut g, &mut Workspace::default());
        assert!((got - value).abs() < 1e-13, "{layers:?}: {got} {value}");
        assert!((g.iter().map(|g| g * g).sum::<f64>().sqrt() - norm).abs() < 1e-13);
        for (k, e) in [0, p / 3, 2 * p / 3, p - 1].into_iter().zip(entries) {
            assert!((g[k] - e).abs() < 1e-14, "{layers:?}, entry {k}: {} {e}", g[k]);
        }
    }
}

#[test]
fn loss_of_a_sheet_of_paper() {
    // Zero parameters: every class has probability 1/4. Biases alone: probabilities of a softmax.
    let (a, data, _) = case(&[3, 5, 4], Activation::Relu, 8);
    let loss = Loss::new(&a, &data, 1.0, Par::Serial).unwrap();
    let mut x = vec![0.0; a.n_parameters()];
    assert!((loss.energy(&x) - 4f64.ln()).abs() < 1e-15);
    let last = a.map(1).1;
    for (c, p) in [0.1f64, 0.2, 0.3, 0.4].into_iter().enumerate() {
        x[last.start + c] = p.ln() + 700.0;
    }
    let mean: f64 = data.labels().iter().map(|l| -((f64::from(*l) + 1.0) / 10.0).ln()).sum::<f64>() / 8.0;
    assert!((loss.energy(&x) - mean).abs() < 1e-12);
    let p = Network::new(a, x).unwrap().probabilities(data.row(0), Par::Serial).unwrap();
    assert!((p[3] - 0.4).abs() < 1e-12);
}

#[test]
fn gradient_law() {
    let mut rng = Streams::new(3).stream("x", 0);
    for (layers, activation, n) in [
        (vec![2, 2], Activation::Tanh, 5),
        (vec![1, 1, 2], Activation::Tanh, 3),
        (vec![7, 9, 4], Activation::Tanh, 60),
        (vec![7, 9, 4], Activation::Relu, 60),
        (vec![3, 8, 8, 8, 3], Activation::Tanh, 20),
        (vec![50, 13, 5], Activation::Relu, 100),
    ] {
        let a = Architecture::new(layers.clone(), activation).unwrap();
        let data = random_data(layers[0], a.n_classes(), n, 1);
        let x: Vec<f64> = a.initial(&mut rng).iter().map(|w| w + 0.1 * rng.normal()).collect();
        let error = gradient_error(&Loss::new(&a, &data, 0.05, Par::Serial).unwrap(), &x);
        // Differences of step 1e-5 are exact to about 1e-9; none of these points is that close to a kink.
        assert!(error < 1e-8, "{layers:?} {activation:?}: {error}");
    }
}

/// Whole weights are copies of rows, fractions are their ratios.
#[test]
fn weights_are_numbers_of_copies() {
    let (a, data, x) = case(&[3, 4, 3], Activation::Tanh, 100);
    let copies: Vec<usize> = (0..100).map(|i| i * i % 4).collect();
    let (mut features, mut labels) = (Vec::new(), Vec::new());
    for (i, n) in copies.iter().enumerate() {
        for _ in 0..*n {
            features.extend_from_slice(data.row(i));
            labels.push(data.labels()[i]);
        }
    }
    let copied = Labelled::new(3, 3, features, labels).unwrap();
    let weighted = data.clone().weighted(copies.iter().map(|n| 0.37 * *n as f64).collect()).unwrap();
    assert!((0..100).map(|i| weighted.weight(i)).sum::<f64>() - 100.0 < 1e-11);
    let (plain, ours) = (
        Loss::new(&a, &copied, 0.01, Par::Serial).unwrap(),
        Loss::new(&a, &weighted, 0.01, Par::Serial).unwrap(),
    );
    assert!((plain.energy(&x) - ours.energy(&x)).abs() < 1e-13);
    let (mut g, mut h) = (vec![0.0; x.len()], vec![0.0; x.len()]);
    let value = plain.value_and_gradient(&x, &mut g, &mut Default::default());
    assert!((value - ours.value_and_gradient(&x, &mut h, &mut Default::default())).abs() < 1e-13);
    assert!(g.iter().zip(&h).all(|(g, h)| (g - h).abs() < 1e-13));
    assert!(gradient_error(&ours, &x) < 1e-8);
    // The moves of annealing see the same loss.
    let moves = WeightMoves::new(ours, 0.3, 2.0).unwrap();
    let state = moves.at(x).unwrap();
    assert!((moves.energy(&state) - value).abs() < 1e-12);
    let mut rng = Streams::new(8).stream("weighted moves", 0);
    assert!(delta_error(&moves, state, 200, &mut rng) < 1e-12);
}

/// One class in twenty: unweighted, the rare class is hardly ever predicted; balanced weights find it.
#[test]
fn balanced_weights_find_the_rare_class() {
    let mut rng = Streams::new(6).stream("imbalance", 0);
    let (mut features, mut labels) = (Vec::new(), Vec::new());
    for i in 0..2000 {
        let rare = i % 20 == 0;
        features.push((rng.normal() + if rare { 1.5 } else { 0.0 }) as f32);
        labels.push(u8::from(rare));
    }
    let data = Labelled::new(1, 2, features, labels.clone()).unwrap();
    let classes: Vec<usize> = labels.iter().map(|l| usize::from(*l)).collect();
    let weights = smml_core::importance::balance::balanced_weights(&classes, 2).unwrap();
    let a = Architecture::new(vec![1, 2], Activation::Tanh).unwrap();
    let fit = |data: &Labelled| {
        let loss = Loss::new(&a, data, 1e-6, Par::Serial).unwrap();
        let stop = Stop { gradient: 1e-8, ..Stop::default() };
        let found = minimise(&loss, &[0.0; 4], &Method::default(), &stop).unwrap();
        Network::new(a.clone(), found.x).unwrap().confusion(data, Par::Serial).unwrap()
    };
    let (plain, balanced) = (fit(&data), fit(&data.clone().weighted_by_class(&weights).unwrap()));
    // The best threshold is at 0.75 + ln(19) / 1.5 = 2.71 without weights, at 0.75 with: recall 0.11 and 0.77.
    let (before, after) = (plain.recall(1).unwrap(), balanced.recall(1).unwrap());
    assert!((before.value - 0.11).abs() < 0.15 && (after.value - 0.77).abs() < 0.2, "{before} {after}");
    let per_class = data.clone().weighted_by_class(&[1.0]).unwrap_err().to_string();
    assert!(per_class.contains("weights of classes"), "{per_class}");
    let refused = |w: Vec<f64>| data.clone().weighted(w).unwrap_err().to_string();
    assert!(refused(vec![1.0; 3]).contains("weights of rows"));
    assert!(refused([vec![1.0; 1999], vec![-1.0]].concat()).contains("weight of row 1999 = -1"));
    assert!(refused(vec![0.0; 2000]).contains("all zero"));
}

#[test]
fn same_bits_for_any_threads_path_and_workspace() {
    // More rows than are in memory at once, and layers that fill no tile exactly.
    let a = Architecture::new(vec![61, 53, 10, 7], Activation::Tanh).unwrap();
    let data = random_data(61, 7, 1700, 2);
    let x = a.initial(&mut Streams::new(1).stream("x", 0));
    let mut used = Workspace::default();
    let (b, small, y) = case(&[10, 17, 9, 3], Activation::Relu, 130);
    let mut g = vec![0.0; y.len()];
    Loss::new(&b, &small, 0.0, Par::Serial).unwrap().value_and_gradient(&y, &mut g, &mut used);
    let go = |par, workspace: &mut Workspace| {
        let mut g = vec![f64::NAN; x.len()];
        let value = Loss::new(&a, &data, 0.1, par).unwrap().value_and_gradient(&x, &mut g, workspace);
        (value.to_bits(), g.iter().map(|g| g.to_bits()).collect::<Vec<_>>())
    };
    let expected = go(Par::Serial, &mut Workspace::default());
    assert_eq!(go(Par::Serial, &mut used), expected);
    for path in Path::available() {
        assert_eq!(with_path(path, || go(Par::Serial, &mut Workspace::default())), expected);
    }
    for n in [1, 2, 3, 8] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap();
        assert_eq!(pool.install(|| go(Par::Rayon, &mut used)), expected);
    }
}

#[test]
fn trainer_follows_a_plain_loop_and_resumes_bit_for_bit() {
    let data = random_data(6, 3, 50, 4);
    let shape = Architecture::new(vec![6, 11, 3], Activation::Relu).unwrap();
    let training = NetworkTraining {
        batch_size: 16,
        weight_decay: 0.1,
        learning_rate: Schedule::Linear { from: 0.02, to: 0.0 },
        ..NetworkTraining::new(shape.clone(), 5, 9)
    };
    let mut straight = NetworkTrainer::new(training.clone(), &data).unwrap();
    let mut first_loss = f64::NAN;
    while let Some(report) = straight.epoch(Par::Serial).unwrap() {
        if report.epoch == 0 {
            first_loss = report.loss;
        }
        assert!(report.epoch < 4 || (report.learning_rate == 0.0 && report.loss < first_loss));
    }
    assert_eq!(straight.step_number(), 20);
    // Saved after each batch, by way of bytes, with other threads.
    let mut state = NetworkTrainer::new(training.clone(), &data).unwrap().state().clone();
    for _ in 0..20 {
        let bytes = store::encode(&state, 7).unwrap();
        let mut next = NetworkTrainer::resume(store::decode(&bytes, 7).unwrap(), &data).unwrap();
        next.batch(Par::Rayon).unwrap();
        state = next.state().clone();
    }
    assert_eq!(&state, straight.state());
    assert!(NetworkTrainer::resume(state.clone(), &data).unwrap().batch(Par::Serial).unwrap().is_none());
    // AdamW written out, on the gradient of each batch as a data set of its own.
    let mut x = shape.initial(&mut Streams::new(9).stream("network weights", 0));
    let (mut m, mut v, mut t) = (vec![0.0; x.len()], vec![0.0; x.len()], 0);
    for epoch in 0..5 {
        let mut order: Vec<usize> = (0..50).collect();
        Streams::new(9).stream("network shuffle", epoch).shuffle(&mut order);
        for batch in order.chunks(16) {
            let features = batch.iter().flat_map(|i| data.row(*i).to_vec()).collect();
            let labels = batch.iter().map(|i| data.labels()[*i]).collect();
            let part = Labelled::new(6, 3, features, labels).unwrap();
            let mut g = vec![0.0; x.len()];
            let loss = Loss::new(&shape, &part, 0.0, Par::Serial).unwrap();
            loss.value_and_gradient(&x, &mut g, &mut Workspace::default());
            let rate = 0.02 * (1.0 - f64::from(t) / 19.0);
            t += 1;
            for i in 0..x.len() {
                m[i] = 0.9 * m[i] + 0.1 * g[i];
                v[i] = 0.999 * v[i] + 0.001 * g[i] * g[i];
                let (mh, vh) = (m[i] / (1.0 - 0.9f64.powi(t)), v[i] / (1.0 - 0.999f64.powi(t)));
                x[i] -= rate * 0.1 * x[i] + rate * mh / (vh.sqrt() + 1e-8);
            }
        }
    }
    let trained = straight.network().unwrap();
    let error = x.iter().zip(trained.parameters()).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(error < 1e-9, "{error}");
}

#[test]
fn states_of_another_run_are_refused() {
    let (data, other) = (random_data(4, 2, 20, 1), random_data(4, 2, 20, 2));
    let shape = Architecture::new(vec![4, 3, 2], Activation::Tanh).unwrap();
    let mut trainer = NetworkTrainer::new(NetworkTraining::new(shape, 2, 1), &data).unwrap();
    trainer.batch(Par::Serial).unwrap();
    let state = trainer.state().clone();
    let text = NetworkTrainer::resume(state.clone(), &other).unwrap_err().to_string();
    assert!(text.contains("SHA-256"), "{text}");
    let json = serde_json::to_string(&state).unwrap();
    let broken = |from: &str, to: &str| {
        assert!(json.contains(from), "{from} is not in {json}");
        match serde_json::from_str::<NetworkTrainerState>(&json.replacen(from, to, 1)) {
            Ok(state) => NetworkTrainer::resume(state, &data).unwrap_err().to_string(),
            Err(e) => e.to_string(),
        }
    };
    assert!(broken("\"step\":1", "\"step\":2").contains("Adam's steps"));
    assert!(broken("\"layers\":[4,3,2]", "\"layers\":[4,4,2]").contains("parameters"));
    assert!(broken("\"layers\":[4,3,2]", "\"layers\":[4,0,2]").contains("layer 1"));
    assert!(broken("\"n-epochs\":2", "\"n-epochs\":0").contains("n-epochs"));
    assert!(broken("\"mean\":[", "\"mean\":[0.5,").contains("second moments has length"));
    assert!(broken("\"square\":[", "\"square\":[-1,").contains("second moments has length"));
    assert!(broken("\"epoch_loss\":", "\"epoch_loss\":-").contains("epoch_loss = -"));
    assert!(broken("\"beta2\":0.999", "\"beta2\":1.5").contains("beta2 = 1.5"));
    assert!(broken("\"weight-decay\":0.0", "\"weight-decay\":-1.0").contains("weight-decay = -1"));
    assert!(broken("\"n_steps\":1", "\"n_steps\":3").contains("Adam's steps"));
}

#[test]
fn a_diverging_run_says_so_and_keeps_its_parameters() {
    let data = random_data(4, 3, 40, 1);
    let shape = Architecture::new(vec![4, 8, 8, 3], Activation::Relu).unwrap();
    let training = NetworkTraining {
        learning_rate: Schedule::Constant(1000.0),
        weight_decay: 1000.0,
        ..NetworkTraining::new(shape, 100_000, 1)
    };
    let mut trainer = NetworkTrainer::new(training, &data).unwrap();
    let error = loop {
        let before = trainer.state().clone();
        match trainer.batch(Par::Serial) {
            Ok(_) => {}
            Err(e) => {
                assert_eq!(trainer.state(), &before);
                break e.to_string();
            }
        }
    };
    assert!(error.contains("lower learning rate"), "{error}");
}

#[test]
fn bad_input_is_named() {
    let shape = |layers: &[usize]| Architecture::new(layers.to_vec(), Activation::Relu);
    for (layers, part) in [
        (&[5][..], "number of layers = 1"),
        (&[][..], "number of layers = 0"),
        (&[5, 0, 2][..], "units in layer 1 = 0"),
        (&[5, 4, 1][..], "(classes) = 1"),
        (&[5, 257][..], "(classes) = 257"),
        (&[usize::MAX, usize::MAX, 2][..], "too"),
        (&[1 << 20, 1 << 20, 2][..], "limit"),
    ] {
        let text = shape(layers).unwrap_err().to_string();
        assert!(text.contains(part) || (part == "too" && text.contains("limit")), "{text}");
    }
    for (width, classes, features, labels, part) in [
        (0, 2, vec![], vec![], "features in a row = 0"),
        (1, 2, vec![], vec![], "labelled rows = 0"),
        (2, 2, vec![1.0; 3], vec![0, 1], "features has length 3, expected 4"),
        (1, 2, vec![1.0; 2], vec![0, 2], "label of row 1 = 2"),
        (1, 1, vec![1.0; 1], vec![0], "number of classes = 1"),
        (2, 2, vec![1.0, 0.0, 0.0, f32::NAN], vec![0, 1], "feature 1 of row 1 = NaN"),
        (1, 2, vec![f32::INFINITY], vec![0], "feature 0 of row 0 = inf"),
    ] {
        let text = Labelled::new(width, classes, features, labels).unwrap_err().to_string();
        assert!(text.contains(part), "{text}");
    }
    let (a, data, x) = case(&[3, 5, 4], Activation::Relu, 6);
    assert!(Loss::new(&shape(&[4, 5, 4]).unwrap(), &data, 0.0, Par::Serial).is_err());
    assert!(Loss::new(&shape(&[3, 5, 5]).unwrap(), &data, 0.0, Par::Serial).is_err());
    assert!(Loss::new(&a, &data, f64::NAN, Par::Serial).is_err());
    let loss = Loss::new(&a, &data, 0.0, Par::Serial).unwrap();
    // Outside the domain: NaN, not a panic, and minimisers stop at once.
    assert!(loss.energy(&x[1..].to_vec()).is_nan());
    assert!(loss.energy(&vec![f64::NAN; x.len()]).is_nan());
    let mut g = vec![0.0; 2];
    assert!(loss.value_and_gradient(&[0.0; 2], &mut g, &mut Workspace::default()).is_nan() && g[0].is_nan());
    assert!(Network::new(a.clone(), x[1..].to_vec()).is_err());
    let text = Network::new(a.clone(), vec![f64::NAN; x.len()]).unwrap_err().to_string();
    assert!(text.contains("parameter 0 = NaN"), "{text}");
    let network = Network::new(a.clone(), x.clone()).unwrap();
    assert!(network.predict(&[1.0; 4], Par::Serial).is_err());
    assert!(network.predict(&[f32::NAN; 3], Par::Serial).is_err());
    assert!(network.predict(&[], Par::Serial).unwrap().is_empty());
    assert!(network.accuracy(&random_data(4, 4, 3, 1), Par::Serial).is_err());
    for training in [
        NetworkTraining { batch_size: 0, ..NetworkTraining::new(a.clone(), 1, 1) },
        NetworkTraining::new(a.clone(), 0, 1),
        NetworkTraining { learning_rate: Schedule::Constant(-1.0), ..NetworkTraining::new(a.clone(), 1, 1) },
        NetworkTraining { learning_rate: Schedule::Table(vec![]), ..NetworkTraining::new(a.clone(), 1, 1) },
        NetworkTraining { weight_decay: f64::NAN, ..NetworkTraining::new(a.clone(), 1, 1) },
    ] {
        assert!(NetworkTrainer::new(training, &data).is_err());
    }
    for (step, bound) in [(0.0, 1.0), (f64::NAN, 1.0), (1.0, 0.0), (2.0, 1.0), (1.0, f64::INFINITY)] {
        assert!(WeightMoves::new(loss, step, bound).is_err());
    }
    let moves = WeightMoves::new(loss, 0.1, 0.5).unwrap();
    assert!(moves.at(x).unwrap_err().to_string().contains("parameter"));
    assert!(moves.at(vec![0.0; 3]).is_err());
    // A saved network is checked when it is read.
    let json = serde_json::to_string(&network).unwrap();
    assert_eq!(serde_json::from_str::<Network>(&json).unwrap(), network);
    assert!(serde_json::from_str::<Network>(&json.replacen("[3,5,4]", "[3,5,5]", 1)).is_err());
}

#[test]
fn predictions_and_confusion() {
    // One input, three classes, logits (0, z, 2z - 1): class 0 for z < 0, class 1 between 0 and 1, class 2 above.
    let a = Architecture::new(vec![1, 3], Activation::Relu).unwrap();
    let network = Network::new(a, vec![0.0, 1.0, 2.0, 0.0, 0.0, -1.0]).unwrap();
    let features = vec![-1.0, 0.5, 2.0, 3.0, -2.0, 0.25];
    assert_eq!(network.predict(&features, Par::Serial).unwrap(), [0, 1, 2, 2, 0, 1]);
    let data = Labelled::new(1, 3, features, vec![0, 1, 2, 1, 1, 1]).unwrap();
    let c = network.confusion(&data, Par::Serial).unwrap();
    assert_eq!((c.count(1, 2), c.count(1, 0), c.count(1, 1), c.count(2, 2), c.count(3, 0)), (1, 1, 2, 1, 0));
    assert!((c.accuracy().unwrap().value - 4.0 / 6.0).abs() < 1e-15);
    assert!((c.recall(1).unwrap().value - 0.5).abs() < 1e-15);
    assert!((c.precision(2).unwrap().value - 0.5).abs() < 1e-15);
    let loss = Loss::new(network.architecture(), &data, 0.0, Par::Serial).unwrap();
    let mean = network.cross_entropy(&data, Par::Serial).unwrap();
    assert!((mean.value - loss.energy(&network.parameters().to_vec())).abs() < 1e-14);
}

#[test]
fn moves_obey_the_delta_law_and_keep_the_state_exact() {
    let mut rng = Streams::new(5).stream("moves", 0);
    for (layers, activation, l2) in [
        (vec![3, 2], Activation::Relu, 0.1),
        (vec![2, 5, 3], Activation::Tanh, 0.0),
        (vec![3, 4, 5, 2], Activation::Relu, 0.2),
        (vec![3, 4, 3, 4, 3], Activation::Tanh, 0.01),
    ] {
        let a = Architecture::new(layers, activation).unwrap();
        let data = random_data(a.n_inputs(), a.n_classes(), 50, 3);
        let loss = Loss::new(&a, &data, l2, Par::Serial).unwrap();
        let moves = WeightMoves::new(loss, 1.5, 2.0).unwrap();
        let start = moves.draw(&mut rng);
        let error = delta_error(&moves, start.clone(), 400, &mut rng);
        assert!(error < 1e-14, "{error}");
        let mut state = start;
        Metropolis::new(400).unwrap().step(&moves, &mut state, 3.0, &mut rng);
        // No drift: the cache is that of a new state, bit for bit; and the energy is that of the loss.
        assert_eq!(state, moves.at(state.parameters().to_vec()).unwrap());
        let direct = loss.energy(&state.parameters().to_vec());
        assert!((moves.energy(&state) - direct).abs() < 1e-14 * (1.0 + direct));
        assert!(state.parameters().iter().all(|w| w.abs() <= 2.0));
    }
}

/// Two weights and two biases, three examples: the energy depends on w = w₁ - w₀ and b = b₁ - b₀ alone, whose density
/// in the box is a product of triangles. Metropolis must give the Boltzmann average of that double integral.
#[test]
fn metropolis_samples_the_boltzmann_distribution_of_the_loss() {
    let a = Architecture::new(vec![1, 2], Activation::Tanh).unwrap();
    let data = Labelled::new(1, 2, vec![-1.0, 0.5, 2.0], vec![0, 1, 0]).unwrap();
    let moves = WeightMoves::new(Loss::new(&a, &data, 0.0, Par::Serial).unwrap(), 1.5, 2.0).unwrap();
    let beta = 4.0;
    let (mut z, mut mean) = (0.0, 0.0);
    // Midpoint rule on 800² cells of [-4, 4]²: its error is far below that of the sampling.
    for i in 0..800 {
        for j in 0..800 {
            let (w, b) = (-4.0 + (f64::from(i) + 0.5) * 0.01, -4.0 + (f64::from(j) + 0.5) * 0.01);
            let softplus = |t: f64| (1.0 + t.exp()).ln();
            let e = (softplus(-w + b) + softplus(-(0.5 * w + b)) + softplus(2.0 * w + b)) / 3.0;
            let p = (4.0 - w.abs()) * (4.0 - b.abs()) * (-beta * e).exp();
            z += p;
            mean += p * e;
        }
    }
    let mut rng = Streams::new(11).stream("chain", 0);
    let mut state = moves.draw(&mut rng);
    let mut kernel = Metropolis::new(4).unwrap();
    let mut series = Vec::new();
    for step in 0..60_000 {
        kernel.step(&moves, &mut state, beta, &mut rng);
        if step >= 200 {
            series.push(moves.energy(&state));
        }
    }
    let estimate = smml_core::Estimate::from_chain(&series).unwrap();
    let z_score = estimate.z(mean / z);
    assert!(z_score.abs() < 5.0, "{estimate}, exactly {}: z = {z_score}", mean / z);
}

#[test]
fn annealing_learns_xor_and_spirals() {
    let (data, shape) = (xor(), Architecture::new(vec![2, 3, 2], Activation::Tanh).unwrap());
    let loss = Loss::new(&shape, &data, 0.0, Par::Serial).unwrap();
    let moves = WeightMoves::new(loss, 1.0, 10.0).unwrap();
    let anneal = Anneal::new(Schedule::geometric(1.0, 1e4).unwrap(), 2000).unwrap();
    let search =
        |par| anneal.search(&moves, &Metropolis::new(17).unwrap(), 8, &Streams::new(1), par).unwrap();
    let runs = search(Par::Serial);
    assert!(runs.sorted_energies()[7] < 1e-3, "{:?}", runs.sorted_energies());
    assert_eq!(search(Par::Rayon).best(), runs.best());
    let best = Network::new(shape.clone(), runs.best().1.parameters().to_vec()).unwrap();
    assert_eq!(best.predict(data.features(), Par::Serial).unwrap(), data.labels());

    let data = spirals(40);
    let shape = Architecture::new(vec![2, 12, 2], Activation::Tanh).unwrap();
    let moves = WeightMoves::new(Loss::new(&shape, &data, 0.0, Par::Serial).unwrap(), 1.0, 15.0).unwrap();
    let anneal = Anneal::new(Schedule::geometric(10.0, 1e5).unwrap(), 1000).unwrap();
    let sweep = Metropolis::new(shape.n_parameters()).unwrap();
    let runs = anneal.search(&moves, &sweep, 2, &Streams::new(1), Par::Rayon).unwrap();
    println!("spirals {:?}", runs.sorted_energies());
    assert!(runs.best().0 < 0.01, "{:?}", runs.sorted_energies());
    let best = Network::new(shape, runs.best().1.parameters().to_vec()).unwrap();
    assert_eq!(best.accuracy(&data, Par::Serial).unwrap().value, 1.0);
}

#[test]
fn langevin_annealing_takes_the_loss_as_it_is() {
    let (data, shape) = (xor(), Architecture::new(vec![2, 4, 2], Activation::Tanh).unwrap());
    let loss = Loss::new(&shape, &data, 1e-4, Par::Serial).unwrap();
    let system = WithMomenta::new(loss);
    let mut rng = Streams::new(2).stream("langevin", 0);
    let start = system.at(shape.initial(&mut rng)).unwrap();
    let anneal = Anneal::new(Schedule::geometric(10.0, 1e6).unwrap(), 5000).unwrap();
    let best = anneal.run(&system, &mut Langevin::new(0.3, 0.3).unwrap(), start, &mut rng);
    let found = loss.energy(&best.state.x().to_vec());
    assert!(found < 0.05, "{found}");
}

#[test]
fn lbfgs_finds_the_optimum_of_logistic_regression() {
    // Convex with l2 > 0, so the optimum is unique up to the biases' common shift.
    let (a, data, x) = case(&[5, 3], Activation::Relu, 40);
    let loss = Loss::new(&a, &data, 0.1, Par::Serial).unwrap();
    let stop = Stop { gradient: 1e-10, ..Stop::default() };
    let ends: Vec<f64> = [x.clone(), vec![0.0; x.len()]]
        .iter()
        .map(|start| minimise(&loss, start, &Method::default(), &stop).unwrap().value)
        .collect();
    assert!((ends[0] - ends[1]).abs() < 1e-13);
    // scipy 1.17 L-BFGS-B on the same problem
    assert!((ends[0] - LOGISTIC).abs() < 1e-9, "{}", ends[0]);
}

const LOGISTIC: f64 = 1.02991889376477;

#[test]
fn logits_that_overflow_are_an_error() {
    let shape = Architecture::new(vec![1, 2], Activation::Tanh).unwrap();
    let network = Network::new(shape, vec![1e300, -1e300, 0.0, 0.0]).unwrap();
    let data = Labelled::new(1, 2, vec![1.0, 1e30], vec![0, 1]).unwrap();
    let text = network.predict(data.features(), Par::Serial).unwrap_err().to_string();
    assert!(text.contains("logit of class 0 at row 1 = inf"), "{text}");
    assert!(network.probabilities(data.features(), Par::Serial).is_err());
    assert!(
        network.accuracy(&data, Par::Serial).is_err() && network.cross_entropy(&data, Par::Serial).is_err()
    );
    // One example has a loss, though its mean has no error.
    let one = Labelled::new(1, 2, vec![0.0], vec![0]).unwrap();
    assert_eq!(network.losses(&one, Par::Serial).unwrap(), [2f64.ln()]);
}
