//! Update rules for noisy gradients: SGD, momentum, Adam, AdamW, for f32 and f64 parameters.
//!
//! A rule holds its hyper-parameters and its memory, all of it serialisable: a run resumed from a checkpoint continues
//! bit for bit. The learning rate comes with each step, from a [`Schedule`](crate::schedule::Schedule) as a rule. One
//! pass over memory, no fused multiply-add: every SIMD path gives the same bits. One rule serves one parameter array.

use crate::{
    error::{Error, Result, not_negative, positive, same_length},
    simd::{Path, path, with_path},
};
use serde::{Deserialize, Serialize};
use std::ops::{Add, Div, Mul, Sub};

/// A rule that moves parameters against a noisy gradient.
pub trait Update<T: Scalar> {
    /// One step with learning rate `rate`.
    ///
    /// The first call with parameters fixes their number.
    ///
    /// # Errors
    /// Lengths that do not agree with each other or with earlier steps; a rate that is negative or not finite. Nothing
    /// is changed then. Gradients are not checked: a NaN spreads, and memory with a NaN in it is not read back.
    fn update(&mut self, parameters: &mut [T], gradient: &[T], rate: f64) -> Result<()>;
}

/// f32 or f64.
pub trait Scalar:
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
    /// The same value.
    fn to_f64(self) -> f64;
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

impl<T: Scalar> Update<T> for Sgd {
    fn update(&mut self, parameters: &mut [T], gradient: &[T], rate: f64) -> Result<()> {
        same_length("gradient", gradient.len(), parameters.len())?;
        T::sgd(parameters, gradient, T::from_f64(not_negative("rate", rate)?));
        Ok(())
    }
}

/// Momentum: v ← μ v + g, then θ ← θ - r v (heavy ball, Polyak 1964) or θ ← θ - r (g + μ v) (Nesterov's form in the
/// notation of Sutskever et al. 2013). The rate is outside the memory, so changing it acts at once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawMomentum<T>", bound(deserialize = "T: Scalar + Deserialize<'de>"))]
pub struct Momentum<T> {
    momentum: f64,
    nesterov: bool,
    velocity: Vec<T>,
}

#[derive(Deserialize)]
struct RawMomentum<T> {
    momentum: f64,
    nesterov: bool,
    velocity: Vec<T>,
}

impl<T: Scalar> TryFrom<RawMomentum<T>> for Momentum<T> {
    type Error = Error;
    fn try_from(raw: RawMomentum<T>) -> Result<Self> {
        let RawMomentum { momentum, nesterov, velocity } = raw;
        check_memory("velocity", &velocity, f64::NEG_INFINITY)?;
        Ok(Momentum { momentum: decay("momentum", momentum)?, nesterov, velocity })
    }
}

impl<T: Scalar> Momentum<T> {
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

impl<T: Scalar> Update<T> for Momentum<T> {
    fn update(&mut self, parameters: &mut [T], gradient: &[T], rate: f64) -> Result<()> {
        same_length("gradient", gradient.len(), parameters.len())?;
        let rate = T::from_f64(not_negative("rate", rate)?);
        let momentum = T::from_f64(self.momentum);
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
#[serde(try_from = "RawAdam<T>", bound(deserialize = "T: Scalar + Deserialize<'de>"))]
pub struct Adam<T> {
    beta1: f64,
    beta2: f64,
    epsilon: f64,
    n_steps: u64,
    mean: Vec<T>,
    square: Vec<T>,
}

#[derive(Deserialize)]
struct RawAdam<T> {
    beta1: f64,
    beta2: f64,
    epsilon: f64,
    n_steps: u64,
    mean: Vec<T>,
    square: Vec<T>,
}

impl<T: Scalar> TryFrom<RawAdam<T>> for Adam<T> {
    type Error = Error;
    fn try_from(raw: RawAdam<T>) -> Result<Self> {
        let RawAdam { beta1, beta2, epsilon, n_steps, mean, square } = raw;
        same_length("second moments", square.len(), mean.len())?;
        if n_steps == 0 && !mean.is_empty() {
            return Err(Error::out_of_range("number of moments before the first step", mean.len(), "0"));
        }
        check_memory("first moment", &mean, f64::NEG_INFINITY)?;
        check_memory("second moment", &square, 0.0)?;
        Ok(Adam { n_steps, mean, square, ..Adam::new(beta1, beta2, epsilon)? })
    }
}

/// Saved memory must be finite and not below `least`.
fn check_memory<T: Scalar>(name: &str, values: &[T], least: f64) -> Result<()> {
    let sound = |v: &T| v.to_f64().is_finite() && v.to_f64() >= least;
    match values.iter().position(|v| !sound(v)) {
        None => Ok(()),
        Some(i) => {
            let allowed = if least == 0.0 { "finite and not negative" } else { "finite" };
            Err(Error::out_of_range(format!("{name} {i}"), values[i].to_f64(), allowed))
        }
    }
}

impl<T: Scalar> Default for Adam<T> {
    /// β₁ = 0.9, β₂ = 0.999, ε = 10⁻⁸.
    fn default() -> Self {
        Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, n_steps: 0, mean: vec![], square: vec![] }
    }
}

impl<T: Scalar> Adam<T> {
    /// β₁ and β₂ in [0, 1), ε > 0.
    pub fn new(beta1: f64, beta2: f64, epsilon: f64) -> Result<Self> {
        decay("beta1", beta1)?;
        decay("beta2", beta2)?;
        // ε that vanishes in T would make 0 / 0 of a parameter that never had a gradient.
        positive("epsilon", epsilon)?;
        if !(T::from_f64(epsilon).to_f64() > 0.0) {
            return Err(Error::out_of_range("epsilon", epsilon, "greater than 0 in the parameters' type"));
        }
        Ok(Adam { beta1, beta2, epsilon, ..Self::default() })
    }
    /// Steps done.
    pub fn n_steps(&self) -> u64 {
        self.n_steps
    }
    /// m and v, empty before the first step.
    pub fn moments(&self) -> (&[T], &[T]) {
        (&self.mean, &self.square)
    }

    fn step(&mut self, parameters: &mut [T], gradient: &[T], rate: f64, weight_decay: f64) -> Result<()> {
        same_length("gradient", gradient.len(), parameters.len())?;
        let rate = not_negative("rate", rate)?;
        if self.n_steps == 0 && parameters.is_empty() {
            return Ok(()); // as in `Momentum`, a first step of no parameters fixes nothing
        }
        if self.n_steps == 0 {
            self.mean = vec![T::default(); parameters.len()];
            self.square = vec![T::default(); parameters.len()];
        }
        same_length("parameters", parameters.len(), self.mean.len())?;
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

impl<T: Scalar> Update<T> for Adam<T> {
    fn update(&mut self, parameters: &mut [T], gradient: &[T], rate: f64) -> Result<()> {
        self.step(parameters, gradient, rate, 0.0)
    }
}

/// Adam with decoupled weight decay (Loshchilov and Hutter 2019): θ ← (1 - r λ) θ before the step of Adam, whose
/// moments do not see the decay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawAdamW<T>", bound(deserialize = "T: Scalar + Deserialize<'de>"))]
pub struct AdamW<T> {
    adam: Adam<T>,
    weight_decay: f64,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "T: Scalar + Deserialize<'de>"))]
struct RawAdamW<T> {
    adam: Adam<T>,
    weight_decay: f64,
}

impl<T: Scalar> TryFrom<RawAdamW<T>> for AdamW<T> {
    type Error = Error;
    fn try_from(raw: RawAdamW<T>) -> Result<Self> {
        AdamW::new(raw.adam, raw.weight_decay)
    }
}

impl<T: Scalar> AdamW<T> {
    /// Decay `weight_decay` = λ ≥ 0 on top of `adam`.
    pub fn new(adam: Adam<T>, weight_decay: f64) -> Result<Self> {
        Ok(AdamW { adam, weight_decay: not_negative("weight_decay", weight_decay)? })
    }
    /// The Adam inside.
    pub fn adam(&self) -> &Adam<T> {
        &self.adam
    }
}

impl<T: Scalar> Update<T> for AdamW<T> {
    fn update(&mut self, parameters: &mut [T], gradient: &[T], rate: f64) -> Result<()> {
        self.adam.step(parameters, gradient, rate, self.weight_decay)
    }
}

fn decay(name: &str, value: f64) -> Result<f64> {
    if (0.0..1.0).contains(&value) { Ok(value) } else { Err(Error::out_of_range(name, value, "in [0, 1)")) }
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
        fn sgd(theta: &mut [Self], g: &[Self], rate: Self);
        fn heavy_ball(theta: &mut [Self], g: &[Self], v: &mut [Self], mu: Self, rate: Self);
        fn nesterov(theta: &mut [Self], g: &[Self], v: &mut [Self], mu: Self, rate: Self);
        fn adam(theta: &mut [Self], g: &[Self], m: &mut [Self], v: &mut [Self], c: AdamCoefficients<Self>);
    }
}

#[inline(always)]
fn sgd_loop<T: Scalar>(theta: &mut [T], g: &[T], rate: T) {
    for (theta, &g) in theta.iter_mut().zip(g) {
        *theta = *theta - rate * g;
    }
}

#[inline(always)]
fn heavy_ball_loop<T: Scalar>(theta: &mut [T], g: &[T], v: &mut [T], mu: T, rate: T) {
    for ((theta, &g), v) in theta.iter_mut().zip(g).zip(v) {
        *v = mu * *v + g;
        *theta = *theta - rate * *v;
    }
}

#[inline(always)]
fn nesterov_loop<T: Scalar>(theta: &mut [T], g: &[T], v: &mut [T], mu: T, rate: T) {
    for ((theta, &g), v) in theta.iter_mut().zip(g).zip(v) {
        *v = mu * *v + g;
        *theta = *theta - rate * (g + mu * *v);
    }
}

#[inline(always)]
fn adam_loop<T: Scalar>(theta: &mut [T], g: &[T], m: &mut [T], v: &mut [T], c: AdamCoefficients<T>) {
    let n = theta.len();
    let (g, m, v) = (&g[..n], &mut m[..n], &mut v[..n]);
    for i in 0..n {
        m[i] = c.keep1 * m[i] + c.take1 * g[i];
        v[i] = c.keep2 * v[i] + c.take2 * (g[i] * g[i]);
        theta[i] = c.shrink * theta[i] - c.step * m[i] / (v[i].sqrt() * c.unbias + c.epsilon);
    }
}

/// A type of parameters with its loops, compiled for every instruction set.
macro_rules! scalar {
    ($($t:ident: $sgd:ident, $heavy_ball:ident, $nesterov:ident, $adam:ident;)*) => {$(
        crate::simd_paths! {
            fn $sgd(theta: &mut [$t], g: &[$t], rate: $t) {
                sgd_loop(theta, g, rate)
            }
            fn $heavy_ball(theta: &mut [$t], g: &[$t], v: &mut [$t], mu: $t, rate: $t) {
                heavy_ball_loop(theta, g, v, mu, rate)
            }
            fn $nesterov(theta: &mut [$t], g: &[$t], v: &mut [$t], mu: $t, rate: $t) {
                nesterov_loop(theta, g, v, mu, rate)
            }
            fn $adam(theta: &mut [$t], g: &[$t], m: &mut [$t], v: &mut [$t], c: AdamCoefficients<$t>) {
                adam_loop(theta, g, m, v, c)
            }
        }

        impl Scalar for $t {
            #[inline(always)]
            fn from_f64(value: f64) -> $t {
                value as $t
            }
            #[inline(always)]
            fn to_f64(self) -> f64 {
                self.into()
            }
            #[inline(always)]
            fn sqrt(self) -> $t {
                self.sqrt()
            }
        }

        impl sealed::Kernels for $t {
            fn sgd(theta: &mut [$t], g: &[$t], rate: $t) {
                $sgd(theta, g, rate);
            }
            fn heavy_ball(theta: &mut [$t], g: &[$t], v: &mut [$t], mu: $t, rate: $t) {
                $heavy_ball(theta, g, v, mu, rate);
            }
            fn nesterov(theta: &mut [$t], g: &[$t], v: &mut [$t], mu: $t, rate: $t) {
                $nesterov(theta, g, v, mu, rate);
            }
            fn adam(theta: &mut [$t], g: &[$t], m: &mut [$t], v: &mut [$t], c: AdamCoefficients<$t>) {
                // Wider vectors neither divide nor take roots faster; on some machines they are slower.
                with_path(path().min(Path::Avx2), || $adam(theta, g, m, v, c));
            }
        }
    )*};
}

scalar! {
    f32: sgd_f32, heavy_ball_f32, nesterov_f32, adam_f32;
    f64: sgd_f64, heavy_ball_f64, nesterov_f64, adam_f64;
}
