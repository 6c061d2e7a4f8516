//! Any of the library's estimators, as a configuration file names it, and the list of all of them.

use schemars::JsonSchema;
use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize};

use super::auto::Auto;
use super::binned::Binned;
use super::classifier::Classifier;
use super::critic::Critic;
use super::edge::Edge;
use super::gaussian::Gcmi;
use super::kde::Kde;
use super::knn::{
    BiKsg, Combined, CvKsg, ExtrapolatedKsg, FrenzelPompe, Kl, Ksg, Ksg2, MixedKsg, MixtureKsg, ResidualKsg,
    Ross, Sliced, UntiedKsg,
};
use super::layers::LayerPairs;
use super::local::{Gknn, Klnn, Lgde, Lnc};
use super::noise::Noise;
use super::renyi::Renyi;
use super::units::UnitSymbols;
use crate::{
    Bound, ChaoShen, ChaoWangJost, Choice, Correction, Estimate, EstimateError, Estimator, EstimatorInfo,
    Grassberger, Labels, LayerEstimate, LayerRange, LayerSums, MillerMadow, Nsb, PanzeriTreves, PlugIn,
    Shrinkage, Symbols, Variable,
};

macro_rules! estimators {
    ($($name:literal => $estimator:ident,)*) => {
        /// Any estimator of this library with its settings, as a configuration file gives it: `kind = "ksg"`, `k = 5`.
        ///
        /// It is an [`Estimator`] itself.
        ///
        /// ```
        /// use infoplane_estimators::{AnyEstimator, Ksg};
        /// let named = AnyEstimator::named("ksg", serde_json::json!({"k": 5}))?.expect("an estimator of that name");
        /// assert_eq!(named, AnyEstimator::from(Ksg { k: 5, ..Ksg::default() }));
        /// # Ok::<(), serde_json::Error>(())
        /// ```
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(tag = "kind")]
        #[non_exhaustive]
        pub enum AnyEstimator {
            $(
                #[doc = concat!("[`", stringify!($estimator), "`](super::", stringify!($estimator), ").")]
                #[serde(rename = $name)]
                $estimator($estimator),
            )*
        }

        impl AnyEstimator {
            /// The description of each estimator, in the order of the documentation.
            pub const ALL: &[&EstimatorInfo] = &[$($estimator::INFO),*];

            /// Returns the estimator as its trait.
            fn inner(&self) -> &dyn Estimator {
                match self {
                    $(AnyEstimator::$estimator(estimator) => estimator,)*
                }
            }

            /// Returns the estimator called `name` with settings from a table of its keys; `None` if there is no such
            /// estimator.
            ///
            /// # Errors
            /// The error of the table's format for a key that is unknown, missing or of the wrong type.
            pub fn named<'de, D: Deserializer<'de>>(name: &str, keys: D) -> Result<Option<Self>, D::Error> {
                match name {
                    $($name => $estimator::deserialize(keys).map(|estimator| Some(estimator.into())),)*
                    _ => Ok(None),
                }
            }

            /// Returns the keys that the estimator called `name` takes; `None` if there is no such estimator.
            ///
            /// ```
            /// use infoplane_estimators::AnyEstimator;
            /// assert_eq!(AnyEstimator::keys("kde"), Some(&["noise_variances"][..]));
            /// ```
            pub fn keys(name: &str) -> Option<&'static [&'static str]> {
                match name {
                    $($name => Some(fields::<$estimator>()),)*
                    _ => None,
                }
            }
        }

        $(impl From<$estimator> for AnyEstimator {
            fn from(estimator: $estimator) -> Self {
                AnyEstimator::$estimator(estimator)
            }
        })*
    };
}

// One line makes an estimator known to configuration files, the command, `calibrate`, the documentation and the test
// of the contract.
estimators! {
    "auto" => Auto,
    "plug-in" => PlugIn,
    "miller-madow" => MillerMadow,
    "grassberger" => Grassberger,
    "shrinkage" => Shrinkage,
    "panzeri-treves" => PanzeriTreves,
    "chao-shen" => ChaoShen,
    "chao-wang-jost" => ChaoWangJost,
    "nsb" => Nsb,
    "binned" => Binned,
    "noise" => Noise,
    "kde" => Kde,
    "kl" => Kl,
    "ksg" => Ksg,
    "ksg2" => Ksg2,
    "bi-ksg" => BiKsg,
    "extrapolated-ksg" => ExtrapolatedKsg,
    "cv-ksg" => CvKsg,
    "residual-ksg" => ResidualKsg,
    "mixture-ksg" => MixtureKsg,
    "combined" => Combined,
    "untied-ksg" => UntiedKsg,
    "frenzel-pompe" => FrenzelPompe,
    "mixed-ksg" => MixedKsg,
    "ross" => Ross,
    "classifier" => Classifier,
    "critic" => Critic,
    "lnc" => Lnc,
    "gknn" => Gknn,
    "klnn" => Klnn,
    "lgde" => Lgde,
    "gcmi" => Gcmi,
    "sliced" => Sliced,
    "edge" => Edge,
    "renyi" => Renyi,
}

impl Estimator for AnyEstimator {
    fn info(&self) -> &'static EstimatorInfo {
        self.inner().info()
    }

    fn setting(&self) -> String {
        self.inner().setting()
    }

    fn check(&self) -> Result<(), EstimateError> {
        self.inner().check()
    }

    fn layer_settings(&self) -> Vec<(String, Option<Bound>)> {
        self.inner().layer_settings()
    }

    fn needs_observed_range(&self) -> bool {
        self.inner().needs_observed_range()
    }

    fn measures_shuffled(&self) -> bool {
        self.inner().measures_shuffled()
    }

    fn measures_shuffled_at_little_cost(&self) -> bool {
        self.inner().measures_shuffled_at_little_cost()
    }

    fn fixed(&self, range: &LayerRange) -> Result<Option<Box<dyn Estimator>>, EstimateError> {
        self.inner().fixed(range)
    }

    fn choose(&self, x: Variable<'_>, y: Variable<'_>) -> Result<Option<Choice>, EstimateError> {
        self.inner().choose(x, y)
    }

    fn test_statistic(&self, columns: usize) -> Option<AnyEstimator> {
        self.inner().test_statistic(columns)
    }

    fn estimate_pair(&self, x: Variable<'_>, y: Variable<'_>) -> Result<Estimate, EstimateError> {
        self.inner().estimate_pair(x, y)
    }

    fn estimate_entropy(&self, x: Variable<'_>) -> Result<Estimate, EstimateError> {
        self.inner().estimate_entropy(x)
    }

    fn estimate_conditional(
        &self,
        x: Variable<'_>,
        y: Variable<'_>,
        z: Variable<'_>,
    ) -> Result<Estimate, EstimateError> {
        self.inner().estimate_conditional(x, y, z)
    }

    fn estimate_total_correlation(&self, parts: &[Variable<'_>]) -> Result<Estimate, EstimateError> {
        self.inner().estimate_total_correlation(parts)
    }

    fn estimate_layer(
        &self,
        t: Variable<'_>,
        labellings: &[&Labels],
    ) -> Result<Vec<LayerEstimate>, EstimateError> {
        self.inner().estimate_layer(t, labellings)
    }

    fn estimate_layer_from_sums(
        &self,
        sums: &LayerSums,
        labellings: &[&Labels],
    ) -> Result<Vec<LayerEstimate>, EstimateError> {
        self.inner().estimate_layer_from_sums(sums, labellings)
    }

    fn layer_symbols(&self, t: Variable<'_>) -> Result<Option<Symbols>, EstimateError> {
        self.inner().layer_symbols(t)
    }

    fn unit_symbols(&self, t: Variable<'_>) -> Result<Option<(UnitSymbols, Correction)>, EstimateError> {
        self.inner().unit_symbols(t)
    }

    fn cell_correction(&self) -> Option<Correction> {
        self.inner().cell_correction()
    }

    fn estimate_layer_pairs(&self, layers: &[Variable<'_>]) -> Result<Vec<LayerPairs>, EstimateError> {
        self.inner().estimate_layer_pairs(layers)
    }

    fn keys(&self) -> serde_json::Map<String, serde_json::Value> {
        let value = serde_json::to_value(self).expect("settings of an estimator are a table");
        let serde_json::Value::Object(mut keys) = value else { unreachable!("a tagged enum is a table") };
        keys.remove("kind");
        keys
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_estimator_is_named_once_and_as_in_files() {
        let names: Vec<_> = AnyEstimator::ALL.iter().map(|info| info.name).collect();
        let mut unique = names.clone();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(unique.len(), names.len());
        for name in names {
            // Known under its name: what is wrong with an empty table is at most a missing key.
            let error = toml::from_str::<AnyEstimator>(&format!("kind = '{name}'")).err();
            assert!(error.is_none_or(|error| !error.to_string().contains("unknown variant")), "{name}");
        }
    }
}
