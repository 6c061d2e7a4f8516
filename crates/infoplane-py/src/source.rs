//! Layers as Python gives them: arrays, or what was computed of them where they are.

use infoplane::estimator::{AnyEstimator, KernelMeans, LayerSums, MeanLogarithms, Noise, NoiseSums};
use infoplane::measure::{Elsewhere, LayerSource};
use infoplane::network::Nonlinearity;
use ndarray::Array2;
use numpy::{IntoPyArray, PyArray1, PyArray2, PyReadonlyArray1, PyReadonlyArray2};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::arrays::{Given, Seen, labels};
use crate::estimate::named;

/// A layer.
#[derive(FromPyObject)]
pub enum GivenLayer<'py> {
    /// Its values.
    Values(Given<'py>),
    /// An object with attributes.
    Elsewhere(GivenElsewhere<'py>),
}

/// A layer of which something was computed elsewhere: `infoplane._recorder.Elsewhere`.
#[derive(FromPyObject)]
pub struct GivenElsewhere<'py> {
    shape: (usize, usize),
    values: Option<Given<'py>>,
    /// For each estimator.
    computed: Vec<Option<Computed<'py>>>,
}

/// What was computed for one estimator.
#[derive(FromPyObject)]
enum Computed<'py> {
    Symbols(Symbols<'py>),
    Sums(Sums<'py>),
}

#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct Symbols<'py> {
    symbols: PyReadonlyArray1<'py, i64>,
    out_of_range: u64,
}

#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct Sums<'py> {
    constant: bool,
    variances: Vec<OfVariance<'py>>,
}

#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct OfVariance<'py> {
    /// The two means over all samples, then those within each labelling.
    kernels: Option<Vec<(f64, f64)>>,
    logarithms: Vec<PyReadonlyArray2<'py, f64>>,
}

impl OfVariance<'_> {
    fn sums(&self) -> NoiseSums {
        let mean = |&(kullback_leibler, bhattacharyya): &(f64, f64)| MeanLogarithms {
            kullback_leibler,
            bhattacharyya,
        };
        let kernels = self.kernels.as_ref().and_then(|means| means.split_first());
        NoiseSums {
            kernels: kernels.map(|(all, within)| KernelMeans {
                all: mean(all),
                within: within.iter().map(mean).collect(),
            }),
            logarithms: self.logarithms.iter().map(|array| array.as_array().to_owned()).collect(),
        }
    }
}

/// A layer as it may cross threads.
pub struct SeenLayer<'a> {
    shape: (usize, usize),
    values: Option<Seen<'a>>,
    computed: Vec<Option<Elsewhere>>,
}

impl GivenLayer<'_> {
    /// Views of numbers, without a copy, and what was computed.
    pub fn seen(&self) -> SeenLayer<'_> {
        match self {
            GivenLayer::Values(given) => {
                SeenLayer { shape: (0, 0), values: Some(given.seen()), computed: Vec::new() }
            }
            GivenLayer::Elsewhere(given) => {
                let of = |computed: &Option<Computed<'_>>| {
                    computed.as_ref().map(|computed| match computed {
                        Computed::Symbols(of) => {
                            Elsewhere::Symbols { symbols: labels(&of.symbols), out_of_range: of.out_of_range }
                        }
                        Computed::Sums(of) => Elsewhere::Sums(LayerSums {
                            n_samples: given.shape.0,
                            width: given.shape.1,
                            constant: of.constant,
                            variances: of.variances.iter().map(OfVariance::sums).collect(),
                        }),
                    })
                };
                SeenLayer {
                    shape: given.shape,
                    values: given.values.as_ref().map(Given::seen),
                    computed: given.computed.iter().map(of).collect(),
                }
            }
        }
    }
}

impl SeenLayer<'_> {
    pub fn source(&self) -> LayerSource<'_> {
        let values = self.values.as_ref().map(Seen::variable);
        match (values, self.computed.is_empty()) {
            (Some(values), true) => values.into(),
            (values, _) => LayerSource::new(self.shape, values, self.computed.clone()),
        }
    }
}

/// Which rows of a layer get noise, ascending, and how many draws of it.
#[pyfunction]
pub fn noise_points<'py>(
    py: Python<'py>,
    settings: &Bound<'py, PyDict>,
    n_samples: usize,
) -> PyResult<(Bound<'py, PyArray1<i64>>, usize)> {
    let noise = noise(settings)?;
    let points: Vec<i64> = noise.points(n_samples).into_iter().map(i64::from).collect();
    Ok((points.into_pyarray(py), noise.draws(n_samples)))
}

/// The standard normal numbers of a draw for these rows of a layer, `(rows, width)`.
#[pyfunction]
pub fn noise_normals<'py>(
    py: Python<'py>,
    settings: &Bound<'py, PyDict>,
    draw: usize,
    rows: PyReadonlyArray1<'py, i64>,
    width: usize,
) -> PyResult<Bound<'py, PyArray2<f64>>> {
    let noise = noise(settings)?;
    let rows = rows.as_array().to_vec();
    let normals = py.detach(|| {
        let mut normals = Array2::zeros((rows.len(), width));
        for (mut normals, &row) in normals.rows_mut().into_iter().zip(&rows) {
            if let Some(normals) = normals.as_slice_mut() {
                noise.standard_normals(draw, row as usize, normals);
            }
        }
        normals
    });
    Ok(normals.into_pyarray(py))
}

fn noise(settings: &Bound<'_, PyDict>) -> PyResult<Noise> {
    match named("noise", settings)? {
        AnyEstimator::Noise(noise) => Ok(noise),
        _ => Err(PyValueError::new_err("not the settings of noise")),
    }
}

/// The labels in the order for which a layer measures bias.
#[pyfunction]
pub fn shuffled_labels<'py>(py: Python<'py>, codes: PyReadonlyArray1<'py, i64>) -> Bound<'py, PyArray1<i64>> {
    let shuffled: Vec<i64> = labels(&codes).shuffled().codes().iter().map(|&code| i64::from(code)).collect();
    shuffled.into_pyarray(py)
}

/// The range of the values of a nonlinearity, if it is known and bounded.
#[pyfunction]
pub fn activation_range(nonlinearity: &str) -> Option<(f64, f64)> {
    Nonlinearity::named(nonlinearity).and_then(Nonlinearity::range)
}
