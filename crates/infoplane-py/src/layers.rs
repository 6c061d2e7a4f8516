//! Layers against layers, and a layer against the parts of the inputs.

use infoplane::estimator::Estimator;
use infoplane::estimator::layers::{InputParts, LayerPairs, effective_rank, linear_cka};
use infoplane::{EstimateError, Information, Measure, Variable};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use pythonize::pythonize;
use serde_json::{Value, json};

use crate::arrays::{Given, Seen};
use crate::call::interruptible;
use crate::error::estimate_error;
use crate::estimate::named;

/// I(Tᵢ;Tⱼ) of all pairs of layers, for every setting of an estimator.
#[pyfunction]
pub fn estimate_layer_pairs<'py>(
    py: Python<'py>,
    estimator: &str,
    settings: &Bound<'py, PyDict>,
    layers: Vec<Given<'py>>,
) -> PyResult<Bound<'py, PyList>> {
    let estimator = named(estimator, settings)?;
    let seen: Vec<Seen<'_>> = layers.iter().map(Given::seen).collect();
    let measured = || {
        let layers: Vec<Variable<'_>> = seen.iter().map(Seen::variable).collect();
        estimator.layer_pairs(&layers)
    };
    let readings = interruptible(py, None, |_| measured())?.map_err(|error| told(py, &error, "layers"))?;
    let found = PyList::empty(py);
    for reading in &readings {
        found.append(pythonize(py, &fields(&estimator, reading))?)?;
    }
    Ok(found)
}

fn fields(estimator: &dyn Estimator, reading: &LayerPairs) -> Value {
    let pairs = &reading.pairs;
    let each = |value: fn(&infoplane::Estimate) -> Option<Information>| -> Vec<Option<f64>> {
        pairs.iter().map(|pair| pair.estimate.as_ref().ok().and_then(value).map(Information::nats)).collect()
    };
    let missing = pairs.iter().filter_map(|pair| {
        let error = pair.estimate.as_ref().err()?;
        Some(json!([pair.first, pair.second, error.to_string()]))
    });
    let warnings = pairs.iter().filter_map(|pair| pair.estimate.as_ref().ok()).flat_map(|it| &it.warnings);
    let mut warnings: Vec<String> =
        warnings.filter(|warning| warning.is_caveat()).map(ToString::to_string).collect();
    warnings.sort();
    warnings.dedup();
    let cells = |value: fn(&infoplane::estimator::layers::LayerCells) -> u64| {
        reading.cells.as_ref().map(|cells| cells.iter().map(value).collect::<Vec<_>>())
    };
    json!({
        "estimator": estimator.name(),
        "setting": reading.setting,
        "bound": reading.bound.map(|bound| bound.name()),
        "n_layers": reading.n_layers,
        "nats": each(|estimate| Some(estimate.information)),
        "standard_error_nats": each(|estimate| estimate.standard_error),
        "shuffled_nats": pairs.iter().map(|pair| pair.shuffled.map(Information::nats)).collect::<Vec<_>>(),
        "n_cells": cells(|cells| cells.n_cells as u64),
        "n_alone": cells(|cells| cells.alone as u64),
        "out_of_range": cells(|cells| cells.out_of_range),
        "missing": missing.collect::<Vec<_>>(),
        "warnings": warnings,
    })
}

/// I(X_p;T) of the parts of the inputs.
#[pyfunction]
pub fn estimate_input_parts<'py>(
    py: Python<'py>,
    estimator: &str,
    settings: &Bound<'py, PyDict>,
    inputs: Given<'py>,
    t: Given<'py>,
    bins: Option<usize>,
    groups: Option<Vec<Vec<usize>>>,
) -> PyResult<Bound<'py, PyAny>> {
    let estimator = named(estimator, settings)?;
    let (inputs, t) = (inputs.seen(), t.seen());
    let measured = || {
        let parts = InputParts::of_columns(inputs.variable(), bins).map_err(|error| (error, "inputs"))?;
        let parts = match &groups {
            Some(groups) => parts.together(groups).map_err(|error| (error, "groups"))?,
            None => parts,
        };
        estimator.input_parts(&parts, t.variable()).map_err(|error| (error, "layer"))
    };
    let found = interruptible(py, None, |_| measured())?.map_err(|(error, of)| told(py, &error, of))?;
    let each = |value: fn(&infoplane::estimator::layers::PartInformation) -> Information| {
        found.parts.iter().map(|part| value(part).nats()).collect::<Vec<f64>>()
    };
    let fields = json!({
        "estimator": estimator.name(),
        "setting": estimator.setting(),
        "n_samples": found.n_samples,
        "n_alone": found.n_alone,
        "layer_entropy_nats": found.layer_entropy.nats(),
        "nats": each(|part| part.information),
        "shuffled_nats": each(|part| part.shuffled),
        "entropy_nats": each(|part| part.entropy),
        "n_values": found.parts.iter().map(|part| part.n_values).collect::<Vec<_>>(),
    });
    Ok(pythonize(py, &fields)?)
}

/// Linear centred kernel alignment of two layers.
#[pyfunction]
pub fn layer_similarity(py: Python<'_>, a: Given<'_>, b: Given<'_>, unbiased: bool) -> PyResult<f64> {
    let (a, b) = (a.seen(), b.seen());
    let measured = || {
        let [_, pair, _] = &linear_cka(&[a.variable(), b.variable()])?[..] else {
            unreachable!("three pairs")
        };
        if unbiased { pair.unbiased.clone() } else { pair.biased.clone() }
    };
    interruptible(py, None, |_| measured())?.map_err(|error| told(py, &error, ""))
}

/// The effective rank and the participation ratio of a layer.
#[pyfunction]
pub fn layer_rank(py: Python<'_>, layer: Given<'_>) -> PyResult<(f64, f64)> {
    let seen = layer.seen();
    let found = interruptible(py, None, |_| effective_rank(seen.variable()))?;
    let rank = found.map_err(|error| told(py, &error, "layer"))?;
    Ok((rank.effective_rank, rank.participation_ratio))
}

/// An error with the argument that it is about.
fn told(py: Python<'_>, error: &EstimateError, argument: &str) -> PyErr {
    let of = match error {
        EstimateError::Setting { .. }
        | EstimateError::NotOffered { .. }
        | EstimateError::NeedsCells { .. } => "",
        _ => argument,
    };
    estimate_error(py, error, of)
}
