//! What is known of an estimator apart from its settings.

use crate::{AnyEstimator, EstimateError, Quantity};

/// The description of an estimator and its capabilities: a row of `infoplane estimators`.
#[derive(Debug, Clone, Copy)]
pub struct EstimatorInfo {
    /// Its name in configuration files and on the command line: `ksg`.
    pub name: &'static str,
    /// Its name in figures and tables: `KSG-1`.
    pub title: &'static str,
    /// What it works with.
    pub family: Family,
    /// The quantity that it estimates, in words.
    pub estimates: &'static str,
    /// When to choose it.
    pub when: &'static str,
    /// Time for n samples of d columns.
    pub cost: &'static str,
    /// The quantities that it estimates.
    pub offers: &'static [Quantity],
    /// The sides of a pair that may be labels.
    pub labels: LabelSides,
    /// The way in which its error is estimated.
    pub uncertainty: Uncertainty,
    /// For estimators of the information with Gaussian noise added: the one for a given noise variance.
    pub with_noise: Option<fn(f64) -> AnyEstimator>,
    /// Who published it.
    pub reference: &'static str,
}

impl EstimatorInfo {
    /// Returns the description of the library's estimator of that name.
    pub fn named(name: &str) -> Option<&'static EstimatorInfo> {
        AnyEstimator::ALL.iter().copied().find(|info| info.name == name)
    }

    /// Returns whether it estimates I(X;Y) between two matrices of numbers as they are.
    ///
    /// Methods of counts, bins and noise and those that need labels do not: of numbers they measure symbols or bins, or the
    /// numbers with noise. A method that chooses another ([`Family::Choice`]) does.
    pub fn measures_numbers(&self) -> bool {
        self.offers.contains(&Quantity::Information)
            && self.labels != LabelSides::One
            && !matches!(self.family, Family::Counts | Family::Bins | Family::Noise)
    }

    /// Returns the error for a quantity that the estimator does not define.
    pub fn not_offered(&self, quantity: Quantity) -> EstimateError {
        EstimateError::NotOffered { estimator: self.name, quantity }
    }
}

/// What an estimator works with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Family {
    /// It chooses another.
    Choice,
    /// Counts of symbols.
    Counts,
    /// Counts of bins.
    Bins,
    /// Gaussian noise of known variance on a representation.
    Noise,
    /// Distances of nearest neighbours.
    Neighbors,
    /// Densities fitted to the neighbours of each sample.
    LocalFits,
    /// Ranks of columns and their covariances.
    Copula,
    /// Counts of random hashes.
    Hashing,
    /// Predictions for samples that were left out: of a class, or of which pairs belong together.
    Predictions,
    /// Eigenvalues of kernel matrices.
    Kernel,
}

/// The sides of a pair that may be labels; the others are matrices of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LabelSides {
    /// No side: the estimator takes numbers.
    None,
    /// At most one side.
    AtMostOne,
    /// Exactly one side.
    One,
    /// Any side.
    Any,
}

/// The way in which the error of an estimator is estimated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Uncertainty {
    /// Its estimates carry their own standard error.
    OwnError,
    /// By the spread over parts of the samples, extrapolated to all of them: for methods of neighbours, which fail
    /// where a sample is drawn twice.
    Subsampling,
    /// By resampling with replacement: for methods of counts.
    Bootstrap,
    /// There is no valid way.
    None,
}
