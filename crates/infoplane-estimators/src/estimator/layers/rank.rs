//! How many directions a layer uses.

use super::centred::Centred;
use crate::linear_algebra::eigenvalues;
use crate::{EstimateError, Variable, math, simd};

/// How many directions a layer uses; from [`effective_rank`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LayerRank {
    /// exp(−Σ p ln p) with p = σ / Σσ, from 1 to the rank.
    pub effective_rank: f64,
    /// (Σσ²)² / Σσ⁴, from 1 to the rank.
    pub participation_ratio: f64,
}

/// The effective rank and the participation ratio of a layer with centred columns.
///
/// Of its singular values σ,
///
/// ```text
/// effective rank        exp(−Σ p ln p),   p = σ / Σσ
/// participation ratio   (Σσ²)² / Σσ⁴
/// ```
///
/// Both are k for k directions of equal size, and 1 for one. The participation ratio weighs by variance, and is smaller where directions
/// differ in size. Neither changes under rotations, scale and shift. Both grow with the number of samples up to what the layer has.
///
/// Singular values come from the eigenvalues of the smaller of XᵀX and XXᵀ. Below about 10⁻⁷ of the largest they count as 0: roundings of
/// values of single precision are as large.
///
/// `layer`: `(n_samples, width)`. Time O(n p²) and O(p³), p the smaller of n and width; memory 8 bytes for each value and p². The same
/// bits for any number of threads.
///
/// # Errors
/// [`EstimateError::Empty`], [`EstimateError::NotFinite`]; [`EstimateError::Undetermined`] for labels, and for a layer that never changes.
///
/// # Examples
/// Two uncorrelated columns, one with three times the deviation of the other.
///
/// ```
/// use infoplane_estimators::layers::effective_rank;
/// let layer = ndarray::array![[3.0, 1.0], [3.0, -1.0], [-3.0, 1.0], [-3.0, -1.0]];
/// let rank = effective_rank(layer.view())?;
/// assert!((rank.effective_rank - 1.754765).abs() < 1e-6);
/// assert!((rank.participation_ratio - 100.0 / 82.0).abs() < 1e-12);
/// # Ok::<(), infoplane_estimators::EstimateError>(())
/// ```
///
/// # References
/// Roy & Vetterli (2007), *EUSIPCO*, 606–610.
pub fn effective_rank<'t>(layer: impl Into<Variable<'t>>) -> Result<LayerRank, EstimateError> {
    let layer = Centred::new(&layer.into())?;
    if layer.is_constant() {
        return Err(EstimateError::Undetermined {
            reason: "a layer that never changes has no direction".into(),
            choices: "leave it out",
        });
    }
    let gram = layer.gram().into_owned();
    let n = gram.nrows();
    let mut values = eigenvalues(simd::level(), &mut gram.into_raw_vec_and_offset().0, n);
    // The order of the iteration means nothing; a sum of ascending numbers has the smallest error.
    values.sort_unstable_by(f64::total_cmp);
    let largest = values.last().copied().unwrap_or(0.0);
    let rounding = f64::EPSILON * (16.0 + (layer.n_samples as f64).sqrt()) * largest;
    values.retain(|&value| value > rounding);
    let singular: Vec<f64> = values.iter().copied().map(f64::sqrt).collect();
    let sum: f64 = singular.iter().sum();
    let entropy: f64 = singular.iter().map(|value| value / sum).map(|p| -p * math::ln(p)).sum();
    // Of eigenvalues, both of them: none of a layer with one direction is then below 1.
    let (variance, squares) = values.iter().fold((0.0, 0.0), |(sum, squares), v| (sum + v, squares + v * v));
    Ok(LayerRank {
        effective_rank: math::exp(entropy.max(0.0)),
        participation_ratio: variance * variance / squares,
    })
}
