//! The letters, which come with the library (see `assets/fonts/OFL.txt`).

use std::sync::OnceLock;

use skrifa::charmap::Charmap;
use skrifa::instance::{LocationRef, Size};
use skrifa::metrics::{GlyphMetrics, Metrics};
use skrifa::outline::pen::PathStyle;
use skrifa::outline::{DrawSettings, OutlineGlyphCollection, OutlinePen};
use skrifa::{FontRef, GlyphId, MetadataProvider};

use crate::printable::is_hidden;

/// How strong letters are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Weight {
    Regular,
    Bold,
}

/// The file of a font, TrueType.
pub(crate) fn font_bytes(weight: Weight) -> &'static [u8] {
    match weight {
        Weight::Regular => include_bytes!("../../assets/fonts/InfoplaneSans-Regular.ttf"),
        Weight::Bold => include_bytes!("../../assets/fonts/InfoplaneSans-Bold.ttf"),
    }
}

/// A font that has been read. All lengths are in units of the font.
pub(crate) struct Face {
    /// Of the font as a whole: its em, its ascent, its bounds.
    pub metrics: Metrics,
    characters: Charmap<'static>,
    advances: GlyphMetrics<'static>,
    outlines: OutlineGlyphCollection<'static>,
}

impl Face {
    fn new(weight: Weight) -> Self {
        let font = FontRef::new(font_bytes(weight)).expect("the embedded font is well-formed");
        let (size, location) = (Size::unscaled(), LocationRef::default());
        Self {
            metrics: font.metrics(size, location),
            characters: font.charmap(),
            advances: font.glyph_metrics(size, location),
            outlines: font.outline_glyphs(),
        }
    }

    fn has(&self, c: char) -> bool {
        self.characters.map(c).is_some()
    }

    // A character that the font lacks becomes a question mark, which is honest and has a shape.
    fn glyph(&self, c: char) -> GlyphId {
        self.characters.map(c).or_else(|| self.characters.map('?')).unwrap_or_default()
    }

    fn advance(&self, glyph: GlyphId) -> f32 {
        self.advances.advance_width(glyph).unwrap_or(0.0)
    }

    pub(crate) fn units_per_em(&self) -> f32 {
        f32::from(self.metrics.units_per_em)
    }
}

pub(crate) fn face(weight: Weight) -> &'static Face {
    static REGULAR: OnceLock<Face> = OnceLock::new();
    static BOLD: OnceLock<Face> = OnceLock::new();
    let slot = match weight {
        Weight::Regular => &REGULAR,
        Weight::Bold => &BOLD,
    };
    slot.get_or_init(|| Face::new(weight))
}

/// A letter as the font has it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Glyph {
    pub id: u16,
    /// What it shows: `?` where the font lacks the character of the text.
    pub character: char,
    /// How far the next letter is, in units of the font.
    pub advance: f32,
}

/// The letters of `text`.
pub(crate) fn glyphs(text: &str, weight: Weight) -> Vec<Glyph> {
    let face = face(weight);
    let letter = |c: char| {
        let character = if face.has(c) { c } else { '?' };
        let id = face.glyph(c);
        let advance = face.advance(id);
        // The files have hundreds of glyphs.
        let id = u16::try_from(id.to_u32()).expect("a TrueType font counts its glyphs in 16 bits");
        Glyph { id, character, advance }
    };
    text.chars().map(letter).collect()
}

/// How far `text` runs at `size`, in the unit of `size`.
pub(crate) fn text_width(text: &str, size: f64, weight: Weight) -> f64 {
    let face = face(weight);
    let units: f64 = text.chars().map(|c| f64::from(face.advance(face.glyph(c)))).sum();
    units * size / f64::from(face.units_per_em())
}

/// Hands the outline of every letter to `builder`, with the place of its origin and the scale of its units.
pub(crate) fn outline<B: OutlinePen>(
    text: &str,
    size: f64,
    weight: Weight,
    mut builder: impl FnMut(f64, f64) -> B,
    mut done: impl FnMut(B),
) {
    let face = face(weight);
    let scale = size / f64::from(face.units_per_em());
    let mut x = 0.0;
    for c in text.chars() {
        let glyph = face.glyph(c);
        let mut letter = builder(x, scale);
        if let Some(outline) = face.outlines.get(glyph) {
            // The other style begins some contours at another of their points.
            let settings = DrawSettings::unhinted(Size::unscaled(), LocationRef::default())
                .with_path_style(PathStyle::HarfBuzz);
            outline.draw(settings, &mut letter).expect("the embedded font is well-formed");
        }
        done(letter);
        x += f64::from(face.advance(glyph)) * scale;
    }
}

/// The characters of `text` that the font lacks, each once, in their order.
pub(crate) fn lacking(text: &str) -> Vec<char> {
    let mut lacking = Vec::new();
    // Control characters are drawn in no form.
    for c in text.chars().filter(|c| !is_hidden(*c) && !face(Weight::Regular).has(*c)) {
        if !lacking.contains(&c) {
            lacking.push(c);
        }
    }
    lacking
}

/// Breaks `text` at spaces into lines no wider than `width`; a longer word is broken where it must be.
pub(crate) fn wrap(text: &str, size: f64, width: f64) -> Vec<String> {
    let fits = |line: &str| text_width(line, size, Weight::Regular) <= width;
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        let longer = if line.is_empty() { word.to_string() } else { format!("{line} {word}") };
        if fits(&longer) {
            line = longer;
            continue;
        }
        if !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        for c in word.chars() {
            line.push(c);
            if line.chars().count() > 1 && !fits(&line) {
                line.pop();
                lines.push(std::mem::replace(&mut line, c.to_string()));
            }
        }
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_keep_within_the_width_and_lose_no_letter() {
        let text = "out of range: 12 values, and averyveryverylongwordwithoutanyspaceinsideit at the end";
        let lines = wrap(text, 10.0, 120.0);
        assert!(lines.iter().all(|line| text_width(line, 10.0, Weight::Regular) <= 120.0), "{lines:?}");
        let letters = |s: &str| s.chars().filter(|c| *c != ' ').collect::<String>();
        assert_eq!(letters(&lines.concat()), letters(text));
    }

    #[test]
    fn every_letter_of_both_fonts_has_an_outline_that_can_be_drawn() {
        struct Count(usize);
        impl OutlinePen for Count {
            fn move_to(&mut self, _: f32, _: f32) {
                self.0 += 1;
            }
            fn line_to(&mut self, _: f32, _: f32) {}
            fn quad_to(&mut self, _: f32, _: f32, _: f32, _: f32) {}
            fn curve_to(&mut self, _: f32, _: f32, _: f32, _: f32, _: f32, _: f32) {}
            fn close(&mut self) {}
        }
        for weight in [Weight::Regular, Weight::Bold] {
            let all: String =
                face(weight).characters.mappings().filter_map(|(c, _)| char::from_u32(c)).collect();
            assert!(all.chars().count() > 500);
            let mut contours = 0;
            outline(&all, 10.0, weight, |_, _| Count(0), |letter| contours += letter.0);
            assert!(contours > all.chars().count());
        }
    }

    #[test]
    fn the_font_has_every_character_that_figures_use() {
        for c in "I(X;T₀₁₂₃₄₅₆₇₈₉)=±−–·×⁰²⁴⁻‖σ→≤≥…".chars() {
            assert!(face(Weight::Regular).has(c), "{c} is missing");
        }
    }
}
