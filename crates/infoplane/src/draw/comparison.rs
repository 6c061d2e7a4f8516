//! The sheet of compared groups: a row for each layer, I(X;T) and I(T;Y) beside each other.

use super::series::{self, Strokes};
use super::{
    Anchor, Color, LEGEND_SIZE, LEGEND_STEP, LIMIT_DASHES, Panel, Scale, Scene, Sheet, Style, Text,
    legend_lines, role_color,
};
use crate::figure::{self, Figure, Role, Series};

const PANEL: (f64, f64) = (330.0, 150.0);
const STROKES: Strokes = Strokes { mean_width: 1.8, seed_width: 0.7, failed_width: 1.0, bands: (0.12, 0.3) };

pub(super) fn scene(figure: &Figure, style: Style) -> Scene {
    let (column_names, row_names) = figure.grid_names();
    let columns = column_names.len().max(1);
    let mut sheet = Sheet {
        columns,
        rows: figure.panels.len().div_ceil(columns).max(1),
        panel: style.panel(PANEL),
        gap: (74.0, 34.0),
        left: 100.0,
        right: 44.0,
        below: 0.0,
        named_columns: true,
    };
    let lines = legend_lines(&figure.groups, 48.0, sheet.end() - sheet.left);
    sheet.below = LEGEND_STEP * lines.len() as f64 + 8.0;
    let notes: Vec<String> = figure.notes.iter().map(|note| note.text.clone()).collect();
    let mut scene = sheet.scene(&figure.title, &figure.subtitle(), &notes);
    sheet.name_columns(&mut scene, column_names);
    sheet.name_rows(&mut scene, row_names);
    for (index, content) in figure.panels.iter().enumerate() {
        let (left, top) = sheet.at(index / columns, index % columns);
        let (x, y) = (Scale::of(&content.x), Scale::of(&content.y));
        let panel = Panel { left, top, width: sheet.panel.0, height: sheet.panel.1, x, y };
        draw(&mut scene, figure, content, &panel);
        let lowest = index + columns >= figure.panels.len();
        let x_name = if lowest { content.x.title() } else { String::new() };
        panel.axes(&mut scene, &x_name, &content.y.title());
    }
    for (line, entries) in lines.iter().enumerate() {
        for &(index, offset) in entries {
            let y = sheet.bottom() + 56.0 + LEGEND_STEP * line as f64;
            let x = sheet.left + offset;
            let (color, dashes) = role_color(figure, Role::Group(index));
            scene.dashed(vec![(x, y - 4.0), (x + 22.0, y - 4.0)], color, 2.4, 1.0, dashes);
            scene.text(Text::new(x + 28.0, y, LEGEND_SIZE, figure.groups[index].clone()));
        }
    }
    scene
}

fn draw(scene: &mut Scene, figure: &Figure, content: &figure::Panel, panel: &Panel) {
    panel.grid(scene);
    for limit in &content.limits {
        let Some(share) = panel.y.share(limit.value) else { continue };
        let y = panel.bottom() - share * panel.height;
        scene.dashed(vec![(panel.left, y), (panel.right(), y)], Color::LIMIT, 1.1, 1.0, LIMIT_DASHES);
        // Beside the panel: curves lie at their limit, and would run through a name within.
        scene.text(Text::new(panel.right() + 5.0, y + 4.0, 10.5, limit.name.clone()).color(Color::QUIET));
    }
    for band in &content.series {
        if let Series::Band(band) = band {
            series::band(scene, panel, figure, band, STROKES);
        }
    }
    for line in content.lines() {
        series::line(scene, panel, figure, line, STROKES, (0.0, None));
    }
    if let Some(remark) = &content.remark {
        let (x, y) = (panel.left + panel.width / 2.0, panel.top + panel.height / 2.0);
        scene.text(Text::new(x, y, 12.0, remark.clone()).anchor(Anchor::Middle).color(Color::QUIET));
    }
}
