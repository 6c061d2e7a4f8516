//! What the units of layers tell, as tables.

use std::collections::HashMap;

use super::keys::{EPOCH, LAYER, LAYER_NAME, METHOD, PART, SEED, with_method};
use super::{Column, Table, Values};
use crate::quantity::{QuantityRow, UnitAmounts, UnitQuantities};
use crate::{InformationPlane, LayerDescription};

/// The columns of [`units`].
pub const UNITS: &[Column] = &[
    SEED,
    EPOCH,
    LAYER,
    LAYER_NAME,
    METHOD,
    PART,
    Column::integer("unit", "The unit, from 1."),
    Column::number("i_unit_bits", "bits", "I(Tᵢ;Y), what the unit alone tells of the label."),
    Column::number(
        "i_unit_beyond_bits",
        "bits",
        "What the unit tells of the label beyond all others, I(Tᵢ;Y) given T without i.",
    ),
    Column::number("i_unit_shuffled_bits", "bits", "I(Tᵢ;Y) of the labels in a random order: its bias."),
    Column::number("i_unit_beyond_shuffled_bits", "bits", "The same of the labels in a random order."),
];

/// The columns of [`synergy`].
pub const SYNERGY: &[Column] = &[
    SEED,
    EPOCH,
    LAYER,
    LAYER_NAME,
    METHOD,
    PART,
    Column::integer("degree", "How many units, or groups of units, must be read at least."),
    Column::number("i_bits", "bits", "The information about the label for which so many must be read."),
    Column::number("i_shuffled_bits", "bits", "The same of the labels in a random order."),
];

/// The columns of the plane's table that runs have which measure units.
pub(super) const DEGREES: [Column; 6] = [
    Column::number(
        "redundancy_degree",
        "",
        "Σᵢ I(Tᵢ;Y) / I(T;Y), in how many units a bit about the label is found alone, on average.",
    )
    .optional(),
    Column::number(
        "vulnerability_degree",
        "",
        "Σᵢ I(Tᵢ;Y given the others) / I(T;Y), how many units a bit about the label cannot do without, on average.",
    )
    .optional(),
    Column::number(
        "representational_complexity",
        "",
        "How many units, or groups of units, must be read for a bit about the label, by shared exclusions.",
    )
    .optional(),
    Column::number("redundancy_degree_shuffled", "", "The degree of redundancy of the labels in a random order.")
        .optional(),
    Column::number(
        "vulnerability_degree_shuffled",
        "",
        "The degree of vulnerability of the labels in a random order.",
    )
    .optional(),
    Column::number(
        "representational_complexity_shuffled",
        "",
        "The representational complexity of the labels in a random order.",
    )
    .optional(),
];

type Degree = fn(&UnitAmounts) -> Option<f64>;

/// The values of [`DEGREES`], a column each for the rows of `plane`; nothing if no row is of units.
///
/// Where shuffled labels have nearly all of H(Y), the degrees say nothing of the layer, and are absent.
pub(super) fn degrees<'a>(plane: &InformationPlane, quantities: &[QuantityRow]) -> Option<Vec<Values<'a>>> {
    let any_units = quantities.iter().any(|row| row.quantity() == "units");
    if !any_units {
        return None;
    }
    let mut found: HashMap<(u64, u64, u32, &str), &UnitQuantities> = HashMap::new();
    for row in quantities {
        if let (Some(units), Some(method)) = (row.units(), &row.method) {
            found.insert((row.seed, row.epoch, row.layer as u32, method), units);
        }
    }
    let methods: Vec<&str> = plane.methods().iter().map(|method| method.id.as_str()).collect();
    let of_row: Vec<Option<&UnitQuantities>> = (0..plane.len())
        .map(|row| {
            let method = methods[plane.method_codes()[row] as usize];
            let key = (plane.seed_at(row), plane.epochs()[row], plane.layer_at(row), method);
            found.get(&key).copied().filter(|units| !units.is_all_bias)
        })
        .collect();
    let all: [Degree; 3] =
        [UnitAmounts::redundancy_degree, UnitAmounts::vulnerability_degree, UnitAmounts::complexity];
    let values = |of: fn(&UnitQuantities) -> &UnitAmounts, degree: Degree| {
        Values::numbers(of_row.iter().map(|units| degree(of((*units)?))))
    };
    let of_labels = all.into_iter().map(|degree| values(|units| &units.labels, degree));
    let shuffled = all.into_iter().map(|degree| values(|units| &units.shuffled, degree));
    Some(of_labels.chain(shuffled).collect())
}

/// What each unit tells of the label: a row for each seed, epoch, layer, method and unit.
pub fn units<'a>(quantities: &[QuantityRow], layers: &[LayerDescription]) -> Table<'a> {
    let rows: Vec<(&QuantityRow, &UnitQuantities, usize)> = quantities
        .iter()
        .filter_map(|row| Some((row, row.units()?)))
        .flat_map(|(row, units)| (0..units.labels.unit_bits.len()).map(move |unit| (row, units, unit)))
        .collect();
    let of = |value: fn(&UnitQuantities, usize) -> f64| {
        Values::F64(rows.iter().map(|&(_, units, unit)| value(units, unit)).collect())
    };
    let mut values = with_method(rows.iter().map(|&(row, ..)| row), layers);
    values.push(Values::U64(rows.iter().map(|&(.., unit)| unit as u64 + 1).collect()));
    values.extend([
        of(|units, unit| units.labels.unit_bits[unit]),
        of(|units, unit| units.labels.beyond_bits[unit]),
        of(|units, unit| units.shuffled.unit_bits[unit]),
        of(|units, unit| units.shuffled.beyond_bits[unit]),
    ]);
    Table::new("units", UNITS, values)
}

/// The information about the label by the number of units that must be read for it: a row for each seed, epoch, layer, method and
/// number.
pub fn synergy<'a>(quantities: &[QuantityRow], layers: &[LayerDescription]) -> Table<'a> {
    let rows: Vec<(&QuantityRow, usize, f64, f64)> = quantities
        .iter()
        .filter_map(|row| Some((row, row.units()?)))
        .flat_map(|(row, units)| {
            let both = units.labels.synergy_bits.iter().zip(&units.shuffled.synergy_bits);
            both.enumerate().map(move |(place, (&labels, &shuffled))| (row, place + 1, labels, shuffled))
        })
        .collect();
    let mut values = with_method(rows.iter().map(|&(row, ..)| row), layers);
    values.push(Values::U64(rows.iter().map(|&(_, degree, ..)| degree as u64).collect()));
    values.push(Values::F64(rows.iter().map(|&(_, _, labels, _)| labels).collect()));
    values.push(Values::F64(rows.iter().map(|&(.., shuffled)| shuffled).collect()));
    Table::new("synergy", SYNERGY, values)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::PlaneRow;
    use crate::plane::{MethodDescription, Missing};
    use crate::quantity::QuantityValues;
    use crate::table::{TableFormat, Value, plane};

    fn amounts(i_ty_bits: f64, unit_bits: [f64; 2], synergy_bits: Vec<f64>) -> UnitAmounts {
        UnitAmounts { i_ty_bits, unit_bits: unit_bits.into(), beyond_bits: vec![0.25, 0.0], synergy_bits }
    }

    fn row(layer: usize, is_all_bias: bool) -> QuantityRow {
        let units = UnitQuantities {
            labels: amounts(0.5, [0.5, 0.25], vec![0.25, 0.25]),
            shuffled: amounts(0.0, [0.0, 0.0], vec![0.0, 0.0]),
            alone: 2,
            is_all_bias,
        };
        let values = QuantityValues::Units(units);
        QuantityRow { seed: 3, epoch: 10, layer, method: Some("binned-30".into()), part: None, values }
    }

    fn measured() -> InformationPlane {
        let binned = Arc::new(MethodDescription::new("binned", "30", None));
        let kde = Arc::new(MethodDescription::new("kde", "noise_variance=0.1", None));
        let row = |layer, method| PlaneRow::new(3, 10, (layer, 2), method, (1.0, 0.5));
        InformationPlane::from_iter([row(1, &binned), row(1, &kde), row(2, &binned), row(3, &binned)])
    }

    #[test]
    fn degrees_stand_beside_the_values_that_were_measured_alike() {
        let missing = QuantityValues::Missing {
            quantity: "units".into(),
            missing: Missing::both("not-finite", "a value is NaN"),
        };
        let quantities = [row(1, false), row(2, true), QuantityRow { values: missing, ..row(3, false) }];
        let rows = measured();
        let table = plane(&rows, &[], &quantities);
        let column = |name: &str| {
            let values = &table.column(name).unwrap().values;
            (0..4).map(|row| values.get(row)).collect::<Vec<_>>()
        };
        let only_first = |value| vec![Value::Number(value), Value::Absent, Value::Absent, Value::Absent];
        assert_eq!(column("redundancy_degree"), only_first(1.5));
        assert_eq!(column("vulnerability_degree"), only_first(0.5));
        assert_eq!(column("representational_complexity"), only_first(1.5));
        assert_eq!(column("redundancy_degree_shuffled"), vec![Value::Absent; 4]);
        // Runs without units have no such columns.
        assert!(plane(&rows, &[], &[]).column("redundancy_degree").is_none());
    }

    #[test]
    fn units_and_degrees_of_synergy_have_a_row_each() {
        let quantities = [row(1, false), row(2, true)];
        let csv = String::from_utf8(units(&quantities, &[]).bytes(TableFormat::Csv)).unwrap();
        let lines: Vec<&str> = csv.lines().collect();
        assert_eq!(
            lines[..3],
            [
                "seed,epoch,layer,layer_name,method,part,unit,i_unit_bits,i_unit_beyond_bits,i_unit_shuffled_bits,\
                 i_unit_beyond_shuffled_bits",
                "3,10,1,T1,binned-30,,1,0.5,0.25,0,0.25",
                "3,10,1,T1,binned-30,,2,0.25,0,0,0",
            ]
        );
        assert_eq!(lines.len(), 5);
        let table = synergy(&quantities, &[]);
        assert_eq!((table.len(), table.column("degree").unwrap().values.get(1)), (4, Value::Integer(2)));
        assert!(units(&[], &[]).is_empty());
    }
}
