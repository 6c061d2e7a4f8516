//! The standard error from samples that are drawn again from the samples.

use rayon::prelude::*;

use super::resampling::Resampling;
use super::scheme::BlockLength;
use super::{deviation, mean};
use crate::estimator::error::check_fits;
use crate::interrupt::poll;
use crate::random::{Purpose, below, generator};
use crate::{EstimateError, Estimator, Information, Interval, Uncertainty, Variable};

/// The error of an estimate by the bootstrap, see [`bootstrap`].
#[derive(Debug, Clone, PartialEq)]
pub struct Bootstrap {
    /// The value of all samples.
    pub value: Information,
    /// Its standard error: the standard deviation over draws.
    pub standard_error: Information,
    /// The mean over draws minus the value: the bootstrap estimate of the bias.
    pub bias: Information,
    /// The 95 % interval, with this bias subtracted.
    pub interval: Interval,
}

/// Estimates the standard error and a 95 % interval of I(X;Y) by the bootstrap.
///
/// For methods of counts. A row that is drawn twice coincides with itself, which is right for counts but not for
/// methods of neighbours, so these are refused: use [`subsampling_error`](crate::subsampling_error).
///
/// The plug-in value of resampled data exceeds that of the samples by about as much as that exceeds the
/// true value, so the bias is subtracted from the value, and half of it is counted as uncertain:
///
/// ```text
/// value − bias ± 1.96 √(error² + (bias/2)²)
/// ```
///
/// **It fails when cells outnumber samples**, where resampling shows only a fraction of the bias; use the interval of
/// [`ChaoWangJost`](crate::ChaoWangJost) there.
///
/// Measured on the binned pairs of [`subsampling_error`](crate::subsampling_error), against the information of the bins in the population, with
/// 200, 1000 and 5000 rows, its coverage is 98, 97 and 96 %. Without half of the bias it is 92 % at 200 rows; the
/// coverage of the basic bootstrap interval is 92 to 94 %.
///
/// Cost: `draws` times that of the estimate.
///
/// # Errors
/// [`EstimateError::Setting`] if there are fewer than 20 draws, or for a method of neighbours; and any error of
/// the estimator.
///
/// # Examples
/// ```
/// use infoplane_estimators::{Labels, PlugIn, Variable, bootstrap};
///
/// let x = Labels::from_symbols(&(0..600u32).map(|i| i * i % 7 % 3).collect::<Vec<_>>());
/// let y = Labels::from_symbols(&(0..600u32).map(|i| i * i % 7 % 2).collect::<Vec<_>>());
/// let plug_in = PlugIn::default();
/// let found = bootstrap(&plug_in, Variable::Labels(&x), Variable::Labels(&y), 100, 0)?;
/// assert!(found.interval.lower < found.value && found.value < found.interval.upper);
/// # Ok::<(), infoplane_estimators::EstimateError>(())
/// ```
///
/// # References
/// Davison & Hinkley (1997), *Bootstrap methods and their application*, section 5.2.
pub fn bootstrap<'x, 'y, E: Estimator + ?Sized>(
    estimator: &E,
    x: impl Into<Variable<'x>>,
    y: impl Into<Variable<'y>>,
    draws: usize,
    seed: u64,
) -> Result<Bootstrap, EstimateError> {
    let (x, y) = (x.into(), y.into());
    let resampling = Resampling::new(estimator, x.view(), y.view())?;
    resampling.bootstrap(draws, seed)
}

/// Estimates the standard error and a 95 % interval of I(X;Y) of two series by the bootstrap of moving blocks.
///
/// As [`bootstrap`], but what is drawn are blocks of consecutive rows, which begin anywhere, until there are as many
/// rows as samples. For stationary series; blocks must be long against the correlation length, and many.
///
/// Measured with the plug-in on 200 samples of the signs of two autoregressive series of coefficient φ, 1000 rows,
/// whose innovations have correlation .6, with [`BlockLength::Chosen`]: how often value ± 1.96 errors contained the
/// information of the signs, ln 2 + p ln p + (1 − p) ln(1 − p) with p = ½ + asin(.6)/π:
///
/// | φ | true spread | by rows | coverage | by blocks | coverage |
/// |---|---|---|---|---|---|
/// | 0 | .0126 | .0126 | 94 % | .0126 | 93 % |
/// | .5 | .0128 | .0125 | 94 % | .0134 | 96 % |
/// | .9 | .0277 | .0124 | 66 % | .0239 | 90 % |
///
/// Cost: `draws` times that of the estimate.
///
/// # Errors
/// As [`bootstrap`]; [`EstimateError::Setting`] if there are fewer than four blocks.
///
/// # Examples
/// ```
/// use infoplane_estimators::{BlockLength, Labels, PlugIn, block_bootstrap, bootstrap};
///
/// // A state that lasts for ten rows, seen with errors.
/// let noise = |i: u32, factor: f64| ((f64::from(i) * factor).sin() * 43758.5453).rem_euclid(1.0);
/// let state = |i: u32| noise(i / 10, 12.9898) < 0.5;
/// let seen = |factor| {
///     Labels::from_symbols(&(0..1000).map(|i| state(i) != (noise(i, factor) < 0.1)).collect::<Vec<_>>())
/// };
/// let (x, y) = (seen(78.233), seen(39.425));
/// let rows = bootstrap(&PlugIn::default(), &x, &y, 100, 0)?;
/// let blocks = block_bootstrap(&PlugIn::default(), &x, &y, 100, BlockLength::Chosen, 0)?;
/// assert_eq!(rows.value, blocks.value);
/// # Ok::<(), infoplane_estimators::EstimateError>(())
/// ```
///
/// # References
/// Künsch (1989), *The jackknife and the bootstrap for general stationary observations*, Ann. Stat. 17:1217.
pub fn block_bootstrap<'x, 'y, E: Estimator + ?Sized>(
    estimator: &E,
    x: impl Into<Variable<'x>>,
    y: impl Into<Variable<'y>>,
    draws: usize,
    length: BlockLength,
    seed: u64,
) -> Result<Bootstrap, EstimateError> {
    let (x, y) = (x.into(), y.into());
    Resampling::new(estimator, x.view(), y.view())?.block_bootstrap(draws, length, seed)
}

pub(super) fn resample<E: Estimator + ?Sized>(
    resampling: &Resampling<'_, E>,
    draws: usize,
    seed: u64,
    block: usize,
) -> Result<Bootstrap, EstimateError> {
    if resampling.uncertainty() == Uncertainty::Subsampling {
        return Err(EstimateError::Setting {
            key: "uncertainty",
            given: format!("the bootstrap for {}", resampling.name()),
            allowed: "subsampling: rows drawn twice are neighbours at distance 0",
        });
    }
    if draws < 20 {
        return Err(EstimateError::Setting { key: "draws", given: draws.to_string(), allowed: "20 or more" });
    }
    check_fits("draws", draws)?;
    let value = resampling.estimate.information;
    let n = resampling.n_samples();
    let count = resampling.counter("draws", draws);
    let values: Vec<f64> = (0..draws)
        .into_par_iter()
        .panic_fuse()
        .map(|draw| {
            poll();
            let mut random = generator(seed, Purpose::Uncertainty, 1 << 32 | draw as u64);
            let begins = (n - block + 1) as u32;
            let mut rows: Vec<usize> = (0..n.div_ceil(block))
                .map(|_| below(&mut random, begins) as usize)
                .flat_map(|begin| begin..begin + block)
                .take(n)
                .collect();
            rows.sort_unstable();
            let value = resampling.of_rows(&rows)?;
            count()?;
            Ok(value)
        })
        .collect::<Result<_, EstimateError>>()?;
    let mean = mean(&values);
    let standard_error = deviation(&values, mean);
    let bias = mean - value.nats();
    let half = 1.96 * (standard_error * standard_error + bias * bias / 4.0).sqrt();
    Ok(Bootstrap {
        value,
        standard_error: Information::from_nats(standard_error),
        bias: Information::from_nats(bias),
        interval: Interval {
            lower: Information::from_nats(value.nats() - bias - half),
            upper: Information::from_nats(value.nats() - bias + half),
        },
    })
}
