//! `smml dbm`: train deep Boltzmann machines on the graphs of sparse Ising machines; classify, draw and complete images.

use crate::{
    args::{
        Dataset, ImageArgs,
        dbm::{DbmCommand, DbmOnArgs},
    },
    commands::rbm::model::{Images, cifar_side, images},
    error::Failure,
    run,
};
use smml_hw::machine::FixedNetwork;
use std::path::PathBuf;

mod ask;
mod classify;
mod denoise;
mod draw;
mod evaluate;
mod figures;
mod generate;
mod inpaint;
mod keep;
mod memory;
mod network;
mod settings;
mod train;

use network::{Network, SavedNetwork};

/// Runs a command.
pub(crate) fn run(command: &DbmCommand) -> Result<(), Failure> {
    let threads = match command {
        DbmCommand::Train(a) => a.run.threads,
        DbmCommand::Classify(a) => a.on.run.threads,
        DbmCommand::Generate(a) => a.run.threads,
        DbmCommand::Inpaint(a) => a.on.run.threads,
        DbmCommand::Evaluate(a) => a.on.run.threads,
        DbmCommand::Denoise(a) => a.run.threads,
    };
    run::with_threads(threads, || match command {
        DbmCommand::Train(args) => train::train(args),
        DbmCommand::Classify(args) => classify::classify(args),
        DbmCommand::Generate(args) => generate::generate(args),
        DbmCommand::Inpaint(args) => inpaint::inpaint(args),
        DbmCommand::Evaluate(args) => evaluate::evaluate(args),
        DbmCommand::Denoise(args) => denoise::denoise(args),
    })
}

/// The images of the data set that a network learned, or of another; the test images of them cut to the number that is asked
/// for.
fn test_images(network: &Network, args: &DbmOnArgs, seed: u64, most: Option<u32>) -> Result<Images, Failure> {
    let saved = &network.saved;
    let mut images = images(&of_file(saved, args.dataset, args.data.clone()), seed)?;
    fit(&network.source, (saved.rows, saved.columns), network.n_classes(), &images)?;
    if let Some(n) = args.images.or(most) {
        images.test = images.test.head(n as usize);
        images.test_labels.truncate(n as usize);
    }
    Ok(images)
}

/// Refuses images of another shape, or of more classes, than the machine in a file knows.
fn fit(source: &str, shape: (usize, usize), n_classes: usize, images: &Images) -> Result<(), Failure> {
    if (images.rows, images.columns) != shape {
        return Err(Failure::Usage(format!(
            "{source}: the network learned images of {} x {} pixels, those of the data set have {} x {}",
            shape.0, shape.1, images.rows, images.columns
        )));
    }
    if images.n_classes > n_classes {
        return Err(Failure::Usage(format!(
            "{source}: the network has {n_classes} classes, the data set has {}",
            images.n_classes
        )));
    }
    Ok(())
}

/// Images of the data set that a network in a file learned, or of another; they may not fit.
fn of_file(saved: &SavedNetwork, dataset: Option<Dataset>, data: Option<PathBuf>) -> ImageArgs {
    let dataset = dataset.unwrap_or(saved.dataset);
    // Other sides are refused when images and network are compared.
    let side = u8::try_from(saved.rows).ok().filter(|s| cifar_side(Some(*s)).is_ok());
    ImageArgs {
        dataset,
        data,
        threshold: Some(saved.threshold),
        images: None,
        side: if dataset == Dataset::Cifar10 { side } else { None },
    }
}

/// Couplings and fields that have the largest number of the format, or its negative: perhaps they should be larger.
fn at_the_end(network: &FixedNetwork) -> usize {
    let largest = network.format().code(f64::INFINITY).0;
    network.coupling_codes().iter().chain(network.field_codes()).filter(|c| c.abs() == largest).count()
}
