//! Covariances of columns, their Cholesky factors and determinants.

use ndarray::{Array2, Axis, s};

use super::matrix_product;
use crate::interrupt::poll;
use crate::math;

/// Residual variance of a column given others, of its own, below which it counts as determined by them.
const DETERMINED: f64 = 1e-12;

/// Returns the covariances of the columns, with n − 1.
pub(crate) fn covariance(values: &Array2<f64>) -> Array2<f64> {
    let n = values.nrows() as f64;
    let centred = values - &(values.sum_axis(Axis(0)) / n).insert_axis(Axis(0));
    matrix_product(centred.t(), centred.view()) / (n - 1.0)
}

/// Returns the lower triangular factor of a covariance, or `None` if a column is determined by those before it.
pub(crate) fn cholesky(covariance: &Array2<f64>) -> Option<Array2<f64>> {
    let kept = independent(covariance);
    (kept.0.len() == covariance.nrows()).then_some(kept.1)
}

/// Returns the columns that those before them do not determine, and the factor of their covariance.
pub(crate) fn independent(covariance: &Array2<f64>) -> (Vec<usize>, Array2<f64>) {
    let d = covariance.nrows();
    let mut kept: Vec<usize> = Vec::with_capacity(d);
    let mut factor = Array2::<f64>::zeros((d, d));
    for column in 0..d {
        poll();
        let row = kept.len();
        for other in 0..row {
            let known = factor.slice(s![row, ..other]).dot(&factor.slice(s![other, ..other]));
            factor[(row, other)] = (covariance[(column, kept[other])] - known) / factor[(other, other)];
        }
        let own = factor.slice(s![row, ..row]);
        let rest = covariance[(column, column)] - own.dot(&own);
        if rest > DETERMINED * covariance[(column, column)] {
            factor[(row, row)] = rest.sqrt();
            kept.push(column);
        } else {
            factor.slice_mut(s![row, ..row]).fill(0.0);
        }
    }
    let factor = factor.slice(s![..kept.len(), ..kept.len()]).to_owned();
    (kept, factor)
}

/// ln det of what was factored.
pub(crate) fn ln_determinant(factor: &Array2<f64>) -> f64 {
    2.0 * factor.diag().iter().map(|pivot| math::ln(*pivot)).sum::<f64>()
}

/// L⁻¹ B for a lower triangular L.
pub(crate) fn solve_lower(factor: &Array2<f64>, right: &Array2<f64>) -> Array2<f64> {
    let mut solved = right.clone();
    for row in 0..factor.nrows() {
        poll();
        let (before, mut rest) = solved.view_mut().split_at(Axis(0), row);
        let mut own = rest.row_mut(0);
        own -= &factor.slice(s![row, ..row]).dot(&before);
        own /= factor[(row, row)];
    }
    solved
}
