//! Mixtures of normal or Student distributions, fitted to rows by expectation and maximisation.

use ndarray::{Array2, ArrayView2};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;
use rayon::prelude::*;

use crate::interrupt::poll;
use crate::linear_algebra::small;
use crate::math;
use crate::random::{Purpose, below, generator, normal, uniform};
use crate::special::{digamma, ln_gamma};

/// Rows of a block: sums are added within blocks, and then block after block, whatever the threads.
const BLOCK: usize = 256;

/// Rounds of expectation and maximisation at most.
const ROUNDS: usize = 60;

/// Gain of the mean log density in nats, per row and round, below which a fit has converged.
const CONVERGED: f64 = 1e-4;

/// The least deviation of a component in columns of unit deviation: one of equal samples keeps a width.
const RIDGE: f64 = 1e-3;

/// Covariances of the components.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// One matrix for each.
    Full,
    /// One matrix for all.
    Tied,
    /// Variances alone.
    Diagonal,
}

/// A mixture in d columns.
#[derive(Debug, Clone)]
pub(super) struct Mixture {
    pub(super) d: usize,
    pub(super) shape: Shape,
    /// Degrees of freedom of Student's distribution; infinite for a normal one.
    pub(super) freedom: f64,
    pub(super) shares: Vec<f64>,
    means: Vec<Vec<f64>>,
    /// Covariances (dispersions of Student's), both halves.
    covariances: Vec<Vec<f64>>,
    /// Their lower factors.
    factors: Vec<Vec<f64>>,
}

/// The sums of one block, or of all.
struct Sums {
    ln_density: f64,
    weights: Vec<f64>,
    /// Weights of the rows in means and covariances: those of Student's distribution are less for far rows.
    scaled: Vec<f64>,
    first: Vec<Vec<f64>>,
    second: Vec<Vec<f64>>,
    /// Σ weight (ln u − u), for the degrees of freedom.
    tails: f64,
}

impl Mixture {
    /// The number of components.
    pub(super) fn size(&self) -> usize {
        self.shares.len()
    }

    /// One component with the means and covariances of the rows.
    pub(super) fn single(rows: ArrayView2<'_, f64>, shape: Shape, freedom: f64) -> Option<Mixture> {
        let everything = vec![1.0; rows.nrows()];
        Self::of_groups(rows, shape, freedom, &[everything])
    }

    /// A start from centres that are far from each other (k-means++), and a few rounds of nearest centres.
    pub(super) fn start(
        rows: ArrayView2<'_, f64>,
        shape: Shape,
        freedom: f64,
        size: usize,
        seed: u64,
    ) -> Option<Mixture> {
        if size == 1 {
            return Self::single(rows, shape, freedom);
        }
        let (n, d) = rows.dim();
        let mut random = generator(seed, Purpose::Nearest, 1 << 32 | size as u64);
        let distance = |row: usize, centre: &[f64]| -> f64 {
            rows.row(row).iter().zip(centre).map(|(a, b)| (a - b) * (a - b)).sum()
        };
        let mut centres = vec![rows.row(below(&mut random, n as u32) as usize).to_vec()];
        let mut nearest = vec![f64::INFINITY; n];
        while centres.len() < size {
            let last = &centres[centres.len() - 1];
            let mut total = 0.0;
            for (row, nearest) in nearest.iter_mut().enumerate() {
                // Capped: else an outlier would be a centre of its own.
                *nearest = nearest.min(distance(row, last)).min(9.0 * d as f64);
                total += *nearest;
            }
            let mut left = uniform(&mut random) * total;
            let next = nearest.iter().position(|v| {
                left -= v;
                left < 0.0
            });
            centres.push(rows.row(next.unwrap_or(n - 1)).to_vec());
        }
        let mut owner = vec![0; n];
        for _ in 0..8 {
            owner.par_iter_mut().enumerate().for_each(|(row, owner)| {
                let squares = centres.iter().map(|centre| distance(row, centre));
                *owner =
                    squares.enumerate().min_by(|a, b| a.1.total_cmp(&b.1)).map_or(0, |(centre, _)| centre);
            });
            let mut counts = vec![0.0; size];
            let mut sums = vec![vec![0.0; d]; size];
            for (row, &owner) in owner.iter().enumerate() {
                counts[owner] += 1.0;
                sums[owner].iter_mut().zip(rows.row(row)).for_each(|(sum, v)| *sum += v);
            }
            for ((centre, sum), count) in centres.iter_mut().zip(&sums).zip(&counts) {
                if *count > 0.0 {
                    centre.iter_mut().zip(sum).for_each(|(centre, sum)| *centre = sum / count);
                }
            }
        }
        let groups: Vec<Vec<f64>> = (0..size)
            .map(|group| owner.iter().map(|&owner| if owner == group { 1.0 } else { 0.0 }).collect())
            .collect();
        Self::of_groups(rows, shape, freedom, &groups)
    }

    fn of_groups(
        rows: ArrayView2<'_, f64>,
        shape: Shape,
        freedom: f64,
        groups: &[Vec<f64>],
    ) -> Option<Mixture> {
        let d = rows.ncols();
        let mut sums = Sums::new(groups.len(), d, shape);
        for (row, values) in rows.rows().into_iter().enumerate() {
            for (group, members) in groups.iter().enumerate() {
                if members[row] > 0.0 {
                    sums.add(group, members[row], 1.0, values.as_slice()?, shape);
                }
            }
        }
        Self::from_sums(sums, d, shape, freedom)
    }

    fn from_sums(sums: Sums, d: usize, shape: Shape, freedom: f64) -> Option<Mixture> {
        let total: f64 = sums.weights.iter().sum();
        let mut means = Vec::new();
        let mut covariances = Vec::new();
        let mut shares = Vec::new();
        for component in 0..sums.weights.len() {
            let (weight, scaled) = (sums.weights[component], sums.scaled[component]);
            // A component without samples is given up.
            if weight < 1.0 || scaled <= 0.0 {
                continue;
            }
            let mean: Vec<f64> = sums.first[component].iter().map(|v| v / scaled).collect();
            let mut covariance = vec![0.0; d * d];
            for i in 0..d {
                for j in 0..=i {
                    let second = match shape {
                        Shape::Diagonal if i != j => continue,
                        Shape::Diagonal => sums.second[component][i],
                        _ => sums.second[component][i * d + j],
                    };
                    let value = (second - scaled * mean[i] * mean[j]) / weight;
                    covariance[i * d + j] = value;
                    covariance[j * d + i] = value;
                }
            }
            means.push(mean);
            covariances.push(covariance);
            shares.push(weight / total);
        }
        if shape == Shape::Tied {
            let mut mean = vec![0.0; d * d];
            for (covariance, share) in covariances.iter().zip(&shares) {
                mean.iter_mut().zip(covariance).for_each(|(mean, v)| *mean += share * v);
            }
            covariances = vec![mean; shares.len()];
        }
        let mut factors = Vec::new();
        for covariance in &mut covariances {
            for i in 0..d {
                covariance[i * d + i] += RIDGE * RIDGE;
            }
            let mut factor = covariance.clone();
            if !small::cholesky(&mut factor, d, 1e-12) {
                // Columns that determine each other, within a component.
                for i in 0..d {
                    covariance[i * d + i] += RIDGE;
                }
                factor = covariance.clone();
                if !small::cholesky(&mut factor, d, 1e-12) {
                    return None;
                }
            }
            factors.push(factor);
        }
        (!shares.is_empty()).then_some(Mixture { d, shape, freedom, shares, means, covariances, factors })
    }

    /// Fits it to rows; returns the mean log density of the last round.
    pub(super) fn fit(mut self, rows: ArrayView2<'_, f64>, rounds: usize) -> Option<(Mixture, f64)> {
        let mut last = f64::NEG_INFINITY;
        for round in 0..rounds {
            let sums = self.sums(rows);
            let n = rows.nrows() as f64;
            let now = sums.ln_density / n;
            let mut freedom = self.freedom;
            if freedom.is_finite() {
                freedom = better_freedom(freedom, self.d, sums.tails / n);
            }
            let next = Mixture::from_sums(sums, self.d, self.shape, freedom)?;
            if round > 2 && now - last < CONVERGED {
                return Some((self, now));
            }
            last = now;
            self = next;
        }
        Some((self, last))
    }

    /// Fits with the usual number of rounds.
    pub(super) fn fitted(self, rows: ArrayView2<'_, f64>) -> Option<Mixture> {
        self.fit(rows, ROUNDS).map(|(mixture, _)| mixture)
    }

    /// Constants of the log densities of the components.
    fn constants(&self) -> Vec<f64> {
        let d = self.d as f64;
        let common = match self.freedom.is_finite() {
            true => {
                ln_gamma((self.freedom + d) / 2.0)
                    - ln_gamma(self.freedom / 2.0)
                    - 0.5 * d * math::ln(self.freedom * std::f64::consts::PI)
            }
            false => -0.5 * d * math::ln(std::f64::consts::TAU),
        };
        self.factors
            .iter()
            .zip(&self.shares)
            .map(|(factor, share)| common + math::ln(*share) - 0.5 * small::ln_determinant(factor, self.d))
            .collect()
    }

    /// The squared distance of a row to a component in units of its covariance.
    fn squares(&self, component: usize, row: &[f64], rest: &mut [f64]) -> f64 {
        let (mean, factor, d) = (&self.means[component], &self.factors[component], self.d);
        if self.shape == Shape::Diagonal {
            return (0..d).map(|i| (row[i] - mean[i]) / factor[i * d + i]).map(|v| v * v).sum();
        }
        let mut sum = 0.0;
        for i in 0..d {
            let known: f64 = factor[i * d..i * d + i].iter().zip(&*rest).map(|(l, r)| l * r).sum();
            rest[i] = (row[i] - mean[i] - known) / factor[i * d + i];
            sum += rest[i] * rest[i];
        }
        sum
    }

    /// The log density of a row; `terms` become the shares of the components in it, `squares` their squared distances.
    fn expect(
        &self,
        constants: &[f64],
        row: &[f64],
        rest: &mut [f64],
        terms: &mut [f64],
        squares: &mut [f64],
    ) -> f64 {
        let half = 0.5 * (self.freedom + self.d as f64);
        for component in 0..self.size() {
            squares[component] = self.squares(component, row, rest);
            terms[component] = constants[component]
                - match self.freedom.is_finite() {
                    true => half * math::ln_1p(squares[component] / self.freedom),
                    false => 0.5 * squares[component],
                };
        }
        let largest = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut sum = 0.0;
        for term in terms.iter_mut() {
            *term = if *term < largest - 40.0 { 0.0 } else { math::exp(*term - largest) };
            sum += *term;
        }
        terms.iter_mut().for_each(|term| *term /= sum);
        largest + math::ln(sum)
    }

    fn sums(&self, rows: ArrayView2<'_, f64>) -> Sums {
        let (n, size, d) = (rows.nrows(), self.size(), self.d);
        let constants = self.constants();
        let blocks: Vec<Sums> = (0..n.div_ceil(BLOCK))
            .into_par_iter()
            .map(|block| {
                poll();
                let mut sums = Sums::new(size, d, self.shape);
                let (mut rest, mut terms, mut squares) = (vec![0.0; d], vec![0.0; size], vec![0.0; size]);
                for row in block * BLOCK..((block + 1) * BLOCK).min(n) {
                    let row = rows.row(row);
                    let row = row.as_slice().expect("standard layout");
                    sums.ln_density += self.expect(&constants, row, &mut rest, &mut terms, &mut squares);
                    for component in 0..size {
                        let weight = terms[component];
                        if weight < 1e-9 {
                            continue;
                        }
                        let mut scale = 1.0;
                        if self.freedom.is_finite() {
                            scale = (self.freedom + d as f64) / (self.freedom + squares[component]);
                            sums.tails += weight * (math::ln(scale) - scale);
                        }
                        sums.add(component, weight, scale, row, self.shape);
                    }
                }
                sums
            })
            .collect();
        let mut all = Sums::new(size, d, self.shape);
        for block in &blocks {
            all.merge(block);
        }
        all
    }

    /// The log density of every row.
    pub(super) fn ln_densities(&self, rows: ArrayView2<'_, f64>) -> Vec<f64> {
        let constants = self.constants();
        let size = self.size();
        (0..rows.nrows())
            .into_par_iter()
            .with_min_len(BLOCK)
            .map_init(
                || (vec![0.0; self.d], vec![0.0; size], vec![0.0; size]),
                |(rest, terms, squares), row| {
                    let row = rows.row(row).to_vec();
                    self.expect(&constants, &row, rest, terms, squares)
                },
            )
            .collect()
    }

    /// The distribution of the columns from `first` to before `last`.
    pub(super) fn marginal(&self, first: usize, last: usize) -> Mixture {
        let d = last - first;
        let part = |covariance: &Vec<f64>| -> Vec<f64> {
            (0..d * d).map(|at| covariance[(first + at / d) * self.d + first + at % d]).collect()
        };
        let covariances: Vec<Vec<f64>> = self.covariances.iter().map(part).collect();
        let factors = factors(&covariances, d);
        Mixture {
            d,
            shape: self.shape,
            freedom: self.freedom,
            shares: self.shares.clone(),
            means: self.means.iter().map(|mean| mean[first..last].to_vec()).collect(),
            covariances,
            factors,
        }
    }

    /// The same with the covariances between the first `d_x` columns and the others, within components, times a factor of
    /// at most 1.
    pub(super) fn with_less_between(&self, d_x: usize, share: f64) -> Mixture {
        let mut less = self.clone();
        for covariance in &mut less.covariances {
            for i in 0..d_x {
                for j in d_x..self.d {
                    covariance[i * self.d + j] *= share;
                    covariance[j * self.d + i] *= share;
                }
            }
        }
        less.factors = factors(&less.covariances, self.d);
        less
    }

    /// ln p(x,y)/(p(x) p(y)) of every row, x being the first `d_x` columns.
    pub(super) fn ln_ratios(&self, rows: ArrayView2<'_, f64>, d_x: usize) -> Vec<f64> {
        let (x, y) = (self.marginal(0, d_x), self.marginal(d_x, self.d));
        let (of_x, of_y) = rows.split_at(ndarray::Axis(1), d_x);
        let parts = x.ln_densities(of_x).into_iter().zip(y.ln_densities(of_y));
        self.ln_densities(rows).into_iter().zip(parts).map(|(joint, (x, y))| joint - x - y).collect()
    }

    /// Draws rows.
    pub(super) fn draw(&self, n: usize, random: &mut ChaCha8Rng) -> Array2<f64> {
        let mut rows = Array2::zeros((n, self.d));
        let mut white = vec![0.0; self.d];
        for mut row in rows.rows_mut() {
            let mut left = uniform(random);
            let component = self.shares.iter().position(|share| {
                left -= share;
                left < 0.0
            });
            let component = component.unwrap_or(self.size() - 1);
            white.iter_mut().for_each(|v| *v = normal(random));
            // Both laws take as many random numbers, so that one fit moves into another without a jump.
            let scale = if self.freedom.is_finite() {
                (self.freedom / chi_square(self.freedom, random)).sqrt()
            } else {
                1.0
            };
            let (mean, factor) = (&self.means[component], &self.factors[component]);
            for i in 0..self.d {
                let known: f64 =
                    factor[i * self.d..=i * self.d + i].iter().zip(&white).map(|(l, w)| l * w).sum();
                row[i] = mean[i] + scale * known;
            }
        }
        rows
    }
}

fn factors(covariances: &[Vec<f64>], d: usize) -> Vec<Vec<f64>> {
    covariances
        .iter()
        .map(|covariance| {
            let mut factor = covariance.clone();
            // A part of a positive definite matrix is one, and so is one with less between its parts.
            assert!(small::cholesky(&mut factor, d, 0.0), "a part of a positive definite matrix");
            factor
        })
        .collect()
}

/// A χ² number of any positive degrees of freedom (Marsaglia & Tsang 2000).
fn chi_square(freedom: f64, random: &mut impl Rng) -> f64 {
    let shape = freedom / 2.0;
    // Below 1 by a number of shape + 1 times a power of a uniform one.
    let (shape, boost) = match shape < 1.0 {
        true => (shape + 1.0, math::powf((1.0 - uniform(random)).max(1e-300), 1.0 / shape)),
        false => (shape, 1.0),
    };
    let d = shape - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    loop {
        let z = normal(random);
        let v = 1.0 + c * z;
        if v <= 0.0 {
            continue;
        }
        let v = v * v * v;
        let u = 1.0 - uniform(random);
        if math::ln(u) < 0.5 * z * z + d - d * v + d * math::ln(v) {
            return (2.0 * d * v * boost).max(f64::MIN_POSITIVE);
        }
    }
}

/// The root of −ψ(ν/2) + ln(ν/2) + 1 + mean(ln u − u) + ψ((ν₀+d)/2) − ln((ν₀+d)/2), which maximises the expected log
/// density of Student's distribution (Liu & Rubin 1995).
fn better_freedom(now: f64, d: usize, tails: f64) -> f64 {
    let half = 0.5 * (now + d as f64);
    let constant = 1.0 + tails + digamma(half) - math::ln(half);
    let (mut low, mut high) = (0.5f64, 200.0f64);
    let value = |nu: f64| math::ln(0.5 * nu) - digamma(0.5 * nu) + constant;
    // Falls with ν.
    for _ in 0..40 {
        let middle = (low * high).sqrt();
        if value(middle) > 0.0 {
            low = middle;
        } else {
            high = middle;
        }
    }
    (low * high).sqrt()
}

impl Sums {
    fn new(size: usize, d: usize, shape: Shape) -> Self {
        let second = if shape == Shape::Diagonal { d } else { d * d };
        Sums {
            ln_density: 0.0,
            weights: vec![0.0; size],
            scaled: vec![0.0; size],
            first: vec![vec![0.0; d]; size],
            second: vec![vec![0.0; second]; size],
            tails: 0.0,
        }
    }

    fn add(&mut self, component: usize, weight: f64, scale: f64, row: &[f64], shape: Shape) {
        let d = row.len();
        let scaled = weight * scale;
        self.weights[component] += weight;
        self.scaled[component] += scaled;
        let (first, second) = (&mut self.first[component], &mut self.second[component]);
        for i in 0..d {
            let own = scaled * row[i];
            first[i] += own;
            if shape == Shape::Diagonal {
                second[i] += own * row[i];
            } else {
                for (second, other) in second[i * d..=i * d + i].iter_mut().zip(row) {
                    *second += own * other;
                }
            }
        }
    }

    fn merge(&mut self, other: &Sums) {
        fn add(to: &mut [f64], from: &[f64]) {
            to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
        }
        self.ln_density += other.ln_density;
        self.tails += other.tails;
        add(&mut self.weights, &other.weights);
        add(&mut self.scaled, &other.scaled);
        for (to, from) in self.first.iter_mut().zip(&other.first) {
            add(to, from);
        }
        for (to, from) in self.second.iter_mut().zip(&other.second) {
            add(to, from);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::knn::tests::{correlated, normals};
    use super::*;
    use ndarray::{Axis, concatenate};

    fn student(n: usize, d: usize, freedom: f64, seed: u64) -> Array2<f64> {
        let mut rows = normals(n, d, seed);
        let mut random = generator(seed, Purpose::Labels, 77);
        for mut row in rows.rows_mut() {
            row *= (freedom / chi_square(freedom, &mut random)).sqrt();
        }
        rows
    }

    #[test]
    fn chi_square_numbers_have_their_mean_and_variance() {
        let mut random = generator(1, Purpose::Labels, 76);
        for freedom in [0.7, 1.0, 3.0, 40.0] {
            let draws: Vec<f64> = (0..40_000).map(|_| chi_square(freedom, &mut random)).collect();
            let mean = draws.iter().sum::<f64>() / 4e4;
            let variance = draws.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / 4e4;
            assert!((mean / freedom - 1.0).abs() < 5.0 * (2.0 / freedom / 4e4).sqrt(), "{freedom}: {mean}");
            assert!((variance / freedom / 2.0 - 1.0).abs() < 0.15, "{freedom}: {variance}");
        }
    }

    #[test]
    fn one_component_is_the_sample_and_densities_are_the_closed_form() {
        let (x, y) = correlated(500, 1, 0.6, 1);
        let rows = concatenate(Axis(1), &[x.view(), y.view()]).unwrap().as_standard_layout().into_owned();
        let fitted =
            Mixture::single(rows.view(), Shape::Full, f64::INFINITY).unwrap().fitted(rows.view()).unwrap();
        let (n, mut mean, mut second) = (500.0, [0.0; 2], [0.0; 3]);
        for row in rows.rows() {
            mean[0] += row[0] / n;
            mean[1] += row[1] / n;
        }
        for row in rows.rows() {
            let (a, b) = (row[0] - mean[0], row[1] - mean[1]);
            second[0] += a * a / n;
            second[1] += a * b / n;
            second[2] += b * b / n;
        }
        let rho2 = second[1] * second[1] / second[0] / second[2];
        let (a, b) = (rows[(3, 0)] - mean[0], rows[(3, 1)] - mean[1]);
        let determinant = second[0] * second[2] - second[1] * second[1];
        let squares = (second[2] * a * a - 2.0 * second[1] * a * b + second[0] * b * b) / determinant;
        let expected = -0.5 * (squares + determinant.ln()) - std::f64::consts::TAU.ln();
        assert!((fitted.ln_densities(rows.view())[3] - expected).abs() < 1e-4);
        // The mean of the log ratios over the sample, whose covariances it has, is its −½ ln(1 − ρ²).
        let mean = fitted.ln_ratios(rows.view(), 1).iter().sum::<f64>() / n;
        assert!((mean + 0.5 * (1.0 - rho2).ln()).abs() < 1e-4, "{mean}");
    }

    #[test]
    fn students_freedom_is_found_and_log_densities_do_not_fall() {
        let rows = student(4000, 3, 3.0, 2);
        let mut mixture = Mixture::single(rows.view(), Shape::Full, 10.0).unwrap();
        let mut last = f64::NEG_INFINITY;
        for _ in 0..30 {
            let (next, density) = mixture.fit(rows.view(), 1).unwrap();
            assert!(density > last - 1e-9, "{density} {last}");
            (mixture, last) = (next, density);
        }
        assert!((2.5..3.6).contains(&mixture.freedom), "{}", mixture.freedom);
        let drawn = mixture.draw(4000, &mut generator(1, Purpose::Labels, 78));
        let far = |rows: &Array2<f64>| rows.rows().into_iter().filter(|row| row.dot(row) > 30.0).count();
        let (own, other) = (far(&rows) as f64, far(&drawn) as f64);
        assert!((own - other).abs() < 5.0 * own.sqrt() + 10.0, "{own} {other}");
    }

    #[test]
    fn separate_groups_are_found_by_every_shape() {
        let mut rows = normals(900, 2, 5) * 0.3;
        for (i, mut row) in rows.rows_mut().into_iter().enumerate() {
            row[0] += [0.0, 4.0, 0.0][i % 3];
            row[1] += [0.0, 0.0, 4.0][i % 3];
        }
        for shape in [Shape::Full, Shape::Tied, Shape::Diagonal] {
            let fitted =
                Mixture::start(rows.view(), shape, f64::INFINITY, 3, 1).unwrap().fitted(rows.view()).unwrap();
            assert!(
                fitted.shares.iter().all(|share| (share - 1.0 / 3.0).abs() < 0.01),
                "{:?}",
                fitted.shares
            );
            // x tells one group from the other two: ln 3 − (2/3) ln 2; y the same of another one. What they share is
            // ln 3 − (4/3) ln 2 … of three equal groups, 0.174 nats.
            let mean = fitted.ln_ratios(rows.view(), 1).iter().sum::<f64>() / 900.0;
            let truth = 3f64.ln() - 4.0 / 3.0 * 2f64.ln();
            assert!((mean - truth).abs() < 0.03, "{mean} {truth}");
        }
    }
}
