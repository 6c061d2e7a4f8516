//! Every method here against what it may be given: a documented value or a documented error, never a panic.

use ndarray::{Array2, s};

use super::tests::{double, normals, uniform_column};
use crate::{AnyEstimator, EstimateError, Measure, Warning};
use crate::{Estimate, Estimator, Labels, Variable};

/// Methods for two matrices.
const NUMBERS: [&str; 11] = [
    "ksg",
    "ksg2",
    "bi-ksg",
    "kl",
    "mixed-ksg",
    "gcmi",
    "cv-ksg",
    "residual-ksg",
    "mixture-ksg",
    "combined",
    "untied-ksg",
];
const WITH_SLICED: [&str; 8] = ["ksg", "ksg2", "bi-ksg", "kl", "mixed-ksg", "gcmi", "cv-ksg", "sliced"];
/// Methods that draw rows at random, so that another order of the rows is another draw.
const FITTED: [&str; 3] = ["residual-ksg", "mixture-ksg", "combined"];
/// Methods for labels against a matrix.
const LABELS: [&str; 4] = ["ross", "mixed-ksg", "gcmi", "sliced"];

fn method(name: &str) -> Box<dyn Estimator> {
    let estimator: AnyEstimator = toml::from_str(&format!("kind = '{name}'")).unwrap();
    Box::new(estimator)
}

fn pair(name: &str, x: &Array2<f64>, y: &Array2<f64>) -> Result<Estimate, EstimateError> {
    let estimate = method(name).pair(double(x), double(y));
    if let Ok(estimate) = &estimate {
        assert!(estimate.information.nats().is_finite(), "{name}");
    }
    estimate
}

fn labelled(name: &str, t: &Array2<f64>, labels: &Labels) -> Result<Estimate, EstimateError> {
    let estimate = method(name).pair(double(t), Variable::Labels(labels));
    if let Ok(estimate) = &estimate {
        assert!(estimate.information.nats().is_finite(), "{name}");
        let turned = method(name).pair(Variable::Labels(labels), double(t)).unwrap();
        assert_eq!(turned.information, estimate.information, "{name}");
    }
    estimate
}

fn two_classes(n: usize) -> Labels {
    Labels::from_symbols(&(0..n).map(|i| i % 2).collect::<Vec<_>>())
}

#[test]
fn what_is_not_a_number_is_refused_with_its_place() {
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let (mut x, y) = (normals(60, 2, 1), normals(60, 2, 2));
        x[(7, 1)] = bad;
        for name in WITH_SLICED {
            let error = pair(name, &x, &y).unwrap_err();
            assert!(matches!(error, EstimateError::NotFinite { row: 7, column: 1, .. }), "{name}: {error}");
        }
        for name in LABELS {
            let error = labelled(name, &x, &two_classes(60)).unwrap_err();
            assert!(matches!(error, EstimateError::NotFinite { row: 7, column: 1, .. }), "{name}: {error}");
        }
    }
}

#[test]
fn a_constant_column_changes_nothing_but_a_warning() {
    let (x, y) = (normals(80, 2, 1), normals(80, 1, 2));
    let mut wider = Array2::from_elem((80, 3), 0.25);
    wider.slice_mut(s![.., ..2]).assign(&x);
    let warning = Warning::ConstantColumns { columns: 1 };
    // A slice in three columns draws other directions than one in two only if the constant were kept.
    for name in WITH_SLICED {
        let (with, without) = (pair(name, &wider, &y).unwrap(), pair(name, &x, &y).unwrap());
        assert_eq!(with.information, without.information, "{name}");
        assert!(with.warnings.contains(&warning), "{name}");
    }
    for name in LABELS {
        let labels = two_classes(80);
        let (with, without) =
            (labelled(name, &wider, &labels).unwrap(), labelled(name, &x, &labels).unwrap());
        assert_eq!(with.information, without.information, "{name}");
        assert!(with.warnings.contains(&warning), "{name}");
    }
}

#[test]
fn a_dead_layer_or_one_class_shares_nothing_and_says_why() {
    let (dead, y) = (Array2::zeros((50, 4)), normals(50, 2, 2));
    for name in WITH_SLICED {
        for estimate in [pair(name, &dead, &y), pair(name, &y, &dead), pair(name, &dead, &dead)] {
            let estimate = estimate.unwrap();
            assert_eq!(estimate.information.nats(), 0.0, "{name}");
            assert!(estimate.warnings.contains(&Warning::Constant), "{name}");
        }
    }
    let one_class = Labels::from_symbols(&[7; 50]);
    for name in LABELS {
        for estimate in [labelled(name, &dead, &two_classes(50)), labelled(name, &y, &one_class)] {
            let estimate = estimate.unwrap();
            assert_eq!(estimate.information.nats(), 0.0, "{name}");
            assert!(estimate.warnings.contains(&Warning::Constant), "{name}");
        }
    }
}

#[test]
fn repeated_rows_are_refused_counted_or_right() {
    // Every row six times: the fifth neighbour is at the place of its point.
    let distinct = normals(25, 2, 3);
    let x = Array2::from_shape_fn((150, 1), |(i, _)| distinct[(i % 25, 0)]);
    let y = Array2::from_shape_fn((150, 1), |(i, _)| distinct[(i % 25, 1)]);
    for name in ["ksg", "ksg2", "bi-ksg", "kl", "sliced", "cv-ksg"] {
        let error = pair(name, &x, &y).unwrap_err();
        assert!(matches!(error, EstimateError::Ties { tied: 150, n_samples: 150, .. }), "{name}: {error}");
        assert!(error.to_string().contains("untied-ksg"), "{error}");
    }
    let labels = Labels::from_symbols(&(0..150).map(|i| i / 30 % 2).collect::<Vec<_>>());
    let error = labelled("ross", &Array2::from_shape_fn((150, 1), |(i, _)| (i % 5) as f64), &labels);
    assert!(matches!(error, Err(EstimateError::Ties { .. })));
    // Twenty-five symbols, each six times, that determine each other: ln 25, by the digamma ln N − ψ(6).
    let mixed = pair("mixed-ksg", &x, &y).unwrap();
    let expected = 150f64.ln() - crate::special::digamma(6.0);
    assert!((mixed.information.nats() - expected).abs() < 1e-12);
    assert_eq!(mixed.ties, 150);
    // One row twice: computed, with a warning.
    let (mut x, mut y) = (normals(200, 1, 5), normals(200, 1, 6));
    (x[(1, 0)], y[(1, 0)]) = (x[(0, 0)], y[(0, 0)]);
    for name in ["ksg", "ksg2", "bi-ksg", "kl", "cv-ksg", "sliced"] {
        let estimate = pair(name, &x, &y).unwrap();
        assert_eq!(estimate.ties, 2, "{name}");
        assert!(estimate.warnings.contains(&Warning::Ties { tied: 2, n_samples: 200 }), "{name}");
    }
}

/// Within class 0 the first unit is dead: a covariance there is singular, and its logarithm any number.
#[test]
fn a_unit_dead_for_one_class_has_no_gaussian() {
    let labels = Labels::from_symbols(&(0..200).map(|i| i % 2).collect::<Vec<_>>());
    let mut t = normals(200, 2, 8);
    t.column_mut(0).iter_mut().step_by(2).for_each(|v| *v = 0.0);
    let error = labelled("gcmi", &t, &labels).unwrap_err();
    assert!(error.to_string().contains("mixed-ksg"), "{error}");
    // Ties alone are no reason: every value rounded to a tenth still varies within the classes.
    let rounded = normals(200, 2, 8).mapv(|v| (v * 10.0).round() / 10.0);
    labelled("gcmi", &rounded, &labels).unwrap();
}

#[test]
fn a_column_of_zeros_and_numbers_has_a_warning() {
    let x = normals(400, 1, 9).mapv(|v| v.max(0.0));
    let warned = |name, x: &Array2<f64>| {
        let warnings = pair(name, x, &normals(400, 1, 10)).unwrap().warnings;
        warnings.iter().any(|warning| warning.to_string().contains("untied-ksg"))
    };
    for name in ["ksg", "ksg2", "bi-ksg", "extrapolated-ksg"] {
        assert!(warned(name, &x), "{name}");
        assert!(!warned(name, &normals(400, 1, 9)), "{name}");
    }
}

#[test]
fn too_few_samples_are_refused_and_one_more_is_measured() {
    for name in ["ksg", "ksg2", "bi-ksg", "kl", "mixed-ksg", "cv-ksg", "sliced"] {
        let k = if ["bi-ksg", "mixed-ksg"].contains(&name) { 5 } else { 3 };
        for n in [1, k] {
            let error = pair(name, &normals(n, 1, 1), &normals(n, 1, 2)).unwrap_err();
            assert!(
                matches!(error, EstimateError::TooFewSamples { n_samples, .. } if n_samples == n),
                "{name}"
            );
        }
        pair(name, &normals(k + 1, 1, 1), &normals(k + 1, 1, 2)).unwrap();
    }
    let error = labelled("ross", &normals(1, 1, 1), &Labels::distinct(1)).unwrap_err();
    assert!(matches!(error, EstimateError::TooFewSamples { .. }));
    for name in ["ross", "mixed-ksg"] {
        let error = labelled(name, &normals(9, 1, 1), &Labels::distinct(9)).unwrap_err();
        assert!(matches!(error, EstimateError::Undetermined { .. }), "{name}");
    }
    // Of one sample nobody knows whether it depends on anything.
    let single = normals(1, 1, 1);
    assert!(matches!(pair("gcmi", &single, &single), Err(EstimateError::TooFewSamples { needed: 2, .. })));
}

#[test]
fn more_columns_than_samples_are_measured_by_distances_and_refused_by_determinants() {
    let (x, y) = (normals(20, 30, 1), normals(20, 30, 2));
    for name in ["ksg", "ksg2", "bi-ksg", "kl", "mixed-ksg", "sliced"] {
        pair(name, &x, &y).unwrap();
    }
    for name in ["gcmi", "cv-ksg"] {
        let error = pair(name, &x, &y).unwrap_err();
        assert!(matches!(error, EstimateError::TooManyDimensions { .. }), "{name}: {error}");
    }
}

#[test]
fn a_class_with_one_member_is_dropped_refused_or_counted() {
    let mut symbols: Vec<usize> = (0..100).map(|i| i % 2).collect();
    symbols[50] = 2;
    let labels = Labels::from_symbols(&symbols);
    let t = normals(100, 1, 4);
    for name in ["ross", "sliced"] {
        assert_eq!(labelled(name, &t, &labels).unwrap().dropped, 1, "{name}");
    }
    assert_eq!(labelled("mixed-ksg", &t, &labels).unwrap().dropped, 0);
    assert!(matches!(labelled("gcmi", &t, &labels), Err(EstimateError::TooManyDimensions { .. })));
}

#[test]
fn the_wrong_kind_of_variable_is_refused_with_what_takes_it() {
    let (x, labels) = (normals(60, 2, 1), two_classes(60));
    for name in ["ksg", "ksg2", "bi-ksg", "kl", "cv-ksg"] {
        let error = labelled(name, &x, &labels).unwrap_err();
        assert!(matches!(error, EstimateError::NeedsMatrix { .. }), "{name}");
        assert!(error.to_string().contains("ross"), "{error}");
    }
    assert!(matches!(pair("ross", &x, &x), Err(EstimateError::NeedsLabels { .. })));
    for name in ["ross", "gcmi", "sliced"] {
        let error = method(name).pair(Variable::Labels(&labels), Variable::Labels(&labels)).unwrap_err();
        assert!(matches!(error, EstimateError::NeedsMatrix { .. }), "{name}");
    }
}

#[test]
fn units_of_columns_do_not_matter() {
    let (x, y) = (normals(150, 3, 1), normals(150, 2, 2));
    let y = &y + &x.slice(s![.., ..2]);
    for (factor, offset) in [(1e-150, 0.0), (1e150, 0.0), (3.0, 1e6)] {
        let mut other = x.clone();
        other.column_mut(1).mapv_inplace(|v| v * factor + offset);
        for name in WITH_SLICED {
            let (plain, scaled) = (pair(name, &x, &y).unwrap(), pair(name, &other, &y).unwrap());
            let difference = (plain.information.nats() - scaled.information.nats()).abs();
            assert!(difference < 1e-9, "{name} {factor}: {difference}");
        }
    }
}

#[test]
fn values_have_the_same_bits_for_any_number_of_threads_and_hardly_depend_on_row_order() {
    let (x, y) = (normals(300, 3, 1), normals(300, 3, 2));
    let y = &y + &x;
    let reversed = |matrix: &Array2<f64>| matrix.slice(s![..;-1, ..]).to_owned();
    for name in WITH_SLICED {
        let on = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| pair(name, &x, &y).unwrap())
        };
        let one = on(1);
        assert_eq!(one, on(8), "{name}");
        let turned = pair(name, &reversed(&x), &reversed(&y)).unwrap();
        assert!((turned.information.nats() - one.information.nats()).abs() < 1e-9, "{name}");
    }
}

#[test]
fn fitted_methods_take_units_threads_constant_columns_and_ties_as_the_others_do() {
    let (x, y) = (normals(150, 2, 1), normals(150, 1, 2));
    let y = &y + &x.slice(s![.., ..1]);
    let mut constant = normals(150, 3, 1);
    constant.column_mut(1).fill(7.0);
    for name in FITTED {
        let plain = pair(name, &x, &y).unwrap();
        for (factor, offset) in [(1e-150, 0.0), (1e150, 0.0), (3.0, 1e6)] {
            let other = x.mapv(|v| v * factor + offset);
            let difference = (pair(name, &other, &y).unwrap().information - plain.information).nats();
            // An offset of a million leaves ten digits; where a fit ends a round earlier, that is seen in the fourth.
            assert!(difference.abs() < 2e-3, "{name} {factor}: {difference}");
        }
        let on = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| pair(name, &x, &y).unwrap())
        };
        assert_eq!(on(1), on(8), "{name}");
        let with = pair(name, &constant, &y).unwrap();
        assert!(with.warnings.contains(&Warning::ConstantColumns { columns: 1 }), "{name}");
        let six_times = |m: &Array2<f64>| Array2::from_shape_fn((150, 1), |(i, _)| m[(i % 25, 0)]);
        let error = pair(name, &six_times(&x), &six_times(&y)).unwrap_err();
        assert!(
            matches!(error, EstimateError::Ties { estimator, .. } if estimator == name),
            "{name}: {error}"
        );
    }
    // One row twice: computed, with a warning.
    let (mut a, mut b) = (normals(200, 1, 5), normals(200, 1, 6));
    (a[(1, 0)], b[(1, 0)]) = (a[(0, 0)], b[(0, 0)]);
    for name in FITTED {
        let estimate = pair(name, &a, &b).unwrap();
        assert_eq!(estimate.ties, 2, "{name}");
        assert!(estimate.warnings.contains(&Warning::Ties { tied: 2, n_samples: 200 }), "{name}");
    }
    for (name, needed) in [("residual-ksg", 32), ("mixture-ksg", 40), ("combined", 4)] {
        let error = pair(name, &normals(3, 1, 1), &normals(3, 1, 2)).unwrap_err();
        assert!(matches!(error, EstimateError::TooFewSamples { n_samples: 3, .. }), "{name}");
        pair(name, &normals(needed, 1, 1), &normals(needed, 1, 2)).unwrap();
    }
    let line =
        pair("residual-ksg", &x.slice(s![.., ..1]).to_owned(), &x.slice(s![.., ..1]).mapv(|v| 2.0 * v + 1.0));
    assert!(matches!(line, Err(EstimateError::Undetermined { .. })), "{line:?}");
}

#[test]
fn independent_numbers_share_little_by_every_method() {
    let (x, y) = (uniform_column(1000, 1), uniform_column(1000, 2));
    for name in NUMBERS {
        let nats = pair(name, &x, &y).unwrap().information.nats();
        assert!(nats.abs() < 5.0 / 1000f64.sqrt(), "{name}: {nats}");
    }
}

#[test]
fn settings_that_measure_nothing_are_refused() {
    for toml in [
        "kind = 'ksg'\nk = 0",
        "kind = 'ksg2'\nk = 0",
        "kind = 'bi-ksg'\nk = 0",
        "kind = 'kl'\nk = 0",
        "kind = 'mixed-ksg'\nk = 0",
        "kind = 'ross'\nk = 0",
        "kind = 'cv-ksg'\nsurrogates = 0",
        "kind = 'residual-ksg'\nk = 0",
        "kind = 'mixture-ksg'\nsurrogates = 0",
        "kind = 'combined'\nk = 0",
        "kind = 'untied-ksg'\ndraws = 0",
        "kind = 'classifier'\nfolds = 0",
        "kind = 'sliced'\nprojections = 0",
    ] {
        let config: AnyEstimator = toml::from_str(toml).unwrap();
        assert!(
            matches!(config.check(), Err(EstimateError::Setting { given, .. }) if given == "0"),
            "{toml}"
        );
    }
    let settings = |toml: &str| toml::from_str::<AnyEstimator>(toml).unwrap().setting();
    assert_eq!(settings("kind = 'ksg'\nk = 4\nscaling = 'none'"), "k=4, scaling=none");
    assert_eq!(settings("kind = 'mixed-ksg'\nform = 'paper'"), "k=5, form=paper");
}
