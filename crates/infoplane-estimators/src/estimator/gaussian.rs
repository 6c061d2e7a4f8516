//! Information of the Gaussian copula, by determinants.

use ndarray::{Array2, Axis, concatenate, s};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::linear_algebra::{cholesky, covariance, independent, ln_determinant, matrix_product, solve_lower};
use crate::math;
use crate::special::digamma;

use super::input::columns;
use crate::{
    Bound, Estimate, EstimateError, EstimateKind, Estimator, EstimatorInfo, Family, Information, LabelSides,
    Labels, Quantity, Scaling, Uncertainty, Variable, Warning,
};

/// The setting in figures and rows.
const SETTING: &str = "normal scores";

/// Mutual information of the Gaussian copula ("GCMI").
///
/// Each value is replaced by the normal quantile of its rank within the column. With C the covariances of these
/// scores, in d columns of N samples,
///
/// ```text
/// I(X;Y)   = ½ (L_x + L_y − L_xy)           L = ln det C − Σ_{i=1..d} [ ψ((N − i)/2) − ln((N − 1)/2) ]
/// I(X;Y|Z) = ½ (L_xz + L_yz − L_xyz − L_z)
/// C(X₁;…)  = ½ (Σ_b L_b − L)
/// I(T;Y)   = ½ (L_t − Σ_y p(y) L_t|y)        Y a label
/// ```
///
/// the sum being the expected error of the determinant of a sample covariance. The result is exact if the columns are
/// jointly Gaussian after a monotone map of each; otherwise it is the information of such a Gaussian, which for pairs
/// of continuous variables is mostly less than the true value, and for labels may be more. It does not depend on
/// units or on any monotone map of a column, and it has no ceiling.
///
/// The standard error is the asymptotic one, √((Σ ρ² + d_x d_y / 2N) / N) with ρ the canonical correlations (given
/// Z for the conditional form; Σ ρ² less the d_x d_y / N that chance puts there); none for labels and for total
/// correlation of more than two parts.
///
/// Correcting the mean does not reduce the variance, which is large unless there are far fewer columns than samples:
/// for 10 normal inputs and 512 noisy linear units with 5.52 nats between them, n = 1000, single values have a
/// standard deviation of 0.12. Ranks are not the cause: covariances of the normal values themselves vary as much
/// (mean absolute error 0.10 either way, over 16 samples). Only more samples, or fewer columns, help.
///
/// Inputs: `(n_samples, width)` each. Nats. Time O(n (log n + d) d), memory O(n d). A constant variable
/// gives 0 with a warning. Columns that are linear combinations of others of the same variable add nothing; they are
/// excluded, with a note.
///
/// # Errors
/// [`EstimateError::TooManyDimensions`] if there are not more samples than columns (for labels, more samples of each
/// label); [`EstimateError::Undetermined`] where one variable determines a column of the other, so that the value
/// is infinite; [`EstimateError::NeedsMatrix`] for labels on both sides, or in other quantities than a pair.
///
/// ```
/// use infoplane_estimators::{Gcmi, Measure, Variable};
/// let x = ndarray::Array2::from_shape_fn((500, 1), |(i, _)| (i as f64 * 0.618) % 1.0);
/// let y = x.mapv(|x| (x + 0.5 * (1000.0 * x).sin()).exp());
/// let gcmi = Gcmi::default();
/// let estimate = gcmi.pair(Variable::Double(x.view()), Variable::Double(y.view()))?;
/// // A monotone map of a column changes nothing.
/// let cubes = y.mapv(|y| y.powi(3));
/// assert_eq!(gcmi.pair(Variable::Double(x.view()), Variable::Double(cubes.view()))?, estimate);
/// # Ok::<(), infoplane_estimators::EstimateError>(())
/// ```
///
/// # References
/// Ince, Giordano, Kayser, Rousselet, Gross & Schyns (2017), *Human Brain Mapping* 38:1541; Goodman (1963), *Annals
/// of Mathematical Statistics* 34:152, for the expected determinant.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Gcmi {}

impl Gcmi {
    pub(super) const INFO: &EstimatorInfo = &EstimatorInfo {
        name: "gcmi",
        title: "GCMI",
        family: Family::Copula,
        estimates: "I(X;Y), I(X;Y|Z) and total correlation if the copula is Gaussian; labels against numbers",
        when: "many columns, or as the first number beside any other",
        cost: "O(n d²)",
        offers: &[Quantity::Information, Quantity::ConditionalInformation, Quantity::TotalCorrelation],
        labels: LabelSides::AtMostOne,
        with_noise: None,
        reference: "Ince et al. (2017), Hum. Brain Mapp. 38:1541",
        uncertainty: Uncertainty::OwnError,
    };
}

/// Σ_{i=1..d} [ψ((n − i)/2) − ln((n − 1)/2)]: by how much the logarithm of the determinant of a covariance of n
/// Gaussian samples is expected to be off. n > d.
pub(super) fn determinant_bias(n: usize, d: usize) -> f64 {
    let half = (n as f64 - 1.0) / 2.0;
    (1..=d).map(|i| digamma((n - i) as f64 / 2.0) - math::ln(half)).sum()
}

/// Numbers as normal scores, without constant columns and those that others of the same variable determine.
pub(super) struct Scores {
    pub(super) parts: Vec<Array2<f64>>,
    pub(super) warnings: Vec<Warning>,
}

impl Scores {
    pub(super) fn new(estimator: &'static str, variables: &[Variable<'_>]) -> Result<Self, EstimateError> {
        let (mut constant, mut determined) = (0, 0);
        let mut parts = Vec::with_capacity(variables.len());
        for variable in variables {
            let part =
                columns(variable, Scaling::NormalScores).ok_or(EstimateError::NeedsMatrix { estimator })?;
            constant += part.constant;
            let mut scores = part.values;
            check_width(estimator, scores.nrows(), scores.ncols())?;
            if scores.ncols() > 1 {
                let (kept, _) = independent(&covariance(&scores));
                if kept.len() < scores.ncols() {
                    determined += scores.ncols() - kept.len();
                    scores = scores.select(Axis(1), &kept);
                }
            }
            parts.push(scores);
        }
        let mut warnings = Vec::new();
        if constant > 0 {
            warnings.push(Warning::ConstantColumns { columns: constant });
        }
        if determined > 0 {
            let which = "columns are combinations of others of their variable and were left out";
            warnings.push(Warning::Note(format!("{determined} {which}")));
        }
        Ok(Scores { parts, warnings })
    }
}

/// Rejects as many columns as samples: the covariance is then singular for any data.
pub(super) fn check_width(estimator: &'static str, n: usize, dims: usize) -> Result<(), EstimateError> {
    if n <= dims {
        let reason = "covariances need more samples than columns";
        return Err(EstimateError::TooManyDimensions { estimator, dims, most: n.saturating_sub(1), reason });
    }
    Ok(())
}

/// Returns the columns of some matrices side by side.
pub(super) fn beside(parts: &[&Array2<f64>]) -> Array2<f64> {
    let views: Vec<_> = parts.iter().map(|part| part.view()).collect();
    concatenate(Axis(1), &views).expect("matrices of equal length").as_standard_layout().into_owned()
}

/// ln det of the covariances of some columns together, less its expected error.
fn unbiased_ln_determinant(parts: &[&Array2<f64>]) -> Result<f64, EstimateError> {
    let joint = beside(parts);
    let factor = cholesky(&covariance(&joint)).ok_or_else(infinite)?;
    Ok(ln_determinant(&factor) - determinant_bias(joint.nrows(), joint.ncols()))
}

pub(super) fn infinite() -> EstimateError {
    EstimateError::Undetermined {
        reason:
            "one variable determines a column of another, so that the information of a Gaussian copula is \
                 infinite"
                .into(),
        choices: "add noise that the question allows, or use binned, noise or kde",
    }
}

/// ½ (Σ ln det of each − ln det of all), less its expected error.
pub(super) fn gaussian_total_correlation(parts: &[&Array2<f64>]) -> Result<f64, EstimateError> {
    let mut nats = -0.5 * unbiased_ln_determinant(parts)?;
    for part in parts {
        nats += 0.5 * unbiased_ln_determinant(&[part])?;
    }
    Ok(nats)
}

/// √((Σ ρ² + d_x d_y / 2n) / n), with ρ the canonical correlations from covariances of x and y together.
///
/// The first term is the delta method for the determinants; the second is what remains without dependence,
/// where 2 n I is a χ² of d_x d_y degrees of freedom.
fn standard_error(covariance: &Array2<f64>, d_x: usize, n: usize) -> Option<f64> {
    let (x, y) = (s![..d_x, ..d_x], s![d_x.., d_x..]);
    let (factor_x, factor_y) =
        (cholesky(&covariance.slice(x).to_owned())?, cholesky(&covariance.slice(y).to_owned())?);
    // L_x⁻¹ C_xy L_y⁻ᵀ has the canonical correlations for singular values.
    let half = solve_lower(&factor_x, &covariance.slice(s![..d_x, d_x..]).to_owned());
    let whitened = solve_lower(&factor_y, &half.t().to_owned());
    let squares: f64 = whitened.iter().map(|v| v * v).sum();
    let (n, pairs) = (n as f64, whitened.len() as f64);
    // Without dependence Σ ρ² is about d_x d_y / n in a sample.
    let squares = (squares - pairs / n).max(0.0);
    Some(((squares + pairs / (2.0 * n)) / n).sqrt())
}

/// Covariances given the last columns: C_aa − C_az C_zz⁻¹ C_za.
fn given_last(covariance: &Array2<f64>, d_z: usize) -> Option<Array2<f64>> {
    let d = covariance.nrows() - d_z;
    let factor = cholesky(&covariance.slice(s![d.., d..]).to_owned())?;
    let explained = solve_lower(&factor, &covariance.slice(s![d.., ..d]).to_owned());
    Some(&covariance.slice(s![..d, ..d]) - &matrix_product(explained.t(), explained.view()))
}

impl Gcmi {
    fn finished(
        nats: f64,
        variables: &[Variable<'_>],
        warnings: Vec<Warning>,
        standard_error: Option<f64>,
    ) -> Estimate {
        let estimate = Estimate::new(Information::from_nats(nats), EstimateKind::GaussianCopula, variables);
        Estimate { standard_error: standard_error.map(Information::from_nats), warnings, ..estimate }
    }

    fn labelled(
        &self,
        variables: &[Variable<'_>; 2],
        t: &Variable<'_>,
        labels: &Labels,
    ) -> Result<Estimate, EstimateError> {
        let scores = Scores::new(self.name(), &[t.view()])?;
        let t = &scores.parts[0];
        if t.ncols() == 0 || labels.n_labels() == 1 {
            return Ok(Estimate::of_constant(variables));
        }
        let smallest = labels.counts().iter().copied().min().unwrap_or(0);
        check_width(self.name(), smallest, t.ncols()).map_err(|error| match error {
            EstimateError::TooManyDimensions { estimator, dims, most, .. } => {
                let reason = "it fits a Gaussian to the samples of each label, which takes more samples of each label \
                              than columns; for X, mostly a label of its own for each sample, use kde or binned";
                EstimateError::TooManyDimensions { estimator, dims, most, reason }
            }
            other => other,
        })?;
        let mut nats = 0.5 * unbiased_ln_determinant(&[t])?;
        let mut classes = vec![Vec::new(); labels.n_labels()];
        for (i, &code) in labels.codes().iter().enumerate() {
            classes[code as usize].push(i);
        }
        for (rows, share) in classes.iter().zip(labels.shares()) {
            let own = t.select(Axis(0), rows);
            // A unit that is dead for one class has no density there: its logarithm would be any number.
            let dead = own.columns().into_iter().any(|column| {
                let (least, most) = column
                    .iter()
                    .fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(*v), b.max(*v)));
                let equal = column.iter().filter(|v| **v == least || **v == most).count();
                least == most || 2 * equal > column.len()
            });
            if dead {
                return Err(EstimateError::Undetermined {
                    reason: "within a class some column hardly varies (a unit that is dead or saturated there), so that \
                             the class has no density"
                        .into(),
                    choices: "use mixed-ksg, or give a noise variance or bins",
                });
            }
            nats -= 0.5 * share * unbiased_ln_determinant(&[&own])?;
        }
        let mut estimate = Self::finished(nats, variables, scores.warnings, None);
        estimate.ceiling = Some(labels.entropy());
        if nats > labels.entropy().nats() {
            estimate.warnings.push(Warning::Note(format!(
                "above the {:.4} nats of the labels themselves, so the classes are far from Gaussian",
                labels.entropy().nats()
            )));
        }
        Ok(estimate)
    }
}

impl Estimator for Gcmi {
    fn info(&self) -> &'static EstimatorInfo {
        Self::INFO
    }

    fn setting(&self) -> String {
        SETTING.into()
    }

    fn check(&self) -> Result<(), EstimateError> {
        Ok(())
    }

    fn layer_settings(&self) -> Vec<(String, Option<Bound>)> {
        vec![(SETTING.into(), None)]
    }

    fn estimate_pair(&self, x: Variable<'_>, y: Variable<'_>) -> Result<Estimate, EstimateError> {
        let variables = [x.view(), y.view()];
        match (&variables[0], &variables[1]) {
            (Variable::Labels(_), Variable::Labels(_)) => {
                Err(EstimateError::NeedsMatrix { estimator: self.name() })
            }
            (t, Variable::Labels(labels)) | (Variable::Labels(labels), t) => {
                self.labelled(&variables, t, labels)
            }
            _ => self.estimate_total_correlation(&variables),
        }
    }

    fn estimate_conditional(
        &self,
        x: Variable<'_>,
        y: Variable<'_>,
        z: Variable<'_>,
    ) -> Result<Estimate, EstimateError> {
        let variables = [x.view(), y.view(), z.view()];
        let scores = Scores::new(self.name(), &variables)?;
        let [x, y, z] = &scores.parts[..] else { unreachable!("three variables") };
        if x.ncols() == 0 || y.ncols() == 0 {
            return Ok(Estimate::of_constant(&variables));
        }
        let n = x.nrows();
        check_width(self.name(), n, x.ncols() + y.ncols() + z.ncols())?;
        let mut nats = unbiased_ln_determinant(&[x, z])? + unbiased_ln_determinant(&[y, z])?
            - unbiased_ln_determinant(&[x, y, z])?;
        if z.ncols() > 0 {
            nats -= unbiased_ln_determinant(&[z])?;
        }
        let error = given_last(&covariance(&beside(&[x, y, z])), z.ncols())
            .and_then(|covariance| standard_error(&covariance, x.ncols(), n));
        Ok(Self::finished(0.5 * nats, &variables, scores.warnings, error))
    }

    /// A constant part adds nothing and is excluded.
    fn estimate_total_correlation(&self, parts: &[Variable<'_>]) -> Result<Estimate, EstimateError> {
        let scores = Scores::new(self.name(), parts)?;
        let changing: Vec<_> = scores.parts.iter().filter(|part| part.ncols() > 0).collect();
        if changing.len() < 2 {
            return Ok(Estimate::of_constant(parts));
        }
        let n = changing[0].nrows();
        check_width(self.name(), n, changing.iter().map(|part| part.ncols()).sum())?;
        let nats = gaussian_total_correlation(&changing)?;
        let error = match changing[..] {
            [x, y] => standard_error(&covariance(&beside(&[x, y])), x.ncols(), n),
            _ => None,
        };
        Ok(Self::finished(nats, parts, scores.warnings, error))
    }
}

#[cfg(test)]
mod tests {
    use super::super::knn::tests::{correlated, double, gaussian_information, normals, uniform_column};
    use super::*;
    use crate::Measure;

    fn gcmi() -> Gcmi {
        Gcmi::default()
    }

    #[test]
    fn the_mean_over_samples_is_the_closed_form_and_the_spread_is_the_standard_error() {
        let (n, samples) = (200, 200);
        for (width, correlation) in [(1, 0.0), (1, 0.8), (4, 0.0), (4, 0.6)] {
            let (mut sum, mut squares, mut error) = (0.0, 0.0, 0.0);
            for seed in 0..samples {
                let (x, y) = correlated(n, width, correlation, 100 + seed);
                let estimate = gcmi().pair(double(&x), double(&y)).unwrap();
                let nats = estimate.information.nats();
                sum += nats;
                squares += nats * nats;
                error += estimate.standard_error.unwrap().nats();
            }
            let m = samples as f64;
            let (mean, error) = (sum / m, error / m);
            let spread = (squares / m - mean * mean).sqrt();
            let truth = width as f64 * gaussian_information(correlation);
            // Four errors of the mean, and what ranks take from the correlation at n = 200.
            assert!(
                (mean - truth).abs() < 4.0 * spread / m.sqrt() + 0.02 * width as f64,
                "{width} {mean} {truth}"
            );
            // Without dependence the error is that of a rectified Σ ρ², somewhat too large.
            let ratio = spread / error;
            assert!((0.65..1.2).contains(&ratio), "{width} {correlation}: {spread} {error}");
        }
    }

    /// x and y are independent given z; together with it y tells what is added to x.
    #[test]
    fn conditional_information_is_that_of_partial_correlations() {
        let n = 4000;
        let z = normals(n, 2, 1);
        let x = &normals(n, 2, 2) + &z;
        let y = &normals(n, 2, 3) + &z;
        let conditional = gcmi().conditional(double(&x), double(&y), double(&z)).unwrap();
        assert!(conditional.information.nats().abs() < 4.0 * conditional.standard_error.unwrap().nats());
        let pair = gcmi().pair(double(&x), double(&y)).unwrap().information.nats();
        assert!((pair - 2.0 * gaussian_information(0.5)).abs() < 4.0 * (0.5 / n as f64).sqrt());
    }

    #[test]
    fn no_more_samples_than_columns_is_refused_and_a_repeated_column_is_left_out() {
        let (x, y) = correlated(20, 10, 0.5, 1);
        let error = gcmi().pair(double(&x), double(&y)).unwrap_err();
        assert!(matches!(error, EstimateError::TooManyDimensions { dims: 20, most: 19, .. }), "{error}");
        let (x, y) = correlated(100, 1, 0.5, 1);
        let twice = beside(&[&x, &x]);
        let (once, twice) = (gcmi().pair(double(&x), double(&y)), gcmi().pair(double(&twice), double(&y)));
        assert_eq!(once.unwrap().information, twice.unwrap().information);
        let itself = gcmi().pair(double(&x), double(&x)).unwrap_err();
        assert!(matches!(itself, EstimateError::Undetermined { .. }));
    }

    #[test]
    fn labels_that_move_a_gaussian_are_known_by_it() {
        let n = 4000;
        let labels: Vec<usize> = (0..n).map(|i| i % 2).collect();
        let noise = uniform_column(n, 4);
        let y = Labels::from_symbols(&labels);
        let nothing = gcmi().pair(double(&noise), Variable::Labels(&y)).unwrap().information.nats();
        assert!(nothing.abs() < 0.01, "{nothing}");
        let mut t = normals(n, 1, 4);
        t.iter_mut().zip(&labels).for_each(|(t, &label)| *t += label as f64);
        let some = gcmi().pair(Variable::Labels(&y), double(&t)).unwrap().information.nats();
        // One standard deviation apart: 0.111 nats by quadrature; scores of a mixture are not quite Gaussian.
        assert!((some - 0.111).abs() < 0.03, "{some}");
    }
}
