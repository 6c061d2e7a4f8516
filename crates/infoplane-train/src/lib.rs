//! Small dense neural networks and their deterministic training.

// Tests may compare with the platform's functions.
#![cfg_attr(not(test), deny(clippy::disallowed_methods))]

pub mod network;
pub mod snapshot;
pub mod train;
mod vector_math;

pub use infoplane_estimators::{Labels, Variable};
pub use network::{Activations, Layer, Network, Nonlinearity};
pub use snapshot::{Observe, Snapshot, Snapshots};
