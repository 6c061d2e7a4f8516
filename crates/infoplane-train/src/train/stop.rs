//! Early stopping.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{TrainError, Trainer};
use crate::snapshot::SnapshotError;

/// A rule that stops training early: at a target, after a number of epochs without improvement, or whichever comes
/// first.
///
/// The statistic is computed for epoch 0 and then every `interval` epochs, with the current network, without
/// dropout and without the weight-decay term: the same number as in [`EpochStats`](super::EpochStats).
/// Cost: a forward pass over its samples each time.
///
/// ```
/// use infoplane_train::train::{Statistic, TrainConfig};
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
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StopRule {
    /// The statistic that is monitored.
    pub statistic: Statistic,
    /// Stops once the loss is at most this, or the accuracy at least this; no target unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<f32>,
    /// Stops when the statistic has not improved for this many epochs; any number unless given. NaN is not an improvement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patience: Option<u64>,
    /// Number of epochs between checks; at least 1. Training can stop only at these epochs.
    #[serde(default = "one")]
    pub interval: u64,
}

fn one() -> u64 {
    1
}

/// A measure of how well a network performs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Statistic {
    /// Mean loss on the training samples.
    TrainLoss,
    /// Mean loss on the test samples.
    TestLoss,
    /// Fraction of the training samples classified correctly.
    TrainAccuracy,
    /// Fraction of the test samples classified correctly.
    TestAccuracy,
}

impl Statistic {
    /// Returns whether it needs test samples.
    pub fn is_of_test(self) -> bool {
        matches!(self, Statistic::TestLoss | Statistic::TestAccuracy)
    }

    /// Returns whether it is an accuracy (larger is better) and not a loss.
    pub fn is_accuracy(self) -> bool {
        matches!(self, Statistic::TrainAccuracy | Statistic::TestAccuracy)
    }

    /// Returns whether `value` is at least as good as `bound`; false for NaN.
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

/// The state of a [`StopRule`] after the epochs so far: with the epoch, it determines whether training has ended.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StopState {
    /// The best value of the statistic so far; none if it has never been a finite number.
    pub best: Option<f32>,
    /// The first epoch with that value, or 0.
    pub epoch: u64,
}

/// Why and when training ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
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
    /// The statistic did not improve for too long.
    Patience {
        /// Which statistic.
        statistic: Statistic,
        /// Its best value; none if it has never been a finite number.
        best: Option<f32>,
        /// The epoch of the best value.
        best_epoch: u64,
        /// The last epoch trained.
        epoch: u64,
    },
    /// The loss became NaN or infinite.
    Diverged {
        /// The first epoch whose loss is not finite: one after the last of the training.
        epoch: u64,
        /// The loss.
        #[serde(with = "in_words")]
        loss: f32,
    },
    /// It was trained elsewhere, and no more epochs come.
    Recorded {
        /// The last epoch recorded.
        epoch: u64,
    },
    /// Anything else, in words.
    Other {
        /// The words.
        reason: String,
    },
}

/// A number that need not be finite, for which JSON has no sign, as a word.
mod in_words {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &f32, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f32, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
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
            TrainingEnd::Recorded { epoch } => write!(f, "epoch {epoch} is the last that was recorded"),
            TrainingEnd::Other { reason } => f.write_str(reason),
        }
    }
}

impl StopRule {
    /// Checks that every number is in its range.
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

    /// Returns the end by this rule, if it came at `epoch` or before.
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
    /// Returns why and when training ended, once it has: by [`TrainConfig::stop`](super::TrainConfig::stop), by its
    /// number of epochs, or because it diverged.
    ///
    /// A rule that is met at the last planned epoch is named rather than the number of epochs.
    pub fn ended(&self) -> Option<TrainingEnd> {
        if let Some(SnapshotError::Diverged { epoch, loss }) = self.diverged {
            return Some(TrainingEnd::Diverged { epoch, loss });
        }
        let planned = (self.epoch >= self.config.epochs).then_some(TrainingEnd::Epochs);
        self.ended_by_rule(self.epoch).or(planned)
    }

    /// Returns the end by the rule, if it came at `epoch` or before.
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

#[cfg(test)]
mod tests {
    use super::super::tests::{bits, network, trainer};
    use super::super::{BatchSize, Keyframe, Optimizer, StatisticsEpochs, TrainConfig};
    use super::*;
    use crate::Nonlinearity::{Softmax, Tanh};

    const ALL: [Statistic; 4] =
        [Statistic::TrainLoss, Statistic::TestLoss, Statistic::TrainAccuracy, Statistic::TestAccuracy];

    fn training(stop: Option<StopRule>) -> Trainer {
        let (inputs, labels) = bits(60, 4);
        let config = TrainConfig {
            epochs: 40,
            batch_size: BatchSize::Samples(16),
            // Too fast to be smooth: the statistics go up and down.
            optimizer: Optimizer::Momentum { learning_rate: 0.7, momentum: 0.9 },
            dropout: 0.2,
            statistics: StatisticsEpochs::Every { interval: 1000 },
            stop,
            ..TrainConfig::default()
        };
        trainer(&config, network(&[4, 5, 2], Tanh, Softmax, 1), &inputs, &labels)
    }

    /// Returns the statistic at epochs 0 to 40.
    fn curve(statistic: Statistic) -> Vec<f32> {
        let mut trainer = training(None);
        (0..=40)
            .map(|epoch| {
                while trainer.epoch() < epoch {
                    trainer.step_epoch().unwrap();
                }
                let stats = trainer.stats();
                match statistic {
                    Statistic::TrainLoss => stats.train_loss.unwrap(),
                    Statistic::TestLoss => stats.test_loss.unwrap(),
                    Statistic::TrainAccuracy => stats.train_accuracy.unwrap(),
                    Statistic::TestAccuracy => stats.test_accuracy.unwrap(),
                }
            })
            .collect()
    }

    /// Returns where the rule ends a training with this curve, by its definition.
    fn end(rule: &StopRule, curve: &[f32]) -> Option<(u64, bool)> {
        let sign = if rule.statistic.is_accuracy() { -1.0 } else { 1.0 };
        (0..curve.len()).filter(|&epoch| (epoch as u64).is_multiple_of(rule.interval)).find_map(|epoch| {
            let seen = (0..=epoch).filter(|&before| (before as u64).is_multiple_of(rule.interval));
            let best = seen.min_by(|&a, &b| (sign * curve[a]).total_cmp(&(sign * curve[b])))?;
            let reached = rule.target.is_some_and(|target| sign * curve[epoch] <= sign * target);
            let waited = rule.patience.is_some_and(|patience| (epoch - best) as u64 >= patience);
            (reached || waited).then_some((epoch as u64, reached))
        })
    }

    fn rules() -> Vec<(StopRule, Vec<f32>)> {
        let mut rules = Vec::new();
        for statistic in ALL {
            let curve = curve(statistic);
            for interval in [1, 3] {
                for (target, patience) in
                    [(Some(curve[9]), None), (None, Some(2)), (None, Some(7)), (Some(curve[20]), Some(5))]
                {
                    rules.push((StopRule { statistic, target, patience, interval }, curve.clone()));
                }
            }
        }
        rules
    }

    #[test]
    fn a_training_ends_where_its_rule_says_and_trains_on_when_told_to() {
        let (mut by_target, mut by_patience) = (0, 0);
        for (rule, curve) in rules() {
            let mut trainer = training(Some(rule));
            let end = end(&rule, &curve);
            for epoch in 0..=40 {
                let ended = trainer.ended();
                match (&ended, end) {
                    (Some(TrainingEnd::Target { epoch, value, .. }), Some((expected, true))) => {
                        assert_eq!((*epoch, *value), (expected, curve[expected as usize]), "{rule:?}");
                        by_target += 1;
                    }
                    (Some(TrainingEnd::Patience { epoch, .. }), Some((expected, false))) => {
                        assert_eq!(*epoch, expected, "{rule:?}");
                        by_patience += 1;
                    }
                    (Some(TrainingEnd::Epochs), None) => assert_eq!(epoch, 40),
                    (None, _) => assert!(end.is_none_or(|(end, _)| epoch < end), "{rule:?} at {epoch}"),
                    _ => panic!("{rule:?} gives {ended:?} for {end:?}"),
                }
                let recorded = epoch == 0 || epoch == 40 || end.is_some_and(|(end, _)| epoch == end);
                assert_eq!(trainer.at_recorded_epoch(), recorded, "{rule:?} at {epoch}");
                if epoch < 40 {
                    trainer.step_epoch().unwrap();
                }
            }
            let plain = (0..40).fold(training(None), |mut trainer, _| {
                trainer.step_epoch().unwrap();
                trainer
            });
            assert_eq!(trainer.network(), plain.network());
        }
        assert!(by_target > 100 && by_patience > 100, "{by_target} {by_patience}");
    }

    #[test]
    fn a_training_resumed_anywhere_ends_at_the_same_epoch_for_the_same_reason() {
        for (rule, _) in rules() {
            let mut whole = training(Some(rule));
            let mut keyframes = vec![whole.keyframe()];
            while whole.ended().is_none() {
                whole.step_epoch().unwrap();
                keyframes.push(whole.keyframe());
            }
            for keyframe in keyframes {
                let mut resumed = training(Some(rule));
                let keyframe = Keyframe::from_safetensors(&keyframe.to_safetensors()).unwrap();
                resumed.restore(&keyframe).unwrap();
                while resumed.ended().is_none() {
                    resumed.step_epoch().unwrap();
                }
                assert_eq!(resumed.ended(), whole.ended());
                assert_eq!(resumed.keyframe(), whole.keyframe());
            }
        }
    }

    #[test]
    fn an_end_is_told_in_words() {
        let statistic = Statistic::TestLoss;
        for (end, words) in [
            (TrainingEnd::Epochs, "all planned epochs are trained"),
            (
                TrainingEnd::Target { statistic, value: 0.0499, target: 0.05, epoch: 812 },
                "test-loss 0.0499 reached the target 0.05 at epoch 812",
            ),
            (
                TrainingEnd::Patience { statistic, best: Some(0.1), best_epoch: 50, epoch: 250 },
                "test-loss has not got better than 0.1 since epoch 50; ended at epoch 250",
            ),
            (
                TrainingEnd::Diverged { epoch: 3, loss: f32::INFINITY },
                "training diverged at epoch 3: the loss is inf; a smaller learning rate may help",
            ),
        ] {
            assert_eq!(end.to_string(), words);
        }
    }

    #[test]
    fn rules_out_of_range_are_refused() {
        for (text, key) in [
            ("statistic = 'test-loss'", "stop = neither"),
            ("statistic = 'test-loss'\ntarget = -0.1", "stop.target = -0.1"),
            ("statistic = 'train-loss'\ntarget = nan", "stop.target = NaN"),
            ("statistic = 'train-accuracy'\ntarget = 1.5", "stop.target = 1.5"),
            ("statistic = 'train-accuracy'\npatience = 0", "stop.patience = 0"),
            ("statistic = 'train-accuracy'\npatience = 3\ninterval = 0", "stop.interval = 0"),
        ] {
            let config: TrainConfig = toml::from_str(&format!("[stop]\n{text}")).unwrap();
            let message = config.check().unwrap_err().to_string();
            assert!(message.starts_with(key) && message.contains("allowed"), "{message}");
        }
        let message = toml::from_str::<TrainConfig>("[stop]\nstatistic = 'loss'\ntarget = 1").unwrap_err();
        assert!(message.to_string().contains("train-accuracy"), "{message}");
        let text = "[stop]\nstatistic = 'test-accuracy'\npatience = 5";
        let config: TrainConfig = toml::from_str(text).unwrap();
        assert_eq!(toml::from_str::<TrainConfig>(&toml::to_string(&config).unwrap()).unwrap(), config);
        let (inputs, labels) = bits(10, 4);
        let start = network(&[4, 2], Tanh, Softmax, 1);
        let refused = Trainer::new(&config, start, inputs.view(), &labels, &[0, 1], &[], 1).unwrap_err();
        assert!(refused.to_string().contains("test-accuracy"), "{refused}");
    }
}
