//! What a sweep will take of the machine, from cells that were computed or from a short run of one.

use std::iter::repeat_n;
use std::sync::atomic::AtomicBool;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::work::order;
use super::{Cell, CellState, Shard, Store, Sweep, SweepError};
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
    /// Seconds that one processor takes for each cell, in the order of the list; 0 for one that is complete.
    pub seconds: Vec<f64>,
    /// Bytes that a worker takes for each cell that it computes at once: the most that a worker of the store took, else what a short
    /// run of a cell took here. Nothing where neither is known.
    pub memory: Option<u64>,
    /// What the seconds rest on.
    pub basis: Basis,
    /// Cells of which no short run was possible, with the reasons.
    pub notes: Vec<String>,
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
/// So many cells are tried until one can be measured.
const MOST_TRIED: usize = 3;
/// Measured epochs of a schedule that chooses them as it goes.
const POINTS: f64 = 100.0;

impl Sweep {
    /// Foresees the time of all cells that are not complete: by those that are, if `store` has any; else by a short run of a cell of
    /// middling cost in a directory that is removed again, if `measure`; else by rates that are built in. If that cell cannot be
    /// computed, the nearest by cost are tried, which [`Foreseen::notes`] says.
    ///
    /// Times of cells are in the ratio of [`expected_cpu_seconds`](super::expected_cpu_seconds); what was measured gives the scale.
    ///
    /// Memory is known from workers that [kept](Store::keep_memory) what they took, else from the short run, which is made for it alone
    /// where times are known; pools of networks are not measured.
    ///
    /// # Errors
    /// [`SweepError::Interrupted`] once `interrupt` is true.
    pub fn foresee(
        &self,
        store: Option<&Store>,
        measure: bool,
        interrupt: &AtomicBool,
    ) -> Result<Foreseen, SweepError> {
        let cells = self.list().cells();
        let mut seconds = self.costs();
        let states = match store {
            Some(store) => store.states(self.list()),
            None => vec![CellState::Missing; cells.len()],
        };
        let left = states.iter().filter(|state| **state != CellState::Complete).count();
        let complete = store.and_then(|store| self.scale_of_complete(store, &states, &seconds));
        let kept = store.and_then(Store::memory);
        let is_measured = measure && left > 0 && (complete.is_none() || kept.is_none());
        let mut notes = Vec::new();
        let measured = match is_measured {
            true => self.measured_cell(&states, &seconds, &mut notes, interrupt)?,
            false => None,
        };
        let memory = kept.or(measured.as_ref().and_then(|(_, measured)| measured.memory));
        let (scale, basis) = match (complete, measured) {
            (Some((scale, cells)), _) => (scale, Basis::Complete { cells }),
            (None, Some((place, Measured { epochs, seconds: taken, whole, .. }))) => {
                let label = cells[place].label.clone();
                (whole / seconds[place], Basis::Measured { label, epochs, seconds: taken })
            }
            (None, None) => (1.0, Basis::Rates),
        };
        for (seconds, state) in seconds.iter_mut().zip(&states) {
            *seconds *= if *state == CellState::Complete { 0.0 } else { scale };
        }
        Ok(Foreseen {
            cells: cells.len(),
            left,
            processor_seconds: seconds.iter().sum(),
            longest: seconds.iter().copied().fold(0.0, f64::max),
            seconds,
            memory,
            basis,
            notes,
        })
    }

    /// Seconds that a worker with so many jobs takes for what is left of a shard, of that shard of so many that takes longest.
    ///
    /// Its jobs take one cell after the other in the order in which the shard has them, as [`Sweep::run`] does.
    pub fn longest_shard(&self, foreseen: &Foreseen, of: usize, jobs: usize) -> f64 {
        let order = order(self.list(), &self.costs(), of);
        let jobs = jobs.clamp(1, order.len().div_ceil(of.max(1)).max(1));
        let mut longest = 0.0f64;
        for shard in Shard::all(of) {
            // When each job is done with the cells that it took so far.
            let mut ends = vec![0.0f64; jobs];
            for place in shard.dealt(&order) {
                if let Some(first) = ends.iter_mut().min_by(|a, b| a.total_cmp(b)) {
                    *first += foreseen.seconds[place];
                    longest = longest.max(*first);
                }
            }
        }
        longest
    }

    /// A short run of a cell of middling cost, with its place; `notes` get what prevented others. Cells that failed before are not tried.
    fn measured_cell(
        &self,
        states: &[CellState],
        costs: &[f64],
        notes: &mut Vec<String>,
        interrupt: &AtomicBool,
    ) -> Result<Option<(usize, Measured)>, SweepError> {
        let is_left =
            |place: &usize| !matches!(states[*place], CellState::Complete | CellState::Failed { .. });
        let mut left: Vec<usize> = (0..states.len()).filter(is_left).collect();
        left.sort_by(|&a, &b| costs[a].total_cmp(&costs[b]).then(a.cmp(&b)));
        let Some(&middle) = left.get(left.len() / 2) else { return Ok(None) };
        if self.cell(middle).pooled.is_some() {
            return Ok(None);
        }
        left.sort_by(|&a, &b| {
            let distance = |place: usize| (costs[place] - costs[middle]).abs();
            distance(a).total_cmp(&distance(b)).then(a.cmp(&b))
        });
        let mut tried = Vec::new();
        for place in left {
            if tried.len() == MOST_TRIED {
                break;
            }
            // What prevents one seed prevents the others.
            if tried.iter().any(|&other| self.differ_in_seeds(other, place)) {
                continue;
            }
            tried.push(place);
            match measured(&self.cell(place), interrupt) {
                Ok(measured) => return Ok(Some((place, measured))),
                Err(SweepError::Interrupted) => return Err(SweepError::Interrupted),
                Err(error) => notes.push(format!("a cell cannot be measured, {error}")),
            }
        }
        Ok(None)
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
    /// The most memory that this process had taken at its end.
    memory: Option<u64>,
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
        return Ok(Measured { epochs, seconds, whole, memory: peak_memory() });
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

/// The file of the memory that workers took.
const MEMORY: &str = "memory.toml";

/// What [`MEMORY`] holds.
#[derive(Debug, Serialize, Deserialize)]
struct Memory {
    /// Bytes for each cell that was computed at once, of the worker that took most.
    bytes_of_job: u64,
}

impl Store {
    /// Bytes that a worker took for each cell that it computed at once, of the one that took most; nothing if none
    /// [kept](Store::keep_memory) it.
    pub fn memory(&self) -> Option<u64> {
        let text = std::fs::read_to_string(self.directory().join(MEMORY)).ok()?;
        toml::from_str::<Memory>(&text).ok().map(|memory| memory.bytes_of_job)
    }

    /// Keeps for plans what this process took at most, in which `jobs` cells were computed at once and little else was done, unless
    /// another worker took more. Where the system does not tell it, nothing is kept.
    ///
    /// Of two workers that end at the same moment one may not see what the other wrote; the number is one of theirs in any case.
    ///
    /// # Errors
    /// [`SweepError::Write`] if it cannot be written.
    pub fn keep_memory(&self, jobs: usize) -> Result<(), SweepError> {
        let Some(peak) = peak_memory() else { return Ok(()) };
        let bytes_of_job = peak.div_ceil(jobs.max(1) as u64);
        if self.memory().is_some_and(|kept| kept >= bytes_of_job) {
            return Ok(());
        }
        let text = toml::to_string(&Memory { bytes_of_job }).unwrap_or_default();
        let path = self.directory().join(MEMORY);
        self.disk().replace(&path, text.as_bytes()).map_err(|source| SweepError::Write { path, source })
    }
}

/// The most memory that this process has taken, in bytes, on Linux.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::SweepOptions;
    use super::*;

    const BASE: &str =
        "base = 'tishby2017'\nestimators = [{ kind = 'binned', rule = 'floor', bin_width = 0.5 }]\n";

    fn sweep(text: &str) -> Sweep {
        Sweep::from_toml("the file", &format!("{BASE}{text}"), Path::new("")).unwrap()
    }

    fn foresee(sweep: &Sweep, store: Option<&Store>, measure: bool) -> Foreseen {
        sweep.foresee(store, measure, &AtomicBool::new(false)).unwrap()
    }

    /// A case that cannot be computed, as nothing is left to train on.
    fn bad(name: &str, epochs: u32) -> String {
        format!(
            "[[cases]]\nname = '{name}'\n'training.epochs' = {epochs}\n'dataset.split.train_fraction' = 0.00001\n"
        )
    }

    #[test]
    fn the_longest_shard_is_that_of_its_own_cells_on_its_own_jobs() {
        let sweep = sweep("[axes]\n'training.epochs' = [1000, 10, 20, 30, 40, 50]");
        let mut foreseen = foresee(&sweep, None, false);
        assert_eq!((foreseen.cells, foreseen.left, foreseen.seconds.len()), (6, 6, 6));
        assert_eq!(foreseen.basis, Basis::Rates);
        foreseen.seconds = vec![100.0, 1.0, 2.0, 3.0, 4.0, 5.0];
        // All in one: one after the other, or the longest beside the rest.
        assert_eq!(sweep.longest_shard(&foreseen, 1, 1), 115.0);
        assert_eq!(sweep.longest_shard(&foreseen, 1, 2), 100.0);
        // Dealt as 100, 3, 2 and 5, 4, 1.
        assert_eq!(sweep.longest_shard(&foreseen, 2, 1), 105.0);
        assert_eq!(sweep.longest_shard(&foreseen, 100, 3), 100.0);
        // What is complete takes nothing: two jobs have 4 and 3 before 5 ends.
        foreseen.seconds[0] = 0.0;
        assert_eq!(sweep.longest_shard(&foreseen, 1, 1), 15.0);
        assert_eq!(sweep.longest_shard(&foreseen, 1, 2), 8.0);
        assert_eq!(sweep.longest_shard(&foreseen, 2, 1), 10.0);
    }

    #[test]
    fn where_a_middling_cell_cannot_be_measured_another_one_is() {
        let good =
            |name: &str, epochs: u32| format!("[[cases]]\nname = '{name}'\n'training.epochs' = {epochs}\n");
        let cases =
            format!("seeds = 2\n{}{}{}", good("short", 5), bad("bad", 1_000_000), good("long", 1_000_000));
        let foreseen = foresee(&sweep(&cases), None, true);
        assert!(
            matches!(&foreseen.basis, Basis::Measured { label, .. } if label.starts_with("short")),
            "{foreseen:?}"
        );
        // Its other seed is not tried.
        assert_eq!(foreseen.notes.len(), 1);
        assert!(foreseen.notes[0].contains("bad, seed 0: ") && foreseen.notes[0].contains("train_fraction"));
        // After three there are rates.
        let cases: String = (1..=5).map(|n| bad(&format!("bad {n}"), n)).collect();
        let foreseen = foresee(&sweep(&cases), None, true);
        assert_eq!((foreseen.basis, foreseen.notes.len(), foreseen.memory), (Basis::Rates, 3, None));
    }

    #[test]
    fn memory_is_known_where_cells_are_complete() {
        if peak_memory().is_none() {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let sweep = sweep("seeds = 2\n[set]\n'training.epochs' = 3");
        let options = SweepOptions { shard: "1/2".parse().unwrap(), ..SweepOptions::default() };
        sweep.run(&store, &options, &(), &AtomicBool::new(false)).unwrap();
        // Nobody has told: a cell is measured for it, and times are those of the complete one.
        let foreseen = foresee(&sweep, Some(&store), true);
        assert_eq!((foreseen.left, foreseen.basis), (1, Basis::Complete { cells: 1 }));
        assert!(foreseen.memory.is_some());
        assert_eq!(foreseen.seconds.iter().filter(|seconds| **seconds == 0.0).count(), 1);
        assert_eq!(foresee(&sweep, Some(&store), false).memory, None);
        store.keep_memory(4).unwrap();
        let kept = store.memory().unwrap();
        assert!(kept.abs_diff(peak_memory().unwrap() / 4) < 1 << 28, "{kept}");
        assert_eq!(foresee(&sweep, Some(&store), false).memory, Some(kept));
        // A worker that took less leaves it.
        store.keep_memory(1000).unwrap();
        assert_eq!(store.memory(), Some(kept));
        // What is damaged is not known.
        std::fs::write(folder.path().join(MEMORY), "bytes_of_job = -1").unwrap();
        assert_eq!(store.memory(), None);
    }

    #[test]
    fn pools_of_networks_are_not_measured() {
        let sweep = sweep(
            "seeds = 2\n[as-if-random]\nestimators = [{ kind = 'binned', rule = 'floor', bin_width = 0.5 }]\npool = { over = 'epochs', window = 5, stride = 1 }",
        );
        let foreseen = foresee(&sweep, None, true);
        assert_eq!((foreseen.basis, foreseen.memory), (Basis::Rates, None));
        assert!(foreseen.notes.is_empty());
    }
}
