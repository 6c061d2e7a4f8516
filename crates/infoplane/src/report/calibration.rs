//! The accuracy of methods in a directory: its table and its figure.

use std::path::{Path, PathBuf};

use super::{Options, ReportError, shown_files, write_files};
use crate::calibrate::{Accuracy, calibration_csv};
use crate::figure::Figure;

/// Writes `calibration.csv` and the figure `calibration` in the forms and the style of `options` into `directory`, and
/// returns the paths.
///
/// # Errors
/// [`ReportError::Empty`] without a row; [`ReportError::Write`] if a file cannot be written.
pub fn write_calibration(
    table: &[Accuracy],
    options: &Options,
    directory: &Path,
) -> Result<Vec<PathBuf>, ReportError> {
    let figure = Figure::calibration(table).ok_or(ReportError::Empty)?;
    let mut files = vec![("calibration.csv".to_string(), calibration_csv(table).into_bytes())];
    files.extend(shown_files(figure, options)?);
    write_files(files, directory)
}

#[cfg(test)]
mod tests {

    use super::*;
    use crate::calibrate::Outcome;

    #[test]
    fn a_table_and_its_figure_are_written_and_nothing_without_a_row() {
        let outcome = Outcome { errors: vec![0.02], ..Outcome::default() };
        let row = Accuracy {
            task: "normal",
            estimator: "ksg",
            n_samples: 1000,
            truth: 0.4133,
            outcome: Ok(outcome),
        };
        let folder = tempfile::tempdir().unwrap();
        let options = Options::default().title("KSG");
        assert_eq!(write_calibration(&[row], &options, folder.path()).unwrap().len(), 3);
        let svg = std::fs::read_to_string(folder.path().join("calibration.svg")).unwrap();
        assert!(svg.contains(">KSG<") && svg.contains(">.020<"), "{svg}");
        assert!(matches!(
            write_calibration(&[], &Options::default(), folder.path()),
            Err(ReportError::Empty)
        ));
    }
}
