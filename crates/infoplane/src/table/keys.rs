//! The columns that every table of quantities begins with.

use std::borrow::Cow;

use super::{Column, Values};
use crate::LayerDescription;
use crate::quantity::QuantityRow;

pub(super) const SEED: Column = Column::integer("seed", "The seed of the training run.");
pub(super) const EPOCH: Column =
    Column::integer("epoch", "Epochs of training before the measurement; 0 is the untrained network.");
pub(super) const LAYER: Column = Column::integer("layer", "The layer, from 1 (nearest the input).");
pub(super) const LAYER_NAME: Column = Column::category("layer_name", "The name of the layer.");
pub(super) const METHOD: Column =
    Column::category("method", "The id of the method, with its settings and bound.");
pub(super) const PART: Column =
    Column::category("part", "The part of the data that was measured, in a run that measures both.")
        .optional();

/// Seed, epoch, layer and its name.
fn layers_of<'a, 'r>(
    rows: impl Iterator<Item = &'r QuantityRow> + Clone,
    layers: &[LayerDescription],
) -> Vec<Values<'a>> {
    vec![
        Values::U64(rows.clone().map(|row| row.seed).collect()),
        Values::U64(rows.clone().map(|row| row.epoch).collect()),
        Values::U64(rows.clone().map(|row| row.layer as u64).collect()),
        names(rows.map(|row| row.layer), layers),
    ]
}

/// The method of each row.
fn methods<'a, 'r>(rows: impl Iterator<Item = &'r QuantityRow>) -> Values<'a> {
    Values::texts(rows.map(|row| row.method.as_deref().map(|method| Cow::Owned(method.to_string()))))
}

/// The part of each row.
fn parts<'a, 'r>(rows: impl Iterator<Item = &'r QuantityRow>) -> Values<'a> {
    Values::texts(rows.map(|row| row.part.map(|part| Cow::Borrowed(part.name()))))
}

/// The name of a layer for each row.
pub(super) fn names<'a>(numbers: impl Iterator<Item = usize>, layers: &[LayerDescription]) -> Values<'a> {
    Values::texts(numbers.map(|layer| Some(Cow::Owned(LayerDescription::name_in(layers, layer)))))
}

/// Seed, epoch, layer, its name, method and part.
pub(super) fn with_method<'a, 'r>(
    rows: impl Iterator<Item = &'r QuantityRow> + Clone,
    layers: &[LayerDescription],
) -> Vec<Values<'a>> {
    let mut values = layers_of(rows.clone(), layers);
    values.push(methods(rows.clone()));
    values.push(parts(rows));
    values
}

/// Seed, epoch, layer, its name and part.
pub(super) fn without_method<'a, 'r>(
    rows: impl Iterator<Item = &'r QuantityRow> + Clone,
    layers: &[LayerDescription],
) -> Vec<Values<'a>> {
    let mut values = layers_of(rows.clone(), layers);
    values.push(parts(rows));
    values
}
