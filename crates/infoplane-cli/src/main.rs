//! The command `infoplane`: train, measure and draw the information plane.

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
    arguments.command.run().unwrap_or_else(|failure| failure.tell())
}
