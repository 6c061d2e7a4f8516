//! Loss and accuracy of the network on rows of the data.

use std::collections::BTreeMap;

use super::gradient_moments::layer_stats;
use super::trainer::write_targets;
use super::{EpochStats, Loss, TrainError, Trainer};
use crate::Network;
use crate::network::kernels::{Aligned, activate, padded, transpose};
use crate::network::{Batch, Parameters};
use infoplane_estimators::interrupt::poll;

/// Samples evaluated together.
const BLOCK: usize = 512;

impl Trainer {
    /// Computes loss and accuracy over all training and test samples with the current network,
    /// without dropout and without the weight-decay term.
    ///
    /// The gradients are those of the epoch just trained, absent unless the configuration's statistics contain
    /// it. Every mini-batch has the same weight, including a smaller last one; the standard deviation is that of the
    /// batches themselves (divided by their number); biases are excluded.
    ///
    /// A sample is assigned to the class of the largest output (the first of ties); with a single output unit, to the
    /// second class if the output exceeds ½.
    ///
    /// Cost: a forward pass over all samples.
    pub fn stats(&self) -> EpochStats {
        let shape = &self.parameters.shape;
        let (train_loss, train_accuracy) = self.evaluate(&self.train_rows);
        let test = (!self.test_rows.is_empty()).then(|| self.evaluate(&self.test_rows));
        EpochStats {
            seed: self.seed,
            epoch: self.epoch,
            train_loss: Some(train_loss),
            test_loss: test.map(|(loss, _)| loss),
            train_accuracy: Some(train_accuracy),
            test_accuracy: test.map(|(_, accuracy)| accuracy),
            layers: (0..shape.n_layers())
                .map(|l| layer_stats(shape, &self.parameters.values, self.recorded.as_ref(), l))
                .collect(),
            scalars: BTreeMap::new(),
        }
    }

    /// Returns the mean loss of the current network on rows of the samples, without dropout and without the weight-decay
    /// term, in the loss's own unit; NaN of no row.
    ///
    /// The sum over rows is in the order given, and has the same bits for any number of threads. Cost: a forward pass over the
    /// rows.
    ///
    /// # Errors
    /// [`TrainError::RowOutOfRange`] for a row beyond the data.
    pub fn loss_on(&self, rows: &[usize]) -> Result<f32, TrainError> {
        let n_samples = self.samples.n_samples();
        let number = |&row: &usize| {
            if row < n_samples { Ok(row as u32) } else { Err(TrainError::RowOutOfRange { row, n_samples }) }
        };
        let rows = rows.iter().map(number).collect::<Result<Vec<u32>, _>>()?;
        Ok(self.evaluate(&rows).0)
    }

    /// Mean loss and share of samples classified correctly.
    pub(super) fn evaluate(&self, rows: &[u32]) -> (f32, f32) {
        self.evaluate_parameters(&self.parameters, rows)
    }

    /// Returns the mean loss of another network of this shape on the training samples, and the share of them that it
    /// classifies correctly.
    pub fn evaluate_network(&self, network: &Network) -> (f32, f32) {
        self.evaluate_parameters(&Parameters::of(network), &self.train_rows)
    }

    fn evaluate_parameters(&self, parameters: &Parameters, rows: &[u32]) -> (f32, f32) {
        let (level, shape) = (self.level, &parameters.shape);
        let (n_layers, input_stride) = (shape.n_layers(), shape.strides[0]);
        let width = shape.widths[n_layers];
        let output = shape.nonlinearities[n_layers - 1];
        let mut batch = Batch::new(shape, BLOCK);
        let mut targets = Aligned::zeros(width * BLOCK);
        let mut delta = Aligned::zeros(width * BLOCK);
        let mut shares = Aligned::zeros(BLOCK);
        let mut batch_rows = self.samples.batch_rows(BLOCK);
        let (mut loss, mut correct) = (0.0, 0usize);
        for rows in rows.chunks(BLOCK) {
            poll();
            let stride = padded(rows.len());
            batch.set_stride(shape, stride);
            let chosen = self.samples.chosen(rows, &mut batch_rows);
            transpose(level, &chosen, stride, input_stride, &mut batch.layers[0], stride);
            let shares = &mut shares[..stride];
            shares[..rows.len()].fill(1.0);
            shares[rows.len()..].fill(0.0);
            let (targets, delta) = (&mut targets[..width * stride], &mut delta[..width * stride]);
            write_targets(&self.samples, rows, stride, targets);
            for l in 0..n_layers {
                let (t, z) = batch.pair(shape, l);
                parameters.preactivate(level, l, t, stride, z);
                if l + 1 < n_layers {
                    activate(level, shape.nonlinearities[l], z, stride);
                }
            }
            let (_, z) = batch.pair(shape, n_layers - 1);
            // Both losses in terms of z leave z as it is, and are monotonic in it; squared error turns it into t.
            loss += f64::from(self.config.loss.evaluate(level, output, z, targets, shares, delta));
            let threshold = if self.config.loss == Loss::SigmoidBinaryCrossEntropy { 0.0 } else { 0.5 };
            correct += rows
                .iter()
                .enumerate()
                .filter(|&(j, &row)| {
                    let class = self.samples.classes[row as usize] as usize;
                    class == classify(&z[j..], stride, width, threshold)
                })
                .count();
        }
        let n = rows.len() as f64;
        ((loss / n) as f32, (correct as f64 / n) as f32)
    }
}

fn classify(outputs: &[f32], stride: usize, width: usize, threshold: f32) -> usize {
    if width == 1 {
        return usize::from(outputs[0] > threshold);
    }
    let value = |unit: usize| outputs[unit * stride];
    (1..width).fold(0, |best, unit| if value(unit) > value(best) { unit } else { best })
}
