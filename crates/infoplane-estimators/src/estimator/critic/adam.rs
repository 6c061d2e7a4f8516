//! Adam, with decoupled decay of the weights.

use std::ops::Range;

use fearless_simd::{Level, Simd, dispatch};

/// What is kept of the gradient and of its square at each step.
const RATES: [f64; 2] = [0.9, 0.999];

/// The means of gradients and of their squares.
pub(super) struct Adam {
    first: Vec<f32>,
    second: Vec<f32>,
    /// Powers of the rates: the share of the start in each mean.
    powers: [f64; 2],
}

impl Adam {
    pub(super) fn new(n_parameters: usize) -> Self {
        Adam { first: vec![0.0; n_parameters], second: vec![0.0; n_parameters], powers: [1.0; 2] }
    }

    /// Takes one step; parameters in `decaying` lose `decay` times the rate of themselves.
    pub(super) fn step(
        &mut self,
        level: Level,
        (rate, decay): (f64, f64),
        gradient: &[f32],
        parameters: &mut [f32],
        decaying: Range<usize>,
    ) {
        self.powers[0] *= RATES[0];
        self.powers[1] *= RATES[1];
        let scale = (rate / (1.0 - self.powers[0])) as f32;
        let of_second = (1.0 / (1.0 - self.powers[1])) as f32;
        let kept = (1.0 - rate * decay) as f32;
        let [a, b] = RATES.map(|rate| rate as f32);
        let (first, second) = (&mut self.first, &mut self.second);
        dispatch!(level, simd => simd.vectorize(
            #[inline(always)]
            || {
                parameters[decaying].iter_mut().for_each(|parameter| *parameter *= kept);
                for (((parameter, gradient), first), second) in
                    parameters.iter_mut().zip(gradient).zip(first.iter_mut()).zip(second.iter_mut())
                {
                    *first = a * *first + (1.0 - a) * gradient;
                    *second = b * *second + (1.0 - b) * (gradient * gradient);
                    *parameter -= scale * *first / ((*second * of_second).sqrt() + 1e-8);
                }
            }
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::same_at_every_level;

    /// Σ c (p − 1)² with c from 1 to 100: the steps are of one size whatever c.
    #[test]
    fn the_least_of_a_sum_of_squares_is_found_at_every_level() {
        let n = 37;
        let found = same_at_every_level(|level| {
            let mut parameters = vec![0f32; n];
            let mut adam = Adam::new(n);
            for step in 0..600 {
                let gradient: Vec<f32> = parameters
                    .iter()
                    .enumerate()
                    .map(|(i, p)| (1 + i * 99 / n) as f32 * 2.0 * (p - 1.0))
                    .collect();
                let rate = 0.05 * (1.0 - f64::from(step) / 600.0);
                adam.step(level, (rate, 0.0), &gradient, &mut parameters, 0..0);
            }
            parameters
        });
        assert!(found.iter().all(|p| (p - 1.0).abs() < 1e-3), "{found:?}");
    }

    /// Without a gradient there is only decay: (1 − 0.1 · 0.5)³ of those that decay.
    #[test]
    fn decay_is_apart_from_the_gradient() {
        let mut parameters = vec![1f32, 1.0];
        let mut adam = Adam::new(2);
        for _ in 0..3 {
            adam.step(crate::simd::level(), (0.1, 0.5), &[0.0, 0.0], &mut parameters, 0..1);
        }
        assert!((parameters[0] - 0.857_375).abs() < 1e-6 && parameters[1] == 1.0, "{parameters:?}");
    }
}
