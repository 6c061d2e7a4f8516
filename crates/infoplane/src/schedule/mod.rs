//! Which epochs to measure next.
//!
//! A schedule is a pure state machine: asked which epochs it wants, told what they gave. It loads nothing and
//! computes nothing, so it can be tested on made-up curves.

use serde::{Deserialize, Serialize};

use crate::PlaneRow;

/// Chooses the epochs that are measured.
///
/// The set of epochs must not depend on the order in which results come back, nor on when the end is told: that
/// makes parallel runs equal to serial ones.
pub trait Schedule: Send {
    /// What to measure next. Every epoch is asked for once.
    fn ask(&mut self) -> Ask;

    /// What the measurement of one of the epochs asked for gave.
    fn tell(&mut self, epoch: u64, rows: &[PlaneRow]);

    /// The training ended: there is no epoch after `last`, which is to be measured. Epochs asked for beyond it are
    /// void: they will not be told. Told once, at any time.
    fn end(&mut self, last: u64);

    /// No epoch before this one will be asked for any more.
    fn earliest(&self) -> u64;
}

/// An answer of [`Schedule::ask`].
#[derive(Debug, Clone, PartialEq)]
pub enum Ask {
    /// Measure these, ascending and independent of each other.
    Epochs(Vec<Wanted>),
    /// Nothing until more is told, of an epoch asked for or of the end.
    Wait,
    /// Nothing more, ever.
    Done,
}

/// An epoch to be measured, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// The epoch.
    pub epoch: u64,
    /// Why.
    pub reason: Reason,
}

/// Why an epoch was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Reason {
    /// It was on a list made beforehand.
    Planned,
    /// A schedule that adapts came to it going forward: the end of one section and the beginning of the next.
    Section,
    /// It fills a section whose ends lay too far apart.
    Filling,
    /// It is the last epoch of the training.
    Last,
}

/// A measured epoch of a training: a line of `schedule.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MeasuredEpoch {
    /// The seed of the training.
    pub seed: u64,
    /// The epoch.
    pub epoch: u64,
    /// Why it was measured.
    pub reason: Reason,
    /// How far it is from the measured epoch before it, in the unit of the schedule's distance; absent for the first,
    /// and where one of the two holds a value that the other lacks.
    pub distance: Option<f64>,
}

/// The settings of a schedule, as a configuration file gives them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum ScheduleConfig {
    /// Every `interval`-th epoch, with the first and the last.
    Every {
        /// Epochs from one measurement to the next, at least 1.
        interval: u64,
    },
    /// `points` epochs, evenly spaced on a logarithmic axis, with the untrained network and the last epoch.
    LogSpaced {
        /// How many epochs are measured, at least 2 (fewer if training is shorter than that).
        points: usize,
    },
    /// The epochs listed, and the last.
    List {
        /// Epochs in any order.
        epochs: Vec<u64>,
    },
}

/// Settings that make no schedule.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("schedule.{key} = {given}; allowed is {allowed}")]
pub struct ScheduleError {
    /// The key.
    pub key: &'static str,
    /// What was given.
    pub given: String,
    /// What is allowed.
    pub allowed: String,
}

/// The longest list of epochs that is kept.
const MAX_MEASUREMENTS: u64 = 10_000_000;

impl ScheduleConfig {
    /// The epochs measured in a training of `last_epoch` epochs, ascending.
    ///
    /// The untrained network, epoch 0, and the last epoch are always among those of `every` and `log-spaced`;
    /// the last is among those of `list` too.
    ///
    /// # Errors
    /// [`ScheduleError`] names the key.
    pub fn epochs(&self, last_epoch: u64) -> Result<Vec<u64>, ScheduleError> {
        let error =
            |key, given: String, allowed: &str| Err(ScheduleError { key, given, allowed: allowed.into() });
        let mut epochs = match self {
            ScheduleConfig::Every { interval: 0 } => return error("interval", "0".into(), "1 or more"),
            ScheduleConfig::Every { interval } if last_epoch / interval > MAX_MEASUREMENTS => {
                let allowed = format!("{} or more, for {last_epoch} epochs", last_epoch / MAX_MEASUREMENTS);
                return error("interval", interval.to_string(), &allowed);
            }
            ScheduleConfig::Every { interval } => {
                (0..=last_epoch / interval).map(|measurement| measurement * interval).collect()
            }
            ScheduleConfig::LogSpaced { points } if *points as u64 > MAX_MEASUREMENTS => {
                return error("points", points.to_string(), "2 to 10 million");
            }
            ScheduleConfig::LogSpaced { points } if *points < 2 => {
                return error("points", points.to_string(), "2 or more");
            }
            ScheduleConfig::LogSpaced { points } => log_spaced(*points, last_epoch),
            ScheduleConfig::List { epochs } => {
                if let Some(late) = epochs.iter().find(|&&epoch| epoch > last_epoch) {
                    let allowed = format!("0 to {last_epoch}, the last epoch of training");
                    return error("epochs", late.to_string(), &allowed);
                }
                epochs.clone()
            }
        };
        epochs.push(last_epoch);
        epochs.sort_unstable();
        epochs.dedup();
        Ok(epochs)
    }

    /// The schedule itself, for a training of `last_epoch` epochs.
    ///
    /// # Errors
    /// [`ScheduleError`] names the key.
    pub fn schedule(&self, last_epoch: u64) -> Result<Box<dyn Schedule>, ScheduleError> {
        Ok(Box::new(Listed { epochs: self.epochs(last_epoch)?, asked: false, ended: false, last: None }))
    }
}

/// 0, 1, … `last`: `points` epochs whose ratios are as even as whole numbers allow.
///
/// Early on the even spacing is less than one epoch; every epoch is then taken, and the rest is spread anew
/// over the epochs that remain, so that the number of points comes out as asked.
fn log_spaced(points: usize, last: u64) -> Vec<u64> {
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
            _ => previous as f64 * (last as f64 / previous as f64).powf(1.0 / left as f64),
        };
        epochs.push((even.round() as u64).clamp(previous + 1, last));
    }
    epochs
}

/// Epochs known beforehand.
#[derive(Debug, Clone)]
struct Listed {
    epochs: Vec<u64>,
    asked: bool,
    ended: bool,
    /// The last epoch, if it was told and still has to be asked for.
    last: Option<u64>,
}

impl Schedule for Listed {
    fn ask(&mut self) -> Ask {
        if !self.asked {
            self.asked = true;
            let wanted = |&epoch: &u64| Wanted { epoch, reason: Reason::Planned };
            return Ask::Epochs(self.epochs.iter().map(wanted).collect());
        }
        match self.last.take() {
            Some(epoch) => Ask::Epochs(vec![Wanted { epoch, reason: Reason::Last }]),
            None if self.ended => Ask::Done,
            None => Ask::Wait,
        }
    }

    fn tell(&mut self, _epoch: u64, _rows: &[PlaneRow]) {}

    fn end(&mut self, last: u64) {
        self.ended = true;
        self.epochs.retain(|&epoch| epoch <= last);
        self.last = Some(last).filter(|last| self.epochs.last() != Some(last));
    }

    fn earliest(&self) -> u64 {
        let first = if self.asked { None } else { self.epochs.first() };
        first.copied().or(self.last).unwrap_or(self.epochs.last().map_or(0, |last| last + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_nth_epoch_with_the_first_and_the_last() {
        assert_eq!(ScheduleConfig::Every { interval: 4 }.epochs(10), Ok(vec![0, 4, 8, 10]));
        assert_eq!(ScheduleConfig::Every { interval: 100 }.epochs(0), Ok(vec![0]));
    }

    #[test]
    fn log_spacing_takes_every_early_epoch_then_even_ratios() {
        let epochs = ScheduleConfig::LogSpaced { points: 8 }.epochs(1000).unwrap();
        assert_eq!(epochs, [0, 1, 3, 10, 32, 101, 318, 1000]);
    }

    #[test]
    fn settings_that_make_no_schedule_are_refused_by_name() {
        let refused = |config: ScheduleConfig| config.epochs(100).unwrap_err().to_string();
        assert_eq!(
            refused(ScheduleConfig::Every { interval: 0 }),
            "schedule.interval = 0; allowed is 1 or more"
        );
        assert_eq!(
            refused(ScheduleConfig::LogSpaced { points: 1 }),
            "schedule.points = 1; allowed is 2 or more"
        );
        assert!(refused(ScheduleConfig::List { epochs: vec![3, 101] }).contains("0 to 100"));
    }

    #[test]
    fn a_listed_schedule_is_asked_once() {
        let mut schedule = ScheduleConfig::List { epochs: vec![7, 3] }.schedule(9).unwrap();
        let Ask::Epochs(wanted) = schedule.ask() else { panic!("epochs") };
        assert_eq!(wanted.iter().map(|wanted| wanted.epoch).collect::<Vec<_>>(), [3, 7, 9]);
        schedule.tell(3, &[]);
        assert_eq!(schedule.ask(), Ask::Wait);
        schedule.end(9);
        assert_eq!(schedule.ask(), Ask::Done);
    }

    proptest! {
        #[test]
        fn log_spacing_gives_the_points_asked_for(points in 2usize..400, last in 1u64..20_000) {
            let epochs = ScheduleConfig::LogSpaced { points }.epochs(last).unwrap();
            prop_assert_eq!(epochs.len() as u64, (points as u64).min(last + 1));
            prop_assert!(epochs.windows(2).all(|pair| pair[0] < pair[1]));
            prop_assert_eq!((epochs[0], epochs[epochs.len() - 1]), (0, last));
        }
    }
}
