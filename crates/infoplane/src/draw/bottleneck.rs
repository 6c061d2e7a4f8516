//! The sheet of an information-bottleneck curve.

use super::{
    Anchor, Color, LABEL_SIZE, LIMIT_DASHES, Mark, Panel, Scale, Scene, Style, Text, note_height, note_lines,
    role_color, write_notes, write_title,
};
use crate::figure::axis::NO_BITS;
use crate::figure::{self, Figure};
use crate::math;

const LEFT: f64 = 64.0;
const TOP: f64 = 78.0;
const PLOT: (f64, f64) = (490.0, 380.0);
/// Room for the names of the limits.
const RIGHT: f64 = 86.0;
/// Names of limits are at least so far apart.
const LINE: f64 = 14.0;
/// Labels of points are at least so far apart.
const LABEL_DISTANCE: f64 = 24.0;

pub(super) fn scene(figure: &Figure, style: Style) -> Scene {
    let Some(content) = figure.panels.first() else { return Scene::new(1.0, 1.0) };
    let (width, height) = style.panel(PLOT);
    let sheet_width = LEFT + width + RIGHT;
    let notes: Vec<String> = figure.notes.iter().map(|note| note.text.clone()).collect();
    let notes = note_lines(&notes, sheet_width - 2.0 * 24.0);
    let mut scene = Scene::new(sheet_width, TOP + height + 58.0 + note_height(&notes) + 10.0);
    write_title(&mut scene, LEFT, &figure.title, &figure.subtitle());
    let (x, y) = (Scale::of(&content.x), Scale::of(&content.y));
    let panel = Panel { left: LEFT, top: TOP, width, height, x, y };
    panel.grid(&mut scene);
    for line in content.lines().filter(|line| line.dashed) {
        panel.curve(&mut scene, line.points.iter().copied(), Color::LIMIT, 1.1, 1.0, LIMIT_DASHES);
    }
    limits(&mut scene, &panel, content);
    for line in content.lines().filter(|line| !line.dashed) {
        let (color, dashes) = role_color(figure, line.role);
        panel.curve(&mut scene, line.points.iter().copied(), color, 1.6, 1.0, dashes);
    }
    for points in content.points() {
        let (fill, _) = role_color(figure, points.role);
        for (x, y) in points.points.iter().filter_map(|point| panel.at(point.x, point.y)) {
            scene.marks.push(Mark::Circle { x, y, radius: 2.4, fill, opacity: 1.0, outline: None });
        }
        labels(&mut scene, &panel, points);
    }
    panel.axes(&mut scene, &content.x.title(), &content.y.title());
    write_notes(&mut scene, 24.0, TOP + height + 56.0, &notes);
    scene
}

/// Limits, as far as the curves go, with their names beside the panel.
fn limits(scene: &mut Scene, panel: &Panel, content: &figure::Panel) {
    let ends = content.lines().flat_map(|line| &line.points).map(|point| point.0);
    // A curve that is a point goes nowhere; its limits still have lines.
    let end = Some(ends.fold(0.0, f64::max)).filter(|&end| end > NO_BITS).unwrap_or(content.x.high);
    for limit in &content.limits {
        let ends = [(0.0, limit.value), (end, limit.value)];
        panel.curve(scene, ends, Color::LIMIT, 1.1, 1.0, LIMIT_DASHES);
    }
    let mut above: Option<(f64, f64)> = None;
    for limit in &content.limits {
        let Some((_, y)) = panel.at(0.0, limit.value) else { continue };
        let baseline = above.map_or(y + 1.0, |(above, baseline)| baseline + (y - above).max(LINE));
        let text = Text::new(panel.right() + 6.0, baseline, LABEL_SIZE, limit.name.clone());
        scene.text(text.color(Color::QUIET));
        above = Some((y, baseline));
    }
}

/// Labels where they change, as far as they stand apart.
fn labels(scene: &mut Scene, panel: &Panel, points: &figure::Points) {
    let mut written: Option<((f64, f64), &str)> = None;
    for point in &points.points {
        let (Some(place), Some(label)) = (panel.at(point.x, point.y), point.label.as_deref()) else {
            continue;
        };
        let far = |old: (f64, f64)| math::hypot(old.0 - place.0, old.1 - place.1) > LABEL_DISTANCE;
        if written.is_none_or(|(old, before)| before != label && far(old)) {
            // Within the panel, however close to its lower edge the point is.
            let baseline = (place.1 + 14.0).min(panel.bottom() - 3.0);
            let text = Text::new(place.0 + 5.0, baseline, 10.0, label);
            scene.text(text.color(Color::QUIET).anchor(Anchor::Start));
            written = Some((place, label));
        }
    }
}
