//! Numbers of bins from values.

use fearless_simd::{Simd, dispatch};
use rayon::prelude::*;

use super::fixed::EvenBins;
use crate::variable::symbols::{BLOCK_VALUES, BLOCKS_AT_ONCE, Value, number_rows};
use crate::{EstimateError, Labels};

/// 2⁵²: added to a small whole number, it leaves that number in the lowest bits of the sum.
const WHOLE: f64 = (1u64 << 52) as f64;

/// Bin parameters repeated over whole rows, so that narrow layers fill vector registers too.
pub(super) struct EvenPattern {
    low: Vec<f64>,
    high: Vec<f64>,
    step: Vec<f64>,
    scale: Vec<f64>,
    top: f64,
    closed: bool,
}

impl EvenPattern {
    pub(super) fn new(units: &[EvenBins], width: usize, top: f64, closed: bool) -> Self {
        let length = width * 256usize.div_ceil(width);
        let repeated = |parameter: fn(&EvenBins) -> f64| -> Vec<f64> {
            (0..length).map(|i| parameter(&units[if units.len() == 1 { 0 } else { i % width }])).collect()
        };
        EvenPattern {
            low: repeated(|u| u.low),
            high: repeated(|u| u.high),
            step: repeated(|u| u.step),
            scale: repeated(|u| u.scale),
            top,
            closed,
        }
    }

    /// Symbols (bin + 1, so that 0 is below the range) of whole rows; gives how many values lay outside.
    #[inline(always)]
    pub(super) fn digitize<S: Simd, T: Value, U>(
        &self,
        simd: S,
        values: &[T],
        symbols: &mut [U],
        symbol: impl Fn(u64) -> U,
    ) -> u64 {
        simd.vectorize(
            #[inline(always)]
            || {
                let mut outside = 0u64;
                for (values, symbols) in values.chunks(self.low.len()).zip(symbols.chunks_mut(self.low.len()))
                {
                    let n = values.len();
                    let (low, high) = (&self.low[..n], &self.high[..n]);
                    let (step, scale) = (&self.step[..n], &self.scale[..n]);
                    let symbols = &mut symbols[..n];
                    let mut beyond = 0u32;
                    for i in 0..n {
                        let t: f64 = values[i].into();
                        let guess = ((t - low[i]) * scale[i]).floor();
                        let guess = if guess > 0.0 { guess } else { 0.0 };
                        let guess = if guess < self.top { guess } else { self.top };
                        // Rounding may put a value beside an edge on its wrong side, so the edges themselves
                        // decide; they are those of NumPy's linspace, the last exactly `high`.
                        let edge = |k: f64| if k == self.top { high[i] } else { low[i] + k * step[i] };
                        let mut bin = guess;
                        bin = if t >= edge(guess + 1.0) { guess + 1.0 } else { bin };
                        bin = if t < edge(guess) { guess - 1.0 } else { bin };
                        // `closed`: the upper edge belongs to the last bin, and what lies above has its own.
                        let last = if self.closed & (t <= high[i]) { self.top - 1.0 } else { self.top };
                        bin = if bin < last { bin } else { last };
                        bin = if t < low[i] { -1.0 } else { bin };
                        symbols[i] = symbol((bin + (1.0 + WHOLE)).to_bits());
                        beyond += u32::from((t < low[i]) | (t > high[i]));
                    }
                    outside += u64::from(beyond);
                }
                outside
            },
        )
    }
}

/// The same for values of single precision, of which nearly all are far enough from every edge.
///
/// A bin is ⌊(t − low) · scale⌋ in single precision. Where that is nearer to a whole number than its rounding may have
/// moved it, the edges decide, in double precision. Values below `low`, at `high` and above it are told by comparisons
/// alone, since many of a saturated layer are exactly there.
pub(super) struct SinglePattern {
    low: Vec<f32>,
    scale: Vec<f32>,
    /// The least number of single precision that is not below `low`, not below `high`, and above `high`.
    not_below_low: Vec<f32>,
    not_below_high: Vec<f32>,
    above_high: Vec<f32>,
    top: f32,
    /// Up to this distance from a whole number the edges decide.
    doubt: f32,
}

impl SinglePattern {
    /// `None` if the bins are not far enough apart for single precision, or a unit has but one.
    pub(super) fn new(even: &EvenPattern) -> Option<Self> {
        let mut doubt: f64 = 0.0;
        for ((low, high), scale) in even.low.iter().zip(&even.high).zip(&even.scale) {
            // low, scale, the difference and the product are each rounded once, by 2⁻²⁴ at most; twice that is taken.
            let rounding = f64::from(f32::EPSILON) * (scale * (low.abs() + high.abs()) + 4.0 * even.top);
            doubt = doubt.max(if *scale > 0.0 { rounding } else { 1.0 });
        }
        let single = |values: &[f64]| values.iter().map(|&value| value as f32).collect::<Vec<f32>>();
        let normal = |values: &[f64]| values.iter().all(|&value| value == 0.0 || (value as f32).is_normal());
        // Edges that vanish in single precision would be judged by their distance from 0.
        if !(doubt < 0.1 && even.top <= 253.0 && normal(&even.scale) && normal(&even.low)) {
            return None;
        }
        let at_least = |value: f64| {
            let single = value as f32;
            if f64::from(single) < value { single.next_up() } else { single }
        };
        let above = |value: f64| {
            let single = value as f32;
            if f64::from(single) <= value { single.next_up() } else { single }
        };
        Some(SinglePattern {
            low: single(&even.low),
            scale: single(&even.scale),
            not_below_low: even.low.iter().map(|&low| at_least(low)).collect(),
            not_below_high: even.high.iter().map(|&high| at_least(high)).collect(),
            above_high: even.high.iter().map(|&high| above(high)).collect(),
            top: even.top as f32,
            doubt: doubt as f32,
        })
    }

    /// As [`EvenPattern::digitize`], for symbols of a byte.
    #[inline(always)]
    pub(super) fn digitize<S: Simd>(
        &self,
        simd: S,
        even: &EvenPattern,
        values: &[f32],
        symbols: &mut [u8],
    ) -> u64 {
        let mut outside = 0;
        let length = self.low.len();
        for (values, symbols) in values.chunks(length).zip(symbols.chunks_mut(length)) {
            outside += match self.by_distance(simd, even.closed, values, symbols) {
                (outside, false) => u64::from(outside),
                (_, true) => even.digitize(simd, values, symbols, |bin| bin as u8),
            };
        }
        outside
    }

    /// Returns how many values lay outside, and whether some were too near to an edge.
    #[inline(always)]
    fn by_distance<S: Simd>(&self, simd: S, closed: bool, values: &[f32], symbols: &mut [u8]) -> (u32, bool) {
        /// 2²³: added to a small whole number, it leaves that number in the lowest bits of the sum.
        const WHOLE: f32 = 8_388_608.0;
        simd.vectorize(
            #[inline(always)]
            || {
                let n = values.len();
                let (low, scale, symbols) = (&self.low[..n], &self.scale[..n], &mut symbols[..n]);
                let (not_below_low, not_below_high) = (&self.not_below_low[..n], &self.not_below_high[..n]);
                let above_high = &self.above_high[..n];
                let last = self.top - 1.0;
                let (mut outside, mut doubts) = (0u32, 0u32);
                for i in 0..n {
                    let t = values[i];
                    let place = (t - low[i]) * scale[i];
                    let bin = place.floor();
                    let bin = if bin > 0.0 { bin } else { 0.0 };
                    let bin = if bin < last { bin } else { last };
                    // Distance from the middle of the bin: beyond the first and the last edge it is of no interest.
                    let off = place - bin - 0.5;
                    let inner = (off < 0.0) & (bin > 0.0) | (off > 0.0) & (bin < last);
                    let near = (off.abs() > 0.5 - self.doubt) & inner;
                    let above = t >= above_high[i];
                    let at_end = if closed { above } else { t >= not_below_high[i] };
                    let below = t < not_below_low[i];
                    let bin = if at_end { self.top } else { bin };
                    let bin = if below { -1.0 } else { bin };
                    symbols[i] = (bin + (1.0 + WHOLE)).to_bits() as u8;
                    outside += u32::from(below | above);
                    doubts |= u32::from(near & !below & !at_end);
                }
                (outside, doubts != 0)
            },
        )
    }
}

/// ⌊t / bin_width⌋ of every value, packed as small as the values found allow.
pub(super) fn floor_symbols<T: Value>(
    values: &[T],
    bin_width: f64,
    width: usize,
) -> Result<(Labels, u64), EstimateError> {
    let level = crate::simd::level();
    let (least, most) = values
        .par_chunks(BLOCK_VALUES)
        .with_min_len(BLOCKS_AT_ONCE)
        .map(|values| {
            let (least, most) = match T::singles(values) {
                Some(values) => dispatch!(level, simd => range_of_singles(simd, values)),
                None => dispatch!(level, simd => range(simd, values)),
            };
            ((least / bin_width).floor(), (most / bin_width).floor())
        })
        .reduce(|| (f64::INFINITY, f64::NEG_INFINITY), |a, b| (a.0.min(b.0), a.1.max(b.1)));
    if !(most.is_finite() && least.is_finite()) {
        return Err(EstimateError::Setting {
            key: "bin_width",
            given: format!("{bin_width:e}"),
            allowed: "a larger width: the largest value of the layer divided by this one exceeds every number of double \
                      precision",
        });
    }
    Ok(if most - least <= 255.0 {
        let single = SingleFloor::new(least, most, bin_width);
        number_rows(values, width, |values, symbols| match (&single, T::singles(values)) {
            (Some(single), Some(values)) => {
                dispatch!(level, simd => single.digitize(simd, values, symbols))
            }
            _ => {
                dispatch!(level, simd => floor(simd, values, symbols, bin_width, |bin| (bin - least + WHOLE).to_bits() as u8))
            }
        })
    } else if most - least <= f64::from(i32::MAX) {
        number_rows(
            values,
            width,
            |values, symbols| dispatch!(level, simd => floor(simd, values, symbols, bin_width, |bin| (bin - least + WHOLE).to_bits() as u32)),
        )
    } else {
        // Bins so narrow that their numbers do not fit an integer: the floats that hold them will do.
        number_rows(
            values,
            width,
            |values, symbols| dispatch!(level, simd => floor(simd, values, symbols, bin_width, |bin| (bin + 0.0).to_bits())),
        )
    })
}

#[inline(always)]
fn range<S: Simd, T: Value>(simd: S, values: &[T]) -> (f64, f64) {
    simd.vectorize(
        #[inline(always)]
        || {
            // Eight running extremes side by side: a single one would be a chain that no vector unit can split.
            let (mut least, mut most) = ([f64::INFINITY; 8], [f64::NEG_INFINITY; 8]);
            for chunk in values.chunks(8) {
                for (lane, &value) in chunk.iter().enumerate() {
                    let t: f64 = value.into();
                    least[lane] = if t < least[lane] { t } else { least[lane] };
                    most[lane] = if t > most[lane] { t } else { most[lane] };
                }
            }
            (
                least.into_iter().fold(f64::INFINITY, f64::min),
                most.into_iter().fold(f64::NEG_INFINITY, f64::max),
            )
        },
    )
}

#[inline(always)]
fn range_of_singles<S: Simd>(simd: S, values: &[f32]) -> (f64, f64) {
    simd.vectorize(
        #[inline(always)]
        || {
            let (mut least, mut most) = ([f32::INFINITY; 32], [f32::NEG_INFINITY; 32]);
            let (chunks, last) = values.as_chunks::<32>();
            for chunk in chunks {
                for lane in 0..32 {
                    least[lane] = if chunk[lane] < least[lane] { chunk[lane] } else { least[lane] };
                    most[lane] = if chunk[lane] > most[lane] { chunk[lane] } else { most[lane] };
                }
            }
            let least = least.iter().chain(last).fold(f32::INFINITY, |least, &t| least.min(t));
            let most = most.iter().chain(last).fold(f32::NEG_INFINITY, |most, &t| most.max(t));
            (f64::from(least), f64::from(most))
        },
    )
}

/// ⌊t / width⌋ of single precision, where t / width is far enough from every whole number.
struct SingleFloor {
    width: f64,
    least: f64,
    /// 1 / width.
    inverse: f32,
    /// Up to this distance from a whole number other than 0 double precision decides.
    doubt: f32,
}

impl SingleFloor {
    /// Values between these bins are divided at a time.
    const CHUNK: usize = 256;

    /// `None` if the bins are too far from 0 to be told apart in single precision.
    fn new(least: f64, most: f64, width: f64) -> Option<Self> {
        let farthest = least.abs().max(most.abs()) + 1.0;
        let inverse = (1.0 / width) as f32;
        // The inverse and the product are each rounded once, by 2⁻²⁴ at most; twice that is taken.
        let doubt = 4.0 * f64::from(f32::EPSILON) * farthest;
        (doubt < 0.1 && inverse.is_normal()).then_some(SingleFloor {
            width,
            least,
            inverse,
            doubt: doubt as f32,
        })
    }

    #[inline(always)]
    fn digitize<S: Simd>(&self, simd: S, values: &[f32], symbols: &mut [u8]) -> u64 {
        for (values, symbols) in values.chunks(Self::CHUNK).zip(symbols.chunks_mut(Self::CHUNK)) {
            if !self.by_product(simd, values, symbols) {
                let symbol = |bin: f64| (bin - self.least + WHOLE).to_bits() as u8;
                floor(simd, values, symbols, self.width, symbol);
            }
        }
        0
    }

    /// `false` if some value is too near to an edge.
    #[inline(always)]
    fn by_product<S: Simd>(&self, simd: S, values: &[f32], symbols: &mut [u8]) -> bool {
        /// 2²³: added to a small whole number, it leaves that number in the lowest bits of the sum.
        const WHOLE: f32 = 8_388_608.0;
        simd.vectorize(
            #[inline(always)]
            || {
                let symbols = &mut symbols[..values.len()];
                let least = self.least as f32;
                let mut doubts = 0;
                for (&t, symbol) in values.iter().zip(symbols) {
                    let place = t * self.inverse;
                    let bin = place.floor();
                    let off = place - bin - 0.5;
                    // The sign alone tells on which side of 0 a value is, and many of a layer are exactly there.
                    let at_zero = if off > 0.0 { bin == -1.0 } else { bin == 0.0 };
                    let near = (off.abs() > 0.5 - self.doubt) & !at_zero;
                    let vanished = (place == 0.0) & (t != 0.0);
                    doubts |= u32::from(near | vanished);
                    *symbol = (bin - least + WHOLE).to_bits() as u8;
                }
                doubts == 0
            },
        )
    }
}

#[inline(always)]
fn floor<S: Simd, T: Value, U>(
    simd: S,
    values: &[T],
    symbols: &mut [U],
    bin_width: f64,
    symbol: impl Fn(f64) -> U,
) -> u64 {
    simd.vectorize(
        #[inline(always)]
        || {
            for (slot, &value) in symbols.iter_mut().zip(values) {
                *slot = symbol((value.into() / bin_width).floor());
            }
        },
    );
    0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::same_at_every_level;

    fn pattern(units: &[(f64, f64)], intervals: f64, closed: bool) -> EvenPattern {
        let units: Vec<EvenBins> =
            units.iter().map(|&(low, high)| EvenBins::new(low, high, intervals).unwrap()).collect();
        EvenPattern::new(&units, units.len(), intervals, closed)
    }

    /// Values around every edge, beyond the range, and everywhere between.
    fn around_edges(low: f64, high: f64, intervals: f64) -> Vec<f32> {
        let mut values = vec![f32::MAX, -f32::MAX, 0.0, -0.0, 1e-45, low as f32 * 0.999, high as f32 * 1.001];
        for k in 0..=intervals as usize {
            let mut edge = (low + (high - low) * k as f64 / intervals) as f32;
            edge = edge.next_down().next_down();
            for _ in 0..5 {
                values.push(edge);
                edge = edge.next_up();
            }
        }
        let step = (high - low) / 1000.3;
        values.extend((0..1010).map(|i| (low - 3.0 * step + f64::from(i) * step) as f32));
        values
    }

    #[test]
    fn bins_by_single_precision_are_those_of_the_edges() {
        let ranges =
            [(-1.0, 1.0), (0.0, 1.0), (-0.3, 0.7), (5.0, 5.5), (-1e-30, 2e-30), (0.0, 1e30), (1e3, 1.1e3)];
        let mut taken = 0;
        for (low, high) in ranges {
            for intervals in [1.0, 2.0, 29.0, 30.0, 253.0] {
                for closed in [false, true] {
                    let even = pattern(&[(low, high)], intervals, closed);
                    let values = around_edges(low, high, intervals);
                    let Some(single) = SinglePattern::new(&even) else { continue };
                    taken += 1;
                    let (expected, beyond) = same_at_every_level(|level| {
                        let mut symbols = vec![0u8; values.len()];
                        let beyond = dispatch!(level, simd => even.digitize(simd, &values, &mut symbols, |bin| bin as u8));
                        (symbols, beyond)
                    });
                    // Value by value too, so that doubts about one do not decide about the others.
                    for length in [1, values.len()] {
                        let found = same_at_every_level(|level| {
                            let mut symbols = vec![0u8; values.len()];
                            let mut beyond = 0;
                            for (values, symbols) in values.chunks(length).zip(symbols.chunks_mut(length)) {
                                beyond +=
                                    dispatch!(level, simd => single.digitize(simd, &even, values, symbols));
                            }
                            (symbols, beyond)
                        });
                        let wrong = (0..values.len()).find(|&i| found.0[i] != expected[i]);
                        assert_eq!(wrong.map(|i| values[i]), None, "{low} {high} {intervals} {closed}");
                        assert_eq!(found.1, beyond, "{low} {high} {intervals} {closed}");
                    }
                }
            }
        }
        assert!(taken > 50, "{taken}");
    }

    #[test]
    fn values_off_the_edges_and_saturated_ones_need_no_double_precision() {
        let even = pattern(&[(-1.0, 1.0), (0.0, 2.0)], 29.0, false);
        let single = SinglePattern::new(&even).unwrap();
        let level = crate::simd::level();
        let mut symbols = [0; 6];
        let mut doubts = |values: [f32; 6]| {
            dispatch!(level, simd => single.by_distance(simd, false, &values, &mut symbols)).1
        };
        assert!(!doubts([-1.0, 0.0, 1.0, 2.0, 0.01, -7.0]));
        assert!(doubts([-1.0, 0.0, 1.0, 2.0, 0.01, 2.0 / 29.0]));
    }

    #[test]
    fn bins_by_products_are_those_of_quotients() {
        for width in [0.07, 0.1, 1.0 / 3.0, 1.0, 7.0, 1e-20, 1e20] {
            let mut values = vec![0.0f32, -0.0, 1e-45, -1e-45, f32::MIN_POSITIVE, -f32::MIN_POSITIVE];
            for k in -100..=100 {
                let edge = (f64::from(k) * width) as f32;
                values.extend([edge.next_down().next_down(), edge.next_down(), edge, edge.next_up()]);
            }
            values.extend((0..2000).map(|i| ((f64::from(i) / 10.01 - 99.9) * width) as f32));
            let single = SingleFloor::new(-101.0, 101.0, width).unwrap();
            let expected: Vec<u8> =
                values.iter().map(|&t| ((f64::from(t) / width).floor() + 101.0) as u8).collect();
            for length in [1, 3, values.len()] {
                let found = same_at_every_level(|level| {
                    let mut symbols = vec![0u8; values.len()];
                    for (values, symbols) in values.chunks(length).zip(symbols.chunks_mut(length)) {
                        dispatch!(level, simd => single.digitize(simd, values, symbols));
                    }
                    symbols
                });
                assert!(found == expected, "{width} {length}");
            }
        }
        let single = SingleFloor::new(-10.0, 10.0, 0.1).unwrap();
        let mut symbols = [0; 3];
        let level = crate::simd::level();
        assert!(dispatch!(level, simd => single.by_product(simd, &[0.0, -0.0, 0.55], &mut symbols)));
        assert!(!dispatch!(level, simd => single.by_product(simd, &[0.0, 0.3, 0.55], &mut symbols)));
        assert!(SingleFloor::new(1e6, 1e6 + 3.0, 1.0).is_none());
    }

    #[test]
    fn bins_too_narrow_for_single_precision_and_units_of_one_value_are_left_to_the_edges() {
        assert!(SinglePattern::new(&pattern(&[(1e6, 1e6 + 1.0)], 29.0, false)).is_none());
        assert!(SinglePattern::new(&pattern(&[(0.0, 1.0), (0.5, 0.5)], 29.0, false)).is_none());
        assert!(SinglePattern::new(&pattern(&[(0.0, 1e300)], 29.0, false)).is_none());
        assert!(SinglePattern::new(&pattern(&[(-1e300, 1.0)], 29.0, false)).is_none());
    }
}
