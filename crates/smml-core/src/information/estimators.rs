//! Entropies from samples and counts, with their errors.
//!
//! The plug-in entropy of n samples of K values is low by about (K - 1) / 2n, which is worse than useless when n < K.
//! Which estimator to take, from simulations (the tests of this module repeat them):
//! - n much larger than K: any; [`EntropyEstimator::MillerMadow`] is the simplest that has no bias to first order;
//! - n near K: [`EntropyEstimator::Grassberger`], or [`EntropyEstimator::Nsb`] when K is known;
//! - n below K: [`EntropyEstimator::ChaoShen`] when K is unknown, [`EntropyEstimator::Nsb`] when it is known. No estimator is
//!   unbiased here, and error bars say how much the estimate would scatter, not how far off it may be.

use super::{nsb::nsb, x_ln_x};
use crate::{
    distribution::digamma,
    error::{Error, Result},
    estimate::{Estimate, Source},
};

/// Ways to estimate an entropy from counts.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EntropyEstimator {
    /// The entropy of the observed frequencies: biased low.
    PlugIn,
    /// Plug-in plus (K₊ - 1) / 2n, K₊ being the number of values seen (Miller 1955).
    MillerMadow,
    /// ln n - Σ nᵢ G(nᵢ) / n with G(n) = ψ(n) + ½ (-1)ⁿ [ψ((n+1)/2) - ψ(n/2)] (Grassberger, arXiv:physics/0307138, 2003
    /// and 2008).
    #[default]
    Grassberger,
    /// Frequencies scaled by the estimated coverage 1 - f₁/n, each term weighted by its chance of being seen (Chao and
    /// Shen, Environ. Ecol. Stat. 10, 429 (2003)). f₁ is the number of values seen once.
    ChaoShen,
    /// Frequencies drawn towards uniform by the James-Stein weight (Hausser and Strimmer, JMLR 10, 1469 (2009)). Needs
    /// the true number of values: zeros in the list of counts count.
    Shrinkage,
    /// The posterior mean under a mixture of Dirichlet priors that is nearly flat in the entropy (Nemenman, Shafee and
    /// Bialek, NIPS 14 (2002)); its error is the posterior standard deviation. Needs the true number of values: zeros in
    /// the list of counts count.
    Nsb,
}

/// The counts of the different values in `samples`, in the order of the values.
pub fn count_values<T: Ord>(samples: &[T]) -> Vec<u64> {
    let mut sorted: Vec<&T> = samples.iter().collect();
    sorted.sort_unstable();
    sorted.chunk_by(|a, b| a == b).map(|group| group.len() as u64).collect()
}

/// [`entropy_from_counts`] of independent samples of any ordered type. Values that do not occur are not known, which
/// [`EntropyEstimator::Shrinkage`] and [`EntropyEstimator::Nsb`] would need: count yourself and add zeros for them.
pub fn entropy_from_samples<T: Ord>(samples: &[T], estimator: EntropyEstimator) -> Result<Estimate> {
    entropy_from_counts(&count_values(samples), estimator)
}

/// The entropy in nats of the distribution that independent samples came from, given how often each value occurred.
///
/// The error is that of the jackknife over samples, corrected to second order (where a distribution is near uniform the
/// entropy is stationary, and the plain jackknife gives √2 times too much); for [`EntropyEstimator::Nsb`] it is the posterior
/// standard deviation. It measures scatter: with far fewer samples than values the bias is larger. Shrinkage that has
/// decided for uniform has no scatter and reports an error of 0. Samples of a chain are not independent: thin them
/// first, or the error is too small.
///
/// Errors: [`Error::TooShort`] for fewer than two samples.
///
/// ```
/// use smml_core::information::{EntropyEstimator, entropy_from_counts};
/// let h = entropy_from_counts(&[12, 7, 9, 11, 10, 8], EntropyEstimator::Grassberger)?;
/// assert!(h.z(6f64.ln()).abs() < 3.0);
/// # Ok::<(), smml_core::Error>(())
/// ```
pub fn entropy_from_counts(counts: &[u64], estimator: EntropyEstimator) -> Result<Estimate> {
    let profile = Profile::new(counts)?;
    let ((value, raw_error), dof) = match estimator {
        // A posterior has a width, not degrees of freedom.
        EntropyEstimator::Nsb => (nsb(&profile), f64::MAX),
        _ => (profile.jackknife(estimator), profile.n as f64 - 1.0),
    };
    Ok(estimate(value, raw_error, dof, profile.n))
}

pub(crate) fn estimate(value: f64, raw_error: f64, dof: f64, n: u64) -> Estimate {
    let source = if raw_error > 0.0 { Source::Independent } else { Source::Constant };
    Estimate::with_dof(value, raw_error, dof, n as f64, source)
}

/// How many values were seen how often: all that a symmetric estimator needs to know. There are at most √(2n) different
/// counts, so leaving out each sample in turn costs O(n) at worst.
#[derive(Clone, Debug)]
pub(crate) struct Profile {
    /// (count, how many values have it), counts rising and above 0.
    groups: Vec<(u64, u64)>,
    /// Number of samples.
    pub(crate) n: u64,
    /// Number of values, seen or not.
    pub(crate) values: u64,
}

impl Profile {
    pub(crate) fn new(counts: &[u64]) -> Result<Self> {
        let n = counts.iter().try_fold(0u64, |sum, &c| sum.checked_add(c)).filter(|n| *n < 1 << 53);
        let Some(n) = n else {
            return Err(Error::out_of_range("sum of the counts", "2^53 or more", "below 2^53"));
        };
        if n < 2 {
            return Err(Error::TooShort { have: n as usize, needed: 2 });
        }
        let mut sorted: Vec<u64> = counts.iter().copied().filter(|c| *c > 0).collect();
        sorted.sort_unstable();
        let groups = sorted.chunk_by(|a, b| a == b).map(|g| (g[0], g.len() as u64)).collect();
        Ok(Profile { groups, n, values: counts.len() as u64 })
    }

    /// The same counts, with the number of possible values given.
    pub(crate) fn with_values(self, values: u64) -> Self {
        Profile { values, ..self }
    }

    /// Sum of a term over all values that were seen.
    pub(crate) fn sum(&self, f: impl Fn(u64) -> f64) -> f64 {
        self.groups.iter().map(|&(c, m)| m as f64 * f(c)).sum()
    }

    /// How many different values were seen.
    pub(crate) fn seen(&self) -> u64 {
        self.groups.iter().map(|g| g.1).sum()
    }

    /// Without one sample of a value that was seen `count` times.
    fn without(&self, count: u64) -> Profile {
        let mut groups = Vec::with_capacity(self.groups.len() + 1);
        for &(c, m) in &self.groups {
            let left = if c == count { m - 1 } else { m };
            if c == count && count > 1 {
                match groups.last_mut() {
                    Some((below, m)) if *below == count - 1 => *m += 1,
                    _ => groups.push((count - 1, 1)),
                }
            }
            if left > 0 {
                groups.push((c, left));
            }
        }
        Profile { groups, n: self.n - 1, values: self.values }
    }

    pub(crate) fn entropy(&self, estimator: EntropyEstimator) -> f64 {
        let n = self.n as f64;
        let plug_in = || libm::log(n) - self.sum(|c| x_ln_x(c as f64)) / n;
        let h = match estimator {
            EntropyEstimator::PlugIn => plug_in(),
            EntropyEstimator::MillerMadow => plug_in() + (self.seen() as f64 - 1.0) / (2.0 * n),
            EntropyEstimator::Grassberger => libm::log(n) - self.sum(|c| c as f64 * grassberger_g(c)) / n,
            EntropyEstimator::ChaoShen => {
                let once = self.groups.first().map_or(0, |g| if g.0 == 1 { g.1 } else { 0 }) as f64;
                // All seen once would leave no coverage: the authors' remedy.
                let coverage = 1.0 - once.min(n - 1.0) / n;
                self.sum(|c| {
                    let p = coverage * c as f64 / n;
                    // 1 - (1 - p)ⁿ without cancellation; 1 for p = 1.
                    let chance = -libm::expm1(n * libm::log1p(-p));
                    -x_ln_x(p) / chance
                })
            }
            EntropyEstimator::Shrinkage => {
                let k = self.values as f64;
                let squares = self.sum(|c| (c as f64 / n).powi(2));
                // Σ (1/K - p)² = Σ p² - 1/K
                let spread = squares - 1.0 / k;
                let lambda = if spread > 0.0 { (1.0 - squares) / ((n - 1.0) * spread) } else { 1.0 };
                let lambda = if lambda.is_finite() { lambda.min(1.0) } else { 1.0 };
                let p = |c: f64| lambda / k + (1.0 - lambda) * c / n;
                -self.sum(|c| x_ln_x(p(c as f64))) - (k - self.seen() as f64) * x_ln_x(p(0.0))
            }
            EntropyEstimator::Nsb => nsb(self).0,
        };
        h + 0.0
    }

    /// The estimate and its error.
    fn jackknife(&self, estimator: EntropyEstimator) -> (f64, f64) {
        let left_out = self.left_out(estimator);
        let terms = self.groups.iter().zip(&left_out).map(|(&(c, m), &(_, value))| ((c * m) as f64, value));
        let second_order = self.second_order(estimator);
        let variance = jackknife_variance(terms, second_order) + self.parity_variance(estimator);
        (self.entropy(estimator), variance.sqrt())
    }

    /// The part (K₊ - 1) / 2n² of the variance that the plug-in entropy has where it is stationary (Harris 1975), and that
    /// the jackknife counts twice. The shrinkage weight follows it, so that nothing is counted twice there.
    pub(crate) fn second_order(&self, estimator: EntropyEstimator) -> f64 {
        let n = self.n as f64;
        if estimator == EntropyEstimator::Shrinkage {
            0.0
        } else {
            (self.seen() as f64 - 1.0) / (2.0 * n * n)
        }
    }

    /// Grassberger's G goes up in steps, so that c G(c) of a value strays by ½ with the parity of c.
    pub(crate) fn parity_variance(&self, estimator: EntropyEstimator) -> f64 {
        let n = self.n as f64;
        if estimator == EntropyEstimator::Grassberger { self.seen() as f64 / (4.0 * n * n) } else { 0.0 }
    }

    /// The estimate without one sample, for each count that a value can have: rising counts.
    ///
    /// Where the steps of an estimator would mislead the jackknife (Grassberger), and where it would cost too much
    /// (NSB), these are the values of Miller and Madow, which have the same variance to first order.
    pub(crate) fn left_out(&self, estimator: EntropyEstimator) -> Vec<(u64, f64)> {
        use EntropyEstimator::*;
        let half = match estimator {
            PlugIn => 0.0,
            MillerMadow | Grassberger | Nsb => 0.5,
            ChaoShen | Shrinkage => {
                return self.groups.iter().map(|&(c, _)| (c, self.without(c).entropy(estimator))).collect();
            }
        };
        // Sums of terms: only one of them changes.
        let term = |c: u64| if c == 0 { 0.0 } else { x_ln_x(c as f64) - half };
        let (all, n) = (self.sum(term), self.n as f64 - 1.0);
        let value = |c: u64| libm::log(n) - (all - term(c) + term(c - 1) + half) / n;
        self.groups.iter().map(|&(c, _)| (c, value(c))).collect()
    }
}

/// The jackknife's variance from pairs (samples of this kind, value when one of them is left out), less the
/// `second_order` part that it counts twice: exact for a quadratic statistic, and never less than half.
pub(crate) fn jackknife_variance(
    left_out: impl Iterator<Item = (f64, f64)> + Clone,
    second_order: f64,
) -> f64 {
    let n: f64 = left_out.clone().map(|(w, _)| w).sum();
    let mean = left_out.clone().map(|(w, v)| w * v).sum::<f64>() / n;
    let variance = left_out.map(|(w, v)| w * (v - mean).powi(2)).sum::<f64>() * (n - 1.0) / n;
    (variance - second_order).max(0.5 * variance)
}

/// Grassberger's G: it depends on n through ⌊n/2⌋ only, G(n) = ψ(⌊n/2⌋ + ½) + ln 2.
fn grassberger_g(n: u64) -> f64 {
    digamma((n / 2) as f64 + 0.5) + std::f64::consts::LN_2
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        information::entropy_nats,
        parallel::{self, Par},
        rng::{Draw, Streams},
    };
    use EntropyEstimator::*;

    const ALL: [EntropyEstimator; 6] = [PlugIn, MillerMadow, Grassberger, ChaoShen, Shrinkage, Nsb];

    /// [plug-in, Miller-Madow, Grassberger, Chao-Shen, shrinkage, NSB, error of NSB], from the definitions with 30 digits
    /// (mpmath; Grassberger's G by digammas, NSB by quadrature of its integrals).
    #[test]
    fn definitions() {
        let cases: [(&[u64], [f64; 7]); 4] = [
            (
                &[4, 2, 1, 1, 0, 0],
                [
                    1.2130075659799,
                    1.4005075659799,
                    1.51647105380798,
                    1.57837330701935,
                    1.68270546871855,
                    1.44197863912594,
                    0.227592917270174,
                ],
            ),
            (
                &[10, 0, 3],
                [
                    0.540204142388861,
                    0.578665680850399,
                    0.624078991689804,
                    0.551758060796786,
                    0.683211119143758,
                    0.619423692077406,
                    0.173066253601591,
                ],
            ),
            (
                &[1, 1, 1, 1, 1, 0, 0, 0],
                [
                    1.6094379124341,
                    2.0094379124341,
                    2.87980075789558,
                    3.48689038189424,
                    2.07944154167984,
                    1.86706497629049,
                    0.185817565092829,
                ],
            ),
            (
                &[30, 25, 20, 7, 0],
                [
                    1.28423347182478,
                    1.30252615475161,
                    1.30919321633779,
                    1.28437308888181,
                    1.3693044456833,
                    1.301440339918,
                    0.0544449448801475,
                ],
            ),
        ];
        for (counts, expected) in cases {
            for (e, x) in ALL.iter().zip(expected) {
                let h = entropy_from_counts(counts, *e).unwrap();
                assert!((h.value - x).abs() < 1e-10, "{counts:?} {e:?}: {} {x}", h.value);
            }
            let error = entropy_from_counts(counts, Nsb).unwrap().std_error;
            assert!((error - expected[6]).abs() < 1e-10, "{counts:?}: {error}");
        }
    }

    #[test]
    fn left_out_values_are_those_of_the_remaining_counts() {
        let counts = [1, 1, 2, 3, 3, 7, 12, 0];
        let profile = Profile::new(&counts).unwrap();
        for e in [PlugIn, MillerMadow, ChaoShen, Shrinkage] {
            for (count, value) in profile.left_out(e) {
                let mut rest = counts;
                let i = counts.iter().position(|&c| c == count).unwrap();
                rest[i] -= 1;
                let direct = entropy_from_counts(&rest, e).unwrap().value;
                assert!((value - direct).abs() < 1e-13, "{e:?} {count}: {value} {direct}");
            }
        }
    }

    #[test]
    fn bad_and_extreme_counts() {
        for e in ALL {
            assert!(matches!(entropy_from_counts(&[1], e), Err(Error::TooShort { have: 1, .. })));
            assert!(entropy_from_counts(&[], e).is_err());
            assert!(entropy_from_counts(&[u64::MAX, 2], e).is_err());
            for counts in [&[2u64][..], &[1, 1], &[5, 0, 0], &[1 << 52, 1], &[1 << 50; 4], &[1000; 300]] {
                let h = entropy_from_counts(counts, e).unwrap();
                assert!(
                    h.value.is_finite() && h.std_error.is_finite() && h.std_error >= 0.0,
                    "{e:?} {counts:?} {h:?}"
                );
            }
            let h = entropy_from_counts(&[1 << 40; 16], e).unwrap().value;
            assert!((h - 16f64.ln()).abs() < 1e-9, "{e:?}: {h}");
        }
        // One value, always: the error of 0 is what was seen.
        assert_eq!(entropy_from_counts(&[9], PlugIn).unwrap().source, Source::Constant);
        assert_eq!(count_values(&["b", "a", "b", "c"]), [1, 2, 1]);
        let from_samples = entropy_from_samples(&[3, 1, 3, 2], MillerMadow).unwrap();
        assert_eq!(from_samples, entropy_from_counts(&[1, 1, 2], MillerMadow).unwrap());
    }

    /// Means over many seeded samples of (value, reported error), the scatter, and the fraction within one error.
    fn study(p: &[f64], n: usize, e: EntropyEstimator, runs: usize) -> [f64; 4] {
        let exact = entropy_nats(p).unwrap();
        let mut steps = p.to_vec();
        (1..p.len()).for_each(|i| steps[i] += steps[i - 1]);
        let found = parallel::map(Par::Rayon, runs, |r| {
            let mut rng = Streams::new(11).stream("entropy study", r as u64);
            let mut counts = vec![0; p.len()];
            for _ in 0..n {
                let u = rng.uniform();
                counts[steps.partition_point(|s| *s <= u).min(p.len() - 1)] += 1;
            }
            entropy_from_counts(&counts, e).unwrap()
        });
        let mean = |f: &dyn Fn(&Estimate) -> f64| found.iter().map(f).sum::<f64>() / runs as f64;
        let value = mean(&|h| h.value);
        let scatter = mean(&|h| (h.value - value).powi(2)).sqrt();
        [value - exact, scatter, mean(&|h| h.std_error), mean(&|h| f64::from(h.z(exact).abs() <= 1.0))]
    }

    fn zipf(k: usize) -> Vec<f64> {
        let sum: f64 = (1..=k).map(|i| 1.0 / i as f64).sum();
        (1..=k).map(|i| 1.0 / (i as f64 * sum)).collect()
    }

    #[test]
    fn well_sampled_estimates_are_unbiased_and_their_errors_cover() {
        let runs = 2000;
        for p in [vec![0.1; 10], vec![0.01; 100], zipf(10), zipf(100)] {
            for e in [MillerMadow, Grassberger] {
                let [bias, scatter, error, coverage] = study(&p, 30 * p.len(), e, runs);
                let gate = 5.0 * scatter / (runs as f64).sqrt();
                // What is left of the bias is of second order, K/12n² Σ(1/p) and less: below a fifth of the scatter.
                assert!(bias.abs() < gate + 0.2 * scatter, "{} {e:?}: bias {bias} of {scatter}", p.len());
                assert!((0.9..1.25).contains(&(error / scatter)), "{} {e:?}: {error} {scatter}", p.len());
                assert!((0.62..0.80).contains(&coverage), "{} {e:?}: {coverage}", p.len());
            }
            // The plug-in bias is (K - 1) / 2n to leading order.
            let [bias, ..] = study(&p, 100 * p.len(), PlugIn, runs);
            let first_order = -(p.len() as f64 - 1.0) / (200.0 * p.len() as f64);
            assert!((bias / first_order - 1.0).abs() < 0.35, "{bias} {first_order}");
        }
    }

    #[test]
    fn undersampled_estimates_keep_their_order() {
        // As many samples as values, a third of them, uniform and skewed: each step up costs variance, saves bias.
        for p in [vec![0.01; 100], zipf(100), zipf(1000)] {
            for n in [p.len() / 3, p.len()] {
                let bias = |e| study(&p, n, e, 400)[0].abs();
                let [plug_in, miller, grassberger, chao_shen] =
                    [PlugIn, MillerMadow, Grassberger, ChaoShen].map(bias);
                assert!(plug_in > 1.2 * miller && miller > 1.5 * grassberger, "{n}");
                assert!(chao_shen < 0.7 * miller, "{n}");
                let [nsb, scatter, error, _] = study(&p, n, Nsb, 60);
                assert!(nsb.abs() < 0.5 * miller && error > 0.7 * scatter, "{n}: {nsb}");
            }
        }
        for n in [33, 100, 300] {
            // Reported errors against the scatter, where the bias allows it.
            for (e, low, high) in [
                (PlugIn, 0.85, 1.4),
                (MillerMadow, 0.85, 1.5),
                (Grassberger, 0.65, 1.3),
                (ChaoShen, 0.85, 1.8),
            ] {
                for p in [vec![0.01; 100], zipf(100)] {
                    let [_, scatter, error, _] = study(&p, n, e, 400);
                    assert!((low..high).contains(&(error / scatter)), "{n} {e:?}: {error} {scatter}");
                }
            }
        }
    }
}
