//! Chimera C(m, n, t): m × n cells. In cell (y, x) each of the t vertical qubits (u = 0) meets each of the t horizontal
//! ones (u = 1); vertical qubit k is joined to that of the next cell down, horizontal qubit k to that of the next cell
//! across.
//!
//! Colours (y + x + u) mod 2: inside a cell u differs, between cells one of y and x differs by one.

use super::layout::{Axis, Coordinate, Rules};

pub(super) struct Chimera {
    pub(super) rows: u32,
    pub(super) columns: u32,
    pub(super) tile: u32,
}

impl Rules for Chimera {
    fn axes(&self) -> Vec<Axis> {
        vec![("y", self.rows), ("x", self.columns), ("u", 2), ("k", self.tile)]
    }
    fn n_nodes(&self) -> u128 {
        2 * u128::from(self.tile) * u128::from(self.rows) * u128::from(self.columns)
    }
    fn n_edges(&self) -> u128 {
        let (m, n, t) = (u128::from(self.rows), u128::from(self.columns), u128::from(self.tile));
        t * t * m * n + t * (m - 1) * n + t * m * (n - 1)
    }
    fn edges_of(&self, at: &[u32], join: &mut dyn FnMut(Coordinate)) {
        let (y, x, u, k) = (at[0], at[1], at[2], at[3]);
        if u == 0 {
            (0..self.tile).for_each(|h| join(Coordinate::new([y, x, 1, h])));
            if y + 1 < self.rows {
                join(Coordinate::new([y + 1, x, 0, k]));
            }
        } else if x + 1 < self.columns {
            join(Coordinate::new([y, x + 1, 1, k]));
        }
    }
    fn colour(&self, at: &[u32]) -> u32 {
        (at[0] + at[1] + at[2]) % 2
    }
    fn position(&self, at: &[u32]) -> (f64, f64) {
        // A cross; a quarter off the middle of its line, so that no two centres meet.
        let line = (f64::from(at[3]) + 0.25) / f64::from(self.tile);
        let (across, down) = if at[2] == 0 { (line, 0.5) } else { (0.5, line) };
        (f64::from(at[1]) + across, f64::from(at[0]) + down)
    }
}
