//! What can go wrong with a recording.

use std::path::PathBuf;

use crate::EstimateError;
use crate::dataset::{DatasetError, names};
use crate::printable::{printable, printable_path};
use crate::quantity::QuantityError;
use crate::run::RunError;
use crate::schedule::ScheduleError;

/// What can go wrong with a recording.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// No labels.
    #[error("there are no labels and no target; give the class or the numbers of each sample")]
    NoSamples,
    /// A target of numbers of which nothing can be measured, or with which something else cannot.
    #[error("target: {problem}")]
    Target {
        /// What is wrong.
        problem: String,
    },
    /// A schedule watches what nobody tells of.
    #[error(
        "schedule.witness: of a network that is trained elsewhere, allowed is {allowed}; or leave it out"
    )]
    Witness {
        /// What is allowed.
        allowed: &'static str,
    },
    /// No layers.
    #[error("there is no layer to record")]
    NoLayers,
    /// No estimators.
    #[error("estimators is empty; name at least one")]
    NoEstimators,
    /// Two layers of one name, which no table or figure could tell apart.
    #[error("layers {first} and {second} are both called `{name}`; give each a name of its own")]
    SameLayer {
        /// The name.
        name: String,
        /// The number of one, from 1.
        first: usize,
        /// The number of the other.
        second: usize,
    },
    /// Something has another number of samples than there are labels.
    #[error(
        "{what}: {given} sample{}, but the number of labels or targets is {expected}; each sample needs one",
        if *given == 1 { "" } else { "s" }
    )]
    Length {
        /// What.
        what: String,
        /// Its number of samples.
        given: usize,
        /// The number of labels.
        expected: usize,
    },
    /// A layer with another number of units than the recording has.
    #[error("{what}: {given} unit{}, but the recording has {expected}", if *given == 1 { "" } else { "s" })]
    Width {
        /// Which.
        what: String,
        /// Its units.
        given: usize,
        /// Those of the recording.
        expected: usize,
    },
    /// A file of labels with another number than there are samples.
    #[error(
        "{labels}: the number of labels is {n_labels}, but {what} has {n_samples} rows; each sample needs one label"
    )]
    Labels {
        /// The file, or an array of it.
        labels: String,
        /// How many labels there are.
        n_labels: usize,
        /// What has another number of rows.
        what: String,
        /// That number.
        n_samples: usize,
    },
    /// Another number of layers than the recording has.
    #[error("epoch {epoch}: {given} layer{}, but the recording has {expected}", if *given == 1 { "" } else { "s" })]
    Layers {
        /// The epoch.
        epoch: u64,
        /// Layers given.
        given: usize,
        /// Layers of the recording.
        expected: usize,
    },
    /// Networks that cannot be pooled.
    #[error("networks to be pooled: {problem}")]
    Networks {
        /// What is wrong with them.
        problem: String,
    },
    /// Nothing that looks like epochs.
    #[error(
        "{}: {problem}; allowed are a folder with a folder for each epoch and a file for each layer in it \
         (epoch-010/conv1.npy), a folder with a file of several arrays for each epoch (epoch-010.npz, .safetensors), or \
         one file with arrays named by epoch and layer (epoch-010/conv1)",
        printable_path(path)
    )]
    NotUnderstood {
        /// The folder or file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The names of all epochs end in numbers that are too large.
    #[error("{}: the number of the epoch is too large; allowed are 0 to {}", printable_path(path), u64::MAX)]
    EpochTooLarge {
        /// One of them.
        path: PathBuf,
    },
    /// No array of the first epoch is a layer.
    #[error(
        "{} holds no layer, which is an array of numbers with a row for each sample: {found}",
        printable_path(path)
    )]
    NoLayer {
        /// The folder or file.
        path: PathBuf,
        /// The arrays there, and why each is none.
        found: String,
    },
    /// An array whose axes do not go with `positions`.
    #[error("{}: {}: {problem}", printable_path(path), names(std::slice::from_ref(name)))]
    Positions {
        /// The folder or file.
        path: PathBuf,
        /// The layer.
        name: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Two folders or files for one epoch.
    #[error(
        "{} and {} are both epoch {epoch}; remove or rename one",
        printable_path(first),
        printable_path(second)
    )]
    SameEpoch {
        /// The epoch.
        epoch: u64,
        /// One.
        first: PathBuf,
        /// The other.
        second: PathBuf,
    },
    /// A layer that was asked for and is not there.
    #[error("no layer is called `{given}` in {}; there are {}", printable_path(path), names(present))]
    NoSuchLayer {
        /// The name.
        given: String,
        /// Where it was looked for.
        path: PathBuf,
        /// The layers there.
        present: Vec<String>,
    },
    /// A listed epoch that was not saved.
    #[error("schedule.epochs lists {epoch}, which was not saved; the nearest is {nearest}")]
    NoSuchEpoch {
        /// The epoch.
        epoch: u64,
        /// The nearest that is there.
        nearest: u64,
    },
    /// Bins that depend on epochs that are not there yet.
    #[error(
        "estimators[{index}] has bins on the range of all epochs, which is not known before the last; give range = \
         [low, high] or rule = \"floor\", or record when all epochs are there"
    )]
    UnknownRange {
        /// The estimator, from 0.
        index: usize,
    },
    /// Nothing to measure before the recording ends.
    #[error("the last epoch to be measured is {last}, but the first that was saved is {first}")]
    NoneUpTo {
        /// The epoch at which the recording ends.
        last: u64,
        /// The first epoch there.
        first: u64,
    },
    /// No epoch appeared in the time that was allowed.
    #[error("no epoch appeared in {} within {seconds} seconds", printable_path(path))]
    NoneWithin {
        /// The folder or file.
        path: PathBuf,
        /// The time allowed.
        seconds: f64,
    },
    /// A schedule that must know the number of epochs.
    #[error("schedule.kind = \"log-spaced\" needs the number of epochs that will be trained")]
    UnknownEnd,
    /// The table of statistics.
    #[error("{}{}: {problem}", printable_path(path), line.map(|line| format!(", line {line}")).unwrap_or_default())]
    Statistics {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: Option<u64>,
        /// What is wrong with it.
        problem: String,
    },
    /// The run in a directory records something else.
    #[error("{} records something else: {difference}; name another directory", printable_path(path))]
    Changed {
        /// The run directory.
        path: PathBuf,
        /// The first difference.
        difference: String,
    },
    /// The run in a directory is no recording of a folder.
    #[error("{} holds no recording of a folder", printable_path(path))]
    NotAFolder {
        /// The run directory.
        path: PathBuf,
    },
    /// An estimator.
    #[error("estimators[{index}]: {source}")]
    Estimator {
        /// Its position in the list, from 0.
        index: usize,
        /// What is wrong with it.
        source: EstimateError,
    },
    /// The schedule.
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
    /// A quantity beside the plane makes no sense, or cannot be measured.
    #[error(transparent)]
    Quantity(#[from] QuantityError),
    /// Labels, inputs or activations.
    #[error(transparent)]
    Data(#[from] DatasetError),
    /// The run directory.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The folder could not be listed.
    #[error("cannot read {}: {source}", printable_path(path))]
    Unreadable {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The activations of a run that goes on are not where its manifest says.
    #[error(
        "{}\npaths in {}/manifest.toml start where the run was begun: resume it from there",
        printable(&source.to_string()), printable_path(run)
    )]
    Moved {
        /// The run directory.
        run: PathBuf,
        /// What is wrong with the folder.
        source: Box<RecordError>,
    },
    /// The worker threads could not be started.
    #[error("cannot start worker threads: {0}")]
    Threads(String),
    /// A count of an estimator would take longer than [`MOST_TIME`](crate::estimator::steps::MOST_TIME). How long it takes depends on
    /// the machine, and no row of a run does: nothing is kept of that epoch.
    #[error("{reason}")]
    TooLong {
        /// What would take how long.
        reason: String,
    },
    /// Somebody asked to stop; what was measured is in the run directory.
    #[error("interrupted")]
    Interrupted,
}
