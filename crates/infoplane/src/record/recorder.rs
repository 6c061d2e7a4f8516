//! Recording by a program that trains: it hands over activations as it has them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::{RecordError, Recording, SEED};
use crate::estimator::{AnyEstimator, Estimator, LayerRange};
use crate::measure::{
    LayerEstimators, LayerSource, measure_layers, measure_layers_with_target, measure_quantities, too_long,
};
use crate::plane::{Distance, PlaneRow};
use crate::quantity::{PreparedQuantity, QuantityRow};
use crate::run::{Disk, Manifest, Record, Recovered, Resumed, Run, RunDir, SeedOutcome};
use crate::schedule::{
    Ask, MeasuredEpoch, MeasuredRows, Reason, Schedule, ScheduleConfig, Wanted, WitnessConfig,
};
use crate::train::{EpochStats, TrainingEnd};
use crate::{Activations, Labels, Variable};

/// Measures the layers of a network that your own program trains, and writes a run directory.
///
/// Ask [`wants`](Recorder::wants) whether an epoch is to be measured, hand its activations over with
/// [`record`](Recorder::record), and call [`finish`](Recorder::finish) at the end. A schedule that goes back (Delta Skip
/// Exact) names the earlier epochs that it still asks for in [`wanted`](Recorder::wanted): keep the weights, or take a
/// schedule that only goes forward. Measuring uses all cores.
///
/// A program that was stopped goes on with [`Recorder::resume`].
///
/// ```
/// use infoplane::record::{Recorder, Recording};
/// use infoplane::{Activations, Labels};
/// use ndarray::Array2;
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("mine");
/// let labels = Labels::from_symbols(&["cat", "dog", "dog", "cat"]);
/// let recording = Recording::new("mine", labels, &[("hidden", 2)], 1e-3);
/// let mut recorder = Recorder::create(&path, recording)?;
/// for epoch in 0..=10 {
///     // … train; then observe the hidden layer on the four samples.
///     let hidden = Array2::from_shape_fn((4, 2), |(i, j)| (i * epoch + j) as f32 * 0.1);
///     if recorder.wants(epoch as u64) {
///         recorder.record(epoch as u64, &Activations { layers: vec![hidden] }, None)?;
///     }
/// }
/// let run = recorder.finish()?;
/// assert_eq!(run.plane().len(), 22); // eleven epochs, two bounds
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Recorder {
    run: RunDir,
    recording: Recording,
    x: Labels,
    estimators: Vec<LayerEstimators>,
    quantities: Vec<PreparedQuantity>,
    schedule: Box<dyn Schedule>,
    /// Asked for by the schedule and not recorded yet.
    wanted: BTreeMap<u64, Reason>,
    measured: MeasuredRows,
    /// The rows of the epoch that was recorded last.
    latest: Vec<PlaneRow>,
    /// The last epoch that anything was said of.
    last: u64,
    /// Epochs whose statistics are kept.
    described: BTreeSet<u64>,
    /// The last epoch whose witness is kept.
    witnessed: Option<u64>,
}

impl Recorder {
    /// Begins a run in a new or empty directory.
    ///
    /// # Errors
    /// [`RecordError`] if the recording makes no sense, or the directory is taken.
    pub fn create(path: &Path, recording: Recording) -> Result<Self, RecordError> {
        recording.check()?;
        // Before anything is written.
        let schedule = forward(&recording)?;
        let run = RunDir::create(path, &recording.manifest(), Disk::default())?;
        Ok(Recorder::on(run, recording, Recovered::default(), schedule))
    }

    /// Goes on with the run in a directory, which must record the same; what was measured is kept.
    ///
    /// # Errors
    /// [`RecordError::Changed`] if it records something else; [`RecordError::Run`] if there is no run, or it is
    /// complete.
    pub fn resume(path: &Path, recording: Recording) -> Result<Self, RecordError> {
        recording.check()?;
        let (_, manifest) = RunDir::open(path)?;
        check_same(path, &manifest, &recording.manifest())?;
        match RunDir::resume(path, Disk::default())? {
            (run, _, Resumed::Incomplete(recovered)) => Recorder::recovered(run, recording, recovered),
            (_, _, Resumed::Complete(_)) => Err(crate::run::RunError::Complete(path.into()).into()),
        }
    }

    /// Goes on after what was recovered of a run.
    pub(super) fn recovered(
        run: RunDir,
        recording: Recording,
        recovered: Recovered,
    ) -> Result<Self, RecordError> {
        let schedule = forward(&recording)?;
        Ok(Recorder::on(run, recording, recovered, schedule))
    }

    fn on(run: RunDir, recording: Recording, recovered: Recovered, schedule: Box<dyn Schedule>) -> Self {
        let measured = recovered.measured.into_values().next().unwrap_or_default();
        let last = measured.epochs().next_back().unwrap_or(0);
        let ranges = vec![LayerRange::default(); recording.layers.len()];
        let mut recorder = Recorder {
            estimators: recording.layer_estimators(&ranges),
            quantities: PreparedQuantity::all(&recording.quantities, None),
            x: recording.x(),
            last,
            run,
            recording,
            schedule,
            wanted: BTreeMap::new(),
            measured,
            latest: Vec::new(),
            described: recovered.trained.into_keys().map(|(_, epoch)| epoch).collect(),
            witnessed: recovered.witnessed.last_key_value().map(|(&(_, epoch), _)| epoch),
        };
        for ((_, epoch), values) in &recovered.witnessed {
            recorder.schedule.witness(*epoch, values);
        }
        recorder.ask();
        recorder
    }

    /// Asks the schedule until it waits for what is not recorded yet.
    fn ask(&mut self) {
        while let Ask::Epochs(epochs) = self.schedule.ask() {
            for Wanted { epoch, reason } in epochs {
                match self.measured.rows(epoch) {
                    Some(rows) => self.schedule.tell(epoch, &rows),
                    None => _ = self.wanted.insert(epoch, reason),
                }
            }
        }
    }

    /// Tells the witness of an epoch, whether or not that is measured: its loss after the epoch, on samples that are always the
    /// same, for a schedule with `witness = "loss"`. Any other schedule ignores it.
    ///
    /// Tell every epoch in ascending order, before asking whether it is [wanted](Recorder::wants) and before it is recorded. Where
    /// the loss left its band the epoch before is [wanted](Recorder::wanted) too: keep its activations, or its weights, until the
    /// next is told. An epoch that is not after those told before is ignored.
    ///
    /// ```
    /// use infoplane::record::{Recorder, Recording};
    /// use infoplane::schedule::{ScheduleConfig, WitnessConfig, WitnessSettings};
    /// use infoplane::{Activations, Labels};
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("mine");
    /// let loss = |epoch: u64| if epoch == 60 { 2.0 } else { 0.1 };
    /// let hidden = |epoch: u64| Activations { layers: vec![ndarray::array![[0.0], [loss(epoch) as f32]]] };
    /// let witness = Some(WitnessConfig::Loss(WitnessSettings::default()));
    /// let mut recording = Recording::new("mine", Labels::from_symbols(&["a", "b"]), &[("hidden", 1)], 1e-3);
    /// recording.schedule = ScheduleConfig::LogSpaced { points: 3, witness };
    /// recording.planned_epochs = Some(100);
    /// let mut recorder = Recorder::create(&path, recording)?;
    /// for epoch in 0..=100 {
    ///     recorder.witness(epoch, loss(epoch))?;
    ///     for wanted in [epoch.saturating_sub(1), epoch] {
    ///         if recorder.wants(wanted) {
    ///             recorder.record(wanted, &hidden(wanted), None)?;
    ///         }
    ///     }
    /// }
    /// let epochs: Vec<u64> = recorder.finish()?.schedule().iter().map(|measured| measured.epoch).collect();
    /// assert_eq!(epochs, [0, 1, 59, 60, 61, 100]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`RecordError::Run`] if it cannot be written.
    pub fn witness(&mut self, epoch: u64, loss: f64) -> Result<(), RecordError> {
        if !self.schedule.watches() || self.witnessed >= Some(epoch) {
            return Ok(());
        }
        let values = vec![vec![Some(loss).filter(|loss| loss.is_finite())]];
        self.run.append(&[Record::Witnessed { seed: SEED, first: epoch, values }])?;
        self.witnessed = Some(epoch);
        self.schedule.witness(epoch, &[loss]);
        self.last = self.last.max(epoch);
        self.ask();
        Ok(())
    }

    /// From which epochs on the band of the witness was wider than asked for, and how wide: there it moved too often.
    pub fn widened(&self) -> &[(u64, f64)] {
        self.schedule.widened()
    }

    /// Whether an epoch is to be measured.
    pub fn wants(&self, epoch: u64) -> bool {
        let nth = match self.recording.schedule {
            ScheduleConfig::Every { interval, .. } => epoch.is_multiple_of(interval.max(1)),
            _ => false,
        };
        self.wanted.contains_key(&epoch) || (nth && !self.measured.contains(epoch))
    }

    /// The epochs that are asked for and not recorded yet, ascending: those to come that are known already, and earlier ones
    /// between which the layers moved too far.
    pub fn wanted(&self) -> impl Iterator<Item = u64> + '_ {
        self.wanted.keys().copied()
    }

    /// The earliest epoch that may still be asked for: what is kept of epochs before it is not needed any more.
    pub fn earliest(&self) -> u64 {
        let asked = self.wanted.keys().next().copied().unwrap_or(u64::MAX);
        self.schedule.earliest().min(asked)
    }

    /// Measures the layers at an epoch, keeps the rows and returns them; `statistics` goes to the training figure. An epoch
    /// that is recorded already is left as it is. One that the schedule did not ask for is measured all the same.
    ///
    /// `activations.layers[l]` is `(n_samples, width)` of layer l, in the order of the labels. A layer that cannot be
    /// measured gives rows that say why.
    ///
    /// # Errors
    /// [`RecordError::Layers`] for another number of layers; [`RecordError::Run`] if the rows cannot be written.
    pub fn record(
        &mut self,
        epoch: u64,
        activations: &Activations,
        statistics: Option<EpochStats>,
    ) -> Result<&[PlaneRow], RecordError> {
        let layers = activations.layers.iter().map(|t| Variable::Single(t.view()).into());
        self.record_layers(epoch, &layers.collect::<Vec<_>>(), statistics)
    }

    /// As [`record`](Recorder::record), of layers in the memory of another program, of single or double precision, or of what that
    /// program has computed of them.
    ///
    /// # Errors
    /// As there; [`RecordError::Length`] for a layer with another number of samples than there are labels, and
    /// [`RecordError::Width`] for one with another number of units than the recording has.
    pub fn record_layers(
        &mut self,
        epoch: u64,
        layers: &[LayerSource<'_>],
        statistics: Option<EpochStats>,
    ) -> Result<&[PlaneRow], RecordError> {
        self.recording.check_layers(epoch, layers.iter().map(|layer| (layer.n_samples(), layer.width())))?;
        if !self.measured.contains(epoch) {
            let Recording { labels, target, .. } = &self.recording;
            let rows = match target {
                Some(target) => {
                    measure_layers_with_target(SEED, epoch, layers, &self.x, target.view(), &self.estimators)
                }
                None => measure_layers(SEED, epoch, layers, &self.x, labels, &self.estimators),
            };
            let quantities =
                measure_quantities(SEED, epoch, layers, labels, &self.estimators, &self.quantities);
            self.keep(epoch, rows, quantities)?;
        }
        if let Some(statistics) = statistics {
            self.describe(EpochStats { epoch, ..statistics })?;
        }
        self.latest = self.measured.rows(epoch).unwrap_or_default();
        Ok(&self.latest)
    }

    /// Keeps rows that were measured.
    pub(super) fn keep(
        &mut self,
        epoch: u64,
        rows: Vec<PlaneRow>,
        quantities: Vec<QuantityRow>,
    ) -> Result<(), RecordError> {
        if let Some(reason) = too_long(&rows) {
            return Err(RecordError::TooLong { reason });
        }
        let reason = self.wanted.remove(&epoch).unwrap_or(Reason::Planned);
        let measured = Record::Measured { seed: SEED, epoch, reason, rows: rows.clone(), quantities };
        self.run.append(&[measured])?;
        self.schedule.tell(epoch, &rows);
        self.measured.insert(epoch, reason, &rows);
        self.last = self.last.max(epoch);
        self.ask();
        Ok(())
    }

    /// Keeps statistics of an epoch, measured or not; of two of one epoch the first stands.
    ///
    /// # Errors
    /// [`RecordError::Run`] if they cannot be written.
    pub fn describe(&mut self, statistics: EpochStats) -> Result<(), RecordError> {
        let epoch = statistics.epoch;
        if self.described.insert(epoch) {
            self.run.append(&[Record::Trained(EpochStats { seed: SEED, ..statistics })])?;
        }
        self.last = self.last.max(epoch);
        Ok(())
    }

    /// Tells that there is no epoch after `last`, which the schedule may ask for now.
    pub fn end(&mut self, last: u64) {
        self.schedule.end(last);
        self.wanted.retain(|&epoch, _| epoch <= last);
        self.last = last;
        self.ask();
    }

    /// Completes the run: sorts its tables, and returns it read. Epochs that are still asked for stay unmeasured.
    ///
    /// # Errors
    /// [`RecordError::Run`] if it cannot be written; then it can be resumed.
    pub fn finish(self) -> Result<Run, RecordError> {
        let path = self.run.path().to_path_buf();
        let distance = self.recording.distance();
        finish(&self.run, &self.measured, &distance, self.last)?;
        Ok(Run::read(&path)?)
    }

    /// Refuses a directory that was removed meanwhile.
    pub(super) fn check_there(&self) -> Result<(), RecordError> {
        Ok(self.run.check_there()?)
    }

    /// The directory of the run.
    pub fn path(&self) -> &Path {
        self.run.path()
    }
}

/// Refuses what cannot be measured while epochs come one after the other.
pub(super) fn check_forward(
    estimators: &[AnyEstimator],
    schedule: &ScheduleConfig,
    planned_epochs: Option<u64>,
) -> Result<(), RecordError> {
    if let Some(index) = estimators.iter().position(Estimator::needs_observed_range) {
        return Err(RecordError::UnknownRange { index });
    }
    match (planned_epochs, schedule) {
        (_, schedule) if schedule.witness().is_some_and(|w| !matches!(w, WitnessConfig::Loss(_))) => {
            Err(RecordError::Witness { allowed: "\"loss\", which the program that trains tells" })
        }
        (_, ScheduleConfig::Every { witness: Some(_), .. })
        | (None, ScheduleConfig::List { witness: Some(_), .. }) => Err(RecordError::Witness {
            allowed: "one with kind = \"delta-exact\" or \"delta-approximate\", or with \"log-spaced\" or \"list\" where \
                          the number of epochs is given",
        }),
        (None, ScheduleConfig::LogSpaced { .. }) => Err(RecordError::UnknownEnd),
        _ => Ok(()),
    }
}

/// No training has so many epochs.
const ENDLESS: u64 = 1 << 40;

/// A schedule for epochs that come one after the other; refuses what cannot be measured so.
fn forward(recording: &Recording) -> Result<Box<dyn Schedule>, RecordError> {
    check_forward(&recording.estimators, &recording.schedule, recording.planned_epochs)?;
    let planned = recording.planned_epochs.unwrap_or(ENDLESS);
    Ok(match &recording.schedule {
        ScheduleConfig::Every { .. } => Box::new(LastOnly::default()),
        // The last one listed is not the last of the training.
        ScheduleConfig::List { epochs, .. } if recording.planned_epochs.is_none() => {
            let last = epochs.iter().copied().max().unwrap_or(0);
            recording.schedule.schedule(last, recording.entropies())?
        }
        schedule => schedule.schedule(planned, recording.entropies())?,
    })
}

/// Of a training of which every n-th epoch is measured whatever comes, only the last has to be asked for.
#[derive(Default)]
struct LastOnly {
    last: Option<u64>,
    asked: bool,
}

impl Schedule for LastOnly {
    fn ask(&mut self) -> Ask {
        match self.last {
            None => Ask::Wait,
            Some(_) if self.asked => Ask::Done,
            Some(epoch) => {
                self.asked = true;
                Ask::Epochs(vec![Wanted { epoch, reason: Reason::Last }])
            }
        }
    }

    fn tell(&mut self, _epoch: u64, _rows: &[PlaneRow]) {}

    fn end(&mut self, last: u64) {
        self.last = Some(last);
    }

    fn earliest(&self) -> u64 {
        0
    }
}

/// Refuses another recording than that of a run.
pub(super) fn check_same(path: &Path, run: &Manifest, asked: &Manifest) -> Result<(), RecordError> {
    let changed = |difference: String| Err(RecordError::Changed { path: path.into(), difference });
    if run.data.digest != asked.data.digest {
        let y = if asked.data.target_width.is_some() { "target" } else { "labels" };
        return changed(format!("its {y} or inputs are others"));
    }
    if run.layers != asked.layers {
        return changed("its layers are others".into());
    }
    if run.methods != asked.methods {
        return changed("it is measured with other estimators".into());
    }
    if run.quantities != asked.quantities {
        return changed("it measures other quantities".into());
    }
    if run.schedule != asked.schedule {
        return changed("its schedule is another".into());
    }
    if run.infoplane_version != asked.infoplane_version {
        return changed(format!("it was begun by infoplane {}", run.infoplane_version));
    }
    Ok(())
}

/// Sorts the tables and declares the run complete.
pub(super) fn finish(
    run: &RunDir,
    measured: &MeasuredRows,
    distance: &Distance,
    last: u64,
) -> Result<(), RecordError> {
    let ended = TrainingEnd::Recorded { epoch: last };
    let outcome = SeedOutcome { seed: SEED, measured_epochs: measured.len(), last_epoch: last, ended };
    run.append(&[Record::Ended(outcome.clone())])?;
    let schedule = MeasuredEpoch::of_seed(SEED, distance, measured);
    run.finish(&[outcome], &schedule)?;
    Ok(())
}
