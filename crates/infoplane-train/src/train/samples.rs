//! Training data in the layout of the kernels.

use std::sync::OnceLock;

use ndarray::ArrayView2;

use super::TrainError;
use super::keyframe::DigestOfValues;
use crate::Inputs;
use crate::network::kernels::{Aligned, Chosen, padded};
use infoplane_estimators::{Labels, Variable};
use twox_hash::XxHash3_128;

/// Inputs and classes, prepared once; several trainers share them behind an `Arc`.
///
/// Memory: `4 · n_samples · (n_features + 1)` bytes, the bracket rounded up to a multiple of 16; for inputs of bytes
/// `n_samples · n_features`.
#[derive(Debug)]
pub struct Samples {
    rows: Rows,
    pub(crate) stride: usize,
    pub(crate) n_features: usize,
    pub(crate) classes: Vec<u32>,
    pub(crate) n_classes: usize,
    /// The checksum of everything; computed when first needed.
    digest: OnceLock<u128>,
}

#[derive(Debug)]
enum Rows {
    /// One row per sample: its values, a one (against which the biases stand), zeros.
    Packed(Aligned),
    /// Rows of bytes, of which such rows are made batch by batch.
    Bytes(Inputs),
}

/// Memory for the rows of a batch, where they have to be made.
#[derive(Debug)]
pub(crate) struct BatchRows {
    rows: Aligned,
    /// 0, 1, 2 and so on.
    places: Vec<u32>,
}

impl Samples {
    /// Packs `inputs`, `(n_samples, n_features)`, with one label each.
    ///
    /// # Errors
    /// [`TrainError`] if the numbers of inputs and labels differ, if an input is not finite, or if there are
    /// 2³² samples or more.
    pub fn new(inputs: ArrayView2<'_, f32>, labels: &Labels) -> Result<Samples, TrainError> {
        let (n_samples, n_features) = inputs.dim();
        let rows = |stride| {
            if let Some((row, column, value)) = Variable::Single(inputs).first_non_finite() {
                return Err(TrainError::NotFinite { row, column, value });
            }
            let mut rows = Aligned::zeros(n_samples * stride);
            for (row, input) in rows.chunks_exact_mut(stride).zip(inputs.rows()) {
                for (slot, &value) in row.iter_mut().zip(input) {
                    *slot = value;
                }
                row[n_features] = 1.0;
            }
            Ok(Rows::Packed(rows))
        };
        Samples::with_rows(n_samples, n_features, labels, rows)
    }

    /// As [`Samples::new`]; bytes stay bytes.
    ///
    /// # Errors
    /// As [`Samples::new`].
    pub fn of_inputs(inputs: &Inputs, labels: &Labels) -> Result<Samples, TrainError> {
        match inputs.as_single() {
            Some(inputs) => Samples::new(inputs, labels),
            None => {
                let rows = |_| Ok(Rows::Bytes(inputs.clone()));
                Samples::with_rows(inputs.n_samples(), inputs.n_features(), labels, rows)
            }
        }
    }

    fn with_rows(
        n_samples: usize,
        n_features: usize,
        labels: &Labels,
        rows: impl FnOnce(usize) -> Result<Rows, TrainError>,
    ) -> Result<Samples, TrainError> {
        if labels.len() != n_samples {
            return Err(TrainError::LabelCount { n_labels: labels.len(), n_samples });
        }
        if u32::try_from(n_samples).is_err() {
            return Err(TrainError::TooManySamples { n_samples });
        }
        let stride = padded(n_features + 1);
        let (classes, n_classes) = (labels.codes().to_vec(), labels.n_labels());
        Ok(Samples { rows: rows(stride)?, stride, n_features, classes, n_classes, digest: OnceLock::new() })
    }

    /// Returns the number of samples.
    pub fn n_samples(&self) -> usize {
        self.classes.len()
    }

    /// Returns a checksum of the inputs and their classes; the same however the inputs are kept.
    pub(super) fn digest(&self) -> u128 {
        *self.digest.get_or_init(|| {
            let classes = self.classes.iter().flat_map(|class| class.to_le_bytes());
            let classes: Vec<u8> = classes.chain(self.n_classes.to_le_bytes()).collect();
            let mut digest = DigestOfValues::new();
            match &self.rows {
                Rows::Packed(rows) => digest.add(rows),
                Rows::Bytes(inputs) => {
                    let mut slots = vec![0.0; self.stride];
                    for row in 0..self.n_samples() {
                        self.write_row(inputs, row, &mut slots);
                        digest.add(&slots);
                    }
                }
            }
            digest.finish() ^ XxHash3_128::oneshot(&classes)
        })
    }

    /// Makes one packed row; what stands behind its one is zero already.
    fn write_row(&self, inputs: &Inputs, row: usize, slots: &mut [f32]) {
        inputs.write_row(row, slots);
        slots[self.n_features] = 1.0;
    }

    /// Returns memory for batches of up to `batch_size` rows.
    pub(crate) fn batch_rows(&self, batch_size: usize) -> BatchRows {
        let batch_size = if let Rows::Packed(_) = self.rows { 0 } else { batch_size };
        BatchRows { rows: Aligned::zeros(batch_size * self.stride), places: (0..batch_size as u32).collect() }
    }

    /// Returns the rows of a batch, to be transposed.
    pub(crate) fn chosen<'a>(&'a self, rows: &'a [u32], batch: &'a mut BatchRows) -> Chosen<'a> {
        let stride = self.stride;
        match &self.rows {
            Rows::Packed(values) => Chosen { values, stride, rows },
            Rows::Bytes(inputs) => {
                for (slots, &row) in batch.rows.chunks_exact_mut(stride).zip(rows) {
                    self.write_row(inputs, row as usize, slots);
                }
                Chosen { values: &batch.rows, stride, rows: &batch.places[..rows.len()] }
            }
        }
    }
}
