//! The command `infoplane`: train, measure and draw the information plane.

// Tests may compare with the platform's functions.
#![cfg_attr(not(test), deny(clippy::disallowed_methods))]

mod commands;
mod describe;
mod failure;
mod flags;
mod keys;
mod memory;
mod output;
mod terminal;

use std::ffi::OsString;
use std::io::{Write, stdout};
use std::process::ExitCode;

use clap::{Arg, Command, CommandFactory, FromArgMatches};
use infoplane::printable::{is_hidden, printable};

use crate::failure::Failure;

fn main() -> ExitCode {
    terminal::watch_signals(commands::is_sweep_worker());
    let arguments = match parsed(given()) {
        Ok(arguments) => arguments,
        Err(error) => return explain(error),
    };
    if arguments.quiet {
        terminal::be_quiet();
    }
    if let Err(message) = infoplane::simd::check() {
        return failure::Failure::input(message).tell();
    }
    let done = arguments.command.run().and_then(|code| {
        // What is left of the last line.
        stdout().flush()?;
        Ok(code)
    });
    done.unwrap_or_else(|failure| failure.tell())
}

/// The arguments. `-:a`, column a of standard input, would be taken for a flag.
fn given() -> impl Iterator<Item = OsString> {
    std::env::args_os().map(|given| match given.to_str().and_then(|given| given.strip_prefix("-:")) {
        Some(column) => format!("/dev/stdin:{column}").into(),
        None => given,
    })
}

fn parsed(given: impl Iterator<Item = OsString>) -> Result<commands::Arguments, clap::Error> {
    let matches = with_negative_numbers(commands::Arguments::command()).try_get_matches_from(given)?;
    commands::Arguments::from_arg_matches(&matches)
}

/// A negative number is the value of the flag before it, which says what it allows, and no flag of its own.
fn with_negative_numbers(command: Command) -> Command {
    let takes = |argument: Arg| match argument.get_action().takes_values() {
        true => argument.allow_negative_numbers(true),
        false => argument,
    };
    command.mut_args(takes).mut_subcommands(with_negative_numbers)
}

/// Says what is wrong with the arguments, or prints the help that was asked for.
fn explain(error: clap::Error) -> ExitCode {
    let given: Vec<String> = given().map(|given| given.to_string_lossy().into_owned()).collect();
    let hides = given.iter().any(|given| given.chars().any(is_hidden));
    // The same is wrong with them as they can be printed.
    let written_out = || parsed(given.iter().map(|given| printable(given).into_owned().into()));
    let error = if hides { written_out().err().unwrap_or(error) } else { error };
    let printed = error.print().and_then(|()| stdout().flush());
    match printed {
        // Help that was asked for is the result.
        Err(unprinted) if !error.use_stderr() => Failure::from(unprinted).tell(),
        _ => u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from),
    }
}
