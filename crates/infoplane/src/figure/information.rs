//! I(X;T) and I(T;Y) of every layer against the epoch; each where there is one.
//!
//! Of a few seeds each is there, of many the bands that hold most of them. Of a mean over seeds that chose their own
//! epochs, only as many points are there as can be seen.

use std::collections::BTreeMap;

use super::learned::{self, InMean, LEAST_FOR_BANDS};
use super::thinning::thin_means;
use super::{
    Axis, Band, BandRange, Direction, Figure, FigureKind, Limit, Line, Of, Panel, ReportData, Role, Series,
    words,
};
use crate::plane::{LayerPath, Mean, MeanPoint, Percentiles, PlaneGroup, PlanePoint};

/// What one of the two panels shows.
struct Quantity {
    layers: Vec<LayerPath>,
    name: &'static str,
    limit: (&'static str, f64),
    point: fn(&PlanePoint) -> f64,
    mean: fn(&MeanPoint) -> Mean,
}

/// The figure of one method; nothing if no row has values.
pub(super) fn figure(data: &ReportData<'_>, group: &PlaneGroup<'_>) -> Option<Figure> {
    let data = &*data.of_method(group.method);
    let in_mean = &data.in_mean();
    // One after the other, each thinned before the next: they are long where the run is.
    let mut with_i_xt = group.layers_with_i_xt(|seed| in_mean.has(seed));
    let of_i_xt = thin_means(&mut with_i_xt);
    let mut with_i_ty = group.layers_with_i_ty(|seed| in_mean.has(seed));
    let of_i_ty = thin_means(&mut with_i_ty);
    let widths: BTreeMap<usize, usize> =
        with_i_xt.iter().chain(&with_i_ty).map(|path| (path.layer, path.width)).collect();
    if widths.is_empty() {
        return None;
    }
    let about = words::notes(data, group, &group.layers_over(|seed| in_mean.has(seed)));
    let thinned = of_i_xt.or(of_i_ty);
    let quantities = [
        Quantity {
            layers: with_i_xt,
            name: "I(X;T)",
            limit: ("H(X)", data.h_x.bits()),
            point: |p| p.i_xt_bits,
            mean: |p| p.i_xt_bits,
        },
        Quantity {
            layers: with_i_ty,
            name: "I(T;Y)",
            limit: ("H(Y)", data.h_y.bits()),
            point: |p| p.i_ty_bits,
            mean: |p| p.i_ty_bits,
        },
    ];
    let seeds = group.seeds();
    let bands = "Bands: 5 to 95 % of the seeds, darker 25 to 75 %.";
    let notes = learned::note(data).into_iter().chain(learned::reading(data, &seeds, bands));
    let notes = notes.chain(thinned).chain(about);
    Some(Figure {
        id: format!("information-{}", group.method.id),
        kind: FigureKind::Information,
        heading: format!("Information over epochs: {}", group.method.title),
        title: format!("Information over epochs – {}", data.title),
        facts: std::iter::once(group.method.title.clone()).chain(words::facts(data, &seeds)).collect(),
        layers: widths.into_iter().map(|(layer, width)| data.shown_layer(layer, width)).collect(),
        panels: quantities.iter().map(|quantity| panel(data, quantity, in_mean)).collect(),
        grid: None,
        groups: vec![],
        legend: vec![],
        notes: notes.collect(),
        table: Some("repeats.csv".into()),
    })
}

fn panel(data: &ReportData<'_>, quantity: &Quantity, in_mean: &InMean) -> Panel {
    let layers = &quantity.layers;
    let points = || layers.iter().flat_map(|layer| layer.seeds.iter().flat_map(|(_, points)| points));
    let (name, limit) = quantity.limit;
    let axis = Axis::epochs(points().map(|point| point.epoch));
    let values = points().map(quantity.point);
    let mut series = Vec::new();
    for layer in layers {
        seeds(&mut series, data, layer, quantity, in_mean);
    }
    for layer in layers {
        let points = layer.mean.iter().map(|p| (p.epoch as f64, (quantity.mean)(p).mean)).collect();
        let failed = !layer.seeds.iter().any(|(seed, _)| in_mean.has(*seed));
        let role = Role::Layer(layer.layer);
        series.push(Series::Line(Line { failed, ..Line::new(role, Of::Mean, points) }));
    }
    let (axis_name, text) = (Direction::Y, format!("{limit:.3}"));
    Panel {
        name: String::new(),
        x: axis,
        y: Axis::bits(quantity.name, values, [limit], 0.06),
        series,
        limits: if limit.is_finite() {
            vec![Limit { axis: axis_name, value: limit, name: name.into(), text }]
        } else {
            vec![]
        },
        remark: layers.is_empty().then(|| "no value; see below".into()),
    }
}

/// The seeds around the mean: each, or where there are many the bands that hold most of them; those that did not
/// learn in any case.
fn seeds(
    series: &mut Vec<Series>,
    data: &ReportData<'_>,
    layer: &LayerPath,
    quantity: &Quantity,
    in_mean: &InMean,
) {
    if layer.seeds.len() < 2 {
        return;
    }
    let role = Role::Layer(layer.layer);
    let bands = layer.seeds.iter().filter(|(seed, _)| in_mean.has(*seed)).count() >= LEAST_FOR_BANDS;
    if bands {
        let band = |range, ends: fn(&Percentiles) -> (f64, f64)| {
            let point = |p: &MeanPoint| {
                let (low, high) = ends(&(quantity.mean)(p).percentiles);
                (p.epoch as f64, low, high)
            };
            let points = layer.mean.iter().map(point).collect();
            Series::Band(Band { role, range, points })
        };
        series.push(band(BandRange::From5To95, |percentiles| (percentiles.p5, percentiles.p95)));
        series.push(band(BandRange::From25To75, |percentiles| (percentiles.p25, percentiles.p75)));
    }
    for (seed, points) in &layer.seeds {
        let failed = data.is_failed(*seed);
        if failed || !bands {
            let points = points.iter().map(|p| (p.epoch as f64, (quantity.point)(p))).collect();
            series.push(Series::Line(Line { failed, ..Line::new(role, Of::Seed(*seed), points) }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Information, InformationPlane, PlaneRow};

    #[test]
    fn bands_lie_between_their_percentiles() {
        // Of 0, 1, …, 8 the percentile p is 8p.
        let method = std::sync::Arc::new(crate::plane::MethodDescription::new("binned", "", None));
        let row = |seed: u64| PlaneRow::new(seed, 3, (1, 2), &method, (seed as f64, 0.5));
        let plane: InformationPlane = (0..9).map(row).collect();
        let data = ReportData {
            h_x: Information::from_bits(9.0),
            h_y: Information::from_bits(1.0),
            ..ReportData::empty(&plane)
        };
        let figure = figure(&data, &plane.groups()[0]).unwrap();
        let bands: Vec<&Band> = figure.panels[0]
            .series
            .iter()
            .filter_map(|series| match series {
                Series::Band(band) => Some(band),
                _ => None,
            })
            .collect();
        let ranges: Vec<BandRange> = bands.iter().map(|band| band.range).collect();
        assert_eq!(ranges, [BandRange::From5To95, BandRange::From25To75]);
        assert_eq!(bands[1].points, [(3.0, 2.0, 6.0)]);
        assert!((bands[0].points[0].1 - 0.4).abs() < 1e-12 && (bands[0].points[0].2 - 7.6).abs() < 1e-12);
    }
}
