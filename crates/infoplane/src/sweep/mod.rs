//! Sweeps: cells that are named by what decides their result, and a directory in which each is computed once.
//!
//! A [`Cell`] is a run or a pool of networks. Its [id](Cell::id) is a hash of its configuration, its data and the version of
//! this library, so that the same cell has the same name everywhere, and two that differ never share one. A
//! [`Store`] is a directory of cells: it computes those that are not there, resumes those that were interrupted, and
//! reads those that are complete. [`crate::reproduce`] makes the published figures from one.

mod cell;
mod cost;
mod store;

use std::path::PathBuf;

use crate::experiment::ExperimentError;
use crate::printable::printable_path;

pub use cell::Cell;
pub use cost::expected_cpu_seconds;
pub use store::{Store, StoredCell};

/// Why a cell cannot be computed or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SweepError {
    /// Its run or its pool.
    #[error("{cell}: {source}")]
    Cell {
        /// The label of the cell.
        cell: String,
        /// Why.
        source: Box<ExperimentError>,
    },
    /// It is not there, or only in part.
    #[error("{cell} is not complete")]
    NotComplete {
        /// The label of the cell.
        cell: String,
    },
    /// A file of the store.
    #[error("cannot write {}: {source}", printable_path(path))]
    Write {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Somebody asked to stop; what was computed is kept.
    #[error("interrupted")]
    Interrupted,
}

impl SweepError {
    fn of(cell: &Cell, error: impl Into<ExperimentError>) -> SweepError {
        match error.into() {
            ExperimentError::Interrupted => SweepError::Interrupted,
            source => SweepError::Cell { cell: cell.label.clone(), source: Box::new(source) },
        }
    }
}
