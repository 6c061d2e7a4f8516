//! What neighbours miss of what is left to them, by how it falls with their number.

use crate::math;

/// How many times as many neighbours show the fall.
pub(super) const WIDER: usize = 4;

/// A fall of two of its standard errors is not believed at all, of more the more.
const DOUBT: f64 = 4.0;

/// Columns in all up to which the radius depends on the number of neighbours by more than chance.
const MOST_COLUMNS: usize = 16;

/// A remainder above so many of its standard errors is looked at: of those by chance the largest falls by chance, too.
const PLAIN: f64 = 1.5;

/// What neighbours miss of a remainder.
///
/// With Δ the fall of the remainder from k to 4k neighbours, its bias at k in d columns is Δ/(4^(1/d) − 1) if it is in proportion to
/// the radius, and Δ/(4^(2/d) − 1) if it is to the square of the radius. The mean m of both is taken, and (1 − 4 s²/Δ²) m
/// of it believed, s being the standard error of Δ.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Missed {
    /// The part that chance does not explain.
    pub(super) nats: f64,
    /// The deviation of that part.
    pub(super) error: f64,
    /// All that the fall says, chance or not; at least 0.
    pub(super) at_most: f64,
}

/// Values of KSG on the data, sample by sample, and on samples of the law that it is compared with, of k or 4k neighbours.
pub(super) struct Compared {
    pub(super) terms: Vec<f64>,
    pub(super) of_law: Vec<f64>,
}

impl Compared {
    /// How much more KSG finds in the data.
    pub(super) fn remainder(&self) -> f64 {
        mean(&self.terms) - mean(&self.of_law)
    }
}

impl Missed {
    /// Returns whether a remainder of that standard error, in so many columns, tells what is missed of it.
    pub(super) fn is_told(remainder: f64, error: f64, columns: usize) -> bool {
        remainder > PLAIN * error && columns <= MOST_COLUMNS
    }

    pub(super) fn new(near: &Compared, wide: &Compared, columns: usize) -> Self {
        let fall = near.remainder() - wide.remainder();
        let falls: Vec<f64> = near.terms.iter().zip(&wide.terms).map(|(near, wide)| near - wide).collect();
        let middle = mean(&falls);
        let variance =
            falls.iter().map(|v| (v - middle) * (v - middle)).sum::<f64>() / (falls.len() as f64 - 1.0);
        // A sample of the law falls by chance as the data do.
        let squared_error = variance / falls.len() as f64 * (1.0 + 1.0 / near.of_law.len() as f64);
        let further = |power: f64| 1.0 / (math::exp(math::ln(WIDER as f64) * power / columns as f64) - 1.0);
        let (most, least) = (further(1.0), further(2.0));
        let middle = 0.5 * (most + least);
        let believed = if fall > 0.0 { (1.0 - DOUBT * squared_error / (fall * fall)).max(0.0) } else { 0.0 };
        let error = believed * math::hypot(0.5 * (most - least) * fall, middle * squared_error.sqrt());
        Missed { nats: believed * middle * fall, error, at_most: middle * fall.max(0.0) }
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values that fall with the radius r = k^(1/d), or its square, from the value at no radius.
    #[test]
    fn a_fall_with_the_radius_is_followed_to_its_start() {
        let (n, columns) = (1000, 6);
        let compared = |k: f64, power: f64, slope: f64| {
            let bias = slope * k.powf(power / columns as f64);
            // A deviation of 0.1 that does not depend on k.
            let terms = (0..n).map(|i| 1.0 - bias + 0.1 * (-1f64).powi(i)).collect();
            Compared { terms, of_law: vec![0.25; 4] }
        };
        let bias = |power: f64| 0.2 * 3f64.powf(power / columns as f64);
        let [linear, squared] = [1.0, 2.0]
            .map(|power| Missed::new(&compared(3.0, power, 0.2), &compared(12.0, power, 0.2), columns));
        // Each is off by half of the distance of the two, which the error holds.
        for (missed, truth) in [(linear, bias(1.0)), (squared, bias(2.0))] {
            assert!((missed.nats - truth).abs() <= missed.error * (1.0 + 1e-9), "{missed:?} {truth}");
            assert!((missed.nats - missed.at_most).abs() < 1e-9, "no chance");
        }
        assert!(linear.nats < bias(1.0) && squared.nats > bias(2.0));
        // What rises tells nothing.
        let rising = Missed::new(&compared(3.0, 1.0, -0.2), &compared(12.0, 1.0, -0.2), columns);
        assert_eq!(rising, Missed::default());
    }

    #[test]
    fn a_fall_within_chance_is_not_believed() {
        let terms = |mean: f64| (0..100).map(|i| mean + (-1f64).powi(i)).collect();
        let near = Compared { terms: terms(0.0), of_law: vec![0.0; 4] };
        // A tenth, of deviations of one with 100 samples: one standard error.
        let wide = Compared { terms: vec![-0.1; 100], of_law: vec![0.0; 4] };
        let missed = Missed::new(&near, &wide, 6);
        assert!(missed.nats == 0.0 && missed.error == 0.0 && missed.at_most > 0.2, "{missed:?}");
    }
}
