//! What a figure is made of, in points from the upper left corner.

use super::{Color, Weight, text_width};

/// A figure, laid out.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Scene {
    pub width: f64,
    pub height: f64,
    /// Drawn in this order, later ones on top.
    pub marks: Vec<Mark>,
}

/// One thing to draw.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Mark {
    /// An open line through points, with round joins.
    Line { points: Vec<(f64, f64)>, color: Color, width: f64, opacity: f64, dashes: &'static [f32] },
    /// A filled polygon, with an outline of its own colour if one is given.
    Shape { points: Vec<(f64, f64)>, fill: Color, opacity: f64, outline: Option<(Color, f64)> },
    /// A filled circle.
    Circle { x: f64, y: f64, radius: f64, fill: Color, opacity: f64, outline: Option<(Color, f64)> },
    /// An upright rectangle filled with even steps of colour, from its bottom to its top.
    Ramp { x: f64, y: f64, width: f64, height: f64, colors: Vec<Color> },
    /// A line of text.
    Text(Text),
}

/// A line of text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Text {
    /// Where the anchor of the baseline is.
    pub x: f64,
    pub y: f64,
    pub content: String,
    pub size: f64,
    pub weight: Weight,
    pub anchor: Anchor,
    pub color: Color,
    /// Whether it runs upward instead of to the right.
    pub upward: bool,
}

/// Which part of a text its position names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

impl Text {
    /// Dark text that starts at a point.
    pub(crate) fn new(x: f64, y: f64, size: f64, content: impl Into<String>) -> Text {
        Text {
            x,
            y,
            content: content.into(),
            size,
            weight: Weight::Regular,
            anchor: Anchor::Start,
            color: Color::INK,
            upward: false,
        }
    }

    pub(crate) fn anchor(self, anchor: Anchor) -> Text {
        Text { anchor, ..self }
    }

    pub(crate) fn color(self, color: Color) -> Text {
        Text { color, ..self }
    }

    pub(crate) fn bold(self) -> Text {
        Text { weight: Weight::Bold, ..self }
    }

    pub(crate) fn upward(self) -> Text {
        Text { upward: true, ..self }
    }

    /// Where the text begins, counted from its anchor along its baseline.
    pub(crate) fn start(&self) -> f64 {
        let width = text_width(&self.content, self.size, self.weight);
        match self.anchor {
            Anchor::Start => 0.0,
            Anchor::Middle => -width / 2.0,
            Anchor::End => -width,
        }
    }
}

impl Scene {
    /// An empty sheet.
    pub(crate) fn new(width: f64, height: f64) -> Scene {
        Scene { width, height, marks: Vec::new() }
    }

    /// The scene, everything on it larger by a factor.
    ///
    /// Dashes keep their length, as they are part of the pattern that a line is known by.
    pub(crate) fn magnified(mut self, by: f64) -> Scene {
        let scale = |value: &mut f64| *value *= by;
        let scale_points = |points: &mut Vec<(f64, f64)>| {
            points.iter_mut().for_each(|point| *point = (point.0 * by, point.1 * by));
        };
        scale(&mut self.width);
        scale(&mut self.height);
        for mark in &mut self.marks {
            match mark {
                Mark::Line { points, width, .. } => {
                    scale_points(points);
                    scale(width);
                }
                Mark::Shape { points, outline, .. } => {
                    scale_points(points);
                    outline.iter_mut().for_each(|outline| scale(&mut outline.1));
                }
                Mark::Circle { x, y, radius, outline, .. } => {
                    [x, y, radius].into_iter().for_each(scale);
                    outline.iter_mut().for_each(|outline| scale(&mut outline.1));
                }
                Mark::Ramp { x, y, width, height, .. } => [x, y, width, height].into_iter().for_each(scale),
                Mark::Text(text) => {
                    [&mut text.x, &mut text.y, &mut text.size].into_iter().for_each(scale);
                }
            }
        }
        self
    }

    pub(crate) fn text(&mut self, text: Text) {
        self.marks.push(Mark::Text(text));
    }

    pub(crate) fn line(&mut self, points: Vec<(f64, f64)>, color: Color, width: f64) {
        self.dashed(points, color, width, 1.0, &[]);
    }

    pub(crate) fn dashed(
        &mut self,
        points: Vec<(f64, f64)>,
        color: Color,
        width: f64,
        opacity: f64,
        dashes: &'static [f32],
    ) {
        if points.len() > 1 {
            self.marks.push(Mark::Line { points, color, width, opacity, dashes });
        }
    }
}
