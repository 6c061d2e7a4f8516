//! A dense network, its forward pass, and the output of each layer.

mod activations;
mod build;
mod initialize;
pub(crate) mod kernels;
#[cfg(test)]
pub(crate) mod oracle;
mod parameters;
mod quantised;

use ndarray::{Array1, Array2};
use schemars::JsonSchema;
use serde::de::IntoDeserializer;
use serde::de::value::StrDeserializer;
use serde::{Deserialize, Serialize};

pub use build::NetworkError;
pub use initialize::{Initialization, Initializer};
pub(crate) use parameters::{Batch, Parameters, Shape};
pub use quantised::MAX_QUANTISED_BITS;

/// The nonlinearity that a layer applies to `z = W t + b`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Nonlinearity {
    /// z
    Linear,
    /// tanh z
    Tanh,
    /// max(0, z)
    Relu,
    /// z for z > 0, else 0.01 z
    LeakyRelu,
    /// z for z > 0, else eᶻ − 1
    Elu,
    /// z Φ(z), with the normal distribution function Φ (exact, not the tanh approximation)
    Gelu,
    /// 1 / (1 + e⁻ᶻ)
    Sigmoid,
    /// z clipped to [−1, 1]
    HardTanh,
    /// ln(1 + eᶻ)
    Softplus,
    /// z / (1 + |z|)
    Softsign,
    /// eᶻ / Σ eᶻ over the layer's units; for output layers
    Softmax,
}

/// A dense layer, t ↦ f(W t + b).
#[derive(Debug, Clone, PartialEq)]
pub struct Layer {
    /// W, `(width, input_width)`, as PyTorch keeps it.
    pub weights: Array2<f32>,
    /// b, `(width)`.
    pub biases: Array1<f32>,
    /// f.
    pub nonlinearity: Nonlinearity,
}

/// Dense layers, the first nearest the input.
#[derive(Debug, Clone, PartialEq)]
pub struct Network {
    /// The layers; the width of each is the input width of the next.
    pub layers: Vec<Layer>,
}

/// The output of each layer for each sample: `layers[l]` is `(n_samples, width of layer l + 1)`.
#[derive(Debug, Clone, PartialEq)]
pub struct Activations {
    /// T₁, T₂, … in the order of the network; the last is the output.
    pub layers: Vec<Array2<f32>>,
}

impl Nonlinearity {
    /// Returns the one that has this [name](Nonlinearity::name).
    ///
    /// ```
    /// use infoplane_train::Nonlinearity;
    /// assert_eq!(Nonlinearity::named("hard-tanh"), Some(Nonlinearity::HardTanh));
    /// assert_eq!(Nonlinearity::named("swish"), None);
    /// ```
    pub fn named(name: &str) -> Option<Self> {
        let name: StrDeserializer<'_, serde::de::value::Error> = name.into_deserializer();
        Nonlinearity::deserialize(name).ok()
    }

    /// Returns its name in configuration files and figures.
    pub const fn name(self) -> &'static str {
        match self {
            Nonlinearity::Linear => "linear",
            Nonlinearity::Tanh => "tanh",
            Nonlinearity::Relu => "relu",
            Nonlinearity::LeakyRelu => "leaky-relu",
            Nonlinearity::Elu => "elu",
            Nonlinearity::Gelu => "gelu",
            Nonlinearity::Sigmoid => "sigmoid",
            Nonlinearity::HardTanh => "hard-tanh",
            Nonlinearity::Softplus => "softplus",
            Nonlinearity::Softsign => "softsign",
            Nonlinearity::Softmax => "softmax",
        }
    }

    /// Returns the closed interval in which f(z) lies, or `None` if f has no bounds on one side or the other.
    ///
    /// This is the natural range for equal bins. ReLU has only a lower bound, hence `None`.
    ///
    /// ```
    /// use infoplane_train::Nonlinearity;
    /// assert_eq!(Nonlinearity::Tanh.range(), Some((-1.0, 1.0)));
    /// assert_eq!(Nonlinearity::Relu.range(), None);
    /// ```
    pub const fn range(self) -> Option<(f64, f64)> {
        match self {
            Nonlinearity::Tanh | Nonlinearity::HardTanh | Nonlinearity::Softsign => Some((-1.0, 1.0)),
            Nonlinearity::Sigmoid | Nonlinearity::Softmax => Some((0.0, 1.0)),
            Nonlinearity::Linear
            | Nonlinearity::Relu
            | Nonlinearity::LeakyRelu
            | Nonlinearity::Elu
            | Nonlinearity::Gelu
            | Nonlinearity::Softplus => None,
        }
    }
}
