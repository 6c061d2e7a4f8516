//! The place of a cell in a store, and the work of the one worker that computes it.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::claim::{Claim, Claimed, Follows, host};
use super::store::{CLAIMS, FAILED, POOLS, RUNS, TIMES, WORK};
use super::{Store, SweepError};
use crate::run::Disk;

/// What a cell leaves when it is complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CellKind {
    /// A run directory.
    Run,
    /// A pool of networks, or why there is none.
    Pool,
}

/// The place of a cell in a [`Store`], by its id alone: whoever knows the id can compute it, this library or another program.
#[derive(Debug, Clone)]
pub struct Entry {
    store: Store,
    id: String,
    kind: CellKind,
}

/// What came of asking for a cell.
#[derive(Debug)]
pub enum Begun {
    /// It is complete.
    Complete,
    /// Another worker is at it.
    Taken {
        /// The machine that the other worker runs on, where that is known.
        host: String,
    },
    /// It is this worker's to compute.
    Own(OwnCell),
}

/// A cell that this worker computes; given back when it is dropped.
#[derive(Debug)]
pub struct OwnCell {
    entry: Entry,
    claim: Claim,
    directory: PathBuf,
    start: Instant,
}

/// The file of a cell that cannot be computed.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Failure {
    attempts: u32,
    why: String,
    /// The machine of the last attempt, and the job of Slurm, where they are known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    worker: String,
}

/// The file of the time that a cell took.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Time {
    seconds: f64,
    /// Summed over the threads that computed, where that was counted in every go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    processor_seconds: Option<f64>,
}

/// How often a worker looks whether it is to stop, which costs no access to the disk.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What an id is followed by in the name of the file that says why there is no pool.
pub(super) const ENDED_EARLY: &str = ".ended-early.txt";

impl Entry {
    pub(super) fn new(store: Store, id: String, kind: CellKind) -> Entry {
        Entry { store, id, kind }
    }

    /// The name of the cell.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The directory of its run or pool, once that is complete.
    pub fn path(&self) -> PathBuf {
        let part = if self.kind == CellKind::Pool { POOLS } else { RUNS };
        self.store.directory().join(part).join(&self.id)
    }

    /// Whether there is nothing left to compute: what is complete has appeared whole.
    pub fn is_complete(&self) -> bool {
        self.path().is_dir() || (self.kind == CellKind::Pool && self.early_end().is_file())
    }

    /// How long it took, in seconds over all goes, if that is known.
    pub fn seconds(&self) -> Option<f64> {
        read::<Time>(&self.file(TIMES)).map(|time| time.seconds)
    }

    /// How long the processors took, summed over threads and goes, if that was counted.
    pub fn processor_seconds(&self) -> Option<f64> {
        read::<Time>(&self.file(TIMES))?.processor_seconds
    }

    /// Why it could not be computed, if that was tried and it is not complete.
    pub fn failure(&self) -> Option<String> {
        read::<Failure>(&self.file(FAILED)).map(|failure| failure.why)
    }

    /// How often it failed.
    pub fn attempts(&self) -> u32 {
        read::<Failure>(&self.file(FAILED)).map_or(0, |failure| failure.attempts)
    }

    /// The machine on which it failed last, and the job of Slurm in which it did, where they are known: `node3, Slurm job 17_4`.
    pub fn failed_on(&self) -> Option<String> {
        read::<Failure>(&self.file(FAILED)).map(|failure| failure.worker).filter(|worker| !worker.is_empty())
    }

    /// Keeps why the cell cannot be computed.
    ///
    /// # Errors
    /// [`SweepError::Write`] if that cannot be written.
    pub fn keep_failure(&self, why: &str) -> Result<(), SweepError> {
        let path = self.file(FAILED);
        let attempts = read::<Failure>(&path).unwrap_or_default().attempts + 1;
        let failure = Failure { attempts, why: why.into(), worker: host() };
        self.replace(&path, toml::to_string(&failure).unwrap_or_default().as_bytes())
    }

    /// Asks for the cell, to compute it or go on with what was left of it.
    ///
    /// # Errors
    /// [`SweepError::Write`] if a file of the store cannot be written.
    pub fn begin(&self) -> Result<Begun, SweepError> {
        if self.is_complete() {
            return Ok(Begun::Complete);
        }
        let claimed = self
            .store
            .claims()
            .claim(&self.id)
            .map_err(|source| SweepError::Write { path: self.store.directory().join(CLAIMS), source })?;
        let (claim, follows) = match claimed {
            Claimed::No { host } => return Ok(Begun::Taken { host }),
            Claimed::Yes(claim, follows) => (claim, follows),
        };
        // It may have become complete just before it was claimed.
        if self.is_complete() {
            drop(claim);
            self.clear();
            return Ok(Begun::Complete);
        }
        let start = Instant::now();
        let directory = self.take_over(follows)?;
        Ok(Begun::Own(OwnCell { entry: self.clone(), claim, directory, start }))
    }

    /// The directory in which this worker computes the cell, with what others left of it.
    fn take_over(&self, follows: Follows) -> Result<PathBuf, SweepError> {
        let all = self.store.directory().join(WORK).join(&self.id);
        let own = all.join(self.store.claims().worker());
        let disk = self.store.disk();
        let failed = |path: &Path| {
            let path = path.to_path_buf();
            move |source| SweepError::Write { path, source }
        };
        disk.create_directory(&all).map_err(failed(&all))?;
        if own.exists() {
            return Ok(own);
        }
        let most = directories(&all).into_iter().filter_map(|path| Some((size(&path)?, path))).max();
        let Some((_, left)) = most else { return Ok(own) };
        if follows == Follows::Nobody {
            disk.rename(&left, &own).map_err(failed(&own))?;
        } else if let Err(error) = copy(disk, &left, &own) {
            // Half of a copy is worth nothing, and would be taken for what is there.
            let _ = std::fs::remove_dir_all(&own);
            return Err(failed(&own)(error));
        }
        Ok(own)
    }

    /// Removes what only a cell that is not complete needs.
    fn clear(&self) {
        // What cannot be removed takes some room; whoever finds it finds the cell first.
        let _ = std::fs::remove_dir_all(self.store.directory().join(WORK).join(&self.id));
        let _ = self.store.disk().remove_file(&self.file(FAILED));
        self.store.claims().clear(&self.id);
    }

    fn file(&self, part: &str) -> PathBuf {
        self.store.directory().join(part).join(format!("{}.toml", self.id))
    }

    fn early_end(&self) -> PathBuf {
        self.store.directory().join(POOLS).join(format!("{}{ENDED_EARLY}", self.id))
    }

    /// Why a pool ended too early to have one.
    pub fn ended_early(&self) -> Option<String> {
        (self.kind == CellKind::Pool).then(|| std::fs::read_to_string(self.early_end()).ok())?
    }

    /// Adds the time of a go; `processors` is that of the threads that computed, if it was counted.
    fn add_time(&self, seconds: f64, processors: Option<f64>) -> Result<(), SweepError> {
        let path = self.file(TIMES);
        // Hundredths: more digits would say nothing. What cannot be read is not worth stopping for.
        let rounded = |seconds: f64| (seconds * 100.0).round() / 100.0;
        let time = match read::<Time>(&path) {
            None => Time { seconds: rounded(seconds), processor_seconds: processors.map(rounded) },
            Some(before) => Time {
                seconds: rounded(before.seconds + seconds),
                processor_seconds: before.processor_seconds.zip(processors).map(|(a, b)| rounded(a + b)),
            },
        };
        self.replace(&path, toml::to_string(&time).unwrap_or_default().as_bytes())
    }

    fn replace(&self, path: &Path, bytes: &[u8]) -> Result<(), SweepError> {
        let disk = self.store.disk();
        disk.replace(path, bytes).map_err(|source| SweepError::Write { path: path.into(), source })
    }
}

impl OwnCell {
    /// The directory in which the cell is computed: not there yet, or with what was left of it.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Seconds since it was begun in this go.
    pub fn seconds(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }

    /// Whether no other worker took the cell over, which happens once this one was silent for the time of a lease.
    pub fn is_held(&self) -> bool {
        self.claim.is_held()
    }

    /// How many workers were at the cell before and ended without giving it back, or were silent for the time of a lease.
    pub fn follows(&self) -> u64 {
        self.claim.follows()
    }

    /// Keeps why the cell cannot be computed, and forgets the workers that were at it before.
    ///
    /// # Errors
    /// [`SweepError::Write`] if that cannot be written.
    pub fn give_up(self, why: &str) -> Result<(), SweepError> {
        let OwnCell { entry, claim, .. } = self;
        entry.keep_failure(why)?;
        // This claim with those before it: whoever looks next finds the failure first.
        entry.store.claims().clear(&entry.id);
        drop(claim);
        Ok(())
    }

    /// Calls `compute`, which is to stop once its flag is true: at an interrupt, or when another worker takes the cell over.
    pub fn watched<T>(&self, interrupt: &AtomicBool, compute: impl FnOnce(&AtomicBool) -> T) -> T {
        let stop = AtomicBool::new(interrupt.load(Ordering::Relaxed));
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let watch = scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    std::thread::park_timeout(LOOK_EVERY);
                    if interrupt.load(Ordering::Relaxed) || self.claim.was_lost() {
                        stop.store(true, Ordering::Relaxed);
                    }
                }
            });
            let result = compute(&stop);
            done.store(true, Ordering::Relaxed);
            watch.thread().unpark();
            result
        })
    }

    /// Keeps the time that was spent, and what there is for whoever goes on.
    ///
    /// # Errors
    /// [`SweepError::Write`] if the time cannot be written.
    pub fn leave(self) -> Result<(), SweepError> {
        self.entry.add_time(self.seconds(), None)
    }

    /// Gives what was computed the name of the cell: all of it at once. Returns the seconds of this go; `processors` are those of the
    /// threads that computed, if they were counted.
    ///
    /// # Errors
    /// [`SweepError::Write`] if the directory cannot be renamed.
    pub fn publish(self, processors: Option<f64>) -> Result<f64, SweepError> {
        let entry = &self.entry;
        let seconds = self.seconds();
        entry.add_time(seconds, processors)?;
        let path = entry.path();
        let disk = entry.store.disk();
        let failed = |source| SweepError::Write { path: path.clone(), source };
        let into = path.parent().unwrap_or(entry.store.directory());
        disk.create_directory(into).map_err(failed)?;
        match disk.rename(&self.directory, &path) {
            // Another worker was as fast, with the same bytes.
            Err(_) if entry.is_complete() => {}
            done => done.and_then(|()| disk.sync_directory(into)).map_err(failed)?,
        }
        self.done();
        Ok(seconds)
    }

    /// Keeps why there is no pool, which is as good as one. Returns the seconds of this go.
    pub(super) fn publish_early_end(self, why: &str) -> Result<f64, SweepError> {
        let entry = &self.entry;
        let seconds = self.seconds();
        entry.add_time(seconds, None)?;
        let path = entry.early_end();
        let into = path.parent().unwrap_or(entry.store.directory());
        let made = entry.store.disk().create_directory(into);
        made.map_err(|source| SweepError::Write { path: into.into(), source })?;
        entry.replace(&path, why.as_bytes())?;
        self.done();
        Ok(seconds)
    }

    /// Gives the claim back before all claims of the cell are removed.
    fn done(self) {
        let OwnCell { entry, claim, .. } = self;
        drop(claim);
        entry.clear();
    }
}

fn read<T: for<'a> Deserialize<'a>>(path: &Path) -> Option<T> {
    toml::from_str(&std::fs::read_to_string(path).ok()?).ok()
}

/// The directories in one, in the order of their names.
pub(super) fn directories(path: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(path) else { return vec![] };
    let mut found: Vec<PathBuf> =
        entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_dir()).collect();
    found.sort();
    found
}

/// The bytes in a directory, by which what is more complete is told; nothing where there is no directory.
fn size(path: &Path) -> Option<u64> {
    let entries = std::fs::read_dir(path).ok()?;
    let of = |entry: std::fs::DirEntry| {
        let metadata = entry.metadata().ok()?;
        Some(if metadata.is_dir() { size(&entry.path()).unwrap_or(0) } else { metadata.len() })
    };
    Some(entries.filter_map(|entry| of(entry.ok()?)).sum())
}

/// Copies what a worker left that may still write: files and directories, as they are now.
fn copy(disk: &Disk, from: &Path, to: &Path) -> std::io::Result<()> {
    disk.create_directory(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            copy(disk, &source, &target)?;
        } else if entry.file_name() != crate::directory::LOCK {
            match std::fs::read(&source) {
                Ok(bytes) => disk.replace(&target, &bytes)?,
                // Whoever writes replaces files, too.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(())
}
