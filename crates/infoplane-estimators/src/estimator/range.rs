//! The range that bins cover: a choice that affects the conclusions, so it is always stated.

use std::fmt;

use crate::Variable;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The range of the bins.
///
/// In a configuration file two numbers, `range = [-1, 1]`, or one of the words of [`RangeScope`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "allowed is [low, high], \"activation\", \"run\", \"layer\" or \"unit\"")]
pub enum BinRange {
    /// From the first number to the second, whatever the activations are. Values outside are counted.
    Fixed([f64; 2]),
    /// Taken from the network or from what was observed.
    Scope(RangeScope),
}

impl fmt::Display for BinRange {
    /// As in a configuration file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BinRange::Fixed([low, high]) => write!(f, "[{}, {}]", short(*low), short(*high)),
            BinRange::Scope(RangeScope::Activation) => f.write_str("\"activation\""),
            BinRange::Scope(RangeScope::Run) => f.write_str("\"run\""),
            BinRange::Scope(RangeScope::Layer) => f.write_str("\"layer\""),
            BinRange::Scope(RangeScope::Unit) => f.write_str("\"unit\""),
        }
    }
}

/// A range that is not given in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RangeScope {
    /// The range of the layer's nonlinearity: [−1, 1] for tanh, [0, 1] for sigmoid and softmax.
    Activation,
    /// Smallest to largest value of any layer at any measured epoch of a training (each seed has its own).
    Run,
    /// Smallest to largest value of the layer at any measured epoch of a training (each seed has its own).
    Layer,
    /// Smallest to largest value of each unit at any measured epoch of a training (each seed has its own).
    Unit,
}

/// The range of the values of a layer over all epochs that will be measured.
///
/// Bins must be the same at all epochs of a run, because a changing range would change the estimate; so ranges are
/// observed first and then fixed.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LayerRange {
    /// The range of the layer's nonlinearity, if it is bounded.
    pub activation: Option<(f64, f64)>,
    /// Smallest and largest value in any layer of the run.
    pub run: Option<(f64, f64)>,
    /// The observed values of each unit; empty if nothing was observed.
    pub units: Vec<UnitRange>,
}

/// The observed values of one unit.
#[derive(Debug, Clone, PartialEq)]
pub struct UnitRange {
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
    /// Some of them, evenly spaced over rows, for quantiles.
    pub sample: Vec<f64>,
}

impl LayerRange {
    /// Observes the values of one epoch, storing at most about `sample_rows` rows of them.
    ///
    /// Values that are not finite are skipped; measuring reports them. Cost O(n · width).
    pub fn observe(&mut self, t: Variable<'_>, sample_rows: usize) {
        match t {
            Variable::Labels(_) => {}
            Variable::Single(rows) => {
                self.observe_rows(rows.ncols(), rows.nrows(), sample_rows, |r, c| f64::from(rows[(r, c)]))
            }
            Variable::Double(rows) => {
                self.observe_rows(rows.ncols(), rows.nrows(), sample_rows, |r, c| rows[(r, c)])
            }
        }
    }

    fn observe_rows(
        &mut self,
        width: usize,
        n_samples: usize,
        sample_rows: usize,
        value: impl Fn(usize, usize) -> f64,
    ) {
        let nothing = UnitRange { min: f64::INFINITY, max: f64::NEG_INFINITY, sample: Vec::new() };
        self.units.resize(width, nothing);
        let stride = n_samples.div_ceil(sample_rows.max(1)).max(1);
        for row in 0..n_samples {
            for (column, unit) in self.units.iter_mut().enumerate() {
                let value = value(row, column);
                if value.is_finite() {
                    unit.min = unit.min.min(value);
                    unit.max = unit.max.max(value);
                    if sample_rows > 0 && row % stride == 0 {
                        unit.sample.push(value);
                    }
                }
            }
        }
    }

    /// Smallest and largest value of any unit, if any was observed.
    pub fn layer(&self) -> Option<(f64, f64)> {
        let low = self.units.iter().map(|unit| unit.min).fold(f64::INFINITY, f64::min);
        let high = self.units.iter().map(|unit| unit.max).fold(f64::NEG_INFINITY, f64::max);
        (low <= high).then_some((low, high))
    }
}

/// Writes a number, by a power of ten where it would take many zeros.
pub(crate) fn short(value: f64) -> String {
    match value.abs() {
        0.0 | 1e-7..1e15 => value.to_string(),
        _ => format!("{value:e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn a_range_covers_every_epoch_seen() {
        let mut range = LayerRange::default();
        range.observe(Variable::Single(array![[0.0f32, 5.0], [1.0, 6.0]].view()), 10);
        range.observe(Variable::Single(array![[-2.0f32, 5.5], [0.5, f32::NAN]].view()), 10);
        assert_eq!((range.units[0].min, range.units[0].max), (-2.0, 1.0));
        assert_eq!((range.units[1].min, range.units[1].max), (5.0, 6.0));
        assert_eq!(range.layer(), Some((-2.0, 6.0)));
        assert_eq!(range.units[1].sample.len(), 3);
    }

    #[test]
    fn nothing_seen_is_no_range() {
        assert_eq!(LayerRange::default().layer(), None);
    }
}
