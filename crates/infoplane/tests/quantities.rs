//! What runs measure beside the plane.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use infoplane::estimator::{AnyEstimator, BinRange, BinRule, Binned, Kde};
use infoplane::experiment::{Experiment, RunOptions};
use infoplane::quantity::{QuantityConfig, QuantityError, QuantityRow, QuantityValues};
use infoplane::record::{RecordError, Recorder, Recording};
use infoplane::report::{self, Options, ReportData};
use infoplane::run::Run;
use infoplane::table::TableName;
use infoplane::{Activations, Labels};
use ndarray::Array2;

const ALL: &str = "quantities=[{ kind = \"units\", groups = 5 }, { kind = \"layers\" }, { kind = \"inputs\" }, { kind = \"similarity\" }]";

fn experiment(changes: &[&str]) -> Experiment {
    let small = ["training.epochs=6", "seeds=2", "schedule={ kind = \"list\", epochs = [0, 2, 6] }"];
    let changes: Vec<String> = small.iter().chain(changes).map(|change| change.to_string()).collect();
    Experiment::load("tishby2017", &changes).unwrap()
}

fn run(experiment: &Experiment, path: &Path, threads: usize) -> Run {
    let options = RunOptions { threads, ..RunOptions::default() };
    experiment.run(path, options, &(), &AtomicBool::new(false)).unwrap();
    Run::read(path).unwrap()
}

/// The rows of a kind by seed, epoch, layer and method.
fn rows<'r>(run: &'r Run, kind: &str) -> HashMap<(u64, u64, usize, Option<&'r str>), &'r QuantityRow> {
    let of_kind = run.quantities().iter().filter(|row| row.quantity() == kind);
    of_kind.map(|row| ((row.seed, row.epoch, row.layer, row.method.as_deref()), row)).collect()
}

#[test]
fn quantities_agree_with_the_plane_and_with_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let run = run(&experiment(&[ALL]), &folder.path().join("run"), 2);
    let (units, pairs) = (rows(&run, "units"), rows(&run, "layers"));
    let (inputs, similarity) = (rows(&run, "inputs"), rows(&run, "similarity"));
    let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-9, "{a} {b}");
    let (mut n_binned, n_layers) = (0, run.manifest().layers.len());
    for row in run.plane().rows() {
        let key = (row.seed, row.epoch, row.layer, Some(&*row.method.id));
        let (i_xt, i_ty) = (row.i_xt_bits.unwrap(), row.i_ty_bits.unwrap());
        let with_itself = pairs[&key].layers().unwrap();
        assert_eq!(with_itself.i_bits.len(), n_layers - row.layer + 1);
        if row.method.estimator != "binned" {
            // A layer with noise has less of a copy with other noise than of the input.
            let lower_than_input = with_itself.i_bits[0].unwrap() <= i_xt + 1e-9;
            assert!(lower_than_input || row.method.bound == Some(infoplane::Bound::Upper));
            assert!(!units.contains_key(&key) && with_itself.shuffled_bits.is_empty());
            continue;
        }
        n_binned += 1;
        // Every input occurs once: I(X;T) is H(T), and later layers are functions of the network, not of the cells.
        close(with_itself.i_bits[0].unwrap(), i_xt);
        assert!(with_itself.i_bits.iter().all(|i| i.unwrap() <= i_xt + 1e-9));
        let of_units = units[&key].units().unwrap();
        close(of_units.labels.i_ty_bits, i_ty);
        close(of_units.shuffled.i_ty_bits, row.i_ty_shuffled_bits.unwrap());
        close(of_units.labels.synergy_bits.iter().sum(), i_ty);
        assert_eq!(of_units.labels.unit_bits.len(), row.width);
        // Ten and seven units are five groups, the others as many as they are.
        assert_eq!(of_units.labels.synergy_bits.len(), row.width.min(5));
        if row.width == 2 {
            let degrees = of_units.labels.redundancy_degree().unwrap()
                + of_units.labels.vulnerability_degree().unwrap();
            close(degrees, 2.0);
        }
        let of_inputs = inputs[&key].inputs().unwrap();
        assert_eq!((of_inputs.i_bits.len(), of_inputs.alone), (12, row.alone.unwrap()));
        assert!(of_inputs.i_bits.iter().all(|&i| (-1e-9..=1.0 + 1e-9).contains(&i)));
    }
    assert_eq!((n_binned, units.len()), (2 * 3 * n_layers, 2 * 3 * n_layers));
    for row in similarity.values() {
        let found = row.similarity().unwrap();
        close(found.linear_cka[0].unwrap(), 1.0);
        assert!(found.linear_cka.iter().all(|cka| (0.0..=1.0 + 1e-9).contains(&cka.unwrap())));
        let width = run.manifest().layers[row.layer - 1].width as f64;
        assert!((1.0..=width + 1e-9).contains(&found.effective_rank.unwrap()));
    }
    assert_eq!(similarity.len(), 2 * 3 * n_layers);
}

#[test]
fn the_bytes_do_not_depend_on_the_threads_and_everything_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let experiment = experiment(&[ALL, "dataset.measured_on=train-and-test"]);
    let several = run(&experiment, &folder.path().join("several"), 3);
    run(&experiment, &folder.path().join("one"), 1);
    for file in ["quantities.jsonl", "plane.jsonl", "outcome.toml", "manifest.toml"] {
        let [one, several] =
            ["one", "several"].map(|run| fs::read(folder.path().join(run).join(file)).unwrap());
        assert!(one == several, "{file}");
    }
    // Both parts have their rows.
    let parts: std::collections::BTreeSet<_> = several.quantities().iter().map(|row| row.part).collect();
    assert_eq!(parts.len(), 2);
    for name in ["units", "synergy", "pairs", "similarity", "ranks", "inputs"] {
        let table = name.parse::<TableName>().unwrap().of_run(&several).unwrap();
        assert!(
            !table.is_empty() && table.columns().len() == name.parse::<TableName>().unwrap().columns().len()
        );
    }
    let plane = TableName::Plane.of_run(&several).unwrap();
    assert_eq!(plane.columns().len(), TableName::Plane.columns().len());
    // The font of figures lacks these.
    let figures = serde_json::to_string(&infoplane::figure::figures(&ReportData::of(&several))).unwrap();
    assert!(!figures.contains(['ᵢ', 'ⱼ', '⁴', '\u{304}']), "{figures}");
    let report = folder.path().join("report");
    let written = report::write(&ReportData::of(&several), &Options::default(), &report).unwrap();
    let names: Vec<String> =
        written.iter().map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect();
    for beginning in ["units-binned", "single-units-binned", "layers-binned", "layers-kde", "inputs-binned"] {
        assert!(names.iter().any(|name| name.starts_with(beginning)), "{beginning}: {names:?}");
    }
    for name in
        ["similarity-train.svg", "ranks-test.png", "units.csv", "pairs.csv", "ranks.csv", "inputs.csv"]
    {
        assert!(names.iter().any(|other| other == name), "{name}: {names:?}");
    }
    // A changed number is found.
    let file = folder.path().join("one/quantities.jsonl");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replacen("\"epoch\":2", "\"epoch\":3", 1)).unwrap();
    let error = Run::read(&folder.path().join("one")).unwrap_err().to_string();
    assert!(error.contains("quantities.jsonl"), "{error}");
}

fn layers(epoch: u64) -> Activations {
    let value = |layer: usize, row: usize, unit: usize| {
        ((row * (unit + 2) * (layer + 3)) as f32 * 0.37 + epoch as f32).sin() * 0.9
    };
    let of = |layer: usize, width: usize| {
        Array2::from_shape_fn((60, width), |(row, unit)| value(layer, row, unit))
    };
    Activations { layers: vec![of(0, 3), of(1, 2)] }
}

#[test]
fn recorded_networks_have_quantities_too() {
    let folder = tempfile::tempdir().unwrap();
    let labels = Labels::from_symbols(&(0..60).map(|row| row % 3).collect::<Vec<_>>());
    let binned =
        Binned { bins: Some(4), range: Some(BinRange::Fixed([-1.0, 1.0])), ..Binned::new(BinRule::Equal) };
    let recording = Recording {
        estimators: vec![AnyEstimator::from(binned), AnyEstimator::from(Kde::new([0.01]))],
        quantities: vec![
            QuantityConfig::Units { groups: None },
            QuantityConfig::Layers {},
            QuantityConfig::Similarity {},
        ],
        ..Recording::new("mine", labels, &[("first", 3), ("second", 2)], 0.01)
    };
    let path = folder.path().join("run");
    let mut recorder = Recorder::create(&path, recording.clone()).unwrap();
    for epoch in 0..3 {
        recorder.record(epoch, &layers(epoch), None).unwrap();
    }
    let run = recorder.finish().unwrap();
    assert_eq!(rows(&run, "units").len(), 3 * 2);
    // One method of bins, and two bounds.
    assert_eq!(rows(&run, "layers").len(), 3 * 2 * 3);
    assert_eq!(rows(&run, "similarity").len(), 3 * 2);
    // A layer that is not finite has rows that say why, and the others have values.
    let second = folder.path().join("second");
    let mut recorder = Recorder::create(&second, recording.clone()).unwrap();
    let mut broken = layers(0);
    broken.layers[1][[7, 1]] = f32::NAN;
    recorder.record(0, &broken, None).unwrap();
    let run = recorder.finish().unwrap();
    let missing = |row: &QuantityRow| matches!(&row.values, QuantityValues::Missing { missing, .. } if missing.code == "not-finite");
    let of_units: Vec<bool> =
        run.quantities().iter().filter(|row| row.quantity() == "units").map(missing).collect();
    assert_eq!(of_units, [false, true]);
    assert!(run.quantities().iter().filter(|row| row.quantity() != "units").all(missing));
    // Inputs are not known, and bins are needed for units.
    let inputs = Recording { quantities: vec![QuantityConfig::Inputs { bins: None }], ..recording.clone() };
    let refused = Recorder::create(&folder.path().join("third"), inputs).err().unwrap();
    assert!(matches!(refused, RecordError::Quantity(QuantityError::NoInputs { index: 0 })), "{refused}");
    let only_kde = Recording { estimators: recording.estimators[1..].to_vec(), ..recording };
    let refused = Recorder::create(&folder.path().join("third"), only_kde).err().unwrap();
    assert!(!folder.path().join("third").exists());
    assert!(
        refused.to_string().contains("quantities[0] (units) is measured with estimators of bins"),
        "{refused}"
    );
}

#[test]
fn an_experiment_without_an_estimator_for_a_quantity_is_refused() {
    let only_kde = "estimators=[{ kind = \"kde\", noise_variances = [0.1] }]".to_string();
    let units = "quantities=[{ kind = \"units\" }]".to_string();
    let refused = Experiment::load("tishby2017", &[only_kde, units]).unwrap_err().to_string();
    assert!(
        refused.contains("quantities[0] (units)") && refused.contains("add one, such as binned"),
        "{refused}"
    );
    let unknown = Experiment::load("tishby2017", &["quantities=[{ kind = \"unit\" }]".into()]).unwrap_err();
    assert!(unknown.to_string().contains("units"), "{unknown}");
}
