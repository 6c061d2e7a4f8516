//! What a run is expected to cost, so that a bar can tell how much is left.

use crate::dataset::{DatasetSource, SplitRule};
use crate::estimator::{EstimatorConfig, Method};
use crate::experiment::{Experiment, MeasuredOn};
use crate::train::BatchSize;

/// Seconds that one core is expected to take, to a factor of two: rates measured on the 12-bit task and on MNIST.
///
/// ```
/// use infoplane::{experiment::Experiment, reproduce::expected_cpu_seconds};
/// let one = expected_cpu_seconds(&Experiment::load("tishby2017", &["seeds=1".into()])?);
/// let ten = expected_cpu_seconds(&Experiment::load("tishby2017", &["seeds=10".into()])?);
/// assert!((ten / one - 10.0).abs() < 1e-6);
/// # Ok::<(), infoplane::experiment::ExperimentError>(())
/// ```
pub fn expected_cpu_seconds(experiment: &Experiment) -> f64 {
    let (n_samples, features, classes) = match experiment.dataset.source {
        DatasetSource::Mnist { .. } => (70_000.0, 784, 10),
        _ => (4096.0, 12, 2),
    };
    let n_train = match experiment.dataset.split {
        SplitRule::Shuffled { train_fraction, .. } => n_samples * f64::from(train_fraction as f32),
        _ => n_samples * 6.0 / 7.0,
    };
    let n_measured = match experiment.dataset.measured_on {
        MeasuredOn::All => n_samples,
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
    let mut measuring = 2e-4;
    let mut passes = 1.0;
    for estimator in &experiment.estimators {
        measuring += match estimator {
            EstimatorConfig::Kde(kde) => {
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
    let points = experiment.epochs().ok().flatten().map_or(100.0, |epochs| epochs.len() as f64);
    experiment.seeds as f64 * (experiment.training.epochs as f64 * epoch * passes + points * measuring)
}
