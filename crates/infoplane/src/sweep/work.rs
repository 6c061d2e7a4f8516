//! A worker: it computes its share of a sweep, cell by cell.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{Attempt, Begun, ListedCell, Store, Sweep, SweepError};
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
    /// So many workers may end while they are at a cell until it has failed; see [`Sweep::run`].
    pub ends: u64,
    /// How many cells are computed at once; the threads and the memory of `run` are shared by them.
    pub jobs: usize,
    /// What they may take of the machine.
    pub run: RunOptions,
}

impl Default for SweepOptions {
    /// All cells, one after the other.
    fn default() -> Self {
        SweepOptions { shard: Shard::WHOLE, missing: false, ends: 3, jobs: 1, run: RunOptions::default() }
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

/// After so long a worker that waits for another looks again; then after longer and longer, up to [`LOOK_LATEST`].
const LOOK_FIRST: Duration = Duration::from_millis(100);
const LOOK_LATEST: Duration = Duration::from_secs(5);
/// How often a worker that waits looks whether it is to stop.
const STOP_WITHIN: Duration = Duration::from_millis(100);

impl Sweep {
    /// Computes a shard of the cells in a store. Cells that others are at are waited for: if they end without having completed one,
    /// this worker does.
    ///
    /// A cell may end the process that computes it: where memory does not suffice, the system does. So cells at which a worker
    /// ended come last; those at which two did are computed alone, after all others; and a cell at which
    /// [`SweepOptions::ends`] did has failed.
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
            later: Mutex::default(),
            alone: Mutex::default(),
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
        work.go_alone();
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
    /// Cells that other workers are at, or were at.
    later: Mutex<Vec<Later>>,
    /// Cells at which several workers ended: nothing else is computed beside them.
    alone: Mutex<BTreeSet<usize>>,
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

/// A cell to look at again.
#[derive(Debug, Clone, Copy)]
struct Later {
    place: usize,
    due: Instant,
    pause: Duration,
}

impl Later {
    fn soon(place: usize) -> Later {
        Later { place, due: Instant::now(), pause: LOOK_FIRST }
    }

    fn again(self) -> Later {
        Later { due: Instant::now() + self.pause, pause: (self.pause * 2).min(LOOK_LATEST), ..self }
    }
}

/// What a worker has of a cell.
enum One {
    /// Nothing more is to be done.
    Done,
    /// Another worker is at it.
    Taken,
    /// Something stopped the worker.
    Stopped,
}

impl Work<'_> {
    /// Computes one cell after the other until there is none left, or something stops the worker: first those that nobody was at.
    fn go(&self, places: &[usize]) {
        while let Some(&place) = places.get(self.next.fetch_add(1, Ordering::Relaxed)) {
            if self.claims_of(place) > 0 {
                lock(&self.later).push(Later::soon(place));
                continue;
            }
            match self.one(place, self.run) {
                One::Done => {}
                One::Taken => lock(&self.later).push(Later::soon(place).again()),
                One::Stopped => return,
            }
        }
        // What another job has in hand it will put back itself.
        while let Some(later) = self.next_later() {
            let place = later.place;
            if !self.wait_until(later.due) {
                return;
            }
            let claims = self.claims_of(place);
            let is_last = claims >= self.options.ends.min(2);
            let is_taken = is_last && self.holder(place, claims).is_some();
            if is_last && !is_taken && !self.is_complete(place) {
                lock(&self.alone).insert(place);
                continue;
            }
            match if is_taken { One::Taken } else { self.one(place, self.run) } {
                One::Done => {}
                One::Taken => lock(&self.later).push(later.again()),
                One::Stopped => return,
            }
        }
    }

    /// Computes the cells that nothing is to be computed beside.
    fn go_alone(&self) {
        let alone = std::mem::take(&mut *lock(&self.alone));
        let run = self.options.run;
        for place in alone {
            let mut later = Later::soon(place);
            loop {
                if !self.wait_until(later.due) {
                    return;
                }
                let claims = self.claims_of(place);
                let is_taken = self.holder(place, claims).is_some();
                let one = match is_taken {
                    true => One::Taken,
                    false if claims >= self.options.ends => self.give_up(place, claims),
                    false => self.one(place, run),
                };
                match one {
                    One::Done => break,
                    One::Taken => later = later.again(),
                    One::Stopped => return,
                }
            }
        }
    }

    /// The cell to look at next among those of other workers.
    fn next_later(&self) -> Option<Later> {
        let mut later = lock(&self.later);
        let first = (0..later.len()).min_by_key(|&i| later[i].due)?;
        Some(later.swap_remove(first))
    }

    /// Returns whether the worker goes on.
    fn wait_until(&self, due: Instant) -> bool {
        loop {
            if self.is_stopped() {
                return false;
            }
            match due.saturating_duration_since(Instant::now()) {
                Duration::ZERO => return true,
                left => std::thread::sleep(left.min(STOP_WITHIN)),
            }
        }
    }

    fn is_stopped(&self) -> bool {
        if self.interrupt.load(Ordering::Relaxed) {
            self.stop(SweepError::Interrupted);
        }
        lock(&self.stopped).is_some()
    }

    fn claims_of(&self, place: usize) -> u64 {
        self.store.claims().count(&self.sweep.list().cells()[place].id)
    }

    /// The machine of the worker that is at a cell, if there may be one.
    fn holder(&self, place: usize, claims: u64) -> Option<String> {
        self.store.claims().holder(&self.sweep.list().cells()[place].id, claims)
    }

    fn is_complete(&self, place: usize) -> bool {
        self.sweep.entry(self.store, place).is_complete()
    }

    /// Keeps that a cell ends whoever computes it.
    fn give_up(&self, place: usize, claims: u64) -> One {
        let entry = self.sweep.entry(self.store, place);
        let cell = &self.sweep.list().cells()[place];
        let before = (!self.options.missing).then(|| entry.failure()).flatten();
        if let Some(why) = before {
            self.fail(place, &why);
            return One::Done;
        }
        let given_up = entry.begin().and_then(|begun| match begun {
            Begun::Complete => {
                self.done(cell, None);
                Ok(One::Done)
            }
            Begun::Taken { .. } => Ok(One::Taken),
            Begun::Own(own) => {
                let why = format!(
                    "{claims} processes ended, or were silent for the lease, while they were at this cell; most often memory does \
                     not suffice: see what the system said of them, and give it more with fewer --jobs, or a machine with more"
                );
                own.give_up(&why)?;
                self.fail(place, &why);
                Ok(One::Done)
            }
        });
        given_up.unwrap_or_else(|error| self.stop(error))
    }

    fn one(&self, place: usize, run: RunOptions) -> One {
        if self.is_stopped() {
            return One::Stopped;
        }
        let planned = &self.sweep.list().cells()[place];
        let cell = self.sweep.cell(place);
        let stored = self.store.at_id(&cell, planned.id.clone());
        let before = (!self.options.missing).then(|| stored.entry().failure()).flatten();
        if let Some(why) = before.filter(|_| !stored.is_complete()) {
            self.fail(place, &why);
            return One::Done;
        }
        match stored.attempt(run, self.progress, self.interrupt) {
            Ok(Attempt::WasComplete) => self.done(planned, None),
            Ok(Attempt::Computed { seconds }) => self.done(planned, Some(seconds)),
            Ok(Attempt::Taken { .. }) => return One::Taken,
            Err(SweepError::Cell { source, .. }) if !is_of_the_machine(&source) => {
                let why = source.to_string();
                if let Err(error) = stored.entry().keep_failure(&why) {
                    return self.stop(error);
                }
                self.fail(place, &why);
            }
            Err(error) => return self.stop(error),
        }
        One::Done
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

    fn stop(&self, error: SweepError) -> One {
        lock(&self.stopped).get_or_insert(error);
        One::Stopped
    }
}

/// Whether another cell would meet the same: a full disk is the fault of no cell.
fn is_of_the_machine(error: &ExperimentError) -> bool {
    matches!(error, ExperimentError::Run(RunError::Io { .. } | RunError::Gone(_)))
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
