//! The driver: ask, load, activate, estimate, tell, append.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rayon::{ScopeFifo, ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};

use super::{LayerEstimators, Subject, measure_layers, measure_quantities, sources};
use crate::estimator::interrupt::{self, Interrupted};
use crate::quantity::{PreparedQuantity, QuantityRow};
use crate::schedule::{Ask, Reason, Schedule, Wanted};
use crate::snapshot::{Observe, SnapshotError};
use crate::{Activations, PlaneRow, Snapshot, Snapshots};

/// What measuring one epoch gave.
#[derive(Debug, Clone)]
pub struct Measurement {
    /// The epoch.
    pub epoch: u64,
    /// Why it was measured.
    pub reason: Reason,
    /// One row per layer, estimator, setting and bound.
    pub rows: Vec<PlaneRow>,
    /// The quantities beside the plane, of each layer.
    pub quantities: Vec<QuantityRow>,
    /// Time that threads were set aside for measuring since the measurement before, summed over them.
    pub thread_time: Duration,
}

/// Why measuring stopped before the schedule was done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MeasureError<E> {
    /// The source cannot go on.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// The rows could not be kept.
    #[error(transparent)]
    Append(E),
    /// A count of an estimator would take longer than [`MOST_TIME`](crate::estimator::steps::MOST_TIME).
    #[error("{0}")]
    TooLong(String),
}

/// Samples that every epoch is measured on, and with what.
#[derive(Clone, Copy)]
pub struct MeasuredPart<'a> {
    /// The inputs, and what is known of them.
    pub subject: Subject<'a>,
    /// The estimators of each layer.
    pub estimators: &'a [LayerEstimators],
    /// What is measured beside the plane.
    pub quantities: &'a [PreparedQuantity],
}

/// What the epochs of one training are measured with, and on what.
pub struct Measuring<'a> {
    /// The seed that the rows name.
    pub seed: u64,
    /// What is measured: usually one, or the training and the test part. Of each layer the rows of the first come first.
    pub parts: &'a [MeasuredPart<'a>],
    /// The rows of an epoch that an earlier, interrupted run left: they are told to the schedule, and are neither measured nor
    /// appended again.
    pub known: &'a (dyn Fn(u64) -> Option<Vec<PlaneRow>> + Sync),
    /// Who computes: training, retraining and measuring share its threads.
    pub workers: &'a Workers,
    /// How many epochs may be held at once for measuring, each with the activations of all layers; at least 1.
    pub in_flight: usize,
    /// Asked before anything new is begun; once it says true, nothing is.
    pub interrupted: &'a (dyn Fn() -> bool + Sync),
}

/// The threads that work on one training.
///
/// One alone trains and measures by turns. Of several, one trains while the others measure, and all measure while there
/// is nothing to train. Products of wide layers are shared among as many threads as there are while they train, beside
/// those that measure: for narrow layers the others sleep. They are pools apart, because a thread that waits for parts of
/// its own work takes up what else its pool has to do: that might be training, long after those parts are done.
///
/// [`Workers::by_turns`] has threads that as many trainings or more share.
///
/// They stop when the thread that makes them is stopped ([`interrupt`]): then the epochs in progress are dropped.
#[derive(Debug, Clone)]
pub struct Workers {
    all: Arc<ThreadPool>,
    /// For training and, all but one, for measuring meanwhile; absent if there is only one, or all do everything by turns.
    apart: Option<Arc<(ThreadPool, ThreadPool)>>,
    n_trainings: usize,
}

impl Workers {
    /// Workers of so many threads; 0 is one for each core.
    ///
    /// # Errors
    /// What the system says if it gives no threads.
    pub fn new(threads: usize) -> Result<Workers, ThreadPoolBuildError> {
        let pool = |threads| interrupt::inheriting(ThreadPoolBuilder::new()).num_threads(threads).build();
        let all = Arc::new(pool(threads)?);
        let n_threads = all.current_num_threads();
        let apart =
            if n_threads > 1 { Some(Arc::new((pool(n_threads)?, pool(n_threads - 1)?))) } else { None };
        Ok(Workers { all, apart, n_trainings: 1 })
    }

    /// Workers that `n_trainings` trainings at once share, by cloning: every thread trains one of them for a while, or
    /// measures an epoch of any, whatever is next. Where there are as many trainings as threads, none then waits for
    /// another, and those that are left at the end have all threads.
    ///
    /// # Errors
    /// As [`Workers::new`].
    pub fn by_turns(threads: usize, n_trainings: usize) -> Result<Workers, ThreadPoolBuildError> {
        let pool = interrupt::inheriting(ThreadPoolBuilder::new()).num_threads(threads).stack_size(STACK);
        Ok(Workers { all: Arc::new(pool.build()?), apart: None, n_trainings })
    }

    /// How many epochs of one training keep its share of the threads busy.
    pub fn epochs_in_flight(&self) -> usize {
        self.n_threads().div_ceil(self.n_trainings.max(1)) + 1
    }

    /// How many they are.
    pub fn n_threads(&self) -> usize {
        self.all.current_num_threads()
    }

    /// Does something with all of them.
    pub fn install<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.all.install(work)
    }
}

/// A thread that waits for a part of an estimate takes up tasks of other trainings meanwhile, one on top of the other:
/// measured, 4 KiB of stack for each training, and this is enough for a thousand.
const STACK: usize = 8 << 20;

/// For so long a single thread trains before it measures what is there.
const TURN: Duration = Duration::from_millis(50);

/// Measures the epochs that a schedule asks for, until it is done.
///
/// Two things go on at once: the source trains ahead as far as it has room, or trains again what it has not kept, and up
/// to `in_flight` epochs are measured, on as many threads as are free. So measurements reach `append` and the schedule in
/// whatever order they are done; which epochs are measured, and every value, does not depend on it, nor on the
/// number of threads.
///
/// Call it from a thread of its own, not from one of the workers's: it waits for them. The schedule may answer
/// [`Ask::Wait`] only while something it asked for is not told, or the end is not.
///
/// # Errors
/// [`MeasureError`] when the source cannot go on ([`SnapshotError::Interrupted`] once `interrupted`, or once the workers are
/// stopped) or `append` fails. What was being measured then is finished, and appended if that is possible, unless the workers
/// are stopped: then it is dropped.
pub fn measure<'a, S: Snapshots, E: Send>(
    measuring: &'a Measuring<'a>,
    schedule: &mut dyn Schedule,
    snapshots: &mut S,
    mut append: impl FnMut(Measurement) -> Result<(), E>,
) -> Result<(), MeasureError<E>> {
    // Memory for activations goes round: fresh memory costs as much as filling it.
    let spare: Mutex<Vec<Activations>> = Mutex::new(Vec::new());
    let requests = Requests::default();
    let Workers { all, apart, .. } = measuring.workers;
    all.in_place_scope_fifo(|all| match apart.as_deref() {
        None => {
            let pools = Pools { training: all, beside: all, all };
            Coordinator::coordinate(measuring, &spare, &requests, snapshots, &pools, schedule, &mut append)
        }
        Some((training, beside)) => training.in_place_scope_fifo(|training| {
            beside.in_place_scope_fifo(|beside| {
                let pools = Pools { training, beside, all };
                Coordinator::coordinate(
                    measuring,
                    &spare,
                    &requests,
                    snapshots,
                    &pools,
                    schedule,
                    &mut append,
                )
            })
        }),
    })
}

/// Where tasks may be put.
struct Pools<'p, 's> {
    /// Those that train.
    training: &'p ScopeFifo<'s>,
    /// Those that measure meanwhile.
    beside: &'p ScopeFifo<'s>,
    /// Those that measure while nothing is trained.
    all: &'p ScopeFifo<'s>,
}

/// What one training's tasks tell the thread that coordinates them.
enum Event<'s, S: Snapshots> {
    /// The witness of epochs that were reached.
    Witnesses(Vec<(u64, Vec<f64>)>),
    /// A snapshot to be measured.
    Loaded(u64, Snapshot<S::Network>),
    /// The source is free again.
    Returned(&'s mut S, Result<(), SnapshotError>),
    /// An epoch is measured.
    Measured(Measurement),
    /// An epoch was being measured when the workers were stopped.
    Dropped,
    /// An epoch would take too long to measure.
    TooLong(String),
    /// A task met a mistake in the program.
    Panicked(Box<dyn Any + Send>),
}

/// What the source is to do, which may change while it is at work.
#[derive(Default)]
struct Requests {
    list: Mutex<RequestList>,
    /// Whether the list has changed since the source looked.
    changed: AtomicBool,
    /// Whether nothing is wanted any more, whatever the list says.
    over: AtomicBool,
}

#[derive(Default)]
struct RequestList {
    /// Epochs to be handed out, the most urgent first.
    wanted: Vec<u64>,
    /// Nothing before it is wanted any more.
    earliest: u64,
    /// Somebody waits for the end.
    to_the_end: bool,
}

impl Requests {
    fn list(&self) -> MutexGuard<'_, RequestList> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The coordinating thread's view: what is wanted, what goes on.
struct Coordinator<'a, 's, S: Snapshots> {
    measuring: &'a Measuring<'a>,
    spare: &'s Mutex<Vec<Activations>>,
    requests: &'s Requests,
    sender: Sender<Event<'s, S>>,
    events: Receiver<Event<'s, S>>,
    /// The source, while no task has it.
    source: Option<&'s mut S>,
    /// Asked for by the schedule and not loaded yet; whether the source has been told.
    wanted: BTreeMap<u64, (Reason, bool)>,
    /// Those of them that the source has not been told: what fills sections, and the others. Apart, or finding the next one
    /// among tens of thousands would take longer than measuring it.
    untold: [BTreeSet<u64>; 2],
    /// How many of them the source has been told.
    requested: usize,
    /// Loaded and not measured yet.
    in_flight: usize,
    last: Option<u64>,
    /// The last epoch whose witness the schedule was told.
    witnessed: Option<u64>,
    done: bool,
    /// Until when `thread_time` counts, and what it has come to.
    counted: Instant,
    thread_time: Duration,
}

/// However its coordinator goes, the source does not train on for nobody.
impl<S: Snapshots> Drop for Coordinator<'_, '_, S> {
    fn drop(&mut self) {
        self.requests.over.store(true, Ordering::Release);
    }
}

impl<'a: 's, 's, S: Snapshots> Coordinator<'a, 's, S> {
    /// The whole work of the coordinating thread.
    fn coordinate<E>(
        measuring: &'a Measuring<'a>,
        spare: &'s Mutex<Vec<Activations>>,
        requests: &'s Requests,
        snapshots: &'s mut S,
        pools: &Pools<'_, 's>,
        schedule: &mut dyn Schedule,
        append: &mut impl FnMut(Measurement) -> Result<(), E>,
    ) -> Result<(), MeasureError<E>> {
        let (sender, events) = channel();
        let mut coordinator = Coordinator {
            measuring,
            spare,
            requests,
            sender,
            events,
            source: Some(snapshots),
            wanted: BTreeMap::new(),
            untold: Default::default(),
            requested: 0,
            in_flight: 0,
            last: None,
            witnessed: None,
            done: false,
            counted: Instant::now(),
            thread_time: Duration::ZERO,
        };
        let result = coordinator.run(pools, schedule, append);
        if result.is_err() {
            // What is begun is finished; if nothing can be kept any more, that has been said already.
            coordinator.finish(append);
        }
        result
    }

    fn run<E>(
        &mut self,
        pools: &Pools<'_, 's>,
        schedule: &mut dyn Schedule,
        append: &mut impl FnMut(Measurement) -> Result<(), E>,
    ) -> Result<(), MeasureError<E>> {
        loop {
            if (self.measuring.interrupted)() {
                return Err(SnapshotError::Interrupted.into());
            }
            self.look_for_the_end(schedule);
            self.ask(schedule);
            if self.done && self.wanted.is_empty() && self.in_flight == 0 && self.source.is_some() {
                return Ok(());
            }
            self.request(schedule);
            self.set_to_work(pools);
            match self.next_event() {
                Event::Witnesses(witnesses) => self.tell_witnesses(schedule, witnesses),
                Event::Loaded(epoch, snapshot) => match (self.measuring.known)(epoch) {
                    // The training has come to what an earlier run has measured.
                    Some(rows) if self.wanted.remove(&epoch).is_some() => {
                        self.requested -= 1;
                        schedule.tell(epoch, &rows);
                    }
                    _ => self.begin(pools, epoch, snapshot),
                },
                Event::Returned(source, result) => {
                    self.source = Some(source);
                    result?;
                }
                Event::Measured(mut measurement) => {
                    self.in_flight -= 1;
                    measurement.thread_time = std::mem::take(&mut self.thread_time);
                    schedule.tell(measurement.epoch, &measurement.rows);
                    append(measurement).map_err(MeasureError::Append)?;
                }
                Event::Dropped => {
                    self.in_flight -= 1;
                    return Err(SnapshotError::Interrupted.into());
                }
                Event::TooLong(reason) => {
                    self.in_flight -= 1;
                    return Err(MeasureError::TooLong(reason));
                }
                Event::Panicked(panic) => resume_unwind(panic),
            }
        }
    }

    /// Waits for the tasks that were begun, and appends what they bring.
    fn finish<E>(&mut self, append: &mut impl FnMut(Measurement) -> Result<(), E>) {
        self.requests.over.store(true, Ordering::Release);
        let mut good = true;
        while self.in_flight > 0 || self.source.is_none() {
            match self.next_event() {
                // Its rows would be good, but nobody waits for them any more.
                Event::Loaded(..) | Event::Witnesses(_) => {}
                Event::Returned(source, _) => self.source = Some(source),
                Event::Panicked(panic) => resume_unwind(panic),
                Event::Measured(measurement) => {
                    self.in_flight -= 1;
                    good = good && append(measurement).is_ok();
                }
                Event::Dropped | Event::TooLong(_) => self.in_flight -= 1,
            }
        }
    }

    fn next_event(&mut self) -> Event<'s, S> {
        let measuring = self.in_flight > 0;
        let beside = self.source.is_none() && self.last.is_none();
        let event = self.events.recv().expect("the coordinator holds a sender itself");
        let waited = self.counted.elapsed();
        self.counted += waited;
        let n_threads = self.measuring.workers.n_threads() as u32;
        match (&event, &self.measuring.workers.apart) {
            // Where training and measuring take turns, only the task knows its share.
            (Event::Measured(measurement), None) => self.thread_time += measurement.thread_time,
            (_, Some(_)) if measuring => self.thread_time += waited * (n_threads - u32::from(beside)),
            _ => {}
        }
        event
    }

    fn tell_witnesses(&mut self, schedule: &mut dyn Schedule, witnesses: Vec<(u64, Vec<f64>)>) {
        for (epoch, values) in witnesses {
            schedule.witness(epoch, &values);
            self.witnessed = Some(epoch);
        }
    }

    /// Tells the schedule once where the training ended, and forgets what lies beyond.
    fn look_for_the_end(&mut self, schedule: &mut dyn Schedule) {
        // Before the end the schedule is told of all epochs up to there.
        if let Some(witnesses) = self.source.as_mut().map(|source| source.take_witnesses()) {
            self.tell_witnesses(schedule, witnesses);
        }
        if let (None, Some(source)) = (self.last, &self.source)
            && let Some(last) = source.last()
        {
            self.last = Some(last);
            let beyond = self.wanted.split_off(&(last + 1));
            self.requested -= beyond.values().filter(|(_, told)| *told).count();
            self.untold.iter_mut().for_each(|untold| _ = untold.split_off(&(last + 1)));
            self.requests.list().wanted.retain(|&epoch| epoch <= last);
            schedule.end(last);
        }
    }

    /// Asks until the schedule has nothing to say before it is told more. What is known already it is told at once.
    fn ask(&mut self, schedule: &mut dyn Schedule) {
        while !self.done {
            match schedule.ask() {
                Ask::Done => self.done = true,
                Ask::Wait => return,
                Ask::Epochs(epochs) => {
                    for Wanted { epoch, reason } in epochs {
                        match (self.measuring.known)(epoch) {
                            // The witness of an epoch is told before the epoch itself.
                            Some(rows) if !schedule.watches() || self.witnessed >= Some(epoch) => {
                                schedule.tell(epoch, &rows);
                            }
                            _ if self.last.is_some_and(|last| epoch > last) => {}
                            _ => {
                                self.wanted.insert(epoch, (reason, false));
                                self.untold[usize::from(reason != Reason::Filling)].insert(epoch);
                            }
                        }
                    }
                }
            }
        }
    }

    /// Tells the source what is wanted now, as far as there is room to measure it.
    fn request(&mut self, schedule: &dyn Schedule) {
        let first_wanted = self.wanted.keys().next().copied();
        let earliest = if self.done { u64::MAX } else { schedule.earliest() };
        let mut list = self.requests.list();
        list.earliest = first_wanted.unwrap_or(u64::MAX).min(earliest);
        // A schedule that waits, with nothing under way, waits for the end.
        list.to_the_end = self.wanted.is_empty() && self.in_flight == 0 && self.last.is_none();
        let room = self.measuring.in_flight.max(1);
        // What fills sections first: their networks are kept until it is done, and are trained again if they cannot be.
        while self.requested + self.in_flight < room {
            let [filling, others] = &mut self.untold;
            let Some(epoch) = filling.pop_first().or_else(|| others.pop_first()) else { break };
            let Some((_, told)) = self.wanted.get_mut(&epoch) else { continue };
            *told = true;
            self.requested += 1;
            list.wanted.push(epoch);
        }
        drop(list);
        self.requests.changed.store(true, Ordering::Release);
    }

    /// Gives the source its next turn, if there is anything for it to do.
    fn set_to_work(&mut self, pools: &Pools<'_, 's>) {
        let Some(source) = self.source.take() else { return };
        let nothing_requested = {
            let list = self.requests.list();
            source.release_before(list.earliest);
            list.wanted.is_empty() && !list.to_the_end
        };
        if nothing_requested && !source.has_room() {
            self.source = Some(source);
            return;
        }
        let (sender, requests) = (self.sender.clone(), self.requests);
        let interrupted = self.measuring.interrupted;
        // Beside others that measure there is no need to stop for them.
        let long = self.measuring.workers.apart.is_none().then_some(TURN);
        spawn(pools.training, sender, move |sender| {
            // One that is stopped in the middle of an epoch is back at the end of the one before.
            let result = interrupt::catch(|| source_task(source, requests, long, interrupted, sender));
            let result = result.unwrap_or(Err(SnapshotError::Interrupted));
            // The coordinator outlives its tasks: the scope waits for them.
            let _ = sender.send(Event::Returned(source, result));
        });
    }

    /// Begins to measure a snapshot.
    fn begin(&mut self, pools: &Pools<'_, 's>, epoch: u64, snapshot: Snapshot<S::Network>) {
        let Some((reason, _)) = self.wanted.remove(&epoch) else { return };
        self.requested -= 1;
        self.in_flight += 1;
        let (measuring, spare, sender) = (self.measuring, self.spare, self.sender.clone());
        let training = self.source.is_none() && self.last.is_none();
        spawn(if training { pools.beside } else { pools.all }, sender, move |sender| {
            let measured = interrupt::catch(|| measured(measuring, spare, (epoch, reason), snapshot.network));
            let _ = sender.send(match measured {
                Ok(measurement) => match too_long(&measurement.rows) {
                    Some(reason) => Event::TooLong(reason),
                    None => Event::Measured(measurement),
                },
                Err(Interrupted) => Event::Dropped,
            });
        });
    }
}

/// What would take how long, if that is why values are not there.
pub(crate) fn too_long(rows: &[PlaneRow]) -> Option<String> {
    rows.iter().find_map(|row| row.missing.as_ref()?.too_long()).map(str::to_string)
}

/// Measures the network of an epoch.
fn measured<N: Observe>(
    measuring: &Measuring<'_>,
    spare: &Mutex<Vec<Activations>>,
    (epoch, reason): (u64, Reason),
    network: N,
) -> Measurement {
    // Those that waited for a thread are dropped too.
    interrupt::poll();
    let start = Instant::now();
    let lock = || spare.lock().unwrap_or_else(PoisonError::into_inner);
    let used = lock().pop();
    let mut activations = used.unwrap_or(Activations { layers: Vec::new() });
    let (mut rows, mut quantities) = (Vec::new(), Vec::new());
    // The last part takes the network itself, so that one part alone needs no copy.
    let networks = std::iter::repeat_n(network, measuring.parts.len());
    for (network, part) in networks.zip(measuring.parts) {
        let &MeasuredPart { subject, estimators, quantities: asked } = part;
        network.observe(subject.inputs, &mut activations);
        let (seed, Subject { x, y, .. }) = (measuring.seed, subject);
        let layers = sources(&activations);
        rows.append(&mut measure_layers(seed, epoch, &layers, x, y, estimators));
        let of_part = measure_quantities(seed, epoch, &layers, y, estimators, asked);
        quantities.extend(of_part);
    }
    // Layer by layer, as the tables of a run have them; within a layer the order stays.
    rows.sort_by_key(|row| row.layer);
    quantities.sort_by_key(|row| row.layer);
    // Where the epoch was dropped this memory is gone with it, half filled as it is.
    lock().push(activations);
    Measurement { epoch, reason, rows, quantities, thread_time: start.elapsed() }
}

/// Spawns a task; if it panics its coordinator is told, which would wait for ever.
fn spawn<'s, S: Snapshots + 's>(
    pool: &ScopeFifo<'s>,
    sender: Sender<Event<'s, S>>,
    task: impl FnOnce(&Sender<Event<'s, S>>) + Send + 's,
) {
    pool.spawn_fifo(move |_| {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| task(&sender))) {
            let _ = sender.send(Event::Panicked(panic));
        }
    });
}

/// The witness is told after so many epochs.
const WITNESSES: u32 = 64;

/// Tells of the witness what is not told yet.
fn tell_witnesses<S: Snapshots>(source: &mut S, sender: &Sender<Event<'_, S>>) {
    let witnesses = source.take_witnesses();
    if !witnesses.is_empty() {
        let _ = sender.send(Event::Witnesses(witnesses));
    }
}

/// One turn of the source: hands out what is wanted as soon as it has it, and goes forward in between, as long as there is
/// something to do or for so long.
fn source_task<S: Snapshots>(
    source: &mut S,
    requests: &Requests,
    long: Option<Duration>,
    interrupted: &(dyn Fn() -> bool + Sync),
    sender: &Sender<Event<'_, S>>,
) -> Result<(), SnapshotError> {
    let start = Instant::now();
    let mut wanted: Vec<u64> = Vec::new();
    let mut to_the_end = false;
    let mut since_told = 0;
    requests.changed.store(true, Ordering::Release);
    loop {
        // Looked at after every epoch: nearly always there is nothing new.
        if requests.changed.swap(false, Ordering::AcqRel) {
            let list = requests.list();
            source.release_before(list.earliest);
            wanted.clone_from(&list.wanted);
            to_the_end = list.to_the_end;
        }
        let last = source.last();
        let there = source.reached().min(last.unwrap_or(u64::MAX));
        if let Some(&epoch) = wanted.iter().find(|&&epoch| epoch <= there) {
            wanted.retain(|&other| other != epoch);
            requests.list().wanted.retain(|&other| other != epoch);
            let snapshot = source.load(epoch)?;
            tell_witnesses(source, sender);
            let _ = sender.send(Event::Loaded(epoch, snapshot));
        } else if last.is_some() || (wanted.is_empty() && !to_the_end && !source.has_room()) {
            return Ok(());
        } else {
            source.advance()?;
            // In batches: nearly always there is nothing to measure.
            since_told += 1;
            if since_told >= WITNESSES {
                since_told = 0;
                tell_witnesses(source, sender);
            }
        }
        if interrupted() {
            return Err(SnapshotError::Interrupted);
        }
        if requests.over.load(Ordering::Acquire) {
            return Ok(());
        }
        if long.is_some_and(|long| start.elapsed() >= long) {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;
    use crate::estimator::{AnyEstimator, Kde, LayerRange, Noise};
    use crate::network::Initialization;
    use crate::schedule::ScheduleConfig;
    use crate::{Labels, Network, Nonlinearity};

    /// A training that never ends and keeps everything.
    struct Endless {
        reached: u64,
        at: fn(u64) -> Result<(), SnapshotError>,
    }

    impl Snapshots for Endless {
        type Network = Network;

        fn load(&mut self, epoch: u64) -> Result<Snapshot, SnapshotError> {
            let kinds = [Nonlinearity::Tanh];
            let network = Network::initialized(&[3, 2], &kinds, &Initialization::default(), epoch);
            Ok(Snapshot { epoch, network: network.expect("widths and nonlinearities fit") })
        }

        fn last(&self) -> Option<u64> {
            None
        }

        fn reached(&self) -> u64 {
            self.reached
        }

        fn has_room(&self) -> bool {
            true
        }

        fn advance(&mut self) -> Result<(), SnapshotError> {
            self.reached += 1;
            (self.at)(self.reached)
        }
    }

    /// Measures every epoch of an endless training until `append` has had enough.
    fn endless(
        threads: usize,
        at: fn(u64) -> Result<(), SnapshotError>,
        append: impl FnMut(u64) -> Result<(), &'static str>,
    ) -> Result<(), MeasureError<&'static str>> {
        measured_with(Kde { noise_variances: vec![0.1] }.into(), threads, at, append)
    }

    /// The same by any estimator.
    fn measured_with(
        estimator: AnyEstimator,
        threads: usize,
        at: fn(u64) -> Result<(), SnapshotError>,
        mut append: impl FnMut(u64) -> Result<(), &'static str>,
    ) -> Result<(), MeasureError<&'static str>> {
        let inputs = Array2::from_shape_fn((20, 3), |(row, column)| ((row * 7 + column * 3) % 11) as f32);
        let (x, y) = (Labels::distinct(20), Labels::from_symbols(&[0, 1].repeat(10)));
        let estimators = [LayerEstimators::new(&[estimator], &LayerRange::default())];
        let workers = Workers::new(threads).unwrap();
        let measuring = Measuring {
            seed: 0,
            parts: &[MeasuredPart {
                subject: Subject { inputs: inputs.view(), x: &x, y: &y },
                estimators: &estimators,
                quantities: &[],
            }],
            known: &|_| None,
            workers: &workers,
            in_flight: 2,
            interrupted: &|| false,
        };
        let entropies = crate::plane::Entropies::of(&x, &y);
        let mut schedule =
            ScheduleConfig::Every { interval: 1, witness: None }.schedule(1_000_000, entropies).unwrap();
        let mut source = Endless { reached: 0, at };
        measure(&measuring, &mut *schedule, &mut source, |measured| append(measured.epoch))
    }

    #[test]
    fn when_rows_cannot_be_kept_the_training_stops_too() {
        for threads in [1, 2, 4] {
            let mut kept = 0;
            let result = endless(
                threads,
                |_| Ok(()),
                |_| {
                    kept += 1;
                    if kept < 5 { Ok(()) } else { Err("no room") }
                },
            );
            assert!(matches!(result, Err(MeasureError::Append("no room"))), "{result:?}");
            // That it comes back is the point: the training would go on for ever.
        }
    }

    #[test]
    fn when_the_training_cannot_go_on_that_is_told_and_nothing_beyond_is_measured() {
        for threads in [1, 2, 4] {
            let mut kept = Vec::new();
            let at = |epoch| if epoch < 9 { Ok(()) } else { Err(SnapshotError::Interrupted) };
            let result = endless(threads, at, |epoch| {
                kept.push(epoch);
                Ok(())
            });
            assert!(matches!(result, Err(MeasureError::Snapshot(SnapshotError::Interrupted))), "{result:?}");
            assert!(kept.iter().all(|&epoch| epoch < 9), "{kept:?}");
        }
    }

    #[test]
    fn an_epoch_in_progress_is_dropped_when_the_workers_are_stopped() {
        static REACHED: AtomicBool = AtomicBool::new(false);
        // More draws than anybody waits for.
        let noise = Noise { draws: Some(1 << 20), ..Noise::new([0.1]) };
        for threads in [1, 3] {
            REACHED.store(false, Ordering::Relaxed);
            let at = |_| {
                REACHED.store(true, Ordering::Relaxed);
                Ok(())
            };
            let mut kept = 0;
            let measured = || {
                measured_with(noise.clone().into(), threads, at, |_| {
                    kept += 1;
                    Ok(())
                })
            };
            let result = interrupt::watched(&|| REACHED.load(Ordering::Relaxed), measured);
            assert!(
                matches!(result, Ok(Err(MeasureError::Snapshot(SnapshotError::Interrupted)))),
                "{result:?}"
            );
            assert_eq!(kept, 0);
        }
    }

    #[test]
    fn a_panic_is_passed_on_and_nobody_waits() {
        for threads in [1, 3] {
            let at = |epoch| if epoch < 5 { Ok(()) } else { panic!("a mistake in the program") };
            let panicked = catch_unwind(AssertUnwindSafe(|| endless(threads, at, |_| Ok(()))));
            assert!(panicked.is_err());
        }
    }
}
