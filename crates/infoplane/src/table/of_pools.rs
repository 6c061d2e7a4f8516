//! The tables of pooled networks.

use std::borrow::Cow;

use super::keys::SEED;
use super::{Column, Table, Values};
use crate::LayerDescription;
use crate::pool::{DriftRow, OverlapRow, PoolRow, WindowRow};

const SEED_OF_POOL: Column =
    Column::integer("seed", "The seed of the training run; absent for a pool over seeds.").optional();
const LAYER: Column = Column::integer("layer", "The layer, from 1 (nearest the input).");
const LAYER_NAME: Column = Column::category("layer_name", "The name of the layer.");
const METHOD: Column = Column::category("method", "The id of the method, with its settings and bound.");
const N_NETWORKS: Column = Column::integer("n_networks", "M, the number of networks pooled.");

/// The columns of [`pool`].
pub const POOL: &[Column] = &[
    SEED_OF_POOL,
    LAYER,
    LAYER_NAME,
    Column::integer("width", "The number of units of the layer."),
    METHOD,
    N_NETWORKS,
    Column::category(
        "spacing",
        "strided (networks evenly spaced over the whole window) or contiguous (successive networks, up to the end of a \
         half of the window).",
    ),
    Column::integer("subset", "Which of the disjoint subsets of this size and spacing, from 0."),
    Column::number(
        "h_t_bits",
        "bits",
        "H(T) of what the method measures; for noise H(T + noise) − H(noise).",
    )
    .optional(),
    Column::number("i_xt_bits", "bits", "I(X;T) = H(T) − H(T given X).").optional(),
    Column::number("i_ty_bits", "bits", "I(T;Y) = H(T) − H(T given Y).").optional(),
    Column::number(
        "control_bits",
        "bits",
        "I(X;T) after the inputs were permuted within each network: the bias of M networks.",
    )
    .optional(),
    Column::integer("out_of_range", "How many values lay outside the bins."),
    Column::category("status", "ok, or why a value is absent."),
];

/// The columns of [`drift`].
pub const DRIFT: &[Column] = &[
    SEED,
    Column::integer("layer", "The layer, from 1; 0 is all layers together."),
    Column::number(
        "mean_shift",
        "",
        "Distance between the mean weights of the first and the second half of the window.",
    )
    .optional(),
    Column::number(
        "fluctuation",
        "",
        "Root-mean-square distance of the weights from the mean of their half.",
    )
    .optional(),
    Column::number("mean_step", "", "Mean distance between successive networks of the window.").optional(),
    Column::number(
        "linear_trend_r2",
        "",
        "R² of a linear trend in time: the fraction of the variance of the weights over the window that it explains.",
    )
    .optional(),
];

/// The columns of [`window`].
pub const WINDOW: &[Column] = &[
    SEED,
    Column::integer("epoch", "The epoch of the network."),
    Column::integer("step", "Steps of one mini-batch after the end of that epoch; 0 at its end."),
    Column::number("train_loss", "", "Mean loss on the training samples; in nats for cross-entropy.")
        .optional(),
    Column::number("train_accuracy", "", "Fraction of the training samples classified correctly.").optional(),
    Column::number("weight_norm", "", "Euclidean norm of all weights, without biases.").optional(),
];

/// The columns of [`overlap`].
pub const OVERLAP: &[Column] = &[
    SEED_OF_POOL,
    LAYER,
    LAYER_NAME,
    METHOD,
    N_NETWORKS,
    Column::integer("class", "The class of one input of a pair, by its place in ascending order."),
    Column::integer("other_class", "The class of the other input."),
    Column::integer("n_pairs", "The number of pairs of different inputs."),
    Column::number("overlapping_fraction", "", "The fraction of the pairs with a cell in common.").optional(),
    Column::number(
        "mean_overlap",
        "",
        "The mean over pairs of the sum over cells t of the smaller of both p(t given x); 1 for equal distributions.",
    )
    .optional(),
];

/// Whole numbers of which some are absent.
fn seeds<'a>(seeds: impl Iterator<Item = Option<u64>>) -> Values<'a> {
    Values::OptionalU64(seeds.collect())
}

fn layer_names<'a>(layers: &[LayerDescription], rows: impl Iterator<Item = usize>) -> Values<'a> {
    Values::texts(rows.map(|layer| Some(Cow::Owned(LayerDescription::name_in(layers, layer)))))
}

/// The measurements of pools: a row for each pool, layer and method.
pub fn pool<'a>(rows: &'a [PoolRow], layers: &[LayerDescription]) -> Table<'a> {
    let bits = |value: fn(&PoolRow) -> Option<f64>| Values::numbers(rows.iter().map(value));
    let values = vec![
        seeds(rows.iter().map(|row| row.seed)),
        Values::U64(rows.iter().map(|row| row.layer as u64).collect()),
        layer_names(layers, rows.iter().map(|row| row.layer)),
        Values::U64(rows.iter().map(|row| row.width as u64).collect()),
        Values::texts(rows.iter().map(|row| Some(Cow::Borrowed(row.method.id.as_str())))),
        Values::U64(rows.iter().map(|row| row.n_networks as u64).collect()),
        Values::texts(rows.iter().map(|row| Some(Cow::Borrowed(row.spacing.name())))),
        Values::U64(rows.iter().map(|row| row.subset as u64).collect()),
        bits(|row| row.h_t_bits),
        bits(|row| row.i_xt_bits),
        bits(|row| row.i_ty_bits),
        bits(|row| row.control_bits),
        Values::U64(rows.iter().map(|row| row.out_of_range).collect()),
        Values::texts(rows.iter().map(|row| {
            Some(row.missing.as_ref().map_or(Cow::Borrowed("ok"), |missing| Cow::Owned(missing.to_string())))
        })),
    ];
    Table::new("pool", POOL, values)
}

/// The drift of the weights over the window: a row for each seed and layer, then one for all layers.
pub fn drift(rows: &[DriftRow]) -> Table<'_> {
    let column = |value: fn(&DriftRow) -> f64| Values::F64(rows.iter().map(value).collect());
    let values = vec![
        Values::U64(rows.iter().map(|row| row.seed).collect()),
        Values::U64(rows.iter().map(|row| row.layer as u64).collect()),
        column(|row| row.mean_shift),
        column(|row| row.fluctuation),
        column(|row| row.mean_step),
        column(|row| row.linear_trend_r2),
    ];
    Table::new("drift", DRIFT, values)
}

/// The networks that were pooled: a row for each, in the order of the pool.
pub fn window(rows: &[WindowRow]) -> Table<'_> {
    let column = |value: fn(&WindowRow) -> f64| Values::F64(rows.iter().map(value).collect());
    let values = vec![
        Values::U64(rows.iter().map(|row| row.network.seed).collect()),
        Values::U64(rows.iter().map(|row| row.network.epoch).collect()),
        Values::U64(rows.iter().map(|row| row.network.step).collect()),
        column(|row| row.train_loss.unwrap_or(f64::NAN)),
        column(|row| row.train_accuracy.unwrap_or(f64::NAN)),
        column(|row| row.weight_norm),
    ];
    Table::new("window", WINDOW, values)
}

/// The overlap of the distributions p(t | x) of pairs of inputs: a row for each layer and pair of classes.
pub fn overlap<'a>(rows: &'a [OverlapRow], layers: &[LayerDescription]) -> Table<'a> {
    let column = |value: fn(&OverlapRow) -> f64| Values::F64(rows.iter().map(value).collect());
    let values = vec![
        seeds(rows.iter().map(|row| row.seed)),
        Values::U64(rows.iter().map(|row| row.layer as u64).collect()),
        layer_names(layers, rows.iter().map(|row| row.layer)),
        Values::texts(rows.iter().map(|row| Some(Cow::Borrowed(row.method.id.as_str())))),
        Values::U64(rows.iter().map(|row| row.n_networks as u64).collect()),
        Values::U32(rows.iter().map(|row| row.class).collect()),
        Values::U32(rows.iter().map(|row| row.other_class).collect()),
        Values::U64(rows.iter().map(|row| row.n_pairs).collect()),
        column(|row| row.overlapping_fraction),
        column(|row| row.mean_overlap),
    ];
    Table::new("overlap", OVERLAP, values)
}
