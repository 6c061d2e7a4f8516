//! The trainings that several figures show, and the estimators that they are measured with.

use super::planes::PlanePanel;
use crate::Bound;
use crate::estimator::{AnyEstimator, BinRange, BinRule, Binned, Correction, Kde, RangeScope};
use crate::figure::{Direction, Figure, FigureKind, Grid, Limit, Note, NoteCode, Panel, Series, ShownLayer};
use crate::plane::{LayerPath, PlaneGroup};
use crate::reproduce::figure::{ExperimentOrData, RunResult, Setup, cell_of_preset, seeds, told};
use crate::reproduce::{ReproduceError, Results};
use crate::sweep::Cell;

/// The nonlinearities of the contrast.
pub(super) const NONLINEARITIES: [&str; 3] = ["tanh", "relu", "linear"];

/// As figures write them.
pub(super) fn title(nonlinearity: &str) -> String {
    if nonlinearity == "relu" { "ReLU".into() } else { nonlinearity.into() }
}

fn binned(
    rule: BinRule,
    bins: Option<usize>,
    bin_width: Option<f64>,
    range: Option<BinRange>,
) -> AnyEstimator {
    AnyEstimator::Binned(Binned { rule, bins, bin_width, range, correction: Correction::PlugIn })
}

/// The published programs' bins: 30 edges on [−1, 1].
pub(super) fn edges(bins: usize) -> AnyEstimator {
    binned(BinRule::Edges, Some(bins), None, Some(BinRange::Fixed([-1.0, 1.0])))
}

/// Equal bins on [−1, 1]; what lies outside is clipped.
pub(super) fn clipped(bins: usize) -> AnyEstimator {
    binned(BinRule::Equal, Some(bins), None, Some(BinRange::Fixed([-1.0, 1.0])))
}

/// Equal bins on all that the layer ever puts out.
pub(super) fn full_range(bins: usize) -> AnyEstimator {
    binned(BinRule::Equal, Some(bins), None, Some(BinRange::Scope(RangeScope::Layer)))
}

/// Bins of one width, without bounds.
pub(super) fn floor(width: f64) -> AnyEstimator {
    binned(BinRule::Floor, None, Some(width), None)
}

/// The bits of the activations themselves.
pub(super) fn exact() -> AnyEstimator {
    binned(BinRule::Exact, None, None, None)
}

/// Gaussian noise, by pairwise bounds.
pub(super) fn kde(variances: &[f64]) -> AnyEstimator {
    AnyEstimator::Kde(Kde { noise_variances: variances.to_vec() })
}

/// `estimators=[{ kind = "binned", … }]`.
pub(super) fn estimators(list: &[AnyEstimator]) -> String {
    let values: Vec<toml::Value> = list
        .iter()
        .map(|config| toml::Value::try_from(config).expect("settings of a method are a table"))
        .collect();
    format!("estimators={}", toml::Value::Array(values))
}

/// `schedule={ kind = "log-spaced", points = … }`.
pub(super) fn log_spaced(points: u64) -> String {
    format!("schedule={{ kind = \"log-spaced\", points = {points} }}")
}

/// Epochs of the published trainings, or as many as a test has time for.
pub(super) fn epochs(setup: &Setup, published: u64) -> String {
    format!("training.epochs={}", setup.size.pick(published, published, 12))
}

/// All inputs, as in the papers, or as many as a test has time for.
pub(super) fn measured_on(setup: &Setup) -> String {
    format!("dataset.measured_on={}", setup.size.pick("all", "all", "test"))
}

/// The contrast's training with one nonlinearity: the 12-bit task, Adam, batches of 256, 10,000 epochs.
pub(super) fn contrast(setup: &Setup, nonlinearity: &str) -> Result<Cell, ExperimentOrData> {
    let size = setup.size;
    let preset = if nonlinearity == "relu" { "saxe2018-relu" } else { "saxe2018-tanh" };
    let methods = [clipped(30), full_range(30), full_range(256), floor(0.07), kde(&[1e-3])];
    let overrides = [
        format!("network.nonlinearity={nonlinearity}"),
        format!("seeds={}", size.pick(50, 8, 1)),
        epochs(setup, 10_000),
        measured_on(setup),
        log_spaced(size.pick(120, 60, 4)),
        estimators(if size == crate::reproduce::Size::Tiny { &methods[..4] } else { &methods }),
    ];
    Ok(cell_of_preset(&title(nonlinearity), &format!("contrast-{nonlinearity}"), preset, overrides)?)
}

/// A panel of a run's plane.
pub(super) fn panel(run: &RunResult, group: &PlaneGroup<'_>, remark: String) -> PlanePanel {
    PlanePanel {
        remark,
        layers: group.layers_over(|seed| run.in_means(seed)),
        failed: run.failed.iter().map(|failed| failed.seed).collect(),
        names: run.layer_names(),
        h_x_bits: run.run.manifest().data.h_x_bits,
        h_y_bits: run.run.manifest().data.h_y().bits(),
    }
}

/// `test accuracy 0.974 ± 0.003`.
pub(super) fn accuracy_remark(run: &RunResult) -> String {
    match run.test_accuracy() {
        Some(mean) => format!("test accuracy {}", told(Some(mean), 3)),
        None => format!("training accuracy {}", told(run.train_accuracy(), 3)),
    }
}

/// `symmetric12 · n = 4096 · 5 seeds · 8000 epochs`.
pub(super) fn subject(run: &RunResult) -> String {
    let data = &run.run.manifest().data;
    format!(
        "{} · n = {} · {} · {} epochs",
        data.name,
        data.n_measured,
        seeds(run.n_seeds()),
        run.experiment.training.epochs
    )
}

/// The share of values outside the bins, for notes; nothing where there are none.
pub(super) fn clipped_note(name: &str, n: usize, group: &PlaneGroup<'_>) -> Option<String> {
    let outside: u64 = group.rows().map(|row| row.out_of_range).sum();
    let all: f64 = group.rows().map(|row| row.width as f64 * n as f64).sum();
    (outside > 0)
        .then(|| format!("{name}: {:.1}% of all values lie outside the bins.", 100.0 * outside as f64 / all))
}

/// The hidden layers of a path list: all but the output.
pub(super) fn hidden(paths: &[LayerPath]) -> &[LayerPath] {
    paths.split_last().map_or(&[], |(_, hidden)| hidden)
}

/// Upper bounds of KDE where the run has them.
pub(super) fn kde_upper<'a>(run: &'a RunResult, variance: f64) -> Result<PlaneGroup<'a>, ReproduceError> {
    run.group(&kde(&[variance]), Some(Bound::Upper))
}

/// A figure of panels below the names of their columns, row after row.
pub(super) fn sheet(
    kind: FigureKind,
    title: impl Into<String>,
    subtitle: String,
    columns: Vec<String>,
    panels: Vec<Panel>,
    notes: Vec<String>,
) -> Figure {
    let title = title.into();
    Figure {
        id: String::new(),
        kind,
        heading: title.clone(),
        title,
        facts: vec![subtitle],
        layers: vec![],
        panels,
        grid: Some(Grid { columns, rows: vec![] }),
        groups: vec![],
        legend: vec![],
        notes: notes.into_iter().map(|text| Note::fact(NoteCode::Definition, text)).collect(),
        table: None,
    }
}

/// All layers of a run, as figures call them.
pub(super) fn shown_layers(run: &RunResult) -> Vec<ShownLayer> {
    let names = run.layer_names().into_iter().enumerate();
    names.map(|(index, name)| ShownLayer { layer: index + 1, called: name.clone(), name }).collect()
}

/// A dashed line across, with its name if it has one.
pub(super) fn level(value: f64, name: &str) -> Limit {
    Limit { axis: Direction::Y, value, name: name.into(), text: String::new() }
}

/// Says so where nothing has a value.
pub(super) fn no_value(series: &[Series]) -> Option<String> {
    series.is_empty().then(|| "no value".into())
}

/// What all runs have to say of their seeds.
pub(super) fn seed_notes(results: &Results) -> Vec<String> {
    results.runs.iter().flat_map(RunResult::seed_notes).collect()
}
