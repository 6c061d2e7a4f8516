//! The information plane: I(T;Y) against I(X;T), a path per layer, coloured by epoch.

use super::draw::{Anchor, Color, Mark, Panel, Scale, Scene, Text, Weight, epoch_color, text_width, thin};
use super::{ReportData, caption};
use crate::plane::{LayerPath, PlaneGroup};

const WIDTH: f64 = 800.0;
const LEFT: f64 = 64.0;
const TOP: f64 = 78.0;
const PLOT: (f64, f64) = (584.0, 430.0);
const LABEL_SIZE: f64 = 11.5;

/// The figure of one setting of an estimator; nothing if no row has values.
pub(super) fn draw(data: &ReportData<'_>, group: &PlaneGroup<'_>) -> Option<Scene> {
    let layers = group.layers();
    if layers.is_empty() {
        return None;
    }
    let notes = caption::note_lines(&notes(data, group), WIDTH - 2.0 * 24.0);
    let mut scene = Scene::new(WIDTH, TOP + PLOT.1 + 58.0 + caption::note_height(&notes) + 10.0);
    let title = format!("Information plane – {}", data.title);
    caption::write_title(&mut scene, LEFT, &title, &caption::subtitle(data, group));

    let panel = panel(data, &layers);
    let epochs = Scale::epochs(layers.iter().flat_map(|layer| layer.mean.iter().map(|p| p.epoch)));
    let color = |epoch: u64| epoch_color(epochs.share(epoch as f64).unwrap_or(0.0));
    panel.grid(&mut scene);
    limits(&mut scene, &panel, data);
    for path in &layers {
        faint_seeds(&mut scene, &panel, path, color);
    }
    for (index, path) in layers.iter().enumerate() {
        mean(&mut scene, &panel, path, index, color);
    }
    panel.axes(&mut scene, "I(X;T)  [bits]", "I(T;Y)  [bits]");
    label_layers(&mut scene, &panel, data, &layers);
    color_bar(&mut scene, &panel, epochs);
    caption::write_notes(&mut scene, 24.0, TOP + PLOT.1 + 56.0, &notes);
    Some(scene)
}

fn notes(data: &ReportData<'_>, group: &PlaneGroup<'_>) -> Vec<String> {
    let mut notes = caption::notes(data, group);
    if group.seeds().len() > 1 {
        notes.insert(0, "Strong: mean over seeds. Faint: each seed.".into());
    }
    notes
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

fn faint_seeds(scene: &mut Scene, panel: &Panel, path: &LayerPath, color: impl Fn(u64) -> Color) {
    if path.seeds.len() < 2 {
        return;
    }
    // Many seeds together must stay as quiet as a few.
    let opacity = (1.1 / (path.seeds.len() as f64).sqrt()).clamp(0.12, 0.5);
    for (_, points) in &path.seeds {
        let places = points.iter().filter_map(|p| Some((panel.at(p.i_xt_bits, p.i_ty_bits)?, p.epoch)));
        let places: Vec<((f64, f64), u64)> = places.collect();
        let line: Vec<(f64, f64)> = places.iter().map(|(place, _)| *place).collect();
        scene.dashed(thin(&line, 0.7), Color(150, 150, 150), 0.6, 0.5 * opacity, &[]);
        for ((x, y), epoch) in spaced(&places, 1.2) {
            let fill = color(epoch);
            scene.marks.push(Mark::Circle { x, y, radius: 1.5, fill, opacity, outline: None });
        }
    }
}

fn mean(scene: &mut Scene, panel: &Panel, path: &LayerPath, index: usize, color: impl Fn(u64) -> Color) {
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
        scene.marks.push(marker(index, place, 3.4, color(epoch)));
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
fn marker(index: usize, (x, y): (f64, f64), radius: f64, fill: Color) -> Mark {
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

type Area = (f64, f64, f64, f64);

fn overlap(a: Area, b: Area) -> f64 {
    let x = (a.2.min(b.2) - a.0.max(b.0)).max(0.0);
    let y = (a.3.min(b.3) - a.1.max(b.1)).max(0.0);
    x * y
}

/// Names each layer near the end of its mean path, where the name covers least.
///
/// Wide layers end in the same spot, so every name tries places in rings around its end and takes the
/// cheapest: no other name below it, few points, near. A thin line leads to a name that is not at its point.
fn label_layers(scene: &mut Scene, panel: &Panel, data: &ReportData<'_>, layers: &[LayerPath]) {
    let drawn: Vec<(f64, f64)> = layers
        .iter()
        .flat_map(|path| &path.mean)
        .filter_map(|p| panel.at(p.i_xt_bits.mean, p.i_ty_bits.mean))
        .collect();
    let drawn = thin(&drawn, 2.0);
    let faint: Vec<(f64, f64)> = layers
        .iter()
        .flat_map(|path| path.seeds.iter().flat_map(|(_, points)| points))
        .filter_map(|p| panel.at(p.i_xt_bits, p.i_ty_bits))
        .collect();
    let faint = thin(&faint, 3.0);
    let limits = (panel.y.share(data.h_y.bits()), panel.x.share(data.h_x.bits()));
    let limit_y = limits.0.map(|share| panel.bottom() - share * panel.height);
    let limit_x = limits.1.map(|share| panel.left + share * panel.width);

    let mut taken: Vec<Area> = Vec::new();
    let mut leaders: Vec<((f64, f64), (f64, f64))> = Vec::new();
    for (index, path) in layers.iter().enumerate() {
        let end = path.mean.last().and_then(|p| panel.at(p.i_xt_bits.mean, p.i_ty_bits.mean));
        let Some((x, y)) = end else { continue };
        let name = data.layer_name(path.layer, path.width);
        // The marker in front of the name.
        let width = text_width(&name, LABEL_SIZE, Weight::Regular) + 13.0;
        let height = 14.0;
        let mut best: Option<(f64, Area)> = None;
        for ring in 0..14 {
            let distance = 12.0 + 13.0 * f64::from(ring);
            for step in 0..24 {
                let angle = std::f64::consts::TAU * f64::from(step) / 24.0;
                let (dx, dy) = (angle.cos(), angle.sin());
                // The near edge of the name, not its middle, keeps the distance.
                let middle = (x + dx * (distance + width / 2.0), y + dy * (distance + height / 2.0));
                let area = (
                    middle.0 - width / 2.0,
                    middle.1 - height / 2.0,
                    middle.0 + width / 2.0,
                    middle.1 + height / 2.0,
                );
                let outside = area.0 < panel.left + 3.0
                    || area.2 > panel.right() - 3.0
                    || area.1 < panel.top + 3.0
                    || area.3 > panel.bottom() - 3.0;
                if outside {
                    continue;
                }
                let wide = (area.0 - 2.0, area.1 - 2.0, area.2 + 2.0, area.3 + 2.0);
                let inside = |&&(px, py): &&(f64, f64)| {
                    (wide.0 - 3.0..=wide.2 + 3.0).contains(&px) && (wide.1 - 3.0..=wide.3 + 3.0).contains(&py)
                };
                let names: f64 = taken.iter().map(|other| overlap(wide, *other)).sum();
                let points = drawn.iter().filter(inside).count() as f64;
                let seeds = faint.iter().filter(inside).count() as f64;
                let lines = limit_y.is_some_and(|l| wide.1 < l && l < wide.3) as u8 as f64
                    + limit_x.is_some_and(|l| wide.0 < l && l < wide.2) as u8 as f64;
                let leader = ((x, y), near(area, (x, y)));
                let crossed = leaders.iter().filter(|other| cross(leader, **other)).count() as f64
                    + taken.iter().filter(|other| passes(leader, **other)).count() as f64;
                let cost =
                    50.0 * names + 14.0 * points + 2.5 * seeds + 30.0 * lines + 120.0 * crossed + distance;
                if best.is_none_or(|(least, _)| cost < least) {
                    best = Some((cost, area));
                }
            }
        }
        let Some((_, area)) = best else { continue };
        let to = near(area, (x, y));
        leaders.push(((x, y), to));
        taken.push(area);
        if (to.0 - x).hypot(to.1 - y) > 15.0 {
            scene.line(vec![(x, y), to], Color::QUIET, 0.6);
        }
        scene.marks.push(Mark::Shape {
            points: vec![(area.0, area.1), (area.2, area.1), (area.2, area.3), (area.0, area.3)],
            fill: Color::WHITE,
            opacity: 0.75,
            outline: None,
        });
        let line = area.3 - 3.2;
        scene.marks.push(marker(index, (area.0 + 5.0, line - 4.0), 3.2, Color::WHITE));
        scene.text(Text::new(area.0 + 12.0, line, LABEL_SIZE, name));
    }
}

/// The point of an area's edge that is nearest to a point outside.
fn near(area: Area, (x, y): (f64, f64)) -> (f64, f64) {
    (x.clamp(area.0, area.2), y.clamp(area.1, area.3))
}

type Segment = ((f64, f64), (f64, f64));

fn cross((a, b): Segment, (c, d): Segment) -> bool {
    let side =
        |p: (f64, f64), q: (f64, f64), r: (f64, f64)| (q.0 - p.0) * (r.1 - p.1) - (q.1 - p.1) * (r.0 - p.0);
    side(a, b, c) * side(a, b, d) < 0.0 && side(c, d, a) * side(c, d, b) < 0.0
}

fn passes(segment: Segment, area: Area) -> bool {
    let (top_left, top_right) = ((area.0, area.1), (area.2, area.1));
    let (bottom_left, bottom_right) = ((area.0, area.3), (area.2, area.3));
    cross(segment, (top_left, bottom_right)) || cross(segment, (bottom_left, top_right))
}

fn color_bar(scene: &mut Scene, panel: &Panel, epochs: Scale) {
    let (left, width) = (panel.right() + 62.0, 14.0);
    let (top, height) = (panel.top, panel.height);
    let colors = (0..=32).map(|step| epoch_color(f64::from(step) / 32.0)).collect();
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
