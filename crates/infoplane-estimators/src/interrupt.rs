//! Stopping an estimate in the middle.
//!
//! Estimators take no token: loops over samples ask [`poll`] whether the thread that they run on was told to stop. A program that
//! wants to stop estimates makes its own [`rayon::ThreadPool`] of threads that have a token ([`set_token`]), runs the estimate
//! there within [`catch`], and sets the token to stop it. Without a token nothing is ever stopped.
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
//! // Somebody else may do this at any time.
//! stop.store(true, Ordering::Relaxed);
//! let found = pool.install(|| interrupt::catch(|| Ksg::default().pair(&x, &y)));
//! assert_eq!(found.unwrap_err(), Interrupted);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

thread_local! {
    static TOKEN: RefCell<Option<Arc<AtomicBool>>> = const { RefCell::new(None) };
}

/// That some work was stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("interrupted")]
pub struct Interrupted;

/// Makes the work of this thread stop once `token` is true.
pub fn set_token(token: Arc<AtomicBool>) {
    TOKEN.with_borrow_mut(|own| *own = Some(token));
}

/// Stops the work of this thread if it was told to, by unwinding to [`catch`]. Takes some nanoseconds.
///
/// The hook for panics is not called.
#[inline]
pub fn poll() {
    let stopped =
        TOKEN.with_borrow(|token| token.as_ref().is_some_and(|token| token.load(Ordering::Relaxed)));
    if stopped {
        resume_unwind(Box::new(Interrupted));
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
