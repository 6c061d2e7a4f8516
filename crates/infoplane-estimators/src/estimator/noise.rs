//! Gaussian noise of known variance on the representation: the information itself, by Monte Carlo.

use ndarray::Array2;
use rand_chacha::rand_core::Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::math;
use crate::pairwise::{KernelMeans, MeanLogarithms, mean_logarithms, noisy_logarithms};
use crate::random::{Purpose, below, generator, uniform};
use crate::steps::Steps;

use super::kde::{check_noise_variances, near_sample_limit, one_variance, setting};
use super::layers::LayerPairs;
use crate::{
    Bound, Estimate, EstimateError, EstimateKind, Estimator, EstimatorInfo, Family, Information, LabelSides,
    Labels, LayerEstimate, LayerSums, NoiseSums, Quantity, Uncertainty, Variable, Warning,
};

/// Noisy rows that are drawn at least, unless the number of draws is given: a standard error of about 0.005 nats.
const NOISY_ROWS: usize = 10_000;

/// With at least this many rows only some get noise, unless their number is given: the pass over all pairs would take
/// minutes.
const MANY_ROWS: usize = 1 << 16;

/// The number of rows that then get noise: a standard error of about 0.01 nats.
const POINTS: usize = 1 << 14;

/// More would not fit the streams of the generator.
const MOST_DRAWS: usize = 1 << 20;

/// Information of a representation with Gaussian noise of known variance, unbiased in any dimension.
///
/// T' = T + N(0, σ² I) is a mixture of N Gaussians whose centres are the rows tᵢ, so its density is known and only a
/// mean over the noise is left to be drawn. With S draws z of the noise for every row,
///
/// ```text
/// I(X;T') = − 1/NS Σ_i Σ_s ln [ 1/N  Σ_j                     K_ijs ]      K_ijs = exp( (‖z_is‖² − ‖tᵢ + z_is − tⱼ‖²) / 2σ² )
/// I(T';L) = I(X;T') + 1/NS Σ_i Σ_s ln [ 1/gᵢ Σ_{j: label j = label i} K_ijs ]     gᵢ samples with the label of i
/// ```
///
/// the first when every sample is a different input, the second for any labelling L, by the same draws: classes Y,
/// and X itself where inputs repeat (pooled epochs). The drawn ‖z‖² stands for the entropy of the noise, so that
/// both cancel draw by draw; the term j = i is 1, so that no term exceeds ln N and I(X;T') never does.
///
/// This is the quantity that the bounds of [`Kde`](super::Kde) enclose. It describes these N samples as if they were
/// the whole population: **I(X;T') ≤ ln N**, and a value near ln N reflects the number of samples and not the layer.
/// Use more samples or more noise then. The variance is in squared units of the activations and must be reported with
/// every value. Constant columns change nothing.
///
/// Values of independent variables scatter about 0 and are returned as they are.
///
/// With 65,536 rows or more only some get noise (`points`), chosen at random without repetition: the means run over
/// these i, and j over all rows as before. That leaves the estimate unbiased.
///
/// # Standard error
/// That of the draws, and of the choice of points where it is not all rows. Given the rows tᵢ, each summand depends
/// on its own noise alone, so that the summands are independent although they share the centres. With two draws or
/// more, the spread within the rows is the spread of repeated draws. With one draw it has to be the spread between
/// the rows, which also holds what tells rows apart without any noise: 1.0 to 1.1 times the spread of repeated draws
/// in the layers tried, and too large, never too small, where well separated classes differ in size. Of P < N points,
/// the spread s² between their summands and the spread w² of repeated draws within them make a variance of (1 − P/N)
/// s²/P + (P/N) w²/SP, or s²/P with one draw. **It does not cover the choice of the samples**: another N inputs have
/// another value, which resampling of rows can tell. The summands of I(T';L) are differences with common draws, and
/// much of their noise cancels.
///
/// # Cost
/// Time O(S P n d) for P points, 2 P n d floating-point operations per draw and variance (n = P = 10,000, d = 128: 0.3
/// s on one core); memory O(n d). All labellings share the pass. Where the bounds of [`Kde`](super::Kde) lie close
/// enough together, they are all that is needed, at half the cost.
///
/// ```
/// use infoplane_estimators::{Labels, Measure, Noise, Variable};
/// // Two inputs at a distance of 2σ: the information of a Gaussian channel with two signals, 0.4860 bits.
/// let t = ndarray::array![[-1.0f64], [1.0]];
/// let noise = Noise { draws: Some(10_000), ..Noise::new(vec![1.0]) };
/// let estimate = noise.pair(Variable::Labels(&Labels::distinct(2)), Variable::Double(t.view()))?;
/// let error = estimate.standard_error.unwrap().bits();
/// assert!((estimate.information.bits() - 0.4860).abs() < 4.0 * error && error < 0.01);
/// # Ok::<(), infoplane_estimators::EstimateError>(())
/// ```
///
/// # References
/// Kolchinsky & Tracey (2017), *Entropy* 19:361, for the mixture and its bounds; Goldfeld et al. (2019), *ICML*,
/// for noisy layers and why the noise must be stated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Noise {
    /// Variances of the noise, above 0, in the squared unit of the activations. They share random draws.
    pub noise_variances: Vec<f64>,
    /// Noisy samples of every row that gets noise, at least 1. If not given, as many as make 10,000 noisy rows: one for
    /// 10,000 rows or more, ten for 1000, but at most 1000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draws: Option<usize>,
    /// Rows that get noise, 2 or more, chosen at random; every row remains a centre of the mixture. If not given, all
    /// of fewer than 65,536 rows, and 16,384 of more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub points: Option<usize>,
    /// Seed of the random draws.
    #[serde(default)]
    pub seed: u64,
    /// Whether the two pairwise bounds are computed with every value. They increase the cost by half.
    #[serde(default)]
    pub bounds: bool,
}

impl Noise {
    pub(super) const INFO: &EstimatorInfo = &EstimatorInfo {
        name: "noise",
        title: "noise",
        family: Family::Noise,
        estimates: "I(X; T + Gaussian noise) itself, with a standard error",
        when: "layers of any width where a noise level is given; nothing else stays right in hundreds of dimensions",
        cost: "O(n² d)",
        offers: &[Quantity::Information, Quantity::Entropy],
        labels: LabelSides::AtMostOne,
        uncertainty: Uncertainty::OwnError,
        with_noise: Some(|variance| Noise::new([variance]).into()),
        reference: "Kolchinsky & Tracey (2017), Entropy 19:361, for the mixture; Monte Carlo",
    };

    /// Creates the estimator with these noise variances, as many draws and points as their defaults make, seed 0, no bounds.
    pub fn new(noise_variances: impl Into<Vec<f64>>) -> Self {
        let noise_variances = noise_variances.into();
        Noise { noise_variances, draws: None, points: None, seed: 0, bounds: false }
    }
}

impl Noise {
    /// I(T; labelling) for each labelling.
    fn values(
        &self,
        t: &Variable<'_>,
        labellings: &[&Labels],
        variance: f64,
    ) -> Result<Vec<Value>, EstimateError> {
        let n = t.n_samples();
        let (points, draws) = (self.points(n), self.draws(n));
        let mut rows = vec![vec![Row::default(); points.len()]; labellings.len()];
        let steps = Steps::new("draws", draws);
        for draw in 0..draws {
            let noise = |row: usize, out: &mut [f64]| self.standard_normals(draw, row, out);
            let logarithms = noisy_logarithms(t, labellings, variance, &noise, &points);
            for (rows, within) in rows.iter_mut().zip(&logarithms.within) {
                for ((row, within), all) in rows.iter_mut().zip(within).zip(&logarithms.all) {
                    row.add(within - all, draw);
                }
            }
            steps.step()?;
        }
        Ok(rows.iter().map(|rows| Value::of(rows, draws, n)).collect())
    }

    /// Returns how many of `n` rows get noise.
    fn n_points(&self, n: usize) -> usize {
        self.points.unwrap_or(if n < MANY_ROWS { n } else { POINTS }).min(n)
    }

    /// Returns the noisy samples of every row that gets noise, where a layer has `n` rows.
    pub fn draws(&self, n: usize) -> usize {
        self.draws.unwrap_or(NOISY_ROWS.div_ceil(self.n_points(n).max(1)).min(1000))
    }

    /// Returns which of `n` rows get noise, ascending; every choice of so many is equally likely.
    pub fn points(&self, n: usize) -> Vec<u32> {
        let wanted = self.n_points(n);
        if wanted >= n {
            return (0..n as u32).collect();
        }
        // A stream that no draw has.
        let mut generator = generator(self.seed, Purpose::Noise, (MOST_DRAWS as u64) << 32);
        // Knuth's algorithm S: each row with the share that is still wanted of those that are left.
        let mut wanted = wanted as u32;
        let choose = |row: &u32| {
            let chosen = below(&mut generator, n as u32 - row) < wanted;
            wanted -= u32::from(chosen);
            chosen
        };
        (0..n as u32).filter(choose).collect()
    }

    /// Fills `out` with the standard normal numbers for one draw of one row (Marsaglia's polar method).
    pub fn standard_normals(&self, draw: usize, row: usize, out: &mut [f64]) {
        let mut generator = generator(self.seed, Purpose::Noise, (draw as u64) << 32 | row as u64);
        for pair in out.chunks_mut(2) {
            let (u, v, factor) = in_disc(&mut generator);
            pair[0] = u * factor;
            if let Some(second) = pair.get_mut(1) {
                *second = v * factor;
            }
        }
    }

    /// Returns the estimate of I(T; labels), with what must be said about it.
    fn estimate(
        &self,
        value: Value,
        variance: f64,
        labels: &Labels,
        width: usize,
        constant: bool,
    ) -> Estimate {
        let mut estimate = Estimate::of_layer(
            Information::from_nats(value.mean),
            EstimateKind::Smoothed { noise_variance: variance },
            (labels.len(), width),
        );
        estimate.standard_error = Some(Information::from_nats(value.error));
        estimate.ceiling = Some(labels.entropy());
        if constant {
            estimate.warnings.push(Warning::Constant);
        } else {
            estimate.warnings.extend(near_sample_limit(value.mean, labels.len()));
        }
        estimate
    }
}

/// One row's summands over the draws: their mean, and the sum of squared deviations from it (Welford).
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Row {
    mean: f64,
    squares: f64,
}

impl Row {
    pub(super) fn add(&mut self, summand: f64, draw: usize) {
        let from_old = summand - self.mean;
        self.mean += from_old / (draw + 1) as f64;
        self.squares += from_old * (summand - self.mean);
    }
}

/// A mean over rows and draws, in nats, with its standard error.
#[derive(Debug, Clone, Copy)]
pub(super) struct Value {
    pub(super) mean: f64,
    pub(super) error: f64,
}

impl Value {
    /// `rows` are those that got noise, of `n_samples`.
    pub(super) fn of(rows: &[Row], draws: usize, n_samples: usize) -> Self {
        let n = rows.len() as f64;
        let mean = rows.iter().map(|row| row.mean).sum::<f64>() / n;
        let between = || {
            let squares: f64 = rows.iter().map(|row| (row.mean - mean) * (row.mean - mean)).sum();
            // One row has one summand, which is 0 whatever the noise.
            squares / (n - 1.0).max(1.0)
        };
        let within = || {
            let within: f64 = rows.iter().map(|row| row.squares / (draws - 1) as f64).sum();
            within / n / draws as f64
        };
        let variance = if draws == 1 {
            between()
        } else if rows.len() == n_samples {
            within()
        } else {
            // The spread between rows holds that of the draws within them. What remains of it is that of a choice of
            // so many out of n_samples.
            let share = n / n_samples as f64;
            (1.0 - share) * between() + share * within()
        };
        Value { mean, error: (variance / n).sqrt() }
    }
}

/// Returns a point of the unit disc, and √(−2 ln s / s) for its squared radius s.
fn in_disc(generator: &mut impl Rng) -> (f64, f64, f64) {
    loop {
        let (u, v) = (2.0 * uniform(generator) - 1.0, 2.0 * uniform(generator) - 1.0);
        let s = u * u + v * v;
        if s > 0.0 && s < 1.0 {
            return (u, v, (-2.0 * math::ln(s) / s).sqrt());
        }
    }
}

/// Returns whether all rows are the same.
fn is_constant(t: &Variable<'_>) -> bool {
    fn same<T: PartialEq>(rows: &ndarray::ArrayView2<'_, T>) -> bool {
        rows.rows().into_iter().all(|row| row == rows.row(0))
    }
    match t {
        Variable::Labels(labels) => labels.n_labels() == 1,
        Variable::Single(rows) => same(rows),
        Variable::Double(rows) => same(rows),
    }
}

/// Equal rows as equal labels.
fn row_labels(x: &Variable<'_>) -> Labels {
    match x {
        Variable::Labels(labels) => (*labels).clone(),
        Variable::Single(rows) => Labels::from_rows(rows.view()),
        Variable::Double(rows) => {
            // Adding zero makes −0 and 0 alike.
            let key = |row: ndarray::ArrayView1<'_, f64>| -> Vec<u64> {
                row.iter().map(|v| (v + 0.0).to_bits()).collect()
            };
            Labels::from_symbols(&rows.rows().into_iter().map(key).collect::<Vec<_>>())
        }
    }
}

/// Returns the pairwise bound on I(T; labelling) for each labelling, in nats.
fn pairwise_bound(means: &KernelMeans, bound: Bound) -> Vec<f64> {
    let of = |within: &MeanLogarithms| match bound {
        Bound::Upper => within.kullback_leibler - means.all.kullback_leibler,
        Bound::Lower => within.bhattacharyya - means.all.bhattacharyya,
    };
    means.within.iter().map(of).collect()
}

/// What the information of two matrices is with noise, where all rows of the first differ or some are equal.
pub(super) fn taken_for_a_function(all_distinct: bool) -> Warning {
    let which = if all_distinct {
        "no two rows of it are equal, so that the value is the same for any other such X"
    } else {
        "equal rows are one"
    };
    Warning::Note(format!(
        "X is taken as which sample it is ({which}), Y as a function of it without noise of its own, to which the noise is \
         added; for two measured variables this is not I(X;Y)"
    ))
}

impl Estimator for Noise {
    fn info(&self) -> &'static EstimatorInfo {
        Self::INFO
    }

    fn setting(&self) -> String {
        self.noise_variances.iter().map(|&variance| setting(variance)).collect::<Vec<_>>().join(", ")
    }

    /// [`EstimateError::Setting`] if there is no variance, one is not a positive, finite number, or there is no draw or
    /// no point.
    fn check(&self) -> Result<(), EstimateError> {
        check_noise_variances(&self.noise_variances)?;
        if let Some(draws) = self.draws.filter(|draws| !(1..=MOST_DRAWS).contains(draws)) {
            let given = draws.to_string();
            return Err(EstimateError::Setting { key: "draws", given, allowed: "1 to 1048576" });
        }
        if let Some(points) = self.points.filter(|points| *points < 2) {
            // One row has no spread to tell its error by.
            let given = points.to_string();
            return Err(EstimateError::Setting { key: "points", given, allowed: "2 or more" });
        }
        Ok(())
    }

    /// For each variance the value; then, where they are asked for, the upper bound and the lower.
    fn layer_settings(&self) -> Vec<(String, Option<Bound>)> {
        let bounds = [None, Some(Bound::Upper), Some(Bound::Lower)];
        let bounds = if self.bounds { &bounds[..] } else { &bounds[..1] };
        let of = |&variance: &f64| bounds.iter().map(move |&bound| (setting(variance), bound));
        self.noise_variances.iter().flat_map(of).collect()
    }

    /// I(T + noise; L): one side is the matrix T, the other the labels L, in either order; of two matrices the second
    /// is T, and equal rows of the first are one label.
    ///
    /// With `bounds`, a note gives the two pairwise bounds.
    ///
    /// # Errors
    /// [`EstimateError::NeedsMatrix`] for two labellings, [`EstimateError::Setting`] if several noise variances were
    /// given.
    fn estimate_pair(&self, x: Variable<'_>, y: Variable<'_>) -> Result<Estimate, EstimateError> {
        let (t, labels) = match (&x, &y) {
            (Variable::Labels(_), Variable::Labels(_)) => {
                return Err(EstimateError::NeedsMatrix { estimator: self.name() });
            }
            (_, Variable::Labels(labels)) => (x.view(), (*labels).clone()),
            _ => (y.view(), row_labels(&x)),
        };
        let variance = one_variance(&self.noise_variances)?;
        let value = self.values(&t, &[&labels], variance)?[0];
        let mut estimate = self.estimate(value, variance, &labels, t.width(), is_constant(&t));
        estimate.dims = vec![x.width(), y.width()];
        if !matches!(x, Variable::Labels(_)) && !matches!(y, Variable::Labels(_)) {
            estimate.warnings.push(taken_for_a_function(labels.all_distinct()));
        }
        if self.bounds {
            let means = &mean_logarithms(&t, &[&labels], &[variance])[0];
            let [upper, lower] = [Bound::Upper, Bound::Lower].map(|bound| pairwise_bound(means, bound)[0]);
            estimate.warnings.push(Warning::Note(format!("pairwise bounds {lower:.6} to {upper:.6} nats")));
        }
        Ok(estimate)
    }

    /// Returns the differential entropy of X + noise, h = I(X; X + noise) + d/2 ln 2πeσ², with every row an input of
    /// its own.
    fn estimate_entropy(&self, x: Variable<'_>) -> Result<Estimate, EstimateError> {
        if matches!(x, Variable::Labels(_)) {
            return Err(EstimateError::NeedsMatrix { estimator: self.name() });
        }
        let variance = one_variance(&self.noise_variances)?;
        let labels = Labels::distinct(x.n_samples());
        let value = self.values(&x, &[&labels], variance)?[0];
        let of_noise = x.width() as f64 / 2.0 * (math::ln(std::f64::consts::TAU) + 1.0 + math::ln(variance));
        let mut estimate = self.estimate(value, variance, &labels, x.width(), false);
        estimate.dims = vec![x.width()];
        estimate.information = Information::from_nats(value.mean + of_noise);
        estimate.ceiling = Some(labels.entropy() + Information::from_nats(of_noise));
        Ok(estimate)
    }

    /// For every noise variance the value; then, where they are asked for, the upper bound and the lower.
    fn estimate_layer(
        &self,
        t: Variable<'_>,
        labellings: &[&Labels],
    ) -> Result<Vec<LayerEstimate>, EstimateError> {
        if matches!(t, Variable::Labels(_)) {
            return Err(EstimateError::NeedsMatrix { estimator: self.name() });
        }
        let means =
            if self.bounds { mean_logarithms(&t, labellings, &self.noise_variances) } else { Vec::new() };
        let constant = is_constant(&t);
        let of_variance = |(index, &variance): (usize, &f64)| {
            let values = self.values(&t, labellings, variance)?;
            Ok(self.readings(values, means.get(index), variance, labellings, t.width(), constant))
        };
        let readings: Vec<Vec<LayerEstimate>> =
            self.noise_variances.iter().enumerate().map(of_variance).collect::<Result<_, EstimateError>>()?;
        Ok(readings.into_iter().flatten().collect())
    }

    /// For every noise variance the values, with noise that is independent from layer to layer; then, where they are asked for, the upper
    /// bounds and the lower.
    fn estimate_layer_pairs(&self, layers: &[Variable<'_>]) -> Result<Vec<LayerPairs>, EstimateError> {
        self.pairs(self.name(), layers)
    }

    fn estimate_layer_from_sums(
        &self,
        sums: &LayerSums,
        labellings: &[&Labels],
    ) -> Result<Vec<LayerEstimate>, EstimateError> {
        let n = sums.n_samples;
        let (points, draws) = (self.n_points(n), self.draws(n));
        sums.check(self.name(), &self.noise_variances, labellings, self.bounds, Some((draws, points)))?;
        let value = |logarithms: &Array2<f64>| {
            let mut rows = vec![Row::default(); points];
            for (draw, of_draw) in logarithms.rows().into_iter().enumerate() {
                rows.iter_mut().zip(of_draw).for_each(|(row, &summand)| row.add(summand, draw));
            }
            Value::of(&rows, draws, n)
        };
        let of_variance = |(sums_of, &variance): (&NoiseSums, &f64)| {
            let values = sums_of.logarithms.iter().map(value).collect();
            let kernels = sums_of.kernels.as_ref().filter(|_| self.bounds);
            self.readings(values, kernels, variance, labellings, sums.width, sums.constant)
        };
        Ok(sums.variances.iter().zip(&self.noise_variances).flat_map(of_variance).collect())
    }
}

impl Noise {
    /// The value for one noise variance; then, where there are means of kernels, the upper bound and the lower.
    fn readings(
        &self,
        values: Vec<Value>,
        kernels: Option<&KernelMeans>,
        variance: f64,
        labellings: &[&Labels],
        width: usize,
        constant: bool,
    ) -> Vec<LayerEstimate> {
        let reading = |bound, estimates| LayerEstimate::new(setting(variance), bound, estimates);
        let estimate =
            |(value, labels): (Value, &&Labels)| Ok(self.estimate(value, variance, labels, width, constant));
        let mut readings = vec![reading(None, values.into_iter().zip(labellings).map(estimate).collect())];
        for bound in [Bound::Upper, Bound::Lower] {
            let Some(kernels) = kernels else { break };
            let estimate = |(nats, labels): (f64, &&Labels)| {
                let kind = EstimateKind::Smoothed { noise_variance: variance };
                let information = Information::from_nats(nats);
                let ceiling = Some(labels.entropy());
                Ok(Estimate { ceiling, ..Estimate::of_layer(information, kind, (labels.len(), width)) })
            };
            let nats = pairwise_bound(kernels, bound);
            readings.push(reading(Some(bound), nats.into_iter().zip(labellings).map(estimate).collect()));
        }
        readings
    }
}
