//! Tests of the ranking: the fast methods against the general ones, and p-values under independence.

use ndarray::Array2;
use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;

use super::ranks::Ranks;
use super::*;
use crate::estimator::input::untied_normal_scores;
use crate::random::{Purpose, below, generator, normal, shuffle, uniform};
use crate::{ChaoWangJost, Estimator, Ksg, Labels, Measure, Ross, Scaling, Variable};

fn random(seed: u64) -> ChaCha8Rng {
    generator(seed, Purpose::Known, 41)
}

fn normals(n: usize, random: &mut ChaCha8Rng) -> Vec<f64> {
    (0..n).map(|_| normal(random)).collect()
}

fn classes(sizes: &[usize], random: &mut ChaCha8Rng) -> Vec<u32> {
    let mut classes: Vec<u32> =
        (0..).zip(sizes).flat_map(|(class, &size)| std::iter::repeat_n(class, size)).collect();
    shuffle(random, &mut classes);
    classes
}

fn with_label(symbols: &[u32]) -> Column {
    Column::symbols("class", symbols.iter().copied().map(Some).collect())
}

fn scores_in_order(order: &[u32]) -> Array2<f64> {
    let n = order.len();
    let mut scores = Array2::zeros((n, 1));
    let ranks = Ranks::new(n);
    order.iter().zip(&ranks.scores).for_each(|(&place, &score)| scores[(place as usize, 0)] = score);
    scores
}

/// The value of an estimator before it is held to limits, in nats.
fn of_pair<'a>(estimator: &dyn Estimator, x: impl Into<Variable<'a>>, y: impl Into<Variable<'a>>) -> f64 {
    estimator.estimate_pair(x.into(), y.into()).unwrap().information.nats()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn of_classes_the_fast_value_is_that_of_the_general_estimator(
        sizes in prop::collection::vec(1usize..40, 1..7), k in 1usize..8, seed in 0u64..1000, shift in 0.0f64..3.0,
    ) {
        let random = &mut random(seed);
        let symbols = classes(&sizes, random);
        let n = symbols.len();
        prop_assume!(sizes.iter().any(|&size| size > 1) && n > 1);
        let values: Vec<f64> =
            symbols.iter().map(|&class| normal(random) + shift * f64::from(class)).collect();
        let mut order: Vec<u32> = (0..n as u32).collect();
        order.sort_by(|&a, &b| values[a as usize].total_cmp(&values[b as usize]));
        let by_rank: Vec<u32> = order.iter().map(|&place| symbols[place as usize]).collect();
        let fast = ross::ross(&by_rank, &sizes, k, &Ranks::new(n), &mut ross::Scratch::default());
        let labels = Labels::from_symbols(&symbols);
        let general = of_pair(&Ross { k, scaling: Scaling::NormalScores }, &values, &labels);
        prop_assert!((fast.nats - general).abs() < 1e-12, "{} {general}", fast.nats);
    }

    #[test]
    fn of_numbers_the_fast_value_is_that_of_the_general_estimator(
        n in 9usize..300, k in 1usize..8, seed in 0u64..1000, mix in 0.0f64..1.0, bend in any::<bool>(),
    ) {
        let random = &mut random(seed);
        let x = normals(n, random);
        let y: Vec<f64> = x
            .iter()
            .map(|x| mix * if bend { x * x } else { *x } + (1.0 - mix) * normal(random))
            .collect();
        let order = |values: &[f64]| -> Vec<u32> {
            let mut order: Vec<u32> = (0..n as u32).collect();
            order.sort_by(|&a, &b| values[a as usize].total_cmp(&values[b as usize]));
            order
        };
        let mut rank_of = vec![0; n];
        (0u32..).zip(order(&y)).for_each(|(rank, place)| rank_of[place as usize] = rank);
        let y_of_x: Vec<u32> = order(&x).into_iter().map(|place| rank_of[place as usize]).collect();
        let fast = ksg::ksg(&y_of_x, k, &Ranks::new(n), &mut ksg::Scratch::default());
        let general = of_pair(&Ksg { k, scaling: Scaling::NormalScores }, &x, &y);
        prop_assert!((fast.nats - general).abs() < 1e-12, "{} {general}", fast.nats);
    }
}

