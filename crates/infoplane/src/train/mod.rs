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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EpochStats {
    /// The seed of the run.
    pub seed: u64,
    /// Number of epochs trained; 0 is the untrained network.
    pub epoch: u64,
    /// Mean loss on the training samples, in the loss's own unit (nats for cross-entropy).
    #[serde(deserialize_with = "null_is_nan")]
    pub train_loss: f32,
    /// Mean loss on the test samples; absent if there are none.
    pub test_loss: Option<f32>,
    /// Fraction of training samples classified correctly.
    #[serde(deserialize_with = "null_is_nan")]
    pub train_accuracy: f32,
    /// Fraction of test samples classified correctly; absent if there are none.
    pub test_accuracy: Option<f32>,
    /// One entry per layer, starting at the input.
    pub layers: Vec<LayerStats>,
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

impl LayerStats {
    /// Signal-to-noise ratio of the gradient, ‖mean‖ / ‖standard deviation‖.
    pub fn gradient_snr(&self) -> Option<f32> {
        Some(self.gradient_mean? / self.gradient_standard_deviation?)
    }
}
