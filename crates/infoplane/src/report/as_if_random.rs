//! Figures and words of the as-if-random experiment.

use std::path::{Path, PathBuf};

use super::ReportError;
use crate::experiment::AsIfRandomResult;

/// Writes the figures and `summary.md` into `directory`, and returns the paths of what it wrote.
///
/// # Errors
/// As [`write`](super::write()).
pub fn write_as_if_random(
    _result: &AsIfRandomResult,
    _directory: &Path,
) -> Result<Vec<PathBuf>, ReportError> {
    Ok(Vec::new())
}

/// The results in words and aligned columns, for a terminal.
pub fn as_if_random_summary(_result: &AsIfRandomResult) -> String {
    String::new()
}
