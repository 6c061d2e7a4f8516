//! Linear centred kernel alignment.

use super::centred::Centred;
use super::pairs::places;
use crate::interrupt::poll;
use crate::{EstimateError, Variable};

/// How alike two layers are, up to rotations, scale and shift; from [`linear_cka`].
#[derive(Debug, Clone, PartialEq)]
pub struct LayerSimilarity {
    /// The place of the first layer, from 0.
    pub first: usize,
    /// That of the second, not below that of the first.
    pub second: usize,
    /// As Kornblith et al. (2019) define it, from 0 to 1.
    pub biased: Result<f64, EstimateError>,
    /// By the unbiased estimate of each term, at most about 1; below 0 by chance.
    pub unbiased: Result<f64, EstimateError>,
}

/// Linear centred kernel alignment of all pairs of layers: the pairs (i, j) with i ≤ j, row by row.
///
/// With the columns of X, `(n, p)`, and Y, `(n, q)`, centred,
///
/// ```text
/// CKA = HSIC(X,Y) / √( HSIC(X,X) HSIC(Y,Y) )
/// biased     HSIC₀ = ‖XᵀY‖²,    of Frobenius norms
/// unbiased   HSIC₁ = [ tr K̃L̃ + 1ᵀK̃1 1ᵀL̃1 / (n−1)(n−2) − 2 1ᵀK̃L̃1 / (n−2) ] / n(n−3)
/// ```
///
/// where K̃ = XXᵀ and L̃ = YYᵀ with zeros on the diagonal. Both are 1 for layers that differ by an orthogonal map, scale and shift, and not
/// for other invertible maps. For one column each, the biased form is the square of the correlation.
///
/// **The biased form is far above 0 for independent layers as soon as columns are as many as samples**: for independent normal numbers
/// it is about √(pq / ((n+p)(n+q))), .67 for p = q = 512 and n = 256. The unbiased form is about 0 there. Over minibatches average
/// HSIC₁ of all three terms before dividing (Nguyen, Raghu & Kornblith 2021).
///
/// Layers: matrices of a row per sample. Time O(n p q) for each pair, or O(n² q) where p > n; 8 bytes for each value, or for each pair of
/// samples where p > n. The same bits for any number of threads.
///
/// # Errors
/// Of all pairs: [`EstimateError::RowMismatch`] for layers of different length, [`EstimateError::Empty`],
/// [`EstimateError::NotFinite`]; [`EstimateError::Undetermined`] for labels. Of a pair: [`EstimateError::Undetermined`] for a layer
/// that never changes; [`EstimateError::TooFewSamples`] for fewer than 4 samples in the unbiased form, and
/// [`EstimateError::Undetermined`] where HSIC₁ of a layer with itself is not above 0, as it may be for a few samples.
///
/// # Examples
/// ```
/// use infoplane_estimators::layers::linear_cka;
/// let x = ndarray::array![[0.0], [1.0], [2.0], [3.0], [4.0], [5.0]];
/// let y = x.mapv(|x| x * x);
/// let pairs = linear_cka(&[(&x).into(), (&y).into()])?;
/// assert_eq!((pairs[1].first, pairs[1].second), (0, 1));
/// assert!((pairs[1].biased.clone()? - 0.921376).abs() < 1e-6);
/// assert!((pairs[1].unbiased.clone()? - 0.950099).abs() < 1e-6);
/// # Ok::<(), infoplane_estimators::EstimateError>(())
/// ```
///
/// # References
/// Kornblith, Norouzi, Lee & Hinton (2019), *ICML*, arXiv:1905.00414, section 3; Song, Smola, Gretton, Bedo & Borgwardt (2012), *J.
/// Mach. Learn. Res.* 13:1393, equation 5; Nguyen, Raghu & Kornblith (2021), *ICLR*, arXiv:2010.15327.
pub fn linear_cka(layers: &[Variable<'_>]) -> Result<Vec<LayerSimilarity>, EstimateError> {
    let expected = layers.first().map_or(0, Variable::n_samples);
    if let Some(other) = layers.iter().find(|layer| layer.n_samples() != expected) {
        return Err(EstimateError::RowMismatch { given: other.n_samples(), expected });
    }
    let layers: Vec<Centred> = layers.iter().map(Centred::new).collect::<Result<_, _>>()?;
    let sizes: Vec<f64> = layers.iter().map(Centred::size).collect();
    let own: Vec<Result<f64, EstimateError>> =
        layers.iter().zip(&sizes).map(|(layer, &size)| own_unbiased(layer, size)).collect();
    let of_pair = |(first, second): (usize, usize)| {
        poll();
        let (x, y) = (&layers[first], &layers[second]);
        if x.is_constant() || y.is_constant() {
            let error = EstimateError::Undetermined {
                reason: "a layer that never changes has no similarity with others".into(),
                choices: "leave it out",
            };
            return LayerSimilarity { first, second, biased: Err(error.clone()), unbiased: Err(error) };
        }
        if first == second {
            return LayerSimilarity {
                first,
                second,
                biased: Ok(1.0),
                unbiased: own[first].clone().map(|_| 1.0),
            };
        }
        let inner = x.inner(y);
        let unbiased = own[first].clone().and_then(|of_x| {
            let of_y = own[second].clone()?;
            Ok(unbiased(x, y, inner).0 / (of_x.sqrt() * of_y.sqrt()))
        });
        let biased = (inner / (sizes[first].sqrt() * sizes[second].sqrt())).min(1.0);
        LayerSimilarity { first, second, biased: Ok(biased), unbiased }
    };
    Ok(places(layers.len()).into_iter().map(of_pair).collect())
}

/// n(n−3) HSIC₁ of a layer with itself.
fn own_unbiased(layer: &Centred, size: f64) -> Result<f64, EstimateError> {
    let n_samples = layer.n_samples;
    if n_samples < 4 {
        let reason = "the unbiased form".into();
        return Err(EstimateError::TooFewSamples { estimator: "linear CKA", reason, needed: 4, n_samples });
    }
    let (value, terms) = unbiased(layer, layer, size);
    // What is left of numbers that cancel.
    if value <= 1e3 * f64::EPSILON * terms {
        return Err(EstimateError::Undetermined {
            reason: format!(
                "the unbiased form of a layer with itself is not above 0 for these {n_samples} samples"
            ),
            choices: "give more samples, or use the biased form",
        });
    }
    Ok(value)
}

/// n(n−3) HSIC₁ of two layers with ‖XᵀY‖² = `inner`, and the sum of the sizes of its terms.
///
/// With centred columns Xᵀ1 = 0, so that K̃1 has the entries −|xᵢ|².
fn unbiased(x: &Centred, y: &Centred, inner: f64) -> (f64, f64) {
    let n = x.n_samples as f64;
    let [of_x, of_y] = [x, y].map(|layer| layer.squares.iter().sum::<f64>());
    let both: f64 = x.squares.iter().zip(&y.squares).map(|(x, y)| x * y).sum();
    let product = of_x * of_y / ((n - 1.0) * (n - 2.0));
    (inner - both + product - 2.0 * both / (n - 2.0), inner + both + product + 2.0 * both / (n - 2.0))
}
