//! Neighbours and the methods that count them: `cargo bench --bench neighbors`. Benchmarks name n, width and k.
//!
//! Data: normal columns, y = ½ x + noise. One thread, unless named.

use divan::{Bencher, black_box};
use infoplane_estimators::Ksg;
use infoplane_estimators::Measure;
use infoplane_estimators::Variable;
use infoplane_estimators::neighbors::{Boundary, Metric, Neighbors};
use ndarray::{Array2, s};

fn main() {
    divan::main();
}

fn normals(n: usize, d: usize) -> Array2<f64> {
    let mut state = 1u64;
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

fn on_threads(bencher: Bencher<'_, '_>, threads: usize, work: impl Fn() + Sync) {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    bencher.bench_local(|| pool.install(&work));
}

#[divan::bench(args = [10_000, 60_000], sample_count = 15, sample_size = 1)]
fn nearest_3_chebyshev_d3_by_n(bencher: Bencher<'_, '_>, n: usize) {
    let points = normals(n, 3);
    on_threads(bencher, 1, || {
        black_box(Neighbors::new(points.view(), Metric::Chebyshev).nearest(3));
    });
}

#[divan::bench(args = [1, 2, 3, 5, 10, 32, 128], sample_count = 15, sample_size = 1)]
fn nearest_3_euclidean_n10000_by_width(bencher: Bencher<'_, '_>, d: usize) {
    let points = normals(10_000, d);
    on_threads(bencher, 1, || {
        black_box(Neighbors::new(points.view(), Metric::Euclidean).nearest(3));
    });
}

#[divan::bench(args = [1, 2, 3, 5, 10, 32, 128], sample_count = 15, sample_size = 1)]
fn nearest_3_chebyshev_n10000_by_width(bencher: Bencher<'_, '_>, d: usize) {
    let points = normals(10_000, d);
    on_threads(bencher, 1, || {
        black_box(Neighbors::new(points.view(), Metric::Chebyshev).nearest(3));
    });
}

/// Radii as KSG has them: those of the third neighbour in twice as many columns.
#[divan::bench(args = [1, 2, 3, 5, 10, 64], sample_count = 15, sample_size = 1)]
fn count_within_n10000_by_width(bencher: Bencher<'_, '_>, d: usize) {
    let joint = normals(10_000, 2 * d);
    let radii = Neighbors::new(joint.view(), Metric::Chebyshev).nearest(3).radii();
    let points = joint.slice(s![.., ..d]).as_standard_layout().into_owned();
    on_threads(bencher, 1, || {
        black_box(Neighbors::new(points.view(), Metric::Chebyshev).count_within(&radii, Boundary::Open));
    });
}

fn ksg(bencher: Bencher<'_, '_>, threads: usize, d: usize) {
    let all = normals(10_000, 2 * d);
    let x = all.slice(s![.., ..d]).to_owned();
    let y = &x * 0.5 + all.slice(s![.., d..]);
    let ksg = Ksg::default();
    on_threads(bencher, threads, || {
        black_box(ksg.pair(Variable::Double(x.view()), Variable::Double(y.view())).unwrap());
    });
}

#[divan::bench(args = [1, 2, 3, 5, 10, 64], sample_count = 15, sample_size = 1)]
fn ksg_n10000_by_width_of_each(bencher: Bencher<'_, '_>, d: usize) {
    ksg(bencher, 1, d);
}

#[divan::bench(args = [5, 64], sample_count = 15, sample_size = 1)]
fn ksg_n10000_two_threads_by_width_of_each(bencher: Bencher<'_, '_>, d: usize) {
    ksg(bencher, 2, d);
}

/// A double loop in double precision, a heap of the nearest for every point.
#[divan::bench(args = [3, 128], sample_count = 3, sample_size = 1)]
fn naive_nearest_3_n2000_by_width(bencher: Bencher<'_, '_>, d: usize) {
    let points = normals(2000, d);
    bencher.bench_local(|| {
        let mut last = 0.0;
        for (i, a) in points.rows().into_iter().enumerate() {
            let mut best = [f64::INFINITY; 3];
            for (_, b) in points.rows().into_iter().enumerate().filter(|(j, _)| *j != i) {
                let distance: f64 = a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum();
                if distance < best[2] {
                    best[2] = distance;
                    best.sort_unstable_by(f64::total_cmp);
                }
            }
            last += best[2].sqrt();
        }
        black_box(last)
    });
}
