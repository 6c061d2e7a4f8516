//! What the figures have in common: the sheet, bars for each layer, and error bars.

use crate::draw::{Anchor, Color, Mark, Panel, Scale, Scene, Text, Weight, text_width};
use crate::plane::Mean;
use crate::report::caption;

pub(super) const TOP: f64 = 66.0;
pub(super) const PANEL: (f64, f64) = (290.0, 280.0);
pub(super) const LEFTS: [f64; 2] = [60.0, 424.0];
const LEGEND_STEP: f64 = 18.0;
const LEGEND_SIZE: f64 = 11.5;

/// One network alone, in figures that compare it with all.
pub(super) const FAINT: f64 = 0.38;

/// How a line of the legend is marked.
#[derive(Clone, Copy)]
pub(super) enum Key {
    Line(Color, &'static [f32]),
    Bar(Color, f64),
    Open(Color),
}

/// A sheet with room for rows of two panels, with title, legend and notes.
pub(super) fn sheet(
    title: &str,
    subtitle: &str,
    legend: &[(Key, String)],
    notes: &[String],
    rows: usize,
) -> Scene {
    let left = LEFTS[1] + PANEL.0 + 16.0;
    let widest =
        legend.iter().map(|(_, name)| text_width(name, LEGEND_SIZE, Weight::Regular)).fold(0.0, f64::max);
    let width = (left + 28.0 + widest + 16.0).max(if legend.is_empty() { 740.0 } else { 860.0 });
    let notes = caption::note_lines(notes, width - 2.0 * 24.0);
    let panels = TOP + rows as f64 * (PANEL.1 + 56.0);
    let bottom = panels.max(TOP + 16.0 + LEGEND_STEP * legend.len() as f64);
    let mut scene = Scene::new(width, bottom + caption::note_height(&notes) + 12.0);
    caption::write_title(&mut scene, LEFTS[0], title, subtitle);
    for (index, (key, name)) in legend.iter().enumerate() {
        let y = TOP + 8.0 + LEGEND_STEP * index as f64;
        match *key {
            Key::Line(color, dashes) => {
                scene.dashed(vec![(left, y), (left + 22.0, y)], color, 2.2, 1.0, dashes);
            }
            Key::Bar(fill, opacity) => {
                let (low, high) = ((left + 4.0, y - 6.0), (left + 18.0, y + 6.0));
                scene.marks.push(rectangle(low, high, fill, opacity));
            }
            Key::Open(color) => scene.marks.push(open((left + 11.0, y), color)),
        }
        scene.text(Text::new(left + 28.0, y + 4.0, LEGEND_SIZE, name.clone()));
    }
    caption::write_notes(&mut scene, 24.0, bottom, &notes);
    scene
}

pub(super) fn open((x, y): (f64, f64), color: Color) -> Mark {
    Mark::Circle { x, y, radius: 3.2, fill: Color::WHITE, opacity: 1.0, outline: Some((color, 1.4)) }
}

fn rectangle(low: (f64, f64), high: (f64, f64), fill: Color, opacity: f64) -> Mark {
    let points = vec![low, (high.0, low.1), high, (low.0, high.1)];
    Mark::Shape { points, fill, opacity, outline: None }
}

/// Plus and minus a standard error, as far as it is on the panel.
pub(super) fn error_bar(scene: &mut Scene, panel: &Panel, x: f64, mean: Mean, color: Color) {
    let Some(error) = mean.standard_error.filter(|error| *error > 0.0) else { return };
    let Some((x, y)) = panel.at(x, mean.mean) else { return };
    let end = |value: f64, beyond: f64| {
        panel.y.share(value).map_or(beyond, |share| panel.bottom() - share * panel.height)
    };
    let (low, high) = (end(mean.mean - error, panel.bottom()), end(mean.mean + error, panel.top));
    // Shorter than the mark itself, it would only look like dirt on it.
    if low - high > 1.0 && (high..=low).contains(&y) {
        scene.line(vec![(x, low), (x, high)], color, 1.1);
    }
}

/// A dashed line across the panel, with its name.
pub(super) fn limit(scene: &mut Scene, panel: &Panel, value: f64, name: &str) {
    if let Some(share) = panel.y.share(value) {
        let y = panel.bottom() - share * panel.height;
        scene.dashed(vec![(panel.left, y), (panel.right(), y)], Color::LIMIT, 1.1, 1.0, &[5.0, 3.5]);
        // A mark at infinity is 12 points from the frame.
        let right = panel.right() - if matches!(panel.x, Scale::Doublings { .. }) { 22.0 } else { 4.0 };
        let text = Text::new(right, y - 4.0, 10.5, name);
        scene.text(text.anchor(Anchor::End).color(Color::QUIET));
    }
}

/// A value for each layer.
pub(super) struct Series {
    pub color: Color,
    pub opacity: f64,
    /// One for each layer; absent where there is none.
    pub values: Vec<Option<Mean>>,
    /// Drawn as an open mark on the bar of the series before it; alone, as marks without bars.
    pub on_bar: bool,
}

/// Bars for each layer, one of each series side by side; `limits` are dashed lines.
pub(super) fn bars(
    scene: &mut Scene,
    (left, top): (f64, f64),
    layers: &[String],
    series: &[Series],
    y_name: &str,
    limits: &[(f64, String)],
) {
    let shown = series.iter().flat_map(|series| series.values.iter().flatten());
    let ends = shown.flat_map(|mean| {
        let error = mean.standard_error.unwrap_or(0.0);
        [mean.mean - error, mean.mean + error]
    });
    let ends = ends.chain(limits.iter().map(|(value, _)| *value)).filter(|value| value.is_finite());
    let (low, high) = ends.fold((0f64, 0f64), |(low, high), end| (low.min(end), high.max(end)));
    let length = if high > low { high - low } else { 1.0 };
    let low = if low < 0.0 { low - 0.06 * length } else { 0.0 };
    let y = Scale::Linear { low, high: high.max(low + length) + 0.08 * length };
    let x = Scale::Places { n: layers.len() };
    let panel = Panel { left, top, width: PANEL.0, height: PANEL.1, x, y };
    panel.grid(scene);
    for (value, name) in limits {
        limit(scene, &panel, *value, name);
    }
    let n_bars = series.iter().filter(|series| !series.on_bar).count().max(1) as f64;
    let width = 0.8 / n_bars;
    for layer in 0..layers.len() {
        let mut bar = 0.0;
        for series in series {
            if !series.on_bar {
                bar += 1.0;
            }
            let Some(mean) = series.values.get(layer).copied().flatten() else { continue };
            let middle = layer as f64 + 0.1 + (f64::max(bar, 1.0) - 0.5) * width;
            if series.on_bar {
                error_bar(scene, &panel, middle, mean, series.color);
                scene.marks.extend(panel.at(middle, mean.mean).map(|place| open(place, series.color)));
                continue;
            }
            let corners =
                panel.at(middle - 0.47 * width, 0.0).zip(panel.at(middle + 0.47 * width, mean.mean));
            if let Some((low, high)) = corners {
                scene.marks.push(rectangle(low, high, series.color, series.opacity));
            }
            error_bar(scene, &panel, middle, mean, Color::INK);
        }
    }
    panel.axes(scene, "", y_name);
    // Names stand aslant nowhere: where they do not fit, only the short ones are written.
    let room = PANEL.0 / layers.len().max(1) as f64 - 4.0;
    let fits = layers.iter().all(|name| text_width(name, 10.5, Weight::Regular) <= room);
    for (index, name) in layers.iter().enumerate() {
        let name = if fits { name.as_str() } else { name.split(' ').next().unwrap_or("") };
        if let Some((x, _)) = panel.at(index as f64 + 0.5, 0.0) {
            scene.text(Text::new(x, panel.bottom() + 17.0, 10.5, name).anchor(Anchor::Middle));
        }
    }
}
