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
