//! The rule of the 12-bit task: which patterns on an icosahedron have label 1.

use crate::math;

/// Bits of a pattern, one at each vertex of an icosahedron.
pub const N_BITS: usize = 12;
/// Patterns in all.
pub const N_PATTERNS: usize = 1 << N_BITS;
/// Degrees of the power spectrum, l = 0 … 6. The twelve vertices are a spherical 5-design: the pattern of all
/// ones has nothing in l = 1 … 5, and l = 6 is the first degree that sees the icosahedron itself.
const N_DEGREES: usize = 7;
/// The generic combination of the spectrum: degree l counts with the square root of the reciprocal of the
/// l-th prime, after division by its standard deviation over all patterns.
///
/// Nothing relates these weights to each other, so that patterns whose spectra differ get different values (a
/// test holds them apart). The division keeps p_0, the squared number of ones, from drowning
/// the shape of the pattern; patterns with six ones are then labelled half and half, and some of those with
/// five and seven go against the majority, as in the authors' own file.
const RECIPROCAL_WEIGHTS_SQUARED: [f64; N_DEGREES] = [2.0, 3.0, 5.0, 7.0, 11.0, 13.0, 17.0];

/// The rule f of the 12-bit task of Shwartz-Ziv & Tishby (2017), which no rotation or reflection of a pattern changes.
///
/// Pattern number p has the bits of p at the twelve vertices of an icosahedron, the most significant bit first. f is a
/// fixed generic combination of the power spectrum of the pattern in spherical harmonics, with mean 0 and variance 1
/// over the 4096 patterns. The label of a pattern is 1 where f exceeds the threshold.
///
/// ```
/// use infoplane_estimators::known::PatternRule;
/// let rule = PatternRule::new();
/// assert_eq!((rule.values.len(), rule.n_orbits), (4096, 64));
/// assert_eq!(rule.values.iter().filter(|&&value| value > rule.threshold).count(), 2038);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct PatternRule {
    /// f of each of the 4096 patterns.
    pub values: Vec<f64>,
    /// The value above which the label is 1: midway between two orbits, where the share above is nearest to one half.
    pub threshold: f64,
    /// The number of different values of f.
    pub n_orbits: usize,
}

impl PatternRule {
    /// Computes the rule; takes a few milliseconds.
    #[expect(clippy::new_without_default, reason = "it is computed, not a default among others")]
    pub fn new() -> Self {
        let values = rule();
        let (threshold, n_orbits) = threshold(&values);
        PatternRule { values, threshold, n_orbits }
    }

    /// Returns the bit, 0 or 1, of a pattern at a vertex; the most significant bit is the first.
    pub fn bit(pattern: usize, vertex: usize) -> usize {
        bit(pattern, vertex)
    }
}

/// The bit of a pattern at a vertex; the most significant bit is the first.
fn bit(pattern: usize, vertex: usize) -> usize {
    pattern >> (N_BITS - 1 - vertex) & 1
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
    (mean, (values.map(|value| math::powi(value - mean, 2)).sum::<f64>() / n).sqrt())
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
        let PatternRule { values: rule, threshold, .. } = PatternRule::new();
        for symmetry in symmetries {
            for pattern in 0..N_PATTERNS {
                let moved = (0..N_BITS).map(|i| bit(pattern, i) << (N_BITS - 1 - symmetry[i])).sum::<usize>();
                assert_eq!(rule[pattern], rule[moved]);
                assert_eq!(rule[pattern] > threshold, rule[moved] > threshold);
            }
        }
    }
}
