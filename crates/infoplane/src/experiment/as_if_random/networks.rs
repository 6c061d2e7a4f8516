//! Networks that another program trained, pooled.

use std::path::Path;

use ndarray::Array2;
use toml::{Table, Value};

use super::directory::{Opened, OutputDirectory, complete, remove_leftovers};
use super::measure::measure_pooled;
use super::metadata::Metadata;
use super::{AsIfRandom, AsIfRandomResult, PoolConfig, SeedStatus};
use crate::Variable;
use crate::directory::{Digest, Disk, RunError};
use crate::experiment::error::ExperimentError;
use crate::plane::LayerDescription;
use crate::pool::{DriftTracker, NetworkSource, Pool, PoolSubject, WindowRow, pool_methods};
use crate::record::{RecordError, Recording};

/// The table of the metadata that says where networks of another program come from.
pub(super) const RECORDED: &str = "recorded";

/// Networks that another program trained, as samples of one distribution of weights.
///
/// [`add`](GivenNetworks::add) takes the activations and the parameters of one network after the other, in the order of their
/// epochs; [`measure`](GivenNetworks::measure) pools and measures them, and writes the same directory as
/// [`Experiment::as_if_random`](crate::experiment::Experiment::as_if_random).
///
/// Memory: 4 bytes for each activation of the pool, and 32 for each parameter of one network.
///
/// ```
/// use infoplane::Labels;
/// use infoplane::experiment::{GivenNetwork, GivenNetworks};
/// use infoplane::pool::NetworkSource;
/// use infoplane::record::Recording;
/// use ndarray::Array2;
///
/// # let folder = tempfile::tempdir()?;
/// let labels = Labels::from_symbols(&["cat", "dog", "dog", "cat"]);
/// let recording = Recording::new("mine", labels, &[("hidden", 2)], 1e-3);
/// let mut networks = GivenNetworks::new(recording, 8, false)?;
/// for epoch in 93..=100 {
///     let hidden = Array2::from_shape_fn((4, 2), |(i, j)| (i + j) as f32 + 0.01 * (epoch % 3) as f32);
///     networks.add(GivenNetwork {
///         source: NetworkSource { seed: 0, epoch, step: 0 },
///         layers: &[(&hidden).into()],
///         parameters: vec![vec![0.5, 0.01 * (epoch % 3) as f32]],
///         weight_norm: 0.5,
///         train_loss: None,
///         train_accuracy: None,
///     })?;
/// }
/// let result = networks.measure(&folder.path().join("pooled"), &|| false)?;
/// assert_eq!(result.window.len(), 8);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct GivenNetworks {
    recording: Recording,
    n_networks: usize,
    over_seeds: bool,
    sources: Vec<NetworkSource>,
    /// The activations of each layer, network after network.
    layers: Vec<Vec<f32>>,
    drift: DriftTracker,
    window: Vec<WindowRow>,
    digest: Digest,
    n_parameters: Vec<usize>,
}

/// One network that another program trained.
pub struct GivenNetwork<'a> {
    /// Which it is. Of networks of one training the epochs ascend, evenly spaced.
    pub source: NetworkSource,
    /// The activations of each layer, `(n_samples, width)`; kept in single precision.
    pub layers: &'a [Variable<'a>],
    /// The parameters of each layer, by which drift is measured.
    pub parameters: Vec<Vec<f32>>,
    /// The Euclidean norm of all weights, without biases.
    pub weight_norm: f64,
    /// The mean loss on the training samples, where it is known.
    pub train_loss: Option<f64>,
    /// The fraction of the training samples that are classified correctly, where it is known.
    pub train_accuracy: Option<f64>,
}

impl GivenNetworks {
    /// Begins a pool of `n_networks`: of the epochs of one training, or, `over_seeds`, of as many trainings.
    ///
    /// # Errors
    /// [`RecordError`] if the recording makes no sense.
    pub fn new(
        recording: Recording,
        n_networks: usize,
        over_seeds: bool,
    ) -> Result<GivenNetworks, RecordError> {
        recording.check()?;
        let room =
            |layer: &LayerDescription| Vec::with_capacity(n_networks * recording.labels.len() * layer.width);
        Ok(GivenNetworks {
            layers: recording.layers.iter().map(room).collect(),
            n_parameters: Vec::new(),
            recording,
            n_networks,
            over_seeds,
            sources: Vec::new(),
            drift: DriftTracker::new(n_networks),
            window: Vec::new(),
            digest: Digest::default(),
        })
    }

    /// The number of networks added so far.
    pub fn len(&self) -> usize {
        self.sources.len()
    }

    /// Whether none was added.
    pub fn is_empty(&self) -> bool {
        self.sources.is_empty()
    }

    /// Adds the next network.
    ///
    /// # Errors
    /// [`RecordError`] for layers of another number or shape than those of the recording, and parameters of another number than
    /// those of the first network; [`RecordError::Networks`] for more networks than were announced.
    pub fn add(&mut self, network: GivenNetwork<'_>) -> Result<(), RecordError> {
        let epoch = network.source.epoch;
        let expected = self.recording.layers.len();
        let wrong = |problem: String| Err(RecordError::Networks { problem });
        if self.sources.len() == self.n_networks {
            return wrong(format!("more than the {} that were announced", self.n_networks));
        }
        for given in [network.layers.len(), network.parameters.len()] {
            if given != expected {
                return Err(RecordError::Layers { epoch, given, expected });
            }
        }
        self.recording.check_layers(epoch, network.layers.iter().map(|t| (t.n_samples(), t.width())))?;
        let n_parameters: Vec<usize> = network.parameters.iter().map(Vec::len).collect();
        if self.sources.is_empty() {
            self.n_parameters = n_parameters;
        } else if n_parameters != self.n_parameters {
            return wrong(format!("epoch {epoch} has other parameters than the first network"));
        }
        if let Some(place) = network.layers.iter().position(|t| t.first_non_finite().is_some()) {
            let name = LayerDescription::name_in(&self.recording.layers, place + 1);
            return wrong(format!("epoch {epoch}, layer {name}: not all values are finite"));
        }
        for (kept, t) in self.layers.iter_mut().zip(network.layers) {
            let begin = kept.len();
            match t {
                Variable::Single(rows) => kept.extend(rows.iter().copied()),
                Variable::Double(rows) => kept.extend(rows.iter().map(|&value| value as f32)),
                Variable::Labels(labels) => kept.extend(labels.codes().iter().map(|&code| code as f32)),
            }
            kept[begin..].iter().for_each(|value| self.digest.update(&value.to_le_bytes()));
        }
        network.parameters.iter().flatten().for_each(|value| self.digest.update(&value.to_le_bytes()));
        self.digest.update(&network.source.epoch.to_le_bytes());
        self.drift.add_parameters(network.parameters);
        self.sources.push(network.source);
        self.window.push(WindowRow {
            network: network.source,
            train_loss: network.train_loss,
            train_accuracy: network.train_accuracy,
            weight_norm: network.weight_norm,
        });
        Ok(())
    }

    /// Pools the networks, measures the pool, and writes the directory `out`, whose content it returns. If `out` holds the result of
    /// the same networks and settings, by this version, it is read and nothing is computed.
    ///
    /// # Errors
    /// [`ExperimentError::Value`] for fewer networks than were announced, and for epochs that are not evenly spaced;
    /// [`ExperimentError::OtherResult`] if `out` holds another result; [`ExperimentError::Interrupted`] once `stopped` is true; else
    /// as [`Experiment::as_if_random`](crate::experiment::Experiment::as_if_random).
    pub fn measure(
        self,
        out: &Path,
        stopped: &(dyn Fn() -> bool + Sync),
    ) -> Result<AsIfRandomResult, ExperimentError> {
        let settings = AsIfRandom {
            pool: self.pool_config()?,
            inputs: None,
            estimators: self.recording.estimators.clone(),
        };
        let manifest = self.recording.manifest();
        let disk = Disk::default();
        let metadata = Metadata::new(&manifest, &settings, manifest.data.clone(), self.recorded()?)?;
        if let Some(result) = complete(out, &metadata)? {
            remove_leftovers(&disk, out);
            return Ok(result);
        }
        let output = match OutputDirectory::open(disk, out, &metadata)? {
            Opened::Complete(result) => return Ok(result),
            Opened::Incomplete(output, _) => Begun(Some(output)),
        };
        let n_inputs = self.recording.labels.len();
        let rows = self.sources.len() * n_inputs;
        let layers = self.layers.into_iter().zip(&self.recording.layers);
        let layers = layers.map(|(values, layer)| {
            Array2::from_shape_vec((rows, layer.width), values).expect("as many values as were checked")
        });
        let pool = Pool { layers: layers.collect(), sources: self.sources, n_inputs };
        let (x, y) = (self.recording.x(), &self.recording.labels);
        let seed = (!self.over_seeds).then(|| pool.sources[0].seed);
        let methods = pool_methods(&settings.estimators);
        let activation = self.recording.layers.iter().map(Recording::activation_range).collect();
        let subject = PoolSubject { seed, x: &x, y };
        let estimators = (&settings.estimators[..], &methods[..]);
        let (rows, overlap) = measure_pooled(&pool, subject, estimators, activation, stopped)
            .ok_or(ExperimentError::Interrupted)?;
        let mut seeds: Vec<u64> = pool.sources.iter().map(|source| source.seed).collect();
        seeds.dedup();
        let result = AsIfRandomResult {
            seeds: seeds.into_iter().map(|seed| SeedStatus { seed, ended: None }).collect(),
            rows,
            // Between trainings there is no drift.
            drift: seed.map_or(Vec::new(), |seed| self.drift.rows(seed)),
            window: self.window,
            overlap,
            ..metadata.result(settings)
        };
        output.finish(&result)?;
        Ok(result)
    }

    /// Which networks are pooled.
    fn pool_config(&self) -> Result<PoolConfig, ExperimentError> {
        let refused =
            |message: String| Err(ExperimentError::Value { origin: self.recording.name.clone(), message });
        let (given, expected) = (self.sources.len(), self.n_networks);
        if given == 0 || given < expected {
            return refused(format!(
                "{given} networks were given, and {expected} were announced; allowed is 1 or more"
            ));
        }
        if self.over_seeds {
            return Ok(PoolConfig::Seeds { epoch: None });
        }
        let epochs: Vec<u64> = self.sources.iter().map(|source| source.epoch).collect();
        let stride = epochs.get(1).map_or(1, |second| second.saturating_sub(epochs[0]));
        if stride == 0 || epochs.windows(2).any(|pair| pair[1].checked_sub(pair[0]) != Some(stride)) {
            let shown: Vec<String> = epochs.iter().take(4).map(u64::to_string).collect();
            return refused(format!(
                "the epochs of a window are evenly spaced and ascend, by which drift is measured; these begin with {}",
                shown.join(", ")
            ));
        }
        Ok(PoolConfig::Epochs { window: given, stride, last: epochs.last().copied() })
    }

    /// Where the networks come from, and by which digest others are told from them.
    fn recorded(&self) -> Result<Table, ExperimentError> {
        let origin = || self.recording.name.clone();
        let mut recorded = Table::try_from(&self.recording.by)
            .map_err(|error| ExperimentError::Value { origin: origin(), message: error.to_string() })?;
        recorded.insert("networks".into(), Value::String(self.digest.text()));
        Ok(Table::from_iter([(RECORDED.to_owned(), Value::Table(recorded))]))
    }
}

/// A directory that is removed again unless its result is written: there is nothing in it that would save work.
struct Begun(Option<OutputDirectory>);

impl Begun {
    fn finish(mut self, result: &AsIfRandomResult) -> Result<(), RunError> {
        match self.0.take() {
            Some(output) => output.finish(result),
            None => Ok(()),
        }
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        if let Some(output) = self.0.take() {
            output.abandon();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Labels;
    use crate::experiment::Experiment;
    use crate::experiment::tests::{ONE, never, small};
    use crate::train::Trainer;

    fn recording() -> Recording {
        let labels = Labels::from_symbols(&[0, 1, 0, 1, 1]);
        Recording::new("mine", labels, &[("a", 2), ("b", 1)], 0.01)
    }

    fn layers(epoch: u64) -> [Array2<f32>; 2] {
        let value =
            |scale: f32| move |(i, j): (usize, usize)| scale * (i + 2 * j) as f32 + (epoch % 3) as f32;
        [Array2::from_shape_fn((5, 2), value(0.1)), Array2::from_shape_fn((5, 1), value(0.3))]
    }

    fn add(networks: &mut GivenNetworks, seed: u64, epoch: u64) -> Result<(), RecordError> {
        let [a, b] = layers(epoch);
        networks.add(GivenNetwork {
            source: NetworkSource { seed, epoch, step: 0 },
            layers: &[(&a).into(), (&b).into()],
            parameters: vec![vec![epoch as f32, 1.0], vec![0.5]],
            weight_norm: 1.0,
            train_loss: None,
            train_accuracy: Some(0.75),
        })
    }

    fn message(error: ExperimentError) -> String {
        error.to_string()
    }

    fn pooled(epochs: &[u64]) -> GivenNetworks {
        let mut networks = GivenNetworks::new(recording(), epochs.len(), false).unwrap();
        epochs.iter().for_each(|&epoch| add(&mut networks, 0, epoch).unwrap());
        networks
    }

    #[test]
    fn a_result_is_read_as_it_was_written_and_not_computed_twice() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("pooled");
        let result = pooled(&[10, 12, 14, 16, 18]).measure(&out, &|| false).unwrap();
        assert_eq!(AsIfRandomResult::read(&out).unwrap(), result);
        assert_eq!(result.settings.pool, PoolConfig::Epochs { window: 5, stride: 2, last: Some(18) });
        assert_eq!((result.window.len(), result.drift.len()), (5, 3));
        assert!(result.window.iter().all(|row| row.train_loss.is_none() && row.train_accuracy == Some(0.75)));
        assert!(result.rows.iter().all(|row| row.missing.is_none()));
        // Stopped at once, it can only be read.
        assert_eq!(pooled(&[10, 12, 14, 16, 18]).measure(&out, &|| true).unwrap(), result);
        let other = pooled(&[10, 11, 12, 13, 14]).measure(&out, &|| false);
        assert!(matches!(other, Err(ExperimentError::OtherResult { .. })), "{other:?}");
        let resumed = Experiment::resume_as_if_random(&out, None, ONE, &(), &never()).unwrap();
        assert_eq!(resumed, result);
        // Without its outcome it can be computed again by the program that has the networks.
        std::fs::remove_file(out.join("outcome.toml")).unwrap();
        let refused = Experiment::resume_as_if_random(&out, None, ONE, &(), &never()).map_err(message);
        assert!(refused.unwrap_err().contains("trained by another program"));
        assert_eq!(pooled(&[10, 12, 14, 16, 18]).measure(&out, &|| false).unwrap(), result);
    }

    #[test]
    fn an_interrupted_pool_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("pooled");
        assert!(matches!(pooled(&[1, 2]).measure(&out, &|| true), Err(ExperimentError::Interrupted)));
        assert!(!out.exists());
    }

    #[test]
    fn networks_that_do_not_fit_are_refused() {
        let out = Path::new("never made");
        let uneven = pooled(&[1, 2, 4]).measure(out, &|| false).map_err(message).unwrap_err();
        assert!(uneven.contains("these begin with 1, 2, 4"), "{uneven}");
        let back = pooled(&[4, 2]).measure(out, &|| false).map_err(message).unwrap_err();
        assert!(back.contains("ascend"), "{back}");
        let few = GivenNetworks::new(recording(), 3, false).unwrap().measure(out, &|| false);
        assert!(few.map_err(message).unwrap_err().contains("0 networks were given"));
        let mut full = pooled(&[1]);
        let more = add(&mut full, 0, 2).unwrap_err().to_string();
        assert!(more.contains("more than the 1 that were announced"), "{more}");
        let mut networks = GivenNetworks::new(recording(), 2, false).unwrap();
        let [a, _] = layers(0);
        let lacks = networks.add(GivenNetwork {
            source: NetworkSource { seed: 0, epoch: 0, step: 0 },
            layers: &[(&a).into()],
            parameters: vec![vec![]],
            weight_norm: 0.0,
            train_loss: None,
            train_accuracy: None,
        });
        assert!(matches!(lacks, Err(RecordError::Layers { given: 1, expected: 2, .. })));
    }

    /// The networks of an experiment, handed over as those of another program, are measured alike.
    #[test]
    fn the_networks_of_an_experiment_give_its_rows() {
        let folder = tempfile::tempdir().unwrap();
        let experiment = small(folder.path(), &["seeds=1", "training.epochs=12"]);
        let settings = AsIfRandom {
            pool: PoolConfig::Epochs { window: 5, stride: 2, last: None },
            ..AsIfRandom::default()
        };
        let own = folder.path().join("own");
        let expected = experiment.as_if_random(&settings, None, &own, ONE, &(), &never()).unwrap();

        let prepared = experiment.prepare().unwrap();
        let split = prepared.dataset.split_rows(experiment.dataset.split, 0).unwrap();
        let (inputs, y) = experiment.chosen_rows(&prepared.dataset, &split, None).unwrap();
        let recording = Recording {
            inputs: Some(Labels::from_rows(inputs.view())),
            layers: expected.layers.clone(),
            estimators: settings.estimators.clone(),
            ..Recording::new("given", y, &[], 1.0)
        };
        let mut trainer = experiment.trainer(&prepared, &split, 0).unwrap();
        let mut networks = GivenNetworks::new(recording, 5, false).unwrap();
        let mut take = |trainer: &Trainer| {
            let network = trainer.network();
            let activations = network.activations(inputs.view());
            let layers: Vec<Variable<'_>> =
                activations.layers.iter().map(|t| Variable::Single(t.view())).collect();
            let parameters =
                network.layers.iter().map(|layer| layer.weights.iter().chain(&layer.biases).copied());
            let given = GivenNetwork {
                source: NetworkSource { seed: 0, epoch: trainer.epoch(), step: 0 },
                layers: &layers,
                parameters: parameters.map(Iterator::collect).collect(),
                weight_norm: 1.0,
                train_loss: None,
                train_accuracy: None,
            };
            networks.add(given).unwrap();
        };
        for epoch in 1..=12 {
            trainer.step_epoch().unwrap();
            if epoch >= 4 && epoch % 2 == 0 {
                take(&trainer);
            }
        }
        let result = networks.measure(&folder.path().join("given"), &|| false).unwrap();
        assert_eq!(
            result.settings,
            AsIfRandom { pool: PoolConfig::Epochs { window: 5, stride: 2, last: Some(12) }, ..settings }
        );
        assert_eq!(result.rows, expected.rows);
        assert_eq!(result.overlap, expected.overlap);
        assert_eq!(result.drift, expected.drift);
    }
}
