//! At which temperature was it really sampled? An answer from the samples alone.
//!
//! For a state s drawn from exp(-β E) and a symmetric random move to s', the change d = E(s') - E(s) obeys
//! ⟨d / (1 + exp(β d))⟩ = 0: detailed balance of the heat-bath rule between s and s'. The left side falls with β (the
//! equation is that of a logistic regression on pairs), so its root, estimated from one move per sample, is the β of
//! the samples. Nothing about the sampler enters: a wrong acceptance rule, a wrong sign or a chain that has not
//! equilibrated shows.

use crate::{
    energy::LocalEnergy,
    error::{Error, Result},
    estimate::{Blocks, Estimate, autocorrelation},
    rng::Draw,
};
use serde::{Deserialize, Serialize};

/// The inverse temperature that samples show.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SampledBeta {
    /// Finite, with its error.
    Finite(Estimate),
    /// Every move from every sample goes uphill (or not at all): the samples are ground states, β = +∞ fits best.
    PlusInfinity,
    /// Every move goes downhill: β = -∞ fits best.
    MinusInfinity,
    /// No move changes the energy: every β fits.
    Undetermined,
}

/// The energy change of one random move for a sample: one call for each sample of a chain gives the changes that
/// [`sampled_beta`] takes.
pub fn probe<E: LocalEnergy, R: Draw>(energy: &E, state: &E::State, rng: &mut R) -> f64 {
    let change = energy.propose(state, rng);
    energy.delta(state, &change)
}

/// Solves Σ dᵢ / (1 + exp(β dᵢ)) = 0 for β; error by the block jackknife over all samples, with blocks longer than the
/// memory of the series.
///
/// Errors: changes that are not finite, [`Error::TooShort`] when there are too few independent samples, and
/// [`Error::Undefined`] for changes so small that an f64 cannot hold β.
pub fn sampled_beta(changes: &[f64]) -> Result<SampledBeta> {
    if let Some(i) = changes.iter().position(|d| !d.is_finite()) {
        return Err(Error::out_of_range(format!("energy change {i}"), changes[i], "finite"));
    }
    let (up, down) = (changes.iter().any(|d| *d > 0.0), changes.iter().any(|d| *d < 0.0));
    match (up, down) {
        (false, false) => return Ok(SampledBeta::Undetermined),
        (true, false) => return Ok(SampledBeta::PlusInfinity),
        (false, true) => return Ok(SampledBeta::MinusInfinity),
        (true, true) => {}
    }
    // In units of the largest, whose sum over the samples an f64 may not hold.
    let unit = changes.iter().fold(0.0f64, |m, d| m.max(d.abs()));
    let smallest = changes.iter().filter(|d| **d != 0.0).fold(f64::MAX, |m, d| m.min(d.abs()));
    let what = "the sampled inverse temperature";
    let undefined = |why: &str| Error::Undefined {
        what: what.into(),
        why: format!("energy changes go from {smallest:e} to {unit:e}, {why}"),
    };
    if smallest / unit < f64::MIN_POSITIVE {
        return Err(undefined("whose ratio an f64 cannot hold"));
    }
    let changes: Vec<f64> = changes.iter().map(|d| d / unit).collect();
    let (n, beta) = (changes.len(), solve(&[&changes]));
    // The error follows from the scores at the solution, whose memory the blocks must outlast.
    let scores: Vec<f64> = changes.iter().map(|d| score(beta, *d)).collect();
    let blocks = Blocks::new([n].into_iter(), autocorrelation(&scores)?.tau_int.max(0.5))?;
    let mut left_out = Vec::with_capacity(blocks.ranges.len());
    for (_, block) in &blocks.ranges {
        let rest = [&changes[..block.start], &changes[block.end..]];
        let any = |wanted: fn(&f64) -> bool| rest.iter().any(|r| r.iter().any(wanted));
        if !(any(|d| *d > 0.0) && any(|d| *d < 0.0)) {
            let why = "one block of the jackknife holds all moves uphill, or all downhill: sample longer, or closer to equilibrium";
            return Err(Error::Undefined { what: "the error of the sampled beta".into(), why: why.into() });
        }
        left_out.push(solve(&rest));
    }
    let e = blocks.estimate(what, beta, &left_out)?.affine(0.0, 1.0 / unit);
    if !(e.value.is_finite() && e.std_error.is_finite()) {
        return Err(undefined("so small that it exceeds the largest f64"));
    }
    Ok(SampledBeta::Finite(e))
}

/// d / (1 + exp(β d)); 0 where the exponential overflows.
fn score(beta: f64, d: f64) -> f64 {
    d / (1.0 + libm::exp(beta * d))
}

/// The root of the falling function β → Σ d / (1 + exp(β d)): bracketed, then Newton steps that stay in the bracket.
/// There must be changes of both signs, none above 1 and none below the smallest normal f64: far enough out one side of
/// the sum then vanishes and the other does not.
fn solve(parts: &[&[f64]]) -> f64 {
    let sums = |beta: f64| {
        let (mut value, mut slope) = (0.0, 0.0);
        for d in parts.iter().flat_map(|p| p.iter()) {
            let s = score(beta, *d);
            value += s;
            slope -= s * (d - s);
        }
        (value, slope)
    };
    let scale = parts.iter().flat_map(|p| p.iter()).fold(0.0f64, |m, d| m.max(d.abs()));
    let (mut low, mut high) = (-1.0 / scale, 1.0 / scale);
    while sums(low).0 < 0.0 {
        low *= 2.0;
    }
    while sums(high).0 > 0.0 {
        high *= 2.0;
    }
    let mut beta = 0.5 * (low + high);
    for _ in 0..200 {
        let (value, slope) = sums(beta);
        if value > 0.0 {
            low = beta;
        } else {
            high = beta;
        }
        let newton = beta - value / slope;
        let next = if newton > low && newton < high { newton } else { 0.5 * (low + high) };
        if (next - beta).abs() <= 1e-14 * (1.0 / scale + beta.abs()) {
            return next;
        }
        beta = next;
    }
    beta
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        energy::{Energy, Finite},
        kernel::Kernel,
        rng::Streams,
        sample::Metropolis,
    };

    /// Levels with steps of different sizes, moved between by ±1.
    struct Levels(Vec<f64>);
    impl Energy for Levels {
        type State = usize;
        fn energy(&self, s: &usize) -> f64 {
            self.0[*s]
        }
    }
    impl LocalEnergy for Levels {
        type Move = usize;
        fn propose<R: Draw>(&self, s: &usize, rng: &mut R) -> usize {
            (s + if rng.chance(0.5) { 1 } else { self.0.len() - 1 }) % self.0.len()
        }
        fn apply(&self, s: &mut usize, to: &usize) {
            *s = *to;
        }
    }
    impl Finite for Levels {
        fn n_states(&self) -> Option<usize> {
            Some(self.0.len())
        }
        fn state(&self, i: usize) -> usize {
            i
        }
        fn index(&self, s: &usize) -> usize {
            *s
        }
    }

    #[test]
    fn the_equation_holds_exactly_in_equilibrium() {
        let model = Levels(vec![0.0, 1.3, -0.4, 2.2, 0.9]);
        let beta = 0.7;
        let z: f64 = model.0.iter().map(|e| (-beta * e).exp()).sum();
        let n = model.0.len();
        let sum: f64 = (0..n)
            .flat_map(|s| [(s, (s + 1) % n), (s, (s + n - 1) % n)])
            .map(|(s, t)| (-beta * model.0[s]).exp() / z * 0.5 * score(beta, model.0[t] - model.0[s]))
            .sum();
        assert!(sum.abs() < 1e-15);
    }

    #[test]
    fn the_temperature_is_recovered_with_its_error() {
        let model = Levels(vec![0.0, 1.3, -0.4, 2.2, 0.9]);
        let mut chi2 = 0.0;
        for (run, beta) in [0.3, 0.7, 1.5, 0.0, -0.5].into_iter().cycle().take(40).enumerate() {
            let mut rng = Streams::new(7).stream("levels", run as u64);
            let (mut s, mut kernel) = (0, Metropolis::new(2).unwrap());
            let changes: Vec<f64> = (0..20_000)
                .map(|_| {
                    kernel.step(&model, &mut s, beta, &mut rng);
                    probe(&model, &s, &mut rng)
                })
                .collect();
            let SampledBeta::Finite(e) = sampled_beta(&changes).unwrap() else { panic!("finite") };
            assert!(e.z(beta).abs() < 5.0, "{e} against {beta}");
            chi2 += e.z(beta).powi(2);
        }
        assert!((10.0..95.0).contains(&chi2), "chi² = {chi2} for 40 degrees of freedom");
    }

    #[test]
    fn typed_answers_without_a_finite_solution() {
        assert_eq!(sampled_beta(&[1.0; 50]).unwrap(), SampledBeta::PlusInfinity);
        assert_eq!(sampled_beta(&[-1.0; 50]).unwrap(), SampledBeta::MinusInfinity);
        assert_eq!(sampled_beta(&[0.0; 50]).unwrap(), SampledBeta::Undetermined);
        assert_eq!(sampled_beta(&[]).unwrap(), SampledBeta::Undetermined);
        assert!(sampled_beta(&[1.0, f64::NAN]).is_err());
        let mut lonely = vec![1.0; 200];
        lonely[7] = -1.0;
        assert!(matches!(sampled_beta(&lonely), Err(Error::Undefined { .. })));
    }

    #[test]
    fn huge_and_tiny_changes() {
        // Two kinds of change, ±d: β d = ln(ups/downs), whatever d is.
        let mut rng = Streams::new(1).stream("mixed", 0);
        let signs: Vec<f64> = (0..400).map(|_| if rng.chance(0.3) { -1.0 } else { 1.0 }).collect();
        let scaled = |up: f64, down: f64| -> Vec<f64> {
            signs.iter().map(|s| if *s > 0.0 { up } else { -down }).collect()
        };
        let SampledBeta::Finite(one) = sampled_beta(&signs).unwrap() else { panic!("finite") };
        assert!(one.z((7f64 / 3.0).ln()).abs() < 5.0);
        for d in [1e-250, 1e308] {
            let SampledBeta::Finite(e) = sampled_beta(&scaled(d, d)).unwrap() else { panic!("finite") };
            assert!((e.value * d / one.value - 1.0).abs() < 1e-9, "{e:?}");
            assert!((e.std_error * d / one.std_error - 1.0).abs() < 1e-9, "{e:?}");
        }
        // Far apart: e^{-β} times the ups balances half the downs at β = ln(2 ups/downs) + 100 ln 10.
        let SampledBeta::Finite(e) = sampled_beta(&scaled(1.0, 1e-100)).unwrap() else { panic!("finite") };
        assert!(e.z((14f64 / 3.0).ln() + 100.0 * 10f64.ln()).abs() < 5.0, "{e:?}");
        assert!(matches!(sampled_beta(&scaled(1.0, 1e-305)), Err(Error::Undefined { .. })));
        // Too far apart, or too small, for an f64.
        assert!(matches!(sampled_beta(&scaled(1e300, 1e-300)), Err(Error::Undefined { .. })));
        assert!(matches!(sampled_beta(&scaled(5e-324, 5e-324)), Err(Error::Undefined { .. })));
    }
}
