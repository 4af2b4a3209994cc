//! `smml rbm train`.

use super::{
    draw::{Wanted, draw},
    finish,
    keep::{Epoch, Keeper},
    likelihoods::{enumeration, likelihoods},
    model::{Images, MODEL, SavedModel, THRESHOLD, images},
};
use crate::{
    args::{Dataset, Ramp, RbmTrainArgs},
    error::Failure,
    output,
    report::figure::{Axis, Figure, Series, Style},
    reproduce::check::Outcome,
    run::{self, config, folder::Folder, progress, series},
};
use smml_core::{Estimate, parallel::Par, rng::Streams, schedule::Schedule, store};
use smml_learn::{
    data::BinaryData,
    ebm::{
        Centring, Classifier, GibbsChains, GrayImage, Grid, Negative, Rbm, RbmTrainer, RbmTraining,
        Reconstruction, Tensors, likelihood,
    },
};

/// Filters and samples in a picture.
const TILES: usize = 100;
/// Gibbs steps to a sample.
const SAMPLE_STEPS: usize = 1000;
/// The part of a batch in the running means of hidden units.
const SLIDING: f64 = 0.01;
/// Images of the reconstructions, and how many side by side.
const RECONSTRUCTED: usize = 50;
const ACROSS: usize = 10;
/// Test images that are looked at after an epoch, and epochs at which that is done.
const MONITORED: usize = 200;
const MONITOR_EPOCHS: usize = 100;
/// Largest enumeration after an epoch, in terms: some hundredths of a second.
const MONITOR_ENUMERATED: f64 = 1e7;
/// Terms that a pseudo-log-likelihood after an epoch may have.
const MONITOR_TERMS: usize = 1_000_000_000;
/// Work of a batch below which a second thread costs more than it saves.
const SERIAL: usize = 4_000_000;

/// The settings for a data set that are used where the user says nothing.
///
/// Bars-and-stripes: CD-20 comes to 0.1 nats from the entropy within seconds, where persistent chains of so small a
/// machine fall behind its weights. Digits and clothes: persistent chains, whose machines have good samples.
fn built_in(dataset: Dataset, seed: u64) -> RbmTraining {
    match dataset {
        Dataset::Bars => RbmTraining {
            learning_rate: Schedule::Linear { from: 0.2, to: 0.0 },
            negative: Negative::ContrastiveDivergence { steps: 20 },
            ..RbmTraining::new(20, 300, seed)
        },
        Dataset::Mnist | Dataset::FashionMnist | Dataset::Cifar10 => RbmTraining::for_sampling(500, 10, seed),
    }
}

/// Steps, chains (0 without) and temperatures of a negative phase.
fn parts(negative: Negative) -> (usize, usize, Option<usize>) {
    match negative {
        Negative::ContrastiveDivergence { steps } => (steps, 0, None),
        Negative::Persistent { steps, n_chains } => (steps, n_chains, None),
        Negative::Tempered { steps, n_chains, n_rungs } => (steps, n_chains, Some(n_rungs)),
    }
}

/// The built-in settings with those of the user in their place.
fn settings(args: &RbmTrainArgs, seed: u64) -> RbmTraining {
    let mut t = built_in(args.images.dataset, seed);
    let whole = |given: Option<u32>, own: usize| given.map_or(own, |n| n as usize);
    t.n_hidden = whole(args.hidden, t.n_hidden);
    t.n_epochs = whole(args.epochs, t.n_epochs);
    t.batch_size = whole(args.batch, t.batch_size);
    if let Some(rate) = &args.learning_rate {
        t.learning_rate = rate.schedule.clone();
    }
    if let Some(momentum) = &args.momentum {
        t.momentum = momentum.schedule.clone();
    }
    if let Some(decay) = args.weight_decay {
        t.weight_decay = decay;
    }
    let (own_steps, own_chains, _) = parts(t.negative);
    let steps = whole(args.steps, own_steps);
    t.negative = match (whole(args.chains, own_chains), args.tempered) {
        (0, _) => Negative::ContrastiveDivergence { steps },
        (n_chains, None) => Negative::Persistent { steps, n_chains },
        (n_chains, Some(k)) => Negative::Tempered { steps, n_chains, n_rungs: k as usize },
    };
    if args.mean_field {
        t.reconstruction = Reconstruction::MeanField;
    }
    if args.centred {
        t.centring = Centring::Means { sliding: SLIDING };
    }
    t
}

/// The arguments with everything settled. Defaults are written out: a later version may have others.
fn settle(args: &RbmTrainArgs, t: &RbmTraining) -> Result<RbmTrainArgs, Failure> {
    let mut settled = args.clone();
    settled.images = args.images.settle()?;
    settled.run.seed = Some(t.seed);
    // All of them came from numbers of 32 bits, or are built in.
    let whole = |n: usize| u32::try_from(n).ok();
    let (steps, chains, rungs) = parts(t.negative);
    if args.tempered.is_some() && rungs.is_none() {
        return Err(Failure::Usage("--tempered: needs persistent chains; give --chains".into()));
    }
    settled.hidden = whole(t.n_hidden);
    settled.epochs = whole(t.n_epochs);
    settled.batch = whole(t.batch_size);
    settled.steps = whole(steps);
    settled.chains = whole(chains);
    settled.learning_rate = Some(Ramp::of(&t.learning_rate));
    settled.momentum = Some(Ramp::of(&t.momentum));
    settled.weight_decay = Some(t.weight_decay);
    settled.likelihood = args.likelihood.settle(args.labels)?;
    Ok(settled)
}

/// What is measured on test images after an epoch.
#[derive(Clone, Copy)]
enum Monitor {
    Accuracy,
    LogLikelihood,
    PseudoLogLikelihood,
}

impl Monitor {
    fn of(trainer: &RbmTrainer, images: &Images) -> Self {
        let terms = enumeration(images.test.width(), trainer.training().n_hidden);
        match images.n_classes {
            0 if terms <= MONITOR_ENUMERATED => Monitor::LogLikelihood,
            0 => Monitor::PseudoLogLikelihood,
            _ => Monitor::Accuracy,
        }
    }
    fn name(self) -> &'static str {
        match self {
            Monitor::Accuracy => "test accuracy",
            Monitor::LogLikelihood => "test log-likelihood",
            Monitor::PseudoLogLikelihood => "test pseudo-log-likelihood",
        }
    }
    fn axis(self) -> &'static str {
        match self {
            Monitor::Accuracy => "accuracy",
            Monitor::LogLikelihood => "log-likelihood, nats an image",
            Monitor::PseudoLogLikelihood => "pseudo-log-likelihood, nats an image",
        }
    }
    fn measure(self, rbm: &Rbm, images: &Images) -> Result<Option<Estimate>, Failure> {
        let test = images.test.head(MONITORED);
        Ok(match self {
            Monitor::Accuracy => {
                let labels = &images.test_labels[..test.len()];
                let classifier = Classifier::new(rbm, images.n_classes)?;
                Some(classifier.accuracy(&test, labels, Par::Rayon)?)
            }
            Monitor::LogLikelihood => {
                Some(likelihood::log_likelihood_exact(rbm, &test, 1.0, Par::Rayon)?.expected)
            }
            // A single image has no error.
            Monitor::PseudoLogLikelihood => {
                let terms = rbm.n_visible().saturating_mul(rbm.n_hidden());
                let few = test.head((MONITOR_TERMS / terms.max(1)).max(2));
                likelihood::pseudo_log_likelihood(rbm, &few, 1.0, Par::Rayon).ok()
            }
        })
    }
}

/// Trains the machine.
pub(super) fn train(args: &RbmTrainArgs) -> Result<(), Failure> {
    let seed = args.run.seed.unwrap_or_else(run::drawn_seed);
    let plan = settings(args, seed);
    let settled = settle(args, &plan)?;
    let mut images = images(&settled.images, seed)?;
    images.at_least_two()?;
    if !args.labels {
        images.n_classes = 0;
    } else if images.n_classes == 0 {
        return Err(Failure::Usage(
            "--labels: bars-and-stripes has no labels; use --dataset mnist, fashion-mnist or cifar-10".into(),
        ));
    }
    let identity = config::to_toml("rbm train", &settled)?;
    let n_classes = images.n_classes;
    let labels = args.labels.then_some((&images.train_labels[..], n_classes));
    let known =
        plan == built_in(args.images.dataset, seed) && args.images.images.is_none() && images.rows <= 5;
    // Everything that can be refused is refused before the folder is touched.
    let fresh = RbmTrainer::new(plan, &images.train, labels)?;
    let inputs = images.hashes();
    let folder = Folder::of_run(&args.run, "rbm-train", seed, &identity, &inputs)?;
    images.tell(args.run.quiet);
    let mut keeper = Keeper::new(&folder, &args.run, config::hash_with(&identity, &inputs)?)?;
    let mut trainer = match keeper.progress.trainer.take() {
        Some(state) => RbmTrainer::resume(state, &images.train, labels)?,
        None => fresh,
    };
    let monitor = Monitor::of(&trainer, &images);
    learn(&mut trainer, monitor, &images, &mut keeper)?;
    keeper.progress.trainer = Some(trainer.state());
    keeper.save()?;

    let rbm = trainer.model()?;
    let mut base = images.train.log_odds(0.5);
    base.resize(rbm.n_visible(), 0.0);
    let model = SavedModel {
        rbm,
        rows: images.rows,
        columns: images.columns,
        n_classes,
        dataset: args.images.dataset,
        threshold: settled.images.threshold.unwrap_or(THRESHOLD),
        base,
    };
    let path = folder.file("model.rbm");
    store::write_atomically(&path, &store::encode(&model, MODEL)?)?;
    let mut extra = vec![folder.file("checkpoint"), path];
    if args.safetensors {
        let path = folder.file("model.safetensors");
        model.rbm.write_safetensors(&path)?;
        extra.push(path);
    }

    let mut o = Outcome::default();
    let epochs = keeper.progress.epochs.clone();
    if let Some(error) = epochs.last().and_then(|e| e.reconstruction) {
        o.reported("reconstruction error, last epoch", error);
    }
    if n_classes > 0 {
        let accuracy = keeper.undivided(|| {
            let classifier = Classifier::new(&model.rbm, n_classes)?;
            Ok(classifier.accuracy(&images.test, &images.test_labels, Par::Rayon)?)
        })?;
        o.at_least("test accuracy, above always the commonest class", accuracy, images.commonest_class());
    } else {
        likelihoods(&mut o, &model, &images, &args.likelihood, seed, known, &mut keeper)?;
    }
    let wanted = Wanted { n: TILES, steps: SAMPLE_STEPS, class: None, beta: 1.0, seed };
    let drawn = draw(&model, &wanted, &mut keeper)?;
    let filters = Grid::square(model.rows, model.columns, TILES.min(model.rbm.n_hidden()))
        .filters(&model.rbm, TILES)?;
    let reconstructions = reconstructions(&model, &images, seed)?;
    for (name, picture) in [
        ("filters.png", &filters),
        ("samples.png", &drawn.picture),
        ("reconstructions.png", &reconstructions),
    ] {
        folder.write(name, &output::png(picture.width, picture.height, &picture.pixels)?)?;
        extra.push(folder.file(name));
    }
    if let Some(file) = &args.run.series {
        series::write(file, &columns(&epochs, monitor))?;
        extra.push(file.clone());
    }
    curves(&mut o, &epochs, monitor, &images);
    let how = if n_classes > 0 {
        "Images drawn on condition of a label, one class after the other, by 1,000 Gibbs steps from noise."
    } else {
        "Images drawn by 1,000 Gibbs steps from noise."
    };
    for (id, title, caption, picture) in [
        ("samples", "Samples", how, drawn.picture),
        (
            "reconstructions",
            "Reconstructions",
            "Test images, and below each what the machine makes of it: hidden units drawn given the image, then the probabilities of the pixels given them.",
            reconstructions,
        ),
        (
            "filters",
            "Filters",
            "Weights of the first hidden units: white excites, black inhibits, grey is zero.",
            filters,
        ),
    ] {
        o.figure(Figure::image(id, title, caption, picture.width, picture.height, picture.pixels));
    }
    keeper.save()?;
    finish("rbm train", &folder, &identity, &settled, seed, &o, &images.files, extra, args.run.json)
}

/// All epochs that are left, batch by batch.
fn learn(
    trainer: &mut RbmTrainer,
    monitor: Monitor,
    images: &Images,
    keeper: &mut Keeper,
) -> Result<(), Failure> {
    let t = trainer.training();
    let n_visible = images.train.width() + images.n_classes;
    let work = n_visible.saturating_mul(t.n_hidden).saturating_mul(t.batch_size.min(images.train.len()));
    let par = if work < SERIAL { Par::Serial } else { Par::Rayon };
    let every = t.n_epochs.div_ceil(MONITOR_EPOCHS);
    let n_batches = trainer.n_batches() as u64;
    let bar = progress::bar(trainer.n_steps(), keeper.quiet);
    bar.set_position(trainer.step_number());
    bar.reset_eta();
    while !trainer.is_done() {
        if (trainer.step_number() + 1).is_multiple_of(n_batches) {
            let report = trainer.epoch(par)?;
            let number = report.epoch + 1;
            let test = if number.is_multiple_of(every) || trainer.is_done() {
                monitor.measure(&trainer.model()?, images)?
            } else {
                None
            };
            keeper.progress.epochs.push(Epoch {
                reconstruction: report.reconstruction_error,
                learning_rate: report.learning_rate,
                test,
            });
            if let Some(test) = test {
                bar.set_message(format!("{} {test}", monitor.name()));
            }
        } else {
            trainer.step(par);
        }
        bar.set_position(trainer.step_number());
        keeper.pause(|p| {
            // Parameters that are no longer finite are an error now, not when the file is read.
            trainer.model()?;
            p.trainer = Some(trainer.state());
            Ok(())
        })?;
    }
    bar.finish_and_clear();
    Ok(())
}

/// Test images, and below each its reconstruction.
fn reconstructions(model: &SavedModel, images: &Images, seed: u64) -> Result<GrayImage, Failure> {
    let pixels = model.rows * model.columns;
    let n = RECONSTRUCTED.min(images.test.len());
    let mut rows = Vec::new();
    for (m, row) in images.test.rows().take(n).enumerate() {
        rows.extend_from_slice(row);
        rows.extend((0..model.n_classes).map(|c| u8::from(c == usize::from(images.test_labels[m]))));
    }
    let start = BinaryData::new(model.rbm.n_visible(), rows)?;
    let streams = Streams::new(seed).child("reconstruct", 0);
    let drawn = GibbsChains::new(1).run(&model.rbm, &start, &streams, Par::Rayon)?;
    let mut values: Vec<f32> = Vec::new();
    let width = model.rbm.n_visible();
    let places: Vec<usize> = (0..n).collect();
    for line in places.chunks(ACROSS) {
        values.extend(line.iter().flat_map(|m| images.test.row(*m)).map(|b| f32::from(*b)));
        // A last line that is not full is filled up with black, so that pairs stay together.
        values.resize(values.len() + (ACROSS.min(n) - line.len()) * pixels, 0.0);
        values.extend(line.iter().flat_map(|m| &drawn.probabilities[m * width..m * width + pixels]).copied());
        values.resize(values.len() + (ACROSS.min(n) - line.len()) * pixels, 0.0);
    }
    let grid = Grid { across: ACROSS.min(n), ..Grid::square(model.rows, model.columns, n) };
    Ok(grid.tile(&values)?)
}

fn columns(epochs: &[Epoch], monitor: Monitor) -> Vec<series::Column> {
    let test = monitor.name().replace([' ', '-'], "_");
    let of = |name: String, f: &dyn Fn(&Epoch) -> Option<f64>| series::Column {
        name,
        values: epochs.iter().map(|e| f(e).unwrap_or(f64::NAN)).collect(),
    };
    vec![
        of("reconstruction_error".into(), &|e| e.reconstruction.map(|x| x.value)),
        of("reconstruction_std_error".into(), &|e| e.reconstruction.map(|x| x.std_error)),
        of("learning_rate".into(), &|e| Some(e.learning_rate)),
        of(test.clone(), &|e| e.test.map(|x| x.value)),
        of(format!("{test}_std_error"), &|e| e.test.map(|x| x.std_error)),
    ]
}

/// The learning curves.
fn curves(o: &mut Outcome, epochs: &[Epoch], monitor: Monitor, images: &Images) {
    let points = |f: &dyn Fn(&Epoch) -> Option<Estimate>| -> Vec<(f64, Estimate)> {
        epochs.iter().enumerate().filter_map(|(k, e)| f(e).map(|x| ((k + 1) as f64, x))).collect()
    };
    let test = points(&|e| e.test);
    if !test.is_empty() {
        let last = epochs.len() as f64;
        let mut series = vec![Series { style: Style::LinePoints, ..Series::measured("test images", &test) }];
        let mut caption = format!(
            "{} of {} test images, with its error from the choice of images.",
            capital(monitor.name()),
            test[0].1.n_eff
        );
        if let (Monitor::LogLikelihood, Some(entropy)) = (monitor, images.entropy) {
            series.push(Series::new(
                "minus the entropy",
                Style::Dashed,
                vec![(0.0, -entropy), (last, -entropy)],
            ));
            caption += " No model is better on average than minus the entropy of the images.";
        }
        o.figure(Figure::plot(
            "learning-curve",
            "Learning curve",
            &caption,
            Axis::linear("epoch"),
            Axis::linear(monitor.axis()),
            series,
        ));
    }
    let error = points(&|e| e.reconstruction);
    if !error.is_empty() {
        o.figure(Figure::plot(
            "reconstruction-error",
            "Reconstruction error",
            "Fraction of visible units that differ between an image and its reconstruction, epoch by epoch.",
            Axis::linear("epoch"),
            Axis::linear("fraction of units"),
            vec![Series { style: Style::Line, ..Series::measured("training images", &error) }],
        ));
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}
