//! The sheet of tables of coloured cells side by side, a number in each.

use super::{
    Anchor, Color, LEGEND_STEP, Mark, Scale, Scene, Sheet, Text, Weight, epoch_color, is_light, legend_lines,
    text_width,
};
use crate::figure::{self, Axis, Cell, Cells, Figure, Key};

const CELL_HEIGHT: f64 = 34.0;
/// How wide a table without numbers is, as long as its cells are not too small.
const MAP: f64 = 168.0;
const LEAST_CELL: f64 = 4.0;
/// What an entry of the legend takes beside its name.
const ENTRY: f64 = 26.0;

/// Cells hold their numbers, and so are magnified with them where a style magnifies: there is no plot that could stay as
/// large as on paper.
pub(super) fn scene(figure: &Figure) -> Scene {
    let (column_names, row_names) = figure.grid_names();
    let columns = column_names.len().max(1);
    let (across, down) = figure.panels.iter().fold((1, 1), |(across, down), panel| {
        (across.max(panel.x.places.len()), down.max(panel.y.places.len()))
    });
    let has_numbers = figure
        .panels
        .iter()
        .filter_map(figure::Panel::cells)
        .any(|cells| cells.cells.iter().any(|cell| !cell.text.is_empty()));
    // The name of a column wants room, also above a single cell.
    let widest = column_names.iter().map(|name| text_width(name, 12.5, Weight::Bold)).fold(0.0, f64::max);
    let narrow: f64 = if columns > 2 { 58.0 } else { 70.0 };
    let cell = match has_numbers {
        true => (narrow.max((widest - 40.0) / across as f64), CELL_HEIGHT),
        // Without numbers cells are as small as they can be told apart, and square.
        false => {
            let side = (MAP / across.max(down) as f64).clamp(LEAST_CELL, CELL_HEIGHT);
            (side, side)
        }
    };
    let mut sheet = Sheet {
        columns,
        rows: figure.panels.len().div_ceil(columns).max(1),
        panel: (cell.0 * across as f64, cell.1 * down as f64),
        gap: (62.0, 56.0),
        left: 74.0 + if row_names.is_empty() { 0.0 } else { 26.0 },
        right: 96.0,
        below: 0.0,
        named_columns: true,
    };
    let remarks = figure.legend.iter().filter(|entry| entry.key == Key::Remark);
    let meanings: Vec<String> = remarks.map(|entry| entry.name.clone()).collect();
    let lines = legend_lines(&meanings, ENTRY, sheet.end() - sheet.left);
    sheet.below = if meanings.is_empty() { 0.0 } else { LEGEND_STEP * lines.len() as f64 + 4.0 };
    let notes: Vec<String> = figure.notes.iter().map(|note| note.text.clone()).collect();
    let mut scene = sheet.scene(&figure.title, &figure.subtitle(), &notes);
    sheet.name_columns(&mut scene, column_names);
    sheet.name_rows(&mut scene, row_names);
    for (index, panel) in figure.panels.iter().enumerate() {
        if let Some(cells) = panel.cells() {
            table(&mut scene, sheet.at(index / columns, index % columns), cell, panel, cells);
        }
    }
    // All panels have the same colours.
    if let Some(cells) = figure.panels.iter().find_map(figure::Panel::cells) {
        scale(&mut scene, &sheet, &cells.values);
    }
    for (line, entries) in lines.iter().enumerate() {
        for &(index, offset) in entries {
            let (x, y) = (sheet.left + offset, sheet.bottom() + 56.0 + LEGEND_STEP * line as f64);
            scene.text(Text::new(x, y, 11.0, meanings[index].clone()));
        }
    }
    scene
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

/// The colour of a value, from the darkest at the lower end of its axis to the brightest.
fn color(values: &Axis, value: f64) -> Color {
    let share = (value - values.low) / (values.high - values.low).max(1e-12);
    epoch_color(share.clamp(0.0, 1.0))
}

fn table(
    scene: &mut Scene,
    (left, top): (f64, f64),
    (w, h): (f64, f64),
    panel: &figure::Panel,
    cells: &Cells,
) {
    let (across, down) = (panel.x.places.len(), panel.y.places.len());
    let (right, bottom) = (left + w * across as f64, top + h * down as f64);
    for (index, shown) in cells.cells.iter().enumerate() {
        let (row, column) = (index / across.max(1), index % across.max(1));
        let (x, y) = (left + w * column as f64, top + h * row as f64);
        draw_cell(scene, (x, y), (w, h), shown, &cells.values);
    }
    for (column, name) in panel.x.places.iter().enumerate() {
        let text = Text::new(left + w * (column as f64 + 0.5), bottom + 15.0, 11.0, name.clone());
        scene.text(text.anchor(Anchor::Middle));
    }
    for (row, name) in panel.y.places.iter().enumerate() {
        let text = Text::new(left - 6.0, top + h * (row as f64 + 0.5) + 4.0, 11.0, name.clone());
        scene.text(text.anchor(Anchor::End));
    }
    let x_name = Text::new((left + right) / 2.0, bottom + 31.0, 11.0, panel.x.title());
    scene.text(x_name.anchor(Anchor::Middle).color(Color::QUIET));
    let y_name = Text::new(left - 42.0, (top + bottom) / 2.0, 11.0, panel.y.title());
    scene.text(y_name.anchor(Anchor::Middle).upward().color(Color::QUIET));
    let frame = vec![(left, top), (right, top), (right, bottom), (left, bottom), (left, top), (right, top)];
    scene.line(frame, Color::LIMIT, 0.6);
}

/// A cell in its colour; without a value it is empty, and with a remark it is hatched.
fn draw_cell(scene: &mut Scene, (x, y): (f64, f64), (w, h): (f64, f64), cell: &Cell, values: &Axis) {
    // Between small cells there is no room for a gap.
    let gap = if w.min(h) < 12.0 { 0.0 } else { 0.8 };
    let points =
        vec![(x + gap, y + gap), (x + w - gap, y + gap), (x + w - gap, y + h - gap), (x + gap, y + h - gap)];
    let fill = cell.value.map_or(Color::GRID, |value| color(values, value));
    scene.marks.push(Mark::Shape { points, fill, opacity: 1.0, outline: None });
    let ink = if is_light(fill, 128.0) { Color::INK } else { Color::WHITE };
    let remark = cell.remark.as_deref();
    if let Some(remark) = remark {
        // What may not be claimed is told by hatching, so that the colour stays that of the bar.
        hatch(scene, (x + 0.8, y + 0.8, x + w - 0.8, y + h - 0.8), ink);
        plate(scene, (x + w / 2.0, y + h / 2.0), &cell.text, remark, fill);
    }
    let middle = x + w / 2.0;
    let baseline = y + h / 2.0 + if remark.is_none() { 4.0 } else { -1.0 };
    let text = Text::new(middle, baseline, 11.5, cell.text.clone()).anchor(Anchor::Middle);
    scene.text(if cell.stands_out { text.bold() } else { text }.color(ink));
    let remark = Text::new(middle, y + h - 5.5, 8.5, remark.unwrap_or(""));
    scene.text(remark.anchor(Anchor::Middle).color(ink));
}

fn scale(scene: &mut Scene, sheet: &Sheet, values: &Axis) {
    let (x, width) = (sheet.end() + 26.0, 14.0);
    let (y, height) = (sheet.at(0, 0).1, sheet.bottom() - sheet.at(0, 0).1);
    let colors = (0..=128).map(|step| epoch_color(f64::from(step) / 128.0)).collect();
    scene.marks.push(Mark::Ramp { x, y, width, height, colors });
    let scale = Scale::of(values);
    for tick in scale.ticks(height) {
        let (Some(share), Some(label)) = (scale.share(tick.value), tick.label) else { continue };
        let at = y + height - share * height;
        scene.line(vec![(x + width, at), (x + width + 4.0, at)], Color::INK, 0.7);
        scene.text(Text::new(x + width + 7.0, at + 4.0, 11.0, label));
    }
    let name = Text::new(x + width / 2.0 + 46.0, y + height / 2.0, 11.0, values.title());
    scene.text(name.anchor(Anchor::Middle).upward().color(Color::QUIET));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::{FigureKind, Grid, LegendEntry, Panel, Series};

    fn figure(remark: Option<&str>) -> Figure {
        let cell = |remark: Option<&str>| Cell {
            stands_out: remark.is_none(),
            remark: remark.map(String::from),
            ..Cell::of(Some(0.5), "1.2".into())
        };
        let values = Axis { low: 0.0, high: 1.0, ..Axis::linear("information", "bits", [], 0.0) };
        let cells = Cells { values, cells: vec![cell(None), cell(remark)], beside: None };
        let panel = Panel {
            name: String::new(),
            x: Axis::places("x", ["a".into(), "b".into()]),
            y: Axis::places("y", ["c".into()]),
            series: vec![Series::Cells(cells)],
            limits: vec![],
            remark: None,
        };
        Figure {
            id: "cells".into(),
            kind: FigureKind::Cells,
            heading: "title".into(),
            title: "title".into(),
            facts: vec!["subtitle".into()],
            layers: vec![],
            panels: vec![panel],
            grid: Some(Grid { columns: vec!["column".into()], rows: vec![] }),
            groups: vec![],
            legend: vec![LegendEntry { key: Key::Remark, name: "drift: may not be claimed".into() }],
            notes: vec![],
            table: None,
        }
    }

    #[test]
    fn a_cell_with_a_remark_has_the_colour_of_the_bar_too() {
        let shown = scene(&figure(Some("drift")));
        let colour = epoch_color(0.5);
        let cells: Vec<f64> = shown
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
            |shown: &Scene| shown.marks.iter().filter(|mark| matches!(mark, Mark::Line { .. })).count();
        assert!(lines(&shown) > lines(&scene(&figure(None))) + 10);
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
