//! The multistate Bennett acceptance ratio (M. R. Shirts and J. D. Chodera, J. Chem. Phys. 129, 124105 (2008)): all
//! free energy differences and averages from samples of several states, each evaluated in all of them.
//!
//! Asymptotic covariances follow Z. Tan, J. Am. Stat. Assoc. 99, 1027 (2004).

use super::self_consistent::{CHUNK, Problem, Solution, add_outer, eigen};
use crate::{
    energy::LnSum,
    error::{Error, Result, positive, same_length},
    estimate::{Estimate, MIN_N_EFF, Source},
    parallel::{self, Par},
};
use nalgebra::{DMatrix, DVector};

/// The solved equations, ready for questions.
///
/// Memory: three arrays of samples times states f64 while solving, one afterwards (24 MB for 100,000 samples of 30
/// states). Work: samples times states squared in each of about ten steps.
///
/// ```
/// use smml_core::{free_energy::Mbar, parallel::Par, rng::{Draw, Streams}};
/// // Three oscillators u = k x²/2: f = ½ ln k.
/// let springs = [1.0, 2.0, 4.0];
/// let mut rng = Streams::new(1).stream("doc", 0);
/// let x: Vec<f64> = springs.iter().flat_map(|k: &f64| vec![k.powf(-0.5); 2000]).map(|s| s * rng.normal()).collect();
/// let reduced: Vec<Vec<f64>> = springs.iter().map(|k| x.iter().map(|x| 0.5 * k * x * x).collect()).collect();
/// let mbar = Mbar::new(&reduced, &[2000; 3], Par::Serial)?;
/// assert!(mbar.difference(0, 2)?.z(0.5 * 4f64.ln()).abs() < 4.0);
/// let x2: Vec<f64> = x.iter().map(|x| x * x).collect();
/// assert!(mbar.expectation(1, &x2)?.z(0.5).abs() < 4.0);
/// # Ok::<(), smml_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Mbar {
    n_states: usize,
    /// Effective samples of each state, Σ v over its samples.
    counts: Vec<f64>,
    multiplicity: Vec<f64>,
    f: Vec<f64>,
    ln_denominator: Vec<f64>,
    /// W_nk = e^{f_k - u_kn} / D_n, sample by sample; Σ_n v_n W_nk = 1.
    weights: Vec<f64>,
    /// Σ_n v_n W_ni W_nj.
    gram: DMatrix<f64>,
    /// (N⁻¹ - G)⁺ over all states, zero where nothing was sampled: what the sampling of f adds to covariances.
    feedback: DMatrix<f64>,
    /// Covariance of the f up to a constant: only differences mean anything.
    theta: DMatrix<f64>,
    iterations: usize,
}

impl Mbar {
    /// Solves for independent samples. `reduced[k][n]` is u_k = β_k E_k of sample n, samples ordered by the state that
    /// they were drawn from: first the `n_samples[0]` of state 0, and so on. A state may have no samples; u may be +∞
    /// except in a sample's own state. A state in which no sample is possible (u = +∞ at all of them) has f = +∞ and no
    /// estimate; it changes nothing for the others.
    ///
    /// Errors: no states or samples, lengths that do not fit, a u that is NaN or -∞, a state 0 (from which f is counted)
    /// in which no sample is possible, [`Error::Undefined`] when the samples of some states hardly overlap with all
    /// others, [`Error::NotConverged`].
    pub fn new(reduced: &[impl AsRef<[f64]>], n_samples: &[usize], par: Par) -> Result<Self> {
        Mbar::with_inefficiency(reduced, n_samples, &vec![1.0; n_samples.len()], par)
    }

    /// [`Mbar::new`] for correlated samples, with the statistical inefficiency g_k = 2 τ_int of each state
    /// ([`inefficiency`](super::inefficiency)): every sample of state k counts as 1/g_k of one. Taking every g_k-th
    /// sample instead loses some of what is known.
    pub fn with_inefficiency(
        reduced: &[impl AsRef<[f64]>],
        n_samples: &[usize],
        inefficiency: &[f64],
        par: Par,
    ) -> Result<Self> {
        let rows: Vec<&[f64]> = reduced.iter().map(|r| r.as_ref()).collect();
        let n_states = rows.len();
        same_length("n_samples", n_samples.len(), n_states)?;
        same_length("inefficiency", inefficiency.len(), n_states)?;
        let n = n_samples.iter().try_fold(0usize, |a, b| a.checked_add(*b)).unwrap_or(usize::MAX);
        if n == 0 {
            return Err(Error::TooShort { have: 0, needed: MIN_N_EFF as usize });
        }
        let mut origin = Vec::new();
        for (k, row) in rows.iter().enumerate() {
            same_length(&format!("reduced energies of state {k}"), row.len(), n)?;
            if let Some(i) = row.iter().position(|u| u.is_nan() || *u == f64::NEG_INFINITY) {
                return Err(Error::out_of_range(
                    format!("u of state {k}, sample {i}"),
                    row[i],
                    "finite or +inf",
                ));
            }
            positive(&format!("inefficiency of state {k}"), inefficiency[k])?;
            origin.extend(std::iter::repeat_n(k, n_samples[k]));
        }
        if let Some(i) = (0..n).find(|&i| rows[origin[i]][i].is_infinite()) {
            let what = format!("u of sample {i} in state {}, which it was drawn from", origin[i]);
            return Err(Error::out_of_range(what, f64::INFINITY, "finite"));
        }
        let counts: Vec<f64> = n_samples.iter().zip(inefficiency).map(|(n, g)| *n as f64 / g).collect();
        let multiplicity: Vec<f64> = origin.iter().map(|&k| 1.0 / inefficiency[k]).collect();
        let sampled: Vec<usize> = (0..n_states).filter(|&k| n_samples[k] > 0).collect();
        let problem = Problem {
            counts: sampled.iter().map(|&k| counts[k]).collect(),
            multiplicity,
            reduced: (0..n)
                .flat_map(|i| sampled.iter().map(move |&k| (i, k)))
                .map(|(i, k)| rows[k][i])
                .collect(),
        };
        let solution = problem.solve(&guess(&rows, &origin, &sampled), par)?;
        Mbar::finish(&rows, counts, problem.multiplicity, &sampled, solution, par)
    }

    fn finish(
        rows: &[&[f64]],
        counts: Vec<f64>,
        multiplicity: Vec<f64>,
        sampled: &[usize],
        solution: Solution,
        par: Par,
    ) -> Result<Self> {
        let n_states = rows.len();
        let Solution { f: f_sampled, ln_denominator, belong, iterations } = solution;
        let s = sampled.len();
        let mut f = vec![0.0; n_states];
        for (&k, value) in sampled.iter().zip(&f_sampled) {
            f[k] = *value;
        }
        let unsampled: Vec<usize> = (0..n_states).filter(|k| !sampled.contains(k)).collect();
        let found = parallel::map(par, unsampled.len(), |i| {
            free_energy(rows[unsampled[i]], &multiplicity, &ln_denominator)
        });
        for (&k, value) in unsampled.iter().zip(found) {
            f[k] = value;
        }
        if f[0] == f64::INFINITY {
            return Err(impossible(0));
        }
        let mut weights = vec![0.0; n_states * multiplicity.len()];
        let mut chunks: Vec<&mut [f64]> = weights.chunks_mut(CHUNK * n_states).collect();
        parallel::each(par, &mut chunks, |c, chunk| {
            for (i, row) in chunk.chunks_mut(n_states).enumerate() {
                let n = c * CHUNK + i;
                for (&k, p) in sampled.iter().zip(&belong[n * s..]) {
                    row[k] = p / counts[k];
                }
                // A state in which no sample is possible keeps its zeros: ∞ - ∞ says nothing.
                for &k in unsampled.iter().filter(|&&k| f[k] < f64::INFINITY) {
                    row[k] = libm::exp(f[k] - rows[k][n] - ln_denominator[n]);
                }
            }
        });
        drop(belong);
        let fold = |start: usize, v: &[f64]| {
            let mut g = vec![0.0; n_states * n_states];
            let mut scaled = weights[start * n_states..(start + v.len()) * n_states].to_vec();
            for (row, v) in scaled.chunks_mut(n_states).zip(v) {
                let root = v.sqrt();
                row.iter_mut().for_each(|x| *x *= root);
            }
            add_outer(&mut g, &scaled, n_states);
            g
        };
        let join = |mut a: Vec<f64>, b: Vec<f64>| {
            a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
            a
        };
        let lower = parallel::fold_chunks(par, &multiplicity, CHUNK, fold, join).unwrap_or_default();
        let gram = DMatrix::from_fn(n_states, n_states, |i, j| lower[i.max(j) * n_states + i.min(j)]);
        let feedback = feedback(&gram, &counts, sampled)?;
        let theta = &gram + &gram * &feedback * &gram;
        Ok(Mbar {
            n_states,
            counts,
            multiplicity,
            f,
            ln_denominator,
            weights,
            gram,
            feedback,
            theta,
            iterations,
        })
    }

    /// Number of states.
    pub fn n_states(&self) -> usize {
        self.n_states
    }
    /// Number of samples.
    pub fn n_samples(&self) -> usize {
        self.multiplicity.len()
    }
    /// Steps that the solution took.
    pub fn iterations(&self) -> usize {
        self.iterations
    }
    /// f_k - f_0 of all states, without errors; +∞ for a state in which no sample is possible.
    pub fn reduced_free_energies(&self) -> Vec<f64> {
        self.f.iter().map(|f| f - self.f[0]).collect()
    }

    /// f_to - f_from = -ln(Z_to / Z_from), with its asymptotic error.
    ///
    /// Errors: a state that does not exist, or in which no sample is possible; [`Error::TooShort`] when fewer than ten
    /// samples stand for one of the two.
    pub fn difference(&self, from: usize, to: usize) -> Result<Estimate> {
        self.check_possible(from)?;
        self.check_possible(to)?;
        let n_eff = self.n_eff(from)?.min(self.n_eff(to)?);
        let t = &self.theta;
        let variance = t[(from, from)] + t[(to, to)] - 2.0 * t[(from, to)];
        self.estimate(self.f[to] - self.f[from], if from == to { 0.0 } else { variance }, n_eff)
    }

    /// Asymptotic covariance of f_i - f_0 and f_j - f_0, all pairs; NaN where a state is one in which no sample is
    /// possible.
    pub fn covariance(&self) -> Vec<Vec<f64>> {
        let t = &self.theta;
        let known = |k: usize| self.f[k] < f64::INFINITY;
        let entry = |i: usize, j: usize| {
            if known(i) && known(j) { t[(i, j)] - t[(i, 0)] - t[(0, j)] + t[(0, 0)] } else { f64::NAN }
        };
        (0..self.n_states).map(|i| (0..self.n_states).map(|j| entry(i, j)).collect()).collect()
    }

    /// The overlap matrix O_ij = N_j Σ_n W_ni W_nj: the probability that a sample of state i looks like one of state j.
    /// Rows sum to one (to zero where no sample is possible). Neighbours should share at least 0.03.
    pub fn overlap(&self) -> Vec<Vec<f64>> {
        let entry = |i: usize, j: usize| self.gram[(i, j)] * self.counts[j];
        (0..self.n_states).map(|i| (0..self.n_states).map(|j| entry(i, j)).collect()).collect()
    }

    /// The weight of each sample in averages over state `k`; they sum to one.
    pub fn weights(&self, k: usize) -> Result<Vec<f64>> {
        self.check_possible(k)?;
        Ok((0..self.n_samples())
            .map(|n| self.multiplicity[n] * self.weights[n * self.n_states + k])
            .collect())
    }

    /// Number of independent samples that stand for state `k`: (Σw)² / Σw², 0 where no sample is possible.
    pub fn n_eff(&self, k: usize) -> Result<f64> {
        self.check_state(k)?;
        Ok(if self.f[k] < f64::INFINITY { 1.0 / self.gram[(k, k)] } else { 0.0 })
    }

    /// ⟨A⟩ in state `k`, sampled or not; `values[n]` is A of sample n.
    ///
    /// Errors: a state that does not exist or in which no sample is possible, the wrong number of values, a value with
    /// weight that is not finite,
    /// [`Error::TooShort`] when fewer than ten samples stand for the state.
    pub fn expectation(&self, k: usize, values: &[f64]) -> Result<Estimate> {
        self.check_possible(k)?;
        let column: Vec<f64> = (0..self.n_samples()).map(|n| self.weights[n * self.n_states + k]).collect();
        self.mean(&column, values)
    }

    /// ⟨A⟩ in a state that was not among the given ones: `reduced[n]` is its u at sample n. Errors as
    /// [`Mbar::expectation`].
    pub fn expectation_at(&self, reduced: &[f64], values: &[f64]) -> Result<Estimate> {
        let (_, column) = self.new_state(reduced)?;
        self.mean(&column, values)
    }

    /// f - f_0 of a state that was not among the given ones: `reduced[n]` is its u at sample n. Errors as
    /// [`Mbar::difference`].
    pub fn free_energy_at(&self, reduced: &[f64]) -> Result<Estimate> {
        let (f, column) = self.new_state(reduced)?;
        let n_eff = self.kish(&column).min(self.n_eff(0)?);
        let against: Vec<f64> =
            column.iter().enumerate().map(|(n, w)| w - self.weights[n * self.n_states]).collect();
        self.estimate(f - self.f[0], self.variance(&against), n_eff)
    }

    fn check_state(&self, k: usize) -> Result<()> {
        if k < self.n_states {
            return Ok(());
        }
        Err(Error::out_of_range("state", k, format!("below the number of states, {}", self.n_states)))
    }

    fn check_possible(&self, k: usize) -> Result<()> {
        self.check_state(k)?;
        if self.f[k] < f64::INFINITY { Ok(()) } else { Err(impossible(k)) }
    }

    fn new_state(&self, reduced: &[f64]) -> Result<(f64, Vec<f64>)> {
        same_length("reduced energies", reduced.len(), self.n_samples())?;
        if let Some(i) = reduced.iter().position(|u| u.is_nan() || *u == f64::NEG_INFINITY) {
            return Err(Error::out_of_range(format!("u of sample {i}"), reduced[i], "finite or +inf"));
        }
        let f = free_energy(reduced, &self.multiplicity, &self.ln_denominator);
        if f == f64::INFINITY {
            return Err(Error::Undefined {
                what: "the free energy".into(),
                why: "no sample is possible in the state".into(),
            });
        }
        Ok((f, reduced.iter().zip(&self.ln_denominator).map(|(u, d)| libm::exp(f - u - d)).collect()))
    }

    fn mean(&self, column: &[f64], values: &[f64]) -> Result<Estimate> {
        same_length("values", values.len(), self.n_samples())?;
        let weigh = |n: usize, x: f64| if column[n] > 0.0 { column[n] * x } else { 0.0 };
        let mean: f64 = (0..values.len()).map(|n| self.multiplicity[n] * weigh(n, values[n])).sum();
        if !mean.is_finite() {
            return Err(Error::Undefined {
                what: "the average".into(),
                why: "a value with weight is not finite, or the sum overflows".into(),
            });
        }
        let centred: Vec<f64> = (0..values.len()).map(|n| weigh(n, values[n] - mean)).collect();
        self.estimate(mean, self.variance(&centred), self.kish(column))
    }

    fn kish(&self, column: &[f64]) -> f64 {
        1.0 / column.iter().zip(&self.multiplicity).map(|(w, v)| v * w * w).sum::<f64>()
    }

    /// Asymptotic variance of Σ_n v_n x_n, for a column x with Σ_n v_n x_n of true mean zero.
    fn variance(&self, column: &[f64]) -> f64 {
        let mut own = 0.0;
        let mut b = DVector::zeros(self.n_states);
        for (n, (x, v)) in column.iter().zip(&self.multiplicity).enumerate() {
            let y = v * x;
            own += y * x;
            let row = &self.weights[n * self.n_states..(n + 1) * self.n_states];
            b.iter_mut().zip(row).for_each(|(b, w)| *b += y * w);
        }
        own + b.dot(&(&self.feedback * &b))
    }

    fn estimate(&self, value: f64, variance: f64, n_eff: f64) -> Result<Estimate> {
        // max(0) below takes a NaN for 0.
        if !(value.is_finite() && variance.is_finite()) {
            return Err(Error::Undefined {
                what: "the estimate".into(),
                why: format!("its value is {value} and its variance {variance}: numbers too large"),
            });
        }
        if !(n_eff >= MIN_N_EFF * (1.0 - 1e-9)) {
            let n = self.n_samples();
            return Err(Error::TooShort { have: n, needed: (n as f64 * MIN_N_EFF / n_eff).ceil() as usize });
        }
        Ok(Estimate::with_dof(value, variance.max(0.0).sqrt(), n_eff - 1.0, n_eff, Source::Population))
    }
}

fn impossible(state: usize) -> Error {
    Error::Undefined {
        what: format!("the free energy of state {state}"),
        why: "no sample is possible in it, u = +inf at all of them".into(),
    }
}

/// -ln Σ_n v_n e^{-u_n} / D_n.
fn free_energy(reduced: &[f64], multiplicity: &[f64], ln_denominator: &[f64]) -> f64 {
    let mut sum = LnSum::default();
    for n in 0..reduced.len() {
        sum.add(libm::log(multiplicity[n]) - reduced[n] - ln_denominator[n]);
    }
    -sum.ln()
}

/// A first guess of f: each state against the one before it, half the mean of Δu over the samples of both.
fn guess(rows: &[&[f64]], origin: &[usize], sampled: &[usize]) -> Vec<f64> {
    let mut f = vec![0.0];
    for pair in sampled.windows(2) {
        let (mut sum, mut n) = ([0.0; 2], [0.0; 2]);
        for (i, &k) in origin.iter().enumerate() {
            if let Some(side) = pair.iter().position(|p| *p == k) {
                sum[side] += rows[pair[1]][i] - rows[pair[0]][i];
                n[side] += 1.0;
            }
        }
        f.push(f[f.len() - 1] + 0.5 * (sum[0] / n[0] + sum[1] / n[1]));
    }
    f
}

/// N^{1/2} (1 - N^{1/2} G N^{1/2})⁺ N^{1/2} over the sampled states, zero elsewhere. Its null vector N^{1/2} 1 is the
/// constant that free energies are free to shift by.
fn feedback(gram: &DMatrix<f64>, counts: &[f64], sampled: &[usize]) -> Result<DMatrix<f64>> {
    let s = sampled.len();
    let root: Vec<f64> = sampled.iter().map(|&k| counts[k].sqrt()).collect();
    let overlap = |i: usize, j: usize| root[i] * gram[(sampled[i], sampled[j])] * root[j];
    let matrix = DMatrix::from_fn(s, s, |i, j| if i == j { 1.0 } else { 0.0 } - overlap(i, j));
    let eigen = eigen(matrix)?;
    let inverse = eigen.eigenvalues.map(|e| if e > 1e-11 { 1.0 / e } else { 0.0 });
    let pseudo = &eigen.eigenvectors * DMatrix::from_diagonal(&inverse) * eigen.eigenvectors.transpose();
    let mut all = DMatrix::zeros(counts.len(), counts.len());
    for i in 0..s {
        for j in 0..s {
            all[(sampled[i], sampled[j])] = root[i] * pseudo[(i, j)] * root[j];
        }
    }
    Ok(all)
}
