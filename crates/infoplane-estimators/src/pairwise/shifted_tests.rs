//! The pass over noisy points against the double loop.

use ndarray::{Array2, ArrayView2};
use proptest::prelude::*;

use super::tests::{Normal, classes, doubles, far_clusters, repeated_rows};
use super::*;
use crate::simd::same_at_every_level;

/// Nats, of a mean over the rows.
const TOLERANCE: f64 = 1e-6;

/// Another stream for every row.
fn noise(row: usize, out: &mut [f64]) {
    let mut random = Normal(row as u64 * 7919 + 17);
    out.iter_mut().for_each(|v| *v = random.next());
}

fn all_rows(n: usize) -> Vec<u32> {
    (0..n as u32).collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Largest deviation of all means, in nats.
fn deviation(t: &Variable<'_>, labellings: &[&Labels], variance: f64) -> f64 {
    let values = doubles(t);
    let value = |i: usize, k: usize| values[i * t.width() + k];
    // All rows, or every third.
    let every = if t.n_samples().is_multiple_of(2) { 1 } else { 3 };
    let rows: Vec<u32> = (0..t.n_samples() as u32).step_by(every).collect();
    let fast = noisy_logarithms(t, labellings, variance, &noise, &rows);
    let size = (t.n_samples(), t.width());
    let slow = reference::noisy_logarithms(size, value, labellings, variance, &noise, &rows);
    assert!(fast.all.len() == rows.len() && fast.within.iter().all(|within| within.len() == rows.len()));
    let least = -(t.n_samples() as f64).ln() - 1e-12;
    assert!(fast.all.iter().all(|&v| v >= least), "below −ln N");
    std::iter::once((&fast.all, &slow.all))
        .chain(fast.within.iter().zip(&slow.within))
        .map(|(fast, slow)| (mean(fast) - mean(slow)).abs())
        .fold(0.0, f64::max)
}

fn check(name: &str, t: ArrayView2<'_, f64>, variance: f64) {
    let n = t.nrows();
    let (two, many) = (classes(n, 2), classes(n, n.div_ceil(3)));
    let distinct = Labels::distinct(n);
    let labellings = [&distinct, &two, &many];
    let double = deviation(&Variable::Double(t), &labellings, variance);
    let single = t.mapv(|v| v as f32);
    let single = if single.iter().all(|v| v.is_finite()) {
        deviation(&Variable::Single(single.view()), &labellings, variance)
    } else {
        0.0
    };
    println!("{name} variance={variance:e}: f32 {single:.1e} f64 {double:.1e} nats");
    assert!(single < TOLERANCE, "{name}, {variance:e}: single precision is off by {single:e} nats");
    assert!(double < TOLERANCE, "{name}, {variance:e}: double precision is off by {double:e} nats");
}

#[test]
fn noisy_points_of_every_width_agree_with_the_double_loop() {
    for d in [1, 2, 5, 16, 17, 40, 128, 200, 1024] {
        for n in [1, 2, 49, 530] {
            if n * n * d > 80_000_000 {
                continue;
            }
            let t = Normal(d as u64).matrix(n, d).mapv(|v| (0.5 * v).tanh());
            for variance in [1e-3, d as f64 * 0.003, d as f64 * 0.03, 100.0] {
                check(&format!("n={n} d={d}"), t.view(), variance);
            }
        }
    }
}

/// More rows allow single pairs larger errors, which average out.
#[test]
fn many_noisy_rows_agree_with_the_double_loop() {
    let t = Normal(9).matrix(2100, 70).mapv(|v| (3.0 * v).tanh());
    let t = t.view();
    let y = classes(2100, 2);
    for variance in [0.3, 3.0] {
        let off = deviation(&Variable::Double(t), &[&y], variance);
        assert!(off < TOLERANCE, "{variance}: {off:e} nats");
    }
}

#[test]
fn where_noisy_points_lie_and_their_scale_do_not_matter() {
    for (n, d) in [(523, 3), (523, 20), (600, 100)] {
        let t = Normal(1).matrix(n, d);
        let variance = 0.01 * d as f64;
        check("offset 1e6", t.mapv(|v| v + 1e6).view(), variance);
        check("offset 1e12", t.mapv(|v| v + 1e12).view(), variance);
        check("scale 20, small noise", t.mapv(|v| v * 20.0).view(), 1e-3);
        for scale in [1e-150, 1e-20, 1e20, 1e200] {
            let t = t.mapv(|v| v * scale);
            check(&format!("scale {scale:e}"), t.view(), 1e-3);
            let variance = variance * scale * scale;
            if variance.is_finite() && variance > 0.0 {
                check(&format!("scale {scale:e} with its noise"), t.view(), variance);
            }
        }
    }
}

#[test]
fn noisy_near_duplicates_clusters_and_saturated_units_agree() {
    for (n, d) in [(520, 2), (520, 24), (520, 200)] {
        let mut random = Normal(3);
        let centres = random.matrix(n / 4, d);
        for (scale, step) in [(1.0, 1e-2), (20.0, 1e-2), (300.0, 1e-3)] {
            let t = Array2::from_shape_fn((n, d), |(i, k)| {
                scale * centres[[i / 4, k]] + step * random.next() / (d as f64).sqrt()
            });
            check("near duplicates", t.view(), step * step);
            check("near duplicates", t.view(), 1e-3);
        }
        check("collapsed", random.matrix(n, d).mapv(|v| 3.0 + 1e-4 * v).view(), 1e-8);
        check("one point", Array2::from_elem((n, d), 0.7).view(), 1e-3);
        let corners = random.matrix(30, d);
        for gain in [3.0, 30.0] {
            let t = Array2::from_shape_fn((n, d), |(i, k)| {
                (gain * (corners[[i % 30, k]] + 0.02 * random.next())).tanh()
            });
            check("saturated", t.view(), 1e-3);
            check("saturated", t.view(), 0.1);
        }
        let mut t = random.matrix(n, d);
        t.row_mut(17).mapv_inplace(|v| v * 1e6);
        check("one row 1e6 times larger", t.view(), 0.03 * d as f64);
    }
    // Equidistant, and units that are alike in a whole cluster.
    let t = Array2::from_shape_fn((600, 600), |(i, k)| 0.3 + if i == k { 3.7 } else { 0.0 });
    check("equidistant", t.view(), 3.7 * 3.7 / 5.0);
    let mut random = Normal(6);
    let t = Array2::from_shape_fn((700, 128), |(i, k)| match (k < 64, i % 2) {
        (true, 0) => 0.9850355,
        (true, _) => -0.9850355,
        _ => 0.625 * random.next(),
    });
    check("shared coordinates", t.view(), 2.0);
}

#[test]
fn noisy_points_of_far_clusters_and_repeated_rows_agree() {
    for (n, d) in [(1000, 2), (1003, 3), (1000, 16), (1000, 24)] {
        for variance in [1e-4, 0.1] {
            check("far clusters", far_clusters(n, d).view(), variance);
            check("repeated rows", repeated_rows(n, d).view(), variance);
        }
    }
    let t = Array2::from_shape_fn((1801, 1), |(i, _)| (i * 7919 % 1801) as f64 / 1801.0);
    check("a line", t.view(), 1e-5);
    let t = far_clusters(1000, 3);
    let t = Array2::from_shape_fn((1999, 3), |(i, k)| t[[i % 1000, k]]);
    check("far and repeated", t.view(), 1e-3);
}

/// The same pass with boxes and without.
#[test]
fn what_is_left_out_of_noisy_sums_is_negligible() {
    for (d, variance) in [(1, 1e-5), (3, 1e-3), (10, 1e-3), (20, 1e-3)] {
        let n = 2000;
        let t = if d < 10 { Normal(5).matrix(n, d).mapv(|v| (0.5 * v).tanh()) } else { far_clusters(n, d) };
        let t = t.mapv(|v| v as f32);
        let points = Points::new(Values::Single(t.as_slice().unwrap()), d, variance);
        let variance = [points.scaled_variance(variance)];
        let rows: Vec<u32> = (0..n as u32).step_by(2).collect();
        let y = classes(n, 2);
        let mut layout = Layout::of_all(n, Some(&y), None);
        let boxes = Boxes::choose(&points, &mut layout, shifted::reach(n, d, variance[0]));
        assert!(boxes.is_some(), "width {d}");
        let mut left = Layout::new(&rows, Some(&y));
        left.reorder(order::by_proximity(&points, &left));
        let left = Left::new(&left, &layout, &noise);
        let run = |boxes| {
            let packed = Packed::Exact(pack_exact::<f32>(&points, &layout.panels()));
            let (points, layout, variances) = (&points, &layout, &variance[..]);
            let pass = Pass { level: simd::level(), points, layout, packed, boxes, variances };
            pass.run_shifted(Pairs::All, &left)
        };
        let (fast, slow) = (run(boxes), run(None));
        for (fast, slow) in fast.all.iter().zip(&slow.all).chain(fast.within.iter().zip(&slow.within)) {
            for (fast, slow) in fast.iter().zip(slow) {
                assert!((fast - slow).abs() < 2e-12 * slow, "width {d}: {fast:e} not {slow:e}");
            }
        }
    }
}

#[test]
fn the_bits_of_noisy_sums_over_merged_and_far_centres_do_not_depend_on_threads_or_instructions() {
    for t in [far_clusters(1500, 3), far_clusters(1500, 24), repeated_rows(1500, 3), repeated_rows(1500, 24)]
    {
        let (n, d) = t.dim();
        let (x, y) = (classes(n, 500), classes(n, 2));
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let values = Values::Double(t.as_slice().unwrap());
            let rows: Vec<u32> = (0..n as u32).step_by(5).collect();
            pool.install(|| {
                same_at_every_level(|level| noisy(level, values, d, &[&x, &y], 1e-3, &noise, &rows))
            })
        };
        assert_eq!(run(1), run(3));
    }
}

/// 128 saturated units beside 896 that are 1 for one sample each: no randomness but that of the noise.
#[test]
fn noise_randomizes_the_rounding_of_data_without_any() {
    let n = 520;
    let t = Array2::from_shape_fn((n, 1024), |(i, k)| f64::from(u8::from(k < 128 || k - 128 == i)) * 0.97);
    check("one-hot beside saturated", t.view(), 0.3);
    check("one-hot beside saturated", t.view(), 0.1);
}

#[test]
fn the_bits_of_noisy_sums_do_not_depend_on_the_number_of_threads() {
    for d in [3, 40] {
        let t = Normal(2).matrix(1500, d);
        let (x, y) = (classes(1500, 500), classes(1500, 2));
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let of = |every| {
                let rows: Vec<u32> = (0..1500).step_by(every).collect();
                noisy_logarithms(&Variable::Double(t.view()), &[&x, &y], 0.3, &noise, &rows)
            };
            pool.install(|| (of(1), of(7)))
        };
        let one = run(1);
        assert_eq!(one, run(2));
        assert_eq!(one, run(8));
    }
}

#[test]
fn every_level_of_vector_instructions_sums_noisy_points_alike() {
    let n = 530;
    for d in [3, 40] {
        let t = Normal(6).matrix(n, d).mapv(|v| (0.5 * v).tanh());
        let y = classes(n, 2);
        let values = t.as_slice().unwrap();
        let variance = 0.05 * d as f64;
        let slow = reference::noisy_logarithms(
            (n, d),
            |i, k| values[i * d + k],
            &[&y],
            variance,
            &noise,
            &all_rows(n),
        );
        let single = t.mapv(|v| v as f32);
        for values in [Values::Double(values), Values::Single(single.as_slice().unwrap())] {
            let fast =
                same_at_every_level(|level| noisy(level, values, d, &[&y], variance, &noise, &all_rows(n)));
            let off = (mean(&fast.all) - mean(&slow.all))
                .abs()
                .max((mean(&fast.within[0]) - mean(&slow.within[0])).abs());
            assert!(off < 5e-7, "width {d}: {off:e} nats");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Noise belongs to rows, so that it is turned with them.
    #[test]
    fn noisy_rows_may_come_in_any_order_at_any_place_and_scale(
        n in 2usize..150, d in 1usize..30, n_classes in 1usize..60, seed: u64,
        shift in -1e3f64..1e3, exponent in -60i32..60, turn in 0usize..150,
    ) {
        let t = Normal(seed).matrix(n, d);
        let codes: Vec<usize> = (0..n).map(|i| (i * 7 + i * i) % n_classes).collect();
        let y = Labels::from_symbols(&codes);
        let variance = 0.2 * d as f64;
        let of = |t: ArrayView2<'_, f64>, y: &Labels, variance, noise: Noise<'_>| {
            let rows = noisy_logarithms(&Variable::Double(t), &[y], variance, noise, &all_rows(n));
            (mean(&rows.all), mean(&rows.within[0]))
        };
        let close = |a: (f64, f64), b: (f64, f64)| (a.0 - b.0).abs() < 2e-7 && (a.1 - b.1).abs() < 2e-7;
        let plain = of(t.view(), &y, variance, &noise);
        let order: Vec<usize> = (0..n).map(|i| n - 1 - (i + turn) % n).collect();
        let turned = |row: usize, out: &mut [f64]| noise(order[row], out);
        prop_assert!(close(plain, of(t.select(ndarray::Axis(0), &order).view(), &y.select(&order), variance, &turned)));
        prop_assert!(close(plain, of(t.mapv(|v| v + shift).view(), &y, variance, &noise)));
        let scale = 2f64.powi(exponent);
        prop_assert!(close(plain, of(t.mapv(|v| v * scale).view(), &y, variance * scale * scale, &noise)));
    }
}
