//! Keyframes as safetensors files, which PyTorch, NumPy and JAX read too.

use std::collections::HashMap;

use ndarray::{Array1, Array2};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};

use super::{Keyframe, StopState};
use crate::network::NetworkError;
use crate::{Layer, Network, Nonlinearity};

/// The one entry of the file's metadata. One, because a second would make the order of bytes a matter of chance.
const METADATA: &str = "infoplane";

/// What a keyframe holds beside its tensors.
#[derive(Debug, Serialize, Deserialize)]
struct Description {
    epoch: u64,
    steps: u64,
    seed: u64,
    stop: Option<StopState>,
    nonlinearities: Vec<Nonlinearity>,
    n_moments: usize,
}

/// Why bytes are no keyframe.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyframeError {
    /// No safetensors file at all: cut short, oversized, or something else.
    #[error("no valid safetensors file: {reason}")]
    Format {
        /// What its reader says.
        reason: String,
    },
    /// The metadata do not describe a keyframe.
    #[error("the metadata entry `infoplane` does not describe a keyframe: {reason}")]
    Description {
        /// What is missing or wrong.
        reason: String,
    },
    /// A tensor that is missing, or is not what it should be.
    #[error("tensor {name}: {reason}")]
    Tensor {
        /// Its name in the file.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// Layers that do not fit together.
    #[error(transparent)]
    Network(#[from] NetworkError),
}

impl Keyframe {
    /// The bytes of a safetensors file: single-precision tensors `layers.0.weight`, `layers.0.bias`, … as a
    /// `torch.nn.Linear` names and shapes them, and `moments.0.layers.0.weight`, … for the optimizer.
    ///
    /// The same keyframe gives the same bytes.
    ///
    /// ```
    /// use infoplane::{Network, Nonlinearity, network::Initialization, train::Keyframe};
    /// let kinds = [Nonlinearity::Tanh];
    /// let network = Network::initialized(&[3, 2], &kinds, &Initialization::default(), 1)?;
    /// let keyframe = Keyframe { epoch: 0, steps: 0, seed: 1, stop: None, network, moments: vec![] };
    /// assert_eq!(Keyframe::from_safetensors(&keyframe.to_safetensors())?, keyframe);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn to_safetensors(&self) -> Vec<u8> {
        let description = Description {
            epoch: self.epoch,
            steps: self.steps,
            seed: self.seed,
            stop: self.stop,
            nonlinearities: self.network.layers.iter().map(|layer| layer.nonlinearity).collect(),
            n_moments: self.moments.len(),
        };
        let networks = std::iter::once(&self.network).chain(&self.moments);
        let mut tensors: Vec<(String, Vec<usize>, Vec<u8>)> = Vec::new();
        for (network, prefix) in networks.zip(prefixes(self.moments.len())) {
            for (l, layer) in network.layers.iter().enumerate() {
                let weights = layer.weights.iter().flat_map(|w| w.to_le_bytes()).collect();
                let biases = layer.biases.iter().flat_map(|b| b.to_le_bytes()).collect();
                tensors.push((format!("{prefix}layers.{l}.weight"), layer.weights.shape().to_vec(), weights));
                tensors.push((format!("{prefix}layers.{l}.bias"), layer.biases.shape().to_vec(), biases));
            }
        }
        let views = tensors.iter().map(|(name, shape, bytes)| {
            let view = TensorView::new(Dtype::F32, shape.clone(), bytes);
            (name, view.expect("four bytes per entry of the shape"))
        });
        let description = serde_json::to_string(&description).expect("numbers and names");
        let metadata = HashMap::from([(METADATA.to_owned(), description)]);
        safetensors::serialize(views, Some(metadata)).expect("names and shapes of our own")
    }

    /// The keyframe in the bytes of a safetensors file.
    ///
    /// # Errors
    /// [`KeyframeError`] for anything [`Keyframe::to_safetensors`] would not have written.
    pub fn from_safetensors(bytes: &[u8]) -> Result<Keyframe, KeyframeError> {
        let format =
            |error: safetensors::SafeTensorError| KeyframeError::Format { reason: error.to_string() };
        let tensors = SafeTensors::deserialize(bytes).map_err(format)?;
        let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(format)?;
        let entry = metadata.metadata().as_ref().and_then(|metadata| metadata.get(METADATA));
        let entry = entry.ok_or_else(|| KeyframeError::Description { reason: "it is missing".to_owned() })?;
        let description: Description = serde_json::from_str(entry)
            .map_err(|error| KeyframeError::Description { reason: error.to_string() })?;
        let Description { epoch, steps, seed, stop, nonlinearities, n_moments } = description;
        if n_moments > 2 {
            let reason = format!("{n_moments} moments, where an optimizer has at most 2");
            return Err(KeyframeError::Description { reason });
        }
        let mut networks = Vec::new();
        for prefix in prefixes(n_moments) {
            let mut layers = Vec::new();
            for (l, &nonlinearity) in nonlinearities.iter().enumerate() {
                let (shape, weights) = read(&tensors, &format!("{prefix}layers.{l}.weight"), 2)?;
                let (_, biases) = read(&tensors, &format!("{prefix}layers.{l}.bias"), 1)?;
                let weights = Array2::from_shape_vec((shape[0], shape[1]), weights)
                    .map_err(|error| KeyframeError::Format { reason: error.to_string() })?;
                layers.push(Layer { weights, biases: Array1::from_vec(biases), nonlinearity });
            }
            networks.push(Network::new(layers)?);
        }
        let moments = networks.split_off(1);
        let network = networks.pop().expect("the network stands before its moments");
        Ok(Keyframe { epoch, steps, seed, stop, network, moments })
    }
}

/// What stands before the names of the network's tensors, then of each moment's.
fn prefixes(n_moments: usize) -> impl Iterator<Item = String> {
    std::iter::once(String::new()).chain((0..n_moments).map(|moment| format!("moments.{moment}.")))
}

/// Shape and entries of a tensor with `n_dimensions` dimensions.
fn read(
    tensors: &SafeTensors<'_>,
    name: &str,
    n_dimensions: usize,
) -> Result<(Vec<usize>, Vec<f32>), KeyframeError> {
    let error = |reason: String| KeyframeError::Tensor { name: name.to_owned(), reason };
    let tensor = tensors.tensor(name).map_err(|e| error(e.to_string()))?;
    if tensor.dtype() != Dtype::F32 || tensor.shape().len() != n_dimensions {
        let found = format!("{:?} with {} dimensions", tensor.dtype(), tensor.shape().len());
        return Err(error(format!("{found}; allowed is F32 with {n_dimensions}")));
    }
    let (entries, _) = tensor.data().as_chunks::<4>();
    let entries: Vec<f32> = entries.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
    match entries.iter().find(|value| !value.is_finite()) {
        Some(value) => Err(error(format!("holds {value}; only finite values are allowed"))),
        None => Ok((tensor.shape().to_vec(), entries)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Initialization;

    fn keyframe() -> Keyframe {
        let kinds = [Nonlinearity::Tanh, Nonlinearity::Softmax];
        let network =
            |seed| Network::initialized(&[12, 5, 2], &kinds, &Initialization::default(), seed).unwrap();
        Keyframe {
            epoch: 120,
            steps: 1560,
            seed: 1,
            stop: None,
            network: network(1),
            moments: vec![network(2), network(3)],
        }
    }

    #[test]
    fn a_keyframe_survives_and_has_the_same_bytes_again() {
        let keyframe = keyframe();
        let bytes = keyframe.to_safetensors();
        assert_eq!(Keyframe::from_safetensors(&bytes).unwrap(), keyframe);
        assert_eq!(keyframe.to_safetensors(), bytes);
        let tensors = SafeTensors::deserialize(&bytes).unwrap();
        assert_eq!(tensors.tensor("layers.0.weight").unwrap().shape(), [5, 12]);
        assert_eq!(tensors.tensor("layers.1.bias").unwrap().shape(), [2]);
    }

    #[test]
    fn a_file_cut_anywhere_is_refused() {
        let bytes = keyframe().to_safetensors();
        for end in (0..bytes.len()).step_by(7) {
            assert!(Keyframe::from_safetensors(&bytes[..end]).is_err(), "{end} bytes");
        }
        let mut promises = bytes.clone();
        promises[..8].copy_from_slice(&(1u64 << 60).to_le_bytes());
        assert!(matches!(Keyframe::from_safetensors(&promises), Err(KeyframeError::Format { .. })));
    }

    #[test]
    fn what_is_wrong_with_a_file_is_named() {
        let mut broken = keyframe();
        broken.network.layers[1].weights[[0, 0]] = f32::NAN;
        let error = Keyframe::from_safetensors(&broken.to_safetensors()).unwrap_err().to_string();
        assert!(error.contains("layers.1.weight") && error.contains("NaN"), "{error}");
        let mut unfit = keyframe();
        unfit.network.layers[1].weights = Array2::zeros((2, 4));
        let error = Keyframe::from_safetensors(&unfit.to_safetensors());
        assert!(matches!(error, Err(KeyframeError::Network(_))), "{error:?}");
        let bare = safetensors::serialize(Vec::<(String, TensorView<'_>)>::new(), None).unwrap();
        let error = Keyframe::from_safetensors(&bare).unwrap_err().to_string();
        assert!(error.contains("infoplane"), "{error}");
    }
}
