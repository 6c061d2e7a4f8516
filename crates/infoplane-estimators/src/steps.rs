//! Loops of as many steps as somebody asked for: how far they are, and whether they would ever end.
//!
//! Draws, projections, permutations and repetitions are counts that a user gives. [`observed`] tells how many of them are
//! done, for a progress bar. A count that would take longer than [`MOST_TIME`] at the pace of the first steps is refused with
//! [`TooLong`], which says how long.
//!
//! ```
//! use std::sync::atomic::{AtomicUsize, Ordering};
//! use std::sync::Arc;
//! use infoplane_estimators::{Labels, Measure, Noise, Variable, steps};
//!
//! let t = ndarray::array![[-1.0f64], [1.0]];
//! let noise = Noise { draws: Some(50), ..Noise::new(vec![1.0]) };
//! let told = Arc::new(AtomicUsize::new(0));
//! let seen = Arc::clone(&told);
//! let observer = Arc::new(move |what: &str, done: usize, of: usize| {
//!     assert_eq!((what, of), ("draws", 50));
//!     seen.fetch_max(done, Ordering::Relaxed);
//! });
//! steps::observed(observer, || noise.pair(Variable::Labels(&Labels::distinct(2)), Variable::Double(t.view())))?;
//! assert_eq!(told.load(Ordering::Relaxed), 50);
//! # Ok::<(), infoplane_estimators::EstimateError>(())
//! ```

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// What would take longer is refused: thirty days.
pub const MOST_TIME: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// More permutations or draws are refused before the first: one number is kept of each, and so many take 0.8 GB.
pub const MOST_STEPS: usize = 100_000_000;

/// That a count would take longer than [`MOST_TIME`].
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error(
    "{key} = {given} would take about {}; what takes longer than 30 days is not begun: {}",
    long_time(*seconds), fitting(*fit)
)]
pub struct TooLong {
    /// The count, as in a configuration file.
    pub key: &'static str,
    /// How many were asked for.
    pub given: usize,
    /// The time that all of them would take, in seconds.
    pub seconds: f64,
    /// How many would be done in that time; 0 if not even one.
    pub fit: usize,
}

/// What to do about a count that takes too long.
fn fitting(fit: usize) -> String {
    match fit {
        0 => "choose other settings: one takes longer".into(),
        fit => format!("choose {} or fewer", round_down(fit)),
    }
}

/// The pace is known once the steps done took so long.
const SETTLED: Duration = Duration::from_secs(1);

/// Told the name of a count, how many of them are done and how many there are to do; from any thread.
pub type Observer = Arc<dyn Fn(&'static str, usize, usize) + Send + Sync>;

thread_local! {
    static OBSERVER: RefCell<Option<Observer>> = const { RefCell::new(None) };
}

/// Does something, and tells `observer` how far the outermost loop of it is that has steps.
pub fn observed<R>(observer: Observer, work: impl FnOnce() -> R) -> R {
    let _before = Before(OBSERVER.replace(Some(observer)));
    work()
}

/// Who observed this thread before; does so again when this goes.
struct Before(Option<Observer>);

impl Drop for Before {
    fn drop(&mut self) {
        OBSERVER.set(self.0.take());
    }
}

/// The steps of one loop. What is done within it on this thread is a part of its steps, and not told.
pub(crate) struct Steps {
    /// The count, as in a configuration file.
    key: &'static str,
    of: usize,
    done: AtomicUsize,
    begun: Instant,
    judged: AtomicBool,
    /// Whether the observer is told.
    is_shown: bool,
    observer: Before,
}

impl Steps {
    /// Begins a loop of so many steps.
    pub fn new(key: &'static str, of: usize) -> Self {
        Steps {
            key,
            of,
            done: AtomicUsize::new(0),
            begun: Instant::now(),
            judged: AtomicBool::new(false),
            is_shown: true,
            observer: Before(OBSERVER.take()),
        }
    }

    /// The same, where somebody else is told of the steps.
    pub fn unseen(self) -> Self {
        Steps { is_shown: false, ..self }
    }

    /// One more step is done, on any thread.
    ///
    /// # Errors
    /// [`TooLong`] if the others would take too long. Asked for once, after the first second or the first step.
    pub fn step(&self) -> Result<(), TooLong> {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        self.show(done);
        // Looking at the clock at each of many short steps would cost.
        if self.judged.load(Ordering::Relaxed) {
            return Ok(());
        }
        let elapsed = self.begun.elapsed();
        if elapsed < SETTLED {
            return Ok(());
        }
        self.judged.store(true, Ordering::Relaxed);
        judged(self.key, self.of, done, elapsed)
    }

    /// One more step is done of a loop that nobody chose the length of: data have as many columns as they have.
    pub fn shown(&self) {
        self.show(self.done.fetch_add(1, Ordering::Relaxed) + 1);
    }

    fn show(&self, done: usize) {
        if let Some(observer) = self.observer.0.as_ref().filter(|_| self.is_shown) {
            observer(self.key, done, self.of);
        }
    }
}

/// Refuses a count of which so many are done in this time, if all of them would take too long.
///
/// # Errors
/// [`TooLong`].
pub fn judged(key: &'static str, of: usize, done: usize, elapsed: Duration) -> Result<(), TooLong> {
    let each = elapsed.as_secs_f64() / done.max(1) as f64;
    let seconds = each * of as f64;
    if seconds <= MOST_TIME.as_secs_f64() {
        return Ok(());
    }
    let fit = (MOST_TIME.as_secs_f64() / each) as usize;
    Err(TooLong { key, given: of, seconds, fit })
}

/// A long time in words: days up to two years, then years.
fn long_time(seconds: f64) -> String {
    const DAY: f64 = 86_400.0;
    const YEAR: f64 = 365.25 * DAY;
    match seconds {
        days if days < 2.0 * YEAR => format!("{:.0} days", days / DAY),
        years if years < 1e6 * YEAR => format!("{:.0} years", years / YEAR),
        years => format!("{:.0e} years", years / YEAR),
    }
}

/// The largest number of one digit and zeros that is not above `most`.
fn round_down(most: usize) -> usize {
    let unit = most.checked_ilog10().map_or(1, |digits| 10usize.pow(digits));
    most / unit * unit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_beyond_a_month_is_refused_with_its_time_and_one_that_fits() {
        let minute = Duration::from_secs(60);
        assert_eq!(judged("draws", 43_200, 1, minute), Ok(()));
        let refused = judged("draws", 10_000_000, 2, minute).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "draws = 10000000 would take about 10 years; what takes longer than 30 days is not begun: choose 80000 or fewer"
        );
        let hopeless = judged("draws", usize::MAX, 1, minute * 60 * 24 * 40).unwrap_err().to_string();
        assert!(hopeless.contains("years") && hopeless.ends_with("choose other settings: one takes longer"));
    }

    #[test]
    fn the_first_step_after_a_second_is_judged_and_no_other() {
        let past = Instant::now().checked_sub(Duration::from_secs(10)).unwrap();
        let steps = Steps { begun: past, ..Steps::new("draws", 10_000_000) };
        assert!(matches!(steps.step(), Err(TooLong { key: "draws", given: 10_000_000, .. })));
        assert_eq!(steps.step(), Ok(()));
        let few = Steps { begun: past, ..Steps::new("draws", 1000) };
        assert_eq!(few.step(), Ok(()));
        let begun_now = Steps { begun: Instant::now(), ..Steps::new("draws", usize::MAX) };
        assert_eq!(begun_now.step(), Ok(()));
    }

    #[test]
    fn only_the_outermost_loop_is_told_and_the_observer_is_gone_with_its_work() {
        let told = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&told);
        let observer: Observer = Arc::new(move |key, done, of| {
            assert_eq!((key, of), ("outer", 2));
            seen.fetch_add(done, Ordering::Relaxed);
        });
        observed(observer, || {
            let outer = Steps::new("outer", 2);
            for _ in 0..2 {
                let inner = Steps::new("inner", 1);
                inner.step().unwrap();
                drop(inner);
                outer.step().unwrap();
            }
        });
        Steps::new("later", 1).step().unwrap();
        assert_eq!(told.load(Ordering::Relaxed), 1 + 2);
    }

    #[test]
    fn times_and_numbers_are_short() {
        assert_eq!(
            [long_time(86_400.0 * 45.2), long_time(1e10), long_time(1e20)],
            ["45 days", "317 years", "3e12 years"]
        );
        assert_eq!([0, 7, 10, 86_399].map(round_down), [0, 7, 10, 80_000]);
    }
}
