//! The command as people and scripts use it: the built binary, run for real.

#[allow(dead_code)] // the rest of it is for other tests
mod call;
mod files;
#[cfg(unix)]
mod signals;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use call::{command, infoplane, refused, stdout};
use files::bytes;

/// A run of a second or so.
const SHORT: [&str; 6] = ["--set", "training.epochs=12", "--set", "schedule.points=4", "--set", "seeds=2"];

fn short_run(folder: &Path, out: &str, more: &[&str]) -> Value {
    let short = if more.contains(&"--seeds") { &SHORT[..4] } else { &SHORT[..] };
    let arguments = [&["run", "tishby2017", "--json", "--out", out], short, more].concat();
    serde_json::from_str(&stdout(&infoplane(folder, &arguments))).expect("one JSON object")
}

#[test]
fn a_run_leaves_table_and_figures_and_says_so_in_json() {
    let folder = TempDir::new().unwrap();
    let object = short_run(folder.path(), "out", &[]);
    assert_eq!((&object["run"], &object["epochs"]), (&"out".into(), &12.into()));
    assert_eq!(object["measured_epochs"], 4);
    assert_eq!(object["seeds"], 2);
    assert_eq!(object["outcomes"][1]["ended"]["kind"], "epochs");
    // 2 seeds × 4 epochs × 6 layers × (one binning and two bounds).
    assert_eq!(object["rows"], 2 * 4 * 6 * 3);
    for key in ["seconds", "train_seconds", "measure_seconds"] {
        assert!(object[key].as_f64().is_some_and(|seconds| seconds > 0.0), "{key}");
    }
    let out = folder.path().join("out");
    let plane = fs::read_to_string(out.join("plane.jsonl")).unwrap();
    assert_eq!(plane.lines().count(), 144);
    let first: Value = serde_json::from_str(plane.lines().next().unwrap()).unwrap();
    assert_eq!((&first["seed"], &first["epoch"], &first["layer"]), (&0.into(), &0.into(), &1.into()));
    let csv = fs::read_to_string(out.join("report/plane.csv")).unwrap();
    assert_eq!(
        csv.lines().next().unwrap(),
        "seed,epoch,layer,layer_name,width,method,estimator,setting,bound,part,i_xt_bits,i_ty_bits,i_xt_standard_error_bits,\
         i_ty_standard_error_bits,i_ty_shuffled_bits,i_ty_above_shuffled_bits,out_of_range,alone,status"
    );
    assert_eq!(csv.lines().count(), 145);
    // The binned readings have shuffled labels and the samples alone beside them; for the others
    // that would cost a run too much.
    for line in plane.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
        let binned = line["method"].as_str().unwrap().starts_with("binned");
        assert_eq!(line["i_ty_shuffled_bits"].is_f64(), binned, "{line}");
        assert_eq!(line["alone"].is_u64(), binned, "{line}");
    }
    for file in object["files"].as_array().expect("a list") {
        assert!(folder.path().join(file.as_str().unwrap()).exists(), "{file}");
    }
    assert!(bytes(&out).iter().all(|(path, _)| !path.to_string_lossy().ends_with(".partial")));
}

#[test]
fn every_byte_is_the_same_for_any_number_of_threads() {
    let folder = TempDir::new().unwrap();
    for threads in ["1", "2", "8"] {
        short_run(folder.path(), threads, &["--threads", threads, "--seeds", "3"]);
    }
    let one = bytes(&folder.path().join("1"));
    assert!(one.len() > 5);
    assert_eq!(one, bytes(&folder.path().join("2")));
    assert_eq!(one, bytes(&folder.path().join("8")));
}

#[test]
fn other_seeds_give_other_numbers() {
    let folder = TempDir::new().unwrap();
    short_run(folder.path(), "a", &[]);
    short_run(folder.path(), "b", &["--set", "first_seed=10"]);
    let last = |run: &str| {
        let plane = fs::read_to_string(folder.path().join(run).join("plane.jsonl")).unwrap();
        let row: Value = serde_json::from_str(plane.lines().last().unwrap()).unwrap();
        row["i_xt_bits"].as_f64().unwrap()
    };
    assert_ne!(last("a"), last("b"));
}

#[test]
fn a_preset_copied_to_a_file_is_the_same_experiment() {
    let folder = TempDir::new().unwrap();
    let text = stdout(&infoplane(folder.path(), &["presets", "tishby2017"]));
    fs::write(folder.path().join("mine.toml"), text).unwrap();
    short_run(folder.path(), "preset", &[]);
    let arguments = [&["run", "mine.toml", "--out", "file"], &SHORT[..]].concat();
    assert!(infoplane(folder.path(), &arguments).status.success());
    assert_eq!(bytes(&folder.path().join("preset")), bytes(&folder.path().join("file")));
}

#[test]
fn paths_in_a_file_start_beside_it() {
    let folder = TempDir::new().unwrap();
    fs::create_dir_all(folder.path().join("mine/data")).unwrap();
    fs::write(folder.path().join("mine/data/task.csv"), "a,b,y\n0,0,0\n0,1,1\n1,0,1\n1,1,0\n").unwrap();
    let text = stdout(&infoplane(folder.path(), &["presets", "tishby2017"]))
        .replace("{ kind = \"symmetric12\" }", "{ kind = \"csv\", file = \"data/task.csv\" }")
        .replace("train_fraction = 0.8", "train_fraction = 1.0");
    fs::write(folder.path().join("mine/xor.toml"), text).unwrap();
    let arguments = [&["run", "mine/xor.toml", "--json", "--out", "out"], &SHORT[..]].concat();
    let object: Value = serde_json::from_str(&stdout(&infoplane(folder.path(), &arguments))).unwrap();
    assert_eq!(object["rows"], 144);
}

#[test]
fn info_and_report_read_what_run_wrote() {
    let folder = TempDir::new().unwrap();
    short_run(folder.path(), "out", &[]);
    let before = bytes(&folder.path().join("out"));
    let info = stdout(&infoplane(folder.path(), &["info", "out"]));
    assert!(info.contains("finished: 8 epochs measured, 144 rows"), "{info}");
    assert!(info.contains("H(X) = 12.0000 bits"), "{info}");
    let info: Value =
        serde_json::from_str(&stdout(&infoplane(folder.path(), &["info", "out", "--json"]))).unwrap();
    assert_eq!((&info["state"], &info["rows"]), (&"finished".into(), &144.into()));
    fs::remove_dir_all(folder.path().join("out/report")).unwrap();
    let told = stdout(&command(folder.path(), &["report", "out"]).env("LC_ALL", "C").output().unwrap());
    assert_eq!(bytes(&folder.path().join("out")), before);
    // The plane of the first method stands below the tables, in characters that any terminal has.
    let plane = told.split("Information plane: binned, 30 edges on [−1, 1]\n").nth(1).expect("a plane");
    let plane = plane.split("\n\n").next().expect("its lines");
    assert!(plane.contains("I(X;T)  [bits]") && plane.contains("6 T6 (2, softmax)"), "{plane}");
    assert!(plane.is_ascii() && plane.lines().all(|line| line.len() <= 80), "{plane}");
}

#[test]
fn a_report_can_be_one_page() {
    let folder = TempDir::new().unwrap();
    short_run(folder.path(), "out", &[]);
    fs::remove_dir_all(folder.path().join("out/report")).unwrap();
    let told = stdout(&infoplane(folder.path(), &["report", "out", "--html"]));
    assert!(told.trim_end().ends_with("index.html"), "{told}");
    let page = fs::read_to_string(folder.path().join("out/report/index.html")).unwrap();
    assert!(page.starts_with("<!doctype html>") && page.contains("infoplane report out --html"));
    assert_eq!(fs::read_dir(folder.path().join("out/report")).unwrap().count(), 1);
    // The folders of this machine are not what a reader elsewhere needs.
    let whole = folder.path().join("out").display().to_string();
    stdout(&infoplane(folder.path(), &["report", &whole, "--html"]));
    let again = fs::read_to_string(folder.path().join("out/report/index.html")).unwrap();
    assert_eq!(again, page);
    short_run(folder.path(), "other", &["--set", "name=other"]);
    let both = ["report", "out", "other", "--html", "--out", "both", "--json"];
    let object: Value = serde_json::from_str(&stdout(&infoplane(folder.path(), &both))).unwrap();
    assert_eq!(object["files"], serde_json::json!(["both/index.html"]));
    let refused = refused(folder.path(), &["report", "out", "--html", "--format", "pdf"], 2);
    assert!(refused.contains("--html") && refused.contains("--format"), "{refused}");
}

#[test]
fn runs_are_shown_to_this_machine_alone_unless_there_is_a_token() {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("runs")).unwrap();
    let told = refused(folder.path(), &["serve", "nothing"], 2);
    assert!(told.contains("nothing is no folder"), "{told}");
    let told = refused(folder.path(), &["serve", "runs", "--address", "0.0.0.0", "--port", "0"], 2);
    assert!(told.contains("add --token"), "{told}");
    let told = refused(folder.path(), &["serve", "runs", "--token", "short"], 2);
    assert!(told.contains("eight or more letters and digits"), "{told}");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let told = refused(folder.path(), &["serve", "runs", "--port", &port], 1);
    assert!(told.contains(&port) && told.contains("--port 0"), "{told}");
}

#[test]
fn without_out_runs_are_numbered_and_never_overwritten() {
    let folder = TempDir::new().unwrap();
    for name in ["tishby2017-modified", "tishby2017-modified-2"] {
        let arguments = [&["run", "--json"], &SHORT[..4], &["--seeds", "1"]].concat();
        let object: Value = serde_json::from_str(&stdout(&infoplane(folder.path(), &arguments))).unwrap();
        assert_eq!(object["run"], format!("runs/{name}"));
    }
}

#[test]
fn a_directory_that_holds_something_is_left_alone() {
    let folder = TempDir::new().unwrap();
    short_run(folder.path(), "out", &[]);
    let before = bytes(folder.path());
    let message = refused(folder.path(), &[&["run", "--out", "out"], &SHORT[..]].concat(), 2);
    assert!(message.contains("out already holds a run"), "{message}");
    assert_eq!(bytes(folder.path()), before);
    fs::create_dir(folder.path().join("letters")).unwrap();
    fs::write(folder.path().join("letters/a.txt"), "dear").unwrap();
    let message = refused(folder.path(), &[&["run", "--out", "letters"], &SHORT[..]].concat(), 2);
    assert!(message.contains("letters is not empty and holds no run"), "{message}");
}

#[test]
fn a_flag_and_a_key_that_say_the_same_are_refused() {
    let folder = TempDir::new().unwrap();
    let message = refused(folder.path(), &["run", "--seeds", "2", "--set", "seeds=1", "--out", "out"], 2);
    assert!(message.contains("--seeds and --set seeds=1 give the same key"), "{message}");
    let epochs = ["as-if-random", "tishby2017", "--epochs", "9", "--set", "training.epochs=8"];
    assert!(refused(folder.path(), &epochs, 2).contains("--epochs and --set training.epochs=8"));
    assert!(!folder.path().join("out").exists());
}

#[test]
fn mistakes_in_an_experiment_name_the_key_and_what_is_allowed() {
    let folder = TempDir::new().unwrap();
    for (set, parts) in [
        ("training.epoch=3", &["training.epoch", "did you mean `epochs`?"][..]),
        ("sched.points=3", &["unknown key `sched`", "did you mean `schedule`?"]),
        ("training.optimizer.learning_rat=1", &["learning_rat", "did you mean `learning_rate`?"]),
        ("estimators.0.bins=0", &["estimators[0]", "bins = 0", "2 to 65536 edges"]),
        ("estimators.0.rule=edgy", &["unknown variant `edgy`", "did you mean `edges`?"]),
        ("estimators.1.noise_variances=[-0.001]", &["estimators[1]", "-0.001"]),
        ("estimators.1.noise_variances=[]", &["estimators[1]", "noise_variances"]),
        ("estimators.7.bins=3", &["`7` is no position in a list of 2"]),
        ("estimators=[]", &["estimators is empty"]),
        ("network.nonlinearity=tan", &["network.nonlinearity"]),
        ("network.hidden=[10, 0]", &["network.hidden[1] = 0"]),
        ("dataset.split.train_fraction=1.5", &["1.5"]),
        ("schedule.points=1", &["schedule.points = 1", "2 or more"]),
        ("seeds=0", &["seeds = 0"]),
        ("name=../../etc", &["name = \"../../etc\""]),
        ("training.epochs", &["there is no `=` in it"]),
        ("training.epochs.x=1", &["`epochs` is an integer"]),
    ] {
        let message = refused(folder.path(), &["run", "--set", set, "--out", "out"], 2);
        for part in parts {
            assert!(message.contains(part), "--set {set}: {message:?} lacks {part:?}");
        }
        assert!(!folder.path().join("out").exists(), "--set {set} left something behind");
    }
}

#[test]
fn unknown_experiments_and_broken_files_are_told_apart() {
    let folder = TempDir::new().unwrap();
    let message = refused(folder.path(), &["run", "tishby2018"], 2);
    assert!(message.contains("did you mean `tishby2017`?"), "{message}");
    let message = refused(folder.path(), &["run", "mine.toml"], 2);
    assert!(message.contains("cannot read mine.toml"), "{message}");
    fs::write(folder.path().join("mine.toml"), "name = \"x\"\nseeds = = 3\n").unwrap();
    let message = refused(folder.path(), &["run", "mine.toml"], 2);
    assert!(message.contains("mine.toml is not valid TOML") && message.contains("line 2"), "{message}");
    let message = refused(folder.path(), &["info", "nowhere"], 2);
    assert!(message.contains("nowhere holds no run: it does not exist"), "{message}");
    let message = refused(folder.path(), &["run", "--epochs", "abc"], 2);
    assert!(message.contains("allowed are whole numbers from 0"), "{message}");
    assert!(refused(folder.path(), &["presets", "tishbi2017"], 2).contains("tishby2017"));
}

#[test]
fn another_format_version_is_refused() {
    let folder = TempDir::new().unwrap();
    short_run(folder.path(), "out", &[]);
    let manifest = folder.path().join("out/manifest.toml");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, text.replace("format_version = 3", "format_version = 99")).unwrap();
    let message = refused(folder.path(), &["report", "out"], 2);
    assert!(message.contains("format version 99") && message.contains("versions 2 and 3"), "{message}");
}

/// A second of ReLU networks: seed 1 learns, seed 2 begins with a layer that is dead for every input.
const ONE_DEAD: [&str; 13] = [
    "run",
    "saxe2018-relu",
    "--seeds=2",
    "--set=first_seed=1",
    "--set=training.epochs=20",
    "--set=training.optimizer.learning_rate=0.01",
    "--set=schedule.points=3",
    "--set=estimators=[{ kind = \"binned\", rule = \"equal\", bins = 30, range = \"layer\" }]",
    "--out",
    "relu",
    "--threads",
    "2",
    "--json",
];

#[test]
fn a_seed_that_did_not_learn_is_named_and_in_the_mean_only_when_asked() {
    let folder = TempDir::new().unwrap();
    let run = folder.path().join("relu");
    let object: Value = serde_json::from_str(&stdout(&infoplane(folder.path(), &ONE_DEAD))).unwrap();
    assert_eq!((&object["seeds_not_learned"], &object["all_seeds"]), (&vec![2].into(), &false.into()));
    let summary = || fs::read_to_string(run.join("report/summary.md")).unwrap();
    let figure = || {
        let name = "report/information-binned-30-equal-bins-on-each-layer-s-range.svg";
        fs::read_to_string(run.join(name)).unwrap()
    };
    let repeats = || fs::read_to_string(run.join("report/repeats.csv")).unwrap();
    let said = "seed 2 did not learn (training accuracy 0.50, guessing gives 0.50).";
    let left_out = format!("Mean of 1 of 2 seeds; {said}");
    assert!(summary().contains(&left_out) && figure().contains(&left_out), "{}", summary());
    assert!(figure().contains("mean of 1 of 2 seeds"));
    assert!(repeats().lines().skip(1).all(|line| line.ends_with(",,2")), "{}", repeats());
    let info = stdout(&infoplane(folder.path(), &["info", "relu"]));
    assert!(info.contains("failed      seed 2 did not learn (training accuracy 0.50"), "{info}");

    let before = bytes(&run);
    let told = stdout(&infoplane(folder.path(), &["report", "relu", "--all-seeds"]));
    let kept = format!("Mean of all 2 seeds; {said}");
    // Long lines are broken on the screen.
    let on_one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(on_one_line(&told).contains(&on_one_line(&kept)), "{told}");
    assert!(summary().contains(&kept) && figure().contains(&kept), "{}", summary());
    assert!(repeats().lines().skip(1).all(|line| line.ends_with(",2,")), "{}", repeats());
    // Of the run itself nothing has changed, nor of its table of rows.
    let of_the_run = |files: Vec<(PathBuf, Vec<u8>)>| -> Vec<_> {
        files
            .into_iter()
            .filter(|(path, _)| !path.starts_with("report") || path.ends_with("plane.csv"))
            .collect()
    };
    let (before, after) = (of_the_run(before), of_the_run(bytes(&run)));
    assert!(before.len() > 4);
    assert_eq!(before, after);
}

#[test]
fn a_diverged_training_is_told_with_its_epoch_and_the_run_is_kept() {
    let folder = TempDir::new().unwrap();
    let arguments = [
        &["run", "saxe2018-relu", "--out", "out", "--json"],
        &SHORT[..],
        &["--set", "training.optimizer={kind=\"sgd\", learning_rate=1e20}"],
    ]
    .concat();
    let output = infoplane(folder.path(), &arguments);
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{message}");
    assert!(message.contains("seed 0: training diverged at epoch 1"), "{message}");
    assert!(message.contains("seed 1: training diverged at epoch 1"), "{message}");
    let info = stdout(&infoplane(folder.path(), &["info", "out"]));
    // The last network there was is measured.
    assert!(info.contains("failed: 2 epochs measured"), "{info}");
}

/// Losses and gradients overflow some epochs before the training does.
#[test]
fn a_training_on_its_way_to_infinity_is_readable() {
    let folder = TempDir::new().unwrap();
    let arguments = [
        "run",
        "saxe2018-relu",
        "--out",
        "out",
        "--set",
        "network.nonlinearity=linear",
        "--set",
        "network.output=linear",
        "--set",
        "training.loss=squared-error",
        "--set",
        "training.epochs=60",
        "--set",
        "training.optimizer={kind=\"sgd\", learning_rate=3}",
        "--set",
        "seeds=1",
        "--set",
        "schedule.points=4",
    ];
    let output = infoplane(folder.path(), &arguments);
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{message}");
    assert!(message.contains("seed 0: training diverged at epoch"), "{message}");
    stdout(&infoplane(folder.path(), &["report", "out"]));
}

#[test]
fn a_training_that_diverges_before_its_first_listed_epoch_has_its_last_network_measured() {
    let folder = TempDir::new().unwrap();
    let arguments = [
        &["run", "saxe2018-relu", "--out", "out", "--json"],
        &["--set", "training.optimizer={kind=\"sgd\", learning_rate=1e30}", "--set", "seeds=1"][..],
        &["--set", "schedule={kind=\"list\", epochs=[40]}", "--set", "training.epochs=60"],
        &["--set", "training.statistics={kind=\"never\"}"],
    ]
    .concat();
    let output = infoplane(folder.path(), &arguments);
    assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
    let object: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&object["epochs"], &object["measured_epochs"]), (&0.into(), &1.into()));
}

#[test]
fn runs_that_start_at_once_get_a_directory_each() {
    let folder = TempDir::new().unwrap();
    let arguments = [&["run", "--json", "--threads", "1"], &SHORT[..]].concat();
    let runs: Vec<_> = (0..4)
        .map(|_| {
            Command::new(env!("CARGO_BIN_EXE_infoplane"))
                .args(&arguments)
                .current_dir(folder.path())
                .stdout(std::process::Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    let mut names: Vec<String> = runs
        .into_iter()
        .map(|run| {
            let output = run.wait_with_output().unwrap();
            let object: Value = serde_json::from_slice(&output.stdout).unwrap();
            object["run"].as_str().unwrap().to_string()
        })
        .collect();
    names.sort();
    let expected = ["", "-2", "-3", "-4"].map(|number| format!("runs/tishby2017-modified{number}"));
    assert_eq!(names, expected);
}

#[test]
fn an_experiment_that_cannot_begin_leaves_nothing() {
    let folder = TempDir::new().unwrap();
    let set = "dataset.source={kind=\"csv\", file=\"gone.csv\"}";
    let message = refused(folder.path(), &["run", "--set", set], 2);
    assert!(message.contains("gone.csv"), "{message}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_leaves_a_valid_directory() {
    let folder = TempDir::new().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_infoplane"))
        .args(["run", "--out", "out", "--set", "training.epochs=1000000", "--set", "schedule.kind=every"])
        .args(["--set", "schedule={kind=\"every\", interval=10}"])
        .current_dir(folder.path())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    // Wait for the first rows rather than for a time.
    let journal = folder.path().join("out/journal.jsonl");
    while !fs::read_to_string(&journal).is_ok_and(|text| text.contains("{\"measured\":")) {
        assert!(child.try_wait().unwrap().is_none(), "the run ended by itself");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let id = child.id().to_string();
    let signal = if signals::is_ignored("-INT") { "-TERM" } else { "-INT" };
    assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", String::from_utf8_lossy(&output.stderr));
    let info = stdout(&infoplane(folder.path(), &["info", "out"]));
    assert!(info.contains("interrupted: "), "{info}");
    let text = fs::read_to_string(&journal).unwrap();
    assert!(
        text.ends_with('\n') && text.lines().all(|line| serde_json::from_str::<Value>(&line[9..]).is_ok())
    );
    stdout(&infoplane(folder.path(), &["report", "out"]));
}

/// Four samples, told apart by the sign of the first column.
fn layer_files(folder: &Path) {
    fs::write(folder.join("t.csv"), "a,b\n-0.9,0.5\n-0.8,0.5\n0.8,0.5\n0.9,0.5\n").unwrap();
    fs::write(folder.join("y.csv"), "y\n0\n0\n1\n1\n").unwrap();
}

#[test]
fn estimate_layer_gives_both_informations_in_both_units() {
    let folder = TempDir::new().unwrap();
    layer_files(folder.path());
    let layer = |more: &[&str]| -> Value {
        let arguments = [&["estimate", "layer", "t.csv", "--labels", "y.csv", "--json"], more].concat();
        serde_json::from_str(&stdout(&infoplane(folder.path(), &arguments))).unwrap()
    };
    for rule in ["edges", "equal"] {
        let object = layer(&["--estimator", "binned", "--bins", "3", "--range", "-1,1", "--rule", rule]);
        assert_eq!(object["estimator"], "binned");
        for information in ["i_xt", "i_ty"] {
            assert!((object[information]["bits"].as_f64().unwrap() - 1.0).abs() < 1e-12, "{rule} {object}");
            assert!((object[information]["nats"].as_f64().unwrap() - 2f64.ln()).abs() < 1e-12);
        }
    }
    let object = layer(&["--estimator", "binned", "--rule", "floor", "--bin-width", "0.05"]);
    assert!((object["i_xt"]["bits"].as_f64().unwrap() - 2.0).abs() < 1e-12);
    let object = layer(&["--estimator", "kde", "--noise-variance", "1e-6"]);
    for bound in ["upper", "lower"] {
        assert!((object["i_xt"][bound]["bits"].as_f64().unwrap() - 2.0).abs() < 1e-9, "{object}");
        assert!((object["i_ty"][bound]["nats"].as_f64().unwrap() - 2f64.ln()).abs() < 1e-9, "{object}");
    }
    // Equal inputs count as one: X = {1, 1, 2, 3} has 1.5 bits, and T tells no more of it.
    fs::write(folder.path().join("x.csv"), "x\n1\n1\n2\n3\n").unwrap();
    let object = layer(&["--estimator", "kde", "--noise-variance", "1e-6", "--inputs", "x.csv"]);
    assert!((object["h_x"]["bits"].as_f64().unwrap() - 1.5).abs() < 1e-12);
}

/// In 1000 bins each of four units nearly every sample is alone, and labels that have nothing to do with them have all of H(Y).
#[test]
fn estimate_layer_tells_samples_alone_and_shuffled_labels() {
    let folder = TempDir::new().unwrap();
    let mut state = 1u64;
    let mut next = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        state >> 40
    };
    let mut write = |name: &str, columns: usize, below: u64| {
        let row = |_| (0..columns).map(|_| (next() % below).to_string()).collect::<Vec<_>>().join(",");
        fs::write(folder.path().join(name), (0..2000).map(row).collect::<Vec<_>>().join("\n") + "\n")
            .unwrap();
    };
    write("t.csv", 4, 1_000_000);
    write("y.csv", 1, 2);
    let layer =
        ["estimate", "layer", "t.csv", "--labels", "y.csv", "--estimator", "binned", "--rule", "equal"];
    let of = |more: &[&'static str]| [&layer[..], &["--range", "layer", "--bins"], more].concat();
    let text = stdout(&infoplane(folder.path(), &of(&["1000"])));
    assert!(text.contains("of 2000 samples (100.0 %) are alone in their cell"), "{text}");
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("I(T;Y) with shuffled labels: 0.99"), "{text}");
    assert!(
        text.contains("That is 90 % of H(Y) or more for any labels: I(T;Y) tells nothing of the layer"),
        "{text}"
    );

    let json = |bins: &'static str| -> Value {
        serde_json::from_str(&stdout(&infoplane(folder.path(), &of(&[bins, "--json"])))).unwrap()
    };
    let many = json("1000");
    assert!(many["alone"].as_u64().unwrap() > 1990, "{many}");
    assert!(
        many["i_ty"]["bits"].as_f64().unwrap() > 0.99
            && many["i_ty"]["shuffled"]["bits"].as_f64().unwrap() > 0.99
    );
    // H(Y|T) is at most 1 bit for the samples that are not alone.
    assert!(many["i_ty"]["above_shuffled"]["bits"].as_f64().unwrap().abs() < 10.0 / 2000.0, "{many}");
    assert_eq!(many["i_ty"]["all_bias"], true);
    assert!(many["i_xt"].get("shuffled").is_none());
    // In 16 cells the bias is 15/4000 nats, ± √30/4000 from permutation to permutation.
    let few = json("2");
    assert_eq!((few["alone"].as_u64(), &few["i_ty"]["all_bias"]), (Some(0), &false.into()));
    let shuffled = few["i_ty"]["shuffled"]["nats"].as_f64().unwrap();
    assert!((shuffled - 15.0 / 4000.0).abs() < 4.0 * 30f64.sqrt() / 4000.0, "{shuffled}");
}

#[test]
fn estimate_units_takes_a_layer_apart() {
    let folder = TempDir::new().unwrap();
    // The label is the exclusive or of the first two units; the third is the first again, and the fourth is always the same.
    let rows = "a,b,copy,dead,y\n0,0,0,5,no\n0,1,0,5,yes\n1,0,1,5,yes\n1,1,1,5,no\n";
    fs::write(folder.path().join("t.csv"), rows).unwrap();
    let units = ["estimate", "units", "t.csv", "--labels", "t.csv:y", "--estimator", "plug-in"];
    let object: Value =
        serde_json::from_str(&stdout(&infoplane(folder.path(), &[&units[..], &["--json"]].concat())))
            .unwrap();
    assert_eq!((&object["n_units"], &object["redundancy_degree"]), (&4.into(), &0.0.into()), "{object}");
    assert_eq!(object["vulnerability_degree"], 1.0);
    assert_eq!(object["i_ty"]["bits"], 1.0);
    // A copy and a dead unit leave the complexity of the exclusive or, 1 + log2(4/3).
    let complexity = object["representational_complexity"].as_f64().unwrap();
    assert!((complexity - 1.415_037_499_3).abs() < 1e-9, "{object}");
    let atom = |name: &str| {
        let atoms = object["atoms"].as_array().unwrap();
        atoms.iter().find(|atom| atom["atom"] == name).unwrap()["bits"].as_f64().unwrap()
    };
    assert_eq!(object["atoms"].as_array().unwrap().len(), 166);
    assert!((atom("{1}{3}") - 1.5f64.log2()).abs() < 1e-9 && atom("{4}").abs() < 1e-9, "{object}");
    let of_units: Vec<f64> = object["units"]
        .as_array()
        .unwrap()
        .iter()
        .map(|unit| unit["i_unit_given_others_bits"].as_f64().unwrap())
        .collect();
    assert_eq!(of_units, [0.0, 1.0, 0.0, 0.0]);
    assert_eq!(object["units"][2]["unit"], "3 copy");
    let told = stdout(&infoplane(folder.path(), &units));
    assert!(told.contains("degree of vulnerability              1.0000"), "{told}");
    assert!(told.contains("{2}") && told.contains("2 b "), "{told}");
    assert!(told.lines().all(|line| line.chars().count() <= 80), "{told}");

    // What cannot be measured is refused with what can be done.
    for (arguments, parts) in [
        (
            &["t.csv", "--labels", "t.csv:y", "--estimator", "auto"][..],
            &["auto has no cells of layers and units", "--estimator binned"][..],
        ),
        // Whatever its settings are.
        (&["t.csv", "--labels", "t.csv:y", "--estimator", "kde"], &["kde has no cells"]),
        (&["t.csv", "--labels", "t.csv:y"], &["--estimator <NAME>"]),
        (&["t.csv:a,b", "--labels", "y.csv", "--estimator", "plug-in"], &["y.csv"]),
        (&["t.csv", "--labels", "t.csv:y", "--estimator", "binned"], &["rule"]),
    ] {
        let message = refused(folder.path(), &[&["estimate", "units"], arguments].concat(), 2);
        for part in parts {
            assert!(message.contains(part), "{arguments:?}: {message:?} lacks {part:?}");
        }
    }
}

#[test]
fn estimate_units_of_a_wide_layer_has_degrees_and_no_atoms() {
    let folder = TempDir::new().unwrap();
    let row = |i: u32| (0..50).map(|unit| (i >> (unit % 6) & 1).to_string()).collect::<Vec<_>>().join(",");
    let rows: String = (0..64).map(|i| format!("{}\n", row(i))).collect();
    fs::write(folder.path().join("t.csv"), rows).unwrap();
    let labels: String = (0..64u32).map(|i| format!("{}\n", i & 1)).collect();
    fs::write(folder.path().join("y.csv"), labels).unwrap();
    let units = ["estimate", "units", "t.csv", "--labels", "y.csv", "--estimator", "plug-in"];
    let told = stdout(&infoplane(folder.path(), &units));
    assert!(told.contains("… and 10 more; --json has all"), "{told}");
    assert!(told.contains("degree of redundancy                 9.0000"), "{told}");
    assert!(told.contains("degree of vulnerability              0.0000"), "{told}");
    assert!(
        told.contains("50 units have too many antichains") && told.contains("nothing below tells"),
        "{told}"
    );
}

/// Two bits, the first of them, and their exclusive or: all information is known.
#[test]
fn estimate_layers_compares_all_pairs() {
    let folder = TempDir::new().unwrap();
    let rows = |row: fn(u32, u32) -> String| -> String {
        (0..40).map(|i| format!("{}\n", row(i & 1, i >> 1 & 1))).collect()
    };
    fs::write(folder.path().join("both.csv"), rows(|a, b| format!("{a},{b}"))).unwrap();
    fs::write(folder.path().join("first.csv"), rows(|a, _| format!("{a}.5"))).unwrap();
    fs::write(folder.path().join("xor.csv"), rows(|a, b| format!("{}", a ^ b))).unwrap();
    fs::write(folder.path().join("dead.csv"), rows(|_, _| "5".into())).unwrap();
    let layers = ["estimate", "layers", "both.csv", "first.csv", "xor.csv", "--estimator", "plug-in"];
    let object: Value =
        serde_json::from_str(&stdout(&infoplane(folder.path(), &[&layers[..], &["--json"]].concat())))
            .unwrap();
    let pairs = object["information"][0]["pairs"].as_array().unwrap();
    let bits: Vec<f64> = pairs.iter().map(|pair| pair["i_bits"].as_f64().unwrap()).collect();
    let expected = [2.0, 1.0, 1.0, 1.0, 0.0, 1.0];
    assert!(bits.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-12), "{object}");
    assert_eq!((&object["layers"][0]["cells"], &object["layers"][0]["alone"]), (&4.into(), &0.into()));
    // Two uncorrelated bits of equal variance; one of them is half of what both are.
    let number = |value: &Value| value.as_f64().unwrap();
    assert!((number(&object["layers"][0]["effective_rank"]) - 2.0).abs() < 1e-9, "{object}");
    assert!((number(&object["linear_cka"][1]["biased"]) - 0.5f64.sqrt()).abs() < 1e-9, "{object}");
    assert!(number(&object["linear_cka"][4]["biased"]).abs() < 1e-12, "{object}");
    let told = stdout(&infoplane(folder.path(), &layers));
    assert!(told.contains("   1    2.0000    1.0000    1.0000"), "{told}");
    assert!(told.contains("3 xor.csv") && told.contains("linear CKA, unbiased"), "{told}");
    assert!(told.lines().all(|line| line.chars().count() <= 80), "{told}");
    // Inputs are symbols, as the first layer; a layer that never changes has no similarity.
    let inputs = ["estimate", "layers", "dead.csv", "--inputs", "both.csv", "--estimator", "binned"];
    let bins = ["--rule", "floor", "--bin-width", "10"];
    let told = stdout(&infoplane(folder.path(), &[&inputs[..], &bins].concat()));
    assert!(told.contains("1 both.csv") && told.contains("   1    2.0000    0.0000"), "{told}");
    assert!(told.contains("none: a layer that never changes has no similarity"), "{told}");
    // Bounds, and a value with its error.
    let noise = ["--estimator", "noise", "--noise-variance", "0.01", "--set", "bounds=true"];
    let told = stdout(&infoplane(folder.path(), &[&layers[..5], &noise].concat()));
    for part in ["standard errors are at most", "in bits, at most", "in bits, at least", "   1    2.0000"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    fs::write(folder.path().join("short.csv"), "1\n2\n").unwrap();
    let message =
        refused(folder.path(), &["estimate", "layers", "both.csv", "short.csv", "--estimator", "plug-in"], 2);
    assert!(message.contains("both.csv holds 40 samples, but short.csv holds 2"), "{message}");
}

#[test]
fn estimate_inputs_tells_which_columns_a_layer_knows() {
    let folder = TempDir::new().unwrap();
    let rows: String = (0..64).map(|i| format!("{},{},{},7\n", i & 1, i >> 1 & 1, i >> 2 & 1)).collect();
    fs::write(folder.path().join("x.csv"), format!("a,b,c,d\n{rows}")).unwrap();
    let layer: String = (0..64).map(|i| format!("{}\n", f64::from(i >> 1 & 1) - 0.3)).collect();
    fs::write(folder.path().join("t.csv"), layer).unwrap();
    let inputs = [
        "estimate",
        "inputs",
        "x.csv",
        "t.csv",
        "--estimator",
        "binned",
        "--rule",
        "floor",
        "--bin-width",
        "0.5",
    ];
    let object: Value =
        serde_json::from_str(&stdout(&infoplane(folder.path(), &[&inputs[..], &["--json"]].concat())))
            .unwrap();
    let parts = object["parts"].as_array().unwrap();
    let bits: Vec<f64> = parts.iter().map(|part| part["i_bits"].as_f64().unwrap()).collect();
    assert!(
        bits.iter().zip([0.0, 1.0, 0.0, 0.0]).all(|(found, expected)| (found - expected).abs() < 1e-12),
        "{object}"
    );
    assert_eq!((&parts[1]["part"], &parts[3]["values"]), (&"2 b".into(), &1.into()), "{object}");
    assert_eq!(object["alone"], 0, "{object}");
    let told = stdout(&infoplane(folder.path(), &[&inputs[..], &["--map", "2", "--top", "1"]].concat()));
    let first = told.lines().skip_while(|line| !line.starts_with("part")).nth(1).unwrap();
    assert!(first.starts_with("2 b ") && first.contains("1.000000"), "{told}");
    assert!(told.contains("… and 3 more") && told.contains("\n   @\n"), "{told}");
    assert!(told.lines().all(|line| line.chars().count() <= 80), "{told}");
    let pairs = stdout(&infoplane(folder.path(), &[&inputs[..], &["--columns-per-part", "2"]].concat()));
    assert!(pairs.contains("1-2 "), "{pairs}");
    for (arguments, part) in [
        (&["x.csv", "t.csv", "--estimator", "kde", "--noise-variance", "1"][..], "kde has no cells"),
        (&["x.csv", "t.csv", "--estimator", "plug-in", "--columns-per-part", "3"], "x.csv has 4 columns"),
        (&["x.csv", "t.csv", "--estimator", "plug-in", "--input-bins", "1"], "2 to 65536"),
        (&["x.csv", "t.csv", "--estimator", "auto"], "auto has no cells"),
        (&["x.csv", "t.csv"], "--estimator <NAME>"),
    ] {
        let message = refused(folder.path(), &[&["estimate", "inputs"], arguments].concat(), 2);
        assert!(message.contains(part), "{arguments:?}: {message:?}");
    }
}

#[test]
fn estimate_layer_refuses_nonsense_by_name() {
    let folder = TempDir::new().unwrap();
    layer_files(folder.path());
    fs::write(folder.path().join("nan.csv"), "1\nnan\n3\n4\n").unwrap();
    fs::write(folder.path().join("three.csv"), "0\n1\n1\n").unwrap();
    fs::write(folder.path().join("broken.npy"), b"\x93NUMPY\x01\x00v\x00{'descr': '<f8'").unwrap();
    for (arguments, parts) in [
        (&["t.csv", "--labels", "y.csv", "--estimator", "kde"][..], &["--noise-variance"][..]),
        (&["t.csv", "--labels", "y.csv", "--estimator", "kde", "--noise-variance", "-1"], &["-1", "above 0"]),
        (&["t.csv", "--labels", "y.csv", "--estimator", "kde", "--noise-variance", "0"], &["above 0"]),
        (
            &["t.csv", "--labels", "y.csv", "--estimator", "kde", "--noise-variance", "1", "--bins", "3"],
            &["--bins is not for"],
        ),
        (&["t.csv", "--labels", "y.csv", "--estimator", "binned"], &["--rule"]),
        (
            &[
                "t.csv",
                "--labels",
                "y.csv",
                "--estimator",
                "binned",
                "--rule",
                "edges",
                "--bins",
                "0",
                "--range",
                "-1,1",
            ],
            &["bins = 0"],
        ),
        (
            &[
                "t.csv",
                "--labels",
                "y.csv",
                "--estimator",
                "binned",
                "--rule",
                "equal",
                "--bins",
                "-4",
                "--range",
                "-1,1",
            ],
            &["1 to 65536"],
        ),
        (
            &[
                "t.csv",
                "--labels",
                "y.csv",
                "--estimator",
                "binned",
                "--rule",
                "equal",
                "--bins",
                "4",
                "--range",
                "1,-1",
            ],
            &["the lower first"],
        ),
        (
            &[
                "t.csv",
                "--labels",
                "y.csv",
                "--estimator",
                "binned",
                "--rule",
                "equal",
                "--bins",
                "4",
                "--range",
                "wide",
            ],
            &["--range wide", "LOW,HIGH"],
        ),
        (&["nan.csv", "--labels", "y.csv", "--estimator", "kde", "--noise-variance", "1"], &["nan.csv"]),
        (
            &["t.csv", "--labels", "three.csv", "--estimator", "kde", "--noise-variance", "1"],
            &["three.csv", "3 labels for 4 samples"],
        ),
        (&["gone.npy", "--labels", "y.csv", "--estimator", "kde", "--noise-variance", "1"], &["gone.npy"]),
        (
            &["broken.npy", "--labels", "y.csv", "--estimator", "kde", "--noise-variance", "1"],
            &["broken.npy"],
        ),
    ] {
        let message = refused(folder.path(), &[&["estimate", "layer"], arguments].concat(), 2);
        for part in parts {
            assert!(message.contains(part), "{arguments:?}: {message:?} lacks {part:?}");
        }
    }
}

/// Two normal columns of correlation 0.75, their map by tanh, and classes with a matrix that tells them.
fn pair_files(folder: &Path) {
    let task = infoplane::dataset::generate::known::Task::named("normal").unwrap().draw(400, 1);
    let column = |values: &infoplane::dataset::generate::known::Values, map: fn(f64) -> f64| match values {
        infoplane::dataset::generate::known::Values::Numbers(rows) => {
            rows.iter().map(|&v| format!("{}\n", map(v))).collect::<String>()
        }
        infoplane::dataset::generate::known::Values::Labels(_) => String::new(),
    };
    fs::write(folder.join("x.csv"), column(&task.x, |v| v)).unwrap();
    fs::write(folder.join("y.csv"), column(&task.y, |v| v)).unwrap();
    fs::write(folder.join("tanh.csv"), column(&task.x, f64::tanh)).unwrap();
    let row = |i: usize| (["ant", "bee", "cow"][i % 3], (i % 3) as f64 * 4.0 + (i as f64 * 1.7).sin());
    let animals: String = (0..400).map(|i| format!("{}\n", row(i).0)).collect();
    let units: String = (0..400).map(|i| format!("{},{}\n", row(i).1, (i as f64 * 0.3).cos())).collect();
    fs::write(folder.join("animals.csv"), format!("animal\n{animals}")).unwrap();
    fs::write(folder.join("units.csv"), units).unwrap();
}

fn estimated(folder: &Path, arguments: &[&str]) -> Value {
    let all = [&["estimate"], arguments, &["--json"]].concat();
    serde_json::from_str(&stdout(&infoplane(folder, &all))).expect("one JSON object")
}

#[test]
fn estimate_pair_tells_all_that_comes_with_a_number() {
    let folder = TempDir::new().unwrap();
    pair_files(folder.path());
    let object = estimated(
        folder.path(),
        &["pair", "x.csv", "y.csv", "--estimator", "ksg", "--k", "3", "--permutations", "19"],
    );
    assert_eq!((&object["estimator"], &object["setting"]), (&"ksg".into(), &"k=3".into()));
    // −½ ln(1 − 0.75²) = 0.413; the standard deviation is about 0.8/√400 = 0.04.
    assert!((object["nats"].as_f64().unwrap() - 0.4133).abs() < 0.15, "{object}");
    let ratio = object["nats"].as_f64().unwrap() / object["bits"].as_f64().unwrap();
    assert!((ratio - 2f64.ln()).abs() < 1e-12);
    assert_eq!(object["p_value"], 0.05);
    assert_eq!((&object["n"], &object["dims"]), (&400.into(), &serde_json::json!([1, 1])));
    assert!(object["ceiling_nats"].as_f64().unwrap() > 4.0);
    assert!(object["standard_error_nats"].as_f64().unwrap() > 0.0);
    assert_eq!(object["interval_nats"].as_array().unwrap().len(), 2);
    assert!(object["reason"].is_null() && object["warnings"].is_array());
    let keys: Vec<&String> = object.as_object().unwrap().keys().collect();
    let expected = [
        "at_least_nats",
        "at_most_nats",
        "bits",
        "ceiling_nats",
        "command",
        "dims",
        "dropped",
        "estimator",
        "infoplane",
        "interval_nats",
        "kind",
        "measured",
        "n",
        "nats",
        "p_value",
        "permutations",
        "read",
        "reason",
        "setting",
        "standard_error_nats",
        "statistic",
        "ties",
        "warnings",
    ];
    assert_eq!(keys, expected);
    let bare =
        estimated(folder.path(), &["pair", "x.csv", "y.csv", "--estimator", "ksg", "--no-standard-error"]);
    assert!(bare["standard_error_nats"].is_null() && bare["p_value"].is_null());
    assert_eq!(bare["nats"], object["nats"]);
}

#[test]
fn estimate_pair_chooses_by_itself_and_says_why() {
    let folder = TempDir::new().unwrap();
    pair_files(folder.path());
    let numbers = estimated(folder.path(), &["pair", "x.csv", "y.csv"]);
    assert_eq!(numbers["estimator"], "combined");
    let labels = estimated(folder.path(), &["pair", "units.csv", "animals.csv", "--y-discrete"]);
    assert_eq!(labels["estimator"], "ross");
    assert!(labels["reason"].as_str().unwrap().contains("3 symbols"), "{labels}");
    assert!((labels["nats"].as_f64().unwrap() - 3f64.ln()).abs() < 0.05);
    let smoothed = estimated(folder.path(), &["pair", "x.csv", "tanh.csv", "--noise-variance", "0.01"]);
    assert!(smoothed["kind"].as_str().unwrap().contains("0.01"), "{smoothed}");
    let text = stdout(&infoplane(folder.path(), &["estimate", "pair", "x.csv", "y.csv"]));
    for part in ["I(X;Y) = ", "nats", "bits", "chosen for", "95 % interval"] {
        assert!(text.contains(part), "{text}");
    }
    let counts = estimated(folder.path(), &["entropy", "animals.csv", "--x-discrete"]);
    assert!((counts["nats"].as_f64().unwrap() - 3f64.ln()).abs() < 0.02, "{counts}");
    let columns = estimated(folder.path(), &["total-correlation", "units.csv"]);
    assert_eq!(columns["dims"], serde_json::json!([1, 1]));
    let given = ["pair", "x.csv", "y.csv", "--given", "tanh.csv", "--estimator", "ksg"];
    assert!(estimated(folder.path(), &given)["nats"].as_f64().unwrap().abs() < 0.2);
}

/// Two series that have nothing to do with each other are said to be series, and are not found dependent by rotation.
#[test]
fn series_are_told_and_get_tests_and_errors_of_their_own() {
    let folder = TempDir::new().unwrap();
    // Uniform numbers by a linear congruential generator.
    let series = |mut state: u64, coefficient: f64| {
        let mut value = 0.0;
        let lines = (0..600).map(|_| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            value = coefficient * value + (state >> 11) as f64 / (1u64 << 53) as f64 - 0.5;
            format!("{value}\n")
        });
        lines.collect::<String>()
    };
    for (name, seed, coefficient) in [("x.csv", 1, 0.95), ("y.csv", 3, 0.95), ("z.csv", 2, 0.0)] {
        fs::write(folder.path().join(name), series(seed, coefficient)).unwrap();
    }
    let test = |extra: &[&str]| {
        let arguments = ["pair", "x.csv", "y.csv", "--estimator", "gcmi", "--permutations", "99"];
        estimated(folder.path(), &[&arguments, extra].concat())
    };
    let warned = |object: &Value, flag: &str| {
        let warnings = object["warnings"].as_array().unwrap();
        warnings.iter().any(|warning| warning.as_str().unwrap().contains(flag))
    };
    let free = test(&[]);
    assert!(warned(&free, "--block-length auto") && warned(&free, "--permutation-scheme rotated"), "{free}");
    assert!(warned(&free, "a series, or a sorted file"), "{free}");
    let rotated = test(&["--permutation-scheme", "rotated", "--block-length", "auto"]);
    assert!(!warned(&rotated, "a series"), "{rotated}");
    assert_eq!(rotated["nats"], free["nats"]);
    assert!(free["p_value"].as_f64().unwrap() < 0.05, "{free}");
    assert!(rotated["p_value"].as_f64().unwrap() > 0.05, "{rotated}");
    assert!(
        rotated["standard_error_nats"].as_f64().unwrap() > free["standard_error_nats"].as_f64().unwrap(),
        "{rotated} {free}"
    );
    let few = test(&["--permutation-scheme", "blocks", "--block-length", "150", "--no-standard-error"]);
    assert_eq!(few["permutations"], 23);

    let given = ["pair", "x.csv", "y.csv", "--given", "z.csv", "--estimator", "ksg", "--permutations", "19"];
    let given = estimated(folder.path(), &given);
    assert_eq!(given["permutations"], 19);
    assert!(given["p_value"].is_number() && given["standard_error_nats"].is_number(), "{given}");

    let text = stdout(&infoplane(
        folder.path(),
        &[
            "estimate",
            "pair",
            "x.csv",
            "y.csv",
            "--estimator",
            "gcmi",
            "--permutations",
            "999",
            "--no-standard-error",
            "--permutation-scheme",
            "rotated",
        ],
    ));
    let words: Vec<&str> = text.split_whitespace().collect();
    assert!(words.join(" ").contains("rotations of Y; the least possible is 0.00"), "{text}");
    for (arguments, part) in [
        (&["--permutation-scheme", "rotated"][..], "--permutations"),
        (&["--block-length", "151"], "quarter"),
        (&["--block-length", "long"], "auto and whole numbers"),
        (&["--block-length", "9", "--no-standard-error"], "--permutation-scheme blocks"),
    ] {
        let message =
            refused(folder.path(), &[&["estimate", "pair", "x.csv", "y.csv"], arguments].concat(), 2);
        assert!(message.contains(part), "{arguments:?}: {message:?} lacks {part:?}");
    }
}

/// tanh of a linear map of two columns, without noise.
#[test]
fn a_bound_is_told_as_a_bound_in_text_and_in_json() {
    let folder = TempDir::new().unwrap();
    let inputs: Vec<[f64; 2]> =
        (0..600).map(|i| [f64::from(i) * 0.7137, f64::from(i) * 1.931].map(f64::sin)).collect();
    let lines = |row: &dyn Fn(&[f64; 2]) -> [f64; 2]| -> String {
        inputs.iter().map(row).map(|[a, b]| format!("{a},{b}\n")).collect()
    };
    fs::write(folder.path().join("x.csv"), lines(&|x| *x)).unwrap();
    let layer = |x: &[f64; 2]| [(x[0] + 0.5 * x[1]).tanh(), (0.8 * x[0] - x[1]).tanh()];
    fs::write(folder.path().join("t.csv"), lines(&layer)).unwrap();
    let pair = ["pair", "x.csv", "t.csv", "--estimator", "ksg"];
    let object = estimated(folder.path(), &pair);
    assert!(object["nats"].is_null() && object["bits"].is_null(), "{object}");
    assert!(object["at_least_nats"].as_f64().unwrap() > 1.0 && object["at_most_nats"].is_null());
    assert!(object["standard_error_nats"].is_null() && object["interval_nats"].is_null());
    let text = stdout(&infoplane(folder.path(), &[&["estimate"][..], &pair].concat()));
    assert!(text.starts_with("I(X;Y): no value; at least ") && text.contains("without noise"), "{text}");
}

#[test]
fn kinds_of_columns_can_be_given() {
    let folder = TempDir::new().unwrap();
    let x: String =
        (0..400).map(|i| format!("{}\n", (f64::from(i * i % 101) * 0.1 * 10.0).round() / 10.0)).collect();
    let y: String = (0..400).map(|i| format!("{}\n", i % 4)).collect();
    fs::write(folder.path().join("x.csv"), x).unwrap();
    fs::write(folder.path().join("y.csv"), y).unwrap();
    let found = estimated(folder.path(), &["pair", "x.csv", "y.csv"]);
    assert!(found["reason"].as_str().unwrap().contains("multiples of"), "{found}");
    assert_eq!(found["estimator"], "ross");
    let names = estimated(folder.path(), &["pair", "x.csv", "y.csv", "--x-kind", "names"]);
    assert_eq!(names["estimator"], "chao-wang-jost");
    let message = refused(folder.path(), &["estimate", "pair", "x.csv", "y.csv", "--x-kind", "words"], 2);
    assert!(message.contains("--x-kind words") && message.contains("lattice"), "{message}");
}

#[test]
fn estimates_that_cannot_be_had_say_what_to_do() {
    let folder = TempDir::new().unwrap();
    pair_files(folder.path());
    fs::write(folder.path().join("three.csv"), "1\n2\n3\n").unwrap();
    fs::write(folder.path().join("nan.csv"), "1\nnan\n3\n").unwrap();
    fs::write(folder.path().join("broken.npy"), b"\x93NUMPY\x01\x00v\x00{'descr': '<f8'").unwrap();
    for (arguments, parts) in [
        (
            &["pair", "x.csv", "tanh.csv"][..],
            &["infinite", "--noise-variance", "--bin-width", "--estimator"][..],
        ),
        (&["pair", "x.csv", "gone.npy"], &["gone.npy"]),
        (&["pair", "x.csv", "broken.npy"], &["broken.npy"]),
        (&["pair", "x.csv", "nan.csv"], &["nan.csv", "line 2"]),
        (&["pair", "x.csv", "three.csv"], &["400", "three.csv", "3"]),
        (&["pair", "units.csv", "animals.csv"], &["animals.csv", "--y-discrete"]),
        (&["pair", "x.csv", "y.csv", "--estimator", "magic"], &["magic", "ksg", "infoplane estimators"]),
        (
            &["pair", "x.csv", "y.csv", "--estimator", "ksg", "--bins", "3"],
            &["--bins is not for", "k, scaling"],
        ),
        (&["pair", "x.csv", "y.csv", "--estimator", "ksg", "--set", "q=1"], &["--set q", "k, scaling"]),
        (&["pair", "x.csv", "y.csv", "--estimator", "ksg", "--set", "k"], &["KEY=VALUE"]),
        (&["pair", "x.csv", "y.csv", "--estimator", "ksg", "--k", "three"], &["--k three", "a whole number"]),
        (&["pair", "x.csv", "y.csv", "--estimator", "ksg", "--k", "0"], &["k = 0"]),
        (&["pair", "x.csv", "y.csv", "--estimator", "ksg", "--k", "400"], &["at least 401"]),
        (&["pair", "x.csv", "y.csv", "--estimator", "ross"], &["labels", "--x-discrete"]),
        (&["pair", "x.csv", "y.csv", "--noise-variance", "-1"], &["noise_variance = -1", "above 0"]),
        (&["pair", "x.csv", "y.csv", "--permutations", "0"], &["permutations"]),
        (&["entropy", "x.csv", "--estimator", "ross"], &["does not estimate", "infoplane estimators"]),
        (&["total-correlation", "x.csv"], &["one column"]),
    ] {
        let message = refused(folder.path(), &[&["estimate"], arguments].concat(), 2);
        for part in parts {
            assert!(message.contains(part), "{arguments:?}: {message:?} lacks {part:?}");
        }
    }
}

#[test]
fn a_layer_keeps_the_information_that_can_be_had() {
    let folder = TempDir::new().unwrap();
    pair_files(folder.path());
    let object = estimated(folder.path(), &["layer", "units.csv", "--labels", "animals.csv"]);
    assert!(object["i_xt"]["nats"].is_null());
    assert!(object["i_xt"]["reason"].as_str().unwrap().contains("ln N"), "{object}");
    assert_eq!(object["i_ty"]["estimator"], "ross");
    assert!((object["i_ty"]["nats"].as_f64().unwrap() - 3f64.ln()).abs() < 0.05);
}

#[test]
fn estimators_are_listed_with_their_keys() {
    let folder = TempDir::new().unwrap();
    let all: Value =
        serde_json::from_str(&stdout(&infoplane(folder.path(), &["estimators", "--json"]))).unwrap();
    let all = all["estimators"].as_array().unwrap();
    let ksg = all.iter().find(|about| about["name"] == "ksg").unwrap();
    assert_eq!(ksg["keys"]["k"], 3);
    for key in ["title", "estimates", "when", "cost", "reference"] {
        assert!(ksg[key].as_str().is_some_and(|text| !text.is_empty()), "{key}");
    }
    let text = stdout(&infoplane(folder.path(), &["estimators"]));
    assert!(all.iter().all(|about| text.contains(about["name"].as_str().unwrap())));
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    let kde = stdout(&infoplane(folder.path(), &["estimators", "kde"]));
    assert!(kde.contains("noise_variances  list of numbers, required"), "{kde}");
    let ksg = stdout(&infoplane(folder.path(), &["estimators", "ksg"]));
    for part in ["k  whole number, default 3", "scaling  text, default \"standardized\"", "normal-scores  "] {
        assert!(ksg.contains(part), "{ksg}");
    }
    assert!(refused(folder.path(), &["estimators", "magic"], 2).contains("magic"));
}

#[test]
fn calibrate_prints_a_table_and_writes_it() {
    let folder = TempDir::new().unwrap();
    let arguments = [
        "calibrate",
        "--estimators",
        "ksg,ross,auto",
        "--tasks",
        "normal,classes",
        "--n",
        "200",
        "--repeats",
        "2",
        "--out",
        "table",
    ];
    let text = stdout(&infoplane(folder.path(), &arguments));
    for part in
        ["n = 200: mean absolute error, nats", "median time", "normal", "classes", "ross", "auto chose"]
    {
        assert!(text.contains(part), "{text}");
    }
    assert!(text.contains("ross needs labels on one side"), "{text}");
    for file in ["calibration.csv", "calibration.svg", "calibration.png"] {
        assert!(folder.path().join("table").join(file).exists(), "{file}");
    }
    let object: Value =
        serde_json::from_str(&stdout(&infoplane(folder.path(), &[&arguments[..9], &["--json"]].concat())))
            .unwrap();
    assert_eq!(object["rows"].as_array().unwrap().len(), 6);
    assert!(object["rows"][0]["mean_absolute_error_nats"].as_f64().unwrap() < 0.3);
    assert!(refused(folder.path(), &["calibrate", "--tasks", "magic"], 2).contains("normal"));
    assert!(refused(folder.path(), &["calibrate", "--estimators", "binned"], 2).contains("choice"));
}

#[test]
fn a_run_takes_any_method_and_shows_what_it_has() {
    let folder = TempDir::new().unwrap();
    let text = stdout(&infoplane(folder.path(), &["presets", "tishby2017"]));
    let start = text.find("[[estimators]]").unwrap();
    let end = text[start..].rfind("[[estimators]]").unwrap() + start;
    let rest = text[end + 1..].find("\n[").map_or("", |next| &text[end + 1 + next..]);
    let mine = format!("{}[[estimators]]\nkind = \"ross\"\n{rest}", &text[..start]);
    fs::write(folder.path().join("mine.toml"), mine).unwrap();
    let arguments = [&["run", "mine.toml", "--out", "out"], &SHORT[..]].concat();
    let told = stdout(&infoplane(folder.path(), &arguments));
    assert!(told.contains("Ross") && told.contains("without both values"), "{told}");
    let plane = fs::read_to_string(folder.path().join("out/plane.jsonl")).unwrap();
    let rows: Vec<Value> = plane.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(rows.iter().all(|row| row["i_xt_bits"].is_null()));
    assert!(rows.iter().any(|row| row["i_ty_bits"].is_f64() && row["missing"]["quantity"] == "i-xt"));
    assert!(folder.path().join("out/report/information-ross-k-3.png").exists());
}

#[test]
fn the_bottleneck_of_a_table_is_printed_and_written() {
    let folder = tempfile::tempdir().unwrap();
    // A fair bit that one time in ten arrives flipped, as counts.
    std::fs::write(folder.path().join("joint.csv"), "45,5\n5,45\n").unwrap();
    let arguments = ["bottleneck", "joint.csv", "--points", "9", "--out", "bound", "--json"];
    let output = infoplane(folder.path(), &arguments);
    assert!(output.status.success(), "{output:?}");
    let told: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert!((told["i_xy_bits"].as_f64().unwrap() - 0.531).abs() < 1e-3);
    assert_eq!(told["points"].as_array().unwrap().len(), 9);
    assert_eq!(told["points"][8]["beta"], Value::Null);
    for file in ["bottleneck.csv", "bottleneck.svg", "bottleneck.png"] {
        assert!(folder.path().join("bound").join(file).is_file(), "{file}");
    }
    let titled = ["bottleneck", "joint.csv", "--out", "titled", "--format", "svg,pdf", "--title", "A limit"];
    stdout(&infoplane(folder.path(), &titled));
    let svg = std::fs::read_to_string(folder.path().join("titled/bottleneck.svg")).unwrap();
    assert!(svg.contains("A limit") && folder.path().join("titled/bottleneck.pdf").is_file());
    let moving =
        refused(folder.path(), &["bottleneck", "joint.csv", "--out", "moving", "--format", "gif"], 2);
    assert!(moving.contains("curves do not move, so there is no gif of them; allowed: svg, png"), "{moving}");
    let beside = ["bottleneck", "joint.csv", "--out", "moving", "--format", "pdf,apng"];
    let beside = refused(folder.path(), &beside, 2);
    assert!(beside.contains("there is no apng of them"), "{beside}");
    let text = stdout(&infoplane(folder.path(), &["bottleneck", "joint.csv"]));
    assert!(text.contains("I(X;Y) = 0.5310 bits") && text.contains("clusters"), "{text}");

    std::fs::write(folder.path().join("half.csv"), "0.4,0.1\n0.05,0.2\n").unwrap();
    assert!(
        refused(folder.path(), &["bottleneck", "half.csv"], 2).contains("half.csv: p(x, y) sums to 0.75")
    );
    assert!(refused(folder.path(), &["bottleneck", "joint.csv", "--gain", "3"], 2).contains("--gain"));
    assert!(refused(folder.path(), &["bottleneck", "--gain", "-1"], 2).contains("gain"));
    assert!(refused(folder.path(), &["bottleneck", "saxe2018-mnist"], 2).contains("12-bit task"));
    assert!(refused(folder.path(), &["bottleneck", "nothing"], 2).contains("tishby2017"));
}

#[test]
fn figures_to_reproduce_are_listed_and_unknown_ones_refused() {
    let folder = TempDir::new().unwrap();
    let list = stdout(&infoplane(folder.path(), &["reproduce", "--list", "--quick"]));
    let words = list.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(list.contains("tishby-data-share") && words.contains("of one core"), "{list}");
    assert!(list.lines().all(|line| line.chars().count() <= 80), "{list}");
    let message = refused(folder.path(), &["reproduce", "tishby"], 2);
    assert!(message.contains("figures are `tishby-data-share`"), "{message}");
    // Nothing is trained, so nothing can be drawn: the page says so.
    let arguments = ["reproduce", "mnist", "gradients", "--only-draw", "--out", "out"];
    let output = infoplane(folder.path(), &arguments);
    assert_eq!(output.status.code(), Some(2));
    let page = fs::read_to_string(folder.path().join("out/results.md")).unwrap();
    assert!(page.contains("needs MNIST"), "{page}");
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(told.contains("name the directory of its files with --mnist"), "{told}");
}
