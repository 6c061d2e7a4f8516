//! I(X;T) and H(T|X) against the number of networks pooled.

use super::{Setting, all_notes, called, empty_figure, layer_name, limit, words};
use crate::experiment::AsIfRandomResult;
use crate::figure::{
    Axis, AxisScale, Figure, FigureKind, Key, LegendEntry, Line, MarkStyle, Note, NoteCode, Of, Panel, Point,
    Points, Reference, Role, Series, ShownLayer,
};
use crate::math;
use crate::plane::Mean;
use crate::pool::{PooledMean, PooledPoint};

/// The figure of one setting of an estimator; nothing without values.
pub(super) fn figure(result: &AsIfRandomResult, setting: &Setting) -> Option<Figure> {
    let values = |value: fn(&PooledPoint) -> Option<Mean>| {
        setting.layers.iter().flat_map(|layer| &layer.trend).filter_map(value)
    };
    values(|point| point.i_xt_bits).next()?;
    let most = setting.n_networks().max(1) as f64;
    // The upper end stands for infinitely many.
    let x = Axis::of("M, networks pooled", "", AxisScale::Doublings, (1.0, 2.0 * most));
    let ends = |mean: Mean| {
        let error = mean.standard_error.unwrap_or(0.0);
        [mean.mean - error, mean.mean + error]
    };
    let h_x = result.h_x.bits();
    let control = values(|point| point.control_bits).flat_map(ends);
    let i_xt = values(|point| point.i_xt_bits).flat_map(ends).chain(control).chain([0.0, h_x]);
    let i_xt = Panel {
        name: String::new(),
        x: x.clone(),
        y: Axis::linear("I(X;T)", "bits", i_xt.collect::<Vec<_>>(), 0.05),
        series: setting.layers.iter().flat_map(|layer| series_of_i_xt(layer, most)).collect(),
        limits: vec![limit("H(X)", h_x)],
        remark: None,
    };
    let h_t_given_x = values(|point| point.h_t_given_x_bits).flat_map(ends).chain([0.0, 1.0]);
    // In short pieces, because the limit leaves the panel where layers stay far below it.
    let doublings = (0..=100).map(|step| f64::from(step) / 100.0 * math::log2(most));
    let points = doublings.map(|doublings| (math::exp2(doublings), doublings)).collect();
    let name = Some("log2 M".into());
    // Of a single network it is a point, at zero.
    let most_of_m =
        (most > 1.0).then(|| Line { dashed: true, name, ..Line::new(Role::Theory, Of::Theory, points) });
    let of_layers = setting.layers.iter().flat_map(|layer| curve(layer, |point| point.h_t_given_x_bits));
    let given_x = Panel {
        name: String::new(),
        x,
        y: Axis::linear("H(T|X)", "bits", h_t_given_x.collect::<Vec<_>>(), 0.08),
        series: most_of_m.map(Series::Line).into_iter().chain(of_layers).collect(),
        limits: vec![],
        remark: None,
    };
    let mut notes = words::reading(result, setting);
    notes.push(Note::reading(
        NoteCode::Definition,
        format!(
            "Open marks: I(X;T) in the limit of infinitely many networks, {}. Inputs shuffled: permuted within each network, so \
             that only the bias remains. H(T|X) of M networks cannot exceed log2 M.",
            setting.first().corrected_by.name()
        ),
    ));
    let entry = |key, name: &str| LegendEntry { key, name: name.into() };
    let layer = |layer: &PooledMean| ShownLayer {
        layer: layer.layer,
        name: layer_name(result, layer.layer, layer.width),
        called: called(result, layer.layer),
    };
    Some(Figure {
        layers: setting.layers.iter().map(layer).collect(),
        panels: vec![i_xt, given_x],
        legend: vec![
            entry(Key::Marks { role: None, marks: MarkStyle::Hollow }, "corrected, M → ∞"),
            entry(Key::Reference(Reference::Contiguous), "contiguous networks"),
            entry(Key::Reference(Reference::Shuffled), "inputs shuffled"),
            entry(Key::Reference(Reference::OneNetwork), "one network, M = 1"),
        ],
        notes: all_notes(notes, result, Some(setting)),
        ..empty_figure(
            FigureKind::PoolTrend,
            format!("trend-{}", setting.first().method.id),
            format!("I(X;T) and H(T|X) by the number of networks: {}", setting.name()),
            words::title(result, "information by the number of networks"),
            words::facts_of(result, setting),
        )
    })
}

/// What a layer shows of I(X;T): the values with those that they are compared with below, and the limit.
fn series_of_i_xt(layer: &PooledMean, most: f64) -> Vec<Series> {
    let reference = |reference, points: Vec<(f64, f64)>| {
        let line = Line::new(Role::Layer(layer.layer), Of::Mean, points);
        (!line.points.is_empty()).then_some(Series::Line(Line { reference: Some(reference), ..line }))
    };
    let control = layer.trend.iter().filter_map(|p| Some((p.n_networks as f64, p.control_bits?.mean)));
    let single = layer.single().and_then(|point| point.i_xt_bits).map(|mean| mean.mean);
    let contiguous = layer.contiguous_i_xt_bits.iter().map(|(size, mean)| (*size as f64, mean.mean));
    let contiguous = single.map(|value| (1.0, value)).into_iter().chain(contiguous);
    let level = single.map_or_else(Vec::new, |value| vec![(1.0, value), (2.0 * most, value)]);
    let mut series: Vec<Series> = [
        reference(Reference::Shuffled, control.collect()),
        reference(Reference::Contiguous, contiguous.collect()),
        reference(Reference::OneNetwork, level),
    ]
    .into_iter()
    .flatten()
    .collect();
    series.extend(curve(layer, |point| point.i_xt_bits));
    let last = layer.pooled().and_then(|point| Some((point.n_networks as f64, point.i_xt_bits?.mean)));
    if let Some((last, corrected)) = last.zip(layer.corrected_i_xt_bits) {
        series.extend(reference(Reference::Limit, vec![last, (2.0 * most, corrected.mean)]));
        series.push(marks(layer, MarkStyle::Hollow, [(2.0 * most, corrected)]));
    }
    series
}

/// A line and a mark for each number of networks.
fn curve(layer: &PooledMean, value: fn(&PooledPoint) -> Option<Mean>) -> Vec<Series> {
    let points: Vec<(f64, Mean)> =
        layer.trend.iter().filter_map(|point| Some((point.n_networks as f64, value(point)?))).collect();
    if points.is_empty() {
        return vec![];
    }
    let places = points.iter().map(|(m, mean)| (*m, mean.mean)).collect();
    let line = Line::new(Role::Layer(layer.layer), Of::Mean, places);
    vec![Series::Line(line), marks(layer, MarkStyle::Filled, points)]
}

fn marks(layer: &PooledMean, marks: MarkStyle, points: impl IntoIterator<Item = (f64, Mean)>) -> Series {
    let point = |(x, mean): (f64, Mean)| Point { x, y: mean.mean, error: mean.standard_error, label: None };
    let points = points.into_iter().map(point).collect();
    Series::Points(Points { role: Role::Layer(layer.layer), marks, points })
}
