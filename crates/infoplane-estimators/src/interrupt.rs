//! Stopping an estimate in the middle.
//!
//! Estimators take no token: loops over samples ask [`poll`] whether the thread that they run on was told to stop. Without a
//! token nothing is ever stopped. There are two ways to give threads one.
//!
//! [`watched`] runs work on this thread that ends soon after a function says so. Thread pools that are made within it through
//! [`inheriting`] stop with it; rayon's global pool does not, whose threads belong to nobody.
//!
//! ```
//! use std::sync::atomic::{AtomicBool, Ordering};
//! use infoplane_estimators::interrupt::{self, Interrupted};
//! use infoplane_estimators::{Ksg, Measure};
//!
//! let x: Vec<f64> = (0..1000).map(|i| f64::from(i).sin()).collect();
//! let y: Vec<f64> = (0..1000).map(|i| f64::from(i * i).sin()).collect();
//! // Somebody else may do this at any time, as a handler of Ctrl-C does.
//! let stop = AtomicBool::new(true);
//! let found = interrupt::watched(&|| stop.load(Ordering::Relaxed), || {
//!     let pool = interrupt::inheriting(rayon::ThreadPoolBuilder::new()).build()?;
//!     pool.install(|| Ksg::default().pair(&x, &y)).map_err(Box::<dyn std::error::Error + Send + Sync>::from)
//! });
//! assert_eq!(found.err(), Some(Interrupted));
//! ```
//!
//! A program with threads of its own gives each of them a token ([`set_token`]), runs the estimate there within [`catch`], and
//! sets the token to stop it.
//!
//! ```
//! use std::sync::Arc;
//! use std::sync::atomic::{AtomicBool, Ordering};
//! use infoplane_estimators::interrupt::{self, Interrupted};
//! use infoplane_estimators::{Ksg, Measure};
//!
//! let stop = Arc::new(AtomicBool::new(false));
//! let token = Arc::clone(&stop);
//! let pool = rayon::ThreadPoolBuilder::new()
//!     .start_handler(move |_| interrupt::set_token(Arc::clone(&token)))
//!     .build()?;
//! let x: Vec<f64> = (0..1000).map(|i| f64::from(i).sin()).collect();
//! let y: Vec<f64> = (0..1000).map(|i| f64::from(i * i).sin()).collect();
//! stop.store(true, Ordering::Relaxed);
//! let found = pool.install(|| interrupt::catch(|| Ksg::default().pair(&x, &y)));
//! assert_eq!(found.unwrap_err(), Interrupted);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::cell::RefCell;
use std::cmp::Ordering;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{
    AtomicBool,
    Ordering::{Acquire, Relaxed, Release},
};
use std::thread::{self, Thread};
use std::time::Duration;

use rayon::ThreadPoolBuilder;

thread_local! {
    static TOKEN: RefCell<Option<Arc<AtomicBool>>> = const { RefCell::new(None) };
}

/// How often [`watched`] asks whether to stop.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// That some work was stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("interrupted")]
pub struct Interrupted;

/// Makes the work of this thread stop once `token` is true.
pub fn set_token(token: Arc<AtomicBool>) {
    TOKEN.with_borrow_mut(|own| *own = Some(token));
}

/// The token of this thread, if it has one.
pub fn token() -> Option<Arc<AtomicBool>> {
    TOKEN.with_borrow(Clone::clone)
}

/// Does something on this thread with this token; afterwards the thread has the one that it had before.
pub fn with_token<R>(token: Option<Arc<AtomicBool>>, work: impl FnOnce() -> R) -> R {
    /// What to go back to, also while unwinding.
    struct Before(Option<Arc<AtomicBool>>);
    impl Drop for Before {
        fn drop(&mut self) {
            TOKEN.with_borrow_mut(|own| *own = self.0.take());
        }
    }
    let _before = Before(TOKEN.with_borrow_mut(|own| std::mem::replace(own, token)));
    work()
}

/// A thread pool whose threads stop when this thread does.
pub fn inheriting(builder: ThreadPoolBuilder) -> ThreadPoolBuilder {
    match token() {
        Some(token) => builder.start_handler(move |_| set_token(Arc::clone(&token))),
        None => builder,
    }
}

/// Stops the work of this thread if it was told to, by unwinding to [`catch`]. Takes some nanoseconds.
///
/// The hook for panics is not called.
#[inline]
pub fn poll() {
    #[cfg(test)]
    countdown::count();
    let stopped = TOKEN.with_borrow(|token| token.as_ref().is_some_and(|token| token.load(Relaxed)));
    if stopped {
        resume_unwind(Box::new(Interrupted));
    }
}

/// Sorts, and asks [`poll`] now and then: ten million numbers take seconds.
///
/// Elements that compare as equal may end up in any order, the same at every call.
pub(crate) fn sort_by<T>(values: &mut [T], mut compare: impl FnMut(&T, &T) -> Ordering) {
    /// So many take a tenth of a second.
    const PIECE: usize = 1 << 20;
    let is_long = values.len() > PIECE;
    for piece in values.chunks_mut(PIECE) {
        poll();
        piece.sort_unstable_by(&mut compare);
    }
    if is_long {
        // Pieces in order are merged, which takes a small part of sorting them.
        values.sort_by(compare);
    }
}

/// Asks [`poll`] once in 16,384 calls, for loops whose turns take nanoseconds.
#[derive(Default)]
pub(crate) struct Seldom(u32);

impl Seldom {
    /// One more turn.
    #[inline(always)]
    pub fn poll(&mut self) {
        self.0 = self.0.wrapping_add(1);
        if self.0.is_multiple_of(1 << 14) {
            poll();
        }
    }
}

/// Returns what `work` returns, or that it was stopped. Panics of other kinds go on.
///
/// # Errors
/// [`Interrupted`] if a call of [`poll`] in it, on any thread of its pool, stopped it.
pub fn catch<R>(work: impl FnOnce() -> R) -> Result<R, Interrupted> {
    // What was half done is dropped while unwinding; estimators keep nothing between calls.
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| match panic.downcast::<Interrupted>() {
        Ok(interrupted) => *interrupted,
        Err(panic) => resume_unwind(panic),
    })
}

/// Returns what `work` returns, or that it was stopped: soon after `stopped` says true, which a thread of its own asks every
/// 20 ms, or when the work that this is part of is stopped.
///
/// Where the system gives no thread, `stopped` is asked once only.
///
/// # Errors
/// As [`catch`].
pub fn watched<R>(stopped: &(dyn Fn() -> bool + Sync), work: impl FnOnce() -> R) -> Result<R, Interrupted> {
    /// Ends the watch, also while unwinding.
    struct Ends<'a>(&'a AtomicBool, Option<Thread>);
    impl Drop for Ends<'_> {
        fn drop(&mut self) {
            self.0.store(true, Release);
            self.1.iter().for_each(Thread::unpark);
        }
    }
    let outer = token();
    let stops = || stopped() || outer.as_ref().is_some_and(|outer| outer.load(Relaxed));
    let own = Arc::new(AtomicBool::new(stops()));
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let watch = || {
            while !done.load(Acquire) {
                if stops() {
                    own.store(true, Relaxed);
                }
                thread::park_timeout(LOOK_EVERY);
            }
        };
        let watch = thread::Builder::new().name("watch".into()).stack_size(STACK).spawn_scoped(scope, watch);
        let _ends = Ends(&done, watch.ok().map(|watch| watch.thread().clone()));
        with_token(Some(Arc::clone(&own)), || catch(work))
    })
}

/// Counts what is asked, and stops at one of it.
#[cfg(test)]
pub(crate) mod countdown {
    use std::sync::atomic::AtomicI64;

    use super::*;

    thread_local! {
        static LEFT: RefCell<Option<Arc<AtomicI64>>> = const { RefCell::new(None) };
    }

    /// Raises the token of this thread when so many have asked, of all threads with this number.
    pub fn set(left: Arc<AtomicI64>) {
        LEFT.with_borrow_mut(|own| *own = Some(left));
    }

    pub fn count() {
        let is_last =
            LEFT.with_borrow(|left| left.as_ref().is_some_and(|left| left.fetch_sub(1, Relaxed) == 0));
        if is_last {
            token().iter().for_each(|token| token.store(true, Relaxed));
        }
    }
}

/// Whoever watches does little.
const STACK: usize = 128 << 10;

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;

    use super::*;

    /// Goes on until it is stopped.
    fn forever() {
        loop {
            poll();
            thread::yield_now();
        }
    }

    #[test]
    fn what_is_watched_stops_and_the_thread_goes_on() {
        let asked = AtomicU32::new(0);
        let third = || asked.fetch_add(1, Relaxed) >= 2;
        assert_eq!(watched(&third, forever), Err(Interrupted));
        // The token is gone with the work.
        assert!(token().is_none());
        poll();
        assert_eq!(watched(&|| false, || 7), Ok(7));
    }

    #[test]
    fn pools_and_watches_within_stop_with_it() {
        let asked = AtomicU32::new(0);
        let third = || asked.fetch_add(1, Relaxed) >= 2;
        let within = || {
            let pool = inheriting(ThreadPoolBuilder::new().num_threads(2)).build().unwrap();
            watched(&|| false, || pool.install(forever))
        };
        assert!(matches!(watched(&third, within), Ok(Err(Interrupted)) | Err(Interrupted)));
    }

    #[test]
    fn long_lists_are_sorted_in_pieces() {
        let mut values: Vec<u64> = (0..(3 << 20) + 7).map(|i| i * 2_654_435_761 % 1_000_003).collect();
        let mut expected = values.clone();
        expected.sort_unstable();
        sort_by(&mut values, u64::cmp);
        assert!(values == expected);
    }

    #[test]
    fn a_panic_goes_through_and_ends_the_watch() {
        let panicked = catch_unwind(|| watched(&|| false, || resume_unwind(Box::new("a mistake"))));
        assert!(panicked.unwrap_err().downcast::<&str>().is_ok());
        assert!(token().is_none());
    }
}
