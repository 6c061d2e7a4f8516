//! Paths through the information plane.

use super::{Anchor, Color, DOTS, LABEL_SIZE, Mark, Panel, Scale, Scene, Text, cross, shade, thin};
use crate::figure::{Of, Path, PathPoint};
use crate::math;

/// Steps of lightness along a path; neighbouring ones cannot be told apart, so that one line may have one step.
const SHADES: f64 = 48.0;
/// Markers on a mean path are this far apart, at least, and stand at every point of a shorter one.
const MARKER_DISTANCE: f64 = 6.5;
/// So many points of all single seeds are drawn at most: more make a large file and nothing else to see.
const MOST_SEED_POINTS: usize = 36_000;

/// Where the points of a path that have a place are, with their epochs.
pub(crate) fn places(panel: &Panel, path: &Path) -> Vec<((f64, f64), u64)> {
    let place = |point: &PathPoint| Some((panel.at(point.x, point.y)?, point.epoch));
    path.points.iter().filter_map(place).collect()
}

/// Draws the paths of single seeds, each with its colour: thin, and dotted with a cross at the end where a seed did not
/// learn.
pub(crate) fn seed_paths(scene: &mut Scene, panel: &Panel, paths: &[(&Path, Color)]) {
    type Line<'a> = (Vec<(f64, f64)>, &'a Path, Color);
    let lines: Vec<Line<'_>> = paths
        .iter()
        .map(|&(path, color)| {
            (places(panel, path).into_iter().map(|(place, _)| place).collect(), path, color)
        })
        .collect();
    let mut distance = 0.7;
    let thinned = loop {
        let thinned: Vec<Vec<(f64, f64)>> = lines.iter().map(|(line, ..)| thin(line, distance)).collect();
        if thinned.iter().map(Vec::len).sum::<usize>() <= MOST_SEED_POINTS || distance > 20.0 {
            break thinned;
        }
        distance *= 1.3;
    };
    let mut seeds: Vec<Of> = paths.iter().map(|(path, _)| path.of).collect();
    seeds.sort_unstable();
    seeds.dedup();
    // Many seeds together must stay as quiet as a few.
    let opacity = (1.3 / (seeds.len() as f64).sqrt()).clamp(0.14, 0.55);
    for (line, (_, _, color)) in thinned.iter().zip(&lines).filter(|(_, (_, path, _))| !path.failed) {
        scene.dashed(line.clone(), *color, 0.7, opacity, &[]);
    }
    // Above the others, which are many more.
    for (line, (whole, path, color)) in thinned.iter().zip(&lines).filter(|(_, (_, path, _))| path.failed) {
        scene.dashed(line.clone(), *color, 1.1, 0.9, DOTS);
        let values = path.points.iter().map(|point| (point.x, point.y));
        if !whole.is_empty() {
            cross(scene, panel, values, *color);
        }
    }
}

/// Draws the mean path of the layer at a place among those of the figure: its colour from light to dark over the epochs,
/// with its marker along it.
pub(crate) fn mean_path(
    scene: &mut Scene,
    panel: &Panel,
    path: &Path,
    (index, radius): (usize, f64),
    (color, dashes, epochs): (Color, &[f32], Option<Scale>),
) {
    let share = |epoch: u64| epochs.and_then(|scale| scale.share(epoch as f64)).unwrap_or(1.0);
    let step = |epoch: u64| (share(epoch) * SHADES).round() / SHADES;
    let places = spaced(&places(panel, path), 1.0);
    let (mut from, mut length) = (0, 0.0);
    while from + 1 < places.len() {
        let of = step(places[from + 1].1);
        let mut to = from + 1;
        while to + 1 < places.len() && step(places[to + 1].1) == of {
            to += 1;
        }
        let line: Vec<(f64, f64)> = places[from..=to].iter().map(|(place, _)| *place).collect();
        for dash in dashed(&line, dashes, &mut length) {
            scene.line(dash, shade(color, of), 1.8);
        }
        from = to;
    }
    for (place, epoch) in spaced(&places, MARKER_DISTANCE) {
        scene.marks.push(marker(index, place, radius, shade(color, share(epoch))));
    }
}

/// The dashes of a line that is a piece of a longer one, of which `length` comes before it: each piece has a shade of its own, and
/// dashes that began anew with each would be solid where pieces are short. All of the line where there are no dashes.
fn dashed(line: &[(f64, f64)], dashes: &[f32], length: &mut f64) -> Vec<Vec<(f64, f64)>> {
    let period: f64 = dashes.iter().map(|&dash| f64::from(dash)).sum();
    let [stroke, _] = dashes else { return vec![line.to_vec()] };
    let stroke = f64::from(*stroke);
    let mut drawn: Vec<Vec<(f64, f64)>> = Vec::new();
    let mut piece = Vec::new();
    for pair in line.windows(2) {
        let ((x, y), (to_x, to_y)) = (pair[0], pair[1]);
        let whole = math::hypot(to_x - x, to_y - y);
        let at = |part: f64| (x + (to_x - x) * part / whole, y + (to_y - y) * part / whole);
        let mut part = 0.0;
        while part < whole {
            let phase = (*length + part) % period;
            let end = if phase < stroke { stroke } else { period };
            // At least a little, or rounding could hold the loop at the end of a dash.
            let next = (part + (end - phase).max(1e-6)).min(whole);
            if phase < stroke {
                if piece.is_empty() {
                    piece.push(at(part));
                }
                piece.push(at(next));
            } else if !piece.is_empty() {
                drawn.push(std::mem::take(&mut piece));
            }
            part = next;
        }
        *length += whole;
    }
    drawn.extend(Some(piece).filter(|piece| piece.len() > 1));
    drawn
}

/// The points that are at least `distance` from the last one kept, and the last.
fn spaced(places: &[((f64, f64), u64)], distance: f64) -> Vec<((f64, f64), u64)> {
    let mut kept: Vec<((f64, f64), u64)> = Vec::new();
    for (index, &((x, y), epoch)) in places.iter().enumerate() {
        let far = kept.last().is_none_or(|((px, py), _)| math::hypot(px - x, py - y) >= distance);
        if far || index + 1 == places.len() {
            kept.push(((x, y), epoch));
        }
    }
    kept
}

/// A shape for each layer, all of about the same area.
pub(crate) fn marker(index: usize, (x, y): (f64, f64), radius: f64, fill: Color) -> Mark {
    let outline = Some((Color::INK, 0.45));
    let polygon = |corners: u32, turn: f64, stretch: f64| {
        let corner = |k: u32| {
            let angle = std::f64::consts::TAU * (f64::from(k) / f64::from(corners) + turn);
            (x + radius * stretch * math::sin(angle), y - radius * stretch * math::cos(angle))
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

/// What lightness means in epochs: the shades of a layer, in grey.
///
/// In a moving picture, `now` is the epoch of the frame.
pub(crate) fn color_bar(scene: &mut Scene, panel: &Panel, epochs: Scale, now: Option<u64>) {
    let (left, width) = (panel.right() + 62.0, 14.0);
    let (top, height) = (panel.top, panel.height);
    let colors = (0..=128).map(|step| shade(Color(70, 70, 70), f64::from(step) / 128.0)).collect();
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
    if let Some(share) = now.and_then(|epoch| epochs.share(epoch as f64)) {
        let y = bottom - share * height;
        let points = vec![(left - 2.0, y), (left - 10.0, y - 4.5), (left - 10.0, y + 4.5)];
        scene.marks.push(Mark::Shape { points, fill: Color::INK, opacity: 1.0, outline: None });
    }
    let name = now.map_or("epoch".to_string(), |epoch| format!("epoch {epoch}"));
    let name = Text::new(left + width / 2.0, top - 6.0, LABEL_SIZE, name);
    scene.text(name.anchor(Anchor::Middle).color(Color::QUIET));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dashes_go_on_from_piece_to_piece() {
        let mut length = 0.0;
        let first = dashed(&[(0.0, 0.0), (3.0, 0.0)], &[4.0, 2.0], &mut length);
        assert_eq!((first, length), (vec![vec![(0.0, 0.0), (3.0, 0.0)]], 3.0));
        let second = dashed(&[(3.0, 0.0), (11.0, 0.0)], &[4.0, 2.0], &mut length);
        assert_eq!(second, [vec![(3.0, 0.0), (4.0, 0.0)], vec![(6.0, 0.0), (10.0, 0.0)]]);
        assert_eq!(dashed(&[(0.0, 0.0), (9.0, 0.0)], &[], &mut length), [vec![(0.0, 0.0), (9.0, 0.0)]]);
    }
}
