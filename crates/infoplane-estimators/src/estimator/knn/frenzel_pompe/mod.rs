//! Conditional information of symbols and numbers in any mixture, by counts within the distance of the k-th neighbour.

use ndarray::{Array2, Axis};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::input::columns;
use super::{K, NEAR_CEILING, at_place, chebyshev, check_k, check_samples, joined, mean, strictly_nearer};
use crate::interrupt::poll;
use crate::neighbors::Boundary;
use crate::special::digammas;
use crate::variable::kind::{Measured, labels_of_columns, symbol_columns};
use crate::variable::symbols::together;
use crate::{
    Choice, Estimate, EstimateError, EstimateKind, Estimator, EstimatorInfo, Family, Information, LabelSides,
    Labels, Quantity, Scaling, Uncertainty, Variable, VariableKind, Warning,
};

/// Information I(X;Y|Z) and I(X;Y) of symbols and numbers in any mixture, by nearest neighbours.
///
/// Samples with different symbols, in X, Y or Z, are infinitely far apart; between the others the distance is the largest
/// difference of a coordinate. With Nᵢ the samples that have the symbols of sample i, with i itself, kᵢ = min(k, Nᵢ − 1), ρᵢ
/// the distance of i to its kᵢ-th neighbour in (x, y, z), and n_xz,i, n_yz,i, n_z,i the number of others nearer than ρᵢ in
/// these alone:
///
/// ```text
/// I(X;Y|Z) = mean_i [ ψ(kᵢ) − ψ(n_xz,i + 1) − ψ(n_yz,i + 1) + ψ(n_z,i + 1) ]
/// I(X;Y)   = mean_i [ ψ(kᵢ) − ψ(n_x,i + 1) − ψ(n_y,i + 1) ] + ψ(N)
/// ρᵢ = 0:  the others at the same place instead, in the counts, and their number plus 1 for kᵢ
/// Nᵢ = 1:  0 for the term of the sample, which is counted (Warning::Note)
/// ```
///
/// For numbers alone this is Frenzel and Pompe's estimator ([`Ksg`](super::Ksg)), for symbols X and no Z Ross's
/// ([`Ross`](super::Ross)), for symbols Z the mean over their classes, and for symbols alone the plug-in with ψ for the
/// logarithm.
///
/// Numbers that repeat are no symbols: those on a lattice (counts, rounded numbers) are spread at random over its step first,
/// and other equal values share their ranks at random ([`VariableKind`]), which leaves the information as it is. Which columns
/// are symbols is found out, unless `x_symbols`, `y_symbols` and `z_symbols` name them: all, if the rows of the variable are of
/// kind `names`, else columns of at most 20 values whose rows are. Labels are symbols.
///
/// X, Y, Z: labels or `(n_samples, width)`. Nats. Time O(n log n) for few columns of numbers, O(n² d) for many, within each class
/// of symbols; memory O(n (k + d)). Few columns: the bias is downward and grows with their number.
///
/// # Errors
/// [`EstimateError::TooFewSamples`] for k samples or fewer; [`EstimateError::Undetermined`] if more than half of the samples have
/// symbols that no other sample has; [`EstimateError::Setting`] for columns that a variable lacks.
///
/// ```
/// use infoplane_estimators::{FrenzelPompe, Labels, Measure, Variable};
/// let noise = |i: i32, factor: f64| ((f64::from(i) * factor).sin() * 43758.5453).rem_euclid(1.0);
/// // X and Y depend on the class Z, and on nothing else that they share.
/// let z: Vec<i32> = (1..=600).map(|i| i % 3).collect();
/// let x: Vec<f64> = z.iter().zip(1..).map(|(&z, i)| f64::from(z) + noise(i, 12.9898)).collect();
/// let y: Vec<f64> = z.iter().zip(1..).map(|(&z, i)| f64::from(z) + noise(i, 78.233)).collect();
/// let z = Labels::from_symbols(&z);
/// let estimate = FrenzelPompe::default().conditional(&x, &y, Variable::Labels(&z))?;
/// assert!(estimate.information.nats().abs() < 0.1);
/// # Ok::<(), infoplane_estimators::EstimateError>(())
/// ```
///
/// # References
/// Frenzel & Pompe (2007), *Physical Review Letters* 99:204101; Ross (2014), *PLoS ONE* 9:e87357, for symbols; Mesner & Shalizi
/// (2021), *IEEE Trans. Inf. Theory* 67:464, for mixtures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FrenzelPompe {
    /// Number of neighbours of each point among those with its symbols, at least 1; all others where there are fewer.
    pub k: usize,
    /// Scaling applied to each column of numbers first.
    pub scaling: Scaling,
    /// The columns of X that are symbols, numbered from 0; found out if not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub x_symbols: Option<Vec<usize>>,
    /// The columns of Y that are symbols.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub y_symbols: Option<Vec<usize>>,
    /// The columns of Z that are symbols.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub z_symbols: Option<Vec<usize>>,
    /// Seed of the places at which values that repeat are put.
    pub seed: u64,
}

impl Default for FrenzelPompe {
    fn default() -> Self {
        FrenzelPompe {
            k: K,
            scaling: Scaling::NormalScores,
            x_symbols: None,
            y_symbols: None,
            z_symbols: None,
            seed: 0,
        }
    }
}

impl FrenzelPompe {
    pub(in super::super) const INFO: &EstimatorInfo = &EstimatorInfo {
        name: "frenzel-pompe",
        title: "Frenzel–Pompe of mixtures",
        family: Family::Neighbors,
        estimates: "I(X;Y) and I(X;Y|Z) of symbols and numbers in any mixture",
        when: "at most about 4 columns of numbers in all, and any symbols",
        cost: "O(n log n) for few columns, O(n² d) for many",
        offers: &[Quantity::Information, Quantity::ConditionalInformation],
        labels: LabelSides::Any,
        uncertainty: Uncertainty::Subsampling,
        with_noise: None,
        reference: "Frenzel & Pompe (2007), Phys. Rev. Lett. 99:204101",
    };

    /// The columns of X, Y and Z that are symbols.
    fn symbols(&self, variables: &[Variable<'_>]) -> Result<[Vec<usize>; 3], EstimateError> {
        let given =
            [("x_symbols", &self.x_symbols), ("y_symbols", &self.y_symbols), ("z_symbols", &self.z_symbols)];
        let mut found = [const { Vec::new() }; 3];
        for ((found, (key, given)), variable) in found.iter_mut().zip(given).zip(variables) {
            *found = match given {
                None => symbol_columns(variable, None),
                Some(columns) => match columns.iter().find(|&&column| column >= variable.width()) {
                    None => {
                        let mut columns = columns.clone();
                        columns.sort_unstable();
                        columns.dedup();
                        columns
                    }
                    Some(column) => {
                        let given = format!("{column} of {} columns", variable.width());
                        return Err(EstimateError::Setting {
                            key,
                            given,
                            allowed: "columns, numbered from 0",
                        });
                    }
                },
            };
        }
        Ok(found)
    }

    /// Returns the same estimator with the columns of these variables that are symbols.
    pub(in super::super) fn resolved(&self, variables: &[Variable<'_>; 3]) -> Result<Self, EstimateError> {
        let [x, y, z] = self.symbols(variables)?;
        Ok(FrenzelPompe { x_symbols: Some(x), y_symbols: Some(y), z_symbols: Some(z), ..self.clone() })
    }

    /// Returns X, Y or Z as it is measured, by its place among them: values that repeat spread, symbols as they are.
    pub(in super::super) fn measured<'a>(&self, variable: Variable<'a>, place: usize) -> Measured<'a> {
        let symbols = [&self.x_symbols, &self.y_symbols, &self.z_symbols][place];
        let found;
        let symbols = match symbols {
            Some(symbols) => symbols,
            None => {
                found = symbol_columns(&variable, None);
                &found
            }
        };
        Measured::with_symbols(variable, symbols, place as u64, self.seed)
    }

    /// Returns the information of X and Y, given Z if there is one, and the three as they were measured.
    fn measure(&self, variables: &[Variable<'_>]) -> Result<(Estimate, [Parts; 3]), EstimateError> {
        let n = variables[0].n_samples();
        check_samples(self.name(), self.k, n)?;
        let symbols = self.symbols(variables)?;
        let parts = [0, 1, 2].map(|place| match variables.get(place) {
            Some(variable) => {
                let measured =
                    Measured::with_symbols(variable.view(), &symbols[place], place as u64, self.seed);
                Parts::new(&measured.variable(), &symbols[place], self.scaling)
            }
            None => Parts { symbols: None, numbers: Array2::zeros((n, 0)), constant: 0 },
        });
        let [x, y, z] = &parts;
        let reaches = reaches([x, y, z], self.k);
        let alone = reaches.iter().filter(|reach| reach.neighbors == 0).count();
        if 2 * alone > n {
            return Err(EstimateError::Undetermined {
                reason: format!("{alone} of {n} samples have symbols that no other sample has"),
                choices: "join symbols that are rare, or take their columns as numbers",
            });
        }
        let Value { nats, ceiling, hardly_told } = value([x, y, z], &reaches);
        let ceiling = Information::from_nats(ceiling);
        let mut warnings = Vec::new();
        let constant = parts.iter().map(|part| part.constant).sum();
        if constant > 0 {
            warnings.push(Warning::ConstantColumns { columns: constant });
        }
        if alone > 0 {
            warnings.push(Warning::Note(format!(
                "{alone} of {n} samples have symbols that no other sample has, and count as 0 nats"
            )));
        }
        let tied = reaches.iter().filter(|reach| reach.tied).count();
        let numbers: usize = parts.iter().map(|part| part.numbers.ncols()).sum();
        if tied > 0 && numbers > 0 {
            warnings.push(Warning::Ties { tied, n_samples: n });
        }
        if numbers > super::MANY_COLUMNS {
            warnings.push(Warning::far_neighbours(numbers));
        }
        warnings.extend(hardly_told.filter(|_| variables.len() == 3));
        // Symbols have their entropy for a limit, and values near it are none too low.
        let of_numbers = x.symbols.is_none() && y.symbols.is_none();
        if of_numbers && nats > ceiling.nats() - NEAR_CEILING {
            warnings.push(Warning::NearCeiling { ceiling });
        }
        let estimate = Estimate::new(Information::from_nats(nats), EstimateKind::Consistent, variables);
        Ok((Estimate { ties: tied, ceiling: Some(ceiling), warnings, ..estimate }, parts))
    }

    fn is_resolved(&self) -> bool {
        self.x_symbols.is_some() && self.y_symbols.is_some() && self.z_symbols.is_some()
    }
}

/// A variable with its symbols and its numbers apart.
#[derive(Debug, Clone)]
pub(in super::super) struct Parts {
    /// The columns of symbols together, if there are any.
    pub(in super::super) symbols: Option<Labels>,
    /// The columns of numbers that change, scaled.
    pub(in super::super) numbers: Array2<f64>,
    /// Columns of numbers that never change.
    constant: usize,
}

impl Parts {
    pub(in super::super) fn new(variable: &Variable<'_>, symbols: &[usize], scaling: Scaling) -> Parts {
        let n = variable.n_samples();
        let numbers: Vec<usize> = match variable {
            Variable::Labels(_) => Vec::new(),
            _ => (0..variable.width()).filter(|column| !symbols.contains(column)).collect(),
        };
        let labels = match variable {
            Variable::Labels(labels) => Some((*labels).clone()),
            _ => labels_of_columns(variable, symbols),
        };
        let mut values = Array2::zeros((n, numbers.len()));
        for (mut column, &from) in values.columns_mut().into_iter().zip(&numbers) {
            column.assign(&ndarray::ArrayView1::from(&variable.column(from)));
        }
        let found = columns(&Variable::Double(values.view()), scaling);
        match found.filter(|_| !numbers.is_empty()) {
            Some(found) => Parts { symbols: labels, numbers: found.values, constant: found.constant },
            None => Parts { symbols: labels, numbers: values, constant: 0 },
        }
    }
}

/// The rows of each combination of symbols; all rows together without any.
pub(in super::super) fn classes(parts: &[&Parts]) -> Vec<Vec<usize>> {
    let labels: Vec<&Labels> = parts.iter().filter_map(|part| part.symbols.as_ref()).collect();
    let n = parts.first().map_or(0, |part| part.numbers.nrows());
    if labels.is_empty() {
        return vec![(0..n).collect()];
    }
    let labels = together(&labels);
    let mut rows = vec![Vec::new(); labels.n_labels()];
    labels.codes().iter().enumerate().for_each(|(row, &code)| rows[code as usize].push(row));
    rows
}

/// What the neighbours of a sample among those with its symbols tell.
#[derive(Debug, Clone, Copy, Default)]
struct Reach {
    /// The distance to the last neighbour.
    radius: f64,
    /// Neighbours; at radius 0 the others at the place, and the sample itself. 0 if no other has the symbols.
    neighbors: usize,
    /// What no count can be below.
    least: usize,
    /// Whether another sample is at the same place.
    tied: bool,
}

/// The neighbours of every sample.
fn reaches(parts: [&Parts; 3], k: usize) -> Vec<Reach> {
    let joint = joined(&parts.map(|part| &part.numbers));
    let of_class = |rows: &Vec<usize>| -> Vec<Reach> {
        poll();
        let m = rows.len();
        if m == 1 {
            return vec![Reach::default()];
        }
        if joint.ncols() == 0 {
            return vec![Reach { radius: 0.0, neighbors: m, least: m - 1, tied: true }; m];
        }
        let own = joint.select(Axis(0), rows);
        let k = k.min(m - 1);
        let nearest = chebyshev(&own).nearest(k);
        let radii = nearest.radii();
        let others = at_place(&own, &radii);
        let nearer = strictly_nearer(&nearest, k, m);
        nearer
            .enumerate()
            .map(|(i, nearer)| match radii[i] == 0.0 {
                true => Reach { radius: 0.0, neighbors: others[i] + 1, least: others[i], tied: true },
                false => Reach {
                    radius: radii[i],
                    neighbors: k,
                    least: nearer,
                    tied: nearest.distances(i)[0] == 0.0,
                },
            })
            .collect()
    };
    scattered(&classes(&parts), of_class, joint.nrows())
}

/// The others within each radius (nearer; at the same place for radius 0) that have the symbols of some of the variables.
fn counts(parts: &[&Parts], reaches: &[Reach]) -> Vec<usize> {
    let points = joined(&parts.iter().map(|part| &part.numbers).collect::<Vec<_>>());
    let of_class = |rows: &Vec<usize>| -> Vec<usize> {
        poll();
        let radii: Vec<f64> = rows.iter().map(|&row| reaches[row].radius).collect();
        let own = points.select(Axis(0), rows);
        let mut counts = match own.ncols() {
            0 => radii.iter().map(|&radius| if radius > 0.0 { rows.len() - 1 } else { 0 }).collect(),
            _ => chebyshev(&own).count_within(&radii, Boundary::Open),
        };
        counts.iter_mut().zip(at_place(&own, &radii)).for_each(|(count, others)| *count += others);
        counts
    };
    scattered(&classes(parts), of_class, points.nrows())
}

/// An estimate and the largest value that counts with these neighbours can give, in nats.
struct Value {
    nats: f64,
    ceiling: f64,
    hardly_told: Option<Warning>,
}

fn value([x, y, z]: [&Parts; 3], reaches: &[Reach]) -> Value {
    let n = reaches.len();
    let psi = digammas(n);
    let [n_xz, n_yz, n_z] = [vec![x, z], vec![y, z], vec![z]].map(|parts| counts(&parts, reaches));
    let term = |row: usize| match reaches[row].neighbors {
        0 => 0.0,
        k => psi[k] - psi[n_xz[row] + 1] - psi[n_yz[row] + 1] + psi[n_z[row] + 1],
    };
    let mut size_of_class = vec![0; n];
    for rows in classes(&[z]) {
        rows.iter().for_each(|&row| size_of_class[row] = rows.len());
    }
    let most = |row: usize| match reaches[row].neighbors {
        0 => 0.0,
        k => psi[k] - 2.0 * psi[reaches[row].least + 1] + psi[size_of_class[row]],
    };
    let of_numbers = |part: &Parts, counts| Some(counts).filter(|_| part.symbols.is_none());
    let hardly_told = Warning::hardly_told(of_numbers(x, &n_xz[..]), of_numbers(y, &n_yz[..]), &n_z);
    Value { nats: mean((0..n).map(term)), ceiling: mean((0..n).map(most)), hardly_told }
}

/// What a function gives for the rows of each class, in the order of rows.
fn scattered<T: Send + Copy + Default>(
    classes: &[Vec<usize>],
    of_class: impl Fn(&Vec<usize>) -> Vec<T> + Sync + Send,
    n: usize,
) -> Vec<T> {
    let found: Vec<Vec<T>> = classes.par_iter().map(of_class).collect();
    let mut placed = vec![T::default(); n];
    for (rows, found) in classes.iter().zip(found) {
        rows.iter().zip(found).for_each(|(&row, value)| placed[row] = value);
    }
    placed
}

/// `2 columns of numbers`, `symbols`, `a column of symbols and 1 of numbers`.
fn told(part: &Parts) -> String {
    let of_numbers = |columns: usize| match columns {
        1 => "a column of numbers".to_owned(),
        _ => format!("{columns} columns of numbers"),
    };
    match (&part.symbols, part.numbers.ncols()) {
        (Some(labels), 0) => format!("{} symbols", labels.n_labels()),
        (None, columns) => of_numbers(columns),
        (Some(labels), columns) => format!("{} symbols and {}", labels.n_labels(), of_numbers(columns)),
    }
}

impl Estimator for FrenzelPompe {
    fn info(&self) -> &'static EstimatorInfo {
        Self::INFO
    }

    fn setting(&self) -> String {
        let scaling = match self.scaling {
            Scaling::NormalScores => String::new(),
            other => format!(", scaling={}", other.name()),
        };
        format!("k={}{scaling}", self.k)
    }

    fn check(&self) -> Result<(), EstimateError> {
        check_k(self.k)
    }

    fn estimate_pair(&self, x: Variable<'_>, y: Variable<'_>) -> Result<Estimate, EstimateError> {
        self.measure(&[x.view(), y.view()]).map(|(estimate, _)| estimate)
    }

    fn estimate_conditional(
        &self,
        x: Variable<'_>,
        y: Variable<'_>,
        z: Variable<'_>,
    ) -> Result<Estimate, EstimateError> {
        let variables = [x.view(), y.view(), z.view()];
        let (estimate, parts) = self.measure(&variables)?;
        if self.is_resolved() {
            return Ok(estimate);
        }
        // Parts of the samples may hold too few to tell which columns are symbols.
        let [x, y, z] = parts.each_ref().map(told);
        let choice = Choice {
            kinds: vec![VariableKind::Continuous; 3],
            rows: None,
            reason: format!("X: {x}; Y: {y}; Z: {z}"),
            warnings: Vec::new(),
            estimator: self.resolved(&variables)?.into(),
        };
        Ok(Estimate { choice: Some(choice), ..estimate })
    }
}

#[cfg(test)]
mod tests;
