//! Files against those of the Python generators, planted energies against enumeration and elimination.

use super::*;
use crate::ising::{Boundary, SquareLattice, elimination, exact};
use sha2::{Digest, Sha256};
use smml_core::{
    energy::Energy,
    factor_graph::ExactOptions,
    rng::{Draw, Streams},
};

fn hash(instance: Result<Instance>) -> String {
    let digest = Sha256::digest(instance.unwrap().to_rudy());
    digest.iter().map(|b| format!("{b:02x}")).collect()
}

#[test]
fn files_are_those_of_the_python_generators() {
    // SHA-256 of the files that a Python program with the same rules writes.
    for (found, expected) in [
        (hash(torus(100, 1)), "468eb9da43c8c15a6adcd0baeb2ee09501a407f5bed817e64f355310d2be5ca3"),
        (hash(torus(7, 10)), "b2daefdf52bab016518483c7bc6ce0836eefca08cca928a63176c788e62f8206"),
        (hash(torus(2, 5)), "61997eb82cabdd1935293ad97e57336320d01fc6c02cbdc3c648672bee7dfeca"),
        (hash(regular3(10_000, 2)), "3ec4b9fa402f6e3fc04294d8e447315df1add0ff85a7f730f7bbc13c89f673da"),
        (hash(regular3(500, 9)), "cce75b0df92cfcd7aad5750fa5d3a00d600e9c03c3bd1e75970f0f4f8599fefd"),
        (hash(regular3(4, 1)), "cbbebb9e60ce5fe358c83b6de3dfa57d6b0d5c3586cea57f1aa11f32dcc9b733"),
        (hash(sk(1000, 3)), "b7bde812cd334c691186d218dd6347fd049f2433370f1de44ee7eb3e07419782"),
        (hash(sk(63, 7)), "80047c7a8336736a2b43bf24ea73a4747ec0c38e6bf893ff617b00c3846895b9"),
        (hash(gnm(800, 19_176, 4)), "731ba6ed04f4420b98ea59a998b1b0c81d087cfc3fe97d37e096e62421f1399e"),
        (hash(gnm(50, 300, 11)), "2a060eca2e9edcc6668b8971e6f87febb8775e71b24b07f4e44bab2fd4ba0ba5"),
        (hash(open_square(64, 64, 1)), "74f06cdef3153b0e86ebbe7dc495a1b0b02fe4e1d51c953cbae63edcf4d5832f"),
        (hash(open_square(5, 9, 3)), "526cad5fbfdd606e12c8fdddd76cd01c3f5dad0830980a19013ce23631324263"),
        (hash(cubic(8, 1)), "8c97807c13865523458a8f5dea05f95b6653687b50c38c7db531badcfd0fdfc6"),
        (hash(cubic(3, 7)), "aebf999f44b952fd9565c96b690fb00b3e0c6773b64afcf31b603f4f51b23e2b"),
    ] {
        assert_eq!(found, expected);
    }
}

#[test]
fn sizes_are_checked() {
    assert!(torus(1, 1).is_err() && torus(1 << 16, 1).is_err() && torus(usize::MAX, 1).is_err());
    assert!(cubic(1, 1).is_err() && cubic(1 << 11, 1).is_err());
    assert!(open_square(0, 3, 1).is_err() && open_square(1 << 20, 1 << 20, 1).is_err());
    assert!(regular3(5, 1).is_err() && regular3(2, 1).is_err() && regular3(1 << 62, 1).is_err());
    assert!(sk(1, 1).is_err() && sk(1 << 17, 1).is_err());
    assert!(gnm(1, 0, 1).is_err() && gnm(4, 7, 1).is_err() && gnm(4, 6, 1).is_ok());
    assert_eq!(open_square(1, 1, 1).unwrap().bonds, []);
    let mut rng = Streams::new(1).stream("sizes", 0);
    let tree = SparseGraph::unweighted(3, &[(0, 1), (1, 2)]).unwrap();
    assert!(frustrated_loops(&tree, 1, 3, 1, &mut rng).unwrap_err().to_string().contains("loops"));
    assert!(frustrated_loops(&tree, 0, 3, 1, &mut rng).is_ok());
    let ring = SparseGraph::unweighted(3, &[(0, 1), (1, 2), (2, 0)]).unwrap();
    assert!(frustrated_loops(&ring, 1, 2, 1, &mut rng).is_err());
    assert!(frustrated_loops(&ring, 1, 3, 0, &mut rng).is_err());
    assert!(frustrated_loops(&ring, 100, 3, 1, &mut rng).is_err());
    assert!(wishart(1, 1, Columns::Normal, &mut rng).is_err());
    assert!(wishart(5, 1, Columns::Signs, &mut rng).is_err());
    assert!(tiles(5, [1.0; 4], &mut rng).is_err() && tiles(2, [1.0; 4], &mut rng).is_err());
    assert!(tiles(4, [0.0; 4], &mut rng).is_err() && tiles(4, [1.0, -1.0, 1.0, 1.0], &mut rng).is_err());
}

#[test]
fn an_instance_is_a_cut_and_a_glass() {
    let instance = torus(4, 3).unwrap();
    let (ising, cut) = (instance.ising().unwrap(), instance.max_cut().unwrap());
    let total: f64 = instance.bonds.iter().map(|b| b.2).sum();
    let mut rng = Streams::new(2).stream("states", 0);
    for _ in 0..20 {
        let s: Vec<i8> = (0..16).map(|_| if rng.chance(0.5) { 1 } else { -1 }).collect();
        assert_eq!(2.0 * cut.value(&s), total - ising.energy(&s));
    }
}

/// The lowest energy by enumeration, and the number of states that have it.
fn lowest(ising: &Ising) -> (f64, u64) {
    let levels = exact::spectrum(ising).unwrap();
    let energy = levels[0].energy;
    (energy, levels.iter().filter(|l| (l.energy - energy).abs() < 1e-9).map(|l| l.count).sum())
}

#[test]
fn planted_energies_are_the_lowest() {
    let mut rng = Streams::new(4).stream("planted", 0);
    let square = SquareLattice::uniform(4, 4, Boundary::Periodic, 1.0, 0.0).unwrap().ising().unwrap();
    let regular = regular3(16, 5).unwrap().graph().unwrap();
    let check = |planted: &Planted, tolerance: f64| {
        assert!((planted.ising.energy(&planted.spins) - planted.energy).abs() <= tolerance, "{planted:?}");
        assert!((lowest(&planted.ising).0 - planted.energy).abs() <= tolerance, "{planted:?}");
        let value = planted.problem().unwrap().value(&planted.spins);
        assert!((value - planted.energy).abs() <= tolerance);
    };
    for round in 0..12 {
        check(&frustrated_loops(square.couplings(), 2 + round, 4, 4, &mut rng).unwrap(), 0.0);
        check(&frustrated_loops(&regular, 1 + round / 2, 3, 9, &mut rng).unwrap(), 0.0);
        check(&wishart(12, 1 + round, Columns::Signs, &mut rng).unwrap(), 0.0);
        check(&wishart(11, 1 + round, Columns::Normal, &mut rng).unwrap(), 1e-11);
        check(&tiles(4, [1.0, 1.0, 1.0, 1.0], &mut rng).unwrap(), 0.0);
    }
    let capped = frustrated_loops(square.couplings(), 10, 4, 1, &mut rng).unwrap();
    assert!(capped.ising.couplings().edges().all(|e| e.2.abs() <= 1.0));
}

#[test]
fn planted_energies_are_the_lowest_on_larger_lattices() {
    let mut rng = Streams::new(6).stream("planted", 1);
    let options = ExactOptions::default();
    let square = SquareLattice::uniform(10, 10, Boundary::Open, 1.0, 0.0).unwrap().ising().unwrap();
    let loops = frustrated_loops(square.couplings(), 60, 6, 3, &mut rng).unwrap();
    assert_eq!(elimination::ground_state(&loops.ising, &options).unwrap().energy, loops.energy);
    let tiled = tiles(8, [0.5, 0.5, 2.0, 0.0], &mut rng).unwrap();
    assert_eq!(elimination::ground_state(&tiled.ising, &options).unwrap().energy, tiled.energy);
}

/// A single tile of class c has 2 c ground states: an open plaquette with those couplings, by enumeration.
#[test]
fn classes_of_tiles() {
    for class in 1..=4 {
        let mut weights = [0.0; 4];
        weights[class - 1] = 1.0;
        let planted = tiles(6, weights, &mut Streams::new(7).stream("tiles", class as u64)).unwrap();
        let (mut ones, mut twos) = (0, 0);
        for (_, _, w) in planted.ising.couplings().edges() {
            if w.abs() == 1.0 { ones += 1 } else { twos += 1 }
        }
        assert_eq!((ones, twos), (18 * class, 18 * (4 - class)));
        let tile: Vec<(u32, u32, f64)> = (0..4)
            .map(|k| {
                let size = if k < class { 1.0 } else { 2.0 };
                (k as u32, (k as u32 + 1) % 4, if k == 0 { -1.0 } else { size })
            })
            .collect();
        let ising = Ising::new(4, &tile, vec![0.0; 4]).unwrap();
        assert_eq!(lowest(&ising), (ising.energy(&vec![1; 4]), 2 * class as u64));
    }
}
