//! The normal scores of n ranks, and which of them are near each other.

use crate::estimator::input::normal_score;
use crate::special::digammas;

/// Ascending numbers, which of them stand within a distance of one, and ψ of all counts of them.
pub(super) struct Ranks {
    /// Strictly ascending, and [`PADDING`] after them.
    padded: Vec<f64>,
    /// ψ(0) … ψ(n).
    pub(super) psi: Vec<f64>,
    near: Near,
}

impl Ranks {
    /// Φ⁻¹((rank + ½)/n) of all ranks from 0.
    pub(super) fn new(n: usize) -> Ranks {
        let mut padded: Vec<f64> = (0..n).map(|rank| normal_score(rank, n)).collect();
        padded.extend(PADDING);
        let mut near = Near::default();
        near.fill(&padded);
        Ranks { psi: digammas(n), near, padded }
    }

    pub(super) fn len(&self) -> usize {
        self.padded.len() - PADDING.len()
    }

    /// The scores, ascending.
    pub(super) fn scores(&self) -> &[f64] {
        &self.padded[..self.len()]
    }

    /// As [`Near::within`].
    #[inline]
    pub(super) fn within(&self, place: usize, radius: f64) -> usize {
        self.near.within(&self.padded, place, radius)
    }

    /// The scores with padding, and where among them numbers stand.
    pub(super) fn near(&self) -> (&[f64], &Near) {
        (&self.padded, &self.near)
    }
}

/// What stands after ascending numbers in which is looked for numbers.
pub(super) const PADDING: [f64; 4] = [f64::INFINITY; 4];

/// Where among ascending numbers a number stands: the range of them in cells of equal width.
#[derive(Default)]
pub(super) struct Near {
    /// The first place at or beyond the beginning of each cell, but for rounding.
    first: Vec<u32>,
    least: f64,
    cells_per_unit: f64,
}

impl Near {
    /// Prepares for these numbers, ascending and with [`PADDING`] after them.
    pub(super) fn fill(&mut self, padded: &[f64]) {
        self.first.clear();
        let values = &padded[..padded.len() - PADDING.len()];
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

    /// The first place in the cell of a number.
    #[inline(always)]
    fn guess(&self, value: f64) -> usize {
        // What is negative, or no number, becomes 0.
        let cell = ((value - self.least) * self.cells_per_unit) as usize;
        self.first[cell.min(self.first.len() - 1)] as usize
    }

    /// The first place from which on `is_before` does not hold, near a guess. Looks at four places at once: they are nearly always
    /// enough, and a loop that ends at any of them would be mispredicted each time.
    #[inline(always)]
    fn first_not(padded: &[f64], mut place: usize, is_before: impl Fn(f64) -> bool) -> usize {
        while place > 0 && !is_before(padded[place - 1]) {
            place -= 1;
        }
        loop {
            // Infinity, which follows all numbers, is before nothing.
            let Some(next) = padded.get(place..place + PADDING.len()) else { return place };
            let before: usize = next.iter().map(|&value| usize::from(is_before(value))).sum();
            place += before;
            if before < PADDING.len() {
                return place;
            }
        }
    }

    /// How many of the numbers, which were prepared for, are nearer to that at `place` than a radius above 0, itself included: by the
    /// differences as they are rounded, as the estimators of any number of columns compare them.
    #[inline]
    pub(super) fn within(&self, padded: &[f64], place: usize, radius: f64) -> usize {
        let value = padded[place];
        let low = Near::first_not(padded, self.guess(value - radius), |v| value - v >= radius);
        let high = Near::first_not(padded, self.guess(value + radius), |v| v - value < radius);
        high - low
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
                    let value = ranks.scores()[place];
                    let expected =
                        ranks.scores().iter().filter(|other| (*other - value).abs() < radius).count();
                    assert_eq!(ranks.within(place, radius), expected, "{n} {place} {radius}");
                }
                // Exactly at a neighbour's distance, which is not within.
                for other in (0..n).filter(|other| *other != place) {
                    let radius = (ranks.scores()[other] - ranks.scores()[place]).abs();
                    let value = ranks.scores()[place];
                    let expected = ranks.scores().iter().filter(|v| (*v - value).abs() < radius).count();
                    assert_eq!(ranks.within(place, radius), expected);
                }
            }
        }
    }
}
