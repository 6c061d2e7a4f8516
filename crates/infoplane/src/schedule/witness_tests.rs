//! Schedules with a witness, on made-up curves and made-up witnesses.

use std::collections::BTreeSet;
use std::f64::consts::LN_2;

use proptest::prelude::*;

use super::tests::{
    CURVES, Curve, DELTA, ENTROPIES, Measured, Order, SERIAL, bits, configs, curve, distance, hash, orders,
    rows, simulate_watched,
};
use super::*;

/// The band of δ in bits.
const BAND: f64 = LN_2 * DELTA;

fn loss() -> Option<WitnessConfig> {
    Some(WitnessConfig::Loss(WitnessSettings::default()))
}

/// A witness with this band that may have everything measured.
fn banded(band: f64) -> Option<WitnessConfig> {
    Some(WitnessConfig::Loss(WitnessSettings { band: Some(band), max_share: 1.0, ..Default::default() }))
}

/// One of every kind, with a witness.
fn kinds(witness: &Option<WitnessConfig>, last: u64) -> Vec<ScheduleConfig> {
    let witness = || witness.clone();
    let delta = || DeltaConfig { witness: witness(), ..bits(DELTA) };
    vec![
        ScheduleConfig::DeltaExact(delta()),
        ScheduleConfig::DeltaApproximate(delta()),
        ScheduleConfig::LogSpaced { points: 12, witness: witness() },
        ScheduleConfig::Every { interval: 1 + last / 3, witness: witness() },
        ScheduleConfig::List { epochs: vec![last / 2], witness: witness() },
    ]
}

fn constant() -> Curve {
    Box::new(|_| [Some(1.0), Some(0.5)])
}

fn watched(config: &ScheduleConfig, curve: &Curve, witness: &dyn Fn(u64) -> f64, last: u64) -> Measured {
    simulate_watched(config.schedule(last, ENTROPIES).unwrap(), curve, witness, last, SERIAL)
}

/// The epochs measured for the witness.
fn of_witness(measured: &Measured) -> Vec<u64> {
    let of_witness = measured.iter().filter(|(_, reason)| **reason == Reason::Witness);
    of_witness.map(|(&epoch, _)| epoch).collect()
}

#[test]
fn a_burst_of_one_epoch_is_measured_with_its_neighbours_if_it_leaves_the_band() {
    for (height, seen) in [(1.01, true), (0.99, false), (-1.01, true), (-0.99, false)] {
        for config in kinds(&banded(BAND), 1000) {
            let burst = |epoch| if epoch == 700 { 0.3 + height * BAND } else { 0.3 };
            let measured = watched(&config, &constant(), &burst, 1000);
            let expected: &[u64] = if seen { &[699, 700, 701] } else { &[] };
            assert_eq!(of_witness(&measured), expected, "{height}, {config:?}");
        }
    }
}

#[test]
fn the_default_band_is_delta_of_the_entropy_of_y_in_nats() {
    let exact = |witness| ScheduleConfig::DeltaExact(DeltaConfig { witness, ..DeltaConfig::new(0.04) });
    let two_bits = Entropies { h_x_bits: 8.0, h_y_bits: 2.0 };
    let near = |value: Option<f64>, expected: f64| (value.unwrap() - expected).abs() < 1e-12;
    assert!(near(exact(loss()).witness_band(two_bits), LN_2 * 0.04 * 2.0));
    assert!(near(exact(banded(0.3)).witness_band(two_bits), 0.3));
    let subsample = || Some(WitnessConfig::Subsample(WitnessSettings::default()));
    assert!(near(exact(subsample()).witness_band(two_bits), 0.04));
    let in_bits = ScheduleConfig::DeltaExact(DeltaConfig { witness: loss(), ..bits(0.04) });
    assert!(near(in_bits.witness_band(two_bits), LN_2 * 0.04));
    let spaced = ScheduleConfig::LogSpaced { points: 9, witness: loss() };
    assert!(near(spaced.witness_band(two_bits), LN_2 * 0.05 * 2.0));
    // Of one class there is no information to scale by.
    let one_class = Entropies { h_x_bits: 8.0, h_y_bits: 0.0 };
    assert!(near(exact(loss()).witness_band(one_class), LN_2 * 0.04));
    assert_eq!(ScheduleConfig::LogSpaced { points: 9, witness: None }.witness_band(two_bits), None);
}

#[test]
fn bursts_at_the_first_epoch_and_at_the_last_are_measured() {
    for config in kinds(&banded(BAND), 1000) {
        let first = watched(&config, &constant(), &|epoch| if epoch == 1 { 1.0 } else { 0.0 }, 1000);
        for epoch in [0, 1, 2] {
            assert!(
                first.contains_key(&epoch) || matches!(config, ScheduleConfig::List { .. }) && epoch == 0
            );
        }
        let last = watched(&config, &constant(), &|epoch| if epoch == 1000 { 1.0 } else { 0.0 }, 1000);
        assert_eq!((of_witness(&last), last[&1000] == Reason::Witness), (vec![999], false), "{config:?}");
    }
}

#[test]
fn a_witness_that_is_not_a_number_is_measured_where_that_begins_and_ends() {
    for config in kinds(&banded(BAND), 1000) {
        let lost = |epoch| if (600..650).contains(&epoch) { f64::NAN } else { 0.2 };
        assert_eq!(of_witness(&watched(&config, &constant(), &lost, 1000)), [599, 600, 649, 650]);
        let always = watched(&config, &constant(), &|_| f64::NAN, 1000);
        assert!(of_witness(&always).is_empty(), "{config:?}");
        let infinite = |epoch| if epoch >= 600 { f64::INFINITY } else { 0.2 };
        assert_eq!(of_witness(&watched(&config, &constant(), &infinite, 1000)), [599, 600]);
    }
}

#[test]
fn a_constant_witness_and_noise_within_the_band_change_nothing() {
    let noises: [&dyn Fn(u64) -> f64; 2] = [&|_| 0.7, &|epoch| 0.99 * BAND * hash(3, epoch)];
    for noise in noises {
        for (config, without) in kinds(&banded(BAND), 1000).into_iter().zip(kinds(&None, 1000)) {
            for kind in CURVES {
                let curve = curve(kind, 5);
                let expected = watched(&without, &curve, noise, 1000);
                assert_eq!(watched(&config, &curve, noise, 1000), expected, "{config:?}, {kind}");
            }
        }
    }
}

#[test]
fn noise_beyond_the_band_widens_it_until_the_share_is_kept() {
    for config in kinds(&loss(), 10_000) {
        let mut schedule = config.schedule(10_000, ENTROPIES).unwrap();
        let noise = |epoch| 4.0 * hash(7, epoch);
        let mut wanted = BTreeSet::new();
        for trained in 0..=10_000 {
            schedule.witness(trained, &[noise(trained)]);
            loop {
                if let Ask::Epochs(epochs) = schedule.ask() {
                    wanted.extend(epochs.into_iter().map(|wanted| wanted.epoch));
                }
                let Some(epoch) = wanted.first().copied().filter(|&epoch| epoch <= trained) else { break };
                wanted.remove(&epoch);
                schedule.tell(epoch, &rows(epoch, [Some(1.0), Some(0.5)]));
            }
        }
        let widened = schedule.widened();
        assert!(!widened.is_empty() && widened.len() <= 8, "{widened:?}");
        assert!(widened.windows(2).all(|pair| pair[0].1 * 2.0 == pair[1].1 && pair[0].0 <= pair[1].0));
        // Noise of 4 at most lies within a band of 4 around any of it.
        assert!(widened.iter().all(|&(_, band)| band < 8.0));
        let measured = watched(&config, &constant(), &noise, 10_000);
        let counted = of_witness(&measured).len() as f64;
        assert!(counted <= 32.0 + 0.05 * 10_000.0 + 2.0 * widened.len() as f64, "{config:?}: {counted}");
    }
}

#[test]
fn however_narrow_the_band_and_wild_the_witness_no_more_than_64_epochs_come_beside_its_share() {
    let wild: [fn(u64) -> f64; 3] = [
        |epoch| hash(7, epoch),
        |epoch| if epoch.is_multiple_of(2) { f64::NAN } else { 1.0 },
        |epoch| (epoch * epoch * epoch) as f64,
    ];
    for (share, witness) in [0.0, 0.1].into_iter().flat_map(|share| wild.map(|witness| (share, witness))) {
        let settings = WitnessSettings { band: Some(1e-300), max_share: share, ..Default::default() };
        for config in kinds(&Some(WitnessConfig::Loss(settings)), 700) {
            let measured = watched(&config, &constant(), &witness, 700);
            let counted = of_witness(&measured).len() as f64;
            // Some of those asked for are measured for another reason.
            assert!((16.0..=64.0 + share * 700.0).contains(&counted), "{config:?}: {counted}");
        }
    }
}

#[test]
fn a_burst_after_much_noise_is_still_seen() {
    for config in kinds(&loss(), 10_000) {
        let witness = |epoch| match epoch {
            ..200 => 10.0 * hash(1, epoch),
            9000 => 100.0,
            _ => 0.0,
        };
        assert!(watched(&config, &constant(), &witness, 10_000).contains_key(&9000), "{config:?}");
    }
}

/// What the value of a witness is at every epoch.
fn witness(kind: usize, seed: u64) -> impl Fn(u64) -> f64 {
    move |epoch| {
        let noise = hash(seed, epoch);
        let burst = hash(seed, epoch / 3) < 0.03;
        match kind {
            0 => 2.0 / (1.0 + epoch as f64 / 30.0),
            1 => f64::from(u8::from(burst)) * noise,
            2 => 0.3 * noise,
            3 => {
                if noise < 0.02 {
                    f64::NAN
                } else {
                    0.1
                }
            }
            _ => 0.5 + 0.5 * (epoch as f64 / 25.0).sin() + f64::from(u8::from(burst)),
        }
    }
}

proptest! {
    #[test]
    fn at_every_unmeasured_epoch_the_witness_is_within_the_band_of_a_measured_one_before(
        kind in CURVES, seed in any::<u64>(), watch in 0usize..5, last in 0u64..1200, order in orders(),
    ) {
        let (curve, witness) = (curve(kind, seed), witness(watch, seed));
        for config in kinds(&banded(0.2), last) {
            let schedule = config.schedule(last, ENTROPIES).unwrap();
            let measured = simulate_watched(schedule, &curve, &witness, last, order);
            let mut reference: Option<f64> = None;
            for epoch in 0..=last {
                let value = witness(epoch);
                match measured.get(&epoch) {
                    Some(Reason::Filling) => {}
                    Some(_) => reference = Some(value),
                    // A list without the first epoch has nothing before it.
                    None if reference.is_none() => {}
                    None => {
                        let before = reference.unwrap();
                        let near = (value - before).abs() <= 0.2 || (value.is_nan() && before.is_nan());
                        prop_assert!(near, "{config:?}: {before} and {value} at {epoch}");
                    }
                }
            }
        }
    }

    #[test]
    fn with_a_witness_neighbours_of_exact_are_within_delta_or_adjacent(
        kind in CURVES, seed in any::<u64>(), watch in 0usize..5, config in configs(), last in 0u64..1200,
        order in orders(),
    ) {
        let (curve, witness) = (curve(kind, seed), witness(watch, seed));
        let config = DeltaConfig { witness: banded(0.2), ..config };
        let schedule = ScheduleConfig::DeltaExact(config.clone()).schedule(last, ENTROPIES).unwrap();
        let epochs: Vec<u64> = simulate_watched(schedule, &curve, &witness, last, order).into_keys().collect();
        prop_assert_eq!((epochs[0], epochs[epochs.len() - 1]), (0, last));
        for pair in epochs.windows(2) {
            let apart = distance(&curve, pair[0], pair[1]);
            prop_assert!(apart <= config.delta || pair[0] + 1 == pair[1], "{:?} are {} apart", pair, apart);
        }
    }

    #[test]
    fn neither_order_nor_the_time_of_the_end_changes_what_is_measured_or_why(
        kind in CURVES, seed in any::<u64>(), watch in 0usize..5, last in 0u64..1200, order in orders(),
        max_share in prop::sample::select(vec![0.0, 0.05, 1.0]), beyond in 0u64..300,
    ) {
        let (curve, witness) = (curve(kind, seed), witness(watch, seed));
        let settings = WitnessSettings { band: Some(0.2), max_share, ..Default::default() };
        for config in kinds(&Some(WitnessConfig::Loss(settings)), last) {
            let go = |order| {
                // A training that ends early, if `beyond` is more than 0.
                let schedule = config.schedule(last + beyond, ENTROPIES).unwrap();
                simulate_watched(schedule, &curve, &witness, last, order)
            };
            prop_assert_eq!(go(order), go(SERIAL), "{:?}", config);
            prop_assert_eq!(go(Order { end_after: 0, ..SERIAL }), go(SERIAL), "{:?}", config);
        }
    }
}

#[test]
fn epochs_of_a_witness_come_on_top_of_those_of_forward_schedules() {
    let burst = |epoch| if epoch % 97 == 0 { 1.0 } else { 0.0 };
    let curve = curve(1, 3);
    for (config, without) in kinds(&loss(), 1000).into_iter().zip(kinds(&None, 1000)).skip(1) {
        let with: BTreeSet<u64> = watched(&config, &curve, &burst, 1000).into_keys().collect();
        let without: BTreeSet<u64> = watched(&without, &curve, &burst, 1000).into_keys().collect();
        assert!(without.is_subset(&with) && without.len() < with.len());
    }
}

#[test]
fn a_witness_is_a_word_or_a_table_and_is_written_as_a_table() {
    let read = |text: &str| toml::from_str::<ScheduleConfig>(text);
    let word = read("kind = \"log-spaced\"\npoints = 9\nwitness = \"loss\"").unwrap();
    // The manifest says on how many rows: another version must go on with as many.
    let settings = WitnessSettings { rows: Some(1024), ..Default::default() };
    let witness = Some(WitnessConfig::Loss(settings));
    assert_eq!(word, ScheduleConfig::LogSpaced { points: 9, witness });
    let text = toml::to_string(&word).unwrap();
    assert!(text.contains("rows = 1024"), "{text}");
    assert_eq!(read(&text).unwrap(), word);
    let table = "kind = \"delta-exact\"\ndelta = 0.05\n\
                 witness = { kind = \"subsample\", rows = 128, band = 0.1, max_share = 0.5 }";
    let settings = WitnessSettings { rows: Some(128), band: Some(0.1), max_share: 0.5 };
    let whole = read(table).unwrap();
    assert_eq!(whole.witness(), Some(&WitnessConfig::Subsample(settings)));
    assert_eq!(read(&toml::to_string(&whole).unwrap()).unwrap(), whole);
    assert_eq!((whole.epochs(10), whole.most_epochs(10)), (Ok(None), None));
    let message = |witness: &str| {
        let text = format!("kind = \"list\"\nepochs = [1]\nwitness = {witness}");
        read(&text).unwrap_err().message().to_string()
    };
    assert!(message("\"losses\"").starts_with("unknown variant `losses`, expected one of `loss`, `binned`"));
    assert!(
        message("3").contains("expected \"loss\", \"binned\", \"subsample\" or a table"),
        "{}",
        message("3")
    );
    assert!(message("{ kind = \"loss\", row = 3 }").contains("unknown field `row`"));
    assert!(message("{ rows = 3 }").contains("missing field `kind`"));
}

#[test]
fn settings_that_make_no_witness_are_refused_by_name() {
    let refused = |settings: WitnessSettings| {
        let witness = Some(WitnessConfig::Loss(settings));
        let messages: BTreeSet<String> = kinds(&witness, 100)
            .into_iter()
            .map(|config| config.schedule(100, ENTROPIES).err().expect("it is refused").to_string())
            .collect();
        assert_eq!(messages.len(), 1);
        messages.into_iter().next().unwrap()
    };
    let given = WitnessSettings::default;
    for rows in [0, 1] {
        assert_eq!(
            refused(WitnessSettings { rows: Some(rows), ..given() }),
            format!("schedule.witness.rows = {rows}; allowed is 2 or more; leave it out for the default")
        );
    }
    for band in [0.0, -0.1, f64::NAN, f64::INFINITY] {
        assert_eq!(
            refused(WitnessSettings { band: Some(band), ..given() }),
            format!(
                "schedule.witness.band = {band}; allowed is a finite number above 0; leave it out for the default"
            )
        );
    }
    for max_share in [-0.1, 1.5, f64::NAN] {
        assert_eq!(
            refused(WitnessSettings { max_share, ..given() }),
            format!("schedule.witness.max_share = {max_share}; allowed is 0 to 1")
        );
    }
}
