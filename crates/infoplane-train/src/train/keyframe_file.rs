//! Keyframes as safetensors files, which PyTorch, NumPy and JAX read too.

use std::collections::HashMap;

use ndarray::{Array1, Array2};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use twox_hash::XxHash3_128;

use super::{Keyframe, StopState};
use crate::network::NetworkError;
use crate::{Layer, Network, Nonlinearity};

/// The one entry of the file's metadata. One, because a second would make the order of bytes a matter of chance.
const METADATA: &str = "infoplane";

/// The description in a keyframe beside its tensors.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    epoch: u64,
    steps: u64,
    seed: u64,
    /// In hexadecimal: JSON has no whole numbers of 128 bits.
    training: String,
    stop: Option<StopState>,
    nonlinearities: Vec<Nonlinearity>,
    n_moments: usize,
    /// Of everything else in the file; empty while it is being computed.
    digest: String,
}

impl Description {
    /// Returns the checksum of this description and of `tensors`, (name, shape, bytes).
    fn digest_with<'a>(
        &mut self,
        tensors: impl IntoIterator<Item = (&'a str, &'a [usize], &'a [u8])>,
    ) -> String {
        self.digest.clear();
        let mut tensors: Vec<_> = tensors.into_iter().collect();
        // The file has an order of its own.
        tensors.sort_unstable();
        let mut state = XxHash3_128::new();
        // Lengths come before what they count, so that no two keyframes write the same bytes.
        let mut write = |bytes: &[u8]| {
            state.write(&(bytes.len() as u64).to_le_bytes());
            state.write(bytes);
        };
        write(serde_json::to_string(self).expect("numbers and names").as_bytes());
        for (name, shape, bytes) in tensors {
            write(name.as_bytes());
            let shape: Vec<u8> = shape.iter().flat_map(|&n| (n as u64).to_le_bytes()).collect();
            write(&shape);
            write(bytes);
        }
        format!("xxh3-128:{:032x}", state.finish_128())
    }
}

/// Why some bytes are not a keyframe.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyframeError {
    /// Not a safetensors file: truncated, oversized, or something else.
    #[error("no valid safetensors file: {reason}")]
    Format {
        /// The error of its reader.
        reason: String,
    },
    /// The metadata do not describe a keyframe.
    #[error("the metadata entry `infoplane` does not describe a keyframe: {reason}")]
    Description {
        /// The part that is missing or wrong.
        reason: String,
    },
    /// A tensor that is missing, or is not what it should be.
    #[error("tensor {name}: {reason}")]
    Tensor {
        /// Its name in the file.
        name: String,
        /// The mismatch.
        reason: String,
    },
    /// The format is correct, but the contents have changed since they were written.
    #[error("the content has the checksum {found}, but {written} was written with it; the file is damaged")]
    Digest {
        /// The checksum in the file.
        written: String,
        /// The checksum of its content.
        found: String,
    },
    /// Layers that do not fit together.
    #[error(transparent)]
    Network(#[from] NetworkError),
}

impl Keyframe {
    /// Returns the bytes of a safetensors file: single-precision tensors `layers.0.weight`, `layers.0.bias`, … as a
    /// `torch.nn.Linear` names and shapes them, and `moments.0.layers.0.weight`, … for the optimizer.
    ///
    /// The metadata entry `infoplane` is a JSON object with everything else and a checksum of it all, 128 bits of
    /// XXH3, so that a flipped bit is found. The same keyframe gives the same bytes.
    ///
    /// ```
    /// use infoplane_train::{Network, Nonlinearity, network::Initialization, train::Keyframe};
    /// let kinds = [Nonlinearity::Tanh];
    /// let network = Network::initialized(&[3, 2], &kinds, &Initialization::default(), 1)?;
    /// let keyframe = Keyframe { epoch: 0, steps: 0, seed: 1, training: 0, stop: None, network, moments: vec![] };
    /// assert_eq!(Keyframe::from_safetensors(&keyframe.to_safetensors())?, keyframe);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn to_safetensors(&self) -> Vec<u8> {
        let mut description = Description {
            epoch: self.epoch,
            steps: self.steps,
            seed: self.seed,
            training: format!("{:032x}", self.training),
            stop: self.stop,
            nonlinearities: self.network.layers.iter().map(|layer| layer.nonlinearity).collect(),
            n_moments: self.moments.len(),
            digest: String::new(),
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
        let parts = tensors.iter().map(|(name, shape, bytes)| (&name[..], &shape[..], &bytes[..]));
        description.digest = description.digest_with(parts);
        let views = tensors.iter().map(|(name, shape, bytes)| {
            let view = TensorView::new(Dtype::F32, shape.clone(), bytes);
            (name, view.expect("four bytes per entry of the shape"))
        });
        let description = serde_json::to_string(&description).expect("numbers and names");
        let metadata = HashMap::from([(METADATA.to_owned(), description)]);
        safetensors::serialize(views, Some(metadata)).expect("names and shapes of our own")
    }

    /// Returns the keyframe in the bytes of a safetensors file.
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
        let mut description: Description = serde_json::from_str(entry)
            .map_err(|error| KeyframeError::Description { reason: error.to_string() })?;
        let written = std::mem::take(&mut description.digest);
        let views: Vec<_> = tensors.iter().collect();
        let parts = views.iter().map(|(name, view)| (*name, view.shape(), view.data()));
        let found = description.digest_with(parts);
        if found != written {
            return Err(KeyframeError::Digest { written, found });
        }
        let Description { epoch, steps, seed, training, stop, nonlinearities, n_moments, .. } = description;
        let training = u128::from_str_radix(&training, 16).map_err(|error| KeyframeError::Description {
            reason: format!("training = {training:?}: {error}"),
        })?;
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
        Ok(Keyframe { epoch, steps, seed, training, stop, network, moments })
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
            training: 3,
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
    fn a_file_with_any_bit_flipped_is_refused() {
        let kinds = [Nonlinearity::Tanh];
        let network = |seed| Network::initialized(&[2, 1], &kinds, &Initialization::default(), seed).unwrap();
        let stop = Some(StopState { best: Some(0.3), epoch: 7 });
        let (network, moments) = (network(1), vec![network(2)]);
        let bytes =
            Keyframe { epoch: 9, steps: 18, seed: 5, training: 3, stop, network, moments }.to_safetensors();
        let mut digests = 0;
        for (place, bit) in (0..bytes.len()).flat_map(|place| (0..8).map(move |bit| (place, bit))) {
            let mut flipped = bytes.clone();
            flipped[place] ^= 1 << bit;
            match Keyframe::from_safetensors(&flipped) {
                Err(KeyframeError::Digest { .. }) => digests += 1,
                Err(_) => {}
                Ok(_) => panic!("bit {bit} of byte {place}"),
            }
        }
        // All bits of the 24 bytes of tensors and of the digest's digits that stay text, at the least.
        assert!(digests > 24 * 8 + 32 * 4, "{digests}");
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
