//! The number of points within a radius.

use std::sync::Mutex;

use fearless_simd::{Simd, SimdBase, dispatch};

use super::super::{Boundary, Metric};
use super::error_bound::{ErrorBound, Kind, round_down, round_up};
use super::packed::{DOUBTFUL, EVERY_STRIP, Packed, holds, lock};
use crate::simd;
use crate::tile::{PANEL, ROWS, Tile};

/// `None` if all points must be compared in double precision.
pub(in crate::neighbors) fn count_within(
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
    let largest = |points: usize| -> Vec<f32> {
        let of_some =
            |scaled: &[[f32; 2]]| scaled.iter().map(|scaled| scaled[1]).fold(f32::NEG_INFINITY, f32::max);
        scaled.chunks_exact(points).map(of_some).collect()
    };
    let largest = [largest(PANEL), largest(ROWS)];
    let counting = Counting { packed: &packed, radii, boundary, scaled: &scaled, largest: &largest };
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
    /// The largest of these in each panel, and in each strip.
    largest: &'a [Vec<f32>; 2],
}

impl Counting<'_> {
    fn holds(&self, centre: u32, other: u32) -> bool {
        self.boundary.holds(self.packed.distance(centre, other), self.radii[centre as usize])
    }

    /// Numbers below the first are of points surely inside, above the second surely outside.
    #[inline(always)]
    fn limits(&self, panel: usize, error: &ErrorBound) -> ([f32; PANEL], [f32; PANEL]) {
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
struct Comparison {
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
fn compare<S: Simd>(
    simd: S,
    tile: &Tile,
    strips: u32,
    rows: (&[f32], &[f32]),
    columns: (&[f32; PANEL], &[f32; PANEL]),
) -> Comparison {
    use fearless_simd::{Select, SimdMask};
    let lanes = S::f32s::LEN;
    let (zero, one) = (S::f32s::splat(simd, 0.0), S::f32s::splat(simd, 1.0));
    let mut compared = Comparison {
        inside: [0; ROWS],
        doubtful: [0; ROWS],
        columns: [0.0; PANEL],
        doubtful_columns: [0; ROWS],
    };
    for column in (0..PANEL).step_by(lanes) {
        if !holds(lanes, strips, column) {
            continue;
        }
        let below = S::f32s::from_slice(simd, &columns.0[column..column + lanes]);
        let above = S::f32s::from_slice(simd, &columns.1[column..column + lanes]);
        let mut sum = zero;
        let mut any = zero.simd_lt(zero);
        for (row, numbers) in tile.iter().enumerate() {
            let numbers = S::f32s::from_slice(simd, &numbers[column..column + lanes]);
            let inside_row = numbers.simd_lt(S::f32s::splat(simd, rows.0[row]));
            let maybe_row = numbers.simd_le(S::f32s::splat(simd, rows.1[row]));
            compared.inside[row] |= inside_row.to_bitmask() << column;
            let inside_column = numbers.simd_lt(below);
            sum += inside_column.select(one, zero);
            let maybe_column = numbers.simd_le(above);
            any = any | (inside_row ^ maybe_row) | (inside_column ^ maybe_column);
        }
        sum.store_slice(&mut compared.columns[column..column + lanes]);
        // Doubts are rare: only then is it asked whose they are.
        if any.any_true() {
            for (row, numbers) in tile.iter().enumerate() {
                let numbers = S::f32s::from_slice(simd, &numbers[column..column + lanes]);
                let inside = numbers.simd_lt(S::f32s::splat(simd, rows.0[row]));
                let maybe = numbers.simd_le(S::f32s::splat(simd, rows.1[row]));
                compared.doubtful[row] |= (inside ^ maybe).to_bitmask() << column;
                let doubtful = numbers.simd_lt(below) ^ numbers.simd_le(above);
                compared.doubtful_columns[row] |= doubtful.to_bitmask() << column;
            }
        }
    }
    compared
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
    let first_kind = packed.first_kind();
    let error = packed.error(first_kind, left, right);
    // Boxes too far from each other hold no pair within a radius, nor a doubtful one.
    let [of_panels, of_strips] = counting.largest;
    if packed.least_number(&error, left, right) > error.above(of_panels[left].max(of_panels[right])) {
        return;
    }
    let of_right = &of_strips[right * (PANEL / ROWS)..(right + 1) * (PANEL / ROWS)];
    let limits = |kind: Kind| {
        let error = packed.error(kind, left, right);
        (counting.limits(left, &error), counting.limits(right, &error))
    };
    let first_limits = limits(first_kind);
    let mut tile = [[0.0; PANEL]; ROWS];
    for strip in 0..PANEL / ROWS {
        let first_row = left * PANEL + strip * ROWS;
        if first_row >= n {
            break;
        }
        // The strips of the right panel that are near enough, as bits.
        let mut strips = EVERY_STRIP;
        if packed.has_boxes() {
            let least = packed.least_numbers(simd, &error, (left, strip), right);
            let radius = of_strips[left * (PANEL / ROWS) + strip];
            for (number, (least, of_right)) in least.iter().zip(of_right).enumerate() {
                strips &= !(u32::from(*least > error.above(of_right.max(radius))) << number);
            }
            if strips == 0 {
                continue;
            }
        }
        let rows_here = (n - first_row).min(ROWS);
        let part = strip * ROWS..(strip + 1) * ROWS;
        packed.tile_of_strips(simd, first_kind, (left, strip), (right, strips), &mut tile);
        let (of_left, of_right) = &first_limits;
        let rows = (&of_left.0[part.clone()], &of_left.1[part.clone()]);
        let mut compared = compare(simd, &tile, strips, rows, (&of_right.0, &of_right.1));
        let doubtful = |compared: &Comparison| -> u32 {
            let all = compared.doubtful.iter().chain(&compared.doubtful_columns);
            all.map(|bits| bits.count_ones()).sum()
        };
        if first_kind == Kind::Product && doubtful(&compared) > DOUBTFUL {
            packed.tile(simd, Kind::SquaredDifference, (left, strip), right, &mut tile);
            let (of_left, of_right) = limits(Kind::SquaredDifference);
            let rows = (&of_left.0[part.clone()], &of_left.1[part.clone()]);
            compared = compare(simd, &tile, EVERY_STRIP, rows, (&of_right.0, &of_right.1));
        }
        for row in 0..rows_here {
            let i = first_row + row;
            let own = packed.order[i];
            // Within one panel each pair comes twice, and each point once with itself.
            let others = if left == right { real & !(1 << (strip * ROWS + row)) } else { real };
            let count = &mut left_counts[strip * ROWS + row];
            *count += (compared.inside[row] & others).count_ones();
            let mut bits = compared.doubtful[row] & others;
            while bits != 0 {
                let column = bits.trailing_zeros() as usize;
                bits &= bits - 1;
                *count += u32::from(counting.holds(own, packed.order[right * PANEL + column]));
            }
            if let Some(counts) = &mut right_counts {
                let mut bits = compared.doubtful_columns[row] & real;
                while bits != 0 {
                    let column = bits.trailing_zeros() as usize;
                    bits &= bits - 1;
                    let other = packed.order[right * PANEL + column];
                    counts[column] += u32::from(counting.holds(other, own));
                }
            }
        }
        if let Some(counts) = &mut right_counts {
            for (count, inside) in counts.iter_mut().zip(&compared.columns) {
                *count += *inside as u32;
            }
        }
    }
}
