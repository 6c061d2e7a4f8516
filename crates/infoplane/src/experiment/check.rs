//! What can be known to be wrong with an experiment before any data are read.

use super::config::{Experiment, OneOrEach};
use super::error::ExperimentError;
use crate::estimator::Estimator;
use crate::network::MAX_QUANTISED_BITS;
use crate::quantity::QuantityConfig;

/// More trainings than anybody has patience for; keeps lists of seeds in memory.
const MAX_SEEDS: u64 = 1_000_000;

/// Likewise for epochs.
const MAX_EPOCHS: u64 = 1_000_000_000_000;

impl Experiment {
    /// What can be known to be wrong before any data are read.
    pub(super) fn check(&self, origin: &str) -> Result<(), ExperimentError> {
        let value = |message: String| Err(ExperimentError::Value { origin: origin.into(), message });
        if !(1..=MAX_SEEDS).contains(&self.seeds) {
            return value(format!("seeds = {}; allowed is 1 to {MAX_SEEDS}", self.seeds));
        }
        if self.first_seed > i64::MAX as u64 - MAX_SEEDS {
            return value(format!("first_seed = {}; allowed is 0 to 9·10¹⁸", self.first_seed));
        }
        if self.training.epochs > MAX_EPOCHS {
            return value(format!(
                "training.epochs = {}; allowed is 0 to {MAX_EPOCHS}",
                self.training.epochs
            ));
        }
        let named = !self.name.is_empty()
            && self
                .name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ',' | ' '));
        if !named || self.name.starts_with('.') {
            return value(format!(
                "name = {:?}; allowed are letters, digits, spaces, `-`, `_`, `,` and `.`, as it names a directory",
                self.name
            ));
        }
        if self.estimators.is_empty() {
            return value("estimators is empty; name at least one, for example [[estimators]] kind = \"kde\", noise_variances = [0.001]".into());
        }
        for (index, estimator) in self.estimators.iter().enumerate() {
            estimator.check().map_err(|source| ExperimentError::Estimator { index, source })?;
        }
        QuantityConfig::check(&self.quantities, &self.estimators, true)?;
        let hidden = &self.network.hidden;
        if let Some(position) = hidden.iter().position(|&width| width == 0) {
            return value(format!("network.hidden[{position}] = 0; allowed is a width of 1 or more"));
        }
        let bias = self.network.initialization.bias;
        if !bias.is_finite() {
            return value(format!("network.initialization.bias = {bias}; allowed is a finite number"));
        }
        if let OneOrEach::Each(each) = &self.network.nonlinearity
            && each.len() != hidden.len()
        {
            return value(format!(
                "network.nonlinearity lists {} nonlinearities for {} hidden layers; give one for all or one for each",
                each.len(),
                hidden.len()
            ));
        }
        if let Some(bits) = self.network.quantised_bits {
            if !(1..=MAX_QUANTISED_BITS).contains(&bits) {
                return value(format!(
                    "network.quantised_bits = {bits}; allowed is 1 to {MAX_QUANTISED_BITS}"
                ));
            }
            // Ranges are observed on the network as it was trained, whose values are not those that are measured.
            if let Some(index) = self.estimators.iter().position(|method| method.needs_observed_range()) {
                return value(format!(
                    "estimators[{index}] needs a range that is observed, which a network with network.quantised_bits does \
                     not have; measure it with kind = \"binned\", rule = \"exact\", or name the range in numbers"
                ));
            }
        }
        self.dataset.scaling.check()?;
        if self.keyframes.interval == Some(0) {
            return value("keyframes.interval = 0; allowed is 1 or more epochs".into());
        }
        self.training.check()?;
        self.schedule.check(self.training.epochs, hidden.len() + 1, &self.estimators)?;
        self.check_witness(origin)
    }
}
