//! Layers against each other and against the inputs, as tables.

use super::keys::{EPOCH, LAYER, LAYER_NAME, METHOD, PART, SEED, names, with_method, without_method};
use super::{Column, Table, Values};
use crate::LayerDescription;
use crate::quantity::{QuantityRow, SimilarityQuantities};

const OTHER_LAYER: Column =
    Column::integer("other_layer", "The other layer, the same one or further from the input.");
const OTHER_NAME: Column = Column::category("other_layer_name", "The name of the other layer.");

/// The columns of [`pairs`].
pub const PAIRS: &[Column] = &[
    SEED,
    EPOCH,
    LAYER,
    LAYER_NAME,
    METHOD,
    PART,
    OTHER_LAYER,
    OTHER_NAME,
    Column::number(
        "i_bits",
        "bits",
        "I(Tᵢ;Tⱼ), the information of the two layers about each other; of a layer with itself H(T) in cells.",
    )
    .optional(),
    Column::number("i_standard_error_bits", "bits", "The standard error of I(Tᵢ;Tⱼ).").optional(),
    Column::number(
        "i_shuffled_bits",
        "bits",
        "I(Tᵢ;Tⱼ) with the rows of the other layer in a random order: what chance gives.",
    )
    .optional(),
];

/// The columns of [`similarity`].
pub const SIMILARITY: &[Column] = &[
    SEED,
    EPOCH,
    LAYER,
    LAYER_NAME,
    PART,
    OTHER_LAYER,
    OTHER_NAME,
    Column::number("linear_cka", "", "Linear centred kernel alignment, from 0 to 1.").optional(),
    Column::number(
        "linear_cka_unbiased",
        "",
        "Linear centred kernel alignment by unbiased estimates of its terms.",
    )
    .optional(),
];

/// The columns of [`ranks`].
pub const RANKS: &[Column] = &[
    SEED,
    EPOCH,
    LAYER,
    LAYER_NAME,
    PART,
    Column::number(
        "effective_rank",
        "",
        "The effective rank of the centred layer, exp H of its singular values over their sum.",
    )
    .optional(),
    Column::number("participation_ratio", "", "(Σσ²)² / Σσ⁴ of the singular values σ of the centred layer.")
        .optional(),
];

/// The columns of [`inputs`].
pub const INPUTS: &[Column] = &[
    SEED,
    EPOCH,
    LAYER,
    LAYER_NAME,
    METHOD,
    PART,
    Column::integer("feature", "The feature of the inputs, from 1."),
    Column::number("i_bits", "bits", "I(X_p;T), what the layer tells of the feature."),
    Column::number(
        "i_shuffled_bits",
        "bits",
        "I(X_p;T) with the rows of the layer in a random order: what chance gives.",
    ),
];

/// I(Tᵢ;Tⱼ): a row for each seed, epoch, method and pair of layers.
pub fn pairs<'a>(quantities: &[QuantityRow], layers: &[LayerDescription]) -> Table<'a> {
    let rows: Vec<_> = quantities
        .iter()
        .filter_map(|row| Some((row, row.layers()?)))
        .flat_map(|(row, pairs)| (0..pairs.i_bits.len()).map(move |place| (row, pairs, place)))
        .collect();
    let other = || rows.iter().map(|&(row, _, place)| row.layer + place);
    let mut values = with_method(rows.iter().map(|&(row, ..)| row), layers);
    values.push(Values::U64(other().map(|layer| layer as u64).collect()));
    values.push(names(other(), layers));
    values.push(Values::numbers(rows.iter().map(|&(_, pairs, place)| pairs.i_bits[place])));
    let listed = |list: &[Option<f64>], place: usize| list.get(place).copied().flatten();
    values.push(Values::numbers(rows.iter().map(|(_, p, place)| listed(&p.standard_error_bits, *place))));
    values.push(Values::numbers(rows.iter().map(|(_, p, place)| listed(&p.shuffled_bits, *place))));
    Table::new("pairs", PAIRS, values)
}

/// Linear centred kernel alignment: a row for each seed, epoch and pair of layers.
pub fn similarity<'a>(quantities: &[QuantityRow], layers: &[LayerDescription]) -> Table<'a> {
    let rows: Vec<(&QuantityRow, &SimilarityQuantities, usize)> = quantities
        .iter()
        .filter_map(|row| Some((row, row.similarity()?)))
        .flat_map(|(row, similarity)| {
            (0..similarity.linear_cka.len()).map(move |place| (row, similarity, place))
        })
        .collect();
    let other = || rows.iter().map(|&(row, _, place)| row.layer + place);
    let mut values = without_method(rows.iter().map(|&(row, ..)| row), layers);
    values.push(Values::U64(other().map(|layer| layer as u64).collect()));
    values.push(names(other(), layers));
    values.push(Values::numbers(rows.iter().map(|&(_, found, place)| found.linear_cka[place])));
    values.push(Values::numbers(rows.iter().map(|&(_, found, place)| found.linear_cka_unbiased[place])));
    Table::new("similarity", SIMILARITY, values)
}

/// Effective rank and participation ratio: a row for each seed, epoch and layer.
pub fn ranks<'a>(quantities: &[QuantityRow], layers: &[LayerDescription]) -> Table<'a> {
    let rows: Vec<_> = quantities.iter().filter_map(|row| Some((row, row.similarity()?))).collect();
    let mut values = without_method(rows.iter().map(|&(row, _)| row), layers);
    values.push(Values::numbers(rows.iter().map(|(_, found)| found.effective_rank)));
    values.push(Values::numbers(rows.iter().map(|(_, found)| found.participation_ratio)));
    Table::new("ranks", RANKS, values)
}

/// I(X_p;T): a row for each seed, epoch, layer, method and feature of the inputs.
pub fn inputs<'a>(quantities: &[QuantityRow], layers: &[LayerDescription]) -> Table<'a> {
    let rows: Vec<_> = quantities
        .iter()
        .filter_map(|row| Some((row, row.inputs()?)))
        .flat_map(|(row, inputs)| (0..inputs.i_bits.len()).map(move |feature| (row, inputs, feature)))
        .collect();
    let mut values = with_method(rows.iter().map(|&(row, ..)| row), layers);
    values.push(Values::U64(rows.iter().map(|&(.., feature)| feature as u64 + 1).collect()));
    values.push(Values::F64(rows.iter().map(|&(_, inputs, feature)| inputs.i_bits[feature]).collect()));
    values
        .push(Values::F64(rows.iter().map(|&(_, inputs, feature)| inputs.shuffled_bits[feature]).collect()));
    Table::new("inputs", INPUTS, values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quantity::{InputQuantities, PairQuantities, QuantityValues};
    use crate::table::TableFormat;

    fn row(layer: usize, method: Option<&str>, values: QuantityValues) -> QuantityRow {
        QuantityRow { seed: 3, epoch: 10, layer, method: method.map(String::from), part: None, values }
    }

    fn csv(table: &Table<'_>) -> Vec<String> {
        let text = String::from_utf8(table.bytes(TableFormat::Csv)).unwrap();
        text.lines().skip(1).map(String::from).collect()
    }

    #[test]
    fn pairs_are_of_a_layer_with_itself_and_with_later_ones() {
        let pairs = |first: usize| PairQuantities {
            i_bits: vec![Some(2.0), None][first..].to_vec(),
            standard_error_bits: vec![],
            shuffled_bits: vec![Some(0.5), None][first..].to_vec(),
        };
        let quantities = [
            row(1, Some("kde"), QuantityValues::Layers(pairs(0))),
            row(2, Some("kde"), QuantityValues::Layers(pairs(1))),
        ];
        assert_eq!(
            csv(&super::pairs(&quantities, &[])),
            ["3,10,1,T1,kde,,1,T1,2,,0.5", "3,10,1,T1,kde,,2,T2,,,", "3,10,2,T2,kde,,2,T2,,,"]
        );
        assert!(similarity(&quantities, &[]).is_empty());
    }

    #[test]
    fn similarity_ranks_and_features_have_tables_of_their_own() {
        let found = SimilarityQuantities {
            effective_rank: Some(1.5),
            participation_ratio: None,
            linear_cka: vec![Some(1.0), None],
            linear_cka_unbiased: vec![Some(0.75), None],
        };
        let of_inputs =
            InputQuantities { i_bits: vec![0.5, 0.25], shuffled_bits: vec![0.125, 0.0], alone: 3 };
        let quantities = [
            row(1, None, QuantityValues::Similarity(found)),
            row(2, Some("binned"), QuantityValues::Inputs(of_inputs)),
        ];
        assert_eq!(csv(&similarity(&quantities, &[])), ["3,10,1,T1,,1,T1,1,0.75", "3,10,1,T1,,2,T2,,"]);
        assert_eq!(csv(&ranks(&quantities, &[])), ["3,10,1,T1,,1.5,"]);
        assert_eq!(
            csv(&inputs(&quantities, &[])),
            ["3,10,2,T2,binned,,1,0.5,0.125", "3,10,2,T2,binned,,2,0.25,0"]
        );
    }
}
