//! A pair of axes.

use super::{Anchor, Color, Mark, Scale, Scene, Text};
use crate::math;

const TICK_SIZE: f64 = 11.0;
const LABEL_SIZE: f64 = 12.5;

/// A pair of axes at a place on the sheet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Panel {
    pub left: f64,
    pub top: f64,
    pub width: f64,
    pub height: f64,
    pub x: Scale,
    pub y: Scale,
}

impl Panel {
    pub(crate) fn right(&self) -> f64 {
        self.left + self.width
    }

    pub(crate) fn bottom(&self) -> f64 {
        self.top + self.height
    }

    /// Where a pair of values is on the sheet; nothing if an axis has no place for it.
    pub(crate) fn at(&self, x: f64, y: f64) -> Option<(f64, f64)> {
        Some((self.across(x)?, self.bottom() - self.y.share(y)? * self.height))
    }

    /// Where a value of the lower axis is. Epochs and doublings keep clear of the frame, or epoch 0 would lie on it.
    fn across(&self, x: f64) -> Option<f64> {
        let margin = match self.x {
            Scale::Epochs { .. } => 7.0,
            Scale::Doublings { .. } => 12.0,
            _ => 0.0,
        };
        Some(self.left + margin + self.x.share(x)? * (self.width - 2.0 * margin))
    }

    /// Draws what lies below the data: the grid.
    pub(crate) fn grid(&self, scene: &mut Scene) {
        self.upright_grid(scene);
        for tick in self.y.ticks(self.height).iter().filter(|tick| tick.label.is_some()) {
            if let Some(share) = self.y.share(tick.value) {
                let y = self.bottom() - share * self.height;
                scene.line(vec![(self.left, y), (self.right(), y)], Color::GRID, 0.8);
            }
        }
    }

    /// The half of the grid that belongs to the lower axis.
    pub(crate) fn upright_grid(&self, scene: &mut Scene) {
        for tick in self.x.ticks(self.width).iter().filter(|tick| tick.label.is_some()) {
            if let Some(x) = self.across(tick.value) {
                scene.line(vec![(x, self.top), (x, self.bottom())], Color::GRID, 0.8);
            }
        }
    }

    /// Draws what lies above the data: the frame, the ticks and the names of the axes.
    pub(crate) fn axes(&self, scene: &mut Scene, x_name: &str, y_name: &str) {
        let mut widest = 0f64;
        self.lower_axis(scene, x_name);
        for tick in self.y.ticks(self.height) {
            let Some(share) = self.y.share(tick.value) else { continue };
            let y = self.bottom() - share * self.height;
            let length = if tick.label.is_some() { 4.5 } else { 2.5 };
            scene.line(vec![(self.left - length, y), (self.left, y)], Color::INK, 0.8);
            if let Some(label) = tick.label {
                let text = Text::new(self.left - 7.5, y + 4.0, TICK_SIZE, label).anchor(Anchor::End);
                widest = widest.max(-text.start());
                scene.text(text);
            }
        }
        self.frame(scene);
        let name =
            Text::new(self.left - 7.5 - widest - 9.0, (self.top + self.bottom()) / 2.0, LABEL_SIZE, y_name);
        scene.text(name.anchor(Anchor::Middle).upward());
    }

    /// The ticks and the name of the lower axis.
    pub(crate) fn lower_axis(&self, scene: &mut Scene, name: &str) {
        for tick in self.x.ticks(self.width) {
            let Some(x) = self.across(tick.value) else { continue };
            let length = if tick.label.is_some() { 4.5 } else { 2.5 };
            scene.line(vec![(x, self.bottom()), (x, self.bottom() + length)], Color::INK, 0.8);
            if let Some(label) = tick.label {
                let text = Text::new(x, self.bottom() + 17.0, TICK_SIZE, label);
                scene.text(text.anchor(Anchor::Middle));
            }
        }
        let middle = (self.left + self.right()) / 2.0;
        scene.text(Text::new(middle, self.bottom() + 36.0, LABEL_SIZE, name).anchor(Anchor::Middle));
    }

    pub(crate) fn frame(&self, scene: &mut Scene) {
        let (left, right, top, bottom) = (self.left, self.right(), self.top, self.bottom());
        // The first corner twice and half a side more: the last corner is joined as the others are.
        let frame =
            vec![(left, bottom), (right, bottom), (right, top), (left, top), (left, bottom), (right, bottom)];
        scene.line(frame, Color::INK, 0.9);
    }

    /// Draws a line through the values that have a place, broken where one has none.
    pub(crate) fn curve(
        &self,
        scene: &mut Scene,
        values: impl IntoIterator<Item = (f64, f64)>,
        color: Color,
        width: f64,
        opacity: f64,
        dashes: &'static [f32],
    ) {
        let mut piece = Vec::new();
        let mut draw = |piece: Vec<(f64, f64)>| {
            let piece = thin(&piece, 0.7);
            match piece[..] {
                [] => {}
                // A single epoch is no line; without a dot it would be invisible.
                [(x, y)] => scene.marks.push(Mark::Circle {
                    x,
                    y,
                    radius: width + 0.6,
                    fill: color,
                    opacity,
                    outline: None,
                }),
                _ => scene.dashed(piece, color, width, opacity, dashes),
            }
        };
        for (x, y) in values {
            match self.at(x, y) {
                Some(place) => piece.push(place),
                None => draw(std::mem::take(&mut piece)),
            }
        }
        draw(piece);
    }
}

/// The places that are at least `distance` points from the last one kept, and both ends.
pub(crate) fn thin(places: &[(f64, f64)], distance: f64) -> Vec<(f64, f64)> {
    let mut kept: Vec<(f64, f64)> = Vec::new();
    for (index, &place) in places.iter().enumerate() {
        let far = kept.last().is_none_or(|last| math::hypot(last.0 - place.0, last.1 - place.1) >= distance);
        if far || index + 1 == places.len() {
            kept.push(place);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinning_keeps_both_ends() {
        let places: Vec<(f64, f64)> = (0..=100).map(|i| (f64::from(i) * 0.1, 0.0)).collect();
        let kept = thin(&places, 3.0);
        assert_eq!((kept[0], kept[kept.len() - 1]), ((0.0, 0.0), (10.0, 0.0)));
        assert!(kept.len() < 6);
    }
}
