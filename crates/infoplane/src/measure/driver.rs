//! The driver: ask, load, activate, estimate, tell, append.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use rayon::{ScopeFifo, ThreadPool};

use super::{LayerEstimators, Subject, measure_activations};
use crate::schedule::{Ask, Reason, Schedule, Wanted};
use crate::snapshot::SnapshotError;
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
}

/// What the epochs of one training are measured with, and on what.
pub struct Measuring<'a> {
    /// The seed that the rows name.
    pub seed: u64,
    /// The inputs, and what is known of them.
    pub subject: Subject<'a>,
    /// Those of each layer.
    pub estimators: &'a [LayerEstimators],
    /// Rows that an earlier, interrupted run left: they are told to the schedule, and are neither measured nor
    /// appended again.
    pub known: &'a BTreeMap<u64, Vec<PlaneRow>>,
    /// Where everything is computed: training, retraining and measuring share its threads.
    pub pool: &'a ThreadPool,
    /// How many epochs may be held at once for measuring, each with the activations of all layers; at least 1.
    pub in_flight: usize,
    /// Asked before anything new is begun; once it says true, nothing is.
    pub interrupted: &'a (dyn Fn() -> bool + Sync),
}

/// For so long the source works before it looks at what else is wanted.
const TURN: Duration = Duration::from_millis(2);

/// Measures the epochs that a schedule asks for, until it is done.
///
/// Three things go on at once on the threads of one pool: the source trains ahead as far as it has room, epochs that it
/// has are retrained or loaded, and up to `in_flight` epochs are measured, each on as many threads as are free. So
/// measurements reach `append` and the schedule in whatever order they are done; which epochs are measured, and
/// every value, does not depend on it, nor on the number of threads.
///
/// # Errors
/// [`MeasureError`] when the source cannot go on ([`SnapshotError::Interrupted`] once `interrupted`) or `append`
/// fails. What was being measured then is finished, and appended if that is possible.
pub fn measure<'a, S: Snapshots, E: Send>(
    measuring: &'a Measuring<'a>,
    schedule: &mut dyn Schedule,
    snapshots: &mut S,
    mut append: impl FnMut(Measurement) -> Result<(), E>,
) -> Result<(), MeasureError<E>> {
    // Memory for activations goes round: fresh memory costs as much as filling it.
    let spare: Mutex<Vec<Activations>> = Mutex::new(Vec::new());
    measuring.pool.in_place_scope_fifo(|scope| {
        let (sender, events) = channel();
        let mut desk = Desk {
            measuring,
            spare: &spare,
            sender,
            events,
            source: Some(snapshots),
            wanted: BTreeMap::new(),
            in_flight: 0,
            last: None,
            done: false,
        };
        let result = desk.run(scope, schedule, &mut append);
        if result.is_err() {
            // What is begun is finished; if nothing can be kept any more, that has been said already.
            desk.finish(&mut append);
        }
        result
    })
}

/// What one training's tasks tell the thread that coordinates them.
enum Event<'s, S> {
    /// A snapshot to be measured.
    Loaded(u64, Snapshot),
    /// The source is free again.
    Returned(&'s mut S, Result<(), SnapshotError>),
    /// An epoch is measured.
    Measured(Measurement),
}

/// The coordinating thread's view: what is wanted, what goes on.
struct Desk<'a, 's, S> {
    measuring: &'a Measuring<'a>,
    spare: &'s Mutex<Vec<Activations>>,
    sender: Sender<Event<'s, S>>,
    events: Receiver<Event<'s, S>>,
    /// The source, while no task has it.
    source: Option<&'s mut S>,
    /// Asked for by the schedule and not loaded yet.
    wanted: BTreeMap<u64, Reason>,
    /// Loaded and not measured yet.
    in_flight: usize,
    last: Option<u64>,
    done: bool,
}

impl<'a: 's, 's, S: Snapshots> Desk<'a, 's, S> {
    fn run<E>(
        &mut self,
        scope: &ScopeFifo<'s>,
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
            self.set_to_work(scope, schedule);
            match self.next_event() {
                Event::Loaded(epoch, snapshot) => self.begin(scope, epoch, snapshot),
                Event::Returned(source, result) => {
                    self.source = Some(source);
                    result?;
                }
                Event::Measured(measurement) => {
                    self.in_flight -= 1;
                    schedule.tell(measurement.epoch, &measurement.rows);
                    append(measurement).map_err(MeasureError::Append)?;
                }
            }
        }
    }

    /// Waits for the tasks that were begun, and appends what they bring.
    fn finish<E>(&mut self, append: &mut impl FnMut(Measurement) -> Result<(), E>) {
        let mut good = true;
        while self.in_flight > 0 || self.source.is_none() {
            match self.next_event() {
                // Its rows would be good, but nobody waits for them any more.
                Event::Loaded(..) => {}
                Event::Returned(source, _) => self.source = Some(source),
                Event::Measured(measurement) => {
                    self.in_flight -= 1;
                    good = good && append(measurement).is_ok();
                }
            }
        }
    }

    fn next_event(&self) -> Event<'s, S> {
        self.events.recv().expect("the desk holds a sender itself")
    }

    /// Tells the schedule once where the training ended, and forgets what lies beyond.
    fn look_for_the_end(&mut self, schedule: &mut dyn Schedule) {
        if let (None, Some(source)) = (self.last, &self.source)
            && let Some(last) = source.last()
        {
            self.last = Some(last);
            let _ = self.wanted.split_off(&(last + 1));
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
                        match self.measuring.known.get(&epoch) {
                            Some(rows) => schedule.tell(epoch, rows),
                            None if self.last.is_some_and(|last| epoch > last) => {}
                            None => _ = self.wanted.insert(epoch, reason),
                        }
                    }
                }
            }
        }
    }

    /// Gives the source its next turn, if there is anything for it to do.
    fn set_to_work(&mut self, scope: &ScopeFifo<'s>, schedule: &dyn Schedule) {
        let Some(source) = self.source.take() else { return };
        let first_wanted = self.wanted.keys().next().copied();
        let earliest = if self.done { u64::MAX } else { schedule.earliest() };
        source.release_before(first_wanted.unwrap_or(u64::MAX).min(earliest));

        // The ends of sections first: what comes after them waits for them.
        let free = self.measuring.in_flight.max(1) - self.in_flight;
        let ahead = |reason: Reason| reason != Reason::Filling;
        let ends = self.wanted.iter().filter(|(_, reason)| ahead(**reason));
        let fillings = self.wanted.iter().filter(|(_, reason)| !ahead(**reason));
        let wanted: Vec<u64> = ends.chain(fillings).map(|(&epoch, _)| epoch).take(free).collect();
        // A schedule that waits, with nothing under way, waits for the end.
        let to_the_end = self.wanted.is_empty() && self.in_flight == 0 && self.last.is_none();
        if wanted.is_empty() && !to_the_end && !source.has_room() {
            self.source = Some(source);
            return;
        }
        let sender = self.sender.clone();
        let interrupted = self.measuring.interrupted;
        scope.spawn_fifo(move |_| {
            let result = turn(source, wanted, to_the_end, interrupted, &sender);
            // The desk outlives its tasks: the scope waits for them.
            let _ = sender.send(Event::Returned(source, result));
        });
    }

    /// Begins to measure a snapshot.
    fn begin(&mut self, scope: &ScopeFifo<'s>, epoch: u64, snapshot: Snapshot) {
        let Some(reason) = self.wanted.remove(&epoch) else { return };
        self.in_flight += 1;
        let (measuring, spare, sender) = (self.measuring, self.spare, self.sender.clone());
        scope.spawn_fifo(move |_| {
            let lock = || spare.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            let used = lock().pop();
            let mut activations = used.unwrap_or(Activations { layers: Vec::new() });
            let Measuring { seed, subject, estimators, .. } = *measuring;
            snapshot.network.activations_into(subject.inputs, &mut activations);
            let rows = measure_activations(seed, epoch, &activations, subject.x, subject.y, estimators);
            lock().push(activations);
            let _ = sender.send(Event::Measured(Measurement { epoch, reason, rows }));
        });
    }
}

/// One turn of the source: hands out what is wanted as soon as it has it, and goes forward in between.
fn turn<S: Snapshots>(
    source: &mut S,
    mut wanted: Vec<u64>,
    to_the_end: bool,
    interrupted: &(dyn Fn() -> bool + Sync),
    sender: &Sender<Event<'_, S>>,
) -> Result<(), SnapshotError> {
    let start = Instant::now();
    loop {
        let reached = source.reached();
        let last = source.last().unwrap_or(u64::MAX);
        if let Some(position) = wanted.iter().position(|&epoch| epoch <= reached.min(last)) {
            let epoch = wanted.remove(position);
            let snapshot = source.load(epoch)?;
            let _ = sender.send(Event::Loaded(epoch, snapshot));
        } else if last != u64::MAX || (wanted.is_empty() && !to_the_end && !source.has_room()) {
            return Ok(());
        } else {
            source.advance()?;
        }
        if interrupted() {
            return Err(SnapshotError::Interrupted);
        }
        if start.elapsed() >= TURN {
            return Ok(());
        }
    }
}
