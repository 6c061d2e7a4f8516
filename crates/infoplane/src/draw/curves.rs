//! The sheet of curves side by side: anything against anything.

use super::{
    Anchor, Color, DASHES, LEGEND_SIZE, LEGEND_STEP, Mark, Panel, Scale, Scene, Sheet, Style, Text,
    legend_lines, role_color,
};
use crate::figure::{self, Band, Figure, Key, MarkStyle, Of, Role, Series};

const NARROW: (f64, f64) = (236.0, 190.0);
const WIDE: (f64, f64) = (340.0, 240.0);
const LIMIT_DASHES: &[f32] = &[4.0, 3.0];
const THEORY_DASHES: &[f32] = &[3.0, 3.0];
/// What an entry of the legend takes beside its name.
const ENTRY: f64 = 48.0;

pub(super) fn scene(figure: &Figure, style: Style) -> Scene {
    let (column_names, row_names) = figure.grid_names();
    let columns = column_names.len().max(1);
    let mut sheet = Sheet {
        columns,
        rows: figure.panels.len().div_ceil(columns).max(1),
        panel: style.panel(if columns > 2 { NARROW } else { WIDE }),
        gap: (74.0, 66.0),
        left: 78.0 + if row_names.is_empty() { 0.0 } else { 26.0 },
        right: 34.0,
        below: 0.0,
        named_columns: column_names.iter().any(|name| !name.is_empty()),
    };
    let legend = legend(figure);
    let names: Vec<String> = legend.iter().map(|entry| entry.name.clone()).collect();
    let lines = legend_lines(&names, ENTRY, sheet.end() - sheet.left);
    sheet.below = if names.is_empty() { 0.0 } else { LEGEND_STEP * lines.len() as f64 + 8.0 };
    let notes: Vec<String> = figure.notes.iter().map(|note| note.text.clone()).collect();
    let mut scene = sheet.scene(&figure.title, &figure.subtitle(), &notes);
    sheet.name_columns(&mut scene, column_names);
    sheet.name_rows(&mut scene, row_names);
    // Lines that carry marks are wider, so that they are seen between them.
    let marked = figure.panels.iter().any(|panel| panel.points().next().is_some());
    for (index, content) in figure.panels.iter().enumerate() {
        let (left, top) = sheet.at(index / columns, index % columns);
        let (x, y) = (Scale::of(&content.x), Scale::of(&content.y));
        let panel = Panel { left, top, width: sheet.panel.0, height: sheet.panel.1, x, y };
        draw(&mut scene, figure, content, &panel, if marked { 1.7 } else { 1.5 });
    }
    for (line, entries) in lines.iter().enumerate() {
        for &(index, offset) in entries {
            let (x, y) = (sheet.left + offset, sheet.bottom() + 56.0 + LEGEND_STEP * line as f64);
            let entry = &legend[index];
            if let Some(dashes) = entry.dashes {
                scene.dashed(vec![(x, y - 4.0), (x + 22.0, y - 4.0)], entry.color, 2.2, 1.0, dashes);
            }
            if let Some(marks) = entry.marks {
                scene.marks.push(mark((x + 11.0, y - 4.0), entry.color, marks));
            }
            scene.text(Text::new(x + 28.0, y, LEGEND_SIZE, entry.name.clone()));
        }
    }
    scene
}

/// An entry of the legend.
struct Entry {
    name: String,
    color: Color,
    /// The dashes of its line, if it has one.
    dashes: Option<&'static [f32]>,
    marks: Option<MarkStyle>,
}

/// The layers that series name, then what else the figure explains.
fn legend(figure: &Figure) -> Vec<Entry> {
    let shown = |layer: usize| {
        let mut lines = figure.panels.iter().flat_map(figure::Panel::lines);
        lines.any(|line| line.role == Role::Layer(layer))
    };
    let layers = figure.layers.iter().filter(|layer| shown(layer.layer)).map(|layer| {
        let (color, dashes) = role_color(figure, Role::Layer(layer.layer));
        Entry { name: layer.name.clone(), color, dashes: Some(dashes), marks: None }
    });
    let mut legend: Vec<Entry> = layers.collect();
    for entry in &figure.legend {
        let dashes = |dashed| Some(if dashed { DASHES } else { &[][..] });
        let (color, dashes, marks) = match entry.key {
            Key::Line { dashed } => (Color::INK, dashes(dashed), None),
            Key::LayerLine { dashed } => (Color::QUIET, dashes(dashed), None),
            Key::MarkedLine { dashed, marks } => (Color::QUIET, dashes(dashed), Some(marks)),
            Key::Marks { role, marks } => {
                (role.map_or(Color::QUIET, |role| role_color(figure, role).0), None, Some(marks))
            }
            _ => continue,
        };
        legend.push(Entry { name: entry.name.clone(), color, dashes, marks });
    }
    legend
}

fn draw(scene: &mut Scene, figure: &Figure, content: &figure::Panel, panel: &Panel, width: f64) {
    panel.grid(scene);
    for limit in &content.limits {
        let Some(share) = panel.y.share(limit.value) else { continue };
        let y = panel.bottom() - share * panel.height;
        scene.dashed(vec![(panel.left, y), (panel.right(), y)], Color::LIMIT, 1.0, 1.0, LIMIT_DASHES);
        let text = Text::new(panel.right() - 4.0, y - 4.0, 10.5, limit.name.clone());
        scene.text(text.anchor(Anchor::End).color(Color::QUIET));
    }
    for series in &content.series {
        if let Series::Band(band) = series {
            draw_band(scene, panel, band, role_color(figure, band.role).0);
        }
    }
    for series in &content.series {
        match series {
            Series::Line(line) => {
                let (color, own) = role_color(figure, line.role);
                let (width, dashes) = match (line.of, line.dashed) {
                    (Of::Theory, _) => (0.9, THEORY_DASHES),
                    (_, true) => (width, DASHES),
                    (_, false) => (width, own),
                };
                panel.curve(scene, line.points.iter().copied(), color, width, 1.0, dashes);
            }
            Series::Points(points) => {
                let (color, _) = role_color(figure, points.role);
                let places = points.points.iter().filter_map(|point| panel.at(point.x, point.y));
                scene.marks.extend(places.map(|place| mark(place, color, points.marks)));
            }
            _ => {}
        }
    }
    if let Some(remark) = &content.remark {
        let text = Text::new(panel.left + 12.0, panel.top + 40.0, 11.0, remark.clone());
        scene.text(text.color(Color::QUIET));
    }
    panel.axes(scene, &content.x.title(), &content.y.title());
}

fn mark((x, y): (f64, f64), color: Color, marks: MarkStyle) -> Mark {
    let (fill, outline) = match marks {
        MarkStyle::Filled => (color, Some((Color::WHITE, 0.5))),
        MarkStyle::Hollow => (Color::WHITE, Some((color, 1.2))),
    };
    Mark::Circle { x, y, radius: 3.1, fill, opacity: 1.0, outline }
}

fn draw_band(scene: &mut Scene, panel: &Panel, band: &Band, fill: Color) {
    // Beyond the axis a band goes on along the frame.
    let inside = |y: f64| panel.y.inside(y);
    let edge = |value: fn(&(f64, f64, f64)) -> f64| {
        band.points.iter().filter_map(move |point| panel.at(point.0, inside(value(point))))
    };
    let mut points: Vec<(f64, f64)> = edge(|point| point.1).collect();
    points.extend(edge(|point| point.2).collect::<Vec<_>>().into_iter().rev());
    if points.len() > 3 {
        scene.marks.push(Mark::Shape { points, fill, opacity: 0.12, outline: None });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::layer_color;
    use crate::figure::{Axis, FigureKind, Line, ShownLayer};

    #[test]
    fn the_legend_has_the_layers_that_are_drawn_in_their_colours_among_all() {
        let line = Line::new(Role::Layer(4), Of::Mean, vec![(0.0, 0.0), (1.0, 1.0)]);
        let axis = Axis::linear("x", "", [0.0, 1.0], 0.0);
        let panel = figure::Panel {
            name: String::new(),
            x: axis.clone(),
            y: axis,
            series: vec![Series::Line(line)],
            limits: vec![],
            remark: None,
        };
        let layer = |layer| ShownLayer { layer, name: format!("T{layer}"), called: format!("T{layer}") };
        let figure = Figure::bare(FigureKind::Curves, (1..=6).map(layer).collect(), panel);
        let legend: Vec<(String, Color)> =
            legend(&figure).into_iter().map(|entry| (entry.name, entry.color)).collect();
        assert_eq!(legend, [("T4".to_string(), layer_color(3, 6).0)]);
    }
}
