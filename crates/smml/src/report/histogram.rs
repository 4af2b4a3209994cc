//! Histograms whose bins suit the values: where values lie on a grid (energies of spins, cuts of graphs) every bin holds
//! the same number of grid points, else it would show steps that are not there.

/// Centres and counts of at most `most` bins, all of one width, empty ones too; nothing for no values or one that is not
/// finite.
pub(crate) fn bins(values: &[f64], most: usize) -> Vec<(f64, f64)> {
    let Some(grid) = grid(values, most) else { return Vec::new() };
    counts(values, grid)
}

/// Of several sets of values the fractions of each in bins that all have in common, as [`bins`] of all values together;
/// nothing for a set with a value that is not finite.
pub(crate) fn fractions(sets: &[&[f64]], most: usize) -> Vec<Vec<(f64, f64)>> {
    let finite = |set: &[f64]| set.iter().all(|x| x.is_finite());
    let all: Vec<f64> = sets.iter().filter(|s| finite(s)).flat_map(|s| s.iter().copied()).collect();
    let Some(grid) = grid(&all, most) else { return vec![Vec::new(); sets.len()] };
    let of = |set: &&[f64]| {
        if !finite(set) {
            return Vec::new();
        }
        let n = set.len().max(1) as f64;
        counts(set, grid).into_iter().map(|(x, k)| (x, k / n)).collect()
    };
    sets.iter().map(of).collect()
}

/// Centres and counts of bins.
fn counts(values: &[f64], (start, width, n): (f64, f64, usize)) -> Vec<(f64, f64)> {
    let mut counts = vec![0.0; n];
    for v in values {
        counts[(((v - start) / width) as usize).min(n - 1)] += 1.0;
    }
    counts.into_iter().enumerate().map(|(k, c)| (start + (k as f64 + 0.5) * width, c)).collect()
}

/// Where bins start, how wide they are, and how many there are; of equal values a single one.
fn grid(values: &[f64], most: usize) -> Option<(f64, f64, usize)> {
    if values.is_empty() || values.iter().any(|v| !v.is_finite()) {
        return None;
    }
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (low, high) = (sorted[0], sorted[sorted.len() - 1]);
    let range = high - low;
    if !(range > 0.0 && range.is_finite()) {
        return Some((low - 0.5, 1.0, 1));
    }
    // The smallest step between different values, where rounding is not one.
    let rounding = 1e-9 * range;
    let gap = sorted.windows(2).map(|w| w[1] - w[0]).filter(|g| *g > rounding).fold(range, f64::min);
    let least = range / most as f64;
    let on_grid = sorted.windows(2).all(|w| {
        let steps = (w[1] - w[0]) / gap;
        (steps - steps.round()).abs() < 1e-3 * steps.max(1.0)
    });
    let points = (range / gap).round();
    let (width, start) = if on_grid && points < 1e9 {
        // A bin more than asked for would not fit: the last grid point needs a place too.
        let per_bin = ((points + 1.0) / most as f64).ceil().max(1.0);
        (per_bin * gap, low - 0.5 * gap)
    } else {
        // A hair wider, so that the largest value falls into the last bin.
        (least * (1.0 + 1e-9), low)
    };
    Some((start, width, (((high - start) / width).floor() as usize + 1).min(most)))
}

/// As [`bins`], with densities, whose bars together have the area 1.
pub(crate) fn density(values: &[f64], most: usize) -> Vec<(f64, f64)> {
    let bins = bins(values, most);
    let [first, second, ..] = bins[..] else { return Vec::new() };
    let area = (second.0 - first.0) * values.len() as f64;
    bins.into_iter().map(|(x, n)| (x, n / area)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grids_and_continua() {
        // Ten grid points a number of times each: no more bins than points, all alike.
        let grid: Vec<f64> = (0..1000).map(|i| -2.0 + 0.4 * f64::from(i % 10)).collect();
        for most in [10, 12, 40] {
            let found = bins(&grid, most);
            assert_eq!(found.len(), 10);
            assert!(found.iter().all(|b| b.1 == 100.0), "{found:?}");
            assert!((found[0].0 + 2.0).abs() < 1e-9 && (found[9].0 - 1.6).abs() < 1e-9, "{found:?}");
        }
        let five = bins(&grid, 5);
        assert!(five.len() == 5 && five.iter().all(|b| b.1 == 200.0), "{five:?}");
        // Holes are shown.
        assert_eq!(bins(&[1.0, 1.0, 4.0, 3.0], 60), [(1.0, 2.0), (2.0, 0.0), (3.0, 1.0), (4.0, 1.0)]);
        assert_eq!(bins(&[2.0; 5], 60), [(2.0, 5.0)]);
        assert!(bins(&[], 60).is_empty() && bins(&[f64::NAN], 60).is_empty());
        // Common bins: the second set is all in the last of ten.
        let common = fractions(&[&grid, &[1.6, 1.6], &[]], 10);
        assert!(common[0].iter().zip(&common[1]).all(|(a, b)| a.0 == b.0 && (a.1 - 0.1).abs() < 1e-12));
        assert_eq!(common[1].iter().map(|b| b.1).collect::<Vec<_>>()[8..], [0.0, 1.0]);
        assert!(common[2].iter().all(|b| b.1 == 0.0) && fractions(&[&[], &[]], 10) == [[], []]);
        let smooth: Vec<f64> = (0..997).map(|i| (f64::from(i) * 0.37).sin()).collect();
        let found = bins(&smooth, 40);
        assert_eq!((found.len(), found.iter().map(|b| b.1).sum::<f64>()), (40, 997.0));
        let found = density(&smooth, 40);
        let area = found.iter().map(|b| b.1).sum::<f64>() * (found[1].0 - found[0].0);
        assert!((area - 1.0).abs() < 1e-12, "{area}");
    }
}
