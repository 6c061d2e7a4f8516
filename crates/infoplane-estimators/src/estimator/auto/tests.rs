use ndarray::{Array2, ArrayView2, Axis, array, concatenate};

use super::*;
use crate::known::{Sample, Task};
use crate::random::{Purpose, generator, normal, uniform};
use crate::{Bound, EstimateKind, Measure, Warning};

fn chosen(sample: &Sample, auto: &Auto) -> Result<&'static str, EstimateError> {
    Ok(auto.choose(sample.x.variable(), sample.y.variable())?.expect("a choice").name())
}

/// The table of the documentation.
#[test]
fn every_task_goes_to_the_method_of_the_table() {
    let none = Auto::default();
    for (task, expected) in [
        ("normal", "combined"),
        ("student", "combined"),
        ("swiss-roll", "combined"),
        ("linear-0.0001", "combined"),
        ("quadratic-0.0001", "combined"),
        ("normal-5x5", "combined"),
        ("spiral-25x25", "combined"),
        ("strong-5x5", "combined"),
        ("discrete-noise", "ross"),
        ("zero-inflated-poisson", "combined"),
        ("classes", "ross"),
        ("discrete-64", "chao-wang-jost"),
        ("layer-label", "classifier"),
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
    assert_eq!(chosen(&Task::named("wide-layer").unwrap().draw(1000, 1), &Auto::default()), Ok("combined"));
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

/// Values that repeat are spread, and no method for atoms is needed.
#[test]
fn values_that_repeat_cost_no_accuracy() {
    let n = 1000;
    let sample = Task::named("normal").unwrap().draw(n, 8);
    let (Variable::Double(x), Variable::Double(y)) = (sample.x.variable(), sample.y.variable()) else {
        panic!("numbers")
    };
    let truth = sample.information.nats();
    let auto = Auto::default();
    let whole = auto.pair(x, y).unwrap().information.nats();
    // Rounding to a fifth of a standard deviation changes the information by less than .005.
    for step in [1e-8, 1e-4, 0.01, 0.05, 0.2] {
        let rounded = |values: ArrayView2<'_, f64>| values.mapv(|v| (v / step).round() * step);
        for (x, y) in [(rounded(x), y.to_owned()), (rounded(x), rounded(y)), (x.to_owned(), rounded(y))] {
            let estimate = auto.pair(&x, &y).unwrap();
            let nats = estimate.information.nats();
            assert!((nats - whole).abs() < 0.06, "{step}: {nats} for {truth}, {whole} unrounded");
            assert_eq!(estimate.choice.unwrap().name(), "combined");
        }
    }
}

/// A unit that fires in a share of the samples, and another that fires with it but for one time in twenty; what they
/// are when they fire is independent, so that the information is that of firing.
#[test]
fn units_that_hardly_fire_are_measured_like_others() {
    let n = 4000;
    for silent in [0.5, 0.8, 0.88, 0.92, 0.97, 0.99] {
        let mut random = generator(1, Purpose::Known, 12);
        let (mut x, mut y, mut on) = (vec![0.0; n], vec![0.0; n], [vec![], vec![]]);
        let mut label = Vec::new();
        for i in 0..n {
            let fires = uniform(&mut random) > silent;
            let with = fires ^ (uniform(&mut random) < 0.05);
            x[i] = if fires { uniform(&mut random) + 0.1 } else { 0.0 };
            y[i] = if with { uniform(&mut random) + 0.1 } else { 0.0 };
            on[0].push(fires);
            on[1].push(with);
            label.push(fires ^ (uniform(&mut random) < 0.2));
        }
        let counted = |a: &[bool], b: &[bool]| {
            let (a, b) = (Labels::from_symbols(a), Labels::from_symbols(b));
            crate::PlugIn::default().pair(&a, &b).unwrap().information.nats()
        };
        let auto = Auto::default();
        let found = auto.pair(&x, &y).unwrap().information.nats();
        let truth = counted(&on[0], &on[1]);
        assert!((found - truth).abs() < 0.05, "{silent}: {found} for {truth}");
        let found = auto.pair(&x, &Labels::from_symbols(&label)).unwrap().information.nats();
        let truth = counted(&on[0], &label);
        assert!((found - truth).abs() < 0.02, "{silent}, labels: {found} for {truth}");
    }
}

/// Columns of whole numbers, every row of them another, against labels that have nothing to do with them.
#[test]
fn rows_of_whole_numbers_are_no_names() {
    let n = 2000;
    let mut random = generator(2, Purpose::Known, 13);
    let x = Array2::from_shape_simple_fn((n, 5), || (uniform(&mut random) * 100.0).floor());
    let y: Vec<u32> = (0..n).map(|_| (uniform(&mut random) * 10.0) as u32).collect();
    let y = Labels::from_symbols(&y);
    let estimate = Auto::default().pair(&x, &y).unwrap();
    assert!(estimate.information.nats().abs() < 0.05, "{estimate:?}");
    // By name they can be had as symbols.
    let named = Auto { x_kind: Some(VariableKind::Names), ..Auto::default() };
    assert!(named.pair(&x, &y).unwrap().choice.unwrap().reason.contains("exact for these samples"));
}

#[test]
fn samples_that_came_twice_count_once() {
    let sample = Task::named("normal").unwrap().draw(800, 5);
    let twice: Vec<usize> = (0..1600).map(|i| i / 2).collect();
    let (x, y) = (sample.x.variable().select(&twice), sample.y.variable().select(&twice));
    let auto = Auto::default();
    let once = auto.pair_with_error(&sample.x, &sample.y, crate::Options::default()).unwrap();
    let found = auto.pair_with_error(&x, &y, crate::Options::default()).unwrap();
    assert_eq!(found.information, once.information);
    assert_eq!(found.standard_error, once.standard_error);
    let counted = |w: &Warning| matches!(w, Warning::Dropped { dropped: 800, .. });
    assert!(found.warnings.iter().any(counted), "{:?}", found.warnings);
}

#[test]
fn entropies_of_numbers_on_a_lattice_are_those_of_a_density() {
    let mut random = generator(3, Purpose::Known, 14);
    let x: Vec<f64> = (0..2000).map(|_| normal(&mut random)).collect();
    let truth = 0.5 * (std::f64::consts::TAU * std::f64::consts::E).ln();
    for decimals in 1..9 {
        let unit = 10f64.powi(decimals);
        let rounded: Vec<f64> = x.iter().map(|v| (v * unit).round() / unit).collect();
        let estimate = Auto::default().entropy(&rounded).unwrap();
        assert!((estimate.information.nats() - truth).abs() < 0.06, "{decimals}: {estimate:?}");
        assert!(estimate.choice.unwrap().reason.contains("differential"));
    }
    // Distances of an even grid say nothing of a density.
    let grid: Vec<f64> = (0..1000).map(|i| f64::from(i) / 1000.0).collect();
    assert!(matches!(Auto::default().entropy(&grid), Err(EstimateError::Undetermined { .. })));
    let mixed: Vec<f64> = x.iter().map(|v| v.max(0.0)).collect();
    assert!(matches!(Auto::default().entropy(&mixed), Err(EstimateError::Undetermined { .. })));
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
    let few = |needed| move |e| matches!(e, EstimateError::TooFewSamples { needed: n, .. } if n == needed);
    assert!(pair(&one, &Labels::distinct(1)).is_err_and(few(2)));
    assert!(pair(&array![[1.0], [2.0]], &y).is_err_and(few(10)));
    let five: Vec<f64> = (0..5).map(|i| f64::from(i).sin()).collect();
    assert!(auto.pair(&five, &five).is_err_and(few(10)));
    assert!(auto.entropy(&five).is_err_and(few(10)));
}

/// Far above what neighbours can show.
#[test]
fn strong_dependence_with_noise_has_a_value() {
    let sample = Task::named("linear-0.0001").unwrap().draw(500, 2);
    let estimate = Auto::default().pair(sample.x.variable(), sample.y.variable()).unwrap();
    // Noise is seen: the value stands.
    assert_eq!(estimate.kind, EstimateKind::Consistent);
    assert!((estimate.information - sample.information).nats().abs() < 0.15, "{estimate:?}");
}

/// tanh of a linear map of 2, 5 and 10 inputs: infinite, whatever the estimate.
#[test]
fn layers_without_noise_have_a_lower_bound_and_no_value() {
    let n = 3000;
    let mut random = generator(6, Purpose::Known, 15);
    for inputs in [2, 5, 10] {
        let x = Array2::from_shape_simple_fn((n, inputs), || normal(&mut random));
        let weights = Array2::from_shape_simple_fn((inputs, 3), || normal(&mut random));
        let layer = x.dot(&weights).mapv(f64::tanh);
        let estimate = Auto::default().pair_with_error(&x, &layer, crate::Options::default()).unwrap();
        assert_eq!(estimate.kind, EstimateKind::Bound(Bound::Lower), "{inputs}");
        assert!(estimate.warnings.contains(&Warning::NoNoiseSeen));
        assert!(estimate.standard_error.is_none() && estimate.interval.is_none());
        assert!(estimate.information.nats() < f64::from(n as u32).ln());
        let ksg = crate::Ksg::default().pair(&x, &layer).unwrap();
        assert_eq!(ksg.kind, EstimateKind::Bound(Bound::Lower));
    }
}

/// The same for rectified units, half of whose values are 0; with noise before they are rectified there is a value.
#[test]
fn rectified_layers_without_noise_have_a_lower_bound_and_no_value() {
    let n = 3000;
    let mut random = generator(8, Purpose::Known, 15);
    for inputs in [2, 5, 10] {
        let mut normals =
            |rows, columns| Array2::from_shape_simple_fn((rows, columns), || normal(&mut random));
        let x = normals(n, inputs);
        let sums = x.dot(&normals(inputs, inputs));
        let noise = normals(n, inputs) * 0.3;
        let kind = |layer: Array2<f64>| Auto::default().pair(&x, &layer.mapv(|v| v.max(0.0))).unwrap().kind;
        assert_eq!(kind(&sums + &noise), EstimateKind::Consistent, "{inputs}");
        assert_eq!(kind(sums), EstimateKind::Bound(Bound::Lower), "{inputs}");
    }
}

/// As many columns as samples: neighbours are far, and what they give is no value.
#[test]
fn no_value_in_as_many_columns_as_samples() {
    let mut random = generator(9, Purpose::Known, 15);
    let x = Array2::from_shape_simple_fn((60, 40), || normal(&mut random));
    let y = &x + &Array2::from_shape_simple_fn((60, 40), || normal(&mut random));
    for estimator in [Auto::default().into(), AnyEstimator::from(crate::Ksg::default())] {
        let estimate = estimator.pair(&x, &y).unwrap();
        assert_eq!(estimate.kind, EstimateKind::Bound(Bound::Lower));
        assert!(estimate.warnings.iter().any(|warning| warning.to_string().contains("in 80 columns")));
    }
}

/// Two classes that a column tells apart: no more than ln 2.
#[test]
fn no_estimate_exceeds_the_entropy_of_the_classes() {
    let mut random = generator(7, Purpose::Known, 16);
    for n in [40, 300] {
        let classes: Vec<usize> = (0..n).map(|i| i % 2).collect();
        let t: Vec<f64> = classes.iter().map(|&c| 10.0 * c as f64 + uniform(&mut random)).collect();
        let y = Labels::from_symbols(&classes);
        let estimate = Auto::default().pair(&t, &y).unwrap();
        assert_eq!(estimate.information, y.entropy(), "{estimate:?}");
        let t = Array2::from_shape_vec((n, 1), t).unwrap();
        let readings = Auto::default().layer(&t, &[&y]).unwrap();
        assert!(readings[0].estimates[0].as_ref().unwrap().information <= y.entropy());
    }
}

/// Two rectified columns that are 0 together: the shared 0 is no sample that came many times.
#[test]
fn zeros_on_both_sides_at_once_are_measured() {
    let mut random = generator(4, Purpose::Known, 31);
    let n = 1000;
    let rows: Vec<[f64; 2]> = (0..n)
        .map(|_| match uniform(&mut random) > 0.7 {
            true => [uniform(&mut random), uniform(&mut random)],
            false => [0.0, 0.0],
        })
        .collect();
    let [x, y] = [0, 1].map(|side| rows.iter().map(|row| row[side]).collect::<Vec<f64>>());
    let estimate = Auto::default().pair(&x, &y).unwrap();
    // What both tell of each other is whether they are 0: the entropy of .3.
    let truth = -(0.3f64 * 0.3f64.ln() + 0.7 * 0.7f64.ln());
    assert!((estimate.information.nats() - truth).abs() < 0.1, "{}", estimate.information);
    assert_eq!(estimate.n_samples, n);
}

/// A hundred codes, and the same codes by other numbers: ln 100, less what 1000 samples leave of it to chance.
#[test]
fn codes_of_the_same_things_are_a_table() {
    let mut random = generator(31, Purpose::Known, 0);
    let x: Vec<f64> = (0..1000).map(|_| (uniform(&mut random) * 100.0).floor()).collect();
    let others: Vec<f64> = x.iter().map(|v| (37.0 * v + 11.0) % 100.0).collect();
    for y in [&x, &others] {
        let estimate = Auto::default().pair(&x, y).unwrap();
        assert_eq!(estimate.choice.as_ref().unwrap().name(), "chao-wang-jost");
        assert!((estimate.information.nats() - 100f64.ln()).abs() < 0.1, "{}", estimate.information.nats());
    }
}

/// A sum of the others tells nothing that they do not, and does not stand among the distances.
#[test]
fn a_column_that_is_a_sum_of_the_others_changes_nothing() {
    let mut random = generator(32, Purpose::Known, 0);
    let x = Array2::from_shape_simple_fn((800, 2), || normal(&mut random));
    let y = Array2::from_shape_fn((800, 2), |place| x[place] + normal(&mut random));
    let sum = x.sum_axis(Axis(1)).insert_axis(Axis(1));
    let with = concatenate(Axis(1), &[x.view(), sum.view()]).unwrap();
    let (alone, with) = (Auto::default().pair(&x, &y).unwrap(), Auto::default().pair(&with, &y).unwrap());
    assert_eq!(alone.information, with.information);
}

/// Three classes that differ in the first of two columns, of which the second has tails over eight orders of magnitude.
#[test]
fn tails_of_another_column_leave_a_class_its_differences() {
    let n = 1500;
    let mut random = generator(33, Purpose::Known, 0);
    let labels: Vec<u32> = (0..n).map(|i| i % 3).collect();
    let first: Vec<f64> = labels.iter().map(|&y| 1.5 * f64::from(y) + normal(&mut random)).collect();
    let second: Vec<f64> = (0..n).map(|_| (8.0 * normal(&mut random)).exp()).collect();
    let t = Array2::from_shape_fn((n as usize, 2), |(row, column)| [first[row], second[row]][column]);
    let y = Labels::from_symbols(&labels);
    let alone = Auto::default().pair(&first, &y).unwrap().information.nats();
    let both = Auto::default().pair(&t, &y).unwrap();
    assert!((both.information.nats() - alone).abs() < 0.08, "{} {alone}", both.information.nats());
}
