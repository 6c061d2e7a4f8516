//! Measuring what there is beside the plane.

use rayon::prelude::*;

use super::{LayerEstimators, LayerSource, Prepared};
use crate::plane::Missing;
use crate::quantity::{QuantityConfig, QuantityRow, QuantityValues, UnitQuantities};
use crate::{EstimateError, Labels, Measure};

/// Measures the quantities of every layer: rows in the order of the quantities, layers and estimators.
///
/// `estimators[l]` measures `layers[l]`. A layer that cannot be measured gives a row that says why. Layers are measured in parallel;
/// the rows do not depend on the number of threads.
pub fn measure_quantities(
    seed: u64,
    epoch: u64,
    layers: &[LayerSource<'_>],
    y: &Labels,
    estimators: &[LayerEstimators],
    quantities: &[QuantityConfig],
) -> Vec<QuantityRow> {
    if quantities.is_empty() {
        return Vec::new();
    }
    let shuffled = &y.shuffled();
    let with_cells = |estimators: &'_ LayerEstimators| -> Vec<usize> {
        // One that cannot be had for the layer says why, if it has cells.
        let prepared = estimators.prepared.iter().enumerate();
        prepared.filter(|(_, prepared)| prepared.has_cells).map(|(place, _)| place).collect()
    };
    let jobs: Vec<(&QuantityConfig, usize, usize)> = quantities
        .iter()
        .flat_map(|quantity| {
            let each = estimators.iter().enumerate();
            each.flat_map(move |(layer, estimators)| {
                with_cells(estimators).into_iter().map(move |place| (quantity, layer, place))
            })
        })
        .collect();
    jobs.into_par_iter()
        .map(|(quantity, layer, place)| {
            let prepared = &estimators[layer].prepared[place];
            let QuantityConfig::Units { groups } = quantity;
            let values = units(prepared, &layers[layer], *groups, y, shuffled).map_or_else(
                |error| QuantityValues::Missing {
                    quantity: quantity.name().into(),
                    missing: Missing::from(&error),
                },
                QuantityValues::Units,
            );
            let method = &prepared.methods[0];
            QuantityRow {
                seed,
                epoch,
                layer: layer + 1,
                method: Some(method.id.clone()),
                part: method.part,
                values,
            }
        })
        .collect()
}

fn units(
    prepared: &Prepared,
    layer: &LayerSource<'_>,
    groups: Option<usize>,
    y: &Labels,
    shuffled: &Labels,
) -> Result<UnitQuantities, EstimateError> {
    let estimator = prepared.estimator.as_ref().map_err(Clone::clone)?;
    let (symbols, correction) = estimator.symbols_of_units(layer.values_for(&**estimator)?)?;
    UnitQuantities::of(&symbols, correction, groups, y, shuffled)
}
