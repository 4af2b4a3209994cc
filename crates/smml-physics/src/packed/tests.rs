use super::{
    layout::{Around, GROUP},
    update::{Plan, draw},
    *,
};
use crate::ising::{Ising, onsager};
use proptest::prelude::*;
use smml_core::{
    Estimate,
    chain::{Chain, Record},
    energy::{Energy, Reference},
    graph::SparseGraph,
    parallel::Par,
    rng::{Draw, Streams, WideStream},
    simd::{Path, with_path},
};

fn lattice(shape: [usize; 3], coupling: f64) -> PackedLattice {
    match shape {
        [1, rows, columns] => PackedLattice::square(rows, columns, coupling).unwrap(),
        [layers, rows, columns] => PackedLattice::cubic(layers, rows, columns, coupling).unwrap(),
    }
}

/// The same model as a graph, by code that knows nothing of bits.
fn graph(l: &PackedLattice) -> Ising {
    let [layers, rows, columns] = l.shape();
    let site = |z: usize, y: usize, x: usize| (z % layers * rows + y % rows) * columns + x % columns;
    let mut bonds = Vec::new();
    for z in 0..layers {
        for y in 0..rows {
            for x in 0..columns {
                let mut join = |to: usize| bonds.push((site(z, y, x) as u32, to as u32, l.coupling()));
                join(site(z, y, x + 1));
                join(site(z, y + 1, x));
                if layers > 1 {
                    join(site(z + 1, y, x));
                }
            }
        }
    }
    Ising::in_field(SparseGraph::new(l.n_spins(), &bonds).unwrap(), 0.0).unwrap()
}

const SHAPES: [[usize; 3]; 16] = [
    [1, 4, 4],
    [1, 4, 6],
    [1, 6, 4],
    [1, 8, 8],
    [1, 10, 14],
    [1, 16, 32],
    [1, 64, 64],
    [1, 6, 126],
    [1, 6, 128],
    [1, 4, 130],
    [1, 8, 258],
    [1, 4, 1024],
    [4, 4, 4],
    [6, 4, 8],
    [4, 6, 130],
    [8, 8, 128],
];

#[test]
fn spins_survive_packing_and_the_energy_is_that_of_the_graph() {
    let mut rng = Streams::new(1).stream("packed", 0);
    for shape in SHAPES {
        for coupling in [1.0, -0.5] {
            let l = lattice(shape, coupling);
            let model = graph(&l);
            let spins: Vec<i8> = model.draw(&mut rng);
            let packed = l.pack(&spins).unwrap();
            assert_eq!(l.unpack(&packed), spins, "{shape:?}");
            assert_eq!(l.energy(&packed), model.energy(&spins), "{shape:?}");
            let m: i64 = spins.iter().map(|s| i64::from(*s)).sum();
            assert_eq!(l.magnetisation(&packed), m, "{shape:?}");
            assert!(smml_core::testing::delta_error(&l, packed.clone(), 50, &mut rng) < 1e-9, "{shape:?}");
            let drawn = l.draw(&mut rng);
            assert_eq!(l.pack(&l.unpack(&drawn)).unwrap(), drawn, "{shape:?}: bits that are no spins");
        }
    }
}

/// Neighbours of every bit, against those of the graph: one spin up at a time.
#[test]
fn every_spin_sees_its_neighbours_and_no_other() {
    for shape in SHAPES.into_iter().filter(|s| s.iter().product::<usize>() < 700) {
        let l = lattice(shape, 1.0);
        let model = graph(&l);
        let mut spins = vec![-1i8; l.n_spins()];
        for i in 0..l.n_spins() {
            spins[i] = 1;
            let packed = l.pack(&spins).unwrap();
            // Bits set beside each site, over both colours.
            let mut seen = vec![0.0; l.n_spins()];
            for colour in 0..2 {
                for z in 0..shape[0] {
                    let mut around = Around::new(&l);
                    around.look(&l, &packed.planes[1 - colour], z, colour);
                    for words in around.slices(&l, &packed.planes[1 - colour], z).into_iter().flatten() {
                        let mut planes = l.uniform(-1).planes;
                        l.layer_mut(&mut planes[colour], z).copy_from_slice(words);
                        for (k, w) in l.layer_mut(&mut planes[colour], z).iter_mut().enumerate() {
                            *w &= l.valid(k);
                        }
                        for (n, s) in seen.iter_mut().zip(l.unpack(&PackedSpins { planes, ..l.uniform(1) })) {
                            *n += f64::from(s > 0);
                        }
                    }
                }
            }
            let (neighbours, bonds) = model.couplings().neighbours(i);
            let mut want = vec![0.0; l.n_spins()];
            neighbours.iter().zip(bonds).for_each(|(j, b)| want[*j as usize] = *b);
            assert_eq!(seen, want, "{shape:?}, spin {i}");
            spins[i] = -1;
        }
    }
}

/// Spins turn exactly where their random number, read again from the same words, is below the threshold.
#[test]
fn acceptance_is_the_threshold_exactly() {
    for t in [0u64, 1, 1 << 63, u64::MAX, 0x8000_0000_0000_0001, 0x1234_5678_9abc_def0, 0x0190_0000_0000_0000]
    {
        let plan = Plan::from_thresholds([t, t].into_iter(), false);
        let mut generators = [3, 4].map(|k| WideStream::from_words(k, 5));
        let mut words = generators.clone();
        // Spins up among neighbours that are up: no unlike ones, class 0.
        let up = vec![[u64::MAX; 8]; 4];
        let mut own = up.clone();
        let n = draw::<4, 2, false>(&mut own, &[&up[..]; 4], None, &plan, &mut generators);
        assert_eq!(n, own.iter().flatten().map(|w| u64::from(w.count_zeros())).sum::<u64>());
        // The first seven bits of every spin's number, as `draw` takes them: vector q from generator q mod 2.
        let mut number = vec![[0u8; 512]; 4];
        for _ in 0..7 {
            for q in 0..4 {
                let random = words[q % 2].next();
                for lane in 0..512 {
                    number[q][lane] = number[q][lane] << 1 | (random[lane / 64] >> (lane % 64) & 1) as u8;
                }
            }
        }
        for q in 0..4 {
            for lane in 0..512 {
                let flipped = own[q][lane / 64] >> (lane % 64) & 1 == 0;
                let (number, top) = (number[q][lane], (t >> 57) as u8);
                // The top seven bits decide unless they are equal.
                if number != top {
                    assert_eq!(flipped, number < top, "t = {t:x}");
                }
            }
        }
        if t == 0 || t == u64::MAX {
            assert_eq!(n, if t == 0 { 0 } else { 2048 });
        }
    }
}

/// What one half-sweep does to a spin of each neighbourhood: flips that are sure, flips that are refused, and the
/// probabilities of the others, for all 32 (64 x 2) neighbourhoods.
#[test]
fn probabilities_are_those_of_the_rule() {
    for (z, k) in [(4usize, 0.3f64), (4, -0.44), (6, 0.2), (6, -0.7)] {
        for heat in [false, true] {
            let plan = if heat { Plan::heat_bath(k, z) } else { Plan::metropolis(k, z) };
            // Lane b of a vector has neighbourhood b mod 2^z; own spins down in vectors 0, 1 and up in 2, 3.
            let around: Vec<Vec<[u64; 8]>> = (0..z)
                .map(|n| {
                    let word = |w: usize| (0..64).fold(0, |x, b| x | (((64 * w + b) >> n & 1) as u64) << b);
                    vec![std::array::from_fn(word); 4]
                })
                .collect();
            let runs = 40_000;
            let mut flips = vec![0u64; 2 << z];
            let mut tries = vec![0u64; 2 << z];
            let mut generators = [1, 2].map(|w| WideStream::from_words(w, z as u64 + u64::from(heat)));
            for _ in 0..runs / 8 {
                let old = [[0; 8], [0; 8], [u64::MAX; 8], [u64::MAX; 8]];
                let mut own = old.to_vec();
                let slices: Vec<&[[u64; 8]]> = around.iter().map(|a| &a[..]).collect();
                match (z, heat) {
                    (4, false) => draw::<4, 2, false>(
                        &mut own,
                        slices[..].try_into().unwrap(),
                        None,
                        &plan,
                        &mut generators,
                    ),
                    (4, true) => draw::<4, 2, true>(
                        &mut own,
                        slices[..].try_into().unwrap(),
                        None,
                        &plan,
                        &mut generators,
                    ),
                    (_, false) => draw::<6, 3, false>(
                        &mut own,
                        slices[..].try_into().unwrap(),
                        None,
                        &plan,
                        &mut generators,
                    ),
                    (_, true) => draw::<6, 3, true>(
                        &mut own,
                        slices[..].try_into().unwrap(),
                        None,
                        &plan,
                        &mut generators,
                    ),
                };
                for (q, words) in own.iter().enumerate() {
                    for lane in 0..512 {
                        let case = 2 * (lane % (1 << z)) + usize::from(q >= 2);
                        tries[case] += 1;
                        flips[case] += (words[lane / 64] ^ old[q][lane / 64]) >> (lane % 64) & 1;
                    }
                }
            }
            for case in 0..2usize << z {
                let up = f64::from((case >> 1usize).count_ones());
                let spin = if case & 1 == 1 { 1.0 } else { -1.0 };
                let cost = 2.0 * k * spin * (2.0 * up - z as f64);
                let p = if heat { 1.0 / (1.0 + cost.exp()) } else { (-cost).exp().min(1.0) };
                let seen = Estimate::from_counts(flips[case], tries[case]).unwrap();
                assert!(seen.p_value(p) > 1e-9, "z {z} k {k} heat {heat} case {case}: {seen} against {p}");
            }
        }
    }
}

/// One sweep of the 4 x 4 torus as a matrix: given the other colour, spins of a colour are drawn independently with the
/// probabilities of the rule (tested above), so π P = π can be summed exactly.
#[test]
fn a_half_sweep_keeps_the_distribution() {
    let l = lattice([1, 4, 4], 1.0);
    let model = graph(&l);
    let beta = 0.35;
    let state =
        |bits: usize| -> Vec<i8> { (0..16).map(|i| if bits >> i & 1 == 1 { 1 } else { -1 }).collect() };
    let weights: Vec<f64> = (0..1 << 16).map(|b| (-beta * model.energy(&state(b))).exp()).collect();
    let z: f64 = weights.iter().sum();
    let even: Vec<usize> = (0..16).filter(|i| (i / 4 + i % 4) % 2 == 0).collect();
    for heat in [false, true] {
        for others in [0b0010_0101_1000_1010usize, 0, 0b1111_0000_1010_0101] {
            let others = even.iter().fold(others, |b, i| b & !(1 << i));
            let flip: Vec<[f64; 2]> = even
                .iter()
                .map(|&i| {
                    [-1.0, 1.0].map(|s| {
                        let cost = 2.0 * beta * s * model.local_field(&state(others), i);
                        if heat { 1.0 / (1.0 + cost.exp()) } else { (-cost).exp().min(1.0) }
                    })
                })
                .collect();
            for to in 0..256usize {
                let full =
                    |bits: usize| even.iter().enumerate().fold(others, |b, (k, i)| b | (bits >> k & 1) << i);
                let flow: f64 = (0..256usize)
                    .map(|from| {
                        let p: f64 = (0..8)
                            .map(|k| {
                                let p = flip[k][from >> k & 1];
                                if (from ^ to) >> k & 1 == 1 { p } else { 1.0 - p }
                            })
                            .product();
                        weights[full(from)] * p
                    })
                    .sum();
                assert!((flow - weights[full(to)]).abs() / z < 1e-15);
            }
        }
    }
}

#[test]
fn energies_are_those_of_kaufman_and_of_enumeration() {
    for (shape, beta, heat) in [
        ([1, 8, 8], 0.44, false),
        ([1, 8, 8], 0.44, true),
        ([1, 32, 32], 0.35, false),
        ([1, 6, 10], 0.3, true),
        ([1, 20, 20], 0.42, false),
    ] {
        let l = lattice(shape, 1.0);
        let kernel = if heat { PackedSweep::heat_bath(2) } else { PackedSweep::metropolis(2) };
        let mut rng = Streams::new(5).stream("kaufman", shape[2] as u64);
        let mut chain = Chain::new(kernel, l.draw(&mut rng), rng);
        chain.advance(&l, beta, 500);
        let mut record = Record::new(1).unwrap();
        let n = l.n_spins() as f64;
        chain.record(&l, beta, 1, 20_000, &mut record, |s| [l.energy(s) / n]).unwrap();
        let (seen, exact) =
            (record.estimate(0).unwrap(), onsager::torus(shape[1], shape[2], beta).unwrap().energy);
        assert!(seen.p_value(exact) > 1e-7, "{shape:?} heat {heat}: {seen} against {exact}");
    }
}

#[test]
fn cubic_energies_are_those_of_single_spins() {
    // Independent code on the same torus, one spin at a time.
    let (l, beta) = (lattice([4, 6, 8], 1.0), 0.21);
    let model = graph(&l);
    let n = l.n_spins() as f64;
    let plain = {
        let rng = Streams::new(1).stream("plain", 0);
        let mut chain = Chain::new(smml_core::sample::HeatBath, vec![1; l.n_spins()], rng);
        chain.advance(&model, beta, 500);
        let mut record = Record::new(1).unwrap();
        chain.record(&model, beta, 1, 20_000, &mut record, |s| [model.energy(s) / n]).unwrap();
        record.estimate(0).unwrap()
    };
    for kernel in [PackedSweep::metropolis(1), PackedSweep::heat_bath(1)] {
        let mut chain = Chain::new(kernel, l.uniform(1), Streams::new(2).stream("packed", 0));
        chain.advance(&l, beta, 500);
        let mut record = Record::new(1).unwrap();
        chain.record(&l, beta, 1, 40_000, &mut record, |s| [l.energy(s) / n]).unwrap();
        let seen = record.estimate(0).unwrap();
        let difference = seen.plus(plain.affine(0.0, -1.0));
        assert!(difference.p_value(0.0) > 1e-7, "{seen} against {plain}");
    }
}

#[test]
fn an_antiferromagnet_is_a_ferromagnet_of_sublattices() {
    let (ferro, anti) = (lattice([1, 16, 16], 1.0), lattice([1, 16, 16], -1.0));
    let energy = |l: &PackedLattice, kernel: PackedSweep| {
        let mut chain = Chain::new(kernel, l.uniform(1), Streams::new(3).stream("anti", 0));
        chain.advance(l, 0.4, 300);
        let mut record = Record::new(1).unwrap();
        chain.record(l, 0.4, 1, 10_000, &mut record, |s| [l.energy(s) / 256.0]).unwrap();
        record.estimate(0).unwrap()
    };
    let exact = onsager::torus(16, 16, 0.4).unwrap().energy;
    for kernel in [PackedSweep::metropolis(1), PackedSweep::heat_bath(1)] {
        for l in [&ferro, &anti] {
            assert!(energy(l, kernel.clone()).p_value(exact) > 1e-7);
        }
    }
}

#[test]
fn the_same_spins_on_every_path_and_any_number_of_threads() {
    for shape in [[1, 6, 10], [1, 64, 64], [1, 128, 2048], [4, 6, 130], [8, 64, 64]] {
        let l = lattice(shape, 1.0);
        let run = |kernel: PackedSweep| {
            let mut rng = Streams::new(9).stream("same", 0);
            let mut s = l.draw(&mut rng);
            let mut kernel = kernel;
            let mut accepted = 0;
            for beta in [0.1, 0.44, 0.0, 2.0, -0.3] {
                accepted += smml_core::kernel::Kernel::step(&mut kernel, &l, &mut s, beta, &mut rng).accepted;
            }
            (s, accepted)
        };
        for kernel in [PackedSweep::metropolis(3), PackedSweep::heat_bath(3)] {
            let want = with_path(Path::Portable, || run(kernel.clone()));
            for path in Path::available() {
                assert!(with_path(path, || run(kernel.clone())) == want, "{shape:?} {path:?}");
            }
            for threads in [1, 2, 3] {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                assert!(
                    pool.install(|| run(kernel.clone().parallel())) == want,
                    "{shape:?} {threads} threads"
                );
            }
        }
    }
}

#[test]
fn wrong_lattices_and_states_are_refused() {
    for (rows, columns) in [(3, 4), (4, 5), (2, 4), (0, 4), (4, 0), (1 << 20, 1 << 20)] {
        assert!(PackedLattice::square(rows, columns, 1.0).is_err(), "{rows} x {columns}");
    }
    assert!(PackedLattice::square(usize::MAX - 1, 4, 1.0).is_err());
    assert!(PackedLattice::cubic(1, 4, 4, 1.0).is_err() && PackedLattice::square(4, 4, f64::NAN).is_err());
    let l = lattice([1, 4, 4], 1.0);
    assert!(l.pack(&[1; 15]).is_err() && l.pack(&[0; 16]).is_err());
    let other = lattice([1, 64, 64], 1.0).uniform(1);
    assert!(l.energy(&other).is_nan());
    // What is read back has the words of its shape, and no bits but those of spins.
    use smml_core::store::{decode, encode};
    let good = l.uniform(1);
    assert_eq!(decode::<PackedSpins>(&encode(&good, 0).unwrap(), 0).unwrap(), good);
    for (shape, word) in [([1usize, 4, 4], u64::MAX), ([1, 4, 6], 1 << 6), ([1, 3, 4], 15), ([2, 4, 4], 15)] {
        let planes = [vec![word; 48], vec![word; 48]];
        assert!(decode::<PackedSpins>(&encode(&(shape, planes), 0).unwrap(), 0).is_err());
    }
    let raw = encode(&(1usize, 4usize, 5usize, 1.0), 0).unwrap();
    assert!(decode::<PackedLattice>(&raw, 0).is_err());
    let mut kept = other.clone();
    let mut rng = Streams::new(1).stream("wrong", 0);
    let step = smml_core::kernel::Kernel::step(&mut PackedSweep::metropolis(1), &l, &mut kept, 1.0, &mut rng);
    assert!(kept == other && step.proposed == 0);
    // At β = 0 Metropolis turns every spin, as it must: exp(0) = 1.
    let mut s = l.uniform(1);
    smml_core::kernel::Kernel::step(&mut PackedSweep::metropolis(1), &l, &mut s, 0.0, &mut rng);
    assert_eq!(s, l.uniform(-1));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    /// A sweep changes only spins, and counts what it changed.
    #[test]
    fn a_sweep_counts_its_flips(rows in 2usize..20, columns in 2usize..90, layers in 0usize..3, beta in -1.0f64..1.0, seed: u64) {
        let l = if layers == 0 {
            PackedLattice::square(2 * rows, 2 * columns, 1.0).unwrap()
        } else {
            PackedLattice::cubic(2 + 2 * layers, 2 * rows, 2 * columns, 1.0).unwrap()
        };
        prop_assert_eq!(l.words % GROUP, 0);
        let mut rng = Streams::new(seed).stream("flips", 0);
        let before = l.draw(&mut rng);
        let mut after = before.clone();
        let mut kernel = PackedSweep::heat_bath(1);
        kernel.par = Par::Serial;
        let step = smml_core::kernel::Kernel::step(&mut kernel, &l, &mut after, beta, &mut rng);
        let (a, b) = (l.unpack(&before), l.unpack(&after));
        prop_assert_eq!(step.accepted, a.iter().zip(&b).filter(|(a, b)| a != b).count() as u64);
        prop_assert_eq!(step.proposed, l.n_spins() as u64);
        prop_assert_eq!(l.pack(&b).unwrap(), after);
        let _ = rng.word();
    }
}
