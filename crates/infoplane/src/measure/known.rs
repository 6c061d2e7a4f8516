//! Rows that an earlier go left, and those that this one adds.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::PlaneRow;
use crate::schedule::{MeasuredRows, Reason};

/// The measured epochs of a training while it goes on: which of them were known when it began, and all that are now.
pub(crate) struct Known {
    epochs: BTreeSet<u64>,
    measured: Mutex<MeasuredRows>,
}

impl Known {
    pub fn new(measured: MeasuredRows) -> Self {
        Known { epochs: measured.epochs().collect(), measured: Mutex::new(measured) }
    }

    fn lock(&self) -> MutexGuard<'_, MeasuredRows> {
        self.measured.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The rows of an epoch that was known from the beginning.
    pub fn rows(&self, epoch: u64) -> Option<Vec<PlaneRow>> {
        if self.epochs.contains(&epoch) { self.lock().rows(epoch) } else { None }
    }

    /// Adds an epoch that was measured.
    pub fn add(&self, epoch: u64, reason: Reason, rows: &[PlaneRow]) {
        self.lock().insert(epoch, reason, rows);
    }

    /// All that are there in the end.
    pub fn into_inner(self) -> MeasuredRows {
        self.measured.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}
