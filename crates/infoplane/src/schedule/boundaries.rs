//! Going forward past heads and past what a witness has measured between them: what both delta skips share.

use std::collections::BTreeMap;

use super::delta::{DeltaConfig, Forward, Point};
use super::witness::Watch;
use super::{Reason, Wanted};
use crate::PlaneRow;
use crate::plane::Entropies;

/// Heads, and epochs of the witness: the *boundaries*, each the end of one section and the beginning of the next.
///
/// Which epochs are boundaries depends on what the heads gave and on the witness, never on what is measured between boundaries.
#[derive(Debug)]
pub(super) struct Boundaries {
    pub(super) forward: Forward,
    watch: Option<Watch>,
    /// From the last one behind which all is settled on; with what they gave, once told.
    boundaries: BTreeMap<u64, Option<Point>>,
    /// Epochs of the witness that were not asked for yet, ascending.
    unasked: Vec<u64>,
}

impl Boundaries {
    pub(super) fn new(config: &DeltaConfig, planned_last: u64, entropies: Entropies) -> Self {
        let watch = config.witness.as_ref();
        Boundaries {
            forward: Forward::new(config, planned_last, entropies),
            watch: watch.map(|witness| Watch::new(witness, Some(config.delta_of()), entropies)),
            boundaries: BTreeMap::new(),
            unasked: Vec::new(),
        }
    }

    pub(super) fn watches(&self) -> bool {
        self.watch.is_some()
    }

    pub(super) fn widened(&self) -> &[(u64, f64)] {
        self.watch.as_ref().map_or(&[], Watch::widened)
    }

    pub(super) fn witness(&mut self, epoch: u64, values: &[f64]) {
        if let Some(watch) = &mut self.watch {
            watch.told(epoch, values);
        }
        self.look();
    }

    /// Looks at the witness as far as it is known which epochs are heads.
    fn look(&mut self) {
        let (Some(watch), Some((previous, head))) = (&mut self.watch, self.forward.section()) else { return };
        for epoch in watch.look(previous, head) {
            self.boundaries.insert(epoch, None);
            self.unasked.push(epoch);
        }
    }

    /// The boundaries that are known and were not asked for.
    pub(super) fn ask(&mut self) -> Vec<Wanted> {
        let of_witness = |epoch| Wanted { epoch, reason: Reason::Witness };
        let mut wanted: Vec<Wanted> = std::mem::take(&mut self.unasked).into_iter().map(of_witness).collect();
        if let Some(mut head) = self.forward.ask() {
            // Where a training ends early, it may be known too late for the last epoch to be a head when the witness leaves
            // its band there. The reason is the same whenever it is known.
            let left = self.watch.as_ref().is_some_and(|watch| watch.left_at(head.epoch));
            if left && head.reason == Reason::Last && self.forward.ended_early_at(head.epoch) {
                head.reason = Reason::Witness;
            }
            self.boundaries.insert(head.epoch, None);
            wanted.push(head);
        }
        wanted
    }

    /// Takes what an epoch gave, if it is a boundary; gives the sections, from boundary to boundary, that are known now and whose ends
    /// are too far apart.
    pub(super) fn tell(&mut self, epoch: u64, rows: &[PlaneRow]) -> Vec<(Point, Point)> {
        // Nothing more is told of epochs up to this one, so that no other boundary will lie before it.
        self.look();
        let Some(boundary @ None) = self.boundaries.get_mut(&epoch) else { return Vec::new() };
        let point = Point::new(epoch, rows);
        *boundary = Some(point.clone());
        self.forward.tell(&point);
        self.pass_known_head();
        self.settle()
    }

    /// The training ended at `last`.
    pub(super) fn end(&mut self, last: u64) {
        self.look();
        self.forward.end(last);
        self.boundaries.retain(|&epoch, _| epoch <= last);
        self.pass_known_head();
    }

    /// The last epoch of a training that ended early may be a boundary of the witness already: it is not asked for again.
    fn pass_known_head(&mut self) {
        self.look();
        if let Some(head) = self.forward.next()
            && let Some(known) = self.boundaries.get(&head.epoch)
        {
            self.forward.ask();
            if let Some(point) = known {
                self.forward.tell(point);
            }
        }
    }

    /// Takes the sections from the front both ends of which are told.
    fn settle(&mut self) -> Vec<(Point, Point)> {
        let mut too_far = Vec::new();
        loop {
            let mut first = self.boundaries.iter();
            let (Some((&from, Some(before))), Some((_, Some(after)))) = (first.next(), first.next()) else {
                return too_far;
            };
            if !self.forward.near(before, after) {
                too_far.push((before.clone(), after.clone()));
            }
            self.boundaries.remove(&from);
        }
    }

    pub(super) fn is_done(&self) -> bool {
        self.forward.is_done() && self.unasked.is_empty() && self.boundaries.values().all(Option::is_some)
    }

    /// The earliest boundary that may still be asked for.
    pub(super) fn earliest_boundary(&self) -> u64 {
        let known = self.earliest_known();
        match &self.watch {
            Some(watch) if self.forward.section().is_some() => known.min(watch.earliest()),
            _ => known,
        }
    }

    /// As far as the boundaries are known.
    fn earliest_known(&self) -> u64 {
        self.unasked.first().copied().unwrap_or(u64::MAX).min(self.forward.earliest_head())
    }

    /// The earliest epoch that may still be asked for if sections are filled.
    pub(super) fn earliest_inside(&self) -> u64 {
        let epochs = self.boundaries.keys();
        let gap = epochs.clone().zip(epochs.skip(1)).find(|&(&from, &to)| to - from > 1);
        let inside = gap.map_or(u64::MAX, |(&from, _)| from + 1);
        // Before a head that was not asked for there is a section, too.
        let last = self.boundaries.last_key_value().filter(|_| self.forward.next().is_some());
        let next = last.map_or(u64::MAX, |(&last, _)| last + 1);
        self.earliest_known().min(inside).min(next)
    }
}
