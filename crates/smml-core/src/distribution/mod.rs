//! Probability distributions, Eqs. (1) and (2): masses and densities, tails, quantiles, moments, entropy, draws, and
//! checks that probabilities are normalised.
//!
//! Constructors validate their parameters once; methods are then total. A moment that does not exist is a typed
//! [`Error::Undefined`](crate::Error::Undefined), and `sf` is computed on its own, never as 1 - cdf, where that
//! would lose the tail. Sums of many draws are the business of [`crate::central_limit`].

mod bounded;
mod continuous;
mod discrete;
mod hypergeometric;
#[cfg(test)]
mod limits;
mod location_scale;
mod normalise;
mod positive;
mod quadrature;
mod smooth;
mod special;
mod student;
#[cfg(test)]
mod tests;
mod traits;

pub use bounded::{Beta, Uniform};
pub use discrete::{Bernoulli, Binomial, Categorical, DiscreteUniform, Geometric, NegativeBinomial, Poisson};
pub use hypergeometric::Hypergeometric;
pub use location_scale::{Cauchy, Gumbel, Laplace, Logistic, Normal, StudentT};
pub use normalise::{
    PROBABILITY_TOLERANCE, check_density, check_probabilities, normalise, total_density, total_probability,
};
pub use positive::{ChiSquared, Exponential, Gamma, GeneralizedPareto, LogNormal, Maxwell, Pareto, Weibull};
pub use quadrature::{Integral, Quadrature};
pub use traits::{Continuous, Discrete, Distribution, Real};

pub(crate) use normalise::sum_near_one;
pub(crate) use quadrature::compensated_sum;
pub(crate) use special::{digamma, normal_cdf, normal_quantile, normal_sf};
pub(crate) use student::student_t_quantile;
