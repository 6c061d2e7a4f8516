//! Measures pools of 1, 2, 4, … networks of a window.

use crate::estimator::Measure;
use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use ndarray::{Array2, Axis, concatenate, s};
use rayon::prelude::*;

use super::subsets::{Subset, subsets};
use super::{Pool, PoolRow};
use crate::estimator::{EstimateError, Estimator, LayerEstimate, LayerRange, Symbols};
use crate::plane::{MethodDescription, Missing};
use crate::random::{Purpose, generator, shuffle};
use crate::{Labels, Variable};

/// The inputs of a pool and their classes.
#[derive(Debug, Clone, Copy)]
pub struct PoolSubject<'a> {
    /// The seed of the training run; absent for a pool over seeds.
    pub seed: Option<u64>,
    /// Which input each row of one network is.
    pub x: &'a Labels,
    /// The class of each.
    pub y: &'a Labels,
}

/// Measures every layer of the pool, and of subsets of 1, 2, 4, … of its networks, with every method.
///
/// Bins that depend on the data are those of the whole pool, one of `ranges` for each layer. Subsets are strided over
/// the window, at most four disjoint ones of each size, the first with the last network; in addition there are two
/// contiguous subsets of each size. Rows are ordered by layer, then method, then M, with the contiguous subsets at
/// the end; they do not depend on the number of threads.
///
/// Cost: all subsets together have six times the rows of the whole pool. Methods that count
/// ([`Measure::symbols`](crate::Measure::symbols)) sort the whole pool into cells once and then only count.
///
/// # Panics
/// If there are not as many ranges as layers, or not as many labels as inputs.
pub fn measure_pool<M: Estimator + Clone + 'static>(
    pool: &Pool,
    subject: PoolSubject<'_>,
    methods: &[M],
    ranges: &[LayerRange],
) -> Vec<PoolRow> {
    let described = MethodDescription::of_methods(methods);
    measure_pool_unless(pool, subject, methods, &described, ranges, &|| false).unwrap_or_default()
}

/// As [`measure_pool`], with the descriptions of the methods in the order of their readings; asks before every layer of
/// every subset whether to stop, and returns `None` if so.
pub(crate) fn measure_pool_unless<M: Estimator + Clone + 'static>(
    pool: &Pool,
    subject: PoolSubject<'_>,
    methods: &[M],
    described: &[Arc<MethodDescription>],
    ranges: &[LayerRange],
    stopped: &(dyn Fn() -> bool + Sync),
) -> Option<Vec<PoolRow>> {
    assert_eq!(ranges.len(), pool.layers.len(), "ranges for the layers");
    let mut described = described;
    let methods: Vec<(&M, &[Arc<MethodDescription>])> = methods
        .iter()
        .map(|method| {
            let (its, others) = described.split_at(method.layer_settings().len());
            described = others;
            (method, its)
        })
        .collect();
    let prepared: Vec<PreparedLayer<'_>> = (0..pool.layers.len())
        .flat_map(|layer| methods.iter().map(move |method| (layer, method)))
        .collect::<Vec<_>>()
        .into_par_iter()
        .map(|(layer, &method)| (!stopped()).then(|| PreparedLayer::new(pool, layer, method, &ranges[layer])))
        .collect::<Option<_>>()?;
    // The largest first, so that no thread is left with one at the end.
    let subsets = subsets(pool.n_networks());
    let mut rows: Vec<Vec<Vec<PoolRow>>> = subsets
        .par_iter()
        .rev()
        .with_max_len(1)
        .map(|subset| {
            if stopped() {
                return None;
            }
            let labellings = labellings(pool.n_inputs, subject, &subset.networks);
            let measure = |layer: &PreparedLayer<'_>| layer.measure(subject.seed, subset, &labellings);
            prepared.par_iter().map(|layer| (!stopped()).then(|| measure(layer))).collect()
        })
        .collect::<Option<_>>()?;
    rows.reverse();
    // By layer and method, not by subset.
    let mut in_order = Vec::new();
    for layer in 0..prepared.len() {
        for of_subset in &mut rows {
            in_order.append(&mut of_subset[layer]);
        }
    }
    Some(in_order)
}

/// Labels of the rows of a subset: the row itself, its input, its class, and its input after a permutation within each
/// network.
///
/// The information between T and the first is H(T).
fn labellings(n_inputs: usize, subject: PoolSubject<'_>, networks: &[usize]) -> [Labels; 4] {
    let repeated: Vec<usize> = networks.iter().flat_map(|_| 0..n_inputs).collect();
    let shuffled: Vec<usize> = networks
        .iter()
        .flat_map(|&network| {
            let mut order: Vec<usize> = (0..n_inputs).collect();
            shuffle(&mut generator(0, Purpose::Control, network as u64), &mut order);
            order
        })
        .collect();
    [
        Labels::distinct(repeated.len()),
        subject.x.select(&repeated),
        subject.y.select(&repeated),
        subject.x.select(&shuffled),
    ]
}

/// A layer of the whole pool, prepared for one method.
struct PreparedLayer<'a> {
    pool: &'a Pool,
    layer: usize,
    /// The method, reading by reading.
    methods: &'a [Arc<MethodDescription>],
    estimator: Result<Box<dyn Estimator>, EstimateError>,
    /// The cells of all rows, of a method that counts.
    symbols: Option<Symbols>,
}

impl<'a> PreparedLayer<'a> {
    fn new<M: Estimator + Clone + 'static>(
        pool: &'a Pool,
        layer: usize,
        (method, methods): (&M, &'a [Arc<MethodDescription>]),
        range: &LayerRange,
    ) -> Self {
        let estimator = method.for_layer(range);
        let of_layer = |estimator: &dyn Estimator| {
            // A layer without symbols, because an activation is not a number, is measured subset by subset.
            estimator.symbols(Variable::Single(pool.layers[layer].view())).ok().flatten()
        };
        let symbols = estimator.as_deref().ok().and_then(of_layer);
        PreparedLayer { pool, layer, methods, estimator, symbols }
    }

    fn measure(&self, seed: Option<u64>, subset: &Subset, labellings: &[Labels; 4]) -> Vec<PoolRow> {
        let row = |method: &Arc<MethodDescription>| PoolRow {
            seed,
            layer: self.layer + 1,
            width: self.pool.layers[self.layer].ncols(),
            method: Arc::clone(method),
            n_networks: subset.networks.len(),
            spacing: subset.spacing,
            subset: subset.number,
            h_t_bits: None,
            i_xt_bits: None,
            i_ty_bits: None,
            control_bits: None,
            out_of_range: 0,
            missing: None,
        };
        match self.readings(subset, &labellings.each_ref()) {
            Ok(readings) => self
                .methods
                .iter()
                .zip(readings)
                .map(|(method, reading)| filled(row(method), reading))
                .collect(),
            Err(error) => {
                let missing = Arc::new(Missing::from(&error));
                let empty = |method| PoolRow { missing: Some(Arc::clone(&missing)), ..row(method) };
                self.methods.iter().map(empty).collect()
            }
        }
    }

    fn readings(&self, subset: &Subset, labellings: &[&Labels]) -> Result<Vec<LayerEstimate>, EstimateError> {
        let (n, t) = (self.pool.n_inputs, &self.pool.layers[self.layer]);
        // Of values that are not finite no range is observed: they are the reason, not the setting.
        let estimator =
            self.estimator.as_ref().map_err(|error| match Variable::Single(t.view()).first_non_finite() {
                Some((row, column, value)) => EstimateError::NotFinite { row, column, value },
                None => error.clone(),
            })?;
        let whole = subset.networks.len() == self.pool.n_networks();
        let ranges: Vec<Range<usize>> =
            subset.networks.iter().map(|&network| network * n..(network + 1) * n).collect();
        match &self.symbols {
            Some(symbols) => {
                let symbols =
                    if whole { Cow::Borrowed(symbols) } else { Cow::Owned(symbols.select_ranges(&ranges)) };
                let mut readings = estimator.layer(Variable::Labels(&symbols.labels), labellings)?;
                readings.iter_mut().for_each(|reading| reading.out_of_range = symbols.out_of_range());
                Ok(readings)
            }
            None if whole => estimator.layer(Variable::Single(t.view()), labellings),
            None => {
                let rows: Vec<_> = ranges.into_iter().map(|rows| t.slice(s![rows, ..])).collect();
                let t = concatenate(Axis(0), &rows).unwrap_or_else(|_| Array2::zeros((0, t.ncols())));
                estimator.layer(Variable::Single(t.view()), labellings)
            }
        }
    }
}

/// The row with the values of a reading.
fn filled(row: PoolRow, reading: LayerEstimate) -> PoolRow {
    let bits =
        |index: usize| reading.estimates[index].as_ref().ok().map(|estimate| estimate.information.bits());
    let missing = ["H(T)", "I(X;T)", "I(T;Y)", "the control"].iter().zip(&reading.estimates).find_map(
        |(quantity, estimate)| {
            let error = estimate.as_ref().err()?;
            Some(Missing { reason: format!("{quantity}: {error}"), ..Missing::from(error) })
        },
    );
    PoolRow {
        h_t_bits: bits(0),
        i_xt_bits: bits(1),
        i_ty_bits: bits(2),
        control_bits: bits(3),
        out_of_range: reading.out_of_range,
        missing: missing.map(Arc::new),
        ..row
    }
}
