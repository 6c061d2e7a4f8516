//! The tables that there are, by name.

use std::fmt;
use std::str::FromStr;

use super::{
    Column, DRIFT, INPUTS, LAYERS, METHODS, OVERLAP, PAIRS, PLANE, POOL, RANKS, REPEATS, SCHEDULE,
    SIMILARITY, SYNERGY, TRAINING, Table, UNITS, WINDOW,
};
use crate::run::Run;

/// A table of a run, or of pooled networks.
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
    /// What single units tell of the label, where a run measures it.
    Units,
    /// The information about the label by the number of units that must be read for it, likewise.
    Synergy,
    /// The information of layers about each other, likewise.
    Pairs,
    /// How alike layers are, likewise.
    Similarity,
    /// How many dimensions the values of layers fill, likewise.
    Ranks,
    /// What layers tell of the features of the inputs, likewise.
    Inputs,
    /// Mean, standard error and percentiles over the seeds that learned.
    Repeats,
    /// The epoch statistics.
    Training,
    /// Norms of weights and gradients.
    Layers,
    /// The measured epochs.
    Schedule,
    /// The methods with their settings; of pooled networks, too.
    Methods,
    /// Of pooled networks: the measurements.
    Pool,
    /// Of pooled networks: how the weights drift over the window.
    Drift,
    /// Of pooled networks: the networks.
    Window,
    /// Of pooled networks: how far the distributions p(t | x) of two inputs overlap.
    Overlap,
}

impl TableName {
    /// All, in the order of the documentation.
    pub const ALL: [TableName; 16] = [
        TableName::Plane,
        TableName::Units,
        TableName::Synergy,
        TableName::Pairs,
        TableName::Similarity,
        TableName::Ranks,
        TableName::Inputs,
        TableName::Repeats,
        TableName::Training,
        TableName::Layers,
        TableName::Schedule,
        TableName::Methods,
        TableName::Pool,
        TableName::Drift,
        TableName::Window,
        TableName::Overlap,
    ];

    /// `plane`.
    pub const fn name(self) -> &'static str {
        match self {
            TableName::Plane => "plane",
            TableName::Units => "units",
            TableName::Synergy => "synergy",
            TableName::Pairs => "pairs",
            TableName::Similarity => "similarity",
            TableName::Ranks => "ranks",
            TableName::Inputs => "inputs",
            TableName::Repeats => "repeats",
            TableName::Training => "training",
            TableName::Layers => "layers",
            TableName::Schedule => "schedule",
            TableName::Methods => "methods",
            TableName::Pool => "pool",
            TableName::Drift => "drift",
            TableName::Window => "window",
            TableName::Overlap => "overlap",
        }
    }

    /// What its rows are, in a few words.
    pub const fn about(self) -> &'static str {
        match self {
            TableName::Plane => "the measurements: a row for each seed, epoch, layer and method",
            TableName::Units => "what single units tell: a row for each seed, epoch, layer, method and unit",
            TableName::Synergy => {
                "the information about the label by the number of units that must be read for it"
            }
            TableName::Pairs => "the information of layers about each other: a row for each pair",
            TableName::Similarity => "how alike layers are: a row for each pair",
            TableName::Ranks => "how many dimensions layers fill: a row for each seed, epoch and layer",
            TableName::Inputs => "what layers tell of the features of the inputs: a row for each feature",
            TableName::Repeats => {
                "mean, standard error and percentiles over seeds, by method, layer and epoch"
            }
            TableName::Training => "losses and accuracies: a row for each seed and epoch",
            TableName::Layers => "norms of weights and gradients: a row for each seed, epoch and layer",
            TableName::Schedule => "the measured epochs: a row for each seed and epoch",
            TableName::Methods => "the methods: a row for each, with its settings",
            TableName::Pool => "pooled networks: a row for each pool, layer and method",
            TableName::Drift => {
                "pooled networks: the drift of the weights over the window, by seed and layer"
            }
            TableName::Window => "pooled networks: a row for each network, in the order of the pool",
            TableName::Overlap => {
                "pooled networks: the overlap of p(t | x) of pairs of inputs, by layer and classes"
            }
        }
    }

    /// Whether runs have it.
    pub const fn is_of_runs(self) -> bool {
        !matches!(self, TableName::Pool | TableName::Drift | TableName::Window | TableName::Overlap)
    }

    /// Whether pooled networks have it.
    pub const fn is_of_pools(self) -> bool {
        !self.is_of_runs() || matches!(self, TableName::Methods)
    }

    /// The declarations of its columns.
    pub const fn columns(self) -> &'static [Column] {
        match self {
            TableName::Plane => PLANE,
            TableName::Units => UNITS,
            TableName::Synergy => SYNERGY,
            TableName::Pairs => PAIRS,
            TableName::Similarity => SIMILARITY,
            TableName::Ranks => RANKS,
            TableName::Inputs => INPUTS,
            TableName::Repeats => REPEATS,
            TableName::Training => TRAINING,
            TableName::Layers => LAYERS,
            TableName::Schedule => SCHEDULE,
            TableName::Methods => METHODS,
            TableName::Pool => POOL,
            TableName::Drift => DRIFT,
            TableName::Window => WINDOW,
            TableName::Overlap => OVERLAP,
        }
    }

    /// This table of a run; nothing for the tables of pooled networks. Means are over the seeds that learned, as in its
    /// report.
    pub fn of_run(self, run: &Run) -> Option<Table<'_>> {
        let layers = &run.manifest().layers;
        Some(match self {
            TableName::Plane => super::plane(run.plane(), layers, run.quantities()),
            TableName::Units => super::units(run.quantities(), layers),
            TableName::Synergy => super::synergy(run.quantities(), layers),
            TableName::Pairs => super::pairs(run.quantities(), layers),
            TableName::Similarity => super::similarity(run.quantities(), layers),
            TableName::Ranks => super::ranks(run.quantities(), layers),
            TableName::Inputs => super::inputs(run.quantities(), layers),
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
            TableName::Pool | TableName::Drift | TableName::Window | TableName::Overlap => return None,
        })
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is no table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no table is called `{name}`; allowed: {}", TableName::ALL.map(TableName::name).join(", "))]
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
