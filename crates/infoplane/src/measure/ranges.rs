//! What range every unit covers, for bins that depend on it.

use ndarray::ArrayView2;
use rayon::prelude::*;

use crate::estimator::LayerRange;
use crate::snapshot::{Observe, SnapshotError};
use crate::{Activations, Snapshots, Variable};

/// Sees what range every unit covers over the given epochs, ascending and about `n_epochs` of them, as far as the
/// source has them.
///
/// # Errors
/// [`SnapshotError`] when the source cannot go on; that it ended is none.
pub fn observe_ranges<S: Snapshots>(
    epochs: impl Iterator<Item = u64>,
    n_epochs: u64,
    snapshots: &mut S,
    inputs: ArrayView2<'_, f32>,
) -> Result<Vec<LayerRange>, SnapshotError> {
    // Enough values for steady quantiles, few enough to keep: 2^16 per unit over all epochs.
    let sample_rows = ((1 << 16) / n_epochs.max(1)).max(1) as usize;
    let sampled = n_epochs.div_ceil(1 << 16).max(1);
    let mut position = 0;
    let mut ranges: Vec<LayerRange> = Vec::new();
    let mut activations = Activations { layers: Vec::new() };
    let mut observe = |epoch: u64, snapshots: &mut S| {
        snapshots.load(epoch)?.network.observe(inputs, &mut activations);
        ranges.resize(activations.layers.len(), LayerRange::default());
        ranges.par_iter_mut().zip(&activations.layers).for_each(|(range, t)| {
            let sampled = position % sampled == 0;
            range.observe(Variable::Single(t.view()), if sampled { sample_rows } else { 0 });
        });
        position += 1;
        Ok(())
    };
    let mut observed = None;
    for epoch in epochs {
        while snapshots.reached() < epoch && snapshots.last().is_none() {
            snapshots.advance()?;
        }
        match snapshots.last() {
            // The last epoch is measured whatever the schedule.
            Some(last) if last <= epoch => {
                if observed != Some(last) {
                    observe(last, snapshots)?;
                }
                break;
            }
            _ => observe(epoch, snapshots)?,
        }
        observed = Some(epoch);
    }
    let run = ranges.iter().filter_map(LayerRange::layer).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
    for range in &mut ranges {
        range.run = run;
    }
    Ok(ranges)
}
