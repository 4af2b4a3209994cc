//! Several sizes compared: where their Binder cumulants cross, and the collapse of all cumulants on one curve.

use super::{evaluate::More, work::Measured};
use crate::{
    args::IsingArgs,
    error::Failure,
    report::figure::{Axis, Figure, Series, Style},
    reproduce::check::Outcome,
    run::results::Part,
};
use smml_core::Estimate;
use smml_physics::scaling::{BinderCurve, CollapseFit, MomentSeries, Point, Prefactor};

/// Highest degree of the polynomials through the cumulants of one size.
const DEGREE: usize = 3;

/// Crossings of neighbouring sizes and the collapse of all; nothing for one size, one temperature, or in a field.
pub(super) fn compare(args: &IsingArgs, measured: &[Measured<'_>]) -> Result<Option<More>, Failure> {
    let sizes = &args.size.0;
    let n = measured.len() / sizes.len();
    if sizes.len() < 2 || n < 2 || !measured.iter().all(|m| m.system.is_symmetric()) {
        return Ok(None);
    }
    let x = |m: &Measured<'_>| if args.temperature.is_some() { 1.0 / m.beta } else { m.beta };
    let name = if args.temperature.is_some() { "T" } else { "β" };
    // Chains that trade temperatures are correlated: blocks of time are left out of all of them together.
    let curve = if args.tempering.is_some() { BinderCurve::new } else { BinderCurve::of_independent };
    let curves: smml_core::Result<Vec<BinderCurve>> = measured
        .chunks(n)
        .zip(sizes)
        .map(|(points, size)| {
            let chains: Vec<MomentSeries> = points
                .iter()
                .map(|m| {
                    let spins = m.system.n_spins() as f64;
                    let m2: Vec<f64> = m.record.column(1).iter().map(|s| (s / spins).powi(2)).collect();
                    let m4 = m2.iter().map(|q| q * q).collect();
                    MomentSeries { x: x(m), m2, m4 }
                })
                .collect();
            curve(f64::from(*size), &chains)
        })
        .collect();
    let mut outcome = Outcome::default();
    let mut notes = Vec::new();
    let curves = curves.unwrap_or_else(|e| {
        notes.push(format!("sizes compared: {e}"));
        Vec::new()
    });
    let mut crossings: Vec<Estimate> = Vec::new();
    for (pair, sides) in curves.windows(2).zip(sizes.windows(2)) {
        let what = format!("{name} where L = {} and {} cross", sides[0], sides[1]);
        match pair[0].crossing(&pair[1], DEGREE.min(n - 1)) {
            Ok(at) => {
                outcome.reported(&what, at);
                crossings.push(at);
            }
            Err(e) => notes.push(format!("{what}: {e}")),
        }
    }
    let mut figures = Vec::new();
    if let Some(guess) = crossings.last() {
        let points: Vec<Point> = curves.iter().flat_map(BinderCurve::points).collect();
        let fit = CollapseFit {
            degree: 4,
            prefactor: Prefactor::Fixed(0.0),
            t_c: guess.value,
            nu: 1.0,
            n_bootstrap: 0,
        };
        match fit.fit_curves(&curves) {
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
