//! KSG-2: information between continuous variables by counts within a box around the k nearest neighbours.

use ndarray::Array2;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::neighbors::{Boundary, Metric};
use crate::special::digammas;

use super::{K, PreparedParts, chebyshev, check_k, check_ties, finished, joined, mean, setting};
use crate::{
    Estimate, EstimateError, Estimator, EstimatorInfo, Family, LabelSides, Quantity, Scaling, Uncertainty,
    Variable,
};

/// Mutual information of two matrices of numbers by nearest neighbours, second form ("KSG-2").
///
/// Among the k nearest neighbours of sample i in (x, y), let ε_x,i be the largest distance in x and ε_y,i that in
/// y, and n_x,i, n_y,i the numbers of other samples within them (up to and with the distance itself; all distances
/// the largest difference of a coordinate):
///
/// ```text
/// I(X;Y) = ψ(k) − 1/k + ψ(N) − mean_i [ ψ(n_x,i) + ψ(n_y,i) ]
/// C(X₁;…;X_m) = ψ(k) − (m − 1)/k + (m − 1) ψ(N) − mean_i Σ_b ψ(n_b,i)
/// ```
///
/// A box fits strong dependence better than the cube of [`Ksg`](super::Ksg); where it is weak, this form has a larger
/// variance and, in many columns, a larger error. No value exceeds (m − 1)(ψ(N) − ψ(k) − 1/k), which is reported with
/// the estimate.
///
/// Inputs: `(n_samples, width)` each; columns are divided by their standard deviation first unless
/// `scaling = "none"`. Nats. Time O(n log n) in few columns, O(n² d) in many; memory O(n (k + d)). A constant
/// variable gives 0 with a warning. Ties between neighbours are broken by the lower row.
///
/// # Errors
/// [`EstimateError::NeedsMatrix`] for labels; [`EstimateError::TooFewSamples`] for k samples or fewer;
/// [`EstimateError::Ties`] if more than one sample in a hundred coincides with k others.
///
/// ```
/// use infoplane_estimators::{Ksg2, Measure, Variable};
/// let x = ndarray::Array2::from_shape_fn((500, 1), |(i, _)| (i as f64 * 0.618) % 1.0);
/// let y = x.mapv(|x| x + 0.1 * (1000.0 * x).sin());
/// let estimate = Ksg2::default()
///     .pair(Variable::Double(x.view()), Variable::Double(y.view()))?;
/// assert!(estimate.information.nats() > 1.0);
/// # Ok::<(), infoplane_estimators::EstimateError>(())
/// ```
///
/// # References
/// Kraskov, Stögbauer & Grassberger (2004), *Physical Review E* 69:066138, equations 9 and 24.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Ksg2 {
    /// Number of neighbours of each point, at least 1.
    pub k: usize,
    /// Scaling applied to each column first. `none` gives the definition as published.
    pub scaling: Scaling,
}

impl Default for Ksg2 {
    fn default() -> Self {
        Ksg2 { k: K, scaling: Scaling::default() }
    }
}

impl Ksg2 {
    pub(in super::super) const INFO: &EstimatorInfo = &EstimatorInfo {
        name: "ksg2",
        title: "KSG-2",
        family: Family::Neighbors,
        estimates: "I(X;Y) and total correlation of numbers",
        when: "few columns and strong dependence, beside ksg",
        cost: "O(n log n) for few columns, O(n² d) for many",
        offers: &[Quantity::Information, Quantity::TotalCorrelation],
        labels: LabelSides::None,
        with_noise: None,
        reference: "Kraskov, Stögbauer & Grassberger (2004), Phys. Rev. E 69:066138",
        uncertainty: Uncertainty::Subsampling,
    };
}

impl Ksg2 {
    fn measure(&self, parts: &[&Array2<f64>]) -> Result<(f64, usize), EstimateError> {
        let joint = joined(parts);
        let n = joint.nrows();
        let nearest = chebyshev(&joint).nearest(self.k);
        let tied = check_ties(self.name(), &nearest, n)?;
        let psi = digammas(n);
        let others = (parts.len() - 1) as f64;
        let mut nats = psi[self.k] - others / self.k as f64 + others * psi[n];
        for part in parts {
            let distance = |i: usize, j: u32| {
                let row = |i: usize| part.row(i).to_slice().expect("rows in standard layout");
                Metric::Chebyshev.distance(row(i), row(j as usize))
            };
            let side = |i: usize| nearest.indices(i).iter().map(|&j| distance(i, j)).fold(0.0, f64::max);
            let radii: Vec<f64> = (0..n).map(side).collect();
            let counts = chebyshev(part).count_within(&radii, Boundary::Closed);
            nats -= mean(counts.iter().map(|&count| psi[count]));
        }
        Ok((nats, tied))
    }
}

impl Estimator for Ksg2 {
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

    /// A constant part adds nothing and is excluded.
    fn estimate_total_correlation(&self, parts: &[Variable<'_>]) -> Result<Estimate, EstimateError> {
        let prepared = PreparedParts::new(self.name(), self.k, self.scaling, parts)?;
        let changing: Vec<_> = prepared.parts.iter().filter(|part| part.ncols() > 0).collect();
        let (nats, tied) = self.measure(&changing)?;
        let psi = digammas(changing[0].nrows());
        let each = psi[changing[0].nrows()] - psi[self.k] - 1.0 / self.k as f64;
        let ceiling = (changing.len() - 1) as f64 * each;
        Ok(finished(nats, parts, prepared.warnings, tied, Some(ceiling)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{agrees_with_the_closed_form, double, normals};
    use super::*;
    use crate::Measure;

    fn ksg2() -> Ksg2 {
        Ksg2::default()
    }

    #[test]
    fn correlated_normal_columns_share_what_the_closed_form_says() {
        agrees_with_the_closed_form(&ksg2(), 8);
    }

    #[test]
    fn independent_parts_have_no_total_correlation() {
        let columns: Vec<_> = (0..3).map(|seed| normals(1000, 1, seed + 50)).collect();
        let parts: Vec<_> = columns.iter().map(double).collect();
        let nats = ksg2().total_correlation(&parts).unwrap().information.nats();
        assert!(nats.abs() < 0.15, "{nats}");
    }
}
