//! Binning: each value of a layer is replaced by the number of its bin, and the bins of a row are its symbol.
//!
//! The method of Shwartz-Ziv & Tishby (2017) and, with `floor`, of Saxe et al. (2018).

mod digitize;
mod fixed;
#[cfg(test)]
mod tests;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::range::short;
use super::units::UnitSymbols;
use crate::{
    BinRange, Correction, Estimate, EstimateError, Estimator, EstimatorInfo, Family, LabelSides, Labels,
    LayerEstimate, LayerRange, Quantity, RangeScope, Symbols, Uncertainty, Variable,
};
use fixed::FixedBins;

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
/// use infoplane_estimators::{BinRange, BinRule, Binned, Correction, Labels, Measure, Variable};
/// use ndarray::array;
///
/// let config = Binned {
///     rule: BinRule::Equal,
///     bins: Some(2),
///     bin_width: None,
///     range: Some(BinRange::Fixed([-1.0, 1.0])),
///     correction: Correction::PlugIn,
/// };
/// let binned = config.clone();
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Binned {
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

impl Binned {
    pub(super) const INFO: &EstimatorInfo = &EstimatorInfo {
        name: "binned",
        title: "binned",
        family: Family::Bins,
        estimates: "I(X;T) and I(T;Y) of T in bins",
        when: "the planes of Shwartz-Ziv & Tishby (2017); a bin width is given",
        cost: "O(n d)",
        offers: &[Quantity::Information],
        labels: LabelSides::Any,
        uncertainty: Uncertainty::Bootstrap,
        with_noise: None,
        reference: "Shwartz-Ziv & Tishby (2017), arXiv:1703.00810",
    };

    /// Creates the estimator with this rule, without its other keys.
    ///
    /// ```
    /// use infoplane_estimators::{BinRange, BinRule, Binned};
    /// let published = Binned { bins: Some(30), range: Some(BinRange::Fixed([-1.0, 1.0])), ..Binned::new(BinRule::Edges) };
    /// let saxe = Binned { bin_width: Some(0.07), ..Binned::new(BinRule::Floor) };
    /// ```
    pub fn new(rule: BinRule) -> Self {
        Binned { rule, bins: None, bin_width: None, range: None, correction: Correction::PlugIn }
    }

    /// Returns the bins for a layer of which nothing but these values is known.
    fn on(&self, t: &Variable<'_>) -> Result<FixedBins, EstimateError> {
        let mut range = LayerRange::default();
        if !self.needs_observed_range() {
            return FixedBins::new(self, &range);
        }
        if matches!(t, Variable::Labels(_)) {
            // Labels are their own cells, whatever the bins.
            let any = Some(BinRange::Fixed([0.0, 1.0]));
            return FixedBins::new(&Binned { range: any, ..self.clone() }, &range);
        }
        range.observe(t.view(), usize::MAX);
        FixedBins::new(self, &range)
    }
}

impl Estimator for Binned {
    fn info(&self) -> &'static EstimatorInfo {
        Self::INFO
    }

    fn setting(&self) -> String {
        let bins = self.bins.unwrap_or(0);
        let on = match self.range {
            Some(range @ BinRange::Fixed(_)) => format!("on {range}"),
            Some(BinRange::Scope(RangeScope::Activation)) => "on the activation's range".into(),
            Some(BinRange::Scope(RangeScope::Run)) => "on the run's range".into(),
            Some(BinRange::Scope(RangeScope::Layer)) => "on each layer's range".into(),
            Some(BinRange::Scope(RangeScope::Unit)) => "on each unit's range".into(),
            None => String::new(),
        };
        let bins = match self.rule {
            BinRule::Edges => format!("{bins} edges {on}"),
            BinRule::Equal => format!("{bins} equal bins {on}"),
            BinRule::Floor => format!("floor, bin width {}", short(self.bin_width.unwrap_or(f64::NAN))),
            BinRule::Quantile => format!("{bins} quantile bins {on}"),
            BinRule::Exact => "exact float bits".into(),
        };
        match self.correction {
            Correction::PlugIn => bins,
            correction => format!("{bins}, {}", correction.name()),
        }
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
                    setting(
                        "range",
                        format!("[{}, {}]", short(low), short(high)),
                        "two finite numbers, the lower first",
                    )
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

    fn fixed(&self, range: &LayerRange) -> Result<Option<Box<dyn Estimator>>, EstimateError> {
        Ok(Some(Box::new(FixedBins::new(self, range)?)))
    }

    /// Matrices in bins, each on its own range where the range is an observed one; labels as they are.
    fn estimate_pair(&self, x: Variable<'_>, y: Variable<'_>) -> Result<Estimate, EstimateError> {
        let (of_x, of_y) = (self.on(&x)?, self.on(&y)?);
        of_x.compare_with(&of_y, x, y)
    }

    /// On the range of these values where the range is an observed one.
    fn estimate_layer(
        &self,
        t: Variable<'_>,
        labellings: &[&Labels],
    ) -> Result<Vec<LayerEstimate>, EstimateError> {
        self.on(&t)?.estimate_layer(t, labellings)
    }

    fn layer_symbols(&self, t: Variable<'_>) -> Result<Option<Symbols>, EstimateError> {
        self.on(&t)?.layer_symbols(t)
    }

    fn unit_symbols(&self, t: Variable<'_>) -> Result<Option<(UnitSymbols, Correction)>, EstimateError> {
        self.on(&t)?.unit_symbols(t)
    }

    fn cell_correction(&self) -> Option<Correction> {
        Some(self.correction)
    }
}
