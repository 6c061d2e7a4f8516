//! Mutual information, entropy and total correlation of samples.

mod estimator;
mod pairwise;
#[doc(hidden)]
pub mod random;
mod special;
mod symmetric;
mod tile;

pub mod calibrate;
pub mod information;
pub mod known;
pub mod neighbors;
pub mod variable;

pub use estimator::*;
pub use information::Information;
pub use variable::{Labels, OwnedVariable, Variable};
