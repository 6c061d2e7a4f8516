//! The sheet of the measured epochs: a strip for each seed, and their distances.

use std::collections::BTreeSet;

use super::{
    Anchor, Color, LEGEND_SIZE, LEGEND_STEP, LIMIT_DASHES, Mark, Panel, Scale, Scene, Style, Text, Weight,
    note_height, note_lines, reason_color, text_width, warning_color, wrap, write_notes, write_title,
};
use crate::figure::{self, Figure, Key, Series, Spacing};
use crate::schedule::Reason;

const TOP: f64 = 66.0;
const LEFT: f64 = 76.0;
const PLOT: (f64, f64) = (570.0, 220.0);
/// From the right side of the panels to the end of the sheet.
const RIGHT: f64 = 214.0;
/// Between two strips, and, less, between the last strip and the panel below.
const GAP: f64 = 5.0;
/// More points than this are drawn on a coarser raster: no eye would tell them apart.
const MOST_POINTS: usize = 4000;

pub(super) fn scene(figure: &Figure, style: Style) -> Scene {
    let (width, plot_height) = style.panel(PLOT);
    let is_strip = |panel: &&figure::Panel| panel.series.iter().any(|s| matches!(s, Series::Ticks(_)));
    let (strips, distances): (Vec<_>, Vec<_>) = figure.panels.iter().partition(is_strip);
    let distances = distances.first().copied();
    let height = match strips.len() {
        1 => 44.0,
        2..=4 => 26.0,
        _ => 18.0,
    };
    let below = TOP + (height + GAP) * strips.len() as f64 + 9.0;
    let axis = if distances.is_some() { below + plot_height } else { below - 9.0 - GAP };
    let legend = legend_lines(figure);

    let sheet_width = LEFT + width + RIGHT;
    let notes: Vec<String> = figure.notes.iter().map(|note| note.text.clone()).collect();
    let notes = note_lines(&notes, sheet_width - 2.0 * 24.0);
    let bottom = (axis + 56.0).max(TOP + legend_height(&legend));
    let mut scene = Scene::new(sheet_width, bottom + note_height(&notes) + 12.0);
    write_title(&mut scene, LEFT, &figure.title, &figure.subtitle());

    let halves = figure.legend.iter().any(|entry| entry.key == Key::Reason(Reason::Filling));
    for (index, content) in strips.iter().enumerate() {
        let top = TOP + (height + GAP) * index as f64;
        let (x, y) = (Scale::of(&content.x), Scale::of(&content.y));
        let strip = Panel { left: LEFT, top, width, height, x, y };
        draw_strip(&mut scene, &strip, content, halves);
        if distances.is_none() && index + 1 == strips.len() {
            strip.lower_axis(&mut scene, &content.x.title());
        }
    }
    if let Some(content) = distances {
        draw_distances(&mut scene, content, below, (width, plot_height));
    }
    draw_legend(&mut scene, LEFT + width + 18.0, &legend, halves, distances.is_some());
    write_notes(&mut scene, 24.0, bottom, &notes);
    scene
}

fn draw_strip(scene: &mut Scene, strip: &Panel, content: &figure::Panel, halves: bool) {
    strip.upright_grid(scene);
    let mut last = f64::NEG_INFINITY;
    for content in &content.series {
        let Series::Ticks(ticks) = content else { continue };
        let (low, high) = match ticks.reason {
            Reason::Section if halves => (0.52, 1.0),
            Reason::Filling => (0.0, 0.48),
            _ => (0.0, 1.0),
        };
        let mut before = f64::NEG_INFINITY;
        for &epoch in &ticks.epochs {
            let epoch = epoch as f64;
            let (Some(from), Some(to)) = (strip.at(epoch, low), strip.at(epoch, high)) else { continue };
            last = last.max(from.0);
            // Half a point is a pixel: ticks closer than that would make the file large and nothing else.
            if from.0 - before >= 0.5 {
                before = from.0;
                scene.line(vec![from, to], reason_color(ticks.reason), 1.0);
            }
        }
    }
    if let Some(remark) = &content.remark {
        write_remark(scene, strip, last + 6.0, remark);
    }
    strip.frame(scene);
    let name = Text::new(LEFT - 7.5, strip.top + strip.height / 2.0 + 4.0, 11.0, content.name.clone());
    scene.text(name.anchor(Anchor::End));
}

/// Says where a training ended that did not go as far as the others, in as much of the room that it leaves as there is.
fn write_remark(scene: &mut Scene, strip: &Panel, x: f64, remark: &str) {
    let room = strip.right() - 7.0 - x;
    let short = remark.replace("epoch ", "");
    let shortest = remark.split(' ').next().unwrap_or("");
    let fits = |text: &&str| text_width(text, 10.0, Weight::Regular) <= room;
    if let Some(text) = [remark, &short, shortest].into_iter().find(fits) {
        let y = strip.top + strip.height / 2.0 + 3.5;
        scene.text(Text::new(x, y, 10.0, text).color(Color::QUIET));
    }
}

fn draw_distances(scene: &mut Scene, content: &figure::Panel, top: f64, (width, height): (f64, f64)) {
    let (x, y) = (Scale::of(&content.x), Scale::of(&content.y));
    let panel = Panel { left: LEFT, top, width, height, x, y };
    panel.grid(scene);
    for (x, y, reason, spacing) in places(&panel, content) {
        scene.marks.push(point((x, y), reason_color(reason), spacing));
    }
    // Above the points, or a band of many would hide the line they must not cross.
    for limit in &content.limits {
        let Some(share) = panel.y.share(limit.value) else { continue };
        let y = panel.bottom() - share * panel.height;
        scene.dashed(vec![(LEFT, y), (panel.right(), y)], Color::INK, 1.1, 1.0, LIMIT_DASHES);
        let text = Text::new(panel.right() + 6.0, y + 4.0, 11.0, format!("{} = {}", limit.name, limit.text));
        scene.text(text.color(Color::QUIET));
    }
    let title = content.y.title();
    // A name longer than its axis would run into the strips.
    let fits = text_width(&title, 12.5, Weight::Regular) <= height;
    panel.axes(scene, &content.x.title(), if fits { &title } else { &content.y.quantity });
}

/// One point for each cell of a raster that gets coarser until there are few enough.
fn places(panel: &Panel, content: &figure::Panel) -> Vec<(f64, f64, Reason, Spacing)> {
    let mut places: Vec<(f64, f64, Reason, Spacing)> = Vec::new();
    for series in &content.series {
        let Series::Dots(dots) = series else { continue };
        let place = |&(x, y): &(f64, f64)| {
            // What is below a logarithmic axis lies on its edge.
            let (x, y) = panel.at(x, panel.y.inside(y))?;
            Some((x, y, dots.reason, dots.spacing))
        };
        places.extend(dots.points.iter().filter_map(place));
    }
    let mut cell = 0.5;
    loop {
        let mut taken = BTreeSet::new();
        let raster = |value: f64| (value / cell).floor() as i64;
        places.retain(|&(x, y, reason, spacing)| taken.insert((raster(x), raster(y), reason, spacing)));
        if places.len() <= MOST_POINTS {
            return places;
        }
        cell *= 1.25;
    }
}

fn point((x, y): (f64, f64), color: Color, spacing: Spacing) -> Mark {
    match spacing {
        Spacing::Within => Mark::Circle { x, y, radius: 2.0, fill: color, opacity: 0.8, outline: None },
        Spacing::Adjacent => {
            Mark::Circle { x, y, radius: 2.2, fill: Color::WHITE, opacity: 1.0, outline: Some((color, 1.1)) }
        }
        Spacing::Beyond => {
            let points = vec![(x, y - 3.6), (x + 3.6, y), (x, y + 3.6), (x - 3.6, y)];
            Mark::Shape { points, fill: warning_color(), opacity: 1.0, outline: None }
        }
    }
}

/// The entries of the legend, each in lines that fit beside the plot.
fn legend_lines(figure: &Figure) -> Vec<(Key, Vec<String>)> {
    figure.legend.iter().map(|entry| (entry.key, wrap(&entry.name, LEGEND_SIZE, RIGHT - 64.0))).collect()
}

fn legend_height(legend: &[(Key, Vec<String>)]) -> f64 {
    let height = |(_, lines): &(Key, Vec<String>)| LEGEND_STEP + 14.0 * (lines.len() as f64 - 1.0);
    20.0 + legend.iter().map(height).sum::<f64>()
}

fn draw_legend(scene: &mut Scene, x: f64, legend: &[(Key, Vec<String>)], halves: bool, dots: bool) {
    let mut y = TOP + 8.0;
    let mut shapes = false;
    for (key, lines) in legend {
        let left = match *key {
            Key::Reason(reason) => {
                let (top, bottom) = match reason {
                    Reason::Section if halves => (y - 7.0, y),
                    Reason::Filling => (y, y + 7.0),
                    _ => (y - 7.0, y + 7.0),
                };
                scene.line(vec![(x + 3.0, top), (x + 3.0, bottom)], reason_color(reason), 2.2);
                if dots {
                    scene.marks.push(point((x + 14.0, y), reason_color(reason), Spacing::Within));
                }
                if dots { x + 26.0 } else { x + 14.0 }
            }
            Key::Spacing(spacing) => {
                // Shapes stand a little apart from colours.
                y += if shapes { 0.0 } else { 10.0 };
                shapes = true;
                scene.marks.push(point((x + 14.0, y), Color::QUIET, spacing));
                x + 26.0
            }
            _ => continue,
        };
        for (line, content) in lines.iter().enumerate() {
            scene.text(Text::new(left, y + 4.0 + 14.0 * line as f64, LEGEND_SIZE, content.clone()));
        }
        y += LEGEND_STEP + 14.0 * (lines.len() as f64 - 1.0);
    }
}
