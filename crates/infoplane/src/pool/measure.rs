//! Measuring pools of 1, 2, 4, … networks of a window.

use std::borrow::Cow;
use std::ops::Range;

use ndarray::{Array2, Axis, concatenate, s};
use rayon::prelude::*;

use super::parts::{Part, parts};
use super::{Pool, PoolRow};
use crate::estimator::{EstimateError, LayerRange, Method, Reading, Symbols};
use crate::random::{Purpose, generator, shuffle};
use crate::{Estimator, Labels, Variable};

/// What the inputs of a pool are.
#[derive(Debug, Clone, Copy)]
pub struct PoolSubject<'a> {
    /// The seed of the training; absent for a pool over trainings.
    pub seed: Option<u64>,
    /// Which input each row of one network is.
    pub x: &'a Labels,
    /// The class of each.
    pub y: &'a Labels,
}

/// Measures every layer of the pool, and of smaller pools of 1, 2, 4, … of its networks, by every method.
///
/// Bins that depend on the data are those of the whole pool, `ranges` one for each layer. Smaller pools are spread over
/// the window, at most four disjoint ones of each size, the first of them with the last network; beside them two
/// pools of consecutive networks of each size. Rows come layer by
/// layer, method by method, with M ascending and the consecutive pools at the end; they do not depend on the number of threads.
///
/// Cost: all smaller pools together have six times the rows of the whole one. Methods that count
/// ([`Estimator::symbols`]) sort the whole pool into cells once and then only count.
///
/// # Panics
/// If there are not as many ranges as layers, or not as many labels as inputs.
pub fn measure_pool<M: Method>(
    pool: &Pool,
    subject: PoolSubject<'_>,
    methods: &[M],
    ranges: &[LayerRange],
) -> Vec<PoolRow> {
    measure_pool_unless(pool, subject, methods, ranges, &|| false).unwrap_or_default()
}

/// As [`measure_pool`]; asks before every layer of every smaller pool whether to stop, and is `None` if so.
pub(crate) fn measure_pool_unless<M: Method>(
    pool: &Pool,
    subject: PoolSubject<'_>,
    methods: &[M],
    ranges: &[LayerRange],
    stopped: &(dyn Fn() -> bool + Sync),
) -> Option<Vec<PoolRow>> {
    assert_eq!(ranges.len(), pool.layers.len(), "ranges for the layers");
    let taken: Vec<Taken<'_, M>> = (0..pool.layers.len())
        .flat_map(|layer| methods.iter().map(move |method| (layer, method)))
        .collect::<Vec<_>>()
        .into_par_iter()
        .map(|(layer, method)| (!stopped()).then(|| Taken::new(pool, layer, method, &ranges[layer])))
        .collect::<Option<_>>()?;
    // The largest pools first, so that no thread is left with one at the end.
    let parts = parts(pool.n_draws());
    let mut rows: Vec<Vec<Vec<PoolRow>>> = parts
        .par_iter()
        .rev()
        .with_max_len(1)
        .map(|part| {
            if stopped() {
                return None;
            }
            let labellings = labellings(pool.n_inputs, subject, &part.of);
            let measure = |taken: &Taken<'_, M>| taken.measure(subject.seed, part, &labellings);
            taken.par_iter().map(|taken| (!stopped()).then(|| measure(taken))).collect()
        })
        .collect::<Option<_>>()?;
    rows.reverse();
    // By layer and method, not by part.
    let mut in_order = Vec::new();
    for taken in 0..taken.len() {
        for of_part in &mut rows {
            in_order.append(&mut of_part[taken]);
        }
    }
    Some(in_order)
}

/// Of every row of a pool which row, which input and which class it is, and which input after permuting them within
/// each network.
///
/// The information of T and the first is H(T).
fn labellings(n_inputs: usize, subject: PoolSubject<'_>, draws: &[usize]) -> [Labels; 4] {
    let repeated: Vec<usize> = draws.iter().flat_map(|_| 0..n_inputs).collect();
    let shuffled: Vec<usize> = draws
        .iter()
        .flat_map(|&draw| {
            let mut order: Vec<usize> = (0..n_inputs).collect();
            shuffle(&mut generator(0, Purpose::Control, draw as u64), &mut order);
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

/// A layer of the whole pool as one method takes it.
struct Taken<'a, M> {
    pool: &'a Pool,
    layer: usize,
    method: &'a M,
    estimator: Result<Box<dyn Estimator>, EstimateError>,
    /// The cells of all rows, of a method that counts.
    symbols: Option<Symbols>,
}

impl<'a, M: Method> Taken<'a, M> {
    fn new(pool: &'a Pool, layer: usize, method: &'a M, range: &LayerRange) -> Self {
        let estimator = method.estimator(range);
        let of_layer = |estimator: &dyn Estimator| {
            // A layer that has no symbols, as one network put out what is no number, is measured network by network.
            estimator.symbols(Variable::Single(pool.layers[layer].view())).ok().flatten()
        };
        let symbols = estimator.as_deref().ok().and_then(of_layer);
        Taken { pool, layer, method, estimator, symbols }
    }

    fn measure(&self, seed: Option<u64>, part: &Part, labellings: &[Labels; 4]) -> Vec<PoolRow> {
        let row = PoolRow {
            seed,
            layer: self.layer + 1,
            width: self.pool.layers[self.layer].ncols(),
            estimator: self.method.about().name.to_string(),
            setting: String::new(),
            bound: None,
            draws: part.of.len(),
            spacing: part.spacing,
            part: part.part,
            h_t_bits: None,
            i_xt_bits: None,
            i_ty_bits: None,
            control_bits: None,
            out_of_range: 0,
            status: PoolRow::OK.to_string(),
        };
        match self.readings(part, &labellings.each_ref()) {
            Ok(readings) => readings.into_iter().map(|reading| said(&row, reading)).collect(),
            Err(error) => {
                let nothing =
                    |(setting, bound)| PoolRow { setting, bound, status: error.to_string(), ..row.clone() };
                self.method.settings().into_iter().map(nothing).collect()
            }
        }
    }

    fn readings(&self, part: &Part, labellings: &[&Labels]) -> Result<Vec<Reading>, EstimateError> {
        let estimator = self.estimator.as_ref().map_err(Clone::clone)?;
        let (n, t) = (self.pool.n_inputs, &self.pool.layers[self.layer]);
        let whole = part.of.len() == self.pool.n_draws();
        let stretches: Vec<Range<usize>> = part.of.iter().map(|&draw| draw * n..(draw + 1) * n).collect();
        match &self.symbols {
            Some(symbols) => {
                let symbols =
                    if whole { Cow::Borrowed(symbols) } else { Cow::Owned(symbols.stretches(&stretches)) };
                let mut readings = estimator.layer(Variable::Labels(&symbols.labels), labellings)?;
                readings.iter_mut().for_each(|reading| reading.out_of_range = symbols.out_of_range());
                Ok(readings)
            }
            None if whole => estimator.layer(Variable::Single(t.view()), labellings),
            None => {
                let rows: Vec<_> = stretches.into_iter().map(|rows| t.slice(s![rows, ..])).collect();
                let t = concatenate(Axis(0), &rows).unwrap_or_else(|_| Array2::zeros((0, t.ncols())));
                estimator.layer(Variable::Single(t.view()), labellings)
            }
        }
    }
}

/// The row with what a reading says.
fn said(row: &PoolRow, reading: Reading) -> PoolRow {
    let bits =
        |index: usize| reading.estimates[index].as_ref().ok().map(|estimate| estimate.information.bits());
    let reason = ["H(T)", "I(X;T)", "I(T;Y)", "the control"]
        .iter()
        .zip(&reading.estimates)
        .find_map(|(of, estimate)| Some(format!("{of}: {}", estimate.as_ref().err()?)));
    PoolRow {
        h_t_bits: bits(0),
        i_xt_bits: bits(1),
        i_ty_bits: bits(2),
        control_bits: bits(3),
        setting: reading.setting,
        bound: reading.bound,
        out_of_range: reading.out_of_range,
        status: reason.unwrap_or_else(|| row.status.clone()),
        ..row.clone()
    }
}
