//! The error of an estimate: by subsampling, by the bootstrap, by permuting one variable.
//!
//! All three work with any [`Estimator`] and give the same numbers for a seed with any number of threads. They take
//! rows for independent draws; for series there are blocks of consecutive rows and restricted permutations.

mod bootstrap;
mod local;
mod permutation;
mod resampling;
mod scheme;
mod serial;
#[cfg(test)]
mod series_tables;
#[cfg(test)]
mod series_tests;
mod subsampling;
#[cfg(test)]
mod tests;

pub use bootstrap::{Bootstrap, block_bootstrap, bootstrap};
pub use local::conditional_permutation_test;
pub use permutation::{PermutationTest, permutation_test, restricted_permutation_test};
pub use resampling::Resampling;
pub use scheme::{BlockLength, PermutationScheme};
pub use serial::serial_dependence;
pub use subsampling::{Subsampling, block_subsampling_error, subsampling_error};

use crate::random::{Purpose, generator, shuffle};
use crate::{
    Estimate, EstimateError, EstimateKind, Estimator, Inference, Information, Interval, Uncertainty,
    Variable, Warning,
};
use bootstrap::resample;
use subsampling::{MANY_SAMPLES, subsample, subsample_few};

/// Options of [`with_uncertainty`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// The largest number of parts, for subsampling.
    pub parts: usize,
    /// Draws, for the bootstrap.
    pub draws: usize,
    /// Seed of the random draws.
    pub seed: u64,
    /// For series: the number of consecutive rows that stay together in parts and draws. `None` for rows that are
    /// independent draws.
    pub block_length: Option<BlockLength>,
}

impl Default for Options {
    /// 10 parts, 200 draws, seed 0, independent rows.
    fn default() -> Self {
        Options { parts: 10, draws: 200, seed: 0, block_length: None }
    }
}

/// Estimates I(X;Y) with a standard error and an interval, in the way that suits the method.
///
/// | [`Uncertainty`] of the estimator | what is done |
/// |---|---|
/// | `OwnError` | the estimate has it; value ± 1.96 of it, unless the estimate has an interval |
/// | `Subsampling` | [`subsampling_error`], from 100,000 samples on by 20 parts alone; value ± 1.96 of it, and the drift as a warning |
/// | `Bootstrap` | [`bootstrap`] |
/// | `None` | nothing |
///
/// With a block length, [`block_subsampling_error`] takes the place of `OwnError` and of `Subsampling`, and
/// [`block_bootstrap`] that of `Bootstrap`. Without one, an estimate with an error gets [`Warning::SerialDependence`]
/// if the rows of X or of Y depend on the rows before them ([`serial_dependence`]): of one side is enough, as the
/// error is that of a mean over rows of a function of both.
///
/// For [`Auto`](crate::Auto) it is the estimator that was chosen for all samples. An error that the estimate already
/// has is kept. Where the parts have too few samples for the method, the estimate is
/// returned with a warning. Cost: up to 200 estimates.
///
/// # Errors
/// As [`Measure::pair`](crate::Measure::pair); [`EstimateError::Setting`] for options that are not allowed.
///
/// # Examples
/// ```
/// use infoplane_estimators::{Edge, Options, Variable, with_uncertainty};
/// use ndarray::Array2;
///
/// let x = Array2::from_shape_fn((500, 1), |(i, _)| (i as f64 * 0.618).fract());
/// let y = Array2::from_shape_fn((500, 1), |(i, _)| (i as f64 * 0.618).fract() + (i as f64 * 0.414).fract());
/// let edge = Edge::default();
/// let (x, y) = (Variable::Double(x.view()), Variable::Double(y.view()));
/// let estimate = with_uncertainty(&edge, x, y, Options::default())?;
/// assert!(estimate.standard_error.expect("an error").nats() > 0.0);
/// # Ok::<(), infoplane_estimators::EstimateError>(())
/// ```
pub fn with_uncertainty<'x, 'y, E: Estimator + ?Sized>(
    estimator: &E,
    x: impl Into<Variable<'x>>,
    y: impl Into<Variable<'y>>,
    options: Options,
) -> Result<Estimate, EstimateError> {
    let (x, y) = (x.into(), y.into());
    Resampling::new(estimator, x.view(), y.view())?.with_error(options)
}

fn estimate_with_error<E: Estimator + ?Sized>(
    resampling: &Resampling<'_, E>,
    options: Options,
) -> Result<Estimate, EstimateError> {
    let mut estimate = resampled(resampling, options)?;
    estimate.warnings.extend(bias_of_cells(resampling));
    let has_error = estimate.standard_error.is_some() || estimate.interval.is_some();
    if !has_error || options.block_length.is_some() || estimate.is_without_question() {
        return Ok(estimate);
    }
    let doubt = resampling.doubt(Inference::Error);
    Ok(Estimate { warnings: estimate.warnings.into_iter().chain(doubt).collect(), ..estimate })
}

fn resampled<E: Estimator + ?Sized>(
    resampling: &Resampling<'_, E>,
    options: Options,
) -> Result<Estimate, EstimateError> {
    let mut estimate = resampling.estimate.clone();
    let block = options.block_length.map(|length| length.rows(&resampling.variables())).transpose()?;
    let bounded = matches!(estimate.kind, EstimateKind::Bound(_));
    // An interval around a value that is too close to 0 does not hold the truth.
    let unresolved = estimate.warnings.iter().any(Warning::is_unresolved);
    if bounded || unresolved || estimate.is_without_question() {
        return Ok(estimate);
    }
    if block.is_some() {
        (estimate.standard_error, estimate.interval) = (None, None);
    }
    let block = block.unwrap_or(1);
    let centred = |error: Information| Interval {
        lower: estimate.information - error * 1.96,
        upper: estimate.information + error * 1.96,
    };
    if let Some(error) = estimate.standard_error {
        estimate.interval = estimate.interval.or(Some(around(centred(error), &estimate)));
        return Ok(estimate);
    }
    let n = resampling.n_samples();
    let found = match resampling.uncertainty() {
        Uncertainty::None => return Ok(estimate),
        Uncertainty::OwnError if options.block_length.is_none() => return Ok(estimate),
        Uncertainty::Subsampling | Uncertainty::OwnError if n < 20 => {
            Err(format!("{n} samples are too few for parts of them"))
        }
        Uncertainty::Subsampling | Uncertainty::OwnError => {
            // Parts of ten samples say little, but say it; fewer would be another method's question.
            let parts = match block {
                1 => options.parts.min(n / 10),
                // Two blocks in a part, at least.
                block => options.parts.min(n / 10).min(n / block / 2),
            };
            let found = match n < MANY_SAMPLES {
                true => subsample(resampling, parts, options.seed, block),
                false => subsample_few(resampling, options.seed, block),
            };
            let found = match found {
                // Larger parts, and fewer of them, for an estimator that needs them.
                Err(EstimateError::TooFewSamples { needed, .. }) if (2..parts).contains(&(n / needed)) => {
                    subsample(resampling, n / needed, options.seed, block)
                }
                found => found,
            };
            match found {
                Ok(found) => Ok((found.standard_error, centred(found.standard_error), found.drift)),
                Err(EstimateError::Setting { key, given, allowed }) => {
                    return Err(EstimateError::Setting { key, given, allowed });
                }
                Err(error) => Err(error.to_string()),
            }
        }
        Uncertainty::Bootstrap if mostly_alone(&estimate) => {
            Err("most samples are alone in their cells, where samples drawn again say nothing".into())
        }
        Uncertainty::Bootstrap => match resample(resampling, options.draws, options.seed, block) {
            Ok(found) => Ok((found.standard_error, found.interval, None)),
            Err(EstimateError::Setting { key, given, allowed }) => {
                return Err(EstimateError::Setting { key, given, allowed });
            }
            Err(error) => Err(error.to_string()),
        },
    };
    match found {
        // Parts that all agree, to rounding, say nothing of the error.
        Ok((error, _, warning)) if error.nats() <= 1e-9 => {
            estimate.warnings.extend(warning);
            estimate.warnings.push(Warning::Note("no standard error: all parts of the samples agree".into()));
        }
        Ok((error, interval, warning)) => {
            estimate.standard_error = Some(error);
            estimate.interval = estimate.interval.or(Some(around(interval, &estimate)));
            estimate.warnings.extend(warning);
        }
        Err(reason) => estimate.warnings.push(Warning::Note(format!("no standard error: {reason}"))),
    }
    Ok(estimate)
}

/// Share of a value from which that of samples in random order is told.
const TOLD_BIAS: f64 = 0.1;

/// Returns how much cells find where there is nothing, if it is much: Y in random order. The more cells, the more.
fn bias_of_cells<E: Estimator + ?Sized>(resampling: &Resampling<'_, E>) -> Option<Warning> {
    let of_cells = matches!(resampling.estimate.kind, EstimateKind::Binned { .. } | EstimateKind::Exact);
    let value = resampling.estimate.information.nats();
    if !of_cells || resampling.given_variable().is_some() || value <= 0.0 {
        return None;
    }
    let mut rows: Vec<usize> = (0..resampling.n_samples()).collect();
    shuffle(&mut generator(0, Purpose::Baseline, 0), &mut rows);
    let shuffled = resampling.of_permuted(&rows).ok()?;
    (shuffled >= TOLD_BIAS * value).then(|| {
        Warning::Note(format!(
            "with Y in random order, which tells nothing of X, the value is {shuffled:.6} nats: that is the bias of so many \
             cells and so few samples"
        ))
    })
}

/// Whether most samples share their cell with no other.
fn mostly_alone(estimate: &Estimate) -> bool {
    let undersampled = |warning: &Warning| matches!(warning, Warning::Undersampled { .. });
    estimate.warnings.iter().any(undersampled)
}

/// Returns the interval as far as the estimate can lie in it: up to the ceiling, and with the value itself, which an interval
/// without the bias of the estimator may not hold.
fn around(interval: Interval, estimate: &Estimate) -> Interval {
    let value = estimate.information;
    let (lower, upper) = match estimate.ceiling {
        Some(ceiling) if interval.upper > ceiling => (interval.lower, ceiling),
        _ => (interval.lower, interval.upper),
    };
    Interval {
        lower: if lower > value { value } else { lower },
        upper: if upper < value { value } else { upper },
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn deviation(values: &[f64], mean: f64) -> f64 {
    let squares: f64 = values.iter().map(|v| (v - mean) * (v - mean)).sum();
    (squares / (values.len() as f64 - 1.0).max(1.0)).sqrt()
}
