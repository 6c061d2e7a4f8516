//! KSG with a Gaussian control variate: information between many columns.

use ndarray::{Array2, ArrayView1, s};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::linear_algebra::{cholesky, covariance, ln_determinant, matrix_product, solve_lower};
use crate::math;
use crate::random::{Purpose, generator, normal};

use super::super::gaussian::{Scores, beside, check_width, determinant_bias, gaussian_total_correlation};
use super::super::input::normal_scores;
use super::ksg::TotalCorrelation;
use super::missed::{Compared, Missed, WIDER};
use super::{K, check_k, check_samples, standard_error, told_by};
use crate::{
    Estimate, EstimateError, EstimateKind, Estimator, EstimatorInfo, Family, Information, LabelSides,
    Quantity, Uncertainty, Variable, Warning,
};
use crate::{Ksg, Scaling};

/// Mutual information by KSG-1, minus its error on Gaussian samples of the same correlations.
///
/// Columns are replaced by normal scores, whose information is the same. Then, with I_G the information of a
/// Gaussian of their covariances ([`Gcmi`](crate::estimator::Gcmi)), and R samples of the same size drawn from a
/// Gaussian of that information,
///
/// ```text
/// I(X;Y) = I_G + KSG(data) − mean_r KSG(Gaussian sample r)
/// ```
///
/// The covariances of the sample cannot be used directly: by chance their information exceeds I_G by about d_x d_y / 2n
/// (0.3 nats for 25 and 25 columns, n = 1000), and KSG would be compared at the wrong place. So their
/// canonical correlations ρ between x and y become √(max(0, ρ² − t)/(1 − t)), with t such that −½ Σ ln(1 − ρ²) = I_G.
/// For 25 and 25 normal columns with 1.02 nats, n = 1000, the mean absolute error over 16 samples is 0.059, of which
/// −0.030 is bias (0.087 and −0.075 with the sample's covariances); the Gaussian part alone has 0.043 there.
///
/// The bias of [`Ksg`] in many columns cancels as far as the data resemble the Gaussian. Where they do not, the
/// estimate remains consistent, since both biases vanish; at finite n its error is about as large as that of KSG, in
/// either direction. A note with every estimate gives two numbers that show how close the copula is to Gaussian: the
/// value of KSG on the data minus that on the Gaussian samples, and the excess of Mardia's kurtosis in its standard
/// errors.
///
/// The standard error holds the spread of the terms of the samples, ln of the ratio of the Gaussian densities plus the term of
/// KSG, and that of the mean over the surrogates. It does not hold the distance from the true value where the copula
/// is far from Gaussian.
///
/// Inputs: `(n_samples, width)` each. Nats. Time (1 + R) times that of [`Ksg`], memory O(n (k + d)). A constant
/// variable gives 0 with a warning.
///
/// # Errors
/// As [`Ksg`] and [`Gcmi`](crate::estimator::Gcmi): labels, k samples or fewer, coinciding samples, not more
/// samples than columns, one variable that determines a column of another.
///
/// ```
/// use infoplane_estimators::{CvKsg, Measure, Variable};
/// let x = ndarray::Array2::from_shape_fn((300, 3), |(i, j)| ((i * i * (j + 3) + i) as f64 * 0.618) % 1.0);
/// let y = ndarray::Array2::from_shape_fn((300, 3), |(i, j)| x[(i, j)] + ((i * 7 + j) as f64).sin());
/// let estimate = CvKsg::default()
///     .pair(Variable::Double(x.view()), Variable::Double(y.view()))?;
/// assert!(estimate.information.nats() > 0.1);
/// # Ok::<(), infoplane_estimators::EstimateError>(())
/// ```
///
/// # References
/// Kraskov, Stögbauer & Grassberger (2004), *Physical Review E* 69:066138; Mardia (1970), *Biometrika* 57:519.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CvKsg {
    /// Number of neighbours of each point, at least 1.
    pub k: usize,
    /// Number of Gaussian samples for comparison, at least 1.
    pub surrogates: usize,
    /// Seed of the random numbers of the surrogates.
    pub seed: u64,
}

impl Default for CvKsg {
    fn default() -> Self {
        CvKsg { k: K, surrogates: 4, seed: 0 }
    }
}

impl CvKsg {
    pub(in super::super) const INFO: &EstimatorInfo = &EstimatorInfo {
        name: "cv-ksg",
        title: "control-variate KSG",
        family: Family::Neighbors,
        estimates: "I(X;Y) and total correlation of numbers",
        when: "continuous data of more than 4 columns whose copula is not far from Gaussian",
        cost: "(1 + surrogates) times ksg",
        offers: &[Quantity::Information, Quantity::TotalCorrelation],
        labels: LabelSides::None,
        with_noise: None,
        reference: "Kraskov et al. (2004) with the Gaussian copula of Ince et al. (2017) as control variate",
        uncertainty: Uncertainty::Subsampling,
    };
}

/// Normal scores, and the law of the Gaussian samples that KSG is compared on.
struct GaussianLaw {
    parts: Vec<Array2<f64>>,
    widths: Vec<usize>,
    /// Of all columns, and its Cholesky factor.
    covariance: Array2<f64>,
    factor: Array2<f64>,
    /// The Cholesky factor of the covariances of Gaussian samples.
    law: Array2<f64>,
    /// The information of a Gaussian of the same correlations.
    gaussian: f64,
    warnings: Vec<Warning>,
}

impl GaussianLaw {
    fn new(method: &CvKsg, variables: &[Variable<'_>]) -> Result<Self, EstimateError> {
        let estimator = method.name();
        if variables.iter().any(|variable| matches!(variable, Variable::Labels(_))) {
            return Err(EstimateError::NeedsMatrix { estimator });
        }
        let n = variables.first().map_or(0, Variable::n_samples);
        check_samples(estimator, method.k, n)?;
        let Scores { mut parts, warnings } = Scores::new(estimator, variables)?;
        parts.retain(|part| part.ncols() > 0);
        let widths: Vec<usize> = parts.iter().map(|part| part.ncols()).collect();
        check_width(estimator, n, widths.iter().sum())?;
        let all: Vec<&Array2<f64>> = parts.iter().collect();
        let gaussian = gaussian_total_correlation(&all)?;
        let covariance = covariance(&beside(&all));
        let factor = cholesky(&covariance).expect("factored before");
        // A covariance that rounding left singular keeps the sample's own.
        let law = cholesky(&less_chance(&covariance, &widths, n)).unwrap_or_else(|| factor.clone());
        Ok(GaussianLaw { parts, widths, covariance, factor, law, gaussian, warnings })
    }

    /// KSG-1 of the data and of Gaussian samples, by k neighbours. Normal scores have one scale.
    fn compared(&self, method: &CvKsg, k: usize) -> Result<(TotalCorrelation, Vec<f64>), EstimateError> {
        let ksg = Ksg { k, scaling: Scaling::None };
        let parts: Vec<&Array2<f64>> = self.parts.iter().collect();
        let of_data = ksg.measure(&parts).map_err(|error| told_by(method.name(), error))?;
        let of_gaussians = (0..method.surrogates as u64)
            .into_par_iter()
            .map(|index| {
                let drawn = self.surrogate(method.seed, index);
                Ok(ksg.measure(&drawn.iter().collect::<Vec<_>>())?.nats)
            })
            .collect::<Result<Vec<f64>, EstimateError>>()?;
        Ok((of_data, of_gaussians))
    }

    /// Normal scores of a Gaussian sample.
    fn surrogate(&self, seed: u64, index: u64) -> Vec<Array2<f64>> {
        let n = self.parts.first().map_or(0, Array2::nrows);
        let mut random = generator(seed, Purpose::Nearest, index);
        let white = Array2::from_shape_simple_fn((n, self.law.nrows()), || normal(&mut random));
        let scores = normal_scores(matrix_product(white.view(), self.law.t()).view());
        let mut first = 0;
        self.widths
            .iter()
            .map(|width| {
                first += width;
                scores.slice(s![.., first - width..first]).as_standard_layout().into_owned()
            })
            .collect()
    }
}

/// Covariances with what chance adds to the correlations between parts taken away; those within parts are kept.
///
/// Every part in turn is related to those before it by the canonical correlations ρ. Chance puts about the same into
/// every ρ², and most into those that are 0: ρ² → max(0, ρ² − t)/(1 − t), with t such that −½ Σ ln(1 − ρ²) is what
/// the determinants say after their correction, or all ρ = 0 if that is not above 0.
fn less_chance(covariance: &Array2<f64>, widths: &[usize], n: usize) -> Array2<f64> {
    let mut law = covariance.clone();
    let mut before = 0;
    for &width in widths {
        let (old, own) = (s![..before, ..before], s![before..before + width, before..before + width]);
        let cross = (s![..before, before..before + width], s![before..before + width, ..before]);
        let all = s![..before + width, ..before + width];
        let factors = [old, own, all].map(|part| cholesky(&covariance.slice(part).to_owned()));
        let [Some(factor_old), Some(factor_own), Some(factor_all)] = factors else { return law };
        if before > 0 {
            let of = |factor: &Array2<f64>| ln_determinant(factor) - determinant_bias(n, factor.nrows());
            let target = 0.5 * (of(&factor_old) + of(&factor_own) - of(&factor_all));
            let half = solve_lower(&factor_old, &covariance.slice(cross.0).to_owned());
            let canonical = solve_lower(&factor_own, &half.t().to_owned());
            // The parts before have changed: their new factor takes the place of the old.
            let Some(factor_new) = cholesky(&law.slice(old).to_owned()) else { return law };
            let shrunk = matrix_product(factor_own.view(), with_information(canonical, target).view());
            let shrunk = matrix_product(shrunk.view(), factor_new.t());
            law.slice_mut(cross.0).assign(&shrunk.t());
            law.slice_mut(cross.1).assign(&shrunk);
        }
        before += width;
    }
    law
}

/// Returns the matrix with singular values ρ → √(max(0, ρ² − t)/(1 − t)), where t makes −½ Σ ln(1 − ρ²) the given one.
fn with_information(matrix: Array2<f64>, nats: f64) -> Array2<f64> {
    if nats <= 0.0 {
        return Array2::zeros(matrix.raw_dim());
    }
    if matrix.nrows() > matrix.ncols() {
        return with_information(matrix.reversed_axes().as_standard_layout().into_owned(), nats)
            .reversed_axes();
    }
    let (turn, mut rows) = orthogonal_rows(matrix);
    let squares: Vec<f64> = rows.rows().into_iter().map(|row| row.dot(&row).min(1.0)).collect();
    let shrunk = |square: f64, t: f64| ((square - t) / (1.0 - t)).max(0.0);
    let information =
        |t: f64| -> f64 { -0.5 * squares.iter().map(|&v| math::ln_1p(-shrunk(v, t))).sum::<f64>() };
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..50 {
        let middle = 0.5 * (low + high);
        if information(middle) > nats {
            low = middle;
        } else {
            high = middle;
        }
    }
    for (mut row, &square) in rows.rows_mut().into_iter().zip(&squares) {
        row *= if square > 0.0 { (shrunk(square, low) / square).sqrt() } else { 0.0 };
    }
    matrix_product(turn.t(), rows.view())
}

/// Q and Q A with orthogonal rows, for an orthogonal Q, by rotations of pairs of rows (Hestenes 1958).
fn orthogonal_rows(matrix: Array2<f64>) -> (Array2<f64>, Array2<f64>) {
    /// A bound only: convergence is quadratic in the end.
    const SWEEPS: usize = 30;
    let m = matrix.nrows();
    let (mut turn, mut rows) = (Array2::eye(m), matrix);
    for _ in 0..SWEEPS {
        let mut still = true;
        for i in 0..m {
            for j in i + 1..m {
                let (a, b) = (rows.row(i), rows.row(j));
                let (own, other, common) = (a.dot(&a), b.dot(&b), a.dot(&b));
                if common.abs() <= 1e-12 * (own * other).sqrt() {
                    continue;
                }
                still = false;
                let slope = (other - own) / (2.0 * common);
                let tangent = slope.signum() / (slope.abs() + math::hypot(slope, 1.0));
                let cosine = 1.0 / math::hypot(tangent, 1.0);
                for both in [&mut turn, &mut rows] {
                    let (mut a, mut b) = both.multi_slice_mut((s![i, ..], s![j, ..]));
                    ndarray::Zip::from(&mut a).and(&mut b).for_each(|a, b| {
                        (*a, *b) = (cosine * (*a - tangent * *b), cosine * (*b + tangent * *a));
                    });
                }
            }
        }
        if still {
            break;
        }
    }
    (turn, rows)
}

/// xᵀ C⁻¹ x of each row x, for the Cholesky factor of C.
fn squared_distances(rows: &Array2<f64>, factor: &Array2<f64>) -> Vec<f64> {
    let mut white = vec![0.0; rows.ncols()];
    let squared = |row: ArrayView1<'_, f64>| {
        for column in 0..white.len() {
            let known: f64 = factor.row(column).iter().zip(&white[..column]).map(|(a, b)| a * b).sum();
            white[column] = (row[column] - known) / factor[(column, column)];
        }
        white.iter().map(|v| v * v).sum()
    };
    rows.rows().into_iter().map(squared).collect()
}

/// By how many of its standard errors Mardia's kurtosis, mean (xᵀ C⁻¹ x)², exceeds that of a Gaussian, d (d + 2).
fn excess_kurtosis(squared_distances: &[f64], d: usize) -> f64 {
    let (n, d) = (squared_distances.len() as f64, d as f64);
    let sum: f64 = squared_distances.iter().map(|squared| squared * squared).sum();
    // Expected under a Gaussian with estimated covariances.
    let expected = d * (d + 2.0) * (n - 1.0) / (n + 1.0);
    (sum / n - expected) / (8.0 * d * (d + 2.0) / n).sqrt()
}

/// What KSG with a Gaussian control variate finds.
pub(super) struct Controlled {
    pub(super) nats: f64,
    /// The information of a Gaussian of the same correlations.
    pub(super) gaussian: f64,
    /// What KSG finds in the data beyond Gaussian samples.
    pub(super) remainder: f64,
    pub(super) error: f64,
    pub(super) tied: usize,
    warnings: Vec<Warning>,
    law: GaussianLaw,
    /// What was compared.
    near: Compared,
}

impl CvKsg {
    /// Returns the total correlation of the variables that change.
    pub(super) fn measured(&self, variables: &[Variable<'_>]) -> Result<Controlled, EstimateError> {
        let law = GaussianLaw::new(self, variables)?;
        let (TotalCorrelation { nats: of_data, mut terms, tied, .. }, of_law) = law.compared(self, self.k)?;
        let near = Compared { terms: terms.clone(), of_law };
        let GaussianLaw { parts, widths, covariance, factor, gaussian, .. } = &law;
        let mut warnings = law.warnings.clone();
        let n = terms.len();
        let (remainder, of_surrogates) = match moments(&near.of_law) {
            (mean, Some(variance)) => (of_data - mean, variance / near.of_law.len() as f64),
            // One sample has no spread; its own is about that of the data.
            (mean, None) => (of_data - mean, moments(&terms).1.unwrap_or(0.0) / n as f64),
        };
        let joint = beside(&parts.iter().collect::<Vec<_>>());
        let squared = squared_distances(&joint, factor);
        warnings.push(Warning::Note(format!(
            "KSG-1 finds {remainder:.3} nats more in the data than in Gaussian samples of the same correlations, and the \
             kurtosis is {:+.1} standard errors from a Gaussian's; the farther from 0, the less the correction holds",
            excess_kurtosis(&squared, joint.ncols())
        )));
        // ln of the ratio of Gaussian densities, but for a constant.
        let halves = |terms: &mut [f64], sign: f64, squared: &[f64]| {
            terms.iter_mut().zip(squared).for_each(|(term, squared)| *term += sign * 0.5 * squared);
        };
        halves(&mut terms, -1.0, &squared);
        let mut first = 0;
        for (part, width) in parts.iter().zip(widths) {
            let own = covariance.slice(s![first..first + width, first..first + width]).to_owned();
            let factor = cholesky(&own).expect("a part of what was factored");
            halves(&mut terms, 1.0, &squared_distances(part, &factor));
            first += width;
        }
        let error = math::hypot(standard_error(&terms), of_surrogates.sqrt());
        let gaussian = *gaussian;
        let nats = gaussian + remainder;
        Ok(Controlled { nats, gaussian, remainder, error, tied, warnings, law, near })
    }

    /// Returns what neighbours miss of the remainder that was found.
    pub(super) fn missed(&self, found: &Controlled) -> Missed {
        let columns = found.law.widths.iter().sum();
        if !Missed::is_told(found.remainder, found.error, columns) {
            return Missed::default();
        }
        // Where there are not so many neighbours, nothing is told.
        let Ok((TotalCorrelation { terms, .. }, of_law)) = found.law.compared(self, WIDER * self.k) else {
            return Missed::default();
        };
        Missed::new(&found.near, &Compared { terms, of_law }, columns)
    }
}

/// The mean, and the variance of two values or more.
fn moments(values: &[f64]) -> (f64, Option<f64>) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    (mean, (values.len() > 1).then(|| squares / (count - 1.0)))
}

impl Estimator for CvKsg {
    fn info(&self) -> &'static EstimatorInfo {
        Self::INFO
    }

    fn setting(&self) -> String {
        format!("k={}, surrogates={}, seed={}", self.k, self.surrogates, self.seed)
    }

    fn check(&self) -> Result<(), EstimateError> {
        check_k(self.k)?;
        if self.surrogates == 0 {
            let (given, allowed) = ("0".into(), "a whole number above 0");
            return Err(EstimateError::Setting { key: "surrogates", given, allowed });
        }
        Ok(())
    }

    fn estimate_pair(&self, x: Variable<'_>, y: Variable<'_>) -> Result<Estimate, EstimateError> {
        self.estimate_total_correlation(&[x.view(), y.view()])
    }

    /// A constant part adds nothing and is excluded.
    fn estimate_total_correlation(&self, variables: &[Variable<'_>]) -> Result<Estimate, EstimateError> {
        let found = self.measured(variables)?;
        let mut warnings = found.warnings;
        if found.tied > 0 {
            warnings.push(Warning::Ties { tied: found.tied, n_samples: variables[0].n_samples() });
        }
        let nats = Information::from_nats(found.nats);
        let estimate = Estimate::new(nats, EstimateKind::Consistent, variables);
        let standard_error = Some(Information::from_nats(found.error));
        Ok(Estimate { standard_error, ties: found.tied, warnings, ..estimate })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{correlated, double, gaussian_information};
    use super::*;
    use crate::Measure;

    /// What KSG alone misses by more than half a nat.
    #[test]
    fn ten_correlated_columns_share_what_the_closed_form_says() {
        let (x, y) = correlated(1000, 5, 0.7, 3);
        let truth = 5.0 * gaussian_information(0.7);
        let plain = Ksg::default();
        let plain = plain.pair(double(&x), double(&y)).unwrap().information.nats();
        let corrected = CvKsg::default();
        let corrected = corrected.pair(double(&x), double(&y)).unwrap().information.nats();
        assert!(truth - plain > 0.3, "{plain} {truth}");
        // √(Σ ρ² / n) = 0.05 is the error of the Gaussian part; three of it.
        assert!((corrected - truth).abs() < 0.15, "{corrected} {truth}");
    }

    #[test]
    fn samples_to_compare_with_have_the_information_of_the_corrected_determinants() {
        let n = 300;
        for correlation in [0.0, 0.5] {
            let (x, y) = correlated(n, 4, correlation, 7);
            let (z, w) = correlated(n, 3, 0.4, 8);
            for parts in [vec![&x, &y], vec![&x, &z], vec![&x, &y, &z, &w]] {
                let widths: Vec<usize> = parts.iter().map(|part| part.ncols()).collect();
                let sample = covariance(&beside(&parts));
                let law = less_chance(&sample, &widths, n);
                let mut information = -ln_determinant(&cholesky(&law).unwrap());
                let mut first = 0;
                for &width in &widths {
                    let own = s![first..first + width, first..first + width];
                    assert_eq!(law.slice(own), sample.slice(own));
                    information += ln_determinant(&cholesky(&law.slice(own).to_owned()).unwrap());
                    first += width;
                }
                let wanted = gaussian_total_correlation(&parts).unwrap();
                if wanted > 0.0 && parts.len() == 2 {
                    assert!((0.5 * information - wanted).abs() < 1e-9, "{information} {wanted}");
                } else {
                    // Where one part adds less than nothing, nothing is what it gets.
                    assert!(0.5 * information > wanted - 1e-9, "{information} {wanted}");
                }
            }
        }
    }

    #[test]
    fn fifty_columns_have_little_bias() {
        let (n, samples) = (600, 8);
        let truth = 2.0 * gaussian_information(0.8);
        let method = CvKsg::default();
        let mean = (0..samples)
            .map(|seed| {
                let (mut x, mut y) = correlated(n, 25, 0.0, 50 + seed);
                let (a, b) = correlated(n, 2, 0.8, 500 + seed);
                x.slice_mut(s![.., ..2]).assign(&a);
                y.slice_mut(s![.., ..2]).assign(&b);
                method.pair(double(&x), double(&y)).unwrap().information.nats() - truth
            })
            .sum::<f64>()
            / samples as f64;
        // √((Σ ρ² + d_x d_y / 2n) / n) = 0.055 for the Gaussian part, and as much for KSG: three errors of the mean.
        assert!(mean.abs() < 3.0 * 2f64.sqrt() * 0.055 / (samples as f64).sqrt(), "{mean}");
    }
}
