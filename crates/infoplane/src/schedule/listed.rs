//! Epochs known beforehand.

use super::{Ask, Reason, Schedule, Wanted};
use crate::PlaneRow;
use crate::math;

/// Epochs known beforehand, and the last.
///
/// They are asked for all at once: the driver keeps its own queue of what was asked for.
#[derive(Debug, Clone)]
pub(super) struct Listed {
    /// Ascending.
    unasked: Vec<Wanted>,
    /// Ascending.
    asked: Vec<u64>,
    ended: bool,
}

impl Listed {
    /// `planned`: ascending, none after `planned_last`.
    pub(super) fn new(planned: Vec<u64>, planned_last: u64) -> Self {
        let wanted = |epoch| Wanted { epoch, reason: Reason::Planned };
        let mut listed =
            Listed { unasked: planned.into_iter().map(wanted).collect(), asked: Vec::new(), ended: false };
        listed.add_last(planned_last);
        listed
    }

    fn add_last(&mut self, last: u64) {
        let planned = self.unasked.last().is_some_and(|wanted| wanted.epoch == last);
        if !planned && self.asked.binary_search(&last).is_err() {
            self.unasked.push(Wanted { epoch: last, reason: Reason::Last });
        }
    }
}

impl Schedule for Listed {
    fn ask(&mut self) -> Ask {
        if self.unasked.is_empty() {
            return if self.ended { Ask::Done } else { Ask::Wait };
        }
        let wanted = std::mem::take(&mut self.unasked);
        self.asked.extend(wanted.iter().map(|wanted| wanted.epoch));
        Ask::Epochs(wanted)
    }

    fn tell(&mut self, _epoch: u64, _rows: &[PlaneRow]) {}

    fn end(&mut self, last: u64) {
        self.ended = true;
        self.unasked.retain(|wanted| wanted.epoch <= last);
        self.add_last(last);
    }

    fn earliest(&self) -> u64 {
        match (self.unasked.first(), self.asked.last()) {
            (Some(wanted), _) => wanted.epoch,
            (None, Some(last)) if !self.ended => last.saturating_add(1),
            (None, _) => u64::MAX,
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
