//! Delta Skip Approximate: goes forward by a growing skip, and never back.

use super::delta::DeltaConfig;
use super::fences::Fences;
use super::{Ask, Schedule};
use crate::PlaneRow;
use crate::plane::Entropies;

/// Delta Skip Approximate.
#[derive(Debug)]
pub(super) struct DeltaApproximate {
    fences: Fences,
}

impl DeltaApproximate {
    pub(super) fn new(config: &DeltaConfig, planned_last: u64, entropies: Entropies) -> Self {
        DeltaApproximate { fences: Fences::new(config, planned_last, entropies) }
    }
}

impl Schedule for DeltaApproximate {
    fn ask(&mut self) -> Ask {
        let wanted = self.fences.ask();
        match wanted.is_empty() {
            false => Ask::Epochs(wanted),
            true if self.fences.is_done() => Ask::Done,
            true => Ask::Wait,
        }
    }

    fn tell(&mut self, epoch: u64, rows: &[PlaneRow]) {
        // Too far apart or not, a section stays as it is.
        self.fences.tell(epoch, rows);
    }

    fn watches(&self) -> bool {
        self.fences.watches()
    }

    fn witness(&mut self, epoch: u64, values: &[f64]) {
        self.fences.witness(epoch, values);
    }

    fn widened(&self) -> &[(u64, f64)] {
        self.fences.widened()
    }

    fn end(&mut self, last: u64) {
        self.fences.end(last);
    }

    fn earliest(&self) -> u64 {
        self.fences.earliest_fence()
    }
}
