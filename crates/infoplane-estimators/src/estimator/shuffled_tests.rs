//! I(T; shuffled labels) and the samples alone in their cell, against closed forms and counts made otherwise.

use std::collections::HashMap;

use ndarray::Array2;

use crate::random::{Purpose, below, generator, normal, uniform};
use crate::{
    AnyEstimator, Auto, BinRange, BinRule, Binned, Estimator, Gcmi, Kde, Labels, LayerEstimate, Measure,
    Noise, PlugIn, Renyi, Ross, Variable,
};

fn uniforms(n: usize, width: usize, seed: u64) -> Array2<f32> {
    let mut numbers = generator(seed, Purpose::Known, 90);
    Array2::from_shape_simple_fn((n, width), || uniform(&mut numbers) as f32)
}

fn classes(n: usize, n_classes: u32, seed: u64) -> Labels {
    let mut numbers = generator(seed, Purpose::Known, 91);
    Labels::from_symbols(&(0..n).map(|_| below(&mut numbers, n_classes)).collect::<Vec<_>>())
}

fn equal(bins: usize) -> Binned {
    Binned { bins: Some(bins), range: Some(BinRange::Fixed([0.0, 1.0])), ..Binned::new(BinRule::Equal) }
}

fn measured(estimator: &dyn Estimator, t: &Array2<f32>, y: &Labels) -> LayerEstimate {
    let x = Labels::distinct(y.len());
    let readings = estimator.layer_with_shuffled(Variable::Single(t.view()), &[&x, y], &y.shuffled());
    readings.unwrap().swap_remove(0)
}

fn i_ty(reading: &LayerEstimate) -> f64 {
    reading.estimates[1].as_ref().unwrap().information.nats()
}

#[test]
fn shuffling_keeps_the_shares_and_forgets_the_samples() {
    let n = 10_000;
    let y = classes(n, 3, 1);
    let shuffled = y.shuffled();
    assert_eq!(shuffled.counts(), y.counts());
    let mut counts = vec![0; 3];
    shuffled.codes().iter().for_each(|&code| counts[code as usize] += 1);
    assert_eq!(counts, y.counts());
    // Equal by chance in Σ p² of the samples, within four standard deviations.
    let same = y.codes().iter().zip(shuffled.codes()).filter(|(a, b)| a == b).count() as f64 / n as f64;
    let expected: f64 = y.shares().iter().map(|p| p * p).sum();
    assert!((same - expected).abs() < 4.0 * (expected * (1.0 - expected) / n as f64).sqrt(), "{same}");
    // One permutation for all labels of as many samples.
    let numbers = Labels::distinct(n).shuffled();
    let by_number: Vec<u32> = numbers.codes().iter().map(|&row| y.codes()[row as usize]).collect();
    assert_eq!(by_number, shuffled.codes());
}

#[test]
fn samples_alone_are_those_of_cells_that_occur_once() {
    let t = uniforms(2000, 3, 2);
    let mut cells: HashMap<Vec<i64>, u64> = HashMap::new();
    for row in t.rows() {
        *cells.entry(row.iter().map(|&v| (f64::from(v) * 8.0).floor() as i64).collect()).or_default() += 1;
    }
    let alone = cells.values().filter(|&&count| count == 1).count() as u64;
    assert!((10..1990).contains(&alone));
    assert_eq!(measured(&equal(8), &t, &classes(2000, 2, 2)).alone, Some(alone));
    // The cells of a method of counts are the different rows.
    assert_eq!(measured(&PlugIn::default(), &t, &classes(2000, 2, 2)).alone, Some(2000));
}

/// H(Y|T) is at most ln 2 for the samples that share their cell and 0 for the others, whatever the labels.
#[test]
fn in_many_bins_independent_labels_have_all_their_entropy_and_nothing_above_shuffled_ones() {
    let (n, y) = (2000, classes(2000, 2, 3));
    let reading = measured(&equal(1000), &uniforms(n, 4, 3), &y);
    let shared = (n as f64 - reading.alone.unwrap() as f64) / n as f64 * 2f64.ln();
    assert!(shared < 0.01, "{shared}");
    let (h_y, shuffled) = (y.entropy().nats(), reading.shuffled.unwrap().nats());
    assert!(shuffled >= h_y - shared - 1e-12 && shuffled <= h_y + 1e-12, "{shuffled} of {h_y}");
    assert!((i_ty(&reading) - shuffled).abs() <= shared + 1e-12);
    assert!(reading.is_all_bias(&y));
}

/// With many samples in each of C cells and L labels 2N times the plug-in value of independent labels is χ² of
/// (C − 1)(L − 1) degrees of freedom (Wilks): its mean is that number, its variance twice as much.
#[test]
fn in_few_cells_shuffled_labels_have_the_known_bias_and_the_rest_is_the_truth() {
    let (n, cells, repeats) = (20_000, 8, 40);
    let degrees = (cells - 1) as f64 * 3.0;
    let bias = degrees / (2.0 * n as f64);
    let deviation = (2.0 * degrees).sqrt() / (2.0 * n as f64);
    let (mut shuffled, mut of_independent) = (0.0, 0.0);
    for seed in 0..repeats {
        let t = uniforms(n, 1, 100 + seed);
        // A function of the cell: two cells for each of four labels.
        let cell = |value: f32| (f64::from(value) * cells as f64).floor() as u32;
        let y = Labels::from_symbols(&t.iter().map(|&value| cell(value) / 2).collect::<Vec<_>>());
        let reading = measured(&equal(cells), &t, &y);
        assert_eq!(reading.alone, Some(0));
        assert!(!reading.is_all_bias(&y));
        assert!((i_ty(&reading) - y.entropy().nats()).abs() < 1e-12);
        shuffled += reading.shuffled.unwrap().nats() / repeats as f64;
        let independent = measured(&equal(cells), &t, &classes(n, 4, seed));
        of_independent += (i_ty(&independent) - independent.shuffled.unwrap().nats()) / repeats as f64;
    }
    // Four standard deviations of the means; the second is of a difference of two.
    let error = 4.0 * deviation / (repeats as f64).sqrt();
    assert!(error < bias / 5.0);
    assert!((shuffled - bias).abs() < error, "{shuffled} for {bias} ± {error}");
    assert!(of_independent.abs() < 2f64.sqrt() * error, "{of_independent} for 0 ± {error}");
}

#[test]
fn under_small_noise_rows_apart_give_any_labels_their_entropy() {
    let t = Array2::from_shape_fn((300, 2), |(i, k)| (100 * i + k) as f32);
    let y = classes(300, 3, 4);
    let methods: [AnyEstimator; 3] = [
        Kde::new([1e-3]).into(),
        Noise::new([1e-3]).into(),
        Auto { noise_variance: Some(1e-3), ..Auto::default() }.into(),
    ];
    for method in methods {
        let reading = measured(&method, &t, &y);
        assert!((reading.shuffled.unwrap() - y.entropy()).nats().abs() < 1e-6, "{}", method.name());
        assert!(reading.is_all_bias(&y) && reading.alone.is_none());
    }
}

/// Points at a few places far apart are symbols: noise then gives the plug-in value of the counts.
#[test]
fn at_few_places_far_apart_noise_has_the_bias_of_counts() {
    let places = classes(600, 5, 5);
    let t = Array2::from_shape_fn((600, 1), |(i, _)| 100.0 * places.codes()[i] as f32);
    let y = classes(600, 3, 6);
    let counts = measured(&PlugIn::default(), &t, &y).shuffled.unwrap();
    assert!(counts.nats() > 1e-3);
    for method in [AnyEstimator::from(Kde::new([1e-2])), Noise::new([1e-2]).into()] {
        let shuffled = measured(&method, &t, &y).shuffled.unwrap();
        assert!((shuffled - counts).nats().abs() < 1e-6, "{}: {shuffled} {counts}", method.name());
    }
}

#[test]
fn shuffled_labels_leave_the_other_values_as_they_are_for_any_number_of_threads() {
    let mut numbers = generator(7, Purpose::Known, 92);
    let t = Array2::from_shape_simple_fn((520, 20), || normal(&mut numbers) as f32);
    let repeated = Labels::from_symbols(&(0..520).map(|i| i / 2).collect::<Vec<_>>());
    let methods: [AnyEstimator; 5] = [
        Kde::new([0.1, 20.0]).into(),
        Noise { bounds: true, draws: Some(2), ..Noise::new([20.0]) }.into(),
        Binned { bin_width: Some(4.0), ..Binned::new(BinRule::Floor) }.into(),
        PlugIn::default().into(),
        Auto { noise_variance: Some(20.0), ..Auto::default() }.into(),
    ];
    for x in [Labels::distinct(520), repeated] {
        for n_classes in [2, 10] {
            let y = classes(520, n_classes, 8);
            for method in &methods {
                let with = |threads| {
                    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                    let layer = || {
                        method
                            .layer_with_shuffled(Variable::Single(t.view()), &[&x, &y], &y.shuffled())
                            .unwrap()
                    };
                    pool.install(layer)
                };
                let readings = with(1);
                assert_eq!(readings, with(4), "{}", method.name());
                let plain = method.layer(Variable::Single(t.view()), &[&x, &y]).unwrap();
                for (reading, plain) in readings.into_iter().zip(plain) {
                    assert!(reading.shuffled.is_some() && plain.shuffled.is_none());
                    assert_eq!(LayerEstimate { shuffled: None, ..reading }, plain, "{}", method.name());
                }
            }
        }
    }
}

#[test]
fn other_methods_measure_no_shuffled_labels() {
    let (t, y) = (uniforms(100, 2, 9), classes(100, 2, 9));
    let methods: [AnyEstimator; 4] =
        [Ross::default().into(), Gcmi::default().into(), Renyi::default().into(), Auto::default().into()];
    for method in methods {
        let reading = measured(&method, &t, &y);
        assert_eq!((reading.shuffled, reading.alone), (None, None), "{}", method.name());
    }
}
