//! A directory of cells, each under its id.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::claim::Claims;
use super::entry::{Begun, CellKind, ENDED_EARLY, Entry};
use super::list::CellList;
use super::plan::Digests;
use super::{Cell, LEASE, SweepError};
use crate::directory::RunError;
use crate::experiment::{AsIfRandomResult, Experiment, ExperimentError, Progress, RunOptions};
use crate::run::{Disk, Run, RunDir};

/// A directory of cells that any number of workers fill, on one machine or on several that share it.
///
/// - `runs/ID/` are complete runs and `as-if-random/ID/` complete pools of networks; a pool whose training diverged is
///   `as-if-random/ID.ended-early.txt`, which says why. They appear whole, by a new name for a directory.
/// - `work/ID/WORKER/` is what a worker has of a cell that is not complete, `claims/ID.1` who is at it.
/// - `failed/ID.toml` says why a cell cannot be computed, `times/ID.toml` how many seconds it took, over all goes.
/// - `sweep.toml` says which sweep it is of, and a file in `cells/` lists its cells; of one that was extended `sweep.2.toml` does, and so on.
/// - `memory.toml` says what workers took of the memory of their machines, for plans.
///
/// No cell is computed by two workers at once, unless one of them was silent for the time of a lease, and of those each
/// writes to a directory of its own; the first that is done makes its name the cell's.
///
/// A clone is the same worker.
#[derive(Debug, Clone)]
pub struct Store(Arc<Shared>);

/// What the clones of a store share.
#[derive(Debug)]
struct Shared {
    directory: PathBuf,
    disk: Disk,
    claims: Claims,
    digests: Digests,
}

/// A cell at its place in a [`Store`].
#[derive(Debug)]
pub struct StoredCell<'a> {
    entry: Entry,
    cell: &'a Cell,
}

/// What came of an attempt to compute a cell.
#[derive(Debug, Clone, PartialEq)]
pub enum Attempt {
    /// It is complete, and was before.
    WasComplete,
    /// It is complete now, after so many seconds.
    Computed {
        /// Of this go.
        seconds: f64,
    },
    /// Another worker is at it.
    Taken {
        /// The machine that the other worker runs on, where that is known.
        host: String,
    },
}

/// What there is of a cell that is complete.
enum Computed {
    /// All of it.
    Whole { processors: Option<f64> },
    /// A training came to an end before there was a pool of networks.
    EndedEarly { why: String },
}

/// Where a cell stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CellState {
    /// It is complete.
    Complete,
    /// A worker is at it, as far as is known.
    Running {
        /// The machine, where that is known.
        host: String,
    },
    /// It could not be computed.
    Failed {
        /// The reason.
        why: String,
    },
    /// It was begun, and nobody is at it.
    Interrupted,
    /// Nothing of it is there.
    Missing,
}

impl CellState {
    /// `complete`, `running`, `failed`, `interrupted` or `missing`.
    pub const fn name(&self) -> &'static str {
        match self {
            CellState::Complete => "complete",
            CellState::Running { .. } => "running",
            CellState::Failed { .. } => "failed",
            CellState::Interrupted => "interrupted",
            CellState::Missing => "missing",
        }
    }
}

pub(super) const RUNS: &str = "runs";
pub(super) const POOLS: &str = "as-if-random";
pub(super) const WORK: &str = "work";
pub(super) const CLAIMS: &str = "claims";
pub(super) const FAILED: &str = "failed";
pub(super) const TIMES: &str = "times";
/// How often whoever waits for another worker looks again.
const LOOK_EVERY: Duration = Duration::from_millis(100);

impl Store {
    /// Opens a directory; it is made if it is not there.
    ///
    /// # Errors
    /// [`SweepError::Write`] if it cannot be made.
    pub fn open(directory: &Path) -> Result<Store, SweepError> {
        Store::open_with(directory, LEASE)
    }

    /// Opens a directory with another lease: the time after which a worker that is silent may have lost its cell. It should be much
    /// longer than the file system takes to show one machine what another wrote.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_with(directory: &Path, lease: Duration) -> Result<Store, SweepError> {
        Store::on(Disk::default(), directory, lease)
    }

    fn on(disk: Disk, directory: &Path, lease: Duration) -> Result<Store, SweepError> {
        let parts = [RUNS, WORK, CLAIMS, FAILED, TIMES].map(|part| directory.join(part));
        for path in [directory.to_path_buf()].into_iter().chain(parts) {
            disk.create_directory(&path).map_err(|source| SweepError::Write { path, source })?;
        }
        Ok(Store::at_path(disk, directory, lease))
    }

    fn at_path(disk: Disk, directory: &Path, lease: Duration) -> Store {
        let claims = Claims::new(directory.join(CLAIMS), disk.clone(), lease);
        Store(Arc::new(Shared { directory: directory.into(), disk, claims, digests: Digests::default() }))
    }

    /// Opens the store of a sweep to read it; nothing is written.
    ///
    /// # Errors
    /// [`SweepError::NoSweep`] if the directory is none.
    pub fn read(directory: &Path) -> Result<(Store, CellList), SweepError> {
        let store = Store::at_path(Disk::default(), directory, LEASE);
        let list = CellList::of(&store)?;
        Ok((store, list))
    }

    /// Whether a directory is the store of a sweep.
    pub fn is_in(directory: &Path) -> bool {
        directory.join(super::list::SWEEP).is_file()
    }

    /// Where it is.
    pub fn directory(&self) -> &Path {
        &self.0.directory
    }

    pub(super) fn disk(&self) -> &Disk {
        &self.0.disk
    }

    pub(super) fn claims(&self) -> &Claims {
        &self.0.claims
    }

    /// Finds the place of a cell. Data in files are read once for all cells that share them.
    ///
    /// # Errors
    /// [`SweepError::Cell`] if its data cannot be read.
    pub fn at<'a>(&self, cell: &'a Cell) -> Result<StoredCell<'a>, SweepError> {
        let digest = self.0.digests.of(&cell.experiment.dataset.source);
        let digest = digest.map_err(|error| SweepError::of(cell, error))?;
        Ok(self.at_id(cell, cell.id(digest.as_deref())))
    }

    /// The place of a cell whose id is known.
    pub(super) fn at_id<'a>(&self, cell: &'a Cell, id: String) -> StoredCell<'a> {
        StoredCell { entry: self.entry(&id, cell.kind()), cell }
    }

    /// The place of a cell by its id alone.
    pub fn entry(&self, id: &str, kind: CellKind) -> Entry {
        Entry::new(self.clone(), id.into(), kind)
    }

    /// Forgets that cells could not be computed: whoever asks for them next tries again.
    ///
    /// # Errors
    /// [`SweepError::Write`] if a file cannot be removed.
    pub fn forget_failures(&self, list: &CellList) -> Result<(), SweepError> {
        for cell in list.cells() {
            let path = self.0.directory.join(FAILED).join(format!("{}.toml", cell.id));
            self.0.disk.remove_file(&path).map_err(|source| SweepError::Write { path, source })?;
        }
        Ok(())
    }

    /// Where each cell of a list stands. Asked again and again of one store, workers of other machines that fell silent are found,
    /// too.
    pub fn states(&self, list: &CellList) -> Vec<CellState> {
        let names = |part: &str| -> HashSet<String> {
            let entries = std::fs::read_dir(self.0.directory.join(part)).into_iter().flatten().flatten();
            entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
        };
        let (runs, pools, work, failed) = (names(RUNS), names(POOLS), names(WORK), names(FAILED));
        let mut claims: HashMap<String, u64> = HashMap::new();
        for name in names(CLAIMS) {
            if let Some((id, number)) = name.rsplit_once('.').and_then(|(id, n)| Some((id, n.parse().ok()?)))
            {
                let last = claims.entry(id.to_string()).or_insert(number);
                *last = number.max(*last);
            }
        }
        let state = |id: &str| {
            if runs.contains(id) || pools.contains(id) || pools.contains(&format!("{id}{ENDED_EARLY}")) {
                return CellState::Complete;
            }
            let held = claims.get(id).and_then(|&number| self.0.claims.holder(id, number));
            if let Some(host) = held {
                return CellState::Running { host };
            }
            if failed.contains(&format!("{id}.toml")) {
                let why = self.entry(id, CellKind::Run).failure();
                return CellState::Failed { why: why.unwrap_or_default() };
            }
            if work.contains(id) { CellState::Interrupted } else { CellState::Missing }
        };
        list.cells().iter().map(|cell| state(&cell.id)).collect()
    }
}

impl StoredCell<'_> {
    /// The name of the cell.
    pub fn id(&self) -> &str {
        self.entry.id()
    }

    /// Its place, whatever computes it.
    pub fn entry(&self) -> &Entry {
        &self.entry
    }

    /// The directory of its run or pool, once that is complete.
    pub fn path(&self) -> PathBuf {
        self.entry.path()
    }

    /// How long it took, in seconds over all goes, if that is known.
    pub fn seconds(&self) -> Option<f64> {
        self.entry.seconds()
    }

    /// Whether there is nothing left to compute.
    pub fn is_complete(&self) -> bool {
        self.entry.is_complete()
    }

    /// Computes the cell, goes on where it was interrupted, or leaves it as it is where it is complete. While another worker is at
    /// it, waits for that.
    ///
    /// A pool whose training diverged is complete: another go would end likewise.
    ///
    /// # Errors
    /// As [`StoredCell::attempt`].
    pub fn complete(
        &self,
        options: RunOptions,
        progress: &dyn Progress,
        interrupt: &AtomicBool,
    ) -> Result<(), SweepError> {
        while let Attempt::Taken { .. } = self.attempt(options, progress, interrupt)? {
            if interrupt.load(std::sync::atomic::Ordering::Relaxed) {
                return Err(SweepError::Interrupted);
            }
            std::thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }

    /// Computes the cell or goes on where it was interrupted, unless it is complete or another worker is at it.
    ///
    /// # Errors
    /// [`SweepError::Interrupted`] once `interrupt` is true; [`SweepError::Cell`] as [`Experiment::run`];
    /// [`SweepError::Write`] if a file of the store cannot be written.
    pub fn attempt(
        &self,
        options: RunOptions,
        progress: &dyn Progress,
        interrupt: &AtomicBool,
    ) -> Result<Attempt, SweepError> {
        let own = match self.entry.begin()? {
            Begun::Complete => return Ok(Attempt::WasComplete),
            Begun::Taken { host } => return Ok(Attempt::Taken { host }),
            Begun::Own(own) => own,
        };
        match own.watched(interrupt, |stop| self.compute_in(own.directory(), options, progress, stop)) {
            Ok(Computed::Whole { processors }) => Ok(Attempt::Computed { seconds: own.publish(processors)? }),
            Ok(Computed::EndedEarly { why }) => {
                Ok(Attempt::Computed { seconds: own.publish_early_end(&why)? })
            }
            // Another worker took it over while this one was silent. Once that is done it removes what this one writes to.
            Err(_) if !own.is_held() => Ok(Attempt::Taken { host: String::new() }),
            // Whoever had the cell before still writes to what it left.
            Err(SweepError::Cell { source, .. }) if is_in_use(&source) => {
                Ok(Attempt::Taken { host: String::new() })
            }
            Err(error) => {
                own.leave()?;
                Err(error)
            }
        }
    }

    fn compute_in(
        &self,
        path: &Path,
        options: RunOptions,
        progress: &dyn Progress,
        interrupt: &AtomicBool,
    ) -> Result<Computed, SweepError> {
        let of = |error| SweepError::of(self.cell, error);
        let present = || self.cell.data_digest().map_err(|error| of(error.into()));
        let result = match self.begin_or_resume(path, options, progress, interrupt) {
            // The data or what is there of the cell are not those that were planned. If it is the data, what is there waits for those.
            Err(ExperimentError::DataChanged { .. } | ExperimentError::OtherResult { .. }) => {
                self.check_data(present()?)?;
                remove_directory(path)?;
                self.begin_or_resume(path, options, progress, interrupt)
            }
            result => result,
        };
        let (computed, digest) = match result {
            Ok((digest, processors)) => (Computed::Whole { processors }, Some(digest)),
            Err(error @ ExperimentError::EndedEarly { .. }) => {
                let why = error.to_string();
                progress.warn(&why);
                (Computed::EndedEarly { why }, present()?)
            }
            Err(error) => return Err(of(error)),
        };
        if let Err(error) = self.check_data(digest) {
            remove_directory(path)?;
            return Err(error);
        }
        Ok(computed)
    }

    /// Refuses other data than those that the id of the cell was made of.
    fn check_data(&self, digest: Option<String>) -> Result<(), SweepError> {
        match digest {
            Some(now) if !self.cell.data_are_generated() && self.cell.id(Some(&now)) != self.id() => {
                Err(SweepError::DataChanged { cell: self.cell.label.clone(), now })
            }
            _ => Ok(()),
        }
    }

    /// Computes what is not in the directory yet. Returns the digest of the data, and the seconds of all processors if they were
    /// counted.
    fn begin_or_resume(
        &self,
        path: &Path,
        options: RunOptions,
        progress: &dyn Progress,
        interrupt: &AtomicBool,
    ) -> Result<(String, Option<f64>), ExperimentError> {
        let experiment = &self.cell.experiment;
        if let Some(settings) = &self.cell.pooled {
            let pooled = experiment.as_if_random(settings, None, path, options, progress, interrupt)?;
            return Ok((pooled.data.digest, None));
        }
        let summary = match RunDir::open(path) {
            Ok(_) => Experiment::resume(path, Some(experiment), options, progress, interrupt),
            Err(_) => experiment.run(path, options, progress, interrupt),
        }?;
        let seconds = (summary.work.train_time + summary.work.measure_time).as_secs_f64();
        Ok((summary.manifest.data.digest, Some(seconds)))
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
        match self.entry.ended_early() {
            Some(why) => Ok(Err(why)),
            None => {
                let read = AsIfRandomResult::read(&self.path());
                read.map(Ok).map_err(|error| SweepError::of(self.cell, error))
            }
        }
    }
}

fn remove_directory(path: &Path) -> Result<(), SweepError> {
    std::fs::remove_dir_all(path).map_err(|source| SweepError::Write { path: path.into(), source })
}

fn is_in_use(error: &ExperimentError) -> bool {
    matches!(error, ExperimentError::Run(RunError::InUse { .. }))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;
    use std::time::Instant;

    use super::super::claim::{Claimed, Follows};
    use super::super::entry::directories;
    use super::super::{CollectOptions, ListedCell, Sweep, SweepOptions, SweepProgress};
    use super::*;
    use crate::dataset::DatasetSource;

    /// The fastest there is: what is tested is the store.
    const BINNED: &str = "estimators=[{kind='binned',rule='floor',bin_width=0.5}]";

    fn cell() -> Cell {
        let overrides = [BINNED, "training.epochs=3", "seeds=1"].map(String::from);
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

    /// All files in a directory with their contents, by their names in it.
    fn files(path: &Path) -> std::collections::BTreeMap<PathBuf, Vec<u8>> {
        let mut found = std::collections::BTreeMap::new();
        for entry in std::fs::read_dir(path).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                let inner = files(&entry.path());
                found.extend(
                    inner
                        .into_iter()
                        .map(|(name, bytes)| (PathBuf::from(entry.file_name()).join(name), bytes)),
                );
            } else {
                found.insert(entry.file_name().into(), std::fs::read(entry.path()).unwrap());
            }
        }
        found
    }

    /// A cell that stops after some epochs.
    struct Stops<'a>(&'a AtomicBool, std::sync::atomic::AtomicU64);

    impl Progress for Stops<'_> {
        fn trained(&self, epochs: u64) {
            if self.1.fetch_add(epochs, Ordering::Relaxed) >= 20 {
                self.0.store(true, Ordering::Relaxed);
            }
        }
        fn measured(&self, _: u64, _: u64) {}
        fn warn(&self, _: &str) {}
    }

    /// So long that a worker which is told to stop, twice, is not through before it looks.
    fn longer() -> Cell {
        let overrides = [BINNED, "training.epochs=2000", "seeds=1", "schedule.points=20"].map(String::from);
        let experiment = Experiment::load("tishby2017", &overrides).unwrap();
        Cell { label: "longer".into(), experiment, pooled: None }
    }

    #[test]
    fn what_a_worker_leaves_is_gone_on_with_to_the_same_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let go = AtomicBool::new(false);
        let whole = Store::open(&folder.path().join("whole")).unwrap();
        let cell = longer();
        whole.at(&cell).unwrap().complete(RunOptions::default(), &(), &go).unwrap();
        let parts = folder.path().join("parts");
        let leave = |lease: Duration| {
            let store = Store::open_with(&parts, lease).unwrap();
            let stop = AtomicBool::new(false);
            let left = store.at(&cell).unwrap().attempt(
                RunOptions::default(),
                &Stops(&stop, Default::default()),
                &stop,
            );
            assert!(matches!(left, Err(SweepError::Interrupted)), "{left:?}");
            store
        };
        let first = leave(LEASE);
        let left = directories(&parts.join(WORK));
        assert_eq!((left.len(), directories(&left[0]).len()), (1, 1));
        // Given back: the next goes on at once. It is a worker of its own.
        let second = leave(LEASE);
        assert_ne!(first.claims().worker(), second.claims().worker());
        let left = directories(&left[0]);
        assert!(left.len() == 1 && left[0].ends_with(second.claims().worker()), "{left:?}");
        let last = Store::open(&parts).unwrap();
        let stored = last.at(&cell).unwrap();
        assert!(matches!(stored.attempt(RunOptions::default(), &(), &go), Ok(Attempt::Computed { .. })));
        assert_eq!(files(&whole.at(&cell).unwrap().path()), files(&stored.path()));
        for part in [WORK, CLAIMS, FAILED] {
            assert_eq!(files(&parts.join(part)).len(), 0, "{part}");
            assert_eq!(directories(&parts.join(part)).len(), 0, "{part}");
        }
        assert_eq!(stored.attempt(RunOptions::default(), &(), &go).unwrap(), Attempt::WasComplete);
    }

    #[test]
    fn a_cell_of_a_silent_worker_is_taken_over_and_one_of_a_live_worker_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let (cell, go) = (cell(), AtomicBool::new(false));
        let lease = Duration::from_millis(120);
        let (live, other) = (
            Store::open_with(folder.path(), lease).unwrap(),
            Store::open_with(folder.path(), lease).unwrap(),
        );
        let (mine, theirs) = (live.at(&cell).unwrap(), other.at(&cell).unwrap());
        let Ok(Claimed::Yes(claim, Follows::Nobody)) = live.claims().claim(mine.id()) else {
            panic!("a claim")
        };
        // As long as it tells that it goes on, nobody else is at it, however long that is.
        let start = Instant::now();
        while start.elapsed() < 5 * lease {
            let attempt = theirs.attempt(RunOptions::default(), &(), &go).unwrap();
            assert!(matches!(attempt, Attempt::Taken { .. }), "{attempt:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(claim.is_held());
        // One of another machine that is silent: no clock is asked, and no process.
        let id = mine.id().to_string();
        drop(claim);
        let path = folder.path().join(CLAIMS).join(format!("{id}.1"));
        assert!(!path.exists(), "given back");
        std::fs::write(&path, "worker = 'a'\nhost = 'far away'\nlease = 120\nbeat = '7'\n").unwrap();
        let attempt = theirs.attempt(RunOptions::default(), &(), &go).unwrap();
        assert_eq!(attempt, Attempt::Taken { host: "far away".into() });
        // Its clock may be an hour off: the times of files say nothing.
        let hour = std::time::SystemTime::now() + Duration::from_secs(3600);
        std::fs::File::options().write(true).open(&path).unwrap().set_modified(hour).unwrap();
        assert!(matches!(theirs.attempt(RunOptions::default(), &(), &go), Ok(Attempt::Taken { .. })));
        std::thread::sleep(lease + Duration::from_millis(30));
        assert!(matches!(theirs.attempt(RunOptions::default(), &(), &go), Ok(Attempt::Computed { .. })));
        assert!(!path.exists());
    }

    #[test]
    fn a_claim_that_was_torn_is_taken_over_after_the_lease() {
        let folder = tempfile::tempdir().unwrap();
        let (cell, go) = (cell(), AtomicBool::new(false));
        let lease = Duration::from_millis(120);
        let store = Store::open_with(folder.path(), lease).unwrap();
        let stored = store.at(&cell).unwrap();
        let path = folder.path().join(CLAIMS).join(format!("{}.1", stored.id()));
        // A disk that was full, a machine that lost its power: nothing, half of a file, or bytes that are no text.
        for torn in [&b""[..], b"worker = 'a'\nho", b"\xff\x00\xfe"] {
            std::fs::write(&path, torn).unwrap();
            let attempt = stored.attempt(RunOptions::default(), &(), &go).unwrap();
            assert_eq!(attempt, Attempt::Taken { host: String::new() });
            std::thread::sleep(lease + Duration::from_millis(30));
            let Claimed::Yes(claim, Follows::SilentHolder) = store.claims().claim(stored.id()).unwrap()
            else {
                panic!("a claim")
            };
            drop(claim);
        }
        std::thread::sleep(lease + Duration::from_millis(30));
        assert!(matches!(stored.attempt(RunOptions::default(), &(), &go), Ok(Attempt::Taken { .. })));
        std::thread::sleep(lease + Duration::from_millis(30));
        assert!(matches!(stored.attempt(RunOptions::default(), &(), &go), Ok(Attempt::Computed { .. })));
    }

    #[test]
    fn a_store_that_cannot_be_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store");
        let text = format!("base = 'tishby2017'\nseeds = 2\n{BINNED}\n[set]\n'training.epochs' = 3");
        let sweep = Sweep::from_toml("the file", &text, Path::new("")).unwrap();
        let options = SweepOptions { shard: "1/2".parse().unwrap(), ..SweepOptions::default() };
        sweep.run(&Store::open(&path).unwrap(), &options, &(), &AtomicBool::new(false)).unwrap();
        let before = files(&path);
        let kind = std::io::ErrorKind::ReadOnlyFilesystem;
        let fault = crate::run::Fault { at: 0, kind, mode: crate::run::FaultMode::Dead };
        // Whoever looks writes nothing.
        let store = Store::at_path(Disk::failing(fault), &path, LEASE);
        let list = CellList::of(&store).unwrap();
        let mut states = store.states(&list);
        states.sort_by_key(CellState::name);
        assert_eq!(states, [CellState::Complete, CellState::Missing]);
        let options = CollectOptions { allow_missing: true, ..CollectOptions::default() };
        let out = folder.path().join("out");
        let collected = list.collect(&store, &out, &options, &|_| (), &AtomicBool::new(false)).unwrap();
        assert_eq!((collected.cells, collected.missing.len(), collected.files.len()), (1, 1, 3));
        // Whoever computes is told what cannot be written.
        let failing = sweep.run(&store, &SweepOptions::default(), &(), &AtomicBool::new(false));
        assert!(matches!(failing, Err(SweepError::Write { .. })), "{failing:?}");
        assert_eq!(files(&path), before);
    }

    /// The claims of workers that ended while they were at a cell.
    fn ended_at(store: &Store, id: &str, times: u64) {
        let Ok(Claimed::Yes(claim, _)) = store.claims().claim(id) else { panic!("a claim") };
        let path = |number: u64| store.directory().join(CLAIMS).join(format!("{id}.{number}"));
        let text = std::fs::read_to_string(path(1)).unwrap();
        drop(claim);
        // Another process had this number before.
        let number = format!("number = {}", std::process::id());
        assert!(text.contains(&number), "{text}");
        let ended = text.lines().map(|line| match line.strip_prefix("started = ") {
            Some(_) => "started = \"1\"".into(),
            None => line.to_string(),
        });
        let ended = ended.collect::<Vec<_>>().join("\n");
        (1..=times).for_each(|number| std::fs::write(path(number), &ended).unwrap());
    }

    #[test]
    fn a_cell_at_which_workers_end_comes_last_and_then_has_failed() {
        if !Path::new("/proc/self/stat").exists() {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let text = "base = 'tishby2017'\nseeds = 5\nestimators=[{kind='binned',rule='floor',bin_width=0.5}]\n\
                    [set]\n'training.epochs' = 3";
        let sweep = Sweep::from_toml("the file", text, Path::new("")).unwrap();
        let store = Store::open(folder.path()).unwrap();
        for times in 0..5 {
            ended_at(&store, &sweep.list().cells()[times].id, times as u64);
        }
        /// The seeds of the cells, in the order in which they are done.
        #[derive(Default)]
        struct Order(std::sync::Mutex<Vec<String>>);
        impl Progress for Order {
            fn trained(&self, _: u64) {}
            fn measured(&self, _: u64, _: u64) {}
            fn warn(&self, _: &str) {}
        }
        impl SweepProgress for Order {
            fn cell(&self, cell: &ListedCell, _: Result<Option<f64>, &str>, _: usize, _: usize) {
                self.0.lock().unwrap().push(cell.label.clone());
            }
        }
        let (order, go) = (Order::default(), AtomicBool::new(false));
        let options = SweepOptions::default();
        let outcome = sweep.run(&store, &options, &order, &go).unwrap();
        let failed: Vec<&str> = outcome.failed.iter().map(|(label, _)| label.as_str()).collect();
        assert_eq!((outcome.computed, failed), (3, vec!["seed 3", "seed 4"]));
        assert!(outcome.failed[0].1.starts_with("3 processes ended"), "{:?}", outcome.failed);
        assert_eq!(*order.0.lock().unwrap(), ["seed 0", "seed 1", "seed 2", "seed 3", "seed 4"]);
        let states: Vec<_> = store.states(sweep.list()).iter().map(CellState::name).collect();
        assert_eq!(states, ["complete", "complete", "complete", "failed", "failed"]);
        // Asked to try again, it counts anew.
        let again = SweepOptions { missing: true, ..options };
        assert_eq!(sweep.run(&store, &again, &(), &go).unwrap().computed, 2);
        assert_eq!(
            (files(&folder.path().join(CLAIMS)).len(), files(&folder.path().join(FAILED)).len()),
            (0, 0)
        );
        // Whoever may lose more workers says so.
        let other = Store::open(&folder.path().join("other")).unwrap();
        ended_at(&other, &sweep.list().cells()[0].id, 4);
        let options = SweepOptions { ends: 5, ..SweepOptions::default() };
        assert_eq!(sweep.run(&other, &options, &(), &go).unwrap().computed, 5);
    }

    #[test]
    fn data_that_change_are_not_published_as_those_that_were_planned() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data.csv");
        let write = |last: u32| {
            let rows: String =
                (0..64).map(|i| format!("{},{},{}\n", i % 8, i / 8, (i % 8 > i / 8) as u32)).collect();
            std::fs::write(&data, format!("a,b,label\n{rows}3,3,{last}\n")).unwrap();
        };
        let text = format!(
            "base = 'tishby2017'\nseeds = 2\nestimators=[{{kind='binned',rule='floor',bin_width=0.5}}]\n[set]\n\
             'training.epochs' = 20000\n'dataset.source' = {{kind='csv', file={data:?}, label='label'}}"
        );
        write(0);
        let sweep = Sweep::from_toml("the file", &text, Path::new("")).unwrap();
        let (store, go) = (Store::open(&folder.path().join("store")).unwrap(), AtomicBool::new(false));
        write(1);
        let error = sweep.run(&store, &SweepOptions::default(), &(), &go).unwrap_err();
        assert!(matches!(error, SweepError::DataChanged { .. }), "{error}");
        assert!(
            error.to_string().starts_with("seed 0: the data changed since the sweep was planned"),
            "{error}"
        );
        assert_eq!(files(&store.directory().join(RUNS)).len(), 0);
        assert_eq!(files(&store.directory().join(FAILED)).len(), 0);
        // Half a run of those data is not gone on with, either.
        let cell = sweep.cell(0);
        let stored = store.at_id(&cell, sweep.list().cells()[0].id.clone());
        let stop = AtomicBool::new(false);
        let stops = Stops(&stop, 20.into());
        assert!(matches!(stored.attempt(RunOptions::default(), &stops, &stop), Err(SweepError::Interrupted)));
        write(0);
        // Half a run of the data that were planned waits for them while they are others.
        let stop = AtomicBool::new(false);
        let stops = Stops(&stop, 20.into());
        assert!(matches!(stored.attempt(RunOptions::default(), &stops, &stop), Err(SweepError::Interrupted)));
        let half = files(&store.directory().join(WORK));
        assert!(!half.is_empty());
        write(1);
        let error = sweep.run(&store, &SweepOptions::default(), &(), &go).unwrap_err();
        assert!(matches!(error, SweepError::DataChanged { .. }), "{error}");
        assert_eq!(
            files(&store.directory().join(WORK)).values().collect::<Vec<_>>(),
            half.values().collect::<Vec<_>>()
        );
        write(0);
        let outcome = sweep.run(&store, &SweepOptions::default(), &(), &go).unwrap();
        assert_eq!((outcome.computed, outcome.failed.len()), (2, 0));
    }

    #[test]
    fn what_a_silent_worker_writes_to_is_copied_also_by_the_one_after_the_next() {
        if !Path::new("/proc/self/stat").exists() {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        ended_at(&store, "cell", 2);
        // The first of them is on another machine, and may only be asleep.
        let first = folder.path().join(CLAIMS).join("cell.1");
        let text = std::fs::read_to_string(&first).unwrap().replace("place = \"", "place = \"another ");
        std::fs::write(&first, text).unwrap();
        let Ok(Claimed::Yes(claim, follows)) = store.claims().claim("cell") else { panic!("a claim") };
        assert_eq!((claim.follows(), follows), (2, Follows::SilentHolder));
        drop(claim);
        std::fs::remove_file(&first).unwrap();
        std::fs::remove_file(folder.path().join(CLAIMS).join("cell.2")).unwrap();
        ended_at(&store, "cell", 2);
        let Ok(Claimed::Yes(_, follows)) = store.claims().claim("cell") else { panic!("a claim") };
        assert_eq!(follows, Follows::Nobody);
    }

    #[test]
    fn of_a_worker_that_ended_on_this_machine_nothing_is_waited_for() {
        if !Path::new("/proc/self/stat").exists() {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let (cell, go) = (cell(), AtomicBool::new(false));
        let store = Store::open(folder.path()).unwrap();
        let stored = store.at(&cell).unwrap();
        ended_at(&store, stored.id(), 1);
        assert!(matches!(stored.attempt(RunOptions::default(), &(), &go), Ok(Attempt::Computed { .. })));
    }

    #[test]
    fn a_worker_that_slept_gives_up_a_cell_that_was_taken_over() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open_with(folder.path(), Duration::from_millis(60)).unwrap();
        let (cell, go) = (longer(), AtomicBool::new(false));
        let stored = store.at(&cell).unwrap();
        // The claim that follows appears while it computes.
        let next = folder.path().join(CLAIMS).join(format!("{}.2", stored.id()));
        struct Taken<'a>(&'a Path);
        impl Progress for Taken<'_> {
            fn trained(&self, _: u64) {
                if !self.0.exists() {
                    std::fs::write(self.0, "worker = 'b'\nhost = 'b'\nlease = 60000\nbeat = '1'\n").unwrap();
                }
                // As slow as a worker that was stopped for a while.
                std::thread::sleep(Duration::from_millis(2));
            }
            fn measured(&self, _: u64, _: u64) {}
            fn warn(&self, _: &str) {}
        }
        let attempt = stored.attempt(RunOptions::default(), &Taken(&next), &go);
        assert!(matches!(attempt, Ok(Attempt::Taken { .. })), "{attempt:?}");
        assert!(!stored.is_complete() && next.exists());
    }

    #[test]
    fn a_disk_that_fails_anywhere_leaves_a_store_that_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        // What computes the cell is not at issue here: a file, written at once.
        let compute = |store: &Store| -> Result<bool, SweepError> {
            let entry = store.entry("cell", CellKind::Run);
            match entry.begin()? {
                Begun::Complete => Ok(true),
                Begun::Taken { .. } => Ok(false),
                Begun::Own(own) => {
                    std::fs::create_dir_all(own.directory()).unwrap();
                    std::fs::write(own.directory().join("value"), "7").unwrap();
                    own.publish(None).map(|_| true)
                }
            }
        };
        let counting = Disk::counting();
        let store = Store::on(counting.clone(), &folder.path().join("counted"), LEASE).unwrap();
        assert!(compute(&store).unwrap());
        let n = counting.operations();
        assert!(n > 8, "{n}");
        for at in 0..n {
            for mode in [crate::run::FaultMode::Once, crate::run::FaultMode::Dead] {
                let path = folder.path().join(format!("{at}-{mode:?}"));
                let fault = crate::run::Fault { at, kind: std::io::ErrorKind::StorageFull, mode };
                let failing = Store::on(Disk::failing(fault), &path, Duration::from_millis(1));
                let done = failing.and_then(|store| compute(&store));
                // What is published is whole, and what is told to be done is there.
                let value = path.join(RUNS).join("cell").join("value");
                assert!(value.exists() || !matches!(done, Ok(true)), "{at} {mode:?}: {done:?}");
                let store = Store::on(Disk::counting(), &path, Duration::ZERO).unwrap();
                while !compute(&store).unwrap() {}
                assert_eq!(std::fs::read(&value).unwrap(), b"7", "{at} {mode:?}");
                assert_eq!(files(&path.join(WORK)).len(), 0, "{at} {mode:?}");
            }
        }
    }
}
