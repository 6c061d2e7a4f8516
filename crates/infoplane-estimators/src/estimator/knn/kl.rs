//! The Kozachenko–Leonenko estimate of differential entropy.

use ndarray::Array2;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::math;
use crate::special::digamma;

use super::super::input::columns;
use super::{K, PreparedParts, atoms, chebyshev, check_k, check_samples, check_ties, joined, mean, setting};
use crate::{
    Estimate, EstimateError, EstimateKind, Estimator, EstimatorInfo, Family, Information, Interval,
    LabelSides, Quantity, Scaling, Uncertainty, Variable, Warning,
};

/// Differential entropy of numbers by the distance of the k-th neighbour (Kozachenko–Leonenko).
///
/// With εᵢ the distance of sample i to its k-th neighbour (the largest difference of a coordinate), in d columns:
///
/// ```text
/// H(X) = ψ(N) − ψ(k) + d ln 2 + d · mean_i ln εᵢ
/// I(X;Y) = H(X) + H(Y) − H(X,Y)
/// ```
///
/// The entropy is in the units of the data and may be negative; columns are divided by their standard
/// deviation for the search, and its logarithm is added back. The standard error of an entropy is d times that of the mean
/// of ln ε: it does not hold the bias. In the information the errors of the three
/// terms do not cancel as they do in [`Ksg`](super::Ksg). The bias grows with the width; with more than about 5 columns
/// only differences between similar data are meaningful.
///
/// `(n_samples, width)`. Nats. Time O(n log n) in few columns, O(n² d) in many; memory O(n (k + d)). Samples that
/// coincide with their k-th neighbour are excluded from the mean and counted, if they are at most one
/// in a hundred. A pair with a constant variable gives 0 with a warning.
///
/// # Errors
/// [`EstimateError::NeedsMatrix`] for labels; [`EstimateError::TooFewSamples`] for k samples or fewer;
/// [`EstimateError::Ties`] if more than one sample in a hundred coincides with k others;
/// [`EstimateError::Undetermined`] for the entropy of a constant column or of one that is a linear combination of others,
/// which is −∞, and of one that holds a value again and again, which has no density;
/// [`EstimateError::Setting`] for an entropy of normal scores, which are the same for all data.
///
/// ```
/// use infoplane_estimators::{Kl, Measure};
/// use infoplane_estimators::known::Task;
/// // A standard normal variable: ½ ln 2πe = 1.42 nats.
/// let sample = Task::named("normal").expect("a task of that name").draw(2000, 1);
/// let estimate = Kl::default().entropy(sample.x.variable())?;
/// assert!((estimate.information.nats() - 1.419).abs() < 0.1);
/// # Ok::<(), infoplane_estimators::EstimateError>(())
/// ```
///
/// # References
/// Kozachenko & Leonenko (1987), *Problems of Information Transmission* 23:95; Kraskov, Stögbauer & Grassberger
/// (2004), *Physical Review E* 69:066138, equation 20, for this form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Kl {
    /// Number of neighbours of each point, at least 1.
    pub k: usize,
    /// Scaling applied to each column first; entropies are converted back to the units of the data. `none` gives
    /// the definition as published.
    pub scaling: Scaling,
}

impl Default for Kl {
    fn default() -> Self {
        Kl { k: K, scaling: Scaling::default() }
    }
}

impl Kl {
    pub(in super::super) const INFO: &EstimatorInfo = &EstimatorInfo {
        name: "kl",
        title: "Kozachenko–Leonenko",
        family: Family::Neighbors,
        estimates: "differential entropy; I(X;Y) as H(X) + H(Y) − H(X,Y)",
        when: "entropies of few continuous columns; for information prefer ksg",
        cost: "O(n log n) for few columns, O(n² d) for many",
        offers: &[Quantity::Information, Quantity::Entropy],
        labels: LabelSides::None,
        with_noise: None,
        reference: "Kozachenko & Leonenko (1987), Probl. Inf. Transm. 23:95",
        uncertainty: Uncertainty::Subsampling,
    };
}

/// An entropy, and the numbers of samples that coincide and that were excluded.
struct Entropy {
    nats: f64,
    /// The standard error.
    error: f64,
    tied: usize,
    dropped: usize,
}

impl Kl {
    fn measure(&self, points: &Array2<f64>) -> Result<Entropy, EstimateError> {
        let (n, d) = (points.nrows(), points.ncols() as f64);
        let nearest = chebyshev(points).nearest(self.k);
        let tied = check_ties(self.name(), &nearest, n)?;
        let apart: Vec<f64> = nearest.radii().into_iter().filter(|&radius| radius > 0.0).collect();
        let logarithms: Vec<f64> = apart.iter().map(|radius| math::ln(*radius)).collect();
        let mean_logarithm = mean(logarithms.iter().copied());
        let squares = logarithms.iter().map(|v| (v - mean_logarithm) * (v - mean_logarithm));
        let error = d * (mean(squares) / apart.len() as f64).sqrt();
        let constant = digamma(n as f64) - digamma(self.k as f64);
        let nats = constant + d * std::f64::consts::LN_2 + d * mean_logarithm;
        Ok(Entropy { nats, error, tied, dropped: n - apart.len() })
    }

    fn finished(
        nats: f64,
        variables: &[Variable<'_>],
        mut warnings: Vec<Warning>,
        terms: &[Entropy],
    ) -> Estimate {
        let largest = |of: fn(&Entropy) -> usize| terms.iter().map(of).max().unwrap_or(0);
        let (ties, dropped) = (largest(|term| term.tied), largest(|term| term.dropped));
        let estimate = Estimate::new(Information::from_nats(nats), EstimateKind::Consistent, variables);
        if ties > 0 {
            warnings.push(Warning::Ties { tied: ties, n_samples: estimate.n_samples });
        }
        if dropped > 0 {
            let reason = "their k-th neighbour is at their own place, which has no logarithm";
            warnings.push(Warning::Dropped { dropped, reason });
        }
        Estimate { ties, dropped, warnings, ..estimate }
    }
}

impl Estimator for Kl {
    fn info(&self) -> &'static EstimatorInfo {
        Self::INFO
    }

    fn setting(&self) -> String {
        setting(self.k, self.scaling)
    }

    fn check(&self) -> Result<(), EstimateError> {
        check_k(self.k)
    }

    fn estimate_entropy(&self, x: Variable<'_>) -> Result<Estimate, EstimateError> {
        let variables = [x.view()];
        let estimator = self.name();
        let columns = columns(&x, self.scaling).ok_or(EstimateError::NeedsMatrix { estimator })?;
        check_samples(estimator, self.k, x.n_samples())?;
        if self.scaling == Scaling::NormalScores {
            let (given, allowed) = (self.scaling.name().into(), "none or standardized for an entropy");
            return Err(EstimateError::Setting { key: "scaling", given, allowed });
        }
        columns.check_density()?;
        if atoms(&columns.values).is_some() {
            return Err(EstimateError::Undetermined {
                reason: "a column holds one value again and again, so that there is no density".into(),
                choices: "leave it out, or use the entropy of a discrete method",
            });
        }
        let entropy = self.measure(&columns.values)?;
        let (nats, error) = (entropy.nats + columns.ln_scale, Information::from_nats(entropy.error));
        let estimate = Self::finished(nats, &variables, Vec::new(), &[entropy]);
        let (lower, upper) = (estimate.information - error * 1.96, estimate.information + error * 1.96);
        Ok(Estimate { standard_error: Some(error), interval: Some(Interval { lower, upper }), ..estimate })
    }

    fn estimate_pair(&self, x: Variable<'_>, y: Variable<'_>) -> Result<Estimate, EstimateError> {
        let variables = [x.view(), y.view()];
        let prepared = PreparedParts::new(self.name(), self.k, self.scaling, &variables)?;
        let [x, y] = &prepared.parts[..] else { unreachable!("two variables") };
        let terms = [self.measure(x)?, self.measure(y)?, self.measure(&joined(&[x, y]))?];
        let nats = terms[0].nats + terms[1].nats - terms[2].nats;
        Ok(Self::finished(nats, &variables, prepared.warnings, &terms))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{correlated, double, gaussian_information, normals};
    use super::*;
    use crate::Measure;

    fn kl(scaling: Scaling) -> Kl {
        Kl { scaling, ..Kl::default() }
    }

    /// d/2 ln 2πe + d ln σ; ln ε varies with standard deviation of about 0.7 d, so five errors of the mean.
    #[test]
    fn normal_columns_have_the_entropy_of_the_closed_form_in_their_own_units() {
        let n = 2000;
        for d in 1..=2 {
            for sigma in [1e-9, 1.0, 1e12] {
                let x = normals(n, d, 3) * sigma;
                let width = d as f64;
                let truth = width * (0.5 * (std::f64::consts::TAU * 1f64.exp()).ln() + f64::ln(sigma));
                for scaling in [Scaling::None, Scaling::Standardized] {
                    let nats = kl(scaling).entropy(double(&x)).unwrap().information.nats();
                    assert!(
                        (nats - truth).abs() < 5.0 * width / (n as f64).sqrt(),
                        "{d} {sigma} {nats} {truth}"
                    );
                }
            }
        }
    }

    #[test]
    fn correlated_normal_columns_share_what_the_closed_form_says() {
        let n = 2000;
        let (x, y) = correlated(n, 1, 0.7, 9);
        let nats = kl(Scaling::Standardized).pair(double(&x), double(&y)).unwrap().information.nats();
        assert!((nats - gaussian_information(0.7)).abs() < 8.0 / (n as f64).sqrt(), "{nats}");
    }

    #[test]
    fn an_entropy_of_what_never_changes_is_refused() {
        let mut x = normals(50, 2, 1);
        x.column_mut(1).fill(3.0);
        let error = kl(Scaling::None).entropy(double(&x)).unwrap_err();
        assert!(matches!(error, EstimateError::Undetermined { .. }));
    }

    #[test]
    fn an_entropy_of_sums_of_other_columns_or_of_zeros_is_refused() {
        let mut x = normals(200, 3, 1);
        for row in 0..200 {
            x[(row, 2)] = x[(row, 0)] - 2.0 * x[(row, 1)];
        }
        for scaling in [Scaling::None, Scaling::Standardized] {
            let error = kl(scaling).entropy(double(&x)).unwrap_err().to_string();
            assert!(error.contains("a linear combination"), "{error}");
        }
        let mut x = normals(200, 2, 1);
        x.column_mut(1).mapv_inplace(|v| v.max(0.0));
        assert!(kl(Scaling::None).entropy(double(&x)).unwrap_err().to_string().contains("no density"));
    }

    /// The error, over 60 samples, against the scatter of the values: within a third of it.
    #[test]
    fn the_error_of_an_entropy_is_that_of_repeated_samples() {
        for d in [1, 3] {
            let found: Vec<(f64, f64)> = (0..60)
                .map(|seed| kl(Scaling::Standardized).entropy(double(&normals(500, d, seed))).unwrap())
                .map(|e| (e.information.nats(), e.standard_error.unwrap().nats()))
                .collect();
            let middle = mean(found.iter().map(|(value, _)| *value));
            let scatter = mean(found.iter().map(|(value, _)| (value - middle) * (value - middle))).sqrt();
            let error = mean(found.iter().map(|(_, error)| *error));
            assert!((error / scatter - 1.0).abs() < 1.0 / 3.0, "{d} {error} {scatter}");
        }
    }

    /// A standard normal pair of columns with one value of 1e8: ln 2πe nats, and not more by what one sample adds.
    #[test]
    fn one_value_far_away_does_not_decide_the_entropy() {
        let mut x = normals(1000, 2, 4);
        x[(3, 0)] = 1e8;
        let nats = kl(Scaling::Standardized).entropy(double(&x)).unwrap().information.nats();
        assert!((nats - (std::f64::consts::TAU * 1f64.exp()).ln()).abs() < 0.2, "{nats}");
    }
}
