use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use proptest::prelude::*;

use super::*;
use crate::directory::Seal;
use crate::network::Initialization;
use crate::plane::{MethodDescription, Missing};
use crate::quantity::{QuantityConfig, QuantityRow, QuantityValues, UnitAmounts, UnitQuantities};
use crate::schedule::{Reason, ScheduleConfig};
use crate::train::{EpochStats, Keyframe, LayerStats, TrainingEnd};
use crate::{InformationPlane, LayerDescription, Network, Nonlinearity, PlaneRow};

fn binned() -> MethodDescription {
    MethodDescription::new("binned", "30 bins", None)
}

fn n_measured(recovered: &Recovered) -> usize {
    recovered.measured.values().map(|measured| measured.len()).sum()
}

fn methods() -> Methods {
    Methods::of(&manifest())
}

fn plane(run: &RunDir) -> Result<InformationPlane, RunError> {
    Ok(Run::read(run.path())?.plane().clone())
}

fn manifest() -> Manifest {
    let data = DataFacts {
        name: "made up".into(),
        digest: "none".into(),
        n_samples: 4,
        n_measured: 4,
        h_x_bits: 2.0,
        h_y_bits: Some(1.0),
        i_xy_bits: Some(1.0),
        target_width: None,
        i_xy_rule_bits: None,
        rule_gain: None,
        label_shares: vec![0.5, 0.5],
        guessing_accuracy: vec![0.5],
        parts: vec![],
    };
    Manifest {
        format_version: FORMAT_VERSION,
        infoplane_version: "0.1.0".into(),
        // Not ascending: rows come in this order all the same.
        seeds: vec![7, 3],
        name: "made up".into(),
        reference: None,
        planned_epochs: Some(2),
        data,
        schedule: ScheduleConfig::Every { interval: 1, witness: None },
        layers: vec![LayerDescription { name: "T1".into(), width: 2, nonlinearity: "tanh".into() }],
        methods: vec![binned()],
        quantities: vec![QuantityConfig::Units { groups: None }],
        origin: Origin::Experiment(toml::Table::new()),
    }
}

fn row(seed: u64, epoch: u64, layer: usize) -> PlaneRow {
    // Values with all their digits.
    let value = (seed as f64 + epoch as f64 / 7.0 + layer as f64 / 13.0).sin();
    // As a method with cells gives them, and as one without.
    let with_cells = layer == 1;
    PlaneRow {
        i_ty_shuffled_bits: with_cells.then_some(value / 7.0),
        alone: with_cells.then_some(epoch),
        ..PlaneRow::new(seed, epoch, (layer, 2), &Arc::new(binned()), (value, value / 3.0))
    }
}

fn stats(seed: u64, epoch: u64) -> EpochStats {
    let value = (seed as f32 + epoch as f32 / 7.0).cos();
    EpochStats {
        seed,
        epoch,
        // A training about to diverge.
        train_loss: Some(if epoch == 2 { f32::NAN } else { value }),
        test_loss: (epoch == 1).then_some(f32::INFINITY),
        train_accuracy: Some(value / 3.0),
        test_accuracy: None,
        layers: vec![LayerStats {
            weight_norm: value * 1e-30,
            gradient_mean: Some(value * 1e30),
            gradient_standard_deviation: Some(f32::NAN),
        }],
        scalars: BTreeMap::new(),
    }
}

/// What the units of both layers tell, of one as far as it can be measured.
fn quantities(seed: u64, epoch: u64) -> Vec<QuantityRow> {
    let value = (seed as f64 - epoch as f64 / 3.0).cos();
    let amounts = UnitAmounts {
        i_ty_bits: value,
        unit_bits: vec![value / 3.0, value / 7.0],
        beyond_bits: vec![0.0, value / 9.0],
        synergy_bits: vec![value / 2.0, value / 2.0],
    };
    let shuffled = UnitAmounts { synergy_bits: vec![], ..amounts.clone() };
    let units = UnitQuantities { labels: amounts, shuffled, alone: epoch, is_all_bias: epoch == 1 };
    let missing = QuantityValues::Missing {
        quantity: "units".into(),
        missing: Missing::both("not-finite", "a value is NaN"),
    };
    let row =
        |layer, values| QuantityRow { seed, epoch, layer, method: Some(binned().id), part: None, values };
    vec![row(1, QuantityValues::Units(units)), row(2, missing)]
}

fn ended(seed: u64) -> SeedOutcome {
    SeedOutcome { seed, measured_epochs: 3, last_epoch: 2, ended: TrainingEnd::Epochs }
}

/// Everything that a run of two seeds and three epochs finds out.
fn records() -> Vec<Record> {
    let mut records = Vec::new();
    for seed in [7, 3] {
        for epoch in 0..3 {
            records.push(Record::Trained(stats(seed, epoch)));
            let rows = (1..=2).map(|layer| row(seed, epoch, layer)).collect();
            let reason = if epoch == 1 { Reason::Filling } else { Reason::Section };
            records.push(Record::Measured { seed, epoch, reason, rows, quantities: quantities(seed, epoch) });
        }
        records.push(Record::Ended(ended(seed)));
    }
    records
}

fn schedule() -> Vec<MeasuredEpoch> {
    let epochs = [7, 3].into_iter().flat_map(|seed| (0..3).map(move |epoch| (seed, epoch)));
    let measured = |(seed, epoch)| MeasuredEpoch {
        seed,
        epoch,
        reason: if epoch == 1 { Reason::Filling } else { Reason::Section },
        distance: (epoch > 0).then_some(0.1 + epoch as f64 / 3.0),
    };
    epochs.map(measured).collect()
}

fn finish(run: &RunDir) -> Result<Outcome, RunError> {
    run.finish(&[ended(7), ended(3)], &schedule())
}

fn keyframe(epoch: u64) -> Keyframe {
    let network =
        Network::initialized(&[2, 2], &[Nonlinearity::Tanh], &Initialization::default(), epoch).unwrap();
    Keyframe { seed: 7, training: 1, epoch, steps: 3 * epoch, network, moments: vec![], stop: None }
}

/// The bytes of every file of a directory, by its path in it.
fn files(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    fn collect(root: &Path, directory: &Path, files: &mut BTreeMap<String, Vec<u8>>) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(root, &path, files);
            } else {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                files.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    let mut found = BTreeMap::new();
    collect(directory, directory, &mut found);
    found
}

/// Begins the run or goes on with it, and brings it to its end. Whatever is recovered is checked against the truth.
fn go(path: &Path, disk: Disk) -> Result<(), RunError> {
    let (run, recovered) = match RunDir::create(path, &manifest(), disk.clone()) {
        Ok(run) => (run, Recovered::default()),
        Err(RunError::Occupied(_) | RunError::Complete(_)) => match RunDir::resume(path, disk)? {
            (_, _, Resumed::Complete(_)) => return Ok(()),
            (run, _, Resumed::Incomplete(recovered)) => (run, recovered),
        },
        Err(error) => return Err(error),
    };
    check(&recovered);
    for (n, record) in records().iter().enumerate() {
        let known = match record {
            Record::Measured { seed, epoch, .. } => {
                recovered.measured.get(seed).is_some_and(|measured| measured.contains(*epoch))
            }
            Record::Trained(stats) => recovered.trained.contains_key(&(stats.seed, stats.epoch)),
            Record::Witnessed { seed, first, .. } => recovered.witnessed.contains_key(&(*seed, *first)),
            Record::Ended(outcome) => recovered.ended.contains_key(&outcome.seed),
        };
        if !known {
            run.append(std::slice::from_ref(record))?;
        }
        if n == 5 {
            run.sync()?;
        }
        if n % 5 == 0 && !run.keyframes(7)?.contains(&(n as u64)) {
            run.write_keyframe(7, &keyframe(n as u64))?;
        }
    }
    finish(&run).map(drop)
}

/// Nothing recovered differs from what was found out.
fn check(recovered: &Recovered) {
    let of_seed = |(&seed, measured): (&u64, &crate::schedule::MeasuredRows)| {
        measured.iter().map(|(epoch, _, rows)| (seed, epoch, rows)).collect::<Vec<_>>()
    };
    for (seed, epoch, rows) in recovered.measured.iter().flat_map(of_seed) {
        assert_eq!(*rows, [row(seed, epoch, 1), row(seed, epoch, 2)]);
    }
    for (&(seed, epoch), kept) in &recovered.trained {
        let json = |stats: &EpochStats| serde_json::to_string(stats).unwrap();
        assert_eq!(json(kept), json(&stats(seed, epoch)));
        assert_eq!(
            kept.train_accuracy.map(f32::to_bits),
            stats(seed, epoch).train_accuracy.map(f32::to_bits)
        );
    }
    for (&seed, outcome) in &recovered.ended {
        assert_eq!(*outcome, ended(seed));
    }
}

fn undisturbed() -> BTreeMap<String, Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    go(folder.path(), Disk::counting()).unwrap();
    files(folder.path())
}

#[test]
fn a_finished_run_holds_its_tables_in_the_order_of_the_manifest_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/run");
    go(&path, Disk::default()).unwrap();
    let names: Vec<String> = files(&path).into_keys().collect();
    assert_eq!(
        names,
        [
            "keyframes/seed-7/epoch-00000000.safetensors",
            "keyframes/seed-7/epoch-00000005.safetensors",
            "keyframes/seed-7/epoch-00000010.safetensors",
            "manifest.toml",
            "outcome.toml",
            "plane.jsonl",
            "quantities.jsonl",
            "schedule.jsonl",
            "training.jsonl",
        ]
    );
    let (run, read) = RunDir::open(&path).unwrap();
    assert_eq!(read, manifest());
    let keys: Vec<_> = plane(&run).unwrap().rows().map(|row| (row.seed, row.epoch, row.layer)).collect();
    let order = [7, 3].into_iter().flat_map(|s| (0..3).flat_map(move |e| (1..=2).map(move |l| (s, e, l))));
    assert_eq!(keys, order.collect::<Vec<_>>());
    assert_eq!(plane(&run).unwrap().row(3), row(7, 1, 2));
    assert_eq!(Run::read(&path).unwrap().schedule(), schedule());
    assert_eq!(Run::read(&path).unwrap().training().len(), 6);
    let of_seeds = [7, 3].into_iter().flat_map(|seed| (0..3).flat_map(move |epoch| quantities(seed, epoch)));
    assert_eq!(Run::read(&path).unwrap().quantities(), of_seeds.collect::<Vec<_>>());
    let text = fs::read_to_string(run.training_path()).unwrap();
    assert_eq!(text.lines().next(), Some(&*serde_json::to_string(&stats(7, 0)).unwrap()));
    let outcome = run.outcome().unwrap().unwrap();
    assert_eq!((outcome.rows, outcome.seeds), (12, vec![ended(7), ended(3)]));
    assert_eq!(run.keyframes(7).unwrap(), [0, 5, 10]);
    assert_eq!(run.read_keyframe(7, 5).unwrap(), keyframe(5));
    assert!(matches!(run.append(&[]), Err(RunError::ReadOnly(_))));
}

#[test]
fn a_failure_at_any_operation_is_told_and_the_resumed_run_has_the_same_bytes() {
    let counting = Disk::counting();
    let folder = tempfile::tempdir().unwrap();
    go(&folder.path().join("run"), counting.clone()).unwrap();
    let truth = files(&folder.path().join("run"));
    let n_operations = counting.operations();
    assert!(n_operations > 50, "{n_operations}");
    for mode in [FaultMode::Once, FaultMode::Dead] {
        let mut not_told = 0;
        for at in 0..n_operations {
            let kind = [io::ErrorKind::StorageFull, io::ErrorKind::Other][at as usize % 2];
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("run");
            let failed = go(&path, Disk::failing(Fault { at, kind, mode }));
            // Whatever happened, it can be read if it had begun.
            if let Ok((run, _)) = RunDir::open(&path) {
                Run::read(run.path()).unwrap();
            }
            match failed {
                Err(error) => assert!(error.to_string().starts_with("cannot "), "{error}"),
                Ok(()) => not_told += 1,
            }
            go(&path, Disk::counting()).unwrap_or_else(|error| panic!("operation {at}, {mode:?}: {error}"));
            // The end again: what a complete run has left behind is removed.
            go(&path, Disk::counting()).unwrap();
            assert_eq!(files(&path), truth, "operation {at}, {mode:?}, {kind:?}");
        }
        // The two that put the number of the process into the lock, which is only for a message.
        assert_eq!(not_told, if mode == FaultMode::Once { 2 } else { 0 });
    }
}

#[test]
fn failures_one_after_another_do_no_harm() {
    let truth = undisturbed();
    for at in [3, 10, 17, 29] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run");
        let mut attempts = 0;
        while go(&path, Disk::failing(Fault { at, kind: io::ErrorKind::Other, mode: FaultMode::Dead }))
            .is_err()
        {
            attempts += 1;
            if attempts == 12 {
                go(&path, Disk::counting()).unwrap();
            }
        }
        assert!(attempts > 0);
        assert_eq!(files(&path), truth);
    }
}

/// A run that stopped after everything was measured.
fn stopped(path: &Path) -> Vec<u8> {
    let run = RunDir::create(path, &manifest(), Disk::counting()).unwrap();
    run.append(&records()).unwrap();
    fs::read(run.journal_path()).unwrap()
}

fn recover(path: &Path) -> (RunDir, Recovered) {
    match RunDir::resume(path, Disk::counting()).unwrap() {
        (run, _, Resumed::Incomplete(recovered)) => (run, recovered),
        complete => panic!("{complete:?}"),
    }
}

#[test]
fn a_journal_cut_at_any_byte_of_its_last_record_lacks_only_that() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = stopped(folder.path());
    let truth = bytes.iter().filter(|&&byte| byte == b'\n').count();
    let last = bytes[..bytes.len() - 1].iter().rposition(|&byte| byte == b'\n').unwrap() + 1;
    let path = folder.path().join(JOURNAL);
    for length in last..=bytes.len() {
        fs::write(&path, &bytes[..length]).unwrap();
        let (run, recovered) = recover(folder.path());
        check(&recovered);
        // Without its line feed alone a record is still known to be whole.
        let kept = if length + 1 >= bytes.len() { truth } else { truth - 1 };
        assert_eq!(n_measured(&recovered) + recovered.trained.len() + recovered.ended.len(), kept);
        assert_eq!(recovered.damaged, usize::from(length > last && kept < truth));
        // What is appended next stands on a line of its own.
        run.append(&[Record::Ended(ended(3))]).unwrap();
        drop(run);
        let (_, recovered) = recover(folder.path());
        assert_eq!((recovered.ended.len(), recovered.damaged), (2, 0));
    }
}

#[test]
fn a_flipped_bit_costs_its_record_and_no_wrong_value_is_believed() {
    let (bytes, seal) = {
        let folder = tempfile::tempdir().unwrap();
        let bytes = stopped(folder.path());
        (bytes, Seal::of(&fs::read(folder.path().join("manifest.toml")).unwrap()))
    };
    let n_records = records().len();
    for position in 0..bytes.len() {
        // Another bit at every byte; all bits of the whole journal would take long.
        let mut damaged = bytes.clone();
        damaged[position] ^= 1 << (position % 8);
        let recovered = Recovered::of(&damaged, seal, &mut methods());
        check(&recovered);
        let kept = n_measured(&recovered) + recovered.trained.len() + recovered.ended.len();
        let last = position + 1 == bytes.len();
        let lost = if bytes[position] == b'\n' && !last { 2 } else { 1 };
        assert_eq!(kept, n_records - lost, "byte {position}");
        assert!(recovered.damaged > 0);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_journal_damaged_in_any_way_is_read(
        at in 0usize..4000,
        length in 0usize..300,
        garbage in prop::collection::vec(any::<u8>(), 0..200),
        zeros in 0usize..100,
    ) {
        let mut bytes = Vec::new();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.jsonl");
        let mut journal = RunJournal::create(&path, Seal::of(b"manifest"), &Disk::counting()).unwrap();
        journal.append(&records()).unwrap();
        drop(journal);
        bytes.extend(fs::read(&path).unwrap());
        let at = at.min(bytes.len());
        let end = (at + length).min(bytes.len());
        bytes.splice(at..end, garbage.into_iter().chain(std::iter::repeat_n(0, zeros)));
        fs::write(&path, &bytes).unwrap();
        let (journal, recovered) = RunJournal::resume(&path, Seal::of(b"manifest"), &mut methods(), &Disk::counting()).unwrap();
        drop(journal);
        check(&recovered);
        prop_assert_eq!(recovered.damaged, Recovered::of(&bytes, Seal::of(b"manifest"), &mut methods()).damaged);
        // Written anew, the journal is whole, and holds the same.
        let (_, again) = RunJournal::resume(&path, Seal::of(b"manifest"), &mut methods(), &Disk::counting()).unwrap();
        prop_assert_eq!(again.damaged, 0);
        prop_assert_eq!(again.measured, recovered.measured);
        prop_assert_eq!(again.trained.len(), recovered.trained.len());
        prop_assert_eq!(again.ended, recovered.ended);
    }

    #[test]
    fn numbers_survive_the_journal_to_the_last_bit(bits in any::<u64>(), narrow in any::<u32>()) {
        let (wide, narrow) = (f64::from_bits(bits), f32::from_bits(narrow));
        prop_assume!(wide.is_finite() && narrow.is_finite());
        let rows = vec![PlaneRow { i_xt_bits: Some(wide), ..row(7, 0, 1) }];
        let measured = Record::Measured { seed: 7, epoch: 0, reason: Reason::Planned, rows, quantities: vec![] };
        let trained = Record::Trained(EpochStats { train_loss: Some(narrow), ..stats(7, 0) });
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.jsonl");
        RunJournal::create(&path, Seal::of(b"manifest"), &Disk::counting()).unwrap().append(&[measured, trained]).unwrap();
        let recovered = Recovered::of(&fs::read(&path).unwrap(), Seal::of(b"manifest"), &mut methods());
        prop_assert_eq!(recovered.measured[&7].rows(0).unwrap()[0].i_xt_bits.unwrap().to_bits(), bits);
        prop_assert_eq!(recovered.trained[&(7, 0)].train_loss.unwrap().to_bits(), narrow.to_bits());
    }
}

proptest! {
    // Each waits for the disk a dozen times.
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn the_order_of_appends_does_not_matter(records in Just(records()).prop_shuffle(), whole in any::<bool>()) {
        static TRUTH: OnceLock<BTreeMap<String, Vec<u8>>> = OnceLock::new();
        let folder = tempfile::tempdir().unwrap();
        let run = RunDir::create(folder.path(), &manifest(), Disk::counting()).unwrap();
        for records in records.chunks(if whole { records.len() } else { 3 }) {
            run.append(records).unwrap();
        }
        for epoch in [0, 5, 10] {
            run.write_keyframe(7, &keyframe(epoch)).unwrap();
        }
        finish(&run).unwrap();
        prop_assert_eq!(&files(folder.path()), TRUTH.get_or_init(undisturbed));
    }
}

#[test]
fn rows_by_earlier_versions_lack_shuffled_labels_and_samples_alone() {
    let read = |line: &str| methods().row(serde_json::from_str(line).unwrap()).unwrap();
    // As the version before wrote it.
    let line = r#"{"seed":7,"epoch":1,"layer":2,"width":2,"method":"binned-30-equal","i_xt_bits":1.5,"i_ty_bits":0.5}"#;
    let line = line.replace("binned-30-equal", &binned().id);
    let old = read(&line);
    assert_eq!((old.i_ty_shuffled_bits, old.alone, old.i_ty_above_shuffled_bits()), (None, None, None));
    // And what says nothing is written as it was.
    assert_eq!(serde_json::to_string(&old).unwrap(), line);
    let new = PlaneRow { i_ty_shuffled_bits: Some(0.125), alone: Some(0), ..old };
    let line = serde_json::to_string(&new).unwrap();
    assert!(line.ends_with(r#""i_ty_bits":0.5,"i_ty_shuffled_bits":0.125,"alone":0}"#), "{line}");
    assert_eq!(read(&line), new);
    assert_eq!(InformationPlane::from_iter([new.clone()]).row(0), new);
    assert_eq!(new.i_ty_above_shuffled_bits(), Some(0.375));
}

#[test]
fn of_two_records_of_one_epoch_the_first_stands() {
    let folder = tempfile::tempdir().unwrap();
    let run = RunDir::create(folder.path(), &manifest(), Disk::counting()).unwrap();
    let measured = |layer| Record::Measured {
        seed: 7,
        epoch: 0,
        reason: Reason::Planned,
        rows: vec![row(7, 0, layer)],
        quantities: vec![],
    };
    run.append(&[measured(1), measured(2)]).unwrap();
    assert_eq!(plane(&run).unwrap(), InformationPlane::from_iter([row(7, 0, 1)]));
    drop(run);
    let (run, recovered) = recover(folder.path());
    assert_eq!(recovered.measured[&7].rows(0).unwrap(), [row(7, 0, 1)]);
    run.finish(&[ended(7)], &[]).unwrap();
    assert_eq!(plane(&run).unwrap(), InformationPlane::from_iter([row(7, 0, 1)]));
}

#[test]
fn a_second_writer_is_refused_and_told_who_is_first() {
    let folder = tempfile::tempdir().unwrap();
    let first = RunDir::create(folder.path(), &manifest(), Disk::counting()).unwrap();
    let error = RunDir::resume(folder.path(), Disk::counting()).unwrap_err().to_string();
    let process = std::process::id();
    assert!(error.starts_with(&format!("another process (number {process}) is writing to ")), "{error}");
    assert!(error.contains(folder.path().to_str().unwrap()), "{error}");
    // To read is allowed.
    let (reader, _) = RunDir::open(folder.path()).unwrap();
    first.append(&records()).unwrap();
    assert_eq!(plane(&reader).unwrap().len(), 12);
    // A clone holds on to it too; without either it can be resumed.
    let clone = first.clone();
    drop(first);
    assert!(matches!(RunDir::resume(folder.path(), Disk::counting()), Err(RunError::InUse { .. })));
    drop(clone);
    let (run, _) = recover(folder.path());
    finish(&run).unwrap();
    assert!(matches!(run.append(&[]), Err(RunError::ReadOnly(_))));
    let (_, _, resumed) = RunDir::resume(folder.path(), Disk::counting()).unwrap();
    assert!(matches!(resumed, Resumed::Complete(_)));
}

#[test]
fn of_many_that_begin_or_go_on_at_once_one_does() {
    let folder = tempfile::tempdir().unwrap();
    for round in 0..20 {
        let path = folder.path().join(round.to_string());
        // In every other round who may begin lets go at once; the others still must not begin over it.
        let begin = || {
            let run = RunDir::create(&path, &manifest(), Disk::counting());
            run.map(|run| (round % 2 == 0).then_some(run))
        };
        let begun: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(begin)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let refused =
            |run: &Result<_, RunError>| matches!(run, Err(RunError::InUse { .. } | RunError::Occupied(_)));
        assert_eq!(begun.iter().filter(|run| run.is_ok()).count(), 1, "{begun:?}");
        assert_eq!(begun.iter().filter(|run| refused(run)).count(), 3, "{begun:?}");
        drop(begun);
        // Everybody tries until the run is complete; who may write brings it to its end.
        let finished: usize = std::thread::scope(|scope| {
            let attempt = || {
                loop {
                    match RunDir::resume(&path, Disk::counting()) {
                        Ok((run, _, Resumed::Incomplete(_))) => {
                            run.append(&records()).unwrap();
                            finish(&run).unwrap();
                            return 1;
                        }
                        Ok((_, _, Resumed::Complete(_))) => return 0,
                        Err(RunError::InUse { .. }) => std::thread::yield_now(),
                        Err(error) => panic!("{error}"),
                    }
                }
            };
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(attempt)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(finished, 1);
        assert!(!path.join(LOCK).exists() && !path.join(JOURNAL).exists());
    }
}

#[test]
fn who_only_looks_keeps_nobody_from_writing() {
    let folder = tempfile::tempdir().unwrap();
    drop(RunDir::create(folder.path(), &manifest(), Disk::counting()).unwrap());
    let ended = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let look = || {
            while !ended.load(std::sync::atomic::Ordering::Relaxed) {
                let _ = Lock::holder(folder.path());
            }
        };
        for _ in 0..3 {
            scope.spawn(look);
        }
        let refused = (0..300).find_map(|_| RunDir::resume(folder.path(), Disk::counting()).err());
        ended.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(refused.is_none(), "{refused:?}");
    });
}

#[test]
fn another_format_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join(MANIFEST),
        "format_version = 1\ninfoplane_version = \"0.0.9\"\nseeds = \"?\"\n",
    )
    .unwrap();
    for error in [
        RunDir::open(folder.path()).unwrap_err(),
        RunDir::resume(folder.path(), Disk::counting()).unwrap_err(),
    ] {
        let error = error.to_string();
        assert!(error.contains("has format version 1; this program reads versions 2 and 3"), "{error}");
        assert!(error.contains("infoplane 0.0.9") && error.contains("run the experiment again"), "{error}");
    }
    assert_eq!(files(folder.path()).len(), 1);
}

#[test]
fn directories_that_hold_something_else_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("thesis.tex"), "").unwrap();
    let create = |path: &Path| RunDir::create(path, &manifest(), Disk::counting());
    assert!(matches!(create(folder.path()), Err(RunError::NotEmpty(_))));
    let resume = RunDir::resume(folder.path(), Disk::counting());
    assert!(matches!(resume, Err(RunError::NoRun(_))));
    assert_eq!(files(folder.path()).len(), 1);
    // A journal that lost its manifest may be worth something to somebody.
    let lost = folder.path().join("lost");
    fs::create_dir(&lost).unwrap();
    fs::write(lost.join(JOURNAL), "00000000 {}\n").unwrap();
    assert!(matches!(create(&lost), Err(RunError::NotEmpty(_))));
    // A run that was cut off while it began is no run.
    let begun = folder.path().join("begun");
    fs::create_dir(&begun).unwrap();
    for leftover in [LOCK, JOURNAL, "manifest.toml.4711.partial"] {
        fs::write(begun.join(leftover), "").unwrap();
    }
    drop(create(&begun).unwrap());
    assert!(!begun.join("manifest.toml.4711.partial").exists());
    let error = create(&begun).unwrap_err().to_string();
    assert!(error.contains(&format!("{} already holds a run; resume that", begun.display())), "{error}");
}

#[test]
fn a_missing_journal_is_told_and_begun_anew() {
    let folder = tempfile::tempdir().unwrap();
    stopped(folder.path());
    fs::remove_file(folder.path().join(JOURNAL)).unwrap();
    assert!(Run::read(folder.path()).unwrap().plane().is_empty());
    let (run, recovered) = recover(folder.path());
    assert_eq!(recovered, Recovered { journal_missing: true, ..Recovered::default() });
    run.append(&records()).unwrap();
    finish(&run).unwrap();
}

#[test]
fn what_ended_processes_left_behind_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    stopped(folder.path());
    // No process has this number.
    let dead = u32::MAX;
    let leftovers = [
        format!("plane.jsonl.{dead}.partial"),
        format!("keyframes/seed-7/epoch-00000002.safetensors.{dead}.partial"),
        format!("report/plane.csv.{dead}.partial"),
    ];
    let mine = format!("report/summary.md.{}.partial", std::process::id());
    let put = || {
        fs::create_dir_all(folder.path().join("keyframes/seed-7")).unwrap();
        fs::create_dir_all(folder.path().join("report")).unwrap();
        leftovers.iter().chain([&mine]).for_each(|name| fs::write(folder.path().join(name), "half").unwrap());
    };
    let left = || leftovers.iter().filter(|name| folder.path().join(name).exists()).count();
    put();
    let (run, _) = recover(folder.path());
    assert!(run.keyframes(7).unwrap().is_empty());
    // Without a list of processes a report may still be going on.
    let unknown = usize::from(!Path::new("/proc/self").exists());
    assert_eq!(left(), unknown);
    assert!(folder.path().join(&mine).exists(), "somebody is drawing");
    finish(&run).unwrap();
    put();
    fs::write(folder.path().join(JOURNAL), "from before the outcome").unwrap();
    assert_eq!(plane(&run).unwrap().len(), 12);
    let (_, _, resumed) = RunDir::resume(folder.path(), Disk::counting()).unwrap();
    assert!(matches!(resumed, Resumed::Complete(_)));
    assert_eq!(left(), unknown);
    assert!(!folder.path().join(JOURNAL).exists() && !folder.path().join(LOCK).exists());
}

#[test]
fn damage_to_a_finished_table_is_told_with_its_name() {
    let folder = tempfile::tempdir().unwrap();
    go(folder.path(), Disk::counting()).unwrap();
    let (run, _) = RunDir::open(folder.path()).unwrap();
    for path in [run.plane_path(), run.training_path(), run.schedule_path()] {
        let bytes = fs::read(&path).unwrap();
        let mut damaged = bytes.clone();
        damaged[bytes.len() / 2] ^= 1;
        fs::write(&path, &damaged).unwrap();
        let told = Run::read(folder.path()).unwrap_err().to_string();
        assert!(told.starts_with(&format!("{}: damaged or changed", path.display())), "{told}");
        fs::write(&path, &bytes).unwrap();
    }
}

#[test]
fn a_damaged_keyframe_is_told_with_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let run = RunDir::create(folder.path(), &manifest(), Disk::counting()).unwrap();
    run.write_keyframe(7, &keyframe(100)).unwrap();
    run.write_keyframe(7, &keyframe(123_456_789)).unwrap();
    run.write_keyframe(7, &keyframe(20)).unwrap();
    fs::write(folder.path().join("keyframes/seed-7/epoch-5.safetensors"), "").unwrap();
    assert_eq!(run.keyframes(7).unwrap(), [20, 100, 123_456_789]);
    assert!(run.keyframes(3).unwrap().is_empty());
    let file = |epoch: u64| folder.path().join(format!("keyframes/seed-7/epoch-{epoch:08}.safetensors"));
    fs::copy(file(100), file(20)).unwrap();
    let error = run.read_keyframe(7, 20).unwrap_err().to_string();
    assert!(error.contains("epoch-00000020.safetensors: holds epoch 100"), "{error}");
    let bytes = fs::read(file(100)).unwrap();
    fs::write(file(100), &bytes[..bytes.len() - 1]).unwrap();
    assert!(matches!(run.read_keyframe(7, 100), Err(RunError::Malformed { .. })));
    run.remove_keyframe(7, 100).unwrap();
    assert_eq!(run.keyframes(7).unwrap(), [20, 123_456_789]);
}

#[test]
fn a_full_disk_is_told_with_what_to_do_and_told_again() {
    let folder = tempfile::tempdir().unwrap();
    let counting = Disk::counting();
    drop(RunDir::create(&folder.path().join("counted"), &manifest(), counting.clone()).unwrap());
    let fault = Fault { at: counting.operations(), kind: io::ErrorKind::StorageFull, mode: FaultMode::Once };
    let path = folder.path().join("run");
    let run = RunDir::create(&path, &manifest(), Disk::failing(fault)).unwrap();
    for _ in 0..2 {
        let error = run.append(&records()).unwrap_err().to_string();
        assert!(error.starts_with(&format!("cannot write {}: ", run.journal_path().display())), "{error}");
        let advice = format!("; free some space, then resume the run in {}", path.display());
        assert!(error.ends_with(&advice), "{error}");
    }
    assert!(finish(&run).is_err(), "a run with a gap is not complete");
    assert_eq!(fs::read(run.journal_path()).unwrap(), b"", "the half line was cut off");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_device_is_told() {
    let full = Path::new("/dev/full");
    let error = Disk::counting().write(&File::options().write(true).open(full).unwrap(), b"x").unwrap_err();
    let error = RunError::io("write", full)(error).to_string();
    assert!(error.starts_with("cannot write /dev/full: ") && error.ends_with("; free some space"), "{error}");
}

#[cfg(unix)]
#[test]
fn a_directory_that_cannot_be_written_to_is_told() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    stopped(&path);
    let set = |mode| fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    fs::remove_file(path.join(LOCK)).unwrap();
    set(0o555);
    let may_write_anyway = fs::write(path.join("probe"), "").is_ok();
    let resumed = RunDir::resume(&path, Disk::counting());
    let read = Run::read(&path).map(|run| run.plane().clone());
    set(0o755);
    assert_eq!(read.unwrap().len(), 12);
    // The superuser writes where nobody may.
    if !may_write_anyway {
        let error = resumed.unwrap_err().to_string();
        assert!(error.starts_with(&format!("cannot create {}: ", path.join(LOCK).display())), "{error}");
        assert!(error.contains("; make it writable"), "{error}");
    }
}
