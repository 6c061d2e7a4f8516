//! Tables of coloured cells side by side, a number in each.

use crate::draw::{Anchor, Color, Mark, Scene, Sheet, Text, Weight, epoch_color, legend_lines, text_width};

const CELL_HEIGHT: f64 = 34.0;

/// Panels of coloured cells in rows and columns.
#[derive(Debug, Clone)]
pub(crate) struct HeatFigure {
    pub title: String,
    pub subtitle: String,
    pub columns: Vec<String>,
    pub rows: Vec<Vec<String>>,
    /// Row after row; all with as many cells.
    pub panels: Vec<HeatPanel>,
    /// What the colour is.
    pub scale_name: String,
    /// The values of the darkest and the brightest colour.
    pub range: (f64, f64),
    pub x_name: String,
    pub y_name: String,
    /// What the small marks mean: the mark and its meaning.
    pub marks: Vec<(String, String)>,
    pub notes: Vec<String>,
}

/// One table.
#[derive(Debug, Clone)]
pub(crate) struct HeatPanel {
    /// Above each column of cells, and beside each row of them.
    pub x: Vec<String>,
    pub y: Vec<String>,
    /// Row after row of cells, from the top.
    pub cells: Vec<HeatCell>,
}

/// One cell.
#[derive(Debug, Clone)]
pub(crate) struct HeatCell {
    /// Its colour; without a value it is empty.
    pub value: Option<f64>,
    pub text: String,
    /// A small line below; a cell with one is paler.
    pub mark: String,
}

impl HeatFigure {
    /// The figure, laid out.
    pub(crate) fn draw(self) -> Scene {
        let columns = self.columns.len().max(1);
        let (across, down) = self
            .panels
            .iter()
            .fold((1, 1), |(across, down), panel| (across.max(panel.x.len()), down.max(panel.y.len())));
        // The name of a column wants room, also above a single cell.
        let widest = self.columns.iter().map(|name| text_width(name, 12.5, Weight::Bold)).fold(0.0, f64::max);
        let narrow: f64 = if columns > 2 { 58.0 } else { 70.0 };
        let cell = (narrow.max((widest - 40.0) / across as f64), CELL_HEIGHT);
        let named_rows = !self.rows.is_empty();
        let mut sheet = Sheet {
            columns,
            rows: self.panels.len().div_ceil(columns).max(1),
            panel: (cell.0 * across as f64, cell.1 * down as f64),
            gap: (62.0, 56.0),
            left: 74.0 + if named_rows { 26.0 } else { 0.0 },
            right: 96.0,
            below: 0.0,
            named_columns: true,
        };
        let meanings: Vec<String> = self.marks.iter().map(|(mark, of)| format!("{mark}: {of}")).collect();
        let lines = legend_lines(&meanings, 26.0, sheet.end() - sheet.left);
        sheet.below = if meanings.is_empty() { 0.0 } else { 18.0 * lines.len() as f64 + 4.0 };
        let mut scene = sheet.scene(&self.title, &self.subtitle, &self.notes);
        sheet.name_columns(&mut scene, &self.columns);
        sheet.name_rows(&mut scene, &self.rows);
        for (index, panel) in self.panels.iter().enumerate() {
            let place = sheet.at(index / columns, index % columns);
            self.panel(&mut scene, place, cell, panel);
        }
        self.scale(&mut scene, &sheet);
        for (line, entries) in lines.iter().enumerate() {
            for &(index, offset) in entries {
                let (x, y) = (sheet.left + offset, sheet.bottom() + 56.0 + 18.0 * line as f64);
                scene.text(Text::new(x, y, 11.0, meanings[index].clone()));
            }
        }
        scene
    }

    fn share(&self, value: f64) -> f64 {
        let (low, high) = self.range;
        ((value - low) / (high - low).max(1e-12)).clamp(0.0, 1.0)
    }

    fn panel(&self, scene: &mut Scene, (left, top): (f64, f64), (w, h): (f64, f64), panel: &HeatPanel) {
        let (right, bottom) = (left + w * panel.x.len() as f64, top + h * panel.y.len() as f64);
        for (index, cell) in panel.cells.iter().enumerate() {
            let (row, column) = (index / panel.x.len().max(1), index % panel.x.len().max(1));
            let (x, y) = (left + w * column as f64, top + h * row as f64);
            let points = vec![
                (x + 0.8, y + 0.8),
                (x + w - 0.8, y + 0.8),
                (x + w - 0.8, y + h - 0.8),
                (x + 0.8, y + h - 0.8),
            ];
            let color = cell.value.map_or(Color::GRID, |value| epoch_color(self.share(value)));
            // What may not be claimed is paler than what may.
            let opacity = if cell.mark.is_empty() { 1.0 } else { 0.45 };
            scene.marks.push(Mark::Shape { points, fill: color, opacity, outline: None });
            let mixed = |c: u8| opacity * f64::from(c) + (1.0 - opacity) * 255.0;
            let light = 0.30 * mixed(color.0) + 0.59 * mixed(color.1) + 0.11 * mixed(color.2) > 128.0;
            let ink = if light { Color::INK } else { Color::WHITE };
            let middle = x + w / 2.0;
            let baseline = y + h / 2.0 + if cell.mark.is_empty() { 4.0 } else { -1.0 };
            let text = Text::new(middle, baseline, 11.5, cell.text.clone()).anchor(Anchor::Middle);
            scene.text(if cell.mark.is_empty() { text.bold() } else { text }.color(ink));
            let mark = Text::new(middle, y + h - 5.5, 8.5, cell.mark.clone());
            scene.text(mark.anchor(Anchor::Middle).color(ink));
        }
        for (column, name) in panel.x.iter().enumerate() {
            let text = Text::new(left + w * (column as f64 + 0.5), bottom + 15.0, 11.0, name.clone());
            scene.text(text.anchor(Anchor::Middle));
        }
        for (row, name) in panel.y.iter().enumerate() {
            let text = Text::new(left - 6.0, top + h * (row as f64 + 0.5) + 4.0, 11.0, name.clone());
            scene.text(text.anchor(Anchor::End));
        }
        let x_name = Text::new((left + right) / 2.0, bottom + 31.0, 11.0, self.x_name.clone());
        scene.text(x_name.anchor(Anchor::Middle).color(Color::QUIET));
        let y_name = Text::new(left - 42.0, (top + bottom) / 2.0, 11.0, self.y_name.clone());
        scene.text(y_name.anchor(Anchor::Middle).upward().color(Color::QUIET));
        let frame =
            vec![(left, top), (right, top), (right, bottom), (left, bottom), (left, top), (right, top)];
        scene.line(frame, Color::LIMIT, 0.6);
    }

    fn scale(&self, scene: &mut Scene, sheet: &Sheet) {
        let (x, width) = (sheet.end() + 26.0, 14.0);
        let (y, height) = (sheet.at(0, 0).1, sheet.bottom() - sheet.at(0, 0).1);
        let colors = (0..=128).map(|step| epoch_color(f64::from(step) / 128.0)).collect();
        scene.marks.push(Mark::Ramp { x, y, width, height, colors });
        let (low, high) = self.range;
        let scale = crate::draw::Scale::Linear { low, high };
        for tick in scale.ticks(height) {
            let (Some(share), Some(label)) = (scale.share(tick.value), tick.label) else { continue };
            let at = y + height - share * height;
            scene.line(vec![(x + width, at), (x + width + 4.0, at)], Color::INK, 0.7);
            scene.text(Text::new(x + width + 7.0, at + 4.0, 11.0, label));
        }
        let name = Text::new(x + width / 2.0 + 46.0, y + height / 2.0, 11.0, self.scale_name.clone());
        scene.text(name.anchor(Anchor::Middle).upward().color(Color::QUIET));
    }
}
