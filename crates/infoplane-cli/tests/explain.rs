//! What the command says of itself: help, keys, completions, manual pages, progress.

#[allow(dead_code)] // the rest of it is for other tests
mod call;
mod files;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

use call::{infoplane, stdout};
use files::bytes;

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("text")
}

fn json(folder: &Path, arguments: &[&str]) -> Value {
    serde_json::from_str(&stdout(&infoplane(folder, arguments))).expect("one JSON object")
}

const COMMANDS: [&[&str]; 34] = [
    &["run"],
    &["record"],
    &["watch"],
    &["resume"],
    &["presets"],
    &["info"],
    &["verify"],
    &["report"],
    &["serve"],
    &["export"],
    &["as-if-random"],
    &["estimate"],
    &["estimate", "pair"],
    &["estimate", "entropy"],
    &["estimate", "total-correlation"],
    &["estimate", "layer"],
    &["estimate", "units"],
    &["estimate", "layers"],
    &["estimate", "inputs"],
    &["estimate", "transfer"],
    &["estimate", "lagged"],
    &["estimate", "rank"],
    &["estimators"],
    &["calibrate"],
    &["reproduce"],
    &["sweep"],
    &["sweep", "plan"],
    &["sweep", "run"],
    &["sweep", "status"],
    &["sweep", "collect"],
    &["sweep", "slurm"],
    &["bottleneck"],
    &["completions"],
    &["man"],
];

/// A run of a moment.
const SHORT: [&str; 6] = ["--epochs", "12", "--set", "schedule.points=4", "--seeds", "2"];

fn short_run(folder: &Path, out: &str, more: &[&str]) -> Output {
    infoplane(folder, &[&["run", "tishby2017", "--out", out], &SHORT[..], more].concat())
}

#[test]
fn every_command_has_help_with_an_example_that_names_it() {
    let folder = TempDir::new().unwrap();
    for command in COMMANDS {
        let help = stdout(&infoplane(folder.path(), &[command, &["--help"]].concat()));
        let example = format!("infoplane {}", command.join(" "));
        if command != ["estimate"] && command != ["sweep"] {
            assert!(help.contains("Example") && help.contains(&example), "{help}");
        }
        assert!(help.contains("-q, --quiet"), "{help}");
    }
    let all = stdout(&infoplane(folder.path(), &["--help"]));
    for command in COMMANDS.iter().filter(|command| command.len() == 1) {
        assert!(all.contains(&format!("\n  {}", command[0])), "{all}");
    }
}

#[test]
fn examples_in_help_name_flags_that_there_are() {
    let folder = TempDir::new().unwrap();
    let mut checked = 0;
    for command in COMMANDS {
        let help = stdout(&infoplane(folder.path(), &[command, &["--help"]].concat()));
        // Of a long example the line goes on after a backslash.
        let whole = help.replace(" \\\n", " ");
        let examples = whole.lines().filter(|line| line.starts_with("  infoplane "));
        for flag in examples.flat_map(str::split_whitespace).filter(|word| word.starts_with("--")) {
            assert!(
                help.contains(&format!("{flag} ")) || help.contains(&format!("{flag}\n")),
                "{flag}: {help}"
            );
            // Once in the example, once where it is explained.
            assert!(help.matches(flag).count() >= 2, "{flag} of an example is not explained: {help}");
            checked += 1;
        }
    }
    assert!(checked > 30, "{checked}");
}

#[test]
fn examples_in_help_can_be_copied_at_80_columns() {
    let folder = TempDir::new().unwrap();
    let mut checked = 0;
    for command in COMMANDS {
        let help = stdout(&infoplane(folder.path(), &[command, &["--help"]].concat()));
        let Some((_, after)) = help.split_once("Examples:\n") else { continue };
        let mut goes_on = false;
        for line in after.lines().take_while(|line| !line.is_empty()) {
            assert!(line.chars().count() <= 80, "{line}");
            // Broken anywhere else, a line would begin in the middle of a command.
            assert!(
                goes_on || line.starts_with("  infoplane ") || line.starts_with("  man "),
                "{line}: {help}"
            );
            goes_on = line.ends_with(" \\");
            checked += 1;
        }
        assert!(!goes_on, "{help}");
    }
    assert!(checked > 40, "{checked}");
}

#[test]
fn the_version_is_under_the_programs_own_name() {
    let folder = TempDir::new().unwrap();
    let version = stdout(&infoplane(folder.path(), &["--version"]));
    let rest = version.trim().strip_prefix("infoplane ").expect("its own name");
    assert!(rest.starts_with(env!("CARGO_PKG_VERSION")), "{version}");
    // In a checkout the commit follows: seven digits or more, and its day.
    if let Some(commit) = rest.strip_prefix(env!("CARGO_PKG_VERSION")).filter(|commit| !commit.is_empty()) {
        let commit = commit.trim().trim_matches(['(', ')']);
        let (hash, day) = commit.split_once(' ').expect("a commit and its day");
        assert!(hash.len() >= 7 && hash.chars().all(|c| c.is_ascii_hexdigit()), "{version}");
        assert_eq!(day.len(), "2026-01-01".len(), "{version}");
    }
}

#[test]
fn every_key_is_explained_and_found_by_its_beginning() {
    let folder = TempDir::new().unwrap();
    let all = stdout(&infoplane(folder.path(), &["presets", "--keys"]));
    assert!(all.lines().all(|line| line.chars().count() <= 80), "{all}");
    for part in ["training.epochs  whole number", "schedule.delta  number, required", "keyframes.budget_mib"]
    {
        assert!(all.contains(part), "{part}: {all}");
    }
    let optimizer = stdout(&infoplane(folder.path(), &["presets", "--keys", "training.opt"]));
    assert!(optimizer.starts_with("training.optimizer"), "{optimizer}");
    assert!(!optimizer.contains("training.epochs"), "{optimizer}");
    let bins = json(folder.path(), &["presets", "--keys", "estimators.0.bins", "--json"]);
    let bins = bins["keys"].as_array().unwrap();
    assert_eq!((&bins[0]["path"], &bins[0]["type"]), (&"estimators.N.bins".into(), &"whole number".into()));
    let output = infoplane(folder.path(), &["presets", "--keys", "magic"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("no key begins with `magic`"));
    let schema: Value =
        serde_json::from_str(&stdout(&infoplane(folder.path(), &["presets", "--schema"]))).unwrap();
    assert!(schema["properties"]["training"].is_object());
}

#[test]
fn the_committed_page_of_keys_is_the_generated_one() {
    let folder = TempDir::new().unwrap();
    let generated = stdout(&infoplane(folder.path(), &["presets", "--keys", "--markdown"]));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    let committed = fs::read_to_string(path).unwrap_or_default();
    assert!(
        generated == committed,
        "docs/configuration.md is not what the types say; write it anew:\n\
         cargo run -- presets --keys --markdown > docs/configuration.md"
    );
}

#[test]
fn completions_know_the_commands() {
    let folder = TempDir::new().unwrap();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = stdout(&infoplane(folder.path(), &["completions", shell]));
        for word in ["as-if-random", "total-correlation", "noise-variance"] {
            assert!(script.contains(word), "{shell} lacks {word}");
        }
        assert!(!script.contains("infoplane-cli"), "{shell}");
    }
    assert_eq!(infoplane(folder.path(), &["completions", "tcl"]).status.code(), Some(2));
}

#[test]
fn manual_pages_are_written_for_every_command() {
    let folder = TempDir::new().unwrap();
    stdout(&infoplane(folder.path(), &["man", "--out", "man/man1"]));
    for page in ["infoplane.1", "infoplane-run.1", "infoplane-estimate-pair.1"] {
        let text = fs::read_to_string(folder.path().join("man/man1").join(page)).expect(page);
        assert!(text.contains(".TH") && text.contains("infoplane"), "{page}");
    }
    fs::write(folder.path().join("file"), "").unwrap();
    let output = infoplane(folder.path(), &["man", "--out", "file"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("cannot write manual pages to file"), "{}", stderr(&output));
}

#[test]
fn json_has_one_envelope_in_every_command() {
    let folder = TempDir::new().unwrap();
    let rows = "1,2\n2,1\n3,5\n4,3\n5,4\n7,6\n6,8\n8,7\n9,11\n10,9\n11,12\n12,10\n";
    fs::write(folder.path().join("x.csv"), rows).unwrap();
    fs::write(folder.path().join("y.csv"), "0\n0\n0\n0\n0\n0\n1\n1\n1\n1\n1\n1\n").unwrap();
    fs::write(folder.path().join("joint.csv"), "45,5\n5,45\n").unwrap();
    assert!(short_run(folder.path(), "out", &[]).status.success());
    let calls: [(&str, &[&str]); 13] = [
        ("resume", &["resume", "out"]),
        ("info", &["info", "out"]),
        ("report", &["report", "out"]),
        ("presets", &["presets"]),
        ("presets", &["presets", "saxe2018-relu"]),
        ("estimators", &["estimators"]),
        ("estimators", &["estimators", "ksg"]),
        ("estimate pair", &["estimate", "pair", "x.csv:0", "x.csv:1", "--no-standard-error"]),
        ("estimate entropy", &["estimate", "entropy", "y.csv", "--x-discrete"]),
        ("estimate total-correlation", &["estimate", "total-correlation", "x.csv", "--estimator", "ksg"]),
        ("estimate layer", &["estimate", "layer", "x.csv", "--labels", "y.csv", "--noise-variance", "0.1"]),
        ("bottleneck", &["bottleneck", "joint.csv"]),
        ("reproduce", &["reproduce", "--list", "--quick"]),
    ];
    for (command, arguments) in calls {
        let object = json(folder.path(), &[arguments, &["--json"]].concat());
        assert_eq!(object["command"], command, "{object}");
        assert_eq!(object["infoplane"], env!("CARGO_PKG_VERSION"), "{object}");
        assert!(object.as_object().unwrap().len() > 2, "{object}");
    }
}

#[test]
fn a_changed_preset_is_told_as_modified() {
    let folder = TempDir::new().unwrap();
    let told = stdout(&short_run(folder.path(), "out", &[]));
    assert!(told.starts_with("tishby2017, modified\n"), "{told}");
    let figure = fs::read_to_string(folder.path().join("out/report/training.svg")).unwrap();
    assert!(figure.contains("tishby2017, modified"), "the figure claims the preset");
    let manifest = fs::read_to_string(folder.path().join("out/manifest.toml")).unwrap();
    assert!(!manifest.contains("Opening the black box"), "the run claims the publication");
}

#[test]
fn epochs_are_of_training_and_at_lists_those_to_measure() {
    let folder = TempDir::new().unwrap();
    let arguments = [
        "run",
        "--epochs",
        "20",
        "--seeds",
        "1",
        "--schedule",
        "list",
        "--at",
        "0,5",
        "--out",
        "out",
        "--json",
    ];
    let object = json(folder.path(), &arguments);
    assert_eq!((&object["epochs"], &object["measured_epochs"]), (&20.into(), &3.into()));
}

#[test]
fn summaries_fit_eighty_columns() {
    let folder = TempDir::new().unwrap();
    let told = stdout(&short_run(folder.path(), "out", &[]));
    let table: Vec<&str> = told.lines().filter(|line| line.starts_with("  T")).collect();
    assert!(table.len() >= 6, "{told}");
    for line in table {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

#[test]
fn a_run_is_resumed_by_its_directory() {
    let folder = TempDir::new().unwrap();
    let whole = short_run(folder.path(), "whole", &[]);
    assert!(whole.status.success());
    let before = bytes(&folder.path().join("whole"));
    // Nothing is left to do; the same files are written again.
    let told = stdout(&infoplane(folder.path(), &["resume", "whole", "--threads", "1"]));
    assert!(told.contains("all was trained and measured before"), "{told}");
    stdout(&infoplane(folder.path(), &["run", "--resume", "whole"]));
    assert_eq!(bytes(&folder.path().join("whole")), before);
    let other = infoplane(folder.path(), &["resume", "whole", "--experiment", "saxe2018-relu"]);
    assert_eq!(other.status.code(), Some(2));
    assert!(stderr(&other).contains("holds another experiment"), "{}", stderr(&other));
    let nothing = infoplane(folder.path(), &["resume", "nowhere"]);
    assert!(stderr(&nothing).contains("nowhere holds no run"), "{}", stderr(&nothing));
}

#[test]
fn several_runs_are_reported_each_into_its_own_directory() {
    let folder = TempDir::new().unwrap();
    for out in ["a", "b"] {
        assert!(short_run(folder.path(), out, &[]).status.success());
    }
    let before = bytes(&folder.path().join("a"));
    let object = json(folder.path(), &["report", "a", "b", "--json"]);
    assert_eq!(object["runs"].as_array().unwrap().len(), 2);
    assert_eq!(bytes(&folder.path().join("a")), before);
    stdout(&infoplane(folder.path(), &["report", "a", "--out", "alone"]));
    assert_eq!(bytes(&folder.path().join("alone")), bytes(&folder.path().join("a/report")));
}

#[test]
fn long_jobs_tell_their_progress_in_lines_and_quiet_ones_nothing() {
    let folder = TempDir::new().unwrap();
    let run = |out: &str, more: &[&str]| {
        let arguments = [&["run", "--out", out, "--json"], &SHORT[..], more].concat();
        Command::new(env!("CARGO_BIN_EXE_infoplane"))
            .args(arguments)
            .current_dir(folder.path())
            // A job is long after a third of this.
            .env("INFOPLANE_PROGRESS_SECONDS", "0.001")
            .output()
            .unwrap()
    };
    let told = stderr(&run("told", &[]));
    let line = told.lines().find(|line| line.contains("epochs trained")).expect("a line of progress");
    assert!(line.starts_with("infoplane: ") && line.contains(" % ("), "{line}");
    assert!(line.contains("/24 epochs trained, ") && line.contains("/8 measured), elapsed "), "{line}");
    assert!(line.contains(" s, ETA "), "{line}");
    assert_eq!(stderr(&run("quiet", &["--quiet"])), "");
    // By default a job of a second is not long.
    assert_eq!(stderr(&short_run(folder.path(), "short", &[])), "");
    assert_eq!(bytes(&folder.path().join("told")), bytes(&folder.path().join("quiet")));
}

#[cfg(unix)]
#[test]
fn names_cannot_steer_the_terminal() {
    let folder = TempDir::new().unwrap();
    let name = "evil\u{1b}[2Jname";
    let output = short_run(folder.path(), name, &[]);
    let told = stdout(&output);
    assert!(!told.contains('\u{1b}') && told.contains("evil\\u{1b}[2Jname"), "{told:?}");
    let failed = infoplane(folder.path(), &["info", "\u{1b}[31m"]);
    assert!(!stderr(&failed).contains('\u{1b}'), "{:?}", stderr(&failed));
}

#[test]
fn values_of_set_are_read_alike_in_all_commands() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("x.csv"), "1\n2\n3\n4\n5\n7\n6\n8\n").unwrap();
    fs::write(folder.path().join("y.csv"), "0\n0\n0\n0\n1\n1\n1\n1\n").unwrap();
    // A bare word, a number without its zero, a list.
    let noise = ["estimate", "layer", "x.csv", "--labels", "y.csv", "--estimator", "noise", "--json"];
    let one = json(folder.path(), &[&noise[..], &["--set", "noise_variances=[0.5]"]].concat());
    let short = json(folder.path(), &[&noise[..], &["--noise-variance", ".5"]].concat());
    assert_eq!(one["i_xt"], short["i_xt"]);
    let set = ["--set", "training.optimizer.learning_rate=.001", "--set", "network.nonlinearity=relu"];
    assert!(short_run(folder.path(), "out", &set).status.success());
    let manifest = fs::read_to_string(folder.path().join("out/manifest.toml")).unwrap();
    assert!(manifest.contains("learning_rate = 0.001") && manifest.contains("nonlinearity = \"relu\""));
    for arguments in [
        &["run", "--set", "training.epochs"][..],
        &["estimate", "entropy", "x.csv", "--estimator", "kl", "--set", "k"],
    ] {
        let output = infoplane(folder.path(), arguments);
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains("KEY=VALUE"), "{}", stderr(&output));
    }
}

#[test]
fn threads_are_given_to_every_command_that_computes() {
    let folder = TempDir::new().unwrap();
    for command in [
        &["run"][..],
        &["resume"],
        &["as-if-random"],
        &["reproduce"],
        &["calibrate"],
        &["bottleneck"],
        &["estimate", "pair"],
        &["estimate", "layer"],
    ] {
        let help = stdout(&infoplane(folder.path(), &[command, &["--help"]].concat()));
        assert!(help.contains("--threads <N>"), "{command:?}: {help}");
    }
    fs::write(folder.path().join("joint.csv"), "45,5\n5,45\n").unwrap();
    let curve = |threads| {
        let mut object = json(folder.path(), &["bottleneck", "joint.csv", "--json", "--threads", threads]);
        object["points"].take()
    };
    assert_eq!(curve("1"), curve("3"));
}
