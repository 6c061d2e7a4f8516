//! Training data in the layout of the kernels.

use std::sync::OnceLock;

use ndarray::ArrayView2;

use super::TrainError;
use super::keyframe::digest_of_values;
use crate::network::kernels::{Aligned, Chosen, padded};
use infoplane_estimators::{Labels, Variable};
use twox_hash::XxHash3_128;

/// Inputs and classes, packed once; several trainers share them behind an `Arc`.
///
/// Memory: `4 · n_samples · (n_features + 1)` bytes, the bracket rounded up to a multiple of 16.
#[derive(Debug)]
pub struct Samples {
    /// One row per sample: its values, a one (against which the biases stand), zeros.
    rows: Aligned,
    pub(crate) stride: usize,
    pub(crate) n_features: usize,
    pub(crate) classes: Vec<u32>,
    pub(crate) n_classes: usize,
    /// The check sum of everything; computed when first needed.
    digest: OnceLock<u128>,
}

impl Samples {
    /// Packs `inputs`, `(n_samples, n_features)`, with one label each.
    ///
    /// # Errors
    /// [`TrainError`] if the numbers of inputs and labels differ, if an input is not finite, or if there are
    /// 2³² samples or more.
    pub fn new(inputs: ArrayView2<'_, f32>, labels: &Labels) -> Result<Samples, TrainError> {
        let (n_samples, n_features) = inputs.dim();
        if labels.len() != n_samples {
            return Err(TrainError::LabelCount { n_labels: labels.len(), n_samples });
        }
        if u32::try_from(n_samples).is_err() {
            return Err(TrainError::TooManySamples { n_samples });
        }
        if let Some((row, column, value)) = Variable::Single(inputs).first_non_finite() {
            return Err(TrainError::NotFinite { row, column, value });
        }
        let stride = padded(n_features + 1);
        let mut rows = Aligned::zeros(n_samples * stride);
        for (row, input) in rows.chunks_exact_mut(stride).zip(inputs.rows()) {
            for (slot, &value) in row.iter_mut().zip(input) {
                *slot = value;
            }
            row[n_features] = 1.0;
        }
        let (classes, n_classes) = (labels.codes().to_vec(), labels.n_labels());
        Ok(Samples { rows, stride, n_features, classes, n_classes, digest: OnceLock::new() })
    }

    /// Returns the number of samples.
    pub fn n_samples(&self) -> usize {
        self.classes.len()
    }

    /// Returns a check sum of the inputs and their classes.
    pub(super) fn digest(&self) -> u128 {
        *self.digest.get_or_init(|| {
            let classes = self.classes.iter().flat_map(|class| class.to_le_bytes());
            let classes: Vec<u8> = classes.chain(self.n_classes.to_le_bytes()).collect();
            digest_of_values(&self.rows) ^ XxHash3_128::oneshot(&classes)
        })
    }

    /// Returns the rows of a batch, to be transposed.
    pub(crate) fn chosen<'a>(&'a self, rows: &'a [u32]) -> Chosen<'a> {
        Chosen { values: &self.rows, stride: self.stride, rows }
    }

    pub(crate) fn row(&self, row: u32) -> &[f32] {
        &self.rows[row as usize * self.stride..][..self.stride]
    }
}
