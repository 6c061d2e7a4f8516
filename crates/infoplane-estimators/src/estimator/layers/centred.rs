//! Layers with the mean of each column taken off, as what similarities and ranks are made of.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, CowArray, Ix2, s};
use rayon::prelude::*;

use crate::estimator::error::check_layer;
use crate::interrupt::poll;
use crate::linear_algebra::matrix_product;
use crate::{EstimateError, Variable};

/// Columns of a product that one task computes.
const BLOCK: usize = 64;

/// A layer X whose columns have mean 0, in units of a power of two in which products neither overflow nor vanish.
///
/// ‖XᵀY‖² = tr XXᵀYYᵀ can be had from the columns and from the products of rows. Each layer keeps the smaller of the two.
pub(super) struct Centred {
    form: Form,
    /// |xᵢ|² of each row.
    pub(super) squares: Vec<f64>,
    pub(super) n_samples: usize,
}

enum Form {
    /// X, with no more columns than rows.
    Columns(Array2<f64>),
    /// XXᵀ, of a layer with more columns than rows.
    Rows(Array2<f64>),
}

impl Centred {
    /// # Errors
    /// What no method can measure; [`EstimateError::Undetermined`] for labels.
    pub(super) fn new(layer: &Variable<'_>) -> Result<Centred, EstimateError> {
        check_layer(layer, &[])?;
        let values = match layer {
            Variable::Labels(_) => {
                return Err(EstimateError::Undetermined {
                    reason: "labels have no distances and no directions".into(),
                    choices: "give numbers, such as one-hot rows",
                });
            }
            Variable::Single(rows) => centred(rows.mapv(f64::from)),
            Variable::Double(rows) => centred(rows.to_owned()),
        };
        let n_samples = values.nrows();
        let squares: Vec<f64> =
            values.rows().into_iter().map(|row| row.iter().map(|v| v * v).sum()).collect();
        let form = match values.ncols() <= n_samples {
            true => Form::Columns(values),
            false => Form::Rows(products_of_rows(values.view())),
        };
        Ok(Centred { form, squares, n_samples })
    }

    pub(super) fn is_constant(&self) -> bool {
        self.squares.iter().all(|&square| square == 0.0)
    }

    /// ‖XᵀY‖².
    pub(super) fn inner(&self, other: &Centred) -> f64 {
        match (&self.form, &other.form) {
            (Form::Columns(x), Form::Columns(y)) => sums_of_rows(x.ncols(), |columns| {
                let block = matrix_product(x.slice(s![.., columns]).t(), y.view());
                block.rows().into_iter().map(|row| row.iter().map(|v| v * v).sum()).collect()
            }),
            (Form::Rows(products), Form::Columns(y)) | (Form::Columns(y), Form::Rows(products)) => {
                sums_of_rows(products.nrows(), |rows| {
                    let block = matrix_product(products.slice(s![rows.clone(), ..]), y.view());
                    block
                        .rows()
                        .into_iter()
                        .zip(y.slice(s![rows, ..]).rows())
                        .map(|(a, b)| dot(a, b))
                        .collect()
                })
            }
            (Form::Rows(a), Form::Rows(b)) => {
                sums_of_rows(a.nrows(), |rows| rows.map(|row| dot(a.row(row), b.row(row))).collect())
            }
        }
    }

    /// ‖XᵀX‖²; 0 for a layer that never changes.
    pub(super) fn size(&self) -> f64 {
        self.gram().rows().into_iter().map(|row| dot(row, row)).sum()
    }

    /// XᵀX or XXᵀ, the smaller of the two: their eigenvalues other than 0 are the same.
    pub(super) fn gram(&self) -> CowArray<'_, f64, Ix2> {
        match &self.form {
            Form::Columns(x) => CowArray::from(products_of_rows(x.t())),
            Form::Rows(products) => CowArray::from(products),
        }
    }
}

fn dot(a: ArrayView1<'_, f64>, b: ArrayView1<'_, f64>) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The sum of what blocks of rows give for each row, in the order of the rows.
fn sums_of_rows(rows: usize, of_block: impl Fn(std::ops::Range<usize>) -> Vec<f64> + Sync) -> f64 {
    let starts: Vec<usize> = (0..rows).step_by(BLOCK).collect();
    let blocks: Vec<Vec<f64>> = starts
        .into_par_iter()
        .map(|start| {
            poll();
            of_block(start..(start + BLOCK).min(rows))
        })
        .collect();
    blocks.into_iter().flatten().sum()
}

/// A Aᵀ, its blocks of rows on several threads.
fn products_of_rows(a: ArrayView2<'_, f64>) -> Array2<f64> {
    // Rows that lie together are read faster.
    let turned = a.t().as_standard_layout().into_owned();
    let mut found = Array2::zeros((a.nrows(), a.nrows()));
    let blocks: Vec<_> = found
        .axis_chunks_iter_mut(Axis(0), BLOCK)
        .zip(a.axis_chunks_iter(Axis(0), BLOCK))
        .enumerate()
        .collect();
    blocks.into_par_iter().for_each(|(block, (mut found, a))| {
        poll();
        // Up to the diagonal: the rest is the same.
        let end = block * BLOCK + a.nrows();
        found.slice_mut(s![.., ..end]).assign(&matrix_product(a, turned.slice(s![.., ..end])));
    });
    for row in 0..found.nrows() {
        for column in row + 1..found.nrows() {
            found[(row, column)] = found[(column, row)];
        }
    }
    found
}

/// Takes the mean off every column, in units of a power of two.
fn centred(mut values: Array2<f64>) -> Array2<f64> {
    let largest = values.iter().fold(0f64, |most, v| most.max(v.abs()));
    let scale = unit(largest);
    values.mapv_inplace(|v| v * scale);
    let n = values.nrows() as f64;
    // Differences from the first row: a column that never changes is then 0, not a rounding of its mean.
    let first = values.row(0).to_owned();
    values -= &first;
    let mut means = Array1::<f64>::zeros(values.ncols());
    values.rows().into_iter().for_each(|row| means += &row);
    means /= n;
    values -= &means;
    values
}

/// The power of two that brings a value into [½, 1), or as near as double precision can.
fn unit(value: f64) -> f64 {
    let exponent = (value.to_bits() >> 52) as i64 - 1023;
    f64::from_bits(((1023 - (exponent + 1).clamp(-1000, 1020)) as u64) << 52)
}
