//! Limited-memory BFGS (Nocedal, Math. Comp. 35, 773, 1980): the inverse Hessian from the last few steps, applied by
//! the two-loop recursion, with the initial scaling s·y / y·y (Liu and Nocedal, Math. Program. 45, 503, 1989).

use super::{
    descent::{Directions, Taken},
    line_search::Wolfe,
    vector::{axpy, dot, scale},
};
use std::collections::VecDeque;

struct Pair {
    s: Vec<f64>,
    y: Vec<f64>,
    /// 1 / s·y.
    rho: f64,
}

/// The memory of L-BFGS.
pub(super) struct Lbfgs {
    memory: usize,
    pairs: VecDeque<Pair>,
    scaling: f64,
    alpha: Vec<f64>,
}

impl Lbfgs {
    pub(super) fn new(memory: usize) -> Self {
        Lbfgs { memory, pairs: VecDeque::new(), scaling: 1.0, alpha: Vec::new() }
    }
}

impl Directions for Lbfgs {
    fn wolfe(&self) -> Wolfe {
        Wolfe { decrease: 1e-4, curvature: 0.9, strong: false }
    }

    fn direction(&mut self, gradient: &[f64], direction: &mut [f64]) -> Option<f64> {
        if self.pairs.is_empty() {
            return None;
        }
        for (d, g) in direction.iter_mut().zip(gradient) {
            *d = -g;
        }
        self.alpha.clear();
        for pair in self.pairs.iter().rev() {
            let alpha = pair.rho * dot(&pair.s, direction);
            axpy(-alpha, &pair.y, direction);
            self.alpha.push(alpha);
        }
        scale(self.scaling, direction);
        for (pair, alpha) in self.pairs.iter().zip(self.alpha.iter().rev()) {
            let beta = pair.rho * dot(&pair.y, direction);
            axpy(alpha - beta, &pair.s, direction);
        }
        Some(1.0)
    }

    fn learn(&mut self, taken: &Taken<'_>) {
        let sy = dot(taken.s, taken.y);
        let yy = dot(taken.y, taken.y);
        let ss = dot(taken.s, taken.s);
        // Without curvature the pair would spoil the positive definite matrix.
        if !(sy > f64::EPSILON * (ss * yy).sqrt() && yy.is_finite() && (1.0 / sy).is_finite()) {
            return;
        }
        let mut pair = if self.pairs.len() == self.memory { self.pairs.pop_front() } else { None }
            .unwrap_or_else(|| Pair { s: vec![0.0; taken.s.len()], y: vec![0.0; taken.y.len()], rho: 0.0 });
        pair.s.copy_from_slice(taken.s);
        pair.y.copy_from_slice(taken.y);
        pair.rho = 1.0 / sy;
        self.pairs.push_back(pair);
        self.scaling = sy / yy;
    }

    fn restart(&mut self) {
        self.pairs.clear();
    }
}
