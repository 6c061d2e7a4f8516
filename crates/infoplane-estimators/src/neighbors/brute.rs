//! All pairs, in single precision first: a tile of distances says which few pairs need double precision.
//!
//! Points are centred and scaled, so that the error of a distance in single precision has a small bound. A pair
//! whose distance is certainly on one side of a radius needs no more work; the others are decided by
//! [`Metric::distance`], so that the answer is that of a linear scan in double precision, for any data: where single
//! precision is too coarse there are more doubtful pairs, and it takes longer. Each pair is computed once, for
//! both of its points.

use std::sync::{Mutex, MutexGuard, PoisonError};

use fearless_simd::{Simd, SimdBase, SimdFloat, dispatch};
use rayon::prelude::*;

use crate::math;
use crate::simd;
use crate::tile::{LargestDifference, PANEL, Product, ROWS, SquaredDifference, Tile, cut_into_strips, fill};

use super::{Boundary, Metric, Nearest};

/// Coordinates summed in one run; runs are then added, so that rounding grows with their length only. The bounds of
/// [`Packed::error`] count them.
const RUN: usize = 128;

/// The smallest width for which squared distances come from products, which take half of the operations.
const PRODUCT_WIDTH: usize = 12;

/// Doubtful pairs of a tile from which it is computed again by differences, whose error is smaller.
const DOUBTFUL: u32 = 40;

/// Panels on the left of a task: their strips stay in the second-level cache while panels pass by on the right.
const LEFT_BYTES: usize = 256 << 10;

/// Panels on the right of a task.
const RIGHT: usize = 32;

/// Half an ulp of 1 in single precision: the relative error of one rounding.
const ROUNDING: f64 = f32::EPSILON as f64 / 2.0;

/// Sizes of points may differ by this factor before points of like size are put together, so that the error
/// bound of most tiles is not that of a few outliers.
const OUTLIERS: f64 = 8.0;

/// The quantity that the numbers of a tile approximate.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// ‖a − b‖², from products.
    Product,
    /// ‖a − b‖², from differences.
    SquaredDifference,
    /// max |a − b|.
    LargestDifference,
}

/// Points in the layout of the tiles.
struct Packed<'a> {
    points: &'a [f64],
    width: usize,
    metric: Metric,
    /// Distances here are those of the points times this, a power of two.
    scale: f64,
    /// The row of each position.
    order: Vec<u32>,
    panels: Vec<f32>,
    /// Each panel again, cut into strips.
    strips: Vec<f32>,
    /// Squared norms, for products.
    norms: Vec<f32>,
    /// The largest magnitude of a coordinate in each panel, or the largest norm.
    sizes: Vec<f64>,
}

/// Bound on the error of the numbers of a tile, against the distances that they approximate.
///
/// A distance t between two points, as [`Metric::distance`] has it and times the scale, gives a number of at most
/// (t + e) g, or (t + e)² g + a for squares, and at least that with opposite signs.
#[derive(Clone, Copy)]
struct Error {
    squared: bool,
    /// e: points were rounded.
    points: f32,
    /// g: differences and sums were rounded.
    factor: f32,
    /// a: so were norms and products; and squares may vanish.
    absolute: f32,
}

impl Error {
    /// Returns an upper bound of the number of a pair at distance t or nearer.
    #[inline(always)]
    fn above(&self, t: f32) -> f32 {
        let reach = (t + self.points).max(0.0);
        if self.squared { reach * reach * self.factor + self.absolute } else { reach * self.factor }
    }

    /// Returns a lower bound of the number of a pair at distance t or farther.
    #[inline(always)]
    fn below(&self, t: f32) -> f32 {
        if self.squared {
            let reach = (t - self.points).max(0.0);
            reach * reach * (2.0 - self.factor) - self.absolute
        } else {
            t * (2.0 - self.factor) - self.points
        }
    }

    /// Returns the least and the greatest distance that a number may stand for.
    #[inline(always)]
    fn distances(&self, number: f32) -> (f32, f32) {
        let (low, high) = if self.squared {
            let low = ((number - self.absolute).max(0.0) * (2.0 - self.factor)).sqrt();
            (low, ((number.max(0.0) + self.absolute) * self.factor).sqrt())
        } else {
            (number * (2.0 - self.factor), number * self.factor)
        };
        // A last factor for the roundings of these lines.
        (
            ((low - self.points) * (1.0 - f32::EPSILON)).max(0.0),
            (high + self.points) * (1.0 + 2.0 * f32::EPSILON),
        )
    }
}

impl<'a> Packed<'a> {
    /// `None` if the range of the points is beyond what single precision, or squares in double precision, hold.
    fn new(points: &'a [f64], width: usize, metric: Metric) -> Option<Self> {
        let n = points.len() / width;
        let mut centre = vec![0.0; width];
        for row in points.chunks_exact(width) {
            for (centre, value) in centre.iter_mut().zip(row) {
                *centre += value / n as f64;
            }
        }
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
        let mut sorted = sizes.clone();
        let (_, median, _) = sorted.select_nth_unstable_by(n / 2, f64::total_cmp);
        if largest > OUTLIERS * *median {
            // Stable, so that coinciding points stay in the order of their rows.
            order.sort_by(|&a, &b| sizes[a as usize].total_cmp(&sizes[b as usize]));
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
        Some(packed)
    }

    fn len(&self) -> usize {
        self.order.len()
    }

    fn n_panels(&self) -> usize {
        self.sizes.len()
    }

    fn first_kind(&self) -> Kind {
        match self.metric {
            Metric::Chebyshev => Kind::LargestDifference,
            Metric::Euclidean if self.width >= PRODUCT_WIDTH => Kind::Product,
            Metric::Euclidean => Kind::SquaredDifference,
        }
    }

    /// Bounds that hold for every pair of two panels; worst cases, not likely ones.
    fn error(&self, kind: Kind, left: usize, right: usize) -> Error {
        let (left, right) = (self.sizes[left], self.sizes[right]);
        // Each coordinate is rounded once; 1 % more covers double precision and second-order terms, and what
        // vanishes in single precision is below 1e-35.
        let points = (1.01 * ROUNDING * (left + right) + 1e-35) as f32;
        let steps = (self.width.min(RUN) + self.width.div_ceil(RUN) + 8) as f64;
        match kind {
            Kind::LargestDifference => {
                Error { squared: false, points, factor: 1.0 + 4.0 * f32::EPSILON, absolute: 0.0 }
            }
            Kind::Product => {
                let absolute = 1.02 * ROUNDING * steps * (left * left + right * right) + 1e-35;
                Error { squared: true, points, factor: 1.0 + 4.0 * f32::EPSILON, absolute: absolute as f32 }
            }
            Kind::SquaredDifference => Error {
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

    fn distance(&self, a: u32, b: u32) -> f64 {
        self.metric.distance(self.point(a), self.point(b))
    }

    /// The numbers of one strip of the left panel against the right one.
    #[inline(always)]
    fn tile<S: Simd>(
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

    /// Calls `work` for every pair of panels, the first not after the second, with the state of both.
    fn for_all_pairs<T: Send>(
        &self,
        states: &[Mutex<T>],
        work: impl Fn(usize, usize, &mut T, Option<&mut T>) + Sync,
    ) {
        let n = self.n_panels();
        let left = (LEFT_BYTES / (4 * PANEL * self.width)).clamp(1, 16);
        let tasks: Vec<(usize, usize)> = (0..n)
            .step_by(left)
            .flat_map(|first| (first..n).step_by(RIGHT).map(move |start| (first, start)))
            .collect();
        tasks.into_par_iter().with_max_len(1).for_each(|(first, start)| {
            for right in start..n.min(start + RIGHT) {
                for left in first..n.min(first + left).min(right + 1) {
                    // Locked in ascending order everywhere, so that no two tasks wait for each other. What is
                    // found does not depend on who comes first.
                    let mut left_state = lock(&states[left]);
                    let mut right_state = (left < right).then(|| lock(&states[right]));
                    work(left, right, &mut left_state, right_state.as_deref_mut());
                }
            }
        });
    }
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

fn lock<T>(state: &Mutex<T>) -> MutexGuard<'_, T> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Single precision, not below the number.
fn round_up(value: f64) -> f32 {
    let single = value as f32;
    if f64::from(single) < value { single.next_up() } else { single }
}

/// Single precision, not above the number.
fn round_down(value: f64) -> f32 {
    let single = value as f32;
    if f64::from(single) > value { single.next_down() } else { single }
}

/// A point that may be among the nearest, and between which bounds its distance lies.
#[derive(Clone, Copy)]
struct Candidate {
    low: f32,
    high: f32,
    row: u32,
}

/// The nearest points of a panel found so far.
struct Candidates {
    k: usize,
    capacity: usize,
    /// Of each point: its k-th neighbour is no farther.
    limits: [f32; PANEL],
    /// Of each point: the row of the k-th neighbour so far, if the limit is exactly its distance.
    last: [u32; PANEL],
    lengths: [usize; PANEL],
    /// Of each point up to `capacity`, by ascending upper bound.
    found: Vec<Candidate>,
}

impl Candidates {
    fn new(k: usize, points: usize) -> Self {
        let capacity = 2 * k + 8;
        let mut limits = [f32::NEG_INFINITY; PANEL];
        limits[..points].fill(f32::INFINITY);
        Candidates {
            k,
            capacity,
            limits,
            last: [u32::MAX; PANEL],
            lengths: [0; PANEL],
            found: vec![Candidate { low: 0.0, high: 0.0, row: 0 }; capacity * points],
        }
    }

    #[inline(always)]
    fn offer(&mut self, packed: &Packed<'_>, own: u32, place: usize, new: Candidate) {
        let limit = self.limits[place];
        // As near as the k-th at best, and of a higher row: coinciding points must not all be looked at closely.
        if new.low > limit || new.low == limit && new.row > self.last[place] {
            return;
        }
        let first = place * self.capacity;
        let length = self.lengths[place];
        let found = &mut self.found[first..first + self.capacity];
        let mut at = length;
        while at > 0 && found[at - 1].high > new.high {
            found[at] = found[at - 1];
            at -= 1;
        }
        found[at] = new;
        self.lengths[place] = length + 1;
        if length + 1 >= self.k {
            self.tighten(packed, own, place);
        }
    }

    /// Takes the k-th smallest upper bound for the limit, and forgets who is surely beyond.
    #[inline(always)]
    fn tighten(&mut self, packed: &Packed<'_>, own: u32, place: usize) {
        let first = place * self.capacity;
        let found = &self.found[first..first + self.capacity];
        let limit = found[self.k - 1].high;
        if limit < self.limits[place] {
            self.limits[place] = limit;
            self.last[place] = u32::MAX;
        }
        let limit = self.limits[place];
        let mut length = self.lengths[place];
        while length > self.k && found[length - 1].low > limit {
            length -= 1;
        }
        self.lengths[place] = length;
        if length == self.capacity {
            self.settle(packed, own, place);
        }
    }

    /// Too many are too near to each other for single precision: keeps the k nearest of them, exactly.
    #[inline(never)]
    fn settle(&mut self, packed: &Packed<'_>, own: u32, place: usize) {
        let first = place * self.capacity;
        let found = &mut self.found[first..first + self.capacity];
        let nearest = exactly(packed, own, found, self.k);
        for (candidate, &(distance, row)) in found.iter_mut().zip(&nearest) {
            let distance = distance * packed.scale;
            *candidate = Candidate { low: round_down(distance), high: round_up(distance), row };
        }
        let last = found[self.k - 1];
        self.lengths[place] = self.k;
        self.limits[place] = last.high;
        self.last[place] = if last.low == last.high { last.row } else { u32::MAX };
    }
}

/// Returns the k nearest of some candidates, by their distances in double precision.
fn exactly(packed: &Packed<'_>, own: u32, candidates: &[Candidate], k: usize) -> Vec<(f64, u32)> {
    let distance = |candidate: &Candidate| (packed.distance(own, candidate.row), candidate.row);
    let mut all: Vec<(f64, u32)> = candidates.iter().map(distance).collect();
    all.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    all.truncate(k);
    all
}

/// `None` if all points must be compared in double precision.
pub(super) fn nearest(points: &[f64], width: usize, metric: Metric, k: usize) -> Option<Nearest> {
    let packed = Packed::new(points, width, metric)?;
    let states: Vec<Mutex<Candidates>> =
        packed.order.chunks(PANEL).map(|rows| Mutex::new(Candidates::new(k, rows.len()))).collect();
    let level = simd::level();
    packed.for_all_pairs(&states, |left, right, left_state, right_state| {
        dispatch!(level, simd => look_for_near(simd, &packed, (left, left_state), (right, right_state)));
    });
    let mut result =
        Nearest { k, distances: vec![0.0; packed.len() * k], indices: vec![0; packed.len() * k] };
    let by_panel: Vec<Vec<(f64, u32)>> = states
        .into_par_iter()
        .zip(packed.order.par_chunks(PANEL))
        .map(|(state, rows)| {
            let state = state.into_inner().unwrap_or_else(PoisonError::into_inner);
            let mut nearest = Vec::with_capacity(rows.len() * k);
            for (place, &row) in rows.iter().enumerate() {
                let found = &state.found[place * state.capacity..][..state.lengths[place]];
                nearest.extend(exactly(&packed, row, found, k));
            }
            nearest
        })
        .collect();
    for (place, (distance, index)) in by_panel.into_iter().flatten().enumerate() {
        let at = packed.order[place / k] as usize * k + place % k;
        (result.distances[at], result.indices[at]) = (distance, index);
    }
    Some(result)
}

#[inline(always)]
fn look_for_near<S: Simd>(
    simd: S,
    packed: &Packed<'_>,
    (left, left_state): (usize, &mut Candidates),
    (right, mut right_state): (usize, Option<&mut Candidates>),
) {
    let n = packed.len();
    let first_kind = packed.first_kind();
    let mut tile = [[0.0; PANEL]; ROWS];
    for strip in 0..PANEL / ROWS {
        let first_row = left * PANEL + strip * ROWS;
        if first_row >= n {
            break;
        }
        let mut kind = first_kind;
        let mut error = packed.error(kind, left, right);
        let mut near;
        loop {
            packed.tile(simd, kind, (left, strip), right, &mut tile);
            let mut columns = [f32::NEG_INFINITY; PANEL];
            if let Some(state) = &right_state {
                for (column, limit) in columns.iter_mut().zip(&state.limits) {
                    *column = if *limit == f32::NEG_INFINITY { *limit } else { error.above(*limit) };
                }
            }
            let limits = &left_state.limits[strip * ROWS..(strip + 1) * ROWS];
            let rows: [f32; ROWS] = std::array::from_fn(|row| error.above(limits[row]));
            near = within(simd, &tile, &rows, &columns);
            let many = near.iter().map(|bits| bits.count_ones()).sum::<u32>() > DOUBTFUL;
            if !many || kind != Kind::Product {
                break;
            }
            kind = Kind::SquaredDifference;
            error = packed.error(kind, left, right);
        }
        for (row, mut bits) in near.into_iter().enumerate() {
            let i = first_row + row;
            while bits != 0 {
                let column = bits.trailing_zeros() as usize;
                bits &= bits - 1;
                let j = right * PANEL + column;
                if i >= n || j >= n || i == j {
                    continue;
                }
                let (low, high) = error.distances(tile[row][column]);
                let (own, other) = (packed.order[i], packed.order[j]);
                left_state.offer(packed, own, strip * ROWS + row, Candidate { low, high, row: other });
                if let Some(state) = &mut right_state {
                    state.offer(packed, other, column, Candidate { low, high, row: own });
                }
            }
        }
    }
}

/// Returns which numbers of each row are at most the limit of their row or of their column, as bits.
#[inline(always)]
fn within<S: Simd>(simd: S, tile: &Tile, rows: &[f32; ROWS], columns: &[f32; PANEL]) -> [u64; ROWS] {
    use fearless_simd::SimdMask;
    let lanes = S::f32s::LEN;
    let mut near = [0; ROWS];
    for row in 0..ROWS {
        let mut any = row_within(simd, &tile[row], rows[row], columns, 0);
        for column in (lanes..PANEL).step_by(lanes) {
            any |= row_within(simd, &tile[row], rows[row], columns, column);
        }
        // Mostly not: bits are taken out of vectors only where there is one.
        if any.any_true() {
            for column in (0..PANEL).step_by(lanes) {
                let within = row_within(simd, &tile[row], rows[row], columns, column);
                near[row] |= within.to_bitmask() << column;
            }
        }
    }
    near
}

#[inline(always)]
fn row_within<S: Simd>(
    simd: S,
    numbers: &[f32; PANEL],
    row: f32,
    columns: &[f32; PANEL],
    first: usize,
) -> S::mask32s {
    let here = first..first + S::f32s::LEN;
    let limit = simd::max(S::f32s::splat(simd, row), S::f32s::from_slice(simd, &columns[here.clone()]));
    S::f32s::from_slice(simd, &numbers[here]).simd_le(limit)
}

/// `None` if all points must be compared in double precision.
pub(super) fn count_within(
    points: &[f64],
    width: usize,
    metric: Metric,
    radii: &[f64],
    boundary: Boundary,
) -> Option<Vec<usize>> {
    let packed = Packed::new(points, width, metric)?;
    let padded = packed.n_panels() * PANEL;
    let mut scaled = vec![[f32::NEG_INFINITY; 2]; padded];
    for (place, &row) in packed.order.iter().enumerate() {
        let radius = radii[row as usize];
        if boundary.holds(0.0, radius) {
            // Distances in double precision round as well, by far less than these.
            let radius = radius * packed.scale;
            scaled[place] = [round_down(radius * (1.0 - 1e-11)).max(0.0), round_up(radius * (1.0 + 1e-11))];
        }
    }
    let states: Vec<Mutex<[u32; PANEL]>> = (0..packed.n_panels()).map(|_| Mutex::new([0; PANEL])).collect();
    let counting = Counting { packed: &packed, radii, boundary, scaled: &scaled };
    let level = simd::level();
    packed.for_all_pairs(&states, |left, right, left_counts, right_counts| {
        dispatch!(level, simd => count_pair(simd, &counting, (left, left_counts), (right, right_counts)));
    });
    let mut counts = vec![0; packed.len()];
    for (&row, count) in packed.order.iter().zip(states.iter().flat_map(|state| *lock(state))) {
        counts[row as usize] = count as usize;
    }
    Some(counts)
}

struct Counting<'a> {
    packed: &'a Packed<'a>,
    /// By row.
    radii: &'a [f64],
    boundary: Boundary,
    /// By position: the radius in units of the packed points, rounded down and up.
    scaled: &'a [[f32; 2]],
}

impl Counting<'_> {
    fn holds(&self, centre: u32, other: u32) -> bool {
        self.boundary.holds(self.packed.distance(centre, other), self.radii[centre as usize])
    }

    /// Numbers below the first are of points surely inside, above the second surely outside.
    #[inline(always)]
    fn limits(&self, panel: usize, error: &Error) -> ([f32; PANEL], [f32; PANEL]) {
        let mut limits = ([0.0; PANEL], [0.0; PANEL]);
        let scaled = &self.scaled[panel * PANEL..(panel + 1) * PANEL];
        for ((scaled, below), above) in scaled.iter().zip(&mut limits.0).zip(&mut limits.1) {
            *below = error.below(scaled[0]);
            *above = error.above(scaled[1]);
        }
        limits
    }
}

/// The result of one tile.
struct Judged {
    /// For each row the columns inside its radius, as bits.
    inside: [u64; ROWS],
    /// For each row the columns that may be inside its radius or not.
    doubtful: [u64; ROWS],
    /// For each column how many rows are inside its radius.
    columns: [f32; PANEL],
    /// For each row the columns within whose radius it may be or not.
    doubtful_columns: [u64; ROWS],
}

#[inline(always)]
fn judge<S: Simd>(
    simd: S,
    tile: &Tile,
    rows: (&[f32], &[f32]),
    columns: (&[f32; PANEL], &[f32; PANEL]),
) -> Judged {
    use fearless_simd::{Select, SimdMask};
    let lanes = S::f32s::LEN;
    let (zero, one) = (S::f32s::splat(simd, 0.0), S::f32s::splat(simd, 1.0));
    let mut judged =
        Judged { inside: [0; ROWS], doubtful: [0; ROWS], columns: [0.0; PANEL], doubtful_columns: [0; ROWS] };
    for column in (0..PANEL).step_by(lanes) {
        let below = S::f32s::from_slice(simd, &columns.0[column..column + lanes]);
        let above = S::f32s::from_slice(simd, &columns.1[column..column + lanes]);
        let mut sum = zero;
        let mut any = zero.simd_lt(zero);
        for (row, numbers) in tile.iter().enumerate() {
            let numbers = S::f32s::from_slice(simd, &numbers[column..column + lanes]);
            let inside_row = numbers.simd_lt(S::f32s::splat(simd, rows.0[row]));
            let maybe_row = numbers.simd_le(S::f32s::splat(simd, rows.1[row]));
            judged.inside[row] |= inside_row.to_bitmask() << column;
            let inside_column = numbers.simd_lt(below);
            sum += inside_column.select(one, zero);
            let maybe_column = numbers.simd_le(above);
            any = any | (inside_row ^ maybe_row) | (inside_column ^ maybe_column);
        }
        sum.store_slice(&mut judged.columns[column..column + lanes]);
        // Doubts are rare: only then is it asked whose they are.
        if any.any_true() {
            for (row, numbers) in tile.iter().enumerate() {
                let numbers = S::f32s::from_slice(simd, &numbers[column..column + lanes]);
                let inside = numbers.simd_lt(S::f32s::splat(simd, rows.0[row]));
                let maybe = numbers.simd_le(S::f32s::splat(simd, rows.1[row]));
                judged.doubtful[row] |= (inside ^ maybe).to_bitmask() << column;
                let doubtful = numbers.simd_lt(below) ^ numbers.simd_le(above);
                judged.doubtful_columns[row] |= doubtful.to_bitmask() << column;
            }
        }
    }
    judged
}

#[inline(always)]
fn count_pair<S: Simd>(
    simd: S,
    counting: &Counting<'_>,
    (left, left_counts): (usize, &mut [u32; PANEL]),
    (right, mut right_counts): (usize, Option<&mut [u32; PANEL]>),
) {
    let packed = counting.packed;
    let n = packed.len();
    let columns_here = (n - right * PANEL).min(PANEL);
    let real = (1u64 << columns_here) - 1;
    let limits = |kind: Kind| {
        let error = packed.error(kind, left, right);
        (counting.limits(left, &error), counting.limits(right, &error))
    };
    let first_kind = packed.first_kind();
    let first_limits = limits(first_kind);
    let mut tile = [[0.0; PANEL]; ROWS];
    for strip in 0..PANEL / ROWS {
        let first_row = left * PANEL + strip * ROWS;
        if first_row >= n {
            break;
        }
        let rows_here = (n - first_row).min(ROWS);
        let part = strip * ROWS..(strip + 1) * ROWS;
        packed.tile(simd, first_kind, (left, strip), right, &mut tile);
        let (of_left, of_right) = &first_limits;
        let rows = (&of_left.0[part.clone()], &of_left.1[part.clone()]);
        let mut judged = judge(simd, &tile, rows, (&of_right.0, &of_right.1));
        let doubtful = |judged: &Judged| -> u32 {
            let all = judged.doubtful.iter().chain(&judged.doubtful_columns);
            all.map(|bits| bits.count_ones()).sum()
        };
        if first_kind == Kind::Product && doubtful(&judged) > DOUBTFUL {
            packed.tile(simd, Kind::SquaredDifference, (left, strip), right, &mut tile);
            let (of_left, of_right) = limits(Kind::SquaredDifference);
            let rows = (&of_left.0[part.clone()], &of_left.1[part.clone()]);
            judged = judge(simd, &tile, rows, (&of_right.0, &of_right.1));
        }
        for row in 0..rows_here {
            let i = first_row + row;
            let own = packed.order[i];
            // Within one panel each pair comes twice, and each point once with itself.
            let others = if left == right { real & !(1 << (strip * ROWS + row)) } else { real };
            let count = &mut left_counts[strip * ROWS + row];
            *count += (judged.inside[row] & others).count_ones();
            let mut bits = judged.doubtful[row] & others;
            while bits != 0 {
                let column = bits.trailing_zeros() as usize;
                bits &= bits - 1;
                *count += u32::from(counting.holds(own, packed.order[right * PANEL + column]));
            }
            if let Some(counts) = &mut right_counts {
                let mut bits = judged.doubtful_columns[row] & real;
                while bits != 0 {
                    let column = bits.trailing_zeros() as usize;
                    bits &= bits - 1;
                    let other = packed.order[right * PANEL + column];
                    counts[column] += u32::from(counting.holds(other, own));
                }
            }
        }
        if let Some(counts) = &mut right_counts {
            for (count, inside) in counts.iter_mut().zip(&judged.columns) {
                *count += *inside as u32;
            }
        }
    }
}
