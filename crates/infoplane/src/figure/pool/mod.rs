//! Figures of pooled networks: information by the number of networks, compression, overlap of inputs, drift of the weights.

mod compression;
mod drift;
mod overlap;
pub(crate) mod seeds;
mod trend;
pub(crate) mod words;

use std::collections::BTreeSet;

use super::{
    Axis, AxisScale, Bar, BarStyle, Bars, Direction, Figure, FigureKind, Limit, Note, Panel, Role, Series,
};
use crate::experiment::AsIfRandomResult;
use crate::plane::{Mean, MethodDescription};
use crate::pool::{PooledMean, mean_over_seeds, pooled_layers};

/// The figures of pooled networks.
///
/// For every setting of every estimator I(X;T) and H(T|X) against the number of networks ([`FigureKind::PoolTrend`]), and
/// H(X) − I(X;T) and I(T;Y) of one network beside those of all ([`FigureKind::PoolCompression`]); for every kind of cells the
/// overlap of the distributions p(t | x) of pairs of inputs ([`FigureKind::PoolOverlap`]); and loss, weights and their drift
/// over the window ([`FigureKind::PoolDrift`]). With several seeds every value is a mean with its standard error. A setting
/// that only corrects the counts of another has no figure of its own, and what was not measured has none.
///
/// # Examples
/// ```no_run
/// use std::path::Path;
///
/// use infoplane::experiment::AsIfRandomResult;
/// use infoplane::figure::{FigureKind, pool_figures};
///
/// let result = AsIfRandomResult::read(Path::new("tishby2017-as-if-random"))?;
/// for figure in pool_figures(&result).iter().filter(|figure| figure.kind == FigureKind::PoolTrend) {
///     println!("{}: {}", figure.heading, figure.notes[0].text);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn pool_figures(result: &AsIfRandomResult) -> Vec<Figure> {
    let mut figures = Vec::new();
    for setting in &settings(result) {
        figures.extend(trend::figure(result, setting));
        figures.extend(compression::figure(result, setting));
    }
    let mut cells: Vec<&MethodDescription> = Vec::new();
    for row in &result.overlap {
        if !cells.iter().any(|method| method.id == row.method.id) {
            cells.push(&row.method);
        }
    }
    figures.extend(cells.into_iter().filter_map(|method| overlap::figure(result, method)));
    figures.extend(drift::figure(result));
    figures
}

/// One method: its layers, each a mean over seeds.
pub(crate) struct Setting {
    pub layers: Vec<PooledMean>,
    pub n_seeds: usize,
}

impl Setting {
    pub(crate) fn first(&self) -> &PooledMean {
        &self.layers[0]
    }

    /// `binned, 30 edges on [−1, 1]`.
    pub(crate) fn name(&self) -> &str {
        &self.first().method.title
    }

    /// The largest number of networks pooled.
    pub(crate) fn n_networks(&self) -> usize {
        self.layers.iter().filter_map(|layer| Some(layer.pooled()?.n_networks)).max().unwrap_or(0)
    }
}

/// The settings to be shown, in the order in which they were measured.
pub(crate) fn settings(result: &AsIfRandomResult) -> Vec<Setting> {
    let layers = pooled_layers(&result.rows, &result.drift);
    let means = mean_over_seeds(&layers);
    let corrects_another =
        |mean: &PooledMean| means.iter().any(|other| mean.method.corrects.as_ref() == Some(&other.method.id));
    let mut settings: Vec<Setting> = Vec::new();
    for mean in means.iter().filter(|mean| !corrects_another(mean)) {
        let same = |setting: &&mut Setting| setting.first().method.id == mean.method.id;
        match settings.iter_mut().find(same) {
            Some(setting) => setting.layers.push(mean.clone()),
            None => settings.push(Setting { layers: vec![mean.clone()], n_seeds: 0 }),
        }
    }
    for setting in &mut settings {
        setting.layers.sort_by_key(|layer| layer.layer);
        let first = setting.first();
        let seeds: BTreeSet<Option<u64>> = layers
            .iter()
            .filter(|layer| layer.method.id == first.method.id)
            .map(|layer| layer.seed)
            .collect();
        setting.n_seeds = seeds.len();
    }
    settings
}

/// What a layer is called, without its width.
pub(crate) fn called(result: &AsIfRandomResult, layer: usize) -> String {
    let described = layer.checked_sub(1).and_then(|index| result.layers.get(index));
    super::words::layer_named(layer, described.map_or("", |described| described.name.as_str()))
}

/// `T₃ (5, tanh)`, or `T₃ (5)` where the nonlinearity is not known.
pub(crate) fn layer_name(result: &AsIfRandomResult, layer: usize, width: usize) -> String {
    let name = called(result, layer);
    match layer.checked_sub(1).and_then(|index| result.layers.get(index)) {
        Some(described) if !described.nonlinearity.is_empty() => {
            format!("{name} ({}, {})", described.width, described.nonlinearity)
        }
        _ => format!("{name} ({width})"),
    }
}

/// The name of a layer of which only the number is known.
fn name_of(result: &AsIfRandomResult, layer: usize) -> String {
    let described = layer.checked_sub(1).and_then(|index| result.layers.get(index));
    layer_name(result, layer, described.map_or(0, |described| described.width))
}

/// A figure without its panels: what all figures of pooled networks have in common.
fn empty_figure(kind: FigureKind, id: String, heading: String, title: String, facts: Vec<String>) -> Figure {
    Figure {
        id,
        kind,
        heading,
        title,
        facts,
        layers: vec![],
        panels: vec![],
        grid: None,
        groups: vec![],
        legend: vec![],
        notes: vec![],
        table: None,
    }
}

fn bars(role: Role, style: BarStyle, values: impl IntoIterator<Item = Option<Mean>>) -> Bars {
    let bar = |mean: Mean| Bar { value: mean.mean, error: mean.standard_error };
    Bars { role, style, values: values.into_iter().map(|value| value.map(bar)).collect() }
}

fn limit(name: &str, value: f64) -> Limit {
    Limit { axis: Direction::Y, value, name: name.into(), text: String::new() }
}

/// Bars for each layer, one of each series side by side, from zero.
fn bar_panel(
    layers: &[String],
    (quantity, unit): (&str, &str),
    series: Vec<Bars>,
    limits: Vec<Limit>,
) -> Panel {
    let shown = series.iter().flat_map(|series| series.values.iter().flatten());
    let ends = shown.flat_map(|bar| {
        let error = bar.error.unwrap_or(0.0);
        [bar.value - error, bar.value + error]
    });
    let ends = ends.chain(limits.iter().map(|limit| limit.value)).filter(|value| value.is_finite());
    let (low, high) = ends.fold((0f64, 0f64), |(low, high), end| (low.min(end), high.max(end)));
    let length = if high > low { high - low } else { 1.0 };
    let low = if low < 0.0 { low - 0.06 * length } else { 0.0 };
    let high = high.max(low + length) + 0.08 * length;
    Panel {
        name: String::new(),
        x: Axis::places("", layers.iter().cloned()),
        y: Axis::of(quantity, unit, AxisScale::Linear, (low, high)),
        series: series.into_iter().map(Series::Bars).collect(),
        limits,
        remark: None,
    }
}

/// The notes that every figure of pooled networks has, after those of its own.
fn all_notes(own: Vec<Note>, result: &AsIfRandomResult, setting: Option<&Setting>) -> Vec<Note> {
    let of_setting = setting.map(|setting| words::notes(result, setting)).unwrap_or_default();
    own.into_iter().chain(seeds::notes(result)).chain(of_setting).collect()
}
