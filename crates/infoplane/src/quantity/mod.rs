//! Quantities beside the plane: what a run measures of its layers beyond I(X;T) and I(T;Y).
//!
//! Each is a table `[[quantities]]` of an experiment, and is measured at every measured epoch:
//!
//! | kind | what | with |
//! |---|---|---|
//! | [`units`](QuantityConfig::Units) | what single units tell of the label, alone and beyond the others; degrees of redundancy and vulnerability; representational complexity | every estimator with cells |
//!
//! An estimator has cells if it takes the rows of a layer for symbols: those of bins and of counts.

mod units;

use serde::{Deserialize, Serialize};

use crate::estimator::{Estimator, Family};
use crate::plane::{Missing, Part};

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
        "quantities[{index}] ({kind}) is measured with estimators of bins or of counts, and there is none; add one, for example \
         [[estimators]] kind = \"binned\", rule = \"floor\", bin_width = 0.07"
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
    pub const KINDS: &[&str] = &["units"];

    /// The quantity of a kind, with its default settings.
    pub fn named(kind: &str) -> Option<QuantityConfig> {
        match kind {
            "units" => Some(QuantityConfig::Units { groups: None }),
            _ => None,
        }
    }

    /// `units`.
    pub const fn name(&self) -> &'static str {
        match self {
            QuantityConfig::Units { .. } => "units",
        }
    }

    /// Refuses quantities that make no sense, or that none of the estimators can measure.
    ///
    /// # Errors
    /// [`QuantityError`], for the first that is wrong.
    pub fn check<E: Estimator>(quantities: &[QuantityConfig], estimators: &[E]) -> Result<(), QuantityError> {
        for (index, quantity) in quantities.iter().enumerate() {
            let kind = quantity.name();
            let QuantityConfig::Units { groups } = quantity;
            if let Some(groups) = groups.filter(|groups| !(2..=5).contains(groups)) {
                return Err(QuantityError::Groups { index, groups });
            }
            if quantities[..index].iter().any(|other| other.name() == kind) {
                return Err(QuantityError::Twice { index, kind });
            }
            if !estimators.iter().any(|estimator| has_cells(estimator)) {
                return Err(QuantityError::NoCells { index, kind });
            }
        }
        Ok(())
    }
}

/// Whether an estimator takes the rows of a layer for symbols.
pub(crate) fn has_cells<E: Estimator + ?Sized>(estimator: &E) -> bool {
    matches!(estimator.info().family, Family::Bins | Family::Counts)
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
    #[serde(flatten)]
    pub values: QuantityValues,
}

/// What was measured of a layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum QuantityValues {
    /// Of [`QuantityConfig::Units`].
    Units(UnitQuantities),
    /// Nothing.
    Missing {
        /// The kind of the quantity.
        quantity: String,
        /// Why.
        missing: Missing,
    },
}

impl QuantityRow {
    /// The units of the layer, if the row is of these.
    pub fn units(&self) -> Option<&UnitQuantities> {
        match &self.values {
            QuantityValues::Units(units) => Some(units),
            QuantityValues::Missing { .. } => None,
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
            QuantityConfig::check(quantities, estimators)
        };
        assert_eq!(check(&[], &[]), Ok(()));
        assert_eq!(check(&[units(None)], &[kde.clone(), exact.clone()]), Ok(()));
        let no_cells = Err(QuantityError::NoCells { index: 0, kind: "units" });
        assert_eq!(check(&[units(None)], &[kde]), no_cells);
        let exact = [exact];
        for groups in [0, 1, 6] {
            let refused = Err(QuantityError::Groups { index: 0, groups });
            assert_eq!(check(&[units(Some(groups))], &exact), refused);
        }
        let twice = Err(QuantityError::Twice { index: 1, kind: "units" });
        assert_eq!(check(&[units(None), units(Some(2))], &exact), twice);
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
        let without = QuantityRow { method: None, part: None, values: missing, ..row.clone() };
        for row in [row, without] {
            let text = serde_json::to_string(&row).unwrap();
            assert_eq!(serde_json::from_str::<QuantityRow>(&text).unwrap(), row, "{text}");
        }
    }
}
