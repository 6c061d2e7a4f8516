//! Every configuration of docs/data.md loads data as the page says.

use std::fs;
use std::io::{Cursor, Read, Write};
use std::path::Path;
use std::sync::atomic::AtomicBool;

use infoplane::dataset::Scaling;
use infoplane::experiment::{DatasetConfig, Experiment, RunOptions};
use infoplane::run::Run;
use safetensors::tensor::{Dtype, TensorView};
use serde::Deserialize;
use zip::write::{SimpleFileOptions, ZipWriter};

#[derive(Deserialize)]
struct Page {
    dataset: DatasetConfig,
}

/// The blocks of TOML in the page.
fn blocks() -> Vec<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/data.md");
    let page = fs::read_to_string(page).expect("docs/data.md");
    let after = page.split("```toml\n").skip(1);
    after.map(|text| text.split("```").next().expect("a block ends").to_owned()).collect()
}

fn npy(shape: &str, bytes: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}\n");
    [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), bytes].concat()
}

fn npz(arrays: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in arrays {
        writer.start_file(format!("{name}.npy"), SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn safetensors(inputs: &[u8], labels: &[u8]) -> Vec<u8> {
    let n = labels.len();
    let view = |shape, bytes| TensorView::new(Dtype::U8, shape, bytes).unwrap();
    let views = [("x", view(vec![n, inputs.len() / n], inputs)), ("y", view(vec![n], labels))];
    safetensors::serialize(views, None).unwrap()
}

fn idx(shape: &[u32], bytes: &[u8]) -> Vec<u8> {
    let lengths: Vec<u8> = shape.iter().flat_map(|length| length.to_be_bytes()).collect();
    [&[0, 0, 8, shape.len() as u8], &lengths[..], bytes].concat()
}

/// Writes the files that the page names.
fn write_files(folder: &Path) {
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    };
    let images = [0, 51, 102, 153, 204, 255, 0, 255];
    let (x_train, y_train) = (npy("(2, 2, 2)", &images), npy("(2,)", &[3, 7]));
    let (x_test, y_test) = (npy("(1, 2, 2)", &images[..4]), npy("(1,)", &[7]));
    write("data.npz", &npz(&[("x", &x_train), ("y", &y_train)]));
    let parts = [("x_train", &x_train[..]), ("y_train", &y_train), ("x_test", &x_test), ("y_test", &y_test)];
    write("mnist.npz", &npz(&parts));
    for (name, bytes) in parts {
        write(&format!("{name}.npy"), bytes);
    }
    write("table.csv", b"age,height,class\n30,1.7,well\n60,1.6,ill\n45,1.8,well\n");
    write("patients.csv", b"id,age,height,class\na,30,1.7,well\nb,60,1.6,ill\n");
    write("patients-test.csv", b"id,age,height,class\nc,45,1.8,well\n");
    write("train.safetensors", &safetensors(&images, &[3, 7]));
    write("test.safetensors", &safetensors(&images[..4], &[7]));
    let files = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/dataset/read/hdf5/files");
    for (packed, name) in [("v108.h5.gz", "data.h5"), ("v73.mat.gz", "data.mat")] {
        let mut bytes = Vec::new();
        let packed = fs::File::open(files.join(packed)).unwrap();
        flate2::read::GzDecoder::new(packed).read_to_end(&mut bytes).unwrap();
        write(name, &bytes);
    }
    write("digits/features-idx2-ubyte", &idx(&[2, 3], &[0, 8, 16, 16, 8, 0]));
    write("digits/labels-idx1-ubyte", &idx(&[2], &[1, 0]));
    for (part, n) in [("train", 2u32), ("t10k", 1)] {
        write(&format!("mnist/{part}-images-idx3-ubyte"), &idx(&[n, 28, 28], &vec![255; 784 * n as usize]));
        write(&format!("mnist/{part}-labels-idx1-ubyte"), &idx(&[n], &[5, 0][..n as usize]));
    }
}

/// What a page leaves out: a network that trains for a moment.
const REST: &str = r#"
[network]
hidden = [2]
nonlinearity = "tanh"
output = "softmax"
[training]
epochs = 1
batch_size = 8
optimizer = { kind = "sgd", learning_rate = 0.01 }
[schedule]
kind = "every"
interval = 1
[[estimators]]
kind = "binned"
rule = "floor"
bin_width = 0.1
"#;

#[test]
fn every_configuration_of_the_page_runs() {
    let folder = tempfile::tempdir().unwrap();
    write_files(folder.path());
    for (number, block) in blocks().iter().enumerate() {
        let text = format!("name = \"page\"\n{block}{REST}");
        let mut experiment = Experiment::from_toml("page", &text, &[]).unwrap();
        experiment.dataset.source = experiment.dataset.source.relative_to(folder.path());
        let run = folder.path().join(number.to_string());
        let options = RunOptions { threads: 1, ..RunOptions::default() };
        experiment
            .run(&run, options, &(), &AtomicBool::new(false))
            .unwrap_or_else(|error| panic!("{block}{error}"));
        let run = Run::read(&run).unwrap();
        // Two epochs, two layers, one method for each part.
        let n_parts = if block.contains("train-and-test") { 2 } else { 1 };
        assert_eq!(run.plane().len(), 2 * 2 * n_parts, "{block}");
        assert!(run.plane().rows().all(|row| row.values().is_some()), "{block}");
    }
}

#[test]
fn every_configuration_of_the_page_loads() {
    let folder = tempfile::tempdir().unwrap();
    write_files(folder.path());
    // Kind, samples, features, training rows, in the order of the page.
    let expected = [
        ("symmetric12", 8192, 12, 6554),
        ("npz", 2, 4, 2),
        ("npz", 3, 4, 2),
        ("npy", 3, 4, 2),
        ("csv", 3, 2, 2),
        ("csv", 3, 2, 2),
        ("safetensors", 3, 4, 2),
        ("hdf5", 10, 12, 6),
        ("mat", 4, 6, 3),
        ("idx", 2, 3, 1),
        ("mnist", 3, 784, 2),
        ("npz", 3, 4, 2),
    ];
    let blocks = blocks();
    assert_eq!(blocks.len(), expected.len());
    for (block, (kind, n_samples, n_features, n_train)) in blocks.iter().zip(expected) {
        let config = toml::from_str::<Page>(block).unwrap_or_else(|error| panic!("{block}{error}")).dataset;
        assert!(block.contains(&format!("kind = {kind:?}")), "{block}");
        let dataset = config.source.relative_to(folder.path()).load(0);
        let dataset = dataset.unwrap_or_else(|error| panic!("{block}{error}"));
        assert_eq!(dataset.inputs.dim(), (n_samples, n_features), "{block}");
        let split = dataset.split_rows(config.split, 0).unwrap();
        assert_eq!((split.train.len(), split.test.len()), (n_train, n_samples - n_train), "{block}");
        config.scaling.check().unwrap();
        let mut inputs = dataset.inputs.to_array();
        let scaler = config.scaling.fit(&dataset.inputs, &split.train);
        scaler.apply(&mut inputs);
        match config.scaling {
            Scaling::None => {}
            Scaling::Standardize => {
                let mean = split.train.iter().map(|&row| inputs[[row, 0]]).sum::<f32>();
                assert!(mean.abs() < 1e-5, "{block}");
            }
            _ => assert_eq!(inputs.iter().copied().fold(0.0, f32::max), 1.0, "{block}"),
        }
    }
}
