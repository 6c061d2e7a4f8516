//! Methods that fit a local model to the neighbours of every point: polynomials, Gaussians, boxes, ellipsoids.

// Entries of matrices go by row and column, and comparisons with NaN must fail.
#![allow(clippy::needless_range_loop, clippy::neg_cmp_op_on_partial_ord)]

mod bias;
mod gaussian_fit;
mod gknn;
mod klnn;
mod lgde;
mod lnc;
mod moments;
#[cfg(test)]
mod tests;

pub use gknn::Gknn;
pub use klnn::{Klnn, KlnnBandwidth};
pub use lgde::Lgde;
pub use lnc::Lnc;

use ndarray::{Array2, ArrayView1, ArrayView2, Axis, concatenate};

use super::input::columns;
use crate::interrupt;
use crate::neighbors::Nearest;
use crate::{Estimate, EstimateError, Scaling, Variable, Warning};

/// Columns that local likelihood can work with, of all variables together.
const MOST: usize = 6;

/// Variables as scaled matrices.
struct Prepared {
    /// One matrix per variable.
    blocks: Vec<Array2<f64>>,
    /// Their columns side by side.
    joint: Array2<f64>,
    /// Constant columns, which were excluded.
    constant: usize,
}

/// Rejects input that no method can measure, and labels; excludes constant columns; scales the others.
///
/// `None` if some variable has no column left: then it is constant, and the information is 0.
fn prepare(
    estimator: &'static str,
    variables: &[Variable<'_>],
    scaling: Scaling,
) -> Result<Option<Prepared>, EstimateError> {
    if variables.is_empty() {
        return Err(EstimateError::Empty { n_samples: 0, width: 0 });
    }
    let mut blocks = Vec::with_capacity(variables.len());
    let mut constant = 0;
    for variable in variables {
        let prepared = columns(variable, scaling).ok_or(EstimateError::NeedsMatrix { estimator })?;
        constant += prepared.constant;
        blocks.push(prepared.values);
    }
    if blocks.iter().any(|block| block.ncols() == 0) {
        return Ok(None);
    }
    let views: Vec<_> = blocks.iter().map(|block| block.view()).collect();
    let joint = concatenate(Axis(1), &views).expect("as many rows in every block");
    // Side by side, columns may lie in any order in memory; searches want rows.
    let joint = joint.as_standard_layout().into_owned();
    Ok(Some(Prepared { blocks, joint, constant }))
}

/// Returns a matrix for an entropy: every column divided by its standard deviation if so asked, and the sum of the
/// logarithms of these, which belongs back into the entropy.
fn for_entropy(
    estimator: &'static str,
    x: &Variable<'_>,
    scaling: Scaling,
) -> Result<(Array2<f64>, f64), EstimateError> {
    if scaling == Scaling::NormalScores {
        return Err(EstimateError::Setting {
            key: "scaling",
            given: scaling.name().into(),
            allowed: "none or standardized for an entropy: normal scores are the same for all data",
        });
    }
    let found = columns(x, scaling).ok_or(EstimateError::NeedsMatrix { estimator })?;
    found.check_density()?;
    Ok((found.values, found.ln_scale))
}

/// Returns the number of points that coincide with another.
fn tied(nearest: &Nearest, n_samples: usize) -> usize {
    (0..n_samples).filter(|&i| nearest.distances(i)[0] == 0.0).count()
}

/// Refuses more than one coinciding sample in a hundred, where every density is infinite.
fn check_ties(estimator: &'static str, tied: usize, n_samples: usize) -> Result<(), EstimateError> {
    if tied * 100 > n_samples {
        let instead = "take a method for mixed or discrete variables, or add noise";
        return Err(EstimateError::Ties { estimator, tied, n_samples, instead });
    }
    Ok(())
}

/// Returns the number of entries of a column that equal another.
fn tied_in_column(column: ArrayView1<'_, f64>) -> usize {
    let mut sorted = column.to_vec();
    interrupt::sort_by(&mut sorted, f64::total_cmp);
    sorted.chunk_by(|a, b| a == b).map(|equal| if equal.len() > 1 { equal.len() } else { 0 }).sum()
}

/// What is known of the samples of one space beside its number.
#[derive(Debug, Default)]
struct PointCounts {
    /// Points that have another at the same place.
    tied: usize,
    /// Points that could not be measured.
    dropped: usize,
    /// Points measured in a simpler way than asked for.
    simpler: usize,
}

/// Counts and warnings of a pair into its estimate; `counts` is of (x, y), x and y.
fn report(estimate: &mut Estimate, constant: usize, counts: [&PointCounts; 3], simpler: &str) {
    let n_samples = estimate.n_samples;
    if constant > 0 {
        estimate.warnings.push(Warning::ConstantColumns { columns: constant });
    }
    estimate.ties = counts[0].tied;
    let tied = counts.iter().map(|counts| counts.tied).max().unwrap_or(0);
    if tied > 0 {
        estimate.warnings.push(Warning::Ties { tied, n_samples });
    }
    estimate.dropped = counts.iter().map(|counts| counts.dropped).max().unwrap_or(0);
    if estimate.dropped > 0 {
        let reason = "their neighbours lie at one place, or on a line or plane";
        estimate.warnings.push(Warning::Dropped { dropped: estimate.dropped, reason });
    }
    for (counts, what) in counts.into_iter().zip(["(x, y)", "x", "y"]) {
        if counts.simpler > 0 {
            let text = format!("{} samples of {what} {simpler}", counts.simpler);
            estimate.warnings.push(Warning::Note(text));
        }
    }
}

/// Returns the error where all samples lie on a line or plane.
fn on_a_plane(points: usize) -> EstimateError {
    EstimateError::Undetermined {
        reason: format!(
            "{points} samples have neighbours on a line or plane to working accuracy, where information is \
             infinite"
        ),
        choices: "add noise of a known variance, or leave out the columns that others determine",
    }
}

/// Writes the neighbours of point `i` as differences from it, one row each.
fn differences(points: ArrayView2<'_, f64>, i: usize, neighbors: &[u32], out: &mut Vec<f64>) {
    out.clear();
    let center = points.row(i);
    for &j in neighbors {
        out.extend(points.row(j as usize).iter().zip(center).map(|(p, c)| p - c));
    }
}
