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
    /// A small line below; a cell with one is hatched and its number is not bold.
    pub mark: String,
}

/// Fine lines upward to the right within an area: left, top, right, bottom.
fn hatch(scene: &mut Scene, (left, top, right, bottom): (f64, f64, f64, f64), ink: Color) {
    const STEP: f64 = 5.0;
    let (width, height) = (right - left, bottom - top);
    let mut offset = STEP;
    while offset < width + height {
        let from = (left + (offset - height).max(0.0), top + offset.min(height));
        let to = (left + offset.min(width), top + (offset - width).max(0.0));
        scene.dashed(vec![from, to], ink, 0.6, 0.5, &[]);
        offset += STEP;
    }
}

/// The colour of the cell behind its letters, so that hatching does not cross them.
fn plate(scene: &mut Scene, (x, y): (f64, f64), text: &str, mark: &str, fill: Color) {
    let wide =
        text_width(text, 11.5, Weight::Regular).max(text_width(mark, 8.5, Weight::Regular)) / 2.0 + 2.0;
    let points = vec![(x - wide, y - 11.0), (x + wide, y - 11.0), (x + wide, y + 14.0), (x - wide, y + 14.0)];
    scene.marks.push(Mark::Shape { points, fill, opacity: 1.0, outline: None });
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
            let area = Mark::Shape { points, fill: color, opacity: 1.0, outline: None };
            scene.marks.push(area);
            let light =
                0.30 * f64::from(color.0) + 0.59 * f64::from(color.1) + 0.11 * f64::from(color.2) > 128.0;
            let ink = if light { Color::INK } else { Color::WHITE };
            if !cell.mark.is_empty() {
                // What may not be claimed is told by hatching, so that the colour stays that of the bar.
                hatch(scene, (x + 0.8, y + 0.8, x + w - 0.8, y + h - 0.8), ink);
                plate(scene, (x + w / 2.0, y + h / 2.0), &cell.text, &cell.mark, color);
            }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(mark: &str) -> HeatFigure {
        let cell = |value, mark: &str| HeatCell { value: Some(value), text: "1.2".into(), mark: mark.into() };
        let panel = HeatPanel {
            x: vec!["a".into(), "b".into()],
            y: vec!["c".into()],
            cells: vec![cell(0.5, ""), cell(0.5, mark)],
        };
        HeatFigure {
            title: "title".into(),
            subtitle: "subtitle".into(),
            columns: vec!["column".into()],
            rows: vec![],
            panels: vec![panel],
            scale_name: "bits".into(),
            range: (0.0, 1.0),
            x_name: "x".into(),
            y_name: "y".into(),
            marks: vec![(mark.into(), "may not be claimed".into())],
            notes: vec![],
        }
    }

    #[test]
    fn a_cell_with_a_mark_has_the_colour_of_the_bar_too() {
        let scene = figure("drift").draw();
        let colour = epoch_color(0.5);
        let cells: Vec<f64> = scene
            .marks
            .iter()
            .filter_map(|mark| match mark {
                Mark::Shape { points, fill, opacity: 1.0, .. } if *fill == colour => {
                    Some(points[1].0 - points[0].0)
                }
                _ => None,
            })
            .collect();
        // Both cells whole, and the plate behind the letters of the second.
        assert_eq!(cells.len(), 3, "{cells:?}");
        assert!((cells[0] - cells[1]).abs() < 1e-9 && cells[2] < cells[1], "{cells:?}");
        let lines =
            |scene: &Scene| scene.marks.iter().filter(|mark| matches!(mark, Mark::Line { .. })).count();
        assert!(lines(&scene) > lines(&figure("").draw()) + 10);
    }

    #[test]
    fn hatching_stays_in_its_area() {
        let mut scene = Scene::new(100.0, 100.0);
        let (left, top, right, bottom) = (10.0, 20.0, 73.0, 51.0);
        hatch(&mut scene, (left, top, right, bottom), Color::INK);
        assert!(scene.marks.len() > 10);
        for mark in &scene.marks {
            let Mark::Line { points, .. } = mark else { panic!("a line") };
            for &(x, y) in points {
                assert!((left..=right).contains(&x) && (top..=bottom).contains(&y), "{points:?}");
            }
            // Upward to the right, at half a right angle.
            let (a, b) = (points[0], points[1]);
            assert!((b.0 - a.0 + b.1 - a.1).abs() < 1e-9 && b.0 > a.0, "{points:?}");
        }
    }
}
