//! The log density ratio of a normal distribution: where a critic starts.

use ndarray::{Array2, ArrayView2, Axis, concatenate, s};

use crate::linear_algebra::{cholesky, covariance, ln_determinant, matrix_product, solve_lower};

/// ln p(x, y)/(p(x) p(y)) of a normal distribution: constant + a(x) + b(y) + c(x)·y.
pub(super) struct Gaussian {
    constant: f64,
    a: Array2<f64>,
    b: Array2<f64>,
    c: Array2<f64>,
}

/// The terms of a Gaussian's log ratio for given rows.
pub(super) struct Terms {
    pub(super) of_x: Vec<f32>,
    pub(super) of_y: Vec<f32>,
    pub(super) left: Vec<f32>,
}

impl Gaussian {
    /// Of columns whose covariances are drawn to the identity by 1 − share.
    pub(super) fn fitted(x: ArrayView2<'_, f64>, y: ArrayView2<'_, f64>, share: f64) -> Option<Self> {
        let joint = concatenate(Axis(1), &[x, y]).ok()?.as_standard_layout().into_owned();
        let mut of_joint = covariance(&joint) * share;
        of_joint.diag_mut().mapv_inplace(|v| v + (1.0 - share));
        let d_x = x.ncols();
        let inverse = |part: &Array2<f64>| {
            let factor = cholesky(part)?;
            let solved = solve_lower(&factor, &Array2::eye(part.nrows()));
            Some((matrix_product(solved.t(), solved.view()), ln_determinant(&factor)))
        };
        let (joint, ln_joint) = inverse(&of_joint)?;
        let (of_x, ln_x) = inverse(&of_joint.slice(s![..d_x, ..d_x]).to_owned())?;
        let (of_y, ln_y) = inverse(&of_joint.slice(s![d_x.., d_x..]).to_owned())?;
        Some(Gaussian {
            constant: 0.5 * (ln_x + ln_y - ln_joint),
            a: 0.5 * (of_x - joint.slice(s![..d_x, ..d_x])),
            b: 0.5 * (of_y - joint.slice(s![d_x.., d_x..])),
            c: -joint.slice(s![..d_x, d_x..]).to_owned(),
        })
    }

    pub(super) fn terms(&self, x: ArrayView2<'_, f64>, y: ArrayView2<'_, f64>) -> Terms {
        let quadratic = |rows: ArrayView2<'_, f64>, form: &Array2<f64>| -> Vec<f64> {
            let product = matrix_product(rows, form.view());
            let of = |(a, b): (ndarray::ArrayView1<'_, f64>, ndarray::ArrayView1<'_, f64>)| {
                a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>()
            };
            rows.rows().into_iter().zip(product.rows()).map(of).collect()
        };
        let single = |v: f64| v as f32;
        Terms {
            of_x: quadratic(x, &self.a).into_iter().map(|v| single(v + self.constant)).collect(),
            of_y: quadratic(y, &self.b).into_iter().map(single).collect(),
            left: matrix_product(x, self.c.view()).iter().copied().map(single).collect(),
        }
    }
}
