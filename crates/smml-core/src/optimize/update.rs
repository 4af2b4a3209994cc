//! Update rules for noisy gradients: SGD, momentum, Adam, AdamW, for f32 and f64 parameters.
//!
//! A rule holds its hyper-parameters and its memory, all of it serialisable: a run resumed from a checkpoint continues
//! bit for bit. The learning rate comes with each step, from a [`Schedule`](crate::schedule::Schedule) as a rule. One
//! pass over memory, no fused multiply-add: every SIMD path gives the same bits. One rule serves one parameter array.

use crate::{
    error::{Error, Result, positive, same_length},
    simd::{Path, path, with_path},
};
use serde::{Deserialize, Serialize};
use std::ops::{Add, Div, Mul, Sub};

/// A rule that moves parameters against a noisy gradient.
pub trait Update<T: Real> {
    /// One step with learning rate `rate`.
    ///
    /// The first call fixes the number of parameters.
    ///
    /// # Errors
    /// Lengths that do not agree with each other or with earlier steps; a rate that is negative or not finite;
    /// hyper-parameters out of range. Nothing is changed then. Gradients are not checked: a NaN spreads.
    fn update(&mut self, parameters: &mut [T], gradient: &[T], rate: f64) -> Result<()>;
}

/// f32 or f64.
pub trait Real:
    Copy
    + Default
    + Send
    + Sync
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + sealed::Kernels
{
    /// The nearest value of this type.
    fn from_f64(value: f64) -> Self;
    /// The square root.
    fn sqrt(self) -> Self;
}

/// Stochastic gradient descent: θ ← θ - r g.
///
/// ```
/// use smml_core::optimize::{Sgd, Update};
/// let mut theta = [1.0_f32, 2.0];
/// Sgd.update(&mut theta, &[0.5, -0.5], 0.1)?;
/// assert_eq!(theta, [0.95, 2.05]);
/// # Ok::<(), smml_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sgd;

impl<T: Real> Update<T> for Sgd {
    fn update(&mut self, parameters: &mut [T], gradient: &[T], rate: f64) -> Result<()> {
        same_length("gradient", gradient.len(), parameters.len())?;
        T::sgd(parameters, gradient, T::from_f64(checked_rate(rate)?));
        Ok(())
    }
}

/// Momentum: v ← μ v + g, then θ ← θ - r v (heavy ball, Polyak 1964) or θ ← θ - r (g + μ v) (Nesterov's form in the
/// notation of Sutskever et al. 2013). The rate is outside the memory, so changing it acts at once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Momentum<T> {
    momentum: f64,
    nesterov: bool,
    velocity: Vec<T>,
}

impl<T: Real> Momentum<T> {
    /// Heavy ball with μ in [0, 1).
    pub fn heavy_ball(momentum: f64) -> Result<Self> {
        Ok(Momentum { momentum: decay("momentum", momentum)?, nesterov: false, velocity: vec![] })
    }
    /// Nesterov's momentum with μ in [0, 1).
    pub fn nesterov(momentum: f64) -> Result<Self> {
        Ok(Momentum { nesterov: true, ..Self::heavy_ball(momentum)? })
    }
    /// v, empty before the first step.
    pub fn velocity(&self) -> &[T] {
        &self.velocity
    }
}

impl<T: Real> Update<T> for Momentum<T> {
    fn update(&mut self, parameters: &mut [T], gradient: &[T], rate: f64) -> Result<()> {
        same_length("gradient", gradient.len(), parameters.len())?;
        let rate = T::from_f64(checked_rate(rate)?);
        let momentum = T::from_f64(decay("momentum", self.momentum)?);
        if self.velocity.is_empty() {
            self.velocity = vec![T::default(); parameters.len()];
        }
        same_length("parameters", parameters.len(), self.velocity.len())?;
        if self.nesterov {
            T::nesterov(parameters, gradient, &mut self.velocity, momentum, rate);
        } else {
            T::heavy_ball(parameters, gradient, &mut self.velocity, momentum, rate);
        }
        Ok(())
    }
}

/// Adam (Kingma and Ba 2015): m ← β₁ m + (1 - β₁) g, v ← β₂ v + (1 - β₂) g², and with the step number t
/// θ ← θ - r m̂ / (√v̂ + ε), m̂ = m / (1 - β₁ᵗ), v̂ = v / (1 - β₂ᵗ).
///
/// ```
/// use smml_core::{optimize::{Adam, Update}, schedule::Schedule};
/// let rate = Schedule::geometric(0.1, 1e-4)?;
/// let (mut theta, mut adam) = ([3.0_f64], Adam::default());
/// for r in rate.values(500) {
///     let gradient = [2.0 * theta[0]];
///     adam.update(&mut theta, &gradient, r)?;
/// }
/// assert!(theta[0].abs() < 1e-3);
/// # Ok::<(), smml_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Adam<T> {
    beta1: f64,
    beta2: f64,
    epsilon: f64,
    n_steps: u64,
    mean: Vec<T>,
    square: Vec<T>,
}

impl<T: Real> Default for Adam<T> {
    /// β₁ = 0.9, β₂ = 0.999, ε = 10⁻⁸.
    fn default() -> Self {
        Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, n_steps: 0, mean: vec![], square: vec![] }
    }
}

impl<T: Real> Adam<T> {
    /// β₁ and β₂ in [0, 1), ε > 0.
    pub fn new(beta1: f64, beta2: f64, epsilon: f64) -> Result<Self> {
        let adam = Adam { beta1, beta2, epsilon, ..Self::default() };
        adam.check()?;
        Ok(adam)
    }
    /// Steps done.
    pub fn n_steps(&self) -> u64 {
        self.n_steps
    }
    /// m and v, empty before the first step.
    pub fn moments(&self) -> (&[T], &[T]) {
        (&self.mean, &self.square)
    }

    fn check(&self) -> Result<()> {
        decay("beta1", self.beta1)?;
        decay("beta2", self.beta2)?;
        // ε that vanishes in T would make 0 / 0 of a parameter that never had a gradient.
        positive("epsilon", self.epsilon)?;
        if !(T::from_f64(self.epsilon).above_zero()) {
            return Err(Error::out_of_range(
                "epsilon",
                self.epsilon,
                "greater than 0 in the parameters' type",
            ));
        }
        Ok(())
    }

    fn step(&mut self, parameters: &mut [T], gradient: &[T], rate: f64, weight_decay: f64) -> Result<()> {
        self.check()?;
        same_length("gradient", gradient.len(), parameters.len())?;
        let rate = checked_rate(rate)?;
        if self.n_steps == 0 && self.mean.is_empty() && self.square.is_empty() {
            self.mean = vec![T::default(); parameters.len()];
            self.square = vec![T::default(); parameters.len()];
        }
        same_length("parameters", parameters.len(), self.mean.len())?;
        same_length("Adam's second moment", self.square.len(), self.mean.len())?;
        self.n_steps = self.n_steps.saturating_add(1);
        let t = self.n_steps as f64;
        let coefficients = AdamCoefficients {
            keep1: T::from_f64(self.beta1),
            take1: T::from_f64(1.0 - self.beta1),
            keep2: T::from_f64(self.beta2),
            take2: T::from_f64(1.0 - self.beta2),
            step: T::from_f64(rate / (1.0 - libm::pow(self.beta1, t))),
            unbias: T::from_f64((1.0 / (1.0 - libm::pow(self.beta2, t))).sqrt()),
            epsilon: T::from_f64(self.epsilon),
            shrink: T::from_f64(1.0 - rate * weight_decay),
        };
        T::adam(parameters, gradient, &mut self.mean, &mut self.square, coefficients);
        Ok(())
    }
}

impl<T: Real> Update<T> for Adam<T> {
    fn update(&mut self, parameters: &mut [T], gradient: &[T], rate: f64) -> Result<()> {
        self.step(parameters, gradient, rate, 0.0)
    }
}

/// Adam with decoupled weight decay (Loshchilov and Hutter 2019): θ ← (1 - r λ) θ before the step of Adam, whose
/// moments do not see the decay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AdamW<T> {
    adam: Adam<T>,
    weight_decay: f64,
}

impl<T: Real> AdamW<T> {
    /// Decay `weight_decay` = λ ≥ 0 on top of `adam`.
    pub fn new(adam: Adam<T>, weight_decay: f64) -> Result<Self> {
        check_weight_decay(weight_decay)?;
        Ok(AdamW { adam, weight_decay })
    }
    /// The Adam inside.
    pub fn adam(&self) -> &Adam<T> {
        &self.adam
    }
}

impl<T: Real> Update<T> for AdamW<T> {
    fn update(&mut self, parameters: &mut [T], gradient: &[T], rate: f64) -> Result<()> {
        check_weight_decay(self.weight_decay)?;
        self.adam.step(parameters, gradient, rate, self.weight_decay)
    }
}

fn decay(name: &str, value: f64) -> Result<f64> {
    if (0.0..1.0).contains(&value) { Ok(value) } else { Err(Error::out_of_range(name, value, "in [0, 1)")) }
}

fn not_negative(name: &str, value: f64) -> Result<f64> {
    if value >= 0.0 && value.is_finite() {
        Ok(value)
    } else {
        Err(Error::out_of_range(name, value, "finite and not negative"))
    }
}

fn checked_rate(rate: f64) -> Result<f64> {
    not_negative("rate", rate)
}

fn check_weight_decay(value: f64) -> Result<f64> {
    not_negative("weight_decay", value)
}

/// The numbers of one step of Adam, in the parameters' type.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct AdamCoefficients<T> {
    keep1: T,
    take1: T,
    keep2: T,
    take2: T,
    step: T,
    unbias: T,
    epsilon: T,
    shrink: T,
}

mod sealed {
    use super::AdamCoefficients;

    /// The loops, compiled for each type and instruction set. All slices have one length.
    pub trait Kernels: Sized {
        fn above_zero(self) -> bool;
        fn sgd(theta: &mut [Self], g: &[Self], rate: Self);
        fn heavy_ball(theta: &mut [Self], g: &[Self], v: &mut [Self], mu: Self, rate: Self);
        fn nesterov(theta: &mut [Self], g: &[Self], v: &mut [Self], mu: Self, rate: Self);
        fn adam(theta: &mut [Self], g: &[Self], m: &mut [Self], v: &mut [Self], c: AdamCoefficients<Self>);
    }
}

#[inline(always)]
fn sgd_loop<T: Real>(theta: &mut [T], g: &[T], rate: T) {
    for (theta, &g) in theta.iter_mut().zip(g) {
        *theta = *theta - rate * g;
    }
}

#[inline(always)]
fn heavy_ball_loop<T: Real>(theta: &mut [T], g: &[T], v: &mut [T], mu: T, rate: T) {
    for ((theta, &g), v) in theta.iter_mut().zip(g).zip(v) {
        *v = mu * *v + g;
        *theta = *theta - rate * *v;
    }
}

#[inline(always)]
fn nesterov_loop<T: Real>(theta: &mut [T], g: &[T], v: &mut [T], mu: T, rate: T) {
    for ((theta, &g), v) in theta.iter_mut().zip(g).zip(v) {
        *v = mu * *v + g;
        *theta = *theta - rate * (g + mu * *v);
    }
}

#[inline(always)]
fn adam_loop<T: Real>(theta: &mut [T], g: &[T], m: &mut [T], v: &mut [T], c: AdamCoefficients<T>) {
    let n = theta.len();
    let (g, m, v) = (&g[..n], &mut m[..n], &mut v[..n]);
    for i in 0..n {
        m[i] = c.keep1 * m[i] + c.take1 * g[i];
        v[i] = c.keep2 * v[i] + c.take2 * (g[i] * g[i]);
        theta[i] = c.shrink * theta[i] - c.step * m[i] / (v[i].sqrt() * c.unbias + c.epsilon);
    }
}

crate::simd_paths! {
    fn sgd_f32(theta: &mut [f32], g: &[f32], rate: f32) { sgd_loop(theta, g, rate) }
    fn sgd_f64(theta: &mut [f64], g: &[f64], rate: f64) { sgd_loop(theta, g, rate) }
    fn heavy_ball_f32(theta: &mut [f32], g: &[f32], v: &mut [f32], mu: f32, rate: f32) {
        heavy_ball_loop(theta, g, v, mu, rate)
    }
    fn heavy_ball_f64(theta: &mut [f64], g: &[f64], v: &mut [f64], mu: f64, rate: f64) {
        heavy_ball_loop(theta, g, v, mu, rate)
    }
    fn nesterov_f32(theta: &mut [f32], g: &[f32], v: &mut [f32], mu: f32, rate: f32) {
        nesterov_loop(theta, g, v, mu, rate)
    }
    fn nesterov_f64(theta: &mut [f64], g: &[f64], v: &mut [f64], mu: f64, rate: f64) {
        nesterov_loop(theta, g, v, mu, rate)
    }
    fn adam_f32(theta: &mut [f32], g: &[f32], m: &mut [f32], v: &mut [f32], c: AdamCoefficients<f32>) {
        adam_loop(theta, g, m, v, c)
    }
    fn adam_f64(theta: &mut [f64], g: &[f64], m: &mut [f64], v: &mut [f64], c: AdamCoefficients<f64>) {
        adam_loop(theta, g, m, v, c)
    }
}

impl Real for f32 {
    #[inline(always)]
    fn from_f64(value: f64) -> f32 {
        value as f32
    }
    #[inline(always)]
    fn sqrt(self) -> f32 {
        self.sqrt()
    }
}

impl Real for f64 {
    #[inline(always)]
    fn from_f64(value: f64) -> f64 {
        value
    }
    #[inline(always)]
    fn sqrt(self) -> f64 {
        self.sqrt()
    }
}

impl sealed::Kernels for f32 {
    fn above_zero(self) -> bool {
        self > 0.0
    }
    fn sgd(theta: &mut [f32], g: &[f32], rate: f32) {
        sgd_f32(theta, g, rate);
    }
    fn heavy_ball(theta: &mut [f32], g: &[f32], v: &mut [f32], mu: f32, rate: f32) {
        heavy_ball_f32(theta, g, v, mu, rate);
    }
    fn nesterov(theta: &mut [f32], g: &[f32], v: &mut [f32], mu: f32, rate: f32) {
        nesterov_f32(theta, g, v, mu, rate);
    }
    fn adam(theta: &mut [f32], g: &[f32], m: &mut [f32], v: &mut [f32], c: AdamCoefficients<f32>) {
        // Wider vectors neither divide nor take roots faster; on some machines they are slower.
        with_path(path().min(Path::Avx2), || adam_f32(theta, g, m, v, c));
    }
}

impl sealed::Kernels for f64 {
    fn above_zero(self) -> bool {
        self > 0.0
    }
    fn sgd(theta: &mut [f64], g: &[f64], rate: f64) {
        sgd_f64(theta, g, rate);
    }
    fn heavy_ball(theta: &mut [f64], g: &[f64], v: &mut [f64], mu: f64, rate: f64) {
        heavy_ball_f64(theta, g, v, mu, rate);
    }
    fn nesterov(theta: &mut [f64], g: &[f64], v: &mut [f64], mu: f64, rate: f64) {
        nesterov_f64(theta, g, v, mu, rate);
    }
    fn adam(theta: &mut [f64], g: &[f64], m: &mut [f64], v: &mut [f64], c: AdamCoefficients<f64>) {
        // Wider vectors neither divide nor take roots faster; on some machines they are slower.
        with_path(path().min(Path::Avx2), || adam_f64(theta, g, m, v, c));
    }
}
