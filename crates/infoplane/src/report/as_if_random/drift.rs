//! Loss, accuracy, weights and drift over the window.

use std::collections::BTreeMap;

use super::layout::{Key, LEFTS, PANEL, Series, TOP, bars, sheet};
use super::{as_if_random_notes, layer_name, words};
use crate::draw::{Color, Panel, Scale, Scene, layer_color};
use crate::experiment::AsIfRandomResult;
use crate::figure::measured::significant;
use crate::plane::Mean;
use crate::pool::{DriftRow, MAX_DRIFT, WindowRow};

/// The most seeds that have a colour and a name each.
const MOST_NAMED: usize = 7;

/// What a panel shows of a network.
type Value = fn(&WindowRow) -> f64;

/// The figure; `None` for a pool over seeds.
pub(super) fn draw(result: &AsIfRandomResult, title: Option<&str>) -> Option<Scene> {
    if result.drift.is_empty() {
        return None;
    }
    let mut seeds: BTreeMap<u64, Vec<&WindowRow>> = BTreeMap::new();
    for row in &result.window {
        seeds.entry(row.network.seed).or_default().push(row);
    }
    let n_networks = seeds.values().map(Vec::len).max().unwrap_or(1);
    let n_seeds = result.drift.iter().map(|row| row.seed).collect::<std::collections::BTreeSet<_>>().len();
    let named = (2..=MOST_NAMED).contains(&seeds.len());
    let color = |index: usize| if named { layer_color(index, seeds.len()).0 } else { Color(0, 114, 178) };
    let legend: Vec<(Key, String)> = match named {
        true => seeds
            .keys()
            .enumerate()
            .map(|(index, seed)| (Key::Line(color(index), &[]), format!("seed {seed}")))
            .collect(),
        false => vec![],
    };
    let independent = DriftRow::drift_of_independent_samples(n_networks);
    let mut notes = vec![format!(
        "Drift: distance between the mean weights (and biases) of a layer in the first and the second half of the window, \
         divided by their fluctuation within a half. {n_networks} independent samples of one distribution have \
         {independent:.2}, a random walk has 2, steady motion √12. A layer counts as drifting above {MAX_DRIFT}, or if one \
         before it does."
    )];
    notes.extend(linear_trend(result));
    notes.extend(words::mean_note(n_seeds));
    notes.extend(as_if_random_notes(result));
    let subtitle = words::about(result, "", n_seeds);
    let title = words::title(result, "drift of the weights", title);
    let mut scene = sheet(&title, &subtitle, &legend, &notes, 2);

    let below = TOP + PANEL.1 + 56.0;
    let panels: [(f64, f64, &str, Value); 3] = [
        (LEFTS[0], TOP, "training loss", |row| row.train_loss),
        (LEFTS[1], TOP, "training accuracy", |row| row.train_accuracy),
        (LEFTS[0], below, "weight norm", |row| row.weight_norm),
    ];
    for (left, top, name, value) in panels {
        // A value that hardly changes must look constant, and not be magnified to fill the panel.
        let least = |value: f64| [value, 0.997 * value, 1.003 * value];
        let values = result.window.iter().map(value).flat_map(least);
        let x = Scale::Linear { low: 0.0, high: n_networks as f64 + 1.0 };
        let y = Scale::linear(values, 0.08);
        let panel = Panel { left, top, width: PANEL.0, height: PANEL.1, x, y };
        panel.grid(&mut scene);
        for (index, rows) in seeds.values().enumerate() {
            let values = rows.iter().enumerate().map(|(place, row)| (place as f64 + 1.0, value(row)));
            let opacity = if seeds.len() > MOST_NAMED { 0.5 } else { 1.0 };
            panel.curve(&mut scene, values, color(index), 1.1, opacity, &[]);
        }
        panel.axes(&mut scene, "network of the window", name);
    }

    let layers = result.drift.iter().map(|row| row.layer).max().unwrap_or(0);
    let drift = |layer: usize| {
        let of_layer = result.drift.iter().filter(|row| row.layer == layer);
        Mean::of(&of_layer.map(DriftRow::drift).filter(|drift| drift.is_finite()).collect::<Vec<_>>())
    };
    let width = |layer: usize| result.layers.get(layer - 1).map_or(0, |described| described.width);
    let mut names: Vec<String> = (1..=layers).map(|layer| layer_name(result, layer, width(layer))).collect();
    names.push("all".into());
    let values: Vec<Option<Mean>> = (1..=layers).chain([0]).map(drift).collect();
    // Bars would hide the names of the lines that the values are compared with.
    let series = [Series { color: Color(213, 94, 0), opacity: 1.0, values, on_bar: true }];
    let limits = [
        (independent, "independent samples".to_string()),
        (DriftRow::DRIFT_OF_RANDOM_WALK, "random walk".to_string()),
        (DriftRow::DRIFT_OF_STEADY_MOTION, "steady motion".to_string()),
    ];
    bars(&mut scene, (LEFTS[1], below), &names, &series, "drift", &limits);
    Some(scene)
}

/// The linear trend of all layers together.
fn linear_trend(result: &AsIfRandomResult) -> Option<String> {
    let all: Vec<&DriftRow> = result.drift.iter().filter(|row| row.layer == 0).collect();
    let mean = |value: fn(&DriftRow) -> f64| Mean::of(&all.iter().map(|row| value(row)).collect::<Vec<_>>());
    let (trend, step, fluctuation) =
        (mean(|row| row.linear_trend_r2)?, mean(|row| row.mean_step)?, mean(|row| row.fluctuation)?);
    Some(format!(
        "All layers together: a linear trend in time explains {:.0} % of the weights' variance; the mean distance between \
         successive networks is {}, the fluctuation {}.",
        100.0 * trend.mean,
        significant(step.mean),
        significant(fluctuation.mean)
    ))
}
