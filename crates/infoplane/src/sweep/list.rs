//! The cells of a sweep by their ids, labels and values: what a store keeps of it.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use twox_hash::XxHash3_128;

use super::entry::ENDED_EARLY;
use super::store::{POOLS, RUNS, WORK};
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

/// The file that says which sweep a store is of. One that was extended has `sweep.2.toml`, `sweep.3.toml` and so on beside it, of which
/// the last counts: each is made only if it is not there yet, so that of several workers that change a sweep at once one does, and the
/// others look again.
pub(super) const SWEEP: &str = "sweep.toml";
/// The directory of lists of cells. Each has its digest for a name, so that no list takes the place of another one.
pub(super) const CELLS: &str = "cells";

/// What [`SWEEP`] holds.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Settled {
    name: String,
    axes: Vec<String>,
    cells: usize,
    /// Of the ids of the cells.
    digest: String,
    /// Of the bytes of the list, whose name it is.
    list: String,
    infoplane_version: String,
}

/// What a store says of its sweep.
struct Held {
    /// Of the file that says it, from 1.
    number: u64,
    settled: Settled,
}

/// What stands where a store says which sweep it is of, and does not say it.
enum Unread {
    /// A file that is not whole, by its number.
    Damaged { number: u64, why: String },
    /// The file of a sweep: the directory is its user's.
    NoStore,
}

impl Unread {
    fn error(self, directory: &Path) -> SweepError {
        match self {
            Unread::Damaged { why, .. } => damaged(directory, why),
            Unread::NoStore => SweepError::NoSweep {
                path: directory.into(),
                why: format!("its {SWEEP} is the file of a sweep; a store is a directory of its own"),
            },
        }
    }
}

/// How a list stands to that of a store.
enum Relation {
    /// All its cells are in the store's list.
    Within,
    /// It has all cells of the store's, and more.
    Extends,
    /// The store has lost its list, which this one is.
    Restores,
}

/// A file that is being written where files have one name alone is whole after so long.
const WRITTEN: Duration = Duration::from_millis(500);
/// After so long a machine sees what another one wrote.
const SEEN: Duration = Duration::from_secs(30);
/// How often whoever waits for a file looks again.
const LOOK_EVERY: Duration = Duration::from_millis(20);

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
    /// [`SweepError::NoSweep`] if the directory is no store of a sweep; [`SweepError::DamagedSweep`] if what it says of its sweep is
    /// damaged.
    pub fn of(store: &Store) -> Result<CellList, SweepError> {
        let directory = store.directory();
        let held = must_hold(directory)?;
        read_list(directory, &held.settled).map_err(|why| damaged(directory, why))
    }

    /// Whether the store lists these cells still: a sweep may have been extended since.
    pub fn is_that_of(&self, store: &Store) -> bool {
        let held = held(store.directory()).ok().flatten();
        held.is_some_and(|held| {
            (held.settled.cells, held.settled.digest) == (self.cells.len(), self.digest())
        })
    }

    /// Sees that a store is this sweep's: all cells are in the list of the store, or those of the store in this one.
    ///
    /// # Errors
    /// [`SweepError::OtherSweep`] if it is another's; [`SweepError::NoSweep`] if it is none's; [`SweepError::DamagedSweep`].
    pub fn check(&self, store: &Store) -> Result<(), SweepError> {
        self.relation(store, &must_hold(store.directory())?).map(|_| ())
    }

    /// Makes a store this sweep's, or sees that it is. A list that has all cells of the store's and more extends the store; workers with
    /// the old list go on. A list or a description that was lost is written again.
    ///
    /// # Errors
    /// As [`CellList::check`]; [`SweepError::Write`].
    pub fn settle(&self, store: &Store) -> Result<(), SweepError> {
        let directory = store.directory();
        let start = Instant::now();
        loop {
            let (number, lost) = match held(directory) {
                Ok(None) => (1, None),
                Ok(Some(held)) => match self.relation(store, &held)? {
                    Relation::Within => return Ok(()),
                    Relation::Extends => (held.number + 1, None),
                    Relation::Restores => (held.number + 1, Some(held.settled.list)),
                },
                // Nobody can tell which sweep it was, but what was computed can.
                Err(Unread::Damaged { number, .. }) if self.explains(store) => (number + 1, None),
                Err(unread) => return Err(unread.error(directory)),
            };
            match self.publish(store, number, lost.as_deref()) {
                // Another worker was first. Its file may be seen here a little later.
                Err(SweepError::Write { source, .. })
                    if source.kind() == io::ErrorKind::AlreadyExists && start.elapsed() < SEEN =>
                {
                    std::thread::sleep(LOOK_EVERY);
                }
                done => return done,
            }
        }
    }

    /// Writes the list, then the file that says that it counts; `lost` is the name of the list that did before.
    fn publish(&self, store: &Store, number: u64, lost: Option<&str>) -> Result<(), SweepError> {
        let failed = |path: PathBuf| move |source| SweepError::Write { path, source };
        let (directory, disk) = (store.directory(), store.disk());
        let (csv, lists) = (self.csv(), directory.join(CELLS));
        let settled = self.settled(&csv);
        let path = list_path(directory, &settled.list);
        disk.create_directory(&lists).map_err(failed(lists))?;
        disk.replace(&path, &csv).map_err(failed(path))?;
        if lost == Some(&settled.list) {
            return Ok(());
        }
        let path = directory.join(description(number));
        let text = toml::to_string(&settled).unwrap_or_default();
        disk.create_whole(&path, text.as_bytes()).map_err(failed(path))
    }

    fn relation(&self, store: &Store, held: &Held) -> Result<Relation, SweepError> {
        let directory = store.directory();
        let found = read_list(directory, &held.settled);
        if held.settled.digest == self.digest() {
            return Ok(if found.is_ok() { Relation::Within } else { Relation::Restores });
        }
        let list = match found {
            Ok(list) => list,
            Err(_) if self.explains(store) => return Ok(Relation::Restores),
            Err(why) => return Err(damaged(directory, why)),
        };
        let (own, others) = (self.ids(), list.ids());
        let lacking = others.difference(&own).count();
        match (lacking, own.difference(&others).count()) {
            (_, 0) => Ok(Relation::Within),
            (0, _) => Ok(Relation::Extends),
            (lacking, new) => Err(SweepError::OtherSweep {
                store: directory.into(),
                held: held.settled.to_string(),
                given: self.settled(&[]).to_string(),
                lacking,
                new,
            }),
        }
    }

    fn ids(&self) -> HashSet<&str> {
        self.cells.iter().map(|cell| &cell.id[..]).collect()
    }

    /// Whether all that was begun in a store are cells of this list.
    fn explains(&self, store: &Store) -> bool {
        let own = self.ids();
        [RUNS, POOLS, WORK].iter().all(|part| {
            let entries = std::fs::read_dir(store.directory().join(part)).into_iter().flatten().flatten();
            entries.into_iter().all(|entry| {
                let name = entry.file_name();
                let name = name.to_string_lossy();
                own.contains(name.strip_suffix(ENDED_EARLY).unwrap_or(&name))
            })
        })
    }

    /// `csv` is the list as it is written.
    fn settled(&self, csv: &[u8]) -> Settled {
        Settled {
            name: self.name.clone(),
            axes: self.axes.clone(),
            cells: self.cells.len(),
            digest: self.digest(),
            list: digest_of(csv),
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

/// The file that says for the nth time which cells a store has.
fn description(number: u64) -> String {
    if number == 1 { SWEEP.into() } else { format!("sweep.{number}.toml") }
}

/// The number in the name of a description.
fn number_of(name: &str) -> Option<u64> {
    if name == SWEEP {
        return Some(1);
    }
    name.strip_prefix("sweep.")?.strip_suffix(".toml")?.parse().ok().filter(|&number| number > 1)
}

fn list_path(directory: &Path, list: &str) -> PathBuf {
    directory.join(CELLS).join(format!("{list}.csv"))
}

fn digest_of(bytes: &[u8]) -> String {
    format!("{:032x}", XxHash3_128::oneshot(bytes))
}

/// What a store says of its sweep, if it does.
fn held(directory: &Path) -> Result<Option<Held>, Unread> {
    let Ok(entries) = std::fs::read_dir(directory) else { return Ok(None) };
    let numbers = entries.flatten().filter_map(|entry| number_of(entry.file_name().to_str()?));
    let Some(mut number) = numbers.max() else { return Ok(None) };
    // A list of names may be older on a network file system than the files themselves.
    while directory.join(description(number + 1)).exists() {
        number += 1;
    }
    let name = description(number);
    let start = Instant::now();
    loop {
        let read = std::fs::read_to_string(directory.join(&name)).map_err(|error| error.to_string());
        let parsed: Result<toml::Table, String> =
            read.and_then(|text| text.parse().map_err(|error: toml::de::Error| error.message().to_string()));
        if parsed.as_ref().is_ok_and(|table| number == 1 && table.contains_key("base")) {
            return Err(Unread::NoStore);
        }
        let settled = parsed.and_then(|table| table.try_into().map_err(|error| error.message().to_string()));
        match settled {
            Ok(settled) => return Ok(Some(Held { number, settled })),
            Err(_) if start.elapsed() < WRITTEN => std::thread::sleep(LOOK_EVERY),
            Err(why) => return Err(Unread::Damaged { number, why: format!("{name}: {why}") }),
        }
    }
}

fn must_hold(directory: &Path) -> Result<Held, SweepError> {
    match held(directory) {
        Ok(Some(held)) => Ok(held),
        Ok(None) => {
            let why = if directory.is_dir() { "it has no sweep.toml" } else { "it is no directory" };
            Err(SweepError::NoSweep { path: directory.into(), why: why.into() })
        }
        Err(unread) => Err(unread.error(directory)),
    }
}

fn damaged(directory: &Path, why: String) -> SweepError {
    SweepError::DamagedSweep { path: directory.into(), why }
}

/// The list that a description names.
fn read_list(directory: &Path, settled: &Settled) -> Result<CellList, String> {
    let path = list_path(directory, &settled.list);
    let name = format!("{CELLS}/{}.csv", settled.list);
    let bytes = std::fs::read(&path).map_err(|error| format!("{name}: {error}"))?;
    let other = || format!("{name} does not list the cells of {SWEEP}");
    if digest_of(&bytes) != settled.list {
        return Err(other());
    }
    let mut cells = Vec::with_capacity(settled.cells.min(1 << 20));
    for record in csv::Reader::from_reader(&bytes[..]).records() {
        let record = record.map_err(|error| format!("{name}: {error}"))?;
        let mut fields = record.iter().map(str::to_string);
        let (id, label) = (fields.next().unwrap_or_default(), fields.next().unwrap_or_default());
        cells.push(ListedCell { id, label, values: fields.collect() });
    }
    let list = CellList { name: settled.name.clone(), axes: settled.axes.clone(), cells };
    let is_whole = list.cells.iter().all(|cell| cell.values.len() == list.axes.len());
    match is_whole && list.cells.len() == settled.cells && list.digest() == settled.digest {
        true => Ok(list),
        false => Err(other()),
    }
}

impl std::fmt::Display for Settled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Settled { name, cells, digest, infoplane_version, .. } = self;
        let digest = digest.get(..8).unwrap_or(digest);
        write!(f, "`{name}` ({cells} cells, digest {digest}…, infoplane {infoplane_version})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Barrier;

    /// A list of cells that are called by numbers.
    fn list(name: &str, cells: impl IntoIterator<Item = usize>) -> CellList {
        let cells = cells.into_iter().map(|n| ListedCell {
            id: format!("cell-{n}"),
            label: format!("{name} {n}"),
            values: vec![n.to_string()],
        });
        CellList::new(name.into(), vec!["n".into()], cells.collect()).unwrap()
    }

    fn store(folder: &tempfile::TempDir) -> Store {
        Store::open(&folder.path().join("store")).unwrap()
    }

    #[test]
    fn of_sweeps_that_begin_a_store_at_once_one_has_it() {
        for _ in 0..40 {
            let folder = tempfile::tempdir().unwrap();
            let lists: Vec<CellList> =
                (0..4).map(|own| list(&own.to_string(), 10 * own..10 * own + 9)).collect();
            let barrier = Barrier::new(lists.len());
            let begin = |list: &CellList| {
                let store = store(&folder);
                barrier.wait();
                list.settle(&store)
            };
            let begin = &begin;
            let settled: Vec<Result<(), SweepError>> = std::thread::scope(|scope| {
                let threads: Vec<_> = lists.iter().map(|list| scope.spawn(move || begin(list))).collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            let winners: Vec<usize> = (0..lists.len()).filter(|&own| settled[own].is_ok()).collect();
            assert_eq!(winners.len(), 1, "{settled:?}");
            assert_eq!(CellList::of(&store(&folder)).unwrap(), lists[winners[0]]);
            for lost in settled.iter().filter_map(|settled| settled.as_ref().err()) {
                assert!(matches!(lost, SweepError::OtherSweep { lacking: 9, new: 9, .. }), "{lost:?}");
            }
        }
    }

    #[test]
    fn a_list_with_more_cells_extends_the_store_and_the_old_one_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(&folder);
        let (old, new) = (list("old", 0..3), list("new", 0..5));
        old.settle(&store).unwrap();
        // To look at what an extension brings changes nothing.
        new.check(&store).unwrap();
        assert_eq!(CellList::of(&store).unwrap(), old);
        assert!(old.is_that_of(&store) && !new.is_that_of(&store));
        new.settle(&store).unwrap();
        assert_eq!(CellList::of(&store).unwrap(), new);
        assert!(new.is_that_of(&store) && !old.is_that_of(&store));
        for known in [&old, &new, &list("part", [4, 1])] {
            known.check(&store).unwrap();
            known.settle(&store).unwrap();
            assert_eq!(CellList::of(&store).unwrap(), new);
        }
        let error = list("other", 2..9).settle(&store).unwrap_err().to_string();
        assert!(error.contains("lacks 2 of its cells") && error.contains("`new` (5 cells"), "{error}");
        assert_eq!(CellList::of(&store).unwrap(), new);
    }

    #[test]
    fn of_two_extensions_at_once_one_counts_unless_it_is_part_of_the_other() {
        for _ in 0..40 {
            let folder = tempfile::tempdir().unwrap();
            list("first", 0..2).settle(&store(&folder)).unwrap();
            let barrier = Barrier::new(2);
            let extend = |list: &CellList| {
                let store = store(&folder);
                barrier.wait();
                list.settle(&store).is_ok()
            };
            let both = |one: &CellList, other: &CellList| -> Vec<bool> {
                std::thread::scope(|scope| {
                    let threads = [one, other].map(|list| scope.spawn(|| extend(list)));
                    threads.map(|thread| thread.join().unwrap()).to_vec()
                })
            };
            let (one, other) = (list("one", [0, 1, 2]), list("other", [0, 1, 3]));
            let settled = both(&one, &other);
            assert_eq!(settled.iter().filter(|is_ok| **is_ok).count(), 1);
            assert_eq!(&CellList::of(&store(&folder)).unwrap(), if settled[0] { &one } else { &other });
            // The smaller may come first, and is then extended; or second, and is then within the larger.
            let (small, large) = (list("small", 0..5), list("large", 0..9));
            assert_eq!(both(&small, &large), [true, true]);
            assert_eq!(CellList::of(&store(&folder)).unwrap(), large);
        }
    }

    #[test]
    fn the_folder_of_the_file_of_a_sweep_is_no_store() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(&folder);
        let file = store.directory().join(SWEEP);
        std::fs::write(&file, "base = 'tishby2017'\nseeds = 3\n").unwrap();
        let list = list("list", 0..3);
        for error in [list.settle(&store).unwrap_err(), CellList::of(&store).unwrap_err()] {
            let told = error.to_string();
            assert!(matches!(error, SweepError::NoSweep { .. }), "{told}");
            assert!(
                told.contains("its sweep.toml is the file of a sweep; a store is a directory of its own"),
                "{told}"
            );
        }
        assert!(!store.directory().join("sweep.2.toml").exists());
    }

    #[test]
    fn a_list_or_a_description_that_was_lost_is_written_again_by_its_own_sweep() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(&folder);
        let (own, other) = (list("own", 0..3), list("other", 5..8));
        own.settle(&store).unwrap();
        std::fs::create_dir(store.directory().join(RUNS).join("cell-1")).unwrap();
        let at = |name: &str| store.directory().join(name);
        let damages: [&dyn Fn(); 4] = [
            &|| std::fs::remove_dir_all(at(CELLS)).unwrap(),
            &|| {
                let lists = std::fs::read_dir(at(CELLS)).unwrap();
                lists.for_each(|list| std::fs::write(list.unwrap().path(), "id,la").unwrap());
            },
            &|| std::fs::write(at(SWEEP), "").unwrap(),
            &|| std::fs::write(at("sweep.2.toml"), "name = 'ow").unwrap(),
        ];
        for (place, damage) in damages.iter().enumerate() {
            damage();
            for error in [CellList::of(&store).unwrap_err(), other.settle(&store).unwrap_err()] {
                let told = error.to_string();
                assert!(
                    matches!(error, SweepError::DamagedSweep { .. })
                        && told.contains("`infoplane sweep run FILE --store "),
                    "{place}: {told}"
                );
            }
            own.settle(&store).unwrap();
            assert_eq!(CellList::of(&store).unwrap(), own, "{place}");
        }
    }
}
