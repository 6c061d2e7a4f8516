//! Figures and tables of a run.
//!
//! [`write()`] takes what was measured and leaves a directory with figures (SVG, PNG, PDF), `plane.csv`,
//! `repeats.csv` and `summary.md`. Everything is drawn by the library itself with letters of its own: a machine without fonts
//! gives the same bytes.

mod as_if_random;
mod bottleneck;
mod calibration;
mod comparison;
mod conclusion;
mod files;
mod summary;

use std::io::Write;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use crate::directory::advice;
use crate::draw::Scene;
use crate::figure;
use crate::page::Page;
use crate::printable::printable_path;
use crate::table;

pub use crate::draw::{
    Animation, AnimationError, Characters, Format, FormatError, Formats, Style, StyleError,
    plane_in_characters,
};
pub use crate::figure::{
    LimitCurve, ReportData, ScheduleData, distance_unit, failed_in_words, schedule_setting,
};
pub use as_if_random::{as_if_random_failed, as_if_random_notes, as_if_random_summary, write_as_if_random};
pub use bottleneck::{bottleneck_csv, write_bottleneck};
pub use calibration::write_calibration;
pub use comparison::{comparison_summary, write_comparison};
pub use conclusion::conclusion;
use files::FileWriter;
pub use files::Options;
use files::shown_files;
pub(crate) use files::{figure_files, write_files};
pub use summary::summary;

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// Neither a measurement nor training statistics.
    #[error("nothing to report: the run holds no measured epoch and no training statistics")]
    Empty,
    /// A file could not be written.
    #[error("cannot write {}: {source}{}", printable_path(path), advice("write", source, None))]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A picture could not be encoded.
    #[error("cannot draw {figure}: {reason}")]
    Picture {
        /// The figure's name.
        figure: String,
        /// What the encoder said.
        reason: String,
    },
}

/// A figure, laid out, with the name of its files and a title for links.
struct Figure {
    name: String,
    title: String,
    scene: Scene,
    /// Whether it is also a moving picture, where one is asked for.
    moves: bool,
}

/// Writes figures in the forms of `options`, `plane.csv`, `repeats.csv` and `summary.md` into `directory`, and returns
/// the paths of what it wrote.
///
/// For every setting of every estimator one figure of the information plane and one of the information over
/// epochs, one figure of the training, and one of the epochs that were measured. The directory is made if it is not there; files of an earlier
/// report are replaced, each written to a neighbour file, synced and renamed. The same data give the same bytes.
///
/// A plane without values gives no figure of it, and the summary says so.
///
/// # Errors
/// [`ReportError::Empty`] if there is neither a row nor an epoch of training; [`ReportError::Write`] if a file
/// cannot be written.
///
/// # Examples
/// ```
/// use infoplane::report::{self, Options, ReportData, ScheduleData};
/// use std::sync::Arc;
/// use infoplane::plane::MethodDescription;
/// use infoplane::{Information, InformationPlane, LayerDescription, PlaneRow};
///
/// let binned = Arc::new(MethodDescription::new("binned", "30 equal on [-1, 1]", None));
/// let row = |epoch, i_xt, i_ty| PlaneRow::new(1, epoch, (1, 3), &binned, (i_xt, i_ty));
/// let plane = InformationPlane::from_iter([row(0, 5.9, 0.12), row(30, 7.4, 0.70), row(4000, 3.7, 0.99)]);
/// let data = ReportData {
///     title: "a small run".into(),
///     dataset: "symmetric12".into(),
///     n_samples: 4096,
///     h_x: Information::from_bits(12.0),
///     h_y: Information::from_bits(0.999),
///     parts: vec![],
///     is_chain: true,
///     layers: vec![LayerDescription { name: "T1".into(), width: 3, nonlinearity: "tanh".into() }],
///     plane: &plane,
///     quantities: &[],
///     training: &[],
///     schedule: ScheduleData::default(),
///     failed: vec![],
///     all_seeds: false,
///     complete: true,
///     limit: None,
///     notes: vec![],
/// };
/// let directory = tempfile::tempdir()?;
/// let written = report::write(&data, &Options::default(), directory.path())?;
/// assert!(written.iter().any(|path| path.ends_with("plane-binned-30-equal-on-1-1.png")));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn write(
    data: &ReportData<'_>,
    options: &Options,
    directory: &Path,
) -> Result<Vec<PathBuf>, ReportError> {
    if data.plane.is_empty() && data.training.is_empty() {
        return Err(ReportError::Empty);
    }
    let shown = options.titled(figure::figures(data));
    let mut writer = FileWriter::new(directory)?;
    let mut figures = Vec::new();
    // As many at once as there are threads, and each is let go of once it is written: those of a long run are large.
    for some in shown.chunks(rayon::current_num_threads()) {
        let mut drawn: Vec<Figure> =
            some.par_iter().map(|figure| Figure::of(figure, options.style)).collect();
        for (name, bytes) in files::all_files(&drawn, options.formats)? {
            writer.put(&name, &bytes)?;
        }
        drawn.iter_mut().for_each(|figure| figure.scene = Scene::new(0.0, 0.0));
        figures.extend(drawn);
    }
    for figure in &shown {
        for (name, bytes) in files::moving_files(figure, options)? {
            writer.put(&name, &bytes)?;
        }
    }
    drop(shown);
    let plane = |out: &mut dyn Write| table::write_plane_csv(data.plane, &data.layers, data.quantities, out);
    writer.put_with("plane.csv", plane)?;
    for table in [table::units, table::synergy, table::pairs, table::similarity, table::ranks, table::inputs]
    {
        let table = table(data.quantities, &data.layers);
        if !table.is_empty() {
            writer.put_csv(&table)?;
        }
    }
    writer.put_with("repeats.csv", |out| data.write_repeats(out))?;
    // Last, so that its links never point to what is not there yet.
    writer.put("summary.md", summary::markdown(data, &figures, options.formats).as_bytes())?;
    Ok(writer.written)
}

/// Writes a page into `directory` as `index.html`, replaced as by [`write()`], and returns its path.
///
/// # Errors
/// [`ReportError::Write`] if it cannot be written.
pub fn write_page(page: &Page, directory: &Path) -> Result<PathBuf, ReportError> {
    let files = vec![("index.html".into(), page.html().into_bytes())];
    let mut written = write_files(files, directory)?;
    Ok(written.pop().unwrap_or_else(|| directory.join("index.html")))
}

/// Returns the figures of a report in the forms of `options`, by the names that [`write()`] gives their files, without writing
/// any; those that move are left out.
///
/// # Errors
/// [`ReportError::Empty`] and [`ReportError::Picture`], as [`write()`].
pub fn pictures(data: &ReportData<'_>, options: &Options) -> Result<Vec<(String, Vec<u8>)>, ReportError> {
    if data.plane.is_empty() && data.training.is_empty() {
        return Err(ReportError::Empty);
    }
    let shown = options.titled(figure::figures(data));
    let figures: Vec<Figure> = shown.par_iter().map(|figure| Figure::of(figure, options.style)).collect();
    files::all_files(&figures, options.formats)
}

impl Figure {
    fn of(figure: &figure::Figure, style: Style) -> Figure {
        Figure {
            name: figure.id.clone(),
            title: figure.heading.clone(),
            scene: crate::draw::scene(figure, style),
            moves: crate::draw::moving_epochs(figure).is_some(),
        }
    }
}

/// `T₃`.
pub(crate) fn layer_name(layer: usize) -> String {
    figure::words::layer(layer)
}
