//! Overlap-save: a long signal is convolved with a kernel block by block. [`Convolver`] keeps the kernel's spectrum for
//! further signals. Two blocks travel as real and imaginary part of one complex block.

use super::{
    Mode, all_finite, check_finite, cost,
    direct::direct_into,
    rescaled,
    split_fft::{SplitFft, Workspace},
};
use crate::error::{Error, Result};
use rustfft::num_complex::Complex;
use std::{cell::RefCell, sync::Arc};

/// A kernel prepared for many signals.
///
/// ```
/// use smml_core::convolve::{Convolver, Mode};
/// let mut smooth = Convolver::new(&[0.25, 0.5, 0.25], 1000)?;
/// let y = smooth.convolve(&[0.0, 0.0, 4.0, 0.0], Mode::Same)?;
/// assert_eq!(y, [0.0, 1.0, 2.0, 1.0]);
/// # Ok::<(), smml_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Convolver {
    kernel: Vec<f64>,
    engine: Option<Engine>,
}

#[derive(Clone, Debug)]
struct Engine {
    plan: Arc<SplitFft>,
    spectrum: Vec<Complex<f64>>,
    work: Workspace,
}

impl Convolver {
    /// Prepares a kernel; block length and method (direct or overlap-save) suit signals of about `signal_len` values,
    /// and serve any other length.
    ///
    /// Errors: an empty kernel, or a value in it that is not finite.
    pub fn new(kernel: &[f64], signal_len: usize) -> Result<Self> {
        if kernel.is_empty() {
            return Err(Error::out_of_range("kernel length", 0, "at least 1"));
        }
        check_finite("kernel", kernel)?;
        let n_out = signal_len.max(1).saturating_add(kernel.len() - 1);
        let (plan, ns) = cost::block(n_out, kernel.len(), true);
        if cost::direct(n_out, kernel.len()) <= ns {
            return Ok(Convolver { kernel: kernel.to_vec(), engine: None });
        }
        Ok(Self::with_block(kernel, &plan, Workspace::default(), Vec::new()))
    }

    fn with_block(
        kernel: &[f64],
        block: &cost::Block,
        mut work: Workspace,
        mut spectrum: Vec<Complex<f64>>,
    ) -> Self {
        let plan = plan(block);
        plan.prepare(&mut work);
        plan.spectrum(kernel, &mut work, &mut spectrum);
        Convolver { kernel: kernel.to_vec(), engine: Some(Engine { plan, spectrum, work }) }
    }

    /// The kernel.
    pub fn kernel(&self) -> &[f64] {
        &self.kernel
    }

    /// `signal` * kernel; the signal is the first argument of [`super::convolve`].
    ///
    /// Errors: an empty signal, or a value in it that is not finite.
    pub fn convolve(&mut self, signal: &[f64], mode: Mode) -> Result<Vec<f64>> {
        let mut out = Vec::new();
        self.convolve_into(signal, mode, &mut out)?;
        Ok(out)
    }

    /// As [`Convolver::convolve`], into a vector whose memory is used again. After an error its content is unspecified.
    pub fn convolve_into(&mut self, signal: &[f64], mode: Mode, out: &mut Vec<f64>) -> Result<()> {
        if signal.is_empty() {
            return Err(Error::out_of_range("signal length", 0, "at least 1"));
        }
        let (start, len) = mode.range(signal.len(), self.kernel.len());
        self.range_into("signal", signal, start, len, out)
    }

    fn range_into(
        &mut self,
        name: &str,
        signal: &[f64],
        start: usize,
        len: usize,
        out: &mut Vec<f64>,
    ) -> Result<()> {
        out.clear();
        let Some(engine) = &mut self.engine else {
            check_finite(name, signal)?;
            out.resize(len, 0.0);
            direct_into(signal, &self.kernel, start, out);
            return Ok(());
        };
        out.reserve_exact(len);
        if engine.run(signal, self.kernel.len(), start, len, out) {
            return Ok(());
        }
        // Either the input is to blame, or intermediate results overflow.
        check_finite(name, signal)?;
        let spectrum = engine.spectrum.clone();
        rescaled(signal, &self.kernel, start, out, |signal, kernel, out| {
            engine.plan.spectrum(kernel, &mut engine.work, &mut engine.spectrum);
            out.clear();
            engine.run(signal, kernel.len(), start, len, out);
        });
        engine.spectrum = spectrum;
        Ok(())
    }
}

impl Engine {
    /// Appends outputs `start .. start + len` to `out`; false when some are not finite.
    fn run(&mut self, signal: &[f64], m: usize, start: usize, len: usize, out: &mut Vec<f64>) -> bool {
        let fresh = self.plan.len() + 1 - m;
        let mut done = 0;
        while done < len {
            let first = (len - done).min(fresh);
            let second = (len - done - first).min(fresh);
            load(signal, start + done, m, &mut self.work.re);
            if second > 0 {
                load(signal, start + done + first, m, &mut self.work.im);
            } else {
                self.work.im.fill(0.0);
            }
            self.plan.convolve(&self.spectrum, &mut self.work);
            // A value in the input that is not finite reaches every output of its pair of blocks; an overflow on the way
            // may reach a few only.
            let (re, im) = (&self.work.re[m - 1..m - 1 + first], &self.work.im[m - 1..m - 1 + second]);
            if !(self.work.im[m - 1].is_finite() && all_finite(re) && all_finite(im)) {
                return false;
            }
            out.extend_from_slice(re);
            out.extend_from_slice(im);
            done += first + second;
        }
        true
    }
}

/// The inputs that the outputs from `output` on depend on: signal[output - (m - 1) ..], zero outside.
fn load(signal: &[f64], output: usize, m: usize, block: &mut [f64]) {
    let before = (m - 1).saturating_sub(output).min(block.len());
    let from = (output + before + 1 - m).min(signal.len());
    let count = (block.len() - before).min(signal.len() - from);
    block[..before].fill(0.0);
    block[before..before + count].copy_from_slice(&signal[from..from + count]);
    block[before + count..].fill(0.0);
}

/// Plans and memory of this thread's last calls: twiddle factors cost as much as a small convolution, and fresh pages
/// more than the arithmetic that fills them.
#[derive(Default)]
struct Cache {
    plans: Vec<(cost::Block, Arc<SplitFft>)>,
    work: Workspace,
    spectrum: Vec<Complex<f64>>,
}

const CACHED_PLANS: usize = 8;
/// Blocks longer than this give their memory back.
const CACHED_BLOCK: usize = 1 << 18;

thread_local! {
    static CACHE: RefCell<Cache> = RefCell::default();
}

fn plan(block: &cost::Block) -> Arc<SplitFft> {
    CACHE.with_borrow_mut(|cache| {
        if let Some(i) = cache.plans.iter().position(|p| p.0 == *block) {
            // most recently used last
            let hit = cache.plans.remove(i);
            cache.plans.push(hit);
            return Arc::clone(&cache.plans[cache.plans.len() - 1].1);
        }
        let plan = Arc::new(SplitFft::new(block.leaf, block.depth));
        if plan.len() <= CACHED_BLOCK {
            if cache.plans.len() == CACHED_PLANS {
                cache.plans.remove(0);
            }
            cache.plans.push((*block, Arc::clone(&plan)));
        }
        plan
    })
}

/// One convolution by overlap-save, in this thread's memory. Neither series is empty; the shorter is the kernel.
pub(super) fn overlap_save_into(a: &[f64], b: &[f64], mode: Mode, out: &mut Vec<f64>) -> Result<()> {
    let ((signal, name), (kernel, kernel_name)) =
        if a.len() >= b.len() { ((a, "a"), (b, "b")) } else { ((b, "b"), (a, "a")) };
    check_finite(kernel_name, kernel)?;
    if mode == Mode::Same && a.len() < b.len() {
        // The outputs asked for need not touch every value; whether a call fails must not depend on the method.
        check_finite(name, signal)?;
    }
    // `Same` keeps the length of the first argument, which may be the kernel here.
    let (start, len) = mode.range(a.len(), b.len());
    let block = cost::block(len, kernel.len(), false).0;
    let (work, spectrum) =
        CACHE.with_borrow_mut(|cache| (std::mem::take(&mut cache.work), std::mem::take(&mut cache.spectrum)));
    let mut convolver = Convolver::with_block(kernel, &block, work, spectrum);
    let result = convolver.range_into(name, signal, start, len, out);
    if let Some(engine) = convolver.engine
        && engine.plan.len() <= CACHED_BLOCK
    {
        CACHE.with_borrow_mut(|cache| (cache.work, cache.spectrum) = (engine.work, engine.spectrum));
    }
    result
}
