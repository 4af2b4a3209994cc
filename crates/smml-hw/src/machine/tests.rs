//! The machine against enumeration, against its own arithmetic written out, and on every path.

use super::*;
use smml_core::{
    graph::{Colouring, SparseGraph},
    rng::{Draw, Stream, Streams, WideStream},
    simd::{Path, with_path},
};
use smml_physics::ising::Ising;
use std::sync::Arc;

/// A connected random graph with couplings and fields.
fn model(n: usize, extra: usize, scale: f64, seed: u64) -> Ising {
    let mut rng = Streams::new(seed).stream("model", 0);
    let mut edges: Vec<(u32, u32, f64)> =
        (1..n).map(|i| (rng.below(i) as u32, i as u32, scale * rng.normal())).collect();
    while edges.len() < n - 1 + extra {
        let (i, j) = (rng.below(n) as u32, rng.below(n) as u32);
        if i != j && !edges.iter().any(|e| (e.0, e.1) == (i.min(j), i.max(j))) {
            edges.push((i.min(j), i.max(j), scale * rng.normal()));
        }
    }
    let fields = (0..n).map(|_| 0.5 * scale * rng.normal()).collect();
    Ising::on_graph(SparseGraph::new(n, &edges).unwrap(), fields).unwrap()
}

fn machine(ising: &Ising, format: &str) -> FixedNetwork {
    let graph = ising.couplings();
    let wiring = Wiring::new(graph, &Colouring::dsatur(graph)).unwrap();
    FixedNetwork::of_ising(Arc::new(wiring), format.parse().unwrap(), ising).unwrap()
}

/// The sweep written out: one node, one chain, one neighbour at a time.
fn plain(network: &FixedNetwork, betas: &[f64], order: &[u32], words: &mut [u64], stream: &mut WideStream) {
    let format = network.format();
    let table = SigmoidTable::get();
    let g: Vec<f64> =
        betas.iter().map(|b| (b * 2f64.powi(12 - format.fraction() as i32)).min(32511.0)).collect();
    let exact = g.iter().all(|g| g.fract() == 0.0);
    let edges: Vec<(u32, u32)> = network.wiring().graph().edges().map(|(i, j, _)| (i, j)).collect();
    for &i in order {
        let random = [stream.next(), stream.next()];
        let mut new = 0;
        for chain in 0..CHAINS {
            let spin = |j: u32| if words[j as usize] >> chain & 1 == 1 { 1 } else { -1 };
            let mut field = i64::from(network.field_codes()[i as usize]);
            for ((a, b), code) in edges.iter().zip(network.coupling_codes()) {
                if *a == i || *b == i {
                    field += i64::from(*code) * spin(if *a == i { *b } else { *a });
                }
            }
            let g = g[if g.len() == 1 { 0 } else { chain }];
            let size = field.unsigned_abs();
            let x = if exact {
                // Fields beyond the table count as the largest that is within.
                size.min((32511.0 / g.max(1.0)) as u64) * g as u64
            } else {
                let mut shift = 0;
                while g * 2f64.powi(14 - shift) >= 32767.5 {
                    shift += 1;
                }
                let factor = (g * 2f64.powi(14 - shift)).round_ties_even() as u64;
                let small = size.min(32767 >> shift);
                (((small << shift) * factor + 16384) / 32768 * 2).min(32510)
            } as u16;
            let (half, k) = (chain / 32, chain % 32);
            let number = (random[half][k / 4] >> (16 * (k % 4))) as u16;
            let yes = number <= table.threshold(x);
            new |= u64::from(yes != (field < 0)) << chain;
        }
        words[i as usize] = new;
    }
}

#[test]
fn every_path_does_what_the_arithmetic_says() {
    let ising = model(40, 90, 0.7, 3);
    let per_chain: Vec<f64> = (0..CHAINS).map(|c| 0.037 * c as f64).collect();
    let powers: Vec<f64> = (0..CHAINS).map(|c| 0.25 * (c % 9) as f64).collect();
    for format in ["s{4}{5}", "s{3}{9}", "s{4}{0}", "s{2}{2}"] {
        let network = machine(&ising, format);
        for betas in [vec![1.0], vec![0.37], vec![0.0], vec![1e9], per_chain.clone(), powers.clone()] {
            let gains = Gains::new(&network, &betas).unwrap();
            let mut rng = Streams::new(5).stream("chains", 0);
            let start = Chains::random(40, &mut rng);
            let mut want = start.words().to_vec();
            let mut twin = rng.clone();
            let mut stream = WideStream::from_words(twin.word(), twin.word());
            for _ in 0..3 {
                plain(&network, &betas, network.wiring().order(), &mut want, &mut stream);
            }
            for path in Path::available() {
                let (mut chains, mut rng) = (start.clone(), rng.clone());
                with_path(path, || chains.sweep(&network, &gains, network.wiring().order(), 3, &mut rng))
                    .unwrap();
                assert_eq!(chains.words(), want, "{format}, betas {betas:?}, {path:?}");
            }
        }
    }
}

#[test]
fn probabilities_are_within_the_stated_error() {
    let ising = model(20, 20, 1.0, 4);
    for format in ["s{4}{5}", "s{3}{9}", "s{4}{2}"] {
        let network = machine(&ising, format);
        let step = network.format().step();
        for beta in [0.01, 0.1, 0.37, 0.5, 1.0, 1.7, 5.0, 40.0] {
            let gains = Gains::new(&network, &[beta]).unwrap();
            let allowed = SigmoidTable::ERROR + if gains.is_exact() { 0.0 } else { Gains::ERROR };
            for field in (i16::MIN + 1)..=i16::MAX {
                let exact = 1.0 / (1.0 + (-2.0 * beta * step * f64::from(field)).exp());
                let found = gains.probability(7, field);
                assert!((found - exact).abs() <= allowed, "{format} β {beta} field {field}: {found} {exact}");
            }
        }
    }
}

/// Means of spins and of edges over many sweeps, against enumeration, in standard errors from 64 independent chains.
fn farthest(network: &FixedNetwork, beta: f64, sweeps: usize, seed: u64) -> f64 {
    let gains = Gains::new(network, &[beta]).unwrap();
    let order = network.wiring().order().to_vec();
    farthest_of(network, beta, sweeps, seed, |chains, n, rng| {
        chains.sweep(network, &gains, &order, n, rng).unwrap();
    })
}

/// The same for any way to let some sweeps pass.
fn farthest_of(
    network: &FixedNetwork,
    beta: f64,
    sweeps: usize,
    seed: u64,
    mut pass: impl FnMut(&mut Chains, usize, &mut Stream),
) -> f64 {
    let n = network.wiring().n_nodes();
    let mut rng = Streams::new(seed).stream("sampling", 0);
    let mut chains = Chains::random(n, &mut rng);
    pass(&mut chains, 200, &mut rng);
    let mut each: Vec<Moments> = (0..CHAINS).map(|_| Moments::new(network.wiring())).collect();
    for _ in 0..sweeps {
        pass(&mut chains, 1, &mut rng);
        for (c, m) in each.iter_mut().enumerate() {
            chains.count(network, 1 << c, m).unwrap();
        }
    }
    let ising = network.ising().unwrap();
    let mut worst = 0.0f64;
    let (spins, pairs) = enumerate(&ising, beta);
    let values: Vec<Vec<f64>> = each.iter().map(|m| [m.means(), m.correlations()].concat()).collect();
    for (k, exact) in spins.iter().chain(&pairs).enumerate() {
        let mean = values.iter().map(|v| v[k]).sum::<f64>() / 64.0;
        let variance = values.iter().map(|v| (v[k] - mean).powi(2)).sum::<f64>() / 63.0;
        worst = worst.max((mean - exact).abs() / (variance / 64.0).sqrt().max(1e-9));
    }
    worst
}

/// ⟨sᵢ⟩ and ⟨sᵢ sⱼ⟩ by summing over all states.
fn enumerate(ising: &Ising, beta: f64) -> (Vec<f64>, Vec<f64>) {
    let n = ising.n_spins();
    let edges: Vec<(u32, u32, f64)> = ising.couplings().edges().collect();
    let (mut z, mut spins, mut pairs) = (0.0, vec![0.0; n], vec![0.0; edges.len()]);
    for state in 0..1_u32 << n {
        let s = |i: usize| if state >> i & 1 == 1 { 1.0 } else { -1.0 };
        let e: f64 = -edges.iter().map(|(i, j, w)| w * s(*i as usize) * s(*j as usize)).sum::<f64>()
            - (0..n).map(|i| ising.fields()[i] * s(i)).sum::<f64>();
        let w = (-beta * e).exp();
        z += w;
        spins.iter_mut().enumerate().for_each(|(i, m)| *m += w * s(i));
        pairs.iter_mut().zip(&edges).for_each(|(m, (i, j, _))| *m += w * s(*i as usize) * s(*j as usize));
    }
    (spins.iter().map(|m| m / z).collect(), pairs.iter().map(|m| m / z).collect())
}

#[test]
fn means_agree_with_enumeration() {
    // 6 standard errors of 64 chains: a false alarm once in about 1e7 for each of some 50 means (Student, 63 degrees).
    for (format, beta) in [("s{4}{5}", 1.0), ("s{3}{9}", 1.0), ("s{4}{5}", 0.37)] {
        let network = machine(&model(16, 20, 0.6, 6), format);
        let worst = farthest(&network, beta, 2000, 8);
        assert!(worst < 7.0, "{format}, β = {beta}: {worst} standard errors");
    }
}

#[test]
fn a_clamped_node_stays_and_others_follow_it() {
    let ising = model(12, 10, 0.8, 9);
    let network = machine(&ising, "s{3}{9}");
    let mut rng = Streams::new(10).stream("clamp", 0);
    let mut chains = Chains::random(12, &mut rng);
    chains.set(3, 0x0000_ffff_ffff_0000);
    let mut free = [true; 12];
    free[3] = false;
    let order = network.wiring().free(&free);
    let gains = Gains::new(&network, &[1.0]).unwrap();
    chains.sweep(&network, &gains, &order, 100, &mut rng).unwrap();
    // The mean of every spin given s₃ = -1 and given s₃ = 1, by a field that nothing can overcome.
    let given = |sign: f64| {
        let mut fields = network.ising().unwrap().fields().to_vec();
        fields[3] = 60.0 * sign;
        enumerate(&Ising::on_graph(network.ising().unwrap().couplings().clone(), fields).unwrap(), 1.0).0
    };
    let exact = [given(-1.0), given(1.0)];
    let mut sums = vec![[0.0; 64]; 12];
    let n = 4000;
    for _ in 0..n {
        chains.sweep(&network, &gains, &order, 1, &mut rng).unwrap();
        for (i, sums) in sums.iter_mut().enumerate() {
            for (c, sum) in sums.iter_mut().enumerate() {
                *sum += if chains.is_up(i, c) { 1.0 } else { -1.0 };
            }
        }
    }
    assert_eq!(chains.words()[3], 0x0000_ffff_ffff_0000);
    for i in 0..12 {
        for (up, exact) in exact.iter().enumerate() {
            let members: Vec<f64> = (0..64)
                .filter(|c| usize::from((16..48).contains(c)) == up)
                .map(|c| sums[i][c] / f64::from(n))
                .collect();
            let mean = members.iter().sum::<f64>() / 32.0;
            let variance = members.iter().map(|m| (m - mean).powi(2)).sum::<f64>() / 31.0;
            let z = (mean - exact[i]).abs() / (variance / 32.0).sqrt().max(1e-9);
            assert!(z < 8.0 || (mean - exact[i]).abs() < 1e-12, "node {i}, s3 {up}: {mean} {} {z}", exact[i]);
        }
    }
}

#[test]
fn moments_are_counts() {
    let ising = model(9, 9, 1.0, 11);
    let network = machine(&ising, "s{4}{5}");
    let mut rng = Streams::new(12).stream("moments", 0);
    let (a, b) = (Chains::random(9, &mut rng), Chains::random(9, &mut rng));
    let chosen = 0x00ff_00ff_00ff_0f0f;
    let (mut one, mut two) = (Moments::new(network.wiring()), Moments::new(network.wiring()));
    a.count(&network, chosen, &mut one).unwrap();
    b.count(&network, u64::MAX, &mut two).unwrap();
    one.add(&two);
    let mut states: Vec<Vec<f64>> = Vec::new();
    for (chains, set) in [(&a, chosen), (&b, u64::MAX)] {
        for c in (0..64).filter(|c| set >> c & 1 == 1) {
            states.push((0..9).map(|i| if chains.is_up(i, c) { 1.0 } else { -1.0 }).collect());
        }
    }
    let n = states.len() as f64;
    assert_eq!(one.n_samples() as usize, states.len());
    for i in 0..9 {
        assert!((one.means()[i] - states.iter().map(|s| s[i]).sum::<f64>() / n).abs() < 1e-12);
    }
    for (e, (i, j, _)) in network.wiring().graph().edges().enumerate() {
        let want = states.iter().map(|s| s[i as usize] * s[j as usize]).sum::<f64>() / n;
        assert!((one.correlations()[e] - want).abs() < 1e-12);
    }
    assert_eq!(Moments::new(network.wiring()).means(), [0.0; 9]);
}

#[test]
fn what_does_not_fit_is_counted_or_refused() {
    let graph = SparseGraph::unweighted(3, &[(0, 1), (1, 2)]).unwrap();
    let wiring = Arc::new(Wiring::new(&graph, &Colouring::dsatur(&graph)).unwrap());
    let format: Format = "s{4}{5}".parse().unwrap();
    let network = FixedNetwork::new(wiring.clone(), format, &[20.0, -0.5], &[0.0, -99.0, 0.25]).unwrap();
    assert_eq!(
        (network.saturated(), network.coupling_codes(), network.field_codes()),
        (2, &[511, -16][..], &[0, -511, 8][..])
    );
    assert_eq!(network.ising().unwrap().fields(), [0.0, -15.96875, 0.25]);
    let wide: Format = "s{0}{15}".parse().unwrap();
    let error = FixedNetwork::new(wiring.clone(), wide, &[0.6, 0.6], &[0.0; 3]).unwrap_err().to_string();
    assert!(error.contains("node 1") && error.contains("at most 0.99"), "{error}");
    for (couplings, fields) in
        [(&[1.0][..], &[0.0; 3][..]), (&[1.0, 1.0], &[0.0; 2]), (&[1.0, f64::NAN], &[0.0; 3])]
    {
        assert!(FixedNetwork::new(wiring.clone(), format, couplings, fields).is_err());
    }
    let mut same = network.clone();
    assert!(same.program(&[f64::INFINITY, 0.0], &[0.0; 3]).is_err());
    assert_eq!(same, network);
    for betas in [&[][..], &[1.0, 2.0], &[-1.0], &[f64::NAN], &[f64::INFINITY]] {
        assert!(Gains::new(&network, betas).is_err());
    }
    let other = model(3, 1, 1.0, 1);
    assert!(FixedNetwork::of_ising(wiring, format, &other).is_err());
    let mut chains = Chains::from_words(vec![0; 2]);
    let gains = Gains::new(&network, &[1.0]).unwrap();
    let mut rng = Streams::new(1).stream("x", 0);
    assert!(chains.sweep(&network, &gains, &[0], 1, &mut rng).is_err());
    assert!(Chains::from_words(vec![0; 3]).sweep(&network, &gains, &[3], 1, &mut rng).is_err());
}

#[test]
fn the_memory_image_runs_bit_for_bit() {
    for (format, betas) in [("s{4}{5}", [1.0, 0.25, 3.5]), ("s{3}{9}", [1.0, 0.125, 4.0])] {
        let network = machine(&model(30, 50, 0.9, 21), format);
        let text = MemoryImage::of(&network).to_hex();
        let image = MemoryImage::from_hex(&text).unwrap();
        assert_eq!(image, MemoryImage::of(&network));
        assert_eq!((image.n_nodes(), image.n_colours()), (30, network.wiring().colouring().n_colours()));
        for beta in betas {
            let gains = Gains::new(&network, &[beta]).unwrap();
            assert!(gains.is_exact());
            let gain = (beta * 2f64.powi(12 - network.format().fraction() as i32)) as u16;
            let mut rng = Streams::new(22).stream("image", 0);
            let mut chains = Chains::random(30, &mut rng);
            for chain in [0, 17, 63] {
                let mut up: Vec<bool> = (0..30).map(|i| chains.is_up(i, chain)).collect();
                let mut twin = rng.clone();
                let mut words = WideStream::from_words(twin.word(), twin.word());
                // Chain c has number c mod 32 of the first or second 512 bits of each node.
                let mut draw = || {
                    let both = [words.next(), words.next()];
                    let k = chain % 32;
                    (both[chain / 32][k / 4] >> (16 * (k % 4))) as u16
                };
                for _ in 0..20 {
                    image.run(&mut up, gain, &mut draw).unwrap();
                }
                let (mut chains, mut rng) = (chains.clone(), rng.clone());
                chains.sweep(&network, &gains, network.wiring().order(), 20, &mut rng).unwrap();
                assert_eq!(
                    up,
                    (0..30).map(|i| chains.is_up(i, chain)).collect::<Vec<_>>(),
                    "{format} β {beta}"
                );
            }
            chains.set(0, 0);
        }
        assert!(image.run(&mut [false; 3], 1, || 0).is_err());
        for (old, new) in [
            ("// order", "// orders"),
            ("version 1", "version 2"),
            ("0000001d\n", "0000001e\n"),
            ("format s", "format x"),
            ("// fields", "00001\n// fields"),
        ] {
            assert!(text.contains(old), "{old}");
            assert!(MemoryImage::from_hex(&text.replacen(old, new, 1)).is_err(), "{old}");
        }
        for cut in [0, 10, text.len() / 2, text.len() - 6] {
            assert!(MemoryImage::from_hex(&text[..cut]).is_err());
        }
    }
}

#[test]
fn the_machine_in_floating_point_agrees_with_enumeration() {
    let ising = model(16, 20, 0.6, 31);
    let graph = ising.couplings();
    let wiring = Arc::new(Wiring::new(graph, &Colouring::dsatur(graph)).unwrap());
    let couplings: Vec<f64> = graph.edges().map(|(_, _, w)| w).collect();
    let network = FloatNetwork::new(wiring.clone(), &couplings, ising.fields()).unwrap();
    // Every second chain at another temperature; one node clamped.
    let betas: Vec<f64> = (0..CHAINS).map(|c| if c % 2 == 0 { 1.0 } else { 0.3 }).collect();
    let mut free = [true; 16];
    free[5] = false;
    let mut rng = Streams::new(32).stream("float", 0);
    let mut chains = Chains::random(16, &mut rng);
    chains.set(5, u64::MAX);
    network.sweep(&mut chains, &betas, &free, 200, &mut rng).unwrap();
    let mut fields = ising.fields().to_vec();
    fields[5] = 60.0;
    let clamped = Ising::on_graph(graph.clone(), fields).unwrap();
    let mut each = vec![[0.0; 16]; CHAINS];
    let n = 2000;
    for _ in 0..n {
        network.sweep(&mut chains, &betas, &free, 1, &mut rng).unwrap();
        for (c, sums) in each.iter_mut().enumerate() {
            (0..16)
                .for_each(|i| sums[i] += f64::from(if chains.is_up(i, c) { 1 } else { -1 }) / f64::from(n));
        }
    }
    assert_eq!(chains.words()[5], u64::MAX);
    for (parity, beta) in [(0, 1.0), (1, 0.3)] {
        // At 0.3 the field of the clamped node is weaker, but still 18.
        let exact = enumerate(&clamped, beta).0;
        for i in 0..16 {
            let values: Vec<f64> = (0..CHAINS).filter(|c| c % 2 == parity).map(|c| each[c][i]).collect();
            let mean = values.iter().sum::<f64>() / 32.0;
            let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 31.0;
            // 8 standard errors of 32 chains.
            let gate = 8.0 * (variance / 32.0).sqrt() + 1e-12;
            assert!((mean - exact[i]).abs() <= gate, "β {beta}, node {i}: {mean} {} {gate}", exact[i]);
        }
    }
    for (betas, free) in [(&[1.0; 2][..], &[true; 16][..]), (&[-1.0], &[true; 16]), (&[1.0], &[true; 15])] {
        assert!(network.sweep(&mut chains, betas, free, 1, &mut rng).is_err());
    }
}

#[test]
fn nodes_with_clocks_of_their_own_agree_with_enumeration() {
    for (format, beta, seed) in [("s{4}{5}", 1.0, 41), ("s{3}{9}", 0.7, 42)] {
        let network = machine(&model(16, 20, 0.6, seed), format);
        let gains = Gains::new(&network, &[beta]).unwrap();
        let all = network.wiring().order().to_vec();
        let mut clocks = None;
        let z = farthest_of(&network, beta, 3000, seed, |chains, n, rng| {
            let clocks = clocks.get_or_insert_with(|| PoissonClocks::new(&all, rng).unwrap());
            chains.run(&network, &gains, clocks, n as f64, rng).unwrap();
        });
        // The largest of 52 means, from 64 chains that share their clocks: p = 52 · 2e-9 for 7.0 with 63 degrees of freedom.
        assert!(z < 7.0, "{format}: {z}");
        let float =
            FloatNetwork::new(network.wiring().clone(), &couplings(&network), &fields(&network)).unwrap();
        let mut clocks = None;
        let z = farthest_of(&network, beta, 2000, seed + 10, |chains, n, rng| {
            let clocks = clocks.get_or_insert_with(|| PoissonClocks::new(&all, rng).unwrap());
            float.run(chains, &[beta], clocks, n as f64, rng).unwrap();
        });
        assert!(z < 7.0, "float: {z}");
    }
}

/// Couplings and fields as a machine has them.
fn couplings(network: &FixedNetwork) -> Vec<f64> {
    network.ising().unwrap().couplings().edges().map(|e| e.2).collect()
}
fn fields(network: &FixedNetwork) -> Vec<f64> {
    network.ising().unwrap().fields().to_vec()
}

#[test]
fn free_nodes_forget_at_the_rate_of_their_clocks() {
    // Without couplings a node is random once its clock rang: ⟨s(0) s(t)⟩ = exp(-t).
    let n = 500;
    let graph = SparseGraph::unweighted(n, &[(0, 1)]).unwrap();
    let wiring = Arc::new(Wiring::new(&graph, &Colouring::dsatur(&graph)).unwrap());
    let fixed = FixedNetwork::new(wiring.clone(), Format::S4_5, &[0.0], &vec![0.0; n]).unwrap();
    let float = FloatNetwork::new(wiring.clone(), &[0.0], &vec![0.0; n]).unwrap();
    let gains = Gains::new(&fixed, &[1.0]).unwrap();
    let mut rng = Streams::new(51).stream("forget", 0);
    for t in [0.5, 2.0] {
        for exact in [false, true] {
            let (mut sum, mut all) = (0.0, Vec::new());
            for _ in 0..40 {
                let start = Chains::random(n, &mut rng);
                let mut chains = start.clone();
                let mut clocks = PoissonClocks::new(wiring.order(), &mut rng).unwrap();
                match exact {
                    true => float.run(&mut chains, &[1.0], &mut clocks, t, &mut rng).unwrap(),
                    false => chains.run(&fixed, &gains, &mut clocks, t, &mut rng).unwrap(),
                }
                let agree: u32 =
                    chains.words().iter().zip(start.words()).map(|(a, b)| (!(a ^ b)).count_ones()).sum();
                let c = f64::from(2 * agree) / (64 * n) as f64 - 1.0;
                sum += c;
                all.push(c);
            }
            let mean = sum / 40.0;
            let error = (all.iter().map(|c| (c - mean).powi(2)).sum::<f64>() / 39.0 / 40.0).sqrt();
            assert!((mean - (-t).exp()).abs() < 7.5 * error, "t {t}, {exact}: {mean} {error}");
        }
    }
}

#[test]
fn clamped_and_held_nodes_stay_and_paths_agree() {
    let network = machine(&model(30, 60, 0.7, 61), "s{4}{5}");
    let gains = Gains::new(&network, &[1.0]).unwrap();
    let free: Vec<bool> = (0..30).map(|i| i % 7 != 0).collect();
    let held: Vec<bool> = (0..30).map(|i| i % 5 == 1).collect();
    let order = network.wiring().holding(&free, &held);
    let mut rng = Streams::new(62).stream("clocks", 0);
    let start = Chains::random(30, &mut rng);
    let clocks = PoissonClocks::new(&order, &mut rng).unwrap();
    let mut found: Option<Chains> = None;
    for path in Path::available() {
        let (mut chains, mut clocks, mut rng) = (start.clone(), clocks.clone(), rng.clone());
        with_path(path, || chains.run(&network, &gains, &mut clocks, 12.5, &mut rng)).unwrap();
        assert!(found.is_none_or(|f| f == chains));
        found = Some(chains);
    }
    let found = found.unwrap();
    for i in 0..30 {
        let same = found.words()[i] == start.words()[i];
        assert_eq!(same, !free[i] || held[i], "node {i}");
    }
    let mut clocks = clocks;
    for time in [-1.0, f64::NAN, 1e12] {
        assert!(start.clone().run(&network, &gains, &mut clocks, time, &mut rng).is_err());
    }
    let mut beyond = PoissonClocks::new(&[30], &mut rng).unwrap();
    assert!(start.clone().run(&network, &gains, &mut beyond, 1.0, &mut rng).is_err());
    let float = FloatNetwork::new(network.wiring().clone(), &couplings(&network), &fields(&network)).unwrap();
    let mut chains = start.clone();
    assert!(float.run(&mut chains, &[1.0], &mut beyond, 1.0, &mut rng).is_err());
    assert!(float.run(&mut chains, &[1.0; 3], &mut clocks, 1.0, &mut rng).is_err());
    assert!(float.run(&mut chains, &[f64::NAN], &mut clocks, 1.0, &mut rng).is_err());
    float.run(&mut chains, &[0.5; 64], &mut clocks, 3.0, &mut rng).unwrap();
    assert!((0..30).all(|i| (free[i] && !held[i]) || chains.words()[i] == start.words()[i]));
}
