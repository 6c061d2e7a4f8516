//! The information plane: I(T;Y) against I(X;T), a path for each layer.

use super::learned::{self, InMean};
use super::thinning::thin_means;
use super::{
    Axis, Direction, Figure, FigureKind, Limit, Line, Note, NoteCode, Of, Panel, Path, PathPoint, ReportData,
    Role, Series, words,
};
use crate::plane::{LayerPath, PlaneGroup};

/// The figure of one method; nothing if no row has values.
///
/// Of a mean over seeds that chose their own epochs, only as many points are there as can be seen.
pub(super) fn figure(data: &ReportData<'_>, group: &PlaneGroup<'_>) -> Option<Figure> {
    let data = &*data.of_method(group.method);
    let in_mean = data.in_mean();
    let mut layers = group.layers_over(|seed| in_mean.has(seed));
    if layers.is_empty() {
        return None;
    }
    let about = words::notes(data, group, &layers);
    let thinned = thin_means(&mut layers);
    let seeds = group.seeds();

    let mut panel = Panel {
        name: String::new(),
        x: axis("I(X;T)", &layers, data.h_x.bits(), 0.04, |point| point.x),
        y: axis("I(T;Y)", &layers, data.h_y.bits(), 0.06, |point| point.y),
        series: Vec::new(),
        limits: limits(data),
        remark: None,
    };
    if let Some(limit) = &data.limit {
        let line =
            |dashed, points| Series::Line(Line { dashed, ..Line::new(Role::Theory, Of::Theory, points) });
        // What limits labels that are a function of the input.
        let h_y = data.h_y.bits();
        panel.series.push(line(true, vec![(0.0, 0.0), (h_y, h_y)]));
        let points = limit.curve.points.iter().map(|point| (point.i_xt.bits(), point.i_ty.bits()));
        panel.series.push(line(false, points.collect()));
    }
    panel.series.extend(layers.iter().flat_map(|layer| seed_paths(layer, |seed| data.is_failed(seed))));
    panel.series.extend(layers.iter().map(|layer| mean_path(layer, &in_mean)).map(Series::Path));

    let mut figure = Figure {
        id: format!("plane-{}", group.method.id),
        kind: FigureKind::Plane,
        heading: format!("Information plane: {}", group.method.title),
        title: format!("Information plane – {}", data.title),
        facts: std::iter::once(group.method.title.clone()).chain(words::facts(data, &seeds)).collect(),
        layers: layers.iter().map(|path| data.shown_layer(path.layer, path.width)).collect(),
        panels: vec![panel],
        grid: None,
        groups: vec![],
        legend: vec![],
        notes: vec![],
        table: Some("plane.csv".into()),
    };
    if let Some(epoch) = figure.only_epoch() {
        let text = format!("Measured at epoch {epoch} only.");
        figure.notes.push(Note::warning(NoteCode::SingleEpoch, text));
    }
    figure.notes.extend(learned::note(data));
    figure.notes.extend(learned::reading(data, &seeds, "Thin: each seed."));
    figure.notes.extend(thinned);
    figure.notes.extend(about);
    figure.notes.extend(data.limit.as_ref().map(|limit| limit.note()));
    Some(figure)
}

/// From zero to the limit even where the data fill less: the place in the plane is the message.
fn axis(quantity: &str, layers: &[LayerPath], limit: f64, extra: f64, value: fn(&PathPoint) -> f64) -> Axis {
    let seeds = layers.iter().flat_map(|layer| &layer.seeds);
    let values = seeds.flat_map(|(_, points)| points.iter().map(|point| value(&seed_point(point))));
    Axis::bits(quantity, values, [limit], extra)
}

pub(super) fn limits(data: &ReportData<'_>) -> Vec<Limit> {
    let (h_x, h_y) = (data.h_x.bits(), data.h_y.bits());
    let limit = |axis, name: &str, value: f64, text| Limit { axis, value, name: name.into(), text };
    let limits = [
        limit(Direction::X, "H(X)", h_x, format!("{h_x:.2}")),
        limit(Direction::Y, "H(Y)", h_y, format!("{h_y:.3}")),
    ];
    limits.into_iter().filter(|limit| limit.value.is_finite()).collect()
}

fn seed_point(point: &crate::plane::PlanePoint) -> PathPoint {
    PathPoint { epoch: point.epoch, x: point.i_xt_bits, y: point.i_ty_bits, x_error: None, y_error: None }
}

/// The paths of the seeds of a layer, those that did not learn last; none where there is one seed, for then the mean is
/// its path.
pub(crate) fn seed_paths(layer: &LayerPath, is_failed: impl Fn(u64) -> bool) -> Vec<Series> {
    if layer.seeds.len() < 2 {
        return vec![];
    }
    let path = |(seed, points): &(u64, Vec<crate::plane::PlanePoint>)| Path {
        layer: layer.layer,
        group: None,
        of: Of::Seed(*seed),
        failed: is_failed(*seed),
        points: points.iter().map(seed_point).collect(),
    };
    let (failed, learned): (Vec<Path>, Vec<Path>) =
        layer.seeds.iter().map(path).partition(|path| path.failed);
    learned.into_iter().chain(failed).map(Series::Path).collect()
}

/// The mean path of a layer.
pub(crate) fn mean_path(layer: &LayerPath, in_mean: &InMean) -> Path {
    let points = layer.mean.iter().map(|point| PathPoint {
        epoch: point.epoch,
        x: point.i_xt_bits.mean,
        y: point.i_ty_bits.mean,
        x_error: point.i_xt_bits.standard_error,
        y_error: point.i_ty_bits.standard_error,
    });
    let failed = !layer.seeds.iter().any(|(seed, _)| in_mean.has(*seed));
    Path { layer: layer.layer, group: None, of: Of::Mean, failed, points: points.collect() }
}
