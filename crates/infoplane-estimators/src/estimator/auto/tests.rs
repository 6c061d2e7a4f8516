use ndarray::{Array2, array};

use super::*;
use crate::Measure;
use crate::known::{Sample, Task};

fn chosen(sample: &Sample, auto: &Auto) -> Result<&'static str, EstimateError> {
    Ok(auto.choose(sample.x.variable(), sample.y.variable())?.expect("a choice").name())
}

/// The table of the documentation.
#[test]
fn every_task_goes_to_the_method_of_the_table() {
    let none = Auto::default();
    for (task, expected) in [
        ("normal", "extrapolated-ksg"),
        ("student", "extrapolated-ksg"),
        ("swiss-roll", "extrapolated-ksg"),
        ("linear-0.0001", "extrapolated-ksg"),
        ("quadratic-0.0001", "extrapolated-ksg"),
        ("normal-5x5", "cv-ksg"),
        ("spiral-25x25", "cv-ksg"),
        ("strong-5x5", "cv-ksg"),
        ("discrete-noise", "ross"),
        ("zero-inflated-poisson", "mixed-ksg"),
        ("classes", "ross"),
        ("discrete-64", "chao-wang-jost"),
        ("layer-label", "gcmi"),
    ] {
        for n in [300, 1000] {
            let sample = Task::named(task).unwrap().draw(n, 1);
            assert_eq!(chosen(&sample, &none), Ok(expected), "{task} {n}");
        }
    }
    let layer = Task::named("layer-input").unwrap().draw(300, 1);
    let refused = chosen(&layer, &none).unwrap_err();
    assert!(matches!(refused, EstimateError::Undetermined { .. }));
    for part in ["ln N = 5.7038", "noise_variance", "bin_width", "name a method"] {
        assert!(refused.to_string().contains(part), "{refused}");
    }
    let noise = Auto { noise_variance: layer.noise_variance, ..none.clone() };
    assert_eq!(chosen(&layer, &noise), Ok("noise"));
    let label = Task::named("layer-label").unwrap().draw(300, 1);
    assert_eq!(chosen(&label, &noise), Ok("noise"));
    let bins = Auto { bin_width: Some(0.1), ..none };
    assert_eq!(chosen(&layer, &bins), Ok("binned"));
}

#[test]
fn heavy_tails_are_measured_as_well_as_others() {
    let auto = Auto::default();
    for task in ["student", "student-asinh", "normal", "half-cube"] {
        let sample = Task::named(task).unwrap().draw(1000, 3);
        let estimate = auto.pair(sample.x.variable(), sample.y.variable()).unwrap();
        let error = estimate.information.nats() - sample.information.nats();
        // The standard deviation is about 0.03 for any of them; by its units Student's t would be 0.1 too low.
        assert!(error.abs() < 0.09, "{task} {error}");
    }
}

#[test]
fn more_columns_than_samples_go_to_neighbours() {
    let wide = Task::named("wide-layer").unwrap().draw(300, 1);
    assert_eq!(chosen(&wide, &Auto::default()), Ok("ksg"));
    assert_eq!(chosen(&Task::named("wide-layer").unwrap().draw(1000, 1), &Auto::default()), Ok("cv-ksg"));
}

#[test]
fn exact_maps_are_refused_with_the_choices() {
    let x = Array2::from_shape_fn((200, 1), |(i, _)| (i as f64 * 0.37).sin());
    let y = x.mapv(|v| (3.0 * v).tanh());
    let (x, y) = (Variable::Double(x.view()), Variable::Double(y.view()));
    for (x, y) in [(x, y), (y, x), (x, x)] {
        let refused = Auto::default().choose(x, y).unwrap_err().to_string();
        assert!(refused.contains("infinite") && refused.contains("noise_variance"), "{refused}");
    }
    // With noise or bins the same question has an answer.
    let noise = Auto { noise_variance: Some(0.01), ..Auto::default() };
    let estimate = noise.pair(x, y).unwrap();
    assert!(estimate.information.nats() > 0.5 && estimate.information.nats() < 200f64.ln());
    assert!(estimate.choice.unwrap().reason.contains("0.01"));
}

#[test]
fn rows_that_repeat_have_an_entropy_even_if_x_is_the_row() {
    let t = Array2::from_shape_fn((40, 3), |(i, j)| (i % 4 + j) as f64 * 0.1);
    let x = Labels::distinct(40);
    let auto = Auto::default();
    let estimate = auto.pair(Variable::Labels(&x), Variable::Double(t.view())).unwrap();
    assert!((estimate.information.nats() - 4f64.ln()).abs() < 1e-12);
    // Dead units: a layer of zeros tells nothing.
    let dead = Array2::<f32>::zeros((40, 3));
    let readings = auto.layer(Variable::Single(dead.view()), &[&x]).unwrap();
    assert_eq!(readings[0].estimates[0].as_ref().unwrap().information.nats(), 0.0);
}

#[test]
fn columns_with_atoms_go_to_mixed_neighbours() {
    // A rectified unit: half zeros, half numbers.
    let x = Array2::from_shape_fn((200, 1), |(i, _)| (i as f64 * 0.71).sin());
    let t = x.mapv(|v| v.max(0.0) + if v > 0.0 { 0.01 * (v * 997.0).sin() } else { 0.0 });
    let estimate = Auto::default().pair(&x, &t).unwrap();
    assert_eq!(estimate.choice.unwrap().name(), "mixed-ksg");
}

#[test]
fn a_layer_keeps_what_can_be_had() {
    let t = Array2::from_shape_fn((60, 2), |(i, j)| ((5 * i + j) as f32).sin() + (i % 2) as f32);
    let y = Labels::from_symbols(&(0..60).map(|i| i % 2).collect::<Vec<_>>());
    let auto = Auto::default();
    let readings = auto.layer(Variable::Single(t.view()), &[&Labels::distinct(60), &y]).unwrap();
    assert!(matches!(readings[0].estimates[0], Err(EstimateError::Undetermined { .. })));
    let estimate = readings[0].estimates[1].as_ref().unwrap();
    assert_eq!(estimate.choice.as_ref().unwrap().name(), "ross");
}

#[test]
fn hints_that_contradict_each_other_are_refused() {
    let refused = |config: Auto| config.check().unwrap_err().to_string();
    let none = Auto::default();
    let both = Auto { noise_variance: Some(1.0), bin_width: Some(0.1), ..none.clone() };
    assert!(refused(both).contains("not both"));
    assert!(refused(Auto { noise_variance: Some(0.0), ..none.clone() }).contains("above 0"));
    assert!(refused(Auto { range: Some(BinRange::Fixed([0.0, 1.0])), ..none.clone() }).contains("range"));
    let bins = Auto { bins: Some(3), range: Some(BinRange::Fixed([0.0, 1.0])), ..none };
    assert_eq!(bins.setting(), "3 equal bins on [0, 1]");
}

#[test]
fn what_nobody_can_measure_is_refused() {
    let auto = Auto::default();
    let nan = array![[1.0, f64::NAN], [0.0, 1.0]];
    let y = Labels::from_symbols(&[0, 1]);
    let pair = |x: &Array2<f64>, y: &Labels| auto.pair(Variable::Double(x.view()), Variable::Labels(y));
    assert!(matches!(pair(&nan, &y), Err(EstimateError::NotFinite { row: 0, column: 1, .. })));
    assert!(matches!(pair(&Array2::zeros((0, 2)), &y), Err(EstimateError::Empty { .. })));
    assert!(matches!(pair(&array![[1.0], [2.0], [3.0]], &y), Err(EstimateError::RowMismatch { .. })));
    let one = array![[1.0]];
    assert_eq!(pair(&one, &Labels::distinct(1)).unwrap().information.nats(), 0.0);
    // Two samples, two labels: which row, against values that never repeat.
    assert!(matches!(pair(&array![[1.0], [2.0]], &y), Err(EstimateError::Undetermined { .. })));
}

#[test]
fn strong_dependence_leaves_plain_neighbours() {
    let sample = Task::named("linear-0.0001").unwrap().draw(500, 2);
    let auto = Auto::default();
    let estimate = auto.pair(sample.x.variable(), sample.y.variable()).unwrap();
    let choice = estimate.choice.unwrap();
    assert!(choice.name() == "lnc" && choice.reason.contains("ceiling"), "{choice:?}");
}
