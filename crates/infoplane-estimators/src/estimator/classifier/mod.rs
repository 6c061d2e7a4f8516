//! Information of a class by how well it is predicted: a bound from below, in any number of columns.

mod models;

use ndarray::{Array2, Axis};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::knn::centred;
use crate::linear_algebra::small;
use crate::math;
use crate::random::{Purpose, generator, shuffle};
use crate::{
    Bound, Estimate, EstimateError, EstimateKind, Estimator, EstimatorInfo, Family, Information, LabelSides,
    Labels, Quantity, Uncertainty, Variable, Warning,
};
use models::{Model, Rows, learn};

/// Samples for each label, on average, below which nothing is learnt of a label.
const SAMPLES_PER_LABEL: usize = 5;

/// Samples below which no part can be left out.
const LEAST_SAMPLES: usize = 20;

/// One row in so many of the training rows chooses the weights of the models.
const CHOOSING: usize = 4;

/// The least log probability of a model: one certain mistake does not decide its weight.
const LEAST: f64 = -12.0;

/// The share of the prior in every prediction: no loss is then above ln(1/(share · prior)).
const OF_PRIOR: f64 = 0.005;

/// Mutual information of labels and numbers, by predicting the label of every sample from samples without it.
///
/// For any predicted probabilities q, the mean of −ln q(y | t) over fresh samples is at least H(Y|T), so that
///
/// ```text
/// I(T;Y) ≥ H(Y) + mean_i ln q₋ᵢ(yᵢ | tᵢ)
/// ```
///
/// in expectation, with q₋ᵢ learnt without the fold of sample i. H(Y) is that of the shares of the labels in the sample.
/// The closer q is to the truth, the closer the bound.
///
/// q combines normal classes of one covariance (linear discriminant analysis) and of a covariance each, shrunk towards the
/// common one by a share that predicts best; logistic regression; and logistic regression with the 30 products of
/// two columns, or of their signs, whose means differ most between the classes. Their log probabilities are added with weights, which are learnt from a
/// quarter of the training rows that the models had not seen (this calibrates them too); then the models learn again from
/// all training rows. Labels of the fold play no part in any of this.
///
/// The value never exceeds H(Y), which is its ceiling, and is below 0 where nothing can be predicted, by what chance costs.
/// The standard error is that of the mean over the samples.
///
/// For labels against many columns, where neighbours are far and one Gaussian is not the law of all classes. For few columns
/// [`Ross`](crate::Ross) follows classes of any shape.
///
/// Inputs: `(n_samples, width)`, and labels. Nats. Time O(n d (d + 100 K)) for K labels, for each fold; memory O(n (d + K))
/// for each fold. A constant variable gives 0 with a warning.
///
/// # Errors
/// [`EstimateError::NeedsLabels`] for numbers on both sides, [`EstimateError::NeedsMatrix`] for labels on both;
/// [`EstimateError::TooFewSamples`] below 20 samples, or below 5 for each label on average.
///
/// ```
/// use infoplane_estimators::{Classifier, Measure};
/// use infoplane_estimators::known::Task;
/// let sample = Task::named("classes-10x10").expect("a task of that name").draw(1000, 1);
/// let estimate = Classifier::default().pair(&sample.x, &sample.y)?;
/// assert!((estimate.information.nats() - sample.information.nats()).abs() < 0.15);
/// # Ok::<(), infoplane_estimators::EstimateError>(())
/// ```
///
/// # References
/// Barber & Agakov (2003), *NeurIPS* 16, for the bound; Wolpert (1992), *Neural Networks* 5:241, for the combination;
/// Friedman (1989), *Journal of the American Statistical Association* 84:165, for the shrinkage; Böhning (1992),
/// *Annals of the Institute of Statistical Mathematics* 44:197, for the logistic fit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Classifier {
    /// Number of parts, each in turn left out, 2 to 20.
    pub folds: usize,
    /// Seed of the random parts.
    pub seed: u64,
}

impl Default for Classifier {
    fn default() -> Self {
        Classifier { folds: 10, seed: 0 }
    }
}

impl Classifier {
    pub(super) const INFO: &EstimatorInfo = &EstimatorInfo {
        name: "classifier",
        title: "classifier",
        family: Family::Predictions,
        estimates: "a lower bound on I(T;Y) of numbers and labels",
        when: "a label and many columns",
        cost: "O(n d (d + 100 K)) for K labels, for each fold",
        offers: &[Quantity::Information],
        labels: LabelSides::One,
        uncertainty: Uncertainty::OwnError,
        with_noise: None,
        reference: "Barber & Agakov (2003), NeurIPS 16",
    };

    /// Returns ln q(y | t) of every row, from models that have not seen its fold.
    fn ln_predictions(&self, t: &Array2<f64>, labels: &Labels) -> Vec<f64> {
        let n = t.nrows();
        let n_classes = labels.n_labels();
        let classes: Vec<usize> = labels.codes().iter().map(|&code| code as usize).collect();
        let mut order: Vec<usize> = (0..n).collect();
        shuffle(&mut generator(self.seed, Purpose::Split, 1), &mut order);
        let parts: Vec<Vec<(usize, f64)>> = (0..self.folds)
            .into_par_iter()
            .map(|fold| {
                let (own, rest): (Vec<_>, Vec<_>) =
                    (0..n).map(|i| (i, order[i])).partition(|(i, _)| i % self.folds == fold);
                let rows = |of: &[(usize, usize)]| of.iter().map(|(_, row)| *row).collect::<Vec<usize>>();
                let (own, rest) = (rows(&own), rows(&rest));
                let (choosing, learning) = rest.split_at(rest.len() / CHOOSING);
                let of = |rows: &[usize]| {
                    (t.select(Axis(0), rows), rows.iter().map(|&row| classes[row]).collect::<Vec<_>>())
                };
                let (learning, all, choosing, own_t) = (of(learning), of(&rest), of(choosing), of(&own));
                fn view(of: &(Array2<f64>, Vec<usize>), n_classes: usize) -> Rows<'_> {
                    Rows { values: &of.0, classes: &of.1, n_classes }
                }
                let all_rows = view(&all, n_classes);
                let prior = all_rows.prior();
                let models = learn(view(&learning, n_classes), view(&choosing, n_classes));
                let weights = weights(&models, view(&choosing, n_classes));
                let models: Vec<Box<dyn Model>> =
                    models.into_iter().map(|model| model.again(all_rows).unwrap_or(model)).collect();
                let found = combined(&models, &weights, &own_t.0, n_classes);
                own.iter()
                    .zip(found.rows())
                    .map(|(&row, ln_p)| {
                        let class = classes[row];
                        let p = (1.0 - OF_PRIOR) * math::exp(ln_p[class]) + OF_PRIOR * prior[class];
                        (row, math::ln(p))
                    })
                    .collect()
            })
            .collect();
        let mut predictions = vec![0.0; n];
        for (row, ln_p) in parts.into_iter().flatten() {
            predictions[row] = ln_p;
        }
        predictions
    }
}

/// Log probabilities of every model for rows, none below the least.
fn of_models(models: &[Box<dyn Model>], rows: &Array2<f64>) -> Vec<Array2<f64>> {
    models.iter().map(|model| model.ln_probabilities(rows.view()).mapv(|v| v.max(LEAST))).collect()
}

/// Σ weight · log probability, normalised.
fn combined(models: &[Box<dyn Model>], weights: &[f64], rows: &Array2<f64>, n_classes: usize) -> Array2<f64> {
    let mut sum = Array2::zeros((rows.nrows(), n_classes));
    for (found, weight) in of_models(models, rows).iter().zip(weights) {
        sum.scaled_add(*weight, found);
    }
    models::normalize(&mut sum);
    sum
}

/// The weights with the largest Σ ln q over rows that the models have not seen, drawn to equal ones by the weight of two
/// rows: Newton's method, for what is concave.
fn weights(models: &[Box<dyn Model>], rows: Rows<'_>) -> Vec<f64> {
    let m = models.len();
    let found = of_models(models, rows.values);
    let equal = 1.0 / m.max(1) as f64;
    let mut weights = vec![equal; m];
    let prior = 2.0;
    let objective = |weights: &[f64]| -> f64 {
        let mut sum = Array2::zeros((rows.classes.len(), rows.n_classes));
        for (found, weight) in found.iter().zip(weights) {
            sum.scaled_add(*weight, found);
        }
        models::normalize(&mut sum);
        let ln_q: f64 = sum.rows().into_iter().zip(rows.classes).map(|(row, &class)| row[class]).sum();
        ln_q - 0.5 * prior * weights.iter().map(|w| (w - equal) * (w - equal)).sum::<f64>()
    };
    let mut value = objective(&weights);
    for _ in 0..25 {
        let mut sum = Array2::zeros((rows.classes.len(), rows.n_classes));
        for (found, weight) in found.iter().zip(&weights) {
            sum.scaled_add(*weight, found);
        }
        models::normalize(&mut sum);
        let mut gradient: Vec<f64> = weights.iter().map(|w| -prior * (w - equal)).collect();
        let mut curvature = vec![0.0; m * m];
        for i in 0..m {
            curvature[i * m + i] = prior;
        }
        let mut expected = vec![0.0; m];
        for (row, &class) in rows.classes.iter().enumerate() {
            let q: Vec<f64> = sum.row(row).iter().map(|v| math::exp(*v)).collect();
            for a in 0..m {
                expected[a] = q.iter().zip(found[a].row(row)).map(|(q, v)| q * v).sum();
                gradient[a] += found[a][(row, class)] - expected[a];
            }
            for a in 0..m {
                for b in 0..=a {
                    let products = q.iter().zip(found[a].row(row)).zip(found[b].row(row));
                    let second: f64 = products.map(|((q, a), b)| q * a * b).sum();
                    curvature[a * m + b] += second - expected[a] * expected[b];
                }
            }
        }
        if !small::cholesky(&mut curvature, m, 0.0) {
            break;
        }
        small::solve(&curvature, m, &mut gradient);
        let mut step = 1.0;
        let (next, better) = loop {
            let next: Vec<f64> = weights.iter().zip(&gradient).map(|(w, g)| w + step * g).collect();
            let better = objective(&next);
            if better >= value || step < 1e-4 {
                break (next, better);
            }
            step *= 0.5;
        };
        if better <= value + 1e-9 {
            break;
        }
        (weights, value) = (next, better);
    }
    weights
}

impl Estimator for Classifier {
    fn info(&self) -> &'static EstimatorInfo {
        Self::INFO
    }

    fn setting(&self) -> String {
        format!("folds={}, seed={}", self.folds, self.seed)
    }

    fn check(&self) -> Result<(), EstimateError> {
        if !(2..=20).contains(&self.folds) {
            let (given, allowed) = (self.folds.to_string(), "2 to 20");
            return Err(EstimateError::Setting { key: "folds", given, allowed });
        }
        Ok(())
    }

    fn estimate_pair(&self, x: Variable<'_>, y: Variable<'_>) -> Result<Estimate, EstimateError> {
        let estimator = self.name();
        let variables = [x.view(), y.view()];
        let (t, labels) = match (&variables[0], &variables[1]) {
            (t, Variable::Labels(labels)) | (Variable::Labels(labels), t) => (t, *labels),
            _ => return Err(EstimateError::NeedsLabels { estimator }),
        };
        let n = labels.len();
        let needed = LEAST_SAMPLES.max(SAMPLES_PER_LABEL * labels.n_labels());
        if n < needed {
            let reason = format!("{} labels", labels.n_labels());
            return Err(EstimateError::TooFewSamples { estimator, reason, needed, n_samples: n });
        }
        let values = centred(t).ok_or(EstimateError::NeedsMatrix { estimator })?;
        let warnings = match t.width() - values.ncols() {
            0 => Vec::new(),
            columns => vec![Warning::ConstantColumns { columns }],
        };
        let shares: Vec<f64> =
            labels.counts().iter().map(|&count| math::ln(count as f64 / n as f64)).collect();
        let terms: Vec<f64> = self
            .ln_predictions(&values, labels)
            .iter()
            .zip(labels.codes())
            .map(|(ln_q, &code)| ln_q - shares[code as usize])
            .collect();
        let mean = terms.iter().sum::<f64>() / n as f64;
        let variance = terms.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / (n as f64 - 1.0);
        let kind = EstimateKind::Bound(Bound::Lower);
        let estimate = Estimate::new(Information::from_nats(mean), kind, &variables);
        let error = Information::from_nats((variance / n as f64).sqrt());
        Ok(Estimate { standard_error: Some(error), ceiling: Some(labels.entropy()), warnings, ..estimate })
    }
}

#[cfg(test)]
mod tests {
    use super::super::knn::tests::{double, normals};
    use super::*;
    use crate::Measure;
    use crate::known::Task;

    fn method() -> Classifier {
        Classifier::default()
    }

    /// Two normal classes two deviations apart in one of 15 columns: 0.3369 nats by quadrature. The bound may fall short by
    /// what 15 columns cost, and exceeds by chance only.
    #[test]
    fn gaussian_classes_in_many_columns_are_known_by_a_bound_that_is_close() {
        let (n, mut sum) = (1000, 0.0);
        for seed in 0..4 {
            let classes: Vec<usize> = (0..n).map(|i| i % 2).collect();
            let mut t = normals(n, 15, 40 + seed);
            t.rows_mut().into_iter().zip(&classes).for_each(|(mut row, &class)| row[3] += 2.0 * class as f64);
            let labels = Labels::from_symbols(&classes);
            let estimate = method().pair(double(&t), Variable::Labels(&labels)).unwrap();
            assert_eq!(estimate.kind, EstimateKind::Bound(Bound::Lower));
            let error = estimate.standard_error.unwrap().nats();
            assert!((0.005..0.04).contains(&error), "{error}");
            sum += estimate.information.nats() / 4.0;
        }
        assert!((0.28..0.37).contains(&sum), "{sum}");
    }

    #[test]
    fn what_tells_nothing_is_near_zero_and_never_far_below() {
        let labels = Labels::from_symbols(&(0..600).map(|i| i * 7 % 5).collect::<Vec<_>>());
        let estimate = method().pair(double(&normals(600, 10, 3)), Variable::Labels(&labels)).unwrap();
        let nats = estimate.information.nats();
        assert!((-0.1..0.02).contains(&nats), "{nats}");
    }

    #[test]
    fn xor_of_two_of_five_columns_is_found() {
        let sample = Task::named("xor-5").unwrap().draw(2000, 1);
        let nats = method().pair(&sample.x, &sample.y).unwrap().information.nats();
        let truth = sample.information.nats();
        assert!((nats - truth).abs() < 0.06, "{nats} of {truth}");
    }

    #[test]
    fn certain_classes_have_the_entropy_of_the_label_and_not_more() {
        let classes: Vec<usize> = (0..300).map(|i| i % 3).collect();
        let t =
            Array2::from_shape_fn((300, 2), |(i, j)| 50.0 * (i % 3) as f64 + (i * (j + 2)) as f64 / 300.0);
        let labels = Labels::from_symbols(&classes);
        let nats = method().pair(Variable::Labels(&labels), double(&t)).unwrap().information.nats();
        assert!(nats <= 3f64.ln() && nats > 3f64.ln() - 0.05, "{nats}");
    }

    #[test]
    fn too_few_samples_of_a_label_are_refused() {
        let t = normals(60, 2, 1);
        let error = method().pair(double(&t), Variable::Labels(&Labels::distinct(60))).unwrap_err();
        assert!(matches!(error, EstimateError::TooFewSamples { needed: 300, n_samples: 60, .. }), "{error}");
        let config = Classifier { folds: 1, ..method() };
        assert!(matches!(config.check(), Err(EstimateError::Setting { key: "folds", .. })));
    }
}
