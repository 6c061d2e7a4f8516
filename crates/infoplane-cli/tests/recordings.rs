//! Recordings of another program's activations: what the command says of them, and how it ends.

mod call;
#[cfg(unix)]
mod signals;

use std::fs;
use std::path::Path;

use call::{infoplane, stdout};
use tempfile::TempDir;

const N: usize = 30;

/// An array as NumPy saves it: `N` samples whose values depend on their class, the epoch and the column.
fn save(path: &Path, epoch: usize, shape: &[usize]) {
    let width: usize = shape.iter().product();
    let lengths: Vec<String> = [N].iter().chain(shape).map(|length| format!("{length},")).collect();
    let mut header =
        format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}), }}", lengths.join(" "));
    while (header.len() + 11) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.bytes());
    let value = |i: usize, j: usize| {
        ((i % 3) as f32 * 0.3 * epoch as f32 + ((i * 31 + j * 17 + epoch) % 23) as f32 * 0.04).tanh()
    };
    let values = (0..N).flat_map(|i| (0..width).map(move |j| value(i, j)));
    bytes.extend(values.flat_map(f32::to_le_bytes));
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

/// Activations of layers `conv` and `fc` at epochs, labels of three classes, and labels of one.
fn saved(epochs: &[usize]) -> TempDir {
    let folder = TempDir::new().unwrap();
    epochs.iter().for_each(|&epoch| save_epoch(folder.path(), epoch));
    let table = |class: fn(usize) -> usize| {
        let classes: Vec<String> = (0..N).map(|sample| class(sample).to_string()).collect();
        format!("y\n{}\n", classes.join("\n"))
    };
    fs::write(folder.path().join("y.csv"), table(|sample| sample % 3)).unwrap();
    fs::write(folder.path().join("one.csv"), table(|_| 7)).unwrap();
    folder
}

fn save_epoch(folder: &Path, epoch: usize) {
    let of_epoch = folder.join(format!("acts/epoch-{epoch:03}"));
    save(&of_epoch.join("conv.npy"), epoch, &[2, 2]);
    save(&of_epoch.join("fc.npy"), epoch, &[2]);
}

const KDE: [&str; 4] = ["--estimator", "kde", "--noise-variance", "0.01"];

/// What a call says on stderr.
fn said(output: &std::process::Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("text")
}

#[test]
fn hundreds_of_layers_are_told_in_few_lines() {
    let folder = saved(&[]);
    for epoch in [0, 5] {
        for layer in 1..=200 {
            save(&folder.path().join(format!("acts/{epoch}/block.{layer:03}.npy")), epoch, &[2]);
        }
    }
    let record = ["record", "acts", "--labels", "y.csv", "--out", "run"];
    let output = infoplane(folder.path(), &[&record[..], &KDE].concat());
    let (told, printed) = (said(&output), stdout(&output));
    assert!(told.contains("… 188 more layers …") && told.contains("block.200 (30, 2)"), "{told}");
    assert!(told.lines().count() < 25, "{told}");
    assert!(printed.contains("… 176 more layers, in summary.md …"), "{printed}");
    assert!(printed.lines().all(|line| line.chars().count() <= 100), "{printed}");
    let unknown = ["record", "acts", "--labels", "y.csv", "--layers", "conv", "--out", "other"];
    let refused = call::refused(folder.path(), &unknown, 2);
    assert!(refused.contains("block.001") && refused.contains("and 180 more"), "{refused}");
}

#[test]
fn where_no_estimator_gives_a_value_the_command_says_why_and_fails() {
    let folder = saved(&[0, 1]);
    let record = ["record", "acts", "--labels", "y.csv"];
    for json in [&[][..], &["--json"]] {
        let out = if json.is_empty() { "text" } else { "json" };
        let ksg = [&record[..], &["--estimator", "ksg", "--out", out], json].concat();
        let output = infoplane(folder.path(), &ksg);
        let told = said(&output);
        assert_eq!(output.status.code(), Some(4), "{told}");
        assert!(told.contains("KSG-1, k 3 gave no value in any of its 4 rows (needs-numbers)"), "{told}");
        assert!(told.contains("measure layers with binned, kde or noise"), "{told}");
        // The data are kept, and the report says the same.
        let info = stdout(&infoplane(folder.path(), &["info", out]));
        assert!(info.contains("finished: 2 epochs measured, 4 rows"), "{info}");
        assert!(folder.path().join(out).join("report/summary.md").exists());
    }
    let run =
        ["run", "--epochs", "1", "--seeds", "1", "--set", "estimators=[{kind=\"ksg\"}]", "--out", "trained"];
    let output = infoplane(folder.path(), &run);
    assert_eq!(output.status.code(), Some(4), "{}", said(&output));
    assert!(said(&output).contains("gave no value"), "{}", said(&output));
}

#[test]
fn where_some_values_are_there_the_command_warns_and_succeeds() {
    let folder = saved(&[0, 1]);
    let ross = ["record", "acts", "--labels", "y.csv", "--estimator", "ross", "--out", "run"];
    let output = infoplane(folder.path(), &ross);
    let told = said(&output);
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(told.contains("Ross, k 3 gave no I(X;T) in any of its 4 rows (undetermined)"), "{told}");
    // What has both values is told nothing of.
    let kde = [&["record", "acts", "--labels", "y.csv", "--out", "kde"][..], &KDE].concat();
    let output = infoplane(folder.path(), &kde);
    assert!(output.status.success() && !said(&output).contains("gave no"), "{}", said(&output));
}

#[test]
fn labels_of_one_class_are_warned_of_and_have_an_axis() {
    let folder = saved(&[0, 1]);
    let record = ["record", "acts", "--labels", "one.csv", "--out", "run"];
    let output = infoplane(folder.path(), &[&record[..], &KDE].concat());
    assert!(said(&output).contains("all labels are one class"), "{}", said(&output));
    let printed = stdout(&output);
    assert!(printed.contains("All labels are one class: H(Y) is 0, and so is I(T;Y)"), "{printed}");
    let plane = folder.path().join("run/report/plane-kde-noise-variance-0.01-upper.svg");
    let svg = fs::read_to_string(plane).unwrap();
    assert!(svg.contains(">0.0<") && svg.contains(">1.0<") && !svg.contains("e-1"), "{svg}");
}

#[test]
fn info_says_where_a_recording_comes_from() {
    let folder = saved(&[0, 5, 10]);
    // Samples i and i + 15 have the same input.
    let inputs: Vec<String> = (0..N).map(|sample| (sample % 15).to_string()).collect();
    fs::write(folder.path().join("x.csv"), format!("x\n{}\n", inputs.join("\n"))).unwrap();
    let record = ["record", "acts", "--labels", "y.csv", "--inputs", "x.csv", "--out", "run"];
    assert!(infoplane(folder.path(), &[&record[..], &KDE].concat()).status.success());
    let info = stdout(&infoplane(folder.path(), &["info", "run"]));
    for line in [
        "source      acts\n            a folder for each epoch, a file for each layer\n",
        "epochs 0 to 10: 3 epochs found\n",
        "labels y.csv: 3 classes\n",
        "inputs x.csv: 15 different of 30\n",
        "arrays conv (30, 2, 2), fc (30, 2); in the order of file name\n",
        "layers      conv 4, fc 2\n",
    ] {
        assert!(info.contains(line), "{line}\n{info}");
    }
    let json = stdout(&infoplane(folder.path(), &["info", "run", "--json"]));
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    let found = &value["manifest"]["origin"]["recorded"]["found"];
    assert_eq!((&found["layout"], &found["epochs"]["last"]), (&"folders".into(), &10.into()), "{json}");
    assert_eq!(found["arrays"][0]["shape"], serde_json::json!([30, 2, 2]), "{json}");
}

/// Waits for something that comes soon.
#[cfg(unix)]
fn until(what: &str, mut is_there: impl FnMut() -> bool) {
    let start = std::time::Instant::now();
    while !is_there() {
        assert!(start.elapsed().as_secs() < 60, "{what} did not come");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

#[cfg(unix)]
#[test]
fn a_watch_without_an_end_is_stopped_resumed_and_stopped_again() {
    use std::process::Stdio;

    let folder = saved(&[0, 1]);
    let journal = folder.path().join("run/journal.jsonl");
    let measured = |n: usize| {
        let lines = fs::read_to_string(&journal).unwrap_or_default();
        lines.lines().filter(|line| line.contains("\"measured\"")).count() == n
    };
    let watch = ["watch", "acts", "--labels", "y.csv", "--out", "run"];
    for (arguments, epochs) in [([&watch[..], &KDE].concat(), 2), (vec!["resume", "run"], 4)] {
        let mut command = call::command(folder.path(), &arguments);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        if epochs > 2 {
            // Saved while it follows again.
            (2..4).for_each(|epoch| save_epoch(folder.path(), epoch));
        }
        until("the last epoch", || measured(epochs));
        let signal = if signals::is_ignored("-INT") { "-TERM" } else { "-INT" };
        let sent = std::process::Command::new("kill").args([signal, &child.id().to_string()]).status();
        assert!(sent.unwrap().success());
        let output = child.wait_with_output().unwrap();
        let told = said(&output);
        assert_eq!(output.status.code(), Some(130), "{told}");
        assert!(told.contains(&format!("run holds {epochs} epochs")), "{told}");
        assert!(told.contains("`infoplane resume run` follows again"), "{told}");
        let info = stdout(&infoplane(folder.path(), &["info", "run"]));
        assert!(info.contains(&format!("interrupted: {epochs} epochs measured")), "{info}");
        assert!(folder.path().join("run/report/summary.md").exists());
    }
    // With an end it is completed.
    let ended = [&watch[..], &KDE, &["--idle", "1"]].concat();
    let printed = stdout(&infoplane(folder.path(), &ended));
    assert!(printed.contains("0 epochs measured") || printed.contains("measured 4 of 4 epochs"), "{printed}");
    assert!(stdout(&infoplane(folder.path(), &["info", "run"])).contains("finished: 4 epochs measured"));
}

#[test]
fn letters_that_the_figures_lack_are_named() {
    let folder = saved(&[0, 1]);
    for epoch in [0, 1] {
        save(&folder.path().join(format!("acts/epoch-{epoch:03}/層.npy")), epoch, &[2]);
    }
    let record = ["record", "acts", "--labels", "y.csv", "--out", "run"];
    let printed = stdout(&infoplane(folder.path(), &[&record[..], &KDE].concat()));
    assert!(printed.contains("the font of the figures lacks 層;"), "{printed}");
    let page = fs::read_to_string(folder.path().join("run/report/summary.md")).unwrap();
    assert_eq!(page.matches("the font of the figures lacks").count(), 1, "{page}");
    let plane = folder.path().join("run/report/plane-kde-noise-variance-0.01-upper.svg");
    assert!(fs::read_to_string(plane).unwrap().contains("層 (2)"));
    // Names that it has are not told of.
    let others = ["record", "acts", "--labels", "y.csv", "--layers", "conv,fc", "--out", "others"];
    let printed = stdout(&infoplane(folder.path(), &[&others[..], &KDE].concat()));
    assert!(!printed.contains("letters"), "{printed}");
}
