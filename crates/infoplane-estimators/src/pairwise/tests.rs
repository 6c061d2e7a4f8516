//! The fast passes against the double loop.

use ndarray::{Array2, ArrayView2};
use proptest::prelude::*;

use super::*;
use crate::simd::same_at_every_level;

const TOLERANCE_BITS: f64 = 1e-6;

/// Pseudo-random standard normal numbers: splitmix64 and the polar-free Box–Muller form.
pub(super) struct Normal(pub(super) u64);

impl Normal {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (((z ^ (z >> 31)) >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }

    pub(super) fn next(&mut self) -> f64 {
        (-2.0 * self.uniform().ln()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
    }

    pub(super) fn matrix(&mut self, n: usize, d: usize) -> Array2<f64> {
        Array2::from_shape_fn((n, d), |_| self.next())
    }
}

pub(super) fn classes(n: usize, n_classes: usize) -> Labels {
    // Neither sorted nor of equal size.
    Labels::from_symbols(&(0..n).map(|i| (i * i + i / 7) % n_classes).collect::<Vec<_>>())
}

/// Returns the numbers of a matrix, row by row.
pub(super) fn doubles(t: &Variable<'_>) -> Vec<f64> {
    match t {
        Variable::Single(rows) => rows.iter().copied().map(f64::from).collect(),
        Variable::Double(rows) => rows.iter().copied().collect(),
        Variable::Labels(_) => unreachable!(),
    }
}

/// Largest deviation of all means, in bits.
fn deviation(t: &Variable<'_>, labellings: &[&Labels], variances: &[f64]) -> f64 {
    let values = doubles(t);
    let value = |i: usize, k: usize| values[i * t.width() + k];
    let fast = mean_logarithms(t, labellings, variances);
    let mut worst = 0.0f64;
    for (means, &variance) in fast.iter().zip(variances) {
        let slow = reference::mean_logarithms(t.n_samples(), t.width(), value, labellings, variance);
        let ln_n = (t.n_samples() as f64).ln();
        let pairs = std::iter::once((means.all, slow.all))
            .chain(means.within.iter().copied().zip(slow.within.iter().copied()));
        for (fast, slow) in pairs {
            for (fast, slow) in
                [(fast.kullback_leibler, slow.kullback_leibler), (fast.bhattacharyya, slow.bhattacharyya)]
            {
                assert!((-ln_n - 1e-12..=0.0).contains(&fast), "{fast} is outside −ln N … 0");
                worst = worst.max((fast - slow).abs() / std::f64::consts::LN_2);
            }
        }
    }
    worst
}

fn check(name: &str, t: ArrayView2<'_, f64>, variances: &[f64]) {
    let n = t.nrows();
    let (two, many) = (classes(n, 2), classes(n, n.div_ceil(3)));
    let distinct = Labels::distinct(n);
    let labellings = [&distinct, &two, &many];
    let double = deviation(&Variable::Double(t), &labellings, variances);
    let single = t.mapv(|v| v as f32);
    let single = if single.iter().all(|v| v.is_finite()) {
        deviation(&Variable::Single(single.view()), &labellings, variances)
    } else {
        0.0
    };
    println!("{name}: f32 {single:.1e} f64 {double:.1e} bits");
    assert!(single < TOLERANCE_BITS, "{name}: single precision is off by {single:e} bits");
    assert!(double < TOLERANCE_BITS, "{name}: double precision is off by {double:e} bits");
}

#[test]
fn every_width_agrees_with_the_double_loop() {
    for d in [1, 2, 3, 5, 8, 16, 17, 31, 64, 128, 200, 1024] {
        for n in [1, 2, 7, 49, 530, 611] {
            if n * n * d > 60_000_000 {
                continue;
            }
            let t = Normal(d as u64).matrix(n, d).mapv(|v| (0.5 * v).tanh());
            // Noise on the scale of the distances, where neither all kernels vanish nor all are one.
            check(&format!("n={n} d={d}"), t.view(), &[d as f64 * 0.03, 1e-3]);
        }
    }
}

#[test]
fn where_the_data_lie_and_their_scale_do_not_matter() {
    for (n, d) in [(523, 3), (523, 20), (600, 130)] {
        let t = Normal(1).matrix(n, d);
        let variance = 0.05 * d as f64;
        check("offset 1e6", t.mapv(|v| v + 1e6).view(), &[variance]);
        check("offset 1e12", t.mapv(|v| v + 1e12).view(), &[variance]);
        check("scale 20, small noise", t.mapv(|v| v * 20.0).view(), &[1e-3]);
        check("scale 20", t.mapv(|v| v * 20.0).view(), &[1e-3 * 400.0, 400.0 * variance]);
        for scale in [1e-20, 1e20, 1e-150, 1e200] {
            let t = t.mapv(|v| v * scale);
            check(&format!("scale {scale:e}"), t.view(), &[1e-3]);
            let variance = variance * scale * scale;
            if variance.is_finite() && variance > 0.0 {
                check(&format!("scale {scale:e} with its noise"), t.view(), &[variance]);
            }
        }
    }
}

#[test]
fn near_duplicates_are_told_apart() {
    for (n, d) in [(520, 2), (520, 24), (520, 256)] {
        let mut random = Normal(3);
        let centres = random.matrix(n / 4, d);
        for (scale, step) in [(1.0, 1e-2), (20.0, 1e-2), (1.0, 1e-5), (300.0, 1e-3)] {
            let t = Array2::from_shape_fn((n, d), |(i, k)| {
                scale * centres[[i / 4, k]] + step * random.next() / (d as f64).sqrt()
            });
            check(&format!("d={d} scale={scale} step={step}"), t.view(), &[step * step, 1e-3]);
        }
        // Collapsed: all points are near all others.
        let t = random.matrix(n, d).mapv(|v| 3.0 + 1e-4 * v);
        check("collapsed", t.view(), &[1e-8 * d as f64, 1e-3]);
        let t = Array2::from_elem((n, d), 0.7);
        check("one point", t.view(), &[1e-3]);
    }
}

/// Equidistant points: every rounding error is the same, and none averages out.
#[test]
fn equidistant_points_have_no_rounding_to_average_over() {
    for (n, side, base) in
        [(17, 3.7, 0.0), (300, 1.0, 0.3), (700, 3.7, 0.3), (700, 0.1234567, 1.1), (1024, 3.7, 0.0)]
    {
        let t = Array2::from_shape_fn((n, n), |(i, k)| base + if i == k { side } else { 0.0 });
        // Where the sum over the others weighs as much as the point itself.
        let variances = [1.0, 3.3, 5.0, 7.0].map(|exponent| side * side / exponent);
        let single = t.mapv(|v| v as f32);
        let off = deviation(&Variable::Single(single.view()), &[], &variances).max(deviation(
            &Variable::Double(t.view()),
            &[],
            &variances[1..3],
        ));
        println!("n={n} side={side} base={base}: {off:.1e} bits");
        assert!(off < TOLERANCE_BITS, "n={n} side={side} base={base}: {off:e} bits");
    }
}

#[test]
fn saturated_units_and_heavy_tails_agree() {
    for (n, d) in [(700, 4), (700, 40), (700, 128)] {
        let mut random = Normal(5);
        let corners = random.matrix(30, d);
        for gain in [3.0, 30.0] {
            let t = Array2::from_shape_fn((n, d), |(i, k)| {
                (gain * (corners[[i % 30, k]] + 0.02 * random.next())).tanh()
            });
            check(&format!("saturated d={d} gain={gain}"), t.view(), &[1e-3, 0.1, 0.05 * d as f64]);
        }
        let mut t = random.matrix(n, d);
        t.row_mut(17).mapv_inplace(|v| v * 1e6);
        check("one row 1e6 times larger", t.view(), &[0.1 * d as f64]);
        let t = t.mapv(|v| v * (3.0 * random.next()).exp());
        check("log-normal scales", t.view(), &[0.1 * d as f64]);
    }
}

/// A whole cluster shares the saturated half of its coordinates: without mixing, sums of their products are rounded
/// alike in every pair, which cost 2.9e-5 bits.
#[test]
fn clusters_that_share_half_of_their_coordinates_agree() {
    for (n, half, size) in [(900, 64, 0.9850355), (700, 100, 0.99)] {
        let mut random = Normal(6);
        let spread = 0.625;
        let t = Array2::from_shape_fn((n, 2 * half), |(i, k)| {
            let coordinate = match (k < half, i % 2) {
                (true, 0) => size,
                (true, _) => -size,
                _ => spread * random.next(),
            };
            f64::from(coordinate as f32)
        });
        check("shared coordinates", t.view(), &[half as f64 * spread * spread / 6.5]);
    }
}

/// Clusters so far apart that pairs of them are left out, in a random order of the rows.
pub(super) fn far_clusters(n: usize, d: usize) -> Array2<f64> {
    let mut random = Normal(11);
    let centres = random.matrix(12, d);
    Array2::from_shape_fn((n, d), |(i, k)| {
        4.0 * centres[[i * i % 12, k]] + 0.1 * random.next() / (d as f64).sqrt()
    })
}

/// Rows of which most are equal to another: one in five lies elsewhere, and zeros have both signs.
pub(super) fn repeated_rows(n: usize, d: usize) -> Array2<f64> {
    let mut random = Normal(12);
    let rows = random.matrix(40, d).mapv(|v| if v.abs() < 0.5 { 0.0 } else { (2.0 * v).tanh() });
    Array2::from_shape_fn((n, d), |(i, k)| match (i % 5, rows[[i * i % 40, k]]) {
        (0, _) => random.next(),
        (1, 0.0) => -0.0,
        (_, value) => value,
    })
}

#[test]
fn far_clusters_agree_with_the_double_loop() {
    for (n, d) in [(1000, 2), (1001, 3), (1000, 16), (1000, 24), (970, 40)] {
        let t = far_clusters(n, d);
        for variances in [&[1e-4][..], &[1e-3, 0.05]] {
            check(&format!("far clusters n={n} d={d}"), t.view(), variances);
        }
    }
    // Evenly spread: panels at every distance, at the limit too.
    let t = Array2::from_shape_fn((1200, 1), |(i, _)| (i * 7919 % 1200) as f64 / 1200.0);
    check("a line", t.view(), &[1e-5]);
    check("a line", t.view(), &[1e-6, 1e-4]);
}

#[test]
fn repeated_rows_agree_with_the_double_loop() {
    for (n, d) in [(700, 1), (1000, 3), (1001, 10), (1300, 24), (1000, 64)] {
        let t = repeated_rows(n, d);
        check(&format!("repeated rows n={n} d={d}"), t.view(), &[1e-3, 0.05 * d as f64]);
    }
    // Merged rows that are also far apart, and so many that most weights are large.
    let t = far_clusters(1000, 3);
    let t = Array2::from_shape_fn((2000, 3), |(i, k)| t[[i % 1000, k]]);
    check("far and repeated", t.view(), &[1e-4, 1e-2]);
    let t =
        Array2::from_shape_fn((1500, 3), |(i, k)| if i % 500 == 0 { k as f64 } else { 0.1 * (i % 2) as f64 });
    check("few rows", t.view(), &[1e-3, 1.0]);
}

#[test]
fn the_bits_of_merged_and_left_out_pairs_do_not_depend_on_threads_or_instructions() {
    for t in [far_clusters(2100, 3), far_clusters(1500, 24), repeated_rows(2100, 3), repeated_rows(1500, 24)]
    {
        let (n, d) = t.dim();
        let (x, y) = (classes(n, n / 3), classes(n, 2));
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let values = Values::Double(t.as_slice().unwrap());
            pool.install(|| same_at_every_level(|level| summed(level, values, d, &[&x, &y], &[1e-3])))
        };
        assert_eq!(run(1), run(3));
    }
}

#[test]
fn many_noise_variances_are_the_same_as_one_at_a_time() {
    let t = Normal(8).matrix(200, 6);
    let y = classes(200, 3);
    let variances = [1.0, 1e-30, 3.0, 0.5, 1e30, 0.01, 1e-3, 2.0, 7.0, 0.2, 0.3, 1e7];
    check("many", t.view(), &variances);
    let together = mean_logarithms(&Variable::Double(t.view()), &[&y], &variances);
    for (means, &variance) in together.iter().zip(&variances) {
        let alone = &mean_logarithms(&Variable::Double(t.view()), &[&y], &[variance])[0];
        assert!((means.all.kullback_leibler - alone.all.kullback_leibler).abs() < 1e-7);
        assert!((means.within[0].bhattacharyya - alone.within[0].bhattacharyya).abs() < 1e-7);
    }
}

#[test]
fn the_bits_do_not_depend_on_the_number_of_threads() {
    for d in [3, 40] {
        let t = Normal(2).matrix(2100, d);
        let (x, y) = (classes(2100, 700), classes(2100, 2));
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| mean_logarithms(&Variable::Double(t.view()), &[&x, &y], &[0.1, 2.0]))
        };
        let one = run(1);
        assert_eq!(one, run(2));
        assert_eq!(one, run(8));
    }
}

#[test]
fn a_transposed_matrix_is_read_by_its_rows() {
    let t = Normal(4).matrix(5, 70);
    let turned = t.t().as_standard_layout().into_owned();
    let all = |v: ArrayView2<'_, f64>| mean_logarithms(&Variable::Double(v), &[], &[1.0])[0].all;
    assert_eq!(all(t.t()), all(turned.view()));
}

/// Squares of integers are never 2 or 3 modulo 4, so that a long sum of them is always rounded down.
#[test]
fn values_on_a_grid_are_not_rounded_all_one_way() {
    let n = 520;
    let t = Normal(3).matrix(n, 256).mapv(|v| (3.0 + 1e-4 * v) as f32);
    let (two, many) = (classes(n, 2), classes(n, 174));
    assert!(deviation(&Variable::Single(t.view()), &[&two, &many], &[2.56e-6]) < 3e-7);
}

#[test]
fn every_level_of_vector_instructions_agrees() {
    let n = 530;
    for d in [3, 20] {
        let t = Normal(6).matrix(n, d).mapv(|v| (0.5 * v).tanh());
        let y = classes(n, 2);
        let values = t.as_slice().unwrap();
        let variances = [0.05 * d as f64];
        let slow = reference::mean_logarithms(n, d, |i, k| values[i * d + k], &[&y], variances[0]);
        let single = t.mapv(|v| v as f32);
        for values in [Values::Double(values), Values::Single(single.as_slice().unwrap())] {
            let fast = &same_at_every_level(|level| summed(level, values, d, &[&y], &variances))[0];
            let off = (fast.all.kullback_leibler - slow.all.kullback_leibler)
                .abs()
                .max((fast.within[0].bhattacharyya - slow.within[0].bhattacharyya).abs());
            assert!(off < 5e-7, "width {d}: {off:e} nats");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn order_of_rows_names_of_labels_place_and_scale_change_nothing(
        n in 2usize..150, d in 1usize..30, n_classes in 1usize..60, seed: u64,
        shift in -1e3f64..1e3, exponent in -60i32..60, turn in 0usize..150,
    ) {
        let t = Normal(seed).matrix(n, d);
        let codes: Vec<usize> = (0..n).map(|i| (i * 7 + i * i) % n_classes).collect();
        let y = Labels::from_symbols(&codes);
        let variance = 0.2 * d as f64;
        let means = |t: ArrayView2<'_, f64>, y: &Labels, v| mean_logarithms(&Variable::Double(t), &[y], &[v])[0].clone();
        let close = |a: &KernelMeans, b: &KernelMeans| {
            (a.all.kullback_leibler - b.all.kullback_leibler).abs() < 1e-7
                && (a.within[0].bhattacharyya - b.within[0].bhattacharyya).abs() < 1e-7
        };
        let plain = means(t.view(), &y, variance);
        let order: Vec<usize> = (0..n).map(|i| n - 1 - (i + turn) % n).collect();
        prop_assert!(close(&plain, &means(t.select(ndarray::Axis(0), &order).view(), &y.select(&order), variance)));
        let renamed = Labels::from_symbols(&codes.iter().map(|c| (c * 37 + 11) % 61).collect::<Vec<_>>());
        prop_assert!(close(&plain, &means(t.view(), &renamed, variance)));
        prop_assert!(close(&plain, &means(t.mapv(|v| v + shift).view(), &y, variance)));
        let scale = 2f64.powi(exponent);
        prop_assert!(close(&plain, &means(t.mapv(|v| v * scale).view(), &y, variance * scale * scale)));
        prop_assert!(close(&plain, &means(t.mapv(|v| v * 1.7).view(), &y, variance * 1.7 * 1.7)));
    }
}
