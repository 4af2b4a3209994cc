//! The self-consistent equations behind MBAR and multi-histogram reweighting,
//! e^{-f_k} = Σ_n v_n e^{-u_kn} / Σ_j N_j e^{f_j - u_jn}, as the minimum of a convex function: Newton's method, with
//! self-consistent iteration (which always descends) where it fails.

use crate::{
    error::{Error, Result},
    parallel::{self, Par},
};
use nalgebra::{DMatrix, DVector, Dyn, linalg::SymmetricEigen};

/// Samples handled together; fixes the order of rounding.
pub(super) const CHUNK: usize = 512;
/// Most iterations.
const MAX_ITERATIONS: usize = 1000;
/// A Newton step below this is the last one.
const LAST_STEP: f64 = 1e-7;
/// The largest variance of the free energy difference between two neighbours: what ten samples of two equal states
/// give for Σ p(1-p).
const MAX_RESISTANCE: f64 = 4.0 / crate::estimate::MIN_N_EFF;

/// K sampled states and M points (samples, or bins of samples).
pub(super) struct Problem {
    /// Effective number of samples of each state, > 0.
    pub(super) counts: Vec<f64>,
    /// Effective number of samples at each point, >= 0; together Σ counts.
    pub(super) multiplicity: Vec<f64>,
    /// u_k at each point, point by point: entry n K + k. May be +∞, but not in every state of a point.
    pub(super) reduced: Vec<f64>,
}

/// The eigenvalues of a symmetric matrix; an error where they cannot be found (entries that are not finite).
pub(super) fn eigen(matrix: DMatrix<f64>) -> Result<SymmetricEigen<f64, Dyn>> {
    let failed = || Error::NotConverged {
        what: "the self-consistent equations (energies too large)".into(),
        residual: f64::INFINITY,
        iterations: 0,
        tolerance: LAST_STEP,
    };
    if !matrix.iter().all(|x| x.is_finite()) {
        return Err(failed());
    }
    SymmetricEigen::try_new(matrix, f64::EPSILON, 100_000).ok_or_else(failed)
}

crate::simd_paths! {
    /// Adds Σ r rᵀ over the `rows` r of length `k` to the lower triangle of the `k` x `k` matrix `gram`.
    pub(super) fn add_outer(gram: &mut [f64], rows: &[f64], k: usize) {
        let mut blocks = rows.chunks_exact(4 * k);
        for block in &mut blocks {
            let (a, rest) = block.split_at(k);
            let (b, rest) = rest.split_at(k);
            let (c, d) = rest.split_at(k);
            for i in 0..k {
                let (x, y, z, w) = (a[i], b[i], c[i], d[i]);
                let others = a[..=i].iter().zip(&b[..=i]).zip(c[..=i].iter().zip(&d[..=i]));
                for (g, ((a, b), (c, d))) in gram[i * k..=i * k + i].iter_mut().zip(others) {
                    *g += (x * a + y * b) + (z * c + w * d);
                }
            }
        }
        for row in blocks.remainder().chunks_exact(k) {
            for i in 0..k {
                for (g, b) in gram[i * k..=i * k + i].iter_mut().zip(&row[..=i]) {
                    *g += row[i] * b;
                }
            }
        }
    }
}

/// What [`Problem::solve`] found.
#[derive(Debug)]
pub(super) struct Solution {
    /// f_k, with f_0 = 0.
    pub(super) f: Vec<f64>,
    /// ln D_n = ln Σ_k N_k e^{f_k - u_kn} at each point.
    pub(super) ln_denominator: Vec<f64>,
    /// P_kn = N_k e^{f_k - u_kn} / D_n, point by point.
    pub(super) belong: Vec<f64>,
    /// Newton's and self-consistent steps taken.
    pub(super) iterations: usize,
}

/// Sums over points at one f.
struct Sums {
    objective: f64,
    /// Σ_n v_n P_kn, P_kn = N_k e^{f_k - u_kn} / D_n.
    belong: Vec<f64>,
    /// Σ_n v_n P_kn P_jn, K x K; above the diagonal zero.
    shared: Vec<f64>,
}

impl Problem {
    fn n_states(&self) -> usize {
        self.counts.len()
    }

    /// N_k e^{f_k - u_kn - top_n} for all points, and top_n.
    fn factors(&self, f: &[f64], par: Par) -> (Vec<f64>, Vec<f64>) {
        let k = self.n_states();
        let shift: Vec<f64> = f.iter().zip(&self.counts).map(|(f, n)| f + libm::log(*n)).collect();
        let mut factors = vec![0.0; self.reduced.len()];
        let mut top = vec![0.0; self.multiplicity.len()];
        let mut chunks: Vec<(&mut [f64], &mut [f64])> =
            factors.chunks_mut(CHUNK * k).zip(top.chunks_mut(CHUNK)).collect();
        parallel::each(par, &mut chunks, |c, (factors, top)| {
            let reduced = &self.reduced[c * CHUNK * k..];
            for (i, top) in top.iter_mut().enumerate() {
                let row = &mut factors[i * k..(i + 1) * k];
                *top = f64::NEG_INFINITY;
                for j in 0..k {
                    row[j] = shift[j] - reduced[i * k + j];
                    *top = top.max(row[j]);
                }
                for x in row.iter_mut() {
                    *x = libm::exp(*x - *top);
                }
            }
        });
        (factors, top)
    }

    /// Sums at f + δ, from factors made at f.
    fn sums(&self, factors: &[f64], top: &[f64], f: &[f64], delta: &[f64], hessian: bool, par: Par) -> Sums {
        let k = self.n_states();
        let scale: Vec<f64> = delta.iter().map(|d| libm::exp(*d)).collect();
        let fold = |start: usize, v: &[f64]| {
            let mut sums = Sums {
                objective: 0.0,
                belong: vec![0.0; k],
                shared: vec![0.0; if hessian { k * k } else { 0 }],
            };
            let mut rows = vec![0.0; v.len() * k];
            for ((i, v), p) in v.iter().enumerate().zip(rows.chunks_mut(k)) {
                let n = start + i;
                let mut d = 0.0;
                for j in 0..k {
                    p[j] = factors[n * k + j] * scale[j];
                    d += p[j];
                }
                sums.objective += v * (top[n] + libm::log(d));
                let root = v.sqrt() / d;
                for j in 0..k {
                    sums.belong[j] += v / d * p[j];
                    p[j] *= root;
                }
            }
            if hessian {
                add_outer(&mut sums.shared, &rows, k);
            }
            sums
        };
        let join = |mut a: Sums, b: Sums| {
            a.objective += b.objective;
            a.belong.iter_mut().zip(&b.belong).for_each(|(x, y)| *x += y);
            a.shared.iter_mut().zip(&b.shared).for_each(|(x, y)| *x += y);
            a
        };
        let mut sums = parallel::fold_chunks(par, &self.multiplicity, CHUNK, fold, join).unwrap_or(Sums {
            objective: 0.0,
            belong: vec![0.0; k],
            shared: vec![0.0; k * k],
        });
        sums.objective -= (0..k).map(|j| self.counts[j] * (f[j] + delta[j])).sum::<f64>();
        sums
    }

    /// Solves from the guess `f`. Errors: [`Error::Undefined`] when two groups of states share too few samples,
    /// [`Error::NotConverged`].
    pub(super) fn solve(&self, guess: &[f64], par: Par) -> Result<Solution> {
        let k = self.n_states();
        let mut f: Vec<f64> = guess.iter().map(|g| g - guess[0]).collect();
        if !f.iter().all(|x| x.is_finite()) {
            f = vec![0.0; k];
        }
        let mut delta = vec![0.0; k];
        let (mut factors, mut top) = self.factors(&f, par);
        let mut sums = self.sums(&factors, &top, &f, &delta, true, par);
        let mut residual = f64::INFINITY;
        let mut iterations = 0;
        while iterations < MAX_ITERATIONS {
            iterations += 1;
            residual = (0..k).map(|j| (sums.belong[j] / self.counts[j] - 1.0).abs()).fold(0.0, f64::max);
            let mut accepted = None;
            if let Some(step) = self.newton_step(&sums) {
                let largest = step.iter().fold(0.0, |a: f64, x| a.max(x.abs()));
                if largest < LAST_STEP {
                    // Quadratic convergence: after this step the rest is rounding.
                    delta.iter_mut().zip(&step).for_each(|(d, s)| *d += s);
                    break;
                }
                let mut size = 1.0f64.min(20.0 / largest);
                for _ in 0..4 {
                    let next: Vec<f64> = delta.iter().zip(&step).map(|(d, s)| d + size * s).collect();
                    let there = self.sums(&factors, &top, &f, &next, true, par);
                    let slack = 1e-13 * sums.objective.abs();
                    if there.objective <= sums.objective + if residual < 1e-3 { slack } else { 0.0 } {
                        accepted = Some((next, there));
                        break;
                    }
                    size *= 0.25;
                }
            }
            if accepted.is_none() && residual < 1e-12 {
                break; // states that share nothing: any f will do, and the check below refuses
            }
            (delta, sums) = accepted.unwrap_or_else(|| {
                // f_k <- f_k - ln(Σ v P_k / N_k): never ascends. A state no sample belongs to moves a bounded step.
                let ratio = |j: usize| libm::log(sums.belong[j].max(1e-40) / self.counts[j]);
                let first = ratio(0);
                let next: Vec<f64> = (0..k).map(|j| delta[j] - ratio(j) + first).collect();
                let there = self.sums(&factors, &top, &f, &next, true, par);
                (next, there)
            });
            if delta.iter().any(|d| d.abs() > 30.0) {
                // Far from where the factors were made: make them anew, before they under- or overflow.
                f.iter_mut().zip(&delta).for_each(|(f, d)| *f += d);
                delta.fill(0.0);
                (factors, top) = self.factors(&f, par);
                sums = self.sums(&factors, &top, &f, &delta, true, par);
            }
        }
        self.check_overlap(&sums)?;
        if iterations == MAX_ITERATIONS {
            return Err(Error::NotConverged {
                what: "the self-consistent equations".into(),
                residual,
                iterations,
                tolerance: LAST_STEP,
            });
        }
        f.iter_mut().zip(&delta).for_each(|(f, d)| *f += d);
        let first = f[0];
        f.iter_mut().for_each(|f| *f -= first);
        // The factors become the P, in place.
        let scale: Vec<f64> = delta.iter().map(|d| libm::exp(*d)).collect();
        for (row, top) in factors.chunks_mut(k).zip(&mut top) {
            row.iter_mut().zip(&scale).for_each(|(x, s)| *x *= s);
            let d: f64 = row.iter().sum();
            row.iter_mut().for_each(|x| *x /= d);
            *top += libm::log(d) - first;
        }
        let (belong, ln_denominator) = (factors, top);
        Ok(Solution { f, ln_denominator, belong, iterations })
    }

    /// The curvature of the objective: the Laplacian of the graph whose edges are shared samples.
    fn laplacian(&self, sums: &Sums) -> DMatrix<f64> {
        let k = self.n_states();
        let entry = |i: usize, j: usize| sums.shared[i.max(j) * k + i.min(j)];
        DMatrix::from_fn(k, k, |i, j| if i == j { sums.belong[i] - entry(i, i) } else { -entry(i, j) })
    }

    /// Newton's step with the first state held; `None` when the curvature is not positive.
    fn newton_step(&self, sums: &Sums) -> Option<Vec<f64>> {
        let k = self.n_states();
        if k == 1 {
            return Some(vec![0.0]);
        }
        let h = self.laplacian(sums).remove_row(0).remove_column(0);
        let floor = 1e-13 * sums.belong.iter().copied().fold(0.0, f64::max);
        let gradient = DVector::from_fn(k - 1, |j, _| self.counts[j + 1] - sums.belong[j + 1]);
        let factor = h.cholesky()?;
        if (0..k - 1).any(|j| !(factor.l_dirty()[(j, j)].powi(2) > floor)) {
            return None;
        }
        let step = factor.solve(&gradient);
        let all: Vec<f64> = std::iter::once(0.0).chain(step.iter().copied()).collect();
        all.iter().all(|x| x.is_finite()).then_some(all)
    }

    /// Refuses states that are hardly linked. The resistance between two states of the graph of shared samples is
    /// about the variance of their free energy difference; every state must be reached by small ones.
    fn check_overlap(&self, sums: &Sums) -> Result<()> {
        let k = self.n_states();
        let scale = sums.belong.iter().copied().fold(0.0, f64::max);
        let with_constant = self.laplacian(sums) + DMatrix::from_element(k, k, scale / k as f64);
        let eigen = eigen(with_constant)?;
        let floored = eigen.eigenvalues.map(|e| 1.0 / e.max(1e-14 * scale));
        let inverse = &eigen.eigenvectors * DMatrix::from_diagonal(&floored) * eigen.eigenvectors.transpose();
        let resistance = |i: usize, j: usize| inverse[(i, i)] + inverse[(j, j)] - 2.0 * inverse[(i, j)];
        // Prim's minimum spanning tree.
        let mut nearest: Vec<(f64, usize)> = (0..k).map(|j| (resistance(0, j), 0)).collect();
        let mut outside: Vec<usize> = (1..k).collect();
        while !outside.is_empty() {
            let mut best = 0;
            for (at, &j) in outside.iter().enumerate() {
                if nearest[j].0 < nearest[outside[best]].0 {
                    best = at;
                }
            }
            let j = outside.swap_remove(best);
            if !(nearest[j].0 <= MAX_RESISTANCE) {
                return Err(Error::Undefined {
                    what: format!("the free energy of sampled state {j}"),
                    why: format!(
                        "its samples hardly overlap with those of the other states (nearest: sampled state {}): \
                         put states between them",
                        nearest[j].1
                    ),
                });
            }
            for &i in &outside {
                let r = resistance(j, i);
                if r < nearest[i].0 {
                    nearest[i] = (r, j);
                }
            }
        }
        Ok(())
    }
}
