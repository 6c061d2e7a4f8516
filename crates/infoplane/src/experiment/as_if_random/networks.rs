//! Networks that another program trained, pooled.

use std::path::{Path, PathBuf};

use ndarray::Array2;
use toml::{Table, Value};

use super::directory::{Opened, OutputDirectory, check_same, check_vacant, complete, remove_leftovers};
use super::measure::measure_pooled;
use super::metadata::{Metadata, read_metadata};
use super::{AsIfRandom, AsIfRandomResult, PoolConfig, SeedStatus};
use crate::Variable;
use crate::directory::{Digest, Disk, RunError};
use crate::experiment::error::ExperimentError;
use crate::plane::LayerDescription;
use crate::pool::{DriftTracker, NetworkSource, Pool, PoolSubject, WindowRow, pool_methods};
use crate::record::{RecordError, Recording};

/// The table of the metadata that says where networks of another program come from.
pub(super) const RECORDED: &str = "recorded";

/// The key in it by which networks are told from others.
const DIGEST: &str = "networks";

/// Networks that another program trained, as samples of one distribution of weights.
///
/// [`add`](GivenNetworks::add) takes the activations and the parameters of one network after the other, in the order of their
/// sources; [`measure`](GivenNetworks::measure) pools and measures them, and writes the same directory as
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
/// # let out = folder.path().join("pooled");
/// let labels = Labels::from_symbols(&["cat", "dog", "dog", "cat"]);
/// let recording = Recording::new("mine", labels, &[("hidden", 2)], 1e-3);
/// let sources = (93..=100).map(|epoch| NetworkSource { seed: 0, epoch, step: 0 }).collect();
/// let mut networks = GivenNetworks::new(&out, recording, sources, false)?;
/// for epoch in 93..=100 {
///     let hidden = Array2::from_shape_fn((4, 2), |(i, j)| (i + j) as f32 + 0.01 * (epoch % 3) as f32);
///     networks.add(GivenNetwork {
///         layers: &[(&hidden).into()],
///         parameters: vec![vec![0.5, 0.01 * (epoch % 3) as f32]],
///         weight_norm: 0.5,
///         train_loss: None,
///         train_accuracy: None,
///     })?;
/// }
/// let result = networks.measure(&|| false)?;
/// assert_eq!(result.window.len(), 8);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct GivenNetworks {
    out: PathBuf,
    recording: Recording,
    pool: PoolConfig,
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
    /// Begins a pool for the directory `out`: of the epochs of one training, ascending and evenly spaced, or, `over_seeds`, of
    /// several trainings.
    ///
    /// # Errors
    /// [`ExperimentError::Value`] for no networks, and for epochs that are not evenly spaced; [`ExperimentError::Record`] if the
    /// recording makes no sense, or the memory does not suffice; [`ExperimentError::OtherResult`] or
    /// [`RunError`] if `out` holds something else.
    pub fn new(
        out: &Path,
        recording: Recording,
        sources: Vec<NetworkSource>,
        over_seeds: bool,
    ) -> Result<GivenNetworks, ExperimentError> {
        recording.check()?;
        if recording.target.is_some() {
            let problem = "networks are pooled with classes; give labels".into();
            return Err(RecordError::Target { problem }.into());
        }
        let pool = pool_config(&recording.name, &sources, over_seeds)?;
        let mut layers = Vec::new();
        for layer in &recording.layers {
            let n = sources.len().saturating_mul(recording.labels.len()).saturating_mul(layer.width);
            let mut values: Vec<f32> = Vec::new();
            if values.try_reserve_exact(n).is_err() {
                let bytes = (n as u64).saturating_mul(4);
                let problem = format!("the activations of one layer take {bytes} bytes, which there are not");
                return Err(RecordError::Networks { problem }.into());
            }
            layers.push(values);
        }
        let networks = GivenNetworks {
            out: out.into(),
            drift: DriftTracker::new(sources.len()),
            layers,
            recording,
            pool,
            sources,
            window: Vec::new(),
            digest: Digest::default(),
            n_parameters: Vec::new(),
        };
        // Before the networks are computed: what is there must be of the same but for them.
        check_begun(out, &networks.metadata("")?)?;
        Ok(networks)
    }

    /// Adds the next network.
    ///
    /// # Errors
    /// [`RecordError`] for layers of another number or shape than those of the recording, and parameters of another number than
    /// those of the first network; [`RecordError::Networks`] for more networks than there are sources, and numbers that are not
    /// finite.
    pub fn add(&mut self, network: GivenNetwork<'_>) -> Result<(), RecordError> {
        let wrong = |problem: String| Err(RecordError::Networks { problem });
        let Some(&source) = self.sources.get(self.window.len()) else {
            return wrong(format!("there are more than the {} that were announced", self.sources.len()));
        };
        let which = match self.pool {
            PoolConfig::Seeds { .. } => format!("seed {}", source.seed),
            _ => format!("epoch {}", source.epoch),
        };
        let expected = self.recording.layers.len();
        for given in [network.layers.len(), network.parameters.len()] {
            if given != expected {
                return Err(RecordError::Layers { epoch: source.epoch, given, expected });
            }
        }
        let shapes = network.layers.iter().map(|t| (t.n_samples(), t.width()));
        self.recording.check_layers(source.epoch, shapes)?;
        let n_parameters: Vec<usize> = network.parameters.iter().map(Vec::len).collect();
        if self.window.is_empty() {
            self.n_parameters = n_parameters;
        } else if n_parameters != self.n_parameters {
            return wrong(format!("{which} has another number of parameters than the first network"));
        }
        let name = |place: usize| LayerDescription::name_in(&self.recording.layers, place + 1);
        let finite = |values: &Vec<f32>| values.iter().all(|value| value.is_finite());
        if let Some(place) = network.parameters.iter().position(|values| !finite(values)) {
            return wrong(format!("{which}, layer {}: not all parameters are finite", name(place)));
        }
        if !network.weight_norm.is_finite() {
            return wrong(format!("{which}: not all weights are finite"));
        }
        let single = |t: &Variable<'_>| -> Vec<f32> {
            match t {
                Variable::Single(rows) => rows.iter().copied().collect(),
                Variable::Double(rows) => rows.iter().map(|&value| value as f32).collect(),
                Variable::Labels(labels) => labels.codes().iter().map(|&code| code as f32).collect(),
            }
        };
        let values: Vec<Vec<f32>> = network.layers.iter().map(single).collect();
        if let Some(place) = values.iter().position(|values| !finite(values)) {
            return wrong(format!(
                "{which}, layer {}: not all values are finite in single precision",
                name(place)
            ));
        }
        for value in values.iter().chain(&network.parameters).flatten() {
            self.digest.update(&value.to_le_bytes());
        }
        for number in [source.seed, source.epoch] {
            self.digest.update(&number.to_le_bytes());
        }
        for number in [network.train_loss, network.train_accuracy] {
            self.digest.update(&number.map_or([0; 8], f64::to_le_bytes));
        }
        self.layers.iter_mut().zip(values).for_each(|(kept, values)| kept.extend(values));
        self.drift.add_parameters(network.parameters);
        self.window.push(WindowRow {
            network: source,
            train_loss: network.train_loss,
            train_accuracy: network.train_accuracy,
            weight_norm: network.weight_norm,
        });
        Ok(())
    }

    /// Pools the networks, measures the pool, and writes the directory, whose content it returns. If that holds the result of the
    /// same networks and settings, by this version, it is read and nothing is computed.
    ///
    /// # Errors
    /// [`ExperimentError::Record`] for fewer networks than there are sources; [`ExperimentError::OtherResult`] if the directory
    /// holds another result; [`ExperimentError::Interrupted`] once `stopped` is true, and then nothing is left; else as
    /// [`Experiment::as_if_random`](crate::experiment::Experiment::as_if_random).
    pub fn measure(self, stopped: &(dyn Fn() -> bool + Sync)) -> Result<AsIfRandomResult, ExperimentError> {
        let (given, expected) = (self.window.len(), self.sources.len());
        if given < expected {
            let problem = format!("there are {given}, and {expected} were announced");
            return Err(RecordError::Networks { problem }.into());
        }
        let metadata = self.metadata(&self.digest.text())?;
        let disk = Disk::default();
        if let Some(result) = complete(&self.out, &metadata)? {
            remove_leftovers(&disk, &self.out);
            return Ok(result);
        }
        let output = match OutputDirectory::open(disk, &self.out, &metadata)? {
            Opened::Complete(result) => return Ok(result),
            Opened::Incomplete(output, _) => Begun(Some(output)),
        };
        let settings = self.settings();
        let n_inputs = self.recording.labels.len();
        let rows = self.sources.len() * n_inputs;
        let layers = self.layers.into_iter().zip(&self.recording.layers);
        let layers = layers.map(|(values, layer)| {
            Array2::from_shape_vec((rows, layer.width), values).expect("as many values as were checked")
        });
        let pool = Pool { layers: layers.collect(), sources: self.sources, n_inputs };
        let (x, y) = (self.recording.x(), &self.recording.labels);
        let over_seeds = matches!(self.pool, PoolConfig::Seeds { .. });
        let seed = (!over_seeds).then(|| pool.sources[0].seed);
        let methods = pool_methods(&settings.estimators);
        let activation = self.recording.layers.iter().map(Recording::activation_range).collect();
        let subject = PoolSubject { seed, x: &x, y };
        let estimators = (&settings.estimators[..], &methods[..]);
        let (rows, overlap) = measure_pooled(&pool, subject, estimators, activation, stopped)
            .ok_or(ExperimentError::Interrupted)?;
        if let Some(reason) = rows.iter().find_map(|row| row.missing.as_ref()?.too_long()) {
            return Err(ExperimentError::TooLong { seed: pool.sources[0].seed, reason: reason.to_string() });
        }
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

    fn settings(&self) -> AsIfRandom {
        AsIfRandom { pool: self.pool.clone(), inputs: None, estimators: self.recording.estimators.clone() }
    }

    /// What is computed of networks of this digest.
    fn metadata(&self, digest: &str) -> Result<Metadata, ExperimentError> {
        let manifest = self.recording.manifest();
        let mut recorded = Table::try_from(&self.recording.by).map_err(|error| ExperimentError::Value {
            origin: self.recording.name.clone(),
            message: error.to_string(),
        })?;
        recorded.insert(DIGEST.into(), Value::String(digest.to_owned()));
        let experiment = Table::from_iter([(RECORDED.to_owned(), Value::Table(recorded))]);
        Metadata::new(&manifest, &self.settings(), manifest.data.clone(), experiment)
    }
}

/// Which networks are pooled.
fn pool_config(
    name: &str,
    sources: &[NetworkSource],
    over_seeds: bool,
) -> Result<PoolConfig, ExperimentError> {
    let refused = |message: String| Err(ExperimentError::Value { origin: name.into(), message });
    let (Some(first), Some(last)) = (sources.first(), sources.last()) else {
        return refused("there are no networks to be pooled".into());
    };
    if over_seeds {
        return Ok(PoolConfig::Seeds { epoch: None });
    }
    let stride = sources.get(1).map_or(1, |second| second.epoch.saturating_sub(first.epoch));
    let apart = |pair: &[NetworkSource]| pair[1].epoch.checked_sub(pair[0].epoch);
    if stride == 0 || sources.windows(2).any(|pair| apart(pair) != Some(stride)) {
        let shown: Vec<String> = sources.iter().take(4).map(|source| source.epoch.to_string()).collect();
        return refused(format!(
            "the epochs of a window are evenly spaced and ascend, by which drift is measured; these begin with {}",
            shown.join(", ")
        ));
    }
    Ok(PoolConfig::Epochs { window: sources.len(), stride, last: Some(last.epoch) })
}

/// Refuses a directory that holds anything but a result of the same with any networks.
fn check_begun(out: &Path, asked: &Metadata) -> Result<(), ExperimentError> {
    let Some((mut metadata, _)) = read_metadata(out)? else { return Ok(check_vacant(out)?) };
    if let Some(recorded) = metadata.experiment.get_mut(RECORDED).and_then(Value::as_table_mut) {
        recorded.insert(DIGEST.into(), Value::String(String::new()));
    }
    check_same(out, &metadata, asked)
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

    fn add(networks: &mut GivenNetworks, epoch: u64) -> Result<(), RecordError> {
        let [a, b] = layers(epoch);
        networks.add(GivenNetwork {
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

    fn sources(epochs: &[u64]) -> Vec<NetworkSource> {
        epochs.iter().map(|&epoch| NetworkSource { seed: 0, epoch, step: 0 }).collect()
    }

    fn pooled(out: &Path, epochs: &[u64]) -> Result<GivenNetworks, ExperimentError> {
        let mut networks = GivenNetworks::new(out, recording(), sources(epochs), false)?;
        epochs.iter().for_each(|&epoch| add(&mut networks, epoch).unwrap());
        Ok(networks)
    }

    #[test]
    fn a_result_is_read_as_it_was_written_and_not_computed_twice() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("pooled");
        let epochs = [10, 12, 14, 16, 18];
        let result = pooled(&out, &epochs).unwrap().measure(&|| false).unwrap();
        assert_eq!(AsIfRandomResult::read(&out).unwrap(), result);
        assert_eq!(result.settings.pool, PoolConfig::Epochs { window: 5, stride: 2, last: Some(18) });
        assert_eq!((result.window.len(), result.drift.len()), (5, 3));
        assert!(result.window.iter().all(|row| row.train_loss.is_none() && row.train_accuracy == Some(0.75)));
        assert!(result.rows.iter().all(|row| row.missing.is_none()));
        // Stopped at once, it can only be read.
        assert_eq!(pooled(&out, &epochs).unwrap().measure(&|| true).unwrap(), result);
        // Other epochs are known before the networks are, other networks once they are there.
        let other = pooled(&out, &[10, 11, 12, 13, 14]).err().expect("other epochs");
        assert!(matches!(other, ExperimentError::OtherResult { .. }), "{other}");
        let mut others = GivenNetworks::new(&out, recording(), sources(&epochs), false).unwrap();
        epochs.iter().for_each(|&epoch| add(&mut others, epoch + 1).unwrap());
        assert!(matches!(others.measure(&|| false), Err(ExperimentError::OtherResult { .. })));
        let resumed = Experiment::resume_as_if_random(&out, None, ONE, &(), &never()).unwrap();
        assert_eq!(resumed, result);
        // Without its outcome it can be computed again by the program that has the networks.
        std::fs::remove_file(out.join("outcome.toml")).unwrap();
        let refused = Experiment::resume_as_if_random(&out, None, ONE, &(), &never()).map_err(message);
        assert!(refused.unwrap_err().contains("trained by another program"));
        assert_eq!(pooled(&out, &epochs).unwrap().measure(&|| false).unwrap(), result);
    }

    #[test]
    fn an_interrupted_pool_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("pooled");
        assert!(matches!(
            pooled(&out, &[1, 2]).unwrap().measure(&|| true),
            Err(ExperimentError::Interrupted)
        ));
        assert!(!out.exists());
    }

    #[test]
    fn networks_that_do_not_fit_are_refused() {
        let out = Path::new("never made");
        let refused = |epochs: &[u64]| pooled(out, epochs).map_err(message).err().expect("a refusal");
        assert!(refused(&[1, 2, 4]).contains("these begin with 1, 2, 4"));
        assert!(refused(&[4, 2]).contains("ascend"));
        assert!(refused(&[]).contains("no networks"));
        let few = GivenNetworks::new(out, recording(), sources(&[1, 2, 3]), false).unwrap();
        assert!(few.measure(&|| false).map_err(message).unwrap_err().contains("there are 0, and 3"));
        let mut full = pooled(out, &[1]).unwrap();
        let more = add(&mut full, 2).unwrap_err().to_string();
        assert!(more.contains("more than the 1 that were announced"), "{more}");

        let [a, b] = layers(0);
        let infinite = b.mapv(|value| f64::from(value) + 1e60);
        let (good, weights) = ([(&a).into(), (&b).into()], vec![vec![1.0, 2.0], vec![3.0]]);
        let nan = vec![vec![1.0, f32::NAN], vec![3.0]];
        for (layers, parameters, weight_norm, expected) in [
            (&good[..1], weights.clone(), 1.0, "1 layer, but the recording has 2"),
            (&good[..], nan, 1.0, "epoch 7, layer a: not all parameters are finite"),
            (&good[..], weights.clone(), f64::INFINITY, "epoch 7: not all weights are finite"),
            (
                &[(&a).into(), (&infinite).into()][..],
                weights.clone(),
                1.0,
                "epoch 7, layer b: not all values",
            ),
        ] {
            let mut networks = GivenNetworks::new(out, recording(), sources(&[7]), false).unwrap();
            let (train_loss, train_accuracy) = (None, None);
            let network = GivenNetwork { layers, parameters, weight_norm, train_loss, train_accuracy };
            let error = networks.add(network).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        let wide = Recording {
            layers: vec![LayerDescription { width: usize::MAX / 64, ..recording().layers[0].clone() }],
            ..recording()
        };
        let much =
            GivenNetworks::new(out, wide, sources(&[1, 2]), false).map_err(message).err().expect("too much");
        assert!(much.contains("bytes, which there are not"), "{much}");
        assert!(!out.exists());
    }

    #[test]
    fn networks_of_other_seeds_are_others() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("pooled");
        let of_seeds = |seeds: &[u64]| {
            let sources = seeds.iter().map(|&seed| NetworkSource { seed, epoch: 0, step: 0 }).collect();
            let mut networks = GivenNetworks::new(&out, recording(), sources, true).unwrap();
            (0..seeds.len() as u64).for_each(|number| add(&mut networks, number).unwrap());
            networks.measure(&|| false)
        };
        let result = of_seeds(&[1, 2, 3]).unwrap();
        assert!(result.drift.is_empty() && result.seeds.len() == 3);
        assert_eq!(of_seeds(&[1, 2, 3]).unwrap(), result);
        assert!(matches!(of_seeds(&[7, 8, 9]), Err(ExperimentError::OtherResult { .. })));
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
        let out = folder.path().join("given");
        let mut networks = GivenNetworks::new(&out, recording, sources(&[4, 6, 8, 10, 12]), false).unwrap();
        let mut take = |trainer: &Trainer| {
            let network = trainer.network();
            let activations = network.activations(inputs.view());
            let layers: Vec<Variable<'_>> =
                activations.layers.iter().map(|t| Variable::Single(t.view())).collect();
            let parameters =
                network.layers.iter().map(|layer| layer.weights.iter().chain(&layer.biases).copied());
            let given = GivenNetwork {
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
        let result = networks.measure(&|| false).unwrap();
        assert_eq!(
            result.settings,
            AsIfRandom { pool: PoolConfig::Epochs { window: 5, stride: 2, last: Some(12) }, ..settings }
        );
        assert_eq!(result.rows, expected.rows);
        assert_eq!(result.overlap, expected.overlap);
        assert_eq!(result.drift, expected.drift);
    }
}
