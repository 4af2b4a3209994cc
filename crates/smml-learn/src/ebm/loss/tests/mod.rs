//! Losses as functions of energies (`values`), models against enumeration and differences (`models`), training (`learning`).

mod learning;
mod models;
mod values;

use super::{Loss, Lvq2};
use smml_core::rng::{Stream, Streams};

fn rng(index: u64) -> Stream {
    Streams::new(35).stream("loss tests", index)
}

/// All losses with parameters that are not 1, LVQ2 in both forms.
fn all() -> Vec<Loss> {
    vec![
        Loss::Energy,
        Loss::Perceptron,
        Loss::Hinge { margin: 0.8 },
        Loss::Log,
        Loss::Lvq2(Lvq2::Difference(0.9)),
        Loss::Lvq2(Lvq2::Ratio(0.6)),
        Loss::Mce,
        Loss::SquareSquare { margin: 1.3 },
        Loss::SquareExponential { gamma: 0.7 },
        Loss::Nll { beta: 1.7 },
        Loss::Mee { beta: 0.6 },
    ]
}

/// Those that take energies of any sign.
fn any_sign() -> Vec<Loss> {
    all().into_iter().filter(|l| !matches!(l, Loss::Lvq2(Lvq2::Ratio(_)))).collect()
}
