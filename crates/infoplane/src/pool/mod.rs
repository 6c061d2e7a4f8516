//! Pools of networks: weights treated as samples of one distribution.
//!
//! Late in training the weights fluctuate. Treated as samples of a distribution p(θ), they make the layer T a random
//! function of the input: each x has M activations, one from each network, and I(X;T) = H(T) − Σ_x p(x) H(T|X=x) may
//! be less than H(X) although every single network separates all inputs. A pool is measured by the ordinary call
//! ([`Measure::layer`](crate::Measure::layer)) on its stacked activations with repeated labels.

mod conditional;
mod correction;
mod drift;
mod layers;
mod mean;
mod measure;
mod methods;
mod overlap;
mod row;
mod subsets;
#[cfg(test)]
mod tests;
mod trend;
mod verdict;

use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{Activations, Network};

pub use correction::{CorrectedBy, corrected_by_counts};
pub use drift::{DriftRow, DriftTracker, WindowRow};
pub use layers::{PooledLayer, pooled_layers};
pub use mean::{PooledMean, mean_over_seeds};
pub(crate) use measure::measure_pool_unless;
pub use measure::{PoolSubject, measure_pool};
pub use methods::pool_methods;
pub(crate) use methods::{PoolMethods, StoredOverlapRow, StoredPoolRow};
pub use overlap::{MAX_COMPARED_INPUTS, OverlapRow, overlaps};
pub use row::{PoolRow, Spacing};
pub use trend::PooledPoint;
pub use verdict::{
    DRIFT_SHARE_DIVISOR, MAX_CHANGE_BITS, MAX_DRIFT, MAX_UNCHANGED_ENTROPY_BITS, MIN_GAP_TO_LIMIT_BITS,
    MIN_NETWORKS, Verdict,
};

/// Which network of which training run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkSource {
    /// The seed of the training run.
    pub seed: u64,
    /// Whole epochs of training.
    pub epoch: u64,
    /// Mini-batch steps after that epoch; 0 at its end.
    pub step: u64,
}

/// The activations of several networks on the same inputs.
#[derive(Debug, Clone, Default)]
pub struct Pool {
    /// The networks, in the order of their rows.
    pub sources: Vec<NetworkSource>,
    /// Per layer `(n_networks · n_inputs, width)`: all inputs of the first network, then all of the second.
    pub layers: Vec<Array2<f32>>,
    /// The number of inputs, the same for each network.
    pub n_inputs: usize,
}

impl Pool {
    /// The activations of every network on `inputs`, `(n_inputs, n_features)`.
    ///
    /// Cost: one forward pass per network; memory 4 · n_networks · n_inputs bytes per unit.
    ///
    /// # Panics
    /// If the networks differ in shape.
    pub fn of<'a>(
        networks: impl IntoIterator<Item = (NetworkSource, &'a Network)>,
        inputs: ArrayView2<'_, f32>,
    ) -> Pool {
        Pool::of_forward(networks, inputs, |network, activations| {
            network.activations_into(inputs, activations)
        })
    }

    /// As [`Pool::of`], with every activation rounded to one of 2^`bits` levels
    /// ([`Network::quantised_activations`](crate::Network::quantised_activations)).
    ///
    /// # Panics
    /// If the networks differ in shape, or `bits` is not 1 to 16.
    pub fn of_quantised<'a>(
        networks: impl IntoIterator<Item = (NetworkSource, &'a Network)>,
        inputs: ArrayView2<'_, f32>,
        bits: u8,
    ) -> Pool {
        Pool::of_forward(networks, inputs, |network, activations| {
            *activations = network.quantised_activations(inputs, bits);
        })
    }

    fn of_forward<'a>(
        networks: impl IntoIterator<Item = (NetworkSource, &'a Network)>,
        inputs: ArrayView2<'_, f32>,
        forward: impl Fn(&Network, &mut Activations) + Sync,
    ) -> Pool {
        let networks: Vec<(NetworkSource, &Network)> = networks.into_iter().collect();
        let n_inputs = inputs.nrows();
        let widths = networks.first().map_or(Vec::new(), |(_, network)| network.widths());
        let mut layers: Vec<Array2<f32>> =
            widths.iter().skip(1).map(|&width| Array2::zeros((networks.len() * n_inputs, width))).collect();
        // For each network, its rows in every layer.
        let mut rows: Vec<Vec<ArrayViewMut2<'_, f32>>> = networks.iter().map(|_| Vec::new()).collect();
        for layer in &mut layers {
            let chunks = layer.axis_chunks_iter_mut(Axis(0), n_inputs.max(1));
            rows.iter_mut().zip(chunks).for_each(|(rows, chunk)| rows.push(chunk));
        }
        rows.par_iter_mut().zip(&networks).for_each_init(
            || Activations { layers: Vec::new() },
            |activations, (rows, (_, network))| {
                assert_eq!(network.widths(), widths, "networks of a pool have one shape");
                forward(network, activations);
                rows.iter_mut().zip(&activations.layers).for_each(|(rows, t)| rows.assign(t));
            },
        );
        Pool { sources: networks.into_iter().map(|(source, _)| source).collect(), layers, n_inputs }
    }

    /// The number of networks.
    pub fn n_networks(&self) -> usize {
        self.sources.len()
    }
}
