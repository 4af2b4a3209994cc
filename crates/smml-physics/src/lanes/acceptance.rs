//! Acceptance probabilities as thresholds.
//!
//! A move costs 2 u D with D = 2 D' (an even number of votes) or 2 D' + 1 (an odd one). Bits of D' are tested in pairs: pass
//! j looks at bits 2j and 2j + 1, and its class c = 0..4 is their value. Its threshold is exp(-4 β u c 4ʲ); in pass 0 of
//! an odd number of votes there is a further factor exp(-2 β u).

use super::spins::LANES;

/// Most passes: 24 bits of votes.
pub(super) const MOST_PASSES: usize = 12;
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

/// Thresholds of the four classes of a pass. Pass `None` is pass 0 of an odd number of votes.
fn thresholds(beta_unit: f64, pass: Option<usize>) -> [u64; 4] {
    std::array::from_fn(|class| {
        let cost = match pass {
            None => 2.0 + 4.0 * class as f64,
            Some(j) => 4.0 * class as f64 * 4f64.powi(j as i32),
        };
        // Class 0 of an even number is never asked for; the largest threshold stands for probability 1.
        if class == 0 && pass.is_some() {
            0
        } else {
            (libm::exp(-beta_unit * cost) * 18_446_744_073_709_551_616.0) as u64
        }
    })
}

fn n_passes(planes: u32) -> usize {
    (planes.div_ceil(2) as usize).min(MOST_PASSES)
}

impl Same {
    pub(super) fn new(beta_unit: f64, planes: u32) -> Self {
        let pass = |pass| {
            let t = thresholds(beta_unit, pass);
            std::array::from_fn(|k| (0..4).map(|c| ((t[c] >> (63 - k) & 1) as u8) << c).sum())
        };
        Same { passes: std::iter::once(None).chain((0..n_passes(planes)).map(Some)).map(pass).collect() }
    }
}

impl Own {
    pub(super) fn new(beta_units: &[f64; LANES], planes: u32) -> Self {
        let pass = |pass| {
            let mut lines = vec![[[0u64; 8]; 4]; BITS];
            for (lane, beta_unit) in beta_units.iter().enumerate() {
                for (class, t) in thresholds(*beta_unit, pass).into_iter().enumerate() {
                    for (k, bits) in lines.iter_mut().enumerate() {
                        bits[class][lane / 64] |= (t >> (63 - k) & 1) << (lane % 64);
                    }
                }
            }
            lines
        };
        Own { passes: std::iter::once(None).chain((0..n_passes(planes)).map(Some)).map(pass).collect() }
    }
}
