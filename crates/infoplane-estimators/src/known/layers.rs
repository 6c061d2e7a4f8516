//! Layers of networks, with noise.

use std::sync::OnceLock;

use ndarray::{Array2, ArrayView2, s};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::{N_BITS, N_PATTERNS, PatternRule, Sample, Streams, Values};
use crate::linear_algebra::matrix_product;
use crate::math;
use crate::random::{normal, shuffle};
use crate::{Information, Labels};

/// Variance of the noise on the tanh layer.
const NOISE_VARIANCE: f64 = 0.5;

/// The 12-bit patterns through tanh layers of 24 and 64 units with fixed weights: which pattern against the
/// layer, and the label of the 12-bit task against it.
///
/// The noise is not in the sample; it is part of the question. The truth is a mean over eight draws of noise for
/// every pattern, or 32,000 draws if those are more, with the mixture of all patterns: its standard error is
/// below 0.005 nats, and far lower for the label.
pub(super) fn tanh_layer(n: usize, streams: Streams) -> (Sample, Sample) {
    // Both tasks have the same network and the same draws.
    let streams = Streams { task: 254, ..streams };
    let mut constants = streams.constants();
    let first = weights(&mut constants, 12, 24);
    let second = weights(&mut constants, 24, 64);
    let rule = PatternRule::new();
    let mut rows: Vec<usize> = (0..N_PATTERNS).collect();
    shuffle(&mut streams.draws(), &mut rows);
    let rows: Vec<usize> = (0..n).map(|i| rows[i % rows.len()]).collect();
    // Bits as −1 and 1, which drives the units to both sides.
    let bits = Array2::from_shape_fn((n, N_BITS), |(i, vertex)| {
        2.0 * PatternRule::bit(rows[i], vertex) as f64 - 1.0
    });
    let hidden = matrix_product(bits.view(), first.view()).mapv(math::tanh);
    let t = matrix_product(hidden.view(), second.view()).mapv(math::tanh);
    let labels: Vec<bool> = rows.iter().map(|&row| rule.values[row] > rule.threshold).collect();
    let labels = Labels::from_symbols(&labels);
    let x = Labels::from_symbols(&rows);
    let draws = (32_000usize.div_ceil(n)).max(8);
    let [i_x, i_y] = mixture_information(t.view(), [&x, &labels], NOISE_VARIANCE, draws, streams);
    let sample = |labels: Labels, nats: f64| Sample {
        x: Values::Labels(labels),
        y: Values::Numbers(t.clone()),
        information: Information::from_nats(nats),
        noise_variance: Some(NOISE_VARIANCE),
    };
    (sample(x, i_x), sample(labels, i_y))
}

/// `(inputs, units)`, normal with variance 2 / inputs.
fn weights(random: &mut ChaCha8Rng, inputs: usize, units: usize) -> Array2<f64> {
    let deviation = (2.0 / inputs as f64).sqrt();
    Array2::from_shape_simple_fn((inputs, units), || deviation * normal(random))
}

/// I(labels; T + noise) of each labelling of the rows, as the mean of ln p(t'|label)/p(t') over draws of noise.
fn mixture_information(
    t: ArrayView2<'_, f64>,
    labellings: [&Labels; 2],
    noise_variance: f64,
    draws: usize,
    streams: Streams,
) -> [f64; 2] {
    const ROWS: usize = 64;
    let n = t.nrows();
    let norms: Vec<f64> = t.rows().into_iter().map(|row| row.dot(&row)).collect();
    let blocks: Vec<(usize, usize)> =
        (0..draws).flat_map(|draw| (0..n).step_by(ROWS).map(move |row| (draw, row))).collect();
    let sums: Vec<[f64; 2]> = blocks
        .par_iter()
        .map(|&(draw, first)| {
            let index = (draw * n.div_ceil(ROWS) + first / ROWS) as u64;
            // Not the draws of any sample: another task number, one seed for each block.
            let mut random = Streams { seed: streams.seed ^ (index << 20), task: 253 }.draws();
            let last = (first + ROWS).min(n);
            let centres = t.slice(s![first..last, ..]);
            let noise = centres.map(|_| noise_variance.sqrt() * normal(&mut random));
            let noisy = &centres + &noise;
            let products = noisy.dot(&t.t());
            let mut sums = [0.0; 2];
            for (i, products) in products.rows().into_iter().enumerate() {
                let own = noise.row(i).dot(&noise.row(i));
                let norm = noisy.row(i).dot(&noisy.row(i));
                let mut all = 0.0;
                let mut same = [0.0; 2];
                for j in 0..n {
                    let distance = norm + norms[j] - 2.0 * products[j];
                    let weight = math::exp((own - distance) / (2.0 * noise_variance));
                    all += weight;
                    for (same, labels) in same.iter_mut().zip(labellings) {
                        if labels.codes()[j] == labels.codes()[first + i] {
                            *same += weight;
                        }
                    }
                }
                for ((sum, same), labels) in sums.iter_mut().zip(same).zip(labellings) {
                    let share = labels.counts()[labels.codes()[first + i] as usize] as f64 / n as f64;
                    *sum += math::ln(same / share / all);
                }
            }
            sums
        })
        .collect();
    let mean = |of: usize| sums.iter().map(|sums| sums[of]).sum::<f64>() / (n * draws) as f64;
    [mean(0), mean(1)]
}

/// 10 standard normal inputs, a fixed linear layer of 512 units, and normal noise of variance 250 on every unit.
///
/// I = ½ ln det(I + W Wᵀ / s²), of the 10 × 10 matrix of the inputs' weights.
pub(super) fn wide_layer(n: usize, streams: Streams) -> Sample {
    const NOISE_VARIANCE: f64 = 250.0;
    let mut constants = streams.constants();
    let weights = Array2::from_shape_simple_fn((10, 512), || normal(&mut constants));
    let mut random = streams.draws();
    let x = Array2::from_shape_simple_fn((n, 10), || normal(&mut random));
    let noise = Array2::from_shape_simple_fn((n, 512), || NOISE_VARIANCE.sqrt() * normal(&mut random));
    let y = x.dot(&weights) + noise;
    let gram = Array2::<f64>::eye(10) + weights.dot(&weights.t()) / NOISE_VARIANCE;
    let information = Information::from_nats(0.5 * log_determinant(gram));
    Sample { x: Values::Numbers(x), y: Values::Numbers(y), information, noise_variance: None }
}

/// 2 standard normal inputs through tanh layers of 16 and 8 units with fixed weights, and normal noise on each of the 8.
///
/// I = h(T) − h(noise), with h(T) the mean of −ln p(t) over draws of T. p(t) is an integral over the two inputs, by the
/// trapezoid rule, whose error falls faster than any power of its step for what ends as smoothly as a normal density.
pub(super) fn narrow_layer(n: usize, streams: Streams) -> Sample {
    static TRUTH: OnceLock<f64> = OnceLock::new();
    let layers = NarrowLayer::new(streams);
    let nats = *TRUTH.get_or_init(|| {
        let terms = layers.terms(1, 20_000);
        terms.iter().sum::<f64>() / terms.len() as f64
    });
    let (x, y) = layers.draw(n, &mut streams.draws());
    Sample {
        x: Values::Numbers(x),
        y: Values::Numbers(y),
        information: Information::from_nats(nats),
        noise_variance: None,
    }
}

struct NarrowLayer {
    first: Array2<f64>,
    second: Array2<f64>,
}

impl NarrowLayer {
    const DEVIATION: f64 = 0.1;

    fn new(streams: Streams) -> Self {
        let mut constants = streams.constants();
        NarrowLayer { first: weights(&mut constants, 2, 16), second: weights(&mut constants, 16, 8) }
    }

    fn outputs(&self, x: ArrayView2<'_, f64>) -> Array2<f64> {
        let hidden = matrix_product(x, self.first.view()).mapv(math::tanh);
        matrix_product(hidden.view(), self.second.view()).mapv(math::tanh)
    }

    fn draw(&self, n: usize, random: &mut ChaCha8Rng) -> (Array2<f64>, Array2<f64>) {
        let x = Array2::from_shape_simple_fn((n, 2), || normal(random));
        let t = self.outputs(x.view()).mapv(|t| t + Self::DEVIATION * normal(random));
        (x, t)
    }

    /// ln p(t|x) − ln p(t) of some draws, with the mean of ln p(t|x) in its place.
    fn terms(&self, seed: u64, draws: usize) -> Vec<f64> {
        const STEP: f64 = 0.04;
        const END: f64 = 5.5;
        const ROWS: usize = 100;
        let steps = (END / STEP).ceil() as i32;
        let inside = (-steps..=steps)
            .flat_map(|i| (-steps..=steps).map(move |j| [f64::from(i) * STEP, f64::from(j) * STEP]))
            .filter(|[a, b]| a * a + b * b < END * END);
        let points: Vec<f64> = inside.flatten().collect();
        let points = Array2::from_shape_vec((points.len() / 2, 2), points).expect("two a point");
        let outputs = self.outputs(points.view());
        let squares = |x: &Array2<f64>| -> Vec<f64> { x.rows().into_iter().map(|r| r.dot(&r)).collect() };
        let (inputs, norms) = (squares(&points), squares(&outputs));
        let precision = 1.0 / (Self::DEVIATION * Self::DEVIATION);
        let blocks: Vec<Vec<f64>> = (0..draws.div_ceil(ROWS))
            .into_par_iter()
            .map(|block| {
                // Not the draws of any sample: another task number.
                let mut random = Streams { seed: seed ^ ((block as u64) << 20), task: 251 }.draws();
                let (_, t) = self.draw(ROWS.min(draws - block * ROWS), &mut random);
                let products = matrix_product(t.view(), outputs.t());
                let of_row = |(t, products): (ndarray::ArrayView1<'_, f64>, ndarray::ArrayView1<'_, f64>)| {
                    let own = t.dot(&t);
                    let weights = products.iter().zip(&norms).zip(&inputs).map(|((product, norm), input)| {
                        let exponent = 0.5 * precision * (own + norm - 2.0 * product) + 0.5 * input;
                        if exponent < 60.0 { math::exp(-exponent) } else { 0.0 }
                    });
                    // With the factors of the noise left out of both densities.
                    let density = weights.sum::<f64>() * STEP * STEP / std::f64::consts::TAU;
                    -0.5 * t.len() as f64 - math::ln(density)
                };
                t.rows().into_iter().zip(products.rows()).map(of_row).collect()
            })
            .collect();
        blocks.into_iter().flatten().collect()
    }
}

/// ln det of a positive definite matrix, by elimination.
fn log_determinant(mut matrix: Array2<f64>) -> f64 {
    let n = matrix.nrows();
    let mut sum = 0.0;
    for pivot in 0..n {
        let value = matrix[(pivot, pivot)];
        sum += math::ln(value);
        for row in pivot + 1..n {
            let factor = matrix[(row, pivot)] / value;
            for column in pivot..n {
                matrix[(row, column)] -= factor * matrix[(pivot, column)];
            }
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn determinants_are_right() {
        assert!((log_determinant(array![[4.0, 2.0], [2.0, 3.0]]) - 8f64.ln()).abs() < 1e-14);
    }

    /// Two centres a distance of 2a apart with noise s²: the information of a binary channel, which is an integral of
    /// one dimension.
    #[test]
    fn the_mixture_of_two_centres_has_the_information_of_a_binary_channel() {
        let (a, variance) = (0.8, 0.5);
        let t = array![[-a, 0.0], [a, 0.0]];
        let x = Labels::distinct(2);
        let y = Labels::from_symbols(&[0, 0]);
        let streams = Streams { seed: 1, task: 0 };
        let draws = 200_000;
        let [i_x, i_y] = mixture_information(t.view(), [&x, &y], variance, draws, streams);
        let density = |v: f64| {
            let normal = |m: f64| (-(v - m) * (v - m) / (2.0 * variance)).exp();
            (normal(a), normal(-a), (std::f64::consts::TAU * variance).sqrt())
        };
        let truth = super::super::quadrature::integral(
            |v| {
                let (p, q, scale) = density(v);
                p / scale * (2.0 * p / (p + q)).ln()
            },
            -10.0,
            10.0,
        );
        assert!((i_x - truth).abs() < 4.0 * (0.5 / 400_000f64).sqrt(), "{i_x} {truth}");
        assert!(i_y.abs() < 1e-12);
    }

    /// Draws of another seed, and a wider net of inputs drawn at random in place of the rule.
    #[test]
    fn the_truth_of_the_narrow_layer_is_that_of_inputs_at_random() {
        let layers = NarrowLayer::new(Streams { seed: 0, task: 7 });
        let terms = layers.terms(2, 1000);
        let mean = terms.iter().sum::<f64>() / terms.len() as f64;
        let mut random = Streams { seed: 5, task: 7 }.draws();
        let (x, t) = layers.draw(1000, &mut random);
        let (others, _) = layers.draw(20_000, &mut random);
        let (own, others) = (layers.outputs(x.view()), layers.outputs(others.view()));
        let ln_weight = |a: ndarray::ArrayView1<'_, f64>, b: ndarray::ArrayView1<'_, f64>| {
            -50.0 * a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>()
        };
        let found: f64 = t
            .rows()
            .into_iter()
            .zip(own.rows())
            .map(|(t, own)| {
                let sum: f64 = others.rows().into_iter().map(|other| math::exp(ln_weight(t, other))).sum();
                // With its own input among the others, as often as any other: so that no logarithm is infinite.
                let own = ln_weight(t, own);
                own - math::ln((sum + math::exp(own)) / (others.nrows() + 1) as f64)
            })
            .sum::<f64>()
            / 1000.0;
        // Terms vary by some 2 nats.
        assert!((mean - found).abs() < 4.0 * 2.0 * (2.0 / 1000f64).sqrt(), "{mean} {found}");
        assert!(mean > 2.0 && mean < 6.0, "{mean}");
    }

    #[test]
    fn the_truth_of_the_layer_hardly_depends_on_the_draws_of_noise() {
        let (input, label) = tanh_layer(500, Streams { seed: 1, task: 0 });
        let (Values::Labels(x), Values::Labels(y)) = (&input.x, &label.x) else { panic!("labels") };
        let Values::Numbers(t) = &input.y else { panic!("numbers") };
        let again = Streams { seed: 2, task: 0 };
        let [i_x, i_y] = mixture_information(t.view(), [x, y], NOISE_VARIANCE, 64, again);
        let (truth_x, truth_y) = (input.information.nats(), label.information.nats());
        // Terms vary by less than one nat (for the label 0.3): two means over 32,000 draws differ by less than this.
        assert!((i_x - truth_x).abs() < 4.0 * (2.0 / 32_000f64).sqrt(), "{i_x} {truth_x}");
        assert!((i_y - truth_y).abs() < 4.0 * 0.3 * (2.0 / 32_000f64).sqrt(), "{i_y} {truth_y}");
        assert!(truth_x > 3.0 && truth_x < 500f64.ln(), "neither nothing nor everything: {truth_x}");
        assert!(truth_y > 0.05 && truth_y < 0.65, "{truth_y}");
    }
}
