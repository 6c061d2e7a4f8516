//! Errors of estimation, and the checks of input that all methods share.

use crate::steps::{MOST_STEPS, TooLong};
use crate::{AnyEstimator, Bound, Information, Labels, Variable};
use std::fmt;

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
    #[error(
        "{n_labels} label{} for {n_samples} sample{}; each sample needs exactly one",
        if *n_labels == 1 { "" } else { "s" },
        if *n_samples == 1 { "" } else { "s" }
    )]
    LengthMismatch {
        /// Labels given.
        n_labels: usize,
        /// Samples given.
        n_samples: usize,
    },
    /// NaN or infinity where a number is needed.
    #[error(
        "the representation holds {value} at row {row}, column {column} (from 0); only finite values can be measured"
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
    #[error("{key} = {given}; allowed is {allowed}")]
    Setting {
        /// The key, as in a configuration file.
        key: &'static str,
        /// The value given.
        given: String,
        /// The values allowed.
        allowed: &'static str,
    },
    /// The method needs numbers but was given labels.
    #[error(
        "{estimator} measures matrices of numbers, not labels; for labels against numbers use ross or mixed-ksg"
    )]
    NeedsMatrix {
        /// The method.
        estimator: &'static str,
    },
    /// The method needs a discrete variable but was given two matrices of numbers.
    #[error("{estimator} needs labels on one side, not numbers on both")]
    NeedsLabels {
        /// The method.
        estimator: &'static str,
    },
    /// The method measures a layer with classes, but was given a target of numbers.
    #[error(
        "{estimator} measures I(T;Y) of classes, not of a target of numbers; those that measure it of numbers are {}",
        measuring_numbers()
    )]
    NeedsClasses {
        /// The method.
        estimator: &'static str,
    },
    /// Two variables of different length.
    #[error("{given} samples of one variable and {expected} of another; each needs one row per sample")]
    RowMismatch {
        /// Rows of the later variable.
        given: usize,
        /// Rows of the first one.
        expected: usize,
    },
    /// The method does not define this quantity.
    #[error("{estimator} does not estimate {quantity}")]
    NotOffered {
        /// The method.
        estimator: &'static str,
        /// The quantity requested.
        quantity: Quantity,
    },
    /// The method makes no symbols of a layer or of its units.
    #[error(
        "{estimator} has no cells of layers and units; use binned, or a method of counts such as plug-in"
    )]
    NeedsCells {
        /// The method.
        estimator: &'static str,
    },
    /// Fewer samples than the method can work with.
    #[error("{estimator} with {reason} needs at least {needed} samples, got {n_samples}")]
    TooFewSamples {
        /// The method.
        estimator: &'static str,
        /// The setting that decides, as `k = 3`.
        reason: String,
        /// Samples needed.
        needed: usize,
        /// Samples given.
        n_samples: usize,
    },
    /// More samples than the method can work with at once.
    #[error("{estimator} takes at most {most} samples at once, got {n_samples}: {instead}")]
    TooManySamples {
        /// The method.
        estimator: &'static str,
        /// Samples given.
        n_samples: usize,
        /// Samples allowed.
        most: usize,
        /// The alternative.
        instead: &'static str,
    },
    /// A count whose steps would take longer than [`MOST_TIME`](crate::steps::MOST_TIME), as the first of them did.
    #[error(transparent)]
    TooLong(#[from] TooLong),
    /// More columns than the method can work with.
    #[error("{}: {reason}", too_many_columns(estimator, *dims, *most))]
    TooManyDimensions {
        /// The method.
        estimator: &'static str,
        /// Columns given, of all variables together.
        dims: usize,
        /// Columns allowed; 0 if the samples are too few for any.
        most: usize,
        /// The reason for the limit, and the alternative to use.
        reason: &'static str,
    },
    /// Coinciding samples, where the method is wrong for them.
    #[error(
        "{tied} of {n_samples} samples coincide with others, and {estimator} is wrong for them: {instead}"
    )]
    Ties {
        /// The method.
        estimator: &'static str,
        /// Samples that coincide with another.
        tied: usize,
        /// Samples in all.
        n_samples: usize,
        /// The alternative to use.
        instead: &'static str,
    },
    /// The method gave far more than the entropy of the labels, which no information exceeds.
    #[error(
        "{estimator} gave {:.4} nats, far above the entropy of the labels, {:.4} nats: it is wrong for these samples; \
         give a noise variance or bins, or name another method",
        value.nats(), limit.nats()
    )]
    AboveLimit {
        /// The method.
        estimator: &'static str,
        /// What it gave.
        value: Information,
        /// The entropy.
        limit: Information,
    },
    /// The method gave a bound where a value is wanted.
    #[error(
        "{estimator} gave no value but that it is at {} {:.4} bits: {reason}",
        if *bound == Bound::Lower { "least" } else { "most" },
        limit.bits()
    )]
    OnlyBound {
        /// The method.
        estimator: &'static str,
        /// Which bound.
        bound: Bound,
        /// The bound.
        limit: Information,
        /// Why there is no value.
        reason: String,
    },
    /// Sums that another program computed are not those that the estimator needs.
    #[error("the sums given are not those of {estimator}; expected is {expected}")]
    Sums {
        /// The method.
        estimator: &'static str,
        /// What it needs.
        expected: String,
    },
    /// The quantity is infinite, or a property of the sample size alone.
    #[error("{reason}; {choices}")]
    Undetermined {
        /// The reason.
        reason: String,
        /// The choices that make it finite.
        choices: &'static str,
    },
}

/// How many columns are too many; where even one is, the samples are at fault.
fn too_many_columns(estimator: &str, dims: usize, most: usize) -> String {
    match most {
        0 => format!("{estimator} cannot measure these samples"),
        _ => format!("{estimator} measures at most {most} columns of these samples, got {dims}"),
    }
}

/// The names of the methods of the library that measure numbers against numbers.
fn measuring_numbers() -> String {
    let names: Vec<&str> =
        AnyEstimator::ALL.iter().filter(|info| info.measures_numbers()).map(|info| info.name).collect();
    names.join(", ")
}

impl EstimateError {
    /// Returns the kind of error, for programs: a word that never changes.
    pub const fn code(&self) -> &'static str {
        match self {
            EstimateError::Empty { .. } => "empty",
            EstimateError::LengthMismatch { .. } | EstimateError::RowMismatch { .. } => "length-mismatch",
            EstimateError::NotFinite { .. } => "not-finite",
            EstimateError::Setting { .. } => "setting",
            EstimateError::NeedsMatrix { .. } => "needs-numbers",
            EstimateError::NeedsLabels { .. } => "needs-labels",
            EstimateError::NeedsClasses { .. } => "needs-classes",
            EstimateError::NotOffered { .. } => "not-offered",
            EstimateError::NeedsCells { .. } => "needs-cells",
            EstimateError::TooFewSamples { .. } => "too-few-samples",
            EstimateError::TooManySamples { .. } => "too-many-samples",
            EstimateError::TooManyDimensions { .. } => "too-many-dimensions",
            EstimateError::TooLong(_) => "too-long",
            EstimateError::Ties { .. } => "ties",
            EstimateError::AboveLimit { .. } => "above-limit",
            EstimateError::OnlyBound { .. } => "only-bound",
            EstimateError::Sums { .. } => "sums",
            EstimateError::Undetermined { .. } => "undetermined",
        }
    }
}

/// A quantity that an estimator may offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    /// I(X;Y).
    Information,
    /// H(X).
    Entropy,
    /// I(X;Y|Z).
    ConditionalInformation,
    /// Σ H(part) − H(all parts).
    TotalCorrelation,
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Quantity::Information => "the information of a pair, I(X;Y)",
            Quantity::Entropy => "the entropy H(X)",
            Quantity::ConditionalInformation => "conditional information, I(X;Y|Z)",
            Quantity::TotalCorrelation => "total correlation",
        })
    }
}

/// Rejects input that no method can measure: no samples, labels of another length, values that are not finite.
pub(super) fn check_layer(t: &Variable<'_>, labellings: &[&Labels]) -> Result<(), EstimateError> {
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

/// Rejects a count of which one number each would not fit into memory.
pub(super) fn check_fits(key: &'static str, count: usize) -> Result<(), EstimateError> {
    if count > MOST_STEPS {
        return Err(EstimateError::Setting { key, given: count.to_string(), allowed: "at most 100 million" });
    }
    Ok(())
}

/// Rejects variables that no method can measure: no samples, different lengths, values that are not finite.
pub(super) fn check_variables(variables: &[Variable<'_>]) -> Result<(), EstimateError> {
    let expected = variables.first().map_or(0, Variable::n_samples);
    for variable in variables {
        let given = variable.n_samples();
        if given != expected {
            return Err(EstimateError::RowMismatch { given, expected });
        }
        check_layer(variable, &[])?;
    }
    Ok(())
}
