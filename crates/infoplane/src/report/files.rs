//! The files of figures and tables in a directory.

use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::{Figure, ReportError};
use crate::draw::{Animation, Format, Formats, Scene, Style, moving_epochs};
use crate::figure;
use crate::run::Disk;

/// Which files a report writes, and what its figures look like.
///
/// # Examples
/// ```
/// use infoplane::report::{Format, Formats, Options, Style};
///
/// let options = Options::default().formats(Formats::of(&[Format::Pdf])).style(Style::Slides).title("tanh");
/// assert_eq!(options.formats.to_string(), "pdf");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Options {
    /// The forms of each figure; SVG and PNG unless said. Forms that move are written of information planes of a run, and
    /// take seconds for each.
    pub formats: Formats,
    /// What figures are to be read on.
    pub style: Style,
    /// The title on every figure, instead of one that says what the figure is and of which run.
    pub title: Option<String>,
}

impl Options {
    /// These options with other forms of figures.
    pub fn formats(self, formats: Formats) -> Options {
        Options { formats, ..self }
    }

    /// These options with figures to be read on something else.
    pub fn style(self, style: Style) -> Options {
        Options { style, ..self }
    }

    /// These options with a title of one's own.
    pub fn title(self, title: impl Into<String>) -> Options {
        Options { title: Some(title.into()), ..self }
    }

    /// Figures with the title asked for, if there is one.
    pub(super) fn titled(&self, mut figures: Vec<figure::Figure>) -> Vec<figure::Figure> {
        if let Some(title) = &self.title {
            figures.iter_mut().for_each(|figure| figure.title.clone_from(title));
        }
        figures
    }
}

/// The files of one figure, by name; none in forms that move.
///
/// # Errors
/// [`ReportError::Picture`] if the figure cannot be encoded.
pub(crate) fn figure_files(
    name: &str,
    scene: &Scene,
    formats: Formats,
) -> Result<Vec<(String, Vec<u8>)>, ReportError> {
    let file = |format: Format| {
        let bytes = scene.encode(format);
        let bytes = bytes.map_err(|reason| ReportError::Picture { figure: name.into(), reason })?;
        Ok((format!("{name}.{}", format.name()), bytes))
    };
    formats.iter().filter(|format| !format.moves()).map(file).collect()
}

/// The files of a figure, with the title and in the style and the forms of `options`.
///
/// # Errors
/// As [`figure_files`].
pub(super) fn shown_files(
    figure: figure::Figure,
    options: &Options,
) -> Result<Vec<(String, Vec<u8>)>, ReportError> {
    let figures: Vec<Figure> =
        options.titled(vec![figure]).iter().map(|figure| Figure::of(figure, options.style)).collect();
    all_files(&figures, options.formats)
}

/// The files of all figures, in their order; figures are encoded in parallel.
pub(super) fn all_files(figures: &[Figure], formats: Formats) -> Result<Vec<(String, Vec<u8>)>, ReportError> {
    let files: Result<Vec<_>, ReportError> =
        figures.par_iter().map(|figure| figure_files(&figure.name, &figure.scene, formats)).collect();
    Ok(files?.into_iter().flatten().collect())
}

/// The moving pictures of a figure, if something moves in it.
pub(super) fn moving_files(
    figure: &figure::Figure,
    options: &Options,
) -> Result<Vec<(String, Vec<u8>)>, ReportError> {
    if moving_epochs(figure).is_none() {
        return Ok(vec![]);
    }
    let file = |format: Format| {
        let bytes = Animation::default().style(options.style).of(figure, format);
        let bytes = bytes
            .map_err(|error| ReportError::Picture { figure: figure.id.clone(), reason: error.to_string() })?;
        Ok((format!("{}.{}", figure.id, format.name()), bytes))
    };
    options.formats.iter().filter(|format| format.moves()).map(file).collect()
}

/// Writes files into a directory, which is made if it is not there, and returns their paths.
///
/// Each file is written to a neighbour, synced and renamed; they are written in their order. A file that holds these bytes
/// already stays as it is, so that nothing fails where nothing is to be written.
///
/// # Errors
/// [`ReportError::Write`] if the directory cannot be made or a file cannot be written.
pub(crate) fn write_files(
    files: Vec<(String, Vec<u8>)>,
    directory: &Path,
) -> Result<Vec<PathBuf>, ReportError> {
    let at = |path: &Path, source| ReportError::Write { path: path.to_path_buf(), source };
    std::fs::create_dir_all(directory).map_err(|source| at(directory, source))?;
    let write = |(name, bytes): (String, Vec<u8>)| {
        let path = directory.join(name);
        if holds(&path, &bytes) {
            return Ok(path);
        }
        Disk::default().replace(&path, &bytes).map_err(|source| at(&path, source))?;
        Ok(path)
    };
    files.into_iter().map(write).collect()
}

/// Whether a file holds these bytes.
fn holds(path: &Path, bytes: &[u8]) -> bool {
    // The length first: it is there without reading.
    std::fs::metadata(path).is_ok_and(|metadata| metadata.len() == bytes.len() as u64)
        && std::fs::read(path).is_ok_and(|found| found == bytes)
}

/// A figure in a page of Markdown: a link to its best form, and the picture, if a page can show one.
///
/// `title` is Markdown already.
pub(super) fn markdown(figure: &Figure, title: &str, formats: Formats) -> String {
    let name = &figure.name;
    let first_of = |wanted: &[Format]| wanted.iter().copied().find(|&format| formats.contains(format));
    let mut text = String::new();
    if let Some(format) = first_of(&[Format::Svg, Format::Pdf, Format::Png]) {
        text += &format!("\n[{title}]({name}.{})\n", format.name());
    }
    if let Some(format) = first_of(&[Format::Png, Format::Svg]) {
        text += &format!("\n![{title}]({name}.{})\n", format.name());
    }
    for format in formats.iter().filter(|format| figure.moves && format.moves()) {
        text += &format!("\n[{title}, moving]({name}.{})\n", format.name());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_are_as_they_should_be_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let files = |text: &str| vec![("a".to_string(), b"same".to_vec()), ("b".into(), text.into())];
        let modified = |name: &str| std::fs::metadata(folder.path().join(name)).unwrap().modified().unwrap();
        write_files(files("old"), folder.path()).unwrap();
        let before = [modified("a"), modified("b")];
        let written = write_files(files("new"), folder.path()).unwrap();
        assert_eq!(written, [folder.path().join("a"), folder.path().join("b")]);
        assert_eq!(modified("a"), before[0]);
        assert_eq!(std::fs::read(folder.path().join("b")).unwrap(), b"new");
    }

    #[test]
    fn a_page_shows_and_links_what_is_there() {
        let figure = |moves| {
            let (name, title) = ("plane".to_string(), "Plane".to_string());
            Figure { name, title, scene: Scene::new(1.0, 1.0), moves }
        };
        let shown = |formats: &str| markdown(&figure(true), "Plane", formats.parse().unwrap());
        assert_eq!(shown("svg,png"), "\n[Plane](plane.svg)\n\n![Plane](plane.png)\n");
        assert_eq!(shown("pdf,png"), "\n[Plane](plane.pdf)\n\n![Plane](plane.png)\n");
        assert_eq!(shown("pdf"), "\n[Plane](plane.pdf)\n");
        assert_eq!(shown("svg"), "\n[Plane](plane.svg)\n\n![Plane](plane.svg)\n");
        assert_eq!(
            shown("gif,png"),
            "\n[Plane](plane.png)\n\n![Plane](plane.png)\n\n[Plane, moving](plane.gif)\n"
        );
        assert_eq!(markdown(&figure(false), "Plane", Formats::of(&[Format::Gif])), "");
    }
}
