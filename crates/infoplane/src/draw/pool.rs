//! The sheet of pooled networks: two panels in a row, of lines with marks or of bars, and the legend beside them.

use super::bars::{self, open};
use super::series::error_bar;
use super::{
    Anchor, Color, DASHES, LEGEND_SIZE, LEGEND_STEP, LIMIT_DASHES, Mark, Panel, Scale, Scene, Style, Text,
    Weight, note_height, note_lines, role_color, text_width, write_notes, write_title,
};
use crate::figure::{self, BarStyle, Bars, Figure, Key, Line, MarkStyle, Of, Reference, Role, Series};

const TOP: f64 = 66.0;
const PANEL: (f64, f64) = (290.0, 280.0);
const LEFT: f64 = 60.0;
/// From the right side of a panel to the left side of the next: its ticks and its name.
const GAP: f64 = 74.0;
/// From the bottom of a panel to the top of the panel below.
const BETWEEN: f64 = 56.0;
/// What is free to the right of the panels at least, without and with a legend.
const RIGHT: [f64; 2] = [26.0, 146.0];
/// More lines of single seeds than this are faint.
const MOST_SEEDS: usize = 7;

pub(super) fn scene(figure: &Figure, style: Style) -> Scene {
    let (width, height) = style.panel(PANEL);
    let lefts = [LEFT, LEFT + width + GAP];
    let legend = legend(figure);
    let legend_left = lefts[1] + width + 16.0;
    let widest =
        legend.iter().map(|(_, name)| text_width(name, LEGEND_SIZE, Weight::Regular)).fold(0.0, f64::max);
    let least = lefts[1] + width + RIGHT[usize::from(!legend.is_empty())];
    let sheet_width = (legend_left + 28.0 + widest + 16.0).max(least);
    let notes: Vec<String> = figure.notes.iter().map(|note| note.text.clone()).collect();
    let notes = note_lines(&notes, sheet_width - 2.0 * 24.0);
    let rows = figure.panels.len().div_ceil(2);
    let panels = TOP + rows as f64 * (height + BETWEEN);
    let bottom = panels.max(TOP + 16.0 + LEGEND_STEP * legend.len() as f64);
    let mut scene = Scene::new(sheet_width, bottom + note_height(&notes) + 12.0);
    write_title(&mut scene, LEFT, &figure.title, &figure.subtitle());
    for (index, (key, name)) in legend.iter().enumerate() {
        let y = TOP + 8.0 + LEGEND_STEP * index as f64;
        draw_key(&mut scene, (legend_left, y), *key);
        scene.text(Text::new(legend_left + 28.0, y + 4.0, LEGEND_SIZE, name.clone()));
    }
    write_notes(&mut scene, 24.0, bottom, &notes);
    for (index, content) in figure.panels.iter().enumerate() {
        let top = TOP + (height + BETWEEN) * (index / 2) as f64;
        let (x, y) = (Scale::of(&content.x), Scale::of(&content.y));
        let panel = Panel { left: lefts[index % 2], top, width, height, x, y };
        draw(&mut scene, figure, content, &panel);
    }
    scene
}

/// How a line of the legend is marked.
#[derive(Debug, Clone, Copy)]
enum Shown {
    Line(Color, &'static [f32]),
    Bar(Color, f64),
    Open(Color),
}

/// The layers, then what else the figure explains; where it explains nothing, the groups, if there are several.
fn legend(figure: &Figure) -> Vec<(Shown, String)> {
    let line = |role: Role| {
        let (color, dashes) = role_color(figure, role);
        Shown::Line(color, dashes)
    };
    let layers = figure.layers.iter().map(|layer| (line(Role::Layer(layer.layer)), layer.name.clone()));
    let mut legend: Vec<(Shown, String)> = layers.collect();
    if figure.legend.is_empty() && figure.groups.len() > 1 {
        let groups = figure.groups.iter().enumerate();
        legend.extend(groups.map(|(index, name)| (line(Role::Group(index)), name.clone())));
    }
    let color = |role: Option<Role>| role.map_or(Color::QUIET, |role| role_color(figure, role).0);
    for entry in &figure.legend {
        let shown = match entry.key {
            Key::Reference(reference) => Shown::Line(Color::QUIET, stroke(reference).2),
            Key::Marks { role, .. } => Shown::Open(color(role)),
            Key::Bars { style: BarStyle::Open, .. } => Shown::Open(Color::INK),
            Key::Bars { role, style } => Shown::Bar(color(role), bars::opacity(style)),
            Key::Line { dashed } => Shown::Line(Color::INK, if dashed { DASHES } else { &[] }),
            _ => continue,
        };
        legend.push((shown, entry.name.clone()));
    }
    legend
}

fn draw_key(scene: &mut Scene, (left, y): (f64, f64), key: Shown) {
    match key {
        Shown::Line(color, dashes) => {
            scene.dashed(vec![(left, y), (left + 22.0, y)], color, 2.2, 1.0, dashes);
        }
        Shown::Bar(fill, opacity) => {
            scene.marks.push(bars::rectangle((left + 4.0, y - 6.0), (left + 18.0, y + 6.0), fill, opacity));
        }
        Shown::Open(color) => scene.marks.push(open((left + 11.0, y), color)),
    }
}

/// Width, opacity and dashes of a line that others are compared with.
fn stroke(reference: Reference) -> (f64, f64, &'static [f32]) {
    match reference {
        Reference::Shuffled => (1.1, 0.75, &[4.0, 3.0]),
        Reference::Contiguous => (0.9, 0.8, &[]),
        Reference::OneNetwork => (0.9, 0.6, &[1.2, 2.6]),
        Reference::Limit => (0.9, 0.6, &[]),
    }
}

fn draw(scene: &mut Scene, figure: &Figure, content: &figure::Panel, panel: &Panel) {
    panel.grid(scene);
    for limit in &content.limits {
        draw_limit(scene, panel, limit.value, &limit.name);
    }
    let bars: Vec<&Bars> = content.bars().collect();
    bars::draw(scene, panel, figure, &bars, content.x.places.len());
    let n_seeds = content.lines().filter(|line| matches!(line.of, Of::Seed(_))).count();
    for series in &content.series {
        match series {
            Series::Line(line) => draw_line(scene, panel, figure, line, n_seeds),
            Series::Points(points) => draw_points(scene, panel, figure, points),
            _ => {}
        }
    }
    panel.axes(scene, &content.x.title(), &content.y.title());
    bars::name_places(scene, panel, &content.x.places);
}

/// A dashed line across the panel, with its name.
fn draw_limit(scene: &mut Scene, panel: &Panel, value: f64, name: &str) {
    let Some(share) = panel.y.share(value) else { return };
    let y = panel.bottom() - share * panel.height;
    scene.dashed(vec![(panel.left, y), (panel.right(), y)], Color::LIMIT, 1.1, 1.0, LIMIT_DASHES);
    // Letters above a line so close to the frame would run through the frame.
    if y - panel.top < 12.0 {
        let text = Text::new(panel.right() + 4.0, y + 4.0, 10.5, name);
        scene.text(text.color(Color::QUIET));
        return;
    }
    // A mark at infinity is 12 points from the frame.
    let right = panel.right() - if matches!(panel.x, Scale::Doublings { .. }) { 22.0 } else { 4.0 };
    scene.text(Text::new(right, y - 4.0, 10.5, name).anchor(Anchor::End).color(Color::QUIET));
}

fn draw_line(scene: &mut Scene, panel: &Panel, figure: &Figure, line: &Line, n_seeds: usize) {
    let (color, own) = role_color(figure, line.role);
    let (width, opacity, dashes) = match (line.reference, line.of) {
        (Some(reference), _) => stroke(reference),
        (None, Of::Theory) => (1.1, 1.0, LIMIT_DASHES),
        (None, Of::Seed(_)) => (1.1, if n_seeds > MOST_SEEDS { 0.5 } else { 1.0 }, &[][..]),
        (None, Of::Mean) => (1.8, 1.0, own),
    };
    panel.curve(scene, line.points.iter().copied(), color, width, opacity, dashes);
    let Some(name) = &line.name else { return };
    // At the last point below the upper edge that leaves room for it.
    let places = line.points.iter().skip(1).rev().filter_map(|&(x, y)| panel.at(x, y));
    if let Some((x, y)) = places.into_iter().find(|place| place.1 > panel.top + 14.0) {
        let text = Text::new(x - 6.0, y + 4.0, 10.5, name.clone());
        scene.text(text.anchor(Anchor::End).color(Color::QUIET));
    }
}

fn draw_points(scene: &mut Scene, panel: &Panel, figure: &Figure, points: &figure::Points) {
    let (color, _) = role_color(figure, points.role);
    for point in &points.points {
        error_bar(scene, panel, (point.x, point.y), point.error, color);
        let Some((x, y)) = panel.at(point.x, point.y) else { continue };
        scene.marks.push(match points.marks {
            MarkStyle::Filled => Mark::Circle { x, y, radius: 2.2, fill: color, opacity: 1.0, outline: None },
            MarkStyle::Hollow => open((x, y), color),
        });
    }
}
