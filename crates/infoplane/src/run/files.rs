//! The files of a run beside its journal: manifest, keyframes, and what is left behind by accident.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::Deserialize;

use super::manifest::{Manifest2, is_read};
use super::{JOURNAL, KEYFRAMES, MANIFEST, Manifest, OUTCOME, RunDir, RunError};
use crate::directory::{
    Digest, LOCK, Seal, Which, digest_of_file, from_toml, is_directory, is_partial, names, partials, read,
    read_bytes, remove_partials,
};
use crate::train::Keyframe;

/// By what a manifest is recognised.
#[derive(Debug, Clone)]
pub(super) struct Stamp {
    /// What the lines of the journal begin with.
    pub seal: Seal,
    /// What the outcome names.
    pub digest: String,
}

impl Stamp {
    pub(super) fn of(manifest: &[u8]) -> Stamp {
        Stamp { seal: Seal::of(manifest), digest: Digest::of(manifest) }
    }
}

/// The manifest of the run in `directory`.
pub(super) fn read_manifest(directory: &Path) -> Result<(Manifest, Stamp), RunError> {
    #[derive(Deserialize)]
    struct Version {
        format_version: u32,
        infoplane_version: Option<String>,
    }
    let path = directory.join(MANIFEST);
    let no_run = || RunError::NoRun(directory.into());
    // The version first: another format may well not parse as this one.
    let bytes = read(&path)?.ok_or_else(no_run)?;
    let stamp = Stamp::of(&bytes);
    let version: Version = from_toml(&path, bytes.clone())?;
    if !is_read(version.format_version) {
        let (found, writer) = (version.format_version, version.infoplane_version);
        return Err(RunError::FormatVersion { path, found, writer });
    }
    if version.format_version == 2 {
        let before: Manifest2 = from_toml(&path, bytes)?;
        let malformed = |message| RunError::Malformed { path: path.clone(), line: None, message };
        return Ok((Manifest::try_from(before).map_err(malformed)?, stamp));
    }
    Ok((from_toml(&path, bytes)?, stamp))
}

/// Refuses a directory in which no run can begin. What is left of a run that could not begin is no hindrance.
pub(crate) fn check_vacant(directory: &Path) -> Result<(), RunError> {
    let occupied = || match directory.join(OUTCOME).exists() {
        true => RunError::Complete(directory.into()),
        false => RunError::Occupied(directory.into()),
    };
    if directory.join(MANIFEST).exists() {
        return Err(occupied());
    }
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(RunError::io("read", directory)(error)),
    };
    for entry in entries {
        let entry = entry.map_err(RunError::io("read", directory))?;
        let name = entry.file_name();
        let beginning = name.to_str().is_some_and(|name| match name {
            JOURNAL => entry.metadata().is_ok_and(|file| file.len() == 0),
            LOCK => true,
            _ => is_partial(name),
        });
        if !beginning {
            // A run may have begun there between the two looks.
            let begun = directory.join(MANIFEST).exists();
            return Err(if begun { occupied() } else { RunError::NotEmpty(directory.into()) });
        }
    }
    Ok(())
}

/// Subdirectories, by name.
fn directories(path: &Path) -> Result<Vec<PathBuf>, RunError> {
    let names = names(path).map_err(RunError::io("read", path))?;
    let paths = names.into_iter().map(|name| path.join(name));
    Ok(paths.filter(|path| is_directory(path).unwrap_or(false)).collect())
}

impl RunDir {
    /// Whether there is anything beside the files of a complete run.
    pub(super) fn has_leftovers(&self) -> Result<bool, RunError> {
        if self.path.join(JOURNAL).exists() || self.path.join(LOCK).exists() {
            return Ok(true);
        }
        for directory in self.written_directories()? {
            if !partials(&directory, Which::Abandoned)?.is_empty() {
                return Ok(true);
            }
        }
        Ok(!partials(&self.report_path(), Which::Abandoned)?.is_empty())
    }

    /// Removes half-written files. For whoever holds the lock: then nobody else is writing, except a report.
    pub(super) fn remove_leftovers(&self) -> Result<(), RunError> {
        for directory in self.written_directories()? {
            remove_partials(&directory, &self.disk, Which::All)?;
        }
        remove_partials(&self.report_path(), &self.disk, Which::Abandoned)
    }

    /// The directories that only the holder of the lock writes to.
    fn written_directories(&self) -> Result<Vec<PathBuf>, RunError> {
        let mut all = vec![self.path.clone()];
        all.extend(directories(&self.keyframes_path())?);
        Ok(all)
    }

    /// Where the networks of a training are kept.
    pub fn keyframes_path(&self) -> PathBuf {
        self.path.join(KEYFRAMES)
    }

    fn seed_path(&self, seed: u64) -> PathBuf {
        self.keyframes_path().join(format!("seed-{seed}"))
    }

    pub(crate) fn keyframe_path(&self, seed: u64, epoch: u64) -> PathBuf {
        self.seed_path(seed).join(format!("epoch-{epoch:08}.safetensors"))
    }

    /// Keeps the state of a training on the disk; when this returns it is there.
    ///
    /// # Errors
    /// [`RunError::Io`]; [`RunError::ReadOnly`]; [`RunError::Gone`].
    pub fn write_keyframe(&self, seed: u64, keyframe: &Keyframe) -> Result<(), RunError> {
        drop(self.writer()?);
        self.check_there()?;
        let directory = self.seed_path(seed);
        // A link in the place of either would lead what is written to somewhere else.
        let mut there = true;
        for directory in [&self.keyframes_path(), &directory] {
            there &= is_directory(directory).map_err(self.io("write", directory))?;
        }
        if !there {
            self.disk.create_directory(&directory).map_err(self.io("create", &directory))?;
            for above in [self.keyframes_path(), self.path.clone()] {
                self.disk.sync_directory(&above).map_err(self.io("write", &above))?;
            }
        }
        let path = self.keyframe_path(seed, keyframe.epoch);
        self.disk.replace(&path, &keyframe.to_safetensors()).map_err(self.io("write", &path))
    }

    /// The epochs of the states kept, ascending.
    ///
    /// # Errors
    /// [`RunError::Io`].
    pub fn keyframes(&self, seed: u64) -> Result<Vec<u64>, RunError> {
        let directory = self.seed_path(seed);
        for directory in [&self.keyframes_path(), &directory] {
            if !is_directory(directory).map_err(RunError::io("read", directory))? {
                return Ok(Vec::new());
            }
        }
        let mut epochs = Vec::new();
        for name in names(&directory).map_err(RunError::io("read", &directory))? {
            let digits = name.strip_prefix("epoch-").and_then(|name| name.strip_suffix(".safetensors"));
            let epoch: Option<u64> = digits.and_then(|digits| digits.parse().ok());
            // Only under the name it is looked for.
            epochs.extend(epoch.filter(|epoch| digits == Some(&*format!("{epoch:08}"))));
        }
        epochs.sort_unstable();
        Ok(epochs)
    }

    /// The digest of all keyframes of `seeds`: of their seeds, epochs and files, a line each; `None` if there are none.
    pub(super) fn keyframes_digest(&self, seeds: &[u64]) -> Result<Option<String>, RunError> {
        let mut all = Vec::new();
        for &seed in seeds {
            all.extend(self.keyframes(seed)?.into_iter().map(|epoch| (seed, epoch)));
        }
        let line = |&(seed, epoch): &(u64, u64)| {
            let digest = digest_of_file(&self.keyframe_path(seed, epoch))?;
            Ok(format!("{seed} {epoch} {}\n", digest.unwrap_or_default()))
        };
        let lines: Result<Vec<String>, RunError> = all.par_iter().map(line).collect();
        let lines = lines?.concat();
        Ok((!lines.is_empty()).then(|| Digest::of(lines.as_bytes())))
    }

    /// The state of a training after `epoch`.
    ///
    /// # Errors
    /// [`RunError::Io`] if it cannot be read, [`RunError::Malformed`] if it is damaged.
    pub fn read_keyframe(&self, seed: u64, epoch: u64) -> Result<Keyframe, RunError> {
        let path = self.keyframe_path(seed, epoch);
        let bytes = read_bytes(&path).map_err(RunError::io("read", &path))?;
        let malformed = |message| RunError::Malformed { path: path.clone(), line: None, message };
        let keyframe = Keyframe::from_safetensors(&bytes).map_err(|error| malformed(error.to_string()))?;
        if keyframe.epoch != epoch {
            return Err(malformed(format!("holds epoch {}, its name says {epoch}", keyframe.epoch)));
        }
        Ok(keyframe)
    }

    /// Removes the state of a training after `epoch`, if it is kept.
    ///
    /// # Errors
    /// As [`RunDir::write_keyframe`].
    pub fn remove_keyframe(&self, seed: u64, epoch: u64) -> Result<(), RunError> {
        drop(self.writer()?);
        let path = self.keyframe_path(seed, epoch);
        self.disk.remove_file(&path).map_err(self.io("remove", &path))
    }
}
