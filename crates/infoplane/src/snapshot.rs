//! A network at an epoch, and anything that can produce one by number.

use crate::Network;

/// A network as it was after `epoch` epochs of training; epoch 0 is the untrained network.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// Number of epochs trained.
    pub epoch: u64,
    /// The network after that epoch.
    pub network: Network,
}

/// Anything that can produce a network by its epoch: from memory, from disk, or by training.
///
/// A source that trains is asked to run ahead while other threads work; one that already holds all networks keeps the
/// defaults and returns its [`last`](Snapshots::last) epoch.
pub trait Snapshots: Send {
    /// Returns the network after `epoch` epochs, training further or again if necessary.
    ///
    /// # Errors
    /// [`SnapshotError`] if there is none.
    fn load(&mut self, epoch: u64) -> Result<Snapshot, SnapshotError>;

    /// Returns the last epoch, once it is known: there is no network after it. Training may stop early.
    fn last(&self) -> Option<u64>;

    /// The epoch up to which nothing needs to be trained for the first time.
    fn reached(&self) -> u64 {
        u64::MAX
    }

    /// Whether [`advance`](Snapshots::advance) is worth a call now, though nobody waits for its result: false at the
    /// end, and where there is no room to keep what it would bring.
    fn has_room(&self) -> bool {
        false
    }

    /// Trains one more epoch. It is not an error if training ends here, as planned or early: [`last`](Snapshots::last)
    /// then returns this epoch.
    ///
    /// # Errors
    /// [`SnapshotError`], for an interruption.
    fn advance(&mut self) -> Result<(), SnapshotError> {
        Ok(())
    }

    /// States that no epoch before `epoch` will be requested again.
    fn release_before(&mut self, _epoch: u64) {}
}

/// Why there is no snapshot.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// The loss became NaN or infinite; there is no network after that.
    #[error("training diverged at epoch {epoch}: the loss is {loss}; a smaller learning rate may help")]
    Diverged {
        /// The first epoch whose loss is not finite.
        epoch: u64,
        /// The loss.
        loss: f32,
    },
    /// Snapshots are produced in ascending order only, and this one has passed.
    #[error("epoch {epoch} has passed: this source is at epoch {at} and goes forward only")]
    Passed {
        /// The epoch requested.
        epoch: u64,
        /// The current epoch of the source.
        at: u64,
    },
    /// The training ended before.
    #[error("there is no epoch {epoch}: the training ended at epoch {last}")]
    Ended {
        /// The epoch requested.
        epoch: u64,
        /// The last epoch.
        last: u64,
    },
    /// An interruption was requested.
    #[error("interrupted")]
    Interrupted,
}
