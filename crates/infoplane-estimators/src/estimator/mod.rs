//! Estimators of information, one file each.

mod any;
mod auto;
mod binned;
mod classifier;
mod counts;
mod critic;
mod edge;
mod error;
mod estimate;
mod gaussian;
mod info;
mod input;
#[cfg(test)]
mod interrupt_tests;
mod kde;
mod knn;
pub mod layers;
mod limits;
mod local;
mod measure;
mod mixture;
mod noise;
mod noise_floor;
mod normalised;
mod range;
pub mod rank;
mod renyi;
#[cfg(test)]
mod shuffled_tests;
mod span;
mod sums;
mod symbols;
mod table;
mod uncertainty;
pub mod units;

pub use any::AnyEstimator;
pub use auto::Auto;
pub use binned::{BinRule, Binned};
pub use classifier::Classifier;
pub use counts::{
    ChaoShen, ChaoWangJost, Correction, Grassberger, MillerMadow, Nsb, PanzeriTreves, PlugIn, Shrinkage,
    chao_wang_jost_entropy,
};
pub use critic::{Critic, CriticBound};
pub use edge::Edge;
pub use error::{EstimateError, Quantity};
pub use estimate::{Bound, Choice, Estimate, EstimateKind, Inference, Interval, LayerEstimate, Warning};
pub use gaussian::Gcmi;
pub use info::{EstimatorInfo, Family, LabelSides, Uncertainty};
pub use input::Scaling;
pub use kde::Kde;
pub use knn::{
    BiKsg, Combined, CvKsg, ExtrapolatedKsg, FrenzelPompe, Kl, Ksg, Ksg2, MixedKsg, MixedKsgForm, MixtureKsg,
    ResidualKsg, Ross, Sliced, UntiedKsg,
};
pub use local::{Gknn, Klnn, KlnnBandwidth, Lgde, Lnc};
pub use measure::{Measure, mutual_information};
pub use noise::Noise;
pub use normalised::{Normalisation, NormalisedInformation, normalised_information};
pub use range::{BinRange, LayerRange, RangeScope, UnitRange};
pub use renyi::{Renyi, RenyiBandwidth};
pub use sums::{LayerSums, NoiseSums};
pub use symbols::Symbols;
pub use uncertainty::{
    BlockLength, Bootstrap, Options, PermutationScheme, PermutationTest, Resampling, Subsampling,
    block_bootstrap, block_subsampling_error, bootstrap, conditional_permutation_test, permutation_test,
    restricted_permutation_test, serial_dependence, subsampling_error, with_uncertainty,
};

use crate::{Labels, Variable};
use layers::LayerPairs;
use units::UnitSymbols;

/// What an estimator implements: its settings are the value itself, its quantities are the functions it overrides.
///
/// Callers use [`Measure`], which every estimator has and which checks the settings and the variables first. The
/// functions `estimate_…` of this trait may therefore take for granted that
///
/// - [`check`](Estimator::check) accepted the settings,
/// - all variables have the same number of samples, at least one, and at least one column,
/// - all numbers are finite,
/// - with two samples or more, neither x nor y of a pair or of conditional information is constant, and of the parts of a
///   total correlation at least two are not,
/// - the sides of a pair are of the kinds that [`EstimatorInfo::labels`] allows.
///
/// They may panic for other variables. They return the estimate unchanged (a negative estimate of information is not
/// clamped), which is never NaN and does not depend on the number of threads.
///
/// # Examples
/// An estimator of your own: the information of a bivariate normal distribution with the correlation of the samples.
///
/// ```
/// use infoplane_estimators::{
///     Estimate, EstimateError, EstimateKind, Estimator, EstimatorInfo, Family, Information, LabelSides, Measure,
///     Quantity, Uncertainty, Variable,
/// };
///
/// struct Correlation;
///
/// impl Estimator for Correlation {
///     fn info(&self) -> &'static EstimatorInfo {
///         &EstimatorInfo {
///             name: "correlation",
///             title: "correlation",
///             family: Family::Copula,
///             estimates: "I(X;Y) of a bivariate normal distribution",
///             when: "one normal column on each side",
///             cost: "O(n)",
///             offers: &[Quantity::Information],
///             labels: LabelSides::None,
///             uncertainty: Uncertainty::Subsampling,
///             with_noise: None,
///             reference: "Shannon (1948)",
///         }
///     }
///
///     fn setting(&self) -> String {
///         "normal".into()
///     }
///
///     fn estimate_pair(&self, x: Variable<'_>, y: Variable<'_>) -> Result<Estimate, EstimateError> {
///         let (a, b) = (x.column(0), y.column(0));
///         let n = a.len() as f64;
///         let (mean_a, mean_b) = (a.iter().sum::<f64>() / n, b.iter().sum::<f64>() / n);
///         let product = |u: &[f64], v: &[f64], mean_u, mean_v| -> f64 {
///             u.iter().zip(v).map(|(u, v)| (u - mean_u) * (v - mean_v)).sum()
///         };
///         let squared = product(&a, &b, mean_a, mean_b).powi(2)
///             / (product(&a, &a, mean_a, mean_a) * product(&b, &b, mean_b, mean_b));
///         let information = Information::from_nats(-0.5 * (1.0 - squared).ln());
///         Ok(Estimate::new(information, EstimateKind::Consistent, &[x.view(), y.view()]))
///     }
/// }
///
/// let x = ndarray::Array1::from_iter((0..100).map(|i| (i as f64 * 0.7).sin()));
/// let y = ndarray::Array1::from_iter((0..100).map(|i| (i as f64 * 0.7).sin() + (i as f64 * 2.3).cos()));
/// let estimate = Correlation.pair(&x, &y)?;
/// assert!(estimate.information.nats() > 0.2);
/// # Ok::<(), EstimateError>(())
/// ```
pub trait Estimator: Send + Sync {
    /// Returns what is known of the estimator apart from its settings.
    fn info(&self) -> &'static EstimatorInfo;

    /// Returns its settings, as rows and figures print them: `noise_variance=0.001`, `k=3`.
    fn setting(&self) -> String;

    /// Returns its name on the command line, in files and in figures.
    fn name(&self) -> &'static str {
        self.info().name
    }

    /// Rejects settings with which nothing can be measured.
    ///
    /// # Errors
    /// [`EstimateError::Setting`] names the key.
    fn check(&self) -> Result<(), EstimateError> {
        Ok(())
    }

    /// Returns the settings by their keys in configuration files; empty unless the estimator has such keys.
    fn keys(&self) -> serde_json::Map<String, serde_json::Value> {
        serde_json::Map::new()
    }

    /// Returns the setting and bound of every [`LayerEstimate`], in order.
    fn layer_settings(&self) -> Vec<(String, Option<Bound>)> {
        vec![(self.setting(), None)]
    }

    /// Returns whether bins depend on values that must be observed before the first measurement.
    fn needs_observed_range(&self) -> bool {
        false
    }

    /// Returns whether [`Measure::layer_with_shuffled`] measures shuffled labels too: by methods whose I(T;Y) is that of
    /// these samples, and high where most rows are alone in their cell.
    ///
    /// True for methods of counts, bins and noise.
    fn measures_shuffled(&self) -> bool {
        matches!(self.info().family, Family::Counts | Family::Bins | Family::Noise)
    }

    /// Returns whether that costs little beside the measurement, so that every epoch of a run can have it.
    ///
    /// True for methods of counts and bins; for noise with two classes it takes 1.6 to 1.9 times the time.
    fn measures_shuffled_at_little_cost(&self) -> bool {
        matches!(self.info().family, Family::Counts | Family::Bins)
    }

    /// Returns the estimator with its bins fixed to the range of a layer; `None` if nothing of it depends on a range.
    ///
    /// # Errors
    /// [`EstimateError::Setting`] if there are no bins for such a layer.
    fn fixed(&self, _range: &LayerRange) -> Result<Option<Box<dyn Estimator>>, EstimateError> {
        Ok(None)
    }

    /// Returns the estimator that is chosen for these variables, for one that chooses; `None` otherwise.
    ///
    /// # Errors
    /// [`EstimateError`] if none fits.
    fn choose(&self, _x: Variable<'_>, _y: Variable<'_>) -> Result<Option<Choice>, EstimateError> {
        Ok(None)
    }

    /// Returns the estimator whose values permutation tests compare instead, for variables of so many columns in all; `None` for
    /// this one.
    ///
    /// A permutation test is valid for any: one that takes many times less time finds almost as much.
    fn test_statistic(&self, _columns: usize) -> Option<AnyEstimator> {
        None
    }

    /// Returns the mutual information I(X;Y).
    ///
    /// # Errors
    /// [`EstimateError`] if the variables cannot be measured, or not by this estimator.
    fn estimate_pair(&self, _x: Variable<'_>, _y: Variable<'_>) -> Result<Estimate, EstimateError> {
        Err(self.info().not_offered(Quantity::Information))
    }

    /// Returns the entropy H(X); of a continuous variable the differential entropy.
    ///
    /// # Errors
    /// As [`Estimator::estimate_pair`].
    fn estimate_entropy(&self, _x: Variable<'_>) -> Result<Estimate, EstimateError> {
        Err(self.info().not_offered(Quantity::Entropy))
    }

    /// Returns the conditional information I(X;Y|Z).
    ///
    /// # Errors
    /// As [`Estimator::estimate_pair`].
    fn estimate_conditional(
        &self,
        _x: Variable<'_>,
        _y: Variable<'_>,
        _z: Variable<'_>,
    ) -> Result<Estimate, EstimateError> {
        Err(self.info().not_offered(Quantity::ConditionalInformation))
    }

    /// Returns the total correlation Σ H(part) − H(all parts together).
    ///
    /// # Errors
    /// As [`Estimator::estimate_pair`].
    fn estimate_total_correlation(&self, _parts: &[Variable<'_>]) -> Result<Estimate, EstimateError> {
        Err(self.info().not_offered(Quantity::TotalCorrelation))
    }

    /// Returns I(T; labelling) for every labelling, for every setting in the order of
    /// [`layer_settings`](Estimator::layer_settings).
    ///
    /// One call takes all labellings (X and Y), so that an estimator can share its work among them. A labelling that
    /// cannot be measured has its own error.
    ///
    /// # Errors
    /// [`EstimateError`] if T itself cannot be measured.
    fn estimate_layer(
        &self,
        t: Variable<'_>,
        labellings: &[&Labels],
    ) -> Result<Vec<LayerEstimate>, EstimateError> {
        let estimates = labellings
            .iter()
            .map(|labels| {
                let estimate = measure::checked_pair(self, t.view(), Variable::Labels(labels))?;
                limits::layer_within_limits(self.info(), estimate, labels)
            })
            .collect();
        Ok(vec![LayerEstimate::new(self.setting(), None, estimates)])
    }

    /// Returns what [`estimate_layer`](Estimator::estimate_layer) does, from sums over the pairs of the rows of T.
    ///
    /// # Errors
    /// [`EstimateError::Sums`] for an estimator that has no such sums, or others than these.
    fn estimate_layer_from_sums(
        &self,
        _sums: &LayerSums,
        _labellings: &[&Labels],
    ) -> Result<Vec<LayerEstimate>, EstimateError> {
        Err(EstimateError::Sums {
            estimator: self.name(),
            expected: "none, but the values of the layer".into(),
        })
    }

    /// Returns the cells of the rows of T if the estimator uses nothing else of them, else `None`.
    ///
    /// [`Measure::layer`] then gives the same result for the symbols of any rows of T, passed as labels, as for these
    /// rows themselves, except for the number of values out of range. Many subsets of the same rows are measured faster
    /// this way.
    ///
    /// # Errors
    /// [`EstimateError`] if T cannot be measured.
    fn layer_symbols(&self, _t: Variable<'_>) -> Result<Option<Symbols>, EstimateError> {
        Ok(None)
    }

    /// Returns the symbols of each unit of T, and how entropies of their counts are corrected, if the estimator uses nothing else of
    /// them, else `None`.
    ///
    /// # Errors
    /// [`EstimateError`] if T cannot be measured.
    fn unit_symbols(&self, _t: Variable<'_>) -> Result<Option<(UnitSymbols, Correction)>, EstimateError> {
        Ok(None)
    }

    /// Returns how entropies of counts of its cells are corrected, for an estimator that uses nothing but the cells of T, else `None`.
    fn cell_correction(&self) -> Option<Correction> {
        None
    }

    /// Returns I(Tᵢ;Tⱼ) of all pairs of layers, for every setting in the order of
    /// [`layer_settings`](Estimator::layer_settings).
    ///
    /// By default from the [cells](Estimator::layer_symbols) of the layers where there are such, else pair by pair. A pair that cannot be
    /// measured has its own error.
    ///
    /// # Errors
    /// [`EstimateError`] if a layer cannot be measured.
    fn estimate_layer_pairs(&self, layers: &[Variable<'_>]) -> Result<Vec<LayerPairs>, EstimateError> {
        layers::pairs_of_any(self, layers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    /// Rows of layers that could not be measured are keyed by what a configuration says it will give.
    #[test]
    fn a_configuration_names_exactly_the_readings_it_gives() {
        let t = array![[0.1f32, -0.5], [0.9, 0.3], [-0.7, 0.2]];
        let mut range = LayerRange { activation: Some((-1.0, 1.0)), ..LayerRange::default() };
        range.observe(Variable::Single(t.view()), usize::MAX);
        range.run = range.layer();
        for toml in [
            "kind = 'kde'\nnoise_variances = [0.1, 0.001]",
            "kind = 'noise'\nnoise_variances = [0.1, 0.001]",
            "kind = 'noise'\nnoise_variances = [0.1]\nbounds = true",
            "kind = 'renyi'",
            "kind = 'renyi'\nalpha = 2\nbandwidth = 0.5\nbatch = 2",
            "kind = 'binned'\nrule = 'edges'\nbins = 30\nrange = [-1, 1]",
            "kind = 'binned'\nrule = 'equal'\nbins = 30\nrange = 'activation'",
            "kind = 'binned'\nrule = 'equal'\nbins = 30\nrange = 'run'",
            "kind = 'binned'\nrule = 'floor'\nbin_width = 0.07",
            "kind = 'binned'\nrule = 'quantile'\nbins = 3\nrange = 'unit'",
            "kind = 'binned'\nrule = 'exact'",
            "kind = 'binned'\nrule = 'exact'\ncorrection = 'chao-wang-jost'",
            "kind = 'plug-in'",
            "kind = 'edge'",
            "kind = 'edge'\nhashes = 3\ncorrection = 'plug-in'\ncap_bits = 10",
            "kind = 'panzeri-treves'",
            "kind = 'nsb'\ncells = 10",
        ] {
            let config: AnyEstimator = toml::from_str(toml).unwrap();
            let estimator = config.for_layer(&range).unwrap();
            let readings = estimator.layer(Variable::Single(t.view()), &[&Labels::distinct(3)]).unwrap();
            let given: Vec<_> = readings.into_iter().map(|r| (r.setting, r.bound)).collect();
            assert_eq!(given, config.layer_settings(), "{toml}");
            assert_eq!(estimator.name(), config.name());
        }
    }
}
