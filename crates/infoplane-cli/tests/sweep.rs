//! Sweeps: planned, computed by one worker or by many that are killed, collected.
//!
//! `cargo xtask soak` runs the killing with 200 cells, eight workers and 60 kills; the ordinary tests do with a few.

#[allow(dead_code)] // the rest of it is for other tests
mod call;
mod files;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use call::{command, infoplane, refused, stdout};
use files::bytes;

/// Two nonlinearities and two batch sizes with two seeds: eight cells of a moment.
const SMALL: &str = r#"
base = "tishby2017"
name = "small"
seeds = 2
estimators = [{ kind = "binned", rule = "floor", bin_width = 0.5 }]
[set]
"training.epochs" = 12
"schedule.points" = 4
[axes]
"network.nonlinearity" = ["tanh", "relu"]
"training.batch_size" = [512, 1024]
"#;

fn with_sweep(text: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("sweep.toml"), text).unwrap();
    folder
}

fn json(folder: &Path, arguments: &[&str]) -> Value {
    serde_json::from_str(&stdout(&infoplane(folder, arguments))).unwrap()
}

#[test]
fn a_plan_lists_the_cells_and_foresees_their_time() {
    let folder = with_sweep(SMALL);
    let path = folder.path();
    let told = stdout(&infoplane(path, &["sweep", "plan", "sweep.toml"]));
    for line in [
        "sweep    small: 8 cells",
        "axis     network.nonlinearity: tanh, relu",
        "axis     seed: 0, 1",
        "nonlinearity relu, batch_size 1024, seed 1",
    ] {
        assert!(told.contains(line), "{line}: {told}");
    }
    assert!(
        told.contains("of one processor")
            && told.replace("\n         ", " ").contains("measured up to three times"),
        "{told}"
    );
    assert!(told.contains("for each job of a worker") || !cfg!(target_os = "linux"), "{told}");
    assert!(told.lines().all(|line| line.chars().count() <= 80), "{told}");
    // The same cells everywhere: from another folder, and as CSV and JSON.
    let elsewhere = with_sweep(SMALL);
    let cells = |folder: &Path| stdout(&infoplane(folder, &["sweep", "plan", "sweep.toml", "--cells"]));
    assert_eq!(cells(path), cells(elsewhere.path()));
    assert_eq!(cells(path).lines().next(), Some("id,label,network.nonlinearity,training.batch_size,seed"));
    let planned = json(path, &["sweep", "plan", "sweep.toml", "--no-measure", "--json"]);
    assert_eq!(planned["cells"].as_array().unwrap().len(), 8);
    let first = &planned["cells"][0];
    assert!(cells(path).contains(&format!(
        "\n{},\"{}\",",
        first["id"].as_str().unwrap(),
        first["label"].as_str().unwrap()
    )));
    assert!(planned["processor_seconds"].as_f64().unwrap() > 0.0);
}

#[test]
fn a_plan_fits_its_lines_and_names_a_store_that_is_not_there() {
    let cases = r#"
[[cases]]
name = "two\nlines"
[axes]
"training.optimizer" = [
    { kind = "sgd", learning_rate = 0.05 },
    { kind = "adam", learning_rate = 0.001, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 },
]
"#;
    let folder = with_sweep(&SMALL.replace("\n[axes]\n", cases));
    let arguments = ["sweep", "plan", "sweep.toml", "--no-measure", "--store", "stroe"];
    let output = infoplane(folder.path(), &arguments);
    let told = stdout(&output);
    assert!(told.lines().all(|line| line.chars().count() <= 80), "{told}");
    let cells: Vec<&str> = told.split("\n\n").nth(1).unwrap().lines().collect();
    assert_eq!(cells.iter().filter(|line| line.starts_with("two\\nlines, ")).count(), 16, "{told}");
    assert!(cells.iter().all(|line| line.starts_with("two\\nlines, ") || line.starts_with("  ")), "{told}");
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.contains("stroe is not there yet: all cells are counted as left"), "{message}");
    assert!(!folder.path().join("stroe").exists());
}

#[test]
fn shards_in_any_order_give_the_bytes_of_one_worker() {
    let folder = with_sweep(SMALL);
    let path = folder.path();
    stdout(&infoplane(path, &["sweep", "run", "sweep.toml", "--store", "one"]));
    for shard in ["2/3", "3/3", "1/3"] {
        stdout(&infoplane(
            path,
            &["sweep", "run", "sweep.toml", "--store", "three", "--shard", shard, "--jobs", "1"],
        ));
    }
    assert_eq!(bytes(&path.join("one/runs")), bytes(&path.join("three/runs")));
    for store in ["one", "three"] {
        let collected = json(path, &["sweep", "collect", store, "--out", &format!("{store}-out"), "--json"]);
        assert_eq!((&collected["cells"], collected["missing"].as_array().unwrap().len()), (&8.into(), 0));
        // Six layers at epochs 0, …, 12 of eight cells.
        assert_eq!(collected["rows"].as_u64().unwrap() % 48, 0);
    }
    let collected = bytes(&path.join("one-out"));
    assert_eq!(collected, bytes(&path.join("three-out")));
    let names: Vec<&str> = collected.iter().map(|(name, _)| name.to_str().unwrap()).collect();
    assert_eq!(names, ["index.html", "plane.arrow", "plane.csv"]);
    let csv = String::from_utf8(collected[2].1.clone()).unwrap();
    assert!(csv.starts_with("cell,network.nonlinearity,training.batch_size,seed,epoch,layer,"), "{csv}");
    assert!(csv.contains(",relu,1024,1,12,6,"));
    let page = String::from_utf8(collected[0].1.clone()).unwrap();
    assert!(page.contains("batch_size 1024") && page.contains("<title>small"), "the groups of the page");
    // Another go leaves all as it is.
    let again = json(path, &["sweep", "run", "sweep.toml", "--store", "one", "--json"]);
    assert_eq!((&again["complete"], &again["computed"]), (&8.into(), &0.into()));
    let told = stdout(&infoplane(path, &["sweep", "plan", "sweep.toml", "--store", "one"]));
    assert!(told.contains("none: all cells are complete"), "{told}");
}

#[test]
fn what_is_missing_is_named_and_not_collected_by_accident() {
    let folder = with_sweep(SMALL);
    let path = folder.path();
    stdout(&infoplane(path, &["sweep", "run", "sweep.toml", "--store", "store", "--shard", "1/2"]));
    let message = refused(path, &["sweep", "collect", "store", "--out", "out"], 5);
    assert!(message.contains("4 of 8 cells are not complete") && message.contains("--missing"), "{message}");
    assert!(!path.join("out").exists());
    let part = infoplane(path, &["sweep", "collect", "store", "--out", "out", "--allow-missing"]);
    assert_eq!(part.status.code(), Some(5));
    let told = String::from_utf8(part.stdout).unwrap();
    assert!(told.contains("cells    4 of 8") && told.matches(": missing").count() == 4, "{told}");
    let status = stdout(&infoplane(path, &["sweep", "status", "store"]));
    assert!(status.contains("complete     4") && status.contains("missing      4"), "{status}");
    // Whoever does what is missing, whatever its own shard is.
    let missing = ["sweep", "run", "sweep.toml", "--store", "store", "--shard", "1/2", "--missing", "--json"];
    assert_eq!(json(path, &missing)["computed"], 4);
    stdout(&infoplane(path, &["sweep", "collect", "store", "--out", "out"]));
}

#[test]
fn a_cell_that_cannot_be_computed_is_named_and_the_others_are() {
    let axes = "\n\"dataset.split.train_fraction\" = [0.8, 0.00001]\n";
    let folder = with_sweep(&format!("{}{axes}", SMALL.split("\n\"network").next().unwrap()));
    let path = folder.path();
    let run = ["sweep", "run", "sweep.toml", "--store", "store"];
    let why = "train_fraction = 0.00001; allowed is a share that leaves at least one sample to train";
    let again = &["--missing"];
    let twice = &["--missing", "--attempts", "2", "--no-wait"];
    for (more, attempts) in [(&[][..], 1), (&[], 1), (twice, 2), (twice, 2), (again, 3)] {
        let output = command(path, &[&run[..], more, &["--json"]].concat())
            .envs([("SLURM_JOB_ID", "21"), ("SLURM_ARRAY_JOB_ID", "17"), ("SLURM_ARRAY_TASK_ID", "4")])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(5));
        let told: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(told["complete"], 2);
        let failed = told["failed"].as_array().unwrap();
        assert_eq!((failed.len(), &failed[1]["cell"]), (2, &"train_fraction 0.00001, seed 1".into()));
        assert!(failed[0]["reason"].as_str().unwrap().contains(why), "{told}");
        // It is tried again where that is asked for, and else not.
        let kept = bytes(&path.join("store/failed"));
        assert_eq!(kept.len(), 2);
        let text = String::from_utf8(kept[0].1.clone()).unwrap();
        assert!(text.contains(&format!("attempts = {attempts}")) && text.contains(why), "{text}");
    }
    let status = stdout(&infoplane(path, &["sweep", "status", "store"]));
    assert!(
        status.contains("failed       2") && status.contains("train_fraction 0.00001, seed 0: dataset"),
        "{status}"
    );
    // Which log tells more of it.
    assert!(
        status.split_whitespace().collect::<Vec<_>>().join(" ").contains(", Slurm job 17_4)"),
        "{status}"
    );
    let status = json(path, &["sweep", "status", "store", "--json"]);
    let failed = status["cells"].as_array().unwrap().iter().filter(|cell| cell["state"] == "failed");
    assert!(failed.clone().count() == 2 && failed.clone().all(|cell| cell["on"].is_string()), "{status}");
    // Attempts are of those that are tried again.
    refused(path, &[&run[..], &["--attempts", "2"]].concat(), 2);
    // One of them in the middle does not keep the others from being measured; after them rates are left.
    let planned = json(path, &["sweep", "plan", "sweep.toml", "--json"]);
    assert_eq!(planned["basis"], "measured");
}

/// Little memory ends the process that computes the large cells, again and again; the others are computed all the same.
#[cfg(target_os = "linux")]
#[test]
fn a_cell_that_ends_its_process_is_given_up_and_the_others_are_computed() {
    let cases = "\n[[cases]]\nname = \"small\"\n[[cases]]\nname = \"large\"\n\"network.hidden\" = [30000, 30000]\n\
                 [[cases]]\nname = \"wider\"\n\"network.hidden\" = [8, 4]\n";
    let folder = with_sweep(&format!("{}{cases}", SMALL.split("\n[axes]").next().unwrap()));
    let path = folder.path();
    let run = |more: &[&str]| {
        let mut shell = std::process::Command::new("sh");
        let limited = ["-c", "ulimit -v 3000000; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_infoplane")];
        shell.args(limited).args(["sweep", "run", "sweep.toml", "--store", "store", "--json"]).args(more);
        let output = shell.current_dir(path).env_remove("RUST_BACKTRACE").output().unwrap();
        let told: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        (output.status.code(), told, String::from_utf8_lossy(&output.stderr).into_owned())
    };
    // One process alone ends there, whichever cell comes first.
    let (code, _, message) = run(&["--no-restart", "--jobs", "1"]);
    assert_eq!(code, Some(1), "{message}");
    let (code, told, message) = run(&["--jobs", "2"]);
    assert_eq!(code, Some(5), "{message}");
    assert!(message.contains("the process that computes aborted, most often because memory"), "{message}");
    assert_eq!(told["complete"], 4, "{told}");
    let failed = told["failed"].as_array().unwrap();
    assert_eq!((failed.len(), &failed[0]["cell"]), (2, &"large, seed 0".into()));
    assert!(failed[0]["reason"].as_str().unwrap().starts_with("3 processes ended"), "{told}");
    let status = stdout(&infoplane(path, &["sweep", "status", "store"]));
    assert!(status.contains("complete     4") && status.contains("failed       2"), "{status}");
}

/// A worker is two processes: what asks the first to stop reaches the one that computes, and without the first it ends.
#[cfg(unix)]
#[test]
fn a_worker_that_is_asked_to_stop_gives_its_cells_back_and_one_that_is_killed_ends() {
    let folder = with_sweep(&SMALL.replace("= 12\n", "= 1000000\n"));
    let path = folder.path();
    let claims = || fs::read_dir(path.join("store/claims")).map_or(0, |entries| entries.flatten().count());
    let begin = || {
        let mut worker =
            command(path, &["sweep", "run", "sweep.toml", "--store", "store", "--jobs", "2", "-q"]);
        let worker = worker.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let start = Instant::now();
        while claims() < 2 && start.elapsed() < Duration::from_secs(60) {
            std::thread::sleep(Duration::from_millis(20));
        }
        assert_eq!(claims(), 2);
        worker
    };
    // Tests in the background of a shell ignore the signal of the keyboard, and so do their children.
    let worker = begin();
    let sent = std::process::Command::new("kill").args(["-TERM", &worker.id().to_string()]).status();
    assert!(sent.is_ok_and(|status| status.success()));
    let output = worker.wait_with_output().unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), claims()), (Some(130), 0), "{message}");
    assert!(message.contains("the same command continues"), "{message}");
    let mut worker = begin();
    worker.kill().unwrap();
    // Standard error is at its end once both processes are.
    let output = worker.wait_with_output().unwrap();
    assert_eq!(output.status.code(), None);
    assert_eq!(claims(), 2);
    let status = stdout(&infoplane(path, &["sweep", "status", "store"]));
    assert!(status.contains("running      0") && status.contains("interrupted  2"), "{status}");
}

#[test]
fn what_is_wrong_is_said_with_what_to_do() {
    let folder = with_sweep(SMALL);
    let path = folder.path();
    let run = |more: &[&str], code| {
        refused(path, &[&["sweep", "run", "sweep.toml", "--store", "store"], more].concat(), code)
    };
    for shard in ["4/3", "0/3", "3", "a/b", "-1/3"] {
        let message = run(&[&format!("--shard={shard}")], 2);
        assert!(message.contains("i from 1 to n"), "{shard}: {message}");
    }
    stdout(&infoplane(path, &["sweep", "run", "sweep.toml", "--store", "store", "--shard", "1/8"]));
    // Another sweep, or the same of another version, is not mixed with this one.
    fs::write(path.join("other.toml"), SMALL.replace("512, 1024", "256")).unwrap();
    for command in [
        &["run", "other.toml", "--store"][..],
        &["plan", "other.toml", "--store"],
        &["slurm", "other.toml", "--store"],
    ] {
        let message = refused(path, &[&["sweep"], command, &["store"]].concat(), 2);
        assert!(
            message.contains("store holds the sweep `small` (8 cells") && message.contains("(4 cells"),
            "{message}"
        );
    }
    for command in ["status", "collect"] {
        let message = refused(
            path,
            &["sweep", command, ".", "--out", "out"][..if command == "status" { 3 } else { 5 }],
            2,
        );
        assert!(message.contains("is no store of a sweep") && message.contains("sweep.toml"), "{message}");
    }
    // What the store says of its sweep is lost: the file of the sweep brings it back, and that of another one does not.
    for lost in ["cells", "sweep.toml"] {
        let place = path.join("store").join(lost);
        if place.is_dir() {
            fs::remove_dir_all(place).unwrap()
        } else {
            fs::write(place, "name = 'sm").unwrap()
        }
        for command in ["status", "collect"] {
            let arguments = ["sweep", command, "store", "--out", "out"];
            let message = refused(path, &arguments[..if command == "status" { 3 } else { 5 }], 2);
            assert!(
                message.contains("`infoplane sweep run FILE --store store`") && message.contains(lost),
                "{message}"
            );
        }
        let message = refused(path, &["sweep", "run", "other.toml", "--store", "store"], 2);
        assert!(message.contains("is damaged"), "{message}");
        stdout(&infoplane(path, &["sweep", "run", "sweep.toml", "--store", "store", "--shard", "1/8"]));
        assert!(stdout(&infoplane(path, &["sweep", "status", "store"])).contains("complete     1"));
    }
    let message = refused(path, &["sweep", "plan", "none.toml"], 2);
    assert!(message.contains("none.toml"), "{message}");
    fs::write(path.join("empty.toml"), "base = \"tishby2017\"\n[axes]\n\"training.epochs\" = []\n").unwrap();
    let message = refused(path, &["sweep", "plan", "empty.toml"], 2);
    assert!(message.contains("empty.toml") && message.contains("`training.epochs` is empty"), "{message}");
    fs::write(path.join("a file"), "").unwrap();
    let message = refused(path, &["sweep", "run", "sweep.toml", "--store", "a file"], 1);
    assert!(message.contains("cannot write") && message.contains("a file"), "{message}");
}

#[test]
fn a_sweep_grows_by_cells_and_workers_with_the_old_file_go_on() {
    let folder = with_sweep(SMALL);
    let path = folder.path();
    let run = |file: &str, more: &[&str]| {
        json(path, &[&["sweep", "run", file, "--store", "store", "--json"], more].concat())
    };
    assert_eq!(run("sweep.toml", &["--shard", "1/2"])["computed"], 4);
    fs::write(
        path.join("more.toml"),
        SMALL.replace("seeds = 2", "seeds = 3").replace("\"small\"", "\"larger\""),
    )
    .unwrap();
    // To plan it changes nothing.
    let told = stdout(&infoplane(path, &["sweep", "plan", "more.toml", "--store", "store"]));
    assert!(
        told.contains("larger: 12 cells")
            && told.replace("\n         ", " ").contains("for 8 cells that are left"),
        "{told}"
    );
    assert!(stdout(&infoplane(path, &["sweep", "status", "store"])).contains("small: 8 cells"));
    let grown = run("more.toml", &["--shard", "1/1"]);
    assert_eq!((&grown["complete"], &grown["computed"]), (&12.into(), &8.into()));
    assert_eq!(run("sweep.toml", &[])["computed"], 0);
    assert!(stdout(&infoplane(path, &["sweep", "status", "store"])).contains("larger: 12 cells"));
    assert_eq!(json(path, &["sweep", "collect", "store", "--out", "out", "--json"])["cells"], 12);
    // Less than what is there, and something else, is another sweep.
    fs::write(path.join("other.toml"), SMALL.replace("seeds = 2", "seeds = [1, 7]")).unwrap();
    let message = refused(path, &["sweep", "run", "other.toml", "--store", "store"], 2);
    assert!(message.contains("lacks 8 of its cells and has 4 others"), "{message}");
}

#[test]
fn what_is_wrong_with_a_file_is_shown_in_lines_and_what_is_advised_can_be_done() {
    let folder = with_sweep("base = \"tishby2017\"\nseeds = = 3\n");
    let path = folder.path();
    let message = refused(path, &["sweep", "plan", "sweep.toml"], 2);
    assert!(message.contains("\n2 | seeds = = 3\n") && !message.contains("\\n"), "{message}");
    fs::write(path.join("mnist.toml"), "base = \"saxe2018-mnist\"\nseeds = 2\n").unwrap();
    let message = refused(path, &["sweep", "plan", "mnist.toml"], 2);
    assert!(message.contains("under [set]") && !message.contains("--set"), "{message}");
    let help = stdout(&infoplane(path, &["sweep", "collect", "--help"]));
    let message = refused(path, &["sweep", "collect", "store", "--out", "out", "--table", "foo"], 2);
    for table in infoplane::table::TableName::ALL {
        assert!(help.contains(table.name()) && message.contains(table.name()), "{table}: {help} {message}");
    }
}

#[test]
fn the_files_in_the_documentation_are_sweeps() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/sweeps.md");
    let page = fs::read_to_string(page).unwrap();
    let files: Vec<&str> =
        page.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert_eq!(files.len(), 3);
    for file in files {
        let folder = with_sweep(file);
        stdout(&infoplane(folder.path(), &["sweep", "plan", "sweep.toml", "--no-measure"]));
    }
}

#[test]
fn what_is_said_of_data_is_said_once() {
    let rows: String = (0..40).map(|row| format!("{},{},{}\n", row % 7, row % 5, row % 2)).collect();
    let text = SMALL
        .replace("[set]", "[set]\n\"dataset.source\" = { kind = \"csv\", file = \"data.csv\" }")
        .replace("512, 1024", "16, 32");
    let folder = with_sweep(&text);
    fs::write(folder.path().join("data.csv"), format!("a,b,label\n{rows}")).unwrap();
    let output = infoplane(folder.path(), &["sweep", "run", "sweep.toml", "--store", "store"]);
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{told}");
    assert_eq!(told.matches("data.csv").count(), 1, "{told}");
}

#[test]
fn the_status_says_how_fast_it_goes_and_when_a_machine_was_heard_of() {
    let folder = with_sweep(SMALL);
    let path = folder.path();
    stdout(&infoplane(path, &["sweep", "run", "sweep.toml", "--store", "store", "--shard", "1/2"]));
    let before = stdout(&infoplane(path, &["sweep", "status", "store"]));
    assert!(!before.contains("pace") && !before.contains("at work"), "{before}");
    let told = json(path, &["sweep", "status", "store", "--json"]);
    let cells = told["cells"].as_array().unwrap();
    let missing =
        cells.iter().find(|cell| cell["state"] == "missing").unwrap()["id"].as_str().unwrap().to_string();
    let claim = path.join("store/claims").join(format!("{missing}.1"));
    fs::write(&claim, "worker = 'a'\nhost = 'node7'\nlease = 60000\nbeat = '7'\n").unwrap();
    let heard = std::time::SystemTime::now() - Duration::from_secs(600);
    fs::File::options().write(true).open(&claim).unwrap().set_modified(heard).unwrap();
    let status = stdout(&infoplane(path, &["sweep", "status", "store"]));
    assert!(status.contains("at work      node7: 1 cell, last heard of 10 minutes ago"), "{status}");
    assert!(
        status.contains("pace         3 cells in the last") && status.contains("for what is left"),
        "{status}"
    );
    assert!(status.lines().all(|line| line.chars().count() <= 80), "{status}");
}

#[test]
fn scripts_of_slurm_name_what_was_asked_for() {
    let folder = with_sweep(SMALL);
    let path = folder.path();
    let arguments = [
        "sweep",
        "slurm",
        "sweep.toml",
        "--store",
        "my store",
        "--shards",
        "4",
        "--time",
        "30",
        "--mem",
        "2G",
        "--partition",
        "short",
        "--module",
        "gcc/12",
        "--sbatch=--constraint=avx512",
        "--at-once",
        "2",
        "--program",
        "infoplane",
    ];
    let told = stdout(&infoplane(path, &arguments));
    assert!(told.contains("shards   4 of 8 cells") && told.contains("submit   bash "), "{told}");
    let read = |name: &str| fs::read_to_string(path.join("my store/slurm").join(name)).unwrap();
    let array = read("array.sh");
    for line in [
        "#SBATCH --array=1-4%2",
        "#SBATCH --time=30",
        "#SBATCH --mem=2G",
        "#SBATCH --partition=short",
        "#SBATCH --constraint=avx512",
        "#SBATCH --requeue",
        "module load gcc/12 || exit 1",
    ] {
        assert!(array.lines().any(|found| found == line), "{line}: {array}");
    }
    assert!(read("missing.sh").contains(" --missing --attempts 2 --no-wait "), "{}", read("missing.sh"));
    assert!(
        read("collect.sh").contains("sweep collect '") && read("collect.sh").ends_with(" --allow-missing\n")
    );
    // Each is a script that a shell reads.
    for name in ["array.sh", "missing.sh", "collect.sh", "submit.sh"] {
        let script = path.join("my store/slurm").join(name);
        let checked = std::process::Command::new("bash").arg("-n").arg(&script).output();
        assert!(checked.is_ok_and(|output| output.status.success()), "{name}");
    }
    // What is not given follows from a measured cell.
    let told = stdout(&infoplane(path, &["sweep", "slurm", "sweep.toml", "--store", "my store"]));
    let told = told.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(told.contains("shards 1 of 8 cells") && told.contains("--time=0:10:00, --mem="), "{told}");
}

/// Megabytes.
fn megabytes(written: &Value) -> u64 {
    written["mem"].as_str().and_then(|text| text.strip_suffix('M')).unwrap().parse().unwrap()
}

#[test]
fn memory_of_a_script_of_slurm_is_that_of_as_many_cells_as_processors() {
    if !cfg!(target_os = "linux") {
        return;
    }
    let folder = with_sweep(SMALL);
    let path = folder.path();
    let slurm = |more: &[&str]| {
        json(path, &[&["sweep", "slurm", "sweep.toml", "--store", "store", "--json"], more].concat())
    };
    let planned = json(path, &["sweep", "plan", "sweep.toml", "--json"]);
    let of_job = planned["memory_bytes"].as_u64().unwrap() >> 20;
    assert!((5..1000).contains(&of_job), "{planned}");
    // With as many cells as there are processors, and a GiB of kept networks.
    for (cpus, jobs) in [("1", 1), ("4", 4), ("64", 8)] {
        let written = slurm(&["--cpus", cpus]);
        assert_eq!(written["jobs"], jobs);
        let expected = 1024 + jobs * of_job;
        let found = megabytes(&written);
        assert!(found + 256 > expected && found < 2 * expected, "{cpus}: {found}, {expected}");
    }
    // Without a measured cell nothing is known, which is said; once a worker has told what it took it is.
    let output =
        infoplane(path, &["sweep", "slurm", "sweep.toml", "--store", "store", "--no-measure", "--json"]);
    let message = String::from_utf8(output.stderr.clone()).unwrap();
    assert!(message.contains("no --mem is written, because") && message.contains("give --mem"), "{message}");
    let array = || fs::read_to_string(path.join("store/slurm/array.sh")).unwrap();
    assert!(!array().contains("--mem="), "{}", array());
    stdout(&infoplane(path, &["sweep", "run", "sweep.toml", "--store", "store", "--shard", "1/2"]));
    let written = slurm(&["--no-measure"]);
    assert!(megabytes(&written) > 1024 && array().contains("#SBATCH --mem="), "{written}");
}

#[test]
fn what_slurm_would_read_otherwise_is_refused_before_anything_is_made() {
    let folder = with_sweep(SMALL);
    let path = folder.path();
    let slurm = |more: &[&'static str]| {
        [&["sweep", "slurm", "sweep.toml", "--store", "store", "--shards", "2", "--mem", "1G"], more].concat()
    };
    for (more, told) in [
        (
            &["--time", "nonsense"][..],
            "allowed is minutes, minutes:seconds, hours:minutes:seconds, days-hours",
        ),
        (&["--time", "2"], "more than 3 minutes"),
        (&["--mem", "4 G"], "K, M, G or T"),
        (&["--partition", "a b"], "partition = `a b`; allowed is a name without spaces"),
        (&["--account", "a\n#SBATCH --exclusive"], "account = `a\\n#SBATCH --exclusive`"),
        (&["--qos="], "qos = ``"),
        (&["--sbatch=constraint=avx"], "an option with its dashes"),
    ] {
        // The last of an option counts for nothing: each is given once.
        let arguments: Vec<&str> = match more[0] {
            "--mem" => {
                [&["sweep", "slurm", "sweep.toml", "--store", "store", "--shards", "2"], more].concat()
            }
            _ => slurm(more),
        };
        let message = refused(path, &arguments, 2);
        assert!(message.contains(told), "{more:?}: {message}");
        assert!(!path.join("store").exists());
    }
    // A path of the program starts here, a name is looked for by the node.
    for (program, written) in
        [("./infoplane", path.join("infoplane").display().to_string()), ("infoplane", "infoplane".into())]
    {
        stdout(&infoplane(path, &slurm(&["--time", "30", "--program", program])));
        let array = fs::read_to_string(path.join("store/slurm/array.sh")).unwrap();
        assert!(array.contains(&format!("exec {written} sweep run")), "{array}");
    }
}

/// What the collection of Slurm does where a cell is missing: the table of the others, and an exit code that says so.
#[cfg(unix)]
#[test]
fn the_scripts_of_slurm_compute_and_collect_what_can_be_computed() {
    let axes = "\n\"dataset.split.train_fraction\" = [0.8, 0.00001]\n";
    let folder = with_sweep(&format!("{}{axes}", SMALL.split("\n\"network").next().unwrap()));
    let path = folder.path();
    let arguments = ["--shards", "3", "--time", "30", "--mem", "1G", "--no-measure"];
    stdout(&infoplane(
        path,
        &[&["sweep", "slurm", "sweep.toml", "--store", "store"], &arguments[..]].concat(),
    ));
    let script = |name: &str, element: &str| {
        let mut bash = std::process::Command::new("bash");
        let script = bash.arg(path.join("store/slurm").join(name)).env("SLURM_ARRAY_TASK_ID", element);
        script.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().code()
    };
    let codes: Vec<_> = ["1", "2", "3"].iter().map(|element| script("array.sh", element)).collect();
    // Two cells of four fail, in one shard or in two.
    assert!(codes.contains(&Some(0)) && codes.contains(&Some(5)), "{codes:?}");
    // The second array tries each once more, however many elements it has.
    for _ in 0..3 {
        assert_eq!(script("missing.sh", "1"), Some(5));
        let failed = bytes(&path.join("store/failed"));
        assert_eq!(failed.len(), 2);
        assert!(failed.iter().all(|(_, text)| String::from_utf8_lossy(text).contains("attempts = 2")));
    }
    assert_eq!(script("collect.sh", ""), Some(5));
    let table = fs::read_to_string(path.join("store/collected/plane.csv")).unwrap();
    assert!(table.contains(",0.8,1,"), "{table}");
}

/// A sequence that looks random; 0 ≤ x < 1.
fn next_share(state: &mut u64) -> f64 {
    *state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
    (*state >> 33) as f64 / (1u64 << 31) as f64
}

/// The numbers of directories by their names: one that is written anew has another.
#[cfg(unix)]
fn numbers(runs: &Path) -> HashMap<PathBuf, u64> {
    use std::os::unix::fs::MetadataExt;
    let entries = fs::read_dir(runs).into_iter().flatten().flatten();
    entries.filter_map(|entry| Some((entry.path(), entry.metadata().ok()?.ino()))).collect()
}

/// Workers that are killed, and some that sleep longer than their lease, at vector instructions of every kind.
#[cfg(unix)]
#[test]
fn workers_killed_at_any_moment_complete_every_cell_to_the_same_bytes() {
    let number = |name: &str, otherwise: u64| {
        std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
    };
    let (kills, cells, workers) =
        (number("INFOPLANE_KILLS", 6), number("INFOPLANE_CELLS", 12), number("INFOPLANE_WORKERS", 3));
    let text = SMALL
        .replace("seeds = 2", &format!("seeds = {}", cells / 4))
        .replace("= 12", "= 120")
        .replace("\"schedule.points\" = 4", "\"schedule.points\" = 12");
    let folder = with_sweep(&text);
    let path = folder.path();
    let start = Instant::now();
    stdout(&infoplane(path, &["sweep", "run", "sweep.toml", "--store", "undisturbed", "-q"]));
    let pause = start.elapsed().div_f64(kills as f64 * 1.5);

    let levels: Vec<&str> = infoplane::simd::levels().into_iter().map(|(name, _)| name).collect();
    let spawn = |worker: u64, go: usize| -> Child {
        let shard = format!("{}/{workers}", worker + 1);
        let arguments = [
            "sweep",
            "run",
            "sweep.toml",
            "--store",
            "store",
            "-q",
            "--missing",
            "--no-restart",
            "--ends",
            "1000",
            "--lease",
            "2",
            "--jobs",
            "1",
            "--threads",
            "1",
            "--shard",
            &shard,
        ];
        let level = levels[(worker as usize + go) % levels.len()];
        command(path, &arguments)
            .env("INFOPLANE_TEST_SIMD", level)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let mut go = 0;
    let mut running: Vec<(u64, Child)> = (0..workers).map(|worker| (worker, spawn(worker, 0))).collect();
    let (mut killed, mut slept, mut state) = (0, 0, 20261u64);
    let mut first_seen: HashMap<PathBuf, u64> = HashMap::new();
    let runs = path.join("store/runs");
    let mut asleep: Vec<(u32, Instant)> = Vec::new();
    let signal = |process: u32, name: &str| {
        let sent = std::process::Command::new("kill").args([name, &process.to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "{name}");
    };
    while !running.is_empty() {
        std::thread::sleep(pause.mul_f64(next_share(&mut state) * 2.0));
        for (name, number) in numbers(&runs) {
            assert_eq!(
                *first_seen.entry(name.clone()).or_insert(number),
                number,
                "{} was published twice",
                name.display()
            );
        }
        let mut left = Vec::new();
        for (worker, mut child) in running {
            match child.try_wait().unwrap() {
                None => left.push((worker, child)),
                Some(status) => {
                    let output = child.wait_with_output().unwrap();
                    assert!(status.success(), "{}", String::from_utf8_lossy(&output.stderr));
                    // As long as some are to be killed, others come.
                    if killed < kills && first_seen.len() < cells as usize {
                        go += 1;
                        left.push((worker, spawn(worker, go)));
                    }
                }
            }
        }
        running = left;
        asleep.retain(|&(process, since)| {
            let goes_on = since.elapsed() > Duration::from_secs(5);
            if goes_on && running.iter().any(|(_, child)| child.id() == process) {
                signal(process, "-CONT");
            }
            !goes_on
        });
        let victim = (next_share(&mut state) * running.len() as f64) as usize;
        let Some((worker, child)) = running.get_mut(victim) else { continue };
        if asleep.iter().any(|&(process, _)| process == child.id()) {
            continue;
        }
        if killed < kills && killed % 10 == 5 && slept <= killed / 10 {
            signal(child.id(), "-STOP");
            asleep.push((child.id(), Instant::now()));
            slept += 1;
        } else if killed < kills {
            child.kill().unwrap();
            child.wait().unwrap();
            killed += 1;
            go += 1;
            let worker = *worker;
            running[victim] = (worker, spawn(worker, go));
        }
    }
    assert!(killed >= kills, "{killed} of {kills} kills: all was done before");
    let (expected, found) = (bytes(&path.join("undisturbed/runs")), bytes(&runs));
    assert_eq!(expected.len(), found.len());
    for ((name, expected), (other, found)) in expected.iter().zip(&found) {
        assert!(name == other && expected == found, "{} differs", name.display());
    }
    assert_eq!(numbers(&runs).len() as u64, cells);
    for (name, number) in numbers(&runs) {
        assert_eq!(
            *first_seen.get(&name).unwrap_or(&number),
            number,
            "{} was published twice",
            name.display()
        );
    }
    for part in ["claims", "work", "failed"] {
        assert_eq!(bytes(&path.join("store").join(part)), [], "{part}");
    }
}

/// The four files of MNIST with images of as many pixels but few of them.
fn small_mnist(directory: &Path) {
    fs::create_dir_all(directory).unwrap();
    for (part, n) in [("train", 40u32), ("t10k", 20)] {
        let mut images = vec![0, 0, 8, 3];
        [n, 28, 28].iter().for_each(|size| images.extend(size.to_be_bytes()));
        images.extend((0..n * 784).map(|pixel| (pixel % 251) as u8));
        fs::write(directory.join(format!("{part}-images-idx3-ubyte")), images).unwrap();
        let mut labels = vec![0, 0, 8, 1];
        labels.extend(n.to_be_bytes());
        labels.extend((0..n).map(|label| (label % 10) as u8));
        fs::write(directory.join(format!("{part}-labels-idx1-ubyte")), labels).unwrap();
    }
}

#[test]
fn sweeps_of_the_documentation_can_be_planned() {
    let folder = TempDir::new().unwrap();
    let path = folder.path();
    small_mnist(&path.join("mnist"));
    let documented = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/sweeps");
    for (name, cells) in [("nonlinearities.toml", 200), ("mnist.toml", 20)] {
        fs::copy(documented.join(name), path.join(name)).unwrap();
        let planned = json(path, &["sweep", "plan", name, "--no-measure", "--json"]);
        assert_eq!(planned["cells"].as_array().unwrap().len(), cells, "{name}");
        assert!(planned["processor_seconds"].as_f64().unwrap() > 0.0);
    }
}
