//! Bounds against enumeration and exact ground states; certificates that lie.

use super::*;
use crate::{
    instances::{self, Instance},
    ising::{Boundary, SquareLattice, elimination, exact},
    planar,
};
use proptest::prelude::*;
use smml_core::factor_graph::ExactOptions;

fn bound(ising: &Ising) -> Bound {
    Packing::of(ising, &Effort::default()).certify(ising).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn no_state_is_below_the_bound(
        couplings in prop::collection::vec((0u32..8, 0u32..8, -3.0..3.0f64), 0..20),
        fields in prop::collection::vec(-1.0..1.0f64, 8),
        whole: bool,
        in_field: bool,
    ) {
        let number = |x: f64| if whole { x.round() } else { x };
        let bonds: Vec<_> =
            couplings.into_iter().filter(|b| b.0 != b.1).map(|b| (b.0, b.1, number(b.2))).collect();
        let fields = fields.into_iter().map(|h| if in_field { number(h) } else { 0.0 }).collect();
        let ising = Ising::new(8, &bonds, fields).unwrap();
        let found = bound(&ising);
        let lowest = exact::spectrum(&ising).unwrap()[0].energy;
        prop_assert!(found.energy <= lowest + 1e-9, "{} above {}", found.energy, lowest);
        prop_assert!(found.energy >= found.free && found.weight >= 0.0);
        let again = Packing::of(&ising, &Effort::new(0.5, 1).unwrap()).certify(&ising).unwrap();
        prop_assert!(again.energy <= lowest + 1e-9);
    }
}

#[test]
fn frustration_by_hand() {
    // The antiferromagnetic triangle, and K4: -J breaks 2 of 6 bonds; the packing of its four triangles by halves is 2.
    let complete = |n: u32| {
        let bonds: Vec<_> = (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j, -1.0))).collect();
        Ising::new(n as usize, &bonds, vec![0.0; n as usize]).unwrap()
    };
    assert_eq!(bound(&complete(3)).energy, -1.0);
    assert_eq!(bound(&complete(4)).energy, -2.0);
    // K5 has 10 triangles, each bond in three: 10 / 3, rounded up to 4 broken bonds, as in truth.
    let five = bound(&complete(5));
    assert_eq!((five.energy, exact::spectrum(&complete(5)).unwrap()[0].energy), (-2.0, -2.0));
    assert!(five.weight > 3.0 && five.weight <= 10.0 / 3.0);
    // A ferromagnet in a field against one spin: the cycle goes through the fields.
    let pair = Ising::new(2, &[(0, 1, 1.0)], vec![0.5, -0.5]).unwrap();
    assert_eq!((bound(&pair).free, bound(&pair).energy), (-2.0, -1.0));
    // No frustration, no cycles.
    let free = instances::open_square(1, 9, 1).unwrap().ising().unwrap();
    assert_eq!(bound(&free).gap(bound(&free).free), 0.0);
    assert_eq!(Packing::of(&free, &Effort::default()).sets, []);
}

#[test]
fn large_systems_with_little_frustration_take_no_time() {
    let side = 200;
    let lattice = |odd: usize| {
        let coupling = |i: usize, j: usize| if j == i + 1 && i == odd { -1.0 } else { 1.0 };
        SquareLattice::with_couplings(side, side, Boundary::Periodic, coupling, |_| 0.0)
            .unwrap()
            .ising()
            .unwrap()
    };
    let start = std::time::Instant::now();
    let free = -2.0 * (side * side) as f64;
    assert_eq!(bound(&lattice(usize::MAX)).energy, free);
    assert_eq!(bound(&lattice(side * side / 2)).energy, free + 2.0);
    assert!(start.elapsed().as_secs() < 120, "{:?}", start.elapsed());
    // Numbers that no sum can hold are bounded all the same.
    let huge = Ising::new(3, &[(0, 1, -1e308), (1, 2, -1e308), (0, 2, -1e308)], vec![0.0; 3]).unwrap();
    assert_eq!(bound(&huge).energy, f64::NEG_INFINITY);
    let mixed = Ising::new(3, &[(0, 1, -1e300), (1, 2, -1e-300), (0, 2, -1e-310)], vec![0.0; 3]).unwrap();
    assert_eq!(bound(&mixed).energy, -1e300);
}

/// Σ over instances of the bound and of the ground energy.
fn compare(instances: impl Iterator<Item = Instance>) -> (f64, f64) {
    let options = ExactOptions::default();
    instances.fold((0.0, 0.0), |(low, ground), instance| {
        let ising = instance.ising().unwrap();
        let exact = elimination::ground_state(&ising, &options).unwrap().energy;
        let found = bound(&ising).energy;
        assert!(found <= exact, "{found} above {exact}");
        println!("bound {found}, ground state {exact}");
        (low + found, ground + exact)
    })
}

#[test]
fn gaps_of_sparse_glasses() {
    // On planar lattices the best packing is exact, and the search must come near.
    let planar = |seed| instances::open_square(10, 10, seed).unwrap();
    let (low, ground) = compare((1..=5).map(planar));
    assert!(low >= 1.01 * ground, "planar: {low} for {ground}");
    let (low, ground) = compare((1..=5).map(|seed| instances::torus(8, seed).unwrap()));
    assert!(low >= 1.02 * ground, "torus: {low} for {ground}");
    let (low, ground) = compare((1..=5).map(|seed| instances::regular3(60, seed).unwrap()));
    assert!(low >= 1.04 * ground, "3-regular: {low} for {ground}");
    let (low, ground) = compare((1..=3).map(|seed| instances::cubic(3, seed).unwrap()));
    assert!(low >= 1.10 * ground, "cubic: {low} for {ground}");
}

#[test]
fn the_search_comes_near_the_exact_packing() {
    for seed in 1..=2 {
        let ising = instances::open_square(24, 24, seed).unwrap().ising().unwrap();
        let ground = planar::ground_state(&ising, &planar::Embedding::square(24, 24).unwrap()).unwrap();
        let found = bound(&ising);
        println!("24 x 24: weight {} of {}", found.weight, ground.bound.weight);
        assert!(found.weight <= ground.bound.weight && found.weight >= 0.9 * ground.bound.weight);
    }
}

#[test]
fn proofs_that_lie_are_refused() {
    let bonds = [(0, 1, -1.0), (1, 2, 1.0), (0, 2, 1.0), (2, 3, -2.0), (0, 3, 1.0)];
    let ising = Ising::new(4, &bonds, vec![0.0, 0.0, 0.0, 0.5]).unwrap();
    let set = |bonds: &[(u32, u32)], weight| FrustratedSet { bonds: bonds.to_vec(), weight };
    let certify = |sets: Vec<FrustratedSet>| Packing { sets }.certify(&ising);
    let says = |sets, part: &str| {
        let error = certify(sets).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    };
    let good = set(&[(1, 0), (1, 2), (0, 2)], 1.0);
    assert_eq!(certify(vec![good.clone()]).unwrap().energy, -6.5 + 2.0);
    says(vec![set(&[(0, 1), (1, 2), (0, 2)], 1.5)], "at most |J| = 1");
    says(vec![good.clone(), set(&[(0, 2), (2, 3), (0, 3)], 0.5)], "at most |J| = 1");
    says(vec![set(&[(0, 1), (1, 2), (0, 2)], 0.0)], "weight of set 0");
    says(vec![set(&[(0, 1), (1, 2), (2, 3), (0, 3)], 0.5)], "not frustrated");
    says(vec![set(&[(0, 1), (1, 2)], 0.5)], "not closed");
    says(vec![set(&[(0, 1), (1, 3), (0, 3)], 0.5)], "one of the model");
    says(vec![set(&[(0, 9)], 0.5)], "one of the model");
    says(vec![set(&[(0, 1), (0, 1), (0, 1)], 0.5)], "once");
    // A field is a bond to one more spin; a single one is not closed.
    says(vec![set(&[(2, 3), (3, 4)], 0.5)], "not closed");
    assert_eq!(certify(vec![]).unwrap().energy, -6.5);
    assert!(
        Effort::new(0.0, 1).is_err() && Effort::new(0.1, 0).is_err() && Effort::new(f64::NAN, 1).is_err()
    );
    assert!(serde_json::from_str::<Effort>("{\"epsilon\":0.9,\"max_searches\":1}").is_err());
}
