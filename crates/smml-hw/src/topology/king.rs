//! King's graph: squares of a board, joined where a king of chess may step.
//!
//! Colours 2 (y mod 2) + x mod 2: a step changes y by one, and with it the first bit, or keeps y and changes x by one,
//! and with it the second. Each 2 × 2 block is complete, so with two rows and two columns no three colours are enough.

use super::layout::{Axis, Coordinate, Rules};

pub(super) struct King {
    pub(super) rows: u32,
    pub(super) columns: u32,
}

impl Rules for King {
    fn axes(&self) -> Vec<Axis> {
        vec![("y", self.rows), ("x", self.columns)]
    }
    fn n_nodes(&self) -> u128 {
        u128::from(self.rows) * u128::from(self.columns)
    }
    fn n_edges(&self) -> u128 {
        // Along rows, along columns, and two diagonals in each 2 × 2 block.
        let (r, c) = (u128::from(self.rows), u128::from(self.columns));
        r * (c - 1) + (r - 1) * c + 2 * (r - 1) * (c - 1)
    }
    fn edges_of(&self, at: &[u32], join: &mut dyn FnMut(Coordinate)) {
        let (y, x) = (at[0], at[1]);
        let right = x + 1 < self.columns;
        if right {
            join(Coordinate::new([y, x + 1]));
        }
        if y + 1 < self.rows {
            join(Coordinate::new([y + 1, x]));
            if right {
                join(Coordinate::new([y + 1, x + 1]));
            }
            if x > 0 {
                join(Coordinate::new([y + 1, x - 1]));
            }
        }
    }
    fn colour(&self, at: &[u32]) -> u32 {
        2 * (at[0] % 2) + at[1] % 2
    }
    fn position(&self, at: &[u32]) -> (f64, f64) {
        (f64::from(at[1]) + 0.5, f64::from(at[0]) + 0.5)
    }
}
