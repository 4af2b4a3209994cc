//! `smml dbm inpaint`: test images of which a part is hidden, and what the machine makes of the rest.

use super::{draw::ACROSS, figures, keep::Keeper, network::Network, test_images};
use crate::{
    args::dbm::{DbmInpaintArgs, Hidden},
    commands::rbm::{finish, remove_checkpoints},
    error::Failure,
    output,
    report::figure::Figure,
    reproduce::check::Outcome,
    run::{self, config, folder::Folder, series},
};
use smml_core::{Estimate, parallel::Par};
use smml_hw::dbm::{Clamped, Inference};

/// Images that are completed where the user says nothing, and in the picture at most.
const IMAGES: u32 = 20;
const SHOWN: usize = 100;
/// Grey value of what is hidden: another than that of the gaps.
const GREY: f32 = 0.3;

impl Hidden {
    /// Which pixels of an image are hidden.
    fn mask(self, rows: usize, columns: usize) -> Result<Vec<bool>, Failure> {
        let (top, left, height, width) = match self {
            Hidden::Left => (0, 0, rows, columns / 2),
            Hidden::Right => (0, columns / 2, rows, columns - columns / 2),
            Hidden::Top => (0, 0, rows / 2, columns),
            Hidden::Bottom => (rows / 2, 0, rows - rows / 2, columns),
            Hidden::Rectangle(r) => {
                let [top, left, height, width] = r.map(usize::from);
                if top + height > rows || left + width > columns {
                    return Err(Failure::Usage(format!(
                        "--hide {self}: rows {top} to {} and columns {left} to {} are not within {rows} x {columns} pixels",
                        top + height - 1,
                        left + width - 1
                    )));
                }
                (top, left, height, width)
            }
        };
        if height == 0 || width == 0 {
            return Err(Failure::Usage(format!(
                "--hide {self}: nothing of {rows} x {columns} pixels is hidden"
            )));
        }
        let inside = |k: usize| {
            (top..top + height).contains(&(k / columns)) && (left..left + width).contains(&(k % columns))
        };
        Ok((0..rows * columns).map(inside).collect())
    }
}

/// Completes test images.
pub(super) fn inpaint(args: &DbmInpaintArgs) -> Result<(), Failure> {
    let mut settled = args.clone();
    let seed = args.on.run.seed.unwrap_or_else(run::drawn_seed);
    settled.on.run.seed = Some(seed);
    let network = Network::open(args.on.file.as_deref())?;
    let (rows, columns) = (network.saved.rows, network.saved.columns);
    let hidden = args.hide.0.mask(rows, columns)?;
    let betas = args.on.ask.schedule(network.saved.draw_betas.clone())?;
    let images = test_images(&network, &args.on, seed, Some(IMAGES))?;
    settled.on.images = Some(args.on.images.unwrap_or(IMAGES));
    let mut inputs = network.hashes.clone();
    let identity = config::to_toml("dbm inpaint", &settled)?;
    inputs.extend(images.hashes());
    let folder = Folder::of_run(&args.on.run, "dbm-inpaint", seed, &identity, &inputs)?;
    images.tell(args.on.run.quiet);
    let mut keeper = Keeper::new(&folder, &args.on.run, config::hash_with(&identity, &inputs)?)?;
    let clamped: Vec<bool> = hidden.iter().map(|h| !h).collect();
    let how = Inference {
        anneal: args.draw.sweeps as usize,
        betas,
        reads: args.draw.reads as usize,
        format: args.on.ask.format_or(network.saved.format),
        order: args.on.ask.order(),
        seed,
    };
    let asked = Clamped {
        rows: &images.test,
        pixels: Some(&clamped),
        labels: args.labels.then_some(&images.test_labels[..]),
    };
    let answer = keeper.undivided(|| Ok(network.model.infer(&asked, &how, Par::Rayon)?))?;

    // Each hidden pixel as what it was more often; beside it, as it is more often in the training images.
    let common: Vec<bool> = images.train.column_means().iter().map(|p| *p > 0.5).collect();
    let n_hidden = hidden.iter().filter(|h| **h).count() as f64;
    let right = |says: &dyn Fn(usize, usize) -> bool| -> Vec<f64> {
        let of_image = |(m, image): (usize, &[u8])| {
            let hits =
                image.iter().enumerate().filter(|(k, b)| hidden[*k] && says(m, *k) == (**b == 1)).count();
            hits as f64 / n_hidden
        };
        images.test.rows().enumerate().map(of_image).collect()
    };
    let ours = right(&|m, k| answer.pixels[m][k] > 0.5);
    let means = right(&|_, k| common[k]);
    let gain: Vec<f64> = ours.iter().zip(&means).map(|(a, b)| a - b).collect();
    let mut o = Outcome::default();
    // A single image has no error.
    for (name, values) in [
        ("hidden pixels that are right", &ours),
        ("hidden pixels that the mean training image has right", &means),
        ("gain over the mean image", &gain),
    ] {
        if let Ok(estimate) = Estimate::from_independent(values) {
            o.reported(name, estimate);
        }
    }
    if !args.labels {
        let found = answer.best();
        let hits = found.iter().zip(&images.test_labels).filter(|(a, b)| a == b).count();
        o.reported(
            "images classified right while a part is hidden",
            Estimate::from_counts(hits as u64, found.len() as u64)?,
        );
    }
    o.note(format!("{}, {} hidden.", network.name(), args.hide.0));

    let shown: Vec<usize> = (0..images.test.len().min(SHOWN)).collect();
    let across = ACROSS.min(shown.len());
    let mut values: Vec<f32> = Vec::new();
    for line in shown.chunks(across) {
        let bit = |m: usize, k: usize| f32::from(images.test.row(m)[k]);
        let whole = |m: usize, k: usize| bit(m, k);
        let cut = |m: usize, k: usize| if hidden[k] { GREY } else { bit(m, k) };
        let filled = |m: usize, k: usize| if hidden[k] { answer.pixels[m][k] as f32 } else { bit(m, k) };
        for grey in [&whole as &dyn Fn(usize, usize) -> f32, &cut, &filled] {
            values.extend(line.iter().flat_map(|m| (0..hidden.len()).map(move |k| grey(*m, k))));
            // A last line that is not full is filled up with black, so that images stay together.
            values.resize(values.len() + (across - line.len()) * hidden.len(), 0.0);
        }
    }
    let picture = figures::tiles((rows, columns), across, &values)?;
    let large = figures::enlarged(&picture);
    folder.write("completed.png", &output::png(large.width, large.height, &large.pixels)?)?;
    let mut extra = vec![folder.file("completed.png")];
    o.figure(Figure::image(
        "completed",
        "Completed images",
        &format!(
            "Three lines belong together: test images, the same with a part hidden (grey), and what the machine puts there: means over {} sweeps after {} of falling temperature.",
            args.draw.reads, args.draw.sweeps
        ),
        picture.width,
        picture.height,
        picture.pixels,
    ));
    if let Some(file) = &args.on.run.series {
        let columns = [
            series::Column {
                name: "label".into(),
                values: images.test_labels.iter().map(|l| f64::from(*l)).collect(),
            },
            series::Column { name: "hidden_right".into(), values: ours },
            series::Column { name: "hidden_right_of_mean_image".into(), values: means },
        ];
        series::write(file, &columns)?;
        extra.push(file.clone());
    }
    remove_checkpoints(&folder)?;
    output::remark(args.on.run.quiet, &format!("picture: {}", folder.file("completed.png").display()));
    finish("dbm inpaint", &folder, &identity, &settled, seed, &o, &images.files, extra, args.on.run.json)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_hidden() {
        let mask = |hidden: Hidden| -> String {
            let mask = hidden.mask(3, 4).unwrap();
            mask.iter().map(|h| if *h { 'x' } else { '.' }).collect()
        };
        assert_eq!(mask(Hidden::Left), "xx..xx..xx..");
        assert_eq!(mask(Hidden::Right), "..xx..xx..xx");
        assert_eq!(mask(Hidden::Top), "xxxx........");
        assert_eq!(mask(Hidden::Bottom), "....xxxxxxxx");
        assert_eq!(mask(Hidden::Rectangle([1, 2, 2, 1])), "......x...x.");
        let bad = Hidden::Rectangle([2, 0, 2, 1]).mask(3, 4).unwrap_err().to_string();
        assert!(bad.contains("--hide 2,0,2,1: rows 2 to 3") && bad.contains("3 x 4"), "{bad}");
        assert!(Hidden::Top.mask(1, 4).is_err());
    }
}
