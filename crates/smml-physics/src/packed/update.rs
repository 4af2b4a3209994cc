//! New spins for a piece of one colour: neighbours are counted by adders of bits, and a uniform number of each spin is
//! compared with the threshold of its count, bit by bit from the top, until no comparison is open.

use smml_core::{
    lanes_paths,
    rng::WideStream,
    simd::lanes::{Lanes, LanesStream},
};

/// How often comparisons of four vectors are made apart before they are tried together, and how many bits are then
/// compared before it is asked whether any is open. They decide which random word a spin uses: changing them changes
/// results, not their law.
const APART: u32 = 7;
const TOGETHER: u32 = 6;

/// How new spins are drawn at one temperature: for each class of neighbourhoods the probability as a 64-bit threshold,
/// given as the pattern of classes whose threshold has bit k (from the top) set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    /// Bit c of `patterns[k]` is bit 63 - k of the threshold of class c.
    pub(super) patterns: [u8; 64],
    /// All ones where neighbours prefer to differ (β J < 0).
    sign: u64,
}

/// floor(p 2⁶⁴), p in [0, 1); the largest threshold for p = 1 (off by 2⁻⁶⁴).
fn threshold(p: f64) -> u64 {
    (p * 18_446_744_073_709_551_616.0) as u64
}

impl Plan {
    /// Metropolis: the classes are 0, 1 (and on a cubic lattice 2) unlike neighbours, a flip being accepted with
    /// probability exp(-2|K| (z - 2 class)), K = β J, z neighbours.
    pub(super) fn metropolis(k: f64, z: usize) -> Self {
        let p = |class: usize| libm::exp(-2.0 * k.abs() * (z - 2 * class) as f64);
        Self::new(k, (0..z / 2).map(p))
    }
    /// Heat bath: classes are |m| = z, z - 2, ... 2 for the sum m of the neighbours, their sign being taken with
    /// probability 1 / (1 + exp(-2 |K m|)).
    pub(super) fn heat_bath(k: f64, z: usize) -> Self {
        let p = |class: usize| 1.0 / (1.0 + libm::exp(-2.0 * k.abs() * (z - 2 * class) as f64));
        Self::new(k, (0..z / 2).map(p))
    }
    fn new(k: f64, p: impl Iterator<Item = f64>) -> Self {
        Self::from_thresholds(p.map(threshold), k < 0.0)
    }
    pub(super) fn from_thresholds(thresholds: impl Iterator<Item = u64>, negative: bool) -> Self {
        let mut patterns = [0u8; 64];
        for (class, t) in thresholds.enumerate() {
            for (k, pattern) in patterns.iter_mut().enumerate() {
                *pattern |= ((t >> (63 - k) & 1) as u8) << class;
            }
        }
        Plan { patterns, sign: if negative { u64::MAX } else { 0 } }
    }
}

/// The neighbourhoods of 512 spins: those with a change that needs no random number, and those of each class but the
/// last, which is the rest.
struct Classes<W> {
    /// Spins that turn (Metropolis), or whose preferred sign is up (heat bath).
    sure: W,
    /// Spins that need a comparison.
    open: W,
    /// Members of the classes 1 (and 2).
    class: [W; 2],
    /// Spins without preference, which toss a coin (heat bath).
    coin: W,
}

/// Bits 0, 1, 2 of the number of set bits among four or six.
#[inline(always)]
fn count<W: Lanes, const Z: usize>(n: [W; Z]) -> [W; 3] {
    let (s1, c1) = (n[0].xor3(n[1], n[2]), n[0].majority(n[1], n[2]));
    if Z == 4 {
        let c2 = s1.and(n[3]);
        return [s1.xor(n[3]), c1.xor(c2), c1.and(c2)];
    }
    let (s2, c2) = (n[3].xor3(n[4], n[5]), n[3].majority(n[4], n[5]));
    let k = s1.and(s2);
    [s1.xor(s2), c1.xor3(c2, k), c1.majority(c2, k)]
}

#[inline(always)]
fn metropolis<W: Lanes, const Z: usize>(x: W, n: [W; Z], sign: W) -> Classes<W> {
    let x = x.xor(sign);
    let [b0, b1, b2] = count::<W, Z>(n.map(|n| n.xor(x)));
    // From half of the neighbours on that are unlike, a flip costs nothing.
    let sure = if Z == 4 { b1.or(b2) } else { b2.or(b1.and(b0)) };
    let open = sure.not();
    // Class u has u unlike neighbours; the masks are read only where `open` is set.
    let class = if Z == 4 { [b0, W::zero()] } else { [b0, b1] };
    Classes { sure, open, class, coin: W::zero() }
}

#[inline(always)]
fn heat_bath<W: Lanes, const Z: usize>(n: [W; Z], sign: W) -> Classes<W> {
    let [b0, b1, b2] = count::<W, Z>(n.map(|n| n.xor(sign)));
    if Z == 4 {
        let coin = b0.not_in(b1);
        let sure = b2.or(b1.and(b0));
        Classes { sure, open: coin.not(), class: [b0, W::zero()], coin }
    } else {
        let coin = b2.not_in(b1.and(b0));
        // |m| = 4 for 1 or 5 up, |m| = 2 for 2 or 4.
        Classes { sure: b2, open: coin.not(), class: [b1.not_in(b0), b0.not_in(b1.xor(b2))], coin }
    }
}

/// One more bit of the comparison u < t: `open` are undecided, `less` those found below. `pattern` says which classes
/// have this bit of t set.
#[inline(always)]
fn compare<W: Lanes, const N: usize>(open: &mut W, less: &mut W, class: [W; 2], pattern: u8, random: W) {
    if pattern == 0 {
        *open = random.not_in(*open);
        return;
    }
    if pattern == (1 << N) - 1 {
        *less = less.or(random.not_in(*open));
        *open = open.and(random);
        return;
    }
    // The bit of t, from the classes that have it set, or from those that have it not.
    let first = pattern & 1 == 1;
    let mut t = W::zero();
    for c in 1..N {
        if (pattern >> c & 1 == 1) != first {
            t = t.or(class[c - 1]);
        }
    }
    if first {
        *less = less.or(random.or(t).not_in(*open));
        *open = t.xor(random).and(*open);
    } else {
        *less = less.or(random.not_in(t.and(*open)));
        *open = t.xor(random).not_in(*open);
    }
}

/// Number of set bits.
#[inline(always)]
fn n_set<W: Lanes>(lanes: W) -> u64 {
    let mut words = [0; 8];
    lanes.store(&mut words);
    words.iter().map(|w| u64::from(w.count_ones())).sum()
}

lanes_paths! {
    /// Draws the spins `own` of one colour beside `around`, in groups of four vectors, with `generators`. `valid` tells which
    /// bits are spins, where not all are. Returns how many changed.
    ///
    /// Z is the number of neighbours, N = Z/2 that of classes; HEAT chooses the heat bath.
    pub(super) fn draw<W: Lanes, const Z: usize, const N: usize, const HEAT: bool>(
        own: &mut [[u64; 8]],
        around: &[&[[u64; 8]]; Z],
        valid: Option<&[[u64; 8]]>,
        plan: &Plan,
        generators: &mut [WideStream; 2]
    ) -> u64 {
        let sign = W::load(&[plan.sign; 8]);
        let mut a = LanesStream::<W>::load(&generators[0]);
        let mut b = LanesStream::<W>::load(&generators[1]);
        // Changes are counted four vectors at a time: `ones` and `twos` hold what is not yet a multiple of four.
        let (mut ones, mut twos, mut fours) = (W::zero(), W::zero(), 0u64);
        for g in 0..own.len() / 4 {
            let mut open = [W::zero(); 4];
            let mut less = [W::zero(); 4];
            let mut sure = [W::zero(); 4];
            let mut coin = [W::zero(); 4];
            let mut class = [[W::zero(); 2]; 4];
            for q in 0..4 {
                let v = 4 * g + q;
                let mut n = [W::zero(); Z];
                for (n, words) in n.iter_mut().zip(around) {
                    *n = W::load(&words[v]);
                }
                let c = if HEAT {
                    heat_bath::<W, Z>(n, sign)
                } else {
                    metropolis::<W, Z>(W::load(&own[v]), n, sign)
                };
                (sure[q], open[q], class[q], coin[q]) = (c.sure, c.open, c.class, c.coin);
                if let Some(valid) = valid {
                    open[q] = open[q].and(W::load(&valid[v]));
                }
            }
            let mut k = 0u32;
            // Comparisons apart, until no two vectors have the same lane open.
            loop {
                let pattern = plan.patterns[k as usize];
                for q in 0..4 {
                    let random = if q % 2 == 0 { a.next() } else { b.next() };
                    if HEAT && k == 0 {
                        less[q] = random.not_in(coin[q]);
                    }
                    compare::<W, N>(&mut open[q], &mut less[q], class[q], pattern, random);
                }
                k += 1;
                if k >= APART {
                    let twice = open[0].and(open[1]).or(open[2].and(open[3]));
                    let both = open[0].or(open[1]).and(open[2].or(open[3]));
                    if k == 64 || !twice.or(both).any() {
                        break;
                    }
                }
            }
            // Then together: each lane belongs to one spin at most.
            let mut left = open[0].or(open[1]).or(open[2].or(open[3]));
            let mut classes = [W::zero(); 2];
            for c in 0..N - 1 {
                for q in 0..4 {
                    classes[c] = classes[c].or(open[q].and(class[q][c]));
                }
            }
            let mut below = W::zero();
            let end = (k + TOGETHER).min(64);
            while k < end {
                compare::<W, N>(&mut left, &mut below, classes, plan.patterns[k as usize], a.next());
                k += 1;
            }
            while k < 64 && left.any() {
                compare::<W, N>(&mut left, &mut below, classes, plan.patterns[k as usize], a.next());
                k += 1;
            }
            let mut flips = [W::zero(); 4];
            for q in 0..4 {
                let v = 4 * g + q;
                let less = less[q].or(below.and(open[q]));
                let mut old = W::load(&own[v]);
                let mut new = if HEAT { sure[q].xor(less).not() } else { old.xor(sure[q].or(less)) };
                if let Some(valid) = valid {
                    let valid = W::load(&valid[v]);
                    (old, new) = (old.and(valid), new.and(valid));
                }
                flips[q] = new.xor(old);
                new.store(&mut own[v]);
            }
            let (sum, carry) = (ones.xor3(flips[0], flips[1]), ones.majority(flips[0], flips[1]));
            let (sum, more) = (sum.xor3(flips[2], flips[3]), sum.majority(flips[2], flips[3]));
            fours += n_set(twos.majority(carry, more));
            (ones, twos) = (sum, twos.xor3(carry, more));
        }
        a.store(&mut generators[0]);
        b.store(&mut generators[1]);
        4 * fours + 2 * n_set(twos) + n_set(ones)
    }
}
