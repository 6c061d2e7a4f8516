//! `infoplane as-if-random` as people and scripts use it.

#[allow(dead_code)] // the rest of it is for other tests
mod call;
mod files;

use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use call::{infoplane, stdout};
use files::bytes;

fn json(folder: &Path, arguments: &[&str]) -> Value {
    let arguments = [&["as-if-random"], arguments, &["--json"]].concat();
    serde_json::from_str(&stdout(&infoplane(folder, &arguments))).expect("one JSON object")
}

/// A training of a moment, on few inputs.
const SHORT: [&str; 6] = ["--set", "training.epochs=8", "--inputs", "64", "--seeds", "2"];

#[test]
fn a_run_is_taken_up_and_its_result_read_the_second_time() {
    let folder = TempDir::new().unwrap();
    let short = ["--set", "training.epochs=12", "--set", "schedule.points=2", "--seeds", "2"];
    stdout(&infoplane(folder.path(), &[&["run", "tishby2017", "--out", "out"], &short[..]].concat()));
    let run = bytes(&folder.path().join("out"));

    let call = ["out", "--window", "4", "--inputs", "64"];
    let object = json(folder.path(), &call);
    assert_eq!(object["result"], "out/as-if-random");
    assert_eq!(object["h_x_bits"], 6.0);
    assert_eq!(object["settings"]["pool"]["window"], 4);
    let layers = object["layers"].as_array().unwrap();
    assert_eq!(layers.len(), 12, "two seeds of six layers");
    for layer in layers {
        assert_eq!((&layer["n_networks"], layer["estimator"].as_str()), (&4.into(), Some("binned")));
        let [h_t, i_xt, i_ty] =
            ["h_t_bits", "i_xt_bits", "i_ty_bits"].map(|key| layer[key].as_f64().unwrap());
        assert!(i_ty <= i_xt + 1e-9 && i_xt <= h_t + 1e-9 && i_xt <= 6.0 + 1e-9, "{layer}");
        assert!(
            ["stationary", "unchanged", "drifting", "too-few-networks"]
                .contains(&layer["verdict"].as_str().unwrap())
        );
    }
    for mean in object["means"].as_array().unwrap() {
        let of_layer = layers.iter().filter(|layer| layer["layer"] == mean["layer"]);
        for key in ["i_xt_bits", "drift"] {
            let values: Vec<f64> = of_layer.clone().map(|layer| layer[key].as_f64().unwrap()).collect();
            let half = (values[0] - values[1]).abs() / 2.0;
            assert!((mean[key].as_f64().unwrap() - (values[0] + values[1]) / 2.0).abs() < 1e-9, "{mean}");
            let error = match key.strip_suffix("_bits") {
                Some(name) => mean[format!("{name}_standard_error_bits")].as_f64(),
                None => mean[format!("{key}_standard_error")].as_f64(),
            };
            assert!((error.unwrap() - half).abs() < 1e-9, "{mean}");
        }
        assert!(mean.get("drift_share").is_some());
    }
    let seeds = object["seeds"].as_array().unwrap();
    assert!(seeds.len() == 2 && seeds.iter().all(|seed| seed["status"] == "ok" && seed["pooled"] == true));
    let result = folder.path().join("out/as-if-random");
    let before = bytes(&result);
    for file in
        ["as-if-random.toml", "outcome.toml", "pool.jsonl", "drift.jsonl", "window.jsonl", "overlap.jsonl"]
    {
        assert!(result.join(file).exists(), "{file}");
    }
    for file in object["files"].as_array().unwrap() {
        assert!(folder.path().join(file.as_str().unwrap()).exists(), "{file}");
    }
    assert_eq!(fs::read_to_string(result.join("window.jsonl")).unwrap().lines().count(), 8);

    // The same again is there; something else gets a place of its own, and the run stays as it was.
    assert_eq!(json(folder.path(), &call)["result"], "out/as-if-random");
    assert_eq!(bytes(&result), before);
    let other = json(folder.path(), &["out", "--window", "5", "--inputs", "64", "--bins", "10"]);
    assert_eq!(other["result"], "out/as-if-random-2");
    assert_eq!(other["settings"]["estimators"][0]["bins"], 10);
    assert_eq!(other["settings"]["estimators"][0]["range"], "layer");
    for (name, content) in run {
        assert_eq!(fs::read(folder.path().join("out").join(&name)).unwrap(), content, "{}", name.display());
    }

    let info = stdout(&infoplane(folder.path(), &["info", "out/as-if-random"]));
    assert!(info.contains("4 networks of each training run, one epoch apart"), "{info}");
    assert!(info.contains("complete      8 networks"), "{info}");
    stdout(&infoplane(folder.path(), &["report", "out/as-if-random"]));
    assert_eq!(bytes(&result), before);
    stdout(&infoplane(folder.path(), &["report", "out/as-if-random", "--html", "--out", "page"]));
    assert!(fs::read_to_string(folder.path().join("page/index.html")).unwrap().contains("\"pool-trend\""));

    // Training anew comes to the same.
    let anew = [&["tishby2017", "--window", "4", "--inputs", "64", "--out", "anew"], &short[..]].concat();
    json(folder.path(), &anew);
    let digests = |path: &str| fs::read_to_string(folder.path().join(path).join("outcome.toml")).unwrap();
    assert!(digests("anew").contains("xxh3-128:"));
    assert_eq!(digests("anew"), digests("out/as-if-random"));
}

#[test]
fn presets_are_pooled_by_steps_and_over_seeds() {
    let folder = TempDir::new().unwrap();
    let steps = [&["tishby2017", "--steps", "--window", "3", "--stride", "2"], &SHORT[..]].concat();
    let object = json(folder.path(), &steps);
    assert_eq!(object["result"], "runs/tishby2017-modified-as-if-random");
    assert_eq!(object["settings"]["pool"]["over"], "steps");
    let seeds = [&["tishby2017", "--across-seeds", "--epoch", "5"], &SHORT[..]].concat();
    let object = json(folder.path(), &seeds);
    assert_eq!(object["result"], "runs/tishby2017-modified-as-if-random-2");
    assert!(object["layers"].as_array().unwrap().iter().all(|layer| layer["seed"].is_null()));
    let noise = ["--estimator", "noise", "--noise-variance", "0.01", "--set", "estimator.bounds=true"];
    let noise = [&["tishby2017", "--window", "2", "--out", "noise"], &noise[..], &SHORT[..]].concat();
    assert_eq!(json(folder.path(), &noise)["settings"]["estimators"][0]["bounds"], true);
}

#[test]
fn nonsense_is_refused_with_a_reason() {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("empty")).unwrap();
    for (arguments, told) in [
        (&["tishby2017", "--window", "0"][..], "window = 0"),
        (&["tishby2017", "--stride", "0"], "stride = 0"),
        (&["tishby2017", "--window", "some"], "--window"),
        (&["tishby2017", "--window", "1000"], "9 fit (window = 9)"),
        (&["tishby2017"], "a window of 256 networks"),
        (&["tishby2017", "--estimator", "kde", "--noise-variance", "0.1"], "a window of 64 networks"),
        (&["tishby2017", "--last", "9"], "last = 9, but training.epochs = 8"),
        (&["tishby2017", "--epoch", "3"], "--across-seeds"),
        (&["tishby2017", "--across-seeds", "--window", "3"], "--window"),
        (&["tishby2017", "--across-seeds", "--set", "seeds=1"], "flags: --seeds;"),
        (&["tishby2017", "--window", "1000"], "flags: --window, --stride;"),
        (&["tishby2017", "--last", "9"], "flags: --last;"),
        (&["tishby2017", "--across-seeds", "--epoch", "9", "--seeds", "2"], "flags: --epoch;"),
        (&["tishby2017", "--window", "4", "--memory", "1KiB"], "flags: --window, --inputs, --memory;"),
        (
            &["tishby2017", "--across-seeds", "--seeds", "2", "--set", "dataset.measured_on=test"],
            "flags: --set dataset.measured_on=all;",
        ),
        (&["tishby2017", "--window", "4", "--estimator", "binned", "--k", "3"], "--k is not for"),
        (&["tishby2017", "--window", "4", "--estimator", "nonsense"], "nonsense"),
        (&["tishby2017", "--window", "4", "--set", "estimator.nonsense=1"], "nonsense"),
        (&["tishby2017", "--window", "4", "--set", "training.epoch=1"], "did you mean `epochs`"),
        (&["empty", "--window", "4"], "holds no run"),
        (&["tishby", "--window", "4"], "did you mean `tishby2017`"),
    ] {
        let short = ["--set", "training.epochs=8", "--out", "out"];
        let arguments = [&["as-if-random"], arguments, &short].concat();
        let output = infoplane(folder.path(), &arguments);
        let message = String::from_utf8(output.stderr).expect("text");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {message}");
        assert!(message.contains(told) && !message.contains("panicked"), "{arguments:?}: {message}");
        assert!(output.stdout.is_empty() && !folder.path().join("out").exists());
    }
}
