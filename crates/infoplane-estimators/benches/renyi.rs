//! Matrix-based Rényi information: `cargo bench --bench renyi`. Benchmarks name n, α, columns and threads.
//!
//! Data: y = tanh(x W) + ½ normal, width by the rule. One column has a kernel of low rank, 64 columns none.

use divan::{Bencher, black_box};
use infoplane_estimators::Measure;
use infoplane_estimators::Variable;
use infoplane_estimators::{Renyi, RenyiBandwidth};
use ndarray::Array2;

fn main() {
    divan::main();
}

fn normal(n: usize, d: usize, seed: u64) -> Array2<f64> {
    let mut state = seed;
    let mut uniform = move || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (((z ^ (z >> 31)) >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    };
    Array2::from_shape_simple_fn((n, d), || {
        (-2.0 * uniform().ln()).sqrt() * (std::f64::consts::TAU * uniform()).cos()
    })
}

fn pair(bencher: Bencher<'_, '_>, threads: usize, n: usize, d: usize, config: &Renyi) {
    let x = normal(n, d, 1);
    let y = x.dot(&(normal(d, d, 2) / (d as f64).sqrt())).mapv(f64::tanh) + 0.5 * normal(n, d, 3);
    let renyi = config.clone();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    bencher.bench_local(|| {
        pool.install(|| {
            black_box(renyi.pair(Variable::Double(x.view()), Variable::Double(y.view())).unwrap())
        })
    });
}

#[divan::bench(args = [(1, 1), (1, 2), (3, 1), (3, 2), (10, 1), (10, 2), (64, 1), (64, 2)], sample_count = 7, sample_size = 1)]
fn n1000_alpha_1_01_by_columns_and_threads(bencher: Bencher<'_, '_>, (d, threads): (usize, usize)) {
    pair(bencher, threads, 1000, d, &Renyi::default());
}

/// Near the identity, as widths in units of one column make it: no two samples are alike to the kernel.
#[divan::bench(args = [1, 2], sample_count = 7, sample_size = 1)]
fn n1000_alpha_1_01_d64_narrow_kernel_by_threads(bencher: Bencher<'_, '_>, threads: usize) {
    pair(bencher, threads, 1000, 64, &Renyi { bandwidth: RenyiBandwidth::Width(2.0), ..Renyi::default() });
}

#[divan::bench(args = [10, 64], sample_count = 3, sample_size = 1)]
fn n10000_alpha_2_by_columns(bencher: Bencher<'_, '_>, d: usize) {
    pair(bencher, 1, 10_000, d, &Renyi { alpha: 2.0, ..Renyi::default() });
}

#[divan::bench(sample_count = 3, sample_size = 1)]
fn n10000_alpha_1_01_d64_batches_of_500(bencher: Bencher<'_, '_>) {
    pair(bencher, 1, 10_000, 64, &Renyi { batch: Some(500), ..Renyi::default() });
}
