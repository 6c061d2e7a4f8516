use super::*;
use crate::random::normal;
use crate::random::{Purpose, generator};
use crate::{Edge, Labels, Measure, MillerMadow, PlugIn};
use ndarray::Array2;

fn plug_in() -> PlugIn {
    PlugIn::default()
}

/// Returns a normal pair of correlation .6 in 8 × 8 bins of half a standard deviation and open ends.
fn binned_pair(n: usize, index: u64) -> (Labels, Labels) {
    let mut random = generator(11, Purpose::Discrete, index);
    let bin = |v: f64| ((v / 0.5).floor() + 4.0).clamp(0.0, 7.0) as u32;
    let (x, y): (Vec<u32>, Vec<u32>) = (0..n)
        .map(|_| {
            let x = normal(&mut random);
            (bin(x), bin(0.6 * x + 0.8 * normal(&mut random)))
        })
        .unzip();
    (Labels::from_symbols(&x), Labels::from_symbols(&y))
}

fn spread(values: &[f64]) -> f64 {
    deviation(values, mean(values))
}

#[test]
fn errors_are_those_of_repeated_samples_and_intervals_hold_the_truth() {
    let repeats = 100;
    // The information of the bins, from a sample 2000 times as large; its bias, 49/2n, is 1e-5.
    let (x, y) = binned_pair(2_000_000, 1 << 30);
    let truth = plug_in().pair(Variable::Labels(&x), Variable::Labels(&y)).unwrap().information.nats();
    let (mut values, mut parts, mut draws) = (Vec::new(), Vec::new(), Vec::new());
    let (mut held_mean, mut held_truth) = (Vec::new(), 0);
    for repeat in 0..repeats {
        let (x, y) = binned_pair(1000, repeat);
        let (x, y) = (Variable::Labels(&x), Variable::Labels(&y));
        let subsampled = subsampling_error(&plug_in(), x, y, 10, 0).unwrap();
        let drawn = bootstrap(&plug_in(), x, y, 200, 0).unwrap();
        values.push(drawn.value.nats());
        parts.push(subsampled.standard_error.nats());
        draws.push(drawn.standard_error.nats());
        held_mean.push((subsampled.value.nats(), subsampled.standard_error.nats()));
        held_truth +=
            usize::from(drawn.interval.lower.nats() <= truth && truth <= drawn.interval.upper.nats());
    }
    let centre = mean(&values);
    let held_mean = held_mean.iter().filter(|(v, error)| (v - centre).abs() <= 1.96 * error).count();
    let (spread, parts, draws) = (spread(&values), mean(&parts), mean(&draws));
    eprintln!(
        "truth {truth:.4}, mean {centre:.4}, spread {spread:.4}, parts {parts:.4} ({held_mean} %), draws \
         {draws:.4} ({held_truth} %)"
    );
    // A spread of 100 values is known to 1/√200 = 7 %: three of them.
    assert!((parts / spread - 1.0).abs() < 0.21, "{parts} for {spread}");
    assert!((draws / spread - 1.0).abs() < 0.21, "{draws} for {spread}");
    // 95 expected, standard deviation 2.2.
    assert!(held_mean >= 88, "{held_mean}");
    assert!(held_truth >= 88, "{held_truth}");
}

#[test]
fn a_biased_value_is_seen_to_drift_and_a_steady_one_is_not() {
    let x = Labels::from_symbols(&(0..1000u32).map(|i| i.wrapping_mul(2654435769) >> 26).collect::<Vec<_>>());
    let y = Labels::from_symbols(&(0..1000u32).map(|i| i.wrapping_mul(2246822519) >> 26).collect::<Vec<_>>());
    let found = subsampling_error(&plug_in(), Variable::Labels(&x), Variable::Labels(&y), 8, 0).unwrap();
    let Some(Warning::Drift { n_samples: 500, part: halves, all }) = found.drift else { panic!("{found:?}") };
    assert!(halves > all && all == found.value && halves == found.means[0].1);
    // Fifty thousand samples of 64 cells: the bias is 49/100 000.
    let (x, y) = binned_pair(50_000, 3);
    let method = MillerMadow::default();
    let found = subsampling_error(&method, Variable::Labels(&x), Variable::Labels(&y), 8, 0).unwrap();
    assert_eq!(found.drift, None);
}

#[test]
fn p_values_of_independent_variables_are_uniform_and_of_dependent_ones_least() {
    let mut low = 0;
    for repeat in 0..100 {
        let (x, _) = binned_pair(60, repeat);
        let (_, y) = binned_pair(60, 1000 + repeat);
        let test =
            permutation_test(&plug_in(), Variable::Labels(&x), Variable::Labels(&y), 19, repeat).unwrap();
        low += usize::from(test.p_value <= 0.2);
        // The plug-in value of independent variables is far from 0, and so is that of permuted ones.
        assert!(test.null_mean.nats() > 0.1);
    }
    // 20 expected, standard deviation 4.
    assert!((8..=32).contains(&low), "{low}");
    let (x, y) = binned_pair(500, 0);
    let test = permutation_test(&plug_in(), Variable::Labels(&x), Variable::Labels(&y), 99, 0).unwrap();
    assert_eq!((test.p_value, test.permutations), (0.01, 99));
    assert!(test.value > test.null_mean + test.null_deviation * 3.0);
}

#[test]
fn every_method_gets_the_error_that_suits_it() {
    let (x, y) = binned_pair(300, 8);
    let (x, y) = (Variable::Labels(&x), Variable::Labels(&y));
    let counted = with_uncertainty(&plug_in(), x, y, Options::default()).unwrap();
    let expected = bootstrap(&plug_in(), x, y, 200, 0).unwrap();
    assert_eq!(counted.standard_error, Some(expected.standard_error));
    assert_eq!(counted.interval, Some(expected.interval));

    let own = MillerMadow::default();
    let bare = own.pair(x, y).unwrap();
    let (value, error) = (bare.information, bare.standard_error.unwrap());
    let interval = Some(Interval { lower: value - error * 1.96, upper: value + error * 1.96 });
    assert_eq!(with_uncertainty(&own, x, y, Options::default()).unwrap(), Estimate { interval, ..bare });

    let mut random = generator(1, Purpose::Discrete, 5);
    let t = Array2::from_shape_simple_fn((300, 1), || normal(&mut random));
    let t = Variable::Double(t.view());
    let edge = Edge::default();
    let hashed = with_uncertainty(&edge, t, y, Options::default()).unwrap();
    let expected = subsampling_error(&edge, t, y, 10, 0).unwrap();
    assert_eq!(hashed.standard_error, Some(expected.standard_error));
    assert!(matches!(bootstrap(&edge, t, y, 200, 0), Err(EstimateError::Setting { .. })));

    let few = Variable::select(&t, &[0, 1, 2]);
    let answer = with_uncertainty(&edge, few.variable(), few.variable(), Options::default()).unwrap();
    assert_eq!(answer.standard_error, None);
    assert!(answer.warnings.iter().any(|w| w.to_string().contains("too few")), "{answer:?}");
}

/// The error of many samples, from few parts, is that of all numbers of parts.
#[test]
fn few_parts_of_many_samples_tell_the_same_error() {
    let (x, y) = binned_pair(200_000, 5);
    let plug_in = plug_in();
    let resampling = Resampling::new(&plug_in, (&x).into(), (&y).into()).unwrap();
    let few = subsampling::subsample_few(&resampling, 0, 1).unwrap();
    let all = resampling.subsampling(10, 0).unwrap();
    let (few, all) = (few.standard_error.nats(), all.standard_error.nats());
    // Relative errors of a sixth and a tenth: three of both together.
    assert!((few / all - 1.0).abs() < 0.6, "{few} for {all}");
}

/// Independent uniform pairs: 2500 cells for 2000 samples find what is not there, 16 do not where there is much.
#[test]
fn the_bias_of_many_cells_is_told() {
    let mut random = generator(3, Purpose::Known, 22);
    let [x, y] = [0, 1].map(|_| Array2::from_shape_simple_fn((2000, 1), || normal(&mut random)));
    let told = |bins: usize, y: &Array2<f64>| {
        let of_cells = |v: &Array2<f64>| {
            let cell = |v: &f64| (((v + 4.0) / 8.0 * bins as f64) as i64).clamp(0, bins as i64 - 1);
            Labels::from_symbols(&v.iter().map(cell).collect::<Vec<_>>())
        };
        let (x, y) = (of_cells(&x), of_cells(y));
        let found = with_uncertainty(&plug_in(), &x, &y, Options::default()).unwrap();
        found.warnings.iter().any(|warning| warning.to_string().contains("in random order"))
    };
    assert!(told(50, &y) && told(4, &y));
    assert!(!told(4, &x));
}

#[test]
fn settings_that_cannot_be_are_refused() {
    let (x, y) = binned_pair(30, 8);
    let (x, y) = (Variable::Labels(&x), Variable::Labels(&y));
    for parts in [0, 1, 16] {
        assert!(matches!(
            subsampling_error(&plug_in(), x, y, parts, 0),
            Err(EstimateError::Setting { key: "parts", .. })
        ));
    }
    assert!(matches!(bootstrap(&plug_in(), x, y, 3, 0), Err(EstimateError::Setting { key: "draws", .. })));
    assert!(permutation_test(&plug_in(), x, y, 0, 0).is_err());
    let other = Labels::distinct(7);
    assert!(matches!(
        with_uncertainty(&plug_in(), x, Variable::Labels(&other), Options::default()),
        Err(EstimateError::RowMismatch { .. })
    ));
}

#[test]
fn the_same_bits_on_one_thread_and_on_eight() {
    let (x, y) = binned_pair(200, 4);
    let (x, y) = (Variable::Labels(&x), Variable::Labels(&y));
    let [one, eight] = [1, 8].map(|threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            (
                subsampling_error(&plug_in(), x, y, 7, 3).unwrap(),
                bootstrap(&plug_in(), x, y, 50, 3).unwrap(),
                permutation_test(&plug_in(), x, y, 30, 3).unwrap(),
            )
        })
    });
    assert_eq!(one, eight);
}

/// Permuted samples are compared with what the estimator gives, not with the bound that is told in its place.
#[test]
fn a_bound_is_tested_by_the_value_of_the_estimator() {
    let mut random = generator(8, Purpose::Known, 21);
    let x = ndarray::Array2::from_shape_simple_fn((300, 30), || crate::random::normal(&mut random));
    let mut y = x.slice(ndarray::s![.., ..3]).to_owned();
    y.mapv_inplace(|v| v + 1e-3 * crate::random::normal(&mut random));
    let cv = crate::CvKsg::default();
    let resampling = Resampling::new(&cv, Variable::from(&x), Variable::from(&y)).unwrap();
    assert_eq!(resampling.estimate().kind, crate::EstimateKind::Bound(crate::Bound::Lower));
    assert!(resampling.value().unwrap() > resampling.estimate().information.nats() + 5.0);
    assert_eq!(resampling.permutation_test(19, 0).unwrap().p_value, 0.05);
}
