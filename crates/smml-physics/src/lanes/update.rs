//! The inner loop: four spins of 512 replicas at a time.

use super::{
    acceptance::{BITS, Own, Patterns, Same},
    model::{GROUP, LaneModel, Site},
    tiles::{TILED, Votes},
};
use smml_core::{
    lanes_paths,
    rng::WideStream,
    simd::lanes::{Lanes, LanesStream},
};

/// Bits compared for the four spins apart before it is asked whether a replica is open in one of them at most, and bits
/// then compared together before it is asked whether any is open. They decide which random word a test uses.
const APART: usize = 7;
const TOGETHER: usize = 6;

/// Thresholds of the passes.
pub(super) trait Thresholds {
    /// The bit k of the thresholds of pass `pass` (0 is that of odd votes) for classes (d0, d1), lane by lane.
    fn bit<W: Lanes>(&self, pass: usize, k: usize, d: [W; 2]) -> Bit<W>;
}

/// One bit of the threshold of every lane.
pub(super) enum Bit<W> {
    /// The same for all.
    All(bool),
    Each(W),
}

impl Thresholds for Same {
    #[inline(always)]
    fn bit<W: Lanes>(&self, pass: usize, k: usize, [a, b]: [W; 2]) -> Bit<W> {
        let patterns: &Patterns = &self.passes[pass];
        // Class c is d0 + 2 d1.
        Bit::Each(match patterns[k] {
            0 => return Bit::All(false),
            15 => return Bit::All(true),
            1 => a.or(b).not(),
            2 => b.not_in(a),
            3 => b.not(),
            4 => a.not_in(b),
            5 => a.not(),
            6 => a.xor(b),
            7 => a.and(b).not(),
            8 => a.and(b),
            9 => a.xor(b).not(),
            10 => a,
            11 => a.not_in(b).not(),
            12 => b,
            13 => b.not_in(a).not(),
            _ => a.or(b),
        })
    }
}

impl Thresholds for Own {
    #[inline(always)]
    fn bit<W: Lanes>(&self, pass: usize, k: usize, [a, b]: [W; 2]) -> Bit<W> {
        let lines = &self.passes[pass][k];
        let [l0, l1, l2, l3] = [0, 1, 2, 3].map(|c| W::load(&lines[c]));
        Bit::Each(b.select(a.select(l3, l2), a.select(l1, l0)))
    }
}

/// One more bit of the test u < t of the lanes in `open`; `passed` are those found below.
#[inline(always)]
fn compare<W: Lanes>(open: &mut W, passed: &mut W, bit: Bit<W>, random: W) {
    match bit {
        Bit::All(false) => *open = random.not_in(*open),
        Bit::All(true) => {
            *passed = passed.or(random.not_in(*open));
            *open = open.and(random);
        }
        Bit::Each(t) => {
            *passed = passed.or(random.not_in(t.and(*open)));
            *open = t.xor(random).not_in(*open);
        }
    }
}

/// A line of a list of the model.
#[inline(always)]
fn line<W: Lanes>(lines: &[[u64; 8]], i: impl Into<u32>) -> W {
    let i = i.into() as usize;
    debug_assert!(i < lines.len());
    // SAFETY: `LaneModel` makes its lists of lines below 2 (n_spins + 1) and shows them to nobody; `draw` has checked
    // that there are so many. `Tiles` makes lists of bytes, for 256 lines.
    W::load(unsafe { lines.get_unchecked(i) })
}

/// Adds a line of weight 2^k.
#[inline(always)]
fn ripple<W: Lanes, const K: usize>(planes: &mut [W; K], mut k: usize, mut carry: W) {
    while k < K {
        let sum = planes[k];
        planes[k] = sum.xor(carry);
        carry = sum.and(carry);
        k += 1;
    }
}

/// Full adder: adds two lines to `sum` and returns what carries.
#[inline(always)]
fn add<W: Lanes>(sum: &mut W, a: W, b: W) -> W {
    let old = *sum;
    *sum = old.xor3(a, b);
    old.majority(a, b)
}

/// Adds four lines to sums of weight 1 and 2, and returns what carries at weight 4.
#[inline(always)]
fn add_four<W: Lanes, I: Copy + Into<u32>>(one: &mut W, two: &mut W, lines: &[[u64; 8]], e: [I; 4]) -> W {
    let line = |i: I| line::<W>(lines, i);
    let a = add(one, line(e[0]), line(e[1]));
    let b = add(one, line(e[2]), line(e[3]));
    add(two, a, b)
}

/// A part of a list of lines.
#[inline(always)]
pub(super) fn line_list<I>(all: &[I], [start, end]: [u32; 2]) -> &[I] {
    &all[start as usize..end as usize]
}

/// Counts at most seven lines (in a list of at most eight).
#[inline(always)]
fn count_few<W: Lanes>(lines: &[[u64; 8]], list: &[u32]) -> [W; 3] {
    let line = |i: u32| line::<W>(lines, i);
    let [e0, e1, e2, e3, ..] = *list else { return [W::zero(); 3] };
    let (a, b, c, d) = (line(e0), line(e1), line(e2), line(e3));
    let (three, carry) = (a.xor3(b, c), a.majority(b, c));
    let more = three.and(d);
    let (mut one, mut two, mut four) = (three.xor(d), carry.xor(more), carry.and(more));
    if let [_, _, _, _, e4, e5, e6, e7] = *list {
        four = four.or(add_four(&mut one, &mut two, lines, [e4, e5, e6, e7]));
    }
    [one, two, four]
}

/// Adds lines, each of weight 2^bit; their number is a multiple of four.
#[inline(always)]
pub(super) fn add_lines<W: Lanes, I: Copy + Into<u32>, const K: usize>(
    planes: &mut [W; K],
    bit: usize,
    lines: &[[u64; 8]],
    list: &[I],
) {
    let at = |planes: &[W; K], k: usize| if k < K { planes[k] } else { W::zero() };
    let (mut one, mut two, mut four) = (at(planes, bit), at(planes, bit + 1), at(planes, bit + 2));
    let (sixteens, rest) = list.as_chunks::<16>();
    // Carries of weight 16 and more are added in pairs: one is pending at each plane, as in a binary counter.
    let mut eight = at(planes, bit + 3);
    let mut pending = [W::zero(); K];
    for (n, e) in sixteens.iter().enumerate() {
        let part = |k: usize| [e[4 * k], e[4 * k + 1], e[4 * k + 2], e[4 * k + 3]];
        let a = add_four(&mut one, &mut two, lines, part(0));
        let b = add_four(&mut one, &mut two, lines, part(1));
        let first = add(&mut four, a, b);
        let a = add_four(&mut one, &mut two, lines, part(2));
        let b = add_four(&mut one, &mut two, lines, part(3));
        let second = add(&mut four, a, b);
        let mut carry = add(&mut eight, first, second);
        let (mut k, mut n) = (bit + 4, n);
        while n & 1 == 1 && k < K {
            carry = add(&mut planes[k], pending[k], carry);
            (k, n) = (k + 1, n >> 1);
        }
        if k < K {
            pending[k] = carry;
        }
    }
    for (k, sum) in [(bit, one), (bit + 1, two), (bit + 2, four), (bit + 3, eight)] {
        if k < K {
            planes[k] = sum;
        }
    }
    for k in bit + 4..K {
        if sixteens.len() >> (k - bit - 4) & 1 == 1 {
            ripple(planes, k, pending[k]);
        }
    }
    for e in rest.as_chunks::<4>().0 {
        let (mut one, mut two) = (planes[bit], at(planes, bit + 1));
        let carry = add_four(&mut one, &mut two, lines, *e);
        planes[bit] = one;
        if bit + 1 < K {
            planes[bit + 1] = two;
        }
        ripple(planes, bit + 2, carry);
    }
}

/// A spin of all replicas that is to be tested.
struct Test<W, const K: usize> {
    /// Bits of D', where `costly`.
    cost: [W; K],
    /// Lanes whose move costs energy, or none (D' = 0 of an even number of votes).
    costly: W,
}

/// The number of votes for "up". `votes` are those that were counted together with other spins, if any.
#[inline(always)]
fn count<W: Lanes, const K: usize, const UNIT: bool>(
    model: &LaneModel,
    lines: &[[u64; 8]],
    site: &Site,
    votes: Option<&Votes>,
) -> [W; K] {
    let mut planes = [W::zero(); K];
    if UNIT
        && K == TILED
        && let (Some(tiles), Some(votes)) = (&model.tiles, votes)
    {
        for k in 0..K {
            planes[k] = W::load(&votes.far[k]);
        }
        add_lines(&mut planes, 0, lines, tiles.list(votes.near));
        return planes;
    }
    let list = |part: [u32; 2]| line_list(&model.lines, part);
    if UNIT && K == 3 {
        let few = count_few::<W>(lines, list(site.lines));
        planes.iter_mut().zip(few).for_each(|(plane, count)| *plane = count);
    } else if UNIT {
        add_lines(&mut planes, 0, lines, list(site.lines));
    } else {
        for s in &model.segments[site.segments[0] as usize..site.segments[1] as usize] {
            add_lines(&mut planes, s.bit as usize, lines, list(s.lines));
        }
    }
    planes
}

/// What it costs to turn spins that point up where `x` is set, given their votes.
#[inline(always)]
fn prepare<W: Lanes, const K: usize>(votes: u32, mut planes: [W; K], x: W) -> Test<W, K> {
    // E = votes - ceil(all/2) for a spin that is up, votes - floor(all/2) - 1 for one that is down: in both cases
    // D' is E or its complement. For an even number of votes the carry that goes in is the spin itself.
    let half = votes.div_ceil(2);
    let ones = W::zero().not();
    let mut carry = if votes.is_multiple_of(2) { x } else { ones };
    let down = x.not();
    for (k, plane) in planes.iter_mut().enumerate() {
        let flag = W::load(&[u64::from(half >> k & 1 == 0).wrapping_neg(); 8]);
        let sum = plane.xor3(flag, carry);
        carry = plane.majority(flag, carry);
        *plane = sum.xor(down);
    }
    Test { cost: planes, costly: carry.xor(down) }
}

/// The direction that costs no energy: up where at least half of the votes are for it.
#[inline(always)]
fn preferred<W: Lanes, const K: usize>(votes: u32, planes: &[W; K]) -> W {
    let half = votes.div_ceil(2);
    let mut carry = W::zero().not();
    for (k, plane) in planes.iter().enumerate() {
        let flag = W::load(&[u64::from(half >> k & 1 == 0).wrapping_neg(); 8]);
        carry = plane.majority(flag, carry);
    }
    carry
}

lanes_paths! {
    /// Draws the spins of `sites`, which are of one colour, at the same temperature for all replicas; K is the number of
    /// planes, UNIT says that all couplings are one unit, HEAT chooses the heat bath. Writes to `turned` which of them turn,
    /// and returns how many. `votes` are those of the sites that were counted together, or none.
    pub(super) fn draw_same<W: Lanes, const K: usize, const UNIT: bool, const HEAT: bool>(
        model: &LaneModel,
        sites: &[Site],
        lines: &[[u64; 8]],
        votes: &[Votes],
        turned: &mut [[u64; 8]],
        thresholds: &Same,
        generators: &mut [WideStream; 2]
    ) -> u64 {
        draw::<W, K, UNIT, HEAT, Same>(model, sites, lines, votes, turned, thresholds, generators)
    }
    /// As `draw_same`, each replica at its own temperature.
    pub(super) fn draw_own<W: Lanes, const K: usize, const UNIT: bool, const HEAT: bool>(
        model: &LaneModel,
        sites: &[Site],
        lines: &[[u64; 8]],
        votes: &[Votes],
        turned: &mut [[u64; 8]],
        thresholds: &Own,
        generators: &mut [WideStream; 2]
    ) -> u64 {
        draw::<W, K, UNIT, HEAT, Own>(model, sites, lines, votes, turned, thresholds, generators)
    }
}

/// Number of set bits.
#[inline(always)]
fn n_set<W: Lanes>(lanes: W) -> u64 {
    let mut words = [0; 8];
    lanes.store(&mut words);
    words.iter().map(|w| u64::from(w.count_ones())).sum()
}

/// What is tested of four spins.
struct Group<'a, W, T, const K: usize> {
    thresholds: &'a T,
    cost: [[W; K]; GROUP],
    /// Which spins have an odd number of votes.
    odd: [bool; GROUP],
    /// Spins of the group; what fills it comes last, and needs no random numbers.
    active: usize,
}

impl<W: Lanes, T: Thresholds, const K: usize> Group<'_, W, T, K> {
    /// Of the lanes of `alive` those that pass all tests, which is each with the probability of its cost.
    ///
    /// DIRECT: one comparison with the threshold of the cost (0 to 3) instead, as the heat bath of few votes has them.
    /// SPARSE: where no replica is open in two of the spins, they are compared together from the start.
    #[inline(always)]
    fn survivors<const DIRECT: bool, const SPARSE: bool>(
        &self,
        mut alive: [W; GROUP],
        a: &mut LanesStream<W>,
        b: &mut LanesStream<W>,
    ) -> [W; GROUP] {
        let Group { thresholds, cost, odd, active } = self;
        let passes = if DIRECT { 1 } else { K.div_ceil(2) };
        for pass in 0..passes {
            let bit = |q: usize, k: usize| if k < K { cost[q][k] } else { W::zero() };
            let d: [[W; 2]; GROUP] = std::array::from_fn(|q| [bit(q, 2 * pass), bit(q, 2 * pass + 1)]);
            let mut open: [W; GROUP] = std::array::from_fn(|q| {
                if DIRECT || pass == 0 && odd[q] { alive[q] } else { alive[q].and(d[q][0].or(d[q][1])) }
            });
            if pass > 0 && !any(&open) {
                continue;
            }
            let tested = open;
            let mut passed = [W::zero(); GROUP];
            // Which thresholds: those of odd votes in the first pass, else those of the pass.
            let kind = |q: usize| if pass == 0 && odd[q] { 0 } else { pass + 1 };
            let alike = (1..*active).all(|q| kind(q) == kind(0));
            let apart = |open: &[W; GROUP]| {
                let twice = open[0].and(open[1]).or(open[2].and(open[3]));
                let both = open[0].or(open[1]).and(open[2].or(open[3]));
                alike && !twice.or(both).any()
            };
            let mut k = 0;
            if !(SPARSE && apart(&open)) {
                loop {
                    for q in 0..*active {
                        let random = if q % 2 == 0 { a.next() } else { b.next() };
                        compare(&mut open[q], &mut passed[q], thresholds.bit(kind(q), k, d[q]), random);
                    }
                    k += 1;
                    if k >= APART && (k == BITS || apart(&open) || !any(&open)) {
                        break;
                    }
                }
            }
            let mut left = open[0].or(open[1]).or(open[2].or(open[3]));
            let mut together = [W::zero(); 2];
            for q in 0..GROUP {
                together[0] = together[0].or(open[q].and(d[q][0]));
                together[1] = together[1].or(open[q].and(d[q][1]));
            }
            let mut below = W::zero();
            let end = (k + TOGETHER).min(BITS);
            while k < end {
                compare(&mut left, &mut below, thresholds.bit(kind(0), k, together), a.next());
                k += 1;
            }
            while k < BITS && left.any() {
                compare(&mut left, &mut below, thresholds.bit(kind(0), k, together), a.next());
                k += 1;
            }
            for q in 0..GROUP {
                let survive = passed[q].or(below.and(open[q]));
                alive[q] = alive[q].and(tested[q].not().or(survive));
            }
        }
        alive
    }
    /// Of all lanes those that go against their preferred direction, each with probability q / (1 + q), where q = exp(-β ΔE)
    /// is that of passing the tests.
    ///
    /// q / (1 + q) = q (1 - q / (1 + q)): those that pass, and are not called back. To call back with probability q / (1 + q),
    /// toss a coin: with one side nothing is called back, with the other all that pass the tests anew, and the rest toss
    /// again.
    #[inline(always)]
    fn against(&self, a: &mut LanesStream<W>, b: &mut LanesStream<W>) -> [W; GROUP] {
        let all = std::array::from_fn(|q| if q < self.active { W::zero().not() } else { W::zero() });
        let mut against = self.survivors::<false, false>(all, a, b);
        let mut tossing = against;
        while any(&tossing) {
            for q in 0..self.active {
                tossing[q] = tossing[q].and(if q % 2 == 0 { a.next() } else { b.next() });
            }
            let back = self.survivors::<false, true>(tossing, a, b);
            for q in 0..GROUP {
                against[q] = back[q].not_in(against[q]);
                tossing[q] = back[q].not_in(tossing[q]);
            }
        }
        against
    }
}

#[inline(always)]
fn draw<W: Lanes, const K: usize, const UNIT: bool, const HEAT: bool, T: Thresholds>(
    model: &LaneModel,
    sites: &[Site],
    lines: &[[u64; 8]],
    votes: &[Votes],
    turned: &mut [[u64; 8]],
    thresholds: &T,
    generators: &mut [WideStream; 2],
) -> u64 {
    assert_eq!(lines.len(), 2 * (model.n_spins() + 1));
    let mut a = LanesStream::<W>::load(&generators[0]);
    let mut b = LanesStream::<W>::load(&generators[1]);
    let (mut ones, mut twos, mut fours) = (W::zero(), W::zero(), 0u64);
    let groups = sites.chunks_exact(GROUP).zip(turned.chunks_exact_mut(GROUP));
    for (g, (sites, turned)) in groups.enumerate() {
        let active = sites.iter().take_while(|s| s.spin != u32::MAX).count();
        let odd = [0, 1, 2, 3].map(|q| sites[q].votes % 2 == 1);
        let mut group = Group { thresholds, cost: [[W::zero(); K]; GROUP], odd, active };
        let mut turns = [W::zero(); GROUP];
        let mut costly = [W::zero(); GROUP];
        // By the heat bath: where the spin is not as it prefers.
        let mut wrong = [W::zero(); GROUP];
        for q in 0..active {
            let old = W::load(&lines[2 * sites[q].spin as usize]);
            let votes = count::<W, K, UNIT>(model, lines, &sites[q], votes.get(GROUP * g + q));
            let towards = if HEAT { preferred(sites[q].votes, &votes) } else { old };
            wrong[q] = towards.xor(old);
            let test = prepare(sites[q].votes, votes, towards);
            (group.cost[q], costly[q]) = (test.cost, test.costly);
        }
        if HEAT {
            let against = if K == 3 {
                // At most seven votes: thresholds are those of the heat bath itself.
                let all = std::array::from_fn(|q| if q < active { W::zero().not() } else { W::zero() });
                group.survivors::<true, false>(all, &mut a, &mut b)
            } else {
                group.against(&mut a, &mut b)
            };
            turns = std::array::from_fn(|q| against[q].xor(wrong[q]));
        } else {
            let survive = group.survivors::<false, false>(costly, &mut a, &mut b);
            for q in 0..active {
                turns[q] = costly[q].not().or(survive[q]);
            }
        }
        for q in 0..GROUP {
            turns[q].store(&mut turned[q]);
        }
        let (sum, carry) = (ones.xor3(turns[0], turns[1]), ones.majority(turns[0], turns[1]));
        let (sum, more) = (sum.xor3(turns[2], turns[3]), sum.majority(turns[2], turns[3]));
        fours += n_set(twos.majority(carry, more));
        (ones, twos) = (sum, twos.xor3(carry, more));
    }
    a.store(&mut generators[0]);
    b.store(&mut generators[1]);
    4 * fours + 2 * n_set(twos) + n_set(ones)
}

#[inline(always)]
fn any<W: Lanes>(lanes: &[W; GROUP]) -> bool {
    lanes[0].or(lanes[1]).or(lanes[2].or(lanes[3])).any()
}
