//! Files of a directory: digests, TOML, tables, and what is left behind by accident.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use twox_hash::XxHash3_128;

use super::disk::partial_of;
use super::{Disk, RunError};

/// What to do about a damaged file, of a directory that is its user's.
pub(crate) const RESTORE: &str = "; restore it, or run the experiment again into another directory";

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
    pub(crate) fn check(&self, path: &Path, digest: &str, named_in: &str) -> Result<(), RunError> {
        let found = self.text();
        if found == digest {
            return Ok(());
        }
        let message = format!("damaged or changed: its digest is {found}, {named_in} says {digest}{RESTORE}");
        Err(RunError::Malformed { path: path.into(), line: None, message })
    }

    pub(crate) fn text(&self) -> String {
        format!("xxh3-128:{:032x}", self.0.finish_128())
    }
}

/// Digests what it hands on.
pub(crate) struct Digested<'a> {
    pub(crate) out: &'a mut dyn Write,
    pub(crate) digest: Digest,
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
pub(crate) fn read(path: &Path) -> Result<Option<Vec<u8>>, RunError> {
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

pub(crate) fn from_toml<T: DeserializeOwned>(path: &Path, bytes: Vec<u8>) -> Result<T, RunError> {
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

/// Files in `directory` that processes for which `gone` holds began to write and did not rename.
pub(crate) fn partials(directory: &Path, gone: impl Fn(u32) -> bool) -> Result<Vec<PathBuf>, RunError> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        // In a file that stands in its place there are none either.
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
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

pub(crate) fn remove_partials(
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
pub(crate) fn has_ended(process: u32) -> bool {
    // Where there is no such list nothing is known.
    let processes = Path::new("/proc");
    processes.join("self").exists() && !processes.join(process.to_string()).exists()
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
