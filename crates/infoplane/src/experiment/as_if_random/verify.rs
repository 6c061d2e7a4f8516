//! Comparing the files of an as-if-random result with what was written, and mending them.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use super::AsIfRandomResult;
use super::metadata::{DRIFT, METADATA, Metadata, OVERLAP, POOL, PoolOutcome, WINDOW, read_metadata};
use crate::directory::{
    Disk, FileState, OUTCOME, RunError, Verification, is_directory, read, read_digested_toml, reason,
    restored,
};
use crate::experiment::config::Experiment;
use crate::experiment::error::ExperimentError;
use crate::experiment::repair::{
    REPAIR, Repair, mend, put_back, remove_scratch, replace_damaged, restored_outcome,
};
use crate::experiment::run::{Progress, RunOptions};

impl AsIfRandomResult {
    /// Reads every file of the result in a directory, and compares it with the digests that were written with it.
    ///
    /// # Errors
    /// [`RunError`] if nothing in the directory is of such a result. What is damaged is no error.
    pub fn verify(directory: &Path) -> Result<Verification, RunError> {
        let metadata = match read_metadata(directory) {
            Ok(Some((metadata, _))) => Ok(metadata),
            Ok(None) if directory.join(OUTCOME).exists() => Err(FileState::Missing),
            Ok(None) => return Err(Metadata::missing(directory)),
            Err(error) => Err(FileState::Damaged(reason(&error))),
        };
        // Format 1 says it all in one file, which has no digest.
        let of_first_format = metadata.as_ref().ok().and_then(Metadata::first_outcome);
        let outcome = match of_first_format {
            Some(outcome) => Ok(Some(outcome.clone())),
            None => read_digested_toml::<PoolOutcome>(&directory.join(OUTCOME)),
        };
        let mut found = Verification::new(directory, !matches!(outcome, Ok(None)));
        let digest = outcome.as_ref().ok().and_then(|outcome| outcome.as_ref()?.digests.metadata.as_ref());
        match (&metadata, digest) {
            (Err(state), _) => found.add(METADATA, state.clone()),
            (Ok(_), Some(digest)) => found.add_digested(METADATA, digest),
            (Ok(_), None) => found.add(METADATA, FileState::Unknown("no digest of it was written".into())),
        }
        match &outcome {
            Ok(Some(outcome)) => {
                for (file, digest) in tables(outcome) {
                    found.add_digested(file, digest);
                }
                if of_first_format.is_none() {
                    found.add(OUTCOME, FileState::Whole);
                }
            }
            Ok(None) => {}
            Err(error) => found.add(OUTCOME, FileState::Damaged(reason(error))),
        }
        Ok(found)
    }
}

impl Experiment {
    /// Mends the damaged files of the complete as-if-random result in the directory `path`, as [`Experiment::repair`] those of a
    /// run: it is computed again inside, and what has the digest that was written takes the place of what is damaged.
    ///
    /// # Errors
    /// [`RunError::InUse`] while another process writes to the result, [`ExperimentError::Interrupted`]; as
    /// [`AsIfRandomResult::verify`] and [`Experiment::resume_as_if_random`].
    pub fn repair_as_if_random(
        path: &Path,
        options: RunOptions,
        progress: &dyn Progress,
        interrupt: &AtomicBool,
    ) -> Result<Repair, ExperimentError> {
        let disk = Disk::default();
        mend(path, &disk, AsIfRandomResult::verify, |found| {
            if found.has_damaged(OUTCOME) {
                put_back(&path.join(OUTCOME), &disk, restored_outcome)?;
            }
            let Ok(Some(outcome)) = read_digested_toml::<PoolOutcome>(&path.join(OUTCOME)) else {
                return Ok(vec![format!(
                    "{OUTCOME}, which has the digests, is damaged; compute the result again into another directory"
                )]);
            };
            if let Some(digest) = &outcome.digests.metadata {
                put_back(&path.join(METADATA), &disk, |bytes| restored(bytes, digest))?;
            }
            let found = AsIfRandomResult::verify(path)?;
            if found.has_damaged(METADATA) {
                return Ok(vec![format!(
                    "{METADATA} says what was computed, and more of it was changed than one byte; restore it from a copy"
                )]);
            }
            if found.is_whole() {
                return Ok(Vec::new());
            }
            let scratch = path.join(REPAIR);
            if !is_directory(&scratch).map_err(RunError::io("create", &scratch))? {
                disk.create_directory(&scratch).map_err(RunError::io("create", &scratch))?;
            }
            let metadata = scratch.join(METADATA);
            let bytes = read(&path.join(METADATA))?.unwrap_or_default();
            disk.replace(&metadata, &bytes).map_err(RunError::io("write", &metadata))?;
            Experiment::resume_as_if_random_on(disk.clone(), &scratch, None, options, progress, interrupt)?;
            let reasons = replace_damaged((path, &scratch), &tables(&outcome), &found, &disk)?;
            remove_scratch(&scratch, &disk)?;
            Ok(reasons)
        })
    }
}

/// The tables with the digests that an outcome has of them.
fn tables(outcome: &PoolOutcome) -> [(&'static str, &str); 4] {
    let digests = &outcome.digests;
    [(POOL, &digests.pool), (DRIFT, &digests.drift), (WINDOW, &digests.window), (OVERLAP, &digests.overlap)]
        .map(|(file, digest)| (file, digest.as_str()))
}
