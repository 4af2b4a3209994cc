//! Data sets: grey images with labels, binary rows, the idx reader, published sets and bars-and-stripes.
//!
//! What does not live here: how a model uses them ([`crate::ebm`]), and picture files.

mod bars;
mod binary;
pub mod idx;
mod images;
mod official;

pub use bars::BarsAndStripes;
pub use binary::BinaryData;
pub use images::DataSet;
pub use official::{FileReport, Known, OfficialFile, TrainTest, Verdict};
