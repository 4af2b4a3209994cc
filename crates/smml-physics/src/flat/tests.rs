//! Flat histograms against the law, exact densities of states, and saved runs.

use super::*;
use crate::{
    ising::{Ising, exact},
    lattice::{Boundary, Lattice},
    spins::Potts,
};
use smml_core::{
    energy::{Energy, LocalEnergy, Reference},
    graph::SparseGraph,
    kernel::{Kernel, Step},
    parallel::Par,
    rng::{Draw, Streams},
    sample::{Metropolis, attempt},
    store::{decode, encode},
    testing::{delta_error, law},
};

fn torus(l: usize) -> Ising {
    let graph = Lattice::square(l, l, Boundary::Periodic).unwrap().graph(1.0).unwrap();
    Ising::in_field(graph, 0.0).unwrap()
}

/// Frustrated, with fields; integers.
fn glass() -> Ising {
    let bonds = [(0, 1, 1.0), (1, 2, -2.0), (2, 0, 1.0), (2, 3, 3.0), (3, 4, -1.0), (4, 2, 1.0)];
    Ising::new(6, &bonds, vec![1.0, -2.0, 0.0, 0.0, 1.0, 1.0]).unwrap()
}

fn ring(n: u32) -> SparseGraph {
    SparseGraph::new(n as usize, &(0..n).map(|i| (i, (i + 1) % n, 1.0)).collect::<Vec<_>>()).unwrap()
}

/// Wrong on purpose: the weights move while it samples, as in Wang-Landau's method.
#[derive(Clone)]
struct Learning;
impl<E: LocalEnergy> Kernel<Multicanonical<E>> for Learning
where
    Multicanonical<E>: LocalEnergy<State = Tracked<E::State>> + Clone,
{
    fn step<R: Draw>(
        &mut self,
        flat: &Multicanonical<E>,
        s: &mut Tracked<E::State>,
        beta: f64,
        rng: &mut R,
    ) -> Step {
        let change = flat.propose(s, rng);
        attempt(flat, s, &change, beta, rng);
        // The bin where the walk is has become heavier: the next move is drawn with other weights.
        let mut weights = flat.weights().to_vec();
        weights[flat.grid().bin(s.energy()).unwrap()] += 0.5;
        let mut moved = flat.clone();
        moved.set_weights(weights);
        let change = moved.propose(s, rng);
        attempt(&moved, s, &change, beta, rng);
        Step::default()
    }
}

#[test]
fn fixed_weights_obey_the_law() {
    let mut rng = Streams::new(1).stream("weights", 0);
    for round in 0..3 {
        let model = glass();
        let grid = EnergyGrid::levels(&model).unwrap();
        let weights = (0..grid.n_bins()).map(|_| f64::from(round) * rng.normal()).collect();
        let flat = Multicanonical::new(model, grid, weights).unwrap();
        assert!(law(&flat, &Metropolis::new(1).unwrap(), 1.0).holds_reversibly());
        // Two flips that are always accepted keep the parity: no two attempts with equal weights.
        assert!(round == 0 || law(&flat, &Metropolis::new(2).unwrap(), 1.0).holds_reversibly());
        let start = flat.at(vec![1; 6]).unwrap();
        assert!(delta_error(&flat, start, 200, &mut rng) < 1e-14);
        if round > 0 {
            assert!(law(&flat, &Learning, 1.0).stationary > 1e-4);
        }
        let potts = Potts::new(ring(4), 3).unwrap();
        let grid = EnergyGrid::new(-4.0, 1.0, 5).unwrap();
        let weights = (0..5).map(|_| f64::from(round) * rng.normal()).collect();
        let flat = Multicanonical::new(potts, grid, weights).unwrap();
        assert!(law(&flat, &Metropolis::new(1).unwrap(), 1.0).holds_reversibly());
    }
    // With the Boltzmann exponent it is the Boltzmann distribution; a window forbids the rest.
    let model = glass();
    let grid = EnergyGrid::levels(&model).unwrap();
    let weights = (0..grid.n_bins()).map(|k| 0.7 * grid.energy(k)).collect();
    let flat = Multicanonical::new(model.clone(), grid, weights).unwrap();
    for i in 0..64 {
        let s = smml_core::energy::Finite::state(&flat, i);
        assert!((flat.energy(&s) - 0.7 * model.energy(s.state())).abs() < 1e-13);
    }
    let low = EnergyGrid::new(-11.0, 1.0, 6).unwrap();
    let window = Multicanonical::new(model.clone(), low, vec![0.0; 6]).unwrap();
    let l = law(&window, &Metropolis::new(1).unwrap(), 1.0);
    assert!(l.stationary < 1e-12 && l.reversible < 1e-12);
    assert!(window.at(vec![1, 1, 1, -1, 1, 1]).is_err());
    assert!(Multicanonical::new(model.clone(), low, vec![0.0; 5]).is_err());
    assert!(Multicanonical::new(model, low, vec![f64::NAN; 6]).is_err());
}

#[test]
fn grids_have_a_bin_for_every_level() {
    let lattice = |l: Lattice| Ising::in_field(l.graph(1.0).unwrap(), 0.0).unwrap();
    for (model, step) in [
        (torus(4), 4.0),
        (lattice(Lattice::honeycomb(2, 3, Boundary::Periodic).unwrap()), 2.0),
        (lattice(Lattice::triangular(3, 4, Boundary::Periodic).unwrap()), 4.0),
        (lattice(Lattice::square(3, 4, Boundary::Open).unwrap()), 2.0),
        (glass(), 2.0),
        (Ising::new(3, &[(0, 1, -3.0), (1, 2, 6.0)], vec![0.0; 3]).unwrap(), 6.0),
    ] {
        let grid = EnergyGrid::levels(&model).unwrap();
        assert_eq!(grid.step(), step);
        let levels = exact::spectrum(&model).unwrap();
        for level in &levels {
            let k = grid.bin(level.energy).unwrap();
            assert_eq!(grid.energy(k), level.energy);
        }
    }
    let free = EnergyGrid::levels(&Ising::new(2, &[], vec![0.0; 2]).unwrap()).unwrap();
    assert_eq!((free.n_bins(), free.bin(0.0), free.bin(3.0), free.bin(f64::NAN)), (1, Some(0), None, None));
    assert!(EnergyGrid::levels(&Ising::new(2, &[(0, 1, 0.5)], vec![0.0; 2]).unwrap()).is_err());
    let wide = Ising::new(3, &[(0, 1, 1e9), (1, 2, 1.0)], vec![0.0; 3]).unwrap();
    assert!(matches!(EnergyGrid::levels(&wide), Err(smml_core::Error::TooLarge { .. })));
    assert!(EnergyGrid::new(0.0, 0.0, 3).is_err() && EnergyGrid::new(0.0, 1.0, 0).is_err());
    assert!(EnergyGrid::new(f64::NAN, 1.0, 3).is_err() && EnergyGrid::new(0.0, 1.0, 1 << 21).is_err());
}

/// Number of states of the 8 × 8 torus with energy -128 + 4k for k = 0, 2, 3, ... up to 0 (there are none at -124);
/// symmetric about 0. Computed by a transfer matrix over polynomials with big integers (a Python program of its own,
/// which gives the published numbers for 4 × 4, and 2⁶⁴ in total).
const EIGHT: [u64; 32] = [
    2,
    128,
    256,
    4672,
    17920,
    145408,
    712960,
    4274576,
    22128384,
    118551552,
    610683392,
    3150447680,
    16043381504,
    80748258688,
    396915938304,
    1887270677624,
    8582140066816,
    36967268348032,
    149536933509376,
    564033837424064,
    1971511029384704,
    6350698012553216,
    18752030727310592,
    50483110303426544,
    123229776338119424,
    271209458049836032,
    535138987032308224,
    941564975390477248,
    1469940812209435392,
    2027486077172296064,
    2462494093546483712,
    2627978003957146636,
];

/// Energies and numbers of states of the 8 × 8 torus.
fn eight() -> Vec<(f64, f64)> {
    let half: Vec<(f64, f64)> = EIGHT
        .iter()
        .enumerate()
        .map(|(k, &n)| (if k == 0 { -128.0 } else { -124.0 + 4.0 * k as f64 }, n as f64))
        .collect();
    let mirrored = half.iter().rev().skip(1).map(|&(e, n)| (-e, n));
    half.iter().copied().chain(mirrored).collect()
}

fn agrees(found: &DensityOfStates, exact: &[(f64, f64)], within: f64) {
    let levels = found.levels().unwrap();
    assert_eq!(levels.len(), exact.len());
    for (level, (energy, n)) in levels.iter().zip(exact) {
        assert_eq!(level.energy, *energy);
        let (want, got) = (n.ln(), level.ln_g);
        assert!(got.p_value(want) > 1e-9, "E = {energy}: {got} {want}");
        assert!((got.value - want).abs() < within, "E = {energy}: {got} {want}");
    }
    // Thermal averages at any temperature, negative ones too.
    for beta in [-0.4, 0.0, 0.2, 0.440_686_793_5, 1.0] {
        let z: f64 = exact.iter().map(|(e, n)| n * (-beta * e).exp()).sum();
        let mean = |f: &dyn Fn(f64) -> f64| -> f64 {
            exact.iter().map(|(e, n)| n * (-beta * e).exp() * f(*e)).sum::<f64>() / z
        };
        let energy = mean(&|e| e);
        let heat = beta * beta * (mean(&|e| e * e) - energy * energy);
        let got = found.averages(beta).unwrap();
        if beta != 0.0 {
            assert!(got.ln_z.p_value(z.ln()) > 1e-9, "{beta}: {} {}", got.ln_z, z.ln());
            assert!(got.entropy.p_value(z.ln() + beta * energy) > 1e-9, "{beta}: {}", got.entropy);
            assert!(got.heat_capacity.p_value(heat) > 1e-9, "{beta}: {} {heat}", got.heat_capacity);
        } else {
            // All runs have the same number of states.
            assert!((got.ln_z.value - z.ln()).abs() < 1e-10 && (got.entropy.value - z.ln()).abs() < 1e-10);
        }
        assert!(got.energy.p_value(energy) > 1e-9, "{beta}: {} {energy}", got.energy);
    }
    assert!(found.averages(f64::NAN).is_err());
}

#[test]
fn density_of_states_of_the_4x4_torus() {
    let counts = [2, 32, 64, 424, 1728, 6688, 13568, 20524, 13568, 6688, 1728, 424, 64, 32, 2];
    let energies = [-32, -24, -20, -16, -12, -8, -4, 0, 4, 8, 12, 16, 20, 24, 32];
    let exact: Vec<(f64, f64)> =
        energies.iter().zip(counts).map(|(e, n)| (f64::from(*e), f64::from(n))).collect();
    let model = torus(4);
    let grid = EnergyGrid::levels(&model).unwrap();
    let plan = Plan { n_runs: 8, ln_f: 1e-4, max_attempts: 10_000_000, attempts: 400_000 };
    let sample = |par| DensityOfStates::sample(&model, grid, &plan, &Streams::new(3), par).unwrap();
    let found = sample(Par::Rayon);
    agrees(&found, &exact, 0.1);
    // The same bits on any number of threads.
    assert_eq!(found, sample(Par::Serial));
    let better =
        DensityOfStates::sample_transitions(&model, grid, &plan, &Streams::new(3), Par::Rayon).unwrap();
    agrees(&better, &exact, 0.1);
    for bad in [Plan { n_runs: 1, ..plan }, Plan { attempts: 0, ..plan }, Plan { ln_f: 0.0, ..plan }] {
        assert!(DensityOfStates::sample(&model, grid, &bad, &Streams::new(3), Par::Serial).is_err());
    }
    let short = Plan { max_attempts: 2000, ..plan };
    let error = DensityOfStates::sample(&model, grid, &short, &Streams::new(3), Par::Serial).unwrap_err();
    assert!(matches!(error, smml_core::Error::NotConverged { .. }), "{error}");
    let few = Plan { attempts: 30, ..plan };
    let error = DensityOfStates::sample(&model, grid, &few, &Streams::new(3), Par::Serial).unwrap_err();
    assert!(error.to_string().contains("more moves"), "{error}");
}

#[test]
fn density_of_states_of_the_8x8_torus() {
    let exact = eight();
    let total: u128 = 2 * EIGHT[..31].iter().map(|&n| u128::from(n)).sum::<u128>() + u128::from(EIGHT[31]);
    assert_eq!(total, 1 << 64);
    let model = torus(8);
    let grid = EnergyGrid::levels(&model).unwrap();
    let plan = Plan { n_runs: 8, ln_f: 2e-5, max_attempts: 20_000_000, attempts: 3_000_000 };
    let found = DensityOfStates::sample(&model, grid, &plan, &Streams::new(4), Par::Rayon).unwrap();
    agrees(&found, &exact, 0.2);
    let better =
        DensityOfStates::sample_transitions(&model, grid, &plan, &Streams::new(4), Par::Rayon).unwrap();
    agrees(&better, &exact, 0.2);
}

#[test]
fn transitions_of_all_states_give_the_density() {
    fn check<E: AllMoves + smml_core::energy::Finite>(model: &E, grid: &EnergyGrid) {
        let mut counts = vec![0.0f64; grid.n_bins()];
        // Each energy may be visited as often as it likes: here states count by their number modulo 3 as well.
        for unequal in [false, true] {
            let mut transitions = Transitions::new(grid.n_bins());
            counts.fill(0.0);
            let mut moves = 0;
            for s in smml_core::energy::states(model).unwrap().map(|i| model.state(i)) {
                let energy = model.energy(&s);
                let k = grid.bin(energy).unwrap();
                counts[k] += 1.0;
                let times = if unequal { 1 + k % 3 } else { 1 };
                (0..times).for_each(|_| transitions.count(model, &s, energy, grid));
                model.visit_moves(&s, |_| moves += 1);
            }
            assert_eq!(moves as f64, counts.iter().sum::<f64>() * model.n_moves() as f64);
            let ln_g = transitions.ln_g().unwrap();
            let total: f64 = ln_g.iter().map(|g| g.exp()).sum();
            for (g, n) in ln_g.iter().zip(&counts) {
                let want = n / counts.iter().sum::<f64>();
                assert!((g.exp() / total - want).abs() <= 1e-12 * want, "{} {want}", g.exp() / total);
            }
        }
    }
    check(&glass(), &EnergyGrid::levels(&glass()).unwrap());
    check(&torus(4), &EnergyGrid::levels(&torus(4)).unwrap());
    check(&Potts::new(ring(6), 3).unwrap(), &EnergyGrid::new(-6.0, 1.0, 7).unwrap());
    let capel = crate::spins::BlumeCapel::new(ring(6), 0.5, vec![0.0; 6]).unwrap();
    check(&capel, &EnergyGrid::new(-3.0, 0.5, 25).unwrap());
    let clock = crate::spins::Clock::new(ring(5), 4, vec![[0.0; 2]; 5]).unwrap();
    check(&clock, &EnergyGrid::new(-5.0, 1.0, 11).unwrap());
    // Wrong on purpose: only moves that lead down are counted, so that rows are no probabilities of all moves.
    let (model, grid) = (glass(), EnergyGrid::levels(&glass()).unwrap());
    let mut biased = Transitions::new(grid.n_bins());
    let mut counts = vec![0.0f64; grid.n_bins()];
    for s in (0..64).map(|i| smml_core::energy::Finite::state(&model, i)) {
        let energy = model.energy(&s);
        counts[grid.bin(energy).unwrap()] += 1.0;
        model.visit_moves(&s, |delta| {
            let times = if delta > 0.0 { 1 } else { 2 };
            (0..times).for_each(|_| biased.add(grid.bin(energy).unwrap(), grid.bin(energy + delta).unwrap()));
        });
    }
    let ln_g = biased.ln_g().unwrap();
    let total: f64 = ln_g.iter().map(|g| g.exp()).sum();
    assert!(ln_g.iter().zip(&counts).any(|(g, n)| (g.exp() / total - n / 64.0).abs() > 1e-3));
    // Two parts that no move joins.
    let mut apart = Transitions::new(3);
    apart.add(0, 0);
    apart.add(2, 2);
    assert!(apart.ln_g().is_err());
    apart.add(2, 0);
    apart.add(0, 2);
    assert_eq!(apart.ln_g().unwrap(), [0.0, f64::NEG_INFINITY, 0.0]);
}

#[test]
fn density_of_states_of_a_potts_ring() {
    // b satisfied bonds of a ring of n: binomial(n, b) times the proper colourings of a ring of n - b,
    // (q - 1)^(n - b) + (-1)^(n - b) (q - 1), with q for a ring of none.
    let (n, q) = (8u32, 3.0f64);
    let model = Potts::new(ring(n), 3).unwrap();
    let grid = EnergyGrid::new(-f64::from(n), 1.0, n as usize + 1).unwrap();
    let binomial = |b: u32| (0..b).map(|k| f64::from(n - k) / f64::from(k + 1)).product::<f64>();
    let exact: Vec<(f64, f64)> = (0..=n)
        .rev()
        .map(|b| {
            let open = (n - b) as i32;
            let colourings = (q - 1.0).powi(open) + (-1f64).powi(open) * (q - 1.0);
            (-f64::from(b), binomial(b) * colourings)
        })
        .filter(|(_, count)| *count > 0.0)
        .collect();
    let plan = Plan { n_runs: 8, ln_f: 1e-4, max_attempts: 10_000_000, attempts: 200_000 };
    let found = DensityOfStates::sample(&model, grid, &plan, &Streams::new(5), Par::Rayon).unwrap();
    agrees(&found, &exact, 0.1);
    let better =
        DensityOfStates::sample_transitions(&model, grid, &plan, &Streams::new(5), Par::Rayon).unwrap();
    agrees(&better, &exact, 0.1);
}

#[test]
fn wang_landau_converges_as_it_says_and_resumes_to_the_bit() {
    let model = torus(4);
    let grid = EnergyGrid::levels(&model).unwrap();
    let start = || {
        let mut rng = Streams::new(6).stream("wl", 0);
        let spins = model.draw(&mut rng);
        WangLandau::new(&model, grid, spins, rng).unwrap()
    };
    let mut whole = start();
    let first = whole.progress();
    assert_eq!((first.ln_f, first.refined, first.n_levels, first.attempts), (1.0, false, 1, 0));
    whole.advance(&model, 300_000);
    let mut cut = start();
    for piece in [1, 17_000, 70_123, 212_876] {
        cut.advance(&model, piece);
        cut = decode(&encode(&cut, 0).unwrap(), 0).unwrap();
    }
    assert_eq!(cut, whole);
    // All 15 levels, 1/t, and a histogram that is flat.
    whole.run(&model, 3e-6, 10_000_000).unwrap();
    let p = whole.progress();
    assert!(p.refined && p.n_levels == 15 && p.ln_f <= 3e-6 && p.flatness > 0.8, "{p:?}");
    assert!((p.ln_f - 15.0 / p.attempts as f64).abs() < 1e-12);
    let ln_g = whole.ln_g();
    let (ground, middle) = (ln_g[grid.bin(-32.0).unwrap()].unwrap(), ln_g[grid.bin(0.0).unwrap()].unwrap());
    assert!((middle - ground - 10_262f64.ln()).abs() < 0.1, "{}", middle - ground);
    assert!(ln_g[grid.bin(-28.0).unwrap()].is_none());
    let error = start().run(&model, 1e-6, 100_000).unwrap_err();
    assert!(matches!(error, smml_core::Error::NotConverged { iterations: 100_000, .. }), "{error}");
    assert!(start().run(&model, 0.0, 100).is_err());
    // Files that could not have been made are refused.
    let narrow = EnergyGrid::new(-4.0, 4.0, 2).unwrap();
    assert!(WangLandau::new(&model, narrow, vec![1; 16], Streams::new(1).stream("x", 0)).is_err());
    let fields = |ln_f: f64, ln_g: Vec<f64>| {
        let rng = Streams::new(1).stream("x", 0);
        let parts =
            (grid, (vec![1i8; 16], -32.0), rng, ln_g, vec![true; 17], vec![0u64; 17], ln_f, 5u64, false);
        decode::<WangLandau<Vec<i8>>>(&encode(&parts, 0).unwrap(), 0).map_err(|e| e.to_string())
    };
    assert!(fields(0.5, vec![0.0; 17]).is_ok());
    assert!(fields(-0.5, vec![0.0; 17]).unwrap_err().contains("ln f = -0.5"));
    assert!(fields(0.5, vec![0.0; 16]).unwrap_err().contains("ln g has length 16"));
    assert!(fields(0.5, vec![f64::NAN; 17]).unwrap_err().contains("ln g, bin 0"));
}
