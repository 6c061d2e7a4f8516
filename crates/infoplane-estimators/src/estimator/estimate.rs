//! An estimate, with everything that a reader must know to interpret it.

use std::fmt;

use super::range::short;
use crate::{AnyEstimator, EstimateError, Estimator, Information, Labels, Variable, VariableKind};
use serde::{Deserialize, Serialize};

/// An estimate with its error, its kind, its ceiling and its warnings.
///
/// The amount is returned unchanged: an unbiased method can give a negative estimate for
/// independent variables, and clamping it is the caller's choice.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimate {
    /// The estimate itself.
    pub information: Information,
    /// Its standard error, where there is one.
    pub standard_error: Option<Information>,
    /// The interval that holds the quantity with 95 % confidence, where there is one.
    pub interval: Option<Interval>,
    /// The quantity that it estimates.
    pub kind: EstimateKind,
    /// Samples given.
    pub n_samples: usize,
    /// Columns of each variable; 1 for labels.
    pub dims: Vec<usize>,
    /// Samples that coincide with another in all variables together, where the method looks for them.
    pub ties: usize,
    /// Samples that were excluded.
    pub dropped: usize,
    /// The largest value that the method can return for this number of samples.
    pub ceiling: Option<Information>,
    /// Caveats that a reader should know before quoting the number.
    pub warnings: Vec<Warning>,
    /// The estimator and the reason for it, if the choice was left to [`Auto`](crate::Auto).
    pub choice: Option<Choice>,
}

/// The estimator that was chosen for some variables, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// The estimator with its settings, to ask it again.
    pub estimator: AnyEstimator,
    /// The kind of each variable, in their order, which decides how it is measured.
    pub kinds: Vec<VariableKind>,
    /// The rows that are measured, if not all are: the others repeat them.
    pub rows: Option<Vec<usize>>,
    /// The reason, in words.
    pub reason: String,
    /// Caveats of the choice.
    pub warnings: Vec<Warning>,
}

impl Choice {
    /// Returns the name of the estimator.
    pub fn name(&self) -> &'static str {
        self.estimator.name()
    }

    /// Returns its settings, as rows and figures print them.
    pub fn setting(&self) -> String {
        self.estimator.layer_settings().into_iter().next().map(|(setting, _)| setting).unwrap_or_default()
    }
}

impl Estimate {
    /// Creates an estimate of `kind` from `variables`; the method adds error, ceiling and warnings.
    pub fn new(information: Information, kind: EstimateKind, variables: &[Variable<'_>]) -> Self {
        Estimate {
            information,
            standard_error: None,
            interval: None,
            kind,
            n_samples: variables.first().map_or(0, Variable::n_samples),
            dims: variables.iter().map(Variable::width).collect(),
            ties: 0,
            dropped: 0,
            ceiling: None,
            warnings: Vec::new(),
            choice: None,
        }
    }

    /// Creates an estimate for a layer of `(n_samples, width)` and labels.
    pub(super) fn of_layer(
        information: Information,
        kind: EstimateKind,
        (n_samples, width): (usize, usize),
    ) -> Self {
        Estimate { n_samples, dims: vec![width, 1], ..Estimate::new(information, kind, &[]) }
    }

    /// Returns the estimate of the information of independent variables: exactly 0.
    pub(super) fn zero(variables: &[Variable<'_>]) -> Self {
        Estimate::new(Information::ZERO, EstimateKind::Exact, variables)
    }

    /// Returns whether it is 0 since a variable never changes, or Z determines one.
    pub(super) fn is_without_question(&self) -> bool {
        let certain = |warning: &Warning| matches!(warning, Warning::Constant | Warning::Determined { .. });
        self.warnings.iter().any(certain)
    }

    /// Returns the information of a constant variable with others: 0, with a warning.
    pub(super) fn of_constant(variables: &[Variable<'_>]) -> Self {
        Estimate { warnings: vec![Warning::Constant], ..Estimate::zero(variables) }
    }
}

/// From the lower to the upper end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The lower end.
    pub lower: Information,
    /// The upper end.
    pub upper: Information,
}

/// The quantity that a number estimates.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum EstimateKind {
    /// The quantity itself for the samples at hand, without error: entropies of counts of the samples.
    Exact,
    /// The quantity itself, approached as the number of samples grows.
    Consistent,
    /// A bound on the quantity, where no value can be given; see the warnings.
    Bound(Bound),
    /// The quantity of the variables with Gaussian noise of this variance added.
    Smoothed {
        /// In squared units of the data.
        noise_variance: f64,
    },
    /// A bound on the quantity of the variables with Gaussian noise of this variance added.
    SmoothedBound {
        /// Which bound.
        bound: Bound,
        /// In squared units of the data.
        noise_variance: f64,
    },
    /// The difference of two upper (lower) bounds, hence not itself a bound.
    BoundDifference {
        /// Which bounds.
        bound: Bound,
        /// In squared units of the data.
        noise_variance: f64,
    },
    /// The quantity of the binned variable.
    Binned {
        /// The bins, as settings print them.
        bins: String,
    },
    /// The quantity at a resolution that the method chose.
    AtResolution {
        /// The name of the scale: `hash width`.
        scale: &'static str,
        /// Its size in units of the data as prepared.
        width: f64,
    },
    /// The quantity if the variables were jointly Gaussian after a monotone map of each column.
    GaussianCopula,
    /// A Rényi entropy or information of a kernel matrix: not Shannon's, and not to be compared with it.
    Renyi {
        /// The order α.
        order: f64,
    },
    /// The mean information of one-dimensional projections, at most that of the variables.
    Sliced,
}

impl fmt::Display for EstimateKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EstimateKind::Exact => f.write_str("exact for these samples"),
            EstimateKind::Consistent => f.write_str("consistent estimate"),
            EstimateKind::Bound(bound) => write!(f, "{} bound", bound.name()),
            EstimateKind::Smoothed { noise_variance } => {
                write!(f, "smoothed at noise variance {}", short(*noise_variance))
            }
            EstimateKind::SmoothedBound { bound, noise_variance } => {
                write!(f, "{} bound, smoothed at noise variance {}", bound.name(), short(*noise_variance))
            }
            EstimateKind::BoundDifference { bound, noise_variance } => write!(
                f,
                "difference of two {} bounds and itself none, smoothed at noise variance {}",
                bound.name(),
                short(*noise_variance)
            ),
            EstimateKind::Binned { bins } => write!(f, "at {bins}"),
            EstimateKind::AtResolution { scale, width } => write!(f, "at {scale} {width:.4}"),
            EstimateKind::GaussianCopula => f.write_str("exact only for a Gaussian copula"),
            EstimateKind::Renyi { order } => {
                write!(f, "matrix-based Rényi information of order {order}, not Shannon's")
            }
            EstimateKind::Sliced => f.write_str("mean over one-dimensional projections"),
        }
    }
}

/// A caveat that a reader should know before quoting a number.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Warning {
    /// Constant columns were excluded: they carry no information.
    ConstantColumns {
        /// Their number.
        columns: usize,
    },
    /// A variable is constant, so the information is 0.
    Constant,
    /// Z determines a variable in these samples, so that the conditional information is 0.
    Determined {
        /// Whether it determines X.
        x: bool,
        /// Whether it determines Y.
        y: bool,
    },
    /// Samples coincide, although the method assumes that all differ.
    Ties {
        /// Samples that coincide with another.
        tied: usize,
        /// Samples in all.
        n_samples: usize,
    },
    /// The estimate is near the largest value possible for this number of samples, so the true value may be far above.
    NearCeiling {
        /// That value.
        ceiling: Information,
    },
    /// Most samples are alone in their cell, so the counts say little about the population.
    Undersampled {
        /// Samples that share their cell with no other.
        alone: usize,
        /// Samples in all.
        n_samples: usize,
    },
    /// The value depends on the number of samples: it is biased by more than its standard error.
    Drift {
        /// The number of samples of each part.
        n_samples: usize,
        /// The mean over parts of so many samples.
        part: Information,
        /// The value of all of them.
        all: Information,
    },
    /// At the distance of the neighbours X or Y is hardly told from Z, so that a conditional information is too close to 0.
    HardlyTold {
        /// Of the samples as near in Z, the share that is as near in X, too, on average over all samples.
        x: f64,
        /// The same of Y.
        y: f64,
    },
    /// Samples were excluded.
    Dropped {
        /// Their number.
        dropped: usize,
        /// Why.
        reason: &'static str,
    },
    /// The method gave more than the entropy of one side, which no information exceeds.
    AboveLimit {
        /// What it gave.
        value: Information,
        /// The entropy.
        limit: Information,
    },
    /// Each variable may follow from the other without noise, so that the information may be infinite.
    NoNoiseSeen,
    /// The value is above ln N, and it cannot be told whether there is noise.
    AboveResolution,
    /// Rows depend on the rows before them: they are a series, of which this does not hold, or were sorted.
    SerialDependence {
        /// Whether those of X do.
        x: bool,
        /// Whether those of Y do.
        y: bool,
        /// What takes rows for independent draws.
        of: Inference,
    },
    /// Which ways the value was measured by, in words, of methods that choose among several. No caveat by itself.
    Measured(String),
    /// Anything else, in words.
    Note(String),
}

/// What is inferred from samples as independent draws.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inference {
    /// The standard error and the interval.
    Error,
    /// The p-value of a permutation test.
    Test,
    /// The p-value of a permutation test of conditional independence.
    ConditionalTest,
}

impl Warning {
    /// Returns whether a reader must know it before quoting the number; [`Warning::Measured`] only says how it was made.
    pub fn is_caveat(&self) -> bool {
        !matches!(self, Warning::Measured(_))
    }

    /// Says that a conditional information is of samples that [hardly tell](Warning::HardlyTold) X or Y from Z, from counts of the
    /// samples within the neighbours' distance in X and Z, in Y and Z, and in Z; none of variables that are symbols.
    pub(super) fn hardly_told(
        with_x: Option<&[usize]>,
        with_y: Option<&[usize]>,
        of_z: &[usize],
    ) -> Option<Self> {
        let share = |with: Option<&[usize]>| {
            let of_sample = |(with, z): (&usize, &usize)| (with + 1) as f64 / (z + 1) as f64;
            let sum: f64 = with.map_or(0.0, |with| with.iter().zip(of_z).map(of_sample).sum());
            sum / of_z.len() as f64
        };
        let (x, y) = (share(with_x), share(with_y));
        (x.max(y) > 1.0 / 3.0).then_some(Warning::HardlyTold { x, y })
    }

    /// Whether that is so far that neither an error nor a p-value can be relied on.
    pub(super) fn is_unresolved(&self) -> bool {
        matches!(self, Warning::HardlyTold { x, y } if x.max(*y) > 0.5)
    }

    /// In so many columns neighbours are far.
    pub(super) fn far_neighbours(columns: usize) -> Self {
        Warning::Note(format!("in {columns} columns neighbours are far, and the estimate is biased downward"))
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Warning::ConstantColumns { columns } => {
                write!(f, "{columns} columns never change and were left out")
            }
            Warning::Constant => f.write_str("a variable never changes, so the information is 0"),
            Warning::Determined { x, y } => {
                let sides = match (x, y) {
                    (true, false) => "X",
                    (false, true) => "Y",
                    _ => "X and Y",
                };
                write!(f, "Z determines {sides} in these samples, so that nothing is left to share: the information is 0")
            }
            Warning::Ties { tied, n_samples } => {
                write!(
                    f,
                    "{tied} of {n_samples} samples coincide with others; the method takes all to differ"
                )
            }
            Warning::NearCeiling { ceiling } => write!(
                f,
                "within 1 nat of the {:.3} nats that so many samples allow; the truth may be far above",
                ceiling.nats()
            ),
            Warning::Undersampled { alone, n_samples } => write!(
                f,
                "{alone} of {n_samples} samples share their cell with no other; the value says more of the sample \
                 size than of the variables"
            ),
            Warning::Drift { n_samples, part, all } => write!(
                f,
                "depends on the number of samples: {:.3} nats from parts of {n_samples}, {:.3} from all; more would move it \
                 further",
                part.nats(),
                all.nats()
            ),
            Warning::HardlyTold { x, y } => {
                let (side, share) = if x >= y { ("X", x) } else { ("Y", y) };
                write!(
                    f,
                    "of the samples as near in Z as the neighbours are, {:.0} % are as near in {side}, too: they hardly tell \
                     {side} from Z, and the value is mostly too close to 0",
                    100.0 * share
                )
            }
            Warning::Dropped { dropped, reason } => write!(f, "{dropped} samples were left out: {reason}"),
            Warning::AboveLimit { value, limit } => write!(
                f,
                "the method gave {:.4} nats, above the entropy of the symbols, at most {:.4} nats, which no information exceeds",
                value.nats(),
                limit.nats()
            ),
            Warning::NoNoiseSeen => f.write_str(
                "one side follows from the other without noise as far as these samples show; the information may be \
                 infinite, and no value is given: noise or bins make it finite",
            ),
            Warning::AboveResolution => f.write_str(
                "more than ln N, and in so many columns these samples cannot show whether there is noise; no value is \
                 given: noise or bins make it finite",
            ),
            Warning::SerialDependence { x, y, of } => {
                let sides = match (x, y) {
                    (true, false) => "X",
                    (false, true) => "Y",
                    _ => "X and of Y",
                };
                let of_series = match of {
                    Inference::Error => "the standard error is too small: give a block length",
                    Inference::Test => "the p-value is too small: rotate, or permute blocks",
                    Inference::ConditionalTest => "the p-value may be too small, unless Z holds the past of Y",
                };
                write!(
                    f,
                    "the rows of {sides} are like the rows before them: a series, or a sorted file. For a series \
                     {of_series}; for a sorted file it is right"
                )
            }
            Warning::Measured(text) | Warning::Note(text) => f.write_str(text),
        }
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

impl Bound {
    /// Returns its name in files, `upper` or `lower`.
    pub const fn name(self) -> &'static str {
        match self {
            Bound::Upper => "upper",
            Bound::Lower => "lower",
        }
    }
}

/// The estimates of one setting of an estimator for a layer.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerEstimate {
    /// The setting, as rows and figures print it: `noise_variance=0.001`, `30 edges on [-1, 1]`.
    pub setting: String,
    /// Which bound on I(X;T) this is, for a method that gives bounds.
    pub bound: Option<Bound>,
    /// I(T; labelling) for each labelling given, in that order, or why there is none.
    pub estimates: Vec<Result<Estimate, EstimateError>>,
    /// Number of values of T outside the bins; 0 for methods without bins.
    pub out_of_range: u64,
    /// Number of rows of T that share their cell with no other; absent for methods without cells.
    pub alone: Option<u64>,
    /// I(T; labels in another order), where [`Measure::layer_with_shuffled`](crate::Measure::layer_with_shuffled) was asked
    /// for it and it could be measured.
    pub shuffled: Option<Information>,
}

impl LayerEstimate {
    /// Where shuffled labels have at least this share of H(Y), I(T;Y) tells nothing of the layer.
    ///
    /// Any labels of these shares of classes would then have at least so much of it.
    pub const ALL_BIAS: f64 = 0.9;

    /// Returns whether I(T; shuffled labels) is known and at least [`ALL_BIAS`](Self::ALL_BIAS) of H(Y), which is not 0.
    pub fn is_all_bias(&self, y: &Labels) -> bool {
        self.shuffled.is_some_and(|shuffled| Self::is_all_bias_of(shuffled, y.entropy()))
    }

    /// Returns whether the information of shuffled labels is at least [`ALL_BIAS`](Self::ALL_BIAS) of H(Y), which is not 0.
    ///
    /// ```
    /// use infoplane_estimators::{Information, LayerEstimate};
    /// let bits = Information::from_bits;
    /// assert!(LayerEstimate::is_all_bias_of(bits(0.95), bits(1.0)));
    /// assert!(!LayerEstimate::is_all_bias_of(bits(0.0), bits(0.0)));
    /// ```
    pub fn is_all_bias_of(shuffled: Information, h_y: Information) -> bool {
        h_y.nats() > 0.0 && shuffled.nats() >= Self::ALL_BIAS * h_y.nats()
    }

    /// Creates the estimates of a setting with nothing out of range, of a method without cells.
    pub fn new(
        setting: String,
        bound: Option<Bound>,
        estimates: Vec<Result<Estimate, EstimateError>>,
    ) -> Self {
        LayerEstimate { setting, bound, estimates, out_of_range: 0, alone: None, shuffled: None }
    }
}
