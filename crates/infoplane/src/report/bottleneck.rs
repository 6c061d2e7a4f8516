//! An information-bottleneck curve in a directory: its table and its figure.

use std::path::{Path, PathBuf};

use super::{Options, ReportError, shown_files, write_files};
use crate::bottleneck::BottleneckCurve;
use crate::figure::Figure;

/// Writes `bottleneck.csv` and the figure `bottleneck` in the forms and the style of `options` into `directory`, and
/// returns the paths.
///
/// `subject` names the joint distribution in the figure. The directory is made if it is not there.
///
/// # Errors
/// [`ReportError::Empty`] for a curve without a point; [`ReportError::Write`] if a file cannot be written.
pub fn write_bottleneck(
    subject: &str,
    curve: &BottleneckCurve,
    options: &Options,
    directory: &Path,
) -> Result<Vec<PathBuf>, ReportError> {
    let figure = Figure::bottleneck(subject, curve).ok_or(ReportError::Empty)?;
    let mut files = vec![("bottleneck.csv".to_string(), bottleneck_csv(curve).into_bytes())];
    files.extend(shown_files(figure, options)?);
    write_files(files, directory)
}

/// The points as comma-separated values, in bits, all digits: `beta,i_xt_bits,i_ty_bits,clusters,gap_bits`.
///
/// β is 0 at the origin and `inf` at the other end.
pub fn bottleneck_csv(curve: &BottleneckCurve) -> String {
    let mut text = String::from("beta,i_xt_bits,i_ty_bits,clusters,gap_bits\n");
    for point in &curve.points {
        text += &format!(
            "{},{},{},{},{}\n",
            point.beta,
            point.i_xt.bits(),
            point.i_ty.bits(),
            point.clusters,
            point.gap.bits()
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::bottleneck::bottleneck_curve;

    #[test]
    fn every_point_is_in_the_table_and_what_it_is_on_the_figure() {
        let rows = array![[0.9, 0.1], [0.1, 0.9]];
        let curve = bottleneck_curve(&[0.5, 0.5], rows.view(), 12).unwrap();
        let csv = bottleneck_csv(&curve);
        assert_eq!(csv.lines().count(), 13);
        // As numbers, for the last digits differ between machines.
        let rows: Vec<Vec<f64>> = csv
            .lines()
            .skip(1)
            .map(|line| line.split(',').map(|cell| cell.parse().unwrap()).collect())
            .collect();
        let near = |row: &[f64], known: [f64; 3]| row.iter().zip(known).all(|(a, b)| (a - b).abs() < 1e-9);
        assert!(near(&rows[0][1..], [0.0, 0.0, 1.0]) && rows[0][0] == 0.0, "{:?}", rows[0]);
        let i_xy = 1.0 + 0.9 * 0.9f64.log2() + 0.1 * 0.1f64.log2();
        assert!(near(&rows[11][1..], [1.0, i_xy, 2.0]) && rows[11][0] == f64::INFINITY, "{:?}", rows[11]);
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(write_bottleneck("a coin", &curve, &Options::default(), folder.path()).unwrap().len(), 3);
        let svg = std::fs::read_to_string(folder.path().join("bottleneck.svg")).unwrap();
        for part in ["a coin", "I(X;Y) = 0.5310 bits", "H(Y)", "12 points"] {
            assert!(svg.contains(part), "{part}");
        }
        let nothing = BottleneckCurve { points: vec![], ..curve };
        assert!(matches!(
            write_bottleneck("", &nothing, &Options::default(), folder.path()),
            Err(ReportError::Empty)
        ));
    }

    #[test]
    fn title_and_style_are_those_of_the_options() {
        let curve = bottleneck_curve(&[0.5, 0.5], array![[0.9, 0.1], [0.1, 0.9]].view(), 12).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let svg = |options: Options| {
            write_bottleneck("a coin", &curve, &options, folder.path()).unwrap();
            std::fs::read_to_string(folder.path().join("bottleneck.svg")).unwrap()
        };
        let (paper, slides) =
            (svg(Options::default()), svg(Options::default().style(crate::draw::Style::Slides)));
        assert!(paper.contains("font-size=\"15.5\"") && slides.contains("font-size=\"24.8\""), "{slides}");
        let named = svg(Options::default().title("Noisy labels"));
        assert!(named.contains(">Noisy labels<") && !named.contains(">Information-bottleneck curve<"));
    }
}
