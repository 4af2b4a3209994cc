//! Thermodynamic integration: ln Z(β₁) - ln Z(β₀) = -∫ ⟨E⟩ dβ.

use super::{
    finite_estimate,
    quadrature::{Rule, half_weights, weights},
};
use crate::{
    energy::Energy,
    error::{Error, Result, all_finite, finite, same_length},
    estimate::{Estimate, Source, combined},
    kernel::Kernel,
    parallel::{self, Par},
    rng::{Stream, Streams},
};
use serde::{Deserialize, Serialize};

/// An integral over estimates.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct GridIntegral {
    /// Σ wᵢ yᵢ with its statistical error sqrt(Σ wᵢ² σᵢ²) from the raw errors. The error of the grid is
    /// not in it.
    pub value: Estimate,
    /// The same rule on half the points minus `value`: the size of the error of the half grid, hence a bound on
    /// the error of the full one when the grid resolves the integrand. Its own statistical error says whether the
    /// difference is seen at all. `None` when there are too few points to halve.
    pub discretisation: Option<Estimate>,
}

/// ∫ y dx over independent estimates `values` of y at `nodes`.
///
/// Errors: those of [`quadrature_weights`](super::quadrature_weights), lengths that differ, values or errors that are
/// not finite, [`Error::Undefined`] when the sum overflows.
///
/// ```
/// use smml_core::{Estimate, free_energy::{integrate, Rule}};
/// let x: Vec<f64> = (0..9).map(|i| f64::from(i) / 8.0).collect();
/// let y: Vec<Estimate> = x.iter().map(|x| Estimate::exact(x.exp())).collect();
/// let integral = integrate(&x, &y, Rule::Simpson)?;
/// assert!((integral.value.value - (1f64.exp() - 1.0)).abs() < 3e-6);
/// # Ok::<(), smml_core::Error>(())
/// ```
pub fn integrate(nodes: &[f64], values: &[Estimate], rule: Rule) -> Result<GridIntegral> {
    same_length("values", values.len(), nodes.len())?;
    for (i, v) in values.iter().enumerate() {
        finite(&format!("value {i}"), v.value)?;
        if !(v.std_error >= 0.0 && v.std_error.is_finite()) {
            return Err(Error::out_of_range(
                format!("error of value {i}"),
                v.std_error,
                "finite and at least 0",
            ));
        }
    }
    let full = weights(nodes, rule)?;
    let discretisation = half_weights(nodes, rule)
        .map(|half| {
            let difference: Vec<f64> = half.iter().zip(&full).map(|(h, f)| h - f).collect();
            finite_estimate("the error of the grid", combine(&difference, values))
        })
        .transpose()?;
    Ok(GridIntegral { value: finite_estimate("the integral", combine(&full, values))?, discretisation })
}

/// Σ wᵢ yᵢ of independent estimates.
fn combine(weights: &[f64], values: &[Estimate]) -> Estimate {
    let value = weights.iter().zip(values).map(|(w, y)| w * y.value).sum();
    let (mut tau_int, mut n_eff) = (0.5f64, f64::MAX);
    let mut source = Source::Exact;
    for y in values {
        tau_int = tau_int.max(y.tau_int);
        n_eff = n_eff.min(y.n_eff);
        source = source.or_less_certain(y.source);
    }
    let (raw, dof) = combined(weights.iter().zip(values).map(|(w, y)| (w.abs() * y.raw_error(), y.dof)));
    Estimate { tau_int, ..Estimate::with_dof(value, raw, dof, n_eff, source) }
}

/// How long to run at each β.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunLength {
    /// Steps thrown away first.
    pub burn_in: usize,
    /// Samples taken.
    pub n_samples: usize,
    /// Steps between samples, at least 1.
    pub thin: usize,
}

/// Energies of `run.n_samples` samples at each β: one independent chain for each, from `start`, in parallel over β.
/// The input of [`thermodynamic_integration`] and [`MultiHistogram`](super::MultiHistogram). The result does not
/// depend on the number of threads.
///
/// The kernel must reach every state at every β: single-spin Metropolis with a fixed number of attempts does not at
/// β = 0, where it accepts always.
///
/// Errors: a β that is not finite, `thin` of 0, an energy that is not finite.
pub fn sample_energies<E: Energy, K: Kernel<E>>(
    energy: &E,
    kernel: &K,
    betas: &[f64],
    run: RunLength,
    start: impl Fn(&mut Stream) -> E::State + Sync + Send,
    streams: &Streams,
    par: Par,
) -> Result<Vec<Vec<f64>>> {
    all_finite("beta", betas)?;
    if run.thin == 0 {
        return Err(Error::out_of_range("thin", 0, "at least 1"));
    }
    let chain = |k: usize| {
        let (mut kernel, mut rng) = (kernel.clone(), streams.stream("energies", k as u64));
        let mut state = start(&mut rng);
        for _ in 0..run.burn_in {
            kernel.step(energy, &mut state, betas[k], &mut rng);
        }
        let sample = |_| {
            for _ in 0..run.thin {
                kernel.step(energy, &mut state, betas[k], &mut rng);
            }
            finite(&format!("energy of a sample at beta {}", betas[k]), energy.energy(&state))
        };
        (0..run.n_samples).map(sample).collect::<Result<Vec<f64>>>()
    };
    parallel::map(par, betas.len(), chain).into_iter().collect()
}

/// What [`thermodynamic_integration`] found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ThermodynamicIntegral {
    /// ⟨E⟩ at each β.
    pub energies: Vec<Estimate>,
    /// ln Z(last β) - ln Z(first β), and the error of the grid. For Gauss-Legendre the ends are those of the rule.
    pub ln_z: GridIntegral,
}

/// ln Z(β₁) - ln Z(β₀) = -∫ ⟨E⟩ dβ from energies sampled at `betas` (see [`sample_energies`]).
///
/// Errors: lengths that differ, those of [`Estimate::from_chain`] and [`integrate`].
pub fn thermodynamic_integration(
    betas: &[f64],
    energies: &[impl AsRef<[f64]>],
    rule: Rule,
) -> Result<ThermodynamicIntegral> {
    same_length("energies", energies.len(), betas.len())?;
    let energies: Vec<Estimate> =
        energies.iter().map(|e| Estimate::from_chain(e.as_ref())).collect::<Result<_>>()?;
    let integral = integrate(betas, &energies, rule)?;
    let ln_z = GridIntegral {
        value: integral.value.affine(0.0, -1.0),
        discretisation: integral.discretisation.map(|d| d.affine(0.0, -1.0)),
    };
    Ok(ThermodynamicIntegral { energies, ln_z })
}
