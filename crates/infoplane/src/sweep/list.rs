//! The cells of a sweep by their ids, labels and values: what a store keeps of it.

use std::collections::HashMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use twox_hash::XxHash3_128;

use super::{Store, SweepError};

/// The cells of a sweep, whatever computes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CellList {
    name: String,
    axes: Vec<String>,
    cells: Vec<ListedCell>,
}

/// A cell of a [`CellList`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedCell {
    /// The name of the cell in a store: a hash of all that decides its result.
    pub id: String,
    /// What messages call it: `nonlinearity relu, seed 3`.
    pub label: String,
    /// Its value on each axis.
    pub values: Vec<String>,
}

/// The file that says which sweep a store is of.
pub(super) const SWEEP: &str = "sweep.toml";
/// The file that lists its cells.
const CELLS: &str = "cells.csv";

/// What [`SWEEP`] holds.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Settled {
    name: String,
    axes: Vec<String>,
    cells: usize,
    /// Of the ids of the cells.
    digest: String,
    infoplane_version: String,
}

impl CellList {
    /// A list; each cell has a value on each axis.
    ///
    /// # Errors
    /// [`SweepError::Plan`] if two cells have one id: both would be one, computed once.
    pub fn new(name: String, axes: Vec<String>, cells: Vec<ListedCell>) -> Result<CellList, SweepError> {
        let mut first: HashMap<&str, &ListedCell> = HashMap::with_capacity(cells.len());
        for cell in &cells {
            if let Some(other) = first.insert(&cell.id, cell) {
                return Err(SweepError::Plan {
                    origin: name,
                    message: format!(
                        "two cells are the same experiment: `{}` and `{}`; each cell is computed once, so leave one out",
                        other.label, cell.label
                    ),
                });
            }
        }
        Ok(CellList { name, axes, cells })
    }

    /// What the sweep is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The names of the axes, in the order of their columns: `case`, the keys, `seed`.
    pub fn axes(&self) -> &[String] {
        &self.axes
    }

    /// The cells, those that differ in their seeds alone next to each other.
    pub fn cells(&self) -> &[ListedCell] {
        &self.cells
    }

    /// Hash of the ids of all cells, in their order.
    pub fn digest(&self) -> String {
        let mut digest = XxHash3_128::new();
        for cell in &self.cells {
            digest.write(cell.id.as_bytes());
            digest.write(b"\n");
        }
        format!("{:032x}", digest.finish_128())
    }

    /// Reads the list of a store.
    ///
    /// # Errors
    /// [`SweepError::NoSweep`] if the directory is no store of a sweep, or what it says of its sweep is damaged.
    pub fn of(store: &Store) -> Result<CellList, SweepError> {
        let directory = store.directory();
        let wrong = |why: String| SweepError::NoSweep { path: directory.into(), why };
        let settled = settled(directory).map_err(wrong)?;
        let path = directory.join(CELLS);
        let damaged = |error: csv::Error| wrong(format!("{CELLS}: {error}"));
        let mut reader = csv::Reader::from_path(&path).map_err(damaged)?;
        let mut cells = Vec::with_capacity(settled.cells.min(1 << 20));
        for record in reader.records() {
            let record = record.map_err(damaged)?;
            let mut fields = record.iter().map(str::to_string);
            let (id, label) = (fields.next().unwrap_or_default(), fields.next().unwrap_or_default());
            cells.push(ListedCell { id, label, values: fields.collect() });
        }
        let list = CellList { name: settled.name, axes: settled.axes, cells };
        let is_whole = list.cells.iter().all(|cell| cell.values.len() == list.axes.len());
        match is_whole && list.cells.len() == settled.cells && list.digest() == settled.digest {
            true => Ok(list),
            false => Err(wrong(format!("{CELLS} does not list the cells of {SWEEP}"))),
        }
    }

    /// Sees that a store is this sweep's.
    ///
    /// # Errors
    /// [`SweepError::OtherSweep`] if it is another's; [`SweepError::NoSweep`] if it is none's.
    pub fn check(&self, store: &Store) -> Result<(), SweepError> {
        let directory = store.directory();
        let own = self.settled();
        let held = settled(directory).map_err(|why| SweepError::NoSweep { path: directory.into(), why })?;
        if (&held.digest, held.cells) != (&own.digest, own.cells) {
            let (held, given) = (held.to_string(), own.to_string());
            return Err(SweepError::OtherSweep { store: directory.into(), held, given });
        }
        Ok(())
    }

    /// Makes a store this sweep's, or sees that it is.
    ///
    /// # Errors
    /// As [`CellList::check`]; [`SweepError::Write`].
    pub fn settle(&self, store: &Store) -> Result<(), SweepError> {
        let directory = store.directory();
        if directory.join(SWEEP).exists() {
            return self.check(store);
        }
        // Of several that begin at once each writes the same. The list first: whoever finds the other file finds both.
        let write = |name: &str, bytes: &[u8]| {
            let path = directory.join(name);
            store.disk().replace(&path, bytes).map_err(|source| SweepError::Write { path, source })
        };
        write(CELLS, &self.csv())?;
        write(SWEEP, toml::to_string(&self.settled()).unwrap_or_default().as_bytes())
    }

    fn settled(&self) -> Settled {
        Settled {
            name: self.name.clone(),
            axes: self.axes.clone(),
            cells: self.cells.len(),
            digest: self.digest(),
            infoplane_version: env!("CARGO_PKG_VERSION").into(),
        }
    }

    /// The list as CSV: id, label and a column for each axis.
    pub fn csv(&self) -> Vec<u8> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        let head = ["id", "label"].into_iter().chain(self.axes.iter().map(String::as_str));
        let mut written = writer.write_record(head);
        for cell in &self.cells {
            let fields = [&cell.id, &cell.label].into_iter().chain(&cell.values);
            written = written.and_then(|()| writer.write_record(fields));
        }
        written.expect("every cell has as many fields as the head, and memory takes them");
        writer.into_inner().expect("memory takes all bytes")
    }
}

fn settled(directory: &Path) -> Result<Settled, String> {
    let text = std::fs::read_to_string(directory.join(SWEEP)).map_err(|error| format!("{SWEEP}: {error}"))?;
    toml::from_str(&text).map_err(|error| format!("{SWEEP}: {}", error.message()))
}

impl std::fmt::Display for Settled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Settled { name, cells, digest, infoplane_version, .. } = self;
        let digest = digest.get(..8).unwrap_or(digest);
        write!(f, "`{name}` ({cells} cells, digest {digest}…, infoplane {infoplane_version})")
    }
}
