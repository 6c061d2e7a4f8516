//! I(X;T) and H(T|X) against the number of networks pooled.

use super::layout::{Key, LEFTS, PANEL, TOP, error_bar, limit, open, sheet};
use super::{Setting, as_if_random_notes, layer_name, words};
use crate::draw::{Color, Mark, Panel, Scale, Scene, Text, layer_color};
use crate::experiment::AsIfRandomResult;
use crate::plane::Mean;
use crate::pool::{PooledMean, PooledPoint};

const DASHES: &[f32] = &[4.0, 3.0];
const DOTS: &[f32] = &[1.2, 2.6];

/// The figure of one setting of an estimator; nothing without values.
pub(super) fn draw(result: &AsIfRandomResult, setting: &Setting, title: Option<&str>) -> Option<Scene> {
    let values = |value: fn(&PooledPoint) -> Option<Mean>| {
        setting.layers.iter().flat_map(|layer| &layer.trend).filter_map(value)
    };
    values(|point| point.i_xt_bits).next()?;
    let n_layers = setting.layers.len();
    let mut legend: Vec<(Key, String)> = setting
        .layers
        .iter()
        .enumerate()
        .map(|(index, layer)| {
            let (color, dashes) = layer_color(index, n_layers);
            (Key::Line(color, dashes), layer_name(result, layer.layer, layer.width))
        })
        .collect();
    legend.push((Key::Open(Color::QUIET), "corrected, M → ∞".into()));
    legend.push((Key::Line(Color::QUIET, &[]), "contiguous networks".into()));
    legend.push((Key::Line(Color::QUIET, DASHES), "inputs shuffled".into()));
    legend.push((Key::Line(Color::QUIET, DOTS), "one network, M = 1".into()));
    let mut notes = words::reading(result, setting);
    notes.push(format!(
        "Open marks: I(X;T) in the limit of infinitely many networks, {}. Inputs shuffled: permuted within each network, so \
         that only the bias remains. H(T|X) of M networks cannot exceed log2 M.",
        setting.first().corrected_by.name()
    ));
    notes.extend(as_if_random_notes(result));
    notes.extend(words::notes(result, setting));
    let title = words::title(result, "information by the number of networks", title);
    let mut scene = sheet(&title, &words::subtitle(result, setting), &legend, &notes, 1);

    let most = setting.n_networks().max(1) as f64;
    let x = Scale::Doublings { most };
    let ends = |mean: Mean| {
        let error = mean.standard_error.unwrap_or(0.0);
        [mean.mean - error, mean.mean + error]
    };
    let h_x = result.h_x.bits();
    let control = values(|point| point.control_bits).flat_map(ends);
    let i_xt = values(|point| point.i_xt_bits).flat_map(ends).chain(control).chain([0.0, h_x]);
    let i_xt = Panel {
        left: LEFTS[0],
        top: TOP,
        width: PANEL.0,
        height: PANEL.1,
        x,
        y: Scale::linear(i_xt.collect::<Vec<_>>(), 0.05),
    };
    i_xt.grid(&mut scene);
    limit(&mut scene, &i_xt, h_x, "H(X)");
    for (index, layer) in setting.layers.iter().enumerate() {
        draw_i_xt(&mut scene, &i_xt, layer, layer_color(index, n_layers), most);
    }
    i_xt.axes(&mut scene, "M, networks pooled", "I(X;T)  [bits]");

    let h_t_given_x = values(|point| point.h_t_given_x_bits).flat_map(ends).chain([0.0, 1.0]);
    let given_x = Panel { left: LEFTS[1], y: Scale::linear(h_t_given_x.collect::<Vec<_>>(), 0.08), ..i_xt };
    given_x.grid(&mut scene);
    // In short pieces, because the limit leaves the panel where layers stay far below it.
    let doublings = (0..=100).map(|step| f64::from(step) / 100.0 * most.log2());
    given_x.curve(&mut scene, doublings.map(|d| (d.exp2(), d)), Color::LIMIT, 1.1, 1.0, &[5.0, 3.5]);
    let name = (1..=100).rev().map(|step| f64::from(step) / 100.0 * most.log2());
    if let Some((x, y)) =
        name.filter_map(|d| given_x.at(d.exp2(), d)).find(|place| place.1 > given_x.top + 14.0)
    {
        let text = Text::new(x - 6.0, y + 4.0, 10.5, "log2 M");
        scene.text(text.anchor(crate::draw::Anchor::End).color(Color::QUIET));
    }
    for (index, layer) in setting.layers.iter().enumerate() {
        let (color, dashes) = layer_color(index, n_layers);
        curve(&mut scene, &given_x, layer, |point| point.h_t_given_x_bits, color, dashes);
    }
    given_x.axes(&mut scene, "M, networks pooled", "H(T|X)  [bits]");
    Some(scene)
}

fn draw_i_xt(
    scene: &mut Scene,
    panel: &Panel,
    layer: &PooledMean,
    (color, dashes): (Color, &'static [f32]),
    most: f64,
) {
    let control = layer.trend.iter().filter_map(|p| Some((p.n_networks as f64, p.control_bits?.mean)));
    panel.curve(scene, control, color, 1.1, 0.75, DASHES);
    let contiguous = layer.contiguous_i_xt_bits.iter().map(|(size, mean)| (*size as f64, mean.mean));
    let single = layer.single().and_then(|point| Some((1.0, point.i_xt_bits?.mean)));
    panel.curve(scene, single.into_iter().chain(contiguous), color, 0.9, 0.8, &[]);
    if let Some(single) = layer.single().and_then(|point| point.i_xt_bits) {
        let level = [(1.0, single.mean), (2.0 * most, single.mean)];
        panel.curve(scene, level, color, 0.9, 0.6, DOTS);
    }
    curve(scene, panel, layer, |point| point.i_xt_bits, color, dashes);
    let last = layer.pooled().and_then(|point| Some((point.n_networks as f64, point.i_xt_bits?.mean)));
    if let Some((last, corrected)) = last.zip(layer.corrected_i_xt_bits) {
        let end = (2.0 * most, corrected.mean);
        panel.curve(scene, [last, end], color, 0.9, 0.6, &[]);
        error_bar(scene, panel, end.0, corrected, color);
        scene.marks.extend(panel.at(end.0, end.1).map(|place| open(place, color)));
    }
}

fn curve(
    scene: &mut Scene,
    panel: &Panel,
    layer: &PooledMean,
    value: fn(&PooledPoint) -> Option<Mean>,
    color: Color,
    dashes: &'static [f32],
) {
    let points = || layer.trend.iter().filter_map(|point| Some((point.n_networks as f64, value(point)?)));
    panel.curve(scene, points().map(|(m, mean)| (m, mean.mean)), color, 1.8, 1.0, dashes);
    for (m, mean) in points() {
        error_bar(scene, panel, m, mean, color);
        if let Some((x, y)) = panel.at(m, mean.mean) {
            scene.marks.push(Mark::Circle { x, y, radius: 2.2, fill: color, opacity: 1.0, outline: None });
        }
    }
}
