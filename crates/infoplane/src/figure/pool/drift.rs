//! Loss, accuracy, weights and drift over the window.

use std::collections::{BTreeMap, BTreeSet};

use super::{all_notes, bar_panel, bars, empty_figure, limit, name_of, words};
use crate::experiment::AsIfRandomResult;
use crate::figure::measured::significant;
use crate::figure::{
    Axis, AxisScale, BarStyle, Figure, FigureKind, Line, Note, NoteCode, Of, Panel, Role, Series,
};
use crate::plane::Mean;
use crate::pool::{DriftRow, MAX_DRIFT, WindowRow};

/// The most seeds that have a colour and a name each.
const MOST_NAMED: usize = 7;

/// What a panel shows of a network.
type Value = fn(&WindowRow) -> f64;

/// The figure; `None` for a pool over seeds.
pub(super) fn figure(result: &AsIfRandomResult) -> Option<Figure> {
    if result.drift.is_empty() {
        return None;
    }
    let mut seeds: BTreeMap<u64, Vec<&WindowRow>> = BTreeMap::new();
    for row in &result.window {
        seeds.entry(row.network.seed).or_default().push(row);
    }
    let n_networks = seeds.values().map(Vec::len).max().unwrap_or(1);
    let n_seeds = result.drift.iter().map(|row| row.seed).collect::<BTreeSet<_>>().len();
    let each = seeds.len() <= MOST_NAMED;
    let groups = match each {
        true => seeds.keys().map(|seed| format!("seed {seed}")).collect(),
        false => vec![format!("{} seeds", seeds.len())],
    };
    let independent = DriftRow::drift_of_independent_samples(n_networks);
    let mut notes = vec![Note::reading(
        NoteCode::Drift,
        format!(
            "Drift: distance between the mean weights (and biases) of a layer in the first and the second half of the window, \
             divided by their fluctuation within a half. {n_networks} independent samples of one distribution have \
             {independent:.2}, a random walk has 2, steady motion √12. A layer counts as drifting above {MAX_DRIFT}, or if one \
             before it does."
        ),
    )];
    notes.extend(linear_trend(result));
    notes.extend(words::mean_note(n_seeds));

    let shown: [(&str, Value); 3] = [
        ("training loss", |row| row.train_loss.unwrap_or(f64::NAN)),
        ("training accuracy", |row| row.train_accuracy.unwrap_or(f64::NAN)),
        ("weight norm", |row| row.weight_norm),
    ];
    let panel = |(quantity, value): (&str, Value)| {
        // A value that hardly changes must look constant, and not be magnified to fill the panel.
        let least = |value: f64| [value, 0.997 * value, 1.003 * value];
        let line = |(index, (seed, rows)): (usize, (&u64, &Vec<&WindowRow>))| {
            let values = rows.iter().enumerate().map(|(place, row)| (place as f64 + 1.0, value(row)));
            let role = Role::Group(if each { index } else { 0 });
            Series::Line(Line::new(role, Of::Seed(*seed), values.collect()))
        };
        Panel {
            name: String::new(),
            x: Axis::of("network of the window", "", AxisScale::Linear, (0.0, n_networks as f64 + 1.0)),
            y: Axis::linear(quantity, "", result.window.iter().map(value).flat_map(least), 0.08),
            series: seeds.iter().enumerate().map(line).collect(),
            limits: vec![],
            remark: None,
        }
    };
    // Of networks that another program trained, loss and accuracy may not be known.
    let is_known = |(_, value): &(&str, Value)| result.window.iter().any(|row| !value(row).is_nan());
    let panels = shown.into_iter().filter(is_known).map(panel).chain([drift_by_layer(result, independent)]);
    Some(Figure {
        panels: panels.collect(),
        groups,
        notes: all_notes(notes, result, None),
        ..empty_figure(
            FigureKind::PoolDrift,
            "drift".into(),
            "Drift of the weights over the window".into(),
            words::title(result, "drift of the weights"),
            words::facts(result, "", n_seeds),
        )
    })
}

/// The drift of each layer and of all together, beside those of known motions.
fn drift_by_layer(result: &AsIfRandomResult, independent: f64) -> Panel {
    let layers = result.drift.iter().map(|row| row.layer).max().unwrap_or(0);
    let drift = |layer: usize| {
        let of_layer = result.drift.iter().filter(|row| row.layer == layer);
        Mean::of(&of_layer.map(DriftRow::drift).filter(|drift| drift.is_finite()).collect::<Vec<_>>())
    };
    let mut names: Vec<String> = (1..=layers).map(|layer| name_of(result, layer)).collect();
    names.push("all".into());
    // Bars would hide the names of the lines that the values are compared with.
    let values = bars(Role::Network, BarStyle::Open, (1..=layers).chain([0]).map(drift));
    let limits = vec![
        limit("independent samples", independent),
        limit("random walk", DriftRow::DRIFT_OF_RANDOM_WALK),
        limit("steady motion", DriftRow::DRIFT_OF_STEADY_MOTION),
    ];
    bar_panel(&names, ("drift", ""), vec![values], limits)
}

/// The linear trend of all layers together.
fn linear_trend(result: &AsIfRandomResult) -> Option<Note> {
    let all: Vec<&DriftRow> = result.drift.iter().filter(|row| row.layer == 0).collect();
    let mean = |value: fn(&DriftRow) -> f64| Mean::of(&all.iter().map(|row| value(row)).collect::<Vec<_>>());
    let (trend, step, fluctuation) =
        (mean(|row| row.linear_trend_r2)?, mean(|row| row.mean_step)?, mean(|row| row.fluctuation)?);
    let text = format!(
        "All layers together: a linear trend in time explains {:.0} % of the weights' variance; the mean distance between \
         successive networks is {}, the fluctuation {}.",
        100.0 * trend.mean,
        significant(step.mean),
        significant(fluctuation.mean)
    );
    Some(Note::fact(NoteCode::Drift, text))
}
