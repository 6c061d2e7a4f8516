//! What the pools of a window say together.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{PoolRow, RestRow, Spacing};
use crate::Bound;
use crate::estimator::Correction;
use crate::plane::Mean;

/// From so many networks on, drift can be told from chance: 32 independent draws have a drift of 2/√32 = 0.35.
pub const LEAST_DRAWS: usize = 32;

/// A layer drifts if movement / spread is above this: as much as 16 independent draws have. Whatever the number of
/// networks, so few places were seen; a random walk has 2.
pub const MOST_DRIFT: f64 = 0.5;

/// The value has not settled if the last doubling of M changes it by more, or if its correction is larger: a tenth of a
/// bit is what can be told on a figure of 12 bits.
pub const MOST_CHANGE_BITS: f64 = 0.1;

/// A layer whose clouds have less entropy than this, and whose I(X;T) pooling does not change, is at one place, however its
/// weights drift: they move less than what the method resolves.
pub const MOST_ENTROPY_AT_REST_BITS: f64 = 0.5;

/// Consecutive networks are compared with spread ones in stretches of this part of the window.
pub const STRETCHES: usize = 16;

/// A difference between one network and many below this is too small to be divided.
const LEAST_SHARED_BITS: f64 = 0.05;

/// H(T|X) nearer than this to its limit log2 M says that nearly every draw of an input is in a cell of its own: whether the
/// clouds of two inputs overlap cannot be told, however steady I(X;T) looks.
pub const LEAST_BELOW_LIMIT_BITS: f64 = 1.0;

/// What may be claimed of a pooled layer.
///
/// Asked in this order, because each question needs the one before it:
///
/// 1. Fewer than [`LEAST_DRAWS`] networks: [`TooFewDraws`](Verdict::TooFewDraws), as not even drift can be told.
/// 2. H(T|X) below [`MOST_ENTROPY_AT_REST_BITS`] and I(X;T) within [`MOST_CHANGE_BITS`] of that of one network:
///    [`Settled`](Verdict::Settled). Drift has no scale of its own: weights that hardly move may move steadily.
/// 3. Drift above [`MOST_DRIFT`], in the layer or one before it: [`StillDrifting`](Verdict::StillDrifting). This before
///    the next, since more networks do not help: a longer window drifts further.
/// 4. The last doubling or the correction above [`MOST_CHANGE_BITS`], or H(T|X) within [`LEAST_BELOW_LIMIT_BITS`] of
///    log2 M: [`TooFewDraws`](Verdict::TooFewDraws).
/// 5. Else [`Settled`](Verdict::Settled).
///
/// [`PooledLayer::too_few_draws`] and [`PooledLayer::still_drifting`] tell both of a layer of which both are true.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The weights fluctuate about a place, or hardly move, and the value no longer changes with M.
    Settled,
    /// The weights move on: what looks like randomness is in part the way they went.
    StillDrifting,
    /// The value still changes with M.
    TooFewDraws,
}

impl Verdict {
    /// As figures print it.
    pub const fn name(self) -> &'static str {
        match self {
            Verdict::Settled => "settled",
            Verdict::StillDrifting => "still drifting",
            Verdict::TooFewDraws => "too few draws",
        }
    }
}

/// How the value of infinitely many draws was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CorrectedBy {
    /// By continuing the trend in 1/M.
    Trend,
    /// By correcting the counts at the largest M.
    Counts,
}

impl CorrectedBy {
    /// As figures print it.
    pub const fn name(self) -> &'static str {
        match self {
            CorrectedBy::Trend => "by continuing the trend in 1/M",
            CorrectedBy::Counts => "by correcting the counts",
        }
    }
}

/// The values at one M: means over disjoint pools, in bits.
///
/// The standard error is that of the mean over disjoint pools of M networks spread over the window, each between the
/// others, so that all share its slow wander; where a size has
/// fewer than three of them, it is that of the largest smaller size that has. So the value of all M networks has the
/// error of the mean of its four disjoint pools of M/4: a pool of M fluctuates about half as much as one of M/4. An
/// approximation, and for networks that remember one another too small; over several trainings it is not used.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PooledPoint {
    /// M.
    pub draws: usize,
    /// H(T).
    pub h_t_bits: Option<Mean>,
    /// H(T|X).
    pub h_t_given_x_bits: Option<Mean>,
    /// H(T|Y).
    pub h_t_given_y_bits: Option<Mean>,
    /// I(X;T).
    pub i_xt_bits: Option<Mean>,
    /// I(T;Y).
    pub i_ty_bits: Option<Mean>,
    /// I(X;T) of the shuffled control.
    pub control_bits: Option<Mean>,
}

/// One layer of one training, by one setting of an estimator.
#[derive(Debug, Clone, PartialEq)]
pub struct PooledLayer {
    /// The seed of the training; absent for a pool over trainings.
    pub seed: Option<u64>,
    /// The layer, from 1.
    pub layer: usize,
    /// The number of its units.
    pub width: usize,
    /// The method.
    pub estimator: String,
    /// Its setting.
    pub setting: String,
    /// Which bound, for a method that gives bounds.
    pub bound: Option<Bound>,
    /// By M, ascending; pools spread over the window.
    pub trend: Vec<PooledPoint>,
    /// I(X;T) of M consecutive networks, a mean over two stretches, by M, ascending.
    pub consecutive_i_xt_bits: Vec<(usize, Mean)>,
    /// I(X;T) of infinitely many draws, as far as can be told; see [`pooled_layers`].
    pub corrected_i_xt_bits: Option<f64>,
    /// How it was found.
    pub corrected_by: CorrectedBy,
    /// The share of what pooling m = window / [`STRETCHES`] networks takes from I(X;T) that m *consecutive* networks do not
    /// take:
    ///
    /// ```text
    /// (I consecutive(m) − I spread(m)) / (I single − I spread(m))
    /// ```
    ///
    /// 0 if networks forget one another within m, as draws do: the fluctuation is fast. Near 1 if the weights only move on,
    /// steadily or as a slow walk: then the pool shows where they have been. It scatters,
    /// even below 0: single networks stand at four places of the window, stretches end at two, and I(X;T) itself wanders. Absent
    /// where pooling takes less than 0.05 bits.
    pub slow_share: Option<f64>,
    /// The largest drift of the layers up to this one, on all of whose weights it depends; absent for a pool over
    /// trainings.
    pub drift: Option<f64>,
    /// How many values lay outside the bins, with all networks pooled.
    pub out_of_range: u64,
    /// Why values are missing with all networks pooled; `ok` if none are.
    pub status: String,
    /// What may be claimed.
    pub verdict: Verdict,
}

impl PooledLayer {
    /// A single network: M = 1, the mean over up to four of the window.
    pub fn single(&self) -> Option<&PooledPoint> {
        self.trend.first().filter(|point| point.draws == 1)
    }

    /// All networks.
    pub fn pooled(&self) -> Option<&PooledPoint> {
        self.trend.last()
    }

    /// What the correction takes away from I(X;T): its value at M less the corrected one.
    pub fn correction_bits(&self) -> Option<f64> {
        Some(self.pooled()?.i_xt_bits?.mean - self.corrected_i_xt_bits?)
    }

    /// How much the last doubling of M changed I(X;T); negative if it fell.
    pub fn last_doubling_bits(&self) -> Option<f64> {
        let last = self.pooled()?;
        let half = self.trend.iter().rfind(|point| 2 * point.draws <= last.draws)?;
        // Of a window that is no power of two it is more than one doubling.
        let doublings = (last.draws as f64 / half.draws as f64).log2();
        Some((last.i_xt_bits?.mean - half.i_xt_bits?.mean) / doublings)
    }

    /// Whether the layer is at one place as far as the method can tell.
    pub fn at_rest(&self) -> bool {
        let places = self.single().zip(self.pooled()).and_then(|(single, pooled)| {
            let change = pooled.i_xt_bits?.mean - single.i_xt_bits?.mean;
            Some((change, pooled.h_t_given_x_bits?.mean))
        });
        places.is_some_and(|(change, h_t_given_x)| {
            change.abs() <= MOST_CHANGE_BITS && h_t_given_x <= MOST_ENTROPY_AT_REST_BITS
        })
    }

    /// Whether the weights drift too much to be taken for draws of one distribution.
    pub fn still_drifting(&self) -> bool {
        self.drift.is_some_and(|drift| drift > MOST_DRIFT)
    }

    /// Whether more networks would change the value.
    pub fn too_few_draws(&self) -> bool {
        let few = self.pooled().is_none_or(|point| point.draws < LEAST_DRAWS);
        let large = |change: Option<f64>| change.is_none_or(|bits| bits.abs() > MOST_CHANGE_BITS);
        let apart = self.pooled().and_then(|point| {
            Some((point.draws as f64).log2() - point.h_t_given_x_bits?.mean < LEAST_BELOW_LIMIT_BITS)
        });
        few || apart.unwrap_or(false) || large(self.last_doubling_bits()) || large(self.correction_bits())
    }

    fn judge(&self) -> Verdict {
        match self.pooled() {
            Some(point) if point.draws >= LEAST_DRAWS && self.at_rest() => Verdict::Settled,
            Some(point) if point.draws >= LEAST_DRAWS && self.still_drifting() => Verdict::StillDrifting,
            _ if self.too_few_draws() => Verdict::TooFewDraws,
            _ => Verdict::Settled,
        }
    }
}

/// Puts the rows together, layer by layer, in the order of their first row.
///
/// Rows that only correct those of another setting are no layer of their own.
///
/// # The corrected value
/// H(T|x) of M draws is too low and so I(X;T) too high, by about (cells of x − 1)/2M nats once M is large. Three ways
/// to correct it are at hand: to continue I(X;T) to 1/M = 0 by a line, 2 I(M) − I(M/2), or by a parabola,
/// (8 I(M) − 6 I(M/2) + I(M/4)) / 3 (Strong et al. 1998), and to correct the counts (the `correction` of the estimator).
/// Mean (largest) error in bits of I(X;T) over nine sets of 256 Gaussian clouds with known H(T|x), in 1 to 3 units of
/// 30 bins, with standard deviations of 0.3 to 3 bins, so that a cloud fills 2 to 1400 cells:
///
/// | M | none | line | parabola | Miller–Madow | Grassberger | Chao–Wang–Jost |
/// |---|---|---|---|---|---|---|
/// | 16 | 1.03 (3.7) | 0.80 (3.6) | 0.73 (3.5) | 0.90 (3.6) | 0.65 (3.4) | **0.19 (0.6)** |
/// | 64 | 0.66 (3.3) | 0.49 (3.0) | 0.44 (2.9) | 0.54 (3.1) | 0.38 (2.6) | **0.13 (0.7)** |
/// | 256 | 0.37 (2.4) | 0.24 (1.8) | 0.20 (1.6) | 0.28 (2.0) | 0.17 (1.3) | **0.08 (0.5)** |
///
/// On a real window (5, 4 and 3 units of a tanh network on 12 bits, 30 bins on [−1, 1], stochastic gradient descent with
/// rate 0.3 and batches of 16, 4096 inputs), of which 1024 networks tell the truth within 0.03 bits, the mean error of the
/// three layers:
///
/// | M | none | line | parabola | Miller–Madow | Grassberger | Chao–Wang–Jost |
/// |---|---|---|---|---|---|---|
/// | 16 | 1.19 | 0.80 | 0.68 | 0.84 | 0.40 | **0.18** |
/// | 64 | 0.62 | 0.35 | 0.28 | 0.38 | 0.17 | **0.09** |
/// | 256 | 0.26 | 0.11 | 0.08 | 0.14 | 0.05 | **0.02** |
///
/// Where a cloud fills fewer than M/4 cells all but Miller–Madow are within 0.05 bits; where it fills more than M, only
/// Chao–Wang–Jost is near, and nothing is right. Every error of some size is upward: **compression is rather
/// understated**. So the corrected value is, in this order:
///
/// 1. of a setting whose counts are corrected, the value itself;
/// 2. where there is a row of the same setting with `correction = "chao-wang-jost"`, as
///    [`corrected_by_counts`](super::corrected_by_counts) makes one of cells, its value;
/// 3. the parabola (with fewer sizes, the line) through the largest M and those at most half and a quarter as large.
///
/// # References
/// Strong, Koberle, de Ruyter van Steveninck & Bialek (1998), *Entropy and information in neural spike trains*,
/// Phys. Rev. Lett. 80:197; Chao, Wang & Jost (2013), *Methods in Ecology and Evolution* 4:1091.
pub fn pooled_layers(rows: &[PoolRow], rest: &[RestRow]) -> Vec<PooledLayer> {
    let mut places: BTreeMap<_, usize> = BTreeMap::new();
    let mut groups: Vec<Vec<&PoolRow>> = Vec::new();
    for row in rows {
        let bound = row.bound.map(Bound::name);
        let key = (row.seed, row.layer, row.estimator.as_str(), row.setting.as_str(), bound);
        let place = *places.entry(key).or_insert(groups.len());
        if place == groups.len() {
            groups.push(Vec::new());
        }
        groups[place].push(row);
    }
    let mut layers: Vec<PooledLayer> = groups.iter().map(|group| pooled_layer(group, rest)).collect();
    let twin = |layer: &PooledLayer| {
        let setting = format!("{}, {}", layer.setting, Correction::ChaoWangJost.name());
        let bound = layer.bound.map(Bound::name);
        let place =
            *places.get(&(layer.seed, layer.layer, layer.estimator.as_str(), setting.as_str(), bound))?;
        let point = layers[place].pooled()?;
        let value =
            point.i_xt_bits.filter(|_| Some(point.draws) == layer.pooled().map(|point| point.draws))?;
        Some((place, value.mean))
    };
    let twins: Vec<Option<(usize, f64)>> = layers.iter().map(twin).collect();
    let mut only_corrects = vec![false; layers.len()];
    for (index, twin) in twins.into_iter().enumerate() {
        if let Some((place, value)) = twin {
            layers[index].corrected_i_xt_bits = Some(value);
            layers[index].corrected_by = CorrectedBy::Counts;
            only_corrects[place] = layers[place].trend.iter().all(|point| point.i_ty_bits.is_none());
        }
    }
    for layer in &mut layers {
        layer.verdict = layer.judge();
    }
    let mut only_corrects = only_corrects.into_iter();
    layers.retain(|_| !only_corrects.next().unwrap_or(false));
    layers
}

fn pooled_layer(rows: &[&PoolRow], rest: &[RestRow]) -> PooledLayer {
    let first = rows[0];
    let trend = trend(rows);
    let largest = trend.last().map(|point| point.draws);
    let all = rows.iter().find(|row| Some(row.draws) == largest && row.spacing == Spacing::Spread);
    let consecutive = consecutive(rows);
    let drift = rest
        .iter()
        .filter(|row| Some(row.seed) == first.seed && (1..=first.layer).contains(&row.layer))
        .map(RestRow::drift)
        .fold(None, |largest: Option<f64>, drift| Some(largest.map_or(drift, |largest| largest.max(drift))));
    PooledLayer {
        seed: first.seed,
        layer: first.layer,
        width: first.width,
        estimator: first.estimator.clone(),
        setting: first.setting.clone(),
        bound: first.bound,
        corrected_i_xt_bits: match counts_are_corrected(&first.setting) {
            true => trend.last().and_then(|point| Some(point.i_xt_bits?.mean)),
            false => corrected(&trend, |point| point.i_xt_bits),
        },
        corrected_by: match counts_are_corrected(&first.setting) {
            true => CorrectedBy::Counts,
            false => CorrectedBy::Trend,
        },
        slow_share: slow_share(&trend, &consecutive),
        consecutive_i_xt_bits: consecutive,
        trend,
        drift,
        out_of_range: all.map_or(0, |row| row.out_of_range),
        status: all.map_or_else(|| first.status.clone(), |row| row.status.clone()),
        // Judged once its corrected value is settled.
        verdict: Verdict::TooFewDraws,
    }
}

/// Whether a setting says that entropies of counts are corrected.
fn counts_are_corrected(setting: &str) -> bool {
    let last = setting.rsplit(", ").next().unwrap_or("");
    Correction::ALL.iter().any(|correction| correction.name() == last)
}

fn finite(value: Option<f64>) -> Option<f64> {
    value.filter(|value| value.is_finite())
}

/// I(X;T) of consecutive networks, by M.
fn consecutive(rows: &[&PoolRow]) -> Vec<(usize, Mean)> {
    let mut sizes: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.spacing == Spacing::Consecutive) {
        sizes.entry(row.draws).or_default().extend(finite(row.i_xt_bits));
    }
    sizes.into_iter().filter_map(|(draws, values)| Some((draws, Mean::of(&values)?))).collect()
}

fn slow_share(trend: &[PooledPoint], consecutive: &[(usize, Mean)]) -> Option<f64> {
    let stretch = trend.last()?.draws / STRETCHES;
    let spread = |draws: usize| Some(trend.iter().find(|point| point.draws == draws)?.i_xt_bits?.mean);
    let (draws, in_a_row) = consecutive.iter().rfind(|(draws, _)| *draws <= stretch)?;
    let (single, spread) = (spread(1)?, spread(*draws)?);
    (single - spread >= LEAST_SHARED_BITS).then(|| (in_a_row.mean - spread) / (single - spread))
}

/// The points by M, each with the standard error of its size or the largest smaller one that has it.
fn trend(rows: &[&PoolRow]) -> Vec<PooledPoint> {
    let mut sizes: BTreeMap<usize, Vec<&PoolRow>> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.spacing == Spacing::Spread) {
        sizes.entry(row.draws).or_default().push(row);
    }
    let mut known = [None; 6];
    sizes
        .into_iter()
        .map(|(draws, rows)| {
            let mut quantity = 0;
            let mut mean = |value: &dyn Fn(&PoolRow) -> Option<f64>| {
                let values: Vec<f64> = rows.iter().filter_map(|row| finite(value(row))).collect();
                let mean = Mean::of(&values);
                let known = &mut known[quantity];
                quantity += 1;
                let mut mean = mean?;
                // Of two values the error would itself be uncertain by a factor of several.
                match (mean.n_seeds, mean.standard_error) {
                    (3.., error) => *known = error,
                    _ => mean.standard_error = *known,
                }
                Some(mean)
            };
            PooledPoint {
                draws,
                h_t_bits: mean(&|row| row.h_t_bits),
                h_t_given_x_bits: mean(&PoolRow::h_t_given_x_bits),
                h_t_given_y_bits: mean(&PoolRow::h_t_given_y_bits),
                i_xt_bits: mean(&|row| row.i_xt_bits),
                i_ty_bits: mean(&|row| row.i_ty_bits),
                control_bits: mean(&|row| row.control_bits),
            }
        })
        .collect()
}

/// The polynomial in 1/M through the largest M and those at most half and a quarter as large, at 1/M = 0.
///
/// For M, M/2, M/4 it is (8 I(M) − 6 I(M/2) + I(M/4)) / 3; with two sizes, 2 I(M) − I(M/2). M = 1 takes no part: a single
/// draw has no H(T|X) at all.
fn corrected(trend: &[PooledPoint], value: impl Fn(&PooledPoint) -> Option<Mean>) -> Option<f64> {
    let mut points: Vec<(f64, f64)> = Vec::new();
    let mut most = usize::MAX;
    for point in trend.iter().rev().filter(|point| point.draws > 1) {
        if point.draws <= most && points.len() < 3 {
            points.push((1.0 / point.draws as f64, value(point)?.mean));
            most = point.draws / 2;
        }
    }
    if points.len() < 2 {
        return None;
    }
    // Lagrange's form at 0.
    let term = |(i, &(u, value)): (usize, &(f64, f64))| {
        let others = points.iter().enumerate().filter(|&(j, _)| j != i);
        value * others.map(|(_, &(other, _))| other / (other - u)).product::<f64>()
    };
    Some(points.iter().enumerate().map(term).sum())
}

/// One layer by one setting, over all trainings: means of the values of each, with the error that counts.
///
/// Of several trainings every mean is over them and its standard error is s/√(number of trainings), whatever each is
/// uncertain by alone. Of one training, or a pool over trainings, the values are its own.
#[derive(Debug, Clone, PartialEq)]
pub struct PooledMean {
    /// The layer, from 1.
    pub layer: usize,
    /// The number of its units.
    pub width: usize,
    /// The method.
    pub estimator: String,
    /// Its setting.
    pub setting: String,
    /// Which bound, for a method that gives bounds.
    pub bound: Option<Bound>,
    /// By M, ascending; a size is there if any training has it.
    pub trend: Vec<PooledPoint>,
    /// I(X;T) of infinitely many draws.
    pub corrected_i_xt_bits: Option<Mean>,
    /// How it was found.
    pub corrected_by: CorrectedBy,
    /// I(X;T) of M consecutive networks; see [`PooledLayer::consecutive_i_xt_bits`].
    pub consecutive_i_xt_bits: Vec<(usize, Mean)>,
    /// How much of it is slow; see [`PooledLayer::slow_share`].
    pub slow_share: Option<Mean>,
    /// The drift; see [`PooledLayer::drift`].
    pub drift: Option<Mean>,
    /// How many values lay outside the bins, all trainings with all networks pooled.
    pub out_of_range: u64,
    /// How many trainings have which verdict, the most frequent first (of equals the one that claims less).
    pub verdicts: Vec<(Verdict, usize)>,
    /// Statuses that are not `ok`, each once.
    pub statuses: Vec<String>,
}

impl PooledMean {
    /// M = 1.
    pub fn single(&self) -> Option<&PooledPoint> {
        self.trend.first().filter(|point| point.draws == 1)
    }

    /// All networks.
    pub fn pooled(&self) -> Option<&PooledPoint> {
        self.trend.last()
    }
}

/// Means over trainings, in the order of the first layer of each setting.
pub fn mean_over_trainings(layers: &[PooledLayer]) -> Vec<PooledMean> {
    let mut places: BTreeMap<_, usize> = BTreeMap::new();
    let mut groups: Vec<Vec<&PooledLayer>> = Vec::new();
    for layer in layers {
        let bound = layer.bound.map(Bound::name);
        let key = (layer.layer, layer.estimator.as_str(), layer.setting.as_str(), bound);
        let place = *places.entry(key).or_insert(groups.len());
        if place == groups.len() {
            groups.push(Vec::new());
        }
        groups[place].push(layer);
    }
    groups.iter().map(|group| pooled_mean(group)).collect()
}

fn pooled_mean(layers: &[&PooledLayer]) -> PooledMean {
    let first = layers[0];
    let mean = |value: &dyn Fn(&PooledLayer) -> Option<f64>| {
        let values: Vec<f64> = layers.iter().filter_map(|layer| finite(value(layer))).collect();
        Mean::of(&values)
    };
    let mut verdicts: BTreeMap<Verdict, usize> = BTreeMap::new();
    for layer in layers {
        *verdicts.entry(layer.verdict).or_default() += 1;
    }
    let mut verdicts: Vec<(Verdict, usize)> = verdicts.into_iter().rev().collect();
    verdicts.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
    let mut statuses: Vec<String> =
        layers.iter().map(|layer| layer.status.clone()).filter(|status| status != PoolRow::OK).collect();
    statuses.sort();
    statuses.dedup();
    PooledMean {
        layer: first.layer,
        width: first.width,
        estimator: first.estimator.clone(),
        setting: first.setting.clone(),
        bound: first.bound,
        trend: if let [alone] = layers { alone.trend.clone() } else { mean_trend(layers) },
        corrected_i_xt_bits: mean(&|layer| layer.corrected_i_xt_bits),
        corrected_by: first.corrected_by,
        consecutive_i_xt_bits: mean_consecutive(layers),
        slow_share: mean(&|layer| layer.slow_share),
        drift: mean(&|layer| layer.drift),
        out_of_range: layers.iter().map(|layer| layer.out_of_range).sum(),
        verdicts,
        statuses,
    }
}

fn mean_consecutive(layers: &[&PooledLayer]) -> Vec<(usize, Mean)> {
    let mut sizes: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
    for (draws, mean) in layers.iter().flat_map(|layer| &layer.consecutive_i_xt_bits) {
        sizes.entry(*draws).or_default().push(mean.mean);
    }
    sizes.into_iter().filter_map(|(draws, values)| Some((draws, Mean::of(&values)?))).collect()
}

fn mean_trend(layers: &[&PooledLayer]) -> Vec<PooledPoint> {
    let mut sizes: BTreeMap<usize, Vec<&PooledPoint>> = BTreeMap::new();
    for point in layers.iter().flat_map(|layer| &layer.trend) {
        sizes.entry(point.draws).or_default().push(point);
    }
    sizes
        .into_iter()
        .map(|(draws, points)| {
            let mean = |value: fn(&PooledPoint) -> Option<Mean>| {
                let values: Vec<f64> = points.iter().filter_map(|&point| Some(value(point)?.mean)).collect();
                Mean::of(&values)
            };
            PooledPoint {
                draws,
                h_t_bits: mean(|point| point.h_t_bits),
                h_t_given_x_bits: mean(|point| point.h_t_given_x_bits),
                h_t_given_y_bits: mean(|point| point.h_t_given_y_bits),
                i_xt_bits: mean(|point| point.i_xt_bits),
                i_ty_bits: mean(|point| point.i_ty_bits),
                control_bits: mean(|point| point.control_bits),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(draws: usize, part: usize, i_xt_bits: f64) -> PoolRow {
        PoolRow {
            seed: Some(1),
            layer: 2,
            width: 4,
            estimator: "binned".into(),
            setting: "30 edges on [-1, 1]".into(),
            bound: None,
            draws,
            spacing: Spacing::Spread,
            part,
            h_t_bits: Some(i_xt_bits + 2.0),
            i_xt_bits: Some(i_xt_bits),
            i_ty_bits: Some(0.9),
            control_bits: Some(0.25),
            out_of_range: draws as u64,
            status: PoolRow::OK.into(),
        }
    }

    /// Pools of 1, 2, 4 … `most` networks, at most four of each, with the value that a function of M gives.
    fn rows(most: usize, value: impl Fn(f64) -> f64) -> Vec<PoolRow> {
        let sizes = (0..).map(|power| 1 << power).take_while(|&draws| draws <= most);
        sizes
            .flat_map(|draws| (0..(most / draws).min(4)).map(move |part| (draws, part)))
            .map(|(draws, part)| row(draws, part, value(draws as f64)))
            .collect()
    }

    fn rest(layer: usize, drift: f64) -> RestRow {
        RestRow { seed: 1, layer, movement: drift, spread: 1.0, step: 1.0, line: 0.0 }
    }

    fn verdict(rows: &[PoolRow], rest: &[RestRow]) -> Verdict {
        pooled_layers(rows, rest)[0].verdict
    }

    #[test]
    fn a_trend_in_one_over_m_is_continued_to_its_end() {
        let straight = &pooled_layers(&rows(64, |m| 3.0 + 2.0 / m), &[])[0];
        assert!((straight.corrected_i_xt_bits.unwrap() - 3.0).abs() < 1e-12);
        assert!((straight.correction_bits().unwrap() - 2.0 / 64.0).abs() < 1e-12);
        let curved = &pooled_layers(&rows(64, |m| 3.0 + 2.0 / m - 5.0 / (m * m)), &[])[0];
        assert!((curved.corrected_i_xt_bits.unwrap() - 3.0).abs() < 1e-12);
        // Strong's form of it.
        let at = |m: f64| m.sqrt();
        let strong = (8.0 * at(64.0) - 6.0 * at(32.0) + at(16.0)) / 3.0;
        let layer = &pooled_layers(&rows(64, at), &[])[0];
        assert!((layer.corrected_i_xt_bits.unwrap() - strong).abs() < 1e-12);
        assert!((layer.last_doubling_bits().unwrap() - (8.0 - 32f64.sqrt())).abs() < 1e-12);
        // 1 and 2 networks say nothing about the trend.
        assert_eq!(pooled_layers(&rows(2, |m| 1.0 / m), &[])[0].corrected_i_xt_bits, None);
    }

    #[test]
    fn a_window_of_any_length_is_continued() {
        let mut rows = rows(64, |m| 3.0 + 2.0 / m - 5.0 / (m * m));
        rows.retain(|row| row.draws < 64 || row.part == 0);
        rows.push(row(100, 0, 3.0 + 0.02 - 5e-4));
        let layer = &pooled_layers(&rows, &[])[0];
        assert_eq!(layer.pooled().unwrap().draws, 100);
        assert!((layer.corrected_i_xt_bits.unwrap() - 3.0).abs() < 1e-12);
    }

    #[test]
    fn corrected_counts_are_taken_where_there_are_any() {
        let plain = rows(64, |m| 3.0 + 2.0 / m);
        let counts: Vec<PoolRow> = rows(64, |m| 2.9 + 0.1 / m)
            .into_iter()
            .map(|row| PoolRow { setting: "30 edges on [-1, 1], chao-wang-jost".into(), ..row })
            .collect();
        let layers = pooled_layers(&[plain, counts].concat(), &[]);
        let at_64 = 2.9 + 0.1 / 64.0;
        for layer in &layers {
            assert_eq!((layer.corrected_i_xt_bits, layer.corrected_by), (Some(at_64), CorrectedBy::Counts));
        }
        assert_eq!(layers[1].correction_bits(), Some(0.0));

        // A row that has nothing but the correction is no layer.
        let only = PoolRow {
            i_ty_bits: None,
            setting: "30 edges on [-1, 1], chao-wang-jost".into(),
            ..row(64, 0, 2.5)
        };
        let layers = pooled_layers(&[rows(64, |m| 3.0 + 2.0 / m), vec![only]].concat(), &[]);
        assert_eq!((layers.len(), layers[0].corrected_i_xt_bits), (1, Some(2.5)));
    }

    #[test]
    fn the_error_of_all_networks_is_that_of_a_quarter_of_them() {
        let mut rows = rows(64, |_| 5.0);
        for row in rows.iter_mut().filter(|row| row.draws == 16) {
            row.i_xt_bits = Some(5.0 + 0.1 * row.part as f64);
        }
        let trend = &pooled_layers(&rows, &[])[0].trend;
        // Values 0, .1, .2, .3 have s² = 0.05/3, and the mean of four half of s.
        let error = (0.05f64 / 3.0).sqrt() / 2.0;
        let errors: Vec<f64> = trend.iter().map(|p| p.i_xt_bits.unwrap().standard_error.unwrap()).collect();
        for (found, expected) in errors.iter().zip([0.0, 0.0, 0.0, 0.0, error, error, error]) {
            assert!((found - expected).abs() < 1e-12, "{errors:?}");
        }
    }

    #[test]
    fn verdicts_follow_their_order() {
        let flat = rows(64, |_| 5.0);
        let falling = rows(64, |m| 5.0 - 0.2 * m.log2());
        assert_eq!(verdict(&flat, &[rest(2, 0.3)]), Verdict::Settled);
        assert_eq!(verdict(&falling, &[rest(2, 0.3)]), Verdict::TooFewDraws);
        assert_eq!(verdict(&flat, &[rest(2, 0.6)]), Verdict::StillDrifting);
        assert_eq!(verdict(&falling, &[rest(2, 0.6)]), Verdict::StillDrifting);
        let both = &pooled_layers(&falling, &[rest(2, 0.6)])[0];
        assert!(both.too_few_draws() && both.still_drifting());
        // Of 16 networks not even drift can be told.
        assert_eq!(verdict(&rows(16, |_| 5.0), &[rest(2, 0.6)]), Verdict::TooFewDraws);
        // Steady, but every one of the 64 draws in a cell of its own.
        let apart: Vec<PoolRow> = flat
            .iter()
            .map(|row| PoolRow { h_t_bits: Some(5.0 + (row.draws as f64).log2()), ..row.clone() })
            .collect();
        assert_eq!(verdict(&apart, &[rest(2, 0.3)]), Verdict::TooFewDraws);
        // The weights drift, but no cloud is wider than a cell.
        let points: Vec<PoolRow> =
            flat.iter().map(|row| PoolRow { h_t_bits: row.i_xt_bits, ..row.clone() }).collect();
        assert_eq!(verdict(&points, &[rest(2, 3.4)]), Verdict::Settled);
        // Trainings do not drift.
        let over_seeds: Vec<PoolRow> = flat.iter().map(|row| PoolRow { seed: None, ..row.clone() }).collect();
        assert_eq!(verdict(&over_seeds, &[]), Verdict::Settled);
        // Nothing measured, nothing claimed.
        let empty: Vec<PoolRow> = flat.iter().map(|row| PoolRow { i_xt_bits: None, ..row.clone() }).collect();
        assert_eq!(verdict(&empty, &[]), Verdict::TooFewDraws);
    }

    #[test]
    fn a_layer_drifts_with_those_before_it_and_not_with_those_after() {
        let flat = rows(64, |_| 5.0);
        assert_eq!(verdict(&flat, &[rest(1, 2.0), rest(2, 0.1)]), Verdict::StillDrifting);
        assert_eq!(verdict(&flat, &[rest(0, 2.0), rest(2, 0.1), rest(3, 2.0)]), Verdict::Settled);
        let of_another_seed = RestRow { seed: 7, ..rest(2, 2.0) };
        assert_eq!(verdict(&flat, &[of_another_seed]), Verdict::Settled);
    }

    #[test]
    fn what_is_slow_is_what_consecutive_networks_do_not_take() {
        // Of 64 networks, stretches of 4: spread ones take 2 bits from the 6 of one network.
        let share = |in_a_row: f64| {
            let mut rows = rows(64, |m| 7.0 - m.min(2.0) - m.log2() / 2.0);
            for (draws, part) in [(2, 0), (2, 1), (4, 0), (4, 1), (32, 0), (32, 1)] {
                let value = if draws == 4 { in_a_row + 0.2 * part as f64 - 0.1 } else { 0.0 };
                rows.push(PoolRow { spacing: Spacing::Consecutive, ..row(draws, part, value) });
            }
            pooled_layers(&rows, &[])[0].slow_share.unwrap()
        };
        for (in_a_row, expected) in [(4.0, 0.0), (6.0, 1.0), (5.5, 0.75)] {
            assert!((share(in_a_row) - expected).abs() < 1e-12, "{in_a_row}: {}", share(in_a_row));
        }
        // What pooling does not change cannot be divided.
        let mut flat = rows(64, |_| 6.0);
        flat.push(PoolRow { spacing: Spacing::Consecutive, ..row(4, 0, 6.0) });
        assert_eq!(pooled_layers(&flat, &[])[0].slow_share, None);
    }

    #[test]
    fn over_trainings_the_error_is_that_of_trainings() {
        let of_seed = |seed: u64, value: f64| {
            rows(32, move |_| value).into_iter().map(move |row| PoolRow { seed: Some(seed), ..row })
        };
        let rows: Vec<PoolRow> = of_seed(1, 2.0).chain(of_seed(2, 4.0)).chain(of_seed(3, 6.0)).collect();
        let drifting = RestRow { seed: 3, ..rest(1, 2.0) };
        let means = mean_over_trainings(&pooled_layers(&rows, &[drifting]));
        assert_eq!(means.len(), 1);
        let pooled = means[0].pooled().unwrap().i_xt_bits.unwrap();
        assert_eq!(pooled.n_seeds, 3);
        assert!((pooled.mean - 4.0).abs() < 1e-12);
        assert!((pooled.standard_error.unwrap() - 2.0 / 3f64.sqrt()).abs() < 1e-12);
        assert!((means[0].corrected_i_xt_bits.unwrap().mean - 4.0).abs() < 1e-12);
        assert_eq!(means[0].out_of_range, 3 * 32);
        assert_eq!(means[0].verdicts, [(Verdict::Settled, 2), (Verdict::StillDrifting, 1)]);
    }
}
