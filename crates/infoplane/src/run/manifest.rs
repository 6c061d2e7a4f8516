//! What a run is, and how it ended: its two TOML files.

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize};
use toml::{Table, Value};

use super::FORMAT_VERSION;
use crate::directory::HasDigest;
use crate::estimator::AnyEstimator;
use crate::plane::{MethodDescription, Part};
use crate::quantity::QuantityConfig;
use crate::schedule::ScheduleConfig;
use crate::train::TrainingEnd;
use crate::{Information, LayerDescription};

/// What a run is: written once, before anything is measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of the format, [`FORMAT_VERSION`]; an older one in a run that an earlier program wrote.
    pub format_version: u32,
    /// The version of the library that wrote it.
    pub infoplane_version: String,
    /// What figures call the run.
    pub name: String,
    /// The publication whose settings these are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The seeds of the trainings, in the order of the rows.
    pub seeds: Vec<u64>,
    /// The epochs planned for each training; absent where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned_epochs: Option<u64>,
    /// The data and what is known of them.
    pub data: DataFacts,
    /// Which epochs are measured.
    pub schedule: ScheduleConfig,
    /// The layers, from the one nearest the input.
    pub layers: Vec<LayerDescription>,
    /// What each layer is measured with.
    pub methods: Vec<MethodDescription>,
    /// What is measured beside the plane.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quantities: Vec<QuantityConfig>,
    /// Where the networks come from.
    pub origin: Origin,
}

/// Where the networks of a run come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// They are trained by this library: the experiment with every choice spelled out, which is an experiment file of
    /// its own.
    Experiment(Table),
    /// They are trained elsewhere, and their activations are recorded.
    Recorded(Recorded),
}

/// What is known of networks that are trained elsewhere.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Recorded {
    /// The program that records: `infoplane record`, `infoplane.torch`.
    pub by: String,
    /// What kind of network it is, as that program calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// How the activations are read, by keys of that program; two recordings of the same run have the same.
    #[serde(default, skip_serializing_if = "Table::is_empty")]
    pub settings: Table,
    /// What was found when the recording began; absent where activations are handed over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<Found>,
}

/// Saved activations as a recording found them when it began.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Found {
    /// How epochs and layers are laid out.
    pub layout: Layout,
    /// What the layers are in the order of.
    pub order: LayerOrder,
    /// The different inputs, where a file of inputs is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distinct_inputs: Option<usize>,
    /// Arrays that are taken for no layer.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub skipped: usize,
    /// The epochs; absent where they are followed as they appear.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epochs: Option<FoundEpochs>,
    /// The arrays that are layers, in their order; of feature maps by channels an array is several layers.
    pub arrays: Vec<FoundArray>,
}

fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// How saved activations are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Layout {
    /// A folder for each epoch, a file for each layer.
    Folders,
    /// A file for each epoch, an array for each layer.
    Files,
    /// One file, an array for each epoch and layer.
    OneFile,
}

impl Layout {
    /// In words.
    pub const fn describe(self) -> &'static str {
        match self {
            Layout::Folders => "a folder for each epoch, a file for each layer",
            Layout::Files => "a file for each epoch, an array for each layer",
            Layout::OneFile => "one file, an array for each epoch and layer",
        }
    }
}

/// What the layers of saved activations are in the order of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum LayerOrder {
    /// It was given.
    Given,
    /// The names of their files.
    FileName,
    /// Their places in the file.
    Place,
}

impl LayerOrder {
    /// In words.
    pub const fn describe(self) -> &'static str {
        match self {
            LayerOrder::Given => "the order given",
            LayerOrder::FileName => "file name",
            LayerOrder::Place => "their place in the file",
        }
    }
}

/// The epochs of saved activations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundEpochs {
    /// How many.
    pub count: usize,
    /// The first.
    pub first: u64,
    /// The last.
    pub last: u64,
}

/// A saved array that is a layer, or several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundArray {
    /// Its name.
    pub name: String,
    /// Its shape at the first epoch.
    pub shape: Vec<usize>,
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
    /// H(Y) of the samples measured, in bits; absent where Y is a target of numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub h_y_bits: Option<f64>,
    /// I(X;Y) of the samples measured, in bits; H(Y) unless inputs repeat with different labels. Absent where Y is a target of
    /// numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub i_xy_bits: Option<f64>,
    /// The columns of Y where it is a target of numbers; absent where it is classes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_width: Option<usize>,
    /// I(X;Y) of the rule behind a generated task, in bits; absent where the rule is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub i_xy_rule_bits: Option<f64>,
    /// The gain of the sigmoid that a generated task draws its labels by; absent where labels are not drawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule_gain: Option<f64>,
    /// p(y) of all samples, class by class; empty where Y is a target of numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub label_shares: Vec<f64>,
    /// For each seed, in their order, the share of its training labels that the most frequent class has: the accuracy
    /// of always guessing that. Absent from manifests by earlier versions, and of networks trained elsewhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub guessing_accuracy: Vec<f64>,
    /// The training and the test part, where a run measures both apart; the numbers above are then of both together.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<PartFacts>,
}

impl DataFacts {
    /// H(Y) of the samples measured; no number (NaN) where it is not known, as of a target of numbers.
    pub fn h_y(&self) -> Information {
        Information::from_bits(self.h_y_bits.unwrap_or(f64::NAN))
    }
}

/// What is known of a part of the data that is measured apart; means over the seeds as in [`DataFacts`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PartFacts {
    /// Which part.
    pub part: Part,
    /// Its samples, all of which are measured.
    pub n_measured: usize,
    /// H(X) in bits.
    pub h_x_bits: f64,
    /// H(Y) in bits.
    pub h_y_bits: f64,
    /// I(X;Y) in bits.
    pub i_xy_bits: f64,
}

impl Manifest {
    /// The experiment, for networks that this library trains.
    pub fn experiment(&self) -> Option<&Table> {
        match &self.origin {
            Origin::Experiment(table) => Some(table),
            Origin::Recorded(_) => None,
        }
    }

    /// The value of a key, with dots between its parts: one of the experiment (`training.batch_size`,
    /// `estimators.0.bins`) or of the manifest itself (`name`, `data.n_samples`).
    pub fn value(&self, key: &str) -> Option<Value> {
        let own = Value::try_from(self).ok()?;
        let of_experiment = self.experiment().and_then(|table| look_up(&Value::Table(table.clone()), key));
        let found = of_experiment.or_else(|| look_up(&own, key))?;
        // A table or a list is no value to compare.
        (!matches!(found, Value::Table(_))).then_some(found)
    }

    /// The key of a value that is spelled most like `key`.
    pub(crate) fn similar_key(&self, key: &str) -> Option<String> {
        let mut keys = Vec::new();
        if let Some(experiment) = self.experiment() {
            list_keys(&Value::Table(experiment.clone()), "", &mut keys);
        }
        if let Ok(own) = Value::try_from(self) {
            list_keys(&own, "", &mut keys);
        }
        let last = key.rsplit('.').next().unwrap_or(key);
        let likeness = |candidate: &String| {
            let of_last = candidate.rsplit('.').next().unwrap_or(candidate);
            strsim::jaro_winkler(candidate, key).max(strsim::jaro_winkler(of_last, last))
        };
        let best = keys.into_iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)))?;
        (likeness(&best) > 0.8).then_some(best)
    }

    /// Whether each layer is known to be computed from the one before it: of networks that are trained here, of recorded
    /// layers of which their recorder says so, and of folders of layers whose order was given and which are whole.
    pub fn is_chain(&self) -> bool {
        let Origin::Recorded(recorded) = &self.origin else { return true };
        let Some(folder) = recorded.settings.get("folder") else {
            return recorded.settings.get("chain").and_then(Value::as_bool) == Some(true);
        };
        let is_whole = folder.get("positions").is_none_or(|positions| positions.as_str() == Some("flatten"));
        folder.get("layers").is_some() && is_whole
    }

    /// What a layer is called, from 1.
    pub fn layer_name(&self, layer: usize) -> String {
        LayerDescription::name_in(&self.layers, layer)
    }

    pub(super) fn shared_methods(&self) -> Vec<Arc<MethodDescription>> {
        self.methods.iter().cloned().map(Arc::new).collect()
    }
}

/// The value at a path of keys; a number is a place in a list.
fn look_up(value: &Value, key: &str) -> Option<Value> {
    let step = |value: &Value, part: &str| match value {
        Value::Table(table) => table.get(part).cloned(),
        Value::Array(list) => list.get(part.parse::<usize>().ok()?).cloned(),
        _ => None,
    };
    key.split('.').try_fold(value.clone(), |value, part| step(&value, part))
}

/// The keys of all values that are no tables.
fn list_keys(value: &Value, before: &str, keys: &mut Vec<String>) {
    let below = |part: &str| if before.is_empty() { part.to_string() } else { format!("{before}.{part}") };
    match value {
        Value::Table(table) => table.iter().for_each(|(part, value)| list_keys(value, &below(part), keys)),
        Value::Array(list) if list.iter().any(Value::is_table) => {
            for (place, value) in list.iter().enumerate() {
                list_keys(value, &below(&place.to_string()), keys);
            }
        }
        _ => keys.push(before.to_string()),
    }
}

/// How a run ended: written last, so its presence says that the run is complete.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Rows in `plane.jsonl`.
    pub rows: usize,
    /// Digests of the other files, by which damage to them is found.
    pub digests: Digests,
    /// Each training, in the order of the manifest.
    pub seeds: Vec<SeedOutcome>,
}

impl HasDigest for Outcome {
    fn has_digest(&self) -> bool {
        self.digests.manifest.is_some()
    }
}

/// Digests of a finished run's files: 128 bits of XXH3, in hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digests {
    /// Of `manifest.toml`; absent from runs by earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<String>,
    /// Of all keyframes, as a list of seeds, epochs and digests of files; absent where none are kept, and from runs by earlier
    /// versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keyframes: Option<String>,
    /// Of `plane.jsonl`.
    pub plane: String,
    /// Of `quantities.jsonl`, in runs that measure quantities.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantities: Option<String>,
    /// Of `training.jsonl`.
    pub training: String,
    /// Of `schedule.jsonl`.
    pub schedule: String,
}

/// How the training with one seed ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SeedOutcome {
    /// The seed.
    pub seed: u64,
    /// How many epochs were measured.
    pub measured_epochs: usize,
    /// The last epoch trained.
    pub last_epoch: u64,
    /// Why the training ended.
    #[serde(deserialize_with = "end_of_any_format")]
    pub ended: TrainingEnd,
}

impl SeedOutcome {
    /// Whether the loss stopped being a number.
    pub fn diverged(&self) -> bool {
        matches!(self.ended, TrainingEnd::Diverged { .. })
    }
}

/// Formats before 3 say it in words.
fn end_of_any_format<'de, D: Deserializer<'de>>(deserializer: D) -> Result<TrainingEnd, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Stored {
        Facts(TrainingEnd),
        Words(String),
    }
    Ok(match Stored::deserialize(deserializer)? {
        Stored::Facts(end) => end,
        Stored::Words(words) => {
            let diverged = words.strip_prefix("training diverged at epoch ");
            let epoch = diverged.and_then(|rest| rest.split(':').next()?.parse().ok());
            match epoch {
                Some(epoch) => TrainingEnd::Diverged { epoch, loss: f32::NAN },
                None if words == TrainingEnd::Epochs.to_string() => TrainingEnd::Epochs,
                None => TrainingEnd::Other { reason: words },
            }
        }
    })
}

/// A manifest of format 2: everything but the data is in its experiment.
#[derive(Deserialize)]
pub(super) struct Manifest2 {
    infoplane_version: String,
    seeds: Vec<u64>,
    data: DataFacts,
    layers: Vec<LayerDescription>,
    experiment: Table,
}

impl TryFrom<Manifest2> for Manifest {
    type Error = String;

    fn try_from(before: Manifest2) -> Result<Self, String> {
        let Manifest2 { infoplane_version, seeds, mut data, mut layers, experiment } = before;
        fn key<'t>(table: &'t Table, path: &[&str]) -> Option<&'t toml::Value> {
            let (last, tables) = path.split_last()?;
            let inner = tables.iter().try_fold(table, |table, key| table.get(*key)?.as_table())?;
            inner.get(*last)
        }
        fn value<T: serde::de::DeserializeOwned>(table: &Table, name: &str) -> Result<T, String> {
            let value = table.get(name).ok_or_else(|| format!("experiment.{name} is missing"))?;
            value.clone().try_into().map_err(|error| format!("experiment.{name}: {error}"))
        }
        let text = |name: &str| key(&experiment, &[name]).and_then(|text| text.as_str()).map(String::from);
        for (index, layer) in layers.iter_mut().enumerate() {
            layer.name = LayerDescription::default_name(index);
        }
        let gain = key(&experiment, &["dataset", "source", "gain"]);
        data.rule_gain = gain.and_then(|gain| gain.as_float().or(gain.as_integer().map(|gain| gain as f64)));
        let estimators: Vec<AnyEstimator> = value(&experiment, "estimators")?;
        let described = MethodDescription::of_methods(&estimators);
        let methods = described.iter().map(|method| (**method).clone()).collect();
        let planned = key(&experiment, &["training", "epochs"]).and_then(|epochs| epochs.as_integer());
        Ok(Manifest {
            format_version: 2,
            infoplane_version,
            name: text("name").unwrap_or_else(|| "run".into()),
            reference: text("reference"),
            seeds,
            planned_epochs: planned.and_then(|epochs| u64::try_from(epochs).ok()),
            data,
            schedule: value(&experiment, "schedule")?,
            layers,
            methods,
            quantities: Vec::new(),
            origin: Origin::Experiment(experiment),
        })
    }
}

/// Whether this library reads that format.
pub(super) fn is_read(format_version: u32) -> bool {
    (2..=FORMAT_VERSION).contains(&format_version)
}
