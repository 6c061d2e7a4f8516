//! The command `infoplane`: train, measure and draw the information plane.

// Tests may compare with the platform's functions.
#![cfg_attr(not(test), deny(clippy::disallowed_methods))]

mod commands;
mod describe;
mod failure;
mod flags;
mod keys;
mod output;
mod terminal;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let arguments = commands::Arguments::parse();
    if arguments.quiet {
        terminal::be_quiet();
    }
    if let Err(message) = infoplane::simd::check() {
        return failure::Failure::input(message).tell();
    }
    arguments.command.run().unwrap_or_else(|failure| failure.tell())
}
