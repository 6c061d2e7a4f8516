//! What every estimator promises, for every estimator of the list and every kind of data: a documented value or a
//! documented error; no panic, no NaN, no value above its ceiling; the same bits for any number of threads; and the
//! same value where the question is the same.

use infoplane_estimators::{
    AnyEstimator, BinRule, Binned, Estimate, EstimateError, EstimateKind, Estimator, EstimatorInfo, Family,
    Gcmi, LabelSides, Labels, Measure, Quantity, Uncertainty, Variable, Warning,
};
use ndarray::{Array2, s};

/// The estimators of the list with default settings; those without defaults with the settings that users give first.
fn estimators() -> Vec<AnyEstimator> {
    let with_settings = |info: &&EstimatorInfo| match info.family {
        Family::Noise => info.with_noise.expect("an estimator of noise")(0.1),
        Family::Bins => Binned { bin_width: Some(0.3), ..Binned::new(BinRule::Floor) }.into(),
        _ => AnyEstimator::named(info.name, serde_json::json!({}))
            .expect("defaults")
            .expect("a name of the list"),
    };
    AnyEstimator::ALL.iter().map(with_settings).collect()
}

/// A number for each index, with no pattern in them: the fractional parts of multiples of a square root.
fn noise(index: usize, stream: usize) -> f64 {
    let root = [2.0f64, 3.0, 5.0, 7.0, 11.0, 13.0, 17.0, 19.0][stream % 8].sqrt();
    let mixed = ((index + 1) as f64 * root * 1e3).fract();
    // Nearly normal, by Box and Muller.
    let other = ((index + 1) as f64 * (root + 0.7) * 7e2).fract();
    (-2.0 * (1.0 - mixed).ln()).sqrt() * (std::f64::consts::TAU * other).cos()
}

fn normals(n: usize, width: usize, stream: usize) -> Array2<f64> {
    Array2::from_shape_fn((n, width), |(i, j)| noise(i * width + j, stream))
}

fn related(x: &Array2<f64>, strength: f64, stream: usize) -> Array2<f64> {
    let other = normals(x.nrows(), x.ncols(), stream);
    x * strength + &other * (1.0 - strength * strength).sqrt()
}

fn every_row_twice(x: &Array2<f64>) -> Array2<f64> {
    Array2::from_shape_fn(x.raw_dim(), |(i, j)| x[(i / 2, j)])
}

fn classes(n: usize, n_classes: usize) -> Labels {
    Labels::from_symbols(&(0..n).map(|i| (i * 7 + i / 3) % n_classes).collect::<Vec<_>>())
}

/// A pair of variables of one kind of data.
struct Case {
    name: &'static str,
    x: Side,
    y: Side,
}

enum Side {
    Matrix(Array2<f64>),
    Single(Array2<f32>),
    Labels(Labels),
}

impl Side {
    fn variable(&self) -> Variable<'_> {
        match self {
            Side::Matrix(rows) => rows.into(),
            Side::Single(rows) => rows.into(),
            Side::Labels(labels) => labels.into(),
        }
    }
}

fn cases() -> Vec<Case> {
    use Side::{Labels as L, Matrix as M, Single as S};
    let case = |name, x, y| Case { name, x, y };
    let x = normals(240, 1, 0);
    let wide = normals(240, 3, 1);
    let relu = x.mapv(|v| v.max(0.0));
    let mut outlier = x.clone();
    outlier[(17, 0)] = 1e12;
    let mut constant_column = wide.clone();
    constant_column.column_mut(1).fill(0.25);
    let mut duplicate_column = wide.clone();
    let first = duplicate_column.column(0).to_owned();
    duplicate_column.column_mut(2).assign(&first);
    let layer = Array2::from_shape_fn((240, 4), |(i, j)| (noise(i, j) + (i % 3) as f64).tanh());
    vec![
        case("independent normal columns", M(x.clone()), M(normals(240, 1, 2))),
        case("correlated normal columns", M(x.clone()), M(related(&x, 0.8, 3))),
        case("strongly correlated columns", M(x.clone()), M(related(&x, 0.9999, 3))),
        case("several columns", M(wide.clone()), M(related(&wide, 0.6, 4))),
        case("columns of different number", M(x.clone()), M(wide.clone())),
        case("single precision", S(x.mapv(|v| v as f32)), S(related(&x, 0.8, 3).mapv(|v| v as f32))),
        case("a function", M(x.clone()), M(x.mapv(|v| v * v * v))),
        case("the same variable twice", M(x.clone()), M(x.clone())),
        case("nearly the same", M(normals(300, 1, 0)), M(normals(300, 1, 0) + normals(300, 1, 5) * 1e-4)),
        case(
            "every row twice",
            M(every_row_twice(&normals(800, 1, 0))),
            M(every_row_twice(&normals(800, 1, 2))),
        ),
        case(
            "every row twice, correlated",
            M(every_row_twice(&normals(800, 1, 0))),
            M(every_row_twice(&related(&normals(800, 1, 0), 0.999, 3))),
        ),
        case(
            "many rows alike",
            M(x.mapv(|v| (v * 2.0).round() / 2.0)),
            M(related(&x, 0.8, 3).mapv(f64::round)),
        ),
        case("a rectified unit", M(x.clone()), M(relu)),
        case("an outlier", M(outlier), M(x.clone())),
        case("tiny values", M(&x * 1e-160), M(related(&x, 0.8, 3) * 1e-160)),
        case("huge values", M(&x * 1e150), M(related(&x, 0.8, 3) * 1e150)),
        case("far from zero", M(&x + 1e9), M(related(&x, 0.8, 3) - 1e9)),
        case("a constant variable", M(x.clone()), M(Array2::from_elem((240, 2), 3.5))),
        case("two constant variables", M(Array2::zeros((240, 1))), M(Array2::zeros((240, 2)))),
        case("a constant column", M(constant_column), M(x.clone())),
        case("two equal columns", M(duplicate_column), M(x.clone())),
        case("classes against a layer", L(classes(240, 3)), M(layer.clone())),
        case("a layer against classes", M(layer.clone()), L(classes(240, 3))),
        case("which row against a layer", L(Labels::distinct(240)), M(layer.clone())),
        case("one class against a layer", L(classes(240, 1)), M(layer.clone())),
        case(
            "classes of one member",
            L(Labels::from_symbols(&(0..240).map(|i| i.min(200)).collect::<Vec<_>>())),
            M(layer.clone()),
        ),
        case("classes against classes", L(classes(240, 3)), L(classes(240, 5))),
        case("which row against classes", L(Labels::distinct(240)), L(classes(240, 5))),
        case("two samples", M(x.slice(s![..2, ..]).to_owned()), M(wide.slice(s![..2, ..1]).to_owned())),
        case("one sample", M(x.slice(s![..1, ..]).to_owned()), M(wide.slice(s![..1, ..1]).to_owned())),
        case("seven samples", M(x.slice(s![..7, ..]).to_owned()), M(wide.slice(s![..7, ..1]).to_owned())),
        case("more columns than samples", M(normals(12, 20, 3)), M(normals(12, 15, 4))),
    ]
}

/// Estimates, or the panic's message.
fn guarded<T>(what: &str, estimate: impl FnOnce() -> T) -> T {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(estimate))
        .unwrap_or_else(|_| panic!("{what} panics"))
}

/// What must hold of any estimate.
fn check(what: &str, estimate: &Estimate) {
    let nats = estimate.information.nats();
    assert!(nats.is_finite(), "{what}: {nats}");
    if let Some(error) = estimate.standard_error {
        assert!(error.nats().is_finite() && error.nats() >= 0.0, "{what}: error {error:?}");
    }
    if let Some(interval) = estimate.interval {
        assert!(interval.lower <= interval.upper, "{what}: {interval:?}");
    }
    if let Some(ceiling) = estimate.ceiling {
        // Rounding of sums of a few hundred terms.
        assert!(nats <= ceiling.nats() + 1e-9, "{what}: {nats} above its ceiling, {}", ceiling.nats());
    }
    assert!(estimate.n_samples > 0 && !estimate.dims.is_empty(), "{what}");
    for warning in &estimate.warnings {
        assert!(!warning.to_string().contains("NaN"), "{what}: {warning}");
    }
}

/// What must hold of any error.
fn check_error(what: &str, error: &EstimateError) {
    let text = error.to_string();
    assert!(!text.contains("NaN") && text.len() > 20, "{what}: {text}");
}

fn check_result(what: &str, result: &Result<Estimate, EstimateError>) {
    match result {
        Ok(estimate) => check(what, estimate),
        Err(error) => check_error(what, error),
    }
}

fn on_threads<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads").install(work)
}

#[test]
fn pairs_give_a_value_or_a_reason_and_the_same_bits_on_any_number_of_threads() {
    for case in cases() {
        for estimator in estimators() {
            let what = format!("{} of {}", estimator.name(), case.name);
            let pair = || guarded(&what, || estimator.pair(case.x.variable(), case.y.variable()));
            let (one, three) = (on_threads(1, pair), on_threads(3, pair));
            check_result(&what, &one);
            assert_eq!(one, three, "{what}");
            if matches!(one, Err(EstimateError::NotOffered { .. })) {
                assert!(!estimator.info().offers.contains(&Quantity::Information), "{what}");
            }
        }
    }
}

#[test]
fn pairs_are_symmetric() {
    for case in cases() {
        for estimator in estimators() {
            // Of two matrices the second is the layer to noise, which is not a symmetric question; hashes and samples of
            // Gaussians are not drawn alike for both sides; and Panzeri and Treves correct H(X) − H(X|Y).
            let (x, y) = (case.x.variable(), case.y.variable());
            let matrices = [&x, &y].iter().all(|side| !matches!(side, Variable::Labels(_)));
            let own_draws = [
                "edge",
                "cv-ksg",
                "residual-ksg",
                "mixture-ksg",
                "combined",
                "untied-ksg",
                "frenzel-pompe",
                "critic",
                "sliced",
                "auto",
            ]
            .contains(&estimator.name());
            let one_sided = estimator.name() == "panzeri-treves";
            if one_sided || own_draws || matrices && estimator.info().family == Family::Noise {
                continue;
            }
            let what = format!("{} of {}", estimator.name(), case.name);
            match (estimator.pair(x, y), estimator.pair(y, x)) {
                (Ok(a), Ok(b)) => {
                    let (a, b) = (a.information.nats(), b.information.nats());
                    // Sums in another order; the largest value here is 30 nats.
                    assert!((a - b).abs() < 1e-6, "{what}: {a} and {b}");
                }
                (Err(a), Err(b)) => assert_eq!(a.code(), b.code(), "{what}"),
                (a, b) => panic!("{what}: {a:?} and {b:?}"),
            }
        }
    }
}

#[test]
fn other_quantities_give_a_value_or_a_reason() {
    for case in cases() {
        let z = normals(case.x.variable().n_samples(), 1, 6);
        for estimator in estimators() {
            let what = format!("{} of {}", estimator.name(), case.name);
            let (x, y) = (case.x.variable(), case.y.variable());
            let all = || {
                guarded(&what, || {
                    [
                        (Quantity::Entropy, estimator.entropy(x)),
                        (Quantity::ConditionalInformation, estimator.conditional(x, y, &z)),
                        (Quantity::TotalCorrelation, estimator.total_correlation(&[x.view(), y.view()])),
                        (
                            Quantity::TotalCorrelation,
                            estimator.total_correlation(&[x.view(), y.view(), (&z).into()]),
                        ),
                    ]
                })
            };
            let (one, three) = (on_threads(1, all), on_threads(3, all));
            for ((quantity, result), (_, other)) in one.iter().zip(&three) {
                check_result(&format!("{what}, {quantity}"), result);
                assert_eq!(result, other, "{what}, {quantity}");
                let offered = estimator.info().offers.contains(quantity);
                if !offered {
                    let valid = matches!(result, Err(EstimateError::NotOffered { .. }));
                    assert!(valid, "{what}, {quantity}: {result:?}");
                }
            }
        }
    }
}

#[test]
fn layers_give_what_their_settings_announce() {
    for case in cases() {
        let (t, y) = match (&case.x, &case.y) {
            (Side::Labels(labels), t) | (t, Side::Labels(labels)) if t.variable().width() > 1 => {
                (t, labels.clone())
            }
            (t, Side::Matrix(_) | Side::Single(_)) => (t, classes(t.variable().n_samples(), 2)),
            _ => continue,
        };
        let t = t.variable();
        let x = Labels::distinct(t.n_samples());
        for estimator in estimators() {
            let what = format!("{} of a layer of {}", estimator.name(), case.name);
            let layer = || guarded(&what, || estimator.layer(t, &[&x, &y]));
            let (one, three) = (on_threads(1, layer), on_threads(3, layer));
            assert_eq!(one, three, "{what}");
            match one {
                Err(error) => check_error(&what, &error),
                Ok(settings) => {
                    let given: Vec<_> = settings.iter().map(|of| (of.setting.clone(), of.bound)).collect();
                    assert_eq!(given, estimator.layer_settings(), "{what}");
                    for result in settings.iter().flat_map(|of| &of.estimates) {
                        check_result(&what, result);
                    }
                }
            }
        }
    }
}

/// One answer to one question: a constant variable tells nothing, whoever is asked.
#[test]
fn a_constant_variable_has_no_information_whatever_the_estimator() {
    let x = normals(100, 2, 0);
    let constant = Array2::from_elem((100, 3), -1.5);
    let one_class = classes(100, 1);
    for estimator in estimators() {
        let labelled: &[(Variable<'_>, Variable<'_>)] = &[
            ((&x).into(), (&one_class).into()),
            ((&one_class).into(), (&x).into()),
            ((&constant).into(), (&one_class).into()),
        ];
        let matrices: &[(Variable<'_>, Variable<'_>)] =
            &[((&x).into(), (&constant).into()), ((&constant).into(), (&x).into())];
        let pairs: Vec<_> = match estimator.info().labels {
            LabelSides::None => matrices.to_vec(),
            LabelSides::One => labelled.to_vec(),
            LabelSides::AtMostOne | LabelSides::Any => [matrices, labelled].concat(),
        };
        for (x, y) in pairs {
            let estimate =
                estimator.pair(x, y).unwrap_or_else(|error| panic!("{}: {error}", estimator.name()));
            assert_eq!(estimate.information.nats(), 0.0, "{}", estimator.name());
            assert_eq!(estimate.kind, EstimateKind::Exact, "{}", estimator.name());
            assert_eq!(estimate.warnings, [Warning::Constant], "{}", estimator.name());
        }
    }
}

#[test]
fn a_constant_part_of_a_total_correlation_and_a_constant_condition_add_nothing() {
    let x = normals(150, 1, 0);
    let y = related(&x, 0.8, 3);
    let constant = Array2::from_elem((150, 2), 0.25);
    let symbols = |t: &Array2<f64>| Labels::from_symbols(&t.iter().map(|&v| v > 0.0).collect::<Vec<_>>());
    let (a, b, one) = (symbols(&x), symbols(&y), classes(150, 1));
    for estimator in estimators() {
        let (x, y, z): (Variable<'_>, Variable<'_>, Variable<'_>) = match estimator.info().family {
            Family::Counts => ((&a).into(), (&b).into(), (&one).into()),
            _ => ((&x).into(), (&y).into(), (&constant).into()),
        };
        let name = estimator.name();
        let nats = |result: Result<Estimate, EstimateError>| {
            result.unwrap_or_else(|error| panic!("{name}: {error}")).information.nats()
        };
        if estimator.info().offers.contains(&Quantity::TotalCorrelation) {
            let without = nats(estimator.total_correlation(&[x.view(), y.view()]));
            let with = nats(estimator.total_correlation(&[x.view(), z.view(), y.view()]));
            assert!((with - without).abs() < 1e-9 && with > 0.1, "{name}: {with} and {without}");
        }
        if estimator.info().offers.contains(&Quantity::ConditionalInformation) {
            let without = nats(estimator.conditional(x, y, z));
            assert!(without > 0.1, "{name}: {without}");
        }
    }
}

#[test]
fn what_no_estimator_can_measure_is_refused_alike() {
    let good = normals(50, 2, 0);
    let mut bad = good.clone();
    bad[(7, 1)] = f64::NAN;
    let mut infinite = good.clone();
    infinite[(3, 0)] = f64::NEG_INFINITY;
    let y = classes(50, 2);
    for estimator in estimators() {
        let name = estimator.name();
        let against = |t: &Array2<f64>| match estimator.info().labels {
            LabelSides::None => estimator.pair(t, &good),
            _ => estimator.pair(t, &y),
        };
        let place = |error| match error {
            Err(EstimateError::NotFinite { row, column, .. }) => (row, column),
            other => panic!("{name}: {other:?}"),
        };
        assert_eq!(place(against(&bad)), (7, 1), "{name}");
        assert_eq!(place(against(&infinite)), (3, 0), "{name}");
        let short = good.slice(s![..49, ..]).to_owned();
        let refused = against(&short);
        assert!(matches!(refused, Err(EstimateError::RowMismatch { .. })), "{name}: {refused:?}");
        for empty in [Array2::<f64>::zeros((0, 2)), Array2::zeros((50, 0))] {
            let refused = estimator.pair(&empty, &empty);
            assert!(matches!(refused, Err(EstimateError::Empty { .. })), "{name}: {refused:?}");
        }
        let refused = estimator.layer(&bad, &[&y]);
        assert!(matches!(refused, Err(EstimateError::NotFinite { .. })), "{name}: {refused:?}");
        let refused = estimator.layer(&good, &[&classes(49, 2)]);
        assert!(matches!(refused, Err(EstimateError::LengthMismatch { .. })), "{name}: {refused:?}");
    }
}

#[test]
fn sides_are_refused_as_the_description_says() {
    let (x, y) = (normals(60, 1, 0), normals(60, 1, 2));
    let (a, b) = (classes(60, 2), classes(60, 3));
    for estimator in estimators() {
        let needs_matrix = |result: Result<Estimate, EstimateError>| {
            matches!(result, Err(EstimateError::NeedsMatrix { .. }))
        };
        let none_or_one = estimator.pair(&a, &x);
        let both = estimator.pair(&a, &b);
        let neither = estimator.pair(&x, &y);
        let name = estimator.name();
        let needs_labels = matches!(neither, Err(EstimateError::NeedsLabels { .. }));
        match estimator.info().labels {
            LabelSides::None => {
                assert!(needs_matrix(none_or_one) && needs_matrix(both) && !needs_labels, "{name}")
            }
            LabelSides::AtMostOne => {
                assert!(!needs_matrix(none_or_one) && needs_matrix(both) && !needs_labels, "{name}")
            }
            LabelSides::One => {
                assert!(!needs_matrix(none_or_one) && needs_matrix(both) && needs_labels, "{name}")
            }
            LabelSides::Any => {
                assert!(!needs_matrix(none_or_one) && !needs_matrix(both) && !needs_labels, "{name}")
            }
        }
    }
}

/// I(T;Y) of a layer and a target of numbers is that of the pair; methods of classes say so, and are those of the description.
#[test]
fn a_target_of_numbers_is_measured_as_a_pair_or_refused() {
    let t = normals(200, 2, 0);
    let target = ndarray::concatenate![ndarray::Axis(1), related(&t, 0.8, 2), normals(200, 1, 4)];
    let x = Labels::distinct(200);
    let mut measured = 0;
    for estimator in estimators() {
        let (name, readings) = (estimator.name(), estimator.layer_with_target(&t, &x, &target));
        if !estimator.info().measures_numbers() {
            let expected = EstimateError::NeedsClasses { estimator: name };
            assert_eq!(readings, Err(expected), "{name}");
            continue;
        }
        let pair = estimator.pair(&t, &target);
        let readings = readings.unwrap_or_else(|error| panic!("{name}: {error}"));
        let settings: Vec<_> = readings.iter().map(|r| (r.setting.clone(), r.bound)).collect();
        assert_eq!(settings, estimator.layer_settings(), "{name}");
        let alone = estimator.layer(&t, &[&x]);
        for (place, reading) in readings.iter().enumerate() {
            assert_eq!((reading.estimates.len(), reading.shuffled), (2, None), "{name}");
            assert_eq!(reading.estimates[1], pair, "{name}");
            match &alone {
                Ok(alone) => assert_eq!(reading.estimates[0], alone[place].estimates[0], "{name}"),
                Err(error) => assert_eq!(reading.estimates[0].as_ref(), Err(error), "{name}"),
            }
        }
        measured += usize::from(pair.is_ok());
        // Labels are measured as ever.
        let y = classes(200, 3);
        let of_labels = estimator.layer_with_target(&t, &x, &y);
        assert_eq!(of_labels, estimator.layer(&t, &[&x, &y]), "{name}");
        let short = estimator.layer_with_target(&t, &x, &normals(199, 1, 2));
        assert_eq!(short, Err(EstimateError::RowMismatch { given: 199, expected: 200 }), "{name}");
        let mut holes = normals(200, 1, 2);
        holes[(7, 0)] = f64::NAN;
        let holes = estimator.layer_with_target(&t, &x, &holes);
        assert!(matches!(holes, Err(EstimateError::NotFinite { row: 7, .. })), "{name}: {holes:?}");
    }
    assert!(measured >= 20, "only {measured} methods measured the pair");
    // With bins `auto` chooses one that measures no numbers.
    let auto = infoplane_estimators::Auto { bin_width: Some(0.5), ..Default::default() };
    let readings = auto.layer_with_target(&t, &x, &target).unwrap();
    assert_eq!(readings[0].estimates[1], Err(EstimateError::NeedsClasses { estimator: "binned" }));
}

/// A normal layer of five units and a normal target of five columns, two pairs of which have correlation ρ = 0.8:
/// I = −ln(1 − ρ²), whose estimate scatters by ρ √(2 / n).
#[test]
fn a_normal_layer_tells_of_a_normal_target_what_the_formula_says() {
    let n = 4000;
    let sample = infoplane_estimators::known::Task::named("normal-5x5").unwrap().draw(n, 1);
    let exact = -(1.0 - 0.8f64 * 0.8).ln();
    assert!((sample.information.nats() - exact).abs() < 1e-12);
    let readings = Gcmi::default().layer_with_target(&sample.x, &Labels::distinct(n), &sample.y).unwrap();
    let estimate = readings[0].estimates[1].as_ref().unwrap();
    let scatter = 0.8 * (2.0 / n as f64).sqrt();
    let error = estimate.information.nats() - exact;
    assert!(error.abs() < 4.0 * scatter, "{error} nats of {exact}, scatter {scatter}");
}

/// Independent variables tell little of each other, dependent ones much; the bounds are far apart.
#[test]
fn dependence_is_told_from_independence() {
    let x = normals(1000, 1, 0);
    let (alone, with) = (normals(1000, 1, 2), related(&x, 0.95, 3));
    // −½ ln(1 − .95²) = 1.16 nats; of classes by sign .4 or more.
    let sign = |t: &Array2<f64>| Labels::from_symbols(&t.iter().map(|&v| v > 0.0).collect::<Vec<_>>());
    for estimator in estimators() {
        let information = |t: &Array2<f64>| {
            let estimate = match (estimator.info().labels, estimator.info().family) {
                (LabelSides::None, _) => estimator.pair(&x, t),
                (_, Family::Counts) => estimator.pair(&sign(&x), &sign(t)),
                _ => estimator.pair(&sign(&x), t),
            };
            estimate.unwrap_or_else(|error| panic!("{}: {error}", estimator.name())).information.nats()
        };
        let (independent, dependent) = (information(&alone), information(&with));
        // In bins and kernels of 1000 samples chance alone gives some hundredths.
        assert!(independent.abs() < 0.15, "{}: {independent}", estimator.name());
        assert!(dependent > independent + 0.15, "{}: {dependent}", estimator.name());
    }
}

#[test]
fn errors_follow_the_description() {
    // Two columns each: of one there is one projection.
    let x = normals(200, 2, 0);
    let y = related(&x, 0.6, 3);
    let labels = classes(200, 3);
    for estimator in estimators() {
        let name = estimator.name();
        let found = match estimator.info().labels {
            LabelSides::One => estimator.pair_with_error(&labels, &x, Default::default()),
            LabelSides::Any if estimator.info().family == Family::Counts => {
                estimator.pair_with_error(&labels, &classes(200, 4), Default::default())
            }
            _ => estimator.pair_with_error(&x, &y, Default::default()),
        };
        let estimate = found.unwrap_or_else(|error| panic!("{name}: {error}"));
        check(name, &estimate);
        match estimator.info().uncertainty {
            Uncertainty::OwnError | Uncertainty::Bootstrap | Uncertainty::Subsampling => {
                assert!(
                    estimate.standard_error.is_some_and(|error| error.nats() > 0.0),
                    "{name}: {estimate:?}"
                );
            }
            // Of the one that chooses it is the error of its choice.
            Uncertainty::None if estimator.info().family == Family::Choice => {
                assert!(estimate.standard_error.is_some(), "{name}: {estimate:?}");
            }
            Uncertainty::None => assert_eq!(estimate.standard_error, None, "{name}"),
        }
    }
}

/// The test of independence works with any of them, and the one that chooses is asked once.
#[test]
fn permutations_tell_dependence() {
    let x = normals(80, 1, 0);
    let y = related(&x, 0.9, 3);
    let (a, b) =
        (classes(80, 2), Labels::from_symbols(&(0..80).map(|i| (i * 7 + i / 3) % 4).collect::<Vec<_>>()));
    for estimator in estimators() {
        let name = estimator.name();
        let test = match estimator.info().labels {
            LabelSides::One => {
                let class = Labels::from_symbols(&x.iter().map(|&v| v > 0.0).collect::<Vec<_>>());
                estimator.permutation_test(&class, &y, 39, 1)
            }
            LabelSides::Any if estimator.info().family == Family::Counts => {
                estimator.permutation_test(&a, &b, 39, 1)
            }
            _ => estimator.permutation_test(&x, &y, 39, 1),
        };
        let test = test.unwrap_or_else(|error| panic!("{name}: {error}"));
        // Noise takes X for which row it is, so that a permutation of Y is the same question.
        match estimator.info().family {
            Family::Noise => assert!(test.p_value > 0.025, "{name}: {test:?}"),
            _ => assert_eq!(test.p_value, 0.025, "{name}: {test:?}"),
        }
    }
}
