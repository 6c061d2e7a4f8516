//! What the matrix-based Rényi estimator promises to its callers.

use infoplane_estimators::Measure;
use infoplane_estimators::{Estimate, EstimateError, Estimator, Labels, Variable};
use infoplane_estimators::{EstimateKind, Renyi, RenyiBandwidth, Warning};
use ndarray::{Array2, Axis, array, concatenate};

/// The data of `reference/regenerate_renyi.py`.
fn data(n: usize, d: usize, seed: usize) -> Array2<f64> {
    Array2::from_shape_fn((n, d), |(i, k)| {
        (0.7 * (i * (k + 1)) as f64 + seed as f64).sin()
            + 0.3 * ((i * i) as f64 * 0.11 * (k + 2 + seed) as f64).cos()
    })
}

fn renyi(alpha: f64) -> Renyi {
    Renyi { alpha, ..Renyi::default() }
}

fn with_width(alpha: f64, width: f64) -> Renyi {
    Renyi { alpha, bandwidth: RenyiBandwidth::Width(width), ..Renyi::default() }
}

fn nats(estimate: Result<Estimate, EstimateError>) -> f64 {
    estimate.unwrap().information.nats()
}

/// n, columns of x and y, α, S(x), I(x;y), I(y;labels): printed by `reference/regenerate_renyi.py` with NumPy 2.4.
const REFERENCE: &[(usize, usize, usize, f64, f64, f64, f64)] = &[
    (60, 1, 2, 0.9, 1.674788122706, 0.811459042758, 0.281637714460),
    (60, 1, 2, 1.0, 1.646656137766, 0.780144689683, 0.273208942985),
    (60, 1, 2, 1.01, 1.644059655098, 0.777361134424, 0.272421180575),
    (60, 1, 2, 2.0, 1.490291044476, 0.643049140478, 0.222322665272),
    (60, 1, 2, 3.5, 1.398466929386, 0.582876148692, 0.197030785617),
    (150, 3, 8, 0.9, 2.935682308526, 2.191017022365, 0.510366411226),
    (150, 3, 8, 1.0, 2.855536519153, 2.081227014004, 0.496615219951),
    (150, 3, 8, 1.01, 2.848152894306, 2.071368573194, 0.495296839793),
    (150, 3, 8, 2.0, 2.430947099628, 1.594475557283, 0.387666160231),
    (150, 3, 8, 3.5, 2.216933085468, 1.336666082945, 0.260238866505),
    (400, 2, 30, 0.9, 2.933405053385, 1.785813261860, 0.285229954377),
    (400, 2, 30, 1.0, 2.866567164078, 1.609908122600, 0.245302984455),
    (400, 2, 30, 1.01, 2.860360502415, 1.593250283979, 0.241538430492),
    (400, 2, 30, 2.0, 2.481831652300, 0.550381246170, 0.039433253755),
    (400, 2, 30, 3.5, 2.248516073934, 0.200030386369, 0.003469118605),
];

#[test]
fn entropies_and_information_are_those_of_numpy() {
    for &(n, dx, dy, alpha, entropy, with_matrix, with_labels) in REFERENCE {
        let (x, y) = (data(n, dx, 1), data(n, dy, 2));
        let labels = Labels::from_symbols(&(0..n).map(|i| i * i % 3).collect::<Vec<_>>());
        let method = renyi(alpha);
        let (x, y) = (Variable::Double(x.view()), Variable::Double(y.view()));
        // Below α = 1 both programs add up roundings of eigenvalues that are 0.
        let tolerance = if alpha < 1.0 { 1e-8 } else { 1e-10 };
        for (got, expected) in [
            (nats(method.entropy(x.view())), entropy),
            (nats(method.pair(x.view(), y.view())), with_matrix),
            (nats(method.pair(y.view(), Variable::Labels(&labels))), with_labels),
            (nats(method.pair(Variable::Labels(&labels), y.view())), with_labels),
        ] {
            assert!((got - expected).abs() < tolerance, "n={n} {dx}×{dy} α={alpha}: {got} for {expected}");
        }
    }
}

#[test]
fn orders_around_one_meet_von_neumann() {
    let x = data(200, 2, 5);
    let at = |alpha| nats(renyi(alpha).entropy(Variable::Double(x.view())));
    let von_neumann = at(1.0);
    for step in [1e-3, 1e-6, 1e-9, 1e-12] {
        // S is smooth in α, with a slope of half the variance of ln λ, here about 1.
        assert!((at(1.0 + step) - von_neumann).abs() < 3.0 * step + 1e-9, "{step}");
    }
    let orders = [0.5, 0.9, 1.0, 1.5, 2.0, 3.0, 10.0, 1000.0].map(at);
    assert!(orders.windows(2).all(|pair| pair[1] < pair[0]), "{orders:?}");
}

#[test]
fn far_points_have_ln_n_equal_points_nothing_and_two_clusters_a_bit() {
    for alpha in [0.5, 1.0, 1.01, 2.0, 7.0] {
        let far = Array2::from_shape_fn((300, 1), |(i, _)| 100.0 * i as f64);
        assert!(
            (nats(with_width(alpha, 1.0).entropy(Variable::Double(far.view()))) - 300f64.ln()).abs() < 1e-9
        );
        let equal = Array2::from_elem((300, 4), 0.1);
        assert!(
            nats(with_width(alpha, 1.0).entropy(Variable::Double(equal.view()))).abs() < 1e-10,
            "{alpha}"
        );
        let two = Array2::from_shape_fn((300, 1), |(i, _)| 100.0 * (i % 2) as f64);
        let y = Labels::from_symbols(&(0..300).map(|i| i % 2).collect::<Vec<_>>());
        let estimate = with_width(alpha, 1.0).pair(Variable::Double(two.view()), Variable::Labels(&y));
        assert!((nats(estimate) - 2f64.ln()).abs() < 1e-5 * (1.0 - alpha).max(1e-4), "{alpha}");
    }
}

/// The eigenvalues of two samples are (1 ± K)/2.
#[test]
fn two_samples_give_the_formula() {
    let x = array![[0.0], [1.5]];
    let k = (-1.5f64 * 1.5 / 2.0).exp();
    let [large, small] = [(1.0 + k) / 2.0, (1.0 - k) / 2.0];
    for alpha in [0.3, 1.01, 2.0, 5.0] {
        let expected = (large.powf(alpha) + small.powf(alpha)).ln() / (1.0 - alpha);
        assert!((nats(with_width(alpha, 1.0).entropy(Variable::Double(x.view()))) - expected).abs() < 1e-12);
    }
}

/// Σ λ² from pairs against Σ λ^α at an α next to 2, from eigenvalues.
#[test]
fn order_two_needs_no_eigenvalues() {
    for (n, d) in [(3, 1), (70, 2), (333, 12)] {
        let x = data(n, d, 3);
        let two = nats(renyi(2.0).entropy(Variable::Double(x.view())));
        let near = nats(renyi(2.0 + 1e-9).entropy(Variable::Double(x.view())));
        assert!((two - near).abs() < 1e-8, "{n} {d}: {two} and {near}");
    }
}

#[test]
fn orthogonal_maps_shifts_and_units_change_nothing() {
    let x = data(150, 2, 1);
    let (sine, cosine) = 0.7f64.sin_cos();
    let turned = x.dot(&array![[cosine, -sine], [sine, cosine]]).mapv(|v| 1e8 * (v + 3.0));
    for alpha in [1.01, 2.0] {
        let plain = nats(renyi(alpha).entropy(Variable::Double(x.view())));
        let mapped = nats(renyi(alpha).entropy(Variable::Double(turned.view())));
        assert!((plain - mapped).abs() < 1e-9, "{alpha}: {plain} and {mapped}");
    }
    for scale in [1e-200, 1e200] {
        let scaled = x.mapv(|v| v * scale);
        let plain = nats(renyi(1.01).entropy(Variable::Double(x.view())));
        assert!((nats(renyi(1.01).entropy(Variable::Double(scaled.view()))) - plain).abs() < 1e-9);
        let width = nats(with_width(1.01, scale).entropy(Variable::Double(scaled.view())));
        assert!((width - nats(with_width(1.01, 1.0).entropy(Variable::Double(x.view())))).abs() < 1e-9);
    }
    let far_apart = nats(with_width(1.01, 1e-300).entropy(Variable::Double(x.mapv(|v| v * 1e300).view())));
    assert!((far_apart - 150f64.ln()).abs() < 1e-9);
}

#[test]
fn row_order_and_threads_change_nothing_but_rounding_and_nothing() {
    let (x, y) = (data(250, 3, 1), data(250, 40, 2));
    let order: Vec<usize> = (0..250).map(|i| (i * 37 + 5) % 250).collect();
    let of = |x: &Array2<f64>, y: &Array2<f64>| {
        nats(renyi(1.01).pair(Variable::Double(x.view()), Variable::Double(y.view())))
    };
    let plain = of(&x, &y);
    assert!((plain - of(&x.select(Axis(0), &order), &y.select(Axis(0), &order))).abs() < 1e-9);
    let run = |threads| {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(|| of(&x, &y))
    };
    assert_eq!(run(1).to_bits(), run(8).to_bits());
}

#[test]
fn total_correlation_of_two_is_information_and_conditioning_on_nothing_changes_nothing() {
    let (x, y) = (data(120, 2, 1), data(120, 3, 2));
    let (x, y) = (Variable::Double(x.view()), Variable::Double(y.view()));
    let one = Labels::from_symbols(&[0u8; 120]);
    let method = renyi(1.01);
    let information = nats(method.pair(x.view(), y.view()));
    assert_eq!(nats(method.total_correlation(&[x.view(), y.view()])), information);
    assert!(
        (nats(method.conditional(x.view(), y.view(), Variable::Labels(&one))) - information).abs() < 1e-12
    );
    // Chain rule: T(x, y, z) = I(x; y) + I(xy; z), the kernel of two sides being that of all their columns.
    let z = Labels::from_symbols(&(0..120).map(|i| i % 4).collect::<Vec<_>>());
    let method = with_width(1.01, 0.8);
    let Variable::Double(columns) = (&x, &y).0 else { unreachable!() };
    let Variable::Double(more) = &y else { unreachable!() };
    let both = concatenate![Axis(1), *columns, *more];
    let total = nats(method.total_correlation(&[x.view(), y.view(), Variable::Labels(&z)]));
    let chain = nats(method.pair(x.view(), y.view()))
        + nats(method.pair(Variable::Double(both.view()), Variable::Labels(&z)));
    assert!((total - chain).abs() < 1e-10);
}

#[test]
fn a_layer_is_its_pairs() {
    let t = data(140, 6, 4).mapv(|v| v as f32);
    let (x, y) = (Labels::distinct(140), Labels::from_symbols(&(0..140).map(|i| i % 5).collect::<Vec<_>>()));
    let method = renyi(1.01);
    let readings = method.layer(Variable::Single(t.view()), &[&x, &y]).unwrap();
    for (estimate, labels) in readings[0].estimates.iter().zip([&x, &y]) {
        let pair = method.pair(Variable::Single(t.view()), Variable::Labels(labels)).unwrap();
        assert_eq!(estimate.as_ref().unwrap(), &pair);
        assert_eq!(pair.kind, EstimateKind::Renyi { order: 1.01 });
    }
    // Every sample its own label: the information is the entropy of the layer.
    let information = readings[0].estimates[0].as_ref().unwrap().information.nats();
    assert!((information - nats(method.entropy(Variable::Single(t.view())))).abs() < 1e-9);
}

#[test]
fn batches_have_the_mean_of_their_values_and_a_standard_error() {
    let x = data(600, 2, 1);
    let of = |batch, seed| {
        let config = Renyi { batch, seed, bandwidth: RenyiBandwidth::Width(0.5), ..Renyi::default() };
        config.clone().entropy(Variable::Double(x.view())).unwrap()
    };
    let batched = of(Some(100), 1);
    assert!((batched.ceiling.unwrap().nats() - 100f64.ln()).abs() < 1e-12);
    let error = batched.standard_error.unwrap().nats();
    assert!(error > 0.0 && error < 0.1);
    // Another choice of batches agrees within what the errors say; both together have √2 of one.
    assert!((batched.information.nats() - of(Some(100), 2).information.nats()).abs() < 5.0 * error);
    assert_eq!(of(Some(100), 1), batched);
    assert_eq!(of(Some(600), 1), of(None, 0));
}

#[test]
fn too_many_samples_are_refused_with_the_way_out_but_not_where_the_rank_is_low() {
    // Without memory for it: 5000 points far from each other.
    let far = Array2::from_shape_fn((5000, 1), |(i, _)| 100.0 * i as f64);
    assert!(matches!(
        with_width(1.01, 1.0).entropy(Variable::Double(far.view())),
        Err(EstimateError::TooManySamples { n_samples: 5000, most: 4096, .. })
    ));
    assert!((nats(with_width(2.0, 1.0).entropy(Variable::Double(far.view()))) - 5000f64.ln()).abs() < 1e-9);
    let y = Labels::from_symbols(&(0..5000).map(|i| i % 20).collect::<Vec<_>>());
    let near = data(5000, 1, 1);
    let value = nats(renyi(1.01).pair(Variable::Double(near.view()), Variable::Labels(&y)));
    assert!((-0.01..1.0).contains(&value), "{value}");
}

#[test]
fn what_cannot_be_measured_is_an_error() {
    for alpha in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let config = Renyi { alpha, ..Renyi::default() };
        assert!(matches!(config.check(), Err(EstimateError::Setting { key: "alpha", .. })));
    }
    for bandwidth in [
        RenyiBandwidth::Width(0.0),
        RenyiBandwidth::Widths(vec![1.0, -1.0]),
        RenyiBandwidth::Rule { factor: f64::NAN },
    ] {
        assert!(Renyi { bandwidth, ..Renyi::default() }.check().is_err());
    }
    for batch in [Some(0), Some(1)] {
        let config = Renyi { batch, ..Renyi::default() };
        assert!(matches!(config.check(), Err(EstimateError::Setting { key: "batch", .. })));
    }
    let x = data(10, 2, 1);
    let widths = Renyi { bandwidth: RenyiBandwidth::Widths(vec![1.0]), ..Renyi::default() };
    let pair = widths.clone().pair(Variable::Double(x.view()), Variable::Double(x.view()));
    assert!(matches!(pair, Err(EstimateError::Setting { key: "bandwidth", .. })));
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let mut x = x.clone();
        x[[3, 1]] = bad;
        assert!(matches!(
            renyi(1.01).entropy(Variable::Double(x.view())),
            Err(EstimateError::NotFinite { row: 3, column: 1, .. })
        ));
    }
    let short = Labels::distinct(9);
    assert!(matches!(
        renyi(1.01).pair(Variable::Double(x.view()), Variable::Labels(&short)),
        Err(EstimateError::RowMismatch { given: 9, expected: 10 })
    ));
    let empty = Array2::<f32>::zeros((0, 3));
    assert!(matches!(renyi(2.0).entropy(Variable::Single(empty.view())), Err(EstimateError::Empty { .. })));
}

#[test]
fn poor_data_have_documented_values() {
    let y = Labels::from_symbols(&(0..40).map(|i| usize::from(i > 0)).collect::<Vec<_>>());
    for alpha in [1.0, 1.01, 2.0] {
        let method = renyi(alpha);
        // A dead layer, and one of which a column is dead.
        let dead = Array2::<f32>::zeros((40, 5));
        let estimate = method.pair(Variable::Single(dead.view()), Variable::Labels(&y)).unwrap();
        assert_eq!((estimate.information.nats(), &estimate.warnings[..]), (0.0, &[Warning::Constant][..]));
        let mut t = data(40, 3, 1);
        t.column_mut(1).fill(7.0);
        let estimate = method.pair(Variable::Double(t.view()), Variable::Labels(&y)).unwrap();
        assert_eq!(estimate.warnings, [Warning::ConstantColumns { columns: 1 }]);
        let without = t.select(Axis(1), &[0, 2]);
        assert_eq!(
            estimate.information.nats(),
            nats(method.pair(Variable::Double(without.view()), Variable::Labels(&y)))
        );
        // Duplicated rows share their place; a class of one member is a block of one.
        let twice = concatenate![Axis(0), without, without];
        let (one, two) = (with_width(alpha, 0.5), with_width(alpha, 0.5));
        let single = nats(one.entropy(Variable::Double(without.view())));
        assert!((nats(two.entropy(Variable::Double(twice.view()))) - single).abs() < 1e-9);
        // One class, one sample, more columns than samples.
        let class = Labels::from_symbols(&[0u8; 40]);
        assert!(nats(method.pair(Variable::Double(t.view()), Variable::Labels(&class))).abs() < 1e-12);
        let sample = array![[1.0, 2.0]];
        assert_eq!(nats(method.entropy(Variable::Double(sample.view()))).abs(), 0.0);
        let wide = data(5, 300, 1);
        assert!((0.0..=5f64.ln()).contains(&nats(method.entropy(Variable::Double(wide.view())))));
    }
}
