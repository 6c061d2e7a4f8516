//! Training, epoch by epoch.

use std::sync::{Arc, OnceLock};

use fearless_simd::Level;
use ndarray::ArrayView2;

use super::gradient_moments::GradientMoments;
use super::keyframe::digest_of_values;
use super::optimizer::Step;
use super::samples::BatchRows;
use super::{Samples, StatisticsEpochs, StopState, TrainConfig, TrainError, TrainingEnd};
use crate::Network;
use crate::network::kernels::{
    Aligned, Consecutive, Left, Right, Units, activate, all_finite, inner_products, multiply, multiply_slope,
    multiply_slope_from, padded, slope_needs_input, transpose,
};
use crate::network::{Batch, Parameters, Shape};
use crate::snapshot::SnapshotError;
use infoplane_estimators::Labels;
use infoplane_estimators::interrupt::poll;
use infoplane_estimators::math;
use infoplane_estimators::random::{Purpose, generator, shuffle};
use infoplane_estimators::simd;

/// A network in training: its parameters, the state of its optimizer, and the number of epochs trained.
///
/// A function of its arguments alone: the same seed gives the same bits for any number of threads, and
/// whether or not anything is recorded. All random numbers depend on (seed, epoch), so that training can continue
/// from a [`Keyframe`](super::Keyframe) bit for bit.
///
/// ```
/// use infoplane_train::{Labels, Network, Nonlinearity, network::Initialization};
/// use infoplane_train::train::{TrainConfig, Trainer};
/// use ndarray::array;
/// let inputs = array![[0.0f32, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]];
/// let xor = Labels::from_symbols(&[0, 1, 1, 0]);
/// let kinds = [Nonlinearity::Tanh, Nonlinearity::Softmax];
/// let network = Network::initialized(&[2, 8, 2], &kinds, &Initialization::default(), 1)?;
/// let config: TrainConfig = toml::from_str("optimizer = { kind = \"adam\", learning_rate = 0.05 }")?;
/// let rows = [0, 1, 2, 3];
/// let mut trainer = Trainer::new(&config, network, inputs.view(), &xor, &rows, &[], 1)?;
/// for _ in 0..200 {
///     trainer.step_epoch()?;
/// }
/// assert_eq!(trainer.stats().train_accuracy, Some(1.0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Trainer {
    pub(super) level: Level,
    pub(super) config: TrainConfig,
    pub(super) samples: Arc<Samples>,
    pub(super) train_rows: Arc<Vec<u32>>,
    pub(super) test_rows: Arc<Vec<u32>>,
    pub(super) seed: u64,
    pub(super) epoch: u64,
    /// Steps of the optimizer so far.
    pub(super) steps: u64,
    pub(super) parameters: Parameters,
    pub(super) moments: [Aligned; 2],
    /// The gradients of the last epoch, if that epoch was recorded.
    pub(super) recorded: Option<GradientMoments>,
    pub(super) diverged: Option<SnapshotError>,
    /// A checksum of the parameters it began with.
    pub(super) initial: u128,
    pub(super) fingerprint: OnceLock<u128>,
    /// The state of the stopping rule; absent without one.
    pub(super) stop: Option<StopState>,
    work: Work,
}

/// Memory that every step uses again.
#[derive(Debug)]
struct Work {
    order: Vec<u32>,
    batch: Batch,
    /// The derivatives by z, like `batch` but without the input.
    deltas: Vec<Aligned>,
    /// The values needed for a layer's derivative where its output does not suffice: z of GELU, and t before dropout.
    before: Vec<Option<Aligned>>,
    /// 0 for units that drop out, 1/(1 − rate) for the others; empty without dropout.
    masks: Vec<Aligned>,
    gradient: Aligned,
    /// Which layers' weight gradients are products with `rows`.
    by_rows: Vec<bool>,
    /// A layer's input, one row per sample, for the gradient of its weights.
    rows: Aligned,
    /// The rows of the batch, where they are not there already.
    batch_rows: BatchRows,
    targets: Aligned,
    shares: Aligned,
}

impl Work {
    fn new(shape: &Shape, samples: &Samples, batch_size: usize, dropout: bool) -> Work {
        let stride = padded(batch_size);
        let n_layers = shape.n_layers();
        let unit_major = |l: usize| Aligned::zeros(shape.widths[l + 1] * stride);
        let before = |l: usize| {
            let hidden = l + 1 < n_layers;
            let needed = hidden && (dropout || slope_needs_input(shape.nonlinearities[l]));
            needed.then(|| unit_major(l))
        };
        let by_rows: Vec<bool> = (0..n_layers).map(|l| by_rows(shape, l, batch_size)).collect();
        let widest = (0..n_layers).filter(|&l| by_rows[l]).map(|l| shape.strides[l]).max().unwrap_or(0);
        Work {
            order: Vec::new(),
            batch: Batch::new(shape, batch_size),
            deltas: (0..n_layers).map(unit_major).collect(),
            before: (0..n_layers).map(before).collect(),
            masks: if dropout { (0..n_layers - 1).map(unit_major).collect() } else { Vec::new() },
            gradient: Aligned::zeros(shape.len()),
            by_rows,
            rows: Aligned::zeros(widest * stride),
            batch_rows: samples.batch_rows(batch_size),
            targets: unit_major(n_layers - 1),
            shares: Aligned::zeros(stride),
        }
    }
}

/// Returns whether the weight gradient of layer `l` is the product of deltas and samples, rather than inner products
/// of units. The former costs a transposed copy of the input, the latter the folding of each sum.
fn by_rows(shape: &Shape, l: usize, batch_size: usize) -> bool {
    let (inputs, width, stride) = (shape.widths[l] + 1, shape.widths[l + 1], shape.strides[l]);
    // In vector operations: tiles of 4 × 4 sums, 45 to fold them; about one per copied vector.
    let tiles = width.div_ceil(4) * inputs.div_ceil(4);
    let by_units = tiles * (batch_size + 45 + 20);
    let by_rows = stride / 16 * batch_size * (width + 8);
    by_rows < by_units
}

impl Trainer {
    /// Creates a trainer of `network` on the rows `train_rows` of `inputs`, `(n_samples, n_features)`; `test_rows`
    /// are held out for statistics, and may be empty.
    ///
    /// Copies the inputs; [`Trainer::with_samples`] shares one copy among trainers.
    ///
    /// # Errors
    /// [`TrainError`] if a setting is out of range or the parts do not fit together.
    pub fn new(
        config: &TrainConfig,
        network: Network,
        inputs: ArrayView2<'_, f32>,
        labels: &Labels,
        train_rows: &[usize],
        test_rows: &[usize],
        seed: u64,
    ) -> Result<Trainer, TrainError> {
        let samples = Arc::new(Samples::new(inputs, labels)?);
        Trainer::with_samples(config, network, samples, train_rows, test_rows, seed)
    }

    /// As [`Trainer::new`], on samples that are packed already.
    ///
    /// # Errors
    /// As [`Trainer::new`].
    pub fn with_samples(
        config: &TrainConfig,
        network: Network,
        samples: Arc<Samples>,
        train_rows: &[usize],
        test_rows: &[usize],
        seed: u64,
    ) -> Result<Trainer, TrainError> {
        config.check()?;
        network.validate()?;
        let parameters = Parameters::of(&network);
        let shape = &parameters.shape;
        let (width, n_classes) = (shape.widths[shape.n_layers()], samples.n_classes);
        if shape.widths[0] != samples.n_features {
            return Err(TrainError::InputWidth {
                n_features: samples.n_features,
                input_width: shape.widths[0],
            });
        }
        config.loss.check_output(shape.nonlinearities[shape.n_layers() - 1])?;
        let single = width == 1 && n_classes <= 2 && config.loss != super::Loss::SoftmaxCrossEntropy;
        if !(width == n_classes || single) {
            return Err(TrainError::OutputWidth { width, n_classes });
        }
        let number = |&row: &usize| {
            let n_samples = samples.n_samples();
            if row < n_samples { Ok(row as u32) } else { Err(TrainError::RowOutOfRange { row, n_samples }) }
        };
        let train_rows = train_rows.iter().map(number).collect::<Result<Vec<u32>, _>>()?;
        let test_rows = test_rows.iter().map(number).collect::<Result<Vec<u32>, _>>()?;
        if train_rows.is_empty() {
            return Err(TrainError::NoTrainingSamples);
        }
        if let Some(stop) = config.stop
            && stop.statistic.is_of_test()
            && test_rows.is_empty()
        {
            return Err(TrainError::NoTestSamples { statistic: stop.statistic });
        }
        let moment = |n| Aligned::zeros(if config.optimizer.n_moments() > n { shape.len() } else { 0 });
        let batch_size = config.batch_size.of(train_rows.len());
        let mut trainer = Trainer {
            level: simd::level(),
            moments: [moment(0), moment(1)],
            work: Work::new(shape, &samples, batch_size, config.dropout > 0.0),
            initial: digest_of_values(&parameters.values),
            fingerprint: OnceLock::new(),
            config: config.clone(),
            samples,
            train_rows: Arc::new(train_rows),
            test_rows: Arc::new(test_rows),
            seed,
            epoch: 0,
            steps: 0,
            parameters,
            recorded: None,
            diverged: None,
            stop: config.stop.map(|_| StopState::default()),
        };
        trainer.observe();
        Ok(trainer)
    }

    /// Returns another training with the same settings, data and present state; the data are shared.
    pub fn duplicate(&self) -> Trainer {
        let shape = &self.parameters.shape;
        let batch_size = self.config.batch_size.of(self.train_rows.len());
        Trainer {
            level: self.level,
            config: self.config.clone(),
            samples: self.samples.clone(),
            train_rows: self.train_rows.clone(),
            test_rows: self.test_rows.clone(),
            seed: self.seed,
            epoch: self.epoch,
            steps: self.steps,
            parameters: Parameters { shape: shape.clone(), values: self.parameters.values.clone() },
            moments: self.moments.clone(),
            recorded: None,
            diverged: self.diverged.clone(),
            stop: self.stop,
            initial: self.initial,
            fingerprint: self.fingerprint.clone(),
            work: Work::new(shape, &self.samples, batch_size, self.config.dropout > 0.0),
        }
    }

    /// Returns the number of epochs trained.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Returns the number of mini-batch steps taken.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Returns the number of mini-batch steps per epoch; the last batch may be smaller.
    pub fn steps_per_epoch(&self) -> u64 {
        let n_samples = self.train_rows.len();
        n_samples.div_ceil(self.config.batch_size.of(n_samples)) as u64
    }

    /// Returns the network as it is now.
    pub fn network(&self) -> Network {
        self.parameters.to_network()
    }

    /// Returns the training configuration.
    pub fn config(&self) -> &TrainConfig {
        &self.config
    }

    /// Returns whether the configuration asks for the statistics of the present epoch.
    ///
    /// They are also recorded where the stopping rule has just ended training. Since this was not known when the epoch
    /// was trained, the gradients may be absent from its statistics.
    pub fn at_recorded_epoch(&self) -> bool {
        let statistics = self.config.statistics;
        let ended_here = match self.ended_by_rule(self.epoch) {
            Some(TrainingEnd::Target { epoch, .. } | TrainingEnd::Patience { epoch, .. }) => {
                epoch == self.epoch
            }
            _ => false,
        };
        statistics.contains(self.epoch, self.config.epochs)
            || (ended_here && statistics != StatisticsEpochs::Never)
    }

    /// Trains one epoch: visits every training sample once, in an order that depends on the epoch.
    ///
    /// Gradients are recorded if the configuration's statistics contain the new epoch.
    ///
    /// Training can continue after it has [`ended`](Trainer::ended) by its rule or its number of epochs;
    /// [`Trainer::ended`] still reports the first end.
    ///
    /// Where the thread is stopped ([`interrupt`](infoplane_estimators::interrupt)) it unwinds in the middle of the epoch; what
    /// is left goes on only from a state that was [restored](Trainer::restore).
    ///
    /// # Errors
    /// [`SnapshotError::Diverged`] if the loss of the epoch, or a weight after it, is not finite; then
    /// training is over, and every further call returns the same error.
    pub fn step_epoch(&mut self) -> Result<(), SnapshotError> {
        self.step_epoch_by_steps(|_| {})
    }

    /// As [`Trainer::step_epoch`]; `on_step` is called with the trainer after every mini-batch step.
    ///
    /// There [`Trainer::epoch`] is still that of the beginning of the epoch, and [`Trainer::steps`] counts the step
    /// just made. After the last step the network is that of the new epoch. Calling it does not change training.
    ///
    /// # Errors
    /// As [`Trainer::step_epoch`]; the steps up to there have been seen.
    pub fn step_epoch_by_steps(&mut self, on_step: impl FnMut(&Trainer)) -> Result<(), SnapshotError> {
        let record = self.config.statistics.contains(self.epoch + 1, self.config.epochs);
        self.train_epoch_by_steps(record, on_step)?;
        self.observe();
        Ok(())
    }

    /// As [`Trainer::step_epoch`], without checking the stopping rule.
    pub(super) fn train_epoch(&mut self, record: bool) -> Result<(), SnapshotError> {
        self.train_epoch_by_steps(record, |_| {})
    }

    fn train_epoch_by_steps(
        &mut self,
        record: bool,
        mut on_step: impl FnMut(&Trainer),
    ) -> Result<(), SnapshotError> {
        if let Some(diverged) = &self.diverged {
            return Err(diverged.clone());
        }
        let n_samples = self.train_rows.len();
        let batch_size = self.config.batch_size.of(n_samples);
        self.recorded = record.then(|| GradientMoments::new(self.parameters.shape.len()));
        self.work.order.clone_from(&self.train_rows);
        if batch_size < n_samples {
            shuffle(&mut generator(self.seed, Purpose::Shuffle, self.epoch), &mut self.work.order);
        }
        let mut dropout = generator(self.seed, Purpose::Dropout, self.epoch);
        let schedule = self.config.learning_rate_schedule;
        let factor = schedule.factor(self.epoch, self.config.epochs);
        let rate = (f64::from(self.config.optimizer.learning_rate()) * factor) as f32;

        let mut loss = 0.0;
        for start in (0..n_samples).step_by(batch_size) {
            poll();
            let rows = start..n_samples.min(start + batch_size);
            let share = rows.len() as f64 / n_samples as f64;
            loss += f64::from(self.gradient(rows, &mut dropout)) * share;
            self.update(rate);
            on_step(self);
        }
        self.epoch += 1;
        let finite = all_finite(self.level, &self.parameters.values);
        if !(finite && loss.is_finite()) {
            let loss = if loss.is_finite() { f32::NAN } else { loss as f32 };
            let diverged = SnapshotError::Diverged { epoch: self.epoch, loss };
            self.diverged = Some(diverged.clone());
            return Err(diverged);
        }
        Ok(())
    }

    /// Computes the gradient over a batch, given as a range of the epoch's order; returns the mean loss.
    fn gradient(
        &mut self,
        rows: std::ops::Range<usize>,
        dropout: &mut impl rand_chacha::rand_core::Rng,
    ) -> f32 {
        let Trainer { level, work, parameters, samples, config, .. } = self;
        let (level, shape, n_samples) = (*level, &parameters.shape, rows.len());
        let rows = &work.order[rows];
        let stride = padded(n_samples);
        let n_layers = shape.n_layers();
        work.batch.set_stride(shape, stride);

        // Gather. Columns that only fill the last vector repeat the first sample, with a share of 0.
        let width = shape.strides[0];
        let chosen = samples.chosen(rows, &mut work.batch_rows);
        transpose(level, &chosen, stride, width, &mut work.batch.layers[0], stride);
        let shares = &mut work.shares[..stride];
        shares[..n_samples].fill(1.0 / n_samples as f32);
        shares[n_samples..].fill(0.0);
        write_targets(samples, rows, stride, &mut work.targets[..shape.widths[n_layers] * stride]);

        // Forward, the last layer's nonlinearity left to the loss.
        for l in 0..n_layers {
            let (t, z) = work.batch.pair(shape, l);
            parameters.preactivate(level, l, t, stride, z);
            if l + 1 == n_layers {
                continue;
            }
            let nonlinearity = shape.nonlinearities[l];
            let needs_input = slope_needs_input(nonlinearity);
            if let Some(before) = work.before[l].as_mut().filter(|_| needs_input) {
                before[..z.len()].copy_from_slice(z);
            }
            activate(level, nonlinearity, z, stride);
            if let Some(mask) = work.masks.get_mut(l) {
                if let Some(before) = work.before[l].as_mut().filter(|_| !needs_input) {
                    before[..z.len()].copy_from_slice(z);
                }
                draw_mask(dropout, config.dropout, &mut mask[..z.len()]);
                z.iter_mut().zip(mask.iter()).for_each(|(t, m)| *t *= m);
            }
        }
        let (_, z) = work.batch.pair(shape, n_layers - 1);
        let delta = &mut work.deltas[n_layers - 1][..z.len()];
        let output = shape.nonlinearities[n_layers - 1];
        let loss =
            config.loss.evaluate(level, output, z, &work.targets[..z.len()], &work.shares[..stride], delta);

        // Backward.
        for l in (0..n_layers).rev() {
            let (inputs, width, weight_stride) = (shape.widths[l], shape.widths[l + 1], shape.strides[l]);
            let (earlier, later) = work.deltas.split_at_mut(l);
            let delta = &later[0][..width * stride];
            let t = &work.batch.layers[l];
            let gradient = &mut work.gradient[shape.range(l)];
            if work.by_rows[l] {
                if l == 0 {
                    for (j, slot) in work.rows.chunks_exact_mut(weight_stride).take(n_samples).enumerate() {
                        slot.copy_from_slice(chosen.row(j));
                    }
                } else {
                    let units = Consecutive { values: t, stride };
                    transpose(level, &units, weight_stride, stride, &mut work.rows, weight_stride);
                }
                let deltas = Left { values: delta, stride, transposed: false };
                let samples = Right { values: &work.rows, stride: weight_stride, depth: n_samples };
                multiply(level, deltas, samples, gradient, weight_stride);
            } else {
                let deltas = Units { values: delta, n_units: width };
                let units = Units { values: t, n_units: inputs + 1 };
                inner_products(level, deltas, units, stride, gradient, weight_stride);
            }
            if l == 0 {
                break;
            }
            let before_delta = &mut earlier[l - 1][..inputs * stride];
            let weights =
                Left { values: &parameters.values[shape.range(l)], stride: weight_stride, transposed: true };
            multiply(level, weights, Right { values: delta, stride, depth: width }, before_delta, stride);
            if let Some(mask) = work.masks.get(l - 1) {
                before_delta.iter_mut().zip(mask.iter()).for_each(|(d, m)| *d *= m);
            }
            let nonlinearity = shape.nonlinearities[l - 1];
            match &work.before[l - 1] {
                Some(z) if slope_needs_input(nonlinearity) => multiply_slope_from(level, z, before_delta),
                Some(t) => multiply_slope(level, nonlinearity, t, before_delta),
                None => multiply_slope(level, nonlinearity, t, before_delta),
            }
        }
        loss
    }

    /// Makes a step along the current gradient.
    fn update(&mut self, rate: f32) {
        let Trainer { level, work, parameters, config, moments, .. } = self;
        if let Some(recorded) = &mut self.recorded {
            recorded.add(*level, &work.gradient);
        }
        self.steps += 1;
        let decay = config.weight_decay;
        if decay > 0.0 {
            for l in 0..parameters.shape.n_layers() {
                let (range, stride) = (parameters.shape.range(l), parameters.shape.strides[l]);
                let inputs = parameters.shape.widths[l];
                let weights = parameters.values[range.clone()].chunks_exact_mut(stride);
                for (w, g) in weights.zip(work.gradient[range].chunks_exact_mut(stride)) {
                    for (w, g) in w[..inputs].iter_mut().zip(&mut g[..inputs]) {
                        if config.optimizer.decouples_decay() {
                            *w *= 1.0 - rate * decay;
                        } else {
                            *g += decay * *w;
                        }
                    }
                }
            }
        }
        let values = &mut parameters.values;
        let step = Step { rate, number: self.steps };
        let moments = moments.each_mut().map(|moment| &mut moment[..]);
        config.optimizer.step(*level, step, values, &work.gradient, moments);
    }

    /// Returns the gradient of the mean loss over the training rows, without dropout; for tests.
    #[cfg(test)]
    pub(super) fn full_gradient(&mut self) -> (f32, Vec<f32>) {
        self.work.order.clone_from(&self.train_rows);
        let mut dropout = generator(self.seed, Purpose::Dropout, self.epoch);
        let loss = self.gradient(0..self.train_rows.len(), &mut dropout);
        (loss, self.work.gradient.to_vec())
    }
}

/// The target of each sample, unit-major: one-hot, or the class itself for a single unit.
pub(super) fn write_targets(samples: &Samples, rows: &[u32], stride: usize, targets: &mut [f32]) {
    targets.fill(0.0);
    let single = targets.len() == stride;
    for (j, &row) in rows.iter().enumerate() {
        let class = samples.classes[row as usize];
        if single {
            targets[j] = class as f32;
        } else {
            targets[class as usize * stride + j] = 1.0;
        }
    }
}

/// For each unit and sample: 0 with probability `rate`, else 1/(1 − rate).
fn draw_mask(random: &mut impl rand_chacha::rand_core::Rng, rate: f32, mask: &mut [f32]) {
    let threshold = (f64::from(rate) * math::powi(2f64, 32)) as u32;
    let kept = 1.0 / (1.0 - rate);
    for value in mask {
        *value = if random.next_u32() < threshold { 0.0 } else { kept };
    }
}
