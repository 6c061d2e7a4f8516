//! What both delta skips share: their settings, and going forward by a skip that grows.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::witness::{DeltaOf, WitnessConfig, word_or_table};
use super::{Reason, ScheduleError, Wanted};
use crate::estimator::Estimator;
use crate::plane::{Distance, Entropies, Scale};
use crate::{Bound, PlaneRow};

/// The settings of a delta skip.
///
/// ```
/// use infoplane::schedule::{DeltaConfig, WhenFar};
/// let config = DeltaConfig { max_skip: Some(100), ..DeltaConfig::new(0.05) };
/// assert_eq!((config.multiplier, config.when_far), (2.0, WhenFar::Shrink));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeltaConfig {
    /// δ, the largest change between two measured neighbours, in the unit of `scale`; above 0.
    pub delta: f64,
    /// The factor by which the skip grows while neighbours are at most δ apart; at least 1.
    #[serde(default = "two")]
    pub multiplier: f64,
    /// The longest skip in epochs, at least 1; no limit unless given. It bounds how long a bump may
    /// stay unseen, and how many epochs have to be kept or trained again while a section is filled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_skip: Option<u64>,
    /// The change of the skip after a step larger than δ.
    #[serde(default)]
    pub when_far: WhenFar,
    /// The unit of δ.
    #[serde(default)]
    pub scale: DistanceScale,
    /// The layers that are compared, from 1; all unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layers: Option<Vec<usize>>,
    /// The estimators that are compared; all unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimators: Option<Vec<String>>,
    /// The rows that are compared, by their bound; all unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bounds: Option<Vec<BoundChoice>>,
    /// What is watched at every epoch, so that epochs where it moves are measured too: `loss`, `binned`, `subsample` or a table;
    /// nothing unless given.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "word_or_table")]
    pub witness: Option<WitnessConfig>,
}

/// Rows, by which bound they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BoundChoice {
    /// Upper bounds.
    Upper,
    /// Lower bounds.
    Lower,
    /// Estimates that are not bounds: all rows of most estimators.
    None,
}

impl BoundChoice {
    /// As rows of the plane say it.
    pub const fn bound(self) -> Option<Bound> {
        match self {
            BoundChoice::Upper => Some(Bound::Upper),
            BoundChoice::Lower => Some(Bound::Lower),
            BoundChoice::None => None,
        }
    }
}

fn two() -> f64 {
    2.0
}

/// What becomes of the skip after a section whose ends are too far apart.
///
/// Both keep the guarantee. `shrink` is the default because it misses less. On made-up curves of 10 000 epochs that
/// settle down, smooth or with noise well below δ, both measure the same number of epochs to within a few. Where a
/// curve goes on moving, `keep` lets the skip only grow, until both ends of a section lie at like places of different
/// waves and all between is unseen: on a sine of period 500 and amplitude 10 δ it measures 848 epochs and is 19 δ
/// wrong between them, where `shrink` measures 1108 and is 0.2 δ wrong. Shorter sections also need fewer networks kept
/// or trained again.
///
/// `keep` is cheaper where noise exceeds δ, since more of it goes unseen: 7 times fewer epochs at a standard deviation
/// of 1.5 δ. A larger δ is the better answer to that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WhenFar {
    /// The skip stays as it is, as published: nothing ever lowers it.
    Keep,
    /// The skip is divided by the multiplier, to 1 at least.
    #[default]
    Shrink,
}

/// The unit of distances.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DistanceScale {
    /// Fractions of the entropies H(X) and H(Y) of the data.
    #[default]
    Entropy,
    /// Bits.
    Bits,
}

impl DeltaConfig {
    /// The defaults at this δ.
    pub fn new(delta: f64) -> Self {
        DeltaConfig {
            delta,
            multiplier: two(),
            max_skip: None,
            when_far: WhenFar::default(),
            scale: DistanceScale::default(),
            layers: None,
            estimators: None,
            bounds: None,
            witness: None,
        }
    }

    /// δ, and what it is a part of.
    pub(super) fn delta_of(&self) -> DeltaOf {
        match self.scale {
            DistanceScale::Entropy => DeltaOf::Entropy(self.delta),
            DistanceScale::Bits => DeltaOf::Bits(self.delta),
        }
    }

    /// The distance that δ is compared with.
    pub fn distance(&self, entropies: Entropies) -> Distance {
        Distance {
            scale: match self.scale {
                DistanceScale::Bits => Scale::Bits,
                DistanceScale::Entropy => Scale::Entropy(entropies),
            },
            layers: self.layers.clone(),
            estimators: self.estimators.clone(),
            bounds: self.bounds.as_ref().map(|bounds| bounds.iter().map(|bound| bound.bound()).collect()),
        }
    }

    /// Refuses what is wrong whatever is measured.
    pub(super) fn check_numbers(&self) -> Result<(), ScheduleError> {
        if !(self.delta > 0.0 && self.delta.is_finite()) {
            return refuse("delta", self.delta, "a finite number above 0");
        }
        if !(self.multiplier >= 1.0 && self.multiplier.is_finite()) {
            return refuse("multiplier", self.multiplier, "a finite number, 1 or more");
        }
        if self.max_skip == Some(0) {
            return refuse("max_skip", 0, "1 or more; leave it out for no limit");
        }
        for (key, empty) in [
            ("layers", self.layers.as_ref().is_some_and(Vec::is_empty)),
            ("estimators", self.estimators.as_ref().is_some_and(Vec::is_empty)),
            ("bounds", self.bounds.as_ref().is_some_and(Vec::is_empty)),
        ] {
            if empty {
                return refuse(key, "[]", "a list of one or more; leave it out for all");
            }
        }
        self.witness.as_ref().map_or(Ok(()), WitnessConfig::check_numbers)
    }

    /// Refuses what does not fit the layers and estimators at hand.
    pub(super) fn check<M: Estimator>(&self, n_layers: usize, estimators: &[M]) -> Result<(), ScheduleError> {
        self.check_numbers()?;
        if let Some(&layer) = self.layers.iter().flatten().find(|&&layer| !(1..=n_layers).contains(&layer)) {
            return refuse("layers", layer, format!("1 to {n_layers}, the layers of the network"));
        }
        let measured: Vec<&str> = estimators.iter().map(|estimator| estimator.name()).collect();
        if let Some(unknown) =
            self.estimators.iter().flatten().find(|name| !measured.contains(&name.as_str()))
        {
            return refuse(
                "estimators",
                format!("{unknown:?}"),
                format!("one of those measured: {}", measured.join(", ")),
            );
        }
        let compared = estimators.iter().filter(|estimator| {
            self.estimators.as_ref().is_none_or(|names| names.iter().any(|name| name == estimator.name()))
        });
        let given: Vec<Option<Bound>> =
            compared.flat_map(|estimator| estimator.layer_settings()).map(|(_, bound)| bound).collect();
        // With no row to compare, every distance would be 0 and nothing would ever be filled.
        if let Some(bounds) = &self.bounds
            && !bounds.iter().any(|bound| given.contains(&bound.bound()))
        {
            let name = |bound: Option<Bound>| format!("{:?}", bound.map_or("none", Bound::name));
            let chosen: Vec<String> = bounds.iter().map(|bound| name(bound.bound())).collect();
            let mut allowed: Vec<String> = given.into_iter().map(name).collect();
            allowed.sort();
            allowed.dedup();
            return refuse(
                "bounds",
                format!("[{}]", chosen.join(", ")),
                format!("what the estimators compared give: {}", allowed.join(", ")),
            );
        }
        Ok(())
    }
}

pub(super) fn refuse(
    key: &'static str,
    given: impl ToString,
    allowed: impl Into<String>,
) -> Result<(), ScheduleError> {
    Err(ScheduleError { key, given: given.to_string(), allowed: allowed.into() })
}

/// A measured epoch, kept as long as something has to be compared with it.
#[derive(Debug, Clone)]
pub(super) struct Point {
    pub(super) epoch: u64,
    rows: Arc<[PlaneRow]>,
}

impl Point {
    pub(super) fn new(epoch: u64, rows: &[PlaneRow]) -> Self {
        Point { epoch, rows: rows.into() }
    }
}

/// Goes forward from head to head: the epoch after a head is the head plus the skip.
#[derive(Debug)]
pub(super) struct Forward {
    distance: Distance,
    delta: f64,
    multiplier: f64,
    when_far: WhenFar,
    /// Real-valued, so that a multiplier of 1.5 grows it from 1 too; steps are its whole part.
    skip: f64,
    longest_skip: f64,
    /// The last epoch that there may be; that there is, once the end was told.
    last: u64,
    ended: bool,
    /// Whether it ended before the last epoch planned.
    early: bool,
    /// The last head told.
    previous: Option<Point>,
    /// The head to be asked for.
    next: Option<Wanted>,
    /// The head asked for and not told.
    awaited: Option<u64>,
}

impl Forward {
    pub(super) fn new(config: &DeltaConfig, planned_last: u64, entropies: Entropies) -> Self {
        // A skip beyond the whole training is no different from one that spans it, and stays a finite number.
        let longest_skip = config.max_skip.unwrap_or(u64::MAX).min(planned_last).max(1) as f64;
        Forward {
            distance: config.distance(entropies),
            delta: config.delta,
            multiplier: config.multiplier,
            when_far: config.when_far,
            skip: 1.0,
            longest_skip,
            last: planned_last,
            ended: false,
            early: false,
            previous: None,
            next: Some(Wanted { epoch: 0, reason: Reason::Section }),
            awaited: None,
        }
    }

    /// Whether two epochs are at most δ apart.
    pub(super) fn near(&self, a: &Point, b: &Point) -> bool {
        self.distance.between(&a.rows, &b.rows) <= self.delta
    }

    /// The last head told, and the one after it, if that is known.
    pub(super) fn section(&self) -> Option<(Option<u64>, u64)> {
        let head = self.next.map(|head| head.epoch).or(self.awaited)?;
        Some((self.previous.as_ref().map(|previous| previous.epoch), head))
    }

    /// The next head, if it is known and was not asked for.
    pub(super) fn next(&self) -> Option<Wanted> {
        self.next
    }

    /// Whether the training ended at this epoch, before the last one planned.
    pub(super) fn ended_early_at(&self, epoch: u64) -> bool {
        self.early && epoch == self.last
    }

    /// The next head, if it is known and was not asked for.
    pub(super) fn ask(&mut self) -> Option<Wanted> {
        let head = self.next.take()?;
        self.awaited = Some(head.epoch);
        Some(head)
    }

    /// Takes what the head gave. Anything else than the head awaited is ignored.
    pub(super) fn tell(&mut self, head: &Point) {
        if self.awaited != Some(head.epoch) {
            return;
        }
        self.awaited = None;
        if let Some(previous) = self.previous.replace(head.clone()) {
            if self.near(&previous, head) {
                self.skip = (self.skip * self.multiplier).min(self.longest_skip);
            } else if self.when_far == WhenFar::Shrink {
                self.skip = (self.skip / self.multiplier).max(1.0);
            }
        }
        self.plan();
    }

    /// Decides on the head after `previous`.
    fn plan(&mut self) {
        let Some(previous) = self.previous.as_ref().filter(|previous| previous.epoch < self.last) else {
            self.next = None;
            return;
        };
        let epoch = previous.epoch.saturating_add(self.skip as u64);
        // The last epoch is a section like others where the skip leads to it, so that the reason is the same
        // whether or not the end was known when it was asked for.
        self.next = Some(match epoch > self.last {
            true => Wanted { epoch: self.last, reason: Reason::Last },
            false => Wanted { epoch, reason: Reason::Section },
        });
    }

    pub(super) fn end(&mut self, last: u64) {
        self.ended = true;
        self.early = last < self.last;
        self.last = self.last.min(last);
        if self.awaited.is_some_and(|epoch| epoch > self.last) {
            self.awaited = None;
        }
        if self.awaited.is_none() && self.previous.is_some() {
            self.plan();
        }
    }

    /// Whether the last epoch was told, and is known to be the last.
    pub(super) fn is_done(&self) -> bool {
        self.ended && self.next.is_none() && self.awaited.is_none()
    }

    /// The earliest head that may still be asked for, but for the last epoch of a training that ends early.
    pub(super) fn earliest_head(&self) -> u64 {
        match (self.next, self.awaited) {
            (Some(head), _) => head.epoch,
            (None, Some(awaited)) if !(self.ended && awaited == self.last) => awaited.saturating_add(1),
            (None, None) if !self.ended => self.last.saturating_add(1),
            (None, _) => u64::MAX,
        }
    }
}
