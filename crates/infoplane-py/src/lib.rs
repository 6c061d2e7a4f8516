//! The native part of the Python package `infoplane`.
//!
//! It converts arguments, releases the interpreter and calls the library; what users see is the Python in
//! `python/infoplane`, which alone imports this module.

mod arrays;
mod arrow;
mod call;
mod error;
mod estimate;
mod experiment;
mod layers;
mod pooled;
mod rank;
mod record;
mod run;
mod source;
mod sweep;

use infoplane::Labels;
use numpy::{PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use pythonize::{depythonize, pythonize};
use serde_json::json;

/// The native part of the package `infoplane`.
/// How a program in Python allows more memory for the data of a file.
const MORE_MEMORY: &str = "allow more with memory=BYTES";

#[pymodule]
mod _native {
    use pyo3::prelude::*;

    #[pymodule_export]
    use super::estimate::{
        check_estimator, estimate, estimate_layer, estimate_layer_with_target, estimate_series,
        estimate_units, estimators, label_sides, normalised, set_threads,
    };

    #[pymodule_export]
    use super::experiment::{
        as_if_random, calibrate, experiment_table, measured_samples, pooled_report, pooled_table,
        resume_experiment, run_experiment,
    };
    #[pymodule_export]
    use super::layers::{estimate_input_parts, estimate_layer_pairs, layer_rank, layer_similarity};
    #[pymodule_export]
    use super::pooled::Networks;
    #[pymodule_export]
    use super::rank::rank;
    #[pymodule_export]
    use super::record::Recorder;
    #[pymodule_export]
    use super::run::{Run, Table, compare, widget_parts};
    #[pymodule_export]
    use super::source::{activation_range, noise_normals, noise_points, shuffled_labels};
    #[pymodule_export]
    use super::sweep::{SweepCells, SweepClaim, SweepPlan, SweepStore};

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        super::look_up(module.py())?;
        super::keep_freed_memory();
        infoplane::memory::allow(None, super::MORE_MEMORY);
        module.add("FORMAT_VERSION", infoplane::run::FORMAT_VERSION)?;
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}

/// The C library gives memory back to the system when more of it is free than a limit, which grows to twice the largest block
/// that was ever freed. With its first limit, estimates of 10,000 rows would give back and take again some hundred pages each,
/// which takes a tenth of the time of a small one.
fn keep_freed_memory() {
    drop(std::hint::black_box(Vec::<u8>::with_capacity(16 << 20)));
}

/// Looks up now what the bindings look up at their first use. A process that is forked while another thread does that would wait
/// for it for ever.
fn look_up(py: Python<'_>) -> PyResult<()> {
    let array = PyArray1::<f64>::zeros(py, 1, false).into_any();
    // The interface of NumPy, its types, and the record of what is borrowed.
    drop(array.extract::<PyReadonlyArray1<'_, f64>>()?);
    assert!(
        array.extract::<PyReadonlyArray1<'_, f32>>().is_err()
            && array.extract::<PyReadonlyArray1<'_, i64>>().is_err()
    );
    // The abstract types of sequences and mappings.
    let table = PyDict::new(py);
    table.set_item("list", PyList::new(py, [1])?)?;
    depythonize::<serde_json::Value>(&table)?;
    // The names of keys, which are made when a table of them is first read.
    let series = json!({ "variables": [], "names": [], "missing": [] });
    let manner = json!({
        "standard_error": false, "permutations": null, "permutation_scheme": "", "block_length": null, "seed": 0,
        "k": 1, "tail": "", "correction": "", "missing": "",
    });
    let described = json!({
        "name": "", "labels": null, "target": null, "inputs": null, "layers": [], "estimators": [], "quantities": [],
        "schedule": {}, "planned_epochs": null, "by": "", "class": null, "settings": {},
    });
    let network =
        json!({ "layers": [], "parameters": [], "weight_norm": 0.0, "loss": null, "accuracy": null });
    drop(pythonize(py, &series)?.extract::<estimate::TwoSeries<'_>>()?);
    let manner = pythonize(py, &manner)?;
    drop(manner.extract::<estimate::Manner>()?);
    drop(manner.extract::<rank::Manner>()?);
    drop(pythonize(py, &described)?.extract::<record::Described<'_>>()?);
    drop(pythonize(py, &network)?.extract::<pooled::DescribedNetwork<'_>>()?);
    // What estimates compute once: the vector instructions that there are, and the logarithms of small counts.
    if infoplane::simd::check().is_ok() {
        infoplane::simd::level();
    }
    Labels::from_integers(&[0, 0]).entropy();
    Ok(())
}
