//! Trainings that did not learn: which they are, and how a report speaks of them.

use std::collections::BTreeSet;

use super::ReportData;
use crate::InformationPlane;
use crate::draw::{Color, Panel, Scene};
use crate::run::{FailedSeed, TrainingFailure};
use crate::schedule::MeasuredEpoch;
use crate::train::EpochStats;

/// How faint paths of trainings that did not learn are drawn.
pub(super) const DOTS: &[f32] = &[0.9, 2.1];

/// From here on figures draw percentiles instead of each seed. Fewer seeds have next to nothing between their
/// percentiles and their extremes, and their lines can still be told apart.
pub(super) const LEAST_FOR_BANDS: usize = 8;

/// Up to here seeds are told by number; a summary of a thousand need not list hundreds.
pub(super) const MOST_TOLD: usize = 20;

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
        let whole = data.plane.rows().all(|row| kept(row.seed))
            && data.training.iter().all(|stats| kept(stats.seed))
            && data.schedule.measured.iter().all(|measured| kept(measured.seed));
        if whole {
            return None;
        }
        Some(Chosen {
            plane: data.plane.filtered(|seed, _| kept(seed)),
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
        let measured = self.plane.rows().map(|row| row.seed);
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
    use crate::train::EpochStats;

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
