//! What a neural network's layers know while it learns.
//!
//! The information plane draws, for every hidden layer T and epoch, how much the layer knows about the input,
//! I(X;T), against how much it knows about the label, I(T;Y).

pub mod dataset;
pub mod estimator;
pub mod experiment;
mod file;
pub mod information;
pub mod measure;
pub mod network;
pub mod pairwise;
pub mod plane;
mod random;
pub mod report;
pub mod run;
pub mod schedule;
pub mod snapshot;
pub mod train;
pub mod variable;
mod vector_math;

pub use dataset::Dataset;
pub use estimator::{Bound, Estimate, EstimateError, Estimator};
pub use information::Information;
pub use network::{Activations, Layer, Network, Nonlinearity};
pub use plane::{InformationPlane, LayerDescription, PlaneRow};
pub use snapshot::{Snapshot, Snapshots};
pub use variable::{Labels, Variable};
