//! A worker: it computes its share of a sweep, cell by cell.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

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
    left: usize,
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

    /// Looks again and again at the cells of others until all are done, or where they are not waited for, until it is known which
    /// workers are gone.
    fn wait_for_others(&self) {
        let start = Instant::now();
        loop {
            let waiting = std::mem::take(&mut *lock(&self.waiting));
            if waiting.is_empty() {
                return;
            }
            // All were looked at before: a worker that is silent from then to now is gone, and its cells are this one's.
            let is_last = !self.options.wait && start.elapsed() >= self.store.claims().lease();
            for place in waiting {
                if !self.one(place) {
                    return;
                }
            }
            if is_last {
                lock(&self.done).left = std::mem::take(&mut *lock(&self.waiting)).len();
                return;
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
        let is_tried_again =
            self.options.missing && self.options.attempts.is_none_or(|most| stored.entry().attempts() < most);
        let before = (!is_tried_again).then(|| stored.entry().failure()).flatten();
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
