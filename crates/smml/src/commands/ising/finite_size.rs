//! Several sizes compared: where their Binder cumulants cross, and the collapse of all cumulants on one curve.

use super::{
    evaluate::{More, PointResult},
    work::Measured,
};
use crate::{
    args::IsingArgs,
    error::Failure,
    report::figure::{Axis, Figure, Series, Style},
    reproduce::check::Outcome,
    run::results::Part,
};
use smml_core::{Estimate, rng::Streams};
use smml_physics::scaling::{CollapseFit, MomentSeries, Point, Prefactor, binder_crossing};

/// Highest degree of the polynomials through the cumulants of one size.
const DEGREE: usize = 3;
/// Repetitions of a fit, for its errors.
const BOOTSTRAP: usize = 200;

/// Crossings of neighbouring sizes and the collapse of all; nothing for one size, one temperature, or in a field.
pub(super) fn compare(
    args: &IsingArgs,
    measured: &[Measured<'_>],
    results: &[PointResult],
    seed: u64,
) -> Result<Option<More>, Failure> {
    let sizes = &args.size.0;
    let n = measured.len() / sizes.len();
    if sizes.len() < 2 || n < 2 || !measured.iter().all(|m| m.system.is_symmetric()) {
        return Ok(None);
    }
    let x = |m: &Measured<'_>| if args.temperature.is_some() { 1.0 / m.beta } else { m.beta };
    let name = if args.temperature.is_some() { "T" } else { "β" };
    let curves: Vec<Vec<MomentSeries>> = measured
        .chunks(n)
        .map(|points| {
            points
                .iter()
                .map(|m| {
                    let spins = m.system.n_spins() as f64;
                    let m2: Vec<f64> = m.record.column(1).iter().map(|s| (s / spins).powi(2)).collect();
                    let m4 = m2.iter().map(|q| q * q).collect();
                    MomentSeries { x: x(m), m2, m4 }
                })
                .collect()
        })
        .collect();
    let mut outcome = Outcome::default();
    let mut notes = Vec::new();
    let mut crossings: Vec<Estimate> = Vec::new();
    for (pair, sides) in curves.windows(2).zip(sizes.windows(2)) {
        let what = format!("{name} where L = {} and {} cross", sides[0], sides[1]);
        match binder_crossing(&pair[0], &pair[1], DEGREE.min(n - 1)) {
            Ok(at) => {
                outcome.reported(&what, at);
                crossings.push(at);
            }
            Err(e) => notes.push(format!("{what}: {e}")),
        }
    }
    let mut figures = Vec::new();
    if let Some(guess) = crossings.last() {
        let points: Vec<Point> = results
            .iter()
            .filter_map(|r| {
                let u = r.rows.iter().find(|q| q.quantity == "Binder cumulant")?.value;
                let size = f64::from(r.size);
                Some(Point { size, x: r.temperature.unwrap_or(r.beta), value: u.value, error: u.std_error })
            })
            .collect();
        let fit = CollapseFit {
            degree: 4,
            prefactor: Prefactor::Fixed(0.0),
            t_c: guess.value,
            nu: 1.0,
            n_bootstrap: BOOTSTRAP,
        };
        match fit.fit(&points, &Streams::new(seed).child("collapse", 0)) {
            Ok(found) => {
                outcome.reported(format!("{name} of the transition, from the collapse"), found.t_c);
                outcome.reported("1/ν, from the collapse", found.inverse_nu);
                outcome.reported("χ² per degree of freedom", Estimate::exact(found.reduced_chi_squared()));
                let series = sizes.iter().map(|&size| {
                    let of_size = points.iter().filter(|p| p.size == f64::from(size));
                    let scaled =
                        |p: &Point| (p.x - found.t_c.value) * libm::pow(p.size, found.inverse_nu.value);
                    let (at, errors) = of_size.map(|p| ((scaled(p), p.value), p.error)).unzip();
                    Series::new(&format!("L = {size}"), Style::Points, at).with_errors(errors)
                });
                figures.push(Figure::plot(
                    "collapse",
                    "Collapse",
                    "Binder cumulants of all sizes over the scaled distance from the transition.",
                    Axis::linear(&format!("({name} - {name}c) L^(1/ν)")),
                    Axis::linear("Binder cumulant"),
                    series.collect(),
                ));
            }
            Err(e) => notes.push(format!("collapse: {e}")),
        }
    }
    let mut part = Part::new("sizes", "Sizes compared", &outcome.rows, None);
    part.notes = notes;
    Ok(Some(More { part, rows: outcome.rows, figures }))
}
