//! Files of samples named on the command line.

use std::path::Path;

use infoplane::dataset::read::{Array, file_and_name, read_array, read_symbols};
use infoplane::printable::printable_path;
use infoplane::{Labels, Variable};

use crate::failure::Failure;

pub const FILES: &str = "\
Files: .npy, .npz, .csv, .mat, .safetensors, .h5, IDX; one array of several, or one column of a CSV file, \
is named after a colon: acts.npz:T3, table.csv:age. Rows are samples; a one-dimensional array is one column. \
The first line of a CSV file holds column names if none of its fields is a number.
`infoplane estimators` lists the estimators, `infoplane estimators NAME` explains the keys of one.";

/// A file's rows, as numbers or as symbols.
pub enum Rows {
    Numbers(Array),
    Symbols(Labels),
}

impl Rows {
    pub fn read(argument: &str, discrete: bool, flag: &str) -> Result<Rows, Failure> {
        let (file, key) = file_and_name(argument);
        if discrete {
            return read_symbols(&file, key.as_deref()).map(Rows::Symbols).map_err(Failure::input);
        }
        read_array(&file, key.as_deref()).map(Rows::Numbers).map_err(|error| {
            let text = matches!(error, infoplane::dataset::DatasetError::Field { .. });
            let failure = Failure::input(error);
            match text && !flag.is_empty() {
                true => failure.with_advice(format!("{flag} takes rows as symbols, which may be text")),
                false => failure,
            }
        })
    }

    pub fn variable(&self) -> Variable<'_> {
        match self {
            Rows::Numbers(array) => array.variable(),
            Rows::Symbols(labels) => Variable::Labels(labels),
        }
    }
}

pub fn same_length(files: &[(&String, Variable<'_>)]) -> Result<(), Failure> {
    let (first, rows) = (files[0].0, files[0].1.n_samples());
    match files.iter().find(|(_, variable)| variable.n_samples() != rows) {
        None => Ok(()),
        Some((other, variable)) => Err(Failure::input(format!(
            "{first} holds {rows} samples, but {other} holds {}; each sample needs a row in both",
            variable.n_samples()
        ))),
    }
}

/// Refuses a directory inside a run or a result of pooled networks: what it holds is its own. Inside `own` anything but its
/// own files may be written.
pub fn check_outside_runs(out: &Path, own: Option<&Path>) -> Result<(), Failure> {
    let whole = |path: &Path| path.canonicalize().or_else(|_| std::path::absolute(path)).unwrap_or_default();
    let place = whole(out);
    let holds =
        |path: &&Path| ["manifest.toml", "as-if-random.toml"].iter().any(|file| path.join(file).is_file());
    let Some(run) = place.ancestors().find(holds) else { return Ok(()) };
    if own.is_some_and(|own| whole(own) == run) && place != run {
        return Ok(());
    }
    Err(Failure::input(format!(
        "--out {}: {} holds a run, and only what belongs to it",
        printable_path(out),
        printable_path(run)
    ))
    .with_advice("name a directory outside of it"))
}
