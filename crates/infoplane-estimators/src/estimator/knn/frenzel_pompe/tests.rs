use super::*;
use crate::estimator::Measure;
use crate::random::{Purpose, generator, normal, uniform};

/// Samples of X, Y and Z of which I(X;Y|Z) is known.
struct Case {
    name: &'static str,
    truth: f64,
    draw: fn(usize, u64) -> [Column; 3],
}

enum Column {
    Numbers(Vec<f64>),
    Symbols(Vec<u32>),
}

struct Owned([crate::OwnedVariable; 3]);

impl Owned {
    fn new(columns: [Column; 3]) -> Owned {
        Owned(columns.map(|column| match column {
            Column::Numbers(values) => {
                crate::OwnedVariable::Double(Array2::from_shape_vec((values.len(), 1), values).unwrap())
            }
            Column::Symbols(symbols) => crate::OwnedVariable::Labels(Labels::from_symbols(&symbols)),
        }))
    }

    fn nats(&self, estimator: &FrenzelPompe) -> f64 {
        let [x, y, z] = &self.0;
        estimator.conditional(x, y, z).unwrap().information.nats()
    }
}

/// Correlation .6 of X and Y given Z: −½ ln(1 − .36).
fn normals_given_normal(n: usize, seed: u64) -> [Vec<f64>; 3] {
    let mut random = generator(seed, Purpose::Known, 70);
    let mut columns = [vec![], vec![], vec![]];
    for _ in 0..n {
        let [z, x, e] = [(); 3].map(|()| normal(&mut random));
        columns[0].push(x + z);
        columns[1].push(0.6 * x + 0.8 * e - z);
        columns[2].push(z);
    }
    columns
}

fn tenths(values: Vec<f64>) -> Vec<f64> {
    values.into_iter().map(|v| (10.0 * v).round() / 10.0).collect()
}

use Column::{Numbers, Symbols};

const CASES: [Case; 10] = [
    Case { name: "numbers", truth: 0.223143551, draw: |n, seed| normals_given_normal(n, seed).map(Numbers) },
    Case {
        name: "X rounded",
        truth: 0.223143551,
        draw: |n, seed| {
            let [x, y, z] = normals_given_normal(n, seed);
            [Numbers(tenths(x)), Numbers(y), Numbers(z)]
        },
    },
    Case {
        name: "all rounded",
        truth: 0.223143551,
        draw: |n, seed| normals_given_normal(n, seed).map(tenths).map(Numbers),
    },
    Case {
        name: "independent numbers given a number",
        truth: 0.0,
        draw: |n, seed| {
            let mut random = generator(seed, Purpose::Known, 71);
            let z: Vec<f64> = (0..n).map(|_| normal(&mut random)).collect();
            let mut near = || Numbers(z.iter().map(|z| z + 0.5 * normal(&mut random)).collect());
            [near(), near(), Numbers(z.clone())]
        },
    },
    Case {
        // Y = Z + 1.5 X + e of a fair bit: the information of a bit and a mixture of two normal densities.
        name: "a bit and a number given a number",
        truth: 0.2211708314,
        draw: |n, seed| {
            let mut random = generator(seed, Purpose::Known, 72);
            let (mut x, mut y, mut z) = (vec![], vec![], vec![]);
            for _ in 0..n {
                x.push(u32::from(uniform(&mut random) < 0.5));
                z.push(normal(&mut random));
                y.push(z[z.len() - 1] + 1.5 * f64::from(x[x.len() - 1]) + normal(&mut random));
            }
            [Symbols(x), Numbers(y), Numbers(z)]
        },
    },
    Case {
        name: "an independent bit that depends on Z",
        truth: 0.0,
        draw: |n, seed| {
            let mut random = generator(seed, Purpose::Known, 73);
            let z: Vec<f64> = (0..n).map(|_| normal(&mut random)).collect();
            let x =
                z.iter().map(|z| u32::from(uniform(&mut random) < 1.0 / (1.0 + (-2.0 * z).exp()))).collect();
            let y = z.iter().map(|z| z + normal(&mut random)).collect();
            [Symbols(x), Numbers(y), Numbers(z)]
        },
    },
    Case {
        name: "independent numbers given a class",
        truth: 0.0,
        draw: |n, seed| {
            let mut random = generator(seed, Purpose::Known, 74);
            let z: Vec<u32> = (0..n).map(|i| i as u32 % 3).collect();
            let mut near = || Numbers(z.iter().map(|&z| 3.0 * f64::from(z) + normal(&mut random)).collect());
            [near(), near(), Symbols(z.clone())]
        },
    },
    Case {
        // ln 2 − ∫ φ(u) H(σ(u)) du.
        name: "a bit and a number given a class",
        truth: 0.0937258,
        draw: |n, seed| {
            let mut random = generator(seed, Purpose::Known, 75);
            let z: Vec<u32> = (0..n).map(|i| i as u32 % 3).collect();
            let u: Vec<f64> = (0..n).map(|_| normal(&mut random)).collect();
            let x = u.iter().map(|u| u32::from(uniform(&mut random) < 1.0 / (1.0 + (-u).exp()))).collect();
            let y = u.iter().zip(&z).map(|(u, &z)| u + 3.0 * f64::from(z)).collect();
            [Symbols(x), Numbers(y), Symbols(z)]
        },
    },
    Case {
        // Y = X + a fair bit mod 4, of uniform X.
        name: "symbols",
        truth: std::f64::consts::LN_2,
        draw: |n, seed| {
            let mut random = generator(seed, Purpose::Known, 76);
            let mut draw =
                |m: f64| -> Vec<u32> { (0..n).map(|_| (m * uniform(&mut random)) as u32).collect() };
            let (x, e, z) = (draw(4.0), draw(2.0), draw(4.0));
            let y = (0..n).map(|i| (x[i] + e[i]) % 4).collect();
            [Symbols(x), Symbols(y), Symbols(z)]
        },
    },
    Case {
        // Counts: X of mean e^{z}, Y = Z + normal; independent given Z.
        name: "counts, independent given a number",
        truth: 0.0,
        draw: |n, seed| {
            let mut random = generator(seed, Purpose::Known, 77);
            let z: Vec<f64> = (0..n).map(|_| normal(&mut random)).collect();
            let poisson = |mean: f64, random: &mut rand_chacha::ChaCha8Rng| {
                let (mut count, mut product) = (0.0, uniform(random));
                while product > (-mean).exp() {
                    count += 1.0;
                    product *= uniform(random);
                }
                count
            };
            let x = z.iter().map(|z| poisson(10.0 * (0.5 * z).exp(), &mut random)).collect();
            let y = z.iter().map(|z| z + normal(&mut random)).collect();
            [Numbers(x), Numbers(y), Numbers(z)]
        },
    },
];

/// The table of docs/conditional.md.
#[test]
#[ignore = "a table: cargo test --release -p infoplane-estimators frenzel_pompe::tests::table -- --ignored --nocapture"]
fn table() {
    for n in [400, 1000, 4000] {
        for case in &CASES {
            let values: Vec<f64> = (0..100)
                .map(|seed| Owned::new((case.draw)(n, seed)).nats(&FrenzelPompe::default()))
                .collect();
            let bias = values.iter().sum::<f64>() / 100.0 - case.truth;
            let square = values.iter().map(|v| (v - case.truth) * (v - case.truth)).sum::<f64>() / 100.0;
            println!("{n:>5} {:<40} bias {bias:>8.4}  rmse {:.4}", case.name, square.sqrt());
        }
    }
}

/// Five standard deviations of one estimate, .8/√n, and as much for the bias.
#[test]
fn mixtures_have_the_information_of_closed_forms() {
    for case in &CASES {
        let values: Vec<f64> = (0..6)
            .map(|seed| Owned::new((case.draw)(1000, 500 + seed)).nats(&FrenzelPompe::default()))
            .collect();
        let mean = values.iter().sum::<f64>() / 6.0;
        assert!((mean - case.truth).abs() < 0.03, "{}: {mean} for {}", case.name, case.truth);
    }
}

/// The definition, written out.
fn by_hand(parts: [&Parts; 3], k: usize) -> f64 {
    use crate::special::digamma;
    let n = parts[0].numbers.nrows();
    let distance = |of: &[&Parts], i: usize, j: usize| {
        of.iter().fold(0f64, |far, part| {
            let differ = part.symbols.as_ref().is_some_and(|labels| labels.codes()[i] != labels.codes()[j]);
            let numbers =
                part.numbers.row(i).into_iter().zip(part.numbers.row(j)).map(|(a, b)| (a - b).abs());
            numbers.fold(if differ { f64::INFINITY } else { far }, f64::max)
        })
    };
    let others = |i: usize| (0..n).filter(move |&j| j != i);
    let [x, y, z] = parts;
    let mut sum = 0.0;
    for i in 0..n {
        let mut reach: Vec<f64> =
            others(i).map(|j| distance(&parts, i, j)).filter(|d| d.is_finite()).collect();
        reach.sort_by(f64::total_cmp);
        let Some(&radius) = reach.get(k.min(reach.len()).wrapping_sub(1)) else { continue };
        let counted = |of: &[&Parts]| {
            let within = |j: &usize| match radius == 0.0 {
                true => distance(of, i, *j) == 0.0,
                false => distance(of, i, *j) < radius,
            };
            digamma((others(i).filter(within).count() + 1) as f64)
        };
        let neighbors = match radius == 0.0 {
            true => counted(&parts),
            false => digamma(k.min(reach.len()) as f64),
        };
        sum += neighbors - counted(&[x, z]) - counted(&[y, z]) + counted(&[z]);
    }
    sum / n as f64
}

#[test]
fn it_is_its_definition_for_any_mixture() {
    let mut random = generator(8, Purpose::Known, 78);
    for round in 0..60 {
        let n = 12 + round;
        let mut side = |kind: u32| {
            let symbols: Vec<u32> = (0..n).map(|_| (3.0 * uniform(&mut random)) as u32).collect();
            let width = [0, 1, 1, 2][kind as usize];
            // Whole numbers coincide; no scaling, so that they stay what they are.
            let numbers = Array2::from_shape_simple_fn((n, width), || match round % 3 {
                0 => (4.0 * uniform(&mut random)).floor(),
                _ => normal(&mut random),
            });
            let symbols = (kind.is_multiple_of(2)).then(|| Labels::from_symbols(&symbols));
            Parts { symbols, numbers, constant: 0 }
        };
        let parts = [side(round as u32 % 4), side(round as u32 / 4 % 4), side(round as u32 / 16 % 4)];
        for k in [1, 3, 20] {
            let [x, y, z] = &parts;
            let found = value([x, y, z], &reaches([x, y, z], k)).nats;
            let expected = by_hand([x, y, z], k);
            assert!((found - expected).abs() < 1e-12, "{round}, {k}: {found} for {expected}");
        }
    }
}

#[test]
fn numbers_alone_are_measured_as_by_ksg() {
    let columns = normals_given_normal(300, 5);
    let [x, y, z] = &columns;
    let ksg = crate::Ksg { scaling: Scaling::NormalScores, ..crate::Ksg::default() };
    let expected = ksg.conditional(x, y, z).unwrap();
    let found = FrenzelPompe::default().conditional(x, y, z).unwrap();
    assert!((found.information - expected.information).nats().abs() < 1e-12);
    assert!((found.ceiling.unwrap() - expected.ceiling.unwrap()).nats().abs() < 1e-12);
}

#[test]
fn without_z_it_is_ksg_of_numbers_and_ross_of_a_class_and_numbers() {
    let [x, y, _] = &normals_given_normal(300, 6);
    let scores = Scaling::NormalScores;
    let ksg = crate::Ksg { scaling: scores, ..crate::Ksg::default() }.pair(x, y).unwrap();
    let found = FrenzelPompe::default().pair(x, y).unwrap();
    assert!((found.information - ksg.information).nats().abs() < 1e-12);
    let class = Labels::from_symbols(&x.iter().map(|v| *v > 0.3).collect::<Vec<_>>());
    // Ross's mean of ψ(N) − ψ(N_i) is that of the counts of the class at any radius.
    let ross = crate::Ross { scaling: scores, ..crate::Ross::default() }.pair(&class, y).unwrap();
    let found = FrenzelPompe::default().pair(&class, y).unwrap();
    assert!((found.information - ross.information).nats().abs() < 1e-12);
}

#[test]
fn a_column_of_symbols_beside_numbers_is_as_labels_are() {
    let n = 600;
    let mut random = generator(9, Purpose::Known, 79);
    let class: Vec<f64> = (0..n).map(|i| f64::from(i as u32 % 4)).collect();
    let number: Vec<f64> = (0..n).map(|_| normal(&mut random)).collect();
    // The sign of the dependence is that of the class: nothing is left of it in the mean over classes.
    let x: Vec<f64> = (0..n).map(|_| normal(&mut random)).collect();
    let sign = |i: usize| if class[i] < 2.0 { 1.0 } else { -1.0 };
    let y: Vec<f64> = (0..n).map(|i| number[i] + sign(i) * 0.8 * x[i] + 0.6 * normal(&mut random)).collect();
    let z = Array2::from_shape_fn((n, 2), |(i, j)| if j == 0 { class[i] } else { number[i] });
    let estimate = FrenzelPompe::default().conditional(&x, &y, &z).unwrap();
    let choice = estimate.choice.expect("which columns are symbols");
    assert_eq!(
        choice.reason,
        "X: a column of numbers; Y: a column of numbers; Z: 4 symbols and a column of numbers"
    );
    // −½ ln(1 − .64) = .5108.
    assert!((estimate.information.nats() - 0.5108).abs() < 0.1, "{}", estimate.information);
    let as_numbers = FrenzelPompe { z_symbols: Some(vec![]), ..FrenzelPompe::default() };
    assert!(as_numbers.conditional(&x, &y, &z).unwrap().information.nats() < 0.45);
    let none = FrenzelPompe { z_symbols: Some(vec![2]), ..FrenzelPompe::default() };
    let refused = none.conditional(&x, &y, &z).unwrap_err().to_string();
    assert!(refused.contains("z_symbols = 2 of 2 columns"), "{refused}");
}

#[test]
fn samples_alone_with_their_symbols_are_counted_and_too_many_refused() {
    let n = 40;
    let x: Vec<f64> = (0..n).map(|i| (f64::from(i) * 0.7).sin()).collect();
    let y: Vec<f64> = (0..n).map(|i| (f64::from(i) * 1.3).sin()).collect();
    let few: Vec<i32> = (0..n).map(|i| if i < 5 { i } else { 9 }).collect();
    let few = Labels::from_symbols(&few);
    let estimate = FrenzelPompe::default().conditional(&x, &y, &few).unwrap();
    assert!(estimate.warnings.iter().any(|w| w.to_string().contains("5 of 40 samples")), "{estimate:?}");
    let refused = FrenzelPompe::default().conditional(&x, &y, &Labels::distinct(40)).unwrap_err();
    assert_eq!(refused.code(), "undetermined");
}

/// How often p ≤ .05 and p ≤ .2 by permutation of X among samples of similar Z, for the cases in which nothing is shared and some
/// in which there is; the table of docs/conditional.md.
fn rejections(draw: impl Fn(u64) -> [Column; 3] + Sync, repeats: u64, permutations: usize) -> [f64; 2] {
    let p_values: Vec<f64> = (0..repeats)
        .into_par_iter()
        .map(|seed| {
            let Owned([x, y, z]) = &Owned::new(draw(seed));
            let estimator = FrenzelPompe::default();
            crate::conditional_permutation_test(&estimator, x, y, z, permutations, seed).unwrap().p_value
        })
        .collect();
    [0.05, 0.2].map(|level| p_values.iter().filter(|p| **p <= level + 1e-9).count() as f64 / repeats as f64)
}

#[test]
#[ignore = "a table: cargo test --release -p infoplane-estimators frenzel_pompe::tests::p_table -- --ignored --nocapture"]
fn p_table() {
    for case in &CASES {
        let found = rejections(|seed| (case.draw)(100, 20_000 + seed), 1000, 99);
        println!("{:<40} {found:?}", case.name);
    }
    // X and Y are the sum of several columns of Z, each with noise of its own.
    for (n, columns) in [(100, 1), (100, 2), (400, 2), (100, 3), (400, 3), (400, 4), (400, 6)] {
        let p = |seed: u64| {
            let mut random = generator(seed, Purpose::Known, 91);
            let z = Array2::from_shape_simple_fn((n, columns), || normal(&mut random));
            let mut near = || z.sum_axis(Axis(1)).mapv(|sum| sum + normal(&mut random));
            let (x, y) = (near(), near());
            let ksg = crate::Ksg { scaling: Scaling::NormalScores, ..crate::Ksg::default() };
            let test = crate::conditional_permutation_test(&ksg, &x, &y, &z, 99, seed).unwrap();
            (test.p_value, test.warning.is_some())
        };
        let found: Vec<(f64, bool)> = (0..300).into_par_iter().map(p).collect();
        let share =
            |of: &dyn Fn(&(f64, bool)) -> bool| found.iter().filter(|found| of(found)).count() as f64 / 300.0;
        let [five, twenty] = [0.05, 0.2].map(|level| share(&|found| found.0 <= level + 1e-9));
        println!(
            "{n} samples, {columns} columns of Z: {five:.3} {twenty:.3}, told {:.2}",
            share(&|found| found.1)
        );
    }
}

/// Of 120 tests 6 are expected below .05, standard deviation 2.4, and 24 below .2, standard deviation 4.4.
#[test]
fn p_values_are_uniform_where_nothing_is_shared_and_small_where_much_is() {
    for case in &CASES {
        let found = rejections(|seed| (case.draw)(100, 9000 + seed), 120, 39);
        match case.truth > 0.0 {
            false => assert!(found[0] < 0.12 && (found[1] - 0.2).abs() < 0.13, "{}: {found:?}", case.name),
            true => assert!(found[0] > 0.35, "{}: {found:?}", case.name),
        }
    }
}

/// The table of `conditional_permutation_test`: X and Y are Z with noise of a deviation, Y with c X added.
#[test]
#[ignore = "a table: cargo test --release -p infoplane-estimators frenzel_pompe::tests::noise_table -- --ignored --nocapture"]
fn noise_table() {
    for (n, noise) in [(100, 0.7), (100, 0.5), (100, 0.2), (300, 0.5)] {
        let draw = |seed: u64| {
            let mut random = generator(seed, Purpose::Known, 90);
            let z: Vec<f64> = (0..n).map(|_| normal(&mut random)).collect();
            let mut near = || -> Vec<f64> { z.iter().map(|z| z + noise * normal(&mut random)).collect() };
            [near(), near(), z.clone()]
        };
        let share = |p: &(dyn Fn(u64) -> f64 + Sync)| {
            let all: Vec<f64> = (0..300u64).into_par_iter().map(p).collect();
            [0.05, 0.2].map(|level| all.iter().filter(|p| **p <= level + 1e-9).count() as f64 / 300.0)
        };
        let mixed = share(&|seed| {
            let [x, y, z] = &draw(seed);
            crate::conditional_permutation_test(&FrenzelPompe::default(), x, y, z, 39, seed).unwrap().p_value
        });
        let ksg = share(&|seed| {
            let [x, y, z] = &draw(seed);
            crate::conditional_permutation_test(&crate::Ksg::default(), x, y, z, 39, seed).unwrap().p_value
        });
        println!("{n} {noise}: {mixed:?}, ksg {ksg:?}");
    }
}

/// X = Z + s E, Y = E with half as much noise, and Z: I(X;Y|Z) = ½ ln 5 = .805 for every s.
fn near_given(s: f64, n: usize) -> [Vec<f64>; 3] {
    let mut random = generator(3, Purpose::Known, 71);
    let mut columns = [vec![], vec![], vec![]];
    for _ in 0..n {
        let [z, e, noise] = [(); 3].map(|()| normal(&mut random));
        columns[0].push(z + s * e);
        columns[1].push(e + 0.5 * noise);
        columns[2].push(z);
    }
    columns
}

#[test]
fn what_neighbours_hardly_tell_from_z_is_told_and_has_no_error() {
    let ksg = crate::Ksg { scaling: Scaling::NormalScores, ..crate::Ksg::default() };
    for estimator in [crate::AnyEstimator::from(FrenzelPompe::default()), ksg.into()] {
        let measured = |s: f64| {
            let Owned([x, y, z]) = Owned::new(near_given(s, 800).map(Numbers));
            let found =
                crate::Resampling::conditional(&estimator, x.variable(), y.variable(), z.variable()).unwrap();
            let estimate = found.with_error(crate::Options::default()).unwrap();
            (estimate, found.permutation_test(19, 0).unwrap())
        };
        let hardly = |estimate: &Estimate| {
            estimate.warnings.iter().find_map(|warning| match warning {
                Warning::HardlyTold { x, y } => Some((*x, *y, warning.to_string())),
                _ => None,
            })
        };
        let (estimate, test) = measured(1.0);
        assert!((estimate.information.nats() - 0.805).abs() < 0.1, "{estimate:?}");
        assert!(hardly(&estimate).is_none() && estimate.standard_error.is_some(), "{estimate:?}");
        assert!(test.warning.is_none(), "{test:?}");
        let (estimate, test) = measured(0.01);
        let (x, y, told) = hardly(&estimate).unwrap();
        assert!(x > 0.9 && y < 0.2, "{x} {y}");
        assert!(told.contains("they hardly tell X from Z, and the value is mostly too close to 0"), "{told}");
        // It is: no interval around it holds the truth.
        assert!(estimate.information.nats() < 0.1, "{estimate:?}");
        assert_eq!((estimate.standard_error, estimate.interval), (None, None));
        assert!(test.warning.unwrap().to_string().contains("p-value may be too small"));
    }
}
