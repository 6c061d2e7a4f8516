//! Figures and summary of the as-if-random experiment.

mod compression;
mod drift;
mod layout;
mod overlap;
mod seeds;
mod trend;
mod words;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::{Figure, Options, ReportError, files};
use crate::experiment::AsIfRandomResult;
use crate::plane::MethodDescription;
use crate::pool::{PooledMean, mean_over_seeds, pooled_layers};

pub use seeds::{as_if_random_failed, as_if_random_notes};
pub use words::as_if_random_summary;

/// Writes the figures in the forms of `options` and `summary.md` into `directory`, and returns the paths of what it wrote.
///
/// For every setting of every estimator `trend-…` (I(X;T) and H(T|X) against M) and `compression-…` (H(X) − I(X;T) and
/// I(T;Y), one network against all); for every kind of cells `overlap-…` (of the distributions p(t | x) of pairs of inputs);
/// and `drift` (loss, weights and their drift over the window). With several seeds every value is a mean with its standard
/// error. A setting that only corrects the counts of another has no figure of its own. The title of `options`, if there is
/// one, stands on every figure; they have one look, whatever the style.
///
/// # Errors
/// As [`write`](super::write()).
pub fn write_as_if_random(
    result: &AsIfRandomResult,
    options: &Options,
    directory: &Path,
) -> Result<Vec<PathBuf>, ReportError> {
    if result.rows.is_empty() && result.drift.is_empty() && result.window.is_empty() {
        return Err(ReportError::Empty);
    }
    let figures = figures(result, options.title.as_deref());
    let mut files = files::all_files(&figures, options.formats)?;
    // Last, so that its links never point to what is not there yet.
    files.push(("summary.md".into(), words::markdown(result, &figures, options.formats).into_bytes()));
    files::write_files(files, directory)
}

/// The figures, with the title `asked` for, if any, on each.
fn figures(result: &AsIfRandomResult, asked: Option<&str>) -> Vec<Figure> {
    let settings = settings(result);
    let mut figures = Vec::new();
    for setting in &settings {
        let id = &setting.first().method.id;
        if let Some(scene) = trend::draw(result, setting, asked) {
            let title = format!("I(X;T) and H(T|X) by the number of networks: {}", setting.name());
            figures.push(Figure { name: format!("trend-{id}"), title, scene, moves: false });
        }
        if let Some(scene) = compression::draw(result, setting, asked) {
            let title = format!("Compression: {}", setting.name());
            figures.push(Figure { name: format!("compression-{id}"), title, scene, moves: false });
        }
    }
    let mut cells: Vec<&MethodDescription> = Vec::new();
    for row in &result.overlap {
        if !cells.iter().any(|method| method.id == row.method.id) {
            cells.push(&row.method);
        }
    }
    for method in cells {
        if let Some(scene) = overlap::draw(result, method, asked) {
            let title = format!("Overlap of p(t | x) of two inputs: {}", method.title);
            figures.push(Figure { name: format!("overlap-{}", method.id), title, scene, moves: false });
        }
    }
    if let Some(scene) = drift::draw(result, asked) {
        figures.push(Figure {
            name: "drift".into(),
            title: "Drift of the weights over the window".into(),
            scene,
            moves: false,
        });
    }
    figures
}

/// One method: its layers, each a mean over seeds.
struct Setting {
    layers: Vec<PooledMean>,
    n_seeds: usize,
}

impl Setting {
    fn first(&self) -> &PooledMean {
        &self.layers[0]
    }

    /// `binned, 30 edges on [−1, 1]`.
    fn name(&self) -> &str {
        &self.first().method.title
    }

    /// The largest number of networks pooled.
    fn n_networks(&self) -> usize {
        self.layers.iter().filter_map(|layer| Some(layer.pooled()?.n_networks)).max().unwrap_or(0)
    }
}

/// The settings to be shown, in the order in which they were measured.
fn settings(result: &AsIfRandomResult) -> Vec<Setting> {
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

/// `T₃`, and in figures `T₃ (5, tanh)`.
fn layer_name(result: &AsIfRandomResult, layer: usize, width: usize) -> String {
    let name = crate::figure::words::layer(layer);
    match layer.checked_sub(1).and_then(|index| result.layers.get(index)) {
        Some(described) if !described.nonlinearity.is_empty() => {
            format!("{name} ({}, {})", described.width, described.nonlinearity)
        }
        _ => format!("{name} ({width})"),
    }
}
