//! Has a chain equilibrated, and do several chains agree? What a sampler should be asked before its numbers are used.
//!
//! Error bars and autocorrelation times are in [`crate::estimate`].

use crate::{
    distribution::normal_quantile,
    error::{Error, Result},
    estimate::{Estimate, Moments, autocorrelation, combined, mean_and_variance, student_two_sided},
};
use serde::{Deserialize, Serialize};

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
    let median = 0.5 * all[(all.len() - 1) / 2] + 0.5 * all[all.len() / 2];
    let folded: Vec<Vec<f64>> =
        halves.iter().map(|h| h.iter().map(|x| (x - median).abs()).collect()).collect();
    let bulk = r_hat(&normal_ranks(&halves))?;
    // Samples of two values lie at one distance from a median half way between them: their ranks say all there is.
    if folded.iter().flatten().all(|x| *x == folded[0][0]) {
        return Ok(bulk);
    }
    Ok(bulk.max(r_hat(&normal_ranks(&folded))?))
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
fn normal_ranks(chains: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let mut order: Vec<(usize, usize)> =
        (0..chains.len()).flat_map(|c| (0..chains[c].len()).map(move |i| (c, i))).collect();
    order.sort_by(|a, b| chains[a.0][a.1].total_cmp(&chains[b.0][b.1]));
    let mut ranks: Vec<Vec<f64>> = chains.iter().map(|c| vec![0.0; c.len()]).collect();
    let total = order.len() as f64;
    let mut start = 0;
    while start < order.len() {
        let value = |k: usize| chains[order[k].0][order[k].1];
        let mut end = start + 1;
        while end < order.len() && value(end) == value(start) {
            end += 1;
        }
        let rank = 0.5 * (start + 1 + end) as f64;
        let z = normal_quantile((rank - 0.375) / (total + 0.25));
        order[start..end].iter().for_each(|&(c, i)| ranks[c][i] = z);
        start = end;
    }
    ranks
}

/// Geweke's test: z of the difference between the mean of the first 10 % and of the last 50 % of a chain, with errors
/// that know the autocorrelation. Standard normal for a stationary chain: the difference in raw errors follows Student's
/// t, and is given as the normal deviate of the same probability.
///
/// An infinity when both parts are frozen, at different values. Errors: parts too short for an error (about 80 samples,
/// or some autocorrelation times, are needed in each), and [`Error::Undefined`] for a series that never changes.
pub fn geweke(series: &[f64]) -> Result<f64> {
    let n = series.len();
    let early = autocorrelation(&series[..n / 10]).map_err(|e| longer(e, n))?;
    let late = autocorrelation(&series[n - n / 2..]).map_err(|e| longer(e, n))?;
    let (error, dof) = combined([(early.raw_error(), early.dof), (late.raw_error(), late.dof)].into_iter());
    let difference = early.mean - late.mean;
    if error > 0.0 {
        let t = difference / error;
        let tail = 0.5 * student_two_sided(t, dof);
        // Beyond z = 37 the probability is below the smallest f64, and t serves as well.
        Ok(if tail > f64::MIN_POSITIVE { -t.signum() * normal_quantile(tail) } else { t })
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
    /// Every sample after the cut is the same: frozen, or a constant of motion.
    Constant,
}

/// Equilibration by the marginal standard error rule on means of five samples, MSER-5 (White, Cobb and Spratt 2000):
/// the cut that minimises Σ (x - mean)² / m² over the m batches that are left, searched over the whole series but
/// the last ten batches.
///
/// Rare excursions from a constant also put that cut late, behind the last of them. So a series is called drifting only
/// when its halves differ by more than four errors, or are too short to have one; else the best cut of the first half
/// counts. It is called frozen when it ends in a constant eight times as long as it ever was constant before.
///
/// Errors: fewer than 100 samples, samples that are not finite, a spread whose square an f64 cannot hold.
pub fn equilibration(series: &[f64]) -> Result<Equilibration> {
    const BATCH: usize = 5;
    if series.len() < 20 * BATCH {
        return Err(Error::TooShort { have: series.len(), needed: 20 * BATCH });
    }
    let moments = Moments::of(series)?;
    if moments.variance == 0.0 {
        return Ok(Equilibration { discard: 0, verdict: Equilibrated::Constant });
    }
    // Near zero, so that sums of squares do not cancel; from the last one, so that a frozen end is exactly zero.
    let batches: Vec<f64> =
        moments.centred(series).chunks_exact(BATCH).map(|c| c.iter().sum::<f64>() / BATCH as f64).collect();
    let n = batches.len();
    // From the end, so that sums of what is left grow by one batch at a time.
    let (mut s1, mut s2) = (0.0, 0.0);
    let (mut best, mut best_early) = ((f64::INFINITY, 0), (f64::INFINITY, 0));
    for cut in (0..n).rev() {
        let x = batches[cut] - batches[n - 1];
        s1 += x;
        s2 += x * x;
        let m = (n - cut) as f64;
        let statistic = (s2 - s1 * s1 / m) / (m * m);
        if n - cut >= 10 && statistic <= best.0 {
            best = (statistic, cut);
        }
        if n - cut >= 10 && 2 * cut < n && statistic <= best_early.0 {
            best_early = (statistic, cut);
        }
    }
    let found = |cut: usize, verdict| Ok(Equilibration { discard: cut * BATCH, verdict });
    let (before, left) = series.split_at(best.1 * BATCH);
    if left.iter().all(|x| *x == left[0]) && left.len() > 8 * longest_run(before, left[0]) {
        found(best.1, Equilibrated::Constant)
    } else if 2 * best.1 + 1 < n {
        found(best.1, Equilibrated::Yes)
    } else if halves_agree(series) {
        found(best_early.1, Equilibrated::Yes)
    } else {
        found(best.1, Equilibrated::StillDrifting)
    }
}

/// Most times in a row that a series had a value.
fn longest_run(series: &[f64], value: f64) -> usize {
    let (mut longest, mut run) = (0, 0);
    for x in series {
        run = if *x == value { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}

/// Whether the means of the two halves are within four errors of one another.
fn halves_agree(series: &[f64]) -> bool {
    let (first, second) = series.split_at(series.len() / 2);
    match (Estimate::from_chain(first), Estimate::from_chain(second)) {
        (Ok(a), Ok(b)) => a.plus(b.affine(0.0, -1.0)).z(0.0).abs() <= 4.0,
        _ => false,
    }
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
        assert!(matches!(rank_r_hat(&[&[1.0; 40]]), Err(Error::Undefined { .. })));
    }

    #[test]
    fn two_values_large_offsets_and_frozen_halves() {
        // As many of one value as of the other: the median lies half way, all distances from it are equal.
        let mut rng = Streams::new(4).stream("spins", 0);
        let mut spins: Vec<f64> = (0..1000).map(|i| f64::from(i % 2) * 2.0 - 1.0).collect();
        rng.shuffle(&mut spins);
        let r = rank_r_hat(&[&spins[..500], &spins[500..]]).unwrap();
        assert!((r - 1.0).abs() < 0.05, "{r}");
        let one_sided: Vec<f64> = (0..500).map(|i| if i < 250 { 1.0 } else { -1.0 }).collect();
        assert_eq!(rank_r_hat(&[&one_sided]).unwrap(), f64::INFINITY);
        // An offset that whole numbers survive changes nothing.
        let noise: Vec<f64> = (0..4000).map(|_| (1000.0 * rng.normal()).round()).collect();
        let moved: Vec<f64> = noise.iter().map(|x| x + 1e15).collect();
        let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-3 * a.abs(), "{a} {b}");
        near(split_r_hat(&[&noise]).unwrap(), split_r_hat(&[&moved]).unwrap());
        near(rank_r_hat(&[&noise]).unwrap(), rank_r_hat(&[&moved]).unwrap());
        assert!((geweke(&noise).unwrap() - geweke(&moved).unwrap()).abs() < 0.05);
        assert_eq!(equilibration(&noise).unwrap(), equilibration(&moved).unwrap());
        // Too far apart for their squares: a typed answer.
        let huge: Vec<f64> = noise.iter().map(|x| x * 1e303).collect();
        assert!(matches!(split_r_hat(&[&huge]), Err(Error::Undefined { .. })));
        assert!(matches!(equilibration(&huge), Err(Error::Undefined { .. })));
        assert!(matches!(geweke(&huge), Err(Error::Undefined { .. })));
        assert!(rank_r_hat(&[&huge]).unwrap() < 1.05);
        // Frozen from some time on: cut there, and said so, whatever values the start took.
        for (from, offset) in [(300, 0.0), (300, 0.1), (700, 1e15)] {
            let series: Vec<f64> =
                (0..1000).map(|i| offset + if i < from { noise[i] } else { 3.0 }).collect();
            let found = equilibration(&series).unwrap();
            let cut = Equilibration { discard: from, verdict: Equilibrated::Constant };
            assert_eq!(found, cut);
        }
    }

    #[test]
    fn geweke_is_normal_far_out_too() {
        // Short first parts, whose errors have few degrees of freedom: as many beyond 2 and 3 as the normal law has.
        let runs = 20_000;
        let mut beyond = [0.0; 2];
        for run in 0..runs {
            let z = geweke(&ar1(400, 0.2, &mut Streams::new(5).stream("g", run))).unwrap_or(0.0);
            beyond[0] += f64::from(z.abs() > 2.0) / runs as f64;
            beyond[1] += f64::from(z.abs() > 3.0) / runs as f64;
        }
        println!("{beyond:?}");
        // 4.55 % and 0.27 %; the errors of these fractions are 0.15 % and 0.04 %.
        assert!((beyond[0] - 0.0455).abs() < 0.015 && beyond[1] < 0.006, "{beyond:?}");
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
            .map(|(i, x)| x + 5.0 * (-(i as f64) / 2000.0).exp())
            .collect();
        // A drift that the first part hardly sees: within it, it would count as slow noise.
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

    #[test]
    fn rare_excursions_are_no_drift() {
        // A chain in its ground state that leaves it now and then, as a magnet at low temperature does.
        for (k, p) in [0.001, 0.003, 0.01, 0.03, 0.5].into_iter().enumerate() {
            let mut wrong = 0;
            for run in 0..400 {
                let mut rng = Streams::new(6).stream("rare", 1000 * k as u64 + run);
                let series: Vec<f64> = (0..2000).map(|_| f64::from(u8::from(rng.chance(p)))).collect();
                wrong += u32::from(equilibration(&series).unwrap().verdict == Equilibrated::StillDrifting);
            }
            assert!(wrong <= 1, "p = {p}: {wrong} of 400");
        }
        let mut rng = Streams::new(6).stream("short", 0);
        let wrong = (0..400)
            .filter(|_| {
                equilibration(&ar1(200, 0.0, &mut rng)).unwrap().verdict == Equilibrated::StillDrifting
            })
            .count();
        assert!(wrong <= 2, "white noise of 200: {wrong} of 400");
        // Drifts of any length are still seen.
        for n in [100, 104, 105, 1000] {
            let ramp: Vec<f64> = (0..n).map(f64::from).collect();
            assert_eq!(equilibration(&ramp).unwrap().verdict, Equilibrated::StillDrifting, "{n}");
        }
    }
}
