//! Colours that stay apart for colour-blind readers.

use crate::math;

/// An opaque colour, sRGB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Color(pub u8, pub u8, pub u8);

impl Color {
    pub(crate) const WHITE: Color = Color(255, 255, 255);
    pub(crate) const INK: Color = Color(34, 34, 34);
    pub(crate) const QUIET: Color = Color(95, 95, 95);
    pub(crate) const LIMIT: Color = Color(120, 120, 120);
    pub(crate) const GRID: Color = Color(233, 233, 233);
}

/// The map viridis (van der Walt & Smith, CC0) at 33 even steps.
const VIRIDIS: [Color; 33] = [
    Color(68, 1, 84),
    Color(71, 13, 96),
    Color(72, 24, 106),
    Color(72, 35, 116),
    Color(71, 45, 123),
    Color(69, 55, 129),
    Color(66, 64, 134),
    Color(62, 73, 137),
    Color(59, 82, 139),
    Color(55, 91, 141),
    Color(51, 99, 141),
    Color(47, 107, 142),
    Color(44, 114, 142),
    Color(41, 122, 142),
    Color(38, 130, 142),
    Color(35, 137, 142),
    Color(33, 145, 140),
    Color(31, 152, 139),
    Color(31, 160, 136),
    Color(34, 167, 133),
    Color(40, 174, 128),
    Color(50, 182, 122),
    Color(63, 188, 115),
    Color(78, 195, 107),
    Color(94, 201, 98),
    Color(112, 207, 87),
    Color(132, 212, 75),
    Color(152, 216, 62),
    Color(173, 220, 48),
    Color(194, 223, 35),
    Color(216, 226, 25),
    Color(236, 229, 27),
    Color(253, 231, 37),
];

/// The colour at a share of 0 (first epoch) to 1 (last epoch); even steps look evenly far apart.
pub(crate) fn epoch_color(share: f64) -> Color {
    let at = share.clamp(0.0, 1.0) * (VIRIDIS.len() - 1) as f64;
    let below = at as usize;
    let (low, high) = (VIRIDIS[below], VIRIDIS[(below + 1).min(VIRIDIS.len() - 1)]);
    let mix = |a: u8, b: u8| (f64::from(a) + (f64::from(b) - f64::from(a)) * at.fract()).round() as u8;
    Color(mix(low.0, high.0), mix(low.1, high.1), mix(low.2, high.2))
}

/// The palette of Okabe & Ito without its yellow, which white paper swallows, and five colours apart from those.
const LAYERS: [Color; 12] = [
    Color(0, 0, 0),
    Color(230, 159, 0),
    Color(86, 180, 233),
    Color(0, 158, 115),
    Color(0, 114, 178),
    Color(213, 94, 0),
    Color(204, 121, 167),
    Color(136, 34, 85),
    Color(153, 153, 51),
    Color(70, 50, 160),
    Color(120, 80, 50),
    Color(255, 120, 120),
];

/// The colour and the dashes of the layer at `index` of `n_layers`.
///
/// Twelve colours can be told apart; more layers take evenly spaced colours of the epoch map, every second one dashed.
pub(crate) fn layer_color(index: usize, n_layers: usize) -> (Color, &'static [f32]) {
    const SOLID: &[f32] = &[];
    if n_layers <= LAYERS.len() {
        return (LAYERS[index % LAYERS.len()], SOLID);
    }
    let share = 0.93 * index as f64 / (n_layers - 1) as f64;
    (epoch_color(share), if index.is_multiple_of(2) { SOLID } else { &[5.0, 1.6] })
}

/// A colour at a share of 0 (first epoch) to 1 (last epoch): from a light tint to the colour itself, and a little beyond.
pub(crate) fn shade(color: Color, share: f64) -> Color {
    let share = share.clamp(0.0, 1.0);
    let (white, dim) = (0.78 * math::powf(1.0 - share, 1.2), 1.0 - 0.12 * share);
    let mix = |c: u8| ((f64::from(c) * (1.0 - white) + 255.0 * white) * dim).round() as u8;
    Color(mix(color.0), mix(color.1), mix(color.2))
}

/// How light a colour looks, 0 to 255.
fn lightness(color: Color) -> f64 {
    0.30 * f64::from(color.0) + 0.59 * f64::from(color.1) + 0.11 * f64::from(color.2)
}

/// Whether a colour looks lighter than `limit`, of 255, so that letters on it must be dark.
pub(crate) fn is_light(color: Color, limit: f64) -> bool {
    lightness(color) > limit
}

/// As much of a colour as letters on white can have.
pub(crate) fn readable(color: Color) -> Color {
    let light = lightness(color) / 255.0;
    let dim = (0.38 / light.max(0.38)).min(1.0);
    let part = |c: u8| (f64::from(c) * dim).round() as u8;
    Color(part(color.0), part(color.1), part(color.2))
}
