//! A worker: it computes its share of a sweep, cell by cell.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rayon::prelude::*;

use super::{Attempt, CellList, ListedCell, Store, Sweep, SweepError};
use crate::directory::RunError;
use crate::experiment::{ExperimentError, Progress, RunOptions};

/// One of several parts of the cells of a sweep, which cost about the same.
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

    /// The places of its cells in a list, those that cost most first; then, if what is missing is wanted too, those of all others.
    /// `costs` has the expected cost of each cell; without any, all cells cost the same.
    ///
    /// Cells are dealt in the order of their costs, the highest first: one to each shard from the first to the last, then one to each
    /// from the last to the first, and so on. Shards so have about the same cost, and as many cells, but for one. Cells of the same
    /// cost are in the order of their ids, which are hashes: every worker deals alike, and no shard gets all cells of one value of an
    /// axis because there are as many values as shards.
    ///
    /// ```
    /// use infoplane::sweep::{CellList, ListedCell, Shard};
    /// let cell = |id: &str| ListedCell { id: id.into(), label: id.into(), values: vec![] };
    /// let list = CellList::new("five".into(), vec![], ["a", "b", "c", "d", "e"].map(cell).into())?;
    /// let costs = [1.0, 3.0, 2.0, 1.0, 9.0];
    /// let [first, second] = ["1/2", "2/2"].map(|text| text.parse::<Shard>());
    /// assert_eq!(first?.places(&list, &costs, false), [4, 0, 3]);
    /// assert_eq!(second.clone()?.places(&list, &costs, false), [1, 2]);
    /// assert_eq!(second?.places(&list, &costs, true), [1, 2, 4, 0, 3]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Panics
    /// If there are costs, but not of each cell.
    pub fn places(self, list: &CellList, costs: &[f64], missing: bool) -> Vec<usize> {
        let order = order(list, costs, self.of);
        let mut places: Vec<usize> = self.dealt(&order).collect();
        if missing {
            let is_others = |&(turn, _): &(usize, &usize)| self.turn(turn / self.of) != turn % self.of;
            places.extend(order.iter().enumerate().filter(is_others).map(|(_, &place)| place));
        }
        places
    }

    /// Those of the places in an order that are dealt to this shard.
    pub(super) fn dealt(self, order: &[usize]) -> impl Iterator<Item = usize> {
        (0..order.len().div_ceil(self.of))
            .filter_map(move |round| order.get(round * self.of + self.turn(round)).copied())
    }

    /// Its turn in a round.
    fn turn(self, round: usize) -> usize {
        if round.is_multiple_of(2) { self.number - 1 } else { self.of - self.number }
    }

    /// All shards of so many.
    pub(super) fn all(of: usize) -> impl Iterator<Item = Shard> {
        (1..=of).map(move |number| Shard { number, of })
    }
}

/// The places of all cells, the highest cost first. Of the same cost they are in the order of their ids where they are dealt to
/// several shards; one alone computes them in the order of the list, as whoever looks at it expects.
pub(super) fn order(list: &CellList, costs: &[f64], of: usize) -> Vec<usize> {
    let cells = list.cells();
    assert!(costs.is_empty() || costs.len() == cells.len(), "a cost of each cell, or none");
    let mut order: Vec<usize> = (0..cells.len()).collect();
    let cost = |place: usize| costs.get(place).copied().unwrap_or(0.0);
    order.par_sort_unstable_by(|&a, &b| {
        let of_same_cost = || if of == 1 { a.cmp(&b) } else { cells[a].id.cmp(&cells[b].id) };
        cost(b).total_cmp(&cost(a)).then_with(of_same_cost)
    });
    order
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
        let places = options.shard.places(self.list(), &self.costs(), options.missing);
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
