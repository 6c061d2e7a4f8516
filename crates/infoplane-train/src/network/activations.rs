//! The outputs of a network's layers for given inputs.

use ndarray::{Array2, ArrayView2};
use rayon::prelude::*;

use super::kernels::{Unpadded, padded, transpose, transpose_unpadded};
use super::{Activations, Batch, Network, Parameters};
use infoplane_estimators::interrupt::poll;
use infoplane_estimators::simd;

/// Samples that pass through the network together: their activations in a layer of 1024 units are 1 MiB.
const BLOCK: usize = 256;

impl Network {
    /// Computes the output of every layer for each row of `inputs`, `(n_samples, input width)`.
    ///
    /// Blocks of rows run in parallel; the result has the same bits for any number of threads. Cost: two
    /// floating-point operations per sample and weight, plus about 30 per tanh.
    ///
    /// # Panics
    /// If the layers do not fit together ([`Network::validate`]) or `inputs` has a different number of columns
    /// from the inputs of the first layer.
    ///
    /// ```
    /// use infoplane_train::{Network, Nonlinearity, network::Initialization};
    /// use ndarray::Array2;
    /// let start = Initialization::default();
    /// let network =
    ///     Network::initialized(&[4, 3, 2], &[Nonlinearity::Tanh, Nonlinearity::Softmax], &start, 1)?;
    /// let activations = network.activations(Array2::ones((5, 4)).view());
    /// assert_eq!(activations.layers[0].dim(), (5, 3));
    /// assert!(activations.layers[1].rows().into_iter().all(|row| (row.sum() - 1.0).abs() < 1e-6));
    /// # Ok::<(), infoplane_train::network::NetworkError>(())
    /// ```
    pub fn activations(&self, inputs: ArrayView2<'_, f32>) -> Activations {
        let mut activations = Activations { layers: Vec::new() };
        self.activations_into(inputs, &mut activations);
        activations
    }

    /// As [`Network::activations`], reusing the memory of earlier activations of the same shape.
    ///
    /// For narrow networks, allocating memory takes half the time of a forward pass.
    ///
    /// # Panics
    /// As [`Network::activations`].
    pub fn activations_into(&self, inputs: ArrayView2<'_, f32>, activations: &mut Activations) {
        self.validate().expect("layers of a network fit together");
        let parameters = Parameters::of(self);
        let widths = &parameters.shape.widths;
        assert_eq!(inputs.ncols(), widths[0], "columns of the inputs, inputs of the first layer");
        let inputs = inputs.as_standard_layout();
        let inputs = inputs.as_slice().expect("standard layout");
        let n_samples = inputs.len() / widths[0];

        let layers = &mut activations.layers;
        layers.resize_with(widths.len() - 1, || Array2::zeros((0, 0)));
        for (layer, &width) in layers.iter_mut().zip(&widths[1..]) {
            if layer.dim() != (n_samples, width) || !layer.is_standard_layout() {
                *layer = Array2::zeros((n_samples, width));
            }
        }
        // For each block, the rows of every layer that it fills.
        let mut blocks: Vec<(&[f32], Vec<&mut [f32]>)> =
            inputs.chunks(BLOCK * widths[0]).map(|rows| (rows, Vec::new())).collect();
        for (layer, width) in layers.iter_mut().zip(&widths[1..]) {
            let rows = layer.as_slice_mut().expect("standard layout").chunks_mut(BLOCK * width);
            blocks.iter_mut().zip(rows).for_each(|(block, rows)| block.1.push(rows));
        }
        blocks.par_iter_mut().for_each_init(
            || Batch::new(&parameters.shape, BLOCK),
            |batch, (inputs, outputs)| {
                poll();
                run_block(&parameters, inputs, outputs, batch);
            },
        );
    }
}

/// The forward pass of a block.
fn run_block(parameters: &Parameters, inputs: &[f32], outputs: &mut [&mut [f32]], batch: &mut Batch) {
    let level = simd::level();
    let shape = &parameters.shape;
    let width = shape.widths[0];
    let stride = padded(inputs.len() / width);
    batch.set_stride(shape, stride);
    let t = &mut batch.layers[0];
    transpose(level, &Unpadded { values: inputs, width }, stride, padded(width), t, stride);
    // The vector also loaded entries beyond the row's end.
    t[width * stride..][..stride].fill(1.0);
    parameters.forward(level, batch);
    for ((output, t), &width) in outputs.iter_mut().zip(&batch.layers[1..]).zip(&shape.widths[1..]) {
        transpose_unpadded(level, t, stride, output, width);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Initialization;
    use crate::{Layer, Nonlinearity};
    use Nonlinearity::*;

    /// Passes one sample through one layer, in double precision.
    fn layer_oracle(layer: &Layer, t: &[f64]) -> Vec<f64> {
        let z: Vec<f64> = layer
            .weights
            .rows()
            .into_iter()
            .zip(&layer.biases)
            .map(|(row, &b)| row.iter().zip(t).map(|(&w, t)| f64::from(w) * t).sum::<f64>() + f64::from(b))
            .collect();
        let total: f64 = z.iter().map(|z| z.exp()).sum();
        z.iter()
            .map(|&z| match layer.nonlinearity {
                Softmax => z.exp() / total,
                other => crate::network::oracle::value(other, z),
            })
            .collect()
    }

    #[test]
    fn every_nonlinearity_agrees_with_double_precision() {
        for nonlinearity in crate::network::oracle::ELEMENTWISE {
            let start = Initialization { bias: 0.1, ..Initialization::default() };
            let kinds = [nonlinearity, nonlinearity, Softmax];
            // 300 samples: more than a block, and no multiple of a vector.
            let network = Network::initialized(&[5, 17, 3, 4], &kinds, &start, 3).unwrap();
            let inputs = Array2::from_shape_fn((300, 5), |(i, j)| ((i * 7 + j * 13) % 11) as f32 * 0.6 - 3.0);
            let activations = network.activations(inputs.view());
            for (i, input) in inputs.rows().into_iter().enumerate() {
                let mut t: Vec<f64> = input.iter().map(|&x| f64::from(x)).collect();
                for (layer, got) in network.layers.iter().zip(&activations.layers) {
                    t = layer_oracle(layer, &t);
                    for (&got, exact) in got.row(i).iter().zip(&t) {
                        assert!((f64::from(got) - exact).abs() < 3e-6, "{nonlinearity:?}: {got} {exact}");
                    }
                }
            }
        }
    }

    #[test]
    fn activations_have_the_same_bits_for_any_number_of_threads() {
        let start = Initialization::default();
        let network = Network::initialized(&[40, 300, 20, 2], &[Tanh, Gelu, Softmax], &start, 5).unwrap();
        let inputs = Array2::from_shape_fn((700, 40), |(i, j)| ((i * 31 + j * 17) % 23) as f32 / 23.0);
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| network.activations(inputs.view()))
        };
        assert_eq!(run(1), run(2));
        assert_eq!(run(1), run(8));
    }

    #[test]
    fn memory_of_any_shape_can_be_used_again() {
        let start = Initialization::default();
        let network = Network::initialized(&[3, 5, 2], &[Tanh, Softmax], &start, 5).unwrap();
        let inputs = Array2::from_shape_fn((20, 3), |(i, j)| (i + j) as f32 * 0.1);
        let fresh = network.activations(inputs.view());
        let mut used =
            Activations { layers: vec![Array2::ones((5, 20)).reversed_axes(), Array2::ones((1, 1))] };
        network.activations_into(inputs.view(), &mut used);
        assert_eq!(used, fresh);
        network.activations_into(inputs.view(), &mut used);
        assert_eq!(used, fresh);
    }

    #[test]
    fn a_sample_does_not_depend_on_its_neighbours() {
        let start = Initialization::default();
        let network = Network::initialized(&[3, 5, 2], &[Tanh, Softmax], &start, 5).unwrap();
        let inputs = Array2::from_shape_fn((50, 3), |(i, j)| (i + j) as f32 * 0.1);
        let all = network.activations(inputs.view());
        for i in 0..50 {
            let one = network.activations(inputs.slice(ndarray::s![i..=i, ..]));
            assert_eq!(one.layers[1].row(0), all.layers[1].row(i));
        }
        assert_eq!(network.activations(Array2::zeros((0, 3)).view()).layers[1].dim(), (0, 2));
    }
}
