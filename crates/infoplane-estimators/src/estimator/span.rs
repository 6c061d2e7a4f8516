//! Columns that are linear combinations of others.

use ndarray::{Array2, ArrayView1};

use super::input::Quartiles;

/// Columns up to which a linear map is looked for.
const MOST_COLUMNS: usize = 128;
/// Rounding errors of a value, times how many of them a sum over columns adds up.
const ROUNDINGS: f64 = 64.0;
/// Rows for each coefficient that are looked at first, and the fewest.
const ROWS_PER_COLUMN: usize = 4;
const FEWEST_ROWS: usize = 128;

/// Returns the columns that are no linear combination of those before them and a constant, up to rounding.
///
/// All columns where there are more than 128, or fewer than two samples for each, or values a thousand interquartile ranges
/// away, beside which differences of the others are rounding.
pub(super) fn independent_columns(values: &Array2<f64>) -> Vec<usize> {
    let all: Vec<usize> = (0..values.ncols()).collect();
    if values.ncols() < 2 || !can_tell(values, values.ncols()) {
        return all;
    }
    let look = |rows: &[usize], candidates: &[usize]| -> Vec<usize> {
        let mut span = Span::new(rows.len());
        let dependent = |&column: &usize| {
            let held = span.holds(values.column(column), rows);
            if !held {
                span.add(values.column(column), rows);
            }
            candidates.contains(&column) && held
        };
        (0..values.ncols()).filter(dependent).collect()
    };
    let found = look(&some_rows(values.nrows(), values.ncols()), &all);
    if found.is_empty()
        || values.columns().into_iter().any(|column| Quartiles::of_far_tailed(column).is_some())
    {
        return all;
    }
    // What holds for some rows may not for others, as two rectified units are both 0 for some.
    let found = look(&(0..values.nrows()).collect::<Vec<_>>(), &found);
    all.into_iter().filter(|column| !found.contains(column)).collect()
}

/// Returns the first column of `to` that changes and is a linear combination of the columns of `from` and a constant, up to
/// rounding.
pub(super) fn combination(from: &Array2<f64>, to: &Array2<f64>) -> Option<usize> {
    if !can_tell(from, from.ncols()) {
        return None;
    }
    let rows = some_rows(from.nrows(), from.ncols());
    let mut span = Span::new(rows.len());
    from.columns().into_iter().for_each(|column| span.add(column, &rows));
    let varies = |column: ArrayView1<'_, f64>| rows.iter().any(|&row| column[row] != column[rows[0]]);
    (0..to.ncols()).find(|&column| varies(to.column(column)) && span.holds(to.column(column), &rows))
}

fn can_tell(values: &Array2<f64>, columns: usize) -> bool {
    columns <= MOST_COLUMNS && values.nrows() >= 2 * (columns + 1)
}

/// Rows evenly spaced among all.
fn some_rows(n: usize, columns: usize) -> Vec<usize> {
    let rows = (ROWS_PER_COLUMN * (columns + 1)).max(FEWEST_ROWS).min(n);
    (0..rows).map(|row| row * n / rows).collect()
}

/// The space that columns and a constant span, by an orthonormal basis (Gram–Schmidt, each step twice).
struct Span {
    basis: Vec<Vec<f64>>,
}

impl Span {
    fn new(rows: usize) -> Self {
        Span { basis: vec![vec![1.0 / (rows as f64).sqrt(); rows]] }
    }

    /// Returns what of a column is not in the space, its length, and that of the column.
    fn outside(&self, column: ArrayView1<'_, f64>, rows: &[usize]) -> (Vec<f64>, f64, f64) {
        let norm = |v: &[f64]| v.iter().map(|v| v * v).sum::<f64>().sqrt();
        let mut v: Vec<f64> = rows.iter().map(|&row| column[row]).collect();
        let size = norm(&v);
        for _ in 0..2 {
            for b in &self.basis {
                let along: f64 = b.iter().zip(&v).map(|(b, v)| b * v).sum();
                v.iter_mut().zip(b).for_each(|(v, b)| *v -= along * b);
            }
        }
        let left = norm(&v);
        (v, left, size)
    }

    fn holds(&self, column: ArrayView1<'_, f64>, rows: &[usize]) -> bool {
        let (_, left, size) = self.outside(column, rows);
        left <= ROUNDINGS * rounding(column) * size
    }

    fn add(&mut self, column: ArrayView1<'_, f64>, rows: &[usize]) {
        let (v, left, size) = self.outside(column, rows);
        if left > 1e-10 * size {
            self.basis.push(v.into_iter().map(|v| v / left).collect());
        }
    }
}

/// Of single precision if all values are, else of double.
pub(super) fn rounding(values: ArrayView1<'_, f64>) -> f64 {
    let single = values.iter().all(|&v| f64::from(v as f32) == v);
    if single { f64::from(f32::EPSILON) } else { f64::EPSILON }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, generator, normal};
    use ndarray::{Axis, concatenate};

    #[test]
    fn sums_and_copies_of_other_columns_are_found_and_noise_and_tails_are_not() {
        let mut random = generator(7, Purpose::Known, 0);
        let x = Array2::from_shape_simple_fn((400, 3), || normal(&mut random));
        let noise = Array2::from_shape_simple_fn((400, 1), || normal(&mut random));
        let sum = x.sum_axis(Axis(1)).insert_axis(Axis(1)) - 3.0;
        let with = |column: &Array2<f64>| concatenate(Axis(1), &[x.view(), column.view()]).unwrap();
        assert_eq!(independent_columns(&with(&sum)), [0, 1, 2]);
        let single = |v: &Array2<f64>| v.mapv(|v| f64::from(v as f32));
        assert_eq!(independent_columns(&single(&with(&sum))), [0, 1, 2]);
        assert_eq!(independent_columns(&with(&(&sum + &(&noise * 1e-4)))), [0, 1, 2, 3]);
        // Two columns that are alike only where they are looked at first.
        let mut later = sum.clone();
        later[(399, 0)] += 0.5;
        assert_eq!(independent_columns(&with(&later)), [0, 1, 2, 3]);
        // Beside one value of 1e17 all differences of the others are rounding.
        let mut outlier = with(&noise);
        outlier[(5, 2)] = 1e17;
        outlier[(5, 3)] = 1e17;
        assert_eq!(independent_columns(&outlier), [0, 1, 2, 3]);
        assert_eq!((combination(&x, &sum), combination(&x, &noise)), (Some(0), None));
    }
}
