//! One column against one column with noise: weak to strong dependence.

use ndarray::Array2;
use rand_chacha::ChaCha8Rng;

use super::quadrature::{entropy_term, integral};
use super::{Sample, Streams, Values};
use crate::Information;
use crate::math;
use crate::random::uniform;

/// y = x + N, x uniform on [0, 1], N uniform on [−ε, ε].
///
/// I = ε − ln 2ε up to ε = ½, and 1/(4ε) beyond.
pub(super) fn uniform_noise(n: usize, streams: Streams, epsilon: f64) -> Sample {
    let draw = |random: &mut ChaCha8Rng| {
        let x = uniform(random);
        (x, x + epsilon * (2.0 * uniform(random) - 1.0))
    };
    let nats = if epsilon <= 0.5 { epsilon - math::ln(2.0 * epsilon) } else { 0.25 / epsilon };
    columns(n, streams, draw, nats)
}

/// y = x + N, N uniform on an interval of length `width` ≤ 1.
pub(super) fn linear(n: usize, streams: Streams, width: f64) -> Sample {
    uniform_noise(n, streams, width / 2.0)
}

/// y = x² + N, N uniform on an interval of length `width` < ½.
pub(super) fn quadratic(n: usize, streams: Streams, width: f64) -> Sample {
    let draw = |random: &mut ChaCha8Rng| {
        let x = uniform(random);
        (x, x * x + width * (uniform(random) - 0.5))
    };
    columns(n, streams, draw, quadratic_nats(width))
}

/// h(Y) − ln width, with the density of Y the share of √s between the ends of the noise.
fn quadratic_nats(width: f64) -> f64 {
    let half = width / 2.0;
    let root = |s: f64| s.clamp(0.0, 1.0).sqrt();
    let density = |y: f64| (root(y + half) - root(y - half)) / width;
    // The density has a corner wherever one end of the noise meets 0 or 1; between them it is smooth.
    let corners = [-half, half, 1.0 - half, 1.0 + half];
    let entropy: f64 =
        corners.windows(2).map(|piece| integral(|y| entropy_term(density(y)), piece[0], piece[1])).sum();
    entropy - math::ln(width)
}

fn columns(n: usize, streams: Streams, draw: impl Fn(&mut ChaCha8Rng) -> (f64, f64), nats: f64) -> Sample {
    let mut random = streams.draws();
    let (x, y): (Vec<f64>, Vec<f64>) = (0..n).map(|_| draw(&mut random)).unzip();
    let column = |values: Vec<f64>| Values::Numbers(Array2::from_shape_fn((n, 1), |(row, _)| values[row]));
    let information = Information::from_nats(nats);
    Sample { x: column(x), y: column(y), information, noise_variance: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// h(Y) by the midpoint rule on a fine grid: another rule, without substitution.
    fn midpoint(density: impl Fn(f64) -> f64, low: f64, high: f64) -> f64 {
        let cells = 4_000_000;
        let step = (high - low) / f64::from(cells);
        (0..cells).map(|i| entropy_term(density(low + (f64::from(i) + 0.5) * step))).sum::<f64>() * step
    }

    #[test]
    fn uniform_noise_has_the_entropy_of_its_trapezium() {
        for epsilon in [0.005, 0.1, 0.5, 0.75, 2.0] {
            // The density of a sum of two uniform numbers: the overlap of two intervals.
            let density =
                |y: f64| ((y + epsilon).min(1.0) - (y - epsilon).max(0.0)).max(0.0) / (2.0 * epsilon);
            let truth = midpoint(density, -epsilon, 1.0 + epsilon) - (2.0 * epsilon).ln();
            let sample = uniform_noise(1, Streams { seed: 0, task: 0 }, epsilon);
            assert!((sample.information.nats() - truth).abs() < 1e-6, "{epsilon}");
        }
    }

    #[test]
    fn quadratic_truth_agrees_with_another_rule() {
        for width in [1e-2, 1e-4] {
            let root = |s: f64| s.clamp(0.0, 1.0).sqrt();
            let density = |y: f64| (root(y + width / 2.0) - root(y - width / 2.0)) / width;
            let truth = midpoint(density, -width / 2.0, 1.0 + width / 2.0) - f64::ln(width);
            // A spike of height 1/√width beside 0: the grid of the midpoint rule sees it to 1e-5.
            assert!(
                (quadratic_nats(width) - truth).abs() < 2e-5,
                "{width}: {} {truth}",
                quadratic_nats(width)
            );
        }
        // As the noise shrinks, h(Y) tends to that of x², E ln(2x) = ln 2 − 1.
        assert!((quadratic_nats(1e-8) + 1e-8f64.ln() - (2f64.ln() - 1.0)).abs() < 1e-3);
    }
}
