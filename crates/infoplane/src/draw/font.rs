//! The letters, which come with the library (see `assets/fonts/OFL.txt`).

use std::sync::OnceLock;

use ttf_parser::{Face, OutlineBuilder};

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

pub(crate) fn face(weight: Weight) -> &'static Face<'static> {
    static REGULAR: OnceLock<Face<'static>> = OnceLock::new();
    static BOLD: OnceLock<Face<'static>> = OnceLock::new();
    let slot = match weight {
        Weight::Regular => &REGULAR,
        Weight::Bold => &BOLD,
    };
    slot.get_or_init(|| Face::parse(font_bytes(weight), 0).expect("the embedded font is well-formed"))
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
        let character = if face.glyph_index(c).is_some() { c } else { '?' };
        let id = glyph(face, c);
        Glyph { id: id.0, character, advance: f32::from(face.glyph_hor_advance(id).unwrap_or(0)) }
    };
    text.chars().map(letter).collect()
}

/// How far `text` runs at `size`, in the unit of `size`.
pub(crate) fn text_width(text: &str, size: f64, weight: Weight) -> f64 {
    let face = face(weight);
    let units: f64 =
        text.chars().map(|c| f64::from(face.glyph_hor_advance(glyph(face, c)).unwrap_or(0))).sum();
    units * size / f64::from(face.units_per_em())
}

/// Hands the outline of every letter to `builder`, with the place of its origin and the scale of its units.
pub(crate) fn outline<B: OutlineBuilder>(
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
        let glyph = glyph(face, c);
        let mut letter = builder(x, scale);
        face.outline_glyph(glyph, &mut letter);
        done(letter);
        x += f64::from(face.glyph_hor_advance(glyph).unwrap_or(0)) * scale;
    }
}

/// The characters of `text` that the font lacks, each once, in their order.
pub(crate) fn lacking(text: &str) -> Vec<char> {
    let mut lacking = Vec::new();
    // Control characters are drawn in no form.
    for c in text.chars().filter(|c| !is_hidden(*c) && face(Weight::Regular).glyph_index(*c).is_none()) {
        if !lacking.contains(&c) {
            lacking.push(c);
        }
    }
    lacking
}

// A character that the font lacks becomes a question mark, which is honest and has a shape.
fn glyph(face: &Face<'_>, c: char) -> ttf_parser::GlyphId {
    face.glyph_index(c).or_else(|| face.glyph_index('?')).unwrap_or_default()
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
    fn the_font_has_every_character_that_figures_use() {
        for c in "I(X;T₀₁₂₃₄₅₆₇₈₉)=±−–·×⁰²⁴⁻‖σ→≤≥…".chars() {
            assert!(face(Weight::Regular).glyph_index(c).is_some(), "{c} is missing");
        }
    }
}
