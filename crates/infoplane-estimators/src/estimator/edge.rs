//! Hashing to buckets and counting them: information at the resolution of the buckets.

use std::borrow::Cow;

use ndarray::Array2;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::counts;
use super::input::{columns, standardize};
use crate::interrupt::poll;
use crate::math;
use crate::random::{Purpose, generator, normal, uniform};
use crate::variable::symbols::{number_rows, together};
use crate::{
    Correction, Estimate, EstimateError, EstimateKind, Estimator, EstimatorInfo, Family, Information,
    LabelSides, Labels, LayerEstimate, Quantity, Scaling, Uncertainty, Variable, Warning,
};

/// Information between buckets that both variables are hashed to ("ensemble dependency graph estimator").
///
/// Columns are divided by their standard deviation and cut into buckets of one width, at a random offset; the
/// bucket of a row is its symbol. Then the symbols are counted:
///
/// ```text
/// I = mean over hashes of  H(X̂) + H(Ŷ) − H(X̂,Ŷ),    x̂ = ⌊x / w + b⌋,  w = 0.79 · bandwidth · q · n^(−1 / (2q + 4))
/// ```
///
/// with q hashed columns, at most log₂(n/10): of more columns, q random directions are taken. Labels are their own
/// buckets. **The answer is information at that width**, which the estimate names, in standard deviations: what is
/// finer does not count, and for a deterministic map, whose information is infinite, the number is one about the
/// buckets. A [`Warning`] says when most joint buckets hold a single sample, and when the value is within a nat of
/// the entropy of the buckets.
///
/// Entropies are corrected by [`ChaoWangJost`](super::ChaoWangJost), which permits buckets narrow enough for strong
/// dependence. The width was chosen on pairs of normal variables; mean error in nats (and with `plug-in` counts):
///
/// | correlation | 0 | .5 | .9 | .99 |
/// |---|---|---|---|---|
/// | n = 1000, w = .25 | +.04 (+.24) | +.04 (+.21) | +.01 (+.09) | −.19 (−.17) |
/// | n = 10000, w = .17 | +.01 (+.07) | +.01 (+.06) | .00 (+.02) | −.10 (−.10) |
///
/// Nearest neighbours are more accurate wherever they can be afforded. In several dimensions buckets are wide. Pairs
/// of columns of correlation .8, the rest noise: two of two columns, 1.02 nats, come out at 1.00 with 1000 samples
/// and with 10000; two of five at 0.65; five of five, 2.55 nats, at 1.1 and 1.2.
///
/// What follows the published program (4.3.1), and what does not: that the width grows with the number of columns,
/// and log₂(n/10) directions, do. It takes its width from distances to neighbours of 500 samples, its offsets in even
/// steps while widths grow by a tenth, the median over hashes, and directions for a single column too; it counts
/// plainly, holds every logarithm between .001 and 10 bits, so that no value can exceed 10 bits, and seeds the random
/// numbers of the whole program that calls it. Nothing of this is done here; `cap_bits` brings the limits back.
///
/// In nats. Time O(n · d · hashes), memory O(n · (d + hashes)).
///
/// ```
/// use infoplane_estimators::{Edge, EstimateKind, Labels, Measure, Variable};
/// use ndarray::Array2;
///
/// // Two clusters, far apart, and the label that tells them apart.
/// let t = Array2::from_shape_fn((200, 1), |(i, _)| (i % 2) as f64 * 10.0 + (i / 2) as f64 / 100.0);
/// let y = Labels::from_symbols(&(0..200).map(|i| i % 2).collect::<Vec<_>>());
/// let estimate = Edge::default().pair(Variable::Double(t.view()), Variable::Labels(&y))?;
/// assert!((estimate.information.bits() - 1.0).abs() < 0.01);
/// assert!(matches!(estimate.kind, EstimateKind::AtResolution { .. }));
/// # Ok::<(), infoplane_estimators::EstimateError>(())
/// ```
///
/// # References
/// Noshad, Zeng & Hero (2019), *Scalable mutual information estimation using dependence graphs*, ICASSP,
/// arXiv:1801.09125.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Edge {
    /// Number of hashes, each with other shifts; the result is their mean. 1 to 1000.
    pub hashes: usize,
    /// A factor on the width of the buckets, above 0. The value depends on it, more than on anything else.
    pub bandwidth: f64,
    /// The correction of the counts of buckets; `plug-in` is the published form.
    pub correction: Correction,
    /// The largest contribution of a bucket, in bits, with `plug-in` only. The published program stops at 10.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cap_bits: Option<f64>,
    /// Seed of the random shifts and directions.
    pub seed: u64,
}

impl Default for Edge {
    fn default() -> Self {
        Edge { hashes: 10, bandwidth: 1.0, correction: Correction::ChaoWangJost, cap_bits: None, seed: 0 }
    }
}

impl Edge {
    pub(super) const INFO: &EstimatorInfo = &EstimatorInfo {
        name: "edge",
        title: "EDGE",
        family: Family::Hashing,
        estimates: "I(X;Y) at the resolution of its buckets",
        when: "many samples, few dimensions, in linear time; figures made with EDGE",
        cost: "O(n d hashes)",
        offers: &[Quantity::Information],
        labels: LabelSides::Any,
        uncertainty: Uncertainty::Subsampling,
        with_noise: None,
        reference: "Noshad, Zeng & Hero (2019), arXiv:1801.09125",
    };
}

/// The symbols of a variable, one labelling per hash.
struct Buckets<'a> {
    of: Vec<Cow<'a, Labels>>,
    /// Their width in standard deviations; nothing for labels.
    width: Option<f64>,
    constant_columns: usize,
    constant: bool,
}

impl Edge {
    /// Hashes a variable; `side` tells x from y, whose offsets differ.
    fn buckets<'a>(&self, variable: &Variable<'a>, side: u64) -> Buckets<'a> {
        let Some(prepared) = columns(variable, Scaling::Standardized) else {
            let Variable::Labels(labels) = variable else { unreachable!("a matrix has columns") };
            return Buckets {
                of: vec![Cow::Borrowed(labels)],
                width: None,
                constant_columns: 0,
                constant: labels.n_labels() == 1,
            };
        };
        let n = prepared.values.nrows() as f64;
        let d = prepared.values.ncols();
        if d == 0 {
            let constant_columns = prepared.constant;
            return Buckets { of: Vec::new(), width: None, constant_columns, constant: true };
        }
        let most = math::log2(n / 10.0).floor().max(1.0) as usize;
        let hashed = if d <= most { prepared.values } else { self.directions(&prepared.values, most, side) };
        let q = hashed.ncols();
        let q_real = q as f64;
        let width = 0.79 * self.bandwidth * q_real * math::powf(n, -0.5 / (q_real + 2.0));
        let values = hashed.as_slice().expect("standard layout");
        let of = (0..self.hashes)
            .into_par_iter()
            .map(|hash| {
                poll();
                let mut random = generator(self.seed, Purpose::Discrete, side << 32 | hash as u64);
                let offsets: Vec<f64> = (0..q).map(|_| uniform(&mut random)).collect();
                let fill = |values: &[f64], symbols: &mut [u64]| {
                    for (symbols, values) in symbols.chunks_exact_mut(q).zip(values.chunks_exact(q)) {
                        for ((symbol, value), offset) in symbols.iter_mut().zip(values).zip(&offsets) {
                            *symbol = ((value / width + offset).floor() + 0.0).to_bits();
                        }
                    }
                    0
                };
                Cow::Owned(number_rows(values, q, fill).0)
            })
            .collect();
        Buckets { of, width: Some(width), constant_columns: prepared.constant, constant: false }
    }

    /// Returns the values in `most` random directions, each with unit deviation.
    fn directions(&self, values: &Array2<f64>, most: usize, side: u64) -> Array2<f64> {
        let mut random = generator(self.seed, Purpose::Discrete, 1 << 48 | side);
        let directions = Array2::from_shape_simple_fn((values.ncols(), most), || normal(&mut random));
        // Row by row and in order, so that the sums do not depend on a library's blocks.
        let mut projected = Array2::zeros((values.nrows(), most));
        let rows = projected.as_slice_mut().expect("standard layout").par_chunks_exact_mut(most);
        let values = values.as_slice().expect("standard layout").par_chunks_exact(values.ncols());
        rows.zip(values).with_min_len(256).for_each(|(to, from)| {
            for (value, direction) in from.iter().zip(directions.outer_iter()) {
                for (sum, weight) in to.iter_mut().zip(direction) {
                    *sum += value * weight;
                }
            }
        });
        standardize(&mut projected);
        projected
    }

    fn compare(&self, x: &Buckets<'_>, y: &Buckets<'_>, variables: &[Variable<'_>]) -> Estimate {
        let width = x.width.unwrap_or(0.0).max(y.width.unwrap_or(0.0));
        let kind = match (x.width, y.width) {
            (None, None) if !(x.constant || y.constant) => match self.correction {
                Correction::PlugIn => EstimateKind::Exact,
                _ => EstimateKind::Consistent,
            },
            _ => EstimateKind::AtResolution { scale: "hash width, in standard deviations,", width },
        };
        let mut warnings = Vec::new();
        let constant_columns = x.constant_columns + y.constant_columns;
        if constant_columns > 0 {
            warnings.push(Warning::ConstantColumns { columns: constant_columns });
        }
        if x.constant || y.constant {
            // One sample, which never changes.
            return Estimate::of_constant(variables);
        }
        let hashes = x.of.len().max(y.of.len());
        let pair = |hash: usize| (&x.of[hash.min(x.of.len() - 1)], &y.of[hash.min(y.of.len() - 1)]);
        let values: Vec<f64> = (0..hashes)
            .into_par_iter()
            .map(|hash| {
                let (x, y) = pair(hash);
                match self.cap_bits {
                    Some(cap) => capped(x, y, cap),
                    None => counts::nats(self.correction, x, y),
                }
            })
            .collect();
        let nats = values.iter().sum::<f64>() / hashes as f64;

        let n_samples = x.of[0].len();
        let (first_x, first_y) = pair(0);
        let distinct = [first_x, first_y].map(|labels| labels.all_distinct());
        let fullest = match distinct {
            [_, true] => first_x.clone(),
            [true, false] => first_y.clone(),
            _ => Cow::Owned(together(&[first_x, first_y])),
        };
        let alone = fullest.counts().iter().filter(|&&count| count == 1).count();
        if 2 * alone > n_samples {
            warnings.push(Warning::Undersampled { alone, n_samples });
        }
        let entropy = [(x, first_x), (y, first_y)]
            .iter()
            .filter(|(buckets, _)| buckets.width.is_some())
            .map(|(_, labels)| labels.entropy().nats())
            .fold(f64::INFINITY, f64::min);
        // With all inputs told apart the value is that entropy by definition.
        if !distinct.contains(&true) && nats > (entropy - 1.0).max(entropy / 2.0) {
            warnings.push(Warning::Note(format!(
                "within 1 nat of the entropy of the buckets, {entropy:.3} nats; the dependence may be far stronger, \
                 even deterministic, and the value one about the width"
            )));
        }
        let mut estimate =
            Estimate { warnings, ..Estimate::new(Information::from_nats(nats), kind, variables) };
        if distinct.contains(&true) {
            counts::hold_at_ln_n(&mut estimate);
        }
        estimate
    }
}

/// Mean of the logarithm of N N_xy / (N_x N_y) in nats, each between .001 and `cap` bits, as the published program
/// has it.
fn capped(x: &Labels, y: &Labels, cap: f64) -> f64 {
    let n = x.len() as f64;
    let both = together(&[x, y]);
    let sum: f64 = x
        .codes()
        .iter()
        .zip(y.codes())
        .zip(both.codes())
        .map(|((&x_code, &y_code), &code)| {
            let [of_x, of_y, of_both] =
                [x.counts()[x_code as usize], y.counts()[y_code as usize], both.counts()[code as usize]]
                    .map(|count| count as f64);
            math::log2(of_both * n / (of_x * of_y)).max(0.001).min(cap)
        })
        .sum();
    Information::from_bits(sum / n).nats()
}

impl Estimator for Edge {
    fn info(&self) -> &'static EstimatorInfo {
        Self::INFO
    }

    fn setting(&self) -> String {
        let mut setting = format!("hashes={}, bandwidth={}", self.hashes, self.bandwidth);
        if self.correction != Correction::ChaoWangJost {
            setting += &format!(", {}", self.correction.name());
        }
        if let Some(cap) = self.cap_bits {
            setting += &format!(", cap {cap} bits");
        }
        setting
    }

    fn check(&self) -> Result<(), EstimateError> {
        let wrong = |key, given: String, allowed| Err(EstimateError::Setting { key, given, allowed });
        if !(1..=1000).contains(&self.hashes) {
            return wrong("hashes", self.hashes.to_string(), "1 to 1000");
        }
        if !(self.bandwidth.is_finite() && self.bandwidth > 0.0) {
            return wrong("bandwidth", self.bandwidth.to_string(), "a finite number above 0");
        }
        match self.cap_bits {
            Some(cap) if !(cap.is_finite() && cap > 0.0) => {
                wrong("cap_bits", cap.to_string(), "a finite number above 0")
            }
            Some(cap) if self.correction != Correction::PlugIn => {
                wrong("cap_bits", cap.to_string(), "to leave it out, except with correction = \"plug-in\"")
            }
            _ => Ok(()),
        }
    }

    fn estimate_pair(&self, x: Variable<'_>, y: Variable<'_>) -> Result<Estimate, EstimateError> {
        let variables = [x.view(), y.view()];
        Ok(self.compare(&self.buckets(&x, 0), &self.buckets(&y, 1), &variables))
    }

    fn estimate_layer(
        &self,
        t: Variable<'_>,
        labellings: &[&Labels],
    ) -> Result<Vec<LayerEstimate>, EstimateError> {
        let buckets = self.buckets(&t, 0);
        let estimates = labellings
            .iter()
            .map(|&labels| {
                let labels = Variable::Labels(labels);
                Ok(self.compare(&buckets, &self.buckets(&labels, 1), &[t.view(), labels]))
            })
            .collect();
        Ok(vec![LayerEstimate::new(self.setting(), None, estimates)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Measure;
    use ndarray::{Axis, array};

    fn edge() -> Edge {
        Edge::default()
    }

    fn gaussian(n: usize, d: usize, correlation: f64, index: u64) -> (Array2<f64>, Array2<f64>) {
        let mut random = generator(5, Purpose::Discrete, index);
        let x = Array2::from_shape_simple_fn((n, d), || normal(&mut random));
        let rest = (1.0 - correlation * correlation).sqrt();
        let y = x.mapv(|x| correlation * x + rest * normal(&mut random));
        (x, y)
    }

    fn pair(edge: &Edge, x: &Array2<f64>, y: &Array2<f64>) -> Estimate {
        edge.pair(Variable::Double(x.view()), Variable::Double(y.view())).unwrap()
    }

    #[test]
    fn normal_pairs_have_the_errors_that_the_documentation_names() {
        for (n, draws, allowed) in
            [(1000, 6, [0.07, 0.06, 0.05, 0.24]), (10_000, 2, [0.03, 0.03, 0.03, 0.14])]
        {
            for (correlation, allowed) in [0.0, 0.5, 0.9, 0.99].into_iter().zip(allowed) {
                let truth = -0.5 * (1.0f64 - correlation * correlation).ln();
                let mean = (0..draws)
                    .map(|draw| {
                        let (x, y) = gaussian(n, 1, correlation, draw);
                        let estimate = pair(&edge(), &x, &y);
                        // Of the strongest, a part is finer than the buckets, and the value says so.
                        assert!(estimate.warnings.is_empty() || correlation == 0.99, "{estimate:?}");
                        estimate.information.nats() - truth
                    })
                    .sum::<f64>()
                    / draws as f64;
                eprintln!("n = {n}, correlation {correlation}: {mean:+.3}");
                assert!(mean.abs() < allowed, "n = {n}, correlation {correlation}: {mean}");
            }
        }
    }

    #[test]
    fn a_deterministic_map_is_answered_with_a_warning() {
        let (x, _) = gaussian(1000, 1, 0.0, 3);
        for y in [x.mapv(|x| 2.0 * x), x.mapv(|x| -x.powi(3)), x.mapv(f64::exp)] {
            let estimate = pair(&edge(), &x, &y);
            assert!(matches!(estimate.warnings[..], [Warning::Note(_)]), "{estimate:?}");
        }
        // Many columns: hardly two samples share their buckets.
        let (x, y) = gaussian(500, 5, 0.5, 4);
        let narrow = Edge { bandwidth: 0.1, ..Edge::default() };
        let estimate = pair(&narrow, &x, &y);
        assert!(estimate.warnings.iter().any(|w| matches!(w, Warning::Undersampled { .. })), "{estimate:?}");
    }

    #[test]
    fn values_beyond_ten_bits_are_not_cut_unless_asked() {
        // 4096 inputs, all told apart: 12 bits of plain counts.
        let x = Labels::distinct(4096);
        let t = Array2::from_shape_fn((4096, 1), |(i, _)| i as f64);
        let config = Edge { bandwidth: 1e-6, correction: Correction::PlugIn, ..Edge::default() };
        let bits = |config: &Edge| {
            let edge = config.clone();
            edge.pair(Variable::Labels(&x), Variable::Double(t.view())).unwrap().information.bits()
        };
        assert!((bits(&config) - 12.0).abs() < 1e-9);
        assert!((bits(&Edge { cap_bits: Some(10.0), ..config.clone() }) - 10.0).abs() < 1e-9);
        assert!((bits(&Edge { cap_bits: Some(50.0), ..config }) - 12.0).abs() < 1e-9);
    }

    #[test]
    fn labels_are_their_own_buckets() {
        let x = Labels::from_symbols(&[0, 0, 1, 1, 2, 2]);
        let y = Labels::from_symbols(&[0, 0, 1, 1, 1, 1]);
        let config = Edge { correction: Correction::PlugIn, ..Edge::default() };
        let estimate = config.clone().pair(Variable::Labels(&x), Variable::Labels(&y)).unwrap();
        assert!((estimate.information.nats() - y.entropy().nats()).abs() < 1e-12);
        assert_eq!(estimate.kind, EstimateKind::Exact);
    }

    #[test]
    fn scale_and_offset_of_columns_and_constant_columns_do_not_matter() {
        let (x, y) = gaussian(400, 2, 0.8, 9);
        let plain = pair(&edge(), &x, &y).information.nats();
        let scaled = x.mapv(|x| 1024.0 * x);
        assert!((pair(&edge(), &scaled, &y).information.nats() - plain).abs() < 1e-9);
        let mut wider = Array2::ones((400, 3));
        wider.slice_mut(ndarray::s![.., 1..]).assign(&x);
        let estimate = pair(&edge(), &wider, &y);
        assert_eq!(estimate.information.nats(), plain);
        assert!(estimate.warnings.contains(&Warning::ConstantColumns { columns: 1 }));
    }

    #[test]
    fn the_order_of_rows_does_not_matter_and_single_precision_is_taken_as_it_is() {
        let (x, y) = gaussian(300, 1, 0.8, 10);
        let (x, y) = (x.mapv(|v| v as f32), y.mapv(|v| v as f32));
        let backwards = |a: &Array2<f32>| a.slice(ndarray::s![..;-1, ..]).to_owned();
        let of = |x: &Array2<f32>, y: &Array2<f32>| {
            edge().pair(Variable::Single(x.view()), Variable::Single(y.view())).unwrap().information.nats()
        };
        // The standard deviation is a sum in the order of rows; a value at the edge of a bucket may change sides.
        assert!((of(&x, &y) - of(&backwards(&x), &backwards(&y))).abs() < 1e-9);
        let (x64, y64) = (x.mapv(f64::from), y.mapv(f64::from));
        assert_eq!(of(&x, &y), pair(&edge(), &x64, &y64).information.nats());
    }

    #[test]
    fn the_same_bits_on_one_thread_and_on_eight_and_other_ones_with_another_seed() {
        let (x, y) = gaussian(2000, 40, 0.9, 11);
        let [one, eight] = [1, 8].map(|threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| pair(&edge(), &x, &y))
        });
        assert_eq!(one, eight);
        assert_eq!(one.dims, [40, 40]);
        let other = Edge { seed: 1, ..Edge::default() };
        assert_ne!(pair(&other, &x, &y).information, one.information);
    }

    #[test]
    fn a_layer_is_measured_as_its_pairs() {
        let (t, _) = gaussian(200, 3, 0.0, 12);
        let y = Labels::from_symbols(&t.column(0).iter().map(|v| *v > 0.0).collect::<Vec<_>>());
        let readings = edge().layer(Variable::Double(t.view()), &[&Labels::distinct(200), &y]).unwrap();
        let expected = edge().pair(Variable::Double(t.view()), Variable::Labels(&y)).unwrap();
        assert_eq!(readings[0].estimates[1].as_ref().unwrap(), &expected);
        assert_eq!(readings[0].setting, edge().setting());
    }

    #[test]
    fn odd_input_has_documented_answers() {
        let y = Labels::from_symbols(&[0, 0, 0, 1, 1, 2]);
        let y = Variable::Labels(&y);
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let t = array![[0.0], [1.0], [bad], [3.0], [4.0], [5.0]];
            let answer = edge().pair(Variable::Double(t.view()), y);
            assert!(matches!(answer, Err(EstimateError::NotFinite { row: 2, column: 0, .. })));
        }
        let dead = Array2::<f64>::zeros((6, 3));
        let estimate = edge().pair(Variable::Double(dead.view()), y).unwrap();
        assert_eq!(estimate.information, Information::ZERO);
        assert_eq!(estimate.warnings, [Warning::Constant]);
        let one = Labels::from_symbols(&[1; 6]);
        let t = array![[0.0], [1.0], [2.0], [3.0], [4.0], [5.0]];
        let estimate = edge().pair(Variable::Double(t.view()), Variable::Labels(&one)).unwrap();
        assert_eq!(
            (estimate.information, &estimate.warnings[..]),
            (Information::ZERO, &[Warning::Constant][..])
        );
        // Duplicated rows, one sample (refused), more columns than samples, and a bandwidth that overflows: finite.
        let twice = ndarray::concatenate(Axis(0), &[t.view(), t.view()]).unwrap();
        assert!(pair(&edge(), &twice, &twice).information.nats().is_finite());
        let single = Array2::<f64>::ones((1, 4));
        let refused = edge().pair(&single, &single).unwrap_err();
        assert!(matches!(refused, EstimateError::TooFewSamples { needed: 2, .. }), "{refused}");
        let (wide, other) = gaussian(4, 30, 0.5, 2);
        assert!(pair(&edge(), &wide, &other).information.nats().is_finite());
        let narrow = Edge { bandwidth: 1e-308, ..Edge::default() };
        assert!(pair(&narrow, &t, &t).information.nats().is_finite());
        for config in [
            Edge { hashes: 0, ..Edge::default() },
            Edge { bandwidth: 0.0, ..Edge::default() },
            Edge { bandwidth: f64::NAN, ..Edge::default() },
            Edge { cap_bits: Some(10.0), ..Edge::default() },
        ] {
            assert!(matches!(config.check(), Err(EstimateError::Setting { .. })));
        }
        assert!(matches!(edge().entropy(y), Err(EstimateError::NotOffered { .. })));
    }
}
