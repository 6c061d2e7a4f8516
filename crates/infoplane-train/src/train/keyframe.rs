//! The complete state of training, from which it can be resumed.

use twox_hash::XxHash3_128;

use super::{StopState, TrainError, Trainer};
use crate::Network;
use crate::network::{Parameters, Shape};

/// The complete state of training after an epoch.
///
/// Together with the configuration, the data and the seed, it determines all that follows.
#[derive(Debug, Clone, PartialEq)]
pub struct Keyframe {
    /// Epochs trained.
    pub epoch: u64,
    /// Steps of the optimizer so far.
    pub steps: u64,
    /// The seed from which all random numbers of the training run are drawn.
    pub seed: u64,
    /// A checksum of everything that determines the training run: its configuration and seed, the initial network,
    /// the data and the training rows. A keyframe fits a training run only if it is the same.
    pub training: u128,
    /// The state of the stopping rule; absent without one.
    pub stop: Option<StopState>,
    /// The network.
    pub network: Network,
    /// The state of the optimizer for each parameter, in the form of the network: nothing, the velocity, or
    /// both moments of Adam.
    pub moments: Vec<Network>,
}

/// A checksum of numbers, bit for bit.
pub(super) struct DigestOfValues {
    hasher: XxHash3_128,
    bytes: Vec<u8>,
}

impl DigestOfValues {
    pub(super) fn new() -> DigestOfValues {
        DigestOfValues { hasher: XxHash3_128::new(), bytes: Vec::with_capacity(1 << 16) }
    }

    pub(super) fn add(&mut self, values: &[f32]) {
        for values in values.chunks(1 << 14) {
            self.bytes.clear();
            self.bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
            self.hasher.write(&self.bytes);
        }
    }

    pub(super) fn finish(&self) -> u128 {
        self.hasher.finish_128()
    }
}

/// Returns the checksum of some numbers.
pub(super) fn digest_of_values(values: &[f32]) -> u128 {
    let mut digest = DigestOfValues::new();
    digest.add(values);
    digest.finish()
}

impl Trainer {
    /// Returns a checksum of everything that determines this training run.
    fn fingerprint(&self) -> u128 {
        *self.fingerprint.get_or_init(|| {
            let mut hasher = XxHash3_128::new();
            hasher.write(&serde_json::to_vec(&self.config).expect("numbers and names"));
            hasher.write(&self.seed.to_le_bytes());
            for digest in [self.initial, self.samples.digest()] {
                hasher.write(&digest.to_le_bytes());
            }
            for rows in [&self.train_rows, &self.test_rows] {
                hasher.write(&(rows.len() as u64).to_le_bytes());
                rows.iter().for_each(|row| hasher.write(&row.to_le_bytes()));
            }
            hasher.finish_128()
        })
    }

    /// Returns the state now.
    pub fn keyframe(&self) -> Keyframe {
        let shaped = |values: &crate::network::kernels::Aligned| {
            Parameters { shape: self.parameters.shape.clone(), values: values.clone() }.to_network()
        };
        Keyframe {
            epoch: self.epoch,
            steps: self.steps,
            seed: self.seed,
            training: self.fingerprint(),
            stop: self.stop,
            network: self.network(),
            moments: self.moments[..self.config.optimizer.n_moments()].iter().map(shaped).collect(),
        }
    }

    /// Restores the state of `keyframe`, later or earlier; what follows has the same bits as in the training run it
    /// was taken from.
    ///
    /// # Errors
    /// [`TrainError::Keyframe`] names the difference if it belongs to a training run with another seed, another
    /// network, another optimizer, other settings or other data. The trainer is then unchanged.
    pub fn restore(&mut self, keyframe: &Keyframe) -> Result<(), TrainError> {
        let differs = |what: String| Err(TrainError::Keyframe { what });
        if keyframe.seed != self.seed {
            return differs(format!(
                "it was taken with seed {}, and this training has seed {}",
                keyframe.seed, self.seed
            ));
        }
        let optimizer = &self.config.optimizer;
        let (given, wanted) = (keyframe.moments.len(), optimizer.n_moments());
        if given != wanted {
            return differs(format!(
                "it was taken with another optimizer: it holds {given} moments of each parameter, and this one has \
                 {wanted}"
            ));
        }
        for network in std::iter::once(&keyframe.network).chain(&keyframe.moments) {
            if let Err(error) = network.validate() {
                return differs(error.to_string());
            }
            let (given, wanted) = (Shape::of(network), &self.parameters.shape);
            if given != *wanted {
                return differs(format!("its layers are {given}, and those of this network {wanted}"));
            }
        }
        if keyframe.training != self.fingerprint() || keyframe.stop.is_some() != self.stop.is_some() {
            return differs(
                "it was taken in a training with other settings, other data or another beginning".into(),
            );
        }
        self.parameters = Parameters::of(&keyframe.network);
        for (moment, kept) in self.moments.iter_mut().zip(&keyframe.moments) {
            *moment = Parameters::of(kept).values;
        }
        self.epoch = keyframe.epoch;
        self.steps = keyframe.steps;
        self.stop = keyframe.stop;
        self.recorded = None;
        self.diverged = None;
        Ok(())
    }
}
