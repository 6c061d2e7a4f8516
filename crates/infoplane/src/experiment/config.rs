//! What a TOML file may say.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::keyframes::KeyframesConfig;
use crate::Nonlinearity;
use crate::dataset::{DatasetSource, Scaling, SplitRule};
use crate::estimator::EstimatorConfig;
use crate::network::Initialization;
use crate::schedule::{ScheduleConfig, ScheduleError};
use crate::train::TrainConfig;

/// A whole experiment: data, network, training, what is measured, when, and with how many seeds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Experiment {
    /// What figures and the run directory call it.
    pub name: String,
    /// The publication whose settings these are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// How many trainings, each with a seed of its own.
    #[serde(default = "one")]
    pub seeds: u64,
    /// The seed of the first training; the others follow it.
    #[serde(default)]
    pub first_seed: u64,
    /// Inputs and labels.
    pub dataset: DatasetConfig,
    /// The network.
    pub network: NetworkConfig,
    /// How it is trained.
    pub training: TrainConfig,
    /// Which epochs are measured.
    pub schedule: ScheduleConfig,
    /// Which states of the trainings are kept on the disk.
    #[serde(default)]
    pub keyframes: KeyframesConfig,
    /// What each layer is measured with.
    pub estimators: Vec<EstimatorConfig>,
}

fn one() -> u64 {
    1
}

/// Inputs and labels, and which of them train.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DatasetConfig {
    /// Where the data come from.
    pub source: DatasetSource,
    /// How the rows that train are chosen.
    pub split: SplitRule,
    /// How inputs are scaled before the network sees them: `none` unless given, `standardize`, or `{ divide = 255 }`, which
    /// divides every value by that number.
    #[serde(default, skip_serializing_if = "is_unscaled")]
    pub scaling: Scaling,
    /// Which rows information is measured on.
    #[serde(default)]
    pub measured_on: MeasuredOn,
}

/// Runs without scaling say what they said before there was any.
fn is_unscaled(scaling: &Scaling) -> bool {
    *scaling == Scaling::None
}

/// Which rows information is measured on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MeasuredOn {
    /// All rows.
    #[default]
    All,
    /// The rows that train.
    Train,
    /// The rows held back.
    Test,
    /// The rows that train and the rows held back, each a plane of its own.
    TrainAndTest,
}

/// A dense network, its output as wide as there are classes (or 1 for a single sigmoid unit).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NetworkConfig {
    /// Widths of the hidden layers, from the input on.
    pub hidden: Vec<usize>,
    /// The nonlinearity of the hidden layers: one for all, or a list with one for each.
    pub nonlinearity: OneOrEach,
    /// The nonlinearity of the output layer.
    pub output: Nonlinearity,
    /// Width of the output layer; the number of classes unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_width: Option<usize>,
    /// How weights and biases start.
    #[serde(default)]
    pub initialization: Initialization,
    /// Where given, what is measured is the trained network with the output of every layer rounded to 2^bits levels, 1 to 16
    /// ([`Network::quantised_activations`](crate::Network::quantised_activations)); training is not touched by it.
    /// Measured with `binned`, `exact`, the information is that of the rounded network itself.
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
