//! Axes that fit their values.

use super::{Axis, AxisScale};
use crate::math;

/// Less information than this is rounding.
pub(crate) const NO_BITS: f64 = 1e-9;

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

    /// An even axis in bits of a quantity with a limit, from zero to the limit even where the values fill less. Where all of
    /// it is zero but for rounding, as with labels of one class, it is one bit long.
    pub(crate) fn bits(
        quantity: &str,
        values: impl IntoIterator<Item = f64>,
        limits: impl IntoIterator<Item = f64>,
        extra: f64,
    ) -> Axis {
        let values: Vec<f64> = values.into_iter().chain(limits).chain([0.0]).collect();
        let is_zero = values.iter().all(|value| value.abs() < NO_BITS || !value.is_finite());
        Axis::linear(quantity, "bits", values.into_iter().chain(is_zero.then_some(1.0)), extra)
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
    let (low, mut high) =
        (math::log10(low).floor().clamp(-307.0, 307.0) as i32, math::log10(high).ceil() as i32);
    high = high.min(308);
    high = high.max(low + 1);
    (math::power_of_ten(low), math::power_of_ten(high))
}

/// Where an epoch lies on an axis of epochs, 0 to 1.
pub(super) fn epoch_share((low, high): (f64, f64), epoch: f64) -> f64 {
    ((math::ln_1p(epoch) - math::ln_1p(low)) / (math::ln_1p(high) - math::ln_1p(low))).clamp(0.0, 1.0)
}

fn range(values: impl IntoIterator<Item = f64>) -> Option<(f64, f64)> {
    values.into_iter().filter(|v| v.is_finite()).fold(None, |range, v| match range {
        None => Some((v, v)),
        Some((low, high)) => Some((low.min(v), high.max(v))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_that_are_zero_but_for_rounding_have_an_axis_of_one_bit() {
        let axis = Axis::bits("I(T;Y)", [3e-16, -1e-17], [0.0], 0.06);
        assert!((axis.low + 0.06).abs() < 1e-9 && (axis.high - 1.06).abs() < 1e-9, "{axis:?}");
        let axis = Axis::bits("I(T;Y)", [0.1, f64::NAN], [2.0], 0.0);
        assert_eq!((axis.low, axis.high), (0.0, 2.0));
    }
}
