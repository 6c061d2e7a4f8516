//! A network at an epoch, and anything that can produce one by number.

use ndarray::ArrayView2;

use crate::{Activations, Network};

/// A network as it was after `epoch` epochs of training; epoch 0 is the untrained network.
///
/// `N` is what can be observed of it: a [`Network`], or the [`Activations`] that another program saved.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot<N = Network> {
    /// Number of epochs trained.
    pub epoch: u64,
    /// The network after that epoch.
    pub network: N,
}

/// What puts out activations: a network, a network whose activations are rounded, or activations that are there already.
pub trait Observe: Clone + Send {
    /// The output of every layer for each row of `inputs`, into memory that earlier activations have left.
    fn observe(self, inputs: ArrayView2<'_, f32>, activations: &mut Activations);
}

impl Observe for Network {
    fn observe(self, inputs: ArrayView2<'_, f32>, activations: &mut Activations) {
        self.activations_into(inputs, activations);
    }
}

/// Activations that are there already; the inputs do not matter.
impl Observe for Activations {
    fn observe(self, _inputs: ArrayView2<'_, f32>, activations: &mut Activations) {
        *activations = self;
    }
}

/// A network of which the output of every layer is rounded to 2^bits levels, if bits are given
/// ([`Network::quantised_activations`]).
#[derive(Debug, Clone, PartialEq)]
pub struct Quantised {
    /// The network.
    pub network: Network,
    /// 1 to 16; as it is if absent.
    pub bits: Option<u8>,
}

impl Observe for Quantised {
    fn observe(self, inputs: ArrayView2<'_, f32>, activations: &mut Activations) {
        match self.bits {
            None => self.network.activations_into(inputs, activations),
            Some(bits) => *activations = self.network.quantised_activations(inputs, bits),
        }
    }
}

/// Anything that can produce a network by its epoch: from memory, from disk, or by training.
///
/// A source that trains is asked to run ahead while other threads work; one that already holds all networks keeps the
/// defaults and returns its [`last`](Snapshots::last) epoch.
pub trait Snapshots: Send {
    /// What is observed.
    type Network: Observe;

    /// Returns the network after `epoch` epochs, training further or again if necessary.
    ///
    /// # Errors
    /// [`SnapshotError`] if there is none.
    fn load(&mut self, epoch: u64) -> Result<Snapshot<Self::Network>, SnapshotError>;

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

    /// What a schedule watches, for the epochs reached since the call before: each once, in their order. Nothing unless the
    /// source knows of anything.
    fn take_witnesses(&mut self) -> Vec<(u64, Vec<f64>)> {
        Vec::new()
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
