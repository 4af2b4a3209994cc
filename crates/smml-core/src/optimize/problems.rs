//! Functions with known minima, for tests, checks and benchmarks.

use crate::energy::{Differentiable, Energy};

/// The chained Rosenbrock function Σᵢ 100 (xᵢ₊₁ - xᵢ²)² + (1 - xᵢ)²: a curved valley, minimum 0 at (1, ..., 1). The usual
/// start is (-1.2, 1, -1.2, 1, ...). Any number of coordinates.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rosenbrock;

impl Rosenbrock {
    /// The usual start: -1.2 and 1 in turn.
    pub fn start(n: usize) -> Vec<f64> {
        (0..n).map(|i| if i % 2 == 0 { -1.2 } else { 1.0 }).collect()
    }
}

impl Energy for Rosenbrock {
    type State = Vec<f64>;
    fn energy(&self, x: &Vec<f64>) -> f64 {
        self.value_and_gradient(x, &mut vec![0.0; x.len()], &mut ())
    }
}

impl Differentiable for Rosenbrock {
    type Scratch = ();
    fn value_and_gradient(&self, x: &[f64], gradient: &mut [f64], (): &mut ()) -> f64 {
        gradient.fill(0.0);
        let mut value = 0.0;
        for i in 1..x.len() {
            let (a, b) = (x[i - 1], x[i]);
            let off = b - a * a;
            let rest = 1.0 - a;
            value += 100.0 * off * off + rest * rest;
            gradient[i - 1] -= 400.0 * a * off + 2.0 * rest;
            gradient[i] += 200.0 * off;
        }
        value
    }
}
