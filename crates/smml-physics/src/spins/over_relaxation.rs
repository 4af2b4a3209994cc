//! Over-relaxation: moves at constant energy.

use super::vector::{VectorModel, dot};
use serde::{Deserialize, Serialize};
use smml_core::{
    kernel::{Kernel, Step},
    rng::Draw,
};

/// Every spin once, in order, reflected about its local field h: s → 2 (s·h) h / h² - s (M. Creutz, Phys. Rev. D 36, 515
/// (1987)). The energy stays as it is, and no random number is drawn; β plays no part. Together with a heat bath
/// (`(HeatBath, OverRelaxation)`) it decorrelates faster at hardly any cost; alone it does not reach every state.
///
/// Stationary: each reflection keeps both energy and area.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OverRelaxation;

impl<const N: usize> Kernel<VectorModel<N>> for OverRelaxation {
    fn step<R: Draw>(
        &mut self,
        model: &VectorModel<N>,
        s: &mut Vec<[f64; N]>,
        _beta: f64,
        _rng: &mut R,
    ) -> Step {
        let mut moved = 0;
        for i in 0..s.len() {
            let h = model.local_field(s, i);
            let square = dot(&h, &h);
            if square > 0.0 && square.is_finite() {
                let along = 2.0 * dot(&s[i], &h) / square;
                let reflected: [f64; N] = std::array::from_fn(|k| along * h[k] - s[i][k]);
                // One Newton step towards length 1: rounding does not gather.
                let scale = 1.5 - 0.5 * dot(&reflected, &reflected);
                s[i] = reflected.map(|x| scale * x);
                moved += 1;
            }
        }
        Step { proposed: s.len() as u64, accepted: moved }
    }
}
