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
    let figures = comparison.figures(Arrangement::OnePanel);
    for figure in figures.iter().filter(|figure| figure.groups.len() == 2) {
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
        // The planes of all methods are those of both.
        let n_methods = if figure.id == "planes" { 2 } else { 1 };
        assert_eq!(figure.notes.iter().filter(said).count(), n_methods, "{}", figure.id);
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

#[test]
fn of_two_groups_there_is_a_difference_with_its_error() {
    let folder = tempfile::tempdir().unwrap();
    let layers = [("hidden", 4), ("output", 2)];
    let runs = |name: &str, gains: [f32; 2]| {
        gains.map(|gain| recorded(folder.path(), &format!("{name}-{gain}"), &layers, gain, 2))
    };
    let (one, other) = (runs("one", [0.4, 0.6]), runs("other", [1.5, 2.0]));
    let of = |run: &Run, epoch: u64| {
        let mut rows = run.plane().rows().filter(|row| (row.layer, row.epoch) == (1, epoch));
        rows.find(|row| row.method.id.ends_with("lower")).and_then(|row| row.i_xt_bits).unwrap()
    };
    let mean = |runs: &[Run; 2]| (of(&runs[0], 3) + of(&runs[1], 3)) / 2.0;
    // The standard error of a mean of two is half of what is between them.
    let error = |runs: &[Run; 2]| (of(&runs[0], 3) - of(&runs[1], 3)).abs() / 2.0;
    let expected = mean(&other) - mean(&one);
    let error = (error(&one).powi(2) + error(&other).powi(2)).sqrt();
    assert!(expected > 0.1 && error > 0.0);
    let groups = vec![RunGroup::new("one", &one).unwrap(), RunGroup::new("other", &other).unwrap()];
    let figures = Comparison::new(groups.clone()).unwrap().figures(Arrangement::SideBySide);
    let figure =
        figures.iter().find(|figure| figure.id.starts_with("difference-") && figure.id.ends_with("lower"));
    let figure = figure.unwrap();
    assert!(figure.heading.starts_with("Difference, other − one: "), "{}", figure.heading);
    assert_eq!(figure.panels.len(), 2);
    let panel = &figure.panels[0];
    assert_eq!(panel.y.quantity, "difference of I(X;T)");
    let line = panel.lines().find(|line| line.role == infoplane::figure::Role::Layer(1)).unwrap();
    let point = line.points.iter().find(|point| point.0 == 3.0).unwrap();
    assert!((point.1 - expected).abs() < 1e-12, "{} and {expected}", point.1);
    let band = panel.series.iter().find_map(|series| match series {
        Series::Band(band) if band.role == infoplane::figure::Role::Layer(1) => Some(band),
        _ => None,
    });
    let (_, low, high) = *band.unwrap().points.iter().find(|point| point.0 == 3.0).unwrap();
    assert!(((high - low) / 2.0 - error).abs() < 1e-12 && ((high + low) / 2.0 - expected).abs() < 1e-12);
    // Of three there is none.
    let third = group("third", recorded(folder.path(), "third", &layers, 3.0, 2));
    let three = Comparison::new([groups, vec![third]].concat()).unwrap();
    assert!(three.figures(Arrangement::SideBySide).iter().all(|figure| !figure.id.starts_with("difference")));
}

#[test]
fn several_keys_make_rows_and_columns_and_methods_rows() {
    let folder = tempfile::tempdir().unwrap();
    let layers = [("hidden", 4)];
    let run = |name: &str, classes: u32, noise: f64| {
        recorded_with(folder.path(), name, &layers, 1.0, classes, noise)
    };
    // Three of the four places of a grid.
    let runs = [run("a", 2, 0.05), run("b", 4, 0.05), run("a-again", 2, 0.2)];
    let keys = ["estimator.noise_variance", "data.n_classes"];
    let told = Comparison::of_runs(&runs, &keys, false).unwrap_err().to_string();
    assert!(told.contains("has no key `"), "{told}");
    let keys = ["name", "data.digest"];
    let comparison = Comparison::of_runs(&runs, &keys, false).unwrap();
    let digests: Vec<String> = runs.iter().map(|run| run.manifest().data.digest.clone()).collect();
    assert_eq!(digests[0], digests[2]);
    assert_eq!(
        comparison.names(),
        [format!("a, {}", digests[0]), format!("b, {}", digests[1]), format!("a-again, {}", digests[0])]
    );
    let figures = comparison.figures(Arrangement::SideBySide);
    let plane = figures.iter().find(|figure| figure.id.starts_with("plane-")).unwrap();
    assert_eq!((plane.panels.len(), plane.grid.as_ref().unwrap().columns.len()), (6, 2));
    let grid = plane.grid.as_ref().unwrap();
    assert_eq!(grid.rows, ["a", "b", "a-again"].map(|name| vec![name.to_string()]));
    assert_eq!(grid.columns, [digests[0].clone(), digests[1].clone()]);
    assert!(plane.panels.iter().all(|panel| panel.name.is_empty()));
    let again = [Run::read(runs[0].path()).unwrap(), Run::read(&folder.path().join("b/../a")).unwrap()];
    let told = Comparison::of_runs::<&str>(&again, &[], false).unwrap_err().to_string();
    assert!(told.ends_with("is named twice; a run is not compared with itself"), "{told}");
    // A key that is named twice is one.
    let twice = Comparison::of_runs(&runs, &["name", "name"], false).unwrap();
    assert_eq!(twice.names(), ["a", "b", "a-again"]);
    let empty: Vec<bool> = plane.panels.iter().map(|panel| panel.series.is_empty()).collect();
    assert_eq!(empty, [false, true, true, false, false, true]);
    assert_eq!(plane.panels[1].remark.as_deref(), Some("no run"));
    // The bounds are two methods: a row each, a column for each group.
    let all = figures.iter().find(|figure| figure.id == "planes").unwrap();
    let grid = all.grid.as_ref().unwrap();
    assert_eq!((grid.rows.len(), grid.columns.len(), all.panels.len()), (2, 3, 6));
    assert!(all.panels.iter().all(|panel| panel.paths().count() == 1));
}
