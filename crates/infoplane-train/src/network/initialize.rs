//! Initialization of networks.

use ndarray::{Array1, Array2};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Layer, Network, NetworkError, Nonlinearity};
use infoplane_estimators::random::{Purpose, generator, normal, truncated_normal, uniform};

/// The distribution of initial weights. *n* is the number of inputs of the layer (fan-in), *m* its width.
///
/// Truncated means that values beyond two standard deviations are drawn again, as in TensorFlow; the standard deviation
/// given is that before truncation (afterwards it is 0.88 times as large). The other normal distributions are not
/// truncated, as in PyTorch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Initializer {
    /// Truncated normal, standard deviation 1/√n (Shwartz-Ziv & Tishby 2017).
    #[default]
    TruncatedNormalFanIn,
    /// Truncated normal, standard deviation 1/√m (Saxe et al. 2018).
    TruncatedNormalOwnWidth,
    /// Uniform on ±√(6/(n + m)) (Glorot & Bengio 2010).
    GlorotUniform,
    /// Normal, variance 2/(n + m).
    GlorotNormal,
    /// Uniform on ±√(6/n) (He et al. 2015).
    HeUniform,
    /// Normal, variance 2/n.
    HeNormal,
    /// Uniform on ±√(3/n) (LeCun et al. 1998).
    LecunUniform,
    /// Normal, variance 1/n.
    LecunNormal,
}

/// The initial weights and biases of a network.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Initialization {
    /// The distribution of the weights.
    pub weights: Initializer,
    /// The value of every bias.
    pub bias: f32,
}

impl Initializer {
    /// Returns one weight of a layer with `n` inputs and `m` units.
    fn draw(self, random: &mut impl rand_chacha::rand_core::Rng, n: f64, m: f64) -> f64 {
        let mut symmetric = |limit: f64| (2.0 * uniform(random) - 1.0) * limit;
        match self {
            Initializer::GlorotUniform => symmetric((6.0 / (n + m)).sqrt()),
            Initializer::HeUniform => symmetric((6.0 / n).sqrt()),
            Initializer::LecunUniform => symmetric((3.0 / n).sqrt()),
            Initializer::TruncatedNormalFanIn => truncated_normal(random) / n.sqrt(),
            Initializer::TruncatedNormalOwnWidth => truncated_normal(random) / m.sqrt(),
            Initializer::GlorotNormal => normal(random) * (2.0 / (n + m)).sqrt(),
            Initializer::HeNormal => normal(random) * (2.0 / n).sqrt(),
            Initializer::LecunNormal => normal(random) / n.sqrt(),
        }
    }
}

impl Network {
    /// Creates an untrained network, which depends only on the arguments.
    ///
    /// `widths`: the width of the input, then of every layer; `nonlinearities`: one per layer.
    /// A layer's weights do not depend on the layers after it.
    ///
    /// # Errors
    /// [`NetworkError`] as for [`Network::new`]; missing nonlinearities count as missing layers.
    ///
    /// ```
    /// use infoplane_train::{Network, Nonlinearity, network::Initialization};
    /// use Nonlinearity::{Softmax, Tanh};
    /// let start = Initialization::default();
    /// let network = Network::initialized(&[12, 10, 2], &[Tanh, Softmax], &start, 7)?;
    /// assert_eq!(network, Network::initialized(&[12, 10, 2], &[Tanh, Softmax], &start, 7)?);
    /// # Ok::<(), infoplane_train::network::NetworkError>(())
    /// ```
    pub fn initialized(
        widths: &[usize],
        nonlinearities: &[Nonlinearity],
        initialization: &Initialization,
        seed: u64,
    ) -> Result<Network, NetworkError> {
        let layers = widths
            .windows(2)
            .zip(nonlinearities)
            .enumerate()
            .map(|(number, (pair, &nonlinearity))| {
                let (n, m) = (pair[0], pair[1]);
                let mut random = generator(seed, Purpose::Initialization, number as u64);
                let draw = || initialization.weights.draw(&mut random, n as f64, m as f64) as f32;
                Layer {
                    weights: Array2::from_shape_simple_fn((m, n), draw),
                    biases: Array1::from_elem(m, initialization.bias),
                    nonlinearity,
                }
            })
            .collect();
        Network::new(layers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_have_the_variance_their_initializer_names() {
        // Variance of a normal distribution cut at two standard deviations, relative to the uncut one.
        const CUT: f64 = 0.773_741;
        let (n, m) = (200, 150);
        let (a, b) = (n as f64, m as f64);
        for (initializer, variance) in [
            (Initializer::TruncatedNormalFanIn, CUT / a),
            (Initializer::TruncatedNormalOwnWidth, CUT / b),
            (Initializer::GlorotUniform, 2.0 / (a + b)),
            (Initializer::GlorotNormal, 2.0 / (a + b)),
            (Initializer::HeUniform, 2.0 / a),
            (Initializer::HeNormal, 2.0 / a),
            (Initializer::LecunUniform, 1.0 / a),
            (Initializer::LecunNormal, 1.0 / a),
        ] {
            let start = Initialization { weights: initializer, bias: 0.25 };
            let network = Network::initialized(&[n, m], &[Nonlinearity::Tanh], &start, 11).unwrap();
            let layer = &network.layers[0];
            let got = layer.weights.iter().map(|&w| f64::from(w).powi(2)).sum::<f64>() / (a * b);
            // The relative standard error of a variance of normal draws is √(2/30000) = 0.8 %.
            assert!((got / variance - 1.0).abs() < 0.03, "{initializer:?}: {got} for {variance}");
            assert!(layer.biases.iter().all(|&b| b == 0.25));
        }
    }

    #[test]
    fn another_seed_gives_another_network() {
        let start = Initialization::default();
        let network = |seed| Network::initialized(&[3, 3], &[Nonlinearity::Tanh], &start, seed).unwrap();
        assert_ne!(network(1), network(2));
    }

    #[test]
    fn initializers_are_named_in_kebab_case() {
        let start: Initialization = toml::from_str("weights = \"truncated-normal-own-width\"").unwrap();
        assert_eq!(start.weights, Initializer::TruncatedNormalOwnWidth);
        assert!(toml::from_str::<Initialization>("weight = 1").is_err());
    }
}
