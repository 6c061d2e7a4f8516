//! Planes of networks that are trained elsewhere.
//!
//! Two ways lead to a run directory of the same kind as [`Experiment::run`](crate::experiment::Experiment::run) leaves:
//!
//! - [`Recorder`]: your program hands over the activations of an epoch as soon as it has them.
//! - [`Folder`]: activations that another program saved, a folder or a file for each epoch, measured with any schedule,
//!   [`record_folder`]; or as they appear while that program still trains, [`follow_folder`].

mod error;
mod folder;
mod grid;
mod measure;
mod positions;
mod recorder;
mod statistics;

use crate::directory::Digest;
use crate::estimator::{AnyEstimator, Estimator, LayerRange};
use crate::measure::LayerEstimators;
use crate::plane::{Entropies, LayerDescription, MethodDescription};
use crate::quantity::QuantityConfig;
use crate::run::{DataFacts, FORMAT_VERSION, Manifest, Origin, Recorded};
use crate::schedule::ScheduleConfig;
use crate::{Labels, Nonlinearity};

pub use error::RecordError;
pub use folder::{Folder, FolderConfig, Understood};
pub use measure::{FollowOptions, Followed, RecordSummary, follow_folder, record_folder, resume_folder};
pub use positions::Positions;
pub use recorder::Recorder;
pub use statistics::{describe_statistics, read_statistics};

/// What is recorded: the samples that a network is observed on, its layers, and how they are measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Recording {
    /// What figures call the run.
    pub name: String,
    /// Y: the class of each sample.
    pub labels: Labels,
    /// X: which input each sample is; all different unless given.
    pub inputs: Option<Labels>,
    /// The layers, from the one nearest the input.
    pub layers: Vec<LayerDescription>,
    /// What each layer is measured with.
    pub estimators: Vec<AnyEstimator>,
    /// What is measured beside the plane.
    pub quantities: Vec<QuantityConfig>,
    /// Which epochs are measured.
    pub schedule: ScheduleConfig,
    /// The epochs that will be trained, at most; absent where that is not known.
    pub planned_epochs: Option<u64>,
    /// The program that records, and what it knows of the network.
    pub by: Recorded,
}

impl Recording {
    /// A recording of every epoch, by both pairwise bounds with noise of this variance.
    ///
    /// `layers`: name and number of units of each, from the one nearest the input. Change the fields for anything else.
    pub fn new(name: &str, labels: Labels, layers: &[(&str, usize)], noise_variance: f64) -> Self {
        let kde = crate::estimator::Kde { noise_variances: vec![noise_variance] };
        let described = |&(name, width): &(&str, usize)| LayerDescription {
            name: name.into(),
            width,
            nonlinearity: String::new(),
        };
        Recording {
            name: name.into(),
            labels,
            inputs: None,
            layers: layers.iter().map(described).collect(),
            estimators: vec![kde.into()],
            quantities: Vec::new(),
            schedule: ScheduleConfig::Every { interval: 1, witness: None },
            planned_epochs: None,
            by: Recorded { by: "Recorder".into(), ..Recorded::default() },
        }
    }

    /// X, which is all different unless given.
    pub(crate) fn x(&self) -> Labels {
        self.inputs.clone().unwrap_or_else(|| Labels::distinct(self.labels.len()))
    }

    fn entropies(&self) -> Entropies {
        Entropies::of(&self.x(), &self.labels)
    }

    /// Refuses what nothing can be measured with.
    pub(crate) fn check(&self) -> Result<(), RecordError> {
        if self.labels.is_empty() {
            return Err(RecordError::NoSamples);
        }
        if let Some(inputs) = &self.inputs
            && inputs.len() != self.labels.len()
        {
            return Err(RecordError::Length {
                what: "inputs".into(),
                given: inputs.len(),
                expected: self.labels.len(),
            });
        }
        if self.layers.is_empty() {
            return Err(RecordError::NoLayers);
        }
        let names: Vec<String> =
            (1..=self.layers.len()).map(|layer| LayerDescription::name_in(&self.layers, layer)).collect();
        for (place, name) in names.iter().enumerate() {
            if let Some(first) = names[..place].iter().position(|other| other == name) {
                let (name, first, second) = (name.clone(), first + 1, place + 1);
                return Err(RecordError::SameLayer { name, first, second });
            }
        }
        if self.estimators.is_empty() {
            return Err(RecordError::NoEstimators);
        }
        for (index, estimator) in self.estimators.iter().enumerate() {
            estimator.check().map_err(|source| RecordError::Estimator { index, source })?;
        }
        QuantityConfig::check(&self.quantities, &self.estimators, false)?;
        // Without a known end, every n-th epoch makes no list that could be too long.
        let planned = self.planned_epochs.unwrap_or(match &self.schedule {
            ScheduleConfig::Every { interval, .. } => *interval,
            _ => u64::MAX >> 24,
        });
        Ok(self.schedule.check(planned, self.layers.len(), &self.estimators)?)
    }

    /// Refuses layers of another number or shape, `(n_samples, width)`, than are recorded.
    pub(crate) fn check_layers(
        &self,
        epoch: u64,
        shapes: impl ExactSizeIterator<Item = (usize, usize)>,
    ) -> Result<(), RecordError> {
        let (given, expected) = (shapes.len(), self.layers.len());
        if given != expected {
            return Err(RecordError::Layers { epoch, given, expected });
        }
        for (place, ((n_samples, width), described)) in shapes.zip(&self.layers).enumerate() {
            let name =
                || format!("epoch {epoch}, layer {}", LayerDescription::name_in(&self.layers, place + 1));
            if n_samples != self.labels.len() {
                let (given, expected) = (n_samples, self.labels.len());
                return Err(RecordError::Length { what: name(), given, expected });
            }
            if width != described.width {
                return Err(RecordError::Width { what: name(), given: width, expected: described.width });
            }
        }
        Ok(())
    }

    /// What the run is.
    pub(crate) fn manifest(&self) -> Manifest {
        let x = self.x();
        let mut digest = Digest::default();
        for codes in [x.codes(), self.labels.codes()] {
            codes.iter().for_each(|code| digest.update(&code.to_le_bytes()));
        }
        let pairs: Vec<(u32, u32)> =
            x.codes().iter().copied().zip(self.labels.codes().iter().copied()).collect();
        let (h_x, h_y) = (x.entropy().bits(), self.labels.entropy().bits());
        let h_xy = Labels::from_symbols(&pairs).entropy().bits();
        Manifest {
            format_version: FORMAT_VERSION,
            infoplane_version: env!("CARGO_PKG_VERSION").into(),
            name: self.name.clone(),
            reference: None,
            seeds: vec![SEED],
            planned_epochs: self.planned_epochs,
            data: DataFacts {
                name: self.name.clone(),
                digest: digest.text(),
                n_samples: self.labels.len(),
                n_measured: self.labels.len(),
                h_x_bits: h_x,
                h_y_bits: h_y,
                i_xy_bits: h_x + h_y - h_xy,
                i_xy_rule_bits: None,
                rule_gain: None,
                label_shares: self.labels.shares(),
                guessing_accuracy: Vec::new(),
                parts: Vec::new(),
            },
            schedule: self.schedule.clone(),
            layers: self.layers.clone(),
            methods: MethodDescription::of_methods(&self.estimators).iter().map(|m| (**m).clone()).collect(),
            quantities: self.quantities.clone(),
            origin: Origin::Recorded(self.by.clone()),
        }
    }

    /// The range of the nonlinearity of a layer, if that is one of the library's and bounded.
    pub(crate) fn activation_range(layer: &LayerDescription) -> Option<(f64, f64)> {
        Nonlinearity::named(&layer.nonlinearity).and_then(Nonlinearity::range)
    }

    /// The estimators of each layer, whose values cover `ranges`.
    fn layer_estimators(&self, ranges: &[LayerRange]) -> Vec<LayerEstimators> {
        let of_layer = |(layer, range): (&LayerDescription, &LayerRange)| {
            let activation = Recording::activation_range(layer);
            LayerEstimators::new(&self.estimators, &LayerRange { activation, ..range.clone() })
        };
        self.layers.iter().zip(ranges).map(of_layer).collect()
    }
}

/// A recording has one training; its seed is not known here.
const SEED: u64 = 0;
