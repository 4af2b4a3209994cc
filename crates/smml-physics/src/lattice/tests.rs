//! Lattices against counts, brute force and each other.

use super::*;
use crate::ising::{Ising, exact};
use std::collections::BTreeMap;

const ALL: [Boundary; 3] = [Boundary::Periodic, Boundary::Open, Boundary::Helical];

fn spectrum(lattice: &Lattice) -> Vec<(i64, u64)> {
    let ising = Ising::in_field(lattice.graph(1.0).unwrap(), 0.0).unwrap();
    let mut counts = BTreeMap::new();
    for level in exact::spectrum(&ising).unwrap() {
        *counts.entry(level.energy as i64).or_insert(0) += level.count;
    }
    counts.into_iter().collect()
}

#[test]
fn counts_of_sites_and_bonds() {
    for (lattice, sites, bonds) in [
        (Lattice::square(5, 4, Boundary::Periodic), 20, 40),
        (Lattice::square(5, 4, Boundary::Open), 20, 5 * 3 + 4 * 4),
        (Lattice::square(5, 4, Boundary::Helical), 20, 40),
        (Lattice::cubic([3, 4, 5], Boundary::Periodic), 60, 180),
        (Lattice::cubic([3, 4, 5], Boundary::Open), 60, 2 * 20 + 3 * 15 + 4 * 12),
        (Lattice::hypercubic(&[3; 6], Boundary::Periodic), 729, 6 * 729),
        (Lattice::hypercubic(&[7], Boundary::Open), 7, 6),
        (Lattice::triangular(4, 5, Boundary::Periodic), 20, 60),
        (Lattice::triangular(4, 5, Boundary::Open), 20, 4 * 4 + 3 * 5 + 3 * 4),
        (Lattice::honeycomb(4, 5, Boundary::Periodic), 40, 60),
        (Lattice::honeycomb(4, 5, Boundary::Open), 40, 20 + 4 * 4 + 3 * 5),
        (Lattice::hypercubic(&[1, 1, 1], Boundary::Open), 1, 0),
    ] {
        let lattice = lattice.unwrap();
        assert_eq!((lattice.n_sites(), lattice.bonds().count()), (sites, bonds), "{lattice:?}");
        let graph = lattice.graph(1.0).unwrap();
        assert!((graph.edges().map(|e| e.2).sum::<f64>() - bonds as f64).abs() < 1e-9);
        if lattice.boundaries()[0] != Boundary::Open && lattice.sides().iter().all(|s| *s > 2) {
            assert_eq!(graph.n_edges(), bonds);
            assert!((0..sites).all(|i| graph.degree(i) == lattice.coordination()));
        }
        assert_eq!(graph.components().n(), 1);
    }
}

#[test]
fn a_wrapped_side_of_2_counts_double() {
    let lattice = Lattice::square(2, 3, Boundary::Periodic).unwrap();
    let graph = lattice.graph(1.0).unwrap();
    assert_eq!((lattice.bonds().count(), graph.n_edges()), (12, 9));
    assert_eq!((graph.weight(0, 3), graph.weight(0, 1)), (Some(2.0), Some(1.0)));
    for boundary in [Boundary::Periodic, Boundary::Helical] {
        assert!(Lattice::square(1, 3, boundary).is_err() && Lattice::honeycomb(3, 1, boundary).is_err());
    }
}

#[test]
fn energies_of_small_lattices_are_those_of_brute_force() {
    // Counts of all states by a Python program that builds each lattice in another way (the honeycomb as a brick wall).
    let cases: [(Lattice, &[(i64, u64)]); 6] = [
        (
            Lattice::triangular(4, 4, Boundary::Periodic).unwrap(),
            &[
                (-48, 2),
                (-36, 32),
                (-28, 96),
                (-24, 208),
                (-20, 384),
                (-16, 1188),
                (-12, 3008),
                (-8, 7392),
                (-4, 11808),
                (0, 13616),
                (4, 14304),
                (8, 10320),
                (12, 3136),
                (16, 42),
            ],
        ),
        (
            Lattice::triangular(3, 5, Boundary::Periodic).unwrap(),
            &[
                (-45, 2),
                (-33, 30),
                (-25, 90),
                (-21, 200),
                (-17, 510),
                (-13, 1290),
                (-9, 2220),
                (-5, 5256),
                (-1, 7170),
                (3, 8740),
                (7, 5130),
                (11, 1920),
                (15, 210),
            ],
        ),
        (
            Lattice::honeycomb(3, 3, Boundary::Periodic).unwrap(),
            &[
                (-27, 2),
                (-21, 36),
                (-19, 54),
                (-17, 108),
                (-15, 540),
                (-13, 1566),
                (-11, 4104),
                (-9, 9696),
                (-7, 17280),
                (-5, 24786),
                (-3, 32940),
                (-1, 39960),
                (1, 39960),
                (3, 32940),
                (5, 24786),
                (7, 17280),
                (9, 9696),
                (11, 4104),
                (13, 1566),
                (15, 540),
                (17, 108),
                (19, 54),
                (21, 36),
                (27, 2),
            ],
        ),
        (
            Lattice::honeycomb(2, 4, Boundary::Periodic).unwrap(),
            &[
                (-24, 2),
                (-18, 32),
                (-16, 60),
                (-14, 160),
                (-12, 576),
                (-10, 1280),
                (-8, 2558),
                (-6, 5120),
                (-4, 8128),
                (-2, 9792),
                (0, 10120),
                (2, 9792),
                (4, 8128),
                (6, 5120),
                (8, 2558),
                (10, 1280),
                (12, 576),
                (14, 160),
                (16, 60),
                (18, 32),
                (24, 2),
            ],
        ),
        (
            Lattice::square(4, 4, Boundary::Helical).unwrap(),
            &[
                (-32, 2),
                (-24, 32),
                (-20, 64),
                (-16, 412),
                (-12, 1680),
                (-8, 6640),
                (-4, 14288),
                (0, 19298),
                (4, 14480),
                (8, 6232),
                (12, 1904),
                (16, 400),
                (20, 96),
                (24, 8),
            ],
        ),
        (
            Lattice::cubic([2, 3, 3], Boundary::Periodic).unwrap(),
            &[
                (-54, 2),
                (-42, 36),
                (-38, 18),
                (-34, 72),
                (-30, 432),
                (-26, 432),
                (-22, 2106),
                (-18, 5150),
                (-14, 11628),
                (-10, 23940),
                (-6, 35934),
                (-2, 48690),
                (2, 52056),
                (6, 38808),
                (10, 23652),
                (14, 11970),
                (18, 4812),
                (22, 1872),
                (26, 432),
                (30, 102),
            ],
        ),
    ];
    for (lattice, want) in cases {
        assert_eq!(spectrum(&lattice), want, "{lattice:?}");
    }
}

#[test]
fn helical_neighbours_are_a_stride_away() {
    for lattice in [
        Lattice::square(3, 5, Boundary::Helical).unwrap(),
        Lattice::cubic([3, 2, 4], Boundary::Helical).unwrap(),
    ] {
        let n = lattice.n_sites();
        let strides: Vec<usize> =
            (0..lattice.n_axes()).rev().map(|k| lattice.sides()[k + 1..].iter().product()).collect();
        let want = (0..n).flat_map(|i| strides.iter().map(move |s| (i, (i + s) % n)));
        assert!(lattice.bonds().eq(want));
    }
    // A screw on a rolled-up strip with open ends is a chain with extra bonds: its axis of rows is cut at both ends.
    let strip = Lattice::new(Geometry::Hypercubic, &[3, 4], &[Boundary::Open, Boundary::Helical]).unwrap();
    let want = (0..12usize).flat_map(|i| [(i, i + 1), (i, i + 4)]).filter(|b| b.1 < 12);
    assert!(strip.bonds().eq(want));
}

#[test]
fn sublattices_where_the_boundaries_respect_them() {
    for geometry in [Geometry::Hypercubic, Geometry::Triangular, Geometry::Honeycomb] {
        for boundary in ALL {
            for sides in [[2, 2], [3, 3], [3, 4], [4, 4], [6, 3], [3, 5]] {
                let lattice = Lattice::new(geometry, &sides, &[boundary; 2]).unwrap();
                let found = lattice.sublattices();
                let n_even = sides.iter().filter(|s| *s % 2 == 0).count();
                match (geometry, boundary) {
                    (_, Boundary::Open) | (Geometry::Honeycomb, _) => assert!(found.is_some()),
                    (Geometry::Hypercubic, Boundary::Periodic) => assert_eq!(found.is_some(), n_even == 2),
                    // A turn of the screw is columns steps and one back: columns + 1 and rows must be even.
                    (Geometry::Hypercubic, Boundary::Helical) => {
                        assert_eq!(found.is_some(), sides[0] % 2 == 0 && sides[1] % 2 == 1);
                    }
                    (Geometry::Triangular, Boundary::Periodic) => {
                        assert_eq!(found.is_some(), sides.iter().all(|s| s % 3 == 0));
                    }
                    (Geometry::Triangular, Boundary::Helical) => {
                        // columns (1 each) less one row (2), and rows (2 each), are multiples of 3.
                        assert_eq!(found.is_some(), sides[1] % 3 == 2 && sides[0] % 3 == 0);
                    }
                }
                let graph = lattice.graph(1.0).unwrap();
                if geometry != Geometry::Triangular {
                    assert_eq!(found.is_some(), graph.bipartition().is_some());
                }
                if let Some(label) = found {
                    assert!(graph.edges().all(|(i, j, _)| label[i as usize] != label[j as usize]));
                }
            }
        }
    }
}

#[test]
fn faces_close_a_torus() {
    for geometry in [Geometry::Hypercubic, Geometry::Triangular, Geometry::Honeycomb] {
        for boundary in ALL {
            let lattice = Lattice::new(geometry, &[4, 5], &[boundary; 2]).unwrap();
            let faces = lattice.faces().unwrap();
            let (v, e) = (lattice.n_sites(), lattice.bonds().count());
            // A plane has one more face, the outer one, which is not in the list.
            let euler = if boundary == Boundary::Open { 1 } else { 0 };
            assert_eq!(v as i64 - e as i64 + faces.len() as i64, euler, "{lattice:?}");
            let mut sides = BTreeMap::new();
            let graph = lattice.graph(1.0).unwrap();
            for face in &faces {
                for k in 0..face.len() {
                    let (a, b) = (face[k], face[(k + 1) % face.len()]);
                    assert!(graph.weight(a as usize, b as usize).is_some(), "{lattice:?}: {face:?}");
                    *sides.entry((a, b)).or_insert(0) += 1;
                }
            }
            // Faces turn the same way, so a bond is walked at most once in each direction.
            assert!(sides.values().all(|n| *n == 1));
            if boundary != Boundary::Open {
                assert_eq!(sides.len(), 2 * e);
            }
        }
    }
    assert!(Lattice::cubic([3; 3], Boundary::Open).unwrap().faces().is_err());
}

#[test]
fn bonds_have_length_one_and_displacements_are_the_shortest() {
    let mut lattices = vec![
        Lattice::hypercubic(&[3, 2, 3, 2], Boundary::Helical).unwrap(),
        Lattice::new(Geometry::Triangular, &[9, 2], &[Boundary::Periodic, Boundary::Periodic]).unwrap(),
        Lattice::new(Geometry::Honeycomb, &[2, 7], &[Boundary::Helical, Boundary::Open]).unwrap(),
    ];
    for geometry in [Geometry::Hypercubic, Geometry::Triangular, Geometry::Honeycomb] {
        for boundary in ALL {
            lattices.push(Lattice::new(geometry, &[4, 5], &[boundary; 2]).unwrap());
        }
    }
    for lattice in &lattices {
        let vectors = lattice.bond_vectors();
        assert!(vectors.iter().all(|v| (v.iter().map(|x| x * x).sum::<f64>() - 1.0).abs() < 1e-14));
        for (kind, i, j) in lattice.bonds_with_kind() {
            assert!((lattice.distance(i, j).unwrap() - 1.0).abs() < 1e-12, "{lattice:?} {kind} {i} {j}");
        }
        // Against every image within a wide range of periods, built from the definition of the boundaries.
        let n = lattice.n_axes();
        let periods: Vec<Vec<f64>> = (0..n)
            .filter(|&k| lattice.boundaries()[k] != Boundary::Open)
            .map(|k| {
                let mut v: Vec<f64> =
                    lattice.geometry().vector(n, k).iter().map(|x| x * lattice.sides()[k] as f64).collect();
                if k > 0 && lattice.boundaries()[k] == Boundary::Helical {
                    let back = lattice.geometry().vector(n, k - 1);
                    v.iter_mut().zip(back).for_each(|(x, y)| *x -= y);
                }
                v
            })
            .collect();
        let reach: i32 = if n > 2 { 3 } else { 12 };
        let from = lattice.displacements_from(1).unwrap();
        for j in (0..lattice.n_sites()).step_by(3) {
            let (a, b) = (lattice.position(1).unwrap(), lattice.position(j).unwrap());
            let mut images: Vec<Vec<f64>> = vec![b.iter().zip(&a).map(|(x, y)| x - y).collect()];
            for p in &periods {
                images = images
                    .iter()
                    .flat_map(|x| {
                        (-reach..=reach).map(|m| x.iter().zip(p).map(|(x, p)| x + f64::from(m) * p).collect())
                    })
                    .collect();
            }
            let shortest =
                images.iter().map(|x| x.iter().map(|x| x * x).sum::<f64>()).fold(f64::INFINITY, f64::min);
            let got = lattice.distance(1, j).unwrap();
            assert!((got - shortest.sqrt()).abs() < 1e-9, "{lattice:?}: 1 to {j}: {got} {}", shortest.sqrt());
            assert_eq!(from[j], lattice.displacement(1, j).unwrap());
        }
    }
    let lattice = &lattices[0];
    assert!(lattice.position(36).is_err() && lattice.displacement(0, 36).is_err());
}

#[test]
fn couplings_are_asked_for_in_the_order_of_the_bonds() {
    let lattice = Lattice::square(2, 3, Boundary::Open).unwrap();
    let mut asked = Vec::new();
    lattice
        .graph_with(|i, j| {
            asked.push((i, j));
            1.0
        })
        .unwrap();
    assert_eq!(asked, [(0, 1), (0, 3), (1, 2), (1, 4), (2, 5), (3, 4), (4, 5)]);
    assert!(lattice.graph(f64::NAN).is_err());
}

#[test]
fn bad_lattices_are_refused() {
    assert!(Lattice::hypercubic(&[], Boundary::Open).is_err());
    assert!(Lattice::hypercubic(&[2; 7], Boundary::Open).is_err());
    assert!(Lattice::hypercubic(&[0, 3], Boundary::Open).is_err());
    assert!(Lattice::hypercubic(&[1 << 31, 1 << 31, 4], Boundary::Open).is_err());
    assert!(Lattice::new(Geometry::Triangular, &[3, 3, 3], &[Boundary::Open; 3]).is_err());
    assert!(Lattice::new(Geometry::Hypercubic, &[3, 3], &[Boundary::Open]).is_err());
    use smml_core::store::{decode, encode};
    let good = Lattice::honeycomb(3, 4, Boundary::Helical).unwrap();
    assert_eq!(decode::<Lattice>(&encode(&good, 0).unwrap(), 0).unwrap(), good);
    let bad = encode(&(Geometry::Honeycomb, vec![0usize, 4], vec![Boundary::Open; 2]), 0).unwrap();
    assert!(decode::<Lattice>(&bad, 0).unwrap_err().to_string().contains("side of axis 0 = 0"));
}
