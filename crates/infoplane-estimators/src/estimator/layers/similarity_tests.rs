//! Similarities and ranks against their definitions, closed forms and values of the literature's programs.

use ndarray::{Array2, Axis, array};

use super::*;
use crate::random::{Purpose, generator, normal};
use crate::{EstimateError, Labels, Variable};

fn normals(n: usize, width: usize, seed: u64) -> Array2<f64> {
    let mut random = generator(seed, Purpose::Known, 92);
    Array2::from_shape_simple_fn((n, width), || normal(&mut random))
}

fn cka(x: &Array2<f64>, y: &Array2<f64>) -> [f64; 2] {
    let pairs = linear_cka(&[x.into(), y.into()]).unwrap();
    let turned = linear_cka(&[y.into(), x.into()]).unwrap();
    let [found, turned] =
        [&pairs[1], &turned[1]].map(|pair| [pair.biased.clone().unwrap(), pair.unbiased.clone().unwrap()]);
    assert!(found.iter().zip(turned).all(|(one, other)| (one - other).abs() < 1e-13));
    found
}

/// Both forms as published, by matrices of all pairs of samples: HSIC₀ = tr KHLH, and HSIC₁ with diagonals of 0.
fn by_definition(x: &Array2<f64>, y: &Array2<f64>) -> [f64; 2] {
    let n = x.nrows();
    let centring = Array2::from_shape_fn((n, n), |(i, j)| f64::from(u8::from(i == j)) - 1.0 / n as f64);
    let biased = |a: &Array2<f64>, b: &Array2<f64>| {
        let [k, l] = [a, b].map(|layer| centring.dot(&layer.dot(&layer.t())).dot(&centring));
        (&k * &l).sum()
    };
    let unbiased = |a: &Array2<f64>, b: &Array2<f64>| {
        let [k, l] = [a, b].map(|layer| {
            let mut products = layer.dot(&layer.t());
            products.diag_mut().fill(0.0);
            products
        });
        let n = n as f64;
        let [of_k, of_l] = [&k, &l].map(|m| m.sum_axis(Axis(1)));
        ((&k * &l).sum() + of_k.sum() * of_l.sum() / ((n - 1.0) * (n - 2.0))
            - 2.0 * of_k.dot(&of_l) / (n - 2.0))
            / (n * (n - 3.0))
    };
    let ratio =
        |form: &dyn Fn(&Array2<f64>, &Array2<f64>) -> f64| form(x, y) / (form(x, x) * form(y, y)).sqrt();
    [ratio(&biased), ratio(&unbiased)]
}

#[test]
fn known_similarities() {
    let x = Array2::from_shape_fn((6, 1), |(i, _)| i as f64);
    let y = x.mapv(|x| x * x);
    let [biased, unbiased] = cka(&x, &y);
    // The square of the correlation; HSIC₁ = 252.277778, 10.5 and 6714.766667.
    assert!((biased - 0.921_375_921_4).abs() < 1e-10, "{biased}");
    assert!(
        (unbiased - 252.277_777_777_8 / (10.5f64 * 6_714.766_666_666_7).sqrt()).abs() < 1e-10,
        "{unbiased}"
    );
    let both =
        Array2::from_shape_fn((6, 2), |(i, j)| if j == 0 { i as f64 } else { (i as f64 - 2.0).powi(2) });
    let [biased, unbiased] = cka(&both, &y);
    assert!((biased - 0.781_165_833_3).abs() < 1e-10 && (unbiased - 0.585_834_229_5).abs() < 1e-10);
    let own = linear_cka(&[(&both).into()]).unwrap();
    assert_eq!((own[0].biased.clone(), own[0].unbiased.clone()), (Ok(1.0), Ok(1.0)));
}

/// Of layers with fewer columns than samples, and more: all forms in which products are kept.
#[test]
fn similarities_are_those_of_the_definition() {
    for n in [5, 9, 40, 100] {
        for (p, q) in [(1, 1), (3, 2), (3, 150), (150, 3), (120, 130), (70, 90)] {
            let x = normals(n, p, 1) + 3.0;
            let y = x.dot(&normals(p, q, 2)).mapv(f64::tanh) + normals(n, q, 3) * 0.5;
            let (found, expected) = (cka(&x, &y), by_definition(&x, &y));
            for (found, expected) in found.iter().zip(expected) {
                assert!(
                    (found - expected).abs() < 1e-10 * expected.abs().max(1.0),
                    "{n} {p} {q}: {found} {expected}"
                );
            }
        }
    }
}

#[test]
fn rotations_scale_and_shift_change_nothing() {
    let (x, y) = (normals(60, 5, 1), normals(60, 80, 2) + normals(60, 1, 3));
    // 1 − 2uuᵀ reflects.
    let mut u = normals(1, 80, 4);
    u /= u.iter().map(|u| u * u).sum::<f64>().sqrt();
    let reflected = &y - &(y.dot(&u.t()).dot(&u) * 2.0);
    let found = cka(&x, &y);
    for (a, b) in [(1.0, 0.0), (1e-3, 5.0), (1e150, 0.0), (1e-150, 0.0), (1e-300, 0.0), (1.0, -1e6)] {
        let moved = cka(&(&x * a + b), &reflected);
        for (found, moved) in found.iter().zip(moved) {
            assert!((found - moved).abs() < 1e-8, "{a} {b}: {found} {moved}");
        }
        let rank = effective_rank(&(&x * a + b)).unwrap();
        let before = effective_rank(&x).unwrap();
        assert!((rank.effective_rank - before.effective_rank).abs() < 1e-6, "{a} {b}");
        assert!((rank.participation_ratio - before.participation_ratio).abs() < 1e-6);
    }
    let [turned, before] = [&reflected, &y].map(|y| effective_rank(y).unwrap());
    assert!((turned.effective_rank - before.effective_rank).abs() < 1e-9);
    assert!((turned.participation_ratio - before.participation_ratio).abs() < 1e-9);
}

/// √(pq/((n+p)(n+q))) of independent normal numbers, and 0 by the unbiased form.
#[test]
fn the_biased_form_of_independent_layers_is_large() {
    for (n, expected) in [(32, 512.0 / 544.0), (256, 512.0 / 768.0)] {
        let [biased, unbiased] = cka(&normals(n, 512, 1), &normals(n, 512, 2));
        assert!((biased - expected).abs() < 0.01 && unbiased.abs() < 0.05, "{n}: {biased} {unbiased}");
    }
}

#[test]
fn layers_without_a_similarity_have_a_reason() {
    let x = normals(10, 2, 1);
    // Column means of such numbers are no such numbers.
    let constant = Array2::from_elem((10, 7), 0.1);
    let pairs = linear_cka(&[(&x).into(), (&constant).into()]).unwrap();
    assert!(pairs[0].biased == Ok(1.0));
    for pair in &pairs[1..] {
        for form in [&pair.biased, &pair.unbiased] {
            assert_eq!(form.as_ref().unwrap_err().code(), "undetermined");
        }
    }
    assert_eq!(effective_rank(&constant).unwrap_err().code(), "undetermined");
    assert_eq!(effective_rank(&normals(1, 3, 1)).unwrap_err().code(), "undetermined");
    let few = linear_cka(&[normals(3, 2, 1).view().into(), normals(3, 2, 2).view().into()]).unwrap();
    assert!(few[1].biased.is_ok());
    assert_eq!(few[1].unbiased.as_ref().unwrap_err().code(), "too-few-samples");
    // Four samples at equal distances: HSIC₁ of the layer with itself is 0.
    let corners = Array2::<f64>::eye(4);
    let pairs = linear_cka(&[(&corners).into(), normals(4, 2, 1).view().into()]).unwrap();
    assert!(pairs[1].biased.is_ok());
    assert_eq!(pairs[1].unbiased.as_ref().unwrap_err().code(), "undetermined");
    let short = linear_cka(&[(&x).into(), normals(9, 2, 1).view().into()]);
    assert_eq!(short, Err(EstimateError::RowMismatch { given: 9, expected: 10 }));
    let mut broken = x.clone();
    broken[(3, 0)] = f64::NEG_INFINITY;
    assert_eq!(linear_cka(&[(&x).into(), (&broken).into()]).unwrap_err().code(), "not-finite");
    assert_eq!(effective_rank(&broken).unwrap_err().code(), "not-finite");
    let labels = Labels::distinct(10);
    assert_eq!(linear_cka(&[Variable::from(&labels)]).unwrap_err().code(), "undetermined");
    assert_eq!(effective_rank(&Array2::<f64>::zeros((0, 3))).unwrap_err().code(), "empty");
    assert_eq!(linear_cka(&[]), Ok(vec![]));
}

#[test]
fn known_ranks() {
    // Orthogonal columns of mean 0, scaled to have these singular values.
    let directions = array![[1.0, 1.0, 1.0], [1.0, -1.0, -1.0], [-1.0, 1.0, -1.0], [-1.0, -1.0, 1.0],];
    let cases = [
        ([1.0, 1.0, 1.0], 3.0, 3.0),
        ([2.0, 1.0, 1.0], 2.0 * 2f64.sqrt(), 2.0),
        ([3.0, 1.0, 0.0], 1.754_765_350_6, 1.219_512_195_1),
        ([1.0, 0.0, 0.0], 1.0, 1.0),
    ];
    for (sizes, effective, participation) in cases {
        let narrow = &directions * &array![[sizes[0], sizes[1], sizes[2]]];
        // With more columns than samples: copies divide a direction among themselves.
        let wide = Array2::from_shape_fn((4, 9), |(i, j)| narrow[(i, j % 3)] / 3f64.sqrt());
        for layer in [narrow, wide] {
            let rank = effective_rank(&layer).unwrap();
            assert!((rank.effective_rank - effective).abs() < 1e-9, "{sizes:?}: {rank:?}");
            assert!((rank.participation_ratio - participation).abs() < 1e-9, "{sizes:?}: {rank:?}");
        }
    }
}

#[test]
fn no_rank_is_above_the_number_of_directions() {
    for (n, width, rank) in [(500, 64, 3), (60, 200, 5), (2000, 30, 1)] {
        let layer = normals(n, rank, 1).dot(&normals(rank, width, 2)) + 100.0;
        for layer in [Variable::from(&layer), Variable::from(&layer.mapv(|v| v as f32))] {
            let found = effective_rank(layer).unwrap();
            assert!(
                found.effective_rank <= rank as f64 * (1.0 + 1e-3) && found.effective_rank >= 1.0,
                "{found:?}"
            );
            assert!(
                found.participation_ratio <= rank as f64 + 1e-6 && found.participation_ratio >= 1.0 - 1e-12
            );
        }
    }
}

/// Independent normal columns: mean and spread of 30 samples, by the singular values of LAPACK.
#[test]
fn ranks_of_independent_columns_are_those_of_singular_values() {
    for (n, expected, spread) in [(256, 61.787, 0.059), (1024, 63.483, 0.0115)] {
        let ranks: Vec<f64> =
            (0..8).map(|seed| effective_rank(&normals(n, 64, seed)).unwrap().effective_rank).collect();
        let mean = ranks.iter().sum::<f64>() / 8.0;
        let tolerance = 4.0 * spread * (1.0 / 8.0 + 1.0 / 30.0f64).sqrt();
        assert!((mean - expected).abs() < tolerance, "{n}: {mean}, {ranks:?}");
    }
}
