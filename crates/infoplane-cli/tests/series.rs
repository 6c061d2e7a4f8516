//! Lagged and transfer information, conditional information of mixtures and normalised information, by the command.

mod call;

use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use call::{infoplane, refused, stdout};

/// A number in [0, 1) for each row: the finalizer of SplitMix64.
fn noise(row: usize, stream: usize) -> f64 {
    let mut z = ((stream as u64) << 32 | row as u64).wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ z >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((z ^ z >> 31) >> 11) as f64 / (1u64 << 53) as f64
}

/// Nearly normal, by Box and Muller.
fn normal(row: usize, stream: usize) -> f64 {
    let radius = (-2.0 * (1.0 - noise(row, stream)).ln()).sqrt();
    radius * (std::f64::consts::TAU * noise(row, stream + 10)).cos()
}

/// 400 rows: x drives y after a row, `bit` drives `echo` after two, g is a class and z a number of which b and c depend.
fn folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    let (mut x, mut y) = (0.0, 0.0);
    let bits: Vec<bool> = (0..400).map(|row| noise(row, 4) < 0.5).collect();
    let mut text = String::from("x,y,bit,echo,g,z,b,c,constant\n");
    for row in 0..400 {
        (x, y) = (0.5 * x + normal(row, 0), 0.5 * y + 0.8 * x + 0.5 * normal(row, 1));
        let echo = if row < 2 { false } else { bits[row - 2] != (noise(row, 5) < 0.1) };
        let (class, z) = (row % 2, normal(row, 2));
        let b = normal(row, 3);
        let sign = if class == 0 { 1.0 } else { -1.0 };
        let c = z + sign * 0.8 * b + 0.6 * normal(row, 6);
        let name = |bit: bool| if bit { "on" } else { "off" };
        text +=
            &format!("{x:?},{y:?},{},{},class {class},{z:?},{b:?},{c:?},3\n", name(bits[row]), name(echo));
    }
    fs::write(folder.path().join("t.csv"), &text).unwrap();
    // The same, but for values that are missing in rows 50 and 200.
    let gaps: Vec<String> = text
        .lines()
        .enumerate()
        .map(|(line, text)| match (line, text.split_once(',')) {
            (51 | 201, Some((_, rest))) => format!("NA,{rest}"),
            _ => text.to_owned(),
        })
        .collect();
    fs::write(folder.path().join("gaps.csv"), gaps.join("\n") + "\n").unwrap();
    folder
}

fn told(folder: &Path, arguments: &[&str]) -> String {
    let told = stdout(&infoplane(folder, &[&["estimate"], arguments].concat()));
    assert!(told.lines().all(|line| line.chars().count() <= 80), "{told}");
    told
}

fn json(folder: &Path, arguments: &[&str]) -> Value {
    serde_json::from_str(&stdout(&infoplane(folder, &[&["estimate"], arguments, &["--json"]].concat())))
        .unwrap()
}

#[test]
fn transfer_is_shown_both_ways() {
    let folder = folder();
    let transfer = ["transfer", "t.csv", "--source", "x", "--target", "y", "--estimator", "gcmi"];
    let object = json(folder.path(), &[&transfer[..], &["--permutations", "39"]].concat());
    let [forth, back] = [&object["source_to_target"], &object["target_to_source"]];
    assert_eq!((&forth["source"], &back["source"]), (&"x".into(), &"y".into()));
    assert_eq!((&object["lag"], &object["history"], &forth["n"]), (&1.into(), &1.into(), &399.into()));
    assert!(forth["nats"].as_f64().unwrap() > 10.0 * back["nats"].as_f64().unwrap().abs(), "{object}");
    assert_eq!(forth["p_value"], 0.025);
    assert!(forth["standard_error_nats"].as_f64().unwrap() > 0.0);
    let told = told(folder.path(), &[&transfer[..], &["--permutations", "39", "--history", "2"]].concat());
    assert!(told.contains("x to y = ") && told.contains("y to x = "), "{told}");
    assert!(told.contains("39 rotations of the source's past"), "{told}");
    let symbols = [
        "transfer",
        "t.csv",
        "--source",
        "bit",
        "--target",
        "echo",
        "--source-discrete",
        "--target-discrete",
        "--estimator",
        "plug-in",
        "--lag",
    ];
    let at = |lag: &str| {
        let object = json(folder.path(), &[&symbols[..], &[lag, "--no-standard-error"]].concat());
        object["source_to_target"]["bits"].as_f64().unwrap()
    };
    assert!(at("2") > 0.4 && at("1") < 0.02, "{} {}", at("2"), at("1"));
}

#[test]
fn rows_that_are_missing_take_only_the_times_that_need_them() {
    let folder = folder();
    let transfer = ["transfer", "gaps.csv", "--source", "x", "--target", "y", "--estimator", "gcmi"];
    let message = refused(folder.path(), &[&["estimate"], &transfer[..]].concat(), 2);
    assert!(message.contains("--missing drop"), "{message}");
    let dropped = [&transfer[..], &["--missing", "drop", "--source-history", "3"]].concat();
    let object = json(folder.path(), &dropped);
    // The source of times 51 to 53 and 201 to 203; the other way a target at 50 or 200, its past at 51 and 201.
    assert_eq!(object["source_to_target"]["times_left_out"], 6);
    assert_eq!(object["source_to_target"]["n"], 397 - 6);
    assert_eq!(object["target_to_source"]["times_left_out"], 4);
    assert!(told(folder.path(), &dropped).contains("6 times are left out"));
    // Only row 50 lacks.
    let gaps = fs::read_to_string(folder.path().join("gaps.csv")).unwrap();
    let whole = fs::read_to_string(folder.path().join("t.csv")).unwrap();
    let lines: Vec<&str> = gaps.lines().take(201).chain(whole.lines().skip(201)).collect();
    fs::write(folder.path().join("gap.csv"), lines.join("\n") + "\n").unwrap();
    let of_gap = ["transfer", "gap.csv", "--source", "x", "--target", "y", "--estimator", "gcmi"];
    let text = told(folder.path(), &[&of_gap[..], &["--missing", "drop"]].concat());
    assert!(text.contains("  1 time is left out, as a row that it needs is missing\n"), "{text}");
    assert!(text.contains("  2 times are left out, as a row that they need is missing\n"), "{text}");
    let object = json(
        folder.path(),
        &["lagged", "gaps.csv:x", "gaps.csv:y", "--lags", "0,5", "--missing", "drop", "--estimator", "gcmi"],
    );
    assert_eq!((object.get("p_value_all_lags"), &object["n_lags"]), (Some(&Value::Null), &2.into()));
    assert_eq!((&object["lags"][1]["lag"], &object["lags"][1]["n"]), (&5.into(), &393.into()));
}

#[test]
fn lags_have_a_line_each() {
    let folder = folder();
    let lagged =
        ["lagged", "t.csv:x", "t.csv:y", "--lags", "-2..3", "--estimator", "gcmi", "--permutations", "39"];
    let object = json(folder.path(), &lagged);
    let nats: Vec<f64> =
        object["lags"].as_array().unwrap().iter().map(|at| at["nats"].as_f64().unwrap()).collect();
    assert_eq!(nats.len(), 6);
    // X acts on Y a row later.
    assert!((0..6).filter(|&at| at != 3).all(|at| nats[3] > nats[at] + 0.1), "{nats:?}");
    let text = told(folder.path(), &lagged);
    assert_eq!(text.lines().filter(|line| line.trim_start().starts_with("-2 ")).count(), 1, "{text}");
    assert!(text.contains("estimator gcmi") && text.contains("Bonferroni"), "{text}");
    // 1/40 is the least p-value of 39 rotations.
    assert_eq!(object["n_lags"], 6);
    assert!((object["p_value_all_lags"].as_f64().unwrap() - 6.0 / 40.0).abs() < 1e-12, "{object}");
    assert!(text.contains("at these 6 lags: 0.150000 at most"), "{text}");
    // Lag 0 of a series with itself has no answer; the others have.
    let itself = ["lagged", "t.csv:x", "t.csv:x", "--lags", "0..2", "--no-standard-error"];
    let itself = told(folder.path(), &[&itself[..], &["--estimator", "gcmi"]].concat());
    assert!(itself.contains("     0  no value") && itself.contains("     2  "), "{itself}");
    assert!(itself.contains("\nlag 0: ") && itself.contains("\nlags 1, 2: estimator gcmi"), "{itself}");
}

#[test]
fn short_series_and_wrong_lags_are_refused_with_what_is_possible() {
    let folder = folder();
    let path = folder.path();
    fs::write(path.join("short.csv"), "x,y\n1,2\n2,4\n3,1\n5,2\n8,8\n1,3\n2,2\n4,1\n7,5\n3,3\n6,1\n9,4\n")
        .unwrap();
    let transfer = ["estimate", "transfer", "short.csv", "--source", "x", "--target", "y"];
    let message = refused(path, &[&transfer[..], &["--lag", "3"]].concat(), 2);
    assert!(
        message.contains("at least 13 samples, got 12") && message.contains("give 13 rows or more"),
        "{message}"
    );
    let message = refused(path, &["estimate", "lagged", "short.csv:x", "short.csv:y"], 2);
    assert!(message.contains("a lag of 10 needs at least 20"), "{message}");
    for (lags, parts) in [
        ("0..400", ["a lag of 400 needs at least 410 samples, got 400", "give 410 rows or more"]),
        ("-395..3", ["a lag of -395 needs at least 405 samples, got 400", "a smaller lag in --lags"]),
    ] {
        let message = refused(path, &["estimate", "lagged", "t.csv:x", "t.csv:y", "--lags", lags], 2);
        assert!(parts.iter().all(|part| message.contains(part)), "{message}");
    }
    for (flag, given, other) in [("--source", "", "--target"), ("--target", " ,", "--source")] {
        let message = refused(path, &["estimate", "transfer", "t.csv", flag, given, other, "x"], 2);
        assert!(message.contains(&format!("{flag}: the name of the column is empty")), "{message}");
    }
    let message = refused(path, &[&transfer[..], &["--lag", "0"]].concat(), 2);
    assert!(message.contains("whole numbers from 1"), "{message}");
    let message = refused(path, &["estimate", "lagged", "short.csv:x", "short.csv:y", "--lags", "3..1"], 2);
    assert!(message.contains("FIRST..LAST"), "{message}");
    let message = refused(path, &["estimate", "transfer", "t.csv", "--source", "bit", "--target", "y"], 2);
    assert!(message.contains("--source-discrete"), "{message}");
    let message =
        refused(path, &["estimate", "transfer", "t.csv", "--source", "nowhere", "--target", "y"], 2);
    assert!(message.contains("nowhere"), "{message}");
    let constant = told(path, &["transfer", "t.csv", "--source", "constant", "--target", "y"]);
    assert!(constant.contains("never changes"), "{constant}");
}

#[test]
fn long_names_of_series_are_shortened() {
    let folder = folder();
    let text = fs::read_to_string(folder.path().join("t.csv")).unwrap();
    let (x, y) = ("x".repeat(300), "y".repeat(300));
    fs::write(folder.path().join("long.csv"), text.replacen("x,y,", &format!("{x},{y},"), 1)).unwrap();
    let transfer = ["transfer", "long.csv", "--source", &x, "--target", &y, "--estimator", "gcmi"];
    let text = told(folder.path(), &transfer);
    assert!(text.contains("…") && text.contains("xxx to yyy"), "{text}");
}

#[test]
fn z_may_be_numbers_beside_symbols() {
    let folder = folder();
    let pair = ["pair", "t.csv:b", "t.csv:c", "--given", "t.csv:z"];
    let mixed =
        json(folder.path(), &[&pair[..], &["--given-symbols", "t.csv:g", "--permutations", "39"]].concat());
    // The sign of the dependence is that of the class: −½ ln(1 − .64) = .51 given both.
    assert!((mixed["nats"].as_f64().unwrap() - 0.51).abs() < 0.2, "{mixed}");
    assert_eq!((&mixed["estimator"], &mixed["p_value"]), (&"frenzel-pompe".into(), &0.025.into()));
    assert!(mixed["standard_error_nats"].as_f64().unwrap() > 0.0);
    let by_ksg = [&["estimate"], &pair[..], &["--given-symbols", "t.csv:g", "--estimator", "ksg"]].concat();
    assert!(refused(folder.path(), &by_ksg, 2).contains("auto and frenzel-pompe"));
    // What Z determines shares nothing.
    let itself =
        ["pair", "t.csv:g", "t.csv:c", "--x-discrete", "--given", "t.csv:z", "--given-symbols", "t.csv:g"];
    let text = told(folder.path(), &itself);
    assert!(text.contains("I(X;Y|Z) = 0.000000") && text.contains("Z determines X"), "{text}");
}

#[test]
fn normalised_information_has_five_definitions_and_none_for_numbers() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("t.csv"), "a,b,one\nu,p,k\nu,q,k\nv,q,k\nv,q,k\n").unwrap();
    let of = |b: &str, by: &str| {
        let b = format!("t.csv:{b}");
        let pair = [
            "pair",
            "t.csv:a",
            &b,
            "--x-discrete",
            "--y-discrete",
            "--estimator",
            "plug-in",
            "--normalised",
            by,
        ];
        (json(folder.path(), &pair), told(folder.path(), &pair))
    };
    let (object, text) = of("b", "all");
    let values =
        ["joint", "max", "sum", "sqrt", "min"].map(|name| object["normalised"][name].as_f64().unwrap());
    let expected = [0.2075187496, 0.3112781245, 0.3437110185, 0.3455920299, 0.3836885466];
    assert!(values.iter().zip(expected).all(|(value, expected)| (value - expected).abs() < 1e-9), "{object}");
    assert!(text.contains("sum    2I/(H(X) + H(Y))   = 0.343711"), "{text}");
    let (object, text) = of("one", "min");
    assert_eq!(object["normalised"], serde_json::json!({"min": null}));
    assert!(
        object["normalised_reason"].as_str().unwrap().contains("H = 0") && text.contains("undefined"),
        "{text}"
    );
    let numbers: String =
        (0..100).map(|row| format!("{:?},{:?}\n", normal(row, 0), normal(row, 0) + normal(row, 1))).collect();
    fs::write(folder.path().join("n.csv"), format!("x,y\n{numbers}")).unwrap();
    let message =
        refused(folder.path(), &["estimate", "pair", "n.csv:x", "n.csv:y", "--normalised", "sum"], 2);
    assert!(message.contains("differential"), "{message}");
    let pair = ["pair", "n.csv:x", "n.csv:y", "--estimator", "gcmi", "--normalised", "linfoot"];
    let object = json(folder.path(), &pair);
    let expected = (1.0 - (-2.0 * object["nats"].as_f64().unwrap()).exp()).sqrt();
    assert!((object["linfoot_correlation"].as_f64().unwrap() - expected).abs() < 1e-12);
    assert!(told(folder.path(), &pair).contains("Linfoot"));
}
