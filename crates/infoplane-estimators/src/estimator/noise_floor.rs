//! Detects dependence that is finer than the distances between samples.

use ndarray::{Array2, ArrayView1, Axis};
use rayon::prelude::*;

use super::input::without_tails;
use crate::interrupt::poll;
use crate::linear_algebra::small::{cholesky, solve};
use crate::neighbors::{Metric, Neighbors};
use crate::{Variable, math};

/// Places at which a value is predicted from its neighbours.
const PLACES: usize = 256;
/// Columns of the neighbours' side beyond which distances hardly differ.
const MOST_COLUMNS: usize = 16;
/// Columns of the predicted side that are looked at.
const MOST_PREDICTED: usize = 64;
/// Neighbours per coefficient of the nearer fit.
const NEAR: usize = 3;
/// By how much the farther neighbours must be farther for a difference to show.
const FARTHER: f64 = 1.15;
/// A column is looked at without the values that repeat, where these are more than 1 in 100 and others are at least 1 in 10.
const REPEATED: f64 = 0.01;
const LEAST_FREE: f64 = 0.1;
/// Columns with such values that are looked at.
const MOST_REPEATING: usize = 8;
/// Share of the growth of an error without noise from which noise is not seen.
const GROWTH: f64 = 0.5;

/// What is seen of the noise between two variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoiseFloor {
    /// Predictions from nearer neighbours are no better: what is left is noise.
    Seen,
    /// Some column is predicted ever better from nearer neighbours: no noise is seen at the distances of the samples, and
    /// there may be none.
    NotSeen,
    /// There are too many columns, or too few samples.
    Unknown,
}

/// Returns whether noise is seen in each variable beside what it follows from the other.
///
/// Every column of one variable, less its quadratic regression on the other, is predicted at 256 places by linear fits to the
/// nearest neighbours in the other, the place itself left out: from 3 (d + 1) neighbours and from 4 times as many or more. A smooth
/// function makes errors that grow with the square of the distance to the last of them; noise makes errors that do not grow. The median error
/// of some column that grows by more than the distance says that what is left is curvature rather than noise.
///
/// A column in which some values repeat and others do not, such as a rectified unit, is looked at where its values do not.
/// It should be given as it was measured: random numbers in the place of equal values are noise.
///
/// Cost O(n log n + n d⁴) for up to 5 columns, O(n (256 d + d⁴)) for more, and as much again, of fewer rows, for each of up to 8 columns with values that repeat.
pub(super) fn noise_floor(x: &Variable<'_>, y: &Variable<'_>) -> NoiseFloor {
    let (Some(x), Some(y)) = (without_tails(x), without_tails(y)) else { return NoiseFloor::Unknown };
    match (growth(&x, &y), growth(&y, &x)) {
        (Some(true), _) | (_, Some(true)) => NoiseFloor::NotSeen,
        (None, _) | (_, None) => NoiseFloor::Unknown,
        (Some(false), Some(false)) => NoiseFloor::Seen,
    }
}

/// Returns whether errors of predictions of columns of `to` grow with the distance in `from`; `None` where it cannot be
/// told.
fn growth(from: &Array2<f64>, to: &Array2<f64>) -> Option<bool> {
    let n = to.nrows() as f64;
    let (mut whole, mut parts) = (Vec::new(), Vec::new());
    for column in 0..to.ncols() {
        let rows = once(to.column(column));
        let share = rows.len() as f64 / n;
        if (LEAST_FREE..1.0 - REPEATED).contains(&share) {
            parts.push((column, rows));
        } else {
            whole.push(column);
        }
    }
    let of_part = |(column, rows): &(usize, Vec<usize>)| {
        growth_of_columns(&from.select(Axis(0), rows), &to.select(Axis(0), rows).select(Axis(1), &[*column]))
    };
    let found = [growth_of_columns(from, &to.select(Axis(1), &whole))];
    let found: Vec<bool> =
        found.into_iter().chain(parts.iter().take(MOST_REPEATING).map(of_part)).flatten().collect();
    if found.is_empty() { None } else { Some(found.contains(&true)) }
}

/// Returns the rows whose value occurs once.
fn once(column: ArrayView1<'_, f64>) -> Vec<usize> {
    let labels = Variable::from(&column.to_vec()).symbols();
    let (codes, counts) = (labels.codes(), labels.counts());
    (0..codes.len()).filter(|&row| counts[codes[row] as usize] == 1).collect()
}

/// As [`growth`], whether values repeat or not.
fn growth_of_columns(from: &Array2<f64>, to: &Array2<f64>) -> Option<bool> {
    let (n, d) = from.dim();
    if d == 0 || d > MOST_COLUMNS || to.ncols() == 0 {
        return None;
    }
    let near = NEAR * (d + 1);
    let times = math::powi(FARTHER, d as i32).ceil().max(4.0) as usize;
    let far = near * times;
    if far > n / 2 {
        return None;
    }
    let width = to.ncols().min(MOST_PREDICTED);
    let original = to;
    let to = &without_quadratic(from, to);
    let places: Vec<usize> = (0..PLACES.min(n)).map(|place| place * n / PLACES.min(n)).collect();
    let lists = Neighbors::new(from.view(), Metric::Euclidean).nearest_of(&places, far);
    let found: Vec<([Vec<f64>; 2], f64)> = places
        .par_iter()
        .zip(&lists)
        .map(|(&place, neighbours)| {
            poll();
            let errors = [near, far].map(|k| {
                let weights = weights(from, place, &neighbours[..k]);
                (0..width)
                    .map(|column| {
                        let rows = weights.iter().zip(neighbours);
                        let predicted: f64 = rows.map(|(weight, &row)| weight * to[(row, column)]).sum();
                        (predicted - to[(place, column)]).abs()
                    })
                    .collect()
            });
            let squared = |row: usize| {
                from.row(row).iter().zip(from.row(place)).map(|(a, b)| (a - b) * (a - b)).sum::<f64>()
            };
            let of_squares = squared(neighbours[far - 1]) / squared(neighbours[near - 1]);
            (errors, of_squares)
        })
        .collect();
    let (errors, of_squares): (Vec<_>, Vec<f64>) = found.into_iter().unzip();
    // Rows at one place have no distance; a rule of d columns holds there.
    let of_squares = median(of_squares.into_iter().filter(|ratio| ratio.is_finite()).collect());
    let expected = of_squares.map_or(math::ln(times as f64) * 2.0 / d as f64, math::ln);
    Some((0..width).any(|column| {
        let values: Vec<f64> = places.iter().map(|&place| original[(place, column)]).collect();
        let Some(middle) = median(values.clone()) else { return false };
        let deviations = values.iter().map(|value| (value - middle).abs()).collect();
        let [near, far] = [0, 1].map(|scale| errors.iter().map(|errors| errors[scale][column]).collect());
        let [Some(scale), Some(near), Some(far)] = [deviations, near, far].map(median) else { return false };
        // Where most values repeat, what repeats is predicted exactly, and nothing is said of the others.
        if scale == 0.0 {
            return false;
        }
        // Up to rounding a fit without an error is exact at any distance.
        near <= 1e-9 * scale || math::ln(far / near) > GROWTH * expected
    }))
}

/// Samples for each coefficient of a regression, at least.
const SAMPLES_PER_TERM: usize = 10;

/// Returns the residuals of a regression of every column on the columns of `from`, their squares and products: curvature of
/// that form is no sign that there is no noise. The columns themselves where the samples are too few.
fn without_quadratic(from: &Array2<f64>, to: &Array2<f64>) -> Array2<f64> {
    let (n, d) = from.dim();
    let size = 1 + d + d * (d + 1) / 2;
    if n < SAMPLES_PER_TERM * size {
        return to.clone();
    }
    let terms = |row: usize, terms: &mut Vec<f64>| {
        terms.clear();
        terms.push(1.0);
        terms.extend((0..d).map(|i| from[(row, i)]));
        for i in 0..d {
            terms.extend((0..=i).map(|j| from[(row, i)] * from[(row, j)]));
        }
    };
    let (mut normal, mut right) = (vec![0.0; size * size], vec![0.0; size * to.ncols()]);
    let mut row_terms = Vec::with_capacity(size);
    for row in 0..n {
        terms(row, &mut row_terms);
        for (i, term) in row_terms.iter().enumerate() {
            for (j, other) in row_terms[..=i].iter().enumerate() {
                normal[i * size + j] += term * other;
            }
            for column in 0..to.ncols() {
                right[column * size + i] += term * to[(row, column)];
            }
        }
    }
    // Columns that others determine leave their coefficients open.
    (0..size).for_each(|i| normal[i * size + i] *= 1.0 + 1e-12);
    if !cholesky(&mut normal, size, 0.0) {
        return to.clone();
    }
    right.chunks_exact_mut(size).for_each(|right| solve(&normal, size, right));
    let mut residuals = to.clone();
    for (row, mut residual) in residuals.rows_mut().into_iter().enumerate() {
        terms(row, &mut row_terms);
        for (value, coefficients) in residual.iter_mut().zip(right.chunks_exact(size)) {
            *value -= row_terms.iter().zip(coefficients).map(|(term, c)| term * c).sum::<f64>();
        }
    }
    residuals
}

/// Returns the weights with which the values at the neighbours add up to the linear fit at the place.
fn weights(from: &Array2<f64>, place: usize, neighbours: &[usize]) -> Vec<f64> {
    let d = from.ncols();
    let size = d + 1;
    // Differences in units of the farthest neighbour, so that one ridge fits all scales.
    let own = from.row(place);
    let difference = |row: usize, column: usize| from[(row, column)] - own[column];
    let farthest = *neighbours.last().expect("neighbours");
    let unit = (0..d).map(|c| difference(farthest, c) * difference(farthest, c)).sum::<f64>().sqrt();
    let unit = if unit > 0.0 { unit } else { 1.0 };
    let design: Vec<f64> = neighbours
        .iter()
        .flat_map(|&row| std::iter::once(1.0).chain((0..d).map(move |column| difference(row, column) / unit)))
        .collect();
    let mut normal = vec![0.0; size * size];
    for row in design.chunks_exact(size) {
        for i in 0..size {
            for j in 0..=i {
                normal[i * size + j] += row[i] * row[j];
            }
        }
    }
    for i in 0..size {
        // Neighbours in a plane leave a slope open, which the ridge sets to 0.
        normal[i * size + i] += 1e-10 * neighbours.len() as f64;
        for j in 0..i {
            normal[j * size + i] = normal[i * size + j];
        }
    }
    if !cholesky(&mut normal, size, 0.0) {
        return vec![1.0 / neighbours.len() as f64; neighbours.len()];
    }
    // The fit at the place is its constant: the first row of the inverse times the design.
    let mut first = vec![0.0; size];
    first[0] = 1.0;
    solve(&normal, size, &mut first);
    design.chunks_exact(size).map(|row| row.iter().zip(&first).map(|(a, b)| a * b).sum()).collect()
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, generator, normal};

    fn normals(n: usize, width: usize, seed: u64) -> Array2<f64> {
        let mut random = generator(seed, Purpose::Known, 55);
        Array2::from_shape_simple_fn((n, width), || normal(&mut random))
    }

    fn floor(x: &Array2<f64>, y: &Array2<f64>) -> NoiseFloor {
        noise_floor(&Variable::from(x), &Variable::from(y))
    }

    #[test]
    fn layers_without_noise_show_none_and_layers_with_noise_do() {
        for (inputs, n) in [(1, 1000), (2, 1000), (5, 3000), (10, 3000)] {
            for seed in 0..5 {
                let x = normals(n, inputs, seed);
                let weights = normals(inputs, inputs.max(3), 100 + seed) * (2.0 / inputs as f64).sqrt();
                let layer = x.dot(&weights).mapv(f64::tanh);
                assert_eq!(floor(&x, &layer), NoiseFloor::NotSeen, "{inputs} {seed}");
                assert_eq!(floor(&layer, &x), NoiseFloor::NotSeen, "{inputs} {seed}");
                let noisy = &layer + &(normals(n, inputs.max(3), 200 + seed) * 0.5);
                assert_eq!(floor(&x, &noisy), NoiseFloor::Seen, "{inputs} {seed}");
            }
        }
    }

    #[test]
    fn independent_and_linear_columns_show_their_noise() {
        for (width, n) in [(1, 300), (2, 500), (5, 1000), (10, 2000)] {
            for seed in 0..10 {
                let x = normals(n, width, seed);
                let other = normals(n, width, 50 + seed);
                assert_eq!(floor(&x, &other), NoiseFloor::Seen, "{width} {seed}");
                for noise in [1.0, 0.1, 0.001] {
                    assert_eq!(
                        floor(&x, &(&x + &(&other * noise))),
                        NoiseFloor::Seen,
                        "{width} {seed} {noise}"
                    );
                }
            }
        }
    }

    #[test]
    fn curves_with_noise_beyond_their_curvature_show_it() {
        let x = normals(1000, 1, 1);
        let other = normals(1000, 1, 2);
        for map in [(|v| v * v) as fn(f64) -> f64, |v| (3.0 * v).sin(), f64::exp] {
            assert_eq!(floor(&x, &(x.mapv(map) + &other * 0.05)), NoiseFloor::Seen);
            assert_eq!(floor(&x, &x.mapv(map)), NoiseFloor::NotSeen);
        }
    }

    /// Curvature beyond the noise at the distance of neighbours, but of a form that is known.
    #[test]
    fn quadratic_maps_of_several_columns_show_their_noise() {
        let (x, other) = (normals(3000, 5, 1), normals(3000, 5, 2));
        let squares = x.mapv(|v| v * v);
        assert_eq!(floor(&x, &squares), NoiseFloor::NotSeen);
        // From X, that is: predicted from Y, X has two values, and noise is seen in it.
        assert_eq!(floor(&x, &(&squares + &(&other * 0.01))), NoiseFloor::Seen);
    }

    /// Eight columns that follow two inputs lie near a surface, where neighbours are as near as in two columns.
    #[test]
    fn a_wide_layer_of_few_inputs_shows_its_noise_or_none() {
        for seed in 0..5 {
            let x = normals(1000, 2, seed);
            let hidden = x.dot(&normals(2, 16, 100 + seed)).mapv(f64::tanh);
            let layer = hidden.dot(&(normals(16, 8, 200 + seed) * 8f64.sqrt().recip())).mapv(f64::tanh);
            assert_eq!(floor(&x, &layer), NoiseFloor::NotSeen, "{seed}");
            let noisy = &layer + &(normals(1000, 8, 300 + seed) * 0.1);
            assert_eq!(floor(&x, &noisy), NoiseFloor::Seen, "{seed}");
        }
    }

    /// Half of the values of a rectified unit are 0, and the others a function of the inputs.
    #[test]
    fn rectified_layers_show_their_noise_or_none() {
        for (inputs, width, n) in [(1, 3, 1000), (2, 6, 1000), (5, 5, 3000), (10, 10, 3000)] {
            for seed in 0..5 {
                let x = normals(n, inputs, seed);
                let sums = x.dot(&(normals(inputs, width, 100 + seed) * (2.0 / inputs as f64).sqrt()));
                assert_eq!(floor(&x, &sums.mapv(|v| v.max(0.0))), NoiseFloor::NotSeen, "{inputs} {seed}");
                let noisy = &sums + &(normals(n, width, 200 + seed) * 0.5);
                assert_eq!(floor(&x, &noisy.mapv(|v| v.max(0.0))), NoiseFloor::Seen, "{inputs} {seed}");
            }
        }
    }

    #[test]
    fn rows_that_repeat_and_far_rows_are_no_sign_of_a_function() {
        let (mut x, mut y) = (normals(2000, 3, 1), normals(2000, 3, 2));
        for row in 0..1800 {
            x.row_mut(row).fill(0.0);
            y.row_mut(row).fill(0.0);
        }
        assert_eq!(floor(&x, &y), NoiseFloor::Seen);
        let (mut x, mut y) = (normals(2000, 3, 1), normals(2000, 3, 2));
        x.row_mut(0).fill(1e15);
        y.row_mut(0).fill(1e15);
        assert_eq!(floor(&x, &y), NoiseFloor::Seen);
    }

    /// One value of 10⁸, and tails of e^(8 N), beside which all others are nothing in units of the deviation.
    #[test]
    fn outliers_and_heavy_tails_are_no_sign_of_a_function() {
        for seed in 0..5 {
            let (mut x, y) = (normals(1000, 1, seed), normals(1000, 1, 50 + seed));
            let tails = (x.mapv(|v| (8.0 * v).exp()), (&x + &y).mapv(|v| (8.0 * v).exp()));
            assert_eq!(floor(&tails.0, &tails.1), NoiseFloor::Seen, "{seed}");
            assert_eq!(floor(&tails.0, &tails.0.mapv(f64::sqrt)), NoiseFloor::NotSeen, "{seed}");
            x[(0, 0)] = 1e8;
            assert_eq!(floor(&x, &y), NoiseFloor::Seen, "{seed}");
        }
    }

    #[test]
    fn what_cannot_be_told_is_unknown() {
        assert_eq!(floor(&normals(20, 1, 1), &normals(20, 1, 2)), NoiseFloor::Unknown);
        assert_eq!(floor(&normals(200, 20, 1), &normals(200, 20, 2)), NoiseFloor::Unknown);
    }
}
