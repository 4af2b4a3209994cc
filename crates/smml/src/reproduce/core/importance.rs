//! Eq. (4): importance sampling, its error bars, and the tail of its weights.

use super::exact;
use crate::{
    catalogue::Chapter,
    error::Failure,
    report::figure::{Axis, Figure, Series, Style},
    reproduce::check::{Check, Context, Outcome},
};
use smml_core::{
    Error,
    distribution::{Continuous, Distribution, GeneralizedPareto, Normal},
    estimate::Source,
    importance::{ImportanceSample, Verdict, balance, psis},
    prelude::*,
};

pub(crate) const CHECKS: &[Check] = &[
    Check {
        id: "importance-gaussian",
        chapter: Chapter::Core,
        equations: &["4"],
        title: "⟨x²⟩ = 1 from a proposal twice as wide",
        run: gaussian,
    },
    Check {
        id: "importance-tails",
        chapter: Chapter::Core,
        equations: &["4"],
        title: "Infinite variance is flagged, not averaged",
        run: tails,
    },
    Check {
        id: "importance-loo",
        chapter: Chapter::Core,
        equations: &["4"],
        title: "Pareto-smoothed weights are those of R's loo",
        run: loo,
    },
    Check {
        id: "importance-balance",
        chapter: Chapter::Core,
        equations: &["4"],
        title: "Weights for imbalanced training data",
        run: balance_classes,
    },
];

fn weigh(std_dev: f64, n: usize, rng: &mut impl Draw) -> Result<(Vec<f64>, ImportanceSample), Error> {
    ImportanceSample::draw(|x| Normal::STANDARD.ln_pdf(x), &Normal::new(0.0, std_dev)?, n, rng)
}

fn gaussian(ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let mut o = Outcome::default();
    let n = ctx.level.pick(100_000, 1_000_000, 10_000_000);
    let (x, sample) = weigh(2.0, n, &mut ctx.streams.stream("wide", 0))?;
    let h: Vec<f64> = x.iter().map(|x| x * x).collect();
    let unweighted: Estimate = Estimate::from_independent(&h)?;
    o.sampled("plain estimate of ⟨x²⟩", sample.plain(&h)?, 1.0)
        .sampled("self-normalised", sample.self_normalised(&h)?, 1.0)
        .sampled("Pareto-smoothed", sample.smoothed(&h)?, 1.0)
        .sampled("mean weight", sample.mean_weight()?, 1.0)
        .sampled("E_q[x²], weights left out", unweighted, 4.0)
        .holds("verdict on the weights: good", sample.verdict() == Verdict::Good);
    // ⟨w²⟩ under q = ∫ p²/q = 4/√7 and E_q[(w x²)²] = ∫ p² x⁴/q with variance 4/7: 3 (4/7)² 4/√7
    let root = 7f64.sqrt();
    let predicted = ((3.0 * 16.0 / 49.0 * 4.0 / root - 1.0) / n as f64).sqrt();
    let seen = sample.plain(&h)?.std_error;
    o.computed("standard error of the plain estimate over the exact one", seen / predicted, 1.0, 0.05)
        .computed("effective sample size over the exact one", sample.ess() / (n as f64 * root / 4.0), 1.0, 0.05)
        .note(
            "Closed forms for p = N(0, 1) and q = N(0, 4): ⟨x²⟩ = 1, ⟨w²⟩ under q = 4/√7, ⟨w²x⁴⟩ under q = 192/(49√7). The \
             error bar itself is compared with the exact one, to 5 %.",
        );
    Ok(o)
}

fn tails(ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let mut o = Outcome::default();
    let n = ctx.level.pick(1_000_000, 2_000_000, 8_000_000);
    let (x, narrow) = weigh(0.5, n, &mut ctx.streams.stream("narrow", 0))?;
    let h: Vec<f64> = x.iter().map(|x| x * x).collect();
    o.holds("q = N(0, ¼): the weights are not called good", narrow.verdict() != Verdict::Good)
        .holds("its plain estimate is refused", matches!(narrow.plain(&h), Err(Error::HeavyTail { .. })))
        .holds(
            "its self-normalised estimate is refused",
            matches!(narrow.self_normalised(&h), Err(Error::HeavyTail { .. })),
        );
    if let Some(k) = narrow.k_hat() {
        o.reported("k-hat of N(0, ¼) for N(0, 1) (¾ in the limit)", exact(k));
    }
    // Tails that are exactly Pareto: there the fitted shape has its asymptotic error, (1 + k) / √tail.
    for (i, k) in [0.3, 0.75].into_iter().enumerate() {
        let law = GeneralizedPareto::new(0.0, 1.0, k)?;
        let mut rng = ctx.streams.stream("pareto", i as u64);
        let ln: Vec<f64> = (0..n).map(|_| libm::log(law.draw(&mut rng))).collect();
        let fit = psis::pareto_smooth(&ln, 1.0)?;
        let tail = fit.n_tail as f64;
        let (k_hat, error) = (fit.k_hat.unwrap_or(f64::NAN), (1.0 + k) / tail.sqrt());
        let shape = Estimate::with_dof(k_hat, error, f64::MAX, tail, Source::Independent);
        // A prior worth 10 observations draws the shape towards ½.
        o.sampled(format!("k-hat of a Pareto tail with k = {k}"), shape, (k * tail + 5.0) / (tail + 10.0));
    }
    for (n, published) in [(100, 0.5), (316, 0.6), (10_000, 0.7)] {
        o.computed(format!("threshold for {n} samples"), psis::k_hat_threshold(n), published, 2e-4);
    }
    let longest = ctx.level.pick(100_000, 300_000, 1_000_000);
    let sizes: Vec<usize> = (0..)
        .map(|i| (50.0 * 10f64.powf(0.2 * f64::from(i))) as usize)
        .take_while(|s| *s <= longest)
        .collect();
    let threshold = psis::threshold_curve(&sizes).iter().map(|(n, k)| (*n as f64, *k)).collect();
    let mut series = vec![Series::new("threshold", Style::Dashed, threshold)];
    for (i, (std_dev, name)) in [
        (0.3, "N(0, 0.09), k = 0.91"),
        (0.5, "N(0, 0.25), k = 0.75"),
        (0.8, "N(0, 0.64), k = 0.36"),
        (2.0, "N(0, 4), bounded weights"),
    ]
    .into_iter()
    .enumerate()
    {
        let (_, sample) = weigh(std_dev, longest, &mut ctx.streams.stream("curve", i as u64))?;
        let curve = psis::k_hat_curve(sample.ln_weights(), 1.0, &sizes)?;
        let points = curve.iter().filter_map(|p| p.k_hat.map(|k| (p.n as f64, k))).collect();
        series.push(Series::new(name, Style::LinePoints, points));
    }
    o.figure(Figure::plot(
        "importance-k-hat",
        "Can these weights be trusted?",
        "Pareto shape k-hat of the weights of p = N(0, 1) against the number of draws from four proposals. Below the dashed \
         threshold Pareto-smoothed weights serve; below ½ raw weights have a variance. Bounded weights lie below the frame: \
         their k-hat is negative.",
        Axis::log("draws S"),
        Axis::linear("k-hat").over(-0.4, 1.4),
        series,
    ));
    o.figure(tail_figure(&narrow)?);
    o.note(
        "The weights of N(0, 1) drawn from N(0, s²), s < 1, have a tail of shape k = 1 - s² (approached slowly, as the \
         logarithm of the sample). Shapes are exact for generalised Pareto variables. Thresholds min(1 - 1/log₁₀ S, 0.7): \
         Vehtari et al., JMLR 25 (2024) 72.",
    );
    Ok(o)
}

/// Survival function of the largest weights and the fitted law.
fn tail_figure(sample: &ImportanceSample) -> Result<Figure, Failure> {
    let m = sample.psis().n_tail;
    let mut ln = sample.ln_weights().to_vec();
    ln.sort_by(f64::total_cmp);
    let cut = ln[ln.len() - m - 1];
    // In units of the weight at the cut
    let excess: Vec<f64> = ln[ln.len() - m..].iter().map(|l| libm::exp(l - cut) - 1.0).collect();
    let mut series = Vec::new();
    let survival = |j: usize| 1.0 - (j as f64 + 0.5) / m as f64;
    // Every point of the upper end, and fewer of the many at the cut
    let mut shown: Vec<usize> =
        (0..240).map(|i| m - (m as f64).powf(f64::from(i) / 240.0) as usize).collect();
    shown.sort_unstable();
    shown.dedup();
    series.push(Series::new(
        "weights",
        Style::Points,
        shown.iter().map(|j| (1.0 + excess[*j], survival(*j))).collect(),
    ));
    if let Some((k, sigma)) = psis::fit_generalized_pareto(&excess) {
        let law = GeneralizedPareto::new(0.0, sigma, k)?;
        let line = shown.iter().map(|j| (1.0 + excess[*j], law.sf(excess[*j]))).collect();
        series.push(Series::new(&format!("generalised Pareto law, k = {k:.2}"), Style::Line, line));
    }
    Ok(Figure::plot(
        "importance-tail",
        "The largest weights and the law fitted to them",
        "Survival function of the largest weights of N(0, 1) drawn from N(0, ¼). A straight line of slope -1/k: so heavy a \
         tail has a mean and no variance.",
        Axis::log("weight / weight at the cut-off"),
        Axis::log("fraction of the tail above"),
        series,
    ))
}

/// Frac(i φ), which any program reproduces bit for bit; then -c ln of it.
fn golden(n: usize, c: f64) -> Vec<f64> {
    let g = (5f64.sqrt() - 1.0) / 2.0;
    (1..=n).map(|i| -libm::log((i as f64 * g) % 1.0) * c).collect()
}

fn loo(_: &Context<'_>) -> Result<Outcome, Failure> {
    let mut o = Outcome::default();
    // R 4.2.2, loo 2.5.1: pareto_k and Σ w² of the normalised smoothed weights
    let table = [
        (50, 0.15, 0.29664457494608854, 0.020531711665135073),
        (200, 0.4, 0.34553430977054955, 0.0066420922285127144),
        (1000, 0.75, 0.67904034554589, 0.008_414_383_748_395_357),
        (400, 1.3, 1.0698272095259447, 0.13003764373912388),
    ];
    for (n, c, k, square) in table {
        let fit = psis::pareto_smooth(&golden(n, c), 1.0)?;
        let total = smml_core::energy::ln_sum_exp(&fit.ln_weights);
        let sum: f64 = fit.ln_weights.iter().map(|l| libm::exp(2.0 * (l - total))).sum();
        o.computed(format!("k-hat of {n} weights"), fit.k_hat.unwrap_or(f64::NAN), k, 1e-10);
        o.computed(format!("Σ w² of {n} smoothed weights"), sum, square, 1e-12);
    }
    o.note("Expected: R 4.2.2 with loo 2.5.1, psis(), on the same weights u⁻ᶜ with u the fractional parts of i (√5 - 1)/2.");
    Ok(o)
}

fn balance_classes(ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let mut o = Outcome::default();
    let (sample, target, means) = ([0.95, 0.05], [0.5, 0.5], [0.2, 1.7]);
    let weights = balance::class_weights(&sample, &target)?;
    o.computed("weight of the frequent class", weights[0], 0.5 / 0.95, 1e-15)
        .computed("weight of the rare class", weights[1], 10.0, 1e-15)
        .computed(
            "effective fraction of the sample",
            balance::effective_fraction(&sample, &target)?,
            0.19,
            1e-14,
        )
        .holds(
            "a class that the sample lacks is refused",
            balance::class_weights(&[1.0, 0.0], &target).is_err(),
        );
    let n = ctx.level.pick(100_000, 1_000_000, 10_000_000);
    let mut rng = ctx.streams.stream("classes", 0);
    let labels: Vec<usize> = (0..n).map(|_| usize::from(rng.chance(sample[1]))).collect();
    let losses: Vec<f64> = labels.iter().map(|c| means[*c] * rng.exponential()).collect();
    let each: Vec<f64> = labels.iter().map(|c| weights[*c]).collect();
    let weighted = balance::weighted_risk(&losses, &each)?;
    let stratified = balance::stratified_risk(&losses, &labels, &target)?;
    o.sampled("risk on balanced classes, weighted", weighted, 0.95)
        .sampled("the same, stratified by class", stratified, 0.95)
        .sampled("risk without weights", Estimate::from_independent(&losses)?, 0.275)
        .holds("stratifying has the smaller error", stratified.std_error < weighted.std_error)
        .note(
            "A two-class sample of 95 % and 5 %, with exponential losses of mean 0.2 and 1.7: the risk is 0.275 as sampled \
             and 0.95 when both classes count alike. Weights are w = p_target / p_sample, their price 1 / Σ p_target² / p_sample.",
        );
    Ok(o)
}
