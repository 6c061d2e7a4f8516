//! Trainings that did not learn: which they are, and how that is known.

use super::{Manifest, Outcome, SeedOutcome};
use crate::train::EpochStats;

/// A training that undoes less than this share of the mistakes of always guessing the most frequent class has not
/// learned.
///
/// A network whose output does not depend on its input, as a ReLU network with a layer that is dead for every
/// input, undoes none of them, whatever the data; one that does learn undoes most. A tenth lies clear of both, and
/// beyond what a handful of samples classified differently by chance can do.
pub const LEAST_LEARNED: f64 = 0.1;

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
    /// use infoplane::run::FailedSeed;
    /// use infoplane::train::EpochStats;
    /// let last = |train_accuracy| EpochStats {
    ///     seed: 3,
    ///     epoch: 600,
    ///     train_loss: Some(0.69),
    ///     train_accuracy: Some(train_accuracy),
    ///     ..EpochStats::default()
    /// };
    /// assert_eq!(FailedSeed::of(&last(0.52), 0.52).unwrap().seed, 3);
    /// assert!(FailedSeed::of(&last(0.58), 0.52).is_none());
    /// ```
    pub fn of(last: &EpochStats, guessing_accuracy: f64) -> Option<FailedSeed> {
        // What is not known fails nothing.
        let loss = last.train_loss.map_or(0.0, f64::from);
        let accuracy = last.train_accuracy.map_or(f64::NAN, f64::from);
        FailedSeed::judge(last.seed, last.epoch, loss, accuracy, guessing_accuracy)
    }

    /// As [`FailedSeed::of`], by what it looks at alone.
    pub(crate) fn judge(
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
    // Manifests by earlier versions do not tell each training's own.
    let of_all = manifest.data.label_shares.iter().copied().reduce(f64::max);
    let judged = manifest.seeds.iter().enumerate().filter_map(|(index, &seed)| {
        let ended = outcome.and_then(|outcome| outcome.seeds.iter().find(|ended| ended.seed == seed));
        if ended.is_some_and(SeedOutcome::diverged) {
            return Some(FailedSeed { seed, failure: TrainingFailure::Diverged });
        }
        let of_seed = training.iter().filter(|stats| stats.seed == seed);
        let last = of_seed.max_by_key(|stats| stats.epoch)?;
        if outcome.is_none() && Some(last.epoch) != manifest.planned_epochs {
            return None;
        }
        FailedSeed::of(last, manifest.data.guessing_accuracy.get(index).copied().or(of_all)?)
    });
    judged.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn last(seed: u64, train_loss: f32, train_accuracy: f32) -> EpochStats {
        EpochStats {
            seed,
            epoch: 600,
            train_loss: Some(train_loss),
            train_accuracy: Some(train_accuracy),
            ..EpochStats::default()
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
}
