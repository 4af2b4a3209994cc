//! Lennard-Jones clusters: known global minima (Cambridge Cluster Database), and starts with overlapping atoms.

use super::*;
use crate::rng::{Draw, Streams};

/// 4 Σ r⁻¹² - r⁻⁶ over pairs, without a cutoff.
struct LennardJones;

impl Energy for LennardJones {
    type State = Vec<f64>;
    fn energy(&self, x: &Vec<f64>) -> f64 {
        self.value_and_gradient(x, &mut vec![0.0; x.len()], &mut ())
    }
}

impl Differentiable for LennardJones {
    type Scratch = ();
    fn value_and_gradient(&self, x: &[f64], gradient: &mut [f64], (): &mut ()) -> f64 {
        gradient.fill(0.0);
        let mut energy = 0.0;
        for i in 0..x.len() / 3 {
            for j in 0..i {
                let d: [f64; 3] = std::array::from_fn(|k| x[3 * i + k] - x[3 * j + k]);
                let s = 1.0 / d.iter().map(|d| d * d).sum::<f64>();
                let s6 = s * s * s;
                energy += 4.0 * s6 * (s6 - 1.0);
                let f = (24.0 * s6 - 48.0 * s6 * s6) * s;
                for k in 0..3 {
                    gradient[3 * i + k] += f * d[k];
                    gradient[3 * j + k] -= f * d[k];
                }
            }
        }
        energy
    }
}

/// A centred icosahedron, deformed.
fn icosahedron() -> Vec<f64> {
    let golden = 0.5 * (1.0 + 5f64.sqrt());
    let scale = 1.1 / (1.0 + golden * golden).sqrt();
    let mut x = vec![0.05, -0.02, 0.03];
    for a in [-1.0, 1.0] {
        for b in [-golden, golden] {
            for p in [[0.0, a, b], [a, b, 0.0], [b, 0.0, a]] {
                x.extend(p.iter().enumerate().map(|(k, v)| v * scale * (1.0 + 0.03 * k as f64)));
            }
        }
    }
    x
}

/// The truncated octahedron: shells of 6, 8 and 24 around an octahedral hole of the fcc lattice.
fn truncated_octahedron() -> Vec<f64> {
    let mut sites = vec![];
    for i in -3..=3 {
        for j in -3..=3 {
            for k in -3..=3_i32 {
                let r2 = i * i + j * j + k * k;
                if (i + j + k).rem_euclid(2) == 1 && [1, 3, 5].contains(&r2) {
                    sites.extend([i, j, k].map(|v| f64::from(v) * 1.11 / 2f64.sqrt()));
                }
            }
        }
    }
    sites
}

#[test]
fn lj13_and_lj38_relax_to_the_known_minima() {
    let stop = Stop { gradient: 1e-8, ..Stop::default() };
    for method in all_methods() {
        for (start, n, minimum) in
            [(icosahedron(), 13, -44.326_801), (truncated_octahedron(), 38, -173.928_427)]
        {
            assert_eq!(start.len(), 3 * n);
            let found = minimise(&LennardJones, &start, &method, &stop).unwrap();
            assert_eq!(found.reason, Reason::Gradient, "{method:?}: {found:?}");
            assert!((found.value - minimum).abs() < 1e-6, "{method:?}: {}", found.value);
            assert!(found.gradient_norm <= 1e-8);
        }
    }
}

#[test]
fn l_bfgs_needs_as_few_evaluations_as_scipy_on_lj38() {
    // scipy L-BFGS-B: 12 evaluations from the same start to 10⁻⁷; a few more are allowed for the first step length.
    let stop = Stop { gradient: 1e-7, ..Stop::default() };
    let found = minimise(&LennardJones, &truncated_octahedron(), &Method::default(), &stop).unwrap();
    assert!(found.evaluations <= 16, "{}", found.evaluations);
}

#[test]
fn overlapping_atoms_fly_apart_and_settle() {
    let stop = Stop { gradient: 1e-6, max_evaluations: 20_000, ..Stop::default() };
    for trial in 0..8 {
        let mut rng = Streams::new(1).stream("overlap", trial);
        // Distances down to about 10⁻³: energies near 10³⁶.
        let size = [1.0, 0.1, 0.01][trial as usize % 3];
        let start: Vec<f64> = (0..39).map(|_| size * (rng.uniform() - 0.5)).collect();
        for method in all_methods().into_iter().skip(1) {
            let found = minimise(&LennardJones, &start, &method, &stop).unwrap();
            assert!(found.value < 0.0, "{method:?} {trial}: {} {:?}", found.value, found.reason);
        }
    }
    // Two atoms in one place: infinite energy, a gradient that is NaN.
    let found = minimise(&LennardJones, &[0.0; 6], &Method::default(), &stop).unwrap();
    assert_eq!((found.reason, found.evaluations), (Reason::NotFinite, 1));
    assert_eq!(found.x, [0.0; 6]);
}

#[test]
fn many_random_starts_all_end_by_the_gradient() {
    let stop = Stop { gradient: 1e-6, ..Stop::default() };
    let mut lowest = 0.0_f64;
    let mut evaluations = 0;
    for trial in 0..60 {
        let mut rng = Streams::new(2).stream("start", trial);
        let start: Vec<f64> = (0..39).map(|_| 3.0 * (rng.uniform() - 0.5)).collect();
        let found = minimise(&LennardJones, &start, &Method::default(), &stop).unwrap();
        assert_eq!(found.reason, Reason::Gradient, "{trial}");
        lowest = lowest.min(found.value);
        evaluations += found.evaluations;
    }
    assert!(lowest > -44.326_802);
    assert!(evaluations < 12_000, "{evaluations}");
}
