//! The settings of methods, as a configuration file gives them, and the list of all methods.

use serde::{Deserialize, Serialize};

use super::noise::NoiseConfig;
use super::renyi::RenyiConfig;
use super::{Bound, EstimateError, Estimator, LayerRange};
use super::{binned::BinnedConfig, kde::KdeConfig};

/// What a method is for, in a line each: a row of `infoplane estimators`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct About {
    /// Its name in configuration files and on the command line: `ksg`.
    pub name: &'static str,
    /// Its name in figures and tables: `KSG-1`.
    pub title: &'static str,
    /// What the number is an estimate of.
    pub estimates: &'static str,
    /// When to choose it.
    pub when: &'static str,
    /// Time for n samples of d columns.
    pub cost: &'static str,
    /// Who published it.
    pub reference: &'static str,
}

/// The settings of a method, which make an estimator.
///
/// Implement it, and [`Estimator`], to bring a method of your own to the plane.
pub trait Method: Send + Sync {
    /// What the method is for.
    fn about(&self) -> &'static About;

    /// The setting and bound of every reading of a layer, in order.
    fn settings(&self) -> Vec<(String, Option<Bound>)>;

    /// Refuses settings that nothing can be measured with.
    ///
    /// # Errors
    /// [`EstimateError::Setting`] names the key.
    fn check(&self) -> Result<(), EstimateError>;

    /// Whether bins depend on values that must be observed before the first measurement.
    fn needs_observed_range(&self) -> bool {
        false
    }

    /// The estimator for a layer whose values cover `range`.
    ///
    /// # Errors
    /// [`EstimateError::Setting`] if the settings are not allowed, or not for such a layer.
    fn estimator(&self, range: &LayerRange) -> Result<Box<dyn Estimator>, EstimateError>;
}

macro_rules! methods {
    ($($(#[$doc:meta])* $name:literal => $variant:ident($config:ty),)*) => {
        /// The settings of any method, as a configuration file gives them.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "kind")]
        #[non_exhaustive]
        pub enum EstimatorConfig {
            $($(#[$doc])* #[serde(rename = $name)] $variant($config),)*
        }

        impl EstimatorConfig {
            /// What each method is for, in the order of the documentation.
            pub const METHODS: &[&About] = &[$(<$config>::ABOUT),*];

            /// The settings as those of a method.
            pub fn method(&self) -> &dyn Method {
                match self {
                    $(EstimatorConfig::$variant(config) => config,)*
                }
            }
        }

        $(impl From<$config> for EstimatorConfig {
            fn from(config: $config) -> Self {
                EstimatorConfig::$variant(config)
            }
        })*
    };
}

methods! {
    /// [`Binned`](super::Binned).
    "binned" => Binned(BinnedConfig),
    /// [`Kde`](super::Kde).
    "kde" => Kde(KdeConfig),
    /// [`Noise`](super::Noise).
    "noise" => Noise(NoiseConfig),
    /// [`Renyi`](super::Renyi).
    "renyi" => Renyi(RenyiConfig),
}

impl Method for EstimatorConfig {
    fn about(&self) -> &'static About {
        self.method().about()
    }

    fn settings(&self) -> Vec<(String, Option<Bound>)> {
        self.method().settings()
    }

    fn check(&self) -> Result<(), EstimateError> {
        self.method().check()
    }

    fn needs_observed_range(&self) -> bool {
        self.method().needs_observed_range()
    }

    fn estimator(&self, range: &LayerRange) -> Result<Box<dyn Estimator>, EstimateError> {
        self.method().estimator(range)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_is_named_once_and_as_in_files() {
        let names: Vec<_> = EstimatorConfig::METHODS.iter().map(|about| about.name).collect();
        let mut unique = names.clone();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(unique.len(), names.len());
        for name in names {
            // Known under its name: what is wrong with an empty table is at most a missing key.
            let error = toml::from_str::<EstimatorConfig>(&format!("kind = '{name}'")).err();
            assert!(error.is_none_or(|error| !error.to_string().contains("unknown variant")), "{name}");
        }
    }
}
