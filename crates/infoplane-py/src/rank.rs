//! Columns ranked against a target.

use infoplane::estimator::VariableKind;
use infoplane::estimator::rank::{self as ranking, Column, MissingSymbols, MultipleTests, RankOptions, Tail};
use infoplane::table;
use numpy::PyReadonlyArray1;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pythonize::pythonize;
use serde_json::json;

use crate::call::interruptible;
use crate::error::estimate_error;
use crate::run::Table;

/// The values of a column: numbers, or codes of which those below 0 are missing.
#[derive(FromPyObject)]
pub enum Values<'py> {
    Numbers(PyReadonlyArray1<'py, f64>),
    Codes(PyReadonlyArray1<'py, i64>),
}

/// A column as Python gives it: name, values, kind.
type Given<'py> = (String, Values<'py>, Option<String>);

fn column((name, values, kind): Given<'_>) -> PyResult<Column> {
    let mut column = match values {
        Values::Numbers(values) => Column::numbers(name, values.as_array().to_vec()),
        Values::Codes(codes) => {
            Column::symbols(name, codes.as_array().iter().map(|&code| u32::try_from(code).ok()).collect())
        }
    };
    column.kind = kind.map(|kind| named(&kind)).transpose()?;
    Ok(column)
}

fn named(kind: &str) -> PyResult<VariableKind> {
    let all = [VariableKind::Names, VariableKind::Lattice, VariableKind::Mixed, VariableKind::Continuous];
    all.into_iter().find(|known| known.name() == kind).ok_or_else(|| {
        PyValueError::new_err(format!(
            "target_kind={kind:?}; allowed are 'names', 'lattice', 'mixed' and 'continuous'"
        ))
    })
}

/// How to rank: `k`, `permutations`, `tail`, `correction`, `missing`, `seed`.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct Manner {
    k: usize,
    permutations: Option<usize>,
    tail: String,
    correction: String,
    missing: String,
    seed: u64,
}

fn allowed<T>(key: &str, given: &str, found: Option<T>, allowed: &str) -> PyResult<T> {
    found.ok_or_else(|| PyValueError::new_err(format!("{key}={given:?}; allowed are {allowed}")))
}

impl Manner {
    fn options(&self) -> PyResult<RankOptions> {
        let tail = match &self.tail[..] {
            "counted" => Some(Tail::Counted),
            "fitted" => Some(Tail::Fitted),
            _ => None,
        };
        let missing = match &self.missing[..] {
            "drop" => Some(MissingSymbols::Drop),
            "symbol" => Some(MissingSymbols::Symbol),
            _ => None,
        };
        let corrections: Vec<&str> = MultipleTests::ALL.into_iter().map(MultipleTests::name).collect();
        let correction = MultipleTests::named(&self.correction);
        Ok(RankOptions {
            k: self.k,
            permutations: self.permutations,
            tail: allowed("tail", &self.tail, tail, "counted and fitted")?,
            correction: allowed("correction", &self.correction, correction, &corrections.join(", "))?,
            missing: allowed("missing", &self.missing, missing, "drop and symbol")?,
            seed: self.seed,
        })
    }
}

/// Ranks columns: the table, and what is known of the target.
#[pyfunction]
pub fn rank<'py>(
    py: Python<'py>,
    columns: Vec<Given<'py>>,
    target: Given<'py>,
    manner: Manner,
) -> PyResult<(Table, Bound<'py, PyAny>)> {
    let columns: Vec<Column> = columns.into_iter().map(column).collect::<PyResult<_>>()?;
    let target = column(target)?;
    let options = manner.options()?;
    let found = interruptible(py, None, |_| ranking::rank(&columns, &target, &options))?;
    let found = found.map_err(|error| estimate_error(py, &error, "target"))?;
    let about = json!({
        "target_kind": found.target_kind.name(),
        "n_samples": found.n_samples,
        "target_missing": found.target_missing,
        "permutations": found.permutations,
        "too_few_permutations": found.too_few_permutations,
    });
    let table = table::ranking(&found, &columns).into_owned();
    let columns = table.columns().to_vec();
    Ok((Table::new("ranking", "Columns by what they tell of a target.", columns), pythonize(py, &about)?))
}
