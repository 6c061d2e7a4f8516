//! Methods of estimating information, one file each.
//!
//! With `information`, `variable` and `pairwise` this module knows nothing of networks.

pub mod kde;

use serde::{Deserialize, Serialize};

use crate::{Information, Labels, Variable};

/// An estimated amount, with what comes with it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The estimate itself.
    pub information: Information,
    /// Its standard error, where the method has one.
    pub standard_error: Option<Information>,
}

impl Estimate {
    /// An estimate of a method that gives no standard error.
    pub fn without_error(information: Information) -> Self {
        Estimate { information, standard_error: None }
    }
}

/// Which side of the quantity an estimate of I(X;T) bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bound {
    /// The estimate is at least the quantity.
    Upper,
    /// The estimate is at most the quantity.
    Lower,
}

/// What one setting of a method says about a layer.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// The setting, as rows and figures print it: `noise_variance=0.001`, `30 edges on [-1, 1]`.
    pub setting: String,
    /// Which bound on I(X;T) this is, for a method that gives bounds.
    pub bound: Option<Bound>,
    /// I(T; labelling) for each labelling given, in that order.
    pub estimates: Vec<Estimate>,
    /// How many values of T lay outside the bins; 0 for methods without bins.
    pub out_of_range: u64,
}

/// A method that measures what a layer knows of labellings of its samples.
///
/// One call takes all labellings (X and Y), so that a method can share its work among them.
pub trait Estimator: Send + Sync {
    /// The name on the command line, in files and in figures.
    fn name(&self) -> &'static str;

    /// I(T; labelling) for every labelling, for every setting the estimator was made with.
    ///
    /// The settings come in the same order at every call.
    ///
    /// # Errors
    /// [`EstimateError`] if T cannot be measured; never a panic, never NaN.
    fn layer(&self, t: Variable<'_>, labellings: &[&Labels]) -> Result<Vec<Reading>, EstimateError>;
}

/// Why there is no estimate.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EstimateError {
    /// No samples, or samples without columns.
    #[error("nothing to measure: the representation has {n_samples} samples of width {width}")]
    Empty {
        /// Rows given.
        n_samples: usize,
        /// Columns given.
        width: usize,
    },
    /// Labels and representation disagree about the number of samples.
    #[error("{n_labels} labels for {n_samples} samples; each sample needs exactly one")]
    LengthMismatch {
        /// Labels given.
        n_labels: usize,
        /// Samples given.
        n_samples: usize,
    },
    /// NaN or infinity where a number is needed.
    #[error(
        "the representation holds {value} at row {row}, column {column}; only finite values can be measured"
    )]
    NotFinite {
        /// Row of the first such value, from 0.
        row: usize,
        /// Its column, from 0.
        column: usize,
        /// The value.
        value: f64,
    },
    /// A setting outside what the method allows.
    #[error("{parameter} = {given}; allowed is {allowed}")]
    Setting {
        /// Name of the parameter, as in a configuration file.
        parameter: &'static str,
        /// What was given.
        given: String,
        /// What is allowed.
        allowed: &'static str,
    },
    /// The method needs numbers but was given labels.
    #[error("{estimator} measures a matrix of numbers, not labels")]
    NeedsMatrix {
        /// The method.
        estimator: &'static str,
    },
}

/// Refuses what no method can measure: no samples, labels of another length, values that are not finite.
pub(crate) fn check_layer(t: &Variable<'_>, labellings: &[&Labels]) -> Result<(), EstimateError> {
    let (n_samples, width) = (t.n_samples(), t.width());
    if n_samples == 0 || width == 0 {
        return Err(EstimateError::Empty { n_samples, width });
    }
    for labels in labellings {
        if labels.len() != n_samples {
            return Err(EstimateError::LengthMismatch { n_labels: labels.len(), n_samples });
        }
    }
    match t.first_non_finite() {
        Some((row, column, value)) => Err(EstimateError::NotFinite { row, column, value }),
        None => Ok(()),
    }
}
