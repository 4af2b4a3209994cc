//! `smml rbm`: train, sample, classify and evaluate restricted Boltzmann machines.

use crate::{
    args::{ImageArgs, RbmCommand, RbmEvaluateArgs, RbmJudgeArgs, RbmSampleArgs, RbmUseArgs},
    commands::judge::{self, Judge},
    error::Failure,
    output,
    report::figure::Figure,
    reproduce::check::Outcome,
    run::{
        self, config,
        folder::Folder,
        input::Input,
        results::{self, Document, Finished, Part},
        series,
    },
};
use serde::Serialize;
use smml_core::{Estimate, parallel::Par};
use smml_learn::{
    data::{self, BinaryData, FileReport},
    ebm::{Classifier, Grid, likelihood},
    network::Confusion,
};
use std::path::Path;

mod draw;
mod keep;
mod likelihoods;
pub(super) mod model;
mod train;

use draw::{Wanted, draw};
use keep::Keeper;
use likelihoods::likelihoods;
use model::{Images, SavedModel, images};

/// Samples in the picture of a report.
const TILES: usize = 100;

/// What `smml rbm evaluate` does with a machine with label units where the user says nothing: images of each class, Gibbs
/// steps to one, and passes over the training images of the network that judges them.
const DRAWN: u32 = 100;
const DRAWN_STEPS: u32 = 1000;
const JUDGE_EPOCHS: u32 = 15;
/// Images of a class side by side.
const ACROSS: usize = 10;

/// Largest file of a machine.
const MODEL_BYTES: u64 = 1 << 34;

/// Runs a command.
pub(crate) fn run(command: &RbmCommand) -> Result<(), Failure> {
    let threads = match command {
        RbmCommand::Train(a) => a.run.threads,
        RbmCommand::Sample(a) => a.run.threads,
        RbmCommand::Classify(a) => a.run.threads,
        RbmCommand::Evaluate(a) => a.on.run.threads,
    };
    run::with_threads(threads, || match command {
        RbmCommand::Train(args) => train::train(args),
        RbmCommand::Sample(args) => sample(args),
        RbmCommand::Classify(args) => classify(args),
        RbmCommand::Evaluate(args) => evaluate(args),
    })
}

/// A run of these commands holds nothing to go on from once it is done.
pub(super) fn remove_checkpoints(folder: &Folder) -> Result<(), Failure> {
    folder.remove("checkpoint")?;
    folder.remove("checkpoint.previous")
}

fn sample(args: &RbmSampleArgs) -> Result<(), Failure> {
    let mut settled = args.clone();
    let seed = args.run.seed.unwrap_or_else(run::drawn_seed);
    settled.run.seed = Some(seed);
    if let Some(t) = args.temperature {
        if !(t > 0.0 && (1.0 / t).is_finite() && t.is_finite()) {
            return Err(Failure::Usage(format!("--temperature {t}: must be finite and greater than 0")));
        }
        settled.beta = 1.0 / t;
    }
    if !(settled.beta > 0.0 && settled.beta.is_finite()) {
        return Err(Failure::Usage(format!("--beta {}: must be finite and greater than 0", settled.beta)));
    }
    let model = SavedModel::load(&args.model)?;
    if let Some(c) = args.class.filter(|c| usize::from(*c) >= model.n_classes) {
        return Err(Failure::Usage(match model.n_classes {
            0 => format!("--class {c}: this machine has no label units; train with --labels"),
            n => format!("--class {c}: this machine has the classes 0 to {}", n - 1),
        }));
    }
    let inputs = Input::read(&args.model, MODEL_BYTES)?.hashes();
    let identity = config::to_toml("rbm sample", &settled)?;
    let folder = Folder::of_run(&args.run, "rbm-sample", seed, &identity, &inputs)?;
    let mut keeper = Keeper::new(&folder, &args.run, config::hash_with(&identity, &inputs)?)?;
    let wanted = Wanted {
        n: args.n as usize,
        steps: args.steps as usize,
        class: args.class,
        beta: settled.beta,
        seed,
    };
    let drawn = draw(&model, &wanted, &mut keeper)?;
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
    let minus_f = likelihood::ln_unnormalised(&model.rbm, &drawn.states, settled.beta, Par::Rayon)?;
    // A single image has no error.
    if let (Ok(on), Ok(minus_f)) = (Estimate::from_independent(&on), Estimate::from_independent(&minus_f)) {
        o.reported("fraction of pixels on", on);
        o.reported("minus free energy, nats", minus_f);
    }
    if model.n_classes > 0 {
        let flat: Vec<u8> = drawn.states.rows().flat_map(|r| r[..pixels].to_vec()).collect();
        let own = Classifier::new(&model.rbm, model.n_classes)?;
        let agree = own.accuracy(&BinaryData::new(pixels, flat)?, &drawn.classes, Par::Rayon)?;
        o.reported("samples that the machine itself gives their class", agree);
    }
    let shown = TILES.min(wanted.n);
    let grid = Grid::square(model.rows, model.columns, shown);
    let picture = grid.tile(&drawn.probabilities[..shown * pixels])?;
    o.figure(Figure::image(
        "samples",
        "Samples",
        &format!(
            "{} of {} images drawn by {} Gibbs steps at inverse temperature {}: probabilities of the pixels in the last step.",
            shown, wanted.n, wanted.steps, settled.beta
        ),
        picture.width,
        picture.height,
        picture.pixels,
    ));
    if let Some(file) = &args.run.series {
        let column = |name: &str, values| series::Column { name: name.into(), values };
        let mut columns = vec![column("fraction_on", on), column("minus_free_energy", minus_f)];
        if model.n_classes > 0 {
            columns.push(column("class", drawn.classes.iter().map(|c| f64::from(*c)).collect()));
        }
        series::write(file, &columns)?;
        extra.push(file.clone());
    }
    remove_checkpoints(&folder)?;
    finish("rbm sample", &folder, &identity, &settled, seed, &o, &[], extra, args.run.json)
}

/// The images of the model's data set; the test images of them cut to the number that is asked for.
fn test_images(model: &SavedModel, args: &RbmUseArgs, seed: u64) -> Result<Images, Failure> {
    let of_model = ImageArgs {
        dataset: model.dataset,
        data: args.data.clone(),
        threshold: Some(model.threshold),
        images: None,
        side: u8::try_from(model.rows).ok(),
    };
    let mut images = images(&of_model, seed)?;
    if (images.rows, images.columns) != (model.rows, model.columns) {
        return Err(Failure::Usage(format!(
            "{}: the machine learned images of {} x {} pixels, those of the data set have {} x {}",
            args.model.display(),
            model.rows,
            model.columns,
            images.rows,
            images.columns
        )));
    }
    if model.n_classes > 0 && images.n_classes > model.n_classes {
        return Err(Failure::Usage(format!(
            "{}: the machine has {} classes, the data set has {}",
            args.model.display(),
            model.n_classes,
            images.n_classes
        )));
    }
    if let Some(n) = args.images {
        images.test = images.test.head(n as usize);
        images.test_labels.truncate(n as usize);
    }
    Ok(images)
}

fn classify(args: &RbmUseArgs) -> Result<(), Failure> {
    let mut settled = args.clone();
    // Nothing is drawn: the seed is a name for the folder.
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
    let mut inputs = Input::read(&args.model, MODEL_BYTES)?.hashes();
    let identity = config::to_toml("rbm classify", &settled)?;
    inputs.extend(images.hashes());
    let folder = Folder::of_run(&args.run, "rbm-classify", seed, &identity, &inputs)?;
    images.tell(args.run.quiet);
    let mut keeper = Keeper::new(&folder, &args.run, config::hash_with(&identity, &inputs)?)?;
    let found = keeper.undivided(|| {
        Ok(Classifier::new(&model.rbm, model.n_classes)?.classify(&images.test, Par::Rayon)?)
    })?;
    let hits = found.iter().zip(&images.test_labels).filter(|(a, b)| a == b).count();
    let mut o = Outcome::default();
    o.at_least(
        "test accuracy, above always the commonest class",
        Estimate::from_counts(hits as u64, found.len() as u64)?,
        images.commonest_class(),
    );
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
    mistakes(&mut o, &model, &images, &found)?;
    finish("rbm classify", &folder, &identity, &settled, seed, &o, &images.files, extra, args.run.json)
}

/// The first images that were taken for something else.
fn mistakes(o: &mut Outcome, model: &SavedModel, images: &Images, found: &[u8]) -> Result<(), Failure> {
    let wrong: Vec<usize> = (0..found.len()).filter(|&m| found[m] != images.test_labels[m]).collect();
    let shown = &wrong[..wrong.len().min(TILES)];
    if shown.is_empty() {
        return Ok(());
    }
    let values: Vec<f32> = shown.iter().flat_map(|&m| images.test.row(m)).map(|b| f32::from(*b)).collect();
    let picture = Grid::square(model.rows, model.columns, shown.len()).tile(&values)?;
    let names: Vec<String> =
        shown.iter().take(10).map(|&m| format!("{} for {}", found[m], images.test_labels[m])).collect();
    o.figure(Figure::image(
        "mistakes",
        "Mistakes",
        &format!(
            "The first {} of {} test images whose label is another than the machine says. The first of them, from the left: it said {}.",
            shown.len(),
            wrong.len(),
            names.join(", ")
        ),
        picture.width,
        picture.height,
        picture.pixels,
    ));
    Ok(())
}

fn evaluate(args: &RbmEvaluateArgs) -> Result<(), Failure> {
    let mut settled = args.clone();
    let seed = args.on.run.seed.unwrap_or_else(run::drawn_seed);
    settled.on.run.seed = Some(seed);
    let model = SavedModel::load(&args.on.model)?;
    settled.likelihood = args.likelihood.settle(model.n_classes > 0)?;
    settled.judge = args.judge.settle(&args.on.model, model.n_classes > 0)?;
    let images = test_images(&model, &args.on, seed)?;
    match model.n_classes {
        0 => images.at_least_two()?,
        _ => Judge::check(&images)?,
    }
    let mut inputs = Input::read(&args.on.model, MODEL_BYTES)?.hashes();
    let identity = config::to_toml("rbm evaluate", &settled)?;
    inputs.extend(images.hashes());
    let folder = Folder::of_run(&args.on.run, "rbm-evaluate", seed, &identity, &inputs)?;
    images.tell(args.on.run.quiet);
    let mut keeper = Keeper::new(&folder, &args.on.run, config::hash_with(&identity, &inputs)?)?;
    let mut o = Outcome::default();
    let column = if model.n_classes > 0 {
        let classes = judged(&mut o, &model, &images, &settled.judge, seed, &mut keeper)?;
        series::Column { name: "classified_as".into(), values: classes.into_iter().map(f64::from).collect() }
    } else {
        likelihoods(&mut o, &model, &images, &settled.likelihood, seed, false, &mut keeper)?;
        let minus_f = likelihood::ln_unnormalised(&model.rbm, &images.test, 1.0, Par::Rayon)?;
        series::Column { name: "minus_free_energy".into(), values: minus_f }
    };
    let mut extra = Vec::new();
    if let Some(file) = &args.on.run.series {
        series::write(file, &[column])?;
        extra.push(file.clone());
    }
    remove_checkpoints(&folder)?;
    finish("rbm evaluate", &folder, &identity, &settled, seed, &o, &images.files, extra, args.on.run.json)
}

impl RbmJudgeArgs {
    /// With everything settled; without label units there is no class to be shown.
    fn settle(&self, model: &Path, labels: bool) -> Result<Self, Failure> {
        let given = [("--count", self.count), ("--steps", self.steps), ("--judge-epochs", self.judge_epochs)];
        match given.into_iter().find(|(_, n)| n.is_some()) {
            Some((name, _)) if !labels => Err(Failure::Usage(format!(
                "{name}: {} has no label units, so that no class could be judged; train with --labels",
                model.display()
            ))),
            _ if !labels => Ok(self.clone()),
            _ => Ok(RbmJudgeArgs {
                count: self.count.or(Some(DRAWN)),
                steps: self.steps.or(Some(DRAWN_STEPS)),
                judge_epochs: self.judge_epochs.or(Some(JUDGE_EPOCHS)),
            }),
        }
    }
}

/// A machine with label units: how it classifies, and whether images drawn on condition of a class show it. Returns the
/// classes that it gives the test images.
fn judged(
    o: &mut Outcome,
    model: &SavedModel,
    images: &Images,
    how: &RbmJudgeArgs,
    seed: u64,
    keeper: &mut Keeper,
) -> Result<Vec<u8>, Failure> {
    let (n_visible, n_hidden) = (model.rbm.n_visible(), model.rbm.n_hidden());
    o.reported("parameters", Estimate::exact((n_visible * n_hidden + n_visible + n_hidden) as f64));
    let found = keeper.undivided(|| {
        Ok(Classifier::new(&model.rbm, model.n_classes)?.classify(&images.test, Par::Rayon)?)
    })?;
    let confusion = Confusion::new(model.n_classes, &images.test_labels, &found)?;
    o.reported("test accuracy", confusion.accuracy()?);
    let count = how.count.unwrap_or(DRAWN);
    let wanted = Wanted {
        n: count as usize * model.n_classes,
        steps: how.steps.unwrap_or(DRAWN_STEPS) as usize,
        class: None,
        beta: 1.0,
        seed,
    };
    let judge =
        Judge::train(images, how.judge_epochs.unwrap_or(JUDGE_EPOCHS), seed, keeper, |p| &mut p.judge)?;
    let drawn = draw(model, &wanted, keeper)?;
    // Of every class the first images, one class after the other.
    let (shown, size) = (ACROSS.min(count as usize), model.rows * model.columns);
    let states = BinaryData::new(size, drawn.states.rows().flat_map(|r| &r[..size]).copied().collect())?;
    let judged = judge::Drawn { shown: &drawn.probabilities, states: &states, classes: &drawn.classes };
    judge.drawn(o, model.dataset, &judged)?;
    let first: Vec<f32> = drawn
        .probabilities
        .chunks(count as usize * size)
        .flat_map(|class| &class[..shown * size])
        .copied()
        .collect();
    let grid = Grid { across: shown, ..Grid::square(model.rows, model.columns, shown) };
    let picture = grid.tile(&first)?;
    o.figure(Figure::image(
        "drawn",
        "Drawn images",
        &format!(
            "The first {shown} of {count} images of each class, drawn with its label unit clamped by {} Gibbs steps from noise: \
             probabilities of the pixels in the last step.",
            wanted.steps
        ),
        picture.width,
        picture.height,
        picture.pixels,
    ));
    Ok(found)
}

/// A file by its content: where it lies is no part of the results.
#[derive(Serialize)]
pub(super) struct DataFile<'a> {
    name: String,
    sha256: &'a str,
    published: bool,
}

impl<'a> From<&'a FileReport> for DataFile<'a> {
    fn from(f: &'a FileReport) -> Self {
        DataFile {
            name: f.path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            sha256: &f.sha256,
            published: f.provenance == data::Provenance::Official,
        }
    }
}

/// What `results.json` says of a machine beside its numbers.
#[derive(Serialize)]
struct Details<'a> {
    /// The files of the data set; none for bars-and-stripes.
    data: Vec<DataFile<'a>>,
}

/// Writes the files of a run and prints what it found.
#[allow(clippy::too_many_arguments)]
pub(super) fn finish<A: Serialize>(
    command: &str,
    folder: &Folder,
    config: &str,
    settled: &A,
    seed: u64,
    o: &Outcome,
    files: &[FileReport],
    extra: Vec<std::path::PathBuf>,
    json: bool,
) -> Result<(), Failure> {
    let mut part = Part::new("machine", "results", &o.rows, None);
    part.notes = o.notes.clone();
    part.details = serde_json::to_value(Details { data: files.iter().map(DataFile::from).collect() })
        .map_err(|e| Failure::File(format!("results as JSON: {e}")))?;
    let notes: String = o.notes.iter().map(|n| format!("{n}\n")).collect();
    Finished {
        document: Document::new(command, settled, vec![part])?,
        config,
        seed,
        text: format!("{command}\n{}{notes}", results::table(&o.rows, "  ", false)),
        tables: &[("results", &o.rows)],
        figures: &o.figures,
        outputs: extra,
        json,
    }
    .conclude(folder)
}
