//! The driver: ask, load, activate, estimate, tell, append.

use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use ndarray::ArrayView2;
use rayon::ThreadPool;
use rayon::prelude::*;

use crate::estimator::{Estimate, LayerRange, Method};
use crate::schedule::{Ask, Schedule};
use crate::snapshot::SnapshotError;
use crate::{Activations, Bound, EstimateError, Estimator, Labels, PlaneRow, Snapshot, Snapshots, Variable};

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

/// An estimator, or why it cannot be had for this layer.
struct Prepared {
    name: &'static str,
    settings: Vec<(String, Option<Bound>)>,
    estimator: Result<Box<dyn Estimator>, EstimateError>,
}

impl LayerEstimators {
    /// Fixes the bins of one layer. An estimator that cannot be had gives rows that say why.
    ///
    /// The methods are those of the library, as [`EstimatorConfig`](crate::estimator::EstimatorConfig), or
    /// your own.
    pub fn new<M: Method>(methods: &[M], range: &LayerRange) -> Self {
        let prepared = methods
            .iter()
            .map(|method| Prepared {
                name: method.about().name,
                settings: method.settings(),
                estimator: method.estimator(range),
            })
            .collect();
        LayerEstimators { prepared }
    }
}

/// Measures what every layer knows of x and y: one row per layer, estimator, setting and bound.
///
/// This is the entry for networks of any kind: give the activations of whatever was trained elsewhere.
/// A layer that an estimator cannot measure gives rows with a status that says why. Layers are measured in
/// parallel; the rows do not depend on the number of threads.
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
    let jobs: Vec<(usize, &Prepared)> = estimators
        .iter()
        .enumerate()
        .flat_map(|(layer, estimators)| estimators.prepared.iter().map(move |prepared| (layer, prepared)))
        .collect();
    let rows: Vec<Vec<PlaneRow>> = jobs
        .into_par_iter()
        .map(|(layer, prepared)| {
            let t = &activations.layers[layer];
            let row = PlaneRow {
                seed,
                epoch,
                layer: layer + 1,
                width: t.ncols(),
                estimator: prepared.name.to_string(),
                setting: String::new(),
                bound: None,
                i_xt_bits: None,
                i_ty_bits: None,
                i_xt_standard_error_bits: None,
                i_ty_standard_error_bits: None,
                out_of_range: 0,
                status: PlaneRow::OK.to_string(),
            };
            measure_layer(row, prepared, Variable::Single(t.view()), x, y)
        })
        .collect();
    rows.into_iter().flatten().collect()
}

/// Fills in one row per setting and bound.
fn measure_layer(
    row: PlaneRow,
    prepared: &Prepared,
    t: Variable<'_>,
    x: &Labels,
    y: &Labels,
) -> Vec<PlaneRow> {
    let readings = match &prepared.estimator {
        Ok(estimator) => estimator.layer(t, &[x, y]),
        Err(error) => Err(error.clone()),
    };
    match readings {
        Ok(readings) => readings
            .into_iter()
            .map(|reading| {
                let [i_xt, i_ty] = [&reading.estimates[0], &reading.estimates[1]];
                let bits = |estimate: &Result<Estimate, _>| {
                    estimate.as_ref().ok().map(|estimate| estimate.information.bits())
                };
                let error_bits = |estimate: &Result<Estimate, _>| {
                    estimate.as_ref().ok().and_then(|e| e.standard_error).map(|error| error.bits())
                };
                let reason = [("I(X;T)", i_xt), ("I(T;Y)", i_ty)]
                    .iter()
                    .find_map(|(of, estimate)| Some(format!("{of}: {}", estimate.as_ref().err()?)));
                PlaneRow {
                    setting: reading.setting,
                    bound: reading.bound,
                    i_xt_bits: bits(i_xt),
                    i_ty_bits: bits(i_ty),
                    i_xt_standard_error_bits: error_bits(i_xt),
                    i_ty_standard_error_bits: error_bits(i_ty),
                    out_of_range: reading.out_of_range,
                    status: reason.unwrap_or_else(|| row.status.clone()),
                    ..row.clone()
                }
            })
            .collect(),
        Err(error) => prepared
            .settings
            .iter()
            .cloned()
            .map(|(setting, bound)| PlaneRow { setting, bound, status: error.to_string(), ..row.clone() })
            .collect(),
    }
}

/// What measuring one epoch gave.
#[derive(Debug, Clone)]
pub struct Measurement {
    /// The epoch.
    pub epoch: u64,
    /// One row per layer, estimator, setting and bound.
    pub rows: Vec<PlaneRow>,
    /// How long it took, from the snapshot to the rows.
    pub time: Duration,
}

/// Why measuring stopped before the schedule was done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MeasureError<E> {
    /// There is no network at an epoch.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// The rows could not be kept.
    #[error(transparent)]
    Append(E),
}

/// How many networks may wait for measuring while the next is trained.
const IN_FLIGHT: usize = 4;

/// Measures the epochs that a schedule asks for, until it asks for none.
///
/// While one epoch is measured, the source already loads (trains towards) the next, unless `pool` has one thread
/// only. Rows reach `append` in the order asked, whatever the number of threads of `pool`, which share the work
/// inside one epoch.
///
/// # Errors
/// [`MeasureError`] when the source has no such epoch (a diverged training) or `append` fails. Rows measured
/// before that have reached `append`.
pub fn measure<S: Snapshots + Send, E: Send>(
    seed: u64,
    schedule: &mut dyn Schedule,
    snapshots: &mut S,
    subject: Subject<'_>,
    estimators: &[LayerEstimators],
    pool: &ThreadPool,
    mut append: impl FnMut(Measurement) -> Result<(), E>,
) -> Result<(), MeasureError<E>> {
    // One piece of memory for the activations of all epochs: fresh memory costs as much as filling it.
    let mut activations = Activations { layers: Vec::new() };
    let mut take = |snapshot: Snapshot, schedule: &mut dyn Schedule| {
        let start = Instant::now();
        let rows = pool.install(|| {
            snapshot.network.activations_into(subject.inputs, &mut activations);
            measure_activations(seed, snapshot.epoch, &activations, subject.x, subject.y, estimators)
        });
        schedule.tell(snapshot.epoch, &rows);
        append(Measurement { epoch: snapshot.epoch, rows, time: start.elapsed() })
            .map_err(MeasureError::Append)
    };
    loop {
        let Ask::Epochs(wanted) = schedule.ask() else { return Ok(()) };
        let wanted: Vec<u64> = wanted.iter().map(|wanted| wanted.epoch).collect();
        if pool.current_num_threads() == 1 {
            for epoch in wanted {
                take(snapshots.load(epoch)?, schedule)?;
            }
            continue;
        }
        std::thread::scope(|scope| {
            let (sender, loaded) = sync_channel(IN_FLIGHT);
            let snapshots = &mut *snapshots;
            scope.spawn(move || {
                for epoch in wanted {
                    let snapshot = snapshots.load(epoch);
                    let failed = snapshot.is_err();
                    // The receiver is gone only if appending failed, and then nobody wants more.
                    if sender.send(snapshot).is_err() || failed {
                        return;
                    }
                }
            });
            for snapshot in loaded {
                take(snapshot?, schedule)?;
            }
            Ok::<(), MeasureError<E>>(())
        })?;
    }
}

/// Sees what range every unit covers over the given epochs, for bins that depend on it.
///
/// # Errors
/// [`SnapshotError`] when the source has no such epoch.
pub fn observe_ranges(
    epochs: &[u64],
    snapshots: &mut dyn Snapshots,
    inputs: ArrayView2<'_, f32>,
) -> Result<Vec<LayerRange>, SnapshotError> {
    // Enough values for steady quantiles, few enough to keep: 2^16 per unit over all epochs.
    let sample_rows = (1 << 16) / epochs.len().max(1);
    let mut ranges: Vec<LayerRange> = Vec::new();
    let mut activations = Activations { layers: Vec::new() };
    for &epoch in epochs {
        snapshots.load(epoch)?.network.activations_into(inputs, &mut activations);
        ranges.resize(activations.layers.len(), LayerRange::default());
        ranges.par_iter_mut().zip(&activations.layers).for_each(|(range, t)| {
            range.observe(Variable::Single(t.view()), sample_rows);
        });
    }
    let run = ranges.iter().filter_map(LayerRange::layer).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
    for range in &mut ranges {
        range.run = run;
    }
    Ok(ranges)
}
