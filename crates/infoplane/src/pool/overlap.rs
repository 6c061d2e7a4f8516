//! Whether the distributions p(t | x) of two inputs overlap: what pooling merges.

use std::sync::Arc;

use rayon::prelude::*;

use super::PoolSubject;
use super::conditional::{ConditionalDistributions, Inputs};
use crate::Labels;
use crate::plane::MethodDescription;

/// How much the conditional distributions of two inputs overlap in one layer; a row of `overlap.jsonl`.
///
/// p(t | x) is the share of M networks that put input x into cell (bin) t. Two inputs overlap if their distributions have
/// a cell in common; their overlap is Σ_t min(p(t | x), p(t | x')), 1 for equal distributions.
#[derive(Debug, Clone, PartialEq)]
pub struct OverlapRow {
    /// The seed of the training run; absent for a pool over seeds.
    pub seed: Option<u64>,
    /// The layer, from 1 (nearest the input).
    pub layer: usize,
    /// The method whose cells these are.
    pub method: Arc<MethodDescription>,
    /// M, the number of networks pooled.
    pub n_networks: usize,
    /// The class of one input.
    pub class: u32,
    /// The class of the other; the same for pairs within a class.
    pub other_class: u32,
    /// The number of pairs of different inputs.
    pub n_pairs: u64,
    /// The fraction of them with a cell in common.
    pub overlapping_fraction: f64,
    /// The mean overlap, Σ_t min(p(t | x), p(t | x')), of the pairs.
    pub mean_overlap: f64,
}

/// The most inputs that are compared; of more, this number of evenly spaced ones. A bit for each pair then takes 8 MiB.
pub const MAX_COMPARED_INPUTS: usize = 8192;

/// Measures the overlap of the conditional distributions of all pairs of different inputs, by pairs of classes.
///
/// ```text
/// fraction of pairs (x, x') with  p(t|x) > 0 and p(t|x') > 0  in a common cell t
/// mean over pairs of              Σ_t min(p(t|x), p(t|x'))
/// ```
///
/// `cells`: the cell of each row, `(n_networks · n_inputs)`, network after network, numbered `0..n_labels`; `subject`: the
/// input of each row of one network, and its class. There are rows for M = 1, the last network alone, where an overlap
/// is a pair of inputs in one cell, and for all M. Rows with equal inputs are pooled. An input whose rows have several
/// classes counts as the most frequent one (the first of equals). Pairs of classes without a pair of inputs have no row.
///
/// Exact for up to [`MAX_COMPARED_INPUTS`] inputs; of more, evenly spaced ones are compared, and `n_pairs` says how many.
/// With m inputs in a cell its minima are summed in O(m (log m + classes)), without a loop over pairs, and common
/// cells are found 64 pairs at a time.
///
/// ```
/// use infoplane::Labels;
/// use infoplane::plane::MethodDescription;
/// use infoplane::pool::{PoolSubject, overlaps};
/// // Three inputs, two networks: the second puts input 1 where the first had input 0.
/// let cells = Labels::from_symbols(&[0, 1, 2, 0, 0, 2]);
/// let (x, y) = (Labels::distinct(3), Labels::from_symbols(&["cat", "cat", "dog"]));
/// let method = MethodDescription::new("binned", "by hand", None).into();
/// let rows = overlaps(&cells, PoolSubject { seed: Some(1), x: &x, y: &y }, 1, &method);
/// // The last network alone merges both cats; over both networks they share half of their probability.
/// assert_eq!((rows[0].n_networks, rows[0].overlapping_fraction, rows[0].mean_overlap), (1, 1.0, 1.0));
/// assert_eq!((rows[2].n_networks, rows[2].overlapping_fraction, rows[2].mean_overlap), (2, 1.0, 0.5));
/// // No cat shares a cell with the dog.
/// assert_eq!((rows[3].class, rows[3].other_class, rows[3].mean_overlap), (0, 1, 0.0));
/// ```
///
/// # Panics
/// If the rows of `cells` are not a whole number of networks, or `x` and `y` differ in length.
pub fn overlaps(
    cells: &Labels,
    subject: PoolSubject<'_>,
    layer: usize,
    method: &Arc<MethodDescription>,
) -> Vec<OverlapRow> {
    let n = subject.x.len();
    assert_eq!(n, subject.y.len(), "inputs and their classes");
    if n == 0 || cells.is_empty() {
        return vec![];
    }
    assert!(cells.len().is_multiple_of(n), "{} rows are no whole number of networks of {n}", cells.len());
    let inputs = Inputs::new(subject.x, subject.y, MAX_COMPARED_INPUTS);
    let codes = cells.codes();
    let mut rows = Vec::new();
    let last_alone = (codes.len() > n).then(|| &codes[codes.len() - n..]);
    for codes in last_alone.into_iter().chain([codes]) {
        let distributions = ConditionalDistributions::new(codes, cells.n_labels(), n, &inputs);
        for pair in distributions.compare(&inputs) {
            rows.push(OverlapRow {
                seed: subject.seed,
                layer,
                method: Arc::clone(method),
                n_networks: codes.len() / n,
                class: pair.class as u32,
                other_class: pair.other_class as u32,
                n_pairs: pair.n_pairs,
                overlapping_fraction: pair.n_overlapping as f64 / pair.n_pairs as f64,
                mean_overlap: pair.sum_of_minima / pair.n_pairs as f64,
            });
        }
    }
    rows
}

/// The pairs of inputs of two classes.
struct ClassPair {
    class: usize,
    other_class: usize,
    n_pairs: u64,
    n_overlapping: u64,
    sum_of_minima: f64,
}

impl ConditionalDistributions {
    /// Pairs of classes, without those that have no pair of inputs.
    fn compare(&self, inputs: &Inputs) -> Vec<ClassPair> {
        let words = inputs.len().div_ceil(64);
        let sharing = self.sharing(inputs.len(), words);
        let minima = self.sums_of_minima(inputs);
        let n_classes = inputs.n_classes();
        let mut found = Vec::new();
        for class in 0..n_classes {
            for other_class in class..n_classes {
                let of = (inputs.of_class(class), inputs.of_class(other_class));
                let pairs =
                    if class == other_class { of.0 * of.0.saturating_sub(1) / 2 } else { of.0 * of.1 };
                if pairs == 0 {
                    continue;
                }
                let columns = inputs.classes[other_class]..inputs.classes[other_class + 1];
                let ones: u64 = (inputs.classes[class]..inputs.classes[class + 1])
                    .map(|input| ones(&sharing[input * words..][..words], columns.clone()))
                    .sum();
                found.push(ClassPair {
                    class,
                    other_class,
                    n_pairs: pairs,
                    // Within a class each pair is there twice.
                    n_overlapping: if class == other_class { ones / 2 } else { ones },
                    sum_of_minima: minima[class * n_classes + other_class],
                });
            }
        }
        found
    }

    /// A bit for each pair of inputs that share a cell; none for an input and itself.
    fn sharing(&self, n: usize, words: usize) -> Vec<u64> {
        let mut sharing = vec![0u64; n * words];
        // Bits are set whatever the order, so the number of threads may choose the blocks.
        let block = n.div_ceil(rayon::current_num_threads()).max(1);
        sharing.par_chunks_mut(block * words).enumerate().for_each(|(index, sharing)| {
            let (low, high) = (index * block, ((index + 1) * block).min(n));
            let mut mask = vec![0u64; words];
            for cell in self.shared_cells() {
                let place = |bound: usize| cell.partition_point(|&(input, _)| (input as usize) < bound);
                let here = &cell[place(low)..place(high)];
                let row = |input: u32| (input as usize - low) * words;
                // Few inputs are set one by one; of many, 64 at a time.
                if cell.len() < words {
                    for &(input, _) in here {
                        let of_input = &mut sharing[row(input)..][..words];
                        for &(other, _) in cell {
                            of_input[other as usize / 64] |= 1 << (other % 64);
                        }
                    }
                } else if !here.is_empty() {
                    mask.fill(0);
                    for &(input, _) in cell {
                        mask[input as usize / 64] |= 1 << (input % 64);
                    }
                    for &(input, _) in here {
                        let of_input = &mut sharing[row(input)..][..words];
                        of_input.iter_mut().zip(&mask).for_each(|(word, mask)| *word |= mask);
                    }
                }
            }
            for input in low..high {
                sharing[(input - low) * words + input / 64] &= !(1 << (input % 64));
            }
        });
        sharing
    }

    /// Σ min(p, q) over all pairs and cells, for each pair of classes (the smaller first).
    ///
    /// From the largest probability of a cell down, each is the minimum of as many pairs as there were inputs before it.
    fn sums_of_minima(&self, inputs: &Inputs) -> Vec<f64> {
        let n_classes = inputs.n_classes();
        let mut sums = vec![0.0; n_classes * n_classes];
        let mut before = vec![0u32; n_classes];
        let mut present: Vec<u32> = Vec::new();
        let mut descending: Vec<(f64, u32)> = Vec::new();
        for cell in self.shared_cells() {
            descending.clear();
            descending.extend(cell.iter().map(|&(input, count)| {
                (f64::from(count) * self.scale[input as usize], inputs.class[input as usize])
            }));
            descending.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
            for &(p, class) in &descending {
                for &other in &present {
                    let (low, high) = (class.min(other) as usize, class.max(other) as usize);
                    sums[low * n_classes + high] += p * f64::from(before[other as usize]);
                }
                if before[class as usize] == 0 {
                    present.push(class);
                }
                before[class as usize] += 1;
            }
            for class in present.drain(..) {
                before[class as usize] = 0;
            }
        }
        sums
    }
}

/// How many bits are set in a range of them.
fn ones(words: &[u64], range: std::ops::Range<usize>) -> u64 {
    if range.is_empty() {
        return 0;
    }
    let (first, last) = (range.start / 64, (range.end - 1) / 64);
    let from = u64::MAX << (range.start % 64);
    let to = u64::MAX >> (63 - (range.end - 1) % 64);
    if first == last {
        return u64::from((words[first] & from & to).count_ones());
    }
    let middle: u64 = words[first + 1..last].iter().map(|word| u64::from(word.count_ones())).sum();
    middle + u64::from((words[first] & from).count_ones() + (words[last] & to).count_ones())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn compared(codes: &[u32], x: &Labels, y: &Labels) -> Vec<OverlapRow> {
        overlaps(
            &Labels::from_symbols(codes),
            PoolSubject { seed: None, x, y },
            1,
            &MethodDescription::new("binned", "", None).into(),
        )
    }

    /// The definition: every pair of inputs, every cell.
    fn double_loop(codes: &[u32], x: &Labels, y: &Labels) -> Vec<(u32, u32, u64, f64, f64)> {
        let n = x.len();
        let mut distributions: Vec<(BTreeMap<u32, f64>, Vec<u32>, f64)> =
            vec![Default::default(); x.n_labels()];
        for (row, &code) in codes.iter().enumerate() {
            let (distribution, classes, rows) = &mut distributions[x.codes()[row % n] as usize];
            *distribution.entry(code).or_default() += 1.0;
            classes.push(y.codes()[row % n]);
            *rows += 1.0;
        }
        let class = |classes: &[u32]| {
            let count = |c| classes.iter().filter(|&&other| other == c).count();
            (0..y.n_labels() as u32).max_by_key(|&c| (count(c), std::cmp::Reverse(c))).unwrap()
        };
        let mut sums: BTreeMap<(u32, u32), (u64, f64, f64)> = BTreeMap::new();
        for (i, (p, of_p, n_p)) in distributions.iter().enumerate() {
            for (q, of_q, n_q) in &distributions[..i] {
                let (a, b) = (class(of_p), class(of_q));
                let sum = sums.entry((a.min(b), a.max(b))).or_default();
                let common = p
                    .iter()
                    .filter_map(|(cell, p)| q.get(cell).map(|q| (p / n_p).min(q / n_q)))
                    .collect::<Vec<_>>();
                sum.0 += 1;
                sum.1 += f64::from(u8::from(!common.is_empty()));
                sum.2 += common.iter().sum::<f64>();
            }
        }
        let mean = |(&(a, b), &(pairs, sharing, minima)): (&(u32, u32), &(u64, f64, f64))| {
            (a, b, pairs, sharing / pairs as f64, minima / pairs as f64)
        };
        sums.iter().map(mean).collect()
    }

    proptest! {
        #[test]
        fn every_pair_of_inputs_is_compared(
            (n, codes, x, y) in (1usize..90, 1usize..5, 1u32..60).prop_flat_map(|(n, n_networks, n_cells)| (
                Just(n),
                prop::collection::vec(0..n_cells, n * n_networks),
                // Some inputs are equal, and may even differ in class.
                prop::collection::vec(0..(n as u32).max(2), n),
                prop::collection::vec(0u32..3, n),
            ))
        ) {
            let (x, y) = (Labels::from_symbols(&x), Labels::from_symbols(&y));
            let rows = compared(&codes, &x, &y);
            let n_networks = codes.len() / n;
            for (m, codes) in [(1, &codes[codes.len() - n..]), (n_networks, &codes[..])] {
                let rows: Vec<&OverlapRow> = rows.iter().filter(|row| row.n_networks == m).collect();
                let expected = double_loop(codes, &x, &y);
                prop_assert_eq!(rows.len(), expected.len());
                for (row, (class, other_class, pairs, overlapping, overlap)) in rows.iter().zip(expected) {
                    prop_assert_eq!((row.class, row.other_class, row.n_pairs), (class, other_class, pairs));
                    prop_assert!((row.overlapping_fraction - overlapping).abs() < 1e-12);
                    prop_assert!((row.mean_overlap - overlap).abs() < 1e-12);
                }
            }
        }
    }

    #[test]
    fn crowded_cells_are_compared_64_at_a_time() {
        // 300 inputs in 7 cells: more in each than words in a row of bits.
        let (n, n_networks) = (300, 3);
        let codes: Vec<u32> =
            (0..n * n_networks).map(|row| ((row * row + 5 * row / n) % 97 % 7) as u32).collect();
        let y = Labels::from_symbols(&(0..n).map(|i| i % 3).collect::<Vec<_>>());
        let rows = compared(&codes, &Labels::distinct(n), &y);
        for (row, expected) in rows[6..].iter().zip(double_loop(&codes, &Labels::distinct(n), &y)) {
            assert!((row.overlapping_fraction - expected.3).abs() < 1e-12 && row.overlapping_fraction < 1.0);
            assert!((row.mean_overlap - expected.4).abs() < 1e-12);
        }
    }

    #[test]
    fn of_many_inputs_evenly_spaced_ones_are_compared() {
        let n = 20_000;
        let codes: Vec<u32> = (0..n as u32).map(|i| i % 2).collect();
        let y = Labels::from_symbols(&vec![0; n]);
        let rows = compared(&codes, &Labels::distinct(n), &y);
        let most = MAX_COMPARED_INPUTS as u64;
        assert_eq!(rows[0].n_pairs, most * (most - 1) / 2);
        // Half of the inputs in each cell.
        assert!((rows[0].overlapping_fraction - 0.5).abs() < 0.01, "{}", rows[0].overlapping_fraction);
        assert_eq!(rows[0].overlapping_fraction, rows[0].mean_overlap);
    }
}
