//! Measures networks that a source of your own provides, at the epochs that a schedule chooses.

use infoplane::estimator::{Kde, LayerRange};
use infoplane::measure::{LayerEstimators, MeasuredPart, Measuring, Subject, Workers, measure};
use infoplane::plane::Entropies;
use infoplane::schedule::{DeltaConfig, ScheduleConfig};
use infoplane::snapshot::SnapshotError;
use infoplane::{Activations, Labels, Snapshot, Snapshots};
use ndarray::Array2;

const LAST: u64 = 1000;

/// One unit whose weight grows: here computed, elsewhere read from a file or from another process.
struct Growing(Array2<f32>);

impl Snapshots for Growing {
    type Network = Activations;

    fn load(&mut self, epoch: u64) -> Result<Snapshot<Activations>, SnapshotError> {
        if epoch > LAST {
            return Err(SnapshotError::Ended { epoch, last: LAST });
        }
        let layers = vec![self.0.mapv(|x| (x * (1.0 + epoch as f32)).tanh())];
        Ok(Snapshot { epoch, network: Activations { layers } })
    }

    fn last(&self) -> Option<u64> {
        Some(LAST)
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let inputs = Array2::from_shape_fn((200, 1), |(i, _)| (i as f32 * 0.618).fract() - 0.5);
    let (x, y) =
        (Labels::distinct(200), Labels::from_symbols(&inputs.mapv(|x| x > 0.0).into_raw_vec_and_offset().0));
    let estimators = [LayerEstimators::new(&[Kde { noise_variances: vec![0.01] }], &LayerRange::default())];
    let subject = Subject { inputs: inputs.view(), x: &x, y: &y };
    let part = MeasuredPart { subject, estimators: &estimators, quantities: &[] };
    let (workers, interrupted) = (Workers::new(0)?, || false);
    let measuring = Measuring {
        seed: 0,
        parts: &[part],
        known: &|_| None,
        workers: &workers,
        in_flight: 2,
        interrupted: &interrupted,
    };
    let mut schedule =
        ScheduleConfig::DeltaExact(DeltaConfig::new(0.05)).schedule(LAST, Entropies::of(&x, &y))?;
    measure(&measuring, &mut *schedule, &mut Growing(inputs.clone()), |measured| {
        for row in &measured.rows {
            println!(
                "epoch {}: {:?} {:?} bits ({:?})",
                measured.epoch, row.i_xt_bits, row.i_ty_bits, measured.reason
            );
        }
        Ok::<(), std::convert::Infallible>(())
    })?;
    Ok(())
}
