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
        .map(|values| dispatch!(level, simd => floor_range(simd, values, bin_width)))
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
        number_rows(
            values,
            width,
            |values, symbols| dispatch!(level, simd => floor(simd, values, symbols, bin_width, |bin| (bin - least + WHOLE).to_bits() as u8)),
        )
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
fn floor_range<S: Simd, T: Value>(simd: S, values: &[T], bin_width: f64) -> (f64, f64) {
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
            let least = least.into_iter().fold(f64::INFINITY, f64::min);
            let most = most.into_iter().fold(f64::NEG_INFINITY, f64::max);
            ((least / bin_width).floor(), (most / bin_width).floor())
        },
    )
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
