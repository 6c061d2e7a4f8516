//! The tables that there are, by name.

use std::fmt;
use std::str::FromStr;

use super::{Column, LAYERS, METHODS, PLANE, REPEATS, SCHEDULE, TRAINING, Table};
use crate::run::Run;

/// A table of a run.
///
/// ```
/// use infoplane::table::TableName;
/// assert_eq!("plane".parse(), Ok(TableName::Plane));
/// assert!(TableName::Plane.columns().iter().any(|column| column.name == "i_xt_bits"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TableName {
    /// The measurements.
    Plane,
    /// Mean, standard error and percentiles over the seeds that learned.
    Repeats,
    /// The epoch statistics.
    Training,
    /// Norms of weights and gradients.
    Layers,
    /// The measured epochs.
    Schedule,
    /// The methods with their settings.
    Methods,
}

impl TableName {
    /// All, in the order of the documentation.
    pub const ALL: [TableName; 6] = [
        TableName::Plane,
        TableName::Repeats,
        TableName::Training,
        TableName::Layers,
        TableName::Schedule,
        TableName::Methods,
    ];

    /// `plane`.
    pub const fn name(self) -> &'static str {
        match self {
            TableName::Plane => "plane",
            TableName::Repeats => "repeats",
            TableName::Training => "training",
            TableName::Layers => "layers",
            TableName::Schedule => "schedule",
            TableName::Methods => "methods",
        }
    }

    /// What its rows are, in a few words.
    pub const fn about(self) -> &'static str {
        match self {
            TableName::Plane => "the measurements: a row for each seed, epoch, layer and method",
            TableName::Repeats => {
                "mean, standard error and percentiles over seeds, by method, layer and epoch"
            }
            TableName::Training => "losses and accuracies: a row for each seed and epoch",
            TableName::Layers => "norms of weights and gradients: a row for each seed, epoch and layer",
            TableName::Schedule => "the measured epochs: a row for each seed and epoch",
            TableName::Methods => "the methods: a row for each, with its settings",
        }
    }

    /// The declarations of its columns.
    pub const fn columns(self) -> &'static [Column] {
        match self {
            TableName::Plane => PLANE,
            TableName::Repeats => REPEATS,
            TableName::Training => TRAINING,
            TableName::Layers => LAYERS,
            TableName::Schedule => SCHEDULE,
            TableName::Methods => METHODS,
        }
    }

    /// This table of a run; means are over the seeds that learned, as in its report.
    pub fn of(self, run: &Run) -> Table<'_> {
        let layers = &run.manifest().layers;
        match self {
            TableName::Plane => super::plane(run.plane(), layers),
            TableName::Repeats => {
                let failed: Vec<u64> = run.failed_seeds().iter().map(|failed| failed.seed).collect();
                let any_learned = run.plane().seeds().iter().any(|seed| !failed.contains(seed));
                let in_mean = |seed| !any_learned || !failed.contains(&seed);
                super::repeats(run.plane(), layers, in_mean, &failed)
            }
            TableName::Training => super::training(run.training()),
            TableName::Layers => super::layers(run.training(), layers),
            TableName::Schedule => super::schedule(run.schedule()),
            TableName::Methods => super::methods(run.plane().methods()),
        }
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is no table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no table is called `{name}`; allowed: plane, repeats, training, layers, schedule, methods")]
pub struct TableNameError {
    /// What was given.
    pub name: String,
}

impl FromStr for TableName {
    type Err = TableNameError;

    fn from_str(name: &str) -> Result<Self, TableNameError> {
        let found = TableName::ALL.into_iter().find(|table| table.name() == name);
        found.ok_or_else(|| TableNameError { name: name.into() })
    }
}
