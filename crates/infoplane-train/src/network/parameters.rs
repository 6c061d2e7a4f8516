//! All weights and biases of a network in one slice, in the layout of the kernels.

use fearless_simd::Level;
use ndarray::{Array1, Array2};

use super::kernels::{Aligned, Left, Right, activate, multiply, padded};
use super::{Layer, Network, Nonlinearity};

/// The position of each layer's numbers in a flat slice of parameters (or gradients, or moments).
///
/// Layer l, from 0, is a matrix of `widths[l + 1]` rows: the weights of a unit, its bias, zeros up to
/// `strides[l]`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Shape {
    pub widths: Vec<usize>,
    pub nonlinearities: Vec<Nonlinearity>,
    pub strides: Vec<usize>,
    offsets: Vec<usize>,
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.widths[0])?;
        let mut layers = self.widths[1..].iter().zip(&self.nonlinearities);
        layers.try_for_each(|(width, nonlinearity)| write!(f, "-{width} {nonlinearity:?}"))
    }
}

impl Shape {
    pub(crate) fn of(network: &Network) -> Shape {
        let widths = network.widths();
        let strides: Vec<usize> = widths[..widths.len() - 1].iter().map(|width| padded(width + 1)).collect();
        let mut offsets = vec![0];
        for (stride, width) in strides.iter().zip(&widths[1..]) {
            offsets.push(offsets[offsets.len() - 1] + stride * width);
        }
        let nonlinearities = network.layers.iter().map(|layer| layer.nonlinearity).collect();
        Shape { widths, nonlinearities, strides, offsets }
    }

    pub(crate) fn n_layers(&self) -> usize {
        self.nonlinearities.len()
    }

    /// Returns the length of the flat slice.
    pub(crate) fn len(&self) -> usize {
        self.offsets[self.n_layers()]
    }

    /// Returns the position of layer `l`.
    pub(crate) fn range(&self, l: usize) -> std::ops::Range<usize> {
        self.offsets[l]..self.offsets[l + 1]
    }

    /// Returns the weights of layer `l`, unit by unit, without biases and padding.
    pub(crate) fn weights<'a>(&self, l: usize, values: &'a [f32]) -> impl Iterator<Item = &'a [f32]> {
        let width = self.widths[l];
        values[self.range(l)].chunks_exact(self.strides[l]).map(move |row| &row[..width])
    }
}

/// The parameters of a network.
#[derive(Debug, Clone)]
pub(crate) struct Parameters {
    pub shape: Shape,
    pub values: Aligned,
}

impl Parameters {
    pub(crate) fn of(network: &Network) -> Parameters {
        let shape = Shape::of(network);
        let mut values = Aligned::zeros(shape.len());
        for (l, layer) in network.layers.iter().enumerate() {
            let rows = values[shape.range(l)].chunks_exact_mut(shape.strides[l]);
            for ((row, weights), &bias) in rows.zip(layer.weights.rows()).zip(&layer.biases) {
                for (value, &weight) in row.iter_mut().zip(weights) {
                    *value = weight;
                }
                row[shape.widths[l]] = bias;
            }
        }
        Parameters { shape, values }
    }

    pub(crate) fn to_network(&self) -> Network {
        let shape = &self.shape;
        let layers = (0..shape.n_layers()).map(|l| {
            let rows: Vec<&[f32]> = self.values[shape.range(l)].chunks_exact(shape.strides[l]).collect();
            let input_width = shape.widths[l];
            Layer {
                weights: Array2::from_shape_fn((rows.len(), input_width), |(unit, input)| rows[unit][input]),
                biases: Array1::from_iter(rows.iter().map(|row| row[input_width])),
                nonlinearity: shape.nonlinearities[l],
            }
        });
        Network { layers: layers.collect() }
    }

    /// z = W t + b of layer `l` for a batch, both unit-major; `t` has its row of ones.
    pub(crate) fn preactivate(&self, level: Level, l: usize, t: &[f32], stride: usize, z: &mut [f32]) {
        let shape = &self.shape;
        let weights =
            Left { values: &self.values[shape.range(l)], stride: shape.strides[l], transposed: false };
        let batch = Right { values: t, stride, depth: shape.widths[l] + 1 };
        multiply(level, weights, batch, z, stride);
    }

    /// The whole forward pass: fills `batch` from its inputs on.
    pub(crate) fn forward(&self, level: Level, batch: &mut Batch) {
        for l in 0..self.shape.n_layers() {
            let stride = batch.stride;
            let (t, z) = batch.pair(&self.shape, l);
            self.preactivate(level, l, t, stride, z);
            activate(level, self.shape.nonlinearities[l], z, stride);
        }
    }
}

/// The activations of a batch, unit-major: `layers[0]` is the input, each followed by its row of ones.
#[derive(Debug)]
pub(crate) struct Batch {
    pub layers: Vec<Aligned>,
    pub stride: usize,
}

impl Batch {
    /// Room for `n_samples` samples.
    pub(crate) fn new(shape: &Shape, n_samples: usize) -> Batch {
        let rows = shape.widths.iter().map(|width| padded(width + 1));
        let layers = rows.map(|rows| Aligned::zeros(rows * padded(n_samples))).collect();
        let mut batch = Batch { layers, stride: 0 };
        batch.set_stride(shape, padded(n_samples));
        batch
    }

    /// Arranges the rows for batches of up to `stride` samples.
    pub(crate) fn set_stride(&mut self, shape: &Shape, stride: usize) {
        if stride == self.stride {
            return;
        }
        self.stride = stride;
        for (layer, width) in self.layers.iter_mut().zip(&shape.widths) {
            let used = padded(width + 1) * stride;
            layer[width * stride..used].fill(0.0);
            layer[width * stride..(width + 1) * stride].fill(1.0);
        }
    }

    /// Returns the input of layer `l` and the place of its output.
    pub(crate) fn pair(&mut self, shape: &Shape, l: usize) -> (&[f32], &mut [f32]) {
        let (before, after) = self.layers.split_at_mut(l + 1);
        (&before[l], &mut after[0][..shape.widths[l + 1] * self.stride])
    }
}
