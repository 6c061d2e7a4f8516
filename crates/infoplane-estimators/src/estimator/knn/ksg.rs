//! KSG-1: information between continuous variables by counts within the distance of the k-th neighbour.

use ndarray::Array2;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::neighbors::{Boundary, Nearest};
use crate::special::digammas;

use super::{
    K, PreparedParts, chebyshev, check_k, check_ties, finished, joined, mean, setting, strictly_nearer,
};
use crate::{
    Estimate, EstimateError, Estimator, EstimatorInfo, Family, LabelSides, Quantity, Scaling, Uncertainty,
    Variable, Warning,
};

/// Mutual information of two matrices of numbers by nearest neighbours, first form ("KSG-1").
///
/// With εᵢ the distance of sample i to its k-th neighbour in (x, y), and n_x,i, n_y,i the number of other
/// samples nearer than εᵢ in x and in y alone (strictly, and all distances the largest difference of a
/// coordinate):
///
/// ```text
/// I(X;Y) = ψ(k) + ψ(N) − mean_i [ ψ(n_x,i + 1) + ψ(n_y,i + 1) ]
/// I(X;Y|Z) = ψ(k) − mean_i [ ψ(n_xz,i + 1) + ψ(n_yz,i + 1) − ψ(n_z,i + 1) ]
/// C(X₁;…;X_m) = ψ(k) + (m − 1) ψ(N) − mean_i Σ_b ψ(n_b,i + 1)
/// ```
///
/// One radius is used in all columns, so each is divided by its standard deviation first and units do not
/// matter; `scaling = "none"` is the definition as published.
///
/// For continuous data of few columns: the bias is downward, grows with the number of columns and with the
/// dependence, and no value exceeds ψ(N) − ψ(k) (for m parts m − 1 times that), which is reported with every
/// estimate; a value within 1 nat of it has a warning. Independent variables give values around 0, negative as often
/// as positive. For many columns see [`CvKsg`](super::CvKsg); for labels or coinciding samples [`Ross`](super::Ross)
/// and [`MixedKsg`](super::MixedKsg). At two normal columns the standard deviation of an estimate is about 0.8/√n
/// nats for k = 3 near independence.
///
/// Inputs: `(n_samples, width)` each. Nats. Time O(n log n) in few columns and O(n² d) in many; memory O(n (k + d)).
/// A constant variable gives 0 with a warning.
///
/// # Errors
/// [`EstimateError::NeedsMatrix`] for labels; [`EstimateError::TooFewSamples`] for k samples or fewer;
/// [`EstimateError::Ties`] if more than one sample in a hundred coincides with k others.
///
/// ```
/// use infoplane_estimators::{Ksg, Measure, Variable};
/// // y follows x up to a small wave; thirty samples cannot give more than 2.48 nats.
/// let x = ndarray::Array2::from_shape_fn((30, 1), |(i, _)| (i as f64 * 0.7).sin() + i as f64 * 0.01);
/// let y = x.mapv(|x| 3.0 * x + 0.1 * (40.0 * x).cos());
/// let ksg = Ksg::default();
/// let estimate = ksg.pair(Variable::Double(x.view()), Variable::Double(y.view()))?;
/// assert!(estimate.information.nats() > 0.5);
/// assert!(estimate.information < estimate.ceiling.unwrap());
/// # Ok::<(), infoplane_estimators::EstimateError>(())
/// ```
///
/// # References
/// Kraskov, Stögbauer & Grassberger (2004), *Physical Review E* 69:066138, equations 8 and 23; Frenzel & Pompe
/// (2007), *Physical Review Letters* 99:204101, for the conditional form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Ksg {
    /// Number of neighbours of each point, at least 1. More of them lower the variance and raise the bias.
    pub k: usize,
    /// Scaling applied to each column first. `none` gives the definition as published.
    pub scaling: Scaling,
}

impl Default for Ksg {
    fn default() -> Self {
        Ksg { k: K, scaling: Scaling::default() }
    }
}

impl Ksg {
    pub(in super::super) const INFO: &EstimatorInfo = &EstimatorInfo {
        name: "ksg",
        title: "KSG-1",
        family: Family::Neighbors,
        estimates: "I(X;Y), I(X;Y|Z) and total correlation of numbers",
        when: "continuous data of at most about 4 columns in all",
        cost: "O(n log n) for few columns, O(n² d) for many",
        offers: &[Quantity::Information, Quantity::ConditionalInformation, Quantity::TotalCorrelation],
        labels: LabelSides::None,
        with_noise: None,
        reference: "Kraskov, Stögbauer & Grassberger (2004), Phys. Rev. E 69:066138",
        uncertainty: Uncertainty::Subsampling,
    };
}

impl Ksg {
    /// Returns the total correlation of the parts that vary.
    pub(super) fn measure(&self, parts: &[&Array2<f64>]) -> Result<TotalCorrelation, EstimateError> {
        let joint = joined(parts);
        let n = joint.nrows();
        let nearest = chebyshev(&joint).nearest(self.k);
        let tied = check_ties(self.name(), &nearest, n)?;
        let radii = nearest.radii();
        let psi = digammas(n);
        let all = psi[self.k] + (parts.len() - 1) as f64 * psi[n];
        let mut nats = all;
        let mut terms = vec![all; n];
        for part in parts {
            let counts = chebyshev(part).count_within(&radii, Boundary::Open);
            nats -= mean(counts.iter().map(|&count| psi[count + 1]));
            terms.iter_mut().zip(&counts).for_each(|(term, &count)| *term -= psi[count + 1]);
        }
        let ceiling = all - parts.len() as f64 * least(&nearest, &psi);
        Ok(TotalCorrelation { nats, terms, tied, ceiling })
    }
}

/// Returns the mean of ψ(count + 1) for the least counts possible: those of the strictly nearer in all columns together.
fn least(nearest: &Nearest, psi: &[f64]) -> f64 {
    let n = psi.len() - 1;
    strictly_nearer(nearest, nearest.k(), n).map(|count| psi[count + 1]).sum::<f64>() / n as f64
}

/// A total correlation by neighbours.
pub(super) struct TotalCorrelation {
    /// The mean of the terms.
    pub(super) nats: f64,
    /// One for each sample.
    pub(super) terms: Vec<f64>,
    /// Samples that coincide with another.
    pub(super) tied: usize,
    /// The largest value possible for samples with these distances.
    pub(super) ceiling: f64,
}

impl Estimator for Ksg {
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
        self.estimate_total_correlation(&[x.view(), y.view()])
    }

    fn estimate_conditional(
        &self,
        x: Variable<'_>,
        y: Variable<'_>,
        z: Variable<'_>,
    ) -> Result<Estimate, EstimateError> {
        let variables = [x.view(), y.view(), z.view()];
        let prepared = PreparedParts::new(self.name(), self.k, self.scaling, &variables)?;
        let [x, y, z] = &prepared.parts[..] else { unreachable!("three variables") };
        let n = x.nrows();
        if z.ncols() == 0 {
            let TotalCorrelation { nats, tied, ceiling, .. } = self.measure(&[x, y])?;
            return Ok(finished(nats, &variables, prepared.warnings, tied, Some(ceiling)));
        }
        let joint = joined(&[x, y, z]);
        let nearest = chebyshev(&joint).nearest(self.k);
        let tied = check_ties(self.name(), &nearest, n)?;
        let radii = nearest.radii();
        let psi = digammas(n);
        let counts = |part: &Array2<f64>| chebyshev(part).count_within(&radii, Boundary::Open);
        let (with_x, with_y, of_z) = (counts(&joined(&[x, z])), counts(&joined(&[y, z])), counts(z));
        let mean_of = |counts: &[usize]| mean(counts.iter().map(|&count| psi[count + 1]));
        let nats = psi[self.k] - mean_of(&with_x) - mean_of(&with_y) + mean_of(&of_z);
        let ceiling = psi[self.k] + psi[n] - 2.0 * least(&nearest, &psi);
        let mut warnings = prepared.warnings;
        warnings.extend(Warning::hardly_told(Some(&with_x), Some(&with_y), &of_z));
        Ok(finished(nats, &variables, warnings, tied, Some(ceiling)))
    }

    /// A constant part adds nothing and is excluded.
    fn estimate_total_correlation(&self, parts: &[Variable<'_>]) -> Result<Estimate, EstimateError> {
        let prepared = PreparedParts::new(self.name(), self.k, self.scaling, parts)?;
        let changing: Vec<_> = prepared.parts.iter().filter(|part| part.ncols() > 0).collect();
        let TotalCorrelation { nats, tied, ceiling, .. } = self.measure(&changing)?;
        Ok(finished(nats, parts, prepared.warnings, tied, Some(ceiling)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::agrees_with_the_closed_form;
    use super::*;

    #[test]
    fn correlated_normal_columns_share_what_the_closed_form_says() {
        agrees_with_the_closed_form(&Ksg::default(), 7);
    }
}
