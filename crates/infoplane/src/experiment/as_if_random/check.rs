//! Rejects settings that cannot work, before anything is trained.

use super::collect::Exclusion;
use super::{AsIfRandom, PoolConfig, SeedStatus};
use crate::dataset::SplitRule;
use crate::estimator::Estimator;
use crate::experiment::config::{Experiment, MeasuredOn};
use crate::experiment::error::ExperimentError;

impl PoolConfig {
    /// The number of networks of a training run, the epochs or steps between them, and the last epoch if it is given.
    pub(super) fn window(&self) -> (usize, u64, Option<u64>) {
        match *self {
            PoolConfig::Epochs { window, stride, last } | PoolConfig::Steps { window, stride, last } => {
                (window, stride, last)
            }
            PoolConfig::Seeds { epoch } => (1, 1, epoch),
        }
    }

    /// The unit of the stride.
    pub(super) fn unit(&self) -> &'static str {
        match self {
            PoolConfig::Steps { .. } => "steps",
            PoolConfig::Epochs { .. } | PoolConfig::Seeds { .. } => "epochs",
        }
    }

    /// The number of networks in a pool.
    fn n_networks(&self, seeds: u64) -> usize {
        match self {
            PoolConfig::Seeds { .. } => seeds as usize,
            _ => self.window().0,
        }
    }
}

impl AsIfRandom {
    /// Checks what can be known before the data are read.
    pub(super) fn check(&self, experiment: &Experiment) -> Result<(), ExperimentError> {
        let refused = |message: String| Err(value(experiment, message));
        let epochs = experiment.training.epochs;
        let (window, stride, last) = self.pool.window();
        if window == 0 {
            return refused(
                "window = 0; allowed is 1 or more; a single network shows no randomness, so take at least 2"
                    .into(),
            );
        }
        if stride == 0 {
            return refused(format!("stride = 0; allowed is 1 or more {}", self.pool.unit()));
        }
        if let Some(last) = last.filter(|&last| last > epochs) {
            let key = if matches!(self.pool, PoolConfig::Seeds { .. }) { "epoch" } else { "last" };
            return refused(format!(
                "{key} = {last}, but training.epochs = {epochs}; allowed is 0 to {epochs}"
            ));
        }
        match self.pool {
            PoolConfig::Epochs { .. } => self.check_fit(experiment, last.unwrap_or(epochs), None)?,
            PoolConfig::Steps { .. } => {}
            PoolConfig::Seeds { .. } => {
                if experiment.seeds < 2 {
                    return refused(
                        "a pool over seeds needs several training runs, and seeds = 1; allowed is 2 or more"
                            .into(),
                    );
                }
                if experiment.dataset.measured_on != MeasuredOn::All
                    && matches!(experiment.dataset.split, SplitRule::Shuffled { .. })
                {
                    return refused(
                        "a pool over seeds needs the same inputs in every training run, but every seed draws its own \
                         rows (dataset.split is shuffled and dataset.measured_on is not \"all\"); set \
                         dataset.measured_on = \"all\""
                            .into(),
                    );
                }
                if experiment.scales_by_seed() {
                    return refused(
                        "a pool over seeds needs the same inputs in every training run, but every seed scales them by \
                         its own rows (dataset.scaling is \"standardize\" and dataset.split is shuffled); choose \
                         another scaling or another split"
                            .into(),
                    );
                }
            }
        }
        if self.inputs == Some(0) {
            return refused("inputs = 0; allowed is 1 or more of the measured rows".into());
        }
        if self.estimators.is_empty() {
            return refused("estimators is empty; name at least one, for example `binned`".into());
        }
        for (index, estimator) in self.estimators.iter().enumerate() {
            estimator.check().map_err(|source| ExperimentError::Estimator { index, source })?;
        }
        Ok(())
    }

    /// Refuses a window that is longer than a training run whose last epoch is `last`.
    pub(super) fn check_fit_of_training(
        &self,
        experiment: &Experiment,
        last: u64,
        steps_per_epoch: u64,
    ) -> Result<(), ExperimentError> {
        let steps = matches!(self.pool, PoolConfig::Steps { .. });
        self.check_fit(experiment, last, steps.then_some(steps_per_epoch))
    }

    /// The error to report if no training run has the networks to be pooled, from one that does not.
    pub(super) fn ended_early(
        &self,
        experiment: &Experiment,
        status: &SeedStatus,
        exclusion: Exclusion,
    ) -> ExperimentError {
        let Exclusion { epoch, steps_per_epoch } = exclusion;
        let why = match self.pool {
            PoolConfig::Seeds { epoch } => {
                let asked = epoch.unwrap_or(experiment.training.epochs);
                format!("there is no network of epoch {asked}")
            }
            _ => match self.check_fit_of_training(experiment, epoch, steps_per_epoch) {
                Err(ExperimentError::Value { message, .. }) => message,
                Err(other) => other.to_string(),
                Ok(()) => "the window does not fit".into(),
            },
        };
        let why = if status.diverged() { format!("{}: {why}", status.describe(None)) } else { why };
        ExperimentError::EndedEarly { seed: status.seed, epoch, source: Box::new(value(experiment, why)) }
    }

    /// Refuses a window that is longer than what there is up to the epoch `last`; `steps_per_epoch` where steps are
    /// counted, `None` for epochs.
    pub(super) fn check_fit(
        &self,
        experiment: &Experiment,
        last: u64,
        steps_per_epoch: Option<u64>,
    ) -> Result<(), ExperimentError> {
        let (window, stride, _) = self.pool.window();
        let there = last.saturating_mul(steps_per_epoch.unwrap_or(1));
        let span = (window as u64 - 1).saturating_mul(stride);
        if span <= there {
            return Ok(());
        }
        let unit = self.pool.unit();
        let fit = there / stride + 1;
        Err(value(
            experiment,
            format!(
                "a window of {window} networks, {stride} {unit} apart, reaches back {span} {unit}, and there are {there} up \
                 to epoch {last}; {fit} fit (window = {fit}), or more with a smaller stride"
            ),
        ))
    }

    /// The bytes of one pool: activations, and the weights of its networks. Refuses more than `memory`.
    pub(super) fn check_memory(
        &self,
        experiment: &Experiment,
        widths: &[usize],
        n_inputs: usize,
        memory: u64,
    ) -> Result<u64, ExperimentError> {
        let n_networks = self.pool.n_networks(experiment.seeds);
        let units = widths[1..].iter().map(|&width| width as u64).sum::<u64>();
        let weights = widths.windows(2).map(|pair| (pair[0] as u64 + 1) * pair[1] as u64).sum::<u64>();
        let each = (n_inputs as u64).saturating_mul(units).saturating_add(weights).saturating_mul(4);
        let need = each.saturating_mul(n_networks as u64);
        if need <= memory {
            return Ok(need);
        }
        Err(value(
            experiment,
            format!(
                "a pool of {n_networks} networks on {n_inputs} inputs takes {need} bytes ({}) for the values of {units} units \
                 and {weights} weights, and the memory is {memory} bytes ({}); measure fewer inputs, pool \
                 fewer networks (a smaller window), or allow more memory",
                mebibytes(need),
                mebibytes(memory)
            ),
        ))
    }
}

fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}

fn value(experiment: &Experiment, message: String) -> ExperimentError {
    ExperimentError::Value { origin: experiment.name.clone(), message }
}
