//! What is measured on Potts spins and unit vectors, as functions of one state. Means and errors are made from series of
//! them with [`smml_core::chain::Record`].

use crate::lattice::Lattice;
use smml_core::error::{Error, Result, same_length};
use std::f64::consts::PI;

/// Σ sᵢ
pub fn magnetisation<const N: usize>(spins: &[[f64; N]]) -> [f64; N] {
    let mut total = [0.0; N];
    for s in spins {
        total.iter_mut().zip(s).for_each(|(t, x)| *t += x);
    }
    total
}

/// The Potts order parameter (q nₘₐₓ / N - 1) / (q - 1), with nₘₐₓ the number of spins of the commonest value: 0 where all
/// values are equally common, 1 where all spins are equal.
///
/// Errors: no spins, q below 2, a value that is not below q.
pub fn potts_order(spins: &[u8], q: usize) -> Result<f64> {
    let counts = potts_counts(spins, q)?;
    let most = counts.iter().copied().max().unwrap_or(0);
    Ok((q as f64 * most as f64 / spins.len() as f64 - 1.0) / (q as f64 - 1.0))
}

/// The square of the Potts magnetisation, q/(q - 1) Σₖ (nₖ/N - 1/q)²: smooth in the densities, 0 and 1 at the same ends
/// as [`potts_order`]. Errors: as there.
pub fn potts_magnetisation_squared(spins: &[u8], q: usize) -> Result<f64> {
    let counts = potts_counts(spins, q)?;
    let (n, q) = (spins.len() as f64, q as f64);
    let excess = |count: &usize| (*count as f64 / n - 1.0 / q).powi(2);
    Ok(q / (q - 1.0) * counts.iter().map(excess).sum::<f64>())
}

fn potts_counts(spins: &[u8], q: usize) -> Result<Vec<usize>> {
    if !(2..=256).contains(&q) {
        return Err(Error::out_of_range("q (values of a spin)", q, "in 2..=256"));
    }
    if spins.is_empty() {
        return Err(Error::out_of_range("number of spins", 0, "at least 1"));
    }
    let mut counts = vec![0; q];
    for (i, &s) in spins.iter().enumerate() {
        match counts.get_mut(usize::from(s)) {
            Some(count) => *count += 1,
            None => return Err(Error::out_of_range(format!("spin {i}"), s, format!("below q = {q}"))),
        }
    }
    Ok(counts)
}

/// The two sums over bonds that the helicity modulus is made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Twist {
    /// C = J Σ x² cos(θᵢ - θⱼ), x the length of the bond along the direction of the twist.
    pub cosine: f64,
    /// S = J Σ x sin(θⱼ - θᵢ)
    pub sine: f64,
}

/// The response of an XY state to a twist along a coordinate axis (0 across the rows, 1 along them) of a lattice whose
/// bonds all have coupling J.
///
/// Errors: another number of spins than sites, an axis that does not exist.
pub fn twist(lattice: &Lattice, coupling: f64, spins: &[[f64; 2]], axis: usize) -> Result<Twist> {
    same_length("spins", spins.len(), lattice.n_sites())?;
    if axis >= lattice.n_axes() {
        return Err(Error::out_of_range("axis", axis, format!("below {}", lattice.n_axes())));
    }
    let along: Vec<f64> = lattice.bond_vectors().iter().map(|v| v[axis]).collect();
    let mut sums = Twist { cosine: 0.0, sine: 0.0 };
    for (kind, i, j) in lattice.bonds_with_kind() {
        let (a, b, x) = (spins[i], spins[j], along[kind]);
        sums.cosine += coupling * x * x * (a[0] * b[0] + a[1] * b[1]);
        sums.sine += coupling * x * (a[0] * b[1] - a[1] * b[0]);
    }
    Ok(sums)
}

/// The helicity modulus (spin stiffness) Υ = (⟨C⟩ - β ⟨S²⟩) / V of the XY model without field, from the means of
/// [`Twist`] and the volume V of the lattice (the number of sites, for a hypercubic one): the second derivative of the
/// free energy density with respect to the twist per unit length (S. Teitel and C. Jayaprakash, Phys. Rev. B 27, 598
/// (1983)).
pub fn helicity_modulus(cosine: f64, sine_squared: f64, beta: f64, volume: f64) -> f64 {
    (cosine - beta * sine_squared) / volume
}

/// The vorticity of every face of a lattice ([`Lattice::faces`]): how often the spins turn, counter-clockwise, on a walk
/// around it, each step by the smaller angle. On a torus the sum is 0.
///
/// Errors: a face with a site that is not there.
pub fn vorticity(faces: &[Vec<u32>], spins: &[[f64; 2]]) -> Result<Vec<i32>> {
    let turn = |face: &Vec<u32>| -> Result<i32> {
        if let Some(site) = face.iter().find(|&&site| site as usize >= spins.len()) {
            return Err(Error::out_of_range("site of a face", site, format!("below {}", spins.len())));
        }
        let mut angle = 0.0;
        for (k, &site) in face.iter().enumerate() {
            let (a, b) = (spins[site as usize], spins[face[(k + 1) % face.len()] as usize]);
            let step = libm::atan2(a[0] * b[1] - a[1] * b[0], a[0] * b[0] + a[1] * b[1]);
            // Opposite spins turn by +π in one direction and by -π in the other, so that a bond adds nothing in total.
            let forwards = site < face[(k + 1) % face.len()];
            angle += if step.abs() == PI { if forwards { PI } else { -PI } } else { step };
        }
        Ok((angle / (2.0 * PI)).round() as i32)
    };
    faces.iter().map(turn).collect()
}
