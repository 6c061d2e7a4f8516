//! Training of a critic as a classifier of pairs.

use fearless_simd::Level;
use ndarray::{Array2, Axis};
use rand_chacha::ChaCha8Rng;

use super::adam::Adam;
use super::gaussian::{Gaussian, Terms};
use super::network::{Network, Pairs, Passed, Rows};
use crate::interrupt::poll;
use crate::math;
use crate::random::{Purpose, below, generator, shuffle};

/// Rows of a batch.
const BATCH: usize = 128;
/// Pairs that do not belong together, for each that does. Sixteen were no better than four, at four times the time.
const OTHERS: usize = 2;
/// The rate of Adam at its largest: it grows over the first [`WARM`] steps, then falls to a tenth.
const RATE: f64 = 2e-3;
const WARM: f64 = 100.0;
const MOST_STEPS: usize = 3000;
/// Decay of the weights in units of the rate, for 1000 training rows; times √(1000/n) for n. On `mixture-5x5` with n = 1000 and one
/// hidden layer, the value was 1.28 nats too low without, 0.75 with 1, 1.09 with 2, 1.45 with 4; with n = 10,000 it was
/// 0.25 too low with 0.3, 0.42 without.
const DECAY: f64 = 1.2;
/// What is kept of the mean of the weights at each step.
const KEPT: f32 = 0.98;
/// Steps between two looks at the rows that decide when to stop: of one in twenty training rows, within these. Of few
/// rows the best weights are reached soon.
const LOOK: [usize; 2] = [20, 50];
/// Looks without a better one before training stops.
const PATIENCE: usize = 10;
/// Of those rows: how many at most, and the shifts of pairs that do not belong together.
const MOST_WATCHED: usize = 1000;
const SHIFTS_WATCHED: usize = 8;
/// Shares of the covariances from which the Gaussian is chosen.
const SHARES: [f64; 7] = [1.0, 0.97, 0.9, 0.75, 0.5, 0.25, 0.0];
/// Scores are cut here: a critic is any bounded function, and exponentials stay finite.
const LARGEST: f32 = 60.0;

/// Rows of both sides, with what a Gaussian gives for them.
pub(super) struct Part {
    sides: [Vec<f32>; 2],
    widths: [usize; 2],
    terms: Terms,
}

impl Part {
    pub(super) fn new(sides: [&Array2<f64>; 2], rows: &[usize], gaussian: &Gaussian) -> Self {
        let [x, y] = sides.map(|side| side.select(Axis(0), rows));
        let terms = gaussian.terms(x.view(), y.view());
        let widths = [x.ncols(), y.ncols()];
        let sides = [x, y].map(|side| side.iter().map(|v| *v as f32).collect());
        Part { sides, widths, terms }
    }

    fn len(&self) -> usize {
        self.terms.of_x.len()
    }

    fn rows(&self) -> [Rows<'_>; 2] {
        [0, 1].map(|side| Rows { values: &self.sides[side], width: self.widths[side] })
    }

    /// Copies some rows.
    fn gather(&self, rows: &[usize], into: &mut [Vec<f32>; 2]) {
        for ((values, width), into) in self.sides.iter().zip(self.widths).zip(into) {
            into.clear();
            rows.iter().for_each(|row| into.extend_from_slice(&values[row * width..(row + 1) * width]));
        }
    }

    /// The log ratio of the Gaussian for row i of x and row j of y.
    fn given(&self, i: usize, j: usize) -> f32 {
        let width = self.widths[1];
        let (left, y) =
            (&self.terms.left[i * width..(i + 1) * width], &self.sides[1][j * width..(j + 1) * width]);
        let product: f32 = left.iter().zip(y).map(|(a, b)| a * b).sum();
        (self.terms.of_x[i] + self.terms.of_y[j] + product).clamp(-LARGEST, LARGEST)
    }

    fn given_of(&self, shift: usize) -> Vec<f32> {
        let n = self.len();
        (0..n).map(|i| self.given(i, (i + shift) % n)).collect()
    }
}

/// A critic: a score for each pair, which estimates ln p(x, y)/(p(x) p(y)).
pub(super) struct Learnt {
    network: Network,
    pub(super) gaussian: Gaussian,
}

impl Learnt {
    /// Calls `each` with a shift s and the scores of (row i of x, row (i + s) of y), for all shifts below `n_shifts`.
    pub(super) fn for_each_shift(
        &self,
        level: Level,
        part: &Part,
        n_shifts: usize,
        each: impl FnMut(usize, &[f32]),
    ) {
        for_each_shift(&self.network, level, part, n_shifts, each);
    }
}

fn for_each_shift(
    network: &Network,
    level: Level,
    part: &Part,
    n_shifts: usize,
    mut each: impl FnMut(usize, &[f32]),
) {
    let sides = part.rows();
    let [x, y] = [0, 1].map(|side| network.tower(level, side, sides[side]));
    let mut passed = network.passed();
    for shift in 0..n_shifts {
        network.scores(level, [&x, &y], shift, &part.given_of(shift), &mut passed);
        passed.scores.iter_mut().for_each(|score| *score = score.clamp(-LARGEST, LARGEST));
        each(shift, &passed.scores);
    }
}

fn softplus(x: f64) -> f64 {
    x.max(0.0) + math::ln_1p(math::exp(-x.abs()))
}

/// The logistic loss of scores of one shift: pairs belong together at shift 0 alone.
fn loss(shift: usize, scores: &[f32]) -> f64 {
    let sign = if shift == 0 { -1.0 } else { 1.0 };
    let share = if shift == 0 { 1.0 } else { 1.0 / SHIFTS_WATCHED as f64 };
    share * scores.iter().map(|score| softplus(sign * f64::from(*score))).sum::<f64>() / scores.len() as f64
}

/// The Gaussian whose covariances, drawn to the identity, tell pairs of the watched rows best, and its loss.
fn chosen_gaussian(sides: [&Array2<f64>; 2], training: &[usize], watched: &[usize]) -> (f64, Gaussian) {
    let [x, y] = sides.map(|side| side.select(Axis(0), training));
    let mut best: Option<(f64, Gaussian)> = None;
    for share in SHARES {
        let Some(gaussian) = Gaussian::fitted(x.view(), y.view(), share) else { continue };
        let part = Part::new(sides, watched, &gaussian);
        let loss = (0..=SHIFTS_WATCHED).map(|shift| loss(shift, &part.given_of(shift))).sum();
        if best.as_ref().is_none_or(|(least, _)| loss < *least) {
            best = Some((loss, gaussian));
        }
    }
    best.expect("the identity has a factor")
}

/// Learns to tell pairs of the training rows from pairs that do not belong together.
///
/// The logistic loss is least at the log density ratio. Of the means of the weights, looked at every 20 to 50 steps, those are
/// kept that do best on the watched rows. They begin with a Gaussian alone.
pub(super) fn learn(
    level: Level,
    sides: [&Array2<f64>; 2],
    (training, watched): (&[usize], &[usize]),
    (hidden, layers): (usize, usize),
    (seed, index): (u64, u64),
) -> Learnt {
    let watched = &watched[..watched.len().min(MOST_WATCHED)];
    let (mut least, gaussian) = chosen_gaussian(sides, training, watched);
    let [train, watched] = [training, watched].map(|rows| Part::new(sides, rows, &gaussian));
    let mut network = Network::new(
        train.widths,
        hidden,
        layers,
        &mut generator(seed, Purpose::Initialization, 1 << 40 | index),
    );
    let mut mean = network.clone();
    let mut kept = network.clone();
    let mut adam = Adam::new(network.parameters.len());
    let mut batches = Batches::new(train.len(), generator(seed, Purpose::Batches, 1 << 40 | index));
    let mut passed = network.passed();
    let mut rows = [Vec::new(), Vec::new()];
    let mut gradient = vec![0.0; network.parameters.len()];
    let mut worse = 0;
    let look = (train.len() / 20).clamp(LOOK[0], LOOK[1]);
    let decay = DECAY * (1000.0 / train.len() as f64).sqrt();
    for step in 0..MOST_STEPS {
        poll();
        let (batch, shifts) = batches.next();
        let n = batch.len();
        train.gather(batch, &mut rows);
        let given: Vec<f32> = shifts
            .iter()
            .flat_map(|shift| (0..n).map(move |i| (i, (i + shift) % n)))
            .map(|(i, j)| train.given(batch[i], batch[j]))
            .collect();
        let sides = [0, 1].map(|side| Rows { values: &rows[side], width: train.widths[side] });
        let pairs = Pairs { sides, shifts: &shifts, given: &given };
        network.forward(level, pairs, &mut passed);
        let of_scores = of_scores(&passed, n);
        network.backward(level, pairs, &passed, &of_scores, &mut gradient);
        let rate = RATE * ((step + 1) as f64 / WARM).min(1.0) * (1.0 - 0.9 * step as f64 / MOST_STEPS as f64);
        let decaying = network.decaying();
        adam.step(level, (rate, decay), &gradient, &mut network.parameters, decaying);
        // At first the mean is over a tenth of the steps: the start is forgotten.
        let share = KEPT.min((1 + step) as f32 / (10 + step) as f32);
        for (mean, now) in mean.parameters.iter_mut().zip(&network.parameters) {
            *mean = share * *mean + (1.0 - share) * now;
        }
        if (step + 1) % look == 0 {
            let mut value = 0.0;
            for_each_shift(&mean, level, &watched, 1 + SHIFTS_WATCHED, |shift, scores| {
                value += loss(shift, scores);
            });
            // Not where weights overflowed: a comparison with NaN is false.
            if value < least {
                (least, worse) = (value, 0);
                kept.parameters.copy_from_slice(&mean.parameters);
            } else {
                worse += 1;
                if worse == PATIENCE {
                    break;
                }
            }
        }
    }
    Learnt { network: kept, gaussian }
}

/// The gradient of the logistic loss: the first n pairs belong together.
fn of_scores(passed: &Passed, n: usize) -> Vec<f32> {
    let others = passed.scores.len() - n;
    let of = |(pair, score): (usize, &f32)| {
        let score = f64::from(*score);
        let (sign, count) = if pair < n { (-1.0, n) } else { (1.0, others) };
        (sign / count as f64 / (1.0 + math::exp(-sign * score))) as f32
    };
    passed.scores.iter().enumerate().map(of).collect()
}

/// Rows in random order, in batches, with the shifts of the pairs of each.
struct Batches {
    order: Vec<usize>,
    next: usize,
    size: usize,
    random: ChaCha8Rng,
}

impl Batches {
    fn new(n: usize, random: ChaCha8Rng) -> Self {
        Batches { order: (0..n).collect(), next: n, size: BATCH.min(n), random }
    }

    fn next(&mut self) -> (&[usize], Vec<usize>) {
        if self.next + self.size > self.order.len() {
            shuffle(&mut self.random, &mut self.order);
            self.next = 0;
        }
        let mut shifts = vec![0];
        while shifts.len() <= OTHERS {
            let shift = 1 + below(&mut self.random, self.size as u32 - 1) as usize;
            if !shifts.contains(&shift) {
                shifts.push(shift);
            }
        }
        self.next += self.size;
        (&self.order[self.next - self.size..self.next], shifts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_have_every_row_once_and_shifts_of_their_own() {
        let mut batches = Batches::new(300, generator(1, Purpose::Batches, 0));
        let mut seen = [0; 300];
        for _ in 0..2 {
            let (rows, shifts) = batches.next();
            assert_eq!(rows.len(), BATCH);
            rows.iter().for_each(|&row| seen[row] += 1);
            assert!(shifts[0] == 0 && shifts.len() == 1 + OTHERS && !shifts[1..].contains(&0), "{shifts:?}");
            assert!(shifts[1] != shifts[2] && shifts.iter().all(|&shift| shift < BATCH), "{shifts:?}");
        }
        assert_eq!(seen.iter().sum::<usize>(), 2 * BATCH);
        assert!(seen.iter().all(|&times| times <= 1));
    }
}
