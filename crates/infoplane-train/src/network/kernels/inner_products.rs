//! Inner products of the rows of two matrices: the gradient of a narrow layer's weights.

use fearless_simd::{Level, dispatch, prelude::*};

use infoplane_estimators::simd::{LANES, array};

/// The first `n_units` rows of a matrix, one after the other.
#[derive(Clone, Copy)]
pub(crate) struct Units<'a> {
    pub values: &'a [f32],
    pub n_units: usize,
}

/// c[i][j] = Σₛ a[i][s] b[j][s], where the rows of A and B are `stride` long and those of C `c_stride`.
///
/// Fast where both matrices have few rows; columns of C beyond the units of B are left alone. Each entry is summed in
/// sixteen lanes, whatever the vectors of the processor.
pub(crate) fn inner_products(
    level: Level,
    a: Units<'_>,
    b: Units<'_>,
    stride: usize,
    c: &mut [f32],
    c_stride: usize,
) {
    dispatch!(level, simd => products(simd, a, b, stride, c, c_stride));
}

#[inline(always)]
fn products<S: Simd>(simd: S, a: Units<'_>, b: Units<'_>, stride: usize, c: &mut [f32], c_stride: usize) {
    let (rows, columns) = (a.n_units, b.n_units);
    // As many sums as a vector has lanes, so that they fold into one vector without waste.
    let tile_rows = (S::f32s::LEN / 4).max(1);
    for row in (0..rows).step_by(tile_rows) {
        for column in (0..columns).step_by(4) {
            // Beyond the edge the last row is taken again, and its products are not stored.
            let b = [0, 1, 2, 3].map(|j| &b.values[(column + j).min(columns - 1) * stride..][..stride]);
            let a = |i: usize| &a.values[(row + i).min(rows - 1) * stride..][..stride];
            let mut folded = [0.0; 16];
            let out = &mut folded[..S::f32s::LEN];
            match S::f32s::LEN {
                16 => fold(simd, sums(simd, [a(0), a(1), a(2), a(3)], b, 0)).store_slice(out),
                8 => {
                    let rows = [a(0), a(1)];
                    fold(simd, added(sums(simd, rows, b, 0), sums(simd, rows, b, 8))).store_slice(out);
                }
                _ => {
                    let part = |first| sums(simd, [a(0)], b, first);
                    let (low, high) = (added(part(0), part(8)), added(part(4), part(12)));
                    fold(simd, added(low, high)).store_slice(out);
                }
            }
            let width = 4.min(columns - column);
            for i in 0..tile_rows.min(rows - row) {
                c[(row + i) * c_stride + column..][..width].copy_from_slice(&folded[i * 4..][..width]);
            }
        }
    }
}

/// Sums in those of the sixteen lanes that a vector holds, from lane `first` on.
///
/// A narrower processor passes over the samples once for every vector: all sums at once would not fit its registers.
#[inline(always)]
fn sums<S: Simd, const R: usize>(simd: S, a: [&[f32]; R], b: [&[f32]; 4], first: usize) -> [[S::f32s; 4]; R] {
    let length = S::f32s::LEN;
    let mut sums = [[S::f32s::splat(simd, 0.0); 4]; R];
    let mut s = first;
    while s < b[0].len() {
        let mut right = [S::f32s::splat(simd, 0.0); 4];
        for j in 0..4 {
            right[j] = S::f32s::from_slice(simd, &b[j][s..][..length]);
        }
        for i in 0..R {
            let left = S::f32s::from_slice(simd, &a[i][s..][..length]);
            for j in 0..4 {
                sums[i][j] = left.mul_add_precise(right[j], sums[i][j]);
            }
        }
        s += LANES;
    }
    sums
}

#[inline(always)]
fn added<V: Copy + std::ops::Add<Output = V>, const R: usize>(a: [[V; 4]; R], b: [[V; 4]; R]) -> [[V; 4]; R] {
    array(|i| array(|j| a[i][j] + b[i][j]))
}

/// Adds up the lanes of each of the 4 R vectors (one vector's worth): lane 4 i + j is the sum of `[i][j]`, in the order of
/// [`infoplane_estimators::simd::sum`].
#[inline(always)]
fn fold<S: Simd, const R: usize>(simd: S, sums: [[S::f32s; 4]; R]) -> S::f32s {
    let mut vectors = [S::f32s::splat(simd, 0.0); 16];
    for i in 0..R {
        for j in 0..4 {
            vectors[4 * i + j] = sums[i][j];
        }
    }
    // Each round adds the two halves of two vectors and keeps both sums, lane by lane in turn.
    let mut half = 2 * R;
    while half > 0 {
        for i in 0..half {
            let (p, q) = (vectors[i], vectors[i + half]);
            vectors[i] = p.zip_low(q) + p.zip_high(q);
        }
        half /= 2;
    }
    vectors[0]
}

#[cfg(test)]
mod tests {
    use super::*;
    use infoplane_estimators::random::{Purpose, generator, normal};
    use infoplane_estimators::simd::same_at_every_level;

    #[test]
    fn inner_products_agree_with_the_double_loop_and_leave_the_padding() {
        let mut random = generator(5, Purpose::Initialization, 0);
        let mut draw = |n: usize| -> Vec<f32> { (0..n).map(|_| normal(&mut random) as f32).collect() };
        for rows in 1..=9 {
            for columns in 1..=14 {
                for stride in [16, 32, 208] {
                    let (a, b) = (draw(rows * stride), draw(columns * stride));
                    let left = Units { values: &a, n_units: rows };
                    let right = Units { values: &b, n_units: columns };
                    let c = same_at_every_level(|level| {
                        let mut c = vec![7.0; rows * 16];
                        inner_products(level, left, right, stride, &mut c, 16);
                        c
                    });
                    for i in 0..rows {
                        for j in 0..16 {
                            let term = |s: usize| f64::from(a[i * stride + s]) * f64::from(b[j * stride + s]);
                            let exact = if j < columns { (0..stride).map(term).sum() } else { 7.0 };
                            assert!(
                                (f64::from(c[i * 16 + j]) - exact).abs() < 1e-4,
                                "{rows} {columns} {i} {j}"
                            );
                        }
                    }
                }
            }
        }
    }
}
