//! The sheet of the training: up to five panels, and the legend in the place of a sixth.

use super::information::{legend, legend_height};
use super::series::{self, Strokes};
use super::{
    Color, DASHES, LEGEND_SIZE, LEGEND_STEP, Panel, Scale, Scene, Style, Text, note_height, note_lines,
    write_notes, write_title,
};
use crate::figure::{self, Figure, Key, Series};

const TOP: f64 = 70.0;
const PANEL: (f64, f64) = (232.0, 200.0);
const LEFT: f64 = 70.0;
const GAPS: [f64; 2] = [86.0, 84.0];
const RIGHT: f64 = 24.0;
/// From the bottom of a panel to the top of the panel below.
const BETWEEN: f64 = 68.0;
const STROKES: Strokes = Strokes { mean_width: 1.5, seed_width: 0.6, failed_width: 0.9, bands: (0.15, 0.15) };

pub(super) fn scene(figure: &Figure, style: Style) -> Scene {
    let (width, height) = style.panel(PANEL);
    let second = LEFT + width + GAPS[0];
    let lefts = [LEFT, second, second + width + GAPS[1]];
    let sheet_width = lefts[2] + width + RIGHT;
    // The legend stands above the third panel of the second row.
    let legend_height = legend_height(figure) + LEGEND_STEP * figure.legend.len() as f64 + 28.0;
    let rows = [TOP, TOP + (height + BETWEEN).max(legend_height)];
    let notes: Vec<String> = figure.notes.iter().map(|note| note.text.clone()).collect();
    let notes = note_lines(&notes, sheet_width - 2.0 * 24.0);
    let lowest = if figure.panels.len() > 2 { rows[1] } else { rows[0].max(rows[1] - height - BETWEEN) };
    let bottom = lowest + height + 58.0;
    let mut scene = Scene::new(sheet_width, bottom + note_height(&notes) + 10.0);
    write_title(&mut scene, LEFT, &figure.title, &figure.subtitle());

    let places = [(0, 0), (1, 0), (0, 1), (1, 1), (2, 1)];
    for ((column, row), content) in places.into_iter().zip(&figure.panels) {
        let (x, y) = (Scale::of(&content.x), Scale::of(&content.y));
        let panel = Panel { left: lefts[column], top: rows[row], width, height, x, y };
        draw(&mut scene, figure, content, &panel);
    }

    let x = lefts[2] - 24.0;
    for (line, entry) in figure.legend.iter().enumerate() {
        let y = TOP + 8.0 + LEGEND_STEP * line as f64;
        let (color, dashed) = match entry.key {
            Key::Line { dashed } => (Color::INK, dashed),
            Key::LayerLine { dashed } => (Color(150, 150, 150), dashed),
            _ => continue,
        };
        let dashes = if dashed { DASHES } else { &[] };
        scene.dashed(vec![(x, y), (x + 22.0, y)], color, 1.8, 1.0, dashes);
        scene.text(Text::new(x + 28.0, y + 4.0, LEGEND_SIZE, entry.name.clone()));
    }
    let top = TOP + 16.0 + LEGEND_STEP * figure.legend.len() as f64;
    legend(&mut scene, figure, (x, top), sheet_width - x - 28.0 - 8.0);
    write_notes(&mut scene, 24.0, bottom, &notes);
    scene
}

fn draw(scene: &mut Scene, figure: &Figure, content: &figure::Panel, panel: &Panel) {
    panel.grid(scene);
    // Where dashes tell two quantities apart, colour alone tells the layers.
    let dashes = content.lines().any(|line| line.dashed);
    for content in &content.series {
        match content {
            Series::Band(band) => series::band(scene, panel, figure, band, STROKES),
            Series::Line(line) => {
                let dashes = dashes.then_some(if line.dashed { DASHES } else { &[] });
                series::line(scene, panel, figure, line, STROKES, (0.0, dashes));
            }
            _ => {}
        }
    }
    panel.axes(scene, &content.x.title(), &content.y.title());
    if let Some(remark) = &content.remark {
        let text = Text::new(panel.left + 12.0, panel.top + 22.0, 11.0, remark.clone());
        scene.text(text.color(Color::QUIET));
    }
}
