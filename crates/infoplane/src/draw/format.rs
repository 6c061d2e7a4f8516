//! The forms of a figure, and sets of them.

use std::fmt;
use std::str::FromStr;

use super::Scene;

/// A form in which a figure is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Format {
    /// Vector graphics for pages; letters are text, shown in Arial or a font of the same widths.
    Svg,
    /// Pixels, two to a point in each direction, with letters drawn from the embedded font.
    Png,
    /// Vector graphics for papers and slides; letters are text in the embedded font.
    Pdf,
    /// A moving picture that slides programs play, of figures over epochs that can move: information planes. At most 255
    /// colours.
    Gif,
    /// A moving picture that browsers play, with every colour. Programs that do not know it show its first frame.
    Apng,
}

impl Format {
    /// All of them.
    pub const ALL: [Format; 5] = [Format::Svg, Format::Png, Format::Pdf, Format::Gif, Format::Apng];

    /// The name, which is also how files in this form end: `svg`, `png`, `pdf`, `gif`, `apng`.
    pub fn name(self) -> &'static str {
        match self {
            Format::Svg => "svg",
            Format::Png => "png",
            Format::Pdf => "pdf",
            Format::Gif => "gif",
            Format::Apng => "apng",
        }
    }

    /// Whether it plays frames; then only figures in which something moves can be written in it.
    pub fn moves(self) -> bool {
        matches!(self, Format::Gif | Format::Apng)
    }
}

/// The forms in which figures are written; by default SVG and PNG.
///
/// # Examples
/// ```
/// use infoplane::report::{Format, Formats};
///
/// assert_eq!(Formats::default(), Formats::of(&[Format::Svg, Format::Png]));
/// let formats: Formats = "pdf, svg".parse()?;
/// assert!(formats.contains(Format::Pdf) && !formats.contains(Format::Png));
/// assert_eq!(formats.to_string(), "svg,pdf");
/// # Ok::<(), infoplane::report::FormatError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Formats([bool; Format::ALL.len()]);

/// Why a text names no set of formats.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{name}` is not a format of figures: svg, png, pdf, gif and apng are, several with commas between them"
)]
pub struct FormatError {
    /// What was given.
    pub name: String,
}

impl Formats {
    /// The set of `formats`; of none, no figure is written, only tables.
    pub fn of(formats: &[Format]) -> Formats {
        Formats(Format::ALL.map(|format| formats.contains(&format)))
    }

    /// Whether `format` is one of them.
    pub fn contains(self, format: Format) -> bool {
        self.0[format as usize]
    }

    /// Those of the set, in the order of [`Format::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Format> {
        Format::ALL.into_iter().filter(move |&format| self.contains(format))
    }
}

impl Default for Formats {
    fn default() -> Formats {
        Formats::of(&[Format::Svg, Format::Png])
    }
}

impl FromStr for Formats {
    type Err = FormatError;

    fn from_str(text: &str) -> Result<Formats, FormatError> {
        let one = |name: &str| {
            let known =
                Format::ALL.into_iter().find(|format| format.name().eq_ignore_ascii_case(name.trim()));
            known.ok_or_else(|| FormatError { name: name.trim().into() })
        };
        let formats: Vec<Format> = text.split(',').map(one).collect::<Result<_, _>>()?;
        Ok(Formats::of(&formats))
    }
}

impl fmt::Display for Formats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.iter().map(Format::name).collect::<Vec<_>>().join(","))
    }
}

impl Scene {
    /// The scene as the bytes of a file in this form. The same scene gives the same bytes.
    ///
    /// # Errors
    /// For a form that moves, or if the encoder of pictures refuses this one.
    pub(crate) fn encode(&self, format: Format) -> Result<Vec<u8>, String> {
        match format {
            Format::Svg => Ok(self.to_svg().into_bytes()),
            Format::Png => self.to_png(),
            Format::Pdf => Ok(self.to_pdf()),
            Format::Gif | Format::Apng => Err("a single scene does not move".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_format_is_named() {
        for text in ["svg,eps", "eps", " eps ,pdf"] {
            assert_eq!(text.parse::<Formats>(), Err(FormatError { name: "eps".into() }), "{text}");
        }
        assert!("".parse::<Formats>().is_err());
        assert_eq!("PNG,png".parse(), Ok(Formats::of(&[Format::Png])));
    }
}
