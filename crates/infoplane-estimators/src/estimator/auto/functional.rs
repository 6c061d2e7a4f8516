//! Detects whether one variable is an exact function of the other.

use ndarray::{Array2, ArrayView1, Axis, concatenate};
use rayon::prelude::*;

use crate::estimator::span::{combination, rounding};

/// Samples below which nothing can be said.
const FEWEST: usize = 32;
/// Places at which a value is predicted from its neighbours.
const PLACES: usize = 256;
/// Places looked at first.
const FEW_PLACES: usize = 32;
/// Twice the distance of the neighbours makes the error of a cubic 16 times as large, if there is no noise.
const GROWTH: f64 = 6.0;
/// Places, at least, and their share, at which a line through the nearest on each side is exact where Y follows X for a
/// part of the samples.
const EXACT_PLACES: usize = 4;
const EXACT_SHARE: f64 = 0.02;
/// Differences in rounding errors below which a line is exact whatever the values are.
const DIFFERS: f64 = 16.0;
/// Rounding errors of a value, times how much interpolation between uneven places and a sum over columns add up.
const ROUNDINGS: f64 = 64.0;

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

/// Says which column of X or Y is a function of the other and Z, if one is and no column of them is one of Z alone.
pub(super) fn function_given(x: &Array2<f64>, y: &Array2<f64>, z: &Array2<f64>) -> Option<String> {
    let of = |from: &Array2<f64>, to: &Array2<f64>, names| {
        column_of_column(from, to, names).or_else(|| linear(from, to, names))
    };
    if x.nrows() < FEWEST || of(z, x, ("X", "Z")).is_some() || of(z, y, ("Y", "Z")).is_some() {
        return None;
    }
    let with_z = |side: &Array2<f64>| concatenate(Axis(1), &[side.view(), z.view()]).expect("equal lengths");
    of(&with_z(x), y, ("Y", "X and Z")).or_else(|| of(&with_z(y), x, ("X", "Y and Z")))
}

/// Returns whether Z determines every column of X: each is one of Z, a smooth function of one or a linear combination of them.
pub(super) fn is_determined(x: &Array2<f64>, z: &Array2<f64>) -> bool {
    let few = x.nrows() < FEWEST;
    let sources: Vec<Source> =
        if few { Vec::new() } else { z.columns().into_iter().map(Source::new).collect() };
    (0..x.ncols()).all(|column| {
        let values = x.column(column);
        let image = Image::new(values);
        let of_all = |source: &Source| matches!(follows(source, &image), Some(Part::All));
        let alone = x.slice(ndarray::s![.., column..column + 1]).to_owned();
        z.columns().into_iter().any(|other| other == values)
            || sources.iter().any(of_all)
            || (!few && combination(z, &alone).is_some())
    })
}

/// A column that another may be a function of: its order, and how a cubic through neighbours predicts at each place.
struct Source {
    places: Vec<Place>,
}

/// A place in the ascending order of a column, with polynomials through the neighbours.
struct Place {
    row: usize,
    /// The line through the nearest on each side.
    line: Polynomial<2>,
    /// The cubics through the two nearest on each side, and through the second and fourth nearest.
    near: Polynomial<4>,
    far: Polynomial<4>,
}

/// Σ weight · value of the row is the value at a place of the polynomial through N points.
struct Polynomial<const N: usize> {
    rows: [usize; N],
    weights: [f64; N],
}

impl<const N: usize> Polynomial<N> {
    /// Returns the polynomial at `x` through the points `xs`; `None` where two of them coincide.
    fn new(xs: [f64; N], rows: [usize; N], x: f64) -> Option<Self> {
        let mut weights = [1.0; N];
        for i in 0..N {
            for j in (0..N).filter(|&j| j != i) {
                let gap = xs[i] - xs[j];
                if gap == 0.0 {
                    return None;
                }
                weights[i] *= (x - xs[j]) / gap;
            }
        }
        Some(Polynomial { rows, weights })
    }

    fn at(&self, values: &[f64]) -> f64 {
        (0..N).map(|i| self.weights[i] * values[self.rows[i]]).sum()
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
            Polynomial::new(rows.map(|row| column[row]), rows, column[order[at]])
        };
        let line = |at: usize| {
            let rows = [at - 1, at + 1].map(|i| order[i]);
            Polynomial::new(rows.map(|row| column[row]), rows, column[order[at]])
        };
        let stride = (n - 8).div_ceil(PLACES).max(1);
        let places = (4..n - 4)
            .step_by(stride)
            .filter_map(|at| {
                Some(Place { row: order[at], line: line(at)?, near: cubic(at, 1)?, far: cubic(at, 2)? })
            })
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
            images.iter().enumerate().find_map(|(d, image)| Some((c, d, follows(&source, image)?)))
        },
    );
    let (c, d, part) = found?;
    let part = match part {
        Part::All => "",
        Part::Some => ", for a part of the samples,",
    };
    Some(match from.ncols() * to.ncols() {
        1 => format!("{image} is{part} a function of {source} up to rounding"),
        _ => format!("column {d} of {image} is{part} a function of column {c} of {source} up to rounding"),
    })
}

/// The samples of which a column is a function of another.
enum Part {
    All,
    Some,
}

/// Returns for which samples the values at the places of a source are those of a smooth function: the cubic through two
/// neighbours on each side predicts them to rounding, or ever better the nearer the neighbours are.
///
/// Noise makes errors that do not depend on the distance, so it is seen as soon as it is larger than the curvature
/// between neighbours. Medians over many places pass over corners and steps. Of hundreds of columns nearly all pairs are
/// no function, which few places show.
///
/// Of Y that is X or −X, or X for some samples and another value for the others, a part is on a line to the last digit,
/// which is no accident at four places and one in fifty.
fn follows(source: &Source, image: &Image) -> Option<Part> {
    let places = &source.places;
    if image.constant || places.len() < (FEWEST - 8) / 2 {
        return None;
    }
    let few: Vec<&Place> = places.iter().step_by(places.len().div_ceil(FEW_PLACES)).collect();
    if looks_smooth(&few, image, 0.5) && looks_smooth(&places.iter().collect::<Vec<_>>(), image, 1.0) {
        return Some(Part::All);
    }
    let is_exact = |place: &Place| {
        let values = [place.line.rows[0], place.row, place.line.rows[1]].map(|row| image.values[row]);
        let error = (place.line.at(&image.values) - values[1]).abs();
        let (least, most) = values
            .iter()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), &v| (least.min(v), most.max(v)));
        error <= image.rounding && most - least > DIFFERS * image.rounding
    };
    if !few.iter().any(|place| is_exact(place)) {
        return None;
    }
    let exact = places.iter().filter(|place| is_exact(place)).count();
    (exact >= EXACT_PLACES && exact as f64 >= EXACT_SHARE * places.len() as f64).then_some(Part::Some)
}

/// Returns whether the median error of the nearer neighbours is rounding, or below that of the farther ones by
/// `strictness` times [`GROWTH`].
fn looks_smooth(places: &[&Place], image: &Image, strictness: f64) -> bool {
    let error =
        |place: &Place, cubic: &Polynomial<4>| (cubic.at(&image.values) - image.values[place.row]).abs();
    let near = median(places.iter().map(|place| error(place, &place.near)).collect());
    let far = median(places.iter().map(|place| error(place, &place.far)).collect());
    near <= image.rounding / strictness || far >= strictness * GROWTH * near
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Says which column of `to` is a linear combination of the columns of `from`, if one is.
fn linear(from: &Array2<f64>, to: &Array2<f64>, (image, source): (&str, &str)) -> Option<String> {
    let column = combination(from, to)?;
    Some(format!("column {column} of {image} is a linear combination of the columns of {source}"))
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
    fn copies_of_a_part_of_the_samples_are_functions_and_independent_ones_are_not() {
        let mut random = generator(5, Purpose::Known, 0);
        for n in [300, 1000, 20_000] {
            let x: Vec<f64> = (0..n).map(|_| normal(&mut random)).collect();
            let signs: Vec<f64> =
                x.iter().map(|v| if uniform(&mut random) < 0.5 { *v } else { -v }).collect();
            let half: Vec<f64> =
                x.iter().map(|v| if uniform(&mut random) < 0.5 { *v } else { normal(&mut random) }).collect();
            let noisy: Vec<f64> = half.iter().map(|v| v + 1e-3 * normal(&mut random)).collect();
            let x = column(x);
            for y in [signs, half] {
                assert!(function(&x, &column(y)).unwrap().contains("a part of the samples"), "{n}");
            }
            assert_eq!(function(&x, &column(noisy)), None, "{n}");
        }
    }

    #[test]
    fn what_z_determines_is_no_function_of_the_other_side() {
        let mut random = generator(6, Purpose::Known, 0);
        let mut draw = || Array2::from_shape_simple_fn((600, 1), || normal(&mut random));
        let (x, z, noise) = (draw(), draw(), draw());
        let of = function_given;
        assert!(of(&x, &(&x + &z), &z).unwrap().contains("X and Z"));
        assert!(of(&x, &x.mapv(f64::sin), &z).is_some());
        assert_eq!(of(&x, &z.mapv(f64::sin), &z), None);
        assert_eq!(of(&x, &(&x + &z + &noise), &z), None);
    }

    #[test]
    fn z_determines_what_it_holds_and_smooth_functions_of_it() {
        let mut random = generator(7, Purpose::Known, 0);
        for n in [20, 600] {
            let z = Array2::from_shape_simple_fn((n, 2), || normal(&mut random));
            let noise = Array2::from_shape_simple_fn((n, 1), || normal(&mut random));
            let column = |j: usize| z.slice(ndarray::s![.., j..j + 1]).to_owned();
            assert!(is_determined(&column(1), &z) && is_determined(&z, &z));
            assert!(!is_determined(&noise, &z) && !is_determined(&(&noise * 0.01 + column(0)), &z));
            if n > FEWEST {
                assert!(is_determined(&column(0).mapv(f64::tanh), &z));
                assert!(is_determined(&(column(0) + column(1)), &z));
                let half = concatenate(Axis(1), &[column(0).view(), noise.view()]).unwrap();
                assert!(!is_determined(&half, &z));
            }
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
