//! The nearest of all points, by lists of candidates.

use std::sync::{Mutex, PoisonError};

use fearless_simd::{Simd, SimdBase, dispatch};
use rayon::prelude::*;

use super::super::{Metric, Nearest, by_distance};
use super::error_bound::{ErrorBound, Kind, round_down, round_up};
use super::packed::{DOUBTFUL, EVERY_STRIP, Packed, holds};
use crate::simd;
use crate::tile::{PANEL, ROWS, Tile};

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
            let scaled = distance * packed.scale;
            // What is too small for its units is not at the place itself.
            let least = if distance > 0.0 { f32::from_bits(1) } else { 0.0 };
            *candidate = Candidate { low: round_down(scaled), high: round_up(scaled).max(least), row };
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
    all.sort_unstable_by(by_distance);
    all.truncate(k);
    all
}

/// `None` if all points must be compared in double precision.
pub(in crate::neighbors) fn nearest(
    points: &[f64],
    width: usize,
    metric: Metric,
    k: usize,
) -> Option<Nearest> {
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
    let first_error = packed.error(first_kind, left, right);
    // Limits only fall: those from before the first strip hold for all, and let pass a few pairs too many.
    let farthest_right = right_state.as_ref().map_or(f32::NEG_INFINITY, |state| largest(simd, &state.limits));
    let farthest = farthest_right.max(largest(simd, &left_state.limits));
    if packed.least_number(&first_error, left, right) > first_error.above(farthest) {
        return;
    }
    let columns = |error: &ErrorBound, state: &Option<&mut Candidates>| {
        let mut columns = [f32::NEG_INFINITY; PANEL];
        if let Some(state) = state {
            numbers_of(simd, error, &state.limits, &mut columns);
        }
        columns
    };
    let of_right: [f32; PANEL / ROWS] = std::array::from_fn(|strip| match &right_state {
        Some(state) => {
            state.limits[strip * ROWS..(strip + 1) * ROWS].iter().copied().fold(f32::NEG_INFINITY, f32::max)
        }
        None => f32::NEG_INFINITY,
    });
    let first_columns = columns(&first_error, &right_state);
    let mut tile = [[0.0; PANEL]; ROWS];
    for strip in 0..PANEL / ROWS {
        let first_row = left * PANEL + strip * ROWS;
        if first_row >= n {
            break;
        }
        let limits = &left_state.limits[strip * ROWS..(strip + 1) * ROWS];
        // The strips of the right panel that are near enough, as bits.
        let mut strips = EVERY_STRIP;
        if packed.has_boxes() {
            let farthest = limits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let least = packed.least_numbers(simd, &first_error, (left, strip), right);
            for (number, (least, of_right)) in least.iter().zip(&of_right).enumerate() {
                strips &= !(u32::from(*least > first_error.above(of_right.max(farthest))) << number);
            }
            if strips == 0 {
                continue;
            }
        }
        let mut error = first_error;
        let rows: [f32; ROWS] = std::array::from_fn(|row| error.above(limits[row]));
        packed.tile_of_strips(simd, first_kind, (left, strip), (right, strips), &mut tile);
        let Some(mut near) = within(simd, &tile, strips, &rows, &first_columns) else { continue };
        let many = near.iter().map(|bits| bits.count_ones()).sum::<u32>() > DOUBTFUL;
        if many && first_kind == Kind::Product {
            error = packed.error(Kind::SquaredDifference, left, right);
            let rows: [f32; ROWS] = std::array::from_fn(|row| error.above(limits[row]));
            packed.tile(simd, Kind::SquaredDifference, (left, strip), right, &mut tile);
            match within(simd, &tile, EVERY_STRIP, &rows, &columns(&error, &right_state)) {
                Some(nearer) => near = nearer,
                None => continue,
            }
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

#[inline(always)]
fn largest<S: Simd>(simd: S, values: &[f32; PANEL]) -> f32 {
    let mut largest = S::f32s::splat(simd, f32::NEG_INFINITY);
    for values in values.chunks_exact(S::f32s::LEN) {
        largest = simd::max(S::f32s::from_slice(simd, values), largest);
    }
    largest.as_slice().iter().copied().fold(f32::NEG_INFINITY, f32::max)
}

/// The upper bounds of the numbers of pairs at these distances or nearer.
#[inline(always)]
fn numbers_of<S: Simd>(simd: S, error: &ErrorBound, distances: &[f32; PANEL], numbers: &mut [f32; PANEL]) {
    simd.vectorize(
        #[inline(always)]
        || {
            for (number, distance) in numbers.iter_mut().zip(distances) {
                *number = error.above(*distance);
            }
        },
    );
}

/// Returns which numbers of each row are at most the limit of their row or of their column, as bits; `None` if no
/// number of the tile is, as in nearly all.
#[inline(always)]
fn within<S: Simd>(
    simd: S,
    tile: &Tile,
    strips: u32,
    rows: &[f32; ROWS],
    columns: &[f32; PANEL],
) -> Option<[u64; ROWS]> {
    use fearless_simd::SimdMask;
    let lanes = S::f32s::LEN;
    let zero = S::f32s::splat(simd, 0.0);
    let mut any = zero.simd_lt(zero);
    for column in (0..PANEL).step_by(lanes) {
        if !holds(lanes, strips, column) {
            continue;
        }
        let limits = S::f32s::from_slice(simd, &columns[column..column + lanes]);
        for (numbers, &row) in tile.iter().zip(rows) {
            any |= row_within(simd, &numbers[column..column + lanes], row, limits);
        }
    }
    if any.all_false() {
        return None;
    }
    let mut near = [0; ROWS];
    for column in (0..PANEL).step_by(lanes) {
        if !holds(lanes, strips, column) {
            continue;
        }
        let limits = S::f32s::from_slice(simd, &columns[column..column + lanes]);
        for ((near, numbers), &row) in near.iter_mut().zip(tile).zip(rows) {
            *near |= row_within(simd, &numbers[column..column + lanes], row, limits).to_bitmask() << column;
        }
    }
    Some(near)
}

#[inline(always)]
fn row_within<S: Simd>(simd: S, numbers: &[f32], row: f32, columns: S::f32s) -> S::mask32s {
    S::f32s::from_slice(simd, numbers).simd_le(simd::max(S::f32s::splat(simd, row), columns))
}
