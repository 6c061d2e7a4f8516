//! I(X;T) and I(T;Y) of every layer against the epoch; each where there is one.
//!
//! Of a few seeds each is drawn, of many the bands that hold most of them. Of a mean over seeds that chose their own epochs, only as many points are drawn as can be seen.

use std::collections::BTreeMap;

use super::failed::LEAST_FOR_BANDS;
use super::thinning::thin_means;
use super::{ReportData, caption, failed};
use crate::draw::{Anchor, Color, Mark, Panel, Scale, Scene, Text, Weight, layer_color, text_width, thin};
use crate::plane::{LayerPath, Mean, MeanPoint, PlaneGroup, PlanePoint};

const LEAST_WIDTH: f64 = 860.0;
const TOP: f64 = 66.0;
const PANEL: (f64, f64) = (290.0, 300.0);
const LEFTS: [f64; 2] = [60.0, 424.0];

/// What one of the two panels shows.
struct Quantity {
    layers: Vec<LayerPath>,
    name: &'static str,
    limit: (&'static str, f64),
    point: fn(&PlanePoint) -> f64,
    mean: fn(&MeanPoint) -> Mean,
}

/// The figure of one setting of an estimator; nothing if no row has values.
pub(super) fn draw(data: &ReportData<'_>, group: &PlaneGroup<'_>) -> Option<Scene> {
    let (mut with_i_xt, mut with_i_ty) = (group.layers_with_i_xt(), group.layers_with_i_ty());
    thin_means(&mut with_i_xt);
    thin_means(&mut with_i_ty);
    let described: BTreeMap<usize, usize> =
        with_i_xt.iter().chain(&with_i_ty).map(|path| (path.layer, path.width)).collect();
    if described.is_empty() {
        return None;
    }
    let numbers: Vec<usize> = described.keys().copied().collect();
    let names: Vec<String> = described.iter().map(|(&layer, &width)| data.layer_name(layer, width)).collect();
    let legend_left = LEFTS[1] + PANEL.0 + 16.0;
    let width = LEAST_WIDTH.max(legend_left + legend_width(&names) + 16.0);
    let notes = caption::note_lines(&notes(data, group), width - 2.0 * 24.0);
    let bottom = (TOP + PANEL.1 + 56.0).max(TOP + 8.0 + LEGEND_STEP * names.len() as f64 + 8.0);
    let mut scene = Scene::new(width, bottom + caption::note_height(&notes) + 12.0);
    let title = format!("Information over epochs – {}", data.title);
    caption::write_title(&mut scene, LEFTS[0], &title, &caption::subtitle(data, group));

    let quantities = [
        Quantity {
            layers: with_i_xt,
            name: "I(X;T)  [bits]",
            limit: ("H(X)", data.h_x.bits()),
            point: |p| p.i_xt_bits,
            mean: |p| p.i_xt_bits,
        },
        Quantity {
            layers: with_i_ty,
            name: "I(T;Y)  [bits]",
            limit: ("H(Y)", data.h_y.bits()),
            point: |p| p.i_ty_bits,
            mean: |p| p.i_ty_bits,
        },
    ];
    for (left, quantity) in LEFTS.into_iter().zip(quantities) {
        draw_quantity(&mut scene, data, left, &numbers, &quantity);
    }
    legend(&mut scene, legend_left, TOP + 8.0, &names);
    caption::write_notes(&mut scene, 24.0, bottom, &notes);
    Some(scene)
}

fn notes(data: &ReportData<'_>, group: &PlaneGroup<'_>) -> Vec<String> {
    let mut notes = caption::notes(data, group);
    let bands = "Bands: 5 to 95% of the seeds, darker 25 to 75%.";
    let reading = failed::reading(data, group.seeds().len(), bands);
    notes.splice(0..0, reading.into_iter().chain(failed::note(data)));
    notes
}

fn draw_quantity(
    scene: &mut Scene,
    data: &ReportData<'_>,
    left: f64,
    numbers: &[usize],
    quantity: &Quantity,
) {
    let layers = &quantity.layers;
    let points = || layers.iter().flat_map(|layer| layer.seeds.iter().flat_map(|(_, points)| points));
    let (limit_name, limit) = quantity.limit;
    let panel = Panel {
        left,
        top: TOP,
        width: PANEL.0,
        height: PANEL.1,
        x: Scale::epochs(points().map(|p| p.epoch)),
        y: Scale::linear(points().map(quantity.point).chain([0.0, limit]), 0.06),
    };
    panel.grid(scene);
    if let Some(share) = panel.y.share(limit) {
        let y = panel.bottom() - share * panel.height;
        scene.dashed(vec![(left, y), (panel.right(), y)], Color::LIMIT, 1.1, 1.0, &[5.0, 3.5]);
        let text = Text::new(panel.right() - 4.0, y - 4.0, 10.5, limit_name);
        scene.text(text.anchor(Anchor::End).color(Color::QUIET));
    }
    if layers.is_empty() {
        let text = Text::new(left + PANEL.0 / 2.0, TOP + PANEL.1 / 2.0, 12.0, "no value; see below");
        scene.text(text.anchor(Anchor::Middle).color(Color::QUIET));
    }
    // A layer has its colour by its place among all, also where others have no value.
    let place = |layer: &LayerPath| numbers.iter().position(|&number| number == layer.layer).unwrap_or(0);
    for layer in layers {
        let (color, _) = layer_color(place(layer), numbers.len());
        seeds(scene, data, &panel, layer, quantity, color);
    }
    for layer in layers {
        let index = place(layer);
        let (color, dashes) = layer_color(index, numbers.len());
        let values = layer.mean.iter().map(|p| (p.epoch as f64, (quantity.mean)(p).mean));
        // Wide layers lie on one another at the limit; the earlier ones are thicker and stay visible below.
        let width = 1.6 + 1.4 * (numbers.len() - 1 - index) as f64 / numbers.len() as f64;
        panel.curve(scene, values, color, width, 1.0, dashes);
    }
    panel.axes(scene, "epoch", quantity.name);
}

/// The seeds around the mean: each, or where there are many the bands that hold most of them; those that did not
/// learn in any case.
fn seeds(
    scene: &mut Scene,
    data: &ReportData<'_>,
    panel: &Panel,
    layer: &LayerPath,
    quantity: &Quantity,
    color: Color,
) {
    if layer.seeds.len() < 2 {
        return;
    }
    let bands = layer.seeds.len() >= LEAST_FOR_BANDS;
    if bands {
        band(scene, panel, layer, color, 0.1, |p| {
            let percentiles = (quantity.mean)(p).percentiles;
            (percentiles.p5, percentiles.p95)
        });
        band(scene, panel, layer, color, 0.22, |p| {
            let percentiles = (quantity.mean)(p).percentiles;
            (percentiles.p25, percentiles.p75)
        });
    }
    for (seed, points) in &layer.seeds {
        let values = points.iter().map(|p| (p.epoch as f64, (quantity.point)(p)));
        if data.is_marked(*seed) {
            panel.curve(scene, values.clone(), color, 1.0, 0.75, failed::DOTS);
            failed::cross(scene, panel, values, color);
        } else if !bands {
            panel.curve(scene, values, color, 0.7, 0.3, &[]);
        }
    }
}

/// Fills what lies between two edges.
fn band(
    scene: &mut Scene,
    panel: &Panel,
    layer: &LayerPath,
    fill: Color,
    opacity: f64,
    edges: impl Fn(&MeanPoint) -> (f64, f64),
) {
    let edge = |choose: fn((f64, f64)) -> f64| -> Vec<(f64, f64)> {
        let places = layer.mean.iter().filter_map(|p| panel.at(p.epoch as f64, choose(edges(p))));
        thin(&places.collect::<Vec<_>>(), 0.7)
    };
    let mut points = edge(|(_, upper)| upper);
    points.extend(edge(|(lower, _)| lower).into_iter().rev());
    scene.marks.push(Mark::Shape { points, fill, opacity, outline: None });
}

/// How far the names of a legend are apart.
pub(super) const LEGEND_STEP: f64 = 18.0;
const LEGEND_SIZE: f64 = 11.5;

/// How wide the legend is.
pub(super) fn legend_width(names: &[String]) -> f64 {
    28.0 + names.iter().map(|name| text_width(name, LEGEND_SIZE, Weight::Regular)).fold(0.0, f64::max)
}

/// The line of each layer beside its name.
pub(super) fn legend(scene: &mut Scene, x: f64, top: f64, names: &[String]) {
    for (index, name) in names.iter().enumerate() {
        let y = top + LEGEND_STEP * index as f64;
        let (color, dashes) = layer_color(index, names.len());
        scene.dashed(vec![(x, y), (x + 22.0, y)], color, 2.2, 1.0, dashes);
        scene.text(Text::new(x + 28.0, y + 4.0, LEGEND_SIZE, name.clone()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_band_lies_between_its_percentiles() {
        // Of 0, 1, …, 8 the percentile p is 8p; drawn ten points high, one a bit.
        let values: Vec<f64> = (0..9).map(f64::from).collect();
        let mean = Mean::of(&values).unwrap();
        let point = |epoch| MeanPoint { epoch, i_xt_bits: mean, i_ty_bits: mean };
        let layer = LayerPath { layer: 1, width: 3, seeds: vec![], mean: vec![point(0), point(10)] };
        let scale = Scale::Linear { low: 0.0, high: 10.0 };
        let panel = Panel { left: 0.0, top: 0.0, width: 10.0, height: 10.0, x: scale, y: scale };
        let mut scene = Scene::new(10.0, 10.0);
        band(&mut scene, &panel, &layer, Color::INK, 0.1, |p| {
            (p.i_xt_bits.percentiles.p5, p.i_xt_bits.percentiles.p75)
        });
        let [Mark::Shape { points, .. }] = &scene.marks[..] else { panic!("{:?} is no band", scene.marks) };
        let expected = [(0.0, 10.0 - 6.0), (10.0, 10.0 - 6.0), (10.0, 10.0 - 0.4), (0.0, 10.0 - 0.4)];
        assert_eq!(points.len(), expected.len());
        for (found, expected) in points.iter().zip(expected) {
            let distance = (found.0 - expected.0).hypot(found.1 - expected.1);
            assert!(distance < 1e-9, "{found:?} is not {expected:?}");
        }
    }
}
