//! The command `infoplane`: train, measure and draw the information plane.

mod arguments;
mod estimate;
mod failure;
mod info;
mod progress;
mod run;

use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Command, Estimate};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match arguments.command {
        Command::Run(arguments) => run::run(&arguments),
        Command::Presets { name } => run::presets(name.as_deref()),
        Command::Info { run, json } => info::info(&run, json),
        Command::Report { run } => info::report(&run),
        Command::Estimate(Estimate::Layer(arguments)) => estimate::layer(&arguments),
    };
    result.unwrap_or_else(|failure| failure.tell())
}
