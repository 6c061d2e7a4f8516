//! What figures and the summary say in words.

use std::collections::BTreeMap;

use super::axis::NO_BITS;
use super::learned::InMean;
use super::{Note, NoteCode, ReportData, shuffled};
use crate::Bound;
use crate::plane::{LayerPath, PlaneGroup, PlaneRow, ProcessingViolations};

/// A rise of I(X;T) from a layer to the next beyond this is counted against the data processing inequality.
pub(super) const TOLERANCE_BITS: f64 = 0.01;

/// `T₁₂`.
pub(crate) fn layer(layer: usize) -> String {
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

/// The facts under the title: data, n and seeds.
pub(super) fn facts(data: &ReportData<'_>, seeds: &[u64]) -> Vec<String> {
    let n = seeds.len();
    let chosen = data.in_mean();
    let in_mean = seeds.iter().filter(|&&seed| chosen.has(seed)).count();
    let seeds = match n {
        1 => "1 seed".to_string(),
        _ if in_mean < n => format!("mean of {in_mean} of {n} seeds"),
        _ => format!("{n} seeds"),
    };
    // A recording is called after its data, which the title has said.
    let dataset = Some(&data.dataset).filter(|&dataset| *dataset != data.title).cloned();
    dataset.into_iter().chain([format!("n = {}", data.n_samples), seeds]).collect()
}

/// `H(X) = 12.0000 bits, H(Y) = 1.0000 bits`; of a target of numbers H(Y) is no number.
pub(crate) fn entropies(h_x_bits: f64, h_y_bits: f64) -> String {
    match h_y_bits.is_nan() {
        true => format!("H(X) = {h_x_bits:.4} bits, H(Y) not known"),
        false => format!("H(X) = {h_x_bits:.4} bits, H(Y) = {h_y_bits:.4} bits"),
    }
}

/// What a reader must know beside the curves: values outside the bins, the bias that shuffled labels show, rows without values, seeds that end
/// early, what kind of bound, and where the estimates break the data processing inequality.
///
/// All of it is about the seeds that are in the means. `layers` are the paths of the group.
pub(crate) fn notes(data: &ReportData<'_>, group: &PlaneGroup<'_>, layers: &[LayerPath]) -> Vec<Note> {
    let in_mean = &data.in_mean();
    let mut notes = Vec::new();
    notes.extend(constant(data));
    notes.extend(out_of_range(data, group, in_mean));
    notes.extend(shuffled::note(data, group, in_mean));
    if let Some(bound) = group.method.bound {
        let bound = if bound == Bound::Upper { "an upper bound" } else { "a lower bound" };
        let kind = if group.method.bound == Some(Bound::Upper) { "upper" } else { "lower" };
        notes.push(Note::fact(
            NoteCode::Bound,
            format!(
                "I(X;T) is {bound}; I(T;Y) is the difference of two {kind} bounds, hence not itself a bound."
            ),
        ));
    }
    notes.extend(Some(layers).filter(|_| data.is_chain).and_then(|layers| processing(data, layers)));
    notes.extend(missing(data, group, in_mean));
    notes.extend(early_ends(data, group, in_mean));
    notes
}

/// Labels of one class, or a single input: what is measured then says nothing of the network.
fn constant(data: &ReportData<'_>) -> Option<Note> {
    let none = |entropy: crate::Information| entropy.bits().abs() < NO_BITS;
    let text = match (none(data.h_x), none(data.h_y)) {
        _ if data.n_samples < 2 => return None,
        (true, true) => {
            "All inputs are the same and all labels are one class: H(X), H(Y), I(X;T) and I(T;Y) are 0, whatever the \
             network."
        }
        // Labels can still differ from sample to sample, and so can what was recorded.
        (true, false) => "All inputs are the same: H(X) is 0, and so is I(X;T), whatever the network.",
        (_, true) => "All labels are one class: H(Y) is 0, and so is I(T;Y), whatever the network.",
        _ => return None,
    };
    Some(Note::warning(NoteCode::Constant, text))
}

fn out_of_range(data: &ReportData<'_>, group: &PlaneGroup<'_>, in_mean: &InMean) -> Option<Note> {
    let values = |width: usize| width as f64 * data.n_samples as f64;
    let share = |row: &PlaneRow| row.out_of_range as f64 / values(row.width).max(1.0);
    let (mut outside, mut all, mut worst) = (0u64, 0.0, None::<PlaneRow>);
    for row in group.rows().filter(|row| row.values().is_some() && in_mean.has(row.seed)) {
        outside = outside.saturating_add(row.out_of_range);
        all += values(row.width);
        if worst.as_ref().is_none_or(|worst| share(&row) >= share(worst)) {
            worst = Some(row);
        }
    }
    if outside == 0 {
        let none = "Out of range: no value lies outside the bins.";
        return (group.method.estimator == "binned" && all > 0.0)
            .then(|| Note::fact(NoteCode::ClippedBins, none));
    }
    let worst = worst?;
    let text = format!(
        "Out of range: {outside} values ({}) lie outside the bins; at most {}, in {} at epoch {}.",
        percent(outside as f64 / f64::max(all, 1.0)),
        percent(share(&worst)),
        called(data, worst.layer),
        worst.epoch
    );
    Some(Note::warning(NoteCode::ClippedBins, text))
}

pub(crate) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent > 0.0 && percent < 0.01 { "less than 0.01%".into() } else { format!("{percent:.2}%") }
}

/// What a layer is called, without its width.
pub(crate) fn called(data: &ReportData<'_>, number: usize) -> String {
    let described = number.checked_sub(1).and_then(|index| data.layers.get(index));
    layer_named(number, described.map_or("", |described| described.name.as_str()))
}

fn processing(data: &ReportData<'_>, layers: &[LayerPath]) -> Option<Note> {
    let found = ProcessingViolations::of(layers, TOLERANCE_BITS);
    let (rise, epoch, from, to) = found.largest?;
    let text = format!(
        "Data processing inequality: the mean I(X;T) rises from a layer to the next by more than \
         {TOLERANCE_BITS} bits in {} of {} pairs, by at most {rise:.2} bits ({} to {}, epoch {epoch}).",
        found.count,
        found.compared,
        called(data, from),
        called(data, to)
    );
    Some(Note::warning(NoteCode::DataProcessing, text))
}

fn missing(data: &ReportData<'_>, group: &PlaneGroup<'_>, in_mean: &InMean) -> Option<Note> {
    // The rows of each kind of reason, with the first of them.
    let mut kinds: Vec<(String, usize, PlaneRow)> = Vec::new();
    let mut half = false;
    let mut layers: BTreeMap<usize, (u64, u64)> = BTreeMap::new();
    for row in group.rows().filter(|row| row.values().is_none() && in_mean.has(row.seed)) {
        // A row may hold one of the two: the plane leaves it out, the curves show what there is.
        half |= row.i_xt_bits.is_some() != row.i_ty_bits.is_some();
        let (first, last) = layers.entry(row.layer).or_insert((row.epoch, row.epoch));
        (*first, *last) = ((*first).min(row.epoch), (*last).max(row.epoch));
        let code = row.missing.as_ref().map_or("not-finite".to_string(), |missing| missing.code.to_string());
        match kinds.iter_mut().find(|(other, ..)| *other == code) {
            Some((_, count, _)) => *count += 1,
            None => kinds.push((code, 1, row)),
        }
    }
    kinds.sort_by_key(|(_, count, _)| std::cmp::Reverse(*count));
    let count: usize = kinds.iter().map(|(_, count, _)| count).sum();
    let (_, _, first) = kinds.first()?;
    let more = match kinds.len() - 1 {
        0 => String::new(),
        1 => ", and another reason".into(),
        others => format!(", and {others} other reasons"),
    };
    let rows = if count == 1 { "1 row".into() } else { format!("{count} rows") };
    let values = if half { "both values" } else { "values" };
    let of_layer = |(&layer, &(first, last)): (&usize, &(u64, u64))| match first == last {
        true => format!("{} at epoch {first}", called(data, layer)),
        false => format!("{} from epoch {first} to {last}", called(data, layer)),
    };
    let mut shown: Vec<String> = layers.iter().take(3).map(of_layer).collect();
    if layers.len() > 3 {
        shown.push(format!("{} other layers", layers.len() - 3));
    }
    let reason =
        first.missing.as_ref().map_or_else(|| "no finite value".into(), |missing| missing.to_string());
    let reason = reason.trim_end_matches('.');
    let text = format!(
        "Left out: {rows} without {values}, of {} ({}, epoch {}: {reason}{more}).",
        shown.join(", "),
        called(data, first.layer),
        first.epoch
    );
    Some(Note::warning(NoteCode::Missing, text))
}

fn early_ends(data: &ReportData<'_>, group: &PlaneGroup<'_>, in_mean: &InMean) -> Option<Note> {
    // In one pass: a search for each seed would go through all rows of all seeds.
    let mut ends: BTreeMap<u64, Option<u64>> = BTreeMap::new();
    for row in group.rows().filter(|row| in_mean.has(row.seed)) {
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
    let what = if data.complete { "Ended early" } else { "The run goes on; so far" };
    let text = format!("{what}: {shown}{more}; the mean goes on with the others.");
    Some(Note::warning(NoteCode::EarlyEnd, text))
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
