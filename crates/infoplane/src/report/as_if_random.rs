//! Pooled networks in a directory: figures and `summary.md`.

mod words;

use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::{Figure, Options, ReportError, files};
use crate::experiment::AsIfRandomResult;
use crate::figure::pool_figures;

pub use crate::figure::pool::seeds::{as_if_random_failed, as_if_random_notes};
pub use words::as_if_random_summary;

/// Writes the figures of [`pool_figures`] in the forms and the style of `options` and `summary.md` into `directory`, and
/// returns the paths of what it wrote.
///
/// For every setting of every estimator `trend-…` (I(X;T) and H(T|X) against M) and `compression-…` (H(X) − I(X;T) and
/// I(T;Y), one network against all); for every kind of cells `overlap-…` (of the distributions p(t | x) of pairs of inputs);
/// and `drift` (loss, weights and their drift over the window). The title of `options`, if there is one, stands on every
/// figure.
///
/// # Errors
/// As [`write`](super::write()).
pub fn write_as_if_random(
    result: &AsIfRandomResult,
    options: &Options,
    directory: &Path,
) -> Result<Vec<PathBuf>, ReportError> {
    if result.rows.is_empty() && result.drift.is_empty() && result.window.is_empty() {
        return Err(ReportError::Empty);
    }
    let shown = options.titled(pool_figures(result));
    let figures: Vec<Figure> = shown.par_iter().map(|figure| Figure::of(figure, options.style)).collect();
    let mut files = files::all_files(&figures, options.formats)?;
    // Last, so that its links never point to what is not there yet.
    files.push(("summary.md".into(), words::markdown(result, &figures, options.formats).into_bytes()));
    files::write_files(files, directory)
}
