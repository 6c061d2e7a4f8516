//! Learning-rate schedules.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::TrainError;
use infoplane_estimators::math;

/// A factor on the optimizer's learning rate, constant within an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum LearningRateSchedule {
    /// Always 1.
    #[default]
    Constant,
    /// Half a cosine from 1, in the first epoch, towards `final_factor`, after the last
    /// (Loshchilov & Hutter 2017, without restarts).
    Cosine {
        /// The final value of the factor; 0 unless given.
        #[serde(default)]
        final_factor: f64,
    },
    /// Multiplied by `factor` after every `every` epochs.
    Step {
        /// Epochs between two changes.
        every: u64,
        /// The factor by which the rate is multiplied.
        factor: f64,
    },
}

impl LearningRateSchedule {
    /// Returns the factor in the epoch that follows `done` finished ones, of `epochs` in all.
    ///
    /// ```
    /// use infoplane_train::train::LearningRateSchedule;
    /// let cosine = LearningRateSchedule::Cosine { final_factor: 0.0 };
    /// assert_eq!(cosine.factor(0, 100), 1.0);
    /// assert!((cosine.factor(50, 100) - 0.5).abs() < 1e-12);
    /// assert_eq!(LearningRateSchedule::Step { every: 10, factor: 0.5 }.factor(25, 100), 0.25);
    /// ```
    pub fn factor(self, done: u64, epochs: u64) -> f64 {
        match self {
            LearningRateSchedule::Constant => 1.0,
            LearningRateSchedule::Cosine { final_factor } => {
                // A training that goes on beyond its end stays at the end's rate.
                let passed = done.min(epochs) as f64 / epochs.max(1) as f64;
                final_factor + (1.0 - final_factor) * 0.5 * (1.0 + math::cos(std::f64::consts::PI * passed))
            }
            LearningRateSchedule::Step { every, factor } => {
                math::powi(factor, (done / every.max(1)).min(i32::MAX as u64) as i32)
            }
        }
    }

    pub(crate) fn check(self) -> Result<(), TrainError> {
        let error =
            |key, given: f64, allowed| Err(TrainError::Setting { key, given: given.to_string(), allowed });
        match self {
            LearningRateSchedule::Cosine { final_factor } if !(0.0..=1.0).contains(&final_factor) => {
                error("learning_rate_schedule.final_factor", final_factor, "0 to 1")
            }
            LearningRateSchedule::Step { every: 0, .. } => {
                error("learning_rate_schedule.every", 0.0, "at least 1 epoch")
            }
            LearningRateSchedule::Step { factor, .. } if !(factor > 0.0 && factor.is_finite()) => {
                error("learning_rate_schedule.factor", factor, "a finite number above 0")
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_take_their_values_at_the_corners() {
        let cosine = LearningRateSchedule::Cosine { final_factor: 0.1 };
        assert!((cosine.factor(100, 100) - 0.1).abs() < 1e-12);
        assert_eq!(cosine.factor(300, 100), cosine.factor(100, 100));
        // 1/4 of the way: ½(1 + cos 45°).
        assert!((cosine.factor(25, 100) - (0.1 + 0.9 * 0.853_553_390_593_273_8)).abs() < 1e-12);
        let step = LearningRateSchedule::Step { every: 3, factor: 0.1 };
        let factors = [0, 2, 3, 5, 6].map(|done| step.factor(done, 10));
        assert!(
            factors.iter().zip([1.0, 1.0, 0.1, 0.1, 0.01]).all(|(a, b): (&f64, f64)| (a - b).abs() < 1e-12)
        );
    }
}
