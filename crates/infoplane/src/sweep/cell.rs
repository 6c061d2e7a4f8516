//! One cell of a sweep, and the name that its contents give it.

use twox_hash::XxHash3_128;

use super::CellKind;
use crate::dataset::{DatasetError, DatasetSource};
use crate::directory::FORMAT_VERSION;
use crate::experiment::{AsIfRandom, Experiment, OneOrEach};

/// A run, or a pool of networks, of a sweep.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// What tables and messages call it.
    pub label: String,
    /// The networks and what is measured.
    pub experiment: Experiment,
    /// Where given, the cell is not measured epoch by epoch: its networks are pooled.
    pub pooled: Option<AsIfRandom>,
}

impl Cell {
    /// Returns the name of the cell, such as `tanh-10-7-5-4-3-` and 128 bits of a hash of all that decides its result.
    ///
    /// That is the configuration, the data and the version of this library, another of which may compute other last
    /// digits. Of data in files it is their [digest](crate::Dataset::digest), not the place where they lie. Names, labels
    /// and references decide nothing. What stands before the hash, nonlinearities and widths of hidden layers, is for people, and follows
    /// from what is hashed. `data_digest` is that of [`Cell::data_digest`].
    pub fn id(&self, data_digest: Option<&str>) -> String {
        let Experiment { first_seed, seeds, .. } = self.experiment;
        let table = self.experiment.to_table();
        Identity::of(&self.experiment, table, self.pooled.as_ref(), data_digest).with_seeds(first_seed, seeds)
    }

    /// What it leaves when it is complete.
    pub fn kind(&self) -> CellKind {
        if self.pooled.is_some() { CellKind::Pool } else { CellKind::Run }
    }

    /// Whether the configuration decides the data.
    pub(super) fn data_are_generated(&self) -> bool {
        are_generated(&self.experiment.dataset.source)
    }

    /// Reads the data and returns their digest; `None` for data that are generated, which the configuration decides.
    ///
    /// # Errors
    /// [`DatasetError`] if a file cannot be read.
    pub fn data_digest(&self) -> Result<Option<String>, DatasetError> {
        digest_of(&self.experiment.dataset.source)
    }
}

/// The digest of data; `None` for those that the configuration decides.
pub(super) fn digest_of(source: &DatasetSource) -> Result<Option<String>, DatasetError> {
    if are_generated(source) { Ok(None) } else { Ok(Some(source.load(0)?.digest())) }
}

fn are_generated(source: &DatasetSource) -> bool {
    matches!(source, DatasetSource::Symmetric12 { .. })
}

/// What decides the results of cells that differ in their seeds alone: of many seeds it is hashed once.
#[derive(Debug)]
pub(super) struct Identity {
    prefix: String,
    digest: u128,
}

/// Ids begin with at most so many bytes for people: with what follows they fit into every file system.
const PREFIX: usize = 60;

impl Identity {
    /// `table` is that of the experiment.
    pub fn of(
        experiment: &Experiment,
        mut table: toml::Table,
        pooled: Option<&AsIfRandom>,
        data_digest: Option<&str>,
    ) -> Identity {
        if let Some(settings) = pooled {
            let settings = toml::Table::try_from(settings).expect("settings have only string keys");
            table.insert("as-if-random".into(), settings.into());
        }
        for key in ["name", "reference", "seeds", "first_seed"] {
            table.remove(key);
        }
        if let (Some(digest), Some(dataset)) =
            (data_digest, table.get_mut("dataset").and_then(|dataset| dataset.as_table_mut()))
        {
            dataset.insert("source".into(), digest.into());
        }
        table.insert("infoplane_version".into(), env!("CARGO_PKG_VERSION").into());
        table.insert("format_version".into(), i64::from(FORMAT_VERSION).into());
        let text = toml::Value::Table(table).to_string();
        Identity { prefix: prefix(experiment), digest: XxHash3_128::oneshot(text.as_bytes()) }
    }

    /// The id of the cell with these seeds.
    pub fn with_seeds(&self, first_seed: u64, seeds: u64) -> String {
        let text =
            format!("{:032x}, seeds {first_seed} and {} after it", self.digest, seeds.saturating_sub(1));
        format!("{}-{:032x}", self.prefix, XxHash3_128::oneshot(text.as_bytes()))
    }
}

/// The nonlinearities and the widths of the hidden layers.
fn prefix(experiment: &Experiment) -> String {
    let network = &experiment.network;
    let mut parts: Vec<String> = match &network.nonlinearity {
        OneOrEach::One(one) => vec![one.name().into()],
        OneOrEach::Each(each) => each.iter().map(|one| one.name().into()).collect(),
    };
    parts.dedup();
    parts.extend(network.hidden.iter().map(usize::to_string));
    let mut prefix = parts.join("-");
    while prefix.len() > PREFIX {
        let end = prefix.rfind('-').unwrap_or(0);
        prefix.truncate(end);
    }
    if prefix.is_empty() { "network".into() } else { prefix }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(overrides: &[&str]) -> Cell {
        let overrides: Vec<String> = overrides.iter().map(|text| text.to_string()).collect();
        let experiment = Experiment::load("tishby2017", &overrides).unwrap();
        Cell { label: "a".into(), experiment, pooled: None }
    }

    #[test]
    fn what_decides_the_result_decides_the_id() {
        let id = |cell: &Cell| cell.id(cell.data_digest().unwrap().as_deref());
        let base = cell(&[]);
        assert_eq!(id(&Cell { label: "b".into(), ..base.clone() }), id(&base));
        assert_ne!(id(&cell(&["seeds=7"])), id(&base));
        assert_ne!(id(&cell(&["training.optimizer.learning_rate=0.02"])), id(&base));
        let settings = AsIfRandom::default();
        assert_ne!(id(&Cell { pooled: Some(settings), ..base.clone() }), id(&base));
        assert_ne!(id(&cell(&["network.nonlinearity=\"relu\""])), id(&base));
        // What it is called decides nothing, also of the directory.
        assert_eq!(id(&cell(&["name=\"another name\""])), id(&base));
        let (prefix, digest) =
            id(&base).rsplit_once('-').map(|(a, b)| (a.to_string(), b.to_string())).unwrap();
        assert_eq!((&prefix[..], digest.len()), ("tanh-10-7-5-4-3", 32));
    }

    #[test]
    fn directories_of_many_layers_and_of_long_names_have_short_names() {
        let hidden = format!("network.hidden={:?}", [16; 60]);
        let long = cell(&[&hidden, &format!("name=\"{}\"", "a".repeat(400))]);
        let id = long.id(None);
        assert!(id.len() <= 60 + 33 && id.starts_with("tanh-16-16-") && !id.contains("--"), "{id}");
    }

    #[test]
    fn data_are_known_by_their_contents_wherever_they_lie() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let rows = "a,b,label\n0,1,0\n1,0,1\n1,1,0\n";
        let [here, there] = ["here.csv", "there.csv"].map(|name| write(name, rows));
        let other = write("other.csv", "a,b,label\n0,1,0\n1,0,1\n1,1,1\n");
        let id = |path: &std::path::Path| {
            let source =
                format!("dataset.source={{kind=\"csv\",file={:?},label=\"label\",header=true}}", path);
            let cell = cell(&[&source]);
            cell.id(cell.data_digest().unwrap().as_deref())
        };
        assert_eq!(id(&here), id(&there));
        assert_ne!(id(&here), id(&other));
        let mut gone = cell(&[]);
        gone.experiment.dataset.source = DatasetSource::Mnist { directory: folder.path().join("none") };
        assert!(gone.data_digest().is_err());
    }
}
