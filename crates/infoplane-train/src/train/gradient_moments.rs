//! Mean and spread of the mini-batch gradients of an epoch.

use fearless_simd::{Level, dispatch, prelude::*};

use super::LayerStats;
use crate::network::Shape;

/// Sums over the mini-batches of an epoch, in double precision: the spread is a difference of near-equals.
#[derive(Debug, Clone)]
pub(super) struct GradientMoments {
    n_batches: u64,
    sums: Vec<f64>,
    squares: Vec<f64>,
}

impl GradientMoments {
    pub(super) fn new(len: usize) -> Self {
        GradientMoments { n_batches: 0, sums: vec![0.0; len], squares: vec![0.0; len] }
    }

    pub(super) fn add(&mut self, level: Level, gradient: &[f32]) {
        self.n_batches += 1;
        dispatch!(level, simd => add(simd, &mut self.sums, &mut self.squares, gradient));
    }

    /// ‖mean‖ and ‖standard deviation‖ of the weights of layer `l`, without biases.
    pub(super) fn norms(&self, shape: &Shape, l: usize) -> (f32, f32) {
        let n = self.n_batches as f64;
        let (inputs, stride) = (shape.widths[l], shape.strides[l]);
        let (mut mean_squared, mut variance) = (0.0, 0.0);
        let entries = shape.range(l).zip(0..).filter(|(_, place)| place % stride < inputs);
        for (entry, _) in entries {
            let mean = self.sums[entry] / n;
            mean_squared += mean * mean;
            // Rounding can make a variance of zero slightly negative.
            variance += (self.squares[entry] / n - mean * mean).max(0.0);
        }
        (mean_squared.sqrt() as f32, variance.sqrt() as f32)
    }
}

/// Adds numbers and their squares; a square is exact in double precision.
#[inline(always)]
fn add<S: Simd>(_: S, sums: &mut [f64], squares: &mut [f64], gradient: &[f32]) {
    for ((sum, square), &g) in sums.iter_mut().zip(squares).zip(gradient) {
        let g = f64::from(g);
        *sum += g;
        *square += g * g;
    }
}

/// Weight norm of layer `l`, and its gradients if they were recorded.
pub(super) fn layer_stats(
    shape: &Shape,
    values: &[f32],
    recorded: Option<&GradientMoments>,
    l: usize,
) -> LayerStats {
    let squares = shape.weights(l, values).flatten().map(|&w| f64::from(w) * f64::from(w));
    let gradient = recorded.map(|recorded| recorded.norms(shape, l));
    LayerStats {
        weight_norm: squares.sum::<f64>().sqrt() as f32,
        gradient_mean: gradient.map(|(mean, _)| mean),
        gradient_standard_deviation: gradient.map(|(_, deviation)| deviation),
    }
}
