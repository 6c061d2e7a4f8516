//! When a training ends before its planned number of epochs.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{TrainError, Trainer};
use crate::snapshot::SnapshotError;

/// A rule that ends a training early: at a target, for want of progress, or whichever comes first.
///
/// The statistic is looked at for epoch 0 and then every `interval` epochs, with the network as it is, without
/// dropout and without the term of weight decay: the same number as in [`EpochStats`](super::EpochStats).
/// Cost: a forward pass over its samples each time.
///
/// ```
/// use infoplane::train::{Statistic, TrainConfig};
/// let config: TrainConfig = toml::from_str(r#"
///     epochs = 10000
///     [stop]
///     statistic = "test-loss"
///     target = 0.05
///     patience = 200
/// "#)?;
/// assert_eq!(config.stop.unwrap().statistic, Statistic::TestLoss);
/// # Ok::<(), toml::de::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StopRule {
    /// What is looked at.
    pub statistic: Statistic,
    /// Ends once the loss is at most this, or the accuracy at least this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<f32>,
    /// Ends when the statistic has not got better for so many epochs. A value that is no number is not better.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patience: Option<u64>,
    /// Looked at every so many epochs; at least 1. The training can end at such epochs only.
    #[serde(default = "one")]
    pub interval: u64,
}

fn one() -> u64 {
    1
}

/// A number that says how well a network does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Statistic {
    /// Mean loss on the training samples.
    TrainLoss,
    /// Mean loss on the samples held back.
    TestLoss,
    /// Share of the training samples classified correctly.
    TrainAccuracy,
    /// Share of the samples held back classified correctly.
    TestAccuracy,
}

impl Statistic {
    /// Whether it needs samples held back from training.
    pub fn is_of_test(self) -> bool {
        matches!(self, Statistic::TestLoss | Statistic::TestAccuracy)
    }

    /// Whether it is an accuracy, of which more is better, and not a loss.
    pub fn is_accuracy(self) -> bool {
        matches!(self, Statistic::TrainAccuracy | Statistic::TestAccuracy)
    }

    /// Whether `value` is at least as good as `bound`; false for what is no number.
    fn reaches(self, value: f32, bound: f32) -> bool {
        if self.is_accuracy() { value >= bound } else { value <= bound }
    }
}

impl fmt::Display for Statistic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Statistic::TrainLoss => "train-loss",
            Statistic::TestLoss => "test-loss",
            Statistic::TrainAccuracy => "train-accuracy",
            Statistic::TestAccuracy => "test-accuracy",
        })
    }
}

/// What a [`StopRule`] remembers of the epochs before: with the epoch it determines whether the training has ended.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StopState {
    /// The best value of the statistic so far; none if it has never been a finite number.
    pub best: Option<f32>,
    /// The first epoch with that value, or 0.
    pub epoch: u64,
}

/// Why and when a training ended.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum TrainingEnd {
    /// All planned epochs are trained.
    Epochs,
    /// The statistic reached the target.
    Target {
        /// Which statistic.
        statistic: Statistic,
        /// Its value.
        value: f32,
        /// The target.
        target: f32,
        /// The epoch with that value, the last of the training.
        epoch: u64,
    },
    /// The statistic did not get better for too long.
    Patience {
        /// Which statistic.
        statistic: Statistic,
        /// Its best value; none if it has never been a finite number.
        best: Option<f32>,
        /// The epoch of the best value.
        best_epoch: u64,
        /// The last epoch of the training.
        epoch: u64,
    },
    /// The loss stopped being a number.
    Diverged {
        /// The first epoch whose loss is not finite: one after the last of the training.
        epoch: u64,
        /// That loss.
        loss: f32,
    },
}

impl fmt::Display for TrainingEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TrainingEnd::Epochs => f.write_str("all planned epochs are trained"),
            TrainingEnd::Target { statistic, value, target, epoch } => {
                write!(f, "{statistic} {value} reached the target {target} at epoch {epoch}")
            }
            TrainingEnd::Patience { statistic, best: Some(best), best_epoch, epoch } => write!(
                f,
                "{statistic} has not got better than {best} since epoch {best_epoch}; ended at epoch {epoch}"
            ),
            TrainingEnd::Patience { statistic, best: None, epoch, .. } => {
                write!(f, "{statistic} has never been a finite number; ended at epoch {epoch}")
            }
            TrainingEnd::Diverged { epoch, loss } => {
                SnapshotError::Diverged { epoch: *epoch, loss: *loss }.fmt(f)
            }
        }
    }
}

impl StopRule {
    /// Whether every number is in its range.
    pub(super) fn check(&self) -> Result<(), TrainError> {
        let check = |good: bool, key: &'static str, given: String, allowed: &'static str| {
            if good { Ok(()) } else { Err(TrainError::Setting { key, given, allowed }) }
        };
        let some = self.target.is_some() || self.patience.is_some();
        let given = "neither target nor patience".to_owned();
        check(some, "stop", given, "at least one of target and patience")?;
        if let Some(target) = self.target {
            if self.statistic.is_accuracy() {
                let good = (0.0..=1.0).contains(&target);
                check(good, "stop.target", target.to_string(), "a share from 0 to 1 for an accuracy")?;
            } else {
                let good = target.is_finite() && target >= 0.0;
                check(good, "stop.target", target.to_string(), "a finite number, at least 0, for a loss")?;
            }
        }
        check(self.patience != Some(0), "stop.patience", "0".to_owned(), "at least 1")?;
        check(self.interval > 0, "stop.interval", "0".to_owned(), "at least 1")
    }

    /// The end by this rule, if it came at `epoch` or before.
    ///
    /// A function of what the state holds, because the state is left alone once the end has come.
    fn ended(&self, state: &StopState, epoch: u64) -> Option<TrainingEnd> {
        let statistic = self.statistic;
        if let (Some(target), Some(value)) = (self.target, state.best)
            && statistic.reaches(value, target)
        {
            return Some(TrainingEnd::Target { statistic, value, target, epoch: state.epoch });
        }
        // What overflows is never reached.
        let end = state.epoch.checked_add(self.patience?)?.checked_next_multiple_of(self.interval)?;
        let StopState { best, epoch: best_epoch } = *state;
        (epoch >= end).then_some(TrainingEnd::Patience { statistic, best, best_epoch, epoch: end })
    }
}

impl Trainer {
    /// Why and when the training ended, once it has: by [`TrainConfig::stop`](super::TrainConfig::stop), by its number
    /// of epochs, or because it diverged.
    ///
    /// A rule that is met at the last planned epoch is named rather than the number of epochs.
    pub fn ended(&self) -> Option<TrainingEnd> {
        if let Some(SnapshotError::Diverged { epoch, loss }) = self.diverged {
            return Some(TrainingEnd::Diverged { epoch, loss });
        }
        let planned = (self.epoch >= self.config.epochs).then_some(TrainingEnd::Epochs);
        self.ended_by_rule(self.epoch).or(planned)
    }

    /// The end by the rule, if it came at `epoch` or before.
    pub(super) fn ended_by_rule(&self, epoch: u64) -> Option<TrainingEnd> {
        self.config.stop?.ended(&self.stop?, epoch)
    }

    /// Looks at the statistic of the rule, if there is one and its turn has come.
    pub(super) fn observe(&mut self) {
        let (Some(rule), Some(state)) = (self.config.stop, self.stop) else { return };
        let before = self.epoch.checked_sub(1).and_then(|before| rule.ended(&state, before));
        if before.is_some() || !self.epoch.is_multiple_of(rule.interval) {
            return;
        }
        let rows = if rule.statistic.is_of_test() { &self.test_rows } else { &self.train_rows };
        let (loss, accuracy) = self.evaluate(rows);
        let value = if rule.statistic.is_accuracy() { accuracy } else { loss };
        let better = state.best.is_none_or(|best| !rule.statistic.reaches(best, value));
        if value.is_finite() && better {
            self.stop = Some(StopState { best: Some(value), epoch: self.epoch });
        }
    }
}
