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
mod pooled;
mod record;
mod run;
mod source;

use pyo3::prelude::*;

/// The native part of the package `infoplane`.
#[pymodule]
mod _native {
    use pyo3::prelude::*;

    #[pymodule_export]
    use super::estimate::{check_estimator, estimate, estimate_layer, estimators, label_sides, set_threads};

    #[pymodule_export]
    use super::experiment::{
        as_if_random, calibrate, experiment_table, measured_samples, pooled_report, pooled_table,
        resume_experiment, run_experiment,
    };
    #[pymodule_export]
    use super::pooled::Networks;
    #[pymodule_export]
    use super::record::Recorder;
    #[pymodule_export]
    use super::run::{Run, Table, compare};
    #[pymodule_export]
    use super::source::{activation_range, noise_normals, noise_points, shuffled_labels};

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
