//! A row of the plane, in memory and in files.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize, Serializer};

use super::MethodDescription;
use crate::{Bound, EstimateError};

/// What one method says about one layer at one epoch of one seed.
///
/// ```
/// use std::sync::Arc;
/// use infoplane::plane::{MethodDescription, PlaneRow};
/// let binned = Arc::new(MethodDescription::new("binned", "30 equal on [-1, 1]", None));
/// let row = PlaneRow::new(0, 100, (3, 5), &binned, (7.25, 0.5));
/// assert_eq!((row.layer, row.width, row.values()), (3, 5, Some((7.25, 0.5))));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct PlaneRow {
    /// The seed of the training.
    pub seed: u64,
    /// Epochs of training before the measurement; 0 is the untrained network.
    pub epoch: u64,
    /// The layer, from 1 (nearest the input).
    pub layer: usize,
    /// The number of its units.
    pub width: usize,
    /// How it was measured.
    pub method: Arc<MethodDescription>,
    /// I(X;T) in bits; absent if it could not be measured.
    pub i_xt_bits: Option<f64>,
    /// I(T;Y) in bits; absent if it could not be measured.
    pub i_ty_bits: Option<f64>,
    /// Standard error of I(X;T) in bits, where the method has one.
    pub i_xt_standard_error_bits: Option<f64>,
    /// Standard error of I(T;Y) in bits, where the method has one.
    pub i_ty_standard_error_bits: Option<f64>,
    /// I(T;Y) of the same layer and labels in another order, one for all layers and epochs, in bits: the bias of I(T;Y).
    /// Absent for methods other than those of counts, bins and noise, and in rows by earlier versions.
    pub i_ty_shuffled_bits: Option<f64>,
    /// How many values of the layer lay outside the bins.
    pub out_of_range: u64,
    /// How many samples share their cell with no other. Absent for methods without cells, and in rows by earlier versions.
    pub alone: Option<u64>,
    /// Why the layer, or one of its two values, could not be measured.
    pub missing: Option<Arc<Missing>>,
}

/// One of the two numbers of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlaneQuantity {
    /// I(X;T).
    IXt,
    /// I(T;Y).
    ITy,
}

/// Why a value is not there.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Missing {
    /// The one value that is not there; absent if both are not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity: Option<PlaneQuantity>,
    /// The kind of reason, for programs: `not-finite`, `too-few-samples`.
    pub code: Cow<'static, str>,
    /// The reason, for people.
    pub reason: String,
}

impl Missing {
    /// Both values, for one reason.
    pub fn both(code: &'static str, reason: impl fmt::Display) -> Self {
        Missing { quantity: None, code: code.into(), reason: reason.to_string() }
    }
}

impl Missing {
    /// What would take how long, where that is why the value is not there: on another machine it might be.
    pub(crate) fn too_long(&self) -> Option<&str> {
        (self.code == "too-long").then_some(self.reason.as_str())
    }

    /// What can be done so that the value is there, where the reason does not say it.
    pub fn advice(&self) -> Option<&'static str> {
        Some(match &*self.code {
            "not-finite" => "measure epochs before the values stop being finite",
            "too-few-samples" => "measure more samples, or choose a smaller setting",
            "needs-numbers" | "needs-labels" | "not-offered" => "measure layers with binned, kde or noise",
            "empty" => "measure layers of one unit or more",
            "incomplete" | "unreadable" | "changed-shape" => {
                "save these arrays again, whole and of one shape at every epoch, and record them into a new directory"
            }
            _ => return None,
        })
    }

    /// From the words of earlier formats, which name the value first where only one is missing.
    pub(crate) fn in_words(words: &str) -> Self {
        let (quantity, reason) = match (words.strip_prefix("I(X;T): "), words.strip_prefix("I(T;Y): ")) {
            (Some(reason), _) => (Some(PlaneQuantity::IXt), reason),
            (_, Some(reason)) => (Some(PlaneQuantity::ITy), reason),
            _ => (None, words),
        };
        Missing { quantity, ..Missing::both("unknown", reason) }
    }
}

impl From<&EstimateError> for Missing {
    fn from(error: &EstimateError) -> Self {
        Missing::both(error.code(), error)
    }
}

/// `I(T;Y): …` where only that is missing.
impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.quantity {
            Some(PlaneQuantity::IXt) => f.write_str("I(X;T): ")?,
            Some(PlaneQuantity::ITy) => f.write_str("I(T;Y): ")?,
            None => {}
        }
        f.write_str(&self.reason)
    }
}

impl PlaneRow {
    /// A row of `(layer, width)` with the two values in bits, (I(X;T), I(T;Y)), and nothing else to say.
    pub fn new(
        seed: u64,
        epoch: u64,
        (layer, width): (usize, usize),
        method: &Arc<MethodDescription>,
        (i_xt_bits, i_ty_bits): (f64, f64),
    ) -> Self {
        PlaneRow {
            seed,
            epoch,
            layer,
            width,
            method: Arc::clone(method),
            i_xt_bits: Some(i_xt_bits),
            i_ty_bits: Some(i_ty_bits),
            i_xt_standard_error_bits: None,
            i_ty_standard_error_bits: None,
            i_ty_shuffled_bits: None,
            out_of_range: 0,
            alone: None,
            missing: None,
        }
    }

    /// I(T;Y) less that of shuffled labels, in bits, if both are there: what the layer tells of the label beyond the bias
    /// of the method.
    ///
    /// Where every sample is alone in its cell both are H(Y), and this is 0 whatever the layer.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use infoplane::plane::{MethodDescription, PlaneRow};
    /// let binned = Arc::new(MethodDescription::new("binned", "30 equal on [-1, 1]", None));
    /// let row = PlaneRow::new(0, 100, (3, 5), &binned, (7.25, 0.5));
    /// assert_eq!(row.i_ty_above_shuffled_bits(), None);
    /// let row = PlaneRow { i_ty_shuffled_bits: Some(0.25), ..row };
    /// assert_eq!(row.i_ty_above_shuffled_bits(), Some(0.25));
    /// ```
    pub fn i_ty_above_shuffled_bits(&self) -> Option<f64> {
        Some(finite(self.i_ty_bits)? - finite(self.i_ty_shuffled_bits)?)
    }

    /// The two estimates in bits, (I(X;T), I(T;Y)), if both are there and finite.
    pub fn values(&self) -> Option<(f64, f64)> {
        if self.missing.is_some() {
            return None;
        }
        Some((finite(self.i_xt_bits)?, finite(self.i_ty_bits)?))
    }
}

fn finite(value: Option<f64>) -> Option<f64> {
    value.filter(|v| v.is_finite())
}

/// A row as a line of `plane.jsonl` holds it: the method by its id.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct StoredRow<'a> {
    pub seed: u64,
    pub epoch: u64,
    pub layer: usize,
    pub width: usize,
    /// The id of the method; absent in format 2.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub method: Option<Cow<'a, str>>,
    /// In format 2: the method spelled out.
    #[serde(borrow, default, skip_serializing)]
    pub estimator: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing)]
    pub setting: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing)]
    pub bound: Option<Bound>,
    pub i_xt_bits: Option<f64>,
    pub i_ty_bits: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub i_xt_standard_error_bits: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub i_ty_standard_error_bits: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub i_ty_shuffled_bits: Option<f64>,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub out_of_range: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alone: Option<u64>,
    /// In format 2: `ok`, or why there is no value.
    #[serde(borrow, default, skip_serializing)]
    pub status: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<Missing>,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Serialize for PlaneRow {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let stored = StoredRow {
            seed: self.seed,
            epoch: self.epoch,
            layer: self.layer,
            width: self.width,
            method: Some(Cow::Borrowed(&self.method.id)),
            estimator: None,
            setting: None,
            bound: None,
            i_xt_bits: self.i_xt_bits,
            i_ty_bits: self.i_ty_bits,
            i_xt_standard_error_bits: self.i_xt_standard_error_bits,
            i_ty_standard_error_bits: self.i_ty_standard_error_bits,
            i_ty_shuffled_bits: self.i_ty_shuffled_bits,
            out_of_range: self.out_of_range,
            alone: self.alone,
            status: None,
            missing: self.missing.as_deref().cloned(),
        };
        stored.serialize(serializer)
    }
}
