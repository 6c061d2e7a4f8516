//! What can go wrong with an experiment.

use std::path::PathBuf;

use super::preset::PRESETS;
use super::suggest::{names, names_or_none, suggestion};
use crate::EstimateError;
use crate::dataset::DatasetError;
use crate::network::NetworkError;
use crate::printable::{printable, printable_path};
use crate::quantity::QuantityError;
use crate::record::RecordError;
use crate::run::RunError;
use crate::schedule::ScheduleError;
use crate::snapshot::SnapshotError;
use crate::train::TrainError;

/// What can go wrong with an experiment, from reading it to running it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExperimentError {
    /// Neither a preset nor a file.
    #[error("no preset and no file is called `{given}`{}; presets are {}", suggestion(nearest), names(PRESETS.iter().map(|p| p.name)))]
    UnknownExperiment {
        /// What was given.
        given: String,
        /// The preset whose name is nearest.
        nearest: Option<String>,
    },
    /// The file could not be read.
    #[error("cannot read {}: {source}", printable_path(path))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The text is not TOML.
    #[error("{origin} is not valid TOML: {message}")]
    Syntax {
        /// The file or preset.
        origin: String,
        /// Where and why.
        message: String,
    },
    /// A key that does not exist.
    #[error("{origin}: unknown key `{key}`{}; allowed here: {}", suggestion(nearest), names_or_none(allowed))]
    UnknownKey {
        /// The file or preset.
        origin: String,
        /// The key with the tables around it.
        key: String,
        /// The nearest key that exists.
        nearest: Option<String>,
        /// The keys that exist there.
        allowed: Vec<String>,
    },
    /// A key with a value it cannot have.
    #[error("{origin}: {message}")]
    Value {
        /// The file or preset.
        origin: String,
        /// The key, what was given and what is allowed.
        message: String,
    },
    /// An override that is not `key=value`, or whose key leads nowhere.
    #[error("override `{given}`: {message}; an override is KEY=VALUE, for example training.epochs=100")]
    Override {
        /// What was given.
        given: String,
        /// What is wrong with it.
        message: String,
    },
    /// The data.
    #[error("dataset: {0}")]
    Dataset(#[from] DatasetError),
    /// The network.
    #[error("network: {0}")]
    Network(#[from] NetworkError),
    /// The training.
    #[error("training: {0}")]
    Train(#[from] TrainError),
    /// Networks that another program trained.
    #[error(transparent)]
    Record(Box<RecordError>),
    /// The schedule.
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
    /// A quantity beside the plane makes no sense, or cannot be measured.
    #[error(transparent)]
    Quantity(#[from] QuantityError),
    /// An estimator.
    #[error("estimators[{index}]: {source}")]
    Estimator {
        /// Its position in the list, from 0.
        index: usize,
        /// What is wrong with it.
        source: EstimateError,
    },
    /// The run directory.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The worker threads could not be started.
    #[error(
        "cannot start {threads} worker threads: {message}; allow fewer threads, or more memory or processes"
    )]
    Threads {
        /// How many.
        threads: usize,
        /// What the system said.
        message: String,
    },
    /// A run can only go on as what it is.
    #[error(
        "{} holds another experiment:\n  {}\nleave the changes out to go on with it, or start a new run in another directory",
        printable_path(path),
        indented(differences)
    )]
    Changed {
        /// The run directory.
        path: PathBuf,
        /// A line for each key that differs.
        differences: Vec<String>,
    },
    /// The run records networks that are trained elsewhere.
    #[error("{} holds no experiment: it records networks that another program trains", printable_path(path))]
    NoExperiment {
        /// The run directory.
        path: PathBuf,
    },
    /// The directory holds another result of the as-if-random experiment.
    #[error(
        "{} holds the result of something else:\n  {}\nleave the changes out to have it again, or name another directory",
        printable_path(path),
        indented(differences)
    )]
    OtherResult {
        /// The directory.
        path: PathBuf,
        /// A line for each key that differs.
        differences: Vec<String>,
    },
    /// The data are not those that the run began with.
    #[error(
        "{} was measured on other data: their digest was {then}, now it is {now}; put the old data back, or start a new run",
        printable_path(path)
    )]
    DataChanged {
        /// The run directory.
        path: PathBuf,
        /// The digest in the manifest.
        then: String,
        /// The digest of the data at hand.
        now: String,
    },
    /// The data of a run that goes on are not there.
    #[error(
        "dataset: {}\npaths in {}/manifest.toml start where the run was begun: go on from there, or name the experiment \
         too, with dataset.source as it is now",
        printable(&source.to_string()),
        printable_path(path)
    )]
    DataOfRun {
        /// The run directory.
        path: PathBuf,
        /// What is wrong with the data.
        source: Box<DatasetError>,
    },
    /// Another version of the program may compute other last digits.
    #[error(
        "{} was begun by infoplane {then}; this is {now}, whose numbers may differ in their last digits: go on with {then}, or \
         start a new run",
        printable_path(path)
    )]
    VersionChanged {
        /// The run directory.
        path: PathBuf,
        /// The version in the manifest.
        then: String,
        /// This version.
        now: String,
    },
    /// A network could not be had, though the training has it.
    #[error("seed {seed}: {source}")]
    Snapshot {
        /// The seed of the training.
        seed: u64,
        /// Why.
        source: SnapshotError,
    },
    /// A training ended, as one that diverges does, before there were enough networks to pool.
    #[error("seed {seed}: the training ended at epoch {epoch}: {source}")]
    EndedEarly {
        /// The seed of the training.
        seed: u64,
        /// The last epoch that it has.
        epoch: u64,
        /// What does not fit.
        source: Box<ExperimentError>,
    },
    /// A count of an estimator would take longer than [`MOST_TIME`](crate::estimator::steps::MOST_TIME). How long it takes depends on
    /// the machine, and no row of a run does: nothing is kept of that epoch.
    #[error("seed {seed}: {reason}")]
    TooLong {
        /// The seed of the training.
        seed: u64,
        /// What would take how long.
        reason: String,
    },
    /// Somebody asked to stop; what was measured is in the run directory.
    #[error("interrupted")]
    Interrupted,
}

impl From<RecordError> for ExperimentError {
    fn from(error: RecordError) -> Self {
        ExperimentError::Record(Box::new(error))
    }
}

/// Lines below each other, of which none can begin another.
fn indented(lines: &[String]) -> String {
    lines.iter().map(|line| printable(line)).collect::<Vec<_>>().join("\n  ")
}
