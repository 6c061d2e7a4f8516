//! The results of all cells in one table and one page.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;

use super::entry::{CellKind, ENDED_EARLY};
use super::list::CELLS;
use super::plan::SEED;
use super::store::{CLAIMS, FAILED, POOLS, RUNS, TIMES, WORK};
use super::{CellList, CellState, ListedCell, Store, SweepError};
use crate::experiment::{AsIfRandomResult, ExperimentError};
use crate::figure::{Arrangement, Comparison, ComparisonError, RunGroup, Seeds};
use crate::page::Page;
use crate::report::write_page;
use crate::run::{Origin, Run, RunError};
use crate::table::{Column, Stack, Table, TableFormat, TableName};

/// What is collected.
#[derive(Debug, Clone)]
pub struct CollectOptions {
    /// The table of each cell: the plane, or of pooled networks that of pools, unless given.
    pub table: Option<TableName>,
    /// The files that the table is written to.
    pub formats: Vec<TableFormat>,
    /// Whether cells that are not complete are left out; else they are an error.
    pub allow_missing: bool,
    /// Whether seeds that did not learn are in means: of the page, and of the table of repeats.
    pub all_seeds: bool,
    /// Whether to write the page that compares the cells.
    pub page: bool,
}

impl Default for CollectOptions {
    /// The plane of all cells as CSV and as an Arrow file, and the page.
    fn default() -> Self {
        CollectOptions {
            table: None,
            formats: vec![TableFormat::Csv, TableFormat::Arrow],
            allow_missing: false,
            all_seeds: false,
            page: true,
        }
    }
}

/// What was collected.
#[derive(Debug, Clone, PartialEq)]
pub struct Collected {
    /// The files.
    pub files: Vec<PathBuf>,
    /// The rows of the table.
    pub rows: usize,
    /// How many cells are in it.
    pub cells: usize,
    /// Those that are not complete, by their labels.
    pub missing: Vec<(String, CellState)>,
    /// What a reader of the files must know.
    pub notes: Vec<String>,
}

/// Cells that are not complete, by their labels.
type Incomplete = Vec<(String, CellState)>;

/// More groups than that are no page that anybody reads.
const MOST_GROUPS: usize = 100;
/// So many runs are read at once.
const AT_ONCE: usize = 64;

const CELL: Column = Column::category("cell", "The cell of the sweep, by its id.");
const AXIS: Column = Column::category("axis", "The value of the cell on this axis of the sweep.");

impl CellList {
    /// Puts the tables of all cells of a store one below the other, with the values of each cell on the axes before them, and compares
    /// groups of cells that differ in their seeds alone on one page. An axis with the name of a column of tables, as `width`, is
    /// `cell_width` there. In a sweep with an axis of seeds the rows of the table of repeats are of those groups.
    ///
    /// The bytes depend on the results alone, not on who computed them, when, or in which order. `progress` is told how many cells were
    /// read.
    ///
    /// Memory: some 250 bytes for each row.
    ///
    /// # Errors
    /// [`SweepError::Missing`] if a cell is not complete, unless that is allowed; [`SweepError::Damaged`] if one is damaged, and
    /// [`SweepError::Cell`] if it cannot be read; [`SweepError::NoTable`] if the cells have no such table; [`SweepError::InStore`] if
    /// `out` lies among the cells; [`SweepError::Interrupted`] once `interrupt` is true; [`SweepError::Report`] if a file cannot be written.
    pub fn collect(
        &self,
        store: &Store,
        out: &Path,
        options: &CollectOptions,
        progress: &(dyn Fn(usize) + Sync),
        interrupt: &AtomicBool,
    ) -> Result<Collected, SweepError> {
        check_out(store, out)?;
        let (Gathered { stack, groups, mut notes, .. }, cells, missing) =
            self.gather(store, options, progress, interrupt)?;
        make_directory(out)?;
        let rows = stack.len();
        let stacked = stack.table();
        let save = |&format: &TableFormat| {
            let path = out.join(format!("{}.{}", stacked.name(), format.name()));
            match stacked.save(format, &path) {
                Ok(()) => Ok(path),
                Err(source) => Err(SweepError::Write { path, source }),
            }
        };
        let mut files: Vec<PathBuf> = options.formats.par_iter().map(save).collect::<Result<_, _>>()?;
        drop(stacked);
        // Pools have no groups of runs.
        if options.page {
            let groups = groups.found.into_values().collect();
            files.extend(self.page(groups, options, out, &mut notes)?);
        }
        Ok(Collected { files, rows, cells, missing, notes })
    }

    /// Compares the complete runs of a store: a group for each choice on all axes but that of seeds.
    ///
    /// # Errors
    /// As [`GrowingComparison::read_on`] and [`GrowingComparison::comparison`].
    pub fn compare(&self, store: &Store, all_seeds: bool) -> Result<Comparison, SweepError> {
        let mut all = GrowingComparison::new(self);
        all.read_on(store, self, &store.states(self))?;
        all.comparison(all_seeds)
    }

    /// The table that [`CellList::collect`] writes to files; `formats` and `page` of the options say nothing here.
    ///
    /// # Errors
    /// As [`CellList::collect`].
    pub fn table(
        &self,
        store: &Store,
        options: &CollectOptions,
        interrupt: &AtomicBool,
    ) -> Result<Table<'static>, SweepError> {
        let options = CollectOptions { page: false, ..options.clone() };
        let (gathered, ..) = self.gather(store, &options, &|_| (), interrupt)?;
        Ok(gathered.stack.table())
    }

    /// Reads all cells; returns how many there are, and those that are not complete.
    fn gather(
        &self,
        store: &Store,
        options: &CollectOptions,
        progress: &(dyn Fn(usize) + Sync),
        interrupt: &AtomicBool,
    ) -> Result<(Gathered<'_>, usize, Incomplete), SweepError> {
        let states = store.states(self);
        let missing: Incomplete = self
            .cells()
            .iter()
            .zip(&states)
            .filter(|(_, state)| **state != CellState::Complete)
            .map(|(cell, state)| (cell.label.clone(), state.clone()))
            .collect();
        if let (Some((first, _)), false) = (missing.first(), options.allow_missing) {
            return Err(SweepError::Missing {
                missing: missing.len(),
                of: self.cells().len(),
                first: first.clone(),
            });
        }
        let there: Vec<usize> =
            (0..states.len()).filter(|&place| states[place] == CellState::Complete).collect();
        let is_pooled = |id: &str| {
            let pools = store.directory().join(POOLS);
            pools.join(id).exists() || pools.join(format!("{id}{ENDED_EARLY}")).exists()
        };
        let pooled = there.first().is_some_and(|&place| is_pooled(&self.cells()[place].id));
        let table = table_of(options.table, (!there.is_empty()).then_some(pooled))?;
        let mut gathered = Gathered::new(self, options, table);
        for (chunk, places) in there.chunks(AT_ONCE).enumerate() {
            if interrupt.load(Ordering::Relaxed) {
                return Err(SweepError::Interrupted);
            }
            if pooled {
                gathered.add_pools(store, places)?;
            } else {
                gathered.add_runs(store, places)?;
            }
            progress(chunk * AT_ONCE + places.len());
        }
        gathered.add_groups(options.all_seeds);
        let n = there.len();
        Ok((gathered, n, missing))
    }

    /// Writes the page, or says why there is none.
    fn page(
        &self,
        groups: Vec<(Vec<String>, RunGroup)>,
        options: &CollectOptions,
        out: &Path,
        notes: &mut Vec<String>,
    ) -> Result<Option<PathBuf>, SweepError> {
        if groups.is_empty() {
            return Ok(None);
        }
        if groups.len() > MOST_GROUPS {
            notes.push(format!(
                "no page: {} groups of cells are more than it shows ({MOST_GROUPS}); `infoplane report` compares some of their runs",
                groups.len()
            ));
            return Ok(None);
        }
        let comparison = match compared(self.axes(), groups, options.all_seeds) {
            Ok(comparison) => comparison,
            Err(error) => {
                notes.push(format!("no page: {error}"));
                return Ok(None);
            }
        };
        notes.extend(comparison.warnings());
        let page = Page::of_figures(self.name(), comparison.figures(Arrangement::SideBySide))
            .made_by("infoplane sweep collect");
        Ok(Some(write_page(&page, out)?))
    }
}

/// The comparison of a sweep that goes on: it grows by the cells that are completed.
///
/// ```no_run
/// use infoplane::sweep::{GrowingComparison, Store};
/// let (store, list) = Store::read("sweep".as_ref())?;
/// let mut growing = GrowingComparison::new(&list);
/// growing.read_on(&store, &list, &store.states(&list))?;
/// println!("{} cells: {:?}", growing.cells(), growing.comparison(false)?.names());
/// # Ok::<(), infoplane::sweep::SweepError>(())
/// ```
#[derive(Debug)]
pub struct GrowingComparison {
    axes: Vec<String>,
    groups: Groups,
    /// Which cells are in it.
    read: Vec<bool>,
}

impl GrowingComparison {
    /// Without cells.
    pub fn new(list: &CellList) -> GrowingComparison {
        GrowingComparison {
            axes: list.axes().to_vec(),
            groups: Groups::of(list),
            read: vec![false; list.cells().len()],
        }
    }

    /// Adds the runs of cells that are complete by `states` and were not added before; returns whether there were any.
    ///
    /// # Errors
    /// [`SweepError::Cell`] if a run cannot be read; [`SweepError::Compare`] if seeds of one group are unlike.
    pub fn read_on(
        &mut self,
        store: &Store,
        list: &CellList,
        states: &[CellState],
    ) -> Result<bool, SweepError> {
        let complete = |place: &usize| !self.read[*place] && states[*place] == CellState::Complete;
        let new: Vec<usize> = (0..self.read.len()).filter(complete).collect();
        for places in new.chunks(AT_ONCE) {
            let read = |&place: &usize| read_run(store, &list.cells()[place]);
            let runs: Vec<Run> = places.par_iter().map(read).collect::<Result<_, _>>()?;
            for (&place, run) in places.iter().zip(&runs) {
                self.groups.add(list, place, run)?;
                self.read[place] = true;
            }
        }
        Ok(!new.is_empty())
    }

    /// How many cells are in it.
    pub fn cells(&self) -> usize {
        self.read.iter().filter(|read| **read).count()
    }

    /// A group for each choice on all axes but that of seeds.
    ///
    /// # Errors
    /// [`SweepError::Compare`] if they cannot be compared.
    pub fn comparison(&self, all_seeds: bool) -> Result<Comparison, SweepError> {
        compared(&self.axes, self.groups.found.values().cloned().collect(), all_seeds)
            .map_err(SweepError::Compare)
    }
}

/// Runs in groups of cells that differ in their seeds alone.
#[derive(Debug)]
struct Groups {
    /// The axes but that of seeds, by their places.
    axes: Vec<usize>,
    /// For each cell the place of the first one of its group.
    first: Vec<usize>,
    /// By the place of the first cell, with the values of the group.
    found: BTreeMap<usize, (Vec<String>, RunGroup)>,
}

impl Groups {
    fn of(list: &CellList) -> Groups {
        let axes = list.axes().iter().enumerate().filter(|(_, name)| *name != SEED);
        let axes: Vec<usize> = axes.map(|(place, _)| place).collect();
        let mut first: Vec<usize> = Vec::with_capacity(list.cells().len());
        for (place, cell) in list.cells().iter().enumerate() {
            // Cells of one group follow one another.
            let alike = |before: &usize| {
                axes.iter().all(|&axis| list.cells()[*before].values[axis] == cell.values[axis])
            };
            first.push(place.checked_sub(1).filter(alike).map_or(place, |before| first[before]));
        }
        Groups { axes, first, found: BTreeMap::new() }
    }

    fn values(&self, cell: &ListedCell) -> Vec<String> {
        self.axes.iter().map(|&place| cell.values[place].clone()).collect()
    }

    fn add(&mut self, list: &CellList, place: usize, run: &Run) -> Result<(), SweepError> {
        let cells = list.cells();
        let values = self.values(&cells[place]);
        let name = if values.is_empty() { list.name().to_string() } else { values.join(", ") };
        let (_, group) =
            self.found.entry(self.first[place]).or_insert_with(|| (values, RunGroup::empty(&name)));
        let seeds = seed_of(list, &cells[place], run).map_or(Seeds::Own, Seeds::One);
        group.add(run, cells[place].label.clone(), seeds).map_err(SweepError::Compare)
    }
}

/// The table that is meant, if the cells have it; `pooled` says what they are, where any is complete.
fn table_of(given: Option<TableName>, pooled: Option<bool>) -> Result<TableName, SweepError> {
    let is_pooled = pooled == Some(true);
    let table = given.unwrap_or(if is_pooled { TableName::Pool } else { TableName::Plane });
    let has = if is_pooled { TableName::is_of_pools } else { TableName::is_of_runs };
    if pooled.is_none() || has(table) {
        return Ok(table);
    }
    let allowed = TableName::ALL.into_iter().filter(|table| has(*table)).map(TableName::name).collect();
    Err(SweepError::NoTable { table, has: if is_pooled { "pools of networks" } else { "runs" }, allowed })
}

/// Refuses a directory among those that hold the cells.
fn check_out(store: &Store, out: &Path) -> Result<(), SweepError> {
    let whole = |path: &Path| {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.into());
        // Of what is not there yet the part that is.
        let there = path.ancestors().find_map(|part| Some((part.canonicalize().ok()?, part)));
        there.and_then(|(whole, part)| Some(whole.join(path.strip_prefix(part).ok()?))).unwrap_or(path)
    };
    let place = whole(out);
    for part in [RUNS, POOLS, WORK, CLAIMS, FAILED, TIMES, CELLS] {
        let part = store.directory().join(part);
        if place.starts_with(whole(&part)) {
            let other = store.directory().join("results");
            return Err(SweepError::InStore { out: out.into(), part, other });
        }
    }
    Ok(())
}

/// What tables call axes: `cell_width` one that has the name of a column of theirs, and no two the same.
fn column_names(axes: &[String]) -> Vec<String> {
    let is_taken = |name: &str| {
        name == CELL.name
            || TableName::ALL.iter().any(|table| table.columns().iter().any(|column| column.name == name))
    };
    let mut names: Vec<String> = Vec::with_capacity(axes.len());
    for axis in axes {
        let mut name = axis.clone();
        // The table that has no column of seeds gets one.
        while axis != SEED
            && (is_taken(&name) || names.contains(&name) || (name != *axis && axes.contains(&name)))
        {
            name = format!("cell_{name}");
        }
        names.push(name);
    }
    names
}

/// The seed of a recording, which does not know it, as the list of cells has it.
fn seed_of(list: &CellList, cell: &ListedCell, run: &Run) -> Option<u64> {
    let place = list.axes().iter().position(|name| name == SEED)?;
    let is_recording = matches!(run.manifest().origin, Origin::Recorded(_));
    is_recording.then(|| cell.values[place].parse().ok()).flatten()
}

fn read_run(store: &Store, cell: &ListedCell) -> Result<Run, SweepError> {
    let path = store.entry(&cell.id, CellKind::Run).path();
    let run = Run::read(&path).map_err(|error| unread(store, cell, &path, error.into()))?;
    // A run has its name in a store only once it is complete: what reads as one that goes on has lost how it ended.
    if run.outcome().is_none() {
        let message = "there is none, so the run is not complete".into();
        let error = RunError::Malformed { path: path.join("outcome.toml"), line: None, message };
        return Err(unread(store, cell, &path, error.into()));
    }
    Ok(run)
}

/// Why a complete cell cannot be read: it is damaged, unless the machine is at fault.
fn unread(store: &Store, cell: &ListedCell, path: &Path, source: ExperimentError) -> SweepError {
    match &source {
        ExperimentError::Run(RunError::Io { source: system, .. })
            if system.kind() != std::io::ErrorKind::NotFound =>
        {
            SweepError::of_label(&cell.label, source)
        }
        _ => SweepError::Damaged {
            cell: cell.label.clone(),
            store: store.directory().into(),
            path: path.into(),
            source: Box::new(source),
        },
    }
}

/// What has been read of the cells so far.
struct Gathered<'a> {
    list: &'a CellList,
    table: TableName,
    stack: Stack,
    groups: Groups,
    rows: RowsOf,
    has_page: bool,
    notes: Vec<String>,
}

/// What the rows of a table are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RowsOf {
    /// Of a cell: its id and its values stand before them. The table has the seeds, or there is no axis of them.
    Cell,
    /// Of a cell, with its seed, which the table does not have.
    CellAndSeed,
    /// Of a group of cells that differ in their seeds alone.
    Group,
}

impl<'a> Gathered<'a> {
    fn new(list: &'a CellList, options: &CollectOptions, table: TableName) -> Gathered<'a> {
        let groups = Groups::of(list);
        let has_axis = list.axes().iter().any(|axis| axis == SEED);
        let rows = match table {
            _ if !has_axis || table.columns().iter().any(|column| column.name == SEED) => RowsOf::Cell,
            TableName::Repeats => RowsOf::Group,
            _ => RowsOf::CellAndSeed,
        };
        let names = column_names(list.axes());
        let cell = (rows != RowsOf::Group).then(|| ("cell".to_string(), CELL));
        let of_axes = groups.axes.iter().map(|&place| (names[place].clone(), AXIS));
        let seed = (rows == RowsOf::CellAndSeed).then(|| (SEED.to_string(), AXIS));
        let stack = Stack::new(table.name(), cell.into_iter().chain(of_axes).chain(seed).collect());
        Gathered { list, table, stack, groups, rows, has_page: options.page, notes: vec![] }
    }

    fn add_runs(&mut self, store: &Store, places: &[usize]) -> Result<(), SweepError> {
        let read = |&place: &usize| -> Result<(Run, Option<Table<'static>>), SweepError> {
            let cell = &self.list.cells()[place];
            let run = read_run(store, cell)?;
            if self.rows == RowsOf::Group {
                return Ok((run, None));
            }
            let table = self.table.of_run(&run).map(Table::into_owned);
            let table = match (table, seed_of(self.list, cell, &run)) {
                (Some(table), Some(seed)) => Some(table.with_seed(seed)),
                (table, _) => table,
            };
            Ok((run, table))
        };
        let runs: Vec<_> = places.par_iter().map(read).collect::<Result<_, _>>()?;
        for (&place, (run, table)) in places.iter().zip(&runs) {
            if let Some(table) = table {
                self.push(place, table);
            }
            if self.has_page || self.rows == RowsOf::Group {
                self.groups.add(self.list, place, run)?;
            }
        }
        Ok(())
    }

    fn add_pools(&mut self, store: &Store, places: &[usize]) -> Result<(), SweepError> {
        for &place in places {
            let cell = &self.list.cells()[place];
            let entry = store.entry(&cell.id, CellKind::Pool);
            if let Some(why) = entry.ended_early() {
                self.notes.push(format!("{}: {why}", cell.label));
                continue;
            }
            let path = entry.path();
            let result = AsIfRandomResult::read(&path);
            let result = result.map_err(|error| unread(store, cell, &path, error.into()))?;
            if let Some(table) = result.table(self.table) {
                self.push(place, &table);
            }
        }
        Ok(())
    }

    /// The rows that are of groups, once all cells are read.
    fn add_groups(&mut self, all_seeds: bool) {
        if self.rows != RowsOf::Group {
            return;
        }
        for (values, group) in self.groups.found.values() {
            let leading: Vec<&str> = values.iter().map(String::as_str).collect();
            self.stack.push(&leading, &group.repeats(all_seeds));
        }
    }

    fn push(&mut self, place: usize, table: &Table<'_>) {
        let cell = &self.list.cells()[place];
        let values = self.groups.values(cell);
        let seed = self.list.axes().iter().position(|axis| axis == SEED);
        let seed = seed.filter(|_| self.rows == RowsOf::CellAndSeed).map(|seed| &cell.values[seed][..]);
        let leading: Vec<&str> =
            std::iter::once(&cell.id[..]).chain(values.iter().map(String::as_str)).chain(seed).collect();
        self.stack.push(&leading, table);
    }
}

/// Compares groups by their values on the axes; those on which all are alike tell nothing apart.
fn compared(
    axes: &[String],
    groups: Vec<(Vec<String>, RunGroup)>,
    all_seeds: bool,
) -> Result<Comparison, ComparisonError> {
    let keys: Vec<&String> = axes.iter().filter(|name| *name != SEED).collect();
    let mut names: Vec<Vec<String>> = vec![vec![]; keys.len()];
    let mut places = Vec::with_capacity(groups.len());
    for (values, _) in &groups {
        let place = |(axis, value): (usize, &String)| {
            let known = &mut names[axis];
            let name = called(keys[axis], value);
            known.iter().position(|other| *other == name).unwrap_or_else(|| {
                known.push(name);
                known.len() - 1
            })
        };
        places.push(values.iter().enumerate().map(place).collect::<Vec<usize>>());
    }
    let telling: Vec<usize> = (0..keys.len()).filter(|&axis| names[axis].len() > 1).collect();
    let of_axes: Vec<&[String]> = telling.iter().map(|&axis| &names[axis][..]).collect();
    let groups = groups.into_iter().zip(places).map(|((_, group), places)| {
        let places: Vec<usize> = telling.iter().map(|&axis| places[axis]).collect();
        let name = telling.iter().zip(&places).map(|(&axis, &place)| names[axis][place].as_str());
        let name = name.collect::<Vec<_>>().join(", ");
        let group = if telling.is_empty() { group } else { group.named(name) };
        (places, group.with_all_seeds(all_seeds))
    });
    Comparison::of_groups(groups.collect(), &of_axes)
}

/// What figures call a value: a number with the last part of its key, `batch_size 64`, anything else by itself.
fn called(key: &str, value: &str) -> String {
    match value.parse::<f64>() {
        Ok(_) => format!("{} {value}", key.rsplit('.').next().unwrap_or(key)),
        Err(_) => value.into(),
    }
}

fn make_directory(path: &Path) -> Result<(), SweepError> {
    std::fs::create_dir_all(path).map_err(|source| SweepError::Write { path: path.into(), source })
}

impl SweepError {
    fn of_label(label: &str, error: impl Into<ExperimentError>) -> SweepError {
        SweepError::Cell { cell: label.into(), source: Box::new(error.into()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sweep::{Sweep, SweepOptions};
    use crate::table::Value;

    const BINNED: &str = "estimators = [{ kind = 'binned', rule = 'floor', bin_width = 0.5 }]";

    /// A sweep that was computed.
    fn computed(text: &str) -> (tempfile::TempDir, Store, CellList) {
        let folder = tempfile::tempdir().unwrap();
        let text = format!("base = 'tishby2017'\n{BINNED}\n{text}");
        let sweep = Sweep::from_toml("the file", &text, Path::new("")).unwrap();
        let store = Store::open(&folder.path().join("store")).unwrap();
        let outcome = sweep.run(&store, &SweepOptions::default(), &(), &AtomicBool::new(false)).unwrap();
        assert_eq!(outcome.failed, []);
        let list = sweep.list().clone();
        (folder, store, list)
    }

    fn table(store: &Store, list: &CellList, table: Option<TableName>) -> Result<Table<'static>, SweepError> {
        list.table(store, &CollectOptions { table, ..CollectOptions::default() }, &AtomicBool::new(false))
    }

    fn names(table: &Table<'_>) -> Vec<String> {
        table.columns().iter().map(|column| column.name.to_string()).collect()
    }

    #[test]
    fn repeats_are_over_the_seeds_of_a_group_and_tables_without_seeds_get_them() {
        let (folder, store, list) = computed(
            "seeds = [4, 5, 6]\n[set]\n'training.epochs' = 3\n[axes]\n'network.nonlinearity' = ['tanh', 'relu']",
        );
        let repeats = table(&store, &list, Some(TableName::Repeats)).unwrap();
        assert_eq!(names(&repeats)[..3], ["network.nonlinearity", "method", "estimator"]);
        let of = |name: &str, row: usize| repeats.column(name).unwrap().values.get(row);
        // Six layers at epochs 0 to 3 of two groups.
        assert_eq!(repeats.len(), 2 * 6 * 4);
        let last = repeats.len() - 1;
        assert!(matches!(of("network.nonlinearity", 0), Value::Text("tanh")));
        assert!(matches!(of("network.nonlinearity", last), Value::Text("relu")));
        for row in 0..=last {
            let learned = 3 - words(&repeats, row).split_whitespace().count() as u64;
            let n = of("i_xt_n_seeds", row);
            assert!(matches!(n, Value::Integer(n) if n == learned || n == 3), "{n:?}");
        }
        // The mean of the three planes, where all learned or none did.
        let plane = table(&store, &list, None).unwrap();
        assert_eq!(names(&plane)[..4], ["cell", "network.nonlinearity", "seed", "epoch"]);
        let methods = table(&store, &list, Some(TableName::Methods)).unwrap();
        assert_eq!(names(&methods)[..4], ["cell", "network.nonlinearity", "seed", "method"]);
        let seeds = &methods.column("seed").unwrap().values;
        assert!(
            (0..6).all(|row| matches!(seeds.get(row), Value::Integer(seed) if seed == 4 + row as u64 % 3))
        );
        // Where a cell has all its seeds, rows of repeats are of the cell.
        drop(folder);
        let (_folder, store, list) = computed("[set]\nseeds = 2\n'training.epochs' = 3");
        let repeats = table(&store, &list, Some(TableName::Repeats)).unwrap();
        assert_eq!(names(&repeats)[..2], ["cell", "method"]);
    }

    /// The seeds that are left out of a row of repeats.
    fn words(repeats: &Table<'_>, row: usize) -> String {
        match repeats.column("seeds_left_out").map(|column| column.values.get(row)) {
            Some(Value::Text(text)) => text.into(),
            _ => String::new(),
        }
    }

    #[test]
    fn a_table_that_the_cells_do_not_have_is_refused_with_those_they_have() {
        let (_folder, store, list) = computed("seeds = 1\n[set]\n'training.epochs' = 3");
        for given in [TableName::Pool, TableName::Drift, TableName::Window, TableName::Overlap] {
            let error = table(&store, &list, Some(given)).unwrap_err().to_string();
            assert!(
                error.contains(&format!("runs, which have no table `{given}`; allowed here: plane, units,")),
                "{error}"
            );
        }
        let (_folder, store, list) = computed(
            "seeds = 2\n[set]\n'training.epochs' = 6\n[as-if-random]\npool = { over = 'epochs', window = 4 }\ninputs = 64",
        );
        assert_eq!(table(&store, &list, None).unwrap().name(), "pool");
        for given in [TableName::Drift, TableName::Window, TableName::Overlap, TableName::Methods] {
            let found = table(&store, &list, Some(given)).unwrap();
            assert!(found.name() == given.name() && !found.is_empty());
            assert!(names(&found).contains(&"seed".to_string()), "{given}");
        }
        let error = table(&store, &list, Some(TableName::Training)).unwrap_err().to_string();
        assert!(
            error.ends_with("no table `training`; allowed here: methods, pool, drift, window, overlap"),
            "{error}"
        );
    }

    #[test]
    fn a_damaged_cell_is_named_with_what_computes_it_anew() {
        let (folder, store, list) = computed("seeds = 2\n[set]\n'training.epochs' = 3");
        let run = store.directory().join(RUNS).join(&list.cells()[1].id);
        let cut = |name: &str| {
            let bytes = std::fs::read(run.join(name)).unwrap();
            std::fs::write(run.join(name), &bytes[..bytes.len() / 2]).unwrap();
        };
        let damages: [&dyn Fn(); 3] =
            [&|| cut("plane.jsonl"), &|| std::fs::remove_file(run.join("manifest.toml")).unwrap(), &|| {
                std::fs::remove_dir_all(&run).unwrap();
                std::fs::create_dir(&run).unwrap();
            }];
        let out = folder.path().join("out");
        for (place, damage) in damages.iter().enumerate() {
            damage();
            // What is damaged is not missing: that it is left out is for its owner to say.
            let options = CollectOptions { allow_missing: true, ..CollectOptions::default() };
            let error = list.collect(&store, &out, &options, &|_| (), &AtomicBool::new(false)).unwrap_err();
            let told = error.to_string();
            assert!(
                matches!(error, SweepError::Damaged { .. }) && told.starts_with("seed 1: "),
                "{place}: {told}"
            );
            assert!(
                told.contains(&format!(
                    "; remove the directory {} and run `infoplane sweep run",
                    run.display()
                ))
            );
            assert!(!told.contains("another directory") && !told.contains("resume"), "{told}");
        }
        assert!(!out.exists());
    }

    #[test]
    fn results_are_not_written_among_the_cells() {
        let (folder, store, list) = computed("seeds = 1\n[set]\n'training.epochs' = 2");
        let collect = |out: &str| {
            let (out, go) = (store.directory().join(out), AtomicBool::new(false));
            list.collect(&store, &out, &CollectOptions::default(), &|_| (), &go)
        };
        for out in ["runs", "runs/x/y", "work/../claims/x", "cells"] {
            let error = collect(out).unwrap_err();
            assert!(matches!(error, SweepError::InStore { .. }), "{out}: {error}");
        }
        for out in ["results", "../out"] {
            collect(out).unwrap();
        }
        drop(folder);
    }

    #[test]
    fn no_two_columns_have_one_name() {
        let names =
            |axes: &[&str]| column_names(&axes.iter().map(|axis| axis.to_string()).collect::<Vec<_>>());
        assert_eq!(names(&["width", "depth"]), ["cell_width", "depth"]);
        assert_eq!(names(&["width", "cell_width"]), ["cell_cell_width", "cell_width"]);
        assert_eq!(names(&["cell_width", "width", "seed"]), ["cell_width", "cell_cell_width", "seed"]);
        assert_eq!(names(&["cell"]), ["cell_cell"]);
    }

    #[test]
    fn cases_that_are_the_same_number_keep_their_names() {
        let case =
            |name: &str, epochs: u64| format!("[[cases]]\nname = '{name}'\n'training.epochs' = {epochs}\n");
        let collected = |cases: &str| {
            let (_folder, store, list) = computed(&format!("seeds = 1\n{cases}"));
            let table = table(&store, &list, None).unwrap();
            let values = &table.column("case").unwrap().values;
            let last = table.len() - 1;
            format!("{:?} {:?}", values.get(0), values.get(last))
        };
        let told = collected(&[case("1e3", 2), case("1000", 3)].concat());
        assert!(told.contains("\"1e3\"") && told.contains("\"1000\""), "{told}");
        let told = collected(&[case("1e3", 2), case("2000", 3)].concat());
        assert!(!told.contains('"'), "{told}");
    }
}
