//! Ranked columns as a table.

use std::borrow::Cow;

use super::{Column, Table, Values};
use crate::estimator::rank::{self, PValueKind, RankedColumn, Ranking};

/// The columns of [`ranking`].
pub const RANKING: &[Column] = &[
    Column::integer("rank", "The place by information, from 1; none where there is no value.").optional(),
    Column::category("column", "The name of the column."),
    Column::category("kind", "What the column is: names, lattice, mixed or continuous.").optional(),
    Column::category("method", "The estimator.").optional(),
    Column::number(
        "bits",
        "bits",
        "I(column; target), not clamped: around 0 for a column that tells nothing.",
    )
    .optional(),
    Column::number("standard_error_bits", "bits", "The standard error of the information.").optional(),
    Column::number("p_value", "", "The p-value for independence of the target.").optional(),
    Column::category(
        "p_kind",
        "How the p-value was made: counted permutations, a distribution fitted to them, or chi2.",
    )
    .optional(),
    Column::number("p_counted", "", "The counted p-value, where there were permutations.").optional(),
    Column::integer("permutations", "Permutations that decided it.").optional(),
    Column::number("q_value", "", "The p-value corrected for the number of columns that have one.")
        .optional(),
    Column::integer("n", "Rows measured."),
    Column::integer("missing", "Rows left out since the column lacks a value there."),
    Column::category("note", "What should be known before the value is quoted.").optional(),
];

/// Columns by what they tell of a target, best first; `columns` are those that were ranked.
pub fn ranking<'a>(ranking: &Ranking, columns: &'a [rank::Column]) -> Table<'a> {
    let rows = &ranking.columns;
    let text = |value: fn(&RankedColumn) -> Option<Cow<'static, str>>| Values::texts(rows.iter().map(value));
    let number = |value: fn(&RankedColumn) -> Option<f64>| Values::numbers(rows.iter().map(value));
    let count =
        |value: fn(&RankedColumn) -> usize| Values::U64(rows.iter().map(|row| value(row) as u64).collect());
    let some_count = |value: fn(&RankedColumn) -> Option<usize>| {
        Values::OptionalU64(rows.iter().map(|row| value(row).map(|value| value as u64)).collect())
    };
    let name = |row: &RankedColumn| columns.get(row.index).map(|column| Cow::Borrowed(&column.name[..]));
    let values = vec![
        some_count(|row| row.rank),
        Values::texts(rows.iter().map(name)),
        text(|row| row.kind.map(|kind| kind.name().into())),
        text(|row| row.method.map(Cow::Borrowed)),
        number(|row| row.information.map(|information| information.bits())),
        number(|row| row.standard_error.map(|error| error.bits())),
        number(|row| row.p_value),
        text(|row| row.p_kind.map(PValueKind::name).map(Cow::Borrowed)),
        number(|row| row.p_counted),
        some_count(|row| row.permutations),
        number(|row| row.q_value),
        count(|row| row.n_samples),
        count(|row| row.missing),
        text(|row| {
            let notes: Vec<String> = row.notes.iter().map(ToString::to_string).collect();
            (!notes.is_empty()).then(|| notes.join("; ").into())
        }),
    ];
    Table::new("ranking", RANKING, values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::estimator::rank::{RankOptions, rank};
    use crate::table::TableFormat;

    #[test]
    fn a_ranking_has_a_row_for_each_column_and_says_what_lacks() {
        let class: Vec<Option<u32>> = (0..40).map(|row| Some(row % 2)).collect();
        let columns = [
            rank::Column::numbers("same, again", vec![1.0; 40]),
            rank::Column::symbols("id", (0..40).map(Some).collect()),
            rank::Column::symbols("class", class.clone()),
        ];
        let found = rank(&columns, &rank::Column::symbols("y", class), &RankOptions::default()).unwrap();
        let csv = String::from_utf8(ranking(&found, &columns).bytes(TableFormat::Csv)).unwrap();
        let lines: Vec<&str> = csv.lines().collect();
        let names: Vec<&str> = RANKING.iter().map(|column| column.name).collect();
        assert_eq!(lines[0], names.join(","));
        assert!(lines[1].starts_with("1,class,names,chao-wang-jost,1,"), "{csv}");
        assert!(lines[1].ends_with(",40,0,the target itself"), "{csv}");
        assert_eq!(lines[2], "2,\"same, again\",,,0,,,,,,,40,0,never changes");
        assert_eq!(lines[3], ",id,names,,,,,,,,,40,0,an identifier: 40 different symbols in 40 rows");
    }
}
