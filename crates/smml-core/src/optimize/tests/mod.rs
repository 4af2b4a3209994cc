//! Tests of the minimisers and the update rules.

mod behaviour;
mod clusters;
mod fire;
mod published;
mod quadratics;
mod updates;

use super::*;

/// Every deterministic method with its default parameters.
fn all_methods() -> Vec<Method> {
    vec![
        Method::SteepestDescent,
        Method::Fire(Fire::default()),
        Method::Fire(Fire { abc: true, ..Fire::default() }),
        Method::ConjugateGradient(ConjugateGradient::default()),
        Method::ConjugateGradient(ConjugateGradient {
            beta: BetaFormula::PolakRibiere,
            ..Default::default()
        }),
        Method::Lbfgs { memory: 4 },
        Method::default(),
    ]
}

/// The methods with superlinear or conjugate steps.
fn fast_methods() -> Vec<Method> {
    all_methods().split_off(3)
}
