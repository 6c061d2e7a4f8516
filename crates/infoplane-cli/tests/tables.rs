//! Tables as `infoplane estimate` and `infoplane run` read them, and what they say of it.

mod call;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use call::{command, infoplane, refused, stdout};

/// 60 rows of two numbers, a class and a text, written in several ways. Every number is from the row's.
fn folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    let write = |name: &str, text: String| fs::write(folder.path().join(name), text).unwrap();
    let a = |row: usize| (row * 37 % 61) as f64 / 8.0 - 3.0;
    let b = |row: usize| (row * 23 % 59) as f64 / 8.0 - a(row);
    let rows = || 0..60usize;
    let lines = |line: &dyn Fn(usize) -> String| rows().map(line).collect::<String>();
    write(
        "t.csv",
        format!("a,b,y,g\n{}", lines(&|row| format!("{:?},{:?},{},g{}\n", a(row), b(row), row % 2, row % 3))),
    );
    write("index.csv", format!(",a,b\n{}", lines(&|row| format!("{row},{:?},{:?}\n", a(row), b(row)))));
    write("plain.csv", format!("a,b\n{}", lines(&|row| format!("{:?},{:?}\n", a(row), b(row)))));
    let euro = |value: f64| format!("{value:?}").replace('.', ",");
    write("euro.csv", format!("a;b\r\n{}", lines(&|row| format!("{};{}\r\n", euro(a(row)), euro(b(row))))));
    let or_na = |row: usize, value: String| if row % 20 == 7 { "NA".into() } else { value };
    let gaps = |row: usize| {
        format!(
            "{},{:?},{}\n",
            or_na(row, format!("{:?}", a(row))),
            b(row),
            or_na(row + 4, format!("g{}", row % 3))
        )
    };
    write("gaps.csv", format!("a,b,g\n{}", lines(&gaps)));
    write("y.csv", format!("y\n{}", lines(&|row| format!("{}\n", row % 2))));
    write(
        "row.csv",
        format!("{}\n", rows().map(|row| format!("{:?}", a(row))).collect::<Vec<_>>().join(",")),
    );
    write("two.csv", format!("u,v\n{}", lines(&|row| format!("{:?},{:?}\n", a(row), a(row)))));
    folder
}

const QUICK: &[&str] = &["--estimator", "ksg", "--no-standard-error"];

/// Flags that make an estimate quick: entropies have no standard error.
fn quick(arguments: &[&str]) -> &'static [&'static str] {
    if arguments[0] == "pair" { QUICK } else { &["--estimator", "kl"] }
}

fn estimate(folder: &Path, arguments: &[&str]) -> Output {
    infoplane(folder, &[&["estimate"], arguments].concat())
}

fn json(output: &Output) -> Value {
    serde_json::from_str(&stdout(output)).unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn nats(folder: &Path, arguments: &[&str]) -> f64 {
    json(&estimate(folder, &[arguments, quick(arguments), &["--json"]].concat()))["nats"].as_f64().unwrap()
}

#[test]
fn what_was_read_is_said_and_counts_for_programs_too() {
    let folder = folder();
    let pair = [&["pair", "index.csv", "euro.csv:b"], QUICK].concat();
    let output = estimate(folder.path(), &pair);
    let told = said(&output);
    assert!(
        told.contains(
            "read index.csv: 60 rows x 2 columns (a, b); the first column, which has no name, left out"
        ),
        "{told}"
    );
    assert!(
        told.contains("read euro.csv: 60 rows x 1 column (b); separated by semicolons, decimal commas"),
        "{told}"
    );
    let quiet = estimate(folder.path(), &[&pair[..], &["--quiet"]].concat());
    assert_eq!((said(&quiet), stdout(&quiet)), (String::new(), stdout(&output)));
    let object = json(&estimate(folder.path(), &[&pair[..], &["--json"]].concat()));
    let first = &object["read"]["files"][0];
    assert_eq!((first["rows"].as_u64(), first["width"].as_u64()), (Some(60), Some(2)));
    assert_eq!(first["columns"], serde_json::json!(["a", "b"]));
    assert!(first["notes"][0].as_str().unwrap().contains("left out"));
    assert_eq!(object["read"]["rows_left_out"], 0);
}

#[test]
fn the_same_numbers_give_the_same_estimate_however_they_are_written() {
    let folder = folder();
    let plain = nats(folder.path(), &["pair", "plain.csv:a", "plain.csv:b"]);
    for files in [
        ["t.csv:a", "t.csv:b"],
        ["index.csv:1", "index.csv:b"],
        ["euro.csv:a", "euro.csv:1"],
        ["row.csv", "plain.csv:b"],
    ] {
        assert_eq!(nats(folder.path(), &["pair", files[0], files[1]]), plain, "{files:?}");
    }
    let both = nats(folder.path(), &["entropy", "plain.csv"]);
    assert_eq!(nats(folder.path(), &["entropy", "t.csv:a,b"]), both);
    assert_eq!(nats(folder.path(), &["entropy", "t.csv:0-1"]), both);
    assert_eq!(nats(folder.path(), &["entropy", "t.csv", "--except", "y,g"]), both);
    assert_eq!(nats(folder.path(), &["entropy", "index.csv"]), both);
}

#[test]
fn a_variable_of_the_same_table_is_never_among_the_columns_read_whole() {
    let folder = folder();
    let columns = |arguments: &[&str], file: usize| {
        let object = json(&estimate(folder.path(), &[arguments, &["--json"]].concat()));
        let columns = object["read"]["files"][file]["columns"].as_array().unwrap().clone();
        columns.iter().map(|column| column.as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let binned = ["--estimator", "binned", "--bins", "4", "--rule", "equal", "--range", "-9,9"];
    let layer = |more: &[&str], file| columns(&[&["layer"], more, &binned].concat(), file);
    assert_eq!(layer(&["t.csv", "--labels", "t.csv:y", "--except", "g"], 0), ["a", "b"]);
    assert_eq!(layer(&["t.csv", "--labels", "t.csv:g"], 0), ["a", "b", "y"]);
    assert_eq!(layer(&["t.csv", "--labels", "t.csv"], 0), ["a", "b", "y"]);
    assert_eq!(layer(&["t.csv", "--labels", "t.csv"], 1), ["g"]);
    assert_eq!(layer(&["t.csv", "--labels", "t.csv:g", "--inputs", "t.csv:y"], 0), ["a", "b"]);
    let pair = [&["pair", "t.csv", "t.csv:y", "--except", "g"], QUICK].concat();
    assert_eq!(columns(&pair, 0), ["a", "b"]);
    let output = estimate(folder.path(), &pair);
    assert!(said(&output).contains("y left out: it is Y"), "{}", said(&output));
    let message = refused(
        folder.path(),
        &[&["estimate", "layer", "t.csv:a,y", "--labels", "t.csv:y"], &binned[..]].concat(),
        2,
    );
    assert!(message.contains("names the label, t.csv:y, among the units"), "{message}");
}

#[test]
fn a_target_of_numbers_is_measured_as_the_pair_of_the_same_columns() {
    let folder = folder();
    for (name, x_is_measured) in [("ksg", false), ("gcmi", false), ("auto", false), ("edge", true)] {
        let method = ["--estimator", name];
        let pair = ["pair", "t.csv:a", "t.csv:b", "--no-standard-error", "--json", "--estimator", name];
        let pair = json(&estimate(folder.path(), &pair));
        let layer = [&["layer", "t.csv", "--target", "t.csv:b", "--except", "y,g"], &method[..]].concat();
        let object = json(&estimate(folder.path(), &[&layer[..], &["--json"]].concat()));
        assert_eq!((&object["i_ty"]["nats"], pair["nats"].is_null()), (&pair["nats"], false), "{name}");
        assert_eq!(object["i_xt"]["nats"].is_null(), !x_is_measured, "{name}");
        assert_eq!(object["i_xt"]["reason"].is_null(), x_is_measured, "{object}");
        assert!(object["h_y"].is_null() && object["i_ty"]["shuffled"].is_null(), "{object}");
        assert_eq!((object["width"].as_u64(), object["target_width"].as_u64()), (Some(1), Some(1)));
        let text = String::from_utf8(estimate(folder.path(), &layer).stdout).unwrap();
        assert!(text.contains("Y is a target of 1 column\n"), "{text}");
        assert_eq!(text.contains("I(X;T) = none"), !x_is_measured, "{text}");
    }
    // A layer that holds its target has no finite value.
    let itself = ["layer", "plain.csv:a", "--target", "t.csv:a", "--estimator", "ksg"];
    let text = String::from_utf8(estimate(folder.path(), &itself).stdout).unwrap();
    assert!(text.contains("I(T;Y) = at least "), "{text}");
    let refused =
        |more: &[&str]| refused(folder.path(), &[&["estimate", "layer", "t.csv:a"], more].concat(), 2);
    let message = refused(&["--target", "t.csv:b", "--estimator", "ross"]);
    assert!(
        message.contains("of numbers are auto, ") && message.contains("--labels takes classes"),
        "{message}"
    );
    let message = refused(&["--target", "t.csv:a"]);
    assert!(message.contains("names the target, t.csv:a, among the units"), "{message}");
    let message = refused(&["--target", "t.csv:b", "--labels", "t.csv:g"]);
    assert!(message.contains("cannot be used with"), "{message}");
    assert!(refused(&[]).contains("--labels"));
    fs::write(folder.path().join("few.csv"), "b\n1\n2.5\n").unwrap();
    let message = refused(&["--target", "few.csv", "--estimator", "ksg"]);
    assert!(message.contains("each sample needs a row in both"), "{message}");
}

#[test]
fn rows_that_lack_a_value_are_refused_dropped_or_a_symbol() {
    let folder = folder();
    let pair = |y: &'static str, more: &[&'static str]| -> Vec<&'static str> {
        [&["estimate", "pair", "gaps.csv:a", y, "--no-standard-error"], more].concat()
    };
    let message = refused(folder.path(), &pair("gaps.csv:b", &[]), 2);
    assert!(
        message.contains("3 of 60 rows lack a value; the first is in line 9, column a, \"NA\""),
        "{message}"
    );
    assert!(message.contains("--missing drop") && !message.contains("--missing symbol"), "{message}");
    let message =
        refused(folder.path(), &["estimate", "pair", "gaps.csv:b", "gaps.csv:g", "--y-discrete"], 2);
    assert!(message.contains("--missing symbol"), "{message}");
    let message = refused(folder.path(), &pair("gaps.csv:b", &["--missing", "symbol"]), 2);
    assert!(
        message.contains("lack a value") && message.contains("--x-discrete --missing symbol"),
        "{message}"
    );
    let dropped =
        infoplane(folder.path(), &pair("gaps.csv:g", &["--y-discrete", "--missing", "drop", "--json"]));
    let object = json(&dropped);
    assert_eq!((object["n"].as_u64(), object["read"]["rows_left_out"].as_u64()), (Some(54), Some(6)));
    assert!(said(&dropped).contains("left out 6 of 60 rows, which lack a value"), "{}", said(&dropped));
    let entropy = |rule: &str| {
        let output = estimate(
            folder.path(),
            &["entropy", "gaps.csv:g", "--x-discrete", "--estimator", "plug-in", "--missing", rule, "--json"],
        );
        json(&output)["nats"].as_f64().unwrap()
    };
    assert!(entropy("symbol") > entropy("drop") + 0.1);
    // Nothing is left where every row lacks something.
    fs::write(folder.path().join("none.csv"), "a,b\nNA,1\n2,NA\n").unwrap();
    let message = refused(folder.path(), &["estimate", "entropy", "none.csv", "--missing", "drop"], 2);
    assert!(message.contains("every row lacks a value"), "{message}");
}

#[test]
fn advice_can_be_followed() {
    let folder = folder();
    // Text among numbers: the columns that are named can be read.
    let message = refused(folder.path(), &["estimate", "entropy", "t.csv"], 2);
    assert!(
        message.contains("column g is \"g0\"") && message.contains("t.csv:a,b,y reads columns of numbers"),
        "{message}"
    );
    assert!(nats(folder.path(), &["entropy", "t.csv:a,b"]).is_finite());
    // Beside a column of classes there is no density.
    let message = refused(folder.path(), &["estimate", "entropy", "t.csv:a,b,y", "--estimator", "kl"], 2);
    assert!(message.contains("no density"), "{message}");
    // One sample tells nothing.
    fs::write(folder.path().join("one.csv"), "a,b,c\n1,2,3\n").unwrap();
    for arguments in [&["entropy", "one.csv"][..], &["pair", "one.csv:a", "one.csv:b"]] {
        let message = refused(folder.path(), &[&["estimate"], arguments].concat(), 2);
        assert!(message.contains("a single sample"), "{message}");
    }
    // Samples side by side.
    let wide: Vec<String> = (0..60).map(|n| n.to_string()).collect();
    fs::write(folder.path().join("wide.csv"), format!("{}.5\n{}.5\n", wide.join(".5,"), wide.join(".5,")))
        .unwrap();
    let message = refused(folder.path(), &["estimate", "pair", "wide.csv", "plain.csv:a"], 2);
    assert!(message.contains("np.save(\"turned.npy\", array.T)"), "{message}");
    let message = refused(folder.path(), &["estimate", "pair", "t.csv:a", "t.csv:z"], 2);
    assert!(message.contains("there are: a, b, y, g"), "{message}");
}

#[test]
fn standard_input_is_a_file_called_minus() {
    let folder = folder();
    let piped = |arguments: &[&str]| {
        let arguments = [&["estimate"], arguments, quick(arguments), &["--json"]].concat();
        let mut child = command(folder.path(), &arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let text = fs::read(folder.path().join("plain.csv")).unwrap();
        child.stdin.take().unwrap().write_all(&text).unwrap();
        json(&child.wait_with_output().unwrap())
    };
    let object = piped(&["pair", "-:a", "-:b"]);
    assert_eq!(object["nats"].as_f64(), Some(nats(folder.path(), &["pair", "plain.csv:a", "plain.csv:b"])));
    assert_eq!(object["read"]["files"][0]["file"], "standard input");
    assert_eq!(
        piped(&["entropy", "-"])["nats"].as_f64(),
        Some(nats(folder.path(), &["entropy", "plain.csv"]))
    );
}

#[test]
fn a_run_says_what_it_read_of_a_table() {
    let folder = folder();
    let preset = stdout(&infoplane(folder.path(), &["presets", "tishby2017"]));
    fs::write(folder.path().join("c.toml"), preset).unwrap();
    let run = |out: &str, source: &str| {
        let source = format!("dataset.source={source}");
        let set = [
            "run",
            "c.toml",
            "--set",
            &source,
            "--set",
            "training.epochs=1",
            "--set",
            "seeds=1",
            "--out",
            out,
        ];
        infoplane(folder.path(), &set)
    };
    let output = run("one", "{kind=\"csv\", file=\"gaps.csv\", missing=\"drop\"}");
    for part in ["read gaps.csv: 54 rows x 2 columns (a, b); label g", "left out 6 of 60 rows"] {
        assert!(said(&output).contains(part), "{}", said(&output));
    }
    let output = run("two", "{kind=\"csv\", file=\"gaps.csv\"}");
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("dataset.source.missing = \"drop\""), "{}", said(&output));
}
