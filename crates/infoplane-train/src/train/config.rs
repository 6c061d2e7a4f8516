//! The training configuration, as given in a TOML file.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{LearningRateSchedule, Loss, Optimizer, StopRule, TrainError};
use infoplane_estimators::math;

/// The training configuration of a network.
///
/// ```
/// use infoplane_train::train::{BatchSize, TrainConfig};
/// let config: TrainConfig = toml::from_str(r#"
///     epochs = 8000
///     batch_size = 512          # or "full"
///     loss = "softmax-cross-entropy"
///     optimizer = { kind = "adam", learning_rate = 4e-4 }
///     learning_rate_schedule = { kind = "cosine" }
///     dropout = 0.0
///     statistics = { kind = "log-spaced", per_decade = 20 }
/// "#)?;
/// assert_eq!(config.batch_size, BatchSize::Samples(512));
/// # Ok::<(), toml::de::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TrainConfig {
    /// The number of passes over the training samples.
    pub epochs: u64,
    /// Samples per step of the optimizer.
    pub batch_size: BatchSize,
    /// The loss to minimise.
    pub loss: Loss,
    /// The optimizer.
    pub optimizer: Optimizer,
    /// The learning-rate schedule.
    pub learning_rate_schedule: LearningRateSchedule,
    /// Weight decay λ ≥ 0, of weights but not of biases.
    ///
    /// Coupled: λW is added to the gradient of the loss, which is then L2 regularisation with λ/2 ‖W‖².
    /// The optimizer `adamw` alone decouples it: W shrinks by the factor 1 − learning rate · λ at each step.
    pub weight_decay: f32,
    /// The probability in [0, 1) with which a hidden unit is dropped in a step. The outputs of the others are divided
    /// by one minus this probability, so that nothing changes when the network is measured.
    pub dropout: f32,
    /// The epochs whose statistics are recorded. Training does not depend on this.
    pub statistics: StatisticsEpochs,
    /// The rule that may stop training before `epochs`; none unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop: Option<StopRule>,
}

impl Default for TrainConfig {
    /// Adam at 4e-4, batches of 256, 1000 epochs, cross-entropy: close to the published experiments.
    fn default() -> Self {
        TrainConfig {
            epochs: 1000,
            batch_size: BatchSize::Samples(256),
            loss: Loss::default(),
            optimizer: Optimizer::default(),
            learning_rate_schedule: LearningRateSchedule::Constant,
            weight_decay: 0.0,
            dropout: 0.0,
            statistics: StatisticsEpochs::default(),
            stop: None,
        }
    }
}

/// Samples per step: a number, or `"full"` for all of them.
///
/// The last batch of an epoch holds the remaining samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchSize {
    /// This number of samples, or all if there are fewer.
    Samples(usize),
    /// All training samples at once.
    Full,
}

impl BatchSize {
    /// Returns the number of samples in a batch when there are `n_samples` in all.
    pub fn of(self, n_samples: usize) -> usize {
        match self {
            BatchSize::Samples(size) => size.min(n_samples),
            BatchSize::Full => n_samples,
        }
    }
}

impl Serialize for BatchSize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            BatchSize::Samples(size) => serializer.serialize_u64(*size as u64),
            BatchSize::Full => serializer.serialize_str("full"),
        }
    }
}

impl JsonSchema for BatchSize {
    fn schema_name() -> Cow<'static, str> {
        "BatchSize".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "type": "integer", "minimum": 1 }, { "type": "string", "const": "full" }] })
    }
}

impl<'de> Deserialize<'de> for BatchSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = BatchSize;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a number of samples, at least 1, or \"full\"")
            }
            fn visit_u64<E: serde::de::Error>(self, size: u64) -> Result<BatchSize, E> {
                match usize::try_from(size) {
                    Ok(size) if size > 0 => Ok(BatchSize::Samples(size)),
                    _ => Err(E::invalid_value(serde::de::Unexpected::Unsigned(size), &self)),
                }
            }
            fn visit_i64<E: serde::de::Error>(self, size: i64) -> Result<BatchSize, E> {
                match u64::try_from(size) {
                    Ok(size) => self.visit_u64(size),
                    Err(_) => Err(E::invalid_value(serde::de::Unexpected::Signed(size), &self)),
                }
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<BatchSize, E> {
                match text {
                    "full" => Ok(BatchSize::Full),
                    _ => Err(E::invalid_value(serde::de::Unexpected::Str(text), &self)),
                }
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// Which epochs have their statistics recorded. Epoch 0 and the last epoch are, unless it is never.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum StatisticsEpochs {
    /// None.
    Never,
    /// Every epoch whose number is a multiple of `interval`.
    Every {
        /// Epochs between two records, at least 1.
        interval: u64,
    },
    /// The whole numbers nearest to 10^(i / per_decade).
    LogSpaced {
        /// Records per factor of ten in the number of epochs, at least 1.
        per_decade: u32,
    },
}

impl Default for StatisticsEpochs {
    fn default() -> Self {
        StatisticsEpochs::LogSpaced { per_decade: 50 }
    }
}

impl StatisticsEpochs {
    /// Returns whether `epoch` of a training of `epochs` epochs is recorded.
    pub fn contains(self, epoch: u64, epochs: u64) -> bool {
        match self {
            StatisticsEpochs::Never => false,
            _ if epoch == 0 || epoch == epochs => true,
            StatisticsEpochs::Every { interval } => epoch.is_multiple_of(interval.max(1)),
            StatisticsEpochs::LogSpaced { per_decade } => {
                let per_decade = f64::from(per_decade.max(1));
                let step = math::log10(epoch as f64) * per_decade;
                [step.floor(), step.ceil()]
                    .iter()
                    .any(|i| math::powf(10f64, i / per_decade).round() == epoch as f64)
            }
        }
    }
}

impl TrainConfig {
    /// Checks that every number is in its range.
    ///
    /// # Errors
    /// [`TrainError::Setting`] names the first key that is not, what it holds and what is allowed.
    pub fn check(&self) -> Result<(), TrainError> {
        let check = |good: bool, key: &'static str, given: &dyn std::fmt::Display, allowed: &'static str| {
            if good { Ok(()) } else { Err(TrainError::Setting { key, given: given.to_string(), allowed }) }
        };
        check(self.batch_size != BatchSize::Samples(0), "batch_size", &0, "at least 1, or \"full\"")?;
        check(
            self.weight_decay.is_finite() && self.weight_decay >= 0.0,
            "weight_decay",
            &self.weight_decay,
            "a finite number, at least 0",
        )?;
        check((0.0..1.0).contains(&self.dropout), "dropout", &self.dropout, "at least 0 and below 1")?;
        match self.statistics {
            StatisticsEpochs::Every { interval } => {
                check(interval > 0, "statistics.interval", &interval, "at least 1")?;
            }
            StatisticsEpochs::LogSpaced { per_decade } => {
                check(per_decade > 0, "statistics.per_decade", &per_decade, "at least 1")?;
            }
            StatisticsEpochs::Never => {}
        }
        if let Some(stop) = &self.stop {
            stop.check()?;
        }
        self.learning_rate_schedule.check()?;
        self.optimizer.check()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_a_number_or_full() {
        let parse = |text: &str| toml::from_str::<TrainConfig>(text);
        assert_eq!(parse("batch_size = \"full\"").unwrap().batch_size, BatchSize::Full);
        assert_eq!(parse("batch_size = 12").unwrap().batch_size, BatchSize::Samples(12));
        for bad in ["0", "-3", "\"all\"", "1.5"] {
            let message = parse(&format!("batch_size = {bad}")).unwrap_err().to_string();
            assert!(message.contains("at least 1, or \"full\""), "{message}");
        }
        assert!(parse("batchsize = 3").is_err());
    }

    #[test]
    fn a_configuration_survives_toml() {
        let config = TrainConfig {
            batch_size: BatchSize::Full,
            statistics: StatisticsEpochs::Every { interval: 7 },
            ..TrainConfig::default()
        };
        assert_eq!(toml::from_str::<TrainConfig>(&toml::to_string(&config).unwrap()).unwrap(), config);
    }

    #[test]
    fn log_spaced_epochs_are_the_rounded_powers() {
        let spaced = StatisticsEpochs::LogSpaced { per_decade: 4 };
        let recorded: Vec<u64> = (0..=150).filter(|&epoch| spaced.contains(epoch, 150)).collect();
        assert_eq!(recorded, [0, 1, 2, 3, 6, 10, 18, 32, 56, 100, 150]);
        assert!(!StatisticsEpochs::Never.contains(0, 10));
    }

    #[test]
    fn numbers_out_of_range_are_named() {
        for (text, key) in [
            ("dropout = 1.0", "dropout"),
            ("dropout = nan", "dropout"),
            ("weight_decay = -1.0", "weight_decay"),
            ("optimizer = { kind = \"sgd\", learning_rate = 0.0 }", "learning_rate"),
            ("optimizer = { kind = \"momentum\", momentum = 1.5 }", "momentum"),
            ("optimizer = { kind = \"adam\", beta2 = 1.0 }", "beta2"),
            ("statistics = { kind = \"every\", interval = 0 }", "interval"),
            ("learning_rate_schedule = { kind = \"step\", every = 0, factor = 0.5 }", "every"),
        ] {
            let config: TrainConfig = toml::from_str(text).unwrap();
            let message = config.check().unwrap_err().to_string();
            assert!(message.contains(key) && message.contains("allowed"), "{message}");
        }
        assert_eq!(TrainConfig::default().check(), Ok(()));
    }
}
