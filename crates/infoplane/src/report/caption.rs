//! What every figure says in words about what it shows.

use std::collections::BTreeMap;

use super::ReportData;
use crate::Bound;
use crate::draw::{Anchor, Color, Scene, Text, Weight, text_width, wrap};
use crate::plane::PlaneGroup;

/// A rise of I(X;T) from a layer to the next beyond this is counted against the data processing inequality.
pub(super) const TOLERANCE_BITS: f64 = 0.01;

const NOTE_SIZE: f64 = 10.5;
const NOTE_STEP: f64 = 14.5;

/// `T₁₂`.
pub(super) fn layer(layer: usize) -> String {
    let lowered = |c: char| c.to_digit(10).and_then(|d| char::from_u32('₀' as u32 + d)).unwrap_or(c);
    format!("T{}", layer.to_string().chars().map(lowered).collect::<String>())
}

/// `T₃` for a layer called `T3` or not at all; any other name as it is.
pub(super) fn layer_named(number: usize, name: &str) -> String {
    let digits = name.strip_prefix('T').filter(|digits| !digits.is_empty() && digits.len() <= 9);
    match digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit())) {
        Some(digits) => digits.parse().map_or_else(|_| name.to_string(), layer),
        None if name.is_empty() => layer(number),
        None => name.to_string(),
    }
}

/// The line under the title: the setting, n and the number of seeds.
pub(super) fn subtitle(data: &ReportData<'_>, group: &PlaneGroup<'_>) -> String {
    let seeds = group.seeds().len();
    format!("{} · {}", group.method.title, samples_and_seeds(data, seeds))
}

pub(super) fn samples_and_seeds(data: &ReportData<'_>, n_seeds: usize) -> String {
    let seeds = match if data.only_learned { data.failed.len() } else { 0 } {
        0 if n_seeds == 1 => "1 seed".to_string(),
        0 => format!("{n_seeds} seeds"),
        _ => format!("{n_seeds} of {} seeds, only those that learned", data.n_trainings()),
    };
    format!("{} · n = {} · {seeds}", data.dataset, data.n_samples)
}

/// What a reader must know beside the curves: values outside the bins, rows without values, seeds that end
/// early, what kind of bound, and where the estimates break the data processing inequality.
pub(super) fn notes(data: &ReportData<'_>, group: &PlaneGroup<'_>) -> Vec<String> {
    let mut notes = Vec::new();
    notes.extend(out_of_range(data, group));
    if let Some(bound) = group.method.bound {
        let bound = if bound == Bound::Upper { "an upper bound" } else { "a lower bound" };
        notes.push(format!(
            "I(X;T) is {bound}; I(T;Y) is a difference of two like bounds, so it is not itself a bound."
        ));
    }
    notes.extend(processing(group));
    notes.extend(missing(group));
    notes.extend(early_ends(group, data.complete));
    notes
}

fn out_of_range(data: &ReportData<'_>, group: &PlaneGroup<'_>) -> Option<String> {
    let measured = || group.rows().filter(|row| row.values().is_some());
    let outside: u64 = measured().map(|row| row.out_of_range).sum();
    if outside == 0 && group.method.estimator != "binned" {
        return None;
    }
    let values = |width: usize| width as f64 * data.n_samples as f64;
    let all: f64 = measured().map(|row| values(row.width)).sum();
    if outside == 0 {
        return Some("Out of range: no value lies outside the bins.".into());
    }
    let share = |row: &crate::PlaneRow| row.out_of_range as f64 / values(row.width).max(1.0);
    let worst = measured().max_by(|a, b| share(a).total_cmp(&share(b)))?;
    Some(format!(
        "Out of range: {outside} values ({}) lie outside the bins; at most {}, in {} at epoch {}.",
        percent(outside as f64 / all.max(1.0)),
        percent(share(&worst)),
        layer(worst.layer),
        worst.epoch
    ))
}

pub(super) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent > 0.0 && percent < 0.01 { "less than 0.01%".into() } else { format!("{percent:.2}%") }
}

fn processing(group: &PlaneGroup<'_>) -> Option<String> {
    let found = group.processing_violations(TOLERANCE_BITS);
    let (rise, epoch, from, to) = found.largest?;
    Some(format!(
        "Data processing inequality: the mean I(X;T) rises from a layer to the next by more than \
         {TOLERANCE_BITS} bits in {} of {} pairs, by at most {rise:.2} bits ({} to {}, epoch {epoch}).",
        found.count,
        found.compared,
        layer(from),
        layer(to)
    ))
}

fn missing(group: &PlaneGroup<'_>) -> Option<String> {
    let missing = group.missing();
    let count: usize = missing.iter().map(|(_, count)| count).sum();
    let (reason, _) = missing.first()?;
    let more = match missing.len() - 1 {
        0 => String::new(),
        1 => ", and another reason".into(),
        others => format!(", and {others} other reasons"),
    };
    let rows = if count == 1 { "1 row".into() } else { format!("{count} rows") };
    // A row may hold one of the two: the plane leaves it out, the curves show what there is.
    let half = group
        .rows()
        .any(|row| row.values().is_none() && (row.i_xt_bits.is_some() != row.i_ty_bits.is_some()));
    let values = if half { "both values" } else { "values" };
    let reason = reason.trim_end_matches('.');
    Some(format!("Left out: {rows} without {values} ({reason}{more})."))
}

fn early_ends(group: &PlaneGroup<'_>, complete: bool) -> Option<String> {
    // In one pass: a search for each seed would go through all rows of all seeds.
    let mut ends: BTreeMap<u64, Option<u64>> = BTreeMap::new();
    for row in group.rows() {
        let end = ends.entry(row.seed).or_default();
        *end = (*end).max(row.values().map(|_| row.epoch));
    }
    let end = ends.values().filter_map(|end| *end).max()?;
    let early: Vec<String> = ends
        .iter()
        .filter(|(_, last)| **last != Some(end))
        .map(|(seed, last)| match last {
            Some(last) => format!("seed {seed} at epoch {last}"),
            None => format!("seed {seed} without values"),
        })
        .collect();
    if early.is_empty() {
        return None;
    }
    let shown = early.iter().take(3).cloned().collect::<Vec<_>>().join(", ");
    let more = if early.len() > 3 { format!(" and {} more", early.len() - 3) } else { "".into() };
    let what = if complete { "Ended early" } else { "The run goes on; so far" };
    Some(format!("{what}: {shown}{more}; the mean goes on with the others."))
}

/// The notes, broken into lines of `width` points.
pub(super) fn note_lines(notes: &[String], width: f64) -> Vec<String> {
    notes.iter().flat_map(|note| wrap(note, NOTE_SIZE, width)).collect()
}

/// How much room lines of notes take.
pub(super) fn note_height(lines: &[String]) -> f64 {
    lines.len() as f64 * NOTE_STEP
}

/// Writes the title and the line below it; they take 52 points.
pub(super) fn write_title(scene: &mut Scene, x: f64, title: &str, subtitle: &str) {
    let room = scene.width - x - 16.0;
    let title = shortened(title, 15.5, Weight::Bold, room);
    scene.text(Text::new(x, 25.0, 15.5, title).bold());
    // The setting must be read whole if it can be, even if it is read smaller.
    let fits = |size: &f64| text_width(subtitle, *size, Weight::Regular) <= room;
    let size = [12.0, 11.0, 10.0].into_iter().find(fits).unwrap_or(9.0);
    let subtitle = shortened(subtitle, size, Weight::Regular, room);
    scene.text(Text::new(x, 44.0, size, subtitle).color(Color::QUIET));
}

/// As much of the text as fits, with an ellipsis if that is not all.
fn shortened(text: &str, size: f64, weight: Weight, room: f64) -> String {
    if text_width(text, size, weight) <= room {
        return text.to_string();
    }
    let mut kept: Vec<char> = text.chars().collect();
    while kept.pop().is_some() {
        let shorter = format!("{}…", kept.iter().collect::<String>().trim_end());
        if text_width(&shorter, size, weight) <= room {
            return shorter;
        }
    }
    String::new()
}

/// Writes lines of notes from `top` down.
pub(super) fn write_notes(scene: &mut Scene, x: f64, top: f64, lines: &[String]) {
    for (index, line) in lines.iter().enumerate() {
        let y = top + NOTE_SIZE + index as f64 * NOTE_STEP;
        scene.text(Text::new(x, y, NOTE_SIZE, line.clone()).color(Color::QUIET).anchor(Anchor::Start));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_called_by_their_names() {
        assert_eq!(layer(12), "T₁₂");
        let names = [(3, "T3"), (3, ""), (1, "conv1"), (2, "T"), (2, "Tanh2"), (1, "T99999999999999999999")];
        let called = names.map(|(number, name)| layer_named(number, name));
        assert_eq!(called, ["T₃", "T₃", "conv1", "T", "Tanh2", "T99999999999999999999"]);
    }
}
