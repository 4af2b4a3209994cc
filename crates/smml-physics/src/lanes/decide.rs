//! Sixteen decisions at a time for costs that are real numbers: each attempt has 32 random bits, whose logarithm by a
//! short polynomial decides nearly all of them; the few that lie within its error are decided by `exp` and 64 bits.
//! So every decision is u < p with the p of `libm` and a u of 64 bits, whatever the polynomial says, and the same on
//! every vector path (there are no fused operations).

use crate::ising::Rule;
use smml_core::simd::lanes::Lanes;

/// Attempts decided together.
pub(crate) const WIDTH: usize = 16;
/// Beyond this cost (in units of the temperature) a move has probability below 2⁻⁶⁴, which 64 bits cannot tell from 0.
pub(crate) const HOPELESS: f32 = 45.0;
/// Largest 2 β u: at zero temperature only the sign of a cost counts.
const COLDEST: f64 = 1e30;
/// Bound on the error of the polynomial, of the cut to 32 bits and of the rounding of costs, in units of the
/// temperature: 6.1e-5 for each logarithm (two by the heat bath), 3.1e-5 and 3e-6.
const MARGIN: f32 = 1.0 / 4096.0;
/// Words so near to 0 (or, by the heat bath, to 2³²) are always decided by 64 bits: a unit of them is too much.
const EDGE: u32 = 1 << 14;

/// Values that belong to sixteen attempts, in one cache line.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(align(64))]
pub(crate) struct Block(pub(crate) [f32; WIDTH]);

impl Block {
    pub(crate) const ZERO: Block = Block([0.0; WIDTH]);
}

/// 2 β u for costs in units u: as the fast test wants it, and exactly.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    pub(crate) fast: f32,
    pub(crate) exact: f64,
}

impl Scale {
    /// `beta` is not negative; it may be infinite.
    pub(crate) fn new(beta: f64, unit: f64) -> Self {
        let exact = (2.0 * beta * unit).min(COLDEST);
        Scale { fast: exact as f32, exact }
    }
}

/// log₂ of the numbers k + ½, as `f32`; |error| < 8.9e-5.
#[inline(always)]
fn log2<W: Lanes>(number: W) -> W {
    let real = W::splat_f32;
    let exponent = number.shift_right_32::<23>().i32_to_f32();
    let mantissa = number.and(W::load(&[0x007f_ffff_007f_ffff; 8])).or(real(1.0));
    let z = mantissa.sub_f32(real(1.5));
    // The polynomial of degree 4 with the smallest error on [1, 2); 127 is the bias of exponents.
    let p = real(-0.081_615_71).mul_f32(z).add_f32(real(0.155_447_51));
    let p = p.mul_f32(z).sub_f32(real(0.319_347_95));
    let p = p.mul_f32(z).add_f32(real(0.960_962_95));
    exponent.add_f32(p.mul_f32(z).sub_f32(real(127.0 - 0.584_938)))
}

/// The random words of sixteen attempts, and what costs they allow.
#[derive(Clone, Copy)]
pub(crate) struct Drawn<W> {
    words: W,
    /// The largest cost that may be accepted (in units of the temperature): not below the truth, at most 2 [`MARGIN`]
    /// above it, infinite where only 64 bits can tell.
    most: W,
    /// Where `most` is infinite.
    edge: u16,
}

impl<W: Lanes> Drawn<W> {
    /// HEAT: -ln(u / (1 - u)), else -ln u.
    #[inline(always)]
    pub(crate) fn new<const HEAT: bool>(words: W) -> Self {
        let real = W::splat_f32;
        // 31 bits, because conversion takes them as signed.
        let number = |w: W| w.shift_right_32::<1>().i32_to_f32().add_f32(real(0.5));
        let (low, edge) = (number(words), real((EDGE / 2) as f32));
        let mut near = low.at_most_f32(edge);
        let x = if HEAT {
            let high = number(words.not());
            near |= high.at_most_f32(edge);
            log2(high)
        } else {
            real(31.0)
        };
        let most = x.sub_f32(log2(low)).mul_f32(real(std::f32::consts::LN_2)).add_f32(real(MARGIN));
        Drawn { words, most: most.add_f32(real(f32::INFINITY).only(near)), edge: near }
    }
    /// Which attempts may be accepted, and which of them surely are, at costs in units of the temperature.
    #[inline(always)]
    pub(crate) fn may(&self, costs: W) -> [u16; 2] {
        let sure = costs.at_most_f32(self.most.sub_f32(W::splat_f32(2.5 * MARGIN)));
        [costs.at_most_f32(self.most), sure & !self.edge]
    }
    /// The rule itself for attempt `k` at a cost in units of the model; `more` are further random bits.
    #[inline(always)]
    pub(crate) fn exactly<const HEAT: bool>(&self, k: usize, cost: f32, scale: Scale, more: W) -> bool {
        let (mut words, mut further) = ([0; 8], [0; 8]);
        self.words.store(&mut words);
        more.store(&mut further);
        below::<HEAT>((words[k / 2] >> (32 * (k % 2))) as u32, further[0] as u32, cost, scale)
    }
}

/// u < p for u = (word, more) / 2⁶⁴.
#[cold]
fn below<const HEAT: bool>(word: u32, more: u32, cost: f32, scale: Scale) -> bool {
    let rule = if HEAT { Rule::HeatBath } else { Rule::Metropolis };
    (u64::from(word) << 32 | u64::from(more)) < threshold(rule, f64::from(cost) * scale.exact)
}

/// Of a move that costs `x` (in units of the temperature) the probability times 2⁶⁴, rounded down; for probability 1
/// (and so near to it that it is rounded to 1) the largest threshold, off by 2⁻⁶⁴.
pub(crate) fn threshold(rule: Rule, x: f64) -> u64 {
    let p = match rule {
        Rule::Metropolis => libm::exp(-x),
        Rule::HeatBath => 1.0 / (1.0 + libm::exp(x)),
    };
    (p * 18_446_744_073_709_551_616.0) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use smml_core::{
        lanes_paths,
        rng::{Draw, Streams, WideStream},
    };

    lanes_paths! {
        /// Of sixteen costs in units of the model: may be, is surely accepted, is accepted.
        fn decide<W: Lanes, const HEAT: bool>(words: &[u64; 8], more: &[u64; 8], costs: &[f32; 16], scale: Scale) -> [u16; 3] {
            let drawn = Drawn::<W>::new::<HEAT>(W::load(words));
            let [may, sure] = drawn.may(W::load_f32(costs).mul_f32(W::splat_f32(scale.fast)));
            let mut accepted = 0;
            for k in 0..WIDTH {
                accepted |= u16::from(drawn.exactly::<HEAT>(k, costs[k], scale, W::load(more))) << k;
            }
            [may, sure, accepted]
        }
    }

    /// Returns how many attempts were left open, of how many.
    fn check<const HEAT: bool>(random: &[u64; 8], draw: &mut impl Draw) -> [u32; 2] {
        let rule = if HEAT { Rule::HeatBath } else { Rule::Metropolis };
        let scale = Scale::new(0.5 * libm::exp(20.0 * draw.uniform() - 14.0), 1.0);
        let more = draw.word() as u32;
        let word = |k: usize| (random[k / 2] >> (32 * (k % 2))) as u32;
        let mut open = [0, 0];
        for far in [0.0, 1e-4, 5e-4, 1e-2, 10.0] {
            // Costs that are about as large as the word allows, where a wrong bound would show, and others.
            let costs = std::array::from_fn(|k| {
                let u = (f64::from(word(k)) + draw.uniform()) / 4_294_967_296.0;
                let edge = if HEAT { libm::log((1.0 - u) / u) } else { -libm::log(u) };
                let x = edge + far * (2.0 * draw.uniform() - 1.0);
                libm::rint(x / scale.exact).clamp(-16_777_216.0, 16_777_216.0) as f32
            });
            let [may, sure, accepted] = decide::<HEAT>(random, &[u64::from(more); 8], &costs, scale);
            for k in 0..WIDTH {
                let u = u64::from(word(k)) << 32 | u64::from(more);
                let want = u < threshold(rule, f64::from(costs[k]) * scale.exact);
                let [may, sure, accepted] = [may, sure, accepted].map(|set| set >> k & 1 == 1);
                assert_eq!(accepted, want);
                // The largest threshold stands for probability 1.
                assert!(may || !want, "u {u} cost {} at {scale:?}", costs[k]);
                assert!(!sure || want || u == u64::MAX, "u {u} cost {} at {scale:?}", costs[k]);
                open = [open[0] + u32::from(may && !sure && far == 10.0), open[1] + u32::from(far == 10.0)];
            }
        }
        open
    }

    /// The fast bounds never contradict the rule, and seldom leave it open.
    #[test]
    fn every_decision_is_that_of_64_bits() {
        let mut draw = Streams::new(3).stream("decide", 0);
        let mut wide = WideStream::new(&mut draw);
        let mut open = [0, 0];
        for _ in 0..20_000 {
            let random = wide.next();
            for [n, of] in [check::<false>(&random, &mut draw), check::<true>(&random, &mut draw)] {
                open = [open[0] + n, open[1] + of];
            }
            // Words near 0, near 2³² and near powers of two, where the polynomial has its seams.
            let shift = draw.below(32) as u32;
            let random = random.map(|w| {
                let low = (1u32 << 31 >> shift).wrapping_add(w as u32 % 8).wrapping_sub(4);
                u64::from(low) | u64::from(!((w >> 32) as u32 >> shift)) << 32
            });
            check::<false>(&random, &mut draw);
            check::<true>(&random, &mut draw);
        }
        assert!(open[0] < open[1] / 500, "{open:?}");
    }

    #[test]
    fn nothing_happens_beyond_the_hopeless() {
        for rule in [Rule::Metropolis, Rule::HeatBath] {
            assert_eq!(threshold(rule, f64::from(HOPELESS)), 0);
            assert!(threshold(rule, f64::from(HOPELESS) - 1.0) > 0);
        }
        assert_eq!(threshold(Rule::Metropolis, 0.0), u64::MAX);
        assert_eq!(threshold(Rule::HeatBath, 0.0), 1 << 63);
    }
}
