//! Inputs with labels: generated tasks with known information, and readers for files.

mod digest;
mod error;
pub mod generate;
pub mod read;
mod scaling;
mod source;
mod split;

pub use error::DatasetError;
pub(crate) use error::names;
pub use scaling::{Scaler, Scaling};
pub use source::{DatasetSource, TestArrays, TestCsv, TestNpy};
pub use split::SplitRule;

use crate::{Information, Inputs, Labels};

/// Inputs with one label each.
#[derive(Debug, Clone)]
pub struct Dataset {
    /// What figures and messages call it.
    pub name: String,
    /// `(n_samples, n_features)`.
    pub inputs: Inputs,
    /// The class of each sample, Y.
    pub labels: Labels,
    /// The split that the data came with, if they came with one (MNIST's test images).
    pub split: Option<Split>,
    /// What was read of its tables: which columns, what was left out and why.
    pub readings: Vec<read::Reading>,
}

/// Which rows train the network and which are held back, as row numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// The rows that train.
    pub train: Vec<usize>,
    /// The rows held back.
    pub test: Vec<usize>,
}

impl Dataset {
    /// The number of samples.
    pub fn n_samples(&self) -> usize {
        self.inputs.n_samples()
    }

    /// The number of values in an input.
    pub fn n_features(&self) -> usize {
        self.inputs.n_features()
    }

    /// What to do about inputs that are whole numbers up to 255, such as images as they are saved: networks learn
    /// little from values far from 1. None if they are not so.
    pub(crate) fn of_bytes(&self) -> Option<String> {
        let mut most = 0f32;
        let mut values = vec![0f32; self.n_features()];
        for row in 0..self.n_samples() {
            self.inputs.write_row(row, &mut values);
            for &value in &values {
                if value.fract() != 0.0 || !(0.0..=255.0).contains(&value) {
                    return None;
                }
                most = most.max(value);
            }
        }
        // Counts and categories are small.
        (most >= 16.0).then(|| {
            let divide = if most > 200.0 { 255.0 } else { most };
            format!(
                "the inputs are whole numbers from 0 to {most}, as images are saved: dataset.scaling = {{ divide = {divide} }} \
                 brings them to [0, 1], where networks learn"
            )
        })
    }

    /// X as a labelling: equal inputs share a label.
    pub fn x(&self) -> Labels {
        self.inputs.labels()
    }

    /// I(X;Y) = H(Y) − Σ p(x) H(Y|x), of the samples as they are.
    ///
    /// With repeated inputs this sees the noise of the label; where every input occurs once it is H(Y).
    pub fn label_information(&self) -> Information {
        let joint: Vec<(u32, u32)> =
            self.x().codes().iter().copied().zip(self.labels.codes().iter().copied()).collect();
        self.x().entropy() + self.labels.entropy() - Labels::from_symbols(&joint).entropy()
    }
}
