//! Construction and validation of networks.

use super::{Layer, Network, Nonlinearity};

/// Why layers do not form a network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NetworkError {
    /// There is no layer.
    #[error("a network needs at least one layer")]
    NoLayers,
    /// A layer without units, or without inputs.
    #[error("layer {layer} has {width} units and {input_width} inputs; both must be at least 1")]
    EmptyLayer {
        /// The layer, from 1.
        layer: usize,
        /// Its units.
        width: usize,
        /// Its inputs.
        input_width: usize,
    },
    /// The input width of a layer differs from the width of the layer before it.
    #[error("layer {layer} takes {input_width} inputs, but the layer before it has {previous} units")]
    WidthMismatch {
        /// The layer, from 1.
        layer: usize,
        /// The inputs it takes.
        input_width: usize,
        /// The width of the layer before.
        previous: usize,
    },
    /// Biases and weights disagree about the number of units.
    #[error("layer {layer} has {biases} biases for {width} units")]
    BiasMismatch {
        /// The layer, from 1.
        layer: usize,
        /// Biases given.
        biases: usize,
        /// Rows of the weights.
        width: usize,
    },
    /// Softmax anywhere but at the output.
    #[error("layer {layer} of {n_layers} is softmax, which only the output layer can be")]
    SoftmaxInside {
        /// The layer, from 1.
        layer: usize,
        /// The number of layers.
        n_layers: usize,
    },
}

impl Network {
    /// Creates a network of these layers, the first nearest the input.
    ///
    /// # Errors
    /// [`NetworkError`] if there is no layer, if the widths do not chain, if a layer has another number of
    /// biases than units, or if a layer other than the last is softmax.
    ///
    /// ```
    /// use infoplane_train::{Layer, Network, Nonlinearity};
    /// use ndarray::{Array1, Array2};
    /// let layer = |inputs, width, nonlinearity| Layer {
    ///     weights: Array2::zeros((width, inputs)),
    ///     biases: Array1::zeros(width),
    ///     nonlinearity,
    /// };
    /// let layers = vec![layer(12, 3, Nonlinearity::Tanh), layer(3, 2, Nonlinearity::Softmax)];
    /// assert_eq!(Network::new(layers.clone())?.widths(), [12, 3, 2]);
    /// assert!(Network::new(layers.into_iter().rev().collect()).is_err());
    /// # Ok::<(), infoplane_train::network::NetworkError>(())
    /// ```
    pub fn new(layers: Vec<Layer>) -> Result<Network, NetworkError> {
        let network = Network { layers };
        network.validate()?;
        Ok(network)
    }

    /// Checks that the layers fit together, as [`Network::new`] requires; for networks built by hand.
    ///
    /// # Errors
    /// As [`Network::new`].
    pub fn validate(&self) -> Result<(), NetworkError> {
        let n_layers = self.layers.len();
        let mut previous = None;
        for (layer, l) in (1..).zip(&self.layers) {
            let (width, input_width) = l.weights.dim();
            if width == 0 || input_width == 0 {
                return Err(NetworkError::EmptyLayer { layer, width, input_width });
            }
            if let Some(previous) = previous.filter(|&previous| previous != input_width) {
                return Err(NetworkError::WidthMismatch { layer, input_width, previous });
            }
            if l.biases.len() != width {
                return Err(NetworkError::BiasMismatch { layer, biases: l.biases.len(), width });
            }
            if l.nonlinearity == Nonlinearity::Softmax && layer != n_layers {
                return Err(NetworkError::SoftmaxInside { layer, n_layers });
            }
            previous = Some(width);
        }
        if n_layers == 0 { Err(NetworkError::NoLayers) } else { Ok(()) }
    }

    /// Returns the width of the input, then of every layer.
    pub fn widths(&self) -> Vec<usize> {
        let input = self.layers.first().map(|layer| layer.weights.ncols());
        input.into_iter().chain(self.layers.iter().map(|layer| layer.weights.nrows())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array1, Array2};

    fn layer(inputs: usize, width: usize, nonlinearity: Nonlinearity) -> Layer {
        Layer { weights: Array2::zeros((width, inputs)), biases: Array1::zeros(width), nonlinearity }
    }

    #[test]
    fn layers_that_do_not_fit_are_refused_by_name() {
        use Nonlinearity::{Softmax, Tanh};
        assert_eq!(Network::new(vec![]), Err(NetworkError::NoLayers));
        assert_eq!(
            Network::new(vec![layer(2, 3, Tanh), layer(4, 2, Softmax)]),
            Err(NetworkError::WidthMismatch { layer: 2, input_width: 4, previous: 3 })
        );
        assert_eq!(
            Network::new(vec![layer(2, 3, Softmax), layer(3, 2, Softmax)]),
            Err(NetworkError::SoftmaxInside { layer: 1, n_layers: 2 })
        );
        assert_eq!(
            Network::new(vec![layer(2, 0, Tanh)]),
            Err(NetworkError::EmptyLayer { layer: 1, width: 0, input_width: 2 })
        );
        let mut odd = layer(2, 3, Tanh);
        odd.biases = Array1::zeros(2);
        assert_eq!(
            Network::new(vec![odd]),
            Err(NetworkError::BiasMismatch { layer: 1, biases: 2, width: 3 })
        );
    }
}
