//! Ross's method: information between labels and numbers by neighbours within a class.

use ndarray::{Array2, Axis};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::neighbors::Boundary;
use crate::special::digammas;

use super::super::input::columns;
use super::{
    FOR_TIES, K, TIED_SHARE, WithinClasses, at_place, chebyshev, check_k, check_samples, every_label_once,
    mean, setting,
};
use crate::{
    Estimate, EstimateError, EstimateKind, Estimator, EstimatorInfo, Family, Information, LabelSides, Labels,
    Quantity, Scaling, Uncertainty, Variable, Warning,
};

/// Mutual information of labels and numbers by nearest neighbours within a class.
///
/// With N_i samples of the label of i, kᵢ = min(k, N_i − 1), rᵢ the distance of i to its kᵢ-th neighbour among
/// them (the largest difference of a coordinate), and mᵢ the number of samples of any label nearer than rᵢ,
/// with i itself:
///
/// ```text
/// I(T;Y) = ψ(N) + mean_i [ ψ(kᵢ) − ψ(N_i) − ψ(mᵢ) ]
/// ```
///
/// A label with one sample has no neighbour: such samples are excluded from everything, including N, and counted
/// ([`Warning::Dropped`]). The value cannot exceed ψ(N) − mean_i ψ(N_i), about the entropy of the labels, which
/// stands beside it as the ceiling; the true value cannot exceed the entropy either, so there is no warning near it.
///
/// `t`: `(n_samples, width)`, in either place; each column is divided by its standard deviation first unless
/// `scaling = "none"`. Nats. Time O(n log n) in few columns, O(n² d) in many; memory O(n (k + d)). Where samples of
/// a class coincide, use [`MixedKsg`](super::MixedKsg). One class, or numbers that never change: 0 with a warning.
///
/// # Errors
/// [`EstimateError::NeedsLabels`] for numbers on both sides, [`EstimateError::NeedsMatrix`] for labels on both;
/// [`EstimateError::TooFewSamples`] if no label has two samples; [`EstimateError::Ties`] if more than one sample
/// in a hundred has kᵢ others of its class at its own place (fewer are computed, with a warning: nothing is nearer
/// than such a radius, so mᵢ is taken as the samples at the place, and kᵢ as those of the class among them).
///
/// ```
/// use infoplane_estimators::{Labels, Measure, Ross, Variable};
/// // Two classes far apart: the layer knows the class.
/// let t = ndarray::Array2::from_shape_fn((40, 1), |(i, _)| (i % 2) as f64 * 9.0 + (i as f64).sin());
/// let y = Labels::from_symbols(&(0..40).map(|i| i % 2).collect::<Vec<_>>());
/// let ross = Ross::default();
/// let estimate = ross.pair(Variable::Double(t.view()), Variable::Labels(&y))?;
/// assert!((estimate.information.bits() - 1.0).abs() < 0.05);
/// # Ok::<(), infoplane_estimators::EstimateError>(())
/// ```
///
/// # References
/// Ross (2014), *PLoS ONE* 9:e87357.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Ross {
    /// Number of neighbours of each point within its class, at least 1; all others in smaller classes.
    pub k: usize,
    /// Scaling applied to each column first. `none` gives the definition as published.
    pub scaling: Scaling,
}

impl Default for Ross {
    fn default() -> Self {
        Ross { k: K, scaling: Scaling::default() }
    }
}

impl Ross {
    pub(in super::super) const INFO: &EstimatorInfo = &EstimatorInfo {
        name: "ross",
        title: "Ross",
        family: Family::Neighbors,
        estimates: "I(T;Y) of numbers and labels",
        when: "labels against continuous data of at most about 5 columns",
        cost: "O(n log n) for few columns, O(n² d) for many",
        offers: &[Quantity::Information],
        labels: LabelSides::One,
        uncertainty: Uncertainty::Subsampling,
        with_noise: None,
        reference: "Ross (2014), PLoS ONE 9:e87357",
    };
}

impl Ross {
    fn measure(
        &self,
        variables: &[Variable<'_>; 2],
        t: Array2<f64>,
        labels: &Labels,
        mut warnings: Vec<Warning>,
    ) -> Result<Estimate, EstimateError> {
        let given = t.nrows();
        let kept: Vec<usize> =
            (0..given).filter(|&i| labels.counts()[labels.codes()[i] as usize] > 1).collect();
        let dropped = given - kept.len();
        if kept.is_empty() {
            return Err(every_label_once(given));
        }
        if dropped > 0 {
            let reason = "their label occurs once, so that there is no neighbour with the same one";
            warnings.push(Warning::Dropped { dropped, reason });
        }
        let (t, labels) =
            if dropped > 0 { (t.select(Axis(0), &kept), labels.select(&kept)) } else { (t, labels.clone()) };
        let n = t.nrows();
        let within = WithinClasses::new(&t, &labels, self.k);
        let (radii, tied) = (&within.radii, within.tied);
        let through = within.at_place.iter().flatten().count();
        if through as f64 > TIED_SHARE * n as f64 {
            return Err(EstimateError::Ties {
                estimator: self.name(),
                tied,
                n_samples: n,
                instead: FOR_TIES,
            });
        }
        let mut counts = chebyshev(&t).count_within(radii, Boundary::Open);
        let all_at_place = at_place(&t, radii);
        let mut neighbors = within.k.clone();
        for (i, others) in within.at_place.iter().enumerate() {
            if let Some(others) = others {
                (neighbors[i], counts[i]) = (*others, all_at_place[i]);
            }
        }
        let psi = digammas(n);
        let class_sizes = labels.codes().iter().map(|&code| psi[labels.counts()[code as usize]]);
        let entropy = psi[n] - mean(class_sizes);
        let nearest = mean(neighbors.iter().map(|&k| psi[k]));
        let nats = entropy + nearest - mean(counts.iter().map(|&count| psi[count + 1]));
        // No count is below that of the strictly nearer, or of those at the place, within the class.
        let least = |i: usize| if radii[i] == 0.0 { neighbors[i] } else { within.nearer[i] };
        let ceiling = entropy + nearest - mean((0..n).map(|i| psi[least(i) + 1]));
        if tied > 0 {
            warnings.push(Warning::Ties { tied, n_samples: n });
        }
        let estimate = Estimate::new(Information::from_nats(nats), EstimateKind::Consistent, variables);
        let ceiling = Some(Information::from_nats(ceiling));
        Ok(Estimate { ties: tied, dropped, ceiling, warnings, ..estimate })
    }
}

impl Estimator for Ross {
    fn info(&self) -> &'static EstimatorInfo {
        Self::INFO
    }

    fn setting(&self) -> String {
        setting(self.k, self.scaling)
    }

    fn check(&self) -> Result<(), EstimateError> {
        check_k(self.k)
    }

    fn estimate_pair(&self, x: Variable<'_>, y: Variable<'_>) -> Result<Estimate, EstimateError> {
        let variables = [x.view(), y.view()];
        let estimator = self.name();
        let (t, labels) = match (&variables[0], &variables[1]) {
            (t, Variable::Labels(labels)) | (Variable::Labels(labels), t) => (t, *labels),
            _ => return Err(EstimateError::NeedsLabels { estimator }),
        };
        check_samples(estimator, 1, t.n_samples())?;
        let t = columns(t, self.scaling).ok_or(EstimateError::NeedsMatrix { estimator })?;
        let mut warnings = Vec::new();
        if t.constant > 0 {
            warnings.push(Warning::ConstantColumns { columns: t.constant });
        }
        self.measure(&variables, t.values, labels, warnings)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{double, uniform_column};
    use super::*;
    use crate::Measure;

    /// Uniform on [0, 1] and on [½, 3/2]: they share half of their mass, where the class is not known, so the
    /// information is ½ ln 2.
    #[test]
    fn overlapping_uniform_classes_leave_half_of_the_label_unknown() {
        let n = 4000;
        let labels: Vec<usize> = (0..n).map(|i| i % 2).collect();
        let mut t = uniform_column(n, 3);
        for (i, mut row) in t.rows_mut().into_iter().enumerate() {
            row[0] += 0.5 * (i % 2) as f64;
        }
        let ross = Ross::default();
        let labels = Labels::from_symbols(&labels);
        let nats = ross.pair(Variable::Labels(&labels), double(&t)).unwrap().information.nats();
        assert!((nats - 0.5 * 2f64.ln()).abs() < 2.0 / (n as f64).sqrt(), "{nats}");
    }

    #[test]
    fn a_label_with_one_sample_is_left_out_and_counted() {
        let t = uniform_column(101, 4);
        let mut symbols: Vec<usize> = (0..100).map(|i| i % 2).collect();
        let ross = Ross { scaling: Scaling::None, ..Ross::default() };
        let without = ross
            .pair(
                double(&t.slice(ndarray::s![..100, ..]).to_owned()),
                Variable::Labels(&Labels::from_symbols(&symbols)),
            )
            .unwrap();
        symbols.push(9);
        let with = ross.pair(double(&t), Variable::Labels(&Labels::from_symbols(&symbols))).unwrap();
        assert_eq!(with.information, without.information);
        assert_eq!(with.dropped, 1);
        assert!(matches!(with.warnings[..], [Warning::Dropped { dropped: 1, .. }]));
    }
}
