//! Weights as a distribution: several networks pooled, each a draw of the same random function of x.
//!
//! Late in training the weights move about. Taken as draws of a distribution θ', they make the layer T a random
//! function of the input: each x has M activations, one of each network, and I(X;T) = H(T) − Σ_x p(x) H(T|X=x) may be
//! less than H(X) though every single network tells all inputs apart. Measuring is the ordinary call
//! ([`Estimator::layer`](crate::Estimator::layer)) on pooled rows with repeated labels.

mod conditional;
mod correction;
mod drift;
mod layers;
mod mean;
mod measure;
mod overlap;
mod parts;
mod row;
#[cfg(test)]
mod tests;
mod trend;
mod verdict;

use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{Activations, Network};

pub use correction::{CorrectedBy, corrected_by_counts};
pub use drift::{Rest, RestRow, WindowRow};
pub use layers::{PooledLayer, pooled_layers};
pub use mean::{PooledMean, mean_over_trainings};
pub(crate) use measure::measure_pool_unless;
pub use measure::{PoolSubject, measure_pool};
pub use overlap::{MOST_COMPARED_INPUTS, OverlapRow, overlaps};
pub use row::{PoolRow, Spacing};
pub use trend::PooledPoint;
pub use verdict::{
    LEAST_BELOW_LIMIT_BITS, LEAST_DRAWS, MOST_CHANGE_BITS, MOST_DRIFT, MOST_ENTROPY_AT_REST_BITS, STRETCHES,
    Verdict,
};

/// Where a network of a pool is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draw {
    /// The seed of its training.
    pub seed: u64,
    /// How many whole epochs it had been trained for.
    pub epoch: u64,
    /// Steps of one mini-batch beyond that epoch; 0 at its end.
    pub step: u64,
}

/// The activations of several networks on the same inputs.
#[derive(Debug, Clone, Default)]
pub struct Pool {
    /// The networks, in the order of their rows.
    pub draws: Vec<Draw>,
    /// Per layer `(n_draws · n_inputs, width)`: all inputs of the first network, then all of the second.
    pub layers: Vec<Array2<f32>>,
    /// How many inputs each network has seen.
    pub n_inputs: usize,
}

impl Pool {
    /// What every network put out for `inputs`, `(n_inputs, n_features)`.
    ///
    /// Cost: a forward pass of each; memory 4 · n_draws · n_inputs bytes for each unit.
    ///
    /// # Panics
    /// If the networks are not of one shape.
    pub fn of<'a>(draws: impl IntoIterator<Item = (Draw, &'a Network)>, inputs: ArrayView2<'_, f32>) -> Pool {
        Pool::of_forward(draws, inputs, |network, activations| network.activations_into(inputs, activations))
    }

    /// As [`Pool::of`], with every activation rounded to one of 2^`bits` levels
    /// ([`Network::quantised_activations`](crate::Network::quantised_activations)).
    ///
    /// # Panics
    /// If the networks are not of one shape, or `bits` is not 1 to 16.
    pub fn of_quantised<'a>(
        draws: impl IntoIterator<Item = (Draw, &'a Network)>,
        inputs: ArrayView2<'_, f32>,
        bits: u8,
    ) -> Pool {
        Pool::of_forward(draws, inputs, |network, activations| {
            *activations = network.quantised_activations(inputs, bits);
        })
    }

    fn of_forward<'a>(
        draws: impl IntoIterator<Item = (Draw, &'a Network)>,
        inputs: ArrayView2<'_, f32>,
        forward: impl Fn(&Network, &mut Activations) + Sync,
    ) -> Pool {
        let draws: Vec<(Draw, &Network)> = draws.into_iter().collect();
        let n_inputs = inputs.nrows();
        let widths = draws.first().map_or(Vec::new(), |(_, network)| network.widths());
        let mut layers: Vec<Array2<f32>> =
            widths.iter().skip(1).map(|&width| Array2::zeros((draws.len() * n_inputs, width))).collect();
        // For each network, its rows of every layer.
        let mut rows: Vec<Vec<ArrayViewMut2<'_, f32>>> = draws.iter().map(|_| Vec::new()).collect();
        for layer in &mut layers {
            let stretches = layer.axis_chunks_iter_mut(Axis(0), n_inputs.max(1));
            rows.iter_mut().zip(stretches).for_each(|(rows, stretch)| rows.push(stretch));
        }
        rows.par_iter_mut().zip(&draws).for_each_init(
            || Activations { layers: Vec::new() },
            |activations, (rows, (_, network))| {
                assert_eq!(network.widths(), widths, "networks of a pool are of one shape");
                forward(network, activations);
                rows.iter_mut().zip(&activations.layers).for_each(|(rows, t)| rows.assign(t));
            },
        );
        Pool { draws: draws.into_iter().map(|(draw, _)| draw).collect(), layers, n_inputs }
    }

    /// The number of networks.
    pub fn n_draws(&self) -> usize {
        self.draws.len()
    }
}
