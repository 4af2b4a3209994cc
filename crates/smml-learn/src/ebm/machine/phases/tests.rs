use super::{
    super::model::{Units, tests::random},
    *,
};
use smml_core::{
    energy::{Energy, Finite},
    kernel::Kernel,
    sample::HeatBath,
    testing::Script,
};

/// Largest difference of means in units of 1/√n, a bound of the error of a mean of ±1 over `n` independent states.
fn distance(a: &Statistics, b: &Statistics, n: usize) -> f64 {
    let pairs = a.units.iter().chain(&a.pairs).zip(b.units.iter().chain(&b.pairs));
    pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max) * (n as f64).sqrt()
}

/// Passed by chance less often than 1e-7 by all of at most sixty numbers.
const GATE: f64 = 6.0;

fn repeated(rows: &[&[u8]], times: usize) -> BinaryData {
    BinaryData::new(rows[0].len(), rows.concat().repeat(times)).unwrap()
}

#[test]
fn energies_and_counts_are_those_of_the_states() {
    let machine = random(Units::Spins, 7, 4, 1.0, 60);
    let mut rng = Streams::new(1).stream("words", 0);
    let words: Vec<u64> = (0..7).map(|_| rng.word()).collect();
    let spins = RealLaneSpins::new(words.clone()).unwrap();
    let found = energies(machine.ising(), &words);
    let (mut counts, valid) = (Counts::zeros(machine.weights()), 0x00ff_0000_0000_0011);
    counts.add(machine.weights(), &words, valid);
    let mut sum = Statistics::zeros(&machine);
    for r in 0..64 {
        let state = spins.replica(r);
        assert!((found[r] - machine.energy(&state)).abs() < 1e-12);
        if valid >> r & 1 == 1 {
            sum.add_state(machine.weights(), 0.1, &state);
        }
    }
    assert!(counts.n == 10 && distance(&counts.means(), &sum, 1) < 1e-12);
}

#[test]
fn sampled_positive_phases_follow_the_conditional_distribution() {
    // Sparse and dense rows of the lanes.
    let dense = random(Units::Spins, 9, 4, 0.7, 61);
    let ring: Vec<(u32, u32, f64)> =
        (0..40u32).map(|i| (i, (i + 1) % 40, if i % 3 == 0 { -0.8 } else { 0.6 })).collect();
    let ring = SparseGraph::new(40, &ring).unwrap();
    let sparse = BoltzmannMachine::new(Units::Spins, ring, vec![0.1; 40], vec![3, 0, 21, 39]).unwrap();
    for (machine, many) in [(dense, 3200), (sparse, 3200)] {
        let data = repeated(&[&[1, 0, 0, 1], &[0, 1, 1, 1], &[1, 1, 0, 0]], many);
        let compiled = Compiled::new(&machine).unwrap();
        let streams = Streams::new(3);
        let exact = compiled.positive(&data.head(3), &PositivePhase::Exact, &streams, Par::Serial).unwrap();
        let phase = PositivePhase::Sampled { sweeps: 40 };
        let found = compiled.positive(&data, &phase, &streams, Par::Rayon).unwrap();
        assert_eq!(found.means, compiled.positive(&data, &phase, &streams, Par::Serial).unwrap().means);
        let far = distance(&found.means, &exact.means, data.len());
        assert!(far < GATE, "{far}");
        // The machine by itself is another distribution.
        let free = compiled.negative(&NegativePhase::Exact, &[], &mut [], &streams, Par::Serial).unwrap();
        assert!(distance(&free, &exact.means, data.len()) > 3.0 * GATE);
        // Rows that do not fill the last block count as often as others.
        let few = data.head(70);
        let found = compiled.positive(&few, &phase, &streams, Par::Serial).unwrap();
        let means = few.column_means();
        for (unit, mean) in machine.visible().iter().zip(means) {
            assert!((found.means.units[*unit as usize] - (2.0 * mean - 1.0)).abs() < 1e-14);
        }
    }
}

/// Probabilities of all states after `sweeps` of the heat bath, unit by unit in order, at β = 1.
fn swept(machine: &BoltzmannMachine, mut p: Vec<f64>, sweeps: usize) -> Vec<f64> {
    let mut moves = Vec::new();
    for i in 0..machine.n_units() {
        for (up, state) in (0..p.len()).map(|k| (k, machine.state(k))).filter(|(_, s)| s[i] == 1) {
            let mut turned = state.clone();
            turned[i] = -1;
            let chance = 1.0 / (1.0 + (-2.0 * machine.ising().local_field(&state, i)).exp());
            moves.push((up, machine.index(&turned), chance));
        }
    }
    for _ in 0..sweeps {
        for (up, down, chance) in &moves {
            let both = p[*up] + p[*down];
            (p[*up], p[*down]) = (both * chance, both * (1.0 - chance));
        }
    }
    p
}

#[test]
fn persistent_chains_follow_the_distribution() {
    // Couplings of this size relax within some 37 sweeps (the matrix of a sweep shows it), so 50 sweeps from random states do not
    // reach the distribution of the machine. Chains are compared with the exact distribution after as many sweeps, which does reach
    // it in the last round.
    let machine = random(Units::Spins, 9, 4, 0.6, 62);
    let phase = NegativePhase::Persistent { sweeps: 50, n_chains: 6400 };
    let (compiled, streams) = (Compiled::new(&machine).unwrap(), Streams::new(5));
    let mut chains = phase.start(9, &streams);
    let mut again = chains.clone();
    let exact = compiled.negative(&NegativePhase::Exact, &[], &mut [], &streams, Par::Serial).unwrap();
    let mut p = vec![1.0 / 512.0; 512];
    let mut expected = Statistics::zeros(&machine);
    for round in 0..6 {
        let rng = streams.child("round", round);
        let found = compiled.negative(&phase, &[], &mut chains, &rng, Par::Rayon).unwrap();
        assert_eq!(found, compiled.negative(&phase, &[], &mut again, &rng, Par::Serial).unwrap());
        p = swept(&machine, p, 50);
        expected = Statistics::zeros(&machine);
        for (k, p) in p.iter().enumerate() {
            expected.add_state(machine.weights(), *p, &machine.state(k));
        }
        // Six rounds of 45 numbers, each beyond 6.3 by chance less often than 3e-10.
        let far = distance(&found, &expected, 6400);
        assert!(chains == again && far < 6.3, "{round}: {far}");
        if round == 0 {
            // Other numbers of sweeps would show.
            assert!(distance(&expected, &exact, 6400) > 2.0 * GATE);
            assert!(distance(&found, &exact, 6400) > GATE);
        }
    }
    assert!(distance(&expected, &exact, 6400) < 0.1);
}

#[test]
fn ladders_cross_what_single_chains_do_not() {
    // Two groups of aligned spins with a field: far apart at β = 1, of unequal weight.
    let pairs: Vec<(u32, u32, f64)> = (0..12u32).flat_map(|i| (0..i).map(move |j| (i, j, 0.6))).collect();
    let graph = SparseGraph::new(12, &pairs).unwrap();
    let machine = BoltzmannMachine::new(Units::Spins, graph, vec![0.05; 12], vec![0]).unwrap();
    let (compiled, streams) = (Compiled::new(&machine).unwrap(), Streams::new(6));
    let exact = compiled.negative(&NegativePhase::Exact, &[], &mut [], &streams, Par::Serial).unwrap();
    assert!(exact.units[0] > 0.4 && exact.units[0] < 0.6);
    let betas: Vec<f64> = (0..16).map(|k| f64::from(k) / 15.0).collect();
    let tempered = NegativePhase::Tempered { sweeps: 300, n_chains: 64 * 200, betas };
    let plain = NegativePhase::Persistent { sweeps: 300, n_chains: 64 * 200 };
    // 200 blocks of four ladders.
    let n = 800;
    let mut chains = tempered.start(12, &streams);
    let found = compiled.negative(&tempered, &[], &mut chains, &streams, Par::Rayon).unwrap();
    let far = distance(&found, &exact, n);
    assert!(far < GATE, "{far}");
    let moved = chains.iter().filter(|c| c.rungs[0] != 0).count();
    assert!(moved > 100, "{moved} of 200");
    let mut chains = plain.start(12, &streams);
    let stuck = compiled.negative(&plain, &[], &mut chains, &streams, Par::Rayon).unwrap();
    assert!(distance(&stuck, &exact, n) > GATE);
}

#[test]
fn contrastive_divergence_is_one_sweep_of_the_heat_bath_from_the_data() {
    // Both walk the units in order; the expected means after one sweep by enumeration of all outcomes.
    let machine = random(Units::Spins, 5, 5, 0.7, 63);
    let rows: [&[u8]; 2] = [&[1, 0, 0, 1, 1], &[0, 0, 1, 1, 1]];
    let mut exact = Statistics::zeros(&machine);
    let mut start = exact.clone();
    for row in rows {
        let state = machine.state_of(row).unwrap();
        start.add_state(machine.weights(), 0.5, &state);
        Script::walk(
            100,
            |script| {
                let mut s = state.clone();
                HeatBath.step(&machine, &mut s, 1.0, script);
                machine.index(&s)
            },
            |index, p| exact.add_state(machine.weights(), 0.5 * p, &machine.state(index)),
        );
    }
    let data = repeated(&rows, 6400);
    let (compiled, streams) = (Compiled::new(&machine).unwrap(), Streams::new(7));
    let phase = NegativePhase::ContrastiveDivergence { sweeps: 1 };
    let found = compiled.negative(&phase, &compiled.blocks(&data), &mut [], &streams, Par::Rayon).unwrap();
    let far = distance(&found, &exact, data.len());
    assert!(far < GATE, "{far}");
    assert!(distance(&start, &exact, data.len()) > 3.0 * GATE);
    let limit = compiled.negative(&NegativePhase::Exact, &[], &mut [], &streams, Par::Serial).unwrap();
    assert!(distance(&limit, &exact, data.len()) > 3.0 * GATE);
}

#[test]
fn mean_fields_are_exact_without_couplings_of_hidden_units_and_the_reaction_term_is_closer_with_them() {
    let streams = Streams::new(8);
    let data = repeated(&[&[1, 0, 0, 1], &[0, 1, 1, 1]], 9);
    let means = |machine: &BoltzmannMachine, phase: PositivePhase| {
        Compiled::new(machine).unwrap().positive(&data, &phase, &streams, Par::Rayon).unwrap()
    };
    let phase = |order, max_passes| PositivePhase::MeanField { order, max_passes };
    let two_layers: Vec<(u32, u32, f64)> = (0..4u32)
        .flat_map(|i| (4..9).map(move |j| (i, j, 0.3 * f64::from(i) - 0.1 * f64::from(j))))
        .collect();
    let graph = SparseGraph::new(9, &two_layers).unwrap();
    let layered = BoltzmannMachine::new(Units::Binary, graph, vec![0.2; 9], vec![0, 1, 2, 3]).unwrap();
    for order in [PlefkaOrder::First, PlefkaOrder::Second] {
        let found = means(&layered, phase(order, 50));
        let exact = means(&layered, PositivePhase::Exact);
        assert!(found.unconverged == 0 && distance(&found.means, &exact.means, 1) < 1e-6);
    }
    // Weak couplings J: without the reaction term ⟨sᵢ sⱼ⟩ lacks its part of order J, with it those of order J² (through third
    // units), and means of units lack higher orders. With all parameters doubled the largest error is 2 and 4 times as
    // large, up to the next order, which is below a tenth at these sizes: it is as Σⱼ |Jᵢⱼ|, at most 0.08 and 0.16. At strong
    // couplings neither is better in general: the series does not end there, and index 71 at 0.2 is an example.
    for index in 70..76 {
        let errors = |scale: f64| {
            let machine = random(Units::Spins, 9, 4, scale, index);
            let exact = means(&machine, PositivePhase::Exact);
            [PlefkaOrder::First, PlefkaOrder::Second].map(|order| {
                let found = means(&machine, phase(order, 500));
                assert_eq!(found.unconverged, 0);
                distance(&found.means, &exact.means, 1)
            })
        };
        let ([naive, tap], [naive_twice, tap_twice]) = (errors(0.01), errors(0.02));
        assert!((naive_twice / naive - 2.0).abs() < 0.2, "{index}: {naive} {naive_twice}");
        assert!((tap_twice / tap - 4.0).abs() < 0.4, "{index}: {tap} {tap_twice}");
        assert!(tap_twice < 0.6 * naive_twice, "{index}: {naive_twice} {tap_twice}");
        let machine = random(Units::Spins, 9, 4, 0.2, index);
        assert_eq!(means(&machine, phase(PlefkaOrder::First, 1)).unconverged, 18);
    }
}

#[test]
fn means_of_pairs_are_those_of_some_spins_however_strong_the_couplings() {
    for pair in [-7.0, -0.9, 0.0, 0.9, 7.0] {
        for (a, b) in [(0.0, 0.0), (0.5, -0.3), (0.8, 0.9), (1.0, -0.4), (-1.0, -1.0)] {
            // The probabilities of the four states.
            let c = possible(pair, a, b);
            let p = [(1.0, 1.0), (1.0, -1.0), (-1.0, 1.0), (-1.0, -1.0)]
                .map(|(s, t)| 0.25 * (1.0 + s * a + t * b + s * t * c));
            assert!(p.iter().all(|p| *p > -1e-15), "{pair} {a} {b}: {p:?}");
            // What can be stays, what cannot goes to the edge.
            assert!((c - pair).abs() < 1e-15 || p.iter().any(|p| p.abs() < 1e-15), "{pair} {a} {b}: {p:?}");
        }
    }
    let data = repeated(&[&[1, 0, 0, 1], &[0, 1, 1, 1]], 1);
    for index in 70..76 {
        let machine = random(Units::Spins, 9, 4, 3.0, index);
        let phase = PositivePhase::MeanField { order: PlefkaOrder::Second, max_passes: 500 };
        let compiled = Compiled::new(&machine).unwrap();
        let found = compiled.positive(&data, &phase, &Streams::new(8), Par::Serial).unwrap().means;
        assert!(found.pairs.iter().all(|c| c.abs() <= 1.0), "{:?}", found.pairs);
    }
}

#[test]
fn phases_that_cannot_be_are_refused() {
    let sampled = PositivePhase::Sampled { sweeps: 1 };
    let negative = |phase: NegativePhase, positive: &PositivePhase, n_hidden| {
        phase.check(positive, n_hidden).map_err(|e| e.to_string())
    };
    let tempered = |betas: &[f64]| NegativePhase::Tempered { sweeps: 1, n_chains: 64, betas: betas.to_vec() };
    assert!(negative(tempered(&[0.0, 0.5, 0.7, 1.0]), &sampled, 3).is_ok());
    for (phase, part) in [
        (tempered(&[1.0]), "number of betas = 1"),
        (tempered(&[0.0, 0.5, 1.0]), "number of betas = 3"),
        (tempered(&[0.5, 0.0]), "in rising order"),
        (tempered(&[0.5, 0.9]), "end at 1"),
        (tempered(&[f64::NAN, 1.0]), "in rising order"),
        (NegativePhase::Persistent { sweeps: 0, n_chains: 64 }, "sweeps of the negative phase = 0"),
        (NegativePhase::Persistent { sweeps: 1, n_chains: 100 }, "n-chains = 100"),
        (NegativePhase::Persistent { sweeps: 1, n_chains: 0 }, "n-chains = 0"),
    ] {
        let text = negative(phase, &sampled, 3).unwrap_err();
        assert!(text.contains(part), "{text}");
    }
    let cd = NegativePhase::ContrastiveDivergence { sweeps: 1 };
    assert!(negative(cd.clone(), &PositivePhase::Exact, 3).unwrap_err().contains("positive phase = Exact"));
    assert!(negative(cd.clone(), &PositivePhase::Exact, 0).is_ok() && negative(cd, &sampled, 3).is_ok());
    assert!(PositivePhase::Sampled { sweeps: 0 }.check().is_err());
}
