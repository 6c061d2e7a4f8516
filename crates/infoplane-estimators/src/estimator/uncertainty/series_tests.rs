//! Series: what is recognised as one, and tests and errors that hold for them.

use ndarray::Array2;
use rand_chacha::rand_core::Rng;

use super::*;
use crate::random::{Purpose, generator, normal, shuffle, uniform};
use crate::{EstimatorInfo, Family, Gcmi, Ksg, LabelSides, Labels, Measure, PlugIn, Quantity};

/// Two series x_t = φ x_{t−1} + e_t and y_t = φ y_{t−1} + c x_{t−1} + f_t with normal innovations of correlation ρ.
///
/// Without c, x and y are normal with correlation ρ at every time, so that I(X;Y) = −½ ln(1 − ρ²).
#[derive(Clone, Copy)]
pub(super) struct Series {
    pub(super) phi: f64,
    pub(super) rho: f64,
    pub(super) c: f64,
}

impl Series {
    pub(super) fn draw(self, n: usize, index: u64) -> (Vec<f64>, Vec<f64>) {
        let mut random = generator(21, Purpose::Known, 1 << 20 | index);
        let Series { phi, rho, c } = self;
        let mut innovations = || {
            let e = normal(&mut random);
            (e, rho * e + (1.0 - rho * rho).sqrt() * normal(&mut random))
        };
        let stationary = 1.0 / (1.0 - phi * phi).sqrt();
        let (mut x, mut y) = innovations();
        (x, y) = (x * stationary, y * stationary);
        let mut next = || {
            let (e, f) = innovations();
            (x, y) = (phi * x + e, phi * y + c * x + f);
            (x, y)
        };
        // Until what y began with is forgotten.
        (0..1000).for_each(|_| _ = next());
        (0..n).map(|_| next()).unzip()
    }
}

/// −½ ln(1 − r²) of the correlation of the samples: an estimator fast enough for many permutations.
pub(super) struct Correlation;

impl Estimator for Correlation {
    fn info(&self) -> &'static EstimatorInfo {
        &EstimatorInfo {
            name: "correlation",
            title: "correlation",
            family: Family::Copula,
            estimates: "I(X;Y) of a bivariate normal distribution",
            when: "in tests",
            cost: "O(n)",
            offers: &[Quantity::Information],
            labels: LabelSides::None,
            uncertainty: Uncertainty::Subsampling,
            with_noise: None,
            reference: "Shannon (1948)",
        }
    }

    fn setting(&self) -> String {
        "normal".into()
    }

    fn estimate_pair(&self, x: Variable<'_>, y: Variable<'_>) -> Result<Estimate, EstimateError> {
        let (a, b) = (x.column(0), y.column(0));
        let (mean_a, mean_b) = (mean(&a), mean(&b));
        let (mut aa, mut bb, mut ab) = (0.0, 0.0, 0.0);
        for (a, b) in a.iter().zip(&b) {
            let (a, b) = (a - mean_a, b - mean_b);
            (aa, bb, ab) = (aa + a * a, bb + b * b, ab + a * b);
        }
        let nats = -0.5 * (1.0 - ab * ab / (aa * bb)).ln();
        Ok(Estimate::new(Information::from_nats(nats), EstimateKind::Consistent, &[x.view(), y.view()]))
    }
}

pub(super) fn independent(phi: f64) -> Series {
    Series { phi, rho: 0.0, c: 0.0 }
}

fn depends<'x>(variable: impl Into<Variable<'x>>) -> bool {
    serial_dependence(variable).is_some()
}

pub(super) fn spread(values: &[f64]) -> f64 {
    deviation(values, mean(values))
}

/// The share of `repeats` for which the claim holds.
pub(super) fn share(repeats: u64, claim: impl Fn(u64) -> bool + Sync) -> f64 {
    use rayon::prelude::*;
    (0..repeats).into_par_iter().filter(|&repeat| claim(repeat)).count() as f64 / repeats as f64
}

/// Independent rows of every kind: 1.8 of 3600 are expected to be taken for series, so that 8 are not.
#[test]
fn independent_rows_of_any_distribution_are_no_series() {
    let kinds: [fn(&mut dyn Rng) -> f64; 4] = [
        |mut random| normal(&mut random),
        |mut random| normal(&mut random) / normal(&mut random),
        // 3 in 100 differ from the rest, which coincide.
        |mut random| if uniform(&mut random) < 0.03 { uniform(&mut random) } else { 0.0 },
        |mut random| (2.0 * normal(&mut random)).round(),
    ];
    let mut alarms = 0;
    for n in [20, 100, 1000] {
        for repeat in 0..240 {
            let mut random = generator(1, Purpose::Known, 1 << 21 | repeat << 11 | n as u64);
            for kind in kinds {
                let values: Vec<f64> = (0..n).map(|_| kind(&mut random)).collect();
                alarms += usize::from(depends(&values));
            }
            // Ten classes, one of which is rare.
            let classes: Vec<u32> = (0..n).map(|_| (uniform(&mut random).sqrt() * 10.0) as u32).collect();
            alarms += usize::from(depends(&Labels::from_symbols(&classes)));
        }
    }
    eprintln!("{alarms} false alarms in 3600");
    assert!(alarms < 8, "{alarms}");
}

#[test]
fn series_and_sorted_rows_are_recognised() {
    let recognised = |phi, n| share(100, |repeat| depends(&independent(phi).draw(n, repeat).0));
    let (short, weak, negative) = (recognised(0.5, 100), recognised(0.3, 300), recognised(-0.5, 100));
    eprintln!("coefficient .5 in 100 rows: {short}, .3 in 300: {weak}, −.5 in 100: {negative}");
    // .8 to .9 were measured; the standard deviation of a share of .8 is .04.
    assert!(short > 0.7 && weak > 0.7 && negative > 0.7);

    let mut random = generator(2, Purpose::Known, 1 << 22);
    let mut values: Vec<f64> = (0..400).map(|_| normal(&mut random)).collect();
    assert!(!depends(&values));
    values.sort_by(f64::total_cmp);
    assert!(depends(&values));
    // Files sorted by class; labels of rows, all different, repeat nowhere.
    let sorted: Vec<u32> = (0..400).map(|i| i / 100).collect();
    assert!(depends(&Labels::from_symbols(&sorted)));
    assert!(!depends(&Labels::distinct(400)));
    // One column of four is a series.
    let (series, _) = independent(0.9).draw(400, 0);
    let columns =
        Array2::from_shape_fn((400, 4), |(i, j)| if j == 2 { series[i] } else { normal(&mut random) });
    assert!(depends(&columns));
    // More rows than are looked at, of which the first thousands are all of one class.
    let many: Vec<u32> = (0..100_000).map(|i| i / 50_000).collect();
    assert!(depends(&Labels::from_symbols(&many)));
    let noise: Vec<f64> = (0..100_000).map(|_| normal(&mut random)).collect();
    assert!(!depends(&noise));
}

/// The ranks of a normal series of coefficient φ correlate by (6/π) asin(φᵏ/2), which is 1/e where φᵏ = 0.383.
#[test]
fn correlation_lengths_are_those_of_the_series() {
    for (phi, expected) in [(0.5f64, 2), (0.9, 10), (0.98, 48), (0.995, 192)] {
        assert_eq!((0.383f64.ln() / phi.ln()).ceil() as usize, expected);
        let found = serial::correlation_length(&Variable::from(&independent(phi).draw(200_000, 1).0));
        assert!((found as f64 / expected as f64 - 1.0).abs() < 0.1, "{found} for {expected}");
    }
    // A class that lasts 40 rows: pairs k apart are of one stretch with probability 1 − k/40, and of it then.
    let mut random = generator(2, Purpose::Known, 1 << 23);
    let classes: Vec<u32> = (0..2000).map(|_| (uniform(&mut random) * 4.0) as u32).collect();
    let lasting: Vec<u32> = (0..80_000).map(|i| classes[i / 40]).collect();
    let found = serial::correlation_length(&(&Labels::from_symbols(&lasting)).into());
    // 40 (1 − 1/e) = 25.3.
    assert!((24..=28).contains(&found), "{found}");
    assert_eq!(serial::correlation_length(&(&Labels::distinct(50)).into()), 1);
}

fn p_value(series: Series, n: usize, repeat: u64, scheme: PermutationScheme) -> f64 {
    let (x, y) = series.draw(n, repeat);
    restricted_permutation_test(&Correlation, &x, &y, scheme, 39, repeat).unwrap().p_value
}

pub(super) const BLOCKS: PermutationScheme = PermutationScheme::Blocks(BlockLength::Chosen);

/// Of 200 pairs of independent series 10 are expected at 5 %, with a standard deviation of 3.1.
#[test]
fn restricted_permutations_give_no_false_alarms_for_series_and_find_their_dependence() {
    let low = |series, scheme| share(200, |repeat| p_value(series, 500, repeat, scheme) <= 0.05);
    assert!(low(independent(0.9), PermutationScheme::Free) > 0.4);
    let coupled = Series { phi: 0.9, rho: 0.5, c: 0.0 };
    for scheme in [PermutationScheme::Rotated, BLOCKS] {
        let (alarms, found) = (low(independent(0.9), scheme), low(coupled, scheme));
        eprintln!("{scheme:?}: {alarms} of independent series, {found} of dependent ones");
        assert!(alarms < 0.05 + 3.0 * 0.0155 && found > 0.85, "{scheme:?}: {alarms}, {found}");
    }
}

#[test]
fn where_few_orders_exist_all_are_taken_and_the_least_p_value_says_so() {
    let (x, y) = Series { phi: 0.5, rho: 0.9, c: 0.0 }.draw(80, 3);
    let four = PermutationScheme::Blocks(BlockLength::Rows(20));
    let test = restricted_permutation_test(&Gcmi::default(), &x, &y, four, 999, 0).unwrap();
    assert_eq!((test.permutations, test.p_value), (23, 1.0 / 24.0));
    assert_eq!(test.least_p_value(), test.p_value);
    for length in [0, 21] {
        let scheme = PermutationScheme::Blocks(BlockLength::Rows(length));
        let refused = restricted_permutation_test(&Gcmi::default(), &x, &y, scheme, 9, 0);
        assert!(matches!(refused, Err(EstimateError::Setting { key: "block_length", .. })), "{refused:?}");
    }
}

/// A freely permuted side must be a series on both sides to matter; an error rests on both.
#[test]
fn estimates_that_rest_on_independent_rows_say_where_rows_are_a_series() {
    let (x, y) = independent(0.95).draw(500, 8);
    let mut shuffled = y.clone();
    shuffle(&mut generator(1, Purpose::Known, 1 << 24), &mut shuffled);
    let gcmi = Gcmi::default();
    let of_test = |y: &Vec<f64>| permutation_test(&gcmi, &x, y, 19, 0).unwrap().warning;
    assert_eq!(of_test(&y), Some(Warning::SerialDependence { x: true, y: true, of: Inference::Test }));
    assert_eq!(of_test(&shuffled), None);
    let rotated = restricted_permutation_test(&gcmi, &x, &y, PermutationScheme::Rotated, 19, 0).unwrap();
    assert_eq!(rotated.warning, None);

    let doubted = |y: &Vec<f64>, block_length| {
        let options = Options { block_length, ..Options::default() };
        let warnings = with_uncertainty(&Ksg::default(), &x, y, options).unwrap().warnings;
        warnings.into_iter().find(|warning| matches!(warning, Warning::SerialDependence { .. }))
    };
    let error = |y| Some(Warning::SerialDependence { x: true, y, of: Inference::Error });
    assert_eq!(doubted(&y, None), error(true));
    assert_eq!(doubted(&shuffled, None), error(false));
    assert_eq!(doubted(&y, Some(BlockLength::Chosen)), None);
}

/// The information of series of correlation .6, whose errors by rows are too small by half.
#[test]
fn errors_by_blocks_are_those_of_repeated_series() {
    let series = Series { phi: 0.9, rho: 0.6, c: 0.0 };
    let truth = -0.5 * (1.0f64 - 0.36).ln();
    let (mut values, mut rows, mut blocks) = (Vec::new(), Vec::new(), Vec::new());
    for repeat in 0..100 {
        let (x, y) = series.draw(1000, repeat);
        let gcmi = Gcmi::default();
        let by_rows = subsampling_error(&gcmi, &x, &y, 10, 0).unwrap();
        let by_blocks = block_subsampling_error(&gcmi, &x, &y, 10, BlockLength::Chosen, 0).unwrap();
        values.push(by_rows.value.nats());
        rows.push(by_rows.standard_error.nats());
        blocks.push(by_blocks.standard_error.nats());
    }
    let held = |errors: &[f64]| {
        let inside = |(value, error): &(&f64, &f64)| (*value - truth).abs() <= 1.96 * *error;
        values.iter().zip(errors).filter(inside).count()
    };
    let (spread, held_rows, held_blocks) = (spread(&values), held(&rows), held(&blocks));
    eprintln!(
        "spread {spread:.4}; rows {:.4} ({held_rows} %), blocks {:.4} ({held_blocks} %)",
        mean(&rows),
        mean(&blocks)
    );
    // A spread of 100 values is known to 7 %; blocks miss a tenth.
    assert!((mean(&blocks) / spread - 0.9).abs() < 0.2 && mean(&rows) / spread < 0.6);
    assert!(held_blocks >= 80 && held_rows <= 75, "{held_blocks}, {held_rows}");
}

/// Two signs of series: the plug-in value and its error by blocks that are drawn again.
#[test]
fn moving_blocks_give_the_spread_of_counts_of_series() {
    let series = Series { phi: 0.9, rho: 0.8, c: 0.0 };
    let signs = |values: Vec<f64>| Labels::from_symbols(&values.iter().map(|v| *v > 0.0).collect::<Vec<_>>());
    let (mut values, mut rows, mut blocks) = (Vec::new(), Vec::new(), Vec::new());
    for repeat in 0..100 {
        let (x, y) = series.draw(1000, repeat);
        let (x, y) = (signs(x), signs(y));
        let plug_in = PlugIn::default();
        values.push(plug_in.pair(&x, &y).unwrap().information.nats());
        rows.push(bootstrap(&plug_in, &x, &y, 50, 0).unwrap().standard_error.nats());
        let drawn = block_bootstrap(&plug_in, &x, &y, 50, BlockLength::Chosen, 0).unwrap();
        blocks.push(drawn.standard_error.nats());
    }
    let spread = spread(&values);
    eprintln!("spread {spread:.4}; rows {:.4}, blocks {:.4}", mean(&rows), mean(&blocks));
    assert!((mean(&blocks) / spread - 0.9).abs() < 0.2 && mean(&rows) / spread < 0.7);
}

/// Every estimator with an error gets one by blocks, also one with an error of its own.
#[test]
fn a_block_length_takes_the_place_of_independent_rows() {
    let (x, y) = Series { phi: 0.9, rho: 0.8, c: 0.0 }.draw(400, 2);
    let names =
        |values: &[f64]| Labels::from_symbols(&values.iter().map(|v| v.floor() as i64).collect::<Vec<_>>());
    let (a, b) = (names(&x), names(&y));
    let blocks = BlockLength::Rows(25);
    let options = Options { block_length: Some(blocks), ..Options::default() };
    let own = crate::MillerMadow::default();
    let found = with_uncertainty(&own, &a, &b, options).unwrap();
    // 16 blocks: two at least in each of 8 parts.
    let expected = block_subsampling_error(&own, &a, &b, 8, blocks, 0).unwrap();
    assert_eq!(found.standard_error, Some(expected.standard_error));
    assert!(found.standard_error > own.pair(&a, &b).unwrap().standard_error);
    let counted = with_uncertainty(&PlugIn::default(), &a, &b, options).unwrap();
    let expected = block_bootstrap(&PlugIn::default(), &a, &b, 200, blocks, 0).unwrap();
    assert_eq!(counted.standard_error, Some(expected.standard_error));
    let too_long = Options { block_length: Some(BlockLength::Rows(101)), ..Options::default() };
    let refused = with_uncertainty(&Ksg::default(), &x, &y, too_long);
    assert!(matches!(refused, Err(EstimateError::Setting { key: "block_length", .. })), "{refused:?}");
    let refused = block_subsampling_error(&own, &a, &b, 17, blocks, 0);
    assert!(matches!(refused, Err(EstimateError::Setting { key: "parts", .. })), "{refused:?}");
}

/// X ← Z → Y, and with `c` also X → Y; Z normal, or the nearest of three classes.
fn given(n: usize, repeat: u64, c: f64) -> [Vec<f64>; 3] {
    let mut random = generator(22, Purpose::Known, 1 << 20 | repeat);
    let z: Vec<f64> = (0..n).map(|_| normal(&mut random)).collect();
    let x: Vec<f64> = z.iter().map(|z| z + 0.7 * normal(&mut random)).collect();
    let y = z.iter().zip(&x).map(|(z, x)| z + c * x + 0.7 * normal(&mut random)).collect();
    [x, y, z]
}

/// Of 100 p-values of 1/20, 2/20, … 20 are expected to be at most .2, with a standard deviation of 4.
#[test]
fn local_permutations_are_uniform_given_z_and_find_what_z_does_not_explain() {
    let ksg = Ksg::default();
    let p = |repeat, c| {
        let [x, y, z] = given(150, repeat, c);
        conditional_permutation_test(&ksg, &x, &y, &z, 19, repeat).unwrap().p_value
    };
    let low = share(100, |repeat| p(repeat, 0.0) <= 0.2);
    let found = share(40, |repeat| p(repeat, 1.0) <= 0.05);
    eprintln!("p ≤ .2 under independence given Z: {low}; found: {found}");
    assert!((0.08..=0.32).contains(&low), "{low}");
    assert!(found > 0.8, "{found}");

    // Z of three classes, X and Y that differ between them and not within.
    let plug_in = PlugIn::default();
    let p = |repeat, same: f64, within: bool| {
        let mut random = generator(23, Purpose::Known, 1 << 20 | repeat);
        let z: Vec<u32> = (0..300).map(|i| i % 3).collect();
        let mut symbol = |z: u32| u32::from(uniform(&mut random) < 0.2 + 0.3 * f64::from(z));
        let x: Vec<u32> = z.iter().map(|&z| symbol(z)).collect();
        let y: Vec<u32> = z.iter().map(|&z| symbol(z)).collect();
        let y: Vec<u32> =
            x.iter().zip(y).map(|(&x, y)| if uniform(&mut random) < same { x } else { y }).collect();
        let [x, y, z] = [&x, &y, &z].map(|symbols| Labels::from_symbols(symbols));
        match within {
            true => conditional_permutation_test(&plug_in, &x, &y, &z, 19, repeat).unwrap().p_value,
            false => permutation_test(&plug_in, &x, &y, 19, repeat).unwrap().p_value,
        }
    };
    let low = share(100, |repeat| p(repeat, 0.0, true) <= 0.2);
    assert!((0.08..=0.32).contains(&low), "{low}");
    assert!(share(40, |repeat| p(repeat, 0.3, true) <= 0.05) > 0.8);
    // Not given Z they depend on each other.
    assert!(share(40, |repeat| p(repeat, 0.0, false) <= 0.05) > 0.5);
}

/// The error of conditional information is the spread of repeated samples; `auto` keeps what it chose from all samples.
#[test]
fn conditional_information_has_an_error() {
    let (mut values, mut errors) = (Vec::new(), Vec::new());
    for repeat in 0..60 {
        let [x, y, z] = given(300, repeat, 1.0);
        let (x, y, z) = (Variable::from(&x), Variable::from(&y), Variable::from(&z));
        let auto = crate::Auto::default();
        let resampling = Resampling::conditional(&auto, x, y, z).unwrap();
        let found = resampling.with_error(Options::default()).unwrap();
        values.push(found.information.nats());
        errors.push(found.standard_error.unwrap().nats());
    }
    let spread = spread(&values);
    eprintln!("spread {spread:.4}, error {:.4}", mean(&errors));
    // A spread of 60 values is known to 9 %.
    assert!((mean(&errors) / spread - 1.0).abs() < 0.3);
}

/// In these schemes X alone is moved, against Y and Z together: Z tells of X, so that what is moved tells less.
#[test]
fn of_conditional_information_other_schemes_move_x() {
    let [x, y, z] = given(200, 0, 1.0);
    let ksg = Ksg::default();
    let resampling = Resampling::conditional(&ksg, (&x).into(), (&y).into(), (&z).into()).unwrap();
    let blocks = resampling.restricted_permutation_test(BLOCKS, 19, 0).unwrap();
    assert_eq!((blocks.p_value, blocks.permutations), (0.05, 19));
    // All rotations that there are.
    let rotated = resampling.restricted_permutation_test(PermutationScheme::Rotated, 500, 0).unwrap();
    assert_eq!((rotated.p_value, rotated.permutations), (1.0 / 200.0, 199));
    let n = x.len();
    let moved = |lag: usize| -> f64 {
        let x: Vec<f64> = (0..n).map(|row| x[(row + lag) % n]).collect();
        ksg.conditional(&x, &y, &z).unwrap().information.nats()
    };
    let expected = (1..n).map(moved).sum::<f64>() / 199.0;
    assert!((rotated.null_mean.nats() - expected).abs() < 1e-12);
}

#[test]
fn the_same_bits_for_series_on_one_thread_and_on_eight() {
    let (x, y) = Series { phi: 0.9, rho: 0.5, c: 0.0 }.draw(300, 4);
    let (z, _) = independent(0.0).draw(300, 5);
    let ksg = Ksg::default();
    let [one, eight] = [1, 8].map(|threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            (
                restricted_permutation_test(&ksg, &x, &y, PermutationScheme::Rotated, 19, 3).unwrap(),
                restricted_permutation_test(&ksg, &x, &y, BLOCKS, 19, 3).unwrap(),
                conditional_permutation_test(&ksg, &x, &y, &z, 19, 3).unwrap(),
                block_subsampling_error(&ksg, &x, &y, 3, BlockLength::Chosen, 3).unwrap(),
            )
        })
    });
    assert_eq!(one, eight);
}
