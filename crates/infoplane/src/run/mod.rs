//! The run directory: what a run leaves behind, readable at every moment.
//!
//! `docs/run-directory.md` specifies the files.

mod journal;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use journal::{Journal, read_journal};

use crate::train::EpochStats;
use crate::{InformationPlane, LayerDescription, PlaneRow, file};

/// The version of the directory's format that this library writes and reads.
pub const FORMAT_VERSION: u32 = 1;

/// What a run is: written once, before anything is measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of the format, [`FORMAT_VERSION`].
    pub format_version: u32,
    /// The version of the library that wrote it.
    pub infoplane_version: String,
    /// The seeds of the trainings, in the order of the rows.
    pub seeds: Vec<u64>,
    /// The data and what is known of them.
    pub data: DataFacts,
    /// The layers, from the one nearest the input.
    pub layers: Vec<LayerDescription>,
    /// The experiment with every choice spelled out; `infoplane run` accepts it as a file.
    pub experiment: toml::Table,
}

/// What is known of the data that a run measures on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DataFacts {
    /// What figures call the data.
    pub name: String,
    /// A digest of inputs and labels.
    pub digest: String,
    /// Samples in the data.
    pub n_samples: usize,
    /// Samples that information is measured on.
    pub n_measured: usize,
    /// H(X) of the samples measured, in bits; log2 of their number unless inputs repeat. This and the next two
    /// are means over the seeds, where each seed measures rows of its own.
    pub h_x_bits: f64,
    /// H(Y) of the samples measured, in bits.
    pub h_y_bits: f64,
    /// I(X;Y) of the samples measured, in bits; H(Y) unless inputs repeat with different labels.
    pub i_xy_bits: f64,
    /// I(X;Y) of the rule behind a generated task, in bits; absent where the rule is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub i_xy_rule_bits: Option<f64>,
    /// p(y) of all samples, class by class.
    pub label_shares: Vec<f64>,
}

/// How a run ended: written last, so its presence says that the run is complete.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Rows in `plane.jsonl`.
    pub rows: usize,
    /// Each training, in the order of the manifest.
    pub seeds: Vec<SeedOutcome>,
}

/// How the training with one seed ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SeedOutcome {
    /// The seed.
    pub seed: u64,
    /// How many epochs were measured.
    pub measured_epochs: usize,
    /// `finished`, or the reason why the training ended early.
    pub status: String,
}

impl SeedOutcome {
    /// The status of a training that went to its end.
    pub const FINISHED: &'static str = "finished";
}

/// A directory that holds a run.
#[derive(Debug, Clone)]
pub struct RunDir {
    path: PathBuf,
}

/// What can go wrong with a run directory.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// A file could not be read or written.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried: `read`, `write`, `create`.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The directory holds another run already.
    #[error("{} already holds a run; name another directory, or remove it first", .0.display())]
    Occupied(PathBuf),
    /// The directory holds files that are not a run's.
    #[error("{} is not empty and holds no run; name a new or an empty directory", .0.display())]
    NotEmpty(PathBuf),
    /// There is no manifest.
    #[error("{} holds no run: there is no manifest.toml in it", .0.display())]
    NoRun(PathBuf),
    /// A file does not hold what it should.
    #[error("{}{}: {message}", path.display(), line.map(|line| format!(", line {line}")).unwrap_or_default())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The line, from 1, where there are lines.
        line: Option<usize>,
        /// What is wrong with it.
        message: String,
    },
    /// Written by a version of the library with another format.
    #[error("{} has format version {found}; this program reads version {FORMAT_VERSION}", path.display())]
    FormatVersion {
        /// The manifest.
        path: PathBuf,
        /// The version in it.
        found: u32,
    },
}

impl RunError {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> RunError {
        let path = path.to_path_buf();
        move |source| RunError::Io { action, path, source }
    }
}

impl RunDir {
    /// Makes a directory for a new run and writes its manifest.
    ///
    /// # Errors
    /// [`RunError::Occupied`] if there is a run in it, [`RunError::NotEmpty`] if there is anything else.
    pub fn create(path: &Path, manifest: &Manifest) -> Result<Self, RunError> {
        let run = RunDir { path: path.to_path_buf() };
        if run.manifest_path().exists() {
            return Err(RunError::Occupied(path.to_path_buf()));
        }
        let made = !path.exists();
        fs::create_dir_all(path).map_err(RunError::io("create", path))?;
        if fs::read_dir(path).map_err(RunError::io("read", path))?.next().is_some() {
            return Err(RunError::NotEmpty(path.to_path_buf()));
        }
        let text = toml::to_string(manifest).map_err(|error| RunError::Malformed {
            path: run.manifest_path(),
            line: None,
            message: error.to_string(),
        })?;
        let file = run.manifest_path();
        file::replace(&file, text.as_bytes()).map_err(|source| {
            if made {
                // Nothing is left of a run that could not begin; the failure to write is the one to tell.
                let _ = fs::remove_dir(path);
            }
            RunError::io("write", &file)(source)
        })?;
        Ok(run)
    }

    /// Opens a directory that holds a run.
    ///
    /// # Errors
    /// [`RunError::NoRun`], or [`RunError::FormatVersion`] for another format.
    pub fn open(path: &Path) -> Result<(Self, Manifest), RunError> {
        let run = RunDir { path: path.to_path_buf() };
        let file = run.manifest_path();
        if !file.exists() {
            return Err(RunError::NoRun(path.to_path_buf()));
        }
        let text = fs::read_to_string(&file).map_err(RunError::io("read", &file))?;
        let malformed = |message: String| RunError::Malformed { path: file.clone(), line: None, message };
        // The version first: another format may well not parse as this one.
        #[derive(Deserialize)]
        struct Version {
            format_version: u32,
        }
        let version: Version = toml::from_str(&text).map_err(|error| malformed(error.to_string()))?;
        if version.format_version != FORMAT_VERSION {
            return Err(RunError::FormatVersion { path: file, found: version.format_version });
        }
        let manifest = toml::from_str(&text).map_err(|error| malformed(error.to_string()))?;
        Ok((run, manifest))
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn manifest_path(&self) -> PathBuf {
        self.path.join("manifest.toml")
    }

    /// Where measurements are appended, a row per line.
    pub fn plane_path(&self) -> PathBuf {
        self.path.join("plane.jsonl")
    }

    /// Where epoch statistics are appended, an epoch per line.
    pub fn training_path(&self) -> PathBuf {
        self.path.join("training.jsonl")
    }

    /// Where figures and tables are written.
    pub fn report_path(&self) -> PathBuf {
        self.path.join("report")
    }

    fn outcome_path(&self) -> PathBuf {
        self.path.join("outcome.toml")
    }

    /// The measurements so far.
    ///
    /// # Errors
    /// [`RunError`] if the file cannot be read or a line other than a cut last one is damaged.
    pub fn plane(&self) -> Result<InformationPlane, RunError> {
        let rows: Vec<PlaneRow> = read_journal(&self.plane_path())?;
        Ok(InformationPlane { rows })
    }

    /// The epoch statistics so far.
    ///
    /// # Errors
    /// As [`RunDir::plane`].
    pub fn training(&self) -> Result<Vec<EpochStats>, RunError> {
        read_journal(&self.training_path())
    }

    /// Declares the run complete.
    ///
    /// # Errors
    /// [`RunError::Io`].
    pub fn finish(&self, outcome: &Outcome) -> Result<(), RunError> {
        let text = toml::to_string(outcome).map_err(|error| RunError::Malformed {
            path: self.outcome_path(),
            line: None,
            message: error.to_string(),
        })?;
        let file = self.outcome_path();
        file::replace(&file, text.as_bytes()).map_err(RunError::io("write", &file))
    }

    /// How the run ended; `None` if it has not, or was interrupted.
    ///
    /// # Errors
    /// [`RunError`] if the file is there but cannot be read.
    pub fn outcome(&self) -> Result<Option<Outcome>, RunError> {
        let path = self.outcome_path();
        match fs::read_to_string(&path) {
            Ok(text) => toml::from_str(&text).map(Some).map_err(|error| RunError::Malformed {
                path,
                line: None,
                message: error.to_string(),
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(RunError::io("read", &path)(error)),
        }
    }
}
