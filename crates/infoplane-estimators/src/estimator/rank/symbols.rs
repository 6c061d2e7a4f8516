//! The test of independence of two labellings.

use std::collections::HashMap;

use crate::Labels;
use crate::math::ln;
use crate::special::gamma_beyond;

/// Room that is used again.
#[derive(Default)]
pub(super) struct Scratch {
    counts: Vec<u32>,
    pairs: Vec<u64>,
}

/// Samples expected in every cell, at least, for the distribution of χ².
const LEAST_EXPECTED: f64 = 5.0;

/// m ln m for m = 0 … n.
pub(super) fn terms(n: usize) -> Vec<f64> {
    (0..=n).map(|m| if m == 0 { 0.0 } else { m as f64 * ln(m as f64) }).collect()
}

/// Σ n_ab ln n_ab over the pairs of labels of two labellings, of which `a` and `b` are the codes: the plug-in I(A;B) up to what the
/// sizes of the labels decide.
pub(super) fn pair_sum(
    (a, n_a): (&[u32], usize),
    (b, n_b): (&[u32], usize),
    terms: &[f64],
    scratch: &mut Scratch,
) -> f64 {
    /// Cells for each sample up to which all are counted, empty ones too.
    const DENSE: usize = 8;
    if n_a.saturating_mul(n_b) <= DENSE * a.len() {
        scratch.counts.clear();
        scratch.counts.resize(n_a * n_b, 0);
        for (&a, &b) in a.iter().zip(b) {
            scratch.counts[a as usize * n_b + b as usize] += 1;
        }
        return scratch.counts.iter().map(|&count| terms[count as usize]).sum();
    }
    scratch.pairs.clear();
    scratch.pairs.extend(a.iter().zip(b).map(|(&a, &b)| u64::from(a) << 32 | u64::from(b)));
    scratch.pairs.sort_unstable();
    scratch.pairs.chunk_by(|a, b| a == b).map(|equal| terms[equal.len()]).sum()
}

/// The plug-in I(A;B) in nats, and the standard deviation of ln p(a,b)/(p(a) p(b)) over the samples.
pub(super) fn plug_in(a: &Labels, b: &Labels) -> (f64, f64) {
    let n = a.len() as f64;
    let mut cells: HashMap<(u32, u32), u32> = HashMap::new();
    for (&a, &b) in a.codes().iter().zip(b.codes()) {
        *cells.entry((a, b)).or_default() += 1;
    }
    let mut cells: Vec<((u32, u32), u32)> = cells.into_iter().collect();
    // Sums in one order, which a hash table has not.
    cells.sort_unstable();
    let (mut sum, mut squares) = (0.0, 0.0);
    for ((i, j), count) in cells {
        let count = f64::from(count);
        let expected = a.counts()[i as usize] as f64 * b.counts()[j as usize] as f64 / n;
        let term = ln(count / expected);
        sum += count * term;
        squares += count * term * term;
    }
    let nats = sum / n;
    (nats, (squares / n - nats * nats).max(0.0).sqrt())
}

/// (r − 1)(c − 1), the degrees of freedom of a table.
pub(super) fn degrees_of_freedom(a: &Labels, b: &Labels) -> f64 {
    (a.n_labels() as f64 - 1.0) * (b.n_labels() as f64 - 1.0)
}

/// The standard error of an information of symbols: that of the mean of its terms, less what independent labels have of it, and the
/// deviation of χ²/2n, which is what these have.
pub(super) fn standard_error(deviation: f64, freedom: f64, n: usize) -> f64 {
    let n = n as f64;
    let of_terms = (deviation * deviation - freedom / n).max(0.0) / n;
    (of_terms + freedom / (2.0 * n * n)).sqrt()
}

/// The probability that labels which have nothing to do with each other have at least this plug-in information: 2 n I / q follows χ², with
/// q of Williams (1976); `None` where a cell would have fewer than five samples.
pub(super) fn chi_squared(nats: f64, a: &Labels, b: &Labels) -> Option<f64> {
    let n = a.len() as f64;
    let least = |labels: &Labels| labels.counts().iter().copied().min().unwrap_or(0) as f64;
    if least(a) * least(b) < LEAST_EXPECTED * n {
        return None;
    }
    let freedom = degrees_of_freedom(a, b);
    let inverse = |labels: &Labels| labels.counts().iter().map(|&count| n / count as f64).sum::<f64>() - 1.0;
    let q = 1.0 + inverse(a) * inverse(b) / (6.0 * n * freedom);
    // 0 is what doubles cannot hold.
    Some(gamma_beyond(freedom / 2.0, n * nats / q).max(f64::MIN_POSITIVE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_over_pairs_are_those_of_the_information() {
        let a = Labels::from_symbols(&[0, 0, 1, 1, 2, 2, 2, 0]);
        let b = Labels::from_symbols(&[0, 1, 1, 1, 0, 0, 1, 0]);
        let terms = terms(8);
        // Counted in a table, and sorted since a table would be too large.
        let sums = [(3, 2), (3000, 2000)]
            .map(|(n_a, n_b)| pair_sum((a.codes(), n_a), (b.codes(), n_b), &terms, &mut Scratch::default()));
        assert_eq!(sums[0], sums[1]);
        let margin = |labels: &Labels| labels.counts().iter().map(|&count| terms[count]).sum::<f64>();
        let nats = (sums[0] - margin(&a) - margin(&b) + terms[8]) / 8.0;
        assert!((nats - plug_in(&a, &b).0).abs() < 1e-15);
    }

    /// A table of 2 × 2 with 10, 20, 30 and 40 samples, by hand: G = 2 Σ O ln(O/E), q = 1 + (100/30 + 100/70 − 1)(100/40 + 100/60 − 1)/600.
    #[test]
    fn the_test_of_a_table_is_that_of_williams() {
        let rows: Vec<(u32, u32)> = [((0, 0), 10), ((0, 1), 20), ((1, 0), 30), ((1, 1), 40)]
            .into_iter()
            .flat_map(|(cell, n)| vec![cell; n])
            .collect();
        let a = Labels::from_symbols(&rows.iter().map(|row| row.0).collect::<Vec<_>>());
        let b = Labels::from_symbols(&rows.iter().map(|row| row.1).collect::<Vec<_>>());
        let g: f64 = [(10.0f64, 12.0f64), (20.0, 18.0), (30.0, 28.0), (40.0, 42.0)]
            .into_iter()
            .map(|(observed, expected)| 2.0 * observed * (observed / expected).ln())
            .sum();
        let q = 1.0 + (100.0 / 30.0 + 100.0 / 70.0 - 1.0) * (100.0 / 40.0 + 100.0 / 60.0 - 1.0) / 600.0;
        let (nats, _) = plug_in(&a, &b);
        assert!((200.0 * nats - g).abs() < 1e-12);
        // One degree of freedom: erfc √(G/2q).
        let expected = crate::special::erfc((g / q / 2.0).sqrt());
        assert!((chi_squared(nats, &a, &b).unwrap() - expected).abs() < 1e-12);
        let rare = Labels::from_symbols(&(0..100).map(|i| i < 8).collect::<Vec<_>>());
        assert_eq!(chi_squared(nats, &rare, &a), None);
    }
}
