//! The KDE bounds: `cargo bench --bench kde`. Benchmarks name n, width, classes and threads.
//!
//! Data: tanh(½ normal), noise variance 2 at width 128 and 0.1 below. `fma_peak` runs nothing but
//! multiply-adds, to say what share of the core the others reach.

use divan::{Bencher, black_box};
use fearless_simd::{Level, Simd, SimdBase, SimdFloat, dispatch};
use infoplane_estimators::Kde;
use infoplane_estimators::Measure;
use infoplane_estimators::{Labels, Variable};
use ndarray::Array2;

fn main() {
    divan::main();
}

fn layer(n: usize, d: usize) -> Array2<f32> {
    let mut state = 1u64;
    let mut uniform = move || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (((z ^ (z >> 31)) >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    };
    Array2::from_shape_simple_fn((n, d), || {
        let normal = (-2.0 * uniform().ln()).sqrt() * (std::f64::consts::TAU * uniform()).cos();
        (0.5 * normal).tanh() as f32
    })
}

fn labels(n: usize, n_classes: usize) -> (Labels, Labels) {
    let y: Vec<usize> = (0..n).map(|i| (i * i + i / 7) % n_classes).collect();
    (Labels::distinct(n), Labels::from_symbols(&y))
}

fn on_threads(
    bencher: Bencher<'_, '_>,
    threads: usize,
    layers: &[Array2<f32>],
    n_classes: usize,
    variance: f64,
) {
    let (x, y) = labels(layers[0].nrows(), n_classes);
    let kde = Kde { noise_variances: vec![variance] };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    bencher.bench_local(|| {
        pool.install(|| {
            for t in layers {
                black_box(kde.layer(Variable::Single(t.view()), &[&x, &y]).unwrap());
            }
        });
    });
}

#[divan::bench(args = [1, 2], sample_count = 15, sample_size = 1)]
fn n10000_d128_10_classes(bencher: Bencher<'_, '_>, threads: usize) {
    on_threads(bencher, threads, &[layer(10_000, 128)], 10, 2.0);
}

#[divan::bench(args = [1, 2], sample_count = 1, sample_size = 1)]
fn n60000_d128_10_classes(bencher: Bencher<'_, '_>, threads: usize) {
    on_threads(bencher, threads, &[layer(60_000, 128)], 10, 2.0);
}

#[divan::bench(args = [1, 2], sample_count = 15, sample_size = 1)]
fn n4096_widths_10_7_5_4_3_2_2_classes(bencher: Bencher<'_, '_>, threads: usize) {
    let layers = [10, 7, 5, 4, 3, 2].map(|d| layer(4096, d));
    on_threads(bencher, threads, &layers, 2, 1e-3);
}

#[divan::bench(args = [8, 12, 16, 17, 24, 32, 64], sample_count = 10, sample_size = 1)]
fn n4096_2_classes_by_width(bencher: Bencher<'_, '_>, d: usize) {
    on_threads(bencher, 1, &[layer(4096, d)], 2, 0.1);
}

/// With shuffled labels beside the others.
#[divan::bench(args = [2, 10], sample_count = 15, sample_size = 1)]
fn n4096_widths_10_7_5_4_3_2_shuffled_by_classes(bencher: Bencher<'_, '_>, n_classes: usize) {
    let layers = [10, 7, 5, 4, 3, 2].map(|d| layer(4096, d));
    let (x, y) = labels(4096, n_classes);
    let (kde, shuffled) = (Kde { noise_variances: vec![1e-3] }, y.shuffled());
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let measure = |t: &Array2<f32>| kde.layer_with_shuffled(Variable::Single(t.view()), &[&x, &y], &shuffled);
    bencher.bench_local(|| pool.install(|| layers.each_ref().map(|t| black_box(measure(t).unwrap()))));
}

/// Without them.
#[divan::bench(args = [2, 10], sample_count = 15, sample_size = 1)]
fn n4096_widths_10_7_5_4_3_2_by_classes(bencher: Bencher<'_, '_>, n_classes: usize) {
    on_threads(bencher, 1, &[10, 7, 5, 4, 3, 2].map(|d| layer(4096, d)), n_classes, 1e-3);
}

/// Most pairs are too far apart to count.
#[divan::bench(args = [1, 2], sample_count = 3, sample_size = 1)]
fn n60000_d3_2_classes_small_noise(bencher: Bencher<'_, '_>, threads: usize) {
    on_threads(bencher, threads, &[layer(60_000, 3)], 2, 1e-3);
}

/// Saturated units: 639 of 4096 rows are distinct.
#[divan::bench(args = [1], sample_count = 15, sample_size = 1)]
fn n4096_d10_2_classes_repeated_rows(bencher: Bencher<'_, '_>, threads: usize) {
    let rows = layer(639, 10);
    let t = Array2::from_shape_fn((4096, 10), |(i, k)| rows[[i * 7919 % 639, k]]);
    on_threads(bencher, threads, &[t], 2, 1e-3);
}

/// A double loop in double precision, both bounds, I(X;T) alone.
#[divan::bench(args = [10, 128], sample_count = 3, sample_size = 1)]
fn naive_n1000_by_width(bencher: Bencher<'_, '_>, d: usize) {
    let t = layer(1000, d).mapv(f64::from);
    let variance = if d > 64 { 2.0 } else { 0.1 };
    bencher.bench_local(|| {
        let mut means = (0.0, 0.0);
        for a in t.rows() {
            let mut sums = (0.0, 0.0);
            for b in t.rows() {
                let squared: f64 = a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum();
                sums.0 += (-squared / (2.0 * variance)).exp();
                sums.1 += (-squared / (8.0 * variance)).exp();
            }
            means.0 -= (sums.0 / 1000.0).ln() / 1000.0;
            means.1 -= (sums.1 / 1000.0).ln() / 1000.0;
        }
        black_box(means)
    });
}

/// As many multiply-adds as the half Gram matrix at n = 10,000 and width 128: 6.4e9.
#[divan::bench(sample_count = 15, sample_size = 1)]
fn fma_peak_6400000000_multiply_adds() -> f32 {
    dispatch!(Level::new(), simd => multiply_adds(simd))
}

#[inline(always)]
fn multiply_adds<S: Simd>(simd: S) -> f32 {
    let mut sums = [S::f32s::splat(simd, 1.0); 12];
    let factor = S::f32s::splat(simd, black_box(0.999));
    let step = S::f32s::splat(simd, black_box(0.001));
    for _ in 0..6_400_000_000usize / (12 * S::f32s::LEN) {
        for sum in &mut sums {
            *sum = sum.mul_add(factor, step);
        }
    }
    sums.into_iter().map(|sum| sum.reduce_sum()).sum()
}
