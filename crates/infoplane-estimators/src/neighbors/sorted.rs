//! One coordinate: neighbours are adjacent once the points are sorted.

use rayon::prelude::*;

use crate::interrupt::{self, poll};

use super::{Asked, Boundary, Metric, Nearest, OfList, Unordered, by_distance, by_row};

/// Points that one task looks at.
const TASK: usize = 2048;

/// The same where something is computed from each list of neighbours.
const MAP_TASK: usize = 64;

/// The points in ascending order, equal ones by row.
struct Sorted {
    values: Vec<f64>,
    rows: Vec<u32>,
}

impl Sorted {
    fn new(points: &[f64]) -> Self {
        // Adding zero turns −0 into 0: equal values must stand in the order of their rows.
        let mut order: Vec<(f64, u32)> =
            points.iter().enumerate().map(|(row, &value)| (value + 0.0, row as u32)).collect();
        interrupt::sort_by(&mut order, by_distance);
        let (values, rows) = order.into_iter().unzip();
        Sorted { values, rows }
    }

    /// Returns the position of the first point equal to that at `place`.
    fn run_start(&self, place: usize) -> usize {
        let value = self.values[place];
        let mut start = place;
        // Nearly always there is no other, and the one before says so.
        if start > 0 && self.values[start - 1] == value {
            start = self.values[..start].partition_point(|&v| v < value);
        }
        start
    }

    /// The nearest of the point at `place`, into `found`, ascending.
    fn nearest(&self, metric: Metric, place: usize, k: usize, found: &mut Vec<(f64, u32)>) {
        found.clear();
        let value = self.values[place];
        let own = self.run_start(place);
        let take = |start: usize, found: &mut Vec<(f64, u32)>| {
            // Of equal points no more than the first k can be among the nearest.
            let distance = metric.distance(&[value], &[self.values[start]]);
            let equal = self.values[start..].iter().take_while(|&&v| v == self.values[start]);
            let rows = self.rows[start..].iter().zip(equal).map(|(&row, _)| row);
            found.extend(rows.filter(|&row| row != self.rows[place]).take(k).map(|row| (distance, row)));
        };
        take(own, found);
        let mut left = own;
        let mut right = own + self.values[own..].partition_point(|&v| v == value);
        loop {
            let before =
                left.checked_sub(1).map_or(f64::INFINITY, |at| metric.distance(&[value], &[self.values[at]]));
            let after = self.values.get(right).map_or(f64::INFINITY, |&v| metric.distance(&[value], &[v]));
            if left == 0 && right == self.values.len() {
                break;
            }
            // Different points may be at equal distance after rounding, so that it goes on until one is farther.
            if found.len() >= k {
                found.sort_unstable_by(by_distance);
                found.truncate(k);
                if before.min(after) > found[k - 1].0 {
                    break;
                }
            }
            if left > 0 && (before <= after || right == self.values.len()) {
                left = self.run_start(left - 1);
                take(left, found);
            } else {
                take(right, found);
                let value = self.values[right];
                while right < self.values.len() && self.values[right] == value {
                    right += 1;
                }
            }
        }
        found.sort_unstable_by(by_distance);
        found.truncate(k);
    }

    /// Returns the number of other points within the radius of the point at `place`.
    fn count(&self, metric: Metric, place: usize, radius: f64, boundary: Boundary) -> usize {
        let value = self.values[place];
        // Rounding keeps the order, so that distances grow to either side also as computed.
        let inside = |&v: &f64| boundary.holds(metric.distance(&[value], &[v]), radius);
        if !inside(&value) {
            return 0;
        }
        let left = self.values[..place].partition_point(|v| !inside(v));
        let right = place + 1 + self.values[place + 1..].partition_point(inside);
        right - left - 1
    }
}

pub(super) fn nearest(points: &[f64], metric: Metric, k: usize) -> Nearest {
    let sorted = Sorted::new(points);
    let n = points.len();
    let tasks: Vec<Unordered> = (0..n.div_ceil(TASK))
        .into_par_iter()
        .map(|task| {
            poll();
            let places = task * TASK..n.min((task + 1) * TASK);
            let mut part = Unordered::with_capacity(places.len(), k);
            let mut found = Vec::with_capacity(3 * k);
            for place in places {
                sorted.nearest(metric, place, k, &mut found);
                part.extend(&found);
            }
            part
        })
        .collect();
    Unordered::scatter(tasks, &sorted.rows, k)
}

pub(super) fn map_nearest<'f, T: Send>(
    points: &[f64],
    metric: Metric,
    k: usize,
    asked: &Asked,
    new_task: &(dyn Fn() -> OfList<'f, T> + Sync),
) -> Vec<T> {
    let sorted = Sorted::new(points);
    let n = points.len();
    let tasks: Vec<Vec<(u32, T)>> = (0..n.div_ceil(MAP_TASK))
        .into_par_iter()
        .map(|task| {
            poll();
            let mut work = new_task();
            let mut found = Vec::with_capacity(3 * k);
            let places = task * MAP_TASK..n.min((task + 1) * MAP_TASK);
            let results = places.filter(|&place| asked.contains(sorted.rows[place])).map(|place| {
                sorted.nearest(metric, place, k, &mut found);
                let row = sorted.rows[place];
                (row, work(row as usize, &found))
            });
            results.collect()
        })
        .collect();
    by_row(tasks.into_iter().flatten(), n)
}

pub(super) fn count_within(points: &[f64], metric: Metric, radii: &[f64], boundary: Boundary) -> Vec<usize> {
    let sorted = Sorted::new(points);
    let mut by_place = vec![0; points.len()];
    by_place.par_chunks_mut(TASK).enumerate().for_each(|(task, counts)| {
        poll();
        for (place, count) in (task * TASK..).zip(counts) {
            let radius = radii[sorted.rows[place] as usize];
            *count = sorted.count(metric, place, radius, boundary);
        }
    });
    let mut counts = vec![0; points.len()];
    for (&row, count) in sorted.rows.iter().zip(by_place) {
        counts[row as usize] = count;
    }
    counts
}
