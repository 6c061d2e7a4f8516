//! The published contrast: narrow tanh layers fit, then compress; ReLU layers compress only where bins clip them.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use infoplane::experiment::{Experiment, RunOptions};
use infoplane::run::Run;
use infoplane::{InformationPlane, PlaneRow};

/// Runs a preset with changes and gives the rows of its plane.
fn run(preset: &str, changes: &[&str]) -> InformationPlane {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let changes: Vec<String> = changes.iter().map(|change| change.to_string()).collect();
    let experiment = Experiment::load(preset, &changes).expect("a valid experiment");
    let summary = experiment
        .run(&folder.path().join("run"), RunOptions::default(), &(), &AtomicBool::new(false))
        .expect("a finished run");
    Run::read(summary.run.path()).expect("a readable run").plane().clone()
}

/// Mean over seeds of one column at one epoch, for a layer and a setting that begins with `setting`.
fn mean(
    plane: &InformationPlane,
    setting: &str,
    (epoch, layer): (u64, usize),
    column: fn(&PlaneRow) -> Option<f64>,
) -> f64 {
    let values = values(plane, setting, (epoch, layer), column);
    values.iter().sum::<f64>() / values.len() as f64
}

/// One column at one epoch, a value for each seed.
fn values(
    plane: &InformationPlane,
    setting: &str,
    (epoch, layer): (u64, usize),
    column: fn(&PlaneRow) -> Option<f64>,
) -> Vec<f64> {
    let values: Vec<f64> = plane
        .rows()
        .filter(|row| row.method.setting.starts_with(setting) && row.epoch == epoch && row.layer == layer)
        .map(|row| column(&row).expect("a measured layer"))
        .collect();
    assert!(!values.is_empty(), "no row for {setting} at epoch {epoch}, layer {layer}");
    values
}

fn i_xt(row: &PlaneRow) -> Option<f64> {
    row.i_xt_bits
}

fn i_ty(row: &PlaneRow) -> Option<f64> {
    row.i_ty_bits
}

const EDGES: &str = "estimators=[{kind=\"binned\", rule=\"edges\", bins=30, range=[-1, 1]}, \
                     {kind=\"binned\", rule=\"floor\", bin_width=0.07}]";

/// The published training, cut short.
const SHORTER: [&str; 3] = ["seeds=5", "training.epochs=2500", "schedule.points=16"];

#[test]
fn narrow_tanh_layers_fit_then_compress() {
    let plane = run("saxe2018-tanh", &[&SHORTER[..], &[EDGES]].concat());
    let at = |epoch, layer, column| mean(&plane, "30 edges", (epoch, layer), column);
    let epochs: Vec<u64> = plane.rows().map(|row| row.epoch).collect();
    let peak = epochs.iter().map(|&epoch| at(epoch, 5, i_xt)).fold(0.0, f64::max);
    assert!(peak > at(0, 5, i_xt), "the layer of width 3 fits first");
    assert!(at(2500, 5, i_xt) < peak - 1.0, "then compresses: {} after {peak}", at(2500, 5, i_xt));
    assert!(at(2500, 5, i_ty) > at(0, 5, i_ty) + 0.5, "and learns the label meanwhile");
    // The wide layer tells all inputs apart from beginning to end.
    assert!(at(0, 1, i_xt) > 11.5 && at(2500, 1, i_xt) > 11.5);
}

#[test]
fn relu_compresses_only_where_bins_clip_it() {
    let plane = run("saxe2018-relu", &[&SHORTER[..], &[EDGES]].concat());
    let peak_and_end = |setting| {
        let at = |epoch, layer| mean(&plane, setting, (epoch, layer), i_xt);
        (plane.rows().map(|row| at(row.epoch, 5)).fold(0.0, f64::max), at(2500, 5))
    };
    let (peak, end) = peak_and_end("30 edges");
    assert!(end < peak - 0.75, "clipped bins show a fall, from {peak} to {end} bits");
    let (peak, end) = peak_and_end("floor");
    assert!(end > peak - 0.35, "unbounded bins show none: {peak}, then {end} bits");
    let start = mean(&plane, "floor", (0, 5), i_xt);
    assert!(end > start + 2.0, "but a rise, from {start} to {end} bits");
    let clipped_values: u64 = plane
        .rows()
        .filter(|row| row.method.setting.starts_with("30 edges"))
        .map(|row| row.out_of_range)
        .sum();
    assert!(clipped_values > 0, "and the values they clip are counted");
}

/// The whole table of an independent reference run: the mean of five seeds on the authors' labelling.
///
/// Twenty seeds here. Both means have the noise of their seeds, √(s²/5 + s²/20) with s² the variance over the
/// seeds here; 3.7 times that is allowed, which 45 comparisons stay within 99 times in 100. The reference starts with weights of standard
/// deviation 1/√fan-in: means over 400 seeds at epoch 0 are 9.2 and 6.3 bits for its 8.56 and 5.92, while weights
/// by the layer's own width give 10.2 and 7.6.
///
/// `cargo test --release --test contrast -- --ignored --nocapture`, with the folder of published data beside the
/// checkout.
#[test]
#[ignore = "trains for minutes; needs the authors' labelling of the 12-bit task"]
fn the_reference_table_is_reproduced_within_its_seed_noise() {
    let file = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/tishby/var_u.mat"));
    if !file.exists() {
        eprintln!("skipped: var_u.mat is not beside this checkout");
        return;
    }
    let source = format!("dataset.source={{kind=\"mat\", file=\"{}\"}}", file.display());
    let common = [
        source.as_str(),
        "seeds=20",
        "network.initialization.weights=truncated-normal-fan-in",
        "schedule={kind=\"list\", epochs=[0, 30, 300, 1000]}",
        EDGES,
    ];
    let tanh = run("saxe2018-tanh", &[&common[..], &["training.epochs=4835"]].concat());
    let relu = run("saxe2018-relu", &[&common[..], &["training.epochs=3564"]].concat());
    type Column = fn(&PlaneRow) -> Option<f64>;
    type Line<'a> = (&'a str, &'a InformationPlane, &'a str, usize, Column, [f64; 5]);
    let table: [Line<'_>; 9] = [
        ("tanh I(X;T)", &tanh, "30 edges", 4, i_xt, [8.56, 9.67, 9.72, 9.38, 8.81]),
        ("tanh I(X;T)", &tanh, "30 edges", 5, i_xt, [5.92, 7.39, 6.53, 5.31, 3.68]),
        ("tanh I(X;T)", &tanh, "30 edges", 6, i_xt, [1.25, 4.08, 2.83, 1.88, 1.79]),
        ("tanh I(T;Y)", &tanh, "30 edges", 5, i_ty, [0.12, 0.70, 0.87, 0.95, 0.99]),
        ("tanh I(T;Y)", &tanh, "30 edges", 6, i_ty, [0.01, 0.62, 0.81, 0.92, 0.97]),
        ("relu I(X;T)", &relu, "30 edges", 4, i_xt, [1.67, 5.01, 5.01, 4.48, 4.51]),
        ("relu I(X;T)", &relu, "30 edges", 5, i_xt, [1.28, 4.12, 3.43, 3.01, 2.74]),
        ("relu I(X;T)", &relu, "floor", 4, i_xt, [1.09, 5.32, 8.38, 8.45, 8.57]),
        ("relu I(X;T)", &relu, "floor", 5, i_xt, [0.78, 4.46, 7.65, 7.83, 7.93]),
    ];
    let mut outside = Vec::new();
    for (name, plane, setting, layer, column, expected) in table {
        let last = plane.rows().map(|row| row.epoch).max().expect("rows");
        for (epoch, expected) in [0, 30, 300, 1000, last].into_iter().zip(expected) {
            let values = values(plane, setting, (epoch, layer), column);
            let n = values.len() as f64;
            let mean = values.iter().sum::<f64>() / n;
            let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
            // Half a unit of the last digit, where seeds agree to better than what is printed.
            let allowed = 3.7 * (variance / 5.0 + variance / n).sqrt() + 0.005;
            let line = format!(
                "{name}, {setting}, layer {layer}, epoch {epoch}: {mean:.2} for {expected:.2} ± {allowed:.2}"
            );
            eprintln!("{line}");
            if (mean - expected).abs() > allowed {
                outside.push(line);
            }
        }
    }
    assert!(outside.is_empty(), "outside the noise of the seeds:\n{}", outside.join("\n"));
}
