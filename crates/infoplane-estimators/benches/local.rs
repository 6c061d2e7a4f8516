//! Local methods: `cargo bench --bench local`. Benchmarks name n, columns and threads.
//!
//! Data: normal pairs with correlation 0.75. The search for neighbours is part of every number.

use divan::{Bencher, black_box};
use infoplane_estimators::Measure;
use infoplane_estimators::{Estimator, Variable};
use infoplane_estimators::{Gknn, Klnn, Lgde, Lnc, Scaling};
use ndarray::Array2;

fn main() {
    divan::main();
}

fn pairs(n: usize, d: usize) -> (Array2<f64>, Array2<f64>) {
    let mut state = 1u64;
    let mut uniform = move || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (((z ^ (z >> 31)) >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    };
    let mut normals = || {
        Array2::from_shape_simple_fn((n, d), || {
            (-2.0 * uniform().ln()).sqrt() * (std::f64::consts::TAU * uniform()).cos()
        })
    };
    let x = normals();
    let y = &x * 0.75 + normals() * (1.0f64 - 0.75 * 0.75).sqrt();
    (x, y)
}

fn on_threads(bencher: Bencher<'_, '_>, threads: usize, estimator: &dyn Estimator, n: usize, d: usize) {
    let (x, y) = pairs(n, d);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    let estimate = || estimator.pair(Variable::Double(x.view()), Variable::Double(y.view())).unwrap();
    // The first call draws the constants; the answer is checked before it is timed.
    let truth = -0.5 * d as f64 * (1.0f64 - 0.75 * 0.75).ln();
    assert!((pool.install(estimate).information.nats() - truth).abs() < 0.1 * (d * d) as f64);
    bencher.bench_local(|| pool.install(|| black_box(estimate())));
}

#[divan::bench(args = [1, 2], sample_count = 5, sample_size = 1)]
fn klnn_n10000_1x1(bencher: Bencher<'_, '_>, threads: usize) {
    on_threads(bencher, threads, &Klnn::default(), 10_000, 1);
}

#[divan::bench(args = [1, 2], sample_count = 5, sample_size = 1)]
fn lgde_n10000_1x1(bencher: Bencher<'_, '_>, threads: usize) {
    on_threads(bencher, threads, &Lgde::default(), 10_000, 1);
}

#[divan::bench(args = [1, 2], sample_count = 3, sample_size = 1)]
fn lgde_standardized_n10000_1x1(bencher: Bencher<'_, '_>, threads: usize) {
    let config = Lgde { scaling: Scaling::Standardized, ..Lgde::default() };
    on_threads(bencher, threads, &config.clone(), 10_000, 1);
}

#[divan::bench(args = [1, 2], sample_count = 5, sample_size = 1)]
fn lnc_n10000_1x1(bencher: Bencher<'_, '_>, threads: usize) {
    on_threads(bencher, threads, &Lnc::default(), 10_000, 1);
}

#[divan::bench(args = [1, 2], sample_count = 5, sample_size = 1)]
fn gknn_n10000_1x1(bencher: Bencher<'_, '_>, threads: usize) {
    on_threads(bencher, threads, &Gknn::default(), 10_000, 1);
}

#[divan::bench(args = [1, 2, 3], sample_count = 3, sample_size = 1)]
fn lgde_n1000_by_columns_of_each(bencher: Bencher<'_, '_>, d: usize) {
    on_threads(bencher, 1, &Lgde::default(), 1000, d);
}

/// In six columns together every sample is within the reach of every other.
#[divan::bench(sample_count = 1, sample_size = 1)]
fn lgde_n20000_3x3_two_threads(bencher: Bencher<'_, '_>) {
    on_threads(bencher, 2, &Lgde::default(), 20_000, 3);
}
