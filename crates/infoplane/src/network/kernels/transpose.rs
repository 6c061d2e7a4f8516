//! Rows become columns, in square blocks that fit into registers.

use fearless_simd::{Level, dispatch, prelude::*};

/// dst[j][i] = row(i)[j] for i in `0..rows` and j in `0..columns`, both multiples of `LANES`.
///
/// `row` gives each source row, which need not lie beside the previous one.
pub(crate) fn transpose<'a>(
    level: Level,
    row: impl Fn(usize) -> &'a [f32],
    rows: usize,
    columns: usize,
    dst: &mut [f32],
    dst_stride: usize,
) {
    dispatch!(level, simd => match () {
        () => blocks(simd, &row, rows, columns, dst, dst_stride),
    });
}

#[inline(always)]
fn blocks<'a, S: Simd>(
    simd: S,
    row: &impl Fn(usize) -> &'a [f32],
    rows: usize,
    columns: usize,
    dst: &mut [f32],
    dst_stride: usize,
) {
    for i in (0..rows).step_by(S::f32s::LEN) {
        for j in (0..columns).step_by(S::f32s::LEN) {
            match S::f32s::LEN {
                16 => block::<S, 16>(simd, row, i, j, dst, dst_stride),
                8 => block::<S, 8>(simd, row, i, j, dst, dst_stride),
                _ => block::<S, 4>(simd, row, i, j, dst, dst_stride),
            }
        }
    }
}

#[inline(always)]
fn block<'a, S: Simd, const N: usize>(
    simd: S,
    row: &impl Fn(usize) -> &'a [f32],
    i: usize,
    j: usize,
    dst: &mut [f32],
    dst_stride: usize,
) {
    let mut vectors = [S::f32s::splat(simd, 0.0); N];
    for n in 0..N {
        vectors[n] = S::f32s::from_slice(simd, &row(i + n)[j..][..N]);
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
    for n in 0..N {
        vectors[n].store_slice(&mut dst[(j + n) * dst_stride + i..][..N]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transposed_rows_are_columns() {
        let (rows, columns) = (48, 32);
        let src: Vec<f32> = (0..rows * columns).map(|i| i as f32).collect();
        let mut dst = vec![-1.0; columns * 64];
        transpose(Level::new(), |i| &src[i * columns..][..columns], rows, columns, &mut dst, 64);
        for i in 0..64 {
            for j in 0..columns {
                let expected = if i < rows { (i * columns + j) as f32 } else { -1.0 };
                assert_eq!(dst[j * 64 + i], expected);
            }
        }
    }
}
