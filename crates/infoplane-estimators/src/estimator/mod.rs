//! Methods of estimating information, one file each.
//!
//! With `information`, `variable`, `neighbors` and `pairwise` this module knows nothing of networks.

mod auto;
mod binned;
mod counts;
mod discrete;
mod edge;
mod error;
mod estimate;
mod gaussian;
mod kde;
mod local;
mod method;
mod nearest;
mod noise;
mod prepare;
mod range;
mod renyi;
mod symbols;
mod uncertainty;

pub use auto::{Auto, AutoConfig, Route, route};
pub use binned::{BinRule, Binned, BinnedConfig};
pub use discrete::{
    ChaoShen, ChaoShenConfig, ChaoWangJost, ChaoWangJostConfig, Correction, Grassberger, GrassbergerConfig,
    MillerMadow, MillerMadowConfig, Nsb, NsbConfig, PanzeriTreves, PanzeriTrevesConfig, PlugIn, PlugInConfig,
    Shrinkage, ShrinkageConfig, chao_wang_jost_entropy,
};
pub use edge::{Edge, EdgeConfig};
pub use error::{EstimateError, Quantity};
pub use estimate::{Bound, Estimate, Interval, Kind, Reading, Routed, Warning};
pub use gaussian::{Gcmi, GcmiConfig};
pub use kde::{Kde, KdeConfig};
pub use local::{Gknn, GknnConfig, Klnn, KlnnBandwidth, KlnnConfig, Lgde, LgdeConfig, Lnc, LncConfig};
pub use method::{About, EstimatorConfig, Method, Uncertainty};
pub use nearest::{
    BiKsg, BiKsgConfig, CvKsg, CvKsgConfig, ExtrapolatedKsg, ExtrapolatedKsgConfig, Kl, KlConfig, Ksg, Ksg2,
    Ksg2Config, KsgConfig, MixedKsg, MixedKsgConfig, MixedKsgForm, Ross, RossConfig, Sliced, SlicedConfig,
};
pub use noise::{Noise, NoiseConfig};
pub use prepare::Scaling;
pub use range::{BinRange, LayerRange, RangeScope, UnitRange};
pub use renyi::{Renyi, RenyiBandwidth, RenyiConfig};
pub use symbols::Symbols;
pub use uncertainty::{
    Bootstrap, Options, PermutationTest, Subsampling, bootstrap, permutation_test, subsampling_error,
    with_uncertainty,
};

use error::{check_layer, check_variables};

use crate::{Labels, Variable};

/// A method of estimating information.
///
/// A method offers the quantities that its definition allows and returns [`EstimateError::NotOffered`] for the
/// others. It accepts labels where a discrete variable makes sense and a matrix where numbers do, and returns
/// [`EstimateError::NeedsMatrix`] or [`EstimateError::NeedsLabels`] otherwise.
///
/// Estimates are never NaN, never panic and do not depend on the number of threads. They are returned unchanged:
/// a negative estimate of information is not clamped.
pub trait Estimator: Send + Sync {
    /// Returns the name on the command line, in files and in figures.
    fn name(&self) -> &'static str;

    /// Returns its settings, as rows and figures print them: `noise_variance=0.001`, `k=3`.
    fn setting(&self) -> String;

    /// Returns the mutual information I(X;Y).
    ///
    /// # Errors
    /// [`EstimateError`] if the variables cannot be measured, or not by this method.
    fn pair(&self, x: Variable<'_>, y: Variable<'_>) -> Result<Estimate, EstimateError> {
        check_variables(&[x.view(), y.view()])?;
        Err(EstimateError::NotOffered { estimator: self.name(), quantity: Quantity::Information })
    }

    /// Returns the entropy H(X); of a continuous variable the differential entropy.
    ///
    /// # Errors
    /// As [`Estimator::pair`].
    fn entropy(&self, x: Variable<'_>) -> Result<Estimate, EstimateError> {
        check_variables(&[x.view()])?;
        Err(EstimateError::NotOffered { estimator: self.name(), quantity: Quantity::Entropy })
    }

    /// Returns the conditional information I(X;Y|Z).
    ///
    /// # Errors
    /// As [`Estimator::pair`].
    fn conditional(
        &self,
        x: Variable<'_>,
        y: Variable<'_>,
        z: Variable<'_>,
    ) -> Result<Estimate, EstimateError> {
        check_variables(&[x.view(), y.view(), z.view()])?;
        Err(EstimateError::NotOffered { estimator: self.name(), quantity: Quantity::ConditionalInformation })
    }

    /// Returns the total correlation Σ H(part) − H(all parts together).
    ///
    /// # Errors
    /// As [`Estimator::pair`].
    fn total_correlation(&self, parts: &[Variable<'_>]) -> Result<Estimate, EstimateError> {
        check_variables(parts)?;
        Err(EstimateError::NotOffered { estimator: self.name(), quantity: Quantity::TotalCorrelation })
    }

    /// I(T; labelling) for every labelling, for every setting the estimator was made with.
    ///
    /// One call takes all labellings (X and Y), so that a method can share its work among them. A labelling
    /// that the method cannot measure has its own error. The settings come in the same order at every call.
    ///
    /// # Errors
    /// [`EstimateError`] if T itself cannot be measured.
    fn layer(&self, t: Variable<'_>, labellings: &[&Labels]) -> Result<Vec<Reading>, EstimateError> {
        check_layer(&t, labellings)?;
        let estimates =
            labellings.iter().map(|labels| self.pair(t.view(), Variable::Labels(labels))).collect();
        Ok(vec![Reading { setting: self.setting(), bound: None, estimates, out_of_range: 0 }])
    }

    /// Returns the cells of the rows of T if the method uses nothing else of them, else `None`.
    ///
    /// [`Estimator::layer`] then gives the same result for the symbols of any rows of T, passed as labels, as for
    /// these rows themselves, except for the number of values out of range. Many subsets of the same rows are
    /// measured faster this way.
    ///
    /// # Errors
    /// [`EstimateError`] if T cannot be measured.
    fn symbols(&self, t: Variable<'_>) -> Result<Option<Symbols>, EstimateError> {
        check_layer(&t, &[])?;
        Ok(None)
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
            let config: EstimatorConfig = toml::from_str(toml).unwrap();
            let estimator = config.estimator(&range).unwrap();
            let readings = estimator.layer(Variable::Single(t.view()), &[&Labels::distinct(3)]).unwrap();
            let given: Vec<_> = readings.into_iter().map(|r| (r.setting, r.bound)).collect();
            assert_eq!(given, config.settings(), "{toml}");
            assert_eq!(estimator.name(), config.about().name);
        }
    }
}
