//! A scene as SVG.

use std::fmt::Write;

use super::{Anchor, Color, Mark, Scene, Text, Weight};
use crate::printable::is_hidden;

// All of them have the widths of the embedded letters, so that the layout holds wherever the file is shown.
const FONTS: &str = "Arial, Liberation Sans, Arimo, Helvetica, sans-serif";

impl Scene {
    /// The scene as an SVG document.
    pub(crate) fn to_svg(&self) -> String {
        let (w, h) = (number(self.width), number(self.height));
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{w}\" height=\"{h}\" viewBox=\"0 0 {w} {h}\" \
             font-family=\"{FONTS}\">\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
        );
        for mark in &self.marks {
            write_mark(&mut svg, mark).expect("writing to a string does not fail");
        }
        svg.push_str("</svg>\n");
        svg
    }
}

fn write_mark(svg: &mut String, mark: &Mark) -> std::fmt::Result {
    match mark {
        Mark::Line { points, color, width, opacity, dashes } => {
            write!(
                svg,
                "<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{}\" stroke-linejoin=\"round\"",
                list(points),
                hex(*color),
                number(*width)
            )?;
            if *opacity < 1.0 {
                write!(svg, " stroke-opacity=\"{}\"", number(*opacity))?;
            }
            if !dashes.is_empty() {
                let dashes: Vec<String> = dashes.iter().map(|d| number(f64::from(*d))).collect();
                write!(svg, " stroke-dasharray=\"{}\"", dashes.join(" "))?;
            }
            svg.push_str("/>\n");
        }
        Mark::Shape { points, fill, opacity, outline } => {
            write!(svg, "<polygon points=\"{}\"{}/>", list(points), paint(*fill, *opacity, *outline))?;
            svg.push('\n');
        }
        Mark::Circle { x, y, radius, fill, opacity, outline } => {
            let (x, y, r) = (number(*x), number(*y), number(*radius));
            writeln!(svg, "<circle cx=\"{x}\" cy=\"{y}\" r=\"{r}\"{}/>", paint(*fill, *opacity, *outline))?;
        }
        // Not as a gradient, which some programs that place SVG into documents paint black. Every step reaches to
        // the top and the next is laid over it, so that no seam can show.
        Mark::Ramp { x, y, width, height, colors } => {
            let (x, y, w) = (number(*x), number(*y), number(*width));
            for (step, &color) in colors.iter().enumerate() {
                let h = number(height * (1.0 - step as f64 / colors.len() as f64));
                let fill = hex(color);
                writeln!(svg, "<rect x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\" fill=\"{fill}\"/>")?;
            }
        }
        Mark::Text(text) => write_text(svg, text)?,
    }
    Ok(())
}

fn write_text(svg: &mut String, text: &Text) -> std::fmt::Result {
    let (x, y) = (number(text.x), number(text.y));
    write!(
        svg,
        "<text x=\"{x}\" y=\"{y}\" font-size=\"{}\" fill=\"{}\"",
        number(text.size),
        hex(text.color)
    )?;
    match text.anchor {
        Anchor::Start => {}
        Anchor::Middle => svg.push_str(" text-anchor=\"middle\""),
        Anchor::End => svg.push_str(" text-anchor=\"end\""),
    }
    if text.weight == Weight::Bold {
        svg.push_str(" font-weight=\"bold\"");
    }
    if text.upward {
        write!(svg, " transform=\"rotate(-90 {x} {y})\"")?;
    }
    writeln!(svg, ">{}</text>", escape(&text.content))
}

fn paint(fill: Color, opacity: f64, outline: Option<(Color, f64)>) -> String {
    let mut paint = format!(" fill=\"{}\"", hex(fill));
    if opacity < 1.0 {
        paint += &format!(" fill-opacity=\"{}\"", number(opacity));
    }
    if let Some((color, width)) = outline {
        paint += &format!(" stroke=\"{}\" stroke-width=\"{}\"", hex(color), number(width));
    }
    paint
}

fn list(points: &[(f64, f64)]) -> String {
    let points: Vec<String> = points.iter().map(|&(x, y)| format!("{},{}", number(x), number(y))).collect();
    points.join(" ")
}

fn hex(Color(r, g, b): Color) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

/// A hundredth of a point is finer than any print.
fn number(value: f64) -> String {
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".into() } else { text.into() }
}

/// Text that no name of a data set can break out of; XML has no place for control characters at all.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            c if is_hidden(c) || matches!(c, '\u{fffe}' | '\u{ffff}') => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        assert_eq!([number(1.0), number(0.125), number(-0.001), number(10.5)], ["1", "0.12", "0", "10.5"]);
    }

    #[test]
    fn names_cannot_break_out_of_the_document() {
        let mut scene = Scene::new(10.0, 10.0);
        scene.text(Text::new(0.0, 5.0, 8.0, "a<b & \u{1}c"));
        assert!(scene.to_svg().contains(">a&lt;b &amp;  c</text>"));
    }
}
