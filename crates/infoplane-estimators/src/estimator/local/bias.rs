//! The bias of a local likelihood fit at constant density, which is the same for every density.
//!
//! Around a point, in units of the distance to its k-th neighbour, the neighbours of a large sample are a
//! Poisson process of constant rate: with E₁, E₂, … independent exponential numbers and Gⱼ = E₁ + … + Eⱼ, the
//! j-th neighbour lies at distance (Gⱼ/Gₖ)^(1/d) in a uniformly random direction. The fit to such neighbours
//! has an expectation that depends on d, k, on how many neighbours m are used and on the order of the fit, and
//! on nothing else. Here it is computed by drawing them.

use std::collections::HashMap;
use std::f64::consts::{PI, TAU};
use std::sync::Mutex;

use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::moments::{Moments, log_height};
use crate::interrupt::poll;
use crate::linear_algebra::small::{cholesky, solve};
use crate::math;
use crate::random::{Purpose, generator, uniform};
use crate::special::{digamma, ln_unit_ball};

/// Orders 0, 1 and 2 of the local polynomial.
pub(super) const ORDERS: usize = 3;

/// The expected error of −ln f at each order, and the standard error of that number itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Bias {
    pub(super) value: [f64; ORDERS],
    pub(super) error: [f64; ORDERS],
}

/// Blocks of draws, each with its own generator: the same numbers on any number of threads.
const BLOCKS: usize = 64;
/// Neighbours drawn in all, directions included, when a constant is first needed: a tenth of a second on one
/// core, for a standard error of 0.0004 to 0.001.
const BUDGET: usize = 2_000_000;
/// Beyond this distance a Gaussian weight is below 1e-16 of that of the point itself.
const FAR: f64 = 8.6;

/// Returns the bias for these settings; drawn at first use, then remembered until the program ends.
pub(super) fn bias(d: usize, k: usize, m: usize) -> Bias {
    type Table = HashMap<(usize, usize, usize), Bias>;
    static KNOWN: Mutex<Option<Table>> = Mutex::new(None);
    // Neighbours beyond FAR weigh nothing, so all larger m share one constant. Four times the expected number:
    // the k-th neighbour may be much nearer than expected.
    let enough = (4.0 * k as f64 * math::powi(FAR, d as i32)).ceil() as usize;
    let key = (d, k, m.min(enough));
    // A draw that panicked would leave the table as it was, so a poisoned lock still holds good values.
    let known = |table: &mut Option<HashMap<_, _>>| table.get_or_insert_default().get(&key).copied();
    if let Some(bias) = known(&mut KNOWN.lock().unwrap_or_else(|poisoned| poisoned.into_inner())) {
        return bias;
    }
    let typical = key.2.min((k as f64 * math::powi(FAR, d as i32)) as usize);
    let bias = draw(d, k, key.2, (BUDGET / typical / BLOCKS).max(16));
    KNOWN.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).get_or_insert_default().insert(key, bias);
    bias
}

/// Quantities of a draw whose expectation is known exactly: ln Gₖ, Gₖ, and sums over the neighbours inside and
/// outside the k-th of w, w r² and, squared as a vector, w u. Half of the spread of a fit, and more in more
/// dimensions, follows them, so that many times fewer draws do.
const CONTROLS: usize = 8;

/// `per_block` × [`BLOCKS`] draws.
pub(super) fn draw(d: usize, k: usize, m: usize, per_block: usize) -> Bias {
    let expected = Expected::new(d, k, m);
    let blocks: Vec<Sums> = (0..BLOCKS)
        .into_par_iter()
        .map(|block| {
            poll();
            let index = ((d * 100_000 + k) * BLOCKS + block) as u64;
            let mut generator = generator(m as u64, Purpose::Local, index);
            let mut sums = Sums::default();
            let mut room = Moments::new(d);
            for _ in 0..per_block {
                sums.add(&one(&mut generator, &mut room, &expected));
            }
            sums
        })
        .collect();
    let mut sums = Sums::default();
    for block in &blocks {
        sums.merge(block);
    }
    sums.regress(digamma(k as f64) - ln_unit_ball(d))
}

/// The values at each order, then the controls, each less its expectation.
type Draw = [f64; ORDERS + CONTROLS];

fn one(generator: &mut ChaCha8Rng, room: &mut Moments, expected: &Expected) -> Draw {
    let &Expected { d, k, m, outer_radius, .. } = expected;
    let exponential = |generator: &mut ChaCha8Rng| -math::ln(1.0 - uniform(generator));
    // The sum of k exponential numbers, by one logarithm of a product; factors above 1e-17 in blocks of 16.
    let mut gamma = 0.0;
    let mut left = k;
    while left > 0 {
        let now = left.min(16);
        gamma -= math::ln((0..now).map(|_| 1.0 - uniform(generator)).product::<f64>());
        left -= now;
    }
    room.clear();
    let mut controls = [0.0; CONTROLS];
    let mut direction = [0.0; super::MOST];
    let direction = &mut direction[..d];
    let mut vectors = [[0.0; super::MOST]; 2];
    let root = |x: f64| match d {
        1 => x,
        2 => x.sqrt(),
        3 => math::cbrt(x),
        _ => math::powf(x, 1.0 / d as f64),
    };
    let mut total = gamma;
    for j in 1..=m {
        // Inside the k-th neighbour the others are uniform, in any order.
        let r = if j < k {
            root(uniform(generator))
        } else if j == k {
            1.0
        } else {
            total += exponential(generator);
            root(total / gamma)
        };
        if r > FAR {
            break;
        }
        unit_vector(generator, direction);
        direction.iter_mut().for_each(|c| *c *= r);
        room.push(direction);
        if j <= k || r < outer_radius {
            let w = math::exp(-0.5 * direction.iter().map(|c| c * c).sum::<f64>());
            let outside = usize::from(j > k);
            controls[2 + 3 * outside] += w;
            controls[3 + 3 * outside] += w * r * r;
            for (sum, u) in vectors[outside].iter_mut().zip(&*direction) {
                *sum += w * u;
            }
        }
    }
    controls[0] = math::ln(gamma) - expected.ln_gamma;
    controls[1] = gamma / k as f64 - 1.0;
    for outside in 0..2 {
        controls[4 + 3 * outside] = vectors[outside].iter().map(|v| v * v).sum();
        // Outside, the rate of neighbours is proportional to Gₖ, and their sums to a Poisson number of them.
        let rate = if outside == 1 { gamma } else { 1.0 };
        for (control, mean) in controls[2 + 3 * outside..].iter_mut().zip(&expected.sums[outside]) {
            *control -= rate * mean;
        }
    }
    room.finish();
    let heights = log_height(room);
    let mut draw = [0.0; ORDERS + CONTROLS];
    for order in 0..ORDERS {
        // With fewer points than a fit needs, it is that of the next lower order, as it is for samples.
        let height = (0..=order).rev().find_map(|order| heights[order]).unwrap_or(0.0);
        draw[order] = controls[0] - height;
    }
    draw[ORDERS..].copy_from_slice(&controls);
    draw
}

/// Expectations of the controls.
struct Expected {
    d: usize,
    k: usize,
    m: usize,
    /// Up to where sums outside are controls: so near that m neighbours reach it but once in 10⁵ draws.
    outer_radius: f64,
    ln_gamma: f64,
    /// Of Σ w, Σ w r² and |Σ w u|²: inside, and outside for Gₖ = 1.
    sums: [[f64; 3]; 2],
}

impl Expected {
    fn new(d: usize, k: usize, m: usize) -> Self {
        let outer_radius = math::powf((m as f64 / (4 * k) as f64).max(1.0), 1.0 / d as f64).min(FAR);
        // ∫ f(r) d(r^d), Simpson's rule.
        let integral = |from: f64, to: f64, f: fn(f64) -> f64| {
            const PANELS: usize = 4000;
            let step = (to - from) / PANELS as f64;
            let at = |i: usize| {
                let r = from + i as f64 * step;
                let factor = if i == 0 || i == PANELS { 1.0 } else { [2.0, 4.0][i % 2] };
                factor * f(r) * d as f64 * math::powi(r, d as i32 - 1)
            };
            (0..=PANELS).map(at).sum::<f64>() * step / 3.0
        };
        let integrands: [fn(f64) -> f64; 3] =
            [|r| math::exp(-r * r / 2.0), |r| r * r * math::exp(-r * r / 2.0), |r| r * r * math::exp(-r * r)];
        let at_k = integrands.map(|f| f(1.0));
        let mut sums = [[0.0; 3]; 2];
        for (i, f) in integrands.into_iter().enumerate() {
            sums[0][i] = (k as f64 - 1.0) * integral(0.0, 1.0, f) + at_k[i];
            sums[1][i] = integral(1.0, outer_radius, f);
        }
        Expected { d, k, m, outer_radius, ln_gamma: digamma(k as f64), sums }
    }
}

/// A direction, every one equally likely.
fn unit_vector(generator: &mut ChaCha8Rng, u: &mut [f64]) {
    match u {
        [x] => *x = if uniform(generator) < 0.5 { -1.0 } else { 1.0 },
        [x, y] => (*y, *x) = math::sin_cos(TAU * uniform(generator)),
        [x, y, z] => {
            *z = 2.0 * uniform(generator) - 1.0;
            let across = (1.0 - *z * *z).sqrt();
            (*y, *x) = math::sin_cos(TAU * uniform(generator));
            *x *= across;
            *y *= across;
        }
        _ => {
            for pair in u.chunks_mut(2) {
                let radius = (-2.0 * math::ln(1.0 - uniform(generator))).sqrt();
                let (sine, cosine) = math::sin_cos(2.0 * PI * uniform(generator));
                pair[0] = radius * cosine;
                if let Some(second) = pair.get_mut(1) {
                    *second = radius * sine;
                }
            }
            let length = u.iter().map(|c| c * c).sum::<f64>().sqrt();
            u.iter_mut().for_each(|c| *c /= length);
        }
    }
}

const SIZE: usize = ORDERS + CONTROLS;

/// Sums of draws and of their products.
struct Sums {
    n: f64,
    first: [f64; SIZE],
    second: [[f64; SIZE]; SIZE],
}

impl Default for Sums {
    fn default() -> Self {
        Sums { n: 0.0, first: [0.0; SIZE], second: [[0.0; SIZE]; SIZE] }
    }
}

impl Sums {
    fn add(&mut self, draw: &Draw) {
        self.n += 1.0;
        for i in 0..SIZE {
            self.first[i] += draw[i];
            for j in 0..SIZE {
                self.second[i][j] += draw[i] * draw[j];
            }
        }
    }

    fn merge(&mut self, other: &Sums) {
        self.n += other.n;
        for i in 0..SIZE {
            self.first[i] += other.first[i];
            for j in 0..SIZE {
                self.second[i][j] += other.second[i][j];
            }
        }
    }

    /// Returns the means at each order, less what the controls explain of them; `constant` is added.
    fn regress(&self, constant: f64) -> Bias {
        let covariance = |i: usize, j: usize| {
            self.second[i][j] / self.n - self.first[i] / self.n * (self.first[j] / self.n)
        };
        // Controls that are constant in this setting (no neighbours outside) explain nothing.
        let varying: Vec<usize> =
            (ORDERS..SIZE).filter(|&c| covariance(c, c) > 1e-12 * self.second[c][c] / self.n).collect();
        let q = varying.len();
        let mut matrix: Vec<f64> = Vec::with_capacity(q * q);
        for &i in &varying {
            for &j in &varying {
                let scale = (covariance(i, i) * covariance(j, j)).sqrt();
                matrix.push(covariance(i, j) / scale + if i == j { 1e-9 } else { 0.0 });
            }
        }
        let factored = cholesky(&mut matrix, q, 0.0);
        let mut bias = Bias { value: [0.0; ORDERS], error: [0.0; ORDERS] };
        for order in 0..ORDERS {
            let mut slopes: Vec<f64> =
                varying.iter().map(|&c| covariance(order, c) / covariance(c, c).sqrt()).collect();
            let before = slopes.clone();
            if factored {
                solve(&matrix, q, &mut slopes);
            } else {
                slopes.fill(0.0);
            }
            let explained: f64 = slopes.iter().zip(&before).map(|(a, b)| a * b).sum();
            let shift: f64 = slopes
                .iter()
                .zip(&varying)
                .map(|(slope, &c)| slope / covariance(c, c).sqrt() * self.first[c] / self.n)
                .sum();
            bias.value[order] = self.first[order] / self.n - shift + constant;
            bias.error[order] = ((covariance(order, order) - explained).max(0.0) / self.n).sqrt();
        }
        bias
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::generator;

    /// Means of 2 · 10⁵ and more draws of an independent program, k = 5, order 2; errors in the last digit.
    #[test]
    fn the_bias_is_that_of_an_independent_program() {
        for (d, m, published) in [
            (1, 30, -0.024),
            (1, 100, -0.022),
            (2, 10, -0.380),
            (2, 30, -0.172),
            (2, 100, -0.070),
            (3, 10, -0.812),
            (3, 30, -0.554),
            (3, 100, -0.221),
            (4, 10, -1.290),
            (4, 30, -1.032),
            (4, 100, -0.639),
            (5, 30, -1.544),
            (5, 100, -1.154),
            (6, 30, -2.078),
            (6, 100, -1.671),
        ] {
            let bias = bias(d, 5, m);
            let difference = bias.value[2] - published;
            assert!(difference.abs() < 0.004 + 4.0 * bias.error[2], "d = {d}, m = {m}: {bias:?}");
        }
    }

    #[test]
    fn controls_have_the_expectation_that_is_taken_off() {
        // The first one says E ln Gₖ = ψ(k): with a kernel of equal weights the bias is then ψ(k) − ln k, as in
        // the estimate of Kozachenko and Leonenko.
        for (d, k, m) in [(1, 5, 30), (2, 5, 100), (3, 8, 60), (5, 20, 100)] {
            let expected = Expected::new(d, k, m);
            let mut generator = generator(11, Purpose::Local, d as u64);
            let mut room = Moments::new(d);
            const DRAWS: usize = 4000;
            let mut sums = Sums::default();
            for _ in 0..DRAWS {
                sums.add(&one(&mut generator, &mut room, &expected));
            }
            for c in ORDERS..SIZE {
                let mean = sums.first[c] / sums.n;
                let variance = sums.second[c][c] / sums.n - mean * mean;
                // Of 32 means one is off by 4.5 standard errors once in 5000 tests.
                assert!(mean.abs() <= 4.5 * (variance / sums.n).sqrt() + 1e-12, "{d} {k} {m}: control {c}");
            }
        }
    }

    /// Points without a border, at a constant density of ln f = 0: what remains after the bias is chance.
    #[test]
    fn uniform_points_on_a_torus_have_entropy_zero() {
        for (d, k, m, n) in
            [(1, 5, 30, 200), (1, 10, 60, 200), (2, 5, 60, 400), (2, 8, 100, 400), (3, 5, 60, 500)]
        {
            const RUNS: usize = 16;
            let bias = bias(d, k, m);
            let mut means = [[0.0; ORDERS]; RUNS];
            means.par_iter_mut().enumerate().for_each(|(run, means)| {
                let mut generator = generator(run as u64, Purpose::Local, (1 << 50) + d as u64);
                let points: Vec<f64> = (0..n * d).map(|_| uniform(&mut generator)).collect();
                let mut room = Moments::new(d);
                for center in points.chunks_exact(d) {
                    let mut around: Vec<(f64, Vec<f64>)> = points
                        .chunks_exact(d)
                        .map(|point| {
                            let u: Vec<f64> =
                                point.iter().zip(center).map(|(p, c)| (p - c) - (p - c).round()).collect();
                            (u.iter().map(|u| u * u).sum::<f64>().sqrt(), u)
                        })
                        .collect();
                    around.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
                    let h = around[k].0;
                    assert!(around[m].0 < 0.5, "the ball must not touch itself");
                    room.clear();
                    for (_, u) in &around[1..=m] {
                        room.push(&u.iter().map(|u| u / h).collect::<Vec<_>>());
                    }
                    room.finish();
                    for (mean, height) in means.iter_mut().zip(log_height(&mut room)) {
                        *mean -= (height.unwrap() - d as f64 * h.ln()) / n as f64;
                    }
                }
            });
            for order in 0..ORDERS {
                let entropy = |run: usize| means[run][order] + digamma(n as f64) - bias.value[order];
                let mean = (0..RUNS).map(entropy).sum::<f64>() / RUNS as f64;
                let variance =
                    (0..RUNS).map(|run| (entropy(run) - mean).powi(2)).sum::<f64>() / (RUNS - 1) as f64;
                let error = (variance / RUNS as f64 + bias.error[order].powi(2)).sqrt();
                // Student's t with 15 degrees of freedom: 15 cases exceed 4.2 once in 70 sets of seeds.
                assert!(
                    mean.abs() < 4.2 * error,
                    "d = {d}, k = {k}, m = {m}, order {order}: {mean} ± {error}"
                );
            }
        }
    }
}
