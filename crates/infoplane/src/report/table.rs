//! The plane as CSV.

use std::fmt::Write;

use crate::{Bound, InformationPlane, LayerDescription};

const COLUMNS: &str = "seed,epoch,layer,layer_name,width,estimator,setting,bound,i_xt_bits,i_ty_bits,\
                       i_xt_standard_error_bits,i_ty_standard_error_bits,out_of_range,status";

/// The rows of the plane as `plane.csv` holds them: a header, then a line per row, in the order of the plane; `layers`
/// names the layers, which are called T1, T2, … where it does not.
///
/// Numbers are written so that reading them gives the same bits; a value that is absent (or not finite) is an
/// empty field. Fields with commas, quotes or line breaks are quoted (RFC 4180).
///
/// ```
/// use infoplane::{InformationPlane, report::plane_csv};
/// assert_eq!(plane_csv(&InformationPlane::default(), &[]).lines().count(), 1);
/// ```
pub fn plane_csv(plane: &InformationPlane, layers: &[LayerDescription]) -> String {
    let mut csv = String::with_capacity(96 * (plane.len() + 2));
    csv.push_str(COLUMNS);
    csv.push('\n');
    for row in plane.rows() {
        let bound = row.method.bound.map(Bound::name).unwrap_or_default();
        let number =
            |value: Option<f64>| value.filter(|v| v.is_finite()).map(|v| v.to_string()).unwrap_or_default();
        let line = writeln!(
            csv,
            "{},{},{},{},{},{},{},{bound},{},{},{},{},{},{}",
            row.seed,
            row.epoch,
            row.layer,
            quoted(&LayerDescription::name_in(layers, row.layer)),
            row.width,
            quoted(&row.method.estimator),
            quoted(&row.method.setting),
            number(row.i_xt_bits),
            number(row.i_ty_bits),
            number(row.i_xt_standard_error_bits),
            number(row.i_ty_standard_error_bits),
            row.out_of_range,
            quoted(&row.missing.as_ref().map_or("ok".into(), |missing| missing.to_string()))
        );
        line.expect("writing to a string does not fail");
    }
    csv
}

pub(super) fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    use crate::plane::{MethodDescription, PlaneRow};

    #[test]
    fn rows_are_lines_and_commas_are_quoted() {
        let method = |estimator, setting, bound| Arc::new(MethodDescription::new(estimator, setting, bound));
        let binned = method("binned", "30 \"edges\" on [-1, 1]", None);
        let row = PlaneRow {
            i_ty_standard_error_bits: Some(0.1 + 0.2),
            out_of_range: 4,
            ..PlaneRow::new(3, 10, (2, 7), &binned, (11.9985, f64::NAN))
        };
        let kde = PlaneRow { method: method("kde", "noise_variance=0.1", Some(Bound::Upper)), ..row.clone() };
        let csv = plane_csv(&InformationPlane::from_iter([row, kde]), &[]);
        let lines: Vec<&str> = csv.lines().collect();
        assert_eq!(
            lines[0],
            "seed,epoch,layer,layer_name,width,estimator,setting,bound,i_xt_bits,i_ty_bits,\
             i_xt_standard_error_bits,i_ty_standard_error_bits,out_of_range,status"
        );
        assert_eq!(
            lines[1],
            "3,10,2,T2,7,binned,\"30 \"\"edges\"\" on [-1, 1]\",,11.9985,,,0.30000000000000004,4,ok"
        );
        assert!(lines[2].contains(",noise_variance=0.1,upper,"));
    }
}
