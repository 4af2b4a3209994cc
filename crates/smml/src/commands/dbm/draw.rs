//! Images drawn from a machine: labels clamped, the temperature lowered, pixels read.

use super::{figures, keep::Keeper, network::Network};
use crate::{error::Failure, report::figure::Figure};
use smml_core::{parallel::Par, schedule::Schedule};
use smml_hw::{
    dbm::{Clamped, Inference},
    machine::{Format, UpdateOrder},
};
use smml_learn::data::BinaryData;

/// Images side by side.
pub(super) const ACROSS: usize = 10;

/// What is to be drawn.
pub(super) struct Wanted {
    pub(super) classes: Vec<u8>,
    /// Images of each class.
    pub(super) count: u32,
    /// Sweeps over which the temperature is lowered, and sweeps after them that count.
    pub(super) sweeps: (u32, u32),
    /// β over the first ones.
    pub(super) betas: Schedule,
    pub(super) format: Format,
    pub(super) order: UpdateOrder,
    pub(super) seed: u64,
}

/// Images, class after class.
pub(super) struct Drawn {
    /// Rows and columns of an image.
    pub(super) shape: (usize, usize),
    /// The class that was clamped, of each image.
    pub(super) labels: Vec<u8>,
    /// How often each pixel was on, image after image.
    means: Vec<f32>,
    /// The last states.
    pub(super) last: BinaryData,
}

impl Drawn {
    /// Grey values in [0, 1] of all images: means, or the last states.
    pub(super) fn values(&self, last: bool) -> Vec<f32> {
        if last { self.last.rows().flatten().map(|b| f32::from(*b)).collect() } else { self.means.clone() }
    }
    /// The picture of a report: of every class the first images, at most ten if there are several classes.
    pub(super) fn figure(&self, wanted: &Wanted, last: bool) -> Result<Figure, Failure> {
        let count = wanted.count as usize;
        let shown = if wanted.classes.len() > 1 { count.min(ACROSS) } else { count };
        let size = self.shape.0 * self.shape.1;
        let values = self.values(last);
        let first: Vec<f32> =
            values.chunks(count * size).flat_map(|class| &class[..shown * size]).copied().collect();
        let picture = figures::tiles(self.shape, shown.min(ACROSS), &first)?;
        let (anneal, reads) = wanted.sweeps;
        let kind = if last { "last states".to_string() } else { format!("means over {reads} more") };
        Ok(Figure::image(
            "drawn",
            "Drawn images",
            &format!(
                "Images drawn with their class clamped, {shown} of each: the temperature is lowered over {anneal} sweeps, and the pixels are {kind}."
            ),
            picture.width,
            picture.height,
            picture.pixels,
        ))
    }
}

/// Draws all images.
pub(super) fn draw(network: &Network, wanted: &Wanted, keeper: &mut Keeper) -> Result<Drawn, Failure> {
    let saved = &network.saved;
    let n_pixels = saved.rows * saved.columns;
    let count = wanted.count as usize;
    let labels: Vec<u8> = wanted.classes.iter().flat_map(|c| std::iter::repeat_n(*c, count)).collect();
    let blank = BinaryData::new(n_pixels, vec![0; n_pixels * labels.len()])?;
    let free = vec![false; n_pixels];
    let clamped = Clamped { rows: &blank, pixels: Some(&free), labels: Some(&labels) };
    let how = Inference {
        anneal: wanted.sweeps.0 as usize,
        betas: wanted.betas.clone(),
        reads: wanted.sweeps.1 as usize,
        format: wanted.format,
        order: wanted.order,
        seed: wanted.seed,
    };
    let answer = keeper.undivided(|| Ok(network.model.infer(&clamped, &how, Par::Rayon)?))?;
    let means = answer.pixels.iter().flatten().map(|p| *p as f32).collect();
    Ok(Drawn { shape: (saved.rows, saved.columns), labels, means, last: answer.last })
}
