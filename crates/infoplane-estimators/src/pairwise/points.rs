//! The points in the layout of the kernel: scaled, and packed into panels.

use ndarray::ArrayView2;
use rayon::prelude::*;

use super::tile::Exact;
use crate::math;
use crate::tile::PANEL;

/// The values of a matrix, row by row, as they were given.
#[derive(Debug, Clone, Copy)]
pub(super) enum Values<'a> {
    Single(&'a [f32]),
    Double(&'a [f64]),
}

/// Points of `width` coordinates, and the units in which they are packed.
///
/// Everything is scaled by a power of two (which is exact) that brings the smallest noise variance into
/// (¼, 1]: distances that matter are then of order one, whatever the units of the data, and single precision
/// neither overflows nor vanishes where it counts.
pub(super) struct Points<'a> {
    values: Values<'a>,
    width: usize,
    scale: f64,
    /// In the units of the data; what the Gram path subtracts.
    centre: Vec<f64>,
}

/// Which numbers the points fit, after scaling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Precision {
    Single,
    Double,
    /// The range of the data exceeds the noise by more than 2¹⁰²⁰.
    None,
}

impl<'a> Points<'a> {
    pub(super) fn new(values: Values<'a>, width: usize, smallest_variance: f64) -> Self {
        let scale = power_of_two(-(math::log2(smallest_variance) / 2.0).ceil() as i32);
        Points { values, width, scale, centre: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        match self.values {
            Values::Single(values) => values.len() / self.width,
            Values::Double(values) => values.len() / self.width,
        }
    }

    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// Returns a variance in the units of the scaled points.
    pub(super) fn scaled_variance(&self, variance: f64) -> f64 {
        variance * self.scale * self.scale
    }

    pub(super) fn precision(&self) -> Precision {
        // Differences stay finite below these; their squares may overflow to infinity, whose kernel is 0.
        let largest = self.largest() * self.scale;
        let fits_single = match self.values {
            Values::Single(_) => true,
            Values::Double(values) => values.iter().all(|&v| f64::from(v as f32) == v),
        };
        if fits_single && largest <= power_of_two(126) {
            Precision::Single
        } else if largest <= power_of_two(1020) {
            Precision::Double
        } else {
            Precision::None
        }
    }

    fn largest(&self) -> f64 {
        match self.values {
            Values::Single(values) => values.iter().fold(0.0f32, |m, v| m.max(v.abs())).into(),
            Values::Double(values) => values.iter().fold(0.0, |m, v| m.max(v.abs())),
        }
    }

    /// Chooses what [`pack_centred`](Self::pack_centred) subtracts: the mean of the middle three quarters of
    /// (at most 256 of) the values of each column, which one huge row cannot move.
    ///
    /// Any centre is right; a better one leaves fewer near pairs to compute twice. It is rounded to 10 bits of
    /// the column's spread, so that subtracting it rarely rounds.
    pub(super) fn choose_centre(&mut self) {
        let n = self.len();
        let n_sampled = n.min(256);
        let mut column = Vec::with_capacity(n_sampled);
        let centre = (0..self.width).map(|k| {
            column.clear();
            column.extend((0..n_sampled).map(|i| self.value(i * n / n_sampled, k)));
            column.sort_unstable_by(f64::total_cmp);
            let middle = &column[n_sampled / 8..n_sampled - n_sampled / 8];
            let spread = middle[middle.len() - 1] - middle[0];
            if spread <= f64::MIN_POSITIVE || !spread.is_finite() {
                return middle[middle.len() / 2];
            }
            let unit = power_of_two(math::log2(spread).floor() as i32 - 10);
            let mean = middle.iter().map(|v| v / middle.len() as f64).sum::<f64>();
            let rounded = (mean / unit).round() * unit;
            if rounded.is_finite() { rounded } else { 0.0 }
        });
        self.centre = centre.collect();
    }

    pub(super) fn value(&self, row: usize, column: usize) -> f64 {
        match self.values {
            Values::Single(values) => values[row * self.width + column].into(),
            Values::Double(values) => values[row * self.width + column],
        }
    }

    /// Returns a coordinate in the units of the packed points.
    pub(super) fn scaled(&self, row: usize, column: usize) -> f64 {
        self.value(row, column) * self.scale
    }

    pub(super) fn values(&self) -> Values<'a> {
        self.values
    }

    /// Packs the given rows unchanged; panel places without a row become zero.
    pub(super) fn pack_exact<E: Exact>(&self, rows: &[u32], panel: &mut [E]) {
        let scale = self.scale;
        match self.values {
            Values::Single(values) => {
                transpose(values, self.width, rows, panel, |_, v| E::from_double(f64::from(v) * scale))
            }
            Values::Double(values) => {
                transpose(values, self.width, rows, panel, |_, v| E::from_double(v * scale))
            }
        }
    }

    /// Returns the given rows less the centre, plus what `add` adds to the panel, mixed.
    pub(super) fn mixed(&self, rows: &[u32], add: impl FnOnce(&mut [f64])) -> Vec<f64> {
        let (scale, centre) = (self.scale, &self.centre[..]);
        let mut mixed = vec![0.0; self.width * PANEL];
        match self.values {
            Values::Single(values) => {
                transpose(values, self.width, rows, &mut mixed, |k, v| (f64::from(v) - centre[k]) * scale)
            }
            Values::Double(values) => {
                transpose(values, self.width, rows, &mut mixed, |k, v| (v - centre[k]) * scale)
            }
        }
        add(&mut mixed);
        mix(&mut mixed);
        mixed
    }

    /// Packs the given rows less the centre, mixed; returns their squared norms, as packed.
    pub(super) fn pack_centred(&self, rows: &[u32], panel: &mut [f32]) -> [f64; PANEL] {
        let mixed = self.mixed(rows, |_| ());
        // Places without a point are infinitely far from everything.
        let mut norms = [f64::INFINITY; PANEL];
        norms[..rows.len()].fill(0.0);
        for (coordinates, mixed) in panel.chunks_exact_mut(PANEL).zip(mixed.chunks_exact(PANEL)) {
            for ((coordinate, mixed), norm) in coordinates.iter_mut().zip(mixed).zip(&mut norms) {
                *coordinate = *mixed as f32;
                *norm += f64::from(*coordinate) * f64::from(*coordinate);
            }
        }
        norms
    }
}

/// Multiplies every point of a panel by the same orthogonal matrix, which leaves distances unchanged.
///
/// Sums of products are assumed to round up as often as down. Saturated units break that: a hundred coordinates
/// of one size, the same in a whole cluster, are added with the same rounding each time and in every pair (4.5e-5
/// bits were seen). After random signs and a Walsh–Hadamard transform every coordinate is a mixture of all. A width
/// that is no power of two takes two transforms that overlap. Cost O(width log width) for a point, in double
/// precision.
fn mix(panel: &mut [f64]) {
    let width = panel.len() / PANEL;
    let whole = 1 << width.ilog2();
    for first in [0, width - whole] {
        let part = &mut panel[first * PANEL..(first + whole) * PANEL];
        let scale = (whole as f64).sqrt().recip();
        for (k, coordinates) in part.chunks_exact_mut(PANEL).enumerate() {
            // A fixed bit for each coordinate: the top one of a multiplicative hash.
            let negative = ((k + first + 1) as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 63 == 1;
            let factor = if negative { -scale } else { scale };
            coordinates.iter_mut().for_each(|value| *value *= factor);
        }
        let mut half = PANEL;
        while half < part.len() {
            for pair in part.chunks_exact_mut(2 * half) {
                let (a, b) = pair.split_at_mut(half);
                for (a, b) in a.iter_mut().zip(b) {
                    (*a, *b) = (*a + *b, *a - *b);
                }
            }
            half *= 2;
        }
        if whole == width {
            return;
        }
    }
}

/// `panel[k * 48 + l] = convert(k, value k of row rows[l])`.
fn transpose<T: Copy, E: Default + Copy>(
    values: &[T],
    width: usize,
    rows: &[u32],
    panel: &mut [E],
    convert: impl Fn(usize, T) -> E,
) {
    if rows.len() < PANEL {
        panel.fill(E::default());
    }
    for (place, &row) in rows.iter().enumerate() {
        let row = &values[row as usize * width..(row as usize + 1) * width];
        for ((k, &value), coordinates) in row.iter().enumerate().zip(panel.chunks_exact_mut(PANEL)) {
            coordinates[place] = convert(k, value);
        }
    }
}

/// All points less their centre, in single precision, with their squared norms.
pub(super) struct Centred {
    pub(super) values: Vec<f32>,
    pub(super) coarse_norms: Vec<f32>,
    pub(super) norm_rests: Vec<f32>,
    /// The largest squared norm in each panel.
    pub(super) largest_norms: Vec<f64>,
    /// What the coarse parts are multiples of.
    unit: f64,
}

impl Centred {
    /// `panels`: the rows of each panel. `noise`: a squared length that noise added to a point hardly exceeds.
    pub(super) fn pack(points: &Points<'_>, panels: &[&[u32]], noise: f64) -> Self {
        let mut values = vec![0.0; panels.len() * points.width * PANEL];
        let norms: Vec<[f64; PANEL]> = values
            .par_chunks_exact_mut(points.width * PANEL)
            .zip(panels)
            .map(|(panel, rows)| points.pack_centred(rows, panel))
            .collect();
        let largest_norms: Vec<f64> = norms
            .iter()
            .zip(panels)
            .map(|(norms, rows)| norms[..rows.len()].iter().copied().fold(0.0, f64::max))
            .collect();
        let largest = largest_norms.iter().copied().filter(|n| n.is_finite()).fold(1.0, f64::max);
        // ‖a + z‖² − ‖z‖² is at most this.
        let largest = largest + 2.0 * (largest * noise).sqrt();
        // 22 bits: the sum of two such multiples is exact in single precision.
        let unit = power_of_two(math::log2(largest).ceil() as i32 - 22);
        let parts = norms.as_flattened().iter().map(|&norm| split(norm, unit));
        let (coarse_norms, norm_rests) = parts.unzip();
        Centred { values, coarse_norms, norm_rests, largest_norms, unit }
    }

    /// Returns a number as the coarse part of a norm, and the rest.
    pub(super) fn split(&self, norm: f64) -> (f32, f32) {
        split(norm, self.unit)
    }
}

fn split(norm: f64, unit: f64) -> (f32, f32) {
    let coarse = (norm / unit).round() * unit;
    (coarse as f32, if norm.is_finite() { (norm - coarse) as f32 } else { 0.0 })
}

/// Returns all points unchanged.
pub(super) fn pack_exact<E: Exact>(points: &Points<'_>, panels: &[&[u32]]) -> Vec<E> {
    let mut values = vec![E::default(); panels.len() * points.width * PANEL];
    values
        .par_chunks_exact_mut(points.width * PANEL)
        .zip(panels)
        .for_each(|(panel, rows)| points.pack_exact(rows, panel));
    values
}

/// 2^exponent, exactly, for the exponents of normal numbers.
fn power_of_two(exponent: i32) -> f64 {
    f64::from_bits(((exponent.clamp(-1022, 1023) + 1023) as u64) << 52)
}

impl<'a> From<&'a ArrayView2<'_, f32>> for Values<'a> {
    fn from(rows: &'a ArrayView2<'_, f32>) -> Self {
        Values::Single(rows.as_slice().expect("rows in standard layout"))
    }
}

impl<'a> From<&'a ArrayView2<'_, f64>> for Values<'a> {
    fn from(rows: &'a ArrayView2<'_, f64>) -> Self {
        Values::Double(rows.as_slice().expect("rows in standard layout"))
    }
}
