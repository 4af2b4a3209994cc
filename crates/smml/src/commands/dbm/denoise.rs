//! `smml dbm denoise`.

use super::{
    figures, fit,
    network::{Graph, SavedNetwork, decode},
    of_file as images_of,
    settings::{self, LAYOUT_SEED},
};
use crate::{
    args::{
        Dataset, ImageArgs, Ramp,
        dbm::{PhaseText, Recipe},
        denoise::{DbmDenoiseArgs, DenoiseTrainingArgs, Places},
        network::Named,
    },
    commands::{
        judge::{self, Judge},
        rbm::{
            finish,
            model::{Images, images},
            remove_checkpoints,
        },
    },
    error::Failure,
    output,
    report::figure::{Axis, Figure, Series, Style},
    reproduce::check::Outcome,
    run::{self, config, folder::Folder, input::Input, keeper, progress, series},
    values::Spelled,
};
use serde::{Deserialize, Serialize};
use smml_core::{Estimate, parallel::Par, rng::Streams, schedule::Schedule, store};
use smml_hw::{
    dbm::{
        DenoisedImages, Denoiser, DenoiserState, DenoiserTrainer, Denoising, Drawing, Labelled, Layout,
        NoiseLevels, Phase,
    },
    machine::Format,
};
use smml_learn::{
    data::{Binarise, BinaryData},
    network::NetworkTrainerState,
};
use std::{path::Path, time::Instant};

/// What tells a chain from other checkpoints.
const CHAIN: u64 = 0x5344_424d_4348;
/// Largest file of a chain.
const CHAIN_BYTES: u64 = 1 << 32;
/// Passes over the images of the network that judges drawn ones where the user says nothing.
const JUDGE_EPOCHS: u32 = 15;
/// Images of a class side by side.
const ACROSS: usize = 10;

/// A chain file: the levels, the machine of the first level, and codes of couplings and fields of the others, which are like
/// it.
#[derive(Clone, Serialize, Deserialize)]
struct SavedChain {
    levels: NoiseLevels,
    first: SavedNetwork,
    others: Vec<[Vec<i16>; 2]>,
}

impl SavedChain {
    fn denoiser(&self) -> Result<Denoiser, Failure> {
        let wrong = |why: String| Err(Failure::File(why));
        if self.others.len() + 1 != self.levels.n() {
            return wrong(format!(
                "{} machines for {} levels of noise",
                self.others.len() + 1,
                self.levels.n()
            ));
        }
        let first = self.first.model()?;
        if first.layout().n_classes() == 0 {
            return wrong("its machines have no labels to clamp".into());
        }
        let mut machines = vec![[first.couplings(), first.fields()].concat()];
        for ([couplings, fields], level) in self.others.iter().zip(2..) {
            let values = self.first.values(couplings, fields);
            machines.push(values.map_err(|e| Failure::File(format!("level {level}: {e}")))?.concat());
        }
        let (wiring, layout) = (first.wiring().clone(), first.layout().clone());
        Ok(Denoiser::new(wiring, layout, self.levels.clone(), machines)?)
    }
}

/// What a run keeps.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Progress {
    trainer: Option<DenoiserState>,
    /// Of every level and epoch the fraction of pixels that agree with the image before its noise: the machine's, and those
    /// that nobody touched.
    /// Without an error, and so left out, where an epoch is a single batch.
    epochs: Vec<Option<[Estimate; 2]>>,
    /// The same of the batches of the epoch under way.
    batches: Vec<[f64; 2]>,
    judge: Option<NetworkTrainerState>,
}

type Keeper = keeper::Keeper<Progress>;

/// The settings of a training.
fn denoising(args: &DenoiseTrainingArgs, seed: u64) -> Result<Denoising, Failure> {
    let whole = |given: Option<u32>, own: usize| given.map_or(own, |n| n as usize);
    let phase = |given: &Option<Spelled<PhaseText>>, own: Phase| given.as_ref().map_or(own, |p| p.0.0);
    let rate = args.learning_rate.as_ref().map(|r| r.schedule.clone());
    let t = Denoising {
        levels: NoiseLevels::cosine(args.levels.map_or(8, usize::from))?,
        n_epochs: whole(args.epochs, 20),
        batch_size: whole(args.batch, 256),
        format: match &args.format {
            Some(format) => format.0,
            None => Format::new(3, 9)?,
        },
        learning_rate: rate.unwrap_or(Schedule::Geometric { from: 0.02, to: 0.0005 }),
        weight_decay: args.weight_decay.unwrap_or(0.0),
        positive: phase(&args.positive, Phase::new(10, 10, 1)),
        negative: phase(&args.negative, Phase::new(20, 10, 2)),
        mean_rate: 0.02,
        average_rate: 0.02,
        weight_scale: args.weight_scale.unwrap_or(0.05),
        seed,
    };
    t.check()?;
    Ok(t)
}

/// The arguments of a training with everything settled but the copies of the labels.
fn settle(args: &DenoiseTrainingArgs, of_images: &ImageArgs, t: &Denoising) -> DenoiseTrainingArgs {
    // All of them came from numbers of 32 bits, or are built in.
    let whole = |n: usize| u32::try_from(n).ok();
    DenoiseTrainingArgs {
        dataset: Some(of_images.dataset),
        threshold: of_images.threshold,
        side: of_images.side,
        layout_seed: Some(args.layout_seed.unwrap_or(LAYOUT_SEED)),
        format: Some(Spelled(t.format)),
        levels: u16::try_from(t.levels.n()).ok(),
        epochs: whole(t.n_epochs),
        batch: whole(t.batch_size),
        learning_rate: Some(Ramp::of(&t.learning_rate)),
        weight_decay: Some(t.weight_decay),
        positive: Some(Spelled(PhaseText(t.positive))),
        negative: Some(Spelled(PhaseText(t.negative))),
        weight_scale: Some(t.weight_scale),
        ..args.clone()
    }
}

/// Trains a chain or reads one, and draws images by it.
pub(super) fn denoise(args: &DbmDenoiseArgs) -> Result<(), Failure> {
    let mut settled = args.clone();
    let seed = args.run.seed.unwrap_or_else(run::drawn_seed);
    settled.run.seed = Some(seed);
    if args.reads > args.sweeps {
        return Err(Failure::Usage(format!(
            "--reads {}: at most the {} of --sweeps",
            args.reads, args.sweeps
        )));
    }
    match &args.model {
        Some(path) => of_file(args, settled, path, seed),
        None => trained(args, settled, seed),
    }
}

/// Draws by a chain that was trained before.
fn of_file(args: &DbmDenoiseArgs, settled: DbmDenoiseArgs, path: &Path, seed: u64) -> Result<(), Failure> {
    let input = Input::read(path, CHAIN_BYTES)?;
    let mut inputs = input.hashes();
    let name = path.display().to_string();
    let saved: SavedChain = decode(&input.bytes, CHAIN, &name, "chain.dbm of smml dbm denoise")?;
    let denoiser = saved.denoiser().map_err(|e| Failure::File(format!("{name}: {e}")))?;
    let first = &saved.first;
    let images = match args.judge_epochs {
        Some(_) => {
            let images = images(&images_of(first, None, args.data.clone()), seed)?;
            fit(&name, (first.rows, first.columns), denoiser.layout().n_classes(), &images)?;
            Judge::check(&images)?;
            Some(images)
        }
        None => None,
    };
    inputs.extend(images.iter().flat_map(Images::hashes));
    let identity = config::to_toml("dbm denoise", &settled)?;
    let folder = Folder::of_run(&args.run, "dbm-denoise", seed, &identity, &inputs)?;
    if let Some(images) = &images {
        images.tell(args.run.quiet);
    }
    let mut keeper = Keeper::new(&folder, &args.run, config::hash_with(&identity, &inputs)?)?;
    let mut o = Outcome::default();
    let extra = draw(&mut o, (first, &denoiser), &settled, seed, images.as_ref(), &folder, &mut keeper)?;
    remove_checkpoints(&folder)?;
    let files = images.map_or(Vec::new(), |i| i.files);
    finish("dbm denoise", &folder, &identity, &settled, seed, &o, &files, extra, args.run.json)
}

/// Trains a chain and draws by it.
fn trained(args: &DbmDenoiseArgs, mut settled: DbmDenoiseArgs, seed: u64) -> Result<(), Failure> {
    let named = match &args.on.file {
        Some(path) => Named::File(path.clone()),
        None => Named::of(args.on.network.as_deref().unwrap_or("p14")).map_err(Failure::Usage)?,
    };
    if matches!(named, Named::Layers(_)) {
        return Err(Failure::Usage(
            "--network: chains are of machines on sparse graphs, not of layers".into(),
        ));
    }
    let plan = denoising(&args.on, seed)?;
    let (graph, mut inputs) = Graph::open(&named, args.run.quiet)?;
    let dataset = args.on.dataset.unwrap_or(Dataset::Mnist);
    let threshold = Some(args.on.threshold.unwrap_or(Binarise::Above(127)));
    let of_images =
        ImageArgs { dataset, data: args.data.clone(), threshold, images: args.on.images, side: args.on.side }
            .settle()?;
    let images = images(&of_images, seed)?;
    Judge::check(&images)?;
    settled.judge_epochs = Some(args.judge_epochs.unwrap_or(JUDGE_EPOCHS));
    let (n_nodes, _) = graph.size(images.train.width(), images.n_classes)?;
    let own = settings::copies(Recipe::Ours, n_nodes, images.n_classes);
    let n_copies = args.on.copies.unwrap_or(own);
    settled.on = settle(&args.on, &of_images, &plan);
    settled.on.copies = Some(n_copies);
    let sizes = (images.train.width(), images.n_classes, usize::from(n_copies));
    let positions = graph.positions()?;
    let places = args.on.places.unwrap_or(if positions.is_some() { Places::Near } else { Places::Random });
    settled.on.places = Some(places);
    if positions.is_none() && places == Places::Near {
        return Err(Failure::Usage("--places near: the nodes of a graph file have no positions".into()));
    }
    let place = |n: usize| {
        let mut rng = Streams::new(args.on.layout_seed.unwrap_or(LAYOUT_SEED)).stream("layout", 0);
        match &positions {
            Some(positions) if places == Places::Near => {
                Layout::near(positions, (images.rows, images.columns), sizes.1, sizes.2, &mut rng)
            }
            _ => Layout::random(n, sizes.0, sizes.1, sizes.2, &mut rng),
        }
    };
    let (wiring, layout) = graph.build(sizes, place).map_err(|e| match e {
        Failure::Usage(why) => {
            Failure::Usage(format!("{}, {n_copies} copies of the labels: {why}", graph.name()))
        }
        e => e,
    })?;
    let rows = Labelled { data: &images.train, labels: &images.train_labels };
    // Everything that can be refused is refused before the folder is touched.
    let fresh = DenoiserTrainer::new(plan, wiring.clone(), layout, rows)?;
    inputs.extend(images.hashes());
    let identity = config::to_toml("dbm denoise", &settled)?;
    let folder = Folder::of_run(&args.run, "dbm-denoise", seed, &identity, &inputs)?;
    images.tell(args.run.quiet);
    let mut keeper = Keeper::new(&folder, &args.run, config::hash_with(&identity, &inputs)?)?;
    let mut trainer = match keeper.progress.trainer.take() {
        Some(state) => DenoiserTrainer::resume(state, wiring, rows)?,
        None => fresh,
    };
    learn(&mut trainer, &mut keeper)?;
    keeper.progress.trainer = Some(trainer.state().clone());
    keeper.save()?;

    // From here on the chain is the one in the file, rounded.
    let denoiser = trainer.model()?;
    let format = trainer.training().format;
    let network = |level| {
        let about = (dataset, of_images.threshold.unwrap_or(Binarise::Above(127)));
        let shape = (images.rows, images.columns);
        SavedNetwork::new(
            graph.clone(),
            &denoiser.machine(level)?,
            format,
            shape,
            about,
            Schedule::Constant(1.0),
        )
    };
    let others = |level| {
        let network = denoiser.machine(level)?.network(format)?;
        Ok([network.coupling_codes().to_vec(), network.field_codes().to_vec()])
    };
    let saved = SavedChain {
        levels: denoiser.levels().clone(),
        first: network(1)?,
        others: (2..=denoiser.levels().n()).map(others).collect::<Result<_, Failure>>()?,
    };
    folder.write("chain.dbm", &store::encode(&saved, CHAIN)?)?;
    let denoiser = saved.denoiser()?;
    let mut o = Outcome::default();
    let layout = denoiser.layout();
    for (name, n) in [
        ("levels of noise", saved.levels.n()),
        ("p-bits of a machine", layout.n_nodes()),
        ("of these hidden", layout.n_hidden()),
    ] {
        o.reported(name, Estimate::exact(n as f64));
    }
    let epochs = keeper.progress.epochs.clone();
    curves(&mut o, &epochs, trainer.training().n_epochs);
    let mut extra = vec![folder.file("checkpoint"), folder.file("chain.dbm")];
    extra.extend(draw(
        &mut o,
        (&saved.first, &denoiser),
        &settled,
        seed,
        Some(&images),
        &folder,
        &mut keeper,
    )?);
    keeper.save()?;
    finish("dbm denoise", &folder, &identity, &settled, seed, &o, &images.files, extra, args.run.json)
}

/// All machines that are left, batch by batch.
fn learn(trainer: &mut DenoiserTrainer<'_>, keeper: &mut Keeper) -> Result<(), Failure> {
    let per_epoch = trainer.steps_per_epoch();
    let n_levels = trainer.training().levels.n();
    let bar = progress::bar(trainer.steps_per_level() * n_levels as u64, keeper.quiet);
    bar.set_position(trainer.step_number());
    bar.reset_eta();
    let mut batches = std::mem::take(&mut keeper.progress.batches);
    let (mut seconds, mut flips) = (0.0, 0.0);
    while let Some(level) = trainer.level() {
        let began = Instant::now();
        let step = trainer.step(Par::Rayon).map_err(super::train::blown_up)?;
        seconds += began.elapsed().as_secs_f64();
        flips += step.map_or(0.0, |s| s.flips as f64);
        batches.extend(step.map(|s| [s.agreement, s.untouched]));
        if trainer.step_number().is_multiple_of(per_epoch) {
            let of =
                |k: usize| Estimate::from_independent(&batches.iter().map(|b| b[k]).collect::<Vec<f64>>());
            let epoch = of(0).and_then(|machine| Ok([machine, of(1)?])).ok();
            let rates = format!("{:.2} flips/ns", 1e-9 * flips / seconds);
            bar.log(&match epoch {
                Some([machine, untouched]) => format!(
                    "level {level} of {n_levels}: pixels as before the noise {machine}, untouched {untouched}, {rates}"
                ),
                None => format!("level {level} of {n_levels}: {rates}"),
            });
            keeper.progress.epochs.push(epoch);
            batches.clear();
        }
        bar.set_position(trainer.step_number());
        bar.set_message(format!("level {level} of {n_levels}"));
        keeper.pause(|p| {
            p.trainer = Some(trainer.state().clone());
            p.batches.clone_from(&batches);
            Ok(())
        })?;
    }
    bar.finish_and_clear();
    // What was saved within the last epoch depends on when it was.
    keeper.progress.batches = batches;
    Ok(())
}

/// How well the machines put pixels right.
fn curves(o: &mut Outcome, epochs: &[Option<[Estimate; 2]>], n_epochs: usize) {
    let mut all = Vec::new();
    for (level, of_level) in epochs.chunks(n_epochs).enumerate() {
        // What is gained over leaving the pixels as they are.
        let gains: Vec<(f64, Estimate)> = of_level
            .iter()
            .enumerate()
            .filter_map(|(n, epoch)| {
                epoch.map(|[machine, untouched]| (n, machine.plus(untouched.affine(0.0, -1.0))))
            })
            .map(|(n, gain)| ((n + 1) as f64, gain))
            .collect();
        if !gains.is_empty() {
            let name = format!("level {}", level + 1);
            all.push(Series { style: Style::LinePoints, ..Series::measured(&name, &gains) });
        }
    }
    if all.is_empty() {
        return;
    }
    o.figure(Figure::plot(
        "learning-curves",
        "Pixels put right",
        "The fraction of pixels of the machine of a level that agree with the image before the noise of this level was put in, less \
         that of the noisy image itself, in training: mean over the batches of an epoch, with its error. Where many images could have \
         been before the noise, the machine draws one of them, and the difference is below 0.",
        Axis::linear("epoch"),
        Axis::linear("fraction"),
        all,
    ));
}

/// Draws images, shows them, and has them judged where there are real ones. Returns the files that it wrote.
fn draw(
    o: &mut Outcome,
    (first, denoiser): (&SavedNetwork, &Denoiser),
    args: &DbmDenoiseArgs,
    seed: u64,
    images: Option<&Images>,
    folder: &Folder,
    keeper: &mut Keeper,
) -> Result<Vec<std::path::PathBuf>, Failure> {
    let count = args.count as usize;
    let n_classes = denoiser.layout().n_classes();
    let classes: Vec<u8> = (0..n_classes).flat_map(|c| std::iter::repeat_n(c as u8, count)).collect();
    let how = Drawing {
        sweeps: args.sweeps as usize,
        reads: args.reads as usize,
        followed: count,
        format: first.format,
        seed,
    };
    let drawn = keeper.undivided(|| Ok(denoiser.draw(classes.len(), &classes, &how, Par::Rayon)?))?;
    let values: Vec<f32> = drawn.means.iter().flatten().map(|p| *p as f32).collect();
    let n_pixels = first.rows * first.columns;
    let on: Vec<f64> = drawn.means.iter().map(|image| image.iter().sum::<f64>() / n_pixels as f64).collect();
    o.reported("fraction of pixels on", Estimate::from_independent(&on)?);
    if let Some(images) = images {
        let epochs = args.judge_epochs.unwrap_or(JUDGE_EPOCHS);
        let judge = Judge::train(images, epochs, seed, keeper, |p: &mut Progress| &mut p.judge)?;
        let shown = judge::Drawn { shown: &values, states: &drawn.last, classes: &classes };
        judge.drawn(o, first.dataset, &shown)?;
    }
    o.note(format!(
        "{}, {} levels of noise, {} sweeps each, numbers {}.",
        first.name(),
        denoiser.levels().n(),
        args.sweeps,
        first.format
    ));
    let shown = count.min(ACROSS);
    let tiles: Vec<f32> =
        values.chunks(count * n_pixels).flat_map(|class| &class[..shown * n_pixels]).copied().collect();
    let picture = figures::tiles((first.rows, first.columns), shown, &tiles)?;
    o.figure(Figure::image(
        "drawn",
        "Drawn images",
        &format!(
            "The first {shown} of {count} images of each class, drawn from noise with the class clamped: means of the pixels over the \
             last {} of {} sweeps.",
            args.reads, args.sweeps
        ),
        picture.width,
        picture.height,
        picture.pixels.clone(),
    ));
    o.figure(levels(first, &drawn)?);
    let large = figures::enlarged(&picture);
    folder.write("drawn.png", &output::png(large.width, large.height, &large.pixels)?)?;
    let mut files = vec![folder.file("drawn.png")];
    if let Some(file) = &args.run.series {
        let columns = [
            series::Column { name: "class".into(), values: classes.iter().map(|c| f64::from(*c)).collect() },
            series::Column { name: "fraction_on".into(), values: on },
        ];
        series::write(file, &columns)?;
        files.push(file.clone());
    }
    Ok(files)
}

/// Of every class one image on its way from noise.
fn levels(first: &SavedNetwork, drawn: &DenoisedImages) -> Result<Figure, Failure> {
    let followed = drawn.path.first().map_or(0, BinaryData::len);
    let rows: Vec<f32> = (0..followed)
        .flat_map(|image| drawn.path.iter().flat_map(move |states| states.row(image)))
        .map(|b| f32::from(*b))
        .collect();
    let picture = figures::tiles((first.rows, first.columns), drawn.path.len(), &rows)?;
    Ok(Figure::image(
        "levels",
        "From noise to an image",
        "The first image of each class: noise, and what every level makes of the one before.",
        picture.width,
        picture.height,
        picture.pixels,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use smml_hw::{dbm::SparseDbm, topology::Shape};

    /// Two levels of a king's graph with 4 pixels and `n_classes` label bits.
    fn chain(n_classes: usize) -> SavedChain {
        let graph = Graph::Family(Shape::King { rows: 3, columns: 3 });
        let place = |n| Layout::in_order(n, 4, n_classes, 1);
        let (wiring, layout) = graph.build((4, n_classes, 1), place).unwrap();
        let couplings = (0..wiring.n_edges()).map(|k| 0.1 * k as f32 - 0.5).collect();
        let model = SparseDbm::new(wiring.clone(), layout, couplings, vec![0.5; wiring.n_nodes()]).unwrap();
        let about = (Dataset::Mnist, Binarise::Above(127));
        let format = Format::S4_5;
        let first = SavedNetwork::new(graph, &model, format, (2, 2), about, Schedule::Constant(1.0)).unwrap();
        let network = model.network(format).unwrap();
        let others = vec![[network.coupling_codes().to_vec(), network.field_codes().to_vec()]];
        SavedChain { levels: NoiseLevels::cosine(2).unwrap(), first, others }
    }

    #[test]
    fn chains_are_read_as_they_were_written() {
        let bytes = store::encode(&chain(2), CHAIN).unwrap();
        let read: SavedChain = decode(&bytes, CHAIN, "file", "chain").unwrap();
        let denoiser = read.denoiser().unwrap();
        assert_eq!(denoiser.levels().n(), 2);
        assert_eq!(denoiser.machine(1).unwrap(), denoiser.machine(2).unwrap());
        assert_eq!(denoiser.machine(2).unwrap().couplings()[3], -0.1875);
    }

    #[test]
    fn chains_that_contradict_themselves_are_refused() {
        let good = chain(2);
        let short = vec![[vec![0; 3], vec![0; 9]]];
        let large = vec![[vec![600; 20], vec![0; 9]]];
        for (bad, why) in [
            (SavedChain { others: Vec::new(), ..good.clone() }, "1 machines for 2 levels"),
            (SavedChain { others: short, ..good.clone() }, "level 2: 3 couplings"),
            (SavedChain { others: large, ..good }, "level 2: code 600"),
            (chain(0), "no labels to clamp"),
        ] {
            let message = bad.denoiser().map(|_| ()).unwrap_err().to_string();
            assert!(message.contains(why), "{message}");
        }
    }
}
