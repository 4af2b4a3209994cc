//! `smml rbm`: train, sample, classify and evaluate restricted Boltzmann machines.

use crate::{
    args::{ImageArgs, RbmCommand, RbmEvaluateArgs, RbmSampleArgs, RbmUseArgs},
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
};

mod draw;
mod judge;
mod keep;
pub(super) mod model;
mod train;

use draw::{Wanted, draw};
use judge::likelihoods;
use keep::Keeper;
use model::{Images, SavedModel, images};

/// Samples in the picture of a report.
const TILES: usize = 100;

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
fn remove_checkpoints(folder: &Folder) -> Result<(), Failure> {
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
    if model.n_classes > 0 {
        return Err(Failure::Usage(format!(
            "{}: a machine with label units is judged by smml rbm classify",
            args.on.model.display()
        )));
    }
    let images = test_images(&model, &args.on, seed)?;
    images.at_least_two()?;
    let mut inputs = Input::read(&args.on.model, MODEL_BYTES)?.hashes();
    let identity = config::to_toml("rbm evaluate", &settled)?;
    inputs.extend(images.hashes());
    let folder = Folder::of_run(&args.on.run, "rbm-evaluate", seed, &identity, &inputs)?;
    images.tell(args.on.run.quiet);
    let mut keeper = Keeper::new(&folder, &args.on.run, config::hash_with(&identity, &inputs)?)?;
    let mut o = Outcome::default();
    likelihoods(&mut o, &model, &images, &args.likelihood, seed, false, &mut keeper)?;
    let mut extra = Vec::new();
    if let Some(file) = &args.on.run.series {
        let minus_f = likelihood::ln_unnormalised(&model.rbm, &images.test, 1.0, Par::Rayon)?;
        series::write(file, &[series::Column { name: "minus_free_energy".into(), values: minus_f }])?;
        extra.push(file.clone());
    }
    remove_checkpoints(&folder)?;
    finish("rbm evaluate", &folder, &identity, &settled, seed, &o, &images.files, extra, args.on.run.json)
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
fn finish<A: Serialize>(
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
