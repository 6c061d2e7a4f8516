//! The error of an estimate: by subsampling, by the bootstrap, by permuting one variable.
//!
//! All three work with any [`Estimator`] and give the same numbers for a seed with any number of threads.

mod bootstrap;
mod permutation;
mod resampling;
mod subsampling;
#[cfg(test)]
mod tests;

pub use bootstrap::{Bootstrap, bootstrap};
pub use permutation::{PermutationTest, permutation_test};
pub use resampling::Resampling;
pub use subsampling::{Subsampling, subsampling_error};

use crate::{
    Estimate, EstimateError, EstimateKind, Estimator, Information, Interval, Uncertainty, Variable, Warning,
};
use subsampling::{MANY_SAMPLES, subsample_few};

/// Options of [`with_uncertainty`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// The largest number of parts, for subsampling.
    pub parts: usize,
    /// Draws, for the bootstrap.
    pub draws: usize,
    /// Seed of the random draws.
    pub seed: u64,
}

impl Default for Options {
    /// 10 parts, 200 draws, seed 0.
    fn default() -> Self {
        Options { parts: 10, draws: 200, seed: 0 }
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
    let mut estimate = resampling.estimate.clone();
    let bounded = matches!(estimate.kind, EstimateKind::Bound(_));
    if bounded || estimate.warnings.contains(&Warning::Constant) {
        return Ok(estimate);
    }
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
        Uncertainty::OwnError | Uncertainty::None => return Ok(estimate),
        Uncertainty::Subsampling if n < 20 => Err(format!("{n} samples are too few for parts of them")),
        Uncertainty::Subsampling => {
            // Parts of ten samples say little, but say it; fewer would be another method's question.
            let parts = options.parts.min(n / 10);
            let found = match n < MANY_SAMPLES {
                true => resampling.subsampling(parts, options.seed),
                false => subsample_few(resampling, options.seed),
            };
            let found = match found {
                // Larger parts, and fewer of them, for an estimator that needs them.
                Err(EstimateError::TooFewSamples { needed, .. }) if (2..parts).contains(&(n / needed)) => {
                    resampling.subsampling(n / needed, options.seed)
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
        Uncertainty::Bootstrap => match resampling.bootstrap(options.draws, options.seed) {
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
