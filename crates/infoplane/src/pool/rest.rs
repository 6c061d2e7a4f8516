//! Whether the weights are at rest: drift against fluctuation.

use serde::{Deserialize, Serialize};

use super::Draw;
use crate::Network;

/// The weights of one layer over a window; a line of `rest.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RestRow {
    /// The seed of the training.
    pub seed: u64,
    /// The layer, from 1; 0 for all layers together.
    pub layer: usize,
    /// ‖mean weights of the second half − mean weights of the first half‖.
    pub movement: f64,
    /// Root of the mean squared distance of the weights from the mean of their half.
    pub spread: f64,
    /// Mean length of the step from one network to the next.
    pub step: f64,
}

impl RestRow {
    /// movement / spread: 2/√M for M independent draws, 2 for a random walk, √12 for a steady drift.
    pub fn drift(&self) -> f64 {
        self.movement / self.spread
    }
}

/// One network of the window; a line of `window.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WindowRow {
    /// Where the network is from.
    #[serde(flatten)]
    pub draw: Draw,
    /// Mean loss on the training samples.
    pub train_loss: f64,
    /// Share of the training samples classified correctly.
    pub train_accuracy: f64,
    /// ‖W‖ over all layers, without biases.
    pub weight_norm: f64,
}

/// Follows the weights over a window.
#[derive(Debug, Clone, Default)]
pub struct Rest {}

impl Rest {
    /// The rows of the networks of one training, in their order: one for each layer, then layer 0 for all.
    pub fn of(_seed: u64, _networks: &[Network]) -> Vec<RestRow> {
        Vec::new()
    }
}
