//! Schedules on made-up curves: nothing is trained and nothing estimated.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::estimator::{AnyEstimator, Kde};
use crate::plane::{MethodDescription, Scale};

pub(super) const ENTROPIES: Entropies = Entropies { h_x_bits: 12.0, h_y_bits: 1.0 };

/// δ on the curves below, in bits.
pub(super) const DELTA: f64 = 0.05;

pub(super) fn bits(delta: f64) -> DeltaConfig {
    DeltaConfig { scale: DistanceScale::Bits, ..DeltaConfig::new(delta) }
}

/// I(X;T) and I(T;Y) of one layer at an epoch.
pub(super) type Curve = Box<dyn Fn(u64) -> [Option<f64>; 2]>;

pub(super) fn rows(epoch: u64, [i_xt_bits, i_ty_bits]: [Option<f64>; 2]) -> Vec<PlaneRow> {
    let method = Arc::new(MethodDescription::new("kde", "noise 0.001", None));
    vec![PlaneRow { i_xt_bits, i_ty_bits, ..PlaneRow::new(0, epoch, (1, 3), &method, (0.0, 0.0)) }]
}

/// A number in [0, 1) for every pair: invented noise that any epoch can be asked for.
pub(super) fn hash(seed: u64, epoch: u64) -> f64 {
    let mut z =
        seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(epoch).wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
}

fn both(value: impl Fn(u64) -> f64 + 'static) -> Curve {
    Box::new(move |epoch| [Some(value(epoch)), Some(0.5 * value(epoch + 3))])
}

/// Monotone, compressing, with bumps, plateaus, noise and jumps, constant, with values missing, with NaN.
pub(super) fn curve(kind: usize, seed: u64) -> Curve {
    let size = 0.2 + 2.0 * hash(seed, 1);
    let time = 5.0 + 200.0 * hash(seed, 2);
    let at = 20.0 + 500.0 * hash(seed, 3);
    let settle = move |epoch: u64| size * (1.0 - (-(epoch as f64) / time).exp());
    match kind {
        0 => both(settle),
        1 => both(move |epoch| settle(epoch) - 0.3 * (1.0 + epoch as f64 / time).ln()),
        2 => both(move |epoch| settle(epoch) + (-((epoch as f64 - at) / 15.0).powi(2)).exp()),
        3 => both(move |epoch| size * (epoch as f64 / time).floor()),
        4 => both(move |epoch| settle(epoch) + 1.5 * DELTA * hash(seed, epoch)),
        5 => both(move |epoch| if epoch as f64 > at { size } else { 0.0 }),
        6 => both(|_| 0.7),
        7 => both(move |epoch| size * (epoch as f64 / time).sin()),
        8 => Box::new(move |epoch| [Some(settle(epoch)), (epoch as f64 > at).then_some(0.3)]),
        9 => Box::new(move |epoch| {
            [Some(if hash(seed, epoch / 40) < 0.3 { f64::NAN } else { settle(epoch) }), None]
        }),
        10 => both(move |epoch| size * hash(seed, epoch)),
        _ => Box::new(|_| [None, Some(f64::NAN)]),
    }
}

pub(super) const CURVES: std::ops::Range<usize> = 0..12;

/// What a simulated run asked for, by epoch; void epochs are not among it.
pub(super) type Measured = BTreeMap<u64, Reason>;

/// How a simulated run goes about it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Order {
    /// Which of the epochs in hand is told next.
    pub seed: u64,
    /// After how many results the end is told, if not before for want of anything else to do.
    pub end_after: usize,
}

pub(super) const SERIAL: Order = Order { seed: 0, end_after: usize::MAX };

/// Drives a schedule as a training of `last` epochs would, and checks what every schedule promises on the way.
fn simulate(schedule: Box<dyn Schedule>, curve: &Curve, last: u64, order: Order) -> Measured {
    simulate_watched(schedule, curve, &|_| 0.0, last, order)
}

/// As [`simulate`], with a witness.
pub(super) fn simulate_watched(
    mut schedule: Box<dyn Schedule>,
    curve: &Curve,
    witness: &dyn Fn(u64) -> f64,
    last: u64,
    order: Order,
) -> Measured {
    let mut measured = Measured::new();
    // How far the training has come: the witness is told up to there.
    let mut trained: Option<u64> = None;
    let mut train = |schedule: &mut dyn Schedule, to: u64| {
        let from = trained.map_or(0, |trained| trained.saturating_add(1));
        if schedule.watches() {
            (from..=to).for_each(|epoch| schedule.witness(epoch, &[witness(epoch)]));
        }
        trained = trained.max(Some(to));
    };
    let mut queue: Vec<u64> = Vec::new();
    let (mut earliest, mut told, mut ended) = (0, 0, false);
    let mut check_earliest = |schedule: &dyn Schedule| {
        let now = schedule.earliest();
        assert!(now >= earliest || now == last, "earliest went back from {earliest} to {now}");
        earliest = earliest.max(now);
        earliest
    };
    loop {
        if !ended && told >= order.end_after {
            ended = true;
            train(&mut *schedule, last);
            schedule.end(last);
            queue.retain(|&epoch| epoch <= last);
        }
        let promised = check_earliest(&*schedule);
        let answer = schedule.ask();
        check_earliest(&*schedule);
        if let Ask::Epochs(wanted) = &answer {
            assert!(!wanted.is_empty());
            assert!(wanted.windows(2).all(|pair| pair[0].epoch < pair[1].epoch), "{wanted:?}");
            for &Wanted { epoch, reason } in wanted {
                assert!(epoch >= promised || reason == Reason::Last, "{epoch} after earliest was {promised}");
                if epoch > last {
                    assert!(!ended, "epoch {epoch} after the end at {last}");
                    continue;
                }
                assert_eq!(measured.insert(epoch, reason), None, "epoch {epoch} twice");
                queue.push(epoch);
            }
        }
        if let Some(choice) = queue.len().checked_sub(1) {
            let choice = (hash(order.seed, told as u64) * (choice + 1) as f64) as usize;
            // Serial runs take the earliest epoch first.
            let epoch = queue.remove(if order.seed == 0 { 0 } else { choice });
            // Training may run ahead of what is measured.
            let ahead = if order.seed == 0 { 0.0 } else { 40.0 * hash(order.seed + 1, told as u64) };
            train(&mut *schedule, epoch.saturating_add(ahead as u64).min(last));
            schedule.tell(epoch, &rows(epoch, curve(epoch)));
            told += 1;
        } else if !ended {
            ended = true;
            train(&mut *schedule, last);
            schedule.end(last);
        } else if answer == Ask::Done {
            return measured;
        } else {
            assert!(matches!(answer, Ask::Epochs(_)), "waits for nothing");
        }
    }
}

fn serial(config: &ScheduleConfig, curve: &Curve, last: u64) -> Measured {
    simulate(config.schedule(last, ENTROPIES).unwrap(), curve, last, SERIAL)
}

/// Figures 8 and 9 as printed, with the absolute value, the first epoch and the last.
struct Printed<'a> {
    curve: &'a Curve,
    config: &'a DeltaConfig,
    skip: f64,
    measured: BTreeSet<u64>,
}

impl Printed<'_> {
    fn run(curve: &Curve, config: &DeltaConfig, last: u64) -> BTreeSet<u64> {
        let mut printed = Printed { curve, config, skip: 1.0, measured: BTreeSet::from([0]) };
        let mut previous = 0;
        while previous < last {
            let current = previous.saturating_add(printed.skip as u64).min(last);
            printed.measured.insert(current);
            printed.delta_skip_exact(previous, current, config.multiplier);
            previous = current;
        }
        printed.measured
    }

    fn delta_skip_exact(&mut self, previous: u64, current: u64, multiplier: f64) {
        if distance(self.curve, previous, current) > self.config.delta {
            if self.config.when_far == WhenFar::Shrink {
                self.skip = (self.skip / multiplier).max(1.0);
            }
            self.backtrack(previous, current);
        } else {
            self.skip =
                (self.skip * multiplier).min(self.config.max_skip.map_or(f64::MAX, |skip| skip as f64));
        }
    }

    fn backtrack(&mut self, previous: u64, current: u64) {
        if previous + 1 < current {
            let middle = (previous + current) / 2;
            self.measured.insert(middle);
            self.delta_skip_exact(previous, middle, 1.0);
            self.delta_skip_exact(middle, current, 1.0);
        }
    }
}

/// Written without [`Distance`]: one layer, in bits.
pub(super) fn distance(curve: &Curve, a: u64, b: u64) -> f64 {
    let finite = |value: Option<f64>| value.filter(|value| value.is_finite());
    let shifts = curve(a).into_iter().zip(curve(b)).map(|(a, b)| match (finite(a), finite(b)) {
        (Some(a), Some(b)) => (a - b).abs(),
        (None, None) => 0.0,
        _ => f64::INFINITY,
    });
    shifts.fold(0.0, f64::max)
}

pub(super) fn configs() -> impl Strategy<Value = DeltaConfig> {
    (
        prop::sample::select(vec![0.5 * DELTA, DELTA, 4.0 * DELTA]),
        prop::sample::select(vec![1.0, 1.3, 1.5, 2.0, 3.0, 1e300]),
        prop::option::of(1u64..60),
        prop::sample::select(vec![WhenFar::Keep, WhenFar::Shrink]),
    )
        .prop_map(|(delta, multiplier, max_skip, when_far)| DeltaConfig {
            multiplier,
            max_skip,
            when_far,
            ..bits(delta)
        })
}

pub(super) fn orders() -> impl Strategy<Value = Order> {
    (any::<u64>(), prop_oneof![Just(0), 0usize..40, Just(usize::MAX)])
        .prop_map(|(seed, end_after)| Order { seed, end_after })
}

proptest! {
    #[test]
    fn exact_measures_neighbours_within_delta_or_adjacent(
        kind in CURVES, seed in any::<u64>(), config in configs(), last in 0u64..1200, order in orders(),
    ) {
        let curve = curve(kind, seed);
        let schedule = ScheduleConfig::DeltaExact(config.clone()).schedule(last, ENTROPIES).unwrap();
        let epochs: Vec<u64> = simulate(schedule, &curve, last, order).into_keys().collect();
        prop_assert_eq!((epochs[0], epochs[epochs.len() - 1]), (0, last));
        for pair in epochs.windows(2) {
            let apart = distance(&curve, pair[0], pair[1]);
            prop_assert!(apart <= config.delta || pair[0] + 1 == pair[1], "{:?} are {} apart", pair, apart);
        }
    }

    #[test]
    fn exact_measures_what_the_printed_recursion_measures(
        kind in CURVES, seed in any::<u64>(), config in configs(), last in 0u64..1200,
    ) {
        let curve = curve(kind, seed);
        let measured = serial(&ScheduleConfig::DeltaExact(config.clone()), &curve, last);
        prop_assert_eq!(measured.into_keys().collect::<BTreeSet<_>>(), Printed::run(&curve, &config, last));
    }

    /// Planned to end later, told of the end whenever, and with results in any order: the same epochs for the same
    /// reasons.
    #[test]
    fn neither_order_nor_the_plan_nor_when_the_end_is_told_changes_what_is_measured(
        kind in CURVES, seed in any::<u64>(), config in configs(), last in 0u64..1200, later in 0u64..1200,
        order in orders(),
    ) {
        let curve = curve(kind, seed);
        for config in [ScheduleConfig::DeltaExact(config.clone()), ScheduleConfig::DeltaApproximate(config)] {
            let schedule = config.schedule(last + later, ENTROPIES).unwrap();
            prop_assert_eq!(simulate(schedule, &curve, last, order), serial(&config, &curve, last));
        }
    }

    #[test]
    fn approximate_goes_forward_only_with_the_first_epoch_and_the_last(
        kind in CURVES, seed in any::<u64>(), config in configs(), last in 0u64..1200,
    ) {
        let curve = curve(kind, seed);
        let mut schedule = ScheduleConfig::DeltaApproximate(config.clone()).schedule(last, ENTROPIES).unwrap();
        schedule.end(last);
        let mut epochs: Vec<u64> = Vec::new();
        // Figure 11, with the last epoch.
        let mut skip = 1.0;
        while let Ask::Epochs(wanted) = schedule.ask() {
            prop_assert_eq!(wanted.len(), 1);
            let epoch = wanted[0].epoch;
            schedule.tell(epoch, &rows(epoch, curve(epoch)));
            if let Some(&previous) = epochs.last() {
                prop_assert_eq!(epoch, previous.saturating_add(skip as u64).min(last));
                if distance(&curve, previous, epoch) <= config.delta {
                    skip = (skip * config.multiplier).min(config.max_skip.map_or(f64::MAX, |skip| skip as f64));
                } else if config.when_far == WhenFar::Shrink {
                    skip = (skip / config.multiplier).max(1.0);
                }
            }
            epochs.push(epoch);
        }
        prop_assert_eq!((epochs[0], epochs[epochs.len() - 1]), (0, last));
    }

    #[test]
    fn heads_are_at_most_max_skip_apart(
        kind in CURVES, seed in any::<u64>(), config in configs(), max_skip in 1u64..50, last in 0u64..1200,
    ) {
        let curve = curve(kind, seed);
        let config = DeltaConfig { max_skip: Some(max_skip), ..config };
        for config in [ScheduleConfig::DeltaExact(config.clone()), ScheduleConfig::DeltaApproximate(config)] {
            let measured = serial(&config, &curve, last);
            let heads: Vec<u64> =
                measured.iter().filter(|(_, reason)| **reason != Reason::Filling).map(|(epoch, _)| *epoch).collect();
            prop_assert!(heads.windows(2).all(|pair| pair[1] - pair[0] <= max_skip), "{:?}", heads);
        }
    }

    #[test]
    fn listed_schedules_measure_their_list_up_to_the_end_and_the_end(
        epochs in prop::collection::vec(0u64..500, 1..20), last in 0u64..500, order in orders(),
    ) {
        let config = ScheduleConfig::List { epochs: epochs.clone(), witness: None };
        let measured = simulate(config.schedule(500, ENTROPIES).unwrap(), &curve(6, 0), last, order);
        let mut expected: Measured =
            epochs.into_iter().filter(|&epoch| epoch <= last).map(|epoch| (epoch, Reason::Planned)).collect();
        expected.entry(last).or_insert(Reason::Last);
        prop_assert_eq!(measured, expected);
    }

    #[test]
    fn log_spacing_gives_the_points_asked_for(points in 2usize..400, last in 1u64..20_000) {
        let epochs = ScheduleConfig::LogSpaced { points, witness: None }.epochs(last).unwrap().unwrap();
        prop_assert_eq!(epochs.len() as u64, (points as u64).min(last + 1));
        prop_assert!(epochs.windows(2).all(|pair| pair[0] < pair[1]));
        prop_assert_eq!((epochs[0], epochs[epochs.len() - 1]), (0, last));
        prop_assert_eq!(ScheduleConfig::LogSpaced { points, witness: None }.most_epochs(last), Some(epochs.len() as u64));
    }

    #[test]
    fn no_more_epochs_are_measured_than_foreseen(
        interval in 1u64..50, list in prop::collection::vec(0u64..100, 1..20), last in 100u64..2_000,
    ) {
        for schedule in [ScheduleConfig::Every { interval, witness: None }, ScheduleConfig::List { epochs: list, witness: None }] {
            let epochs = schedule.epochs(last).unwrap().unwrap().len() as u64;
            prop_assert!(schedule.most_epochs(last).unwrap() >= epochs);
        }
    }
}

#[test]
fn a_constant_curve_is_measured_at_each_doubling() {
    let constant: Curve = Box::new(|_| [Some(1.0), Some(0.5)]);
    for config in [ScheduleConfig::DeltaExact(bits(DELTA)), ScheduleConfig::DeltaApproximate(bits(DELTA))] {
        let measured = serial(&config, &constant, 10_000);
        let expected = [0, 1, 3, 7, 15, 31, 63, 127, 255, 511, 1023, 2047, 4095, 8191, 10_000];
        assert!(measured.keys().eq(&expected), "{measured:?}");
        assert_eq!(measured[&10_000], Reason::Last);
        // Even of a training without an end in sight.
        let schedule = config.schedule(u64::MAX, ENTROPIES).unwrap();
        assert_eq!(simulate(schedule, &constant, u64::MAX, SERIAL).len(), 65);
    }
}

/// The array of the source: its values from the left, `?` where nothing was measured.
#[test]
fn a_section_is_filled_as_in_the_worked_example() {
    let values = [2.0, 5.0, 6.0, 8.0, 10.0, 11.0, 12.0, 13.0, 14.0];
    let section = move |epoch: u64| values[epoch as usize];
    let curve: Curve = Box::new(move |epoch| [Some(section(epoch)), None]);
    let config = bits(2.0);
    let mut schedule = DeltaExact::new(&config, 8, ENTROPIES);
    let point = |epoch: u64| delta::Point::new(epoch, &rows(epoch, curve(epoch)));
    schedule.fill(point(0), point(8));
    let mut filled = BTreeSet::new();
    while let Ask::Epochs(wanted) = schedule.ask() {
        for Wanted { epoch, .. } in wanted.into_iter().filter(|wanted| wanted.reason == Reason::Filling) {
            filled.insert(epoch);
            schedule.tell(epoch, &rows(epoch, curve(epoch)));
        }
    }
    assert_eq!(filled, BTreeSet::from([1, 2, 3, 4, 6]));
}

#[test]
fn the_next_section_does_not_wait_for_filling_and_both_halves_are_filled_at_once() {
    // Flat to epoch 7, then a climb: the section 7 to 15 is far too long.
    let climb = |epoch: u64| rows(epoch, [Some(epoch.saturating_sub(7) as f64), None]);
    let mut schedule = ScheduleConfig::DeltaExact(bits(1.0)).schedule(1000, ENTROPIES).unwrap();
    let mut asked = |tell: Option<u64>| {
        if let Some(epoch) = tell {
            schedule.tell(epoch, &climb(epoch));
        }
        let earliest = schedule.earliest();
        match schedule.ask() {
            Ask::Epochs(wanted) => (earliest, wanted.iter().map(|wanted| wanted.epoch).collect::<Vec<_>>()),
            _ => (earliest, vec![]),
        }
    };
    assert_eq!(asked(None), (0, vec![0]));
    assert_eq!(asked(Some(0)), (1, vec![1]));
    assert_eq!(asked(Some(1)), (2, vec![3]));
    assert_eq!(asked(Some(3)), (4, vec![7]));
    assert_eq!(asked(Some(7)), (8, vec![15]));
    // The skip shrinks from 8 to 4.
    assert_eq!(asked(Some(15)), (8, vec![11, 19]));
    assert_eq!(asked(Some(11)), (8, vec![9, 13]));
    assert_eq!(asked(Some(13)), (8, vec![12, 14]));
    assert_eq!(asked(Some(9)), (8, vec![8, 10]));
    // Only 12 and 14, asked for already, are left of that section.
    assert_eq!(asked(Some(8)), (16, vec![]));
}

#[test]
fn a_bump_between_measured_epochs_is_seen_only_with_max_skip() {
    let bump: Curve = Box::new(|epoch| [Some(if (5000..5100).contains(&epoch) { 1.0 } else { 0.0 }), None]);
    let saw = |max_skip| {
        let config = DeltaConfig { max_skip, ..bits(DELTA) };
        serial(&ScheduleConfig::DeltaExact(config), &bump, 10_000)
            .keys()
            .any(|epoch| (5000..5100).contains(epoch))
    };
    assert!(!saw(None));
    assert!(saw(Some(100)));
}

#[test]
fn keeping_the_skip_is_as_printed_and_shrinking_comes_back_to_it() {
    // A jump within one epoch, between 40 and 41.
    let jump: Curve = Box::new(|epoch| [Some(if epoch > 40 { 1.0 } else { 0.0 }), None]);
    let heads = |when_far| -> Vec<u64> {
        let config = DeltaConfig { when_far, ..bits(DELTA) };
        let measured = serial(&ScheduleConfig::DeltaExact(config), &jump, 300);
        measured
            .into_iter()
            .filter(|(_, reason)| *reason != Reason::Filling)
            .map(|(epoch, _)| epoch)
            .collect()
    };
    assert_eq!(heads(WhenFar::Keep), [0, 1, 3, 7, 15, 31, 63, 95, 159, 287, 300]);
    assert_eq!(heads(WhenFar::Shrink), [0, 1, 3, 7, 15, 31, 63, 79, 111, 175, 300]);
}

/// What the documentation of [`WhenFar`] says in numbers.
#[test]
fn on_waves_a_skip_that_is_kept_grows_past_them_and_one_that_shrinks_does_not() {
    let wave = |epoch: u64| 0.5 * (epoch as f64 * std::f64::consts::TAU / 500.0).sin();
    let curve: Curve = Box::new(move |epoch| [Some(wave(epoch)), None]);
    let measured = |when_far| {
        let config = ScheduleConfig::DeltaExact(DeltaConfig { when_far, ..bits(DELTA) });
        let epochs: Vec<u64> = serial(&config, &curve, 10_000).into_keys().collect();
        let straight = |pair: &[u64], epoch| {
            let share = (epoch - pair[0]) as f64 / (pair[1] - pair[0]) as f64;
            wave(pair[0]) + share * (wave(pair[1]) - wave(pair[0]))
        };
        let errors = epochs.windows(2).flat_map(|pair| {
            (pair[0]..pair[1]).map(move |epoch| (straight(pair, epoch) - wave(epoch)).abs())
        });
        let worst = errors.fold(0.0, f64::max) / DELTA;
        (epochs.len(), (worst * 10.0).round() / 10.0)
    };
    assert_eq!(measured(WhenFar::Keep), (848, 19.2));
    assert_eq!(measured(WhenFar::Shrink), (1108, 0.2));
}

#[test]
fn the_last_epoch_is_a_section_where_the_skip_leads_to_it() {
    let constant = curve(6, 0);
    let config = ScheduleConfig::DeltaExact(bits(DELTA));
    assert_eq!(serial(&config, &constant, 7)[&7], Reason::Section);
    assert_eq!(serial(&config, &constant, 8)[&8], Reason::Last);
    assert_eq!(serial(&config, &constant, 0), Measured::from([(0, Reason::Section)]));
}

#[test]
fn every_nth_epoch_with_the_first_and_the_last() {
    let epochs =
        |interval, last| ScheduleConfig::Every { interval, witness: None }.epochs(last).unwrap().unwrap();
    assert_eq!(epochs(4, 10), [0, 4, 8, 10]);
    assert_eq!(epochs(100, 0), [0]);
}

#[test]
fn log_spacing_takes_every_early_epoch_then_even_ratios() {
    let epochs = ScheduleConfig::LogSpaced { points: 8, witness: None }.epochs(1000).unwrap().unwrap();
    assert_eq!(epochs, [0, 1, 3, 10, 32, 101, 318, 1000]);
}

fn measured_with() -> Vec<AnyEstimator> {
    vec![
        AnyEstimator::Kde(Kde { noise_variances: vec![1e-3] }),
        toml::from_str::<AnyEstimator>("kind = \"binned\"\nrule = \"exact\"").unwrap(),
    ]
}

#[test]
fn settings_that_make_no_schedule_are_refused_by_name() {
    let refused = |config: ScheduleConfig| config.check(100, 5, &measured_with()).unwrap_err().to_string();
    assert_eq!(
        refused(ScheduleConfig::Every { interval: 0, witness: None }),
        "schedule.interval = 0; allowed is 1 or more"
    );
    assert_eq!(
        refused(ScheduleConfig::LogSpaced { points: 1, witness: None }),
        "schedule.points = 1; allowed is 2 or more"
    );
    assert!(refused(ScheduleConfig::List { epochs: vec![3, 101], witness: None }).contains("0 to 100"));

    let given = DeltaConfig::new;
    let kde = || Some(vec!["kde".to_string()]);
    for (config, message) in [
        (given(0.0), "schedule.delta = 0; allowed is a finite number above 0"),
        (given(-0.1), "schedule.delta = -0.1; allowed is a finite number above 0"),
        (given(f64::NAN), "schedule.delta = NaN; allowed is a finite number above 0"),
        (given(f64::INFINITY), "schedule.delta = inf; allowed is a finite number above 0"),
        (
            DeltaConfig { multiplier: 0.5, ..given(0.1) },
            "schedule.multiplier = 0.5; allowed is a finite number, 1 or more",
        ),
        (
            DeltaConfig { multiplier: f64::NAN, ..given(0.1) },
            "schedule.multiplier = NaN; allowed is a finite number, 1 or more",
        ),
        (
            DeltaConfig { max_skip: Some(0), ..given(0.1) },
            "schedule.max_skip = 0; allowed is 1 or more; leave it out for no limit",
        ),
        (
            DeltaConfig { bounds: Some(vec![]), ..given(0.1) },
            "schedule.bounds = []; allowed is a list of one or more; leave it out for all",
        ),
        (
            DeltaConfig { layers: Some(vec![1, 0]), ..given(0.1) },
            "schedule.layers = 0; allowed is 1 to 5, the layers of the network",
        ),
        (
            DeltaConfig { layers: Some(vec![6]), ..given(0.1) },
            "schedule.layers = 6; allowed is 1 to 5, the layers of the network",
        ),
        (
            DeltaConfig { estimators: Some(vec!["kd".into()]), ..given(0.1) },
            "schedule.estimators = \"kd\"; allowed is one of those measured: kde, binned",
        ),
        (
            DeltaConfig { estimators: kde(), bounds: Some(vec![BoundChoice::None]), ..given(0.1) },
            "schedule.bounds = [\"none\"]; allowed is what the estimators compared give: \"lower\", \"upper\"",
        ),
    ] {
        assert_eq!(refused(ScheduleConfig::DeltaExact(config.clone())), message);
        assert_eq!(refused(ScheduleConfig::DeltaApproximate(config)), message);
    }

    let config = DeltaConfig { estimators: kde(), bounds: Some(vec![BoundChoice::Upper]), ..given(0.1) };
    ScheduleConfig::DeltaExact(config).check(100, 5, &measured_with()).unwrap();
    let config = ScheduleConfig::DeltaExact(given(f64::NAN));
    assert_eq!(config.schedule(100, ENTROPIES).err().unwrap().key, "delta");
}

#[test]
fn a_delta_skip_is_read_from_toml_with_its_defaults_and_written_back() {
    let read = |text: &str| toml::from_str::<ScheduleConfig>(text);
    let short = read("kind = \"delta-exact\"\ndelta = 1").unwrap();
    assert_eq!(short, ScheduleConfig::DeltaExact(DeltaConfig::new(1.0)));
    assert_eq!((short.is_adaptive(), short.delta(), short.epochs(10)), (true, Some(1.0), Ok(None)));
    assert_eq!(short.distance(ENTROPIES), Distance::scaled(ENTROPIES));

    let text = "kind = \"delta-approximate\"\ndelta = 0.05\nmultiplier = 1.5\nmax_skip = 20\nwhen_far = \"keep\"\n\
                scale = \"bits\"\nlayers = [1, 3]\nestimators = [\"kde\"]\nbounds = [\"upper\", \"none\"]\n";
    let whole = read(text).unwrap();
    assert_eq!(toml::to_string(&whole).unwrap(), text);
    assert_eq!(whole.distance(ENTROPIES).scale, Scale::Bits);

    let message = |text| read(text).unwrap_err().message().to_string();
    assert!(message("kind = \"delta-exact\"").contains("missing field `delta`"));
    let unknown = message("kind = \"delta-exact\"\ndelta = 0.1\nmaxskip = 3");
    assert!(
        unknown.starts_with("unknown field `maxskip`, expected one of `delta`, `multiplier`, `max_skip`")
    );
    assert!(
        message("kind = \"delta-exact\"\ndelta = 0.1\nwhen_far = \"grow\"")
            .contains("unknown variant `grow`")
    );
}

#[test]
fn a_wrong_key_of_a_delta_skip_is_named_with_the_nearest() {
    use crate::experiment::Experiment;
    let error = |schedule: &str| {
        Experiment::load("saxe2018-tanh", &[format!("schedule={{kind=\"delta-exact\", {schedule}}}")])
            .unwrap_err()
            .to_string()
    };
    let unknown = error("delta=0.1, max_skips=3");
    assert!(unknown.contains("unknown key `schedule.max_skips`; did you mean `max_skip`?"), "{unknown}");
    assert!(error("delta=-1").contains("schedule.delta = -1"));
    assert!(error("delta=0.1, layers=[99]").contains("schedule.layers = 99; allowed is 1 to "));
    assert!(error("delta=0.1, estimators=[\"ross\"]").contains("schedule.estimators = \"ross\""));
}
