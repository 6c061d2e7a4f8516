//! The choice of an estimator that fits the data.

mod conditional;
mod functional;
mod on_range;
mod profile;
mod rules;
#[cfg(test)]
mod tests;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::range::short;
use crate::{
    AnyEstimator, BinRange, BinRule, Binned, Choice, Correction, Estimate, EstimateError, Estimator,
    EstimatorInfo, Family, LabelSides, Labels, LayerEstimate, LayerRange, Quantity, Uncertainty, Variable,
    VariableKind,
};
use on_range::AutoOnRange;

/// The estimator that fits the data, with the reason in [`Estimate::choice`]. Its settings are choices that only the
/// user can make.
///
/// | X and Y | method |
/// |---|---|
/// | a constant variable | plug-in: 0 |
/// | `noise_variance` given, numbers on one side | `noise`, with the other side's rows as symbols |
/// | bins given | `binned` |
/// | symbols on both sides | `chao-wang-jost` |
/// | which row it is, against numbers that repeat | plug-in: exact for these samples |
/// | which row it is, against numbers that do not repeat | refused: ln N or infinite |
/// | symbols against numbers, at most 4 columns | `ross`; by ranks where several columns have values far from the others |
/// | symbols against more columns | `classifier`: a lower bound; `ross`, with a warning, where the samples are too few |
/// | values on lattices, 20 samples for each pair of them, or one side decided by values that repeat | `chao-wang-jost` |
/// | numbers, one a function of the other, for all samples or a part of them | refused: infinite |
/// | numbers | `combined`; `ksg` for no fewer columns than samples |
///
/// What is a symbol and what a number is told by [`VariableKind`](crate::VariableKind), unless `x_kind` and `y_kind` say
/// it. Numbers that repeat, on a lattice or beside others that do not, are spread over intervals of their own at random
/// (see there), which leaves the information as it is, and are then measured as all others. Samples that repeat as a whole,
/// though the values of no column do otherwise, are counted once, with a warning.
///
/// That y is a function of x is seen for single columns (a cubic through the neighbours predicts the value between them
/// ever better the nearer they are, down to rounding) and for linear maps; noise of a ten-thousandth of the range is still
/// seen as noise with a thousand samples. For other maps of several columns see [`Estimate::kind`]: the value is then a
/// lower bound.
///
/// Time O(n d log n), and O(n) for each pair of columns.
///
/// Other quantities than pairs: entropies of symbols by [`ChaoWangJost`](crate::ChaoWangJost) and of numbers by
/// Kozachenko–Leonenko (differential); total correlation of numbers by KSG-1; conditional information I(X;Y|Z):
///
/// | X, Y, Z | how |
/// |---|---|
/// | Z determines X or Y | 0, with a warning |
/// | symbols | by the corrected entropies of counts |
/// | numbers | KSG-1 of normal scores; refused where one side is a function of the other and Z |
/// | X and Y numbers or many columns, Z symbols, 50 samples of each | Σ p(z) I(X;Y\|Z = z), each as a pair |
/// | any other mixture | [`FrenzelPompe`](crate::FrenzelPompe) |
///
/// Nats. Cost of the choice O(n d log n), and O(n + d_x d_y) for functions of single columns; then that of the
/// estimator chosen.
///
/// # Errors
/// [`EstimateError::Undetermined`] where the answer is infinite or a function of n alone, naming the choices; else as
/// the estimator.
///
/// ```
/// use infoplane_estimators::{Auto, EstimateError, Labels, Measure, known::Task};
/// let sample = Task::named("normal").expect("a task").draw(2000, 1);
/// let estimate = Auto::default().pair(&sample.x, &sample.y)?;
/// assert_eq!(estimate.choice.expect("a reason").name(), "combined");
/// assert!((estimate.information.nats() - sample.information.nats()).abs() < 0.1);
///
/// // Which of 50 inputs it was, against 50 different rows: ln 50, whatever the layer is.
/// let t = ndarray::Array2::from_shape_fn((50, 2), |(i, j)| ((7 * i + 3 * j) as f64).sin());
/// let refused = Auto::default().pair(&Labels::distinct(50), &t);
/// assert!(matches!(refused, Err(EstimateError::Undetermined { .. })));
/// # Ok::<(), EstimateError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Auto {
    /// Variance of the Gaussian noise that is part of the question, above 0, in the squared unit of the layer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub noise_variance: Option<f64>,
    /// The width of a bin, if the question is asked in bins; in the layer's own units.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bin_width: Option<f64>,
    /// The binning rule; `floor` with `bin_width` and `equal` with `bins`, unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<BinRule>,
    /// The number of bins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bins: Option<usize>,
    /// The range of the bins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub range: Option<BinRange>,
    /// The kind of the first variable, if it is not to be found out; of labels it is always `names`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub x_kind: Option<VariableKind>,
    /// The kind of the second variable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub y_kind: Option<VariableKind>,
    /// Of conditional information, the columns of Z that are symbols, numbered from 0; found out if not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub z_symbols: Option<Vec<usize>>,
}

impl Auto {
    pub(super) const INFO: &EstimatorInfo = &EstimatorInfo {
        name: "auto",
        title: "automatic",
        family: Family::Choice,
        estimates: "the quantity, by the method that fits the data; refuses where it is infinite",
        when: "first; it says which method it took and why",
        cost: "that of the method",
        offers: &[
            Quantity::Information,
            Quantity::Entropy,
            Quantity::ConditionalInformation,
            Quantity::TotalCorrelation,
        ],
        labels: LabelSides::Any,
        uncertainty: Uncertainty::None,
        with_noise: Some(|variance| Auto { noise_variance: Some(variance), ..Auto::default() }.into()),
        reference: "docs/choosing-an-estimator.md",
    };

    /// Returns the bins requested, if any.
    fn binned(&self) -> Option<Result<AnyEstimator, EstimateError>> {
        let rule = match (self.rule, self.bin_width, self.bins) {
            (Some(rule), ..) => rule,
            (None, Some(_), _) => BinRule::Floor,
            (None, None, Some(_)) => BinRule::Equal,
            (None, None, None) => {
                let unused = self.range.map(|range| EstimateError::Setting {
                    key: "range",
                    given: range.to_string(),
                    allowed: "only with `bins` or `rule`",
                });
                return unused.map(Err);
            }
        };
        let binned = Binned {
            rule,
            bins: self.bins,
            bin_width: self.bin_width,
            range: self.range,
            correction: Correction::PlugIn,
        };
        Some(binned.check().map(|()| binned.into()))
    }

    fn on_any_range(&self) -> AutoOnRange {
        AutoOnRange::new(self, None)
    }
}

impl Estimator for Auto {
    fn info(&self) -> &'static EstimatorInfo {
        Self::INFO
    }

    fn setting(&self) -> String {
        match (self.noise_variance, self.binned()) {
            (Some(noise_variance), _) => format!("noise_variance={}", short(noise_variance)),
            (None, Some(Ok(binned))) => binned.setting(),
            _ => String::new(),
        }
    }

    fn check(&self) -> Result<(), EstimateError> {
        if let Some(variance) = self.noise_variance
            && !(variance.is_finite() && variance > 0.0)
        {
            return Err(EstimateError::Setting {
                key: "noise_variance",
                given: variance.to_string(),
                allowed: "a finite number above 0",
            });
        }
        let binned = self.binned().transpose()?;
        match (self.noise_variance, binned) {
            (Some(variance), Some(_)) => Err(EstimateError::Setting {
                key: "noise_variance",
                given: format!("{variance} beside bins"),
                allowed: "noise or bins, not both",
            }),
            _ => Ok(()),
        }
    }

    fn needs_observed_range(&self) -> bool {
        matches!(self.binned(), Some(Ok(binned)) if binned.needs_observed_range())
    }

    /// Where noise or bins are given, and the choice is that of a method of bins or noise.
    fn measures_shuffled(&self) -> bool {
        self.noise_variance.is_some() || self.binned().is_some()
    }

    fn measures_shuffled_at_little_cost(&self) -> bool {
        self.binned().is_some()
    }

    fn fixed(&self, range: &LayerRange) -> Result<Option<Box<dyn Estimator>>, EstimateError> {
        Ok(match self.binned() {
            Some(_) => Some(Box::new(AutoOnRange::new(self, Some(range)))),
            None => None,
        })
    }

    fn choose(&self, x: Variable<'_>, y: Variable<'_>) -> Result<Option<Choice>, EstimateError> {
        rules::choose(self, &x, &y).map(Some)
    }

    fn estimate_pair(&self, x: Variable<'_>, y: Variable<'_>) -> Result<Estimate, EstimateError> {
        self.on_any_range().estimate_pair(x, y)
    }

    fn estimate_entropy(&self, x: Variable<'_>) -> Result<Estimate, EstimateError> {
        self.on_any_range().estimate_entropy(x)
    }

    fn estimate_conditional(
        &self,
        x: Variable<'_>,
        y: Variable<'_>,
        z: Variable<'_>,
    ) -> Result<Estimate, EstimateError> {
        self.on_any_range().estimate_conditional(x, y, z)
    }

    fn estimate_total_correlation(&self, parts: &[Variable<'_>]) -> Result<Estimate, EstimateError> {
        self.on_any_range().estimate_total_correlation(parts)
    }

    fn estimate_layer(
        &self,
        t: Variable<'_>,
        labellings: &[&Labels],
    ) -> Result<Vec<LayerEstimate>, EstimateError> {
        self.on_any_range().estimate_layer(t, labellings)
    }
}
