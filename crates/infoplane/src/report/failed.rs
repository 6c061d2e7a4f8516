//! Trainings that did not learn: which they are, and how a report speaks of them.

use std::collections::BTreeSet;

use super::ReportData;
use crate::draw::{Color, Panel, Scene};
use crate::run::{Manifest, Outcome, SeedOutcome};
use crate::schedule::MeasuredEpoch;
use crate::train::EpochStats;
use crate::{InformationPlane, PlaneRow};

/// A training that undoes less than this share of the mistakes of always guessing the most frequent class has not
/// learned.
///
/// A network whose output does not depend on its input, as a ReLU network with a layer that is dead for every
/// input, undoes none of them, whatever the data; one that does learn undoes most. A tenth lies clear of both, and
/// beyond what a handful of samples classified differently by chance can do.
pub const LEAST_LEARNED: f64 = 0.1;

/// How faint paths of trainings that did not learn are drawn.
pub(super) const DOTS: &[f32] = &[0.9, 2.1];

/// From here on figures draw percentiles instead of each seed. Fewer seeds have next to nothing between their
/// percentiles and their extremes, and their lines can still be told apart.
pub(super) const LEAST_FOR_BANDS: usize = 8;

/// Up to here seeds are told by number; a summary of a thousand need not list hundreds.
pub(super) const MOST_TOLD: usize = 20;

/// A training that did not learn, and how that is known.
#[derive(Debug, Clone, PartialEq)]
pub struct FailedSeed {
    /// The seed of the training.
    pub seed: u64,
    /// How it failed.
    pub failure: TrainingFailure,
}

/// How a training failed to learn.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum TrainingFailure {
    /// At its last recorded epoch it classified hardly better than guessing does.
    NotLearned {
        /// The last recorded epoch.
        epoch: u64,
        /// The share of training samples classified correctly there.
        train_accuracy: f64,
        /// The share that always guessing the most frequent class gets right.
        guessing_accuracy: f64,
    },
    /// Loss or weights were not finite any more.
    Diverged,
}

impl FailedSeed {
    /// Whether a training did not learn, by its last recorded epoch.
    ///
    /// Always guessing the most frequent class of the training labels makes the share g = 1 − max p(y) of mistakes.
    /// A training failed if it undoes less than a tenth ([`LEAST_LEARNED`]) of them:
    ///
    /// ```text
    /// (training accuracy) − max p(y) < g / 10
    /// ```
    ///
    /// It diverged if its loss is not finite. Where all labels are equal (g = 0) there is nothing to learn, and
    /// nothing fails.
    ///
    /// ```
    /// use infoplane::report::FailedSeed;
    /// use infoplane::train::EpochStats;
    /// let last = |train_accuracy| EpochStats {
    ///     seed: 3,
    ///     epoch: 600,
    ///     train_loss: 0.69,
    ///     test_loss: None,
    ///     train_accuracy,
    ///     test_accuracy: None,
    ///     layers: vec![],
    /// };
    /// assert_eq!(FailedSeed::of(&last(0.52), 0.52).unwrap().seed, 3);
    /// assert!(FailedSeed::of(&last(0.58), 0.52).is_none());
    /// ```
    pub fn of(last: &EpochStats, guessing_accuracy: f64) -> Option<FailedSeed> {
        let (loss, accuracy) = (f64::from(last.train_loss), f64::from(last.train_accuracy));
        FailedSeed::judge(last.seed, last.epoch, loss, accuracy, guessing_accuracy)
    }

    /// As [`FailedSeed::of`], by what it looks at alone.
    pub(super) fn judge(
        seed: u64,
        epoch: u64,
        train_loss: f64,
        train_accuracy: f64,
        guessing_accuracy: f64,
    ) -> Option<FailedSeed> {
        let failed = |failure| Some(FailedSeed { seed, failure });
        if !train_loss.is_finite() {
            return failed(TrainingFailure::Diverged);
        }
        let mistakes = 1.0 - guessing_accuracy;
        // Written so that an accuracy that is not a number fails nothing: then nothing is known.
        if mistakes > 0.0 && train_accuracy - guessing_accuracy < LEAST_LEARNED * mistakes {
            return failed(TrainingFailure::NotLearned { epoch, train_accuracy, guessing_accuracy });
        }
        None
    }
}

/// The trainings of a run that did not learn, in the order of the manifest.
///
/// Each is judged by the statistics of its last recorded epoch ([`FailedSeed::of`]) and by how it ended. As long as the
/// run goes on (`outcome` is absent), only those are judged that have come to their last planned epoch: the others may
/// still learn.
pub fn failed_seeds(
    manifest: &Manifest,
    training: &[EpochStats],
    outcome: Option<&Outcome>,
) -> Vec<FailedSeed> {
    let epochs = manifest.experiment.get("training").and_then(|training| training.get("epochs"));
    let planned = epochs.and_then(|epochs| epochs.as_integer()).and_then(|n| u64::try_from(n).ok());
    // Manifests by earlier versions do not tell each training's own.
    let of_all = manifest.data.label_shares.iter().copied().reduce(f64::max);
    let judged = manifest.seeds.iter().enumerate().filter_map(|(index, &seed)| {
        let ended = outcome.and_then(|outcome| outcome.seeds.iter().find(|ended| ended.seed == seed));
        if ended.is_some_and(|ended| ended.status != SeedOutcome::FINISHED) {
            return Some(FailedSeed { seed, failure: TrainingFailure::Diverged });
        }
        let of_seed = training.iter().filter(|stats| stats.seed == seed);
        let last = of_seed.max_by_key(|stats| stats.epoch)?;
        if outcome.is_none() && Some(last.epoch) != planned {
            return None;
        }
        FailedSeed::of(last, manifest.data.guessing_accuracy.get(index).copied().or(of_all)?)
    });
    judged.collect()
}

/// The data that a report is drawn from: all, or without the seeds that did not learn.
pub(super) struct Chosen {
    plane: InformationPlane,
    training: Vec<EpochStats>,
    measured: Vec<MeasuredEpoch>,
}

impl Chosen {
    /// Nothing if all are chosen.
    pub(super) fn of(data: &ReportData<'_>) -> Option<Chosen> {
        if !data.only_learned {
            return None;
        }
        let kept = |seed: u64| data.failed_seed(seed).is_none();
        let whole = data.plane.rows.iter().all(|row| kept(row.seed))
            && data.training.iter().all(|stats| kept(stats.seed))
            && data.schedule.measured.iter().all(|measured| kept(measured.seed));
        if whole {
            return None;
        }
        let rows: Vec<PlaneRow> = data.plane.rows.iter().filter(|row| kept(row.seed)).cloned().collect();
        Some(Chosen {
            plane: InformationPlane { rows },
            training: data.training.iter().filter(|stats| kept(stats.seed)).cloned().collect(),
            measured: data.schedule.measured.iter().filter(|measured| kept(measured.seed)).cloned().collect(),
        })
    }

    pub(super) fn data<'a>(&'a self, data: &ReportData<'a>) -> ReportData<'a> {
        let mut chosen = ReportData { plane: &self.plane, training: &self.training, ..data.clone() };
        chosen.schedule.measured = &self.measured;
        chosen
    }
}

impl ReportData<'_> {
    /// Whether the path of this seed is drawn as one that did not learn. A training alone need not be told from others.
    pub(super) fn is_marked(&self, seed: u64) -> bool {
        !self.only_learned && self.failed_seed(seed).is_some()
    }

    pub(super) fn failed_seed(&self, seed: u64) -> Option<&FailedSeed> {
        self.failed.iter().find(|failed| failed.seed == seed)
    }

    /// How many trainings there are, with those left out.
    pub(super) fn n_trainings(&self) -> usize {
        let measured = self.plane.rows.iter().map(|row| row.seed);
        let trained = self.training.iter().map(|stats| stats.seed);
        let failed = self.failed.iter().map(|failed| failed.seed);
        measured.chain(trained).chain(failed).collect::<BTreeSet<u64>>().len()
    }
}

/// What every figure and the summary say of trainings that did not learn; nothing if there is nothing to say.
pub(super) fn note(data: &ReportData<'_>) -> Option<String> {
    let n = data.n_trainings();
    let told = failed_in_words(&data.failed);
    match (data.only_learned, data.failed.len()) {
        (false, 0) => None,
        (true, 0) => Some("Only seeds that learned: that is all of them.".into()),
        (false, _) if n == 1 => Some(format!("{}.", capital(&told))),
        (false, 1) => Some(format!("{}; it is in the mean.", capital(&told))),
        (false, _) => Some(format!("{}; they are in the mean.", capital(&told))),
        (true, left_out) => Some(format!("Without {left_out} of {n} seeds: {told}.")),
    }
}

/// How the lines of figures that draw `n_seeds` seeds are to be read.
pub(super) fn reading(data: &ReportData<'_>, n_seeds: usize, bands: &str) -> Option<String> {
    let mut reading = match n_seeds {
        0 | 1 => return None,
        n if n < LEAST_FOR_BANDS => "Strong: mean over seeds. Faint: each seed.".to_string(),
        _ => format!("Strong: mean over seeds. {bands}"),
    };
    if data.failed.iter().any(|failed| data.is_marked(failed.seed)) {
        reading += " Dotted, with a cross at the end: seeds that did not learn.";
    }
    Some(reading)
}

/// Which trainings did not learn, and how that is known, as a part of a sentence: `seeds 3, 7 did not learn (training
/// accuracy 0.52, guessing gives 0.52), seed 4 diverged`.
pub fn failed_in_words(failed: &[FailedSeed]) -> String {
    let mut parts = Vec::new();
    let mut not_learned = Vec::new();
    let (mut reached, mut guessed) = (Vec::new(), Vec::new());
    for seed in failed {
        if let TrainingFailure::NotLearned { train_accuracy, guessing_accuracy, .. } = seed.failure {
            not_learned.push(seed.seed);
            reached.push(train_accuracy);
            guessed.push(guessing_accuracy);
        }
    }
    if !not_learned.is_empty() {
        parts.push(format!(
            "{} did not learn (training accuracy {}, guessing gives {})",
            seeds(&not_learned),
            range(&reached),
            range(&guessed)
        ));
    }
    let diverged: Vec<u64> =
        failed.iter().filter(|f| f.failure == TrainingFailure::Diverged).map(|f| f.seed).collect();
    if !diverged.is_empty() {
        parts.push(format!("{} diverged", seeds(&diverged)));
    }
    parts.join(", ")
}

fn seeds(numbers: &[u64]) -> String {
    let shown: Vec<String> = numbers.iter().take(MOST_TOLD).map(u64::to_string).collect();
    let more = numbers.len().saturating_sub(MOST_TOLD);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{} {}{more}", if numbers.len() == 1 { "seed" } else { "seeds" }, shown.join(", "))
}

/// `0.52`, or `0.50 to 0.52`.
fn range(values: &[f64]) -> String {
    let shown = |choose: fn(f64, f64) -> f64| {
        values.iter().copied().reduce(choose).map(|value| format!("{value:.2}")).unwrap_or_default()
    };
    let (low, high) = (shown(f64::min), shown(f64::max));
    if low == high { low } else { format!("{low} to {high}") }
}

pub(super) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// A cross where the path of a failed seed ends.
pub(super) fn cross(
    scene: &mut Scene,
    panel: &Panel,
    mut path: impl DoubleEndedIterator<Item = (f64, f64)>,
    color: Color,
) {
    let Some((x, y)) = path.next_back().and_then(|(x, y)| panel.at(x, y)) else { return };
    const ARM: f64 = 3.4;
    // White below both arms, so that a cross among many lines stands out.
    for (color, width) in [(Color::WHITE, 3.2), (color, 1.5)] {
        for sign in [1.0, -1.0] {
            scene.line(vec![(x - ARM, y - sign * ARM), (x + ARM, y + sign * ARM)], color, width);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn last(seed: u64, train_loss: f32, train_accuracy: f32) -> EpochStats {
        EpochStats {
            seed,
            epoch: 600,
            train_loss,
            test_loss: None,
            train_accuracy,
            test_accuracy: None,
            layers: vec![],
        }
    }

    #[test]
    fn who_undoes_less_than_a_tenth_of_the_mistakes_of_guessing_has_not_learned() {
        // Guessing makes 40 % of mistakes; a tenth of them is 4 %.
        let failed = |accuracy| FailedSeed::of(&last(1, 0.6, accuracy), 0.6).is_some();
        assert_eq!([0.0, 0.6, 0.639, 0.641, 1.0].map(failed), [true, true, true, false, false]);
        // Ten classes, alike: chance is a tenth, and 0.19 the bound.
        let failed = |accuracy| FailedSeed::of(&last(1, 2.3, accuracy), 0.1).is_some();
        assert_eq!([0.1, 0.189, 0.191].map(failed), [true, true, false]);
    }

    #[test]
    fn where_nothing_can_be_learned_nothing_fails() {
        assert_eq!(FailedSeed::of(&last(1, 0.0, 1.0), 1.0), None);
        assert_eq!(FailedSeed::of(&last(1, 0.5, f32::NAN), 0.5), None);
    }

    #[test]
    fn a_loss_that_is_not_finite_has_diverged() {
        let failed = FailedSeed::of(&last(4, f32::NAN, 1.0), 0.5);
        assert_eq!(failed, Some(FailedSeed { seed: 4, failure: TrainingFailure::Diverged }));
    }

    #[test]
    fn failed_seeds_are_told_in_one_sentence() {
        let not = |seed, accuracy| FailedSeed::of(&last(seed, 0.7, accuracy), 0.52).unwrap();
        let diverged = FailedSeed { seed: 4, failure: TrainingFailure::Diverged };
        assert_eq!(
            failed_in_words(&[not(3, 0.52), diverged.clone(), not(7, 0.5)]),
            "seeds 3, 7 did not learn (training accuracy 0.50 to 0.52, guessing gives 0.52), seed 4 diverged"
        );
        assert_eq!(failed_in_words(&[diverged]), "seed 4 diverged");
    }
}
