//! Cluster updates against the laws, broken copies of them, and the balance of signed graphs by brute force.

use super::*;
use crate::{
    ising::{Ferromagnet, Ising, exact, observe, onsager},
    lattice::{Boundary, Lattice},
    spins::{Clock, Heisenberg, Potts, Xy},
};
use smml_core::{
    chain::{Chain, Record},
    energy::{Energy, Reference},
    graph::SparseGraph,
    kernel::{Kernel, Step},
    rng::{Draw, Streams},
    testing::law,
};

/// Small, frustrated, with fields, nothing uniform; a vertex of degree 1 and one without bonds.
fn glass() -> Ising {
    let bonds = [(0, 1, 1.0), (1, 2, -0.7), (2, 0, 0.9), (2, 3, 1.3), (3, 4, -0.4)];
    Ising::new(6, &bonds, vec![0.3, -0.2, 0.0, 0.7, -0.5, 0.1]).unwrap()
}

fn balanced() -> Ising {
    let bonds = [(0, 1, -1.0), (1, 2, -0.7), (2, 0, 0.9), (2, 3, 1.3), (3, 0, 0.4)];
    Ising::new(4, &bonds, vec![0.0; 4]).unwrap()
}

fn tangle() -> SparseGraph {
    SparseGraph::new(4, &[(0, 1, 1.0), (1, 2, -0.7), (2, 0, 0.9), (2, 3, 1.3)]).unwrap()
}

#[test]
fn clusters_obey_the_laws() {
    let torus =
        Ising::in_field(Lattice::square(2, 3, Boundary::Periodic).unwrap().graph(0.8).unwrap(), 0.1).unwrap();
    for model in [glass(), balanced(), torus] {
        for beta in [-0.4, 0.0, 0.3, 1.1] {
            let wolff = law(&model, &Wolff::default(), beta);
            // At β = 0 a cluster is one spin, and always flipped.
            assert!(wolff.stationary < 1e-12 && wolff.reversible < 1e-12 && wolff.irreducible, "{wolff:?}");
            let all = law(&model, &SwendsenWang::default(), beta);
            assert!(all.holds_reversibly(), "{beta}: {all:?}");
        }
    }
    let fields: Vec<f64> = (0..12).map(|k| 0.1 * f64::from(k % 5) - 0.2).collect();
    let ferromagnet = SparseGraph::new(4, &[(0, 1, 1.0), (1, 2, 0.7), (2, 0, 0.9), (2, 3, 1.3)]).unwrap();
    for (potts, attracts) in [
        (Potts::with_fields(tangle(), 3, fields.clone()).unwrap(), false),
        (Potts::new(tangle(), 3).unwrap(), false),
        (Potts::new(tangle(), 2).unwrap(), false),
        (Potts::with_fields(ferromagnet.clone(), 3, fields).unwrap(), true),
        (Potts::new(ferromagnet, 4).unwrap(), true),
    ] {
        for beta in [-0.4, 0.3, 1.1] {
            assert!(law(&potts, &Wolff::default(), beta).holds_reversibly(), "{potts:?} {beta}");
            let all = law(&potts, &SwendsenWang::default(), beta);
            assert!(all.holds(), "{beta}: {all:?}");
            if attracts && beta > 0.0 {
                assert!(all.reversible < 1e-12);
            }
        }
    }
    let ring = SparseGraph::new(3, &[(0, 1, 0.8), (1, 2, -1.1), (2, 0, 0.5)]).unwrap();
    for clock in [
        Clock::new(ring.clone(), 4, vec![[0.3, -0.1], [0.0, 0.4], [0.0, 0.0]]).unwrap(),
        Clock::new(ring.clone(), 5, vec![[0.0; 2]; 3]).unwrap(),
        Clock::new(ring.clone(), 6, vec![[0.2, 0.1], [0.0; 2], [-0.3, 0.2]]).unwrap(),
        Clock::new(ring, 2, vec![[0.2, 0.1], [0.0; 2], [-0.3, 0.2]]).unwrap(),
    ] {
        for beta in [0.3, 1.1] {
            assert!(law(&clock, &Wolff::default(), beta).holds_reversibly(), "{clock:?}");
            assert!(law(&clock, &SwendsenWang::default(), beta).holds_reversibly(), "{clock:?}");
        }
    }
}

/// Wrong on purpose, one mistake each.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Slip {
    /// Bonds as if J were half as large.
    WeakBonds,
    /// The field has no say.
    NoField,
    /// Unsatisfied bonds join too.
    AnyBond,
}

#[derive(Clone)]
struct BrokenWolff(Slip);
#[derive(Clone)]
struct BrokenSwendsenWang(Slip);

fn strength<E: Embedded>(model: &E, s: &E::State, slip: Slip, i: u32, j: u32, w: f64, m: E::Mirror) -> f64 {
    let x = 2.0 * w * model.component(s, i as usize, m) * model.component(s, j as usize, m);
    match slip {
        Slip::WeakBonds => 0.5 * x,
        Slip::NoField => x,
        Slip::AnyBond => x.abs(),
    }
}

impl<E: Embedded> Kernel<E> for BrokenWolff {
    fn step<R: Draw>(&mut self, model: &E, s: &mut E::State, beta: f64, rng: &mut R) -> Step {
        let m = model.draw_mirror(rng);
        let mut cluster = vec![rng.below(model.couplings().n_vertices()) as u32];
        let mut at = 0;
        while let Some(&i) = cluster.get(at) {
            at += 1;
            let (neighbours, weights) = model.couplings().neighbours(i as usize);
            for (&j, &w) in neighbours.iter().zip(weights) {
                let x = beta * strength(model, s, self.0, i, j, w, m);
                if !cluster.contains(&j) && x > 0.0 && rng.chance(-libm::expm1(-x)) {
                    cluster.push(j);
                }
            }
        }
        let cost: f64 = cluster.iter().map(|&i| model.field_cost(s, i as usize, m)).sum();
        if rng.accept(if self.0 == Slip::NoField { 0.0 } else { beta * cost }) {
            cluster.iter().for_each(|&i| model.reflect(s, i as usize, m));
        }
        Step::default()
    }
}

impl<E: Embedded> Kernel<E> for BrokenSwendsenWang {
    fn step<R: Draw>(&mut self, model: &E, s: &mut E::State, beta: f64, rng: &mut R) -> Step {
        let (m, n) = (model.draw_mirror(rng), model.couplings().n_vertices());
        let mut sets = UnionFind::default();
        sets.reset(n);
        for (i, j, w) in model.couplings().edges() {
            let x = beta * strength(model, s, self.0, i, j, w, m);
            if x > 0.0 && rng.chance(-libm::expm1(-x)) {
                sets.join(i, j);
            }
        }
        for root in 0..n as u32 {
            let cluster: Vec<u32> = (0..n as u32).filter(|&i| sets.root(i) == root).collect();
            let cost: f64 = cluster.iter().map(|&i| model.field_cost(s, i as usize, m)).sum();
            let x = if self.0 == Slip::NoField { 0.0 } else { beta * cost };
            if !cluster.is_empty() && rng.chance(1.0 / (1.0 + libm::exp(x))) {
                cluster.iter().for_each(|&i| model.reflect(s, i as usize, m));
            }
        }
        Step::default()
    }
}

/// Wrong on purpose: the probability of a bond is that of an Ising model.
#[derive(Clone)]
struct BrokenPotts;
impl Kernel<Potts> for BrokenPotts {
    fn step<R: Draw>(&mut self, potts: &Potts, s: &mut Vec<u8>, beta: f64, rng: &mut R) -> Step {
        let n = s.len();
        let mut sets = UnionFind::default();
        sets.reset(n);
        for (i, j, w) in potts.couplings().edges() {
            if s[i as usize] == s[j as usize] && rng.chance(-libm::expm1(-2.0 * beta * w)) {
                sets.join(i, j);
            }
        }
        for i in 0..n as u32 {
            let root = sets.root(i);
            s[i as usize] = if root == i { rng.below(potts.n_values()) as u8 } else { s[root as usize] };
        }
        Step::default()
    }
}

#[test]
fn the_law_finds_broken_clusters() {
    for slip in [Slip::WeakBonds, Slip::NoField, Slip::AnyBond] {
        let l = law(&glass(), &BrokenWolff(slip), 0.8);
        assert!(l.stationary > 1e-4, "{slip:?}: {l:?}");
        let l = law(&glass(), &BrokenSwendsenWang(slip), 0.8);
        assert!(l.stationary > 1e-4, "{slip:?}: {l:?}");
        let ring = SparseGraph::new(3, &[(0, 1, 0.8), (1, 2, -1.1), (2, 0, 0.5)]).unwrap();
        let clock = Clock::new(ring, 4, vec![[0.3, -0.1], [0.0, 0.4], [0.0, 0.0]]).unwrap();
        assert!(law(&clock, &BrokenWolff(slip), 0.8).stationary > 1e-4);
        assert!(law(&clock, &BrokenSwendsenWang(slip), 0.8).stationary > 1e-4);
    }
    let ferromagnet = SparseGraph::new(4, &[(0, 1, 1.0), (1, 2, 0.7), (2, 0, 0.9), (2, 3, 1.3)]).unwrap();
    assert!(law(&Potts::new(ferromagnet, 3).unwrap(), &BrokenPotts, 0.8).stationary > 1e-4);
}

#[test]
fn balance_by_brute_force() {
    // Every graph on 5 vertices with signs from a list, with and without a field: balanced if and only if some signs
    // satisfy everything.
    let pairs: Vec<(u32, u32)> = (0..5).flat_map(|i| (i + 1..5).map(move |j| (i, j))).collect();
    let mut rng = Streams::new(2).stream("signed", 0);
    let mut seen = [0, 0];
    for trial in 0..3000 {
        let mut bonds = Vec::new();
        for &(i, j) in &pairs {
            if rng.chance(0.45) {
                bonds.push((i, j, [-1.5, -0.2, 0.0, 0.4, 2.0][rng.below(5)]));
            }
        }
        let fields: Vec<f64> = if trial % 2 == 0 {
            vec![0.0; 5]
        } else {
            (0..5).map(|_| [0.0, 0.0, 0.7, -0.3][rng.below(4)]).collect()
        };
        let ising = Ising::new(5, &bonds, fields).unwrap();
        let satisfied = (0..32).any(|state: u32| {
            let s = |i: usize| if state >> i & 1 == 1 { 1.0 } else { -1.0 };
            ising.couplings().edges().all(|(i, j, w)| w * s(i as usize) * s(j as usize) >= 0.0)
                && ising.fields().iter().enumerate().all(|(i, h)| h * s(i) >= 0.0)
        });
        match Gauge::of(&ising) {
            Ok(gauge) => {
                assert!(satisfied);
                let ferromagnet = gauge.transform(&ising).unwrap();
                assert!(ferromagnet.couplings().edges().all(|e| e.2 >= 0.0));
                assert!(ferromagnet.fields().iter().all(|h| *h >= 0.0));
                assert_eq!(ferromagnet.energy(&vec![1; 5]), ising.energy(&gauge.signs().to_vec()));
                assert_eq!(gauge.order_parameter(gauge.signs()).unwrap(), 5);
                assert!(Wolff::new(&ising).is_ok() && SwendsenWang::new(&ising).is_ok());
                seen[0] += 1;
            }
            Err(frustrated) => {
                assert!(!satisfied);
                // The cycle exists, visits no vertex twice, and has a negative product.
                let c = &frustrated.cycle;
                let weight = |a: u32, b: u32| {
                    let (low, high) = (a.min(b), a.max(b));
                    if high == 5 {
                        ising.fields()[low as usize]
                    } else {
                        ising.couplings().weight(low as usize, high as usize).unwrap()
                    }
                };
                let product: f64 = (0..c.len()).map(|k| weight(c[k], c[(k + 1) % c.len()])).product();
                assert!(product < 0.0 && c.len() >= 3, "{frustrated}");
                let mut sorted = c.clone();
                sorted.sort_unstable();
                sorted.dedup();
                assert_eq!(sorted.len(), c.len());
                assert_eq!(Wolff::new(&ising).unwrap_err(), frustrated);
                assert_eq!(SwendsenWang::new(&ising).unwrap_err(), frustrated);
                assert_eq!(frustrated.to_string().contains("stands for the field"), c.contains(&5));
                seen[1] += 1;
            }
        }
    }
    assert!(seen.iter().all(|n| *n > 300), "{seen:?}");
    // An antiferromagnet is a ferromagnet on a bipartite lattice, and not on a triangular one.
    let anti = |lattice: Lattice| Gauge::of_couplings(&lattice.graph(-1.0).unwrap());
    let staggered = anti(Lattice::square(4, 6, Boundary::Periodic).unwrap()).unwrap();
    assert_eq!(staggered.signs()[..6], [1, -1, 1, -1, 1, -1]);
    let message = anti(Lattice::triangular(4, 4, Boundary::Periodic).unwrap()).unwrap_err().to_string();
    assert!(message.contains("cycle") && !message.contains("field"), "{message}");
    assert!(staggered.order_parameter(&[1; 3]).is_err() && staggered.transform(&glass()).is_err());
}

#[test]
fn swendsen_wang_on_tori() {
    // Kaufman on 8 × 8, and moments of the 4 × 4 torus by enumeration.
    let t = onsager::CRITICAL_TEMPERATURE;
    for (l, want) in [(8, onsager::torus(8, 8, 1.0 / t).unwrap().energy), (4, -1.565_623_787_6)] {
        let lattice = Lattice::square(l, l, Boundary::Periodic).unwrap();
        let model = Ising::in_field(lattice.graph(1.0).unwrap(), 0.0).unwrap();
        let n = (l * l) as f64;
        let mut rng = Streams::new(6).stream("tori", l as u64);
        let mut chain = Chain::new(SwendsenWang::default(), model.draw(&mut rng), rng);
        chain.advance(&model, 1.0 / t, 100);
        let mut record = Record::new(2).unwrap();
        let measure = |s: &Vec<i8>| [model.energy(s) / n, (observe::magnetisation(s) as f64 / n).powi(2)];
        chain.record(&model, 1.0 / t, 1, 20_000, &mut record, measure).unwrap();
        assert!(record.estimate(0).unwrap().p_value(want) > 1e-8);
        if l == 4 {
            let levels = exact::spectrum(&model).unwrap();
            let want = exact::thermal(&levels, 16, 1.0 / t).magnetisation_squared;
            assert!(record.estimate(1).unwrap().p_value(want) > 1e-8);
        }
    }
}

fn vectors<const N: usize, K>(kernel: K, seed: u64, field: [f64; N]) -> [f64; 2]
where
    K: Kernel<crate::spins::VectorModel<N>>,
{
    // An open chain in which signs alternate, and one spin in a field.
    let bonds: Vec<_> = (1..8u32).map(|i| (i - 1, i, if i % 3 == 0 { -1.0 } else { 1.0 })).collect();
    let chain = SparseGraph::new(8, &bonds).unwrap();
    let alone = SparseGraph::new(1, &[]).unwrap();
    let exact = |x: f64| match N {
        // I₁(1.5) / I₀(1.5) by mpmath; the Langevin function.
        2 => 0.596_133_238_831_290_7,
        _ => 1.0 / x.tanh() - 1.0 / x,
    };
    let size = field.iter().map(|x| x * x).sum::<f64>().sqrt();
    assert!((size - 1.5).abs() < 1e-12);
    let mut found = [0.0; 2];
    let models = [
        crate::spins::VectorModel::<N>::new(chain, vec![[0.0; N]; 8]).unwrap(),
        crate::spins::VectorModel::<N>::new(alone, vec![field]).unwrap(),
    ];
    for (p, (model, beta)) in found.iter_mut().zip(models.iter().zip([1.5, 1.0])) {
        let mut rng = Streams::new(seed).stream("vectors", N as u64);
        let mut run = Chain::new(kernel.clone(), model.draw(&mut rng), rng);
        run.advance(model, beta, 200);
        let mut record = Record::new(1).unwrap();
        let scale = if model.n_spins() == 1 { 1.5 } else { 7.0 };
        run.record(model, beta, 1, 40_000, &mut record, |s| [-model.energy(s) / scale]).unwrap();
        *p = record.estimate(0).unwrap().p_value(exact(1.5));
    }
    found
}

#[test]
fn clusters_of_unit_vectors() {
    let (flat, space) = ([0.9, -1.2], [0.0, 0.9, 1.2]);
    for p in [
        vectors::<2, _>(Wolff::default(), 1, flat),
        vectors::<2, _>(SwendsenWang::default(), 2, flat),
        vectors::<3, _>(Wolff::default(), 3, space),
        vectors::<3, _>(SwendsenWang::default(), 4, space),
    ] {
        assert!(p.iter().all(|p| *p > 1e-8), "{p:?}");
    }
    // Rings, where clusters close on themselves: energies from sums over Bessel functions (mpmath).
    fn ring<const N: usize>(n: u32, k: f64, want: f64) {
        let bonds: Vec<_> = (0..n).map(|i| (i, (i + 1) % n, 1.0)).collect();
        let graph = SparseGraph::new(n as usize, &bonds).unwrap();
        let model = crate::spins::VectorModel::<N>::new(graph, vec![[0.0; N]; n as usize]).unwrap();
        let mut rng = Streams::new(11).stream("ring", N as u64);
        let mut run = Chain::new((Wolff::default(), SwendsenWang::default()), model.draw(&mut rng), rng);
        run.advance(&model, k, 100);
        let mut record = Record::new(1).unwrap();
        run.record(&model, k, 1, 40_000, &mut record, |s| [model.energy(s) / f64::from(n)]).unwrap();
        let found = record.estimate(0).unwrap();
        assert!(found.p_value(want) > 1e-8, "{found} {want}");
    }
    ring::<2>(6, 1.2, -0.533_998_742_459_387_3);
    ring::<3>(5, 2.0, -0.576_508_500_067_573_9);
    // Broken copies are seen.
    assert!(vectors::<2, _>(BrokenWolff(Slip::WeakBonds), 5, flat)[0] < 1e-12);
    assert!(vectors::<2, _>(BrokenSwendsenWang(Slip::NoField), 6, flat)[1] < 1e-12);
    assert!(vectors::<3, _>(BrokenWolff(Slip::NoField), 7, space)[1] < 1e-12);
    assert!(vectors::<3, _>(BrokenSwendsenWang(Slip::WeakBonds), 8, space)[0] < 1e-12);
    // Spins stay on the sphere.
    let graph = Lattice::cubic([4; 3], Boundary::Periodic).unwrap().graph(1.0).unwrap();
    let model = Heisenberg::new(graph, vec![[0.0; 3]; 64]).unwrap();
    let mut rng = Streams::new(1).stream("norm", 0);
    let mut run = Chain::new((Wolff::default(), SwendsenWang::default()), model.draw(&mut rng), rng);
    run.advance(&model, 0.7, 2000);
    assert!(run.state.iter().all(|s| (s.iter().map(|x| x * x).sum::<f64>() - 1.0).abs() < 1e-14));
    let xy = Xy::new(SparseGraph::new(2, &[(0, 1, 1.0)]).unwrap(), vec![[0.0; 2]; 2]).unwrap();
    let step = SwendsenWang::default().step(&xy, &mut vec![[1.0, 0.0]; 2], 1e300, &mut run_rng());
    assert!(step.proposed == 2 && step.accepted % 2 == 0);
}

fn run_rng() -> smml_core::rng::Stream {
    Streams::new(3).stream("one step", 0)
}

/// Wrong on purpose: a bond joins as if E counted every pair once with J instead of 2 J.
#[derive(Clone)]
struct WeakFerromagnet;
impl Kernel<Ferromagnet> for WeakFerromagnet {
    fn step<R: Draw>(&mut self, model: &Ferromagnet, s: &mut Vec<i8>, beta: f64, rng: &mut R) -> Step {
        Wolff::default().step(model, s, 0.5 * beta, rng)
    }
}

#[test]
fn clusters_of_a_uniform_ferromagnet_obey_the_law() {
    let ring = SparseGraph::new(4, &[(0, 1, 0.8), (1, 2, 0.8), (2, 3, 0.8), (3, 0, 0.8)]).unwrap();
    let star = SparseGraph::new(5, &[(0, 1, 1.1), (1, 2, 1.1), (1, 3, 1.1)]).unwrap();
    for graph in [ring, star] {
        let model = Ferromagnet::new(&graph).unwrap();
        for beta in [0.0, 0.3, 1.1] {
            let found = law(&model, &Wolff::default(), beta);
            assert!(found.stationary < 1e-12 && found.reversible < 1e-12 && found.irreducible, "{found:?}");
        }
        assert!(law(&model, &WeakFerromagnet, 0.7).stationary > 1e-3);
        // No move is right for an antiferromagnet: clusters would be of another kind.
        let still = law(&model, &Wolff::default(), -0.5);
        assert!(still.stationary < 1e-12 && !still.irreducible);
    }
    // The same distribution as by the general update, on a torus too large to enumerate: Kaufman's energy.
    let graph = Lattice::square(16, 16, Boundary::Periodic).unwrap().graph(1.0).unwrap();
    let model = Ferromagnet::new(&graph).unwrap();
    let mut chain = Chain::new(Wolff::default(), vec![1; 256], Streams::new(5).stream("torus", 0));
    let mut record = Record::new(1).unwrap();
    chain.advance(&model, onsager::CRITICAL_K, 200);
    chain.record(&model, onsager::CRITICAL_K, 2, 20_000, &mut record, |s| [model.energy(s) / 256.0]).unwrap();
    let want = onsager::torus(16, 16, onsager::CRITICAL_K).unwrap().energy;
    let found = record.estimate(0).unwrap();
    assert!(found.p_value(want) > 1e-8, "{found} {want}");
}
