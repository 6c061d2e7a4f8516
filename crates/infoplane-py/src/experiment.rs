//! Experiments of the command, and the errors of estimators.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use infoplane::calibrate::{Accuracy, Calibration, calibrate as measure_errors, contender};
use infoplane::estimator::known::{TASKS, Task};
use infoplane::experiment::{
    AsIfRandom, AsIfRandomResult, Experiment, ExperimentError, Progress, RunOptions,
};
use infoplane::report::{self, Options};
use infoplane::run::RunDir;
use infoplane::table::TableName;
use numpy::{IntoPyArray, PyArray1, PyArray2};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use pythonize::{depythonize, pythonize};
use serde_json::json;

use crate::call::{Done, THREADS, interruptible};
use crate::error::exception;
use crate::record::record_error;
use crate::run::{Table, run_error};

pub fn experiment_error(py: Python<'_>, error: &ExperimentError) -> PyErr {
    match error {
        ExperimentError::Run(error) => run_error(py, error),
        ExperimentError::Record(error) => record_error(py, error),
        error => exception(py, "ExperimentError", (error.to_string(), None)),
    }
}

/// Tells trained epochs, and keeps what else is said.
struct Told<'a> {
    done: &'a Done,
    trained: AtomicUsize,
    of: usize,
    words: Mutex<Vec<String>>,
}

impl Progress for Told<'_> {
    fn trained(&self, epochs: u64) {
        let trained = self.trained.fetch_add(epochs as usize, Ordering::Relaxed) + epochs as usize;
        self.done.set(trained, self.of.max(trained));
    }

    fn measured(&self, _seed: u64, _epoch: u64) {}

    fn warn(&self, what: &str) {
        self.words.lock().unwrap_or_else(PoisonError::into_inner).push(what.to_owned());
    }
}

/// An experiment of a preset, a file or a table, with some keys changed.
fn experiment(given: &Bound<'_, PyAny>, changes: &[(String, Bound<'_, PyAny>)]) -> PyResult<Experiment> {
    let py = given.py();
    let wrong =
        |key: &str, error: String| exception(py, "ExperimentError", (format!("{key}: {error}"), None));
    let overrides = overrides(py, changes)?;
    let loaded = match given.extract::<String>() {
        Ok(name) => Experiment::load(&name, &overrides),
        Err(_) => {
            let table: toml::Table =
                depythonize(given).map_err(|error| wrong("experiment", error.to_string()))?;
            Experiment::from_table("experiment", table).and_then(|own| own.overridden(&overrides))
        }
    };
    loaded.map_err(|error| experiment_error(py, &error))
}

/// Changes of keys as the command takes them, `training.epochs=10`.
fn overrides(py: Python<'_>, changes: &[(String, Bound<'_, PyAny>)]) -> PyResult<Vec<String>> {
    let change = |(key, value): &(String, Bound<'_, PyAny>)| {
        let value: toml::Value = depythonize(value)
            .map_err(|error| exception(py, "ExperimentError", (format!("{key}: {error}"), None)))?;
        Ok(format!("{key}={value}"))
    };
    changes.iter().map(change).collect()
}

/// Trains, measures and writes a run directory; goes on with one where `resume` says so. Returns what was said meanwhile.
#[pyfunction]
pub fn run_experiment(
    py: Python<'_>,
    given: &Bound<'_, PyAny>,
    changes: Vec<(String, Bound<'_, PyAny>)>,
    out: PathBuf,
    memory: Option<u64>,
    progress: Option<Bound<'_, PyAny>>,
) -> PyResult<Vec<String>> {
    let experiment = experiment(given, &changes)?;
    let of = experiment.seed_list().len() * experiment.training.epochs as usize;
    let options = options(memory);
    told(py, of, progress, |told, stop| experiment.run(&out, options, told, stop).map(|_| ()))
}

/// Goes on with a run of an experiment.
#[pyfunction]
pub fn resume_experiment(
    py: Python<'_>,
    path: PathBuf,
    memory: Option<u64>,
    progress: Option<Bound<'_, PyAny>>,
) -> PyResult<Vec<String>> {
    let own = Experiment::of_run(&path).map_err(|error| experiment_error(py, &error))?;
    let of = own.seed_list().len() * own.training.epochs as usize;
    let options = options(memory);
    told(py, of, progress, |told, stop| Experiment::resume(&path, None, options, told, stop).map(|_| ()))
}

fn options(memory: Option<u64>) -> RunOptions {
    infoplane::memory::allow_more(memory, crate::MORE_MEMORY);
    let defaults = RunOptions::default();
    let threads = THREADS.load(Ordering::Relaxed) as usize;
    RunOptions { threads, memory: memory.unwrap_or(defaults.memory) }
}

fn told(
    py: Python<'_>,
    of: usize,
    progress: Option<Bound<'_, PyAny>>,
    work: impl FnOnce(&Told<'_>, &std::sync::atomic::AtomicBool) -> Result<(), ExperimentError> + Send,
) -> PyResult<Vec<String>> {
    let done = Done::default();
    let told = Told { done: &done, trained: AtomicUsize::new(0), of, words: Mutex::default() };
    let result =
        interruptible(py, progress.as_ref().map(|callback| (&done, callback)), |stop| work(&told, stop))?;
    result.map_err(|error| experiment_error(py, &error))?;
    Ok(told.words.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// Pools late networks as samples of one distribution, and writes the result to `out`. Returns what was said meanwhile.
#[pyfunction]
#[allow(clippy::too_many_arguments)] // the Python part has them by name
pub fn as_if_random(
    py: Python<'_>,
    given: &Bound<'_, PyAny>,
    changes: Vec<(String, Bound<'_, PyAny>)>,
    settings: &Bound<'_, PyDict>,
    run: Option<PathBuf>,
    out: PathBuf,
    memory: Option<u64>,
    progress: Option<Bound<'_, PyAny>>,
) -> PyResult<Vec<String>> {
    let wrong = |error: String| exception(py, "ExperimentError", (format!("settings: {error}"), None));
    let of_run = run.as_ref().map(|path| RunDir::open(path)).transpose();
    let of_run = of_run.map_err(|error| run_error(py, &error))?.map(|(run, _)| run);
    let experiment = match &run {
        None => experiment(given, &changes)?,
        Some(path) => {
            let changes = overrides(py, &changes)?;
            let own = Experiment::of_run(path).and_then(|own| own.overridden(&changes));
            own.map_err(|error| experiment_error(py, &error))?
        }
    };
    let mut table = toml::Table::try_from(AsIfRandom::default()).map_err(|error| wrong(error.to_string()))?;
    let changed: toml::Table = depythonize(settings).map_err(|error| wrong(error.to_string()))?;
    table.extend(changed);
    let settings: AsIfRandom =
        table.try_into().map_err(|error: toml::de::Error| wrong(error.message().to_owned()))?;
    let of = experiment.seed_list().len() * experiment.training.epochs as usize;
    let options = options(memory);
    told(py, of, progress, |told, stop| {
        experiment.as_if_random(&settings, of_run.as_ref(), &out, options, told, stop).map(|_| ())
    })
}

/// A table of pooled networks.
#[pyfunction]
pub fn pooled_table(py: Python<'_>, path: PathBuf, name: &str) -> PyResult<Table> {
    let of = name.parse::<TableName>().map_err(|error| PyValueError::new_err(error.to_string()))?;
    let result = AsIfRandomResult::read(&path).map_err(|error| run_error(py, &error))?;
    let table = result.table(of).map(|table| table.into_owned());
    let table =
        table.ok_or_else(|| PyValueError::new_err(format!("pooled networks have no table {name}")))?;
    Ok(Table::of(of, &table))
}

/// Writes the report of pooled networks; returns the paths of its files and the summary in words.
#[pyfunction]
pub fn pooled_report(
    py: Python<'_>,
    path: PathBuf,
    out: Option<PathBuf>,
) -> PyResult<(Vec<PathBuf>, String)> {
    let result = AsIfRandomResult::read(&path).map_err(|error| run_error(py, &error))?;
    let place = out.unwrap_or(path);
    let written = py.detach(|| report::write_as_if_random(&result, &Options::default(), &place));
    let written = written.map_err(|error| exception(py, "RunError", (error.to_string(), None)))?;
    Ok((written, report::as_if_random_summary(&result)))
}

/// Inputs, and the class of each.
type Samples<'py> = (Bound<'py, PyArray2<f32>>, Bound<'py, PyArray1<i64>>);

/// The samples that an experiment measures.
#[pyfunction]
pub fn measured_samples<'py>(
    py: Python<'py>,
    given: &Bound<'py, PyAny>,
    changes: Vec<(String, Bound<'py, PyAny>)>,
    seed: Option<u64>,
) -> PyResult<Samples<'py>> {
    let experiment = experiment(given, &changes)?;
    let seed = seed.unwrap_or_else(|| experiment.seed_list().first().copied().unwrap_or(0));
    let samples = py.detach(|| experiment.measured_samples(seed));
    let (inputs, labels) = samples.map_err(|error| experiment_error(py, &error))?;
    let codes: Vec<i64> = labels.codes().iter().map(|&code| i64::from(code)).collect();
    Ok((inputs.into_pyarray(py), codes.into_pyarray(py)))
}

/// The table of an experiment with all its keys.
#[pyfunction]
pub fn experiment_table<'py>(
    py: Python<'py>,
    given: &Bound<'py, PyAny>,
    changes: Vec<(String, Bound<'py, PyAny>)>,
) -> PyResult<Bound<'py, PyAny>> {
    Ok(pythonize(py, &experiment(given, &changes)?.to_table())?)
}

/// The errors of estimators on samples whose information is known: a row for each task, number of samples and estimator.
#[pyfunction]
#[allow(clippy::too_many_arguments)] // the Python part has them by name
pub fn calibrate<'py>(
    py: Python<'py>,
    tasks: Option<Vec<String>>,
    estimators: Option<Vec<(String, Bound<'py, PyDict>)>>,
    n_samples: Vec<usize>,
    repeats: usize,
    seed: u64,
    limit: f64,
    standard_errors: bool,
    progress: Option<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let tasks = match tasks {
        None => TASKS.iter().collect(),
        Some(names) => {
            let named = |name: &String| {
                Task::named(name).ok_or_else(|| {
                    let all: Vec<&str> = TASKS.iter().map(|task| task.name).collect();
                    PyValueError::new_err(format!("no task is called {name:?}; there are {}", all.join(", ")))
                })
            };
            names.iter().map(named).collect::<PyResult<_>>()?
        }
    };
    let methods = match estimators {
        None => infoplane::calibrate::contenders(),
        Some(given) => given
            .iter()
            .map(|(name, settings)| match settings.is_empty() {
                true => contender(name).map_or_else(|| crate::estimate::named(name, settings), Ok),
                false => crate::estimate::named(name, settings),
            })
            .collect::<PyResult<_>>()?,
    };
    let limit = Duration::try_from_secs_f64(limit)
        .map_err(|_| PyValueError::new_err(format!("limit = {limit}; allowed are seconds above 0")))?;
    let calibration = Calibration { tasks, methods, n_samples, repeats, seed, limit, standard_errors };
    let done = Done::default();
    let table = interruptible(py, progress.as_ref().map(|callback| (&done, callback)), |stop| {
        measure_errors(&calibration, &mut |table, of, _| done.set(table.len(), of), stop)
    })?;
    let row = |row: &Accuracy| {
        let outcome = row.outcome.as_ref().ok().filter(|outcome| !outcome.errors.is_empty());
        json!({
            "task": row.task,
            "estimator": row.estimator,
            "n_samples": row.n_samples,
            "truth_nats": row.truth,
            "mean_error_nats": outcome.map(|outcome| outcome.mean_error()),
            "mean_absolute_error_nats": outcome.map(|outcome| outcome.mean_absolute_error()),
            "coverage": row.outcome.as_ref().ok().and_then(|outcome| outcome.coverage()),
            "mean_standard_error_nats": row.outcome.as_ref().ok().and_then(|outcome| outcome.mean_standard_error()),
            "bounds": row.outcome.as_ref().ok().map(|outcome| outcome.bounds),
            "seconds": row.outcome.as_ref().ok().map(|outcome| outcome.time.as_secs_f64()),
            "chosen": row.outcome.as_ref().ok().and_then(|outcome| outcome.chosen.clone()),
            "missing": row.outcome.as_ref().err(),
        })
    };
    Ok(pythonize(py, &table.iter().map(row).collect::<Vec<_>>())?)
}
