//! One training of an experiment, and its measurements.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use ndarray::{ArrayView2, s};

use super::config::Experiment;
use super::error::ExperimentError;
use super::prepare::Prepared;
use super::run::{Progress, Work};
use super::witness::{Witness, known_until};
use crate::estimator::{Estimator, LayerRange};
use crate::measure::{
    Known, LayerEstimators, MeasureError, MeasuredPart, Measuring, Subject, Workers, measure, observe_ranges,
};
use crate::plane::{Entropies, Part};
use crate::printable::printable_path;
use crate::quantity::PreparedQuantity;
use crate::run::{Record, Recovered, RunDir, RunError, SeedOutcome};
use crate::schedule::{MeasuredEpoch, MeasuredRows};
use crate::snapshot::{Quantised, Snapshot, SnapshotError, Snapshots};
use crate::train::{EpochStats, Keyframe, Replay, StatisticsEpochs, Trainer, TrainingEnd};
use crate::{Labels, Network, Nonlinearity};

/// What the trainings of a run share.
pub(super) struct Shared<'a> {
    pub experiment: &'a Experiment,
    pub prepared: &'a Prepared,
    pub run: &'a RunDir,
    pub recovered: &'a Recovered,
    /// What was recovered of measured epochs, by seed; whoever goes on with a seed takes it.
    pub measured: &'a Mutex<BTreeMap<u64, MeasuredRows>>,
    pub keyframe_interval: Option<u64>,
    /// Bytes for this training.
    pub memory: u64,
    pub progress: &'a dyn Progress,
    /// Somebody asked to stop.
    pub interrupt: &'a AtomicBool,
    /// Another training met something that ends the run.
    pub failed: &'a AtomicBool,
}

/// What came of one training.
pub(super) struct SeedReport {
    pub outcome: SeedOutcome,
    pub schedule: Vec<MeasuredEpoch>,
    pub work: Work,
}

/// A keyframe on the disk that is whole and of this training.
struct KeptKeyframe {
    epoch: u64,
    /// Whether its epoch has statistics.
    recorded: bool,
}

impl Shared<'_> {
    fn stopped(&self) -> bool {
        self.interrupt.load(Ordering::Relaxed) || self.failed.load(Ordering::Relaxed)
    }

    /// Trains and measures one seed with a workers of its own, as far as that is not in the run directory already.
    pub fn run_seed(&self, seed: u64, workers: &Workers) -> Result<SeedReport, ExperimentError> {
        let Shared { experiment, prepared, run, recovered, progress, .. } = *self;
        let Prepared { dataset, .. } = prepared;
        let split = dataset.split_rows(experiment.dataset.split, seed)?;
        let (inputs, y) = experiment.measured_rows(dataset, &split);
        let entropies = Entropies::of(&Labels::from_rows(inputs.view()), &y);
        let parts = experiment.measured_parts(&split, inputs.nrows());
        let measured = self.measured.lock().unwrap_or_else(PoisonError::into_inner).remove(&seed);
        let measured = measured.unwrap_or_default();
        let known_stats = of_seed(&recovered.trained, seed);
        let trainer = experiment.trainer(prepared, &split, seed)?;
        let kept = self.kept_keyframes(seed, &trainer)?;
        if let Some(outcome) = self.finished_before(seed, &trainer, &measured, &known_stats, &kept) {
            progress.trained(outcome.last_epoch);
            measured.epochs().for_each(|epoch| progress.measured(seed, epoch));
            let schedule = self.schedule_rows(seed, entropies, &measured);
            return Ok(SeedReport { outcome, schedule, work: Work::default() });
        }

        let witness = Witness::new(experiment, dataset, &split, (&inputs, &y), seed);
        let known_witness = of_seed(&recovered.witnessed, seed);
        // The closure below has no way to return what went wrong on the disk.
        let disk_failed: Mutex<Option<RunError>> = Mutex::new(None);
        let mut trained_epochs = 0;
        let on_epoch = |trainer: &Trainer| {
            if let Some(witness) = &witness {
                witness.observe(trainer);
            }
            self.keep_epoch(seed, trainer, &known_stats, witness.as_ref()).map_err(|error| {
                disk_failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                SnapshotError::Interrupted
            })?;
            if trainer.epoch() > 0 {
                trained_epochs += 1;
                progress.trained(1);
            }
            if self.stopped() { Err(SnapshotError::Interrupted) } else { Ok(()) }
        };

        let largest = parts.iter().map(|(_, rows)| rows.len()).max().unwrap_or(0);
        let (in_flight, store) = self.share_memory(largest, workers);
        let stored = |after: u64, at_most: u64| self.keyframe_between(seed, after, at_most);
        let whole_until = self.statistics_until(&known_stats);
        let told = |kept: &&KeptKeyframe| !kept.recorded || known_stats.contains_key(&kept.epoch);
        let witnessed =
            |kept: &&KeptKeyframe| witness.is_none() || Some(kept.epoch) <= known_until(&known_witness);
        let start = kept.iter().rev().find(|kept| kept.epoch < whole_until && told(kept) && witnessed(kept));
        let replay = match start {
            Some(kept) => {
                progress.trained(kept.epoch);
                if let Some(witness) = &witness {
                    witness.resume(&known_witness, kept.epoch);
                }
                Replay::resume(trainer, &run.read_keyframe(seed, kept.epoch)?, store, on_epoch)?
            }
            None => Replay::new(trainer, store, on_epoch),
        };
        let replay = replay.with_stored(stored).with_interrupt(|| self.stopped());
        let bits = experiment.network.quantised_bits;
        let mut source = Timed { source: replay, bits, time: Duration::ZERO, witness: witness.as_ref() };

        measured.epochs().for_each(|epoch| progress.measured(seed, epoch));
        let measured = Known::new(measured);
        let mut measured_epochs = 0;
        let mut measure_time = Duration::ZERO;
        let result = (|| {
            let planned = experiment.training.epochs;
            let ranges = self.ranges(&mut source, inputs.view(), workers)?;
            let rows_of = |(part, rows): &(Option<Part>, Range<usize>)| {
                let inputs = inputs.slice(s![rows.clone(), ..]);
                let y = y.select_ranges(std::slice::from_ref(rows));
                let quantities = PreparedQuantity::all(&experiment.quantities, Some(inputs));
                (inputs, Labels::from_rows(inputs), y, self.estimators(&ranges, *part), quantities)
            };
            let rows: Vec<_> = parts.iter().map(rows_of).collect();
            let parts: Vec<MeasuredPart<'_>> = rows
                .iter()
                .map(|(inputs, x, y, estimators, quantities)| MeasuredPart {
                    subject: Subject { inputs: *inputs, x, y },
                    estimators,
                    quantities,
                })
                .collect();
            let mut schedule =
                experiment.schedule.schedule(planned, entropies).map_err(ExperimentError::from)?;
            let interrupted = || self.stopped();
            let measuring = Measuring {
                seed,
                parts: &parts,
                known: &|epoch| measured.rows(epoch),
                workers,
                in_flight,
                interrupted: &interrupted,
            };
            measure(&measuring, &mut *schedule, &mut source, |measurement| {
                measure_time += measurement.thread_time;
                let (epoch, reason, rows) = (measurement.epoch, measurement.reason, measurement.rows);
                let record =
                    Record::Measured { seed, epoch, reason, rows, quantities: measurement.quantities };
                run.append(std::slice::from_ref(&record))?;
                if let Record::Measured { rows, .. } = record {
                    measured.add(epoch, reason, &rows);
                }
                measured_epochs += 1;
                progress.measured(seed, epoch);
                Ok::<(), RunError>(())
            })?;
            self.warn_of_noise(seed, schedule.widened());
            Ok::<(), SeedError>(())
        })();
        let Timed { source, time: train_time, .. } = source;
        let replayed_epochs = source.replayed_epochs();
        let last_epoch = source.last();
        let end = source.ended();
        drop(source);
        if let Some(error) = disk_failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
            return Err(error.into());
        }
        match result {
            Ok(()) => {}
            Err(SeedError::Measure(MeasureError::Snapshot(SnapshotError::Interrupted))) => {
                return Err(ExperimentError::Interrupted);
            }
            Err(SeedError::Measure(MeasureError::Snapshot(error))) => {
                return Err(ExperimentError::Snapshot { seed, source: error });
            }
            Err(SeedError::Measure(MeasureError::Append(error))) => return Err(error.into()),
            Err(SeedError::Measure(MeasureError::TooLong(reason))) => {
                return Err(ExperimentError::TooLong { seed, reason });
            }
            Err(SeedError::Experiment(error)) => return Err(error),
        }
        let measured = measured.into_inner();
        let end = end.unwrap_or(TrainingEnd::Epochs);
        let last_epoch = last_epoch.unwrap_or(experiment.training.epochs);
        let outcome = SeedOutcome { seed, last_epoch, measured_epochs: measured.len(), ended: end };
        run.append(&[Record::Ended(outcome.clone())])?;
        let schedule = self.schedule_rows(seed, entropies, &measured);
        let work =
            Work { measured_epochs, trained_epochs, replayed_epochs, train_time, measure_time, threads: 0 };
        Ok(SeedReport { outcome, schedule, work })
    }

    /// Writes down what is to be kept of an epoch that was trained: its statistics, its keyframe.
    fn keep_epoch(
        &self,
        seed: u64,
        trainer: &Trainer,
        known: &BTreeMap<u64, EpochStats>,
        witness: Option<&Witness>,
    ) -> Result<(), RunError> {
        let epoch = trainer.epoch();
        if trainer.at_recorded_epoch() && !known.contains_key(&epoch) {
            self.run.append(&[Record::Trained(trainer.stats())])?;
        }
        let Some(interval) = self.keyframe_interval else {
            // Without keyframes all is trained again: nothing has to be kept.
            witness.and_then(Witness::take_unkept);
            return Ok(());
        };
        if epoch > 0 && (epoch.is_multiple_of(interval) || trainer.ended().is_some()) {
            // Before the keyframe: where it is, nothing before it is trained again.
            if let Some(record) = witness.and_then(Witness::take_unkept) {
                self.run.append(&[record])?;
            }
            self.run.write_keyframe(seed, &trainer.keyframe())?;
        }
        Ok(())
    }

    /// Says that the witness moved too often for its band.
    fn warn_of_noise(&self, seed: u64, widened: &[(u64, f64)]) {
        let (Some(&(first, _)), Some(&(_, band))) = (widened.first(), widened.last()) else { return };
        let Some(witness) = self.experiment.schedule.witness() else { return };
        let (name, share) = (witness.name(), 100.0 * witness.settings().max_share);
        self.progress.warn(&format!(
            "seed {seed}: the witness `{name}` left its band too often for {share} % of the epochs from epoch {first} on; its \
             band was widened to {band:.3}, and what it does within that is not measured; give a larger \
             schedule.witness.band or schedule.witness.max_share"
        ));
    }

    /// What every layer covers, over every epoch that may be measured and all rows that are measured: where parts are
    /// measured apart, both have the same bins.
    fn ranges(
        &self,
        source: &mut impl Snapshots,
        inputs: ArrayView2<'_, f32>,
        workers: &Workers,
    ) -> Result<Vec<LayerRange>, SeedError> {
        let experiment = self.experiment;
        let observed = experiment.estimators.iter().any(|estimator| estimator.needs_observed_range());
        if observed {
            let planned = experiment.training.epochs;
            let list = experiment.epochs().map_err(ExperimentError::from)?;
            let n_epochs = list.as_ref().map_or(planned + 1, |list| list.len() as u64);
            let epochs: Box<dyn Iterator<Item = u64> + Send> = match list {
                Some(list) => Box::new(list.into_iter()),
                None => Box::new(0..=planned),
            };
            let ranges = workers.install(|| observe_ranges(epochs, n_epochs, source, inputs));
            Ok(ranges.map_err(MeasureError::from)?)
        } else {
            Ok(vec![LayerRange::default(); experiment.network.hidden.len() + 1])
        }
    }

    /// The estimators of each layer, whose values cover `ranges`.
    fn estimators(&self, ranges: &[LayerRange], part: Option<Part>) -> Vec<LayerEstimators> {
        let of_layer = |(range, nonlinearity): (&LayerRange, Nonlinearity)| {
            let range = LayerRange { activation: nonlinearity.range(), ..range.clone() };
            let estimators = LayerEstimators::new(&self.experiment.estimators, &range);
            match part {
                Some(part) => estimators.of_part(part),
                None => estimators,
            }
        };
        ranges.iter().zip(self.experiment.nonlinearities()).map(of_layer).collect()
    }

    /// The lines of `schedule.jsonl`.
    fn schedule_rows(&self, seed: u64, entropies: Entropies, measured: &MeasuredRows) -> Vec<MeasuredEpoch> {
        MeasuredEpoch::of_seed(seed, &self.experiment.schedule.distance(entropies), measured)
    }
}

/// What the disk holds of one training, and what it may take of the memory.
impl Shared<'_> {
    /// The epochs of the keyframes that are whole, up to the first that is missing or damaged.
    fn kept_keyframes(&self, seed: u64, trainer: &Trainer) -> Result<Vec<KeptKeyframe>, RunError> {
        let Some(interval) = self.keyframe_interval else { return Ok(Vec::new()) };
        let there = self.run.keyframes(seed)?;
        let on_grid = (1..).map_while(|number| interval.checked_mul(number));
        let mut probe = trainer.duplicate();
        let pairs = on_grid.zip(there.into_iter().filter(|epoch| epoch % interval == 0));
        let kept = pairs.map_while(|(expected, epoch)| {
            let fits = expected == epoch && self.fits(seed, epoch, &mut probe);
            fits.then(|| KeptKeyframe { epoch, recorded: probe.at_recorded_epoch() })
        });
        Ok(kept.collect())
    }

    /// The keyframe on the disk nearest before `at_most`, if it lies after `after`.
    fn keyframe_between(&self, seed: u64, after: u64, at_most: u64) -> Option<Keyframe> {
        let interval = self.keyframe_interval?;
        let latest = at_most / interval;
        let candidates =
            (1..=latest).rev().map(|number| number * interval).take_while(|&epoch| epoch > after);
        // One that is damaged is skipped: what lies before it leads to the same network.
        candidates.filter_map(|epoch| self.run.read_keyframe(seed, epoch).ok()).next()
    }

    /// The first epoch whose statistics should be in the journal and are not.
    fn statistics_until(&self, known: &BTreeMap<u64, EpochStats>) -> u64 {
        let training = &self.experiment.training;
        let missing = |&epoch: &u64| {
            training.statistics.contains(epoch, training.epochs) && !known.contains_key(&epoch)
        };
        (0..=training.epochs).find(missing).unwrap_or(u64::MAX)
    }

    /// How many epochs may be measured at once, and the bytes left for networks that wait.
    fn share_memory(&self, n_measured: usize, workers: &Workers) -> (usize, usize) {
        let widths: usize = self.experiment.widths(&self.prepared.dataset)[1..].iter().sum();
        // The activations themselves, and what a method copies of them: twice over, in double precision at worst.
        let each = (n_measured * widths) as u64 * 4 * 3;
        let at_most = workers.epochs_in_flight() as u64;
        let in_flight = (self.memory / 2 / each.max(1)).clamp(1, at_most);
        let left = self.memory.saturating_sub(in_flight * each);
        (in_flight as usize, usize::try_from(left).unwrap_or(usize::MAX))
    }

    /// How this training ended in an earlier go, if nothing of it is missing.
    fn finished_before(
        &self,
        seed: u64,
        trainer: &Trainer,
        measured: &MeasuredRows,
        known_stats: &BTreeMap<u64, EpochStats>,
        kept: &[KeptKeyframe],
    ) -> Option<SeedOutcome> {
        let outcome = self.recovered.ended.get(&seed)?;
        let last = outcome.last_epoch;
        let finished = !outcome.diverged();
        // The last epoch has statistics wherever the training ended, unless it diverged before that was known.
        let recorded = self.experiment.training.statistics != StatisticsEpochs::Never;
        let statistics = last < self.statistics_until(known_stats)
            && (!finished || !recorded || known_stats.contains_key(&last));
        let keyframes = match self.keyframe_interval {
            None => true,
            Some(interval) => {
                let of_last = || last == 0 || self.fits(seed, last, &mut trainer.duplicate());
                kept.len() as u64 == last / interval && (!finished || of_last())
            }
        };
        let whole = statistics && keyframes && measured.len() == outcome.measured_epochs;
        whole.then(|| outcome.clone())
    }

    /// Whether the keyframe of an epoch is there, whole, and of this training; says so if not.
    fn fits(&self, seed: u64, epoch: u64, probe: &mut Trainer) -> bool {
        let file = self.run.keyframe_path(seed, epoch);
        let problem = match self.run.read_keyframe(seed, epoch) {
            Ok(keyframe) => match probe.restore(&keyframe) {
                Ok(()) => return true,
                Err(error) => format!("{}: {error}", printable_path(&file)),
            },
            Err(error) => error.to_string(),
        };
        self.progress.warn(&format!("{problem}; training again from the keyframe before it"));
        false
    }
}

/// Why one seed ended early.
#[derive(Debug, thiserror::Error)]
enum SeedError {
    #[error(transparent)]
    Measure(#[from] MeasureError<RunError>),
    #[error(transparent)]
    Experiment(#[from] ExperimentError),
}

/// A source, how its networks are rounded, what is watched of them, and how long it took.
struct Timed<'a, S> {
    source: S,
    bits: Option<u8>,
    time: Duration,
    witness: Option<&'a Witness>,
}

impl<S> Timed<'_, S> {
    fn timed<T>(&mut self, work: impl FnOnce(&mut S) -> T) -> T {
        let start = Instant::now();
        let result = work(&mut self.source);
        self.time += start.elapsed();
        result
    }
}

impl<S: Snapshots<Network = Network>> Snapshots for Timed<'_, S> {
    type Network = Quantised;

    fn load(&mut self, epoch: u64) -> Result<Snapshot<Quantised>, SnapshotError> {
        let Snapshot { epoch, network } = self.timed(|source| source.load(epoch))?;
        Ok(Snapshot { epoch, network: Quantised { network, bits: self.bits } })
    }

    fn last(&self) -> Option<u64> {
        self.source.last()
    }

    fn reached(&self) -> u64 {
        self.source.reached()
    }

    fn has_room(&self) -> bool {
        self.source.has_room()
    }

    fn advance(&mut self) -> Result<(), SnapshotError> {
        self.timed(|source| source.advance())
    }

    fn take_witnesses(&mut self) -> Vec<(u64, Vec<f64>)> {
        self.witness.map(Witness::take_untold).unwrap_or_default()
    }

    fn release_before(&mut self, epoch: u64) {
        self.source.release_before(epoch);
    }
}

/// The entries of one seed, by epoch.
fn of_seed<T: Clone>(entries: &BTreeMap<(u64, u64), T>, seed: u64) -> BTreeMap<u64, T> {
    entries.range((seed, 0)..=(seed, u64::MAX)).map(|(&(_, epoch), entry)| (epoch, entry.clone())).collect()
}
