//! Points in the layout of tiles, in an order in which near points stand together.

use std::sync::{Mutex, MutexGuard, PoisonError};

use fearless_simd::{Simd, SimdBase, SimdFloat};
use rayon::prelude::*;

use super::super::Metric;
use super::error_bound::{ErrorBound, Kind};
use crate::interrupt::poll;
use crate::math;
use crate::tile::{
    LargestDifference, PANEL, Product, ROWS, SquaredDifference, Tile, cut_into_strips, fill, fill_group,
    group,
};

/// Coordinates summed in one run; runs are then added, so that rounding grows with their length only. The bounds of
/// [`Packed::error`] count them.
const RUN: usize = 128;

/// The smallest width for which squared distances come from products, which take half of the operations.
const PRODUCT_WIDTH: usize = 12;

/// Doubtful pairs of a tile from which it is computed again by differences, whose error is smaller.
pub(super) const DOUBTFUL: u32 = 40;

/// Panels on the left of a task: their strips stay in the second-level cache while panels pass by on the right.
const LEFT_BYTES: usize = 256 << 10;

/// Panels on the right of a task.
const RIGHT: usize = 32;

/// Half an ulp of 1 in single precision: the relative error of one rounding.
const ROUNDING: f64 = f32::EPSILON as f64 / 2.0;

/// Up to so many points are put in order by one thread.
const SERIAL: usize = 2048;

/// The largest width at which points are ordered by place.
const PLACE_WIDTH: usize = 16;

/// The largest width at which boxes are drawn around them. With the radii of KSG-1 and n = 10,000 half of the pairs of
/// strips are passed over in five columns; in ten a sixth, which is less than looking for them takes.
const BOX_WIDTH: usize = 8;

/// Sizes of points may differ by this factor before points of like size are put together, so that the error
/// bound of most tiles is not that of a few outliers.
const OUTLIERS: f64 = 8.0;

/// Points in the layout of the tiles.
pub(super) struct Packed<'a> {
    points: &'a [f64],
    width: usize,
    metric: Metric,
    /// Distances here are those of the points times this, a power of two.
    pub(super) scale: f64,
    /// The row of each position.
    pub(super) order: Vec<u32>,
    panels: Vec<f32>,
    /// Each panel again, cut into strips.
    strips: Vec<f32>,
    /// Squared norms, for products.
    norms: Vec<f32>,
    /// The largest magnitude of a coordinate in each panel, or the largest norm.
    sizes: Vec<f64>,
    /// The lowest and the highest coordinate of each panel, one axis after the other; empty beyond [`BOX_WIDTH`].
    panel_boxes: Vec<[f32; 2]>,
    /// The same of the strips of each panel, side by side.
    strip_boxes: Vec<Sides>,
}

/// Strips of a panel, and two places more, so that they fill a vector.
pub(super) const STRIPS: usize = 8;

/// All strips of a panel, as bits.
pub(super) const EVERY_STRIP: u32 = (1 << (PANEL / ROWS)) - 1;

/// The lowest and the highest coordinate of the strips of a panel, along one axis.
#[derive(Clone, Copy)]
struct Sides {
    low: [f32; STRIPS],
    high: [f32; STRIPS],
}

/// Values of a coordinate that its middle is computed from.
const SAMPLED: usize = 256;

/// Returns the mean of the middle three quarters of (some of) the values of a coordinate, which few far points cannot
/// move: the errors of single precision grow with the distance from it.
fn middle(points: &[f64], width: usize, axis: usize) -> f64 {
    let n = points.len() / width;
    let sampled = n.min(SAMPLED);
    let mut values: Vec<f64> = (0..sampled).map(|i| points[i * n / sampled * width + axis]).collect();
    values.sort_unstable_by(f64::total_cmp);
    let middle = &values[sampled / 8..sampled - sampled / 8];
    middle.iter().map(|value| value / middle.len() as f64).sum()
}

impl<'a> Packed<'a> {
    /// `None` if the range of the points is beyond what single precision, or squares in double precision, hold.
    pub(super) fn new(points: &'a [f64], width: usize, metric: Metric) -> Option<Self> {
        let n = points.len() / width;
        let centre: Vec<f64> = (0..width).map(|axis| middle(points, width, axis)).collect();
        let size = |row: &[f64]| {
            let centred = row.iter().zip(&centre).map(|(value, centre)| (value - centre).abs());
            match metric {
                Metric::Chebyshev => centred.fold(0.0, f64::max),
                Metric::Euclidean => centred.fold(0.0, |sum, c| sum + c * c).sqrt(),
            }
        };
        let sizes: Vec<f64> = points.chunks_exact(width).map(size).collect();
        let largest = sizes.iter().copied().fold(0.0, f64::max);
        if !(largest == 0.0 || (1e-120..1e120).contains(&largest)) {
            return None;
        }
        let scale = if largest == 0.0 { 1.0 } else { math::exp2(-(math::log2(largest).ceil())) };
        let mut order: Vec<u32> = (0..n as u32).collect();
        if width <= PLACE_WIDTH {
            order_by_place(points, width, &mut order, PANEL);
        } else {
            let mut sorted = sizes.clone();
            let (_, median, _) = sorted.select_nth_unstable_by(n / 2, f64::total_cmp);
            if largest > OUTLIERS * *median {
                // Stable, so that coinciding points stay in the order of their rows.
                order.sort_by(|&a, &b| sizes[a as usize].total_cmp(&sizes[b as usize]));
            }
        }
        let n_panels = n.div_ceil(PANEL);
        let mut packed = Packed {
            points,
            width,
            metric,
            scale,
            order,
            panels: vec![f32::INFINITY; n_panels * PANEL * width],
            strips: vec![0.0; n_panels * PANEL * width],
            norms: vec![f32::INFINITY; n_panels * PANEL],
            sizes: vec![0.0; n_panels],
            panel_boxes: Vec::new(),
            strip_boxes: Vec::new(),
        };
        let order = &packed.order;
        packed
            .panels
            .par_chunks_exact_mut(PANEL * width)
            .zip(packed.strips.par_chunks_exact_mut(PANEL * width))
            .zip(packed.norms.par_chunks_exact_mut(PANEL))
            .zip(&mut packed.sizes)
            .zip(order.par_chunks(PANEL))
            .for_each(|((((panel, strips), norms), largest), rows)| {
                for (place, &row) in rows.iter().enumerate() {
                    let row = row as usize;
                    let mut norm = 0.0;
                    for axis in 0..width {
                        let value = ((points[row * width + axis] - centre[axis]) * scale) as f32;
                        panel[axis * PANEL + place] = value;
                        norm += f64::from(value) * f64::from(value);
                    }
                    norms[place] = norm as f32;
                    *largest = largest.max(sizes[row] * scale);
                }
                cut_into_strips(panel, strips);
            });
        if width <= BOX_WIDTH {
            let axes = packed.panels.chunks_exact(PANEL);
            packed.panel_boxes = axes.clone().map(sides).collect();
            let of_strips = |axis: &[f32]| {
                let mut boxes = Sides { low: [f32::INFINITY; STRIPS], high: [f32::NEG_INFINITY; STRIPS] };
                for (strip, values) in axis.chunks_exact(ROWS).enumerate() {
                    [boxes.low[strip], boxes.high[strip]] = sides(values);
                }
                boxes
            };
            packed.strip_boxes = axes.map(of_strips).collect();
        }
        Some(packed)
    }

    /// Whether there are boxes.
    pub(super) fn has_boxes(&self) -> bool {
        !self.panel_boxes.is_empty()
    }

    /// Returns a lower bound of all numbers between two panels.
    #[inline(always)]
    pub(super) fn least_number(&self, error: &ErrorBound, left: usize, right: usize) -> f32 {
        if !self.has_boxes() {
            return f32::NEG_INFINITY;
        }
        let of_panel = |panel: usize| &self.panel_boxes[panel * self.width..(panel + 1) * self.width];
        let (mut largest, mut sum) = (0f32, 0f32);
        for (left, right) in of_panel(left).iter().zip(of_panel(right)) {
            let gap = (left[0] - right[1]).max(right[0] - left[1]).max(0.0);
            largest = largest.max(gap);
            sum += gap * gap;
        }
        error.of_gap(if error.squared { sum } else { largest })
    }

    /// Returns a lower bound of all numbers between a strip of the left panel and each strip of the right.
    #[inline(always)]
    pub(super) fn least_numbers<S: Simd>(
        &self,
        simd: S,
        error: &ErrorBound,
        (left, strip): (usize, usize),
        right: usize,
    ) -> [f32; STRIPS] {
        let of_panel = |panel: usize| &self.strip_boxes[panel * self.width..(panel + 1) * self.width];
        simd.vectorize(
            #[inline(always)]
            || {
                let mut least = [0f32; STRIPS];
                for (left, right) in of_panel(left).iter().zip(of_panel(right)) {
                    let (low, high) = (left.low[strip], left.high[strip]);
                    for other in 0..STRIPS {
                        let (above, below) = (right.low[other] - high, low - right.high[other]);
                        let gap = if above > below { above } else { below };
                        let gap = if gap > 0.0 { gap } else { 0.0 };
                        let least = &mut least[other];
                        let larger = if gap > *least { gap } else { *least };
                        *least = if error.squared { *least + gap * gap } else { larger };
                    }
                }
                for least in &mut least {
                    *least = error.of_gap(*least);
                }
                least
            },
        )
    }

    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    pub(super) fn n_panels(&self) -> usize {
        self.sizes.len()
    }

    pub(super) fn first_kind(&self) -> Kind {
        match self.metric {
            Metric::Chebyshev => Kind::LargestDifference,
            Metric::Euclidean if self.width >= PRODUCT_WIDTH => Kind::Product,
            Metric::Euclidean => Kind::SquaredDifference,
        }
    }

    /// Bounds that hold for every pair of two panels; worst cases, not likely ones.
    pub(super) fn error(&self, kind: Kind, left: usize, right: usize) -> ErrorBound {
        let (left, right) = (self.sizes[left], self.sizes[right]);
        // Each coordinate is rounded once; 1 % more covers double precision and second-order terms, and what
        // vanishes in single precision is below 1e-35.
        let points = (1.01 * ROUNDING * (left + right) + 1e-35) as f32;
        let steps = (self.width.min(RUN) + self.width.div_ceil(RUN) + 8) as f64;
        match kind {
            Kind::LargestDifference => {
                ErrorBound { squared: false, points, factor: 1.0 + 4.0 * f32::EPSILON, absolute: 0.0 }
            }
            Kind::Product => {
                let absolute = 1.02 * ROUNDING * steps * (left * left + right * right) + 1e-35;
                ErrorBound {
                    squared: true,
                    points,
                    factor: 1.0 + 4.0 * f32::EPSILON,
                    absolute: absolute as f32,
                }
            }
            Kind::SquaredDifference => ErrorBound {
                squared: true,
                points,
                factor: (1.0 + 2.0 * ROUNDING * steps) as f32 + f32::EPSILON,
                absolute: 1e-35,
            },
        }
    }

    fn point(&self, row: u32) -> &[f64] {
        &self.points[row as usize * self.width..(row as usize + 1) * self.width]
    }

    pub(super) fn distance(&self, a: u32, b: u32) -> f64 {
        self.metric.distance(self.point(a), self.point(b))
    }

    /// The numbers of one strip of the left panel against the right one.
    #[inline(always)]
    pub(super) fn tile<S: Simd>(
        &self,
        simd: S,
        kind: Kind,
        (left, strip): (usize, usize),
        right: usize,
        tile: &mut Tile,
    ) {
        let length = PANEL * self.width;
        let panel = &self.panels[right * length..(right + 1) * length];
        let first = left * length + strip * ROWS * self.width;
        let strip_values = &self.strips[first..first + ROWS * self.width];
        match kind {
            Kind::LargestDifference => {
                fill::<S, LargestDifference, 1, RUN>(simd, [strip_values], panel, tile)
            }
            Kind::SquaredDifference => {
                fill::<S, SquaredDifference, 1, RUN>(simd, [strip_values], panel, tile)
            }
            Kind::Product => {
                fill::<S, Product, 1, RUN>(simd, [strip_values], panel, tile);
                let first = left * PANEL + strip * ROWS;
                let right_norms = &self.norms[right * PANEL..(right + 1) * PANEL];
                squared_from_products(simd, &self.norms[first..first + ROWS], right_norms, tile);
            }
        }
    }

    /// The same of the columns of some strips of the right panel alone, given as bits; the others stay as they are.
    #[inline(always)]
    pub(super) fn tile_of_strips<S: Simd>(
        &self,
        simd: S,
        kind: Kind,
        (left, strip): (usize, usize),
        (right, strips): (usize, u32),
        tile: &mut Tile,
    ) {
        // Most of it at once is faster than nearly all of it one by one.
        if strips.count_ones() > 4 || kind == Kind::Product {
            return self.tile(simd, kind, (left, strip), right, tile);
        }
        let length = PANEL * self.width;
        let panel = &self.panels[right * length..(right + 1) * length];
        let first = left * length + strip * ROWS * self.width;
        let strip_values = &self.strips[first..first + ROWS * self.width];
        let lanes = S::f32s::LEN;
        for column in (0..PANEL).step_by(group(lanes)).filter(|&column| holds(lanes, strips, column)) {
            match kind {
                Kind::LargestDifference => {
                    fill_group::<S, LargestDifference, RUN>(simd, strip_values, panel, column, tile)
                }
                _ => fill_group::<S, SquaredDifference, RUN>(simd, strip_values, panel, column, tile),
            }
        }
    }

    /// Calls `work` for every pair of panels, the first not after the second, with the state of both.
    pub(super) fn for_all_pairs<T: Send>(
        &self,
        states: &[Mutex<T>],
        work: impl Fn(usize, usize, &mut T, Option<&mut T>) + Sync,
    ) {
        let n = self.n_panels();
        let left = (LEFT_BYTES / (4 * PANEL * self.width)).clamp(1, 16);
        let mut tasks: Vec<(usize, usize)> = (0..n)
            .step_by(left)
            .flat_map(|first| (first..n).step_by(RIGHT).map(move |start| (first, start)))
            .collect();
        // Near points first: they make the limits of a search for neighbours small. First each panel with itself.
        tasks.sort_by_key(|&(first, start)| start - first);
        (0..n).into_par_iter().with_max_len(RIGHT).for_each(|panel| {
            poll();
            work(panel, panel, &mut lock(&states[panel]), None);
        });
        tasks.into_par_iter().with_max_len(1).for_each(|(first, start)| {
            poll();
            for right in start..n.min(start + RIGHT) {
                for left in first..n.min(first + left).min(right) {
                    // Locked in ascending order everywhere, so that no two tasks wait for each other. What is
                    // found does not depend on who comes first.
                    let mut left_state = lock(&states[left]);
                    let mut right_state = lock(&states[right]);
                    work(left, right, &mut left_state, Some(&mut right_state));
                }
            }
        });
    }
}

/// Returns the lowest and the highest of some values; places without a point, which are infinite, do not count.
fn sides(values: &[f32]) -> [f32; 2] {
    let finite = values.iter().filter(|value| value.is_finite());
    finite.fold([f32::INFINITY, f32::NEG_INFINITY], |[low, high], &value| [low.min(value), high.max(value)])
}

/// Puts near points together: halves the rows at the median of their widest coordinate, again and again.
///
/// Parts are whole panels as long as there are several, then whole strips. Equal coordinates stand in the order of
/// their rows, so that coinciding points do.
fn order_by_place(points: &[f64], width: usize, rows: &mut [u32], unit: usize) {
    if rows.len() <= unit {
        if unit > ROWS {
            order_by_place(points, width, rows, ROWS);
        } else {
            rows.sort_unstable();
        }
        return;
    }
    let mut limits = vec![[f64::INFINITY, f64::NEG_INFINITY]; width];
    for &row in rows.iter() {
        let point = &points[row as usize * width..(row as usize + 1) * width];
        for ([low, high], &value) in limits.iter_mut().zip(point) {
            (*low, *high) = (low.min(value), high.max(value));
        }
    }
    let mut widest = 0;
    for axis in 1..width {
        if limits[axis][1] - limits[axis][0] > limits[widest][1] - limits[widest][0] {
            widest = axis;
        }
    }
    let half = (rows.len().div_ceil(unit) / 2) * unit;
    let at = |row: u32| points[row as usize * width + widest];
    rows.select_nth_unstable_by(half, |&a, &b| at(a).total_cmp(&at(b)).then(a.cmp(&b)));
    let (left, right) = rows.split_at_mut(half);
    if right.len() > SERIAL {
        rayon::join(
            || order_by_place(points, width, left, unit),
            || order_by_place(points, width, right, unit),
        );
    } else {
        order_by_place(points, width, left, unit);
        order_by_place(points, width, right, unit);
    }
}

/// Whether the group of columns that begins in that column, or before it, holds one of these strips.
#[inline(always)]
pub(super) fn holds(lanes: usize, strips: u32, column: usize) -> bool {
    let size = group(lanes);
    let bits = (1u32 << (size / ROWS)) - 1;
    strips >> (column / size * (size / ROWS)) & bits != 0
}

/// ‖a‖² + ‖b‖² − 2ab in place of the products.
#[inline(always)]
fn squared_from_products<S: Simd>(simd: S, left_norms: &[f32], right_norms: &[f32], tile: &mut Tile) {
    let lanes = S::f32s::LEN;
    let minus_two = S::f32s::splat(simd, -2.0);
    for (row, &norm) in tile.iter_mut().zip(&left_norms[..ROWS]) {
        let norm = S::f32s::splat(simd, norm);
        for column in (0..PANEL).step_by(lanes) {
            let place = &mut row[column..column + lanes];
            let norms = norm + S::f32s::from_slice(simd, &right_norms[column..column + lanes]);
            S::f32s::from_slice(simd, place).mul_add_precise(minus_two, norms).store_slice(place);
        }
    }
}

pub(super) fn lock<T>(state: &Mutex<T>) -> MutexGuard<'_, T> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, generator, normal};
    use crate::simd::same_at_every_level;
    use fearless_simd::dispatch;

    fn points(n: usize, width: usize) -> Vec<f64> {
        let mut generator = generator(3, Purpose::Local, width as u64);
        (0..n * width).map(|_| normal(&mut generator)).collect()
    }

    #[test]
    fn boxes_bound_every_number_and_tell_far_points_apart() {
        for (width, metric) in
            [(1, Metric::Chebyshev), (5, Metric::Chebyshev), (5, Metric::Euclidean), (8, Metric::Euclidean)]
        {
            let points = points(500, width);
            let packed = Packed::new(&points, width, metric).unwrap();
            let kind = packed.first_kind();
            let (mut apart, mut compared) = (0, 0);
            for left in 0..packed.n_panels() {
                for right in 0..packed.n_panels() {
                    let error = packed.error(kind, left, right);
                    let of_panels = packed.least_number(&error, left, right);
                    for strip in 0..PANEL / ROWS {
                        let (tile, least) = same_at_every_level(|level| {
                            let mut tile = [[0.0; PANEL]; ROWS];
                            dispatch!(level, simd => packed.tile(simd, kind, (left, strip), right, &mut tile));
                            let least = dispatch!(level, simd => packed.least_numbers(simd, &error, (left, strip), right));
                            // Places without a point hold anything, NaN too.
                            (
                                tile.map(|row| {
                                    row.map(|number| if number.is_nan() { f32::INFINITY } else { number })
                                }),
                                least,
                            )
                        });
                        for (other, least) in least.iter().take(PANEL / ROWS).enumerate() {
                            for row in &tile {
                                for &number in &row[other * ROWS..(other + 1) * ROWS] {
                                    assert!(
                                        number >= *least && number >= of_panels,
                                        "{width} {number} {least}"
                                    );
                                }
                            }
                            compared += 1;
                            apart += usize::from(*least > 0.0);
                        }
                    }
                }
            }
            assert!(width == 8 || 10 * apart > compared, "{width}: {apart} of {compared}");
        }
    }

    #[test]
    fn tiles_of_some_strips_are_those_of_all() {
        for metric in [Metric::Chebyshev, Metric::Euclidean] {
            let points = points(96, 5);
            let packed = Packed::new(&points, 5, metric).unwrap();
            for strips in [0b1u32, 0b100000, 0b101010, 0b11110, EVERY_STRIP] {
                same_at_every_level(|level| {
                    let (mut all, mut some) = ([[0.0; PANEL]; ROWS], [[0.0; PANEL]; ROWS]);
                    let kind = packed.first_kind();
                    dispatch!(level, simd => packed.tile(simd, kind, (0, 2), 1, &mut all));
                    dispatch!(level, simd => packed.tile_of_strips(simd, kind, (0, 2), (1, strips), &mut some));
                    for strip in (0..PANEL / ROWS).filter(|strip| strips >> strip & 1 != 0) {
                        for row in 0..ROWS {
                            let columns = strip * ROWS..(strip + 1) * ROWS;
                            assert_eq!(some[row][columns.clone()], all[row][columns]);
                        }
                    }
                    all
                });
            }
        }
    }

    #[test]
    fn the_order_holds_every_row_once_and_equal_points_by_row() {
        for n in [1, 8, 48, 49, 500, 5000] {
            let mut points = points(n, 3);
            let mut order: Vec<u32> = (0..n as u32).collect();
            order_by_place(&points, 3, &mut order, PANEL);
            order.sort_unstable();
            assert!(order.iter().copied().eq(0..n as u32));
            points.fill(0.5);
            order.reverse();
            order_by_place(&points, 3, &mut order, PANEL);
            assert!(order.iter().copied().eq(0..n as u32), "{n}");
        }
    }
}
