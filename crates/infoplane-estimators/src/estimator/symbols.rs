//! The symbols of the rows of T, for methods of counts.

use crate::Labels;
use std::ops::Range;

/// The cells of the rows of T, for methods that use counts alone ([`Measure::symbols`](crate::Measure::symbols)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Symbols {
    /// One symbol per row: rows in the same cell, and only those, share it.
    pub labels: Labels,
    /// Number of values of each row outside the bins; empty if there are none.
    pub outside: Vec<u32>,
}

impl Symbols {
    /// Returns the number of values outside the bins.
    pub fn out_of_range(&self) -> u64 {
        self.outside.iter().map(|&outside| u64::from(outside)).sum()
    }

    /// Returns the symbols of some ranges of rows, one after the other, with their original cells.
    ///
    /// # Panics
    /// If there are no such rows.
    pub fn select_ranges(&self, stretches: &[Range<usize>]) -> Symbols {
        let outside = |stretch: &Range<usize>| &self.outside[stretch.clone()];
        Symbols {
            labels: self.labels.select_ranges(stretches),
            outside: match self.outside.is_empty() {
                true => Vec::new(),
                false => stretches.iter().flat_map(outside).copied().collect(),
            },
        }
    }
}
