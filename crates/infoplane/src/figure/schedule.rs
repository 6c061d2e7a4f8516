//! Which epochs were measured, why, and how far neighbours are apart.

use std::collections::BTreeSet;

use super::learned::{self, capital};
use super::measured::{self, Neighbors, Seed, significant};
use super::{
    Axis, AxisScale, Direction, Dots, Figure, FigureKind, Key, LegendEntry, Limit, Note, NoteCode, Panel,
    ReportData, Series, Spacing, Ticks,
};
use crate::schedule::Reason;

/// Up to here each seed has a strip.
const MOST_STRIPS: usize = 8;
/// A logarithmic axis of distances goes down this far from the largest; less is noise of the last digit.
const RANGE: f64 = 1e4;
/// In the order in which they are drawn: the few last, so that the many do not hide them.
const REASONS: [Reason; 5] =
    [Reason::Planned, Reason::Section, Reason::Filling, Reason::Witness, Reason::Last];

/// The figure of the schedule; nothing if no measured epoch is known.
pub(super) fn figure(data: &ReportData<'_>) -> Option<Figure> {
    let seeds = measured::seeds(data);
    if seeds.is_empty() {
        return None;
    }
    let x = Axis::epochs(seeds.iter().flat_map(|seed| [seed.epochs[0].epoch, seed.last]));
    let furthest = seeds.iter().map(|seed| seed.last).max();
    let strips = seeds.iter().take(MOST_STRIPS);
    let mut panels: Vec<Panel> = strips.map(|seed| strip(data, seed, &x, furthest)).collect();
    let distances = distances(data, &seeds, &x);
    let (spacings, lower_edge) = distances
        .as_ref()
        .map_or((vec![], None), |distances| (distances.spacings.clone(), distances.lower_edge));
    panels.extend(distances.map(|distances| distances.panel));

    let reasons: BTreeSet<Reason> =
        seeds.iter().flat_map(|seed| seed.epochs.iter().map(|measured| measured.reason)).collect();
    let mut legend: Vec<LegendEntry> = reasons
        .iter()
        .map(|&reason| LegendEntry { key: Key::Reason(reason), name: name(reason).into() })
        .collect();
    // Where all are near, the shape of the points says nothing.
    if spacings.iter().any(|&spacing| spacing != Spacing::Within) {
        let meaning = |spacing| match spacing {
            Spacing::Within => "at most δ apart",
            Spacing::Adjacent => "adjacent epochs, nothing between them",
            Spacing::Beyond => "further apart than δ, epochs between them",
        };
        let entry = |&spacing| LegendEntry { key: Key::Spacing(spacing), name: meaning(spacing).into() };
        legend.extend(spacings.iter().map(entry));
    }
    let rule = Some(data.schedule.setting.clone()).filter(|setting| !setting.is_empty());
    let n_seeds = if seeds.len() == 1 { "1 seed".into() } else { format!("{} seeds", seeds.len()) };
    let facts = [data.dataset.clone(), format!("n = {}", data.n_samples), n_seeds];
    Some(Figure {
        id: "schedule".into(),
        kind: FigureKind::Schedule,
        heading: "Measured epochs".into(),
        title: format!("Measured epochs – {}", data.title),
        facts: rule.into_iter().chain(facts).collect(),
        layers: vec![],
        notes: notes(data, &seeds, reasons.contains(&Reason::Filling), panels.len(), lower_edge),
        panels,
        grid: None,
        groups: vec![],
        legend,
        table: None,
    })
}

fn name(reason: Reason) -> &'static str {
    match reason {
        Reason::Planned => "planned",
        Reason::Section => "end of a section",
        Reason::Filling => "filled by backtracking",
        Reason::Witness => "where the witness moved",
        Reason::Last => "last epoch",
    }
}

fn strip(data: &ReportData<'_>, seed: &Seed<'_>, x: &Axis, furthest: Option<u64>) -> Panel {
    let ticks = |reason| {
        let epochs: Vec<u64> =
            seed.epochs.iter().filter(|measured| measured.reason == reason).map(|m| m.epoch).collect();
        (!epochs.is_empty()).then_some(Series::Ticks(Ticks { seed: seed.seed, reason, epochs }))
    };
    // Of a run that goes on nobody knows where its seeds end.
    let ended = data.complete && Some(seed.last) != furthest;
    Panel {
        name: format!("seed {}", seed.seed),
        x: x.clone(),
        y: Axis::of("", "", AxisScale::Linear, (0.0, 1.0)),
        series: REASONS.into_iter().filter_map(ticks).collect(),
        limits: vec![],
        remark: ended.then(|| format!("ended at epoch {}", seed.last)),
    }
}

/// The panel of distances, and what there is in it.
struct Distances {
    panel: Panel,
    spacings: Vec<Spacing>,
    /// The value of the lower edge, if points lie on it that belong below.
    lower_edge: Option<f64>,
}

/// Nothing if there are no distances.
fn distances(data: &ReportData<'_>, seeds: &[Seed<'_>], x: &Axis) -> Option<Distances> {
    let delta = data.schedule.usable_delta();
    let point = |pair: Neighbors| {
        let distance = pair.distance?;
        let spacing = match delta {
            Some(delta) if distance > delta && pair.adjacent => Spacing::Adjacent,
            Some(delta) if distance > delta => Spacing::Beyond,
            _ => Spacing::Within,
        };
        Some((pair.epoch as f64, distance, pair.reason, spacing))
    };
    let points: Vec<_> = seeds.iter().flat_map(Seed::neighbors).filter_map(point).collect();
    let mut sorted: Vec<f64> = points.iter().map(|point| point.1).collect();
    sorted.sort_by(f64::total_cmp);
    let (largest, median) = (*sorted.last()?, sorted[sorted.len() / 2]);
    // Even if it can be: then δ and the points below it have most of the room.
    let usual = delta.unwrap_or(2.0 * median);
    let edge = largest / RANGE;
    let unit = &data.schedule.distance_unit;
    let y = if usual > 0.0 && largest > 4.0 * usual {
        let delta = delta.filter(|&delta| delta >= edge);
        Axis::logarithmic("distance", unit, sorted.iter().map(|v| v.max(edge)).chain(delta))
    } else {
        // From zero, without room below it.
        let high = 1.08 * largest.max(delta.unwrap_or(0.0));
        let high = if high > 0.0 && high.is_finite() { high } else { 1.0 };
        Axis::of("distance", unit, AxisScale::Linear, (0.0, high))
    };
    let low = (y.scale == AxisScale::Logarithmic).then_some(y.low);
    let lower_edge = low.filter(|low| sorted[0] < *low);

    // Those further apart than δ last, so that no other hides them.
    let spacings: Vec<Spacing> =
        points.iter().map(|point| point.3).collect::<BTreeSet<Spacing>>().into_iter().collect();
    let dots = |(spacing, reason): (Spacing, Reason)| {
        let of = points.iter().filter(|point| point.3 == spacing && point.2 == reason);
        let points: Vec<(f64, f64)> = of.map(|point| (point.0, point.1)).collect();
        (!points.is_empty()).then_some(Series::Dots(Dots { reason, spacing, points }))
    };
    let kinds = spacings.iter().flat_map(|&spacing| REASONS.map(|reason| (spacing, reason)));
    let series = kinds.filter_map(dots).collect();
    let limit = |value: f64| Limit { axis: Direction::Y, value, name: "δ".into(), text: value.to_string() };
    let panel = Panel {
        name: String::new(),
        x: x.clone(),
        y,
        series,
        limits: delta.map(limit).into_iter().collect(),
        remark: None,
    };
    Some(Distances { panel, spacings, lower_edge })
}

fn notes(
    data: &ReportData<'_>,
    seeds: &[Seed<'_>],
    halves: bool,
    n_panels: usize,
    lower_edge: Option<f64>,
) -> Vec<Note> {
    let fact = |words: String| Note::fact(NoteCode::Schedule, format!("{}.", capital(&words)));
    let mut notes: Vec<Note> = measured::words(data).into_iter().map(fact).collect();
    let mut reading = String::from("Strip: a tick for every measured epoch");
    if halves {
        reading += ", in the lower half for those filled by backtracking";
    }
    reading += ".";
    let n_strips = seeds.len().min(MOST_STRIPS);
    if seeds.len() > MOST_STRIPS {
        reading += &format!(" Strips of the first {MOST_STRIPS} of {} seeds.", seeds.len());
    }
    if n_panels > n_strips {
        reading += " Points: distance to the measured epoch before, drawn at the later of the two";
        reading += if seeds.len() > 1 { ", all seeds." } else { "." };
    }
    if let Some(low) = lower_edge {
        reading += &format!(" Points on the lower edge: {} or less.", significant(low));
    }
    notes.push(Note::reading(NoteCode::Schedule, reading));
    // All that were measured are shown; none is averaged.
    if !data.failed.is_empty() {
        let told = capital(&learned::failed_in_words(&data.failed));
        notes.push(Note::warning(NoteCode::NotLearned, format!("{told}.")));
    }
    notes
}
