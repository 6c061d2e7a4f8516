//! `infoplane estimate rank`.

mod call;

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use call::{infoplane, refused, stdout};

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
