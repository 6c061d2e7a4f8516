//! What can go wrong with a run directory.

use std::io;
use std::path::{Path, PathBuf};

use super::FORMAT_VERSION;
use crate::printable::printable_path;

/// What can go wrong with a run directory.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// A file could not be read or written.
    #[error("cannot {action} {}: {source}{}", printable_path(path), advice(action, source, run.as_deref()))]
    Io {
        /// What was tried: `read`, `write`, `create`, `remove`.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
        /// The run directory, if the run in it can be resumed.
        run: Option<PathBuf>,
    },
    /// The directory holds another run already.
    #[error(
        "{path} already holds a run; resume that, or name another directory",
        path = printable_path(.0)
    )]
    Occupied(PathBuf),
    /// The directory holds a run to which nothing is left to add.
    #[error("{} already holds a run, which is complete; name another directory, or remove this one", printable_path(.0))]
    Complete(PathBuf),
    /// A file where a directory is needed.
    #[error("{} is a file; name a directory", printable_path(.0))]
    NotADirectory(PathBuf),
    /// The directory was there when the run, or the pool, began, and is not any more.
    #[error(
        "{} is gone: it was removed or moved while it was being written; run the same again, into another directory",
        printable_path(.0)
    )]
    Gone(PathBuf),
    /// The directory holds files that are not a run's.
    #[error("{} is not empty and holds no run; name a new or an empty directory", printable_path(.0))]
    NotEmpty(PathBuf),
    /// There is no manifest.
    #[error(
        "{} holds no run: {}",
        printable_path(.0),
        if .0.exists() { "there is no manifest.toml in it" } else { "it does not exist; name the directory of a run" }
    )]
    NoRun(PathBuf),
    /// Another process writes to the run.
    #[error(
        "another process{} is writing to {}; wait until it is done, or stop it first",
        process.map(|process| format!(" (number {process})")).unwrap_or_default(),
        printable_path(path)
    )]
    InUse {
        /// The run directory.
        path: PathBuf,
        /// The number of the process, where it is known.
        process: Option<u32>,
    },
    /// The run was opened to be read, or is finished.
    #[error("the run in {} is finished or was opened to be read; nothing can be added to it", printable_path(.0))]
    ReadOnly(PathBuf),
    /// A file does not hold what it should.
    #[error("{}{}: {message}", printable_path(path), line.map(|line| format!(", line {line}")).unwrap_or_default())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The line, from 1, where there are lines.
        line: Option<usize>,
        /// What is wrong with it.
        message: String,
    },
    /// Written by a version of the library with another format.
    #[error(
        "{} has format version {found}; this program reads versions 2 and {FORMAT_VERSION}: use the program that wrote it{}, \
         or run the experiment again into another directory",
        printable_path(path),
        writer.as_ref().map(|writer| format!(", infoplane {writer}")).unwrap_or_default()
    )]
    FormatVersion {
        /// The manifest.
        path: PathBuf,
        /// The version in it.
        found: u32,
        /// The version of the program that wrote it.
        writer: Option<String>,
    },
    /// A run of an earlier format can be read, but not gone on with.
    #[error(
        "{} was begun in format {found} of run directories; this program writes format {FORMAT_VERSION} and only reads \
         earlier ones: resume it with the program that began it, or run the experiment again into another directory",
        printable_path(path)
    )]
    OlderFormat {
        /// The run directory.
        path: PathBuf,
        /// The version in its manifest.
        found: u32,
    },
}

impl RunError {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> RunError + use<> {
        let path = path.to_path_buf();
        move |source| match source.kind() {
            // Of `FILE/manifest.toml` it is the file that is at fault.
            io::ErrorKind::NotADirectory => {
                let file = path.ancestors().find(|above| above.is_file()).unwrap_or(&path);
                RunError::NotADirectory(file.into())
            }
            _ => RunError::Io { action, path, source, run: None },
        }
    }

    /// With the advice to resume the run in the directory `directory`.
    ///
    /// Where that directory is no more, or only what was written since it was removed, nothing can be resumed, and that is
    /// the error.
    pub(crate) fn resumable(mut self, directory: &Path) -> Self {
        if !is_of_a_result(directory) {
            return RunError::Gone(directory.into());
        }
        if let RunError::Io { run, .. } = &mut self {
            *run = Some(directory.into());
        }
        self
    }
}

/// The files that say what a directory is of: of a run, and of pooled networks. They are written first and stay.
const BEGINNINGS: [&str; 2] = ["manifest.toml", "as-if-random.toml"];

/// Whether a directory is one of a run or of pooled networks.
pub(crate) fn is_of_a_result(directory: &Path) -> bool {
    BEGINNINGS.iter().any(|file| directory.join(file).exists())
}

/// What to do about an error of an action.
pub(crate) fn advice(action: &str, error: &io::Error, run: Option<&Path>) -> String {
    use io::ErrorKind::{
        AlreadyExists, FileTooLarge, PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull,
    };
    let first = match error.kind() {
        StorageFull | QuotaExceeded => Some("free some space"),
        FileTooLarge => Some("allow larger files (ulimit -f)"),
        PermissionDenied if action == "read" => Some("make it readable"),
        PermissionDenied | ReadOnlyFilesystem => Some("make it writable"),
        AlreadyExists => Some("move what is in its place, or name a directory"),
        _ => None,
    };
    let resume = run.map(|run| format!("resume the run in {}", printable_path(run)));
    match (first, resume) {
        (None, None) => String::new(),
        (Some(first), None) => format!("; {first}"),
        (None, Some(resume)) => format!("; {resume}"),
        (Some(first), Some(resume)) => format!("; {first}, then {resume}"),
    }
}
