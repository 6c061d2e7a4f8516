//! The greatest I(T;Y) − I(X;T)/β for one β.
//!
//! In the weights w(t) and the reproductions r(t) = p(y|t), Blahut–Arimoto is the expectation–maximisation of
//!
//! ```text
//! value = Σ_x p(x) ln Z(x),   Z(x) = Σ_t w(t) exp(−β KL(p(y|x) ‖ r(t))),
//! ```
//!
//! the likelihood of a mixture, which is concave in the weights over all r. At its greatest
//! c(r) = Σ_x p(x) exp(−β KL(p(y|x) ‖ r)) / Z(x) is at most 1 for every r, and before that ln max c bounds what is
//! missing.

use ndarray::{Array2, ArrayView1};

use super::BottleneckPoint;
use super::channel::{Channel, entropy};
use crate::Information;
use crate::math;

/// The error of I(T;Y), in nats, at which the iterations end.
const TOLERANCE: f64 = 1e-9;
/// The largest number of searches for other reproductions. Few need more than ten; close above the β at which a
/// value of T splits in two, the steps are short.
const ROUNDS: usize = 400;
/// In how many of the rounds, from the first, values of T that are nearly one become one. They drift towards each
/// other ever more slowly; later rounds leave alone what merging could not settle.
const MERGING: usize = 12;
/// Accelerated steps of a round, at most.
const STEPS: usize = 60;
/// A value of T that occurs less often than this is dropped; where it was needed, the search brings it back.
const NEGLIGIBLE: f64 = 1e-13;
/// Steps between 0 and 1 of the reproductions that are tried for two classes.
const GRID: usize = 256;
/// Reproductions nearer than this are counted as one.
const SAME: f64 = 1e-3;

/// The values of T.
#[derive(Clone)]
pub(super) struct Clusters {
    /// ln w(t).
    ln_weight: Vec<f64>,
    /// ln r(t), `(values of T, classes)`; −∞ where the class never occurs.
    ln_label: Vec<Vec<f64>>,
}

impl Clusters {
    /// Returns a single value: T carries no information.
    pub(super) fn one(channel: &Channel) -> Self {
        Clusters { ln_weight: vec![0.0], ln_label: vec![channel.p_y.iter().map(|p| math::ln(*p)).collect()] }
    }

    /// Returns one value per input: T determines X.
    pub(super) fn each(channel: &Channel) -> Self {
        let ln = |row: ArrayView1<f64>| row.iter().map(|p| math::ln(*p)).collect();
        Clusters {
            ln_weight: channel.p_x.iter().map(|p| math::ln(*p)).collect(),
            ln_label: channel.p_y_given_x.rows().into_iter().map(ln).collect(),
        }
    }

    /// Returns the values of both, each half as often.
    pub(super) fn and(&self, other: &Clusters) -> Self {
        let both = || self.ln_weight.iter().chain(&other.ln_weight);
        Clusters {
            ln_weight: both().map(|weight| weight - std::f64::consts::LN_2).collect(),
            ln_label: self.ln_label.iter().chain(&other.ln_label).cloned().collect(),
        }
    }

    fn len(&self) -> usize {
        self.ln_weight.len()
    }

    fn add(&mut self, ln_label: Vec<f64>, weight: f64) {
        self.ln_weight.iter_mut().for_each(|w| *w += math::ln(1.0 - weight));
        self.ln_weight.push(math::ln(weight));
        self.ln_label.push(ln_label);
    }

    /// Returns the same with one value for those whose p(y|t) are nearly equal, seen with `beta`.
    fn merged(self, beta: f64) -> Self {
        // β KL, about β times the squared difference, decides whether they can be told apart.
        let nearly = SAME.min(1e-2 / beta.sqrt());
        let mut weights: Vec<f64> = Vec::new();
        let mut labels: Vec<Vec<f64>> = Vec::new();
        for (weight, label) in self.ln_weight.into_iter().zip(self.ln_label) {
            let (weight, label) = (math::exp(weight), label.into_iter().map(math::exp).collect::<Vec<f64>>());
            let near = |other: &Vec<f64>| label.iter().zip(other).all(|(a, b)| (a - b).abs() < nearly);
            match labels.iter().position(near) {
                Some(t) => {
                    let sum = weights[t] + weight;
                    labels[t].iter_mut().zip(&label).for_each(|(p, q)| *p += (q - *p) * weight / sum);
                    weights[t] = sum;
                }
                None => {
                    weights.push(weight);
                    labels.push(label);
                }
            }
        }
        let ln = |values: Vec<f64>| values.into_iter().map(math::ln).collect();
        Clusters { ln_weight: ln(weights), ln_label: labels.into_iter().map(ln).collect() }
    }

    fn drop_negligible(&mut self) {
        let kept: Vec<bool> = self.ln_weight.iter().map(|&weight| weight > math::ln(NEGLIGIBLE)).collect();
        let mut keep = kept.iter();
        self.ln_weight.retain(|_| *keep.next().expect("one for each"));
        let mut keep = kept.iter();
        self.ln_label.retain(|_| *keep.next().expect("one for each"));
    }
}

/// A T, with what it knows in nats.
#[derive(Clone)]
pub(super) struct Solution {
    beta: f64,
    pub i_xt: f64,
    pub i_ty: f64,
    gap: f64,
    pub clusters: Clusters,
}

impl Solution {
    /// What the T of one input for each value, or of a single value, knows: I(X;T) = H(T).
    pub(super) fn of(channel: &Channel, beta: f64, clusters: Clusters) -> Self {
        let weights: Vec<f64> = clusters.ln_weight.iter().map(|weight| math::exp(*weight)).collect();
        // A single value has −(1 · ln 1), which is −0.
        let i_xt = entropy(ArrayView1::from(&weights)).max(0.0) + 0.0;
        let i_ty = if clusters.len() == 1 { 0.0 } else { channel.information() };
        Solution { beta, i_xt, i_ty, gap: 0.0, clusters }
    }

    pub(super) fn point(&self) -> BottleneckPoint {
        let mut different: Vec<&Vec<f64>> = Vec::new();
        for (label, &weight) in self.clusters.ln_label.iter().zip(&self.clusters.ln_weight) {
            let near = |other: &&Vec<f64>| {
                label.iter().zip(*other).all(|(a, b)| (math::exp(*a) - math::exp(*b)).abs() < SAME)
            };
            if weight > math::ln(1e-6f64) && !different.iter().any(near) {
                different.push(label);
            }
        }
        BottleneckPoint {
            beta: self.beta,
            i_xt: Information::from_nats(self.i_xt),
            i_ty: Information::from_nats(self.i_ty),
            clusters: different.len().max(1),
            gap: Information::from_nats(self.gap),
        }
    }
}

/// Returns the solution for `beta`, from `clusters` on.
pub(super) fn solve(channel: &Channel, beta: f64, mut clusters: Clusters) -> Solution {
    let problem = Problem { channel, beta };
    let mut gap = f64::INFINITY;
    for round in 0..ROUNDS {
        if round < MERGING {
            clusters = clusters.merged(beta);
        }
        clusters = problem.climb(clusters);
        clusters.drop_negligible();
        let step = problem.step(&clusters);
        let (best, label) = problem.best_other(&step);
        gap = best.max(step.gap).max(0.0) / beta;
        if gap <= TOLERANCE {
            break;
        }
        // What is found in the last round has no round to grow in; the gap is that of what there is.
        if best / beta > TOLERANCE && round + 1 < ROUNDS {
            // With much weight r moves at once to where it is needed; with little it stays with the rare input that
            // needs it. Which of the two it is, is not known beforehand.
            let weight = if round % 2 == 1 { problem.best_weight(&step, &label) } else { 1e-3 };
            clusters.add(label, weight);
        }
    }
    let (i_xt, i_ty) = problem.informations(&clusters);
    Solution { beta, i_xt, i_ty, gap, clusters }
}

struct Problem<'a> {
    channel: &'a Channel,
    beta: f64,
}

/// One step of Blahut–Arimoto, and what it was computed from.
struct Step {
    /// Σ_x p(x) ln Z(x) before the step.
    value: f64,
    /// ln max over t of c(r(t)) before the step.
    gap: f64,
    ln_z: Vec<f64>,
    after: Clusters,
}

impl Problem<'_> {
    /// −β KL(p(y|x) ‖ r).
    fn exponent(&self, x: usize, ln_label: &[f64]) -> f64 {
        let row = self.channel.p_y_given_x.row(x);
        // 0 · ln 0 is 0, but not in floating point.
        let cross: f64 = row.iter().zip(ln_label).map(|(&p, &ln)| if p > 0.0 { p * ln } else { 0.0 }).sum();
        // Rounding must not make a divergence negative, or a large β would blow it up.
        self.beta * (cross - self.channel.negative_entropy[x]).min(0.0)
    }

    /// p(t|x), `(inputs, values of T)`, and ln Z(x).
    fn encoder(&self, clusters: &Clusters) -> (Array2<f64>, Vec<f64>) {
        let mut encoder = Array2::zeros((self.channel.n_inputs(), clusters.len()));
        let mut ln_z = Vec::with_capacity(self.channel.n_inputs());
        for (x, mut row) in encoder.rows_mut().into_iter().enumerate() {
            let mut greatest = f64::NEG_INFINITY;
            for ((value, &weight), label) in row.iter_mut().zip(&clusters.ln_weight).zip(&clusters.ln_label) {
                *value = weight + self.exponent(x, label);
                greatest = greatest.max(*value);
            }
            row.mapv_inplace(|value| math::exp(value - greatest));
            let sum = row.sum();
            row.mapv_inplace(|value| value / sum);
            ln_z.push(greatest + math::ln(sum));
        }
        (encoder, ln_z)
    }

    fn step(&self, clusters: &Clusters) -> Step {
        let channel = self.channel;
        let (encoder, ln_z) = self.encoder(clusters);
        let value = channel.p_x.iter().zip(&ln_z).map(|(p, ln)| p * ln).sum();
        let (weights, labels) = self.decoder(&encoder);
        let ln_weight: Vec<f64> = weights.iter().map(|weight| math::ln(*weight)).collect();
        let growth = ln_weight.iter().zip(&clusters.ln_weight).map(|(after, before)| after - before);
        let gap = growth.fold(f64::NEG_INFINITY, f64::max);
        let ln_label =
            labels.rows().into_iter().map(|row| row.iter().map(|p| math::ln(*p)).collect()).collect();
        Step { value, gap, ln_z, after: Clusters { ln_weight, ln_label } }
    }

    /// p(t), and p(y|t) in rows, of p(t|x).
    fn decoder(&self, encoder: &Array2<f64>) -> (Vec<f64>, Array2<f64>) {
        let mut weights = vec![0.0; encoder.ncols()];
        let mut labels = Array2::zeros((encoder.ncols(), self.channel.n_classes()));
        for ((row, &p), y) in
            encoder.rows().into_iter().zip(&self.channel.p_x).zip(self.channel.p_y_given_x.rows())
        {
            for (t, &share) in row.iter().enumerate() {
                weights[t] += p * share;
                labels.row_mut(t).scaled_add(p * share, &y);
            }
        }
        for (mut row, &weight) in labels.rows_mut().into_iter().zip(&weights) {
            let sum = row.sum();
            // A value that no input takes any more: it goes with the negligible ones.
            if sum > 0.0 && weight > 0.0 {
                row.mapv_inplace(|p| p / sum);
            } else {
                row.assign(&ArrayView1::from(&self.channel.p_y));
            }
        }
        (weights, labels)
    }

    /// Steps, extrapolated by the squared iteration of Varadhan & Roland (2008), until the values of T
    /// are the best there are near them.
    fn climb(&self, mut clusters: Clusters) -> Clusters {
        for _ in 0..STEPS {
            let first = self.step(&clusters);
            if first.gap / self.beta <= TOLERANCE / 2.0 {
                return first.after;
            }
            let second = self.step(&first.after);
            let third = self.step(&second.after);
            let far = extrapolate(&clusters, &first.after, &second.after);
            clusters = match far.map(|far| self.step(&far)) {
                // Steps never make the value less; an extrapolation may.
                Some(far) if far.value.is_finite() && far.value >= third.value => far.after,
                _ => third.after,
            };
            clusters.drop_negligible();
        }
        clusters
    }

    /// ln c(r) of the reproduction, of those that are tried, that most is to be gained by, and its ln r.
    fn best_other(&self, step: &Step) -> (f64, Vec<f64>) {
        let channel = self.channel;
        let ln = |label: Vec<f64>| -> Vec<f64> { label.iter().map(|p| math::ln(*p)).collect() };
        let row = |x: usize| channel.p_y_given_x.row(x);
        let mut tried: Vec<Vec<f64>> = vec![ln(channel.p_y.clone())];
        tried.extend((0..channel.n_inputs()).map(|x| ln(row(x).to_vec())));
        if channel.n_classes() == 2 {
            tried.extend((1..GRID).map(|k| k as f64 / GRID as f64).map(|p| ln(vec![1.0 - p, p])));
        } else if channel.n_inputs() <= 64 {
            let pairs = (0..channel.n_inputs()).flat_map(|a| (0..a).map(move |b| (a, b)));
            tried.extend(pairs.map(|(a, b)| ln(((&row(a) + &row(b)) / 2.0).to_vec())));
        }
        let growths: Vec<f64> = tried.iter().map(|label| self.growth(step, label).0).collect();
        let mut order: Vec<usize> = (0..tried.len()).collect();
        order.sort_by(|&a, &b| growths[b].total_cmp(&growths[a]));
        let mut best = (f64::NEG_INFINITY, Vec::new());
        for &index in order.iter().take(3) {
            let mut label = tried[index].clone();
            // Each turn raises c: it is a step of Blahut–Arimoto for a value of T alone.
            for _ in 0..30 {
                let (growth, next) = self.growth(step, &label);
                if growth > best.0 {
                    best = (growth, label);
                }
                label = next;
            }
        }
        best
    }

    /// The weight at which a value of T with the reproduction r gains most, beside the present ones.
    fn best_weight(&self, step: &Step, ln_label: &[f64]) -> f64 {
        let ratios: Vec<f64> = step
            .ln_z
            .iter()
            .enumerate()
            .map(|(x, ln_z)| math::exp(self.exponent(x, ln_label) - ln_z))
            .collect();
        // The derivative of Σ_x p(x) ln((1 − weight) Z(x) + weight exp(−β KL)), which falls in the weight.
        let slope = |weight: f64| -> f64 {
            let terms = self.channel.p_x.iter().zip(&ratios);
            terms.map(|(p, ratio)| p * (ratio - 1.0) / (1.0 + weight * (ratio - 1.0))).sum()
        };
        // In the logarithm: a rare input needs very little.
        let (mut low, mut high) = (math::ln(NEGLIGIBLE), math::ln(0.5f64));
        for _ in 0..40 {
            let middle = (low + high) / 2.0;
            if slope(math::exp(middle)) > 0.0 { low = middle } else { high = middle }
        }
        math::exp(low)
    }

    /// ln c(r), and ln of the mean p(y|x) of the inputs that would take r.
    fn growth(&self, step: &Step, ln_label: &[f64]) -> (f64, Vec<f64>) {
        let mut sums = vec![0.0; ln_label.len()];
        let mut c = 0.0;
        for (x, (&p, &ln_z)) in self.channel.p_x.iter().zip(&step.ln_z).enumerate() {
            let share = p * math::exp(self.exponent(x, ln_label) - ln_z);
            c += share;
            sums.iter_mut().zip(self.channel.p_y_given_x.row(x)).for_each(|(sum, p)| *sum += share * p);
        }
        (math::ln(c), sums.into_iter().map(|sum| math::ln(sum / c)).collect())
    }

    /// I(X;T) and I(T;Y) of the p(t|x) that the values of T make.
    fn informations(&self, clusters: &Clusters) -> (f64, f64) {
        let (encoder, _) = self.encoder(clusters);
        let (weights, labels) = self.decoder(&encoder);
        let kl = |p: ArrayView1<f64>, q: &[f64]| -> f64 {
            p.iter().zip(q).filter(|(p, _)| **p > 0.0).map(|(p, q)| p * math::ln(p / q)).sum()
        };
        let rows = encoder.rows().into_iter().zip(&self.channel.p_x);
        let i_xt: f64 = rows.map(|(row, p)| p * kl(row, &weights)).sum();
        let labels = labels.rows().into_iter().zip(&weights);
        let i_ty: f64 = labels.map(|(label, weight)| weight * kl(label, &self.channel.p_y)).sum();
        (i_xt.max(0.0), i_ty.max(0.0))
    }
}

/// Returns the limit to which three consecutive iterates point; `None` if they no longer change.
fn extrapolate(start: &Clusters, first: &Clusters, second: &Clusters) -> Option<Clusters> {
    let (mut change, mut bend) = (0.0, 0.0);
    let mut measure = |[start, first, second]: [f64; 3]| {
        let (speed, turn) = (first - start, second - 2.0 * first + start);
        if turn.is_finite() {
            // Values that die out run to −∞ and would drown the others.
            let importance = math::exp(second);
            change += importance * speed * speed;
            bend += importance * turn * turn;
        }
    };
    for t in 0..start.len() {
        measure([start, first, second].map(|clusters| clusters.ln_weight[t]));
        for y in 0..start.ln_label[t].len() {
            measure([start, first, second].map(|clusters| clusters.ln_label[t][y]));
        }
    }
    if !(bend > 0.0 && change > 0.0) {
        return None;
    }
    let length = (change / bend).sqrt().clamp(1.0, 1e4);
    let ahead = |[start, first, second]: [f64; 3]| {
        let (speed, turn) = (first - start, second - 2.0 * first + start);
        if turn.is_finite() { start + 2.0 * length * speed + length * length * turn } else { second }
    };
    let all = 0..start.len();
    let weight = |t: usize| ahead([start, first, second].map(|clusters| clusters.ln_weight[t]));
    let label = |t: usize| -> Vec<f64> {
        let classes = 0..start.ln_label[t].len();
        normalised(
            classes.map(|y| ahead([start, first, second].map(|clusters| clusters.ln_label[t][y]))).collect(),
        )
    };
    Some(Clusters {
        ln_weight: normalised(all.clone().map(weight).collect()),
        ln_label: all.map(label).collect(),
    })
}

/// Logarithms of probabilities, shifted so that these sum to 1.
fn normalised(mut ln: Vec<f64>) -> Vec<f64> {
    let greatest = ln.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum = greatest + math::ln(ln.iter().map(|value| math::exp(value - greatest)).sum::<f64>());
    ln.iter_mut().for_each(|value| *value -= sum);
    ln
}
