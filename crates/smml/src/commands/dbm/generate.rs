//! `smml dbm generate`.

use super::{
    draw::{ACROSS, Wanted, draw},
    figures,
    keep::Keeper,
    network::Network,
};
use crate::{
    args::dbm::DbmGenerateArgs,
    commands::rbm::{finish, remove_checkpoints},
    error::Failure,
    output,
    reproduce::check::Outcome,
    run::{self, config, folder::Folder, series},
};
use smml_core::Estimate;

/// Draws images of the classes that are asked for.
pub(super) fn generate(args: &DbmGenerateArgs) -> Result<(), Failure> {
    let mut settled = args.clone();
    let seed = args.run.seed.unwrap_or_else(run::drawn_seed);
    settled.run.seed = Some(seed);
    let network = Network::open(args.file.as_deref())?;
    let n_classes = network.n_classes();
    if n_classes == 0 {
        return Err(Failure::Usage(format!("{}: this network has no labels to clamp", network.source)));
    }
    if let Some(class) = args.classes.iter().find(|c| usize::from(**c) >= n_classes) {
        return Err(Failure::Usage(format!(
            "class {class}: {} has the classes 0 to {}",
            network.source,
            n_classes - 1
        )));
    }
    if args.classes.is_empty() {
        settled.classes = (0..n_classes).map(|c| c as u8).collect();
    }
    let wanted = Wanted {
        classes: settled.classes.clone(),
        count: args.count,
        sweeps: (args.draw.sweeps, args.draw.reads),
        betas: args.ask.schedule(network.saved.draw_betas.clone())?,
        format: args.ask.format_or(network.saved.format),
        order: args.ask.order(),
        seed,
    };
    let inputs = network.hashes.clone();
    let identity = config::to_toml("dbm generate", &settled)?;
    let folder = Folder::of_run(&args.run, "dbm-generate", seed, &identity, &inputs)?;
    let mut keeper = Keeper::new(&folder, &args.run, config::hash_with(&identity, &inputs)?)?;
    let drawn = draw(&network, &wanted, &mut keeper)?;

    let values = drawn.values(args.last);
    // One class fills lines of ten; of several each has a line.
    let count = args.count as usize;
    let across = if wanted.classes.len() == 1 { count.min(ACROSS) } else { count };
    let picture = figures::enlarged(&figures::tiles(drawn.shape, across, &values)?);
    folder.write("drawn.png", &output::png(picture.width, picture.height, &picture.pixels)?)?;
    let mut extra = vec![folder.file("drawn.png")];
    let mut o = Outcome::default();
    let n_pixels = network.saved.rows * network.saved.columns;
    let on: Vec<f64> = values
        .chunks_exact(n_pixels)
        .map(|image| image.iter().map(|p| f64::from(*p)).sum::<f64>() / n_pixels as f64)
        .collect();
    // A single image has no error.
    if let Ok(on) = Estimate::from_independent(&on) {
        o.reported("fraction of pixels on", on);
    }
    o.note(format!("{}: {} images of {}.", network.name(), args.count, {
        let names: Vec<String> =
            wanted.classes.iter().map(|c| network.saved.dataset.class_name(usize::from(*c))).collect();
        names.join(", ")
    }));
    o.figure(drawn.figure(&wanted, args.last)?);
    if let Some(file) = &args.run.series {
        let labels = drawn.labels.iter().map(|l| f64::from(*l)).collect();
        let columns = [
            series::Column { name: "class".into(), values: labels },
            series::Column { name: "fraction_on".into(), values: on },
        ];
        series::write(file, &columns)?;
        extra.push(file.clone());
    }
    remove_checkpoints(&folder)?;
    output::remark(args.run.quiet, &format!("picture: {}", folder.file("drawn.png").display()));
    finish("dbm generate", &folder, &identity, &settled, seed, &o, &[], extra, args.run.json)
}
