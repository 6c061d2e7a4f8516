//! A network at an epoch, and anything that can produce one by number.

use crate::Network;

/// A network as it was after `epoch` epochs of training; epoch 0 is the untrained network.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// How many epochs the network had been trained for.
    pub epoch: u64,
    /// The network at that moment.
    pub network: Network,
}

/// Anything that can produce a network by its epoch: from memory, from disk, or by training.
pub trait Snapshots {
    /// The network after `epoch` epochs.
    ///
    /// # Errors
    /// [`SnapshotError`] says why there is none.
    fn load(&mut self, epoch: u64) -> Result<Snapshot, SnapshotError>;
}

/// Why a snapshot could not be had.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// The loss stopped being a number; there is no network after that.
    #[error("training diverged at epoch {epoch}: the loss is {loss}; a smaller learning rate may help")]
    Diverged {
        /// The first epoch whose loss is not finite.
        epoch: u64,
        /// That loss.
        loss: f32,
    },
    /// Snapshots are produced in ascending order only, and this one has passed.
    #[error("epoch {epoch} has passed: this source is at epoch {at} and goes forward only")]
    Passed {
        /// The epoch asked for.
        epoch: u64,
        /// Where the source is.
        at: u64,
    },
    /// Somebody asked to stop.
    #[error("interrupted")]
    Interrupted,
}
