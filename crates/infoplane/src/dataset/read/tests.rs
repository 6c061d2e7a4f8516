//! Whole files, as a user meets them.

use std::io::Write;
use std::path::PathBuf;

use flate2::Compression;
use flate2::write::GzEncoder;
use ndarray::array;
use proptest::prelude::*;
use tempfile::TempDir;
use zip::CompressionMethod;
use zip::write::{SimpleFileOptions, ZipWriter};

use super::*;
use crate::dataset::{Dataset, DatasetSource, SplitRule};

/// A folder of files that is gone after the test.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Folder(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        std::fs::write(self.path(name), bytes).unwrap();
        self.path(name)
    }
}

fn npy(descr: &str, fortran_order: &str, shape: &str, values: &[u8]) -> Vec<u8> {
    let header =
        format!("{{'descr': '{descr}', 'fortran_order': {fortran_order}, 'shape': {shape}, }}          \n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(values);
    bytes
}

fn floats(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn npz(members: &[(&str, Vec<u8>)], method: CompressionMethod) -> Vec<u8> {
    let mut writer = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in members {
        writer.start_file(*name, SimpleFileOptions::default().compression_method(method)).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn idx(shape: &[u32], bytes: &[u8]) -> Vec<u8> {
    let mut file = vec![0, 0, 8, shape.len() as u8];
    file.extend(shape.iter().flat_map(|length| length.to_be_bytes()));
    file.extend(bytes);
    file
}

#[test]
fn one_axis_is_a_column_and_further_axes_are_flattened() {
    let folder = Folder::new();
    let vector = folder.write("t.npy", npy("<f4", "False", "(3,)", &floats(&[1.0, 2.0, 3.0])));
    assert_eq!(read_array(&vector, None).unwrap(), Array::Single(array![[1.0], [2.0], [3.0]]));
    let cube = folder.write("c.npy", npy("<f4", "False", "(2, 2, 1)", &floats(&[1.0, 2.0, 3.0, 4.0])));
    let samples = Reader::default().array(&cube, None).unwrap();
    assert_eq!(samples.values, Array::Single(array![[1.0, 2.0], [3.0, 4.0]]));
    assert_eq!(samples.reading.notes, ["each row of 2 x 2 x 1 flattened"]);
    // One sample tells nothing: a single row is a vector.
    for shape in ["(1, 3)", "(1, 1, 3)"] {
        let row = folder.write("r.npy", npy("<f4", "False", shape, &floats(&[1.0, 2.0, 3.0])));
        let samples = Reader::default().array(&row, None).unwrap();
        assert_eq!(samples.values, Array::Single(array![[1.0], [2.0], [3.0]]));
        assert!(samples.reading.to_string().contains("r.npy: 3 rows x 1 column; "), "{}", samples.reading);
        let labels = Reader::default().labels(&row, None).unwrap();
        assert_eq!(labels.values.codes(), [0, 1, 2]);
        assert!(labels.reading.to_string().contains("taken as 3 labels"), "{}", labels.reading);
    }
    let scalar = folder.write("s.npy", npy("<f4", "False", "()", &floats(&[1.0])));
    assert!(matches!(read_array(&scalar, None), Err(DatasetError::Shape { .. })));
    // A zero hides a product that fits no number.
    let hidden = folder.write("h.npy", npy("<f4", "False", "(0, 9223372036854775808, 4)", &[]));
    let labels = folder.write("y.npy", npy("|u1", "False", "(1,)", &[0]));
    assert!(matches!(arrays((&hidden, None), (&labels, None)), Err(DatasetError::Empty { .. })));
    let nothing = folder.write("n.npy", npy("<f4", "False", "(0, 4)", &[]));
    assert!(matches!(read_array(&nothing, None), Err(DatasetError::Empty { .. })));
}

#[test]
fn column_major_arrays_come_out_row_major() {
    let folder = Folder::new();
    let path = folder.write("t.npy", npy("<f4", "True", "(2, 3)", &floats(&[1.0, 4.0, 2.0, 5.0, 3.0, 6.0])));
    let Array::Single(rows) = read_array(&path, None).unwrap() else { panic!("singles became doubles") };
    assert_eq!(rows, array![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
    assert!(rows.is_standard_layout());
    // The same as one-hot labels of two samples.
    let path = folder.write("y.npy", npy("|u1", "True", "(2, 3)", &[0, 1, 0, 0, 1, 0]));
    assert_eq!(read_labels(&path, None).unwrap().codes(), [1, 0]);
}

#[test]
fn doubles_stay_doubles_and_bytes_become_singles() {
    let folder = Folder::new();
    let path = folder.write("t.npy", npy("<f8", "False", "(1, 1)", &0.1f64.to_le_bytes()));
    assert_eq!(read_array(&path, None).unwrap(), Array::Double(array![[0.1]]));
    let path = folder.write("b.npy", npy("|b1", "False", "(1, 2)", &[1, 0]));
    assert_eq!(read_array(&path, None).unwrap(), Array::Single(array![[1.0], [0.0]]));
    let path = folder.write("i.npy", npy("<i4", "False", "(1, 1)", &(-70_001i32).to_le_bytes()));
    assert_eq!(read_array(&path, None).unwrap(), Array::Double(array![[-70_001.0]]));
}

#[test]
fn what_is_not_finite_is_refused_with_its_place() {
    let folder = Folder::new();
    for (value, shown) in [(f32::NAN, "NaN"), (f32::NEG_INFINITY, "-inf")] {
        let path = folder.write("t.npy", npy("<f4", "False", "(2, 2)", &floats(&[0.0, 1.0, value, 2.0])));
        let message = read_array(&path, None).unwrap_err().to_string();
        assert!(message.contains("t.npy") && message.contains(shown) && message.contains("row 1, column 0"));
        let labels = folder.write("y.npy", npy("|u1", "False", "(2,)", &[0, 1]));
        assert!(matches!(
            arrays((&path, None), (&labels, None)),
            Err(DatasetError::NotFinite { row: 1, column: 0, .. })
        ));
    }
    // Fits a double, not a single: allowed for a layer, not for inputs.
    let path = folder.write("x.npy", npy("<f8", "False", "(1, 1)", &1e300f64.to_le_bytes()));
    assert!(read_array(&path, None).is_ok());
    let labels = folder.write("y.npy", npy("|u1", "False", "(1,)", &[0]));
    assert!(matches!(arrays((&path, None), (&labels, None)), Err(DatasetError::Overflow { row: 0, .. })));
}

#[test]
fn stored_and_deflated_archives_give_the_same_arrays() {
    let folder = Folder::new();
    let members = [
        ("T3.npy", npy("<f4", "False", "(2, 2)", &floats(&[1.0, 2.0, 3.0, 4.0]))),
        ("y.npy", npy("<i8", "False", "(2,)", &[3, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0])),
    ];
    for method in [CompressionMethod::Stored, CompressionMethod::Deflated] {
        let bytes = npz(&members, method);
        let path = folder.write("layers.npz", &bytes);
        let expected = Array::Single(array![[1.0, 2.0], [3.0, 4.0]]);
        assert_eq!(read_array(&path, Some("T3")).unwrap(), expected);
        assert_eq!(read_labels(&path, Some("y")).unwrap().codes(), [1, 0]);
        for key in [None, Some("T4")] {
            let message = read_array(&path, key).unwrap_err().to_string();
            assert!(message.ends_with("there are: T3, y"), "{message}");
        }
        for length in 0..bytes.len() {
            let path = folder.write("cut.npz", &bytes[..length]);
            assert!(read_array(&path, Some("T3")).is_err(), "cut to {length} bytes");
        }
    }
    let single = folder.write("one.npz", npz(&members[..1], CompressionMethod::Deflated));
    assert!(read_array(&single, None).is_ok(), "one array needs no name");
}

#[test]
fn a_damaged_bit_in_packed_data_is_noticed() {
    let folder = Folder::new();
    let values = floats(&(0..256).map(|i| i as f32).collect::<Vec<_>>());
    let array = npy("<f4", "False", "(16, 16)", &values);
    let mut bytes = npz(&[("x.npy", array.clone())], CompressionMethod::Stored);
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    assert!(read_array(&folder.write("x.npz", &bytes), None).is_err());
    let mut bytes = gzip(&array);
    let check_sum = bytes.len() - 8;
    bytes[check_sum] ^= 1;
    assert!(read_array(&folder.write("x.npy.gz", &bytes), None).is_err());
}

#[test]
fn a_packed_promise_of_terabytes_takes_no_memory() {
    let folder = Folder::new();
    let liar = npy("<f8", "False", "(1099511627776, 1)", &[0; 64]);
    for path in [
        folder.write("x.npy.gz", gzip(&liar)),
        folder.write("x.npz", npz(&[("x.npy", liar)], CompressionMethod::Deflated)),
    ] {
        let error = read_array(&path, None).unwrap_err();
        assert!(error.to_string().contains("at most"), "{error}");
    }
    let liar = gzip(&npy("<f8", "False", "(134217728, 1)", &[0; 64]));
    let error = read_array(&folder.write("y.npy.gz", liar), None).unwrap_err();
    assert!(error.to_string().contains("at most"), "{error}");
}

#[test]
fn packed_files_are_cut_at_no_byte_without_an_error() {
    let folder = Folder::new();
    let bytes = gzip(&idx(&[2, 3], &[1, 2, 3, 4, 5, 6]));
    let name = "a-features-idx2-ubyte.gz";
    let expected = Array::Single(array![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
    assert_eq!(read_array(&folder.write(name, &bytes), None).unwrap(), expected);
    for length in 0..bytes.len() {
        assert!(read_array(&folder.write(name, &bytes[..length]), None).is_err(), "cut to {length} bytes");
    }
    assert!(read_array(&folder.write(name, [&bytes[..], b"more"].concat()), None).is_err());
    assert!(read_array(&folder.write(name, gzip(&idx(&[2, 3], &[0; 7]))), None).is_err());
}

#[test]
fn safetensors_are_read_by_name() {
    let folder = Folder::new();
    let (values, labels) = (floats(&[0.5, 1.5, -2.0, 0.0]), [4u8, 9]);
    let view = |dtype, shape, data| ::safetensors::tensor::TensorView::new(dtype, shape, data).unwrap();
    let views = [
        ("x", view(::safetensors::Dtype::F32, vec![2, 2], &values[..])),
        ("y", view(::safetensors::Dtype::U8, vec![2], &labels[..])),
    ];
    let bytes = ::safetensors::serialize(views, None).unwrap();
    let path = folder.write("a.safetensors", &bytes);
    let source =
        DatasetSource::Safetensors { file: path.clone(), inputs: "x".into(), labels: "y".into(), test: None };
    let dataset = source.load(0).unwrap();
    assert_eq!(dataset.inputs.to_array(), array![[0.5, 1.5], [-2.0, 0.0]]);
    assert_eq!((dataset.labels.codes(), &dataset.name[..]), (&[0, 1][..], "a"));
    assert!(read_array(&path, None).unwrap_err().to_string().ends_with("there are: x, y"));
    for length in 0..bytes.len() {
        assert!(read_array(&folder.write("cut.safetensors", &bytes[..length]), Some("x")).is_err());
    }
    assert!(read_array(&folder.write("b.safetensors", [&bytes[..], &[0]].concat()), Some("x")).is_err());
    let promise = [&u64::MAX.to_le_bytes()[..], b"{}"].concat();
    assert!(read_array(&folder.write("c.safetensors", promise), None).is_err());
}

#[test]
fn what_is_no_file_is_named_for_what_it_is() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("a.npy")).unwrap();
    let message = |name: &str| read_array(&folder.path(name), None).unwrap_err().to_string();
    assert!(message("a.npy").contains("a.npy is a directory; allowed is a file"));
    assert!(message("missing.npy").contains("missing.npy: "));
    let unknown = folder.write("weights.bin", b"\x80\x04weights");
    assert!(matches!(read_array(&unknown, None), Err(DatasetError::UnknownFormat { .. })));
    for name in ["e.npy", "e.npz", "e.mat", "e.csv", "e.safetensors", "e-idx1-ubyte", "e.npy.gz"] {
        let path = folder.write(name, []);
        assert!(read_array(&path, None).unwrap_err().to_string().contains(name));
        assert!(read_labels(&path, None).unwrap_err().to_string().contains(name));
    }
    let not_a_directory = folder.write("file", []);
    assert!(matches!(mnist(&not_a_directory), Err(DatasetError::FileType { .. })));
}

#[cfg(unix)]
#[test]
fn devices_are_refused_before_they_are_read() {
    let message = read_array(Path::new("/dev/zero"), None).unwrap_err().to_string();
    assert!(message.contains("a device or a pipe"), "{message}");
}

#[test]
fn the_format_is_told_by_the_first_bytes_if_the_name_is_silent() {
    let folder = Folder::new();
    let array = npy("|u1", "False", "(2,)", &[1, 2]);
    let expected = read_array(&folder.write("a.npy", &array), None).unwrap();
    assert_eq!(read_array(&folder.write("one", &array), None).unwrap(), expected);
    assert_eq!(read_array(&folder.write("two", idx(&[2], &[1, 2])), None).unwrap(), expected);
    let archive = npz(&[("x.npy", array)], CompressionMethod::Stored);
    assert_eq!(read_array(&folder.write("three", archive), None).unwrap(), expected);
}

#[test]
fn labels_that_do_not_match_are_refused_with_both_numbers() {
    let folder = Folder::new();
    let inputs = folder.write("x.npy", npy("|u1", "False", "(3, 1)", &[1, 2, 3]));
    let labels = folder.write("y.npy", npy("|u1", "False", "(2,)", &[0, 1]));
    let error = DatasetSource::Npy { inputs, labels, test: None }.load(0).unwrap_err();
    assert!(matches!(error, DatasetError::LabelMismatch { n_samples: 3, n_labels: 2, .. }));
    let message = error.to_string();
    assert!(message.contains("2 labels in") && message.contains("3 inputs in"), "{message}");
    folder.write("images-idx3-ubyte", idx(&[2, 1, 2], &[0; 4]));
    folder.write("labels-idx1-ubyte", idx(&[1], &[0]));
    let error = idx_directory(folder.0.path(), None, None).unwrap_err();
    assert!(matches!(error, DatasetError::LabelMismatch { n_samples: 2, n_labels: 1, .. }));
}

#[test]
fn one_class_is_a_data_set_without_information() {
    let folder = Folder::new();
    let path = folder.write("a.csv", "x,y\n1,0\n2,0\n");
    let dataset = DatasetSource::Csv {
        file: path,
        label: None,
        header: None,
        inputs: None,
        missing: Missing::Refuse,
        test: None,
    }
    .load(0)
    .unwrap();
    assert_eq!((dataset.labels.n_labels(), dataset.labels.entropy().nats()), (1, 0.0));
    assert_eq!(dataset.label_information().nats(), 0.0);
}

#[test]
fn csv_columns_are_chosen_by_name_and_number() {
    let folder = Folder::new();
    let path = folder.write("a.csv", "a,b,class\n1,2,cat\n3,4,dog\n");
    let label = Column::Name("class".into());
    let dataset = csv(&path, None, Some(&label)).unwrap();
    assert_eq!(dataset.inputs.to_array(), array![[1.0, 2.0], [3.0, 4.0]]);
    assert_eq!(read_array(&path, Some("b")).unwrap(), Array::Double(array![[2.0], [4.0]]));
    assert_eq!(read_labels(&path, Some("0")).unwrap().codes(), [0, 1]);
    let message = read_array(&path, None).unwrap_err().to_string();
    assert!(message.contains("line 2, column class is \"cat\""), "{message}");
    let tabs = folder.write("b.tsv", "1\t2\n3\t4\n");
    assert_eq!(read_array(&tabs, None).unwrap(), Array::Double(array![[1.0, 2.0], [3.0, 4.0]]));
    let only_labels = folder.write("c.csv", "1\n0\n");
    assert!(matches!(csv(&only_labels, None, None), Err(DatasetError::Empty { .. })));
}

#[test]
fn training_and_test_pairs_become_one_data_set_with_its_split() {
    let folder = Folder::new();
    folder.write("set-train-images-idx3-ubyte", idx(&[2, 1, 2], &[0, 255, 51, 102]));
    folder.write("set-train-labels-idx1-ubyte.gz", gzip(&idx(&[2], &[7, 3])));
    folder.write("set-t10k-images-idx3-ubyte", idx(&[1, 1, 2], &[255, 0]));
    folder.write("set-t10k-labels-idx1-ubyte", idx(&[1], &[7]));
    folder.write("README.md", "");
    let dataset = idx_directory(folder.0.path(), None, None).unwrap();
    assert_eq!(dataset.inputs.to_array(), array![[0.0, 1.0], [51.0 / 255.0, 102.0 / 255.0], [1.0, 0.0]]);
    assert!(dataset.inputs.as_single().is_none(), "bytes stay bytes");
    assert_eq!((&dataset.name[..], dataset.labels.codes()), ("set", &[1, 0, 1][..]));
    let split = dataset.split_rows(SplitRule::AsGiven {}, 0).unwrap();
    assert_eq!((split.train, split.test), (vec![0, 1], vec![2]));
    let raw = idx_directory(folder.0.path(), Some("set"), Some(1.0)).unwrap();
    assert_eq!(raw.inputs.value(1, 0), 51.0);
    assert!(matches!(mnist(folder.0.path()), Err(DatasetError::Directory { .. })));
    for divisor in [0.0, -1.0, 1e-30, f32::NAN, f32::INFINITY] {
        assert!(matches!(
            idx_directory(folder.0.path(), None, Some(divisor)),
            Err(DatasetError::Setting { .. })
        ));
    }

    folder.write("other-images-idx3-ubyte", idx(&[1, 1, 1], &[0]));
    let message = idx_directory(folder.0.path(), None, None).unwrap_err().to_string();
    assert!(message.contains("other, set"), "{message}");
    let message = idx_directory(folder.0.path(), Some("other"), None).unwrap_err().to_string();
    assert!(message.contains("lacks images or labels"), "{message}");
    let message = idx_directory(folder.0.path(), Some("third"), None).unwrap_err().to_string();
    assert!(message.contains("third"), "{message}");
}

/// A data set as a table of a configuration file says it.
fn load(folder: &Folder, source: &str) -> Result<Dataset, DatasetError> {
    toml::from_str::<DatasetSource>(source).unwrap().relative_to(folder.0.path()).load(0)
}

#[test]
fn a_given_test_set_follows_the_training_rows_in_every_format() {
    let folder = Folder::new();
    let array = |shape: &str, bytes: &[u8]| npy("|u1", "False", shape, bytes);
    let (x, y) = (array("(3, 1, 2)", &[0, 1, 2, 3, 4, 5]), array("(3,)", &[7, 3, 7]));
    let (u, v) = (array("(2, 1, 2)", &[6, 7, 8, 9]), array("(2,)", &[3, 7]));
    // As Keras writes mnist.npz, and as two files with the same names.
    let members = [("x_train.npy", &x), ("y_train.npy", &y), ("x_test.npy", &u), ("y_test.npy", &v)];
    folder.write(
        "mnist.npz",
        npz(&members.map(|(name, bytes)| (name, bytes.clone())), CompressionMethod::Deflated),
    );
    for (name, x, y) in [("train", &x, &y), ("test", &u, &v)] {
        let members = [("x.npy", x.clone()), ("y.npy", y.clone())];
        folder.write(&format!("{name}.npz"), npz(&members, CompressionMethod::Stored));
        folder.write(&format!("x_{name}.npy"), x);
        folder.write(&format!("y_{name}.npy"), y);
    }
    folder.write("train.csv", "a,b,class\n0,1,7\n2,3,3\n4,5,7\n");
    folder.write("test.csv", "a,b,class\n6,7,3\n8,9,7\n");
    folder.write("turned.csv", "b,class,a\n7,3,6\n9,7,8\n");
    let turned = "kind = 'csv'\nfile = 'train.csv'\nlabel = 'class'\ntest = { file = 'turned.csv' }";
    for source in [
        "kind = 'npz'\nfile = 'mnist.npz'\ninputs = 'x_train'\nlabels = 'y_train'\n\
         test = { inputs = 'x_test', labels = 'y_test' }",
        "kind = 'npz'\nfile = 'train.npz'\ntest = { file = 'test.npz' }",
        "kind = 'npy'\ninputs = 'x_train.npy'\nlabels = 'y_train.npy'\n\
         test = { inputs = 'x_test.npy', labels = 'y_test.npy' }",
        "kind = 'csv'\nfile = 'train.csv'\ntest = { file = 'test.csv' }",
        &format!("{turned}\ninputs = ['a', 'b']"),
    ] {
        let dataset = load(&folder, source).unwrap();
        let rows = array![[0.0, 1.0], [2.0, 3.0], [4.0, 5.0], [6.0, 7.0], [8.0, 9.0]];
        assert_eq!(
            (&dataset.inputs.to_array(), dataset.labels.codes()),
            (&rows, &[1, 0, 1, 0, 1][..]),
            "{source}"
        );
        let split = dataset.split_rows(SplitRule::AsGiven {}, 0).unwrap();
        assert_eq!((split.train, split.test), (vec![0, 1, 2], vec![3, 4]));
    }
    let message = |source: &str| load(&folder, source).unwrap_err().to_string();
    let columns = message(turned);
    assert!(
        columns.contains("turned.csv: the columns are b, a, but those of the training file"),
        "{columns}"
    );
    assert!(
        columns.contains("train.csv are a, b; name the columns that are inputs (inputs = ["),
        "{columns}"
    );
    // Without its names, as people first write it.
    let unnamed =
        message("kind = 'npz'\nfile = 'mnist.npz'\ntest = { inputs = 'x_test', labels = 'y_test' }");
    let expected = "nothing is called \"x\"; there are: x_test, x_train, y_test, y_train";
    assert!(unnamed.ends_with(expected), "{unnamed}");
    let misspelt = message(
        "kind = 'npz'\nfile = 'mnist.npz'\ninputs = 'x_train'\nlabels = 'y_train'\n\
         test = { inputs = 'xtest', labels = 'y_test' }",
    );
    assert!(misspelt.contains("nothing is called \"xtest\" (did you mean \"x_test\"?)"), "{misspelt}");
    let column = message("kind = 'csv'\nfile = 'train.csv'\nlabel = 'clas'");
    assert!(
        column.contains("nothing is called \"clas\" (did you mean \"class\"?); there are: a, b, class"),
        "{column}"
    );
    let same = message("kind = 'npz'\nfile = 'train.npz'\ntest = { inputs = 'x_test' }");
    assert!(same.contains("dataset.source.test"), "{same}");
    let short = message(
        "kind = 'npy'\ninputs = 'x_train.npy'\nlabels = 'y_train.npy'\n\
        test = { inputs = 'x_test.npy', labels = 'y_train.npy' }",
    );
    assert!(short.contains("3 labels in") && short.contains("2 inputs in"), "{short}");
    folder.write("narrow.npy", array("(2, 1)", &[1, 2]));
    let narrow = message(
        "kind = 'npy'\ninputs = 'x_train.npy'\nlabels = 'y_train.npy'\n\
        test = { inputs = 'narrow.npy', labels = 'y_test.npy' }",
    );
    assert!(narrow.contains("narrow.npy: the number of values per sample is 1, but that of"), "{narrow}");
    assert!(narrow.contains("x_train.npy is 2;"), "{narrow}");
    folder.write("nan.npy", npy("<f4", "False", "(2, 2)", &floats(&[0.0, 1.0, f32::NAN, 2.0])));
    let nan = message(
        "kind = 'npy'\ninputs = 'x_train.npy'\nlabels = 'y_train.npy'\n\
        test = { inputs = 'nan.npy', labels = 'y_test.npy' }",
    );
    assert!(nan.contains("nan.npy: NaN at row 1, column 0"), "{nan}");
    folder.write("text.npy", npy("|S3", "False", "(2,)", b"dogcat"));
    let text = message(
        "kind = 'npy'\ninputs = 'x_train.npy'\nlabels = 'y_train.npy'\n\
        test = { inputs = 'x_test.npy', labels = 'text.npy' }",
    );
    assert!(text.contains("text.npy: elements are text; allowed are numbers, as the labels"), "{text}");
    assert!(message("kind = 'csv'\nfile = 'train.csv'\ninputs = []").contains("inputs = []"));
}

#[test]
fn color_images_with_a_column_of_labels_are_read_as_keras_writes_them() {
    let folder = Folder::new();
    let bytes: Vec<u8> = (0..36).collect();
    let images = |shape: &str, n: usize| npy("|u1", "False", shape, &bytes[..12 * n]);
    // The labels of cifar10.load_data(): (n, 1), bytes or 64-bit integers.
    for (descr, wide) in [("|u1", 1), ("<i8", 8)] {
        let labels = |classes: &[u8]| {
            let values = classes.iter().flat_map(|&class| {
                let mut value = vec![0; wide];
                value[0] = class;
                value
            });
            npy(descr, "False", &format!("({}, 1)", classes.len()), &values.collect::<Vec<u8>>())
        };
        let members = [
            ("x_train.npy", images("(3, 2, 2, 3)", 3)),
            ("y_train.npy", labels(&[6, 9, 6])),
            ("x_test.npy", images("(2, 2, 2, 3)", 2)),
            ("y_test.npy", labels(&[9, 6])),
        ];
        folder.write("cifar.npz", npz(&members, CompressionMethod::Deflated));
        let dataset = load(
            &folder,
            "kind = 'npz'\nfile = 'cifar.npz'\ninputs = 'x_train'\nlabels = 'y_train'\n\
             test = { inputs = 'x_test', labels = 'y_test' }",
        )
        .unwrap();
        assert_eq!(dataset.inputs.dim(), (5, 12));
        assert_eq!((dataset.inputs.value(2, 11), dataset.inputs.value(3, 0)), (35.0, 0.0));
        assert_eq!(dataset.labels.codes(), [0, 1, 0, 1, 0]);
        let split = dataset.split_rows(SplitRule::AsGiven {}, 0).unwrap();
        assert_eq!((split.train, split.test), (vec![0, 1, 2], vec![3, 4]));
    }
}

#[test]
fn images_in_arrays_become_rows() {
    let folder = Folder::new();
    let members = [
        ("x.npy", npy("|u1", "False", "(2, 2, 2)", &[1, 2, 3, 4, 5, 6, 7, 8])),
        ("y.npy", npy("|u1", "False", "(2,)", &[0, 1])),
    ];
    let file = folder.write("a.npz", npz(&members, CompressionMethod::Deflated));
    let source = DatasetSource::Npz { file, inputs: "x".into(), labels: "y".into(), test: None };
    assert_eq!(source.load(0).unwrap().inputs.to_array(), array![[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]]);
}

/// One value per byte, as activations of a convolution, written by every format that keeps axes.
fn feature_maps(folder: &Folder) -> Vec<(PathBuf, Option<&'static str>)> {
    let bytes: Vec<u8> = (0..24).collect();
    let array = npy("|u1", "False", "(2, 3, 2, 2)", &bytes);
    // In column-major order the first index runs fastest.
    let at = |index: usize| {
        let (n, rest) = (index % 2, index / 2);
        let (c, rest) = (rest % 3, rest / 3);
        (n * 12 + c * 4 + (rest % 2) * 2 + rest / 2) as u8
    };
    let turned: Vec<u8> = (0..24).map(at).collect();
    let view = ::safetensors::tensor::TensorView::new(::safetensors::Dtype::U8, vec![2, 3, 2, 2], &bytes);
    let other = ::safetensors::tensor::TensorView::new(::safetensors::Dtype::U8, vec![1], &bytes[..1]);
    let views = [("conv/1", view.unwrap()), ("y", other.unwrap())];
    let members = [("conv/1.npy", array.clone()), ("y.npy", npy("|u1", "False", "(1,)", &[0]))];
    vec![
        (folder.write("a.npy", &array), None),
        (folder.write("b.npy", npy("|u1", "True", "(2, 3, 2, 2)", &turned)), None),
        (folder.write("c.npy.gz", gzip(&array)), None),
        (folder.write("d.npz", npz(&members, CompressionMethod::Stored)), Some("conv/1")),
        (folder.write("e.npz", npz(&members, CompressionMethod::Deflated)), Some("conv/1")),
        (folder.write("f.safetensors", ::safetensors::serialize(views, None).unwrap()), Some("conv/1")),
        (folder.write("g-idx4-ubyte", idx(&[2, 3, 2, 2], &bytes)), None),
    ]
}

#[test]
fn all_axes_are_kept_in_row_major_order() {
    let folder = Folder::new();
    let expected = SampleTensor { shape: vec![2, 3, 2, 2], values: (0..24u8).map(f32::from).collect() };
    assert_eq!((expected.n_samples(), expected.values_per_sample()), (2, 12));
    for (path, name) in feature_maps(&folder) {
        assert_eq!(read_tensor(&path, name).unwrap(), expected, "{}", path.display());
        let mut file = ArrayFile::open(&path).unwrap();
        let arrays = file.arrays().unwrap();
        let first = arrays.iter().find(|array| array.name == name.unwrap_or("")).unwrap();
        assert_eq!((&first.shape, first.element), (&expected.shape, Some(ElementType::U8)));
        assert_eq!(arrays.len(), if name.is_some() { 2 } else { 1 });
        // The same file again and again, and a name that is not there in between.
        for _ in 0..2 {
            assert!(matches!(file.read(Some("conv/2")), Err(DatasetError::Key { .. })));
            assert_eq!(file.read(name).unwrap(), expected);
        }
    }
}

#[test]
fn every_type_of_numbers_becomes_single_precision_and_nan_is_kept() {
    let folder = Folder::new();
    let read = |descr: &str, bytes: Vec<u8>| {
        let n = bytes.len() / descr[2..].parse::<usize>().unwrap();
        read_tensor(&folder.write("t.npy", npy(descr, "False", &format!("({n}, 1)"), &bytes)), None)
    };
    assert_eq!(read("|b1", vec![0, 1]).unwrap().values, [0.0, 1.0]);
    assert_eq!(read("<f2", vec![0, 0x3c, 0, 0xc0]).unwrap().values, [1.0, -2.0]);
    assert_eq!(read("<i8", (-70_001i64).to_le_bytes().to_vec()).unwrap().values, [-70_001.0]);
    assert_eq!(read("<f8", 0.1f64.to_le_bytes().to_vec()).unwrap().values, [0.1f32]);
    let odd = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1.0];
    for values in [
        read("<f8", odd.map(f64::to_le_bytes).concat()).unwrap().values,
        read("<f4", floats(&odd.map(|value| value as f32))).unwrap().values,
    ] {
        assert!(values[0].is_nan());
        assert_eq!(values[1..], [f32::INFINITY, f32::NEG_INFINITY, 1.0]);
    }
    let error = read("<f8", [0.0, 1e300].map(f64::to_le_bytes).concat()).unwrap_err();
    assert!(matches!(error, DatasetError::Overflow { row: 1, column: 0, .. }), "{error}");
}

#[test]
fn a_table_of_text_is_listed_and_its_numbers_are_read() {
    let folder = Folder::new();
    let path = folder.write("a.csv", "u1,u2\n1,2\n3,nan\n5,6\n");
    let info = |shape: &[usize], element| ArrayInfo { name: String::new(), shape: shape.to_vec(), element };
    assert_eq!(list_arrays(&path).unwrap(), [info(&[3, 2], Some(ElementType::F64))]);
    assert_eq!(read_tensor(&path, Some("u1")).unwrap().values, [1.0, 3.0, 5.0]);
    let path = folder.write("b.csv", "1,cat\n3,dog\n");
    assert_eq!(list_arrays(&path).unwrap(), [info(&[2, 2], None)]);
    assert!(matches!(read_tensor(&path, None), Err(DatasetError::NotANumber { .. })));
}

#[test]
fn variables_of_a_mat_file_are_listed_and_turned() {
    let Some(file) = shared("tishby/var_u.mat") else { return };
    let mut mat = ArrayFile::open(&file).unwrap();
    let arrays = mat.arrays().unwrap();
    let inputs = arrays.iter().find(|array| array.name == "F").unwrap();
    assert_eq!((&inputs.shape[..], inputs.element.is_some()), (&[4096, 12][..], true));
    let (tensor, Array::Single(rows)) = (mat.read(Some("F")).unwrap(), read_array(&file, Some("F")).unwrap())
    else {
        panic!("the patterns are bytes")
    };
    assert_eq!(tensor.values, rows.into_raw_vec_and_offset().0);
}

#[test]
fn a_file_that_is_cut_anywhere_says_that_it_is_not_complete() {
    let folder = Folder::new();
    for (path, name) in feature_maps(&folder) {
        let bytes = std::fs::read(&path).unwrap();
        let file_name = path.file_name().unwrap().to_str().unwrap();
        for length in 0..bytes.len() {
            let cut = folder.write(&format!("cut-{file_name}"), &bytes[..length]);
            let error = read_tensor(&cut, name).unwrap_err();
            assert!(error.is_truncated(), "{file_name} cut to {length} bytes: {error}");
            let listed = list_arrays(&cut);
            assert!(
                listed.as_ref().map_or_else(DatasetError::is_truncated, |_| name.is_none()),
                "{listed:?}"
            );
        }
        // More of it would not help a file that is damaged; what follows gzip's end is taken for a second part of it.
        if file_name.ends_with(".gz") {
            continue;
        }
        let damaged = folder.write(&format!("damaged-{file_name}"), [&bytes[..], b"more"].concat());
        if let Err(error) = read_tensor(&damaged, name) {
            assert!(!error.is_truncated(), "{file_name}: {error}");
        }
    }
    let path = folder.write("a.csv", "1,2\n3,4\n5");
    assert!(read_tensor(&path, None).unwrap_err().is_truncated());
    let path = folder.write("a.csv", "1,2\n3\n5,6\n");
    assert!(!read_tensor(&path, None).unwrap_err().is_truncated());
    assert!(!read_tensor(&folder.path("missing.npy"), None).unwrap_err().is_truncated());
}

#[test]
fn text_of_numpy_is_labels_and_no_activations() {
    let folder = Folder::new();
    let wide = |texts: &[&str], big: bool| -> Vec<u8> {
        let padded = texts.iter().flat_map(|text| text.chars().chain("\0\0\0\0\0".chars()).take(4));
        let bytes = |c: char| if big { u32::from(c).to_be_bytes() } else { u32::from(c).to_le_bytes() };
        padded.flat_map(bytes).collect()
    };
    let animals = ["dog", "cät", "dog", "ox"];
    let little = npy("<U4", "False", "(4,)", &wide(&animals, false));
    let big = npy(">U4", "False", "(4, 1)", &wide(&animals, true));
    let bytes = npy("|S3", "False", "(4,)", b"dogcatdogox\0");
    let members = [("y.npy", little.clone()), ("x.npy", npy("|u1", "False", "(4,)", &[0; 4]))];
    for (path, name) in [
        (folder.write("a.npy", &little), None),
        (folder.write("b.npy", &big), None),
        (folder.write("c.npy", &bytes), None),
        (folder.write("d.npz", npz(&members, CompressionMethod::Deflated)), Some("y")),
    ] {
        assert_eq!(read_labels(&path, name).unwrap().codes(), [1, 0, 1, 2], "{}", path.display());
        assert_eq!(read_symbols(&path, name).unwrap().n_labels(), 3);
        assert!(matches!(read_tensor(&path, name), Err(DatasetError::ElementType { .. })));
        let element = list_arrays(&path).unwrap()[0].element;
        assert_eq!(element, None);
    }
    // As in a table, integers are in the order of integers, and fractions are no classes.
    let numbers = folder.write("n.npy", npy("|S2", "False", "(3,)", b"109\09\0"));
    assert_eq!(read_labels(&numbers, None).unwrap().codes(), [1, 0, 0]);
    let error = |descr: &str, shape: &str, bytes: &[u8]| {
        let path = folder.write("e.npy", npy(descr, "False", shape, bytes));
        read_labels(&path, None).unwrap_err().to_string()
    };
    assert!(error("|S3", "(3,)", b"1\0\x001\0\x000.5").contains("row 2 (from 0) is 0.5"));
    assert!(error("|S1", "(2,)", b"a\0").contains("row 1 (from 0) is empty"));
    assert!(error("|S1", "(2, 2)", b"abcd").contains("(2, 2)"));
    assert!(error("|S1", "(1,)", &[0xff]).contains("element 0 (from 0) is not Unicode text"));
    assert!(error("<U1", "(1,)", &[0, 0, 0x11, 0]).contains("not Unicode text"));
    assert!(error("|S0", "(18446744073709551615,)", b"").contains("no characters"));
    assert!(error("<U4", "(1099511627776,)", &[0; 16]).contains("promises"));
    assert!(error("<U99999999999999999999", "(1,)", b"").contains("<U99999"));
}

#[test]
fn a_name_after_a_colon_is_an_array_unless_it_is_the_file() {
    let folder = Folder::new();
    let path = folder.write("a.npz", "").display().to_string();
    assert_eq!(file_and_name(&path), (path.clone().into(), None));
    assert_eq!(file_and_name(&format!("{path}:T3")), (path.clone().into(), Some("T3".into())));
    assert_eq!(file_and_name(&format!("{path}:epoch:3")), (path.clone().into(), Some("epoch:3".into())));
    assert_eq!(file_and_name("none.npz:y"), ("none.npz".into(), Some("y".into())));
    assert_eq!(file_and_name("none.npz:"), ("none.npz:".into(), None));
    assert_eq!(file_and_name(":y"), (":y".into(), None));
}

proptest! {
    #[test]
    fn arbitrary_files_never_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        valid in 0usize..5,
        at in any::<prop::sample::Index>(),
    ) {
        let folder = Folder::new();
        let array = npy("<f4", "False", "(2, 2)", &floats(&[1.0, 2.0, 3.0, 4.0]));
        // Noise, and noise overwriting a part of a whole file.
        let mut whole = match valid {
            0 => array.clone(),
            1 => npz(&[("x.npy", array.clone())], CompressionMethod::Deflated),
            2 => npz(&[("x.npy", array.clone())], CompressionMethod::Stored),
            3 => gzip(&array),
            _ => idx(&[2, 2], &[1, 2, 3, 4]),
        };
        let start = at.index(whole.len());
        for (byte, noise) in whole[start..].iter_mut().zip(bytes.iter().take(4)) {
            *byte = *noise;
        }
        for bytes in [&bytes, &whole] {
            for name in ["a.npy", "a.npz", "a.mat", "a.csv", "a.safetensors", "a-idx2-ubyte", "a"] {
                let path = folder.write(name, bytes);
                let _ = read_array(&path, None);
                let _ = read_labels(&path, None);
                let _ = read_array(&path, Some("x"));
                let _ = list_arrays(&path);
                let _ = read_tensor(&path, None);
            }
        }
    }

    #[test]
    fn arrays_come_back_as_they_were_written(
        rows in 1usize..8,
        columns in 1usize..8,
        seed in any::<u32>(),
        fortran in any::<bool>(),
    ) {
        let value = |row: usize, column: usize| {
            f32::from_bits((seed ^ (row * 8 + column) as u32).wrapping_mul(0x9e37_79b9) & 0xbfff_ffff)
        };
        let mut values = Vec::new();
        for index in 0..rows * columns {
            let (row, column) = if fortran { (index % rows, index / rows) } else { (index / columns, index % columns) };
            values.push(value(row, column));
        }
        let order = if fortran { "True" } else { "False" };
        let folder = Folder::new();
        let path = folder.write("t.npy", npy("<f4", order, &format!("({rows}, {columns})"), &floats(&values)));
        let expected = Array2::from_shape_fn((rows, columns), |(row, column)| value(row, column));
        let expected = if rows == 1 { expected.t().as_standard_layout().into_owned() } else { expected };
        prop_assert_eq!(read_array(&path, None).unwrap(), Array::Single(expected));
    }
}

/// Data that lie beside a checkout on some machines.
fn shared(path: &str) -> Option<PathBuf> {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")).join(path);
    if !path.exists() {
        eprintln!("skipped: {} is not here", path.display());
        return None;
    }
    Some(path)
}

#[test]
fn the_authors_own_task_has_the_known_balance() {
    let Some(file) = shared("tishby/var_u.mat") else { return };
    let source =
        DatasetSource::Mat { file: file.clone(), inputs: "F".into(), labels: "y".into(), test: None };
    let dataset = source.load(0).unwrap();
    assert_eq!(dataset.inputs.dim(), (4096, 12));
    assert_eq!(dataset.labels.counts(), [4096 - 2118, 2118]);
    assert!((dataset.labels.entropy().bits() - 0.999157).abs() < 5e-7);
    assert!((dataset.label_information().bits() - 0.999157).abs() < 5e-7);
    let rule = SplitRule::Unshuffled { train_fraction: 0.8 };
    let split = dataset.split_rows(rule, 0).unwrap();
    let share = |rows: &[usize]| {
        rows.iter().map(|&row| dataset.labels.codes()[row]).sum::<u32>() as f64 / rows.len() as f64
    };
    assert!((share(&split.train) - 0.437).abs() < 5e-4);
    assert!((share(&split.test) - 0.836).abs() < 5e-4);
    let shuffled = dataset.split_rows(SplitRule::Shuffled { train_fraction: 0.8 }, 0).unwrap();
    assert!((share(&shuffled.train) - 0.517).abs() < 0.03);

    // The same patterns, in the same order, as the generated task and as the IDX copy.
    let generated = DatasetSource::Symmetric12 { gain: None, repeats: 1 }.load(0).unwrap();
    assert_eq!(dataset.inputs, generated.inputs);
    let idx = idx_directory(file.parent().unwrap(), None, None).unwrap();
    assert_eq!((&idx.inputs, &idx.labels), (&dataset.inputs, &dataset.labels));
    assert_eq!(idx.digest(), dataset.digest());
}

#[test]
fn mnist_has_its_seventy_thousand_images() {
    let Some(directory) = shared("mnist") else { return };
    let dataset = DatasetSource::Mnist { directory }.load(0).unwrap();
    assert_eq!(dataset.inputs.dim(), (70_000, 784));
    let split = dataset.split.unwrap();
    assert_eq!((split.train.len(), split.test.len(), split.test[0]), (60_000, 10_000, 60_000));
    assert_eq!(dataset.labels.n_labels(), 10);
    assert_eq!(dataset.labels.codes()[..5], [5, 0, 4, 1, 9]);
    assert_eq!(dataset.inputs.to_array().iter().fold(0.0f32, |max, &value| max.max(value)), 1.0);
}

#[test]
fn golden_activations_and_labels_are_read_from_an_archive() {
    let Some(path) = shared("golden/tanh4096.npz") else { return };
    for (layer, width) in [10, 7, 5, 4, 3, 2].into_iter().enumerate() {
        let array = read_array(&path, Some(&format!("T{layer}"))).unwrap();
        assert!(matches!(array, Array::Single(_)));
        assert_eq!((array.n_samples(), array.width()), (4096, width));
    }
    assert_eq!(read_labels(&path, Some("y")).unwrap().counts(), [4096 - 2118, 2118]);
}

#[test]
fn digits_are_divided_by_sixteen_on_request() {
    let Some(directory) = shared("digits") else { return };
    let source = DatasetSource::Idx { directory, name: None, divide_by: Some(16.0) };
    let dataset = source.load(0).unwrap();
    assert_eq!(dataset.inputs.dim(), (1797, 64));
    assert_eq!(dataset.inputs.to_array().iter().fold(0.0f32, |max, &value| max.max(value)), 1.0);
    assert_eq!(dataset.labels.n_labels(), 10);
}
