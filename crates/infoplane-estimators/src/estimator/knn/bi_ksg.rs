//! BI-KSG: KSG with Euclidean balls and their volumes in place of cubes.

use crate::math;
use crate::neighbors::{Boundary, Metric, Neighbors};
use crate::special::{digamma, ln_unit_ball};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{PreparedParts, check_k, check_ties, finished, joined, mean, setting};
use crate::{
    Estimate, EstimateError, Estimator, EstimatorInfo, Family, LabelSides, Quantity, Scaling, Uncertainty,
    Variable,
};

/// Mutual information of two matrices of numbers by nearest neighbours in Euclidean balls ("BI-KSG").
///
/// With ρᵢ the Euclidean distance of sample i to its k-th neighbour in (x, y), n_x,i and n_y,i the numbers of other
/// samples up to ρᵢ in x and in y alone, and c_d = π^(d/2)/Γ(1 + d/2) the volume of the unit ball:
///
/// ```text
/// I(X;Y) = ψ(k) + ln N + ln (c_dx c_dy / c_(dx+dy)) − mean_i [ ln n_x,i + ln n_y,i ]
/// ```
///
/// The bias is smaller than that of [`Ksg`](super::Ksg) at moderate widths; it fails in the same ways in more
/// columns. The reported ceiling is its value for n_x,i = n_y,i = k.
///
/// Inputs: `(n_samples, width)` each; columns are divided by their standard deviation first unless
/// `scaling = "none"`. Nats. Time O(n log n) in few columns, O(n² d) in many; memory O(n (k + d)). A constant
/// variable gives 0 with a warning.
///
/// # Errors
/// [`EstimateError::NeedsMatrix`] for labels; [`EstimateError::TooFewSamples`] for k samples or fewer;
/// [`EstimateError::Ties`] if more than one sample in a hundred coincides with k others.
///
/// ```
/// use infoplane_estimators::{BiKsg, Measure, Variable};
/// let x = ndarray::Array2::from_shape_fn((500, 1), |(i, _)| (i as f64 * 0.618) % 1.0);
/// let y = x.mapv(|x| x + 0.1 * (1000.0 * x).sin());
/// let estimate = BiKsg::default()
///     .pair(Variable::Double(x.view()), Variable::Double(y.view()))?;
/// assert!(estimate.information.nats() > 1.0);
/// # Ok::<(), infoplane_estimators::EstimateError>(())
/// ```
///
/// # References
/// Gao, Oh & Viswanath (2018), *Demystifying fixed k-nearest neighbor information estimators*, IEEE Transactions
/// on Information Theory 64:5629.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BiKsg {
    /// Number of neighbours of each point, at least 1.
    pub k: usize,
    /// Scaling applied to each column first. `none` gives the definition as published.
    pub scaling: Scaling,
}

impl Default for BiKsg {
    fn default() -> Self {
        BiKsg { k: 5, scaling: Scaling::default() }
    }
}

impl BiKsg {
    pub(in super::super) const INFO: &EstimatorInfo = &EstimatorInfo {
        name: "bi-ksg",
        title: "BI-KSG",
        family: Family::Neighbors,
        estimates: "I(X;Y) of numbers",
        when: "beside ksg, for 4 to 10 columns in all",
        cost: "O(n log n) for few columns, O(n² d) for many",
        offers: &[Quantity::Information],
        labels: LabelSides::None,
        with_noise: None,
        reference: "Gao, Oh & Viswanath (2018), IEEE Trans. Inf. Theory 64:5629",
        uncertainty: Uncertainty::Subsampling,
    };
}

impl Estimator for BiKsg {
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
        let prepared = PreparedParts::new(self.name(), self.k, self.scaling, &variables)?;
        let [x, y] = &prepared.parts[..] else { unreachable!("two variables") };
        let joint = joined(&[x, y]);
        let n = joint.nrows();
        let nearest = Neighbors::new(joint.view(), Metric::Euclidean).nearest(self.k);
        let tied = check_ties(self.name(), &nearest, n)?;
        let radii = nearest.radii();
        let volumes = ln_unit_ball(x.ncols()) + ln_unit_ball(y.ncols()) - ln_unit_ball(joint.ncols());
        let constant = digamma(self.k as f64) + math::ln(n as f64) + volumes;
        let mut nats = constant;
        for part in [x, y] {
            let counts =
                Neighbors::new(part.view(), Metric::Euclidean).count_within(&radii, Boundary::Closed);
            nats -= mean(counts.iter().map(|&count| math::ln(count as f64)));
        }
        let ceiling = constant - 2.0 * math::ln(self.k as f64);
        Ok(finished(nats, &variables, prepared.warnings, tied, Some(ceiling)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::agrees_with_the_closed_form;
    use super::*;

    #[test]
    fn correlated_normal_columns_share_what_the_closed_form_says() {
        agrees_with_the_closed_form(&BiKsg::default(), 9);
    }
}
