//! Measuring what there is beside the plane.

use rayon::prelude::*;

use super::{LayerEstimators, LayerSource, Prepared};
use crate::estimator::layers::InputParts;
use crate::plane::{Missing, Part};
use crate::quantity::{
    InputQuantities, PairQuantities, PreparedQuantity, QuantityConfig, QuantityRow, QuantityValues,
    SimilarityQuantities, UnitQuantities,
};
use crate::{EstimateError, Labels, Measure, Variable};

/// Measures the quantities of every layer: rows in the order of the quantities, estimators and layers.
///
/// `estimators[l]` measures `layers[l]`. A layer that cannot be measured gives a row that says why. Layers are measured in parallel;
/// the rows do not depend on the number of threads.
pub fn measure_quantities(
    seed: u64,
    epoch: u64,
    layers: &[LayerSource<'_>],
    y: &Labels,
    estimators: &[LayerEstimators],
    quantities: &[PreparedQuantity],
) -> Vec<QuantityRow> {
    if quantities.is_empty() {
        return Vec::new();
    }
    let shuffled = &y.shuffled();
    let network = Network { layers, estimators, place: (seed, epoch) };
    let of_quantity = |quantity: &PreparedQuantity| match &quantity.config {
        QuantityConfig::Units { groups } => network.with_cells(quantity, |prepared, layer| {
            units(prepared, layer, *groups, y, shuffled).map(QuantityValues::Units)
        }),
        QuantityConfig::Inputs { .. } => network.with_cells(quantity, |prepared, layer| {
            inputs(prepared, layer, quantity.inputs.as_ref()).map(QuantityValues::Inputs)
        }),
        QuantityConfig::Layers {} => network.pairs(quantity),
        QuantityConfig::Similarity {} => network.similarity(quantity),
    };
    quantities.iter().flat_map(of_quantity).collect()
}

/// The layers of a network at an epoch.
#[derive(Clone, Copy)]
struct Network<'a, 'l> {
    layers: &'a [LayerSource<'l>],
    estimators: &'a [LayerEstimators],
    place: (u64, u64),
}

impl Network<'_, '_> {
    fn row(
        self,
        layer: usize,
        method: Option<String>,
        part: Option<Part>,
        quantity: &PreparedQuantity,
        values: Result<QuantityValues, EstimateError>,
    ) -> QuantityRow {
        let (seed, epoch) = self.place;
        let values = values.unwrap_or_else(|error| QuantityValues::Missing {
            quantity: quantity.config.name().into(),
            missing: Missing::from(&error),
        });
        QuantityRow { seed, epoch, layer: layer + 1, method, part, values }
    }

    /// The places of the estimators that measure a quantity, the same for all layers.
    fn places(self, quantity: &PreparedQuantity) -> Vec<usize> {
        let prepared = self.estimators.first().map_or(&[][..], |estimators| &estimators.prepared);
        let places = prepared.iter().enumerate();
        places
            .filter(|(_, prepared)| quantity.config.is_measured_with(prepared.family))
            .map(|(place, _)| place)
            .collect()
    }

    /// A quantity of single layers, with every estimator that has cells.
    fn with_cells(
        self,
        quantity: &PreparedQuantity,
        measure: impl Fn(&Prepared, &LayerSource<'_>) -> Result<QuantityValues, EstimateError> + Sync,
    ) -> Vec<QuantityRow> {
        let each = |place| (0..self.layers.len()).map(move |layer| (place, layer));
        let jobs: Vec<(usize, usize)> = self.places(quantity).into_iter().flat_map(each).collect();
        jobs.into_par_iter()
            .map(|(place, layer)| {
                let prepared = &self.estimators[layer].prepared[place];
                let method = &prepared.methods[0];
                let values = measure(prepared, &self.layers[layer]);
                self.row(layer, Some(method.id.clone()), method.part, quantity, values)
            })
            .collect()
    }

    /// I(Tᵢ;Tⱼ), with every estimator that has it: rows of a method for each layer.
    fn pairs(self, quantity: &PreparedQuantity) -> Vec<QuantityRow> {
        let of_place = |place: usize| {
            let methods = &self.estimators[0].prepared[place].methods;
            let found = self.pairs_at(place);
            let of_method = |(setting, method): (usize, &std::sync::Arc<crate::plane::MethodDescription>)| {
                let of_layer = |layer: usize| {
                    let values = found.as_ref().map_err(Clone::clone);
                    let values =
                        values.map(|all| QuantityValues::Layers(PairQuantities::of(&all[setting], layer)));
                    self.row(layer, Some(method.id.clone()), method.part, quantity, values)
                };
                (0..self.layers.len()).map(of_layer).collect::<Vec<_>>()
            };
            methods.iter().enumerate().flat_map(of_method).collect::<Vec<_>>()
        };
        let places = self.places(quantity);
        places.into_par_iter().map(of_place).collect::<Vec<_>>().into_iter().flatten().collect()
    }

    fn pairs_at(self, place: usize) -> Result<Vec<crate::estimator::layers::LayerPairs>, EstimateError> {
        let prepared = |layer: usize| {
            let estimator = &self.estimators[layer].prepared[place].estimator;
            estimator.as_ref().map_err(Clone::clone)
        };
        let first = prepared(0)?;
        let mut cells: Vec<Labels> = Vec::new();
        for (layer, source) in self.layers.iter().enumerate() {
            let estimator = prepared(layer)?;
            // Bins may differ from layer to layer; cells are cells.
            if let Some(symbols) = estimator.symbols(source.values_for(estimator.name())?)? {
                cells.push(symbols.labels);
            }
        }
        let values = || self.layers.iter().map(|source| source.values_for(first.name()));
        let layers: Vec<Variable<'_>> = match cells.len() == self.layers.len() {
            true => cells.iter().map(Variable::Labels).collect(),
            false => values().collect::<Result<_, _>>()?,
        };
        first.layer_pairs(&layers)
    }

    fn similarity(self, quantity: &PreparedQuantity) -> Vec<QuantityRow> {
        let part =
            self.estimators.first().and_then(|estimators| estimators.prepared.first()?.methods[0].part);
        let values: Result<Vec<Variable<'_>>, EstimateError> =
            self.layers.iter().map(|layer| layer.values_for("a comparison of layers")).collect();
        let found = values.and_then(|layers| SimilarityQuantities::of(&layers));
        let of_layer = |layer: usize| {
            let values = found.as_ref().map_err(Clone::clone);
            let values = values.map(|all| QuantityValues::Similarity(all[layer].clone()));
            self.row(layer, None, part, quantity, values)
        };
        (0..self.layers.len()).map(of_layer).collect()
    }
}

fn units(
    prepared: &Prepared,
    layer: &LayerSource<'_>,
    groups: Option<usize>,
    y: &Labels,
    shuffled: &Labels,
) -> Result<UnitQuantities, EstimateError> {
    let estimator = prepared.estimator.as_ref().map_err(Clone::clone)?;
    let (symbols, correction) = estimator.symbols_of_units(layer.values_for(estimator.name())?)?;
    UnitQuantities::of(&symbols, correction, groups, y, shuffled)
}

fn inputs(
    prepared: &Prepared,
    layer: &LayerSource<'_>,
    parts: Option<&Result<InputParts, EstimateError>>,
) -> Result<InputQuantities, EstimateError> {
    let estimator = prepared.estimator.as_ref().map_err(Clone::clone)?;
    let empty = Err(EstimateError::Empty { n_samples: layer.n_samples(), width: 0 });
    let parts = parts.map_or(empty, |parts| parts.as_ref().map_err(Clone::clone))?;
    Ok(estimator.input_parts(parts, layer.values_for(estimator.name())?)?.into())
}
