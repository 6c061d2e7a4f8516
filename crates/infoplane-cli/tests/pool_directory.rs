//! The directory of pooled networks is one as that of a run: locked, resumable to the same bytes, and reported.

#[allow(dead_code)] // the rest of it is for other tests
mod call;
mod files;

use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use call::{command, infoplane, refused, stdout};
use files::bytes;

fn begin(folder: &Path, arguments: &[&str]) -> Child {
    command(folder, arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the command was built")
}

/// Waits until `done`, or the process ends by itself; whether it has ended.
fn wait(child: &mut Child, mut done: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    loop {
        if child.try_wait().unwrap().is_some() {
            return true;
        }
        if done() {
            return false;
        }
        assert!(start.elapsed() < Duration::from_secs(300), "nothing happens");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Four training runs of about a second each.
const POOL: [&str; 12] = [
    "as-if-random",
    "tishby2017",
    "--epochs",
    "40",
    "--seeds",
    "4",
    "--window",
    "4",
    "--inputs",
    "64",
    "--threads",
    "1",
];

#[test]
fn a_killed_computation_is_resumed_to_the_same_bytes() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name);
    let across =
        ["as-if-random", "tishby2017", "--epochs", "40", "--seeds", "4", "--across-seeds", "--inputs", "64"];
    for (kind, call) in [("epochs", &POOL[..]), ("seeds", &across)] {
        let whole = format!("{kind}-whole");
        stdout(&infoplane(folder.path(), &[call, &["--out", &whole]].concat()));
        let expected = bytes(&path(&whole));
        // As soon as so many seeds are in the journal.
        let mut kills = 0;
        for seeds in 1..=3 {
            let out = format!("{kind}-{seeds}");
            let journal = path(&out).join("journal.jsonl");
            let lines =
                || fs::read(&journal).map_or(0, |text| text.iter().filter(|&&byte| byte == b'\n').count());
            let mut child = begin(folder.path(), &[call, &["--out", &out]].concat());
            if !wait(&mut child, || lines() >= seeds) {
                child.kill().unwrap();
                child.wait().unwrap();
                kills += 1;
                let info = stdout(&infoplane(folder.path(), &["info", &out]));
                assert!(info.contains("interrupted") || info.contains("complete"), "{info}");
            }
            stdout(&infoplane(folder.path(), &["resume", &out, "--threads", "2"]));
            let found = bytes(&path(&out));
            let names = |files: &[(std::path::PathBuf, Vec<u8>)]| -> Vec<_> {
                files.iter().map(|(name, _)| name.clone()).collect()
            };
            assert_eq!(names(&found), names(&expected), "{out}");
            assert!(found == expected, "{out}");
        }
        assert!(kills > 0, "{kind}: every process had ended before it was killed");
    }
}

#[test]
fn one_process_writes_and_a_second_is_told_which() {
    let folder = TempDir::new().unwrap();
    // It would take hours.
    let long = [
        "as-if-random",
        "tishby2017",
        "--epochs",
        "1000000",
        "--seeds",
        "1",
        "--window",
        "4",
        "--inputs",
        "64",
        "--threads",
        "1",
    ];
    let call = [&long[..], &["--out", "out"]].concat();
    let mut first = begin(folder.path(), &call);
    let metadata = folder.path().join("out/as-if-random.toml");
    assert!(!wait(&mut first, || metadata.exists()));
    let number = first.id().to_string();
    for second in [&call[..], &["resume", "out"]] {
        let said = refused(folder.path(), second, 2);
        assert!(said.contains(&format!("another process (number {number}) is writing to out")), "{said}");
    }
    let info = stdout(&infoplane(folder.path(), &["info", "out"]));
    assert!(info.contains(&format!("process {number} is writing to it")), "{info}");
    // Another configuration is refused there, and gets a directory of its own where none is named.
    let said = refused(folder.path(), &[&call[..], &["--stride", "2"]].concat(), 2);
    assert!(said.contains("out holds the result of something else"), "{said}");
    assert!(said.contains("settings.pool.stride: 1 in the run, 2 asked for"), "{said}");
    first.kill().unwrap();
    first.wait().unwrap();

    let object: Value =
        serde_json::from_str(&stdout(&infoplane(folder.path(), &["info", "out", "--json"]))).unwrap();
    assert_eq!((&object["state"], &object["settings"]["pool"]["window"]), (&"interrupted".into(), &4.into()));
    let info = stdout(&infoplane(folder.path(), &["info", "out"]));
    assert!(info.contains("`infoplane resume out` continues it"), "{info}");
    let said = refused(folder.path(), &["report", "out"], 2);
    assert!(said.contains("not complete") && said.contains("`infoplane resume out` continues it"), "{said}");
    let said = refused(folder.path(), &["resume", "out", "--set", "training.epochs=5"], 2);
    assert!(said.contains("training.epochs: 1000000 in the run, 5 asked for"), "{said}");
}

#[test]
fn figures_are_drawn_again_as_asked() {
    let folder = TempDir::new().unwrap();
    let short =
        ["as-if-random", "tishby2017", "--epochs", "8", "--seeds", "2", "--window", "4", "--inputs", "64"];
    stdout(&infoplane(folder.path(), &[&short[..], &["--out", "out"]].concat()));
    let before = bytes(&folder.path().join("out"));
    let asked = ["--format", "svg,pdf", "--title", "Compression & drift", "--out", "drawn"];
    stdout(&infoplane(folder.path(), &[&["report", "out"], &asked[..]].concat()));
    let drawn = bytes(&folder.path().join("drawn"));
    let with = |kind: &str| {
        drawn.iter().filter(|(name, _)| name.extension().is_some_and(|found| found == kind)).count()
    };
    assert_eq!((with("svg"), with("pdf"), with("png"), with("md")), (4, 4, 0, 1));
    for (name, content) in drawn.iter().filter(|(name, _)| name.extension().is_some_and(|kind| kind == "svg"))
    {
        let text = String::from_utf8_lossy(content);
        assert!(
            text.contains("Compression &amp; drift") && !text.contains("As if random"),
            "{}",
            name.display()
        );
    }
    let slides = ["report", "out", "--style", "slides", "--format", "svg", "--all-seeds", "--out", "slides"];
    stdout(&infoplane(folder.path(), &slides));
    for (name, content) in bytes(&folder.path().join("slides")) {
        if name.extension().is_some_and(|kind| kind == "svg") {
            assert!(String::from_utf8_lossy(&content).contains("font-size=\"24.8\""), "{}", name.display());
        }
    }
    assert_eq!(bytes(&folder.path().join("out")), before);
    // A complete result has nothing left to do.
    let again = stdout(&infoplane(folder.path(), &["resume", "out", "--json"]));
    let object: Value = serde_json::from_str(&again).unwrap();
    assert_eq!((&object["command"], &object["result"]), (&"resume".into(), &"out".into()));
    assert_eq!(bytes(&folder.path().join("out")), before);
}

#[test]
fn a_result_of_an_earlier_version_is_shown() {
    let stored = Path::new(env!("CARGO_MANIFEST_DIR")).join("../infoplane/tests/format-1-pool-rest");
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("old")).unwrap();
    for entry in fs::read_dir(stored).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, folder.path().join("old").join(path.file_name().unwrap())).unwrap();
    }
    let info = stdout(&infoplane(folder.path(), &["info", "old"]));
    assert!(info.contains("complete      8 networks, 40 rows"), "{info}");
    let report = stdout(&infoplane(folder.path(), &["report", "old", "--out", "drawn"]));
    assert!(report.contains("30 equal bins") && folder.path().join("drawn/drift.svg").exists(), "{report}");
    // It is complete, so it is read and not begun again.
    stdout(&infoplane(folder.path(), &["resume", "old"]));
    assert!(!folder.path().join("old/outcome.toml").exists());
}
