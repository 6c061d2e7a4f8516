//! What is found when the files of a directory are compared with what was written.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{RunError, digest_of_file};

/// The state of one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "is", content = "why", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum FileState {
    /// As it was written.
    Whole,
    /// Nothing tells whether it is as it was written; why.
    Unknown(String),
    /// Not there.
    Missing,
    /// Not as it was written; how that is seen.
    Damaged(String),
}

impl FileState {
    /// Whether the file is known not to be as it was written.
    pub fn is_damaged(&self) -> bool {
        matches!(self, FileState::Missing | FileState::Damaged(_))
    }
}

/// A file, or the keyframes of a run together, and its state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VerifiedFile {
    /// The file, in its directory.
    pub file: PathBuf,
    /// How it is.
    pub state: FileState,
}

/// What was found when the files of a directory were compared with their digests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Verification {
    /// The directory.
    pub directory: PathBuf,
    /// Whether the directory is complete; one that is not has no digests yet, only checksums of what it is made from.
    pub is_complete: bool,
    /// Every file that counts, in the order in which they depend on each other.
    pub files: Vec<VerifiedFile>,
}

impl Verification {
    pub(crate) fn new(directory: &Path, is_complete: bool) -> Self {
        Verification { directory: directory.into(), is_complete, files: Vec::new() }
    }

    pub(crate) fn add(&mut self, file: impl Into<PathBuf>, state: FileState) {
        self.files.push(VerifiedFile { file: file.into(), state });
    }

    /// Compares a file with its digest.
    pub(crate) fn add_digested(&mut self, file: &str, digest: &str) {
        let state = match digest_of_file(&self.directory.join(file)) {
            Ok(None) => FileState::Missing,
            Ok(Some(found)) if found == digest => FileState::Whole,
            Ok(Some(found)) => {
                FileState::Damaged(format!("its digest is {found}, it was written with {digest}"))
            }
            Err(error) => FileState::Damaged(reason(&error)),
        };
        self.add(file, state);
    }

    /// The files that are known not to be as they were written.
    pub fn damaged(&self) -> impl Iterator<Item = &VerifiedFile> {
        self.files.iter().filter(|file| file.state.is_damaged())
    }

    /// Whether no file is known not to be as it was written.
    pub fn is_whole(&self) -> bool {
        self.damaged().next().is_none()
    }

    /// Whether a file is known to be as it was written.
    pub(crate) fn has_whole(&self, file: &str) -> bool {
        self.files.iter().any(|found| found.file == Path::new(file) && found.state == FileState::Whole)
    }

    /// Whether a file is known not to be as it was written.
    pub(crate) fn has_damaged(&self, file: &str) -> bool {
        self.damaged().any(|found| found.file == Path::new(file))
    }
}

/// What an error says of a file, which is named beside it.
pub(crate) fn reason(error: &RunError) -> String {
    match error {
        RunError::Malformed { message, line, .. } => {
            let message = message.strip_suffix(super::RESTORE).unwrap_or(message);
            let message = message.strip_prefix(super::CHANGED).unwrap_or(message);
            // Where text of TOML is wrong is shown in lines; the first says it.
            let first = message.lines().next().unwrap_or(message);
            line.map_or(first.to_owned(), |line| format!("line {line}: {first}"))
        }
        RunError::Io { source, .. } => source.to_string(),
        error => error.to_string(),
    }
}
