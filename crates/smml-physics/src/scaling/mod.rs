//! Critical points and exponents from measurements at several sizes: a whole study from chains to exponents
//! ([`simulate`], [`FiniteSizeScaling`]), crossings, collapse on a master curve, slopes at the critical point, and the
//! Weber-Minnhagen fit of the XY transition.
//!
//! The measurements themselves, with their errors, come from chains ([`crate::ising::observe`]); exact critical
//! temperatures are in [`crate::critical`].

mod collapse;
mod crossing;
mod fit;
mod power_law;
mod reweight;
mod study;
#[cfg(test)]
mod tests;
mod weber_minnhagen;

pub use collapse::{Collapse, CollapseFit, Prefactor};
pub use crossing::{BinderCurve, MomentSeries, binder_crossing, crossing};
pub use power_law::{PowerLaw, power_law};
pub use reweight::Series;
pub use study::{
    AtBinder, ChainVerdict, Chains, CriticalPoint, CrossingOfSizes, FiniteSizeScaling, SeriesVerdict,
    SizeData, binder_curve, simulate,
};
pub use weber_minnhagen::{AtTemperature, WeberMinnhagen, weber_minnhagen};

use smml_core::error::{Error, Result, finite, positive};

/// One measurement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Linear size L.
    pub size: f64,
    /// Temperature, or whatever drives the transition.
    pub x: f64,
    /// The value.
    pub value: f64,
    /// Its standard error.
    pub error: f64,
}

impl Point {
    fn check(&self, index: usize) -> Result<()> {
        positive(&format!("size of point {index}"), self.size)?;
        finite(&format!("x of point {index}"), self.x)?;
        finite(&format!("value of point {index}"), self.value)?;
        positive(&format!("error of point {index}"), self.error).map(drop)
    }
}

fn at_least(what: &str, have: usize, least: usize) -> Result<()> {
    if have < least {
        return Err(Error::out_of_range(what, have, format!("at least {least}")));
    }
    Ok(())
}
