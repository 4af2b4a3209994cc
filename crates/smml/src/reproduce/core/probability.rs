//! Eqs. (1)-(3): distributions that are normalised, and the central limit theorem.

use super::{exact, ks_noise};
use crate::{
    catalogue::Chapter,
    error::Failure,
    report::figure::{Axis, Figure, Series, Style},
    reproduce::check::{Check, Context, Outcome},
};
use smml_core::{
    central_limit::{
        self,
        Alternative::{Greater, TwoSided},
        Hypothesis, Spread, berry_esseen_bound, cauchy_counterexample, convergence, exact_sup_distance,
    },
    distribution::*,
    prelude::*,
};

pub(crate) const CHECKS: &[Check] = &[
    Check {
        id: "discrete-distribution",
        chapter: Chapter::Core,
        equations: &["1"],
        title: "Probabilities sum to 1, and vectors that do not are refused",
        run: discrete,
    },
    Check {
        id: "density-normalisation",
        chapter: Chapter::Core,
        equations: &["2"],
        title: "Densities integrate to 1, heavy tails and singular ends included",
        run: densities,
    },
    Check {
        id: "central-limit-theorem",
        chapter: Chapter::Core,
        equations: &["3"],
        title: "Standardised sums become normal as fast as Berry and Esseen promise",
        run: central_limit_theorem,
    },
    Check {
        id: "confidence-intervals",
        chapter: Chapter::Core,
        equations: &["3"],
        title: "Intervals for a mean cover what they state",
        run: intervals,
    },
    Check {
        id: "cauchy-counterexample",
        chapter: Chapter::Core,
        equations: &["3"],
        title: "Without a variance there is no central limit theorem",
        run: cauchy,
    },
];

fn discrete(ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let mut o = Outcome::default();
    let die = DiscreteUniform::new(1, 6)?;
    o.computed("Σ p of a die", total_probability(&die)?, 1.0, 1e-15)
        .computed("mean of a die", die.mean()?, 3.5, 1e-15)
        .computed("variance of a die", die.variance()?, 35.0 / 12.0, 1e-14)
        .computed("Σ p, Poisson with mean 3.7", total_probability(&Poisson::new(3.7)?)?, 1.0, 1e-13)
        .computed("Σ p, geometric with p = 0.01", total_probability(&Geometric::new(0.01)?)?, 1.0, 1e-13)
        .computed("Σ p, binomial (1000, 0.3)", total_probability(&Binomial::new(1000, 0.3)?)?, 1.0, 1e-12)
        .computed(
            "Σ p, hypergeometric (60, 20, 15)",
            total_probability(&Hypergeometric::new(60, 20, 15)?)?,
            1.0,
            1e-12,
        );
    let said = |p: &[f64]| match check_probabilities(p, PROBABILITY_TOLERANCE) {
        Ok(()) => String::new(),
        Err(e) => e.to_string(),
    };
    o.holds("(1/6, ..., 1/6) is accepted", said(&[1.0 / 6.0; 6]).is_empty())
        .holds("(1.5, -0.5) is refused, naming index 1", said(&[1.5, -0.5]).contains("probability 1 = -0.5"))
        .holds(
            "(0.5, NaN, 0.5) is refused, naming index 1",
            said(&[0.5, f64::NAN, 0.5]).contains("probability 1"),
        )
        .holds("(0.5, 0.6) is refused, naming the sum", said(&[0.5, 0.6]).contains("= 1.1"))
        .holds("a vector that misses 1 by 10⁻⁸ is refused", !said(&[0.5, 0.5 + 1e-8]).is_empty())
        .holds("an empty vector is refused", !said(&[]).is_empty());
    let n = ctx.level.pick(200_000, 1_000_000, 20_000_000);
    let mut rng = ctx.streams.stream("die", 0);
    let weights = Categorical::from_weights(&[1.0, 2.0, 3.0, 4.0])?;
    let (mut six, mut last) = (0, 0);
    for _ in 0..n {
        six += u64::from(die.draw(&mut rng) == 6);
        last += u64::from(weights.draw(&mut rng) == 3);
    }
    o.sampled("frequency of a six", Estimate::from_counts(six, n)?, 1.0 / 6.0)
        .sampled("frequency of the last of weights 1 : 2 : 3 : 4", Estimate::from_counts(last, n)?, 0.4)
        .note("Expected values are the definitions: Σ p = 1, and the moments of a fair die.");
    Ok(o)
}

fn densities(_: &Context<'_>) -> Result<Outcome, Failure> {
    let mut o = Outcome::default();
    let normal = |x: f64| libm::exp(-0.5 * x * x) / (2.0 * std::f64::consts::PI).sqrt();
    o.computed(
        "∫ N(0, 1) over [-40, 40]",
        check_density(normal, -40.0, 40.0, &[0.0], 1e-12)?.value,
        1.0,
        1e-14,
    )
    .computed("∫ N(0, 1) over the line", total_density(&Normal::STANDARD)?.value, 1.0, 1e-13)
    .computed("∫ N(3, 0.01²), a narrow peak", total_density(&Normal::new(3.0, 0.01)?)?.value, 1.0, 1e-9)
    .computed("∫ Cauchy", total_density(&Cauchy::new(0.0, 1.0)?)?.value, 1.0, 1e-11)
    .computed(
        "∫ Student's t with ½ degree of freedom",
        total_density(&StudentT::new(0.0, 1.0, 0.5)?)?.value,
        1.0,
        1e-10,
    )
    .computed("∫ Pareto with shape 0.3", total_density(&Pareto::new(1.0, 0.3)?)?.value, 1.0, 1e-10)
    .computed("∫ log-normal with σ = 4", total_density(&LogNormal::new(0.0, 4.0)?)?.value, 1.0, 1e-10)
    .computed(
        "∫ gamma with shape 0.1, infinite at 0",
        total_density(&Gamma::new(0.1, 1.0)?)?.value,
        1.0,
        1e-10,
    )
    .computed("∫ beta (½, 2), infinite at 0", total_density(&Beta::new(0.5, 2.0)?)?.value, 1.0, 1e-10);
    let wrong = |x: f64| 1.1 * normal(x);
    let said = match check_density(wrong, -40.0, 40.0, &[0.0], 1e-9) {
        Ok(_) => String::new(),
        Err(e) => e.to_string(),
    };
    let total = Quadrature::with_breakpoints([0.0]).integrate(wrong, -40.0, 40.0)?;
    o.computed("total of 1.1 N(0, 1)", total.value, 1.1, 1e-12)
        .holds("1.1 N(0, 1) is refused with its total", said.contains("integral of the density = 1.1") || said.contains("integral of the density = 1.09999"))
        .holds(
            "a function with total 1 that is negative in places is refused",
            check_density(|x| normal(x) * (1.0 + 3.0 * x), -40.0, 40.0, &[0.0], 1e-9).is_err(),
        )
        .note("Every density must integrate to 1 (Eq. (2)); densities are integrated, not assumed to be normalised.");
    Ok(o)
}

/// sup |F - Φ| for standardised sums of n exponential variables (a gamma law), by scipy on a grid of 2·10⁶ points.
const EXPONENTIAL: [(u64, f64); 4] = [(1, 0.158655), (2, 0.0944633), (5, 0.0596289), (30, 0.0242914)];

fn central_limit_theorem(ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let mut o = Outcome::default();
    let coin = Bernoulli::new(0.5)?;
    let distance = exact_sup_distance(&coin, 100)?;
    // scipy: the largest |binom.cdf - norm.cdf| on either side of each step
    o.computed("sup |F - Φ| of 100 coins", distance, 0.03979461869358897, 1e-13)
        .at_most("the same against the Berry-Esseen bound 0.4690 / √100", exact(distance), 0.0469)
        .computed("Berry-Esseen bound of 100 coins", berry_esseen_bound(&coin, 100)?, 0.0469, 1e-13);
    let runs = ctx.level.pick(40_000, 200_000, 2_000_000);
    let noise = ks_noise(runs);
    let law = Exponential::new(1.0)?;
    let sizes: Vec<u64> = EXPONENTIAL.iter().map(|(n, _)| *n).collect();
    let found = convergence(&law, &sizes, runs, &ctx.streams.child("exponential", 0), Par::Rayon)?;
    for ((n, known), row) in EXPONENTIAL.iter().zip(&found) {
        let miss = exact((row.ks_to_normal - known).abs());
        o.at_most(format!("|sup distance - exact| of {n} exponential variables"), miss, noise + 1e-6);
    }
    let last = found[found.len() - 1];
    o.at_most("30 exponential variables against the bound", exact(last.ks_to_normal), last.bound + noise);
    let sums =
        central_limit::standardised_sums(&law, 30, runs, &ctx.streams.child("moments", 0), Par::Rayon)?;
    let power = |k: i32| sums.iter().map(|z| z.powi(k)).collect::<Vec<_>>();
    o.sampled("mean of the standardised sum", Estimate::from_independent(&sums)?, 0.0)
        .sampled("its second moment", Estimate::from_independent(&power(2))?, 1.0)
        .sampled("its third moment, 2 / √30", Estimate::from_independent(&power(3))?, 2.0 / 30f64.sqrt());
    o.figure(histogram(&law, "exponential", "exponential", ctx, runs)?);
    o.figure(histogram(&Uniform::new(0.0, 1.0)?, "uniform", "uniform", ctx, runs)?);
    o.figure(histogram(&Beta::new(0.5, 0.5)?, "arcsine", "arcsine (U-shaped)", ctx, runs)?);
    o.figure(distances(ctx)?);
    o.note(
        "The distance of 100 coins and those of sums of exponential variables were computed by scipy from the exact \
         laws (binomial, gamma). Sampled distances may differ from them by the noise of an empirical distribution \
         function (Dvoretzky-Kiefer-Wolfowitz inequality).",
    );
    Ok(o)
}

fn histogram<D: Distribution>(
    law: &D,
    id: &str,
    name: &str,
    ctx: &Context<'_>,
    runs: usize,
) -> Result<Figure, Failure> {
    let mut series = Vec::new();
    for n in [30, 5, 2, 1] {
        let streams = ctx.streams.child(id, n);
        let h =
            central_limit::standardised_sum_histogram(law, n, runs, 60, (-4.0, 4.0), &streams, Par::Rayon)?;
        let style = if n == 30 { Style::Bars } else { Style::LinePoints };
        series.push(Series::new(&format!("n = {n}"), style, h.density()));
    }
    let curve = (0..=160).map(|i| -4.0 + 0.05 * f64::from(i)).map(|x| (x, Normal::STANDARD.pdf(x))).collect();
    series.push(Series::new("N(0, 1)", Style::Line, curve));
    Ok(Figure::plot(
        &format!("clt-{id}"),
        &format!("Sums of {name} variables become normal"),
        &format!("Histograms of {runs} standardised sums of n {name} variables, and the normal density."),
        Axis::linear("(Sₙ - nμ) / σ√n").over(-4.0, 4.0),
        Axis::linear("density"),
        series,
    ))
}

/// Distance to normal against n.
fn distances(ctx: &Context<'_>) -> Result<Figure, Failure> {
    let runs = ctx.level.pick(20_000, 100_000, 1_000_000);
    let sizes = [1, 2, 4, 8, 16, 32, 64];
    let points = |rows: &[central_limit::Convergence]| {
        rows.iter().map(|r| (r.n as f64, r.ks_to_normal)).collect::<Vec<_>>()
    };
    let law = Exponential::new(1.0)?;
    let exponential = convergence(&law, &sizes, runs, &ctx.streams.child("distance", 0), Par::Rayon)?;
    let uniform =
        convergence(&Uniform::new(0.0, 1.0)?, &sizes, runs, &ctx.streams.child("distance", 1), Par::Rayon)?;
    let cauchy = cauchy_counterexample(&sizes, runs, &ctx.streams.child("distance", 2), Par::Rayon)?;
    let noise = 0.87 / (runs as f64).sqrt();
    let coin = Bernoulli::new(0.5)?;
    let mut coins = Vec::new();
    for n in sizes {
        coins.push((n as f64, exact_sup_distance(&coin, n)?));
    }
    Ok(Figure::plot(
        "clt-distance",
        "How fast sums become normal, and Cauchy sums that never do",
        "Kolmogorov distance to the normal law against the number of terms. The bound of Berry and Esseen falls as 1/√n; \
         the means of Cauchy variables stay where they are. The dashed floor is the noise of the samples.",
        Axis::log("number of terms n"),
        Axis::log("sup |Fₙ - Φ|"),
        vec![
            Series::new("exponential", Style::LinePoints, points(&exponential)),
            Series::new(
                "Berry-Esseen bound, exponential",
                Style::Dashed,
                exponential.iter().map(|r| (r.n as f64, r.bound)).collect(),
            ),
            Series::new("coin (exact)", Style::Line, coins),
            Series::new("uniform", Style::LinePoints, points(&uniform)),
            Series::new(
                "Cauchy",
                Style::LinePoints,
                cauchy.iter().map(|r| (r.n as f64, r.ks_to_normal)).collect(),
            ),
            Series::new("noise", Style::Dashed, vec![(1.0, noise), (64.0, noise)]).in_colour(6),
        ],
    ))
}

fn intervals(ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let mut o = Outcome::default();
    let runs = ctx.level.pick(10_000, 100_000, 1_000_000);
    let covered = |law: &Normal, n, level, spread, i| {
        central_limit::coverage(law, n, level, spread, runs, &ctx.streams.child("normal", i), Par::Rayon)
    };
    let normal = Normal::new(3.0, 2.0)?;
    o.sampled(
        "coverage of the 90 % t interval, 3 normal values",
        covered(&normal, 3, 0.9, Spread::Estimated, 0)?,
        0.9,
    );
    o.sampled(
        "coverage of the 68 % interval, σ known",
        covered(&normal, 2, 0.68, Spread::Known { std_dev: 2.0 }, 1)?,
        0.68,
    );
    let coin = Bernoulli::new(0.5)?;
    let spread = Spread::Known { std_dev: 0.5 };
    let coins =
        central_limit::coverage(&coin, 100, 0.95, spread, runs, &ctx.streams.child("coins", 0), Par::Rayon)?;
    o.sampled("coverage of the 95 % interval of 100 coins, σ known", coins, 0.9431120663590191);
    let law = Exponential::new(1.0)?;
    let spread = Spread::guaranteed_for(&law)?;
    let sure =
        central_limit::coverage(&law, 200, 0.8, spread, runs, &ctx.streams.child("sure", 0), Par::Rayon)?;
    o.at_least("coverage of the guaranteed 80 % interval, 200 exponential values", sure, 0.8);
    let rejected = |mean, alternative, i| {
        let test = Hypothesis { mean, alternative, spread: Spread::Estimated };
        let streams = ctx.streams.child("tests", i);
        central_limit::rejection_rate(&normal, 10, &test, 0.05, runs, &streams, Par::Rayon)
    };
    o.sampled("size of the two-sided 5 % t test, 10 normal values", rejected(3.0, TwoSided, 0)?, 0.05)
        .sampled("size of the one-sided 5 % t test", rejected(3.0, Greater, 1)?, 0.05)
        // scipy: nct.sf(t.ppf(0.95, 9), 9, √10/2)
        .sampled("power of it, mean half a σ higher", rejected(2.0, Greater, 2)?, 0.4272898267711785);
    let test = Hypothesis { mean: 1.0, alternative: TwoSided, spread };
    let surely = central_limit::rejection_rate(
        &law,
        200,
        &test,
        0.2,
        runs,
        &ctx.streams.child("surely", 0),
        Par::Rayon,
    )?;
    o.at_most("size of the guaranteed 20 % test, 200 exponential values", surely, 0.2);
    o.note(
        "Normal intervals are exact, so the coverage is the level. For coins it is P(41 ≤ k ≤ 59) of Binomial(100, ½) \
         = 0.94311 (scipy), not 0.95: the binomial law has steps. Intervals widened by the Berry-Esseen bound cover at \
         least what they state, and tests reject at most as often. The size of a test is how often it rejects a mean that \
         is right; its power here is that of the noncentral t law (scipy).",
    );
    Ok(o)
}

fn cauchy(ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let mut o = Outcome::default();
    let runs = ctx.level.pick(10_000, 40_000, 400_000);
    let sizes = [1, 10, 100, 1000];
    let rows = cauchy_counterexample(&sizes[..ctx.level.pick(3, 4, 4)], runs, &ctx.streams, Par::Rayon)?;
    for row in &rows {
        o.at_most(
            format!("distance of means of {} to the law of one draw", row.n),
            exact(row.ks_to_one_draw),
            ks_noise(runs),
        );
        // scipy: the largest |cauchy.cdf(x) - norm.cdf(x Φ⁻¹(¾))|
        let miss = exact((row.ks_to_normal - 0.0810595035971).abs());
        o.at_most(format!("|distance to normal - 0.0811| of means of {}", row.n), miss, ks_noise(runs));
    }
    let law = Cauchy::new(0.0, 1.0)?;
    o.holds("a standardised Cauchy sum is refused", central_limit::standardised_sums(&law, 10, 10, &ctx.streams, Par::Serial).is_err())
        .holds("a Berry-Esseen bound for it is refused", berry_esseen_bound(&law, 10).is_err())
        .note(
            "The mean of n standard Cauchy variables has the law of a single one, for every n. Its distance to the \
             normal law with the same quartiles, 0.08106, is from scipy.",
        );
    Ok(o)
}
