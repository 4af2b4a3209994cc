//! Structure factors and the correlation length from them.

use crate::lattice::{Boundary, Geometry, Lattice};
use smml_core::error::{Error, Result, finite, same_length};
use std::f64::consts::PI;

/// The structure factors χ(k) = (1/N) |Σ xⱼ exp(i k·rⱼ)|² of one state at k = 0, and at the smallest wave vector 2π/L,
/// averaged over the axes. x are the spins for a ferromagnet, the products of two replicas' spins for a glass.
///
/// Errors: a lattice that is not hypercubic and periodic with equal sides; another number of values than sites.
pub fn structure_factors(lattice: &Lattice, x: &[i8]) -> Result<[f64; 2]> {
    let side = lattice.sides()[0];
    let fits = lattice.geometry() == Geometry::Hypercubic
        && lattice.boundaries().iter().all(|b| *b == Boundary::Periodic)
        && lattice.sides().iter().all(|s| *s == side);
    if !fits {
        let allowed = "hypercubic and periodic with equal sides";
        return Err(Error::out_of_range(
            "lattice of a structure factor",
            format!("{:?}", lattice.sides()),
            allowed,
        ));
    }
    same_length("values on the sites", x.len(), lattice.n_sites())?;
    let wave: Vec<[f64; 2]> = (0..side)
        .map(|r| {
            let angle = 2.0 * PI * r as f64 / side as f64;
            [libm::cos(angle), libm::sin(angle)]
        })
        .collect();
    let n = x.len() as f64;
    let mut at_k = 0.0;
    let mut stride = x.len();
    for _ in 0..lattice.n_axes() {
        stride /= side;
        // Sums over the planes at right angles to the axis.
        let mut planes = vec![0i64; side];
        x.iter().enumerate().for_each(|(site, &x)| planes[site / stride % side] += i64::from(x));
        let (mut re, mut im) = (0.0, 0.0);
        for (w, &sum) in wave.iter().zip(&planes) {
            re += w[0] * sum as f64;
            im += w[1] * sum as f64;
        }
        at_k += (re * re + im * im) / n;
    }
    let sum: i64 = x.iter().map(|&x| i64::from(x)).sum();
    Ok([sum as f64 * sum as f64 / n, at_k / lattice.n_axes() as f64])
}

/// The second-moment correlation length ξ = √(χ(0)/χ(k) - 1) / (2 sin(π/L)) from averages of [`structure_factors`]: ξ/L
/// of different sizes cross at the transition.
///
/// Errors: sides below 2, factors that are not finite, χ(k) not above 0; [`Error::Undefined`] where χ(0) < χ(k).
pub fn correlation_length(chi_0: f64, chi_k: f64, side: usize) -> Result<f64> {
    if side < 2 {
        return Err(Error::out_of_range("side", side, "at least 2"));
    }
    finite("structure factor at 0", chi_0)?;
    smml_core::error::positive("structure factor at 2 pi / L", chi_k)?;
    let square = chi_0 / chi_k - 1.0;
    if square < 0.0 {
        return Err(Error::Undefined {
            what: "the correlation length".into(),
            why: format!("the structure factor at 0, {chi_0}, is below that at 2 pi / L, {chi_k}"),
        });
    }
    Ok(square.sqrt() / (2.0 * libm::sin(PI / side as f64)))
}
