//! `smml rbm`: train, sample, classify and evaluate restricted Boltzmann machines.

use crate::{
    args::{
        ImageArgs, LikelihoodArgs, Ramp, RbmCommand, RbmEvaluateArgs, RbmSampleArgs, RbmTrainArgs, RbmUseArgs,
    },
    error::Failure,
    output,
    report::{
        self,
        figure::{Axis, Figure, Series, Style},
    },
    reproduce::{
        self,
        check::{Outcome, Row, Verdict},
    },
    run::{self, config, folder::Folder, progress, series, signals},
};
use serde::{Deserialize, Serialize};
use smml_core::{Estimate, parallel::Par, rng::Streams, store};
use smml_learn::{
    data::BinaryData,
    ebm::{
        Classifier, GibbsChains, GrayImage, Grid, Negative, Reconstruction, Trainer, TrainerState, Training,
        ais::{BaseRatePath, Sandwich},
        likelihood,
    },
};
use std::time::Instant;

mod model;
use model::{Images, MODEL, SavedModel, images};

/// Filters and samples in a picture.
const TILES: usize = 100;

/// Runs a command.
pub(crate) fn run(command: &RbmCommand) -> Result<(), Failure> {
    let (threads, series) = match command {
        RbmCommand::Train(a) => (a.run.threads, &a.run.series),
        RbmCommand::Sample(a) => (a.run.threads, &a.run.series),
        RbmCommand::Classify(a) => (a.run.threads, &a.run.series),
        RbmCommand::Evaluate(a) => (a.on.run.threads, &a.on.run.series),
    };
    if let Some(path) = series {
        series::check_path(path)?;
    }
    run::with_threads(threads, || match command {
        RbmCommand::Train(args) => train(args),
        RbmCommand::Sample(args) => sample(args),
        RbmCommand::Classify(args) => classify(args),
        RbmCommand::Evaluate(args) => evaluate(args),
    })
}

/// What is saved on the way.
#[derive(Serialize, Deserialize)]
struct Progress {
    trainer: TrainerState,
    /// Reconstruction error, its standard error, and the learning rate of every epoch done.
    epochs: Vec<[f64; 3]>,
}

fn training(args: &RbmTrainArgs, seed: u64) -> Training {
    let (hidden, epochs) = (args.hidden as usize, args.epochs as usize);
    let mut t = if args.labels {
        Training::with_labels(hidden, epochs, seed)
    } else {
        Training::new(hidden, epochs, seed)
    };
    t.batch_size = args.batch as usize;
    if let Some(rate) = &args.learning_rate {
        t.learning_rate = rate.schedule.clone();
    }
    if let Some(momentum) = &args.momentum {
        t.momentum = momentum.schedule.clone();
    }
    if let Some(decay) = args.weight_decay {
        t.weight_decay = decay;
    }
    let steps = args.steps as usize;
    t.negative = match args.chains {
        Some(n) => Negative::Persistent { steps, n_chains: n as usize },
        None => Negative::ContrastiveDivergence { steps },
    };
    if args.mean_field {
        t.reconstruction = Reconstruction::MeanField;
    }
    t
}

fn train(args: &RbmTrainArgs) -> Result<(), Failure> {
    let mut settled = args.clone();
    let seed = args.run.seed.unwrap_or_else(run::drawn_seed);
    settled.run.seed = Some(seed);
    // Defaults are written out: a later version may have others.
    let plan = training(args, seed);
    settled.learning_rate = Some(Ramp::of(&plan.learning_rate));
    settled.momentum = Some(Ramp::of(&plan.momentum));
    settled.weight_decay = Some(plan.weight_decay);
    let images = images(&args.images, seed)?;
    if args.labels && images.train_labels.is_empty() {
        return Err(Failure::Usage(
            "--labels: bars-and-stripes has no labels; use --dataset mnist or fashion-mnist".into(),
        ));
    }
    let identity = config::to_toml("rbm train", &settled)?;
    let hash = store::parameter_hash(&identity)?;
    let n_classes =
        if args.labels { 1 + images.train_labels.iter().copied().max().map_or(0, usize::from) } else { 0 };
    let labels = args.labels.then_some((&images.train_labels[..], n_classes));
    // Everything that can be refused is refused before the folder is touched.
    let fresh = Trainer::new(plan, &images.train, labels)?;
    let folder = Folder::of_run(&args.run, "rbm-train", seed, &identity)?;
    let checkpoint = folder.file("checkpoint");
    let loaded = if args.run.resume { store::load::<Progress>(&checkpoint, hash)? } else { None };
    let (mut trainer, mut epochs) = match loaded {
        Some(found) => (Trainer::resume(found.value.trainer, &images.train, labels)?, found.value.epochs),
        None => (fresh, Vec::new()),
    };
    let bar = progress::bar(trainer.n_steps(), args.run.quiet);
    let mut saved = Instant::now();
    signals::listen();
    while !trainer.is_done() {
        // Whole epochs: a report for each, whatever was interrupted where.
        let report = trainer.epoch(Par::Rayon)?;
        let error = report.reconstruction_error;
        epochs.push([
            error.map_or(f64::NAN, |e| e.value),
            error.map_or(f64::NAN, |e| e.std_error),
            report.learning_rate,
        ]);
        bar.set_position(trainer.step_number());
        let images_done = trainer.step_number() as f64 * args.batch as f64;
        bar.set_message(format!("{:.0} images/s", images_done / folder.elapsed()));
        let stop = signals::stop() && !trainer.is_done();
        if stop || saved.elapsed().as_secs_f64() >= args.run.checkpoint_every {
            store::save(&checkpoint, &Progress { trainer: trainer.state(), epochs: epochs.clone() }, hash)?;
            saved = Instant::now();
        }
        if stop {
            return Err(Failure::Interrupted(format!(
                "stopped after {} epochs; continue with --resume --out {} and the same arguments",
                epochs.len(),
                folder.path().display()
            )));
        }
    }
    bar.finish_and_clear();
    store::save(&checkpoint, &Progress { trainer: trainer.state(), epochs: epochs.clone() }, hash)?;
    let rbm = trainer.model()?;
    let mut base = images.train.log_odds(0.5);
    base.resize(rbm.n_visible(), 0.0);
    let model = SavedModel {
        rbm,
        rows: images.rows,
        columns: images.columns,
        n_classes,
        dataset: args.images.dataset,
        threshold: args.images.threshold,
        base,
    };
    let path = folder.file("model.rbm");
    store::write_atomically(&path, &store::encode(&model, MODEL)?)?;
    let mut extra = vec![checkpoint, path];

    let mut o = Outcome::default();
    if let Some([error, std_error, _]) = epochs.last().filter(|e| e[0].is_finite()) {
        let e = Estimate { std_error: *std_error, ..Estimate::exact(*error) };
        o.reported(
            "reconstruction error, last epoch",
            Estimate { source: smml_core::estimate::Source::Independent, ..e },
        );
    }
    if n_classes > 0 {
        let accuracy = Classifier::new(&model.rbm, n_classes)?.accuracy(
            &images.test,
            &images.test_labels,
            Par::Rayon,
        )?;
        o.reported("test accuracy", accuracy);
    } else {
        likelihoods(&mut o, &model, &images, &args.likelihood, seed)?;
    }
    let filters = Grid::square(model.rows, model.columns, TILES.min(model.rbm.n_hidden()))
        .filters(&model.rbm, TILES)?;
    let drawn = draw(&model, TILES, 1000, None, 1.0, seed)?;
    for (name, picture) in [("filters.png", &filters), ("samples.png", &drawn.picture)] {
        folder.write(name, &output::png(picture.width, picture.height, &picture.pixels)?)?;
        extra.push(folder.file(name));
    }
    if let Some(file) = &args.run.series {
        let column = |k: usize| epochs.iter().map(|e| e[k]).collect();
        let names = ["reconstruction_error", "reconstruction_std_error", "learning_rate"];
        let columns: Vec<series::Column> = names
            .iter()
            .enumerate()
            .map(|(k, n)| series::Column { name: (*n).into(), values: column(k) })
            .collect();
        series::write(file, &columns)?;
        extra.push(file.clone());
    }
    if epochs.iter().any(|e| e[0].is_finite()) {
        let curve =
            |k: usize| epochs.iter().enumerate().map(|(i, e)| ((i + 1) as f64, e[k])).collect::<Vec<_>>();
        o.figure(Figure::plot(
            "reconstruction-error",
            "Reconstruction error",
            "Fraction of visible units that differ between an image and its reconstruction, epoch by epoch.",
            Axis::linear("epoch"),
            Axis::linear("fraction of units"),
            vec![Series::new("training", Style::LinePoints, curve(0))],
        ));
    }
    for (id, title, caption, picture) in [
        (
            "filters",
            "Filters",
            "Weights of the first hidden units: white excites, black inhibits, grey is zero.",
            filters,
        ),
        ("samples", "Samples", "Images drawn by 1,000 Gibbs steps.", drawn.picture),
    ] {
        o.figure(Figure::image(id, title, caption, picture.width, picture.height, picture.pixels));
    }
    finish("rbm train", &folder, &identity, &settled, seed, &o, extra, args.run.json)
}

/// Steps of block Gibbs sampling before annealing backward.
const GIBBS_STEPS: usize = 1000;

/// Test log-likelihood: exactly when a layer is small enough, else by annealed importance sampling in both directions.
fn likelihoods(
    o: &mut Outcome,
    model: &SavedModel,
    images: &Images,
    how: &LikelihoodArgs,
    seed: u64,
) -> Result<(), Failure> {
    let rbm = &model.rbm;
    let smaller = rbm.n_visible().min(rbm.n_hidden());
    let ln_z = if smaller <= 20 {
        let exact = Estimate::exact(likelihood::ln_z_exact(rbm, 1.0, Par::Rayon)?);
        o.reported("ln Z, by enumeration", exact);
        exact
    } else {
        let path = BaseRatePath::new(model.base.clone(), how.ais_rungs as usize)?;
        let n_runs = how.ais_chains as usize;
        let both = Sandwich::run(rbm, 1.0, &path, n_runs, GIBBS_STEPS, &Streams::new(seed), Par::Rayon)?;
        let (lower, upper) = (both.lower()?, both.upper()?);
        o.reported("ln Z, lower bound by annealing forward", lower);
        o.reported("ln Z, upper bound by annealing backward", upper);
        match both.ln_z() {
            Ok(ln_z) => {
                o.reported("ln Z, both ways by Bennett's acceptance ratio", ln_z);
                ln_z
            }
            Err(e) => {
                o.note(format!(
                    "The likelihoods take the upper bound of ln Z, so they are too low: {e}. More --ais-rungs bring the bounds together."
                ));
                upper
            }
        }
    };
    let test = likelihood::log_likelihood(rbm, &images.test, 1.0, ln_z, Par::Rayon)?;
    o.reported("test log-likelihood, nats an image", test.expected);
    let n = images.train.len().min(images.test.len());
    let train = likelihood::log_likelihood(rbm, &images.train.head(n), 1.0, ln_z, Par::Rayon)?;
    o.reported("training log-likelihood, nats an image", train.expected);
    o.reported(
        "pseudo-log-likelihood of test images",
        likelihood::pseudo_log_likelihood(rbm, &images.test, 1.0, Par::Rayon)?,
    );
    if let Some(entropy) = images.entropy {
        // No model can do better on average than the truth.
        o.at_most("test log-likelihood is below minus the entropy", test.expected, -entropy);
    }
    Ok(())
}

struct Drawn {
    picture: GrayImage,
    states: BinaryData,
    classes: Vec<u8>,
}

/// Images by Gibbs sampling: of one class, of all classes in turn, or free.
fn draw(
    model: &SavedModel,
    n: usize,
    steps: usize,
    class: Option<u8>,
    beta: f64,
    seed: u64,
) -> Result<Drawn, Failure> {
    let streams = Streams::new(seed).child("draw", 0);
    let chains = GibbsChains { beta, ..GibbsChains::new(steps) };
    let (samples, classes) = if model.n_classes > 0 {
        let classes: Vec<u8> = (0..n).map(|i| class.unwrap_or((i * model.n_classes / n) as u8)).collect();
        (chains.run_with_labels(&model.rbm, model.n_classes, &classes, &streams, Par::Rayon)?, classes)
    } else {
        use smml_core::rng::Draw;
        if let Some(c) = class {
            return Err(Failure::Usage(format!("--class {c}: this machine has no label units")));
        }
        let mut rng = streams.stream("start", 1);
        let width = model.rbm.n_visible();
        // Pixels start at their rates in the data, as the base model has them.
        let bits = (0..n * width)
            .map(|i| u8::from(rng.chance(1.0 / (1.0 + libm::exp(-model.base[i % width])))))
            .collect();
        (chains.run(&model.rbm, &BinaryData::new(width, bits)?, &streams, Par::Rayon)?, Vec::new())
    };
    let pixels = model.rows * model.columns;
    let values: Vec<f32> = samples
        .probabilities
        .chunks_exact(model.rbm.n_visible())
        .flat_map(|row| &row[..pixels])
        .copied()
        .collect();
    let picture = Grid::square(model.rows, model.columns, n).tile(&values)?;
    Ok(Drawn { picture, states: samples.states, classes })
}

fn sample(args: &RbmSampleArgs) -> Result<(), Failure> {
    let mut settled = args.clone();
    let seed = args.run.seed.unwrap_or_else(run::drawn_seed);
    settled.run.seed = Some(seed);
    if let Some(t) = args.temperature {
        settled.beta = 1.0 / t;
    }
    if !(settled.beta > 0.0 && settled.beta.is_finite()) {
        return Err(Failure::Usage(format!("beta = {}: must be finite and greater than 0", settled.beta)));
    }
    let model = SavedModel::load(&args.model)?;
    if let Some(c) = args.class.filter(|c| usize::from(*c) >= model.n_classes) {
        return Err(Failure::Usage(format!("--class {c}: the machine has {} classes", model.n_classes)));
    }
    let identity = config::to_toml("rbm sample", &settled)?;
    let folder = Folder::of_run(&args.run, "rbm-sample", seed, &identity)?;
    let drawn = draw(&model, args.n as usize, args.steps as usize, args.class, settled.beta, seed)?;
    folder.write(
        "samples.png",
        &output::png(drawn.picture.width, drawn.picture.height, &drawn.picture.pixels)?,
    )?;
    let mut extra = vec![folder.file("samples.png")];
    let mut o = Outcome::default();
    let pixels = model.rows * model.columns;
    let on: Vec<f64> = drawn
        .states
        .rows()
        .map(|r| r[..pixels].iter().map(|b| f64::from(*b)).sum::<f64>() / pixels as f64)
        .collect();
    if let Ok(mean) = Estimate::from_independent(&on) {
        o.reported("fraction of pixels on", mean);
    }
    if model.n_classes > 0 {
        let flat: Vec<u8> = drawn.states.rows().flat_map(|r| r[..pixels].to_vec()).collect();
        let own = Classifier::new(&model.rbm, model.n_classes)?;
        let agree = own.accuracy(&BinaryData::new(pixels, flat)?, &drawn.classes, Par::Rayon)?;
        o.reported("samples that the machine itself gives their class", agree);
    }
    if let Some(file) = &args.run.series {
        series::write(file, &[series::Column { name: "fraction_on".into(), values: on }])?;
        extra.push(file.clone());
    }
    finish("rbm sample", &folder, &identity, &settled, seed, &o, extra, args.run.json)
}

/// The test images of the model's data set.
fn test_images(model: &SavedModel, args: &RbmUseArgs, seed: u64) -> Result<Images, Failure> {
    let of_model = ImageArgs {
        dataset: model.dataset,
        data: args.data.clone(),
        threshold: model.threshold,
        images: None,
        side: u8::try_from(model.rows).unwrap_or(u8::MAX),
    };
    let mut images = images(&of_model, seed)?;
    if let Some(n) = args.images {
        images.test = images.test.head(n as usize);
        images.test_labels.truncate(n as usize);
    }
    Ok(images)
}

fn classify(args: &RbmUseArgs) -> Result<(), Failure> {
    let mut settled = args.clone();
    let seed = args.run.seed.unwrap_or(0);
    settled.run.seed = Some(seed);
    let model = SavedModel::load(&args.model)?;
    if model.n_classes == 0 {
        return Err(Failure::Usage(format!(
            "{}: this machine has no label units; train with --labels",
            args.model.display()
        )));
    }
    let images = test_images(&model, args, seed)?;
    let identity = config::to_toml("rbm classify", &settled)?;
    let folder = Folder::of_run(&args.run, "rbm-classify", seed, &identity)?;
    let found = Classifier::new(&model.rbm, model.n_classes)?.classify(&images.test, Par::Rayon)?;
    let hits = found.iter().zip(&images.test_labels).filter(|(a, b)| a == b).count();
    let mut o = Outcome::default();
    o.reported("test accuracy", Estimate::from_counts(hits as u64, found.len() as u64)?);
    for c in 0..model.n_classes {
        let of_class: Vec<bool> = found
            .iter()
            .zip(&images.test_labels)
            .filter(|(_, l)| usize::from(**l) == c)
            .map(|(f, l)| f == l)
            .collect();
        if !of_class.is_empty() {
            let right = of_class.iter().filter(|r| **r).count() as u64;
            o.reported(
                format!("accuracy on class {c}"),
                Estimate::from_counts(right, of_class.len() as u64)?,
            );
        }
    }
    let mut extra = Vec::new();
    if let Some(file) = &args.run.series {
        let wide = |x: &[u8]| x.iter().map(|v| f64::from(*v)).collect();
        let columns = [
            series::Column { name: "label".into(), values: wide(&images.test_labels) },
            series::Column { name: "classified_as".into(), values: wide(&found) },
        ];
        series::write(file, &columns)?;
        extra.push(file.clone());
    }
    finish("rbm classify", &folder, &identity, &settled, seed, &o, extra, args.run.json)
}

fn evaluate(args: &RbmEvaluateArgs) -> Result<(), Failure> {
    let mut settled = args.clone();
    let seed = args.on.run.seed.unwrap_or_else(run::drawn_seed);
    settled.on.run.seed = Some(seed);
    let model = SavedModel::load(&args.on.model)?;
    if model.n_classes > 0 {
        return Err(Failure::Usage(format!(
            "{}: a machine with label units is judged by smml rbm classify",
            args.on.model.display()
        )));
    }
    let images = test_images(&model, &args.on, seed)?;
    let identity = config::to_toml("rbm evaluate", &settled)?;
    let folder = Folder::of_run(&args.on.run, "rbm-evaluate", seed, &identity)?;
    let mut o = Outcome::default();
    likelihoods(&mut o, &model, &images, &args.likelihood, seed)?;
    let mut extra = Vec::new();
    if let Some(file) = &args.on.run.series {
        let minus_f = likelihood::ln_unnormalised(&model.rbm, &images.test, 1.0, Par::Rayon)?;
        series::write(file, &[series::Column { name: "minus_free_energy".into(), values: minus_f }])?;
        extra.push(file.clone());
    }
    finish("rbm evaluate", &folder, &identity, &settled, seed, &o, extra, args.on.run.json)
}

#[derive(Serialize)]
struct Document<'a, A> {
    command: &'a str,
    configuration: &'a A,
    quantities: Vec<Quantity<'a>>,
}

#[derive(Serialize)]
struct Quantity<'a> {
    name: &'a str,
    #[serde(flatten)]
    value: Estimate,
    expected: String,
    verdict: Verdict,
}

impl<'a> From<&'a Row> for Quantity<'a> {
    fn from(r: &'a Row) -> Self {
        Quantity { name: &r.quantity, value: r.value, expected: r.expected_text(), verdict: r.verdict() }
    }
}

/// Writes the files of a run and prints what it found.
#[allow(clippy::too_many_arguments)]
fn finish<A: Serialize>(
    command: &str,
    folder: &Folder,
    config: &str,
    settled: &A,
    seed: u64,
    o: &Outcome,
    mut extra: Vec<std::path::PathBuf>,
    json: bool,
) -> Result<(), Failure> {
    let quantities = o.rows.iter().map(Quantity::from).collect();
    let document = output::json(&Document { command, configuration: settled, quantities })?;
    extra.extend(report::run_report(
        folder.path(),
        &report::RunReport {
            title: &format!("smml {command}"),
            version: env!("CARGO_PKG_VERSION"),
            seed,
            config,
            notes: &[],
            tables: &[("results", &o.rows)],
            figures: &o.figures,
        },
    )?);
    folder.finish(config, &document, seed, &extra)?;
    output::print(&if json { document } else { format!("{command}\n{}", reproduce::rows(&o.rows)) })?;
    match o.rows.iter().find(|r| r.verdict() == Verdict::Fails) {
        Some(r) => Err(Failure::Check(format!(
            "{} = {}, expected {}",
            r.quantity,
            r.value_text(),
            r.expected_text()
        ))),
        None => Ok(()),
    }
}
