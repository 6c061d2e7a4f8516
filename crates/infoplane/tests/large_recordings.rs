//! Recordings of many epochs and of many layers: figures, tables and words stay usable.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use infoplane::experiment::RunOptions;
use infoplane::plane::MethodDescription;
use infoplane::record::{FolderConfig, Recorder, Recording, record_folder};
use infoplane::report::{self, Format, Formats, Options, ReportData, Style};
use infoplane::run::Run;
use infoplane::schedule::ScheduleConfig;
use infoplane::{Activations, InformationPlane, Labels, PlaneRow};
use ndarray::Array2;

const N: usize = 8;
/// No file of a figure may be larger.
const LARGEST: usize = 3_000_000;

/// Values that change with epoch and layer.
fn values(epoch: usize, layer: usize, width: usize) -> Vec<f32> {
    let value = |i: usize, j: usize| {
        let own = ((i * 37 + j * 11 + layer * 5) % 17) as f32 / 17.0;
        let moved = (epoch as f32 + 1.0).ln() * (1.0 + 0.01 * layer as f32);
        ((i % 2) as f32 * 0.2 * moved + own * (1.0 + (epoch * 7919 % 101) as f32 * 1e-3)).tanh()
    };
    (0..N).flat_map(|i| (0..width).map(move |j| value(i, j))).collect()
}

/// A safetensors file of arrays, each `N` rows of `width`.
fn safetensors(path: &Path, arrays: &[(String, Vec<f32>)], width: usize) {
    let n_bytes = N * width * 4;
    let header: Vec<String> = arrays
        .iter()
        .enumerate()
        .map(|(number, (name, _))| {
            let (from, to) = (number * n_bytes, (number + 1) * n_bytes);
            format!(r#""{name}":{{"dtype":"F32","shape":[{N},{width}],"data_offsets":[{from},{to}]}}"#)
        })
        .collect();
    let header = format!("{{{}}}", header.join(","));
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.bytes());
    bytes.extend(arrays.iter().flat_map(|(_, values)| values).flat_map(|value| value.to_le_bytes()));
    fs::write(path, bytes).unwrap();
}

fn recorded(config: &FolderConfig, out: &Path) -> Run {
    let kde = toml::from_str("kind = 'kde'\nnoise_variances = [0.01]").unwrap();
    let every = ScheduleConfig::Every { interval: 1, witness: None };
    let never = AtomicBool::new(false);
    record_folder("mine", config, &[kde], &every, out, RunOptions::default(), &(), &never).unwrap().run
}

/// A folder with the labels; the activations are `acts` in it.
fn folder(acts: &str) -> (tempfile::TempDir, FolderConfig) {
    let folder = tempfile::tempdir().unwrap();
    let classes: Vec<String> = (0..N).map(|sample| (sample % 2).to_string()).collect();
    fs::write(folder.path().join("y.csv"), format!("y\n{}\n", classes.join("\n"))).unwrap();
    let labels = folder.path().join("y.csv").display().to_string();
    let config = FolderConfig::new(folder.path().join(acts), labels);
    (folder, config)
}

/// The files of the report, none of them large and no picture larger than a screen or two.
fn reported(data: &ReportData<'_>, style: Style) -> BTreeMap<String, Vec<u8>> {
    let directory = tempfile::tempdir().unwrap();
    let formats = Formats::of(&[Format::Svg, Format::Png, Format::Pdf]);
    let options = Options::default().style(style).formats(formats);
    let written = report::write(data, &options, directory.path()).unwrap();
    let mut files = BTreeMap::new();
    for path in written {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let bytes = fs::read(&path).unwrap();
        let is_figure = ["svg", "png", "pdf"].iter().any(|kind| name.ends_with(&format!(".{kind}")));
        assert!(!is_figure || bytes.len() < LARGEST, "{name}: {} bytes", bytes.len());
        if name.ends_with(".svg") {
            check_inside(&name, std::str::from_utf8(&bytes).unwrap());
        }
        files.insert(name, bytes);
    }
    assert!(
        files.keys().any(|name| name.starts_with("plane-") && name.ends_with(".svg")),
        "{:?}",
        files.keys()
    );
    files
}

/// Nothing is written beyond the sheet, and the sheet is no scroll.
fn check_inside(name: &str, svg: &str) {
    let attribute = |element: &str, key: &str| -> Option<f64> {
        let (_, rest) = element.split_once(&format!(" {key}=\""))?;
        rest.split_once('"')?.0.parse().ok()
    };
    let head = &svg[..svg.find('>').unwrap()];
    let (_, view) = head.split_once("viewBox=\"0 0 ").expect("a view box");
    let mut size = view.split('"').next().unwrap().split(' ').map(|side| side.parse::<f64>().unwrap());
    let (width, height) = (size.next().unwrap(), size.next().unwrap());
    assert!(height < 1.6 * width, "{name} is {width} by {height}");
    let mut texts = 0;
    for element in svg.split("<text").skip(1) {
        let element = &element[..element.find('>').unwrap()];
        if let (Some(x), Some(y)) = (attribute(element, "x"), attribute(element, "y")) {
            assert!((0.0..=width).contains(&x) && (0.0..=height).contains(&y), "{name}: {element}");
            texts += 1;
        }
    }
    assert!(texts > 5, "{name} has {texts} texts");
}

/// Tables fit a window; sentences are broken by whoever prints them.
fn check_columns(summary: &str) {
    for line in summary.lines().filter(|line| line.trim_start().contains("  ")) {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

#[test]
fn ten_thousand_epochs_in_one_file_become_a_run_and_its_report() {
    const EPOCHS: usize = 10_000;
    let (folder, config) = folder("acts.safetensors");
    let arrays: Vec<(String, Vec<f32>)> =
        (0..EPOCHS).map(|epoch| (format!("epoch-{epoch:05}/fc"), values(epoch, 0, 1))).collect();
    safetensors(&folder.path().join("acts.safetensors"), &arrays, 1);
    let run = recorded(&config, &folder.path().join("run"));
    assert_eq!((run.schedule().len(), run.plane().len()), (EPOCHS, 2 * EPOCHS));
    assert!(run.plane().rows().all(|row| row.values().is_some()));
    let data = ReportData::of(&run);
    let files = reported(&data, Style::Paper);
    assert_eq!(String::from_utf8_lossy(&files["plane.csv"]).lines().count(), 2 * EPOCHS + 1);
    let summary = report::summary(&data);
    check_columns(&summary);
    assert!(summary.contains("measured 10000 saved epochs"), "{summary}");
}

#[test]
fn a_recorder_takes_ten_thousand_epochs() {
    let folder = tempfile::tempdir().unwrap();
    let labels = Labels::from_symbols(&(0..N).map(|sample| sample % 2).collect::<Vec<_>>());
    let recording = Recording::new("mine", labels, &[("fc", 2)], 0.01);
    let mut recorder = Recorder::create(&folder.path().join("run"), recording).unwrap();
    for epoch in 0..10_000 {
        assert!(recorder.wants(epoch));
        let fc = Array2::from_shape_vec((N, 2), values(epoch as usize, 0, 2)).unwrap();
        recorder.record(epoch, &Activations { layers: vec![fc] }, None).unwrap();
    }
    let run = recorder.finish().unwrap();
    assert_eq!(run.plane().len(), 2 * 10_000);
}

#[test]
fn two_hundred_layers_have_a_report_that_fits_its_pages() {
    const LAYERS: usize = 200;
    let (folder, config) = folder("acts");
    fs::create_dir(folder.path().join("acts")).unwrap();
    for epoch in 0..3 {
        let arrays: Vec<(String, Vec<f32>)> = (1..=LAYERS)
            .map(|layer| {
                let name = format!("encoder.block.{layer:03}.attention.output.projection");
                (name, values(50 * epoch, layer, 2))
            })
            .collect();
        safetensors(&folder.path().join(format!("acts/epoch-{epoch}.safetensors")), &arrays, 2);
    }
    let run = recorded(&config, &folder.path().join("run"));
    assert_eq!(run.plane().len(), 3 * LAYERS * 2);
    let data = ReportData::of(&run);
    let page = String::from_utf8(reported(&data, Style::Paper)["summary.md"].clone()).unwrap();
    reported(&data, Style::Slides);
    let summary = report::summary(&data);
    check_columns(&summary);
    // The page has the row of every layer; a window has the first and the last, and says so.
    let rows = |text: &str| text.lines().filter(|line| line.contains("encoder.block")).count();
    assert!(rows(&page) >= 2 * LAYERS, "{}", rows(&page));
    assert!(rows(&summary) <= 2 * 2 * 24 + 4, "{summary}");
    assert!(summary.contains("176 more layers"), "{summary}");
    assert!(summary.lines().all(|line| line.len() < 1500), "{summary}");
}

#[test]
fn paths_of_two_hundred_layers_over_hundreds_of_epochs_make_no_large_file() {
    const LAYERS: usize = 200;
    let (folder, config) = folder("acts");
    fs::create_dir(folder.path().join("acts")).unwrap();
    let arrays: Vec<(String, Vec<f32>)> =
        (1..=LAYERS).map(|layer| (format!("fc{layer}"), values(1, layer, 1))).collect();
    safetensors(&folder.path().join("acts/epoch-1.safetensors"), &arrays, 1);
    let run = recorded(&config, &folder.path().join("run"));
    // Values that jump from epoch to epoch fill the figures as nothing measured does.
    let method = Arc::new(MethodDescription::new("binned", "30 equal on [-1, 1]", None));
    let noise = |a: u64, b: u64| ((a * 7919 + b * 104_729 + a * b * 31) % 1009) as f64 / 1009.0;
    let plane: InformationPlane = (0..400)
        .flat_map(|epoch| (1..=LAYERS).map(move |layer| (epoch, layer)))
        .map(|(epoch, layer)| {
            let values = (3.0 * noise(epoch, layer as u64), noise(layer as u64, epoch + 7));
            PlaneRow::new(0, epoch, (layer, 1), &method, values)
        })
        .collect();
    let files = reported(&ReportData { plane: &plane, ..ReportData::of(&run) }, Style::Paper);
    assert!(files["plane-binned-30-equal-on-1-1.svg"].len() > 500_000, "the figure holds the paths");
}
