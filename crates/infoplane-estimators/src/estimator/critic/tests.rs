//! Critics against closed forms, and their claims.

use fearless_simd::Level;

use super::super::knn::tests::{double, normals};
use super::network::{Network, Pairs, Rows};
use super::*;
use crate::known::Task;
use crate::simd::same_at_every_level;
use crate::{Labels, Measure};

const BOUNDS: [CriticBound; 3] = [CriticBound::Infonce, CriticBound::Nwj, CriticBound::Smile];

fn critic(bound: CriticBound) -> Critic {
    Critic { bound, ..Critic::default() }
}

/// Where only the rules matter, and not how much is learnt.
fn small(bound: CriticBound) -> Critic {
    Critic { folds: 2, hidden: 16, layers: 1, ..critic(bound) }
}

/// Deterministic numbers for a network of pairs.
fn numbers(count: usize, seed: usize) -> Vec<f32> {
    (0..count).map(|i| ((i * 37 + seed * 11) % 23) as f32 / 11.0 - 1.0).collect()
}

/// Central differences of Σ weight · score in every third parameter.
#[test]
fn gradients_are_those_of_finite_differences() {
    let mut network = Network::new([3, 2], 16, 2, &mut generator(5, Purpose::Initialization, 0));
    // The last weights begin at 0, where nothing before them has a gradient.
    let n_parameters = network.parameters.len();
    for (i, parameter) in network.parameters[n_parameters - 18..].iter_mut().enumerate() {
        *parameter = 0.3 * ((i % 5) as f32 - 1.7);
    }
    let (x, y, given, shifts) = (numbers(5 * 3, 1), numbers(5 * 2, 2), numbers(15, 3), [0, 1, 3]);
    let sides = [Rows { values: &x, width: 3 }, Rows { values: &y, width: 2 }];
    let pairs = Pairs { sides, shifts: &shifts, given: &given };
    let weights = numbers(15, 4);
    let sum = |network: &Network| -> f64 {
        let mut passed = network.passed();
        network.forward(level(), pairs, &mut passed);
        passed.scores.iter().zip(&weights).map(|(score, weight)| f64::from(*score) * f64::from(*weight)).sum()
    };
    let mut passed = network.passed();
    network.forward(level(), pairs, &mut passed);
    let mut gradient = vec![9.0; n_parameters];
    network.backward(level(), pairs, &passed, &weights, &mut gradient);
    let largest = gradient.iter().fold(0f32, |largest, value| largest.max(value.abs()));
    assert!(largest > 0.5, "{largest}");
    for parameter in (0..n_parameters).step_by(3).chain(n_parameters - 2..n_parameters) {
        let step = 1e-2;
        let mut moved = |by: f32| {
            let before = network.parameters[parameter];
            network.parameters[parameter] = before + by;
            let sum = sum(&network);
            network.parameters[parameter] = before;
            sum
        };
        let slope = (moved(step) - moved(-step)) / (2.0 * f64::from(step));
        // Third derivatives times 1e-4/6, and rounding of single precision over 2e-2.
        let difference = (slope - f64::from(gradient[parameter])).abs();
        assert!(difference < 2e-3 * f64::from(largest), "{parameter}: {slope} {}", gradient[parameter]);
    }
}

#[test]
fn a_critic_has_the_same_bits_at_every_level() {
    let (x, noise) = (normals(120, 2, 1), normals(120, 2, 2));
    let y = &x.mapv(|v| v * v) + &noise;
    let rows: Vec<usize> = (0..120).collect();
    let of = |level: Level| {
        let learnt = learn(level, [&x, &y], (&rows[..80], &rows[80..]), (16, 1), (3, 0));
        let part = Part::new([&x, &y], &rows[80..], &learnt.gaussian);
        let mut all = Vec::new();
        learnt.for_each_shift(level, &part, 3, |_, scores| {
            all.extend(scores.iter().map(|score| score.to_bits()));
        });
        all
    };
    let bits = same_at_every_level(of);
    assert_eq!(bits.len(), 120);
    // Trained, not only begun.
    let scores: Vec<f32> = bits[..40].iter().map(|bits| f32::from_bits(*bits)).collect();
    assert!(scores.iter().any(|score| score.abs() > 0.1), "{scores:?}");
}

#[test]
fn estimates_have_the_same_bits_on_one_and_three_threads() {
    let sample = Task::named("spiral-3x3").unwrap().draw(150, 1);
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| small(CriticBound::Nwj).pair(&sample.x, &sample.y).unwrap())
    };
    assert_eq!(on(1), on(3));
}

/// −½ ln(1 − ρ²) of a normal pair; and 0 of independent columns.
#[test]
fn normal_pairs_are_near_their_closed_form_by_every_bound() {
    let sample = Task::named("normal").unwrap().draw(2000, 3);
    let truth = sample.information.nats();
    let (x, y) = (normals(1000, 2, 7), normals(1000, 2, 8));
    for bound in BOUNDS {
        let estimate = critic(bound).pair(&sample.x, &sample.y).unwrap();
        let nats = estimate.information.nats();
        assert!((nats - truth).abs() < 0.08, "{bound:?}: {nats} of {truth}");
        let error = estimate.standard_error.unwrap().nats();
        // The standard deviation of the log ratios of a normal pair is ρ.
        assert!((0.5..3.0).contains(&(error / (0.75 / 2000f64.sqrt()))), "{bound:?}: {error}");
        let nothing = small(bound).pair(double(&x), double(&y)).unwrap().information.nats();
        assert!(nothing.abs() < 0.03, "{bound:?}: {nothing}");
    }
}

/// y = x² + noise, x uniform: no Gaussian sees it. The information by the network alone.
#[test]
fn what_no_gaussian_sees_is_learnt() {
    let sample = Task::named("two-branches-0.01").unwrap().draw(2000, 2);
    let nats = critic(CriticBound::Infonce).pair(&sample.x, &sample.y).unwrap().information.nats();
    assert!((1.8..sample.information.nats()).contains(&nats), "{nats} of {:?}", sample.information);
}

/// Bounds hold in expectation: the mean over draws is at most the truth and two errors of that mean.
#[test]
fn lower_bounds_are_not_above_the_truth_in_the_mean() {
    let task = Task::named("student-2x2").unwrap();
    for bound in [CriticBound::Infonce, CriticBound::Nwj] {
        let (mut sum, mut squares, mut truth) = (0.0, 0.0, 0.0);
        for seed in 0..6 {
            let sample = task.draw(400, 30 + seed);
            let estimate = Critic { folds: 4, ..small(bound) }.pair(&sample.x, &sample.y).unwrap();
            assert_eq!(estimate.kind, EstimateKind::Bound(Bound::Lower));
            sum += estimate.information.nats() / 6.0;
            squares += estimate.standard_error.unwrap().nats().powi(2) / 36.0;
            truth = sample.information.nats();
        }
        assert!(sum <= truth + 2.0 * squares.sqrt(), "{bound:?}: {sum} of {truth}");
        assert!(sum > -0.1, "{bound:?}: {sum}");
    }
}

#[test]
fn infonce_stays_below_its_ceiling_and_says_so() {
    let x = normals(100, 1, 3);
    let of = |bound| Critic { folds: 5, ..small(bound) }.pair(double(&x), double(&x));
    let estimate = of(CriticBound::Infonce).unwrap();
    let ceiling = estimate.ceiling.unwrap();
    // Five parts of twenty rows.
    assert!((ceiling.nats() - 20f64.ln()).abs() < 1e-12);
    assert!(
        estimate.information.nats() > 1.0 && estimate.information <= ceiling,
        "{:?}",
        estimate.information
    );
    assert_eq!(of(CriticBound::Nwj).unwrap().ceiling, None);
}

#[test]
fn what_cannot_be_measured_is_refused() {
    let (x, y) = (normals(60, 2, 1), normals(60, 1, 2));
    let labels = Labels::from_symbols(&(0..60).map(|i| i % 3).collect::<Vec<_>>());
    let of = Critic { folds: 5, ..small(CriticBound::Infonce) };
    let refused = of.pair(double(&x), Variable::Labels(&labels)).unwrap_err();
    assert!(matches!(refused, EstimateError::NeedsMatrix { .. }), "{refused}");
    let few = of.pair(double(&normals(49, 1, 1)), double(&normals(49, 1, 2))).unwrap_err();
    assert!(matches!(few, EstimateError::TooFewSamples { needed: 50, n_samples: 49, .. }), "{few}");
    let few = Critic { folds: 10, ..of.clone() }.pair(double(&x), double(&y)).unwrap_err();
    assert!(matches!(few, EstimateError::TooFewSamples { needed: 100, .. }), "{few}");
    for (key, wrong) in [
        ("folds", Critic { folds: 1, ..of.clone() }),
        ("hidden", Critic { hidden: 24, ..of.clone() }),
        ("hidden", Critic { hidden: 272, ..of.clone() }),
        ("layers", Critic { layers: 0, ..of.clone() }),
    ] {
        let error = wrong.pair(double(&x), double(&y)).unwrap_err();
        assert!(matches!(error, EstimateError::Setting { key: named, .. } if named == key), "{error}");
    }
    let mut constant = Array2::from_elem((60, 3), 0.5);
    constant.slice_mut(ndarray::s![.., ..2]).assign(&x);
    let (with, without) =
        (of.pair(double(&constant), double(&y)).unwrap(), of.pair(double(&x), double(&y)).unwrap());
    assert_eq!(with.information, without.information);
    assert!(with.warnings.contains(&Warning::ConstantColumns { columns: 1 }));
}
