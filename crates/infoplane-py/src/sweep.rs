//! Sweeps: their cells, the stores that hold them, and the cells of a function of Python.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use infoplane::experiment::{Progress, RunOptions};
use infoplane::figure::Arrangement;
use infoplane::report::{self, Options};
use infoplane::sweep::{
    Begun, CellKind, CellList, CellState, CollectOptions, ListedCell, OwnCell, Shard, Store, Sweep,
    SweepError, SweepOptions, SweepProgress,
};
use infoplane::table::{Column, Kind, TableColumn, TableFormat, TableName, Values};
use pyo3::exceptions::{PyKeyboardInterrupt, PyValueError};
use pyo3::prelude::*;
use pythonize::depythonize;

use crate::call::{Done, THREADS, interruptible};
use crate::error::exception;
use crate::experiment::experiment_error;
use crate::run::Table;

fn sweep_error(py: Python<'_>, error: &SweepError) -> PyErr {
    match error {
        SweepError::Experiment(error) => experiment_error(py, error),
        SweepError::Write { .. } | SweepError::Report(_) => {
            exception(py, "RunError", (error.to_string(), None))
        }
        SweepError::Interrupted => PyKeyboardInterrupt::new_err(()),
        error => exception(py, "SweepError", (error.to_string(), None)),
    }
}

/// The cells of a sweep, whatever computes them.
#[pyclass(frozen, module = "infoplane._native")]
pub struct SweepCells {
    list: CellList,
}

/// Id, label, and a value on each axis.
type Listed = (String, String, Vec<String>);

#[pymethods]
impl SweepCells {
    #[new]
    fn new(py: Python<'_>, name: String, axes: Vec<String>, cells: Vec<Listed>) -> PyResult<Self> {
        let cells = cells.into_iter().map(|(id, label, values)| ListedCell { id, label, values });
        let list = CellList::new(name, axes, cells.collect()).map_err(|error| sweep_error(py, &error))?;
        Ok(SweepCells { list })
    }

    #[getter]
    fn name(&self) -> &str {
        self.list.name()
    }

    #[getter]
    fn axes(&self) -> Vec<String> {
        self.list.axes().to_vec()
    }

    /// The cells.
    fn listed(&self) -> Vec<Listed> {
        let listed = |cell: &ListedCell| (cell.id.clone(), cell.label.clone(), cell.values.clone());
        self.list.cells().iter().map(listed).collect()
    }

    /// A row for each cell, with what its columns of states hold, if they are given.
    fn table(&self, states: Option<Vec<State>>, seconds: Option<Vec<f64>>) -> PyResult<Table> {
        let cells = self.list.cells();
        let n_states = states.as_ref().map_or(cells.len(), Vec::len);
        if n_states != cells.len() || seconds.as_ref().is_some_and(|seconds| seconds.len() != cells.len()) {
            return Err(PyValueError::new_err("each cell needs a state"));
        }
        let mut columns = vec![
            column(
                "id",
                "The name of the cell in a store.",
                texts(cells.iter().map(|cell| Some(&cell.id[..]))),
            ),
            column(
                "label",
                "What messages call the cell.",
                texts(cells.iter().map(|cell| Some(&cell.label[..]))),
            ),
        ];
        for (place, axis) in self.list.axes().iter().enumerate() {
            let values = texts(cells.iter().map(|cell| Some(&cell.values[place][..])));
            let of_axis = column(axis, "The value of the cell on this axis of the sweep.", values);
            columns.push(of_axis.with_numbers());
        }
        if let Some(states) = &states {
            let state = texts(states.iter().map(|(state, _)| Some(&state[..])));
            columns.push(column("state", "Where the cell stands.", state));
            let reason = texts(states.iter().map(|(_, reason)| reason.as_deref()));
            columns.push(column("reason", "Why it could not be computed.", reason));
        }
        if let Some(seconds) = seconds {
            let declared =
                Column { unit: "s", kind: Kind::Number, ..declared("How long it took, over all goes.") };
            let values = Values::F64(Cow::Owned(seconds));
            columns.push(TableColumn { name: "seconds".into(), declared, values });
        }
        Ok(Table::new("cells", "the cells of a sweep", columns))
    }

    /// The places of a shard's cells, which cost the same, and where `missing` those of all others after them.
    fn shard_places(&self, py: Python<'_>, shard: &str, missing: bool) -> PyResult<Vec<usize>> {
        let shard = shard_of(py, shard)?;
        Ok(py.detach(|| shard.places(&self.list, &[], missing)))
    }

    fn __len__(&self) -> usize {
        self.list.cells().len()
    }
}

/// A state with the reason of a failure, or the machine of whoever is at the cell.
type State = (String, Option<String>);

const fn declared(about: &'static str) -> Column {
    Column { name: "", unit: "", kind: Kind::Category, optional: true, about }
}

fn column(name: &str, about: &'static str, values: Values<'static>) -> TableColumn<'static> {
    TableColumn { name: Cow::Owned(name.into()), declared: declared(about), values }
}

/// One text for each row, or none.
fn texts<'a>(values: impl Iterator<Item = Option<&'a str>>) -> Values<'static> {
    Values::texts(values.map(|value| value.map(Cow::Borrowed))).into_owned()
}

fn shard_of(py: Python<'_>, shard: &str) -> PyResult<Shard> {
    shard.parse().map_err(|error| exception(py, "SweepError", (error, None)))
}

/// A sweep of experiments.
#[pyclass(frozen, module = "infoplane._native")]
pub struct SweepPlan {
    sweep: Sweep,
}

#[pymethods]
impl SweepPlan {
    /// Of the text of a file, or of a dictionary of its keys; paths in it start from `folder`.
    #[new]
    fn new(py: Python<'_>, origin: &str, given: &Bound<'_, PyAny>, folder: PathBuf) -> PyResult<Self> {
        let text = match given.extract::<String>() {
            Ok(text) => text,
            Err(_) => {
                let wrong = |error: String| exception(py, "SweepError", (format!("{origin}: {error}"), None));
                let table: toml::Table = depythonize(given).map_err(|error| wrong(error.to_string()))?;
                toml::to_string(&table).map_err(|error| wrong(error.to_string()))?
            }
        };
        let read = py.detach(|| Sweep::from_toml(origin, &text, &folder));
        Ok(SweepPlan { sweep: read.map_err(|error| sweep_error(py, &error))? })
    }

    fn cells(&self) -> SweepCells {
        SweepCells { list: self.sweep.list().clone() }
    }

    /// Computes a shard of the cells; returns what was said meanwhile, and how many are complete.
    #[allow(clippy::too_many_arguments)] // the Python part has them by name
    fn run(
        &self,
        py: Python<'_>,
        store: &SweepStore,
        shard: &str,
        missing: bool,
        jobs: Option<usize>,
        threads: Option<usize>,
        memory: Option<u64>,
        progress: Option<Bound<'_, PyAny>>,
    ) -> PyResult<(Vec<String>, usize)> {
        let shard = shard_of(py, shard)?;
        let threads = threads.unwrap_or_else(|| THREADS.load(Ordering::Relaxed) as usize);
        infoplane::memory::allow_more(memory, crate::MORE_MEMORY);
        let run = RunOptions { threads, memory: memory.unwrap_or(RunOptions::default().memory) };
        let all = || match threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            threads => threads,
        };
        let jobs = jobs.unwrap_or_else(all);
        let options = SweepOptions { shard, missing, jobs, run, ..SweepOptions::default() };
        let done = Done::default();
        let told = Told { done: &done, words: Mutex::default() };
        let outcome = interruptible(py, progress.as_ref().map(|callback| (&done, callback)), |stop| {
            self.sweep.run(&store.store, &options, &told, stop)
        })?;
        let outcome = outcome.map_err(|error| sweep_error(py, &error))?;
        Ok((told.words.into_inner().unwrap_or_else(PoisonError::into_inner), outcome.complete))
    }
}

/// Tells cells, and keeps what else is said.
struct Told<'a> {
    done: &'a Done,
    words: Mutex<Vec<String>>,
}

impl Progress for Told<'_> {
    fn trained(&self, _: u64) {}

    fn measured(&self, _: u64, _: u64) {}

    fn warn(&self, what: &str) {
        self.words.lock().unwrap_or_else(PoisonError::into_inner).push(what.to_owned());
    }
}

impl SweepProgress for Told<'_> {
    fn cell(&self, _: &ListedCell, _: Result<Option<f64>, &str>, done: usize, of: usize) {
        self.done.set(done, of);
    }
}

/// A directory of cells.
#[pyclass(frozen, module = "infoplane._native")]
pub struct SweepStore {
    store: Store,
    process: u32,
}

impl SweepStore {
    fn of(store: Store) -> SweepStore {
        SweepStore { store, process: std::process::id() }
    }
}

impl Drop for SweepStore {
    fn drop(&mut self) {
        // The thread that tells of claims did not survive a fork: a child would wait for its end for ever.
        if self.process != std::process::id() {
            std::mem::forget(self.store.clone());
        }
    }
}

#[pymethods]
impl SweepStore {
    /// Opens a directory for a worker; `lease` is in seconds.
    #[new]
    fn new(py: Python<'_>, path: PathBuf, lease: f64) -> PyResult<Self> {
        let lease = Duration::try_from_secs_f64(lease)
            .map_err(|_| PyValueError::new_err(format!("lease = {lease}; allowed are seconds above 0")))?;
        let store = py.detach(|| Store::open_with(&path, lease));
        Ok(SweepStore::of(store.map_err(|error| sweep_error(py, &error))?))
    }

    /// Opens one to read it, with the cells that it lists.
    #[staticmethod]
    fn read(py: Python<'_>, path: PathBuf) -> PyResult<(SweepStore, SweepCells)> {
        let (store, list) = py.detach(|| Store::read(&path)).map_err(|error| sweep_error(py, &error))?;
        Ok((SweepStore::of(store), SweepCells { list }))
    }

    #[getter]
    fn path(&self) -> &Path {
        self.store.directory()
    }

    /// Sees that the store is of these cells.
    fn check(&self, py: Python<'_>, cells: &SweepCells) -> PyResult<()> {
        py.detach(|| cells.list.check(&self.store)).map_err(|error| sweep_error(py, &error))
    }

    /// Makes the store one of these cells, or sees that it is.
    fn settle(&self, py: Python<'_>, cells: &SweepCells) -> PyResult<()> {
        py.detach(|| cells.list.settle(&self.store)).map_err(|error| sweep_error(py, &error))
    }

    fn forget_failures(&self, py: Python<'_>, cells: &SweepCells) -> PyResult<()> {
        py.detach(|| self.store.forget_failures(&cells.list)).map_err(|error| sweep_error(py, &error))
    }

    /// Where each cell stands.
    fn states(&self, py: Python<'_>, cells: &SweepCells) -> Vec<State> {
        let states = py.detach(|| self.store.states(&cells.list));
        let state = |state: CellState| {
            let name = state.name().to_string();
            match state {
                CellState::Failed { why } => (name, Some(why)),
                CellState::Running { host } => (name, Some(host)),
                _ => (name, None),
            }
        };
        states.into_iter().map(state).collect()
    }

    /// The seconds that each cell took; NaN where that is not known.
    fn seconds(&self, py: Python<'_>, cells: &SweepCells) -> Vec<f64> {
        let of = |cell: &ListedCell| self.store.entry(&cell.id, CellKind::Run).seconds().unwrap_or(f64::NAN);
        py.detach(|| cells.list.cells().iter().map(of).collect())
    }

    /// Asks for a cell: `"complete"`, `"taken"`, or `"own"` with the claim of it.
    fn begin(&self, py: Python<'_>, id: &str) -> PyResult<(&'static str, Option<SweepClaim>)> {
        let begun = py.detach(|| self.store.entry(id, CellKind::Run).begin());
        Ok(match begun.map_err(|error| sweep_error(py, &error))? {
            Begun::Complete => ("complete", None),
            Begun::Taken { .. } => ("taken", None),
            Begun::Own(own) => {
                let directory = own.directory().to_path_buf();
                let inner = Mutex::new(Some(own));
                ("own", Some(SweepClaim { directory, inner, process: std::process::id() }))
            }
        })
    }

    fn is_complete(&self, py: Python<'_>, id: &str) -> bool {
        py.detach(|| self.store.entry(id, CellKind::Run).is_complete())
    }

    fn failure(&self, py: Python<'_>, id: &str) -> Option<String> {
        py.detach(|| self.store.entry(id, CellKind::Run).failure())
    }

    fn keep_failure(&self, py: Python<'_>, id: &str, why: &str) -> PyResult<()> {
        let kept = py.detach(|| self.store.entry(id, CellKind::Run).keep_failure(why));
        kept.map_err(|error| sweep_error(py, &error))
    }

    /// The directory of the complete run of a cell, or of its pooled networks.
    fn path_of(&self, id: &str, pooled: bool) -> PathBuf {
        self.store.entry(id, if pooled { CellKind::Pool } else { CellKind::Run }).path()
    }

    /// Why a cell has no pooled networks, where its training diverged.
    fn ended_early(&self, py: Python<'_>, id: &str) -> Option<String> {
        py.detach(|| self.store.entry(id, CellKind::Pool).ended_early())
    }

    /// The tables of a name of all complete cells, one below the other; the planes or pools unless it is given.
    fn table(&self, py: Python<'_>, cells: &SweepCells, name: Option<&str>) -> PyResult<Table> {
        let table = named_table(name)?;
        let options = CollectOptions { table, allow_missing: true, ..CollectOptions::default() };
        let found = interruptible(py, None, |stop| cells.list.table(&self.store, &options, stop))?;
        let found = found.map_err(|error| sweep_error(py, &error))?;
        let of = found.name().parse::<TableName>().unwrap_or(TableName::Plane);
        Ok(Table::new(of.name(), of.about(), found.columns().to_vec()))
    }

    /// Writes the table of all cells and a page; returns the files, and what a reader of them must know.
    #[allow(clippy::too_many_arguments)] // the Python part has them by name
    fn collect(
        &self,
        py: Python<'_>,
        cells: &SweepCells,
        out: PathBuf,
        table: Option<&str>,
        formats: Vec<String>,
        allow_missing: bool,
        all_seeds: bool,
        page: bool,
        progress: Option<Bound<'_, PyAny>>,
    ) -> PyResult<(Vec<PathBuf>, Vec<String>)> {
        let wrong = |error: String| PyValueError::new_err(error);
        let options = CollectOptions {
            table: named_table(table)?,
            formats: formats
                .iter()
                .map(|name| name.parse::<TableFormat>().map_err(|error| wrong(error.to_string())))
                .collect::<PyResult<_>>()?,
            allow_missing,
            all_seeds,
            page,
        };
        let done = Done::default();
        let n = cells.list.cells().len();
        let collected = interruptible(py, progress.as_ref().map(|callback| (&done, callback)), |stop| {
            cells.list.collect(&self.store, &out, &options, &|read| done.set(read, n), stop)
        })?;
        let collected = collected.map_err(|error| sweep_error(py, &error))?;
        Ok((collected.files, collected.notes))
    }

    /// Compares groups of cells that differ in their seeds alone; returns the files.
    fn compare(
        &self,
        py: Python<'_>,
        cells: &SweepCells,
        out: PathBuf,
        one_panel: bool,
        all_seeds: bool,
    ) -> PyResult<Vec<PathBuf>> {
        let arrangement = if one_panel { Arrangement::OnePanel } else { Arrangement::SideBySide };
        let compared = interruptible(py, None, |_| {
            let comparison = cells.list.compare(&self.store, all_seeds)?;
            Ok(report::write_comparison(&comparison, arrangement, &Options::default(), &out)?)
        })?;
        compared.map_err(|error: SweepError| sweep_error(py, &error))
    }
}

/// The table of a name, if one is given.
fn named_table(name: Option<&str>) -> PyResult<Option<TableName>> {
    let table = name.map(str::parse::<TableName>).transpose();
    table.map_err(|error| PyValueError::new_err(error.to_string()))
}

/// A cell that this process computes.
#[pyclass(frozen, module = "infoplane._native")]
pub struct SweepClaim {
    directory: PathBuf,
    /// Nothing once it is given back.
    inner: Mutex<Option<OwnCell>>,
    /// A child that was forked does not hold it.
    process: u32,
}

#[pymethods]
impl SweepClaim {
    #[getter]
    fn directory(&self) -> &Path {
        &self.directory
    }

    /// Whether no other worker took the cell over.
    fn is_held(&self, py: Python<'_>) -> bool {
        py.detach(|| self.lock().as_ref().is_some_and(OwnCell::is_held))
    }

    /// How many workers were at the cell before and ended without giving it back, or were silent for the time of a lease.
    #[getter]
    fn follows(&self) -> u64 {
        self.lock().as_ref().map_or(0, OwnCell::follows)
    }

    /// Keeps why the cell cannot be computed, and forgets the workers that were at it before.
    fn give_up(&self, py: Python<'_>, why: &str) -> PyResult<()> {
        let given_up = py.detach(|| self.take().map_or(Ok(()), |own| own.give_up(why)));
        given_up.map_err(|error| sweep_error(py, &error))
    }

    /// Gives what was computed the name of the cell.
    fn publish(&self, py: Python<'_>) -> PyResult<()> {
        let published = py.detach(|| self.take().map_or(Ok(()), |own| own.publish(None).map(|_| ())));
        published.map_err(|error| sweep_error(py, &error))
    }

    /// Gives the cell back with what there is of it.
    fn leave(&self, py: Python<'_>) -> PyResult<()> {
        let left = py.detach(|| self.take().map_or(Ok(()), OwnCell::leave));
        left.map_err(|error| sweep_error(py, &error))
    }
}

impl SweepClaim {
    fn lock(&self) -> std::sync::MutexGuard<'_, Option<OwnCell>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Option<OwnCell> {
        let own = self.lock().take();
        if self.process == std::process::id() {
            return own;
        }
        std::mem::forget(own);
        None
    }
}

impl Drop for SweepClaim {
    fn drop(&mut self) {
        drop(self.take());
    }
}
