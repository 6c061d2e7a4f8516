//! Lagged and transfer information of time series.
//!
//! | | formula | says |
//! |---|---|---|
//! | lagged information | I(X_{t−τ};Y_t) | what X tells of Y after τ rows |
//! | [transfer entropy](Embedding::transfer) | I(Y_t; X_{t−u}, …, X_{t−u−l+1} \| Y_{t−1}, …, Y_{t−k}) | what the past of X tells of Y beyond Y's own past |
//!
//! Both are information of rows that are put together from the rows of the series ([`Embedding`]) and can be measured by any
//! estimator of pairs or of conditional information, with its error and its tests.
//!
//! # References
//! Schreiber (2000), *Measuring information transfer*, Phys. Rev. Lett. 85:461; Wibral et al. (2013), *Measuring
//! information-transfer delays*, PLoS ONE 8:e55809, for the delay.

mod embedding;
#[cfg(test)]
mod tests;

pub use embedding::{Embedding, History, Series};

use crate::{Estimate, EstimateError, Estimator, Variable};

/// Estimates the transfer entropy from a source to a target, with a standard error from blocks of rows.
///
/// ```text
/// T = I(Y_t ; X_{t−u}, …, X_{t−u−l+1} | Y_{t−1}, …, Y_{t−k})
/// ```
///
/// with Y the target, X the source, and u, k, l the [`History`]. See [`Embedding::transfer`].
///
/// # Errors
/// As [`Embedding::transfer`] and [`Measure::conditional`](crate::Measure::conditional).
///
/// # Examples
/// ```
/// use infoplane_estimators::series::{History, transfer_entropy};
/// use infoplane_estimators::Gcmi;
/// let noise = |i: usize, factor: f64| ((i as f64 * factor).sin() * 43758.5453).rem_euclid(1.0) - 0.5;
/// let x: Vec<f64> = (1..=2000).map(|i| noise(i, 12.9898)).collect();
/// let mut y = vec![0.0];
/// (1..2000).for_each(|i| y.push(0.5 * y[i - 1] + 0.8 * x[i - 1] + noise(i, 78.233)));
/// // ½ ln(1 + .8²) = .247 for normal noise.
/// let forth = transfer_entropy(&Gcmi::default(), &x, &y, History::default())?;
/// let back = transfer_entropy(&Gcmi::default(), &y, &x, History::default())?;
/// assert!((forth.information.nats() - 0.247).abs() < 0.05);
/// assert!(back.information.nats().abs() < 0.01);
/// # Ok::<(), infoplane_estimators::EstimateError>(())
/// ```
pub fn transfer_entropy<'s, 't, E: Estimator + ?Sized>(
    estimator: &E,
    source: impl Into<Series<'s>>,
    target: impl Into<Series<'t>>,
    history: History,
) -> Result<Estimate, EstimateError> {
    let embedding = Embedding::transfer(&source.into(), &target.into(), history)?.for_estimator(estimator);
    embedding.resampling(estimator)?.with_error(embedding.options())
}

/// Estimates the lagged information I(X_{t−lag};Y_t), with a standard error from blocks of rows.
///
/// A negative lag is that of Y before X: I(X_t;Y_{t−|lag|}). See [`Embedding::lagged`].
///
/// # Errors
/// As [`Embedding::lagged`] and [`Measure::pair`](crate::Measure::pair).
///
/// # Examples
/// ```
/// use infoplane_estimators::{Gcmi, series::lagged_information};
/// let noise = |i: usize, factor: f64| ((i as f64 * factor).sin() * 43758.5453).rem_euclid(1.0) - 0.5;
/// let x: Vec<f64> = (0..1000).map(|i| noise(i + 1, 12.9898)).collect();
/// let y: Vec<f64> = (0..1000).map(|i| if i < 3 { 0.0 } else { x[i - 3] } + noise(i + 1, 78.233)).collect();
/// let at = |lag| Ok::<f64, infoplane_estimators::EstimateError>(
///     lagged_information(&Gcmi::default(), &x, &y, lag)?.information.nats());
/// assert!(at(3)? > 0.25 && at(2)? < 0.02 && at(-3)? < 0.02);
/// # Ok::<(), infoplane_estimators::EstimateError>(())
/// ```
pub fn lagged_information<'x, 'y, E: Estimator + ?Sized>(
    estimator: &E,
    x: impl Into<Series<'x>>,
    y: impl Into<Series<'y>>,
    lag: isize,
) -> Result<Estimate, EstimateError> {
    let embedding = Embedding::lagged(&x.into(), &y.into(), lag)?.for_estimator(estimator);
    embedding.resampling(estimator)?.with_error(embedding.options())
}

impl<'a, V> From<V> for Series<'a>
where
    V: Into<Variable<'a>>,
{
    fn from(values: V) -> Self {
        Series::new(values)
    }
}
