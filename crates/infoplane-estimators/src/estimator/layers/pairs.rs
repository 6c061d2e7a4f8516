//! I(Tᵢ;Tⱼ) of all pairs of layers.

use rayon::prelude::*;

use crate::estimator::counts::alone;
use crate::estimator::measure::limited_pair;
use crate::interrupt::poll;
use crate::steps::Steps;
use crate::{
    Bound, Estimate, EstimateError, EstimateKind, Estimator, Family, Information, Labels, Symbols, Variable,
};

/// I(Tᵢ;Tⱼ) of all pairs of layers, for one setting of an estimator; from [`Measure::layer_pairs`](crate::Measure::layer_pairs).
#[derive(Debug, Clone, PartialEq)]
pub struct LayerPairs {
    /// The setting, as rows and figures print it.
    pub setting: String,
    /// Of bounds: which.
    pub bound: Option<Bound>,
    /// How many layers there are.
    pub n_layers: usize,
    /// The pairs (i, j) with i ≤ j, row by row: (0, 0), (0, 1), …, (1, 1), ….
    pub pairs: Vec<PairInformation>,
    /// The cells of each layer; of estimators that have cells.
    pub cells: Option<Vec<LayerCells>>,
}

/// The information of two layers.
#[derive(Debug, Clone, PartialEq)]
pub struct PairInformation {
    /// The place of the first layer, from 0.
    pub first: usize,
    /// That of the second, not below that of the first.
    pub second: usize,
    /// I(Tᵢ;Tⱼ).
    pub estimate: Result<Estimate, EstimateError>,
    /// The same with the rows of the second layer in another order ([`Labels::shuffled`]), which is chance; of estimators that have
    /// cells. Where nearly every sample is alone in its cell, it is as large as the estimate.
    pub shuffled: Option<Information>,
}

/// The cells of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LayerCells {
    /// How many cells hold a sample.
    pub n_cells: usize,
    /// How many samples share their cell with no other.
    pub alone: usize,
    /// How many values lay outside the bins.
    pub out_of_range: u64,
}

impl LayerPairs {
    /// The pair of two layers, in either order.
    ///
    /// # Panics
    /// If there are no such layers.
    pub fn pair(&self, one: usize, other: usize) -> &PairInformation {
        let (first, second) = (one.min(other), one.max(other));
        assert!(second < self.n_layers, "layer {second} of {}", self.n_layers);
        // Row i of the triangle begins after those of n, n − 1, … pairs.
        &self.pairs[first * (2 * self.n_layers + 1 - first) / 2 + second - first]
    }
}

/// The places of all pairs, in order.
pub(super) fn places(n_layers: usize) -> Vec<(usize, usize)> {
    (0..n_layers).flat_map(|first| (first..n_layers).map(move |second| (first, second))).collect()
}

/// The information of all pairs of layers that were checked, by the cells of each where the estimator has cells.
pub(in crate::estimator) fn pairs_of_any<E: Estimator + ?Sized>(
    estimator: &E,
    layers: &[Variable<'_>],
) -> Result<Vec<LayerPairs>, EstimateError> {
    let symbols = layers.iter().map(|t| estimator.layer_symbols(t.view())).collect::<Result<Vec<_>, _>>()?;
    let symbols: Option<Vec<Symbols>> = symbols.into_iter().collect();
    let (pairs, cells) = match &symbols {
        Some(symbols) => {
            (pairs_of_cells(estimator, layers, symbols), Some(symbols.iter().map(cells).collect()))
        }
        None => (pairs_of_values(estimator, layers), None),
    };
    Ok(vec![LayerPairs { setting: estimator.setting(), bound: None, n_layers: layers.len(), pairs, cells }])
}

fn cells(symbols: &Symbols) -> LayerCells {
    LayerCells {
        n_cells: symbols.labels.n_labels(),
        alone: alone(&symbols.labels),
        out_of_range: symbols.out_of_range(),
    }
}

fn pairs_of_cells<E: Estimator + ?Sized>(
    estimator: &E,
    layers: &[Variable<'_>],
    symbols: &[Symbols],
) -> Vec<PairInformation> {
    let distinct = Labels::distinct(layers.first().map_or(0, Variable::n_samples));
    let shuffled: Vec<Labels> = symbols.par_iter().map(|symbols| symbols.labels.shuffled()).collect();
    let places = places(symbols.len());
    let steps = Steps::new("pairs of layers", places.len());
    let of_pair = |(first, second): (usize, usize)| {
        poll();
        steps.shown();
        let cells = &symbols[first].labels;
        // H(T) = I(T; which sample), as I(X;T) of the plane is.
        let other = if first == second { &distinct } else { &symbols[second].labels };
        let between = |other| limited_pair(estimator, Variable::Labels(cells), Variable::Labels(other));
        // The bins are those that made the cells, not bins of their numbers.
        let kind = |kind| match kind {
            EstimateKind::Binned { .. } => EstimateKind::Binned { bins: estimator.setting() },
            other => other,
        };
        let dims = vec![layers[first].width(), layers[second].width()];
        PairInformation {
            first,
            second,
            estimate: between(other).map(|found| Estimate { dims, kind: kind(found.kind), ..found }),
            shuffled: between(&shuffled[second]).ok().map(|estimate| estimate.information),
        }
    };
    places.into_par_iter().map(of_pair).collect()
}

fn pairs_of_values<E: Estimator + ?Sized>(estimator: &E, layers: &[Variable<'_>]) -> Vec<PairInformation> {
    // A density has infinite information with itself, except where the method is one of finite resolution.
    let is_finite = matches!(estimator.info().family, Family::Kernel | Family::Hashing);
    let places = places(layers.len());
    let steps = Steps::new("pairs of layers", places.len());
    let of_pair = |(first, second): (usize, usize)| {
        poll();
        steps.shown();
        let [x, y] = [first, second].map(|place| layers[place].view());
        let estimate = if first == second && !is_finite {
            Err(EstimateError::Undetermined {
                reason: "of numbers without noise and bins, a layer has infinite information with itself"
                    .into(),
                choices: "use binned, plug-in or noise for the entropy of a layer",
            })
        } else {
            limited_pair(estimator, x, y)
        };
        PairInformation { first, second, estimate, shuffled: None }
    };
    places.into_iter().map(of_pair).collect()
}
