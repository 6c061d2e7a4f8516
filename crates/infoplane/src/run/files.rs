//! The files of a run beside its journal: manifest, tables, keyframes, and what is left behind by accident.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use twox_hash::XxHash3_128;

use super::disk::partial_of;
use super::journal::Seal;
use super::lock::LOCK;
use super::manifest::{Manifest2, is_read};
use super::{Disk, JOURNAL, MANIFEST, Manifest, RunDir, RunError};
use crate::train::Keyframe;

/// A digest of bytes that come little by little.
#[derive(Default)]
pub(crate) struct Digest(XxHash3_128);

impl Digest {
    pub(crate) fn of(bytes: &[u8]) -> String {
        let mut digest = Digest::default();
        digest.update(bytes);
        digest.text()
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.0.write(bytes);
    }

    /// Refuses a file whose digest is not the one that the file `named_in` names.
    pub(super) fn check(&self, path: &Path, digest: &str, named_in: &str) -> Result<(), RunError> {
        let found = self.text();
        if found == digest {
            return Ok(());
        }
        let message = format!(
            "damaged or changed: its digest is {found}, {named_in} says {digest}; restore it, or run the experiment \
             again into another directory"
        );
        Err(RunError::Malformed { path: path.into(), line: None, message })
    }

    pub(crate) fn text(&self) -> String {
        format!("xxh3-128:{:032x}", self.0.finish_128())
    }
}

/// Digests what it hands on.
pub(super) struct Digested<'a> {
    pub(super) out: &'a mut dyn Write,
    pub(super) digest: Digest,
}

impl Write for Digested<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.digest.0.write(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// The bytes of a file; `None` if there is none.
pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>, RunError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(RunError::io("read", path)(error)),
    }
}

/// A TOML file; `None` if there is none.
pub(crate) fn read_toml<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, RunError> {
    read(path)?.map(|bytes| from_toml(path, bytes)).transpose()
}

fn from_toml<T: DeserializeOwned>(path: &Path, bytes: Vec<u8>) -> Result<T, RunError> {
    let malformed = |message| RunError::Malformed { path: path.into(), line: None, message };
    let text = String::from_utf8(bytes).map_err(|error| malformed(error.to_string()))?;
    toml::from_str(&text).map_err(|error| malformed(error.to_string()))
}

pub(crate) fn to_toml<T: Serialize>(path: &Path, value: &T) -> Result<String, RunError> {
    toml::to_string(value).map_err(|error| RunError::Malformed {
        path: path.into(),
        line: None,
        message: error.to_string(),
    })
}

/// The manifest of the run in `directory`.
pub(super) fn read_manifest(directory: &Path) -> Result<(Manifest, Seal), RunError> {
    #[derive(Deserialize)]
    struct Version {
        format_version: u32,
        infoplane_version: Option<String>,
    }
    let path = directory.join(MANIFEST);
    let no_run = || RunError::NoRun(directory.into());
    // The version first: another format may well not parse as this one.
    let bytes = read(&path)?.ok_or_else(no_run)?;
    let seal = Seal::of(&bytes);
    let version: Version = from_toml(&path, bytes.clone())?;
    if !is_read(version.format_version) {
        let (found, writer) = (version.format_version, version.infoplane_version);
        return Err(RunError::FormatVersion { path, found, writer });
    }
    if version.format_version == 2 {
        let before: Manifest2 = from_toml(&path, bytes)?;
        let malformed = |message| RunError::Malformed { path: path.clone(), line: None, message };
        return Ok((Manifest::try_from(before).map_err(malformed)?, seal));
    }
    Ok((from_toml(&path, bytes)?, seal))
}

/// Refuses a directory in which no run can begin. What is left of a run that could not begin is no hindrance.
pub(super) fn check_vacant(directory: &Path) -> Result<(), RunError> {
    if directory.join(MANIFEST).exists() {
        return Err(RunError::Occupied(directory.into()));
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
            _ => partial_of(name).is_some(),
        });
        if !beginning {
            // A run may have begun there between the two looks.
            let begun = directory.join(MANIFEST).exists();
            return Err(if begun { RunError::Occupied } else { RunError::NotEmpty }(directory.into()));
        }
    }
    Ok(())
}

/// Files in `directory` that processes for which `gone` holds began to write and did not rename.
fn partials(directory: &Path, gone: impl Fn(u32) -> bool) -> Result<Vec<PathBuf>, RunError> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(RunError::io("read", directory)(error)),
    };
    let mut partials = Vec::new();
    for entry in entries {
        let entry = entry.map_err(RunError::io("read", directory))?;
        if entry.file_name().to_str().and_then(partial_of).is_some_and(&gone) {
            partials.push(entry.path());
        }
    }
    Ok(partials)
}

pub(super) fn remove_partials(
    directory: &Path,
    disk: &Disk,
    gone: impl Fn(u32) -> bool,
) -> Result<(), RunError> {
    for partial in partials(directory, gone)? {
        disk.remove_file(&partial).map_err(RunError::io("remove", &partial))?;
    }
    Ok(())
}

/// Whether a process is known to have ended.
fn has_ended(process: u32) -> bool {
    // Where there is no such list nothing is known.
    let processes = Path::new("/proc");
    processes.join("self").exists() && !processes.join(process.to_string()).exists()
}

/// Subdirectories, by name.
fn directories(path: &Path) -> Result<Vec<PathBuf>, RunError> {
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(RunError::io("read", path)(error)),
    };
    let paths: Result<Vec<_>, _> = entries.map(|entry| entry.map(|entry| entry.path())).collect();
    let mut paths = paths.map_err(RunError::io("read", path))?;
    paths.retain(|path| path.is_dir());
    paths.sort();
    Ok(paths)
}

impl RunDir {
    /// Whether there is anything beside the files of a complete run.
    pub(super) fn has_leftovers(&self) -> Result<bool, RunError> {
        if self.path.join(JOURNAL).exists() || self.path.join(LOCK).exists() {
            return Ok(true);
        }
        for directory in self.written_directories()? {
            if !partials(&directory, has_ended)?.is_empty() {
                return Ok(true);
            }
        }
        Ok(!partials(&self.report_path(), has_ended)?.is_empty())
    }

    /// Removes half-written files. For whoever holds the lock: then nobody else is writing, except a report.
    pub(super) fn remove_leftovers(&self) -> Result<(), RunError> {
        for directory in self.written_directories()? {
            remove_partials(&directory, &self.disk, |_| true)?;
        }
        remove_partials(&self.report_path(), &self.disk, has_ended)
    }

    /// The directories that only the holder of the lock writes to.
    fn written_directories(&self) -> Result<Vec<PathBuf>, RunError> {
        let mut all = vec![self.path.clone()];
        all.extend(directories(&self.keyframes_path())?);
        Ok(all)
    }

    /// Where the networks of a training are kept.
    pub fn keyframes_path(&self) -> PathBuf {
        self.path.join("keyframes")
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
    /// [`RunError::Io`]; [`RunError::ReadOnly`].
    pub fn write_keyframe(&self, seed: u64, keyframe: &Keyframe) -> Result<(), RunError> {
        drop(self.writer()?);
        let directory = self.seed_path(seed);
        if !directory.exists() {
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
        let entries = match fs::read_dir(&directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(RunError::io("read", &directory)(error)),
        };
        let mut epochs = Vec::new();
        for entry in entries {
            let name = entry.map_err(RunError::io("read", &directory))?.file_name();
            let digits =
                name.to_str().and_then(|name| name.strip_prefix("epoch-")?.strip_suffix(".safetensors"));
            let epoch: Option<u64> = digits.and_then(|digits| digits.parse().ok());
            // Only under the name it is looked for.
            epochs.extend(epoch.filter(|epoch| digits == Some(&*format!("{epoch:08}"))));
        }
        epochs.sort_unstable();
        Ok(epochs)
    }

    /// The state of a training after `epoch`.
    ///
    /// # Errors
    /// [`RunError::Io`] if it cannot be read, [`RunError::Malformed`] if it is damaged.
    pub fn read_keyframe(&self, seed: u64, epoch: u64) -> Result<Keyframe, RunError> {
        let path = self.keyframe_path(seed, epoch);
        let bytes = fs::read(&path).map_err(RunError::io("read", &path))?;
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

/// The lines of a table whose digest the file `named_in` names.
pub(crate) fn read_table<T: DeserializeOwned>(
    path: &Path,
    digest: &str,
    named_in: &str,
) -> Result<Vec<T>, RunError> {
    let malformed = |line, message| RunError::Malformed { path: path.into(), line, message };
    let bytes = fs::read(path).map_err(RunError::io("read", path))?;
    let mut found = Digest::default();
    found.update(&bytes);
    found.check(path, digest, named_in)?;
    let lines = bytes.split(|&byte| byte == b'\n').enumerate().filter(|(_, line)| !line.is_empty());
    lines
        .map(|(number, line)| {
            serde_json::from_slice(line).map_err(|error| malformed(Some(number + 1), error.to_string()))
        })
        .collect()
}
