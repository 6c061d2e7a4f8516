//! Seeds that are excluded from a pool, diverged, or did not learn.

use crate::experiment::{AsIfRandomResult, PoolConfig, SeedStatus};
use crate::figure::learned::{MOST_TOLD, capital};
use crate::figure::{Note, NoteCode, failed_in_words};
use crate::run::{FailedSeed, TrainingFailure};

/// The pooled seeds that did not learn, judged by their last network of the window.
///
/// By the rule of [`FailedSeed::of`]. Whether a training run diverged before or after is said in
/// [`AsIfRandomResult::seeds`].
pub fn as_if_random_failed(result: &AsIfRandomResult) -> Vec<FailedSeed> {
    let of_all = result.data.label_shares.iter().copied().reduce(f64::max);
    let judged = result.seeds.iter().enumerate().filter_map(|(index, seed)| {
        let of_seed = result.window.iter().filter(|row| row.network.seed == seed.seed);
        let last = of_seed.max_by_key(|row| (row.network.epoch, row.network.step))?;
        let guessing = result.data.guessing_accuracy.get(index).copied().or(of_all)?;
        // Of a loss that is not known nothing is said.
        let (loss, accuracy) = (last.train_loss.unwrap_or(0.0), last.train_accuracy.unwrap_or(f64::NAN));
        FailedSeed::judge(seed.seed, last.network.epoch, loss, accuracy, guessing)
    });
    // The end of one that diverged says when.
    let ok = |seed: u64| result.seeds.iter().any(|of| of.seed == seed && !of.diverged());
    judged.filter(|failed| failed.failure != TrainingFailure::Diverged || ok(failed.seed)).collect()
}

impl AsIfRandomResult {
    /// Returns the result without the values of the seeds that did not learn; means of it are over the others.
    ///
    /// The result itself where none learned, and where the pool is over seeds: then their networks are in its values. The
    /// statistics of the window keep all seeds, and [`as_if_random_failed`] still names those that did not learn.
    pub fn of_seeds_that_learned(mut self) -> AsIfRandomResult {
        let failed: Vec<u64> = as_if_random_failed(&self).iter().map(|failed| failed.seed).collect();
        let n_pooled = self.seeds.iter().filter(|seed| self.is_pooled(seed.seed)).count();
        if failed.len() < n_pooled {
            let learned = |seed: Option<u64>| seed.is_none_or(|seed| !failed.contains(&seed));
            self.rows.retain(|row| learned(row.seed));
            self.overlap.retain(|row| learned(row.seed));
            self.drift.retain(|row| learned(Some(row.seed)));
        }
        self
    }
}

/// What figures say of seeds that are excluded, diverged, or did not learn.
pub(super) fn notes(result: &AsIfRandomResult) -> Vec<Note> {
    let across = matches!(result.settings.pool, PoolConfig::Seeds { .. });
    let (pooled, excluded): (Vec<&SeedStatus>, Vec<&SeedStatus>) =
        result.seeds.iter().partition(|seed| result.is_pooled(seed.seed));
    let mut notes = Vec::new();
    if !excluded.is_empty() {
        let text = format!(
            "Without {} of {} seeds: {}.",
            excluded.len(),
            result.seeds.len(),
            described(result, &excluded)
        );
        notes.push(Note::warning(NoteCode::EarlyEnd, text));
    }
    let diverged: Vec<&SeedStatus> = pooled.into_iter().filter(|seed| seed.diverged()).collect();
    if !diverged.is_empty() {
        let text =
            format!("Pooled up to the last network before divergence: {}.", described(result, &diverged));
        notes.push(Note::warning(NoteCode::EarlyEnd, text));
    }
    let failed = as_if_random_failed(result);
    if !failed.is_empty() {
        let are = if failed.len() == 1 { "it is" } else { "they are" };
        let place = match (across, result.seeds.len() - excluded.len()) {
            (true, _) => format!("; {are} in the pool"),
            (false, 1) => String::new(),
            (false, n) if n > failed.len() && !in_means(result, &failed) => {
                format!("; means are over the other {}", n - failed.len())
            }
            (false, _) => format!("; {are} in the means"),
        };
        let text = format!("{}{place}.", capital(&failed_in_words(&failed)));
        notes.push(Note::warning(NoteCode::NotLearned, text));
    }
    notes
}

/// Whether any of them has values in the result.
fn in_means(result: &AsIfRandomResult, failed: &[FailedSeed]) -> bool {
    result.rows.iter().any(|row| failed.iter().any(|failed| row.seed == Some(failed.seed)))
}

/// Notes for figures and summary on seeds that are excluded, diverged, or did not learn; empty if there are none.
pub fn as_if_random_notes(result: &AsIfRandomResult) -> Vec<String> {
    notes(result).into_iter().map(|note| note.text).collect()
}

/// `seed 2 (training diverged at epoch 4), seed 7 (training ended at epoch 12, before the window fits)`.
fn described(result: &AsIfRandomResult, seeds: &[&SeedStatus]) -> String {
    let each =
        seeds.iter().take(MOST_TOLD).map(|seed| format!("seed {} ({})", seed.seed, result.describe(seed)));
    let more = seeds.len().saturating_sub(MOST_TOLD);
    let more = (more > 0).then(|| format!("and {more} more"));
    each.chain(more).collect::<Vec<_>>().join(", ")
}
