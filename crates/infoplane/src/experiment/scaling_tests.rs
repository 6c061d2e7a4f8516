//! Scaled inputs are what the network sees, and nothing else.

use std::fs;
use std::path::Path;

use ndarray::Array2;

use super::tests::{ONE, bytes, never, small};
use super::*;
use crate::dataset::Scaling;

/// An experiment on inputs and labels that are written as npy.
fn on_arrays(folder: &Path, inputs: &Array2<f32>, classes: &[u32], changes: &[&str]) -> Experiment {
    let npy = |name: &str, descr: &str, shape: String, values: Vec<u8>| {
        let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
        let length = (header.len() as u16).to_le_bytes();
        let path = folder.join(name);
        fs::write(&path, [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), &values].concat()).unwrap();
        path
    };
    let values = inputs.iter().flat_map(|value| value.to_le_bytes()).collect();
    let inputs = npy("x.npy", "<f4", format!("{:?}", inputs.dim()), values);
    let values = classes.iter().flat_map(|class| class.to_le_bytes()).collect();
    let labels = npy("y.npy", "<u4", format!("({},)", classes.len()), values);
    let source = format!("dataset.source={{ kind = 'npy', inputs = {inputs:?}, labels = {labels:?} }}");
    small(folder, &[changes, &[source.as_str()]].concat())
}

#[test]
fn a_scaled_run_is_the_run_on_scaled_data() {
    let folder = tempfile::tempdir().unwrap();
    let shuffled = "dataset.split={ kind = \"shuffled\", train_fraction = 0.75 }";
    let unshuffled = "dataset.split={ kind = \"unshuffled\", train_fraction = 0.3 }";
    for (number, (scaling, text, split, seeds)) in [
        (Scaling::Divide(0.5), "dataset.scaling={ divide = 0.5 }", shuffled, "seeds=3"),
        (Scaling::Standardize, "dataset.scaling=standardize", unshuffled, "seeds=3"),
        // Each seed standardizes by the rows that it draws, so one seed has one copy of the data.
        (Scaling::Standardize, "dataset.scaling=standardize", shuffled, "seeds=1"),
    ]
    .into_iter()
    .enumerate()
    {
        let base = folder.path().join(number.to_string());
        fs::create_dir(&base).unwrap();
        let changes = [split, seeds, "first_seed=5", "dataset.measured_on=test", "training.epochs=20"];
        let scaled = small(&base, &[&changes[..], &[text]].concat());
        let dataset = scaled.dataset.source.load(0).unwrap();
        let split = dataset.split_rows(scaled.dataset.split, 5).unwrap();
        let whole = dataset.inputs.to_array();
        let mut inputs = whole.clone();
        scaling.fit(&dataset.inputs, &split.train).apply(&mut inputs);
        assert_ne!(inputs, whole);
        let plain = on_arrays(&base, &inputs, dataset.labels.codes(), &changes);
        assert_eq!(plain.dataset.scaling, Scaling::None);
        let run = |experiment: &Experiment, name: &str| {
            let run = base.join(name);
            let outcome = experiment.run(&run, ONE, &(), &never()).unwrap().outcome;
            let mut files = bytes(&run);
            // The first names the source of the data, the second has the digest of the first.
            let name_the_source = ["manifest.toml", "outcome.toml"];
            files.retain(|(name, _)| !name_the_source.iter().any(|file| name == Path::new(file)));
            (files, outcome.seeds)
        };
        assert!(run(&scaled, "scaled") == run(&plain, "plain"), "{text}, {seeds}");
    }
}

#[test]
fn each_seed_standardizes_by_the_rows_that_it_trains_on() {
    let folder = tempfile::tempdir().unwrap();
    let run = |name: &str, changes: &[&str]| {
        let run = folder.path().join(name);
        small(folder.path(), changes).run(&run, ONE, &(), &never()).unwrap();
        crate::run::Run::read(&run).unwrap()
    };
    let all = run("all", &["dataset.scaling=standardize", "seeds=2", "training.epochs=5"]);
    let second =
        run("second", &["dataset.scaling=standardize", "seeds=1", "first_seed=1", "training.epochs=5"]);
    let losses = |run: &crate::run::Run| -> Vec<_> {
        run.training().iter().filter(|stats| stats.seed == 1).cloned().collect()
    };
    assert!(!losses(&second).is_empty());
    assert_eq!(losses(&all), losses(&second));
}

#[test]
fn a_value_that_scaling_makes_too_large_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let inputs = ndarray::array![[0.0f32, 1.0], [1.0, 0.0], [0.0, 3e38], [1.0, 1.0]];
    let split = "dataset.split={ kind = \"unshuffled\", train_fraction = 0.5 }";
    for (scaling, column) in [("dataset.scaling={ divide = 0.001 }", 1), ("dataset.scaling=standardize", 1)] {
        let experiment = on_arrays(folder.path(), &inputs, &[0, 1, 0, 1], &[split, scaling]);
        let error = experiment.run(&folder.path().join("run"), ONE, &(), &never()).unwrap_err().to_string();
        let expected = format!("makes 3e38 at row 2, column {column} (from 0) of x too large");
        assert!(error.contains(&expected), "{scaling}: {error}");
    }
}

#[test]
fn a_constant_column_is_zero_in_what_trains_and_the_run_goes_through() {
    let folder = tempfile::tempdir().unwrap();
    let inputs = Array2::from_shape_fn((16, 2), |(row, column)| if column == 0 { row as f32 } else { 7.0 });
    let classes: Vec<u32> = (0..16).map(|row| row % 2).collect();
    let standardized =
        on_arrays(folder.path(), &inputs, &classes, &["dataset.scaling=standardize", "seeds=1"]);
    let run = folder.path().join("run");
    standardized.run(&run, ONE, &(), &never()).unwrap();
    let run = crate::run::Run::read(&run).unwrap();
    assert!(run.training().iter().all(|stats| stats.train_loss.is_some_and(f32::is_finite)));
    let dataset = standardized.dataset.source.load(0).unwrap();
    let split = dataset.split_rows(standardized.dataset.split, 0).unwrap();
    let (measured, _) = standardized.measured_rows(&dataset, &split);
    assert!(measured.column(1).iter().all(|&value| value == 0.0));
}

#[test]
fn a_file_without_scaling_is_written_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let plain = small(folder.path(), &[]);
    assert!(!toml::to_string(&plain).unwrap().contains("scaling"));
    assert_eq!(small(folder.path(), &["dataset.scaling=none"]), plain);
    let error = |change: &str| {
        let text = toml::to_string(&plain).unwrap();
        Experiment::from_toml("small", &text, &[change.to_owned()]).unwrap_err().to_string()
    };
    assert!(
        error("dataset.scaling={ divide = 0 }")
            .contains("dataset.scaling.divide = 0; allowed is a number from")
    );
    assert!(error("dataset.scaling=standardise").contains("standardize"));
}
