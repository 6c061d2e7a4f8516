//! Runs beside each other: which layers are the same, and what cannot be averaged.

use std::path::Path;

use infoplane::figure::{Arrangement, Comparison, ComparisonError, Note, NoteKind, RunGroup, Series};
use infoplane::record::{Recorder, Recording};
use infoplane::report::comparison_summary;
use infoplane::run::Run;
use infoplane::{Activations, Labels};
use ndarray::Array2;

const N: usize = 40;

/// A recording of layers with these names and widths, whose values grow with `gain`.
fn recorded(folder: &Path, name: &str, layers: &[(&str, usize)], gain: f32, classes: u32) -> Run {
    recorded_with(folder, name, layers, gain, classes, 0.05)
}

/// The same, measured with noise of this variance.
fn recorded_with(
    folder: &Path,
    name: &str,
    layers: &[(&str, usize)],
    gain: f32,
    classes: u32,
    noise_variance: f64,
) -> Run {
    let labels = Labels::from_symbols(&(0..N as u32).map(|sample| sample % classes).collect::<Vec<_>>());
    let mut recorder =
        Recorder::create(&folder.join(name), Recording::new(name, labels, layers, noise_variance)).unwrap();
    for epoch in 0..=6 {
        let layer = |&(_, width): &(&str, usize)| {
            Array2::from_shape_fn((N, width), |(i, j)| {
                gain * ((i * (j + 3) + epoch as usize) as f32 * 0.7).sin()
            })
        };
        if recorder.wants(epoch) {
            let layers = layers.iter().map(layer).collect();
            recorder.record(epoch, &Activations { layers }, None).unwrap();
        }
    }
    recorder.finish().unwrap()
}

fn group(name: &str, run: Run) -> RunGroup {
    RunGroup::new(name, &[run]).unwrap()
}

#[test]
fn layers_of_the_same_name_are_the_same_layer() {
    let folder = tempfile::tempdir().unwrap();
    let whole = recorded(folder.path(), "whole", &[("conv", 6), ("hidden", 4), ("output", 2)], 1.0, 2);
    let part = recorded(folder.path(), "part", &[("hidden", 4), ("attention", 3), ("output", 5)], 1.5, 2);
    let own = part.plane().rows().filter(|row| row.layer == 1).count();
    assert!(own > 0);
    let comparison = Comparison::new(vec![group("whole", whole), group("part", part)]).unwrap();
    for figure in comparison.figures(Arrangement::OnePanel) {
        let names: Vec<&str> = figure.layers.iter().map(|layer| layer.name.as_str()).collect();
        // The width where the groups agree on it.
        assert_eq!(names, ["conv (6)", "hidden (4)", "attention (3)", "output"], "{}", figure.id);
        if figure.id.starts_with("plane") {
            let paths: Vec<(Option<usize>, usize)> =
                figure.panels[0].paths().map(|path| (path.group, path.layer)).collect();
            let expected =
                [(0, 1), (0, 2), (0, 4), (1, 2), (1, 3), (1, 4)].map(|(group, layer)| (Some(group), layer));
            assert_eq!(paths, expected, "{}", figure.id);
        } else {
            // Two panels a row; conv has a curve of the first group only.
            let lines = |panel: usize| figure.panels[panel].lines().count();
            assert_eq!((lines(0), lines(2), lines(4), lines(6)), (1, 2, 1, 2), "{}", figure.id);
        }
    }
    let table = comparison.table();
    assert!(table.column("layer_name").is_some());
    assert_eq!(table.column("group").unwrap().values.len(), table.len());
}

#[test]
fn a_group_of_several_runs_averages_all_their_seeds() {
    let folder = tempfile::tempdir().unwrap();
    let layers = [("hidden", 4), ("output", 2)];
    let runs = [1.0, 2.0].map(|gain| recorded(folder.path(), &format!("gain-{gain}"), &layers, gain, 2));
    let last = |run: &Run| {
        run.plane().rows().filter(|row| row.layer == 1).last().and_then(|row| row.i_xt_bits).unwrap()
    };
    let expected = (last(&runs[0]) + last(&runs[1])) / 2.0;
    let both = RunGroup::new("both", &runs).unwrap();
    let other = group("other", recorded(folder.path(), "other", &layers, 3.0, 2));
    let comparison = Comparison::new(vec![both, other]).unwrap();
    let figures = comparison.figures(Arrangement::SideBySide);
    let plane = figures.iter().find(|figure| figure.id.ends_with("lower") && figure.id.starts_with("plane"));
    let plane = plane.unwrap();
    assert_eq!(plane.panels[0].name, "both (2 seeds)");
    let Some(Series::Path(path)) =
        plane.panels[0].series.iter().rfind(|series| matches!(series, Series::Path(path) if path.layer == 1))
    else {
        panic!("a path")
    };
    let end = path.points.last().unwrap();
    assert!((end.x - expected).abs() < 1e-12 && end.x_error.is_some());
    assert!(plane.notes.iter().any(|note| note.text.contains("numbered through")));
}

#[test]
fn runs_of_other_layers_or_labels_are_not_averaged() {
    let folder = tempfile::tempdir().unwrap();
    let one = recorded(folder.path(), "a", &[("hidden", 4)], 1.0, 2);
    let wider = recorded(folder.path(), "b", &[("hidden", 5)], 1.0, 2);
    let told = RunGroup::new("mixed", &[one, wider]).unwrap_err().to_string();
    assert!(told.contains("`mixed` differ in their layers (hidden 4 and hidden 5)"), "{told}");
    let relabelled = recorded(folder.path(), "c", &[("hidden", 4)], 1.0, 4);
    let one = Run::read(&folder.path().join("a")).unwrap();
    let error = RunGroup::new("mixed", &[one, relabelled]).unwrap_err();
    assert!(matches!(error, ComparisonError::Unlike { .. }), "{error}");
    let alone = group("alone", Run::read(&folder.path().join("a")).unwrap());
    assert_eq!(Comparison::new(vec![alone]).unwrap_err(), ComparisonError::OneGroup("alone".into()));
}

#[test]
fn runs_without_a_compared_method_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let layers = [("hidden", 4), ("output", 2)];
    let first = recorded(folder.path(), "first", &layers, 1.0, 2);
    let second = recorded_with(folder.path(), "second", &layers, 2.0, 2, 0.2);
    let both = RunGroup::new("both", &[first, second]).unwrap();
    let other = group("other", recorded(folder.path(), "third", &layers, 3.0, 2));
    let comparison = Comparison::new(vec![both, other]).unwrap();
    let warnings = comparison.warnings();
    assert_eq!(warnings.len(), 2, "a bound each: {warnings:?}");
    for warning in &warnings {
        assert!(warning.starts_with("both: the run second has no rows of KDE"), "{warning}");
        assert!(warning.ends_with("these values are of 1 of its 2 runs."), "{warning}");
    }
    let summary = comparison_summary(&comparison);
    assert!(warnings.iter().all(|warning| summary.contains(warning)), "{summary}");
    for figure in comparison.figures(Arrangement::SideBySide) {
        let said = |note: &&Note| note.kind == NoteKind::Warning && warnings.contains(&note.text);
        assert_eq!(figure.notes.iter().filter(said).count(), 1, "{}", figure.id);
    }
}

#[test]
fn settings_and_data_are_told_where_they_differ() {
    let folder = tempfile::tempdir().unwrap();
    let layers = [("hidden", 4)];
    let one = || group("one", recorded(folder.path(), "one", &layers, 1.0, 2));
    let alike =
        Comparison::new(vec![one(), group("a, b", recorded(folder.path(), "alike", &layers, 2.0, 2))]);
    let summary = comparison_summary(&alike.unwrap());
    assert!(summary.starts_with("compared: one; a, b\n"), "{summary}");
    assert_eq!(summary.matches("H(Y) = 1.0000 bits").count(), 1, "{summary}");
    let noisy = recorded_with(folder.path(), "noisy", &layers, 1.0, 4, 0.2);
    let unlike = Comparison::new(vec![group("other", noisy), {
        RunGroup::new("one", &[Run::read(&folder.path().join("one")).unwrap()]).unwrap()
    }]);
    let unlike = unlike.unwrap();
    let summary = comparison_summary(&unlike);
    for part in ["H(Y) = 2.0000 bits", "H(Y) = 1.0000 bits", "noise variance 0.2", "noise variance 0.05"] {
        assert!(summary.contains(part), "{part}: {summary}");
    }
    for figure in unlike.figures(Arrangement::SideBySide) {
        assert!(figure.notes.iter().any(|note| note.text.starts_with("The data differ.")), "{}", figure.id);
    }
}
