//! Which epochs were measured, why, and how far neighbours are apart.

use std::collections::BTreeSet;

use super::information_figure::LEGEND_STEP;
use super::measured::{self, Neighbors, Seed, significant};
use super::{ReportData, caption, failed};
use crate::draw::{Anchor, Color, Mark, Panel, Scale, Scene, Text, Weight, layer_color, text_width};
use crate::schedule::Reason;

const WIDTH: f64 = 860.0;
const TOP: f64 = 66.0;
const LEFT: f64 = 76.0;
const PLOT: (f64, f64) = (570.0, 220.0);
const LEGEND_LEFT: f64 = LEFT + PLOT.0 + 18.0;
/// Up to here each seed has a strip.
const MOST_STRIPS: usize = 8;
/// Between two strips, and, less, between the last strip and the panel below.
const GAP: f64 = 5.0;
/// More points than this are drawn on a coarser raster: no eye would tell them apart.
const MOST_POINTS: usize = 4000;
/// A logarithmic axis of distances goes down this far from the largest; less is noise of the last digit.
const RANGE: f64 = 1e4;

/// The figure of the schedule; nothing if no measured epoch is known.
pub(super) fn draw(data: &ReportData<'_>) -> Option<Scene> {
    let seeds = measured::seeds(data);
    if seeds.is_empty() {
        return None;
    }
    let x = Scale::epochs(seeds.iter().flat_map(|seed| [seed.epochs[0].epoch, seed.last]));
    let strips = &seeds[..seeds.len().min(MOST_STRIPS)];
    let height = match strips.len() {
        1 => 44.0,
        2..=4 => 26.0,
        _ => 18.0,
    };
    let distances = Distances::new(data, &seeds, x);
    let below = TOP + (height + GAP) * strips.len() as f64 + 9.0;
    let axis = if distances.is_some() { below + PLOT.1 } else { below - 9.0 - GAP };
    let reasons: BTreeSet<Reason> =
        seeds.iter().flat_map(|seed| seed.epochs.iter().map(|measured| measured.reason)).collect();
    let halves = reasons.contains(&Reason::Filling);
    let legend_end = TOP + legend_height(&reasons, distances.as_ref());

    let notes = notes(data, &seeds, halves, distances.as_ref());
    let notes = caption::note_lines(&notes, WIDTH - 2.0 * 24.0);
    let bottom = (axis + 56.0).max(legend_end);
    let mut scene = Scene::new(WIDTH, bottom + caption::note_height(&notes) + 12.0);
    let rule = match data.schedule.setting.as_str() {
        "" => String::new(),
        setting => format!("{setting} · "),
    };
    let subtitle = format!("{rule}{}", caption::samples_and_seeds(data, seeds.len()));
    caption::write_title(&mut scene, LEFT, &format!("Measured epochs – {}", data.title), &subtitle);

    for (index, seed) in strips.iter().enumerate() {
        let top = TOP + (height + GAP) * index as f64;
        let y = Scale::Linear { low: 0.0, high: 1.0 };
        let strip = Panel { left: LEFT, top, width: PLOT.0, height, x, y };
        strip.upright_grid(&mut scene);
        draw_strip(&mut scene, &strip, seed, halves);
        if data.complete {
            label_end(&mut scene, &strip, seed);
        }
        strip.frame(&mut scene);
        let name = Text::new(LEFT - 7.5, top + height / 2.0 + 4.0, 11.0, format!("seed {}", seed.seed));
        scene.text(name.anchor(Anchor::End));
        if distances.is_none() && index + 1 == strips.len() {
            strip.lower_axis(&mut scene, "epoch");
        }
    }
    if let Some(distances) = &distances {
        distances.draw(&mut scene, below, data.schedule.usable_delta());
    }
    draw_legend(&mut scene, &reasons, halves, distances.as_ref());
    caption::write_notes(&mut scene, 24.0, bottom, &notes);
    Some(scene)
}

fn notes(
    data: &ReportData<'_>,
    seeds: &[Seed<'_>],
    halves: bool,
    distances: Option<&Distances>,
) -> Vec<String> {
    let mut notes: Vec<String> = measured::words(data)
        .into_iter()
        .map(|words| {
            let mut letters = words.chars();
            let first = letters.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
            format!("{first}{}.", letters.as_str())
        })
        .collect();
    let mut reading = String::from("Strip: a tick for every measured epoch");
    if halves {
        reading += ", in the lower half for those filled by backtracking";
    }
    reading += ".";
    if seeds.len() > MOST_STRIPS {
        reading += &format!(" Strips of the first {MOST_STRIPS} of {} seeds.", seeds.len());
    }
    if let Some(distances) = distances {
        reading += " Points: distance to the measured epoch before, drawn at the later of the two";
        reading += if seeds.len() > 1 { ", all seeds." } else { "." };
        if let Some(low) = distances.lower_edge {
            reading += &format!(" Points on the lower edge: {} or less.", significant(low));
        }
    }
    notes.push(reading);
    notes.extend(failed::note(data));
    notes
}

fn color(reason: Reason) -> Color {
    // Places in the palette of seven.
    let place = match reason {
        Reason::Planned => 3,
        Reason::Section => 4,
        Reason::Filling => 1,
        Reason::Last => 0,
    };
    layer_color(place, 7).0
}

fn name(reason: Reason) -> &'static str {
    match reason {
        Reason::Planned => "planned",
        Reason::Section => "end of a section",
        Reason::Filling => "filled by backtracking",
        Reason::Last => "last epoch",
    }
}

fn draw_strip(scene: &mut Scene, strip: &Panel, seed: &Seed<'_>, halves: bool) {
    // The few last, so that the many do not hide them.
    for reason in [Reason::Planned, Reason::Section, Reason::Filling, Reason::Last] {
        let (low, high) = match reason {
            Reason::Section if halves => (0.52, 1.0),
            Reason::Filling => (0.0, 0.48),
            _ => (0.0, 1.0),
        };
        let mut before = f64::NEG_INFINITY;
        for measured in seed.epochs.iter().filter(|measured| measured.reason == reason) {
            let epoch = measured.epoch as f64;
            let (Some(from), Some(to)) = (strip.at(epoch, low), strip.at(epoch, high)) else { continue };
            // Half a point is a pixel: ticks closer than that would make the file large and nothing else.
            if from.0 - before >= 0.5 {
                before = from.0;
                scene.line(vec![from, to], color(reason), 1.0);
            }
        }
    }
}

/// Says where a training ended that did not go as far as the others, in the room that it leaves.
fn label_end(scene: &mut Scene, strip: &Panel, seed: &Seed<'_>) {
    let Some((x, _)) = strip.at(seed.last as f64, 0.0) else { return };
    let words = [format!("ended at epoch {}", seed.last), format!("ended at {}", seed.last), "ended".into()];
    let room = strip.right() - 7.0 - (x + 6.0);
    // Strips are as wide as the longest training: of that one no room is left.
    let Some(text) = words.into_iter().find(|text| text_width(text, 10.0, Weight::Regular) <= room) else {
        return;
    };
    let y = strip.top + strip.height / 2.0 + 3.5;
    scene.text(Text::new(x + 6.0, y, 10.0, text).color(Color::QUIET));
}

/// What a point in the panel of distances is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Usual,
    /// Further apart than δ, with nothing between.
    Adjacent,
    /// Further apart than δ although there are epochs between.
    Apart,
}

struct Distances {
    points: Vec<(f64, f64, Reason, Kind)>,
    x: Scale,
    y: Scale,
    y_name: String,
    /// The value of the lower edge, if points lie on it that belong below.
    lower_edge: Option<f64>,
}

impl Distances {
    /// Nothing if there are no distances.
    fn new(data: &ReportData<'_>, seeds: &[Seed<'_>], x: Scale) -> Option<Distances> {
        let delta = data.schedule.usable_delta();
        let point = |pair: Neighbors| {
            let distance = pair.distance?;
            let kind = match delta {
                Some(delta) if distance > delta && pair.adjacent => Kind::Adjacent,
                Some(delta) if distance > delta => Kind::Apart,
                _ => Kind::Usual,
            };
            Some((pair.epoch as f64, distance, pair.reason, kind))
        };
        let points: Vec<_> = seeds.iter().flat_map(Seed::neighbors).filter_map(point).collect();
        let mut sorted: Vec<f64> = points.iter().map(|point| point.1).collect();
        sorted.sort_by(f64::total_cmp);
        let (largest, median) = (*sorted.last()?, sorted[sorted.len() / 2]);
        // Even if it can be: then δ and the points below it have most of the room.
        let usual = delta.unwrap_or(2.0 * median);
        let logarithmic = usual > 0.0 && largest > 4.0 * usual;
        let edge = largest / RANGE;
        let y = if logarithmic {
            Scale::logarithmic(sorted.iter().map(|v| v.max(edge)).chain(delta.filter(|&delta| delta >= edge)))
        } else {
            // From zero, without room below it.
            let high = 1.08 * largest.max(delta.unwrap_or(0.0));
            Scale::Linear { low: 0.0, high: if high > 0.0 && high.is_finite() { high } else { 1.0 } }
        };
        let low = match y {
            Scale::Logarithmic { low, .. } => Some(low),
            _ => None,
        };
        let lower_edge = low.filter(|low| sorted[0] < *low);
        let points = points.into_iter().map(|(epoch, distance, reason, kind)| {
            (epoch, distance.max(low.unwrap_or(distance)), reason, kind)
        });
        let unit = &data.schedule.distance_unit;
        let y_name = format!("distance  [{unit}]");
        // A name longer than its axis would run into the strips.
        let fits = !unit.is_empty() && text_width(&y_name, 12.5, Weight::Regular) <= PLOT.1;
        let y_name = if fits { y_name } else { "distance".into() };
        Some(Distances { points: points.collect(), x, y, y_name, lower_edge })
    }

    fn has(&self, kind: Kind) -> bool {
        self.points.iter().any(|point| point.3 == kind)
    }

    fn draw(&self, scene: &mut Scene, top: f64, delta: Option<f64>) {
        let panel = Panel { left: LEFT, top, width: PLOT.0, height: PLOT.1, x: self.x, y: self.y };
        panel.grid(scene);
        for (x, y, reason, kind) in self.places(&panel) {
            let fill = color(reason);
            scene.marks.push(point((x, y), fill, kind));
        }
        // Above the points, or a band of many would hide the line they must not cross.
        let line = delta.and_then(|delta| Some((delta, panel.y.share(delta)?)));
        if let Some((delta, share)) = line {
            let y = panel.bottom() - share * panel.height;
            scene.dashed(vec![(LEFT, y), (panel.right(), y)], Color::INK, 1.1, 1.0, &[5.0, 3.5]);
            let text = Text::new(panel.right() + 6.0, y + 4.0, 11.0, format!("δ = {delta}"));
            scene.text(text.color(Color::QUIET));
        }
        panel.axes(scene, "epoch", &self.y_name);
    }

    /// One point for each cell of a raster that gets coarser until there are few enough; those further apart than
    /// δ last, so that no other hides them.
    fn places(&self, panel: &Panel) -> Vec<(f64, f64, Reason, Kind)> {
        let place = |&(epoch, distance, reason, kind): &(f64, f64, Reason, Kind)| {
            let (x, y) = panel.at(epoch, distance)?;
            Some((x, y, reason, kind))
        };
        let mut places: Vec<_> = self.points.iter().filter_map(place).collect();
        places.sort_by_key(|place| place.3);
        let mut cell = 0.5;
        loop {
            let mut taken = BTreeSet::new();
            let raster = |value: f64| (value / cell).floor() as i64;
            places.retain(|&(x, y, reason, kind)| taken.insert((raster(x), raster(y), reason, kind)));
            if places.len() <= MOST_POINTS {
                return places;
            }
            cell *= 1.25;
        }
    }
}

fn point((x, y): (f64, f64), color: Color, kind: Kind) -> Mark {
    match kind {
        Kind::Usual => Mark::Circle { x, y, radius: 2.0, fill: color, opacity: 0.8, outline: None },
        Kind::Adjacent => {
            Mark::Circle { x, y, radius: 2.2, fill: Color::WHITE, opacity: 1.0, outline: Some((color, 1.1)) }
        }
        Kind::Apart => {
            let points = vec![(x, y - 3.6), (x + 3.6, y), (x, y + 3.6), (x - 3.6, y)];
            Mark::Shape { points, fill: layer_color(5, 7).0, opacity: 1.0, outline: None }
        }
    }
}

/// What the shapes of points mean, in lines that fit beside the plot; nothing if all are alike.
fn shapes(distances: Option<&Distances>) -> Vec<(Kind, &'static [&'static str])> {
    let Some(distances) = distances else { return vec![] };
    let all: [(Kind, &'static [&'static str]); 3] = [
        (Kind::Usual, &["at most δ apart"]),
        (Kind::Adjacent, &["adjacent epochs,", "nothing between them"]),
        (Kind::Apart, &["further apart than δ,", "epochs between them"]),
    ];
    if !distances.has(Kind::Adjacent) && !distances.has(Kind::Apart) {
        return vec![];
    }
    all.into_iter().filter(|(kind, _)| distances.has(*kind)).collect()
}

fn legend_height(reasons: &BTreeSet<Reason>, distances: Option<&Distances>) -> f64 {
    let shapes = shapes(distances);
    let lines: usize = shapes.iter().map(|(_, lines)| lines.len()).sum();
    LEGEND_STEP * reasons.len() as f64 + 20.0 + 14.0 * lines as f64 + 6.0 * shapes.len() as f64
}

fn draw_legend(scene: &mut Scene, reasons: &BTreeSet<Reason>, halves: bool, distances: Option<&Distances>) {
    let x = LEGEND_LEFT;
    let mut y = TOP + 8.0;
    for &reason in reasons {
        let (top, bottom) = match reason {
            Reason::Section if halves => (y - 7.0, y),
            Reason::Filling => (y, y + 7.0),
            _ => (y - 7.0, y + 7.0),
        };
        scene.line(vec![(x + 3.0, top), (x + 3.0, bottom)], color(reason), 2.2);
        if distances.is_some() {
            scene.marks.push(point((x + 14.0, y), color(reason), Kind::Usual));
        }
        let left = if distances.is_some() { x + 26.0 } else { x + 14.0 };
        scene.text(Text::new(left, y + 4.0, 11.5, name(reason)));
        y += LEGEND_STEP;
    }
    y += 10.0;
    for (kind, lines) in shapes(distances) {
        scene.marks.push(point((x + 14.0, y), Color::QUIET, kind));
        for line in lines {
            scene.text(Text::new(x + 26.0, y + 4.0, 11.5, *line));
            y += 14.0;
        }
        y += 6.0;
    }
}
