//! States of many rows at a time, and the products of them with weights.
//!
//! Every element of a product is one sum in a fixed order, on every path and for any number of threads.

use super::model::DeepMachine;
use crate::network::product::{Left, Right, View, multiply_add, pack_left, pack_right};
use serde::{Deserialize, Serialize};
use smml_core::parallel::{self, Par};

/// Rows of a product that are one piece of work: eight register tiles.
const BAND: usize = 48;

/// Values of the units of a layer, rows × units.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Matrix {
    pub(super) columns: usize,
    pub(super) values: Vec<f64>,
}

impl Matrix {
    pub(super) fn zeros(rows: usize, columns: usize) -> Self {
        Matrix { columns, values: vec![0.0; rows * columns] }
    }
    pub(super) fn n_rows(&self) -> usize {
        self.values.len() / self.columns.max(1)
    }
    pub(super) fn rows(&self) -> impl ExactSizeIterator<Item = &[f64]> {
        self.values.chunks_exact(self.columns.max(1))
    }
    pub(super) fn row(&self, i: usize) -> &[f64] {
        &self.values[i * self.columns..(i + 1) * self.columns]
    }
    fn view(&self) -> View<'_> {
        View::rows(&self.values, self.columns)
    }
    /// Mean of every column.
    pub(super) fn means(&self) -> Vec<f64> {
        let mut sum = vec![0.0; self.columns];
        self.rows().for_each(|row| sum.iter_mut().zip(row).for_each(|(s, x)| *s += x));
        let n = self.n_rows().max(1) as f64;
        sum.iter_mut().for_each(|s| *s /= n);
        sum
    }
}

/// C ← C + A B, A of `n` rows and `k` columns, B of `m` columns.
fn add_product(a: View<'_>, b: View<'_>, [n, k, m]: [usize; 3], c: &mut [f64], par: Par) {
    if n == 0 || k == 0 || m == 0 {
        return;
    }
    let mut right = Right::new();
    pack_right(b, k, m, &mut right);
    let mut bands: Vec<&mut [f64]> = c.chunks_mut(BAND * m).collect();
    parallel::each(par, &mut bands, |band, c| {
        let mut left = Left::new();
        pack_left(a.starting_at(band * BAND), c.len() / m, k, &mut left);
        multiply_add(&left, &right, k, m, c);
    });
}

/// Fields on layer `l` of every row: its biases, and what the layers below and above give, times factors of their own.
pub(super) fn fields(
    machine: &DeepMachine,
    l: usize,
    below: Option<(&Matrix, f64)>,
    above: Option<(&Matrix, f64)>,
    n: usize,
    par: Par,
) -> Matrix {
    let m = machine.n_units(l);
    let mut out = Matrix::zeros(n, m);
    if let (Some((x, factor)), Some(w)) = (below, l.checked_sub(1).map(|k| &machine.weights()[k])) {
        add_product(x.view(), View::rows(w, m), [n, x.columns, m], &mut out.values, par);
        scale(&mut out.values, factor);
    }
    if let Some((y, factor)) = above {
        let w = View::rows(&machine.weights()[l], y.columns).transposed();
        if factor == 1.0 {
            add_product(y.view(), w, [n, y.columns, m], &mut out.values, par);
        } else {
            let mut part = vec![0.0; n * m];
            add_product(y.view(), w, [n, y.columns, m], &mut part, par);
            out.values.iter_mut().zip(&part).for_each(|(x, p)| *x += factor * p);
        }
    }
    for row in out.values.chunks_exact_mut(m) {
        row.iter_mut().zip(&machine.biases()[l]).for_each(|(x, b)| *x += b);
    }
    out
}

fn scale(values: &mut [f64], factor: f64) {
    if factor != 1.0 {
        values.iter_mut().for_each(|x| *x *= factor);
    }
}

/// Sums over rows of products of units of two layers, units × units.
pub(super) fn products(x: &Matrix, y: &Matrix, par: Par) -> Vec<f64> {
    let mut out = vec![0.0; x.columns * y.columns];
    add_product(x.view().transposed(), y.view(), [x.columns, x.n_rows(), y.columns], &mut out, par);
    out
}

#[cfg(test)]
mod tests {
    use super::{
        super::{model::tests::random, units::LayerUnits},
        *,
    };
    use smml_core::rng::{Draw, Streams};

    #[test]
    fn fields_and_products_are_plain_sums() {
        let layers =
            vec![LayerUnits::Binary { n: 60 }, LayerUnits::Binary { n: 9 }, LayerUnits::Spins { n: 5 }];
        let machine = random(layers, 1.0, 31);
        let mut rng = Streams::new(1).stream("matrix", 0);
        let n = 101;
        let mut draw =
            |columns: usize| Matrix { columns, values: (0..n * columns).map(|_| rng.normal()).collect() };
        let (x, y) = (draw(60), draw(5));
        let found = fields(&machine, 1, Some((&x, 2.0)), Some((&y, 0.5)), n, Par::Rayon);
        assert_eq!(found, fields(&machine, 1, Some((&x, 2.0)), Some((&y, 0.5)), n, Par::Serial));
        let (w, u) = (&machine.weights()[0], &machine.weights()[1]);
        for r in 0..n {
            for j in 0..9 {
                let below: f64 = (0..60).map(|i| x.row(r)[i] * w[i * 9 + j]).sum();
                let above: f64 = (0..5).map(|k| y.row(r)[k] * u[j * 5 + k]).sum();
                let want = machine.biases()[1][j] + 2.0 * below + 0.5 * above;
                assert!((found.row(r)[j] - want).abs() < 1e-11);
            }
        }
        let only = fields(&machine, 0, None, Some((&found, 1.0)), n, Par::Serial);
        for (r, row) in only.rows().enumerate().step_by(17) {
            let above: f64 = (0..9).map(|j| found.row(r)[j] * w[7 * 9 + j]).sum();
            assert!((row[7] - machine.biases()[0][7] - above).abs() < 1e-11);
        }
        let sums = products(&x, &y, Par::Rayon);
        assert_eq!(sums, products(&x, &y, Par::Serial));
        for (i, k) in [(0, 0), (59, 4), (48, 2)] {
            let want: f64 = (0..n).map(|r| x.row(r)[i] * y.row(r)[k]).sum();
            assert!((sums[i * 5 + k] - want).abs() < 1e-11);
        }
        let mean = x.means()[3];
        assert!((mean - x.rows().map(|r| r[3]).sum::<f64>() / n as f64).abs() < 1e-14);
    }
}
