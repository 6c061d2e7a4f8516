//! Detects whether one variable is an exact function of the other.

use ndarray::{Array2, ArrayView1};
use rayon::prelude::*;

/// Samples below which nothing can be said.
const FEWEST: usize = 32;
/// Places at which a value is predicted from its neighbours.
const PLACES: usize = 256;
/// Places looked at first.
const FEW_PLACES: usize = 32;
/// Twice the distance of the neighbours makes the error of a cubic 16 times as large, if there is no noise.
const GROWTH: f64 = 6.0;
/// Rounding errors of a value, times how much interpolation between uneven places and a sum over columns add up.
const ROUNDINGS: f64 = 64.0;
/// Columns up to which a linear map is looked for.
const MOST_COLUMNS: usize = 128;

/// Says which column is a function of the other side, if one is seen to be.
pub(super) fn function(x: &Array2<f64>, y: &Array2<f64>) -> Option<String> {
    if x.nrows() < FEWEST {
        return None;
    }
    column_of_column(x, y, ("Y", "X"))
        .or_else(|| column_of_column(y, x, ("X", "Y")))
        .or_else(|| linear(x, y, ("Y", "X")))
        .or_else(|| linear(y, x, ("X", "Y")))
}

/// A column that another may be a function of: its order, and how a cubic through neighbours predicts at each place.
struct Source {
    places: Vec<Place>,
}

/// A place in the ascending order of a column, with the rows and weights of the cubics through the neighbours.
struct Place {
    row: usize,
    /// Through the two nearest on each side, and through the second and fourth nearest.
    near: Cubic,
    far: Cubic,
}

/// Σ weight · value of the row is the value at a place of the cubic through four points.
struct Cubic {
    rows: [usize; 4],
    weights: [f64; 4],
}

impl Cubic {
    /// Returns the cubic at `x` through the points `xs`; `None` where two of them coincide.
    fn new(xs: [f64; 4], rows: [usize; 4], x: f64) -> Option<Self> {
        let mut weights = [1.0; 4];
        for i in 0..4 {
            for j in (0..4).filter(|&j| j != i) {
                let gap = xs[i] - xs[j];
                if gap == 0.0 {
                    return None;
                }
                weights[i] *= (x - xs[j]) / gap;
            }
        }
        Some(Cubic { rows, weights })
    }

    fn at(&self, values: &[f64]) -> f64 {
        (0..4).map(|i| self.weights[i] * values[self.rows[i]]).sum()
    }
}

impl Source {
    /// Up to [`PLACES`] places, evenly spaced in the order of the values.
    fn new(column: ArrayView1<'_, f64>) -> Self {
        let n = column.len();
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_unstable_by(|&i, &j| column[i].total_cmp(&column[j]));
        let cubic = |at: usize, step: usize| {
            let rows = [at - 2 * step, at - step, at + step, at + 2 * step].map(|i| order[i]);
            Cubic::new(rows.map(|row| column[row]), rows, column[order[at]])
        };
        let stride = (n - 8).div_ceil(PLACES).max(1);
        let places = (4..n - 4)
            .step_by(stride)
            .filter_map(|at| Some(Place { row: order[at], near: cubic(at, 1)?, far: cubic(at, 2)? }))
            .collect();
        Source { places }
    }
}

/// A column that may be a function of another.
struct Image {
    values: Vec<f64>,
    constant: bool,
    /// Errors up to which are rounding.
    rounding: f64,
}

impl Image {
    fn new(column: ArrayView1<'_, f64>) -> Self {
        let largest = column.iter().fold(0f64, |m, v| m.max(v.abs()));
        let constant = column.iter().all(|&v| v == column[0]);
        Image { rounding: ROUNDINGS * rounding(column) * largest, constant, values: column.to_vec() }
    }
}

fn column_of_column(from: &Array2<f64>, to: &Array2<f64>, (image, source): (&str, &str)) -> Option<String> {
    let images: Vec<Image> = to.columns().into_iter().map(Image::new).collect();
    let found = from.columns().into_iter().collect::<Vec<_>>().into_par_iter().enumerate().find_map_first(
        |(c, column)| {
            let source = Source::new(column);
            images.iter().position(|image| smooth(&source, image)).map(|d| (c, d))
        },
    );
    let (c, d) = found?;
    Some(match from.ncols() * to.ncols() {
        1 => format!("{image} is a function of {source} up to rounding"),
        _ => format!("column {d} of {image} is a function of column {c} of {source} up to rounding"),
    })
}

/// Returns whether values at the places of a source are those of a smooth function: the cubic through two neighbours
/// on each side predicts them to rounding, or ever better the nearer the neighbours are.
///
/// Noise makes errors that do not depend on the distance, so it is seen as soon as it is larger than the curvature
/// between neighbours. Medians over many places pass over corners and steps. Of hundreds of columns nearly all pairs are
/// no function, which few places show.
fn smooth(source: &Source, image: &Image) -> bool {
    let places = &source.places;
    if image.constant || places.len() < (FEWEST - 8) / 2 {
        return false;
    }
    let few: Vec<&Place> = places.iter().step_by(places.len().div_ceil(FEW_PLACES)).collect();
    looks_smooth(&few, image, 0.5) && looks_smooth(&places.iter().collect::<Vec<_>>(), image, 1.0)
}

/// Returns whether the median error of the nearer neighbours is rounding, or below that of the farther ones by
/// `strictness` times [`GROWTH`].
fn looks_smooth(places: &[&Place], image: &Image, strictness: f64) -> bool {
    let error = |place: &Place, cubic: &Cubic| (cubic.at(&image.values) - image.values[place.row]).abs();
    let near = median(places.iter().map(|place| error(place, &place.near)).collect());
    let far = median(places.iter().map(|place| error(place, &place.far)).collect());
    near <= image.rounding / strictness || far >= strictness * GROWTH * near
}

/// Of single precision if all values are, else of double.
fn rounding(values: ArrayView1<'_, f64>) -> f64 {
    let single = values.iter().all(|&v| f64::from(v as f32) == v);
    if single { f64::from(f32::EPSILON) } else { f64::EPSILON }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Returns whether a column of `to` is a linear combination of the columns of `from` and a constant, by its distance
/// from the space that they span (Gram–Schmidt, each step twice).
fn linear(from: &Array2<f64>, to: &Array2<f64>, (image, source): (&str, &str)) -> Option<String> {
    let columns = from.ncols();
    let rows = (4 * (columns + 1)).max(128).min(from.nrows());
    if columns > MOST_COLUMNS || rows < 2 * (columns + 1) {
        return None;
    }
    let mut basis: Vec<Vec<f64>> = vec![vec![1.0 / (rows as f64).sqrt(); rows]];
    let away = |basis: &[Vec<f64>], mut v: Vec<f64>| {
        for _ in 0..2 {
            for b in basis {
                let along: f64 = b.iter().zip(&v).map(|(b, v)| b * v).sum();
                v.iter_mut().zip(b).for_each(|(v, b)| *v -= along * b);
            }
        }
        v
    };
    let norm = |v: &[f64]| v.iter().map(|v| v * v).sum::<f64>().sqrt();
    let head = |column: ArrayView1<'_, f64>| -> Vec<f64> { column.iter().take(rows).copied().collect() };
    for column in from.columns() {
        let given = head(column);
        let size = norm(&given);
        let v = away(&basis, given);
        let left = norm(&v);
        if left > 1e-10 * size {
            basis.push(v.into_iter().map(|v| v / left).collect());
        }
    }
    for (d, column) in to.columns().into_iter().enumerate() {
        let given = head(column);
        let varies = given.iter().any(|v| *v != given[0]);
        let size = norm(&given);
        if varies && norm(&away(&basis, given)) <= ROUNDINGS * rounding(column) * size {
            return Some(format!("column {d} of {image} is a linear combination of the columns of {source}"));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, generator, normal, uniform};
    use proptest::prelude::*;

    fn column(values: Vec<f64>) -> Array2<f64> {
        Array2::from_shape_vec((values.len(), 1), values).unwrap()
    }

    #[test]
    fn smooth_maps_are_functions_in_double_and_in_single_precision() {
        let mut random = generator(1, Purpose::Known, 0);
        for n in [40, 100, 1000, 10_000] {
            let x: Vec<f64> = (0..n).map(|_| normal(&mut random)).collect();
            for map in [
                (|v| 3.0 * v - 1.0) as fn(f64) -> f64,
                |v| v * v,
                |v| v.tanh(),
                |v| v.exp(),
                |v| (2.0 * v).sin(),
                |v| v.abs(),
                |v| v.abs().sqrt() * v,
            ] {
                let y: Vec<f64> = x.iter().map(|&v| map(v)).collect();
                let single: Vec<f64> = y.iter().map(|&v| f64::from(v as f32)).collect();
                assert!(function(&column(x.clone()), &column(y)).is_some(), "{n}");
                assert!(function(&column(single), &column(x.clone())).is_some(), "{n}");
            }
        }
    }

    proptest! {
        /// Noise of a ten-thousandth of the range is noise, whatever the smooth map.
        #[test]
        fn small_noise_is_not_a_function(seed in 0u64..500, map in 0usize..4, n in 600usize..3000) {
            let mut random = generator(seed, Purpose::Known, 0);
            let map = [|v: f64| v, |v: f64| v * v, |v: f64| (4.0 * v).sin(), |v: f64| (3.0 * v).tanh()][map];
            let x: Vec<f64> = (0..n).map(|_| uniform(&mut random)).collect();
            let y: Vec<f64> = x.iter().map(|&v| map(v) + 1e-4 * (uniform(&mut random) - 0.5)).collect();
            prop_assert_eq!(function(&column(x), &column(y)), None);
        }

        #[test]
        fn independent_columns_are_not_functions(seed in 0u64..500, n in 1usize..400, width in 1usize..6) {
            let mut random = generator(seed, Purpose::Known, 0);
            let mut draw = || Array2::from_shape_simple_fn((n, width), || normal(&mut random));
            let (x, y) = (draw(), draw());
            prop_assert_eq!(function(&x, &y), None);
        }
    }

    #[test]
    fn linear_layers_are_functions_and_noisy_ones_are_not() {
        let mut random = generator(3, Purpose::Known, 0);
        let x = Array2::from_shape_simple_fn((500, 10), || normal(&mut random));
        let weights = Array2::from_shape_simple_fn((10, 64), || normal(&mut random));
        let t = x.dot(&weights);
        assert!(function(&x, &t).unwrap().contains("linear"));
        assert!(function(&x, &t.mapv(|v| f64::from(v as f32))).is_some());
        let noisy = t.mapv(|v| v + 1e-4 * normal(&mut random));
        assert_eq!(function(&x, &noisy), None);
    }
}
