//! How the path of a training that did not learn is marked.

use super::{Color, Panel, Scene};

/// The dashes of trainings that did not learn.
pub(crate) const DOTS: &[f32] = &[0.9, 2.1];

/// A cross where the path of a failed seed ends.
pub(crate) fn cross(
    scene: &mut Scene,
    panel: &Panel,
    mut path: impl DoubleEndedIterator<Item = (f64, f64)>,
    color: Color,
) {
    let Some((x, y)) = path.next_back().and_then(|(x, y)| panel.at(x, y)) else { return };
    const ARM: f64 = 3.4;
    // White below both arms, so that a cross among many lines stands out.
    for (color, width) in [(Color::WHITE, 3.2), (color, 1.5)] {
        for sign in [1.0, -1.0] {
            scene.line(vec![(x - ARM, y - sign * ARM), (x + ARM, y + sign * ARM)], color, width);
        }
    }
}
