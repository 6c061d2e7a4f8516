//! What all local methods answer to bad input, closed forms, and laws that hold for each.

use crate::Measure;
use ndarray::{Array2, Axis, array, concatenate};
use proptest::prelude::*;

use super::*;
use crate::estimator::{Estimator, Quantity};
use crate::random::{Purpose, generator, normal, uniform};
use crate::{Labels, Variable};

fn klnn(change: impl Fn(&mut Klnn)) -> Klnn {
    let mut config = Klnn::default();
    change(&mut config);
    config.clone()
}

fn lgde(change: impl Fn(&mut Lgde)) -> Lgde {
    let mut config = Lgde::default();
    change(&mut config);
    config.clone()
}

fn lnc(change: impl Fn(&mut Lnc)) -> Lnc {
    let mut config = Lnc::default();
    change(&mut config);
    config.clone()
}

fn gknn() -> Gknn {
    Gknn::default()
}

fn all() -> Vec<Box<dyn Estimator>> {
    vec![Box::new(klnn(|_| {})), Box::new(lgde(|_| {})), Box::new(lnc(|_| {})), Box::new(gknn())]
}

fn normals(n: usize, d: usize, seed: u64) -> Array2<f64> {
    let mut generator = generator(seed, Purpose::Local, 1 << 52);
    Array2::from_shape_simple_fn((n, d), || normal(&mut generator))
}

/// Pairs of normal columns with correlation ρ.
fn correlated(n: usize, d: usize, rho: f64, seed: u64) -> (Array2<f64>, Array2<f64>) {
    let x = normals(n, d, seed);
    let y = &x * rho + normals(n, d, seed + 1000) * (1.0 - rho * rho).sqrt();
    (x, y)
}

fn nats(estimator: &dyn Estimator, x: &Array2<f64>, y: &Array2<f64>) -> f64 {
    pair(estimator, x, y).unwrap().information.nats()
}

fn pair(estimator: &dyn Estimator, x: &Array2<f64>, y: &Array2<f64>) -> Result<Estimate, EstimateError> {
    estimator.pair(Variable::Double(x.view()), Variable::Double(y.view()))
}

fn entropy(estimator: &dyn Estimator, x: &Array2<f64>) -> f64 {
    estimator.entropy(Variable::Double(x.view())).unwrap().information.nats()
}

#[test]
fn values_that_are_not_finite_are_named() {
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let (mut x, y) = correlated(100, 2, 0.5, 1);
        x[(7, 1)] = value;
        for estimator in all() {
            let error = pair(&*estimator, &x, &y).unwrap_err();
            assert!(matches!(error, EstimateError::NotFinite { row: 7, column: 1, .. }), "{error}");
        }
    }
}

#[test]
fn constant_columns_are_left_out_and_constant_variables_carry_nothing() {
    let (x, y) = correlated(100, 1, 0.5, 1);
    let wide = concatenate![Axis(1), x, Array2::from_elem((100, 1), 3.0)];
    let dead = Array2::zeros((100, 5));
    for estimator in all() {
        let name = estimator.name();
        let estimate = pair(&*estimator, &wide, &y).unwrap();
        assert_eq!(estimate.information.nats(), nats(&*estimator, &x, &y), "{name}");
        assert_eq!(estimate.warnings[0], Warning::ConstantColumns { columns: 1 }, "{name}");
        assert_eq!(estimate.dims, [2, 1]);
        // All rows equal; a dead layer.
        for (x, y) in [(&dead, &y), (&y, &dead), (&dead, &dead)] {
            let estimate = pair(&*estimator, x, y).unwrap();
            assert_eq!(estimate.information.nats(), 0.0, "{name}");
            assert_eq!(estimate.warnings, [Warning::Constant], "{name}");
        }
        let refused = pair(&*estimator, &array![[1.0, 2.0]], &array![[3.0]]).unwrap_err();
        assert!(matches!(refused, EstimateError::TooFewSamples { needed: 2, .. }), "{name}");
    }
    for estimator in [&klnn(|_| {}) as &dyn Estimator, &gknn()] {
        let error = estimator.entropy(Variable::Double(wide.view())).unwrap_err();
        assert!(matches!(error, EstimateError::Undetermined { .. }), "{error}");
    }
}

#[test]
fn repeated_samples_are_refused_and_a_few_of_them_told() {
    let (x, y) = correlated(300, 1, 0.5, 1);
    let double = |m: &Array2<f64>| concatenate![Axis(0), m.view(), m.view()];
    let rounded = x.mapv(|v| v.round());
    for estimator in all() {
        let name = estimator.name();
        let error = pair(&*estimator, &double(&x), &double(&y)).unwrap_err();
        assert!(matches!(error, EstimateError::Ties { tied: 600, n_samples: 600, .. }), "{name}: {error}");
        // Only one side has equal values: no pair coincides, and yet the density of x is infinite.
        let error = pair(&*estimator, &rounded, &y).unwrap_err();
        assert!(matches!(error, EstimateError::Ties { .. }), "{name}: {error}");
        let (mut x, mut y) = (x.clone(), y.clone());
        (x[(1, 0)], y[(1, 0)]) = (x[(0, 0)], y[(0, 0)]);
        let estimate = pair(&*estimator, &x, &y).unwrap();
        assert_eq!(estimate.ties, 2, "{name}");
        assert!(estimate.warnings.contains(&Warning::Ties { tied: 2, n_samples: 300 }), "{name}");
        assert!((estimate.information.nats() - nats(&*estimator, &x, &y)).abs() < 0.1, "{name}");
    }
}

#[test]
fn too_few_samples_and_too_many_columns_are_refused() {
    for (n, estimator) in [30, 25, 4, 20].into_iter().zip(all()) {
        let (x, y) = correlated(n, 1, 0.5, 1);
        let error = pair(&*estimator, &x, &y).unwrap_err();
        let expected = n + 1;
        assert!(
            matches!(error, EstimateError::TooFewSamples { needed, .. } if needed == expected),
            "{error}"
        );
        let (x, y) = correlated(n + 1, 1, 0.5, 1);
        assert!(nats(&*estimator, &x, &y).is_finite());
    }
    // Nine and nine columns, ten samples.
    let (x, y) = correlated(10, 9, 0.5, 1);
    let errors: Vec<_> = all().iter().map(|estimator| pair(&**estimator, &x, &y).unwrap_err()).collect();
    assert!(matches!(errors[0], EstimateError::TooManyDimensions { dims: 18, most: 6, .. }), "{}", errors[0]);
    assert!(matches!(errors[1], EstimateError::TooManyDimensions { dims: 18, most: 6, .. }), "{}", errors[1]);
    assert!(matches!(errors[2], EstimateError::TooFewSamples { needed: 37, .. }), "{}", errors[2]);
    // k = 20 is just enough for 18 columns.
    assert!(matches!(errors[3], EstimateError::TooFewSamples { needed: 21, .. }), "{}", errors[3]);
    let (x, y) = correlated(100, 10, 0.5, 1);
    let error = pair(&gknn(), &x, &y).unwrap_err();
    assert!(matches!(error, EstimateError::Setting { key: "k", .. }), "{error}");
    let (x, y) = correlated(100, 2, 0.5, 1);
    let error = pair(&lnc(|config| config.k = Some(7)), &x, &y).unwrap_err();
    assert!(matches!(error, EstimateError::Setting { key: "k", .. }), "{error}");
}

#[test]
fn labels_other_lengths_and_other_quantities_are_refused() {
    let x = normals(40, 1, 1);
    let y = Labels::from_symbols(&(0..40).map(|i| i % 2).collect::<Vec<_>>());
    for estimator in all() {
        let of_labels = estimator.pair(Variable::Double(x.view()), Variable::Labels(&y)).unwrap_err();
        assert_eq!(of_labels, EstimateError::NeedsMatrix { estimator: estimator.name() });
        let error = pair(&*estimator, &x, &normals(39, 1, 1)).unwrap_err();
        assert_eq!(error, EstimateError::RowMismatch { given: 39, expected: 40 });
        let v = || Variable::Double(x.view());
        let error = estimator.conditional(v(), v(), v()).unwrap_err();
        assert!(matches!(error, EstimateError::NotOffered { .. }), "{error}");
        let error = pair(&*estimator, &Array2::zeros((0, 1)), &Array2::zeros((0, 1))).unwrap_err();
        assert!(matches!(error, EstimateError::Empty { .. }), "{error}");
    }
    let error = lnc(|_| {}).total_correlation(&[]).unwrap_err();
    assert!(matches!(error, EstimateError::Empty { .. }), "{error}");
    let error = lgde(|_| {}).entropy(Variable::Double(x.view())).unwrap_err();
    assert!(matches!(error, EstimateError::NotOffered { quantity: Quantity::Entropy, .. }), "{error}");
}

#[test]
fn settings_out_of_range_are_refused_by_name() {
    let refused = |key: &str, error: EstimateError| {
        assert!(matches!(&error, EstimateError::Setting { key: given, .. } if *given == key), "{error}");
    };
    let default = Klnn::default;
    refused("k", Klnn { k: 4, ..default() }.check().unwrap_err());
    refused("order", Klnn { order: 3, ..default() }.check().unwrap_err());
    refused("neighbors", Klnn { neighbors: Some(29), ..default() }.check().unwrap_err());
    refused("k", Lgde { k: Some(4), ..Lgde::default() }.check().unwrap_err());
    refused("neighbors", Lgde { neighbors: Some(9), ..Lgde::default() }.check().unwrap_err());
    refused("k", Lnc { k: Some(2), ..Lnc::default() }.check().unwrap_err());
    for alpha in [-0.1, 1.1, f64::NAN] {
        refused("alpha", Lnc { alpha: Some(alpha), ..Lnc::default() }.check().unwrap_err());
    }
    refused("k", Gknn { k: 2, ..Gknn::default() }.check().unwrap_err());
}

#[test]
fn one_column_that_determines_another_has_no_finite_information() {
    let (x, _) = correlated(300, 1, 0.5, 1);
    let y = &x * 3.0 + 1.0;
    for estimator in [&lgde(|_| {}) as &dyn Estimator, &lnc(|_| {}), &gknn()] {
        let error = pair(estimator, &x, &y).unwrap_err();
        assert!(matches!(error, EstimateError::Undetermined { .. }), "{}: {error}", estimator.name());
    }
    // KLNN has fits of lower order to fall back on, and says that it did.
    let estimate = pair(&klnn(|_| {}), &x, &y).unwrap();
    let note = estimate.warnings.iter().any(|w| w.to_string().starts_with("300 samples of (x, y)"));
    assert!(estimate.information.nats() > 2.0 && note, "{estimate:?}");
}

#[test]
fn values_near_the_ends_of_double_precision_are_measured_or_refused() {
    let (x, y) = correlated(200, 1, 0.75, 1);
    for scale in [1e300, 1e-300] {
        for estimator in all() {
            let scaled = nats(&*estimator, &(&x * scale), &y);
            assert!((scaled - nats(&*estimator, &x, &y)).abs() < 1e-6, "{}", estimator.name());
        }
        let raw = klnn(|config| config.scaling = Scaling::None);
        if let Ok(estimate) = pair(&raw, &(&x * scale), &y) {
            assert!(estimate.information.nats().is_finite());
        }
    }
}

/// The pointwise information of a normal pair has standard deviation ρ, so that no method does better than
/// ρ/√n; nearest neighbours of fixed number add up to as much again.
#[test]
fn normal_pairs_have_the_information_of_their_correlation() {
    for (rho, seed) in [(0.0, 1), (0.75, 2), (-0.95, 3), (0.999, 4)] {
        let n = 2000;
        let (x, y) = correlated(n, 1, rho, seed);
        let truth = -0.5 * (1.0 - rho * rho).ln();
        let r = {
            let column = |m: &Array2<f64>| (m - m.mean().unwrap()).column(0).to_owned();
            let (x, y) = (column(&x), column(&y));
            x.dot(&y) / (x.dot(&x) * y.dot(&y)).sqrt()
        };
        // What these samples say about ρ, so that chance of the sample is not in the tolerance.
        let of_sample = -0.5 * (1.0 - r * r).ln();
        assert!((of_sample - truth).abs() < 4.0 * f64::max(rho.abs(), 0.05) / (n as f64).sqrt());
        // Ranks of 2000 samples hardly show a noise of 0.04: normal scores lose 0.05 there.
        let scaling = if rho > 0.99 { Scaling::Standardized } else { Scaling::NormalScores };
        let mut methods = all();
        methods[1] = Box::new(lgde(|config| config.scaling = scaling));
        for (estimator, tolerance) in methods.iter().zip([0.08, 0.03, 0.08, 0.08]) {
            let estimate = nats(&**estimator, &x, &y);
            let name = estimator.name();
            assert!(
                (estimate - of_sample).abs() < tolerance,
                "{name}, ρ = {rho}: {estimate} for {of_sample}"
            );
        }
        let joint = klnn(|config| config.bandwidth = KlnnBandwidth::Joint);
        assert!((nats(&joint, &x, &y) - of_sample).abs() < 0.08, "{rho}");
    }
}

#[test]
fn information_between_two_and_two_columns_adds_up() {
    let (x, y) = correlated(2000, 2, 0.8, 5);
    let truth = -(1.0f64 - 0.64).ln();
    // √2 · 0.8/√2000 = 0.025 is the chance of the sample; three times that, and KLNN's loss for few samples.
    for (estimator, low) in all().iter().zip([0.5, 0.08, 0.12, 0.08]) {
        let estimate = nats(&**estimator, &x, &y);
        assert!(estimate > truth - low && estimate < truth + 0.12, "{}: {estimate}", estimator.name());
    }
    let estimate = pair(&klnn(|_| {}), &x, &y).unwrap();
    assert!(estimate.warnings.iter().any(|w| w.to_string().contains("too low")), "{estimate:?}");
}

#[test]
fn entropies_are_those_of_the_normal_distribution_and_move_with_scale() {
    for d in 1..=3 {
        let n = 2000;
        let x = normals(n, d, d as u64);
        let truth = d as f64 / 2.0 * (1.0 + std::f64::consts::TAU.ln());
        // The mean of −ln f over the samples has standard deviation √(d/2n); the fit adds about as much.
        let chance = (d as f64 / 2.0 / n as f64).sqrt();
        for (estimator, own) in [(&klnn(|_| {}) as &dyn Estimator, 0.0), (&gknn(), 0.04 * d as f64)] {
            let h = entropy(estimator, &x);
            assert!((h - truth).abs() < 6.0 * chance + own, "{} {d}: {h} for {truth}", estimator.name());
            let scaled = entropy(estimator, &(&x * 1e6 + 3.0));
            assert!((scaled - h - d as f64 * 1e6f64.ln()).abs() < 1e-6, "{} {d}", estimator.name());
        }
    }
}

#[test]
fn every_order_and_cut_of_the_neighbours_has_its_own_bias() {
    // With one bias for all, orders would differ by up to 0.2 and cuts by 0.7 nats in three columns.
    let x = normals(3000, 3, 9);
    let truth = 1.5 * (1.0 + std::f64::consts::TAU.ln());
    for order in 0..3 {
        for neighbors in [Some(40), Some(100), None] {
            let h = entropy(&klnn(|config| (config.order, config.neighbors) = (order, neighbors)), &x);
            // √(3/6000) = 0.022 is chance; the rest is curvature, largest for the lowest orders.
            assert!((h - truth).abs() < 0.17, "order {order}, {neighbors:?}: {h} for {truth}");
        }
    }
}

#[test]
fn dependence_within_a_vector_is_no_information_about_another() {
    // Five columns that are all but one, and five of another kind, independent of them: programs that correct the
    // joint space alone say tens of nats.
    let strand = |seed: u64| {
        let first = normals(1000, 1, 100 * seed);
        let columns: Vec<_> =
            (0..5).map(|i| &first + &(normals(1000, 1, 100 * seed + 10 + i) * 1e-3)).collect();
        concatenate(Axis(1), &columns.iter().map(|c| c.view()).collect::<Vec<_>>()).unwrap()
    };
    let (x, y) = (strand(1), strand(2));
    let information = nats(&lnc(|_| {}), &x, &y);
    assert!(information.abs() < 2.0, "{information}");
    let within = lnc(|_| {});
    let columns: Vec<Array2<f64>> = (0..5).map(|i| x.column(i).to_owned().insert_axis(Axis(1))).collect();
    let parts: Vec<_> = columns.iter().map(|c| Variable::Double(c.view())).collect();
    let correlation = within.total_correlation(&parts).unwrap().information.nats();
    assert!(correlation > 15.0, "there is that much to mistake: {correlation}");
}

#[test]
fn the_correction_for_boxes_sees_strong_dependence_where_ksg_does_not() {
    let mut generator = generator(3, Purpose::Local, 1 << 53);
    let x = Array2::from_shape_simple_fn((1000, 1), || uniform(&mut generator));
    let noise = 1e-4;
    let y = &x + &(normals(1000, 1, 6) * noise);
    // H(Y) = 0 but for the borders, of 1e-4.
    let truth = -0.5 * (std::f64::consts::TAU * std::f64::consts::E * noise * noise).ln();
    let corrected = nats(&lnc(|_| {}), &x, &y);
    // 1/√2000 = 0.022 of chance, as much of the method.
    assert!((corrected - truth).abs() < 0.15, "{corrected} for {truth}");
    let plain = nats(&lnc(|config| config.alpha = Some(0.0)), &x, &y);
    assert!(plain < truth - 1.0, "{plain}");
    let standardized = nats(&lgde(|config| config.scaling = Scaling::Standardized), &x, &y);
    assert!((standardized - truth).abs() < 0.15, "{standardized} for {truth}");
}

#[test]
fn total_correlation_of_single_columns_is_the_sum_along_the_chain() {
    // TC(a, b, c) = I(a;b) + I(ab;c), for one normal chain; the truth is −½ ln det of the correlations.
    let (a, b) = correlated(4000, 1, 0.8, 20);
    let c = &b * 0.8 + normals(4000, 1, 99) * 0.6;
    let parts = [Variable::Double(a.view()), Variable::Double(b.view()), Variable::Double(c.view())];
    let estimate = lnc(|_| {}).total_correlation(&parts).unwrap().information.nats();
    let truth = -(1.0f64 - 0.64).ln();
    // √2 · 0.8/√4000 = 0.018.
    assert!((estimate - truth).abs() < 0.07, "{estimate} for {truth}");
}

#[test]
fn one_thread_and_eight_give_the_same_bits() {
    let (x, y) = correlated(500, 2, 0.8, 7);
    let pool = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    for estimator in all() {
        let on = |threads| pool(threads).install(|| nats(&*estimator, &x, &y).to_bits());
        assert_eq!(on(1), on(8), "{}", estimator.name());
        assert_eq!(on(8), on(8), "{}", estimator.name());
    }
    assert_eq!(
        pool(1).install(|| super::bias::draw(2, 6, 50, 20)),
        pool(8).install(|| super::bias::draw(2, 6, 50, 20))
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn order_side_and_units_do_not_matter(seed in 0u64..1000, rho in -0.9f64..0.9, scale in -20i32..20) {
        let (x, y) = correlated(80, 1, rho, seed);
        let order: Vec<usize> = (0..80).map(|i| (i * 37 + 11) % 80).collect();
        let (xs, ys) = (x.select(Axis(0), &order), y.select(Axis(0), &order));
        // Powers of two and a shift that rounds: the columns are the same but for 1e-16 of their size.
        let moved = &x * -f64::powi(2.0, scale) + f64::powi(2.0, scale);
        for estimator in all() {
            let estimate = nats(&*estimator, &x, &y);
            let name = estimator.name();
            prop_assert!((nats(&*estimator, &xs, &ys) - estimate).abs() < 1e-7, "{name}: order of rows");
            prop_assert!((nats(&*estimator, &y, &x) - estimate).abs() < 1e-7, "{name}: sides");
            prop_assert!((nats(&*estimator, &moved, &y) - estimate).abs() < 1e-6, "{name}: units");
        }
    }
}
