//! Random numbers as a function of the seed, their purpose, and an index such as the epoch.

use crate::math;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// The purpose of random numbers; each purpose has its own streams, so that one never affects another.
#[derive(Debug, Clone, Copy)]
pub enum Purpose {
    /// Initial weights; one stream per layer.
    Initialization = 1,
    /// The order of the training samples; one stream per epoch.
    Shuffle = 2,
    /// Which units drop out; one stream per epoch.
    Dropout = 3,
    /// Which rows train.
    Split = 4,
    /// The labels of a noisy task.
    Labels = 5,
    /// Directions and surrogates of the nearest-neighbour methods; one stream per direction or surrogate.
    Nearest = 6,
    /// Constants of local methods; one stream per block of draws.
    Local = 7,
    /// Shifts and directions of hashes; one stream per hash.
    Discrete = 8,
    /// Gaussian noise on a layer; one stream per draw and row.
    Noise = 9,
    /// Which rows are drawn, dealt into parts or permuted; one stream per draw.
    Uncertainty = 10,
    /// Samples with known information; one stream per task and use.
    Known = 11,
    /// Which samples are measured together.
    Batches = 12,
    /// Which input a row is said to be in the control of a pool; one stream per network.
    Control = 13,
    /// Where within its interval a value that repeats lies; one stream per variable and column.
    Ties = 14,
    /// The order in which labels are compared with a layer that they do not belong to.
    Baseline = 15,
    /// Which rows a witness of a schedule is computed on.
    Witness = 16,
}

/// Returns the generator of (seed, purpose, index).
///
/// ChaCha counts: no state is carried from one index to the next, so any epoch can be entered directly.
pub fn generator(seed: u64, purpose: Purpose, index: u64) -> ChaCha8Rng {
    // The key is the seed itself, not an expansion of it, whose definition belongs to another crate.
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    let mut generator = ChaCha8Rng::from_seed(key);
    generator.set_stream((purpose as u64) << 56 | index);
    generator
}

/// Draws an integer in `0..bound`, every one equally likely.
#[inline]
pub fn below(generator: &mut impl Rng, bound: u32) -> u32 {
    // The upper half of a 64-bit product; the low half tells when the draw would favour small numbers.
    let mut product = u64::from(generator.next_u32()) * u64::from(bound);
    if (product as u32) < bound {
        let threshold = bound.wrapping_neg() % bound;
        while (product as u32) < threshold {
            product = u64::from(generator.next_u32()) * u64::from(bound);
        }
    }
    (product >> 32) as u32
}

/// Puts `items` into a random order, all orders equally likely (Fisher–Yates).
///
/// Written out because the shuffle of a library may change between its versions, and with it every run.
/// At most 2³² items.
pub fn shuffle<T>(generator: &mut impl Rng, items: &mut [T]) {
    for i in (1..items.len()).rev() {
        items.swap(i, below(generator, i as u32 + 1) as usize);
    }
}

/// Draws a number in [0, 1) with 53 random bits.
pub fn uniform(generator: &mut impl Rng) -> f64 {
    (generator.next_u64() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
}

/// Draws a standard normal number (Box–Muller).
pub fn normal(generator: &mut impl Rng) -> f64 {
    // 1 − u lies in (0, 1], where the logarithm is finite.
    let radius = (-2.0 * math::ln(1.0 - uniform(generator))).sqrt();
    radius * math::cos(std::f64::consts::TAU * uniform(generator))
}

/// Draws a standard normal number, drawn again while it is more than two standard deviations from zero.
pub fn truncated_normal(generator: &mut impl Rng) -> f64 {
    loop {
        let z = normal(generator);
        if z.abs() <= 2.0 {
            return z;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_order_of_four_is_equally_likely() {
        let mut counts = std::collections::HashMap::new();
        let mut generator = generator(1, Purpose::Shuffle, 0);
        for _ in 0..24_000 {
            let mut items = [0, 1, 2, 3];
            shuffle(&mut generator, &mut items);
            *counts.entry(items).or_insert(0u32) += 1;
        }
        assert_eq!(counts.len(), 24);
        // 1000 expected each, standard deviation 31.
        assert!(counts.values().all(|&c| (840..1160).contains(&c)), "{counts:?}");
    }

    #[test]
    fn streams_differ_by_purpose_and_index_and_are_repeatable() {
        let first = |purpose, index| generator(9, purpose, index).next_u64();
        assert_eq!(first(Purpose::Shuffle, 3), first(Purpose::Shuffle, 3));
        assert_ne!(first(Purpose::Shuffle, 3), first(Purpose::Shuffle, 4));
        assert_ne!(first(Purpose::Shuffle, 3), first(Purpose::Dropout, 3));
    }

    #[test]
    fn truncated_normal_has_the_variance_of_the_cut_distribution() {
        let mut generator = generator(2, Purpose::Initialization, 0);
        let n = 100_000;
        let draws: Vec<f64> = (0..n).map(|_| truncated_normal(&mut generator)).collect();
        assert!(draws.iter().all(|z| z.abs() <= 2.0));
        let variance = draws.iter().map(|z| z * z).sum::<f64>() / n as f64;
        // 1 − 2·2φ(2)/(2Φ(2) − 1) = 0.7737; the sampling error of a variance is below √(2/n).
        assert!((variance - 0.7737).abs() < 3.0 * (2.0 / n as f64).sqrt(), "{variance}");
        assert!((draws.iter().sum::<f64>() / n as f64).abs() < 3.0 * 0.88 / (n as f64).sqrt());
    }
}
