//! What of some data decides the choice of an estimator.

use ndarray::ArrayView1;

use crate::estimator::input::Quartiles;
use crate::variable::kind::{ColumnKind, Profile};
use crate::{Variable, VariableKind};

/// The properties of one variable.
pub(super) struct DataProfile {
    /// It came as labels.
    pub(super) labels: bool,
    /// Its kind, found or given.
    pub(super) kind: VariableKind,
    /// Columns that change; 1 for labels.
    pub(super) changing: usize,
    /// Different rows.
    pub(super) distinct: usize,
    /// Rows of the symbol that has fewest.
    pub(super) rarest: usize,
    /// Rows.
    pub(super) n: usize,
    /// It is one column of every multiple of a step, each once.
    pub(super) evenly_spaced: bool,
    /// Of more than one column that changes, one has values many interquartile ranges from the median.
    pub(super) heavy_tailed: bool,
    /// Kinds of the columns, in words.
    pub(super) told: String,
}

impl DataProfile {
    /// Returns the properties of a variable, of the kind given or of the kind that is found.
    pub(super) fn new(variable: &Variable<'_>, kind: Option<VariableKind>) -> DataProfile {
        let symbols = variable.symbols();
        let labels = matches!(variable, Variable::Labels(_));
        let found = Profile::new(variable);
        let kind = match kind {
            Some(kind) if !labels => kind,
            _ => found.kind,
        };
        let changing = found.columns.iter().filter(|kind| **kind != ColumnKind::Constant).count();
        let distinct = symbols.n_labels();
        let far =
            |column| Quartiles::of_heavy_tailed(ArrayView1::from(&variable.column(column)[..])).is_some();
        let heavy_tailed = changing > 1 && !labels && (0..variable.width()).any(far);
        DataProfile {
            labels,
            kind,
            evenly_spaced: distinct == variable.n_samples() && is_grid(variable, &found),
            heavy_tailed,
            changing: if labels { 1 } else { changing },
            distinct,
            rarest: symbols.counts().iter().copied().min().unwrap_or(0),
            n: variable.n_samples(),
            told: told(kind, &found),
        }
    }

    /// Returns whether its rows are symbols.
    pub(super) fn symbols(&self) -> bool {
        self.kind == VariableKind::Names
    }

    /// Returns whether the symbols hardly do more than number the rows.
    pub(super) fn which_row(&self) -> bool {
        self.distinct > self.n / 2
    }
}

/// Whether one column, of which no value repeats, has every multiple of its step within its range.
fn is_grid(variable: &Variable<'_>, found: &Profile) -> bool {
    let [ColumnKind::Lattice { step }] = found.columns[..] else { return false };
    let values = variable.column(0);
    let (least, most) = values
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), &v| (v.min(least), v.max(most)));
    (most / step - least / step).round() as usize + 1 == values.len()
}

/// `numbers`, `numbers rounded to 0.1`, `numbers of which some repeat`.
fn told(kind: VariableKind, found: &Profile) -> String {
    match kind {
        VariableKind::Names => "symbols".into(),
        VariableKind::Continuous => "numbers".into(),
        VariableKind::Mixed => "numbers of which some repeat".into(),
        VariableKind::Lattice => match found.columns[..] {
            [ColumnKind::Lattice { step }] => format!("multiples of {}", short(step)),
            _ => "numbers on a lattice".into(),
        },
    }
}

/// Six digits, without trailing zeros.
fn short(step: f64) -> String {
    let rounded: f64 = format!("{step:.5e}").parse().expect("a number");
    match rounded {
        1e-4..1e7 => format!("{rounded}"),
        _ => format!("{rounded:e}"),
    }
}
