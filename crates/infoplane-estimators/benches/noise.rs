//! The exact information of noisy layers: `cargo bench --bench noise`. Benchmarks name n, width, classes and threads.
//!
//! Data: tanh(½ normal), noise variance 2 at width 128 and 0.1 below; draws for 10,000 noisy rows, I(X;T) and I(T;Y). `fma_peak` of
//! `benches/kde.rs` at twice its length is the least time for n = 10,000 and d = 128.

use divan::{Bencher, black_box};
use infoplane_estimators::Measure;
use infoplane_estimators::Noise;
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

fn on_threads(bencher: Bencher<'_, '_>, threads: usize, t: &Array2<f32>, n_classes: usize, config: &Noise) {
    let (x, y) = labels(t.nrows(), n_classes);
    let noise = config.clone();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    bencher.bench_local(|| {
        pool.install(|| black_box(noise.layer(Variable::Single(t.view()), &[&x, &y]).unwrap()));
    });
}

#[divan::bench(args = [1, 2], sample_count = 9, sample_size = 1)]
fn n10000_d128_10_classes(bencher: Bencher<'_, '_>, threads: usize) {
    on_threads(bencher, threads, &layer(10_000, 128), 10, &Noise::new(vec![2.0]));
}

#[divan::bench(args = [1], sample_count = 5, sample_size = 1)]
fn n10000_d128_10_classes_with_bounds(bencher: Bencher<'_, '_>, threads: usize) {
    let config = Noise { bounds: true, ..Noise::new(vec![2.0]) };
    on_threads(bencher, threads, &layer(10_000, 128), 10, &config);
}

#[divan::bench(args = [3, 16, 17, 64], sample_count = 5, sample_size = 1)]
fn n4096_2_classes_one_draw_by_width(bencher: Bencher<'_, '_>, d: usize) {
    let config = Noise { draws: Some(1), ..Noise::new(vec![0.1]) };
    on_threads(bencher, 1, &layer(4096, d), 2, &config);
}

/// Most pairs are too far apart to count.
#[divan::bench(args = [1, 2], sample_count = 3, sample_size = 1)]
fn n20000_d5_2_classes_small_noise(bencher: Bencher<'_, '_>, threads: usize) {
    on_threads(bencher, threads, &layer(20_000, 5), 2, &Noise::new(vec![1e-3]));
}

/// A double loop in double precision with noise drawn beforehand, I(X;T) alone.
#[divan::bench(args = [10, 128], sample_count = 3, sample_size = 1)]
fn naive_n1000_by_width(bencher: Bencher<'_, '_>, d: usize) {
    let t = layer(1000, d).mapv(f64::from);
    let z = layer(1000, d).mapv(f64::from);
    let variance = if d > 64 { 2.0 } else { 0.1 };
    bencher.bench_local(|| {
        let mut mean = 0.0;
        for (a, z) in t.rows().into_iter().zip(z.rows()) {
            let mut sum = 0.0;
            for b in t.rows() {
                let term = |((a, b), z): ((&f64, &f64), &f64)| (a - b) * (a - b + 2.0 * z);
                let shifted: f64 = a.iter().zip(b).zip(z).map(term).sum();
                sum += (-shifted / (2.0 * variance)).exp();
            }
            mean -= (sum / 1000.0).ln() / 1000.0;
        }
        black_box(mean)
    });
}
