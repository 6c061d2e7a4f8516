//! The sheet of several information planes: on the same axes, in rows and columns, or of several groups in one panel.

use super::{
    Color, LEGEND_SIZE, LEGEND_STEP, Panel, Scale, Scene, Sheet, Style, Text, color_bar, layer_color,
    legend_lines, legend_names, marker, mean_path, plane, remark, role_color, seed_paths, shortened_name,
};
use crate::figure::{self, Direction, Figure, Of, Path, Role};

const LIMIT_DASHES: &[f32] = &[4.0, 3.0];
/// A single panel has the room of a whole figure.
const ALONE: (f64, f64) = (560.0, 420.0);
const NARROW: (f64, f64) = (258.0, 208.0);
const WIDE: (f64, f64) = (340.0, 262.0);
const ENTRY: f64 = 34.0;

pub(super) fn scene(figure: &Figure, style: Style) -> Scene {
    let (column_names, row_names) = figure.grid_names();
    let columns = column_names.len().max(1);
    let panel = style.panel(match figure.panels.len() {
        1 => ALONE,
        _ if columns > 2 => NARROW,
        _ => WIDE,
    });
    let alone = is_alone(figure);
    // Names of panels stand where else a column's name stands above the first row only.
    let named_panels = figure.panels.iter().any(|panel| !panel.name.is_empty());
    let mut sheet = Sheet {
        columns,
        rows: figure.panels.len().div_ceil(columns).max(1),
        panel,
        gap: (40.0, if named_panels { 62.0 } else { 38.0 }),
        left: 66.0 + Sheet::room_of_names(row_names),
        right: if alone { 138.0 } else { 96.0 },
        below: 0.0,
        named_columns: figure.panels.len() > 1,
    };
    let groups = legend_lines(&figure.groups, ENTRY, sheet.end() - sheet.left);
    let group_lines = if figure.groups.is_empty() { 0 } else { groups.len() };
    let legend_width = sheet.end() - sheet.left;
    let (places, names): (Vec<Option<usize>>, Vec<String>) = legend_names(figure)
        .into_iter()
        .map(|(place, name)| (place, shortened_name(&name, LEGEND_SIZE, legend_width - ENTRY)))
        .unzip();
    let lines = legend_lines(&names, ENTRY, legend_width);
    sheet.below = LEGEND_STEP * (lines.len() + group_lines) as f64 + 8.0;
    let notes: Vec<String> = figure.notes.iter().map(|note| note.text.clone()).collect();
    let mut scene = sheet.scene(&figure.title, &figure.subtitle(), &notes);
    sheet.name_columns(&mut scene, column_names);
    sheet.name_rows(&mut scene, row_names);

    let means = || figure.panels.iter().flat_map(figure::Panel::paths).filter(|path| path.of == Of::Mean);
    let epochs = Scale::epochs(means().flat_map(|path| path.points.iter().map(|point| point.epoch)));
    let moves = figure.only_epoch().is_none();
    for (index, content) in figure.panels.iter().enumerate() {
        let (left, top) = sheet.at(index / columns, index % columns);
        let (x, y) = (Scale::of(&content.x), Scale::of(&content.y));
        let place = Panel { left, top, width: panel.0, height: panel.1, x, y };
        if !content.name.is_empty() {
            sheet.name_panel(&mut scene, index, &content.name);
        }
        let lowest = index + columns >= figure.panels.len();
        draw(&mut scene, figure, content, &place, moves.then_some(epochs));
        let x_name = if lowest { content.x.title() } else { String::new() };
        let y_name = if index.is_multiple_of(columns) { content.y.title() } else { String::new() };
        place.axes(&mut scene, &x_name, &y_name);
        words(&mut scene, content, &place);
    }
    if let (Some(content), true) = (figure.panels.first(), moves) {
        let (left, top) = sheet.at(0, columns - 1);
        let (x, y) = (Scale::of(&content.x), Scale::of(&content.y));
        // Beside the last column, along all rows.
        // Beyond the names of the limits, where a single panel has them.
        let left = if alone { left } else { left - 42.0 };
        let along = Panel { left, top, width: panel.0, height: sheet.bottom() - top, x, y };
        color_bar(&mut scene, &along, epochs, None);
    }
    let line_at = |line: usize| sheet.bottom() + 56.0 + LEGEND_STEP * line as f64;
    for (line, entries) in groups.iter().enumerate().take(group_lines) {
        for &(index, offset) in entries {
            let (x, y) = (sheet.left + offset, line_at(line));
            let (color, dashes) = role_color(figure, Role::Group(index));
            scene.dashed(vec![(x - 4.0, y - 4.0), (x + 12.0, y - 4.0)], color, 2.2, 1.0, dashes);
            scene.text(Text::new(x + 16.0, y, LEGEND_SIZE, figure.groups[index].clone()));
        }
    }
    for (line, entries) in lines.iter().enumerate() {
        for &(index, offset) in entries {
            let (x, y) = (sheet.left + offset, line_at(group_lines + line));
            if let Some(place) = places[index] {
                // Where colours tell groups apart, markers alone tell layers apart.
                let own = layer_color(place, figure.layers.len()).0;
                let color = if figure.groups.is_empty() { own } else { Color::QUIET };
                scene.marks.push(marker(place, (x + 6.0, y - 4.0), 3.8, color));
            }
            scene.text(Text::new(x + 16.0, y, LEGEND_SIZE, names[index].clone()));
        }
    }
    scene
}

/// Whether there is one panel without a name above it: then the names of its limits have room beside it.
fn is_alone(figure: &Figure) -> bool {
    let mut columns = figure.grid.iter().flat_map(|grid| &grid.columns);
    figure.panels.len() == 1 && columns.all(String::is_empty)
}

fn draw(scene: &mut Scene, figure: &Figure, content: &figure::Panel, panel: &Panel, epochs: Option<Scale>) {
    panel.grid(scene);
    // Of several panels the notes name the lines.
    let alone = is_alone(figure);
    if alone {
        plane::limits(scene, panel, content);
    }
    for limit in content.limits.iter().filter(|_| !alone) {
        let line = match limit.axis {
            Direction::X => {
                let Some(share) = panel.x.share(limit.value) else { continue };
                let x = panel.left + share * panel.width;
                vec![(x, panel.bottom()), (x, panel.top)]
            }
            Direction::Y => {
                let Some(share) = panel.y.share(limit.value) else { continue };
                let y = panel.bottom() - share * panel.height;
                vec![(panel.left, y), (panel.right(), y)]
            }
        };
        scene.dashed(line, Color::LIMIT, 1.0, 1.0, LIMIT_DASHES);
    }
    let place = |path: &Path| figure.place_of(path.layer).unwrap_or(0);
    let color = |path: &Path| match path.group {
        Some(group) => role_color(figure, Role::Group(group)),
        None => (layer_color(place(path), figure.layers.len()).0, &[][..]),
    };
    let seeds: Vec<(&Path, Color)> =
        content.paths().filter(|path| path.of != Of::Mean).map(|path| (path, color(path).0)).collect();
    seed_paths(scene, panel, &seeds);
    let means: Vec<&Path> = content.paths().filter(|path| path.of == Of::Mean).collect();
    let n = means.iter().map(|path| place(path) + 1).max().unwrap_or(1);
    for path in means {
        let radius = 2.5 + 1.3 * (n - 1 - place(path)) as f64 / n as f64;
        let (color, dashes) = color(path);
        mean_path(scene, panel, path, (place(path), radius), (color, dashes, epochs));
    }
}

/// The remark of a panel, in its lower right corner.
fn words(scene: &mut Scene, content: &figure::Panel, panel: &Panel) {
    let Some(text) = &content.remark else { return };
    // Before the limit, or its line would run through the words.
    let limit = content.limits.iter().find(|limit| limit.axis == Direction::X);
    let limit = limit.and_then(|limit| panel.x.share(limit.value));
    let limit = limit.map(|share| panel.left + share * panel.width);
    let end = limit.filter(|x| *x > panel.left + panel.width / 2.0).unwrap_or(panel.right());
    remark(scene, (end - 6.0, panel.bottom() - 8.0), end - panel.left - 12.0, text);
}
