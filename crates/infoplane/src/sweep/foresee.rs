//! What a sweep will take of the machine, from cells that were computed or from a short run of one.

use std::iter::repeat_n;
use std::sync::atomic::AtomicBool;

use rayon::prelude::*;

use super::{Cell, CellState, Store, Sweep, SweepError};
use crate::experiment::{Experiment, RunOptions};

/// What is left of a sweep.
#[derive(Debug, Clone, PartialEq)]
pub struct Foreseen {
    /// How many cells there are.
    pub cells: usize,
    /// How many of them are not complete.
    pub left: usize,
    /// Seconds that one processor takes for what is left.
    pub processor_seconds: f64,
    /// Seconds that one processor takes for the longest cell that is left.
    pub longest: f64,
    /// Bytes that a worker with one job takes, where a cell was measured for it and the system tells.
    pub memory: Option<u64>,
    /// What these numbers rest on.
    pub basis: Basis,
}

/// What is known of the time of cells.
#[derive(Debug, Clone, PartialEq)]
pub enum Basis {
    /// Rates of operations on another machine, good to a factor of two or three.
    Rates,
    /// A cell was trained for some epochs and measured at two or three of them, here and now.
    Measured {
        /// Its label.
        label: String,
        /// The epochs that were trained.
        epochs: u64,
        /// Seconds that it took.
        seconds: f64,
    },
    /// Cells that are complete.
    Complete {
        /// How many of them have their time on record.
        cells: usize,
    },
}

/// So many seconds of training and measuring tell enough of a cell.
const ENOUGH: f64 = 1.0;
/// Epochs of the first try: of large networks one takes long enough.
const FIRST_TRY: u64 = 1;
/// Measured epochs of a schedule that chooses them as it goes.
const POINTS: f64 = 100.0;

impl Sweep {
    /// Foresees the time of all cells that are not complete: by those that are, if `store` has any; else by a short run of a cell of
    /// middling cost in a directory that is removed again, if `measure`; else by rates that are built in.
    ///
    /// Times of cells are in the ratio of [`expected_cpu_seconds`](super::expected_cpu_seconds); what was measured gives the scale.
    ///
    /// # Errors
    /// [`SweepError::Cell`] if the measured cell cannot be computed; [`SweepError::Interrupted`] once `interrupt` is true.
    pub fn foresee(
        &self,
        store: Option<&Store>,
        measure: bool,
        interrupt: &AtomicBool,
    ) -> Result<Foreseen, SweepError> {
        let cells = self.list().cells();
        let costs = self.costs();
        let states = match store {
            Some(store) => store.states(self.list()),
            None => vec![CellState::Missing; cells.len()],
        };
        let left: Vec<usize> =
            (0..cells.len()).filter(|&place| states[place] != CellState::Complete).collect();
        let expected: f64 = left.iter().map(|&place| costs[place]).sum();
        let longest = left.iter().map(|&place| costs[place]).fold(0.0, f64::max);
        let (scale, memory, basis) =
            match store.and_then(|store| self.scale_of_complete(store, &states, &costs)) {
                Some((scale, cells)) => (scale, None, Basis::Complete { cells }),
                None if measure && !left.is_empty() => {
                    let mut by_cost = left.clone();
                    by_cost.sort_by(|&a, &b| costs[a].total_cmp(&costs[b]).then(a.cmp(&b)));
                    let middle = by_cost[by_cost.len() / 2];
                    let cell = self.cell(middle);
                    if cell.pooled.is_some() {
                        (1.0, None, Basis::Rates)
                    } else {
                        let measured = measured(&cell, interrupt)?;
                        let basis = Basis::Measured {
                            label: cell.label,
                            epochs: measured.epochs,
                            seconds: measured.seconds,
                        };
                        (measured.whole / costs[middle], peak_memory(), basis)
                    }
                }
                None => (1.0, None, Basis::Rates),
            };
        Ok(Foreseen {
            cells: cells.len(),
            left: left.len(),
            processor_seconds: expected * scale,
            longest: longest * scale,
            memory,
            basis,
        })
    }

    /// The expected cost of each cell; cells that differ in their seeds alone cost the same.
    pub(super) fn costs(&self) -> Vec<f64> {
        let is_first =
            |place: &usize| place.checked_sub(1).is_none_or(|before| !self.differ_in_seeds(before, *place));
        let n = self.list().cells().len();
        let first: Vec<usize> = (0..n).filter(is_first).collect();
        let costs: Vec<f64> = first.par_iter().map(|&place| self.expected(place)).collect();
        let ends = first.iter().skip(1).copied().chain([n]);
        first
            .iter()
            .zip(ends)
            .zip(costs)
            .flat_map(|((&first, end), cost)| repeat_n(cost, end - first))
            .collect()
    }

    /// By how much complete cells took longer than expected, and how many have their time on record.
    fn scale_of_complete(&self, store: &Store, states: &[CellState], costs: &[f64]) -> Option<(f64, usize)> {
        // As many as tell enough, spread over the sweep.
        const MOST: usize = 200;
        let complete: Vec<usize> =
            (0..states.len()).filter(|&place| states[place] == CellState::Complete).collect();
        let step = complete.len().div_ceil(MOST).max(1);
        let (mut taken, mut expected, mut n) = (0.0, 0.0, 0);
        for &place in complete.iter().step_by(step) {
            let cell = self.cell(place);
            let entry = store.entry(&self.list().cells()[place].id, cell.kind());
            if let Some(seconds) = entry.processor_seconds().or(entry.seconds()) {
                (taken, expected, n) = (taken + seconds, expected + costs[place], n + 1);
            }
        }
        (n > 0 && taken > 0.0).then(|| (taken / expected, n))
    }
}

/// What a short run says of a cell.
struct Measured {
    /// The epochs that were trained.
    epochs: u64,
    /// Seconds that this took.
    seconds: f64,
    /// Seconds that the whole cell will take of one processor.
    whole: f64,
}

/// Trains a cell for some epochs, more and more until the time tells something, and measures it at three of them.
fn measured(cell: &Cell, interrupt: &AtomicBool) -> Result<Measured, SweepError> {
    let of = |error| SweepError::of(cell, error);
    let all = cell.experiment.training.epochs;
    let mut epochs = FIRST_TRY.min(all);
    loop {
        let mut at = vec![0, epochs / 2, epochs];
        at.dedup();
        let list = at.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
        let overrides = [
            format!("training.epochs={epochs}"),
            "seeds=1".into(),
            format!("schedule={{kind=\"list\", epochs=[{list}]}}"),
        ];
        let short: Experiment = cell.experiment.overridden(&overrides).map_err(of)?;
        let folder = temporary_directory()?;
        let path = folder.join("run");
        let result = short.run(&path, RunOptions::default(), &(), interrupt);
        // What cannot be removed is in the folder of temporary files.
        let _ = std::fs::remove_dir_all(&folder);
        let work = result.map_err(of)?.work;
        let seconds = (work.train_time + work.measure_time).as_secs_f64();
        if seconds < ENOUGH && epochs < all {
            // At least doubled; by more where little was spent.
            let factor = (ENOUGH / seconds.max(0.02)).clamp(2.0, 50.0);
            epochs = ((epochs as f64 * factor) as u64).min(all);
            continue;
        }
        let trained = (work.trained_epochs + work.replayed_epochs).max(1) as f64;
        let of_epoch = work.train_time.as_secs_f64() / trained;
        let of_point = work.measure_time.as_secs_f64() / work.measured_epochs.max(1) as f64;
        let points = cell.experiment.epochs().ok().flatten().map_or(POINTS, |epochs| epochs.len() as f64);
        let whole = cell.experiment.seeds as f64 * (all as f64 * of_epoch + points * of_point);
        return Ok(Measured { epochs, seconds, whole });
    }
}

/// A new directory among those of temporary files.
fn temporary_directory() -> Result<std::path::PathBuf, SweepError> {
    let mut number = 0u32;
    loop {
        let path = std::env::temp_dir().join(format!("infoplane-{}-{number}", std::process::id()));
        match std::fs::create_dir(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists && number < 1000 => number += 1,
            Err(source) => return Err(SweepError::Write { path, source }),
        }
    }
}

/// The most memory that this process has taken, in bytes, on Linux.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
}
