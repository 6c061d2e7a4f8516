//! Delta Skip Exact: goes forward by a growing skip, and fills every section whose ends are too far apart.

use std::collections::{BTreeMap, BTreeSet};

use super::boundaries::Boundaries;
use super::delta::{DeltaConfig, Point};
use super::{Ask, Reason, Schedule, Wanted};
use crate::PlaneRow;
use crate::plane::Entropies;

/// Delta Skip Exact.
///
/// Every decision hangs on the two ends of one section, and those are the same whatever came before them in time:
/// so is the set of epochs.
#[derive(Debug)]
pub(super) struct DeltaExact {
    boundaries: Boundaries,
    /// Sections too far apart, each under the epoch in its middle, which is awaited. No two overlap.
    open: BTreeMap<u64, (Point, Point)>,
    /// The middles not asked for yet.
    unasked: BTreeSet<u64>,
}

impl DeltaExact {
    pub(super) fn new(config: &DeltaConfig, planned_last: u64, entropies: Entropies) -> Self {
        DeltaExact {
            boundaries: Boundaries::new(config, planned_last, entropies),
            open: BTreeMap::new(),
            unasked: BTreeSet::new(),
        }
    }

    /// Halves a section whose ends are too far apart; if they are adjacent there is nothing to halve.
    pub(super) fn fill(&mut self, from: Point, to: Point) {
        let middle = from.epoch + (to.epoch - from.epoch) / 2;
        if middle > from.epoch {
            self.open.insert(middle, (from, to));
            self.unasked.insert(middle);
        }
    }

    /// The earliest epoch inside an open section that may still be asked for.
    fn earliest_between(&self, middle: u64, from: u64, to: u64) -> Option<u64> {
        if self.unasked.contains(&middle) || from + 1 < middle {
            Some(from + 1)
        } else {
            Some(middle + 1).filter(|&epoch| epoch < to)
        }
    }
}

impl Schedule for DeltaExact {
    fn ask(&mut self) -> Ask {
        let filling = std::mem::take(&mut self.unasked).into_iter();
        let mut wanted: Vec<Wanted> =
            filling.map(|epoch| Wanted { epoch, reason: Reason::Filling }).collect();
        wanted.extend(self.boundaries.ask());
        // Epochs of a witness may lie before what is filled.
        wanted.sort_unstable_by_key(|wanted| wanted.epoch);
        match wanted.is_empty() {
            false => Ask::Epochs(wanted),
            true if self.boundaries.is_done() && self.open.is_empty() => Ask::Done,
            true => Ask::Wait,
        }
    }

    fn tell(&mut self, epoch: u64, rows: &[PlaneRow]) {
        if let Some((from, to)) = self.open.remove(&epoch) {
            let middle = Point::new(epoch, rows);
            for (from, to) in [(from, middle.clone()), (middle, to)] {
                // Here the skip stays as it is: it belongs to those who go forward.
                if !self.boundaries.forward.near(&from, &to) {
                    self.fill(from, to);
                }
            }
            return;
        }
        for (from, to) in self.boundaries.tell(epoch, rows) {
            self.fill(from, to);
        }
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
        let mut open = self.open.iter();
        open.find_map(|(&middle, (from, to))| self.earliest_between(middle, from.epoch, to.epoch))
            .unwrap_or_else(|| self.boundaries.earliest_inside())
    }
}
