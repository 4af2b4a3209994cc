//! One real FFT over both series (realfft), for series of comparable length.

use super::{all_finite, check_finite, cost, rescaled};
use crate::error::Result;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};
use rustfft::num_complex::Complex;
use std::{cell::RefCell, sync::Arc};

#[derive(Clone)]
pub(super) struct RealPlan {
    pub(super) forward: Arc<dyn RealToComplex<f64>>,
    pub(super) inverse: Arc<dyn ComplexToReal<f64>>,
}

const CACHED_PLANS: usize = 8;
/// Plans longer than this are not kept.
pub(super) const CACHED_LENGTH: usize = 1 << 18;

thread_local! {
    static PLANS: RefCell<Vec<RealPlan>> = const { RefCell::new(Vec::new()) };
}

/// The plan of length `n`, from this thread's last ones if it is among them.
pub(super) fn real_plan(n: usize) -> RealPlan {
    PLANS.with_borrow_mut(|plans| {
        if let Some(i) = plans.iter().position(|p| p.forward.len() == n) {
            let hit = plans.remove(i);
            plans.push(hit.clone());
            return hit;
        }
        let mut planner = RealFftPlanner::new();
        let plan = RealPlan { forward: planner.plan_fft_forward(n), inverse: planner.plan_fft_inverse(n) };
        if n <= CACHED_LENGTH {
            if plans.len() == CACHED_PLANS {
                plans.remove(0);
            }
            plans.push(plan.clone());
        }
        plan
    })
}

impl RealPlan {
    /// The spectrum of `x`, filled up with zeros.
    pub(super) fn spectrum(&self, x: impl Iterator<Item = f64>) -> Vec<Complex<f64>> {
        let mut padded = self.forward.make_input_vec();
        padded.iter_mut().zip(x).for_each(|(p, x)| *p = x);
        let mut out = self.forward.make_output_vec();
        // Fails only for wrong lengths, and these come from the plan itself.
        let _ = self.forward.process(&mut padded, &mut out);
        out
    }

    /// The series of a spectrum, times its length.
    pub(super) fn series(&self, mut spectrum: Vec<Complex<f64>>) -> Vec<f64> {
        let mut out = self.inverse.make_output_vec();
        // Of a real series these are zero; rounding leaves something that realfft would report.
        if let Some(first) = spectrum.first_mut() {
            first.im = 0.0;
        }
        if self.inverse.len() % 2 == 0
            && let Some(last) = spectrum.last_mut()
        {
            last.im = 0.0;
        }
        let _ = self.inverse.process(&mut spectrum, &mut out);
        out
    }
}

/// Outputs `start .. start + len` of the full convolution.
pub(super) fn fft_into(a: &[f64], b: &[f64], start: usize, len: usize, out: &mut Vec<f64>) -> Result<()> {
    let plan = real_plan(cost::cyclic_length(a.len(), b.len(), start, len));
    run(&plan, a, b, start, len, out);
    // A value in the input that is not finite reaches every output, an overflow on the way perhaps a few.
    if all_finite(out) {
        return Ok(());
    }
    check_finite("a", a)?;
    check_finite("b", b)?;
    rescaled(a, b, start, out, |a, b, out| run(&plan, a, b, start, len, out));
    Ok(())
}

fn run(plan: &RealPlan, a: &[f64], b: &[f64], start: usize, len: usize, out: &mut Vec<f64>) {
    let mut spectrum = plan.spectrum(a.iter().copied());
    let scale = 1.0 / plan.forward.len() as f64;
    let other = plan.spectrum(b.iter().map(|h| scale * h));
    spectrum.iter_mut().zip(&other).for_each(|(x, h)| *x *= h);
    let series = plan.series(spectrum);
    out.clear();
    out.extend_from_slice(&series[start..start + len]);
}
