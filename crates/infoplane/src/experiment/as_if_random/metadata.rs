//! What a result is of, and how it is read.

use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use toml::Table;

use super::{AsIfRandom, AsIfRandomResult, SeedStatus};
use crate::directory::{
    FORMAT_VERSION, HasDigest, OUTCOME, RunError, check_digest, digest_of_file, from_toml, read,
    read_digested_toml, read_table,
};
use crate::experiment::error::ExperimentError;
use crate::experiment::load::shorten;
use crate::plane::MethodDescription;
use crate::pool::{PoolMethods, StoredOverlapRow, StoredPoolRow, pool_methods};
use crate::printable::printable_path;
use crate::run::{DataFacts, Manifest};
use crate::{Information, LayerDescription};

/// Written first: what is computed, and from what.
pub(super) const METADATA: &str = "as-if-random.toml";
pub(super) const POOL: &str = "pool.jsonl";
pub(super) const DRIFT: &str = "drift.jsonl";
pub(super) const WINDOW: &str = "window.jsonl";
pub(super) const OVERLAP: &str = "overlap.jsonl";
/// An earlier name of [`DRIFT`] in format 1.
pub(super) const REST: &str = "rest.jsonl";

/// What is computed, and from what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Metadata {
    pub format_version: u32,
    pub infoplane_version: String,
    pub name: String,
    pub data: DataFacts,
    pub layers: Vec<LayerDescription>,
    /// Absent in format 1, whose rows spell them out.
    #[serde(default)]
    pub methods: Vec<MethodDescription>,
    pub settings: Table,
    pub experiment: Table,
    /// In format 1, where this file was written last.
    #[serde(flatten, default, skip_serializing)]
    outcome: Option<PoolOutcome>,
}

/// How the training runs ended; written last, so its presence says that the result is complete.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct PoolOutcome {
    /// By which damage to the tables is found.
    pub digests: Digests,
    /// In the order of the seeds.
    pub seeds: Vec<SeedStatus>,
}

impl HasDigest for PoolOutcome {
    fn has_digest(&self) -> bool {
        self.digests.metadata.is_some()
    }
}

/// Digests of the tables.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Digests {
    /// Of the file that says what is computed; absent from results by earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<String>,
    pub pool: String,
    #[serde(alias = "rest")]
    pub drift: String,
    pub window: String,
    pub overlap: String,
}

impl Metadata {
    /// `experiment` is that of the manifest, or says where the networks come from.
    pub fn new(
        manifest: &Manifest,
        settings: &AsIfRandom,
        data: DataFacts,
        experiment: Table,
    ) -> Result<Metadata, ExperimentError> {
        let name = &manifest.name;
        let methods = pool_methods(&settings.estimators);
        let mut settings = Table::try_from(settings)
            .map_err(|error| ExperimentError::Value { origin: name.clone(), message: error.to_string() })?;
        settings.iter_mut().for_each(|(_, value)| shorten(value));
        Ok(Metadata {
            format_version: FORMAT_VERSION,
            infoplane_version: manifest.infoplane_version.clone(),
            name: name.clone(),
            data,
            layers: manifest.layers.clone(),
            methods: methods.iter().map(|method| (**method).clone()).collect(),
            settings,
            experiment,
            outcome: None,
        })
    }

    /// A result without any rows yet.
    pub fn result(&self, settings: AsIfRandom) -> AsIfRandomResult {
        AsIfRandomResult {
            name: self.name.clone(),
            settings,
            h_x: Information::from_bits(self.data.h_x_bits),
            h_y: self.data.h_y(),
            data: self.data.clone(),
            layers: self.layers.clone(),
            methods: self.methods.iter().cloned().map(Arc::new).collect(),
            seeds: Vec::new(),
            rows: Vec::new(),
            drift: Vec::new(),
            window: Vec::new(),
            overlap: Vec::new(),
        }
    }

    /// All that decides what comes out; not where the data lie.
    pub fn identity(&self) -> Table {
        let mut experiment = self.experiment.clone();
        if let Some(dataset) = experiment.get_mut("dataset").and_then(|dataset| dataset.as_table_mut()) {
            dataset.remove("source");
        }
        let mut table = Table::new();
        table.insert("infoplane_version".into(), self.infoplane_version.clone().into());
        table.insert("data_digest".into(), self.data.digest.clone().into());
        table.insert("settings".into(), self.settings.clone().into());
        table.insert("experiment".into(), experiment.into());
        table
    }

    /// What is pooled, and how it is measured.
    pub fn settings(&self, directory: &Path) -> Result<AsIfRandom, RunError> {
        self.settings.clone().try_into().map_err(|error: toml::de::Error| RunError::Malformed {
            path: directory.join(METADATA),
            line: None,
            message: format!("settings: {}", error.message()),
        })
    }

    /// The error for a directory without any.
    pub fn missing(directory: &Path) -> RunError {
        let message = format!("there is none, so {} holds no pool of networks", printable_path(directory));
        RunError::Malformed { path: directory.join(METADATA), line: None, message }
    }

    /// How it ended, where this file says it.
    pub fn first_outcome(&self) -> Option<&PoolOutcome> {
        self.outcome.as_ref()
    }

    /// How it ended, with the file that says so; `None` if it is not complete.
    pub fn outcome(&self, directory: &Path) -> Result<Option<(PoolOutcome, &'static str)>, RunError> {
        match &self.outcome {
            Some(outcome) => Ok(Some((outcome.clone(), METADATA))),
            None => {
                let Some(outcome) = read_digested_toml::<PoolOutcome>(&directory.join(OUTCOME))? else {
                    return Ok(None);
                };
                if let Some(digest) = &outcome.digests.metadata {
                    let path = directory.join(METADATA);
                    let found = digest_of_file(&path)?.unwrap_or_default();
                    check_digest(&found, &path, digest, OUTCOME)?;
                }
                Ok(Some((outcome, OUTCOME)))
            }
        }
    }
}

impl AsIfRandomResult {
    /// Reads the directory that [`Experiment::as_if_random`](crate::experiment::Experiment::as_if_random) wrote; also of
    /// format 1, which earlier versions wrote.
    ///
    /// # Errors
    /// [`RunError`] names the file that is missing, damaged, changed or of another format; [`RunError::Malformed`] if the
    /// result is not complete.
    pub fn read(directory: &Path) -> Result<AsIfRandomResult, RunError> {
        let Some((metadata, _)) = read_metadata(directory)? else { return Err(Metadata::missing(directory)) };
        match metadata.outcome(directory)? {
            Some((outcome, named_in)) => read_result(directory, &metadata, outcome, named_in),
            None => {
                let message = format!(
                    "there is none, so the result in {} is not complete; resume it",
                    printable_path(directory)
                );
                Err(RunError::Malformed { path: directory.join(OUTCOME), line: None, message })
            }
        }
    }

    /// Whether the directory holds a result, complete or not.
    pub fn is_in(directory: &Path) -> bool {
        directory.join(METADATA).is_file()
    }

    /// Whether the directory holds a complete result.
    pub fn is_complete_in(directory: &Path) -> bool {
        let metadata = read_metadata(directory).ok().flatten();
        metadata.is_some_and(|(metadata, _)| matches!(metadata.outcome(directory), Ok(Some(_))))
    }
}

/// What the result in the directory is of, with the bytes that say so; `None` if there is none.
pub(super) fn read_metadata(directory: &Path) -> Result<Option<(Metadata, Vec<u8>)>, RunError> {
    #[derive(Deserialize)]
    struct Version {
        format_version: u32,
        infoplane_version: Option<String>,
    }
    let path = directory.join(METADATA);
    // The version first: another format may well not parse as this one.
    let Some(bytes) = read(&path)? else { return Ok(None) };
    let version: Version = from_toml(&path, bytes.clone())?;
    if ![1, FORMAT_VERSION].contains(&version.format_version) {
        let writer = version.infoplane_version.map(|v| format!(", infoplane {v}")).unwrap_or_default();
        let message = format!(
            "has format version {}; this program reads versions 1 and {FORMAT_VERSION}: use the program that wrote \
             it{writer}, or name another directory",
            version.format_version
        );
        return Err(RunError::Malformed { path, line: None, message });
    }
    let mut metadata: Metadata = from_toml(&path, bytes.clone())?;
    // The oldest give layers no name.
    for (index, layer) in metadata.layers.iter_mut().enumerate() {
        if layer.name.is_empty() {
            layer.name = LayerDescription::default_name(index);
        }
    }
    Ok(Some((metadata, bytes)))
}

pub(super) fn read_result(
    directory: &Path,
    metadata: &Metadata,
    outcome: PoolOutcome,
    named_in: &str,
) -> Result<AsIfRandomResult, RunError> {
    let settings = metadata.settings(directory)?;
    let mut result = AsIfRandomResult { seeds: outcome.seeds, ..metadata.result(settings) };
    let first_format = metadata.format_version == 1;
    let mut methods =
        if first_format { PoolMethods::of_format_1() } else { PoolMethods::known(&result.methods) };
    let at = |file: &str| directory.join(file);
    let digests = &outcome.digests;
    let pool: Vec<StoredPoolRow<'static>> = read_table(&at(POOL), &digests.pool, named_in)?;
    let overlap: Vec<StoredOverlapRow<'static>> = read_table(&at(OVERLAP), &digests.overlap, named_in)?;
    result.rows = rows(&at(POOL), pool, |stored| methods.row(stored))?;
    result.overlap = rows(&at(OVERLAP), overlap, |stored| methods.overlap(stored))?;
    // Format 1 knew both names.
    let is_earlier = first_format && !at(DRIFT).exists() && at(REST).exists();
    result.drift = read_table(&at(if is_earlier { REST } else { DRIFT }), &digests.drift, named_in)?;
    result.window = read_table(&at(WINDOW), &digests.window, named_in)?;
    if first_format {
        result.methods = methods.into_methods();
    }
    Ok(result)
}

/// Rows with their methods; an error names the line.
fn rows<S, T>(
    path: &Path,
    stored: Vec<S>,
    mut row: impl FnMut(S) -> Result<T, String>,
) -> Result<Vec<T>, RunError> {
    let numbered = stored.into_iter().enumerate();
    numbered
        .map(|(index, stored)| {
            row(stored).map_err(|message| RunError::Malformed {
                path: path.into(),
                line: Some(index + 1),
                message,
            })
        })
        .collect()
}
