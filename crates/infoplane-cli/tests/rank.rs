//! `infoplane estimate rank`.

mod call;

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use call::{command, infoplane, refused, stdout};

/// 200 people: `age` tells the class, `noise` nothing; text, numbers that lack, a copy, an identifier and a name that would clear the screen.
fn folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    let mut state = 7u64;
    let mut next = move || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 40) as f64 / (1u64 << 24) as f64
    };
    let mut text = String::from("id,age,noise,town,copy,same,\u{1b}[2Jbad,class\n");
    for row in 0..200 {
        let class = next() < 0.5;
        let age = next() + next() + if class { 1.0 } else { 0.0 };
        let noise = if row % 10 == 3 { "NA".to_owned() } else { format!("{:.9}", next()) };
        let town = ["Ulm", "Kiel", ""][(next() * 3.0) as usize];
        let name = if class { "ill" } else { "well" };
        text += &format!("p{row},{age},{noise},{town},{age},5,{},{name}\n", next());
    }
    fs::write(folder.path().join("people.csv"), text).unwrap();
    folder
}

fn ranked(folder: &TempDir, more: &[&str]) -> Value {
    let rank = ["estimate", "rank", "people.csv", "--json"];
    serde_json::from_str(&stdout(&infoplane(folder.path(), &[&rank[..], more].concat()))).unwrap()
}

fn row<'a>(object: &'a Value, name: &str) -> &'a Value {
    let rows = object["columns"].as_array().unwrap();
    rows.iter().find(|row| row["column"] == name).unwrap_or_else(|| panic!("no {name} in {object}"))
}

#[test]
fn columns_of_every_kind_are_ranked_against_a_class() {
    let folder = folder();
    let object = ranked(&folder, &["--target", "class"]);
    assert_eq!(
        (&object["target_kind"], &object["n"], &object["permutations"]),
        (&"names".into(), &200.into(), &1999.into())
    );
    let best = &object["columns"][0];
    assert_eq!((&best["column"], &best["rank"], &best["method"]), (&"age".into(), &1.into(), &"ross".into()));
    assert!(best["bits"].as_f64().unwrap() > 0.2 && best["q_value"].as_f64().unwrap() < 0.01, "{best}");
    assert_eq!((&best["p_kind"], &best["p_value"]), (&"counted".into(), &0.0005.into()));
    assert_eq!(row(&object, "copy")["note"], "equal to column age");
    assert_eq!(row(&object, "copy")["bits"], best["bits"]);
    let noise = row(&object, "noise");
    assert_eq!(
        (&noise["n"], &noise["missing"], &noise["kind"]),
        (&180.into(), &20.into(), &"continuous".into())
    );
    assert!(noise["bits"].as_f64().unwrap().abs() < 0.15, "{noise}");
    assert_eq!(
        (&row(&object, "same")["bits"], &row(&object, "same")["note"]),
        (&0.0.into(), &"never changes".into())
    );
    let id = row(&object, "id");
    assert_eq!((&id["rank"], &id["bits"]), (&Value::Null, &Value::Null));
    assert!(id["note"].as_str().unwrap().contains("an identifier: 200 different"), "{id}");
    let town = row(&object, "town");
    assert_eq!((&town["p_kind"], &town["kind"]), (&"chi2".into(), &"names".into()));
    assert!(town["missing"].as_u64().unwrap() > 30, "{town}");
    // Threads do not matter; the seed does, but not much.
    assert_eq!(object["columns"], ranked(&folder, &["--target", "class", "--threads", "3"])["columns"]);
    assert_ne!(object["columns"], ranked(&folder, &["--target", "7", "--seed", "5"])["columns"]);
    let with_symbol = ranked(&folder, &["--target", "class", "--missing", "symbol"]);
    assert_eq!(row(&with_symbol, "town")["missing"], 0);
}

#[test]
fn the_table_fits_the_screen_and_steers_nothing() {
    let folder = folder();
    let told = stdout(&infoplane(folder.path(), &["estimate", "rank", "people.csv", "--target", "class"]));
    assert!(told.lines().all(|line| line.chars().count() <= 80), "{told}");
    assert!(told.starts_with("7 columns against class (names), 200 rows\n"), "{told}");
    assert!(told.contains(r"\u{1b}[2Jbad") && !told.contains('\u{1b}'), "{told}");
    assert!(told.contains("copy: equal to column age"), "{told}");
    let top = ["estimate", "rank", "people.csv", "--target", "class", "--top", "2", "--out", "r.csv"];
    let told = stdout(&infoplane(folder.path(), &top));
    assert!(told.contains("… and 5 more"), "{told}");
    let csv = fs::read_to_string(folder.path().join("r.csv")).unwrap();
    assert_eq!(csv.lines().count(), 8, "{csv}");
    assert!(csv.starts_with("rank,column,kind,method,bits,standard_error_bits,p_value,"), "{csv}");
}

#[test]
fn a_target_may_be_numbers_or_another_file() {
    let folder = folder();
    let object =
        ranked(&folder, &["--target", "age", "--except", "id,copy", "--names", "same", "--tail", "fitted"]);
    assert_eq!(object["columns"].as_array().unwrap().len(), 5);
    assert_eq!(object["columns"][0]["column"], "class");
    assert_eq!(
        (&object["columns"][0]["p_kind"], &row(&object, "noise")["method"]),
        (&"fitted".into(), &"ksg".into())
    );
    let text: String = (0..200).map(|row| format!("{}\n", row % 3)).collect();
    fs::write(folder.path().join("y.csv"), text).unwrap();
    let object = ranked(&folder, &["--target", "y.csv"]);
    assert_eq!((object["columns"].as_array().unwrap().len(), &object["target_kind"]), (8, &"names".into()));
}

#[test]
fn what_cannot_be_ranked_is_refused_by_name() {
    let folder = folder();
    fs::write(folder.path().join("short.csv"), "y\n1\n2\n1\n").unwrap();
    for (arguments, parts) in [
        (&["--target", "klass"][..], &["klass", "age"][..]),
        (&["--target", "id"], &["--target id", "200 different symbols in 200 rows"]),
        (&["--target", "same"], &["--target same", "never changes"]),
        (&["--target", "short.csv"], &["people.csv holds 200 samples, but short.csv holds 3"]),
        (&["--target", "class", "--except", "weight"], &["--except weight", "no such column"]),
        (&["--target", "class", "--names", "weight"], &["--names weight", "no such column"]),
        (&["--target", "class", "--names", "class"], &["--names class: it is the target"]),
        (&["--target", "7", "--except", "class"], &["--except class: it is the target"]),
        (
            &["--target", "class", "--except", "age", "--names", "1"],
            &["--names 1: it was left out by --except"],
        ),
        (&["--target", ""], &["--target: the name is empty"]),
        (&["--target", "class", "--names", "age,"], &["--names: a name is empty"]),
        (
            &["--target", "town", "--target-kind", "continuous"],
            &["--target-kind continuous: the target town is text; allowed is names"],
        ),
        (&["--target", "class", "--out", "r.xlsx"], &["--out r.xlsx", ".csv, .jsonl or .arrow"]),
        (&["--target", "class", "--correction", "bh"], &["benjamini-hochberg, benjamini-yekutieli"]),
        (&["--target", "class", "--k", "0"], &["whole numbers from 1"]),
    ] {
        let message = refused(folder.path(), &[&["estimate", "rank", "people.csv"], arguments].concat(), 2);
        for part in parts {
            assert!(message.contains(part), "{arguments:?}: {message:?} lacks {part:?}");
        }
    }
}

#[test]
fn a_target_that_was_not_asked_for_as_a_column_is_known_as_the_target() {
    let folder = folder();
    let rank = ["estimate", "rank", "people.csv:age,noise", "--target", "class", "--names", "class"];
    let message = refused(folder.path(), &rank, 2);
    assert!(message.contains("--names class: it is the target"), "{message}");
}

#[test]
fn files_that_are_read_are_not_written() {
    let folder = folder();
    let path = folder.path();
    let classes: String = (0..200).map(|row| format!("{}\n", row % 3)).collect();
    fs::write(path.join("y.csv"), &classes).unwrap();
    let people = fs::read(path.join("people.csv")).unwrap();
    fs::create_dir(path.join("inner")).unwrap();
    fs::hard_link(path.join("people.csv"), path.join("second.csv")).unwrap();
    let whole = path.join("people.csv");
    let mut outs = vec!["people.csv", "./people.csv", "inner/../people.csv", whole.to_str().unwrap()];
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("people.csv", path.join("link.csv")).unwrap();
        outs.extend(["link.csv", "second.csv"]);
    }
    let rank = ["estimate", "rank", "people.csv", "--target"];
    for out in outs {
        let message = refused(path, &[&rank[..], &["class", "--out", out]].concat(), 2);
        assert!(message.contains(&format!("--out {out}: it is people.csv, which is read")), "{message}");
        assert!(message.contains("name another file"), "{message}");
        assert!(!message.contains("infoplane: read"), "{message}");
    }
    let message = refused(path, &[&rank[..], &["y.csv", "--out", "inner/../y.csv"]].concat(), 2);
    assert!(message.contains("--out inner/../y.csv: it is y.csv, which is read"), "{message}");
    if cfg!(target_os = "linux") {
        let mut of_input =
            command(path, &["estimate", "rank", "-", "--target", "class", "--out", "people.csv"]);
        let output = of_input.stdin(fs::File::open(&whole).unwrap()).output().unwrap();
        let message = String::from_utf8(output.stderr).unwrap();
        assert!(message.contains("--out people.csv: it is standard input"), "{message}");
        assert_eq!(output.status.code(), Some(2));
    }
    assert_eq!(fs::read(path.join("people.csv")).unwrap(), people);
    assert_eq!(fs::read_to_string(path.join("y.csv")).unwrap(), classes);
}

#[test]
fn a_file_that_cannot_be_written_is_refused_before_anything_is_read() {
    let folder = folder();
    let path = folder.path();
    fs::create_dir(path.join("folder.csv")).unwrap();
    let rank = ["estimate", "rank", "people.csv", "--target", "class", "--out"];
    for (out, code, part) in [
        ("nowhere/r.csv", 1, "--out nowhere/r.csv: there is no directory nowhere"),
        ("people.csv/r.csv", 1, "--out people.csv/r.csv: there is no directory people.csv"),
        ("folder.csv", 2, "--out folder.csv: it is a directory"),
    ] {
        let message = refused(path, &[&rank[..], &[out]].concat(), code);
        assert!(message.contains(part) && !message.contains("infoplane: read"), "{message}");
    }
    stdout(&infoplane(path, &[&rank[..], &["r.csv"]].concat()));
    let mut names: Vec<String> =
        fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, ["folder.csv", "people.csv", "r.csv"]);
}

/// A device that is always full fails once everything was measured.
#[cfg(target_os = "linux")]
#[test]
fn what_cannot_be_saved_is_printed_all_the_same() {
    let folder = folder();
    std::os::unix::fs::symlink("/dev/full", folder.path().join("full.csv")).unwrap();
    let rank = ["estimate", "rank", "people.csv", "--target", "class", "--out", "full.csv"];
    let output = infoplane(folder.path(), &rank);
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.contains("cannot write full.csv"), "{message}");
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(told.starts_with("7 columns against class") && told.contains("age"), "{told}");
}

#[test]
fn columns_of_the_same_name_are_told_apart_by_their_numbers() {
    let folder = TempDir::new().unwrap();
    let rows: String = (0..60u32)
        .map(|row| {
            let x = row.wrapping_mul(2_654_435_769);
            format!("{x},{},{x},{}\n", ["p", "q"][row as usize % 2], x >> 7)
        })
        .collect();
    fs::write(folder.path().join("t.csv"), format!("x,y,x,x\n{rows}")).unwrap();
    let rank = ["estimate", "rank", "t.csv", "--target", "y", "--permutations", "19"];
    let told = stdout(&infoplane(folder.path(), &[&rank[..], &["--json"]].concat()));
    let object: Value = serde_json::from_str(&told).unwrap();
    let rows = object["columns"].as_array().unwrap();
    let mut numbers: Vec<u64> = rows.iter().map(|row| row["number"].as_u64().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [0, 2, 3]);
    assert!(rows.iter().all(|row| row["column"] == "x"), "{object}");
    let copy = rows.iter().find(|row| row["number"] == 2).unwrap();
    assert_eq!(copy["note"], "equal to column x (number 0)");
    let told = stdout(&infoplane(folder.path(), &[&rank[..], &["--out", "r.csv"]].concat()));
    assert!(told.contains("  x (number 2): equal to column x (number 0)\n"), "{told}");
    assert!(fs::read_to_string(folder.path().join("r.csv")).unwrap().contains(",x (number 3),"));
}

#[test]
fn the_object_says_how_columns_were_ranked() {
    let more = ["--target", "class", "--k", "5", "--seed", "9", "--tail", "fitted", "--permutations", "19"];
    let object = ranked(&folder(), &more);
    assert_eq!((&object["k"], &object["seed"], &object["tail"]), (&5.into(), &9.into(), &"fitted".into()));
    assert_eq!(row(&object, "age")["number"], 1);
}

#[test]
fn long_names_are_shortened_where_people_read_them() {
    let folder = TempDir::new().unwrap();
    let long = "n".repeat(300);
    let rows: String = (0..60u32)
        .map(|row| {
            let x = row.wrapping_mul(2_654_435_769);
            format!("{x},{x},{}\n", ["p", "q"][row as usize % 2])
        })
        .collect();
    fs::write(folder.path().join("t.csv"), format!("{long}1,{long}2,{long}y\n{rows}")).unwrap();
    let target = format!("{long}y");
    let rank = ["estimate", "rank", "t.csv", "--target", &target, "--permutations", "19"];
    let told = stdout(&infoplane(folder.path(), &rank));
    assert!(told.lines().all(|line| line.chars().count() <= 80), "{told}");
    let words = told.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("nnn2: equal to column nnn") && told.contains("nnn1\n"), "{told}");
    let names = format!("{long}7");
    let message = refused(folder.path(), &[&rank[..], &["--names", &names]].concat(), 2);
    let last = message.lines().rev().nth(1).unwrap();
    assert!(last.contains("nnn7: t.csv has no such column") && last.chars().count() < 100, "{message}");
}

#[test]
fn permutations_are_counted_in_words() {
    let folder = folder();
    let told = |permutations: &str| {
        let rank = ["estimate", "rank", "people.csv", "--target", "class", "--permutations", permutations];
        let told = stdout(&infoplane(folder.path(), &rank));
        told.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert!(told("1").contains("for independence, of 1 permutation, or of chi-squared;"));
    assert!(told("0").contains("for independence, of chi-squared alone, without permutations;"));
    assert!(told("19").contains("for independence, of 19 permutations or fewer, or of chi-squared;"));
}
