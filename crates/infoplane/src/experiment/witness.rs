//! What a schedule watches at every epoch, computed while a network trains.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ndarray::{Array2, Axis};

use super::config::{Experiment, MeasuredOn};
use super::error::ExperimentError;
use crate::dataset::{Dataset, Split};
use crate::estimator::{AnyEstimator, LayerRange};
use crate::measure::{LayerEstimators, measure_activations};
use crate::plane::Entropies;
use crate::random::{Purpose, generator, shuffle};
use crate::run::Record;
use crate::schedule::WitnessConfig;
use crate::snapshot::{Observe, Quantised};
use crate::train::{Loss, Trainer};
use crate::{Activations, Labels};

/// The witness of one training: computed at every epoch, handed to the schedule, and kept to resume.
pub(super) struct Witness {
    seed: u64,
    what: What,
    values: Mutex<Values>,
}

enum What {
    /// The mean loss on these rows of the data.
    Loss { rows: Vec<usize> },
    /// Information on rows of their own.
    Information(Box<Information>),
}

struct Information {
    inputs: Array2<f32>,
    x: Labels,
    y: Labels,
    entropies: Entropies,
    estimators: Vec<LayerEstimators>,
    quantised_bits: Option<u8>,
    activations: Mutex<Activations>,
}

#[derive(Default)]
struct Values {
    /// Not handed to the schedule yet.
    untold: Vec<(u64, Vec<f64>)>,
    /// Not in the journal yet: the first epoch, and the values from there on.
    first: u64,
    unkept: Vec<Vec<Option<f64>>>,
}

impl Witness {
    /// The witness that the schedule of an experiment watches, if it watches any. `measured` are the rows that information is
    /// measured on.
    pub(super) fn new(
        experiment: &Experiment,
        dataset: &Dataset,
        split: &Split,
        (inputs, y): (&Array2<f32>, &Labels),
        seed: u64,
    ) -> Option<Witness> {
        let config = experiment.schedule.witness()?;
        let n_measured = inputs.nrows();
        let n_rows = config.n_rows(n_measured);
        let mut rows: Vec<usize> = (0..n_measured).collect();
        if n_rows < n_measured {
            shuffle(&mut generator(seed, Purpose::Witness, 0), &mut rows);
            rows.truncate(n_rows);
            rows.sort_unstable();
        }
        let what = match config {
            WitnessConfig::Loss(_) => {
                let of_data = |row: usize| match experiment.dataset.measured_on {
                    MeasuredOn::All => row,
                    MeasuredOn::Train => split.train[row],
                    MeasuredOn::Test => split.test[row],
                    MeasuredOn::TrainAndTest => match row.checked_sub(split.train.len()) {
                        None => split.train[row],
                        Some(row) => split.test[row],
                    },
                };
                debug_assert!(n_measured <= dataset.n_samples());
                What::Loss { rows: rows.into_iter().map(of_data).collect() }
            }
            _ => {
                let inputs = inputs.select(Axis(0), &rows);
                let (x, y) = (Labels::from_rows(inputs.view()), y.select(&rows));
                let used: Vec<AnyEstimator> = experiment.estimators.clone();
                let used: Vec<AnyEstimator> =
                    used.into_iter().filter(|estimator| config.uses(estimator)).collect();
                let of_layer = |nonlinearity: crate::Nonlinearity| {
                    let range = LayerRange { activation: nonlinearity.range(), ..LayerRange::default() };
                    LayerEstimators::new(&used, &range)
                };
                What::Information(Box::new(Information {
                    entropies: Entropies::of(&x, &y),
                    estimators: experiment.nonlinearities().into_iter().map(of_layer).collect(),
                    inputs,
                    x,
                    y,
                    quantised_bits: experiment.network.quantised_bits,
                    activations: Mutex::new(Activations { layers: Vec::new() }),
                }))
            }
        };
        Some(Witness { seed, what, values: Mutex::default() })
    }

    fn values(&self) -> MutexGuard<'_, Values> {
        self.values.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Goes on after what an earlier run has kept up to the epoch `until`.
    pub(super) fn resume(&self, known: &BTreeMap<u64, Vec<f64>>, until: u64) {
        let mut values = self.values();
        values.untold = known.range(..=until).map(|(&epoch, values)| (epoch, values.clone())).collect();
        values.first = until.saturating_add(1);
    }

    /// Computes it for the network of a training as it is now.
    pub(super) fn observe(&self, trainer: &Trainer) {
        let computed = match &self.what {
            // The rows are those of the data.
            What::Loss { rows } => vec![trainer.loss_on(rows).map_or(f64::NAN, f64::from)],
            What::Information(information) => information.of(trainer),
        };
        let mut values = self.values();
        values
            .unkept
            .push(computed.iter().map(|value| Some(*value).filter(|value| value.is_finite())).collect());
        values.untold.push((trainer.epoch(), computed));
    }

    /// What the schedule was not told yet.
    pub(super) fn take_untold(&self) -> Vec<(u64, Vec<f64>)> {
        std::mem::take(&mut self.values().untold)
    }

    /// What the journal does not hold yet.
    pub(super) fn take_unkept(&self) -> Option<Record> {
        let mut values = self.values();
        let (first, unkept) = (values.first, std::mem::take(&mut values.unkept));
        values.first += unkept.len() as u64;
        (!unkept.is_empty()).then_some(Record::Witnessed { seed: self.seed, first, values: unkept })
    }
}

impl Information {
    /// I(X;T) and I(T;Y) of all layers, as fractions of H(X) and H(Y) of these rows; NaN for what cannot be measured.
    fn of(&self, trainer: &Trainer) -> Vec<f64> {
        let mut activations = self.activations.lock().unwrap_or_else(PoisonError::into_inner);
        let network = Quantised { network: trainer.network(), bits: self.quantised_bits };
        network.observe(self.inputs.view(), &mut activations);
        let rows = measure_activations(0, trainer.epoch(), &activations, &self.x, &self.y, &self.estimators);
        let Entropies { h_x_bits, h_y_bits } = self.entropies;
        // Where there is nothing to know, nothing can move.
        let share =
            |bits: Option<f64>, of: f64| bits.map_or(f64::NAN, |bits| bits / if of > 0.0 { of } else { 1.0 });
        rows.iter().flat_map(|row| [share(row.i_xt_bits, h_x_bits), share(row.i_ty_bits, h_y_bits)]).collect()
    }
}

/// Up to which epoch from the first on everything is known.
pub(super) fn known_until(known: &BTreeMap<u64, Vec<f64>>) -> Option<u64> {
    known.keys().zip(0..).take_while(|(epoch, expected)| *epoch == expected).last().map(|(&epoch, _)| epoch)
}

impl Experiment {
    /// Refuses a witness whose band has no default.
    pub(super) fn check_witness(&self, origin: &str) -> Result<(), ExperimentError> {
        let Some(WitnessConfig::Loss(settings)) = self.schedule.witness() else { return Ok(()) };
        if settings.band.is_none() && self.training.loss == Loss::SquaredError {
            return Err(ExperimentError::Value {
                origin: origin.into(),
                message: "schedule.witness = \"loss\" needs a band where training.loss = \"squared-error\", which is not in \
                          nats; give schedule.witness = { kind = \"loss\", band = … } in the unit of that loss"
                    .into(),
            });
        }
        Ok(())
    }
}
