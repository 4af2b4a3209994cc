//! `smml dbm classify`.

use super::{ask, figures, keep::Keeper, network::Network, test_images};
use crate::{
    args::dbm::DbmClassifyArgs,
    commands::rbm::{finish, remove_checkpoints},
    error::Failure,
    reproduce::check::Outcome,
    run::{self, config, folder::Folder, series},
};
use smml_learn::network::Confusion;

/// Classifies test images.
pub(super) fn classify(args: &DbmClassifyArgs) -> Result<(), Failure> {
    let mut settled = args.clone();
    let seed = args.on.run.seed.unwrap_or_else(run::drawn_seed);
    settled.on.run.seed = Some(seed);
    let network = Network::open(args.on.file.as_deref())?;
    let dataset = args.on.dataset.unwrap_or(network.saved.dataset);
    let betas = args.on.ask.schedule(ask::constant())?;
    let how = ask::halves(
        args.sweeps,
        betas,
        args.on.ask.format_or(network.saved.format),
        args.on.ask.order(),
        seed,
    );
    let images = test_images(&network, &args.on, seed, None)?;
    let mut inputs = network.hashes.clone();
    let identity = config::to_toml("dbm classify", &settled)?;
    inputs.extend(images.hashes());
    let folder = Folder::of_run(&args.on.run, "dbm-classify", seed, &identity, &inputs)?;
    images.tell(args.on.run.quiet);
    let mut keeper = Keeper::new(&folder, &args.on.run, config::hash_with(&identity, &inputs)?)?;
    let found = ask::classify(&network.model, &images.test, &how, "test images", &mut keeper)?;

    let mut o = Outcome::default();
    let confusion = Confusion::new(network.n_classes(), &images.test_labels, &found)?;
    let accuracy = confusion.accuracy()?;
    o.at_least("test accuracy, above always the commonest class", accuracy, images.commonest_class());
    let (low, high) = accuracy.interval(0.95)?;
    o.note(format!(
        "{}: {} of {} test images right by {} sweeps each; 95 % interval {low:.4} to {high:.4} (Wilson).",
        network.name(),
        found.iter().zip(&images.test_labels).filter(|(a, b)| a == b).count(),
        found.len(),
        args.sweeps
    ));
    let what = format!("{} test images by {} sweeps", found.len(), args.sweeps);
    figures::confusion(&mut o, dataset, &confusion, &what)?;
    figures::comparison(&mut o, &network, dataset, Some((accuracy, args.sweeps)), None);
    let mut extra = Vec::new();
    if let Some(file) = &args.on.run.series {
        let wide = |x: &[u8]| x.iter().map(|v| f64::from(*v)).collect();
        let columns = [
            series::Column { name: "label".into(), values: wide(&images.test_labels) },
            series::Column { name: "classified_as".into(), values: wide(&found) },
        ];
        series::write(file, &columns)?;
        extra.push(file.clone());
    }
    remove_checkpoints(&folder)?;
    finish("dbm classify", &folder, &identity, &settled, seed, &o, &images.files, extra, args.on.run.json)
}
