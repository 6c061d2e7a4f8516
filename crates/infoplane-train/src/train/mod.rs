//! Deterministic mini-batch training of dense networks.

mod config;
mod error;
mod evaluate;
mod gradient_moments;
mod keyframe;
mod keyframe_file;
mod learning_rate;
mod loss;
mod optimizer;
mod replay;
mod samples;
mod stop;
#[cfg(test)]
mod tests;
mod trainer;

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};

pub use config::{BatchSize, StatisticsEpochs, TrainConfig};
pub use error::TrainError;
pub use keyframe::Keyframe;
pub use keyframe_file::KeyframeError;
pub use learning_rate::LearningRateSchedule;
pub use loss::Loss;
pub use optimizer::Optimizer;
pub use replay::Replay;
pub use samples::Samples;
pub use stop::{Statistic, StopRule, StopState, TrainingEnd};
pub use trainer::Trainer;

/// Statistics of training after an epoch.
///
/// Everything but the seed and the epoch may be unknown: a network trained elsewhere brings what it has.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct EpochStats {
    /// The seed of the run.
    pub seed: u64,
    /// Number of epochs trained; 0 is the untrained network.
    pub epoch: u64,
    /// Mean loss on the training samples, in the loss's own unit (nats for cross-entropy).
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "null_is_nan_if_there")]
    pub train_loss: Option<f32>,
    /// Mean loss on the test samples; absent if there are none.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "null_is_nan_if_there")]
    pub test_loss: Option<f32>,
    /// Fraction of training samples classified correctly.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "null_is_nan_if_there")]
    pub train_accuracy: Option<f32>,
    /// Fraction of test samples classified correctly; absent if there are none.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "null_is_nan_if_there")]
    pub test_accuracy: Option<f32>,
    /// One entry per layer, starting at the input; empty if nothing is known of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<LayerStats>,
    /// Anything else, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub scalars: BTreeMap<String, f64>,
}

/// The weights and gradients of one layer over one epoch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LayerStats {
    /// ‖W‖, Euclidean norm over all weights of the layer, without biases.
    #[serde(deserialize_with = "null_is_nan")]
    pub weight_norm: f32,
    /// ‖mean of the mini-batch gradients of W over the epoch‖; absent at epoch 0.
    pub gradient_mean: Option<f32>,
    /// ‖standard deviation, entry by entry, of the mini-batch gradients of W over the epoch‖; absent at epoch 0.
    pub gradient_standard_deviation: Option<f32>,
}

/// JSON has no NaN and no infinity; training that is about to diverge has them, and they are written as null.
fn null_is_nan<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f32, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(f32::NAN))
}

/// As [`null_is_nan`], of a value that may be absent.
fn null_is_nan_if_there<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f32>, D::Error> {
    null_is_nan(deserializer).map(Some)
}

impl LayerStats {
    /// Signal-to-noise ratio of the gradient, ‖mean‖ / ‖standard deviation‖.
    pub fn gradient_snr(&self) -> Option<f32> {
        Some(self.gradient_mean? / self.gradient_standard_deviation?)
    }
}
