//! A scene as PNG.

use skrifa::outline::OutlinePen;
use tiny_skia::{
    FillRule, GradientStop, LineCap, LineJoin, LinearGradient, Paint, Path, PathBuilder, Pixmap, Point, Rect,
    SpreadMode, Stroke, StrokeDash, Transform,
};

use super::font::outline;
use super::{Color, Mark, Scene, Text};

/// Pixels to a point: 800 points become 1600 pixels, sharp in print and on dense screens.
pub(crate) const PIXELS_PER_POINT: f64 = 2.0;

impl Scene {
    /// The scene as the bytes of a PNG file. The same scene gives the same bytes.
    ///
    /// # Errors
    /// Only if the encoder refuses the picture.
    pub(crate) fn to_png(&self) -> Result<Vec<u8>, String> {
        let sheet = self.to_pixels(PIXELS_PER_POINT)?;
        encode(&sheet).map_err(|error| error.to_string())
    }

    /// The scene on white, with so many pixels to a point.
    ///
    /// # Errors
    /// For a scene without an area.
    pub(super) fn to_pixels(&self, per_point: f64) -> Result<Pixmap, String> {
        let pixels = |points: f64| (points * per_point).round().clamp(1.0, 16_000.0) as u32;
        let (width, height) = (pixels(self.width), pixels(self.height));
        let mut sheet = Pixmap::new(width, height).ok_or(format!("no picture of {width}×{height} pixels"))?;
        sheet.fill(tiny_skia::Color::WHITE);
        let scale = Transform::from_scale(per_point as f32, per_point as f32);
        for mark in &self.marks {
            draw(&mut sheet, mark, scale);
        }
        Ok(sheet)
    }
}

fn draw(sheet: &mut Pixmap, mark: &Mark, scale: Transform) {
    match mark {
        Mark::Line { points, color, width, opacity, dashes } => {
            let Some(path) = polygon(points, false) else { return };
            let stroke = Stroke {
                width: *width as f32,
                line_join: LineJoin::Round,
                line_cap: LineCap::Butt,
                dash: StrokeDash::new(dashes.to_vec(), 0.0),
                ..Stroke::default()
            };
            sheet.stroke_path(&path, &paint(*color, *opacity), &stroke, scale, None);
        }
        Mark::Shape { points, fill, opacity, outline } => {
            fill_and_outline(sheet, polygon(points, true), *fill, *opacity, *outline, scale);
        }
        Mark::Circle { x, y, radius, fill, opacity, outline } => {
            let circle = PathBuilder::from_circle(*x as f32, *y as f32, *radius as f32);
            fill_and_outline(sheet, circle, *fill, *opacity, *outline, scale);
        }
        Mark::Ramp { x, y, width, height, colors } => {
            let stops = colors.iter().enumerate().map(|(step, &color)| {
                let offset = step as f32 / (colors.len() - 1).max(1) as f32;
                GradientStop::new(offset, opaque(color, 1.0))
            });
            let (bottom, top) = (Point::from_xy(0.0, (y + height) as f32), Point::from_xy(0.0, *y as f32));
            let gradient =
                LinearGradient::new(bottom, top, stops.collect(), SpreadMode::Pad, Transform::identity());
            let area = Rect::from_xywh(*x as f32, *y as f32, *width as f32, *height as f32);
            if let (Some(shader), Some(area)) = (gradient, area) {
                sheet.fill_rect(area, &Paint { shader, ..Paint::default() }, scale, None);
            }
        }
        Mark::Text(text) => draw_text(sheet, text, scale),
    }
}

fn fill_and_outline(
    sheet: &mut Pixmap,
    path: Option<Path>,
    fill: Color,
    opacity: f64,
    outline: Option<(Color, f64)>,
    scale: Transform,
) {
    let Some(path) = path else { return };
    sheet.fill_path(&path, &paint(fill, opacity), FillRule::Winding, scale, None);
    if let Some((color, width)) = outline {
        let stroke = Stroke { width: width as f32, ..Stroke::default() };
        sheet.stroke_path(&path, &paint(color, 1.0), &stroke, scale, None);
    }
}

fn draw_text(sheet: &mut Pixmap, text: &Text, scale: Transform) {
    let start = text.start();
    let mut letters = PathBuilder::new();
    outline(
        &text.content,
        text.size,
        text.weight,
        |x, scale| Letter { path: PathBuilder::new(), x: (start + x) as f32, scale: scale as f32 },
        |letter| {
            if let Some(path) = letter.path.finish() {
                letters.push_path(&path);
            }
        },
    );
    let place = Transform::from_translate(text.x as f32, text.y as f32);
    let turn = if text.upward { place.pre_rotate(-90.0) } else { place };
    if let Some(path) = letters.finish() {
        let transform = turn.post_concat(scale);
        sheet.fill_path(&path, &paint(text.color, 1.0), FillRule::Winding, transform, None);
    }
}

/// Font units have their y axis upward; pictures have it downward.
struct Letter {
    path: PathBuilder,
    x: f32,
    scale: f32,
}

impl Letter {
    fn place(&self, x: f32, y: f32) -> (f32, f32) {
        (self.x + x * self.scale, -y * self.scale)
    }
}

impl OutlinePen for Letter {
    fn move_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.place(x, y);
        self.path.move_to(x, y);
    }
    fn line_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.place(x, y);
        self.path.line_to(x, y);
    }
    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        let ((x1, y1), (x, y)) = (self.place(x1, y1), self.place(x, y));
        self.path.quad_to(x1, y1, x, y);
    }
    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let ((x1, y1), (x2, y2), (x, y)) = (self.place(x1, y1), self.place(x2, y2), self.place(x, y));
        self.path.cubic_to(x1, y1, x2, y2, x, y);
    }
    fn close(&mut self) {
        self.path.close();
    }
}

fn polygon(points: &[(f64, f64)], closed: bool) -> Option<Path> {
    let mut path = PathBuilder::new();
    for (index, &(x, y)) in points.iter().enumerate() {
        match index {
            0 => path.move_to(x as f32, y as f32),
            _ => path.line_to(x as f32, y as f32),
        }
    }
    if closed {
        path.close();
    }
    path.finish()
}

fn opaque(Color(r, g, b): Color, opacity: f64) -> tiny_skia::Color {
    tiny_skia::Color::from_rgba8(r, g, b, (opacity.clamp(0.0, 1.0) * 255.0).round() as u8)
}

fn paint(color: Color, opacity: f64) -> Paint<'static> {
    let mut paint = Paint::default();
    paint.set_color(opaque(color, opacity));
    paint
}

/// The sheet is opaque, so the fourth channel is left out.
fn encode(sheet: &Pixmap) -> Result<Vec<u8>, png::EncodingError> {
    let rgb: Vec<u8> =
        sheet.data().chunks_exact(4).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect();
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, sheet.width(), sheet.height());
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    // 72 points to the inch, so that the picture is placed at its size in points.
    let per_metre = (72.0 * PIXELS_PER_POINT / 0.0254).round() as u32;
    let dims = png::PixelDimensions { xppu: per_metre, yppu: per_metre, unit: png::Unit::Meter };
    encoder.set_pixel_dims(Some(dims));
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&rgb)?;
    writer.finish()?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pixels(scene: &Scene) -> (usize, Vec<u8>) {
        let bytes = scene.to_png().expect("a picture");
        let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().expect("a header");
        let mut pixels = vec![0; reader.output_buffer_size().expect("a size")];
        let info = reader.next_frame(&mut pixels).expect("pixels");
        (info.width as usize, pixels)
    }

    #[test]
    fn a_circle_is_painted_where_it_is() {
        let mut scene = Scene::new(40.0, 30.0);
        let fill = Color(200, 10, 20);
        scene.marks.push(Mark::Circle { x: 30.0, y: 10.0, radius: 4.0, fill, opacity: 1.0, outline: None });
        let (width, pixels) = pixels(&scene);
        let at = |x: usize, y: usize| &pixels[3 * (y * width + x)..3 * (y * width + x) + 3];
        assert_eq!(width, 80);
        assert_eq!(at(60, 20), [200, 10, 20]);
        assert_eq!(at(20, 20), [255, 255, 255]);
    }

    #[test]
    fn letters_need_no_font_of_the_machine() {
        let mut scene = Scene::new(60.0, 20.0);
        scene.text(Text::new(2.0, 15.0, 14.0, "I(X;T)"));
        let (_, pixels) = pixels(&scene);
        assert!(pixels.iter().filter(|&&value| value < 60).count() > 300);
    }
}
