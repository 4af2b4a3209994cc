//! Acceptance probabilities as thresholds.
//!
//! A move costs 2 u D with D = 2 D' (an even number of votes) or 2 D' + 1 (an odd one). Bits of D' are tested in pairs: pass
//! j looks at bits 2j and 2j + 1, and its class c = 0..4 is their value. Its threshold is exp(-4 β u c 4ʲ); in pass 0 of
//! an odd number of votes there is a further factor exp(-2 β u).
//!
//! The heat bath goes against the direction that is preferred with probability 1 / (1 + exp(2 β u D)): one threshold where D' has
//! two bits, else made from the tests of Metropolis (see `update`).

use super::{decide::threshold, spins::LANES};
use crate::ising::Rule;

/// Most passes: 24 bits of votes.
pub(super) const MOST_PASSES: usize = 12;
/// Planes of votes up to which the heat bath has thresholds of its own, if all couplings are one unit.
pub(super) const DIRECT: u32 = 3;
/// Bits of a threshold that are compared at most.
pub(super) const BITS: usize = 64;

/// Thresholds of one pass: bit c of `patterns[k]` is bit 63 - k of the threshold of class c.
pub(super) type Patterns = [u8; BITS];

/// Of all replicas alike.
#[derive(Clone, Debug)]
pub(super) struct Same {
    /// Pass 0 of an odd number of votes, then passes of an even one.
    pub(super) passes: Vec<Patterns>,
}

/// Of each replica its own: for every pass, class and bit a line.
#[derive(Clone, Debug)]
pub(super) struct Own {
    pub(super) passes: Vec<Vec<[[u64; 8]; 4]>>,
}

/// Metropolis: thresholds of the four classes of a pass. Pass `None` is pass 0 of an odd number of votes.
fn metropolis(beta_unit: f64, pass: Option<usize>) -> [u64; 4] {
    std::array::from_fn(|class| {
        let cost = match pass {
            None => 2.0 + 4.0 * class as f64,
            Some(j) => 4.0 * class as f64 * 4f64.powi(j as i32),
        };
        // Class 0 of an even number is never asked for; the largest threshold stands for probability 1.
        if class == 0 && pass.is_some() { 0 } else { threshold(Rule::Metropolis, beta_unit * cost) }
    })
}

/// Heat bath of at most seven votes, which needs no second pass: class c is D' itself.
fn heat_bath(beta_unit: f64, odd: bool) -> [u64; 4] {
    let cost = |class: usize| 4.0 * class as f64 + if odd { 2.0 } else { 0.0 };
    // At zero temperature 0 β is nothing, not undefined.
    let x = |class: usize| if cost(class) == 0.0 { 0.0 } else { beta_unit * cost(class) };
    std::array::from_fn(|class| threshold(Rule::HeatBath, x(class)))
}

/// What is asked for in turn: that of an odd number of votes, then that of an even one, then its further passes.
fn all_passes(rule: Rule, beta_unit: f64, planes: u32) -> Vec<[u64; 4]> {
    match rule {
        Rule::HeatBath if planes <= DIRECT => {
            vec![heat_bath(beta_unit, true), heat_bath(beta_unit, false)]
        }
        // The heat bath of more votes is made from tests of the Metropolis rule.
        _ => {
            let n = (planes.div_ceil(2) as usize).min(MOST_PASSES);
            std::iter::once(None).chain((0..n).map(Some)).map(|pass| metropolis(beta_unit, pass)).collect()
        }
    }
}

/// Whether class 0 is never open in a pass: its bits are free.
fn is_free(rule: Rule, pass: usize, planes: u32) -> bool {
    pass > 0 && !(rule == Rule::HeatBath && planes <= DIRECT)
}

impl Same {
    pub(super) fn new(rule: Rule, beta_unit: f64, planes: u32) -> Self {
        let passes = all_passes(rule, beta_unit, planes).into_iter().enumerate();
        let patterns = passes.map(|(pass, t)| {
            std::array::from_fn(|k| {
                let pattern = (0..4).map(|c| ((t[c] >> (63 - k) & 1) as u8) << c).sum();
                if pattern == 14 && is_free(rule, pass, planes) { 15 } else { pattern }
            })
        });
        Same { passes: patterns.collect() }
    }
}

/// What is asked for in turn at one temperature.
pub(super) type Row = Vec<[u64; 4]>;

/// The row of one temperature.
pub(super) fn row(rule: Rule, beta_unit: f64, planes: u32) -> Row {
    all_passes(rule, beta_unit, planes)
}

impl Own {
    /// `of` is the row of every lane; all have as many passes.
    pub(super) fn new<'a>(n_passes: usize, of: impl Fn(usize) -> &'a Row) -> Self {
        let mut passes = vec![vec![[[0u64; 8]; 4]; BITS]; n_passes];
        for (pass, lines) in passes.iter_mut().enumerate() {
            for class in 0..4 {
                for block in 0..LANES / 64 {
                    let mut bits: [u64; 64] = std::array::from_fn(|lane| of(64 * block + lane)[pass][class]);
                    transpose(&mut bits);
                    for (k, line) in lines.iter_mut().enumerate() {
                        line[class][block] = bits[63 - k];
                    }
                }
            }
        }
        Own { passes }
    }
}

/// Bit k of word i becomes bit i of word k.
fn transpose(words: &mut [u64; 64]) {
    let (mut width, mut mask) = (32, u64::MAX >> 32);
    while width > 0 {
        let mut k = 0;
        while k < 64 {
            let swap = (words[k] >> width ^ words[k + width]) & mask;
            words[k] ^= swap << width;
            words[k + width] ^= swap;
            k = (k + width + 1) & !width;
        }
        width /= 2;
        mask ^= mask << width;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_transposed() {
        let mut x = 1u64;
        let words: [u64; 64] = std::array::from_fn(|_| {
            x = x.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
            x ^ x >> 29
        });
        let mut turned = words;
        transpose(&mut turned);
        for i in 0..64 {
            for k in 0..64 {
                assert_eq!(words[i] >> k & 1, turned[k] >> i & 1);
            }
        }
    }

    #[test]
    fn every_lane_has_its_own_thresholds() {
        let rows: Vec<Row> = (0..LANES).map(|l| row(Rule::Metropolis, 0.01 * l as f64, 5)).collect();
        let own = Own::new(rows[0].len(), |lane| &rows[lane]);
        for (lane, row) in rows.iter().enumerate() {
            for (pass, classes) in row.iter().enumerate() {
                for (class, threshold) in classes.iter().enumerate() {
                    let bit = |k: usize| own.passes[pass][k][class][lane / 64] >> (lane % 64) & 1;
                    let found = (0..BITS).fold(0, |t, k| t | bit(k) << (63 - k));
                    assert_eq!(found, *threshold, "lane {lane} pass {pass} class {class}");
                }
            }
        }
    }
}
