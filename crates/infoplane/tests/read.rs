//! Reading runs: of an earlier format, and while they are being written.

use std::fs;
use std::path::Path;

use infoplane::record::{Recorder, Recording};
use infoplane::run::{Run, RunDir, RunError, State};
use infoplane::schedule::ScheduleConfig;
use infoplane::train::TrainingEnd;
use infoplane::{Activations, Bound, Labels};
use ndarray::Array2;

/// A run that version 0.1 wrote, in format 2.
fn format_2() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/format-2"))
}

#[test]
fn a_run_of_format_2_is_read_with_its_methods_and_reasons() {
    let run = Run::read(format_2()).unwrap();
    let manifest = run.manifest();
    assert_eq!((manifest.format_version, run.state(), run.name()), (2, State::Finished, "tishby2017"));
    assert_eq!(
        (manifest.planned_epochs, &manifest.schedule),
        (Some(3), &ScheduleConfig::Every { interval: 1, witness: None })
    );
    assert_eq!(manifest.layer_name(2), "T2");
    let methods: Vec<&str> = run.plane().methods().iter().map(|method| method.id.as_str()).collect();
    assert_eq!(
        methods[..3],
        ["binned-30-edges-on-1-1", "kde-noise-variance-0.1-upper", "kde-noise-variance-0.1-lower"]
    );
    assert_eq!(run.plane().methods()[1].noise_variance(), Some(0.1));
    assert_eq!((run.plane().len(), run.schedule().len(), run.training().len()), (64, 8, 8));
    let first = run.plane().row(0);
    assert_eq!(first.values(), Some((11.608020137776087, 0.7985809484874865)));
    assert_eq!(run.plane().row(2).method.bound, Some(Bound::Lower));
    // Neighbours need numbers on both sides, and say so.
    let ksg = run.plane().rows().find(|row| row.method.estimator == "ksg").unwrap();
    assert!(ksg.values().is_none() && ksg.missing.unwrap().reason.contains("labels"));
    let ended = &run.outcome().unwrap().seeds[1].ended;
    assert_eq!(*ended, TrainingEnd::Epochs);
    assert!(run.training()[0].train_loss.unwrap() > 0.0 && run.training()[0].test_loss.is_some());
}

#[test]
fn an_unfinished_run_of_format_2_cannot_be_continued() {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(format_2().join("manifest.toml"), folder.path().join("manifest.toml")).unwrap();
    let error = RunDir::resume(folder.path(), infoplane::run::Disk::default()).unwrap_err();
    assert!(matches!(error, RunError::OlderFormat { found: 2, .. }), "{error}");
    assert_eq!(Run::read(folder.path()).unwrap().state(), State::Interrupted);
}

fn recording() -> Recording {
    let labels = Labels::from_symbols(&(0..40).map(|sample| sample % 3).collect::<Vec<u32>>());
    Recording::new("followed", labels, &[("a", 2), ("b", 3)], 0.1)
}

fn activations(epoch: u64) -> Activations {
    let layer = |width| {
        Array2::from_shape_fn((40, width), |(i, j)| ((i * (j + 2)) as f32 * 0.3 + epoch as f32 * 0.1).sin())
    };
    Activations { layers: vec![layer(2), layer(3)] }
}

#[test]
fn following_brings_what_was_appended_and_nothing_twice() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let mut recorder = Recorder::create(&path, recording()).unwrap();
    let mut run = Run::read(&path).unwrap();
    assert!(matches!(run.state(), State::Running { .. }) && run.plane().is_empty());
    for epoch in 0..5u64 {
        recorder.record(epoch, &activations(epoch), None).unwrap();
        let appended = run.follow().unwrap();
        assert_eq!(appended.plane, 4 * epoch as usize..4 * (epoch as usize + 1));
        assert!(!appended.reread);
        assert!(run.follow().unwrap().is_empty());
    }
    assert_eq!(*run.plane(), *Run::read(&path).unwrap().plane());
    recorder.finish().unwrap();
    let appended = run.follow().unwrap();
    assert!(appended.reread && appended.plane == (0..20));
    assert_eq!(run.state(), State::Finished);
    assert!(run.schedule()[1].distance.is_some());
    assert!(run.follow().unwrap().is_empty());
}

#[test]
fn a_line_that_is_being_written_is_left_for_later_and_damage_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let mut recorder = Recorder::create(&path, recording()).unwrap();
    for epoch in 0..3 {
        recorder.record(epoch, &activations(epoch), None).unwrap();
    }
    drop(recorder);
    let journal = path.join("journal.jsonl");
    let bytes = fs::read(&journal).unwrap();
    let first_end = bytes.iter().position(|&byte| byte == b'\n').unwrap();
    // Half of the second line.
    fs::write(&journal, &bytes[..first_end + 40]).unwrap();
    let mut run = Run::read(&path).unwrap();
    assert_eq!((run.schedule().len(), run.damaged(), run.state()), (1, 0, State::Interrupted));
    fs::write(&journal, &bytes).unwrap();
    assert_eq!(run.follow().unwrap().schedule, 1..3);
    // A flipped bit in the first line: a reader that begins anew misses it, and says so.
    let mut damaged = bytes.clone();
    damaged[20] ^= 1;
    fs::write(&journal, &damaged).unwrap();
    let other = Run::read(&path).unwrap();
    assert_eq!((other.schedule().len(), other.damaged()), (2, 1));
    // Resuming writes the journal anew without that line: whoever follows begins again.
    let recorder = Recorder::resume(&path, recording()).unwrap();
    assert!(recorder.wants(0) && !recorder.wants(1));
    assert!(run.follow().unwrap().reread);
    assert_eq!(run.schedule().len(), 2);
    drop(recorder);
    fs::remove_dir_all(&path).unwrap();
    assert!(matches!(run.follow(), Err(RunError::NoRun(_))));
}
