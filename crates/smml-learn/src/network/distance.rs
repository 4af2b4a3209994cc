//! How far drawn images are from real ones, as a network sees them.

use crate::error::{Error, Result};
use smml_core::{
    Estimate,
    parallel::{self, Par},
};

/// Parts of the rows, of which each gives an estimate.
const PARTS: usize = 10;

/// The squared maximum mean discrepancy of two sets of feature vectors (rows of `width` numbers), with the kernel
/// k(x, y) = (x · y / width + 1)³: ⟨k(x, x')⟩ + ⟨k(y, y')⟩ - 2 ⟨k(x, y)⟩ over pairs of different rows. Of the hidden units
/// of a classifier this is the kernel (inception) distance of Bińkowski et al. (2018): 0 where both sets come from one
/// distribution, and unlike a share of images that are recognised it also grows where variety is missing.
///
/// Unbiased (so values below 0 occur): the mean over ten parts of the rows, every tenth row in one, with its error.
///
/// Errors: incomplete rows, fewer than 20 rows, a width of 0.
///
/// ```
/// use smml_core::{parallel::Par, rng::{Draw, Streams}};
/// use smml_learn::network::kernel_distance;
/// let mut rng = Streams::new(1).stream("doc", 0);
/// let mut normal = |mean: f64| (0..4000).map(|_| mean + rng.normal()).collect::<Vec<f64>>();
/// let (a, b, c) = (normal(0.0), normal(0.0), normal(0.5));
/// let same = kernel_distance(&a, &b, 4, Par::Rayon)?;
/// let other = kernel_distance(&a, &c, 4, Par::Rayon)?;
/// assert!(same.value.abs() < 5.0 * same.std_error && other.value > 5.0 * other.std_error);
/// # Ok::<(), smml_learn::Error>(())
/// ```
pub fn kernel_distance(a: &[f64], b: &[f64], width: usize, par: Par) -> Result<Estimate> {
    if width == 0 {
        return Err(Error::out_of_range("width of a feature vector", 0, "at least 1"));
    }
    for features in [a, b] {
        if !features.len().is_multiple_of(width) {
            return Err(Error::length("features", features.len(), features.len() / width * width));
        }
        if features.len() / width < 2 * PARTS {
            let allowed = format!("at least {}", 2 * PARTS);
            return Err(Error::out_of_range("rows of features", features.len() / width, allowed));
        }
    }
    let part = |rows: &'_ [f64], k: usize| -> Vec<Vec<f64>> {
        rows.chunks_exact(width).skip(k).step_by(PARTS).map(<[f64]>::to_vec).collect()
    };
    let kernel = |x: &[f64], y: &[f64]| {
        let k = x.iter().zip(y).map(|(x, y)| x * y).sum::<f64>() / width as f64 + 1.0;
        k * k * k
    };
    let within = |rows: &[Vec<f64>]| {
        let sum: f64 =
            rows.iter().enumerate().flat_map(|(i, x)| rows[..i].iter().map(move |y| kernel(x, y))).sum();
        2.0 * sum / (rows.len() * (rows.len() - 1)) as f64
    };
    let parts = parallel::map(par, PARTS, |k| {
        let (x, y) = (part(a, k), part(b, k));
        let between: f64 = x.iter().flat_map(|x| y.iter().map(move |y| kernel(x, y))).sum();
        within(&x) + within(&y) - 2.0 * between / (x.len() * y.len()) as f64
    });
    Ok(Estimate::from_independent(&parts)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of one-hot vectors the kernel has two values: e on the same axis and 1 on another.
    #[test]
    fn vectors_of_the_axes_have_a_closed_form() {
        let axis = |k: usize| (0..2).map(move |i| f64::from(i == k));
        // All x on the first axis; of y every part has 5 rows on either.
        let x: Vec<f64> = (0..100).flat_map(|_| axis(0)).collect();
        let y: Vec<f64> = (0..100).flat_map(|k| axis(k / 50)).collect();
        let same = 1.5f64.powi(3);
        // Of y: pairs of rows on one axis are 2·5·4 of 90.
        let want = same + (40.0 * same + 50.0) / 90.0 - 2.0 * (0.5 * same + 0.5);
        let found = kernel_distance(&x, &y, 2, Par::Serial).unwrap();
        assert!((found.value - want).abs() < 1e-12, "{found} {want}");
        assert_eq!(found, kernel_distance(&x, &y, 2, Par::Rayon).unwrap());
        for (a, b, width) in [(&x[..38], &y[..], 2), (&x[..99], &y[..], 2), (&x[..], &y[..], 0)] {
            assert!(kernel_distance(a, b, width, Par::Serial).is_err());
        }
    }
}
