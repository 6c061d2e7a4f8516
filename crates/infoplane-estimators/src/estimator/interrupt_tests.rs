//! Every estimator can be stopped, and leaves nothing behind.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use ndarray::Array2;
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::interrupt::{self, Interrupted, countdown};
use crate::random::{Purpose, generator, normal};
use crate::{AnyEstimator, Estimate, EstimateError, Labels, Measure, Options, Variable, calibrate};

/// Threads that stop when so many have asked whether to.
struct Stopping {
    pool: ThreadPool,
    token: Arc<AtomicBool>,
    left: Arc<AtomicI64>,
}

impl Stopping {
    fn new() -> Self {
        let (token, left) = (Arc::<AtomicBool>::default(), Arc::<AtomicI64>::default());
        let of_threads = (Arc::clone(&token), Arc::clone(&left));
        let start = move |_| {
            interrupt::set_token(Arc::clone(&of_threads.0));
            countdown::set(Arc::clone(&of_threads.1));
        };
        let pool = ThreadPoolBuilder::new().num_threads(2).stack_size(8 << 20).start_handler(start).build();
        Stopping { pool: pool.unwrap(), token, left }
    }

    /// What work comes to that is stopped at the question with this number; and how many there were.
    fn stopped_at<T: Send>(
        &self,
        polls: i64,
        work: impl FnOnce() -> T + Send,
    ) -> (Result<T, Interrupted>, i64) {
        self.token.store(false, Ordering::Relaxed);
        self.left.store(polls, Ordering::Relaxed);
        let found = self.pool.install(|| interrupt::catch(work));
        (found, polls - self.left.load(Ordering::Relaxed))
    }

    /// Checks that some work asks, stops where it is told to, and has the same result afterwards.
    fn check<T: Send + PartialEq + std::fmt::Debug>(&self, what: &str, work: impl Fn() -> T + Sync) {
        // Some tables are made once and kept.
        let (expected, _) = self.stopped_at(i64::MAX, &work);
        let (_, polls) = self.stopped_at(i64::MAX, &work);
        assert!(polls >= 2, "{what} asks {polls} times whether to stop");
        for at in [0, polls / 2] {
            let (found, _) = self.stopped_at(at, &work);
            assert_eq!(found.err(), Some(Interrupted), "{what} at question {at} of {polls}");
        }
        let (again, _) = self.stopped_at(i64::MAX, &work);
        assert_eq!(again, expected, "{what}, after it was stopped");
    }
}

/// Two dependent columns, and labels that follow them.
fn samples(n: usize) -> ([Array2<f64>; 2], [Labels; 2]) {
    let mut random = generator(7, Purpose::Uncertainty, 0);
    let x = Array2::from_shape_simple_fn((n, 1), || normal(&mut random));
    let y = x.mapv(|x| 0.6 * x + 0.8 * normal(&mut random));
    let labels = [&x, &y].map(|side| {
        Labels::from_symbols(&side.iter().map(|value| (value * 2.0).floor() as i64).collect::<Vec<_>>())
    });
    ([x, y], labels)
}

fn estimator(name: &str) -> AnyEstimator {
    let bins = serde_json::json!({"rule": "equal", "bins": 8, "range": [-3.0, 3.0]});
    let binned = || AnyEstimator::named(name, bins).unwrap().unwrap();
    calibrate::contender(name).unwrap_or_else(binned)
}

#[test]
fn every_estimator_stops_where_it_is_told_to_and_then_gives_the_same_bits() {
    let stopping = Stopping::new();
    let ([x, y], [x_labels, y_labels]) = &samples(200);
    for info in AnyEstimator::ALL {
        let estimator = &estimator(info.name);
        let numbers = [x, y].map(|side| Variable::Double(side.view()));
        let labels = [x_labels, y_labels].map(Variable::Labels);
        // Numbers, numbers and labels, or labels: whichever it measures.
        let pair = |x: &Variable<'_>, y: &Variable<'_>| -> Result<Estimate, EstimateError> {
            estimator.pair(x.view(), y.view())
        };
        let (x, y) = [(&numbers[0], &numbers[1]), (&numbers[0], &labels[1]), (&labels[0], &labels[1])]
            .into_iter()
            .find(|(x, y)| pair(x, y).is_ok())
            .unwrap_or_else(|| panic!("{} measures none of the pairs", info.name));
        stopping.check(info.name, || pair(x, y));
    }
}

#[test]
fn errors_and_tests_stop_between_their_estimates() {
    let stopping = Stopping::new();
    let ([x, y], labels) = &samples(100);
    let squares = y.mapv(|y| y * y);
    let [x, y, z] = [x, y, &squares].map(|side| Variable::Double(side.view()));
    let ksg = estimator("ksg");
    stopping.check("a permutation test", || ksg.permutation_test(x.view(), y.view(), 39, 0));
    stopping.check("an error by subsampling", || {
        ksg.pair_with_error(x.view(), y.view(), Options::default()).map(|estimate| estimate.standard_error)
    });
    let plug_in = estimator("plug-in");
    let [a, b] = labels.each_ref().map(Variable::Labels);
    stopping.check("a bootstrap", || plug_in.pair_with_error(a.view(), b.view(), Options::default()));
    stopping.check("I(X;Y|Z)", || ksg.conditional(x.view(), y.view(), z.view()));
}
