//! The table behind the information plane: one row per seed, epoch, layer and setting of an estimator.

mod distance;
mod group;
mod mean;

use serde::{Deserialize, Serialize};

use crate::Bound;

pub use distance::{Distance, Entropies, Scale};
pub use group::{LayerPath, MeanPoint, PlaneGroup, PlanePoint, ProcessingViolations};
pub(crate) use mean::mean_over_seeds;
pub use mean::{Mean, Percentiles};

/// How manifests and figures name a layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerDescription {
    /// The number of its units.
    pub width: usize,
    /// Its nonlinearity, as in configuration files: `tanh`.
    pub nonlinearity: String,
}

/// What one setting of an estimator said about one layer at one epoch of one seed.
///
/// This is a line of `plane.jsonl` and of `plane.csv`; the fields are the columns, in this order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlaneRow {
    /// The seed of the training.
    pub seed: u64,
    /// Epochs of training before the measurement; 0 is the untrained network.
    pub epoch: u64,
    /// The layer, from 1 (nearest the input).
    pub layer: usize,
    /// The number of its units.
    pub width: usize,
    /// The method, by its name in configuration files: `binned`, `kde`, `ross`.
    pub estimator: String,
    /// Its setting, as figures print it.
    pub setting: String,
    /// Which bound on I(X;T), for a method that gives bounds.
    pub bound: Option<Bound>,
    /// I(X;T) in bits; absent if the layer could not be measured.
    pub i_xt_bits: Option<f64>,
    /// I(T;Y) in bits; absent if the layer could not be measured.
    pub i_ty_bits: Option<f64>,
    /// Standard error of I(X;T) in bits, where the method has one.
    pub i_xt_standard_error_bits: Option<f64>,
    /// Standard error of I(T;Y) in bits, where the method has one.
    pub i_ty_standard_error_bits: Option<f64>,
    /// How many values of the layer lay outside the bins.
    pub out_of_range: u64,
    /// `ok`, or why the layer, or one of its two values, could not be measured.
    pub status: String,
}

impl PlaneRow {
    /// The status of a row that holds values.
    pub const OK: &'static str = "ok";
}

/// The rows of a run.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct InformationPlane {
    /// In the order (seed, epoch, layer, estimator, setting, bound).
    pub rows: Vec<PlaneRow>,
}
