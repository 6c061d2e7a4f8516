//! Runs that are read.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use infoplane::figure::{Arrangement, Comparison};
use infoplane::page::{self, Page};
use infoplane::report::{self, Formats, Options, ReportData};
use infoplane::run::{Run as ReadRun, RunError, State};
use infoplane::table::{NONE, TableColumn, TableName, Values};
use numpy::{IntoPyArray, PyArray1};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyCapsule, PyDict, PyList};
use pythonize::pythonize;
use serde_json::json;

use crate::arrow;
use crate::error::exception;

/// The exception for an error of a run directory.
pub fn run_error(py: Python<'_>, error: &RunError) -> PyErr {
    exception(py, "RunError", (error.to_string(), None))
}

/// A run directory, read.
#[pyclass(frozen, module = "infoplane._native")]
pub struct Run {
    inner: Mutex<ReadRun>,
}

#[pymethods]
impl Run {
    #[new]
    fn new(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        let read = py.detach(|| ReadRun::read(&path)).map_err(|error| run_error(py, &error))?;
        Ok(Run { inner: Mutex::new(read) })
    }

    /// Reads what was written since; returns whether there was anything.
    fn follow(&self, py: Python<'_>) -> PyResult<bool> {
        let appended = py.detach(|| self.lock().follow()).map_err(|error| run_error(py, &error))?;
        Ok(!appended.is_empty())
    }

    #[getter]
    fn name(&self) -> String {
        self.lock().name().to_owned()
    }

    #[getter]
    fn path(&self) -> PathBuf {
        self.lock().path().to_path_buf()
    }

    /// `running`, `interrupted`, `finished` or `failed`.
    #[getter]
    fn state(&self) -> &'static str {
        match self.lock().state() {
            State::Running { .. } => "running",
            State::Interrupted => "interrupted",
            State::Finished => "finished",
            State::Failed => "failed",
        }
    }

    /// What the run is: data, layers, estimators, schedule.
    #[getter]
    fn manifest<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(pythonize(py, self.lock().manifest())?)
    }

    /// The table of a name.
    fn table(&self, py: Python<'_>, name: &str) -> PyResult<Table> {
        let of = name.parse::<TableName>().map_err(|error| PyValueError::new_err(error.to_string()))?;
        let table = py.detach(|| of.of_run(&self.lock()).map(|table| table.into_owned()));
        let table = table.ok_or_else(|| PyValueError::new_err(format!("a run has no table {name}")))?;
        Ok(Table::of(of, &table))
    }

    /// The summary of the report, as Markdown.
    fn summary(&self, py: Python<'_>) -> String {
        py.detach(|| {
            let run = self.lock();
            report::summary(&ReportData::of(&run))
        })
    }

    /// The figures of the report in a form, by name.
    fn pictures<'py>(&self, py: Python<'py>, format: &str) -> PyResult<Vec<(String, Bound<'py, PyBytes>)>> {
        let formats = format.parse::<Formats>().map_err(|error| PyValueError::new_err(error.to_string()))?;
        let options = Options::default().formats(formats);
        let pictures = py.detach(|| {
            let run = self.lock();
            report::pictures(&ReportData::of(&run), &options)
        });
        let pictures = pictures.map_err(|error| exception(py, "RunError", (error.to_string(), None)))?;
        Ok(pictures.into_iter().map(|(name, bytes)| (name, PyBytes::new(py, &bytes))).collect())
    }

    /// Writes the report, and returns the paths of its files.
    fn report(&self, py: Python<'_>, out: Option<PathBuf>) -> PyResult<Vec<PathBuf>> {
        let written = py.detach(|| {
            let run = self.lock();
            let out = out.unwrap_or_else(|| run.directory().report_path());
            report::write(&ReportData::of(&run), &Options::default(), &out)
        });
        written.map_err(|error| exception(py, "RunError", (error.to_string(), None)))
    }

    /// The page of the run as one file of HTML.
    fn page(&self, py: Python<'_>) -> String {
        py.detach(|| {
            let run = self.lock();
            Page::of_run(&run, &ReportData::of(&run)).html()
        })
    }

    /// The values of the page, as its scripts read them.
    fn page_values(&self, py: Python<'_>) -> String {
        py.detach(|| {
            let run = self.lock();
            Page::of_run(&run, &ReportData::of(&run)).json()
        })
    }

    /// Writes the page, and returns its path.
    fn write_page(&self, py: Python<'_>, out: Option<PathBuf>) -> PyResult<PathBuf> {
        let written = py.detach(|| {
            let run = self.lock();
            let out = out.unwrap_or_else(|| run.directory().report_path());
            report::write_page(&Page::of_run(&run, &ReportData::of(&run)), &out)
        });
        written.map_err(|error| exception(py, "RunError", (error.to_string(), None)))
    }
}

impl Table {
    pub fn of(name: TableName, table: &infoplane::table::Table<'static>) -> Table {
        Table { name: name.name(), about: name.about(), columns: table.columns().to_vec() }
    }

    pub fn new(name: &'static str, about: &'static str, columns: Vec<TableColumn<'static>>) -> Table {
        Table { name, about, columns }
    }
}

impl Run {
    fn lock(&self) -> MutexGuard<'_, ReadRun> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The scripts and the style of the page as a widget of a notebook.
#[pyfunction]
pub fn widget_parts() -> (String, String) {
    // The widget is one module with the page, whose names it imports elsewhere.
    let widget = include_str!("web/widget.js").lines().filter(|line| !line.starts_with("import "));
    let mut script = page::script();
    script.extend(widget.flat_map(|line| [line, "\n"]));
    (script, format!("{}{}", page::style(), include_str!("web/widget.css")))
}

/// Compares runs: writes figures, a table and a summary into `out`, and returns the paths and the summary in words.
///
/// Runs are groups of their own, or by the values of the keys `by` of their configuration; `one_panel` draws all planes in one.
#[pyfunction]
pub fn compare(
    py: Python<'_>,
    paths: Vec<PathBuf>,
    out: PathBuf,
    by: Vec<String>,
    one_panel: bool,
) -> PyResult<(Vec<PathBuf>, String)> {
    let arrangement = if one_panel { Arrangement::OnePanel } else { Arrangement::SideBySide };
    let runs = paths.iter().map(|path| ReadRun::read(path)).collect::<Result<Vec<_>, _>>();
    let runs = runs.map_err(|error| run_error(py, &error))?;
    let compared = py.detach(|| {
        let comparison = Comparison::of_runs(&runs, &by, false).map_err(|error| error.to_string())?;
        let written = report::write_comparison(&comparison, arrangement, &Options::default(), &out);
        Ok((written.map_err(|error| error.to_string())?, report::comparison_summary(&comparison)))
    });
    compared.map_err(|message| exception(py, "RunError", (message, None)))
}

/// A table of a run.
#[pyclass(frozen, module = "infoplane._native")]
pub struct Table {
    name: &'static str,
    about: &'static str,
    columns: Vec<TableColumn<'static>>,
}

#[pymethods]
impl Table {
    #[getter]
    fn name(&self) -> &'static str {
        self.name
    }

    #[getter]
    fn about(&self) -> &'static str {
        self.about
    }

    /// The declarations of the columns.
    #[getter]
    fn columns<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let column = |column: &TableColumn<'_>| {
            json!({
                "name": column.name,
                "unit": column.declared.unit,
                "type": column.declared.kind.name(),
                "about": column.declared.about,
            })
        };
        let columns: Vec<_> = self.columns.iter().map(column).collect();
        Ok(pythonize(py, &columns)?)
    }

    fn __len__(&self) -> usize {
        self.columns.first().map_or(0, |column| column.values.len())
    }

    /// The columns as arrays of NumPy; text as lists.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let found = PyDict::new(py);
        for column in &self.columns {
            let name = column.name.as_ref();
            match &column.values {
                Values::U32(values) => {
                    let values: Vec<i64> = values.iter().map(|&value| i64::from(value)).collect();
                    found.set_item(name, values.into_pyarray(py))?;
                }
                Values::U64(values) => found.set_item(name, PyArray1::from_slice(py, values))?,
                Values::OptionalU64(values) => {
                    let values: Vec<f64> =
                        values.iter().map(|value| value.map_or(f64::NAN, |value| value as f64)).collect();
                    found.set_item(name, values.into_pyarray(py))?;
                }
                Values::F64(values) => {
                    let finite = |&value: &f64| if value.is_finite() { value } else { f64::NAN };
                    let values: Vec<f64> = values.iter().map(finite).collect();
                    found.set_item(name, values.into_pyarray(py))?;
                }
                Values::Category { names, codes } => {
                    let names: Vec<Bound<'py, PyAny>> = names
                        .iter()
                        .map(|name| Ok(name.as_ref().into_pyobject(py)?.into_any()))
                        .collect::<PyResult<_>>()?;
                    let none = py.None().into_bound(py);
                    let text =
                        |&code: &u32| if code == NONE { none.clone() } else { names[code as usize].clone() };
                    found.set_item(name, PyList::new(py, codes.iter().map(text))?)?;
                }
                _ => {}
            }
        }
        Ok(found)
    }

    /// The table as an Arrow C stream.
    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        // A consumer that wants another schema casts for itself, as the protocol allows.
        let _ = requested_schema;
        arrow::stream(py, &self.columns)
    }
}
