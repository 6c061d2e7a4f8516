//! Errors of a joint distribution.

use super::{MAX_DISTINCT_INPUTS, POINTS};

/// Why there is no information-bottleneck curve.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BottleneckError {
    /// No input, or no class.
    #[error("p(y|x) has {inputs} inputs and {classes} classes; both must be at least 1")]
    Empty {
        /// Rows.
        inputs: usize,
        /// Columns.
        classes: usize,
    },
    /// p(x) and p(y|x) are not of the same inputs.
    #[error("p(x) has {p_x} inputs, p(y|x) has {p_y_given_x} rows; there must be one row for each input")]
    Length {
        /// Length of p(x).
        p_x: usize,
        /// Rows of p(y|x).
        p_y_given_x: usize,
    },
    /// A probability below 0, or none at all.
    #[error("{what} = {value}; a probability is a finite number of 0 or more")]
    Probability {
        /// Which, as `p(x = 3)`.
        what: String,
        /// The value given.
        value: f64,
    },
    /// Probabilities that do not sum to 1.
    #[error("{what} sums to {sum}; probabilities sum to 1 (to 1e-6)")]
    Sum {
        /// Which, as `p(y|x = 3)`.
        what: String,
        /// Their sum.
        sum: f64,
    },
    /// Too many inputs that differ.
    #[error("{distinct} inputs differ in p(y|x); at most {MAX_DISTINCT_INPUTS} may")]
    TooManyInputs {
        /// Number of inputs that differ.
        distinct: usize,
    },
    /// A number of points out of range.
    #[error("{n_points} points; allowed are {} to {}", POINTS.start(), POINTS.end())]
    Points {
        /// The value requested.
        n_points: usize,
    },
}
