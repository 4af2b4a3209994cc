//! Statistical mechanics for machine learning: an energy, sampled or minimised, measured with error bars.
//!
//! The ideas, and the modules that hold them:
//! - a model is an [`Energy`](energy::Energy); a [`Kernel`](kernel::Kernel) changes its states ([`sample`],
//!   [`hamiltonian`]); a [`Chain`](chain::Chain) runs it and can be saved and resumed ([`store`]);
//! - what comes out is an [`Estimate`] with its error ([`estimate`], [`diagnose`], [`certificate`]);
//! - all randomness comes from [`Streams`](rng::Streams), so the same seed gives the same bits for any number of threads;
//! - the same few types serve [`free_energy`], [`importance`] sampling, [`information`], [`optimize`],
//!   [`factor_graph`] and [`convolve`].

pub mod central_limit;
pub mod certificate;
pub mod chain;
pub mod constants;
pub mod convolve;
pub mod diagnose;
pub mod distribution;
pub mod energy;
pub mod error;
pub mod estimate;
pub mod factor_graph;
pub mod free_energy;
pub mod graph;
pub mod hamiltonian;
pub mod importance;
pub mod information;
pub mod kernel;
pub mod numeric;
pub mod optimize;
pub mod parallel;
pub mod rng;
pub mod sample;
pub mod schedule;
pub mod simd;
pub mod store;
#[cfg(feature = "testing")]
pub mod testing;

pub use error::{Error, Result};
pub use estimate::Estimate;

/// The names most programs need.
pub mod prelude {
    pub use crate::{
        Error, Estimate, Result,
        energy::{Conditional, Differentiable, Energy, Finite, LocalEnergy, Reference},
        kernel::{Kernel, Step},
        parallel::Par,
        rng::{Draw, Stream, Streams},
        schedule::Schedule,
    };
}
