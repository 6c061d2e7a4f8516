//! Counts of cells, as most corrections see them: how many cells hold each number of samples.

use crate::math;
use std::collections::BTreeMap;

/// The number of cells that hold each number of samples.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Histogram {
    n: u64,
    /// (samples in a cell, how many such cells), ascending, without empty cells.
    of: BTreeMap<u64, u64>,
    /// Cells that can occur, with those that did.
    cells: f64,
}

impl Histogram {
    /// Creates the histogram of these counts, none of them zero; at least as many cells can occur.
    pub(super) fn new(counts: impl IntoIterator<Item = usize>, cells: f64) -> Self {
        // Sorting would cost more than this: there are few different counts.
        let mut dense: Vec<u64> = Vec::new();
        let mut of = BTreeMap::new();
        let mut n = 0;
        for count in counts {
            n += count as u64;
            if count < 1 << 12 {
                if dense.len() <= count {
                    dense.resize(count + 1, 0);
                }
                dense[count] += 1;
            } else {
                *of.entry(count as u64).or_insert(0) += 1;
            }
        }
        of.extend(dense.into_iter().enumerate().filter(|&(_, m)| m > 0).map(|(c, m)| (c as u64, m)));
        Histogram { n, of, cells }
    }

    /// Samples.
    pub(super) fn n(&self) -> u64 {
        self.n
    }

    /// Cells that hold samples.
    pub(super) fn occupied(&self) -> f64 {
        self.of.values().sum::<u64>() as f64
    }

    /// Cells that can hold samples.
    pub(super) fn cells(&self) -> f64 {
        self.cells
    }

    /// Returns the number of cells that hold exactly `count` samples.
    pub(super) fn with(&self, count: u64) -> u64 {
        self.of.get(&count).copied().unwrap_or(0)
    }

    /// (samples in a cell, how many such cells), ascending.
    pub(super) fn iter(&self) -> impl Iterator<Item = (f64, f64)> {
        self.of.iter().map(|(&count, &cells)| (count as f64, cells as f64))
    }

    /// −Σ p ln p with p the shares of the samples.
    pub(super) fn plug_in(&self) -> f64 {
        let n = self.n as f64;
        let sum: f64 = self.iter().map(|(count, cells)| cells * count * math::ln(count)).sum();
        (math::ln(n) - sum / n).max(0.0)
    }

    /// Returns the same quantity without one sample of a cell that holds `count`.
    pub(super) fn without_one(&self, count: usize) -> Histogram {
        let mut less = self.clone();
        let count = count as u64;
        less.n -= 1;
        if let Some(cells) = less.of.get_mut(&count) {
            *cells -= 1;
            if *cells == 0 {
                less.of.remove(&count);
            }
        }
        if count > 1 {
            *less.of.entry(count - 1).or_insert(0) += 1;
        }
        less
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaving_out_a_sample_is_counting_without_it() {
        let counts = [1usize, 1, 2, 5000];
        let all = Histogram::new(counts, 9.0);
        assert_eq!((all.n(), all.occupied(), all.with(1), all.with(3)), (5004, 4.0, 2, 0));
        assert_eq!(all.without_one(1), Histogram::new([1, 2, 5000], 9.0));
        assert_eq!(all.without_one(2), Histogram::new([1, 1, 1, 5000], 9.0));
        assert_eq!(all.without_one(5000), Histogram::new([1, 1, 2, 4999], 9.0));
    }
}
