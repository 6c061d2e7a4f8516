//! Work that lets other Python threads go on, tells how far it is, and ends on Ctrl-C.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use infoplane::estimator::interrupt::{self, Interrupted};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

/// How often signals are looked for and progress is told.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Stack of a worker thread: trees of neighbours are built by recursion.
const STACK: usize = 8 << 20;

/// How far some work is.
#[derive(Default)]
pub struct Done {
    done: AtomicUsize,
    of: AtomicUsize,
}

impl Done {
    /// Called from any thread.
    pub fn set(&self, done: usize, of: usize) {
        self.of.store(of, Ordering::Relaxed);
        self.done.store(done, Ordering::Relaxed);
    }

    fn get(&self) -> (usize, usize) {
        (self.done.load(Ordering::Relaxed), self.of.load(Ordering::Relaxed))
    }
}

/// Threads of which each knows whether its work was interrupted.
struct Workers {
    pool: ThreadPool,
    stop: Arc<AtomicBool>,
    threads: usize,
    /// Threads do not survive a fork.
    process: u32,
}

/// Workers without work.
static IDLE: Mutex<Vec<Workers>> = Mutex::new(Vec::new());

/// Threads for calls that do not say how many; 0 is one for each core.
pub static THREADS: AtomicU32 = AtomicU32::new(0);

impl Workers {
    fn take(threads: usize) -> PyResult<Workers> {
        let process = std::process::id();
        // Another thread may have held the list when this process was forked: then it stays locked for ever.
        if let Ok(mut idle) = IDLE.try_lock() {
            while let Some(place) = idle.iter().position(|workers| workers.process != process) {
                // Waiting for threads that are not there would never end.
                std::mem::forget(idle.swap_remove(place));
            }
            if let Some(place) = idle.iter().position(|workers| workers.threads == threads) {
                return Ok(idle.swap_remove(place));
            }
        }
        let stop = Arc::new(AtomicBool::new(false));
        let token = Arc::clone(&stop);
        let pool = ThreadPoolBuilder::new()
            .num_threads(threads)
            .stack_size(STACK)
            .start_handler(move |_| interrupt::set_token(Arc::clone(&token)))
            .build()
            .map_err(|error| PyRuntimeError::new_err(format!("cannot start worker threads: {error}")))?;
        Ok(Workers { pool, stop, threads, process })
    }

    fn give_back(self) {
        self.stop.store(false, Ordering::Relaxed);
        // Those of a number of threads that is not asked for any more end.
        if let Ok(mut idle) = IDLE.try_lock()
            && self.threads == THREADS.load(Ordering::Relaxed) as usize
        {
            idle.retain(|workers| workers.process != self.process || workers.threads == self.threads);
            idle.push(self);
        }
    }
}

type Outcome<T> = Result<Result<T, Interrupted>, Box<dyn Any + Send>>;

/// Runs `work` on worker threads while other Python threads go on; it may look at the token by which it is stopped.
///
/// Calls `progress` with how much is done and how much is to do, and ends soon after a signal handler of Python raises, as that
/// of Ctrl-C does, with its exception.
///
/// # Errors
/// That exception; one that `progress` raises.
pub fn interruptible<T: Send>(
    py: Python<'_>,
    progress: Option<(&Done, &Bound<'_, PyAny>)>,
    work: impl FnOnce(&AtomicBool) -> T + Send,
) -> PyResult<T> {
    let workers = Workers::take(THREADS.load(Ordering::Relaxed) as usize)?;
    let progress = progress.map(|(done, callback)| (done, callback.clone().unbind()));
    let outcome: Mutex<Option<Outcome<T>>> = Mutex::new(None);
    let ended = Condvar::new();
    let (outcome, raised) = py.detach(|| {
        workers.pool.in_place_scope(|scope| {
            scope.spawn(|_| {
                let found = catch_unwind(AssertUnwindSafe(|| interrupt::catch(|| work(&workers.stop))));
                *outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some(found);
                ended.notify_one();
            });
            let mut raised = None;
            let mut told = (0, 0);
            loop {
                let waiting = outcome.lock().unwrap_or_else(PoisonError::into_inner);
                let waited = ended.wait_timeout_while(waiting, LOOK_EVERY, |found| found.is_none());
                let found = waited.unwrap_or_else(PoisonError::into_inner).0.take();
                let ends = found.is_some();
                if raised.is_none() {
                    let looked = Python::attach(|py| {
                        if let Some((done, callback)) = &progress {
                            let now = done.get();
                            if now != told && now.1 > 0 {
                                told = now;
                                callback.call1(py, now)?;
                            }
                        }
                        if ends { Ok(()) } else { py.check_signals() }
                    });
                    if let Err(error) = looked {
                        workers.stop.store(true, Ordering::Relaxed);
                        raised = Some(error);
                    }
                }
                if let Some(found) = found {
                    break (found, raised);
                }
            }
        })
    });
    workers.give_back();
    match (raised, outcome) {
        (Some(error), _) => Err(error),
        (None, Ok(Ok(value))) => Ok(value),
        (None, Ok(Err(Interrupted))) => Err(PyRuntimeError::new_err("interrupted")),
        (None, Err(panic)) => resume_unwind(panic),
    }
}
