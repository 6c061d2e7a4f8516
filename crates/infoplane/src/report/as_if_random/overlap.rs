//! Overlap of the distributions p(t | x) of two inputs, within a class and between classes.

use std::collections::{BTreeMap, BTreeSet};

use super::layout::{FAINT, Key, LEFTS, Series, TOP, bars, sheet};
use super::{as_if_random_notes, layer_name, words};
use crate::draw::{Color, Scene};
use crate::experiment::AsIfRandomResult;
use crate::plane::{Mean, MethodDescription};
use crate::pool::{MAX_COMPARED_INPUTS, OverlapRow};

const WITHIN: Color = Color(0, 114, 178);
const BETWEEN: Color = Color(213, 94, 0);

/// The figure of one kind of cells; nothing without pairs.
pub(super) fn draw(
    result: &AsIfRandomResult,
    method: &MethodDescription,
    title: Option<&str>,
) -> Option<Scene> {
    let rows: Vec<&OverlapRow> = result.overlap.iter().filter(|row| row.method.id == method.id).collect();
    let layers: Vec<usize> = rows.iter().map(|row| row.layer).collect::<BTreeSet<_>>().into_iter().collect();
    let n_networks = rows.iter().map(|row| row.n_networks).max()?;
    let seeds: BTreeSet<Option<u64>> = rows.iter().map(|row| row.seed).collect();
    let panel = |value: fn(&OverlapRow) -> f64| -> Vec<Series> {
        let all = [
            (WITHIN, true, 1),
            (WITHIN, true, n_networks),
            (BETWEEN, false, 1),
            (BETWEEN, false, n_networks),
        ];
        all.into_iter()
            .map(|(color, within, m)| Series {
                color,
                opacity: if m < n_networks { FAINT } else { 1.0 },
                values: layers.iter().map(|&layer| over_seeds(&rows, layer, m, within, value)).collect(),
                on_bar: false,
            })
            .collect()
    };
    let legend = [
        (Key::Bar(WITHIN, FAINT), "within a class, M = 1".to_string()),
        (Key::Bar(WITHIN, 1.0), format!("within a class, M = {n_networks}")),
        (Key::Bar(BETWEEN, FAINT), "between classes, M = 1".to_string()),
        (Key::Bar(BETWEEN, 1.0), format!("between classes, M = {n_networks}")),
    ];
    let mut notes = words::mean_note(seeds.len());
    notes.push(
        "Two inputs overlap if their distributions p(t | x) over the networks of the pool have a cell in common. Mean \
         overlap: the sum over cells of the smaller of the two probabilities, 1 for equal distributions. Where two inputs \
         overlap, T does not tell them apart."
            .into(),
    );
    if result.data.n_measured > MAX_COMPARED_INPUTS {
        notes.push(format!("Pairs of {MAX_COMPARED_INPUTS} evenly spaced inputs."));
    }
    notes.extend(as_if_random_notes(result));
    let subtitle = words::about(result, &method.title, seeds.len());
    let title = words::title(result, "which inputs overlap", title);
    let mut scene = sheet(&title, &subtitle, &legend, &notes, 1);
    let width = |layer: usize| result.layers.get(layer - 1).map_or(0, |described| described.width);
    let names: Vec<String> = layers.iter().map(|&layer| layer_name(result, layer, width(layer))).collect();
    let share = panel(|row| row.overlapping_fraction);
    bars(&mut scene, (LEFTS[0], TOP), &names, &share, "fraction of pairs that overlap", &[]);
    bars(&mut scene, (LEFTS[1], TOP), &names, &panel(|row| row.mean_overlap), "mean overlap of a pair", &[]);
    Some(scene)
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
