//! Has a chain equilibrated, and do several chains agree? What a sampler should be asked before its numbers are used.
//!
//! Error bars and autocorrelation times are in [`crate::estimate`].

use crate::{
    error::{Error, Result},
    estimate::{autocorrelation, mean_and_variance},
};
use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, Normal};

/// Split R̂ (Gelman et al., Bayesian Data Analysis, 3rd ed., section 11.4): every chain is cut in two halves; the
/// variance between halves is compared with the variance within. 1 for chains that agree and stand still.
///
/// Chains are cut to the length of the shortest. Errors: no chain, halves of fewer than 4 samples, and
/// [`Error::Undefined`] when no half varies.
pub fn split_r_hat(chains: &[&[f64]]) -> Result<f64> {
    r_hat(&halves(chains)?)
}

/// Rank-normalised split R̂ (Vehtari et al., Bayesian Analysis 16, 667 (2021)): the larger of R̂ of normalised ranks
/// and of ranks of the distance from the median. Works for heavy tails too; chains should show less than 1.01.
pub fn rank_r_hat(chains: &[&[f64]]) -> Result<f64> {
    let halves = halves(chains)?;
    let mut all: Vec<f64> = halves.concat();
    all.sort_by(f64::total_cmp);
    let median = 0.5 * (all[(all.len() - 1) / 2] + all[all.len() / 2]);
    let folded: Vec<Vec<f64>> =
        halves.iter().map(|h| h.iter().map(|x| (x - median).abs()).collect()).collect();
    let bulk = r_hat(&normal_ranks(&halves)?)?;
    Ok(bulk.max(r_hat(&normal_ranks(&folded)?)?))
}

fn halves(chains: &[&[f64]]) -> Result<Vec<Vec<f64>>> {
    let n = chains.iter().map(|c| c.len()).min().unwrap_or(0);
    if n < 8 {
        return Err(Error::TooShort { have: n, needed: 8 });
    }
    let half = n / 2;
    let mut all = Vec::new();
    for (c, chain) in chains.iter().enumerate() {
        if let Some(i) = chain.iter().position(|x| !x.is_finite()) {
            return Err(Error::out_of_range(format!("sample {i} of chain {c}"), chain[i], "finite"));
        }
        // The middle sample of an odd length is left out.
        all.push(chain[..half].to_vec());
        all.push(chain[n - half..n].to_vec());
    }
    Ok(all)
}

fn r_hat(halves: &[Vec<f64>]) -> Result<f64> {
    let n = halves[0].len() as f64;
    let mut means = Vec::new();
    let mut within = 0.0;
    for half in halves {
        let (mean, variance) = mean_and_variance(half)?;
        means.push(mean);
        within += variance / halves.len() as f64;
    }
    let (_, between) = mean_and_variance(&means)?;
    if within == 0.0 && between > 0.0 {
        return Ok(f64::INFINITY); // frozen at different values: they will never agree
    }
    if within == 0.0 {
        return Err(Error::Undefined { what: "R-hat".into(), why: "no chain ever changed".into() });
    }
    Ok(((n - 1.0) / n + between / within).sqrt())
}

/// Ranks over all chains (ties averaged) mapped to normal quantiles.
fn normal_ranks(chains: &[Vec<f64>]) -> Result<Vec<Vec<f64>>> {
    let mut order: Vec<(usize, usize)> =
        (0..chains.len()).flat_map(|c| (0..chains[c].len()).map(move |i| (c, i))).collect();
    order.sort_by(|a, b| chains[a.0][a.1].total_cmp(&chains[b.0][b.1]));
    let mut ranks: Vec<Vec<f64>> = chains.iter().map(|c| vec![0.0; c.len()]).collect();
    let total = order.len() as f64;
    let normal = Normal::standard();
    let mut start = 0;
    while start < order.len() {
        let value = |k: usize| chains[order[k].0][order[k].1];
        let mut end = start + 1;
        while end < order.len() && value(end) == value(start) {
            end += 1;
        }
        let rank = 0.5 * (start + 1 + end) as f64;
        let z = normal.inverse_cdf((rank - 0.375) / (total + 0.25));
        order[start..end].iter().for_each(|&(c, i)| ranks[c][i] = z);
        start = end;
    }
    Ok(ranks)
}

/// Geweke's test: z of the difference between the mean of the first 10 % and of the last 50 % of a chain, with errors
/// that know the autocorrelation. Standard normal for a stationary chain.
pub fn geweke(series: &[f64]) -> Result<f64> {
    let n = series.len();
    let early = autocorrelation(&series[..n / 10]).map_err(|e| longer(e, n))?;
    let late = autocorrelation(&series[n - n / 2..]).map_err(|e| longer(e, n))?;
    let error = early.std_error.hypot(late.std_error);
    let difference = early.mean - late.mean;
    if error > 0.0 {
        Ok(difference / error)
    } else if difference == 0.0 {
        Err(Error::Undefined { what: "Geweke's z".into(), why: "the series is constant".into() })
    } else {
        Ok(difference.signum() * f64::INFINITY)
    }
}

/// Says how long the whole series should be when a part of it was too short.
fn longer(e: Error, n: usize) -> Error {
    match e {
        Error::TooShort { needed, .. } => Error::TooShort { have: n, needed: 10 * needed },
        other => other,
    }
}

/// What the start of a series says about its equilibration.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Equilibration {
    /// Samples to drop at the start.
    pub discard: usize,
    /// Whether what is left looks stationary.
    pub verdict: Equilibrated,
}

/// A verdict on equilibration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Equilibrated {
    /// The transient ended in the first half of the series.
    Yes,
    /// The best cut lies in the second half: the series may still be drifting.
    StillDrifting,
    /// Every sample is the same: frozen, or a constant of motion.
    Constant,
}

/// Equilibration by the marginal standard error rule on means of five samples, MSER-5 (White, Cobb and Spratt 2000):
/// the cut that minimises Σ (x - mean)² / m² over the m batches that are left, searched over the whole series but
/// the last ten batches.
pub fn equilibration(series: &[f64]) -> Result<Equilibration> {
    const BATCH: usize = 5;
    if series.len() < 20 * BATCH {
        return Err(Error::TooShort { have: series.len(), needed: 20 * BATCH });
    }
    let (_, variance) = mean_and_variance(series)?;
    if variance == 0.0 {
        return Ok(Equilibration { discard: 0, verdict: Equilibrated::Constant });
    }
    let batches: Vec<f64> =
        series.chunks_exact(BATCH).map(|c| c.iter().sum::<f64>() / BATCH as f64).collect();
    let n = batches.len();
    // From the end, so that sums of what is left grow by one batch at a time; centred, so that they do not cancel.
    let centre = batches.iter().sum::<f64>() / n as f64;
    let (mut s1, mut s2) = (0.0, 0.0);
    let mut best = (f64::INFINITY, 0);
    for cut in (0..n).rev() {
        let x = batches[cut] - centre;
        s1 += x;
        s2 += x * x;
        let m = (n - cut) as f64;
        let statistic = (s2 - s1 * s1 / m) / (m * m);
        if n - cut >= 10 && statistic <= best.0 {
            best = (statistic, cut);
        }
    }
    let verdict = if best.1 * 2 <= n { Equilibrated::Yes } else { Equilibrated::StillDrifting };
    Ok(Equilibration { discard: best.1 * BATCH, verdict })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Draw, Stream, Streams};

    fn ar1(n: usize, phi: f64, rng: &mut Stream) -> Vec<f64> {
        let mut x = rng.normal() / (1.0 - phi * phi).sqrt();
        (0..n)
            .map(|_| {
                x = phi * x + rng.normal();
                x
            })
            .collect()
    }

    #[test]
    fn r_hat_of_known_chains() {
        // By hand: halves (0,1,2,3), (4,5,6,7): within = 5/3, between = 8, n = 4.
        let x: Vec<f64> = (0..8).map(f64::from).collect();
        assert!((split_r_hat(&[&x]).unwrap() - (0.75f64 + 8.0 / (5.0 / 3.0)).sqrt()).abs() < 1e-14);
        let mut rng = Streams::new(1).stream("r", 0);
        let chains: Vec<Vec<f64>> = (0..4).map(|_| ar1(2000, 0.5, &mut rng)).collect();
        let slices: Vec<&[f64]> = chains.iter().map(Vec::as_slice).collect();
        assert!(split_r_hat(&slices).unwrap() < 1.02 && rank_r_hat(&slices).unwrap() < 1.02);
        let shifted: Vec<f64> = chains[0].iter().map(|x| x + 2.0).collect();
        assert!(split_r_hat(&[&chains[1], &shifted]).unwrap() > 1.2);
        // Same mean, other width: only the folded ranks see it.
        let wide: Vec<f64> = chains[0].iter().map(|x| x * 5.0).collect();
        assert!(rank_r_hat(&[&chains[1], &wide]).unwrap() > 1.2);
        assert!(split_r_hat(&[]).is_err() && split_r_hat(&[&[1.0; 4]]).is_err());
        assert!(matches!(split_r_hat(&[&[1.0; 40]]), Err(Error::Undefined { .. })));
    }

    #[test]
    fn geweke_is_standard_normal_when_stationary() {
        let mut rng = Streams::new(2).stream("g", 0);
        let z: Vec<f64> = (0..400).map(|_| geweke(&ar1(5000, 0.6, &mut rng)).unwrap()).collect();
        let chi2: f64 = z.iter().map(|z| z * z).sum();
        // chi² with 400 degrees of freedom: 5 sigma is 141; short first parts make it a little wide.
        assert!((chi2 - 400.0).abs() < 160.0, "{chi2}");
        let drifting: Vec<f64> = ar1(5000, 0.6, &mut rng)
            .iter()
            .enumerate()
            .map(|(i, x)| x + 5.0 * (-(i as f64) / 800.0).exp())
            .collect();
        assert!(geweke(&drifting).unwrap() > 6.0);
        assert!(matches!(geweke(&[3.0; 200]), Err(Error::Undefined { .. })));
        assert!(matches!(geweke(&[3.0; 20]), Err(Error::TooShort { have: 20, .. })));
    }

    #[test]
    fn the_transient_is_cut() {
        let mut rng = Streams::new(3).stream("e", 0);
        let series: Vec<f64> = ar1(10_000, 0.5, &mut rng)
            .iter()
            .enumerate()
            .map(|(i, x)| x + 20.0 * (-(i as f64) / 100.0).exp())
            .collect();
        let found = equilibration(&series).unwrap();
        assert!((200..2500).contains(&found.discard) && found.verdict == Equilibrated::Yes, "{found:?}");
        let walk: Vec<f64> = (0..1000).map(f64::from).collect();
        assert_eq!(equilibration(&walk).unwrap().verdict, Equilibrated::StillDrifting);
        assert_eq!(equilibration(&[1.0; 200]).unwrap().verdict, Equilibrated::Constant);
        assert!(equilibration(&[1.0; 50]).is_err());
    }
}
