//! A directory of cells, each under its id.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::{Cell, SweepError};
use crate::dataset::DatasetSource;
use crate::experiment::{AsIfRandomResult, Experiment, ExperimentError, Progress, RunOptions};
use crate::run::{Disk, Run, RunDir};

/// A directory of cells, and how long each took.
///
/// Runs are `runs/ID/`, pools of networks `as-if-random/ID/`; a pool whose training diverged is
/// `as-if-random/ID.ended-early.txt`, which says why. `times.toml` holds seconds, over all goes, by id.
pub struct Store {
    directory: PathBuf,
    /// Seconds by id.
    times: Mutex<BTreeMap<String, f64>>,
    /// The digests of data that were read.
    digests: Mutex<Vec<(DatasetSource, Option<String>)>>,
}

/// A cell at its place in a [`Store`].
pub struct StoredCell<'a> {
    store: &'a Store,
    cell: &'a Cell,
    id: String,
}

const TIMES: &str = "times.toml";

/// What a panic of another thread left is as good as before: values are replaced whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Store {
    /// Opens a directory; it is made if it is not there.
    ///
    /// # Errors
    /// [`SweepError::Write`] if it cannot be made.
    pub fn open(directory: &Path) -> Result<Store, SweepError> {
        make_directory(directory)?;
        // What cannot be read is not worth stopping for: the time is then not known.
        let times = std::fs::read_to_string(directory.join(TIMES)).ok();
        let times = times.and_then(|text| toml::from_str(&text).ok()).unwrap_or_default();
        Ok(Store { directory: directory.into(), times: Mutex::new(times), digests: Mutex::default() })
    }

    /// Finds the place of a cell. Data in files are read once for all cells that share them.
    ///
    /// # Errors
    /// [`SweepError::Cell`] if its data cannot be read.
    pub fn at<'a>(&'a self, cell: &'a Cell) -> Result<StoredCell<'a>, SweepError> {
        let source = &cell.experiment.dataset.source;
        let mut digests = lock(&self.digests);
        let known = digests.iter().find(|(known, _)| known == source).map(|(_, digest)| digest.clone());
        let digest = match known {
            Some(digest) => digest,
            None => {
                let digest = cell.data_digest().map_err(|error| SweepError::of(cell, error))?;
                digests.push((source.clone(), digest.clone()));
                digest
            }
        };
        Ok(StoredCell { store: self, cell, id: cell.id(digest.as_deref()) })
    }
}

impl StoredCell<'_> {
    /// The name of the cell.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The directory of its run or pool.
    pub fn path(&self) -> PathBuf {
        self.store.directory.join(if self.cell.pooled.is_some() { POOLS } else { RUNS }).join(&self.id)
    }

    /// How long it took, in seconds over all goes, if that is known.
    pub fn seconds(&self) -> Option<f64> {
        lock(&self.store.times).get(&self.id).copied()
    }

    /// Whether there is nothing left to compute.
    pub fn is_complete(&self) -> bool {
        match self.cell.pooled {
            Some(_) => AsIfRandomResult::is_complete_in(&self.path()) || self.ended_early().is_some(),
            None => RunDir::open(&self.path()).is_ok_and(|(run, _)| matches!(run.outcome(), Ok(Some(_)))),
        }
    }

    /// Computes the cell, resumes it where it was interrupted, or leaves it as it is where it is complete.
    ///
    /// A pool whose training diverged is complete: another go would end likewise.
    ///
    /// # Errors
    /// [`SweepError::Interrupted`] once `interrupt` is true; [`SweepError::Cell`] as [`Experiment::run`];
    /// [`SweepError::Write`] if the time cannot be written.
    pub fn complete(
        &self,
        options: RunOptions,
        progress: &dyn Progress,
        interrupt: &AtomicBool,
    ) -> Result<(), SweepError> {
        if self.is_complete() {
            return Ok(());
        }
        let start = Instant::now();
        let (experiment, path) = (&self.cell.experiment, self.path());
        let result = match &self.cell.pooled {
            Some(settings) => {
                experiment.as_if_random(settings, None, &path, options, progress, interrupt).map(|_| ())
            }
            None if RunDir::open(&path).is_ok() => {
                Experiment::resume(&path, Some(experiment), options, progress, interrupt).map(|_| ())
            }
            None => experiment.run(&path, options, progress, interrupt).map(|_| ()),
        };
        self.add_time(start.elapsed().as_secs_f64())?;
        if let Err(error @ ExperimentError::EndedEarly { .. }) = &result {
            let why = error.to_string();
            progress.warn(&why);
            make_directory(&self.store.directory.join(POOLS))?;
            return replace(&self.early_end(), why.as_bytes());
        }
        result.map_err(|error| SweepError::of(self.cell, error))
    }

    /// Reads a complete run.
    ///
    /// # Errors
    /// [`SweepError::NotComplete`]; [`SweepError::Cell`] if it cannot be read.
    pub fn run(&self) -> Result<Run, SweepError> {
        let run = Run::read(&self.path()).map_err(|error| SweepError::of(self.cell, error))?;
        match run.state().is_complete() {
            true => Ok(run),
            false => Err(SweepError::NotComplete { cell: self.cell.label.clone() }),
        }
    }

    /// Reads a complete pool of networks, or why its training ended too early to have one.
    ///
    /// # Errors
    /// [`SweepError::Cell`] if it is not there or cannot be read.
    pub fn pool(&self) -> Result<Result<AsIfRandomResult, String>, SweepError> {
        match self.ended_early() {
            Some(why) => Ok(Err(why)),
            None => {
                let read = AsIfRandomResult::read(&self.path());
                read.map(Ok).map_err(|error| SweepError::of(self.cell, error))
            }
        }
    }

    fn early_end(&self) -> PathBuf {
        self.store.directory.join(POOLS).join(format!("{}.ended-early.txt", self.id))
    }

    fn ended_early(&self) -> Option<String> {
        std::fs::read_to_string(self.early_end()).ok()
    }

    fn add_time(&self, seconds: f64) -> Result<(), SweepError> {
        let mut times = lock(&self.store.times);
        let total = times.entry(self.id.clone()).or_default();
        // Hundredths: more digits would say nothing.
        *total = ((*total + seconds) * 100.0).round() / 100.0;
        let text: String = times.iter().map(|(id, seconds)| format!("{id:?} = {seconds:?}\n")).collect();
        replace(&self.store.directory.join(TIMES), text.as_bytes())
    }
}

const RUNS: &str = "runs";
const POOLS: &str = "as-if-random";

fn make_directory(path: &Path) -> Result<(), SweepError> {
    std::fs::create_dir_all(path).map_err(|source| SweepError::Write { path: path.into(), source })
}

fn replace(path: &Path, bytes: &[u8]) -> Result<(), SweepError> {
    Disk::default().replace(path, bytes).map_err(|source| SweepError::Write { path: path.into(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell() -> Cell {
        let overrides = ["training.epochs=3", "seeds=1"].map(String::from);
        let experiment = Experiment::load("tishby2017", &overrides).unwrap();
        Cell { label: "short".into(), experiment, pooled: None }
    }

    #[test]
    fn a_cell_is_computed_once() {
        let folder = tempfile::tempdir().unwrap();
        let (cell, go) = (cell(), AtomicBool::new(false));
        let store = Store::open(folder.path()).unwrap();
        let stored = store.at(&cell).unwrap();
        assert!(!stored.is_complete() && stored.seconds().is_none());
        assert!(stored.run().is_err());
        // Interrupted before it began: nothing is complete, and another go completes it.
        let stop = AtomicBool::new(true);
        assert!(matches!(stored.complete(RunOptions::default(), &(), &stop), Err(SweepError::Interrupted)));
        assert!(!stored.is_complete());
        stored.complete(RunOptions::default(), &(), &go).unwrap();
        let rows = stored.run().unwrap().plane().len();
        assert!(rows > 0 && stored.is_complete());
        let seconds = stored.seconds();
        assert!(seconds.is_some());
        // Another store of the same directory finds it, and leaves it alone.
        let again = Store::open(folder.path()).unwrap();
        let stored = again.at(&cell).unwrap();
        stored.complete(RunOptions::default(), &(), &go).unwrap();
        assert_eq!(stored.seconds(), seconds);
        assert_eq!(stored.run().unwrap().plane().len(), rows);
    }

    #[test]
    fn what_cannot_be_made_or_read_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert!(matches!(Store::open(&file), Err(SweepError::Write { path, .. }) if path == file));
        let store = Store::open(folder.path()).unwrap();
        let mut cell = cell();
        cell.experiment.dataset.source = DatasetSource::Mnist { directory: folder.path().join("none") };
        let error = store.at(&cell).err().unwrap().to_string();
        assert!(error.starts_with("short: "), "{error}");
    }
}
