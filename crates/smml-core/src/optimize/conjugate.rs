//! Nonlinear conjugate gradients: d' = -g' + β d.

use super::{
    BetaFormula, ConjugateGradient,
    descent::{Directions, Taken},
    line_search::Wolfe,
    vector::dot,
};

/// Truncation of β in CG_DESCENT (Hager and Zhang 2005, Eq. 1.6).
const ETA: f64 = 0.01;

/// The last direction and what belongs to it.
pub(super) struct Conjugate {
    method: ConjugateGradient,
    last: Option<Last>,
}

struct Last {
    direction: Vec<f64>,
    gradient: Vec<f64>,
    y: Vec<f64>,
    /// The direction is -`unit` g when it was a restart, whose length is arbitrary; else 1.
    unit: f64,
    /// t φ'(0) of the last step: the next first trial is expected to gain as much.
    gain: f64,
}

impl Conjugate {
    pub(super) fn new(method: ConjugateGradient) -> Self {
        Conjugate { method, last: None }
    }
}

impl Directions for Conjugate {
    fn wolfe(&self) -> Wolfe {
        Wolfe { decrease: 1e-4, curvature: self.method.curvature, strong: true }
    }

    fn direction(&mut self, gradient: &[f64], direction: &mut [f64]) -> Option<f64> {
        let last = self.last.as_ref()?;
        let beta = match self.method.beta {
            BetaFormula::PolakRibiere => {
                let beta = dot(&last.y, gradient) / dot(&last.gradient, &last.gradient) / last.unit;
                beta.max(0.0)
            }
            BetaFormula::HagerZhang => {
                let dy = dot(&last.direction, &last.y);
                let beta = (dot(&last.y, gradient)
                    - 2.0 * dot(&last.y, &last.y) / dy * dot(&last.direction, gradient))
                    / dy;
                let lengths = dot(&last.direction, &last.direction).sqrt() / last.unit;
                let floor = -1.0 / (lengths * ETA.min(dot(&last.gradient, &last.gradient).sqrt()));
                beta.max(floor / last.unit)
            }
        };
        if !beta.is_finite() {
            return None;
        }
        for ((d, g), old) in direction.iter_mut().zip(gradient).zip(&last.direction) {
            *d = beta * old - g;
        }
        let slope = dot(gradient, direction);
        Some(last.gain / slope)
    }

    fn learn(&mut self, taken: &Taken<'_>) {
        let fresh = self.last.is_none();
        let last = self.last.get_or_insert_with(|| Last {
            direction: taken.direction.to_vec(),
            gradient: taken.gradient.to_vec(),
            y: taken.y.to_vec(),
            unit: 1.0,
            gain: 0.0,
        });
        last.direction.copy_from_slice(taken.direction);
        last.gradient.copy_from_slice(taken.gradient);
        last.y.copy_from_slice(taken.y);
        last.unit = if fresh { -taken.slope / dot(taken.gradient, taken.gradient) } else { 1.0 };
        last.gain = taken.t * taken.slope;
    }

    fn restart(&mut self) {
        self.last = None;
    }
}
