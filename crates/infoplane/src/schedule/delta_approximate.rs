//! Delta Skip Approximate: goes forward by a growing skip, and never back.

use super::delta::{DeltaConfig, Forward};
use super::{Ask, Schedule};
use crate::PlaneRow;
use crate::plane::Entropies;

/// Delta Skip Approximate.
#[derive(Debug)]
pub(super) struct DeltaApproximate {
    forward: Forward,
}

impl DeltaApproximate {
    pub(super) fn new(config: &DeltaConfig, planned_last: u64, entropies: Entropies) -> Self {
        DeltaApproximate { forward: Forward::new(config, planned_last, entropies) }
    }
}

impl Schedule for DeltaApproximate {
    fn ask(&mut self) -> Ask {
        match self.forward.ask() {
            Some(head) => Ask::Epochs(vec![head]),
            None if self.forward.is_done() => Ask::Done,
            None => Ask::Wait,
        }
    }

    fn tell(&mut self, epoch: u64, rows: &[PlaneRow]) {
        // Too far apart or not, the section stays as it is.
        self.forward.tell(epoch, rows);
    }

    fn end(&mut self, last: u64) {
        self.forward.end(last);
    }

    fn earliest(&self) -> u64 {
        self.forward.earliest_head()
    }
}
