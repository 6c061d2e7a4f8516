//! Mutual information, entropy and total correlation of samples.

// Tests may compare with the platform's functions.
#![cfg_attr(not(test), deny(clippy::disallowed_methods))]

#[doc(hidden)]
pub mod math;
mod pairwise;
#[doc(hidden)]
pub mod random;
#[doc(hidden)]
pub mod simd;
mod special;
mod symmetric;
mod tile;

pub mod calibrate;
pub mod estimator;
pub mod information;
pub mod known;
pub mod neighbors;
pub mod variable;

pub use estimator::{Bound, Estimate, EstimateError, Estimator};
pub use information::Information;
pub use variable::{Labels, OwnedVariable, Variable};
