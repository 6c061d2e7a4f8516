//! Delta Skip Approximate: goes forward by a growing skip, and never back.

use super::boundaries::Boundaries;
use super::delta::DeltaConfig;
use super::{Ask, Schedule};
use crate::PlaneRow;
use crate::plane::Entropies;

/// Delta Skip Approximate.
#[derive(Debug)]
pub(super) struct DeltaApproximate {
    boundaries: Boundaries,
}

impl DeltaApproximate {
    pub(super) fn new(config: &DeltaConfig, planned_last: u64, entropies: Entropies) -> Self {
        DeltaApproximate { boundaries: Boundaries::new(config, planned_last, entropies) }
    }
}

impl Schedule for DeltaApproximate {
    fn ask(&mut self) -> Ask {
        let wanted = self.boundaries.ask();
        match wanted.is_empty() {
            false => Ask::Epochs(wanted),
            true if self.boundaries.is_done() => Ask::Done,
            true => Ask::Wait,
        }
    }

    fn tell(&mut self, epoch: u64, rows: &[PlaneRow]) {
        // Too far apart or not, a section stays as it is.
        self.boundaries.tell(epoch, rows);
    }

    fn watches(&self) -> bool {
        self.boundaries.watches()
    }

    fn witness(&mut self, epoch: u64, values: &[f64]) {
        self.boundaries.witness(epoch, values);
    }

    fn widened(&self) -> &[(u64, f64)] {
        self.boundaries.widened()
    }

    fn end(&mut self, last: u64) {
        self.boundaries.end(last);
    }

    fn earliest(&self) -> u64 {
        self.boundaries.earliest_boundary()
    }
}
