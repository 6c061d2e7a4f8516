//! Sweeps: cells that are named by what decides their result, and a directory in which each is computed once.
//!
//! A [`Sweep`] is read from a file and lists cells. A [`Cell`] is a run or a pool of networks. Its [id](Cell::id) is a hash of its
//! configuration, its data and the version of this library, so that the same cell has the same name everywhere, and two that
//! differ never share one. A [`Store`] is a directory of cells: it computes those that are not there, resumes those that were
//! interrupted, and reads those that are complete. [`crate::reproduce`] makes the published figures from one.
//!
//! Any number of workers, on machines that share the directory, fill a store: each [claims](Entry::begin) a cell before it
//! computes it. What computes a cell may also be another program, which then brings a [`CellList`] of its own.

mod cell;
mod claim;
mod collect;
mod cost;
mod entry;
mod foresee;
mod list;
mod pace;
mod plan;
mod slurm;
mod store;
mod work;

use std::path::PathBuf;

use crate::experiment::ExperimentError;
use crate::figure::ComparisonError;
use crate::printable::{printable, printable_path};
use crate::report::ReportError;
use crate::table::TableName;

pub use cell::Cell;
pub use claim::LEASE;
pub use collect::{CollectOptions, Collected, GrowingComparison};
pub use cost::expected_cpu_seconds;
pub use entry::{Begun, CellKind, Entry, OwnCell};
pub use foresee::{Basis, Foreseen};
pub use list::{CellList, ListedCell};
pub use pace::{AtWork, Pace};
pub use plan::Sweep;
pub use slurm::{MOST_ELEMENTS, SlurmJob};
pub use store::{Attempt, CellState, Store, StoredCell};
pub use work::{Shard, SweepOptions, SweepOutcome, SweepProgress};

/// Why a cell cannot be computed or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SweepError {
    /// The file of a sweep.
    #[error("{origin}: {message}")]
    Plan {
        /// The file.
        origin: String,
        /// What is wrong with it.
        message: String,
    },
    /// The experiment that a sweep changes, or one of those that it makes of it.
    #[error(transparent)]
    Experiment(Box<ExperimentError>),
    /// A directory that is no store of a sweep.
    #[error(
        "{} is no store of a sweep ({why}); name the directory that `infoplane sweep run` filled, or one that it is to make",
        printable_path(path)
    )]
    NoSweep {
        /// The directory.
        path: PathBuf,
        /// What is missing.
        why: String,
    },
    /// A store that lost what it says of its sweep.
    #[error(
        "{at}: what it says of its sweep is damaged ({why}); `infoplane sweep run FILE --store {at}`, with the file of this sweep, \
         writes it again and leaves complete cells as they are",
        at = printable_path(path)
    )]
    DamagedSweep {
        /// The directory.
        path: PathBuf,
        /// What is damaged.
        why: String,
    },
    /// The store holds another sweep.
    #[error(
        "{} holds the sweep {held}; the file names another one, {given}, which lacks {lacking} of its cells and has {new} others: name \
         another store, or put the cells back, for a file that only adds cells extends the store",
        printable_path(store)
    )]
    OtherSweep {
        /// The directory.
        store: PathBuf,
        /// What it holds.
        held: String,
        /// What was asked for.
        given: String,
        /// How many cells of the store are not in what was asked for.
        lacking: usize,
        /// How many cells are in it that the store does not have.
        new: usize,
    },
    /// Its run or its pool.
    #[error("{cell}: {source}")]
    Cell {
        /// The label of the cell.
        cell: String,
        /// Why.
        source: Box<ExperimentError>,
    },
    /// Its data are not those that its id was made of.
    #[error(
        "{cell}: the data changed since the sweep was planned (their digest is {now} now); put the old data back and go on \
         with the same command, or take another store for the new ones"
    )]
    DataChanged {
        /// The label of the cell.
        cell: String,
        /// The digest of the data that it was computed on.
        now: String,
    },
    /// It is not there, or only in part.
    #[error("{cell} is not complete")]
    NotComplete {
        /// The label of the cell.
        cell: String,
    },
    /// A complete run or pool is damaged.
    #[error(
        "{}: {}; remove the directory {} and run `infoplane sweep run FILE --store {}` again, which computes this cell anew",
        printable(cell),
        without_advice(source),
        printable_path(path),
        printable_path(store)
    )]
    Damaged {
        /// The label of the cell.
        cell: String,
        /// The store.
        store: PathBuf,
        /// The directory of the run or pool.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<ExperimentError>,
    },
    /// A table that cells of this kind do not have.
    #[error("the cells are {has}, which have no table `{table}`; allowed here: {}", allowed.join(", "))]
    NoTable {
        /// What was asked for.
        table: TableName,
        /// What the cells are.
        has: &'static str,
        /// The tables that they have.
        allowed: Vec<&'static str>,
    },
    /// Results are to be written to where the store keeps its own.
    #[error(
        "{} lies in {}, which is the store's own; name another directory, such as {}",
        printable_path(out),
        printable_path(part),
        printable_path(other)
    )]
    InStore {
        /// What was given.
        out: PathBuf,
        /// The directory of the store.
        part: PathBuf,
        /// One that can be given.
        other: PathBuf,
    },
    /// Cells that are to be collected are not complete.
    #[error(
        "{missing} of {of} cells are not complete, `{first}` for one; compute them, or collect what there is"
    )]
    Missing {
        /// How many.
        missing: usize,
        /// Of how many.
        of: usize,
        /// The label of the first.
        first: String,
    },
    /// Cells that differ in their seeds alone are unlike, or no two can be compared.
    #[error(transparent)]
    Compare(ComparisonError),
    /// The page of what was collected cannot be written.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// A value that does not belong into a script of Slurm.
    #[error("{key} = `{}`; allowed is {allowed}", printable(given))]
    Slurm {
        /// Which value.
        key: &'static str,
        /// What it is.
        given: String,
        /// What is allowed.
        allowed: String,
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

/// What is wrong, without what to do about it in a directory that is no part of a store.
fn without_advice(error: &ExperimentError) -> String {
    let message = error.to_string();
    let advice = [crate::directory::RESTORE, "; resume it"];
    let rest = advice.iter().find_map(|advice| message.strip_suffix(advice)).unwrap_or(&message);
    rest.trim_end().into()
}

impl SweepError {
    fn of_plan(error: ExperimentError) -> SweepError {
        SweepError::Experiment(Box::new(error))
    }

    fn of(cell: &Cell, error: impl Into<ExperimentError>) -> SweepError {
        match error.into() {
            ExperimentError::Interrupted => SweepError::Interrupted,
            source => SweepError::Cell { cell: cell.label.clone(), source: Box::new(source) },
        }
    }
}
