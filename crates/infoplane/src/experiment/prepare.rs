//! What all trainings of an experiment share, and what the manifest says of them.

use std::ops::Range;
use std::sync::Arc;

use ndarray::{Array2, Axis, s};

use super::config::{Experiment, MeasuredOn, OneOrEach};
use super::error::ExperimentError;
use crate::dataset::{Dataset, Scaling, Split, SplitRule};
use crate::network::Network;
use crate::plane::{MethodDescription, Part};
use crate::run::{DataFacts, FORMAT_VERSION, Manifest, Origin, PartFacts};
use crate::train::{Samples, Trainer};
use crate::{Labels, LayerDescription, Nonlinearity, Variable};

/// A network beyond this is not small and dense; it would take all memory before it took an epoch.
const MAX_WEIGHTS: u128 = 1 << 30;

/// What all trainings share.
pub(super) struct Prepared {
    /// As it was read: before scaling.
    pub dataset: Dataset,
    /// Scaled; none if each seed scales by rows of its own.
    samples: Option<Arc<Samples>>,
}

impl Experiment {
    pub(super) fn prepare(&self) -> Result<Prepared, ExperimentError> {
        let dataset = self.dataset.source.load(self.first_seed)?;
        let samples = match self.dataset.scaling {
            _ if self.scales_by_seed() => None,
            Scaling::None => Some(Arc::new(Samples::of_inputs(&dataset.inputs, &dataset.labels)?)),
            _ => Some(
                self.scaled_samples(&dataset, &dataset.split_rows(self.dataset.split, self.first_seed)?)?,
            ),
        };
        Ok(Prepared { dataset, samples })
    }

    /// Returns the samples that information is measured on in the training of a seed: inputs, scaled as the network sees them, and
    /// labels.
    ///
    /// # Errors
    /// [`ExperimentError`] if the data cannot be read or split.
    pub fn measured_samples(&self, seed: u64) -> Result<(Array2<f32>, Labels), ExperimentError> {
        let dataset = self.dataset.source.load(self.first_seed)?;
        let split = dataset.split_rows(self.dataset.split, seed)?;
        Ok(self.measured_rows(&dataset, &split))
    }

    /// Whether the inputs that the network sees differ from seed to seed.
    pub(super) fn scales_by_seed(&self) -> bool {
        self.dataset.scaling.depends_on_rows() && matches!(self.dataset.split, SplitRule::Shuffled { .. })
    }

    fn scaled_samples(&self, dataset: &Dataset, split: &Split) -> Result<Arc<Samples>, ExperimentError> {
        let mut inputs = dataset.inputs.to_array();
        self.scale(&mut inputs, dataset, split);
        if let Some((row, column, _)) = Variable::Single(inputs.view()).first_non_finite() {
            let value = dataset.inputs.value(row, column);
            return Err(ExperimentError::Value {
                origin: self.name.clone(),
                message: format!(
                    "dataset.scaling makes {value:e} at row {row}, column {column} (from 0) of {} too large for single \
                     precision; choose another scaling, or leave out or correct that value",
                    dataset.name
                ),
            });
        }
        Ok(Arc::new(Samples::new(inputs.view(), &dataset.labels)?))
    }

    /// Scales inputs as the network of a split sees them.
    fn scale(&self, inputs: &mut Array2<f32>, dataset: &Dataset, split: &Split) {
        self.dataset.scaling.fit(&dataset.inputs, &split.train).apply(inputs);
    }

    /// The rows that information is measured on, scaled as the network sees them; of both parts those that train first.
    pub(super) fn measured_rows(&self, dataset: &Dataset, split: &Split) -> (Array2<f32>, Labels) {
        let (mut inputs, labels) = match self.dataset.measured_on {
            MeasuredOn::All => (dataset.inputs.to_array(), dataset.labels.clone()),
            MeasuredOn::Train => (dataset.inputs.select(&split.train), dataset.labels.select(&split.train)),
            MeasuredOn::Test => (dataset.inputs.select(&split.test), dataset.labels.select(&split.test)),
            MeasuredOn::TrainAndTest => {
                let rows = [&split.train[..], &split.test].concat();
                (dataset.inputs.select(&rows), dataset.labels.select(&rows))
            }
        };
        self.scale(&mut inputs, dataset, split);
        (inputs, labels)
    }

    /// Which of the measured rows are measured apart from others; the rows of a part follow one another.
    pub(super) fn measured_parts(
        &self,
        split: &Split,
        n_measured: usize,
    ) -> Vec<(Option<Part>, Range<usize>)> {
        match self.dataset.measured_on {
            MeasuredOn::TrainAndTest => {
                let n_train = split.train.len();
                vec![(Some(Part::Train), 0..n_train), (Some(Part::Test), n_train..n_measured)]
            }
            MeasuredOn::All | MeasuredOn::Train | MeasuredOn::Test => vec![(None, 0..n_measured)],
        }
    }

    /// So many of the measured rows, evenly spaced; all unless given.
    pub(super) fn chosen_rows(
        &self,
        dataset: &Dataset,
        split: &Split,
        n_rows: Option<usize>,
    ) -> Result<(Array2<f32>, Labels), ExperimentError> {
        let (inputs, labels) = self.measured_rows(dataset, split);
        let (there, Some(n_rows)) = (labels.len(), n_rows) else { return Ok((inputs, labels)) };
        if n_rows > there {
            return Err(ExperimentError::Value {
                origin: self.name.clone(),
                message: format!("inputs = {n_rows}, but {there} are measured; allowed is 1 to {there}"),
            });
        }
        let rows: Vec<usize> =
            (0..n_rows).map(|row| (row as u128 * there as u128 / n_rows as u128) as usize).collect();
        Ok((inputs.select(Axis(0), &rows), labels.select(&rows)))
    }

    /// Widths from the input to the output.
    pub(super) fn widths(&self, dataset: &Dataset) -> Vec<usize> {
        let output = self.network.output_width.unwrap_or(dataset.labels.n_labels());
        let mut widths = vec![dataset.n_features()];
        widths.extend(&self.network.hidden);
        widths.push(output);
        widths
    }

    pub(super) fn nonlinearities(&self) -> Vec<Nonlinearity> {
        let mut each = match &self.network.nonlinearity {
            OneOrEach::One(nonlinearity) => vec![*nonlinearity; self.network.hidden.len()],
            OneOrEach::Each(each) => each.clone(),
        };
        each.push(self.network.output);
        each
    }

    pub(super) fn trainer(
        &self,
        prepared: &Prepared,
        split: &Split,
        seed: u64,
    ) -> Result<Trainer, ExperimentError> {
        let network = self.initial_network(&prepared.dataset, seed)?;
        let samples = match &prepared.samples {
            Some(samples) => Arc::clone(samples),
            None => self.scaled_samples(&prepared.dataset, split)?,
        };
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

    /// Epochs from one keyframe on the disk to the next.
    pub(super) fn keyframe_interval(&self, dataset: &Dataset) -> Option<u64> {
        let widths = self.widths(dataset);
        let n_parameters: u64 = widths.windows(2).map(|pair| (pair[0] as u64 + 1) * pair[1] as u64).sum();
        let n_values = n_parameters * (1 + self.training.optimizer.n_moments() as u64);
        self.keyframes.interval(self.training.epochs, self.seeds, n_values)
    }

    /// What the run is, checked as far as it can be before anything is written.
    pub(super) fn manifest(&self, prepared: &Prepared, seeds: &[u64]) -> Result<Manifest, ExperimentError> {
        let dataset = &prepared.dataset;
        let split = dataset.split_rows(self.dataset.split, seeds[0])?;
        let network = self.initial_network(dataset, seeds[0])?;
        let layers = network
            .layers
            .iter()
            .enumerate()
            .map(|(index, layer)| LayerDescription {
                name: LayerDescription::default_name(index),
                width: layer.biases.len(),
                nonlinearity: layer.nonlinearity.name().to_string(),
            })
            .collect();
        self.trainer(prepared, &split, seeds[0])?;
        Ok(Manifest {
            format_version: FORMAT_VERSION,
            infoplane_version: env!("CARGO_PKG_VERSION").into(),
            seeds: seeds.to_vec(),
            name: self.name.clone(),
            reference: self.reference.clone(),
            planned_epochs: Some(self.training.epochs),
            data: DataFacts {
                parts: self.part_facts(dataset, seeds)?,
                ..self.data_facts(dataset, seeds, None)?
            },
            schedule: self.schedule.clone(),
            layers,
            methods: self.methods(),
            quantities: self.quantities.clone(),
            origin: Origin::Experiment(self.to_table()),
        })
    }

    /// What is known of the data; entropies of the rows measured are means over the seeds, which may split
    /// differently. `inputs`: how many of those rows are measured, all unless given.
    pub(super) fn data_facts(
        &self,
        dataset: &Dataset,
        seeds: &[u64],
        inputs: Option<usize>,
    ) -> Result<DataFacts, ExperimentError> {
        let guessing_accuracy = self.guessing_accuracy(dataset, seeds)?;
        let same_rows = self.dataset.measured_on == MeasuredOn::All
            || !matches!(self.dataset.split, SplitRule::Shuffled { .. });
        let seeds = if same_rows { &seeds[..1] } else { seeds };
        let mut facts = DataFacts {
            name: dataset.name.clone(),
            digest: dataset.digest(),
            n_samples: dataset.n_samples(),
            n_measured: 0,
            h_x_bits: 0.0,
            h_y_bits: None,
            i_xy_bits: None,
            target_width: None,
            i_xy_rule_bits: self.dataset.source.rule_information()?.map(|information| information.bits()),
            rule_gain: self.dataset.source.rule_gain(),
            label_shares: dataset.labels.shares(),
            guessing_accuracy,
            parts: Vec::new(),
        };
        let (mut h_y_bits, mut i_xy_bits) = (0.0, 0.0);
        for &seed in seeds {
            let split = dataset.split_rows(self.dataset.split, seed)?;
            let (inputs, labels) = self.chosen_rows(dataset, &split, inputs)?;
            let measured_on = match self.dataset.measured_on {
                MeasuredOn::Test => Some("test"),
                MeasuredOn::TrainAndTest => Some("train-and-test"),
                MeasuredOn::All | MeasuredOn::Train => None,
            };
            if let (Some(measured_on), true) = (measured_on, split.test.is_empty()) {
                return Err(ExperimentError::Value {
                    origin: self.name.clone(),
                    message: format!(
                        "dataset.measured_on = \"{measured_on}\", but the split holds back no rows; use \"all\" or a \
                         train_fraction below 1"
                    ),
                });
            }
            let measured = Dataset {
                name: String::new(),
                inputs: inputs.into(),
                labels,
                split: None,
                readings: Vec::new(),
            };
            facts.n_measured = measured.n_samples();
            facts.h_x_bits += measured.x().entropy().bits() / seeds.len() as f64;
            h_y_bits += measured.labels.entropy().bits() / seeds.len() as f64;
            i_xy_bits += measured.label_information().bits() / seeds.len() as f64;
        }
        (facts.h_y_bits, facts.i_xy_bits) = (Some(h_y_bits), Some(i_xy_bits));
        Ok(facts)
    }

    /// What is known of each part that is measured apart, likewise.
    fn part_facts(&self, dataset: &Dataset, seeds: &[u64]) -> Result<Vec<PartFacts>, ExperimentError> {
        let same_rows = !matches!(self.dataset.split, SplitRule::Shuffled { .. });
        let seeds = if same_rows { &seeds[..1] } else { seeds };
        let mut facts: Vec<PartFacts> = Vec::new();
        for (number, &seed) in seeds.iter().enumerate() {
            let split = dataset.split_rows(self.dataset.split, seed)?;
            let (inputs, labels) = self.measured_rows(dataset, &split);
            for (place, (part, rows)) in self.measured_parts(&split, labels.len()).into_iter().enumerate() {
                let Some(part) = part else { return Ok(Vec::new()) };
                if number == 0 {
                    let n_measured = rows.len();
                    facts.push(PartFacts { part, n_measured, h_x_bits: 0.0, h_y_bits: 0.0, i_xy_bits: 0.0 });
                }
                let labels = labels.select_ranges(std::slice::from_ref(&rows));
                let inputs = inputs.slice(s![rows, ..]).to_owned().into();
                let measured =
                    Dataset { name: String::new(), inputs, labels, split: None, readings: Vec::new() };
                let (facts, n_seeds) = (&mut facts[place], seeds.len() as f64);
                facts.h_x_bits += measured.x().entropy().bits() / n_seeds;
                facts.h_y_bits += measured.labels.entropy().bits() / n_seeds;
                facts.i_xy_bits += measured.label_information().bits() / n_seeds;
            }
        }
        Ok(facts)
    }

    /// What each layer is measured with, in the order of its rows.
    fn methods(&self) -> Vec<MethodDescription> {
        let methods = MethodDescription::of_methods(&self.estimators);
        match self.dataset.measured_on {
            MeasuredOn::TrainAndTest => {
                let of_part = |part| methods.iter().map(move |method| method.of_part(part));
                of_part(Part::Train).chain(of_part(Part::Test)).collect()
            }
            MeasuredOn::All | MeasuredOn::Train | MeasuredOn::Test => {
                methods.iter().map(|method| (**method).clone()).collect()
            }
        }
    }

    /// The share of the most frequent class among the training labels of each seed.
    fn guessing_accuracy(&self, dataset: &Dataset, seeds: &[u64]) -> Result<Vec<f64>, ExperimentError> {
        let of_seed = |&seed: &u64| {
            let split = dataset.split_rows(self.dataset.split, seed)?;
            let shares = dataset.labels.select(&split.train).shares();
            Ok(shares.into_iter().fold(0.0, f64::max))
        };
        seeds.iter().map(of_seed).collect()
    }
}
