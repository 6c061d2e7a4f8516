//! Tables of a run in files for other programs.

#[allow(dead_code)] // the rest of it is for other tests
mod call;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use call::{infoplane, refused, stdout};

/// A folder with a run of two seeds and four measured epochs.
fn with_run() -> TempDir {
    let folder = TempDir::new().unwrap();
    let settings = ["--epochs", "12", "--set", "schedule.points=4", "--seeds", "2"];
    stdout(&infoplane(
        folder.path(),
        &[&["run", "tishby2017", "--out", "short", "-q"], &settings[..]].concat(),
    ));
    folder
}

/// The values of a column of JSON lines.
fn column<'a>(rows: &'a [Value], name: &str) -> Vec<&'a Value> {
    rows.iter().map(|row| &row[name]).collect()
}

fn json_lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("a JSON object")).collect()
}

#[test]
fn every_table_has_the_declared_columns_in_every_format() {
    let folder = with_run();
    let declared: Value =
        serde_json::from_str(&stdout(&infoplane(folder.path(), &["export", "--columns", "--json"]))).unwrap();
    let tables = declared["tables"].as_array().unwrap();
    assert_eq!(tables.len(), 16);
    let quantities =
        "quantities=[{kind=\"units\"},{kind=\"layers\"},{kind=\"similarity\"},{kind=\"inputs\"}]";
    let measured = ["run", "tishby2017", "--epochs", "4", "--seeds", "2", "--set", "schedule.points=2"];
    stdout(&infoplane(
        folder.path(),
        &[&measured[..], &["--set", quantities, "--out", "measured", "-q"]].concat(),
    ));
    for table in &tables[..12] {
        let name = table["table"].as_str().unwrap();
        let names: Vec<&str> = table["columns"]
            .as_array()
            .unwrap()
            .iter()
            .map(|column| column["name"].as_str().unwrap())
            .collect();
        let csv = stdout(&infoplane(folder.path(), &["export", "measured", "--table", name]));
        assert_eq!(csv.lines().next(), Some(names.join(",").as_str()), "{name}");
        let rows = json_lines(&stdout(&infoplane(
            folder.path(),
            &["export", "measured", "--table", name, "--format", "jsonl"],
        )));
        assert!(!rows.is_empty(), "{name}");
        assert_eq!(rows.len() + 1, csv.lines().count(), "{name}");
        for column in table["columns"].as_array().unwrap() {
            let (key, kind) = (column["name"].as_str().unwrap(), column["type"].as_str().unwrap());
            for row in &rows {
                let value = &row[key];
                let fits = match kind {
                    "integer" => value.is_u64(),
                    "number" => value.is_number(),
                    _ => value.is_string(),
                };
                assert!(fits || (value.is_null() && column["optional"] == true), "{name}.{key} is {value}");
            }
        }
    }
}

#[test]
fn the_plane_has_the_rows_of_the_run() {
    let folder = with_run();
    let exported = json_lines(&stdout(&infoplane(folder.path(), &["export", "short", "--format", "jsonl"])));
    let kept = json_lines(&fs::read_to_string(folder.path().join("short/plane.jsonl")).unwrap());
    for key in ["seed", "epoch", "layer", "width", "method", "i_xt_bits", "i_ty_bits"] {
        assert_eq!(column(&exported, key), column(&kept, key), "{key}");
    }
    let in_report = fs::read_to_string(folder.path().join("short/report/plane.csv")).unwrap();
    assert_eq!(stdout(&infoplane(folder.path(), &["export", "short"])), in_report);
    let repeats = fs::read_to_string(folder.path().join("short/report/repeats.csv")).unwrap();
    assert_eq!(stdout(&infoplane(folder.path(), &["export", "short", "--table", "repeats"])), repeats);
}

#[test]
fn a_table_never_takes_the_place_of_a_file_of_the_run() {
    let folder = with_run();
    let before = fs::read(folder.path().join("short/plane.jsonl")).unwrap();
    for out in ["short/plane.jsonl", "short/new.csv", "./short/../short/plane.jsonl"] {
        let told = refused(folder.path(), &["export", "short", "--out", out], 2);
        assert!(told.contains(&format!("--out {out}: short holds the files of the run")), "{told}");
    }
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("short/plane.jsonl", folder.path().join("link.csv")).unwrap();
        assert!(
            refused(folder.path(), &["export", "short", "--out", "link.csv"], 2).contains("--out link.csv")
        );
    }
    assert_eq!(fs::read(folder.path().join("short/plane.jsonl")).unwrap(), before);
    stdout(&infoplane(folder.path(), &["export", "short", "--out", "short/report/table.csv"]));
    let told = refused(folder.path(), &["export", "short", "--out", "nowhere/table.csv"], 1);
    assert!(told.contains("there is no directory nowhere"), "{told}");
}

#[test]
fn what_cannot_be_exported_is_named() {
    let folder = with_run();
    let parquet = refused(folder.path(), &["export", "short", "--format", "parquet"], 2);
    assert!(parquet.contains("csv, jsonl, arrow") && parquet.contains("write parquet"), "{parquet}");
    let table = refused(folder.path(), &["export", "short", "--table", "planes"], 2);
    assert!(table.contains("inputs, repeats, training, layers, schedule, methods, pool"), "{table}");
    let of_pools = refused(folder.path(), &["export", "short", "--table", "pool"], 2);
    assert!(
        of_pools.contains(
            "has no table pool; it has plane, units, synergy, pairs, similarity, ranks, inputs, repeats"
        ),
        "{of_pools}"
    );
    assert!(refused(folder.path(), &["export", "nowhere"], 2).contains("nowhere"));
    let output =
        infoplane(folder.path(), &["export", "short", "--format", "arrow", "--out", "missing/plane.arrow"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("missing/plane.arrow"));
}

#[test]
fn pooled_networks_have_tables_of_their_own() {
    let folder = with_run();
    let pooled = ["as-if-random", "short", "--window", "4", "--inputs", "64", "--out", "pooled", "-q"];
    stdout(&infoplane(folder.path(), &pooled));
    for (table, file) in [("pool", "pool"), ("drift", "drift"), ("window", "window"), ("overlap", "overlap")]
    {
        let arguments = ["export", "pooled", "--table", table, "--format", "jsonl"];
        let exported = json_lines(&stdout(&infoplane(folder.path(), &arguments)));
        let kept = fs::read_to_string(folder.path().join("pooled").join(format!("{file}.jsonl"))).unwrap();
        let kept = json_lines(&kept);
        assert_eq!(exported.len(), kept.len(), "{table}");
        for key in ["seed", "layer", "n_networks", "i_xt_bits", "mean_shift", "epoch", "mean_overlap"] {
            assert_eq!(column(&exported, key), column(&kept, key), "{table}.{key}");
        }
    }
    let plane = refused(folder.path(), &["export", "pooled", "--table", "plane"], 2);
    assert!(plane.contains("it has methods, pool, drift, window, overlap"), "{plane}");
}

/// Between two comments of `docs/run-directory.md` stands what `infoplane export --columns --markdown` prints.
#[test]
fn the_documentation_has_the_declared_columns() {
    let folder = TempDir::new().unwrap();
    let printed = stdout(&infoplane(folder.path(), &["export", "--columns", "--markdown"]));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/run-directory.md");
    let page = fs::read_to_string(path).unwrap();
    for table in printed.split_inclusive("<!-- end -->\n") {
        assert!(page.contains(table), "docs/run-directory.md lacks\n{table}");
    }
    assert_eq!(page.matches("<!-- columns of ").count(), printed.matches("<!-- columns of ").count());
}

/// A Python with pyarrow and polars: installed for this test, unless the machine has no Python or no packages.
fn python() -> Option<PathBuf> {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("python-arrow");
    let python = home.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    let has_packages = |python: &Path| {
        Command::new(python)
            .args(["-c", "import pyarrow, polars"])
            .output()
            .is_ok_and(|run| run.status.success())
    };
    if has_packages(&python) {
        return Some(python);
    }
    let made = Command::new("python3").args(["-m", "venv"]).arg(&home).output();
    if made.is_ok_and(|run| run.status.success()) {
        let _ = Command::new(&python).args(["-m", "pip", "install", "--quiet", "pyarrow", "polars"]).output();
    }
    has_packages(&python).then_some(python)
}

const COMPARE: &str = "
import json, math, sys
import pyarrow as pa, pyarrow.feather as feather, pyarrow.ipc as ipc, polars as pl
arrow, lines = sys.argv[1:]
expected = [json.loads(line) for line in open(lines)]
table = feather.read_table(arrow)
table.validate(full=True)
assert table.to_pylist() == expected, 'pyarrow reads other values'
frame = pl.read_ipc(arrow)
assert frame.to_dicts() == expected, 'polars reads other values'
# As a stream, without the footer.
with open(arrow, 'rb') as file:
    file.seek(8)
    assert ipc.open_stream(file).read_all().to_pylist() == expected
for field in table.schema:
    assert field.metadata[b'about'].endswith(b'.'), field
print(len(expected))
";

#[test]
fn other_programs_read_the_arrow_files() {
    let Some(python) = python() else {
        println!("skipped: no python3 with pyarrow and polars, and they could not be installed");
        return;
    };
    let folder = with_run();
    let mut rows = 0;
    for table in ["plane", "repeats", "training", "layers", "schedule", "methods"] {
        let arrow = folder.path().join(format!("{table}.arrow"));
        let lines = folder.path().join(format!("{table}.jsonl"));
        for (format, file) in [("arrow", &arrow), ("jsonl", &lines)] {
            let file = file.to_str().unwrap();
            stdout(&infoplane(
                folder.path(),
                &["export", "short", "--table", table, "--format", format, "--out", file],
            ));
        }
        let compared = Command::new(&python).args(["-c", COMPARE]).args([&arrow, &lines]).output().unwrap();
        rows += stdout(&compared).trim().parse::<usize>().unwrap();
    }
    assert!(rows > 200);
}
