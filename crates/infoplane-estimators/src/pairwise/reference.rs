//! The double loop: simple, in double precision. The reference for the fast passes, and what computes where neither
//! precision of theirs suffices.

use rayon::prelude::*;

use crate::Labels;
use crate::math;

use super::{KernelMeans, MeanLogarithms, Noise, RowLogarithms};

/// Computes [`mean_logarithms`](super::mean_logarithms) for one noise variance by a double loop.
///
/// `value(i, k)` is coordinate k of point i.
pub(super) fn mean_logarithms(
    n_samples: usize,
    width: usize,
    value: impl Fn(usize, usize) -> f64 + Sync,
    labellings: &[&Labels],
    noise_variance: f64,
) -> KernelMeans {
    // Multiplied before it is squared: the square of a tiny or a huge difference is no number.
    let per_noise = 1.0 / noise_variance.sqrt();
    // Per point: both logarithms over all points, then over those of its label in each labelling.
    let rows = rows(n_samples, width, value);
    let square = |_: usize, difference: f64| {
        let difference = difference * per_noise;
        difference * difference
    };
    let of_point = |i: usize| -> Vec<MeanLogarithms> {
        let kernels: Vec<(f64, f64)> = (0..n_samples)
            .map(|j| {
                let squared = sum_over_differences(&rows, width, (i, j), square);
                // Its fourth power is the kernel of a quarter of the variance, to eight roundings.
                let bhattacharyya = math::exp(-squared / 8.0);
                let squared = bhattacharyya * bhattacharyya;
                (squared * squared, bhattacharyya)
            })
            .collect();
        let mean_over = |counts: &dyn Fn(usize) -> bool| {
            let (mut kullback_leibler, mut bhattacharyya, mut count) = (0.0, 0.0, 0.0);
            for (_, kernels) in kernels.iter().enumerate().filter(|(j, _)| counts(*j)) {
                kullback_leibler += kernels.0;
                bhattacharyya += kernels.1;
                count += 1.0;
            }
            MeanLogarithms {
                kullback_leibler: math::ln(kullback_leibler / count),
                bhattacharyya: math::ln(bhattacharyya / count),
            }
        };
        let within = labellings.iter().map(|labels| mean_over(&|j| labels.codes()[i] == labels.codes()[j]));
        std::iter::once(mean_over(&|_| true)).chain(within).collect()
    };
    let points: Vec<Vec<MeanLogarithms>> = (0..n_samples).into_par_iter().map(of_point).collect();
    let mean = |which: usize| MeanLogarithms {
        kullback_leibler: points.iter().map(|p| p[which].kullback_leibler).sum::<f64>() / n_samples as f64,
        bhattacharyya: points.iter().map(|p| p[which].bhattacharyya).sum::<f64>() / n_samples as f64,
    };
    KernelMeans { all: mean(0), within: (1..=labellings.len()).map(mean).collect() }
}

/// Computes [`noisy_logarithms`](super::noisy_logarithms) by a double loop.
///
/// `value(i, k)` is coordinate k of point i.
pub(super) fn noisy_logarithms(
    (n_samples, width): (usize, usize),
    value: impl Fn(usize, usize) -> f64 + Sync,
    labellings: &[&Labels],
    noise_variance: f64,
    noise: Noise<'_>,
    rows: &[u32],
) -> RowLogarithms {
    let per_noise = 1.0 / noise_variance.sqrt();
    let of_each = self::rows(n_samples, width, value);
    let of_point = |i: usize| -> Vec<f64> {
        let mut z = vec![0.0; width];
        noise(i, &mut z);
        let kernels: Vec<f64> = (0..n_samples)
            .map(|j| {
                let term = |k: usize, difference: f64| {
                    let difference = difference * per_noise;
                    difference * (difference + 2.0 * z[k])
                };
                math::exp(-sum_over_differences(&of_each, width, (i, j), term) / 2.0)
            })
            .collect();
        let within = labellings.iter().map(|labels| {
            let same = |j: &usize| labels.codes()[i] == labels.codes()[*j];
            let kernels: Vec<f64> = (0..n_samples).filter(same).map(|j| kernels[j]).collect();
            math::ln(kernels.iter().sum::<f64>() / kernels.len() as f64)
        });
        std::iter::once(math::ln(kernels.iter().sum::<f64>() / n_samples as f64)).chain(within).collect()
    };
    let points: Vec<Vec<f64>> = rows.par_iter().map(|&row| of_point(row as usize)).collect();
    let column = |which: usize| points.iter().map(|point| point[which]).collect();
    RowLogarithms { all: column(0), within: (1..=labellings.len()).map(column).collect() }
}

/// Returns the numbers row by row.
fn rows(n_samples: usize, width: usize, value: impl Fn(usize, usize) -> f64) -> Vec<f64> {
    (0..n_samples).flat_map(|i| (0..width).map(move |k| (i, k))).map(|(i, k)| value(i, k)).collect()
}

/// Σ term(k, difference of two rows in column k), in eight sums that do not wait for each other.
#[inline(always)]
fn sum_over_differences(
    rows: &[f64],
    width: usize,
    (i, j): (usize, usize),
    term: impl Fn(usize, f64) -> f64,
) -> f64 {
    const LANES: usize = 8;
    let (a, b) = (&rows[i * width..(i + 1) * width], &rows[j * width..(j + 1) * width]);
    let mut sums = [0.0; LANES];
    let (whole_a, rest_a) = a.as_chunks::<LANES>();
    let (whole_b, rest_b) = b.as_chunks::<LANES>();
    for (chunk, (a, b)) in whole_a.iter().zip(whole_b).enumerate() {
        for lane in 0..LANES {
            sums[lane] += term(chunk * LANES + lane, a[lane] - b[lane]);
        }
    }
    let first = whole_a.len() * LANES;
    for (lane, (a, b)) in rest_a.iter().zip(rest_b).enumerate() {
        sums[lane] += term(first + lane, a - b);
    }
    sums.iter().sum()
}
