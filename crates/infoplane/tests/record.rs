//! Planes of networks that other programs train.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use infoplane::estimator::AnyEstimator;
use infoplane::experiment::{Experiment, Progress, RunOptions};
use infoplane::record::{
    Folder, FolderConfig, FollowOptions, Followed, Positions, RecordError, Recorder, Recording,
    describe_statistics, follow_folder, record_folder, resume_folder,
};
use infoplane::run::{Run, RunError, State};
use infoplane::schedule::{Reason, ScheduleConfig};
use infoplane::{Activations, Labels};
use ndarray::Array2;

const N: usize = 60;

fn labels() -> Labels {
    Labels::from_symbols(&(0..N as u32).map(|sample| sample % 3).collect::<Vec<_>>())
}

/// A layer that moves with the epoch, and loses what tells its samples apart at a late one.
fn layer(epoch: u64, width: usize) -> Vec<f32> {
    let value = |i: usize, j: usize| {
        let class = (i % 3) as f32;
        let own = if epoch > 155 { 0.001 } else { 0.04 };
        (class * (j as f32 + 1.0) * epoch as f32 * 0.05 + ((i * 31 + j * 17) % 23) as f32 * own).tanh()
    };
    (0..N).flat_map(|i| (0..width).map(move |j| value(i, j))).collect()
}

/// An array as NumPy saves it.
fn npy(shape: &[usize], values: &[f32]) -> Vec<u8> {
    let shape: Vec<String> = shape.iter().map(|length| format!("{length},")).collect();
    let mut header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}), }}", shape.join(" "));
    while (header.len() + 11) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.bytes());
    bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    bytes
}

/// Saves two layers at an epoch.
fn save(folder: &Path, epoch: u64) {
    let folder = folder.join(format!("epoch-{epoch:03}"));
    fs::create_dir_all(&folder).unwrap();
    for (name, width) in [("conv1", 4), ("fc10", 2)] {
        fs::write(folder.join(format!("{name}.npy")), npy(&[N, width], &layer(epoch, width))).unwrap();
    }
}

/// A folder of activations and a file of labels.
fn saved(epochs: &[u64]) -> (tempfile::TempDir, FolderConfig) {
    let folder = tempfile::tempdir().unwrap();
    epochs.iter().for_each(|&epoch| save(&folder.path().join("acts"), epoch));
    let classes: Vec<String> = (0..N).map(|sample| format!("c{}", sample % 3)).collect();
    fs::write(folder.path().join("y.csv"), format!("class\n{}\n", classes.join("\n"))).unwrap();
    let config =
        FolderConfig::new(folder.path().join("acts"), folder.path().join("y.csv").display().to_string());
    (folder, config)
}

fn estimators() -> Vec<AnyEstimator> {
    ["kind = 'kde'\nnoise_variances = [0.01]", "kind = 'binned'\nrule = 'equal'\nbins = 10\nrange = 'layer'"]
        .map(|text| toml::from_str(text).unwrap())
        .to_vec()
}

const EVERY: ScheduleConfig = ScheduleConfig::Every { interval: 1, witness: None };

/// Keeps what it is told.
#[derive(Default)]
struct Told(Mutex<Vec<String>>);

impl Progress for Told {
    fn trained(&self, _epochs: u64) {}
    fn measured(&self, _seed: u64, _epoch: u64) {}
    fn warn(&self, what: &str) {
        self.0.lock().unwrap().push(what.into());
    }
}

fn go(
    config: &FolderConfig,
    schedule: &ScheduleConfig,
    out: &Path,
    threads: usize,
) -> Result<Run, RecordError> {
    let options = RunOptions { threads, ..RunOptions::default() };
    let never = AtomicBool::new(false);
    Ok(record_folder("mine", config, &estimators(), schedule, out, options, &(), &never)?.run)
}

fn bytes(run: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(run)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .map(|path| (path.file_name().unwrap().into(), fs::read(&path).unwrap()))
        .collect();
    files.sort();
    files
}

#[test]
fn a_folder_of_epochs_becomes_a_run_with_the_bytes_of_any_number_of_threads() {
    let (folder, config) = saved(&[0, 1, 2, 5, 10, 20]);
    let run = go(&config, &EVERY, &folder.path().join("one"), 1).unwrap();
    assert_eq!(run.state(), State::Finished);
    let epochs: Vec<u64> = run.schedule().iter().map(|measured| measured.epoch).collect();
    assert_eq!(epochs, [0, 1, 2, 5, 10, 20]);
    assert_eq!(run.plane().len(), 6 * 2 * 3);
    assert_eq!((run.manifest().layer_name(1), run.manifest().layer_name(2)), ("conv1".into(), "fc10".into()));
    assert!(run.plane().rows().all(|row| row.values().is_some()));
    go(&config, &EVERY, &folder.path().join("three"), 3).unwrap();
    assert_eq!(bytes(&folder.path().join("one")), bytes(&folder.path().join("three")));
}

#[test]
fn a_folder_and_a_recorder_give_the_same_numbers() {
    let (folder, config) = saved(&[0, 3, 7]);
    let from_files = go(&config, &EVERY, &folder.path().join("files"), 2).unwrap();
    let recording = Recording::new("mine", labels(), &[("conv1", 4), ("fc10", 2)], 0.01);
    let mut recorder = Recorder::create(&folder.path().join("pushed"), recording).unwrap();
    for epoch in [0, 3, 7] {
        let of = |width| Array2::from_shape_vec((N, width), layer(epoch, width)).unwrap();
        recorder.record(epoch, &Activations { layers: vec![of(4), of(2)] }, None).unwrap();
    }
    let pushed = recorder.finish().unwrap();
    let kde = from_files.plane().rows().filter(|row| row.method.estimator == "kde");
    for (a, b) in kde.zip(pushed.plane().rows()) {
        let bits = |row: &infoplane::PlaneRow| row.values().map(|(x, y)| (x.to_bits(), y.to_bits()));
        assert_eq!((a.epoch, a.layer, bits(&a)), (b.epoch, b.layer, bits(&b)));
    }
}

#[test]
fn the_weights_of_a_run_measured_through_files_give_its_numbers_to_the_bit() {
    let folder = tempfile::tempdir().unwrap();
    let kde = "estimators=[{kind=\"kde\", noise_variances=[0.01]}]";
    let changes =
        ["seeds=1", "training.epochs=3", "schedule={kind=\"every\",interval=1}", "keyframes.interval=1", kde];
    let experiment = Experiment::load("tishby2017", &changes.map(String::from)).unwrap();
    let never = AtomicBool::new(false);
    let path = folder.path().join("run");
    let summary = experiment.run(&path, RunOptions::default(), &(), &never).unwrap();
    let data = experiment.dataset.source.load(0).unwrap();
    for epoch in 1..=3 {
        let network = summary.run.read_keyframe(0, epoch).unwrap().network;
        let of_epoch = folder.path().join(format!("acts/{epoch}"));
        fs::create_dir_all(&of_epoch).unwrap();
        for (index, t) in network.activations(data.inputs.to_array().view()).layers.iter().enumerate() {
            let file = of_epoch.join(format!("T{}.npy", index + 1));
            fs::write(file, npy(&[t.nrows(), t.ncols()], t.as_slice().unwrap())).unwrap();
        }
    }
    let classes: Vec<String> = data.labels.codes().iter().map(u32::to_string).collect();
    fs::write(folder.path().join("y.csv"), format!("y\n{}\n", classes.join("\n"))).unwrap();
    let config =
        FolderConfig::new(folder.path().join("acts"), folder.path().join("y.csv").display().to_string());
    let out = folder.path().join("recorded");
    let recorded = record_folder(
        "acts",
        &config,
        &experiment.estimators,
        &EVERY,
        &out,
        RunOptions::default(),
        &(),
        &never,
    );
    let (run, recorded) = (Run::read(&path).unwrap(), recorded.unwrap().run);
    let values = |run: &Run| -> Vec<(u64, usize, u64, u64)> {
        let rows = run.plane().rows().filter(|row| row.epoch > 0);
        rows.map(|row| {
            let (x, y) = row.values().unwrap();
            (row.epoch, row.layer, x.to_bits(), y.to_bits())
        })
        .collect()
    };
    assert_eq!(values(&run), values(&recorded));
    assert_eq!(values(&recorded).len(), 3 * 6 * 2);
}

#[test]
fn what_cannot_be_read_is_a_row_that_says_so_and_the_run_goes_on() {
    let (folder, config) = saved(&[0, 1, 2, 3, 4]);
    let acts = folder.path().join("acts");
    let mut nan = layer(1, 2);
    nan[3] = f32::NAN;
    fs::write(acts.join("epoch-001/fc10.npy"), npy(&[N, 2], &nan)).unwrap();
    let whole = fs::read(acts.join("epoch-002/conv1.npy")).unwrap();
    fs::write(acts.join("epoch-002/conv1.npy"), &whole[..200]).unwrap();
    fs::remove_file(acts.join("epoch-003/fc10.npy")).unwrap();
    fs::write(acts.join("epoch-004/conv1.npy"), npy(&[N, 5], &layer(4, 5))).unwrap();
    let told = Told::default();
    let never = AtomicBool::new(false);
    let estimators = &estimators()[..1];
    let out = folder.path().join("run");
    let summary =
        record_folder("mine", &config, estimators, &EVERY, &out, RunOptions::default(), &told, &never);
    let run = summary.unwrap().run;
    let missing: Vec<(u64, usize, String)> = run
        .plane()
        .rows()
        .filter(|row| row.method.bound == Some(infoplane::Bound::Upper))
        .filter_map(|row| Some((row.epoch, row.layer, row.missing?.code.to_string())))
        .collect();
    let expected =
        [(1, 2, "not-finite"), (2, 1, "incomplete"), (3, 2, "unreadable"), (4, 1, "changed-shape")];
    assert_eq!(missing, expected.map(|(epoch, layer, code)| (epoch, layer, code.to_string())));
    let told = told.0.into_inner().unwrap().join("\n");
    assert!(told.contains("epoch 4: conv1 has 5 units at epoch 4, and 4 at the first"), "{told}");
    assert!(told.contains("epoch 2:") && told.contains("epoch 3:"), "{told}");
}

#[test]
fn an_interrupted_recording_is_resumed_to_the_same_bytes() {
    let (folder, config) = saved(&[0, 1, 2, 5, 10, 20]);
    go(&config, &EVERY, &folder.path().join("whole"), 1).unwrap();
    /// Interrupts after the second epoch.
    struct After<'a>(&'a AtomicBool, Mutex<u32>);
    impl Progress for After<'_> {
        fn trained(&self, _epochs: u64) {}
        fn measured(&self, _seed: u64, _epoch: u64) {
            let mut seen = self.1.lock().unwrap();
            *seen += 1;
            if *seen == 2 {
                self.0.store(true, std::sync::atomic::Ordering::Relaxed);
            }
        }
        fn warn(&self, _what: &str) {}
    }
    let stop = AtomicBool::new(false);
    let out = folder.path().join("stopped");
    let options = RunOptions { threads: 1, ..RunOptions::default() };
    let progress = After(&stop, Mutex::new(0));
    let result = record_folder("mine", &config, &estimators(), &EVERY, &out, options, &progress, &stop);
    assert!(matches!(result, Err(RecordError::Interrupted)), "{result:?}");
    assert_eq!(Run::read(&out).unwrap().state(), State::Interrupted);
    let never = AtomicBool::new(false);
    let resumed = resume_folder(&out, options, &(), &never).unwrap();
    assert!(resumed.measured_epochs < 6);
    assert_eq!(bytes(&folder.path().join("whole")), bytes(&out));
    // A folder that holds something else by now is not gone on with.
    let second = folder.path().join("second");
    fs::create_dir(&second).unwrap();
    fs::copy(out.join("manifest.toml"), second.join("manifest.toml")).unwrap();
    fs::remove_dir_all(folder.path().join("acts/epoch-000")).unwrap();
    fs::remove_file(folder.path().join("acts/epoch-001/fc10.npy")).unwrap();
    let changed = resume_folder(&second, options, &(), &never).unwrap_err();
    assert!(matches!(changed, RecordError::Changed { .. }), "{changed}");
}

#[test]
fn delta_skips_go_from_saved_epoch_to_saved_epoch() {
    let epochs: Vec<u64> = (0..=30).map(|number| 10 * number).collect();
    let (folder, config) = saved(&epochs);
    let exact: ScheduleConfig = toml::from_str("kind = 'delta-exact'\ndelta = 0.1").unwrap();
    let run = go(&config, &exact, &folder.path().join("exact"), 2).unwrap();
    let measured: Vec<u64> = run.schedule().iter().map(|measured| measured.epoch).collect();
    assert!(measured.len() < 25 && measured[0] == 0 && measured.last() == Some(&300), "{measured:?}");
    assert!(run.schedule().iter().any(|measured| measured.reason == Reason::Filling));
    for pair in run.schedule().windows(2) {
        let adjacent = pair[1].epoch - pair[0].epoch == 10;
        assert!(adjacent || pair[1].distance.unwrap() <= 0.1, "{pair:?}");
    }
}

#[test]
fn columns_of_statistics_are_told_and_percentages_refused() {
    let (folder, mut config) = saved(&[0, 1, 2]);
    let table = folder.path().join("log.csv");
    let header = "Epoch,Train Loss,loss,val-accuracy,lr,weight_norm.fc10,note";
    fs::write(&table, format!("{header}\n0,1.5,9,0.5,0.1,2,a\n1,1.25,8,1,nan,2.5,b\n")).unwrap();
    config.statistics = Some(table.clone());
    let run = go(&config, &EVERY, &folder.path().join("run"), 1).unwrap();
    let stats = &run.training()[1];
    assert_eq!((stats.train_loss, stats.test_accuracy), (Some(1.25), Some(1.0)));
    assert_eq!(stats.scalars, [("loss".to_string(), 8.0)].into());
    let described = describe_statistics(&table, &run.manifest().layers).unwrap();
    let described: Vec<(&str, &str)> =
        described.iter().map(|(name, what)| (name.as_str(), what.as_str())).collect();
    assert_eq!(
        described,
        [
            ("Epoch", "epoch"),
            ("Train Loss", "train_loss"),
            ("loss", "a number of that name"),
            ("val-accuracy", "test_accuracy"),
            ("lr", "a number of that name"),
            ("weight_norm.fc10", "weight_norm of layer 2"),
            ("note", "left out, it holds no numbers"),
        ]
    );
    for accuracy in ["87.5", "1.01", "-0.5"] {
        fs::write(&table, format!("epoch,accuracy\n0,{accuracy}\n")).unwrap();
        let error = go(&config, &EVERY, &folder.path().join("none"), 1).unwrap_err().to_string();
        let said = format!(
            "line 2: accuracy = {accuracy}; allowed are shares from 0 to 1: divide percentages by 100"
        );
        assert!(error.contains(&said), "{error}");
    }
}

#[test]
fn inputs_of_any_shape_are_told_apart_by_their_rows() {
    let (folder, mut config) = saved(&[0, 1]);
    // Images of 2 × 3, of which the sample and the one 30 later are the same.
    let images: Vec<f32> =
        (0..N).flat_map(|sample| (0..6).map(move |pixel| (sample % 30 * pixel) as f32)).collect();
    let file = folder.path().join("x.npy");
    fs::write(&file, npy(&[N, 2, 3], &images)).unwrap();
    config.inputs = Some(file.display().to_string());
    let run = go(&config, &EVERY, &folder.path().join("run"), 1).unwrap();
    assert!((run.manifest().data.h_x_bits - 30f64.log2()).abs() < 1e-12);
}

#[test]
fn statistics_of_a_table_reach_the_run() {
    let (folder, mut config) = saved(&[0, 1, 2]);
    let table = folder.path().join("log.csv");
    fs::write(
        &table,
        "epoch,loss,val_accuracy,lr,weight_norm.fc10,note\n0,1.5,,0.1,2,a\n1,1.25,.75,0.1,2.5,b\n",
    )
    .unwrap();
    config.statistics = Some(table.clone());
    let run = go(&config, &EVERY, &folder.path().join("run"), 1).unwrap();
    let stats = &run.training()[1];
    assert_eq!((stats.train_loss, stats.test_accuracy, stats.test_loss), (Some(1.25), Some(0.75), None));
    assert_eq!((stats.layers[1].weight_norm, stats.scalars["lr"]), (2.5, 0.1));
    assert!(stats.layers[0].weight_norm.is_nan());
    for (text, said) in [
        ("loss\n1\n", "no column is called epoch"),
        ("epoch,loss\n0,x\n", "loss = \"x\""),
        ("epoch,loss\n0.5,1\n", "epoch = \"0.5\""),
        ("epoch,loss\n1,1\n1,2\n", "twice"),
        ("epoch,weight_norm.conv7\n1,1\n", "layers are conv1, fc10"),
    ] {
        fs::write(&table, text).unwrap();
        let error = go(&config, &EVERY, &folder.path().join("none"), 1).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
        assert!(!folder.path().join("none").exists());
    }
}

#[test]
fn folders_that_make_no_sense_are_refused_with_what_is_allowed() {
    let (folder, config) = saved(&[0, 1]);
    let refused = |config: &FolderConfig, said: &str| {
        let out = folder.path().join("never");
        let error = go(config, &EVERY, &out, 1).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
        assert!(!out.exists());
    };
    refused(&FolderConfig { source: folder.path().join("nowhere"), ..config.clone() }, "cannot read");
    let empty = folder.path().join("empty");
    fs::create_dir(&empty).unwrap();
    refused(&FolderConfig { source: empty.clone(), ..config.clone() }, "number of an epoch");
    fs::create_dir(empty.join("epoch-1")).unwrap();
    refused(&FolderConfig { source: empty, ..config.clone() }, "holds no file of an array");
    let none = Some(vec!["conv2".to_string()]);
    refused(&FolderConfig { layers: none, ..config.clone() }, "there are conv1, fc10");
    let short = folder.path().join("short.csv");
    fs::write(&short, "y\na\nb\n").unwrap();
    refused(
        &FolderConfig { labels: short.display().to_string(), ..config.clone() },
        "short.csv: the number of labels is 2, but the first layer in ",
    );
    refused(
        &FolderConfig { inputs: Some(short.display().to_string()), ..config.clone() },
        "short.csv has 2 rows",
    );
    let too_large = folder.path().join("large");
    fs::create_dir_all(too_large.join("epoch-99999999999999999999")).unwrap();
    refused(&FolderConfig { source: too_large, ..config.clone() }, "the epoch is too large");
    let no_rows = folder.path().join("no-rows");
    fs::create_dir_all(no_rows.join("epoch-0")).unwrap();
    fs::write(no_rows.join("epoch-0/a.npy"), npy(&[0, 3], &[])).unwrap();
    refused(&FolderConfig { source: no_rows, ..config.clone() }, "a (0, 3) of float32: it is empty");
    fs::create_dir(folder.path().join("acts/e1")).unwrap();
    refused(&config, "are both epoch 1");
}

#[test]
fn maps_become_vectors_as_chosen() {
    let (folder, mut config) = saved(&[]);
    for epoch in 0..2u64 {
        let of_epoch = folder.path().join(format!("acts/{epoch}"));
        fs::create_dir_all(&of_epoch).unwrap();
        fs::write(of_epoch.join("conv.npy"), npy(&[N, 2, 3, 1], &layer(epoch, 6))).unwrap();
    }
    for (positions, expected) in [
        (Positions::Flatten, vec![("conv", 6)]),
        (Positions::Mean, vec![("conv", 2)]),
        (Positions::At(-1), vec![("conv", 2)]),
        (Positions::Channels, vec![("conv[0]", 3), ("conv[1]", 3)]),
    ] {
        config.positions = positions;
        let layers = Folder::open(&config).unwrap().layers();
        let found: Vec<(&str, usize)> =
            layers.iter().map(|layer| (layer.name.as_str(), layer.width)).collect();
        assert_eq!(found, expected);
        let out = folder.path().join(format!("{positions:?}"));
        let run = go(&config, &EVERY, &out, 1).unwrap();
        assert!(run.plane().rows().all(|row| row.missing.is_none()));
    }
}

#[test]
fn a_layer_of_nan_alone_is_told_as_such() {
    let (folder, config) = saved(&[0, 1]);
    for epoch in ["epoch-000", "epoch-001"] {
        let file = folder.path().join("acts").join(epoch).join("fc10.npy");
        fs::write(file, npy(&[N, 2], &[f32::NAN; 2 * N])).unwrap();
    }
    let run = go(&config, &EVERY, &folder.path().join("run"), 1).unwrap();
    for row in run.plane().rows() {
        match &row.missing {
            Some(missing) => {
                assert!(missing.reason.contains("NaN at row 0, column 0 (from 0)"), "{missing:?}")
            }
            None => assert_eq!(row.layer, 1),
        }
        assert_eq!(row.values().is_none(), row.layer == 2);
    }
}

fn following(last: Option<u64>) -> FollowOptions {
    let (every, settle) = (Duration::from_millis(20), Duration::from_millis(300));
    FollowOptions { last, idle: None, every, settle, threads: 2 }
}

#[test]
fn an_epoch_that_is_still_being_written_is_waited_for() {
    let (folder, config) = saved(&[]);
    let (acts, out) = (folder.path().join("acts"), folder.path().join("followed"));
    fs::create_dir(&acts).unwrap();
    let kde = estimators()[..1].to_vec();
    let never = AtomicBool::new(false);
    let told = Told::default();
    let run = std::thread::scope(|scope| {
        scope.spawn(|| {
            for epoch in 0..3 {
                let of_epoch = acts.join(format!("epoch-{epoch}"));
                fs::create_dir(&of_epoch).unwrap();
                for (name, width) in [("conv1", 4), ("fc10", 2)] {
                    let bytes = npy(&[N, width], &layer(epoch, width));
                    fs::write(of_epoch.join(format!("{name}.npy")), &bytes[..300]).unwrap();
                    std::thread::sleep(Duration::from_millis(60));
                    fs::write(of_epoch.join(format!("{name}.npy")), bytes).unwrap();
                    std::thread::sleep(Duration::from_millis(60));
                }
            }
            // One that never gets its second layer.
            fs::create_dir(acts.join("epoch-3")).unwrap();
            fs::write(acts.join("epoch-3/conv1.npy"), npy(&[N, 4], &layer(3, 4))).unwrap();
        });
        follow_folder("mine", &config, &kde, &EVERY, &out, following(Some(3)), &told, &never).unwrap().run
    });
    assert_eq!(run.manifest().layers.len(), 2);
    let missing = run.plane().rows().filter(|row| row.missing.is_some());
    assert!(missing.map(|row| (row.epoch, row.layer)).eq([(3, 2), (3, 2)]));
    // The folder may have been empty at the first look.
    let told = told.0.into_inner().unwrap();
    assert!(told.iter().all(|what| what.starts_with("epoch 3: ") || what.starts_with("waiting")), "{told:?}");
}

#[test]
fn a_directory_that_is_in_use_or_taken_is_refused() {
    let (folder, config) = saved(&[0, 1]);
    let out = folder.path().join("run");
    let recording = || Recording::new("mine", labels(), &[("conv1", 4), ("fc10", 2)], 0.01);
    let first = Recorder::create(&out, recording()).unwrap();
    let refused = [
        Recorder::create(&out, recording()).err().unwrap(),
        Recorder::resume(&out, recording()).err().unwrap(),
        go(&config, &EVERY, &out, 1).unwrap_err(),
    ];
    assert!(refused[0].to_string().contains("already holds a run"), "{}", refused[0]);
    assert!(refused[1].to_string().contains("is writing to"), "{}", refused[1]);
    assert!(refused[2].to_string().contains("already holds a run"), "{}", refused[2]);
    drop(first);
    let mut other = recording();
    other.estimators = vec![toml::from_str("kind = 'kde'\nnoise_variances = [0.5]").unwrap()];
    let error = Recorder::resume(&out, other).err().unwrap().to_string();
    assert!(error.contains("other estimators"), "{error}");
}

#[test]
fn two_layers_of_one_name_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let recording = Recording::new("alike", labels(), &[("conv", 4), ("fc", 2), ("conv", 3)], 0.1);
    let error = Recorder::create(&folder.path().join("run"), recording).err().unwrap();
    assert_eq!(error.to_string(), "layers 1 and 3 are both called `conv`; give each a name of its own");
    assert!(!folder.path().join("run").exists());
}

#[test]
fn layers_may_be_called_anything() {
    let (folder, config) = saved(&[]);
    let names = ["a:b", "block 1", "größe", "evil\u{1b}[2J", "<g>"];
    for epoch in 0..2u64 {
        let of_epoch = folder.path().join(format!("acts/{epoch}"));
        fs::create_dir_all(&of_epoch).unwrap();
        for name in names {
            fs::write(of_epoch.join(format!("{name}.npy")), npy(&[N, 2], &layer(epoch, 2))).unwrap();
        }
    }
    let run = go(&config, &EVERY, &folder.path().join("run"), 1).unwrap();
    assert!(run.plane().rows().all(|row| row.missing.is_none()));
    let data = infoplane::report::ReportData::of(&run);
    let report = folder.path().join("report");
    let files = infoplane::report::write(&data, &infoplane::report::Options::default(), &report).unwrap();
    for svg in files.iter().filter(|path| path.extension().is_some_and(|kind| kind == "svg")) {
        let text = fs::read_to_string(svg).unwrap();
        assert!(!text.contains('\u{1b}') && !text.contains("<g>"), "{}", svg.display());
    }
    let csv = fs::read_to_string(report.join("plane.csv")).unwrap();
    assert!(csv.contains(",größe,2,kde-noise-variance-0.01-upper,kde,"), "{csv}");
}

#[test]
fn epochs_are_measured_as_they_appear() {
    let (folder, config) = saved(&[0]);
    let (acts, out) = (folder.path().join("acts"), folder.path().join("followed"));
    let kde = estimators()[..1].to_vec();
    let never = AtomicBool::new(false);
    let options = following(Some(4));
    let run = std::thread::scope(|scope| {
        scope.spawn(|| {
            for epoch in 1..=4 {
                std::thread::sleep(Duration::from_millis(60));
                save(&acts, epoch);
            }
        });
        follow_folder("mine", &config, &kde, &EVERY, &out, options, &(), &never).unwrap().run
    });
    let epochs: Vec<u64> = run.schedule().iter().map(|measured| measured.epoch).collect();
    assert_eq!(epochs, [0, 1, 2, 3, 4]);
    let observed = estimators()[1..].to_vec();
    let error =
        follow_folder("mine", &config, &observed, &EVERY, &folder.path().join("x"), options, &(), &never);
    assert!(matches!(error, Err(RecordError::UnknownRange { index: 0 })), "{error:?}");
    // A folder that goes away ends it with a message; what was measured is kept.
    let options = following(Some(9));
    let out = folder.path().join("gone");
    let error = std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(400));
            fs::remove_dir_all(&acts).unwrap();
        });
        follow_folder("mine", &config, &kde, &EVERY, &out, options, &(), &never).unwrap_err()
    });
    assert!(matches!(error, RecordError::Unreadable { .. }), "{error}");
    assert_eq!(Run::read(&out).unwrap().schedule().len(), 5);
}

/// The measured epochs of a run.
fn measured(run: &Run) -> Vec<u64> {
    run.schedule().iter().map(|measured| measured.epoch).collect()
}

#[test]
fn epochs_after_the_last_one_are_not_measured() {
    let (folder, mut config) = saved(&(0..16).collect::<Vec<_>>());
    let table = folder.path().join("log.csv");
    fs::write(&table, "epoch,loss\n4,1\n5,0.5\n").unwrap();
    config.statistics = Some(table);
    let kde = estimators()[..1].to_vec();
    let never = AtomicBool::new(false);
    let go = |schedule: &ScheduleConfig, last: u64, out: &str| {
        let out = folder.path().join(out);
        follow_folder("mine", &config, &kde, schedule, &out, following(Some(last)), &(), &never)
    };
    let run = go(&EVERY, 4, "every").unwrap().run;
    assert_eq!((run.state(), measured(&run)), (State::Finished, vec![0, 1, 2, 3, 4]));
    assert!(run.training().iter().map(|stats| stats.epoch).eq([4]));
    // The last epoch counts although the schedule would pass over it.
    let run = go(&ScheduleConfig::Every { interval: 3, witness: None }, 4, "third").unwrap().run;
    assert_eq!((run.state(), measured(&run)), (State::Finished, vec![0, 3, 4]));
    let complete = go(&EVERY, 4, "every").unwrap_err();
    assert!(matches!(complete, RecordError::Run(RunError::Complete(_))), "{complete}");
    fs::remove_dir_all(folder.path().join("acts/epoch-000")).unwrap();
    let none = go(&EVERY, 0, "none").unwrap_err();
    assert!(matches!(none, RecordError::NoneUpTo { last: 0, first: 1 }), "{none}");
    assert!(!folder.path().join("none").exists());
}

#[test]
fn a_folder_in_which_nothing_appears_is_not_waited_for_without_end() {
    let (folder, config) = saved(&[]);
    let kde = estimators()[..1].to_vec();
    let out = folder.path().join("followed");
    let options = FollowOptions { idle: Some(Duration::from_millis(100)), ..following(None) };
    for exists in [false, true] {
        if exists {
            fs::create_dir_all(folder.path().join("acts")).unwrap();
        }
        let never = AtomicBool::new(false);
        let error = follow_folder("mine", &config, &kde, &EVERY, &out, options, &Told::default(), &never)
            .unwrap_err();
        assert!(matches!(error, RecordError::NoneWithin { .. }), "{error}");
        assert!(error.to_string().contains("no epoch appeared in") && !out.exists(), "{error}");
    }
}

/// Interrupts once an epoch is measured.
struct StopAt<'a>(&'a AtomicBool, u64);

impl Progress for StopAt<'_> {
    fn trained(&self, _epochs: u64) {}
    fn measured(&self, _seed: u64, epoch: u64) {
        self.0.fetch_or(epoch == self.1, std::sync::atomic::Ordering::Relaxed);
    }
    fn warn(&self, _what: &str) {}
}

#[test]
fn a_recording_that_follows_is_resumed_until_its_last_epoch() {
    let (folder, config) = saved(&[0, 1, 2]);
    let (acts, out) = (folder.path().join("acts"), folder.path().join("followed"));
    let kde = estimators()[..1].to_vec();
    let stop = AtomicBool::new(false);
    let options = FollowOptions { idle: Some(Duration::from_secs(60)), ..following(Some(5)) };
    let stopped =
        follow_folder("mine", &config, &kde, &EVERY, &out, options, &StopAt(&stop, 2), &stop).unwrap_err();
    assert!(matches!(stopped, RecordError::Interrupted), "{stopped}");
    let manifest = Run::read(&out).unwrap().manifest().clone();
    let expected = Followed { last: Some(5), idle_seconds: Some(60.0) };
    assert_eq!((Followed::of(&manifest), manifest.planned_epochs), (Some(expected), Some(5)));
    let never = AtomicBool::new(false);
    let (options, told) = (RunOptions { threads: 2, ..RunOptions::default() }, Told::default());
    let resumed = std::thread::scope(|scope| {
        scope.spawn(|| {
            for epoch in 3..8 {
                std::thread::sleep(Duration::from_millis(150));
                save(&acts, epoch);
            }
        });
        resume_folder(&out, options, &told, &never).unwrap()
    });
    assert_eq!((resumed.run.state(), measured(&resumed.run)), (State::Finished, (0..=5).collect()));
    assert_eq!(resumed.measured_epochs, 3);
    // A recording of what is there does not follow.
    let run = go(&config, &EVERY, &folder.path().join("there"), 1).unwrap();
    assert_eq!(Followed::of(run.manifest()), None);
}

#[test]
fn a_folder_that_is_not_there_yet_is_waited_for() {
    let (folder, config) = saved(&[]);
    let (acts, out) = (folder.path().join("acts"), folder.path().join("followed"));
    let kde = estimators()[..1].to_vec();
    let (told, never) = (Told::default(), AtomicBool::new(false));
    let run = std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(200));
            (0..3).for_each(|epoch| save(&acts, epoch));
        });
        follow_folder("mine", &config, &kde, &EVERY, &out, following(Some(2)), &told, &never).unwrap().run
    });
    assert_eq!(measured(&run), [0, 1, 2]);
    let told = told.0.into_inner().unwrap();
    assert!(told.len() == 1 && told[0].ends_with("acts, which does not exist yet"), "{told:?}");
    // What is wrong whatever comes is told at once, and Ctrl-C ends the waiting.
    let nowhere = FolderConfig { source: folder.path().join("nowhere"), ..config.clone() };
    let new = folder.path().join("new");
    let observed = estimators();
    let error = follow_folder("mine", &nowhere, &observed, &EVERY, &new, following(None), &(), &never);
    assert!(matches!(error, Err(RecordError::UnknownRange { index: 1 })), "{error:?}");
    let error = follow_folder("mine", &nowhere, &kde, &EVERY, &out, following(None), &(), &never);
    assert!(matches!(error, Err(RecordError::Run(RunError::Complete(_)))), "{error:?}");
    let stop = AtomicBool::new(true);
    let error = follow_folder("mine", &nowhere, &kde, &EVERY, &new, following(None), &(), &stop);
    assert!(matches!(error, Err(RecordError::Interrupted)), "{error:?}");
    assert!(!new.exists());
}

#[test]
fn a_run_directory_that_is_removed_meanwhile_ends_the_recording() {
    let (folder, config) = saved(&[0, 1]);
    let out = folder.path().join("followed");
    let kde = estimators()[..1].to_vec();
    let never = AtomicBool::new(false);
    let error = std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(300));
            fs::remove_dir_all(&out).unwrap();
        });
        follow_folder("mine", &config, &kde, &EVERY, &out, following(Some(9)), &(), &never).unwrap_err()
    });
    assert!(matches!(&error, RecordError::Run(RunError::Gone(path)) if *path == out), "{error}");
    assert!(!error.to_string().contains("resume"), "{error}");
    // A recorder is told at the next epoch.
    let recording = Recording::new("mine", labels(), &[("conv1", 4)], 0.01);
    let mut recorder = Recorder::create(&out, recording).unwrap();
    fs::remove_dir_all(&out).unwrap();
    let activations = Activations { layers: vec![Array2::from_shape_vec((N, 4), layer(0, 4)).unwrap()] };
    let error = recorder.record(0, &activations, None).unwrap_err();
    assert!(matches!(error, RecordError::Run(RunError::Gone(_))), "{error}");
}

#[test]
fn a_file_is_no_run_directory() {
    let (folder, config) = saved(&[0, 1]);
    let file = folder.path().join("y.csv");
    for out in [file.clone(), file.join("run")] {
        let errors = [
            go(&config, &EVERY, &out, 1).unwrap_err(),
            resume_folder(&out, RunOptions::default(), &(), &AtomicBool::new(false)).unwrap_err(),
        ];
        for error in errors {
            assert!(
                matches!(&error, RecordError::Run(RunError::NotADirectory(path)) if *path == file),
                "{error}"
            );
        }
    }
}
