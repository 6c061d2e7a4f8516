//! The run directory: what a run leaves behind, readable at every moment.
//!
//! While a run goes on, everything it finds out is appended to one working journal, in whatever order it was found
//! out. At the end the journal is sorted into the files that stay. So every byte of a finished run is the same for
//! any number of threads, and whether the run was interrupted or not. `docs/run-directory.md` specifies the files.

mod files;
mod journal;
mod learned;
mod manifest;
mod read;
#[cfg(test)]
mod tests;
mod verify;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use crate::directory::{Disk, FORMAT_VERSION, FileState, RunError, Verification, VerifiedFile};
#[cfg(test)]
pub(crate) use crate::directory::{Fault, FaultMode};
pub use journal::{Record, Recovered};
pub use learned::{FailedSeed, LEAST_LEARNED, TrainingFailure, failed_seeds};
pub use manifest::{
    DataFacts, Digests, Found, FoundArray, FoundEpochs, LayerOrder, Layout, Manifest, Origin, Outcome,
    PartFacts, Recorded, SeedOutcome,
};
pub use read::{Appended, Run, State};

pub(crate) use self::files::check_vacant;
use self::files::{Stamp, read_manifest};
use self::journal::{Methods, RunJournal};
pub(crate) use self::read::records;
use crate::directory::{
    Digest, Digested, JOURNAL, LOCK, Lock, OUTCOME, Which, check_digest, parent, read, read_digested_toml,
    remove_partials, to_digested_toml, to_toml,
};
use crate::schedule::MeasuredEpoch;

/// A directory that holds a run.
///
/// [`RunDir::create`] and [`RunDir::resume`] give one that can be written to, by this process alone; it is let go of
/// when the run is finished, or with the last clone. [`RunDir::open`] gives one to read.
#[derive(Debug, Clone)]
pub struct RunDir {
    path: PathBuf,
    /// The seeds in the order of the rows.
    seeds: Vec<u64>,
    /// Whether anything is measured beside the plane.
    has_quantities: bool,
    stamp: Stamp,
    disk: Disk,
    /// Absent where the run is only read.
    writer: Option<Arc<Mutex<Writer>>>,
}

/// What only the process that writes has.
#[derive(Debug)]
struct Writer {
    journal: RunJournal,
    lock: Option<Lock>,
}

/// What a run that is resumed has behind it.
#[derive(Debug, Clone, PartialEq)]
#[allow(clippy::large_enum_variant)] // there is one of it
pub enum Resumed {
    /// Everything: there is nothing left to do.
    Complete(Outcome),
    /// This much.
    Incomplete(Recovered),
}

impl RunDir {
    /// Makes a directory for a new run and writes its manifest.
    ///
    /// # Errors
    /// [`RunError::Occupied`] or [`RunError::Complete`] if there is a run in it, [`RunError::NotEmpty`] if there is anything else,
    /// [`RunError::InUse`] if another process is about to begin a run there.
    pub fn create(path: &Path, manifest: &Manifest, disk: Disk) -> Result<Self, RunError> {
        let made = !path.exists();
        // Before anything is put there, and once more when nobody else can.
        check_vacant(path)?;
        disk.create_directory(path).map_err(RunError::io("create", path))?;
        let lock = Lock::take(path, &disk)?;
        if let Err(error) = check_vacant(path) {
            // Somebody else's from beginning to end, perhaps: nothing but the lock was put there by this call.
            let _ = lock.remove(&disk);
            return Err(error);
        }
        let begin = || {
            remove_partials(path, &disk, Which::All)?;
            let file = path.join(MANIFEST);
            let text = to_toml(&file, manifest)?;
            let stamp = Stamp::of(text.as_bytes());
            // The journal first: a manifest says that the run can be resumed.
            let journal_file = path.join(JOURNAL);
            disk.remove_file(&journal_file).map_err(RunError::io("remove", &journal_file))?;
            let journal = RunJournal::create(&journal_file, stamp.seal, &disk)
                .map_err(RunError::io("create", &journal_file))?;
            disk.replace(&file, text.as_bytes()).map_err(RunError::io("write", &file))?;
            let above = parent(path);
            disk.sync_directory(above).map_err(RunError::io("write", above))?;
            Ok((journal, stamp))
        };
        match begin() {
            Ok((journal, stamp)) => Ok(RunDir {
                path: path.into(),
                seeds: manifest.seeds.clone(),
                has_quantities: !manifest.quantities.is_empty(),
                stamp,
                disk,
                writer: Some(Arc::new(Mutex::new(Writer { journal, lock: Some(lock) }))),
            }),
            Err(error) => {
                // Nothing is left of a run that could not begin; the first failure is the one to tell.
                for file in [MANIFEST, JOURNAL] {
                    let _ = disk.remove_file(&path.join(file));
                }
                let _ = lock.remove(&disk);
                if made {
                    let _ = disk.remove_directory(path);
                }
                Err(error)
            }
        }
    }

    /// Goes on with the run in a directory, and says what it has behind it.
    ///
    /// What the journal lost by damage is told and written off; what processes that ended midway left behind is
    /// removed.
    ///
    /// # Errors
    /// [`RunError::NoRun`], [`RunError::FormatVersion`] for another format, and [`RunError::InUse`] while another
    /// process writes to it.
    pub fn resume(path: &Path, disk: Disk) -> Result<(Self, Manifest, Resumed), RunError> {
        let (run, manifest) = RunDir::open(path)?;
        let mut run = RunDir { disk, ..run };
        if manifest.format_version != FORMAT_VERSION && run.outcome()?.is_none() {
            return Err(RunError::OlderFormat { path: path.into(), found: manifest.format_version });
        }
        let lock = match run.outcome()? {
            // Nothing needs to be written, so a directory that cannot be written to is as good.
            Some(outcome) if !run.has_leftovers()? => return Ok((run, manifest, Resumed::Complete(outcome))),
            _ => Lock::take(path, &run.disk)?,
        };
        let at = |error| RunError::resumable(error, path);
        // Whoever held the lock before may have finished meanwhile.
        if let Some(outcome) = run.outcome()? {
            run.clear(lock)?;
            return Ok((run, manifest, Resumed::Complete(outcome)));
        }
        run.remove_leftovers().map_err(at)?;
        let journal_file = run.journal_path();
        let (journal, recovered) =
            RunJournal::resume(&journal_file, run.stamp.seal, &mut Methods::of(&manifest), &run.disk)
                .map_err(RunError::io("write", &journal_file))
                .map_err(at)?;
        run.writer = Some(Arc::new(Mutex::new(Writer { journal, lock: Some(lock) })));
        Ok((run, manifest, Resumed::Incomplete(recovered)))
    }

    /// Puts together a run that is not complete from the manifest of another one and what is known of that, to be resumed: what
    /// is there already, of an earlier attempt, stays.
    pub(crate) fn put_together(
        path: &Path,
        manifest: &[u8],
        records: impl FnOnce() -> Result<Vec<Record>, RunError>,
        disk: &Disk,
    ) -> Result<(), RunError> {
        let file = path.join(MANIFEST);
        match read(&file)? {
            Some(bytes) if bytes == manifest => return Ok(()),
            Some(_) => return Err(RunError::Occupied(path.into())),
            None => {}
        }
        let journal_file = path.join(JOURNAL);
        disk.remove_file(&journal_file).map_err(RunError::io("remove", &journal_file))?;
        let stamp = Stamp::of(manifest);
        let begin = RunJournal::create(&journal_file, stamp.seal, disk).and_then(|mut journal| {
            let records = records().map_err(io::Error::other)?;
            journal.append(&records)?;
            disk.sync(&journal.file())
        });
        begin.map_err(RunError::io("write", &journal_file))?;
        // Last: a manifest says that the run can be resumed.
        disk.replace(&file, manifest).map_err(RunError::io("write", &file))
    }

    /// Opens a directory that holds a run, to read; also while the run goes on.
    ///
    /// # Errors
    /// [`RunError::NoRun`], or [`RunError::FormatVersion`] for another format.
    pub fn open(path: &Path) -> Result<(Self, Manifest), RunError> {
        let (manifest, stamp) = read_manifest(path)?;
        let (seeds, has_quantities) = (manifest.seeds.clone(), !manifest.quantities.is_empty());
        let disk = Disk::default();
        Ok((RunDir { path: path.into(), seeds, has_quantities, stamp, disk, writer: None }, manifest))
    }

    /// The same run, to be read, in another directory.
    pub(crate) fn at(&self, path: &Path) -> RunDir {
        RunDir { path: path.into(), writer: None, ..self.clone() }
    }

    /// The number of the process that writes to the run now, if one does and it is known.
    pub fn writer_process(&self) -> Option<u32> {
        Lock::holder(&self.path)
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where measurements are, a row per line, once the run is complete.
    pub fn plane_path(&self) -> PathBuf {
        self.path.join(PLANE)
    }

    /// Where epoch statistics are, an epoch per line, once the run is complete.
    pub fn training_path(&self) -> PathBuf {
        self.path.join(TRAINING)
    }

    /// Where what was measured beside the plane is, a row per line, once the run is complete; only of runs that measure quantities.
    pub fn quantities_path(&self) -> PathBuf {
        self.path.join(QUANTITIES)
    }

    /// Where the measured epochs are, one per line, once the run is complete.
    pub fn schedule_path(&self) -> PathBuf {
        self.path.join(SCHEDULE)
    }

    /// Where records are appended until the run is complete.
    pub fn journal_path(&self) -> PathBuf {
        self.path.join(JOURNAL)
    }

    /// Where figures and tables are written.
    pub fn report_path(&self) -> PathBuf {
        self.path.join("report")
    }

    fn outcome_path(&self) -> PathBuf {
        self.path.join(OUTCOME)
    }

    fn writer(&self) -> Result<MutexGuard<'_, Writer>, RunError> {
        let read_only = || RunError::ReadOnly(self.path.clone());
        let writer = self.writer.as_ref().ok_or_else(read_only)?;
        // A panic elsewhere while it was held leaves whole lines behind; they are still good.
        let writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
        if writer.lock.is_none() { Err(read_only()) } else { Ok(writer) }
    }

    /// The place of a seed in the manifest. Seeds that it does not have, of which there are none, would come last.
    fn position(&self, seed: u64) -> usize {
        self.seeds.iter().position(|&other| other == seed).unwrap_or(usize::MAX)
    }

    /// What was tried with a file of this run, for an error that says how to go on.
    fn io(&self, action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> RunError {
        let error = RunError::io(action, path);
        let run = self.path.clone();
        move |source| error(source).resumable(&run)
    }

    /// Appends records to the working journal, in any order: all of them, or none if that fails. After a failure
    /// nothing more is taken, and the failure is told again. Of two records of one epoch the first stands.
    ///
    /// # Errors
    /// [`RunError::Io`], for example when the disk is full; [`RunError::ReadOnly`]; [`RunError::Gone`] if somebody
    /// removed or moved the directory.
    pub fn append(&self, records: &[Record]) -> Result<(), RunError> {
        let mut writer = self.writer()?;
        self.check_there()?;
        writer.journal.append(records).map_err(self.io("write", &self.journal_path()))
    }

    /// Refuses a directory that is not there any more: what is appended to its open journal would be lost unnoticed.
    pub(crate) fn check_there(&self) -> Result<(), RunError> {
        if self.path.join(MANIFEST).exists() { Ok(()) } else { Err(RunError::Gone(self.path.clone())) }
    }

    /// Waits until everything appended is on the disk; others may append meanwhile.
    ///
    /// # Errors
    /// As [`RunDir::append`].
    pub fn sync(&self) -> Result<(), RunError> {
        let file = self.writer()?.journal.file();
        self.disk.sync(&file).map_err(self.io("write", &self.journal_path()))
    }

    /// Sorts the journal into the files that stay, and declares the run complete: `seeds` says how each training
    /// ended, `schedule` which epochs were measured, both in the order of the manifest. Then the run is let go of.
    ///
    /// Time and disk O(rows), memory O(epochs).
    ///
    /// # Errors
    /// As [`RunDir::append`]; then [`RunDir::resume`] finds everything that this one found.
    pub fn finish(&self, seeds: &[SeedOutcome], schedule: &[MeasuredEpoch]) -> Result<Outcome, RunError> {
        let mut writer = self.writer()?;
        self.check_there()?;
        let journal = &writer.journal;
        let position = |seed| self.position(seed);
        let (rows, plane) =
            self.write_digested(&self.plane_path(), |out| journal.write_plane(position, out))?;
        let quantities = match self.has_quantities {
            true => {
                let path = self.quantities_path();
                Some(self.write_digested(&path, |out| journal.write_quantities(position, out))?.1)
            }
            false => None,
        };
        let ((), training) =
            self.write_digested(&self.training_path(), |out| journal.write_training(position, out))?;
        let ((), schedule) = self.write_digested(&self.schedule_path(), |out| {
            schedule.iter().try_for_each(|measured| {
                serde_json::to_writer(&mut *out, measured)?;
                out.write_all(b"\n")
            })
        })?;
        let keyframes = self.keyframes_digest(&self.seeds).map_err(|error| error.resumable(&self.path))?;
        let manifest = Some(self.stamp.digest.clone());
        let digests = Digests { manifest, keyframes, plane, quantities, training, schedule };
        let outcome = Outcome { rows, digests, seeds: seeds.to_vec() };
        let file = self.outcome_path();
        let text = to_digested_toml(&file, &outcome)?;
        self.disk.replace(&file, text.as_bytes()).map_err(self.io("write", &file))?;
        if let Some(lock) = writer.lock.take() {
            self.clear(lock)?;
        }
        Ok(outcome)
    }

    fn write_digested<T>(
        &self,
        path: &Path,
        write: impl FnOnce(&mut dyn Write) -> io::Result<T>,
    ) -> Result<(T, String), RunError> {
        let written = self.disk.replace_with(path, |out| {
            let mut out = Digested { out, digest: Digest::default() };
            let value = write(&mut out)?;
            Ok((value, out.digest.text()))
        });
        written.map_err(self.io("write", path))
    }

    /// Removes what a complete run does not need any more, the lock last.
    fn clear(&self, lock: Lock) -> Result<(), RunError> {
        let journal = self.journal_path();
        self.disk.remove_file(&journal).map_err(self.io("remove", &journal))?;
        self.remove_leftovers().map_err(|error| error.resumable(&self.path))?;
        lock.remove(&self.disk).map_err(self.io("remove", &self.path.join(LOCK)))
    }

    /// How the run ended; `None` if it has not, or was interrupted.
    ///
    /// # Errors
    /// [`RunError`] if the file is there but cannot be read, or is not as it was written, or the manifest is not.
    pub fn outcome(&self) -> Result<Option<Outcome>, RunError> {
        let Some(outcome) = read_digested_toml::<Outcome>(&self.outcome_path())? else { return Ok(None) };
        if let Some(digest) = &outcome.digests.manifest {
            check_digest(&self.stamp.digest, &self.path.join(MANIFEST), digest, OUTCOME)?;
        }
        Ok(Some(outcome))
    }
}

pub(crate) const MANIFEST: &str = "manifest.toml";
pub(crate) const KEYFRAMES: &str = "keyframes";
pub(crate) const PLANE: &str = "plane.jsonl";
pub(crate) const QUANTITIES: &str = "quantities.jsonl";
pub(crate) const TRAINING: &str = "training.jsonl";
pub(crate) const SCHEDULE: &str = "schedule.jsonl";
