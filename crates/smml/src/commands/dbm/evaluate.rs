//! `smml dbm evaluate`.

use super::{
    ask, at_the_end,
    draw::{Wanted, draw},
    figures,
    keep::Keeper,
    memory::memory,
    network::Network,
    test_images,
};
use crate::{
    args::dbm::DbmEvaluateArgs,
    commands::{
        judge::{self, Judge},
        rbm::{finish, remove_checkpoints},
    },
    error::Failure,
    report::figure::{Axis, Figure, Series, Style},
    reproduce::check::Outcome,
    run::{self, config, folder::Folder, series},
};
use smml_core::Estimate;
use smml_learn::network::Confusion;

/// Measures what a machine can do.
pub(super) fn evaluate(args: &DbmEvaluateArgs) -> Result<(), Failure> {
    if args.on.ask.asynchronous {
        return Err(Failure::Usage("--asynchronous: chains are measured colour after colour".into()));
    }
    let mut settled = args.clone();
    let seed = args.on.run.seed.unwrap_or_else(run::drawn_seed);
    settled.on.run.seed = Some(seed);
    let mut ladder = args.ladder.clone();
    ladder.sort_unstable();
    ladder.dedup();
    settled.ladder.clone_from(&ladder);
    let network = Network::open(args.on.file.as_deref())?;
    let dataset = args.on.dataset.unwrap_or(network.saved.dataset);
    let format = args.on.ask.format_or(network.saved.format);
    let wanted = Wanted {
        classes: (0..network.n_classes()).map(|c| c as u8).collect(),
        count: args.count,
        sweeps: (args.draw.sweeps, args.draw.reads),
        betas: args.on.ask.schedule(network.saved.draw_betas.clone())?,
        format,
        order: args.on.ask.order(),
        seed,
    };
    let images = test_images(&network, &args.on, seed, None)?;
    Judge::check(&images)?;
    let mut inputs = network.hashes.clone();
    let identity = config::to_toml("dbm evaluate", &settled)?;
    inputs.extend(images.hashes());
    let folder = Folder::of_run(&args.on.run, "dbm-evaluate", seed, &identity, &inputs)?;
    images.tell(args.on.run.quiet);
    let mut keeper = Keeper::new(&folder, &args.on.run, config::hash_with(&identity, &inputs)?)?;
    let mut o = Outcome::default();

    let programmed = network.programmed(Some(format))?;
    let n_parameters = network.model.couplings().len() + network.model.fields().len();
    o.reported("parameters", Estimate::exact(n_parameters as f64));
    for (name, n) in [
        ("parameters beyond the number format", programmed.saturated()),
        ("parameters at the end of the number format", at_the_end(&programmed)),
    ] {
        o.reported(name, Estimate::exact(n as f64));
    }

    let mut points = Vec::new();
    let mut last = None;
    for sweeps in &ladder {
        let how = ask::halves(*sweeps, ask::constant(), format, wanted.order, seed);
        let found = ask::classify(&network.model, &images.test, &how, "test images", &mut keeper)?;
        let confusion = Confusion::new(network.n_classes(), &images.test_labels, &found)?;
        let accuracy = confusion.accuracy()?;
        o.reported(format!("test accuracy by {sweeps} sweeps"), accuracy);
        points.push((f64::from(*sweeps), accuracy));
        last = Some((confusion, accuracy, *sweeps));
    }
    o.figure(Figure::plot(
        "sweeps",
        "Accuracy against sweeps",
        &format!(
            "Accuracy on {} test images; of the sweeps of each image the second half counts.",
            images.test.len()
        ),
        Axis::log("sweeps an image"),
        Axis::linear("accuracy"),
        vec![Series { style: Style::LinePoints, ..Series::measured("test images", &points) }],
    ));
    if let Some((confusion, _, sweeps)) = &last {
        let what = format!("{} test images by {sweeps} sweeps", images.test.len());
        figures::confusion(&mut o, dataset, confusion, &what)?;
    }

    let judge = Judge::train(&images, args.judge_epochs, seed, &mut keeper, |p| &mut p.judge)?;
    let drawn = draw(&network, &wanted, &mut keeper)?;
    let shown = judge::Drawn { shown: &drawn.values(false), states: &drawn.last, classes: &drawn.labels };
    let generated = judge.drawn(&mut o, dataset, &shown)?;
    o.figure(drawn.figure(&wanted, false)?);

    keeper.undivided(|| memory(&mut o, &programmed, network.model.layout(), args.chain as usize, seed))?;
    let at_last = last.as_ref().map(|(_, accuracy, sweeps)| (*accuracy, *sweeps));
    figures::comparison(&mut o, &network, dataset, at_last, Some(generated));
    let mut extra = Vec::new();
    if let Some(file) = &args.on.run.series {
        let columns = [
            series::Column { name: "sweeps".into(), values: points.iter().map(|p| p.0).collect() },
            series::Column { name: "accuracy".into(), values: points.iter().map(|p| p.1.value).collect() },
            series::Column {
                name: "accuracy_std_error".into(),
                values: points.iter().map(|p| p.1.std_error).collect(),
            },
        ];
        series::write(file, &columns)?;
        extra.push(file.clone());
    }
    remove_checkpoints(&folder)?;
    finish("dbm evaluate", &folder, &identity, &settled, seed, &o, &images.files, extra, args.on.run.json)
}
