//! Models of a class given numbers: each learns from some rows and gives log probabilities of all classes for others.

use ndarray::{Array2, ArrayView1, ArrayView2, Axis};

use crate::interrupt::poll;
use crate::linear_algebra::{cholesky, matrix_product, small};
use crate::math;

/// Shares of the pooled covariance in that of each class; the one that predicts best is taken.
const SHARES_OF_POOLED: [f64; 5] = [0.03, 0.1, 0.3, 0.6, 0.9];

/// Products of two columns, and of their signs, that a quadratic model takes at most.
const PRODUCTS: usize = 30;

/// Classes up to which squares and products are looked at; columns likewise.
const FEW_CLASSES: usize = 40;
const FEW_COLUMNS: usize = 64;

/// Rounds of a logistic fit, and of one that starts from another.
const ROUNDS: [usize; 2] = [60, 20];

/// What a logistic fit adds to the products of columns, of rows of the data: a prior of one row.
const PRIOR_ROWS: f64 = 1.0;

/// Rows with the class of each.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    pub(super) values: &'a Array2<f64>,
    pub(super) classes: &'a [usize],
    pub(super) n_classes: usize,
}

impl Rows<'_> {
    /// (count + ½)/(n + K/2) of every class.
    pub(super) fn prior(&self) -> Vec<f64> {
        let mut counts = vec![0.5; self.n_classes];
        self.classes.iter().for_each(|&class| counts[class] += 1.0);
        let total: f64 = counts.iter().sum();
        counts.iter().map(|count| count / total).collect()
    }

    fn means(&self) -> (Vec<f64>, Array2<f64>) {
        let mut counts = vec![0.0; self.n_classes];
        let mut means = Array2::zeros((self.n_classes, self.values.ncols()));
        for (row, &class) in self.values.rows().into_iter().zip(self.classes) {
            counts[class] += 1.0;
            let mut mean = means.row_mut(class);
            mean += &row;
        }
        let overall = means.sum_axis(Axis(0)) / self.classes.len() as f64;
        for (mut mean, &count) in means.rows_mut().into_iter().zip(&counts) {
            match count > 0.0 {
                true => mean /= count,
                false => mean.assign(&overall),
            }
        }
        (counts, means)
    }
}

/// What has learnt, with what it needs to learn again from more rows.
pub(super) trait Model: Sync {
    /// Returns ln p(class | row), `(rows, classes)`.
    fn ln_probabilities(&self, rows: ArrayView2<'_, f64>) -> Array2<f64>;
    /// Learns again, with what was chosen the first time.
    fn again(&self, rows: Rows<'_>) -> Option<Box<dyn Model>>;
}

/// Subtracts ln Σ exp from every row.
pub(super) fn normalize(scores: &mut Array2<f64>) {
    let mut terms = vec![0.0; scores.ncols()];
    for mut row in scores.rows_mut() {
        let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        terms.iter_mut().zip(&row).for_each(|(term, score)| *term = score - largest);
        math::exp_of_negative(&mut terms);
        let total = largest + math::ln(terms.iter().sum());
        row -= total;
    }
}

/// Normal classes: of one covariance each, mixed with the pooled one; of the pooled one alone for a share of 1.
struct Gaussian {
    share_of_pooled: f64,
    ln_prior: Vec<f64>,
    means: Array2<f64>,
    factors: Vec<Vec<f64>>,
}

impl Gaussian {
    fn learn(rows: Rows<'_>, share_of_pooled: f64) -> Option<Gaussian> {
        let d = rows.values.ncols();
        let (counts, means) = rows.means();
        let mut own = vec![vec![0.0; d * d]; rows.n_classes];
        let mut rest = vec![0.0; d];
        for (row, &class) in rows.values.rows().into_iter().zip(rows.classes) {
            for i in 0..d {
                rest[i] = row[i] - means[(class, i)];
                for j in 0..=i {
                    own[class][i * d + j] += rest[i] * rest[j];
                }
            }
        }
        let n = rows.classes.len() as f64;
        let freedom = (n - counts.iter().filter(|count| **count > 0.0).count() as f64).max(1.0);
        let mut pooled = vec![0.0; d * d];
        for own in &own {
            pooled.iter_mut().zip(own).for_each(|(pooled, v)| *pooled += v / freedom);
        }
        // Against columns that others determine: of unit deviation, as all columns are.
        for i in 0..d {
            pooled[i * d + i] += 1e-6;
        }
        let factor =
            |mut covariance: Vec<f64>| small::cholesky(&mut covariance, d, 1e-12).then_some(covariance);
        let factors = match share_of_pooled >= 1.0 {
            true => vec![factor(pooled)?],
            false => own
                .iter()
                .zip(&counts)
                .map(|(own, count)| {
                    // A class of few rows has little to say of its covariance.
                    let share = (share_of_pooled + d as f64 / (count + d as f64)).min(1.0);
                    let freedom = (count - 1.0).max(1.0);
                    let mixed =
                        own.iter().zip(&pooled).map(|(own, p)| (1.0 - share) * own / freedom + share * p);
                    factor(mixed.collect())
                })
                .collect::<Option<Vec<_>>>()?,
        };
        let ln_prior = rows.prior().iter().map(|p| math::ln(*p)).collect();
        Some(Gaussian { share_of_pooled, ln_prior, means, factors })
    }
}

impl Model for Gaussian {
    fn ln_probabilities(&self, rows: ArrayView2<'_, f64>) -> Array2<f64> {
        let d = rows.ncols();
        let mut scores = Array2::zeros((rows.nrows(), self.means.nrows()));
        let constants: Vec<f64> = self.factors.iter().map(|f| -0.5 * small::ln_determinant(f, d)).collect();
        let mut rest = vec![0.0; d];
        for (row, mut scores) in rows.rows().into_iter().zip(scores.rows_mut()) {
            for class in 0..self.means.nrows() {
                let of = class.min(self.factors.len() - 1);
                rest.iter_mut().zip(row).zip(self.means.row(class)).for_each(|((rest, v), m)| *rest = v - m);
                small::solve_lower(&self.factors[of], d, &mut rest);
                let squares: f64 = rest.iter().map(|v| v * v).sum();
                scores[class] = self.ln_prior[class] + constants[of] - 0.5 * squares;
            }
        }
        normalize(&mut scores);
        scores
    }

    fn again(&self, rows: Rows<'_>) -> Option<Box<dyn Model>> {
        Some(Box::new(Gaussian::learn(rows, self.share_of_pooled)?))
    }
}

/// The product of two columns, which are centred on their medians, or of one with itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Product {
    i: usize,
    j: usize,
    /// Of the signs: whether both are on the same side of their medians. Of one column: its size.
    of_signs: bool,
}

impl Product {
    fn of(self, row: ArrayView1<'_, f64>) -> f64 {
        let (a, b) = (row[self.i], row[self.j]);
        match (self.of_signs, self.i == self.j) {
            (false, _) => a * b,
            (true, true) => a.abs(),
            (true, false) if a == 0.0 || b == 0.0 => 0.0,
            (true, false) => a.signum() * b.signum(),
        }
    }
}

/// Multinomial logistic regression of the columns, and of some products of two.
struct Logistic {
    products: Vec<Product>,
    /// `(1 + columns + products, classes)`.
    weights: Array2<f64>,
    /// Means and deviations of the products, by which they are scaled.
    scales: Vec<(f64, f64)>,
}

impl Logistic {
    fn features(&self, rows: ArrayView2<'_, f64>) -> Array2<f64> {
        let d = rows.ncols();
        let mut features = Array2::ones((rows.nrows(), 1 + d + self.products.len()));
        for (row, mut features) in rows.rows().into_iter().zip(features.rows_mut()) {
            for i in 0..d {
                features[1 + i] = row[i];
            }
            for (place, (product, (mean, deviation))) in self.products.iter().zip(&self.scales).enumerate() {
                features[1 + d + place] = (product.of(row) - mean) / deviation;
            }
        }
        features
    }

    /// Ascends by the bound of Böhning (1992) on the curvature, the same in every round.
    fn learn(rows: Rows<'_>, products: Vec<Product>, start: Option<&Array2<f64>>) -> Option<Logistic> {
        let n = rows.classes.len();
        let scales = products
            .iter()
            .map(|&product| {
                let values = || rows.values.rows().into_iter().map(move |row| product.of(row));
                let mean = values().sum::<f64>() / n as f64;
                let variance = values().map(|v| (v - mean) * (v - mean)).sum::<f64>() / n as f64;
                (mean, if variance > 0.0 { variance.sqrt() } else { 1.0 })
            })
            .collect();
        let mut model = Logistic { products, weights: Array2::zeros((0, 0)), scales };
        let features = model.features(rows.values.view());
        let p = features.ncols();
        let mut weights = start.filter(|start| start.nrows() == p).cloned();
        let rounds = ROUNDS[usize::from(weights.is_some())];
        let mut current = weights.take().unwrap_or_else(|| Array2::zeros((p, rows.n_classes)));
        let mut curvature = matrix_product(features.t(), features.view()) * 0.5;
        curvature.diag_mut().iter_mut().skip(1).for_each(|v| *v += PRIOR_ROWS);
        curvature[(0, 0)] += 1e-6;
        let factor = cholesky(&curvature)?;
        let factor = factor.as_slice()?;
        // Steps of the bound, accelerated (Nesterov 1983).
        let mut previous = current.clone();
        for round in 0..rounds {
            poll();
            let momentum = round as f64 / (round as f64 + 3.0);
            let ahead = &current + &((&current - &previous) * momentum);
            let mut probabilities = matrix_product(features.view(), ahead.view());
            normalize(&mut probabilities);
            let mut missed = probabilities;
            let mut row_terms = vec![0.0; rows.n_classes];
            for (mut row, &class) in missed.rows_mut().into_iter().zip(rows.classes) {
                row_terms.iter_mut().zip(&row).for_each(|(term, v)| *term = v.min(0.0));
                math::exp_of_negative(&mut row_terms);
                row.iter_mut().zip(&row_terms).for_each(|(v, p)| *v = -p);
                row[class] += 1.0;
            }
            let mut gradient = matrix_product(features.t(), missed.view());
            for i in 1..p {
                for class in 0..rows.n_classes {
                    gradient[(i, class)] -= PRIOR_ROWS * ahead[(i, class)];
                }
            }
            let mut step = gradient.t().as_standard_layout().into_owned();
            for mut row in step.rows_mut() {
                small::solve(factor, p, row.as_slice_mut()?);
            }
            previous = current;
            current = &ahead + &step.t();
        }
        model.weights = current;
        Some(model)
    }

    /// The products whose means differ most between the classes, by the ratio of variances.
    fn informative(rows: Rows<'_>) -> Vec<Product> {
        let d = rows.values.ncols();
        let n = rows.classes.len() as f64;
        let mut found = Vec::new();
        let mut counts = vec![0.0; rows.n_classes];
        rows.classes.iter().for_each(|&class| counts[class] += 1.0);
        let mut sums = vec![0.0; rows.n_classes];
        for of_signs in [false, true] {
            for (i, j) in (0..d).flat_map(|i| (i..d).map(move |j| (i, j))) {
                let product = Product { i, j, of_signs };
                sums.fill(0.0);
                let mut squares = 0.0;
                for (row, &class) in rows.values.rows().into_iter().zip(rows.classes) {
                    let value = product.of(row);
                    sums[class] += value;
                    squares += value * value;
                }
                let mean = sums.iter().sum::<f64>() / n;
                let total = squares - n * mean * mean;
                let between: f64 = sums
                    .iter()
                    .zip(&counts)
                    .filter(|(_, count)| **count > 0.0)
                    .map(|(sum, count)| count * (sum / count - mean) * (sum / count - mean))
                    .sum();
                if total > 0.0 {
                    found.push((between / total, product));
                }
            }
        }
        found.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        found.truncate(PRODUCTS);
        found.into_iter().map(|(_, product)| product).collect()
    }
}

impl Model for Logistic {
    fn ln_probabilities(&self, rows: ArrayView2<'_, f64>) -> Array2<f64> {
        let mut scores = matrix_product(self.features(rows).view(), self.weights.view());
        normalize(&mut scores);
        scores
    }

    fn again(&self, rows: Rows<'_>) -> Option<Box<dyn Model>> {
        Some(Box::new(Logistic::learn(rows, self.products.clone(), Some(&self.weights))?))
    }
}

/// Learns every model from `rows`; where there is a choice, by what predicts the rows `out`.
pub(super) fn learn(rows: Rows<'_>, out: Rows<'_>) -> Vec<Box<dyn Model>> {
    let mut models: Vec<Box<dyn Model>> = Vec::new();
    if let Some(model) = Gaussian::learn(rows, 1.0) {
        models.push(Box::new(model));
    }
    let loss = |model: &Gaussian| -> f64 {
        let found = model.ln_probabilities(out.values.view());
        found.rows().into_iter().zip(out.classes).map(|(row, &class)| -row[class].max(-20.0)).sum()
    };
    let quadratic = SHARES_OF_POOLED
        .into_iter()
        .filter_map(|share| Gaussian::learn(rows, share))
        .map(|model| (loss(&model), model))
        .min_by(|a, b| a.0.total_cmp(&b.0));
    if let Some((_, model)) = quadratic {
        models.push(Box::new(model));
    }
    if let Some(model) = Logistic::learn(rows, Vec::new(), None) {
        models.push(Box::new(model));
    }
    if rows.n_classes <= FEW_CLASSES
        && rows.values.ncols() <= FEW_COLUMNS
        && let Some(model) = Logistic::learn(rows, Logistic::informative(rows), None)
    {
        models.push(Box::new(model));
    }
    models
}
