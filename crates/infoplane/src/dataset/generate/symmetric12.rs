//! The 12-bit task: binary patterns on a sphere, labelled by a rule that no rotation changes.

use ndarray::Array2;

use crate::dataset::{Dataset, DatasetError};
use crate::known::{N_BITS, N_PATTERNS, PatternRule};
use crate::math;
use crate::random::{Purpose, generator, uniform};
use crate::{Information, Labels};

/// More than this often no pattern needs to occur; it bounds the inputs at 200 MB.
const MAX_REPEATS: usize = 1024;

/// The gain γ of a sigmoid that leaves the 0.99 bits of I(X;Y) of the published task, in round numbers (0.993).
pub const SIGMOID_GAIN: f64 = 1000.0;

/// The 12-bit task, with what is known about it.
#[derive(Debug, Clone)]
pub struct Symmetric12 {
    /// `4096 · repeats` samples of 12 bits, each 0 or 1. Row r holds pattern r mod 4096 as a binary number,
    /// the most significant bit first.
    pub dataset: Dataset,
    /// p(y = 1 | x) of each of the 4096 patterns.
    pub label_probability: Vec<f64>,
    /// How many different values the rule takes. The paper calls them orbits; the rotations themselves have
    /// 96, some of which share a spectrum.
    pub n_orbits: usize,
    /// θ, the value of the rule above which the label is 1. It lies midway between two orbits.
    pub threshold: f64,
    /// p(y = 1) = Σ p(x) p(y = 1 | x), of the rule, not of the labels that were drawn.
    pub p_one: f64,
    /// H(Y) of the rule.
    pub label_entropy: Information,
    /// I(X;Y) = H(Y) − Σ p(x) H(Y | x) of the rule.
    pub information: Information,
}

/// Generates the 12-bit task from its published recipe.
///
/// The vertices of an icosahedron carry one bit x_i each. A pattern's power spectrum in spherical harmonics,
///
/// ```text
/// p_l = Σ_ij x_i x_j P_l(cos γ_ij),   l = 0 … 6,
/// ```
///
/// with Legendre polynomials P_l and the angle γ_ij between two vertices, is the same for all rotations and
/// reflections of a pattern. The rule f is a fixed generic combination of the p_l, shifted and scaled to
/// mean 0 and variance 1 over the 4096 patterns. It takes 64 different values. With θ the value midway
/// between two of them that brings p(f > θ) nearest to one half, the label is
///
/// - y = 1 where f > θ, without `gain`;
/// - 1 with probability p(y = 1 | x) = 1 / (1 + exp(−γ (f − θ))) with `gain` γ, drawn by `seed` for each
///   sample. The scale of f makes γ a number per standard deviation of the rule; γ = 1000
///   ([`SIGMOID_GAIN`]) leaves 0.993 bits of I(X;Y).
///
/// All 4096 patterns occur `repeats` times each: with `gain`, the labels of one pattern then show p(y | x).
///
/// Inputs are 0 and 1, as in the published programs. Which combination and θ the paper used is not in
/// print; the authors' own labelling (2118 ones) is another, and can be read from their file. Takes
/// milliseconds.
///
/// # Errors
/// [`DatasetError::Setting`] if `gain` is not positive and finite, or `repeats` is 0 or above 1024.
///
/// # Examples
/// ```
/// use infoplane::dataset::generate::symmetric12;
/// let task = symmetric12(None, 1, 0)?;
/// assert_eq!((task.dataset.n_samples(), task.n_orbits), (4096, 64));
/// assert!((task.information.bits() - 1.0).abs() < 1e-4);
/// let noisy = symmetric12(Some(30.0), 1, 0)?;
/// assert!(noisy.information < task.information);
/// # Ok::<(), infoplane::dataset::DatasetError>(())
/// ```
///
/// # References
/// Shwartz-Ziv & Tishby (2017), *Opening the black box of deep neural networks via information*,
/// arXiv:1703.00810, section 3.1.
pub fn symmetric12(gain: Option<f64>, repeats: usize, seed: u64) -> Result<Symmetric12, DatasetError> {
    if let Some(gain) = gain.filter(|gain| !(gain.is_finite() && *gain > 0.0)) {
        return Err(DatasetError::setting("gain", gain, "a finite number above 0"));
    }
    if !(1..=MAX_REPEATS).contains(&repeats) {
        return Err(DatasetError::setting("repeats", repeats, "1 to 1024"));
    }
    let PatternRule { values, threshold, n_orbits } = PatternRule::new();
    let probability = |&value: &f64| match gain {
        None => f64::from(value > threshold),
        Some(gain) => 1.0 / (1.0 + math::exp(-gain * (value - threshold))),
    };
    let label_probability: Vec<f64> = values.iter().map(probability).collect();
    let n_samples = N_PATTERNS * repeats;
    let inputs = Array2::from_shape_fn((n_samples, N_BITS), |(row, vertex)| {
        PatternRule::bit(row % N_PATTERNS, vertex) as f32
    });
    let mut generator = generator(seed, Purpose::Labels, 0);
    let mut draw = |row: usize| -> u8 {
        let probability = label_probability[row % N_PATTERNS];
        // 53 random bits: a probability of 1 always draws 1, one of 0 never.
        (uniform(&mut generator) < probability).into()
    };
    let symbols: Vec<u8> = (0..n_samples).map(&mut draw).collect();
    let mean = |values: &mut dyn Iterator<Item = f64>| values.sum::<f64>() / N_PATTERNS as f64;
    let p_one = mean(&mut label_probability.iter().copied());
    let label_entropy = binary_entropy(p_one);
    let noise = mean(&mut label_probability.iter().map(|&p| binary_entropy(p).nats()));
    Ok(Symmetric12 {
        dataset: Dataset {
            name: "symmetric12".into(),
            inputs: inputs.into(),
            labels: Labels::from_symbols(&symbols),
            split: None,
            readings: Vec::new(),
        },
        label_probability,
        n_orbits,
        threshold,
        p_one,
        label_entropy,
        information: label_entropy - Information::from_nats(noise),
    })
}

fn binary_entropy(p: f64) -> Information {
    let term = |p: f64| if p > 0.0 { -p * math::ln(p) } else { 0.0 };
    Information::from_nats(term(p) + term(1.0 - p))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_noise_the_input_tells_the_label() {
        let task = symmetric12(None, 1, 3).unwrap();
        assert_eq!(task.n_orbits, 64);
        assert_eq!(task.dataset.labels.counts(), [2058, 2038]);
        assert_eq!(task.p_one, 2038.0 / 4096.0);
        assert!((task.label_entropy.bits() - 0.999983).abs() < 1e-6);
        assert_eq!(task.information, task.label_entropy);
        assert!((task.dataset.label_information() - task.information).nats().abs() < 1e-12);
        assert!(task.dataset.x().all_distinct());
        assert_eq!(
            task.dataset.inputs.select(&[1]).into_raw_vec_and_offset().0,
            [vec![0.0; 11], vec![1.0]].concat()
        );
    }

    #[test]
    fn a_gain_makes_labels_noisy_and_repeats_make_the_noise_visible() {
        let task = symmetric12(Some(10.0), 100, 1).unwrap();
        assert_eq!(task.dataset.n_samples(), 100 * N_PATTERNS);
        assert!((task.dataset.x().entropy().bits() - 12.0).abs() < 1e-9);
        let mut ones = vec![0u32; N_PATTERNS];
        for (row, &code) in task.dataset.labels.codes().iter().enumerate() {
            ones[row % N_PATTERNS] += code;
        }
        for (&ones, &p) in ones.iter().zip(&task.label_probability) {
            // Six standard deviations of a binomial share, for 4096 shares.
            let tolerance = 6.0 * (p * (1.0 - p) / 100.0).sqrt() + 1e-2;
            assert!((f64::from(ones) / 100.0 - p).abs() < tolerance, "{ones} of 100 for p = {p}");
        }
        // What the samples show exceeds the rule's by the plug-in bias, (patterns − 1) / (2 n) nats at the
        // most.
        let bias = task.dataset.label_information() - task.information;
        assert!(bias.nats() > 0.0 && bias.nats() < 4095.0 / (2.0 * 100.0 * 4096.0) + 1e-3, "{}", bias.nats());
    }

    #[test]
    fn more_gain_means_more_information() {
        let bits = |gain| symmetric12(Some(gain), 1, 0).unwrap().information.bits();
        assert!(bits(1e-9) < 1e-12);
        assert!(bits(1.0) < bits(10.0) && bits(10.0) < bits(100.0) && bits(100.0) < 1.0);
        assert!((bits(SIGMOID_GAIN) - 0.993).abs() < 5e-4);
        let exact = symmetric12(None, 1, 0).unwrap().information.bits();
        assert!((bits(1e9) - exact).abs() < 1e-9);
    }

    #[test]
    fn labels_depend_on_the_seed_alone() {
        let labels = |seed| symmetric12(Some(5.0), 1, seed).unwrap().dataset.labels;
        assert_eq!(labels(1), labels(1));
        assert_ne!(labels(1), labels(2));
    }

    #[test]
    fn settings_out_of_range_are_refused() {
        for gain in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(matches!(symmetric12(Some(gain), 1, 0), Err(DatasetError::Setting { key: "gain", .. })));
        }
        for repeats in [0, 1025, usize::MAX] {
            assert!(matches!(
                symmetric12(None, repeats, 0),
                Err(DatasetError::Setting { key: "repeats", .. })
            ));
        }
    }
}
