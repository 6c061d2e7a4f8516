use rayon::prelude::*;

use super::*;
use crate::random::{Purpose, generator, normal, uniform};
use crate::{Auto, Gcmi, Ksg, Labels, PermutationScheme, PlugIn};

/// x_t = a x + e, y_t = b y + c x + f, all of the row before, with normal noise of variance 1.
fn coupled(n: usize, [a, b, c]: [f64; 3], seed: u64) -> [Vec<f64>; 2] {
    let mut random = generator(seed, Purpose::Known, 80);
    let (mut x, mut y) = (0.0, 0.0);
    let mut series = [Vec::with_capacity(n), Vec::with_capacity(n)];
    for t in 0..n + 200 {
        (x, y) = (a * x + normal(&mut random), b * y + c * x + normal(&mut random));
        if t >= 200 {
            series[0].push(x);
            series[1].push(y);
        }
    }
    series
}

/// ½ ln(1 + c² (Sxx − Sxy²/Syy)), with the variances of the stationary series.
fn transfer_of([a, b, c]: [f64; 3]) -> f64 {
    let sxx = 1.0 / (1.0 - a * a);
    let sxy = a * c * sxx / (1.0 - a * b);
    let syy = (c * c * sxx + 2.0 * b * c * sxy + 1.0) / (1.0 - b * b);
    0.5 * (c * c * (sxx - sxy * sxy / syy)).ln_1p()
}

#[test]
fn coupled_autoregressions_transfer_what_the_closed_form_says() {
    // The same by a Cholesky decomposition of the covariance of the stationary series.
    let known = [
        ([0.0, 0.5, 0.8], 0.247348121),
        ([0.5, 0.5, 0.8], 0.280700064),
        ([0.9, 0.5, 0.3], 0.120808940),
        ([0.5, 0.9, 0.5], 0.140346448),
        ([-0.6, 0.7, 1.0], 0.443287521),
    ];
    for (coefficients, value) in known {
        assert!((transfer_of(coefficients) - value).abs() < 1e-8);
        let [x, y] = coupled(20_000, coefficients, 1);
        let gcmi = Gcmi::default();
        let of = |source: &Vec<f64>, target: &Vec<f64>| {
            transfer_entropy(&gcmi, source, target, History::default()).unwrap().information.nats()
        };
        // The standard deviation of a normal estimate is below 1/√n = .007 nats.
        assert!((of(&x, &y) - value).abs() < 0.02, "{coefficients:?}: {}", of(&x, &y));
        assert!(of(&y, &x).abs() < 0.002, "{coefficients:?}: {}", of(&y, &x));
    }
    // Two and five rows of the target's past; that of the source is Markov.
    let [x, y] = coupled(50_000, [-0.6, 0.7, 1.0], 2);
    for (history, value) in [
        (History { target: 2, ..History::default() }, 0.396870943),
        (History { target: 2, source: 2, lag: 1 }, 0.396870943),
        (History { target: 5, ..History::default() }, 0.393336361),
    ] {
        let found = transfer_entropy(&Gcmi::default(), &x, &y, history).unwrap().information.nats();
        assert!((found - value).abs() < 0.012, "{history:?}: {found}");
    }
    let [x, y] = coupled(3000, [0.5, 0.5, 0.8], 3);
    let by_neighbours = transfer_entropy(&Auto::default(), &x, &y, History::default()).unwrap();
    let error = by_neighbours.standard_error.expect("an error").nats();
    assert!((by_neighbours.information.nats() - 0.280700064).abs() < 4.0 * error, "{by_neighbours:?}");
    assert!(error < 0.04, "{error}");
}

/// Y is the X of the row before, flipped with probability .1: ln 2 − H(.1).
#[test]
fn flipped_bits_transfer_what_the_channel_does() {
    let n = 20_000;
    let mut random = generator(4, Purpose::Known, 81);
    let x: Vec<u32> = (0..n).map(|_| u32::from(uniform(&mut random) < 0.5)).collect();
    let mut y = vec![0];
    (1..n).for_each(|t| y.push(x[t - 1] ^ u32::from(uniform(&mut random) < 0.1)));
    let truth = 0.368064207;
    let numbers = |bits: &[u32]| -> Vec<f64> { bits.iter().map(|&bit| f64::from(bit)).collect() };
    let (as_numbers, numbers_y) = (numbers(&x), numbers(&y));
    let (x, y) = (Labels::from_symbols(&x), Labels::from_symbols(&y));
    for history in [History::default(), History { target: 3, source: 2, lag: 1 }] {
        for found in [
            transfer_entropy(&Auto::default(), &x, &y, history).unwrap(),
            transfer_entropy(&Auto::default(), &as_numbers, &numbers_y, history).unwrap(),
            transfer_entropy(&PlugIn::default(), &x, &y, history).unwrap(),
        ] {
            // √(p (1 − p)/n) ln 9 = .0047.
            assert!((found.information.nats() - truth).abs() < 0.02, "{history:?}: {found:?}");
        }
    }
    let at = |history| transfer_entropy(&Auto::default(), &x, &y, history).unwrap().information.nats();
    assert!(at(History { lag: 2, ..History::default() }).abs() < 0.002);
    let back = transfer_entropy(&Auto::default(), &y, &x, History::default()).unwrap();
    assert!(back.information.nats().abs() < 0.002);
}

/// −½ ln(1 − r²) of the correlation at each lag, in autoregressions: of a series with itself r = aʰ.
#[test]
fn lagged_information_is_that_of_the_lagged_correlation() {
    let [x, _] = coupled(20_000, [0.5, 0.0, 0.0], 5);
    for (lag, value) in [(1, 0.143841036), (2, 0.032269261), (-1, 0.143841036)] {
        let found = lagged_information(&Gcmi::default(), &x, &x, lag).unwrap();
        assert!((found.information.nats() - value).abs() < 0.015, "{lag}: {found:?}");
        assert_eq!(found.n_samples, 20_000 - lag.unsigned_abs());
    }
    // A full vector autoregression, from the covariances of its stationary series.
    let mut random = generator(6, Purpose::Known, 82);
    let (mut x, mut y) = (0.0, 0.0);
    let mut series = [Vec::new(), Vec::new()];
    for t in 0..20_200 {
        let (e, f) = (normal(&mut random), normal(&mut random));
        (x, y) = (0.5 * x + 0.2 * y + e, 0.3 * x + 0.6 * y + 0.3 * e + (2.0f64 - 0.09).sqrt() * f);
        if t >= 200 {
            series[0].push(x);
            series[1].push(y);
        }
    }
    let [x, y] = &series;
    for (lag, value) in [(0, 0.215073443), (1, 0.187232501), (2, 0.126542806), (3, 0.080677382)] {
        let found = lagged_information(&Gcmi::default(), x, y, lag).unwrap().information.nats();
        assert!((found - value).abs() < 0.02, "{lag}: {found}");
    }
    let of = |source, target| {
        transfer_entropy(&Gcmi::default(), source, target, History::default()).unwrap().information.nats()
    };
    assert!((of(x, y) - 0.029019365).abs() < 0.01 && (of(y, x) - 0.054308177).abs() < 0.012);
}

#[test]
fn rows_that_need_a_missing_row_are_left_out_and_the_others_keep_their_times() {
    let n = 40;
    let x: Vec<f64> = (0..n).map(|i| f64::from(i) + 0.5).collect();
    let y: Vec<f64> = (0..n).map(|i| f64::from(i) * 10.0).collect();
    let mut with_nan = x.clone();
    with_nan[20] = f64::NAN;
    let source = Series::new(&with_nan).with_missing(&[20, 99]);
    let target = Series::new(&y).with_missing(&[30]);
    let history = History { lag: 2, target: 2, source: 3 };
    let embedding = Embedding::transfer(&source, &target, history).unwrap();
    // From row 4 on; the source at 20 is needed by 22, 23, 24, the target at 30 by 30, 31, 32.
    let expected: Vec<usize> = (4..40).filter(|t| !(22..=24).contains(t) && !(30..=32).contains(t)).collect();
    assert_eq!(embedding.times(), expected);
    assert_eq!(embedding.dropped(), 6);
    let (past, now, own) = embedding.variables();
    let own = own.unwrap();
    for (row, &t) in embedding.times().iter().enumerate() {
        let t = t as f64;
        assert_eq!(now.column(0)[row], 10.0 * t);
        assert_eq!([0, 1].map(|j| own.column(j)[row]), [10.0 * (t - 1.0), 10.0 * (t - 2.0)]);
        assert_eq!([0, 1, 2].map(|j| past.column(j)[row]), [t - 1.5, t - 2.5, t - 3.5]);
    }
    let lagged = Embedding::lagged(&source, &target, -5).unwrap();
    assert_eq!(lagged.dropped(), 2);
    let (x, y, _) = lagged.variables();
    assert_eq!((x.column(0)[0], y.column(0)[0]), (5.5, 0.0));
}

#[test]
fn short_series_and_histories_of_nothing_are_refused() {
    let x: Vec<f64> = (0..14).map(|i| f64::from(i).sin()).collect();
    let of = |history| transfer_entropy(&Gcmi::default(), &x, &x[..], history);
    let series = Series::new(&x);
    let left = Embedding::transfer(&series, &series, History { lag: 2, target: 4, source: 3 }).unwrap();
    assert_eq!(left.times(), [4, 5, 6, 7, 8, 9, 10, 11, 12, 13]);
    for history in [
        History { lag: 3, target: 4, source: 3 },
        History { lag: 1, target: 5, source: 1 },
        History { lag: usize::MAX, target: 1, source: 3 },
        History { lag: 100, target: 1, source: 1 },
    ] {
        assert_eq!(of(history).unwrap_err().code(), "too-few-samples", "{history:?}");
    }
    let told = of(History { lag: 3, target: 4, source: 3 }).unwrap_err().to_string();
    assert_eq!(
        told,
        "a series with a lag of 3 and histories of 4 and 3 rows needs at least 15 samples, got 14"
    );
    for history in [
        History { lag: 0, ..History::default() },
        History { target: 0, ..History::default() },
        History { source: 0, ..History::default() },
    ] {
        assert_eq!(of(history).unwrap_err().code(), "setting");
    }
    let error = |lag| lagged_information(&Gcmi::default(), &x, &x, lag).unwrap_err().code();
    assert_eq!([error(5), error(-5), error(isize::MIN), error(isize::MAX)], ["too-few-samples"; 4]);
    assert!(lagged_information(&Gcmi::default(), &x, &x[..13], 0).is_err());
    let nan = vec![f64::NAN; 30];
    let all: Vec<usize> = (0..30).collect();
    let none = Series::new(&nan).with_missing(&all);
    assert_eq!(Embedding::lagged(&none, &none, 0).unwrap_err().code(), "too-few-samples");
    let refused = transfer_entropy(&Gcmi::default(), &nan, &nan, History::default()).unwrap_err();
    assert_eq!(refused.code(), "not-finite");
}

#[test]
fn a_constant_series_transfers_nothing() {
    let [x, _] = coupled(200, [0.5, 0.5, 0.8], 7);
    let constant = vec![3.0; 200];
    for (source, target) in [(&x, &constant), (&constant, &x)] {
        let found = transfer_entropy(&Auto::default(), source, target, History::default()).unwrap();
        assert_eq!(found.information.nats(), 0.0);
        assert!(found.warnings.contains(&crate::Warning::Constant));
    }
}

/// How often p ≤ .05, by each scheme: the table of docs/time-series.md.
fn rejections(
    estimator: &dyn Estimator,
    (coefficients, forth): ([f64; 3], bool),
    n: usize,
    scheme: PermutationScheme,
    repeats: u64,
) -> f64 {
    let small = (0..repeats).into_par_iter().filter(|&seed| {
        let [x, y] = coupled(n, coefficients, 1000 + seed);
        let (source, target) = if forth { (x, y) } else { (y, x) };
        let embedding =
            Embedding::transfer(&Series::new(&source), &Series::new(&target), History::default()).unwrap();
        let resampling = embedding.resampling(estimator).unwrap();
        let test = resampling.restricted_permutation_test(scheme, 39, seed).unwrap();
        test.p_value <= 0.05 + 1e-9
    });
    small.count() as f64 / repeats as f64
}

#[test]
#[ignore = "a table: cargo test --release -p infoplane-estimators series::tests::table -- --ignored --nocapture"]
fn table() {
    use crate::BlockLength;
    for (coefficients, forth) in [
        ([0.9, 0.9, 0.0], true),
        ([0.5, 0.5, 0.0], true),
        ([0.5, 0.5, 0.8], false),
        ([0.9, 0.5, 0.8], false),
        ([0.5, 0.5, 0.2], true),
        ([0.9, 0.5, 0.2], true),
        ([0.5, 0.9, 0.2], true),
    ] {
        let schemes = [
            PermutationScheme::Free,
            PermutationScheme::Rotated,
            PermutationScheme::Blocks(BlockLength::Chosen),
        ];
        let case = (coefficients, forth);
        let gcmi = schemes.map(|scheme| rejections(&Gcmi::default(), case, 500, scheme, 400));
        let ksg = schemes.map(|scheme| rejections(&Ksg::default(), case, 300, scheme, 100));
        println!("{coefficients:?} {} gcmi {gcmi:?}, ksg {ksg:?}", if forth { "X to Y" } else { "Y to X" });
    }
}

/// Of 60 tests 3 are expected below .05, standard deviation 1.7.
#[test]
fn p_values_of_transfer_are_small_where_there_is_some_and_seldom_where_there_is_none() {
    let rotated = PermutationScheme::Rotated;
    let ksg = Ksg::default();
    assert!(rejections(&ksg, ([0.8, 0.8, 0.0], true), 200, rotated, 60) <= 0.15);
    assert!(rejections(&ksg, ([0.5, 0.5, 0.6], true), 200, rotated, 60) >= 0.8);
}

#[test]
fn the_same_for_any_number_of_threads() {
    let [x, y] = coupled(300, [0.5, 0.5, 0.8], 9);
    let measured = || {
        let embedding = Embedding::transfer(&Series::new(&x), &Series::new(&y), History::default()).unwrap();
        let auto = Auto::default();
        let resampling = embedding.resampling(&auto).unwrap();
        let test = resampling.restricted_permutation_test(PermutationScheme::Rotated, 19, 0).unwrap();
        (test, resampling.with_error(embedding.options()).unwrap())
    };
    let of =
        |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(measured);
    assert_eq!(of(1), of(3));
}
