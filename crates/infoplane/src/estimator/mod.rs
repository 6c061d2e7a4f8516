//! Methods of estimating information, one file each.
//!
//! With `information`, `variable` and `pairwise` this module knows nothing of networks.

mod binned;
mod counts;
mod kde;
mod range;

pub use binned::{BinRule, Binned, BinnedConfig};
pub use kde::{Kde, KdeConfig};
pub use range::{BinRange, LayerRange, RangeScope, UnitRange};

use serde::{Deserialize, Serialize};

use crate::{Information, Labels, Variable};

/// An estimated amount, with what comes with it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The estimate itself.
    pub information: Information,
    /// Its standard error, where the method has one.
    pub standard_error: Option<Information>,
}

impl Estimate {
    /// An estimate of a method that gives no standard error.
    pub fn without_error(information: Information) -> Self {
        Estimate { information, standard_error: None }
    }
}

/// Which side of the quantity an estimate of I(X;T) bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bound {
    /// The estimate is at least the quantity.
    Upper,
    /// The estimate is at most the quantity.
    Lower,
}

impl Bound {
    /// Its name in files, `upper` or `lower`.
    pub const fn name(self) -> &'static str {
        match self {
            Bound::Upper => "upper",
            Bound::Lower => "lower",
        }
    }
}

/// What one setting of a method says about a layer.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// The setting, as rows and figures print it: `noise_variance=0.001`, `30 edges on [-1, 1]`.
    pub setting: String,
    /// Which bound on I(X;T) this is, for a method that gives bounds.
    pub bound: Option<Bound>,
    /// I(T; labelling) for each labelling given, in that order.
    pub estimates: Vec<Estimate>,
    /// How many values of T lay outside the bins; 0 for methods without bins.
    pub out_of_range: u64,
}

/// A method that measures what a layer knows of labellings of its samples.
///
/// One call takes all labellings (X and Y), so that a method can share its work among them.
pub trait Estimator: Send + Sync {
    /// The name on the command line, in files and in figures.
    fn name(&self) -> &'static str;

    /// I(T; labelling) for every labelling, for every setting the estimator was made with.
    ///
    /// The settings come in the same order at every call.
    ///
    /// # Errors
    /// [`EstimateError`] if T cannot be measured; never a panic, never NaN.
    fn layer(&self, t: Variable<'_>, labellings: &[&Labels]) -> Result<Vec<Reading>, EstimateError>;
}

/// Why there is no estimate.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EstimateError {
    /// No samples, or samples without columns.
    #[error("nothing to measure: the representation has {n_samples} samples of width {width}")]
    Empty {
        /// Rows given.
        n_samples: usize,
        /// Columns given.
        width: usize,
    },
    /// Labels and representation disagree about the number of samples.
    #[error("{n_labels} labels for {n_samples} samples; each sample needs exactly one")]
    LengthMismatch {
        /// Labels given.
        n_labels: usize,
        /// Samples given.
        n_samples: usize,
    },
    /// NaN or infinity where a number is needed.
    #[error(
        "the representation holds {value} at row {row}, column {column}; only finite values can be measured"
    )]
    NotFinite {
        /// Row of the first such value, from 0.
        row: usize,
        /// Its column, from 0.
        column: usize,
        /// The value.
        value: f64,
    },
    /// A setting outside what the method allows.
    #[error("{key} = {given}; allowed is {allowed}")]
    Setting {
        /// The key, as in a configuration file.
        key: &'static str,
        /// What was given.
        given: String,
        /// What is allowed.
        allowed: &'static str,
    },
    /// The method needs numbers but was given labels.
    #[error("{estimator} measures a matrix of numbers, not labels")]
    NeedsMatrix {
        /// The method.
        estimator: &'static str,
    },
}

/// Refuses what no method can measure: no samples, labels of another length, values that are not finite.
pub(crate) fn check_layer(t: &Variable<'_>, labellings: &[&Labels]) -> Result<(), EstimateError> {
    let (n_samples, width) = (t.n_samples(), t.width());
    if n_samples == 0 || width == 0 {
        return Err(EstimateError::Empty { n_samples, width });
    }
    for labels in labellings {
        if labels.len() != n_samples {
            return Err(EstimateError::LengthMismatch { n_labels: labels.len(), n_samples });
        }
    }
    match t.first_non_finite() {
        Some((row, column, value)) => Err(EstimateError::NotFinite { row, column, value }),
        None => Ok(()),
    }
}

/// An estimator as a configuration file gives it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum EstimatorConfig {
    /// [`Binned`].
    Binned(BinnedConfig),
    /// [`Kde`].
    Kde(KdeConfig),
}

impl EstimatorConfig {
    /// The name of the method, as [`Estimator::name`].
    pub fn name(&self) -> &'static str {
        match self {
            EstimatorConfig::Binned(_) => "binned",
            EstimatorConfig::Kde(_) => "kde",
        }
    }

    /// The setting and bound of every reading the estimator will give, in order.
    pub fn settings(&self) -> Vec<(String, Option<Bound>)> {
        match self {
            EstimatorConfig::Binned(config) => vec![(config.setting(), None)],
            EstimatorConfig::Kde(config) => config.settings(),
        }
    }

    /// Refuses settings that no layer can be measured with.
    ///
    /// # Errors
    /// [`EstimateError::Setting`] names the key.
    pub fn check(&self) -> Result<(), EstimateError> {
        match self {
            EstimatorConfig::Binned(config) => config.check(),
            EstimatorConfig::Kde(config) => config.check(),
        }
    }

    /// Whether bins depend on values that must be observed before the first measurement.
    pub fn needs_observed_range(&self) -> bool {
        match self {
            EstimatorConfig::Binned(config) => config.needs_observed_range(),
            EstimatorConfig::Kde(_) => false,
        }
    }

    /// The estimator for a layer whose values cover `range`.
    ///
    /// # Errors
    /// [`EstimateError::Setting`] if the settings are not allowed, or not for such a layer.
    pub fn estimator(&self, range: &LayerRange) -> Result<Box<dyn Estimator>, EstimateError> {
        Ok(match self {
            EstimatorConfig::Binned(config) => Box::new(Binned::new(config, range)?),
            EstimatorConfig::Kde(config) => Box::new(Kde::new(config)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    /// Rows of layers that could not be measured are keyed by what a configuration says it will give.
    #[test]
    fn a_configuration_names_exactly_the_readings_it_gives() {
        let t = array![[0.1f32, -0.5], [0.9, 0.3], [-0.7, 0.2]];
        let mut range = LayerRange { activation: Some((-1.0, 1.0)), ..LayerRange::default() };
        range.observe(Variable::Single(t.view()), usize::MAX);
        range.run = range.layer();
        for toml in [
            "kind = 'kde'\nnoise_variances = [0.1, 0.001]",
            "kind = 'binned'\nrule = 'edges'\nbins = 30\nrange = [-1, 1]",
            "kind = 'binned'\nrule = 'equal'\nbins = 30\nrange = 'activation'",
            "kind = 'binned'\nrule = 'equal'\nbins = 30\nrange = 'run'",
            "kind = 'binned'\nrule = 'floor'\nbin_width = 0.07",
            "kind = 'binned'\nrule = 'quantile'\nbins = 3\nrange = 'unit'",
            "kind = 'binned'\nrule = 'exact'",
        ] {
            let config: EstimatorConfig = toml::from_str(toml).unwrap();
            let estimator = config.estimator(&range).unwrap();
            let readings = estimator.layer(Variable::Single(t.view()), &[&Labels::distinct(3)]).unwrap();
            let given: Vec<_> = readings.into_iter().map(|r| (r.setting, r.bound)).collect();
            assert_eq!(given, config.settings(), "{toml}");
            assert_eq!(estimator.name(), config.name());
        }
    }
}
