//! The normal scores of n ranks, and which of them are near each other.

use crate::estimator::input::normal_score;
use crate::special::digammas;

/// Ascending numbers, which of them stand within a distance of one, and ψ of all counts of them.
pub(super) struct Ranks {
    /// Strictly ascending.
    pub(super) scores: Vec<f64>,
    /// ψ(0) … ψ(n).
    pub(super) psi: Vec<f64>,
    near: Near,
}

impl Ranks {
    /// Φ⁻¹((rank + ½)/n) of all ranks from 0.
    pub(super) fn new(n: usize) -> Ranks {
        let scores: Vec<f64> = (0..n).map(|rank| normal_score(rank, n)).collect();
        let mut near = Near::default();
        near.fill(&scores);
        Ranks { psi: digammas(n), near, scores }
    }

    pub(super) fn len(&self) -> usize {
        self.scores.len()
    }

    /// As [`Near::within`].
    #[inline]
    pub(super) fn within(&self, place: usize, radius: f64) -> usize {
        self.near.within(&self.scores, place, radius)
    }

    pub(super) fn near(&self) -> &Near {
        &self.near
    }
}

/// Where among ascending numbers a number stands: the range of them in cells of equal width.
#[derive(Default)]
pub(super) struct Near {
    /// The first place at or beyond the beginning of each cell, but for rounding.
    first: Vec<u32>,
    least: f64,
    cells_per_unit: f64,
}

impl Near {
    /// Prepares for these numbers, ascending.
    pub(super) fn fill(&mut self, values: &[f64]) {
        self.first.clear();
        let [Some(&least), Some(&most)] = [values.first(), values.last()] else { return };
        // Twice as many as numbers: in the densest part of a normal distribution a cell holds one or two.
        let cells = 2 * values.len();
        (self.least, self.cells_per_unit) = (least, cells as f64 / (most - least));
        for (place, &value) in values.iter().enumerate() {
            let cell = (((value - least) * self.cells_per_unit) as usize).min(cells);
            if self.first.len() <= cell {
                self.first.resize(cell + 1, place as u32);
            }
        }
    }

    /// A place near the first number from `value` on.
    #[inline]
    fn guess(&self, value: f64) -> usize {
        // What is negative, or no number, becomes 0.
        let cell = ((value - self.least) * self.cells_per_unit) as usize;
        self.first[cell.min(self.first.len() - 1)] as usize
    }

    /// How many of `values`, which were prepared for, are nearer to that at `place` than a radius above 0, itself included: by the
    /// differences as they are rounded, as the estimators of any number of columns compare them.
    #[inline]
    pub(super) fn within(&self, values: &[f64], place: usize, radius: f64) -> usize {
        let value = values[place];
        let mut low = self.guess(value - radius).min(place);
        while low < place && value - values[low] >= radius {
            low += 1;
        }
        while low > 0 && value - values[low - 1] < radius {
            low -= 1;
        }
        let mut high = self.guess(value + radius).max(place);
        while high > place && values[high] - value >= radius {
            high -= 1;
        }
        while high + 1 < values.len() && values[high + 1] - value < radius {
            high += 1;
        }
        high - low + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_those_of_a_scan() {
        for n in [2, 3, 10, 257] {
            let ranks = Ranks::new(n);
            for place in 0..n {
                for radius in [1e-300, 1e-6, 0.01, 0.3, 1.0, 2.5, 40.0] {
                    let value = ranks.scores[place];
                    let expected = ranks.scores.iter().filter(|other| (*other - value).abs() < radius).count();
                    assert_eq!(ranks.within(place, radius), expected, "{n} {place} {radius}");
                }
                // Exactly at a neighbour's distance, which is not within.
                for other in (0..n).filter(|other| *other != place) {
                    let radius = (ranks.scores[other] - ranks.scores[place]).abs();
                    let value = ranks.scores[place];
                    let expected = ranks.scores.iter().filter(|v| (*v - value).abs() < radius).count();
                    assert_eq!(ranks.within(place, radius), expected);
                }
            }
        }
    }
}
