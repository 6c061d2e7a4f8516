//! The 12-bit task: binary patterns on a sphere, labelled by a rule that no rotation changes.

use ndarray::Array2;

use crate::dataset::{Dataset, DatasetError};
use crate::random::{Purpose, generator, uniform};
use crate::{Information, Labels};

/// Bits of a pattern, one at each vertex of an icosahedron.
const N_BITS: usize = 12;
/// All patterns.
const N_PATTERNS: usize = 1 << N_BITS;
/// Degrees of the power spectrum, l = 0 … 6. The twelve vertices are a spherical 5-design: the pattern of all
/// ones has nothing in l = 1 … 5, and l = 6 is the first degree that sees the icosahedron itself.
const N_DEGREES: usize = 7;
/// More than this often no pattern needs to occur; it bounds the inputs at 200 MB.
const MAX_REPEATS: usize = 1024;

/// The gain γ of a sigmoid that leaves the 0.99 bits of I(X;Y) of the published task, in round numbers (0.993).
pub const SIGMOID_GAIN: f64 = 1000.0;

/// The generic combination of the spectrum: degree l counts with the square root of the reciprocal of the
/// l-th prime, after division by its standard deviation over all patterns.
///
/// Nothing relates these weights to each other, so that patterns whose spectra differ get different values (a
/// test holds them apart). The division keeps p_0, the squared number of ones, from drowning
/// the shape of the pattern; patterns with six ones are then labelled half and half, and some of those with
/// five and seven go against the majority, as in the authors' own file.
const RECIPROCAL_WEIGHTS_SQUARED: [f64; N_DEGREES] = [2.0, 3.0, 5.0, 7.0, 11.0, 13.0, 17.0];

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
    let rule = rule();
    let (threshold, n_orbits) = threshold(&rule);
    let probability = |&value: &f64| match gain {
        None => f64::from(value > threshold),
        Some(gain) => 1.0 / (1.0 + (-gain * (value - threshold)).exp()),
    };
    let label_probability: Vec<f64> = rule.iter().map(probability).collect();
    let n_samples = N_PATTERNS * repeats;
    let inputs =
        Array2::from_shape_fn((n_samples, N_BITS), |(row, vertex)| bit(row % N_PATTERNS, vertex) as f32);
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
            inputs,
            labels: Labels::from_symbols(&symbols),
            split: None,
        },
        label_probability,
        n_orbits,
        threshold,
        p_one,
        label_entropy,
        information: label_entropy - Information::from_nats(noise),
    })
}

/// The bit of a pattern at a vertex; the most significant bit is the first.
fn bit(pattern: usize, vertex: usize) -> usize {
    pattern >> (N_BITS - 1 - vertex) & 1
}

fn binary_entropy(p: f64) -> Information {
    let term = |p: f64| if p > 0.0 { -p * p.ln() } else { 0.0 };
    Information::from_nats(term(p) + term(1.0 - p))
}

/// The vertices of an icosahedron, not normalised: cyclic permutations of (0, ±1, ±φ).
fn vertices() -> [[f64; 3]; N_BITS] {
    let golden = (1.0 + 5f64.sqrt()) / 2.0;
    let mut vertices = [[0.0; 3]; N_BITS];
    for (number, vertex) in vertices.iter_mut().enumerate() {
        let axis = number / 4;
        vertex[(axis + 1) % 3] = if number & 1 == 0 { 1.0 } else { -1.0 };
        vertex[(axis + 2) % 3] = if number & 2 == 0 { golden } else { -golden };
    }
    vertices
}

/// How two vertices lie to each other. An icosahedron has only four angles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Angle {
    Same,
    Neighbours,
    Apart,
    Opposite,
}

impl Angle {
    const ALL: [Angle; 4] = [Angle::Same, Angle::Neighbours, Angle::Apart, Angle::Opposite];

    fn cosine(self) -> f64 {
        match self {
            Angle::Same => 1.0,
            Angle::Neighbours => 0.2f64.sqrt(),
            Angle::Apart => -0.2f64.sqrt(),
            Angle::Opposite => -1.0,
        }
    }

    fn between(a: [f64; 3], b: [f64; 3]) -> Angle {
        let dot = |a: [f64; 3], b: [f64; 3]| a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
        let cosine = dot(a, b) / dot(a, a);
        let distance = |angle: &Angle| (angle.cosine() - cosine).abs();
        Angle::ALL.into_iter().min_by(|a, b| distance(a).total_cmp(&distance(b))).expect("there are four")
    }
}

/// How many ordered pairs of ones a pattern has at each of the four angles.
///
/// The spectrum is a function of these whole numbers. Computed from them it is exactly equal, to the last
/// bit, for patterns of one orbit, and no tolerance has to tell rounding from difference.
fn pair_counts() -> Vec<[u32; 4]> {
    let vertices = vertices();
    // For each vertex and angle, the vertices at that angle as bits of a pattern.
    let mut at_angle = [[0usize; 4]; N_BITS];
    for (i, &a) in vertices.iter().enumerate() {
        for (j, &b) in vertices.iter().enumerate() {
            at_angle[i][Angle::between(a, b) as usize] |= 1 << (N_BITS - 1 - j);
        }
    }
    let counts = |pattern: usize| {
        let mut counts = [0; 4];
        for vertex in (0..N_BITS).filter(|&vertex| bit(pattern, vertex) == 1) {
            for (count, mask) in counts.iter_mut().zip(at_angle[vertex]) {
                *count += (pattern & mask).count_ones();
            }
        }
        counts
    };
    (0..N_PATTERNS).map(counts).collect()
}

/// P_0 … P_6 at `cosine`, by Bonnet's recursion (l+1) P_{l+1} = (2l+1) c P_l − l P_{l−1}.
fn legendre(cosine: f64) -> [f64; N_DEGREES] {
    let mut polynomials = [1.0, cosine, 0.0, 0.0, 0.0, 0.0, 0.0];
    for l in 1..N_DEGREES - 1 {
        let degree = l as f64;
        polynomials[l + 1] =
            ((2.0 * degree + 1.0) * cosine * polynomials[l] - degree * polynomials[l - 1]) / (degree + 1.0);
    }
    polynomials
}

/// p_0 … p_6 of each pattern.
fn spectra() -> Vec<[f64; N_DEGREES]> {
    let polynomials = Angle::ALL.map(|angle| legendre(angle.cosine()));
    let spectrum = |counts: [u32; 4]| -> [f64; N_DEGREES] {
        std::array::from_fn(|l| counts.iter().zip(&polynomials).map(|(&n, p)| f64::from(n) * p[l]).sum())
    };
    pair_counts().into_iter().map(spectrum).collect()
}

/// f of each pattern: the generic combination of its spectrum, with mean 0 and variance 1.
fn rule() -> Vec<f64> {
    let spectra = spectra();
    let scales: [f64; N_DEGREES] =
        std::array::from_fn(|l| mean_and_deviation(spectra.iter().map(|spectrum| spectrum[l])).1);
    let combine = |spectrum: &[f64; N_DEGREES]| -> f64 {
        (0..N_DEGREES).map(|l| spectrum[l] / scales[l] / RECIPROCAL_WEIGHTS_SQUARED[l].sqrt()).sum()
    };
    let mut rule: Vec<f64> = spectra.iter().map(combine).collect();
    let (mean, deviation) = mean_and_deviation(rule.iter().copied());
    rule.iter_mut().for_each(|value| *value = (*value - mean) / deviation);
    rule
}

fn mean_and_deviation(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let n = N_PATTERNS as f64;
    let mean = values.clone().sum::<f64>() / n;
    (mean, (values.map(|value| (value - mean).powi(2)).sum::<f64>() / n).sqrt())
}

/// The threshold between two orbits that brings the share above it nearest to one half (of two equally near
/// the lower one), and the number of orbits.
fn threshold(rule: &[f64]) -> (f64, usize) {
    let mut sorted = rule.to_vec();
    sorted.sort_by(f64::total_cmp);
    // Where one orbit ends and the next begins: that many patterns lie below.
    let borders: Vec<usize> = (1..sorted.len()).filter(|&below| sorted[below] != sorted[below - 1]).collect();
    let below =
        *borders.iter().min_by_key(|below| below.abs_diff(rule.len() / 2)).expect("there are 64 orbits");
    ((sorted[below - 1] + sorted[below]) / 2.0, borders.len() + 1)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// The rotations and reflections of the vertices, as permutations: all that keep every angle.
    fn symmetries() -> Vec<[usize; N_BITS]> {
        let vertices = vertices();
        let angle = |i: usize, j: usize| Angle::between(vertices[i], vertices[j]);
        let mut found = vec![vec![]];
        for i in 0..N_BITS {
            let mut longer = Vec::new();
            for images in &found {
                for image in 0..N_BITS {
                    let fits = |(j, &other): (usize, &usize)| angle(i, j) == angle(image, other);
                    if images.iter().enumerate().all(fits) {
                        longer.push([&images[..], &[image]].concat());
                    }
                }
            }
            found = longer;
        }
        found.into_iter().map(|images| images.try_into().unwrap()).collect()
    }

    #[test]
    fn the_spectrum_is_the_double_sum_of_the_recipe() {
        let vertices = vertices();
        let spectra = spectra();
        for pattern in (0..N_PATTERNS).step_by(7).chain([N_PATTERNS - 1]) {
            let mut expected = [0.0; N_DEGREES];
            for (i, a) in vertices.iter().enumerate() {
                for (j, b) in vertices.iter().enumerate() {
                    let norm = 2.5 + 1.25f64.sqrt();
                    let cosine = (a[0] * b[0] + a[1] * b[1] + a[2] * b[2]) / norm;
                    let ones = (bit(pattern, i) * bit(pattern, j)) as f64;
                    // P_2 and P_6 written out, the others by the recursion that these two check.
                    let polynomials = legendre(cosine);
                    let square = cosine * cosine;
                    let second = (3.0 * square - 1.0) / 2.0;
                    let sixth = (((231.0 * square - 315.0) * square + 105.0) * square - 5.0) / 16.0;
                    assert!(
                        (polynomials[2] - second).abs() < 1e-12 && (polynomials[6] - sixth).abs() < 1e-12
                    );
                    expected.iter_mut().zip(polynomials).for_each(|(sum, p)| *sum += ones * p);
                }
            }
            for (l, expected) in expected.into_iter().enumerate() {
                assert!((spectra[pattern][l] - expected).abs() < 1e-9, "pattern {pattern}, degree {l}");
            }
        }
    }

    #[test]
    fn all_ones_have_nothing_in_degrees_one_to_five() {
        let spectrum = spectra()[N_PATTERNS - 1];
        assert!((spectrum[0] - 144.0).abs() < 1e-9);
        assert!(spectrum[1..6].iter().all(|power| power.abs() < 1e-9));
        assert!(spectrum[6] > 1.0);
    }

    #[test]
    fn there_are_sixty_four_orbits_and_they_lie_well_apart() {
        let mut values = rule();
        values.sort_by(f64::total_cmp);
        let gaps: Vec<f64> =
            values.windows(2).map(|pair| pair[1] - pair[0]).filter(|&gap| gap != 0.0).collect();
        assert_eq!(gaps.len() + 1, 64);
        // No tolerance below this groups the values otherwise.
        let smallest = gaps.iter().copied().fold(f64::INFINITY, f64::min);
        assert!(smallest > 1e-6, "smallest gap {smallest}");
        assert_eq!(pair_counts().into_iter().collect::<HashSet<_>>().len(), 64);
    }

    #[test]
    fn no_symmetry_of_the_icosahedron_changes_a_label() {
        let symmetries = symmetries();
        assert_eq!(symmetries.len(), 120);
        let task = symmetric12(None, 1, 0).unwrap();
        let rule = rule();
        for symmetry in symmetries {
            for pattern in 0..N_PATTERNS {
                let moved = (0..N_BITS).map(|i| bit(pattern, i) << (N_BITS - 1 - symmetry[i])).sum::<usize>();
                assert_eq!(rule[pattern], rule[moved]);
                assert_eq!(task.dataset.labels.codes()[pattern], task.dataset.labels.codes()[moved]);
            }
        }
    }

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
        assert_eq!(task.dataset.inputs.row(1).to_vec(), [vec![0.0; 11], vec![1.0]].concat());
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
