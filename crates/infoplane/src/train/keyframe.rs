//! The whole state of a training, to go on from later.

use super::{TrainError, Trainer};
use crate::Network;
use crate::network::Parameters;

/// The whole state of a training after an epoch.
///
/// With the configuration, the data and the seed it determines all that follows.
#[derive(Debug, Clone, PartialEq)]
pub struct Keyframe {
    /// Epochs trained.
    pub epoch: u64,
    /// Steps of the optimizer so far.
    pub steps: u64,
    /// The network.
    pub network: Network,
    /// What the optimizer remembers of each parameter, in the form of the network: nothing, the velocity, or
    /// both moments of Adam.
    pub moments: Vec<Network>,
}

impl Trainer {
    /// The state now.
    pub fn keyframe(&self) -> Keyframe {
        let shaped = |values: &crate::network::kernels::Aligned| {
            Parameters { shape: self.parameters.shape.clone(), values: values.clone() }.to_network()
        };
        Keyframe {
            epoch: self.epoch,
            steps: self.steps,
            network: self.network(),
            moments: self.moments[..self.config.optimizer.n_moments()].iter().map(shaped).collect(),
        }
    }

    /// Goes on from `keyframe`, forwards or backwards; what follows has the same bits as in the training it
    /// was taken from.
    ///
    /// # Errors
    /// [`TrainError::Keyframe`] if it belongs to another network or another optimizer.
    pub fn restore(&mut self, keyframe: &Keyframe) -> Result<(), TrainError> {
        if keyframe.moments.len() != self.config.optimizer.n_moments() {
            return Err(TrainError::Keyframe { what: "it was taken with another optimizer" });
        }
        let same = |network: &Network| {
            network.validate().is_ok() && Parameters::of(network).shape == self.parameters.shape
        };
        if !(same(&keyframe.network) && keyframe.moments.iter().all(same)) {
            return Err(TrainError::Keyframe { what: "its network has other layers" });
        }
        self.parameters = Parameters::of(&keyframe.network);
        for (moment, kept) in self.moments.iter_mut().zip(&keyframe.moments) {
            *moment = Parameters::of(kept).values;
        }
        self.epoch = keyframe.epoch;
        self.steps = keyframe.steps;
        self.recorded = None;
        self.diverged = None;
        Ok(())
    }
}
