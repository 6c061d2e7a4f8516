//! The as-if-random experiment: late weights, or many trainings, taken as draws of one distribution.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use serde::{Deserialize, Serialize};

use super::config::{Experiment, ExperimentError};
use super::run::{Progress, RunOptions};
use crate::estimator::EstimatorConfig;
use crate::pool::{OverlapRow, PoolRow, RestRow, WindowRow};
use crate::run::{DataFacts, RunDir};
use crate::{Information, LayerDescription};

/// What is pooled, and how it is measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AsIfRandom {
    /// Which networks.
    pub pool: PoolConfig,
    /// How many of the inputs are measured, evenly spaced; all unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inputs: Option<usize>,
    /// What each layer is measured with.
    pub estimators: Vec<EstimatorConfig>,
}

/// Which networks are taken as draws.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "over", rename_all = "kebab-case", deny_unknown_fields)]
pub enum PoolConfig {
    /// Of every training the networks after `window` epochs, `stride` epochs apart, the last of them `last`.
    Epochs {
        /// How many.
        window: usize,
        /// Epochs from one to the next.
        stride: u64,
        /// The last; the last of the training unless given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        last: Option<u64>,
    },
    /// Likewise after single steps of one mini-batch.
    Steps {
        /// How many.
        window: usize,
        /// Steps from one to the next.
        stride: u64,
        /// The last epoch they reach to; the last of the training unless given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        last: Option<u64>,
    },
    /// The networks of all seeds at one epoch.
    Seeds {
        /// The epoch; the last of the training unless given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        epoch: Option<u64>,
    },
}

/// What came of it; also what its directory holds.
#[derive(Debug, Clone, PartialEq)]
pub struct AsIfRandomResult {
    /// What the experiment is called.
    pub name: String,
    /// What is pooled, and how it is measured.
    pub settings: AsIfRandom,
    /// The data that were measured.
    pub data: DataFacts,
    /// The entropy of the inputs measured.
    pub h_x: Information,
    /// The entropy of their labels.
    pub h_y: Information,
    /// The layers.
    pub layers: Vec<LayerDescription>,
    /// `pool.jsonl`.
    pub rows: Vec<PoolRow>,
    /// `rest.jsonl`.
    pub rest: Vec<RestRow>,
    /// `window.jsonl`.
    pub window: Vec<WindowRow>,
    /// `overlap.jsonl`.
    pub overlap: Vec<OverlapRow>,
}

impl Experiment {
    /// Trains (or takes up `run`, whose keyframes are near the window), pools and measures, and writes the directory `out`.
    ///
    /// # Errors
    /// [`ExperimentError`].
    pub fn as_if_random(
        &self,
        _settings: &AsIfRandom,
        _run: Option<&RunDir>,
        _out: &Path,
        _options: RunOptions,
        _progress: &dyn Progress,
        _interrupt: &AtomicBool,
    ) -> Result<AsIfRandomResult, ExperimentError> {
        Err(ExperimentError::Interrupted)
    }
}
