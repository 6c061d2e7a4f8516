//! Errors of the library as exceptions of the package.

use infoplane::EstimateError;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyType;

/// The exception of that name in `infoplane._errors`.
pub fn exception(py: Python<'_>, name: &str, arguments: (String, Option<&str>)) -> PyErr {
    let class = py
        .import("infoplane._errors")
        .and_then(|module| module.getattr(name))
        .and_then(|class| Ok(class.cast_into::<PyType>()?));
    match (class, arguments) {
        (Ok(class), (message, Some(code))) => PyErr::from_type(class, (message, code.to_owned())),
        (Ok(class), (message, None)) => PyErr::from_type(class, message),
        (Err(_), (message, _)) => PyRuntimeError::new_err(message),
    }
}

/// Why there is no estimate of variables with these names.
pub fn estimate_error(py: Python<'_>, error: &EstimateError, of: &str) -> PyErr {
    let name = match error {
        EstimateError::Undetermined { .. } => "UndeterminedError",
        _ => "EstimateError",
    };
    let message = if of.is_empty() { error.to_string() } else { format!("{of}: {error}") };
    exception(py, name, (message, Some(error.code())))
}
