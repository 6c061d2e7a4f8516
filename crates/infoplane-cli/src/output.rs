//! Results for programs: one JSON object, the same envelope in every command.

use std::io::{Write, stdout};

use serde_json::{Value, json};

use crate::failure::Failure;

/// Prints the keys of `object`, with the command that gave them and the version of the program.
pub fn print_json(command: &str, mut object: Value) -> Result<(), Failure> {
    object["infoplane"] = json!(env!("CARGO_PKG_VERSION"));
    object["command"] = json!(command);
    Ok(writeln!(stdout().lock(), "{object}")?)
}
