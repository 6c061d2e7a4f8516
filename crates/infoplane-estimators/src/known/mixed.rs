//! Discrete variables, and discrete against continuous ones.

use std::f64::consts::LN_2;
use std::sync::OnceLock;

use ndarray::{Array1, Array2};
use rayon::prelude::*;

use super::{Sample, Streams, Values};
use crate::math;
use crate::random::{below, normal, uniform};
use crate::special::{digamma, ln_gamma};
use crate::{Information, Labels};

fn column(n: usize, values: Vec<f64>) -> Values {
    Values::Numbers(Array2::from_shape_fn((n, 1), |(row, _)| values[row]))
}

fn sample(x: Values, y: Values, nats: f64) -> Sample {
    Sample { x, y, information: Information::from_nats(nats), noise_variance: None }
}

/// x uniform on {0, …, m − 1}, y uniform on [x, x + 2]; m = 5.
///
/// I = ln m − (m − 1) ln 2 / m: between 1 and m two values of x are equally likely, else one is certain.
pub(super) fn discrete_noise(n: usize, streams: Streams) -> Sample {
    const M: u32 = 5;
    let mut random = streams.draws();
    let draw = |_| {
        let x = f64::from(below(&mut random, M));
        (x, x + 2.0 * uniform(&mut random))
    };
    let (x, y) = (0..n).map(draw).unzip();
    let m = f64::from(M);
    sample(column(n, x), column(n, y), math::ln(m) - (m - 1.0) * LN_2 / m)
}

/// The probability that y is 0 whatever x is.
const INFLATION: f64 = 0.15;

/// x exponential with mean 1; y is 0 with probability p, else Poisson of mean x.
pub(super) fn zero_inflated_poisson(n: usize, streams: Streams) -> Sample {
    let mut random = streams.draws();
    let draw = |_| {
        let x = -math::ln(1.0 - uniform(&mut random));
        let mut y = 0.0;
        if uniform(&mut random) >= INFLATION {
            // Events of a process of rate one until x: their number is Poisson of mean x.
            let mut time = -math::ln(1.0 - uniform(&mut random));
            while time < x {
                y += 1.0;
                time -= math::ln(1.0 - uniform(&mut random));
            }
        }
        (x, y)
    };
    let (x, y) = (0..n).map(draw).unzip();
    sample(column(n, x), column(n, y), zero_inflated_nats(INFLATION))
}

/// Σ_k E P(k|x) ln P(k|x)/P(k).
///
/// For k ≥ 1 the factor 1 − p cancels in the logarithm, and x given k has a gamma distribution of shape k + 1
/// and rate 2. For k = 0, P(0|x) = p + (1 − p) e^(−x) is uniform on [p, 1]. The formula in the publication,
/// (1 − p) times the value at p = 0, takes both kinds of zero for different symbols, which the data do not tell
/// apart; it is larger.
fn zero_inflated_nats(p: f64) -> f64 {
    let mean = (1.0 + p) / 2.0;
    let antiderivative = |v: f64| if v > 0.0 { v * v / 2.0 * math::ln(v / mean) - v * v / 4.0 } else { 0.0 };
    let zero = (antiderivative(1.0) - antiderivative(p)) / (1.0 - p);
    let positive: f64 = (1..200)
        .map(|k| {
            let k = f64::from(k);
            let log_ratio =
                -(k + 1.0) / 2.0 + k * (digamma(k + 1.0) - LN_2) - ln_gamma(k + 1.0) + (k + 1.0) * LN_2;
            math::exp(-(k + 1.0) * LN_2) * log_ratio
        })
        .sum();
    zero + (1.0 - p) * positive
}

const CLASSES: usize = 10;
const DIMENSIONS: usize = 4;

/// 10 equally likely classes with fixed means, drawn from N(0, 1.5² I); y = mean + N(0, I).
///
/// The information is the mean of ln p(y|class)/p(y) over 1,600,000 draws, with a standard error below 0.001.
pub(super) fn classes(n: usize, streams: Streams) -> Sample {
    static TRUTH: OnceLock<f64> = OnceLock::new();
    let mut constants = streams.constants();
    let means = Array2::from_shape_simple_fn((CLASSES, DIMENSIONS), || 1.5 * normal(&mut constants));
    let nats = *TRUTH.get_or_init(|| {
        let blocks: Vec<f64> =
            (0..160).into_par_iter().map(|block| class_log_ratios(&means, 10_000, block).sum()).collect();
        blocks.iter().sum::<f64>() / 1_600_000.0
    });
    let mut random = streams.draws();
    let mut codes = Vec::with_capacity(n);
    let mut y = Array2::zeros((n, DIMENSIONS));
    for mut row in y.rows_mut() {
        let class = below(&mut random, CLASSES as u32);
        codes.push(class);
        for (value, mean) in row.iter_mut().zip(means.row(class as usize)) {
            *value = mean + normal(&mut random);
        }
    }
    sample(Values::Labels(Labels::from_symbols(&codes)), Values::Numbers(y), nats)
}

/// ln p(y|class)/p(y) of fresh draws.
fn class_log_ratios(means: &Array2<f64>, n: usize, block: u64) -> Array1<f64> {
    let mut random = Streams { seed: block, task: 255 }.draws();
    Array1::from_shape_simple_fn(n, || {
        let class = below(&mut random, CLASSES as u32) as usize;
        let y: Vec<f64> = means.row(class).iter().map(|mean| mean + normal(&mut random)).collect();
        let exponent =
            |c: usize| -0.5 * means.row(c).iter().zip(&y).map(|(m, v)| (v - m) * (v - m)).sum::<f64>();
        let own = exponent(class);
        let mixture: f64 = (0..CLASSES).map(|c| math::exp(exponent(c) - own)).sum();
        math::ln(CLASSES as f64 / mixture)
    })
}

const SYMBOLS: usize = 64;

/// 64 × 64 symbols whose table of probabilities is proportional to fixed exponential draws.
///
/// I is the sum over the table. With a thousand draws most cells are empty: a task for corrections.
pub(super) fn discrete_64(n: usize, streams: Streams) -> Sample {
    let mut constants = streams.constants();
    let mut table: Vec<f64> =
        (0..SYMBOLS * SYMBOLS).map(|_| -math::ln(1.0 - uniform(&mut constants))).collect();
    let total: f64 = table.iter().sum();
    table.iter_mut().for_each(|p| *p /= total);
    let cumulative: Vec<f64> = table
        .iter()
        .scan(0.0, |sum, p| {
            *sum += p;
            Some(*sum)
        })
        .collect();
    let mut random = streams.draws();
    let draw = |_| {
        let u = uniform(&mut random);
        let cell = cumulative.partition_point(|&below| below <= u).min(table.len() - 1);
        ((cell / SYMBOLS) as u32, (cell % SYMBOLS) as u32)
    };
    let (x, y): (Vec<u32>, Vec<u32>) = (0..n).map(draw).unzip();
    let (x, y) = (Labels::from_symbols(&x), Labels::from_symbols(&y));
    sample(Values::Labels(x), Values::Labels(y), table_nats(&table))
}

/// Σ p(x,y) ln p(x,y)/(p(x) p(y)).
fn table_nats(table: &[f64]) -> f64 {
    let row = |x: usize| table[x * SYMBOLS..(x + 1) * SYMBOLS].iter().sum::<f64>();
    let column = |y: usize| table[y..].iter().step_by(SYMBOLS).sum::<f64>();
    let (rows, columns): (Vec<f64>, Vec<f64>) = (0..SYMBOLS).map(|i| (row(i), column(i))).unzip();
    let term = |(cell, p): (usize, &f64)| match *p > 0.0 {
        true => p * math::ln(p / (rows[cell / SYMBOLS] * columns[cell % SYMBOLS])),
        false => 0.0,
    };
    table.iter().enumerate().map(term).sum()
}

#[cfg(test)]
mod tests {
    use super::super::Task;
    use super::super::quadrature::integral;
    use super::*;

    #[test]
    fn zero_inflated_truth_agrees_with_an_integral_over_x() {
        for p in [0.0, 0.15, 0.6] {
            let given = |k: u32, x: f64| {
                let poisson = (-x + f64::from(k) * x.ln() - ln_gamma(f64::from(k) + 1.0)).exp();
                (1.0 - p) * poisson + if k == 0 { p } else { 0.0 }
            };
            let marginal = |k: u32| (1.0 - p) * 0.5f64.powi(k as i32 + 1) + if k == 0 { p } else { 0.0 };
            let term = |k: u32| {
                integral(
                    |x| (-x).exp() * given(k, x) * (given(k, x).max(1e-300) / marginal(k)).ln(),
                    0.0,
                    60.0,
                )
            };
            let truth: f64 = (0..60).map(term).sum();
            assert!((zero_inflated_nats(p) - truth).abs() < 1e-8, "{p}: {} {truth}", zero_inflated_nats(p));
        }
        // At p = 0 the published closed form is the same number: 2 ln 2 − γ − Σ ln k / 2^k.
        let euler = -digamma(1.0);
        let sum: f64 = (1..200).map(|k| f64::from(k).ln() * 0.5f64.powi(k)).sum();
        assert!((zero_inflated_nats(0.0) - (2.0 * LN_2 - euler - sum)).abs() < 1e-12);
        assert!(zero_inflated_nats(0.15) < 0.85 * zero_inflated_nats(0.0));
    }

    #[test]
    fn the_mean_of_many_draws_is_known_well_enough() {
        let task = Task::named("classes").unwrap();
        let truth = task.draw(1, 0).information.nats();
        assert!(truth > 1.0 && truth < (CLASSES as f64).ln(), "{truth}");
        let mut constants = task.streams(0).constants();
        let means = Array2::from_shape_simple_fn((CLASSES, DIMENSIONS), || 1.5 * normal(&mut constants));
        let others = class_log_ratios(&means, 100_000, 999);
        let (mean, deviation) = (others.mean().unwrap(), others.std(0.0));
        assert!(deviation / 1_600_000f64.sqrt() < 0.001, "{deviation}");
        assert!(
            (mean - truth).abs() < 4.0 * deviation * (1.0 / 1e5 + 1.0 / 16e5f64).sqrt(),
            "{mean} {truth}"
        );
    }

    #[test]
    fn draws_of_the_table_have_its_shares() {
        let sample = Task::named("discrete-64").unwrap().draw(200_000, 5);
        let (Values::Labels(x), Values::Labels(y)) = (&sample.x, &sample.y) else { panic!("labels") };
        assert_eq!((x.n_labels(), y.n_labels()), (SYMBOLS, SYMBOLS));
        let joint: Vec<(u32, u32)> = x.codes().iter().copied().zip(y.codes().iter().copied()).collect();
        let plug_in = x.entropy() + y.entropy() - Labels::from_symbols(&joint).entropy();
        // The bias of the plug-in is close to (64 − 1)²/2n = 0.0099, its standard error below 0.004.
        let bias = 63.0 * 63.0 / 400_000.0;
        assert!((plug_in.nats() - bias - sample.information.nats()).abs() < 0.01);
    }
}
