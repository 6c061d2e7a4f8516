//! Normal variables, and maps of them that leave their information as it is.

use ndarray::{Array2, ArrayViewMut1};
use std::f64::consts::{PI, SQRT_2};

use super::{Sample, Streams, Values};
use crate::Information;
use crate::math;
use crate::random::normal;
use crate::special::{digamma, erfc, ln_gamma};

/// Columns of standard normal numbers on both sides; the first pairs have the correlations given.
///
/// I = −½ Σ ln(1 − ρ²).
pub(super) fn pairs(n: usize, streams: Streams, width: usize, correlations: &[f64]) -> Sample {
    let mut random = streams.draws();
    let x = Array2::from_shape_simple_fn((n, width), || normal(&mut random));
    let mut y = Array2::from_shape_simple_fn((n, width), || normal(&mut random));
    for (column, rho) in correlations.iter().enumerate() {
        let independent = (1.0 - rho * rho).sqrt();
        for row in 0..n {
            y[(row, column)] = rho * x[(row, column)] + independent * y[(row, column)];
        }
    }
    let nats = correlations.iter().map(|rho| -0.5 * math::ln(1.0 - rho * rho)).sum();
    sample(x, y, nats)
}

fn sample(x: Array2<f64>, y: Array2<f64>, nats: f64) -> Sample {
    Sample {
        x: Values::Numbers(x),
        y: Values::Numbers(y),
        information: Information::from_nats(nats),
        noise_variance: None,
    }
}

/// The same sample with each side's values mapped.
fn mapped(mut sample: Sample, x: impl Fn(f64) -> f64, y: impl Fn(f64) -> f64) -> Sample {
    if let Values::Numbers(rows) = &mut sample.x {
        rows.mapv_inplace(x);
    }
    if let Values::Numbers(rows) = &mut sample.y {
        rows.mapv_inplace(y);
    }
    sample
}

/// v → sign(v) |v|^1.5: longer tails and a density without bound at 0.
pub(super) fn half_cube(sample: Sample) -> Sample {
    let map = |v: f64| v * v.abs().sqrt();
    mapped(sample, map, map)
}

/// Marginals with two modes each.
pub(super) fn bimodal(n: usize, streams: Streams) -> Sample {
    let map = |v: f64| mixture_quantile(normal_probability(v));
    mapped(pairs(n, streams, 1, &[0.75]), map, map)
}

/// P(Z ≤ v) of the mixture 0.3 N(0, 1) + 0.7 N(5, 0.7²).
fn mixture_probability(v: f64) -> f64 {
    0.3 * normal_probability(v) + 0.7 * normal_probability((v - 5.0) / 0.7)
}

fn mixture_quantile(probability: f64) -> f64 {
    let (mut low, mut high) = (-40.0, 40.0);
    for _ in 0..80 {
        let middle = (low + high) / 2.0;
        if mixture_probability(middle) < probability {
            low = middle;
        } else {
            high = middle;
        }
    }
    (low + high) / 2.0
}

fn normal_probability(v: f64) -> f64 {
    0.5 * erfc(-v / SQRT_2)
}

/// Sines added: the slopes stay above 0.16 and 0.53, so the maps are one to one.
pub(super) fn wiggly(n: usize, streams: Streams) -> Sample {
    mapped(
        pairs(n, streams, 1, &[0.75]),
        |x| x + 0.4 * math::sin(x) + 0.2 * math::sin(1.7 * x + 1.0) + 0.03 * math::sin(3.3 * x - 2.5),
        |y| y - 0.4 * math::sin(0.4 * y) + 0.17 * math::sin(1.3 * y + 3.5) + 0.02 * math::sin(4.3 * y - 2.5),
    )
}

/// A uniform number on a spiral in the plane against a uniform number, dependent as `normal`.
pub(super) fn swiss_roll(n: usize, streams: Streams) -> Sample {
    let flat = mapped(pairs(n, streams, 1, &[0.75]), normal_probability, normal_probability);
    let Values::Numbers(u) = &flat.x else { return flat };
    let angle = |row: usize| 1.5 * PI * (1.0 + 2.0 * u[(row, 0)]);
    let rolled = Array2::from_shape_fn((n, 2), |(row, column)| {
        let angle = angle(row);
        angle / 21.0 * if column == 0 { math::cos(angle) } else { math::sin(angle) }
    });
    Sample { x: Values::Numbers(rolled), ..flat }
}

/// Both sides twisted: two columns turned by an angle proportional to the squared norm of the row. The turn of
/// X is in its first two columns, that of Y in its second and third.
pub(super) fn spiral(mut sample: Sample) -> Sample {
    for (side, first) in [(&mut sample.x, 0), (&mut sample.y, 1)] {
        if let Values::Numbers(rows) = side {
            rows.rows_mut().into_iter().for_each(|row| twist(row, first));
        }
    }
    sample
}

fn twist(mut row: ArrayViewMut1<'_, f64>, first: usize) {
    // Divided by the width: the squared norm grows with it, and the turn should not.
    let angle = row.iter().map(|v| v * v).sum::<f64>() / row.len() as f64;
    let (sin, cos) = math::sin_cos(angle);
    let (a, b) = (row[first], row[first + 1]);
    row[first] = cos * a - sin * b;
    row[first + 1] = sin * a + cos * b;
}

/// Bivariate Student t with one degree of freedom and unit dispersion: dependent through the common divisor
/// only.
///
/// I = f(ν) + f(ν + 2) − 2 f(ν + 1) with f(v) = ln Γ(v/2) − v/2 ψ(v/2).
pub(super) fn student(n: usize, streams: Streams, asinh: bool) -> Sample {
    let mut random = streams.draws();
    let mut rows = Array2::zeros((n, 2));
    for mut row in rows.rows_mut() {
        let divisor = normal(&mut random).abs().max(f64::MIN_POSITIVE);
        for value in row.iter_mut() {
            *value = normal(&mut random) / divisor;
        }
    }
    let sides = sample(
        rows.slice(ndarray::s![.., ..1]).to_owned(),
        rows.slice(ndarray::s![.., 1..]).to_owned(),
        student_nats(1.0),
    );
    if asinh { mapped(sides, math::asinh, math::asinh) } else { sides }
}

fn student_nats(freedom: f64) -> f64 {
    let f = |v: f64| ln_gamma(v / 2.0) - v / 2.0 * digamma(v / 2.0);
    f(freedom) + f(freedom + 2.0) - 2.0 * f(freedom + 1.0)
}

#[cfg(test)]
mod tests {
    use super::super::Task;
    use super::*;

    fn numbers(values: &Values) -> &Array2<f64> {
        match values {
            Values::Numbers(rows) => rows,
            Values::Labels(_) => panic!("numbers"),
        }
    }

    /// The mean of ln p(x,y)/(p(x) p(y)) over draws is the information, to within its standard error.
    fn assert_mean(log_ratios: impl Iterator<Item = f64>, truth: f64) {
        let values: Vec<f64> = log_ratios.collect();
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let variance = values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / n;
        assert!((mean - truth).abs() < 4.0 * (variance / n).sqrt(), "{mean} for {truth}");
    }

    #[test]
    fn the_information_of_normal_pairs_is_the_mean_of_their_log_density_ratio() {
        let sample = Task::named("normal-5x5").unwrap().draw(100_000, 1);
        let (x, y) = (numbers(&sample.x), numbers(&sample.y));
        let rho: f64 = 0.8;
        let ratio = |a: f64, b: f64| {
            let square = (a * a - 2.0 * rho * a * b + b * b) / (1.0 - rho * rho);
            -0.5 * (1.0 - rho * rho).ln() - 0.5 * square + 0.5 * (a * a + b * b)
        };
        let rows = (0..x.nrows()).map(|i| (0..2).map(|c| ratio(x[(i, c)], y[(i, c)])).sum());
        assert_mean(rows, sample.information.nats());
        assert!((sample.information.nats() - 1.0217).abs() < 1e-4);
    }

    #[test]
    fn the_information_of_student_pairs_is_the_mean_of_their_log_density_ratio() {
        let sample = Task::named("student").unwrap().draw(100_000, 1);
        let (x, y) = (numbers(&sample.x), numbers(&sample.y));
        // Densities of one degree of freedom: 1/(2π) (1 + a² + b²)^(−3/2), and 1/(π (1 + a²)) of each side.
        let ratio = |a: f64, b: f64| {
            (PI / 2.0).ln() - 1.5 * (1.0 + a * a + b * b).ln() + (1.0 + a * a).ln() + (1.0 + b * b).ln()
        };
        assert_mean((0..x.nrows()).map(|i| ratio(x[(i, 0)], y[(i, 0)])), sample.information.nats());
    }

    /// Information stays as it is under maps that are one to one.
    #[test]
    fn every_map_is_one_to_one() {
        let grid: Vec<f64> = (-4000..=4000).map(|i| f64::from(i) / 1000.0).collect();
        let rows = Array2::from_shape_vec((grid.len(), 1), grid.clone()).unwrap();
        let straight = sample(rows.clone(), rows, 0.0);
        let increasing = |sample: &Sample| {
            for side in [&sample.x, &sample.y] {
                let values = numbers(side);
                assert!((1..values.nrows()).all(|i| values[(i, 0)] > values[(i - 1, 0)]));
            }
        };
        increasing(&half_cube(straight.clone()));
        let bimodal = |v: f64| mixture_quantile(normal_probability(v));
        increasing(&mapped(straight.clone(), bimodal, bimodal));
        increasing(&mapped(
            straight,
            |x| x + 0.4 * x.sin() + 0.2 * (1.7 * x + 1.0).sin() + 0.03 * (3.3 * x - 2.5).sin(),
            |y| y - 0.4 * (0.4 * y).sin() + 0.17 * (1.3 * y + 3.5).sin() + 0.02 * (4.3 * y - 2.5).sin(),
        ));
        // A twist keeps the radius, so the angle can be undone.
        let task = Task::named("spiral-3x3").unwrap();
        let twisted = task.draw(50, 2);
        let flat = pairs(50, task.streams(2), 3, &[0.8, 0.8]);
        let norm = |rows: &Array2<f64>, i: usize| rows.row(i).iter().map(|v| v * v).sum::<f64>();
        for i in 0..50 {
            let (a, b) = (norm(numbers(&twisted.x), i), norm(numbers(&flat.x), i));
            assert!((a - b).abs() < 1e-12 * b.max(1.0));
        }
    }
}
