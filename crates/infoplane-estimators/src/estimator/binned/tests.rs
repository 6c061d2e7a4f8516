use super::fixed::FixedBins;
use super::*;
use crate::Measure;
use ndarray::{Array2, array};
use proptest::prelude::*;

fn config(rule: BinRule, bins: usize, range: [f64; 2]) -> Binned {
    Binned {
        rule,
        bins: Some(bins),
        bin_width: None,
        range: Some(BinRange::Fixed(range)),
        correction: Correction::PlugIn,
    }
}

fn floor(bin_width: f64) -> Binned {
    Binned {
        rule: BinRule::Floor,
        bins: None,
        bin_width: Some(bin_width),
        range: None,
        correction: Correction::PlugIn,
    }
}

fn scoped(rule: BinRule, bins: usize, scope: RangeScope) -> Binned {
    Binned {
        rule,
        bins: Some(bins),
        bin_width: None,
        range: Some(BinRange::Scope(scope)),
        correction: Correction::PlugIn,
    }
}

/// I(T;L) in nats by the definition: compare each value with every edge, each row with every other.
fn oracle(t: &Array2<f32>, edges: &[f64], labels: &Labels) -> f64 {
    let symbol = |value: f32| edges.iter().filter(|&&edge| f64::from(value) >= edge).count();
    let rows: Vec<Vec<usize>> =
        t.rows().into_iter().map(|r| r.iter().map(|&v| symbol(v)).collect()).collect();
    let n = rows.len() as f64;
    let entropy = |members: &[usize]| -> f64 {
        let share =
            |i: usize| members.iter().filter(|&&j| rows[i] == rows[j]).count() as f64 / members.len() as f64;
        -members.iter().map(|&i| share(i).ln()).sum::<f64>() / members.len() as f64
    };
    let all: Vec<usize> = (0..rows.len()).collect();
    let within: f64 = (0..labels.n_labels() as u32)
        .map(|label| {
            let members: Vec<usize> = all.iter().copied().filter(|&i| labels.codes()[i] == label).collect();
            members.len() as f64 / n * entropy(&members)
        })
        .sum();
    entropy(&all) - within
}

/// As NumPy's linspace.
fn even_edges(n: usize, low: f64, high: f64) -> Vec<f64> {
    let step = (high - low) / (n - 1) as f64;
    (0..n).map(|k| if k == n - 1 { high } else { low + k as f64 * step }).collect()
}

fn measure(config: &Binned, t: &Array2<f32>, labels: &[&Labels]) -> LayerEstimate {
    let mut range = LayerRange::default();
    range.observe(Variable::Single(t.view()), usize::MAX);
    config.check().expect("a valid setting");
    let binned = config.fixed(&range).expect("bins").expect("an estimator of this layer");
    binned.layer(Variable::Single(t.view()), labels).expect("finite values").remove(0)
}

#[test]
fn edges_put_values_from_the_last_edge_on_into_one_bin_and_values_below_into_another() {
    let t = array![[-3.0f32], [-1.5], [-1.0], [0.99], [1.0], [7.0]];
    let reading = measure(&config(BinRule::Edges, 3, [-1.0, 1.0]), &t, &[&Labels::distinct(6)]);
    // Bins: {-3, -1.5}, {-1}, {0.99}, {1, 7}; -3, -1.5 and 7 are outside.
    let expected = 6f64.ln() - 2.0 * (2.0 / 6.0) * 2f64.ln();
    assert!((reading.estimates[0].as_ref().unwrap().information.nats() - expected).abs() < 1e-15);
    assert_eq!(reading.out_of_range, 3);
}

#[test]
fn equal_bins_close_the_last_and_keep_values_above_apart() {
    let t = array![[0.0f32], [0.4], [0.6], [1.0], [1.5], [-1.0]];
    let reading = measure(&config(BinRule::Equal, 2, [0.0, 1.0]), &t, &[&Labels::distinct(6)]);
    // Bins: {0, .4}, {.6, 1}, {1.5}, {-1}.
    let expected = 6f64.ln() - 2.0 * (2.0 / 6.0) * 2f64.ln();
    assert!((reading.estimates[0].as_ref().unwrap().information.nats() - expected).abs() < 1e-15);
    assert_eq!(reading.out_of_range, 2);
}

#[test]
fn floor_bins_are_unbounded_on_both_sides() {
    let t = array![[-0.01f32], [0.01], [0.06], [1e9], [-1e9], [0.069]];
    let reading = measure(&floor(0.07), &t, &[&Labels::distinct(6)]);
    // Bins: {-.01}, {.01, .06, .069}, {1e9}, {-1e9}.
    assert!(
        (reading.estimates[0].as_ref().unwrap().information.nats() - (6f64.ln() - 0.5 * 3f64.ln())).abs()
            < 1e-15
    );
    assert_eq!(reading.out_of_range, 0);
}

#[test]
fn bins_narrower_than_integers_can_number_still_tell_values_apart() {
    let t = array![[1e30f32], [-1e30], [1.0], [2.0]];
    let reading = measure(&floor(1e-9), &t, &[&Labels::distinct(4)]);
    assert_eq!(reading.estimates[0].as_ref().unwrap().information.bits(), 2.0);
}

#[test]
fn a_bin_width_that_overflows_is_refused() {
    let t = array![[1e300f64], [2e300]];
    let binned = floor(1e-30);
    let error = binned.layer(Variable::Double(t.view()), &[&Labels::distinct(2)]).unwrap_err();
    assert!(error.to_string().starts_with("bin_width = 1e-30"), "{error}");
}

#[test]
fn exact_bits_separate_the_closest_floats_and_not_the_zeros() {
    let t = array![[1.0f32], [1.0 + f32::EPSILON], [0.0], [-0.0]];
    let exact = Binned {
        rule: BinRule::Exact,
        bins: None,
        bin_width: None,
        range: None,
        correction: Correction::PlugIn,
    };
    let reading = measure(&exact, &t, &[&Labels::distinct(4)]);
    assert_eq!(reading.estimates[0].as_ref().unwrap().information.bits(), 1.5);
}

#[test]
fn quantile_bins_hold_equally_many_values() {
    let t = Array2::from_shape_fn((64, 1), |(i, _)| (i as f32 / 7.0).exp());
    let reading = measure(&scoped(BinRule::Quantile, 4, RangeScope::Unit), &t, &[&Labels::distinct(64)]);
    assert!((reading.estimates[0].as_ref().unwrap().information.bits() - 2.0).abs() < 1e-12);
}

#[test]
fn a_range_for_each_unit_sees_what_a_common_range_merges() {
    let t = Array2::from_shape_fn(
        (8, 2),
        |(i, unit)| if unit == 0 { i as f32 * 1e-3 } else { 100.0 * (i % 2) as f32 },
    );
    let x = Labels::distinct(8);
    let bits = |scope| {
        measure(&scoped(BinRule::Equal, 8, scope), &t, &[&x]).estimates[0]
            .as_ref()
            .unwrap()
            .information
            .bits()
    };
    assert!((bits(RangeScope::Layer) - 1.0).abs() < 1e-12);
    assert!((bits(RangeScope::Unit) - 3.0).abs() < 1e-12);
}

#[test]
fn a_constant_layer_carries_nothing() {
    let t = Array2::from_elem((10, 3), 0.25f32);
    for scope in [RangeScope::Layer, RangeScope::Unit] {
        let reading = measure(&scoped(BinRule::Equal, 30, scope), &t, &[&Labels::distinct(10)]);
        assert_eq!(
            (reading.estimates[0].as_ref().unwrap().information.nats(), reading.out_of_range),
            (0.0, 0)
        );
    }
}

#[test]
fn single_and_double_precision_agree() {
    let t = Array2::from_shape_fn((500, 3), |(i, j)| ((i * 37 + j * 11) as f32 * 0.13).sin());
    let wide = t.mapv(f64::from);
    let labels = Labels::from_symbols(&(0..500).map(|i| i % 3).collect::<Vec<_>>());
    for config in [config(BinRule::Edges, 30, [-1.0, 1.0]), floor(0.07)] {
        let binned = config.clone();
        assert_eq!(
            binned.layer(Variable::Single(t.view()), &[&labels]).unwrap(),
            binned.layer(Variable::Double(wide.view()), &[&labels]).unwrap()
        );
    }
}

#[test]
fn values_on_and_beside_every_edge_fall_where_the_edges_say() {
    for (n, low, high) in
        [(30, -1.0, 1.0), (13, 0.1, 0.7), (7, -0.3, 1e9), (256, 0.1, 0.3), (300, -1e-3, 1.0)]
    {
        let edges = even_edges(n, low, high);
        let values: Vec<f64> = edges.iter().flat_map(|e| [e.next_down(), *e, e.next_up()]).collect();
        let t = Array2::from_shape_vec((values.len(), 1), values).unwrap();
        let binned = FixedBins::new(&config(BinRule::Edges, n, [low, high]), &LayerRange::default()).unwrap();
        let (symbols, _) = binned.number(t.as_slice().unwrap(), 1).unwrap();
        // One symbol below the first edge, then one for each edge: numbered here by first appearance.
        let expected: Vec<u32> = t.iter().map(|v| edges.iter().filter(|&e| v >= e).count() as u32).collect();
        assert_eq!(symbols.codes(), expected, "{n} edges on [{low}, {high}]");
    }
}

#[test]
fn a_range_too_narrow_or_too_wide_for_bins_is_refused() {
    for values in [[0.0, 1e-310], [-1.7e308, 1.7e308]] {
        let t = Array2::from_shape_vec((2, 1), values.to_vec()).unwrap();
        let mut range = LayerRange::default();
        range.observe(Variable::Double(t.view()), usize::MAX);
        let error = FixedBins::new(&scoped(BinRule::Equal, 30, RangeScope::Layer), &range).unwrap_err();
        assert!(error.to_string().contains("double precision can hold"), "{error}");
    }
}

#[test]
fn settings_that_make_no_bins_are_refused_by_name() {
    let refused =
        |config: &Binned| config.for_layer(&LayerRange::default()).err().expect("a refusal").to_string();
    assert_eq!(refused(&config(BinRule::Edges, 0, [-1.0, 1.0])), "bins = 0; allowed is 2 to 65536 edges");
    assert!(refused(&config(BinRule::Equal, 0, [-1.0, 1.0])).contains("allowed is 1 to 65536 bins"));
    assert!(refused(&config(BinRule::Equal, 30, [1.0, -1.0])).contains("the lower first"));
    assert!(refused(&config(BinRule::Equal, 30, [0.0, f64::NAN])).contains("two finite numbers"));
    assert!(refused(&floor(0.0)).contains("bin_width = 0"));
    assert!(refused(&floor(-0.07)).contains("above 0"));
    assert!(refused(&scoped(BinRule::Equal, 30, RangeScope::Activation)).contains("unbounded"));
    assert!(refused(&scoped(BinRule::Equal, 30, RangeScope::Layer)).contains("nothing has been observed"));
    assert!(refused(&scoped(BinRule::Quantile, 30, RangeScope::Run)).contains("with rule = \"quantile\""));
}

#[test]
fn what_cannot_be_measured_is_an_error() {
    let binned = floor(0.07);
    let t = array![[0.0f32, 1.0], [f32::NAN, 0.0]];
    let refused =
        |t: &Array2<f32>, n| binned.layer(Variable::Single(t.view()), &[&Labels::distinct(n)]).unwrap_err();
    assert!(matches!(refused(&t, 2), EstimateError::NotFinite { row: 1, column: 0, .. }));
    assert!(matches!(
        refused(&Array2::zeros((2, 1)), 3),
        EstimateError::LengthMismatch { n_labels: 3, n_samples: 2 }
    ));
    assert!(matches!(refused(&Array2::zeros((0, 4)), 0), EstimateError::Empty { .. }));
    assert!(matches!(refused(&Array2::zeros((3, 0)), 3), EstimateError::Empty { .. }));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn fast_digitising_agrees_with_comparing_every_edge(
        n in 2usize..120,
        width in 1usize..9,
        bins in 2usize..300,
        seed in any::<u64>(),
        (low, span) in (-2.0f64..1.0, 0.5f64..3.0),
    ) {
        let mut state = seed | 1;
        let mut next = || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 40) as f32 / (1u64 << 24) as f32
        };
        let t = Array2::from_shape_fn((n, width), |_| (next() * 6.0 - 3.0) * if width > 2 { 0.3 } else { 1.0 });
        let labels = Labels::from_symbols(&(0..n).map(|_| (next() * 3.0) as u8).collect::<Vec<_>>());
        let x = Labels::distinct(n);
        let high = low + span;

        let edges = even_edges(bins, low, high);
        let found = measure(&config(BinRule::Edges, bins, [low, high]), &t, &[&x, &labels]);
        for (labels, estimate) in [&x, &labels].into_iter().zip(&found.estimates) {
            let expected = oracle(&t, &edges, labels);
            prop_assert!((estimate.as_ref().unwrap().information.nats() - expected).abs() < 1e-12);
            prop_assert!(estimate.as_ref().unwrap().information.nats() >= -1e-12);
            prop_assert!(estimate.as_ref().unwrap().information.nats() <= (n as f64).ln() + 1e-12);
        }

        let mut edges = even_edges(bins + 1, low, high);
        edges[bins] = high.next_up();
        let found = measure(&config(BinRule::Equal, bins, [low, high]), &t, &[&x, &labels]);
        for (labels, estimate) in [&x, &labels].into_iter().zip(&found.estimates) {
            prop_assert!((estimate.as_ref().unwrap().information.nats() - oracle(&t, &edges, labels)).abs() < 1e-12);
        }
    }
}

#[test]
fn each_side_of_a_pair_has_bins_on_its_own_range() {
    let x = Array2::from_shape_fn((200, 1), |(i, _)| (i as f64 * 0.618).fract());
    let of = |scale: f64, range| {
        let y = x.mapv(|v| scale * v);
        let config = scoped(BinRule::Equal, 10, range);
        config.pair(&x, &y).unwrap().information.nats()
    };
    for range in [RangeScope::Layer, RangeScope::Unit] {
        assert!((of(1.0, range) - of(1e-3, range)).abs() < 1e-12);
        assert!(of(1e-3, range) > 2.0);
    }
}

/// The cells of all samples are those of their parts, also where bins cover what is observed.
#[test]
fn bins_of_an_observed_range_have_errors_and_permutations() {
    let x = ndarray::Array1::from_iter((0..300).map(|i| (f64::from(i) * 0.71).sin()));
    let y = ndarray::Array1::from_iter(
        (0..300).map(|i| (f64::from(i) * 0.71).sin() + (f64::from(i) * 3.3).cos()),
    );
    for rule in [BinRule::Equal, BinRule::Edges, BinRule::Quantile] {
        for scope in [RangeScope::Layer, RangeScope::Unit] {
            let binned = Binned { bins: Some(6), range: Some(BinRange::Scope(scope)), ..Binned::new(rule) };
            let estimate = binned.pair_with_error(&x, &y, crate::Options::default()).unwrap();
            assert!(estimate.information.nats() > 0.1, "{rule:?} {scope:?}");
            assert!(estimate.standard_error.unwrap().nats() > 0.0, "{rule:?} {scope:?}");
            assert!(binned.permutation_test(&x, &y, 19, 0).unwrap().p_value <= 0.05);
        }
    }
}
