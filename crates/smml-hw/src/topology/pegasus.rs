//! Pegasus P(m): qubits as line segments on a board of 12 m by 12 m lines.
//!
//! Qubit (u, w, k, z) lies on line 12 w + k, vertical for u = 0, horizontal for u = 1, and is twelve lines long: it covers
//! the lines from 12 z + s on, where the shift s depends on u and k (`SHIFTS`). Couplers:
//!
//! - internal: where a vertical and a horizontal qubit cross, that is, each covers the line of the other;
//! - external: z and z + 1, the next one on the same line;
//! - odd: k = 2 i and 2 i + 1, neighbouring lines at the same z.
//!
//! Lines below 2 and from 12 m - 2 on are covered by none, as the shifts are 2, 6 or 10. The qubits on these lines,
//! 8 (m - 1) in all, cross nothing; the fabric does without them.
//!
//! Colours 2 u + (k + z) mod 2. Internal couplers join different u. Within one u, an external coupler changes z by one and
//! keeps k; an odd one keeps z and changes the parity of k. No three colours are enough: two odd pairs that cross are a
//! complete graph of four.

use super::layout::{Axis, Coordinate, Rules};

/// Where segments begin: for u and k / 2.
const SHIFTS: [[u32; 6]; 2] = [[2, 2, 10, 10, 6, 6], [6, 6, 2, 2, 10, 10]];
/// Lines of a cell, and lines that a segment covers.
const LINES: u32 = 12;

pub(super) struct Pegasus {
    pub(super) size: u32,
    pub(super) fabric: bool,
}

fn shift(u: u32, k: u32) -> u32 {
    SHIFTS[u as usize][k as usize / 2]
}

impl Rules for Pegasus {
    fn axes(&self) -> Vec<Axis> {
        vec![("u", 2), ("w", self.size), ("k", LINES), ("z", self.size - 1)]
    }
    fn n_nodes(&self) -> u128 {
        let m = u128::from(self.size);
        if self.fabric { 8 * (3 * m - 1) * (m - 1) } else { 24 * m * (m - 1) }
    }
    fn n_edges(&self) -> u128 {
        let m = u128::from(self.size);
        let full = 12 * (15 * (m - 1) * (m - 1) + m) - 36;
        // Outside the fabric each pair of lines holds m - 1 odd couplers and twice m - 2 external ones.
        if self.fabric { full - 4 * ((m - 1) + 2 * (m - 2)) } else { full }
    }
    fn missing(&self, at: &[u32]) -> Option<String> {
        let line = LINES * at[1] + at[2];
        let (first, end) = (2, LINES * self.size - 2);
        let outside = self.fabric && !(first..end).contains(&line);
        outside.then(|| {
            format!("in the fabric of P{}: a qubit on a line 12 w + k from {first} to {}", self.size, end - 1)
        })
    }
    fn edges_of(&self, at: &[u32], join: &mut dyn FnMut(Coordinate)) {
        let (u, w, k, z) = (at[0], at[1], at[2], at[3]);
        if z + 2 < self.size {
            join(Coordinate::new([u, w, k, z + 1]));
        }
        if k % 2 == 0 {
            join(Coordinate::new([u, w, k + 1, z]));
        }
        if u == 0 {
            let (line, first) = (LINES * w + k, LINES * z + shift(0, k));
            for other in first..first + LINES {
                let (w1, k1) = (other / LINES, other % LINES);
                // The segment on that line which covers ours, if there is one.
                let Some(from) = line.checked_sub(shift(1, k1)) else { continue };
                let z1 = from / LINES;
                if z1 + 1 < self.size {
                    join(Coordinate::new([1, w1, k1, z1]));
                }
            }
        }
    }
    fn colour(&self, at: &[u32]) -> u32 {
        2 * at[0] + (at[2] + at[3]) % 2
    }
    fn position(&self, at: &[u32]) -> (f64, f64) {
        let line = f64::from(LINES * at[1] + at[2]) + 0.5;
        // From the edge of the first line covered to that of the last.
        let middle = f64::from(LINES * at[3] + shift(at[0], at[2]) + LINES / 2);
        if at[0] == 0 { (line, middle) } else { (middle, line) }
    }
}
