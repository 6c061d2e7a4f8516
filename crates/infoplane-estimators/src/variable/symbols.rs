//! Symbols from numbers: equal rows, and only those, become the same label.

use std::borrow::Cow;
use std::hash::{BuildHasher, Hash};

use fearless_simd::{Simd, dispatch};
use foldhash::fast::FixedState;
use hashbrown::hash_table::{Entry, HashTable};
use ndarray::ArrayView2;
use rayon::prelude::*;

use super::{Labels, Variable, standard_layout};
use crate::interrupt::{Seldom, poll};
use crate::simd;

/// Single or double precision; both are binned in double, where a single is exact.
pub(crate) trait Value: Copy + Into<f64> + Send + Sync {
    /// An integer that is equal for equal values, and only for those (of finite ones).
    type Bits: Copy + Default + Eq + Hash + Send + Sync;

    /// The bits of the value, −0 as 0: the only pair of equal floats with different bits.
    fn bits(self) -> Self::Bits;

    /// The values, if they are of single precision.
    fn singles(_values: &[Self]) -> Option<&[f32]> {
        None
    }

    /// A hash of a row, equal for equal rows; see [`hash_row`].
    fn hash_row(row: &[Self], keys: &[u32]) -> u64;
}

impl Value for f32 {
    type Bits = u32;

    fn singles(values: &[f32]) -> Option<&[f32]> {
        Some(values)
    }

    #[inline(always)]
    fn hash_row(row: &[f32], keys: &[u32]) -> u64 {
        hash_row(row, keys, |value| value.bits())
    }

    #[inline(always)]
    fn bits(self) -> u32 {
        (self + 0.0).to_bits()
    }
}

impl Value for f64 {
    type Bits = u64;

    #[inline(always)]
    fn hash_row(row: &[f64], keys: &[u32]) -> u64 {
        // The upper half added to the lower: what cancels there is found by the comparison of whole rows.
        hash_row(row, keys, |value| {
            let bits = value.bits();
            (bits >> 32) as u32 ^ (bits as u32).rotate_left(7)
        })
    }

    #[inline(always)]
    fn bits(self) -> u64 {
        (self + 0.0).to_bits()
    }
}

/// Values digitised at a time by one thread: they and their symbols stay in the nearest caches.
pub(crate) const BLOCK_VALUES: usize = 1 << 14;

/// Blocks that a thread takes at once: waking another for less costs more than it saves.
pub(crate) const BLOCKS_AT_ONCE: usize = 8;

/// Any variable as labels: labels as they are, of a matrix one label per distinct row (−0 equals 0).
///
/// Numbered in order of first appearance. Time O(n · width), memory one copy of the values.
pub(crate) fn labels<'a>(variable: &Variable<'a>) -> Cow<'a, Labels> {
    match variable {
        Variable::Labels(labels) => Cow::Borrowed(labels),
        Variable::Single(rows) => Cow::Owned(distinct_rows(rows)),
        Variable::Double(rows) => Cow::Owned(distinct_rows(rows)),
    }
}

/// One label per distinct row.
pub(crate) fn distinct_rows<T: Value>(rows: &ArrayView2<'_, T>) -> Labels {
    if rows.is_empty() {
        // Rows without columns are all equal.
        return Labels::count(vec![0; rows.nrows()], rows.nrows().min(1));
    }
    let (values, width) = (standard_layout(rows), rows.ncols());
    let values = values.as_slice().unwrap_or(&[]);
    if in_one_pass(values.len(), width) {
        let keys = keys(width);
        let level = simd::level();
        let hash = |values: &[T], hashes: &mut [u64]| {
            dispatch!(level, simd => hash_rows(simd, values, &keys, hashes));
            0
        };
        let row = |row: usize| &values[row * width..(row + 1) * width];
        let equal = |a: usize, b: usize| row(a).iter().zip(row(b)).all(|(a, b)| a.bits() == b.bits());
        if let Some((labels, _)) = number_hashes(values, width, hash, equal) {
            return labels;
        }
    }
    let fill = |values: &[T], symbols: &mut [T::Bits]| {
        for (symbol, &value) in symbols.iter_mut().zip(values) {
            *symbol = value.bits();
        }
        0
    };
    number_stored_rows(values, width, fill).0
}

/// Whether rows are so long, and so many, that their symbols are better computed twice than stored.
fn in_one_pass(n_values: usize, width: usize) -> bool {
    width >= 16 && n_values >= 1 << 20
}

/// Returns an arbitrary number for each place of a row.
fn keys(width: usize) -> Vec<u32> {
    let mut state = 0u64;
    let next = || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        (mixed(state) >> 32) as u32
    };
    std::iter::repeat_with(next).take(width).collect()
}

/// Spreads every bit over all others.
#[inline(always)]
fn mixed(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

/// Σ (a + key)(b + key') over pairs of values, in lanes: two rows that differ have equal sums for one choice of keys in
/// 2³² (Black et al. 1999, *UMAC*, section 4). The sums are of integers, so that lanes and order do not matter.
#[inline(always)]
fn hash_row<T: Copy>(row: &[T], keys: &[u32], bits: impl Fn(T) -> u32 + Copy) -> u64 {
    const LANES: usize = 8;
    let mut sums = [0u64; LANES];
    let (pairs, last) = row.as_chunks::<{ 2 * LANES }>();
    let (pair_keys, last_keys) = keys[..row.len()].as_chunks::<{ 2 * LANES }>();
    for (pair, keys) in pairs.iter().zip(pair_keys) {
        for lane in 0..LANES {
            let a = bits(pair[lane]).wrapping_add(keys[lane]);
            let b = bits(pair[lane + LANES]).wrapping_add(keys[lane + LANES]);
            sums[lane] = sums[lane].wrapping_add(u64::from(a) * u64::from(b));
        }
    }
    let mut hash = 0;
    for (&value, &key) in last.iter().zip(last_keys) {
        hash = mixed(hash ^ u64::from(bits(value).wrapping_add(key)));
    }
    sums.into_iter().fold(hash, |hash, sum| mixed(hash.rotate_left(5) ^ sum))
}

#[inline(always)]
fn hash_rows<S: Simd, T: Value>(simd: S, values: &[T], keys: &[u32], hashes: &mut [u64]) {
    simd.vectorize(
        #[inline(always)]
        || {
            for (hash, row) in hashes.iter_mut().zip(values.chunks_exact(keys.len())) {
                *hash = T::hash_row(row, keys);
            }
        },
    );
}

/// Numbers rows of equal hash, and checks that they are equal; `None` if some are not.
///
/// `hash` gets whole rows and writes one number for each, equal for equal rows, and gives how many values lay
/// outside the bins; `equal` says whether two rows are. Nothing is stored but one hash per row.
fn number_hashes<T: Value>(
    values: &[T],
    width: usize,
    hash: impl Fn(&[T], &mut [u64]) -> u64 + Sync,
    equal: impl Fn(usize, usize) -> bool + Sync,
) -> Option<(Labels, u64)> {
    let n_samples = values.len() / width;
    let mut hashes = vec![0u64; n_samples];
    let block = (BLOCK_VALUES / width).max(1);
    let outside = hashes
        .par_chunks_mut(block)
        .zip(values.par_chunks(block * width))
        .with_min_len(BLOCKS_AT_ONCE)
        .map(|(hashes, values)| {
            poll();
            hash(values, hashes)
        })
        .sum();
    let (codes, first_rows) =
        number_by_hash(&hashes, n_samples, |this, first| hashes[this as usize] == hashes[first as usize])?;
    let all_equal = codes.par_iter().enumerate().with_min_len(block * BLOCKS_AT_ONCE).all(|(this, &code)| {
        if this.is_multiple_of(block) {
            poll();
        }
        let first = first_rows[code as usize] as usize;
        first == this || equal(first, this)
    });
    all_equal.then(|| (Labels::count(codes, first_rows.len()), outside))
}

/// Returns the number of each row, and the first row of each number: in order of first appearance; `None` as soon as
/// there are more than `most` numbers. `same` says whether two rows of equal hash are equal.
pub(crate) fn number_by_hash(
    hashes: &[u64],
    most: usize,
    same: impl Fn(u32, u32) -> bool,
) -> Option<(Vec<u32>, Vec<u32>)> {
    // In the table only numbers: it stays small enough for the caches.
    let mut first_rows: Vec<u32> = Vec::new();
    let mut table: HashTable<u32> = HashTable::with_capacity(most.min(hashes.len()));
    let mut codes = Vec::with_capacity(hashes.len());
    let mut seldom = Seldom::default();
    for (this, &hash) in (0u32..).zip(hashes) {
        seldom.poll();
        let same = |&number: &u32| same(this, first_rows[number as usize]);
        let rehash = |&number: &u32| hashes[first_rows[number as usize] as usize];
        codes.push(match table.entry(hash, same, rehash) {
            Entry::Occupied(entry) => *entry.get(),
            Entry::Vacant(_) if first_rows.len() == most => return None,
            Entry::Vacant(entry) => {
                let number = first_rows.len() as u32;
                entry.insert(number);
                first_rows.push(this);
                number
            }
        });
    }
    Some((codes, first_rows))
}

/// One label per combination of labels that occurs, numbered in order of first appearance.
pub(crate) fn together(parts: &[&Labels]) -> Labels {
    let n_samples = parts.first().map_or(0, |part| part.len());
    let mut codes: Vec<u32> = vec![0; n_samples];
    let mut n_labels = usize::from(n_samples > 0);
    for part in parts {
        let pairs: Vec<u64> =
            codes.iter().zip(part.codes()).map(|(&a, &b)| u64::from(a) << 32 | u64::from(b)).collect();
        let state = FixedState::with_seed(0);
        let mut first: Vec<u64> = Vec::new();
        let mut table: HashTable<u32> = HashTable::with_capacity(n_labels.max(part.n_labels()));
        let mut seldom = Seldom::default();
        for (code, &pair) in codes.iter_mut().zip(&pairs) {
            seldom.poll();
            let same = |&number: &u32| first[number as usize] == pair;
            let hash = |&number: &u32| state.hash_one(first[number as usize]);
            *code = match table.entry(state.hash_one(pair), same, hash) {
                Entry::Occupied(entry) => *entry.get(),
                Entry::Vacant(entry) => {
                    let number = first.len() as u32;
                    entry.insert(number);
                    first.push(pair);
                    number
                }
            };
        }
        n_labels = first.len();
    }
    Labels::count(codes, n_labels)
}

/// Turns values into symbols and numbers the rows: equal rows of symbols, and only those, share a number.
///
/// `fill` gets whole rows of values, writes as many symbols, and gives how many values lay outside the bins.
/// Hashes find candidates and whole rows are compared, so no collision merges two rows. Numbers are in order of
/// first appearance, whatever the number of threads.
pub(crate) fn number_rows<T: Value, U: Copy + Default + Eq + Hash + Send + Sync>(
    values: &[T],
    width: usize,
    fill: impl Fn(&[T], &mut [U]) -> u64 + Sync,
) -> (Labels, u64) {
    if in_one_pass(values.len(), width) {
        let state = FixedState::with_seed(0);
        let hash = |values: &[T], hashes: &mut [u64]| {
            with_symbols(values, &fill, |symbols, outside| {
                for (hash, row) in hashes.iter_mut().zip(symbols.chunks_exact(width)) {
                    *hash = state.hash_one(row);
                }
                outside
            })
        };
        let row = |row: usize| &values[row * width..(row + 1) * width];
        let equal = |a: usize, b: usize| {
            with_symbols(row(a), &fill, |a, _| with_symbols(row(b), &fill, |b, _| a == b))
        };
        if let Some(numbered) = number_hashes(values, width, hash, equal) {
            return numbered;
        }
    }
    number_stored_rows(values, width, fill)
}

/// Calls a function with the symbols of some whole rows, and how many values lay outside the bins.
fn with_symbols<T, U: Copy + Default, R>(
    values: &[T],
    fill: &impl Fn(&[T], &mut [U]) -> u64,
    then: impl FnOnce(&[U], u64) -> R,
) -> R {
    let mut symbols = vec![U::default(); values.len()];
    let outside = fill(values, &mut symbols);
    then(&symbols, outside)
}

/// The same as [`number_rows`], by storing the symbols of all rows.
fn number_stored_rows<T: Value, U: Copy + Default + Eq + Hash + Send + Sync>(
    values: &[T],
    width: usize,
    fill: impl Fn(&[T], &mut [U]) -> u64 + Sync,
) -> (Labels, u64) {
    let n_samples = values.len() / width;
    let mut symbols = vec![U::default(); values.len()];
    let mut hashes = vec![0u64; n_samples];
    let block = (BLOCK_VALUES / width).max(1);
    let state = FixedState::with_seed(0);
    let outside = symbols
        .par_chunks_mut(block * width)
        .zip(values.par_chunks(block * width))
        .zip(hashes.par_chunks_mut(block))
        .with_min_len(BLOCKS_AT_ONCE)
        .map(|((symbols, values), hashes)| {
            poll();
            let outside = fill(values, symbols);
            for (hash, row) in hashes.iter_mut().zip(symbols.chunks_exact(width)) {
                *hash = state.hash_one(row);
            }
            outside
        })
        .sum();
    let row = |row: u32| &symbols[row as usize * width..][..width];
    let numbered = number_by_hash(&hashes, n_samples, |a, b| row(a) == row(b));
    let (codes, first_rows) = numbered.expect("no more numbers than rows");
    (Labels::count(codes, first_rows.len()), outside)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn rows_of_either_precision_are_equal_as_numbers() {
        let single = array![[0.0f32, 1.5], [1.0, 1.5], [-0.0, 1.5], [0.0, 1.5]];
        let double = single.mapv(f64::from);
        for labels in [labels(&Variable::Single(single.view())), labels(&Variable::Double(double.view()))] {
            assert_eq!(labels.codes(), [0, 1, 0, 0]);
        }
        // A transposed view is not contiguous; its rows are still its rows.
        assert_eq!(distinct_rows(&double.t()).codes(), [0, 1]);
        assert_eq!(distinct_rows(&single.view()), Labels::from_rows(single.view()));
    }

    /// 70,000 rows of 16 columns, every third equal to an earlier one, −0 beside 0.
    fn many_rows() -> Vec<f32> {
        let n = 70_000;
        let row = |i: usize| if i % 3 == 2 { i / 2 } else { i };
        let value = |i: usize, j: usize| match (i * 31 + j * 17) % 7 {
            0 => [0.0, -0.0][i % 2],
            other => other as f32 * ((i >> j) & 15) as f32 + (i % 5) as f32,
        };
        (0..n * 16).map(|at| value(row(at / 16), at % 16)).collect()
    }

    fn bits(values: &[f32], symbols: &mut [u32]) -> u64 {
        symbols.iter_mut().zip(values).for_each(|(symbol, value)| *symbol = value.bits());
        values.len() as u64
    }

    #[test]
    fn rows_numbered_in_one_pass_are_those_of_stored_symbols() {
        let values = many_rows();
        assert!(in_one_pass(values.len(), 16) && !in_one_pass(values.len(), 8) && !in_one_pass(1 << 19, 16));
        let expected = number_stored_rows(&values, 16, bits);
        assert!(expected.0.n_labels() > 1000 && !expected.0.all_distinct());
        assert_eq!(number_rows(&values, 16, bits), expected);
        let matrix = ArrayView2::from_shape((70_000, 16), &values).unwrap();
        assert_eq!(distinct_rows(&matrix), expected.0);
        let double = matrix.mapv(f64::from);
        assert_eq!(distinct_rows(&double.view()), expected.0);
    }

    #[test]
    fn different_rows_of_equal_hash_are_noticed() {
        let values = many_rows();
        let row = |row: usize| &values[row * 16..(row + 1) * 16];
        let equal = |a: usize, b: usize| row(a) == row(b);
        let all_alike = |_: &[f32], hashes: &mut [u64]| {
            hashes.fill(7);
            0
        };
        assert_eq!(number_hashes(&values, 16, all_alike, equal), None);
    }

    #[test]
    fn rows_of_all_lengths_have_hashes_of_their_own() {
        for width in [1, 7, 16, 17, 40] {
            let keys = keys(width);
            let base: Vec<f32> = (0..width).map(|i| i as f32 + 1.5).collect();
            let mut hashes = vec![f32::hash_row(&base, &keys)];
            for place in 0..width {
                for change in [-1.0f32, 0.5, 1e30] {
                    let mut row = base.clone();
                    row[place] *= change;
                    row[place] += 0.25;
                    hashes.push(f32::hash_row(&row, &keys));
                }
            }
            let n = hashes.len();
            hashes.sort_unstable();
            hashes.dedup();
            assert_eq!(hashes.len(), n, "{width}");
        }
    }

    #[test]
    fn labels_together_tell_apart_what_one_of_them_does() {
        let a = Labels::from_symbols(&[0, 0, 1, 1, 0]);
        let b = Labels::from_symbols(&[0, 1, 0, 1, 1]);
        let ab = together(&[&a, &b]);
        assert_eq!(ab.codes(), [0, 1, 2, 3, 1]);
        assert_eq!(ab.counts(), [1, 2, 1, 1]);
        assert_eq!(together(&[&ab, &a, &b]), ab);
    }
}
