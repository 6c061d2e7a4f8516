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
use crate::plane::{Distance, Entropies, LayerDescription, MethodDescription, Scale};
use crate::quantity::QuantityConfig;
use crate::run::{DataFacts, FORMAT_VERSION, Manifest, Origin, Recorded};
use crate::schedule::ScheduleConfig;
use crate::{EstimateError, Labels, Nonlinearity};
use ndarray::Array2;

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
    /// Y: the class of each sample; empty where there is a target.
    pub labels: Labels,
    /// Y as numbers, `(n_samples, columns)`: the target of a regression network. Rows then have I(T;Y) of these numbers, by estimators
    /// that measure numbers ([`EstimatorInfo::measures_numbers`](crate::estimator::EstimatorInfo::measures_numbers)); H(Y) is not known.
    pub target: Option<Array2<f64>>,
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
            target: None,
            inputs: None,
            layers: layers.iter().map(described).collect(),
            estimators: vec![kde.into()],
            quantities: Vec::new(),
            schedule: ScheduleConfig::Every { interval: 1, witness: None },
            planned_epochs: None,
            by: Recorded { by: "Recorder".into(), ..Recorded::default() },
        }
    }

    /// A recording of every epoch with a target of numbers, `(n_samples, columns)`, by these estimators.
    ///
    /// `layers`: as [`new`](Recording::new).
    ///
    /// ```
    /// use infoplane::record::{Recorder, Recording};
    /// use infoplane::{Activations, estimator::Gcmi};
    /// use ndarray::Array2;
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("mine");
    /// let target = Array2::from_shape_fn((200, 1), |(i, _)| (i as f64 * 0.618).fract());
    /// let recording = Recording::of_target("mine", target.clone(), &[("hidden", 1)], vec![Gcmi::default().into()]);
    /// let mut recorder = Recorder::create(&path, recording)?;
    /// let hidden = target.mapv(|y| (y + (y * 1e4).sin()) as f32);
    /// recorder.record(0, &Activations { layers: vec![hidden] }, None)?;
    /// let run = recorder.finish()?;
    /// assert!(run.plane().rows().all(|row| row.i_ty_bits.is_some()));
    /// assert_eq!(run.manifest().data.h_y_bits, None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn of_target(
        name: &str,
        target: Array2<f64>,
        layers: &[(&str, usize)],
        estimators: Vec<AnyEstimator>,
    ) -> Self {
        let without = Recording::new(name, Labels::from_integers(&[]), layers, 1.0);
        Recording { target: Some(target), estimators, ..without }
    }

    /// How many samples there are.
    pub fn n_samples(&self) -> usize {
        self.target.as_ref().map_or(self.labels.len(), Array2::nrows)
    }

    /// X, which is all different unless given.
    pub(crate) fn x(&self) -> Labels {
        self.inputs.clone().unwrap_or_else(|| Labels::distinct(self.n_samples()))
    }

    /// H(X) and H(Y); H(Y) of a target is no number, and nothing is scaled by it.
    fn entropies(&self) -> Entropies {
        match &self.target {
            Some(_) => Entropies { h_x_bits: self.x().entropy().bits(), h_y_bits: f64::NAN },
            None => Entropies::of(&self.x(), &self.labels),
        }
    }

    /// How far apart two epochs are: with a target in bits.
    fn distance(&self) -> Distance {
        let distance = self.schedule.distance(self.entropies());
        match &self.target {
            Some(_) => Distance { scale: Scale::Bits, ..distance },
            None => distance,
        }
    }

    /// Refuses what nothing can be measured with.
    pub(crate) fn check(&self) -> Result<(), RecordError> {
        if self.n_samples() == 0 {
            return Err(RecordError::NoSamples);
        }
        if let Some(target) = &self.target {
            self.check_target(target)?;
        }
        if let Some(inputs) = &self.inputs
            && inputs.len() != self.n_samples()
        {
            return Err(RecordError::Length {
                what: "inputs".into(),
                given: inputs.len(),
                expected: self.n_samples(),
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

    /// Refuses a target of which nothing can be measured, and what is measured of classes alone.
    fn check_target(&self, target: &Array2<f64>) -> Result<(), RecordError> {
        let wrong = |problem: String| Err(RecordError::Target { problem });
        if !self.labels.is_empty() {
            return wrong("there are labels, too; give one of the two".into());
        }
        if target.ncols() == 0 {
            return wrong("it has no columns; give numbers, a row for each sample".into());
        }
        if let Some(((row, column), value)) = target.indexed_iter().find(|(_, value)| !value.is_finite()) {
            return wrong(format!(
                "it holds {value} at row {row}, column {column} (from 0); only finite values can be measured"
            ));
        }
        for (index, estimator) in self.estimators.iter().enumerate() {
            if !estimator.info().measures_numbers() {
                let source = EstimateError::NeedsClasses { estimator: estimator.name() };
                return Err(RecordError::Estimator { index, source });
            }
        }
        // The others are measured with bins and counts.
        let other = |quantity: &QuantityConfig| !matches!(quantity, QuantityConfig::Similarity {});
        if let Some(index) = self.quantities.iter().position(other) {
            return wrong(format!(
                "quantities[{index}] ({}) is measured of classes; allowed is similarity",
                self.quantities[index].name()
            ));
        }
        let is_scaled = matches!(self.schedule.distance(self.entropies()).scale, Scale::Entropy(_));
        if is_scaled && self.schedule.delta().is_some() {
            return wrong(
                "schedule.scale = \"entropy\", but the entropy of numbers is not known; give scale = \"bits\", and delta in bits"
                    .into(),
            );
        }
        if self.schedule.witness().is_some_and(|witness| witness.settings().band.is_none()) {
            return wrong(
                "schedule.witness has no band, and the loss of a target of numbers is in no bits; give band, in the unit of \
                 the loss"
                    .into(),
            );
        }
        Ok(())
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
            if n_samples != self.n_samples() {
                let (given, expected) = (n_samples, self.n_samples());
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
        if let Some(target) = &self.target {
            digest.update(&(target.ncols() as u64).to_le_bytes());
            target.iter().for_each(|value| digest.update(&value.to_le_bytes()));
        }
        let h_x = x.entropy().bits();
        let of_classes = self.target.is_none().then(|| {
            let pairs: Vec<(u32, u32)> =
                x.codes().iter().copied().zip(self.labels.codes().iter().copied()).collect();
            let (h_y, h_xy) = (self.labels.entropy().bits(), Labels::from_symbols(&pairs).entropy().bits());
            (h_y, h_x + h_y - h_xy)
        });
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
                n_samples: self.n_samples(),
                n_measured: self.n_samples(),
                h_x_bits: h_x,
                h_y_bits: of_classes.map(|(h_y, _)| h_y),
                i_xy_bits: of_classes.map(|(_, i_xy)| i_xy),
                target_width: self.target.as_ref().map(Array2::ncols),
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
