use ndarray::{Array2, array};
use proptest::prelude::*;

use super::*;
use crate::dataset::DatasetSource;
use crate::dataset::generate::SIGMOID_GAIN;

fn h(p: f64) -> f64 {
    let term = |p: f64| if p > 0.0 { -p * p.log2() } else { 0.0 };
    term(p) + term(1.0 - p)
}

/// Returns the p of at most one half with h(p) = `bits`.
fn h_inverse(bits: f64) -> f64 {
    let (mut low, mut high) = (0.0, 0.5);
    for _ in 0..200 {
        let middle = (low + high) / 2.0;
        if h(middle) < bits { low = middle } else { high = middle }
    }
    (low + high) / 2.0
}

/// p ∗ q of Mrs. Gerber's lemma: a flip by p, then by q.
fn star(p: f64, q: f64) -> f64 {
    p * (1.0 - q) + q * (1.0 - p)
}

fn symmetric(flip: f64) -> Array2<f64> {
    array![[1.0 - flip, flip], [flip, 1.0 - flip]]
}

/// I(X;T) and I(T;Y) of an encoder p(t|x), bits, by the definitions.
fn informations(p_x: &[f64], p_y_given_x: &Array2<f64>, encoder: &Array2<f64>) -> (f64, f64) {
    let x_t = Array2::from_shape_fn(encoder.dim(), |(x, t)| p_x[x] * encoder[[x, t]]);
    let t_y = x_t.t().dot(p_y_given_x);
    let information = |joint: &Array2<f64>| -> f64 {
        let (rows, columns) = (joint.sum_axis(ndarray::Axis(1)), joint.sum_axis(ndarray::Axis(0)));
        let term = |((a, b), &p): ((usize, usize), &f64)| {
            if p > 0.0 { p * (p / (rows[a] * columns[b])).log2() } else { 0.0 }
        };
        joint.indexed_iter().map(term).sum()
    };
    (information(&x_t), information(&t_y))
}

/// The tangents of all points bound the curve from above, each as far as it is exact.
fn most(curve: &BottleneckCurve, i_xt_bits: f64) -> f64 {
    let tangent = |point: &BottleneckPoint| {
        let rise = if point.beta.is_finite() { (i_xt_bits - point.i_xt.bits()) / point.beta } else { 0.0 };
        point.i_ty.bits() + rise + point.gap.bits()
    };
    curve.points.iter().filter(|point| point.beta > 0.0).map(tangent).fold(f64::INFINITY, f64::min)
}

fn holds_the_laws(curve: &BottleneckCurve) {
    let points = &curve.points;
    assert_eq!((points[0].i_xt.bits(), points[0].i_ty.bits()), (0.0, 0.0));
    let last = points.last().unwrap();
    assert!((last.i_ty - curve.i_xy).nats().abs() < 1e-12);
    for point in points {
        assert!(point.i_ty.nats() <= point.i_xt.nats() + 1e-12, "{point:?}");
        assert!(point.i_ty.nats() <= curve.i_xy.nats() + 1e-12, "{point:?}");
        assert!(point.gap.nats() < 1e-6, "{point:?}");
    }
    let slope =
        |a: &BottleneckPoint, b: &BottleneckPoint| (b.i_ty - a.i_ty).nats() / (b.i_xt - a.i_xt).nats();
    for pair in points.windows(2) {
        assert!(pair[0].i_xt < pair[1].i_xt && pair[0].i_ty < pair[1].i_ty);
        assert!(pair[0].beta < pair[1].beta, "{pair:?}");
    }
    for three in points.windows(3) {
        assert!(slope(&three[0], &three[1]) > slope(&three[1], &three[2]), "{three:?}");
    }
}

#[test]
fn a_symmetric_channel_has_the_curve_of_mrs_gerbers_lemma() {
    // Any prior: Witsenhausen & Wyner (1975). With a fair bit, 1 − h(flip ∗ h⁻¹(1 − I(X;T))).
    for (one, flip) in [(0.5, 0.1), (0.5, 0.3), (0.5, 0.01), (0.2, 0.1), (0.05, 0.25)] {
        let curve = bottleneck_curve(&[1.0 - one, one], symmetric(flip).view(), 80).unwrap();
        holds_the_laws(&curve);
        assert_eq!(curve.points.len(), 80);
        for point in &curve.points {
            let known = h(star(one, flip)) - h(star(flip, h_inverse(h(one) - point.i_xt.bits())));
            assert!((point.i_ty.bits() - known).abs() < 2e-8, "{one} {flip}: {point:?}, known {known}");
        }
        // Between the points the straight pieces are near the curve.
        for step in 0..=100 {
            let i_xt = h(one) * f64::from(step) / 100.0;
            let known = h(star(one, flip)) - h(star(flip, h_inverse(h(one) - i_xt)));
            let at = curve.at(Information::from_bits(i_xt)).bits();
            assert!(at <= known + 1e-8 && at > known - 5e-4, "{one} {flip} {i_xt}: {at}, known {known}");
        }
    }
}

#[test]
fn two_symmetric_channels_side_by_side_have_the_sum_of_their_curves() {
    let flip = 0.1;
    let single = symmetric(flip);
    let pair = Array2::from_shape_fn((4, 4), |(x, y)| single[[x / 2, y / 2]] * single[[x % 2, y % 2]]);
    let curve = bottleneck_curve(&[0.25; 4], pair.view(), 20).unwrap();
    holds_the_laws(&curve);
    for point in &curve.points {
        let known = 2.0 * (1.0 - h(star(flip, h_inverse(1.0 - point.i_xt.bits() / 2.0))));
        assert!((point.i_ty.bits() - known).abs() < 1e-7, "{point:?}, known {known}");
    }
}

#[test]
fn an_erasure_channel_has_a_straight_curve() {
    let erased = 0.3;
    let channel = array![[1.0 - erased, erased, 0.0], [0.0, erased, 1.0 - erased]];
    let curve = bottleneck_curve(&[0.5, 0.5], channel.view(), 20).unwrap();
    holds_the_laws(&curve);
    assert!(!curve.deterministic);
    for bits in [0.1, 0.5, 0.99] {
        let at = curve.at(Information::from_bits(bits)).bits();
        assert!((at - (1.0 - erased) * bits).abs() < 1e-8, "{bits}: {at}");
    }
}

#[test]
fn labels_without_noise_have_the_straight_line_to_their_entropy() {
    let labels = array![[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]];
    let curve = bottleneck_curve(&[0.25; 4], labels.view(), 50).unwrap();
    assert!(curve.deterministic);
    assert_eq!((curve.points.len(), curve.distinct_inputs), (2, 3));
    let end = curve.points[1];
    assert_eq!(end.i_xt, end.i_ty);
    assert!((end.i_ty.bits() - 1.5).abs() < 1e-12 && (curve.h_y.bits() - 1.5).abs() < 1e-12);
    assert!((curve.at(Information::from_bits(0.4)).bits() - 0.4).abs() < 1e-12);
    assert_eq!(curve.at(Information::from_bits(12.0)), end.i_ty);
}

#[test]
fn an_input_that_tells_nothing_leaves_the_origin() {
    let curve = bottleneck_curve(&[0.5, 0.5], array![[0.3, 0.7], [0.3, 0.7]].view(), 10).unwrap();
    assert_eq!((curve.points.len(), curve.distinct_inputs), (1, 1));
    assert_eq!(curve.at(Information::from_bits(3.0)), Information::ZERO);
    let certain = bottleneck_curve(&[1.0], array![[1.0]].view(), 10).unwrap();
    assert_eq!(certain.points.len(), 1);
}

#[test]
fn merging_equal_inputs_and_leaving_out_impossible_ones_changes_nothing() {
    let rows = array![[0.9, 0.1], [0.4, 0.6], [0.05, 0.95]];
    let merged = bottleneck_curve(&[0.5, 0.3, 0.2], rows.view(), 15).unwrap();
    let split = array![[0.9, 0.1], [0.4, 0.6], [0.9, 0.1], [0.05, 0.95], [0.5, 0.5], [0.4, 0.6]];
    let split = bottleneck_curve(&[0.2, 0.1, 0.3, 0.2, 0.0, 0.2], split.view(), 15).unwrap();
    assert_eq!(split.distinct_inputs, 3);
    assert_eq!(split.points.len(), merged.points.len());
    for (a, b) in split.points.iter().zip(&merged.points) {
        assert!((a.i_xt - b.i_xt).nats().abs() < 1e-6 && (a.i_ty - b.i_ty).nats().abs() < 1e-6);
    }
}

#[test]
fn a_joint_table_has_the_curve_of_its_conditionals() {
    let joint = array![[0.45, 0.05], [0.0, 0.0], [0.1, 0.4]];
    let from_table = bottleneck_curve_of_joint(joint.view(), 12).unwrap();
    let rows = array![[0.9, 0.1], [0.2, 0.8]];
    let known = bottleneck_curve(&[0.5, 0.5], rows.view(), 12).unwrap();
    for (a, b) in from_table.points.iter().zip(&known.points) {
        assert!((a.i_xt - b.i_xt).nats().abs() < 1e-6 && (a.i_ty - b.i_ty).nats().abs() < 1e-6);
    }
    let refused = |joint: Array2<f64>| bottleneck_curve_of_joint(joint.view(), 12).unwrap_err().to_string();
    assert!(refused(array![[0.4, 0.4]]).starts_with("p(x, y) sums to 0.8"));
    assert!(refused(array![[1.4, -0.4]]).starts_with("p(x = 0, y = 1) = -0.4"));
    assert!(refused(Array2::zeros((0, 2))).contains("at least 1"));
}

/// Returns all 4096 patterns of the 12-bit task with a gain.
fn symmetric12(gain: Option<f64>) -> BottleneckCurve {
    let source = DatasetSource::Symmetric12 { gain, repeats: 1 };
    let rule = source.rule().unwrap().unwrap();
    let curve = bottleneck_curve(&[1.0 / 4096.0; 4096], rule.view(), 12).unwrap();
    assert!((curve.i_xy - source.rule_information().unwrap().unwrap()).nats().abs() < 1e-9);
    curve
}

#[test]
fn the_twelve_bit_task_has_a_curve_whose_ends_are_those_of_its_rule() {
    for gain in [3.0, SIGMOID_GAIN] {
        let curve = symmetric12(Some(gain));
        assert!(curve.distinct_inputs <= 64 && !curve.deterministic);
        holds_the_laws(&curve);
        let last = curve.points.last().unwrap();
        assert!(last.i_xt.bits() < 6.0 && last.i_xt > last.i_ty);
    }
    let certain = symmetric12(None);
    assert_eq!((certain.distinct_inputs, certain.points.len(), certain.deterministic), (2, 2, true));
}

#[test]
fn what_is_no_distribution_is_refused_by_name() {
    let refused =
        |p_x: &[f64], rows: Array2<f64>| bottleneck_curve(p_x, rows.view(), 10).unwrap_err().to_string();
    let message = refused(&[0.5, 0.5], array![[0.5, 0.5], [0.5, 0.4]]);
    assert_eq!(message, "p(y|x = 1) sums to 0.9; probabilities sum to 1 (to 1e-6)");
    let message = refused(&[0.5, 0.5], array![[0.5, 0.5], [1.5, -0.5]]);
    assert_eq!(message, "p(y = 1|x = 1) = -0.5; a probability is a finite number of 0 or more");
    assert!(refused(&[0.5, f64::NAN], symmetric(0.1)).starts_with("p(x = 1) = NaN"));
    assert!(refused(&[0.5, 0.6], symmetric(0.1)).starts_with("p(x) sums to 1.1"));
    assert!(matches!(
        bottleneck_curve(&[1.0], symmetric(0.1).view(), 10),
        Err(BottleneckError::Length { p_x: 1, p_y_given_x: 2 })
    ));
    assert!(matches!(
        bottleneck_curve(&[], Array2::zeros((0, 2)).view(), 10),
        Err(BottleneckError::Empty { .. })
    ));
    for n_points in [0, 1, 1001] {
        let error = bottleneck_curve(&[0.5, 0.5], symmetric(0.1).view(), n_points).unwrap_err();
        assert_eq!(error, BottleneckError::Points { n_points });
    }
    let many = Array2::from_shape_fn((1025, 2), |(x, y)| {
        let p = x as f64 / 1024.0;
        if y == 0 { p } else { 1.0 - p }
    });
    assert!(matches!(
        bottleneck_curve(&[1.0 / 1025.0; 1025], many.view(), 10),
        Err(BottleneckError::TooManyInputs { distinct: 1025 })
    ));
}

#[test]
fn rare_inputs_and_labels_almost_without_noise_are_solved_too() {
    // An input of probability 4e-7 needs a value of T of its own; the others hardly notice it.
    let rare = array![
        [0.9548227262137899, 0.04517727378621014],
        [0.5276633060215735, 0.4723366939784264],
        [0.9079325683724758, 0.0920674316275241],
        [0.7594859918136422, 0.2405140081863578],
        [0.9961571968654426, 0.0038428031345573597]
    ];
    let p_rare = [
        0.0017468938325210482,
        3.6650583744074455e-7,
        0.5703491904720244,
        0.01054342253273912,
        0.41736012665687805,
    ];
    // The curve is almost a straight line: every β of it lies between 1 and 1.02, and steps are short.
    let clear = array![
        [0.0003984446284467633, 0.9996015553715532],
        [0.9875494263165876, 0.01245057368341235],
        [0.9997518123800965, 0.0002481876199035769],
        [0.8896774342419955, 0.11032256575800449]
    ];
    let p_clear = [0.428035699820615, 0.001016495228115552, 0.570772556047626, 0.00017524890364341568];
    for (p_x, rows) in [(&p_rare[..], rare), (&p_clear[..], clear)] {
        let curve = bottleneck_curve(p_x, rows.view(), 12).unwrap();
        holds_the_laws(&curve);
        assert_eq!(curve.points.len(), 12);
        for point in &curve.points {
            assert!(point.gap.nats() < 1e-9, "{point:?}");
        }
    }
}

/// Positive numbers as rows of probabilities.
fn rows(rows: usize, columns: usize) -> impl Strategy<Value = Array2<f64>> {
    proptest::collection::vec(0.001f64..1.0, rows * columns).prop_map(move |values| {
        // Cubes, so that some are nearly 0 and some encoders nearly a function.
        let mut table = Array2::from_shape_vec((rows, columns), values).unwrap().mapv(|v| v.powi(3));
        table.rows_mut().into_iter().for_each(|mut row| row /= row.sum());
        table
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn no_encoder_gets_above_the_curve(
        (p_x, p_y_given_x, encoders) in (2usize..6, 2usize..4).prop_flat_map(|(inputs, classes)| {
            let encoders = proptest::collection::vec(rows(inputs, 4), 40);
            (rows(1, inputs), rows(inputs, classes), encoders)
        })
    ) {
        let p_x = p_x.row(0).to_vec();
        let curve = bottleneck_curve(&p_x, p_y_given_x.view(), 12).unwrap();
        holds_the_laws(&curve);
        for encoder in encoders {
            let (i_xt, i_ty) = informations(&p_x, &p_y_given_x, &encoder);
            prop_assert!(i_ty <= most(&curve, i_xt) + 1e-9, "{} {}", i_xt, i_ty);
        }
    }
}
