//! What a reproduced figure is: the claim of its paper, the runs it needs, the drawing, the comparison.

use std::path::{Path, PathBuf};

use super::ReproduceError;
use crate::Bound;
use crate::estimator::{AnyEstimator, Estimator};
use crate::experiment::{AsIfRandomResult, Experiment, ExperimentError};
use crate::figure;
use crate::plane::{LayerPath, Mean, MethodDescription, PlaneGroup, PlanePoint};
use crate::report::failed_in_words;
use crate::run::{FailedSeed, Run};
use crate::sweep::{Cell, Store};
use crate::train::EpochStats;

/// How much is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// As in the papers: hours.
    Full,
    /// Few seeds and points: all figures in ten minutes on two cores.
    Quick,
    /// Next to nothing, to see that everything works.
    Tiny,
}

impl Size {
    /// What this size takes.
    pub fn pick<T>(self, full: T, quick: T, tiny: T) -> T {
        match self {
            Size::Full => full,
            Size::Quick => quick,
            Size::Tiny => tiny,
        }
    }

    /// Its name on the page.
    pub fn name(self) -> &'static str {
        self.pick("full", "quick", "tiny")
    }
}

/// What figures are made with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setup {
    /// How much is computed.
    pub size: Size,
    /// The directory of the four files of MNIST.
    pub mnist: Option<PathBuf>,
}

impl Setup {
    pub(super) fn mnist(&self) -> Result<&Path, ReproduceError> {
        self.mnist.as_deref().ok_or(ReproduceError::NeedsData { what: "MNIST" })
    }
}

/// A published figure, and how it is made again.
#[derive(Debug)]
pub struct Figure {
    /// Its name on the command line.
    pub name: &'static str,
    /// Its title.
    pub title: &'static str,
    /// The paper and its figure.
    pub paper: &'static str,
    /// What the paper says, in other words.
    pub says: &'static str,
    /// What is done here, and what differs.
    pub here: &'static str,
    pub(super) plan: fn(&Setup) -> Result<Vec<Cell>, ExperimentOrData>,
    pub(super) show: fn(&Results) -> Result<Shown, ReproduceError>,
}

/// What can be wrong with a plan.
pub(super) enum ExperimentOrData {
    Experiment(ExperimentError),
    Data(ReproduceError),
}

impl From<ExperimentError> for ExperimentOrData {
    fn from(error: ExperimentError) -> Self {
        ExperimentOrData::Experiment(error)
    }
}

impl From<ReproduceError> for ExperimentOrData {
    fn from(error: ReproduceError) -> Self {
        ExperimentOrData::Data(error)
    }
}

impl Figure {
    /// The runs that it shows.
    ///
    /// # Errors
    /// [`ReproduceError::NeedsData`] where data are missing.
    pub fn plan(&self, setup: &Setup) -> Result<Vec<Cell>, ReproduceError> {
        (self.plan)(setup).map_err(|error| match error {
            ExperimentOrData::Experiment(source) => {
                ReproduceError::Run { run: self.name.into(), source: Box::new(source) }
            }
            ExperimentOrData::Data(error) => error,
        })
    }

    pub(super) fn show(&self, results: &Results) -> Result<Shown, ReproduceError> {
        let mut shown = (self.show)(results)?;
        let table = shown.tables.first().map(|(suffix, _)| format!("{}{suffix}.csv", self.name));
        for (suffix, figure) in &mut shown.figures {
            figure.id = format!("{}{suffix}", self.name);
            figure.table.clone_from(&table);
        }
        Ok(shown)
    }
}

/// A preset with overrides, as a cell that is labelled `label` and whose run is named `name`.
pub(super) fn cell_of_preset(
    label: &str,
    name: &str,
    preset: &str,
    overrides: impl IntoIterator<Item = String>,
) -> Result<Cell, ExperimentError> {
    let mut overrides: Vec<String> = overrides.into_iter().collect();
    overrides.push(format!("name={name:?}"));
    let experiment = Experiment::load(preset, &overrides)?;
    Ok(Cell { label: label.into(), experiment, pooled: None })
}

/// All that a figure is drawn from.
pub(super) struct Results {
    pub setup: Setup,
    pub runs: Vec<RunResult>,
    pub pools: Vec<PoolResult>,
}

/// A complete pool of networks.
pub(super) struct PoolResult {
    pub label: String,
    pub experiment: Experiment,
    pub seconds: Option<f64>,
    /// What came of it, or why its training did not come so far.
    pub result: Result<AsIfRandomResult, String>,
}

/// A complete run.
pub(super) struct RunResult {
    pub label: String,
    pub experiment: Experiment,
    pub seconds: Option<f64>,
    /// Those that did not learn.
    pub failed: Vec<FailedSeed>,
    pub run: Run,
}

/// What a figure came to.
pub(super) struct Shown {
    /// Figures; the name of the reproduced figure with a suffix, none for the first, names their files.
    pub figures: Vec<(&'static str, figure::Figure)>,
    /// Tables as CSV, likewise.
    pub tables: Vec<(&'static str, String)>,
    pub comparisons: Vec<Comparison>,
    /// What else a reader must know, a paragraph each.
    pub remarks: Vec<String>,
}

impl Shown {
    pub fn new(figure: figure::Figure, comparisons: Vec<Comparison>) -> Shown {
        Shown { figures: vec![("", figure)], tables: Vec::new(), comparisons, remarks: Vec::new() }
    }
}

/// A claim of the paper beside what came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// What is compared.
    pub of: String,
    /// What the paper says of it.
    pub paper: String,
    /// What came out here.
    pub here: String,
    /// Whether that agrees; absent where the paper says nothing to compare.
    pub agrees: Option<bool>,
}

impl Comparison {
    /// Nothing agrees or disagrees where values are missing.
    pub(super) fn new(
        of: impl Into<String>,
        paper: impl Into<String>,
        here: String,
        agrees: impl Into<Option<bool>>,
    ) -> Self {
        Comparison { of: of.into(), paper: paper.into(), here, agrees: agrees.into() }
    }

    pub(super) fn of_its_own(of: impl Into<String>, here: String) -> Self {
        Comparison { of: of.into(), paper: "–".into(), here, agrees: None }
    }
}

impl Results {
    /// The run that the figure calls so.
    ///
    /// # Panics
    /// If the figure did not plan it.
    pub fn run(&self, label: &str) -> &RunResult {
        let found = self.runs.iter().find(|run| run.label == label);
        found.unwrap_or_else(|| panic!("the figure shows a run that it did not plan: {label}"))
    }
}

impl Results {
    /// The pool that the figure calls so.
    ///
    /// # Panics
    /// As [`Results::run`].
    pub fn pool(&self, label: &str) -> &PoolResult {
        let found = self.pools.iter().find(|pool| pool.label == label);
        found.unwrap_or_else(|| panic!("the figure shows a pool that it did not plan: {label}"))
    }
}

impl PoolResult {
    /// Reads a complete cell.
    pub fn read(store: &Store, cell: &Cell) -> Result<PoolResult, ReproduceError> {
        let stored = store.at(cell)?;
        let (label, experiment) = (cell.label.clone(), cell.experiment.clone());
        Ok(PoolResult { label, experiment, seconds: stored.seconds(), result: stored.pool()? })
    }
}

impl RunResult {
    /// Reads a complete cell.
    pub fn read(store: &Store, cell: &Cell) -> Result<RunResult, ReproduceError> {
        let stored = store.at(cell)?;
        let run = stored.run()?;
        Ok(RunResult {
            label: cell.label.clone(),
            failed: run.failed_seeds(),
            experiment: cell.experiment.clone(),
            seconds: stored.seconds(),
            run,
        })
    }

    /// The rows of one setting of an estimator.
    pub fn group(
        &self,
        estimator: &AnyEstimator,
        bound: Option<Bound>,
    ) -> Result<PlaneGroup<'_>, ReproduceError> {
        let described = MethodDescription::of_methods(std::slice::from_ref(estimator));
        let wanted = described.iter().find(|method| method.bound == bound);
        let what = || format!("{}, {:?}", estimator.name(), bound);
        let missing = || ReproduceError::NoRows { run: self.label.clone(), what: what() };
        let wanted = wanted.ok_or_else(missing)?;
        let same = |group: &PlaneGroup<'_>| {
            let method = group.method;
            (&method.estimator, &method.setting, method.bound) == (&wanted.estimator, &wanted.setting, bound)
        };
        let what = wanted.title.clone();
        let found = self.run.plane().groups().into_iter().find(same);
        found.ok_or_else(|| ReproduceError::NoRows { run: self.label.clone(), what })
    }

    /// Whether the values of a seed are in means: those of seeds that learned are, or all where none did.
    pub fn in_means(&self, seed: u64) -> bool {
        self.failed.len() == self.n_seeds() || !self.failed.iter().any(|failed| failed.seed == seed)
    }

    /// The layers of a group over the seeds that are in means.
    pub fn layers(&self, group: &PlaneGroup<'_>) -> Vec<LayerPath> {
        let mut layers = group.layers_over(|seed| self.in_means(seed));
        for layer in &mut layers {
            layer.seeds.retain(|(seed, _)| self.in_means(*seed));
        }
        layers
    }

    /// How many trainings there are.
    pub fn n_seeds(&self) -> usize {
        self.run.manifest().seeds.len()
    }

    /// `T₃ (5)`, for a legend.
    pub fn layer_names(&self) -> Vec<String> {
        let layers = self.run.manifest().layers.iter().enumerate();
        layers
            .map(|(index, layer)| format!("{} ({})", crate::report::layer_name(index + 1), layer.width))
            .collect()
    }

    /// Statistics of the last epoch of each seed that is in means.
    pub fn last_stats(&self) -> Vec<&EpochStats> {
        let seeds = self.run.training().chunk_by(|a, b| a.seed == b.seed);
        seeds.filter_map(|seed| seed.last()).filter(|stats| self.in_means(stats.seed)).collect()
    }

    /// Training accuracy at the last epoch, over the seeds.
    pub fn train_accuracy(&self) -> Option<Mean> {
        let values = self.last_stats().into_iter().filter_map(|s| s.train_accuracy).map(f64::from);
        Mean::of(&values.collect::<Vec<_>>())
    }

    /// Test accuracy at the last epoch, over the seeds.
    pub fn test_accuracy(&self) -> Option<Mean> {
        let values = self.last_stats().into_iter().filter_map(|s| s.test_accuracy).map(f64::from);
        Mean::of(&values.collect::<Vec<_>>())
    }

    /// What must be said of the seeds: which of them did not learn.
    pub fn seed_notes(&self) -> Vec<String> {
        let told = failed_in_words(&self.failed);
        let note = match self.failed.len() {
            0 => return Vec::new(),
            failed if failed == self.n_seeds() => {
                format!("no seed learned: {told}; means are over all of them")
            }
            _ => format!("{told}; not in means, dotted and crossed in planes"),
        };
        vec![format!("{}: {note}.", self.label)]
    }
}

/// The training accuracy from which a network counts as having learned.
pub(super) const LEARNED: f32 = 0.9;

/// The path of the layer of that number.
pub(super) fn layer(paths: &[LayerPath], number: usize) -> Option<&LayerPath> {
    paths.iter().find(|path| path.layer == number)
}

/// A value of each seed, averaged.
pub(super) fn over_seeds(path: &LayerPath, value: impl Fn(&[PlanePoint]) -> Option<f64>) -> Option<Mean> {
    Mean::of(&path.seeds.iter().filter_map(|(_, points)| value(points)).collect::<Vec<_>>())
}

/// I(X;T) at the end.
pub(super) fn last_i_xt(points: &[PlanePoint]) -> Option<f64> {
    points.last().map(|p| p.i_xt_bits)
}

/// I(T;Y) at the end.
pub(super) fn last_i_ty(points: &[PlanePoint]) -> Option<f64> {
    points.last().map(|p| p.i_ty_bits)
}

/// How far I(X;T) falls from its largest value to its last: compression, in bits.
pub(super) fn fall_i_xt(points: &[PlanePoint]) -> Option<f64> {
    Some(points.iter().map(|p| p.i_xt_bits).reduce(f64::max)? - last_i_xt(points)?)
}

/// How far I(T;Y) falls likewise.
pub(super) fn fall_i_ty(points: &[PlanePoint]) -> Option<f64> {
    Some(points.iter().map(|p| p.i_ty_bits).reduce(f64::max)? - last_i_ty(points)?)
}

/// `5.31 ± 0.12`, the standard error behind.
pub(super) fn told(mean: Option<Mean>, decimals: usize) -> String {
    match mean {
        None => "–".into(),
        Some(Mean { mean, standard_error: Some(error), .. }) => {
            format!("{mean:.decimals$} ± {error:.decimals$}")
        }
        Some(Mean { mean, .. }) => format!("{mean:.decimals$}"),
    }
}

/// Whether a fall of I(X;T) counts as compression: more than a quarter of a bit, and, of several seeds, more than twice its
/// standard error. The quarter also covers that a fall from the *largest* value is never negative.
pub(super) fn compresses(fall: Option<Mean>) -> Option<bool> {
    let fall = fall?;
    Some(fall.mean > 0.25 && fall.mean > 2.0 * fall.standard_error.unwrap_or(0.0))
}

/// Whether any of several layers does; unknown if one of them is.
pub(super) fn any_compresses(falls: &[Option<Mean>]) -> Option<bool> {
    falls.iter().try_fold(false, |any, fall| Some(any || compresses(*fall)?))
}

/// The mean alone, for conditions; nothing compares as not a number.
pub(super) fn number(mean: Option<Mean>) -> f64 {
    mean.map_or(f64::NAN, |mean| mean.mean)
}

/// `5 seeds`.
pub(super) fn seeds(n: usize) -> String {
    if n == 1 { "1 seed".into() } else { format!("{n} seeds") }
}
