//! The directory of a result.

use std::fs;
use std::io;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use toml::Table;

use super::{AsIfRandom, AsIfRandomResult, SeedStatus};
use crate::directory::{Digest, Disk, RunError, partial_of, read_table, read_toml, to_toml};
use crate::experiment::difference::differences;
use crate::experiment::error::ExperimentError;
use crate::experiment::load::shorten;
use crate::run::{DataFacts, Manifest, RunDir};
use crate::{Information, LayerDescription};

/// The version of the directory's format that this library writes and reads.
const FORMAT_VERSION: u32 = 1;

/// Written last, so its presence says that the tables are there.
const METADATA: &str = "as-if-random.toml";
const POOL: &str = "pool.jsonl";
const DRIFT: &str = "drift.jsonl";
/// The name of [`DRIFT`] in results of earlier versions.
const REST: &str = "rest.jsonl";
const WINDOW: &str = "window.jsonl";
const OVERLAP: &str = "overlap.jsonl";

/// What was computed, and from what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Metadata {
    pub format_version: u32,
    pub infoplane_version: String,
    pub name: String,
    #[serde(default)]
    pub digests: Digests,
    pub data: DataFacts,
    pub layers: Vec<LayerDescription>,
    pub settings: Table,
    pub experiment: Table,
    /// Known once all training runs have ended.
    pub seeds: Vec<SeedStatus>,
}

/// Digests of the tables, by which damage to them is found.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Digests {
    pool: String,
    #[serde(alias = "rest")]
    drift: String,
    window: String,
    overlap: String,
}

impl Metadata {
    pub fn new(
        manifest: &Manifest,
        settings: &AsIfRandom,
        data: DataFacts,
    ) -> Result<Metadata, ExperimentError> {
        let name = &manifest.name;
        let mut settings = Table::try_from(settings)
            .map_err(|error| ExperimentError::Value { origin: name.clone(), message: error.to_string() })?;
        settings.iter_mut().for_each(|(_, value)| shorten(value));
        Ok(Metadata {
            format_version: FORMAT_VERSION,
            infoplane_version: manifest.infoplane_version.clone(),
            name: name.clone(),
            digests: Digests::default(),
            data,
            layers: manifest.layers.clone(),
            settings,
            experiment: manifest.experiment().cloned().unwrap_or_default(),
            seeds: Vec::new(),
        })
    }

    /// A result without any rows yet.
    pub fn result(&self, settings: AsIfRandom) -> AsIfRandomResult {
        AsIfRandomResult {
            name: self.name.clone(),
            settings,
            h_x: Information::from_bits(self.data.h_x_bits),
            h_y: Information::from_bits(self.data.h_y_bits),
            data: self.data.clone(),
            layers: self.layers.clone(),
            seeds: self.seeds.clone(),
            rows: Vec::new(),
            drift: Vec::new(),
            window: Vec::new(),
            overlap: Vec::new(),
        }
    }

    /// All that decides what comes out; not where the data lie.
    fn identity(&self) -> Table {
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
}

impl AsIfRandomResult {
    /// Reads the directory that [`Experiment::as_if_random`](super::Experiment::as_if_random) wrote.
    ///
    /// # Errors
    /// [`RunError`] names the file that is missing, damaged, changed or of another format.
    pub fn read(directory: &Path) -> Result<AsIfRandomResult, RunError> {
        match read_metadata(directory)? {
            Some(metadata) => read_result(directory, &metadata),
            None => Err(RunError::Malformed {
                path: directory.join(METADATA),
                line: None,
                message: format!("there is none, so {} holds no complete result", directory.display()),
            }),
        }
    }

    /// Whether the directory holds a complete result.
    pub fn is_in(directory: &Path) -> bool {
        directory.join(METADATA).is_file()
    }
}

/// What the result in the directory is of; `None` if there is no complete one.
fn read_metadata(directory: &Path) -> Result<Option<Metadata>, RunError> {
    #[derive(Deserialize)]
    struct Version {
        format_version: u32,
        infoplane_version: Option<String>,
    }
    let path = directory.join(METADATA);
    // The version first: another format may well not parse as this one.
    let Some(version) = read_toml::<Version>(&path)? else { return Ok(None) };
    if version.format_version != FORMAT_VERSION {
        let writer = version.infoplane_version.map(|v| format!(", infoplane {v}")).unwrap_or_default();
        let message = format!(
            "has format version {}; this program reads version {FORMAT_VERSION}: use the program that wrote it{writer}, \
             or name another directory",
            version.format_version
        );
        return Err(RunError::Malformed { path, line: None, message });
    }
    read_toml(&path)
}

fn read_result(directory: &Path, metadata: &Metadata) -> Result<AsIfRandomResult, RunError> {
    fn rows<T: DeserializeOwned>(directory: &Path, file: &str, digest: &str) -> Result<Vec<T>, RunError> {
        read_table(&directory.join(file), digest, METADATA)
    }
    let settings =
        metadata.settings.clone().try_into().map_err(|error: toml::de::Error| RunError::Malformed {
            path: directory.join(METADATA),
            line: None,
            message: format!("settings: {}", error.message()),
        })?;
    let is_earlier = !directory.join(DRIFT).exists() && directory.join(REST).exists();
    let drift_file = if is_earlier { REST } else { DRIFT };
    Ok(AsIfRandomResult {
        rows: rows(directory, POOL, &metadata.digests.pool)?,
        drift: rows(directory, drift_file, &metadata.digests.drift)?,
        window: rows(directory, WINDOW, &metadata.digests.window)?,
        overlap: rows(directory, OVERLAP, &metadata.digests.overlap)?,
        ..metadata.result(settings)
    })
}

/// The result that the directory holds, if it is of the same; refuses a directory that holds anything else.
pub(super) fn existing(
    directory: &Path,
    asked: &Metadata,
) -> Result<Option<AsIfRandomResult>, ExperimentError> {
    if let Some(metadata) = read_metadata(directory)? {
        let differences = differences(&metadata.identity(), &asked.identity());
        if !differences.is_empty() {
            return Err(ExperimentError::OtherResult { path: directory.into(), differences });
        }
        return Ok(Some(read_result(directory, &metadata)?));
    }
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(RunError::io("read", directory)(error).into()),
    };
    if RunDir::open(directory).is_ok() {
        return Err(RunError::Occupied(directory.into()).into());
    }
    for entry in entries {
        let name = entry.map_err(RunError::io("read", directory))?.file_name();
        // What is left of a result that was not finished is no hindrance.
        let ours = name.to_str().is_some_and(|name| {
            [POOL, DRIFT, REST, WINDOW, OVERLAP].contains(&name) || partial_of(name).is_some()
        });
        if !ours {
            return Err(RunError::NotEmpty(directory.into()).into());
        }
    }
    Ok(None)
}

/// A directory that a result will be written to.
pub(super) struct OutputDirectory<'a> {
    disk: Disk,
    directory: &'a Path,
    /// Whether it was made for that, and goes again if nothing comes of it.
    made: bool,
}

impl<'a> OutputDirectory<'a> {
    /// Makes the directory if it is not there.
    pub fn new(disk: Disk, directory: &'a Path) -> Result<Self, RunError> {
        let made = !directory.exists();
        disk.create_directory(directory).map_err(RunError::io("create", directory))?;
        Ok(OutputDirectory { disk, directory, made })
    }

    /// Writes the tables, and last what they are of.
    pub fn write(mut self, mut metadata: Metadata, result: &AsIfRandomResult) -> Result<(), RunError> {
        self.made = false;
        let (disk, directory) = (&self.disk, self.directory);
        metadata.digests = Digests {
            pool: write_table(disk, &directory.join(POOL), &result.rows)?,
            drift: write_table(disk, &directory.join(DRIFT), &result.drift)?,
            window: write_table(disk, &directory.join(WINDOW), &result.window)?,
            overlap: write_table(disk, &directory.join(OVERLAP), &result.overlap)?,
        };
        metadata.seeds.clone_from(&result.seeds);
        let path = directory.join(METADATA);
        let text = to_toml(&path, &metadata)?;
        disk.replace(&path, text.as_bytes()).map_err(RunError::io("write", &path))
    }
}

impl Drop for OutputDirectory<'_> {
    fn drop(&mut self) {
        if self.made {
            // Only an empty directory can be removed so.
            let _ = self.disk.remove_directory(self.directory);
        }
    }
}

/// Writes one object per line, and gives the digest of the bytes.
fn write_table<T: Serialize>(disk: &Disk, path: &Path, rows: &[T]) -> Result<String, RunError> {
    let mut bytes = Vec::new();
    for row in rows {
        serde_json::to_writer(&mut bytes, row).map_err(|error| RunError::io("write", path)(error.into()))?;
        bytes.push(b'\n');
    }
    disk.replace(path, &bytes).map_err(RunError::io("write", path))?;
    Ok(Digest::of(&bytes))
}
