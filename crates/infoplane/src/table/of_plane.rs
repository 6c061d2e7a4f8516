//! The measurements as a table.

use std::borrow::Cow;
use std::io::{self, Write};

use super::keys::{EPOCH, LAYER, LAYER_NAME, METHOD, SEED};
use super::of_units::{DEGREES, degrees};
use super::{Column, NONE, Table, Values};
use crate::quantity::QuantityRow;
use crate::{Bound, InformationPlane, LayerDescription};

/// The columns of [`plane`].
pub const PLANE: &[Column] = &[
    SEED,
    EPOCH,
    LAYER,
    LAYER_NAME,
    Column::integer("width", "The number of units of the layer."),
    METHOD,
    Column::category("estimator", "The estimator, by its name in configuration files."),
    Column::category("setting", "The settings of the estimator in a few words."),
    Column::category("bound", "Which bound on I(X;T) the value is: upper or lower.").optional(),
    Column::category(
        "part",
        "The part of the data that was measured, train or test, in a run that measures both.",
    )
    .optional(),
    Column::number("i_xt_bits", "bits", "I(X;T), the information of the layer about the input.").optional(),
    Column::number("i_ty_bits", "bits", "I(T;Y), the information of the layer about the label.").optional(),
    Column::number("i_xt_standard_error_bits", "bits", "The standard error of I(X;T).").optional(),
    Column::number("i_ty_standard_error_bits", "bits", "The standard error of I(T;Y).").optional(),
    Column::number(
        "i_ty_shuffled_bits",
        "bits",
        "I(T;Y) of the labels in a random order, the same for all layers and epochs: the bias of I(T;Y).",
    )
    .optional(),
    Column::number("i_ty_above_shuffled_bits", "bits", "I(T;Y) less that of the labels in a random order.")
        .optional(),
    Column::integer("out_of_range", "How many values of the layer lay outside the bins."),
    Column::integer("alone", "How many samples share their cell with no other, for methods with cells.")
        .optional(),
    Column::category("status", "ok, or why a value is absent."),
    DEGREES[0],
    DEGREES[1],
    DEGREES[2],
    DEGREES[3],
    DEGREES[4],
    DEGREES[5],
];

/// The measurements: a row for each seed, epoch, layer and method, in the order of `plane`; `layers` names the layers.
///
/// Where units were measured, `quantities` adds their degrees of redundancy and vulnerability and the complexity; else the table ends
/// with the status.
///
/// Takes some 120 bytes a row. A report writes the same part by part, with little memory.
pub fn plane<'a>(
    plane: &'a InformationPlane,
    layers: &[LayerDescription],
    quantities: &[QuantityRow],
) -> Table<'a> {
    let column =
        |of: fn(&crate::PlaneRow) -> Option<f64>| Values::numbers(plane.rows().map(move |row| of(&row)));
    let codes = |of: fn(&InformationPlane, usize) -> u32| -> Vec<u32> {
        (0..plane.len()).map(|place| of(plane, place)).collect()
    };
    let layer_codes = codes(InformationPlane::layer_at);
    let (method_codes, layers_of_rows) = (plane.method_codes(), layer_codes.clone());
    let methods = plane.methods();
    let of_method = |text: fn(&crate::plane::MethodDescription) -> &str| {
        let names = methods.iter().map(|method| Cow::Borrowed(text(method))).collect();
        Values::category(names, Cow::Borrowed(method_codes))
    };
    let bounds = [Bound::Lower, Bound::Upper];
    let bound_of_method: Vec<u32> = methods
        .iter()
        .map(|method| match method.bound {
            None => NONE,
            Some(bound) => bounds.iter().position(|&other| other == bound).map_or(NONE, |code| code as u32),
        })
        .collect();
    let n_layers = layer_codes.iter().max().map_or(0, |&last| last as usize);
    let statuses = std::iter::once(Cow::Borrowed("ok"))
        .chain(plane.reasons().iter().map(|missing| Cow::Owned(missing.to_string())));
    let mut values = vec![
        Values::U64((0..plane.len()).map(|place| plane.seed_at(place)).collect()),
        Values::U64(Cow::Borrowed(plane.epochs())),
        Values::U32(layer_codes.into()),
        Values::category(
            (0..=n_layers).map(|layer| Cow::Owned(LayerDescription::name_in(layers, layer))).collect(),
            layers_of_rows.into(),
        ),
        Values::U32(codes(InformationPlane::width_at).into()),
        of_method(|method| &method.id),
        of_method(|method| &method.estimator),
        of_method(|method| &method.setting),
        Values::category(
            bounds.iter().map(|bound| Cow::Borrowed(bound.name())).collect(),
            method_codes.iter().map(|&method| bound_of_method[method as usize]).collect(),
        ),
        Values::texts(
            method_codes
                .iter()
                .map(|&method| methods[method as usize].part.map(|part| Cow::Borrowed(part.name()))),
        ),
        column(|row| row.i_xt_bits),
        column(|row| row.i_ty_bits),
        column(|row| row.i_xt_standard_error_bits),
        column(|row| row.i_ty_standard_error_bits),
        column(|row| row.i_ty_shuffled_bits),
        // Of an absent number the difference is absent.
        column(|row| Some(row.i_ty_bits? - row.i_ty_shuffled_bits?)),
        Values::U64(plane.rows().map(|row| row.out_of_range).collect()),
        Values::OptionalU64(plane.rows().map(|row| row.alone).collect()),
        // A missing value's code is one more than the place of its reason; 0 is `ok`.
        Values::category(statuses.collect(), codes(InformationPlane::reason_code).into()),
    ];
    values.extend(degrees(plane, quantities).into_iter().flatten());
    Table::new("plane", &PLANE[..values.len()], values)
}

/// Rows that are made into a table at once.
const ROWS: usize = 1 << 16;

/// Writes [`plane`] as comma-separated values, part after part: of a long plane little is in memory beside it.
///
/// # Errors
/// Those of `out`.
pub(crate) fn write_csv(
    all: &InformationPlane,
    layers: &[LayerDescription],
    quantities: &[QuantityRow],
    out: &mut dyn Write,
) -> io::Result<()> {
    super::csv::write_header(&plane(&all.part(0..0), layers, quantities), out)?;
    for start in (0..all.len()).step_by(ROWS) {
        let part = all.part(start..(start + ROWS).min(all.len()));
        super::csv::write_rows(&plane(&part, layers, quantities), out)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::PlaneRow;
    use crate::plane::{MethodDescription, Missing, Part};
    use crate::table::{TableFormat, Value};

    fn rows() -> InformationPlane {
        let method = |estimator, setting, bound| Arc::new(MethodDescription::new(estimator, setting, bound));
        let binned = method("binned", "30 \"edges\" on [-1, 1]", None);
        let kde = method("kde", "noise_variance=0.1", Some(Bound::Upper));
        let first = PlaneRow {
            i_ty_standard_error_bits: Some(0.1 + 0.2),
            i_ty_shuffled_bits: Some(0.25),
            out_of_range: 4,
            alone: Some(7),
            ..PlaneRow::new(3, 10, (2, 7), &binned, (11.9985, 0.875))
        };
        let missing = Some(Arc::new(Missing::both("not-finite", "a value is NaN")));
        let second = PlaneRow {
            i_xt_bits: None,
            i_ty_standard_error_bits: Some(f64::NAN),
            missing,
            ..PlaneRow::new(3, 10, (2, 7), &kde, (0.0, 0.5))
        };
        InformationPlane::from_iter([first, second])
    }

    #[test]
    fn rows_are_lines_and_commas_are_quoted() {
        let rows = rows();
        let csv = String::from_utf8(plane(&rows, &[], &[]).bytes(TableFormat::Csv)).unwrap();
        let lines: Vec<&str> = csv.lines().collect();
        assert_eq!(
            lines,
            [
                "seed,epoch,layer,layer_name,width,method,estimator,setting,bound,part,i_xt_bits,i_ty_bits,\
                 i_xt_standard_error_bits,i_ty_standard_error_bits,i_ty_shuffled_bits,i_ty_above_shuffled_bits,\
                 out_of_range,alone,status",
                "3,10,2,T2,7,binned-30-edges-on-1-1,binned,\"30 \"\"edges\"\" on [-1, 1]\",,,11.9985,0.875,,\
                 0.30000000000000004,0.25,0.625,4,7,ok",
                "3,10,2,T2,7,kde-noise-variance-0.1-upper,kde,noise_variance=0.1,upper,,,0.5,,,,,0,,a value is NaN",
            ]
        );
    }

    #[test]
    fn rows_of_parts_say_which_part_they_are_of() {
        let kde = MethodDescription::new("kde", "noise_variance=0.1", Some(Bound::Upper));
        let row = |part| PlaneRow::new(0, 1, (1, 2), &Arc::new(kde.of_part(part)), (3.0, 0.5));
        let rows = InformationPlane::from_iter([row(Part::Train), row(Part::Test)]);
        let table = plane(&rows, &[], &[]);
        let parts = &table.column("part").unwrap().values;
        assert_eq!((parts.get(0), parts.get(1)), (Value::Text("train"), Value::Text("test")));
    }

    #[test]
    fn json_lines_hold_the_same_and_null_for_what_is_absent() {
        let rows = rows();
        let lines = plane(&rows, &[], &[]).bytes(TableFormat::Jsonl);
        let parsed: Vec<serde_json::Value> =
            lines.split(|&byte| byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect();
        assert_eq!(parsed.len(), 2);
        assert_eq!(parsed[0]["setting"], "30 \"edges\" on [-1, 1]");
        assert_eq!(parsed[0]["i_ty_standard_error_bits"].as_f64(), Some(0.1 + 0.2));
        assert!(parsed[1]["i_xt_bits"].is_null() && parsed[0]["bound"].is_null());
        assert_eq!(
            (parsed[0]["i_ty_above_shuffled_bits"].as_f64(), parsed[0]["alone"].as_u64()),
            (Some(0.625), Some(7))
        );
        assert!(parsed[1]["i_ty_shuffled_bits"].is_null() && parsed[1]["i_ty_above_shuffled_bits"].is_null());
        assert!(parsed[1]["alone"].is_null() && parsed[1]["i_ty_standard_error_bits"].is_null());
        assert_eq!(parsed[1]["bound"], "upper");
    }
}
