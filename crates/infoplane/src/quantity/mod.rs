//! Quantities beside the plane: what a run measures of its layers beyond I(X;T) and I(T;Y).
//!
//! Each is a table `[[quantities]]` of an experiment, and is measured at every measured epoch:
//!
//! | kind | what | with |
//! |---|---|---|
//! | [`units`](QuantityConfig::Units) | what single units tell of the label, alone and beyond the others; degrees of redundancy and vulnerability; representational complexity | every estimator with cells |
//! | [`layers`](QuantityConfig::Layers) | I(Tᵢ;Tⱼ) of all pairs of layers | every estimator with cells, `kde`, `noise` |
//! | [`inputs`](QuantityConfig::Inputs) | I(X_p;T) of every feature of the inputs | every estimator with cells |
//! | [`similarity`](QuantityConfig::Similarity) | linear centred kernel alignment of all pairs of layers; effective rank and participation ratio | – |
//!
//! An estimator has cells if it takes the rows of a layer for symbols: those of bins and of counts.

mod layers;
mod units;

use ndarray::ArrayView2;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use crate::EstimateError;
use crate::estimator::layers::InputParts;
use crate::estimator::{Estimator, Family};
use crate::plane::{Missing, Part};

pub use layers::{InputQuantities, PairQuantities, SimilarityQuantities};
pub use units::{UnitAmounts, UnitQuantities};

/// A quantity beside the plane, as a configuration file has it.
///
/// ```
/// use infoplane::quantity::QuantityConfig;
/// #[derive(serde::Deserialize)]
/// struct File { quantities: Vec<QuantityConfig> }
/// let file: File = toml::from_str("[[quantities]]\nkind = 'units'\ngroups = 4")?;
/// assert_eq!(file.quantities, [QuantityConfig::Units { groups: Some(4) }]);
/// # Ok::<(), toml::de::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum QuantityConfig {
    /// What the units of each layer tell of the label, with every estimator that has cells; see
    /// [`units`](crate::estimator::units).
    Units {
        /// The number of groups, 2 to 5, that neighbouring units of a layer of more than five units are put in for its
        /// representational complexity; only layers of up to five units have one unless given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        groups: Option<usize>,
    },
    /// I(Tᵢ;Tⱼ) of all pairs of layers, with every estimator that has cells, `kde` and `noise`; of the latter two the noise of layers is
    /// independent, and each pair takes as long as a layer. See [`layers`](crate::estimator::layers).
    Layers {},
    /// I(X_p;T) of every feature of the inputs, with every estimator that has cells; not of recorded networks, whose inputs are not
    /// known.
    Inputs {
        /// Features of more than so many values are cut into so many bins with equally many samples, 2 to 65,536; unless given,
        /// 32. Inputs of few values are taken as they are.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bins: Option<usize>,
    },
    /// Linear centred kernel alignment of all pairs of layers (Kornblith et al. 2019), biased and unbiased; effective rank and
    /// participation ratio of every layer. Needs no estimator.
    Similarity {},
}

/// What is wrong with a quantity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QuantityError {
    /// A number of groups that there cannot be.
    #[error("quantities[{index}]: groups = {groups}; allowed is 2 to 5")]
    Groups {
        /// The place of the quantity.
        index: usize,
        /// What was given.
        groups: usize,
    },
    /// A number of bins that there cannot be.
    #[error("quantities[{index}]: bins = {bins}; allowed is 2 to 65536")]
    Bins {
        /// The place of the quantity.
        index: usize,
        /// What was given.
        bins: usize,
    },
    /// Inputs that are not there.
    #[error(
        "quantities[{index}] (inputs) needs the inputs, which are not known of a recorded network; remove it"
    )]
    NoInputs {
        /// The place of the quantity.
        index: usize,
    },
    /// The same kind twice.
    #[error("quantities[{index}] is {kind} again; remove one of the two")]
    Twice {
        /// The place of the second.
        index: usize,
        /// Its kind.
        kind: &'static str,
    },
    /// No estimator of the run can measure it.
    #[error(
        "quantities[{index}] ({kind}) is measured with estimators of {}, and there is none; add one, such as binned with \
         rule = \"floor\" and bin_width = 0.07",
        if *kind == "layers" { "bins, of counts or of noise" } else { "bins or of counts" }
    )]
    NoCells {
        /// The place of the quantity.
        index: usize,
        /// Its kind.
        kind: &'static str,
    },
}

impl QuantityConfig {
    /// The kinds that there are.
    pub const KINDS: &[&str] = &["units", "layers", "inputs", "similarity"];

    /// The quantity of a kind, with its default settings.
    pub fn named(kind: &str) -> Option<QuantityConfig> {
        match kind {
            "units" => Some(QuantityConfig::Units { groups: None }),
            "layers" => Some(QuantityConfig::Layers {}),
            "inputs" => Some(QuantityConfig::Inputs { bins: None }),
            "similarity" => Some(QuantityConfig::Similarity {}),
            _ => None,
        }
    }

    /// `units`.
    pub const fn name(&self) -> &'static str {
        match self {
            QuantityConfig::Units { .. } => "units",
            QuantityConfig::Layers {} => "layers",
            QuantityConfig::Inputs { .. } => "inputs",
            QuantityConfig::Similarity {} => "similarity",
        }
    }

    /// Refuses quantities that make no sense, or that none of the estimators can measure; `inputs` says whether the inputs are there.
    ///
    /// # Errors
    /// [`QuantityError`], for the first that is wrong.
    pub fn check<E: Estimator>(
        quantities: &[QuantityConfig],
        estimators: &[E],
        inputs: bool,
    ) -> Result<(), QuantityError> {
        for (index, quantity) in quantities.iter().enumerate() {
            let kind = quantity.name();
            match *quantity {
                QuantityConfig::Units { groups: Some(groups) } if !(2..=5).contains(&groups) => {
                    return Err(QuantityError::Groups { index, groups });
                }
                QuantityConfig::Inputs { bins: Some(bins) } if !(2..=65_536).contains(&bins) => {
                    return Err(QuantityError::Bins { index, bins });
                }
                QuantityConfig::Inputs { .. } if !inputs => return Err(QuantityError::NoInputs { index }),
                _ => {}
            }
            if quantities[..index].iter().any(|other| other.name() == kind) {
                return Err(QuantityError::Twice { index, kind });
            }
            if !estimators.iter().any(|estimator| quantity.is_measured_with(estimator.info().family)) {
                return Err(QuantityError::NoCells { index, kind });
            }
        }
        Ok(())
    }
}

impl QuantityConfig {
    /// Whether estimators of a family measure it; a quantity that needs none is measured with any.
    pub(crate) fn is_measured_with(&self, family: Family) -> bool {
        let has_cells = matches!(family, Family::Bins | Family::Counts);
        match self {
            QuantityConfig::Units { .. } | QuantityConfig::Inputs { .. } => has_cells,
            QuantityConfig::Layers {} => has_cells || family == Family::Noise,
            QuantityConfig::Similarity {} => true,
        }
    }
}

/// Values of features that are cut into bins unless another number is given.
const INPUT_BINS: usize = 32;

/// Quantities with what they need of the inputs, which are the same at every epoch.
#[derive(Debug, Clone)]
pub struct PreparedQuantity {
    /// The quantity.
    pub config: QuantityConfig,
    /// The parts of the inputs, for one that needs them.
    pub(crate) inputs: Option<Result<InputParts, EstimateError>>,
}

impl PreparedQuantity {
    /// Prepares quantities for the inputs that layers are measured on, `(n_samples, n_features)`, where they are known.
    pub fn all(quantities: &[QuantityConfig], inputs: Option<ArrayView2<'_, f32>>) -> Vec<PreparedQuantity> {
        let prepared = |quantity: &QuantityConfig| {
            let inputs = match quantity {
                QuantityConfig::Inputs { bins } => {
                    inputs.map(|inputs| InputParts::of_columns(inputs, Some(bins.unwrap_or(INPUT_BINS))))
                }
                _ => None,
            };
            PreparedQuantity { config: quantity.clone(), inputs }
        };
        quantities.iter().map(prepared).collect()
    }
}

/// A quantity of one layer at one epoch of one seed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QuantityRow {
    /// The seed of the training.
    pub seed: u64,
    /// Epochs of training before the measurement.
    pub epoch: u64,
    /// The layer, from 1 (nearest the input).
    pub layer: usize,
    /// The id of the method that it is measured with; absent for quantities that need none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// The part of the data that it is measured on, in a run that measures the parts apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<Part>,
    /// What was measured.
    #[serde(flatten, deserialize_with = "with_whole_lists")]
    pub values: QuantityValues,
}

/// What was measured of a layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum QuantityValues {
    /// Of [`QuantityConfig::Units`].
    Units(UnitQuantities),
    /// Of [`QuantityConfig::Layers`].
    Layers(PairQuantities),
    /// Of [`QuantityConfig::Inputs`].
    Inputs(InputQuantities),
    /// Of [`QuantityConfig::Similarity`].
    Similarity(SimilarityQuantities),
    /// Nothing.
    Missing {
        /// The kind of the quantity.
        quantity: String,
        /// Why.
        missing: Missing,
    },
}

/// Refuses a row whose lists about the same things differ in length: a file may hold anything.
fn with_whole_lists<'de, D: Deserializer<'de>>(deserializer: D) -> Result<QuantityValues, D::Error> {
    let values = QuantityValues::deserialize(deserializer)?;
    let (expected, others) = match &values {
        QuantityValues::Units(UnitQuantities { labels, shuffled, .. }) => {
            let others = [&labels.beyond_bits, &shuffled.unit_bits, &shuffled.beyond_bits];
            (labels.unit_bits.len(), others.map(Vec::len).to_vec())
        }
        QuantityValues::Layers(pairs) => {
            let others = [&pairs.standard_error_bits, &pairs.shuffled_bits];
            // An empty list stands for a method that has no such values.
            let others = others.into_iter().map(Vec::len).filter(|&length| length > 0);
            (pairs.i_bits.len(), others.collect())
        }
        QuantityValues::Inputs(inputs) => (inputs.i_bits.len(), vec![inputs.shuffled_bits.len()]),
        QuantityValues::Similarity(found) => (found.linear_cka.len(), vec![found.linear_cka_unbiased.len()]),
        QuantityValues::Missing { .. } => (0, Vec::new()),
    };
    match others.into_iter().find(|&length| length != expected) {
        Some(length) => Err(D::Error::custom(format!(
            "lists of {expected} and of {length} values, where each has one for the same units, layers or features"
        ))),
        None => Ok(values),
    }
}

impl QuantityRow {
    /// The kind of the quantity: `units`.
    pub fn quantity(&self) -> &str {
        match &self.values {
            QuantityValues::Units(_) => "units",
            QuantityValues::Layers(_) => "layers",
            QuantityValues::Inputs(_) => "inputs",
            QuantityValues::Similarity(_) => "similarity",
            QuantityValues::Missing { quantity, .. } => quantity,
        }
    }

    /// The units of the layer, if the row is of these.
    pub fn units(&self) -> Option<&UnitQuantities> {
        match &self.values {
            QuantityValues::Units(units) => Some(units),
            _ => None,
        }
    }

    /// The layer with itself and with later ones, if the row is of these.
    pub fn layers(&self) -> Option<&PairQuantities> {
        match &self.values {
            QuantityValues::Layers(pairs) => Some(pairs),
            _ => None,
        }
    }

    /// The layer and the features of the inputs, if the row is of these.
    pub fn inputs(&self) -> Option<&InputQuantities> {
        match &self.values {
            QuantityValues::Inputs(inputs) => Some(inputs),
            _ => None,
        }
    }

    /// Similarity and ranks, if the row is of these.
    pub fn similarity(&self) -> Option<&SimilarityQuantities> {
        match &self.values {
            QuantityValues::Similarity(similarity) => Some(similarity),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::estimator::{AnyEstimator, BinRule, Binned, Kde};

    #[test]
    fn quantities_that_cannot_be_measured_are_refused() {
        let units = |groups| QuantityConfig::Units { groups };
        let kde = AnyEstimator::from(Kde::new([0.1]));
        let exact = AnyEstimator::from(Binned::new(BinRule::Exact));
        let check = |quantities: &[QuantityConfig], estimators: &[AnyEstimator]| {
            QuantityConfig::check(quantities, estimators, false)
        };
        assert_eq!(check(&[], &[]), Ok(()));
        assert_eq!(check(&[units(None)], &[kde.clone(), exact.clone()]), Ok(()));
        let no_cells = Err(QuantityError::NoCells { index: 0, kind: "units" });
        assert_eq!(check(&[units(None)], std::slice::from_ref(&kde)), no_cells);
        let exact = [exact];
        for groups in [0, 1, 6] {
            let refused = Err(QuantityError::Groups { index: 0, groups });
            assert_eq!(check(&[units(Some(groups))], &exact), refused);
        }
        let recorded = Err(QuantityError::NoInputs { index: 0 });
        assert_eq!(check(&[QuantityConfig::Inputs { bins: None }], &exact), recorded);
        let inputs = |bins| QuantityConfig::check(&[QuantityConfig::Inputs { bins }], &exact, true);
        assert_eq!(inputs(Some(1)), Err(QuantityError::Bins { index: 0, bins: 1 }));
        assert_eq!((inputs(None), inputs(Some(2))), (Ok(()), Ok(())));
        let pairs = [QuantityConfig::Layers {}, QuantityConfig::Similarity {}];
        let kde = [AnyEstimator::from(Kde::new([0.1]))];
        assert_eq!(check(&pairs, &kde), Ok(()));
        let ross = [AnyEstimator::from(crate::estimator::Ross::default())];
        assert_eq!(check(&pairs[1..], &ross), Ok(()));
        assert_eq!(check(&pairs, &ross), Err(QuantityError::NoCells { index: 0, kind: "layers" }));
        let twice = Err(QuantityError::Twice { index: 1, kind: "units" });
        assert_eq!(check(&[units(None), units(Some(2))], &exact), twice);
    }

    #[test]
    fn every_kind_is_named() {
        for kind in QuantityConfig::KINDS {
            assert_eq!(QuantityConfig::named(kind).unwrap().name(), *kind);
            let table: QuantityConfig = toml::from_str(&format!("kind = '{kind}'")).unwrap();
            assert_eq!(Some(table), QuantityConfig::named(kind));
        }
        assert_eq!(QuantityConfig::named("unit"), None);
        for wrong in ["kind = 'layers'\ngroups = 2", "kind = 'unit'", "groups = 3"] {
            assert!(toml::from_str::<QuantityConfig>(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn rows_are_read_as_they_were_written() {
        let amounts = UnitAmounts {
            i_ty_bits: 0.75,
            unit_bits: vec![0.5, 0.1 + 0.2],
            beyond_bits: vec![0.25, 0.0],
            synergy_bits: vec![0.5, 0.25],
        };
        let shuffled = UnitAmounts { synergy_bits: vec![], ..amounts.clone() };
        let units = UnitQuantities { labels: amounts, shuffled, alone: 3, is_all_bias: false };
        let row = QuantityRow {
            seed: 1,
            epoch: 20,
            layer: 3,
            method: Some("binned-30".into()),
            part: Some(Part::Test),
            values: QuantityValues::Units(units),
        };
        let missing = QuantityValues::Missing {
            quantity: "units".into(),
            missing: Missing::both("not-finite", "a value is NaN"),
        };
        let with = |values| QuantityRow { method: None, part: None, values, ..row.clone() };
        let pairs = PairQuantities {
            i_bits: vec![Some(1.0 / 3.0), None],
            standard_error_bits: vec![],
            shuffled_bits: vec![Some(0.25), None],
        };
        let similarity = SimilarityQuantities {
            effective_rank: Some(2.5),
            participation_ratio: None,
            linear_cka: vec![Some(1.0)],
            linear_cka_unbiased: vec![None],
        };
        let inputs = InputQuantities { i_bits: vec![0.1], shuffled_bits: vec![0.0], alone: 9 };
        let others = [
            missing,
            QuantityValues::Layers(pairs),
            QuantityValues::Similarity(similarity),
            QuantityValues::Inputs(inputs),
        ]
        .map(with);
        for row in std::iter::once(row.clone()).chain(others) {
            let text = serde_json::to_string(&row).unwrap();
            assert_eq!(serde_json::from_str::<QuantityRow>(&text).unwrap(), row, "{text}");
        }
    }

    #[test]
    fn lists_that_differ_in_length_are_refused() {
        for text in [
            r#"{"seed":1,"epoch":0,"layer":1,"units":{"labels":{"i_ty_bits":1.0,"unit_bits":[1.0,0.5],"beyond_bits":[0.0,0.0]},
                "shuffled":{"i_ty_bits":0.0,"unit_bits":[0.0],"beyond_bits":[0.0,0.0]},"alone":0}}"#,
            r#"{"seed":1,"epoch":0,"layer":1,"layers":{"i_bits":[1.0,0.5],"shuffled_bits":[0.0]}}"#,
            r#"{"seed":1,"epoch":0,"layer":1,"inputs":{"i_bits":[1.0],"shuffled_bits":[],"alone":0}}"#,
        ] {
            let error = serde_json::from_str::<QuantityRow>(text).unwrap_err().to_string();
            assert!(error.contains("values, where each has one"), "{error}");
        }
    }
}
