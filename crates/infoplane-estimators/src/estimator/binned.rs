//! Binning: each value of a layer is replaced by the number of its bin, and the bins of a row are its symbol.
//!
//! The method of Shwartz-Ziv & Tishby (2017) and, with `floor`, of Saxe et al. (2018).

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use fearless_simd::{Simd, dispatch};
use ndarray::{ArrayView1, ArrayView2};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::discrete::{self, Correction};
use super::range::{BinRange, LayerRange, RangeScope};
use super::{
    About, Bound, Estimate, EstimateError, Estimator, Kind, Method, Reading, Symbols, Uncertainty, Warning,
    check_layer, check_variables, counts,
};
use crate::simd;
use crate::variable::standard_layout;
use crate::variable::symbols::{BLOCK_VALUES, BLOCKS_AT_ONCE, Value, number_rows};
use crate::{Information, Labels, Variable};

/// The rule that assigns values to bins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BinRule {
    /// Edges evenly spaced from `lo` to `hi`, both included, as numpy.digitize sorts values by: `bins − 1` inner
    /// cells, and an open cell on either side, for values below `lo` and for values from `hi` on. The form of the
    /// published programs.
    Edges,
    /// `bins` bins of equal width on [`lo`, `hi`], the upper edge in the last one.
    Equal,
    /// ⌊t / `bin_width`⌋, unbounded.
    Floor,
    /// `bins` bins with equally many of the observed values in each, per layer or per unit.
    Quantile,
    /// The bits of the floats themselves: the true entropy of a deterministic network.
    Exact,
}

/// The settings of [`Binned`], as given in a configuration file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BinnedConfig {
    /// The rule that assigns values to bins.
    pub rule: BinRule,
    /// The number of bins (or edges), 1 to 65,536; for `edges` at least 2. Not for `floor` and `exact`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bins: Option<usize>,
    /// The width of a bin, for `floor`; in the layer's own units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bin_width: Option<f64>,
    /// The range of the bins, for `edges`, `equal` and `quantile`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<BinRange>,
    /// The correction of the entropies for cells that the samples did not reach.
    #[serde(default, skip_serializing_if = "Correction::is_plug_in")]
    pub correction: Correction,
}

impl BinnedConfig {
    pub(super) const ABOUT: &About = &About {
        name: "binned",
        title: "binned",
        estimates: "I(X;T) and I(T;Y) of T in bins",
        when: "the planes of Shwartz-Ziv & Tishby (2017); a bin width is given",
        cost: "O(n d)",
        uncertainty: Uncertainty::Bootstrap,
        reference: "Shwartz-Ziv & Tishby (2017), arXiv:1703.00810",
    };
    /// Returns the setting as rows and figures print it; the same for every layer.
    pub fn setting(&self) -> String {
        let bins = self.bins.unwrap_or(0);
        let on = match self.range {
            Some(BinRange::Fixed([low, high])) => format!("on [{low}, {high}]"),
            Some(BinRange::Scope(RangeScope::Activation)) => "on the activation's range".into(),
            Some(BinRange::Scope(RangeScope::Run)) => "on the run's range".into(),
            Some(BinRange::Scope(RangeScope::Layer)) => "on each layer's range".into(),
            Some(BinRange::Scope(RangeScope::Unit)) => "on each unit's range".into(),
            None => String::new(),
        };
        let bins = match self.rule {
            BinRule::Edges => format!("{bins} edges {on}"),
            BinRule::Equal => format!("{bins} equal bins {on}"),
            BinRule::Floor => format!("floor, bin width {}", self.bin_width.unwrap_or(f64::NAN)),
            BinRule::Quantile => format!("{bins} quantile bins {on}"),
            BinRule::Exact => "exact float bits".into(),
        };
        match self.correction {
            Correction::PlugIn => bins,
            correction => format!("{bins}, {}", correction.name()),
        }
    }
}

impl Method for BinnedConfig {
    fn about(&self) -> &'static About {
        Self::ABOUT
    }

    fn settings(&self) -> Vec<(String, Option<Bound>)> {
        vec![(self.setting(), None)]
    }

    fn needs_observed_range(&self) -> bool {
        matches!(self.range, Some(BinRange::Scope(RangeScope::Run | RangeScope::Layer | RangeScope::Unit)))
    }

    /// Refuses settings that make no bins.
    ///
    /// # Errors
    /// [`EstimateError::Setting`] names the first key that is missing, superfluous or out of range.
    fn check(&self) -> Result<(), EstimateError> {
        let setting = |key, given: String, allowed| Err(EstimateError::Setting { key, given, allowed });
        let not_given = || "(not given)".to_string();
        let shown = |value: Option<String>| value.unwrap_or_else(not_given);
        let bins = || shown(self.bins.map(|bins| bins.to_string()));
        let range = || shown(self.range.map(|range| range.to_string()));
        match self.rule {
            BinRule::Edges | BinRule::Equal | BinRule::Quantile => {
                let least = if self.rule == BinRule::Edges { 2 } else { 1 };
                if !self.bins.is_some_and(|bins| (least..=MAX_BINS).contains(&bins)) {
                    let allowed = match self.rule {
                        BinRule::Edges => "2 to 65536 edges",
                        _ => "1 to 65536 bins",
                    };
                    return setting("bins", bins(), allowed);
                }
                if self.bin_width.is_some() {
                    return setting(
                        "bin_width",
                        shown(self.bin_width.map(|w| w.to_string())),
                        "to leave it out, except with rule = \"floor\"",
                    );
                }
            }
            BinRule::Floor | BinRule::Exact => {
                if self.bins.is_some() {
                    return setting("bins", bins(), "to leave it out with this rule");
                }
                if self.range.is_some() {
                    return setting("range", range(), "to leave it out with this rule");
                }
            }
        }
        match self.rule {
            BinRule::Edges | BinRule::Equal => match self.range {
                Some(BinRange::Fixed([low, high]))
                    if !(low.is_finite() && high.is_finite() && low < high && (high - low).is_finite()) =>
                {
                    setting("range", format!("[{low}, {high}]"), "two finite numbers, the lower first")
                }
                None => setting(
                    "range",
                    not_given(),
                    "[low, high], \"activation\", \"run\", \"layer\" or \"unit\"",
                ),
                _ => Ok(()),
            },
            BinRule::Quantile => match self.range {
                Some(BinRange::Scope(RangeScope::Layer | RangeScope::Unit)) => Ok(()),
                _ => setting("range", range(), "\"layer\" or \"unit\" with rule = \"quantile\""),
            },
            BinRule::Floor => match self.bin_width {
                Some(width) if width.is_finite() && width > 0.0 => Ok(()),
                None => {
                    setting("bin_width", not_given(), "a finite number above 0, which rule = \"floor\" needs")
                }
                Some(width) => setting("bin_width", width.to_string(), "a finite number above 0"),
            },
            BinRule::Exact if self.bin_width.is_some() => setting(
                "bin_width",
                shown(self.bin_width.map(|w| w.to_string())),
                "to leave it out, except with rule = \"floor\"",
            ),
            BinRule::Exact => Ok(()),
        }
    }

    fn estimator(&self, range: &LayerRange) -> Result<Box<dyn Estimator>, EstimateError> {
        Ok(Box::new(Binned::new(self, range)?))
    }
}

/// More bins than this resolve single floats; [`BinRule::Exact`] says so directly.
const MAX_BINS: usize = 65_536;

/// I(T; labels) of a layer whose values have been sorted into bins.
///
/// ```text
/// I(T;L) = H(T̂) − Σ p(l) H(T̂ | L = l),   H(T̂) = −Σ p(t̂) ln p(t̂)
/// ```
///
/// with t̂ the bins of a row of T taken together and p the shares in the samples (plug-in). For distinct
/// labels H(T̂|L) = 0. An estimate of the information at that resolution: for T itself, deterministic and
/// continuous, I(X;T) is ln N or infinite. The bins never change between epochs, and values outside them fall
/// into a bin of their own on either side and are counted (for [`BinRule::Edges`] values ≥ `hi` share the last
/// bin, as in the published programs).
///
/// The entropy of more cells than samples can fill is underestimated: 0 ≤ I ≤ ln N whatever T is.
///
/// `t`: `(n_samples, width)`. Time O(n · width), memory one byte per value for up to 255 bins.
///
/// ```
/// use infoplane_estimators::estimator::{BinRange, BinRule, Binned, BinnedConfig, Correction, Estimator, LayerRange};
/// use infoplane_estimators::{Labels, Variable};
/// use ndarray::array;
///
/// let config = BinnedConfig {
///     rule: BinRule::Equal,
///     bins: Some(2),
///     bin_width: None,
///     range: Some(BinRange::Fixed([-1.0, 1.0])),
///     correction: Correction::PlugIn,
/// };
/// let binned = Binned::new(&config, &LayerRange::default())?;
/// let t = array![[-0.9f32], [-0.1], [0.1], [0.2]];
/// let y = Labels::from_symbols(&[0, 0, 1, 1]);
/// let readings = binned.layer(Variable::Single(t.view()), &[&Labels::distinct(4), &y])?;
/// assert_eq!(readings[0].estimates[0].as_ref().unwrap().information.bits(), 1.0); // I(X;T)
/// assert_eq!(readings[0].estimates[1].as_ref().unwrap().information.bits(), 1.0); // I(T;Y)
/// # Ok::<(), infoplane_estimators::EstimateError>(())
/// ```
///
/// # References
/// Shwartz-Ziv & Tishby (2017), arXiv:1703.00810, section 2; Saxe et al. (2018), *On the information
/// bottleneck theory of deep learning*, section 2 (`floor`) and appendix (the effect of the range).
#[derive(Debug, Clone)]
pub struct Binned {
    config: BinnedConfig,
    setting: String,
    cells: Cells,
    correction: Correction,
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
struct EvenBins {
    low: f64,
    high: f64,
    /// The width of a bin.
    step: f64,
    /// Bins per unit of t: a good guess at the bin, which the edges then settle.
    scale: f64,
}

impl Binned {
    /// Fixes the bins for one layer.
    ///
    /// # Errors
    /// [`EstimateError::Setting`] if the settings make no bins, or want a range that `range` does not have.
    pub fn new(config: &BinnedConfig, range: &LayerRange) -> Result<Self, EstimateError> {
        config.check()?;
        let bins = config.bins.unwrap_or(0);
        let cells = match config.rule {
            BinRule::Edges | BinRule::Equal => {
                let closed = config.rule == BinRule::Equal;
                let intervals = if closed { bins } else { bins - 1 } as f64;
                let units = unit_ranges(config, range)?
                    .into_iter()
                    .map(|(low, high)| EvenBins::new(low, high, intervals))
                    .collect::<Result<_, _>>()?;
                Cells::Even { units, top: intervals, closed }
            }
            BinRule::Floor => Cells::Floor { width: config.bin_width.unwrap_or(f64::NAN) },
            BinRule::Quantile => Cells::Thresholds { units: quantiles(config, range, bins)? },
            BinRule::Exact => Cells::Bits,
        };
        Ok(Binned { config: config.clone(), setting: config.setting(), cells, correction: config.correction })
    }
}

impl EvenBins {
    fn new(low: f64, high: f64, intervals: f64) -> Result<Self, EstimateError> {
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
fn unit_ranges(config: &BinnedConfig, range: &LayerRange) -> Result<Vec<(f64, f64)>, EstimateError> {
    let missing =
        |given: &str, allowed| EstimateError::Setting { key: "range", given: given.into(), allowed };
    let one = |found: Option<(f64, f64)>, given, allowed| {
        found.map(|range| vec![range]).ok_or_else(|| missing(given, allowed))
    };
    const OBSERVED: &str = "a range of numbers, as nothing has been observed";
    match config.range {
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
fn quantiles(config: &BinnedConfig, range: &LayerRange, bins: usize) -> Result<Vec<Vec<f64>>, EstimateError> {
    unit_ranges(config, range)?; // refuses a range that was not observed
    let thresholds = |mut values: Vec<f64>| {
        values.sort_unstable_by(f64::total_cmp);
        // Of a unit without a finite value there is nothing to divide.
        let n_edges = if values.is_empty() { 0 } else { bins };
        let mut edges: Vec<f64> = (1..n_edges).map(|k| values[k * values.len() / bins]).collect();
        edges.dedup();
        edges
    };
    let samples = range.units.iter().map(|unit| unit.sample.clone());
    Ok(match config.range {
        Some(BinRange::Scope(RangeScope::Unit)) => samples.map(thresholds).collect(),
        _ => vec![thresholds(samples.flatten().collect())],
    })
}

impl Estimator for Binned {
    fn name(&self) -> &'static str {
        BinnedConfig::ABOUT.name
    }

    fn setting(&self) -> String {
        self.setting.clone()
    }

    /// Matrices in bins, both in the same ones; labels as they are.
    fn pair(&self, x: Variable<'_>, y: Variable<'_>) -> Result<Estimate, EstimateError> {
        check_variables(&[x.view(), y.view()])?;
        // Of two matrices each has bins on its own range, where the range is an observed one.
        let own = |side: &Variable<'_>, other: &Variable<'_>| -> Result<Option<Binned>, EstimateError> {
            let labels = |side: &Variable<'_>| matches!(side, Variable::Labels(_));
            if labels(side) || labels(other) || !self.config.needs_observed_range() {
                return Ok(None);
            }
            let mut range = LayerRange::default();
            range.observe(side.view(), usize::MAX);
            Binned::new(&self.config, &range).map(Some)
        };
        let (binned_x, binned_y) = (own(&x, &y)?, own(&y, &x)?);
        let (of_y, beyond_y) = binned_y.as_ref().unwrap_or(self).symbols_of(&y)?;
        let (of_x, beyond_x) = binned_x.as_ref().unwrap_or(self).symbols_of(&x)?;
        let mut estimate = self.compare(&of_x, of_x.entropy(), &of_y, &[x.view(), y.view()])?;
        if beyond_x + beyond_y > 0 {
            let beyond = beyond_x + beyond_y;
            estimate.warnings.push(Warning::Note(format!("{beyond} values lay outside the bins")));
        }
        Ok(estimate)
    }

    fn layer(&self, t: Variable<'_>, labellings: &[&Labels]) -> Result<Vec<Reading>, EstimateError> {
        check_layer(&t, labellings)?;
        let (symbols, out_of_range) = self.symbols_of(&t)?;
        let entropy = symbols.entropy();
        let estimates = labellings
            .iter()
            .map(|labels| self.compare(&symbols, entropy, labels, &[t.view(), Variable::Labels(labels)]))
            .collect();
        Ok(vec![Reading { setting: self.setting.clone(), bound: None, estimates, out_of_range }])
    }

    fn symbols(&self, t: Variable<'_>) -> Result<Option<Symbols>, EstimateError> {
        check_layer(&t, &[])?;
        let (labels, outside) = self.symbols_of(&t)?;
        let outside = if outside == 0 { Vec::new() } else { self.outside(&t) };
        Ok(Some(Symbols { labels: labels.into_owned(), outside }))
    }
}

impl Binned {
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
        let kind = Kind::Binned { bins: self.setting.clone() };
        if self.correction.is_plug_in() {
            let information = counts::information(symbols, entropy, labels);
            return Ok(Estimate::new(information, kind, variables));
        }
        let estimate = discrete::information(self.correction, symbols, labels, variables)?;
        Ok(Estimate { kind, ..estimate })
    }

    /// Returns one symbol per row, and how many values lay outside the bins.
    fn number<T: Value>(&self, values: &[T], width: usize) -> Result<(Labels, u64), EstimateError> {
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
                let level = simd::level();
                if *top <= 253.0 {
                    number_rows(
                        values,
                        width,
                        |values, symbols| dispatch!(level, simd => even.digitise(simd, values, symbols, |bin| bin as u8)),
                    )
                } else {
                    number_rows(
                        values,
                        width,
                        |values, symbols| dispatch!(level, simd => even.digitise(simd, values, symbols, |bin| bin as u32)),
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

/// 2⁵²: added to a small whole number, it leaves that number in the lowest bits of the sum.
const WHOLE: f64 = (1u64 << 52) as f64;

/// Bin parameters repeated over whole rows, so that narrow layers fill vector registers too.
struct EvenPattern {
    low: Vec<f64>,
    high: Vec<f64>,
    step: Vec<f64>,
    scale: Vec<f64>,
    top: f64,
    closed: bool,
}

impl EvenPattern {
    fn new(units: &[EvenBins], width: usize, top: f64, closed: bool) -> Self {
        let length = width * 256usize.div_ceil(width);
        let repeated = |parameter: fn(&EvenBins) -> f64| -> Vec<f64> {
            (0..length).map(|i| parameter(&units[if units.len() == 1 { 0 } else { i % width }])).collect()
        };
        EvenPattern {
            low: repeated(|u| u.low),
            high: repeated(|u| u.high),
            step: repeated(|u| u.step),
            scale: repeated(|u| u.scale),
            top,
            closed,
        }
    }

    /// Symbols (bin + 1, so that 0 is below the range) of whole rows; gives how many values lay outside.
    #[inline(always)]
    fn digitise<S: Simd, T: Value, U>(
        &self,
        simd: S,
        values: &[T],
        symbols: &mut [U],
        symbol: impl Fn(u64) -> U,
    ) -> u64 {
        simd.vectorize(
            #[inline(always)]
            || {
                let mut outside = 0u64;
                for (values, symbols) in values.chunks(self.low.len()).zip(symbols.chunks_mut(self.low.len()))
                {
                    let n = values.len();
                    let (low, high) = (&self.low[..n], &self.high[..n]);
                    let (step, scale) = (&self.step[..n], &self.scale[..n]);
                    let symbols = &mut symbols[..n];
                    let mut beyond = 0u32;
                    for i in 0..n {
                        let t: f64 = values[i].into();
                        let guess = ((t - low[i]) * scale[i]).floor();
                        let guess = if guess > 0.0 { guess } else { 0.0 };
                        let guess = if guess < self.top { guess } else { self.top };
                        // Rounding may put a value beside an edge on its wrong side, so the edges themselves
                        // decide; they are those of NumPy's linspace, the last exactly `high`.
                        let edge = |k: f64| if k == self.top { high[i] } else { low[i] + k * step[i] };
                        let mut bin = guess;
                        bin = if t >= edge(guess + 1.0) { guess + 1.0 } else { bin };
                        bin = if t < edge(guess) { guess - 1.0 } else { bin };
                        // `closed`: the upper edge belongs to the last bin, and what lies above has its own.
                        let last = if self.closed & (t <= high[i]) { self.top - 1.0 } else { self.top };
                        bin = if bin < last { bin } else { last };
                        bin = if t < low[i] { -1.0 } else { bin };
                        symbols[i] = symbol((bin + (1.0 + WHOLE)).to_bits());
                        beyond += u32::from((t < low[i]) | (t > high[i]));
                    }
                    outside += u64::from(beyond);
                }
                outside
            },
        )
    }
}

/// ⌊t / bin_width⌋ of every value, packed as small as the values found allow.
fn floor_symbols<T: Value>(
    values: &[T],
    bin_width: f64,
    width: usize,
) -> Result<(Labels, u64), EstimateError> {
    let level = simd::level();
    let (least, most) = values
        .par_chunks(BLOCK_VALUES)
        .with_min_len(BLOCKS_AT_ONCE)
        .map(|values| dispatch!(level, simd => floor_range(simd, values, bin_width)))
        .reduce(|| (f64::INFINITY, f64::NEG_INFINITY), |a, b| (a.0.min(b.0), a.1.max(b.1)));
    if !(most.is_finite() && least.is_finite()) {
        return Err(EstimateError::Setting {
            key: "bin_width",
            given: format!("{bin_width:e}"),
            allowed: "a larger width: the largest value of the layer divided by this one exceeds every number of double \
                      precision",
        });
    }
    Ok(if most - least <= 255.0 {
        number_rows(
            values,
            width,
            |values, symbols| dispatch!(level, simd => floor(simd, values, symbols, bin_width, |bin| (bin - least + WHOLE).to_bits() as u8)),
        )
    } else if most - least <= f64::from(i32::MAX) {
        number_rows(
            values,
            width,
            |values, symbols| dispatch!(level, simd => floor(simd, values, symbols, bin_width, |bin| (bin - least + WHOLE).to_bits() as u32)),
        )
    } else {
        // Bins so narrow that their numbers do not fit an integer: the floats that hold them will do.
        number_rows(
            values,
            width,
            |values, symbols| dispatch!(level, simd => floor(simd, values, symbols, bin_width, |bin| (bin + 0.0).to_bits())),
        )
    })
}

#[inline(always)]
fn floor_range<S: Simd, T: Value>(simd: S, values: &[T], bin_width: f64) -> (f64, f64) {
    simd.vectorize(
        #[inline(always)]
        || {
            // Eight running extremes side by side: a single one would be a chain that no vector unit can split.
            let (mut least, mut most) = ([f64::INFINITY; 8], [f64::NEG_INFINITY; 8]);
            for chunk in values.chunks(8) {
                for (lane, &value) in chunk.iter().enumerate() {
                    let t: f64 = value.into();
                    least[lane] = if t < least[lane] { t } else { least[lane] };
                    most[lane] = if t > most[lane] { t } else { most[lane] };
                }
            }
            let least = least.into_iter().fold(f64::INFINITY, f64::min);
            let most = most.into_iter().fold(f64::NEG_INFINITY, f64::max);
            ((least / bin_width).floor(), (most / bin_width).floor())
        },
    )
}

#[inline(always)]
fn floor<S: Simd, T: Value, U>(
    simd: S,
    values: &[T],
    symbols: &mut [U],
    bin_width: f64,
    symbol: impl Fn(f64) -> U,
) -> u64 {
    simd.vectorize(
        #[inline(always)]
        || {
            for (slot, &value) in symbols.iter_mut().zip(values) {
                *slot = symbol((value.into() / bin_width).floor());
            }
        },
    );
    0
}
