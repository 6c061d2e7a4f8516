//! Epochs known beforehand.

use std::collections::BTreeMap;

use super::witness::Watch;
use super::{Ask, Reason, Schedule, Wanted};
use crate::PlaneRow;
use crate::math;

/// Epochs known beforehand, and the last; with a witness also those where that leaves its band.
///
/// They are asked for all at once: the driver keeps its own queue of what was asked for.
#[derive(Debug)]
pub(super) struct Listed {
    /// Ascending, the last epoch among them.
    planned: Vec<u64>,
    watch: Option<Watch>,
    unasked: BTreeMap<u64, Reason>,
    /// The last of those asked for.
    asked: Option<u64>,
    ended: bool,
}

impl Listed {
    /// `planned`: ascending, none after `planned_last`.
    pub(super) fn new(mut planned: Vec<u64>, planned_last: u64, watch: Option<Watch>) -> Self {
        let mut unasked: BTreeMap<u64, Reason> =
            planned.iter().map(|&epoch| (epoch, Reason::Planned)).collect();
        if planned.last() != Some(&planned_last) {
            planned.push(planned_last);
            unasked.insert(planned_last, Reason::Last);
        }
        Listed { planned, watch, unasked, asked: None, ended: false }
    }

    /// Looks at the witness as far as it was told.
    fn look(&mut self) {
        let Some(watch) = &mut self.watch else { return };
        while let Some(next) = watch.next() {
            let after = self.planned.partition_point(|&epoch| epoch < next);
            let Some(&head) = self.planned.get(after) else { return };
            let previous = after.checked_sub(1).map(|before| self.planned[before]);
            let wanted = watch.look(previous, head);
            self.unasked.extend(wanted.into_iter().map(|epoch| (epoch, Reason::Witness)));
        }
    }
}

impl Schedule for Listed {
    fn ask(&mut self) -> Ask {
        if self.unasked.is_empty() {
            return if self.ended { Ask::Done } else { Ask::Wait };
        }
        let wanted = std::mem::take(&mut self.unasked);
        self.asked = self.asked.max(wanted.last_key_value().map(|(&epoch, _)| epoch));
        Ask::Epochs(wanted.into_iter().map(|(epoch, reason)| Wanted { epoch, reason }).collect())
    }

    fn tell(&mut self, _epoch: u64, _rows: &[PlaneRow]) {}

    fn watches(&self) -> bool {
        self.watch.is_some()
    }

    fn witness(&mut self, epoch: u64, values: &[f64]) {
        if let Some(watch) = &mut self.watch {
            watch.told(epoch, values);
        }
        self.look();
    }

    fn widened(&self) -> &[(u64, f64)] {
        self.watch.as_ref().map_or(&[], Watch::widened)
    }

    fn end(&mut self, last: u64) {
        self.ended = true;
        self.unasked.retain(|&epoch, _| epoch <= last);
        // It is asked for already where it is on the list, or where the witness left its band.
        let planned = self.planned.binary_search(&last).is_ok();
        let watched = self.watch.as_ref().is_some_and(|watch| watch.left_at(last));
        if !planned && !watched {
            self.unasked.insert(last, Reason::Last);
        }
    }

    fn earliest(&self) -> u64 {
        let unasked = self.unasked.first_key_value().map_or(u64::MAX, |(&epoch, _)| epoch);
        match (&self.watch, self.asked) {
            (Some(watch), _) if !self.ended => unasked.min(watch.earliest()),
            (None, Some(last)) if !self.ended => unasked.min(last.saturating_add(1)),
            _ => unasked,
        }
    }
}

/// 0, 1, … `last`: `points` epochs whose ratios are as even as whole numbers allow.
///
/// Early on the even spacing is less than one epoch; every epoch is then taken, and the rest is spread anew
/// over the epochs that remain, so that the number of points comes out as asked.
pub(super) fn log_spaced(points: usize, last: u64) -> Vec<u64> {
    let mut epochs = vec![0];
    for left in (1..points as u64).rev() {
        let previous = epochs[epochs.len() - 1];
        if previous == last {
            break;
        }
        // From 0 there is no ratio: the first step goes to epoch 1, unless it is the only one.
        let even = match (previous, left) {
            (_, 1) => last as f64,
            (0, _) => 1.0,
            _ => previous as f64 * math::powf(last as f64 / previous as f64, 1.0 / left as f64),
        };
        epochs.push((even.round() as u64).clamp(previous + 1, last));
    }
    epochs
}
