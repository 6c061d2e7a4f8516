//! A source of snapshots that trains as far as it is asked.

use std::sync::atomic::{AtomicBool, Ordering};

use super::{EpochStats, Trainer};
use crate::snapshot::SnapshotError;
use crate::{Snapshot, Snapshots};

/// Trains forward to whatever epoch is asked for, and hands out the statistics met on the way.
///
/// Goes forward only. The statistics of an epoch are handed out once, in ascending order, for the epochs that
/// [`TrainConfig::statistics`](super::TrainConfig::statistics) contains.
///
/// ```
/// # use infoplane::{Labels, Network, Nonlinearity, Snapshots, network::Initialization};
/// # use infoplane::train::{TrainConfig, TrainOnDemand, Trainer};
/// # use std::sync::atomic::AtomicBool;
/// # let inputs = ndarray::array![[0.0f32, 0.0], [0.0, 1.0]];
/// # let kinds = [Nonlinearity::Tanh, Nonlinearity::Softmax];
/// # let network = Network::initialized(&[2, 3, 2], &kinds, &Initialization::default(), 1)?;
/// # let labels = Labels::distinct(2);
/// # let config = TrainConfig::default();
/// # let trainer = Trainer::new(&config, network, inputs.view(), &labels, &[0, 1], &[], 1)?;
/// let stop = AtomicBool::new(false);
/// let mut recorded = Vec::new();
/// let mut snapshots = TrainOnDemand::new(trainer, &stop, |stats| recorded.push(stats.epoch));
/// assert_eq!(snapshots.load(0)?.epoch, 0);
/// assert_eq!(snapshots.load(3)?.epoch, 3);
/// assert!(snapshots.load(2).is_err());
/// drop(snapshots);
/// assert_eq!(recorded, [0, 1, 2, 3]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct TrainOnDemand<'a, F: FnMut(EpochStats)> {
    trainer: Trainer,
    interrupt: &'a AtomicBool,
    on_stats: F,
    /// Whether the statistics of the present epoch have been handed out, or are not wanted.
    told: bool,
}

impl<'a, F: FnMut(EpochStats)> TrainOnDemand<'a, F> {
    /// Trains with `trainer` until `interrupt` is true, which is looked at before every epoch; `on_stats` gets
    /// the statistics.
    pub fn new(trainer: Trainer, interrupt: &'a AtomicBool, on_stats: F) -> Self {
        TrainOnDemand { trainer, interrupt, on_stats, told: false }
    }

    /// The training.
    pub fn trainer(&self) -> &Trainer {
        &self.trainer
    }

    fn tell(&mut self) {
        if !self.told && self.trainer.at_recorded_epoch() {
            (self.on_stats)(self.trainer.stats());
        }
        self.told = true;
    }
}

impl<F: FnMut(EpochStats) + Send> Snapshots for TrainOnDemand<'_, F> {
    fn last(&self) -> Option<u64> {
        self.trainer.diverged.as_ref().map(|_| self.trainer.epoch() - 1)
    }

    fn load(&mut self, epoch: u64) -> Result<Snapshot, SnapshotError> {
        let at = self.trainer.epoch();
        if epoch < at {
            return Err(SnapshotError::Passed { epoch, at });
        }
        // The trainer stands at the epoch that diverged, but there is no network to give.
        if let Some(diverged) = &self.trainer.diverged {
            return Err(diverged.clone());
        }
        self.tell();
        while self.trainer.epoch() < epoch {
            if self.interrupt.load(Ordering::Relaxed) {
                return Err(SnapshotError::Interrupted);
            }
            self.trainer.step_epoch()?;
            self.told = false;
            self.tell();
        }
        Ok(Snapshot { epoch, network: self.trainer.network() })
    }
}
