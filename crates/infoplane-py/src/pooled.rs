//! Networks that Python trains, pooled as samples of one distribution.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use infoplane::Variable;
use infoplane::experiment::{GivenNetwork, GivenNetworks};
use infoplane::pool::NetworkSource;
use numpy::PyReadonlyArray1;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::arrays::{Given, Seen};
use crate::call::interruptible;
use crate::experiment::experiment_error;
use crate::record::{Described, record_error};

/// Networks that are added one after the other, and measured together.
#[pyclass(frozen, module = "infoplane._native")]
pub struct Networks {
    /// Nothing once they are measured.
    inner: Mutex<Option<GivenNetworks>>,
}

/// One of them, as Python describes it.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct DescribedNetwork<'py> {
    layers: Vec<Given<'py>>,
    /// Of each layer.
    parameters: Vec<PyReadonlyArray1<'py, f32>>,
    weight_norm: f64,
    loss: Option<f64>,
    accuracy: Option<f64>,
}

#[pymethods]
impl Networks {
    /// Begins a pool of the networks of these seeds and epochs, for the directory `out`.
    #[new]
    fn new(
        py: Python<'_>,
        out: PathBuf,
        described: Described<'_>,
        sources: Vec<(u64, u64)>,
        over_seeds: bool,
    ) -> PyResult<Self> {
        let recording = described.recording(py)?;
        let sources = sources.into_iter().map(|(seed, epoch)| NetworkSource { seed, epoch, step: 0 });
        let networks = GivenNetworks::new(&out, recording, sources.collect(), over_seeds);
        let networks = networks.map_err(|error| experiment_error(py, &error))?;
        Ok(Networks { inner: Mutex::new(Some(networks)) })
    }

    /// Adds the next network.
    fn add(&self, py: Python<'_>, network: DescribedNetwork<'_>) -> PyResult<()> {
        let seen: Vec<Seen<'_>> = network.layers.iter().map(Given::seen).collect();
        let parameters: Vec<Vec<f32>> =
            network.parameters.iter().map(|array| array.as_array().to_vec()).collect();
        let (weight_norm, train_loss, train_accuracy) = (network.weight_norm, network.loss, network.accuracy);
        let added = py.detach(|| {
            let layers: Vec<Variable<'_>> = seen.iter().map(Seen::variable).collect();
            let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
            let network =
                GivenNetwork { layers: &layers, parameters, weight_norm, train_loss, train_accuracy };
            inner.as_mut().map(|networks| networks.add(network))
        });
        added.ok_or_else(measured)?.map_err(|error| record_error(py, &error))
    }

    /// Measures the pool into its directory; nothing can be added after that.
    fn measure(&self, py: Python<'_>) -> PyResult<()> {
        let networks = py.detach(|| self.inner.lock().unwrap_or_else(PoisonError::into_inner).take());
        let networks = networks.ok_or_else(measured)?;
        let done = interruptible(py, None, |_| networks.measure(&|| false).map(|_| ()))?;
        done.map_err(|error| experiment_error(py, &error))
    }
}

fn measured() -> PyErr {
    PyValueError::new_err("these networks were measured already")
}
