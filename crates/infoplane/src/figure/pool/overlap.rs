//! Overlap of the distributions p(t | x) of two inputs, within a class and between classes.

use std::collections::{BTreeMap, BTreeSet};

use super::{all_notes, bar_panel, bars, empty_figure, name_of, words};
use crate::experiment::AsIfRandomResult;
use crate::figure::{BarStyle, Bars, Figure, FigureKind, Key, LegendEntry, Note, NoteCode, Role};
use crate::plane::{Mean, MethodDescription};
use crate::pool::{MAX_COMPARED_INPUTS, OverlapRow};

/// What is compared, in the order of [`Figure::groups`].
const GROUPS: [&str; 2] = ["within a class", "between classes"];

/// The figure of one kind of cells; nothing without pairs.
pub(super) fn figure(result: &AsIfRandomResult, method: &MethodDescription) -> Option<Figure> {
    let rows: Vec<&OverlapRow> = result.overlap.iter().filter(|row| row.method.id == method.id).collect();
    let layers: Vec<usize> = rows.iter().map(|row| row.layer).collect::<BTreeSet<_>>().into_iter().collect();
    let n_networks = rows.iter().map(|row| row.n_networks).max()?;
    let seeds: BTreeSet<Option<u64>> = rows.iter().map(|row| row.seed).collect();
    let shown: Vec<(usize, usize)> =
        (0..GROUPS.len()).flat_map(|group| [(group, 1), (group, n_networks)]).collect();
    let style = |m| if m < n_networks { BarStyle::Pale } else { BarStyle::Full };
    let series = |value: fn(&OverlapRow) -> f64| -> Vec<Bars> {
        let bars = |&(group, m): &(usize, usize)| {
            let values = layers.iter().map(|&layer| over_seeds(&rows, layer, m, group == 0, value));
            bars(Role::Group(group), style(m), values)
        };
        shown.iter().map(bars).collect()
    };
    let entry = |&(group, m): &(usize, usize)| LegendEntry {
        key: Key::Bars { role: Some(Role::Group(group)), style: style(m) },
        name: format!("{}, M = {m}", GROUPS[group]),
    };
    let mut notes = words::mean_note(seeds.len());
    notes.push(Note::reading(
        NoteCode::Definition,
        "Two inputs overlap if their distributions p(t | x) over the networks of the pool have a cell in common. Mean \
         overlap: the sum over cells of the smaller of the two probabilities, 1 for equal distributions. Where two inputs \
         overlap, T cannot always tell them apart.",
    ));
    if result.data.n_measured > MAX_COMPARED_INPUTS {
        let pairs = format!("Pairs of {MAX_COMPARED_INPUTS} evenly spaced inputs.");
        notes.push(Note::fact(NoteCode::Definition, pairs));
    }
    let names: Vec<String> = layers.iter().map(|&layer| name_of(result, layer)).collect();
    let share = series(|row| row.overlapping_fraction);
    let mean = series(|row| row.mean_overlap);
    Some(Figure {
        panels: vec![
            bar_panel(&names, ("fraction of pairs that overlap", ""), share, vec![]),
            bar_panel(&names, ("mean overlap of a pair", ""), mean, vec![]),
        ],
        groups: GROUPS.map(String::from).to_vec(),
        legend: shown.iter().map(entry).collect(),
        notes: all_notes(notes, result, None),
        ..empty_figure(
            FigureKind::PoolOverlap,
            format!("overlap-{}", method.id),
            format!("Overlap of p(t | x) of two inputs: {}", method.title),
            words::title(result, "which inputs overlap"),
            words::facts(result, &method.title, seeds.len()),
        )
    })
}

/// The mean over all pairs within classes, or all between, of each seed; then over seeds.
fn over_seeds(
    rows: &[&OverlapRow],
    layer: usize,
    n_networks: usize,
    within: bool,
    value: fn(&OverlapRow) -> f64,
) -> Option<Mean> {
    let mut sums: BTreeMap<Option<u64>, (f64, f64)> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.layer == layer && row.n_networks == n_networks) {
        if (row.class == row.other_class) == within {
            let sum = sums.entry(row.seed).or_default();
            sum.0 += row.n_pairs as f64 * value(row);
            sum.1 += row.n_pairs as f64;
        }
    }
    Mean::of(&sums.values().map(|(sum, pairs)| sum / pairs).collect::<Vec<_>>())
}
