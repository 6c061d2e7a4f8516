//! A source of snapshots that trains on, and trains again.

use std::collections::VecDeque;

use super::{Keyframe, StopState, TrainError, Trainer, TrainingEnd};
use crate::network::Parameters;
use crate::network::kernels::Aligned;
use crate::snapshot::SnapshotError;
use crate::{Network, Snapshot, Snapshots};

/// The state of a training in one piece: parameters, then moments, padded as the trainer holds them.
///
/// An allocation and a copy of a few kilobytes for a small network, where a [`Keyframe`] needs two per layer.
#[derive(Debug, Clone)]
struct Packed {
    epoch: u64,
    steps: u64,
    stop: Option<StopState>,
    values: Vec<f32>,
}

impl Packed {
    fn of(trainer: &Trainer) -> Packed {
        let len = trainer.parameters.values.len() + trainer.moments.iter().map(|m| m.len()).sum::<usize>();
        let mut packed = Packed { epoch: 0, steps: 0, stop: None, values: Vec::with_capacity(len) };
        packed.take(trainer);
        packed
    }

    /// Holds the state of `trainer` from now on, in the memory it has.
    fn take(&mut self, trainer: &Trainer) {
        (self.epoch, self.steps, self.stop) = (trainer.epoch, trainer.steps, trainer.stop);
        self.values.clear();
        self.values.extend_from_slice(&trainer.parameters.values);
        for moment in &trainer.moments {
            self.values.extend_from_slice(moment);
        }
    }

    /// Sets `trainer` back to this state.
    fn give(&self, trainer: &mut Trainer) {
        let (parameters, mut rest) = self.values.split_at(trainer.parameters.values.len());
        trainer.parameters.values.copy_from_slice(parameters);
        for moment in &mut trainer.moments {
            let (values, after) = rest.split_at(moment.len());
            moment.copy_from_slice(values);
            rest = after;
        }
        (trainer.epoch, trainer.steps, trainer.stop) = (self.epoch, self.steps, self.stop);
        trainer.recorded = None;
        trainer.diverged = None;
    }

    /// The network in this state of a training like `trainer`.
    fn network(&self, trainer: &Trainer) -> Network {
        let shape = trainer.parameters.shape.clone();
        let mut values = Aligned::zeros(shape.len());
        values.copy_from_slice(&self.values[..shape.len()]);
        Parameters { shape, values }.to_network()
    }

    /// Bytes of memory.
    fn size(&self) -> usize {
        size_of::<Packed>() + size_of_val(&self.values[..])
    }
}

/// States of a training at the multiples of a power of two, at most so many.
#[derive(Debug)]
struct Store {
    /// In ascending order of their epochs, all of which are multiples of `spacing`.
    states: VecDeque<Packed>,
    capacity: usize,
    spacing: u64,
}

impl Store {
    /// Whether the state at `epoch` fits, or does not belong here.
    fn has_room(&self, epoch: u64) -> bool {
        self.states.len() < self.capacity || !epoch.is_multiple_of(self.spacing)
    }

    /// Keeps the state of `trainer`, later than all others, if it stands at a multiple of the spacing; makes room by
    /// doubling the spacing.
    fn keep(&mut self, trainer: &Trainer) {
        if self.capacity == 0 {
            return;
        }
        while !self.has_room(trainer.epoch) {
            // Ends: at the latest when the spacing exceeds the epoch, which then does not belong here.
            self.spacing *= 2;
            self.states.retain(|state| state.epoch.is_multiple_of(self.spacing));
        }
        if trainer.epoch.is_multiple_of(self.spacing) {
            self.states.push_back(Packed::of(trainer));
        }
    }

    /// Drops what is not needed for `epoch` and later ones, and lets the spacing shrink again to what fills half of
    /// the memory with the epochs from there to `reached`; the other half is for those to come.
    fn release_before(&mut self, epoch: u64, reached: u64) {
        while self.states.get(1).is_some_and(|next| next.epoch <= epoch) {
            self.states.pop_front();
        }
        if self.capacity > 0 {
            let span = reached.saturating_sub(epoch).saturating_mul(2);
            let wanted = span.div_ceil(self.capacity as u64).max(1).checked_next_power_of_two();
            self.spacing = wanted.map_or(self.spacing, |wanted| wanted.min(self.spacing));
        }
    }
}

/// Looks for a keyframe later than its first argument and not later than its second, as late as there is.
type Stored<'a> = Box<dyn FnMut(u64, u64) -> Option<Keyframe> + Send + 'a>;

/// Trains as far as it is asked, and gives any epoch before by training again from the nearest state it kept.
///
/// What it gives does not depend on what it kept: a network trained again has the same bits. The memory for states
/// decides the cost alone. States are kept at the multiples of a spacing, at first every epoch; when a training that
/// somebody waits for finds the memory full, the spacing doubles and the states off the new grid go. **With spacing s
/// an epoch within the kept range costs at most s − 1 epochs of training**; without any memory, all epochs from the
/// start. [`Snapshots::release_before`] makes room, after which the spacing may shrink.
///
/// Outside of the given memory it holds the training itself, its state one epoch before (a training that diverges goes
/// back to it), where it started, and, once something has been trained again, a second training without data
/// of its own. A state takes 4 bytes for each parameter and each of its moments, rows of weights padded to a multiple
/// of 16; keeping one is a copy of that.
///
/// `on_epoch` sees the trainer once at every epoch reached for the first time, in order, epoch 0 included, before
/// anything else is done with it: the place to record statistics and to write keyframes. Its error is handed
/// to whoever asked for the epoch; the epoch counts as reached and seen all the same, and a later call goes on there.
///
/// ```
/// # use infoplane::{Labels, Network, Nonlinearity, Snapshots, network::Initialization};
/// # use infoplane::train::{Replay, TrainConfig, Trainer};
/// # let inputs = ndarray::array![[0.0f32, 0.0], [0.0, 1.0]];
/// # let kinds = [Nonlinearity::Tanh, Nonlinearity::Softmax];
/// # let network = Network::initialized(&[2, 3, 2], &kinds, &Initialization::default(), 1)?;
/// # let labels = Labels::distinct(2);
/// # let config = TrainConfig::default();
/// # let trainer = Trainer::new(&config, network, inputs.view(), &labels, &[0, 1], &[], 1)?;
/// let mut seen = Vec::new();
/// let mut replay = Replay::new(trainer, 0, |trainer| Ok(seen.push(trainer.epoch())));
/// let third = replay.load(3)?;
/// assert_eq!(replay.load(5)?.epoch, 5);
/// assert_eq!(replay.load(3)?, third);
/// assert_eq!(replay.replayed_epochs(), 3);
/// drop(replay);
/// assert_eq!(seen, [0, 1, 2, 3, 4, 5]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Replay<'a, F> {
    front: Trainer,
    ended: Option<TrainingEnd>,
    /// Whether `on_epoch` has seen the epoch where the front started.
    seen: bool,
    on_epoch: F,
    /// The front one epoch before.
    previous: Option<Packed>,
    /// Where the front started: epoch 0, and the keyframe from which it went on.
    starts: Vec<Packed>,
    store: Store,
    /// The second training, which goes back.
    again: Option<Trainer>,
    stored: Option<Stored<'a>>,
    interrupt: Option<Box<dyn Fn() -> bool + Send + 'a>>,
    replays: u64,
    replayed_epochs: u64,
}

impl<'a, F: FnMut(&Trainer) -> Result<(), SnapshotError> + Send> Replay<'a, F> {
    /// Trains with `trainer` from where it stands, with `budget` bytes of memory for states.
    ///
    /// With a budget of 0 the source goes forward at no cost beyond the training, and back at the price of training
    /// again from the start.
    pub fn new(trainer: Trainer, budget: usize, on_epoch: F) -> Self {
        let start = Packed::of(&trainer);
        let capacity = budget / start.size();
        Replay {
            ended: trainer.ended(),
            front: trainer,
            seen: false,
            on_epoch,
            previous: None,
            starts: vec![start],
            store: Store { states: VecDeque::new(), capacity, spacing: 1 },
            again: None,
            stored: None,
            interrupt: None,
            replays: 0,
            replayed_epochs: 0,
        }
    }

    /// Goes on from `keyframe`; `trainer` stands at epoch 0, which is kept for epochs before the keyframe's.
    ///
    /// `on_epoch` has seen the keyframe's epoch before, and sees those after it.
    ///
    /// # Errors
    /// As [`Trainer::restore`].
    pub fn resume(
        trainer: Trainer,
        keyframe: &Keyframe,
        budget: usize,
        on_epoch: F,
    ) -> Result<Self, TrainError> {
        let mut replay = Replay::new(trainer, budget, on_epoch);
        replay.front.restore(keyframe)?;
        replay.starts.push(Packed::of(&replay.front));
        replay.ended = replay.front.ended();
        replay.seen = true;
        Ok(replay)
    }

    /// Lets it look for keyframes elsewhere, on disk as a rule, before it trains anything again.
    ///
    /// `stored(after, at_most)` gives the latest keyframe whose epoch is greater than `after` and not greater than
    /// `at_most`, if there is one. One that does not belong to this training is passed over.
    pub fn with_stored(
        mut self,
        stored: impl FnMut(u64, u64) -> Option<Keyframe> + Send + 'a,
    ) -> Replay<'a, F> {
        self.stored = Some(Box::new(stored));
        self
    }

    /// Asks `interrupt` before every epoch that is trained again whether to give up; `on_epoch` is not asked then.
    pub fn with_interrupt(mut self, interrupt: impl Fn() -> bool + Send + 'a) -> Replay<'a, F> {
        self.interrupt = Some(Box::new(interrupt));
        self
    }

    /// The training, as far as it has come. After a divergence it stands at the epoch before.
    pub fn trainer(&self) -> &Trainer {
        &self.front
    }

    /// Why and when the training ended, once it has.
    pub fn ended(&self) -> Option<TrainingEnd> {
        self.ended
    }

    /// How many loads needed training again.
    pub fn replays(&self) -> u64 {
        self.replays
    }

    /// How many epochs were trained again in all.
    pub fn replayed_epochs(&self) -> u64 {
        self.replayed_epochs
    }

    /// States are kept every so many epochs.
    pub fn spacing(&self) -> u64 {
        self.store.spacing
    }

    /// How many bytes of the budget are in use.
    pub fn bytes(&self) -> usize {
        self.store.states.iter().map(Packed::size).sum()
    }

    /// Shows the epoch where the front started.
    fn begin(&mut self) -> Result<(), SnapshotError> {
        if std::mem::replace(&mut self.seen, true) { Ok(()) } else { (self.on_epoch)(&self.front) }
    }

    /// One epoch on, unless the training has ended.
    fn step(&mut self) -> Result<(), SnapshotError> {
        if self.ended.is_some() {
            return Ok(());
        }
        match &mut self.previous {
            Some(previous) => previous.take(&self.front),
            none => *none = Some(Packed::of(&self.front)),
        }
        if let Err(error) = self.front.step_epoch() {
            let SnapshotError::Diverged { epoch, loss } = error else { return Err(error) };
            self.ended = Some(TrainingEnd::Diverged { epoch, loss });
            if let Some(previous) = self.previous.take() {
                previous.give(&mut self.front);
            }
            return Ok(());
        }
        self.ended = self.front.ended();
        self.store.keep(&self.front);
        (self.on_epoch)(&self.front)
    }

    /// The network of an epoch before the front's.
    fn load_again(&mut self, epoch: u64) -> Result<Network, SnapshotError> {
        let states = self.store.states.iter().chain(&self.starts).chain(&self.previous);
        let nearest = states.filter(|state| state.epoch <= epoch).max_by_key(|state| state.epoch);
        if let Some(state) = nearest
            && state.epoch == epoch
        {
            return Ok(state.network(&self.front));
        }
        let again = self.again.get_or_insert_with(|| {
            let mut again = self.front.twin();
            // It has no state of its own yet, and must not be taken for one.
            again.epoch = u64::MAX;
            again
        });
        match nearest {
            Some(state) if again.epoch < state.epoch || again.epoch > epoch => state.give(again),
            None if again.epoch > epoch => {
                let at = self.starts.iter().map(|start| start.epoch).min().unwrap_or(self.front.epoch);
                return Err(SnapshotError::Passed { epoch, at });
            }
            _ => {}
        }
        if again.epoch < epoch
            && let Some(stored) = &mut self.stored
            && let Some(keyframe) = stored(again.epoch, epoch)
            && (again.epoch + 1..=epoch).contains(&keyframe.epoch)
        {
            // One that does not fit leaves the trainer as it is, and more is trained again.
            let _ = again.restore(&keyframe);
        }
        self.replays += u64::from(again.epoch < epoch);
        while again.epoch < epoch {
            if self.interrupt.as_ref().is_some_and(|interrupt| interrupt()) {
                return Err(SnapshotError::Interrupted);
            }
            self.replayed_epochs += 1;
            if let Err(error) = again.train_epoch(false) {
                // Only from a keyframe that was not of this training.
                self.again = None;
                return Err(error);
            }
        }
        Ok(again.network())
    }
}

impl<F: FnMut(&Trainer) -> Result<(), SnapshotError> + Send> Snapshots for Replay<'_, F> {
    fn load(&mut self, epoch: u64) -> Result<Snapshot, SnapshotError> {
        self.begin()?;
        while self.front.epoch < epoch {
            if self.ended.is_some() {
                return Err(SnapshotError::Ended { epoch, last: self.front.epoch });
            }
            self.step()?;
        }
        let network = if epoch == self.front.epoch { self.front.network() } else { self.load_again(epoch)? };
        Ok(Snapshot { epoch, network })
    }

    fn last(&self) -> Option<u64> {
        self.ended.map(|_| self.front.epoch)
    }

    fn reached(&self) -> u64 {
        self.front.epoch
    }

    fn has_room(&self) -> bool {
        self.ended.is_none() && self.store.capacity > 0 && self.store.has_room(self.front.epoch + 1)
    }

    fn advance(&mut self) -> Result<(), SnapshotError> {
        self.begin()?;
        self.step()
    }

    fn release_before(&mut self, epoch: u64) {
        self.store.release_before(epoch, self.front.epoch);
    }
}
