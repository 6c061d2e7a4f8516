//! A worker: it computes its share of a sweep, cell by cell.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::{Attempt, ListedCell, Store, Sweep, SweepError};
use crate::directory::RunError;
use crate::experiment::{ExperimentError, Progress, RunOptions};

/// One of several equal parts of the cells of a sweep.
///
/// ```
/// use infoplane::sweep::Shard;
/// let third: Shard = "3/200".parse()?;
/// assert_eq!((third.number(), third.of()), (3, 200));
/// assert!("201/200".parse::<Shard>().is_err());
/// # Ok::<(), String>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    number: usize,
    of: usize,
}

impl Shard {
    /// All cells.
    pub const WHOLE: Shard = Shard { number: 1, of: 1 };

    /// Its number, from 1.
    pub fn number(self) -> usize {
        self.number
    }

    /// How many shards there are.
    pub fn of(self) -> usize {
        self.of
    }

    /// The places of its cells among `n`; then, if what is missing is wanted too, those of all others. Neighbours, which often take as
    /// long, are in different shards.
    ///
    /// ```
    /// use infoplane::sweep::Shard;
    /// let second: Shard = "2/3".parse()?;
    /// assert_eq!(second.places(8, false), [1, 4, 7]);
    /// assert_eq!(second.places(8, true), [1, 4, 7, 0, 2, 3, 5, 6]);
    /// # Ok::<(), String>(())
    /// ```
    pub fn places(self, n: usize, missing: bool) -> Vec<usize> {
        let own = |place: &usize| place % self.of == self.number - 1;
        let others = (0..n).filter(|place| missing && !own(place));
        (0..n).filter(own).chain(others).collect()
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Shard, String> {
        let wrong = || format!("`{text}` is no shard; allowed is i/n, as in 3/200, with i from 1 to n");
        let (number, of) = text.split_once('/').ok_or_else(wrong)?;
        let (number, of) = (number.trim().parse().ok(), of.trim().parse().ok());
        match (number, of) {
            (Some(number), Some(of)) if (1..=of).contains(&number) => Ok(Shard { number, of }),
            _ => Err(wrong()),
        }
    }
}

impl std::fmt::Display for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

/// What a worker does.
#[derive(Debug, Clone, Copy)]
pub struct SweepOptions {
    /// Which cells are its own.
    pub shard: Shard,
    /// After its own, those of others that are not complete, and those that failed before once more.
    pub missing: bool,
    /// How many cells are computed at once; the threads and the memory of `run` are shared by them.
    pub jobs: usize,
    /// What they may take of the machine.
    pub run: RunOptions,
}

impl Default for SweepOptions {
    /// All cells, one after the other.
    fn default() -> Self {
        SweepOptions { shard: Shard::WHOLE, missing: false, jobs: 1, run: RunOptions::default() }
    }
}

/// Told how far a worker is.
pub trait SweepProgress: Progress {
    /// A cell is done: it was computed in so many seconds, or another worker did it, or it failed.
    fn cell(&self, cell: &ListedCell, result: Result<Option<f64>, &str>, done: usize, of: usize);
}

/// Says nothing.
impl SweepProgress for () {
    fn cell(&self, _: &ListedCell, _: Result<Option<f64>, &str>, _: usize, _: usize) {}
}

/// What became of the cells of a worker.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SweepOutcome {
    /// How many are complete.
    pub complete: usize,
    /// How many of them this worker computed.
    pub computed: usize,
    /// Those that cannot be computed, by their labels, with the reason, in the order of the list.
    pub failed: Vec<(String, String)>,
}

/// How often a worker that waits for others looks again.
const LOOK_EVERY: Duration = Duration::from_millis(500);

impl Sweep {
    /// Computes a shard of the cells in a store. Cells that others are at are waited for: if they end without having completed one,
    /// this worker does.
    ///
    /// A cell that fails does not stop the others. Any number of workers, of the same shard or of several, give the same bytes
    /// as one, in any order and however often they are killed.
    ///
    /// # Errors
    /// [`SweepError::OtherSweep`] if the store holds another sweep; [`SweepError::Interrupted`] once `interrupt` is true; what else
    /// stops a worker is the disk.
    pub fn run(
        &self,
        store: &Store,
        options: &SweepOptions,
        progress: &dyn SweepProgress,
        interrupt: &AtomicBool,
    ) -> Result<SweepOutcome, SweepError> {
        self.list().settle(store)?;
        let places = options.shard.places(self.list().cells().len(), options.missing);
        let jobs = options.jobs.clamp(1, places.len().max(1));
        let work = Work {
            sweep: self,
            store,
            options,
            run: RunOptions {
                threads: if jobs == 1 { options.run.threads } else { threads_of(options.run, jobs) },
                memory: options.run.memory / jobs as u64,
            },
            progress,
            interrupt,
            next: AtomicUsize::new(0),
            waiting: Mutex::new(vec![]),
            done: Mutex::default(),
            stopped: Mutex::new(None),
            n: places.len(),
        };
        std::thread::scope(|scope| {
            for _ in 1..jobs {
                scope.spawn(|| work.go(&places));
            }
            work.go(&places);
        });
        work.wait_for_others();
        if let Some(error) = lock(&work.stopped).take() {
            return Err(error);
        }
        let Done { complete, computed, failed } = std::mem::take(&mut *lock(&work.done));
        let label = |place: usize| self.list().cells()[place].label.clone();
        let failed = failed.into_iter().map(|(place, why)| (label(place), why)).collect();
        Ok(SweepOutcome { complete, computed, failed })
    }
}

/// What the jobs of a worker share.
struct Work<'a> {
    sweep: &'a Sweep,
    store: &'a Store,
    options: &'a SweepOptions,
    run: RunOptions,
    progress: &'a dyn SweepProgress,
    interrupt: &'a AtomicBool,
    next: AtomicUsize,
    /// Cells that other workers are at.
    waiting: Mutex<Vec<usize>>,
    done: Mutex<Done>,
    /// What stopped this worker.
    stopped: Mutex<Option<SweepError>>,
    n: usize,
}

/// What became of the cells so far. The jobs end their cells in any order; those that failed are sorted by their places, so that the
/// outcome does not depend on it.
#[derive(Default)]
struct Done {
    complete: usize,
    computed: usize,
    failed: BTreeMap<usize, String>,
}

impl Work<'_> {
    /// Computes one cell after the other until there is none left, or something stops the worker.
    fn go(&self, places: &[usize]) {
        while let Some(&place) = places.get(self.next.fetch_add(1, Ordering::Relaxed)) {
            if !self.one(place) {
                return;
            }
        }
    }

    /// Looks again and again at the cells of others until all are done.
    fn wait_for_others(&self) {
        loop {
            let waiting = std::mem::take(&mut *lock(&self.waiting));
            if waiting.is_empty() {
                return;
            }
            for place in waiting {
                if !self.one(place) {
                    return;
                }
            }
            if !lock(&self.waiting).is_empty() {
                std::thread::sleep(LOOK_EVERY);
            }
        }
    }

    /// Returns whether the worker goes on.
    fn one(&self, place: usize) -> bool {
        if lock(&self.stopped).is_some() {
            return false;
        }
        if self.interrupt.load(Ordering::Relaxed) {
            return self.stop(SweepError::Interrupted);
        }
        let planned = &self.sweep.list().cells()[place];
        let cell = self.sweep.cell(place);
        let stored = self.store.at_id(&cell, planned.id.clone());
        let before = (!self.options.missing).then(|| stored.entry().failure()).flatten();
        if let Some(why) = before.filter(|_| !stored.is_complete()) {
            self.fail(place, &why);
            return true;
        }
        match stored.attempt(self.run, self.progress, self.interrupt) {
            Ok(Attempt::WasComplete) => self.done(planned, None),
            Ok(Attempt::Computed { seconds }) => self.done(planned, Some(seconds)),
            Ok(Attempt::Taken { .. }) => lock(&self.waiting).push(place),
            Err(SweepError::Cell { source, .. }) if !is_of_the_machine(&source) => {
                let why = source.to_string();
                if let Err(error) = stored.entry().keep_failure(&why) {
                    return self.stop(error);
                }
                self.fail(place, &why);
            }
            Err(error) => return self.stop(error),
        }
        true
    }

    fn done(&self, cell: &ListedCell, seconds: Option<f64>) {
        let mut done = lock(&self.done);
        done.complete += 1;
        done.computed += usize::from(seconds.is_some());
        self.progress.cell(cell, Ok(seconds), done.complete + done.failed.len(), self.n);
    }

    fn fail(&self, place: usize, why: &str) {
        let mut done = lock(&self.done);
        done.failed.insert(place, why.into());
        self.progress.cell(
            &self.sweep.list().cells()[place],
            Err(why),
            done.complete + done.failed.len(),
            self.n,
        );
    }

    fn stop(&self, error: SweepError) -> bool {
        lock(&self.stopped).get_or_insert(error);
        false
    }
}

/// Whether another cell would meet the same: a full disk is the fault of no cell.
fn is_of_the_machine(error: &ExperimentError) -> bool {
    matches!(error, ExperimentError::Run(RunError::Io { .. } | RunError::Gone(_) | RunError::InUse { .. }))
}

/// The threads of one of several jobs.
fn threads_of(run: RunOptions, jobs: usize) -> usize {
    let all = match run.threads {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        threads => threads,
    };
    (all / jobs).max(1)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
