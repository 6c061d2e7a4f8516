//! Many neighbours of each point: the distances to all others, one query after another, and a selection.
//!
//! Where thousands of neighbours are wanted, a list that is kept in order costs far more than the distances. Here a
//! query takes n distances in double precision and one selection, O(n width), and memory for one list.

use fearless_simd::{Simd, dispatch};
use rayon::prelude::*;

use super::{Asked, Metric, OfList, by_distance};
use crate::interrupt::poll;
use crate::simd;

/// Queries of one task.
const TASK: usize = 16;

/// The points, coordinate by coordinate.
struct Columns {
    n: usize,
    values: Vec<f64>,
    metric: Metric,
}

/// The memory of one query after another.
#[derive(Default)]
struct List {
    distances: Vec<f64>,
    selection: Vec<f64>,
    nearest: Vec<(f64, u32)>,
}

impl Columns {
    fn new(points: &[f64], width: usize, metric: Metric) -> Self {
        let n = points.len() / width;
        let mut values = vec![0.0; points.len()];
        for (row, point) in points.chunks_exact(width).enumerate() {
            for (axis, &value) in point.iter().enumerate() {
                values[axis * n + row] = value;
            }
        }
        Columns { n, values, metric }
    }

    /// Returns the k nearest of a point, those at positions below `in_order` ascending, the others by row.
    fn nearest<'a>(&self, own: usize, k: usize, in_order: usize, list: &'a mut List) -> &'a mut [(f64, u32)] {
        list.distances.clear();
        list.distances.resize(self.n, 0.0);
        dispatch!(simd::level(), simd => distances(simd, self, own, &mut list.distances));
        list.nearest.clear();
        if k + 1 == self.n {
            let all = list.distances.iter().zip(0..).filter(|&(_, row)| row != own as u32);
            list.nearest.extend(all.map(|(&distance, row)| (distance, row)));
        } else {
            list.selection.clear();
            list.selection.extend_from_slice(&list.distances[..own]);
            list.selection.extend_from_slice(&list.distances[own + 1..]);
            let (nearer, last, _) = list.selection.select_nth_unstable_by(k - 1, f64::total_cmp);
            let last = *last;
            // Of the points at exactly the last distance those of the lowest rows.
            let mut at_last = k - nearer.iter().filter(|&&distance| distance < last).count();
            for (&distance, row) in list.distances.iter().zip(0..) {
                if distance <= last && row != own as u32 {
                    if distance == last {
                        if at_last == 0 {
                            continue;
                        }
                        at_last -= 1;
                    }
                    list.nearest.push((distance, row));
                }
            }
        }
        first_in_order(&mut list.nearest, in_order);
        &mut list.nearest
    }
}

pub(super) fn map_nearest<'f, T: Send>(
    points: &[f64],
    width: usize,
    metric: Metric,
    k: usize,
    in_order: usize,
    asked: &Asked,
    new_task: &(dyn Fn() -> OfList<'f, T> + Sync),
) -> Vec<T> {
    let columns = Columns::new(points, width, metric);
    let tasks: Vec<Vec<T>> = (0..columns.n.div_ceil(TASK))
        .into_par_iter()
        .map_init(List::default, |list, task| {
            poll();
            let mut work = new_task();
            let rows = task * TASK..columns.n.min((task + 1) * TASK);
            let rows = rows.filter(|&row| asked.contains(row as u32));
            rows.map(|row| work(row, columns.nearest(row, k, in_order, list))).collect()
        })
        .collect();
    tasks.into_iter().flatten().collect()
}

/// Puts the nearest `in_order` first, ascending.
pub(super) fn first_in_order(nearest: &mut [(f64, u32)], in_order: usize) {
    if in_order < nearest.len() {
        nearest.select_nth_unstable_by(in_order, by_distance);
    }
    let first = in_order.min(nearest.len());
    nearest[..first].sort_unstable_by(by_distance);
}

/// [`Metric::distance`] to every point: the same operations in the same order, several points at a time.
#[inline(always)]
fn distances<S: Simd>(simd: S, columns: &Columns, own: usize, distances: &mut [f64]) {
    simd.vectorize(
        #[inline(always)]
        || {
            for column in columns.values.chunks_exact(columns.n) {
                let at = column[own];
                let each = distances.iter_mut().zip(column);
                match columns.metric {
                    Metric::Chebyshev => each.for_each(|(distance, value)| {
                        let difference = (at - value).abs();
                        *distance = if difference > *distance { difference } else { *distance };
                    }),
                    Metric::Euclidean => each.for_each(|(sum, value)| {
                        let difference = at - value;
                        *sum += difference * difference;
                    }),
                }
            }
            if columns.metric == Metric::Euclidean {
                distances.iter_mut().for_each(|sum| *sum = sum.sqrt());
            }
        },
    );
}
