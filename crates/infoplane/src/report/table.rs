//! The plane as CSV.

use std::fmt::Write;

use crate::plane::{MethodDescription, Part};
use crate::{Bound, InformationPlane, LayerDescription};

const COLUMNS: &str = "seed,epoch,layer,layer_name,width,estimator,setting,bound,i_xt_bits,i_ty_bits,\
                       i_xt_standard_error_bits,i_ty_standard_error_bits,out_of_range,status";

/// The rows of the plane as `plane.csv` holds them: a header, then a line per row, in the order of the plane; `layers`
/// names the layers, which are called T1, T2, … where it does not.
///
/// Where the training and the test part are measured apart, a column `part` after `bound` says `train` or `test`.
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
    let in_parts = has_parts(plane);
    csv.push_str(&if in_parts { COLUMNS.replace(",bound,", ",bound,part,") } else { COLUMNS.into() });
    csv.push('\n');
    for row in plane.rows() {
        let bound = row.method.bound.map(Bound::name).unwrap_or_default();
        let part = part_field(&row.method, in_parts);
        let number =
            |value: Option<f64>| value.filter(|v| v.is_finite()).map(|v| v.to_string()).unwrap_or_default();
        let line = writeln!(
            csv,
            "{},{},{},{},{},{},{},{bound}{part},{},{},{},{},{},{}",
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

/// Whether any method is measured on one part of the data: then there is a column that says which.
pub(super) fn has_parts(plane: &InformationPlane) -> bool {
    plane.methods().iter().any(|method| method.part.is_some())
}

/// The field of that column, after a comma; nothing without the column.
pub(super) fn part_field(method: &MethodDescription, in_parts: bool) -> String {
    if in_parts { format!(",{}", method.part.map(Part::name).unwrap_or_default()) } else { String::new() }
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

    use crate::plane::PlaneRow;

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

    #[test]
    fn rows_of_parts_say_which_part_they_are_of() {
        let kde = MethodDescription::new("kde", "noise_variance=0.1", Some(Bound::Upper));
        let row = |part| PlaneRow::new(0, 1, (1, 2), &Arc::new(kde.of_part(part)), (3.0, 0.5));
        let csv = plane_csv(&InformationPlane::from_iter([row(Part::Train), row(Part::Test)]), &[]);
        let lines: Vec<&str> = csv.lines().collect();
        assert!(lines[0].contains(",setting,bound,part,i_xt_bits,"), "{csv}");
        assert_eq!(lines[1], "0,1,1,T1,2,kde,noise_variance=0.1,upper,train,3,0.5,,,0,ok");
        assert_eq!(lines[2], "0,1,1,T1,2,kde,noise_variance=0.1,upper,test,3,0.5,,,0,ok");
    }
}
