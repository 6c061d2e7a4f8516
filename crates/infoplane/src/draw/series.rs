//! Lines and bands of a panel.

use super::{Color, DASHES, DOTS, Mark, Panel, Scene, cross, role_color, thin};
use crate::figure::{Band, BandRange, Figure, Line, Of};

/// How lines and bands of a figure are drawn.
#[derive(Debug, Clone, Copy)]
pub(super) struct Strokes {
    pub mean_width: f64,
    pub seed_width: f64,
    pub failed_width: f64,
    /// The opacity of a band between the outer and between the inner percentiles.
    pub bands: (f64, f64),
}

/// Draws a line. The mean of the layer at a place among `n` is thicker the earlier the layer: where layers lie on one
/// another at a limit, the earlier ones stay visible below.
pub(super) fn line(
    scene: &mut Scene,
    panel: &Panel,
    figure: &Figure,
    line: &Line,
    strokes: Strokes,
    (extra, dashes): (f64, Option<&'static [f32]>),
) {
    let (color, own) = role_color(figure, line.role);
    let points = || line.points.iter().copied();
    match line.of {
        Of::Seed(_) if line.failed => {
            panel.curve(scene, points(), color, strokes.failed_width, 0.8, DOTS);
            cross(scene, panel, points(), color);
        }
        Of::Seed(_) => panel.curve(scene, points(), color, strokes.seed_width, 0.3, &[]),
        _ => {
            let dashes = dashes.unwrap_or(if line.dashed { DASHES } else { own });
            panel.curve(scene, points(), color, strokes.mean_width + extra, 1.0, dashes);
        }
    }
}

/// Plus and minus a standard error about a place, as far as it is on the panel.
pub(super) fn error_bar(
    scene: &mut Scene,
    panel: &Panel,
    (x, value): (f64, f64),
    error: Option<f64>,
    color: Color,
) {
    let Some(error) = error.filter(|error| *error > 0.0) else { return };
    let Some((x, y)) = panel.at(x, value) else { return };
    let end = |value: f64, beyond: f64| {
        panel.y.share(value).map_or(beyond, |share| panel.bottom() - share * panel.height)
    };
    let (low, high) = (end(value - error, panel.bottom()), end(value + error, panel.top));
    // Shorter than the mark itself, it would only look like dirt on it.
    if low - high > 1.0 && (high..=low).contains(&y) {
        scene.line(vec![(x, low), (x, high)], color, 1.1);
    }
}

/// Fills what lies around a mean.
pub(super) fn band(scene: &mut Scene, panel: &Panel, figure: &Figure, band: &Band, strokes: Strokes) {
    let edge = |value: fn(&(f64, f64, f64)) -> f64| -> Vec<(f64, f64)> {
        let places = band.points.iter().filter_map(|point| panel.at(point.0, value(point)));
        thin(&places.collect::<Vec<_>>(), 0.7)
    };
    let mut points = edge(|point| point.2);
    points.extend(edge(|point| point.1).into_iter().rev());
    if points.len() < 3 {
        return;
    }
    let (fill, _): (Color, _) = role_color(figure, band.role);
    let opacity = if band.range == BandRange::From5To95 { strokes.bands.0 } else { strokes.bands.1 };
    scene.marks.push(Mark::Shape { points, fill, opacity, outline: None });
}
