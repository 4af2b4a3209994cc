//! Pictures and tables of the reports of `smml dbm`.

use super::{keep::Epoch, network::Network};
use crate::{
    args::Dataset,
    error::Failure,
    report::figure::{Axis, Figure, Series, Style},
    reproduce::check::Outcome,
};
use smml_core::Estimate;
use smml_learn::{
    ebm::{GrayImage, Grid},
    network::Confusion,
};

/// Fewest pixels across a picture that is meant to be looked at.
const WIDE: usize = 600;

/// The learning curves.
pub(super) fn curves(o: &mut Outcome, epochs: &[Epoch], sweeps: u32) {
    let points: Vec<(f64, Estimate)> =
        epochs.iter().enumerate().map(|(k, e)| ((k + 1) as f64, e.held_out)).collect();
    let Some((_, first)) = points.first() else { return };
    o.figure(Figure::plot(
        "learning-curve",
        "Learning curve",
        &format!(
            "Accuracy on {} training images that were held out, by {sweeps} sweeps an image, with its error from the choice of images.",
            first.n_eff
        ),
        Axis::linear("epoch"),
        Axis::linear("accuracy"),
        vec![Series { style: Style::LinePoints, ..Series::measured("held-out images", &points) }],
    ));
    let losses: Vec<(f64, Estimate)> =
        epochs.iter().enumerate().filter_map(|(k, e)| Some(((k + 1) as f64, e.loss?))).collect();
    if !losses.is_empty() {
        o.figure(Figure::plot(
            "cross-entropy",
            "Cross-entropy of the training images",
            "Of the classes that are read after the unrolled sweeps, each image with the parameters of its step: the mean over the batches \
             of an epoch, with its error.",
            Axis::linear("epoch"),
            Axis::linear("cross-entropy"),
            vec![Series { style: Style::LinePoints, ..Series::measured("training images", &losses) }],
        ));
    }
    let of = |name: &str, f: &dyn Fn(&Epoch) -> f64| {
        let points = epochs.iter().enumerate().map(|(k, e)| ((k + 1) as f64, f(e))).collect();
        Series::new(name, Style::Line, points)
    };
    o.figure(Figure::plot(
        "parameters",
        "Size of the parameters",
        "Root mean squares of couplings and fields after each epoch.",
        Axis::linear("epoch"),
        Axis::linear("root mean square"),
        vec![of("couplings", &|e| e.coupling), of("fields", &|e| e.field)],
    ));
}

/// What was taken for what, as a table; and the accuracy on each class.
pub(super) fn confusion(
    o: &mut Outcome,
    dataset: Dataset,
    found: &Confusion,
    what: &str,
) -> Result<(), Failure> {
    let n = found.n_classes();
    let total = |label: usize| (0..n).map(|c| found.count(label, c)).sum::<u64>();
    for label in (0..n).filter(|l| total(*l) > 0) {
        o.reported(format!("accuracy on class {}", dataset.class_name(label)), found.recall(label)?);
    }
    let mut head = vec![String::new()];
    head.extend((0..n).map(|c| c.to_string()));
    let head: Vec<&str> = head.iter().map(String::as_str).collect();
    let (mut rows, mut shades) = (Vec::new(), Vec::new());
    for label in 0..n {
        let counts = (0..n).map(|c| found.count(label, c));
        rows.push(
            [dataset.class_name(label)].into_iter().chain(counts.clone().map(|k| k.to_string())).collect(),
        );
        // The square root shows rare mistakes too.
        shades.push(counts.map(|k| 0.6 * (k as f64 / total(label).max(1) as f64).sqrt()).collect());
    }
    let caption = format!("{what}: true classes downward, classes of the machine across.");
    o.figure(Figure::table("confusion", "Confusion matrix", &caption, &head, rows).shaded(shades));
    Ok(())
}

/// Images as tiles, `across` of them side by side, enlarged.
pub(super) fn tiles(
    (rows, columns): (usize, usize),
    across: usize,
    values: &[f32],
) -> Result<GrayImage, Failure> {
    Ok(Grid { across, ..Grid::square(rows, columns, across) }.tile(values)?)
}

/// The same picture with every pixel as a square of some pixels, so that it can be looked at.
pub(super) fn enlarged(picture: &GrayImage) -> GrayImage {
    let by = WIDE.div_ceil(picture.width.max(1)).clamp(1, 16);
    let mut pixels = Vec::with_capacity(picture.pixels.len() * by * by);
    for row in picture.pixels.chunks(picture.width.max(1)) {
        let wide: Vec<u8> = row.iter().flat_map(|p| std::iter::repeat_n(*p, by)).collect();
        (0..by).for_each(|_| pixels.extend_from_slice(&wide));
    }
    GrayImage { width: picture.width * by, height: picture.height * by, pixels }
}

/// This network beside the published one.
pub(super) fn comparison(
    o: &mut Outcome,
    network: &Network,
    dataset: Dataset,
    accuracy: Option<(Estimate, u32)>,
    generated: Option<Estimate>,
) {
    let layout = network.model.layout();
    let count = |n: usize| grouped(n as u64);
    let measured = |e: Option<Estimate>| e.map_or("not measured".to_string(), |e| e.to_string());
    let sweeps = accuracy.map_or("not measured".into(), |(_, s)| count(s as usize));
    let rows = [
        ["graph", &network.name(), "Pegasus P14"],
        ["p-bits", &count(layout.n_nodes()), "4,264"],
        ["hidden p-bits", &count(layout.n_hidden()), "3,430"],
        ["couplings", &count(network.model.couplings().len()), "30,404"],
        ["number format", &network.saved.format.to_string(), "s{4}{5}"],
        ["sweeps an image to classify", &sweeps, "100,000"],
        [
            "test accuracy",
            &measured(accuracy.map(|(e, _)| e)),
            if dataset == Dataset::Mnist {
                "0.90 as claimed; 0.883(20) measured from its weights"
            } else {
                "unknown"
            },
        ],
        ["drawn images of the wanted class", &measured(generated), "shown, not counted"],
    ];
    let known = rows.len() - usize::from(generated.is_none());
    let rows = rows[..known].iter().map(|row| row.map(str::to_string).to_vec()).collect();
    o.figure(Figure::table(
        "comparison",
        "Beside the published machine",
        "Published: Niazi and others 2024, arXiv:2303.10728, trained on MNIST; its accuracy from its weights after epoch 100 was \
         measured on 256 test images by a sampler in 16 bits. Softmax regression reaches 0.924 on MNIST with 7,850 parameters.",
        &["", "this network", "published"],
        rows,
    ));
}

/// A whole number in groups of three digits.
fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (k, digit) in digits.chars().enumerate() {
        if k > 0 && (digits.len() - k).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_pictures_enlarged() {
        assert_eq!(
            ["0", "999", "1,000", "30,404", "1,234,567"],
            [0, 999, 1000, 30_404, 1_234_567].map(grouped)[..]
        );
        let picture = GrayImage { width: 300, height: 1, pixels: (0..300).map(|k| (k % 7) as u8).collect() };
        let large = enlarged(&picture);
        assert_eq!((large.width, large.height), (600, 2));
        assert!((0..1200).all(|k| large.pixels[k] == picture.pixels[k % 600 / 2]));
    }
}
