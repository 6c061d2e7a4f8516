//! Optimizers: the step taken along a gradient.

use fearless_simd::{Level, dispatch, prelude::*};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::TrainError;
use infoplane_estimators::math;

/// The step of the parameters w for a gradient g; η is the learning rate.
///
/// Fields left out take the defaults shown by [`Optimizer::default`] and the usual 0.9, 0.999 and 1e-8;
/// learning rates default to 0.01 for the descent methods and 4e-4 for Adam.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Optimizer {
    /// w ← w − η g
    Sgd {
        /// Learning rate η.
        #[serde(default = "descent_rate")]
        learning_rate: f32,
    },
    /// v ← μ v + g, w ← w − η v (PyTorch's form: η is not inside v)
    Momentum {
        /// Learning rate η.
        #[serde(default = "descent_rate")]
        learning_rate: f32,
        /// Momentum μ.
        #[serde(default = "nine_tenths")]
        momentum: f32,
    },
    /// v ← μ v + g, w ← w − η (g + μ v)
    Nesterov {
        /// Learning rate η.
        #[serde(default = "descent_rate")]
        learning_rate: f32,
        /// Momentum μ.
        #[serde(default = "nine_tenths")]
        momentum: f32,
    },
    /// m ← β₁ m + (1 − β₁) g, v ← β₂ v + (1 − β₂) g², w ← w − η m̂ / (√v̂ + ε) with m̂ = m/(1 − β₁ᵗ),
    /// v̂ = v/(1 − β₂ᵗ) at step t (Kingma & Ba 2015, algorithm 1).
    Adam {
        /// Learning rate η.
        #[serde(default = "adam_rate")]
        learning_rate: f32,
        /// Decay rate β₁ of the first moment.
        #[serde(default = "nine_tenths")]
        beta1: f32,
        /// Decay rate β₂ of the second moment.
        #[serde(default = "most")]
        beta2: f32,
        /// ε, which keeps the denominator above 0.
        #[serde(default = "tiny")]
        epsilon: f32,
    },
    /// Adam with decoupled weight decay (Loshchilov & Hutter 2019).
    #[serde(rename = "adamw")]
    AdamW {
        /// Learning rate η.
        #[serde(default = "adam_rate")]
        learning_rate: f32,
        /// Decay rate β₁ of the first moment.
        #[serde(default = "nine_tenths")]
        beta1: f32,
        /// Decay rate β₂ of the second moment.
        #[serde(default = "most")]
        beta2: f32,
        /// ε, which keeps the denominator above 0.
        #[serde(default = "tiny")]
        epsilon: f32,
    },
}

/// Which step is made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    /// The learning rate.
    pub rate: f32,
    /// Its number over all epochs, from 1.
    pub number: u64,
}

fn descent_rate() -> f32 {
    0.01
}
fn adam_rate() -> f32 {
    4e-4
}
fn nine_tenths() -> f32 {
    0.9
}
fn most() -> f32 {
    0.999
}
fn tiny() -> f32 {
    1e-8
}

impl Default for Optimizer {
    fn default() -> Self {
        Optimizer::Adam { learning_rate: adam_rate(), beta1: nine_tenths(), beta2: most(), epsilon: tiny() }
    }
}

impl Optimizer {
    /// η, before any schedule.
    pub fn learning_rate(self) -> f32 {
        match self {
            Optimizer::Sgd { learning_rate }
            | Optimizer::Momentum { learning_rate, .. }
            | Optimizer::Nesterov { learning_rate, .. }
            | Optimizer::Adam { learning_rate, .. }
            | Optimizer::AdamW { learning_rate, .. } => learning_rate,
        }
    }

    /// Returns the number of values stored per parameter: v, or m and v.
    pub fn n_moments(self) -> usize {
        match self {
            Optimizer::Sgd { .. } => 0,
            Optimizer::Momentum { .. } | Optimizer::Nesterov { .. } => 1,
            Optimizer::Adam { .. } | Optimizer::AdamW { .. } => 2,
        }
    }

    /// Returns whether weight decay shrinks the weights themselves instead of entering the gradient.
    pub(crate) fn decouples_decay(self) -> bool {
        matches!(self, Optimizer::AdamW { .. })
    }

    pub(crate) fn check(self) -> Result<(), TrainError> {
        let check = |good: bool, key, given: f32, allowed| {
            if good { Ok(()) } else { Err(TrainError::Setting { key, given: given.to_string(), allowed }) }
        };
        let rate = self.learning_rate();
        check(rate > 0.0 && rate.is_finite(), "optimizer.learning_rate", rate, "a finite number above 0")?;
        match self {
            Optimizer::Sgd { .. } => Ok(()),
            Optimizer::Momentum { momentum, .. } | Optimizer::Nesterov { momentum, .. } => check(
                (0.0..1.0).contains(&momentum),
                "optimizer.momentum",
                momentum,
                "at least 0 and below 1",
            ),
            Optimizer::Adam { beta1, beta2, epsilon, .. }
            | Optimizer::AdamW { beta1, beta2, epsilon, .. } => {
                check((0.0..1.0).contains(&beta1), "optimizer.beta1", beta1, "at least 0 and below 1")?;
                check((0.0..1.0).contains(&beta2), "optimizer.beta2", beta2, "at least 0 and below 1")?;
                check(
                    epsilon > 0.0 && epsilon.is_finite(),
                    "optimizer.epsilon",
                    epsilon,
                    "a finite number above 0",
                )
            }
        }
    }

    /// Makes a step; the moments are empty where there are none.
    pub(crate) fn step(
        self,
        level: Level,
        step: Step,
        weights: &mut [f32],
        gradient: &[f32],
        [first, second]: [&mut [f32]; 2],
    ) {
        // The whole arrays pass through the caches; beyond a megabyte several threads fetch them faster.
        const CHUNK: usize = 1 << 16;
        let piece = |w: &mut [f32], g: &[f32], m: &mut [f32], v: &mut [f32]| {
            dispatch!(level, simd => update(simd, self, step, w, g, [m, v]));
        };
        if weights.len() <= 4 * CHUNK {
            return piece(weights, gradient, first, second);
        }
        let parts = weights.par_chunks_mut(CHUNK).zip(gradient.par_chunks(CHUNK));
        match self.n_moments() {
            0 => parts.for_each(|(w, g)| piece(w, g, &mut [], &mut [])),
            1 => parts.zip(first.par_chunks_mut(CHUNK)).for_each(|((w, g), m)| piece(w, g, m, &mut [])),
            _ => parts
                .zip(first.par_chunks_mut(CHUNK))
                .zip(second.par_chunks_mut(CHUNK))
                .for_each(|(((w, g), m), v)| piece(w, g, m, v)),
        }
    }
}

#[inline(always)]
fn update<S: Simd>(
    simd: S,
    optimizer: Optimizer,
    step: Step,
    weights: &mut [f32],
    gradient: &[f32],
    [first, second]: [&mut [f32]; 2],
) {
    let length = S::f32s::LEN;
    let splat = |value: f32| S::f32s::splat(simd, value);
    let rate_vector = splat(-step.rate);
    let pairs = weights.chunks_exact_mut(length).zip(gradient.chunks_exact(length));
    match optimizer {
        Optimizer::Sgd { .. } => {
            for (w, g) in pairs {
                let g = S::f32s::from_slice(simd, g);
                rate_vector.mul_add_precise(g, S::f32s::from_slice(simd, w)).store_slice(w);
            }
        }
        Optimizer::Momentum { momentum, .. } | Optimizer::Nesterov { momentum, .. } => {
            let nesterov = matches!(optimizer, Optimizer::Nesterov { .. });
            let momentum = splat(momentum);
            for ((w, g), v) in pairs.zip(first.chunks_exact_mut(length)) {
                let g = S::f32s::from_slice(simd, g);
                let velocity = momentum.mul_add_precise(S::f32s::from_slice(simd, v), g);
                velocity.store_slice(v);
                let direction = if nesterov { momentum.mul_add_precise(velocity, g) } else { velocity };
                rate_vector.mul_add_precise(direction, S::f32s::from_slice(simd, w)).store_slice(w);
            }
        }
        Optimizer::Adam { beta1, beta2, epsilon, .. } | Optimizer::AdamW { beta1, beta2, epsilon, .. } => {
            // In double precision: 1 − 0.999ᵗ has lost half its digits in single precision at t = 1.
            let correction =
                |beta: f32| 1.0 - math::powi(f64::from(beta), step.number.min(i32::MAX as u64) as i32);
            let rate_vector = splat((-f64::from(step.rate) / correction(beta1)) as f32);
            let root = splat((1.0 / correction(beta2).sqrt()) as f32);
            let (keep1, keep2, epsilon) = (splat(beta1), splat(beta2), splat(epsilon));
            let (take1, take2) = (splat(1.0 - beta1), splat(1.0 - beta2));
            let moments = first.chunks_exact_mut(length).zip(second.chunks_exact_mut(length));
            for ((w, g), (m, v)) in pairs.zip(moments) {
                let g = S::f32s::from_slice(simd, g);
                let mean = keep1.mul_add_precise(S::f32s::from_slice(simd, m), take1 * g);
                let square = keep2.mul_add_precise(S::f32s::from_slice(simd, v), take2 * g * g);
                mean.store_slice(m);
                square.store_slice(v);
                let direction = mean / square.sqrt().mul_add_precise(root, epsilon);
                rate_vector.mul_add_precise(direction, S::f32s::from_slice(simd, w)).store_slice(w);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use infoplane_estimators::simd::same_at_every_level;

    /// Five steps on sixteen numbers, one at a time in double precision, with gradients that change sign.
    fn agrees(optimizer: Optimizer, oracle: impl Fn(f64, f64, &mut [f64; 2], i32) -> f64) {
        let start: Vec<f32> = (0..16).map(|i| i as f32 * 0.1 - 0.8).collect();
        let gradient =
            |step: i32| -> Vec<f32> { (0..16).map(|i| ((i * step * 7 % 13) as f32 - 6.0) * 0.05).collect() };
        let w = same_at_every_level(|level| {
            let (mut w, mut m, mut v) = (start.clone(), vec![0.0; 16], vec![0.0; 16]);
            for step in 1..=5 {
                let now = Step { rate: 0.02, number: step as u64 };
                optimizer.step(level, now, &mut w, &gradient(step), [&mut m, &mut v]);
            }
            w
        });
        let mut exact: Vec<f64> = start.iter().map(|&w| f64::from(w)).collect();
        let mut moments = [[0.0; 2]; 16];
        for step in 1..=5 {
            for (i, g) in gradient(step).into_iter().enumerate() {
                exact[i] = oracle(exact[i], f64::from(g), &mut moments[i], step);
            }
        }
        for (w, exact) in w.iter().zip(exact) {
            assert!((f64::from(*w) - exact).abs() < 1e-6, "{optimizer:?}: {w} for {exact}");
        }
    }

    #[test]
    fn every_optimizer_agrees_with_its_formula() {
        agrees(Optimizer::Sgd { learning_rate: 0.02 }, |w, g, _, _| w - 0.02 * g);
        agrees(Optimizer::Momentum { learning_rate: 0.02, momentum: 0.9 }, |w, g, v, _| {
            v[0] = 0.9 * v[0] + g;
            w - 0.02 * v[0]
        });
        agrees(Optimizer::Nesterov { learning_rate: 0.02, momentum: 0.9 }, |w, g, v, _| {
            v[0] = 0.9 * v[0] + g;
            w - 0.02 * (g + 0.9 * v[0])
        });
        let adam = |w: f64, g: f64, m: &mut [f64; 2], t: i32| {
            m[0] = 0.9 * m[0] + 0.1 * g;
            m[1] = 0.99 * m[1] + 0.01 * g * g;
            let (mean, square) = (m[0] / (1.0 - 0.9f64.powi(t)), m[1] / (1.0 - 0.99f64.powi(t)));
            w - 0.02 * mean / (square.sqrt() + 1e-8)
        };
        let (learning_rate, beta1, beta2, epsilon) = (0.02, 0.9, 0.99, 1e-8);
        agrees(Optimizer::Adam { learning_rate, beta1, beta2, epsilon }, adam);
        agrees(Optimizer::AdamW { learning_rate, beta1, beta2, epsilon }, adam);
    }

    #[test]
    fn fields_left_out_take_their_defaults() {
        let adam: Optimizer = toml::from_str("kind = \"adam\"").unwrap();
        assert_eq!(adam, Optimizer::default());
        let text = toml::from_str::<Optimizer>("kind = \"adamw\"\nbeta3 = 1.0").unwrap_err().to_string();
        assert!(text.contains("beta3"), "{text}");
    }
}
