//! The command at the edges of what a system gives: limits of memory and of files, signals, names that are meant to
//! mislead, directories of others.

mod call;
#[allow(dead_code)] // each test file uses what it needs of it
mod files;
#[cfg(unix)]
mod signals;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use call::{command, infoplane, refused, stdout};

/// A run of a moment.
const SHORT: [&str; 9] = [
    "run",
    "saxe2018-tanh",
    "--epochs=6",
    "--seeds=1",
    "--threads=1",
    "--set=schedule.points=3",
    "--set=estimators=[{ kind = \"binned\", rule = \"equal\", bins = 30, range = \"layer\" }]",
    "--out",
    "run",
];

/// The same run of a million epochs, with so many measured as `points` says.
fn long_run(points: &'static str) -> Vec<&'static str> {
    let changed = |argument: &&str| argument.starts_with("--epochs") || argument.contains("schedule.points");
    let kept = SHORT.into_iter().filter(|argument| !changed(argument));
    kept.chain(["--set=training.epochs=1000000", points]).collect()
}

fn told(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("text")
}

/// Samples of independent columns, other ones under another name, as CSV.
fn samples(folder: &Path, name: &str, n: u32, columns: u32) {
    let mut state = name.bytes().fold(1u32, |state, byte| state.wrapping_mul(31).wrapping_add(byte.into()));
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(state >> 8) / f64::from(1 << 24)
    };
    let row = |_| (0..columns).map(|_| next().to_string()).collect::<Vec<_>>().join(",");
    let rows: Vec<String> = (0..n).map(row).collect();
    fs::write(folder.join(name), rows.join("\n")).unwrap();
}

/// Calls the command from a shell that did something first, such as setting a limit.
#[cfg(unix)]
fn after(folder: &Path, first: &str, arguments: &[&str]) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("{first}; exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_infoplane")]);
    shell
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .env("COLUMNS", "80")
        .env_remove("RUST_BACKTRACE");
    shell
}

#[cfg(target_os = "linux")]
#[test]
fn little_memory_ends_in_a_sentence_and_an_exit_code() {
    let folder = TempDir::new().unwrap();
    samples(folder.path(), "x.csv", 2500, 2);
    samples(folder.path(), "y.csv", 2500, 2);
    let renyi = ["estimate", "pair", "x.csv", "y.csv", "--estimator", "renyi", "--threads", "2"];
    for kilobytes in [20_000, 50_000, 100_000, 200_000] {
        // A system that cannot even load the program says so itself, or ends it.
        let limit = format!("ulimit -v {kilobytes}");
        let loaded = after(folder.path(), &limit, &["--version"]).output().unwrap().status.success();
        assert!(loaded || kilobytes < 200_000, "a program of more than {kilobytes} KB");
        if !loaded {
            continue;
        }
        for arguments in [&["presets"][..], &renyi, &["bottleneck"], &SHORT] {
            let _ = fs::remove_dir_all(folder.path().join("run"));
            let output = after(folder.path(), &limit, &[arguments, &["--quiet"]].concat()).output().unwrap();
            let said = told(&output);
            let code = output.status.code().unwrap_or_else(|| panic!("{arguments:?}, {kilobytes}: {said}"));
            assert!([0, 1, 2].contains(&code), "{arguments:?}, {kilobytes}: {code}, {said}");
            assert!(!said.contains("panicked"), "{said}");
            assert_eq!(code == 0, said.is_empty(), "{arguments:?}, {kilobytes}: {code}, {said}");
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn an_estimate_that_does_not_fit_is_refused_before_it_begins() {
    let folder = TempDir::new().unwrap();
    samples(folder.path(), "x.csv", 2500, 2);
    samples(folder.path(), "y.csv", 2500, 2);
    let renyi = ["estimate", "pair", "x.csv", "y.csv", "--estimator", "renyi"];
    let said = refused(folder.path(), &[&renyi[..], &["--memory", "16MiB"]].concat(), 2);
    assert!(
        said.contains("MiB of memory (matrices of all pairs of samples); --memory allows 16.0 MiB"),
        "{said}"
    );
    let lists = ["estimate", "entropy", "x.csv", "--estimator", "lgde", "--memory", "160KiB"];
    let said = refused(folder.path(), &lists, 2);
    assert!(
        said.contains("lgde on 2500 samples needs about") && said.contains("--memory allows 160.0 KiB"),
        "{said}"
    );
    // The limit of the process is known without being told.
    let output = after(folder.path(), "ulimit -v 300000", &renyi).output().unwrap();
    let said = told(&output);
    assert!(output.status.success() || said.contains("of what this process may have"), "{said}");
    let fits = [&renyi[..], &["--memory", "4GiB", "--set", "batch=200", "--no-standard-error"]].concat();
    stdout(&infoplane(folder.path(), &fits));
}

/// The header of an array of one column.
fn npy_header(descr: &str, n: u64) -> Vec<u8> {
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({n}, 1), }}");
    let mut bytes = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
    bytes.extend(format!("{header:<117}\n").bytes());
    bytes
}

/// Writes a megabyte of gzip in which there are so many times `line`.
fn gzip_of_lines(path: &Path, line: &str, n: usize) {
    let file = fs::File::create(path).unwrap();
    let mut encoder = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    let block = line.repeat(1 << 10);
    (0..n >> 10).for_each(|_| encoder.write_all(block.as_bytes()).unwrap());
    encoder.finish().unwrap();
}

#[test]
fn a_file_whose_data_take_more_than_is_allowed_is_refused() {
    let folder = TempDir::new().unwrap();
    gzip_of_lines(&folder.path().join("x.csv.gz"), "0,1\n", 1 << 20);
    let number = ["estimate", "entropy", "x.csv.gz", "--estimator", "kl"];
    let pair = ["estimate", "pair", "x.csv.gz:0", "x.csv.gz:1", "--x-discrete", "--y-discrete"];
    let rank = ["estimate", "rank", "x.csv.gz", "--target", "1"];
    for arguments in [&number[..], &pair, &rank] {
        let said = refused(folder.path(), &[arguments, &["--memory", "1MiB"]].concat(), 2);
        assert!(said.contains("x.csv.gz: its data take 1.0 MiB or more; allowed are 1.0 MiB;"), "{said}");
        assert!(said.contains("allow more with --memory"), "{said}");
    }
    // As much as the columns take suffices.
    let symbols = ["estimate", "entropy", "x.csv.gz", "--x-discrete", "--estimator", "plug-in", "--memory"];
    stdout(&infoplane(folder.path(), &[&symbols[..], &["64MiB"]].concat()));
}

#[cfg(target_os = "linux")]
#[test]
fn a_limit_of_the_process_refuses_data_that_do_not_fit() {
    let folder = TempDir::new().unwrap();
    let n = 1 << 30;
    let file = fs::File::create(folder.path().join("x.npy")).unwrap();
    (&file).write_all(&npy_header("<f8", n)).unwrap();
    // Zeros that take no room on the disk.
    file.set_len(128 + 8 * n).unwrap();
    for (memory, what) in [(&[][..], "half of what the limit"), (&["--memory", "100GiB"], "what the limit")] {
        let arguments = [&["estimate", "entropy", "x.npy"], memory].concat();
        let output = after(folder.path(), "ulimit -v 2000000", &arguments).output().unwrap();
        let said = told(&output);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("x.npy: its data take 8.0 GiB or more; allowed are"), "{said}");
        assert!(said.contains(what) && said.contains("raise the limit"), "{said}");
    }
}

/// The peak is bounded by a limit of the address space: what is read may take three times what is kept, beside what the
/// command takes by itself.
#[cfg(target_os = "linux")]
#[test]
fn data_take_at_most_three_times_what_is_kept() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    samples(folder.path(), "y.csv", 3, 1);
    let n = 12_000_000;
    fs::write(at("x.csv"), "1\n".repeat(n)).unwrap();
    gzip_of_lines(&at("x.csv.gz"), "0.5\n", n);
    fs::write(at("x.npy"), [npy_header("|u1", n as u64), vec![7; n]].concat()).unwrap();
    fs::write(at("z.npy"), [npy_header("<f8", n as u64), vec![0; 8 * n]].concat()).unwrap();
    const KB: usize = 1024;
    for (file, kept, flag) in [
        ("x.csv", 8 * n / KB, None),
        ("x.csv.gz", 8 * n / KB, None),
        ("x.csv", 4 * n / KB, Some("--x-discrete")),
        ("x.npy", 4 * n / KB, None),
        ("x.npy", 4 * n / KB, Some("--x-discrete")),
        ("z.npy", 8 * n / KB, None),
    ] {
        // Both are read before it is seen that they are not of the same samples.
        let pair = [
            "estimate",
            "pair",
            file,
            "y.csv",
            "--estimator",
            "plug-in",
            "--threads",
            "1",
            "--memory",
            "8GiB",
        ];
        let arguments = [&pair[..], flag.as_slice()].concat();
        let limit = format!("ulimit -v {}", 220_000 + 3 * kept);
        let output = after(folder.path(), &limit, &arguments).output().unwrap();
        let said = told(&output);
        assert!(said.contains("each sample needs a row in both"), "{file}, {flag:?}: {said}");
    }
}

/// A limit of processes, where there is a shell that sets it and a user whom it binds.
#[cfg(target_os = "linux")]
#[test]
fn threads_that_cannot_be_had_are_told() {
    let folder = TempDir::new().unwrap();
    samples(folder.path(), "x.csv", 100, 1);
    let pair = ["estimate", "pair", "x.csv", "x.csv", "--threads", "4"];
    let run = [&SHORT[..], &["--threads=4"]].concat();
    for limit in ["ulimit -v 120000", "ulimit -u 2 2>/dev/null || ulimit -p 2 2>/dev/null || exit 0"] {
        for arguments in [&pair[..], &run] {
            let arguments: Vec<&str> =
                arguments.iter().copied().filter(|argument| *argument != "--threads=1").collect();
            let output = after(folder.path(), limit, &arguments).output().unwrap();
            let said = told(&output);
            let code = output.status.code().unwrap_or_else(|| panic!("{limit}: {said}"));
            assert!([0, 1, 2].contains(&code) && !said.contains("panicked"), "{limit}: {code}, {said}");
            assert!(code != 1 || said.contains("infoplane: ") || said.contains("memory"), "{limit}: {said}");
            let _ = fs::remove_dir_all(folder.path().join("run"));
        }
    }
}

#[cfg(unix)]
#[test]
fn a_limit_of_file_size_is_an_error_of_the_file() {
    let folder = TempDir::new().unwrap();
    let output = after(folder.path(), "ulimit -f 1", &SHORT).output().unwrap();
    let said = told(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("cannot write run/") || said.contains("cannot create run/"), "{said}");

    stdout(&infoplane(folder.path(), &SHORT));
    let export = ["export", "run", "--table", "training", "--format", "jsonl", "--out", "training.jsonl"];
    let output = after(folder.path(), "ulimit -f 1", &export).output().unwrap();
    let said = told(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("cannot write training.jsonl: "), "{said}");
    assert!(!folder.path().join("training.jsonl").exists());
}

/// Waits until a run has measured something.
fn wait_for_rows(run: &Path) {
    let start = Instant::now();
    while !fs::metadata(run.join("journal.jsonl")).is_ok_and(|journal| journal.len() > 0) {
        assert!(start.elapsed() < Duration::from_secs(120), "no row in {}", run.display());
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[cfg(unix)]
fn send(signal: &str, process: u32) {
    assert!(Command::new("kill").args([signal, &process.to_string()]).status().unwrap().success());
}

#[cfg(target_os = "linux")]
#[test]
fn a_signal_that_was_ignored_from_the_beginning_stays_ignored() {
    let folder = TempDir::new().unwrap();
    let long = long_run("--set=schedule.points=100");
    let child = after(folder.path(), "trap '' HUP INT", &long).stderr(Stdio::piped()).spawn().unwrap();
    wait_for_rows(&folder.path().join("run"));
    for signal in ["-HUP", "-INT", "-TERM"] {
        send(signal, child.id());
    }
    let output = child.wait_with_output().unwrap();
    let said = told(&output);
    assert_eq!(output.status.code(), Some(130), "{said}");
    // One signal was answered, not the first and the second.
    assert!(said.contains("what was measured is kept"), "{said}");
    assert_eq!(said.matches("stopping").count(), 1, "{said}");
    stdout(&infoplane(folder.path(), &["report", "run"]));
}

#[cfg(unix)]
#[test]
fn an_estimate_stops_at_a_signal_and_shows_how_far_it_is() {
    let folder = TempDir::new().unwrap();
    samples(folder.path(), "x.csv", 1500, 2);
    samples(folder.path(), "y.csv", 1500, 2);
    let long = ["estimate", "pair", "x.csv", "y.csv", "--estimator", "ksg", "--permutations", "10000000"];
    let calibrate =
        ["calibrate", "--estimators", "ksg", "--tasks", "normal", "--n", "100", "--repeats", "10000"];
    for (arguments, shown) in [(&long[..], "permutations, "), (&calibrate[..], "now normal")] {
        for signal in ["-INT", "-TERM", "-HUP"].into_iter().filter(|signal| !signals::is_ignored(signal)) {
            let mut call = command(folder.path(), arguments);
            call.env("INFOPLANE_PROGRESS_SECONDS", "0.01").stdout(Stdio::piped()).stderr(Stdio::piped());
            let mut child = call.spawn().unwrap();
            // Until it says how far it is; before the first part is done, it cannot say how long the rest takes.
            let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stderr.take().unwrap()));
            let tells = |line: &String| line.contains(shown) && line.contains("ETA ");
            let line = lines.by_ref().map(Result::unwrap).find(tells).unwrap();
            assert!(line.contains(", elapsed "), "{line}");
            send(signal, child.id());
            // Reads to the end, so that nothing waits for a full pipe.
            let rest: Vec<String> = lines.map(Result::unwrap).collect();
            let output = child.wait_with_output().unwrap();
            assert_eq!(output.status.code(), Some(130), "{arguments:?}, {signal}: {rest:?}");
            assert!(rest.iter().any(|line| line.contains("interrupted")), "{rest:?}");
            if arguments[0] == "estimate" {
                assert!(output.stdout.is_empty());
            }
        }
    }
    let output = infoplane(folder.path(), &["estimate", "pair", "x.csv", "y.csv", "-q"]);
    assert!(output.status.success() && told(&output).is_empty(), "{}", told(&output));
}

/// One estimate tells nobody how far it is, but a person sees that it is at work.
#[test]
fn an_estimate_whose_steps_cannot_be_counted_shows_the_time_it_takes() {
    let folder = TempDir::new().unwrap();
    samples(folder.path(), "x.csv", 1500, 3);
    samples(folder.path(), "y.csv", 1500, 3);
    let arguments = ["estimate", "pair", "x.csv", "y.csv", "--estimator", "lgde", "--no-standard-error"];
    let output =
        command(folder.path(), &arguments).env("INFOPLANE_PROGRESS_SECONDS", "0.01").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("infoplane: estimating, elapsed "), "{said}");
}

/// A name with what steers a terminal, begins a new line, turns the direction, and has a meaning in Markdown.
#[cfg(unix)]
const NAME: &str = "a\u{1b}[31m\u{202e}b\nc|d`e";

/// Whether a text could steer a terminal.
fn steers(text: &str) -> bool {
    text.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{202e}')
}

#[cfg(unix)]
#[test]
fn names_from_outside_are_written_out() {
    let folder = TempDir::new().unwrap();
    let out = format!("runs/{NAME}");
    let of_epoch = folder.path().join(format!("acts-{NAME}/epoch-1"));
    fs::create_dir_all(&of_epoch).unwrap();
    samples(&of_epoch, &format!("{NAME}.csv"), 60, 2);
    samples(&of_epoch, "z.csv", 60, 2);
    let labels: Vec<String> = (0..60).map(|sample| (sample % 3).to_string()).collect();
    fs::write(folder.path().join("y.csv"), format!("y\n{}\n", labels.join("\n"))).unwrap();
    let acts = format!("acts-{NAME}");
    let record = ["record", &acts, "--labels", "y.csv", "--name", NAME, "--out", &out];
    let escaped = r"a\u{1b}[31m\u{202e}b\nc|d`e";
    for arguments in
        [&record[..], &["info", &out], &["report", &out], &["resume", &out], &["run", "--resume", &out]]
    {
        let output = infoplane(folder.path(), arguments);
        let text = stdout(&output);
        assert!(!steers(&text) && !steers(&told(&output)), "{arguments:?}: {text:?}");
        assert!(text.contains(escaped), "{arguments:?}: {text}");
    }
    let summary = fs::read_to_string(folder.path().join(&out).join("report/summary.md")).unwrap();
    assert!(!steers(&summary), "{summary:?}");
    let in_markdown = r"a\\u{1b}\[31m\\u{202e}b\\nc\|d\`e";
    assert!(summary.starts_with(&format!("# {in_markdown}\n")), "{summary}");
    assert!(summary.contains(&format!("\n| {in_markdown} (2) |")), "{summary}");
    // Errors, of one line each.
    for (arguments, code) in [
        (&["info", &format!("{out}-absent")][..], 2),
        (&["export", &out, "--table", "pool"], 2),
        (&["export", &out, "--out", "absent\u{1b}[1m/\nx"], 1),
        (&["resume", NAME], 2),
        (&["run", NAME], 2),
        (&["run", "--set", NAME], 2),
        (&["estimate", "entropy", NAME], 2),
        (&["record", NAME, "--labels", NAME], 2),
        (&["estimators", NAME], 2),
        // Told by the parser of arguments, which prints the usage too.
        (&["run", "--epochs", NAME], 2),
        (&["nonsense\u{1b}[\nc|d"], 2),
    ] {
        let said = refused(folder.path(), arguments, code);
        assert!(!steers(&said), "{arguments:?}: {said:?}");
        assert!(!said.contains("\nc|d"), "a name begins a line: {said:?}");
        assert!(said.contains(r"\u{1b}["), "{arguments:?}: {said}");
    }
    let object: Value =
        serde_json::from_str(&stdout(&infoplane(folder.path(), &["info", &out, "--json"]))).unwrap();
    assert_eq!(object["run"], out, "programs get the name as it is");
}

#[test]
fn a_result_stands_where_its_figures_cannot_be_written() {
    let folder = TempDir::new().unwrap();
    stdout(&infoplane(folder.path(), &SHORT));
    let report = folder.path().join("run/report");
    let figures = files::bytes(&report);
    // Figures that are as they should be need not be written.
    stdout(&infoplane(folder.path(), &["resume", "run"]));
    // A file where they should be: nothing can be written into it, whoever tries.
    fs::remove_dir_all(&report).unwrap();
    fs::write(&report, "").unwrap();
    for arguments in [&["resume", "run"][..], &["run", "--resume", "run"]] {
        let output = infoplane(folder.path(), arguments);
        let said = told(&output);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(
            said.contains("run is complete, but its figures could not be written: cannot write run/report"),
            "{said}"
        );
        assert!(said.contains("`infoplane report run` draws them"), "{said}");
        assert!(String::from_utf8(output.stdout).unwrap().contains("run      run\n"), "the result is told");
    }
    let output = infoplane(folder.path(), &["resume", "run", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let object: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(object["figures_error"].as_str().unwrap().contains("run/report"), "{object}");
    assert_eq!(object["files"], serde_json::json!([]));
    fs::remove_file(&report).unwrap();
    stdout(&infoplane(folder.path(), &["report", "run"]));
    assert!(files::bytes(&report) == figures);
}

#[cfg(unix)]
#[test]
fn pooled_networks_stand_where_their_figures_cannot_be_written() {
    let folder = TempDir::new().unwrap();
    stdout(&infoplane(folder.path(), &SHORT));
    let pooled = ["as-if-random", "run", "--window", "2", "--out", "pool", "--threads", "1"];
    stdout(&infoplane(folder.path(), &pooled));
    let pool = folder.path().join("pool");
    for entry in fs::read_dir(&pool).unwrap() {
        let path = entry.unwrap().path();
        let ending = path.extension().unwrap_or_default();
        if ending == "svg" || ending == "png" || ending == "md" {
            fs::remove_file(path).unwrap();
        }
    }
    let output = after(folder.path(), "ulimit -f 1", &pooled).output().unwrap();
    let said = told(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("pool is complete, but its figures could not be written: cannot write pool/"),
        "{said}"
    );
    assert!(String::from_utf8(output.stdout).unwrap().contains("result   pool\n"));
    stdout(&infoplane(folder.path(), &["report", "pool"]));
}

#[cfg(unix)]
#[test]
fn a_directory_that_is_removed_under_way_is_told() {
    let folder = TempDir::new().unwrap();
    let long = long_run("--set=schedule.points=1000");
    let child = command(folder.path(), &long).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    wait_for_rows(&folder.path().join("run"));
    fs::rename(folder.path().join("run"), folder.path().join("moved")).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = told(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("run is gone: it was removed or moved") && said.contains("into another directory"),
        "{said}"
    );
    assert!(!said.contains("resume"), "{said}");
    assert!(!folder.path().join("run").exists(), "nothing is made in its place");
}

/// The same call by somebody who is not the superuser; `None` where there is nobody else.
#[cfg(target_os = "linux")]
fn as_nobody(folder: &Path, arguments: &[&str]) -> Option<Output> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::os::unix::process::CommandExt;
    const NOBODY: u32 = 65534;
    let mut call = command(folder, arguments);
    if fs::metadata("/proc/self").unwrap().uid() == 0 {
        // The folder itself may be entered by anybody.
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
        call.uid(NOBODY).gid(NOBODY);
    }
    // It may not be allowed to run, or to enter the folders above.
    let output = call.output().ok()?;
    let reachable = command(folder, &["presets"]).uid(NOBODY).gid(NOBODY).output();
    (fs::metadata("/proc/self").unwrap().uid() != 0 || reachable.is_ok_and(|output| output.status.success()))
        .then_some(output)
}

#[cfg(target_os = "linux")]
#[test]
fn directories_of_others_are_told_with_what_to_do() {
    use std::os::unix::fs::PermissionsExt;
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    for arguments in
        [&["resume", "file"][..], &["run", "--resume", "file"], &["info", "file"], &["report", "file"]]
    {
        let said = refused(folder.path(), arguments, 2);
        assert!(said.contains("file is a file; name a directory"), "{said}");
    }
    let said = refused(folder.path(), &["resume", "absent"], 2);
    assert!(said.contains("absent holds no run: it does not exist"), "{said}");

    stdout(&infoplane(folder.path(), &SHORT));
    let run = folder.path().join("run");
    let set = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    set(&run, 0o700);
    for arguments in
        [&["resume", "run"][..], &["run", "--resume", "run"], &["info", "run"], &["export", "run"]]
    {
        if let Some(output) = as_nobody(folder.path(), arguments) {
            let said = told(&output);
            assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
            assert!(said.contains("cannot read run/manifest.toml: Permission denied"), "{said}");
            assert!(said.contains("; make it readable"), "{said}");
        }
    }
    // To be read, but not to be written to: complete, it is only read.
    set(&run, 0o755);
    if let Some(output) = as_nobody(folder.path(), &["resume", "run"]) {
        assert!(output.status.success(), "{}", told(&output));
    }
    let figure = fs::read_dir(run.join("report")).unwrap().map(|entry| entry.unwrap().path());
    fs::remove_file(figure.into_iter().find(|path| path.extension().is_some_and(|e| e == "png")).unwrap())
        .unwrap();
    if let Some(output) = as_nobody(folder.path(), &["resume", "run"]) {
        let said = told(&output);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("its figures could not be written: cannot write run/report/"), "{said}");
        assert!(said.contains("; make it writable"), "{said}");
    }
    // Not complete, it cannot go on.
    fs::remove_file(run.join("outcome.toml")).unwrap();
    if let Some(output) = as_nobody(folder.path(), &["resume", "run"]) {
        let said = told(&output);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(
            said.contains("cannot create run/lock: Permission denied") && said.contains("; make it writable"),
            "{said}"
        );
    }
}

#[cfg(target_os = "linux")]
#[test]
fn results_that_cannot_be_printed_are_an_error_and_a_reader_that_leaves_is_none() {
    let folder = TempDir::new().unwrap();
    samples(folder.path(), "x.csv", 60, 2);
    samples(folder.path(), "y.csv", 60, 2);
    stdout(&infoplane(folder.path(), &SHORT));
    for arguments in [
        &["presets"][..],
        &["presets", "saxe2018-tanh"],
        &["presets", "--keys"],
        &["presets", "--schema"],
        &["estimators"],
        &["estimators", "ksg", "--json"],
        &["info", "run"],
        &["info", "run", "--json"],
        &["report", "run"],
        &["export", "run"],
        &["export", "run", "--format", "arrow"],
        &["export", "--columns"],
        &["estimate", "entropy", "x.csv", "--quiet"],
        &["estimate", "pair", "x.csv", "y.csv", "--json", "--quiet"],
        &["calibrate", "--estimators", "gcmi", "--tasks", "normal", "--n", "50", "--repeats", "1"],
        &["completions", "bash"],
        &["reproduce", "--list"],
        &["resume", "run"],
        &["--help"],
        &["run", "--help"],
    ] {
        // However slow the machine, nothing is said of progress.
        let call = || {
            let mut call = command(folder.path(), arguments);
            call.env("INFOPLANE_PROGRESS_SECONDS", "100000");
            call
        };
        let full = fs::File::options().write(true).open("/dev/full").unwrap();
        let output = call().stdout(full).output().unwrap();
        let said = told(&output);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
        assert!(said.contains("No space left on device"), "{arguments:?}: {said}");
        assert!(!said.contains("panicked"), "{said}");
        // A pipe that nobody reads.
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = call().stdout(writer).output().unwrap();
        assert_eq!((output.status.code(), told(&output)), (Some(0), String::new()), "{arguments:?}");
    }
}

#[cfg(unix)]
#[test]
fn a_pipe_that_is_named_as_output_is_written_to_and_stays() {
    use std::os::unix::fs::FileTypeExt;
    let folder = TempDir::new().unwrap();
    stdout(&infoplane(folder.path(), &SHORT));
    let expected = stdout(&infoplane(folder.path(), &["export", "run"]));
    let pipe = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let read = {
        let pipe = pipe.clone();
        std::thread::spawn(move || fs::read_to_string(pipe).unwrap())
    };
    stdout(&infoplane(folder.path(), &["export", "run", "--out", "pipe"]));
    // Before it is read to its end, which does not come where nobody writes to it.
    assert!(fs::metadata(&pipe).unwrap().file_type().is_fifo());
    assert_eq!(read.join().unwrap(), expected);
}
