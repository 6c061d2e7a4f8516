//! The command `infoplane`: train, measure and draw the information plane.

mod arguments;
mod as_if_random;
mod bottleneck;
mod calibrate;
mod estimate;
mod estimators;
mod failure;
mod info;
mod method;
mod progress;
mod reproduce;
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
        Command::Report { run, only_learned } => info::report(&run, only_learned),
        Command::AsIfRandom(arguments) => as_if_random::as_if_random(&arguments),
        Command::Estimate(estimate) => match *estimate {
            Estimate::Pair(arguments) => estimate::pair(&arguments),
            Estimate::Entropy(arguments) => estimate::entropy(&arguments),
            Estimate::TotalCorrelation(arguments) => estimate::total_correlation(&arguments),
            Estimate::Layer(arguments) => estimate::layer(&arguments),
        },
        Command::Estimators(arguments) => estimators::estimators(&arguments),
        Command::Bottleneck(arguments) => bottleneck::bottleneck(&arguments),
        Command::Calibrate(arguments) => calibrate::calibrate(&arguments),
        Command::Reproduce(arguments) => reproduce::reproduce(&arguments),
    };
    result.unwrap_or_else(|failure| failure.tell())
}
