//! Instances whose optima are known by enumeration.
//!
//! The numbers of orderings and optima come from exhaustive counts by another program; the 20 of 144 are also a published
//! count. The fragments of phage λ (48,502 base pairs) follow from its restriction map:
//! BamHI cuts at 5505, 22346, 27972, 34499 and 41732, EcoRI at 21226, 26104, 31747, 39168 and 44972.

use super::{DoubleDigest, Sums};
use smml_core::error::Result;

/// The three lists of a double digest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Instance {
    /// A name.
    pub name: &'static str,
    /// Fragments of A.
    pub a: &'static [f64],
    /// Fragments of B.
    pub b: &'static [f64],
    /// Fragments of both.
    pub c: &'static [f64],
    /// What becomes of sums that differ.
    pub sums: Sums,
    /// Number of different orderings.
    pub n_orderings: usize,
    /// Number of them with E = 0.
    pub n_optima: usize,
}

impl Instance {
    /// The problem.
    pub fn problem(&self) -> Result<DoubleDigest> {
        DoubleDigest::with_sums(self.a, self.b, self.c, self.sums)
    }
}

/// 12 orderings, 6 of them optimal.
pub const SMALL: Instance = Instance {
    name: "small",
    a: &[1.0, 2.0, 3.0],
    b: &[2.0, 4.0],
    c: &[1.0, 1.0, 2.0, 2.0],
    sums: Sums::Equal,
    n_orderings: 12,
    n_optima: 6,
};

/// 144 orderings, 20 of them optimal.
pub const FOUR_BY_FOUR: Instance = Instance {
    name: "four-by-four",
    a: &[1.0, 4.0, 3.0, 2.0],
    b: &[2.0, 2.0, 3.0, 3.0],
    c: &[1.0, 1.0, 2.0, 1.0, 2.0, 1.0, 2.0],
    sums: Sums::Equal,
    n_orderings: 144,
    n_optima: 20,
};

/// 72 orderings, 8 of them optimal. B adds up to 10, A and C to 11: the last fragment of B runs on to
/// the end.
pub const REPEATED: Instance = Instance {
    name: "repeated",
    a: &[2.0, 2.0, 3.0, 4.0],
    b: &[2.0, 2.0, 3.0, 3.0],
    c: &[1.0, 1.0, 2.0, 1.0, 2.0, 2.0, 2.0],
    sums: Sums::FromLeft(0.1),
    n_orderings: 72,
    n_optima: 8,
};

/// Bacteriophage λ cut by BamHI and EcoRI: 518,400 orderings, 2 of them optimal, mirror images of each other.
pub const PHAGE_LAMBDA: Instance = Instance {
    name: "phage-lambda",
    a: &[5505.0, 16841.0, 5626.0, 6527.0, 7233.0, 6770.0],
    b: &[21226.0, 4878.0, 5643.0, 7421.0, 5804.0, 3530.0],
    c: &[5505.0, 15721.0, 1120.0, 3758.0, 1868.0, 3775.0, 2752.0, 4669.0, 2564.0, 3240.0, 3530.0],
    sums: Sums::Equal,
    n_orderings: 518_400,
    n_optima: 2,
};

/// All of them.
pub const ALL: [Instance; 4] = [SMALL, FOUR_BY_FOUR, REPEATED, PHAGE_LAMBDA];
