//! Measuring pools of 1, 2, 4, … networks of a window.

use ndarray::Axis;
use rayon::prelude::*;

use super::{Pool, PoolRow, Spacing};
use crate::estimator::{LayerRange, Method};
use crate::random::{Purpose, generator, shuffle};
use crate::{Labels, Variable};

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

/// At most so many disjoint pools of each size are measured.
const MOST_PARTS: usize = 4;

/// One smaller pool.
struct Part {
    draws: usize,
    spacing: Spacing,
    part: usize,
    /// Which networks, ascending.
    of: Vec<usize>,
}

/// Measures every layer of the pool, and of smaller pools of 1, 2, 4, … of its networks, by every method.
///
/// Bins that depend on the data are those of the whole pool. Smaller pools are spread over the window, at most four
/// disjoint ones of each size, the first of them with the last network; beside them, the two halves of the window.
pub fn measure_pool<M: Method>(
    pool: &Pool,
    subject: PoolSubject<'_>,
    methods: &[M],
    ranges: &[LayerRange],
) -> Vec<PoolRow> {
    let parts = parts(pool.n_draws());
    let jobs: Vec<(usize, &M, &Part)> = (0..pool.layers.len())
        .flat_map(|layer| methods.iter().map(move |method| (layer, method)))
        .flat_map(|(layer, method)| parts.iter().map(move |part| (layer, method, part)))
        .collect();
    let rows: Vec<Vec<PoolRow>> = jobs
        .into_par_iter()
        .map(|(layer, method, part)| measure_part(pool, subject, layer, method, &ranges[layer], part))
        .collect();
    rows.into_iter().flatten().collect()
}

fn parts(n_draws: usize) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut draws = 1;
    while draws < n_draws {
        let step = n_draws / draws;
        for part in 0..step.min(MOST_PARTS) {
            let of = (0..draws)
                .map(|k| n_draws - 1 - part * (step / step.min(MOST_PARTS)) - (draws - 1 - k) * step);
            parts.push(Part { draws, spacing: Spacing::Spread, part, of: of.collect() });
        }
        draws *= 2;
    }
    parts.push(Part { draws: n_draws, spacing: Spacing::Spread, part: 0, of: (0..n_draws).collect() });
    if n_draws >= 4 {
        let half = n_draws / 2;
        for part in 0..2 {
            let of = (part * half..(part + 1) * half).collect();
            parts.push(Part { draws: half, spacing: Spacing::Consecutive, part, of });
        }
    }
    parts
}

fn measure_part<M: Method>(
    pool: &Pool,
    subject: PoolSubject<'_>,
    layer: usize,
    method: &M,
    range: &LayerRange,
    part: &Part,
) -> Vec<PoolRow> {
    let n = pool.n_inputs;
    let rows: Vec<usize> = part.of.iter().flat_map(|&draw| draw * n..(draw + 1) * n).collect();
    let t = pool.layers[layer].select(Axis(0), &rows);
    let repeated: Vec<usize> = (0..rows.len()).map(|row| row % n).collect();
    let shuffled: Vec<usize> = part
        .of
        .iter()
        .flat_map(|&draw| {
            let mut order: Vec<usize> = (0..n).collect();
            shuffle(&mut generator(0, Purpose::Control, draw as u64), &mut order);
            order
        })
        .collect();
    let labels = [
        Labels::distinct(rows.len()),
        subject.x.select(&repeated),
        subject.y.select(&repeated),
        subject.x.select(&shuffled),
    ];
    let labels: Vec<&Labels> = labels.iter().collect();
    let row = PoolRow {
        seed: subject.seed,
        layer: layer + 1,
        width: t.ncols(),
        estimator: method.about().name.to_string(),
        setting: String::new(),
        bound: None,
        draws: part.draws,
        spacing: part.spacing,
        part: part.part,
        h_t_bits: None,
        i_xt_bits: None,
        i_ty_bits: None,
        control_bits: None,
        out_of_range: 0,
        status: PoolRow::OK.to_string(),
    };
    let readings =
        method.estimator(range).and_then(|estimator| estimator.layer(Variable::Single(t.view()), &labels));
    match readings {
        Ok(readings) => readings
            .into_iter()
            .map(|reading| {
                let bits = |index: usize| {
                    reading.estimates[index].as_ref().ok().map(|estimate| estimate.information.bits())
                };
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
            })
            .collect(),
        Err(error) => method
            .settings()
            .into_iter()
            .map(|(setting, bound)| PoolRow { setting, bound, status: error.to_string(), ..row.clone() })
            .collect(),
    }
}
