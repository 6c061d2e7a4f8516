//! Axes that fit their values.

use super::{Axis, AxisScale};

impl Axis {
    /// An even axis that holds all finite values, and `extra` of its length beyond on both sides.
    pub(crate) fn linear(
        quantity: &str,
        unit: &str,
        values: impl IntoIterator<Item = f64>,
        extra: f64,
    ) -> Axis {
        let (low, high) = linear_range(values, extra);
        Axis::of(quantity, unit, AxisScale::Linear, (low, high))
    }

    /// An axis of epochs.
    pub(crate) fn epochs(epochs: impl IntoIterator<Item = u64>) -> Axis {
        let (low, high) = epoch_range(epochs);
        Axis::of("epoch", "", AxisScale::LogOnePlus, (low, high))
    }

    /// A logarithmic axis of whole decades around the values above zero.
    pub(crate) fn logarithmic(quantity: &str, unit: &str, values: impl IntoIterator<Item = f64>) -> Axis {
        let (low, high) = decade_range(values);
        Axis::of(quantity, unit, AxisScale::Logarithmic, (low, high))
    }

    /// An axis of names.
    pub(crate) fn places(quantity: &str, names: impl IntoIterator<Item = String>) -> Axis {
        let places: Vec<String> = names.into_iter().collect();
        let high = places.len().max(1) as f64;
        Axis { places, ..Axis::of(quantity, "", AxisScale::Places, (0.0, high)) }
    }

    /// An axis between two values.
    pub(crate) fn of(quantity: &str, unit: &str, scale: AxisScale, (low, high): (f64, f64)) -> Axis {
        Axis { quantity: quantity.into(), unit: unit.into(), scale, low, high, places: vec![] }
    }

    /// The quantity with its unit, as axes name it: `I(X;T)  [bits]`.
    pub fn title(&self) -> String {
        if self.unit.is_empty() {
            self.quantity.clone()
        } else {
            format!("{}  [{}]", self.quantity, self.unit)
        }
    }
}

/// The ends of an even axis, with `extra` of its length beyond the values on both sides.
fn linear_range(values: impl IntoIterator<Item = f64>, extra: f64) -> (f64, f64) {
    let (low, high) = range(values).unwrap_or((0.0, 1.0));
    // A single value gets room around it, or there would be nothing to divide by.
    let length = if high > low { high - low } else { low.abs().max(1.0) };
    let (low, high) = if high > low { (low, high) } else { (low - length / 2.0, high + length / 2.0) };
    (low - length * extra, high + length * extra)
}

/// The ends of an axis of epochs; it begins at 0 unless the first epoch is far from it.
pub(crate) fn epoch_range(epochs: impl IntoIterator<Item = u64>) -> (f64, f64) {
    let (low, high) = range(epochs.into_iter().map(|epoch| epoch as f64)).unwrap_or((0.0, 1.0));
    let low = if low <= 10.0 { 0.0 } else { low };
    (low, high.max(low + 1.0))
}

/// The ends of a logarithmic axis of whole decades around the values above zero.
fn decade_range(values: impl IntoIterator<Item = f64>) -> (f64, f64) {
    let above_zero = values.into_iter().filter(|&v| v > 0.0);
    let (low, high) = range(above_zero).unwrap_or((0.1, 1.0));
    // A decade beyond the largest float would be infinite, one below the smallest zero.
    let (low, mut high) = (low.log10().floor().clamp(-307.0, 307.0) as i32, high.log10().ceil() as i32);
    high = high.min(308);
    high = high.max(low + 1);
    (10f64.powi(low), 10f64.powi(high))
}

/// Where an epoch lies on an axis of epochs, 0 to 1.
pub(super) fn epoch_share((low, high): (f64, f64), epoch: f64) -> f64 {
    ((epoch.ln_1p() - low.ln_1p()) / (high.ln_1p() - low.ln_1p())).clamp(0.0, 1.0)
}

fn range(values: impl IntoIterator<Item = f64>) -> Option<(f64, f64)> {
    values.into_iter().filter(|v| v.is_finite()).fold(None, |range, v| match range {
        None => Some((v, v)),
        Some((low, high)) => Some((low.min(v), high.max(v))),
    })
}
