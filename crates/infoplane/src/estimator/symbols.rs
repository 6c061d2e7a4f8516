//! T as a method that counts sees it.

use std::ops::Range;

use crate::Labels;

/// What cells the rows of T lie in, for methods that only count ([`Estimator::symbols`](crate::Estimator::symbols)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Symbols {
    /// One symbol per row: rows in the same cell, and only those, share it.
    pub labels: Labels,
    /// How many values of each row lay outside the bins; empty if none did.
    pub outside: Vec<u32>,
}

impl Symbols {
    /// How many values lay outside the bins.
    pub fn out_of_range(&self) -> u64 {
        self.outside.iter().map(|&outside| u64::from(outside)).sum()
    }

    /// The symbols of some stretches of rows, one after the other, with the cells that they were in.
    ///
    /// # Panics
    /// If there are no such rows.
    pub fn stretches(&self, stretches: &[Range<usize>]) -> Symbols {
        let outside = |stretch: &Range<usize>| &self.outside[stretch.clone()];
        Symbols {
            labels: self.labels.stretches(stretches),
            outside: match self.outside.is_empty() {
                true => Vec::new(),
                false => stretches.iter().flat_map(outside).copied().collect(),
            },
        }
    }
}
