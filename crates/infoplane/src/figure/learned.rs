//! Trainings that did not learn: whether they are in the means, and how figures speak of them.

use std::collections::BTreeSet;

use super::{Note, NoteCode, ReportData};
use crate::run::{FailedSeed, TrainingFailure};

/// From here on figures draw percentiles instead of each seed. Fewer seeds have next to nothing between their
/// percentiles and their extremes, and their lines can still be told apart.
pub(super) const LEAST_FOR_BANDS: usize = 8;

/// Up to here seeds are told by number; a summary of a thousand need not list hundreds.
pub(crate) const MOST_TOLD: usize = 20;

/// Which seeds are in means.
pub(crate) struct InMean {
    pub(crate) left_out: Vec<u64>,
}

impl InMean {
    pub(crate) fn has(&self, seed: u64) -> bool {
        !self.left_out.contains(&seed)
    }
}

impl ReportData<'_> {
    /// Whether a seed did not learn.
    pub(crate) fn is_failed(&self, seed: u64) -> bool {
        self.failed.iter().any(|failed| failed.seed == seed)
    }

    /// Which seeds are in means, bands and percentiles: those that learned, or all where that is wanted or none learned,
    /// for then there is nothing else to show.
    pub(crate) fn in_mean(&self) -> InMean {
        let all = self.failed.is_empty() || self.all_seeds || !self.any_learned();
        InMean { left_out: if all { vec![] } else { self.failed.iter().map(|f| f.seed).collect() } }
    }

    fn any_learned(&self) -> bool {
        self.plane.seeds_any(|seed| !self.is_failed(seed))
            || self.training.iter().any(|stats| !self.is_failed(stats.seed))
    }

    /// How many trainings there are.
    fn n_trainings(&self) -> usize {
        let trained = self.training.iter().map(|stats| stats.seed);
        let failed = self.failed.iter().map(|failed| failed.seed);
        self.plane.seeds().into_iter().chain(trained).chain(failed).collect::<BTreeSet<u64>>().len()
    }
}

/// What every figure and the summary say of trainings that did not learn; nothing if all did.
pub(crate) fn note(data: &ReportData<'_>) -> Option<Note> {
    if data.failed.is_empty() {
        return None;
    }
    let (n, failed) = (data.n_trainings(), data.failed.len());
    let told = failed_in_words(&data.failed);
    let text = match n {
        1 => format!("{}.", capital(&told)),
        _ if !data.any_learned() => format!("No seed learned: {told}. The mean is over all of them."),
        _ if data.all_seeds => format!("Mean of all {n} seeds; {told}."),
        _ => format!("Mean of {} of {n} seeds; {told}.", n - failed),
    };
    Some(Note::warning(NoteCode::NotLearned, text))
}

/// How the lines of figures that draw `seeds` are to be read.
pub(super) fn reading(data: &ReportData<'_>, seeds: &[u64], bands: &str) -> Option<Note> {
    let in_mean = data.in_mean();
    let n_in_mean = seeds.iter().filter(|&&seed| in_mean.has(seed)).count();
    if seeds.len() < 2 {
        return None;
    }
    let mut reading = match n_in_mean {
        0 | 1 => "Bold: the seed that learned.".to_string(),
        n if n < LEAST_FOR_BANDS => "Bold: mean over seeds. Thin: each seed.".to_string(),
        _ => format!("Bold: mean over seeds. {bands}"),
    };
    if seeds.iter().any(|&seed| data.is_failed(seed)) {
        reading += " Dotted, with a cross at the end: seeds that did not learn.";
    }
    Some(Note::reading(NoteCode::Seeds, reading))
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

pub(crate) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_seeds_are_told_in_one_sentence() {
        let not = |seed, train_accuracy| {
            let failure = TrainingFailure::NotLearned { epoch: 600, train_accuracy, guessing_accuracy: 0.52 };
            FailedSeed { seed, failure }
        };
        let diverged = FailedSeed { seed: 4, failure: TrainingFailure::Diverged };
        assert_eq!(
            failed_in_words(&[not(3, 0.52), diverged.clone(), not(7, 0.5)]),
            "seeds 3, 7 did not learn (training accuracy 0.50 to 0.52, guessing gives 0.52), seed 4 diverged"
        );
        assert_eq!(failed_in_words(&[diverged]), "seed 4 diverged");
    }
}
