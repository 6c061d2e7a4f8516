//! A witness: a number that is cheap enough to be known at every epoch, and says where to measure.

use std::collections::VecDeque;
use std::f64::consts::LN_2;
use std::fmt;

use schemars::JsonSchema;
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::ScheduleError;
use super::delta::refuse;
use crate::estimator::Estimator;
use crate::plane::Entropies;

/// What is watched at every epoch, measured or not; where it moves out of its band the epoch is measured, and the one
/// before it.
///
/// In a file a kind alone, `witness = "loss"`, or a table, `witness = { kind = "loss", rows = 256 }`.
///
/// ```
/// use infoplane::schedule::{ScheduleConfig, WitnessConfig, WitnessSettings};
/// let text = "kind = \"delta-exact\"\ndelta = 0.05\nwitness = \"loss\"";
/// let schedule: ScheduleConfig = toml::from_str(text)?;
/// // The usual number of rows is written down, so that a manifest has it.
/// let settings = WitnessSettings { rows: Some(1024), ..WitnessSettings::default() };
/// assert_eq!(schedule.witness(), Some(&WitnessConfig::Loss(settings)));
/// # Ok::<(), toml::de::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum WitnessConfig {
    /// The mean loss of the network after the epoch, on measured rows: a forward pass.
    Loss(WitnessSettings),
    /// The values of the binned estimators of the experiment, on a few measured rows.
    Binned(WitnessSettings),
    /// The values of all estimators of the experiment, on a few measured rows.
    Subsample(WitnessSettings),
}

/// The settings of a witness.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WitnessSettings {
    /// The number of measured rows that it is computed on, drawn once for each seed; unless given 1024 for `loss`, 256 for
    /// the others, and never more than are measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<usize>,
    /// The largest change that is not measured, above 0, of a loss in its own unit, of information as a fraction of the entropy
    /// of its axis on these rows; unless given δ·H(Y) in nats for `loss`, δ for the others, with δ = 0.05 where the schedule has
    /// none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub band: Option<f64>,
    /// The share of all epochs so far that the witness may have measured, beside the first 32; whatever would be more doubles
    /// the band.
    #[serde(default = "default_share")]
    pub max_share: f64,
}

fn default_share() -> f64 {
    0.05
}

impl Default for WitnessSettings {
    /// All that a file may leave out.
    fn default() -> Self {
        WitnessSettings { rows: None, band: None, max_share: default_share() }
    }
}

/// The δ of schedules that have none.
const USUAL_DELTA: f64 = 0.05;

/// So many rows for a loss: bursts of the 12-bit task are seen as well as by all of its 4096, at a quarter of the cost.
const USUAL_ROWS_OF_LOSS: usize = 1024;

/// So many rows for a witness that estimates information.
const USUAL_ROWS: usize = 256;

/// So many epochs are measured for a witness before its share counts: training is fast at its beginning.
const FREE: f64 = 32.0;

impl WitnessConfig {
    /// `loss`, `binned` or `subsample`.
    pub const fn name(&self) -> &'static str {
        match self {
            WitnessConfig::Loss(_) => "loss",
            WitnessConfig::Binned(_) => "binned",
            WitnessConfig::Subsample(_) => "subsample",
        }
    }

    /// The settings.
    pub const fn settings(&self) -> &WitnessSettings {
        match self {
            WitnessConfig::Loss(settings)
            | WitnessConfig::Binned(settings)
            | WitnessConfig::Subsample(settings) => settings,
        }
    }

    /// Of so many measured rows it is computed on so many.
    pub fn n_rows(&self, n_measured: usize) -> usize {
        self.settings().rows.unwrap_or_else(|| self.usual_rows()).min(n_measured)
    }

    const fn usual_rows(&self) -> usize {
        match self {
            WitnessConfig::Loss(_) => USUAL_ROWS_OF_LOSS,
            WitnessConfig::Binned(_) | WitnessConfig::Subsample(_) => USUAL_ROWS,
        }
    }

    /// The same with its number of rows written down: a run must go on with as many, whatever is usual by then.
    fn with_rows(mut self) -> WitnessConfig {
        let usual = self.usual_rows();
        let (WitnessConfig::Loss(settings)
        | WitnessConfig::Binned(settings)
        | WitnessConfig::Subsample(settings)) = &mut self;
        settings.rows.get_or_insert(usual);
        self
    }

    /// The band, given δ: in bits of Y, or as a fraction of H(Y).
    pub(super) fn band(&self, delta: Option<DeltaOf>, entropies: Entropies) -> f64 {
        if let Some(band) = self.settings().band {
            return band;
        }
        match (self, delta.unwrap_or(DeltaOf::Entropy(USUAL_DELTA))) {
            (WitnessConfig::Loss(_), DeltaOf::Bits(delta)) => LN_2 * delta,
            // Of one class alone there is no information; what the loss does is seen all the same.
            (WitnessConfig::Loss(_), DeltaOf::Entropy(delta)) => {
                let h_y = if entropies.h_y_bits > 0.0 { entropies.h_y_bits } else { 1.0 };
                LN_2 * delta * h_y
            }
            (_, DeltaOf::Entropy(delta)) => delta,
            (_, DeltaOf::Bits(delta)) => delta / entropies.h_y_bits.max(1.0),
        }
    }

    /// Refuses what is wrong whatever is watched.
    pub(super) fn check_numbers(&self) -> Result<(), ScheduleError> {
        let WitnessSettings { rows, band, max_share } = *self.settings();
        if let Some(rows) = rows.filter(|&rows| rows < 2) {
            return refuse("witness.rows", rows, "2 or more; leave it out for the default");
        }
        if let Some(band) = band.filter(|&band| !(band > 0.0 && band.is_finite())) {
            return refuse("witness.band", band, "a finite number above 0; leave it out for the default");
        }
        if !(0.0..=1.0).contains(&max_share) {
            return refuse("witness.max_share", max_share, "0 to 1");
        }
        Ok(())
    }

    /// Whether it is computed with an estimator.
    pub fn uses(&self, estimator: &impl Estimator) -> bool {
        match self {
            WitnessConfig::Loss(_) => false,
            WitnessConfig::Binned(_) => estimator.name() == "binned",
            WitnessConfig::Subsample(_) => true,
        }
    }

    /// Refuses what cannot be computed with the estimators at hand.
    pub(super) fn check<M: Estimator>(&self, estimators: &[M]) -> Result<(), ScheduleError> {
        if matches!(self, WitnessConfig::Loss(_)) {
            return Ok(());
        }
        let given = format!("{:?}", self.name());
        let used: Vec<&M> = estimators.iter().filter(|estimator| self.uses(*estimator)).collect();
        if used.is_empty() {
            return refuse("witness", given, "\"loss\" or \"subsample\", as no binned estimator is measured");
        }
        match used.iter().find(|estimator| estimator.needs_observed_range()) {
            Some(estimator) => refuse(
                "witness",
                given,
                format!(
                    "\"loss\", as the bins of {:?} are known only after training; bins of a given width or on a given \
                     range would do",
                    estimator.name()
                ),
            ),
            None => Ok(()),
        }
    }
}

/// δ, and what it is a part of.
#[derive(Debug, Clone, Copy)]
pub(super) enum DeltaOf {
    /// A fraction of the entropies.
    Entropy(f64),
    /// Bits.
    Bits(f64),
}

/// Reads a kind alone, or a table.
pub(super) fn word_or_table<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<WitnessConfig>, D::Error> {
    struct WordOrTable;
    impl<'de> Visitor<'de> for WordOrTable {
        type Value = WitnessConfig;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("\"loss\", \"binned\", \"subsample\" or a table with the key `kind`")
        }

        fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<WitnessConfig, E> {
            match word {
                "loss" => Ok(WitnessConfig::Loss(WitnessSettings::default()).with_rows()),
                "binned" => Ok(WitnessConfig::Binned(WitnessSettings::default()).with_rows()),
                "subsample" => Ok(WitnessConfig::Subsample(WitnessSettings::default()).with_rows()),
                _ => Err(E::unknown_variant(word, &["loss", "binned", "subsample"])),
            }
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<WitnessConfig, A::Error> {
            Ok(WitnessConfig::deserialize(MapAccessDeserializer::new(map))?.with_rows())
        }
    }
    deserializer.deserialize_any(WordOrTable).map(Some)
}

/// Where a witness left its band; told of every epoch, in order.
///
/// The band lies around its value at the last *boundary*: an epoch that the schedule came to going forward, or that the witness had
/// measured. What is measured between boundaries does not move it, so that boundaries do not depend on the order in which results come
/// back.
#[derive(Debug)]
pub(super) struct Watch {
    band: f64,
    max_share: f64,
    /// Told and not looked at, ascending.
    pending: VecDeque<(u64, Box<[f64]>)>,
    /// The last boundary, and the value at it or at the first epoch after it that was told.
    boundary: Option<u64>,
    value: Option<Box<[f64]>>,
    looked: Option<u64>,
    /// The last epoch at which it left its band.
    left: Option<u64>,
    /// How many epochs it has had measured, two for each time.
    asked: u64,
    widened: Vec<(u64, f64)>,
}

impl Watch {
    pub(super) fn new(config: &WitnessConfig, delta: Option<DeltaOf>, entropies: Entropies) -> Self {
        Watch {
            band: config.band(delta, entropies),
            max_share: config.settings().max_share,
            pending: VecDeque::new(),
            boundary: None,
            value: None,
            looked: None,
            left: None,
            asked: 0,
            widened: Vec::new(),
        }
    }

    /// Takes the value at an epoch; one that is not after all those before is ignored.
    pub(super) fn told(&mut self, epoch: u64, values: &[f64]) {
        let newest = self.pending.back().map(|(epoch, _)| *epoch).max(self.looked);
        if newest.is_none_or(|newest| epoch > newest) {
            self.pending.push_back((epoch, values.into()));
        }
    }

    /// The epoch that is looked at next.
    pub(super) fn next(&self) -> Option<u64> {
        self.pending.front().map(|(epoch, _)| *epoch)
    }

    /// Looks at the epochs up to `head`, which is measured whatever comes, as the epoch `previous` was before it; gives those
    /// to be measured between the two, ascending.
    pub(super) fn look(&mut self, previous: Option<u64>, head: u64) -> Vec<u64> {
        let mut wanted = Vec::new();
        while self.next().is_some_and(|epoch| epoch <= head)
            && let Some((epoch, value)) = self.pending.pop_front()
        {
            self.looked = Some(epoch);
            if self.boundary < previous {
                // Nothing was told of the head before.
                (self.boundary, self.value) = (previous, None);
            }
            let change = self.value.as_deref().map_or(0.0, |before| distance(before, &value));
            let left = change > self.band && self.may_measure(epoch, change);
            if left {
                self.left = Some(epoch);
                // What was there before it left: the line to it would else begin where nothing had happened yet.
                let before = epoch
                    .checked_sub(1)
                    .filter(|&before| self.boundary.is_none_or(|boundary| before > boundary));
                wanted.extend(before);
                wanted.extend((epoch != head).then_some(epoch));
            }
            if left || epoch == head {
                self.boundary = Some(epoch);
            }
            if left || epoch == head || self.value.is_none() {
                self.value = Some(value);
            }
        }
        wanted
    }

    /// Whether two epochs more may be measured. Beyond its share the band is twice as wide from there on, and what leaves that is
    /// measured; once there were as many of these as are free, the band is as wide as the change.
    fn may_measure(&mut self, epoch: u64, change: f64) -> bool {
        let allowed = FREE + self.max_share * epoch as f64;
        if self.asked as f64 + 2.0 > allowed {
            self.band *= 2.0;
            let is_beyond_all = self.asked as f64 + 2.0 > allowed + FREE;
            while is_beyond_all && self.band < change {
                self.band *= 2.0;
            }
            self.widened.push((epoch, self.band));
            if change <= self.band {
                return false;
            }
        }
        self.asked += 2;
        true
    }

    /// Whether it left its band at this epoch, the last that was looked at.
    pub(super) fn left_at(&self, epoch: u64) -> bool {
        self.left == Some(epoch)
    }

    /// No epoch before this one will be wanted.
    pub(super) fn earliest(&self) -> u64 {
        // The epoch before one that is yet to come may be wanted too.
        match (self.looked, self.boundary) {
            (looked, Some(boundary)) if looked <= Some(boundary) => boundary.saturating_add(1),
            (looked, _) => looked.unwrap_or(0),
        }
    }

    /// From which epochs on the band was wider, and how wide it was.
    pub(super) fn widened(&self) -> &[(u64, f64)] {
        &self.widened
    }
}

/// The largest change of any value. One that is a number at one epoch alone is infinitely far; of two that are none, whatever
/// else they are, nothing is known.
fn distance(before: &[f64], after: &[f64]) -> f64 {
    let change = |(a, b): (&f64, &f64)| match (a.is_finite(), b.is_finite()) {
        (true, true) => (a - b).abs(),
        (false, false) => 0.0,
        _ => f64::INFINITY,
    };
    if before.len() != after.len() {
        return f64::INFINITY;
    }
    before.iter().zip(after).map(change).fold(0.0, f64::max)
}
