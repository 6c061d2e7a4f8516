//! The one matrix product: C = A B, with vectors along the rows of B and C.
//!
//! Forward: weights × batch. Gradient of a layer's input: transposed weights × deltas. Gradient of a wide
//! layer's weights: deltas × samples. A is read one number at a time, so any strides will do and nothing
//! is packed.

use fearless_simd::{Level, dispatch, prelude::*};
use infoplane_estimators::interrupt::poll;
use infoplane_estimators::simd::array;
use rayon::prelude::*;

use super::{Aligned, LANES};

/// A, `(rows, depth)`: entry (i, k) is `values[i * stride + k]`, or `values[k * stride + i]` if A is transposed.
#[derive(Clone, Copy)]
pub(crate) struct Left<'a> {
    pub values: &'a [f32],
    pub stride: usize,
    pub transposed: bool,
}

impl Left<'_> {
    /// Returns what remains of A from a row and a depth on.
    #[inline(always)]
    fn from(self, row: usize, depth: usize) -> Self {
        let (over, along) = if self.transposed { (depth, row) } else { (row, depth) };
        Left { values: &self.values[over * self.stride + along..], ..self }
    }
}

/// B, `(depth, columns)`: entry (k, j) is `values[k * stride + j]`; columns a multiple of [`LANES`].
#[derive(Clone, Copy)]
pub(crate) struct Right<'a> {
    pub values: &'a [f32],
    pub stride: usize,
    pub depth: usize,
}

/// Rows of A that share the vectors of B in registers.
const TILE_ROWS: usize = 6;
/// Columns of B that pass through the registers together.
const PANEL: usize = 4 * LANES;
/// Depth of a block: 256 rows of a panel are 64 KiB, which stay in the second-level cache.
const BLOCK_DEPTH: usize = 256;
/// Tiles that must share a panel before copying it pays.
const PACK_FROM: usize = 6;
/// Entries of a row of A that are taken at once.
const UNROLLED: usize = 8;
/// Rows of C that one task computes, at least: every task copies B.
const TASK_ROWS: usize = 8 * TILE_ROWS;
/// Multiplications below which waking another thread costs more than it brings (about 50 µs of work).
const PARALLEL_FROM: usize = 1 << 21;

/// C = A B, where C has `c_stride` columns and as many rows as fit into it.
///
/// Every entry of C is one chain of fused multiply-adds in ascending depth, whatever the number of threads.
pub(crate) fn multiply(level: Level, a: Left<'_>, b: Right<'_>, c: &mut [f32], c_stride: usize) {
    debug_assert!(c_stride.is_multiple_of(LANES) && c.len().is_multiple_of(c_stride));
    if c.len() * b.depth < PARALLEL_FROM {
        dispatch!(level, simd => blocks(simd, a, b, c, c_stride));
    } else {
        // Two tasks for each thread, so that one that comes late finds something to do.
        let rows = c.len() / c_stride;
        let rows = rows.div_ceil(2 * rayon::current_num_threads()).max(TASK_ROWS).next_multiple_of(TILE_ROWS);
        c.par_chunks_mut(rows * c_stride).enumerate().for_each(|(task, c)| {
            dispatch!(level, simd => blocks(simd, a.from(task * rows, 0), b, c, c_stride));
        });
    }
}

#[inline(always)]
fn blocks<S: Simd>(simd: S, a: Left<'_>, b: Right<'_>, c: &mut [f32], c_stride: usize) {
    // Rows of B a power of two apart share a few cache sets. Where a panel serves many tiles it is copied first.
    let pack = c.len() > PACK_FROM * TILE_ROWS * c_stride;
    let mut packed = Aligned::zeros(if pack { BLOCK_DEPTH * PANEL } else { 0 });
    for depth in (0..b.depth).step_by(BLOCK_DEPTH) {
        let n_depth = BLOCK_DEPTH.min(b.depth - depth);
        let a = a.from(0, depth);
        for column in (0..c_stride).step_by(PANEL) {
            // A product of a batch of all samples may take seconds.
            if pack {
                poll();
            }
            let width = PANEL.min(c_stride - column);
            let rows = &b.values[depth * b.stride + column..];
            let mut panel = Right { values: rows, stride: b.stride, depth: n_depth };
            if pack {
                for (slot, row) in packed.chunks_exact_mut(width).zip(rows.chunks(b.stride)).take(n_depth) {
                    slot.copy_from_slice(&row[..width]);
                }
                panel = Right { values: &packed, stride: width, depth: n_depth };
            }
            let c = &mut c[column..];
            let first = depth == 0;
            // Thirty-two registers hold 6 × 4 sums of the widest vectors; sixteen hold 6 × 2.
            if S::f32s::LEN == LANES {
                match width / LANES {
                    1 => column_of_tiles::<S, 1>(simd, a, panel, c, c_stride, first),
                    2 => column_of_tiles::<S, 2>(simd, a, panel, c, c_stride, first),
                    3 => column_of_tiles::<S, 3>(simd, a, panel, c, c_stride, first),
                    _ => column_of_tiles::<S, 4>(simd, a, panel, c, c_stride, first),
                }
            } else {
                for narrow in (0..width).step_by(2 * S::f32s::LEN) {
                    let panel = Right { values: &panel.values[narrow..], ..panel };
                    column_of_tiles::<S, 2>(simd, a, panel, &mut c[narrow..], c_stride, first);
                }
            }
        }
    }
}

/// All rows of C in its first V vectors of columns.
#[inline(always)]
fn column_of_tiles<S: Simd, const V: usize>(
    simd: S,
    a: Left<'_>,
    b: Right<'_>,
    c: &mut [f32],
    c_stride: usize,
    first: bool,
) {
    let rows = c.len().div_ceil(c_stride);
    let mut row = 0;
    while row < rows {
        let a = a.from(row, 0);
        let c = &mut c[row * c_stride..];
        match rows - row {
            1 => tile::<S, 1, V>(simd, a, b, c, c_stride, first),
            2 => tile::<S, 2, V>(simd, a, b, c, c_stride, first),
            3 => tile::<S, 3, V>(simd, a, b, c, c_stride, first),
            4 => tile::<S, 4, V>(simd, a, b, c, c_stride, first),
            5 => tile::<S, 5, V>(simd, a, b, c, c_stride, first),
            _ => tile::<S, TILE_ROWS, V>(simd, a, b, c, c_stride, first),
        }
        row += TILE_ROWS;
    }
}

#[inline(always)]
fn tile<S: Simd, const R: usize, const V: usize>(
    simd: S,
    a: Left<'_>,
    b: Right<'_>,
    c: &mut [f32],
    c_stride: usize,
    first: bool,
) {
    let length = S::f32s::LEN;
    let mut sums = [[S::f32s::splat(simd, 0.0); V]; R];
    if !first {
        for r in 0..R {
            for v in 0..V {
                sums[r][v] = S::f32s::from_slice(simd, &c[r * c_stride + v * length..][..length]);
            }
        }
    }
    let mut vectors = b.values.chunks(b.stride).map(|row| -> [S::f32s; V] {
        let row = &row[..V * length];
        array(|v| S::f32s::from_slice(simd, &row[v * length..(v + 1) * length]))
    });
    if a.transposed {
        for (column, vectors) in a.values.chunks(a.stride).zip(vectors).take(b.depth) {
            let column = &column[..R];
            add_products(simd, &mut sums, |r| column[r], vectors);
        }
    } else {
        // Pieces of a length that the compiler knows: in the inner loop nothing is checked, and the rows of A take one
        // register each.
        let rows: [&[f32]; R] = array(|r| &a.values[r * a.stride..][..b.depth]);
        for piece in 0..b.depth / UNROLLED {
            let pieces: [&[f32; UNROLLED]; R] = array(|r| &rows[r].as_chunks::<UNROLLED>().0[piece]);
            for (k, vectors) in vectors.by_ref().take(UNROLLED).enumerate() {
                add_products(simd, &mut sums, |r| pieces[r][k], vectors);
            }
        }
        for (k, vectors) in (b.depth / UNROLLED * UNROLLED..b.depth).zip(vectors) {
            add_products(simd, &mut sums, |r| rows[r][k], vectors);
        }
    }
    for r in 0..R {
        for v in 0..V {
            sums[r][v].store_slice(&mut c[r * c_stride + v * length..][..length]);
        }
    }
}

/// Adds the products of one depth to a tile of sums.
#[inline(always)]
fn add_products<S: Simd, const R: usize, const V: usize>(
    simd: S,
    sums: &mut [[S::f32s; V]; R],
    factor: impl Fn(usize) -> f32,
    vectors: [S::f32s; V],
) {
    for r in 0..R {
        let factor = S::f32s::splat(simd, factor(r));
        for v in 0..V {
            sums[r][v] = factor.mul_add_precise(vectors[v], sums[r][v]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use infoplane_estimators::random::{Purpose, generator, normal};
    use infoplane_estimators::simd::{level, same_at_every_level};

    #[test]
    fn product_agrees_with_the_double_loop_for_all_shapes() {
        let mut random = generator(3, Purpose::Initialization, 0);
        let mut draw = |n: usize| -> Vec<f32> { (0..n).map(|_| normal(&mut random) as f32).collect() };
        for rows in [1, 2, 3, 4, 5, 6, 7, 13, 100] {
            for depth in [1, 3, 12, 300, 513] {
                for stride in [16, 32, 48, 64, 80] {
                    let (a, b) = (draw(rows * depth), draw(depth * stride));
                    let right = Right { values: &b, stride, depth };
                    let c = same_at_every_level(|level| {
                        let mut c = vec![9.0; rows * stride];
                        multiply(
                            level,
                            Left { values: &a, stride: depth, transposed: false },
                            right,
                            &mut c,
                            stride,
                        );
                        c
                    });
                    let mut transposed = vec![9.0; rows * stride];
                    let flipped: Vec<f32> =
                        (0..depth * rows).map(|i| a[i % rows * depth + i / rows]).collect();
                    let left = Left { values: &flipped, stride: rows, transposed: true };
                    multiply(level(), left, right, &mut transposed, stride);
                    assert_eq!(c, transposed);
                    for i in 0..rows {
                        for j in 0..stride {
                            let terms = |k: usize| f64::from(a[i * depth + k]) * f64::from(b[k * stride + j]);
                            let exact: f64 = (0..depth).map(terms).sum();
                            let scale: f64 = (0..depth).map(|k| terms(k).abs()).sum();
                            assert!((f64::from(c[i * stride + j]) - exact).abs() <= 1e-6 * scale + 1e-30);
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn product_has_the_same_bits_for_any_number_of_threads() {
        let mut random = generator(4, Purpose::Initialization, 0);
        let (rows, depth, stride) = (331, 300, 64);
        let mut draw = |n: usize| -> Vec<f32> { (0..n).map(|_| normal(&mut random) as f32).collect() };
        let (a, b) = (draw(rows * depth), draw(depth * stride));
        assert!(rows * depth * stride >= PARALLEL_FROM);
        let run = |threads| {
            let mut c = vec![0.0; rows * stride];
            rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(|| {
                let left = Left { values: &a, stride: depth, transposed: false };
                multiply(level(), left, Right { values: &b, stride, depth }, &mut c, stride);
            });
            c
        };
        assert_eq!(run(1), run(2));
        assert_eq!(run(1), run(8));
    }
}
