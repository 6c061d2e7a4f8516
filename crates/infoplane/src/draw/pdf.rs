//! A scene as PDF: one page of paths and selectable text, in the units of the scene.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use pdf_writer::types::{CidFontType, FontFlags, LineJoinStyle, SystemInfo, UnicodeCmap};
use pdf_writer::{Chunk, Content, Filter, Finish, Name, Pdf, Rect, Ref, Str};

use super::font::{Glyph, face, font_bytes, glyphs};
use super::{Color, Mark, Scene, Text, Weight};

const CATALOG: Ref = Ref::new(1);
const PAGES: Ref = Ref::new(2);
const PAGE: Ref = Ref::new(3);
const CONTENT: Ref = Ref::new(4);
/// Fonts and graphics states come after the objects that every file has.
const FIRST_FREE: i32 = 5;

const IDENTITY: SystemInfo<'static> =
    SystemInfo { registry: Str(b"Adobe"), ordering: Str(b"Identity"), supplement: 0 };

impl Scene {
    /// The scene as the bytes of a PDF file of one page. The same scene gives the same bytes: no date, no identifier.
    ///
    /// Letters are text in the embedded font with the widths that the layout reckoned with, so they can be selected
    /// and searched. A font that the scene does not use is not in the file.
    pub(crate) fn to_pdf(&self) -> Vec<u8> {
        let mut page = PageContent::new(self);
        for mark in &self.marks {
            page.draw(mark);
        }
        let PageContent { content, used, opacities, .. } = page;

        let mut pdf = Pdf::with_settings(pdf_writer::Settings { pretty: false });
        let mut free = Ref::new(FIRST_FREE);
        let fonts: Vec<(Weight, Ref)> = used
            .keys()
            .map(|&weight| (weight, write_font(&mut pdf, &mut free, weight, &used[&weight])))
            .collect();
        let states: Vec<Ref> = opacities
            .iter()
            .map(|&hundredths| {
                let id = free.bump();
                let opacity = f32::from(hundredths) / 100.0;
                pdf.ext_graphics(id).stroking_alpha(opacity).non_stroking_alpha(opacity);
                id
            })
            .collect();

        pdf.catalog(CATALOG).pages(PAGES);
        pdf.pages(PAGES).kids([PAGE]).count(1);
        let mut page = pdf.page(PAGE);
        page.parent(PAGES).contents(CONTENT);
        page.media_box(Rect::new(0.0, 0.0, rounded(self.width), rounded(self.height)));
        // Opacities are mixed in the colour space of the screen, as SVG and PNG mix them.
        page.group().transparency().isolated(true).color_space().device_rgb();
        let mut resources = page.resources();
        let mut names = resources.fonts();
        for &(weight, id) in &fonts {
            names.pair(font_name(weight), id);
        }
        names.finish();
        let mut names = resources.ext_g_states();
        for (&hundredths, &id) in opacities.iter().zip(&states) {
            names.pair(Name(state_name(hundredths).as_bytes()), id);
        }
        names.finish();
        resources.finish();
        page.finish();
        write_stream(&mut pdf, CONTENT, content.finish().as_slice());
        pdf.finish()
    }
}

/// The page while it is drawn. What was set last is remembered, so that only changes are written.
struct PageContent {
    content: Content,
    fill: Option<Color>,
    stroke: Option<(Color, f32)>,
    dashes: Vec<f32>,
    /// In hundredths, the steps in which SVG has them too.
    opacity: u8,
    join: LineJoinStyle,
    opacities: BTreeSet<u8>,
    /// The letters of each font, with the character that each stands for.
    used: BTreeMap<Weight, BTreeMap<u16, Glyph>>,
}

impl PageContent {
    fn new(scene: &Scene) -> PageContent {
        let mut content = Content::with_settings(pdf_writer::Settings { pretty: false });
        // From here on y runs downward, as in the scene.
        content.transform([1.0, 0.0, 0.0, -1.0, 0.0, rounded(scene.height)]);
        content.set_fill_gray(1.0).rect(0.0, 0.0, rounded(scene.width), rounded(scene.height)).fill_nonzero();
        // Corners as SVG has them.
        content.set_miter_limit(4.0);
        PageContent {
            content,
            fill: None,
            stroke: None,
            dashes: Vec::new(),
            opacity: 100,
            join: LineJoinStyle::MiterJoin,
            opacities: BTreeSet::new(),
            used: BTreeMap::new(),
        }
    }

    fn draw(&mut self, mark: &Mark) {
        match mark {
            // A path without a point would leave operators that have nothing to paint.
            Mark::Line { points, .. } | Mark::Shape { points, .. } if points.len() < 2 => {}
            Mark::Line { points, color, width, opacity, dashes } => {
                self.set_opacity(*opacity);
                self.set_stroke(*color, *width, dashes, LineJoinStyle::RoundJoin);
                self.path(points);
                self.content.stroke();
            }
            Mark::Shape { points, fill, opacity, outline } => {
                self.paint(*fill, *opacity, *outline, |page| {
                    page.path(points);
                    page.content.close_path();
                });
            }
            Mark::Circle { x, y, radius, fill, opacity, outline } => {
                self.paint(*fill, *opacity, *outline, |page| page.circle(*x, *y, *radius));
            }
            // As in SVG: every step reaches to the top and the next is laid over it, so that no seam can show.
            Mark::Ramp { x, y, width, height, colors } => {
                self.set_opacity(1.0);
                for (step, &color) in colors.iter().enumerate() {
                    let height = height * (1.0 - step as f64 / colors.len() as f64);
                    self.set_fill(color);
                    self.content.rect(rounded(*x), rounded(*y), rounded(*width), rounded(height));
                    self.content.fill_nonzero();
                }
            }
            Mark::Text(text) => self.text(text),
        }
    }

    fn paint(&mut self, fill: Color, opacity: f64, outline: Option<(Color, f64)>, path: impl Fn(&mut Self)) {
        self.set_opacity(opacity);
        self.set_fill(fill);
        let Some((color, width)) = outline else {
            path(self);
            self.content.fill_nonzero();
            return;
        };
        if self.opacity == 100 {
            self.set_stroke(color, width, &[], LineJoinStyle::MiterJoin);
            path(self);
            self.content.fill_nonzero_and_stroke();
            return;
        }
        // The opacity is that of the area alone.
        path(self);
        self.content.fill_nonzero();
        self.set_opacity(1.0);
        self.set_stroke(color, width, &[], LineJoinStyle::MiterJoin);
        path(self);
        self.content.stroke();
    }

    fn path(&mut self, points: &[(f64, f64)]) {
        for (index, &(x, y)) in points.iter().enumerate() {
            match index {
                0 => self.content.move_to(rounded(x), rounded(y)),
                _ => self.content.line_to(rounded(x), rounded(y)),
            };
        }
    }

    /// Four arcs; a cubic with this arm leaves the circle by less than 0.03 % of its radius.
    fn circle(&mut self, x: f64, y: f64, radius: f64) {
        const ARM: f64 = 0.552_284_75;
        let at = |dx: f64, dy: f64| (rounded(x + radius * dx), rounded(y + radius * dy));
        let corners = [(1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0), (1.0, 0.0)];
        let (x, y) = at(1.0, 0.0);
        self.content.move_to(x, y);
        for pair in corners.windows(2) {
            let (from, to) = (pair[0], pair[1]);
            let (x1, y1) = at(from.0 + ARM * to.0, from.1 + ARM * to.1);
            let (x2, y2) = at(to.0 + ARM * from.0, to.1 + ARM * from.1);
            let (x3, y3) = at(to.0, to.1);
            self.content.cubic_to(x1, y1, x2, y2, x3, y3);
        }
        self.content.close_path();
    }

    fn text(&mut self, text: &Text) {
        let glyphs = glyphs(&text.content, text.weight);
        if glyphs.is_empty() {
            return;
        }
        self.set_opacity(1.0);
        self.set_fill(text.color);
        let used = self.used.entry(text.weight).or_default();
        for &glyph in &glyphs {
            // A glyph that stands for several characters is read as the first of them.
            let kept = used.entry(glyph.id).or_insert(glyph);
            kept.character = kept.character.min(glyph.character);
        }
        let bytes: Vec<u8> = glyphs.iter().flat_map(|glyph| glyph.id.to_be_bytes()).collect();
        let start = text.start();
        // Letters are upright again: their y runs upward.
        let matrix = if text.upward {
            [0.0, -1.0, -1.0, 0.0, rounded(text.x), rounded(text.y - start)]
        } else {
            [1.0, 0.0, 0.0, -1.0, rounded(text.x + start), rounded(text.y)]
        };
        self.content.begin_text();
        self.content.set_font(font_name(text.weight), rounded(text.size));
        self.content.set_text_matrix(matrix).show(Str(&bytes)).end_text();
    }

    fn set_opacity(&mut self, opacity: f64) {
        let hundredths = (opacity.clamp(0.0, 1.0) * 100.0).round() as u8;
        if self.opacity != hundredths {
            self.opacity = hundredths;
            self.opacities.insert(hundredths);
            self.content.set_parameters(Name(state_name(hundredths).as_bytes()));
        }
    }

    fn set_fill(&mut self, color: Color) {
        if self.fill != Some(color) {
            self.fill = Some(color);
            let [r, g, b] = shares(color);
            self.content.set_fill_rgb(r, g, b);
        }
    }

    fn set_stroke(&mut self, color: Color, width: f64, dashes: &[f32], join: LineJoinStyle) {
        let width = rounded(width);
        if self.stroke.is_none_or(|(old, _)| old != color) {
            let [r, g, b] = shares(color);
            self.content.set_stroke_rgb(r, g, b);
        }
        if self.stroke.is_none_or(|(_, old)| old != width) {
            self.content.set_line_width(width);
        }
        self.stroke = Some((color, width));
        if self.dashes != dashes {
            self.dashes = dashes.to_vec();
            self.content.set_dash_pattern(dashes.iter().copied(), 0.0);
        }
        if self.join != join {
            self.join = join;
            self.content.set_line_join(join);
        }
    }
}

fn font_name(weight: Weight) -> Name<'static> {
    match weight {
        Weight::Regular => Name(b"Regular"),
        Weight::Bold => Name(b"Bold"),
    }
}

fn state_name(hundredths: u8) -> String {
    format!("Opacity{hundredths}")
}

/// The font with the widths of the letters that are used and the characters that they stand for.
fn write_font(pdf: &mut Pdf, free: &mut Ref, weight: Weight, used: &BTreeMap<u16, Glyph>) -> Ref {
    let [font, letters, descriptor, file, characters] = std::array::from_fn(|_| free.bump());
    let base = match weight {
        Weight::Regular => Name(b"InfoplaneSans"),
        Weight::Bold => Name(b"InfoplaneSans-Bold"),
    };
    let face = face(weight);
    // PDF measures letters in thousandths of their size.
    let thousandths = |units: f32| units * 1000.0 / face.units_per_em();

    pdf.type0_font(font)
        .base_font(base)
        .encoding_predefined(Name(b"Identity-H"))
        .descendant_font(letters)
        .to_unicode(characters);
    let mut cid = pdf.cid_font(letters);
    cid.subtype(CidFontType::Type2).base_font(base).system_info(IDENTITY).font_descriptor(descriptor);
    cid.cid_to_gid_map_predefined(Name(b"Identity")).default_width(0.0);
    let mut widths = cid.widths();
    for glyph in used.values() {
        widths.consecutive(glyph.id, [thousandths(glyph.advance)]);
    }
    widths.finish();
    cid.finish();

    let metrics = &face.metrics;
    let bounds = metrics.bounds.unwrap_or_default();
    let bounds = [bounds.x_min, bounds.y_min, bounds.x_max, bounds.y_max].map(thousandths);
    pdf.font_descriptor(descriptor)
        .name(base)
        .flags(FontFlags::NON_SYMBOLIC)
        .bbox(Rect::new(bounds[0], bounds[1], bounds[2], bounds[3]))
        .italic_angle(0.0)
        .ascent(thousandths(metrics.ascent))
        .descent(thousandths(metrics.descent))
        .cap_height(thousandths(metrics.cap_height.unwrap_or(metrics.ascent)))
        .stem_v(if weight == Weight::Bold { 140.0 } else { 80.0 })
        .font_file2(file);
    let bytes = font_bytes(weight);
    let packed = deflated(bytes);
    pdf.stream(file, &packed).filter(Filter::FlateDecode).pair(Name(b"Length1"), bytes.len() as i32);

    let mut map = UnicodeCmap::new(Name(b"Characters"), IDENTITY);
    for glyph in used.values() {
        map.pair(glyph.id, glyph.character);
    }
    write_stream(pdf, characters, map.finish().as_slice());
    font
}

fn write_stream(chunk: &mut Chunk, id: Ref, bytes: &[u8]) {
    chunk.stream(id, &deflated(bytes)).filter(Filter::FlateDecode);
}

fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("writing to memory does not fail")
}

/// A hundredth of a point is finer than any print; what is no number cannot be written at all.
fn rounded(value: f64) -> f32 {
    if value.is_finite() { ((value * 100.0).round() / 100.0) as f32 } else { 0.0 }
}

/// Three decimals keep all 256 steps apart.
fn shares(Color(r, g, b): Color) -> [f32; 3] {
    [r, g, b].map(|step| ((f64::from(step) / 255.0 * 1000.0).round() / 1000.0) as f32)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::ZlibDecoder;

    use super::super::text_width;
    use super::*;

    fn scene() -> Scene {
        let mut scene = Scene::new(300.0, 200.0);
        let (red, outline) = (Color(200, 10, 20), Some((Color::INK, 0.5)));
        scene.dashed(vec![(10.0, 10.0), (40.0, 30.0), (50.0, 5.0)], red, 1.5, 0.4, &[5.0, 3.5]);
        scene.marks.push(Mark::Circle { x: 30.0, y: 10.0, radius: 4.0, fill: red, opacity: 0.3, outline });
        let points = vec![(1.0, 1.0), (9.0, 1.0), (5.0, 8.0)];
        scene.marks.push(Mark::Shape { points, fill: Color::INK, opacity: 1.0, outline });
        let colors = vec![Color::INK, red];
        scene.marks.push(Mark::Ramp { x: 80.0, y: 10.0, width: 8.0, height: 60.0, colors });
        scene.text(Text::new(2.0, 15.0, 14.0, "I(X;T₃) – ≥ 0"));
        scene.text(Text::new(150.0, 90.0, 10.0, "up").bold().upward());
        scene
    }

    /// The bytes of the object with a number, from the table of offsets; a wrong offset finds no head.
    fn object(pdf: &[u8], number: usize) -> Vec<u8> {
        let text = String::from_utf8_lossy(&pdf[pdf.len() - 64..]).into_owned();
        let start: usize = text.lines().rev().nth(1).expect("an offset").parse().expect("a number");
        let table = std::str::from_utf8(&pdf[start..]).expect("the table is text");
        assert!(table.starts_with("xref"));
        let offset: usize =
            table.lines().nth(2 + number).expect("an entry")[..10].parse().expect("an offset");
        let bytes = &pdf[offset..];
        assert!(bytes.starts_with(format!("{number} 0 obj").as_bytes()), "object {number}");
        let end = bytes.windows(6).position(|w| w == b"endobj").expect("an end");
        bytes[..end].to_vec()
    }

    fn stream(pdf: &[u8], number: usize) -> String {
        let object = object(pdf, number);
        let start = object.windows(7).position(|w| w == b"stream\n").expect("a stream") + 7;
        let mut bytes = Vec::new();
        ZlibDecoder::new(&object[start..]).read_to_end(&mut bytes).expect("deflated bytes");
        String::from_utf8_lossy(&bytes).into_owned()
    }

    #[test]
    fn every_object_is_where_the_table_says() {
        let pdf = scene().to_pdf();
        assert!(pdf.starts_with(b"%PDF-1.7") && pdf.ends_with(b"%%EOF"));
        // Five of the file, five for each of two fonts, three opacities: .4, .3 and back to 1.
        for number in 1..=4 + 10 + 3 {
            object(&pdf, number);
        }
        let page = String::from_utf8(object(&pdf, 3)).unwrap();
        assert!(page.contains("/MediaBox[0 0 300 200]"), "{page}");
        assert_eq!(pdf, scene().to_pdf());
    }

    #[test]
    fn marks_become_paths_and_letters_become_text() {
        let content = stream(&scene().to_pdf(), 4);
        for part in [
            "1 0 0 -1 0 200 cm",
            "[5 3.5]0 d",
            "1 j",
            "/Opacity40 gs",
            "10 10 m\n40 30 l\n50 5 l\nS",
            "80 10 8 60 re",
            "/Regular 14 Tf",
            "1 0 0 -1 2 15 Tm",
            "0 -1 -1 0 150 90 Tm",
        ] {
            let squeezed = |text: &str| text.replace(['\n', ' '], "");
            assert!(squeezed(&content).contains(&squeezed(part)), "{part} is not in {content}");
        }
        // The area of the circle is pale, its outline is not.
        let circle = content.find("/Opacity30").unwrap();
        assert!(content[circle..].find("/Opacity100").unwrap() > content[circle..].find("\nf").unwrap());
    }

    #[test]
    fn a_reader_finds_each_character_and_the_width_of_the_layout() {
        let pdf = scene().to_pdf();
        // The fonts come in the order of their weights, each with five objects; their maps are the last ones.
        let map = stream(&pdf, 9);
        let letters = glyphs("I(X;T₃) – ≥ 0", Weight::Regular);
        for glyph in &letters {
            let entry = format!("<{:04X}> <{:04X}>", glyph.id, glyph.character as u32);
            assert!(map.contains(&entry), "{entry} is not in {map}");
        }
        let widths = String::from_utf8(object(&pdf, 6)).unwrap();
        for glyph in &letters {
            let width = glyph.advance * 1000.0 / 2048.0;
            assert!(widths.contains(&format!("{}[{width}", glyph.id)), "{widths}");
        }
        let sum: f64 = letters.iter().map(|glyph| f64::from(glyph.advance)).sum();
        assert!((sum * 14.0 / 2048.0 - text_width("I(X;T₃) – ≥ 0", 14.0, Weight::Regular)).abs() < 1e-9);
    }

    #[test]
    fn a_font_that_is_not_used_is_not_in_the_file() {
        let mut scene = Scene::new(10.0, 10.0);
        let empty = scene.to_pdf();
        assert!(empty.len() < 1000, "{}", empty.len());
        scene.text(Text::new(0.0, 5.0, 8.0, "a"));
        let text = String::from_utf8_lossy(&scene.to_pdf()).into_owned();
        assert!(text.contains("/InfoplaneSans") && !text.contains("/InfoplaneSans-Bold"));
    }

    #[test]
    fn what_has_no_place_leaves_no_broken_number() {
        let mut scene = Scene::new(10.0, 10.0);
        scene.line(vec![(f64::NAN, 1.0), (f64::INFINITY, 2.0)], Color::INK, 1.0);
        scene.marks.push(Mark::Shape { points: vec![], fill: Color::INK, opacity: f64::NAN, outline: None });
        let content = stream(&scene.to_pdf(), 4);
        assert!(!content.contains("NaN") && !content.contains("inf"), "{content}");
    }
}
