//! The bounds that a critic gives on pairs that it has not seen.

use super::CriticBound;
use crate::math;

/// SMILE cuts exponentials outside e^±τ.
const TAU: f64 = 5.0;

/// Sums over the pairs of some rows: each x with its own y, and with those of other rows.
pub(super) struct Sums {
    bound: CriticBound,
    own: Vec<f64>,
    /// Σ e^score, cut for SMILE, over the other rows of each x and of each y.
    of_x: Vec<f64>,
    of_y: Vec<f64>,
    n_others: f64,
}

/// What a critic gives for some rows.
pub(super) struct Value {
    pub(super) nats: f64,
    /// One number for each row, whose mean has the error of the value.
    pub(super) terms: Vec<f64>,
    /// The share of rows whose own score SMILE would cut.
    pub(super) cut: f64,
    pub(super) ceiling: Option<f64>,
}

impl Sums {
    pub(super) fn new(bound: CriticBound, n: usize) -> Self {
        Sums { bound, own: Vec::new(), of_x: vec![0.0; n], of_y: vec![0.0; n], n_others: 0.0 }
    }

    /// Adds the scores of (row i of x, row (i + shift) of y).
    pub(super) fn add(&mut self, shift: usize, scores: &[f32]) {
        if shift == 0 {
            self.own = scores.iter().map(|score| f64::from(*score)).collect();
            return;
        }
        self.n_others += 1.0;
        for (i, score) in scores.iter().enumerate() {
            let score = f64::from(*score);
            let cut = if self.bound == CriticBound::Smile { score.clamp(-TAU, TAU) } else { score };
            let value = math::exp(cut);
            self.of_x[i] += value;
            self.of_y[(i + shift) % scores.len()] += value;
        }
    }

    /// The bound.
    ///
    /// The error of a mean over pairs of rows is that of the terms of its rows as x and as y (Hájek's projection).
    pub(super) fn value(self) -> Value {
        let n = self.own.len();
        let mean = |values: &[f64]| values.iter().sum::<f64>() / n as f64;
        let own = mean(&self.own);
        let z = mean(&self.of_x) / self.n_others;
        let of_rows = |scale: f64| -> Vec<f64> {
            let rows = self.own.iter().zip(&self.of_x).zip(&self.of_y);
            rows.map(|((own, x), y)| own - scale * ((x + y) / self.n_others - z)).collect()
        };
        let (nats, terms) = match self.bound {
            CriticBound::Infonce => {
                let of = |(own, others): (&f64, &f64)| {
                    own - math::ln((math::exp(*own) + others) / (self.n_others + 1.0))
                };
                let terms: Vec<f64> = self.own.iter().zip(&self.of_x).map(of).collect();
                (mean(&terms), terms)
            }
            // The critic is 1 + score.
            CriticBound::Nwj => (1.0 + own - z, of_rows(1.0)),
            CriticBound::Smile => (own - math::ln(z), of_rows(1.0 / z)),
        };
        let cut = self.own.iter().filter(|score| **score > TAU).count() as f64 / n as f64;
        let ceiling = (self.bound == CriticBound::Infonce).then(|| math::ln(self.n_others + 1.0));
        Value { nats, terms, cut, ceiling }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sums over all pairs, written out.
    #[test]
    fn bounds_are_their_formulas() {
        let n = 5;
        let score =
            |i: usize, j: usize| ((i * 7 + j * 3) % 11) as f32 * 0.8 - 2.0 + if i == j { 3.0 } else { 0.0 };
        let of = |bound| {
            let mut sums = Sums::new(bound, n);
            for shift in 0..n {
                sums.add(shift, &(0..n).map(|i| score(i, (i + shift) % n)).collect::<Vec<_>>());
            }
            sums.value()
        };
        let pairs = || (0..n).flat_map(|i| (0..n).map(move |j| (i, j))).filter(|(i, j)| i != j);
        let of_others = |f: &dyn Fn(f64) -> f64| {
            pairs().map(|(i, j)| f(f64::from(score(i, j)))).sum::<f64>() / (n * (n - 1)) as f64
        };
        let own = (0..n).map(|i| f64::from(score(i, i))).sum::<f64>() / n as f64;
        // NWJ of the critic f = 1 + score: E f − E e^(f − 1).
        let nwj = own + 1.0 - of_others(&f64::exp);
        let smile = own - of_others(&|score| score.clamp(-5.0, 5.0).exp()).ln();
        let infonce = (0..n)
            .map(|i| {
                let sum: f64 = (0..n).map(|j| f64::from(score(i, j)).exp()).sum();
                f64::from(score(i, i)) - (sum / n as f64).ln()
            })
            .sum::<f64>()
            / n as f64;
        let expected =
            [(CriticBound::Nwj, nwj), (CriticBound::Smile, smile), (CriticBound::Infonce, infonce)];
        for (bound, expected) in expected {
            let value = of(bound);
            assert!(
                (value.nats - expected).abs() < 1e-9 * expected.abs().max(1.0),
                "{bound:?}: {} {expected}",
                value.nats
            );
            assert_eq!(value.terms.len(), n);
            let cut = (0..n).filter(|&i| score(i, i) > 5.0).count();
            assert!(cut > 0 && cut < n && (value.cut - cut as f64 / n as f64).abs() < 1e-12);
        }
        assert_eq!(of(CriticBound::Infonce).ceiling, Some(5f64.ln()));
        assert_eq!(of(CriticBound::Nwj).ceiling, None);
    }

    /// ln of the mean of exponentials is at most that mean less 1.
    #[test]
    fn smile_without_a_cut_is_not_below_nwj() {
        let of = |bound| {
            let mut sums = Sums::new(bound, 40);
            for shift in 0..40 {
                let scores: Vec<f32> =
                    (0..40).map(|i| ((i * 13 + shift * 29) % 17) as f32 * 0.3 - 2.0).collect();
                sums.add(shift, &scores);
            }
            sums.value().nats
        };
        assert!(of(CriticBound::Smile) > of(CriticBound::Nwj));
    }
}
