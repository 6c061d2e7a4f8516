//! Leave-one-out prediction of columns from other columns, by polynomials of few or all neighbours.

use ndarray::Array2;
use rayon::prelude::*;

use super::super::joined;
use crate::linear_algebra::{cholesky, ln_determinant, matrix_product, small};
use crate::neighbors::{Metric, Neighbors};

/// Numbers of neighbours of a local fit.
const NEIGHBORS: [usize; 8] = [8, 14, 25, 45, 80, 140, 250, 450];

/// Samples whose residuals choose the fit; all others of the chosen one only.
const MOST_FOR_CHOICE: usize = 2000;

/// Columns beyond which no neighbour is near enough for a local fit.
const MOST_LOCAL: usize = 10;

/// Terms of a polynomial of all samples at most; its cost is n times their square.
const MOST_TERMS: usize = 300;

/// What was added to the diagonal of a matrix of products, of its mean: against neighbours that lie on a line.
const RIDGE: f64 = 1e-10;

/// Predictions of every sample from the others.
pub(super) struct Smoothed {
    /// Values less their predictions, `(n_samples, columns of y)`.
    pub(super) residuals: Array2<f64>,
    /// Σ of the squared weights of the others in the prediction of each sample: by this share noise in a prediction
    /// raises the variance of a residual.
    pub(super) noise: Vec<f64>,
    /// ln det of the mean products of residuals.
    loss: f64,
}

/// Predicts each of some targets of every sample from the columns of `x`, by a fit to the other samples.
///
/// `x` comes in several scalings. Candidates are, in each, polynomials of degree 1 to 3 (1 or 2 in two or three columns, 1
/// beyond), fitted to the k nearest of each sample with weights 1 − (distance / distance of the k-th)², and polynomials of
/// degree 1 to 3 fitted to all samples. Of every target the one is taken whose leave-one-out residuals have the smallest
/// determinant. `None` if there are too few samples for any.
pub(super) fn leave_one_out(x: &[&Array2<f64>], targets: &[&Array2<f64>]) -> Vec<Option<Smoothed>> {
    let joint = joined(targets);
    let losses: Vec<Vec<LocalFit>> = x.iter().map(|x| local_losses(x, &joint, targets)).collect();
    targets
        .iter()
        .enumerate()
        .map(|(target, y)| {
            let locals = losses
                .iter()
                .enumerate()
                .flat_map(|(scaling, fits)| fits.iter().map(move |fit| (scaling, fit)));
            let local = locals.min_by(|(_, a), (_, b)| a.losses[target].total_cmp(&b.losses[target]));
            let global = x
                .iter()
                .flat_map(|x| (1..=3).filter_map(|degree| global(x, y, degree)))
                .min_by(|a, b| a.loss.total_cmp(&b.loss));
            match (global, local) {
                (Some(global), Some((_, fit))) if global.loss <= fit.losses[target] => Some(global),
                (_, Some((scaling, fit))) => Some(locally(x[scaling], y, fit, fit.losses[target])),
                (global, None) => global,
            }
        })
        .collect()
}

fn loss(residuals: &Array2<f64>) -> f64 {
    let products = matrix_product(residuals.t(), residuals.view()) / residuals.nrows() as f64;
    // Residuals of columns that determine each other, or none at all: nothing is a better prediction.
    cholesky(&products).map_or(f64::NEG_INFINITY, |factor| ln_determinant(&factor))
}

/// Number of terms of a polynomial: all products of two columns, and of higher powers those of one column.
fn terms(d: usize, degree: usize) -> usize {
    1 + d + if degree >= 2 { d * (d + 1) / 2 } else { 0 } + if degree >= 3 { d } else { 0 }
}

/// Puts the terms of a polynomial into `into`, in ascending order of degree.
fn powers(at: impl Fn(usize) -> f64, d: usize, degree: usize, into: &mut [f64]) {
    into[0] = 1.0;
    for i in 0..d {
        into[1 + i] = at(i);
    }
    let mut place = 1 + d;
    if degree >= 2 {
        for i in 0..d {
            for j in i..d {
                into[place] = into[1 + i] * into[1 + j];
                place += 1;
            }
        }
    }
    if degree >= 3 {
        for i in 0..d {
            into[place] = into[1 + i] * into[1 + i] * into[1 + i];
            place += 1;
        }
    }
}

/// One polynomial fitted to all samples; what each of them is without itself follows from its leverage.
fn global(x: &Array2<f64>, y: &Array2<f64>, degree: usize) -> Option<Smoothed> {
    let (n, d) = (x.nrows(), x.ncols());
    let p = terms(d, degree);
    if p > MOST_TERMS || 4 * p > n {
        return None;
    }
    let mut design = Array2::zeros((n, p));
    for (mut row, x) in design.rows_mut().into_iter().zip(x.rows()) {
        powers(|i| x[i], d, degree, row.as_slice_mut().expect("standard layout"));
    }
    let mut gram = matrix_product(design.t(), design.view());
    let ridge = RIDGE * gram.diag().sum() / p as f64;
    gram.diag_mut().mapv_inplace(|v| v + ridge);
    let factor = cholesky(&gram)?;
    let factor = factor.as_slice()?;
    let products = matrix_product(design.t(), y.view());
    let mut coefficients = products.t().as_standard_layout().into_owned();
    for mut row in coefficients.rows_mut() {
        small::solve(factor, p, row.as_slice_mut().expect("standard layout"));
    }
    let mut residuals = y - &matrix_product(design.view(), coefficients.t());
    let mut noise = vec![0.0; n];
    noise.par_iter_mut().enumerate().for_each(|(row, noise)| {
        let mut own = design.row(row).to_vec();
        small::solve_lower(factor, p, &mut own);
        *noise = own.iter().map(|v| v * v).sum::<f64>().min(0.99);
    });
    for (mut row, leverage) in residuals.rows_mut().into_iter().zip(&mut noise) {
        row /= 1.0 - *leverage;
        *leverage /= 1.0 - *leverage;
    }
    let loss = loss(&residuals);
    Some(Smoothed { residuals, noise, loss })
}

/// A local fit and its loss for every target.
struct LocalFit {
    k: usize,
    degree: usize,
    losses: Vec<f64>,
}

fn most_degree(d: usize) -> usize {
    match d {
        1 => 3,
        2 | 3 => 2,
        _ => 1,
    }
}

/// Returns the losses of the local fits that these samples allow, `y` being all targets side by side.
fn local_losses(x: &Array2<f64>, y: &Array2<f64>, targets: &[&Array2<f64>]) -> Vec<LocalFit> {
    let (n, d, columns) = (x.nrows(), x.ncols(), y.ncols());
    if d > MOST_LOCAL {
        return Vec::new();
    }
    // In many columns so many neighbours are most of the samples, which the polynomials of all samples fit.
    let most_neighbors = if d > 3 { 140 } else { 450 };
    let fits: Vec<(usize, usize)> = NEIGHBORS
        .into_iter()
        .filter(|&k| k <= (n / 2).min(most_neighbors))
        .flat_map(|k| (1..=most_degree(d)).map(move |degree| (k, degree)))
        .filter(|&(k, degree)| k >= 2 * terms(d, degree) + 2)
        .collect();
    let Some(&(most, _)) = fits.last() else { return Vec::new() };
    let stride = n.div_ceil(MOST_FOR_CHOICE);
    let search = Neighbors::new(x.view(), Metric::Euclidean);
    let all: Vec<Vec<f64>> = search.map_nearest(most, most, &|| {
        let mut fit = Fit::new(x, y, most_degree(d));
        let fits = &fits;
        Box::new(move |row, list| {
            if row % stride != 0 {
                return Vec::new();
            }
            let mut found = Vec::with_capacity(fits.len() * columns);
            let mut gathered = 0;
            for &(k, degree) in fits {
                if k != gathered {
                    fit.gather(row, &list[..k]);
                    gathered = k;
                }
                let weights = fit.solve(degree);
                found.extend((0..columns).map(|column| y[(row, column)] - fit.value(weights, column)));
            }
            found
        })
    });
    let looked_at: Vec<&Vec<f64>> = all.iter().step_by(stride).collect();
    let loss_of = |fit: usize, first: usize, width: usize| {
        loss(&Array2::from_shape_fn((looked_at.len(), width), |(row, column)| {
            looked_at[row][fit * columns + first + column]
        }))
    };
    fits.iter()
        .enumerate()
        .map(|(fit, &(k, degree))| {
            let mut first = 0;
            let losses = targets
                .iter()
                .map(|target| {
                    first += target.ncols();
                    loss_of(fit, first - target.ncols(), target.ncols())
                })
                .collect();
            LocalFit { k, degree, losses }
        })
        .collect()
}

/// Returns the predictions by one local fit.
fn locally(x: &Array2<f64>, y: &Array2<f64>, fit: &LocalFit, loss: f64) -> Smoothed {
    let (n, columns, degree) = (x.nrows(), y.ncols(), fit.degree);
    let found = Neighbors::new(x.view(), Metric::Euclidean).map_nearest(fit.k, fit.k, &|| {
        let mut fit = Fit::new(x, y, most_degree(x.ncols()));
        Box::new(move |row, list| {
            fit.gather(row, list);
            let weights = fit.solve(degree);
            let residuals: Vec<f64> =
                (0..columns).map(|column| y[(row, column)] - fit.value(weights, column)).collect();
            (residuals, fit.squared_weights(degree, row, list))
        })
    });
    let residuals = Array2::from_shape_fn((n, columns), |(row, column)| found[row].0[column]);
    let noise = found.iter().map(|(_, noise)| *noise).collect();
    Smoothed { residuals, noise, loss }
}

/// A weighted fit to some neighbours.
struct Fit<'a> {
    x: &'a Array2<f64>,
    y: &'a Array2<f64>,
    degree: usize,
    /// Σ w a aᵀ of the terms of the highest degree, whose upper left part is that of a lower one.
    gram: Vec<f64>,
    /// Σ w a y, a row for each column of y.
    products: Vec<f64>,
    features: Vec<f64>,
    factor: Vec<f64>,
    weights: Vec<f64>,
}

impl<'a> Fit<'a> {
    fn new(x: &'a Array2<f64>, y: &'a Array2<f64>, degree: usize) -> Self {
        let p = terms(x.ncols(), degree);
        Fit {
            x,
            y,
            degree,
            gram: vec![0.0; p * p],
            products: vec![0.0; p * y.ncols()],
            features: vec![0.0; p],
            factor: vec![0.0; p * p],
            weights: vec![0.0; p],
        }
    }

    /// Distances in units of that of the last neighbour, and the weight at each.
    fn weight(list: &[(f64, u32)], distance: f64) -> (f64, f64) {
        let last = list.last().map_or(0.0, |last| last.0);
        let scale = if last > 0.0 { 1.0 / last } else { 0.0 };
        let share = distance * scale;
        // The last neighbour would have no weight, and of neighbours at one distance none would.
        (scale, (1.0 - share * share).max(1e-3))
    }

    fn gather(&mut self, row: usize, list: &[(f64, u32)]) {
        let (d, p) = (self.x.ncols(), self.weights.len());
        self.gram.fill(0.0);
        self.products.fill(0.0);
        for &(distance, other) in list {
            let (scale, weight) = Self::weight(list, distance);
            let other = other as usize;
            let at = |i: usize| (self.x[(other, i)] - self.x[(row, i)]) * scale;
            powers(at, d, self.degree, &mut self.features);
            for i in 0..p {
                let weighted = weight * self.features[i];
                for j in 0..=i {
                    self.gram[i * p + j] += weighted * self.features[j];
                }
                for column in 0..self.y.ncols() {
                    self.products[column * p + i] += weighted * self.y[(other, column)];
                }
            }
        }
    }

    /// Solves for the weights of the products in the value at the sample.
    fn solve(&mut self, degree: usize) -> usize {
        let (p, full) = (terms(self.x.ncols(), degree), self.weights.len());
        let factor = &mut self.factor[..p * p];
        let mut trace = 0.0;
        for i in 0..p {
            for j in 0..=i {
                factor[i * p + j] = self.gram[i * full + j];
            }
            trace += factor[i * p + i];
        }
        for i in 0..p {
            factor[i * p + i] += RIDGE * trace / p as f64;
        }
        self.weights.fill(0.0);
        self.weights[0] = 1.0;
        match small::cholesky(factor, p, 0.0) {
            true => small::solve(factor, p, &mut self.weights[..p]),
            // Neighbours that lie on a line, to rounding: their weighted mean.
            false => self.weights[0] = 1.0 / self.gram[0],
        }
        p
    }

    fn value(&self, p: usize, column: usize) -> f64 {
        let full = self.weights.len();
        (0..p).map(|i| self.weights[i] * self.products[column * full + i]).sum()
    }

    fn squared_weights(&mut self, degree: usize, row: usize, list: &[(f64, u32)]) -> f64 {
        let p = self.solve(degree);
        let d = self.x.ncols();
        let mut sum = 0.0;
        for &(distance, other) in list {
            let (scale, weight) = Self::weight(list, distance);
            let at = |i: usize| (self.x[(other as usize, i)] - self.x[(row, i)]) * scale;
            powers(at, d, degree, &mut self.features);
            let own: f64 = self.features[..p].iter().zip(&self.weights).map(|(a, b)| a * b).sum();
            sum += (weight * own) * (weight * own);
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::{normals, uniform_column};
    use super::*;

    fn one(x: &Array2<f64>, y: &Array2<f64>) -> Option<Smoothed> {
        leave_one_out(&[x], &[y]).pop().flatten()
    }

    /// Targets side by side are predicted as each alone, bit by bit.
    #[test]
    fn several_targets_are_predicted_as_each_alone() {
        let x = normals(150, 2, 7);
        let a = x.mapv(|v| (2.0 * v).sin());
        let b = normals(150, 1, 8);
        let both = leave_one_out(&[&x], &[&a, &b]);
        for (found, target) in both.iter().zip([&a, &b]) {
            let (found, alone) = (found.as_ref().unwrap(), one(&x, target).unwrap());
            assert_eq!(found.residuals, alone.residuals);
            assert_eq!(found.noise, alone.noise);
        }
    }

    /// A cubic is predicted to rounding, by few neighbours and by all.
    #[test]
    fn polynomials_of_the_degree_are_predicted_to_rounding() {
        let x = uniform_column(200, 1);
        let y = x.mapv(|v| 1.0 - 2.0 * v + 3.0 * v * v - v * v * v);
        let found = one(&x, &y).unwrap();
        assert!(found.residuals.iter().all(|r| r.abs() < 1e-7), "{:?}", found.residuals);
        let wide = normals(400, 5, 2);
        let product = Array2::from_shape_fn((400, 1), |(i, _)| wide[(i, 0)] * wide[(i, 3)] - wide[(i, 1)]);
        let found = one(&wide, &product).unwrap();
        assert!(found.residuals.iter().all(|r| r.abs() < 1e-6));
    }

    /// The residual of a sample does not change when its own value does: by definition, and for both kinds of fit.
    #[test]
    fn no_value_predicts_itself() {
        let x = normals(150, 1, 3);
        let y = x.mapv(|v| (3.0 * v).sin()) + normals(150, 1, 4) * 0.1;
        let mut moved = y.clone();
        moved[(40, 0)] += 1.0;
        for degree in 1..=3 {
            let (before, after) = (global(&x, &y, degree).unwrap(), global(&x, &moved, degree).unwrap());
            let change = after.residuals[(40, 0)] - before.residuals[(40, 0)];
            assert!((change - 1.0).abs() < 1e-6, "{degree}: {change}");
        }
        let mut fit = Fit::new(&x, &y, 3);
        let mut other = Fit::new(&x, &moved, 3);
        let search = Neighbors::new(x.view(), Metric::Euclidean).nearest(20);
        let list: Vec<(f64, u32)> =
            search.distances(40).iter().copied().zip(search.indices(40).iter().copied()).collect();
        fit.gather(40, &list);
        other.gather(40, &list);
        let p = fit.solve(2);
        other.solve(2);
        assert_eq!(fit.value(p, 0), other.value(p, 0));
    }

    /// Pure noise: the mean of n − 1 others adds a share of 1/(n − 1) to the variance, and so the leverage says.
    #[test]
    fn weights_tell_how_much_noise_a_prediction_adds() {
        let (x, y) = (normals(500, 1, 5), normals(500, 1, 6));
        let found = one(&x, &y).unwrap();
        let added = found.noise.iter().sum::<f64>() / 500.0;
        // Degree 1 or more of all samples, or of many neighbours.
        assert!((2.0 / 500.0 * 0.9..0.06).contains(&added), "{added}");
    }

    #[test]
    fn too_few_samples_are_not_fitted() {
        assert!(one(&normals(7, 1, 1), &normals(7, 1, 2)).is_none());
        assert!(one(&normals(40, 12, 1), &normals(40, 1, 2)).is_none());
    }
}
