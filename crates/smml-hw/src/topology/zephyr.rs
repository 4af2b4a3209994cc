//! Zephyr Z(m, t): qubits as line segments on a board of 2m + 1 by 2m + 1 cells.
//!
//! Qubit (u, w, k, j, z) lies in column w (u = 0) or row w (u = 1) and is two cells long: with p = 2 z + j it covers the
//! cells p and p + 1 of its column or row, 0 <= p < 2m. There are t of each. Couplers:
//!
//! - internal: a vertical qubit (w, p) and a horizontal one (w', p') cross when w' is p or p + 1 and w is p' or p' + 1,
//!   for all k and k';
//! - external: p and p + 2 at the same w and k, end to end;
//! - odd: p and p + 1 at the same w and k, which overlap in one cell.
//!
//! Colours (2 u + w + p) mod 4. External and odd couplers keep u and w and change p by 2 or 1, which is not 0 mod 4. Across
//! an internal one, with u = 0 at one end and u' = 1 at the other, the colours differ by
//! 2 + w' + p' - w - p = 2 + (w' - p) - (w - p'). Both brackets are 0 or 1, so this is 1, 2 or 3, and never 0 mod 4. No
//! three colours are enough: two vertical qubits p and p + 1 of one column, and two horizontal ones of the row p + 1 which
//! overlap in this column, are a complete graph of four.

use super::layout::{Axis, Coordinate, Rules};

pub(super) struct Zephyr {
    pub(super) size: u32,
    pub(super) tile: u32,
}

impl Rules for Zephyr {
    fn axes(&self) -> Vec<Axis> {
        vec![("u", 2), ("w", 2 * self.size + 1), ("k", self.tile), ("j", 2), ("z", self.size)]
    }
    fn n_nodes(&self) -> u128 {
        let (m, t) = (u128::from(self.size), u128::from(self.tile));
        4 * t * m * (2 * m + 1)
    }
    fn n_edges(&self) -> u128 {
        let (m, t) = (u128::from(self.size), u128::from(self.tile));
        2 * t * ((8 * t + 8) * m * m - 2 * m - 3)
    }
    fn edges_of(&self, at: &[u32], join: &mut dyn FnMut(Coordinate)) {
        let (u, w, k, j, z) = (at[0], at[1], at[2], at[3], at[4]);
        let n_places = 2 * self.size;
        let p = 2 * z + j;
        for next in [p + 1, p + 2] {
            if next < n_places {
                join(Coordinate::new([u, w, k, next % 2, next / 2]));
            }
        }
        if u == 0 {
            for row in [p, p + 1] {
                for place in [w.checked_sub(1), (w < n_places).then_some(w)].into_iter().flatten() {
                    for h in 0..self.tile {
                        join(Coordinate::new([1, row, h, place % 2, place / 2]));
                    }
                }
            }
        }
    }
    fn colour(&self, at: &[u32]) -> u32 {
        (2 * at[0] + at[1] + 2 * at[4] + at[3]) % 4
    }
    fn position(&self, at: &[u32]) -> (f64, f64) {
        // Within a column the qubits stand side by side by k, then j.
        let line = f64::from(at[1]) + (f64::from(2 * at[2] + at[3]) + 0.5) / f64::from(2 * self.tile);
        let middle = f64::from(2 * at[4] + at[3] + 1);
        if at[0] == 0 { (line, middle) } else { (middle, line) }
    }
}
