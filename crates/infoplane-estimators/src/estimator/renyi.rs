//! Matrix-based Rényi entropies: of the eigenvalues of a kernel matrix, without a density.

use fearless_simd::Level;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::interrupt::{Seldom, poll};
use crate::linear_algebra::{add_multiple, dot, eigenvalues, squared_distances};
use crate::math;
use crate::random::{Purpose, generator, shuffle};
use crate::simd;

use super::input::columns;
use crate::{
    Estimate, EstimateError, EstimateKind, Estimator, EstimatorInfo, Family, Information, LabelSides, Labels,
    LayerEstimate, Quantity, Scaling, Uncertainty, Variable, Warning,
};

/// The largest number of samples whose whole kernel matrix is stored: 134 MB.
const MOST_AT_ONCE: usize = 4096;

/// The largest number of values in a factor of low rank: the same memory.
const FACTOR_SIZE: usize = 1 << 24;

/// Trace of a kernel matrix that a factor of low rank may leave out, of 1.
const RESIDUAL: f64 = 1e-13;

/// Trace of which more than this left by a factor of rank n/8 says that the spectrum falls too slowly, of 1.
const TOO_SLOW: f64 = 1e-5;

/// Error that leaving it out may cause, in nats; the complete matrix is taken otherwise.
const FACTOR_ERROR: f64 = 1e-9;

/// The width s of the kernel exp(−‖x − x'‖² / 2s²) of a matrix variable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum RenyiBandwidth {
    /// This width for every variable, in units of the data.
    Width(f64),
    /// A width for each variable, in the order in which they are given; labels take one and leave it unused.
    Widths(Vec<f64>),
    /// s = factor · σ n^(−1/(4+d)), where σ² is the sum of the variances of the d columns and n the samples of a
    /// batch. For one column this is Silverman's form. In many columns σ grows as distances do; the mean deviation of a
    /// column in its place leaves all distances at many widths and every value at ln n.
    Rule {
        /// The factor, above 0.
        factor: f64,
    },
}

impl Default for RenyiBandwidth {
    fn default() -> Self {
        RenyiBandwidth::Rule { factor: 1.0 }
    }
}

/// Matrix-based Rényi entropies and the information defined by them.
///
/// With the kernel K_ij = exp(−‖xᵢ − xⱼ‖² / 2s²) of a matrix variable, or K_ij = 1 for equal labels and 0 otherwise,
/// and A = K / n, whose eigenvalues λ sum to 1:
///
/// ```text
/// S(A) = ln Σ λ^α / (1 − α),        α = 1:  −Σ λ ln λ
/// S(A, B) = S(A ∘ B / tr(A ∘ B)),   the product of the elements
/// I(X;Y) = S(A) + S(B) − S(A, B)
/// ```
///
/// and likewise the total correlation Σ S(A_c) − S(A₁, …, A_C) of any number of channels and the conditional
/// information S(A,C) + S(B,C) − S(A,B,C) − S(C). Nats. S lies between 0 (all samples equal under the kernel) and
/// ln n (no two similar). Ties need no special treatment.
///
/// **This is not Shannon's information**, nor an estimate of it at a finite bandwidth: widths decide the value, which
/// goes from 0 to ln n as s goes from large to small. Compare only values of the same width rule, order and sample size
/// with each other. Information can be negative for α other than 1. For numbers that can be
/// compared, add noise and use [`Noise`](super::Noise), or a neighbour method.
///
/// # Cost
/// α = 2 needs no eigenvalues: Σ λ² = Σ A_ij², time O(n² d), no matrix in memory. Other orders: a pivoted
/// Cholesky factor of rank r, which leaves out no more than 10⁻¹³ of the trace, and the eigenvalues of its r × r Gram
/// matrix, O(n r² + n r d); where the rank is not much smaller than n, all eigenvalues of the matrix, O(n³) (n = 1000:
/// about 60 ms on one core; 8 n² bytes for each of the matrices, of which a pair has three). Labels split the matrix
/// into blocks. Blocks of more than 4096 samples are refused: set `batch`, which takes the mean over random
/// batches, whose spread then gives the standard error. The value depends on the size of a batch as on n, and its
/// ceiling is the logarithm of that size.
///
/// # Accuracy
/// About 10⁻¹¹ nats for α ≥ 1. Below, roundings ε of eigenvalues that are 0 add up to n^(1−α) (10⁻¹⁷)^α / (1 − α): 10⁻⁵
/// at α = ½ and n = 1000, as for every program in double precision.
///
/// ```
/// use infoplane_estimators::{Labels, Measure, Renyi, RenyiBandwidth, Variable};
/// // Two classes, far apart: the information equals the entropy of the label.
/// let t = ndarray::array![[0.0], [0.0], [100.0], [100.0]];
/// let y = Labels::from_symbols(&[0, 0, 1, 1]);
/// let renyi = Renyi { bandwidth: RenyiBandwidth::Width(1.0), ..Renyi::default() };
/// let estimate = renyi.pair(Variable::Double(t.view()), Variable::Labels(&y))?;
/// assert!((estimate.information.bits() - 1.0).abs() < 1e-9);
/// # Ok::<(), infoplane_estimators::EstimateError>(())
/// ```
///
/// # References
/// Sánchez Giraldo, Rao & Príncipe (2015), *IEEE Trans. Inf. Theory* 61:535; Yu, Sánchez Giraldo, Jenssen & Príncipe
/// (2020), *IEEE TPAMI* 42:2960, for several variables; Wickstrøm et al. (2019), arXiv 1909.11396, for layers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Renyi {
    /// The order α, above 0. Near 1 is nearest to Shannon's; 1 is von Neumann's entropy; 2 needs no eigenvalues.
    pub alpha: f64,
    /// The width of the kernels: a number, a list of one for each variable, or `{ factor = 1.0 }` for the rule.
    pub bandwidth: RenyiBandwidth,
    /// Largest number of samples in a batch; the estimate is the mean over random batches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch: Option<usize>,
    /// Seed of the random batches.
    pub seed: u64,
}

impl Default for Renyi {
    /// α = 1.01, widths by the rule with factor 1, no batches.
    fn default() -> Self {
        Renyi { alpha: 1.01, bandwidth: RenyiBandwidth::default(), batch: None, seed: 0 }
    }
}

impl Renyi {
    pub(super) const INFO: &EstimatorInfo = &EstimatorInfo {
        name: "renyi",
        title: "matrix Rényi",
        family: Family::Kernel,
        estimates: "entropies of the eigenvalues of kernel matrices; not Shannon's",
        when: "to follow published work with it; compares layers under one bandwidth rule, and bounds nothing",
        cost: "O(n² d) and O(n r²) at kernel rank r, up to O(n³); O(n² d) for α = 2",
        offers: &[
            Quantity::Information,
            Quantity::Entropy,
            Quantity::ConditionalInformation,
            Quantity::TotalCorrelation,
        ],
        labels: LabelSides::Any,
        uncertainty: Uncertainty::Subsampling,
        with_noise: None,
        reference: "Giraldo, Rao & Principe (2015), IEEE Trans. Inf. Theory 61:535",
    };
}

/// Columns of a variable, each divided by √2 s, or its labels.
enum Channel {
    /// Column after column.
    Columns(Vec<Vec<f64>>),
    Labels(Labels),
}

/// Channels ready to be measured, and what to warn of.
struct Prepared {
    channels: Vec<Channel>,
    warnings: Vec<Warning>,
    /// The rows of each batch.
    batches: Vec<Vec<usize>>,
}

impl Renyi {
    fn prepare(&self, variables: &[Variable<'_>]) -> Result<Prepared, EstimateError> {
        let n = variables.first().map_or(0, Variable::n_samples);
        if let RenyiBandwidth::Widths(widths) = &self.bandwidth
            && widths.len() != variables.len()
        {
            return Err(EstimateError::Setting {
                key: "bandwidth",
                given: format!("{} widths for {} variables", widths.len(), variables.len()),
                allowed: "one width for each variable, or one number for all",
            });
        }
        let batches = batches(n, self.batch, self.seed);
        let at_once = batches.iter().map(Vec::len).max().unwrap_or(0);
        let mut warnings = Vec::new();
        let channel = |(index, variable): (usize, &Variable<'_>)| {
            let columns = match (variable, columns(variable, Scaling::None)) {
                (Variable::Labels(labels), _) => return Channel::Labels((*labels).clone()),
                (_, Some(columns)) => columns,
                (_, None) => unreachable!("matrices have columns"),
            };
            match (columns.constant, columns.values.ncols()) {
                (0, _) => {}
                (_, 0) => warnings.push(Warning::Constant),
                (constant, _) => warnings.push(Warning::ConstantColumns { columns: constant }),
            }
            // In units of the largest value, where squares neither overflow nor vanish.
            let largest = columns.values.iter().fold(f64::MIN_POSITIVE, |m, v| m.max(v.abs()));
            let mut scaled: Vec<Vec<f64>> = columns
                .values
                .columns()
                .into_iter()
                .map(|column| column.iter().map(|v| v / largest).collect())
                .collect();
            let width = match &self.bandwidth {
                RenyiBandwidth::Width(width) => width / largest,
                RenyiBandwidth::Widths(widths) => widths[index] / largest,
                RenyiBandwidth::Rule { factor } => {
                    let spread = scaled.iter().map(|column| variance(column)).sum::<f64>().sqrt();
                    factor * spread * math::powf(at_once as f64, -1.0 / (4.0 + scaled.len() as f64))
                }
            };
            // Distances so many widths long have the kernel 0; their squares must not overflow twice.
            let factor = (std::f64::consts::FRAC_1_SQRT_2 / width).min(1e150);
            scaled.iter_mut().flatten().for_each(|v| *v *= factor);
            Channel::Columns(scaled)
        };
        let channels = variables.iter().enumerate().map(channel).collect();
        Ok(Prepared { channels, warnings, batches })
    }

    /// S of the product of the channels numbered in each set, for the given rows.
    fn entropies(
        &self,
        prepared: &Prepared,
        sets: &[&[usize]],
        rows: &[usize],
    ) -> Result<Vec<f64>, EstimateError> {
        // The largest first: where its eigenvalues cannot be had, the others are not worth their time.
        let most = sets.iter().map(|set| set.len()).max();
        let largest = sets.iter().position(|set| rows.len() > MOST_AT_ONCE && Some(set.len()) == most);
        let first = largest.map(|place| (place, self.entropy_of(prepared, sets[place], rows)));
        let first = first.map(|(place, found)| found.map(|found| (place, found))).transpose()?;
        sets.par_iter()
            .enumerate()
            .map(|(place, set)| match first {
                Some((known, found)) if known == place => Ok(found),
                _ => self.entropy_of(prepared, set, rows),
            })
            .collect()
    }

    /// S of the product of the channels of one set.
    fn entropy_of(&self, prepared: &Prepared, set: &[usize], rows: &[usize]) -> Result<f64, EstimateError> {
        let channels: Vec<&Channel> = set.iter().map(|&channel| &prepared.channels[channel]).collect();
        entropy(&channels, rows, self.alpha)
    }

    /// Returns the sum of factor · S(set) over the sets given.
    fn combination(
        &self,
        variables: &[Variable<'_>],
        terms: &[(f64, &[usize])],
    ) -> Result<Estimate, EstimateError> {
        let prepared = self.prepare(variables)?;
        let sets: Vec<&[usize]> = terms.iter().map(|(_, set)| *set).collect();
        let values = prepared
            .batches
            .iter()
            .map(|rows| {
                let entropies = self.entropies(&prepared, &sets, rows)?;
                Ok(terms.iter().zip(entropies).map(|((factor, _), entropy)| factor * entropy).sum())
            })
            .collect::<Result<Vec<f64>, EstimateError>>()?;
        Ok(self.estimate(&values, variables, &prepared))
    }

    /// Returns the mean over the batches.
    fn estimate(&self, values: &[f64], variables: &[Variable<'_>], prepared: &Prepared) -> Estimate {
        let batches = values.len() as f64;
        let mean = values.iter().sum::<f64>() / batches;
        let kind = EstimateKind::Renyi { order: self.alpha };
        let mut estimate = Estimate::new(Information::from_nats(mean), kind, variables);
        if values.len() > 1 {
            let squares: f64 = values.iter().map(|v| (v - mean) * (v - mean)).sum();
            let error = (squares / (batches - 1.0) / batches).sqrt();
            estimate.standard_error = Some(Information::from_nats(error));
        }
        let largest = prepared.batches.iter().map(Vec::len).max().unwrap_or(1);
        let parts = variables.len().saturating_sub(1).max(1) as f64;
        estimate.ceiling = Some(Information::from_nats(parts * math::ln(largest as f64)));
        estimate.warnings = prepared.warnings.clone();
        estimate
    }
}

/// Population variance.
fn variance(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / n
}

/// Returns all rows, or batches of nearly equal size in random order.
fn batches(n: usize, batch: Option<usize>, seed: u64) -> Vec<Vec<usize>> {
    let mut rows: Vec<usize> = (0..n).collect();
    let Some(batch) = batch.filter(|&batch| batch < n) else { return vec![rows] };
    shuffle(&mut generator(seed, Purpose::Batches, 0), &mut rows);
    let count = n.div_ceil(batch);
    (0..count).map(|b| rows[b * n / count..(b + 1) * n / count].to_vec()).collect()
}

/// S of the product of kernels.
///
/// A product of Gaussian kernels is the Gaussian kernel of all columns together, and kernels of labels cut it into the
/// blocks of rows that agree in all labels.
fn entropy(channels: &[&Channel], rows: &[usize], alpha: f64) -> Result<f64, EstimateError> {
    let mut columns: Vec<&[f64]> = Vec::new();
    let mut labellings: Vec<&Labels> = Vec::new();
    for channel in channels {
        match channel {
            Channel::Columns(more) => columns.extend(more.iter().map(|column| &column[..])),
            Channel::Labels(labels) => labellings.push(labels),
        }
    }
    let mut seldom = Seldom::default();
    let symbols: Vec<Vec<u32>> = rows
        .iter()
        .inspect(|_| seldom.poll())
        .map(|&row| labellings.iter().map(|labels| labels.codes()[row]).collect())
        .collect();
    let blocks = Labels::from_symbols(&symbols);
    let mut members = vec![Vec::new(); blocks.n_labels()];
    for (&row, &code) in rows.iter().zip(blocks.codes()) {
        members[code as usize].push(row);
    }
    let n = rows.len();
    let kernels: Vec<BlockKernel> = members
        .iter()
        .map(|members| {
            // A sample alone in its block needs no columns.
            let columns = if members.len() > 1 { &columns[..] } else { &[] };
            let of_members = |column: &&[f64]| members.iter().map(|&row| column[row]).collect();
            BlockKernel { n: members.len(), columns: columns.iter().map(of_members).collect() }
        })
        .collect();
    if alpha == 2.0 {
        let squares: f64 = kernels.iter().map(BlockKernel::sum_of_squares).sum();
        return Ok(2.0 * math::ln(n as f64) - math::ln(squares));
    }
    kernels.iter().try_for_each(|kernel| kernel.check(alpha, n))?;
    let spectra =
        kernels.par_iter().map(|kernel| kernel.spectrum(alpha, n)).collect::<Result<Vec<_>, _>>()?;
    Ok(entropy_of_spectrum(spectra.into_iter().flatten().map(|value| value / n as f64), alpha))
}

/// ln Σ λ^α / (1 − α) of numbers that sum to 1 but for rounding and for small ones left out.
///
/// Σ λ^α = 1 + Σ λ (λ^(α−1) − 1) has no cancellation as α goes to 1, where ln Σ λ^α is a difference of nothing.
fn entropy_of_spectrum(values: impl Iterator<Item = f64>, alpha: f64) -> f64 {
    let values = values.filter(|&value| value > 0.0);
    if alpha == 1.0 {
        return values.map(|value| -value * math::ln(value)).sum();
    }
    let power = alpha - 1.0;
    // Powers of large orders vanish together; in units of the largest value they do not.
    if power > 1.0 {
        let values: Vec<f64> = values.collect();
        let largest = values.iter().copied().fold(0.0, f64::max);
        let sum: f64 = values.iter().map(|value| math::powf(value / largest, alpha)).sum();
        return (alpha * math::ln(largest) + math::ln(sum)) / -power;
    }
    let excess: f64 = values.map(|value| value * math::exp_m1(power * math::ln(value))).sum();
    -math::ln_1p(excess) / power
}

/// Whether what a factor of low rank leaves out does not matter.
fn may_be_factored(alpha: f64, n_samples: usize) -> bool {
    // Below 1, what is left out counts for more than its size.
    let left_out =
        math::powf(n_samples as f64, 1.0 - alpha) * math::powf(RESIDUAL, alpha) / (1.0 - alpha).abs();
    alpha >= 1.0 || left_out < FACTOR_ERROR
}

/// The kernel exp(−‖a − b‖²) of some points.
struct BlockKernel {
    n: usize,
    columns: Vec<Vec<f64>>,
}

impl BlockKernel {
    /// Part of a row of the matrix, from point `first` on.
    fn row(&self, level: Level, point: usize, first: usize, row: &mut [f64]) {
        squared_distances(level, &self.columns, point, first, row);
        row.iter_mut().for_each(|v| *v = math::exp(-*v));
    }

    /// Σ_ij K_ij².
    fn sum_of_squares(&self) -> f64 {
        /// Points on either side of a task: their coordinates stay in the cache.
        const SIDE: usize = 128;
        if self.columns.is_empty() {
            return (self.n * self.n) as f64;
        }
        let level = simd::level();
        let task = |first: usize| {
            poll();
            let mut row = [0.0; SIDE];
            let mut sum = 0.0;
            for other in (0..=first).step_by(SIDE) {
                poll();
                for point in first..self.n.min(first + SIDE) {
                    let row = &mut row[..SIDE.min(point - other)];
                    self.row(level, point, other, row);
                    sum += 2.0 * dot(level, row, row);
                }
            }
            sum
        };
        let sums: Vec<f64> = (0..self.n).into_par_iter().step_by(SIDE).map(task).collect();
        // Every point and itself.
        sums.iter().sum::<f64>() + self.n as f64
    }

    fn too_many(&self) -> EstimateError {
        EstimateError::TooManySamples {
            estimator: Renyi::INFO.name,
            n_samples: self.n,
            most: MOST_AT_ONCE,
            instead: "set batch = 1000, or alpha = 2, which needs no eigenvalues",
        }
    }

    /// Refuses what would be refused after trying a factor of low rank, where that can be told before.
    ///
    /// The k largest eigenvalues have the sum √(k Σ λ²) at most, so that any factor of rank k leaves the rest of the trace n.
    fn check(&self, alpha: f64, n_samples: usize) -> Result<(), EstimateError> {
        if self.n <= MOST_AT_ONCE || self.columns.is_empty() {
            return Ok(());
        }
        if !may_be_factored(alpha, n_samples) {
            return Err(self.too_many());
        }
        let n = self.n as f64;
        let squares = self.sum_of_squares();
        let left = |rank: usize| n - (rank as f64 * squares).sqrt();
        if left(self.most_rank()) > RESIDUAL * n || left(self.n / 8) > TOO_SLOW * n {
            return Err(self.too_many());
        }
        Ok(())
    }

    /// The largest rank of a factor that is worth its time and memory.
    fn most_rank(&self) -> usize {
        (self.n / 3).min(FACTOR_SIZE / self.n)
    }

    /// Returns the eigenvalues, without those that are 0 to the order α; `n_samples` in all blocks together.
    fn spectrum(&self, alpha: f64, n_samples: usize) -> Result<Vec<f64>, EstimateError> {
        if self.columns.is_empty() || self.n == 1 {
            return Ok(vec![self.n as f64]);
        }
        let level = simd::level();
        if may_be_factored(alpha, n_samples)
            && let Some(values) = self.low_rank_spectrum(level)
        {
            return Ok(values);
        }
        if self.n > MOST_AT_ONCE {
            return Err(self.too_many());
        }
        let n = self.n;
        let mut matrix = vec![0.0; n * n];
        matrix
            .par_chunks_mut(n)
            .enumerate()
            .for_each(|(point, row)| self.row(level, point, 0, &mut row[..=point]));
        Ok(eigenvalues(level, &mut matrix, n))
    }

    /// Returns the eigenvalues by a pivoted Cholesky factor, if its rank is a small part of n.
    ///
    /// What the factor leaves out is positive semidefinite, so that its trace bounds the error of all eigenvalues
    /// together.
    fn low_rank_spectrum(&self, level: Level) -> Option<Vec<f64>> {
        let n = self.n;
        let most = self.most_rank();
        let mut rest = vec![1.0; n];
        let mut factor: Vec<Vec<f64>> = Vec::new();
        loop {
            poll();
            let trace: f64 = rest.iter().sum();
            if trace <= RESIDUAL * n as f64 {
                break;
            }
            // A spectrum that falls too slowly shows early.
            if factor.len() >= most || (factor.len() == n / 8 && trace > TOO_SLOW * n as f64) {
                return None;
            }
            let (pivot, &largest) = rest.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1))?;
            let mut column = vec![0.0; n];
            self.row(level, pivot, 0, &mut column);
            for earlier in &factor {
                add_multiple(level, -earlier[pivot], earlier, &mut column);
            }
            let scale = 1.0 / largest.sqrt();
            for (value, rest) in column.iter_mut().zip(&mut rest) {
                *value *= scale;
                *rest = (*rest - *value * *value).max(0.0);
            }
            rest[pivot] = 0.0;
            factor.push(column);
        }
        let rank = factor.len();
        let mut gram = vec![0.0; rank * rank];
        gram.par_chunks_mut(rank).enumerate().for_each(|(i, row)| {
            for (value, other) in row[..=i].iter_mut().zip(&factor) {
                *value = dot(level, &factor[i], other);
            }
        });
        Some(eigenvalues(level, &mut gram, rank))
    }
}

impl Estimator for Renyi {
    fn info(&self) -> &'static EstimatorInfo {
        Self::INFO
    }

    fn setting(&self) -> String {
        let bandwidth = match &self.bandwidth {
            RenyiBandwidth::Width(width) => format!("bandwidth={width}"),
            RenyiBandwidth::Widths(widths) => {
                format!("bandwidth={}", widths.iter().map(f64::to_string).collect::<Vec<_>>().join("/"))
            }
            RenyiBandwidth::Rule { factor } => format!("bandwidth=factor {factor}"),
        };
        let batch = self.batch.map(|batch| format!(" batch={batch}")).unwrap_or_default();
        format!("alpha={} {bandwidth}{batch}", self.alpha)
    }

    /// [`EstimateError::Setting`] if α or a width is not above 0 and finite, or a batch has fewer than two samples.
    fn check(&self) -> Result<(), EstimateError> {
        let positive = |key, value: f64| match value.is_finite() && value > 0.0 {
            true => Ok(()),
            false => Err(EstimateError::Setting {
                key,
                given: value.to_string(),
                allowed: "a finite number above 0",
            }),
        };
        positive("alpha", self.alpha)?;
        match &self.bandwidth {
            RenyiBandwidth::Width(width) => positive("bandwidth", *width)?,
            RenyiBandwidth::Rule { factor } => positive("bandwidth.factor", *factor)?,
            RenyiBandwidth::Widths(widths) => {
                widths.iter().try_for_each(|&width| positive("bandwidth", width))?
            }
        }
        match self.batch {
            Some(batch @ ..2) => {
                let given = batch.to_string();
                Err(EstimateError::Setting { key: "batch", given, allowed: "2 samples or more" })
            }
            _ => Ok(()),
        }
    }

    /// S(A) + S(B) − S(A, B).
    ///
    /// # Errors
    /// As [`Measure::entropy`](crate::Measure::entropy); [`EstimateError::TooManySamples`] where all eigenvalues of too large a matrix are needed.
    fn estimate_pair(&self, x: Variable<'_>, y: Variable<'_>) -> Result<Estimate, EstimateError> {
        self.combination(&[x.view(), y.view()], &[(1.0, &[0]), (1.0, &[1]), (-1.0, &[0, 1])])
    }

    /// S(A).
    fn estimate_entropy(&self, x: Variable<'_>) -> Result<Estimate, EstimateError> {
        self.combination(&[x.view()], &[(1.0, &[0])])
    }

    /// S(A, C) + S(B, C) − S(A, B, C) − S(C).
    fn estimate_conditional(
        &self,
        x: Variable<'_>,
        y: Variable<'_>,
        z: Variable<'_>,
    ) -> Result<Estimate, EstimateError> {
        let terms: [(f64, &[usize]); 4] = [(1.0, &[0, 2]), (1.0, &[1, 2]), (-1.0, &[0, 1, 2]), (-1.0, &[2])];
        self.combination(&[x.view(), y.view(), z.view()], &terms)
    }

    /// Σ S(A_c) − S(A₁, …, A_C).
    fn estimate_total_correlation(&self, parts: &[Variable<'_>]) -> Result<Estimate, EstimateError> {
        let each: Vec<usize> = (0..parts.len()).collect();
        let mut terms: Vec<(f64, &[usize])> = each.chunks(1).map(|one| (1.0, one)).collect();
        terms.push((-1.0, &each));
        self.combination(parts, &terms)
    }

    /// As pairs of the layer with each labelling, in that order; the eigenvalues of the layer are shared.
    fn estimate_layer(
        &self,
        t: Variable<'_>,
        labellings: &[&Labels],
    ) -> Result<Vec<LayerEstimate>, EstimateError> {
        if matches!(t, Variable::Labels(_)) {
            return Err(EstimateError::NeedsMatrix { estimator: self.name() });
        }
        let variables: Vec<Variable<'_>> = std::iter::once(t.view())
            .chain(labellings.iter().map(|labels| Variable::Labels(labels)))
            .collect();
        let prepared = self.prepare(&variables)?;
        let numbers: Vec<usize> = (0..variables.len()).collect();
        let pairs: Vec<[usize; 2]> = numbers[1..].iter().map(|&label| [0, label]).collect();
        let sets: Vec<&[usize]> = numbers.chunks(1).chain(pairs.iter().map(|pair| &pair[..])).collect();
        let mut values = vec![Vec::new(); labellings.len()];
        for rows in &prepared.batches {
            let entropies = self.entropies(&prepared, &sets, rows)?;
            let (each, joint) = entropies.split_at(variables.len());
            for ((values, label), joint) in values.iter_mut().zip(&each[1..]).zip(joint) {
                values.push(each[0] + label - joint);
            }
        }
        let estimate = |(values, labels): (&Vec<f64>, &&Labels)| {
            Ok(self.estimate(values, &[t.view(), Variable::Labels(labels)], &prepared))
        };
        let estimates = values.iter().zip(labellings).map(estimate).collect();
        Ok(vec![LayerEstimate::new(self.setting(), None, estimates)])
    }
}
