//! Measures the pool of a window, or of all seeds.

use std::sync::Arc;

use ndarray::Array2;
use rayon::prelude::*;

use super::collect::{Collector, NetworkSet};
use crate::estimator::{AnyEstimator, Correction, Estimator, LayerRange, Measure};
use crate::experiment::config::Experiment;
use crate::experiment::error::ExperimentError;
use crate::measure::Workers;
use crate::plane::MethodDescription;
use crate::pool::{
    DriftRow, DriftTracker, OverlapRow, Pool, PoolRow, PoolSubject, WindowRow, corrected_by_counts,
    measure_pool_unless, overlaps,
};
use crate::{Labels, Variable};

/// The measurements of one pool.
#[derive(Debug, Default)]
pub(super) struct PoolMeasurement {
    pub rows: Vec<PoolRow>,
    pub drift: Vec<DriftRow>,
    pub window: Vec<WindowRow>,
    pub overlap: Vec<OverlapRow>,
}

impl Experiment {
    /// Pools networks and measures them; `seed` is absent for a pool over seeds.
    pub(super) fn measure_networks(
        &self,
        seed: Option<u64>,
        collected: NetworkSet,
        collector: &Collector<'_>,
        workers: &Workers,
    ) -> Result<PoolMeasurement, ExperimentError> {
        let NetworkSet { sources, networks, window } = collected;
        // The same for all seeds that are pooled together.
        let (inputs, y) = collector.subject(sources.first().map_or(0, |source| source.seed))?;
        let measured = workers.install(|| {
            let pooled = sources.iter().copied().zip(&networks);
            let pool = match self.network.quantised_bits {
                None => Pool::of(pooled, inputs.view()),
                Some(bits) => Pool::of_quantised(pooled, inputs.view(), bits),
            };
            // Between seeds there is no drift.
            let drift = seed.map_or(Vec::new(), |seed| DriftTracker::of(seed, &networks));
            drop(networks);
            let x = Labels::from_rows(inputs.view());
            let subject = PoolSubject { seed, x: &x, y: &y };
            let estimators = (&collector.settings.estimators[..], collector.methods);
            let activation = self.nonlinearities().into_iter().map(|of| of.range()).collect();
            let stopped = || collector.stopped();
            let (rows, overlap) = measure_pooled(&pool, subject, estimators, activation, &stopped)
                .ok_or(ExperimentError::Interrupted)?;
            if let Some(reason) = rows.iter().find_map(|row| row.missing.as_ref()?.too_long()) {
                let seed = seed.unwrap_or(self.first_seed);
                return Err(ExperimentError::TooLong { seed, reason: reason.to_string() });
            }
            Ok::<_, ExperimentError>(PoolMeasurement { rows, drift, window, overlap })
        })?;
        if let Some(last) = sources.last() {
            collector.progress.measured(last.seed, last.epoch);
        }
        Ok(measured)
    }
}

/// What is measured of a pool: the rows and the overlap; `None` once `stopped` says so.
///
/// `activation`: the range of each layer's nonlinearity.
pub(super) fn measure_pooled(
    pool: &Pool,
    subject: PoolSubject<'_>,
    (estimators, methods): (&[AnyEstimator], &[Arc<MethodDescription>]),
    activation: Vec<Option<(f64, f64)>>,
    stopped: &(dyn Fn() -> bool + Sync),
) -> Option<(Vec<PoolRow>, Vec<OverlapRow>)> {
    if stopped() {
        return None;
    }
    let ranges = ranges(pool, activation, estimators);
    let mut rows = measure_pool_unless(pool, subject, estimators, methods, &ranges, stopped)?;
    if stopped() {
        return None;
    }
    let (corrected, overlap) = of_cells(pool, subject, (estimators, methods), &ranges, &rows);
    rows.extend(corrected);
    Some((rows, overlap))
}

/// What the layers' values cover, over the whole pool.
fn ranges(pool: &Pool, activation: Vec<Option<(f64, f64)>>, estimators: &[AnyEstimator]) -> Vec<LayerRange> {
    let observed = estimators.iter().any(Estimator::needs_observed_range);
    let of_layer = |(t, activation): (&Array2<f32>, Option<(f64, f64)>)| {
        let mut range = LayerRange { activation, ..LayerRange::default() };
        if observed {
            // Enough values for steady quantiles, few enough to keep.
            range.observe(Variable::Single(t.view()), 1 << 16);
        }
        range
    };
    let mut ranges: Vec<LayerRange> = pool.layers.par_iter().zip(activation).map(of_layer).collect();
    let run = ranges.iter().filter_map(LayerRange::layer).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
    ranges.iter_mut().for_each(|range| range.run = run);
    ranges
}

/// What cells give beyond the measuring call, layer by layer: for every method of plug-in entropies of cells a row of
/// corrected ones, and in the cells of the first such method the overlap of the distributions p(t | x).
fn of_cells(
    pool: &Pool,
    subject: PoolSubject<'_>,
    (estimators, methods): (&[AnyEstimator], &[Arc<MethodDescription>]),
    ranges: &[LayerRange],
    rows: &[PoolRow],
) -> (Vec<PoolRow>, Vec<OverlapRow>) {
    let of_layer = |(layer, (t, range)): (usize, (&Array2<f32>, &LayerRange))| {
        let (mut corrected, mut overlap) = (Vec::new(), None);
        let mut place = 0;
        for config in estimators {
            // A method that counts has one reading.
            let method = &methods[place];
            place += config.layer_settings().len();
            // Why a layer has no cells is in its rows of the pool.
            let Ok(estimator) = config.for_layer(range) else { continue };
            let Ok(Some(symbols)) = estimator.symbols(Variable::Single(t.view())) else { continue };
            let cells = symbols.labels;
            overlap.get_or_insert_with(|| overlaps(&cells, subject, layer + 1, method));
            let measured = rows.iter().find(|row| {
                row.layer == layer + 1
                    && row.method.id == method.id
                    && row.n_networks == pool.n_networks()
                    && row.i_xt_bits.is_some()
            });
            let corrects = |other: &&Arc<MethodDescription>| other.corrects.as_ref() == Some(&method.id);
            // It may have been measured as a method of its own.
            let is_new = |other: &&Arc<MethodDescription>| !rows.iter().any(|row| row.method.id == other.id);
            let plain =
                matches!(config, AnyEstimator::Binned(config) if config.correction == Correction::PlugIn);
            let correction = methods.iter().find(corrects).filter(|_| plain).filter(is_new);
            if let Some((row, correction)) = measured.zip(correction) {
                corrected.extend(corrected_by_counts(&cells, subject, row, correction));
            }
        }
        (corrected, overlap.unwrap_or_default())
    };
    let layers: Vec<_> = pool.layers.par_iter().zip(ranges).enumerate().map(of_layer).collect();
    let (corrected, overlap): (Vec<_>, Vec<_>) = layers.into_iter().unzip();
    (corrected.into_iter().flatten().collect(), overlap.into_iter().flatten().collect())
}
