//! Information planes side by side, on the same axes and in the same colours.

use super::sheet::{Sheet, legend_lines, remark};
use crate::draw::{Color, Panel, Scale, Scene, Text, color_bar, layer_color, marker, mean_path, seed_paths};
use crate::figure::learned::InMean;
use crate::figure::thinning::thin_means;
use crate::figure::{Path, Series, plane};
use crate::plane::LayerPath;

/// Beyond so many seeds the faint lines of each are left out: in small panels they are a fog.
const MOST_SEEDS: usize = 10;

/// Planes in rows and columns.
#[derive(Debug, Clone)]
pub(crate) struct PlanesFigure {
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
pub(crate) struct PlanePanel {
    /// A remark in the lower right corner: accuracy.
    pub remark: String,
    pub layers: Vec<LayerPath>,
    /// Seeds whose paths are dotted and crossed.
    pub marked: Vec<u64>,
    /// The names of the layers, as the legend prints them.
    pub names: Vec<String>,
    pub h_x_bits: f64,
    pub h_y_bits: f64,
}

impl PlanesFigure {
    /// The figure, laid out.
    pub(crate) fn draw(mut self) -> Scene {
        for panel in &mut self.panels {
            thin_means(&mut panel.layers);
        }
        let columns = self.columns.len().max(1);
        let names = self.panels.iter().map(|p| &p.names).max_by_key(|names| names.len());
        let names = names.cloned().unwrap_or_default();
        let row_names = if self.rows.is_empty() { 0.0 } else { 30.0 };
        let panel = if columns > 2 { (258.0, 208.0) } else { (340.0, 262.0) };
        let mut sheet = Sheet {
            columns,
            rows: self.panels.len().div_ceil(columns).max(1),
            panel,
            gap: (40.0, 38.0),
            left: 66.0 + row_names,
            right: 96.0,
            below: 0.0,
            named_columns: true,
        };
        let lines = legend_lines(&names, 34.0, sheet.end() - sheet.left);
        sheet.below = 18.0 * lines.len() as f64 + 8.0;
        let notes = self.all_notes();
        let mut scene = sheet.scene(&self.title, &self.subtitle, &notes);
        sheet.name_columns(&mut scene, &self.columns);
        sheet.name_rows(&mut scene, &self.rows);

        let paths = || self.panels.iter().flat_map(|p| &p.layers);
        let epochs = Scale::epochs(paths().flat_map(|layer| layer.mean.iter().map(|p| p.epoch)));
        let means = || paths().flat_map(|layer| &layer.mean);
        let limit = |value: fn(&PlanePanel) -> f64| self.panels.iter().map(value);
        // From zero to the limit even where the data fill less: the place in the plane is the message.
        let x =
            Scale::linear(means().map(|p| p.i_xt_bits.mean).chain(limit(|p| p.h_x_bits)).chain([0.0]), 0.04);
        let y =
            Scale::linear(means().map(|p| p.i_ty_bits.mean).chain(limit(|p| p.h_y_bits)).chain([0.0]), 0.07);
        for (index, content) in self.panels.iter().enumerate() {
            let (row, column) = (index / columns, index % columns);
            let (left, top) = sheet.at(row, column);
            let panel = Panel { left, top, width: panel.0, height: panel.1, x, y };
            let lowest = index + columns >= self.panels.len();
            content.draw(&mut scene, &panel, lowest, column == 0, epochs);
        }
        let (left, top) = sheet.at(0, columns - 1);
        // Beside the last column, along all rows.
        let along =
            Panel { left: left - 42.0, top, width: sheet.panel.0, height: sheet.bottom() - top, x, y };
        color_bar(&mut scene, &along, epochs, None);
        for (line, entries) in lines.iter().enumerate() {
            for &(index, offset) in entries {
                let (x, y) = (sheet.left + offset, sheet.bottom() + 56.0 + 18.0 * line as f64);
                let (color, _) = layer_color(index, names.len());
                scene.marks.push(marker(index, (x + 6.0, y - 4.0), 3.8, color));
                scene.text(Text::new(x + 16.0, y, 11.5, names[index].clone()));
            }
        }
        scene
    }

    fn all_notes(&self) -> Vec<String> {
        let seeds = self.panels.iter().flat_map(|p| p.layers.iter().map(|layer| layer.seeds.len())).max();
        let first = match seeds {
            Some(2..=MOST_SEEDS) => Some("Bold: mean over seeds. Thin: each seed.".to_string()),
            Some(n) if n > MOST_SEEDS => Some("Paths are means over seeds.".to_string()),
            _ => None,
        };
        first.into_iter().chain(self.notes.iter().cloned()).collect()
    }
}

impl PlanePanel {
    fn draw(&self, scene: &mut Scene, panel: &Panel, lowest: bool, first: bool, epochs: Scale) {
        panel.grid(scene);
        if let Some(share) = panel.x.share(self.h_x_bits) {
            let x = panel.left + share * panel.width;
            scene.dashed(vec![(x, panel.bottom()), (x, panel.top)], Color::LIMIT, 1.0, 1.0, &[4.0, 3.0]);
        }
        if let Some(share) = panel.y.share(self.h_y_bits) {
            let y = panel.bottom() - share * panel.height;
            scene.dashed(vec![(panel.left, y), (panel.right(), y)], Color::LIMIT, 1.0, 1.0, &[4.0, 3.0]);
        }
        let n = self.layers.len();
        let color = |index: usize| layer_color(index, n.max(self.names.len())).0;
        let few = self.layers.iter().enumerate().filter(|(_, layer)| layer.seeds.len() <= MOST_SEEDS);
        let seeds: Vec<(usize, Series)> = few
            .flat_map(|(index, layer)| {
                let paths = plane::seed_paths(layer, |seed| self.marked.contains(&seed));
                paths.into_iter().map(move |path| (index, path))
            })
            .collect();
        let seeds: Vec<(&Path, Color)> = seeds
            .iter()
            .filter_map(|(index, series)| match series {
                Series::Path(path) => Some((path, color(*index))),
                _ => None,
            })
            .collect();
        seed_paths(scene, panel, &seeds);
        for (index, layer) in self.layers.iter().enumerate() {
            let radius = 2.5 + 1.3 * (n - 1 - index) as f64 / n as f64;
            let path = plane::mean_path(layer, &InMean { left_out: vec![] });
            mean_path(scene, panel, &path, (index, radius), (color(index), Some(epochs)));
        }
        let x_name = if lowest { "I(X;T)  [bits]" } else { "" };
        panel.axes(scene, x_name, if first { "I(T;Y)  [bits]" } else { "" });
        // Before the limit, or its line would run through the words.
        let limit = panel.x.share(self.h_x_bits).map(|share| panel.left + share * panel.width);
        let end = limit.filter(|x| *x > panel.left + panel.width / 2.0).unwrap_or(panel.right());
        remark(scene, (end - 6.0, panel.bottom() - 8.0), &self.remark);
    }
}
