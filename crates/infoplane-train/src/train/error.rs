//! Why training cannot start.

use super::{Loss, Statistic};
use crate::Nonlinearity;
use crate::network::NetworkError;

/// Why training cannot start.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// The network's layers do not fit together.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// The data have another number of features than the network takes.
    #[error("the inputs have {n_features} values each, but the network takes {input_width}")]
    InputWidth {
        /// Columns of the inputs.
        n_features: usize,
        /// Inputs of the first layer.
        input_width: usize,
    },
    /// The output layer does not fit the number of classes.
    #[error(
        "the output layer has {width} units for {n_classes} classes; allowed is one unit per class, or a \
         single unit (not softmax) for two classes"
    )]
    OutputWidth {
        /// Units of the last layer.
        width: usize,
        /// Different labels in the data.
        n_classes: usize,
    },
    /// Loss and output nonlinearity do not fit together.
    #[error("the loss {loss} needs {needed}, but the output layer is {given:?}")]
    LossNeeds {
        /// The loss.
        loss: Loss,
        /// The output nonlinearity that it needs.
        needed: &'static str,
        /// The output nonlinearity of the network.
        given: Nonlinearity,
    },
    /// Labels and inputs disagree about the number of samples.
    #[error("{n_labels} labels for {n_samples} inputs; each input needs exactly one")]
    LabelCount {
        /// Labels given.
        n_labels: usize,
        /// Rows of the inputs.
        n_samples: usize,
    },
    /// An input that is NaN or infinite.
    #[error("the inputs hold {value} at row {row}, column {column}; only finite values can be trained on")]
    NotFinite {
        /// Row of the first such value, from 0.
        row: usize,
        /// Its column, from 0.
        column: usize,
        /// The value.
        value: f64,
    },
    /// A stopping rule on a statistic that does not exist here.
    #[error(
        "stop.statistic = \"{statistic}\" needs samples held back from training, and there are none; use a train \
         statistic, or hold samples back"
    )]
    NoTestSamples {
        /// The statistic of the rule.
        statistic: Statistic,
    },
    /// A row number beyond the data.
    #[error("row {row} was chosen, but there are only {n_samples} samples")]
    RowOutOfRange {
        /// The row chosen.
        row: usize,
        /// Rows of the inputs.
        n_samples: usize,
    },
    /// There are no training samples.
    #[error("there is no training sample")]
    NoTrainingSamples,
    /// More samples than a row number can count.
    #[error("{n_samples} samples are more than the {} that can be numbered", u32::MAX)]
    TooManySamples {
        /// Rows of the inputs.
        n_samples: usize,
    },
    /// A number outside its range.
    #[error("{key} = {given}; allowed is {allowed}")]
    Setting {
        /// The key, as in a configuration file.
        key: &'static str,
        /// What it holds.
        given: String,
        /// The values allowed.
        allowed: &'static str,
    },
    /// A keyframe of another network or optimizer.
    #[error("the keyframe does not fit this training: {what}")]
    Keyframe {
        /// What differs.
        what: String,
    },
}
