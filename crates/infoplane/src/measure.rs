//! Measuring: the layers of one network, and the driver that asks, loads, activates, estimates, tells and appends.

mod driver;
mod known;
mod progress;
mod quantities;
mod ranges;
mod source;

use crate::estimator::Measure;
use std::sync::Arc;

use ndarray::ArrayView2;
use rayon::prelude::*;

use crate::estimator::{Estimate, Estimator, Family, LayerEstimate, LayerRange};
use crate::plane::{MethodDescription, Missing, Part, PlaneQuantity};
use crate::{Activations, EstimateError, Labels, PlaneRow, Variable};

pub(crate) use driver::too_long;
pub use driver::{MeasureError, MeasuredPart, Measurement, Measuring, Workers, measure};
pub(crate) use known::Known;
pub(crate) use progress::warn_of_one_class;
pub use progress::{Progress, RunOptions};
pub use quantities::measure_quantities;
pub use ranges::observe_ranges;
pub use source::{Elsewhere, LayerSource};

/// What a network is measured on: inputs, and the two labellings that information is measured with.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// `(n_samples, n_features)`.
    pub inputs: ArrayView2<'a, f32>,
    /// Which input each sample is.
    pub x: &'a Labels,
    /// The class of each sample.
    pub y: &'a Labels,
}

/// The estimators of one layer, with bins fixed.
pub struct LayerEstimators {
    prepared: Vec<Prepared>,
}

/// An estimator, or why it cannot be had for this layer, with the methods that its readings are.
struct Prepared {
    methods: Vec<Arc<MethodDescription>>,
    /// What the estimator works with, which says what it measures beside the plane.
    family: Family,
    estimator: Result<Box<dyn Estimator>, EstimateError>,
}

impl LayerEstimators {
    /// Fixes the bins of one layer. An estimator that cannot be had gives rows that say why.
    ///
    /// The methods are those of the library, as [`AnyEstimator`](crate::estimator::AnyEstimator), or
    /// your own.
    pub fn new<M: Estimator + Clone + 'static>(methods: &[M], range: &LayerRange) -> Self {
        let mut described = MethodDescription::of_methods(methods).into_iter();
        let prepared = methods
            .iter()
            .map(|method| Prepared {
                methods: described.by_ref().take(method.layer_settings().len()).collect(),
                family: method.info().family,
                estimator: method.for_layer(range),
            })
            .collect();
        LayerEstimators { prepared }
    }

    /// The same, for rows that say which part of the data they are measured on.
    pub fn of_part(mut self, part: Part) -> Self {
        for prepared in &mut self.prepared {
            for method in &mut prepared.methods {
                *method = Arc::new(method.of_part(part));
            }
        }
        self
    }
}

/// Measures what every layer knows of x and y: one row per layer, estimator, setting and bound.
///
/// This is the entry for networks of any kind: give the activations of whatever was trained elsewhere.
/// A layer that an estimator cannot measure gives rows that say why. Methods of counts and bins measure each layer with the
/// labels in another order, too ([`Labels::shuffled`], one order for all layers and epochs); for noise that would take up to
/// twice the time. Layers are measured in parallel; the rows do not depend on the number of threads.
///
/// `estimators[l]` measures `activations.layers[l]`.
pub fn measure_activations(
    seed: u64,
    epoch: u64,
    activations: &Activations,
    x: &Labels,
    y: &Labels,
    estimators: &[LayerEstimators],
) -> Vec<PlaneRow> {
    measure_layers(seed, epoch, &sources(activations), x, y, estimators)
}

/// The layers, each with its values.
pub(crate) fn sources(activations: &Activations) -> Vec<LayerSource<'_>> {
    activations.layers.iter().map(|t| Variable::Single(t.view()).into()).collect()
}

/// As [`measure_activations`], of layers in the memory of another program, of single or double precision, or of what that
/// program has computed of them.
pub fn measure_layers(
    seed: u64,
    epoch: u64,
    layers: &[LayerSource<'_>],
    x: &Labels,
    y: &Labels,
    estimators: &[LayerEstimators],
) -> Vec<PlaneRow> {
    // What is measured for labels in another order is bias.
    let shuffled = &y.shuffled();
    measure_each((seed, epoch), layers, estimators, |source, place, estimator| {
        let shuffled = estimator.measures_shuffled_at_little_cost().then_some(shuffled);
        source.readings(place, estimator, [x, y], shuffled)
    })
}

/// As [`measure_layers`], with a target of numbers for Y, `(n_samples, columns)`: what the layers of a regression network tell of it.
///
/// I(T;Y) is that of [`Measure::layer_with_target`]. Where an estimator finds only a bound, as of a
/// layer from which the target follows without noise, the row says so and has no value.
pub fn measure_layers_with_target(
    seed: u64,
    epoch: u64,
    layers: &[LayerSource<'_>],
    x: &Labels,
    target: ArrayView2<'_, f64>,
    estimators: &[LayerEstimators],
) -> Vec<PlaneRow> {
    measure_each((seed, epoch), layers, estimators, |source, _, estimator| {
        source.readings_with_target(estimator, x, Variable::Double(target))
    })
}

/// The rows of every layer and estimator, whose readings are given by its place among those of the layer.
fn measure_each(
    (seed, epoch): (u64, u64),
    layers: &[LayerSource<'_>],
    estimators: &[LayerEstimators],
    readings: impl Fn(&LayerSource<'_>, usize, &dyn Estimator) -> Result<Vec<LayerEstimate>, EstimateError> + Sync,
) -> Vec<PlaneRow> {
    let each = |(layer, estimators): (usize, &LayerEstimators)| {
        (0..estimators.prepared.len()).map(move |place| (layer, place)).collect::<Vec<_>>()
    };
    let jobs: Vec<(usize, usize)> = estimators.iter().enumerate().flat_map(each).collect();
    let rows: Vec<Vec<PlaneRow>> = jobs
        .into_par_iter()
        .map(|(layer, place)| {
            let source = &layers[layer];
            let prepared = &estimators[layer].prepared[place];
            let readings = match &prepared.estimator {
                Ok(estimator) => readings(source, place, &**estimator),
                // Of values that are not finite no range is observed: they are the reason, not the setting.
                Err(error) => Err(match source.first_non_finite() {
                    Some((row, column, value)) => EstimateError::NotFinite { row, column, value },
                    None => error.clone(),
                }),
            };
            rows_of((seed, epoch), (layer + 1, source.width()), prepared, readings)
        })
        .collect();
    rows.into_iter().flatten().collect()
}

/// One row per setting and bound.
fn rows_of(
    (seed, epoch): (u64, u64),
    layer: (usize, usize),
    prepared: &Prepared,
    readings: Result<Vec<LayerEstimate>, EstimateError>,
) -> Vec<PlaneRow> {
    let empty = |method: &Arc<MethodDescription>, missing: Option<Missing>| PlaneRow {
        i_xt_bits: None,
        i_ty_bits: None,
        missing: missing.map(Arc::new),
        ..PlaneRow::new(seed, epoch, layer, method, (0.0, 0.0))
    };
    let readings = match readings {
        Ok(readings) => readings,
        Err(error) => {
            return prepared
                .methods
                .iter()
                .map(|method| empty(method, Some(Missing::from(&error))))
                .collect();
        }
    };
    let row = |(method, reading): (&Arc<MethodDescription>, LayerEstimate)| {
        let [i_xt, i_ty] = [&reading.estimates[0], &reading.estimates[1]];
        let bits = |estimate: &Result<Estimate, _>| {
            estimate.as_ref().ok().map(|estimate| estimate.information.bits())
        };
        let error_bits = |estimate: &Result<Estimate, _>| {
            estimate.as_ref().ok().and_then(|e| e.standard_error).map(|error| error.bits())
        };
        let reason = [(PlaneQuantity::IXt, i_xt), (PlaneQuantity::ITy, i_ty)].into_iter();
        let mut reasons = reason.filter_map(|(quantity, estimate)| {
            Some(Missing { quantity: Some(quantity), ..Missing::from(estimate.as_ref().err()?) })
        });
        PlaneRow {
            i_xt_bits: bits(i_xt),
            i_ty_bits: bits(i_ty),
            i_xt_standard_error_bits: error_bits(i_xt),
            i_ty_standard_error_bits: error_bits(i_ty),
            i_ty_shuffled_bits: reading.shuffled.map(|shuffled| shuffled.bits()),
            out_of_range: reading.out_of_range,
            alone: reading.alone,
            ..empty(method, reasons.next())
        }
    };
    prepared.methods.iter().zip(readings).map(row).collect()
}
