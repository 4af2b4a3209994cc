//! Matrix products on packed panels.
//!
//! Every element is c ← c + Σ aₖ bₖ, one rounding for each product and each sum, k rising: the result does not depend
//! on how the work is cut, and no path uses fused multiply-add.

use smml_core::simd_paths;

/// Rows of a register tile.
pub(crate) const ROWS: usize = 6;
/// Columns of a register tile.
pub(crate) const COLUMNS: usize = 8;
/// Steps of k between two visits to a tile: 12 KiB of left and 16 KiB of right panel fit into the first-level cache.
const DEPTH: usize = 256;

/// A left operand: panels of six rows, each `k` lines long. The last panel is filled up with zeros.
pub(crate) type Left = Vec<[f64; ROWS]>;
/// A right operand: panels of eight columns, each `k` lines long. The last panel is filled up with zeros.
pub(crate) type Right = Vec<[f64; COLUMNS]>;

/// A matrix in memory: element (i, j) is at `i * row + j * column`.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) values: &'a [f64],
    pub(crate) row: usize,
    pub(crate) column: usize,
}

impl<'a> View<'a> {
    /// Row-major with `width` columns.
    pub(crate) fn rows(values: &'a [f64], width: usize) -> Self {
        View { values, row: width, column: 1 }
    }
    /// The transpose.
    pub(crate) fn transposed(self) -> Self {
        View { row: self.column, column: self.row, ..self }
    }
    /// The matrix from row `i` on.
    pub(crate) fn starting_at(self, i: usize) -> Self {
        View { values: &self.values[(i * self.row).min(self.values.len())..], ..self }
    }
}

/// Packs `n` rows of `k` columns as a left operand.
pub(crate) fn pack_left(a: View<'_>, n: usize, k: usize, out: &mut Left) {
    out.resize(n.div_ceil(ROWS) * k, [0.0; ROWS]);
    pack_lines(a.transposed(), n, k, out);
}

/// Packs `k` rows of `n` columns as a right operand.
pub(crate) fn pack_right(b: View<'_>, k: usize, n: usize, out: &mut Right) {
    out.resize(n.div_ceil(COLUMNS) * k, [0.0; COLUMNS]);
    pack_lines(b, n, k, out);
}

/// Line t of panel p holds elements (t, pN..), of a matrix of k rows and n columns.
fn pack_lines<const N: usize>(b: View<'_>, n: usize, k: usize, out: &mut [[f64; N]]) {
    if k == 0 {
        return;
    }
    for (p, panel) in out.chunks_exact_mut(k).enumerate() {
        let width = N.min(n - p * N);
        let start = &b.values[p * N * b.column..];
        if width < N {
            panel.iter_mut().for_each(|line| line[width..].fill(0.0));
        }
        if b.column == 1 && width == N {
            // Copies of a fixed length need no call.
            for (t, line) in panel.iter_mut().enumerate() {
                line.copy_from_slice(&start[t * b.row..t * b.row + N]);
            }
        } else {
            for j in 0..width {
                let column = &start[j * b.column..];
                for (t, line) in panel.iter_mut().enumerate() {
                    line[j] = column[t * b.row];
                }
            }
        }
    }
}

simd_paths! {
    /// C ← C + A B with C row-major of width `n`; A has as many rows as C. `k` must be what both were packed with.
    pub(crate) fn multiply_add(a: &[[f64; 6]], b: &[[f64; 8]], k: usize, n: usize, c: &mut [f64]) {
        for from in (0..k).step_by(DEPTH) {
            let to = (from + DEPTH).min(k);
            for (q, right) in b.chunks_exact(k).enumerate() {
                let columns = COLUMNS.min(n - q * COLUMNS);
                for (left, rows) in a.chunks_exact(k).zip(c.chunks_mut(ROWS * n)) {
                    let mut tile = [[0.0; COLUMNS]; ROWS];
                    if columns == COLUMNS && rows.len() == ROWS * n {
                        for i in 0..ROWS {
                            let at = i * n + q * COLUMNS;
                            tile[i].copy_from_slice(&rows[at..at + COLUMNS]);
                        }
                        tile = advance(tile, &left[from..to], &right[from..to]);
                        for i in 0..ROWS {
                            let at = i * n + q * COLUMNS;
                            rows[at..at + COLUMNS].copy_from_slice(&tile[i]);
                        }
                    } else {
                        for (row, line) in rows.chunks_exact(n).zip(&mut tile) {
                            line[..columns].copy_from_slice(&row[q * COLUMNS..q * COLUMNS + columns]);
                        }
                        tile = advance(tile, &left[from..to], &right[from..to]);
                        for (row, line) in rows.chunks_exact_mut(n).zip(&tile) {
                            row[q * COLUMNS..q * COLUMNS + columns].copy_from_slice(&line[..columns]);
                        }
                    }
                }
            }
        }
    }
}

#[inline(always)]
fn advance(
    mut tile: [[f64; COLUMNS]; ROWS],
    a: &[[f64; ROWS]],
    b: &[[f64; COLUMNS]],
) -> [[f64; COLUMNS]; ROWS] {
    for (a, b) in a.iter().zip(b) {
        for i in 0..ROWS {
            for j in 0..COLUMNS {
                tile[i][j] += a[i] * b[j];
            }
        }
    }
    tile
}

#[cfg(test)]
mod tests {
    use super::*;
    use smml_core::{
        rng::{Draw, Streams},
        simd::{Path, with_path},
    };

    #[test]
    fn products_are_plain_sums_on_every_path() {
        let mut rng = Streams::new(1).stream("product", 0);
        for (m, k, n) in [(1, 1, 1), (6, 8, 8), (5, 3, 7), (13, 300, 17), (48, 513, 10), (7, 1, 9)] {
            let mut draw = |n: usize| -> Vec<f64> { (0..n).map(|_| rng.normal()).collect() };
            let (a, b, c) = (draw(m * k), draw(k * n), draw(m * n));
            let mut expected = c.clone();
            for i in 0..m {
                for j in 0..n {
                    for t in 0..k {
                        expected[i * n + j] += a[i * k + t] * b[t * n + j];
                    }
                }
            }
            let transpose = |x: &[f64], rows: usize, columns: usize| -> Vec<f64> {
                (0..columns).flat_map(|j| (0..rows).map(move |i| x[i * columns + j])).collect()
            };
            let (at, bt) = (transpose(&a, m, k), transpose(&b, k, n));
            for path in Path::available() {
                for flip in [false, true] {
                    let (mut left, mut right, mut got) = (Left::new(), Right::new(), c.clone());
                    let (va, vb) = if flip {
                        (View::rows(&at, m).transposed(), View::rows(&bt, k).transposed())
                    } else {
                        (View::rows(&a, k), View::rows(&b, n))
                    };
                    pack_left(va, m, k, &mut left);
                    pack_right(vb, k, n, &mut right);
                    with_path(path, || multiply_add(&left, &right, k, n, &mut got));
                    assert_eq!(got, expected, "{m} x {k} x {n} on {}", path.name());
                }
            }
        }
    }
}
