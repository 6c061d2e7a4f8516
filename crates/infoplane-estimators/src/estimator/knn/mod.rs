//! Methods that measure by nearest neighbours, one file each.
//!
//! All of them share the following: columns are scaled and joined, coinciding samples are counted, and the largest
//! value that so many samples allow is reported with the estimate.

#[cfg(test)]
mod bad_input;
mod bi_ksg;
mod combined;
mod cv_ksg;
mod extrapolated_ksg;
mod frenzel_pompe;
mod kl;
mod ksg;
mod ksg2;
mod missed;
mod mixed_ksg;
mod mixture_ksg;
mod residual_ksg;
mod ross;
mod sliced;
mod untied_ksg;

pub use bi_ksg::BiKsg;
pub use combined::Combined;
pub use cv_ksg::CvKsg;
pub use extrapolated_ksg::ExtrapolatedKsg;
pub use frenzel_pompe::FrenzelPompe;
pub(super) use frenzel_pompe::{Parts, classes};
pub use kl::Kl;
pub use ksg::Ksg;
pub use ksg2::Ksg2;
pub use mixed_ksg::{MixedKsg, MixedKsgForm};
pub use mixture_ksg::MixtureKsg;
pub(super) use mixture_ksg::centred;
pub use residual_ksg::ResidualKsg;
pub use ross::Ross;
pub use sliced::Sliced;
pub use untied_ksg::UntiedKsg;

use ndarray::{Array2, Axis, concatenate};

use crate::neighbors::{Boundary, Metric, Nearest, Neighbors};

use rand_chacha::rand_core::Rng;

use super::input::{columns, normal_scores, untied_normal_scores};
use crate::linear_algebra::{covariance, independent};
use crate::math;
use crate::{Estimate, EstimateError, EstimateKind, Information, Labels, Scaling, Variable, Warning};
use missed::Missed;

/// Neighbours of each point, unless a configuration says otherwise.
pub(super) const K: usize = 3;

/// Samples whose k-th neighbour may coincide with them before a method for continuous data is refused.
const TIED_SHARE: f64 = 0.01;

/// The least deviation of normal scores about what tells them, times 1/n, which is the distance of ranks or less. Below it the
/// ranks of the others tell the rank of a sample.
const RANKS: f64 = 25.0;

/// The alternative for coinciding samples.
const FOR_TIES: &str = "use auto or untied-ksg, or add noise that the question allows";

/// Nats below the ceiling from which a value has a warning.
pub(super) const NEAR_CEILING: f64 = 1.0;

/// Why there is no neighbour with the same label.
fn every_label_once(n_samples: usize) -> EstimateError {
    EstimateError::Undetermined {
        reason: format!(
            "every label occurs once, so that no sample has a neighbour of its label, and the information is \
             ln {n_samples} or infinite"
        ),
        choices: "give a noise variance (noise) or bins (binned)",
    }
}

fn check_k(k: usize) -> Result<(), EstimateError> {
    if k == 0 {
        return Err(EstimateError::Setting {
            key: "k",
            given: "0".into(),
            allowed: "a whole number above 0",
        });
    }
    Ok(())
}

fn check_samples(estimator: &'static str, k: usize, n_samples: usize) -> Result<(), EstimateError> {
    if n_samples <= k {
        let (reason, needed) = (format!("k = {k}"), k + 1);
        return Err(EstimateError::TooFewSamples { estimator, reason, needed, n_samples });
    }
    Ok(())
}

/// `k=3`, and the scaling where it is not the usual one.
fn setting(k: usize, scaling: Scaling) -> String {
    match scaling {
        Scaling::Standardized => format!("k={k}"),
        other => format!("k={k}, scaling={}", other.name()),
    }
}

/// Scaled variables without constant columns.
struct PreparedParts {
    /// One matrix per variable; without columns if the variable is constant.
    parts: Vec<Array2<f64>>,
    warnings: Vec<Warning>,
}

impl PreparedParts {
    /// Checks and scales.
    fn new(
        estimator: &'static str,
        k: usize,
        scaling: Scaling,
        variables: &[Variable<'_>],
    ) -> Result<Self, EstimateError> {
        let mut parts = Vec::with_capacity(variables.len());
        let mut constant = 0;
        for variable in variables {
            let part = columns(variable, scaling).ok_or(EstimateError::NeedsMatrix { estimator })?;
            constant += part.constant;
            parts.push(part.values);
        }
        check_samples(estimator, k, variables.first().map_or(0, Variable::n_samples))?;
        let mut warnings =
            if constant > 0 { vec![Warning::ConstantColumns { columns: constant }] } else { Vec::new() };
        warnings.extend(parts.iter().find_map(atoms));
        let width: usize = parts.iter().map(Array2::ncols).sum();
        if width > MANY_COLUMNS {
            warnings.push(Warning::Note(format!(
                "in {width} columns neighbours are far, and the estimate is biased downward"
            )));
        }
        Ok(PreparedParts { parts, warnings })
    }
}

/// A value of a method that measures in parts, of which the last is left to neighbours.
#[derive(Debug, Clone)]
struct Candidate {
    nats: f64,
    /// What is left to neighbours, whose bias grows with it.
    remainder: f64,
    /// What samples that were left out show without neighbours: a lower bound, or close to one.
    evidence: f64,
    /// The standard error of the value.
    error: f64,
    /// What neighbours miss of what is left to them; not in the value.
    missed: Missed,
    /// Which way it was measured.
    name: &'static str,
}

impl Candidate {
    /// The value with what neighbours miss, as far as it is believed.
    fn full(&self) -> f64 {
        self.nats + self.missed.nats
    }

    /// Its standard error, which holds half of what was added.
    fn full_error(&self) -> f64 {
        math::hypot(self.error, math::hypot(self.missed.error, 0.5 * self.missed.nats))
    }
}

/// What a method that measures in parts finds.
struct Measured {
    /// At least one.
    candidates: Vec<Candidate>,
    /// Samples that coincide with another.
    tied: usize,
}

/// A variable of numbers without columns that never change or that others of it determine.
struct FreeColumns {
    /// Centred, and divided by their standard deviations.
    standardized: Array2<f64>,
    /// As normal scores, with ties broken at random, so that the entropy of each is known.
    scores: Array2<f64>,
}

impl FreeColumns {
    fn new(
        estimator: &'static str,
        variable: &Variable<'_>,
        random: &mut impl Rng,
    ) -> Result<Self, EstimateError> {
        let found =
            columns(variable, Scaling::Standardized).ok_or(EstimateError::NeedsMatrix { estimator })?;
        let mut standardized = found.values;
        if standardized.ncols() > 1 {
            let (kept, _) = independent(&covariance(&normal_scores(standardized.view())));
            if kept.len() < standardized.ncols() {
                standardized = standardized.select(Axis(1), &kept).as_standard_layout().into_owned();
            }
        }
        let scores = untied_normal_scores(standardized.view(), random);
        let n = standardized.nrows() as f64;
        for mut column in standardized.columns_mut() {
            // Of the differences from a value of the column: the mean of large numbers is rounded.
            let first = column[0];
            let mean = column.iter().map(|v| v - first).sum::<f64>() / n;
            column.mapv_inplace(|v| (v - first) - mean);
        }
        Ok(FreeColumns { standardized, scores })
    }
}

/// Returns the number of samples that coincide with another; an error if too many coincide with their k nearest neighbours.
fn check_rows(estimator: &'static str, k: usize, parts: [&FreeColumns; 2]) -> Result<usize, EstimateError> {
    let [x, y] = parts.map(|part| normal_scores(part.standardized.view()));
    let joint = joined(&[&x, &y]);
    check_ties(estimator, &chebyshev(&joint).nearest(k), joint.nrows())
}

/// Returns a warning if some columns of the variables never change.
fn constant_columns(variables: &[Variable<'_>]) -> Vec<Warning> {
    let constant = |column: &[f64]| column.iter().all(|v| *v == column[0]);
    let of =
        |variable: &Variable<'_>| (0..variable.width()).filter(|&c| constant(&variable.column(c))).count();
    match variables.iter().map(of).sum() {
        0 => Vec::new(),
        columns => vec![Warning::ConstantColumns { columns }],
    }
}

/// Columns in all from which a method of neighbours has a warning.
const MANY_COLUMNS: usize = 10;

/// Rows looked at for values that repeat: a tenth of them at one value would show in any thousand.
const LOOKED_AT: usize = 1000;

/// Returns a warning if some column repeats one value, as a rectified unit repeats zero.
fn atoms(part: &Array2<f64>) -> Option<Warning> {
    let step = part.nrows().div_ceil(LOOKED_AT);
    let repeats = |column: ndarray::ArrayView1<'_, f64>| {
        let mut values: Vec<f64> = column.iter().step_by(step).copied().collect();
        values.sort_unstable_by(f64::total_cmp);
        let most = values.chunk_by(|a, b| a == b).map(<[f64]>::len).max().unwrap_or(0);
        // Two equal numbers may be chance or rounding.
        most > 2 && most * 20 > values.len()
    };
    part.columns().into_iter().any(repeats).then(|| {
        Warning::Note(
            "a column holds one value again and again, where the method takes all values to differ: use auto \
             or untied-ksg"
                .into(),
        )
    })
}

/// Returns the columns of some matrices side by side.
fn joined(parts: &[&Array2<f64>]) -> Array2<f64> {
    let views: Vec<_> = parts.iter().map(|part| part.view()).collect();
    let joint = concatenate(Axis(1), &views).expect("matrices of equal length");
    joint.as_standard_layout().into_owned()
}

/// Returns the search among the rows of a matrix by the largest difference of a coordinate.
fn chebyshev(points: &Array2<f64>) -> Neighbors<'_> {
    Neighbors::new(points.view(), Metric::Chebyshev)
}

/// Returns the number of samples that coincide with another; an error if too many coincide with their k nearest
/// neighbours.
fn check_ties(estimator: &'static str, nearest: &Nearest, n_samples: usize) -> Result<usize, EstimateError> {
    check_ties_at(estimator, nearest, nearest.k(), n_samples)
}

/// Returns the same where fewer neighbours than were looked for decide.
fn check_ties_at(
    estimator: &'static str,
    nearest: &Nearest,
    k: usize,
    n_samples: usize,
) -> Result<usize, EstimateError> {
    let at_zero = |rank: usize| (0..n_samples).filter(|&i| nearest.distances(i)[rank] == 0.0).count();
    let (any, all) = (at_zero(0), at_zero(k - 1));
    if all as f64 > TIED_SHARE * n_samples as f64 {
        return Err(EstimateError::Ties { estimator, tied: any, n_samples, instead: FOR_TIES });
    }
    Ok(any)
}

/// Returns the error of a method as that of the one that uses it: of coinciding samples the estimator asked for is told.
fn told_by(estimator: &'static str, error: EstimateError) -> EstimateError {
    match error {
        EstimateError::Ties { tied, n_samples, instead, .. } => {
            EstimateError::Ties { estimator, tied, n_samples, instead }
        }
        other => other,
    }
}

/// Returns the number of the k nearest of each sample that are strictly nearer than the k-th: k − 1, or fewer where
/// distances are equal.
///
/// No count of strictly nearer samples in a part of the columns is below it, which makes the ceiling of an estimate.
fn strictly_nearer(nearest: &Nearest, k: usize, n_samples: usize) -> impl Iterator<Item = usize> {
    (0..n_samples).map(move |i| {
        let distances = &nearest.distances(i)[..k];
        distances.partition_point(|&distance| distance < distances[k - 1])
    })
}

/// Returns the number of others that coincide with each sample, for samples whose radius is 0; 0 for the others.
///
/// Rows are equal where the distance is 0: differences of double precision vanish for equal numbers alone. Time O(n d).
fn at_place(points: &Array2<f64>, radii: &[f64]) -> Vec<usize> {
    if !radii.contains(&0.0) {
        return vec![0; radii.len()];
    }
    let places = Variable::Double(points.view()).symbols();
    let others = |(&code, &radius): (&u32, &f64)| match radius == 0.0 {
        true => places.counts()[code as usize] - 1,
        false => 0,
    };
    places.codes().iter().zip(radii).map(others).collect()
}

/// Returns the number of other samples within each radius, borders included.
fn count_closed(points: &Array2<f64>, radii: &[f64]) -> Vec<usize> {
    // Whoever coincides is told by the numbers themselves: among the pairs each would be looked at closely.
    let beyond: Vec<f64> = radii.iter().map(|&radius| if radius == 0.0 { -1.0 } else { radius }).collect();
    let mut counts = chebyshev(points).count_within(&beyond, Boundary::Closed);
    counts.iter_mut().zip(at_place(points, radii)).for_each(|(count, others)| *count += others);
    counts
}

/// Neighbours of each sample among those with its label.
struct WithinClasses {
    /// Neighbours looked for: k, or all others of a smaller class.
    k: Vec<usize>,
    /// The distance to the last of them; 0 if there is none.
    radii: Vec<f64>,
    /// Neighbours strictly nearer than the last of them.
    nearer: Vec<usize>,
    /// Others of the class that coincide with the sample, where the radius is 0.
    at_place: Vec<Option<usize>>,
    /// Samples that coincide with another of their class.
    tied: usize,
}

impl WithinClasses {
    fn new(t: &Array2<f64>, labels: &Labels, k: usize) -> Self {
        let n = t.nrows();
        let mut classes = vec![Vec::new(); labels.n_labels()];
        for (i, &code) in labels.codes().iter().enumerate() {
            classes[code as usize].push(i);
        }
        let mut within = WithinClasses {
            k: vec![0; n],
            radii: vec![0.0; n],
            nearer: vec![0; n],
            at_place: vec![Some(0); n],
            tied: 0,
        };
        for rows in classes.iter().filter(|rows| rows.len() > 1) {
            let own = t.select(Axis(0), rows);
            let k = k.min(rows.len() - 1);
            let search = chebyshev(&own);
            let nearest = search.nearest(k);
            let radii = nearest.radii();
            let same = at_place(&own, &radii);
            let nearer: Vec<usize> = strictly_nearer(&nearest, k, rows.len()).collect();
            for (place, &i) in rows.iter().enumerate() {
                within.k[i] = k;
                within.radii[i] = radii[place];
                within.nearer[i] = nearer[place];
                within.at_place[i] = (radii[place] == 0.0).then_some(same[place]);
                within.tied += usize::from(nearest.distances(place)[0] == 0.0);
            }
        }
        within
    }
}

/// Puts what belongs to it beside a value.
fn finished(
    nats: f64,
    variables: &[Variable<'_>],
    mut warnings: Vec<Warning>,
    tied: usize,
    ceiling: Option<f64>,
) -> Estimate {
    let n_samples = variables.first().map_or(0, Variable::n_samples);
    if tied > 0 {
        warnings.push(Warning::Ties { tied, n_samples });
    }
    let ceiling = ceiling.map(Information::from_nats);
    if let Some(ceiling) = ceiling
        && nats > ceiling.nats() - NEAR_CEILING
    {
        warnings.push(Warning::NearCeiling { ceiling });
    }
    let estimate = Estimate::new(Information::from_nats(nats), EstimateKind::Consistent, variables);
    Estimate { ties: tied, ceiling, warnings, ..estimate }
}

/// By how much the deviation of a mean of terms by neighbours exceeds that of as many independent terms, since samples share
/// neighbours.
///
/// Measured at n = 1000 it is 1.24, 1.16, 1.01 and 1.09 for KSG-1 with k = 3 and normal pairs of correlation 0, .5, .75, .95
/// (150 samples each), and 1.28 for the entropy of a column with k = 8 (300 samples).
pub(super) const SHARED_NEIGHBORS: f64 = 1.25;

/// The standard error of a mean of terms by neighbours.
fn standard_error(terms: &[f64]) -> f64 {
    let n = terms.len() as f64;
    let mean = terms.iter().sum::<f64>() / n;
    let squares: f64 = terms.iter().map(|v| (v - mean) * (v - mean)).sum();
    SHARED_NEIGHBORS * (squares / (n - 1.0) / n).sqrt()
}

/// Returns the mean of some terms, added in the order given.
fn mean(terms: impl ExactSizeIterator<Item = f64>) -> f64 {
    let n = terms.len() as f64;
    terms.sum::<f64>() / n
}

#[cfg(test)]
pub(super) mod tests {
    use ndarray::Array2;

    use crate::random::{Purpose, generator, normal, uniform};
    use crate::{Estimator, Measure, Variable};

    pub(in super::super) fn double(matrix: &Array2<f64>) -> Variable<'_> {
        Variable::Double(matrix.view())
    }

    pub(in super::super) fn normals(n: usize, width: usize, seed: u64) -> Array2<f64> {
        let mut generator = generator(seed, Purpose::Labels, 99);
        Array2::from_shape_simple_fn((n, width), || normal(&mut generator))
    }

    pub(in super::super) fn uniform_column(n: usize, seed: u64) -> Array2<f64> {
        let mut generator = generator(seed, Purpose::Labels, 98);
        Array2::from_shape_simple_fn((n, 1), || uniform(&mut generator))
    }

    /// `width` pairs of standard normal columns, each pair with the correlation given.
    pub(in super::super) fn correlated(
        n: usize,
        width: usize,
        correlation: f64,
        seed: u64,
    ) -> (Array2<f64>, Array2<f64>) {
        let x = normals(n, width, seed);
        let noise = normals(n, width, seed + 1_000_000);
        let y = &x * correlation + &noise * (1.0 - correlation * correlation).sqrt();
        (x, y)
    }

    /// −½ ln(1 − ρ²) of one pair of columns.
    pub(in super::super) fn gaussian_information(correlation: f64) -> f64 {
        -0.5 * (1.0 - correlation * correlation).ln()
    }

    /// Three pairs of 2000 samples; the standard deviation of one estimate is about 1/√n nats, and five are allowed.
    pub(super) fn agrees_with_the_closed_form(estimator: &dyn Estimator, seed: u64) {
        let n = 2000;
        for correlation in [0.0, 0.5, 0.9] {
            let (x, y) = correlated(n, 1, correlation, seed);
            let nats = estimator.pair(double(&x), double(&y)).unwrap().information.nats();
            let truth = gaussian_information(correlation);
            assert!((nats - truth).abs() < 5.0 / (n as f64).sqrt(), "{correlation}: {nats} for {truth}");
        }
    }
}
