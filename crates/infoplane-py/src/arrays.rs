//! Arrays of NumPy as the library's variables.

use infoplane::{Labels, Variable};
use ndarray::ArrayView2;
use numpy::{PyReadonlyArray1, PyReadonlyArray2};
use pyo3::prelude::*;

/// An argument: `(n_samples, width)` of float32 or float64, or one int64 code for each sample.
#[derive(FromPyObject)]
pub enum Given<'py> {
    /// Numbers of single precision.
    Single(PyReadonlyArray2<'py, f32>),
    /// Numbers of double precision.
    Double(PyReadonlyArray2<'py, f64>),
    /// Symbols.
    Codes(PyReadonlyArray1<'py, i64>),
}

/// An argument as it may cross threads: views of the memory of NumPy, and labels.
pub enum Seen<'a> {
    Single(ArrayView2<'a, f32>),
    Double(ArrayView2<'a, f64>),
    Labels(Labels),
}

impl Given<'_> {
    /// Views of numbers, without a copy; symbols are numbered.
    pub fn seen(&self) -> Seen<'_> {
        match self {
            Given::Single(array) => Seen::Single(array.as_array()),
            Given::Double(array) => Seen::Double(array.as_array()),
            Given::Codes(array) => Seen::Labels(labels(array)),
        }
    }
}

/// The labelling of some codes.
pub fn labels(codes: &PyReadonlyArray1<'_, i64>) -> Labels {
    let codes = codes.as_array();
    match codes.as_slice() {
        Some(codes) => Labels::from_integers(codes),
        None => Labels::from_integers(&codes.to_vec()),
    }
}

impl Seen<'_> {
    pub fn variable(&self) -> Variable<'_> {
        match self {
            Seen::Single(rows) => Variable::Single(rows.view()),
            Seen::Double(rows) => Variable::Double(rows.view()),
            Seen::Labels(labels) => Variable::Labels(labels),
        }
    }
}
