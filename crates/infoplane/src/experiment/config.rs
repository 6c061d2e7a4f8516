//! What a TOML file may say.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::keyframes::KeyframesConfig;
use crate::Nonlinearity;
use crate::dataset::{DatasetSource, Scaling, SplitRule};
use crate::estimator::AnyEstimator;
use crate::network::Initialization;
use crate::quantity::QuantityConfig;
use crate::schedule::{ScheduleConfig, ScheduleError};
use crate::train::TrainConfig;

/// An experiment: data, network, training, estimators, the epochs to measure, and the number of seeds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Experiment {
    /// The name in figures and of the run directory.
    pub name: String,
    /// The publication whose settings these are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The number of training runs, each with its own seed.
    #[serde(default = "one")]
    pub seeds: u64,
    /// The seed of the first training run; the others follow it.
    #[serde(default)]
    pub first_seed: u64,
    /// Inputs and labels, and the rows used for training and for measuring.
    pub dataset: DatasetConfig,
    /// The network, a dense one.
    pub network: NetworkConfig,
    /// The training.
    pub training: TrainConfig,
    /// The epochs to measure.
    pub schedule: ScheduleConfig,
    /// The states of training that are kept on disk, from which a run resumes.
    #[serde(default)]
    pub keyframes: KeyframesConfig,
    /// The estimators; every layer is measured with each.
    pub estimators: Vec<AnyEstimator>,
    /// What is measured beside the plane; nothing unless given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quantities: Vec<QuantityConfig>,
}

fn one() -> u64 {
    1
}

/// Inputs and labels, and the rows used for training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DatasetConfig {
    /// The source of the data.
    pub source: DatasetSource,
    /// The choice of the training rows.
    pub split: SplitRule,
    /// How inputs are scaled before the network sees them: `none` unless given, `standardize`, or `{ divide = 255 }`, which
    /// divides every value by that number.
    #[serde(default, skip_serializing_if = "is_unscaled")]
    pub scaling: Scaling,
    /// The rows on which information is measured.
    #[serde(default)]
    pub measured_on: MeasuredOn,
}

/// Runs without scaling say what they said before there was any.
fn is_unscaled(scaling: &Scaling) -> bool {
    *scaling == Scaling::None
}

/// The rows on which information is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MeasuredOn {
    /// All rows.
    #[default]
    All,
    /// The training rows.
    Train,
    /// The test rows.
    Test,
    /// The rows that train and the rows held back, each a plane of its own.
    TrainAndTest,
}

/// A dense network with one output unit per class (or a single one, for two classes).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NetworkConfig {
    /// Widths of the hidden layers, starting at the input.
    pub hidden: Vec<usize>,
    /// The nonlinearity of the hidden layers: one for all, or a list with one for each.
    pub nonlinearity: OneOrEach,
    /// The nonlinearity of the output layer.
    pub output: Nonlinearity,
    /// Width of the output layer; the number of classes unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_width: Option<usize>,
    /// The initial weights and biases.
    #[serde(default)]
    pub initialization: Initialization,
    /// Measures the trained network with the output of every layer rounded to 2^bits levels, 1 to 16 bits; no rounding
    /// unless given. See [`Network::quantised_activations`](crate::Network::quantised_activations); training does not
    /// change. Measured with `binned`, `exact`, the information is that of the rounded network itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantised_bits: Option<u8>,
}

/// One nonlinearity for all hidden layers, or one for each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "allowed is one nonlinearity or a list of them, of linear, tanh, relu, leaky-relu, elu, gelu, sigmoid, \
                 hard-tanh, softplus, softsign"
)]
pub enum OneOrEach {
    /// The same for all.
    One(Nonlinearity),
    /// In the order of the layers.
    Each(Vec<Nonlinearity>),
}

impl Experiment {
    /// The seeds of the trainings.
    pub fn seed_list(&self) -> Vec<u64> {
        (self.first_seed..self.first_seed.saturating_add(self.seeds)).collect()
    }

    /// The epochs that each training is measured at, if they are known beforehand.
    ///
    /// # Errors
    /// [`ScheduleError`] if the schedule does not fit the training.
    pub fn epochs(&self) -> Result<Option<Vec<u64>>, ScheduleError> {
        self.schedule.epochs(self.training.epochs)
    }
}
