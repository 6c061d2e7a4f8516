//! Which epochs to measure next.
//!
//! A schedule is a pure state machine: asked which epochs it wants, told what they gave. It loads nothing and
//! computes nothing, so it can be tested on made-up curves.
//!
//! # Which one
//!
//! | schedule | epochs | chosen when |
//! |---|---|---|
//! | [`Every`](ScheduleConfig::Every) | every n-th | the same everywhere, for comparison with others |
//! | [`LogSpaced`](ScheduleConfig::LogSpaced) | even ratios | the number of measurements is to be known beforehand |
//! | [`List`](ScheduleConfig::List) | as listed | a paper shows just these |
//! | [`DeltaExact`](ScheduleConfig::DeltaExact) | wherever the layers move by δ | neighbours on the curve are to be at most δ apart |
//! | [`DeltaApproximate`](ScheduleConfig::DeltaApproximate) | about wherever they move by δ, ascending | nothing can be kept or trained again |
//!
//! # Skipping by δ
//!
//! Both delta skips measure epoch 0, the untrained network, then epoch 1, and go on by a *skip* that starts at 1
//! epoch. While the epoch measured is at most δ from the one before it (its [`Distance`], a share of H(X) or H(Y)),
//! the skip is multiplied by `multiplier`; [`WhenFar`] says what becomes of it otherwise. `max_skip` bounds it. The
//! last epoch of the training is always measured.
//!
//! **Exact** then fills every section whose ends are more than δ apart: its middle is measured, and each half again,
//! until neighbours are at most δ apart or adjacent. Filling leaves the skip alone, and the next section does not wait
//! for it. Where the ends of a section are adjacent and too far apart, there is nothing to fill: the network moved by
//! more than δ within one epoch. To `keep`, the skip stays; to `shrink`, it is divided as after any other section, and
//! a skip of 1 stays 1.
//!
//! **Approximate** goes on from a section whose ends are too far apart and leaves it as it is. It assumes that steps
//! only become smaller during a training. It needs every network once, in order.
//!
//! # What is guaranteed, and what is not
//!
//! Of Exact: any two epochs measured one after the other are at most δ apart, or adjacent. Of both: epoch 0 and the
//! last are among them; heads are at most `max_skip` apart; the set of epochs does not depend on the order in which
//! results come back, nor on when the end of the training becomes known. A training that ends early is measured at the
//! same epochs as one that was planned to end there.
//!
//! The guarantee is about *measured neighbours*. A bump that rises and falls between two of them is not seen: where
//! the curve returns to where it was, both ends are near, and nothing says that there was something in between. On a
//! plateau the skip comes to be as long as all that came before. `max_skip` bounds how long a bump can stay unseen;
//! only [`Every`](ScheduleConfig::Every) with an interval of 1 misses none. Nor is an interpolation between two
//! neighbours right to within δ for a curve that is not monotone between them.
//!
//! # Witnesses
//!
//! A schedule of any kind may watch a *witness* ([`WitnessConfig`]): the loss, or information on a few rows, which is cheap enough to
//! be known at every epoch. A *boundary* is a head, a planned epoch, or an epoch of the witness. Where the witness differs from its
//! value at the last boundary by more than its band, that epoch and the one before it are measured, and the epoch is the next boundary;
//! Exact fills the sections between boundaries. At every unmeasured epoch the witness then lies within the band of its value at the last
//! boundary. Boundaries do not depend on what is measured between them, nor on the order in which results come back.
//!
//! Noise of the size of δ, from estimators or small batches, looks like movement: δ well above it keeps the number of
//! epochs small.
//!
//! A value that appears or disappears (a layer that cannot be measured any more) is infinitely far from the epoch
//! before: Exact measures the two adjacent epochs between which it happens, once for every section whose ends differ
//! so.

mod boundaries;
mod delta;
mod delta_approximate;
mod delta_exact;
mod listed;
mod measured;
#[cfg(test)]
mod tests;
mod witness;
#[cfg(test)]
mod witness_tests;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::PlaneRow;
use crate::estimator::Estimator;
use crate::plane::{Distance, Entropies};

pub use delta::{BoundChoice, DeltaConfig, DistanceScale, WhenFar};
use delta_approximate::DeltaApproximate;
use delta_exact::DeltaExact;
use listed::{Listed, log_spaced};
pub use measured::MeasuredRows;
use witness::{Watch, word_or_table};
pub use witness::{WitnessConfig, WitnessSettings};

/// Chooses the epochs that are measured.
///
/// The set of epochs must not depend on the order in which results come back, nor on when the end is told: that
/// makes parallel runs equal to serial ones.
///
/// Whoever drives a schedule keeps a queue of what was asked for and not measured yet: a schedule asks for an epoch
/// once, and [`earliest`](Schedule::earliest) does not count it any more.
pub trait Schedule: Send {
    /// What to measure next. Every epoch is asked for once.
    fn ask(&mut self) -> Ask;

    /// What the measurement of one of the epochs asked for gave. An epoch that was not asked for is ignored.
    fn tell(&mut self, epoch: u64, rows: &[PlaneRow]);

    /// Whether it wants to be told of a witness at every epoch.
    fn watches(&self) -> bool {
        false
    }

    /// What the witness is at an epoch, measured or not. Told in ascending order, of every epoch once where that is possible,
    /// before anything is told of the epoch itself or of the end at it.
    fn witness(&mut self, _epoch: u64, _values: &[f64]) {}

    /// From which epochs on the band of the witness was wider than asked for, and how wide: there it moved too often.
    fn widened(&self) -> &[(u64, f64)] {
        &[]
    }

    /// The training ended: there is no epoch after `last`, which is to be measured. Epochs asked for beyond it are
    /// void: they will not be told. Told once, at any time, also where the training ends as planned.
    fn end(&mut self, last: u64);

    /// No epoch before this one will be asked for from now on, but for the last one of a training that ends
    /// early: that is where the training then stands.
    ///
    /// Epochs asked for already do not count. It never decreases, but to that last epoch; where nothing more will be
    /// asked for, it is [`u64::MAX`].
    fn earliest(&self) -> u64;
}

/// An answer of [`Schedule::ask`].
#[derive(Debug, Clone, PartialEq)]
pub enum Ask {
    /// Measure these, ascending and independent of each other.
    Epochs(Vec<Wanted>),
    /// Nothing until more is told, of an epoch asked for or of the end.
    Wait,
    /// Nothing more, ever. What was asked for before may still have to be measured.
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
    /// A witness left its band here, or one epoch later.
    Witness,
    /// It is the last epoch of the training.
    Last,
}

impl Reason {
    /// `planned`, `section`, `filling`, `witness` or `last`.
    pub const fn name(self) -> &'static str {
        match self {
            Reason::Planned => "planned",
            Reason::Section => "section",
            Reason::Filling => "filling",
            Reason::Witness => "witness",
            Reason::Last => "last",
        }
    }
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

impl MeasuredEpoch {
    /// The measured epochs of one training, ascending, with their distances to the epoch before.
    pub(crate) fn of_seed(seed: u64, distance: &Distance, measured: &MeasuredRows) -> Vec<MeasuredEpoch> {
        let mut before: Option<Vec<PlaneRow>> = None;
        measured
            .iter()
            .map(|(epoch, reason, rows)| {
                // Two epochs without any value are not near each other: nothing is known of them.
                let known =
                    |before: &&Vec<PlaneRow>| distance.has_values(before) || distance.has_values(&rows);
                let distance = before.as_ref().filter(known).map(|before| distance.between(before, &rows));
                before = Some(rows);
                MeasuredEpoch { seed, epoch, reason, distance: distance.filter(|d| d.is_finite()) }
            })
            .collect()
    }
}

/// The settings of a schedule, as a configuration file gives them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum ScheduleConfig {
    /// Every `interval`-th epoch, with the first and the last.
    Every {
        /// Epochs between two measurements, at least 1.
        interval: u64,
        /// What is watched at every epoch, so that epochs where it moves are measured too: `loss`, `binned`, `subsample` or a table;
        /// nothing unless given.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "word_or_table")]
        witness: Option<WitnessConfig>,
    },
    /// `points` epochs, evenly spaced on a logarithmic axis, with the untrained network and the last epoch.
    LogSpaced {
        /// Number of epochs to measure, at least 2 (fewer if training is shorter).
        points: usize,
        /// What is watched at every epoch, so that epochs where it moves are measured too: `loss`, `binned`, `subsample` or a table;
        /// nothing unless given.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "word_or_table")]
        witness: Option<WitnessConfig>,
    },
    /// The epochs listed, and the last.
    List {
        /// The epochs to measure, in any order.
        epochs: Vec<u64>,
        /// What is watched at every epoch, so that epochs where it moves are measured too: `loss`, `binned`, `subsample` or a table;
        /// nothing unless given.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "word_or_table")]
        witness: Option<WitnessConfig>,
    },
    /// Delta Skip Exact: few epochs, with neighbours at most δ apart or adjacent.
    DeltaExact(DeltaConfig),
    /// Delta Skip Approximate: few epochs, in ascending order, with neighbours often at most δ apart.
    DeltaApproximate(DeltaConfig),
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
    /// Whether the epochs depend on what is measured.
    pub fn is_adaptive(&self) -> bool {
        self.delta_config().is_some()
    }

    /// What is watched at every epoch, if anything is.
    pub fn witness(&self) -> Option<&WitnessConfig> {
        match self {
            ScheduleConfig::Every { witness, .. }
            | ScheduleConfig::LogSpaced { witness, .. }
            | ScheduleConfig::List { witness, .. } => witness.as_ref(),
            ScheduleConfig::DeltaExact(config) | ScheduleConfig::DeltaApproximate(config) => {
                config.witness.as_ref()
            }
        }
    }

    /// The band of the witness, on data of these entropies: of `loss` in its own unit, of the others as a fraction of the
    /// entropies of the rows that it is computed on.
    pub fn witness_band(&self, entropies: Entropies) -> Option<f64> {
        let delta = self.delta_config().map(DeltaConfig::delta_of);
        self.witness().map(|witness| witness.band(delta, entropies))
    }

    /// δ, for a schedule that has one, in the unit of its [`distance`](ScheduleConfig::distance).
    pub fn delta(&self) -> Option<f64> {
        self.delta_config().map(|config| config.delta)
    }

    /// How this schedule measures how far apart two epochs are; for one that does not, over all rows, scaled by
    /// entropy.
    pub fn distance(&self, entropies: Entropies) -> Distance {
        match self.delta_config() {
            Some(config) => config.distance(entropies),
            None => Distance::scaled(entropies),
        }
    }

    fn delta_config(&self) -> Option<&DeltaConfig> {
        match self {
            ScheduleConfig::DeltaExact(config) | ScheduleConfig::DeltaApproximate(config) => Some(config),
            _ => None,
        }
    }

    /// Refuses settings that make no schedule for a training of `planned_last` epochs of a network of `n_layers`
    /// layers, the output among them, measured with `estimators`.
    ///
    /// # Errors
    /// [`ScheduleError`] names the key.
    pub fn check<M: Estimator>(
        &self,
        planned_last: u64,
        n_layers: usize,
        estimators: &[M],
    ) -> Result<(), ScheduleError> {
        match self.delta_config() {
            Some(config) => config.check(n_layers, estimators)?,
            None => self.check_numbers(planned_last)?,
        }
        self.witness().map_or(Ok(()), |witness| witness.check(estimators))
    }

    /// The epochs measured in a training of `planned_last` epochs, ascending, if they are known beforehand.
    ///
    /// The untrained network, epoch 0, and the last epoch are always among those of `every` and `log-spaced`;
    /// the last is among those of `list` too. Nothing for a schedule that adapts to what is measured or watches a witness.
    ///
    /// # Errors
    /// [`ScheduleError`] names the key.
    pub fn epochs(&self, planned_last: u64) -> Result<Option<Vec<u64>>, ScheduleError> {
        let planned = self.planned(planned_last)?.filter(|_| self.witness().is_none());
        let Some(mut epochs) = planned else { return Ok(None) };
        if epochs.last() != Some(&planned_last) {
            epochs.push(planned_last);
        }
        Ok(Some(epochs))
    }

    /// At most so many epochs are measured in a training of `planned_last`, if that is known beforehand.
    pub(crate) fn most_epochs(&self, planned_last: u64) -> Option<u64> {
        if self.witness().is_some() {
            return None;
        }
        let most = match self {
            ScheduleConfig::Every { interval, .. } => planned_last / (*interval).max(1) + 2,
            ScheduleConfig::LogSpaced { points, .. } => *points as u64,
            ScheduleConfig::List { epochs, .. } => epochs.len() as u64 + 1,
            ScheduleConfig::DeltaExact(_) | ScheduleConfig::DeltaApproximate(_) => return None,
        };
        Some(most.min(planned_last.saturating_add(1)))
    }

    /// As [`epochs`](ScheduleConfig::epochs), without the last epoch where only its being the last brings it in.
    fn planned(&self, last: u64) -> Result<Option<Vec<u64>>, ScheduleError> {
        self.check_numbers(last)?;
        Ok(match self {
            ScheduleConfig::Every { interval, .. } => {
                Some((0..=last / interval).map(|measurement| measurement * interval).collect())
            }
            ScheduleConfig::LogSpaced { points, .. } => Some(log_spaced(*points, last)),
            ScheduleConfig::List { epochs, .. } => {
                let mut epochs = epochs.clone();
                epochs.sort_unstable();
                epochs.dedup();
                Some(epochs)
            }
            ScheduleConfig::DeltaExact(_) | ScheduleConfig::DeltaApproximate(_) => None,
        })
    }

    fn check_numbers(&self, last: u64) -> Result<(), ScheduleError> {
        let (key, given, allowed) = match self {
            ScheduleConfig::Every { interval: 0, .. } => ("interval", "0".into(), "1 or more".to_string()),
            ScheduleConfig::Every { interval, .. } if last / interval > MAX_MEASUREMENTS => {
                let least = last / (MAX_MEASUREMENTS + 1) + 1;
                ("interval", interval.to_string(), format!("{least} or more, for {last} epochs"))
            }
            ScheduleConfig::LogSpaced { points, .. } if *points as u64 > MAX_MEASUREMENTS => {
                ("points", points.to_string(), "2 to 10 million".into())
            }
            ScheduleConfig::LogSpaced { points, .. } if *points < 2 => {
                ("points", points.to_string(), "2 or more".into())
            }
            ScheduleConfig::List { epochs, .. } => match epochs.iter().find(|&&epoch| epoch > last) {
                _ if epochs.is_empty() => ("epochs", "[]".into(), "at least one epoch".into()),
                Some(late) => {
                    ("epochs", late.to_string(), format!("0 to {last}, the last epoch of training"))
                }
                None => return self.check_witness(),
            },
            ScheduleConfig::DeltaExact(config) | ScheduleConfig::DeltaApproximate(config) => {
                return config.check_numbers();
            }
            _ => return self.check_witness(),
        };
        Err(ScheduleError { key, given, allowed })
    }

    fn check_witness(&self) -> Result<(), ScheduleError> {
        self.witness().map_or(Ok(()), WitnessConfig::check_numbers)
    }

    /// The schedule itself, for a training of `planned_last` epochs that may end before, on data of these entropies.
    ///
    /// # Errors
    /// [`ScheduleError`] names the key.
    pub fn schedule(
        &self,
        planned_last: u64,
        entropies: Entropies,
    ) -> Result<Box<dyn Schedule>, ScheduleError> {
        let planned = self.planned(planned_last)?;
        Ok(match (self, planned) {
            (ScheduleConfig::DeltaExact(config), _) => {
                Box::new(DeltaExact::new(config, planned_last, entropies))
            }
            (ScheduleConfig::DeltaApproximate(config), _) => {
                Box::new(DeltaApproximate::new(config, planned_last, entropies))
            }
            (_, planned) => {
                let watch = self.witness().map(|witness| Watch::new(witness, None, entropies));
                Box::new(Listed::new(planned.unwrap_or_default(), planned_last, watch))
            }
        })
    }
}
