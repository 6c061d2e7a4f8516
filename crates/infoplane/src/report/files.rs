//! The files of figures and tables in a directory.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::{Figure, ReportError};
use crate::directory::{Which, is_directory, is_of_a_result, open, parent, remove_partials};
use crate::draw::{Animation, Format, Formats, Scene, Style, moving_epochs};
use crate::figure;
use crate::run::Disk;
use crate::table::{Table, TableFormat};

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

/// Writes files into a directory, which is made if it is not there, and returns their paths, in their order; each as
/// [`FileWriter::put`].
///
/// # Errors
/// [`ReportError::Write`] if the directory cannot be made or a file cannot be written.
pub(crate) fn write_files(
    files: Vec<(String, Vec<u8>)>,
    directory: &Path,
) -> Result<Vec<PathBuf>, ReportError> {
    let mut writer = FileWriter::new(directory)?;
    files.into_iter().try_for_each(|(name, bytes)| writer.put(&name, &bytes))?;
    Ok(writer.written)
}

/// Writes the files of a report one after the other.
pub(crate) struct FileWriter<'a> {
    directory: &'a Path,
    disk: Disk,
    /// What was written so far, and what was right already.
    pub written: Vec<PathBuf>,
}

impl<'a> FileWriter<'a> {
    /// Makes the directory if it is not there, and removes what killed processes left half-written in it.
    ///
    /// # Errors
    /// [`ReportError::Write`] if it cannot be made, or is a symbolic link in the directory of a run: that may lead anywhere.
    pub fn new(directory: &'a Path) -> Result<Self, ReportError> {
        let failed = |source| ReportError::Write { path: directory.to_path_buf(), source };
        if is_of_a_result(parent(directory)) {
            is_directory(directory).map_err(failed)?;
        }
        std::fs::create_dir_all(directory).map_err(failed)?;
        let disk = Disk::default();
        // What cannot be removed does no harm.
        let _ = remove_partials(directory, &disk, Which::Abandoned);
        Ok(FileWriter { directory, disk, written: Vec::new() })
    }

    /// Writes a file: to a neighbour, which is synced and renamed. One that holds these bytes already stays as it is, so that
    /// nothing fails where nothing is to be written.
    ///
    /// # Errors
    /// [`ReportError::Write`].
    pub fn put(&mut self, name: &str, bytes: &[u8]) -> Result<(), ReportError> {
        self.put_with(name, |out| out.write_all(bytes))
    }

    /// Writes a table as `NAME.csv`, as [`FileWriter::put`]: of a long one little is in memory.
    ///
    /// # Errors
    /// [`ReportError::Write`].
    pub fn put_csv(&mut self, table: &Table<'_>) -> Result<(), ReportError> {
        let name = format!("{}.csv", table.name());
        self.put_with(&name, |mut out| table.write(TableFormat::Csv, &mut out))
    }

    /// As [`FileWriter::put`], of a file that is written little by little, perhaps twice.
    ///
    /// # Errors
    /// [`ReportError::Write`].
    pub fn put_with(
        &mut self,
        name: &str,
        write: impl Fn(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), ReportError> {
        let path = self.directory.join(name);
        if !holds(&path, &write) {
            let written = self.disk.replace_with(&path, |out| write(out));
            written.map_err(|source| ReportError::Write { path: path.clone(), source })?;
        }
        self.written.push(path);
        Ok(())
    }
}

/// Whether a file holds what is written.
fn holds(path: &Path, write: impl Fn(&mut dyn Write) -> io::Result<()>) -> bool {
    let Ok(file) = open(path) else { return false };
    let mut found = Compared { file: BufReader::new(file) };
    write(&mut found).is_ok() && matches!(found.file.fill_buf(), Ok([]))
}

/// Compares with a file what is written; what differs is an error.
struct Compared {
    file: BufReader<File>,
}

impl Write for Compared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let found = self.file.fill_buf()?;
        let n = found.len().min(bytes.len());
        if n == 0 && !bytes.is_empty() || found[..n] != bytes[..n] {
            return Err(io::ErrorKind::InvalidData.into());
        }
        self.file.consume(n);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
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
