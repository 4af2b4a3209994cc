//! Two discrete variables seen together: tables of counts, information gain, mutual information with its error, and tests
//! of independence.

use super::{
    entropy::entropy_of,
    estimators::{EntropyEstimator, Profile, estimate, jackknife_variance},
    to_bits, x_ln_x,
};
use crate::{
    distribution::{ChiSquared, Distribution},
    error::{Error, Result, same_length},
    estimate::Estimate,
    parallel::{self, Par},
    rng::{Draw, Streams},
};
use std::collections::BTreeMap;

/// How often each pair of values was seen. Only pairs that occur take memory.
///
/// ```
/// use smml_core::information::CountTable;
/// // The outlook and whether tennis was played, 14 days (Quinlan 1986): rows sunny, overcast, rain; columns yes, no.
/// let table = CountTable::new(&[2, 3, 4, 0, 3, 2], 3, 2)?;
/// assert!((table.information_gain_bits() - 0.246_750).abs() < 1e-6);
/// # Ok::<(), smml_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountTable {
    /// (row, column, count > 0), in order.
    cells: Vec<(usize, usize, u64)>,
    rows: Vec<u64>,
    columns: Vec<u64>,
    total: u64,
}

impl CountTable {
    /// A full table, row-major. Empty rows and columns are allowed: they are values that did not occur.
    pub fn new(counts: &[u64], n_rows: usize, n_columns: usize) -> Result<Self> {
        let expected = n_rows.checked_mul(n_columns).filter(|n| *n > 0);
        let Some(expected) = expected else {
            return Err(Error::out_of_range("shape", format!("{n_rows} x {n_columns}"), "at least 1 x 1"));
        };
        same_length("the table", counts.len(), expected)?;
        let cells = counts.iter().enumerate().filter(|(_, n)| **n > 0);
        CountTable::from_cells(
            cells.map(|(i, &n)| (i / n_columns, i % n_columns, n)).collect(),
            n_rows,
            n_columns,
        )
    }

    /// Counts pairs of labels of any ordered types: `x` gives the rows, `y` the columns, both in rising order.
    pub fn from_samples<X: Ord, Y: Ord>(x: &[X], y: &[Y]) -> Result<Self> {
        same_length("y", y.len(), x.len())?;
        let ((x, n_rows), (y, n_columns)) = (numbered(x), numbered(y));
        let mut pairs: Vec<(usize, usize)> = x.into_iter().zip(y).collect();
        pairs.sort_unstable();
        let cells =
            pairs.chunk_by(|a, b| a == b).map(|group| (group[0].0, group[0].1, group.len() as u64)).collect();
        CountTable::from_cells(cells, n_rows, n_columns)
    }

    fn from_cells(cells: Vec<(usize, usize, u64)>, n_rows: usize, n_columns: usize) -> Result<Self> {
        let total = cells.iter().try_fold(0u64, |sum, c| sum.checked_add(c.2)).filter(|n| *n < 1 << 53);
        let total = match total {
            None => return Err(Error::out_of_range("sum of the counts", "2^53 or more", "below 2^53")),
            Some(0) => return Err(Error::TooShort { have: 0, needed: 1 }),
            Some(total) => total,
        };
        let (mut rows, mut columns) = (vec![0; n_rows], vec![0; n_columns]);
        for &(i, j, n) in &cells {
            rows[i] += n;
            columns[j] += n;
        }
        Ok(CountTable { cells, rows, columns, total })
    }

    /// Number of samples.
    pub fn total(&self) -> u64 {
        self.total
    }
    /// Counts of the row variable.
    pub fn rows(&self) -> &[u64] {
        &self.rows
    }
    /// Counts of the column variable.
    pub fn columns(&self) -> &[u64] {
        &self.columns
    }

    /// The information gain IG = H(Y) - H(Y|A) in nats, Y being the column variable and A, the attribute, the row
    /// variable: by how much the entropy of Y in this very table falls when the table is split into its rows.
    ///
    /// It is the mutual information of the observed frequencies, so it is biased upwards as an estimate for the source
    /// of the data (see [`CountTable::mutual_information`]), and favours attributes with many values.
    pub fn information_gain(&self) -> f64 {
        let n = self.total as f64;
        let parts = self.cells.iter().map(|&(i, j, c)| {
            c as f64 * libm::log(c as f64 / self.rows[i] as f64 * (n / self.columns[j] as f64))
        });
        (parts.sum::<f64>() / n).max(0.0)
    }

    /// [`CountTable::information_gain`] in bits.
    pub fn information_gain_bits(&self) -> f64 {
        to_bits(self.information_gain())
    }

    /// The gain ratio of decision trees (C4.5), information gain over the entropy of the split itself; 0 when there is
    /// only one row.
    pub fn gain_ratio(&self) -> f64 {
        let split = entropy_of(&self.rows.iter().map(|&n| n as f64).collect::<Vec<_>>(), self.total as f64);
        if split > 0.0 { self.information_gain() / split } else { 0.0 }
    }

    /// The mutual information I(X;Y) = H(X) + H(Y) - H(X,Y) in nats, each entropy by `estimator`; the error is that of the
    /// jackknife over samples. A corrected estimate may be negative, by about its error, when the variables are
    /// independent. Whether there is any dependence at all is a question for [`independence_test`].
    ///
    /// Errors: [`Error::TooShort`] for fewer than two samples.
    pub fn mutual_information(&self, estimator: EntropyEstimator) -> Result<Estimate> {
        let joint: Vec<u64> = self.cells.iter().map(|c| c.2).collect();
        // Estimators that count zeros must know that every pair of values is possible.
        let pairs = self.rows.len() as u64 * self.columns.len() as u64;
        let parts = [
            (1.0, Profile::new(&self.rows)?),
            (1.0, Profile::new(&self.columns)?),
            (-1.0, Profile::new(&joint)?.with_values(pairs)),
        ];
        Ok(combination(
            &parts,
            estimator,
            self.cells.iter().map(|&(i, j, c)| [self.rows[i], self.columns[j], c]),
        ))
    }
}

/// The conditional mutual information I(X;Y|Z) = H(X,Z) + H(Y,Z) - H(Z) - H(X,Y,Z) in nats, from independent samples of
/// three discrete variables: what X and Y tell about each other when Z is known. Each entropy by `estimator`, the error by
/// the jackknife, as in [`CountTable::mutual_information`]. With x the past of one series, y the present of another and z
/// the past of the latter, it is the transfer entropy.
///
/// Errors: lengths that differ, fewer than two samples.
pub fn conditional_mutual_information<X: Ord, Y: Ord, Z: Ord>(
    x: &[X],
    y: &[Y],
    z: &[Z],
    estimator: EntropyEstimator,
) -> Result<Estimate> {
    same_length("y", y.len(), x.len())?;
    same_length("z", z.len(), x.len())?;
    let [(x, nx), (y, ny), (z, nz)] = [numbered(x), numbered(y), numbered(z)];
    let counts_of = |key: &dyn Fn(usize) -> [usize; 3]| {
        let mut counts: BTreeMap<[usize; 3], u64> = BTreeMap::new();
        (0..x.len()).for_each(|i| *counts.entry(key(i)).or_insert(0) += 1);
        counts
    };
    let xz = counts_of(&|i| [x[i], 0, z[i]]);
    let yz = counts_of(&|i| [0, y[i], z[i]]);
    let only_z = counts_of(&|i| [0, 0, z[i]]);
    let all = counts_of(&|i| [x[i], y[i], z[i]]);
    let profile = |counts: &BTreeMap<_, u64>, values: [usize; 3]| {
        let counts: Vec<u64> = counts.values().copied().collect();
        let values = values.iter().fold(1u64, |product, &n| product.saturating_mul(n as u64));
        Profile::new(&counts).map(|p| p.with_values(values))
    };
    let parts = [
        (1.0, profile(&xz, [nx, 1, nz])?),
        (1.0, profile(&yz, [1, ny, nz])?),
        (-1.0, profile(&only_z, [1, 1, nz])?),
        (-1.0, profile(&all, [nx, ny, nz])?),
    ];
    let cells = all.iter().map(|(&[x, y, z], &c)| [xz[&[x, 0, z]], yz[&[0, y, z]], only_z[&[0, 0, z]], c]);
    Ok(combination(&parts, estimator, cells))
}

/// A sum of entropies with signs. `cells` holds, for each combination of values that was seen, its count in each part; the
/// last part is the finest, whose counts are the numbers of samples.
fn combination<const N: usize>(
    parts: &[(f64, Profile); N],
    estimator: EntropyEstimator,
    cells: impl Iterator<Item = [u64; N]> + Clone,
) -> Estimate {
    let value = parts.iter().map(|(sign, p)| sign * p.entropy(estimator)).sum();
    let left_out: Vec<Vec<(u64, f64)>> = parts.iter().map(|(_, p)| p.left_out(estimator)).collect();
    let without = |counts: [u64; N]| {
        let at = |k: usize| {
            // Every count of a part is in its table.
            left_out[k].binary_search_by_key(&counts[k], |x| x.0).map_or(f64::NAN, |i| left_out[k][i].1)
        };
        (counts[N - 1] as f64, (0..N).map(|k| parts[k].0 * at(k)).sum::<f64>())
    };
    // Near independence 2 n I follows χ², whose variance is of second order.
    let second_order: f64 = parts.iter().map(|(sign, p)| -sign * p.second_order(estimator)).sum();
    let variance = jackknife_variance(cells.map(without), second_order.max(0.0))
        + parts.iter().map(|(_, p)| p.parity_variance(estimator)).sum::<f64>();
    let n = parts[N - 1].1.n;
    estimate(value, variance.sqrt(), n as f64 - 1.0, n)
}

/// Each item as its rank among the different items, and how many there are.
fn numbered<T: Ord>(items: &[T]) -> (Vec<usize>, usize) {
    let mut order: Vec<usize> = (0..items.len()).collect();
    order.sort_by(|&a, &b| items[a].cmp(&items[b]));
    let mut ranks = vec![0; items.len()];
    let mut rank = 0;
    for (k, &i) in order.iter().enumerate() {
        if k > 0 && items[order[k - 1]] != items[i] {
            rank += 1;
        }
        ranks[i] = rank;
    }
    (ranks, if items.is_empty() { 0 } else { rank + 1 })
}

/// What [`independence_test`] found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct IndependenceTest {
    /// The plug-in mutual information of the data, nats.
    pub mutual_information: f64,
    /// Its mean over the permutations: the bias that chance alone gives it.
    pub mean_under_independence: f64,
    /// The probability of a mutual information at least as large if the variables were independent, from the
    /// permutations: (1 + those at least as large) / (1 + permutations). Valid for any sample size.
    pub p_value: f64,
    /// The same from the asymptotic law, 2 n I ~ χ² with (rows - 1)(columns - 1) degrees of freedom (the G-test). Good
    /// only when most expected counts are 5 or more.
    pub p_value_asymptotic: f64,
    /// Number of permutations.
    pub n_permutations: usize,
}

/// Tests whether two discrete variables are independent, by permuting one against the other. The smallest p-value it can
/// give is 1 / (1 + `n_permutations`).
///
/// Permutation `i` draws from `streams.stream("permutation", i)`, so the result does not depend on the number of threads.
///
/// Errors: lengths that differ, no samples, no permutations.
pub fn independence_test<X: Ord, Y: Ord>(
    x: &[X],
    y: &[Y],
    n_permutations: usize,
    streams: &Streams,
    par: Par,
) -> Result<IndependenceTest> {
    let table = CountTable::from_samples(x, y)?;
    if n_permutations == 0 {
        return Err(Error::out_of_range("n_permutations", 0, "at least 1"));
    }
    let ((x, n_rows), (y, n_columns)) = (numbered(x), numbered(y));
    let n = x.len();
    // Sorted by x, the labels of a row lie together: a permutation of y is counted row by row.
    let mut pairs: Vec<(usize, usize)> = x.into_iter().zip(y).collect();
    pairs.sort_unstable();
    let labels: Vec<usize> = pairs.iter().map(|p| p.1).collect();
    let terms: Vec<f64> = (0..=n).map(|c| x_ln_x(c as f64)).collect();
    // Σ c ln c over the cells: the mutual information but for terms that no permutation changes.
    let statistic = |labels: &[usize]| {
        let mut counts = vec![0usize; n_columns];
        let (mut total, mut start) = (0.0, 0);
        for &row in &table.rows {
            let row = &labels[start..start + row as usize];
            start += row.len();
            row.iter().for_each(|&j| counts[j] += 1);
            for &j in row {
                total += terms[std::mem::take(&mut counts[j])];
            }
        }
        total
    };
    let observed = statistic(&labels);
    let permuted = parallel::map(par, n_permutations, |i| {
        let mut shuffled = labels.clone();
        streams.stream("permutation", i as u64).shuffle(&mut shuffled);
        statistic(&shuffled)
    });
    // Equal tables may differ in the order of the sum: rounding must not decide.
    let slack = 1e-11 * observed.abs().max(1.0);
    let at_least = permuted.iter().filter(|s| **s >= observed - slack).count();
    let constant: f64 = table.rows.iter().chain(&table.columns).map(|&c| terms[c as usize]).sum();
    let information = |s: f64| ((s - constant) / n as f64 + terms[n] / n as f64).max(0.0);
    let mean = permuted.iter().map(|&s| information(s)).sum::<f64>() / n_permutations as f64;
    let mutual_information = table.information_gain();
    let freedom = (n_rows - 1) as f64 * (n_columns - 1) as f64;
    // With no freedom there is nothing to find.
    let p_value_asymptotic =
        ChiSquared::new(freedom).map_or(1.0, |law| law.sf(2.0 * n as f64 * mutual_information));
    Ok(IndependenceTest {
        mutual_information,
        mean_under_independence: mean,
        p_value: (1 + at_least) as f64 / (1 + n_permutations) as f64,
        p_value_asymptotic,
        n_permutations,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use EntropyEstimator::*;
    use proptest::prelude::*;

    const TABLE: [u64; 12] = [12, 5, 3, 4, 9, 7, 2, 6, 14, 8, 8, 1];

    #[test]
    fn tennis() {
        let outlook =
            "sunny sunny overcast rain rain rain overcast sunny sunny rain sunny overcast overcast rain";
        let played = "no no yes yes yes no yes no yes yes yes yes yes no";
        let (x, y): (Vec<&str>, Vec<&str>) = (outlook.split(' ').collect(), played.split(' ').collect());
        let table = CountTable::from_samples(&x, &y).unwrap();
        assert_eq!((table.rows(), table.columns(), table.total()), (&[4, 5, 5][..], &[5, 9][..], 14));
        // sklearn.metrics.mutual_info_score / ln 2
        assert!((table.information_gain_bits() - 0.246_749_819_774_439_2).abs() < 1e-14);
        let h = crate::information::entropy_bits(&[9.0 / 14.0, 5.0 / 14.0]).unwrap();
        assert!((h - 0.940_285_958_670_631).abs() < 1e-14);
        // Quinlan's gain ratio of the outlook, 0.156.
        assert!((table.gain_ratio() - 0.156_427_562_421_175).abs() < 1e-12);
        let one_row = CountTable::new(&[3, 4], 1, 2).unwrap();
        assert_eq!((one_row.information_gain(), one_row.gain_ratio()), (0.0, 0.0));
    }

    #[test]
    fn mutual_information_of_a_table() {
        let table = CountTable::new(&TABLE, 4, 3).unwrap();
        // sklearn.metrics.mutual_info_score(None, None, contingency=table)
        let plug_in = table.mutual_information(PlugIn).unwrap();
        assert!((plug_in.value - 0.166_627_734_838_354).abs() < 1e-14);
        assert!((table.information_gain() - plug_in.value).abs() < 1e-14);
        // All cells are seen: Miller and Madow take away (rows - 1)(columns - 1) / 2n.
        let miller = table.mutual_information(MillerMadow).unwrap();
        assert!((plug_in.value - miller.value - 6.0 / (2.0 * 79.0)).abs() < 1e-14);
        for e in [Grassberger, ChaoShen, Shrinkage, Nsb] {
            let other = table.mutual_information(e).unwrap();
            assert!((other.value - miller.value).abs() < 3.0 * miller.std_error, "{e:?} {other}");
        }
        // The jackknife, sample by sample.
        let n = 79.0;
        let left_out: Vec<(f64, f64)> = (0..12)
            .map(|i| {
                let mut rest = TABLE;
                rest[i] -= 1;
                (TABLE[i] as f64, CountTable::new(&rest, 4, 3).unwrap().information_gain())
            })
            .collect();
        let mean = left_out.iter().map(|(w, v)| w * v).sum::<f64>() / n;
        let variance = left_out.iter().map(|(w, v)| w * (v - mean).powi(2)).sum::<f64>() * (n - 1.0) / n;
        let expected = variance - 6.0 / (2.0 * n * n);
        assert!((plug_in.raw_error().powi(2) / expected - 1.0).abs() < 1e-9);
    }

    /// Means of value, reported error and scatter over seeded samples of a joint distribution.
    fn study(p: &[f64], shape: (usize, usize), n: usize, e: EntropyEstimator, runs: usize) -> [f64; 3] {
        let found = parallel::map(Par::Rayon, runs, |r| {
            let mut rng = Streams::new(5).stream("mutual information study", r as u64);
            let mut counts = vec![0; p.len()];
            (0..n).for_each(|_| counts[rng.choose(p)] += 1);
            CountTable::new(&counts, shape.0, shape.1).unwrap().mutual_information(e).unwrap()
        });
        let mean = |f: &dyn Fn(&Estimate) -> f64| found.iter().map(f).sum::<f64>() / runs as f64;
        let value = mean(&|i| i.value);
        [value, mean(&|i| i.std_error), mean(&|i| (i.value - value).powi(2)).sqrt()]
    }

    #[test]
    fn bias_and_error_of_mutual_information() {
        let runs = 2000;
        // A noisy channel of three symbols, and independence.
        let noisy: Vec<f64> = (0..9).map(|i| if i / 3 == i % 3 { 0.25 } else { 0.25 / 6.0 }).collect();
        let free = vec![1.0 / 16.0; 16];
        for (p, shape) in [(noisy, (3, 3)), (free, (4, 4))] {
            let exact = crate::information::Joint::new(p.clone(), &[shape.0, shape.1]).unwrap();
            let exact = exact.mutual_information(&[0], &[1]).unwrap();
            for e in [MillerMadow, Grassberger] {
                let [value, error, scatter] = study(&p, shape, 400, e, runs);
                let gate = 5.0 * scatter / (runs as f64).sqrt();
                assert!((value - exact).abs() < gate + 0.1 * scatter, "{shape:?} {e:?}: {value} {exact}");
                assert!((0.85..1.35).contains(&(error / scatter)), "{shape:?} {e:?}: {error} {scatter}");
            }
            let [value, ..] = study(&p, shape, 400, PlugIn, runs);
            let first_order = ((shape.0 - 1) * (shape.1 - 1)) as f64 / 800.0;
            assert!(((value - exact) / first_order - 1.0).abs() < 0.2, "{value} {exact}");
        }
    }

    #[test]
    fn conditional_information_from_samples() {
        // A chain x - z - y leaves nothing, an exclusive or everything; plain dependence stays when z is a constant.
        let mut rng = Streams::new(6).stream("conditional", 0);
        let n = 5000;
        let bits = |rng: &mut crate::rng::Stream| -> Vec<usize> { (0..n).map(|_| rng.below(2)).collect() };
        let (x, y) = (bits(&mut rng), bits(&mut rng));
        let z: Vec<usize> = x.iter().zip(&y).map(|(a, b)| a ^ b).collect();
        let noisy: Vec<usize> = z.iter().map(|b| b ^ usize::from(rng.chance(0.1))).collect();
        let further: Vec<usize> = noisy.iter().map(|b| b ^ usize::from(rng.chance(0.1))).collect();
        for e in [MillerMadow, Grassberger] {
            let xor = conditional_mutual_information(&x, &y, &z, e).unwrap();
            assert!((xor.value - 2f64.ln()).abs() < 0.01, "{xor}");
            let chain = conditional_mutual_information(&z, &further, &noisy, e).unwrap();
            assert!(chain.z(0.0).abs() < 5.0 && chain.std_error < 1e-3, "{chain}");
            let plain = conditional_mutual_information(&z, &noisy, &vec![0; n], e).unwrap();
            let exact = 2f64.ln() - crate::information::entropy_nats(&[0.1, 0.9]).unwrap();
            assert!(plain.z(exact).abs() < 5.0 && plain.std_error < 0.02, "{plain} {exact}");
            let pair = CountTable::from_samples(&z, &noisy).unwrap().mutual_information(e).unwrap();
            assert!((pair.value - plain.value).abs() < 0.1 * plain.std_error);
        }
        // All of it against the plug-in of the joint table.
        let mut counts = [0u64; 8];
        (0..n).for_each(|i| counts[4 * x[i] + 2 * y[i] + noisy[i]] += 1);
        let joint = crate::information::Joint::from_counts(&counts, &[2, 2, 2]).unwrap();
        let exact = joint.conditional_mutual_information(&[0], &[1], &[2]).unwrap();
        let ours = conditional_mutual_information(&x, &y, &noisy, PlugIn).unwrap();
        assert!((ours.value - exact).abs() < 1e-12);
        assert!(conditional_mutual_information(&x, &y, &z[..9], PlugIn).is_err());
        assert!(conditional_mutual_information(&x[..1], &y[..1], &z[..1], PlugIn).is_err());
    }

    #[test]
    fn independence_test_against_exact_laws() {
        let streams = Streams::new(9);
        let expand = |of: &dyn Fn(usize) -> usize| -> Vec<usize> {
            TABLE.iter().enumerate().flat_map(|(i, &n)| vec![of(i); n as usize]).collect()
        };
        let (x, y) = (expand(&|i| i / 3), expand(&|i| i % 3));
        let test = independence_test(&x, &y, 999, &streams, Par::Serial).unwrap();
        assert!((test.mutual_information - 0.166_627_734_838_354).abs() < 1e-14);
        // scipy.stats.chi2_contingency(table, lambda_="log-likelihood", correction=False)
        assert!((test.p_value_asymptotic / 0.000_193_464_518_368_115_65 - 1.0).abs() < 1e-9);
        assert!(test.p_value <= 0.005);
        assert_eq!(independence_test(&x, &y, 999, &streams, Par::Rayon).unwrap(), test);
        // Fisher's exact law: of C(8,3) = 56 ways to place three ones among 4 + 4, 2·4 leave them on one side.
        let (x, y) = ([0, 0, 0, 0, 1, 1, 1, 1], [1, 1, 1, 0, 0, 0, 0, 0]);
        let n = 20_000;
        let test = independence_test(&x, &y, n, &streams, Par::Rayon).unwrap();
        let exact: f64 = 8.0 / 56.0;
        let z = (test.p_value - exact) / (exact * (1.0 - exact) / n as f64).sqrt();
        assert!(z.abs() < 5.0, "{} {exact}", test.p_value);
        // The mean over all placements: 8/56 of one information, 48/56 of the other.
        let information = |table: &[u64]| CountTable::new(table, 2, 2).unwrap().information_gain();
        let mean = exact * information(&[1, 3, 4, 0]) + (1.0 - exact) * information(&[2, 2, 3, 1]);
        assert!((test.mean_under_independence / mean - 1.0).abs() < 0.05);
        // Nothing to find in a constant.
        let test = independence_test(&[0; 8], &y, 99, &streams, Par::Serial).unwrap();
        assert_eq!((test.mutual_information, test.p_value, test.p_value_asymptotic), (0.0, 1.0, 1.0));
        assert!(independence_test(&x, &y[..7], 99, &streams, Par::Serial).is_err());
        assert!(independence_test(&x, &y, 0, &streams, Par::Serial).is_err());
        assert!(independence_test::<u8, u8>(&[], &[], 9, &streams, Par::Serial).is_err());
    }

    #[test]
    fn permutation_p_values_are_uniform_under_independence() {
        // At level 0.1, exactly 0.1 of 199 permutations + the data, less what ties take away.
        let runs = 1000;
        let rejected: usize = parallel::map(Par::Rayon, runs, |r| {
            let root = Streams::new(4).child("level", r as u64);
            let mut rng = root.stream("data", 0);
            let x: Vec<usize> = (0..60).map(|_| rng.below(6)).collect();
            let y: Vec<usize> = (0..60).map(|_| rng.below(7)).collect();
            usize::from(independence_test(&x, &y, 199, &root, Par::Serial).unwrap().p_value <= 0.1)
        })
        .into_iter()
        .sum();
        let z = (rejected as f64 - 0.1 * runs as f64) / (0.09 * runs as f64).sqrt();
        assert!(z.abs() < 5.0, "{rejected} of {runs}");
    }

    #[test]
    fn bad_tables() {
        assert!(CountTable::new(&[], 0, 3).is_err() && CountTable::new(&[0; 4], 2, 2).is_err());
        assert!(matches!(CountTable::new(&[1; 5], 2, 3), Err(Error::Length { found: 5, expected: 6, .. })));
        assert!(CountTable::new(&[1], usize::MAX, 2).is_err());
        assert!(CountTable::new(&[u64::MAX, 1], 1, 2).is_err());
        assert!(CountTable::new(&[1, 0], 1, 2).unwrap().mutual_information(PlugIn).is_err());
        assert!(CountTable::from_samples(&[1, 2], &["a"]).is_err());
        let empty: [u8; 0] = [];
        assert!(CountTable::from_samples(&empty, &empty).is_err());
    }

    proptest! {
        #[test]
        fn samples_and_tables_agree(pairs in prop::collection::vec((0u8..4, 0i32..3), 2..60)) {
            let (x, y): (Vec<u8>, Vec<i32>) = pairs.iter().copied().unzip();
            let table = CountTable::from_samples(&x, &y).unwrap();
            let mut full = vec![0; 12];
            pairs.iter().for_each(|&(a, b)| full[3 * a as usize + b as usize] += 1);
            let joint = crate::information::Joint::from_counts(&full, &[4, 3]).unwrap();
            let exact = joint.mutual_information(&[0], &[1]).unwrap();
            prop_assert!((table.information_gain() - exact).abs() < 1e-13);
            for e in [PlugIn, MillerMadow, Grassberger, ChaoShen] {
                // Values that did not occur make no difference to these.
                let [a, b] = [&table, &CountTable::new(&full, 4, 3).unwrap()].map(|t| t.mutual_information(e).unwrap());
                prop_assert!((a.value - b.value).abs() < 1e-12 && (a.std_error - b.std_error).abs() < 1e-12);
                prop_assert!(a.std_error.is_finite());
            }
        }
    }
}
