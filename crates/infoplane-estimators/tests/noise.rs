//! What the exact information of noisy layers promises to its callers.

use infoplane_estimators::Measure;
use infoplane_estimators::{Bound, Estimate, EstimateError, Estimator, Information, Labels, Variable};
use infoplane_estimators::{EstimateKind, Noise, Warning};
use ndarray::{Array2, ArrayView2, Axis, array, concatenate};

/// Standard normal numbers: splitmix64 and Box–Muller.
struct Normal(u64);

impl Normal {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (((z ^ (z >> 31)) >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }

    fn next(&mut self) -> f64 {
        (-2.0 * self.uniform().ln()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
    }

    fn matrix(&mut self, n: usize, d: usize) -> Array2<f64> {
        Array2::from_shape_simple_fn((n, d), || self.next())
    }
}

fn noise(variance: f64, draws: usize, seed: u64) -> Noise {
    Noise { draws: Some(draws), seed, ..Noise::new(vec![variance]) }
}

/// I(T;L) and its standard error, in nats.
fn measured(noise: &Noise, t: ArrayView2<'_, f64>, labels: &Labels) -> (f64, f64) {
    let estimate = noise.pair(Variable::Double(t), Variable::Labels(labels)).unwrap();
    (estimate.information.nats(), estimate.standard_error.map_or(0.0, Information::nats))
}

/// 12 random bits, all different where n ≤ 4096, through tanh layers of 24 and 64 units; classes by the parity of
/// three bits.
fn twelve_bits(n: usize) -> (Array2<f64>, Labels) {
    let mut random = Normal(5);
    let mut codes: Vec<usize> = (0..4096).collect();
    for i in (1..4096).rev() {
        codes.swap(i, (random.uniform() * (i + 1) as f64) as usize);
    }
    let bits = Array2::from_shape_fn((n, 12), |(i, k)| (codes[i] >> k & 1) as f64);
    let hidden = bits.dot(&(random.matrix(12, 24) / 12f64.sqrt())).mapv(f64::tanh);
    let t = hidden.dot(&(random.matrix(24, 64) / 24f64.sqrt())).mapv(f64::tanh);
    let y: Vec<u32> = codes[..n].iter().map(|code| (code & 7).count_ones() % 2).collect();
    (t, Labels::from_symbols(&y))
}

/// Information of two equal signals ±1 in Gaussian noise: ln 2 − E ln(1 + exp(−2(1 + σz)/σ²)), by the trapezoidal rule.
fn two_signals(variance: f64) -> f64 {
    let (steps, reach) = (4000, 10.0);
    let width = 2.0 * reach / steps as f64;
    let mean: f64 = (0..=steps)
        .map(|step| {
            let z = -reach + step as f64 * width;
            let density = (-z * z / 2.0).exp() / std::f64::consts::TAU.sqrt();
            density * (-2.0 * (1.0 + variance.sqrt() * z) / variance).exp().ln_1p() * width
        })
        .sum();
    2f64.ln() - mean
}

#[test]
fn two_signals_in_any_number_of_dimensions_have_the_information_of_the_channel() {
    for d in [1, 3, 64, 500] {
        // At a distance of 2 along the diagonal; 600 rows are 600 draws for either signal.
        let t = Array2::from_shape_fn((600, d), |(i, _)| (2.0 * (i % 2) as f64 - 1.0) / (d as f64).sqrt());
        let y = Labels::from_symbols(&(0..600).map(|i| i % 2).collect::<Vec<_>>());
        for variance in [0.2, 1.0, 5.0] {
            let (value, error) = measured(&noise(variance, 2, 1), t.view(), &y);
            assert!(error < 0.03 && error > 0.0);
            assert!((value - two_signals(variance)).abs() < 4.0 * error, "d={d} σ²={variance}: {value}");
        }
    }
}

/// ½ ln(1 + P/σ²) per dimension, for many more samples than e^I.
#[test]
fn a_gaussian_layer_has_the_capacity_of_a_gaussian_channel() {
    for (d, power, n) in [(1, 3.0, 4000), (2, 1.0, 4000), (6, 0.3, 4000)] {
        let t = Normal(2).matrix(n, d) * f64::sqrt(power);
        let capacity = d as f64 / 2.0 * (1.0f64 + power).ln();
        let (value, error) = measured(&noise(1.0, 1, 3), t.view(), &Labels::distinct(n));
        // With one draw the error covers which rows there are to first order; what remains is the bias of a
        // mixture of n centres in place of the density, below e^I′/2n = (1 + 2P)^(d/2) / 2n.
        let bias = (1.0 + 2.0 * power).powf(d as f64 / 2.0) / (2 * n) as f64;
        assert!(error < 0.02);
        assert!((value - capacity).abs() < 4.0 * error + bias, "d={d}: {value} for {capacity}");
    }
}

#[test]
fn clusters_copies_and_single_rows_are_counted_exactly() {
    let (far, distinct) = (noise(1e-2, 1, 0), Labels::distinct(40));
    let two = Array2::from_shape_fn((40, 30), |(i, _)| 100.0 * (i % 2) as f64);
    assert!((measured(&far, two.view(), &distinct).0 - 2f64.ln()).abs() < 1e-12);
    let y = Labels::from_symbols(&(0..40).map(|i| i % 2).collect::<Vec<_>>());
    assert!((measured(&far, two.view(), &y).0 - 2f64.ln()).abs() < 1e-12);
    let one = Labels::from_symbols(&[0; 40]);
    assert_eq!(measured(&far, two.view(), &one), (0.0, 0.0));
    // Every row twice, given as the same input or as two: the information of one copy, with new noise.
    let t = Normal(1).matrix(300, 20);
    let twice = concatenate![Axis(0), t, t];
    let inputs = Labels::from_symbols(&(0..600).map(|i| i % 300).collect::<Vec<_>>());
    let (once, error) = measured(&noise(4.0, 4, 0), t.view(), &Labels::distinct(300));
    for labels in [&inputs, &Labels::distinct(600)] {
        let (value, other) = measured(&noise(4.0, 4, 1), twice.view(), labels);
        assert!((value - once).abs() < 4.0 * error.hypot(other), "{value} {once}");
    }
}

#[test]
fn the_twelve_bit_layer_is_measured_within_a_hundredth_and_between_its_bounds() {
    let variance = 0.1;
    for (n, tolerance) in [(1000, 0.02), (4096, 0.01)] {
        let (t, y) = twelve_bits(n);
        let (x, view) = (Labels::distinct(n), Variable::Double(t.view()));
        let reference: Vec<Estimate> = noise(variance, if n > 1000 { 10 } else { 60 }, 77)
            .layer(view, &[&x, &y])
            .unwrap()
            .remove(0)
            .estimates
            .into_iter()
            .map(Result::unwrap)
            .collect();
        for seed in 0..2 {
            let config = Noise { bounds: true, seed, ..Noise::new(vec![variance]) };
            let readings = config.clone().layer(view, &[&x, &y]).unwrap();
            let bounds: Vec<_> = readings.iter().map(|reading| reading.bound).collect();
            assert_eq!(bounds, [None, Some(Bound::Upper), Some(Bound::Lower)]);
            let nats = |reading: usize, label: usize| {
                readings[reading].estimates[label].as_ref().unwrap().information.nats()
            };
            assert!(nats(2, 0) < nats(0, 0) && nats(0, 0) < nats(1, 0));
            for (label, reference) in reference.iter().enumerate() {
                let off = nats(0, label) - reference.information.nats();
                println!("n={n} label {label}: {:.4} off by {off:.4}", nats(0, label));
                assert!(off.abs() < tolerance, "n={n} label {label}: off by {off}");
            }
        }
    }
}

/// The ratio of stated errors to the spread of repeated draws.
#[test]
fn standard_errors_are_those_of_repeated_draws_from_two_on_and_too_large_for_one() {
    let (t, y) = twelve_bits(120);
    let x = Labels::distinct(120);
    let repeats = 200;
    for (draws, variance) in [(1, 0.1), (2, 0.1), (2, 1.0)] {
        // Value and error of both labellings.
        let values: Vec<Vec<(f64, f64)>> = (0..repeats)
            .map(|seed| {
                let layer =
                    noise(variance, draws, seed).layer(Variable::Double(t.view()), &[&x, &y]).unwrap();
                let of = |estimate: &Result<Estimate, EstimateError>| {
                    let estimate = estimate.as_ref().unwrap();
                    (estimate.information.nats(), estimate.standard_error.unwrap().nats())
                };
                layer[0].estimates.iter().map(of).collect()
            })
            .collect();
        for label in 0..2 {
            let mean = values.iter().map(|v| v[label].0).sum::<f64>() / repeats as f64;
            let squares = values.iter().map(|v| (v[label].0 - mean).powi(2)).sum::<f64>();
            let spread = (squares / (repeats - 1) as f64).sqrt();
            let stated = (values.iter().map(|v| v[label].1.powi(2)).sum::<f64>() / repeats as f64).sqrt();
            println!("draws={draws} variance={variance}: stated/true {:.3}", stated / spread);
            // The spread of 200 values is known to 1/√400 = 5 %.
            assert!(stated > 0.83 * spread, "draws={draws}: {stated} for {spread}");
            assert!(draws == 1 || stated < 1.2 * spread, "draws={draws}: {stated} for {spread}");
        }
    }
}

#[test]
fn entropy_is_that_of_the_mixture() {
    let of_noise = |d: usize, variance: f64| {
        d as f64 / 2.0 * (std::f64::consts::TAU * std::f64::consts::E * variance).ln()
    };
    let far = Array2::from_shape_fn((50, 7), |(i, _)| 100.0 * i as f64);
    let estimate = noise(0.3, 1, 0).entropy(Variable::Double(far.view())).unwrap();
    assert!((estimate.information.nats() - 50f64.ln() - of_noise(7, 0.3)).abs() < 1e-9);
    // A standard Gaussian with noise of variance 3 has variance 4.
    let t = Normal(4).matrix(4000, 2);
    let estimate = noise(3.0, 1, 0).entropy(Variable::Double(t.view())).unwrap();
    let error = estimate.standard_error.unwrap().nats();
    assert!((estimate.information.nats() - of_noise(2, 4.0)).abs() < 4.0 * error + 1e-3 && error < 0.02);
}

#[test]
fn equal_rows_of_x_are_one_input_and_sides_may_be_swapped() {
    let mut t = Normal(7).matrix(60, 3);
    t.row_mut(5).fill(0.0);
    let x = Array2::from_shape_fn(
        (60, 2),
        |(i, k)| if i % 20 == 0 && k == 1 { -0.0 } else { (i % 20 * k) as f64 },
    );
    let labels = Labels::from_symbols(&(0..60).map(|i| i % 20).collect::<Vec<_>>());
    let (method, t) = (noise(0.5, 1, 2), Variable::Double(t.view()));
    let by_labels = method.pair(Variable::Labels(&labels), t).unwrap();
    assert_eq!(method.pair(t, Variable::Labels(&labels)).unwrap().information, by_labels.information);
    let by_rows = method.pair(Variable::Double(x.view()), t).unwrap();
    assert_eq!((by_rows.information, &by_rows.dims[..]), (by_labels.information, &[2, 3][..]));
    let single = x.mapv(|v| v as f32);
    assert_eq!(method.pair(Variable::Single(single.view()), t).unwrap().information, by_labels.information);
    assert_eq!(by_rows.ceiling.unwrap(), labels.entropy());
    assert_eq!(by_rows.kind, EstimateKind::Smoothed { noise_variance: 0.5 });
}

#[test]
fn the_same_bits_for_any_number_of_threads_and_another_seed_another_value() {
    let (t, y) = twelve_bits(700);
    let x = Labels::distinct(700);
    let run = |threads, seed| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| noise(0.2, 2, seed).layer(Variable::Double(t.view()), &[&x, &y]).unwrap())
    };
    assert_eq!(run(1, 4), run(8, 4));
    assert_ne!(run(1, 4), run(1, 5));
}

/// More noise leaves less, and the value never exceeds ln N by more than nothing.
#[test]
fn information_falls_with_the_noise_and_stays_below_its_ceiling() {
    let (t, y) = twelve_bits(500);
    let x = Labels::distinct(500);
    let config = Noise::new(vec![1e-12, 1e-3, 0.03, 0.3, 3.0, 1e3, 1e12]);
    let readings = config.clone().layer(Variable::Double(t.view()), &[&x, &y]).unwrap();
    let values: Vec<Estimate> = readings.into_iter().map(|mut r| r.estimates.remove(0).unwrap()).collect();
    assert!((values[0].information.nats() - 500f64.ln()).abs() < 1e-12);
    assert!(matches!(&values[0].warnings[..], [Warning::Note(text)] if text.contains("the sample limits")));
    assert!(values[5].warnings.is_empty());
    for pair in values.windows(2) {
        let error = pair[0].standard_error.unwrap().nats() + pair[1].standard_error.unwrap().nats();
        // Without overlap all values are ln N, up to rounding.
        assert!(pair[1].information.nats() <= pair[0].information.nats() + 3.0 * error + 1e-9);
    }
    let last = &values[6];
    assert!(last.information.nats().abs() < 1e-5);
}

#[test]
fn what_cannot_be_measured_is_an_error() {
    for variances in [vec![], vec![0.0], vec![-1.0], vec![1.0, f64::NAN], vec![f64::INFINITY]] {
        assert!(matches!(
            Noise::new(variances).check(),
            Err(EstimateError::Setting { key: "noise_variances", .. })
        ));
    }
    let none = Noise { draws: Some(0), ..Noise::new(vec![1.0]) };
    assert!(matches!(none.check(), Err(EstimateError::Setting { key: "draws", .. })));
    let (method, x) = (noise(1.0, 1, 0), Labels::distinct(2));
    let t = array![[0.0, 0.0], [3.0, 4.0]];
    let t = Variable::Double(t.view());
    let several = Noise::new(vec![0.1, 0.2]);
    assert!(matches!(
        several.pair(Variable::Labels(&x), t),
        Err(EstimateError::Setting { key: "noise_variances", .. })
    ));
    let needs_matrix = Err(EstimateError::NeedsMatrix { estimator: "noise" });
    assert_eq!(method.pair(Variable::Labels(&x), Variable::Labels(&x)), needs_matrix);
    assert_eq!(method.entropy(Variable::Labels(&x)), needs_matrix);
    assert!(matches!(method.layer(Variable::Labels(&x), &[&x]), Err(EstimateError::NeedsMatrix { .. })));
    assert!(matches!(
        method.layer(t, &[&Labels::distinct(3)]),
        Err(EstimateError::LengthMismatch { n_labels: 3, n_samples: 2 })
    ));
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let bad = array![[0.0f32, 1.0], [bad, 1.0]];
        assert!(matches!(
            method.pair(Variable::Labels(&x), Variable::Single(bad.view())),
            Err(EstimateError::NotFinite { row: 1, column: 0, .. })
        ));
    }
    let empty = Array2::<f32>::zeros((0, 3));
    assert!(matches!(
        method.layer(Variable::Single(empty.view()), &[]),
        Err(EstimateError::Empty { n_samples: 0, width: 3 })
    ));
}

#[test]
fn poor_data_have_documented_values() {
    let method = noise(0.1, 1, 0);
    let y = Labels::from_symbols(&(0..40).map(|i| usize::from(i > 0)).collect::<Vec<_>>());
    // A dead layer; all rows equal.
    for value in [0.0, 3.7] {
        let dead = Array2::from_elem((40, 20), value);
        let estimate = method.pair(Variable::Double(dead.view()), Variable::Labels(&y)).unwrap();
        assert_eq!((estimate.information.nats(), &estimate.warnings[..]), (0.0, &[Warning::Constant][..]));
        assert_eq!(estimate.standard_error, None);
    }
    // One sample, at any width.
    for d in [1, 30] {
        let one = Array2::from_elem((1, d), 2.0);
        assert_eq!(measured(&method, one.view(), &Labels::distinct(1)), (0.0, 0.0));
    }
    // A class with one member far from the rest, and more columns than samples.
    let lonely = Array2::from_shape_fn((40, 100), |(i, _)| if i == 0 { 50.0 } else { 0.0 });
    assert!((measured(&method, lonely.view(), &y).0 - y.entropy().nats()).abs() < 1e-12);
    // Columns that never change make no difference: they have noise and no signal.
    let t = Normal(1).matrix(300, 2);
    let padded = concatenate![Axis(1), t, Array2::from_elem((300, 30), 5.0)];
    let x = Labels::distinct(300);
    let (value, error) = measured(&method, t.view(), &x);
    let (other, other_error) = measured(&method, padded.view(), &x);
    assert!((value - other).abs() < 3.0 * error.hypot(other_error));
}

#[test]
fn noise_on_some_rows_agrees_with_noise_on_all_within_its_error() {
    // 300 inputs, six draws of each; classes of different spread.
    let mut random = Normal(5);
    let t = Array2::from_shape_fn((1800, 3), |(row, _)| {
        let input = row % 300;
        (input % 7) as f64 * 0.2 + 0.1 * (1 + input % 3) as f64 * random.next()
    });
    let x = Labels::from_symbols(&(0..1800).map(|row| row % 300).collect::<Vec<_>>());
    let y = Labels::from_symbols(&(0..1800).map(|row| row % 300 % 3).collect::<Vec<_>>());
    let labellings = [&Labels::distinct(1800), &x, &y];
    let values = |points, draws, seed| -> Vec<(f64, f64)> {
        let config = Noise { points, draws: Some(draws), seed, ..Noise::new(vec![0.01]) };
        let readings = config.clone().layer(Variable::Double(t.view()), &labellings).unwrap();
        let estimates = readings[0].estimates.iter().map(|estimate| estimate.as_ref().unwrap());
        estimates.map(|e| (e.information.nats(), e.standard_error.unwrap().nats())).collect()
    };
    let all = values(None, 60, 100);
    for draws in [1, 3] {
        const SEEDS: u64 = 60;
        let some: Vec<Vec<(f64, f64)>> = (0..SEEDS).map(|seed| values(Some(200), draws, seed)).collect();
        for (labelling, (exact, exact_error)) in all.iter().enumerate() {
            let mean = some.iter().map(|values| values[labelling].0).sum::<f64>() / SEEDS as f64;
            let square = |values: &Vec<(f64, f64)>| (values[labelling].0 - mean).powi(2);
            let spread = (some.iter().map(square).sum::<f64>() / (SEEDS - 1) as f64).sqrt();
            let stated = some.iter().map(|values| values[labelling].1).sum::<f64>() / SEEDS as f64;
            let off = (mean - exact).abs();
            assert!(
                off < 4.0 * (spread / (SEEDS as f64).sqrt()).hypot(*exact_error),
                "{labelling}: off by {off}"
            );
            // A standard deviation from 60 values has a relative error of 9 %; with one draw the error stated is too
            // large.
            let most = if draws == 1 { 1.5 } else { 1.35 };
            assert!(
                (0.7..most).contains(&(stated / spread)),
                "{labelling}, {draws} draws: {stated} for {spread}"
            );
        }
    }
}
