//! Dependence that methods of neighbours and of one Gaussian copula miss: several branches, heavy tails, several modes,
//! numbers that repeat, classes in many columns.

use std::sync::OnceLock;

use ndarray::{Array1, Array2, s};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::quadrature::{entropy_term, integral};
use super::{Sample, Streams, Values};
use crate::linear_algebra::small;
use crate::math;
use crate::random::{below, normal, uniform};
use crate::special::{digamma, erfc, ln_gamma};
use crate::{Information, Labels};

fn numbers(x: Array2<f64>, y: Array2<f64>, nats: f64) -> Sample {
    Sample {
        x: Values::Numbers(x),
        y: Values::Numbers(y),
        information: Information::from_nats(nats),
        noise_variance: None,
    }
}

fn density(v: f64) -> f64 {
    math::exp(-0.5 * v * v) / std::f64::consts::TAU.sqrt()
}

/// P(Z ≤ v).
fn probability(v: f64) -> f64 {
    0.5 * erfc(-v / std::f64::consts::SQRT_2)
}

/// ½ ln 2πe σ².
fn normal_entropy(deviation: f64) -> f64 {
    0.5 * (1.0 + math::ln(std::f64::consts::TAU)) + math::ln(deviation)
}

/// ∫ f over [low, high] in pieces of equal length.
fn in_pieces(f: impl Fn(f64) -> f64, low: f64, high: f64, pieces: usize) -> f64 {
    let width = (high - low) / pieces as f64;
    (0..pieces).map(|i| integral(&f, low + width * i as f64, low + width * (i + 1) as f64)).sum()
}

/// y = x + N, x uniform on [0, 1], N normal: h(Y) − h(N).
pub(super) fn linear_normal(n: usize, streams: Streams, deviation: f64) -> Sample {
    let mut random = streams.draws();
    let x = Array2::from_shape_simple_fn((n, 1), || uniform(&mut random));
    let y = x.mapv(|x| x + deviation * normal(&mut random));
    numbers(x, y, linear_normal_nats(deviation))
}

fn linear_normal_nats(deviation: f64) -> f64 {
    let p = |y: f64| probability(y / deviation) - probability((y - 1.0) / deviation);
    let end = 9.0 * deviation;
    // The density is 1 but for the ends, which are alike.
    2.0 * integral(|y| entropy_term(p(y)), -end, end.min(0.5)) - normal_entropy(deviation)
}

/// Pairs of columns y = x² + N, x uniform on [−1, 1], N normal: two branches of x for every y.
pub(super) fn two_branches(n: usize, streams: Streams, width: usize, deviation: f64) -> Sample {
    let mut random = streams.draws();
    let x = Array2::from_shape_simple_fn((n, width), || 2.0 * uniform(&mut random) - 1.0);
    let y = x.mapv(|x| x * x + deviation * normal(&mut random));
    numbers(x, y, width as f64 * two_branches_nats(deviation))
}

/// h(Y) − h(N), the density of Y being a mean of normal densities over x.
fn two_branches_nats(deviation: f64) -> f64 {
    // The mean by the midpoint rule in steps of a tenth of the narrowest peak, σ/2 wide: it is periodic but for its ends,
    // whose share is that of a rule of second order.
    let steps = math::exp2((math::log2(40.0 / deviation)).ceil()) as usize;
    let p = |y: f64| {
        let step = 1.0 / steps as f64;
        let near = |i: usize| {
            let x = (i as f64 + 0.5) * step;
            density((y - x * x) / deviation)
        };
        let (low, high) = (y - 9.0 * deviation, y + 9.0 * deviation);
        let first = (low.max(0.0).sqrt() / step).floor() as usize;
        let last = ((high.max(0.0).sqrt() / step).ceil() as usize).min(steps);
        (first..last).map(near).sum::<f64>() * step / deviation
    };
    let (low, bend, high) = (-9.0 * deviation, 9.0 * deviation, 1.0 + 9.0 * deviation);
    let entropy = in_pieces(|y| entropy_term(p(y)), low, bend, 2)
        + in_pieces(|y| entropy_term(p(y)), bend, 1.0 - bend, 2)
        + in_pieces(|y| entropy_term(p(y)), 1.0 - bend, high, 2);
    entropy - normal_entropy(deviation)
}

/// Multivariate Student t of `width` + `width` columns without correlation: dependent through the common divisor only.
///
/// I = 2 h(width) − h(2 width), with h(d) the entropy in d columns.
pub(super) fn student(n: usize, streams: Streams, width: usize, freedom: u32) -> Sample {
    let mut random = streams.draws();
    let mut rows = Array2::zeros((n, 2 * width));
    for mut row in rows.rows_mut() {
        let squares: f64 = (0..freedom).map(|_| normal(&mut random)).map(|v| v * v).sum();
        let divisor = (squares / f64::from(freedom)).sqrt().max(f64::MIN_POSITIVE);
        row.mapv_inplace(|_| normal(&mut random) / divisor);
    }
    let (x, y) = (rows.slice(s![.., ..width]).to_owned(), rows.slice(s![.., width..]).to_owned());
    numbers(x, y, 2.0 * student_entropy(width, freedom) - student_entropy(2 * width, freedom))
}

fn student_entropy(d: usize, freedom: u32) -> f64 {
    let (d, nu) = (d as f64, f64::from(freedom));
    let half = (nu + d) / 2.0;
    ln_gamma(nu / 2.0) - ln_gamma(half)
        + 0.5 * d * math::ln(nu * std::f64::consts::PI)
        + half * (digamma(half) - digamma(nu / 2.0))
}

/// A mixture of normal distributions with equal shares.
struct Mixture {
    d: usize,
    means: Vec<Vec<f64>>,
    /// Factors of the covariances.
    factors: Vec<Vec<f64>>,
}

impl Mixture {
    /// Means normal with deviation 1.5, covariances B Bᵀ/d + I/10 of normal B.
    fn new(streams: Streams, d: usize, components: usize) -> Self {
        let mut random = streams.constants();
        let mut vector = |n: usize| -> Vec<f64> { (0..n).map(|_| normal(&mut random)).collect() };
        let means = (0..components).map(|_| vector(d).iter().map(|v| 1.5 * v).collect()).collect();
        let factors = (0..components)
            .map(|_| {
                let b = vector(d * d);
                let product =
                    |i: usize, j: usize| -> f64 { (0..d).map(|k| b[i * d + k] * b[j * d + k]).sum() };
                let mut covariance: Vec<f64> = (0..d * d)
                    .map(|at| product(at / d, at % d) / d as f64 + if at / d == at % d { 0.1 } else { 0.0 })
                    .collect();
                assert!(small::cholesky(&mut covariance, d, 0.0), "positive definite");
                covariance
            })
            .collect();
        Mixture { d, means, factors }
    }

    fn draw(&self, random: &mut ChaCha8Rng) -> Vec<f64> {
        let component = below(random, self.means.len() as u32) as usize;
        let white: Vec<f64> = (0..self.d).map(|_| normal(random)).collect();
        let (mean, factor) = (&self.means[component], &self.factors[component]);
        (0..self.d)
            .map(|i| mean[i] + (0..=i).map(|j| factor[i * self.d + j] * white[j]).sum::<f64>())
            .collect()
    }

    /// The columns from `first` to before `last` alone.
    fn marginal(&self, first: usize, last: usize) -> Mixture {
        let d = last - first;
        let means = self.means.iter().map(|mean| mean[first..last].to_vec()).collect();
        let factors = self
            .factors
            .iter()
            .map(|l| {
                let product = |i: usize, j: usize| -> f64 {
                    (0..=i.min(j)).map(|k| l[i * self.d + k] * l[j * self.d + k]).sum()
                };
                let mut part: Vec<f64> =
                    (0..d * d).map(|at| product(first + at / d, first + at % d)).collect();
                assert!(small::cholesky(&mut part, d, 0.0), "positive definite");
                part
            })
            .collect();
        Mixture { d, means, factors }
    }

    fn ln_density(&self, at: &[f64]) -> f64 {
        let terms: Vec<f64> = self
            .means
            .iter()
            .zip(&self.factors)
            .map(|(mean, factor)| {
                let mut rest: Vec<f64> = at.iter().zip(mean).map(|(a, m)| a - m).collect();
                small::solve_lower(factor, self.d, &mut rest);
                let squares: f64 = rest.iter().map(|v| v * v).sum();
                -0.5 * (squares
                    + small::ln_determinant(factor, self.d)
                    + self.d as f64 * math::ln(std::f64::consts::TAU))
            })
            .collect();
        let largest = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = terms.iter().map(|term| math::exp(term - largest)).sum();
        largest + math::ln(sum / self.means.len() as f64)
    }

    /// ln p(x,y)/(p(x) p(y)) of some draws, x being the first half of the columns.
    fn ln_ratios(&self, seed: u64, draws: usize) -> Array1<f64> {
        const BLOCK: usize = 4096;
        let half = self.d / 2;
        let (x, y) = (self.marginal(0, half), self.marginal(half, self.d));
        let blocks: Vec<Vec<f64>> = (0..draws.div_ceil(BLOCK))
            .into_par_iter()
            .map(|block| {
                // Not the draws of any sample: another task number.
                let mut random = Streams { seed: seed ^ ((block as u64) << 20), task: 252 }.draws();
                (block * BLOCK..((block + 1) * BLOCK).min(draws))
                    .map(|_| {
                        let z = self.draw(&mut random);
                        self.ln_density(&z) - x.ln_density(&z[..half]) - y.ln_density(&z[half..])
                    })
                    .collect()
            })
            .collect();
        blocks.into_iter().flatten().collect()
    }
}

/// Draws of the mean of ln p(x,y)/(p(x) p(y)), whose standard error is then near 0.002 nats.
const DRAWS: usize = 400_000;

/// Components of the mixtures.
const COMPONENTS: usize = 4;

/// A mixture of four normal distributions in `width` + `width` columns.
pub(super) fn mixture(n: usize, streams: Streams, width: usize) -> Sample {
    static TRUTHS: [OnceLock<f64>; 6] = [const { OnceLock::new() }; 6];
    let mixture = Mixture::new(streams, 2 * width, COMPONENTS);
    let mean = || mixture.ln_ratios(1, DRAWS).mean().unwrap_or_default();
    let nats = *TRUTHS[width].get_or_init(mean);
    let mut random = streams.draws();
    let mut rows = Array2::zeros((n, 2 * width));
    for mut row in rows.rows_mut() {
        row.assign(&Array1::from(mixture.draw(&mut random)));
    }
    numbers(rows.slice(s![.., ..width]).to_owned(), rows.slice(s![.., width..]).to_owned(), nats)
}

/// `normal` rounded to multiples of `step`: x, and y if `both`. What rounding to a tenth takes is below 0.002 nats.
pub(super) fn rounded(n: usize, streams: Streams, both: bool) -> Sample {
    const STEP: f64 = 0.1;
    let (mut x, mut y) = normal_pair(n, streams);
    let round = |v: f64| (v / STEP).round() * STEP;
    x.mapv_inplace(round);
    if both {
        y.mapv_inplace(round);
    }
    numbers(x, y, rounded_nats(STEP, both))
}

const RHO: f64 = 0.75;

fn normal_pair(n: usize, streams: Streams) -> (Array2<f64>, Array2<f64>) {
    let mut random = streams.draws();
    let x = Array2::from_shape_simple_fn((n, 1), || normal(&mut random));
    let y = x.mapv(|x| RHO * x + (1.0 - RHO * RHO).sqrt() * normal(&mut random));
    (x, y)
}

/// Σ over cells of x, and over cells or all values of y, of p(cell, y) ln p(cell | y)/p(cell).
fn rounded_nats(step: f64, both: bool) -> f64 {
    let scale = (1.0 - RHO * RHO).sqrt();
    let cells = (8.5 / step).ceil() as i32;
    let cell = |i: i32| ((f64::from(i) - 0.5) * step, (f64::from(i) + 0.5) * step);
    let between = |low: f64, high: f64| match low > 0.0 {
        // From the nearer end, where small differences keep their digits.
        true => probability(-low) - probability(-high),
        false => probability(high) - probability(low),
    };
    let term = |y: f64| -> f64 {
        (-cells..=cells)
            .map(|i| {
                let (low, high) = cell(i);
                let given = between((low - RHO * y) / scale, (high - RHO * y) / scale);
                let alone = between(low, high);
                if given > 0.0 && alone > 0.0 { given * math::ln(given / alone) } else { 0.0 }
            })
            .sum()
    };
    if !both {
        return in_pieces(|y| density(y) * term(y), -8.5, 8.5, 8);
    }
    // Each cell of y is an integral of the joint probabilities.
    let mut sum = 0.0;
    for j in -cells..=cells {
        let (low, high) = cell(j);
        // Eight points of a midpoint rule: cells are a tenth wide, and its error is that of their square.
        let points: Vec<f64> = (0..16).map(|p| low + (f64::from(p) + 0.5) / 16.0 * (high - low)).collect();
        let alone_y = between(low, high);
        if alone_y <= 0.0 {
            continue;
        }
        for i in -cells..=cells {
            let (a, b) = cell(i);
            let joint: f64 = points
                .iter()
                .map(|y| density(*y) * between((a - RHO * y) / scale, (b - RHO * y) / scale))
                .sum::<f64>()
                * (high - low)
                / 16.0;
            let alone = between(a, b) * alone_y;
            if joint > 0.0 && alone > 0.0 {
                sum += joint * math::ln(joint / alone);
            }
        }
    }
    sum
}

/// `normal` with max(x, 0) for x: half of the samples at one value.
pub(super) fn half_zero(n: usize, streams: Streams) -> Sample {
    let (x, y) = normal_pair(n, streams);
    numbers(x.mapv(|v| v.max(0.0)), y, half_zero_nats())
}

/// E ln p(x ≤ 0 | y)/½ there, and E ln p(x | y)/p(x) above.
fn half_zero_nats() -> f64 {
    let scale = (1.0 - RHO * RHO).sqrt();
    let term = |y: f64| {
        let zero = probability(-RHO * y / scale);
        let at_zero = if zero > 0.0 { zero * math::ln(2.0 * zero) } else { 0.0 };
        // Above 0, ln p(x | y)/p(x) is a quadratic of x: its mean over a normal x cut at 0 is known.
        let (mean, cut) = (RHO * y, RHO * y / scale);
        let (share, edge) = (probability(cut), density(cut));
        let first = mean * share + scale * edge;
        let second = (mean * mean + scale * scale) * share + mean * scale * edge;
        let squared = (second - 2.0 * mean * first + mean * mean * share) / (scale * scale);
        at_zero - math::ln(scale) * share - 0.5 * squared + 0.5 * second
    };
    in_pieces(|y| density(y) * term(y), -9.0, 9.0, 8)
}

fn labelled(labels: &[u32], t: Array2<f64>, nats: f64) -> Sample {
    Sample {
        x: Values::Labels(Labels::from_symbols(labels)),
        y: Values::Numbers(t),
        information: Information::from_nats(nats),
        noise_variance: None,
    }
}

/// Two classes, rings in the first two columns with ln r normal around 0 and ½, deviation ¼; the other columns are noise.
pub(super) fn ring(n: usize, streams: Streams, width: usize) -> Sample {
    let mut random = streams.draws();
    let mut t = Array2::zeros((n, width));
    let labels: Vec<u32> = (0..n)
        .map(|row| {
            let class = below(&mut random, 2);
            let radius = math::exp(0.5 * f64::from(class) + 0.25 * normal(&mut random));
            let (sine, cosine) = math::sin_cos(std::f64::consts::TAU * uniform(&mut random));
            let noise = |column| if column == 0 { radius * cosine } else { radius * sine };
            for column in 0..width {
                t[(row, column)] = if column < 2 { noise(column) } else { normal(&mut random) };
            }
            class
        })
        .collect();
    labelled(&labels, t, two_normals_nats(2.0))
}

/// I of a class of two and a normal number whose means are `distance` standard deviations apart.
fn two_normals_nats(distance: f64) -> f64 {
    let p = |v: f64| 0.5 * density(v) + 0.5 * density(v - distance);
    in_pieces(|v| entropy_term(p(v)), -10.0, 10.0 + distance, 4) - normal_entropy(1.0)
}

/// The share of labels of `xor` that are turned.
const TURNED: f64 = 0.1;

/// The class is whether the signs of the first two of normal columns agree, turned for one sample in ten.
pub(super) fn xor(n: usize, streams: Streams, width: usize) -> Sample {
    let mut random = streams.draws();
    let t = Array2::from_shape_simple_fn((n, width), || normal(&mut random));
    let labels: Vec<u32> = t
        .rows()
        .into_iter()
        .map(|row| u32::from((row[0] * row[1] > 0.0) != (uniform(&mut random) < TURNED)))
        .collect();
    let nats = std::f64::consts::LN_2 - entropy_term(TURNED) - entropy_term(1.0 - TURNED);
    labelled(&labels, t, nats)
}

const CLASSES: u32 = 10;

/// Ten equally likely normal classes of unit covariance, their means normal with the deviation given.
pub(super) fn wide_classes(n: usize, streams: Streams, width: usize, deviation: f64) -> Sample {
    static TRUTHS: [OnceLock<f64>; 32] = [const { OnceLock::new() }; 32];
    let mut constants = streams.constants();
    let means =
        Array2::from_shape_simple_fn((CLASSES as usize, width), || deviation * normal(&mut constants));
    let nats = *TRUTHS[width].get_or_init(|| class_ln_ratios(&means, 1, DRAWS).mean().unwrap_or_default());
    let mut random = streams.draws();
    let mut t = Array2::zeros((n, width));
    let labels: Vec<u32> = t
        .rows_mut()
        .into_iter()
        .map(|mut row| {
            let class = below(&mut random, CLASSES);
            row.iter_mut().zip(means.row(class as usize)).for_each(|(t, m)| *t = m + normal(&mut random));
            class
        })
        .collect();
    labelled(&labels, t, nats)
}

/// ln p(t|class)/p(t) of some draws.
fn class_ln_ratios(means: &Array2<f64>, seed: u64, draws: usize) -> Array1<f64> {
    const BLOCK: usize = 8192;
    let blocks: Vec<Vec<f64>> = (0..draws.div_ceil(BLOCK))
        .into_par_iter()
        .map(|block| {
            let mut random = Streams { seed: seed ^ ((block as u64) << 20), task: 251 }.draws();
            (block * BLOCK..((block + 1) * BLOCK).min(draws))
                .map(|_| {
                    let own = means.row(below(&mut random, CLASSES) as usize);
                    let noise: Vec<f64> = own.iter().map(|_| normal(&mut random)).collect();
                    let exponent = |other: ndarray::ArrayView1<'_, f64>| -> f64 {
                        let differences = own.iter().zip(other).zip(&noise);
                        -0.5 * differences.map(|((m, o), e)| (m - o) * (m - o + 2.0 * e)).sum::<f64>()
                    };
                    let sum: f64 = means.rows().into_iter().map(|other| math::exp(exponent(other))).sum();
                    math::ln(f64::from(CLASSES) / sum)
                })
                .collect()
        })
        .collect();
    blocks.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::super::Task;
    use super::*;

    /// −∫ p ln p by the midpoint rule, of a density that is itself a midpoint sum over x.
    fn midpoint(density_at: impl Fn(f64) -> f64, low: f64, high: f64, cells: u32) -> f64 {
        let step = (high - low) / f64::from(cells);
        (0..cells).map(|i| entropy_term(density_at(low + (f64::from(i) + 0.5) * step))).sum::<f64>() * step
    }

    #[test]
    fn noisy_lines_and_parabolas_agree_with_another_rule() {
        let sigma = 0.02;
        let line = |y: f64| {
            (0..2000).map(|i| density((y - (f64::from(i) + 0.5) / 2000.0) / sigma)).sum::<f64>()
                / 2000.0
                / sigma
        };
        let truth = midpoint(line, -0.2, 1.2, 3000) - normal_entropy(sigma);
        assert!((linear_normal_nats(sigma) - truth).abs() < 1e-5, "{} {truth}", linear_normal_nats(sigma));
        let parabola = |y: f64| {
            let at = |i: u32| (f64::from(i) + 0.5) / 4000.0;
            (0..4000).map(|i| density((y - at(i) * at(i)) / sigma)).sum::<f64>() / 4000.0 / sigma
        };
        let truth = midpoint(parabola, -0.2, 1.2, 3000) - normal_entropy(sigma);
        assert!((two_branches_nats(sigma) - truth).abs() < 1e-5, "{} {truth}", two_branches_nats(sigma));
        // From another program (scipy, trapezoids).
        assert!(
            (linear_normal_nats(0.01) - 3.204).abs() < 6e-4 && (two_branches_nats(0.01) - 3.012).abs() < 6e-4
        );
    }

    /// Of one column on each side it is the closed form of `student`; in more, the mean of ln p(x,y)/(p(x) p(y)).
    #[test]
    fn student_truths_are_means_of_log_ratios() {
        let ln_density = |squares: f64, d: usize, nu: f64| {
            let d = d as f64;
            ln_gamma((nu + d) / 2.0)
                - ln_gamma(nu / 2.0)
                - 0.5 * d * (nu * std::f64::consts::PI).ln()
                - 0.5 * (nu + d) * (squares / nu).ln_1p()
        };
        for (width, freedom) in [(1, 1), (2, 2), (5, 3)] {
            let n = 40_000;
            let sample = student(n, Streams { seed: 3, task: 9 }, width, freedom);
            let (Values::Numbers(x), Values::Numbers(y)) = (&sample.x, &sample.y) else { panic!("numbers") };
            let nu = f64::from(freedom);
            let ratios: Vec<f64> = (0..n)
                .map(|i| {
                    let (a, b) = (x.row(i).dot(&x.row(i)), y.row(i).dot(&y.row(i)));
                    ln_density(a + b, 2 * width, nu) - ln_density(a, width, nu) - ln_density(b, width, nu)
                })
                .collect();
            let mean = ratios.iter().sum::<f64>() / n as f64;
            let deviation = (ratios.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / n as f64).sqrt();
            let truth = sample.information.nats();
            assert!((mean - truth).abs() < 4.0 * deviation / (n as f64).sqrt(), "{width}: {mean} {truth}");
        }
    }

    /// Other draws give the same mean; the marginals of the mixture integrate what the whole says.
    #[test]
    fn mixtures_and_classes_are_known_well_enough() {
        let task = Task::named("mixture-2x2").unwrap();
        let truth = task.draw(1, 0).information.nats();
        let mixture = Mixture::new(task.streams(0), 4, COMPONENTS);
        let others = mixture.ln_ratios(999, 100_000);
        let error = others.std(0.0) * (1.0 / 1e5 + 1.0 / DRAWS as f64).sqrt();
        assert!((others.mean().unwrap() - truth).abs() < 4.0 * error, "{others} {truth}");
        assert!(others.std(0.0) / (DRAWS as f64).sqrt() < 0.003);
        // p(x) as an integral of p(x,y) over y, one column each.
        let mixture = Mixture::new(task.streams(0), 2, COMPONENTS);
        let x = mixture.marginal(0, 1);
        let sum: f64 =
            (0..4000).map(|i| mixture.ln_density(&[0.3, -20.0 + 0.01 * f64::from(i)]).exp() * 0.01).sum();
        assert!((sum - x.ln_density(&[0.3]).exp()).abs() < 1e-6);
        let task = Task::named("classes-10x10").unwrap();
        let truth = task.draw(1, 0).information.nats();
        let mut constants = task.streams(0).constants();
        let means = Array2::from_shape_simple_fn((10, 10), || 0.6 * normal(&mut constants));
        let others = class_ln_ratios(&means, 77, 100_000);
        let error = others.std(0.0) * (1.0 / 1e5 + 1.0 / DRAWS as f64).sqrt();
        assert!((others.mean().unwrap() - truth).abs() < 4.0 * error, "{others} {truth}");
    }

    #[test]
    fn rounding_takes_little_and_a_rectified_column_some() {
        let whole = -0.5 * (1.0 - RHO * RHO).ln();
        let (one, both) = (rounded_nats(0.1, false), rounded_nats(0.1, true));
        assert!(both < one && one < whole && whole - both < 0.004, "{one} {both} {whole}");
        // To a fine step nothing is lost; to a coarse one the two rules still agree with sums over a grid.
        assert!((rounded_nats(0.02, false) - whole).abs() < 1e-4);
        let scale = (1.0 - RHO * RHO).sqrt();
        let (mut sum, step) = (0.0, 0.01);
        for i in -850..850 {
            let y = (f64::from(i) + 0.5) * step;
            let zero = probability(-RHO * y / scale);
            sum += density(y) * zero * (2.0 * zero).max(1e-300).ln() * step;
            for j in 0..850 {
                let x = (f64::from(j) + 0.5) * step;
                let given = density((x - RHO * y) / scale) / scale;
                if given > 1e-200 {
                    sum += density(y) * given * (given / density(x)).ln() * step * step;
                }
            }
        }
        assert!((half_zero_nats() - sum).abs() < 1e-4, "{} {sum}", half_zero_nats());
    }

    #[test]
    fn classes_of_two_have_the_shares_that_their_truths_take() {
        // −½ ln(1 − ρ²)-like limits: far apart ln 2, together 0.
        assert!((two_normals_nats(12.0) - std::f64::consts::LN_2).abs() < 1e-6);
        assert!(two_normals_nats(0.0).abs() < 1e-9);
        let sample = Task::named("xor-5").unwrap().draw(20_000, 1);
        let (Values::Labels(labels), Values::Numbers(t)) = (&sample.x, &sample.y) else { panic!("labels") };
        let first = labels.codes()[0];
        let first_agrees = t[(0, 0)] * t[(0, 1)] > 0.0;
        let same = (0..20_000)
            .filter(|&i| (labels.codes()[i] == first) == ((t[(i, 0)] * t[(i, 1)] > 0.0) == first_agrees))
            .count() as f64
            / 20_000.0;
        assert!((same - 0.9).abs() < 0.01 || (same - 0.1).abs() < 0.01, "{same}");
    }
}
