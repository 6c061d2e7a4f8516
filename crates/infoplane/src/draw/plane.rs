//! The sheet of an information plane.

use super::labels::{self, Area};
use super::{
    Anchor, Color, LABEL_SIZE, LEGEND_SIZE, LEGEND_STEP, LIMIT_DASHES, Mark, Panel, Scale, Scene, Style,
    Text, Weight, color_bar, layer_color, legend_lines, legend_names, marker, mean_path, note_height,
    note_lines, role_color, seed_paths, shortened_name, text_width, write_notes, write_title,
};
use crate::figure::{self, Direction, Figure, Of, Path};

const LEFT: f64 = 64.0;
const TOP: f64 = 78.0;
const PLOT: (f64, f64) = (584.0, 430.0);
/// Room for the name of a limit and for the bar of epochs.
const RIGHT: f64 = 152.0;
const LINE: f64 = 14.0;
/// What an entry of the legend takes beside its name.
const ENTRY: f64 = 34.0;

/// The whole figure, or, on the same sheet, what was measured up to an epoch.
pub(super) fn scene(figure: &Figure, style: Style, until: Option<u64>) -> Scene {
    let Some(content) = figure.panels.first() else { return Scene::new(1.0, 1.0) };
    let (width, height) = style.panel(PLOT);
    let (x, y) = (Scale::of(&content.x), Scale::of(&content.y));
    let panel = Panel { left: LEFT, top: TOP, width, height, x, y };
    let means: Vec<&Path> =
        content.paths().filter(|path| path.of == Of::Mean && !path.points.is_empty()).collect();
    let seeds: Vec<&Path> = content.paths().filter(|path| matches!(path.of, Of::Seed(_))).collect();
    let place = |path: &Path| figure.place_of(path.layer).unwrap_or(0);
    let color = |path: &Path| layer_color(place(path), figure.layers.len()).0;

    let mut ink = labels::Ink::new(&panel, content);
    let curve = theory(figure);
    let curve_name = curve.and_then(|points| curve_area(&panel, points, &ink));
    ink.taken.extend(curve_name);
    let names: Vec<(usize, String, (f64, f64))> = means
        .iter()
        .filter_map(|path| {
            let end = path.points.last().and_then(|point| panel.at(point.x, point.y))?;
            Some((place(path), figure.layers.get(place(path))?.name.clone(), end))
        })
        .collect();
    // Names at the ends of the paths would point to nothing while the paths still grow.
    let blocks = if until.is_some() { None } else { labels::place(&panel, &names, ink) };

    let sheet_width = LEFT + width + RIGHT;
    let legend_width = sheet_width - LEFT - 24.0;
    let (places, shown): (Vec<Option<usize>>, Vec<String>) = legend_names(figure)
        .into_iter()
        .map(|(place, name)| (place, shortened_name(&name, LEGEND_SIZE, legend_width - ENTRY)))
        .unzip();
    let legend = if blocks.is_some() { vec![] } else { legend_lines(&shown, ENTRY, legend_width) };
    let notes: Vec<String> = figure.notes.iter().map(|note| note.text.clone()).collect();
    let notes = note_lines(&notes, sheet_width - 2.0 * 24.0);
    let below = TOP + height + 56.0 + LEGEND_STEP * legend.len() as f64;
    let mut scene = Scene::new(sheet_width, below + 2.0 + note_height(&notes) + 10.0);
    write_title(&mut scene, LEFT, &figure.title, &figure.subtitle());

    panel.grid(&mut scene);
    limits(&mut scene, &panel, content);
    for line in content.lines() {
        let (color, dashes, width) = match line.dashed {
            true => (Color::LIMIT, LIMIT_DASHES, 1.1),
            false => (role_color(figure, line.role).0, &[][..], 1.6),
        };
        panel.curve(&mut scene, line.points.iter().copied(), color, width, 1.0, dashes);
    }
    let seeds: Vec<(&Path, Color)> = seeds.into_iter().map(|path| (path, color(path))).collect();
    let (seeds_until, means_until): (Vec<Path>, Vec<Path>);
    let (seeds, drawn) = match until {
        None => (seeds, means.clone()),
        Some(epoch) => {
            seeds_until = seeds.iter().map(|(path, _)| path.until(epoch)).collect();
            means_until = means.iter().map(|path| path.until(epoch)).collect();
            let colors = seeds.iter().map(|&(_, color)| color);
            (seeds_until.iter().zip(colors).collect(), means_until.iter().collect())
        }
    };
    seed_paths(&mut scene, &panel, &seeds);
    let moves = figure.only_epoch().is_none();
    let all_epochs = content.paths().flat_map(|path| path.points.iter().map(|point| point.epoch));
    let epochs = moves.then(|| Scale::epochs(all_epochs));
    for path in &drawn {
        // Wide layers lie on one another at the limit; the earlier ones are larger and show below the later.
        let n = figure.layers.len();
        let radius = 3.0 + 1.6 * (n - 1 - place(path)) as f64 / n as f64;
        mean_path(&mut scene, &panel, path, (place(path), radius), (color(path), &[], epochs));
    }
    panel.axes(&mut scene, &content.x.title(), &content.y.title());
    if let (Some(area), Some(points)) = (curve_name, curve) {
        name_curve(&mut scene, area, points);
    }
    let key = |index: usize| layer_color(index, figure.layers.len()).0;
    labels::write(&mut scene, &blocks.unwrap_or_default(), key);
    if let Some(epochs) = epochs {
        color_bar(&mut scene, &panel, epochs, until);
    }
    for (line, entries) in legend.iter().enumerate() {
        for &(index, offset) in entries {
            let (x, y) = (LEFT + offset, TOP + height + 60.0 + LEGEND_STEP * line as f64);
            if let Some(place) = places[index] {
                scene.marks.push(marker(place, (x + 6.0, y - 4.0), 4.2, key(place)));
            }
            scene.text(Text::new(x + 16.0, y, LEGEND_SIZE, shown[index].clone()));
        }
    }
    write_notes(&mut scene, 24.0, below, &notes);
    scene
}

/// H(X) and H(Y), with their names: no layer of the exact quantities can lie beyond.
pub(super) fn limits(scene: &mut Scene, panel: &Panel, content: &figure::Panel) {
    for limit in &content.limits {
        match limit.axis {
            Direction::X => {
                let Some(share) = panel.x.share(limit.value) else { continue };
                let x = panel.left + share * panel.width;
                let line = vec![(x, panel.bottom()), (x, panel.top)];
                scene.dashed(line, Color::LIMIT, 1.1, 1.0, LIMIT_DASHES);
                let label = format!("{} = {}", limit.name, limit.text);
                let half = text_width(&label, LABEL_SIZE, Weight::Regular) / 2.0;
                let x = x.min(panel.right() + 20.0 - half);
                let text = Text::new(x, panel.top - 6.0, LABEL_SIZE, label);
                scene.text(text.anchor(Anchor::Middle).color(Color::QUIET));
            }
            Direction::Y => {
                let Some(share) = panel.y.share(limit.value) else { continue };
                let y = panel.bottom() - share * panel.height;
                let line = vec![(panel.left, y), (panel.right(), y)];
                scene.dashed(line, Color::LIMIT, 1.1, 1.0, LIMIT_DASHES);
                let lines = [format!("{} =", limit.name), limit.text.clone()];
                for (line, content) in lines.into_iter().enumerate() {
                    let y = y + 1.0 + 13.0 * line as f64;
                    scene.text(Text::new(panel.right() + 6.0, y, LABEL_SIZE, content).color(Color::QUIET));
                }
            }
        }
    }
}

/// The points of the curve of theory, if the figure has one.
fn theory(figure: &Figure) -> Option<&[(f64, f64)]> {
    let lines = figure.panels.iter().flat_map(|panel| panel.lines());
    lines.filter(|line| line.of == Of::Theory && !line.dashed).map(|line| &line.points[..]).next()
}

fn curve_words(points: &[(f64, f64)]) -> [String; 3] {
    let i_xy = points.last().map_or(0.0, |point| point.1);
    ["information-bottleneck".into(), "curve of the rule,".into(), format!("I(X;Y) = {i_xy:.2}")]
}

/// Where the name of the curve stands: beside it, at a height where it covers nothing.
fn curve_area(panel: &Panel, points: &[(f64, f64)], ink: &labels::Ink) -> Option<Area> {
    let width = |line: &String| text_width(line, LABEL_SIZE, Weight::Regular);
    let width = curve_words(points).iter().map(width).fold(0.0, f64::max);
    let i_xy = points.last()?.1;
    let area = |height: f64| {
        let &(x, y) = points.iter().find(|point| point.1 >= height * i_xy)?;
        let (x, y) = panel.at(x, y)?;
        let left = x + 12.0;
        Some((left, y - 1.5 * LINE, left + width, y + 1.5 * LINE))
    };
    let areas = [0.6, 0.5, 0.7, 0.4, 0.8, 0.3, 0.9, 0.2].into_iter().filter_map(area);
    areas.into_iter().find(|&area| area.2 < panel.right() - 3.0 && !ink.is_covered(area))
}

fn name_curve(scene: &mut Scene, area: Area, points: &[(f64, f64)]) {
    let corners = vec![(area.0, area.1), (area.2, area.1), (area.2, area.3), (area.0, area.3)];
    scene.marks.push(Mark::Shape { points: corners, fill: Color::WHITE, opacity: 0.75, outline: None });
    for (line, content) in curve_words(points).into_iter().enumerate() {
        let baseline = area.1 + LINE * (line as f64 + 1.0) - 3.2;
        scene.text(Text::new(area.0, baseline, LABEL_SIZE, content).color(Color::QUIET));
    }
}
