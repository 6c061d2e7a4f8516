//! Running an experiment: data, then every seed trained and measured, then the run directory closed.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ndarray::{Array2, Axis};
use rayon::{ThreadPool, ThreadPoolBuilder};

use super::config::{Experiment, ExperimentError, MeasuredOn, OneOrEach};
use crate::dataset::{Dataset, Split, SplitRule};
use crate::estimator::{LayerRange, Method};
use crate::measure::{LayerEstimators, MeasureError, Subject, measure, observe_ranges};
use crate::network::Network;
use crate::run::{DataFacts, Disk, FORMAT_VERSION, Manifest, Outcome, Record, RunDir, RunError, SeedOutcome};
use crate::schedule::{MeasuredEpoch, Reason};
use crate::snapshot::{Snapshot, SnapshotError, Snapshots};
use crate::train::{EpochStats, Samples, TrainOnDemand, Trainer};
use crate::{Labels, LayerDescription, Nonlinearity};

/// A network beyond this is not small and dense; it would take all memory before it took an epoch.
const MAX_WEIGHTS: u128 = 1 << 30;

/// Told what a run has done; called from several threads.
pub trait Progress: Sync {
    /// `epochs` more epochs of some training have passed.
    fn trained(&self, epochs: u64);
    /// One more epoch of some training has been measured.
    fn measured(&self, seed: u64, epoch: u64);
}

/// Says nothing.
impl Progress for () {
    fn trained(&self, _epochs: u64) {}
    fn measured(&self, _seed: u64, _epoch: u64) {}
}

/// What a run came to, with the time it took (which the run directory, the same at every run, does not hold).
#[derive(Debug, Clone)]
pub struct RunSummary {
    /// The run directory.
    pub run: RunDir,
    /// What is in it.
    pub manifest: Manifest,
    /// How it ended.
    pub outcome: Outcome,
    /// Time spent training, summed over the threads that did it.
    pub train_time: Duration,
    /// Time spent measuring, likewise.
    pub measure_time: Duration,
    /// Time from beginning to end.
    pub time: Duration,
}

/// Why to stop early.
struct Stop<'a> {
    /// Somebody asked to.
    asked: &'a AtomicBool,
    /// Another training met something that ends the run.
    failed: AtomicBool,
}

/// What all seeds share.
struct Prepared {
    dataset: Dataset,
    samples: Arc<Samples>,
    epochs: Vec<u64>,
    /// Where layers are measured; networks are trained in the other, so that neither waits for the other.
    pool: ThreadPool,
    train_pool: ThreadPool,
}

impl Experiment {
    /// Trains with every seed, measures, and writes the run directory at `path`.
    ///
    /// Seeds run side by side on `threads` threads (0: as many as there are cores), or up to twice as many while
    /// the system lets training and measuring take turns (but one is one); every byte of the run
    /// directory is the same for any number of them. A training whose loss stops being a number ends there:
    /// its outcome says at which epoch, and the other seeds go on. Once `interrupt` is true the run stops at
    /// the next epoch; what was measured is kept.
    ///
    /// # Errors
    /// [`ExperimentError`], before anything is written if the experiment or the data are at fault;
    /// [`ExperimentError::Interrupted`] after an interruption.
    pub fn run(
        &self,
        path: &Path,
        threads: usize,
        progress: &dyn Progress,
        interrupt: &AtomicBool,
    ) -> Result<RunSummary, ExperimentError> {
        let start = Instant::now();
        let prepared = self.prepare(threads)?;
        let seeds = self.seed_list();
        let manifest = self.manifest(&prepared, &seeds)?;
        let run = RunDir::create(path, &manifest, Disk::default())?;

        let times = Mutex::new((Duration::ZERO, Duration::ZERO));
        let outcomes: Vec<Mutex<Option<Result<SeedOutcome, ExperimentError>>>> =
            seeds.iter().map(|_| Mutex::new(None)).collect();
        let next = AtomicUsize::new(0);
        // A full disk under one seed stops the others; the caller's flag is the caller's.
        let stop = Stop { asked: interrupt, failed: AtomicBool::new(false) };
        let workers = prepared.pool.current_num_threads().min(seeds.len());
        std::thread::scope(|scope| {
            for _ in 0..workers {
                scope.spawn(|| {
                    loop {
                        let training = next.fetch_add(1, Ordering::Relaxed);
                        let Some(&seed) = seeds.get(training) else { return };
                        let outcome = self.run_seed(seed, &prepared, &run, progress, &stop, &times);
                        let fatal = outcome.is_err();
                        *outcomes[training].lock().unwrap_or_else(|p| p.into_inner()) = Some(outcome);
                        if fatal {
                            stop.failed.store(true, Ordering::Relaxed);
                            return;
                        }
                    }
                });
            }
        });
        run.sync()?;
        let mut finished = Vec::new();
        let mut interrupted = false;
        for outcome in outcomes {
            match outcome.into_inner().unwrap_or_else(|p| p.into_inner()) {
                Some(Ok(outcome)) => finished.push(outcome),
                Some(Err(ExperimentError::Interrupted)) | None => interrupted = true,
                Some(Err(error)) => return Err(error),
            }
        }
        if interrupted {
            return Err(ExperimentError::Interrupted);
        }
        let epochs = |outcome: &SeedOutcome| {
            let seed = outcome.seed;
            prepared.epochs.iter().take(outcome.measured_epochs).map(move |&epoch| MeasuredEpoch {
                seed,
                epoch,
                reason: Reason::Planned,
                distance: None,
            })
        };
        let schedule: Vec<MeasuredEpoch> = finished.iter().flat_map(epochs).collect();
        let outcome = run.finish(&finished, &schedule)?;
        let (train_time, measure_time) = *times.lock().unwrap_or_else(|p| p.into_inner());
        Ok(RunSummary { run, manifest, outcome, train_time, measure_time, time: start.elapsed() })
    }

    fn prepare(&self, threads: usize) -> Result<Prepared, ExperimentError> {
        let dataset = self.dataset.source.load(self.first_seed)?;
        let epochs = self.epochs()?;
        let pool = || {
            let pool = ThreadPoolBuilder::new().num_threads(threads).build();
            pool.map_err(|error| ExperimentError::Threads { threads, message: error.to_string() })
        };
        let (pool, train_pool) = (pool()?, pool()?);
        let samples = Arc::new(Samples::new(dataset.inputs.view(), &dataset.labels)?);
        Ok(Prepared { dataset, samples, epochs, pool, train_pool })
    }

    /// The rows that information is measured on.
    fn measured_rows(&self, dataset: &Dataset, split: &Split) -> (Array2<f32>, Labels) {
        let rows = match self.dataset.measured_on {
            MeasuredOn::All => return (dataset.inputs.clone(), dataset.labels.clone()),
            MeasuredOn::Train => &split.train,
            MeasuredOn::Test => &split.test,
        };
        (dataset.inputs.select(Axis(0), rows), dataset.labels.select(rows))
    }

    /// Widths from the input to the output.
    fn widths(&self, dataset: &Dataset) -> Vec<usize> {
        let output = self.network.output_width.unwrap_or(dataset.labels.n_labels());
        let mut widths = vec![dataset.n_features()];
        widths.extend(&self.network.hidden);
        widths.push(output);
        widths
    }

    fn nonlinearities(&self) -> Vec<Nonlinearity> {
        let mut each = match &self.network.nonlinearity {
            OneOrEach::One(nonlinearity) => vec![*nonlinearity; self.network.hidden.len()],
            OneOrEach::Each(each) => each.clone(),
        };
        each.push(self.network.output);
        each
    }

    fn trainer(&self, prepared: &Prepared, split: &Split, seed: u64) -> Result<Trainer, ExperimentError> {
        let network = self.initial_network(&prepared.dataset, seed)?;
        let samples = Arc::clone(&prepared.samples);
        Ok(Trainer::with_samples(&self.training, network, samples, &split.train, &split.test, seed)?)
    }

    fn initial_network(&self, dataset: &Dataset, seed: u64) -> Result<Network, ExperimentError> {
        let widths = self.widths(dataset);
        let n_weights = widths.windows(2).map(|pair| pair[0] as u128 * pair[1] as u128).sum::<u128>();
        if n_weights > MAX_WEIGHTS {
            return Err(ExperimentError::Value {
                origin: self.name.clone(),
                message: format!(
                    "a network of widths {widths:?} has {n_weights} weights; allowed are {MAX_WEIGHTS}"
                ),
            });
        }
        Ok(Network::initialized(
            &self.widths(dataset),
            &self.nonlinearities(),
            &self.network.initialization,
            seed,
        )?)
    }

    /// What the run is, checked as far as it can be before anything is written.
    fn manifest(&self, prepared: &Prepared, seeds: &[u64]) -> Result<Manifest, ExperimentError> {
        let dataset = &prepared.dataset;
        let split = dataset.split_rows(self.dataset.split, seeds[0])?;
        let network = self.initial_network(dataset, seeds[0])?;
        let layers = network
            .layers
            .iter()
            .map(|layer| LayerDescription {
                width: layer.biases.len(),
                nonlinearity: layer.nonlinearity.name().to_string(),
            })
            .collect();
        self.trainer(prepared, &split, seeds[0])?;
        Ok(Manifest {
            format_version: FORMAT_VERSION,
            infoplane_version: env!("CARGO_PKG_VERSION").into(),
            seeds: seeds.to_vec(),
            data: self.data_facts(dataset, seeds)?,
            layers,
            experiment: self.to_table(),
        })
    }

    /// What is known of the data; entropies of the rows measured are means over the seeds, which may split
    /// differently.
    fn data_facts(&self, dataset: &Dataset, seeds: &[u64]) -> Result<DataFacts, ExperimentError> {
        let same_rows = self.dataset.measured_on == MeasuredOn::All
            || !matches!(self.dataset.split, SplitRule::Shuffled { .. });
        let seeds = if same_rows { &seeds[..1] } else { seeds };
        let mut facts = DataFacts {
            name: dataset.name.clone(),
            digest: dataset.digest(),
            n_samples: dataset.n_samples(),
            n_measured: 0,
            h_x_bits: 0.0,
            h_y_bits: 0.0,
            i_xy_bits: 0.0,
            i_xy_rule_bits: self.dataset.source.rule_information()?.map(|information| information.bits()),
            label_shares: dataset.labels.shares(),
        };
        for &seed in seeds {
            let split = dataset.split_rows(self.dataset.split, seed)?;
            let (inputs, labels) = self.measured_rows(dataset, &split);
            if inputs.nrows() == 0 {
                return Err(ExperimentError::Value {
                    origin: self.name.clone(),
                    message:
                        "dataset.measured_on = \"test\", but the split holds back no rows; use \"all\" or a \
                              train_fraction below 1"
                            .into(),
                });
            }
            let measured = Dataset { name: String::new(), inputs, labels, split: None };
            facts.n_measured = measured.n_samples();
            facts.h_x_bits += measured.x().entropy().bits() / seeds.len() as f64;
            facts.h_y_bits += measured.labels.entropy().bits() / seeds.len() as f64;
            facts.i_xy_bits += measured.label_information().bits() / seeds.len() as f64;
        }
        Ok(facts)
    }

    /// Trains and measures one seed.
    #[allow(clippy::too_many_arguments)] // what a worker thread shares; a struct would only rename it
    fn run_seed(
        &self,
        seed: u64,
        prepared: &Prepared,
        run: &RunDir,
        progress: &dyn Progress,
        stop: &Stop<'_>,
        times: &Mutex<(Duration, Duration)>,
    ) -> Result<SeedOutcome, ExperimentError> {
        let Prepared { dataset, epochs, pool, train_pool, .. } = prepared;
        let split = dataset.split_rows(self.dataset.split, seed)?;
        let (inputs, y) = self.measured_rows(dataset, &split);
        let x = Labels::from_rows(inputs.view());
        let trainer = self.trainer(prepared, &split, seed)?;
        let mut source = Source {
            train: TrainOnDemand::new(trainer, stop.asked, |stats| {
                // The journal tells a failure again when measurements are appended.
                let _ = run.append(&[Record::Trained(stats)]);
            }),
            remembered: Vec::new(),
            stop,
            pool: train_pool,
            progress,
            train_time: Duration::ZERO,
        };

        let mut measured_epochs = 0;
        let mut measure_time = Duration::ZERO;
        let result = (|| {
            let ranges = if self.estimators.iter().any(|estimator| estimator.needs_observed_range()) {
                let kept = source.remember(epochs)?;
                pool.install(|| observe_ranges(&kept, &mut source, inputs.view()))?
            } else {
                vec![LayerRange::default(); self.network.hidden.len() + 1]
            };
            let estimators: Vec<LayerEstimators> = ranges
                .into_iter()
                .zip(self.nonlinearities())
                .map(|(range, nonlinearity)| {
                    let range = LayerRange { activation: nonlinearity.range(), ..range };
                    LayerEstimators::new(&self.estimators, &range)
                })
                .collect();
            let mut schedule = self.schedule.schedule(self.training.epochs).map_err(ExperimentError::from)?;
            let subject = Subject { inputs: inputs.view(), x: &x, y: &y };
            measure(seed, &mut *schedule, &mut source, subject, &estimators, pool, |measurement| {
                measured_epochs += 1;
                measure_time += measurement.time;
                run.append(&[Record::Measured {
                    seed,
                    epoch: measurement.epoch,
                    reason: Reason::Planned,
                    rows: measurement.rows,
                }])?;
                progress.measured(seed, measurement.epoch);
                Ok::<(), RunError>(())
            })?;
            Ok::<(), SeedError>(())
        })();
        {
            let mut times = times.lock().unwrap_or_else(|p| p.into_inner());
            times.0 += source.train_time;
            times.1 += measure_time;
        }
        let last_epoch = source.last().unwrap_or(self.training.epochs);
        drop(source);
        let status = match result {
            Ok(()) => SeedOutcome::FINISHED.to_string(),
            Err(SeedError::Measure(MeasureError::Snapshot(SnapshotError::Interrupted)))
            | Err(SeedError::Snapshot(SnapshotError::Interrupted)) => {
                return Err(ExperimentError::Interrupted);
            }
            Err(SeedError::Measure(MeasureError::Snapshot(ended))) | Err(SeedError::Snapshot(ended)) => {
                ended.to_string()
            }
            Err(SeedError::Measure(MeasureError::Append(error))) => return Err(error.into()),
            Err(SeedError::Experiment(error)) => return Err(error),
        };
        Ok(SeedOutcome { seed, measured_epochs, last_epoch, status })
    }
}

/// Why one seed ended early.
#[derive(Debug, thiserror::Error)]
enum SeedError {
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    #[error(transparent)]
    Measure(#[from] MeasureError<RunError>),
    #[error(transparent)]
    Experiment(#[from] ExperimentError),
}

/// Training on demand, with its time and progress; and snapshots kept where bins must be observed first.
struct Source<'a, F: FnMut(EpochStats)> {
    train: TrainOnDemand<'a, F>,
    remembered: Vec<Snapshot>,
    stop: &'a Stop<'a>,
    pool: &'a ThreadPool,
    progress: &'a dyn Progress,
    train_time: Duration,
}

impl<F: FnMut(EpochStats) + Send> Source<'_, F> {
    /// Keeps the snapshots at `epochs` and gives the epochs kept: fewer if the training diverges on the way.
    fn remember(&mut self, epochs: &[u64]) -> Result<Vec<u64>, SnapshotError> {
        for &epoch in epochs {
            match self.load(epoch) {
                Ok(snapshot) => self.remembered.push(snapshot),
                // What was there before is measured all the same; then the source says this again.
                Err(SnapshotError::Diverged { .. }) => break,
                Err(error) => return Err(error),
            }
        }
        Ok(self.remembered.iter().map(|snapshot| snapshot.epoch).collect())
    }
}

impl<F: FnMut(EpochStats) + Send> Snapshots for Source<'_, F> {
    fn last(&self) -> Option<u64> {
        self.train.last()
    }

    fn load(&mut self, epoch: u64) -> Result<Snapshot, SnapshotError> {
        if let Ok(position) = self.remembered.binary_search_by_key(&epoch, |snapshot| snapshot.epoch) {
            return Ok(self.remembered[position].clone());
        }
        let start = Instant::now();
        let Source { train, stop, pool, progress, .. } = self;
        let snapshot = pool.install(|| {
            // Epoch by epoch, so that progress is told and failures elsewhere are noticed on the way.
            while train.trainer().epoch() + 1 < epoch {
                if stop.failed.load(Ordering::Relaxed) {
                    return Err(SnapshotError::Interrupted);
                }
                train.load(train.trainer().epoch() + 1)?;
                progress.trained(1);
            }
            let before = train.trainer().epoch();
            let snapshot = train.load(epoch);
            progress.trained(train.trainer().epoch() - before);
            snapshot
        });
        self.train_time += start.elapsed();
        snapshot
    }
}
