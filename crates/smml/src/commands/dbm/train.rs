//! `smml dbm train`.

use super::{
    ask,
    draw::{Wanted, draw},
    figures,
    keep::{Epoch, Keeper},
    network::{Graph, Network, SavedNetwork},
    settings::{self, LAYOUT_SEED, settings, settle},
};
use crate::{
    args::{ImageArgs, dbm::DbmTrainArgs, network::Named},
    commands::rbm::{
        finish,
        model::{Images, images},
    },
    error::Failure,
    reproduce::check::Outcome,
    run::{self, config, folder::Folder, progress, series},
};
use smml_core::{
    Estimate,
    parallel::Par,
    rng::{Draw, Streams},
    store,
};
use smml_hw::{
    dbm::{Clamped, DbmTrainer, Inference, Labelled, Layout, SparseDbm},
    machine::{FixedNetwork, MemoryImage, UpdateOrder},
};
use smml_learn::{data::BinaryData, network::Confusion};
use std::time::Instant;

/// Images that are held out, at most, where the user says nothing; else this part of all.
const HELD_OUT: usize = 2000;
const HELD_OUT_PART: usize = 10;
/// Images drawn of each class at the end, and sweeps for them.
const DRAWN: u32 = 10;
const DRAWN_SWEEPS: (u32, u32) = (1000, 50);

/// Images that are learned from, and images that are watched.
struct Split {
    train: BinaryData,
    train_labels: Vec<u8>,
    held: BinaryData,
    held_labels: Vec<u8>,
}

impl Split {
    /// Held-out images are drawn at random: the last ones of a file need not be like the others.
    fn of(images: &Images, held_out: Option<u32>, seed: u64) -> Result<Self, Failure> {
        let n = images.train.len();
        let n_held = held_out.map_or((n / HELD_OUT_PART).clamp(1, HELD_OUT), |h| h as usize);
        if n_held >= n {
            return Err(Failure::Usage(format!(
                "--held-out {n_held}: must be below the {n} training images, of which the others are learned from"
            )));
        }
        let mut places: Vec<usize> = (0..n).collect();
        Streams::new(seed).stream("held-out", 0).shuffle(&mut places);
        let (held, train) = places.split_at_mut(n_held);
        held.sort_unstable();
        train.sort_unstable();
        let labels = |places: &[usize]| places.iter().map(|k| images.train_labels[*k]).collect();
        Ok(Split {
            train: images.train.select(train),
            train_labels: labels(train),
            held: images.train.select(held),
            held_labels: labels(held),
        })
    }
}

/// Trains the machine.
pub(super) fn train(args: &DbmTrainArgs) -> Result<(), Failure> {
    let seed = args.run.seed.unwrap_or_else(run::drawn_seed);
    let named = match &args.file {
        Some(path) => Named::File(path.clone()),
        None => Named::of(args.network.as_deref().unwrap_or_default()).map_err(Failure::Usage)?,
    };
    let layers = matches!(named, Named::Layers(_));
    let plan = settings(args, layers, seed)?;
    let mut settled = settle(args, layers, &plan)?;
    let draw_betas = ask::not_negative("--draw-betas", &args.draw_betas)?;
    let (graph, mut inputs) = Graph::open(&named, args.run.quiet)?;
    let of_images = ImageArgs {
        dataset: args.dataset,
        data: args.data.clone(),
        threshold: Some(args.threshold),
        images: args.images,
        side: args.side,
    }
    .settle()?;
    settled.side = of_images.side;
    let images = images(&of_images, seed)?;
    let split = Split::of(&images, args.held_out, seed)?;
    settled.held_out = u32::try_from(split.held.len()).ok();
    let (n_nodes, _) = graph.size(images.train.width(), images.n_classes)?;
    let copies = || settings::copies(args.recipe, n_nodes, images.n_classes);
    settled.copies = Some(settled.copies.unwrap_or_else(copies));
    let sizes = (images.train.width(), images.n_classes, settled.copies.map_or(1, usize::from));
    let built = graph.build(sizes, |n_nodes| {
        if args.in_order {
            return Layout::in_order(n_nodes, sizes.0, sizes.1, sizes.2);
        }
        let streams = Streams::new(args.layout_seed.unwrap_or(LAYOUT_SEED));
        Layout::random(n_nodes, sizes.0, sizes.1, sizes.2, &mut streams.stream("layout", 0))
    });
    let (wiring, layout) = built.map_err(|e| match e {
        Failure::Usage(why) => {
            Failure::Usage(format!("{}, {} copies of the labels: {why}", graph.name(), sizes.2))
        }
        e => e,
    })?;
    let rows = Labelled { data: &split.train, labels: &split.train_labels };
    // Everything that can be refused is refused before the folder is touched.
    let fresh = DbmTrainer::new(plan, wiring.clone(), layout, rows)?;
    inputs.extend(images.hashes());
    let identity = config::to_toml("dbm train", &settled)?;
    let folder = Folder::of_run(&args.run, "dbm-train", seed, &identity, &inputs)?;
    images.tell(args.run.quiet);
    let mut keeper = Keeper::new(&folder, &args.run, config::hash_with(&identity, &inputs)?)?;
    let mut trainer = match keeper.progress.trainer.take() {
        Some(state) => DbmTrainer::resume(state, wiring, rows)?,
        None => fresh,
    };
    learn(&mut trainer, args.monitor_sweeps, &split, &folder, &mut keeper)?;
    let format = trainer.training().format;
    keeper.progress.trainer = Some(trainer.state().clone());
    keeper.save()?;

    // From here on the machine is the one in the file, rounded.
    let shape = (images.rows, images.columns);
    let saved = SavedNetwork::new(
        graph,
        &trainer.model()?,
        format,
        shape,
        (args.dataset, args.threshold),
        draw_betas,
    )?;
    let bytes = saved.bytes()?;
    folder.write("network.dbm", &bytes)?;
    let mut extra = vec![folder.file("checkpoint"), folder.file("network.dbm")];
    let network = Network::open(Some(&folder.file("network.dbm")))?;
    let programmed = network.programmed(None)?;
    if args.hex {
        folder.write("network.hex", MemoryImage::of(&programmed).to_hex().as_bytes())?;
        extra.push(folder.file("network.hex"));
    }

    let mut o = Outcome::default();
    facts(&mut o, &network, &programmed);
    let how = ask::halves(args.sweeps, ask::constant(), format, UpdateOrder::Synchronous, seed);
    let held = ask::classify(&network.model, &split.held, &how, "held-out images", &mut keeper)?;
    o.reported("held-out accuracy", Confusion::new(images.n_classes, &split.held_labels, &held)?.accuracy()?);
    let found = ask::classify(&network.model, &images.test, &how, "test images", &mut keeper)?;
    let found = Confusion::new(images.n_classes, &images.test_labels, &found)?;
    let accuracy = found.accuracy()?;
    o.at_least("test accuracy, above always the commonest class", accuracy, images.commonest_class());
    figures::curves(&mut o, &keeper.progress.epochs, args.monitor_sweeps);
    let what = format!("{} test images by {} sweeps", images.test.len(), args.sweeps);
    figures::confusion(&mut o, args.dataset, &found, &what)?;
    let wanted = Wanted {
        classes: (0..images.n_classes).map(|c| c as u8).collect(),
        count: DRAWN,
        sweeps: DRAWN_SWEEPS,
        betas: network.saved.draw_betas.clone(),
        format,
        order: UpdateOrder::Synchronous,
        seed,
    };
    let drawn = draw(&network, &wanted, &mut keeper)?;
    o.figure(drawn.figure(&wanted, false)?);
    figures::comparison(&mut o, &network, args.dataset, Some((accuracy, args.sweeps)), None);
    if let Some(file) = &args.run.series {
        series::write(file, &columns(&keeper.progress.epochs))?;
        extra.push(file.clone());
    }
    if let Some(file) = &args.export {
        store::write_atomically(file, &bytes)?;
        extra.push(file.clone());
    }
    keeper.progress.found.clear();
    keeper.save()?;
    finish("dbm train", &folder, &identity, &settled, seed, &o, &images.files, extra, args.run.json)
}

/// What the machine is made of.
fn facts(o: &mut Outcome, network: &Network, programmed: &FixedNetwork) {
    let layout = network.model.layout();
    for (name, n) in [
        ("p-bits", layout.n_nodes()),
        ("of these hidden", layout.n_hidden()),
        ("couplings", network.model.couplings().len()),
        ("parameters at the end of the number format", super::at_the_end(programmed)),
    ] {
        o.reported(name, Estimate::exact(n as f64));
    }
    o.note(format!(
        "{}, {} colours, {} copies of {} labels, numbers {}.",
        network.name(),
        programmed.wiring().colouring().n_colours(),
        layout.n_copies(),
        layout.n_classes(),
        network.saved.format
    ));
}

/// All epochs that are left, batch by batch.
fn learn(
    trainer: &mut DbmTrainer<'_>,
    sweeps: u32,
    split: &Split,
    folder: &Folder,
    keeper: &mut Keeper,
) -> Result<(), Failure> {
    let per_epoch = trainer.steps_per_epoch();
    let t = trainer.training().clone();
    let total = per_epoch * t.n_epochs as u64;
    let bar = progress::bar(total, keeper.quiet);
    bar.set_position(trainer.step_number());
    bar.reset_eta();
    let mut most = keeper.progress.saturated;
    let mut losses = std::mem::take(&mut keeper.progress.losses);
    let before = folder.parts().get("training").copied().unwrap_or(0.0);
    let (mut seconds, mut flips, mut images) = (0.0, 0.0, 0.0);
    while !trainer.is_done() {
        let began = Instant::now();
        let step = trainer.step(Par::Rayon).map_err(blown_up)?;
        seconds += began.elapsed().as_secs_f64();
        flips += step.flips as f64;
        images += t.batch_size.min(split.train.len()) as f64;
        most = most.max(step.saturated as u64);
        losses.extend(step.loss);
        let ends = trainer.step_number().is_multiple_of(per_epoch);
        let rates = format!("{:.0} images/s, {:.2} flips/ns", images / seconds, 1e-9 * flips / seconds);
        if ends {
            let model = trainer.model()?;
            let held_out = watch(
                &model,
                split,
                &ask::halves(sweeps, ask::constant(), t.format, UpdateOrder::Synchronous, t.seed),
            )?;
            let epoch = Epoch {
                learning_rate: t
                    .learning_rate
                    .at((trainer.step_number() - 1) as f64 / (total.max(2) - 1) as f64),
                held_out,
                loss: (losses.len() > 1).then(|| Estimate::from_independent(&losses)).transpose()?,
                coupling: rms(model.couplings()),
                field: rms(model.fields()),
                saturated: most,
            };
            most = 0;
            losses.clear();
            let loss = epoch.loss.map_or(String::new(), |l| format!("cross-entropy {l}, "));
            keeper.progress.epochs.push(epoch);
            folder.part("training", before + seconds);
            let n = keeper.progress.epochs.len();
            bar.log(&format!("epoch {n} of {}: {loss}held-out accuracy {held_out}, {rates}", t.n_epochs));
        }
        let watched =
            keeper.progress.epochs.last().map_or(String::new(), |e| format!("held-out {}, ", e.held_out));
        bar.set_message(format!("{watched}{rates}"));
        bar.set_position(trainer.step_number());
        keeper.pause(|p| {
            p.trainer = Some(trainer.state().clone());
            p.saturated = most;
            p.losses = losses.clone();
            Ok(())
        })?;
    }
    bar.finish_and_clear();
    // What was saved within the last epoch depends on when it was.
    keeper.progress.saturated = most;
    keeper.progress.losses = losses;
    Ok(())
}

/// Parameters that grew out of range are no mistake on the command line.
pub(super) fn blown_up(e: smml_hw::Error) -> Failure {
    Failure::Check(format!(
        "{e}: the parameters grew too large; a smaller --learning-rate or fewer bits behind the point in --format keep them in range"
    ))
}

/// Accuracy on the held-out images.
fn watch(model: &SparseDbm, split: &Split, how: &Inference) -> Result<Estimate, Failure> {
    let clamped = Clamped { rows: &split.held, pixels: None, labels: None };
    let found = model.infer(&clamped, how, Par::Rayon).map_err(blown_up)?.best();
    let right = found.iter().zip(&split.held_labels).filter(|(a, b)| a == b).count();
    Ok(Estimate::from_counts(right as u64, found.len() as u64)?)
}

fn rms(values: &[f32]) -> f64 {
    let squares: f64 = values.iter().map(|x| f64::from(*x) * f64::from(*x)).sum();
    (squares / values.len().max(1) as f64).sqrt()
}

fn columns(epochs: &[Epoch]) -> Vec<series::Column> {
    let of = |name: &str, f: &dyn Fn(&Epoch) -> f64| series::Column {
        name: name.into(),
        values: epochs.iter().map(f).collect(),
    };
    let mut columns = vec![
        of("learning_rate", &|e| e.learning_rate),
        of("held_out_accuracy", &|e| e.held_out.value),
        of("held_out_accuracy_std_error", &|e| e.held_out.std_error),
        of("rms_coupling", &|e| e.coupling),
        of("rms_field", &|e| e.field),
        of("saturated", &|e| e.saturated as f64),
    ];
    if epochs.iter().any(|e| e.loss.is_some()) {
        columns.push(of("cross_entropy", &|e| e.loss.map_or(f64::NAN, |l| l.value)));
        columns.push(of("cross_entropy_std_error", &|e| e.loss.map_or(f64::NAN, |l| l.std_error)));
    }
    columns
}
