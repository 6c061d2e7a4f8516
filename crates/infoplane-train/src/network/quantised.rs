//! A network whose activations are rounded to a few levels.

use std::mem::{swap, take};

use ndarray::{Array2, ArrayView2};

use super::{Activations, Network, Nonlinearity};

/// The largest number of bits; more levels than single precision has on [−1, 1] would not be levels.
pub const MAX_QUANTISED_BITS: u8 = 16;

impl Network {
    /// Computes the output of every layer where each layer's output is rounded to 2^`bits` equally spaced levels
    /// before it enters the next layer; the output layer is rounded too.
    ///
    /// The levels cover the range of the layer's nonlinearity, [−1, 1] for tanh, or, where it has no bounds, the
    /// smallest to the largest output of this layer for these inputs. The network then has finitely many
    /// states, and the entropies of its layers follow from counts, without bins (Lorenzen, Igel & Nielsen 2022).
    ///
    /// This is rounding after training: weights stay as they were trained, in single precision.
    ///
    /// Cost: about that of [`Network::activations`], and a copy of each layer.
    ///
    /// # Panics
    /// As [`Network::activations`], or if `bits` is not 1 to 16.
    ///
    /// # References
    /// Lorenzen, Igel & Nielsen (2022), *Information bottleneck: exact analysis of (quantized) neural networks*, ICLR.
    ///
    /// ```
    /// use infoplane_train::{Network, Nonlinearity, network::Initialization};
    /// use ndarray::Array2;
    /// let kinds = [Nonlinearity::Tanh, Nonlinearity::Softmax];
    /// let network = Network::initialized(&[4, 3, 2], &kinds, &Initialization::default(), 1)?;
    /// let inputs = Array2::from_shape_fn((50, 4), |(row, column)| ((row * 7 + column * 3) % 11) as f32 / 11.0);
    /// let quantised = network.quantised_activations(inputs.view(), 1);
    /// // Two levels: −1 and 1.
    /// assert!(quantised.layers[0].iter().all(|&t| t == -1.0 || t == 1.0));
    /// # Ok::<(), infoplane_train::network::NetworkError>(())
    /// ```
    pub fn quantised_activations(&self, inputs: ArrayView2<'_, f32>, bits: u8) -> Activations {
        assert!(
            (1..=MAX_QUANTISED_BITS).contains(&bits),
            "bits of quantised activations: {bits}; allowed is 1 to 16"
        );
        let mut layers: Vec<Array2<f32>> = Vec::with_capacity(self.layers.len());
        let mut one = Network { layers: Vec::with_capacity(1) };
        let mut activations = Activations { layers: Vec::new() };
        for layer in &self.layers {
            one.layers.clear();
            one.layers.push(layer.clone());
            let before = layers.last().map_or(inputs, |t| t.view());
            one.activations_into(before, &mut activations);
            let mut t = Array2::zeros((0, 0));
            if let Some(fresh) = activations.layers.first_mut() {
                swap(&mut t, fresh);
            }
            quantise(&mut t, layer.nonlinearity, bits);
            layers.push(take(&mut t));
        }
        Activations { layers }
    }
}

/// Rounds every value to the nearest of 2^`bits` levels; values that are not finite stay, for measuring to report.
fn quantise(t: &mut Array2<f32>, nonlinearity: Nonlinearity, bits: u8) {
    let observed = || {
        let finite = t.iter().filter(|t| t.is_finite()).map(|&t| f64::from(t));
        finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), t| (low.min(t), high.max(t)))
    };
    let (low, high) = nonlinearity.range().unwrap_or_else(observed);
    let step = (high - low) / f64::from((1u32 << bits) - 1);
    if !(step.is_finite() && step > 0.0) {
        return;
    }
    t.mapv_inplace(|t| {
        if t.is_finite() { (low + ((f64::from(t) - low) / step).round() * step) as f32 } else { t }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Initialization;
    use infoplane_estimators::{Labels, Variable};
    use proptest::prelude::*;

    fn network(nonlinearity: Nonlinearity, seed: u64) -> (Network, Array2<f32>) {
        let start = Initialization::default();
        let kinds = [nonlinearity, nonlinearity, Nonlinearity::Softmax];
        let network = Network::initialized(&[5, 4, 3, 2], &kinds, &start, seed).unwrap();
        let inputs = Array2::from_shape_fn((64, 5), |(row, bit)| ((row >> bit) & 1) as f32);
        (network, inputs)
    }

    proptest! {
        #[test]
        fn a_layer_takes_no_more_values_than_there_are_levels(seed in 0u64..50, bits in 1u8..6, relu: bool) {
            let kind = if relu { Nonlinearity::Relu } else { Nonlinearity::Tanh };
            let (network, inputs) = network(kind, seed);
            for t in network.quantised_activations(inputs.view(), bits).layers {
                let mut values: Vec<u32> = t.iter().map(|t| t.to_bits()).collect();
                values.sort_unstable();
                values.dedup();
                prop_assert!(values.len() <= 1 << bits);
            }
        }

        #[test]
        fn a_layer_is_a_function_of_the_layer_before(seed in 0u64..50, bits in 1u8..8) {
            let (network, inputs) = network(Nonlinearity::Tanh, seed);
            let layers = network.quantised_activations(inputs.view(), bits).layers;
            for pair in layers.windows(2) {
                // So its symbols never split one of the layer before: the entropy cannot rise.
                let symbols = |t: &Array2<f32>| Labels::from_rows(t.view()).entropy().bits();
                prop_assert!(symbols(&pair[1]) <= symbols(&pair[0]) + 1e-12);
            }
        }
    }

    #[test]
    fn many_bits_come_near_the_network_itself() {
        let (network, inputs) = network(Nonlinearity::Tanh, 3);
        let exact = network.activations(inputs.view());
        for (t, quantised) in exact.layers.iter().zip(network.quantised_activations(inputs.view(), 16).layers)
        {
            assert_eq!(Variable::Single(t.view()).n_samples(), quantised.nrows());
            assert!(t.iter().zip(&quantised).all(|(a, b)| (a - b).abs() < 2e-4));
        }
    }

    #[test]
    fn what_is_not_finite_stays_and_a_constant_layer_too() {
        let mut t = ndarray::array![[0.0f32, f32::NAN], [1.0, f32::INFINITY]];
        quantise(&mut t, Nonlinearity::Relu, 1);
        assert!(t[(0, 1)].is_nan() && t[(1, 1)].is_infinite() && t[(1, 0)] == 1.0);
        let mut constant = ndarray::array![[2.5f32], [2.5]];
        quantise(&mut constant, Nonlinearity::Relu, 8);
        assert_eq!(constant, ndarray::array![[2.5f32], [2.5]]);
    }
}
