//! Learning by pseudo-likelihood: every site given the others.

use super::{Alignment, PottsMachine, machine::pair};
use crate::error::Result;
use smml_core::{
    energy::{Differentiable, Energy},
    error::not_negative,
    optimize::{Method, Outcome, Progress, Stop, minimise_observed},
    parallel::{self, Par},
};
use std::ops::ControlFlow;

/// The function that symmetric pseudo-likelihood minimises, of x = (fields, couplings) in the order of
/// [`PottsMachine::new`]:
///
/// f(x) = -Σ_s w_s Σᵢ ln P(sᵢ | s₋ᵢ) + λ_h Σᵢ Σₐ hᵢ(a)² + λ_J Σ_{i<j} Σ_{ab} Jᵢⱼ(a, b)²,
///
/// with weights of the sequences that sum to 1 and P(a | s₋ᵢ) ∝ exp(hᵢ(a) + Σ_{j≠i} Jᵢⱼ(a, sⱼ)). It is convex, needs no
/// ln Z, and where sequences are drawn from a Potts model its minimum tends to that model as they become many (and λ small).
/// (M. Ekeberg, C. Lövkvist, Y. Lan, M. Weigt, E. Aurell, Phys. Rev. E 87, 012707 (2013), with λ_h = λ_J = 0.01 in these
/// units.)
///
/// An evaluation costs a few L² q operations for each sequence. Sites are worked on in parallel; the bits do not depend on
/// the number of threads.
#[derive(Clone, Debug)]
pub struct PseudoLikelihood<'a> {
    alignment: &'a Alignment,
    weights: Vec<f64>,
    lambda_fields: f64,
    lambda_couplings: f64,
    par: Par,
}

/// A model that was learned, and how the search for the minimum ended.
#[derive(Clone, Debug, PartialEq)]
pub struct PseudoLikelihoodFit {
    /// The model at the best point, as it was found: [`PottsMachine::zero_sum`] makes it comparable.
    pub machine: PottsMachine,
    /// The end of the minimisation; its `x` are the parameters.
    pub outcome: Outcome,
}

impl<'a> PseudoLikelihood<'a> {
    /// Errors: another number of weights, weights without a sum, penalties that are negative or not finite, too many sites.
    pub fn new(
        alignment: &'a Alignment,
        weights: &[f64],
        lambda_fields: f64,
        lambda_couplings: f64,
        par: Par,
    ) -> Result<Self> {
        not_negative("penalty on fields", lambda_fields)?;
        not_negative("penalty on couplings", lambda_couplings)?;
        PottsMachine::check_size(alignment.alphabet(), alignment.n_sites())?;
        let weights = alignment.normalised(weights)?;
        Ok(PseudoLikelihood { alignment, weights, lambda_fields, lambda_couplings, par })
    }
    /// Numbers in x.
    pub fn n_parameters(&self) -> usize {
        let (n, q) = self.shape();
        n * q + n * (n - 1) / 2 * q * q
    }
    fn shape(&self) -> (usize, usize) {
        (self.alignment.n_sites(), self.alignment.alphabet().n_letters())
    }
    /// The model with these parameters. Errors: as [`PottsMachine::new`].
    pub fn machine(&self, x: &[f64]) -> Result<PottsMachine> {
        let (n, q) = self.shape();
        let (fields, couplings) = x.split_at((n * q).min(x.len()));
        PottsMachine::new(self.alignment.alphabet(), n, fields.to_vec(), couplings)
    }
    /// Minimises from `start` (zeros where there is none) by L-BFGS. `watch` sees every iteration and may end the search.
    ///
    /// Errors: another number of parameters, parameters that are not finite, conditions out of range.
    pub fn fit(
        &self,
        start: Option<&[f64]>,
        stop: &Stop,
        watch: impl FnMut(&Progress) -> ControlFlow<()>,
    ) -> Result<PseudoLikelihoodFit> {
        let zeros;
        let start = match start {
            Some(start) => start,
            None => {
                zeros = vec![0.0; self.n_parameters()];
                &zeros
            }
        };
        smml_core::error::same_length("parameters", start.len(), self.n_parameters())?;
        let outcome = minimise_observed(self, start, &Method::default(), stop, watch)?;
        Ok(PseudoLikelihoodFit { machine: self.machine(&outcome.x)?, outcome })
    }
    /// -Σ_s w_s ln P(s_r | s₋ᵣ) of one site, with its slopes along hᵣ(a), and along J of (letter b at site j) and a at
    /// (j q + b) q + a.
    fn site(&self, x: &[f64], r: usize) -> (f64, Vec<f64>, Vec<f64>) {
        let (n, q) = self.shape();
        let (fields, couplings) = x.split_at(n * q);
        let mut table = vec![0.0; n * q * q];
        for (j, to) in table.chunks_exact_mut(q * q).enumerate() {
            if j < r {
                to.copy_from_slice(&couplings[pair(n, j, r) * q * q..][..q * q]);
            } else if j > r {
                let block = &couplings[pair(n, r, j) * q * q..][..q * q];
                for a in 0..q {
                    (0..q).for_each(|b| to[b * q + a] = block[a * q + b]);
                }
            }
        }
        let (mut value, mut by_field, mut slopes) = (0.0, vec![0.0; q], vec![0.0; n * q * q]);
        let mut local = vec![0.0; q];
        for (row, weight) in self.alignment.rows().zip(&self.weights).filter(|(_, w)| **w > 0.0) {
            local.copy_from_slice(&fields[r * q..(r + 1) * q]);
            for (j, b) in row.iter().enumerate() {
                let start = (j * q + usize::from(*b)) * q;
                local.iter_mut().zip(&table[start..start + q]).for_each(|(f, w)| *f += w);
            }
            let top = local.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let own = usize::from(row[r]);
            let own_field = local[own] - top;
            let mut sum = 0.0;
            for f in &mut local {
                *f = libm::exp(*f - top);
                sum += *f;
            }
            value += weight * (libm::log(sum) - own_field);
            // w (P(a) - δ(a, s_r)), in place.
            local.iter_mut().for_each(|p| *p *= weight / sum);
            local[own] -= weight;
            by_field.iter_mut().zip(&local).for_each(|(g, p)| *g += p);
            for (j, b) in row.iter().enumerate() {
                let start = (j * q + usize::from(*b)) * q;
                slopes[start..start + q].iter_mut().zip(&local).for_each(|(g, p)| *g += p);
            }
        }
        (value, by_field, slopes)
    }
}

impl Energy for PseudoLikelihood<'_> {
    type State = Vec<f64>;
    /// f(x); NaN for another number of parameters.
    fn energy(&self, x: &Vec<f64>) -> f64 {
        if x.len() != self.n_parameters() {
            return f64::NAN;
        }
        self.value_and_gradient(x, &mut vec![0.0; x.len()], &mut ())
    }
}

impl Differentiable for PseudoLikelihood<'_> {
    type Scratch = ();
    fn value_and_gradient(&self, x: &[f64], gradient: &mut [f64], (): &mut ()) -> f64 {
        let (n, q) = self.shape();
        let sites = parallel::map(self.par, n, |r| self.site(x, r));
        let mut value = sites.iter().map(|s| s.0).sum::<f64>();
        let (by_fields, by_couplings) = gradient.split_at_mut(n * q);
        for (to, site) in by_fields.chunks_exact_mut(q).zip(&sites) {
            to.copy_from_slice(&site.1);
        }
        let mut blocks = by_couplings.chunks_exact_mut(q * q);
        for i in 0..n {
            for (j, block) in (i + 1..n).zip(&mut blocks) {
                for a in 0..q {
                    for b in 0..q {
                        block[a * q + b] = sites[i].2[(j * q + b) * q + a] + sites[j].2[(i * q + a) * q + b];
                    }
                }
            }
        }
        let (fields, couplings) = x.split_at(n * q);
        for (x, gradient, lambda) in
            [(fields, by_fields, self.lambda_fields), (couplings, by_couplings, self.lambda_couplings)]
        {
            value += lambda * x.iter().map(|x| x * x).sum::<f64>();
            gradient.iter_mut().zip(x).for_each(|(g, x)| *g += 2.0 * lambda * x);
        }
        value
    }
}
