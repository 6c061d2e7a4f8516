//! Mixed-KSG: information where samples may coincide, in part or altogether.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::interrupt::Seldom;
use crate::math;
use crate::neighbors::Boundary;
use crate::special::digammas;

use ndarray::Array2;

use super::super::input::columns;
use super::{
    WithinClasses, at_place, chebyshev, check_k, check_samples, count_closed, every_label_once, joined, mean,
    setting, strictly_nearer,
};
use crate::{
    Estimate, EstimateError, EstimateKind, Estimator, EstimatorInfo, Family, Information, LabelSides, Labels,
    Quantity, Scaling, Uncertainty, Variable, Warning,
};

/// The form in which counts enter [`MixedKsg`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MixedKsgForm {
    /// As in the authors' program: ψ of the number of samples nearer than the radius, the sample itself included.
    #[default]
    Code,
    /// As in the paper's algorithm: the logarithm of one plus the number of other samples up to the radius.
    Paper,
}

/// Mutual information of variables that may be discrete, continuous, or both in parts, by nearest neighbours.
///
/// With ρᵢ the distance of sample i to its k-th neighbour in (x, y) (the largest difference of a coordinate),
/// and with the sample itself included in all counts:
///
/// ```text
/// I(X;Y) = ln N + mean_i [ ψ(k̃ᵢ) − ψ(n_x,i) − ψ(n_y,i) ]
/// ρᵢ > 0:  k̃ᵢ = k,  n the samples nearer than ρᵢ
/// ρᵢ = 0:  k̃ᵢ, n the samples at the same place
/// ```
///
/// `form = "paper"` puts ln(n + 1) for ψ(n), with n the other samples *up to* ρᵢ, as the paper's algorithm prints
/// it (there k̃ᵢ counts the others up to distance 0); its authors' program computes the first form.
///
/// Two labels are either equal or infinitely far apart: with labels on one side, the
/// neighbours have the same label, and are all of them where there are fewer than k. Purely discrete samples give the
/// plug-in value, up to ψ for the logarithm; continuous samples give [`Ksg`](super::Ksg) up to O(1/n). Labels may
/// stand on either side, or on both. Too low where a class has fewer than k members within reach, and beyond about 5
/// columns.
///
/// `(n_samples, width)` each; columns are divided by their standard deviation first unless `scaling = "none"`.
/// Nats. Time O(n log n) in few columns, O(n² d) in many; memory O(n (k + d)). A constant variable gives
/// 0 with a warning.
///
/// # Errors
/// [`EstimateError::TooFewSamples`] for k samples or fewer.
///
/// ```
/// use infoplane_estimators::{Measure, MixedKsg, Variable};
/// // A unit that is dead for half of the inputs.
/// let x = ndarray::Array2::from_shape_fn((400, 1), |(i, _)| (i as f64 * 0.618) % 1.0 - 0.5);
/// let t = x.mapv(|x| x.max(0.0));
/// let mixed = MixedKsg::default();
/// let estimate = mixed.pair(Variable::Double(x.view()), Variable::Double(t.view()))?;
/// assert!(estimate.information.nats() > 1.0);
/// # Ok::<(), infoplane_estimators::EstimateError>(())
/// ```
///
/// # References
/// Gao, Kannan, Oh & Viswanath (2017), *Estimating mutual information for discrete-continuous mixtures*, NeurIPS.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MixedKsg {
    /// Number of neighbours of each point, at least 1.
    pub k: usize,
    /// Scaling applied to each column first. `none` gives the definition as published.
    pub scaling: Scaling,
    /// The form in which counts enter, `code` or `paper`; they differ by O(1/n).
    pub form: MixedKsgForm,
}

impl Default for MixedKsg {
    fn default() -> Self {
        MixedKsg { k: 5, scaling: Scaling::default(), form: MixedKsgForm::default() }
    }
}

impl MixedKsg {
    pub(in super::super) const INFO: &EstimatorInfo = &EstimatorInfo {
        name: "mixed-ksg",
        title: "mixed KSG",
        family: Family::Neighbors,
        estimates: "I(X;Y) where samples may coincide",
        when: "discrete and continuous columns mixed, saturated or dead units",
        cost: "O(n log n) for few columns, O(n² d) for many",
        offers: &[Quantity::Information],
        labels: LabelSides::Any,
        uncertainty: Uncertainty::Subsampling,
        with_noise: None,
        reference: "Gao, Kannan, Oh & Viswanath (2017), NeurIPS",
    };
}

impl MixedKsg {
    /// Estimates the information where both sides are continuous.
    fn numbers(&self, x: &Array2<f64>, y: &Array2<f64>) -> Measured {
        let joint = joined(&[x, y]);
        let n = joint.nrows();
        let search = chebyshev(&joint);
        let nearest = search.nearest(self.k);
        let radii = nearest.radii();
        let tied = (0..n).filter(|&i| nearest.distances(i)[0] == 0.0).count();
        let at_place = at_place(&joint, &radii);
        let neighbors: Vec<usize> =
            (0..n).map(|i| if radii[i] == 0.0 { at_place[i] } else { self.k }).collect();
        let nearer = strictly_nearer(&nearest, self.k, n);
        let least: Vec<usize> =
            nearer.enumerate().map(|(i, nearer)| self.least(radii[i], neighbors[i], nearer)).collect();
        Measured {
            nats: self.value(n, &radii, &neighbors, &self.counts(x, &radii), &self.counts(y, &radii)),
            ceiling: self.value(n, &radii, &neighbors, &least, &least),
            tied,
        }
    }

    /// Estimates the information of numbers and labels: neighbours have the same label, however far they are.
    fn labelled(&self, t: &Array2<f64>, labels: &Labels) -> Measured {
        let n = t.nrows();
        let within = WithinClasses::new(t, labels, self.k);
        let same_label: Vec<usize> =
            labels.codes().iter().map(|&code| labels.counts()[code as usize] - 1).collect();
        // Samples of one label coincide in it, so that at radius 0 and beyond all of them count.
        let neighbors: Vec<usize> = (0..n).map(|i| within.at_place[i].unwrap_or(within.k[i])).collect();
        let least: Vec<usize> =
            (0..n).map(|i| self.least(within.radii[i], neighbors[i], within.nearer[i])).collect();
        let counts = self.counts(t, &within.radii);
        Measured {
            nats: self.value(n, &within.radii, &neighbors, &counts, &same_label),
            ceiling: self.value(n, &within.radii, &neighbors, &least, &same_label),
            tied: within.tied,
        }
    }

    /// Labels on both sides: all that matters is who coincides.
    fn labels(&self, x: &Labels, y: &Labels) -> Measured {
        let n = x.len();
        let others = |labels: &Labels| -> Vec<usize> {
            labels.codes().iter().map(|&code| labels.counts()[code as usize] - 1).collect()
        };
        let pairs: Vec<_> = x.codes().iter().zip(y.codes()).collect();
        let both = others(&Labels::from_symbols(&pairs));
        let tied = both.iter().filter(|&&others| others > 0).count();
        let at_place = vec![0.0; n];
        Measured {
            nats: self.value(n, &at_place, &both, &others(x), &others(y)),
            ceiling: self.value(n, &at_place, &both, &both, &both),
            tied,
        }
    }

    /// Returns the least number of others that a count on one side can find.
    fn least(&self, radius: f64, neighbors: usize, nearer: usize) -> usize {
        match self.form {
            MixedKsgForm::Code if radius > 0.0 => nearer,
            _ => neighbors,
        }
    }

    /// Returns the number of other samples nearer than each radius, or at the same place.
    fn counts(&self, side: &Array2<f64>, radii: &[f64]) -> Vec<usize> {
        if self.form == MixedKsgForm::Paper {
            return count_closed(side, radii);
        }
        let mut counts = chebyshev(side).count_within(radii, Boundary::Open);
        // None is nearer than a radius of 0.
        counts.iter_mut().zip(at_place(side, radii)).for_each(|(count, others)| *count += others);
        counts
    }

    /// From counts of others.
    fn value(&self, n: usize, radii: &[f64], neighbors: &[usize], n_x: &[usize], n_y: &[usize]) -> f64 {
        let psi = digammas(n);
        let mut seldom = Seldom::default();
        let terms: Vec<f64> = neighbors
            .iter()
            .inspect(|_| seldom.poll())
            .enumerate()
            .map(|(i, &k)| match self.form {
                MixedKsgForm::Code => {
                    let k = if radii[i] == 0.0 { k + 1 } else { k };
                    psi[k] - psi[n_x[i] + 1] - psi[n_y[i] + 1]
                }
                MixedKsgForm::Paper => {
                    let logarithm = |count: usize| math::ln((count + 1) as f64);
                    // A sample alone at its place and with its label has itself for a neighbour.
                    psi[k.max(1)] - logarithm(n_x[i]) - logarithm(n_y[i])
                }
            })
            .collect();
        math::ln(n as f64) + mean(terms.into_iter())
    }
}

/// A value with what belongs to it.
struct Measured {
    nats: f64,
    /// The largest value possible for samples with these distances.
    ceiling: f64,
    /// Samples that coincide with another.
    tied: usize,
}

impl Estimator for MixedKsg {
    fn info(&self) -> &'static EstimatorInfo {
        Self::INFO
    }

    fn setting(&self) -> String {
        match self.form {
            MixedKsgForm::Code => setting(self.k, self.scaling),
            MixedKsgForm::Paper => format!("{}, form=paper", setting(self.k, self.scaling)),
        }
    }

    fn check(&self) -> Result<(), EstimateError> {
        check_k(self.k)
    }

    fn estimate_pair(&self, x: Variable<'_>, y: Variable<'_>) -> Result<Estimate, EstimateError> {
        let variables = [x.view(), y.view()];
        let n = x.n_samples();
        check_samples(self.name(), self.k, n)?;
        let mut warnings = Vec::new();
        let mut constant = 0;
        let mut sides = Vec::with_capacity(2);
        for variable in &variables {
            sides.push(match columns(variable, self.scaling) {
                Some(columns) => {
                    constant += columns.constant;
                    Some(columns.values)
                }
                None => None,
            });
        }
        if constant > 0 {
            warnings.push(Warning::ConstantColumns { columns: constant });
        }
        if variables.iter().any(|v| matches!(v, Variable::Labels(labels) if n > 1 && labels.all_distinct())) {
            return Err(every_label_once(n));
        }
        let Measured { nats, ceiling, tied } = match (&variables[0], &variables[1], &sides[..]) {
            (Variable::Labels(x), Variable::Labels(y), _) => self.labels(x, y),
            (Variable::Labels(labels), _, [_, Some(t)]) | (_, Variable::Labels(labels), [Some(t), _]) => {
                self.labelled(t, labels)
            }
            (_, _, [Some(x), Some(y)]) => self.numbers(x, y),
            _ => unreachable!("every variable that is not labels has columns"),
        };
        let ceiling = Information::from_nats(ceiling);
        if nats > ceiling.nats() - super::NEAR_CEILING {
            warnings.push(Warning::NearCeiling { ceiling });
        }
        let estimate = Estimate::new(Information::from_nats(nats), EstimateKind::Consistent, &variables);
        Ok(Estimate { ties: tied, ceiling: Some(ceiling), warnings, ..estimate })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{correlated, double, gaussian_information};
    use super::*;
    use crate::Measure;

    fn mixed() -> MixedKsg {
        MixedKsg::default()
    }

    #[test]
    fn continuous_samples_share_what_the_closed_form_says() {
        let n = 2000;
        for form in [MixedKsgForm::Code, MixedKsgForm::Paper] {
            let (x, y) = correlated(n, 1, 0.6, 5);
            let mixed = MixedKsg { form, ..MixedKsg::default() };
            let nats = mixed.pair(double(&x), double(&y)).unwrap().information.nats();
            // ψ(k) against ln(k + 1) − 1/2k and the like: the paper's form has a bias of about 1/k beside the spread.
            let bias = if form == MixedKsgForm::Paper { 0.25 } else { 0.0 };
            assert!(
                (nats - gaussian_information(0.6)).abs() < bias + 5.0 / (n as f64).sqrt(),
                "{form:?} {nats}"
            );
        }
    }

    /// ln N + mean [ψ(N_xy) − ψ(N_x) − ψ(N_y)], by hand: cells of 30, 10, 10, 30 of 80.
    #[test]
    fn discrete_samples_give_the_plug_in_value_under_the_digamma() {
        let symbols: Vec<(u8, u8)> = [((0, 0), 30), ((0, 1), 10), ((1, 0), 10), ((1, 1), 30)]
            .iter()
            .flat_map(|&(s, n)| vec![s; n])
            .collect();
        let psi = crate::special::digamma;
        let by_hand = 80f64.ln() + (60.0 * psi(30.0) + 20.0 * psi(10.0)) / 80.0 - 2.0 * psi(40.0);
        let x: Vec<u8> = symbols.iter().map(|s| s.0).collect();
        let y: Vec<u8> = symbols.iter().map(|s| s.1).collect();
        let column = |v: &[u8]| Array2::from_shape_fn((80, 1), |(i, _)| f64::from(v[i]));
        let (labels_x, labels_y) = (Labels::from_symbols(&x), Labels::from_symbols(&y));
        let (column_x, column_y) = (column(&x), column(&y));
        for x in [Variable::Labels(&labels_x), double(&column_x)] {
            for y in [Variable::Labels(&labels_y), double(&column_y)] {
                let nats = mixed().pair(x.view(), y).unwrap().information.nats();
                assert!((nats - by_hand).abs() < 1e-12, "{nats} {by_hand}");
            }
        }
    }
}
