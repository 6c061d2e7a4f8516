//! Curves side by side: anything against anything.

use crate::draw::{Anchor, Color, Mark, Panel, Scale, Scene, Sheet, Text, legend_lines, remark};

/// Panels of curves in rows and columns.
#[derive(Debug, Clone)]
pub(crate) struct CurvesFigure {
    pub title: String,
    pub subtitle: String,
    pub columns: Vec<String>,
    pub rows: Vec<Vec<String>>,
    /// Row after row.
    pub panels: Vec<CurvePanel>,
    pub legend: Vec<LegendEntry>,
    pub notes: Vec<String>,
}

/// One pair of axes.
#[derive(Debug, Clone)]
pub(crate) struct CurvePanel {
    pub remark: String,
    pub x: Scale,
    pub y: Scale,
    pub x_name: String,
    pub y_name: String,
    pub curves: Vec<Curve>,
    /// Dashed lines across, with their names.
    pub levels: Vec<(f64, String)>,
}

/// One curve.
#[derive(Debug, Clone)]
pub(crate) struct Curve {
    pub points: Vec<(f64, f64)>,
    /// (x, from, to); may be empty.
    pub band: Vec<(f64, f64, f64)>,
    pub color: Color,
    pub dashes: &'static [f32],
    pub width: f64,
    /// Whether a line joins the points, and whether each has a dot.
    pub line: bool,
    pub dots: Dots,
}

/// What stands at each point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dots {
    No,
    Filled,
    Hollow,
}

/// A line of the legend.
#[derive(Debug, Clone)]
pub(crate) struct LegendEntry {
    pub name: String,
    pub color: Color,
    pub dashes: &'static [f32],
    pub line: bool,
    pub dots: Dots,
}

impl Curve {
    /// A plain line.
    pub(crate) fn line(points: Vec<(f64, f64)>, color: Color) -> Curve {
        Curve { points, band: Vec::new(), color, dashes: &[], width: 1.7, line: true, dots: Dots::No }
    }
}

impl CurvesFigure {
    /// The figure, laid out.
    pub(crate) fn draw(self) -> Scene {
        let columns = self.columns.len().max(1);
        let names: Vec<String> = self.legend.iter().map(|entry| entry.name.clone()).collect();
        let named_rows = !self.rows.is_empty();
        let mut sheet = Sheet {
            columns,
            rows: self.panels.len().div_ceil(columns).max(1),
            panel: if columns > 2 { (236.0, 190.0) } else { (340.0, 240.0) },
            gap: (74.0, 66.0),
            left: 78.0 + if named_rows { 26.0 } else { 0.0 },
            right: 34.0,
            below: 0.0,
            named_columns: self.columns.iter().any(|name| !name.is_empty()),
        };
        let lines = legend_lines(&names, 48.0, sheet.end() - sheet.left);
        sheet.below = if names.is_empty() { 0.0 } else { 18.0 * lines.len() as f64 + 8.0 };
        let mut scene = sheet.scene(&self.title, &self.subtitle, &self.notes);
        sheet.name_columns(&mut scene, &self.columns);
        sheet.name_rows(&mut scene, &self.rows);
        for (index, content) in self.panels.iter().enumerate() {
            let (left, top) = sheet.at(index / columns, index % columns);
            let (width, height) = sheet.panel;
            content.draw(&mut scene, &Panel { left, top, width, height, x: content.x, y: content.y });
        }
        for (line, entries) in lines.iter().enumerate() {
            for &(index, offset) in entries {
                let (x, y) = (sheet.left + offset, sheet.bottom() + 56.0 + 18.0 * line as f64);
                let entry = &self.legend[index];
                if entry.line {
                    let line = vec![(x, y - 4.0), (x + 22.0, y - 4.0)];
                    scene.dashed(line, entry.color, 2.2, 1.0, entry.dashes);
                }
                dot(&mut scene, (x + 11.0, y - 4.0), entry.color, entry.dots);
                scene.text(Text::new(x + 28.0, y, 11.5, entry.name.clone()));
            }
        }
        scene
    }
}

impl CurvePanel {
    fn draw(&self, scene: &mut Scene, panel: &Panel) {
        panel.grid(scene);
        for (level, name) in &self.levels {
            let Some(share) = panel.y.share(*level) else { continue };
            let y = panel.bottom() - share * panel.height;
            scene.dashed(vec![(panel.left, y), (panel.right(), y)], Color::LIMIT, 1.0, 1.0, &[4.0, 3.0]);
            let text = Text::new(panel.right() - 4.0, y - 4.0, 10.5, name.clone());
            scene.text(text.anchor(Anchor::End).color(Color::QUIET));
        }
        for curve in &self.curves {
            band(scene, panel, curve);
        }
        for curve in &self.curves {
            if curve.line {
                let points = curve.points.iter().copied();
                panel.curve(scene, points, curve.color, curve.width, 1.0, curve.dashes);
            }
            for place in curve.points.iter().filter_map(|&(x, y)| panel.at(x, y)) {
                dot(scene, place, curve.color, curve.dots);
            }
        }
        if self.curves.iter().all(|curve| curve.points.is_empty()) {
            let text = Text::new(panel.left + 12.0, panel.top + 40.0, 11.0, "no value");
            scene.text(text.color(Color::QUIET));
        }
        panel.axes(scene, &self.x_name, &self.y_name);
        remark(scene, (panel.right() - 7.0, panel.bottom() - 8.0), &self.remark);
    }
}

fn dot(scene: &mut Scene, (x, y): (f64, f64), color: Color, dots: Dots) {
    let (fill, outline) = match dots {
        Dots::No => return,
        Dots::Filled => (color, Some((Color::WHITE, 0.5))),
        Dots::Hollow => (Color::WHITE, Some((color, 1.2))),
    };
    scene.marks.push(Mark::Circle { x, y, radius: 3.1, fill, opacity: 1.0, outline });
}

fn band(scene: &mut Scene, panel: &Panel, curve: &Curve) {
    // Beyond the axis a band goes on along the frame.
    let inside = |y: f64| panel.y.inside(y);
    let edge = |value: fn(&(f64, f64, f64)) -> f64| {
        curve.band.iter().filter_map(move |b| panel.at(b.0, inside(value(b))))
    };
    let mut points: Vec<(f64, f64)> = edge(|b| b.1).collect();
    points.extend(edge(|b| b.2).collect::<Vec<_>>().into_iter().rev());
    if points.len() > 3 {
        let (fill, opacity) = (curve.color, 0.12);
        scene.marks.push(Mark::Shape { points, fill, opacity, outline: None });
    }
}
