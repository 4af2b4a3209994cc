//! What `smml ising` shows: columns of a series, figures, and the text on the terminal.

use super::{
    evaluate::{More, PointResult, gate, shown, solution},
    work::Measured,
};
use crate::{
    args::{
        IsingArgs,
        spins::{Lattice, SpinKernel},
    },
    output::counted,
    report::{
        figure::{Axis, Figure, Series, Style},
        histogram,
    },
    reproduce::check::Expected,
    run::{results, series},
};

/// Most pictures of spins, and most histograms in one figure.
const SHOWN: usize = 6;
/// Bins of a histogram.
const BINS: usize = 40;

/// The samples: energy and magnetisation of each size at each temperature.
pub(super) fn columns(measured: &[Measured<'_>]) -> Vec<series::Column> {
    let several = measured.iter().any(|m| m.system.size != measured[0].system.size);
    let mut all = Vec::new();
    for m in measured {
        for (k, name) in ["energy", "magnetisation"].into_iter().enumerate() {
            let size = if several { format!("_size_{}", m.system.size) } else { String::new() };
            let beta = if measured.len() == 1 { String::new() } else { format!("_beta_{}", m.beta) };
            all.push(series::Column { name: format!("{name}{size}{beta}"), values: m.record.column(k) });
        }
    }
    all
}

/// Curves against exact results, histograms of the energy, correlations, and the last states.
pub(super) fn figures(args: &IsingArgs, measured: &[Measured<'_>], results: &[PointResult]) -> Vec<Figure> {
    let mut figures = Vec::new();
    let several = args.size.0.len() > 1;
    let of_size = |size: u32| results.iter().filter(move |r| r.size == size);
    if results.len() > args.size.0.len() {
        for (name, id, heading) in [
            ("energy", "energy", "Energy"),
            ("specific heat", "specific-heat", "Specific heat"),
            ("|magnetisation|", "magnetisation", "Magnetisation"),
            ("susceptibility", "susceptibility", "Susceptibility"),
            ("Binder cumulant", "binder", "Binder cumulant"),
            ("correlation length / L", "correlation-length", "Correlation length"),
            ("free energy", "free-energy", "Free energy"),
            ("entropy", "entropy", "Entropy"),
        ] {
            let mut series = Vec::new();
            for (k, &size) in args.size.0.iter().enumerate() {
                let label = |what: &str| if several { format!("{what}, L = {size}") } else { what.into() };
                let rows = || {
                    of_size(size)
                        .flat_map(|r| r.rows.iter().filter(|q| q.quantity == name).map(move |q| (x_of(r), q)))
                };
                let exact: Vec<(f64, f64)> = rows()
                    .filter_map(|(x, q)| match q.expected {
                        Expected::Sampled(y) => Some((x, y)),
                        _ => None,
                    })
                    .collect();
                let solved = solved_curve(args, size, results, name);
                if !solved.is_empty() {
                    series.push(Series::new(&label("exact"), Style::Line, solved).in_colour(k));
                } else if !exact.is_empty() {
                    let at = label("exact, at the measured points");
                    series.push(Series::new(&at, Style::Line, exact).in_colour(k));
                }
                let points: Vec<(f64, smml_core::Estimate)> = rows().map(|(x, q)| (x, q.value)).collect();
                if !points.is_empty() {
                    series.push(Series::measured(&label("simulation"), &points).in_colour(k));
                }
            }
            // Alone, theory and simulation are told apart by colour.
            if !several {
                series.iter_mut().for_each(|s| s.colour = None);
            }
            if !series.is_empty() {
                let unit = if matches!(id, "binder" | "correlation-length") { "" } else { " per spin" };
                let y = Axis::linear(&format!("{name}{unit}"));
                figures.push(Figure::plot(id, heading, "With one standard error.", axis(args), y, series));
            }
        }
    }
    let largest = args.size.0.last().copied().unwrap_or_default();
    let largest_only: Vec<(&Measured<'_>, &PointResult)> =
        measured.iter().zip(results).filter(|(m, _)| m.system.size == largest).collect();
    let step = largest_only.len().div_ceil(SHOWN).max(1);
    let chosen = || largest_only.iter().step_by(step);
    figures.extend(energies(args, chosen()));
    let correlations: Vec<Series> = chosen()
        .filter(|(_, r)| !r.correlation.is_empty())
        .map(|(_, r)| Series::measured(&at(args, r), &r.correlation))
        .collect();
    if !correlations.is_empty() {
        figures.push(Figure::plot(
            "correlation",
            "Correlation",
            "⟨s(0) s(r)⟩ along the axes; it does not vanish at large r where there is order.",
            Axis::linear("distance r"),
            Axis::linear("correlation"),
            correlations,
        ));
    }
    if matches!(args.lattice, Lattice::Square | Lattice::Triangular | Lattice::Cubic) {
        let side = largest as usize;
        let caption = match args.lattice {
            Lattice::Cubic => "A plane of the last state; light is up.",
            _ => "The last state; light is up.",
        };
        for (k, (m, result)) in chosen().enumerate() {
            let signs = m.system.signs(m.state);
            let pixels = signs.iter().take(side * side).map(|s| if *s > 0 { 225 } else { 30 }).collect();
            let title = format!("Spins at {}", at(args, result));
            figures.push(Figure::image(&format!("spins-{k}"), &title, caption, side, side, pixels));
        }
    }
    figures
}

/// Where a result stands on the axis of temperatures.
fn x_of(r: &PointResult) -> f64 {
    r.temperature.unwrap_or(r.beta)
}

pub(super) fn axis(args: &IsingArgs) -> Axis {
    Axis::linear(if args.temperature.is_some() { "temperature T" } else { "inverse temperature β" })
}

fn at(args: &IsingArgs, r: &PointResult) -> String {
    let of = |x| shown(args, x);
    r.temperature.map_or(format!("β = {}", of(r.beta)), |t| format!("T = {}", of(t)))
}

/// The distribution of the energy at some temperatures.
fn energies<'a>(
    args: &IsingArgs,
    points: impl Iterator<Item = &'a (&'a Measured<'a>, &'a PointResult)>,
) -> Option<Figure> {
    let energies = |m: &Measured<'_>| -> Vec<f64> {
        m.record.column(0).iter().map(|e| e / m.system.n_spins() as f64).collect()
    };
    let of_each: Vec<(Vec<f64>, String)> = points.map(|(m, r)| (energies(m), at(args, r))).collect();
    let alone = of_each.len() == 1;
    let series: Vec<Series> = of_each
        .iter()
        .filter_map(|(energies, at)| {
            let density = histogram::density(energies, BINS);
            // A frozen chain has no histogram.
            if density.is_empty() {
                return None;
            }
            let style = if alone { Style::Bars } else { Style::Line };
            Some(Series::new(if alone { "samples" } else { at }, style, density))
        })
        .collect();
    if series.is_empty() {
        return None;
    }
    Some(Figure::plot(
        "energy-histogram",
        "Energy",
        "Distribution of the energy per spin over the samples.",
        Axis::linear("energy per spin"),
        Axis::linear("probability density"),
        series,
    ))
}

/// The closed form of the energy or the specific heat, from the lowest to the highest temperature of a run.
fn solved_curve(args: &IsingArgs, size: u32, results: &[PointResult], name: &str) -> Vec<(f64, f64)> {
    const POINTS: u32 = 200;
    let low = results.iter().map(x_of).fold(f64::INFINITY, f64::min);
    let high = results.iter().map(x_of).fold(f64::NEG_INFINITY, f64::max);
    (0..=POINTS)
        .filter_map(|i| {
            let x = low + (high - low) * f64::from(i) / f64::from(POINTS);
            let beta = if args.temperature.is_some() { 1.0 / x } else { x };
            let found = solution(args, size, beta)?;
            match name {
                "energy" => Some((x, found.energy)),
                "specific heat" => Some((x, found.specific_heat)),
                _ => None,
            }
        })
        .collect()
}

/// What people read: one table for each temperature.
pub(super) fn text(args: &IsingArgs, results: &[PointResult], more: &[More]) -> String {
    let mut text = String::new();
    for r in results {
        let at = r.temperature.map_or(format!("beta = {}", shown(args, r.beta)), |t| {
            format!("T = {}, beta = {:.6}", shown(args, t), r.beta)
        });
        let kernel = match args.kernel {
            SpinKernel::HeatBath => "heat bath",
            SpinKernel::Checkerboard => "Metropolis by colour",
            SpinKernel::Metropolis => "Metropolis",
            SpinKernel::Wolff => "Wolff clusters",
            SpinKernel::SwendsenWang => "Swendsen-Wang clusters",
        };
        text += &format!("{at}, L = {}, {}, {kernel}\n", r.size, counted(r.samples as u64, "sample"));
        if r.rows.is_empty() {
            text += &format!("no results: {}\n\n", r.part.message.as_deref().unwrap_or_default());
            continue;
        }
        text += &results::table_judged(&r.rows, "", true, gate(results.len()));
        text += &format!("{}\n\n", r.verdict());
    }
    for m in more {
        text += &format!("{}\n{}", m.part.title, results::table(&m.rows, "", false));
        if let Some(message) = &m.part.message {
            text += &format!("{message}\n");
        }
        for note in &m.part.notes {
            text += &format!("{note}\n");
        }
        text.push('\n');
    }
    text
}
