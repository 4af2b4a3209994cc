//! Eqs. (45)-(51) and Algorithm 1: densities of sums, smoothing, polynomials, and every way to compute them.

use super::{exact, largest_difference};
use crate::{
    catalogue::Chapter,
    error::Failure,
    report::figure::{Axis, Figure, Series, Style},
    reproduce::check::{Check, Context, Outcome},
};
use smml_core::{
    convolve::{
        Method, Mode, choose, convolve_with,
        grid::GridDensity,
        lattice::{ErrorBound, LatticeDistribution, Tails},
        polynomial::{Polynomial, multiply_integers},
        reference::algorithm_1,
        smoothing::{Edge, SmoothingKernel, smooth, smooth_variances},
    },
    distribution::{Continuous, Normal},
    prelude::*,
};
use std::time::Instant;

pub(crate) const CHECKS: &[Check] = &[
    Check {
        id: "density-of-a-sum",
        chapter: Chapter::Core,
        equations: &["45"],
        title: "Densities of sums: a triangle, a normal law",
        run: densities,
    },
    Check {
        id: "sums-of-dice",
        chapter: Chapter::Core,
        equations: &["46"],
        title: "Sums of dice, to the last digit of their tails",
        run: dice,
    },
    Check {
        id: "smoothing",
        chapter: Chapter::Core,
        equations: &["47"],
        title: "Smoothing: Savitzky-Golay, Gaussian, and the variance left",
        run: smoothing,
    },
    Check {
        id: "polynomial-products",
        chapter: Chapter::Core,
        equations: &["48", "49", "50", "51"],
        title: "Products of polynomials, exactly",
        run: polynomials,
    },
    Check {
        id: "algorithm-1",
        chapter: Chapter::Core,
        equations: &["A1", "51"],
        title: "Algorithm 1 agrees with the definition for n = 1 to 64",
        run: algorithm,
    },
    Check {
        id: "convolution-methods",
        chapter: Chapter::Core,
        equations: &["46", "47"],
        title: "All methods of convolution agree",
        run: methods,
    },
];

fn densities(_: &Context<'_>) -> Result<Outcome, Failure> {
    let mut o = Outcome::default();
    let n = 1025;
    let step = 1.0 / (n - 1) as f64;
    let uniform = GridDensity::from_fn(0.0, step, n, |_| 1.0)?;
    let sum = uniform.plus(&uniform, Tails::Relative)?.density;
    let triangle: Vec<f64> = (0..sum.values().len()).map(|i| 1.0 - (sum.x(i) - 1.0).abs()).collect();
    o.computed(
        "largest error of U + U against the triangle",
        largest_difference(sum.values(), &triangle),
        0.0,
        1e-12,
    )
    .computed("variance of U + U", sum.variance(), 1.0 / 6.0, 1e-5);
    let normal = |mean, std_dev| -> Result<GridDensity, Error> {
        let law = Normal::new(mean, std_dev)?;
        GridDensity::from_fn(mean - 12.0 * std_dev, 0.05, (24.0 * std_dev / 0.05) as usize + 1, |x| {
            law.pdf(x)
        })
    };
    let (three, four) = (normal(1.0, 3.0)?, normal(-2.0, 4.0)?);
    let five = Normal::new(-1.0, 5.0)?;
    for (name, tails, tolerance) in [("directly", Tails::Relative, 1e-13), ("by FFT", Tails::Absolute, 1e-13)]
    {
        let sum = three.plus(&four, tails)?.density;
        let known: Vec<f64> = (0..sum.values().len()).map(|i| five.pdf(sum.x(i))).collect();
        let error = largest_difference(sum.values(), &known);
        o.computed(
            format!("largest error of N(1, 3²) + N(-2, 4²) against N(-1, 5²), {name}"),
            error,
            0.0,
            tolerance,
        )
        .computed(format!("standard deviation of that sum, {name}"), sum.variance().sqrt(), 5.0, 1e-9)
        .computed(format!("mean of that sum, {name}"), sum.mean(), -1.0, 1e-9);
    }
    let mut total = uniform.clone();
    let mut series = Vec::new();
    for k in 1..=4 {
        if k > 1 {
            total = total.plus(&uniform, Tails::Absolute)?.density;
        }
        let stride = total.values().len().div_ceil(300);
        let points =
            total.values().iter().enumerate().step_by(stride).map(|(i, f)| (total.x(i), *f)).collect();
        series.push(Series::new(&format!("sum of {k}"), Style::Line, points));
    }
    // Irwin-Hall: the density of four at its middle is 2/3
    o.computed("density of the sum of four uniform variables at 2 (Irwin-Hall)", total.at(2.0), 2.0 / 3.0, 1e-5)
        .figure(Figure::plot(
            "sum-densities",
            "Convolution of densities",
            "Densities of sums of one to four uniform variables by Eq. (45): box, triangle, parabolas, cubics, and soon a bell.",
            Axis::linear("z"),
            Axis::linear("density"),
            series,
        ))
        .note("Closed forms: triangle, normal with variances added (9 + 16 = 25), Irwin-Hall.");
    Ok(o)
}

fn dice(_: &Context<'_>) -> Result<Outcome, Failure> {
    let mut o = Outcome::default();
    let die = LatticeDistribution::on_integers(1, vec![1.0 / 6.0; 6])?;
    let two = die.plus(&die, Tails::Relative)?.distribution;
    o.computed("P(7) of two dice", two.probability(7.0), 1.0 / 6.0, 1e-15).computed(
        "P(2) of two dice",
        two.probability(2.0),
        1.0 / 36.0,
        1e-15,
    );
    let least = 6f64.powi(-10);
    let ten = die.n_fold(10, Tails::Relative)?.distribution;
    let quick = die.n_fold(10, Tails::Absolute)?;
    o.computed("P(10) of ten dice over 6⁻¹⁰", ten.probability(10.0) / least, 1.0, 1e-13).computed(
        "P(60) of ten dice over 6⁻¹⁰",
        ten.probability(60.0) / least,
        1.0,
        1e-13,
    );
    let p = vec![1.0 / 6.0; 6];
    let mut by_fft = p.clone();
    for _ in 1..10 {
        by_fft = convolve_with(&by_fft, &p, Mode::Full, Method::Fft)?;
    }
    o.reported("relative error of P(10) by FFT", exact((by_fft[0] / least - 1.0).abs()));
    if let ErrorBound::Absolute(bound) = quick.error {
        let error = largest_difference(quick.distribution.probabilities(), ten.probabilities());
        o.at_most("error of the quick path against its own bound", exact(error), bound);
    }
    // Integers counted in Python: outcomes of 30 dice with sum >= 170, and with sum 105, out of 6³⁰.
    o.computed(
        "ln P(S ≥ 170) of 30 dice, by tilting",
        die.ln_upper_tail(30, 170.0)?,
        -33.19643594985786,
        1e-10,
    );
    let near = die.n_fold_near(30, 105.0)?.ln_probability(105.0).unwrap_or(f64::NAN);
    o.computed("ln P(S = 105) of 30 dice, by tilting", near, -3.1600670744879764, 1e-10).computed(
        "ln P(S = 6000) of 1000 dice",
        die.ln_upper_tail(1000, 6000.0)?,
        -1000.0 * 6f64.ln(),
        1e-9,
    );
    let mut bars = Vec::new();
    for n in [1, 2, 3, 5, 10] {
        let d = die.n_fold(n, Tails::Relative)?.distribution;
        let points = d.probabilities().iter().enumerate().map(|(k, p)| (d.value(k), *p)).collect();
        bars.push(Series::new(&format!("{n} dice"), Style::LinePoints, points));
    }
    o.figure(Figure::plot(
        "dice-sums",
        "Sums of dice",
        "The distribution of the sum of 1, 2, 3, 5 and 10 dice by repeated convolution, Eq. (46).",
        Axis::linear("sum"),
        Axis::linear("probability"),
        bars,
    ));
    let thirty = die.n_fold(30, Tails::Relative)?.distribution;
    let mut fft = p.clone();
    for _ in 1..30 {
        fft = convolve_with(&fft, &p, Mode::Full, Method::Fft)?;
    }
    let tail = |q: &[f64]| q.iter().enumerate().map(|(k, p)| (30.0 + k as f64, p.abs().max(1e-30))).collect();
    o.figure(Figure::plot(
        "dice-tails",
        "What a Fourier transform does to tails",
        "Thirty dice. Products summed one by one keep every digit down to 6⁻³⁰; a transform leaves noise of about 10⁻¹⁷ \
         (absolute values shown).",
        Axis::linear("sum"),
        Axis::log("probability").over(1e-25, 1.0),
        vec![
            Series::new("by FFT", Style::Line, tail(&fft)),
            Series::new("summed", Style::Dashed, tail(thirty.probabilities())),
        ],
    ));
    o.note("P(10) = 6⁻¹⁰ since only one of 6¹⁰ throws shows ten ones. Counts for thirty dice: integer arithmetic in Python.");
    Ok(o)
}

fn smoothing(ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let mut o = Outcome::default();
    let savitzky = SmoothingKernel::savitzky_golay(5, 2, 0, 1.0)?;
    let printed = [-3.0, 12.0, 17.0, 12.0, -3.0].map(|w| w / 35.0);
    o.computed(
        "largest error of Savitzky-Golay (5, 2) against (-3, 12, 17, 12, -3) / 35",
        largest_difference(savitzky.weights(), &printed),
        0.0,
        1e-15,
    );
    // Savitzky and Golay (1964), Table I: 9 points, quadratic
    let nine = [-21.0, 14.0, 39.0, 54.0, 59.0, 54.0, 39.0, 14.0, -21.0].map(|w| w / 231.0);
    o.computed(
        "the same for (9, 2)",
        largest_difference(SmoothingKernel::savitzky_golay(9, 2, 0, 1.0)?.weights(), &nine),
        0.0,
        1e-15,
    );
    let parabola: Vec<f64> = (0..50).map(|i| f64::from(i).powi(2) - 7.0 * f64::from(i)).collect();
    let kept = smooth(&parabola, &savitzky, Edge::Interp)?;
    o.computed(
        "a parabola through it, largest change, edges included",
        largest_difference(&kept, &parabola),
        0.0,
        1e-11,
    );
    let (a, b) = (SmoothingKernel::gaussian(3.0, 10.0)?, SmoothingKernel::gaussian(4.0, 10.0)?);
    let both = convolve_with(a.weights(), b.weights(), Mode::Full, Method::Direct)?;
    let spread = |w: &[f64]| {
        let c = (w.len() / 2) as f64;
        w.iter().enumerate().map(|(i, w)| w * (i as f64 - c).powi(2)).sum::<f64>().sqrt()
    };
    o.computed("width of Gaussians of 3 and 4, one after the other", spread(&both), 5.0, 1e-12);
    let n = ctx.level.pick(100_000, 1_000_000, 10_000_000);
    let mut rng = ctx.streams.stream("noise", 0);
    let noise: Vec<f64> = (0..n).map(|_| rng.normal()).collect();
    for (name, kernel) in [
        ("Savitzky-Golay (5, 2), 17/35", savitzky),
        ("moving average of 7, 1/7", SmoothingKernel::moving_average(7)?),
    ] {
        let left: Vec<f64> = smooth(&noise, &kernel, Edge::Reflect)?.iter().map(|x| x * x).collect();
        let expected = if kernel.weights().len() == 5 { 17.0 / 35.0 } else { 1.0 / 7.0 };
        let middle = smooth_variances(&[1.0; 99], &kernel, Edge::Reflect)?[49];
        // The few values at the ends have another variance: leave them out.
        o.sampled(
            format!("variance that noise keeps: {name}"),
            Estimate::from_chain(&left[10..n - 10])?,
            expected,
        )
        .computed(format!("the same, predicted: {name}"), middle, expected, 1e-14);
    }
    let mut rng = ctx.streams.stream("signal", 0);
    let truth =
        |t: f64| libm::exp(-((t - 60.0) / 6.0).powi(2)) + 0.7 * libm::exp(-((t - 130.0) / 20.0).powi(2));
    let x: Vec<f64> = (0..200).map(f64::from).collect();
    let noisy: Vec<f64> = x.iter().map(|t| truth(*t) + 0.12 * rng.normal()).collect();
    let with = |y: &[f64]| x.iter().copied().zip(y.iter().copied()).collect::<Vec<_>>();
    let gaussian = smooth(&noisy, &SmoothingKernel::gaussian(5.0, 4.0)?, Edge::Reflect)?;
    let golay = smooth(&noisy, &SmoothingKernel::savitzky_golay(21, 3, 0, 1.0)?, Edge::Interp)?;
    o.figure(Figure::plot(
        "smoothing",
        "A noisy signal, smoothed",
        "A Gaussian kernel lowers narrow peaks; the polynomial fit of Savitzky and Golay keeps their height.",
        Axis::linear("t"),
        Axis::linear("signal"),
        vec![
            Series::new("noisy", Style::Points, with(&noisy)),
            Series::new("true", Style::Dashed, x.iter().map(|t| (*t, truth(*t))).collect()),
            Series::new("Gaussian, σ = 5", Style::Line, with(&gaussian)),
            Series::new("Savitzky-Golay (21, 3)", Style::Line, with(&golay)),
        ],
    ));
    o.note("Weights as printed by Savitzky and Golay (Anal. Chem. 36, 1627 (1964)); a kernel h keeps Σ h² of the variance of white noise.");
    Ok(o)
}

fn polynomials(_: &Context<'_>) -> Result<Outcome, Failure> {
    let mut o = Outcome::default();
    let a = Polynomial::new(vec![1.0, 2.0, 3.0])?;
    let b = Polynomial::new(vec![4.0, 5.0, 6.0])?;
    let c = a.times(&b)?;
    o.computed(
        "(1 + 2x + 3x²)(4 + 5x + 6x²): largest error",
        largest_difference(c.coefficients(), &[4.0, 13.0, 28.0, 27.0, 18.0]),
        0.0,
        0.0,
    )
    .computed("number of coefficients, 2n - 1", c.coefficients().len() as f64, 5.0, 0.0)
    .computed("A(1.5)", a.at(1.5), 10.75, 1e-15)
    .computed("B(1.5)", b.at(1.5), 25.0, 1e-15)
    .computed("C(1.5) = A(1.5) B(1.5)", c.at(1.5), 10.75 * 25.0, 1e-15);
    // (1 + x)^60 by squaring and multiplying: C(60, 30), beyond 2^53
    let mut power = vec![1i64];
    for _ in 0..60 {
        power = multiply_integers(&power, &[1, 1])?.into_iter().map(|c| c as i64).collect();
    }
    o.holds(
        "(1 + x)⁶⁰ has C(60, 30) = 118,264,581,564,861,424 in its middle",
        power[30] == 118_264_581_564_861_424,
    );
    // Long factors with large coefficients: (1 + x + ... + x^(n-1))² scaled by 10⁹ has k + 1 = 1, 2, ..., n, ..., 1
    let n = 5000;
    let long = multiply_integers(&vec![1_000_000_007; n], &vec![-999_999_937; n])?;
    let unit = -1_000_000_007i128 * 999_999_937;
    let right = long.iter().enumerate().all(|(k, c)| *c == unit * (k + 1).min(2 * n - 1 - k) as i128);
    o.holds("a product of 5000 × 5000 coefficients near 10⁹ is exact", right && long.len() == 2 * n - 1);
    let cyclic: Vec<i64> = (0..300).map(|i| if i == 0 { -1 } else { i64::from(i == 299) }).collect();
    let square = multiply_integers(&cyclic, &cyclic)?;
    let expected = |k: usize| match k {
        0 | 598 => 1,
        299 => -2,
        _ => 0,
    };
    o.holds("(x²⁹⁹ - 1)² = x⁵⁹⁸ - 2 x²⁹⁹ + 1", square.iter().enumerate().all(|(k, c)| *c == expected(k)))
        .note("Products written out by hand; binomial coefficients from tables; long products by their closed form.");
    Ok(o)
}

/// The definition c_k = Σ a_i b_{k-i}, written here once more and independently.
fn schoolbook(a: &[f64], b: &[f64]) -> Vec<f64> {
    let mut c = vec![0.0; a.len() + b.len() - 1];
    for (i, a) in a.iter().enumerate() {
        for (j, b) in b.iter().enumerate() {
            c[i + j] += a * b;
        }
    }
    c
}

fn norm(x: &[f64]) -> f64 {
    x.iter().map(|v| v * v).sum::<f64>().sqrt()
}

fn algorithm(ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let mut o = Outcome::default();
    let mut worst = 0.0f64;
    for n in 1..=64 {
        let mut rng = ctx.streams.stream("coefficients", n as u64);
        let a: Vec<f64> = (0..n).map(|_| rng.normal()).collect();
        let b: Vec<f64> = (0..n).map(|_| rng.normal()).collect();
        let c = algorithm_1(&a, &b)?;
        let error = largest_difference(&c, &schoolbook(&a, &b)) / (norm(&a) * norm(&b));
        worst = if error.is_nan() { error } else { worst.max(error) };
    }
    o.computed("largest error over |a| |b|, n = 1 to 64", worst, 0.0, 1e-14);
    let integers = algorithm_1(&[1.0, 2.0, 3.0, 4.0], &[5.0, 6.0, 7.0, 8.0])?;
    let by_hand = [5.0, 16.0, 34.0, 60.0, 61.0, 52.0, 32.0];
    o.computed(
        "(1, 2, 3, 4) * (5, 6, 7, 8): largest error",
        largest_difference(&integers, &by_hand),
        0.0,
        1e-13,
    )
    .holds("vectors of different lengths are refused", algorithm_1(&[1.0], &[1.0, 2.0]).is_err())
    .note("Compared with the definition, summed term by term.");
    Ok(o)
}

fn methods(ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let mut o = Outcome::default();
    for (method, name) in [
        (Method::Direct, "direct"),
        (Method::Fft, "FFT"),
        (Method::OverlapSave, "overlap-save"),
        (Method::Auto, "chosen"),
    ] {
        let mut worst = 0.0f64;
        for (i, (n, m)) in
            [(1, 1), (7, 300), (64, 64), (1000, 3), (1000, 999), (20_000, 100)].into_iter().enumerate()
        {
            let mut rng = ctx.streams.stream("series", i as u64);
            let a: Vec<f64> = (0..n).map(|_| rng.normal()).collect();
            let b: Vec<f64> = (0..m).map(|_| rng.normal()).collect();
            let full = schoolbook(&a, &b);
            for mode in [Mode::Full, Mode::Same, Mode::Valid] {
                let (start, len) = mode.range(n, m);
                let c = convolve_with(&a, &b, mode, method)?;
                let error = largest_difference(&c, &full[start..start + len]) / (norm(&a) * norm(&b));
                worst = if error.is_nan() { error } else { worst.max(error) };
            }
        }
        o.computed(format!("largest error over |a| |b|: {name}"), worst, 0.0, 5e-15);
    }
    o.figure(timing_figure(ctx)?).note("Compared with the definition, summed term by term, in the modes full, same and valid. The times in the figure are those of this run.");
    Ok(o)
}

/// Time against the length of the kernel. Times are of this run and machine, and judged by nobody.
fn timing_figure(ctx: &Context<'_>) -> Result<Figure, Failure> {
    let n = ctx.level.pick(50_000, 200_000, 1_000_000);
    let mut rng = ctx.streams.stream("timing", 0);
    let signal: Vec<f64> = (0..n).map(|_| rng.normal()).collect();
    let lengths: Vec<usize> = (0..14).map(|i| 2usize << i).take_while(|m| 4 * m <= n).collect();
    let repeats = ctx.level.pick(2, 5, 7);
    let mut series = Vec::new();
    for (method, name) in [
        (Method::Direct, "direct"),
        (Method::Fft, "one FFT"),
        (Method::OverlapSave, "overlap-save"),
        (Method::Auto, "chosen"),
    ] {
        let mut points = Vec::new();
        for &m in &lengths {
            let really = if method == Method::Auto { choose(n, m, Mode::Full) } else { method };
            if really == Method::Direct && m > 1024 {
                continue; // seconds, to no purpose
            }
            let mut out = Vec::new();
            let mut best = f64::INFINITY;
            for _ in 0..repeats {
                let begin = Instant::now();
                smml_core::convolve::convolve_into(&signal, &signal[..m], Mode::Full, method, &mut out)?;
                best = best.min(begin.elapsed().as_secs_f64());
            }
            points.push((m as f64, 1e3 * best));
        }
        let style = if method == Method::Auto { Style::Dashed } else { Style::LinePoints };
        series.push(Series::new(name, style, points));
    }
    Ok(Figure::plot(
        "convolution-timing",
        "Which convolution is quickest",
        &format!("Time to convolve {n} values with a kernel, against the kernel's length. The choice made from the lengths follows the lower envelope."),
        Axis::log("kernel length"),
        Axis::log("time / ms"),
        series,
    )
    .timed())
}
