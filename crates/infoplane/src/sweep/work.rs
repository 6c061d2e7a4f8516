//! A worker: it computes its share of a sweep, cell by cell.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rayon::prelude::*;

use super::{Attempt, Begun, CellList, Entry, ListedCell, Store, Sweep, SweepError};
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
    /// So many workers may end while they are at a cell until it has failed; see [`Sweep::run`].
    pub ends: u64,
    /// With `missing`, cells that failed so often are not tried again; without a number all are.
    pub attempts: Option<u32>,
    /// Whether cells that others are at are waited for. If not they are left to those, once nothing is left to compute and for the time
    /// of a lease no worker was found to be gone.
    pub wait: bool,
    /// How many cells are computed at once; the threads and the memory of `run` are shared by them.
    pub jobs: usize,
    /// What they may take of the machine.
    pub run: RunOptions,
}

impl Default for SweepOptions {
    /// All cells, one after the other; those that others are at are waited for.
    fn default() -> Self {
        SweepOptions {
            shard: Shard::WHOLE,
            missing: false,
            ends: 3,
            attempts: None,
            wait: true,
            jobs: 1,
            run: RunOptions::default(),
        }
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
    /// How many were left to other workers, which are at them.
    pub left: usize,
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
        let Done { complete, computed, left, failed } = std::mem::take(&mut *lock(&work.done));
        let label = |place: usize| self.list().cells()[place].label.clone();
        let failed = failed.into_iter().map(|(place, why)| (label(place), why)).collect();
        Ok(SweepOutcome { complete, computed, left, failed })
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
    left: usize,
    failed: BTreeMap<usize, String>,
}

/// A cell to look at again.
#[derive(Debug, Clone, Copy)]
struct Later {
    place: usize,
    /// When it was first found to be another worker's.
    taken: Option<Instant>,
    due: Instant,
    pause: Duration,
}

impl Later {
    fn soon(place: usize) -> Later {
        Later { place, taken: None, due: Instant::now(), pause: LOOK_FIRST }
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
                One::Taken => lock(&self.later).push(Later::soon(place)),
                One::Stopped => return,
            }
        }
        // What another job has in hand it will put back itself.
        while let Some(mut later) = self.next_later() {
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
                One::Taken if self.is_left(&mut later) => {}
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
                    One::Taken if self.is_left(&mut later) => break,
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

    /// Whether a cell that another worker is at is left to it: that one was there for a lease, if it is not to be waited for.
    fn is_left(&self, later: &mut Later) -> bool {
        let taken = *later.taken.get_or_insert_with(Instant::now);
        let left = !self.options.wait && taken.elapsed() >= self.store.claims().lease();
        lock(&self.done).left += usize::from(left);
        left
    }

    fn is_tried_again(&self, entry: &Entry) -> bool {
        self.options.missing && self.options.attempts.is_none_or(|most| entry.attempts() < most)
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
        let before = (!self.is_tried_again(&entry)).then(|| entry.failure()).flatten();
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
        let before = (!self.is_tried_again(stored.entry())).then(|| stored.entry().failure()).flatten();
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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::{Begun, CellKind};
    use super::*;

    fn sweep(text: &str) -> Sweep {
        Sweep::from_toml("the file", text, Path::new("")).unwrap()
    }

    #[test]
    fn shards_cost_the_same_where_an_axis_has_as_many_values_as_there_are_shards() {
        // Of each ten neighbours in the list the last costs a thousand times what the others do.
        let batch_sizes: Vec<String> = (1..=35).map(|n| (100 + n).to_string()).collect();
        let sweep = sweep(&format!(
            "base = 'tishby2017'\n[axes]\n'training.batch_size' = [{}]\n\
             'training.epochs' = [20, 30, 40, 50, 60, 70, 80, 90, 100, 30000]",
            batch_sizes.join(", ")
        ));
        let costs = sweep.costs();
        let n = costs.len();
        assert_eq!(n, 350);
        let shards: Vec<Vec<usize>> =
            Shard::all(10).map(|shard| shard.places(sweep.list(), &costs, false)).collect();
        let sums = shards.iter().map(|places| places.iter().map(|&place| costs[place]).sum::<f64>());
        let most = sums.fold(0.0, f64::max);
        // Thirty-five long cells are four for half of the shards.
        assert!(most < 1.2 * costs.iter().sum::<f64>() / 10.0, "{most}");
        let mut all: Vec<usize> = shards.iter().flatten().copied().collect();
        all.sort_unstable();
        assert!(all.into_iter().eq(0..n), "each cell is in one shard");
        for (number, own) in shards.iter().enumerate() {
            assert_eq!(own.len(), 35);
            assert!(own.windows(2).all(|pair| costs[pair[0]] >= costs[pair[1]]), "the longest first");
            let shard = Shard { number: number + 1, of: 10 };
            let with_others = shard.places(sweep.list(), &costs, true);
            assert!(with_others.len() == n && with_others.starts_with(own));
        }
    }

    #[test]
    fn one_shard_has_cells_of_the_same_cost_in_the_order_of_the_list() {
        let sweep = sweep("base = 'tishby2017'\nseeds = 5");
        let list = sweep.list();
        assert_eq!(Shard::WHOLE.places(list, &sweep.costs(), false), [0, 1, 2, 3, 4]);
        // Shards of more than there are cells have none.
        let lengths: Vec<usize> = Shard::all(7).map(|shard| shard.places(list, &[], false).len()).collect();
        assert_eq!(lengths, [1, 1, 1, 1, 1, 0, 0]);
        let far = Shard { number: usize::MAX, of: usize::MAX };
        assert_eq!(far.places(list, &[], true).len(), 5);
    }

    const SHORT: &str = "base = 'tishby2017'\nseeds = 2\n\
        estimators = [{ kind = 'binned', rule = 'floor', bin_width = 0.5 }]\n[set]\n'training.epochs' = 3\n";

    #[test]
    fn a_failed_cell_is_tried_again_until_it_failed_so_often() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let sweep = sweep(&format!("{SHORT}'dataset.split.train_fraction' = 0.00001"));
        let run = |attempts| {
            let options = SweepOptions { missing: true, attempts, ..SweepOptions::default() };
            sweep.run(&store, &options, &(), &AtomicBool::new(false)).unwrap()
        };
        let attempts = || {
            let of = |cell: &ListedCell| store.entry(&cell.id, CellKind::Run).attempts();
            sweep.list().cells().iter().map(of).collect::<Vec<_>>()
        };
        for (most, expected) in [(Some(1), 1), (Some(1), 1), (Some(2), 2), (Some(2), 2), (None, 3)] {
            assert_eq!(run(most).failed.len(), 2);
            assert_eq!(attempts(), [expected; 2], "{most:?}");
        }
    }

    #[test]
    fn cells_of_living_workers_are_left_and_those_of_dead_ones_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let lease = Duration::from_millis(300);
        let open = || Store::open_with(folder.path(), lease).unwrap();
        let (store, other) = (open(), open());
        let sweep = sweep(SHORT);
        sweep.list().settle(&store).unwrap();
        let [living, dead] = sweep.list().cells() else { panic!("two cells") };
        let Ok(Begun::Own(held)) = other.entry(&living.id, CellKind::Run).begin() else { panic!("a claim") };
        // A worker of another machine that ended without a word.
        std::fs::write(folder.path().join("claims").join(format!("{}.1", dead.id)), "silent").unwrap();
        let options = SweepOptions { wait: false, ..SweepOptions::default() };
        let run = || sweep.run(&store, &options, &(), &AtomicBool::new(false)).unwrap();
        let outcome = run();
        assert_eq!((outcome.computed, outcome.complete, outcome.left), (1, 1, 1));
        drop(held);
        let outcome = run();
        assert_eq!((outcome.computed, outcome.complete, outcome.left), (1, 2, 0));
    }
}
