//! Ground states against variable elimination and enumeration; proofs of large lattices; what is refused.

use super::*;
use crate::{
    bound::FrustratedSet,
    instances,
    ising::{elimination, exact},
};
use proptest::prelude::*;
use smml_core::{
    factor_graph::ExactOptions,
    graph::SparseGraph,
    rng::{Draw, Stream, Streams},
};

/// An open lattice with couplings from a list, 0 for a bond that is not there.
fn lattice(rows: usize, columns: usize, values: &[f64], rng: &mut Stream) -> SquareLattice {
    let draw = |_, _| values[rng.below(values.len())];
    SquareLattice::with_couplings(rows, columns, Boundary::Open, draw, |_| 0.0).unwrap()
}

#[test]
fn energies_are_those_of_elimination() {
    let mut rng = Streams::new(1).stream("planar", 0);
    let wide: Vec<f64> = (0..1000).map(|_| (1e6 * rng.normal()).round()).collect();
    let laws: [&[f64]; 5] =
        [&[1.0, -1.0], &[1.0, 1.0, 1.0, -1.0], &[1.0, -1.0, 0.0], &[3.0, -2.0, 1.0, -7.0, 0.0], &wide];
    for (rows, columns) in [(1, 1), (1, 7), (2, 2), (2, 9), (5, 5), (4, 11), (8, 8), (10, 10), (9, 14)] {
        for values in laws {
            for _ in 0..4 {
                let lattice = lattice(rows, columns, values, &mut rng);
                let ising = lattice.ising().unwrap();
                let ground = square_ground_state(&lattice).unwrap();
                let exact = elimination::ground_state(&ising, &ExactOptions::default()).unwrap();
                assert_eq!(ground.energy, exact.energy, "{rows} x {columns}, {values:?}");
                assert_eq!(ising.energy(&ground.spins), ground.energy);
                assert_eq!(ground.packing.certify(&ising).unwrap().energy, ground.energy);
            }
        }
    }
}

#[test]
fn large_lattices_are_proved() {
    for seed in 1..=3 {
        let ising = instances::open_square(64, 64, seed).unwrap().ising().unwrap();
        let ground = ground_state(&ising, &Embedding::square(64, 64).unwrap()).unwrap();
        assert_eq!((ground.bound.energy, ising.energy(&ground.spins)), (ground.energy, ground.energy));
        // De Simone et al., J. Stat. Phys. 84, 1363 (1996): -1.4015 per spin of the infinite lattice. An open lattice has
        // 2 (1 - 1/L) bonds a spin and fluctuates by some 0.75 / L.
        let per_bond = ground.energy / (2.0 * 64.0 * 63.0);
        assert!((per_bond + 0.7008).abs() < 0.03, "{per_bond}");
    }
    // All couplings negative is a ferromagnet on one side of the bipartition: nothing is frustrated.
    let ferro = SquareLattice::uniform(100, 90, Boundary::Open, -1.0, 0.0).unwrap();
    let ground = square_ground_state(&ferro).unwrap();
    assert_eq!((ground.energy, ground.packing.sets.len()), (-(100.0 * 89.0 + 99.0 * 90.0), 0));
    // Villain's odd model, all plaquettes frustrated: one broken bond for two plaquettes is best.
    let odd = SquareLattice::with_couplings(
        41,
        40,
        Boundary::Open,
        |i, j| if j == i + 1 || (i % 40) % 2 == 0 { 1.0 } else { -1.0 },
        |_| 0.0,
    );
    let ground = square_ground_state(&odd.unwrap()).unwrap();
    assert_eq!(ground.energy, -(41.0 * 39.0 + 40.0 * 40.0) + 2.0 * (40.0 * 39.0 / 2.0));
}

/// Shapes, dilutions and widths of couplings at random: the proof is inside, so an answer is a right one.
#[test]
fn any_law_of_couplings_is_proved() {
    for round in 0..200 {
        let mut rng = Streams::new(round).stream("planar", 3);
        let (rows, columns) = (1 + rng.below(20), 1 + rng.below(20));
        let (up, missing) = (rng.uniform(), 0.5 * rng.uniform() * rng.below(2) as f64);
        let width = [1.0, 2.0, 10.0, 1e6, 1e11][rng.below(5)];
        let draw = |_, _| {
            let sign = if rng.chance(up) { 1.0 } else { -1.0 };
            if rng.chance(missing) { 0.0 } else { sign * (1.0 + (width * rng.uniform()).floor()) }
        };
        let lattice = SquareLattice::with_couplings(rows, columns, Boundary::Open, draw, |_| 0.0).unwrap();
        let ground = square_ground_state(&lattice).unwrap();
        assert_eq!(ground.bound.gap(lattice.ising().unwrap().energy(&ground.spins)), 0.0, "round {round}");
    }
}

/// A square lattice with one diagonal in each plaquette: triangles, and the order around each site.
fn triangular(rows: usize, columns: usize) -> (Vec<(u32, u32)>, Embedding) {
    let site = |r: usize, c: usize| (r * columns + c) as u32;
    let mut edges = Vec::new();
    let mut rotations = Vec::new();
    for r in 0..rows {
        for c in 0..columns {
            let around = [(0, 1), (1, 1), (1, 0), (0, -1), (-1, -1), (-1, 0)];
            let inside = around.iter().filter_map(|&(dr, dc)| {
                let (r, c) = (r.checked_add_signed(dr)?, c.checked_add_signed(dc)?);
                (r < rows && c < columns).then(|| site(r, c))
            });
            let order: Vec<u32> = inside.collect();
            edges.extend(order.iter().filter(|&&j| j > site(r, c)).map(|&j| (site(r, c), j)));
            rotations.push(order);
        }
    }
    (edges, Embedding::new(rotations))
}

#[test]
fn any_planar_graph() {
    let mut rng = Streams::new(2).stream("planar", 1);
    let (edges, embedding) = triangular(4, 5);
    for round in 0..30 {
        let size = if round % 2 == 0 { 1 } else { 9 };
        let coupling = |rng: &mut Stream| rng.below(2 * size + 1) as f64 - size as f64;
        let bonds: Vec<_> = edges.iter().map(|&(i, j)| (i, j, coupling(&mut rng))).collect();
        let ising = Ising::new(20, &bonds, vec![0.0; 20]).unwrap();
        let ground = ground_state(&ising, &embedding).unwrap();
        assert_eq!(ground.energy, exact::spectrum(&ising).unwrap()[0].energy);
    }
    // The antiferromagnet on a large triangulated square breaks one bond of every two triangles.
    let (edges, embedding) = triangular(31, 31);
    let bonds: Vec<_> = edges.iter().map(|&(i, j)| (i, j, -1.0)).collect();
    let ising = Ising::new(961, &bonds, vec![0.0; 961]).unwrap();
    let ground = ground_state(&ising, &embedding).unwrap();
    assert_eq!(ground.energy, -(edges.len() as f64) + 2.0 * 900.0);
    // Components, isolated spins and trees.
    let bonds =
        [(0, 1, 1.0), (1, 2, -1.0), (2, 0, 1.0), (4, 5, -1.0), (5, 6, -1.0), (6, 4, -1.0), (6, 7, -2.0)];
    let ising = Ising::new(9, &bonds, vec![0.0; 9]).unwrap();
    let rows = |v: usize| ising.couplings().neighbours(v).0.to_vec();
    let ground = ground_state(&ising, &Embedding::new((0..9).map(rows).collect())).unwrap();
    assert_eq!(ground.energy, -8.0 + 4.0);
}

#[test]
fn what_is_not_planar_or_not_whole_is_refused() {
    let torus = SquareLattice::uniform(4, 4, Boundary::Periodic, 1.0, 0.0).unwrap();
    assert!(square_ground_state(&torus).unwrap_err().to_string().contains("open"));
    let ising = torus.ising().unwrap();
    let around = |i: usize| {
        let (r, c) = (i / 4, i % 4);
        let site = |r: usize, c: usize| (r % 4 * 4 + c % 4) as u32;
        vec![site(r, c + 1), site(r + 1, c), site(r, c + 3), site(r + 3, c)]
    };
    let error = ground_state(&ising, &Embedding::new((0..16).map(around).collect())).unwrap_err().to_string();
    assert!(error.contains("vertices - edges + faces") && error.contains('2'), "{error}");
    let embedding = Embedding::square(2, 2).unwrap();
    let square = |coupling: f64, field: f64| {
        SquareLattice::uniform(2, 2, Boundary::Open, coupling, field).unwrap().ising().unwrap()
    };
    assert!(ground_state(&square(0.5, 0.0), &embedding).unwrap_err().to_string().contains("whole"));
    assert!(ground_state(&square(1e15, 0.0), &embedding).unwrap_err().to_string().contains("sum"));
    assert!(ground_state(&square(1.0, 0.5), &embedding).unwrap_err().to_string().contains("field 0"));
    assert!(ground_state(&square(1.0, 0.0), &Embedding::square(4, 1).unwrap()).is_err());
    assert!(ground_state(&square(1.0, 0.0), &Embedding::square(2, 1).unwrap()).is_err());
    assert!(Embedding::square(0, 2).is_err() && Embedding::square(1 << 31, 2).is_err());
}

#[test]
fn a_proof_that_was_tampered_with_fails() {
    let ising = instances::open_square(12, 12, 5).unwrap().ising().unwrap();
    let ground = ground_state(&ising, &Embedding::square(12, 12).unwrap()).unwrap();
    let certify = |change: &dyn Fn(&mut Vec<FrustratedSet>)| {
        let mut packing = ground.packing.clone();
        change(&mut packing.sets);
        packing.certify(&ising)
    };
    assert_eq!(certify(&|_| ()).unwrap(), ground.bound);
    assert!(certify(&|sets| sets[0].weight *= 2.0).is_err());
    assert!(certify(&|sets| sets[0].weight = f64::NAN).is_err());
    assert!(certify(&|sets| sets[0].bonds.truncate(3)).is_err());
    assert!(certify(&|sets| sets.push(sets[0].clone())).is_err());
    assert!(certify(&|sets| sets.truncate(sets.len() - 3)).unwrap().energy < ground.energy);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn small_lattices_against_enumeration(rows in 1usize..5, columns in 1usize..5, seed: u64, size in 1usize..6) {
        let mut rng = Streams::new(seed).stream("planar", 2);
        let values: Vec<f64> = (0..=2 * size).map(|k| k as f64 - size as f64).collect();
        let lattice = lattice(rows, columns, &values, &mut rng);
        let ground = square_ground_state(&lattice).unwrap();
        prop_assert_eq!(ground.energy, exact::spectrum(&lattice.ising().unwrap()).unwrap()[0].energy);
    }

    #[test]
    fn embeddings_of_other_graphs_are_refused(rotations in prop::collection::vec(prop::collection::vec(0u32..6, 0..4), 0..6)) {
        // No panic, whatever the lists hold.
        let graph = SparseGraph::unweighted(4, &[(0, 1), (1, 2), (2, 3), (3, 0), (0, 2)]).unwrap();
        let _ = Embedding::new(rotations).check(&graph);
    }
}

/// Labelled planar graphs on 5 and 6 vertices: 1023 of 1024 and 32,071 of 32,768 (OEIS A066537). What is found is checked by
/// Euler's formula.
#[test]
fn all_small_graphs_are_judged_rightly() {
    for (n, planar) in [(1u32, 1), (2, 2), (3, 8), (4, 64), (5, 1023), (6, 32_071)] {
        let pairs: Vec<(u32, u32)> = (0..n).flat_map(|i| (0..i).map(move |j| (j, i))).collect();
        let found = (0..1u32 << pairs.len())
            .filter(|mask| {
                let edges: Vec<(u32, u32)> =
                    pairs.iter().enumerate().filter(|(k, _)| mask >> k & 1 == 1).map(|(_, p)| *p).collect();
                let graph = SparseGraph::unweighted(n as usize, &edges).unwrap();
                Embedding::of(&graph).is_some_and(|e| {
                    e.check(&graph).unwrap();
                    true
                })
            })
            .count();
        assert_eq!(found, planar, "{n} vertices");
    }
}

/// Triangles divided at random (Apollonian), with edges left out and vertices renumbered, are planar; one edge more on a full
/// triangulation is not.
#[test]
fn large_planar_graphs_are_drawn() {
    let mut rng = Streams::new(3).stream("planar", 0);
    for (n, keep) in [(10usize, 1.0), (300, 1.0), (300, 0.7), (3_000, 0.5), (20_000, 0.9)] {
        let mut label: Vec<u32> = (0..n as u32).collect();
        rng.shuffle(&mut label);
        let mut faces = vec![[0usize, 1, 2], [0, 1, 2]];
        let mut edges = vec![(0usize, 1usize), (1, 2), (0, 2)];
        for v in 3..n {
            let k = rng.below(faces.len());
            let [a, b, c] = faces[k];
            faces[k] = [a, b, v];
            faces.extend([[a, c, v], [b, c, v]]);
            edges.extend([(a, v), (b, v), (c, v)]);
        }
        assert_eq!(edges.len(), 3 * n - 6);
        let named: Vec<(u32, u32)> = edges
            .iter()
            .filter(|_| rng.uniform() < keep)
            .map(|&(a, b)| (label[a].min(label[b]), label[a].max(label[b])))
            .collect();
        let graph = SparseGraph::unweighted(n, &named).unwrap();
        Embedding::of(&graph).unwrap().check(&graph).unwrap();
        if keep == 1.0 {
            let other = (1..n as u32).find(|j| !named.contains(&(0, *j)));
            let more = SparseGraph::unweighted(n, &[&named[..], &[(0, other.unwrap())]].concat()).unwrap();
            assert!(Embedding::of(&more).is_none());
        }
    }
    // A path of 200,000: nothing recurs. A torus is not planar.
    let path: Vec<(u32, u32)> = (0..200_000).map(|i| (i, i + 1)).collect();
    let path = SparseGraph::unweighted(200_001, &path).unwrap();
    Embedding::of(&path).unwrap().check(&path).unwrap();
    let torus = SquareLattice::uniform(5, 6, Boundary::Periodic, 1.0, 0.0).unwrap().ising().unwrap();
    assert!(Embedding::of(torus.couplings()).is_none());
}

/// A graph from a file has no drawing: the one that is found gives the same ground states.
#[test]
fn a_drawing_that_is_found_serves_as_well() {
    for seed in 1..=5 {
        let ising = instances::open_square(20, 17, seed).unwrap().ising().unwrap();
        let given = ground_state(&ising, &Embedding::square(20, 17).unwrap()).unwrap();
        let found = ground_state(&ising, &Embedding::of(ising.couplings()).unwrap()).unwrap();
        assert_eq!(given.energy, found.energy);
    }
}
