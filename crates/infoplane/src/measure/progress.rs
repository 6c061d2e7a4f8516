//! What a run tells while it goes on, and what it may take of the machine.

use crate::Labels;

/// Told what a run has done; called from several threads.
pub trait Progress: Sync {
    /// `epochs` more epochs of some training have passed.
    fn trained(&self, epochs: u64);
    /// One more epoch of some training has been measured.
    fn measured(&self, seed: u64, epoch: u64);
    /// What a reader made of a table, or that something went otherwise than it should and was made good: a damaged file was
    /// skipped.
    fn warn(&self, what: &str);
}

/// Tells what makes the figures useless before hours are spent on them.
pub(crate) fn warn_of_one_class(labels: &Labels, progress: &dyn Progress) {
    if labels.n_labels() == 1 {
        progress.warn("all labels are one class: H(Y) is 0, and so is I(T;Y), whatever the network");
    }
}

/// Says nothing.
impl Progress for () {
    fn trained(&self, _epochs: u64) {}
    fn measured(&self, _seed: u64, _epoch: u64) {}
    fn warn(&self, _what: &str) {}
}

/// What a run may take of the machine. The bytes of the run directory do not depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunOptions {
    /// Threads to compute on; 0 is one for each core.
    pub threads: usize,
    /// Bytes for networks that are kept to be measured later and for the activations of those being measured. With
    /// few, fewer epochs are measured at once and more are trained again. The data and what the methods need
    /// come on top.
    pub memory: u64,
}

impl Default for RunOptions {
    /// All cores, 1 GiB.
    fn default() -> Self {
        RunOptions { threads: 0, memory: 1 << 30 }
    }
}
