//! The settings of methods, as given in a configuration file, and the list of all methods.

use schemars::JsonSchema;
use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize};

use super::auto::AutoConfig;
use super::binned::BinnedConfig;
use super::discrete::{
    ChaoShenConfig, ChaoWangJostConfig, GrassbergerConfig, MillerMadowConfig, NsbConfig, PanzeriTrevesConfig,
    PlugInConfig, ShrinkageConfig,
};
use super::edge::EdgeConfig;
use super::gaussian::GcmiConfig;
use super::kde::KdeConfig;
use super::local::{GknnConfig, KlnnConfig, LgdeConfig, LncConfig};
use super::nearest::{
    BiKsgConfig, CvKsgConfig, ExtrapolatedKsgConfig, KlConfig, Ksg2Config, KsgConfig, MixedKsgConfig,
    RossConfig, SlicedConfig,
};
use super::noise::NoiseConfig;
use super::renyi::RenyiConfig;
use super::{Bound, EstimateError, Estimator, LayerRange};

/// The description of a method: a row of `infoplane estimators`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct About {
    /// Its name in configuration files and on the command line: `ksg`.
    pub name: &'static str,
    /// Its name in figures and tables: `KSG-1`.
    pub title: &'static str,
    /// The quantity that it estimates.
    pub estimates: &'static str,
    /// When to choose it.
    pub when: &'static str,
    /// Time for n samples of d columns.
    pub cost: &'static str,
    /// The way in which its error is estimated.
    pub uncertainty: Uncertainty,
    /// Who published it.
    pub reference: &'static str,
}

/// The way in which the error of a method is estimated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Uncertainty {
    /// Its estimates carry their own standard error.
    OwnError,
    /// By the spread over parts of the samples, extrapolated to all of them: for methods of neighbours, which fail
    /// where a sample is drawn twice.
    Subsampling,
    /// By resampling with replacement: for methods of counts.
    Bootstrap,
    /// There is no valid way.
    None,
}

/// The settings of a method, which make an estimator.
///
/// Implement this trait and [`Estimator`] to use a method of your own on the plane.
pub trait Method: Send + Sync {
    /// Returns the description of the method.
    fn about(&self) -> &'static About;

    /// Returns the setting and bound of every reading of a layer, in order.
    fn settings(&self) -> Vec<(String, Option<Bound>)>;

    /// Returns the settings by their keys in configuration files; empty unless the method has such keys.
    fn keys(&self) -> serde_json::Map<String, serde_json::Value> {
        serde_json::Map::new()
    }

    /// Rejects settings with which nothing can be measured.
    ///
    /// # Errors
    /// [`EstimateError::Setting`] names the key.
    fn check(&self) -> Result<(), EstimateError>;

    /// Returns whether bins depend on values that must be observed before the first measurement.
    fn needs_observed_range(&self) -> bool {
        false
    }

    /// Returns the estimator for a layer whose values cover `range`.
    ///
    /// # Errors
    /// [`EstimateError::Setting`] if the settings are not allowed, or not for such a layer.
    fn estimator(&self, range: &LayerRange) -> Result<Box<dyn Estimator>, EstimateError>;
}

macro_rules! methods {
    ($($(#[$doc:meta])* $name:literal => $variant:ident($config:ty),)*) => {
        /// The settings of any method, as given in a configuration file.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(tag = "kind")]
        #[non_exhaustive]
        pub enum EstimatorConfig {
            $($(#[$doc])* #[serde(rename = $name)] $variant($config),)*
        }

        impl EstimatorConfig {
            /// Returns the description of each method, in the order of the documentation.
            pub const METHODS: &[&About] = &[$(<$config>::ABOUT),*];

            /// Returns the settings as those of a method.
            pub fn method(&self) -> &dyn Method {
                match self {
                    $(EstimatorConfig::$variant(config) => config,)*
                }
            }

            /// Returns the settings of the method called `name`, from a table of its keys; `None` if there is no such
            /// method.
            ///
            /// # Errors
            /// The error of the table's format for a key that is unknown, missing or of the wrong type.
            pub fn named<'de, D: Deserializer<'de>>(name: &str, keys: D) -> Result<Option<Self>, D::Error> {
                match name {
                    $($name => <$config>::deserialize(keys).map(|config| Some(config.into())),)*
                    _ => Ok(None),
                }
            }

            /// Returns the keys that the method called `name` takes; `None` if there is no such method.
            ///
            /// ```
            /// use infoplane_estimators::estimator::EstimatorConfig;
            /// assert_eq!(EstimatorConfig::keys("kde"), Some(&["noise_variances"][..]));
            /// ```
            pub fn keys(name: &str) -> Option<&'static [&'static str]> {
                match name {
                    $($name => Some(fields::<$config>()),)*
                    _ => None,
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
    /// [`Auto`](super::Auto).
    "auto" => Auto(AutoConfig),
    /// [`PlugIn`](super::PlugIn).
    "plug-in" => PlugIn(PlugInConfig),
    /// [`MillerMadow`](super::MillerMadow).
    "miller-madow" => MillerMadow(MillerMadowConfig),
    /// [`Grassberger`](super::Grassberger).
    "grassberger" => Grassberger(GrassbergerConfig),
    /// [`Shrinkage`](super::Shrinkage).
    "shrinkage" => Shrinkage(ShrinkageConfig),
    /// [`PanzeriTreves`](super::PanzeriTreves).
    "panzeri-treves" => PanzeriTreves(PanzeriTrevesConfig),
    /// [`ChaoShen`](super::ChaoShen).
    "chao-shen" => ChaoShen(ChaoShenConfig),
    /// [`ChaoWangJost`](super::ChaoWangJost).
    "chao-wang-jost" => ChaoWangJost(ChaoWangJostConfig),
    /// [`Nsb`](super::Nsb).
    "nsb" => Nsb(NsbConfig),
    /// [`Binned`](super::Binned).
    "binned" => Binned(BinnedConfig),
    /// [`Noise`](super::Noise).
    "noise" => Noise(NoiseConfig),
    /// [`Kde`](super::Kde).
    "kde" => Kde(KdeConfig),
    /// [`Kl`](super::Kl).
    "kl" => Kl(KlConfig),
    /// [`Ksg`](super::Ksg).
    "ksg" => Ksg(KsgConfig),
    /// [`Ksg2`](super::Ksg2).
    "ksg2" => Ksg2(Ksg2Config),
    /// [`BiKsg`](super::BiKsg).
    "bi-ksg" => BiKsg(BiKsgConfig),
    /// [`ExtrapolatedKsg`](super::ExtrapolatedKsg).
    "extrapolated-ksg" => ExtrapolatedKsg(ExtrapolatedKsgConfig),
    /// [`CvKsg`](super::CvKsg).
    "cv-ksg" => CvKsg(CvKsgConfig),
    /// [`MixedKsg`](super::MixedKsg).
    "mixed-ksg" => MixedKsg(MixedKsgConfig),
    /// [`Ross`](super::Ross).
    "ross" => Ross(RossConfig),
    /// [`Lnc`](super::Lnc).
    "lnc" => Lnc(LncConfig),
    /// [`Gknn`](super::Gknn).
    "gknn" => Gknn(GknnConfig),
    /// [`Klnn`](super::Klnn).
    "klnn" => Klnn(KlnnConfig),
    /// [`Lgde`](super::Lgde).
    "lgde" => Lgde(LgdeConfig),
    /// [`Gcmi`](super::Gcmi).
    "gcmi" => Gcmi(GcmiConfig),
    /// [`Sliced`](super::Sliced).
    "sliced" => Sliced(SlicedConfig),
    /// [`Edge`](super::Edge).
    "edge" => Edge(EdgeConfig),
    /// [`Renyi`](super::Renyi).
    "renyi" => Renyi(RenyiConfig),
}

/// Returns the names of a struct's fields, as its `Deserialize` asks for them.
fn fields<'de, T: Deserialize<'de>>() -> &'static [&'static str] {
    let mut fields: &'static [&'static str] = &[];
    // Fails always: there is nothing to make a T from.
    let _ = T::deserialize(Fields(&mut fields));
    fields
}

/// Takes notice of the fields that it is asked for, and gives none.
struct Fields<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for Fields<'_> {
    type Error = de::value::Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
        Err(de::Error::custom("there is nothing here"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        *self.0 = fields;
        self.deserialize_any(visitor)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

impl Method for EstimatorConfig {
    fn about(&self) -> &'static About {
        self.method().about()
    }

    fn settings(&self) -> Vec<(String, Option<Bound>)> {
        self.method().settings()
    }

    fn keys(&self) -> serde_json::Map<String, serde_json::Value> {
        let value = serde_json::to_value(self).expect("settings of a method are a table");
        let serde_json::Value::Object(mut keys) = value else { unreachable!("a tagged enum is a table") };
        keys.remove("kind");
        keys
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
