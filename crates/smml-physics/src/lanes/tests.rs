use super::*;
use crate::ising::{Boundary, Ising, Rule, SquareLattice, exact};
use proptest::prelude::*;
use smml_core::{
    Estimate,
    chain::{Chain, Record},
    energy::{Energy, LocalEnergy, Reference},
    graph::{SparseGraph, random_regular},
    kernel::{Kernel, Step},
    parallel::Par,
    rng::{Draw, Stream, Streams},
    simd::{Path, with_path},
};

fn rng(index: u64) -> Stream {
    Streams::new(7).stream("lanes", index)
}

/// A random model: couplings ±1, ... ±`most` on about `degree` neighbours, fields likewise.
fn random_model(n: usize, degree: usize, most: i64, fields: bool, unit: f64, rng: &mut Stream) -> Ising {
    let weight = |rng: &mut Stream| {
        let w = 1 + rng.below(most as usize) as i64;
        unit * (if rng.chance(0.5) { w } else { -w }) as f64
    };
    let mut edges = Vec::new();
    for i in 0..n as u32 {
        for j in 0..i {
            if rng.chance(degree as f64 / (n - 1) as f64) {
                edges.push((i, j, weight(rng)));
            }
        }
    }
    let fields = (0..n).map(|_| if fields { weight(rng) } else { 0.0 }).collect();
    Ising::new(n, &edges, fields).unwrap()
}

#[test]
fn replicas_and_their_energies_are_those_of_the_model() {
    let mut rng = rng(0);
    for (n, degree, most, fields, unit) in
        [(10, 4, 1, false, 1.0), (30, 29, 1, true, 0.5), (50, 6, 7, true, 0.1), (70, 20, 65_535, true, 1.0)]
    {
        let ising = random_model(n, degree, most, fields, unit, &mut rng);
        let model = LaneModel::new(&ising).unwrap();
        let mut spins = model.random(&mut rng);
        let other = ising.draw(&mut rng);
        spins.set_replica(77, &other).unwrap();
        assert_eq!(spins.replica(77), other);
        let energies = model.energies(&spins);
        for replica in [0, 1, 63, 64, 77, 300, 511] {
            let want = ising.energy(&spins.replica(replica));
            assert!((energies[replica] - want).abs() < 1e-9 * want.abs().max(1.0), "{n}: {want}");
        }
        assert!((model.energy(&spins) - energies.iter().sum::<f64>()).abs() < 1e-6);
    }
}

/// One sweep at β = 0 turns every spin, and at β = ∞ none that costs energy: the signs of all moves.
#[test]
fn costs_have_the_right_sign() {
    let mut rng = rng(1);
    for (n, degree, most) in [(12, 3, 1), (40, 6, 1), (60, 40, 1), (90, 89, 1), (40, 10, 9), (30, 29, 4000)] {
        for fields in [false, true] {
            let ising = random_model(n, degree, most, fields, 1.0, &mut rng);
            let model = LaneModel::new(&ising).unwrap();
            let start = model.random(&mut rng);
            let mut spins = start.clone();
            let step = LaneSweep.step(&model, &mut spins, 0.0, &mut rng);
            // Spins without couplings are drawn at random.
            let free = model.free.clone();
            let least = step.proposed - (LANES * free.len()) as u64;
            assert!((least..=step.proposed).contains(&step.accepted), "n {n} degree {degree} most {most}");
            assert!(free.is_empty() || step.accepted > least && step.accepted < step.proposed);
            let mut cold = start.clone();
            LaneSweep.step(&model, &mut cold, f64::INFINITY, &mut rng);
            // The same by single spins in the order of the model: exactly the moves that cost nothing.
            for replica in [0, 100, 511] {
                let mut s = start.replica(replica);
                for site in model.sites.iter().filter(|s| s.spin != u32::MAX) {
                    let i = site.spin as usize;
                    if ising.delta(&s, &i) <= 0.0 {
                        s[i] = -s[i];
                    }
                }
                free.iter().for_each(|i| s[*i as usize] = cold.replica(replica)[*i as usize]);
                assert_eq!(cold.replica(replica), s, "n {n} degree {degree} most {most} fields {fields}");
            }
        }
    }
}

/// A star: its centre sees every number of votes, and how often it turns is the Metropolis probability.
#[test]
fn probabilities_are_those_of_the_rule() {
    probabilities(Rule::Metropolis);
    probabilities(Rule::HeatBath);
}

fn probabilities(rule: Rule) {
    let mut rng = rng(2);
    for (arms, weight, field, beta) in [
        (1, 1.0, 0.0, 0.7),
        (2, 1.0, 0.0, 0.4),
        (3, -1.0, 0.0, 0.3),
        (4, 1.0, 0.0, 0.25),
        (5, 1.0, 0.0, 0.11),
        (6, -1.0, 1.0, 0.2),
        (7, 1.0, 0.0, 0.15),
        (12, 1.0, -1.0, 0.08),
        (40, 1.0, 0.0, 0.04),
        (5, 3.0, 2.0, 0.05),
        (9, 0.5, 0.25, 0.3),
    ] {
        // Arms whose own couplings hold them do not matter: only the centre's first move is looked at.
        let edges: Vec<(u32, u32, f64)> = (1..=arms).map(|j| (0, j, weight)).collect();
        let mut fields = vec![0.0; arms as usize + 1];
        fields[0] = field;
        let ising = Ising::new(arms as usize + 1, &edges, fields).unwrap();
        let model = LaneModel::new(&ising).unwrap();
        // The centre must be drawn before its arms or after all of them: either way they are known.
        let at = model.sites.iter().position(|s| s.spin == 0).unwrap();
        let first = at < super::model::GROUP;
        let n = arms as usize + 1;
        let mut seen = vec![[0u64; 2]; 2 * n];
        let each = LaneBetas::Each(vec![beta; LANES]);
        for round in 0..400 {
            let start = model.random(&mut rng);
            let mut end = start.clone();
            match (rule, round % 2) {
                (Rule::Metropolis, 0) => drop(LaneSweep.step(&model, &mut end, beta, &mut rng)),
                (Rule::Metropolis, _) => drop(LaneSweep.sweep(&model, &mut end, &each, &mut rng).unwrap()),
                (Rule::HeatBath, 0) => drop(LaneHeatBath.step(&model, &mut end, beta, &mut rng)),
                (Rule::HeatBath, _) => drop(LaneHeatBath.sweep(&model, &mut end, &each, &mut rng).unwrap()),
            }
            for lane in 0..LANES {
                let (before, after) = (start.replica_bit(0, lane), end.replica_bit(0, lane));
                let arms_seen = if first { &start } else { &end };
                let up = (1..n).filter(|j| arms_seen.replica_bit(*j, lane)).count();
                let case = &mut seen[2 * up + usize::from(before)];
                case[0] += u64::from(before != after);
                case[1] += 1;
            }
        }
        for (case, [turned, tried]) in seen.into_iter().enumerate() {
            if tried < 100 {
                continue;
            }
            let spin = if case % 2 == 1 { 1.0 } else { -1.0 };
            let cost = 2.0 * spin * (field + weight * (2.0 * (case / 2) as f64 - f64::from(arms)));
            let p = match rule {
                Rule::Metropolis => (-beta * cost).exp().min(1.0),
                Rule::HeatBath => 1.0 / (1.0 + (beta * cost).exp()),
            };
            let found = Estimate::from_counts(turned, tried).unwrap();
            assert!(found.p_value(p) > 1e-9, "{rule:?} arms {arms} case {case}: {found} against {p}");
        }
    }
}

/// Smallest p-value of ⟨E⟩ and ⟨E²⟩ against enumeration.
fn agreement<K: Kernel<LaneModel>>(ising: &Ising, kernel: K, beta: f64, index: u64) -> f64 {
    let exact = &exact::averages(ising, &[beta]).unwrap()[0];
    let model = LaneModel::new(ising).unwrap();
    let start = model.random(&mut rng(index));
    let mut chain = Chain::new(kernel, start, Streams::new(11).stream("chain", index));
    chain.advance(&model, beta, 200);
    let mut record = Record::new(2).unwrap();
    chain
        .record(&model, beta, 1, 2_000, &mut record, |s| {
            let energies = model.energies(s);
            let mean = energies.iter().sum::<f64>() / 512.0;
            [mean, energies.iter().map(|e| e * e).sum::<f64>() / 512.0]
        })
        .unwrap();
    let n = ising.n_spins() as f64;
    let energy = n * exact.energy;
    let square = exact.specific_heat * n / (beta * beta) + energy * energy;
    record.estimate(0).unwrap().p_value(energy).min(record.estimate(1).unwrap().p_value(square))
}

/// Wrong by design: takes β 2 % too large, or flips a spin of every replica more.
#[derive(Clone)]
struct Wrong<K>(K, bool);

impl<K: Kernel<LaneModel>> Kernel<LaneModel> for Wrong<K> {
    fn step<R: Draw>(&mut self, model: &LaneModel, s: &mut LaneSpins, beta: f64, rng: &mut R) -> Step {
        if !self.1 {
            return self.0.step(model, s, 1.02 * beta, rng);
        }
        let step = self.0.step(model, s, beta, rng);
        s.lines_mut()[4..6].iter_mut().flatten().for_each(|word| *word = !*word);
        step
    }
}

#[test]
fn averages_are_those_of_enumeration_and_wrong_copies_are_caught() {
    let mut rng = rng(3);
    for (k, (n, degree, most, fields, beta)) in [
        (10, 4, 1, false, 0.6),
        (12, 3, 1, true, 0.5),
        (12, 11, 1, false, 0.25),
        (14, 13, 3, true, 0.1),
        (13, 6, 40, true, 0.02),
    ]
    .into_iter()
    .enumerate()
    {
        let ising = random_model(n, degree, most, fields, 1.0, &mut rng);
        let index = 100 + 4 * k as u64;
        let colours = LaneColours::new(Rule::HeatBath, Par::Serial);
        for (rule, p) in [
            agreement(&ising, LaneSweep, beta, index),
            agreement(&ising, LaneHeatBath, beta, index + 1),
            agreement(&ising, colours, beta, index + 2),
            agreement(&ising, LaneColours::new(Rule::Metropolis, Par::Serial), beta, index + 3),
        ]
        .into_iter()
        .enumerate()
        {
            assert!(p > 1e-7, "{k}, {rule}: {p}");
        }
        for flips in [false, true] {
            let p = [
                agreement(&ising, Wrong(LaneSweep, flips), beta, index),
                agreement(&ising, Wrong(LaneHeatBath, flips), beta, index),
            ];
            assert!(p[0] < 1e-7 && p[1] < 1e-7, "{k}: {p:?} of wrong copies");
        }
    }
}

#[test]
fn tiles_count_what_spins_count() {
    for (n, degree, fields) in [(300, 299, true), (420, 280, false)] {
        let model = LaneModel::new(&random_model(n, degree, 1, fields, 1.0, &mut rng(12))).unwrap();
        let mut plain = model.clone();
        plain.tiles = None;
        assert!(model.tiles.is_some());
        let start = model.random(&mut rng(13));
        let run = |model: &LaneModel| {
            let (mut s, mut rng) = (start.clone(), Streams::new(1).stream("tiles", 0));
            for beta in [0.0, 0.03, 0.1, 1.0] {
                LaneSweep.step(model, &mut s, beta, &mut rng);
                LaneHeatBath.step(model, &mut s, beta, &mut rng);
            }
            s
        };
        for path in Path::available() {
            assert!(with_path(path, || run(&model) == run(&plain)), "{path:?}");
        }
    }
}

#[test]
fn colours_do_not_depend_on_threads() {
    let ising = crate::instances::torus(150, 3).unwrap().ising().unwrap();
    let dense = random_model(90, 50, 3, true, 1.0, &mut rng(9));
    for (ising, sweeps) in [(ising, 2), (dense, 5)] {
        let model = LaneModel::new(&ising).unwrap();
        let start = model.random(&mut rng(10));
        for rule in [Rule::Metropolis, Rule::HeatBath] {
            let run = |par: Par| {
                let mut rng = Streams::new(1).stream("colours", 0);
                let (mut s, mut kernel) = (start.clone(), LaneColours::new(rule, par));
                let steps: Vec<Step> =
                    (0..sweeps).map(|_| kernel.step(&model, &mut s, 0.4, &mut rng)).collect();
                (s, steps)
            };
            let want = run(Par::Serial);
            for threads in [1, 2, 3, 8] {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                assert!(pool.install(|| run(Par::Rayon)) == want, "{threads} threads");
            }
            let turned = |a: &LaneSpins, b: &LaneSpins| -> u64 {
                let lines = a.lines().iter().zip(b.lines()).step_by(2);
                lines.flat_map(|(a, b)| (0..8).map(|k| u64::from((a[k] ^ b[k]).count_ones()))).sum()
            };
            let mut once = start.clone();
            let step = LaneColours::new(rule, Par::Serial).step(&model, &mut once, 0.4, &mut rng(11));
            assert_eq!(step.accepted, turned(&start, &once));
        }
    }
}

/// Every replica at its own β, and replicas independent of each other.
#[test]
fn each_replica_keeps_its_temperature() {
    let mut rng = rng(4);
    let ising = random_model(12, 5, 1, false, 1.0, &mut rng);
    let model = LaneModel::new(&ising).unwrap();
    let betas: Vec<f64> = (0..LANES).map(|l| 0.2 + 0.1 * (l % 4) as f64).collect();
    let exact = exact::averages(&ising, &[0.2, 0.3, 0.4, 0.5]).unwrap();
    let each = LaneBetas::Each(betas);
    let mut spins = model.random(&mut rng);
    for _ in 0..200 {
        LaneSweep.sweep(&model, &mut spins, &each, &mut rng).unwrap();
    }
    let mut series = vec![Vec::new(); 4];
    let mut products = Vec::new();
    for _ in 0..3_000 {
        LaneSweep.sweep(&model, &mut spins, &each, &mut rng).unwrap();
        let energies = model.energies(&spins);
        for (t, series) in series.iter_mut().enumerate() {
            series.push(energies.iter().skip(t).step_by(4).sum::<f64>() / 128.0);
        }
        // Energies of replicas at one temperature, in pairs: uncorrelated.
        let mean = series[0].iter().sum::<f64>() / series[0].len() as f64;
        products.push(
            (0..64).map(|k| (energies[8 * k] - mean) * (energies[8 * k + 4] - mean)).sum::<f64>() / 64.0,
        );
    }
    for (series, exact) in series.iter().zip(&exact) {
        let found = Estimate::from_chain(series).unwrap();
        let want = 12.0 * exact.energy;
        assert!(found.p_value(want) > 1e-7, "{found} against {want}");
    }
    let correlation = Estimate::from_chain(&products[500..]).unwrap();
    let variance = exact[0].specific_heat * 12.0 / 0.04;
    assert!(
        correlation.value.abs() < 6.0 * correlation.std_error + 0.002 * variance,
        "{correlation} of {variance}"
    );
}

#[test]
fn the_same_spins_on_every_path_and_after_a_file() {
    let mut rng = rng(5);
    for (n, degree, most) in [(40, 4, 1), (100, 50, 1), (300, 299, 1), (40, 10, 12)] {
        let ising = random_model(n, degree, most, true, 1.0, &mut rng);
        let model = LaneModel::new(&ising).unwrap();
        let start = model.random(&mut rng);
        let run = || {
            let mut rng = Streams::new(1).stream("run", 0);
            let mut s = start.clone();
            for beta in [0.0, 0.05, 0.3, 2.0] {
                LaneSweep.step(&model, &mut s, beta, &mut rng);
                let betas = LaneBetas::Each((0..LANES).map(|l| beta * l as f64 / 100.0).collect());
                LaneSweep.sweep(&model, &mut s, &betas, &mut rng).unwrap();
                LaneHeatBath.step(&model, &mut s, beta, &mut rng);
                LaneHeatBath.sweep(&model, &mut s, &betas, &mut rng).unwrap();
                LaneColours::new(Rule::HeatBath, Par::Rayon).step(&model, &mut s, beta, &mut rng);
            }
            (model.energies(&s), s)
        };
        let want = with_path(Path::Portable, run);
        for path in Path::available() {
            assert!(with_path(path, run) == want, "{path:?}");
        }
        use smml_core::store::{decode, encode};
        assert!(decode::<LaneSpins>(&encode(&want.1, 0).unwrap(), 0).unwrap() == want.1);
    }
}

#[test]
fn annealing_finds_ground_states() {
    // A planted glass: couplings ±1 that one configuration satisfies all.
    let mut rng = rng(6);
    let graph = random_regular(200, 4, &mut rng).unwrap();
    let hidden: Vec<f64> = (0..200).map(|_| if rng.chance(0.5) { 1.0 } else { -1.0 }).collect();
    let edges: Vec<(u32, u32, f64)> =
        graph.edges().map(|(i, j, _)| (i, j, hidden[i as usize] * hidden[j as usize])).collect();
    let ising = Ising::on_graph(SparseGraph::new(200, &edges).unwrap(), vec![0.0; 200]).unwrap();
    let model = LaneModel::new(&ising).unwrap();
    let mut spins = model.random(&mut rng);
    for k in 0..300 {
        LaneSweep.step(&model, &mut spins, 0.01 * f64::from(k), &mut rng);
    }
    let found = model.energies(&spins).iter().filter(|e| **e == -400.0).count();
    assert!(found > 100, "{found} of 512");
}

#[test]
fn what_cannot_be_is_refused() {
    let pair = |w: f64, h: f64| LaneModel::new(&Ising::new(2, &[(0, 1, w)], vec![h, 0.0]).unwrap());
    assert!(pair(1.0, std::f64::consts::SQRT_2).is_err() && pair(65_536.0, 1.0).is_err());
    let model = pair(1.0, 0.0).unwrap();
    let mut rng = rng(8);
    let mut s = model.random(&mut rng);
    for betas in [LaneBetas::Same(-1.0), LaneBetas::Same(f64::NAN), LaneBetas::Each(vec![1.0; 511])] {
        assert!(LaneSweep.sweep(&model, &mut s, &betas, &mut rng).is_err());
    }
    let mut other = LaneSpins::up(3).unwrap();
    assert!(LaneSweep.sweep(&model, &mut other, &LaneBetas::Same(1.0), &mut rng).is_err());
    assert!(model.energy(&other).is_nan());
    assert!(
        s.set_replica(512, &[1, 1]).is_err()
            && s.set_replica(0, &[1]).is_err()
            && s.set_replica(0, &[0, 1]).is_err()
    );
    assert!(LaneSpins::up(0).is_err());
    assert!(s.resample(&[0; 511]).is_err() && s.resample(&[512; 512]).is_err());
}

#[test]
fn replicas_are_copied() {
    let mut rng = rng(9);
    let ising = random_model(37, 5, 2, true, 1.0, &mut rng);
    let model = LaneModel::new(&ising).unwrap();
    let before = model.random(&mut rng);
    // Chains of copies too: all are of what was there before.
    let from: Vec<usize> = (0..LANES).map(|r| if r % 3 == 0 { r } else { rng.below(LANES) }).collect();
    let mut after = before.clone();
    after.resample(&from).unwrap();
    for (r, f) in from.iter().enumerate() {
        assert_eq!(after.replica(r), before.replica(*f));
    }
    let energies = model.energies(&before);
    assert!(model.energies(&after).iter().zip(&from).all(|(e, f)| *e == energies[*f]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30))]
    /// A sweep counts the spins it turns, and keeps complements.
    #[test]
    fn a_sweep_counts_its_flips(n in 2usize..40, degree in 1usize..12, most in 1i64..20, beta in 0.0f64..1.0, seed: u64) {
        let mut rng = Streams::new(seed).stream("flips", 0);
        let ising = random_model(n, degree.min(n - 1), most, true, 1.0, &mut rng);
        let model = LaneModel::new(&ising).unwrap();
        let before = model.random(&mut rng);
        let mut after = before.clone();
        let step = LaneSweep.step(&model, &mut after, beta, &mut rng);
        let turned: u64 = (0..LANES)
            .map(|l| before.replica(l).iter().zip(after.replica(l)).filter(|(a, b)| **a != *b).count() as u64)
            .sum();
        prop_assert_eq!(step.accepted, turned);
        for pair in after.lines().chunks(2) {
            prop_assert!(pair[0].iter().zip(&pair[1]).all(|(a, b)| *a == !*b));
        }
    }
}

#[test]
fn spins_without_couplings_are_random() {
    // Two free spins beside a pair: their product must not stay what it was, in any engine and by any rule.
    let ising = Ising::new(4, &[(0, 3, 1.0)], vec![0.0; 4]).unwrap();
    let model = LaneModel::new(&ising).unwrap();
    let mut rng = Streams::new(5).stream("free", 0);
    type Sweep<'a> = (&'a str, Box<dyn FnMut(&mut LaneSpins, &mut smml_core::rng::Stream) -> Step + 'a>);
    let betas = LaneBetas::Same(0.3);
    let mut colours = LaneColours::new(Rule::Metropolis, Par::Serial);
    let sweeps: [Sweep<'_>; 3] = [
        ("metropolis", Box::new(|s, rng| LaneSweep.sweep(&model, s, &betas, rng).unwrap())),
        ("heat bath", Box::new(|s, rng| LaneHeatBath.sweep(&model, s, &betas, rng).unwrap())),
        ("colours", Box::new(|s, rng| colours.sweep(&model, s, &betas, rng).unwrap())),
    ];
    for (name, mut sweep) in sweeps {
        let mut spins = model.all_up();
        let (mut like, mut free_turned) = (0, 0);
        for _ in 0..20 {
            let before: Vec<Vec<i8>> = (0..LANES).map(|l| spins.replica(l)).collect();
            let step = sweep(&mut spins, &mut rng);
            let after: Vec<Vec<i8>> = (0..LANES).map(|l| spins.replica(l)).collect();
            let turned = |i: usize| before.iter().zip(&after).filter(|(a, b)| a[i] != b[i]).count();
            assert_eq!(step.accepted, (0..4).map(turned).sum::<usize>() as u64, "{name}");
            free_turned += turned(1) + turned(2);
            like += after.iter().filter(|s| s[1] == s[2]).count();
        }
        // Each is drawn anew, so that it turns in half of all sweeps: six standard errors of 20,480.
        let share = free_turned as f64 / (40 * LANES) as f64;
        assert!((share - 0.5).abs() < 6.0 * 0.5 / 20_480f64.sqrt(), "{name}: {share}");
        // A binomial share of 10,240 with p = 1/2: six standard errors.
        let share = like as f64 / (20 * LANES) as f64;
        assert!((share - 0.5).abs() < 6.0 * 0.5 / 10_240f64.sqrt(), "{name}: {share}");
    }
}

#[test]
fn thresholds_made_once_give_the_same_sweeps() {
    let ising = SquareLattice::uniform(8, 8, Boundary::Periodic, 1.0, 0.0).unwrap().ising().unwrap();
    let model = LaneModel::new(&ising).unwrap();
    let ladder_betas: Vec<f64> = (0..8).map(|r| 0.1 * f64::from(r)).collect();
    let rungs: Vec<usize> = (0..LANES).map(|l| (5 * l + l / 8) % 8).collect();
    let each = LaneBetas::Each(rungs.iter().map(|r| ladder_betas[*r]).collect());
    for rule in [Rule::Metropolis, Rule::HeatBath] {
        let ladder = LaneLadder::new(rule, &model, &ladder_betas).unwrap();
        let thresholds = ladder.thresholds(&rungs).unwrap();
        let start = model.random(&mut Streams::new(1).stream("start", 0));
        let (mut a, mut b) = (start.clone(), start);
        let mut rngs = [(); 2].map(|()| Streams::new(2).stream("sweeps", 0));
        for _ in 0..5 {
            thresholds.sweep(&model, &mut a, &mut rngs[0]).unwrap();
            match rule {
                Rule::Metropolis => LaneSweep.sweep(&model, &mut b, &each, &mut rngs[1]).unwrap(),
                Rule::HeatBath => LaneHeatBath.sweep(&model, &mut b, &each, &mut rngs[1]).unwrap(),
            };
            assert!(a == b);
        }
        assert!(ladder.thresholds(&[8; LANES]).is_err());
        assert!(ladder.thresholds(&[0; 3]).is_err());
        // Rungs that are all one give the sweep of one temperature, which makes its thresholds in another way.
        let same = ladder.thresholds(&[3; LANES]).unwrap();
        let (mut a, mut b) = (a.clone(), a);
        let mut rngs = [(); 2].map(|()| Streams::new(3).stream("sweeps", 0));
        same.sweep(&model, &mut a, &mut rngs[0]).unwrap();
        let one = LaneThresholds::new(rule, &model, &LaneBetas::Same(ladder_betas[3])).unwrap();
        one.sweep(&model, &mut b, &mut rngs[1]).unwrap();
        assert!(a == b);
        // Thresholds of another unit, or of fewer votes, are refused.
        let mut more: Vec<(u32, u32, f64)> = ising.couplings().edges().collect();
        more.push((0, 27, 9.0));
        let more = LaneModel::new(&Ising::new(64, &more, vec![0.0; 64]).unwrap()).unwrap();
        assert!(thresholds.sweep(&more, &mut a, &mut rngs[0]).is_err());
        let doubled = ising.couplings().map_weights(|_, _, w| 2.0 * w).unwrap();
        let other = LaneModel::new(&Ising::on_graph(doubled, vec![0.0; 64]).unwrap()).unwrap();
        assert!(thresholds.sweep(&other, &mut a, &mut rngs[0]).is_err());
    }
    assert!(LaneLadder::new(Rule::Metropolis, &model, &[]).is_err());
    assert!(LaneLadder::new(Rule::Metropolis, &model, &[-1.0]).is_err());
}
