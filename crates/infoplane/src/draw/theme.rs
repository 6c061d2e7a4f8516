//! What things look like by what they are: sizes, and the colours of roles.

use super::{Color, Scene, layer_color};
use crate::figure::Role;
use crate::schedule::Reason;

/// What a figure is to be read on.
///
/// ```
/// use infoplane::report::Style;
/// assert_eq!("slides".parse(), Ok(Style::Slides));
/// assert_eq!(Style::default().to_string(), "paper");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Style {
    /// A page or a screen.
    #[default]
    Paper,
    /// A slide, read from afar: letters, lines and marks are larger beside the axes.
    Slides,
}

/// Why a text names no style.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is not a style of figures: paper and slides are")]
pub struct StyleError {
    /// What was given.
    pub name: String,
}

impl Style {
    /// All of them.
    pub const ALL: [Style; 2] = [Style::Paper, Style::Slides];

    /// The name: `paper`, `slides`.
    pub fn name(self) -> &'static str {
        match self {
            Style::Paper => "paper",
            Style::Slides => "slides",
        }
    }

    /// How much larger letters are than on paper.
    fn magnification(self) -> f64 {
        match self {
            Style::Paper => 1.0,
            Style::Slides => 1.6,
        }
    }

    /// The size of a panel, to be laid out with the sizes of paper. Where all is magnified afterwards
    /// ([`Style::finish`]), panels are smaller by as much, and come out as large as on paper.
    pub(crate) fn panel(self, (width, height): (f64, f64)) -> (f64, f64) {
        (width / self.magnification(), height / self.magnification())
    }

    /// The scene at its final size.
    pub(crate) fn finish(self, scene: Scene) -> Scene {
        match self {
            Style::Paper => scene,
            Style::Slides => scene.magnified(self.magnification()),
        }
    }
}

impl std::str::FromStr for Style {
    type Err = StyleError;

    fn from_str(text: &str) -> Result<Style, StyleError> {
        let named = |style: &Style| style.name().eq_ignore_ascii_case(text.trim());
        Style::ALL.into_iter().find(named).ok_or_else(|| StyleError { name: text.trim().into() })
    }
}

impl std::fmt::Display for Style {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// Sizes of letters, in points.
pub(crate) const LABEL_SIZE: f64 = 11.5;
pub(crate) const LEGEND_SIZE: f64 = 11.5;
/// How far the lines of a legend are apart.
pub(crate) const LEGEND_STEP: f64 = 18.0;
/// The second of two kinds of lines in one colour.
pub(crate) const DASHES: &[f32] = &[4.0, 2.2];
/// Lines of limits.
pub(crate) const LIMIT_DASHES: &[f32] = &[5.0, 3.5];

/// The colour and the dashes of what a line shows; a layer has them by its place among those of the figure.
pub(crate) fn role_color(figure: &crate::figure::Figure, role: Role) -> (Color, &'static [f32]) {
    match role {
        Role::Layer(layer) => {
            let place = figure.place_of(layer).unwrap_or(0);
            layer_color(place, figure.layers.len())
        }
        Role::Group(group) => group_color(group),
        Role::Network => (Color::INK, &[]),
        Role::Theory => (Color::LIMIT, &[]),
        Role::Input => (Color(0, 114, 178), &[]),
        Role::Label => (Color(0, 158, 115), &[]),
    }
}

/// Colours that colour-blind readers tell apart (Okabe & Ito 2008), for groups that are compared.
pub(super) const GROUPS: [Color; 7] = [
    Color(0, 114, 178),
    Color(213, 94, 0),
    Color(0, 158, 115),
    Color(204, 121, 167),
    Color(230, 159, 0),
    Color(86, 180, 233),
    Color(70, 70, 70),
];

/// The colour and the dashes of a group; after seven, colours come again with dashes.
fn group_color(group: usize) -> (Color, &'static [f32]) {
    let dashes: [&[f32]; 3] = [&[], DASHES, LIMIT_DASHES];
    (GROUPS[group % GROUPS.len()], dashes[(group / GROUPS.len()) % dashes.len()])
}

/// The colour of epochs measured for a reason: places in the palette of layers, and one beside them for what a witness saw.
pub(crate) fn reason_color(reason: Reason) -> Color {
    let place = match reason {
        Reason::Planned => 3,
        Reason::Section => 4,
        Reason::Filling => 1,
        Reason::Witness => return GROUPS[3],
        Reason::Last => 0,
    };
    layer_color(place, 7).0
}

/// The colour of neighbours that are too far apart although there are epochs between them.
pub(crate) fn warning_color() -> Color {
    layer_color(5, 7).0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slides_have_larger_letters_on_panels_of_the_same_size() {
        let (width, height) = Style::Slides.panel((160.0, 80.0));
        let mut scene = Scene::new(200.0, 100.0);
        scene.line(vec![(0.0, 0.0), (width, height)], Color::INK, 1.0);
        scene.text(super::super::Text::new(0.0, 0.0, 10.0, "a"));
        let scene = Style::Slides.finish(scene);
        assert_eq!((scene.width, scene.height), (320.0, 160.0));
        let super::super::Mark::Line { points, width, .. } = &scene.marks[0] else { panic!("no line") };
        assert_eq!((points[1], *width), ((160.0, 80.0), 1.6));
        let super::super::Mark::Text(text) = &scene.marks[1] else { panic!("no text") };
        assert_eq!(text.size, 16.0);
    }

    #[test]
    fn what_is_no_style_is_named() {
        assert_eq!("poster".parse::<Style>(), Err(StyleError { name: "poster".into() }));
    }
}
