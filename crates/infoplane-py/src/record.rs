//! Recording of networks that Python trains.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use infoplane::estimator::AnyEstimator;
use infoplane::measure::LayerSource;
use infoplane::quantity::QuantityConfig;
use infoplane::record::{RecordError, Recorder as Growing, Recording};
use infoplane::run::{Recorded, RunDir};
use infoplane::schedule::ScheduleConfig;
use infoplane::train::EpochStats;
use infoplane::{Labels, LayerDescription, PlaneRow};
use numpy::{PyReadonlyArray1, PyReadonlyArray2};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use pythonize::{depythonize, pythonize};
use serde_json::{Value, json};

use crate::arrays::labels;
use crate::call::interruptible;
use crate::error::exception;
use crate::estimate::named;
use crate::run::run_error;
use crate::source::{GivenLayer, SeenLayer};

/// A run that grows while a network is trained.
#[pyclass(frozen, module = "infoplane._native")]
pub struct Recorder {
    path: PathBuf,
    layers: Vec<LayerDescription>,
    /// Nothing once it is finished.
    inner: Mutex<Option<Growing>>,
}

/// The exception for an error of a recording.
pub fn record_error(py: Python<'_>, error: &RecordError) -> PyErr {
    match error {
        RecordError::Run(error) => run_error(py, error),
        error => exception(py, "RecordError", (error.to_string(), None)),
    }
}

/// What is recorded, as Python describes it.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct Described<'py> {
    name: String,
    /// One of the two.
    labels: Option<PyReadonlyArray1<'py, i64>>,
    target: Option<PyReadonlyArray2<'py, f64>>,
    inputs: Option<PyReadonlyArray1<'py, i64>>,
    /// Name, number of units, nonlinearity.
    layers: Vec<(String, usize, String)>,
    /// Name and settings.
    estimators: Vec<(String, Bound<'py, PyDict>)>,
    quantities: Bound<'py, PyList>,
    schedule: Bound<'py, PyDict>,
    planned_epochs: Option<u64>,
    by: String,
    class: Option<String>,
    settings: Bound<'py, PyDict>,
}

impl Described<'_> {
    pub fn recording(&self, py: Python<'_>) -> PyResult<Recording> {
        let wrong =
            |what: &str, error: String| exception(py, "RecordError", (format!("{what}: {error}"), None));
        let schedule: toml::Value =
            depythonize(&self.schedule).map_err(|error| wrong("schedule", error.to_string()))?;
        let schedule: ScheduleConfig = schedule
            .try_into()
            .map_err(|error: toml::de::Error| wrong("schedule", error.message().into()))?;
        let quantities: Vec<toml::Value> =
            depythonize(&self.quantities).map_err(|error| wrong("quantities", error.to_string()))?;
        let quantities = quantities.into_iter().map(toml::Value::try_into);
        let quantities: Vec<QuantityConfig> = quantities
            .collect::<Result<_, toml::de::Error>>()
            .map_err(|error| wrong("quantities", error.message().into()))?;
        let settings: toml::Table =
            depythonize(&self.settings).map_err(|error| wrong("settings", error.to_string()))?;
        let layers = self.layers.iter().map(|(name, width, nonlinearity)| LayerDescription {
            name: name.clone(),
            width: *width,
            nonlinearity: nonlinearity.clone(),
        });
        let estimators: Vec<AnyEstimator> =
            self.estimators.iter().map(|(name, settings)| named(name, settings)).collect::<PyResult<_>>()?;
        Ok(Recording {
            name: self.name.clone(),
            labels: self.labels.as_ref().map_or_else(|| Labels::from_integers(&[]), labels),
            target: self.target.as_ref().map(|target| target.as_array().to_owned()),
            inputs: self.inputs.as_ref().map(labels),
            layers: layers.collect(),
            estimators,
            quantities,
            schedule,
            planned_epochs: self.planned_epochs,
            by: Recorded { by: self.by.clone(), class: self.class.clone(), settings, found: None },
        })
    }
}

#[pymethods]
impl Recorder {
    /// Begins a run, or goes on with one that records the same.
    #[new]
    fn new(py: Python<'_>, path: PathBuf, described: Described<'_>, resume: bool) -> PyResult<Self> {
        let recording = described.recording(py)?;
        let layers = recording.layers.clone();
        let opened = py.detach(|| match resume && RunDir::open(&path).is_ok() {
            true => Growing::resume(&path, recording),
            false => Growing::create(&path, recording),
        });
        let inner = opened.map_err(|error| record_error(py, &error))?;
        Ok(Recorder { path, layers, inner: Mutex::new(Some(inner)) })
    }

    #[getter]
    fn path(&self) -> &PathBuf {
        &self.path
    }

    /// Whether an epoch is to be measured.
    fn wants(&self, py: Python<'_>, epoch: u64) -> PyResult<bool> {
        self.with(py, |recorder| Ok(recorder.wants(epoch)))
    }

    /// Tells the loss after an epoch to a schedule that watches it.
    fn witness(&self, py: Python<'_>, epoch: u64, loss: f64) -> PyResult<()> {
        self.with(py, |recorder| recorder.witness(epoch, loss))
    }

    /// The epochs that are asked for and not recorded yet.
    fn wanted(&self, py: Python<'_>) -> PyResult<Vec<u64>> {
        self.with(py, |recorder| Ok(recorder.wanted().collect()))
    }

    /// The earliest epoch that may still be asked for.
    fn earliest(&self, py: Python<'_>) -> PyResult<u64> {
        self.with(py, |recorder| Ok(recorder.earliest()))
    }

    /// Measures the layers at an epoch; returns its rows.
    fn record<'py>(
        &self,
        py: Python<'py>,
        epoch: u64,
        layers: Vec<GivenLayer<'py>>,
        statistics: Option<Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let statistics = statistics.map(|statistics| stats(epoch, &statistics)).transpose()?;
        let seen: Vec<SeenLayer<'_>> = layers.iter().map(GivenLayer::seen).collect();
        let measured = interruptible(py, None, |_| {
            let layers: Vec<LayerSource<'_>> = seen.iter().map(SeenLayer::source).collect();
            let mut inner = self.lock();
            let Some(recorder) = inner.as_mut() else { return Ok(None) };
            let rows = recorder.record_layers(epoch, &layers, statistics)?;
            Ok::<_, RecordError>(Some(rows.iter().map(|row| self.row(row)).collect::<Vec<Value>>()))
        })?;
        match measured.map_err(|error| record_error(py, &error))? {
            Some(rows) => Ok(pythonize(py, &rows)?),
            None => Err(self.ended()),
        }
    }

    /// Keeps statistics of an epoch.
    fn describe(&self, py: Python<'_>, epoch: u64, statistics: &Bound<'_, PyDict>) -> PyResult<()> {
        let statistics = stats(epoch, statistics)?;
        self.with(py, |recorder| recorder.describe(statistics))
    }

    /// Tells that no epoch comes after `last`.
    fn end(&self, py: Python<'_>, last: u64) -> PyResult<()> {
        self.with(py, |recorder| {
            recorder.end(last);
            Ok(())
        })
    }

    /// Completes the run.
    fn finish(&self, py: Python<'_>) -> PyResult<()> {
        let finished = py.detach(|| {
            let recorder = self.lock().take();
            recorder.map(|recorder| recorder.finish().map(|_| ()))
        });
        match finished {
            Some(finished) => finished.map_err(|error| record_error(py, &error)),
            None => Err(self.ended()),
        }
    }

    /// Lets go of the directory without completing the run, which can go on later.
    fn close(&self, py: Python<'_>) {
        py.detach(|| drop(self.lock().take()));
    }
}

impl Recorder {
    fn lock(&self) -> MutexGuard<'_, Option<Growing>> {
        // What was interrupted was not kept.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut Growing) -> Result<T, RecordError> + Send,
    ) -> PyResult<T> {
        // Another thread may be measuring, and need the interpreter to end.
        let done = py.detach(|| self.lock().as_mut().map(work));
        done.ok_or_else(|| self.ended())?.map_err(|error| record_error(py, &error))
    }

    fn ended(&self) -> PyErr {
        PyValueError::new_err(format!("the recording of {} has ended", self.path.display()))
    }

    /// A row for people and for loggers.
    fn row(&self, row: &PlaneRow) -> Value {
        json!({
            "epoch": row.epoch,
            "layer": row.layer,
            "layer_name": LayerDescription::name_in(&self.layers, row.layer),
            "estimator": row.method.estimator,
            "setting": row.method.setting,
            "bound": row.method.bound.map(infoplane::Bound::name),
            "i_xt_bits": row.i_xt_bits,
            "i_ty_bits": row.i_ty_bits,
            "missing": row.missing.as_ref().map(ToString::to_string),
        })
    }
}

/// The statistics of an epoch: losses and accuracies by their names, and any other numbers.
fn stats(epoch: u64, given: &Bound<'_, PyDict>) -> PyResult<EpochStats> {
    let mut stats = EpochStats { epoch, ..EpochStats::default() };
    for (name, value) in given {
        let (name, value): (String, f64) = (name.extract()?, value.extract()?);
        match name.as_str() {
            "train_loss" => stats.train_loss = Some(value as f32),
            "test_loss" => stats.test_loss = Some(value as f32),
            "train_accuracy" => stats.train_accuracy = Some(value as f32),
            "test_accuracy" => stats.test_accuracy = Some(value as f32),
            // JSON has no NaN and no infinity; where a training diverges, a number is not known.
            _ if !value.is_finite() => {}
            _ => _ = stats.scalars.insert(name, value),
        }
    }
    Ok(stats)
}
