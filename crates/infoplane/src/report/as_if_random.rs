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
use crate::Bound;
use crate::estimator::Correction;
use crate::experiment::AsIfRandomResult;
use crate::plane::{MethodDescription, make_ids_unique};
use crate::pool::{PooledMean, mean_over_seeds, pooled_layers};

pub use seeds::{as_if_random_failed, as_if_random_notes};
pub use words::as_if_random_summary;

/// Writes the figures in the forms of `options` and `summary.md` into `directory`, and returns the paths of what it wrote.
///
/// For every setting of every estimator `trend-…` (I(X;T) and H(T|X) against M) and `compression-…` (H(X) − I(X;T) and
/// I(T;Y), one network against all); for every kind of cells `overlap-…` (of the distributions p(t | x) of pairs of inputs);
/// and `drift` (loss, weights and their drift over the window). With several seeds every value is a mean with its standard
/// error. A setting that only corrects the counts of another has no figure of its own.
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
    let figures = figures(result);
    let mut files = files::all_files(&figures, options.formats)?;
    // Last, so that its links never point to what is not there yet.
    files.push(("summary.md".into(), words::markdown(result, &figures, options.formats).into_bytes()));
    files::write_files(files, directory)
}

fn figures(result: &AsIfRandomResult) -> Vec<Figure> {
    let settings = settings(result);
    let names = unique(settings.iter().map(Setting::method));
    let mut figures = Vec::new();
    for (setting, MethodDescription { id: name, .. }) in settings.iter().zip(&names) {
        if let Some(scene) = trend::draw(result, setting) {
            let title = format!("I(X;T) and H(T|X) by the number of networks: {}", setting.name());
            figures.push(Figure { name: format!("trend-{name}"), title, scene, moves: false });
        }
        if let Some(scene) = compression::draw(result, setting) {
            let title = format!("Compression: {}", setting.name());
            figures.push(Figure { name: format!("compression-{name}"), title, scene, moves: false });
        }
    }
    let mut cells: Vec<&str> = Vec::new();
    for row in &result.overlap {
        if !cells.contains(&row.setting.as_str()) {
            cells.push(&row.setting);
        }
    }
    let names = unique(cells.iter().map(|setting| MethodDescription::new("", setting, None)));
    for (setting, MethodDescription { id: name, .. }) in cells.iter().zip(names) {
        if let Some(scene) = overlap::draw(result, setting) {
            let title = format!("Overlap of p(t | x) of two inputs: {setting}");
            figures.push(Figure { name: format!("overlap-{name}"), title, scene, moves: false });
        }
    }
    if let Some(scene) = drift::draw(result) {
        figures.push(Figure {
            name: "drift".into(),
            title: "Drift of the weights over the window".into(),
            scene,
            moves: false,
        });
    }
    figures
}

/// With ids that all differ.
fn unique(methods: impl Iterator<Item = MethodDescription>) -> Vec<MethodDescription> {
    let mut methods: Vec<MethodDescription> = methods.collect();
    make_ids_unique(&mut methods);
    methods
}

/// One setting of an estimator: its layers, each a mean over seeds.
struct Setting {
    layers: Vec<PooledMean>,
    n_seeds: usize,
}

impl Setting {
    fn first(&self) -> &PooledMean {
        &self.layers[0]
    }

    fn method(&self) -> MethodDescription {
        let first = self.first();
        MethodDescription::new(&first.estimator, &first.setting, first.bound)
    }

    /// `binned, 30 edges on [−1, 1]`.
    fn name(&self) -> String {
        self.method().title
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
    let suffix = format!(", {}", Correction::ChaoWangJost.name());
    let corrects_another = |mean: &PooledMean| {
        let plain = mean.setting.strip_suffix(&suffix);
        plain.is_some_and(|plain| {
            means.iter().any(|other| other.setting == plain && other.estimator == mean.estimator)
        })
    };
    let mut settings: Vec<Setting> = Vec::new();
    for mean in means.iter().filter(|mean| !corrects_another(mean)) {
        let same = |setting: &&mut Setting| {
            let first = setting.first();
            (&first.estimator, &first.setting, first.bound.map(Bound::name))
                == (&mean.estimator, &mean.setting, mean.bound.map(Bound::name))
        };
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
            .filter(|layer| layer.estimator == first.estimator && layer.setting == first.setting)
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
