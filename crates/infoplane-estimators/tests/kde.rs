//! What the KDE estimator promises to its callers.

use infoplane_estimators::Kde;
use infoplane_estimators::Measure;
use infoplane_estimators::{Bound, EstimateError, Estimator, Labels, Variable};
use ndarray::{Array2, array};

fn two_by_two() -> Array2<f32> {
    array![[0.0, 0.0], [3.0, 4.0]]
}

#[test]
fn two_points_give_the_formula() {
    // Distance 5, noise variance 10: kernels exp(−25/20) and exp(−25/80).
    let t = two_by_two();
    let x = Labels::distinct(2);
    let readings = Kde::new(vec![10.0]).layer(Variable::Single(t.view()), &[&x]).unwrap();
    for (reading, bound, exponent) in
        [(&readings[0], Bound::Upper, 25.0f64 / 20.0), (&readings[1], Bound::Lower, 25.0 / 80.0)]
    {
        assert_eq!(reading.bound, Some(bound));
        let expected = -((1.0 + (-exponent).exp()) / 2.0).ln();
        assert!((reading.estimates[0].as_ref().unwrap().information.nats() - expected).abs() < 1e-7);
    }
}

#[test]
fn one_label_for_all_is_no_information() {
    let t = Array2::from_shape_fn((100, 30), |(i, k)| ((i * 31 + k * 17) % 13) as f32);
    let same = Labels::from_symbols(&[0u8; 100]);
    for reading in Kde::new(vec![5.0]).layer(Variable::Single(t.view()), &[&same]).unwrap() {
        assert_eq!(reading.estimates[0].as_ref().unwrap().information.nats(), 0.0);
    }
}

#[test]
fn repeated_inputs_without_noise_between_them_carry_the_entropy_of_the_input() {
    // Three inputs, seen 10, 20 and 30 times, far apart: I(X;T) = H(X) and not ln 60.
    let codes: Vec<u8> = [vec![0; 10], vec![1; 20], vec![2; 30]].concat();
    let x = Labels::from_symbols(&codes);
    let t = Array2::from_shape_fn((60, 2), |(i, _)| 100.0 * f64::from(codes[i]));
    for reading in Kde::new(vec![0.1]).layer(Variable::Double(t.view()), &[&x]).unwrap() {
        assert!(
            (reading.estimates[0].as_ref().unwrap().information.nats() - x.entropy().nats()).abs() < 1e-6
        );
    }
}

#[test]
fn the_lower_bound_is_below_the_upper_and_more_noise_leaves_less() {
    let t = Array2::from_shape_fn((300, 5), |(i, k)| ((i * (k + 3)) as f64).sin());
    let x = Labels::distinct(300);
    let readings = Kde::new(vec![0.01, 0.1, 1.0]).layer(Variable::Double(t.view()), &[&x]).unwrap();
    let nats: Vec<f64> =
        readings.iter().map(|r| r.estimates[0].as_ref().unwrap().information.nats()).collect();
    for pair in nats.chunks(2) {
        assert!(pair[1] <= pair[0]);
    }
    assert!(nats[0] > nats[2] && nats[2] > nats[4] && nats[1] > nats[3] && nats[3] > nats[5]);
    assert!(nats.iter().all(|&v| (0.0..=300f64.ln()).contains(&v)));
    let settings: Vec<&str> = readings.iter().step_by(2).map(|r| r.setting.as_str()).collect();
    assert_eq!(settings, ["noise_variance=0.01", "noise_variance=0.1", "noise_variance=1"]);
}

#[test]
fn what_cannot_be_measured_is_an_error() {
    for variances in [vec![], vec![0.0], vec![-1.0], vec![1.0, f64::NAN], vec![f64::INFINITY]] {
        assert!(matches!(
            Kde::new(variances).check(),
            Err(EstimateError::Setting { key: "noise_variances", .. })
        ));
    }
    let kde = Kde { noise_variances: vec![1.0] };
    let (t, x) = (two_by_two(), Labels::distinct(2));
    assert!(matches!(
        kde.layer(Variable::Single(t.view()), &[&Labels::distinct(3)]),
        Err(EstimateError::LengthMismatch { n_labels: 3, n_samples: 2 })
    ));
    assert!(matches!(
        kde.layer(Variable::Labels(&x), &[&x]),
        Err(EstimateError::NeedsMatrix { estimator: "kde" })
    ));
    let nan = array![[0.0f32, 1.0], [f32::NAN, 1.0]];
    assert!(matches!(
        kde.layer(Variable::Single(nan.view()), &[&x]),
        Err(EstimateError::NotFinite { row: 1, column: 0, .. })
    ));
    let empty = Array2::<f32>::zeros((0, 3));
    assert!(matches!(
        kde.layer(Variable::Single(empty.view()), &[]),
        Err(EstimateError::Empty { n_samples: 0, width: 3 })
    ));
}
