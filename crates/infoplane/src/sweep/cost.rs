//! What a run is expected to cost, so that a bar can tell how much is left.

use super::Cell;
use crate::dataset::{DatasetSource, SplitRule};
use crate::estimator::{AnyEstimator, Estimator};
use crate::experiment::{AsIfRandom, Experiment, MeasuredOn, PoolConfig};
use crate::train::BatchSize;

/// Seconds that one core is expected to take, to a factor of two: rates measured on the 12-bit task and on MNIST.
///
/// ```
/// use infoplane::reproduce::{Setup, Size, figure};
/// use infoplane::sweep::expected_cpu_seconds;
/// let seconds = |size| -> Result<f64, infoplane::reproduce::ReproduceError> {
///     let plan = figure("tishby-data-share")?.plan(&Setup { size, mnist: None })?;
///     Ok(plan.iter().map(expected_cpu_seconds).sum())
/// };
/// assert!(seconds(Size::Full)? > 4.0 * seconds(Size::Quick)?);
/// # Ok::<(), infoplane::reproduce::ReproduceError>(())
/// ```
pub fn expected_cpu_seconds(cell: &Cell) -> f64 {
    expected(&cell.experiment, cell.experiment.seeds as f64, cell.pooled.as_ref())
}

/// As [`expected_cpu_seconds`], for so many seeds.
pub(super) fn expected(experiment: &Experiment, seeds: f64, pooled: Option<&AsIfRandom>) -> f64 {
    let (n_samples, features, classes) = match experiment.dataset.source {
        DatasetSource::Mnist { .. } => (70_000.0, 784, 10),
        _ => (4096.0, 12, 2),
    };
    let n_train = match experiment.dataset.split {
        SplitRule::Shuffled { train_fraction, .. } => n_samples * f64::from(train_fraction as f32),
        _ => n_samples * 6.0 / 7.0,
    };
    let n_measured = match experiment.dataset.measured_on {
        MeasuredOn::All | MeasuredOn::TrainAndTest => n_samples,
        MeasuredOn::Train => n_train,
        MeasuredOn::Test => n_samples - n_train,
    };
    let mut widths = vec![features];
    widths.extend(&experiment.network.hidden);
    widths.push(classes);
    let weights: usize = widths.windows(2).map(|pair| pair[0] * pair[1]).sum();
    let batch = match experiment.training.batch_size {
        BatchSize::Samples(size) => size as f64,
        BatchSize::Full => n_train,
    };
    let steps = (n_train / batch).ceil();
    let epoch = n_train * weights as f64 * 1.6e-10 + n_train * widths.len() as f64 * 5e-9 + steps * 1.5e-6;
    let layers = widths.len() as f64 - 1.0;
    if let Some(settings) = pooled {
        let draws = match settings.pool {
            PoolConfig::Epochs { window, .. } | PoolConfig::Steps { window, .. } => window as f64,
            PoolConfig::Seeds { .. } => seeds,
        };
        let n_inputs = settings.inputs.map_or(n_measured, |inputs| inputs as f64);
        // The pool itself and its smaller ones are five times its rows.
        let rows = draws * n_inputs;
        let measuring: f64 = settings
            .estimators
            .iter()
            .map(|estimator| match estimator {
                AnyEstimator::Binned(_) => 5.0 * rows * layers * 8e-8,
                _ => 3.0 * rows * rows * layers * 3e-9,
            })
            .sum();
        return seeds * (experiment.training.epochs as f64 * epoch + measuring);
    }
    let mut measuring = 2e-4;
    let mut passes = 1.0;
    for estimator in &experiment.estimators {
        measuring += match estimator {
            AnyEstimator::Kde(kde) => {
                let pairs = n_measured * n_measured / 2.0;
                pairs
                    * (layers * 0.5 + 0.05 * widths.iter().sum::<usize>() as f64)
                    * 1e-9
                    * (0.4 + 0.6 * kde.noise_variances.len() as f64)
            }
            _ => n_measured * layers * 4e-8,
        };
        if estimator.needs_observed_range() {
            passes = 1.3;
        }
    }
    let points =
        experiment.schedule.most_epochs(experiment.training.epochs).map_or(100.0, |points| points as f64);
    seeds * (experiment.training.epochs as f64 * epoch * passes + points * measuring)
}
