//! Sweeps: the spins of colour 0 in pieces, then those of colour 1.

use super::{
    layout::{Around, GROUP, PackedLattice, PackedSpins},
    update::{Plan, draw},
};
use crate::ising::Rule;
use serde::{Deserialize, Serialize};
use smml_core::{
    kernel::{Kernel, Step},
    parallel::{self, Par},
    rng::{Draw, WideStream},
};

/// Groups of vectors that share a pair of generators: 131,072 spins.
const PIECE: usize = 64;

/// Checkerboard sweeps: every spin of one colour, then every spin of the other. Stationary, not reversible.
///
/// The same spins for any number of threads: pieces are of fixed size, each with generators of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackedSweep {
    rule: Rule,
    n_sweeps: u32,
    /// Whether pieces go to rayon's pool: worth it from some 10⁶ spins on.
    #[serde(skip)]
    pub par: Par,
    #[serde(skip)]
    memory: Memory,
}

/// What the last step worked with, for the next one to use again: it never changes results.
#[derive(Clone, Debug, Default)]
struct Memory {
    /// For the lattice and the β J of which it was made.
    plan: Option<(usize, f64, Plan)>,
    lattice: Option<PackedLattice>,
    /// Which bits are spins, where not all are.
    valid: Option<Vec<[u64; 8]>>,
    around: Vec<Around>,
    generators: Vec<[WideStream; 2]>,
}

impl PartialEq for Memory {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}
impl Eq for Memory {}

impl Memory {
    /// Makes ready what a lattice needs.
    fn prepare(&mut self, rule: Rule, l: &PackedLattice, k: f64) {
        let z = l.coordination();
        if self.lattice.as_ref() != Some(l) {
            self.valid = (!l.is_full())
                .then(|| (0..l.words / 8).map(|v| std::array::from_fn(|i| l.valid(8 * v + i))).collect());
            self.around = (0..l.shape()[0]).map(|_| Around::new(l)).collect();
            self.lattice = Some(l.clone());
        }
        if !matches!(&self.plan, Some((of, at, _)) if *of == z && at.to_bits() == k.to_bits()) {
            let plan = match rule {
                Rule::Metropolis => Plan::metropolis(k, z),
                Rule::HeatBath => Plan::heat_bath(k, z),
            };
            self.plan = Some((z, k, plan));
        }
    }
}

impl PackedSweep {
    /// Each step is `n_sweeps` sweeps by the Metropolis rule; 0 counts as 1. Several sweeps to a step spread the cost of
    /// its new generators, which counts below some 10⁵ spins.
    pub fn metropolis(n_sweeps: u32) -> Self {
        PackedSweep {
            rule: Rule::Metropolis,
            n_sweeps: n_sweeps.max(1),
            par: Par::Serial,
            memory: Memory::default(),
        }
    }
    /// Each step is `n_sweeps` sweeps by the heat bath (Glauber's rule); 0 counts as 1.
    pub fn heat_bath(n_sweeps: u32) -> Self {
        PackedSweep { rule: Rule::HeatBath, ..PackedSweep::metropolis(n_sweeps) }
    }
    /// The same on rayon's pool.
    pub fn parallel(self) -> Self {
        PackedSweep { par: Par::Rayon, ..self }
    }
}

impl Kernel<PackedLattice> for PackedSweep {
    /// Does nothing to a state of another lattice, and at a β that is not a number.
    fn step<R: Draw>(&mut self, l: &PackedLattice, s: &mut PackedSpins, beta: f64, rng: &mut R) -> Step {
        let k = beta * l.coupling();
        if !l.owns(s) || k.is_nan() {
            return Step { proposed: 0, accepted: 0 };
        }
        let rule = self.rule;
        self.memory.prepare(rule, l, k);
        let Memory { plan: Some((_, _, plan)), valid, around, generators, .. } = &mut self.memory else {
            return Step { proposed: 0, accepted: 0 };
        };
        let (plan, valid) = (&*plan, valid.as_deref());
        let [layers, ..] = l.shape();
        let pieces = (l.words / GROUP).div_ceil(PIECE);
        generators.clear();
        generators.extend(
            (0..layers * pieces).map(|_| [(); 2].map(|()| WideStream::from_words(rng.word(), rng.word()))),
        );
        let mut accepted = 0;
        for _ in 0..self.n_sweeps {
            for colour in 0..2 {
                let [first, second] = &mut s.planes;
                let (own, other) = if colour == 0 { (first, second) } else { (second, first) };
                l.wrap(other);
                let other = &*other;
                let piece = |around: &[Around], i: usize, words: &mut [u64], g: &mut [WideStream; 2]| {
                    let (z, piece) = (i / pieces, i % pieces);
                    let (from, n) = (piece * PIECE * GROUP, words.len());
                    let slices = around[z]
                        .slices(l, other, z)
                        .map(|s| s.map_or(&[][..], |s| vectors(&s[from..from + n])));
                    let valid = valid.map(|v| &v[from / 8..][..n / 8]);
                    let (own, _) = words.as_chunks_mut::<8>();
                    let [above, below, same, side, next, previous] = slices;
                    let square = [above, below, same, side];
                    let cubic = [above, below, same, side, next, previous];
                    match (rule, is_cubic(l)) {
                        (Rule::Metropolis, false) => draw::<4, 2, false>(own, &square, valid, plan, g),
                        (Rule::HeatBath, false) => draw::<4, 2, true>(own, &square, valid, plan, g),
                        (Rule::Metropolis, true) => draw::<6, 3, false>(own, &cubic, valid, plan, g),
                        (Rule::HeatBath, true) => draw::<6, 3, true>(own, &cubic, valid, plan, g),
                    }
                };
                if let ([all], [g]) = (&mut around[..], &mut generators[..]) {
                    // One piece: nothing to hand out, and no lists to make.
                    all.look(l, other, 0, colour);
                    let words = &mut own[l.margin..][..l.words];
                    accepted += piece(std::slice::from_ref(all), 0, words, g);
                    continue;
                }
                parallel::each(self.par, around, |z, a| a.look(l, other, z, colour));
                let mut work: Vec<(&mut [u64], &mut [WideStream; 2], u64)> = own
                    .chunks_exact_mut(l.stride())
                    .flat_map(|layer| layer[l.margin..][..l.words].chunks_mut(PIECE * GROUP))
                    .zip(&mut *generators)
                    .map(|(words, generators)| (words, generators, 0))
                    .collect();
                let around = &*around;
                parallel::each(self.par, &mut work, |i, (words, generators, changed)| {
                    *changed = piece(around, i, words, generators);
                });
                accepted += work.iter().map(|w| w.2).sum::<u64>();
            }
        }
        // What a state holds beside its spins depends on them alone.
        s.planes.iter_mut().for_each(|p| l.clean(p));
        Step { proposed: u64::from(self.n_sweeps) * l.n_spins() as u64, accepted }
    }
}

fn is_cubic(l: &PackedLattice) -> bool {
    l.coordination() == 6
}

fn vectors(words: &[u64]) -> &[[u64; 8]] {
    words.as_chunks::<8>().0
}
