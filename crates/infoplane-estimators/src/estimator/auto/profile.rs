//! What of some data decides the choice of an estimator.

use ndarray::{Array2, ArrayView1};
use rayon::prelude::*;

use crate::Variable;
use crate::estimator::input::heavy_tailed;

/// Share of values that occur more than once, above which a column is discrete.
const DISCRETE: f64 = 0.9;

/// The same share, above which a column is continuous with atoms.
const ATOMS: f64 = 0.05;

/// The properties of one variable.
pub(super) struct DataProfile {
    /// It came as labels.
    pub(super) labels: bool,
    /// It is labels, or all its columns that change are discrete.
    pub(super) discrete: bool,
    /// Some column has values that occur often.
    pub(super) atoms: bool,
    /// Some column has values far beyond its middle half.
    pub(super) heavy: bool,
    /// Columns that change.
    pub(super) changing: usize,
    /// Different rows.
    pub(super) distinct: usize,
    /// Rows that coincide with another.
    pub(super) tied: usize,
    /// Rows of the symbol that has fewest.
    pub(super) rarest: usize,
    /// Rows.
    pub(super) n: usize,
}

impl DataProfile {
    pub(super) fn new(variable: &Variable<'_>) -> DataProfile {
        let symbols = variable.symbols();
        let n = variable.n_samples();
        let distinct = symbols.n_labels();
        let tied = symbols.counts().iter().filter(|&&count| count > 1).sum();
        let rarest = symbols.counts().iter().copied().min().unwrap_or(0);
        let Some(rows) = matrix(variable) else {
            return DataProfile {
                labels: true,
                discrete: true,
                atoms: true,
                heavy: false,
                changing: 1,
                distinct,
                tied,
                rarest,
                n,
            };
        };
        let columns: Vec<usize> = (0..rows.ncols()).collect();
        let seen: Vec<Option<(f64, bool)>> =
            columns.into_par_iter().map(|column| profile_of_column(rows.column(column))).collect();
        let (shares, heavy): (Vec<f64>, Vec<bool>) = seen.into_iter().flatten().unzip();
        DataProfile {
            labels: false,
            discrete: shares.iter().all(|&share| share >= DISCRETE),
            atoms: shares.iter().any(|&share| share > ATOMS),
            heavy: heavy.contains(&true),
            changing: shares.len(),
            distinct,
            tied,
            rarest,
            n,
        }
    }

    /// Returns whether the symbols hardly do more than number the rows.
    pub(super) fn which_row(&self) -> bool {
        self.distinct > self.n / 2
    }
}

/// Returns the share of values that occur more than once, and whether the tails are heavy; `None` for a constant
/// column.
fn profile_of_column(column: ArrayView1<'_, f64>) -> Option<(f64, bool)> {
    // −0 is 0.
    let mut values: Vec<f64> = column.iter().map(|v| v + 0.0).collect();
    values.sort_unstable_by(f64::total_cmp);
    let (first, last) = (*values.first()?, *values.last()?);
    if first == last {
        return None;
    }
    let repeated: usize = values.chunk_by(|a, b| a == b).map(<[f64]>::len).filter(|&count| count > 1).sum();
    Some((repeated as f64 / values.len() as f64, heavy_tailed(&values)))
}

fn matrix(variable: &Variable<'_>) -> Option<Array2<f64>> {
    match variable {
        Variable::Labels(_) => None,
        Variable::Single(rows) => Some(rows.mapv(f64::from)),
        Variable::Double(rows) => Some(rows.to_owned()),
    }
}
