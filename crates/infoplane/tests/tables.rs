//! Tables and arrays as other programs write them: `tables/make.py` made them, all of the same twelve rows.

use std::path::{Path, PathBuf};

use infoplane::dataset::read::{Array, Column, Except, Missing, Reader, Samples, read_array, read_labels};
use infoplane::dataset::{DatasetError, DatasetSource};
use infoplane::{Labels, Variable};

const A: [f64; 12] = [0.5, -0.25, 2.0, 1.75, -3.5, 0.05, 4.25, -0.75, 1.5, 2.25, -1.0, 0.125];
const B: [f64; 12] = [7.0, 3.5, -0.5, 0.25, 12.5, -8.0, 1.25, 6.75, -2.5, 0.75, 5.5, -4.25];
const Y: [u32; 12] = [0, 1, 1, 0, 2, 0, 1, 2, 0, 1, 2, 0];
/// Y as the texts of the column `group` are ordered: ctl, "hi, there" and trt.
const GROUP: [u32; 12] = [0, 2, 2, 0, 1, 0, 2, 1, 0, 2, 1, 0];

fn path(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tables").join(file)
}

fn columns(array: &Array) -> Vec<Vec<f64>> {
    let variable = array.variable();
    (0..variable.width()).map(|column| variable.column(column)).collect()
}

fn y() -> Vec<f64> {
    Y.map(f64::from).to_vec()
}

fn big() -> Vec<f64> {
    A.map(|a| f64::from(u8::from(a > 1.0))).to_vec()
}

#[test]
fn numbers_are_read_however_they_are_written() {
    let (a, b) = (A.to_vec(), B.to_vec());
    let two = vec![a.clone(), b.clone()];
    let three = vec![a.clone(), b.clone(), y()];
    let named = [
        "pandas-index.csv",
        "pandas.csv",
        "pandas-bom.csv",
        "pandas-utf16.csv",
        "pandas-quoted.csv",
        "pandas-tabs.csv",
        "pandas-crlf.csv",
        "pandas-european.csv",
        "pandas-european-index.csv",
        "pandas.csv.gz",
        "pandas.csv.zip",
        "pandas-shuffled.csv",
        "pandas-unnamed.csv",
        "pandas-twice.csv",
        "r-csv.csv",
        "r-csv-no-names.csv",
        "r-csv2.csv",
        "r-table.txt",
        "sheet-european.csv",
        "sheet-sep.csv",
        "sheet-unicode.txt",
        "matlab-writetable.csv",
    ];
    // All of them hold a column of text, which is named where numbers are wanted.
    for file in named {
        let error = read_array(&path(file), None).unwrap_err();
        assert!(
            matches!(&error, DatasetError::NotANumber { column, .. } if column == "group"),
            "{file}: {error}"
        );
        assert!(error.to_string().contains("a, b, y)"), "{file}: {error}");
        let except = |name: &str| Except { column: Column::Name(name.into()), reason: "--except".into() };
        let mut reader = Reader { except: vec![except("group")], ..Reader::default() };
        if file == "pandas-unnamed.csv" {
            reader.except.push(except("index"));
        }
        let samples = reader.array(&path(file), None).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(columns(&samples.values), three, "{file}");
        assert_eq!(samples.reading.columns, ["a", "b", "y"], "{file}");
    }
    let cases = [
        ("sheet-windows.csv", Some("größe,b"), &two),
        ("pandas-headerless.csv", Some("0-2"), &three),
        ("pandas-headerless.csv", Some("0,1"), &two),
        ("pandas-numbered.csv", None, &vec![a.clone(), b.clone(), a.clone()]),
        ("pandas-numbered-index.csv", None, &two),
        ("pandas-numbered-index.csv", Some("0,1"), &two),
        ("pandas-european-one.csv", None, &vec![a.clone()]),
        ("pandas-european-one-headerless.csv", None, &vec![a.clone()]),
        ("pandas-bool.csv", None, &vec![a.clone(), big()]),
        ("r-logical.csv", None, &vec![a.clone(), big()]),
        ("numpy.txt", None, &two),
        ("numpy.dat", None, &two),
        ("numpy.csv", None, &two),
        ("numpy.tsv", None, &two),
        ("numpy-names.csv", Some("a,b"), &two),
        ("numpy-names.txt", Some("a,b"), &two),
        ("numpy-comments.csv", Some("a,b"), &two),
        ("numpy-comments.csv", None, &two),
        ("numpy-row.csv", None, &vec![a.clone()]),
        ("numpy-row.npy", None, &vec![a.clone()]),
        ("numpy-cube.npy", None, &two),
        ("numpy-names.npz", Some("layer/conv:0"), &two),
        ("numpy-names.npz", Some("a,b"), &vec![a.clone()]),
        ("numpy-names.npz", Some("größe 1"), &vec![b.clone()]),
        ("numpy-names.npz", Some("x.npy"), &vec![y()]),
        ("r-table-plain.txt", None, &three),
        ("r-table-tabs.txt", None, &three),
        ("sheet-macintosh.csv", None, &three),
        ("sheet-trailing.csv", None, &three),
        ("sheet-blank-lines.csv", None, &three),
        ("matlab-ascii.txt", None, &two),
        ("matlab.mat", Some("T"), &two),
        ("matlab.mat", Some("row"), &vec![a.clone()]),
        ("matlab.mat", Some("cube"), &two),
    ];
    for (file, key, expected) in cases {
        let array = read_array(&path(file), key).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(&columns(&array), expected, "{file}:{key:?}");
    }
}

#[test]
fn labels_are_read_however_they_are_written() {
    for (file, key, expected) in [
        ("pandas.csv", None, GROUP),
        ("pandas-index.csv", Some("group"), GROUP),
        ("pandas-index.csv", Some("y"), Y),
        ("pandas-series.csv", None, Y),
        ("pandas-one-hot.csv", None, Y),
        ("pandas-one-hot-bool.csv", None, Y),
        ("pandas-one-hot.csv", Some("u,v,w"), [0; 12]),
        ("numpy-labels.txt", None, Y),
        ("numpy-labels-float.txt", None, Y),
        ("numpy-row-labels.csv", None, Y),
        ("numpy-text.npy", None, GROUP),
        ("matlab.mat", Some("y"), Y),
        ("matlab.mat", Some("logical"), Y.map(|y| u32::from(y > 0))),
        ("r-csv.csv", Some("group"), GROUP),
        ("r-table.txt", None, GROUP),
        ("sheet-unicode.txt", None, GROUP),
    ] {
        let labels = read_labels(&path(file), key).unwrap_or_else(|error| panic!("{error}"));
        if key == Some("u,v,w") {
            // Combinations of columns: as many classes, numbered otherwise.
            assert_eq!(labels.entropy(), Labels::from_symbols(&Y).entropy());
            continue;
        }
        assert_eq!(labels.codes(), expected, "{file}:{key:?}");
    }
}

#[test]
fn what_is_missing_is_refused_or_left_out_or_a_class() {
    for file in ["pandas-missing.csv", "pandas-missing-na.csv", "r-missing.csv"] {
        let error = read_array(&path(file), Some("a")).unwrap_err();
        assert!(matches!(error, DatasetError::Missing { rows: 2, of: 12, line: 4, .. }), "{error}");
        let reader = |missing| Reader { missing, ..Reader::default() };
        let Samples { values, missing, .. } = reader(Missing::Drop).array(&path(file), Some("a")).unwrap();
        assert_eq!((values.n_samples(), missing), (12, vec![2, 5]));
        assert!(matches!(
            read_labels(&path(file), Some("group")),
            Err(DatasetError::Missing { rows: 2, .. })
        ));
        let labels = reader(Missing::Drop).labels(&path(file), Some("group")).unwrap();
        assert_eq!((labels.values.n_labels(), labels.missing), (3, vec![5, 9]));
        let labels = reader(Missing::Symbol).labels(&path(file), Some("group")).unwrap();
        assert_eq!((labels.values.n_labels(), labels.missing.len()), (4, 0));
        assert!(
            labels.reading.to_string().contains("missing in 2 rows: a class of its own"),
            "{}",
            labels.reading
        );
    }
    let one = Reader { missing: Missing::Drop, ..Reader::default() };
    assert_eq!(one.array(&path("pandas-missing-one.csv"), None).unwrap().missing, [2, 5]);
    // The same in a configuration file.
    let load = |missing: &str| {
        let file = path("pandas-missing.csv");
        let source =
            format!("kind = 'csv'\nfile = {file:?}\ninputs = ['a', 'b']\nlabel = 'group'\n{missing}");
        toml::from_str::<DatasetSource>(&source).unwrap().load(0)
    };
    let error = load("").unwrap_err().to_string();
    assert!(error.contains("3 of 12 rows lack a value") && error.contains("missing = \"drop\""), "{error}");
    let dataset = load("missing = 'drop'").unwrap();
    assert_eq!((dataset.n_samples(), dataset.labels.n_labels()), (9, 3));
    let said = dataset.readings[0].to_string();
    assert!(said.contains("9 rows x 2 columns (a, b); label group; left out 3 of 12 rows"), "{said}");
    assert!(load("missing = 'symbol'").unwrap_err().to_string().contains("rows lack a value"));
}

#[test]
fn a_label_in_the_table_is_no_input() {
    let source = format!("kind = 'csv'\nfile = {:?}\ninputs = ['a', 'b', 'y']", path("pandas-index.csv"));
    let dataset = toml::from_str::<DatasetSource>(&source).unwrap().load(0).unwrap();
    assert_eq!((dataset.n_features(), dataset.labels.codes()), (3, &GROUP[..]));
    let source = format!("kind = 'csv'\nfile = {:?}", path("pandas-series.csv"));
    let error = toml::from_str::<DatasetSource>(&source).unwrap().load(0).unwrap_err();
    assert!(matches!(error, DatasetError::Empty { .. }), "{error}");
}

#[test]
fn what_is_not_read_says_what_to_do() {
    let message = |file: &str, key| read_array(&path(file), key).unwrap_err().to_string();
    for (file, key, advice) in [
        ("numpy-object.npy", None, "np.savez"),
        ("numpy-text.npy", None, "astype(float)"),
        ("matlab.mat", Some("st"), "-struct"),
        ("matlab.mat", Some("cell"), "cell2mat"),
        ("matlab.mat", Some("chars"), "cellstr"),
        ("matlab-4.mat", Some("T"), "-v7"),
    ] {
        assert!(message(file, key).contains(advice), "{}", message(file, key));
    }
    let folder = tempfile::tempdir().unwrap();
    for (file, bytes, advice) in [
        ("t.parquet", &b"PAR1\0\0"[..], "read_parquet"),
        ("t.feather", b"ARROW1\0\0", "read_feather"),
        ("t", b"PAR1\0\0", "read_parquet"),
        ("t.pkl", b"\x80\x04\x95", "to_csv"),
        ("t.pt", b"PK\x03\x04", "np.savez"),
        ("t.jsonl", b"{\"a\":1}\n", "lines=True"),
        ("t.xlsx", b"PK\x03\x04", "spreadsheet"),
        ("t.arff", b"@RELATION r\n", "loadarff"),
        ("t.csv.xz", b"\xfd7zXZ\0", "xz -dc"),
        ("t.csv.bz2", b"BZh91AY", "bzip2 -dc"),
        ("t.csv.zst", b"\x28\xb5\x2f\xfd", "zstd -dc"),
        ("t.rds", b"\x1f\x8b\x08", "readRDS"),
    ] {
        std::fs::write(folder.path().join(file), bytes).unwrap();
        let message = read_array(&folder.path().join(file), None).unwrap_err().to_string();
        assert!(message.contains(advice) && message.contains(file), "{message}");
    }
}

#[test]
fn symbols_are_equal_however_they_are_written() {
    let reader = Reader::default();
    let symbols = |file: &str, key| reader.symbols(&path(file), key).unwrap().values;
    let rows = symbols("pandas.csv", Some("a,group"));
    assert_eq!(rows.n_labels(), 12);
    assert_eq!(symbols("pandas-one-hot.csv", None).entropy(), Labels::from_symbols(&Y).entropy());
    let numbers = symbols("numpy-labels-float.txt", None);
    assert_eq!(numbers.codes(), symbols("numpy-labels.txt", None).codes());
    assert!(matches!(Variable::Labels(&numbers).n_samples(), 12));
}
