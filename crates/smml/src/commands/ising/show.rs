//! What `smml ising` shows: columns of a series, figures, and the text on the terminal.

use super::{Point, PointResult, solution, system::System};
use crate::{
    args::{IsingArgs, Lattice, SpinKernel},
    report::figure::{Axis, Figure, Series, Style},
    reproduce::check::Expected,
    run::{results, series},
};
use smml_core::{
    central_limit::Histogram,
    diagnose::{Equilibrated, Equilibration},
};

/// The samples: energy and magnetisation at each temperature.
pub(super) fn columns(points: &[Point], betas: &[f64]) -> Vec<series::Column> {
    let mut all = Vec::new();
    for (point, beta) in points.iter().zip(betas) {
        for (k, name) in ["energy", "magnetisation"].into_iter().enumerate() {
            let name = if betas.len() == 1 { name.to_string() } else { format!("{name}_beta_{beta}") };
            all.push(series::Column { name, values: point.record.column(k) });
        }
    }
    all
}

/// Curves against exact results, or the histogram of the energy, and the last states.
pub(super) fn figures(
    args: &IsingArgs,
    system: &System,
    points: &[Point],
    results: &[PointResult],
) -> Vec<Figure> {
    let mut figures = Vec::new();
    if results.len() > 1 {
        let x_of = |r: &PointResult| r.temperature.unwrap_or(r.beta);
        let x =
            Axis::linear(if args.temperature.is_some() { "temperature T" } else { "inverse temperature β" });
        for (name, id, heading) in [
            ("energy", "energy", "Energy"),
            ("specific heat", "specific-heat", "Specific heat"),
            ("|magnetisation|", "magnetisation", "Magnetisation"),
            ("susceptibility", "susceptibility", "Susceptibility"),
        ] {
            let rows = || {
                results
                    .iter()
                    .flat_map(|r| r.rows.iter().filter(|q| q.quantity == name).map(move |q| (x_of(r), q)))
            };
            let measured: Vec<(f64, smml_core::Estimate)> = rows().map(|(x, q)| (x, q.value)).collect();
            let exact: Vec<(f64, f64)> = rows()
                .filter_map(|(x, q)| match q.expected {
                    Expected::Sampled(y) => Some((x, y)),
                    _ => None,
                })
                .collect();
            let mut series = vec![Series::measured("simulation", &measured)];
            let solved = solved_curve(args, results, name);
            if !solved.is_empty() {
                series.insert(0, Series::new("exact", Style::Line, solved));
            } else if !exact.is_empty() {
                series.insert(0, Series::new("exact, at the measured points", Style::Line, exact));
            }
            let y = Axis::linear(&format!("{name} per spin"));
            figures.push(Figure::plot(id, heading, "With one standard error.", x.clone(), y, series));
        }
    } else if let Some(point) = points.first() {
        let energies: Vec<f64> = point.record.column(0).iter().map(|e| e / system.n_spins() as f64).collect();
        let low = energies.iter().copied().fold(f64::INFINITY, f64::min);
        let high = energies.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        // The upper end is open: a little beyond the largest sample. A frozen chain has no histogram.
        if let Ok(histogram) = Histogram::new(&energies, low, high + 1e-9 * (high - low), 40) {
            let series = vec![Series::new("samples", Style::Bars, histogram.density())];
            let (x, y) = (Axis::linear("energy per spin"), Axis::linear("probability density"));
            figures.push(Figure::plot(
                "energy-histogram",
                "Energy",
                "Distribution of the energy per spin over the samples.",
                x,
                y,
                series,
            ));
        }
    }
    if args.lattice == Lattice::Square {
        let side = args.size as usize;
        for (k, (point, result)) in points.iter().zip(results).enumerate().step_by(points.len().div_ceil(6)) {
            let signs = system.signs(&point.chain.state);
            let pixels = signs.iter().map(|s| if *s > 0 { 225 } else { 30 }).collect();
            let at = result.temperature.map_or(format!("β = {}", result.beta), |t| format!("T = {t}"));
            figures.push(Figure::image(
                &format!("spins-{k}"),
                &format!("Spins at {at}"),
                "The last state; light is up.",
                side,
                side,
                pixels,
            ));
        }
    }
    figures
}

/// The closed form of the energy or the specific heat, from the lowest to the highest temperature of a run.
fn solved_curve(args: &IsingArgs, results: &[PointResult], name: &str) -> Vec<(f64, f64)> {
    const POINTS: u32 = 200;
    let x = |r: &PointResult| r.temperature.unwrap_or(r.beta);
    let low = results.iter().map(x).fold(f64::INFINITY, f64::min);
    let high = results.iter().map(x).fold(f64::NEG_INFINITY, f64::max);
    (0..=POINTS)
        .filter_map(|i| {
            let x = low + (high - low) * f64::from(i) / f64::from(POINTS);
            let found = solution(args, if args.temperature.is_some() { 1.0 / x } else { x })?;
            match name {
                "energy" => Some((x, found.energy)),
                "specific heat" => Some((x, found.specific_heat)),
                _ => None,
            }
        })
        .collect()
}

/// What people read: one table for each temperature.
pub(super) fn text(args: &IsingArgs, results: &[PointResult]) -> String {
    let mut text = String::new();
    for r in results {
        let at =
            r.temperature.map_or(format!("beta = {}", r.beta), |t| format!("T = {t}, beta = {:.6}", r.beta));
        let kernel = match args.kernel {
            SpinKernel::HeatBath => "heat bath",
            SpinKernel::Checkerboard => "Metropolis by colour",
            SpinKernel::Metropolis => "Metropolis",
            SpinKernel::Wolff => "Wolff clusters",
            SpinKernel::SwendsenWang => "Swendsen-Wang clusters",
        };
        text += &format!("{at}, L = {}, {} samples, {kernel}\n", args.size, r.samples);
        if r.rows.is_empty() {
            text += &format!("no results: {}\n\n", r.part.message.as_deref().unwrap_or_default());
            continue;
        }
        text += &results::table(&r.rows, "", true);
        text += match r.equilibration {
            Some(Equilibration { verdict: Equilibrated::Yes, .. }) => "equilibrated\n",
            Some(Equilibration { verdict: Equilibrated::StillDrifting, .. }) => "NOT EQUILIBRATED\n",
            Some(Equilibration { verdict: Equilibrated::Constant, .. }) => {
                "frozen: the energy never changed\n"
            }
            None => "too short to judge equilibration\n",
        };
        text.push('\n');
    }
    text
}
