//! Rows become columns, in square blocks that fit into registers.

use fearless_simd::{Level, dispatch, prelude::*};

/// A matrix whose rows are to become columns.
pub(crate) trait Rows {
    /// Returns the entries of row `i` from column `j` on, a vector of them.
    fn vector<S: Simd>(&self, simd: S, i: usize, j: usize) -> S::f32s;
}

/// Rows one after the other, whole vectors apart.
pub(crate) struct Consecutive<'a> {
    pub values: &'a [f32],
    pub stride: usize,
}

impl Rows for Consecutive<'_> {
    #[inline(always)]
    fn vector<S: Simd>(&self, simd: S, i: usize, j: usize) -> S::f32s {
        S::f32s::from_slice(simd, &self.values[i * self.stride + j..][..S::f32s::LEN])
    }
}

/// A choice of rows, as [`Consecutive`] otherwise; beyond the last of them the first again.
pub(crate) struct Chosen<'a> {
    pub values: &'a [f32],
    pub stride: usize,
    pub rows: &'a [u32],
}

impl Chosen<'_> {
    /// Returns row `i`.
    pub(crate) fn row(&self, i: usize) -> &[f32] {
        &self.values[self.rows[i] as usize * self.stride..][..self.stride]
    }
}

impl Rows for Chosen<'_> {
    #[inline(always)]
    fn vector<S: Simd>(&self, simd: S, i: usize, j: usize) -> S::f32s {
        let row = self.rows.get(i).unwrap_or(&self.rows[0]);
        S::f32s::from_slice(simd, &self.values[*row as usize * self.stride + j..][..S::f32s::LEN])
    }
}

/// Rows of any width without space between them: a vector may reach into the next row, and is zero beyond
/// the last.
pub(crate) struct Unpadded<'a> {
    pub values: &'a [f32],
    pub width: usize,
}

impl Rows for Unpadded<'_> {
    #[inline(always)]
    fn vector<S: Simd>(&self, simd: S, i: usize, j: usize) -> S::f32s {
        let at = i * self.width + j;
        match self.values.get(at..at + S::f32s::LEN) {
            Some(vector) => S::f32s::from_slice(simd, vector),
            None => S::f32s::from_fn(simd, |lane| self.values.get(at + lane).copied().unwrap_or(0.0)),
        }
    }
}

/// dst[j][i] = row i, column j, for i in `0..n_rows` and j in `0..n_columns`, both multiples of `LANES`.
pub(crate) fn transpose(
    level: Level,
    rows: &impl Rows,
    n_rows: usize,
    n_columns: usize,
    dst: &mut [f32],
    dst_stride: usize,
) {
    dispatch!(level, simd => by_lanes(simd, rows, n_rows, n_columns, dst, dst_stride));
}

#[inline(always)]
fn by_lanes<S: Simd>(
    simd: S,
    rows: &impl Rows,
    n_rows: usize,
    n_columns: usize,
    dst: &mut [f32],
    dst_stride: usize,
) {
    match S::f32s::LEN {
        16 => padded::<S, 16>(simd, rows, n_rows, n_columns, dst, dst_stride),
        8 => padded::<S, 8>(simd, rows, n_rows, n_columns, dst, dst_stride),
        _ => padded::<S, 4>(simd, rows, n_rows, n_columns, dst, dst_stride),
    }
}

#[inline(always)]
fn padded<S: Simd, const N: usize>(
    simd: S,
    rows: &impl Rows,
    n_rows: usize,
    n_columns: usize,
    dst: &mut [f32],
    dst_stride: usize,
) {
    for i in (0..n_rows).step_by(N) {
        for j in (0..n_columns).step_by(N) {
            let columns = square::<S, N>(simd, rows, i, j);
            for n in 0..N {
                columns[n].store_slice(&mut dst[(j + n) * dst_stride + i..][..N]);
            }
        }
    }
}

/// dst[j][i] = values[i][j] with rows of `dst` of any `width` and no space between them.
///
/// `values` has `stride` columns, of which `dst` takes as many as it has rows, and at least `width` rows up
/// to the next multiple of `LANES`; what the excess rows hold does not matter.
pub(crate) fn transpose_unpadded(level: Level, values: &[f32], stride: usize, dst: &mut [f32], width: usize) {
    dispatch!(level, simd => unpadded_by_lanes(simd, &Consecutive { values, stride }, dst, width));
}

#[inline(always)]
fn unpadded_by_lanes<S: Simd>(simd: S, rows: &impl Rows, dst: &mut [f32], width: usize) {
    match S::f32s::LEN {
        16 => unpadded::<S, 16>(simd, rows, dst, width),
        8 => unpadded::<S, 8>(simd, rows, dst, width),
        _ => unpadded::<S, 4>(simd, rows, dst, width),
    }
}

#[inline(always)]
fn unpadded<S: Simd, const N: usize>(simd: S, rows: &impl Rows, dst: &mut [f32], width: usize) {
    for j in (0..dst.len() / width).step_by(N) {
        // The last vector of a row spills into the row after it. So that this row is written later, the last
        // vectors go first, and rows in ascending order.
        for i in (0..width).step_by(N).rev() {
            let columns = square::<S, N>(simd, rows, i, j);
            for n in 0..N {
                let Some(slots) = dst.get_mut((j + n) * width + i..) else { break };
                match slots.get_mut(..N) {
                    Some(slots) => columns[n].store_slice(slots),
                    None => slots.copy_from_slice(&columns[n].as_slice()[..slots.len()]),
                }
            }
        }
    }
}

/// Columns `j..j + N` of rows `i..i + N`.
#[inline(always)]
fn square<S: Simd, const N: usize>(simd: S, rows: &impl Rows, i: usize, j: usize) -> [S::f32s; N] {
    let mut vectors = [S::f32s::splat(simd, 0.0); N];
    for n in 0..N {
        vectors[n] = rows.vector(simd, i + n, j);
    }
    // Shuffling the two halves into each other rotates the index (vector, lane) by one bit; after log₂ N
    // rounds vector and lane have changed places.
    let mut round = 1;
    while round < N {
        let mut next = vectors;
        for n in 0..N / 2 {
            next[2 * n] = vectors[n].zip_low(vectors[n + N / 2]);
            next[2 * n + 1] = vectors[n].zip_high(vectors[n + N / 2]);
        }
        vectors = next;
        round *= 2;
    }
    vectors
}

#[cfg(test)]
mod tests {
    use super::*;
    use infoplane_estimators::simd::level;

    fn numbers(n: usize) -> Vec<f32> {
        (0..n).map(|i| i as f32 + 1.0).collect()
    }

    #[test]
    fn transposed_rows_are_columns() {
        let (rows, columns) = (48, 32);
        let values = numbers(rows * columns);
        let mut dst = vec![-1.0; columns * 64];
        transpose(level(), &Consecutive { values: &values, stride: columns }, rows, columns, &mut dst, 64);
        for i in 0..64 {
            for j in 0..columns {
                let expected = if i < rows { values[i * columns + j] } else { -1.0 };
                assert_eq!(dst[j * 64 + i], expected);
            }
        }
        let chosen = Chosen { values: &values, stride: columns, rows: &[7, 3] };
        transpose(level(), &chosen, 16, columns, &mut dst, 64);
        assert_eq!(dst[64..67], [values[7 * columns + 1], values[3 * columns + 1], values[7 * columns + 1]]);
    }

    #[test]
    fn rows_of_any_width_survive_two_transpositions() {
        for width in [1, 2, 3, 12, 15, 16, 17, 20, 33] {
            for n_samples in [1, 5, 16, 37] {
                let values = numbers(n_samples * width);
                let (stride, units) = (48, width.next_multiple_of(16));
                let mut turned = vec![0.0; units * stride];
                let rows = Unpadded { values: &values, width };
                transpose(level(), &rows, n_samples.next_multiple_of(16), units, &mut turned, stride);
                for i in 0..n_samples {
                    for j in 0..width {
                        assert_eq!(turned[j * stride + i], values[i * width + j]);
                    }
                }
                let mut back = vec![-1.0; n_samples * width];
                transpose_unpadded(level(), &turned, stride, &mut back, width);
                assert_eq!(back, values, "width {width}, {n_samples} samples");
            }
        }
    }
}
