use super::*;
use crate::{
    ising::Ising,
    lattice::{Boundary, Lattice},
};
use smml_core::{
    energy::{Energy, Finite, mean_exact},
    graph::SparseGraph,
    kernel::Kernel,
    rng::{Draw, Streams},
    sample::Metropolis,
};
use std::f64::consts::PI;

#[test]
fn overlaps_by_hand() {
    let (a, b) = ([1i8, 1, -1, -1], [1i8, -1, -1, -1]);
    assert_eq!(overlap(&a, &b).unwrap(), 0.5);
    let ring = SparseGraph::unweighted(4, &[(0, 1), (1, 2), (2, 3), (3, 0)]).unwrap();
    // q = 1 -1 1 1: links -1 -1 1 1
    assert_eq!(link_overlap(&ring, &a, &b).unwrap(), 0.0);
    assert_eq!(link_overlap(&ring, &a, &a.map(|s| -s)).unwrap(), 1.0);
    assert!(overlap(&a, &b[..3]).is_err() && overlap(&[], &[]).is_err());
    assert!(link_overlap(&ring, &a[..3], &b[..3]).is_err());
    assert!(link_overlap(&SparseGraph::unweighted(4, &[]).unwrap(), &a, &b).is_err());
    let mut first = OverlapHistogram::new(4).unwrap();
    first.add(&a, &b).unwrap();
    first.add(&a, &a).unwrap();
    assert_eq!(first.counts(), [0, 0, 0, 1, 1]);
    assert!(first.add(&a[..2], &b[..2]).is_err() && OverlapHistogram::new(0).is_err());
    let mut second = OverlapHistogram::new(4).unwrap();
    second.add(&a, &a.map(|s| -s)).unwrap();
    let p = Distribution::over_samples(&[first.clone(), second.clone()], false).unwrap();
    assert_eq!(p.q, [-1.0, -0.5, 0.0, 0.5, 1.0]);
    let values = |p: &Distribution| p.probability.iter().map(|e| e.value).collect::<Vec<f64>>();
    assert_eq!(values(&p), [0.5, 0.0, 0.0, 0.25, 0.25]);
    // Two samples 0 and 1: standard error 1/2.
    assert!((p.probability[0].raw_error() - 0.5).abs() < 1e-15);
    let p = Distribution::over_samples(&[first.clone(), second], true).unwrap();
    assert_eq!(values(&p), [0.375, 0.125, 0.0, 0.125, 0.375]);
    assert!(Distribution::over_samples(&[first.clone()], true).is_err());
    assert!(Distribution::over_samples(&[first.clone(), OverlapHistogram::new(4).unwrap()], true).is_err());
    assert!(Distribution::over_samples(&[first, OverlapHistogram::new(5).unwrap()], true).is_err());
}

#[test]
fn structure_factors_of_a_ring_follow_its_correlations() {
    // Ring: G(r) = (tʳ + t^(L-r)) / (1 + t^L), t = tanh K; of two replicas G²; χ(k) = Σ G(r) cos(k r).
    let l = 6;
    let ring = Lattice::hypercubic(&[l], Boundary::Periodic).unwrap();
    let ising = Ising::in_field(ring.graph(1.0).unwrap(), 0.0).unwrap();
    let k = 0.7f64;
    let t = k.tanh();
    let correlation = |r: usize| (t.powi(r as i32) + t.powi((l - r) as i32)) / (1.0 + t.powi(l as i32));
    let wave = |r: usize| (2.0 * PI * r as f64 / l as f64).cos();
    for mode in 0..2 {
        let weight = |r: usize| if mode == 0 { 1.0 } else { wave(r) };
        let spins = mean_exact(&ising, k, |s| structure_factors(&ring, s).unwrap()[mode]).unwrap();
        let exact: f64 = (0..l).map(|r| correlation(r) * weight(r)).sum();
        assert!((spins - exact).abs() < 1e-13);
        let replicas = mean_exact(&ising, k, |a| {
            let product = |b: &Vec<i8>| a.iter().zip(b).map(|(x, y)| x * y).collect::<Vec<i8>>();
            mean_exact(&ising, k, |b| structure_factors(&ring, &product(b)).unwrap()[mode]).unwrap()
        });
        let exact: f64 = (0..l).map(|r| correlation(r).powi(2) * weight(r)).sum();
        assert!((replicas.unwrap() - exact).abs() < 1e-13);
    }
    // A long chain: the second moment is that of exp(-r/ξ), 1/(2 sinh(1/2ξ)).
    let (xi, l) = (3.0f64, 400);
    let sum =
        |wave: f64| (1..l).map(|r| (-f64::from(r) / xi).exp() * (wave * f64::from(r)).cos()).sum::<f64>();
    let wave = 2.0 * PI / f64::from(l);
    let found = correlation_length(1.0 + 2.0 * sum(0.0), 1.0 + 2.0 * sum(wave), l as usize).unwrap();
    assert!((found - 0.5 / (0.5 / xi).sinh()).abs() < 1e-9, "{found}");
    assert!(correlation_length(1.0, 2.0, 8).is_err() && correlation_length(1.0, 0.0, 8).is_err());
    assert!(correlation_length(1.0, 1.0, 1).is_err());
}

#[test]
fn structure_factors_are_the_same_along_all_axes() {
    // A stripe along each axis in turn: cos(2πx/L) > 0 where up. On side 4: planes + + - -, |Σ|² = |1 + i - (-1) - (-i)|².
    let cubic = Lattice::cubic([4, 4, 4], Boundary::Periodic).unwrap();
    for axis in 0..3 {
        let stripe: Vec<i8> = (0..64).map(|i| if cubic.cell(i).0[axis] < 2 { 1 } else { -1 }).collect();
        let [zero, k] = structure_factors(&cubic, &stripe).unwrap();
        // (16² · 8) / 64 along one axis, 0 along the others.
        assert!(zero == 0.0 && (k - 32.0 / 3.0).abs() < 1e-12, "{k}");
    }
    for broken in [
        Lattice::square(4, 6, Boundary::Periodic).unwrap(),
        Lattice::square(4, 4, Boundary::Open).unwrap(),
        Lattice::triangular(4, 4, Boundary::Periodic).unwrap(),
    ] {
        assert!(structure_factors(&broken, &vec![1; broken.n_sites()]).is_err());
    }
    assert!(structure_factors(&cubic, &[1; 63]).is_err());
}

/// Means over all disorder of a lattice, by enumeration, with couplings +1 of probability p: energy, m², q².
fn all_disorder(lattice: &Lattice, p: f64, beta: f64) -> [f64; 3] {
    let n_bonds = lattice.bonds().count();
    let n = lattice.n_sites();
    let mut sums = [0.0; 3];
    for disorder in 0..1u32 << n_bonds {
        let mut bond = 0;
        let graph = lattice.graph_with(|_, _| {
            bond += 1;
            if disorder >> (bond - 1) & 1 == 1 { 1.0 } else { -1.0 }
        });
        let ising = Ising::in_field(graph.unwrap(), 0.0).unwrap();
        let n_plus = disorder.count_ones() as i32;
        let weight = p.powi(n_plus) * (1.0 - p).powi(n_bonds as i32 - n_plus);
        // ⟨q²⟩ = Σᵢⱼ ⟨sᵢ sⱼ⟩² / N², ⟨m²⟩ = Σᵢⱼ ⟨sᵢ sⱼ⟩ / N²
        let (mut z, mut energy, mut pairs) = (0.0, 0.0, vec![0.0; n * n]);
        for k in 0..ising.n_states().unwrap() {
            let s = ising.state(k);
            let e = ising.energy(&s);
            let w = (-beta * e).exp();
            z += w;
            energy += w * e;
            for i in 0..n {
                (0..n).for_each(|j| pairs[i * n + j] += w * f64::from(s[i] * s[j]));
            }
        }
        let n2 = (n * n) as f64;
        sums[0] += weight * energy / z;
        sums[1] += weight * pairs.iter().map(|g| g / z).sum::<f64>() / n2;
        sums[2] += weight * pairs.iter().map(|g| (g / z).powi(2)).sum::<f64>() / n2;
    }
    sums
}

#[test]
fn the_nishimori_line_is_exact_over_all_disorder() {
    for lattice in
        [Lattice::square(2, 3, Boundary::Open).unwrap(), Lattice::square(2, 2, Boundary::Periodic).unwrap()]
    {
        for beta in [0.3, 0.9] {
            let p = nishimori_probability(beta).unwrap();
            let [energy, m2, q2] = all_disorder(&lattice, p, beta);
            let expected = nishimori_energy(1.0, beta).unwrap() * lattice.bonds().count() as f64;
            assert!((energy - expected).abs() < 1e-12 && (m2 - q2).abs() < 1e-12);
            // Off the line neither holds.
            let [energy, m2, q2] = all_disorder(&lattice, 0.5, beta);
            assert!((energy - expected).abs() > 1e-3 && (m2 - q2).abs() > 1e-3);
        }
    }
    assert!(nishimori_probability(-1.0).is_err() && nishimori_energy(0.0, 1.0).is_err());
    assert!(nishimori_energy(1.0, f64::INFINITY).is_err());
}

/// Samples of 6 × 6 tori at `beta`, with couplings that belong to `line`.
fn simulate(beta: f64, line: f64, n_samples: u64) -> Vec<SampleMeans> {
    let lattice = Lattice::square(6, 6, Boundary::Periodic).unwrap();
    let sample = |k: u64| {
        let mut rng = Streams::new(11).stream("sample", k);
        let graph = nishimori_couplings(&lattice, 1.0, line, &mut rng).unwrap();
        let ising = Ising::in_field(graph, 0.0).unwrap();
        let mut sweep = Metropolis::new(36).unwrap();
        let mut replicas =
            [0, 1].map(|_| (0..36).map(|_| if rng.chance(0.5) { 1 } else { -1 }).collect::<Vec<i8>>());
        let mut measured = Measurement::new(&ising, Some(&lattice)).unwrap();
        for step in 0..400 {
            for s in &mut replicas {
                sweep.step(&ising, s, beta, &mut rng);
            }
            if step >= 200 && step % 4 == 0 {
                measured.add(&replicas[0], &replicas[1]).unwrap();
            }
        }
        measured.means().unwrap()
    };
    (0..n_samples).map(sample).collect()
}

#[test]
fn simulated_samples_lie_on_the_nishimori_line() {
    let beta = 0.6;
    let samples = simulate(beta, beta, 300);
    let found = averages(&samples, 36, Some(6)).unwrap();
    let expected = 2.0 * nishimori_energy(1.0, beta).unwrap();
    assert!(found.energy.p_value(expected) > 1e-7, "{} {expected}", found.energy);
    let differences: Vec<f64> = samples.iter().map(|s| s.m2 - s.q2).collect();
    assert!(smml_core::Estimate::from_independent(&differences).unwrap().p_value(0.0) > 1e-7);
    assert!((found.susceptibility.value - 36.0 * found.q2.value).abs() < 1e-12);
    // Disorder of another line at the same temperature is found out.
    let wrong = averages(&simulate(beta, 0.4, 300), 36, None).unwrap();
    assert!(wrong.energy.p_value(expected) < 1e-7 && wrong.correlation_length.is_none());
}

#[test]
fn free_spins_have_gaussian_overlaps() {
    // β = 0: ⟨q²⟩ = 1/N, ⟨q⁴⟩ = (3 N - 2)/N³, χ(k) = 1, ⟨q_l⟩ = 0; g = 1/N.
    let samples = simulate(0.0, 0.5, 400);
    let found = averages(&samples, 36, None).unwrap();
    assert!(found.susceptibility.p_value(1.0) > 1e-7, "{}", found.susceptibility);
    assert!(found.binder.p_value(1.0 / 36.0) > 1e-7, "{}", found.binder);
    assert!(found.link.p_value(0.0) > 1e-7, "{}", found.link);
    let chi: Vec<f64> = samples.iter().map(|s| s.chi_k).collect();
    assert!(smml_core::Estimate::from_independent(&chi).unwrap().p_value(1.0) > 1e-7);
    assert!(averages(&samples[..9], 36, None).is_err());
    // One pair of states: g = 1, and no overlap at all has none.
    let frozen = SampleMeans { q2: 1.0, q4: 1.0, ..SampleMeans::default() };
    assert_eq!(averages(&[frozen; 10], 36, None).unwrap().binder.value, 1.0);
    assert!(averages(&[SampleMeans::default(); 10], 36, None).is_err());
    let ising = Ising::new(2, &[(0, 1, 1.0)], vec![0.0; 2]).unwrap();
    assert!(Measurement::new(&ising, None).unwrap().means().is_err());
    let lattice = Lattice::square(2, 2, Boundary::Periodic).unwrap();
    assert!(Measurement::new(&ising, Some(&lattice)).is_err());
}
