//! Which keyframes of its trainings a run keeps on the disk.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which keyframes a run keeps on the disk: whole states of a training, from which it can go on, and from which any
/// epoch after them is trained again bit for bit.
///
/// Ten for each training and the last epoch's, unless that takes more than the budget. They are the same files for the
/// same experiment, whatever was interrupted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct KeyframesConfig {
    /// Epochs between keyframes, at least 1; a tenth of the planned epochs unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<u64>,
    /// Disk space for all keyframes of the run, in MiB of 2²⁰ bytes; the interval grows until they fit.
    /// With 0 there are none, and a resumed run trains from the beginning again.
    pub budget_mib: u64,
}

impl Default for KeyframesConfig {
    fn default() -> Self {
        KeyframesConfig { interval: None, budget_mib: 1024 }
    }
}

/// Bytes of a keyframe's file beside its tensors, roughly: names, shapes, description.
const HEADER: u64 = 4096;

impl KeyframesConfig {
    /// Epochs from one keyframe to the next in trainings of `epochs` epochs, `n_trainings` of them, with `n_values`
    /// single-precision numbers (weights, biases, moments) each; `None` if not one of each fits.
    ///
    /// ```
    /// use infoplane::experiment::KeyframesConfig;
    /// let config = KeyframesConfig::default();
    /// assert_eq!(config.interval(10_000, 50, 1_000), Some(1000));
    /// // 10 MB each: 107 of them fit, 21 for each of 5 trainings.
    /// assert_eq!(config.interval(10_000, 5, 2_500_000), Some(1000));
    /// let small = KeyframesConfig { interval: Some(1), budget_mib: 100 };
    /// assert_eq!(small.interval(10_000, 1, 2_500_000), Some(1112));
    /// assert_eq!(KeyframesConfig { budget_mib: 0, ..config }.interval(10_000, 1, 1_000), None);
    /// ```
    pub fn interval(&self, epochs: u64, n_trainings: u64, n_values: u64) -> Option<u64> {
        let bytes = n_values.saturating_mul(4).saturating_add(HEADER);
        let fit = (self.budget_mib.saturating_mul(1 << 20) / bytes) / n_trainings.max(1);
        // One is the last epoch's.
        let on_the_way = fit.checked_sub(1)?;
        let wanted = self.interval.unwrap_or(epochs.div_ceil(10)).max(1);
        Some(wanted.max(epochs.div_ceil(on_the_way.max(1))))
    }
}
