//! What a TOML file may say, and how overrides and mistakes in it are handled.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use super::keyframes::KeyframesConfig;
use super::preset::PRESETS;
use crate::dataset::{DatasetError, DatasetSource, SplitRule};
use crate::estimator::{EstimatorConfig, Method};
use crate::network::{Initialization, MOST_BITS, NetworkError};
use crate::run::RunError;
use crate::schedule::{DeltaConfig, ScheduleConfig, ScheduleError};
use crate::snapshot::SnapshotError;
use crate::train::{TrainConfig, TrainError};
use crate::{EstimateError, Nonlinearity};

/// A whole experiment: data, network, training, what is measured, when, and with how many seeds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Experiment {
    /// What figures and the run directory call it.
    pub name: String,
    /// The publication whose settings these are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// How many trainings, each with a seed of its own.
    #[serde(default = "one")]
    pub seeds: u64,
    /// The seed of the first training; the others follow it.
    #[serde(default)]
    pub first_seed: u64,
    /// Inputs and labels.
    pub dataset: DatasetConfig,
    /// The network.
    pub network: NetworkConfig,
    /// How it is trained.
    pub training: TrainConfig,
    /// Which epochs are measured.
    pub schedule: ScheduleConfig,
    /// Which states of the trainings are kept on the disk.
    #[serde(default)]
    pub keyframes: KeyframesConfig,
    /// What each layer is measured with.
    pub estimators: Vec<EstimatorConfig>,
}

fn one() -> u64 {
    1
}

/// Inputs and labels, and which of them train.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatasetConfig {
    /// Where the data come from.
    pub source: DatasetSource,
    /// How the rows that train are chosen.
    pub split: SplitRule,
    /// Which rows information is measured on.
    #[serde(default)]
    pub measured_on: MeasuredOn,
}

/// Which rows information is measured on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MeasuredOn {
    /// All rows.
    #[default]
    All,
    /// The rows that train.
    Train,
    /// The rows held back.
    Test,
}

/// A dense network, its output as wide as there are classes (or 1 for a single sigmoid unit).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkConfig {
    /// Widths of the hidden layers, from the input on.
    pub hidden: Vec<usize>,
    /// The nonlinearity of the hidden layers: one for all, or a list with one for each.
    pub nonlinearity: OneOrEach,
    /// The nonlinearity of the output layer.
    pub output: Nonlinearity,
    /// Width of the output layer; the number of classes unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_width: Option<usize>,
    /// How weights and biases start.
    #[serde(default)]
    pub initialization: Initialization,
    /// Where given, what is measured is the trained network with the output of every layer rounded to 2^bits levels, 1 to 16
    /// ([`Network::quantised_activations`](crate::Network::quantised_activations)); training is not touched by it.
    /// Measured with `binned`, `exact`, the information is that of the rounded network itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantised_bits: Option<u8>,
}

/// One nonlinearity for all hidden layers, or one for each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "allowed is one nonlinearity or a list of them, of linear, tanh, relu, leaky-relu, elu, gelu, sigmoid, \
                 hard-tanh, softplus, softsign"
)]
pub enum OneOrEach {
    /// The same for all.
    One(Nonlinearity),
    /// In the order of the layers.
    Each(Vec<Nonlinearity>),
}

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
    #[error("cannot read {}: {source}", path.display())]
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
    /// `--set` with something other than `key=value`.
    #[error("`--set {given}`: {message}; write for example `--set training.epochs=100`")]
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
    /// The schedule.
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
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
    #[error("cannot start {threads} worker threads: {message}")]
    Threads {
        /// How many.
        threads: usize,
        /// What the system said.
        message: String,
    },
    /// A run can only go on as what it is.
    #[error(
        "{} holds another experiment:\n  {}\nleave the changes out to go on with it, or start a new run in another directory",
        path.display(), differences.join("\n  ")
    )]
    Changed {
        /// The run directory.
        path: PathBuf,
        /// A line for each key that differs.
        differences: Vec<String>,
    },
    /// The directory holds another result of the as-if-random experiment.
    #[error(
        "{} holds the result of something else:\n  {}\nleave the changes out to have it again, or name another directory",
        path.display(), differences.join("\n  ")
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
        path.display()
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
        "dataset: {source}\npaths in {}/manifest.toml start where the run was begun: go on from there, or name the experiment \
         too, with dataset.source as it is now",
        path.display()
    )]
    DataOfRun {
        /// The run directory.
        path: PathBuf,
        /// What is wrong with the data.
        source: DatasetError,
    },
    /// Another version of the program may compute other last digits.
    #[error(
        "{} was begun by infoplane {then}; this is {now}, whose numbers may differ in their last digits: go on with {then}, or \
         start a new run",
        path.display()
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
    /// Somebody asked to stop; what was measured is in the run directory.
    #[error("interrupted")]
    Interrupted,
}

fn suggestion(nearest: &Option<String>) -> String {
    nearest.as_ref().map(|nearest| format!("; did you mean `{nearest}`?")).unwrap_or_default()
}

fn names(names: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    names.into_iter().map(|name| format!("`{}`", name.as_ref())).collect::<Vec<_>>().join(", ")
}

fn names_or_none(allowed: &[String]) -> String {
    if allowed.is_empty() { "no key besides `kind`".into() } else { names(allowed) }
}

/// The candidate most like `given`, if any is like it at all.
fn nearest<'a>(given: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(given, candidate), candidate))
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate.to_string())
}

/// More trainings than anybody has patience for; keeps lists of seeds in memory.
const MAX_SEEDS: u64 = 1_000_000;

/// Likewise for epochs.
const MAX_EPOCHS: u64 = 1_000_000_000_000;

impl Experiment {
    /// The experiment called `name`: a preset, or else a TOML file; with `key=value` overrides.
    ///
    /// Relative paths in a file start from the directory that holds it; in overrides, from the working directory.
    ///
    /// A key is the path through the tables, `training.optimizer.learning_rate`; lists are counted from 0,
    /// `estimators.0.bins`. A value is TOML, or failing that a string.
    ///
    /// # Errors
    /// [`ExperimentError`] names the file and the key, what was given and what is allowed.
    ///
    /// ```
    /// use infoplane::experiment::Experiment;
    /// let short = Experiment::load("saxe2018-relu", &["training.epochs=100".into(), "seeds=2".into()])?;
    /// assert_eq!((short.training.epochs, short.seeds), (100, 2));
    ///
    /// let error = Experiment::load("tishby2017", &["training.epoch=100".into()]).unwrap_err();
    /// assert!(error.to_string().contains("did you mean `epochs`?"));
    /// # Ok::<(), infoplane::experiment::ExperimentError>(())
    /// ```
    pub fn load(name: &str, overrides: &[String]) -> Result<Self, ExperimentError> {
        if let Some(preset) = PRESETS.iter().find(|preset| preset.name == name) {
            return Experiment::from_toml(&format!("preset {name}"), preset.toml, overrides);
        }
        let path = Path::new(name);
        if !path.exists() && path.extension().is_none() {
            let nearest = nearest(name, PRESETS.iter().map(|preset| preset.name));
            return Err(ExperimentError::UnknownExperiment { given: name.into(), nearest });
        }
        let text = std::fs::read_to_string(path)
            .map_err(|source| ExperimentError::Unreadable { path: path.into(), source })?;
        let mut experiment = Experiment::from_toml(name, &text, overrides)?;
        let overridden = overrides.iter().any(|given| given.trim_start().starts_with("dataset"));
        if let Some(folder) = path.parent()
            && !overridden
        {
            experiment.dataset.source = experiment.dataset.source.relative_to(folder);
        }
        Ok(experiment)
    }

    /// The experiment that a TOML text describes, with overrides; `origin` names the text in messages.
    ///
    /// # Errors
    /// As [`Experiment::load`].
    pub fn from_toml(origin: &str, text: &str, overrides: &[String]) -> Result<Self, ExperimentError> {
        let mut table: Table = text.parse().map_err(|error: toml::de::Error| ExperimentError::Syntax {
            origin: origin.into(),
            message: error.to_string(),
        })?;
        for given in overrides {
            set(&mut table, given)?;
        }
        Experiment::from_table(origin, table)
    }

    /// The experiment with `key=value` overrides on top.
    ///
    /// # Errors
    /// As [`Experiment::load`].
    pub fn overridden(&self, overrides: &[String]) -> Result<Self, ExperimentError> {
        let mut table = self.to_table();
        for given in overrides {
            set(&mut table, given)?;
        }
        Experiment::from_table(&self.name, table)
    }

    /// The experiment that a table describes.
    ///
    /// # Errors
    /// As [`Experiment::load`].
    pub fn from_table(origin: &str, table: Table) -> Result<Self, ExperimentError> {
        let read = |table| -> Result<Experiment, ExperimentError> {
            serde_path_to_error::deserialize(table).map_err(|error| explain(origin, error))
        };
        check_delta_keys(origin, &table)?;
        // As the manifest will say it: a run that goes on from there must compute with the same numbers.
        let experiment = read(read(table)?.to_table())?;
        experiment.check(origin)?;
        Ok(experiment)
    }

    /// The experiment with every choice spelled out, as TOML.
    pub fn to_table(&self) -> Table {
        let mut table = Table::try_from(self).expect("an experiment has only string keys and finite nesting");
        table.iter_mut().for_each(|(_, value)| shorten(value));
        table
    }

    /// The seeds of the trainings.
    pub fn seed_list(&self) -> Vec<u64> {
        (self.first_seed..self.first_seed.saturating_add(self.seeds)).collect()
    }

    /// What can be known to be wrong before any data are read.
    fn check(&self, origin: &str) -> Result<(), ExperimentError> {
        let value = |message: String| Err(ExperimentError::Value { origin: origin.into(), message });
        if !(1..=MAX_SEEDS).contains(&self.seeds) {
            return value(format!("seeds = {}; allowed is 1 to {MAX_SEEDS}", self.seeds));
        }
        if self.first_seed > i64::MAX as u64 - MAX_SEEDS {
            return value(format!("first_seed = {}; allowed is 0 to 9·10¹⁸", self.first_seed));
        }
        if self.training.epochs > MAX_EPOCHS {
            return value(format!(
                "training.epochs = {}; allowed is 0 to {MAX_EPOCHS}",
                self.training.epochs
            ));
        }
        let named = !self.name.is_empty()
            && self.name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ' '));
        if !named || self.name.starts_with('.') {
            return value(format!(
                "name = {:?}; allowed are letters, digits, spaces, `-`, `_` and `.`, as it names a directory",
                self.name
            ));
        }
        if self.estimators.is_empty() {
            return value("estimators is empty; name at least one, for example [[estimators]] kind = \"kde\", noise_variances = [0.001]".into());
        }
        for (index, estimator) in self.estimators.iter().enumerate() {
            estimator.check().map_err(|source| ExperimentError::Estimator { index, source })?;
        }
        let hidden = &self.network.hidden;
        if let Some(position) = hidden.iter().position(|&width| width == 0) {
            return value(format!("network.hidden[{position}] = 0; allowed is a width of 1 or more"));
        }
        let bias = self.network.initialization.bias;
        if !bias.is_finite() {
            return value(format!("network.initialization.bias = {bias}; allowed is a finite number"));
        }
        if let OneOrEach::Each(each) = &self.network.nonlinearity
            && each.len() != hidden.len()
        {
            return value(format!(
                "network.nonlinearity lists {} nonlinearities for {} hidden layers; give one for all or one for each",
                each.len(),
                hidden.len()
            ));
        }
        if let Some(bits) = self.network.quantised_bits {
            if !(1..=MOST_BITS).contains(&bits) {
                return value(format!("network.quantised_bits = {bits}; allowed is 1 to {MOST_BITS}"));
            }
            // Ranges are observed on the network as it was trained, whose values are not those that are measured.
            if let Some(index) = self.estimators.iter().position(|method| method.needs_observed_range()) {
                return value(format!(
                    "estimators[{index}] needs a range that is observed, which a network with network.quantised_bits does \
                     not have; measure it with kind = \"binned\", rule = \"exact\", or name the range in numbers"
                ));
            }
        }
        if self.keyframes.interval == Some(0) {
            return value("keyframes.interval = 0; allowed is 1 or more epochs".into());
        }
        self.training.check()?;
        self.schedule.check(self.training.epochs, hidden.len() + 1, &self.estimators)?;
        Ok(())
    }

    /// The epochs that each training is measured at, if they are known beforehand.
    ///
    /// # Errors
    /// [`ScheduleError`] if the schedule does not fit the training.
    pub fn epochs(&self) -> Result<Option<Vec<u64>>, ScheduleError> {
        self.schedule.epochs(self.training.epochs)
    }
}

/// Single-precision settings become doubles with a long tail, 0.00039999998989515007; as people write them, 0.0004,
/// they are the same single.
pub(super) fn shorten(value: &mut Value) {
    match value {
        Value::Float(number) if f64::from(*number as f32) == *number => {
            if let Ok(short) = (*number as f32).to_string().parse() {
                *number = short;
            }
        }
        Value::Table(table) => table.iter_mut().for_each(|(_, value)| shorten(value)),
        Value::Array(list) => list.iter_mut().for_each(shorten),
        _ => {}
    }
}

/// Applies one `key=value`.
fn set(table: &mut Table, given: &str) -> Result<(), ExperimentError> {
    let error = |message: String| ExperimentError::Override { given: given.into(), message };
    let (key, value) = given.split_once('=').ok_or_else(|| error("there is no `=` in it".into()))?;
    let value = value.trim();
    // A bare word is a string: `network.nonlinearity=relu` needs no quotes.
    let value = format!("v = {value}")
        .parse::<Table>()
        .ok()
        .filter(|parsed| parsed.len() == 1)
        .and_then(|mut parsed| parsed.remove("v"))
        .unwrap_or_else(|| Value::String(value.into()));
    let parts: Vec<&str> = key.trim().split('.').collect();
    if parts.iter().any(|part| part.is_empty()) {
        return Err(error("the key is empty, or a part of it is".into()));
    }
    let (last, path) = parts.split_last().expect("split gives at least one part");
    let mut place = Place::Table(table);
    for part in path {
        place = place.enter(part).map_err(&error)?;
    }
    place.put(last, value).map_err(error)
}

/// Where a path through tables and lists has led.
enum Place<'a> {
    Table(&'a mut Table),
    List(&'a mut Vec<Value>),
}

impl<'a> Place<'a> {
    fn enter(self, part: &str) -> Result<Place<'a>, String> {
        let value = match self {
            Place::Table(table) => table.entry(part).or_insert_with(|| Value::Table(Table::new())),
            Place::List(list) => at(list, part)?,
        };
        match value {
            Value::Table(table) => Ok(Place::Table(table)),
            Value::Array(list) => Ok(Place::List(list)),
            other => Err(format!("`{part}` is a {}, it has no keys", other.type_str())),
        }
    }

    fn put(self, part: &str, value: Value) -> Result<(), String> {
        match self {
            Place::Table(table) => {
                table.insert(part.into(), value);
            }
            Place::List(list) => *at(list, part)? = value,
        }
        Ok(())
    }
}

fn at<'a>(list: &'a mut [Value], part: &str) -> Result<&'a mut Value, String> {
    let length = list.len();
    part.parse::<usize>()
        .ok()
        .and_then(|index| list.get_mut(index))
        .ok_or_else(|| format!("`{part}` is no position in a list of {length}, counted from 0"))
}

/// What people call what Rust calls otherwise.
fn plain_types(message: &str) -> String {
    let (found, expected) = message.split_once(", expected ").unwrap_or((message, ""));
    let expected = match expected {
        "f64" | "f32" => "a number",
        "u64" | "u32" | "usize" | "u16" => "a whole number, at least 0",
        "a sequence" => "a list",
        other if other.starts_with("struct ") => "a table",
        other => other,
    };
    let found = found.replace("missing field", "missing key");
    if expected.is_empty() { found } else { format!("{found}, expected {expected}") }
}

/// Tables whose `kind` decides what else they hold: their keys are looked at one by one, so that a message can name them.
fn check_delta_keys(origin: &str, table: &Table) -> Result<(), ExperimentError> {
    let Some(schedule) = table.get("schedule").and_then(Value::as_table) else { return Ok(()) };
    let kind = schedule.get("kind").and_then(Value::as_str);
    if !kind.is_some_and(|kind| kind.starts_with("delta-")) {
        return Ok(());
    }
    let mut keys = schedule.clone();
    keys.remove("kind");
    let read: Result<DeltaConfig, _> = serde_path_to_error::deserialize(keys);
    read.map(|_| ()).map_err(|error| match explain(origin, error) {
        ExperimentError::Value { origin, message } => {
            let dot = if message.starts_with("missing") { ": " } else { "." };
            ExperimentError::Value { origin, message: format!("schedule{dot}{message}") }
        }
        ExperimentError::UnknownKey { origin, key, nearest, allowed } => {
            ExperimentError::UnknownKey { origin, key: format!("schedule.{key}"), nearest, allowed }
        }
        error => error,
    })
}

/// Turns serde's words into a message that names the key and the nearest known one.
fn explain(origin: &str, error: serde_path_to_error::Error<toml::de::Error>) -> ExperimentError {
    let mut path = error.path().to_string();
    let message = error.inner().message().to_string();
    // `unknown field `x`, expected one of `a`, `b``: every word in backticks is a key, the first the unknown.
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    if message.starts_with("unknown field") && !quoted.is_empty() {
        let allowed: Vec<String> = quoted[1..].iter().map(|key| key.to_string()).collect();
        if path == "." {
            path.clear();
        }
        let key = match path.ends_with(quoted[0]) {
            true => path,
            false if path.is_empty() => quoted[0].to_string(),
            false => format!("{path}.{}", quoted[0]),
        };
        return ExperimentError::UnknownKey {
            origin: origin.into(),
            key,
            nearest: nearest(quoted[0], quoted[1..].iter().copied()),
            allowed,
        };
    }
    let message = plain_types(&message);
    let place = if path == "." { String::new() } else { format!("{path}: ") };
    let nearest = match message.contains("unknown variant") {
        true => nearest(quoted[0], quoted[1..].iter().copied()),
        false => None,
    };
    let message = format!("{place}{message}{}", suggestion(&nearest));
    ExperimentError::Value { origin: origin.into(), message }
}
