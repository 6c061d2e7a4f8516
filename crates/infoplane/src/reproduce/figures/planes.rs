//! Information planes side by side, on the same axes and in the same colours.

use crate::figure::learned::InMean;
use crate::figure::thinning::thin_means;
use crate::figure::{
    Axis, Direction, Figure, FigureKind, Grid, Limit, Note, NoteCode, Panel, Path, Series, ShownLayer, plane,
};
use crate::plane::{LayerPath, MeanPoint};

/// Beyond so many seeds the faint lines of each are left out: in small panels they are a fog.
const MOST_SEEDS: usize = 10;

/// Planes in rows and columns.
#[derive(Debug, Clone)]
pub(super) struct PlanesFigure {
    pub title: String,
    /// What all panels share: the estimator, n.
    pub subtitle: String,
    pub columns: Vec<String>,
    /// A name of each row, in lines; a single row may have none.
    pub rows: Vec<Vec<String>>,
    /// Row after row.
    pub panels: Vec<PlanePanel>,
    pub notes: Vec<String>,
}

/// One plane.
#[derive(Debug, Clone)]
pub(super) struct PlanePanel {
    /// A remark in the lower right corner: accuracy.
    pub remark: String,
    pub layers: Vec<LayerPath>,
    /// Seeds that did not learn: their paths are dotted and crossed, and not in means.
    pub failed: Vec<u64>,
    /// The names of the layers, as the legend prints them.
    pub names: Vec<String>,
    pub h_x_bits: f64,
    pub h_y_bits: f64,
}

impl PlanesFigure {
    /// What it shows.
    pub(super) fn figure(mut self) -> Figure {
        for panel in &mut self.panels {
            thin_means(&mut panel.layers);
        }
        let means = || self.panels.iter().flat_map(|p| &p.layers).flat_map(|layer| &layer.mean);
        let axis = |quantity, extra, mean: fn(&MeanPoint) -> f64, limit: fn(&PlanePanel) -> f64| {
            let limits = self.panels.iter().map(limit);
            // From zero to the limit even where the data fill less: the place in the plane is the message.
            Axis::bits(quantity, means().map(mean), limits, extra)
        };
        let x = axis("I(X;T)", 0.04, |p| p.i_xt_bits.mean, |panel| panel.h_x_bits);
        let y = axis("I(T;Y)", 0.07, |p| p.i_ty_bits.mean, |panel| panel.h_y_bits);
        let names = self.panels.iter().map(|p| &p.names).max_by_key(|names| names.len());
        let names = names.cloned().unwrap_or_default();
        let n_layers = self.panels.iter().map(|p| p.layers.len()).max().unwrap_or(0).max(names.len());
        let layer = |index: usize| {
            let name = names.get(index).cloned().unwrap_or_default();
            ShownLayer { layer: index + 1, called: name.clone(), name }
        };
        Figure {
            id: String::new(),
            kind: FigureKind::Planes,
            heading: self.title.clone(),
            title: self.title.clone(),
            facts: vec![self.subtitle.clone()],
            layers: (0..n_layers).map(layer).collect(),
            panels: self.panels.iter().map(|panel| panel.shown(&x, &y)).collect(),
            grid: Some(Grid { columns: self.columns.clone(), rows: self.rows.clone() }),
            groups: vec![],
            legend: vec![],
            notes: self.all_notes(),
            table: None,
        }
    }

    fn all_notes(&self) -> Vec<Note> {
        let seeds = self.panels.iter().flat_map(|p| p.layers.iter().map(|layer| layer.seeds.len())).max();
        let any_failed = self.panels.iter().any(|panel| !panel.failed.is_empty());
        let first = match seeds {
            Some(2..=MOST_SEEDS) if any_failed => Some(
                "Bold: mean over the seeds that learned. Thin: each seed; dotted: those that did not learn.",
            ),
            Some(2..=MOST_SEEDS) => Some("Bold: mean over seeds. Thin: each seed."),
            Some(n) if n > MOST_SEEDS && any_failed => Some("Paths are means over the seeds that learned."),
            Some(n) if n > MOST_SEEDS => Some("Paths are means over seeds."),
            _ => None,
        };
        let first = first.map(|text| Note::reading(NoteCode::Seeds, text));
        let others = self.notes.iter().map(|text| Note::fact(NoteCode::Definition, text.clone()));
        first.into_iter().chain(others).collect()
    }
}

impl PlanePanel {
    fn shown(&self, x: &Axis, y: &Axis) -> Panel {
        let numbered = |(index, layer): (usize, &LayerPath)| LayerPath { layer: index + 1, ..layer.clone() };
        let layers: Vec<LayerPath> = self.layers.iter().enumerate().map(numbered).collect();
        let few = layers.iter().filter(|layer| layer.seeds.len() <= MOST_SEEDS);
        let seeds = few.flat_map(|layer| plane::seed_paths(layer, |seed| self.failed.contains(&seed)));
        // The means were made over the seeds that learned.
        let all = InMean { left_out: vec![] };
        let means = layers
            .iter()
            .map(|layer| plane::mean_path(layer, &all))
            .filter(|path: &Path| !path.points.is_empty());
        let limit =
            |axis, name: &str, value: f64| Limit { axis, value, name: name.into(), text: String::new() };
        let limits = [limit(Direction::X, "H(X)", self.h_x_bits), limit(Direction::Y, "H(Y)", self.h_y_bits)];
        Panel {
            name: String::new(),
            x: x.clone(),
            y: y.clone(),
            series: seeds.chain(means.map(Series::Path)).collect(),
            limits: limits.into_iter().filter(|limit| limit.value.is_finite()).collect(),
            remark: (!self.remark.is_empty()).then(|| self.remark.clone()),
        }
    }
}
