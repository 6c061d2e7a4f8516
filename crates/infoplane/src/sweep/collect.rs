//! The results of all cells in one table and one page.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;

use super::entry::{CellKind, ENDED_EARLY};
use super::plan::SEED;
use super::store::POOLS;
use super::{CellList, CellState, ListedCell, Store, SweepError};
use crate::experiment::{AsIfRandomResult, ExperimentError};
use crate::figure::{Arrangement, Comparison, ComparisonError, RunGroup, Seeds};
use crate::page::Page;
use crate::report::write_page;
use crate::run::{Origin, Run};
use crate::table::{Column, Stack, Table, TableFormat, TableName};

/// What is collected.
#[derive(Debug, Clone)]
pub struct CollectOptions {
    /// The table of each run. Of pooled networks it is always that of pools.
    pub table: TableName,
    /// The files that the table is written to.
    pub formats: Vec<TableFormat>,
    /// Whether cells that are not complete are left out; else they are an error.
    pub allow_missing: bool,
    /// Whether seeds that did not learn are in means.
    pub all_seeds: bool,
    /// Whether to write the page that compares the cells.
    pub page: bool,
}

impl Default for CollectOptions {
    /// The plane of all cells as CSV and as an Arrow file, and the page.
    fn default() -> Self {
        CollectOptions {
            table: TableName::Plane,
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
    /// `cell_width` there.
    ///
    /// The bytes depend on the results alone, not on who computed them, when, or in which order. `progress` is told how many cells were
    /// read.
    ///
    /// Memory: some 250 bytes for each row.
    ///
    /// # Errors
    /// [`SweepError::Missing`] if a cell is not complete, unless that is allowed; [`SweepError::Cell`] if one cannot be read;
    /// [`SweepError::Interrupted`] once `interrupt` is true; [`SweepError::Report`] if a file cannot be written.
    pub fn collect(
        &self,
        store: &Store,
        out: &Path,
        options: &CollectOptions,
        progress: &(dyn Fn(usize) + Sync),
        interrupt: &AtomicBool,
    ) -> Result<Collected, SweepError> {
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
        let pooled = stacked.name() == TableName::Pool.name();
        drop(stacked);
        if options.page && !pooled {
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
        let mut gathered = Gathered::new(self, options, pooled);
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

/// What tables call an axis: `cell_width` one that has the name of a column of theirs.
fn column_name(axis: &str) -> String {
    let is_taken = |table: &TableName| table.columns().iter().any(|column| column.name == axis);
    if axis == CELL.name || TableName::ALL.iter().any(is_taken) {
        format!("cell_{axis}")
    } else {
        axis.into()
    }
}

/// The seed of a recording, which does not know it, as the list of cells has it.
fn seed_of(list: &CellList, cell: &ListedCell, run: &Run) -> Option<u64> {
    let place = list.axes().iter().position(|name| name == SEED)?;
    let is_recording = matches!(run.manifest().origin, Origin::Recorded(_));
    is_recording.then(|| cell.values[place].parse().ok()).flatten()
}

fn read_run(store: &Store, cell: &ListedCell) -> Result<Run, SweepError> {
    let run = Run::read(&store.entry(&cell.id, CellKind::Run).path());
    run.map_err(|error| SweepError::of_label(&cell.label, error))
}

/// What has been read of the cells so far.
struct Gathered<'a> {
    list: &'a CellList,
    table: TableName,
    stack: Stack,
    groups: Groups,
    has_page: bool,
    notes: Vec<String>,
}

impl<'a> Gathered<'a> {
    fn new(list: &'a CellList, options: &CollectOptions, pooled: bool) -> Gathered<'a> {
        let groups = Groups::of(list);
        let table = if pooled { TableName::Pool } else { options.table };
        let leading = [("cell".to_string(), CELL)];
        let of_axes = groups.axes.iter().map(|&place| (column_name(&list.axes()[place]), AXIS));
        let stack = Stack::new(table.name(), leading.into_iter().chain(of_axes).collect());
        Gathered { list, table, stack, groups, has_page: options.page, notes: vec![] }
    }

    fn add_runs(&mut self, store: &Store, places: &[usize]) -> Result<(), SweepError> {
        let read = |&place: &usize| -> Result<(Run, Option<Table<'static>>), SweepError> {
            let cell = &self.list.cells()[place];
            let run = read_run(store, cell)?;
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
            if self.has_page {
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
            let result = AsIfRandomResult::read(&entry.path());
            let result = result.map_err(|error| SweepError::of_label(&cell.label, error))?;
            if let Some(table) = result.table(self.table) {
                self.push(place, &table);
            }
        }
        Ok(())
    }

    fn push(&mut self, place: usize, table: &Table<'_>) {
        let cell = &self.list.cells()[place];
        let values = self.groups.values(cell);
        let leading: Vec<&str> =
            std::iter::once(&cell.id[..]).chain(values.iter().map(String::as_str)).collect();
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
