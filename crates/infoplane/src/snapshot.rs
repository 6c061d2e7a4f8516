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
///
/// A source that trains is asked to go ahead while others work; one that holds everything already keeps the defaults
/// and says what its [`last`](Snapshots::last) epoch is.
pub trait Snapshots: Send {
    /// The network after `epoch` epochs, training on or again if need be.
    ///
    /// # Errors
    /// [`SnapshotError`] says why there is none.
    fn load(&mut self, epoch: u64) -> Result<Snapshot, SnapshotError>;

    /// The last epoch, once it is known: nothing after it can be had. A training may end before its planned end.
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

    /// Goes one epoch on. A training that ends here, as planned or not, is no error: [`last`](Snapshots::last)
    /// says so from then on.
    ///
    /// # Errors
    /// [`SnapshotError`], for an interruption.
    fn advance(&mut self) -> Result<(), SnapshotError> {
        Ok(())
    }

    /// Nothing before `epoch` will be asked for any more.
    fn release_before(&mut self, _epoch: u64) {}
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
    /// The training ended before.
    #[error("there is no epoch {epoch}: the training ended at epoch {last}")]
    Ended {
        /// The epoch asked for.
        epoch: u64,
        /// The last there is.
        last: u64,
    },
    /// Somebody asked to stop.
    #[error("interrupted")]
    Interrupted,
}
