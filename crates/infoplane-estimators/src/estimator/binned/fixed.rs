//! Bins that are fixed to the range of a layer.

use std::borrow::Cow;

use fearless_simd::dispatch;
use ndarray::{ArrayView1, ArrayView2};
use rayon::prelude::*;

use super::digitize::{EvenPattern, SinglePattern, floor_symbols};
use super::{BinRule, Binned};
use crate::estimator::units::UnitSymbols;
use crate::estimator::{counts, table};
use crate::interrupt;
use crate::variable::standard_layout;
use crate::variable::symbols::{Value, number_rows};
use crate::{
    BinRange, Correction, Estimate, EstimateError, EstimateKind, Estimator, EstimatorInfo, Information,
    Labels, LayerEstimate, LayerRange, RangeScope, Symbols, Variable, Warning,
};

/// [`Binned`] with the bins of one layer.
#[derive(Debug, Clone)]
pub(super) struct FixedBins {
    settings: Binned,
    setting: String,
    cells: Cells,
}

/// The bins of each unit.
#[derive(Debug, Clone)]
enum Cells {
    /// The number of edges low + k · step that are ≤ t, less one, held between −1 and `top`.
    Even { units: Vec<EvenBins>, top: f64, closed: bool },
    /// ⌊t / width⌋.
    Floor { width: f64 },
    /// The number of thresholds ≤ t.
    Thresholds { units: Vec<Vec<f64>> },
    /// The bits of t.
    Bits,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct EvenBins {
    pub(super) low: f64,
    pub(super) high: f64,
    /// The width of a bin.
    pub(super) step: f64,
    /// Bins per unit of t: a good guess at the bin, which the edges then settle.
    pub(super) scale: f64,
}
impl FixedBins {
    /// Fixes the bins for one layer.
    ///
    /// # Errors
    /// [`EstimateError::Setting`] if the settings make no bins, or want a range that `range` does not have.
    pub(super) fn new(settings: &Binned, range: &LayerRange) -> Result<Self, EstimateError> {
        let bins = settings.bins.unwrap_or(0);
        let cells = match settings.rule {
            BinRule::Edges | BinRule::Equal => {
                let closed = settings.rule == BinRule::Equal;
                let intervals = if closed { bins } else { bins - 1 } as f64;
                let units = unit_ranges(settings, range)?
                    .into_iter()
                    .map(|(low, high)| EvenBins::new(low, high, intervals))
                    .collect::<Result<_, _>>()?;
                Cells::Even { units, top: intervals, closed }
            }
            BinRule::Floor => Cells::Floor { width: settings.bin_width.unwrap_or(f64::NAN) },
            BinRule::Quantile => Cells::Thresholds { units: quantiles(settings, range, bins)? },
            BinRule::Exact => Cells::Bits,
        };
        Ok(FixedBins { settings: settings.clone(), setting: settings.setting(), cells })
    }

    /// Returns the information between two variables, x in these bins and y in others.
    pub(super) fn compare_with(
        &self,
        other: &FixedBins,
        x: Variable<'_>,
        y: Variable<'_>,
    ) -> Result<Estimate, EstimateError> {
        let ((of_x, beyond_x), (of_y, beyond_y)) = (self.symbols_of(&x)?, other.symbols_of(&y)?);
        let mut estimate = self.compare(&of_x, of_x.entropy(), &of_y, &[x.view(), y.view()])?;
        if beyond_x + beyond_y > 0 {
            let beyond = beyond_x + beyond_y;
            estimate.warnings.push(Warning::Note(format!("{beyond} values lay outside the bins")));
        }
        Ok(estimate)
    }

    /// Returns the symbols of any variable, and how many values lay outside the bins.
    fn symbols_of<'a>(&self, variable: &Variable<'a>) -> Result<(Cow<'a, Labels>, u64), EstimateError> {
        let (symbols, outside) = match variable {
            Variable::Labels(labels) => return Ok((Cow::Borrowed(labels), 0)),
            Variable::Single(rows) => {
                self.number(standard_layout(rows).as_slice().unwrap_or(&[]), rows.ncols())?
            }
            Variable::Double(rows) => {
                self.number(standard_layout(rows).as_slice().unwrap_or(&[]), rows.ncols())?
            }
        };
        Ok((Cow::Owned(symbols), outside))
    }

    /// Returns the number of values of each row outside the bins.
    fn outside(&self, t: &Variable<'_>) -> Vec<u32> {
        fn count<T: Value>(rows: &ArrayView2<'_, T>, units: &[EvenBins]) -> Vec<u32> {
            let outside = |row: ArrayView1<'_, T>| {
                let beyond = |(value, bins): (&T, &EvenBins)| {
                    let t: f64 = (*value).into();
                    u32::from((t < bins.low) | (t > bins.high))
                };
                row.iter().zip(units.iter().cycle()).map(beyond).sum()
            };
            rows.rows().into_iter().map(outside).collect()
        }
        match (t, &self.cells) {
            (Variable::Single(rows), Cells::Even { units, .. }) => count(rows, units),
            (Variable::Double(rows), Cells::Even { units, .. }) => count(rows, units),
            _ => Vec::new(),
        }
    }

    /// Returns the information between symbols, `entropy` that of the first.
    fn compare(
        &self,
        symbols: &Labels,
        entropy: Information,
        labels: &Labels,
        variables: &[Variable<'_>],
    ) -> Result<Estimate, EstimateError> {
        let kind = EstimateKind::Binned { bins: self.setting.clone() };
        if self.settings.correction.is_plug_in() {
            let information = table::information(symbols, entropy, labels);
            return Ok(Estimate::new(information, kind, variables));
        }
        let estimate = counts::information(self.settings.correction, symbols, labels, variables)?;
        Ok(Estimate { kind, ..estimate })
    }

    /// Returns the symbols of each unit.
    fn number_units<T: Value>(&self, rows: &ArrayView2<'_, T>) -> Result<UnitSymbols, EstimateError> {
        let unit = |unit: usize| -> Result<Labels, EstimateError> {
            let own = |n_units: usize| {
                if n_units == 1 { Some(0) } else { Some(unit).filter(|&unit| unit < n_units) }
            };
            let cells = match &self.cells {
                Cells::Even { units, top, closed } => own(units.len()).map(|unit| Cells::Even {
                    units: vec![units[unit]],
                    top: *top,
                    closed: *closed,
                }),
                Cells::Thresholds { units } => {
                    own(units.len()).map(|unit| Cells::Thresholds { units: vec![units[unit].clone()] })
                }
                same => Some(same.clone()),
            };
            // Bins observed on fewer units are refused as a whole.
            let Some(cells) = cells else { return Ok(self.number(&rows.row(0).to_vec(), rows.ncols())?.0) };
            let of_unit = FixedBins { cells, settings: self.settings.clone(), setting: String::new() };
            Ok(of_unit.number(&rows.column(unit).to_vec(), 1)?.0)
        };
        let units: Vec<Labels> = (0..rows.ncols()).into_par_iter().map(unit).collect::<Result<_, _>>()?;
        UnitSymbols::from_units(&units)
    }

    /// Returns one symbol per row, and how many values lay outside the bins.
    pub(super) fn number<T: Value>(
        &self,
        values: &[T],
        width: usize,
    ) -> Result<(Labels, u64), EstimateError> {
        let per_unit = match &self.cells {
            Cells::Even { units, .. } => units.len(),
            Cells::Thresholds { units } => units.len(),
            Cells::Floor { .. } | Cells::Bits => 1,
        };
        if per_unit != 1 && per_unit != width {
            return Err(EstimateError::Setting {
                key: "range",
                given: format!("\"unit\" observed on {per_unit} units, for a layer of width {width}"),
                allowed: "the layer it was observed on",
            });
        }
        Ok(match &self.cells {
            Cells::Even { units, top, closed } => {
                let even = EvenPattern::new(units, width, *top, *closed);
                let level = crate::simd::level();
                if *top <= 253.0 {
                    let single = SinglePattern::new(&even);
                    number_rows(values, width, |values, symbols| match (&single, T::singles(values)) {
                        (Some(single), Some(values)) => {
                            dispatch!(level, simd => single.digitize(simd, &even, values, symbols))
                        }
                        _ => {
                            dispatch!(level, simd => even.digitize(simd, values, symbols, |bin| bin as u8))
                        }
                    })
                } else {
                    number_rows(
                        values,
                        width,
                        |values, symbols| dispatch!(level, simd => even.digitize(simd, values, symbols, |bin| bin as u32)),
                    )
                }
            }
            Cells::Floor { width: bin_width } => floor_symbols(values, *bin_width, width)?,
            Cells::Thresholds { units } => number_rows(values, width, |values, symbols| {
                for (i, (symbol, &value)) in symbols.iter_mut().zip(values).enumerate() {
                    let edges = &units[if units.len() == 1 { 0 } else { i % width }];
                    *symbol = edges.partition_point(|&edge| edge <= value.into()) as u32;
                }
                0
            }),
            Cells::Bits => number_rows(values, width, |values, symbols| {
                for (symbol, &value) in symbols.iter_mut().zip(values) {
                    *symbol = (value.into() + 0.0).to_bits();
                }
                0
            }),
        })
    }
}

impl EvenBins {
    pub(super) fn new(low: f64, high: f64, intervals: f64) -> Result<Self, EstimateError> {
        let (step, scale) = ((high - low) / intervals, intervals / (high - low));
        if high > low && !(step.is_normal() && scale.is_normal()) {
            return Err(EstimateError::Setting {
                key: "range",
                given: format!("[{low:e}, {high:e}]"),
                allowed: "a range whose bins have a width that double precision can hold",
            });
        }
        // A unit that never varied has one bin.
        Ok(EvenBins { low, high, step, scale: if high > low { scale } else { 0.0 } })
    }
}

/// Returns the range of each unit, or one range for all.
fn unit_ranges(settings: &Binned, range: &LayerRange) -> Result<Vec<(f64, f64)>, EstimateError> {
    let missing =
        |given: &str, allowed| EstimateError::Setting { key: "range", given: given.into(), allowed };
    let one = |found: Option<(f64, f64)>, given, allowed| {
        found.map(|range| vec![range]).ok_or_else(|| missing(given, allowed))
    };
    const OBSERVED: &str = "a range of numbers, as nothing has been observed";
    match settings.range {
        Some(BinRange::Fixed([low, high])) => Ok(vec![(low, high)]),
        Some(BinRange::Scope(RangeScope::Activation)) => one(
            range.activation,
            "\"activation\" for a layer whose nonlinearity is unbounded",
            "\"layer\", \"unit\", \"run\" or two numbers",
        ),
        Some(BinRange::Scope(RangeScope::Run)) => one(range.run.or(range.layer()), "\"run\"", OBSERVED),
        Some(BinRange::Scope(RangeScope::Layer)) => one(range.layer(), "\"layer\"", OBSERVED),
        Some(BinRange::Scope(RangeScope::Unit)) if range.layer().is_some() => {
            Ok(range.units.iter().map(|unit| (unit.min, unit.max)).collect())
        }
        _ => Err(missing("\"unit\"", OBSERVED)),
    }
}

/// Thresholds between bins that hold equally many of the observed values; ties merge bins.
fn quantiles(settings: &Binned, range: &LayerRange, bins: usize) -> Result<Vec<Vec<f64>>, EstimateError> {
    unit_ranges(settings, range)?; // refuses a range that was not observed
    let thresholds = |mut values: Vec<f64>| {
        interrupt::sort_by(&mut values, f64::total_cmp);
        // Of a unit without a finite value there is nothing to divide.
        let n_edges = if values.is_empty() { 0 } else { bins };
        let mut edges: Vec<f64> = (1..n_edges).map(|k| values[k * values.len() / bins]).collect();
        edges.dedup();
        edges
    };
    let samples = range.units.iter().map(|unit| unit.sample.clone());
    Ok(match settings.range {
        Some(BinRange::Scope(RangeScope::Unit)) => samples.map(thresholds).collect(),
        _ => vec![thresholds(samples.flatten().collect())],
    })
}

impl Estimator for FixedBins {
    fn info(&self) -> &'static EstimatorInfo {
        Binned::INFO
    }

    fn setting(&self) -> String {
        self.setting.clone()
    }

    /// Matrices in these bins, labels as they are.
    fn estimate_pair(&self, x: Variable<'_>, y: Variable<'_>) -> Result<Estimate, EstimateError> {
        self.compare_with(self, x, y)
    }

    fn estimate_layer(
        &self,
        t: Variable<'_>,
        labellings: &[&Labels],
    ) -> Result<Vec<LayerEstimate>, EstimateError> {
        let (symbols, out_of_range) = self.symbols_of(&t)?;
        let entropy = symbols.entropy();
        let estimates = labellings
            .iter()
            .map(|labels| self.compare(&symbols, entropy, labels, &[t.view(), Variable::Labels(labels)]))
            .collect();
        Ok(vec![LayerEstimate {
            out_of_range,
            alone: Some(counts::alone(&symbols) as u64),
            ..LayerEstimate::new(self.setting.clone(), None, estimates)
        }])
    }

    fn layer_symbols(&self, t: Variable<'_>) -> Result<Option<Symbols>, EstimateError> {
        let (labels, outside) = self.symbols_of(&t)?;
        let outside = if outside == 0 { Vec::new() } else { self.outside(&t) };
        Ok(Some(Symbols { labels: labels.into_owned(), outside }))
    }

    fn unit_symbols(&self, t: Variable<'_>) -> Result<Option<(UnitSymbols, Correction)>, EstimateError> {
        let units = match &t {
            Variable::Labels(labels) => UnitSymbols::from_units(std::slice::from_ref(*labels)),
            Variable::Single(rows) => self.number_units(rows),
            Variable::Double(rows) => self.number_units(rows),
        };
        Ok(Some((units?, self.settings.correction)))
    }

    fn cell_correction(&self) -> Option<Correction> {
        Some(self.settings.correction)
    }
}
