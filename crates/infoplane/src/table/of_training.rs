//! The epoch statistics as tables.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::keys::SEED;
use super::{Column, Table, Values};
use crate::LayerDescription;
use crate::train::{EpochStats, LayerStats};

/// The columns of [`training`]; named numbers of a recorded run follow them.
pub const TRAINING: &[Column] = &[
    SEED,
    Column::integer("epoch", "Epochs of training; 0 is the untrained network."),
    Column::number("train_loss", "", "Mean loss on the training samples; in nats for cross-entropy.")
        .optional(),
    Column::number("test_loss", "", "Mean loss on the test samples; in nats for cross-entropy.").optional(),
    Column::number("train_accuracy", "", "Fraction of the training samples classified correctly.").optional(),
    Column::number("test_accuracy", "", "Fraction of the test samples classified correctly.").optional(),
];

/// A column of numbers that came with the activations, under their own name.
const SCALAR: Column =
    Column::number("…", "", "A number that came with the activations, by its name there.").optional();

/// The columns of [`layers`].
pub const LAYERS: &[Column] = &[
    SEED,
    Column::integer("epoch", "Epochs of training; 0 is the untrained network."),
    Column::integer("layer", "The layer, from 1 (nearest the input)."),
    Column::category("layer_name", "The name of the layer."),
    Column::number("weight_norm", "", "Euclidean norm of the weights, without biases.").optional(),
    Column::number(
        "gradient_mean",
        "",
        "Norm of the mean, over the mini-batches of the epoch, of the gradient of the weights.",
    )
    .optional(),
    Column::number(
        "gradient_standard_deviation",
        "",
        "Norm of the entry-wise standard deviation of that gradient over the mini-batches of the epoch.",
    )
    .optional(),
];

/// The shortest decimal number of an `f32`, as an `f64`: 0.1 stays 0.1.
fn wide(value: f32) -> f64 {
    value.to_string().parse().unwrap_or(f64::NAN)
}

/// The epoch statistics: a row for each seed and epoch, and a column more for every named number in them.
///
/// A loss that is not finite is absent.
pub fn training(training: &[EpochStats]) -> Table<'_> {
    let column = |value: fn(&EpochStats) -> Option<f32>| {
        Values::numbers(training.iter().map(move |stats| value(stats).map(wide)))
    };
    let values = vec![
        Values::U64(training.iter().map(|stats| stats.seed).collect()),
        Values::U64(training.iter().map(|stats| stats.epoch).collect()),
        column(|stats| stats.train_loss),
        column(|stats| stats.test_loss),
        column(|stats| stats.train_accuracy),
        column(|stats| stats.test_accuracy),
    ];
    let mut table = Table::new("training", TRAINING, values);
    let named: BTreeSet<&String> = training.iter().flat_map(|stats| stats.scalars.keys()).collect();
    for name in named {
        // A number may be called as a column is.
        let mut column = name.clone();
        while table.column(&column).is_some() {
            column.push('_');
        }
        let values = Values::numbers(training.iter().map(|stats| stats.scalars.get(name).copied()));
        table.push(Cow::Owned(column), SCALAR, values);
    }
    table
}

/// The norms of weights and gradients: a row for each seed, epoch and layer.
pub fn layers<'a>(training: &'a [EpochStats], described: &[LayerDescription]) -> Table<'a> {
    let n_layers = training.iter().map(|stats| stats.layers.len()).max().unwrap_or(0);
    let rows: Vec<(&EpochStats, usize, &LayerStats)> = training
        .iter()
        .flat_map(|stats| stats.layers.iter().enumerate().map(move |(index, layer)| (stats, index, layer)))
        .collect();
    let column = |value: fn(&LayerStats) -> Option<f32>| {
        Values::numbers(rows.iter().map(move |(_, _, layer)| value(layer).map(wide)))
    };
    let values = vec![
        Values::U64(rows.iter().map(|(stats, ..)| stats.seed).collect()),
        Values::U64(rows.iter().map(|(stats, ..)| stats.epoch).collect()),
        Values::U32(rows.iter().map(|&(_, index, _)| index as u32 + 1).collect()),
        Values::category(
            (1..=n_layers).map(|layer| Cow::Owned(LayerDescription::name_in(described, layer))).collect(),
            rows.iter().map(|&(_, index, _)| index as u32).collect(),
        ),
        column(|layer| Some(layer.weight_norm)),
        column(|layer| layer.gradient_mean),
        column(|layer| layer.gradient_standard_deviation),
    ];
    Table::new("layers", LAYERS, values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{TableFormat, Value};

    #[test]
    fn losses_keep_their_decimals_and_named_numbers_follow() {
        let stats = EpochStats {
            seed: 1,
            epoch: 4,
            train_loss: Some(0.1),
            test_loss: Some(f32::NAN),
            train_accuracy: None,
            test_accuracy: None,
            layers: vec![LayerStats {
                weight_norm: 2.5,
                gradient_mean: None,
                gradient_standard_deviation: None,
            }],
            scalars: [("learning, rate".to_string(), 0.01), ("seed".to_string(), 3.0)].into(),
        };
        let stats = [stats];
        let csv = String::from_utf8(training(&stats).bytes(TableFormat::Csv)).unwrap();
        assert_eq!(
            csv,
            "seed,epoch,train_loss,test_loss,train_accuracy,test_accuracy,\"learning, rate\",seed_\n\
             1,4,0.1,,,,0.01,3\n"
        );
        let layers = layers(&stats, &[]);
        assert_eq!(layers.column("layer_name").unwrap().values.get(0), Value::Text("T1"));
        assert_eq!(layers.column("weight_norm").unwrap().values.get(0), Value::Number(2.5));
    }
}
