//! What is measured on spin glasses: overlaps of two replicas, structure factors and the correlation length, averages
//! over samples of the disorder, and what is exact on the Nishimori line; and what needs no samples, the magnetisations of
//! given couplings by mean-field equations ([`mean_field`], [`tap`]).
//!
//! Two replicas have the same couplings and independent noise. Thermal averages of one sample are gathered by
//! [`Measurement`]; errors of averages over samples ([`averages`]) come from the spread between samples, which holds the
//! thermal noise too. Moves of two replicas together are in [`crate::kernels`]; instances in [`crate::instances`].

mod disorder;
mod mean_field;
mod nishimori;
mod overlap;
mod structure;
#[cfg(test)]
mod tests;

pub use disorder::{Averages, Measurement, SampleMeans, averages};
pub use mean_field::{
    DensePairs, FixedPoint, Magnetisations, Pairs, Passes, PlefkaOrder, Verdict, mean_field, plefka_ln_z, tap,
};
pub use nishimori::{nishimori_couplings, nishimori_energy, nishimori_probability};
pub use overlap::{Distribution, OverlapHistogram, link_overlap, overlap};
pub use structure::{correlation_length, structure_factors};
