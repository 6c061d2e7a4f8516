//! Calls of the built command.

use std::path::Path;
use std::process::{Command, Output, Stdio};

/// A call in a folder, as from a window of 80 columns and without anybody to answer.
pub fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_infoplane"));
    command.args(arguments).current_dir(folder).env("COLUMNS", "80").stdin(Stdio::null());
    command
}

pub fn infoplane(folder: &Path, arguments: &[&str]) -> Output {
    command(folder, arguments).output().expect("the command was built")
}

/// What a call prints that succeeds.
pub fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).expect("text")
}

/// What a failing call says, after checking its exit code.
pub fn refused(folder: &Path, arguments: &[&str], code: i32) -> String {
    let output = infoplane(folder, arguments);
    let message = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {message}");
    assert!(output.stdout.is_empty(), "a failure prints no result");
    assert!(!message.contains("panicked"), "{message}");
    message
}
