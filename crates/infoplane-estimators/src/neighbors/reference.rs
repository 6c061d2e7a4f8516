//! Linear scans: the reference for every faster search.

use ndarray::ArrayView2;
use rayon::prelude::*;

use super::{Boundary, Metric, Nearest};

/// Returns the distances of point `i` to all others, as (distance, row).
fn distances(points: ArrayView2<'_, f64>, metric: Metric, i: usize) -> Vec<(f64, u32)> {
    let values = points.to_slice().expect("rows in standard layout");
    let row = |i: usize| &values[i * points.ncols()..(i + 1) * points.ncols()];
    let others = (0..points.nrows()).filter(|&j| j != i);
    others.map(|j| (metric.distance(row(i), row(j)), j as u32)).collect()
}

pub(super) fn nearest(points: ArrayView2<'_, f64>, metric: Metric, k: usize) -> Nearest {
    let sorted: Vec<Vec<(f64, u32)>> = (0..points.nrows())
        .into_par_iter()
        .map(|i| {
            let mut all = distances(points, metric, i);
            all.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            all.truncate(k);
            all
        })
        .collect();
    let (distances, indices) = sorted.into_iter().flatten().unzip();
    Nearest { k, distances, indices }
}

pub(super) fn count_within(
    points: ArrayView2<'_, f64>,
    metric: Metric,
    radii: &[f64],
    boundary: Boundary,
) -> Vec<usize> {
    (0..points.nrows())
        .into_par_iter()
        .map(|i| {
            let inside = |d: f64| match boundary {
                Boundary::Open => d < radii[i],
                Boundary::Closed => d <= radii[i],
            };
            distances(points, metric, i).into_iter().filter(|&(d, _)| inside(d)).count()
        })
        .collect()
}
