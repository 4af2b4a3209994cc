//! Every public item that the catalogue names must exist: else this file does not compile.
//! Generated from docs/equations.toml by `cargo xtask codegen`: edit that file instead.

#![allow(unused_imports)]

use smml_core::central_limit as _;
use smml_core::convolve as _;
use smml_core::distribution as _;
use smml_core::energy::Energy as _;
use smml_core::energy::LocalEnergy as _;
use smml_core::energy::ln_z_exact as _;
use smml_core::importance as _;
use smml_core::information as _;
