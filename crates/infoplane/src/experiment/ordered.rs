//! Journals that are the same whatever training finishes first.

use std::sync::Mutex;

use crate::PlaneRow;
use crate::run::{Journal, RunDir, RunError};
use crate::train::EpochStats;

/// Appends the rows of several trainings in the order of the trainings, though they arrive interleaved.
///
/// Rows of the first unfinished training go straight to the files; those of later ones wait.
pub(super) struct OrderedJournals {
    state: Mutex<State>,
}

struct State {
    plane: Journal,
    training: Journal,
    /// The training whose rows go straight to the files.
    current: usize,
    waiting: Vec<Waiting>,
    rows: usize,
    /// The first failure to write statistics, which are recorded where no error can be returned.
    failed: Option<RunError>,
}

#[derive(Default)]
struct Waiting {
    rows: Vec<PlaneRow>,
    stats: Vec<EpochStats>,
    finished: bool,
}

impl State {
    fn append(&mut self, rows: &[PlaneRow], stats: &[EpochStats]) -> Result<(), RunError> {
        self.rows += rows.len();
        self.training.append(stats)?;
        self.plane.append(rows)
    }

    fn release(&mut self, training: usize) -> Result<(), RunError> {
        let waiting = std::mem::take(&mut self.waiting[training]);
        self.append(&waiting.rows, &waiting.stats)
    }
}

impl OrderedJournals {
    pub(super) fn create(run: &RunDir, n_trainings: usize) -> Result<Self, RunError> {
        Ok(OrderedJournals {
            state: Mutex::new(State {
                plane: Journal::create(&run.plane_path())?,
                training: Journal::create(&run.training_path())?,
                current: 0,
                waiting: std::iter::repeat_with(Waiting::default).take(n_trainings).collect(),
                rows: 0,
                failed: None,
            }),
        })
    }

    /// Appends the measurements of one epoch; fails too if statistics could not be written before.
    pub(super) fn append(&self, training: usize, rows: Vec<PlaneRow>) -> Result<(), RunError> {
        let mut state = self.lock();
        if let Some(error) = state.failed.take() {
            return Err(error);
        }
        if training == state.current {
            return state.append(&rows, &[]);
        }
        state.waiting[training].rows.extend(rows);
        Ok(())
    }

    /// Appends the statistics of one epoch. A failure is told by the next call that can.
    pub(super) fn record(&self, training: usize, stats: EpochStats) {
        let mut state = self.lock();
        if training != state.current {
            state.waiting[training].stats.push(stats);
        } else if let Err(error) = state.append(&[], &[stats]) {
            state.failed.get_or_insert(error);
        }
    }

    /// The training will append nothing more; its successors may follow.
    pub(super) fn finish(&self, training: usize) -> Result<(), RunError> {
        let mut state = self.lock();
        if let Some(error) = state.failed.take() {
            return Err(error);
        }
        state.waiting[training].finished = true;
        while state.current < state.waiting.len() && state.waiting[state.current].finished {
            state.current += 1;
            let current = state.current;
            if current < state.waiting.len() {
                let finished = state.waiting[current].finished;
                state.release(current)?;
                state.waiting[current].finished = finished;
            }
        }
        Ok(())
    }

    /// Writes whatever still waits, waits for the disk, and says how many rows there are.
    ///
    /// After an interruption trainings may have gaps behind them; nothing that was measured is lost for that.
    pub(super) fn close(self) -> Result<usize, RunError> {
        let mut state = self.state.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
        for training in state.current + 1..state.waiting.len() {
            state.release(training)?;
        }
        if let Some(error) = state.failed {
            return Err(error);
        }
        state.training.sync()?;
        state.plane.sync()?;
        Ok(state.rows)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        // A panic elsewhere while the lock was held leaves whole lines behind; they are still good.
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
