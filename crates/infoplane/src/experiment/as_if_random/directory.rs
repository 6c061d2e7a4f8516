//! The directory of a result while it is written: locked, and resumable seed by seed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::collect::{Exclusion, NetworkSet, SeedNetworks};
use super::measure::PoolMeasurement;
use super::metadata::{
    DRIFT, Digests, METADATA, Metadata, OVERLAP, POOL, PoolOutcome, REST, WINDOW, read_metadata, read_result,
};
use super::{AsIfRandomResult, SeedStatus};
use crate::Network;
use crate::directory::{
    Digest, Disk, JOURNAL, Journal, LOCK, Lock, OUTCOME, RunError, Seal, Which, checked, digest_of_file,
    is_directory, is_partial, names, parent, partials, read_bytes, remove_partials, to_digested_toml,
    to_toml,
};
use crate::experiment::difference::differences;
use crate::experiment::error::ExperimentError;
use crate::plane::MethodDescription;
use crate::pool::{
    DriftRow, NetworkSource, OverlapRow, PoolMethods, PoolRow, StoredOverlapRow, StoredPoolRow, WindowRow,
};
use crate::run::RunDir;
use crate::train::Keyframe;

/// Where the networks of a pool over seeds wait for the others.
const NETWORKS: &str = "networks";

/// How often, and how long apart, a directory is looked at that another process has locked and not yet written to: a
/// second in all, many times what it takes to write the metadata.
const MOST_LOOKS: u32 = 50;
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

/// The result of one seed: a line of the journal.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
enum Record<'a> {
    /// Its pool was measured.
    Measured {
        status: &'a SeedStatus,
        rows: &'a [PoolRow],
        drift: &'a [DriftRow],
        window: &'a [WindowRow],
        overlap: &'a [OverlapRow],
    },
    /// Its network was collected, to be pooled with those of other seeds.
    Collected { status: &'a SeedStatus, window: &'a [WindowRow] },
    /// It has no networks to pool.
    Excluded { status: &'a SeedStatus, epoch: u64, steps_per_epoch: u64 },
}

/// Likewise, as it is read.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum StoredRecord {
    Measured {
        status: SeedStatus,
        rows: Vec<StoredPoolRow<'static>>,
        drift: Vec<DriftRow>,
        window: Vec<WindowRow>,
        overlap: Vec<StoredOverlapRow<'static>>,
    },
    Collected {
        status: SeedStatus,
        window: Vec<WindowRow>,
    },
    Excluded {
        status: SeedStatus,
        epoch: u64,
        steps_per_epoch: u64,
    },
}

/// The result of one training run.
pub(super) enum SeedResult {
    /// Its pool was measured.
    Measured(SeedStatus, PoolMeasurement),
    /// Its networks, to be pooled with those of other seeds, or why it has none.
    Networks(SeedNetworks),
}

impl SeedResult {
    pub fn seed(&self) -> u64 {
        match self {
            SeedResult::Measured(status, _) => status.seed,
            SeedResult::Networks(of_seed) => of_seed.status.seed,
        }
    }
}

/// What a directory holds that was opened to be written to.
#[allow(clippy::large_enum_variant)] // there is one of it
pub(super) enum Opened {
    /// The complete result.
    Complete(AsIfRandomResult),
    /// Some seeds, or none.
    Incomplete(OutputDirectory, Recovered),
}

/// What was found in a directory that is resumed.
#[derive(Default)]
pub(super) struct Recovered {
    /// What it is of, as the directory says it.
    pub metadata: Option<Metadata>,
    /// By seed, the first of several.
    pub seeds: Vec<SeedResult>,
    /// Lines of the journal that were damaged.
    pub damaged: usize,
}

/// A directory that a result is written to, by this process alone.
pub(super) struct OutputDirectory {
    disk: Disk,
    path: PathBuf,
    /// Whether it was made for that.
    made: bool,
    lock: Lock,
    journal: Mutex<Journal>,
}

/// The result that the directory holds, if it is complete and of the same; refuses a directory that holds anything else.
pub(super) fn complete(
    directory: &Path,
    asked: &Metadata,
) -> Result<Option<AsIfRandomResult>, ExperimentError> {
    let Some((metadata, _)) = read_metadata(directory)? else {
        check_vacant(directory)?;
        return Ok(None);
    };
    check_same(directory, &metadata, asked)?;
    match metadata.outcome(directory)? {
        Some((outcome, named_in)) => Ok(Some(read_result(directory, &metadata, outcome, named_in)?)),
        None => Ok(None),
    }
}

pub(super) fn check_same(
    directory: &Path,
    metadata: &Metadata,
    asked: &Metadata,
) -> Result<(), ExperimentError> {
    let differences = differences(&metadata.identity(), &asked.identity());
    if differences.is_empty() {
        return Ok(());
    }
    Err(ExperimentError::OtherResult { path: directory.into(), differences })
}

/// Refuses a directory in which no result can begin. What is left of one that could not begin is no hindrance.
pub(super) fn check_vacant(directory: &Path) -> Result<(), RunError> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(RunError::io("read", directory)(error)),
    };
    if let Ok((run, _)) = RunDir::open(directory) {
        let complete = run.outcome()?.is_some();
        return Err(if complete { RunError::Complete } else { RunError::Occupied }(directory.into()));
    }
    for entry in entries {
        let entry = entry.map_err(RunError::io("read", directory))?;
        let name = entry.file_name();
        let ours = name.to_str().is_some_and(|name| match name {
            JOURNAL => entry.metadata().is_ok_and(|file| file.len() == 0),
            // Format 1 wrote its tables before anything else.
            LOCK | POOL | DRIFT | REST | WINDOW | OVERLAP => true,
            _ => is_partial(name),
        });
        // A result may have begun there between the two looks: then its lock decides.
        if !ours && !directory.join(METADATA).exists() {
            return Err(RunError::NotEmpty(directory.into()));
        }
    }
    Ok(())
}

impl OutputDirectory {
    /// Makes the directory for a new result, or continues with the one in it.
    ///
    /// # Errors
    /// [`ExperimentError::OtherResult`]; [`RunError::InUse`] while another process writes to it; [`RunError::NotEmpty`].
    pub fn open(disk: Disk, path: &Path, asked: &Metadata) -> Result<Opened, ExperimentError> {
        let made = !path.exists();
        disk.create_directory(path).map_err(RunError::io("create", path))?;
        let lock = take_lock(&disk, path, asked)?;
        // Once more, now that nobody else can begin or finish one.
        let existing = complete(path, asked).and_then(|result| Ok((result, read_metadata(path)?)));
        let metadata = match existing {
            Ok((Some(result), _)) => {
                clear(&disk, path, lock)?;
                return Ok(Opened::Complete(result));
            }
            Ok((None, metadata)) => metadata,
            Err(error) => {
                // Nothing but the lock was put there by this call.
                let _ = lock.remove(&disk);
                return Err(error);
            }
        };
        let journal_file = path.join(JOURNAL);
        if let Some((metadata, bytes)) = metadata {
            remove_partials(path, &disk, Which::All)?;
            let mut methods = PoolMethods::known(&shared(&metadata));
            let seal = Seal::of(&bytes);
            let mut recovered = Recovered { metadata: Some(metadata), ..Recovered::default() };
            let (journal, found) = Journal::resume(&journal_file, seal, &disk, |line, _| {
                let record = parse(line, seal, &mut methods, path);
                let is_record = record.is_some();
                recovered.seeds.extend(record);
                is_record
            })
            .map_err(RunError::io("write", &journal_file))?;
            recovered.damaged = found.damaged;
            let journal = Mutex::new(journal);
            let path = path.to_path_buf();
            return Ok(Opened::Incomplete(OutputDirectory { disk, path, made, lock, journal }, recovered));
        }
        let begin = || {
            remove_partials(path, &disk, Which::All)?;
            // The journal first: the metadata say that the result can be resumed.
            for left in [&journal_file, &path.join(REST)] {
                disk.remove_file(left).map_err(RunError::io("remove", left))?;
            }
            let file = path.join(METADATA);
            let text = to_toml(&file, asked)?;
            let journal = Journal::create(&journal_file, Seal::of(text.as_bytes()), &disk)
                .map_err(RunError::io("create", &journal_file))?;
            disk.replace(&file, text.as_bytes()).map_err(RunError::io("write", &file))?;
            disk.sync_directory(parent(path)).map_err(RunError::io("write", parent(path)))?;
            Ok(journal)
        };
        let journal: Result<Journal, RunError> = begin();
        match journal {
            Ok(journal) => {
                let (path, journal) = (path.to_path_buf(), Mutex::new(journal));
                let output = OutputDirectory { disk, path, made, lock, journal };
                Ok(Opened::Incomplete(output, Recovered::default()))
            }
            Err(error) => {
                // Nothing is left of a result that could not begin; the first failure is the one to report.
                remove_all(&disk, path, made, lock);
                Err(error.into())
            }
        }
    }

    /// Keeps the result of one training run; when this returns it is on the disk.
    pub fn append(&self, result: &SeedResult) -> Result<(), RunError> {
        self.check_there()?;
        match result {
            SeedResult::Measured(status, measured) => {
                let PoolMeasurement { rows, drift, window, overlap } = measured;
                self.append_record(&Record::Measured { status, rows, drift, window, overlap })
            }
            SeedResult::Networks(SeedNetworks { status, networks: Ok(networks) }) => {
                // Of a pool over seeds each training run gives one.
                for (&source, network) in networks.sources.iter().zip(&networks.networks) {
                    self.keep(source, network)?;
                }
                self.append_record(&Record::Collected { status, window: &networks.window })
            }
            SeedResult::Networks(SeedNetworks { status, networks: Err(exclusion) }) => {
                let Exclusion { epoch, steps_per_epoch } = *exclusion;
                self.append_record(&Record::Excluded { status, epoch, steps_per_epoch })
            }
        }
    }

    /// Writes a network that waits for those of other seeds; the record that names it is appended after it.
    fn keep(&self, source: NetworkSource, network: &Network) -> Result<(), RunError> {
        let directory = self.path.join(NETWORKS);
        let there = is_directory(&directory)
            .map_err(|error| RunError::io("write", &directory)(error).resumable(&self.path))?;
        if !there {
            let created = self.disk.create_directory(&directory);
            created.map_err(|error| RunError::io("create", &directory)(error).resumable(&self.path))?;
        }
        let kept = Keyframe {
            epoch: source.epoch,
            steps: source.step,
            seed: source.seed,
            training: 0,
            stop: None,
            network: network.clone(),
            moments: Vec::new(),
        };
        let file = network_path(&self.path, source.seed);
        let written = self.disk.replace(&file, &kept.to_safetensors());
        written.map_err(|error| RunError::io("write", &file)(error).resumable(&self.path))
    }

    fn append_record(&self, record: &Record<'_>) -> Result<(), RunError> {
        let file = self.path.join(JOURNAL);
        let error = |source| RunError::io("write", &file)(source).resumable(&self.path);
        let mut journal = self.journal.lock().unwrap_or_else(PoisonError::into_inner);
        journal.append(std::slice::from_ref(record)).map_err(error)?;
        let written = journal.file();
        drop(journal);
        self.disk.sync(&written).map_err(error)
    }

    /// Refuses a directory that is not there any more: what is appended to its open journal would be lost unnoticed.
    fn check_there(&self) -> Result<(), RunError> {
        if self.path.join(METADATA).exists() { Ok(()) } else { Err(RunError::Gone(self.path.clone())) }
    }

    /// Writes the tables, declares the result complete, and lets go of the directory.
    pub fn finish(self, result: &AsIfRandomResult) -> Result<(), RunError> {
        self.check_there()?;
        let path = self.path.clone();
        self.write_result(result).map_err(|error| error.resumable(&path))
    }

    fn write_result(self, result: &AsIfRandomResult) -> Result<(), RunError> {
        let (disk, path) = (&self.disk, &self.path);
        let digests = Digests {
            metadata: digest_of_file(&path.join(METADATA))?,
            pool: write_table(disk, &path.join(POOL), &result.rows)?,
            drift: write_table(disk, &path.join(DRIFT), &result.drift)?,
            window: write_table(disk, &path.join(WINDOW), &result.window)?,
            overlap: write_table(disk, &path.join(OVERLAP), &result.overlap)?,
        };
        let file = path.join(OUTCOME);
        let text = to_digested_toml(&file, &PoolOutcome { digests, seeds: result.seeds.clone() })?;
        disk.replace(&file, text.as_bytes()).map_err(RunError::io("write", &file))?;
        clear(disk, path, self.lock)
    }

    /// Removes everything, where there is nothing worth keeping.
    pub fn abandon(self) {
        remove_all(&self.disk, &self.path, self.made, self.lock);
    }

    /// Whether no training run has given a result yet.
    pub fn is_empty(&self) -> bool {
        fs::metadata(self.path.join(JOURNAL)).is_ok_and(|file| file.len() == 0)
    }
}

fn network_path(directory: &Path, seed: u64) -> PathBuf {
    directory.join(NETWORKS).join(format!("seed-{seed}.safetensors"))
}

fn shared(metadata: &Metadata) -> Vec<Arc<MethodDescription>> {
    metadata.methods.iter().cloned().map(Arc::new).collect()
}

/// The result in a line of the journal; none where it, or the network that belongs to it, is damaged.
fn parse(line: &[u8], seal: Seal, methods: &mut PoolMethods, directory: &Path) -> Option<SeedResult> {
    Some(match serde_json::from_slice(checked(line, seal)?).ok()? {
        StoredRecord::Measured { status, rows, drift, window, overlap } => {
            let rows = rows.into_iter().map(|row| methods.row(row).ok()).collect::<Option<_>>()?;
            let overlap = overlap.into_iter().map(|row| methods.overlap(row).ok()).collect::<Option<_>>()?;
            SeedResult::Measured(status, PoolMeasurement { rows, drift, window, overlap })
        }
        StoredRecord::Collected { status, window } => {
            let kept = read_bytes(&network_path(directory, status.seed)).ok()?;
            let kept = Keyframe::from_safetensors(&kept).ok()?;
            let [row] = window.as_slice() else { return None };
            let source = row.network;
            if (kept.seed, kept.epoch, kept.steps) != (source.seed, source.epoch, source.step) {
                return None;
            }
            let networks = Ok(NetworkSet { sources: vec![source], networks: vec![kept.network], window });
            SeedResult::Networks(SeedNetworks { status, networks })
        }
        StoredRecord::Excluded { status, epoch, steps_per_epoch } => {
            let networks = Err(Exclusion { epoch, steps_per_epoch });
            SeedResult::Networks(SeedNetworks { status, networks })
        }
    })
}

/// Takes the lock of a directory for this result.
///
/// Another process may hold it for another result that begins at this moment: then that is told as soon as the metadata
/// say so, because it calls for another directory rather than for waiting.
fn take_lock(disk: &Disk, path: &Path, asked: &Metadata) -> Result<Lock, ExperimentError> {
    for _ in 0..MOST_LOOKS {
        match Lock::take(path, disk) {
            Err(RunError::InUse { .. }) if !path.join(METADATA).exists() => {
                std::thread::sleep(BETWEEN_LOOKS);
            }
            Err(in_use @ RunError::InUse { .. }) => {
                complete(path, asked)?;
                return Err(in_use.into());
            }
            taken => return Ok(taken?),
        }
    }
    Ok(Lock::take(path, disk)?)
}

/// Removes what a complete result does not need any more, the lock last.
fn clear(disk: &Disk, path: &Path, lock: Lock) -> Result<(), RunError> {
    let journal = path.join(JOURNAL);
    disk.remove_file(&journal).map_err(RunError::io("remove", &journal))?;
    remove_networks(disk, path)?;
    remove_partials(path, disk, Which::All)?;
    lock.remove(disk).map_err(RunError::io("remove", &path.join(LOCK)))
}

/// Likewise, if no other process does. What cannot be removed does no harm beside a complete result.
pub(super) fn remove_leftovers(disk: &Disk, path: &Path) {
    let any = [JOURNAL, LOCK, NETWORKS].into_iter().any(|name| path.join(name).exists())
        || partials(path, Which::Abandoned).is_ok_and(|partials| !partials.is_empty());
    if any && let Ok(lock) = Lock::take(path, disk) {
        let _ = clear(disk, path, lock);
    }
}

fn remove_networks(disk: &Disk, path: &Path) -> Result<(), RunError> {
    let directory = path.join(NETWORKS);
    if !is_directory(&directory).map_err(RunError::io("read", &directory))? {
        return Ok(());
    }
    for name in names(&directory).map_err(RunError::io("read", &directory))? {
        let file = directory.join(name);
        disk.remove_file(&file).map_err(RunError::io("remove", &file))?;
    }
    disk.remove_directory(&directory).map_err(RunError::io("remove", &directory))
}

/// Removes a result that has nothing worth keeping; what cannot be removed is no hindrance to the next one.
fn remove_all(disk: &Disk, path: &Path, made: bool, lock: Lock) {
    // The metadata last: as long as they are there, what is left counts as a result to be resumed.
    let _ = remove_networks(disk, path);
    for file in [JOURNAL, METADATA] {
        let _ = disk.remove_file(&path.join(file));
    }
    let _ = lock.remove(disk);
    if made {
        // Only an empty directory can be removed so.
        let _ = disk.remove_directory(path);
    }
}

/// Writes one object per line, and returns the digest of the bytes.
fn write_table<T: Serialize>(disk: &Disk, path: &Path, rows: &[T]) -> Result<String, RunError> {
    let mut bytes = Vec::new();
    for row in rows {
        serde_json::to_writer(&mut bytes, row).map_err(|error| RunError::io("write", path)(error.into()))?;
        bytes.push(b'\n');
    }
    disk.replace(path, &bytes).map_err(RunError::io("write", path))?;
    Ok(Digest::of(&bytes))
}
