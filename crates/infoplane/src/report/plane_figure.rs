//! The information plane: I(T;Y) against I(X;T), a path per layer, coloured by epoch.
//!
//! Of a mean over seeds that chose their own epochs, only as many points are drawn as can be seen.

use super::thinning::thin_means;
use super::{ReportData, caption, failed, plane_labels};
use crate::draw::{Anchor, Color, Mark, Panel, Scale, Scene, Text, Weight, epoch_color, text_width, thin};
use crate::plane::{LayerPath, PlaneGroup};

const WIDTH: f64 = 800.0;
const LEFT: f64 = 64.0;
const TOP: f64 = 78.0;
const PLOT: (f64, f64) = (584.0, 430.0);
pub(super) const LABEL_SIZE: f64 = 11.5;

/// The figure of one setting of an estimator; nothing if no row has values.
pub(super) fn draw(data: &ReportData<'_>, group: &PlaneGroup<'_>) -> Option<Scene> {
    let mut layers = group.layers();
    if layers.is_empty() {
        return None;
    }
    thin_means(&mut layers);
    let notes = caption::note_lines(&notes(data, group, &layers), WIDTH - 2.0 * 24.0);
    let mut scene = Scene::new(WIDTH, TOP + PLOT.1 + 58.0 + caption::note_height(&notes) + 10.0);
    let title = format!("Information plane – {}", data.title);
    caption::write_title(&mut scene, LEFT, &title, &caption::subtitle(data, group));

    let panel = panel(data, &layers);
    let epochs = Scale::epochs(layers.iter().flat_map(|layer| layer.mean.iter().map(|p| p.epoch)));
    let color = |epoch: u64| epoch_color(epochs.share(epoch as f64).unwrap_or(0.0));
    panel.grid(&mut scene);
    limits(&mut scene, &panel, data);
    if let Some(limit) = &data.limit {
        limit.draw(&mut scene, &panel, data.h_y.bits());
    }
    for path in &layers {
        faint_seeds(&mut scene, &panel, path, |seed| data.is_marked(seed), color);
    }
    for (index, path) in layers.iter().enumerate() {
        // Wide layers lie on one another at the limit; the earlier ones are larger and show below the later.
        let radius = 3.0 + 1.6 * (layers.len() - 1 - index) as f64 / layers.len() as f64;
        mean(&mut scene, &panel, path, (index, radius), color);
    }
    panel.axes(&mut scene, "I(X;T)  [bits]", "I(T;Y)  [bits]");
    let taken = data.limit.as_ref().and_then(|limit| limit.name(&mut scene, &panel, &layers));
    plane_labels::write(&mut scene, &panel, data, &layers, taken);
    if only_epoch(&layers).is_none() {
        color_bar(&mut scene, &panel, epochs);
    }
    caption::write_notes(&mut scene, 24.0, TOP + PLOT.1 + 56.0, &notes);
    Some(scene)
}

fn notes(data: &ReportData<'_>, group: &PlaneGroup<'_>, layers: &[LayerPath]) -> Vec<String> {
    let mut notes = caption::notes(data, group);
    notes.extend(data.limit.as_ref().map(|limit| limit.note()));
    let reading = failed::reading(data, group.seeds().len(), "Faint: each seed.");
    notes.splice(0..0, reading.into_iter().chain(failed::note(data)));
    if let Some(epoch) = only_epoch(layers) {
        notes.insert(0, format!("Measured at epoch {epoch} only."));
    }
    notes
}

/// The epoch of all points, if they share one: then colour says nothing.
fn only_epoch(layers: &[LayerPath]) -> Option<u64> {
    let mut epochs = layers.iter().flat_map(|layer| layer.mean.iter().map(|p| p.epoch));
    let first = epochs.next()?;
    epochs.all(|epoch| epoch == first).then_some(first)
}

fn panel(data: &ReportData<'_>, layers: &[LayerPath]) -> Panel {
    let points = || layers.iter().flat_map(|layer| layer.seeds.iter().flat_map(|(_, points)| points));
    // From zero to the limit even where the data fill less: the place in the plane is the message.
    let x = points().map(|p| p.i_xt_bits).chain([0.0, data.h_x.bits()]);
    let y = points().map(|p| p.i_ty_bits).chain([0.0, data.h_y.bits()]);
    let (x, y) = (Scale::linear(x, 0.04), Scale::linear(y, 0.06));
    Panel { left: LEFT, top: TOP, width: PLOT.0, height: PLOT.1, x, y }
}

/// H(X) and H(Y): no layer of the exact quantities can lie beyond.
fn limits(scene: &mut Scene, panel: &Panel, data: &ReportData<'_>) {
    let (h_x, h_y) = (data.h_x.bits(), data.h_y.bits());
    if let Some(share) = panel.x.share(h_x) {
        let x = panel.left + share * panel.width;
        scene.dashed(vec![(x, panel.bottom()), (x, panel.top)], Color::LIMIT, 1.1, 1.0, &[5.0, 3.5]);
        let label = format!("H(X) = {h_x:.2}");
        let half = text_width(&label, LABEL_SIZE, Weight::Regular) / 2.0;
        let x = x.min(panel.right() + 20.0 - half);
        let text = Text::new(x, panel.top - 6.0, LABEL_SIZE, label);
        scene.text(text.anchor(Anchor::Middle).color(Color::QUIET));
    }
    if let Some(share) = panel.y.share(h_y) {
        let y = panel.bottom() - share * panel.height;
        scene.dashed(vec![(panel.left, y), (panel.right(), y)], Color::LIMIT, 1.1, 1.0, &[5.0, 3.5]);
        for (line, content) in ["H(Y) =".to_string(), format!("{h_y:.3}")].into_iter().enumerate() {
            let text = Text::new(panel.right() + 6.0, y + 1.0 + 13.0 * line as f64, LABEL_SIZE, content);
            scene.text(text.color(Color::QUIET));
        }
    }
}

pub(super) fn faint_seeds(
    scene: &mut Scene,
    panel: &Panel,
    path: &LayerPath,
    is_marked: impl Fn(u64) -> bool,
    color: impl Fn(u64) -> Color,
) {
    if path.seeds.len() < 2 {
        return;
    }
    // Many seeds together must stay as quiet as a few.
    let opacity = (1.1 / (path.seeds.len() as f64).sqrt()).clamp(0.12, 0.5);
    let distance = 1.2 * (path.seeds.len() as f64 / 5.0).sqrt().max(1.0);
    let (marked, others): (Vec<_>, Vec<_>) = path.seeds.iter().partition(|(seed, _)| is_marked(*seed));
    for (_, points) in others {
        let places = points.iter().filter_map(|p| Some((panel.at(p.i_xt_bits, p.i_ty_bits)?, p.epoch)));
        let places: Vec<((f64, f64), u64)> = places.collect();
        let line: Vec<(f64, f64)> = places.iter().map(|(place, _)| *place).collect();
        scene.dashed(thin(&line, 0.7), Color(150, 150, 150), 0.6, 0.5 * opacity, &[]);
        for ((x, y), epoch) in spaced(&places, distance) {
            let fill = color(epoch);
            scene.marks.push(Mark::Circle { x, y, radius: 1.5, fill, opacity, outline: None });
        }
    }
    // Above the others, which are many more.
    for (_, points) in marked {
        let values = points.iter().map(|p| (p.i_xt_bits, p.i_ty_bits));
        panel.curve(scene, values.clone(), Color::QUIET, 0.9, 0.8, failed::DOTS);
        failed::cross(scene, panel, values, Color::INK);
    }
}

pub(super) fn mean(
    scene: &mut Scene,
    panel: &Panel,
    path: &LayerPath,
    (index, radius): (usize, f64),
    color: impl Fn(u64) -> Color,
) {
    let places: Vec<((f64, f64), u64)> = path
        .mean
        .iter()
        .filter_map(|p| Some((panel.at(p.i_xt_bits.mean, p.i_ty_bits.mean)?, p.epoch)))
        .collect();
    let places = spaced(&places, 1.5);
    for pair in places.windows(2) {
        scene.line(vec![pair[0].0, pair[1].0], color(pair[1].1), 1.6);
    }
    for &(place, epoch) in &places {
        scene.marks.push(marker(index, place, radius, color(epoch)));
    }
}

/// The points that are at least `distance` from the last one kept, and the last.
fn spaced(places: &[((f64, f64), u64)], distance: f64) -> Vec<((f64, f64), u64)> {
    let mut kept: Vec<((f64, f64), u64)> = Vec::new();
    for (index, &((x, y), epoch)) in places.iter().enumerate() {
        let far = kept.last().is_none_or(|((px, py), _)| (px - x).hypot(py - y) >= distance);
        if far || index + 1 == places.len() {
            kept.push(((x, y), epoch));
        }
    }
    kept
}

/// A shape per layer, all of about the same area.
pub(super) fn marker(index: usize, (x, y): (f64, f64), radius: f64, fill: Color) -> Mark {
    let outline = Some((Color::INK, 0.45));
    let polygon = |corners: u32, turn: f64, stretch: f64| {
        let corner = |k: u32| {
            let angle = std::f64::consts::TAU * (f64::from(k) / f64::from(corners) + turn);
            (x + radius * stretch * angle.sin(), y - radius * stretch * angle.cos())
        };
        Mark::Shape { points: (0..corners).map(corner).collect(), fill, opacity: 1.0, outline }
    };
    match index % 6 {
        0 => Mark::Circle { x, y, radius, fill, opacity: 1.0, outline },
        1 => polygon(4, 0.125, 1.25),
        2 => polygon(3, 0.0, 1.4),
        3 => polygon(4, 0.0, 1.3),
        4 => polygon(3, 0.5, 1.4),
        _ => polygon(5, 0.0, 1.2),
    }
}

pub(super) fn color_bar(scene: &mut Scene, panel: &Panel, epochs: Scale) {
    let (left, width) = (panel.right() + 62.0, 14.0);
    let (top, height) = (panel.top, panel.height);
    let colors = (0..=128).map(|step| epoch_color(f64::from(step) / 128.0)).collect();
    scene.marks.push(Mark::Ramp { x: left, y: top, width, height, colors });
    let (right, bottom) = (left + width, top + height);
    let frame = vec![(left, top), (right, top), (right, bottom), (left, bottom), (left, top), (right, top)];
    scene.line(frame, Color::INK, 0.7);
    for tick in epochs.ticks(height) {
        let Some(share) = epochs.share(tick.value) else { continue };
        let y = bottom - share * height;
        let length = if tick.label.is_some() { 4.0 } else { 2.2 };
        scene.line(vec![(right, y), (right + length, y)], Color::INK, 0.7);
        if let Some(label) = tick.label {
            scene.text(Text::new(right + 7.0, y + 4.0, 11.0, label));
        }
    }
    let name = Text::new(left + width / 2.0, top - 6.0, LABEL_SIZE, "epoch");
    scene.text(name.anchor(Anchor::Middle).color(Color::QUIET));
}
