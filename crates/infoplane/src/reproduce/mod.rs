//! The published figures, reproduced: what each paper says, and what was found here.
//!
//! [`FIGURES`] lists them. Each names the trainings it needs (a preset with overrides), draws one composite figure, and
//! puts numbers beside the claims of its paper. [`reproduce`] runs what is not there yet, each training once even where
//! several figures show it, and writes
//!
//! - `runs/NAME-DIGEST/` and `as-if-random/NAME-DIGEST/`: the run directories and the pools of networks, named after their
//!   contents;
//! - `figures/SIZE/NAME.svg`, `.png`, `.csv` (every row of its table) and `.toml` (its part of the page);
//! - `times/`: how long each run took, over all goes;
//! - `results.md`: the page, with all sizes that were made side by side.
//!
//! Everything can be interrupted and begun again: what is complete is used as it is, what is not goes on.

mod figure;
mod figures;
mod page;
#[cfg(test)]
mod tests;
mod work;

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use crate::experiment::{ExperimentError, Progress, RunOptions};
use crate::printable::printable_path;
use crate::report::{self, Formats, ReportError, Style};
use crate::run::Disk;
use crate::sweep::{Cell, Store, SweepError};

pub use figure::{Comparison, Figure, Setup, Size};
pub use figures::FIGURES;

use figure::{PoolResult, Results, RunResult};
use work::Work;

/// What is to be made, and where.
#[derive(Debug, Clone)]
pub struct ReproduceOptions {
    /// The directory of runs, figures and page; made if it is not there.
    pub out: PathBuf,
    /// How many seeds, epochs and points.
    pub setup: Setup,
    /// What a run may take of the machine.
    pub run: RunOptions,
    /// Draw what is there and train nothing.
    pub only_draw: bool,
    /// How the page says that a figure is made again, in Markdown: the command of a program, for instance.
    pub to_repeat: fn(&Figure, &Setup) -> String,
}

/// Where a reproduction stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Step<'a> {
    /// The figure that is being made.
    pub figure: &'a str,
    /// What its run is called there.
    pub run: &'a str,
    /// The number of the run, from 1, of those that are not there yet.
    pub number: usize,
    /// How many are not there yet.
    pub of: usize,
    /// Its epochs, over all seeds.
    pub epochs: u64,
    /// Its measured epochs over all seeds, where the schedule knows them.
    pub measured: Option<u64>,
    /// The share of the expected work that lies before it.
    pub before: f64,
    /// The share of the expected work that it is.
    pub share: f64,
}

/// Told how far a reproduction is.
pub trait ReproduceProgress: Progress {
    /// A run begins.
    fn begins(&self, step: &Step<'_>);
    /// A figure is drawn, or why it is not.
    fn figure(&self, name: &str, result: Result<(), &str>);
}

/// Says nothing.
impl ReproduceProgress for () {
    fn begins(&self, _step: &Step<'_>) {}
    fn figure(&self, _name: &str, _result: Result<(), &str>) {}
}

/// What became of one figure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FigureOutcome {
    /// Its name.
    pub name: &'static str,
    /// The files written, or why there are none.
    pub result: Result<Vec<PathBuf>, String>,
}

/// Why a figure, or all of them, cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReproduceError {
    /// No figure is called so.
    #[error("no figure is called `{given}`; figures are {}", FIGURES.iter().map(|f| format!("`{}`", f.name)).collect::<Vec<_>>().join(", "))]
    UnknownFigure {
        /// What was given.
        given: String,
    },
    /// Data that do not come with the library.
    #[error("needs {what}")]
    NeedsData {
        /// What.
        what: &'static str,
    },
    /// A run is not there, and nothing was to be trained.
    #[error("the run of {run} is not complete")]
    NotThere {
        /// What the figure calls it.
        run: String,
    },
    /// A run came out without what the figure shows.
    #[error("{run}: no rows of {what}")]
    NoRows {
        /// What the figure calls the run.
        run: String,
        /// The estimator and its setting.
        what: String,
    },
    /// A run.
    #[error("{run}: {source}")]
    Run {
        /// What the figure calls it.
        run: String,
        /// Why.
        source: Box<ExperimentError>,
    },
    /// The directory of its runs.
    #[error(transparent)]
    Store(Box<SweepError>),
    /// A picture or table.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// A file of the page.
    #[error("cannot write {}: {source}", printable_path(path))]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Somebody asked to stop; what was computed is kept.
    #[error("interrupted")]
    Interrupted,
}

impl From<SweepError> for ReproduceError {
    fn from(error: SweepError) -> Self {
        match error {
            SweepError::Cell { cell, source } => ReproduceError::Run { run: cell, source },
            SweepError::NotComplete { cell } => ReproduceError::NotThere { run: cell },
            SweepError::Write { path, source } => ReproduceError::Write { path, source },
            SweepError::Interrupted => ReproduceError::Interrupted,
            other => ReproduceError::Store(Box::new(other)),
        }
    }
}

/// The figure called `name`.
///
/// # Errors
/// [`ReproduceError::UnknownFigure`] lists those there are.
///
/// ```
/// use infoplane::reproduce::{FIGURES, figure};
/// assert_eq!(figure("gradients")?.name, "gradients");
/// assert!(figure("gradient").unwrap_err().to_string().contains(FIGURES[0].name));
/// # Ok::<(), infoplane::reproduce::ReproduceError>(())
/// ```
pub fn figure(name: &str) -> Result<&'static Figure, ReproduceError> {
    FIGURES
        .iter()
        .find(|figure| figure.name == name)
        .ok_or_else(|| ReproduceError::UnknownFigure { given: name.into() })
}

/// Makes figures: trains what is not there yet, draws, and writes the page.
///
/// What goes wrong with one figure, data that are not there for instance, does not stop the others: its outcome and the
/// page say why. The page holds every figure that was ever made in that directory.
///
/// The bytes of figures and tables do not depend on threads, memory, or interruptions; those of the page on how long
/// the runs took, which `times/` remembers.
///
/// # Errors
/// [`ReproduceError::Interrupted`] once `interrupt` is true, after the figures that can be drawn are;
/// [`ReproduceError::Write`] if the page cannot be written.
pub fn reproduce(
    figures: &[&'static Figure],
    options: &ReproduceOptions,
    progress: &dyn ReproduceProgress,
    interrupt: &AtomicBool,
) -> Result<Vec<FigureOutcome>, ReproduceError> {
    let store = Store::open(&options.out)?;
    let plans: Vec<_> = figures.iter().map(|figure| ((*figure), figure.plan(&options.setup))).collect();
    let mut work = Work::of(&plans, &store);
    let mut outcomes = Vec::new();
    let mut interrupted = false;
    for (figure, plan) in plans {
        let made = plan.and_then(|plan| {
            for cell in &plan {
                work.complete(figure, cell, &store, options, progress, interrupt)?;
            }
            draw(figure, &plan, &store, options)
        });
        if matches!(made, Err(ReproduceError::Interrupted)) {
            interrupted = true;
            break;
        }
        let result = match made {
            Ok(files) => {
                progress.figure(figure.name, Ok(()));
                Ok(files)
            }
            Err(error) => {
                let why = error.to_string();
                progress.figure(figure.name, Err(&why));
                page::write_missing(figure, &why, options)?;
                Err(why)
            }
        };
        page::write(options)?;
        outcomes.push(FigureOutcome { name: figure.name, result });
    }
    if interrupted {
        return Err(ReproduceError::Interrupted);
    }
    Ok(outcomes)
}

/// Draws a figure from complete runs, and writes its files.
fn draw(
    figure: &Figure,
    plan: &[Cell],
    store: &Store,
    options: &ReproduceOptions,
) -> Result<Vec<PathBuf>, ReproduceError> {
    let (pooled, measured): (Vec<&Cell>, Vec<&Cell>) = plan.iter().partition(|cell| cell.pooled.is_some());
    let runs = measured.into_iter().map(|cell| RunResult::read(store, cell)).collect::<Result<_, _>>()?;
    let pools = pooled.into_iter().map(|cell| PoolResult::read(store, cell)).collect::<Result<_, _>>()?;
    let results = Results { setup: options.setup.clone(), runs, pools };
    let shown = figure.show(&results)?;
    let directory = options.out.join(page::directory(options.setup.size));
    let mut files = Vec::new();
    for (_, drawn) in &shown.figures {
        // What the page shows and links, whatever else a figure could be.
        let scene = crate::draw::scene(drawn, Style::Paper);
        files.extend(report::figure_files(&drawn.id, &scene, Formats::default())?);
    }
    for (suffix, table) in &shown.tables {
        files.push((format!("{}{suffix}.csv", figure.name), table.clone().into_bytes()));
    }
    files.push(page::part(figure, &results, &shown, &(options.to_repeat)(figure, &options.setup)));
    Ok(report::write_files(files, &directory)?)
}

fn replace(path: &Path, bytes: &[u8]) -> Result<(), ReproduceError> {
    Disk::default().replace(path, bytes).map_err(|source| ReproduceError::Write { path: path.into(), source })
}
