//! A source of snapshots that trains forward and retrains earlier epochs.

use std::collections::VecDeque;

use super::{Keyframe, StopState, TrainError, Trainer, TrainingEnd};
use crate::network::Parameters;
use crate::network::kernels::Aligned;
use crate::snapshot::SnapshotError;
use crate::{Network, Snapshot, Snapshots};
use infoplane_estimators::interrupt;

/// The state of a trainer in one allocation: parameters, then moments, padded as the trainer holds them.
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

    /// Stores the state of `trainer`, reusing its memory.
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

    /// Returns the network in this state; `trainer` gives its shape.
    fn network(&self, trainer: &Trainer) -> Network {
        let shape = trainer.parameters.shape.clone();
        let mut values = Aligned::zeros(shape.len());
        values.copy_from_slice(&self.values[..shape.len()]);
        Parameters { shape, values }.to_network()
    }

    /// Returns the number of bytes of memory.
    fn size(&self) -> usize {
        size_of::<Packed>() + size_of_val(&self.values[..])
    }
}

/// States of a trainer at the multiples of a power of two, up to a maximum number.
#[derive(Debug)]
struct Store {
    /// In ascending order of their epochs, all of which are multiples of `spacing`.
    states: VecDeque<Packed>,
    capacity: usize,
    spacing: u64,
}

impl Store {
    /// Returns whether the state at `epoch` fits, or is not on the grid.
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

    /// Keeps the state of `trainer`, which passed an epoch again, if there is room and it belongs here.
    fn keep_again(&mut self, trainer: &Trainer) {
        if self.states.len() < self.capacity && trainer.epoch.is_multiple_of(self.spacing) {
            let place = self.states.partition_point(|state| state.epoch < trainer.epoch);
            if self.states.get(place).is_none_or(|state| state.epoch != trainer.epoch) {
                self.states.insert(place, Packed::of(trainer));
            }
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

/// Trains as far as requested, and provides earlier epochs by retraining from the nearest stored state.
///
/// The result does not depend on which states are stored: a retrained network has the same bits. The memory for states
/// affects only the cost. States are stored at the multiples of a spacing, at first every epoch; when an epoch is
/// requested and the memory is full, the spacing doubles and the states off the new grid are dropped. **Where states
/// are kept with spacing s, an epoch costs at most s − 1 epochs of training**; before the first of them, and without
/// any memory, all epochs from the start. [`Snapshots::release_before`] frees memory, after which the spacing of
/// later states may be smaller again.
///
/// Outside of the given memory it holds the training itself, its state one epoch before (a training that diverges goes
/// back to it), where it started, and, once something has been trained again, a second training without data
/// of its own. A state takes 4 bytes for each parameter and each of its moments, rows of weights padded to a multiple
/// of 16; keeping one is a copy of that.
///
/// `on_epoch` sees the trainer once at every epoch reached for the first time, in order, epoch 0 included, before
/// anything else is done with it: the place to record statistics and to write keyframes. Its error is returned
/// to the caller that requested the epoch; the epoch still counts as reached, and a later call continues there.
///
/// Where its thread is stopped ([`interrupt`]) in the middle of an epoch, it goes back to the end of the one before and returns
/// [`SnapshotError::Interrupted`].
///
/// ```
/// # use infoplane_train::{Labels, Network, Nonlinearity, Snapshots, network::Initialization};
/// # use infoplane_train::train::{Replay, TrainConfig, Trainer};
/// # let inputs = ndarray::array![[0.0f32, 0.0], [0.0, 1.0]];
/// # let kinds = [Nonlinearity::Tanh, Nonlinearity::Softmax];
/// # let network = Network::initialized(&[2, 3, 2], &kinds, &Initialization::default(), 1)?;
/// # let labels = Labels::distinct(2);
/// # let config = TrainConfig::default();
/// # let trainer = Trainer::new(&config, network, inputs.view(), &labels, &[0, 1], &[], 1)?;
/// let mut seen = Vec::new();
/// let mut replay = Replay::new(trainer, 0, |trainer| {
///     seen.push(trainer.epoch());
///     Ok(())
/// });
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
    /// Creates a source that continues from the current epoch of `trainer`, with `budget` bytes of memory for states.
    ///
    /// With a budget of 0, going forward costs nothing beyond training, and going back costs retraining
    /// from the start.
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

    /// Continues from `keyframe`; `trainer` is at epoch 0, which is kept for epochs before the keyframe's.
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

    /// Sets a function that looks for stored keyframes, usually on disk, before anything is retrained.
    ///
    /// `stored(after, at_most)` gives the latest keyframe whose epoch is greater than `after` and not greater than
    /// `at_most`, if there is one. A keyframe of another training run is skipped.
    pub fn with_stored(
        mut self,
        stored: impl FnMut(u64, u64) -> Option<Keyframe> + Send + 'a,
    ) -> Replay<'a, F> {
        self.stored = Some(Box::new(stored));
        self
    }

    /// Sets a function that is asked before every retrained epoch whether to stop; `on_epoch` is not called for these
    /// epochs.
    pub fn with_interrupt(mut self, interrupt: impl Fn() -> bool + Send + 'a) -> Replay<'a, F> {
        self.interrupt = Some(Box::new(interrupt));
        self
    }

    /// Returns the trainer at the latest epoch trained; after a divergence, at the epoch before it.
    pub fn trainer(&self) -> &Trainer {
        &self.front
    }

    /// Returns why and when training ended, once it has.
    pub fn ended(&self) -> Option<TrainingEnd> {
        self.ended.clone()
    }

    /// Returns the number of loads that needed retraining.
    pub fn replays(&self) -> u64 {
        self.replays
    }

    /// Returns the number of epochs that were retrained.
    pub fn replayed_epochs(&self) -> u64 {
        self.replayed_epochs
    }

    /// States are kept every so many epochs.
    pub fn spacing(&self) -> u64 {
        self.store.spacing
    }

    /// Returns the number of bytes of the budget in use.
    pub fn bytes(&self) -> usize {
        self.store.states.iter().map(Packed::size).sum()
    }

    /// Shows the epoch where the front started.
    fn begin(&mut self) -> Result<(), SnapshotError> {
        if std::mem::replace(&mut self.seen, true) { Ok(()) } else { (self.on_epoch)(&self.front) }
    }

    /// Trains one more epoch, unless training has ended.
    fn step(&mut self) -> Result<(), SnapshotError> {
        if self.ended.is_some() {
            return Ok(());
        }
        match &mut self.previous {
            Some(previous) => previous.take(&self.front),
            none => *none = Some(Packed::of(&self.front)),
        }
        let Ok(stepped) = interrupt::catch(|| self.front.step_epoch()) else {
            // In the middle of an epoch.
            self.previous.iter().for_each(|previous| previous.give(&mut self.front));
            return Err(SnapshotError::Interrupted);
        };
        if let Err(error) = stepped {
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

    /// Returns an independent trainer at `epoch`, to continue from there; the data are shared.
    ///
    /// # Errors
    /// As [`Snapshots::load`].
    pub fn training_at(&mut self, epoch: u64) -> Result<Trainer, SnapshotError> {
        self.reach(epoch)?;
        if epoch == self.front.epoch {
            return Ok(self.front.duplicate());
        }
        let mut training = self.front.duplicate();
        match self.state_before(epoch) {
            Some(state) => state.give(&mut training),
            None => {
                let at = self.starts.iter().map(|start| start.epoch).min().unwrap_or(self.front.epoch);
                return Err(SnapshotError::Passed { epoch, at });
            }
        }
        if training.epoch < epoch
            && let Some(stored) = &mut self.stored
            && let Some(keyframe) = stored(training.epoch, epoch)
            && (training.epoch + 1..=epoch).contains(&keyframe.epoch)
        {
            // One that does not fit leaves the trainer as it is, and more is trained again.
            let _ = training.restore(&keyframe);
        }
        self.replays += u64::from(training.epoch < epoch);
        while training.epoch < epoch {
            if self.interrupt.as_ref().is_some_and(|interrupt| interrupt()) {
                return Err(SnapshotError::Interrupted);
            }
            self.replayed_epochs += 1;
            // With a look at the rule that may end the training, unlike where only a network is wanted.
            interrupt::catch(|| training.step_epoch()).unwrap_or(Err(SnapshotError::Interrupted))?;
        }
        Ok(training)
    }

    /// Trains on up to `epoch`.
    fn reach(&mut self, epoch: u64) -> Result<(), SnapshotError> {
        self.begin()?;
        while self.front.epoch < epoch {
            if self.ended.is_some() {
                return Err(SnapshotError::Ended { epoch, last: self.front.epoch });
            }
            self.step()?;
        }
        Ok(())
    }

    /// Returns the latest state in memory that is not after `epoch`.
    fn state_before(&self, epoch: u64) -> Option<&Packed> {
        let states = self.store.states.iter().chain(&self.starts).chain(&self.previous);
        states.filter(|state| state.epoch <= epoch).max_by_key(|state| state.epoch)
    }

    /// Returns the network of an epoch before the front's.
    fn load_again(&mut self, epoch: u64) -> Result<Network, SnapshotError> {
        // Not through `state_before`: the second training is borrowed beside it.
        let states = self.store.states.iter().chain(&self.starts).chain(&self.previous);
        let nearest = states.filter(|state| state.epoch <= epoch).max_by_key(|state| state.epoch);
        if let Some(state) = nearest
            && state.epoch == epoch
        {
            return Ok(state.network(&self.front));
        }
        let again = self.again.get_or_insert_with(|| {
            let mut again = self.front.duplicate();
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
            let trained = interrupt::catch(|| again.train_epoch(false));
            if let Err(error) = trained.unwrap_or(Err(SnapshotError::Interrupted)) {
                // In the middle of an epoch; or from a keyframe that was not of this training.
                self.again = None;
                return Err(error);
            }
            self.store.keep_again(again);
        }
        Ok(again.network())
    }
}

impl<F: FnMut(&Trainer) -> Result<(), SnapshotError> + Send> Snapshots for Replay<'_, F> {
    type Network = Network;

    fn load(&mut self, epoch: u64) -> Result<Snapshot, SnapshotError> {
        self.reach(epoch)?;
        let network = if epoch == self.front.epoch { self.front.network() } else { self.load_again(epoch)? };
        Ok(Snapshot { epoch, network })
    }

    fn last(&self) -> Option<u64> {
        self.ended.as_ref().map(|_| self.front.epoch)
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::{bits, network, trainer};
    use super::super::{BatchSize, Loss, Statistic, StopRule, TrainConfig};
    use super::*;
    use crate::Nonlinearity::{Linear, Softmax, Tanh};

    const EPOCHS: u64 = 24;

    /// Returns a short training; `optimizer` runs through all of them, the rest through what changes a step.
    fn training(optimizer: usize, dropout: f32, schedule: usize, weight_decay: f32) -> Trainer {
        let kind = ["sgd", "momentum", "nesterov", "adam", "adamw"][optimizer];
        let schedule = [
            "kind = 'constant'",
            "kind = 'cosine', final_factor = 0.1",
            "kind = 'step', every = 5, factor = 0.5",
        ][schedule];
        let config: TrainConfig = toml::from_str(&format!(
            "epochs = {EPOCHS}\nbatch_size = 16\ndropout = {dropout:?}\nweight_decay = {weight_decay:?}\n\
             optimizer = {{ kind = '{kind}' }}\nlearning_rate_schedule = {{ {schedule} }}"
        ))
        .unwrap();
        let (inputs, labels) = bits(50, 4);
        trainer(&config, network(&[4, 3, 2], Tanh, Softmax, 1), &inputs, &labels)
    }

    /// Returns the networks of all epochs.
    fn truth(mut trainer: Trainer) -> Vec<Network> {
        let mut networks = vec![trainer.network()];
        while trainer.ended().is_none() {
            if trainer.step_epoch().is_ok() {
                networks.push(trainer.network());
            }
        }
        networks
    }

    fn silent(_: &Trainer) -> Result<(), SnapshotError> {
        Ok(())
    }

    /// Bytes for so many states of this training.
    fn states(trainer: &Trainer, n: usize) -> usize {
        n * Packed::of(trainer).size()
    }

    #[derive(Debug, Clone)]
    enum Action {
        Load(u64),
        TrainingAt(u64),
        Advance,
        AdvanceIfRoom,
        Release(u64),
    }

    fn action() -> impl Strategy<Value = Action> {
        prop_oneof![
            4 => (0..EPOCHS + 2).prop_map(Action::Load),
            1 => (0..EPOCHS).prop_map(Action::TrainingAt),
            1 => Just(Action::Advance),
            4 => Just(Action::AdvanceIfRoom),
            1 => (0..EPOCHS).prop_map(Action::Release),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(150))]

        #[test]
        fn any_epoch_in_any_order_has_the_same_bits(
            optimizer in 0..5usize,
            dropout in prop_oneof![Just(0.0f32), Just(0.25)],
            schedule in 0..3usize,
            weight_decay in prop_oneof![Just(0.0f32), Just(0.01)],
            n_states in prop_oneof![Just(0usize), Just(1), 2..8usize, Just(100)],
            from in prop::option::of(0..EPOCHS),
            on_disk in prop::option::of(1..9u64),
            actions in prop::collection::vec(action(), 1..40),
        ) {
            let training = || training(optimizer, dropout, schedule, weight_decay);
            let truth = truth(training());
            let mut keyframes = Vec::new();
            let mut walker = training();
            for _ in 0..EPOCHS {
                keyframes.push(walker.keyframe());
                walker.step_epoch().unwrap();
            }
            let (keyframes, budget) = (&keyframes, states(&walker, n_states));
            let mut seen = Vec::new();
            let see = |trainer: &Trainer| {
                seen.push(trainer.epoch());
                Ok(())
            };
            let mut replay = match from {
                Some(epoch) => Replay::resume(training(), &keyframes[epoch as usize], budget, see).unwrap(),
                None => Replay::new(training(), budget, see),
            };
            if let Some(interval) = on_disk {
                replay = replay.with_stored(move |after, at_most| {
                    let latest = at_most.min(EPOCHS - 1) / interval * interval;
                    (latest > after).then(|| keyframes[latest as usize].clone())
                });
            }
            for action in &actions {
                let (room, spacing, reached) = (replay.has_room(), replay.spacing(), replay.reached());
                match action {
                    Action::Load(epoch) => match (replay.load(*epoch), truth.get(*epoch as usize)) {
                        (Ok(snapshot), Some(network)) => {
                            prop_assert!(snapshot.epoch == *epoch && snapshot.network == *network);
                        }
                        (Err(error), None) => {
                            prop_assert_eq!(error, SnapshotError::Ended { epoch: *epoch, last: EPOCHS });
                        }
                        (got, _) => prop_assert!(false, "epoch {}: {:?}", epoch, got),
                    },
                    Action::TrainingAt(epoch) => {
                        let mut training = replay.training_at(*epoch).unwrap();
                        prop_assert!(training.epoch() == *epoch && training.network() == truth[*epoch as usize]);
                        training.step_epoch().unwrap();
                        prop_assert!(training.network() == truth[*epoch as usize + 1]);
                    }
                    Action::Advance => {
                        replay.advance().unwrap();
                        prop_assert_eq!(replay.reached(), (reached + 1).min(EPOCHS));
                    }
                    Action::AdvanceIfRoom if room => {
                        replay.advance().unwrap();
                        prop_assert_eq!(replay.spacing(), spacing, "nothing is thinned while there is room");
                    }
                    Action::AdvanceIfRoom => {}
                    Action::Release(epoch) => replay.release_before(*epoch),
                }
                prop_assert!(replay.bytes() <= budget);
                prop_assert_eq!(replay.last(), (replay.reached() == EPOCHS).then_some(EPOCHS));
                prop_assert_eq!(replay.ended().is_some(), replay.last().is_some());
            }
            let reached = replay.reached();
            drop(replay);
            let first = from.map_or(0, |from| from + 1);
            prop_assert!(seen.is_empty() || seen == (first..=reached).collect::<Vec<u64>>(), "{seen:?}");
        }

        #[test]
        fn a_load_costs_less_than_the_spacing(n_states in 1..9usize, released in 0..EPOCHS, epoch in 0..=EPOCHS) {
            let mut replay = Replay::new(training(0, 0.0, 0, 0.0), states(&training(0, 0.0, 0, 0.0), n_states), silent);
            replay.load(released).unwrap();
            let before = replay.spacing();
            replay.release_before(released);
            replay.load(EPOCHS).unwrap();
            let (epoch, spacing) = (epoch.max(released), replay.spacing());
            // Later states may have pushed out what lies before the first that is kept.
            let oldest = replay.store.states.front().map_or(0, |state| state.epoch);
            replay.load(epoch).unwrap();
            let cost = replay.replayed_epochs();
            prop_assert!(epoch < oldest || cost < spacing.max(before), "{cost} at {spacing} after {before}");
            prop_assert!(spacing as usize * n_states < 4 * EPOCHS as usize);
        }
    }

    #[test]
    fn a_training_taken_from_the_middle_ends_where_the_whole_one_does() {
        let config = TrainConfig {
            epochs: 200,
            stop: Some(StopRule {
                statistic: Statistic::TrainLoss,
                target: None,
                patience: Some(3),
                interval: 1,
            }),
            // After five epochs nothing moves any more: what was best then has to be remembered.
            ..toml::from_str(
                "batch_size = 16\noptimizer = { kind = 'sgd', learning_rate = 0.1 }\n\
                 learning_rate_schedule = { kind = 'step', every = 5, factor = 1e-30 }",
            )
            .unwrap()
        };
        let (inputs, labels) = bits(50, 4);
        let trainer = trainer(&config, network(&[4, 3, 2], Tanh, Softmax, 1), &inputs, &labels);
        let mut replay = Replay::new(trainer, 0, silent);
        let Err(SnapshotError::Ended { last, .. }) = replay.load(200) else { panic!("it goes on") };
        let ended = replay.ended();
        let mut training = replay.training_at(last - 2).unwrap();
        assert_eq!(training.ended(), None);
        training.step_epoch().unwrap();
        assert_eq!(training.ended(), None);
        training.step_epoch().unwrap();
        assert_eq!(training.ended(), ended);
        assert_eq!(training.network(), replay.load(last).unwrap().network);
        assert_eq!(replay.training_at(last).unwrap().ended(), ended);
    }

    #[test]
    fn ascending_loads_with_no_memory_cost_nothing() {
        let mut replay = Replay::new(training(3, 0.1, 0, 0.0), 0, silent);
        for epoch in [0, 1, 2, 4, 8, 9, 16, 16, EPOCHS] {
            assert!(!replay.has_room());
            assert_eq!(replay.load(epoch).unwrap().epoch, epoch);
        }
        assert_eq!((replay.replays(), replay.replayed_epochs(), replay.bytes()), (0, 0, 0));
        assert!(replay.again.is_none());
        // One epoch back is at hand; two are trained again from the start.
        replay.load(EPOCHS - 1).unwrap();
        assert_eq!(replay.replays(), 0);
        replay.load(EPOCHS - 2).unwrap();
        assert_eq!((replay.replays(), replay.replayed_epochs()), (1, EPOCHS - 2));
    }

    #[test]
    fn with_memory_for_all_nothing_is_trained_twice() {
        let mut replay = Replay::new(training(3, 0.0, 0, 0.0), usize::MAX, silent);
        while replay.last().is_none() {
            assert!(replay.has_room());
            replay.advance().unwrap();
        }
        for epoch in (0..=EPOCHS).rev() {
            replay.load(epoch).unwrap();
        }
        assert_eq!((replay.replayed_epochs(), replay.spacing()), (0, 1));
        assert!(!replay.has_room());
    }

    #[test]
    fn released_memory_is_filled_again_and_the_spacing_shrinks() {
        let training = training(3, 0.0, 0, 0.0);
        let mut replay = Replay::new(training.duplicate(), states(&training, 4), silent);
        replay.load(10).unwrap();
        assert_eq!(replay.spacing(), 4);
        assert_eq!(replay.bytes(), states(&training, 2));
        replay.release_before(10);
        assert_eq!(replay.spacing(), 1);
        // The state of epoch 8 is what epoch 10 is trained from.
        assert_eq!(replay.bytes(), states(&training, 1));
        while replay.has_room() {
            replay.advance().unwrap();
        }
        assert_eq!(replay.reached(), 13);
        replay.load(10).unwrap();
        assert_eq!(replay.replayed_epochs(), 2);
        replay.load(12).unwrap();
        assert_eq!(replay.replayed_epochs(), 2);
    }

    #[test]
    fn a_training_that_diverges_ends_one_epoch_before() {
        let (inputs, labels) = bits(50, 4);
        let config: TrainConfig =
            toml::from_str("optimizer = { kind = 'sgd', learning_rate = 10.0 }").unwrap();
        let config = TrainConfig { loss: Loss::SquaredError, batch_size: BatchSize::Samples(16), ..config };
        let training = || trainer(&config, network(&[4, 3, 2], Linear, Linear, 1), &inputs, &labels);
        let truth = truth(training());
        let last = truth.len() as u64 - 1;
        assert!((1..900).contains(&last), "{last}");
        for (n_states, beyond) in [(0, 1), (0, 2), (1, 1), (2, 1), (1000, 5)] {
            let mut seen = Vec::new();
            let mut replay = Replay::new(training(), states(&training(), n_states), |trainer| {
                seen.push(trainer.epoch());
                Ok(())
            });
            let epoch = last + beyond;
            assert_eq!(replay.load(epoch), Err(SnapshotError::Ended { epoch, last }));
            assert_eq!((replay.last(), replay.reached()), (Some(last), last));
            assert!(matches!(replay.ended(), Some(TrainingEnd::Diverged { epoch, .. }) if epoch == last + 1));
            replay.advance().unwrap();
            assert_eq!(replay.load(last).unwrap().network, truth[last as usize]);
            assert_eq!(replay.replayed_epochs(), 0);
            for epoch in 0..=last {
                assert_eq!(replay.load(epoch).unwrap().network, truth[epoch as usize]);
            }
            drop(replay);
            assert_eq!(seen, (0..=last).collect::<Vec<u64>>());
        }
    }

    #[test]
    fn a_rule_ends_the_source_and_replays_do_not_move_its_end() {
        let (inputs, labels) = bits(50, 4);
        let rule =
            StopRule { statistic: Statistic::TrainLoss, target: Some(0.3), patience: None, interval: 2 };
        let config: TrainConfig =
            toml::from_str("optimizer = { kind = 'adam', learning_rate = 0.02 }").unwrap();
        let config = TrainConfig { stop: Some(rule), batch_size: BatchSize::Samples(16), ..config };
        let training = || trainer(&config, network(&[4, 3, 2], Tanh, Softmax, 1), &inputs, &labels);
        let mut plain = training();
        let mut keyframes = Vec::new();
        while plain.ended().is_none() {
            keyframes.push(plain.keyframe());
            plain.step_epoch().unwrap();
        }
        let last = plain.epoch();
        assert!((4..999).contains(&last) && last.is_multiple_of(2), "{last}");
        for keyframe in &keyframes {
            let mut replay = Replay::resume(training(), keyframe, 0, silent).unwrap();
            replay.load(keyframe.epoch / 2).unwrap();
            assert_eq!(replay.load(2000), Err(SnapshotError::Ended { epoch: 2000, last }));
            assert_eq!((replay.ended(), replay.last()), (plain.ended(), Some(last)));
            assert_eq!(replay.load(last).unwrap().network, plain.network());
        }
    }

    #[test]
    fn an_interruption_leaves_a_source_that_goes_on() {
        let truth = truth(training(3, 0.1, 0, 0.0));
        let mut calls = 0;
        let mut replay = Replay::new(training(3, 0.1, 0, 0.0), 0, |_: &Trainer| {
            calls += 1;
            // Every third epoch, the first one included.
            if calls % 3 == 1 { Err(SnapshotError::Interrupted) } else { Ok(()) }
        });
        assert_eq!(replay.load(5), Err(SnapshotError::Interrupted));
        assert_eq!(replay.reached(), 0);
        assert_eq!(replay.load(5), Err(SnapshotError::Interrupted));
        assert_eq!(replay.reached(), 3);
        assert_eq!(replay.load(5).unwrap().network, truth[5]);
        assert_eq!(replay.advance(), Err(SnapshotError::Interrupted));
        assert_eq!(replay.load(6).unwrap().network, truth[6]);
        assert_eq!(replay.load(2).unwrap().network, truth[2]);
    }

    #[test]
    fn an_interrupted_replay_goes_on_where_it_was() {
        let truth = truth(training(3, 0.1, 0, 0.0));
        let asked = std::sync::atomic::AtomicU64::new(0);
        let mut replay = Replay::new(training(3, 0.1, 0, 0.0), 0, silent)
            .with_interrupt(|| asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 4);
        replay.load(20).unwrap();
        assert_eq!(replay.load(10), Err(SnapshotError::Interrupted));
        assert_eq!(replay.replayed_epochs(), 4);
        assert_eq!(replay.load(10).unwrap().network, truth[10]);
        assert_eq!(replay.replayed_epochs(), 10);
    }

    #[test]
    fn a_keyframe_that_does_not_fit_says_why() {
        let refused = |change: &dyn Fn(&mut Keyframe), words: &str| {
            let mut training = training(3, 0.0, 0, 0.0);
            training.step_epoch().unwrap();
            let (mut keyframe, before) = (training.keyframe(), training.keyframe());
            change(&mut keyframe);
            let error = training.restore(&keyframe).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
            assert_eq!(training.keyframe(), before);
        };
        let other = network(&[4, 6, 2], Tanh, Softmax, 1);
        refused(&|keyframe| keyframe.seed = 3, "seed 3, and this training has seed 17");
        refused(
            &|keyframe| keyframe.network = other.clone(),
            "4-6 Tanh-2 Softmax, and those of this network 4-3 Tanh",
        );
        refused(&|keyframe| keyframe.moments[1] = other.clone(), "4-6 Tanh");
        refused(&|keyframe| keyframe.moments.truncate(1), "1 moments");
        refused(&|keyframe| keyframe.training ^= 1, "other settings");
        refused(&|keyframe| keyframe.stop = Some(StopState::default()), "other settings");
    }

    #[test]
    fn what_is_trained_again_is_kept_where_there_is_room() {
        let mut start = training(3, 0.0, 0, 0.0);
        (0..20).for_each(|_| start.step_epoch().unwrap());
        let (fresh, keyframe) = (training(3, 0.0, 0, 0.0), start.keyframe());
        let budget = states(&fresh, 40);
        let mut replay = Replay::resume(fresh, &keyframe, budget, silent).unwrap();
        replay.load(16).unwrap();
        for epoch in [8, 4, 12, 10, 2, 15, 16] {
            replay.load(epoch).unwrap();
        }
        assert_eq!((replay.replays(), replay.replayed_epochs()), (1, 16));
    }

    #[test]
    fn a_stored_keyframe_of_another_training_is_passed_over() {
        let truth = truth(training(3, 0.0, 0, 0.0));
        let mut other = training(0, 0.0, 0, 0.0);
        (0..7).for_each(|_| other.step_epoch().unwrap());
        let keyframe = other.keyframe();
        let mut replay =
            Replay::new(training(3, 0.0, 0, 0.0), 0, silent).with_stored(|_, _| Some(keyframe.clone()));
        replay.load(12).unwrap();
        assert_eq!(replay.load(9).unwrap().network, truth[9]);
        assert_eq!(replay.replayed_epochs(), 9);
    }
}
