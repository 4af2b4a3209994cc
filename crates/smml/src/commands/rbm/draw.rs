//! Images drawn from a machine.

use super::{keep::Keeper, model::SavedModel};
use crate::{error::Failure, run::progress};
use serde::{Deserialize, Serialize};
use smml_core::{
    parallel::Par,
    rng::{Draw, Streams},
};
use smml_learn::{
    data::BinaryData,
    ebm::{GibbsChains, GrayImage, Grid, Rbm},
};

/// What is to be drawn.
pub(super) struct Wanted {
    /// Number of images.
    pub(super) n: usize,
    /// Gibbs steps before an image is taken.
    pub(super) steps: usize,
    /// Of one class; with label units and no class, of all classes in turn.
    pub(super) class: Option<u8>,
    pub(super) beta: f64,
    pub(super) seed: u64,
}

/// Images, and the states they were made of.
pub(super) struct Drawn {
    /// All of them as one picture.
    pub(super) picture: GrayImage,
    /// Probabilities of the pixels in the last step.
    pub(super) probabilities: Vec<f32>,
    pub(super) states: BinaryData,
    pub(super) classes: Vec<u8>,
}

/// Chains on their way.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct DrawnSoFar {
    steps: u64,
    rows: BinaryData,
}

/// Multiplications between two looks at signals and checkpoints, if states were dense: some tenths of a second.
const PIECE: u64 = 2_000_000_000;

/// How many steps of `n` chains make a piece of work.
pub(super) fn steps_at_once(rbm: &Rbm, n: usize) -> u64 {
    let step = n as u64 * rbm.n_visible() as u64 * rbm.n_hidden() as u64;
    (PIECE / step.max(1)).clamp(1, 1000)
}

/// Draws by Gibbs sampling: given labels from even noise, free from noise with the rates of the training images.
pub(super) fn draw(model: &SavedModel, wanted: &Wanted, keeper: &mut Keeper) -> Result<Drawn, Failure> {
    let (rbm, n) = (&model.rbm, wanted.n);
    let streams = Streams::new(wanted.seed).child("draw", 0);
    let chains = GibbsChains { beta: wanted.beta, ..GibbsChains::new(wanted.steps) };
    let (chains, start, classes) = if model.n_classes > 0 {
        let classes: Vec<u8> =
            (0..n).map(|i| wanted.class.unwrap_or((i * model.n_classes / n) as u8)).collect();
        let (chains, start) = chains.given_labels(rbm, model.n_classes, &classes, &streams)?;
        (chains, start, classes)
    } else {
        if let Some(c) = wanted.class {
            return Err(Failure::Usage(format!("--class {c}: this machine has no label units")));
        }
        let mut rng = streams.stream("start", 1);
        let rates: Vec<f64> = model.base.iter().map(|a| 1.0 / (1.0 + libm::exp(-a))).collect();
        let bits = (0..n).flat_map(|_| &rates).map(|p| u8::from(rng.chance(*p))).collect();
        (chains, BinaryData::new(rbm.n_visible(), bits)?, Vec::new())
    };
    let total = wanted.steps as u64;
    let (mut done, mut rows) = match keeper.progress.drawn.take() {
        Some(d) if d.steps < total && (d.rows.len(), d.rows.width()) == (n, rbm.n_visible()) => {
            (d.steps, d.rows)
        }
        Some(_) => return Err(Failure::File("checkpoint: its chains do not fit this run".into())),
        None => (0, start),
    };
    let bar = progress::bar(total, keeper.quiet);
    let probabilities = loop {
        let end = total.min(done + steps_at_once(rbm, n));
        let samples = chains.advance(rbm, &rows, done as usize..end as usize, &streams, Par::Rayon)?;
        (done, rows) = (end, samples.states);
        bar.set_position(done);
        if done == total {
            break samples.probabilities;
        }
        keeper.pause(|p| {
            p.drawn = Some(DrawnSoFar { steps: done, rows: rows.clone() });
            Ok(())
        })?;
    };
    bar.finish_and_clear();
    keeper.progress.drawn = None;
    let pixels = model.rows * model.columns;
    let values: Vec<f32> =
        probabilities.chunks_exact(rbm.n_visible()).flat_map(|row| &row[..pixels]).copied().collect();
    let picture = Grid::square(model.rows, model.columns, n).tile(&values)?;
    Ok(Drawn { picture, probabilities: values, states: rows, classes })
}
