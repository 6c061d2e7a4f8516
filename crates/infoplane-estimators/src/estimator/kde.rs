//! Gaussian noise of known variance on the representation: two pairwise bounds on I(X;T).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::layers::{LayerPairs, bounds_of_pairs};
use super::range::short;
use crate::math;
use crate::pairwise::{KernelMeans, MeanLogarithms, mean_logarithms};

use crate::{
    Bound, Estimate, EstimateError, EstimateKind, Estimator, EstimatorInfo, Family, Information, LabelSides,
    Labels, LayerEstimate, LayerSums, Quantity, Uncertainty, Variable, Warning,
};

/// Returns a noise variance as rows and figures print it.
pub(super) fn setting(noise_variance: f64) -> String {
    format!("noise_variance={}", short(noise_variance))
}

/// Returns the only noise variance; [`EstimateError::Setting`] if there are several.
pub(super) fn one_variance(noise_variances: &[f64]) -> Result<f64, EstimateError> {
    match noise_variances {
        [variance] => Ok(*variance),
        several => Err(EstimateError::Setting {
            key: "noise_variances",
            given: format!("{} of them", several.len()),
            allowed: "one for a pair or an entropy; several for a layer",
        }),
    }
}

/// [`EstimateError::Setting`] if there is no variance, or one is not a positive, finite number.
pub(super) fn check_noise_variances(noise_variances: &[f64]) -> Result<(), EstimateError> {
    let wrong = |given: String| EstimateError::Setting {
        key: "noise_variances",
        given,
        allowed: "one or more finite numbers above 0",
    };
    if noise_variances.is_empty() {
        return Err(wrong("[]".into()));
    }
    match noise_variances.iter().find(|v| !(v.is_finite() && **v > 0.0)) {
        Some(variance) => Err(wrong(variance.to_string())),
        None => Ok(()),
    }
}

/// Returns what must be said of a value that the number of samples limits, in nats.
pub(super) fn near_sample_limit(nats: f64, n_samples: usize) -> Option<Warning> {
    let most = math::ln(n_samples as f64);
    (n_samples > 1 && nats > most - 0.05).then(|| {
        Warning::Note(format!(
            "{nats:.3} of the {most:.3} nats that {n_samples} samples allow: the sample limits the value, not the layer"
        ))
    })
}

/// Information of a representation with Gaussian noise, by pairwise distances ("kernel density").
///
/// Takes T + N(0, σ² I) for the representation: a mixture of Gaussians centred at the rows tᵢ of the matrix.
/// Its entropy has no closed form, but is bounded from both sides by sums over pairs of centres:
///
/// ```text
/// upper   I(X;T) ≤ − mean_i ln [ 1/N Σ_j exp(−‖tᵢ − tⱼ‖² / 2σ²) ]     Kullback–Leibler divergence
/// lower   I(X;T) ≥ − mean_i ln [ 1/N Σ_j exp(−‖tᵢ − tⱼ‖² / 8σ²) ]     Bhattacharyya distance
/// ```
///
/// when every sample is a different input. The width of the layer and the entropy of the noise cancel. The
/// term j = i is included, so 0 ≤ I(X;T) ≤ ln N. For a labelling L with repeated labels, the same expression
/// within the samples of each label is subtracted:
///
/// ```text
/// I(T;L) = − mean_i ln [ 1/N Σ_j K_ij ] + mean_i ln [ 1/gᵢ Σ_{j: label j = label i} K_ij ]
/// ```
///
/// with gᵢ samples of the label of i. **I(T;Y) is then the difference of two upper (lower) bounds, hence not
/// itself a bound**; the readings state which bounds it was computed from.
///
/// For a deterministic network without noise I(X;T) is infinite, or ln N: the noise is part of the question.
/// The variance is in squared units of the activations, so it must be reported with every value. Published
/// figures use 1e-3 (tanh layers on 12-bit inputs) and 0.1 (MNIST).
///
/// Time O(n² d), memory one copy of the layer at most; all noise variances, both bounds and all labellings
/// share the distances. Accurate to 1e-6 bits against a double loop in double precision.
///
/// ```
/// use infoplane_estimators::{Bound, Kde, Labels, Measure, Variable};
/// // Four inputs, two of which have the same row; the noise is too small to confuse the others.
/// let t = ndarray::array![[0.0f32], [0.0], [10.0], [20.0]];
/// let x = Labels::distinct(4);
/// let y = Labels::from_symbols(&[0, 0, 1, 1]);
/// let kde = Kde { noise_variances: vec![1e-3] };
/// let readings = kde.layer(Variable::Single(t.view()), &[&x, &y])?;
/// assert_eq!(readings[0].setting, "noise_variance=0.001");
/// assert_eq!(readings[0].bound, Some(Bound::Upper));
/// assert!((readings[0].estimates[0].as_ref().unwrap().information.bits() - 1.5).abs() < 1e-6);
/// assert!((readings[0].estimates[1].as_ref().unwrap().information.bits() - 1.0).abs() < 1e-6);
/// # Ok::<(), infoplane_estimators::EstimateError>(())
/// ```
///
/// # References
/// Kolchinsky & Tracey (2017), *Entropy* 19:361, section 4; Saxe et al. (2018), *ICLR*, for its use on layers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Kde {
    /// Variances of the noise, above 0, in the squared unit of the activations; all measured in one pass.
    pub noise_variances: Vec<f64>,
}

impl Kde {
    /// Creates the estimator with these noise variances σ², all of them measured at once.
    pub fn new(noise_variances: impl Into<Vec<f64>>) -> Self {
        Kde { noise_variances: noise_variances.into() }
    }

    pub(super) const INFO: &EstimatorInfo = &EstimatorInfo {
        name: "kde",
        title: "KDE",
        family: Family::Noise,
        estimates: "upper and lower bound on I(X; T + Gaussian noise)",
        when: "the planes of Saxe et al. (2018); bounds beside the exact value of `noise`",
        cost: "O(n² d)",
        offers: &[Quantity::Information],
        labels: LabelSides::AtMostOne,
        uncertainty: Uncertainty::None,
        with_noise: Some(|variance| Kde::new([variance]).into()),
        reference: "Kolchinsky & Tracey (2017), Entropy 19:361",
    };
}

impl Estimator for Kde {
    fn info(&self) -> &'static EstimatorInfo {
        Self::INFO
    }

    fn setting(&self) -> String {
        self.noise_variances.iter().map(|&variance| setting(variance)).collect::<Vec<_>>().join(", ")
    }

    /// [`EstimateError::Setting`] if there is no variance, or one is not a positive, finite number.
    fn check(&self) -> Result<(), EstimateError> {
        check_noise_variances(&self.noise_variances)
    }

    /// Returns the setting and bound of every reading, in order: for each variance the upper bound, then the lower.
    fn layer_settings(&self) -> Vec<(String, Option<Bound>)> {
        let both =
            |&variance: &f64| [Bound::Upper, Bound::Lower].map(|bound| (setting(variance), Some(bound)));
        self.noise_variances.iter().flat_map(both).collect()
    }

    /// Returns the upper bound on I(T + noise; L), with a note that gives the lower: one side is the matrix T, the other
    /// the labels L; of two matrices the second is T, and equal rows of the first are one label.
    ///
    /// # Errors
    /// [`EstimateError::Setting`] if several noise variances were given.
    fn estimate_pair(&self, x: Variable<'_>, y: Variable<'_>) -> Result<Estimate, EstimateError> {
        one_variance(&self.noise_variances)?;
        let (t, labels) = match (&x, &y) {
            (_, Variable::Labels(labels)) => (x.view(), (*labels).clone()),
            _ => (y.view(), x.symbols()),
        };
        let mut bounds = self.estimate_layer(t, &[&labels])?.into_iter().flat_map(|bound| bound.estimates);
        let (Some(upper), Some(lower)) = (bounds.next(), bounds.next()) else { unreachable!("two bounds") };
        let (mut upper, lower) = (upper?, lower?.information);
        upper.dims = vec![x.width(), y.width()];
        upper.warnings.push(Warning::Note(format!(
            "the upper of two pairwise bounds; the lower is {:.6} nats",
            lower.nats()
        )));
        Ok(upper)
    }

    /// For every noise variance the upper bound, then the lower.
    fn estimate_layer(
        &self,
        t: Variable<'_>,
        labellings: &[&Labels],
    ) -> Result<Vec<LayerEstimate>, EstimateError> {
        if matches!(t, Variable::Labels(_)) {
            return Err(EstimateError::NeedsMatrix { estimator: self.name() });
        }
        let means = mean_logarithms(&t, labellings, &self.noise_variances);
        Ok(self.readings(means.iter(), (t.n_samples(), t.width()), labellings))
    }

    /// For every noise variance the upper bounds, then the lower, with noise that is independent from layer to layer.
    fn estimate_layer_pairs(&self, layers: &[Variable<'_>]) -> Result<Vec<LayerPairs>, EstimateError> {
        bounds_of_pairs(self.name(), layers, &self.noise_variances)
    }

    fn estimate_layer_from_sums(
        &self,
        sums: &LayerSums,
        labellings: &[&Labels],
    ) -> Result<Vec<LayerEstimate>, EstimateError> {
        sums.check(self.name(), &self.noise_variances, labellings, true, None)?;
        let means = sums.variances.iter().filter_map(|sums| sums.kernels.as_ref());
        Ok(self.readings(means, (sums.n_samples, sums.width), labellings))
    }
}

impl Kde {
    /// For every noise variance the upper bound, then the lower, of a layer of this shape.
    fn readings<'a>(
        &self,
        means: impl Iterator<Item = &'a KernelMeans>,
        shape: (usize, usize),
        labellings: &[&Labels],
    ) -> Vec<LayerEstimate> {
        let mut readings = Vec::with_capacity(2 * self.noise_variances.len());
        for (variance, means) in self.noise_variances.iter().zip(means) {
            for (bound, mean) in [
                (Bound::Upper, (|m| m.kullback_leibler) as fn(&MeanLogarithms) -> f64),
                (Bound::Lower, |m| m.bhattacharyya),
            ] {
                let noise_variance = *variance;
                let estimate = |(within, labels): (&MeanLogarithms, &&Labels)| {
                    let information = Information::from_nats(mean(within) - mean(&means.all));
                    let kind = if labels.all_distinct() {
                        EstimateKind::SmoothedBound { bound, noise_variance }
                    } else {
                        EstimateKind::BoundDifference { bound, noise_variance }
                    };
                    let ceiling = Some(labels.entropy());
                    let mut estimate = Estimate { ceiling, ..Estimate::of_layer(information, kind, shape) };
                    estimate.warnings.extend(near_sample_limit(information.nats(), labels.len()));
                    Ok(estimate)
                };
                let estimates = means.within.iter().zip(labellings).map(estimate).collect();
                readings.push(LayerEstimate::new(setting(*variance), Some(bound), estimates));
            }
        }
        readings
    }
}
