use super::*;
use smml_core::{
    energy::{Energy, Finite, Reference, ln_z_exact, mean_exact, states},
    parallel::Par,
    sample::{HeatBath, Metropolis},
    testing::{delta_error, law},
};

#[test]
fn the_energy_is_the_sum_over_sites_and_pairs() {
    for alphabet in [Alphabet::Dna, Alphabet::Protein] {
        let (n, q) = (4, alphabet.n_letters());
        let machine = random(alphabet, n, 0.8, 1);
        let couplings = machine.couplings();
        let mut rng = Streams::new(2).stream("states", 0);
        for _ in 0..50 {
            let s = machine.draw(&mut rng);
            let at = |k: usize| usize::from(s[k]);
            let mut sum: f64 = (0..n).map(|i| machine.fields()[i * q + at(i)]).sum();
            for (pair, (i, j)) in [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)].into_iter().enumerate() {
                let own = couplings[(pair * q + at(i)) * q + at(j)];
                assert_eq!(own, machine.coupling((i, s[i]), (j, s[j])));
                assert_eq!(own, machine.coupling((j, s[j]), (i, s[i])));
                sum += own;
            }
            assert!((machine.energy(&s) + sum).abs() < 1e-12);
        }
        assert!(delta_error(&machine, machine.draw(&mut rng), 200, &mut rng) < 1e-13);
        assert!(machine.energy(&vec![0; n - 1]).is_nan() && machine.energy(&vec![q as u8; n]).is_nan());
    }
}

#[test]
fn partition_functions_are_exact() {
    // Without couplings every site is on its own.
    let frequencies: Vec<f64> = (1..=20).map(f64::from).collect();
    let profile = PottsMachine::profile(Alphabet::Dna, 4, &frequencies).unwrap();
    let expected: f64 = (0..4).map(|i| frequencies[i * 5..][..5].iter().sum::<f64>().ln()).sum();
    assert!((ln_z_exact(&profile, 1.0).unwrap() - expected).abs() < 1e-12);
    assert!((ln_z_exact(&profile, 0.0).unwrap() - profile.ln_z_reference()).abs() < 1e-12);
    // Two sites: a matrix product.
    let two = random(Alphabet::Protein, 2, 1.0, 3);
    let mut z = 0.0;
    for a in 0..21u8 {
        for b in 0..21u8 {
            let (ha, hb) = (two.fields()[usize::from(a)], two.fields()[21 + usize::from(b)]);
            z += (0.7 * (ha + hb + two.coupling((0, a), (1, b)))).exp();
        }
    }
    assert!((ln_z_exact(&two, 0.7).unwrap() - z.ln()).abs() < 1e-12);
}

#[test]
fn samplers_have_the_exact_law() {
    let machine = random(Alphabet::Dna, 3, 0.7, 4);
    for beta in [0.0, 1.0, 1.9] {
        assert!(law(&machine, &HeatBath, beta).holds());
        assert!(law(&machine, &Metropolis::new(1).unwrap(), beta).holds_reversibly());
    }
}

#[test]
fn the_zero_sum_gauge_keeps_the_distribution() {
    for alphabet in [Alphabet::Dna, Alphabet::Protein] {
        let (n, q) = (5, alphabet.n_letters());
        let machine = random(alphabet, n, 1.0, 5);
        let gauged = machine.zero_sum();
        let mut rng = Streams::new(6).stream("states", 0);
        let shifts: Vec<f64> =
            (0..40).map(|_| machine.draw(&mut rng)).map(|s| machine.energy(&s) - gauged.energy(&s)).collect();
        assert!(shifts.iter().all(|d| (d - shifts[0]).abs() < 1e-10));
        for block in gauged.couplings().chunks_exact(q * q) {
            for a in 0..q {
                assert!(block[a * q..(a + 1) * q].iter().sum::<f64>().abs() < 1e-11);
                assert!((0..q).map(|b| block[b * q + a]).sum::<f64>().abs() < 1e-11);
            }
        }
        assert!(gauged.fields().chunks_exact(q).all(|h| h.iter().sum::<f64>().abs() < 1e-11));
        let again = gauged.zero_sum();
        let moved =
            again.couplings().iter().zip(gauged.couplings()).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(moved < 1e-13);
    }
}

#[test]
fn models_are_saved_and_bad_ones_refused() {
    let machine = random(Alphabet::Dna, 4, 1.0, 7);
    let text = serde_json::to_string(&machine).unwrap();
    assert_eq!(serde_json::from_str::<PottsMachine>(&text).unwrap(), machine);
    assert!(serde_json::from_str::<PottsMachine>(&text.replace("\"n_sites\":4", "\"n_sites\":5")).is_err());
    let new = |n, fields: &[f64], couplings: &[f64]| {
        PottsMachine::new(Alphabet::Dna, n, fields.to_vec(), couplings)
    };
    assert!(new(1, &[0.0; 5], &[]).is_ok());
    assert!(new(0, &[], &[]).is_err());
    assert!(new(2, &[0.0; 10], &[0.0; 24]).is_err());
    assert!(new(2, &[0.0; 9], &[0.0; 25]).is_err());
    assert!(new(2, &[f64::NAN; 10], &[0.0; 25]).is_err());
    assert!(new(100_000, &[], &[]).unwrap_err().to_string().contains("limit"));
    assert!(
        PottsMachine::profile(Alphabet::Dna, 1, &[0.0; 5]).unwrap_err().to_string().contains("pseudocount")
    );
}

#[test]
fn folds_visit_every_place_once_and_differ() {
    let mut seen = Vec::new();
    for (k, sides) in
        [[3, 3, 3], [3, 3, 3], [2, 2, 1], [4, 5, 1], [2, 3, 4], [1, 6, 2]].into_iter().enumerate()
    {
        let fold = FoldedChain::new(sides, &mut Streams::new(8).stream("fold", k as u64)).unwrap();
        let n: usize = sides.iter().product();
        let mut places = fold.places().to_vec();
        let near =
            |a: [usize; 3], b: [usize; 3]| a.iter().zip(b).map(|(a, b)| a.abs_diff(b)).sum::<usize>() == 1;
        assert!(places.windows(2).all(|w| near(w[0], w[1])));
        // As many neighbours on the lattice as the box has, less those along the chain.
        let bonds: usize = (0..3).map(|d| n / sides[d] * (sides[d] - 1)).sum();
        assert_eq!(fold.contacts().len(), bonds - (n - 1), "{sides:?}");
        assert!(fold.contacts().iter().all(|(i, j)| j - i >= 3 && near(places[*i], places[*j])));
        places.sort_unstable();
        places.dedup();
        assert_eq!(places.len(), n);
        assert!(places.iter().all(|p| (0..3).all(|d| p[d] < sides[d])));
        seen.push(fold);
    }
    assert_ne!(seen[0], seen[1]);
    for sides in [[0, 3, 3], [1, 1, 9], [3, 1, 1], [1001, 2, 1], [usize::MAX, 2, 2]] {
        assert!(FoldedChain::new(sides, &mut Streams::new(1).stream("x", 0)).is_err());
    }
}

#[test]
fn folds_of_a_small_box_are_all_found() {
    // A 3 × 2 grid has 8 Hamiltonian paths, without direction; backbites reach them all.
    let folds: std::collections::BTreeSet<Vec<[usize; 3]>> = (0..300)
        .map(|k| {
            FoldedChain::new([3, 2, 1], &mut Streams::new(9).stream("fold", k)).unwrap().places().to_vec()
        })
        .map(|p| if p.first() < p.last() { p } else { p.into_iter().rev().collect() })
        .collect();
    assert_eq!(folds.len(), 8);
}

#[test]
fn members_of_a_family_have_the_means_of_its_model() {
    let streams = Streams::new(10);
    let fold = FoldedChain::new([2, 2, 1], &mut streams.stream("fold", 0)).unwrap();
    let family =
        LatticeFamily::new(fold, Alphabet::Dna, [0.5, 1.5], -1.0, &mut streams.stream("family", 0)).unwrap();
    let machine = family.machine();
    assert_eq!(family.fold().contacts(), [(0, 3)]);
    assert!(machine.coupling((0, 1), (3, 2)) != 0.0 && machine.coupling((0, 1), (2, 2)) == 0.0);
    assert!(machine.coupling((0, 4), (3, 2)) == 0.0 && machine.fields()[9] == -1.0);
    let n = 20_000;
    let members = machine.sample(n, 20, "m", &streams, Par::Rayon).unwrap();
    assert_eq!(members.names()[7], "m7");
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    assert_eq!(pool.install(|| machine.sample(n, 20, "m", &streams, Par::Rayon)).unwrap(), members);
    let f = members.frequencies(&vec![1.0; n], 0.0, Par::Serial).unwrap();
    let gate = |p: f64| 6.0 * (p * (1.0 - p) / n as f64).sqrt();
    for i in 0..4 {
        for a in 0..5u8 {
            let p = mean_exact(machine, 1.0, |s| f64::from(u8::from(s[i] == a))).unwrap();
            assert!((f.single[i * 5 + usize::from(a)] - p).abs() < gate(p));
        }
    }
    for (a, b) in [(0u8, 0u8), (1, 2), (3, 3)] {
        let p = mean_exact(machine, 1.0, |s| f64::from(u8::from((s[0], s[3]) == (a, b)))).unwrap();
        let found = f.pairs[2 * 25 + usize::from(a) * 5 + usize::from(b)];
        assert!((found - p).abs() < gate(p), "{a} {b}: {found} {p}");
    }
    assert_eq!(states(machine).unwrap().len(), 625);
    assert!((0..625).all(|k| machine.index(&machine.state(k)) == k));
    assert!(machine.sample(0, 1, "", &streams, Par::Serial).is_err());
    assert!(machine.sample(1, 0, "", &streams, Par::Serial).is_err());
}
