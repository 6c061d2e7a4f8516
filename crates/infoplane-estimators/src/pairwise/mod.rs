//! Blocked sums over all pairs of samples: the most expensive kernel.
//!
//! `docs/kernel.md` explains it, starting from the double loop.

mod equal;
mod exponential;
mod far;
mod layout;
mod order;
mod points;
mod reference;
mod shifted;
#[cfg(test)]
mod shifted_tests;
mod sums;
#[cfg(test)]
mod tests;
mod tile;

use fearless_simd::Level;

use crate::Labels;
use crate::math;
use crate::simd;
use crate::variable::{Variable, standard_layout};

use equal::EqualRows;
use far::Boxes;
use layout::{Layout, best_partition};
use points::{Centred, Points, Precision, Values, pack_exact};
use shifted::Left;
use sums::{Packed, Pairs, Pass};
use tile::Exact;

/// The smallest width for which squared distances come from a Gram matrix; below it, differences are as fast and near
/// pairs need no recomputation.
const GRAM_WIDTH: usize = 17;

/// The smallest number of points for it. With fewer points, fewer rounding errors average out, and the cost is
/// negligible.
const GRAM_POINTS: usize = 512;

/// Noise variances that share a pass may differ by this factor: distances that matter to all of them then fit
/// the range of single precision.
const VARIANCE_RATIO: f64 = 1e12;

/// The largest number of noise variances that share a pass; bounds the memory for partial sums.
const VARIANCES_AT_ONCE: usize = 8;

/// Means over the samples of the logarithm of the mean kernel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MeanLogarithms {
    /// mean_i ln mean_j exp(−‖tᵢ − tⱼ‖² / 2σ²)
    pub kullback_leibler: f64,
    /// mean_i ln mean_j exp(−‖tᵢ − tⱼ‖² / 8σ²)
    pub bhattacharyya: f64,
}

/// The means for one noise variance.
#[derive(Debug, Clone, PartialEq)]
pub struct KernelMeans {
    /// j runs over all samples.
    pub all: MeanLogarithms,
    /// For each labelling given: j runs over the samples with the label of i.
    pub within: Vec<MeanLogarithms>,
}

/// Means of the logarithm of Gaussian kernel sums, over all samples and within the labels of each labelling.
///
/// For every noise variance σ², with K_ij = exp(−‖tᵢ − tⱼ‖² / 2σ²) and again with 8σ² in place of 2σ²:
///
/// ```text
/// all       mean_i ln [1/N  Σ_j K_ij]
/// within    mean_i ln [1/gᵢ Σ_{j: label j = label i} K_ij],  gᵢ the number of samples with the label of i
/// ```
///
/// The term j = i is included, so both lie between −ln N and 0; a point with a unique label adds nothing to
/// `within`.
///
/// `t`: `(n_samples, width)`. Nats. Time O(n² d) in all, with n² d floating-point operations for the first
/// noise variance and little more for every other, or for labellings; memory O(n d), at most one copy of `t`
/// in single precision and a few megabytes. The result has the same bits for any number of threads.
///
/// # Accuracy
/// Within 1e-6 bits of a double loop in double precision, for any location and scale of the data. Errors up to
/// 1.6e-5 bits occur only where wide layers repeat the same large coordinates in every sample and have no
/// randomness in the others (`docs/kernel.md`).
///
/// # Panics
/// If `t` is not a matrix of finite values, labels are not as many as rows, or a variance is not positive and
/// finite: [`Kde`](crate::estimator::Kde) checks this and returns an error.
pub(crate) fn mean_logarithms(
    t: &Variable<'_>,
    labellings: &[&Labels],
    noise_variances: &[f64],
) -> Vec<KernelMeans> {
    match t {
        Variable::Labels(_) => panic!("pairwise distances need a matrix of numbers"),
        Variable::Single(rows) => {
            let rows = standard_layout(rows);
            summed(simd::level(), Values::from(&rows.view()), rows.ncols(), labellings, noise_variances)
        }
        Variable::Double(rows) => {
            let rows = standard_layout(rows);
            summed(simd::level(), Values::from(&rows.view()), rows.ncols(), labellings, noise_variances)
        }
    }
}

/// Cuts the noise variances into sets that can share a pass.
fn summed(
    level: Level,
    values: Values<'_>,
    width: usize,
    labellings: &[&Labels],
    noise_variances: &[f64],
) -> Vec<KernelMeans> {
    let mut ascending: Vec<usize> = (0..noise_variances.len()).collect();
    ascending.sort_by(|&a, &b| noise_variances[a].total_cmp(&noise_variances[b]));
    let mut means = vec![None; noise_variances.len()];
    let mut rest = &ascending[..];
    while let Some(&smallest) = rest.first() {
        let limit = noise_variances[smallest] * VARIANCE_RATIO;
        let together =
            rest.iter().take(VARIANCES_AT_ONCE).take_while(|&&v| noise_variances[v] <= limit).count();
        let variances: Vec<f64> = rest[..together].iter().map(|&v| noise_variances[v]).collect();
        for (&index, mean) in rest.iter().zip(one_set(level, values, width, labellings, &variances)) {
            means[index] = Some(mean);
        }
        rest = &rest[together..];
    }
    means.into_iter().flatten().collect()
}

/// Standard normal numbers for a row of the data; the same for the same row at every call.
pub(crate) type Noise<'a> = &'a (dyn Fn(usize, &mut [f64]) + Sync);

/// For some of the rows, the logarithms of mean kernels around that row with noise added.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RowLogarithms {
    /// The mean is over all samples.
    pub(crate) all: Vec<f64>,
    /// For each labelling given: the mean is over the samples with the label of the row.
    pub(crate) within: Vec<Vec<f64>>,
}

/// Logarithms of the likelihood ratio of a Gaussian mixture, one noisy sample for every centre i in `rows`, ascending.
///
/// With zᵢ the noise of row i, of variance σ² (σ times what `noise` gives):
///
/// ```text
/// all       ln [1/N  Σ_j K_ij]                                  K_ij = exp((‖zᵢ‖² − ‖tᵢ + zᵢ − tⱼ‖²) / 2σ²)
/// within    ln [1/gᵢ Σ_{j: label j = label i} K_ij],            gᵢ the number of samples with the label of i
/// ```
///
/// The term j = i is 1 exactly, so that every logarithm is at least −ln N.
///
/// All samples are centres of the mixture, j = 1 … N.
///
/// `t`: `(n_samples, width)`. Nats. Time O(n² d), with 2 n² d floating-point operations for all rows: K is not
/// symmetric; fewer rows take their share of it. Memory O(n d): one copy of `t` in single precision and a piece of it
/// per thread. The result has the same bits for any number of threads.
///
/// # Accuracy
/// The means over the rows are within 1e-6 nats of a double loop in double precision, for any location and
/// scale of the data. Single rows of large layers may have errors √n times as large, of either sign.
///
/// # Panics
/// As [`mean_logarithms`].
pub(crate) fn noisy_logarithms(
    t: &Variable<'_>,
    labellings: &[&Labels],
    noise_variance: f64,
    noise: Noise<'_>,
    rows: &[u32],
) -> RowLogarithms {
    let noisy = |values, width| noisy(simd::level(), values, width, labellings, noise_variance, noise, rows);
    match t {
        Variable::Labels(_) => panic!("pairwise distances need a matrix of numbers"),
        Variable::Single(values) => {
            let values = standard_layout(values);
            noisy(Values::from(&values.view()), values.ncols())
        }
        Variable::Double(values) => {
            let values = standard_layout(values);
            noisy(Values::from(&values.view()), values.ncols())
        }
    }
}

fn noisy(
    level: Level,
    values: Values<'_>,
    width: usize,
    labellings: &[&Labels],
    variance: f64,
    noise: Noise<'_>,
    rows: &[u32],
) -> RowLogarithms {
    let points = Points::new(values, width, variance);
    match points.precision() {
        Precision::Single => noisy_passes::<f32>(level, points, labellings, variance, noise, rows),
        Precision::Double => noisy_passes::<f64>(level, points, labellings, variance, noise, rows),
        Precision::None => {
            let value = |i: usize, k: usize| points.value(i, k);
            let size = (points.len(), width);
            reference::noisy_logarithms(size, value, labellings, variance, noise, rows)
        }
    }
}

/// Makes one pass over all ordered pairs, and one within the classes of every labelling that did not cut the points.
fn noisy_passes<E: Exact>(
    level: Level,
    mut points: Points<'_>,
    labellings: &[&Labels],
    variance: f64,
    noise: Noise<'_>,
    rows: &[u32],
) -> RowLogarithms {
    let n = points.len();
    let partition = best_partition(labellings);
    let equal = EqualRows::find(points.values(), points.width());
    let variance = [points.scaled_variance(variance)];
    let reach = shifted::reach(n, points.width(), variance[0]);
    // Both sides of the pairs: the rows with noise, and all centres.
    let layouts = |points: &Points<'_>, labels: Option<&Labels>| {
        let mut left = Layout::new(rows, labels);
        let mut layout = Layout::of_all(n, labels, equal.as_ref());
        let boxes = Boxes::choose(points, &mut layout, reach);
        if boxes.is_some() {
            left.reorder(order::by_proximity(points, &left));
        }
        (left, layout, boxes)
    };
    let (left, layout, boxes) = layouts(&points, partition.map(|index| labellings[index]));
    let packed = if points.width() >= GRAM_WIDTH && layout.order.len() >= GRAM_POINTS {
        points.choose_centre();
        Packed::Centred(Centred::pack(
            &points,
            &layout.panels(),
            shifted::longest(points.width(), variance[0]),
        ))
    } else {
        Packed::Exact(pack_exact::<E>(&points, &layout.panels()))
    };
    let pass = Pass { level, points: &points, layout: &layout, packed, boxes, variances: &variance };
    let sums = pass.run_shifted(Pairs::All, &Left::new(&left, &layout, noise));
    let logarithms = |left: &Layout, sums: &[f64], size: &dyn Fn(usize) -> usize| {
        let mut of_row = vec![0.0; n];
        for (&row, sum) in left.order.iter().zip(sums) {
            of_row[row as usize] = math::ln(sum / size(row as usize) as f64);
        }
        rows.iter().map(|&row| of_row[row as usize]).collect::<Vec<f64>>()
    };
    let all = logarithms(&left, &sums.all[0], &|_| n);
    let within = |(index, labels): (usize, &&Labels)| {
        let size = |row: usize| labels.counts()[labels.codes()[row] as usize];
        if labels.all_distinct() {
            vec![0.0; rows.len()]
        } else if labels.n_labels() == 1 {
            all.clone()
        } else if partition == Some(index) {
            logarithms(&left, &sums.within[0], &size)
        } else {
            let (left, layout, boxes) = layouts(&points, Some(labels));
            let (points, packed) = (&points, Packed::Nothing);
            let pass = Pass::<E> { level, points, layout: &layout, packed, boxes, variances: &variance };
            let sums = pass.run_shifted(Pairs::WithinClasses, &Left::new(&left, &layout, noise));
            logarithms(&left, &sums.within[0], &size)
        }
    };
    let within = labellings.iter().enumerate().map(within).collect();
    RowLogarithms { all, within }
}

/// Chooses the algorithm from the range and precision of the data.
fn one_set(
    level: Level,
    values: Values<'_>,
    width: usize,
    labellings: &[&Labels],
    variances: &[f64],
) -> Vec<KernelMeans> {
    let points = Points::new(values, width, variances[0]);
    match points.precision() {
        Precision::Single => passes::<f32>(level, points, labellings, variances),
        Precision::Double => passes::<f64>(level, points, labellings, variances),
        Precision::None => by_reference(&points, labellings, variances),
    }
}

fn by_reference(points: &Points<'_>, labellings: &[&Labels], variances: &[f64]) -> Vec<KernelMeans> {
    let value = |i: usize, k: usize| points.value(i, k);
    let of = |&v| reference::mean_logarithms(points.len(), points.width(), value, labellings, v);
    variances.iter().map(of).collect()
}

/// Makes one pass over all pairs, and one within the classes of every labelling that did not cut the points.
fn passes<E: Exact>(
    level: Level,
    mut points: Points<'_>,
    labellings: &[&Labels],
    variances: &[f64],
) -> Vec<KernelMeans> {
    let n = points.len();
    let partition = best_partition(labellings);
    let equal = EqualRows::find(points.values(), points.width());
    let scaled: Vec<f64> = variances.iter().map(|&v| points.scaled_variance(v)).collect();
    let reach = sums::furthest(&sums::reaches(n, &scaled));
    let with_boxes = |points: &Points<'_>, labels: Option<&Labels>| {
        let mut layout = Layout::of_all(n, labels, equal.as_ref());
        let boxes = Boxes::choose(points, &mut layout, reach);
        (layout, boxes)
    };
    let (layout, boxes) = with_boxes(&points, partition.map(|index| labellings[index]));
    let packed = if points.width() >= GRAM_WIDTH && layout.order.len() >= GRAM_POINTS {
        points.choose_centre();
        Packed::Centred(Centred::pack(&points, &layout.panels(), 0.0))
    } else {
        Packed::Exact(pack_exact::<E>(&points, &layout.panels()))
    };
    let pass = Pass { level, points: &points, layout: &layout, packed, boxes, variances: &scaled };
    let sums = pass.run(Pairs::All);
    let mut means: Vec<KernelMeans> = mean_logarithms_of(&sums.all, &layout, &Sizes::all(n, &layout))
        .into_iter()
        .map(|all| KernelMeans { all, within: Vec::with_capacity(labellings.len()) })
        .collect();
    for (index, labels) in labellings.iter().enumerate() {
        let within = if labels.all_distinct() {
            vec![MeanLogarithms { kullback_leibler: 0.0, bhattacharyya: 0.0 }; variances.len()]
        } else if labels.n_labels() == 1 {
            means.iter().map(|mean| mean.all).collect()
        } else if partition == Some(index) {
            mean_logarithms_of(&sums.within, &layout, &Sizes::of_classes(&layout, labels))
        } else {
            let (layout, boxes) = with_boxes(&points, Some(labels));
            let (points, packed) = (&points, Packed::Nothing);
            let pass = Pass::<E> { level, points, layout: &layout, packed, boxes, variances: &scaled };
            let sums = pass.run(Pairs::WithinClasses);
            mean_logarithms_of(&sums.within, &layout, &Sizes::of_classes(&layout, labels))
        };
        for (mean, within) in means.iter_mut().zip(within) {
            mean.within.push(within);
        }
    }
    means
}

/// Number of terms of each sum.
struct Sizes {
    each: Vec<usize>,
    /// Mean of the logarithms, taken so that it is exactly ln n where all sizes are n.
    mean_logarithm: f64,
}

impl Sizes {
    fn all(n: usize, layout: &Layout) -> Self {
        Sizes { each: vec![n; layout.order.len()], mean_logarithm: math::ln(n as f64) }
    }

    /// Returns the number of points in the class of each position.
    fn of_classes(layout: &Layout, labels: &Labels) -> Self {
        let size = |&row: &u32| labels.counts()[labels.codes()[row as usize] as usize];
        Sizes {
            each: layout.order.iter().map(size).collect(),
            mean_logarithm: math::ln(labels.len() as f64) - labels.entropy().nats(),
        }
    }
}

/// mean_i ln (sum_i / size_i), per noise variance: between −ln n and 0, exactly.
fn mean_logarithms_of(sums: &[Vec<f64>], layout: &Layout, sizes: &Sizes) -> Vec<MeanLogarithms> {
    let weights: Vec<f64> = (0..layout.order.len()).map(|position| layout.weight(position)).collect();
    let n: f64 = weights.iter().sum();
    let mean = |sums: &[f64]| {
        // A point's kernel with itself is 1 and no kernel is larger: beyond that is rounding.
        let logarithm = |((&sum, &size), &weight): ((&f64, &usize), &f64)| {
            weight * math::ln(sum.clamp(weight, size as f64))
        };
        let mean = sums.iter().zip(&sizes.each).zip(&weights).map(logarithm).sum::<f64>() / n;
        (mean - sizes.mean_logarithm).min(0.0)
    };
    sums.chunks_exact(exponential::KERNELS)
        .map(|pair| MeanLogarithms { bhattacharyya: mean(&pair[0]), kullback_leibler: mean(&pair[1]) })
        .collect()
}
